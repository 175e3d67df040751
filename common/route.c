/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routes: adding them with every attribute of a CNI result, and finding one again. */
#include "route.h"

#include <errno.h>
#include <string.h>

static uint32_t table_of(const struct cni_route *route)
{
	return route->table >= 0 ? (uint32_t)route->table : RT_TABLE_MAIN;
}

void route_queue_add(struct nlk *nl, int index, const struct cni_route *route, bool onlink)
{
	struct rtmsg rtm = {
		.rtm_family = route->dst.ip.family,
		.rtm_dst_len = route->dst.len,
		.rtm_table = RT_TABLE_UNSPEC,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST,
		.rtm_scope = route->scope >= 0	? (unsigned char)route->scope
			     : route->gw.family ? RT_SCOPE_UNIVERSE
						: RT_SCOPE_LINK,
		.rtm_flags = onlink && route->gw.family ? RTNH_F_ONLINK : 0,
	};
	struct ip_net dst = ip_network(&route->dst);
	struct nl_msg *m;
	struct nlattr *metrics;

	m = nlk_request(nl, "add a route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, &rtm,
			sizeof(rtm));
	nlk_ignore(nl, -EEXIST);
	if (dst.len)
		nlk_put(nl, m, RTA_DST, dst.ip.b, ip_bytes(&dst.ip));
	if (route->gw.family)
		nlk_put(nl, m, RTA_GATEWAY, route->gw.b, ip_bytes(&route->gw));
	nlk_put_u32(nl, m, RTA_OIF, index);
	nlk_put_u32(nl, m, RTA_TABLE, table_of(route));
	if (route->priority)
		nlk_put_u32(nl, m, RTA_PRIORITY, (uint32_t)route->priority);
	if (route->mtu || route->advmss) {
		metrics = nlk_nest(nl, m, RTA_METRICS);
		if (route->mtu)
			nlk_put_u32(nl, m, RTAX_MTU, (uint32_t)route->mtu);
		if (route->advmss)
			nlk_put_u32(nl, m, RTAX_ADVMSS, (uint32_t)route->advmss);
		nlk_nest_end(m, metrics);
	}
}

void route_queue_link(struct nlk *nl, int index, const struct link_route *route)
{
	struct rtmsg rtm = {
		.rtm_family = route->dst->ip.family,
		.rtm_dst_len = route->dst->len,
		.rtm_table = RT_TABLE_MAIN,
		.rtm_protocol = RTPROT_STATIC,
		.rtm_type = RTN_UNICAST,
		.rtm_scope = (unsigned char)route->scope,
	};
	struct nl_msg *m = nlk_request(nl, "add a route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL,
				       &rtm, sizeof(rtm));

	nlk_ignore(nl, -EEXIST);
	nlk_put(nl, m, RTA_DST, route->dst->ip.b, ip_bytes(&route->dst->ip));
	if (route->gw)
		nlk_put(nl, m, RTA_GATEWAY, route->gw->b, ip_bytes(route->gw));
	if (route->src)
		nlk_put(nl, m, RTA_PREFSRC, route->src->b, ip_bytes(route->src));
	nlk_put_u32(nl, m, RTA_OIF, index);
}

struct search {
	const struct cni_route *want;
	struct ip_net dst;
	uint32_t oif;
	int found;
};

static bool same_addr(struct nlattr *attr, const struct ip_addr *ip)
{
	return attr && nla_len(attr) == ip_bytes(ip) &&
	       memcmp(nla_data(attr), ip->b, ip_bytes(ip)) == 0;
}

static int match_route(const struct nlmsghdr *hdr, void *arg)
{
	struct search *s = arg;
	const struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *attr[RTA_MAX + 1];
	uint32_t table, priority;

	if (hdr->nlmsg_type != RTM_NEWROUTE || rtm->rtm_dst_len != s->dst.len)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*rtm), attr, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	table = attr[RTA_TABLE] ? nla_get_u32(attr[RTA_TABLE]) : rtm->rtm_table;
	if (s->want->table >= 0 ? table != table_of(s->want) : table == RT_TABLE_LOCAL)
		return 0;
	priority = attr[RTA_PRIORITY] ? nla_get_u32(attr[RTA_PRIORITY]) : 0;
	if (s->dst.len && !same_addr(attr[RTA_DST], &s->dst.ip))
		return 0;
	if (!attr[RTA_OIF] || nla_get_u32(attr[RTA_OIF]) != s->oif)
		return 0;
	if (s->want->gw.family && !same_addr(attr[RTA_GATEWAY], &s->want->gw))
		return 0;
	if (s->want->priority && priority != (uint32_t)s->want->priority)
		return 0;
	s->found = 1;
	return 0;
}

