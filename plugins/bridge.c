/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge: joins a container to a Linux bridge on the host, docker0-style.
 *
 * Theory of operation. After ADD there is
 *   - on the host: the bridge (created when missing, never deleted), up, with accept_ra off and a
 *     pinned MAC; with isGateway the gateway address of each subnet on it and forwarding on; and
 * the host end of a veth pair as a port of the bridge, named veth<hash of network, id, ifname>;
 *   - in the container: the other end under CNI_IFNAME, up, with the addresses and routes that IPAM
 *     gave. Its MAC follows its IPv4 address unless the configuration asks for another;
 *   - in netfilter, if asked for (bridge_filter.c): masquerading of the subnet, and elements that
 *     tie the host end to the container's addresses;
 *   - on disk: IPAM's lease and an attachment record.
 *
 * ADD makes its lasting effects in the order lease, record and netfilter, bridge, link; each is in
 * the undo list before the next can fail. Addresses and routes of the container live and die with
 * the link. Host settings that others may rely on by then (forwarding) come last and are not taken
 * back.
 *
 * DEL, GC and rollback are one function, detach(). It derives everything from (network, id,
 * ifname), goes on after errors and releases the lease last.
 */
#include "addr.h"
#include "args.h"
#include "chain.h"
#include "cleanup.h"
#include "cni.h"
#include "container.h"
#include "ipam.h"
#include "log.h"
#include "netns.h"
#include "plugins/bridge_conf.h"
#include "plugins/bridge_filter.h"
#include "state.h"
#include "sysctl.h"
#include "veth.h"

#include <string.h>

#define PORT_TIMEOUT_MS 5000

/* What one ADD carries from step to step. */
struct attach {
	const struct cni_call *call;
	struct bridge_conf conf;
	struct nlk host;
	int netns_fd;
	struct veth_ids ids;
	struct bridge_dev bridge;
	struct bridge_dev
		gateway_dev;   /* where gateway addresses go: the bridge, or its VLAN's veth */
	struct link_info port; /* the host end; .peer is the container's end */
};

