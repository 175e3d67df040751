/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: the network's own parts on this node, which all its containers share. */
#include "plugins/vxlan_network.h"

#include "cleanup.h"
#include "log.h"
#include "overlay.h"
#include "overlay_device.h"
#include "overlay_fast.h"
#include "overlay_filter.h"
#include "plugins/vxlan_fast.h"
#include "plugins/vxlan_l2.h"

#include <string.h>
#include <time.h>

/* Where another daemon makes the device, it has looked at the underlay, too. */
int vxlan_network_underlay(struct nlk *nl, const struct vxlan_conf *conf,
			   struct overlay_underlay *u, struct cni_err *err)
{
	if (!conf->st.foreign && !conf->st.managed)
		return overlay_underlay_look(nl, &conf->site, NULL, u, err);
	u->mtu = (int)conf->iface.mtu;
	return 0;
}

static struct overlay_device device_of(const struct vxlan_conf *conf, int mtu)
{
	struct overlay_device device = { .st = &conf->st, .mtu = mtu };

	memcpy(device.mac, conf->own->mac, sizeof(device.mac));
	return device;
}

static bool same_net(const struct ip_net *a, const struct ip_net *b)
{
	return a->ip.family == b->ip.family &&
	       (!a->ip.family || (a->len == b->len && ip_equal(&a->ip, &b->ip)));
}

/*
 * What tells that two descriptions of a network cannot be of the same one as long as containers are
 * in it. Return: the key, or NULL.
 */
static const char *has_moved(const struct overlay_state *now, const struct overlay_state *wanted)
{
	if (now->foreign != wanted->foreign || now->managed != wanted->managed)
		return "store";
	if (now->vni != wanted->vni)
		return "vni";
	if (now->l2 != wanted->l2)
		return "mode";
	for (int i = 0; i < 2; i++) {
		if (!same_net(&now->subnet[i], &wanted->subnet[i]))
			return wanted->foreign ? "store" : "subnet";
		/* their addresses have its length */
		if (now->l2 && !same_net(&now->net[i], &wanted->net[i]))
			return "network";
	}
	return NULL;
}

/*
 * A node with containers never moves to another subnet, VNI or mode: they would not be found any
 * more.
 * Return: 1 when the network must be made anew first, 0 when not, or a negative errno.
 */
static int check_move(const struct overlay_state *now, const struct vxlan_conf *conf,
		      const struct state_key *key, int code, struct cni_err *err)
{
	const char *what = has_moved(now, &conf->st);
	char from[2][IP_STRLEN] = { "", "" };
	int r;

	if (!what)
		return 0;
	r = state_others(key);
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "read the records of network \"%s\"",
				now->network);
	if (r == 0)
		return 1;
	for (int i = 0; i < 2; i++)
		if (now->subnet[i].ip.family)
			ip_net_str(&now->subnet[i], from[i]);
	return cni_fail(err, code, 0,
			"\"%s\": node \"%s\" has containers in %s%s%s of VNI %u: it does not "
			"move while they live, nor leave mode \"%s\"",
			what, conf->node, from[0], *from[0] && *from[1] ? " and " : "", from[1],
			now->vni, overlay_state_mode(now));
}

/* What there is of the network may be another one's by its configuration. Under the lock. */
int vxlan_network_clear_way(const struct vxlan_conf *conf, const struct state_key *key,
			    struct overlay_state *now, struct cni_err *err)
{
	int r = conf->st.managed ? 0 : overlay_state_conflict(&conf->st, err);

	if (r < 0 || conf->st.managed)
		return r;
	r = overlay_state_read(key->network, now);
	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "read " OVERLAY_STATE_DIR "/%s", key->network);
	r = check_move(now, conf, key, CNI_E_CONF, err);
	if (r <= 0)
		return r;
	r = overlay_release_locked(now, err);
	overlay_state_free(now);
	return r;
}

/* What the kernel's entries for the peers differ by from what they should be. */
static int compare_entries(struct nlk *nl, const struct vxlan_conf *conf,
			   const struct overlay_underlay *u, int device, struct overlay_diff *diff)
{
	static const struct ip_net no_routes[2];
	autolist struct overlay_list want = { 0 }, have = { 0 };
	int r;

	if (conf->evpn)
		return 0;
	r = overlay_list_read(nl, device, conf->st.l2 ? no_routes : conf->st.net, &have);
	if (conf->st.l2)
		vxlan_l2_entries(conf, device, &want);
	else
		overlay_underlay_entries(&conf->site, u, device, &want);
	overlay_list_diff(&want, &have, diff);
	return r;
}

static int write_entries(struct nlk *nl, const struct vxlan_conf *conf,
			 const struct overlay_underlay *u, int device, struct cni_err *err)
{
	autodiff struct overlay_diff diff = { 0 };
	int r = compare_entries(nl, conf, u, device, &diff);

	if (r == 0)
		r = overlay_list_write(nl, &diff);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "the entries of the peers of \"%s\"",
				conf->st.network)
		     : 0;
}

