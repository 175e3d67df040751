/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ptp and vxlan share: a veth pair whose host end is a router for one container. */
#include "plugins/routed.h"

#include "addr.h"
#include "cleanup.h"
#include "container.h"
#include "ipv6.h"
#include "route.h"

#include <string.h>

int routed_check_gateways(const struct cni_call *call, const struct cni_result *result,
			  struct cni_err *err)
{
	char text[IP_STRLEN];

	for (size_t i = 0; i < result->n_ips; i++) {
		const struct cni_ip *ip = &result->ips[i];

		if (!ip->gateway.family)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"ipam\": the address %s has no gateway, which %s needs",
					ip_net_str(&ip->address, text), call->plugin);
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

static int configure_host(struct pair *p, const struct cni_result *result, struct cni_err *err)
{
	bool v6 = false;
	int r;

	for (size_t i = 0; i < result->n_ips; i++)
		v6 |= result->ips[i].address.ip.family == AF_INET6;
	/* the peer is still down: nothing has been sent yet */
	r = ipv6_prepare_router(p->ids.host_name, v6, err);
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

int routed_configure(struct pair *p, const struct cni_result *result, struct cni_err *err)
{
	struct container_setup setup = { .up = true, .routed = true, .result = result };
	int r = configure_host(p, result, err);

	return r < 0 ? r : pair_configure_container(p, &setup, err);
}

/* The host's side of CHECK: the gateways' addresses, and the ways to the container. */
static int check_host(const struct cni_call *call, int peer, struct link_info *out,
		      struct cni_err *err)
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
	if (out)
		*out = port;
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

int routed_check(const struct cni_call *call, struct link_info *host, struct cni_err *err)
{
	struct cni_call wanted = *call;
	struct cni_result want = { 0 };
	struct link_info seen;
	int r;

	if (call->prev) {
		expect_gateways(call->prev, &want);
		wanted.prev = &want;
	}
	r = container_check(&wanted, &seen, err);
	result_free(&want);
	return r < 0 ? r : check_host(call, seen.peer, host, err);
}