/* DEL, GC and rollback: take an attachment away, whatever is there of it; the lease goes last. */
static int detach(const struct cni_call *call, const struct bridge_conf *conf,
		  const char *container_id, const char *ifname, struct cni_err *err)
{
	struct state_key key = { call->network, container_id, ifname, "bridge" };
	struct cni_err step = { 0 };
	int r = veth_remove(call, container_id, ifname, conf->wait_for_release, err);

	if (bridge_filter_remove(&key, call, conf, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

/* undo_fn: the link of a failed ADD, by the derived name only: what else is in the container stays.
 */
static int undo_link(const void *arg, struct cni_err *err)
{
	struct cni_call derived_only = *(const struct cni_call *)arg;

	derived_only.netns = NULL;
	derived_only.prev = NULL;
	return veth_remove(&derived_only, derived_only.container_id, derived_only.ifname, false,
			   err);
}

/* undo_fn: the record of a failed ADD, and its part in netfilter. */
static int undo_record(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;
	struct state_key key = { call->network, call->container_id, call->ifname, "bridge" };
	struct bridge_conf nothing_else = { 0 };

	return bridge_filter_remove(&key, call, &nothing_else, err);
}

/* A second ADD must not touch what the first one made, so it is found out before anything is done.
 */
static int refuse_second(struct attach *a, struct cni_err *err)
{
	struct link_info info;
	int r = link_get(&a->host, a->ids.host_name, &info);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return nlk_fail(err, &a->host, CNI_E_FAILED, r, "look up link %s",
				a->ids.host_name);
	if (memcmp(info.mac, a->ids.host_mac, 6) != 0)
		return cni_fail(err, CNI_E_FAILED, EEXIST, "link %s of somebody else is in the way",
				a->ids.host_name);
	return cni_fail(err, CNI_E_FAILED, EEXIST,
			"container %s is attached to network \"%s\" as %s already (link %s)",
			a->call->container_id, a->call->network, a->call->ifname, a->ids.host_name);
}

static int run_ipam(struct attach *a, struct cni_result *result, struct undo *undo,
		    struct cni_err *err)
{
	int r;

	if (!a->conf.ipam_type)
		return 0;
	r = ipam_add(a->call, a->conf.ipam_type, result, undo, err);
	if (r == 0 && result->n_ips == 0)
		r = cni_fail(err, CNI_E_FAILED, 0, "IPAM plugin \"%s\" returned missing IP config",
			     a->conf.ipam_type);
	return r;
}

/* Gateways the IPAM plugin left open: the first address of the subnet, as the reference picks it.
 */
static void complete_gateways(const struct bridge_conf *conf, struct cni_result *result)
{
	for (size_t i = 0; i < result->n_ips; i++) {
		struct cni_ip *ip = &result->ips[i];

		if (!ip->gateway.family && conf->is_gateway) {
			struct ip_net net = ip_network(&ip->address);

			ip->gateway = ip_add(&net.ip, 1);
		}
	}
}

static bool has_default_route(const struct cni_result *result, int family)
{
	for (size_t i = 0; i < result->n_routes; i++)
		if (result->routes[i].dst.ip.family == family && result->routes[i].dst.len == 0 &&
		    ip_is_unspecified(&result->routes[i].dst.ip) && result->routes[i].gw.family)
			return true;
	return false;
}

static void add_default_routes(const struct bridge_conf *conf, struct cni_result *result)
{
	for (size_t i = 0; conf->is_default_gateway && i < result->n_ips; i++) {
		struct cni_route route = { .gw = result->ips[i].gateway, .table = -1, .scope = -1 };
		int family = result->ips[i].address.ip.family;

		route.dst.ip.family = family;
		if (!has_default_route(result, family))
			result_add_route(result, &route);
	}
}

/* The gateway addresses on the bridge, one per subnet. */
static int assign_gateways(struct attach *a, const struct cni_result *result, struct undo *undo,
			   struct cni_err *err)
{
	if (!a->conf.is_gateway)
		return 0;
	for (size_t i = 0; i < result->n_ips; i++) {
		struct ip_net net = { .ip = result->ips[i].gateway,
				      .len = result->ips[i].address.len };
		int r;

		if (ip_equal(&net.ip, &result->ips[i].address.ip))
			continue; /* a /32, say: the container is its own gateway */
		r = bridge_add_gateway(&a->host, &a->gateway_dev, &net, a->conf.force_address, undo,
				       err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int enable_forwarding(const struct cni_result *result, struct cni_err *err)
{
	static const char *const path[] = { "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding" };

	for (size_t i = 0; i < result->n_ips; i++) {
		const char *key = path[result->ips[i].address.ip.family == AF_INET6];
		int r = sysctl_set(key, 1);

		if (r < 0)
			return cni_fail(err, CNI_E_FAILED, r, "\"isGateway\": enable /proc/sys/%s",
					key);
	}
	return 0;
}

/* The MAC of the container's end: as configured, else after its IPv4 address, else from the hash.
 */
static void choose_mac(struct attach *a, const struct cni_result *result)
{
	if (a->conf.have_mac) {
		memcpy(a->ids.peer_mac, a->conf.mac, 6);
		return;
	}
	for (size_t i = 0; i < result->n_ips; i++) {
		if (result->ips[i].address.ip.family == AF_INET) {
			veth_mac_of_ip(&result->ips[i].address.ip, a->ids.peer_mac);
			return;
		}
	}
}

static int write_record(const struct attach *a, const struct cni_result *result, struct undo *undo,
			struct cni_err *err)
{
	struct state_key key = { a->call->network, a->call->container_id, a->call->ifname,
				 "bridge" };
	json_auto_t *record =
		json_pack("{s:s, s:s, s:s*, s:s, s:O*}", "bridge", a->conf.bridge, "hostInterface",
			  a->ids.host_name, "ipam", a->conf.ipam_type, "netns", a->call->netns,
			  "dataDir", conf_get(a->conf.ipam, "dataDir"));
	json_t *ips = json_array();
	char text[IP_STRLEN];

	for (size_t i = 0; i < result->n_ips; i++)
		json_array_append_new(ips, json_string(ip_net_str(&result->ips[i].address, text)));
	json_object_set_new(record, "ips", ips);
	undo_push(undo, "attachment record", undo_record, a->call);
	return bridge_filter_add(&key, &a->conf, &a->ids, result, record, err);
}

static int create_pair(struct attach *a, struct undo *undo, struct cni_err *err)
{
	struct link_veth veth = {
		.host_name = a->ids.host_name,
		.peer_name = a->call->ifname,
		.host_mac = a->ids.host_mac,
		.peer_mac = a->ids.peer_mac,
		.mtu = (int)a->conf.mtu,
		.master = a->bridge.index,
		.netns_fd = a->netns_fd,
	};
	int r = link_add_veth(&a->host, &veth, &a->port);

	if (r == -EEXIST)
		return nlk_fail(err, &a->host, CNI_E_FAILED, r,
				"CNI_IFNAME: an interface \"%s\" exists in the container already",
				a->call->ifname);
	if (r == -EXFULL)
		return nlk_fail(err, &a->host, CNI_E_TRY_LATER, r,
				"bridge \"%s\" has no free port (a Linux bridge holds 1023)",
				a->conf.bridge);
	if (r < 0)
		return nlk_fail(err, &a->host, CNI_E_FAILED, r,
				r == -EOPNOTSUPP
					? "create a veth pair (the kernel needs CONFIG_VETH)"
					: "create a veth pair");
	undo_push(undo, "veth pair", undo_link, a->call);
	return 0;
}

/* Port settings. The port carries nothing yet: its peer is still down. */
static int configure_port(struct attach *a, struct cni_err *err)
{
	int r = sysctl_write_conf("ipv6", a->ids.host_name, "accept_ra", 0);

	/* CVE-2020-10749. A bridge port does not see packets itself: a read-only /proc/sys is safe.
	 */
	if (r < 0 && r != -ENOENT && r != -EROFS && r != -EACCES)
		return cni_fail(err, CNI_E_FAILED, r, "net.ipv6.conf.%s.accept_ra",
				a->ids.host_name);
	if (a->conf.hairpin || a->conf.isolated)
		link_queue_port(&a->host, a->port.index, a->conf.hairpin, a->conf.isolated);
	vlan_set_queue(&a->host, a->port.index, &a->conf.vlans,
		       a->conf.preserve_default_vlan ? 0 : a->bridge.default_pvid);
	r = nlk_send(&a->host, NULL, NULL);
	return r < 0 ? nlk_fail(err, &a->host, CNI_E_FAILED, r, "configure the bridge port %s",
				a->ids.host_name)
		     : 0;
}

static int configure_container(struct attach *a, const struct cni_result *result,
			       struct cni_err *err)
{
	struct container_setup setup = {
		.netns_fd = a->netns_fd,
		.ifname = a->call->ifname,
		.index = a->port.peer,
		.up = !a->conf.disable_container_interface,
		.announce = a->conf.have_mac,
		.dad = a->conf.dad,
		.result = result,
	};
	int r = container_configure(&setup, err);

	if (r < 0 || !setup.up)
		return r;
	r = link_wait_running(&a->host, a->port.index, PORT_TIMEOUT_MS);
	return r < 0 ? nlk_fail(err, &a->host, CNI_E_FAILED, r, "bridge port %s does not come up",
				a->ids.host_name)
		     : 0;
}

/* interfaces: bridge, host end, container end, in the order clients rely on. */
static void report_interfaces(struct attach *a, struct cni_result *result)
{
	char mac[MAC_STRLEN];
	int container;

	result_add_iface(result, a->conf.bridge, mac_str(a->bridge.mac, mac), a->bridge.mtu, NULL);
	result_add_iface(result, a->ids.host_name, mac_str(a->ids.host_mac, mac), a->port.mtu,
			 NULL);
	container = result_add_iface(result, a->call->ifname, mac_str(a->ids.peer_mac, mac),
				     a->port.mtu, a->call->netns);
	if (a->gateway_dev.index != a->bridge.index)
		result_add_iface(result, a->gateway_dev.name, mac_str(a->gateway_dev.mac, mac),
				 a->gateway_dev.mtu, NULL);
	for (size_t i = 0; i < result->n_ips; i++)
		result->ips[i].iface = container;
}

static int report_dns(const struct bridge_conf *conf, struct cni_result *result,
		      struct cni_err *err)
{
	static const char *const dns_keys[] = { "nameservers", "domain", "search", "options" };

	for (size_t i = 0; i < ARRAY_SIZE(dns_keys); i++)
		if (conf_get(conf->dns, dns_keys[i]))
			return dns_read(conf->dns, "dns", &result->dns, err);
	return 0;
}

/* Steps of ADD up to the point where the container's link exists. */
static int attach_host(struct attach *a, struct cni_result *result, struct undo *undo,
		       struct cni_err *err)
{
	struct bridge_wanted wanted = {
		.name = a->conf.bridge,
		.mtu = (int)a->conf.mtu,
		.promisc = a->conf.promisc,
		.vlan_filtering = a->conf.vlans.n > 0,
		.dad = a->conf.dad,
	};
	int r = bridge_ensure(&a->host, &wanted, &a->bridge, undo, err);

	if (r == 0)
		r = bridge_gateway_dev(&a->host, &a->bridge,
				       a->conf.is_gateway ? (int)a->conf.vlan : 0, a->conf.dad,
				       &a->gateway_dev, undo, err);
	if (r == 0)
		r = assign_gateways(a, result, undo, err);
	if (r == 0)
		r = create_pair(a, undo, err);
	return r < 0 ? r : configure_port(a, err);
}

/* ADD, once the configuration is known to be good and the namespace is open. */
static int attach(struct attach *a, struct cni_result *result, struct undo *undo,
		  struct cni_err *err)
{
	int r = run_ipam(a, result, undo, err);

	if (r < 0)
		return r;
	complete_gateways(&a->conf, result);
	add_default_routes(&a->conf, result);
	choose_mac(a, result);
	r = write_record(a, result, undo, err);
	if (r == 0)
		r = attach_host(a, result, undo, err);
	if (r == 0)
		r = configure_container(a, result, err);
	if (r == 0 && a->conf.is_gateway)
		r = enable_forwarding(result, err);
	if (r == 0)
		r = report_dns(&a->conf, result, err);
	if (r == 0)
		report_interfaces(a, result);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	autoclose int netns_fd = -1;
	struct attach a = { .call = call };
	int r = bridge_conf_read(call, &a.conf, err);

	if (r == 0)
		r = bridge_conf_validate(call, &a.conf, err);
	if (r < 0)
		return r;
	netns_fd = netns_open(call->netns, err);
	if (netns_fd < 0)
		return netns_fd;
	a.netns_fd = netns_fd;
	veth_ids(call->network, call->container_id, call->ifname, &a.ids);
	r = nlk_open(&a.host);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = refuse_second(&a, err);
	if (r == 0)
		r = attach(&a, result, undo, err);
	nlk_close(&a.host);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	struct cni_err step = { 0 };
	int r = bridge_conf_read(call, &conf, err);

	if (r < 0)
		return r;
	r = detach(call, &conf, call->container_id, call->ifname, err);
	if (conf.ipam_type && ipam_del(call, conf.ipam_type, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

/* The host's side of CHECK: the bridge, and the container's peer as one of its ports. */
static int check_host(const struct cni_call *call, const struct bridge_conf *conf, int peer,
		      struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct link_info bridge, port;
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = link_get(&nl, conf->bridge, &bridge);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up bridge \"%s\"", conf->bridge);
	if (strcmp(bridge.kind, "bridge") != 0)
		return cni_fail(err, CNI_E_FAILED, 0, "\"%s\" is not a bridge", conf->bridge);
	if (!(bridge.flags & IFF_UP))
		return cni_fail(err, CNI_E_FAILED, 0, "bridge \"%s\" is down", conf->bridge);
	if (conf->promisc && !(bridge.flags & IFF_PROMISC))
		return cni_fail(err, CNI_E_FAILED, 0, "bridge \"%s\" is not promiscuous",
				conf->bridge);
	r = link_get_index(&nl, peer, &port);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up the host end of %s",
				call->ifname);
	if (port.master != bridge.index)
		return cni_fail(err, CNI_E_FAILED, 0, "%s is not a port of bridge \"%s\"",
				port.name, conf->bridge);
	if (port.hairpin != conf->hairpin ||
	    (port.isolated >= 0 && port.isolated != conf->isolated))
		return cni_fail(err, CNI_E_FAILED, 0,
				"hairpin mode or isolation of bridge port %s was changed",
				port.name);
	return 0;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	int peer, r = bridge_conf_read(call, &conf, err);

	if (r == 0)
		r = bridge_conf_validate(call, &conf, err);
	if (r == 0)
		r = container_check(call, &peer, err);
	if (r == 0)
		r = check_host(call, &conf, peer, err);
	if (r == 0)
		r = bridge_filter_check(call, &conf, err);
	if (r == 0 && conf.ipam_type)
		r = ipam_check(call, conf.ipam_type, err);
	return r;
}

/* What gc_one() works with. */
struct gc {
	const struct cni_call *call;
	const struct bridge_conf *conf;
};

static int gc_one(const struct state_key *key, const void *arg, struct cni_err *err)
{
	const struct gc *gc = arg;

	return detach(gc->call, gc->conf, key->container_id, key->ifname, err);
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	struct gc gc = { call, &conf };
	struct cni_err step = { 0 };
	int r = bridge_conf_read(call, &conf, err);

	if (r < 0)
		return r;
	r = chain_gc(call, gc_one, &gc, err);
	if (conf.ipam_type && ipam_gc(call, conf.ipam_type, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	int r = bridge_conf_read(call, &conf, err);

	if (r == 0)
		r = bridge_conf_validate(call, &conf, err);
	if (r == 0)
		r = bridge_filter_status(&conf, err);
	if (r == 0 && conf.ipam_type)
		r = ipam_status(call, conf.ipam_type, err);
	return r;
}

static const struct cni_plugin bridge_plugin = {
	.name = "bridge",
	.about = "joins containers to a Linux bridge",
	.keys = bridge_keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&bridge_plugin, argc, argv);
}
