/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bandwidth: limits how fast a container sends and receives.
 *
 * Theory of operation. It is chained behind a plugin that made a veth pair, and works on the host's
 * end of it; the container's end stays free for others. A queue can only be put where packets are
 * sent. After ADD there is
 *   - to limit what the container receives (ingress): a token bucket filter (TBF) as root qdisc of
 *     the host's end;
 *   - to limit what it sends (egress): an IFB device bwp<hash>, with a TBF; and on the host's end
 *     an ingress qdisc with a filter that redirects what comes in to that device, which gives it
 *     back behind its queue;
 *   - a record of it.
 * With shapedSubnets or unshapedSubnets only part of the traffic is limited. Then a qdisc "clsact"
 * holds filters for both directions, each with an IFB device of its own: filters that redirect
 * subnets, or that accept them in front of one that redirects everything else. The root stays free.
 *
 * A packet may wait 25 ms, as in the reference; what would wait longer is dropped. Rates have 64
 * bits. A burst is brought to between one packet and 4 GiB, which is what the kernel can do.
 *
 * DEL, GC and rollback are bandwidth_remove(). Whether somebody else uses the places of the qdiscs
 * is found out before anything is made, so that nothing of others is ever removed.
 */
#include "args.h"
#include "chain.h"
#include "cleanup.h"
#include "link.h"
#include "log.h"
#include "netns.h"
#include "overlay_fast.h"
#include "plugins/bandwidth_conf.h"
#include "plugins/bandwidth_record.h"
#include "tc.h"

#include <linux/if_ether.h>
#include <string.h>

#define LATENCY_MS    25
#define MIN_QUEUE_LEN 1000 /* packets; an IFB of length 0 stops after each */

/* What ADD and CHECK carry from step to step. */
struct shape {
	const struct cni_call *call;
	const struct bandwidth_conf *conf;
	struct nlk host;
	int inner, outer;     /* ifindex of the container's end; of the host's, as that says */
	struct link_info end; /* the host's end */
	struct bandwidth_ids ids;
	struct link_info ifb, ingress_ifb;
	struct tc_rate ingress, egress;
	bool foreign; /* made by the Go plugin, which rounds bursts otherwise */
};

static bool is_limited(const struct bandwidth_conf *conf)
{
	return conf->ingress_rate > 0 || conf->egress_rate > 0;
}

/* What is to be made: a root qdisc, a qdisc that holds filters, an IFB for each direction. */
static bool wants_root(const struct bandwidth_conf *conf)
{
	return conf->ingress_rate > 0 && !conf->n_subnets;
}

static const char *wanted_hook(const struct bandwidth_conf *conf)
{
	return conf->n_subnets ? "clsact" : conf->egress_rate > 0 ? "ingress" : NULL;
}

static bool wants_ingress_ifb(const struct bandwidth_conf *conf)
{
	return conf->ingress_rate > 0 && conf->n_subnets > 0;
}

/* From bits to what the kernel can do with packets of an MTU. */
static struct tc_rate make_rate(int64_t bits_per_s, int64_t burst_bits, int mtu)
{
	uint64_t rate = (uint64_t)bits_per_s / 8, burst = (uint64_t)burst_bits / 8, limit;

	if (burst < (uint64_t)mtu + ETH_HLEN)
		burst = mtu + ETH_HLEN;
	if (burst > UINT32_MAX)
		burst = UINT32_MAX;
	limit = rate / 1000 * LATENCY_MS + rate % 1000 * LATENCY_MS / 1000 + burst;
	return (struct tc_rate){
		.bytes_per_s = rate,
		.burst = (uint32_t)burst,
		.limit = limit > UINT32_MAX ? UINT32_MAX : (uint32_t)limit,
	};
}

/* ---- the host's end ---- */

static int look_inside(void *arg, struct cni_err *err)
{
	struct shape *s = arg;
	autonlk struct nlk nl = { 0 };
	struct link_info info;
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	r = link_get(&nl, s->call->ifname, &info);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up %s in the container",
				s->call->ifname);
	if (strcmp(info.kind, "veth") != 0 || !info.peer)
		return cni_fail(err, CNI_E_CONF, 0,
				"%s in the container is no veth: bandwidth needs a plugin before "
				"it that makes a veth pair",
				s->call->ifname);
	s->inner = info.index;
	s->outer = info.peer;
	return 0;
}

