/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ptp: a routed link between a container and the host, without a bridge.
 *
 * Theory of operation. After ADD there is
 *   - in the container: one end of a veth pair under CNI_IFNAME, up, with the addresses that IPAM
 *     gave. Nobody else is on that link: the gateway is reached through a route of scope link, the
 *     rest of the subnet and IPAM's routes through the gateway;
 *   - on the host: the other end, veth<hash of network, id, ifname>, with the address of each
 *     gateway as a /32 or /128 (every container of the network has it on its own link), accept_ra
 *     off, a route to each address of the container, and forwarding on;
 *   - in netfilter, if asked for (filter.c): masquerading of the subnet;
 *   - on disk: IPAM's lease and an attachment record.
 *
 * ADD makes its lasting effects in the order lease, record and netfilter, link; each is in the undo
 * list before the next can fail. Addresses and routes of both ends live and die with the link.
 * Forwarding comes last and is not taken back: others may rely on it by then. There is no limit to
 * the number of containers (a bridge has 1023 ports), and no frame is ever flooded.
 *
 * DEL, GC and rollback are pair_detach(): it derives everything from (network, id, ifname) and goes
 * on after errors. The lease is released last.
 */
#include "addr.h"
#include "cleanup.h"
#include "container.h"
#include "ipam.h"
#include "log.h"
#include "plugins/pair.h"
#include "route.h"
#include "sysctl.h"

#include <string.h>

struct ptp_conf {
	struct filter_conf filter;
	struct iface_conf iface;
};

#define FIELD(f) offsetof(struct ptp_conf, f)

static const struct conf_key keys[] = {
	FILTER_KEYS(FIELD(filter)),
	{ "mtu", CONF_INT, FIELD(iface.mtu), .min = 0, .max = 65535, .dflt = "0, the kernel's",
	  .help = "MTU of the veth pair" },
	{ "ipam", CONF_OBJECT, FIELD(iface.ipam),
	  .help = "IPAM configuration; each address needs a gateway" },
	{ "dns", CONF_OBJECT, FIELD(iface.dns),
	  .help = "replaces the DNS settings of the IPAM plugin" },
	CONF_END
};

/* All that DEL and GC need: an attachment must be removable whatever has become of the keys. */
static int read_conf(const struct cni_call *call, struct ptp_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", keys, conf, err);

	return r < 0 ? r : iface_ipam_type(&conf->iface, err);
}

static int read_valid_conf(const struct cni_call *call, struct ptp_conf *conf, struct cni_err *err)
{
	int r = read_conf(call, conf, err);

	if (r == 0)
		r = filter_conf_check(&conf->filter, err);
	if (r == 0 && !conf->iface.ipam_type)
		r = cni_fail(err, CNI_E_CONF, 0,
			     "\"ipam.type\": ptp needs an IPAM plugin: without addresses there is "
			     "nothing to route");
	return r;
}

static int check_gateways(const struct cni_result *result, struct cni_err *err)
{
	char text[IP_STRLEN];

	for (size_t i = 0; i < result->n_ips; i++) {
		const struct cni_ip *ip = &result->ips[i];

		if (!ip->gateway.family)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"ipam\": the address %s has no gateway, which ptp needs",
					ip_net_str(&ip->address, text));
		if (ip_equal(&ip->gateway, &ip->address.ip))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"ipam\": the address %s is its own gateway",
					ip_net_str(&ip->address, text));
	}
	return 0;
}

/* A network of one address. */
static struct ip_net alone(const struct ip_addr *ip)
{
	return (struct ip_net){ .ip = *ip, .len = ip_bits(ip) };
}

/*
 * IPv6 on the host end, which is no bridge port: packets of the container reach the host's stack.
 * The peer is still down, so nothing has been sent yet.
 */
static int prepare_ipv6(const struct pair *p, const struct cni_result *result, struct cni_err *err)
{
	const char *name = p->ids.host_name;
	bool v6 = false;
	int r = sysctl_set_conf("ipv6", name, "accept_ra", 0); /* CVE-2020-10749 */

	if (r < 0 && r != -ENOENT)
		return cni_fail(err, CNI_E_FAILED, r,
				"net.ipv6.conf.%s.accept_ra: the host would obey router "
				"advertisements of the container",
				name);
	for (size_t i = 0; i < result->n_ips; i++)
		v6 |= result->ips[i].address.ip.family == AF_INET6;
	if (!v6)
		return 0;
	r = sysctl_set_conf("ipv6", name, "disable_ipv6", 0);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "net.ipv6.conf.%s.disable_ipv6", name);
	/* with a tentative link-local address the host cannot ask for the container: one second */
	r = sysctl_write_conf("ipv6", name, "accept_dad", 0);
	if (r < 0)
		log_trace("accept_dad of %s stays as it is: %s", name, strerror(-r));
	return 0;
}