static void forget(void *arg)
{
	((struct search *)arg)->found = 0;
}

int route_find(struct nlk *nl, int index, const struct cni_route *route)
{
	struct search s = { .want = route, .dst = ip_network(&route->dst), .oif = index };
	struct rtmsg rtm = { .rtm_family = route->dst.ip.family };
	struct nl_msg *m = nlk_request(nl, "list routes", RTM_GETROUTE, 0, &rtm, sizeof(rtm));
	int r;

	if (route->table >= 0)
		nlk_put_u32(nl, m, RTA_TABLE, table_of(route));
	r = nlk_dump(nl, match_route, forget, &s);
	/* a table that was never used does not exist */
	return r == -ENOENT ? 0 : r < 0 ? r : s.found;
}

/* What the kernel would do with a packet. */
struct lookup {
	int type, interface;
};

static int read_lookup(const struct nlmsghdr *hdr, void *arg)
{
	struct lookup *found = arg;
	struct nlattr *attr[RTA_MAX + 1];

	if (hdr->nlmsg_type != RTM_NEWROUTE)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(struct rtmsg), attr, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	found->type = ((const struct rtmsg *)nlmsg_data(hdr))->rtm_type;
	if (attr[RTA_OIF])
		found->interface = (int)nla_get_u32(attr[RTA_OIF]);
	return 0;
}

static int look_up(struct nlk *nl, const struct ip_addr *ip, struct lookup *found)
{
	struct rtmsg rtm = { .rtm_family = ip->family, .rtm_dst_len = ip_bits(ip) };
	struct nl_msg *m = nlk_request(nl, "look up the route", RTM_GETROUTE, 0, &rtm, sizeof(rtm));

	nlk_put(nl, m, RTA_DST, ip->b, ip_bytes(ip));
	return nlk_send(nl, read_lookup, found);
}

int route_interface(struct nlk *nl, const struct ip_addr *ip)
{
	struct lookup found = { .interface = -ENETUNREACH };
	int r = look_up(nl, ip, &found);

	return r < 0 ? r : found.interface;
}

struct default_route {
	int interface;
	uint32_t metric;
};

static int match_default(const struct nlmsghdr *hdr, void *arg)
{
	struct default_route *best = arg;
	const struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *attr[RTA_MAX + 1];
	uint32_t metric;
	int interface = 0;

	if (hdr->nlmsg_type != RTM_NEWROUTE || rtm->rtm_dst_len || rtm->rtm_type != RTN_UNICAST)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*rtm), attr, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	metric = attr[RTA_PRIORITY] ? nla_get_u32(attr[RTA_PRIORITY]) : 0;
	if (attr[RTA_OIF]) {
		interface = (int)nla_get_u32(attr[RTA_OIF]);
	} else if (attr[RTA_MULTIPATH] &&
		   nla_len(attr[RTA_MULTIPATH]) >= (int)sizeof(struct rtnexthop)) {
		struct rtnexthop first;

		memcpy(&first, nla_data(attr[RTA_MULTIPATH]), sizeof(first));
		interface = first.rtnh_ifindex;
	}
	if (interface && (!best->interface || metric < best->metric))
		*best = (struct default_route){ interface, metric };
	return 0;
}

static void forget_default(void *arg)
{
	*(struct default_route *)arg = (struct default_route){ 0 };
}

int route_default_interface(struct nlk *nl)
{
	static const uint8_t families[] = { AF_INET, AF_INET6 };

	for (size_t i = 0; i < sizeof(families); i++) {
		struct rtmsg rtm = { .rtm_family = families[i], .rtm_type = RTN_UNICAST };
		struct default_route best = { 0 };
		struct nl_msg *m = nlk_request(nl, "look for the default route", RTM_GETROUTE, 0,
					       &rtm, sizeof(rtm));
		int r;

		nlk_put_u32(nl, m, RTA_TABLE, RT_TABLE_MAIN);
		r = nlk_dump(nl, match_default, forget_default, &best);
		if (r == 0 && best.interface)
			return best.interface;
		if (r < 0 && r != -ENOENT && r != -EOPNOTSUPP && r != -EAFNOSUPPORT)
			return r;
	}
	return -ENODEV;
}

int route_is_local(struct nlk *nl, const struct ip_addr *ip)
{
	struct lookup found = { .type = RTN_UNSPEC };
	int r = look_up(nl, ip, &found);

	if (r == -ENETUNREACH || r == -EHOSTUNREACH)
		return 0;
	return r < 0 ? r : found.type == RTN_LOCAL;
}