static bool is_in_result(const struct cni_result *prev, const char *name)
{
	for (size_t i = 0; i < prev->n_ifaces; i++)
		if (!*prev->ifaces[i].sandbox && strcmp(prev->ifaces[i].name, name) == 0)
			return true;
	return false;
}

/* The other end must be here, and a plugin before us must have said so. */
static int find_end(struct shape *s, struct cni_err *err)
{
	autoclose int fd = netns_open(s->call->netns, err);
	int r = fd < 0 ? fd : netns_run(fd, look_inside, s, err);

	if (r < 0)
		return r;
	r = nlk_open(&s->host);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = link_get_index(&s->host, s->outer, &s->end);
	if (r == -ENODEV ||
	    (r == 0 && (strcmp(s->end.kind, "veth") != 0 || s->end.peer != s->inner ||
			!is_in_result(s->call->prev, s->end.name))))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"prevResult.interfaces\": none of them is the host's end of %s",
				s->call->ifname);
	if (r < 0)
		return nlk_fail(err, &s->host, CNI_E_FAILED, r, "look up the host's end of %s",
				s->call->ifname);
	s->ingress = make_rate(s->conf->ingress_rate, s->conf->ingress_burst, s->end.mtu);
	s->egress = make_rate(s->conf->egress_rate, s->conf->egress_burst, s->end.mtu);
	return 0;
}

/* Somebody else's qdisc is not replaced. */
static int refuse_taken(struct shape *s, uint32_t parent, const char *key, struct cni_err *err)
{
	struct tc_info info;
	int r = tc_get_qdisc(&s->host, s->end.index, parent, &info);

	if (r < 0)
		return nlk_fail(err, &s->host, CNI_E_FAILED, r, "look at the qdiscs of %s",
				s->end.name);
	if (!info.kind[0])
		return 0;
	return cni_fail(err, CNI_E_FAILED, EEXIST,
			"\"%s\": %s has a qdisc \"%s\" with handle %x: at its %s already, which "
			"another plugin or program has put there",
			key, s->end.name, info.kind, info.handle >> 16,
			parent == TC_H_ROOT ? "root" : "ingress");
}

static int refuse_conflicts(struct shape *s, struct cni_err *err)
{
	const struct bandwidth_conf *conf = s->conf;
	int r = 0;

	if (wants_root(conf))
		r = refuse_taken(s, TC_H_ROOT, "ingressRate", err);
	if (r == 0 && wanted_hook(conf))
		r = refuse_taken(s, TC_H_INGRESS, conf->egress_rate ? "egressRate" : "ingressRate",
				 err);
	return r;
}

/* ---- DEL, GC, rollback ---- */

static int remove_key(const struct state_key *key, const void *arg, struct cni_err *err)
{
	(void)arg;
	return bandwidth_remove(key, false, true, err);
}

/* undo_fn */
static int undo_shape(const void *arg, struct cni_err *err)
{
	struct state_key key = chain_key(arg);

	return bandwidth_remove(&key, false, true, err);
}

/* ---- ADD ---- */

/* The reference's name for the IFB, unless another interface of the container has it. */
static int choose_ifb(struct shape *s, struct cni_err *err)
{
	struct state_key key = chain_key(s->call);
	struct link_info info;
	int r;

	bandwidth_ids(&key, &s->ids);
	if (!s->conf->egress_rate)
		return 0;
	r = link_get(&s->host, s->ids.ifb, &info);
	if (r < 0 && r != -ENODEV)
		return nlk_fail(err, &s->host, CNI_E_FAILED, r, "look up link %s", s->ids.ifb);
	if (r == 0)
		memcpy(s->ids.ifb, s->ids.second_ifb, sizeof(s->ids.ifb));
	return 0;
}

