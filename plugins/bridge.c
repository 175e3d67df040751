/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * bridge: joins a container to a Linux bridge on the host, docker0-style.
 *
 * Theory of operation. After ADD there is
 *   - on the host: the bridge (created when missing, never deleted), up, with accept_ra off and a
 *     pinned MAC; with isGateway the gateway address of each subnet on it and forwarding on; and
 *     the host end of a veth pair as a port of it, named veth<hash of network, id, ifname>;
 *   - in the container: the other end under CNI_IFNAME, up, with the addresses and routes that IPAM
 *     gave. Its MAC follows its IPv4 address unless the configuration asks for another;
 *   - in netfilter, if asked for (filter.c): masquerading of the subnet, and elements that
 *     tie the host end to the container's addresses;
 *   - on disk: IPAM's lease and an attachment record.
 *
 * ADD makes its lasting effects in the order lease, record and netfilter, bridge, link (an IPAM
 * plugin that is not ours gets its turn when the link is there: dhcp works through it); each is in
 * the undo list before the next can fail. Addresses and routes of the container live and die with
 * the link. Host settings that others may rely on by then (forwarding) come last and are not taken
 * back.
 *
 * DEL, GC and rollback are one function, detach(). It derives everything from (network, id,
 * ifname), goes on after errors and releases the lease last.
 */
#include "addr.h"
#include "args.h"
#include "cleanup.h"
#include "cni.h"
#include "container.h"
#include "ipam.h"
#include "plugins/bridge_conf.h"
#include "plugins/pair.h"

#include <string.h>

