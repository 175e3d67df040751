/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel must know of an overlay's peers, and what it knows.
 *
 * The gateway of a peer's subnet is the subnet's network address, which no container has; the peer
 * has it on its VXLAN device. Three entries lead there (the scheme of flannel and Calico): a route
 * "subnet via gateway dev vx42 onlink", a neighbour "gateway is MAC", and in the device's
 * forwarding database "MAC is at VTEP". The kernel never has to learn or ask.
 *
 * Where an overlay is one link (mode "l2"), containers ask for each other by broadcast instead: the
 * forwarding entry of MAC 00:00:00:00:00:00 has as many VTEPs as there are peers, each of which
 * gets a copy (head-end replication).
 */
#include "overlay_entries.h"

#include "args.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <stdlib.h>
#include <string.h>

void overlay_list_free(struct overlay_list *list)
{
	free(list->e);
	memset(list, 0, sizeof(*list));
}

void overlay_diff_free(struct overlay_diff *diff)
{
	overlay_list_free(&diff->add);
	overlay_list_free(&diff->del);
}

void overlay_list_add(struct overlay_list *list, const struct overlay_entry *entry)
{
	if (list->n == list->size) {
		list->size = list->size ? 2 * list->size : 64;
		list->e = realloc(list->e, list->size * sizeof(*list->e));
		if (!list->e)
			abort();
	}
	list->e[list->n++] = *entry;
}

void overlay_list_peer(struct overlay_list *list, int oif, const struct ip_net *subnet,
		       const uint8_t mac[6], const struct ip_addr *vtep)
{
	struct overlay_entry fdb = { .kind = OVERLAY_FDB, .oif = oif, .to = *vtep };
	struct overlay_entry neigh = { .kind = OVERLAY_NEIGH, .oif = oif };
	struct overlay_entry route = { .kind = OVERLAY_ROUTE, .oif = oif };

	memcpy(fdb.mac, mac, sizeof(fdb.mac));
	memcpy(neigh.mac, mac, sizeof(neigh.mac));
	neigh.dst = (struct ip_net){ subnet->ip, ip_bits(&subnet->ip) };
	route.dst = *subnet;
	route.to = subnet->ip;
	overlay_list_add(list, &fdb);
	overlay_list_add(list, &neigh);
	overlay_list_add(list, &route);
}

void overlay_list_direct(struct overlay_list *list, int oif, const struct ip_net *subnet,
			 const struct ip_addr *vtep)
{
	struct overlay_entry route = {
		.kind = OVERLAY_ROUTE, .oif = oif, .dst = *subnet, .to = *vtep
	};

	overlay_list_add(list, &route);
}

void overlay_list_flood(struct overlay_list *list, int oif, const struct ip_addr *vtep)
{
	struct overlay_entry flood = { .kind = OVERLAY_FLOOD, .oif = oif, .to = *vtep };

	overlay_list_add(list, &flood);
}

/* ---- the difference ---- */

/* Of entries with one key the kernel has one. */
static int compare_keys(const struct overlay_entry *a, const struct overlay_entry *b)
{
	int d = (int)a->kind - (int)b->kind;

	if (d == 0 && a->kind == OVERLAY_FDB)
		return memcmp(a->mac, b->mac, sizeof(a->mac));
	if (d == 0 && a->kind == OVERLAY_FLOOD)
		return ip_cmp(&a->to, &b->to);
	if (d == 0)
		d = ip_cmp(&a->dst.ip, &b->dst.ip);
	return d ? d : (int)a->dst.len - (int)b->dst.len;
}

static bool same_value(const struct overlay_entry *a, const struct overlay_entry *b)
{
	return a->oif == b->oif && memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       ip_equal(&a->to, &b->to);
}

static int by_key(const void *a, const void *b)
{
	return compare_keys(a, b);
}

/* What was compared before is sorted already. */
static void sort(struct overlay_list *list)
{
	size_t i = 1;

	while (i < list->n && compare_keys(&list->e[i - 1], &list->e[i]) <= 0)
		i++;
	if (i < list->n)
		qsort(list->e, list->n, sizeof(*list->e), by_key);
}

/* A node with two subnets needs its FDB entry once. */
static void drop_doubles(struct overlay_list *list)
{
	size_t n = 0;

	for (size_t i = 0; i < list->n; i++)
		if (n == 0 || compare_keys(&list->e[n - 1], &list->e[i]) != 0)
			list->e[n++] = list->e[i];
	list->n = n;
}

void overlay_list_diff(struct overlay_list *want, struct overlay_list *have,
		       struct overlay_diff *diff)
{
	size_t i = 0, k = 0;