static int write_record(const struct shape *s, struct undo *undo, struct cni_err *err)
{
	const struct bandwidth_conf *conf = s->conf;
	struct state_key key = chain_key(s->call);
	json_auto_t *record =
		json_pack("{s:s, s:i, s:s*, s:s*, s:s*, s:s*}", "hostInterface", s->end.name,
			  "hostIndex", s->end.index, "root", wants_root(conf) ? "tbf" : NULL,
			  "hook", wanted_hook(conf), "ifb", conf->egress_rate ? s->ids.ifb : NULL,
			  "ingressIfb", wants_ingress_ifb(conf) ? s->ids.ingress_ifb : NULL);
	int r;

	undo_push(undo, "shaping", undo_shape, s->call);
	r = state_write(&key, record);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT)
		     : 0;
}

static int add_ifb(struct shape *s, const char *name, struct link_info *ifb, struct cni_err *err)
{
	uint32_t len = s->end.tx_queue_len > MIN_QUEUE_LEN ? s->end.tx_queue_len : MIN_QUEUE_LEN;
	int r = link_add_ifb(&s->host, name, s->ids.mac, s->end.mtu, len, ifb);

	if (r == -EOPNOTSUPP)
		return nlk_fail(err, &s->host, CNI_E_FIELD, r,
				"create an IFB device (the kernel needs CONFIG_IFB)");
	return r < 0 ? nlk_fail(err, &s->host, CNI_E_FAILED, r, "create the IFB device %s", name)
		     : 0;
}

/* Send what is queued. What the kernel does not know is named. */
static int send_queue(struct shape *s, struct cni_err *err)
{
	int r = nlk_send(&s->host, NULL, NULL);

	if (r == -ENOENT || r == -EOPNOTSUPP)
		return nlk_fail(err, &s->host, CNI_E_FIELD, r,
				"limit %s (the kernel needs CONFIG_NET_SCH_TBF, NET_SCH_INGRESS, "
				"NET_CLS_U32 and NET_ACT_MIRRED)",
				s->end.name);
	return r < 0 ? nlk_fail(err, &s->host, CNI_E_FAILED, r, "limit %s", s->end.name) : 0;
}

static int add_filter(struct shape *s, const struct tc_filter *filter, struct cni_err *err)
{
	if (s->host.n_queued == NLK_BATCH_MAX && send_queue(s, err) < 0)
		return -EIO;
	tc_queue_filter(&s->host, filter);
	return 0;
}

/*
 * The filters of one direction. u32 wants one protocol for each priority, and in clsact it takes
 * the filters of both directions that have the same priority for one list. The class has no meaning
 * where there are no classes, but without one or an action a filter does not stop the search.
 */
static int add_filters(struct shape *s, uint32_t parent, bool source, int redirect,
		       struct cni_err *err)
{
	const struct bandwidth_conf *conf = s->conf;
	struct tc_filter filter = { .index = s->end.index,
				    .parent = parent,
				    .source = source,
				    .class = TC_HANDLE(1, 1),
				    .redirect = conf->exclude ? 0 : redirect };
	uint16_t first = source ? 4 : 1;
	int r = 0;

	for (size_t i = 0; r == 0 && i < conf->n_subnets; i++) {
		bool v6 = conf->subnets[i].ip.family == AF_INET6;

		filter.net = &conf->subnets[i];
		filter.protocol = v6 ? ETH_P_IPV6 : ETH_P_IP;
		filter.priority = first + !v6;
		r = add_filter(s, &filter, err);
	}
	if (r < 0 || !conf->exclude)
		return r;
	filter.net = NULL;
	filter.protocol = ETH_P_ALL;
	filter.priority = first + (conf->n_subnets ? 2 : 0);
	filter.redirect = redirect;
	return add_filter(s, &filter, err);
}