/* What one ADD carries from step to step. */
struct attach {
	struct bridge_conf conf;
	struct pair pair;
	struct bridge_dev bridge;
	struct bridge_dev
		gateway_dev; /* where gateway addresses go: the bridge, or its VLAN's veth */
};

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
		r = bridge_add_gateway(&a->pair.host, &a->gateway_dev, &net, a->conf.force_address,
				       undo, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int write_record(struct attach *a, const struct cni_result *result, struct undo *undo,
			struct cni_err *err)
{
	json_auto_t *own = json_pack("{s:s}", "bridge", a->conf.bridge);

	return pair_write_record(&a->pair, own, result, undo, err);
}

/* Port settings. The port carries nothing yet: its peer is still down. */
static int configure_port(struct attach *a, struct cni_err *err)
{
	int r = pair_ignore_advertisements(&a->pair, err);

	if (r < 0)
		return r;
	if (a->conf.hairpin || a->conf.isolated)
		link_queue_port(&a->pair.host, a->pair.port.index, a->conf.hairpin,
				a->conf.isolated);
	vlan_set_queue(&a->pair.host, a->pair.port.index, &a->conf.vlans,
		       a->conf.preserve_default_vlan ? 0 : a->bridge.default_pvid);
	r = nlk_send(&a->pair.host, NULL, NULL);
	return r < 0 ? nlk_fail(err, &a->pair.host, CNI_E_FAILED, r, "configure the bridge port %s",
				a->pair.ids.host_name)
		     : 0;
}

static int configure_container(struct attach *a, const struct cni_result *result,
			       struct cni_err *err)
{
	struct container_setup setup = { .up = !a->conf.disable_container_interface,
					 .announce = a->conf.iface.have_mac,
					 .dad = a->conf.dad,
					 .dad_wait = a->conf.dad,
					 .result = result };

	return pair_configure_container(&a->pair, &setup, err);
}

/* interfaces: bridge, host end, container end, in the order clients rely on. */
static void report_interfaces(struct attach *a, struct cni_result *result)
{
	char mac[MAC_STRLEN];

	result_add_iface(result, a->conf.bridge, mac_str(a->bridge.mac, mac), a->bridge.mtu, NULL);
	pair_report(&a->pair, result);
	if (a->gateway_dev.index != a->bridge.index)
		result_add_iface(result, a->gateway_dev.name, mac_str(a->gateway_dev.mac, mac),
				 a->gateway_dev.mtu, NULL);
}

/* Steps of ADD up to the point where the container's link exists. */
static int attach_host(struct attach *a, struct cni_result *result, struct undo *undo,
		       struct cni_err *err)
{
	struct bridge_wanted wanted = {
		.name = a->conf.bridge,
		.mtu = (int)a->conf.iface.mtu,
		.promisc = a->conf.promisc,
		.vlan_filtering = a->conf.vlans.n > 0,
		.dad = a->conf.dad,
	};
	int r = bridge_ensure(&a->pair.host, &wanted, &a->bridge, undo, err);

	if (r == 0)
		r = bridge_gateway_dev(&a->pair.host, &a->bridge,
				       a->conf.is_gateway ? (int)a->conf.vlan : 0, a->conf.dad,
				       &a->gateway_dev, undo, err);
	if (r == 0 && !iface_ipam_needs_link(&a->conf.iface))
		r = assign_gateways(a, result, undo, err);
	if (r == 0)
		r = pair_create(&a->pair, a->bridge.index, a->conf.bridge, undo, err);
	return r < 0 ? r : configure_port(a, err);
}

/* IPAM, and what the configuration makes of its answer; the record and netfilter know it then. */
static int take_addresses(struct attach *a, struct cni_result *result, struct undo *undo,
			  struct cni_err *err)
{
	int r = iface_run_ipam(a->pair.call, &a->conf.iface, result, undo, err);

	if (r < 0)
		return r;
	complete_gateways(&a->conf, result);
	add_default_routes(&a->conf, result);
	if (a->pair.port.index == 0) /* the link has its MAC once it exists */
		pair_choose_mac(&a->pair, result);
	return write_record(a, result, undo, err);
}

/* The addresses of an IPAM plugin that works through the link, which is there by now. */
static int take_addresses_late(struct attach *a, struct cni_result *result, struct undo *undo,
			       struct cni_err *err)
{
	int r = take_addresses(a, result, undo, err);

	if (r == 0)
		r = assign_gateways(a, result, undo, err);
	/* a gateway address goes from a bridge without ports only */
	pair_undo_first(&a->pair, undo);
	return r;
}

/* ADD, once the configuration is known to be good and the namespace is open. */
static int attach(struct attach *a, struct cni_result *result, struct undo *undo,
		  struct cni_err *err)
{
	bool late = iface_ipam_needs_link(&a->conf.iface);
	int r;

	if (late)
		pair_choose_mac(&a->pair, result);
	r = late ? write_record(a, result, undo, err) : take_addresses(a, result, undo, err);
	if (r == 0)
		r = attach_host(a, result, undo, err);
	if (r == 0 && late)
		r = take_addresses_late(a, result, undo, err);
	if (r == 0)
		r = configure_container(a, result, err);
	if (r == 0 && a->conf.is_gateway)
		r = iface_enable_forwarding(result, "\"isGateway\": ", err);
	if (r == 0)
		r = iface_override_dns(&a->conf.iface, result, err);
	if (r == 0)
		report_interfaces(a, result);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	struct attach a = { .pair = { .call = call, .netns_fd = -1 } };
	int r = bridge_conf_read(call, &a.conf, err);

	if (r == 0)
		r = bridge_conf_validate(call, &a.conf, err);
	if (r < 0)
		return r;
	a.pair.conf = &a.conf.iface;
	a.pair.filter = &a.conf.filter;
	r = pair_open(&a.pair, err);
	if (r == 0)
		r = attach(&a, result, undo, err);
	pair_close(&a.pair);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	struct pair_owner owner = { call, &conf.filter, false };
	int r = bridge_conf_read(call, &conf, err);

	owner.wait = conf.wait_for_release;
	return r < 0 ? r : iface_del(call, &conf.iface, pair_detach, &owner, err);
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
	return pair_check_port(&port, &bridge, conf->hairpin, conf->isolated, err);
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	struct link_info seen;
	int r = bridge_conf_read(call, &conf, err);

	if (r == 0)
		r = bridge_conf_validate(call, &conf, err);
	if (r == 0)
		r = container_check(call, &seen, err);
	if (r == 0)
		r = check_host(call, &conf, seen.peer, err);
	if (r == 0)
		r = filter_check(call, &conf.filter, err);
	if (r == 0 && conf.iface.ipam_type)
		r = ipam_check(call, conf.iface.ipam_type, err);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	struct pair_owner owner = { call, &conf.filter, false };
	int r = bridge_conf_read(call, &conf, err);

	owner.wait = conf.wait_for_release;
	return r < 0 ? r : iface_gc(call, &conf.iface, pair_detach, &owner, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct bridge_conf conf = { 0 };
	int r = bridge_conf_read(call, &conf, err);

	if (r == 0)
		r = bridge_conf_validate(call, &conf, err);
	if (r == 0)
		r = filter_status(&conf.filter, err);
	if (r == 0 && conf.iface.ipam_type)
		r = ipam_status(call, conf.iface.ipam_type, err);
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