	sort(want);
	sort(have);
	drop_doubles(want);
	while (i < want->n || k < have->n) {
		int d = i == want->n   ? 1
			: k == have->n ? -1
				       : compare_keys(&want->e[i], &have->e[k]);
		bool same = false;

		if (d > 0) {
			overlay_list_add(&diff->del, &have->e[k++]);
			continue;
		}
		/* the kernel may have several with one key, through several devices */
		for (; k < have->n && compare_keys(&want->e[i], &have->e[k]) == 0; k++) {
			same |= same_value(&want->e[i], &have->e[k]);
			if (want->e[i].oif != have->e[k].oif)
				overlay_list_add(&diff->del, &have->e[k]);
		}
		if (!same)
			overlay_list_add(&diff->add, &want->e[i]);
		i++;
	}
}

const struct overlay_entry *overlay_list_find(const struct overlay_list *list,
					      const struct overlay_entry *entry, bool *same)
{
	const struct overlay_entry *found =
		list->n ? bsearch(entry, list->e, list->n, sizeof(*list->e), by_key) : NULL;

	*same = found && same_value(found, entry);
	return found;
}

/* ---- the kernel's side ---- */

struct reading {
	struct overlay_list *have;
	int device;
	const struct ip_net *network;
	size_t before; /* entries of the dumps before this one */
};

static bool read_ip(struct nlattr *attr, int family, struct ip_addr *ip)
{
	if (!attr || (nla_len(attr) != 4 && nla_len(attr) != 16))
		return false;
	*ip = (struct ip_addr){ .family = (uint8_t)(nla_len(attr) == 4 ? AF_INET : AF_INET6) };
	memcpy(ip->b, nla_data(attr), nla_len(attr));
	return family == AF_UNSPEC || family == ip->family;
}

static bool parse_route(const struct nlmsghdr *hdr, struct overlay_entry *entry, uint8_t *proto)
{
	const struct rtmsg *rtm = nlmsg_data(hdr);
	struct nlattr *attr[RTA_MAX + 1];

	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*rtm), attr, RTA_MAX, NULL) < 0)
		return false;
	*entry = (struct overlay_entry){ .kind = OVERLAY_ROUTE, .dst.len = rtm->rtm_dst_len };
	*proto = rtm->rtm_protocol;
	if (rtm->rtm_table != RT_TABLE_MAIN ||
	    !read_ip(attr[RTA_DST], rtm->rtm_family, &entry->dst.ip))
		return false;
	/* a black hole, or several next hops: it stands where ours would, and is none of ours */
	if (rtm->rtm_type != RTN_UNICAST || !attr[RTA_OIF])
		return true;
	read_ip(attr[RTA_GATEWAY], rtm->rtm_family, &entry->to);
	entry->oif = (int)nla_get_u32(attr[RTA_OIF]);
	return true;
}

static bool parse_neigh(const struct nlmsghdr *hdr, struct overlay_entry *entry, uint8_t *proto)
{
	const struct ndmsg *ndm = nlmsg_data(hdr);
	bool fdb = ndm->ndm_family == AF_BRIDGE;
	struct nlattr *attr[NDA_MAX + 1], *mac;

	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*ndm), attr, NDA_MAX, NULL) < 0)
		return false;
	*entry = (struct overlay_entry){ .kind = fdb ? OVERLAY_FDB : OVERLAY_NEIGH,
					 .oif = ndm->ndm_ifindex };
	*proto = ndm->ndm_state & NUD_PERMANENT ? OVERLAY_RTPROT : 0;
	if (!read_ip(attr[NDA_DST], fdb ? AF_UNSPEC : ndm->ndm_family,
		     fdb ? &entry->to : &entry->dst.ip))
		return false;
	mac = attr[NDA_LLADDR];
	if (mac && nla_len(mac) == sizeof(entry->mac))
		memcpy(entry->mac, nla_data(mac), sizeof(entry->mac));
	else if (fdb || *proto)
		return false;
	if (fdb && memcmp(entry->mac, (const uint8_t[6]){ 0 }, sizeof(entry->mac)) == 0)
		entry->kind = OVERLAY_FLOOD;
	if (!fdb)
		entry->dst.len = ip_bits(&entry->dst.ip);
	return true;
}

bool overlay_entry_read(const struct nlmsghdr *hdr, struct overlay_entry *entry, uint8_t *proto)
{
	switch (hdr->nlmsg_type) {
	case RTM_NEWROUTE:
	case RTM_DELROUTE:
		return nlmsg_valid_hdr(hdr, sizeof(struct rtmsg)) && parse_route(hdr, entry, proto);
	case RTM_NEWNEIGH:
	case RTM_DELNEIGH:
		return nlmsg_valid_hdr(hdr, sizeof(struct ndmsg)) && parse_neigh(hdr, entry, proto);
	}
	return false;
}