/* Records of peers that are as they were keep their age; whether the fast path works is found out
 * later. */
static int write_state(struct overlay_state *st, const struct overlay_state *now,
		       struct cni_err *err)
{
	int r;

	overlay_state_age(st, now, time(NULL));
	st->fast = now->fast;
	if (overlay_state_equal(st, now))
		return 0;
	r = overlay_state_write(st);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write " OVERLAY_STATE_DIR "/%s", st->network)
		     : 0;
}

/*
 * The agent decides under the lock whether a node without containers moves, and says in the file
 * where it is. Who has written the record and finds the same there, has come in time.
 */
static int check_managed(const struct overlay_state *wanted, struct cni_err *err)
{
	autostate struct overlay_state now = { 0 };
	int r = overlay_state_read(wanted->network, &now);

	if (r == 0 && now.managed && !now.conflict[0] && !has_moved(&now, wanted))
		return 0;
	return cni_fail(err, CNI_E_TRY_LATER, 0,
			"\"store\": hawser-overlayd is about to change network \"%s\"",
			wanted->network);
}

/* The rules come first: nobody injects in between. @bridge is filled in mode "l2". Under the lock.
 */
int vxlan_network_ensure(struct nlk *nl, struct vxlan_conf *conf, const struct overlay_underlay *u,
			 const struct overlay_state *now, struct link_info *bridge,
			 struct cni_err *err)
{
	struct overlay_device want = device_of(conf, u->mtu);
	struct link_info device = { 0 };
	int r;

	if (conf->st.managed)
		return check_managed(&conf->st, err);
	r = write_state(&conf->st, now, err);
	if (r == 0)
		r = overlay_filter_ensure(&conf->st, err);
	if (r < 0 || conf->st.foreign)
		return r;
	r = overlay_device_ensure(nl, &want, &device, err);
	if (r == 0 && conf->st.l2)
		r = overlay_bridge_ensure(nl, &want, &device, bridge, err);
	if (r == 0)
		r = write_entries(nl, conf, u, device.index, err);
	return r < 0 ? r : vxlan_fast_ensure(nl, conf, device.index, err);
}

/* ---- CHECK: the network's own parts ---- */

#define SAID_MAX 8 /* entries of which each gets a sentence */

/* What differs is said on stderr. Return: how many differences, or a negative errno. */
static int report_entries(struct nlk *nl, const struct vxlan_conf *conf,
			  const struct overlay_underlay *u, int device, struct cni_err *err)
{
	autodiff struct overlay_diff diff = { 0 };
	char text[OVERLAY_ENTRY_STRLEN];
	int r = compare_entries(nl, conf, u, device, &diff);
	size_t n = diff.add.n + diff.del.n;

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "list the entries of the peers");
	for (size_t i = 0; i < n && i < SAID_MAX; i++)
		log_warn("%s is %s",
			 overlay_entry_str(i < diff.add.n ? &diff.add.e[i]
							  : &diff.del.e[i - diff.add.n],
					   text),
			 i < diff.add.n ? "missing" : "of no peer");
	if (n > SAID_MAX)
		log_warn("%zu more entries of peers are missing or of no peer", n - SAID_MAX);
	return (int)n;
}

/* The same for the answer of a check. */
static int report(int r, const struct cni_err *step)
{
	if (r >= 0)
		return 0;
	log_warn("%s%s%s", step->msg, *step->details ? ": " : "", step->details);
	return 1;
}

static int report_state(const struct vxlan_conf *conf)
{
	autostate struct overlay_state now = { 0 };
	struct cni_err step = { 0 };
	int r = overlay_state_read(conf->st.network, &now);

	if (r < 0)
		cni_fail(&step, CNI_E_IO, r, "read " OVERLAY_STATE_DIR "/%s", conf->st.network);
	return report(r, &step);
}

static int report_bridge(struct nlk *nl, const struct overlay_device *want,
			 const struct link_info *device)
{
	struct cni_err step = { 0 };
	struct link_info bridge;

	return report(overlay_bridge_check(nl, want, device, &bridge, &step), &step);
}

static int report_fast(const struct vxlan_conf *conf)
{
	struct cni_err step = { 0 };

	return conf->fast_path ? report(overlay_fast_check(&conf->st, NULL, &step), &step) : 0;
}

/*
 * What of the network is not as it should be, a sentence each on stderr. What hangs on something
 * that is missing is not looked at.
 * Return: how many differences, or a negative errno.
 */