static int configure_host(struct pair *p, const struct cni_result *result, struct cni_err *err)
{
	int r = prepare_ipv6(p, result, err);

	for (size_t i = 0; r == 0 && i < result->n_ips; i++) {
		struct ip_net gateway = alone(&result->ips[i].gateway);
		struct ip_net container = alone(&result->ips[i].address.ip);
		struct link_route way = { .dst = &container, .scope = RT_SCOPE_HOST };

		addr_queue_add(&p->host, p->port.index, &gateway, IFA_F_NODAD);
		nlk_ignore(&p->host, -EEXIST); /* the gateway of two addresses */
		route_queue_link(&p->host, p->port.index, &way);
		if (p->host.n_queued + 2 > NLK_BATCH_MAX)
			r = nlk_send(&p->host, NULL, NULL);
	}
	if (err->code)
		return r;
	if (r == 0)
		r = nlk_send(&p->host, NULL, NULL);
	return r < 0 ? nlk_fail(err, &p->host, CNI_E_FAILED, r,
				"addresses and routes of the host end %s", p->ids.host_name)
		     : 0;
}

static int configure_container(struct pair *p, const struct cni_result *result, struct cni_err *err)
{
	struct container_setup setup = {
		.netns_fd = p->netns_fd,
		.ifname = p->call->ifname,
		.index = p->port.peer,
		.up = true,
		.routed = true,
		.result = result,
	};
	int r = container_configure(&setup, err);

	return r < 0 ? r : pair_wait_running(p, err);
}

static int attach(struct pair *p, struct cni_result *result, struct undo *undo, struct cni_err *err)
{
	int r = iface_run_ipam(p->call, p->conf, result, undo, err);

	if (r == 0)
		r = check_gateways(result, err);
	if (r < 0)
		return r;
	pair_choose_mac(p, result);
	r = pair_write_record(p, NULL, result, undo, err);
	if (r == 0)
		r = pair_create(p, 0, NULL, undo, err);
	if (r == 0)
		r = configure_host(p, result, err);
	if (r == 0)
		r = configure_container(p, result, err);
	if (r == 0)
		r = iface_enable_forwarding(result, "", err);
	if (r == 0)
		r = iface_override_dns(p->conf, result, err);
	if (r == 0)
		pair_report(p, result);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	autopair struct pair p = {
		.call = call, .conf = &conf.iface, .filter = &conf.filter, .netns_fd = -1
	};
	int r = read_valid_conf(call, &conf, err);

	if (r == 0)
		r = pair_open(&p, err);
	return r < 0 ? r : attach(&p, result, undo, err);
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	struct pair_owner owner = { call, &conf.filter, false };
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_del(call, &conf.iface, pair_detach, &owner, err);
}

/* The host's side of CHECK: the gateways' addresses, and the ways to the container. */
static int check_host(const struct cni_call *call, int peer, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct link_info port;
	struct addr_list have;
	char text[IP_STRLEN];
	const struct cni_ip *ip;
	size_t next = 0;
	int r = nlk_open(&nl);

	if (r == 0)
		r = link_get_index(&nl, peer, &port);
	if (r == 0)
		r = addr_list_get(&nl, peer, AF_UNSPEC, &have);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up the host end of %s",
				call->ifname);
	if (!(port.flags & IFF_UP))
		return cni_fail(err, CNI_E_FAILED, 0, "the host end %s is down", port.name);
	while ((ip = chain_address(call, &next))) {
		bool found = !ip->gateway.family;

		for (int k = 0; k < have.n && !found; k++)
			found = ip_equal(&have.a[k].net.ip, &ip->gateway);
		if (!found)
			return cni_fail(err, CNI_E_FAILED, 0, "%s has lost the gateway address %s",
					port.name, ip_str(&ip->gateway, text));
		if (route_interface(&nl, &ip->address.ip) != peer)
			return cni_fail(err, CNI_E_FAILED, 0,
					"the host's route to %s does not lead to %s",
					ip_str(&ip->address.ip, text), port.name);
	}
	return 0;
}

/* prevResult, and what it does not say: the routes to the gateways. */
static void expect_gateways(const struct cni_result *prev, struct cni_result *want)
{
	result_copy(want, prev);
	for (size_t i = 0; i < prev->n_ips; i++) {
		struct cni_route route = { .table = -1, .scope = -1 };

		if (!prev->ips[i].gateway.family)
			continue;
		route.dst = alone(&prev->ips[i].gateway);
		result_add_route(want, &route);
	}
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	struct cni_call wanted = *call;
	struct cni_result want = { 0 };
	struct link_info seen;
	int r = read_valid_conf(call, &conf, err);

	if (r < 0)
		return r;
	if (call->prev) {
		expect_gateways(call->prev, &want);
		wanted.prev = &want;
	}
	r = container_check(&wanted, &seen, err);
	result_free(&want);
	if (r == 0)
		r = check_host(call, seen.peer, err);
	if (r == 0)
		r = filter_check(call, &conf.filter, err);
	if (r == 0)
		r = ipam_check(call, conf.iface.ipam_type, err);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	struct pair_owner owner = { call, &conf.filter, false };
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_gc(call, &conf.iface, pair_detach, &owner, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	int r = read_valid_conf(call, &conf, err);

	if (r == 0)
		r = filter_status(&conf.filter, err);
	return r < 0 ? r : ipam_status(call, conf.iface.ipam_type, err);
}

static const struct cni_plugin ptp_plugin = {
	.name = "ptp",
	.about = "routes between containers and the host, without a bridge",
	.keys = keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&ptp_plugin, argc, argv);
}