/* nlk_reply_fn */
static int take_entry(const struct nlmsghdr *hdr, void *arg)
{
	struct reading *reading = arg;
	struct overlay_entry entry;
	const struct ip_net *network;
	uint8_t proto;

	if (!overlay_entry_read(hdr, &entry, &proto) || proto != OVERLAY_RTPROT || !entry.oif)
		return 0;
	network = &reading->network[entry.dst.ip.family == AF_INET6];
	if (entry.oif == reading->device || (entry.kind == OVERLAY_ROUTE && network->ip.family &&
					     ip_net_contains(network, &entry.dst.ip)))
		overlay_list_add(reading->have, &entry);
	return 0;
}

static void forget(void *arg)
{
	struct reading *reading = arg;

	reading->have->n = reading->before;
}

static int dump_routes(struct nlk *nl, int family, struct reading *reading)
{
	struct rtmsg rtm = { .rtm_family = family,
			     .rtm_protocol = OVERLAY_RTPROT,
			     .rtm_type = RTN_UNICAST };
	struct nl_msg *m =
		nlk_request(nl, "list the overlay's routes", RTM_GETROUTE, 0, &rtm, sizeof(rtm));

	nlk_put_u32(nl, m, RTA_TABLE, RT_TABLE_MAIN);
	reading->before = reading->have->n;
	return nlk_dump(nl, take_entry, forget, reading);
}

static int dump_neigh(struct nlk *nl, int family, struct reading *reading)
{
	struct ndmsg ndm = { .ndm_family = family };
	struct nl_msg *m;

	/* the two dumps want the interface in different places */
	if (family == AF_BRIDGE)
		ndm.ndm_ifindex = reading->device;
	m = nlk_request(nl,
			family == AF_BRIDGE ? "list the overlay's forwarding database"
					    : "list the overlay's neighbours",
			RTM_GETNEIGH, 0, &ndm, sizeof(ndm));
	if (family != AF_BRIDGE)
		nlk_put_u32(nl, m, NDA_IFINDEX, reading->device);
	reading->before = reading->have->n;
	return nlk_dump(nl, take_entry, forget, reading);
}

/* What a kernel without the family answers. */
static bool lacking(int r)
{
	return r == -ENOENT || r == -EOPNOTSUPP || r == -EAFNOSUPPORT;
}

int overlay_list_read(struct nlk *nl, int device, const struct ip_net network[2],
		      struct overlay_list *have)
{
	struct reading reading = { have, device, network, 0 };
	int r = device ? dump_neigh(nl, AF_BRIDGE, &reading) : 0;

	for (int i = 0; i < 2 && r == 0; i++) {
		int family = i ? AF_INET6 : AF_INET;

		if (!network[i].ip.family)
			continue;
		r = dump_routes(nl, family, &reading);
		if (lacking(r))
			r = 0;
		if (r == 0 && device)
			r = dump_neigh(nl, family, &reading);
	}
	return r;
}

/*
 * The kernel keeps what IPv4 routes have beside their destination in a hash table whose key knows
 * interface and scope but no gateway (fib_find_info(), net/ipv4/fib_semantics.c): thousands of
 * routes through one device are compared with each other. All scopes below RT_SCOPE_SITE mean the
 * same for a route with a gateway, so that many routes at once are spread over them.
 */
#define MANY   256
#define SCOPES 128

static uint8_t scope_of(const struct overlay_entry *e, bool many)
{
	return many && e->dst.ip.family == AF_INET ? (e->dst.ip.b[1] * 31 + e->dst.ip.b[2]) % SCOPES
						   : RT_SCOPE_UNIVERSE;
}

static void queue_route(struct nlk *nl, const struct overlay_entry *e, bool add, bool many)
{
	struct rtmsg rtm = { .rtm_family = e->dst.ip.family,
			     .rtm_dst_len = e->dst.len,
			     .rtm_table = RT_TABLE_MAIN,
			     .rtm_protocol = OVERLAY_RTPROT,
			     .rtm_type = RTN_UNICAST,
			     .rtm_scope = add ? scope_of(e, many) : RT_SCOPE_NOWHERE,
			     .rtm_flags = add && e->to.family ? RTNH_F_ONLINK : 0 };
	struct nl_msg *m = nlk_request(nl, add ? "add a peer's route" : "remove a peer's route",
				       add ? RTM_NEWROUTE : RTM_DELROUTE,
				       add ? NLM_F_CREATE | NLM_F_REPLACE : 0, &rtm, sizeof(rtm));

	nlk_put(nl, m, RTA_DST, e->dst.ip.b, ip_bytes(&e->dst.ip));
	if (e->to.family)
		nlk_put(nl, m, RTA_GATEWAY, e->to.b, ip_bytes(&e->to));
	nlk_put_u32(nl, m, RTA_OIF, e->oif);
	if (!add)
		nlk_ignore(nl, -ESRCH);
}

