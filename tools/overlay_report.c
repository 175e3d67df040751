/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What there is of overlay networks on this node, and what is wrong with it.
 *
 * Desired is what the state in /run says, and for a network with an agent what the agent says, or,
 * if it does not run, what it left on disk; actual is what the kernel has and what the peers
 * answer. Nothing is changed.
 */
#include "overlay_report.h"

#include "args.h"
#include "cleanup.h"
#include "flannel.h"
#include "overlay_agent.h"
#include "overlay_bridge.h"
#include "overlay_device.h"
#include "overlay_entries.h"
#include "overlay_filter.h"
#include "overlay_probe.h"

#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <string.h>

#define NAME_STRLEN (OVERLAY_NODE_MAX + IP_STRLEN + 16)

/* One VXLAN device. A network of an agent may have two, one for each family. */
struct leg {
	struct overlay_state st; /* what it carries; owns nothing */
	bool second;
	uint8_t mac[6]; /* as it should be */
	bool know_mac;
	struct link_info link;
	bool found;
};

/* One network, while it is looked at. */
struct look {
	struct overlay_state st;
	json_t *of_agent; /* the agent's or the snapshot's object; NULL: none */
	struct leg leg[2];
	int n_legs;
	struct link_info bridge; /* mode "l2"; index 0: it is missing */
	bool know_peers;
	struct overlay_list want, have;
	struct overlay_diff diff;
	struct overlay_probe *probe;
	json_t *out, *problems; /* problems is borrowed from out */
};

static void look_free(struct look *l)
{
	overlay_state_free(&l->st);
	overlay_list_free(&l->want);
	overlay_list_free(&l->have);
	overlay_diff_free(&l->diff);
	overlay_probe_free(l->probe);
	json_decref(l->of_agent);
}

#define autolook __attribute__((cleanup(look_free)))

