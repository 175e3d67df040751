/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vxlan: one network for containers of several hosts, without a daemon of its own.
 *
 * Theory of operation. Every node has a subnet of the network; a list of nodes, the peers, is in
 * the configuration or in a file that it names. After ADD there is
 *   - on the host, once per network: a VXLAN device, vx<VNI>, that learns nothing. Its address is
 *     the network address of the node's subnet, its MAC a hash of node name and VNI, so that every
 *     node knows those of the others. For each subnet of a peer a route through the peer's network
 *     address, a neighbour entry with its MAC, and a forwarding entry with its VTEP; or, with
 *     directRouting, for a peer on the same link, a plain route through its VTEP;
 *   - in netfilter, once per network: table inet hawser-vx<VNI>. Packets for port and VNI are taken
 *     from peers only, containers cannot send any, nothing is forwarded between two overlay
 * networks of the node (all interfaces of one are a group of links), and packets between VTEPs are
 * not tracked. If asked for, masquerading of what leaves the network;
 *   - for each container: a routed veth pair as ptp makes it, and forwarding on;
 *   - on disk: a lease of IPAM (our host-local on the node's subnet unless configured otherwise),
 * an attachment record, and /run/hawser/overlay/<network>, what the network consists of here.
 *
 * With mode "l2" all containers are on one link. Instead of addresses, routes and entries for each
 * peer there is a bridge, br-vx<VNI>, with the first address of the node's subnet and the length of
 * the network, which is the gateway of the node's containers. The VXLAN device is a port of it, as
 * the containers' veths are, and has a replication list: what goes to all, or to a MAC that nobody
 * knows, goes to every peer. Device and bridge learn MACs from the frames (RFC 7348, 4.1), and ADD
 * has the container's kernel announce it to all. With "store" {"type": "evpn"} they learn nothing
 * and have no list: a routing daemon writes both (FRR's zebra for BGP EVPN, RFC 8365), and the
 * bridge answers for the neighbours that it enters.
 *
 * With "fastPath" a BPF program at the VXLAN device and at the host ends of the containers takes
 * packets between containers past routing and netfilter of the host (common/overlay_fast_prog.c).
 * Plugins behind that have something at the host end or in netfilter take the container out of it.
 *
 * Each ADD puts the network right: it reads the peers again, asks the kernel for its entries (one
 * dump of each kind) and writes the differences in one batch. So what was deleted by hand, the
 * device included, is back after the next ADD. CHECK does the same where it finds something
 * missing, and says what on stderr: it fails only for what is the container's own, or cannot be put
 * right. An orchestrator that gets an error would replace a container that has nothing wrong.
 *
 * With "store" {"type": "flannel"} a running flanneld makes device and entries, and its subnet.env
 * says network, the node's subnet and MTU. Nothing of that is touched. What the plugin makes for
 * the containers is the same, except that table hawser-vx<VNI> knows no peers: it keeps containers
 * from sending VXLAN packets and overlay networks apart, and leaves strangers to flanneld.
 *
 * ADD makes its lasting effects in the order lease, network (under a lock; the record is written
 * before, so that nobody takes the network away meanwhile), link; each is in the undo list before
 * the next can fail. DEL, GC and rollback remove link, record, and with the last record of the
 * network all of it; overlay_release() works from the file in /run and needs no configuration. The
 * lease is released last.
 */
#include "cleanup.h"
#include "ipam.h"
#include "overlay.h"
#include "overlay_device.h"
#include "overlay_fast.h"
#include "overlay_filter.h"
#include "plugins/routed.h"
#include "plugins/vxlan_fast.h"
#include "plugins/vxlan_l2.h"
#include "plugins/vxlan_lease.h"
#include "plugins/vxlan_network.h"

#include <string.h>

/* What one ADD carries from step to step. */
struct job {
	struct vxlan_conf *conf;
	struct overlay_underlay *underlay;
	struct pair *p;
	struct link_info bridge;  /* of mode "l2" */
	struct overlay_state now; /* what the node has of the network, read under the lock */
	struct cni_result inside; /* addresses with the length of the network: ipMasq's inside */
};

static void job_free(struct job *job)
{
	result_free(&job->inside);
	overlay_state_free(&job->now);
}

/* ---- the network on this node ---- */

/* undo_fn: a network whose first ADD failed. */
static int undo_network(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;

	return overlay_release(call->network, err);
}

static int join_network(struct job *job, const struct cni_result *result, struct undo *undo,
			struct cni_err *err)
{
	struct state_key key = chain_key(job->p->call);
	autoclose int lock = overlay_lock(err);
	json_auto_t *own = json_object();
	int r = lock < 0 ? lock : 0;

	if (r == 0)
		r = vxlan_network_clear_way(job->conf, &key, &job->now, err);
	if (r < 0)
		return r;
	undo_push(undo, "overlay network", undo_network, job->p->call);
	if (job->conf->fast_path)
		overlay_fast_record(own, job->p->ids.peer_mac);
	r = pair_write_record(job->p, own, result, undo, err);
	return r < 0 ? r
		     : vxlan_network_ensure(&job->p->host, job->conf, job->underlay, &job->now,
					    &job->bridge, err);
}

/* ---- ADD ---- */

/* What is masqueraded leaves the network, not the node's part of it. */
static void widen(const struct vxlan_conf *conf, const struct cni_result *result,
		  struct cni_result *inside)
{
	for (size_t i = 0; i < result->n_ips; i++) {
		struct cni_ip ip = result->ips[i];

		ip.address.len = conf->st.net[overlay_slot(&ip.address.ip)].len;
		result_add_ip(inside, &ip);
	}
}

static void limit_routes(struct cni_result *result, int mtu)
{
	for (size_t i = 0; i < result->n_routes; i++)
		if (!result->routes[i].mtu || result->routes[i].mtu > mtu)
			result->routes[i].mtu = mtu;
}

static int connect_routed(struct job *job, struct cni_result *result, struct undo *undo,
			  struct cni_err *err)
{
	struct pair *p = job->p;
	int r = pair_create(p, 0, NULL, undo, err);

	if (r < 0)
		return r;
	link_queue_group(&p->host, p->port.index, OVERLAY_GROUP | job->conf->st.vni);
	return routed_configure(p, result, err);
}

static int connect_container(struct job *job, struct cni_result *result, struct undo *undo,
			     struct cni_err *err)
{
	const struct overlay_state *st = &job->conf->st;
	struct pair *p = job->p;
	int r = st->l2 ? vxlan_l2_connect(p, st, &job->bridge, result, undo, err)
		       : connect_routed(job, result, undo, err);

	if (r == 0)
		vxlan_fast_join(&p->host, job->conf, p->call, undo);
	if (r == 0)
		r = iface_enable_forwarding(result, "", err);
	if (r == 0)
		r = iface_override_dns(p->conf, result, err);
	if (r == 0)
		pair_report(p, result);
	return r;
}

static int attach(struct job *job, struct cni_result *result, struct undo *undo,
		  struct cni_err *err)
{
	autolease struct vxlan_lease lease = { 0 };
	int r;

	vxlan_lease_open(job->p->call, job->conf, &lease);
	r = vxlan_lease_add(&lease, job->p->call, job->conf, result, undo, err);
	if (r == 0)
		r = routed_check_gateways(job->p->call, result, err);
	if (r < 0)
		return r;
	/* the record says how to release it */
	job->conf->iface.ipam_type = lease.type;
	job->conf->iface.mtu = job->underlay->mtu;
	limit_routes(result, job->underlay->mtu);
	widen(job->conf, result, &job->inside);
	job->conf->filter.inside = &job->inside;
	pair_choose_mac(job->p, result);
	r = join_network(job, result, undo, err);
	return r < 0 ? r : connect_container(job, result, undo, err);
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	autoconf struct vxlan_conf conf = { 0 };
	autounderlay struct overlay_underlay underlay = { 0 };
	autopair struct pair p = {
		.call = call, .conf = &conf.iface, .filter = &conf.filter, .netns_fd = -1
	};
	struct job __attribute__((cleanup(job_free)))
	job = { .conf = &conf, .underlay = &underlay, .p = &p };
	int r = vxlan_conf_read_valid(call, &conf, err);

	if (r == 0)
		r = pair_open(&p, err);
	if (r == 0)
		r = vxlan_network_underlay(&p.host, &conf, &underlay, err);
	return r < 0 ? r : attach(&job, result, undo, err);
}

/* ---- the other verbs ---- */

/* iface_detach_fn */
static int detach(const struct state_key *key, const void *arg, struct cni_err *err)
{
	struct cni_err step = { 0 };
	int r = overlay_fast_leave(key, err);

	/* as long as packets may be led to it, its record says so */
	if (r == 0)
		r = pair_detach(key, arg, err);
	if (overlay_release(key->network, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

/* DEL and GC: the lease comes last, through the call as IPAM is to see it. */
static int take_away(const struct cni_call *call, struct cni_err *err)
{
	autolease struct vxlan_lease lease = { 0 };
	struct vxlan_conf conf = { 0 };
	struct pair_owner owner = { call, &conf.filter, false };
	struct iface_conf no_ipam = { 0 };
	struct cni_err step = { 0 };
	int r = vxlan_conf_read(call, &conf, err);

	if (r < 0)
		return r;
	vxlan_lease_open(call, &conf, &lease);
	if (call->verb == CNI_GC)
		r = iface_gc(call, &no_ipam, detach, &owner, err);
	else
		r = iface_del(call, &no_ipam, detach, &owner, err);
	if (vxlan_lease_verb(&lease, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	return take_away(call, err);
}

/* An ADD that was killed may have left a network that no container is in. */
static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct cni_err step = { 0 };
	int r = take_away(call, err);

	if (call->have_valid && overlay_release(call->network, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	autoconf struct vxlan_conf conf = { 0 };
	autolease struct vxlan_lease lease = { 0 };
	struct link_info host = { 0 };
	int r = vxlan_conf_read_valid(call, &conf, err);

	if (r == 0)
		r = conf.st.l2 ? vxlan_l2_check(call, &host, err) : routed_check(call, &host, err);
	if (r == 0 && host.group != (OVERLAY_GROUP | conf.st.vni))
		r = cni_fail(err, CNI_E_FAILED, 0,
			     "the host end %s is in another group of links than 0x%x, by which "
			     "the network is kept apart from others",
			     host.name, OVERLAY_GROUP | conf.st.vni);
	if (r == 0)
		r = vxlan_network_check(call, &conf, &host, err);
	if (r == 0)
		r = vxlan_fast_check(call, &conf, err);
	if (r == 0)
		r = filter_check(call, &conf.filter, err);
	if (r < 0)
		return r;
	vxlan_lease_open(call, &conf, &lease);
	return vxlan_lease_verb(&lease, err);
}

/* What an ADD would make. */
static int check_kernel(struct nlk *nl, const struct vxlan_conf *conf, struct cni_err *err)
{
	int r = conf->st.foreign || conf->st.managed ? 0 : overlay_device_usable(nl);

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_UNAVAILABLE, r,
				"this kernel makes no VXLAN devices (CONFIG_VXLAN)");
	r = conf->st.l2 ? overlay_bridge_usable(nl) : 0;
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_UNAVAILABLE, r,
				"\"mode\": \"l2\": this kernel makes no bridges (CONFIG_BRIDGE)");
	r = overlay_filter_usable();
	return r < 0 ? cni_fail(err, CNI_E_UNAVAILABLE, r,
				"the rules that keep strangers out need nf_tables "
				"(CONFIG_NF_TABLES_INET)")
		     : 0;
}

static int check_status(const struct cni_call *call, const struct vxlan_conf *conf,
			struct cni_err *err)
{
	autounderlay struct overlay_underlay u = { 0 };
	autonlk struct nlk nl = { 0 };
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = vxlan_network_underlay(&nl, conf, &u, err);
	if (r == 0)
		r = overlay_state_conflict(&conf->st, err);
	if (r == 0)
		r = vxlan_network_check_place(call, conf, CNI_E_UNAVAILABLE, err);
	if (r == 0)
		r = check_kernel(&nl, conf, err);
	return r < 0 ? r : filter_status(&conf->filter, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	autoconf struct vxlan_conf conf = { 0 };
	autolease struct vxlan_lease lease = { 0 };
	int r = vxlan_conf_read_valid(call, &conf, err);

	if (r == 0)
		r = check_status(call, &conf, err);
	if (r < 0)
		return r;
	vxlan_lease_open(call, &conf, &lease);
	return vxlan_lease_verb(&lease, err);
}

static const struct cni_plugin vxlan_plugin = {
	.name = "vxlan",
	.about = "joins containers of several hosts into one network, without a daemon",
	.keys = vxlan_keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&vxlan_plugin, argc, argv);
}