static void queue_neigh(struct nlk *nl, const struct overlay_entry *e, bool add)
{
	bool fdb = e->kind == OVERLAY_FDB || e->kind == OVERLAY_FLOOD;
	const struct ip_addr *ip = fdb ? &e->to : &e->dst.ip;
	int how = e->kind == OVERLAY_FLOOD ? NLM_F_APPEND : NLM_F_REPLACE;
	struct ndmsg ndm = { .ndm_family = fdb ? AF_BRIDGE : ip->family,
			     .ndm_ifindex = e->oif,
			     .ndm_state = add ? NUD_PERMANENT : 0,
			     .ndm_flags = fdb ? NTF_SELF : 0,
			     .ndm_type = fdb ? 0 : RTN_UNICAST };
	struct nl_msg *m = nlk_request(nl,
				       fdb   ? add ? "add a peer's VTEP" : "remove a peer's VTEP"
				       : add ? "add a peer's neighbour entry"
					     : "remove a peer's neighbour entry",
				       add ? RTM_NEWNEIGH : RTM_DELNEIGH,
				       add ? NLM_F_CREATE | how : 0, &ndm, sizeof(ndm));

	nlk_put(nl, m, NDA_DST, ip->b, ip_bytes(ip));
	if (fdb || add)
		nlk_put(nl, m, NDA_LLADDR, e->mac, sizeof(e->mac));
	if (!add)
		nlk_ignore(nl, -ENOENT);
}

static int queue(struct nlk *nl, const struct overlay_entry *e, bool add, bool many)
{
	if (e->kind == OVERLAY_ROUTE)
		queue_route(nl, e, add, many);
	else
		queue_neigh(nl, e, add);
	return nl->n_queued == NLK_BATCH_MAX ? nlk_send(nl, NULL, NULL) : 0;
}

/*
 * IPv6 refuses a gateway that a route of somebody else leads elsewhere: to the same subnet, or to
 * one around it. A route without a gateway takes its place first.
 */
static int queue_place(struct nlk *nl, const struct overlay_entry *e)
{
	struct overlay_entry place = *e;

	if (e->kind != OVERLAY_ROUTE || e->dst.ip.family != AF_INET6 ||
	    !ip_equal(&e->to, &e->dst.ip))
		return 0;
	place.to = (struct ip_addr){ 0 };
	return queue(nl, &place, true, false);
}

static int write_all(struct nlk *nl, const struct overlay_diff *diff, bool make_place)
{
	int r = 0;

	for (size_t i = 0; i < diff->add.n && r == 0; i++) {
		if (make_place)
			r = queue_place(nl, &diff->add.e[i]);
		if (r == 0)
			r = queue(nl, &diff->add.e[i], true, diff->add.n > MANY);
	}
	/* sorted by kind: the routes go first */
	for (size_t i = diff->del.n; i > 0 && r == 0; i--)
		r = queue(nl, &diff->del.e[i - 1], false, false);
	return r < 0 ? r : nlk_send(nl, NULL, NULL);
}

int overlay_list_write(struct nlk *nl, const struct overlay_diff *diff)
{
	int r = write_all(nl, diff, false);

	return r == -EINVAL ? write_all(nl, diff, true) : r;
}

char *overlay_entry_str(const struct overlay_entry *entry, char buf[OVERLAY_ENTRY_STRLEN])
{
	char dst[IP_STRLEN], to[IP_STRLEN], mac[MAC_STRLEN];

	if (entry->kind == OVERLAY_ROUTE)
		snprintf(buf, OVERLAY_ENTRY_STRLEN, "the route to %s through %s",
			 ip_net_str(&entry->dst, dst), ip_str(&entry->to, to));
	else if (entry->kind == OVERLAY_FLOOD)
		snprintf(buf, OVERLAY_ENTRY_STRLEN, "%s in the replication list",
			 ip_str(&entry->to, to));
	else if (entry->kind == OVERLAY_NEIGH)
		snprintf(buf, OVERLAY_ENTRY_STRLEN, "the neighbour entry of %s, %s",
			 ip_str(&entry->dst.ip, dst), mac_str(entry->mac, mac));
	else
		snprintf(buf, OVERLAY_ENTRY_STRLEN, "the forwarding entry of %s to %s",
			 mac_str(entry->mac, mac), ip_str(&entry->to, to));
	return buf;
}