/* The queues first, then what leads to them. */
static int add_limits(struct shape *s, struct cni_err *err)
{
	const struct bandwidth_conf *conf = s->conf;
	const char *hook = wanted_hook(conf);
	int r = 0;

	if (conf->egress_rate)
		r = add_ifb(s, s->ids.ifb, &s->ifb, err);
	if (r == 0 && wants_ingress_ifb(conf))
		r = add_ifb(s, s->ids.ingress_ifb, &s->ingress_ifb, err);
	if (r < 0)
		return r;
	if (conf->egress_rate)
		tc_queue_tbf(&s->host, s->ifb.index, &s->egress);
	if (conf->ingress_rate)
		tc_queue_tbf(&s->host, wants_root(conf) ? s->end.index : s->ingress_ifb.index,
			     &s->ingress);
	if (hook)
		tc_queue_hook(&s->host, s->end.index, hook);
	if (conf->egress_rate)
		r = add_filters(s, conf->n_subnets ? TC_HOOK_INGRESS : TC_HOOK, false, s->ifb.index,
				err);
	if (r == 0 && wants_ingress_ifb(conf))
		r = add_filters(s, TC_HOOK_EGRESS, true, s->ingress_ifb.index, err);
	return r < 0 ? r : send_queue(s, err);
}

static void report(const struct link_info *ifb, struct cni_result *result)
{
	char mac[MAC_STRLEN];

	if (ifb->index)
		result_add_iface(result, ifb->name, mac_str(ifb->mac, mac), ifb->mtu, NULL);
}

static int limit(struct shape *s, struct cni_result *result, struct undo *undo, struct cni_err *err)
{
	int r = find_end(s, err);

	if (r == 0) /* its packets would pass by the queues */
		r = overlay_fast_withdraw(s->call, undo, err);
	if (r == 0)
		r = refuse_conflicts(s, err);
	if (r == 0)
		r = choose_ifb(s, err);
	if (r == 0)
		r = write_record(s, undo, err);
	if (r == 0)
		r = add_limits(s, err);
	if (r < 0)
		return r;
	report(&s->ifb, result);
	report(&s->ingress_ifb, result);
	return 0;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	autobandwidth struct bandwidth_conf conf = { 0 };
	struct shape s = { .call = call, .conf = &conf };
	struct state_key key = chain_key(call);
	int r = bandwidth_conf_read(call, &conf, err);

	if (r == 0)
		r = chain_begin(call, result, err);
	/* of an ADD that was killed */
	if (r == 0 && is_limited(&conf) && state_exists(&key))
		r = bandwidth_remove(&key, false, true, err);
	if (r == 0 && is_limited(&conf))
		r = limit(&s, result, undo, err);
	nlk_close(&s.host);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct state_key key = chain_key(call);

	return bandwidth_remove(&key, chain_foreign(call), false, err);
}

/* ---- CHECK, GC, STATUS ---- */

/* Whether the kernel's burst is that of a rate; ticks are rounded, and modulo 2^32. */
static bool same_burst(const struct tc_info *info, const struct tc_rate *rate)
{
	uint64_t ticks = tc_buffer(rate);
	uint32_t off = info->buffer - (uint32_t)ticks, tolerance = (uint32_t)(ticks >> 20) + 2;

	return off <= tolerance || off >= 0u - tolerance;
}

static int check_tbf(struct shape *s, const struct link_info *link, const struct tc_rate *rate,
		     struct cni_err *err)
{
	struct tc_info info;
	int r = tc_get_qdisc(&s->host, link->index, TC_H_ROOT, &info);

	if (r < 0)
		return nlk_fail(err, &s->host, CNI_E_FAILED, r, "look at the qdiscs of %s",
				link->name);
	if (strcmp(info.kind, "tbf") != 0)
		return cni_fail(err, CNI_E_FAILED, 0, "%s has lost its token bucket filter%s%s",
				link->name, info.kind[0] ? "; its root qdisc is " : "", info.kind);
	if (info.bytes_per_s != rate->bytes_per_s ||
	    (!s->foreign && (!same_burst(&info, rate) || info.limit != rate->limit)))
		return cni_fail(err, CNI_E_FAILED, 0,
				"the rate or burst of %s was changed: %llu bytes/s instead of %llu",
				link->name, (unsigned long long)info.bytes_per_s,
				(unsigned long long)rate->bytes_per_s);
	return 0;
}

