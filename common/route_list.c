/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routes as the kernel has them: listing those of an interface, and adding them to another table.
 */
#include "route_list.h"

#include "cleanup.h"

#include <string.h>

void route_list_free(struct route_list *list)
{
	free(list->r);
	*list = (struct route_list){ 0 };
}

/* What to look for, and where to put it. */
struct listing {
	int oif;
	uint32_t table;
	struct route_list *out;
};

static void read_addr(struct nlattr *attr, int family, struct ip_addr *out)
{
	struct ip_addr ip = { .family = family };

	if (!attr || nla_len(attr) != ip_bytes(&ip))
		return;
	memcpy(ip.b, nla_data(attr), ip_bytes(&ip));
	*out = ip;
}

/* Attributes that say how a route is doing, or are added separately. */
static bool is_dropped(int type)
{
	return type == RTA_TABLE || type == RTA_CACHEINFO || type == RTA_MULTIPATH ||
	       type == RTA_EXPIRES || type == RTA_NH_ID;
}

static int keep_attr(struct route_copy *route, const struct nlattr *attr)
{
	int len = NLA_ALIGN(attr->nla_len);

	if (is_dropped(nla_type(attr)))
		return 0;
	if (route->len + len > ROUTE_ATTRS_MAX)
		return -E2BIG;
	memcpy(route->attrs + route->len, attr, attr->nla_len);
	route->len += len;
	return 0;
}

/* One next hop: the attributes of the route, and of the hop where it has some of its own. */
static int add_hop(struct listing *l, const struct route_copy *base, struct nlattr **attr,
		   struct nlattr *hop_attrs, int hop_len, int hop_oif)
{
	struct route_copy route = *base;
	struct nlattr *a, *gw = attr[RTA_GATEWAY];
	int left, r = 0;

	route.oif = hop_oif ? hop_oif : attr[RTA_OIF] ? (int)nla_get_u32(attr[RTA_OIF]) : 0;
	if (l->oif && route.oif != l->oif)
		return 0;
	nla_for_each_attr (a, hop_attrs, hop_len, left) {
		if (nla_type(a) == RTA_GATEWAY)
			gw = a;
		if (r == 0)
			r = keep_attr(&route, a);
	}
	if (r == 0 && hop_oif) {
		struct {
			struct nlattr hdr;
			int32_t oif;
		} out = { { .nla_len = sizeof(out), .nla_type = RTA_OIF }, hop_oif };

		r = keep_attr(&route, &out.hdr);
	}
	if (r < 0)
		return r;
	read_addr(gw, route.rtm.rtm_family, &route.gw);
	if (l->out->n == ROUTE_LIST_MAX)
		return -E2BIG;
	l->out->r[l->out->n++] = route;
	return 0;
}

static int add_hops(struct listing *l, struct route_copy *base, struct nlattr **attr)
{
	struct rtnexthop *hop;
	int left, r = 0;

	if (!attr[RTA_MULTIPATH])
		return add_hop(l, base, attr, NULL, 0, 0);
	hop = nla_data(attr[RTA_MULTIPATH]);
	left = nla_len(attr[RTA_MULTIPATH]);
	while (r == 0 && RTNH_OK(hop, left)) {
		base->rtm.rtm_flags = hop->rtnh_flags & RTNH_F_ONLINK;
		r = add_hop(l, base, attr, (struct nlattr *)RTNH_DATA(hop),
			    hop->rtnh_len - (int)sizeof(*hop), hop->rtnh_ifindex);
		left -= RTNH_ALIGN(hop->rtnh_len);
		hop = RTNH_NEXT(hop);
	}
	return r;
}

static int read_route(const struct nlmsghdr *hdr, void *arg)
{
	const struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *attr[RTA_MAX + 1], *a;
	struct route_copy base = { .rtm = *rtm };
	struct listing *l = arg;
	int left;

	if (hdr->nlmsg_type != RTM_NEWROUTE || rtm->rtm_type != RTN_UNICAST ||
	    rtm->rtm_flags & RTM_F_CLONED)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*rtm), attr, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	base.table = attr[RTA_TABLE] ? nla_get_u32(attr[RTA_TABLE]) : rtm->rtm_table;
	if (l->table && base.table != l->table)
		return 0;
	base.rtm.rtm_flags &= RTNH_F_ONLINK; /* the others are states */
	base.dst = (struct ip_net){ .ip.family = rtm->rtm_family, .len = rtm->rtm_dst_len };
	read_addr(attr[RTA_DST], rtm->rtm_family, &base.dst.ip);
	read_addr(attr[RTA_PREFSRC], rtm->rtm_family, &base.src);
	nlmsg_for_each_attr(a, (struct nlmsghdr *)hdr, sizeof(*rtm), left)
	{
		int r = keep_attr(&base, a);

		if (r < 0)
			return r;
	}
	return add_hops(l, &base, attr);
}

static void forget(void *arg)
{
	((struct listing *)arg)->out->n = 0;
}

int route_list_get(struct nlk *nl, int family, int oif, uint32_t table, struct route_list *out)
{
	struct rtmsg rtm = { .rtm_family = family };
	struct listing l = { oif, table, out };
	struct nl_msg *m;
	int r;

	out->r = calloc(ROUTE_LIST_MAX, sizeof(*out->r));
	if (!out->r)
		return -ENOMEM;
	m = nlk_request(nl, "list routes", RTM_GETROUTE, 0, &rtm, sizeof(rtm));
	if (table)
		nlk_put_u32(nl, m, RTA_TABLE, table);
	r = nlk_dump(nl, read_route, forget, &l);
	/* a table that was never used does not exist */
	return r == -ENOENT || r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

bool route_list_has_table(const struct route_list *list, uint32_t table)
{
	for (int i = 0; i < list->n; i++)
		if (list->r[i].table == table)
			return true;
	return false;
}

static struct nl_msg *queue(struct nlk *nl, const char *what, int type, int flags,
			    const struct route_copy *route, uint32_t table,
			    const struct ip_addr *src)
{
	struct rtmsg rtm = route->rtm;
	struct nl_msg *m;
	struct nlattr *a;
	int left;

	rtm.rtm_table = RT_TABLE_UNSPEC;
	m = nlk_request(nl, what, type, flags, &rtm, sizeof(rtm));
	nla_for_each_attr (a, (struct nlattr *)route->attrs, route->len, left) {
		if (!(src && nla_type(a) == RTA_PREFSRC))
			nlk_put(nl, m, a->nla_type, nla_data(a), nla_len(a));
	}
	if (src)
		nlk_put(nl, m, RTA_PREFSRC, src->b, ip_bytes(src));
	nlk_put_u32(nl, m, RTA_TABLE, table);
	return m;
}

void route_queue_copy(struct nlk *nl, const struct route_copy *route, uint32_t table,
		      const struct ip_addr *src)
{
	queue(nl, "add a route", RTM_NEWROUTE, NLM_F_CREATE | NLM_F_APPEND, route, table, src);
	nlk_ignore(nl, -EEXIST);
}

void route_queue_del_copy(struct nlk *nl, const struct route_copy *route)
{
	queue(nl, "remove a route", RTM_DELROUTE, 0, route, route->table, NULL);
	nlk_ignore(nl, -ESRCH);
}