__attribute__((format(printf, 2, 3))) static void problem(json_t *problems, const char *fmt, ...)
{
	char text[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_sanitize(text);
	json_array_append_new(problems, json_string(text));
}

static void problem_of(json_t *problems, const struct cni_err *err)
{
	problem(problems, "%s%s%s", err->msg, err->details[0] ? ": " : "", err->details);
}

/* What all networks share. */
struct inquiry {
	const struct overlay_report_how *how;
	json_t *answer;	    /* the agent's; NULL: none */
	struct cni_err err; /* why */
};

/* ---- the agent ---- */

static int add_peers(const json_t *array, uint32_t vni, struct overlay_peer **all, size_t *n)
{
	autofree struct overlay_peer *some = NULL;
	size_t n_some = 0;

	if (overlay_peers_parse(array, vni, &some, &n_some) < 0)
		return -EBADMSG;
	*all = realloc(*all, (*n + n_some + 1) * sizeof(**all));
	if (!*all)
		abort();
	memcpy(*all + *n, some, n_some * sizeof(*some));
	*n += n_some;
	return 0;
}

/* The peers as one list, or as a list for each device. */
static int take_peers(struct look *l, const json_t *obj)
{
	struct overlay_peer *all = NULL;
	const json_t *leg;
	size_t n = 0, i;
	int r = add_peers(json_object_get(obj, "peers"), l->st.vni, &all, &n);

	json_array_foreach (json_object_get(obj, "legs"), i, leg)
		if (r == 0)
			r = add_peers(json_object_get(leg, "peers"), l->st.vni, &all, &n);
	if (r < 0) {
		free(all);
		return r;
	}
	overlay_state_take_peers(&l->st, all, n);
	return 0;
}

static long long number_of(const json_t *obj, const char *key)
{
	return (long long)json_integer_value(json_object_get(obj, key));
}

static void judge_store(json_t *problems, const json_t *obj)
{
	const json_t *store = json_object_get(obj, "store");
	const char *last = json_string_value(json_object_get(store, "lastError"));

	if (store && !json_is_true(json_object_get(store, "connected")))
		problem(problems, "the agent has no connection to the store%s%s",
			last && *last ? ": " : "", last ? last : "");
	if (json_is_true(json_object_get(obj, "fromSnapshot")))
		problem(problems, "the store has not answered since the agent was started: the "
				  "peers are those of its snapshot");
	if (number_of(obj, "refused"))
		problem(problems, "%lld records of the store are bad and refused",
			number_of(obj, "refused"));
	if (json_is_true(json_object_get(obj, "held")))
		problem(problems,
			"%lld peers are kept though the store has lost them: more than half "
			"vanished at once",
			number_of(obj, "heldPeers"));
}

static void judge_agent(json_t *problems, const json_t *obj)
{
	static const char *const sentences[] = { "conflict", "lastError" };

	judge_store(problems, obj);
	for (size_t i = 0; i < ARRAY_SIZE(sentences); i++) {
		const char *text = json_string_value(json_object_get(obj, sentences[i]));

		if (text && *text)
			problem(problems, "the agent says: %s", text);
	}
}

static const json_t *network_in(const json_t *answer, const char *network)
{
	const json_t *obj;
	size_t i;

	json_array_foreach (json_object_get(answer, "networks"), i, obj) {
		const char *name = json_string_value(json_object_get(obj, "network"));

		if (name && strcmp(name, network) == 0)
			return obj;
	}
	return NULL;
}

static void use_snapshot(struct look *l, const struct cni_err *why)
{
	struct cni_err err = { 0 };

	l->of_agent = overlay_agent_snapshot(l->st.network, &err);
	if (l->of_agent)
		problem(l->problems, "%s: the peers are those of its snapshot", why->msg);
	else
		problem(l->problems, "%s, and there is no snapshot: %s", why->msg, err.msg);
}

/* What is shown of the agent's answer; @obj: about the network, NULL: nothing. */
static void show_agent(struct look *l, const json_t *answer, const json_t *obj)
{
	static const char *const shown[] = { "store",	"held",	     "heldPeers",  "conflict",
					     "refused", "lastError", "errorSince", "fromSnapshot" };
	json_t *agent = json_pack("{s:b}", "running", answer != NULL);

	json_object_update(agent, json_object_get(answer, "agent"));
	json_object_set_new(l->out, "agent", agent);
	for (size_t i = 0; obj && i < ARRAY_SIZE(shown); i++)
		if (json_object_get(obj, shown[i]))
			json_object_set(l->out, shown[i], json_object_get(obj, shown[i]));
}

static void take_answer(struct look *l, const struct inquiry *q)
{
	struct cni_err err = q->err;
	const json_t *obj = network_in(q->answer, l->st.network);
	const char *node;

	if (obj)
		l->of_agent = json_incref((json_t *)obj);
	else if (q->answer)
		cni_fail(&err, CNI_E_UNKNOWN, 0, "the agent does not know this network");
	show_agent(l, q->answer, obj);
	if (obj)
		judge_agent(l->problems, obj);
	else
		use_snapshot(l, &err);
	if (!obj && json_object_get(l->of_agent, "at"))
		json_object_set(l->out, "snapshotOf", json_object_get(l->of_agent, "at"));
	node = json_string_value(json_object_get(l->of_agent, "node"));
	if (node)
		snprintf(l->st.node, sizeof(l->st.node), "%s", node);
	l->know_peers = l->of_agent && take_peers(l, l->of_agent) == 0;
	if (l->of_agent && !l->know_peers)
		problem(l->problems, "the agent's list of peers is damaged");
}

/* ---- devices ---- */

/* A device that carries one family, or both. */
static struct leg *add_leg(struct look *l, bool second)
{
	struct leg *leg = &l->leg[l->n_legs++];

	leg->st = l->st;
	leg->second = second;
	if (l->st.node[0]) {
		overlay_mac(l->st.node, l->st.vni, leg->mac);
		leg->know_mac = true;
	}
	return leg;
}

static void add_agent_leg(struct look *l, const json_t *obj, bool both)
{
	const char *local = json_string_value(json_object_get(obj, "local"));
	const char *mac = json_string_value(json_object_get(obj, "mac"));
	struct ip_addr ip;
	struct leg *leg;
	int other;

	if (!local || ip_parse(local, &ip) < 0)
		return;
	leg = add_leg(l, both && ip.family == AF_INET6);
	leg->st.local = ip;
	if (mac && mac_parse(mac, leg->mac) == 0)
		leg->know_mac = true;
	if (!both)
		return;
	other = ip.family == AF_INET;
	leg->st.net[other].ip.family = 0;
	leg->st.subnet[other].ip.family = 0;
}

/* Another daemon has a device for each family, if its backend needs one. */
static void add_foreign_legs(struct look *l)
{
	for (int i = 0; i < 2; i++)
		if (l->st.subnet[i].ip.family)
			add_leg(l, i == 1);
}

static void find_legs(struct look *l)
{
	const json_t *legs = json_object_get(l->of_agent, "legs"), *obj;
	size_t i;

	if (l->st.foreign) {
		add_foreign_legs(l);
		return;
	}

	json_array_foreach (legs, i, obj)
		if (l->n_legs < 2)
			add_agent_leg(l, obj, json_array_size(legs) > 1);
	if (l->n_legs == 0)
		add_leg(l, false);
}

static int leg_of(const struct look *l, const struct overlay_peer *p)
{
	return l->n_legs == 2 && p->vtep.family != l->leg[0].st.local.family;
}

static char *device_name(const struct look *l, const struct leg *leg, char name[OVERLAY_DEVICE_MAX])
{
	return l->st.foreign ? flannel_device_name(l->st.vni, leg->second, name)
			     : overlay_device_name(l->st.vni, leg->second, name);
}

/* What is not known of how it should be is taken from how it is. */
static void check_device(struct look *l, struct leg *leg, struct nlk *nl)
{
	struct overlay_device want = { .st = &leg->st, .second = leg->second };
	struct cni_err err = { 0 };
	char name[OVERLAY_DEVICE_MAX];

	leg->found = link_get(nl, device_name(l, leg, name), &leg->link) == 0;
	if (l->st.foreign)
		return;
	/* the containers', of an agent's network with one device: with two it is the lesser */
	want.mtu = l->st.managed && l->st.mtu && l->n_legs == 1 ? l->st.mtu : leg->link.mtu;
	memcpy(want.mac, leg->know_mac ? leg->mac : leg->link.mac, sizeof(want.mac));
	if (overlay_device_check(nl, &want, &leg->link, &err) < 0)
		problem_of(l->problems, &err);
}

/* In mode "l2" its gateway is the bridge's, and the device a port. */
static void check_bridge(struct look *l, struct nlk *nl)
{
	struct overlay_device want = { .st = &l->leg[0].st, .mtu = l->leg[0].link.mtu };
	char name[OVERLAY_DEVICE_MAX];
	struct cni_err err = { 0 };

	memcpy(want.mac, l->leg[0].link.mac, sizeof(want.mac));
	if (link_get(nl, overlay_bridge_name(l->st.vni, name), &l->bridge) < 0)
		l->bridge.index = 0;
	/* without the device nothing is known of how it should be */
	if (l->leg[0].found &&
	    overlay_bridge_check(nl, &want, &l->leg[0].link, &l->bridge, &err) < 0)
		problem_of(l->problems, &err);
}

static json_t *device_json(const char *name, const char *kind, const struct link_info *link)
{
	char mac[MAC_STRLEN];
	json_t *obj = json_pack("{s:s, s:s, s:s}", "name", name, "kind", kind, "state",
				!link->index	       ? "missing"
				: link->flags & IFF_UP ? "up"
						       : "down");

	if (link->index)
		json_object_update_new(obj, json_pack("{s:i, s:s}", "mtu", link->mtu, "mac",
						      mac_str(link->mac, mac)));
	return obj;
}

static void look_at_devices(struct look *l, struct nlk *nl)
{
	json_t *devices = json_array();
	char name[OVERLAY_DEVICE_MAX];

	for (int i = 0; i < l->n_legs; i++) {
		check_device(l, &l->leg[i], nl);
		device_name(l, &l->leg[i], name);
		if (l->leg[i].found || !l->st.foreign)
			json_array_append_new(devices, device_json(name, "vxlan", &l->leg[i].link));
	}
	if (l->st.l2) {
		check_bridge(l, nl);
		overlay_bridge_name(l->st.vni, name);
		json_array_append_new(devices, device_json(name, "bridge", &l->bridge));
	}
	json_object_set_new(l->out, "devices", devices);
}

/* ---- entries ---- */

static bool is_direct(const struct look *l, const struct overlay_entry *e,
		      const struct overlay_peer *p, const struct ip_net *subnet)
{
	return e->kind == OVERLAY_ROUTE && e->oif != l->leg[leg_of(l, p)].link.index &&
	       e->dst.len == subnet->len && ip_equal(&e->dst.ip, &subnet->ip) &&
	       ip_equal(&e->to, &p->vtep);
}

/* With directRouting the routes that are there tell who is near. */
static bool want_direct(const struct look *l, const struct overlay_peer *p,
			const struct ip_net *subnet, struct overlay_list *list)
{
	for (size_t i = 0; l->st.direct && i < l->have.n; i++)
		if (is_direct(l, &l->have.e[i], p, subnet)) {
			overlay_list_direct(list, l->have.e[i].oif, subnet, &p->vtep);
			return true;
		}
	return false;
}

/* What the kernel should have for a peer. Return: whether a route passes the device by. */
static bool want_peer(const struct look *l, const struct overlay_peer *p, struct overlay_list *list)
{
	const struct leg *leg = &l->leg[leg_of(l, p)];
	bool direct = false;

	if (l->st.l2) {
		overlay_list_flood(list, leg->link.index, &p->vtep);
		return false;
	}
	for (int k = 0; k < OVERLAY_FAMILIES; k++) {
		if (!p->subnet[k].ip.family || !leg->st.net[k].ip.family)
			continue;
		if (want_direct(l, p, &p->subnet[k], list))
			direct = true;
		else
			overlay_list_peer(list, leg->link.index, &p->subnet[k], p->mac, &p->vtep);
	}
	return direct;
}

/* With EVPN they are not ours. */
static void look_at_entries(struct look *l, struct nlk *nl)
{
	static const struct ip_net no_routes[2];
	char text[OVERLAY_ENTRY_STRLEN];
	int r = 0;

	for (int i = 0; i < l->n_legs && r == 0 && !l->st.evpn; i++)
		r = overlay_list_read(nl, l->leg[i].link.index,
				      l->st.l2 ? no_routes : l->leg[i].st.net, &l->have);
	if (r < 0) {
		problem(l->problems, "list the entries of the peers: %s", strerror(-r));
		return;
	}
	for (size_t i = 0; i < l->st.n_peers && !l->st.evpn; i++)
		want_peer(l, &l->st.peers[i], &l->want);
	overlay_list_diff(&l->want, &l->have, &l->diff);
	for (size_t i = 0; i < l->diff.del.n && l->know_peers; i++)
		problem(l->problems, "%s is of no peer",
			overlay_entry_str(&l->diff.del.e[i], text));
}

/* Of one peer: how many there should be, and which are missing. */
static json_t *entries_json(const struct look *l, const struct overlay_peer *p)
{
	autolist struct overlay_list want = { 0 }, none = { 0 };
	autodiff struct overlay_diff all = { 0 };
	json_t *missing = json_array();
	char text[OVERLAY_ENTRY_STRLEN];
	bool direct = want_peer(l, p, &want), same;

	overlay_list_diff(&want, &none, &all);
	for (size_t i = 0; i < want.n; i++)
		if (overlay_list_find(&l->diff.add, &want.e[i], &same))
			json_array_append_new(missing,
					      json_string(overlay_entry_str(&want.e[i], text)));
	return json_pack("{s:i, s:o, s:b}", "expected", (int)want.n, "missing", missing, "direct",
			 (int)direct);
}

/* ---- the table ---- */

static void look_at_table(struct look *l)
{
	char name[OVERLAY_TABLE_MAX];
	struct cni_err err = { 0 };
	int r = overlay_filter_check(&l->st, &err);

	if (r < 0)
		problem_of(l->problems, &err);
	json_object_set_new(l->out, "table",
			    json_pack("{s:s, s:s, s:b}", "family", "inet", "name",
				      overlay_table_name(l->st.vni, name), "whole", r == 0));
}

/* ---- probes ---- */

/* A node's own address in a subnet. */
static struct ip_addr address_in(const struct look *l, const struct ip_net *subnet)
{
	return l->st.l2 ? ip_add(&subnet->ip, 1) : subnet->ip;
}

/* Each subnet of a peer, in the order of peers and families. */
static size_t list_targets(const struct look *l, struct overlay_probe_target *targets)
{
	size_t n = 0;

	for (size_t i = 0; i < l->st.n_peers; i++) {
		const struct overlay_peer *p = &l->st.peers[i];
		const struct leg *leg = &l->leg[leg_of(l, p)];

		for (int k = 0; k < OVERLAY_FAMILIES; k++)
			if (p->subnet[k].ip.family && leg->st.net[k].ip.family)
				targets[n++] =
					(struct overlay_probe_target){ address_in(l, &p->subnet[k]),
								       leg->link.mtu };
	}
	return n;
}

static void set_source(const struct look *l, const struct leg *leg, struct overlay_probe_conf *conf)
{
	int device = l->st.l2 ? l->bridge.index : leg->link.index;

	for (int k = 0; k < OVERLAY_FAMILIES; k++)
		if (leg->st.subnet[k].ip.family) {
			conf->from[k] = address_in(l, &leg->st.subnet[k]);
			/* what goes past the device comes back past it */
			conf->device[k] = l->st.direct ? 0 : device;
		}
}

static void run_probe(struct look *l, const struct overlay_report_how *how)
{
	struct overlay_probe_conf conf = { .timeout_ms = how->timeout_ms };
	autofree struct overlay_probe_target *targets =
		calloc(2 * l->st.n_peers + 1, sizeof(*targets));
	size_t n;
	int r;

	if (!targets)
		abort();
	n = list_targets(l, targets);
	for (int i = 0; i < l->n_legs; i++)
		set_source(l, &l->leg[i], &conf);
	r = overlay_probe_start(&conf, targets, n, overlay_probe_now(), &l->probe);
	if (r < 0)
		problem(l->problems, "the peers cannot be probed: %s", strerror(-r));
	else
		overlay_probe_run(l->probe);
}

static json_t *probe_json(const struct ip_addr *ip, const struct overlay_probe_result *r)
{
	char text[IP_STRLEN];
	json_t *obj = json_pack("{s:s, s:b}", "address", ip_str(ip, text), "reachable",
				(int)r->reachable);

	if (r->reachable)
		json_object_set_new(obj, "rttMicroseconds", json_integer(r->rtt_us));
	if (r->mtu)
		json_object_update_new(
			obj, json_pack("{s:i, s:b}", "mtu", r->mtu, "mtuExact", (int)r->exact));
	if (r->error)
		json_object_set_new(obj, "error", json_string(strerror(-r->error)));
	return obj;
}

/* ---- peers ---- */

static const char *name_of(const struct overlay_peer *p, char buf[NAME_STRLEN])
{
	char vtep[IP_STRLEN];

	ip_str(&p->vtep, vtep);
	if (p->node[0])
		snprintf(buf, NAME_STRLEN, "node %s (%s)", p->node, vtep);
	else
		snprintf(buf, NAME_STRLEN, "the node at %s", vtep);
	return buf;
}

static void judge_probe(const struct look *l, const struct overlay_peer *p,
			const struct ip_addr *ip, const struct overlay_probe_result *r)
{
	char name[NAME_STRLEN], text[IP_STRLEN];
	int mtu = l->leg[leg_of(l, p)].link.mtu;

	name_of(p, name);
	if (!r->reachable)
		problem(l->problems, "%s does not answer at %s%s%s", name, ip_str(ip, text),
			r->error ? ": " : "", r->error ? strerror(-r->error) : "");
	else if (r->mtu && r->mtu < mtu)
		problem(l->problems,
			"%s: packets of more than %d bytes do not come back from %s, though the "
			"MTU is %d%s",
			name, r->mtu, ip_str(ip, text), mtu,
			r->exact ? "" : " (there was no time to look for more)");
}

/* What the probes of a peer come to; @at: number of its first target, moved on. */
static void add_probes(const struct look *l, const struct overlay_peer *p, json_t *row, size_t *at)
{
	const struct leg *leg = &l->leg[leg_of(l, p)];
	json_t *probes = json_array();
	int n = 0, reached = 0, rtt = 0, mtu = 0;

	for (int k = 0; k < OVERLAY_FAMILIES; k++) {
		const struct overlay_probe_result *r;
		struct ip_addr ip = address_in(l, &p->subnet[k]);

		if (!p->subnet[k].ip.family || !leg->st.net[k].ip.family)
			continue;
		r = overlay_probe_result(l->probe, (*at)++);
		json_array_append_new(probes, probe_json(&ip, r));
		judge_probe(l, p, &ip, r);
		n++;
		reached += r->reachable;
		if (r->reachable && (!rtt || r->rtt_us < rtt))
			rtt = r->rtt_us;
		if (r->mtu && (!mtu || r->mtu < mtu))
			mtu = r->mtu;
	}
	json_object_set_new(row, "probes", probes);
	if (n)
		json_object_set_new(row, "reachable", json_boolean(reached == n));
	if (rtt)
		json_object_set_new(row, "rttMicroseconds", json_integer(rtt));
	if (mtu)
		json_object_update_new(
			row, json_pack("{s:i, s:b}", "mtu", mtu, "mtuShort", mtu < leg->link.mtu));
}

static void judge_entries(const struct look *l, const struct overlay_peer *p, const json_t *entries)
{
	const json_t *missing = json_object_get(entries, "missing"), *text;
	char name[NAME_STRLEN];
	size_t i;

	/* without a device all are missing, and that has been said */
	if (!l->leg[leg_of(l, p)].found)
		return;
	json_array_foreach (missing, i, text)
		problem(l->problems, "%s: %s is missing", name_of(p, name),
			json_string_value(text));
}

static json_t *peer_row(const struct look *l, const struct overlay_peer *p, size_t *at)
{
	json_t *row = overlay_peer_json(p, l->st.vni);
	json_t *entries = l->st.evpn ? NULL : entries_json(l, p);
	char mac[MAC_STRLEN], device[OVERLAY_DEVICE_MAX];

	json_object_set_new(row, "mac", json_string(mac_str(p->mac, mac)));
	json_object_set_new(row, "device",
			    json_string(device_name(l, &l->leg[leg_of(l, p)], device)));
	if (entries) {
		json_object_set_new(row, "entries", entries);
		judge_entries(l, p, entries);
	}
	if (l->probe)
		add_probes(l, p, row, at);
	return row;
}

static void list_peers(struct look *l)
{
	json_t *rows = json_array();
	size_t at = 0;

	for (size_t i = 0; i < l->st.n_peers; i++)
		json_array_append_new(rows, peer_row(l, &l->st.peers[i], &at));
	json_object_set_new(l->out, "peers", rows);
}

/* ---- a network ---- */

/* A state of an older version has no peers. */
static void find_static_peers(struct look *l)
{
	l->know_peers = l->st.n_peers || !l->st.n_vteps;
	if (!l->know_peers)
		problem(l->problems, "the peers are known to an older version only: the next ADD "
				     "of a container writes them down anew");
}

static void describe(struct look *l)
{
	json_auto_t *state = overlay_state_json(&l->st);
	char local[IP_STRLEN];

	if (l->st.foreign)
		json_object_set_new(l->out, "store", json_pack("{s:s}", "type", "flannel"));
	json_object_update_new(
		l->out, json_pack("{s:I, s:i, s:s, s:b, s:b, s:b, s:s, s:s, s:O, s:O}", "vni",
				  (json_int_t)l->st.vni, "port", (int)l->st.port, "mode",
				  overlay_state_mode(&l->st), "evpn", (int)l->st.evpn, "managed",
				  (int)l->st.managed, "directRouting", (int)l->st.direct, "node",
				  l->st.node, "vtep", ip_str(&l->st.local, local), "networks",
				  json_object_get(state, "networks"), "subnets",
				  json_object_get(state, "subnets")));
}

/* Return: false for a network that there is nothing of on this node. */
static bool begin(struct look *l, const char *network, const struct inquiry *q)
{
	int r = overlay_state_read(network, &l->st);
	const json_t *obj = network_in(q->answer, network);

	l->out = json_pack("{s:s, s:[]}", "network", network, "problems");
	l->problems = json_object_get(l->out, "problems");
	if (r == 0)
		return true;
	if (r == -ENOENT && obj) {
		json_object_set_new(l->out, "managed", json_true());
		show_agent(l, q->answer, obj);
		problem(l->problems, "the agent has not made the network on this node yet");
		judge_agent(l->problems, obj);
	} else {
		problem(l->problems, "read " OVERLAY_STATE_DIR "/%s: %s", network,
			r == -EBADMSG ? "the file is damaged" : strerror(-r));
	}
	return false;
}

static json_t *look_at(const char *network, const struct inquiry *q)
{
	autolook struct look l = { 0 };
	autonlk struct nlk nl = { 0 };
	int r;

	if (!begin(&l, network, q))
		return l.out;
	r = nlk_open(&nl);
	if (r < 0) {
		problem(l.problems, "open a netlink socket: %s", strerror(-r));
		return l.out;
	}
	if (l.st.managed)
		take_answer(&l, q);
	else if (!l.st.foreign)
		find_static_peers(&l);
	describe(&l);
	find_legs(&l);
	look_at_devices(&l, &nl);
	if (!l.st.managed || l.know_peers)
		look_at_table(&l);
	if (!l.st.foreign)
		look_at_entries(&l, &nl);
	if (q->how->probe && l.st.n_peers)
		run_probe(&l, q->how);
	list_peers(&l);
	return l.out;
}

/* ---- all of them ---- */

static bool is_name(const char *name)
{
	return *name && *name != '.' && !strchr(name, '/') && strlen(name) <= NAME_MAX;
}

static bool has_state(const char *network)
{
	autostate struct overlay_state st = { 0 };

	return overlay_state_read(network, &st) != -ENOENT;
}

static int is_network(const struct dirent *e)
{
	return is_name(e->d_name);
}

/* Those of the agent that it has not made yet come last. */
static json_t *look_at_all(const struct inquiry *q, struct cni_err *err)
{
	struct dirent **names = NULL;
	const json_t *obj;
	json_t *report;
	size_t k;
	int n = scandir(OVERLAY_STATE_DIR, &names, is_network, alphasort);

	if (n < 0 && errno != ENOENT) {
		cni_fail(err, CNI_E_IO, errno, "read " OVERLAY_STATE_DIR);
		return NULL;
	}
	report = json_array();
	for (int i = 0; i < n; i++) {
		json_array_append_new(report, look_at(names[i]->d_name, q));
		free(names[i]);
	}
	free(names);
	json_array_foreach (json_object_get(q->answer, "networks"), k, obj) {
		const char *name = json_string_value(json_object_get(obj, "network"));

		if (name && is_name(name) && !has_state(name))
			json_array_append_new(report, look_at(name, q));
	}
	return report;
}

json_t *overlay_report(const char *network, const struct overlay_report_how *how,
		       struct cni_err *err)
{
	struct inquiry q = { .how = how };
	json_t *report = NULL;

	q.answer = overlay_agent_ask(&q.err);
	if (!network)
		report = look_at_all(&q, err);
	else if (is_name(network) && (has_state(network) || network_in(q.answer, network)))
		report = json_pack("[o]", look_at(network, &q));
	else
		cni_fail(err, CNI_E_UNKNOWN, 0, "this node has no overlay network \"%.80s\"",
			 network);
	json_decref(q.answer);
	return report;
}

size_t overlay_report_problems(const json_t *report)
{
	const json_t *network;
	size_t i, n = 0;

	json_array_foreach (report, i, network)
		n += json_array_size(json_object_get(network, "problems"));
	return n;
}