static int check_count(struct shape *s, uint32_t parent, int redirect, size_t want,
		       struct cni_err *err)
{
	int r = tc_count_filters(&s->host, s->end.index, parent, redirect);

	if (r < 0)
		return nlk_fail(err, &s->host, CNI_E_FAILED, r, "list the filters of %s",
				s->end.name);
	return (size_t)r == want ? 0
				 : cni_fail(err, CNI_E_FAILED, 0,
					    "%s has %d of the %zu filters that %s traffic",
					    s->end.name, r, want, redirect ? "redirect" : "select");
}

static int check_hook(struct shape *s, struct cni_err *err)
{
	const char *hook = wanted_hook(s->conf);
	struct tc_info info;
	int r = tc_get_qdisc(&s->host, s->end.index, TC_H_INGRESS, &info);

	if (r < 0)
		return nlk_fail(err, &s->host, CNI_E_FAILED, r, "look at the qdiscs of %s",
				s->end.name);
	if (strcmp(info.kind, hook) != 0)
		return cni_fail(err, CNI_E_FAILED, 0, "%s has lost its %s qdisc%s%s", s->end.name,
				hook, info.kind[0] ? "; in its place is " : "", info.kind);
	return 0;
}

/* One direction that is redirected. */
static int check_redirected(struct shape *s, uint32_t parent, const char *ifb,
			    const struct tc_rate *rate, struct cni_err *err)
{
	const struct bandwidth_conf *conf = s->conf;
	struct link_info info;
	int r = link_get(&s->host, ifb, &info);

	if (r < 0)
		return nlk_fail(err, &s->host, CNI_E_FAILED, r, "look up link %s", ifb);
	if (!(info.flags & IFF_UP))
		return cni_fail(err, CNI_E_FAILED, 0, "link %s is down", ifb);
	r = check_count(s, parent, info.index, conf->exclude ? 1 : conf->n_subnets, err);
	if (r == 0)
		r = check_count(s, parent, 0, conf->n_subnets + conf->exclude, err);
	return r < 0 ? r : check_tbf(s, &info, rate, err);
}

static int check_limits(struct shape *s, struct cni_err *err)
{
	const struct bandwidth_conf *conf = s->conf;
	struct state_key key = chain_key(s->call);
	json_auto_t *record = NULL;
	const char *ifb;
	int r = find_end(s, err);

	if (r < 0)
		return r;
	/* the Go plugin leaves no record, and knows one name */
	bandwidth_ids(&key, &s->ids);
	s->foreign = state_read(&key, &record) < 0;
	ifb = json_string_value(json_object_get(record, "ifb"));
	if (wants_root(conf))
		r = check_tbf(s, &s->end, &s->ingress, err);
	if (r == 0 && wanted_hook(conf))
		r = check_hook(s, err);
	if (r == 0 && conf->egress_rate)
		r = check_redirected(s, conf->n_subnets ? TC_HOOK_INGRESS : TC_HOOK,
				     ifb ? ifb : s->ids.ifb, &s->egress, err);
	if (r == 0 && wants_ingress_ifb(conf))
		r = check_redirected(s, TC_HOOK_EGRESS, s->ids.ingress_ifb, &s->ingress, err);
	return r;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	autobandwidth struct bandwidth_conf conf = { 0 };
	struct shape s = { .call = call, .conf = &conf };
	int r = bandwidth_conf_read(call, &conf, err);

	if (r == 0 && !call->prev)
		r = cni_fail(err, CNI_E_CONF, 0, "\"prevResult\": required for CHECK");
	if (r == 0 && is_limited(&conf))
		r = check_limits(&s, err);
	nlk_close(&s.host);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	return chain_gc(call, remove_key, NULL, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	autobandwidth struct bandwidth_conf conf = { 0 };

	return bandwidth_conf_read(call, &conf, err);
}

static const struct cni_plugin bandwidth_plugin = {
	.name = "bandwidth",
	.about = "limits how fast a container sends and receives",
	.keys = bandwidth_keys,
	.oldest = CNI_0_3_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&bandwidth_plugin, argc, argv);
}
