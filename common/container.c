/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container's side of an attachment: addresses, routes, sysctls; and checking them again. */
#include "container.h"

#include "addr.h"
#include "args.h"
#include "cleanup.h"
#include "log.h"
#include "netns.h"
#include "route.h"
#include "sysctl.h"

#include <string.h>

#define DAD_TIMEOUT_MS 10000

static bool has_family(const struct cni_result *res, int family)
{
	for (size_t i = 0; i < res->n_ips; i++)
		if (res->ips[i].address.ip.family == family)
			return true;
	return false;
}

/*
 * IPv6 needs the interface's own switches. A read-only /proc/sys is an error only where the
 * namespace's value makes the requested result impossible.
 */
static int prepare_ipv6(const struct container_setup *setup, struct cni_err *err)
{
	const char *ifnames[] = { "lo", setup->ifname };
	int r;

	for (size_t i = 0; i < ARRAY_SIZE(ifnames); i++) {
		r = sysctl_set_conf("ipv6", ifnames[i], "disable_ipv6", 0);
		if (r < 0)
			return cni_fail(
				err, CNI_E_FAILED, r,
				"net.ipv6.conf.%s.disable_ipv6: enable IPv6 in the container",
				ifnames[i]);
	}
	if (setup->announce) {
		r = sysctl_write_conf("ipv6", setup->ifname, "ndisc_notify", 1);
		if (r < 0)
			log_trace("ndisc_notify of %s stays off: %s", setup->ifname, strerror(-r));
	}
	r = sysctl_write_conf("ipv6", setup->ifname, "keep_addr_on_down", 1);
	if (r < 0 && r != -EROFS && r != -ENOENT && r != -EACCES)
		return cni_fail(err, CNI_E_FAILED, r, "net.ipv6.conf.%s.keep_addr_on_down",
				setup->ifname);
	return 0;
}

/* accept_dad decides about link-local addresses only: the container's own carry IFA_F_NODAD. */
static int set_dad(const struct container_setup *setup, struct cni_err *err)
{
	int r = sysctl_write_conf("ipv6", setup->ifname, "accept_dad", setup->dad);

	if (r == 0 && setup->dad)
		r = sysctl_set_conf("ipv6", setup->ifname, "enhanced_dad", 1);
	if (r < 0 && setup->dad)
		return cni_fail(err, CNI_E_FAILED, r,
				"net.ipv6.conf.%s.accept_dad: duplicate address detection",
				setup->ifname);
	if (r < 0)
		log_trace("accept_dad of %s stays as it is: %s", setup->ifname, strerror(-r));
	return 0;
}

static const struct ip_addr *gateway_of(const struct cni_result *res, int family)
{
	for (size_t i = 0; i < res->n_ips; i++)
		if (res->ips[i].address.ip.family == family && res->ips[i].gateway.family)
			return &res->ips[i].gateway;
	return NULL;
}

/* Whether the kernel finds a gateway by the routes that the addresses bring along. */
static bool covered(const struct container_setup *setup, const struct ip_addr *gw)
{
	const struct cni_result *res = setup->result;

	for (size_t i = 0; i < res->n_ips; i++)
		if (setup->routed ? ip_equal(&res->ips[i].gateway, gw)
				  : ip_net_contains(&res->ips[i].address, gw))
			return true;
	return false;
}

static int send_batch(struct nlk *nl, const struct container_setup *setup, struct cni_err *err)
{
	int r = nlk_send(nl, NULL, NULL);

	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "configure %s in the container",
				setup->ifname)
		     : 0;
}

/* Room for a few requests more: send what is queued when there is none. */
static int make_room(struct nlk *nl, const struct container_setup *setup, struct cni_err *err)
{
	return nl->n_queued + 2 > NLK_BATCH_MAX ? send_batch(nl, setup, err) : 0;
}

/*
 * The ways to the gateways and through them to the subnets, as the reference lays them. An address
 * without a subnet of its own needs no second route: it would lead to itself.
 */