static int report_network(struct nlk *nl, const struct vxlan_conf *conf,
			  const struct overlay_underlay *u, struct cni_err *err)
{
	struct overlay_device want = device_of(conf, u->mtu);
	struct link_info device = { 0 };
	struct cni_err step = { 0 };
	int n = report_state(conf), r;

	n += report(overlay_filter_check(&conf->st, &step), &step);
	if (conf->st.foreign)
		return n;
	step = (struct cni_err){ 0 };
	n += report(overlay_device_check(nl, &want, &device, &step), &step);
	if (!device.index)
		return n;
	if (conf->st.l2)
		n += report_bridge(nl, &want, &device);
	n += report_fast(conf);
	r = report_entries(nl, conf, u, device.index, err);
	return r < 0 ? r : n + r;
}

/* With containers, the network must be where it was. CHECK and STATUS: @code. */
int vxlan_network_check_place(const struct cni_call *call, const struct vxlan_conf *conf, int code,
			      struct cni_err *err)
{
	struct state_key nobody = { call->network, "", "", OVERLAY_PLUGIN };
	autostate struct overlay_state now = { 0 };
	int r = overlay_state_read(call->network, &now);

	r = r < 0 ? 0 : check_move(&now, conf, &nobody, code, err);
	return r < 0 ? r : 0;
}

/* Whether CHECK may do as ADD does. Under the lock: the last container may have left by now. */
static int may_repair(const struct cni_call *call, const struct vxlan_conf *conf,
		      struct cni_err *err)
{
	struct state_key nobody = { call->network, "", "", OVERLAY_PLUGIN };
	int r = state_others(&nobody);

	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "read the records of network \"%s\"",
				call->network);
	if (r == 0)
		return cni_fail(err, CNI_E_FAILED, 0,
				"network \"%s\" is not whole, and no container is in it by the "
				"records",
				call->network);
	r = overlay_state_conflict(&conf->st, err);
	return r < 0 ? r : vxlan_network_check_place(call, conf, CNI_E_FAILED, err);
}

static int repair(const struct cni_call *call, struct nlk *nl, struct vxlan_conf *conf,
		  const struct overlay_underlay *u, struct cni_err *err)
{
	autoclose int lock = overlay_lock(err);
	autostate struct overlay_state now = { 0 };
	struct link_info bridge;
	int r = lock < 0 ? lock : may_repair(call, conf, err);

	/* a file that cannot be read is written anew */
	overlay_state_read(call->network, &now);
	if (r == 0)
		r = vxlan_network_ensure(nl, conf, u, &now, &bridge, err);
	if (r == 0)
		r = report_network(nl, conf, u, err);
	if (r > 0)
		return cni_fail(err, CNI_E_FAILED, 0,
				"network \"%s\" is not whole after it was put right; what is "
				"missing is on stderr",
				call->network);
	if (r == 0)
		log_warn("network \"%s\" is whole again", call->network);
	return r;
}

/* The host end is a port of the bridge. */
static int check_port(struct nlk *nl, const struct vxlan_conf *conf, const char *host_name,
		      struct cni_err *err)
{
	struct link_info bridge, host;
	char name[OVERLAY_DEVICE_MAX];
	int r = link_get(nl, overlay_bridge_name(conf->st.vni, name), &bridge);

	if (r == 0)
		r = link_get(nl, host_name, &host);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "look up %s and its bridge %s", host_name,
				name)
		     : pair_check_port(&host, &bridge, false, false, err);
}

/* What the agent keeps; what it knows of the peers it compares itself. */
static int check_managed_network(struct nlk *nl, const struct vxlan_conf *conf, struct cni_err *err)
{
	char name[OVERLAY_DEVICE_MAX];
	struct link_info device;
	int r = link_get(nl, overlay_device_name(conf->st.vni, false, name), &device);

	if (r == -ENODEV)
		return cni_fail(err, CNI_E_FAILED, 0,
				"the VXLAN device %s is missing; does hawser-overlayd run?", name);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up the VXLAN device %s", name);
	return device.flags & IFF_UP ? 0
				     : cni_fail(err, CNI_E_FAILED, 0,
						"the VXLAN device %s is down; does "
						"hawser-overlayd run?",
						name);
}

int vxlan_network_check(const struct cni_call *call, struct vxlan_conf *conf,
			const struct link_info *host, struct cni_err *err)
{
	autounderlay struct overlay_underlay u = { 0 };
	autonlk struct nlk nl = { 0 };
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	if (conf->st.managed)
		return check_managed_network(&nl, conf, err);
	r = vxlan_network_underlay(&nl, conf, &u, err);
	if (r == 0)
		r = vxlan_network_check_place(call, conf, CNI_E_FAILED, err);
	if (r == 0)
		r = report_network(&nl, conf, &u, err);
	if (r > 0)
		r = repair(call, &nl, conf, &u, err);
	return r == 0 && conf->st.l2 ? check_port(&nl, conf, host->name, err) : r;
}