static int queue_gateways(struct nlk *nl, const struct container_setup *setup, struct cni_err *err)
{
	for (size_t i = 0; setup->routed && i < setup->result->n_ips; i++) {
		const struct cni_ip *ip = &setup->result->ips[i];
		struct ip_net gateway = { .ip = ip->gateway, .len = ip_bits(&ip->gateway) };
		struct ip_net subnet = ip_network(&ip->address);
		struct link_route way = { .dst = &gateway,
					  .src = &ip->address.ip,
					  .scope = RT_SCOPE_LINK };

		if (make_room(nl, setup, err) < 0)
			return -EIO;
		route_queue_link(nl, setup->index, &way);
		if (subnet.len == ip_bits(&subnet.ip))
			continue;
		way = (struct link_route){ .dst = &subnet,
					   .gw = &ip->gateway,
					   .src = &ip->address.ip,
					   .scope = RT_SCOPE_UNIVERSE };
		route_queue_link(nl, setup->index, &way);
	}
	return 0;
}

static int queue_routes(struct nlk *nl, const struct container_setup *setup, struct cni_err *err)
{
	const struct cni_result *res = setup->result;

	for (size_t i = 0; i < res->n_routes; i++) {
		struct cni_route route = res->routes[i];
		const struct ip_addr *gw = gateway_of(res, route.dst.ip.family);

		if (!route.gw.family && gw && route.scope < 0)
			route.gw = *gw;
		if (make_room(nl, setup, err) < 0)
			return -EIO;
		route_queue_add(nl, setup->index, &route,
				route.gw.family && !covered(setup, &route.gw));
	}
	return 0;
}

static int queue_addresses(struct nlk *nl, const struct container_setup *setup, int family,
			   struct cni_err *err)
{
	uint32_t flags = (setup->dad ? 0 : IFA_F_NODAD) | (setup->routed ? IFA_F_NOPREFIXROUTE : 0);

	for (size_t i = 0; i < setup->result->n_ips; i++) {
		const struct ip_net *net = &setup->result->ips[i].address;

		if (net->ip.family != family)
			continue;
		if (make_room(nl, setup, err) < 0)
			return -EIO;
		addr_queue_add(nl, setup->index, net, flags);
	}
	return 0;
}

static int configure_inside(const struct container_setup *setup, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	bool v6 = has_family(setup->result, AF_INET6);
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	if (v6 && prepare_ipv6(setup, err) < 0)
		return -EIO;
	/* without it the kernel starts IPv6 on the link later, outside of this call */
	if ((v6 || setup->dad) && set_dad(setup, err) < 0)
		return -EIO;
	if (has_family(setup->result, AF_INET)) {
		if (setup->announce)
			link_queue_arp_notify(&nl, setup->index);
		if (queue_addresses(&nl, setup, AF_INET, err) < 0)
			return -EIO;
	}
	if (setup->up)
		link_queue_flags(&nl, "set the container's link up", setup->index, IFF_UP, IFF_UP);
	r = queue_addresses(&nl, setup, AF_INET6, err);
	if (r == 0)
		r = queue_gateways(&nl, setup, err);
	if (r == 0)
		r = queue_routes(&nl, setup, err);
	if (r == 0)
		r = send_batch(&nl, setup, err);
	if (r == 0 && v6 && setup->dad_wait) {
		r = addr_wait_dad(&nl, setup->index, DAD_TIMEOUT_MS);
		if (r < 0)
			cni_fail(err, CNI_E_FAILED, r,
				 "duplicate address detection of the IPv6 addresses of %s",
				 setup->ifname);
	}
	return r;
}

static int configure_fn(void *arg, struct cni_err *err)
{
	return configure_inside(arg, err);
}

int container_configure(const struct container_setup *setup, struct cni_err *err)
{
	return netns_run(setup->netns_fd, configure_fn, (void *)setup, err);
}

/* What container_remove_link() works on. */
struct removal {
	const struct container_link *link;
	bool removed;
};

static int remove_fn(void *arg, struct cni_err *err)
{
	struct removal *removal = arg;
	const struct container_link *link = removal->link;
	autonlk struct nlk nl = { 0 };
	char id[NETNS_ID_STRLEN];
	struct link_info info;
	int r;

	if (link->netns_id && strcmp(netns_id(id), link->netns_id) != 0)
		return 0; /* the path has become another namespace's */
	r = nlk_open(&nl);
	if (r == 0)
		r = link_get(&nl, link->name, &info);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up link %s in %.200s", link->name,
				link->netns);
	if (strcmp(info.kind, link->kind) != 0) {
		log_trace("link %s in %s is not ours: left alone", link->name, link->netns);
		return 0;
	}
	removal->removed = true;
	r = link_remove(&nl, info.index, link->wait);
	return r < 0 ? nlk_fail(err, &nl, CNI_E_FAILED, r, "delete link %s in %.200s", link->name,
				link->netns)
		     : 0;
}

int container_remove_link(const struct container_link *link, struct cni_err *err)
{
	struct removal removal = { link, false };
	struct cni_err gone = { 0 };
	autoclose int fd = netns_open(link->netns, &gone);
	int r;

	if (fd < 0)
		return 0; /* the namespace is gone, and its links with it */
	r = netns_run(fd, remove_fn, &removal, err);
	return r < 0 ? r : removal.removed;
}

/* What container_check() works on. */
struct check {
	const struct cni_call *call;
	const struct cni_iface *iface;
	int iface_index; /* in prevResult */
	struct link_info *seen;
};

static int check_addresses(struct nlk *nl, const struct check *c, int index, struct cni_err *err)
{
	struct addr_list have;
	char text[IP_STRLEN];
	int r = addr_list_get(nl, index, AF_UNSPEC, &have);

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "list the addresses of %s",
				c->iface->name);
	for (size_t i = 0; i < c->call->prev->n_ips; i++) {
		const struct cni_ip *ip = &c->call->prev->ips[i];
		bool found = false;

		if (ip->iface >= 0 && ip->iface != c->iface_index)
			continue;
		for (int k = 0; k < have.n && !found; k++)
			found = have.a[k].net.len == ip->address.len &&
				ip_equal(&have.a[k].net.ip, &ip->address.ip);
		if (!found)
			return cni_fail(err, CNI_E_FAILED, 0, "%s has lost its address %s",
					c->iface->name, ip_net_str(&ip->address, text));
	}
	return 0;
}

static int check_routes(struct nlk *nl, const struct check *c, int index, struct cni_err *err)
{
	char text[IP_STRLEN];

	for (size_t i = 0; i < c->call->prev->n_routes; i++) {
		const struct cni_route *route = &c->call->prev->routes[i];
		int r = route_find(nl, index, route);

		if (r < 0)
			return nlk_fail(err, nl, CNI_E_FAILED, r,
					"list the routes of the container");
		if (r == 0)
			return cni_fail(err, CNI_E_FAILED, 0, "the route to %s through %s is gone",
					ip_net_str(&route->dst, text), c->iface->name);
	}
	return 0;
}

static int check_fn(void *arg, struct cni_err *err)
{
	struct check *c = arg;
	autonlk struct nlk nl = { 0 };
	struct link_info info;
	char mac[MAC_STRLEN];
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	r = link_get(&nl, c->iface->name, &info);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up %s in the container",
				c->iface->name);
	if (*c->iface->mac && strcasecmp(mac_str(info.mac, mac), c->iface->mac) != 0)
		return cni_fail(err, CNI_E_FAILED, 0, "%s has MAC %s, prevResult says %s",
				c->iface->name, mac, c->iface->mac);
	*c->seen = info;
	r = check_addresses(&nl, c, info.index, err);
	return r < 0 ? r : check_routes(&nl, c, info.index, err);
}

int container_check(const struct cni_call *call, struct link_info *seen, struct cni_err *err)
{
	struct check c = { .call = call, .iface_index = -1, .seen = seen };
	autoclose int fd = -1;

	if (!call->prev)
		return cni_fail(err, CNI_E_CONF, 0, "\"prevResult\": required for CHECK");
	for (size_t i = 0; i < call->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &call->prev->ifaces[i];

		if (*iface->sandbox && strcmp(iface->name, call->ifname) == 0) {
			c.iface = iface;
			c.iface_index = (int)i;
		}
	}
	if (!c.iface)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"prevResult.interfaces\": no interface %s in %.200s",
				call->ifname, call->netns);
	fd = netns_open(call->netns, err);
	if (fd < 0)
		return fd;
	return netns_run(fd, check_fn, &c, err);
}
