/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host's routes say of an overlay's peers, and the MTU that follows. */
#include "overlay_underlay.h"

#include "cleanup.h"
#include "link.h"
#include "route.h"

#include <string.h>

#define DEFAULT_MTU 1500 /* of a node that has no way to anybody */
#define MIN_MTU4    68	 /* RFC 791 */
#define MIN_MTU6    1280 /* RFC 8200, 5 */

void overlay_underlay_free(struct overlay_underlay *u)
{
	free(u->ways);
	memset(u, 0, sizeof(*u));
}

static int find_dev(struct nlk *nl, const struct overlay_site *site, struct overlay_underlay *u,
		    int *mtu, struct cni_err *err)
{
	struct link_info info;
	int r;

	if (!site->dev || !*site->dev)
		return 0;
	r = strlen(site->dev) < IFNAMSIZ ? link_get(nl, site->dev, &info) : -ENODEV;
	if (r == -ENODEV)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"underlay.dev\": there is no interface \"%.60s\"", site->dev);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up link %s", site->dev);
	u->dev = info.index;
	*mtu = info.mtu;
	return 0;
}

static int check_local(struct nlk *nl, const struct overlay_site *site, struct cni_err *err)
{
	char text[IP_STRLEN];
	int r = route_is_local(nl, &site->local);

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up %s", ip_str(&site->local, text));
	if (r > 0)
		return 0;
	if (site->address && *site->address)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"underlay.address\": %s is not an address of this host",
				site->address);
	if (!site->own)
		return cni_fail(err, CNI_E_CONF, 0, "the VTEP %s is not an address of this host",
				ip_str(&site->local, text));
	return cni_fail(err, CNI_E_CONF, 0,
			"\"vtep\": %s of node \"%s\", which is this node, is not an address of "
			"this host",
			ip_str(&site->local, text), site->own->node);
}

/* ---- the routes to the peers ---- */

/* The kernel answers each in a buffer of a page (inet_rtm_getroute(), net/ipv4/route.c), and a
 * socket's buffer holds 45 of them by default. */
#define QUESTIONS 24

/* The questions of one batch: sequence number of the first, and whose ways are asked for. */
struct asking {
	uint32_t first;
	struct overlay_way *way[QUESTIONS];
};

static int take_way(const struct nlmsghdr *hdr, void *arg)
{
	const struct asking *asking = arg;
	const struct rtmsg *rtm = nlmsg_data(hdr);
	uint32_t index = hdr->nlmsg_seq - asking->first;
	struct nlattr *attr[RTA_MAX + 1], *metric;

	if (hdr->nlmsg_type != RTM_NEWROUTE || index >= QUESTIONS)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*rtm), attr, RTA_MAX, NULL) < 0)
		return -EBADMSG;
	if (rtm->rtm_type != RTN_UNICAST || !attr[RTA_OIF])
		return 0;
	asking->way[index]->oif = (int)nla_get_u32(attr[RTA_OIF]);
	asking->way[index]->on_link = !attr[RTA_GATEWAY] && !attr[RTA_VIA];
	metric = attr[RTA_METRICS] ? nla_find(nla_data(attr[RTA_METRICS]),
					      nla_len(attr[RTA_METRICS]), RTAX_MTU)
				   : NULL;
	if (metric)
		asking->way[index]->mtu = (int)nla_get_u32(metric);
	return 0;
}

/* What the kernel says of addresses that it has no way to. */
static bool unreachable(int r)
{
	return r == -ENETUNREACH || r == -EHOSTUNREACH || r == -EACCES || r == -EINVAL;
}

static int ask(struct nlk *nl, struct asking *asking, struct cni_err *err)
{
	int r;

	asking->first = nl->seq - (uint32_t)nl->n_queued + 1;
	r = nlk_send(nl, take_way, asking);
	return r < 0 && !unreachable(r)
		       ? nlk_fail(err, nl, CNI_E_FAILED, r, "look up the routes to the peers")
		       : 0;
}

static int by_vtep(const void *a, const void *b)
{
	const struct overlay_way *const *one = a, *const *other = b;

	return ip_cmp(&(*one)->to, &(*other)->to);
}

/* The ways of before, for a search; owned by the caller. */
static const struct overlay_way **sorted_ways(const struct overlay_underlay *u)
{
	const struct overlay_way **sorted = calloc(u->n + 1, sizeof(*sorted));

	if (!sorted)
		abort();
	for (size_t i = 0; i < u->n; i++)
		sorted[i] = &u->ways[i];
	if (u->n)
		qsort(sorted, u->n, sizeof(*sorted), by_vtep);
	return sorted;
}

/* Each way knows whose it is; those that were found before are as they were. */
static void begin_ways(const struct overlay_site *site, const struct overlay_underlay *known,
		       struct overlay_underlay *u)
{
	autofree const struct overlay_way **sorted = known ? sorted_ways(known) : NULL;

	for (size_t i = 0; i < u->n; i++) {
		const struct overlay_way *way = &u->ways[i], **old;

		u->ways[i].to = site->peers->p[i].vtep;
		old = sorted && known->n ? bsearch(&way, sorted, known->n, sizeof(*sorted), by_vtep)
					 : NULL;
		if (old)
			u->ways[i] = **old;
	}
}

static int ask_ways(struct nlk *nl, const struct overlay_site *site, struct overlay_underlay *u,
		    struct cni_err *err)
{
	struct asking asking = { 0 };

	for (size_t i = 0; i < site->peers->n; i++) {
		const struct overlay_peer *p = &site->peers->p[i];
		struct rtmsg rtm = { .rtm_family = p->vtep.family,
				     .rtm_dst_len = ip_bits(&p->vtep) };
		struct nl_msg *m;

		if (p->refused || p == site->own || u->ways[i].oif)
			continue;
		asking.way[nl->n_queued] = &u->ways[i];
		m = nlk_request(nl, "look up the route to a peer", RTM_GETROUTE, 0, &rtm,
				sizeof(rtm));
		nlk_put(nl, m, RTA_DST, p->vtep.b, ip_bytes(&p->vtep));
		nlk_reply_only(nl);
		if (nl->n_queued == QUESTIONS && ask(nl, &asking, err) < 0)
			return -EIO;
	}
	return ask(nl, &asking, err);
}

/* ---- MTU ---- */

static int interface_mtu(struct nlk *nl, int index, int *mtu, struct cni_err *err)
{
	struct link_info info;
	int r = link_get_index(nl, index, &info);

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up interface %d", index);
	*mtu = info.mtu;
	return 0;
}

/* The least that a way carries; *mtu: that of "underlay.dev", or 0. */
static int least_mtu(struct nlk *nl, const struct overlay_site *site,
		     const struct overlay_underlay *u, int *mtu, struct cni_err *err)
{
	int last = 0, last_mtu = 0;

	for (size_t i = 0; i < site->peers->n; i++) {
		const struct overlay_way *way = &u->ways[i];
		int one = way->mtu;

		if (!way->oif)
			continue;
		if (way->oif != last && interface_mtu(nl, way->oif, &last_mtu, err) < 0)
			return -EIO;
		last = way->oif;
		if (!one || one > last_mtu)
			one = last_mtu;
		if (!*mtu || one < *mtu)
			*mtu = one;
	}
	if (*mtu)
		return 0;
	last = route_default_interface(nl);
	if (last > 0)
		return interface_mtu(nl, last, mtu, err);
	*mtu = DEFAULT_MTU;
	return 0;
}

static int choose_mtu(const struct overlay_site *site, struct overlay_underlay *u, int underlay,
		      struct cni_err *err)
{
	bool v6 = site->network[1].ip.family;
	int overhead = site->local.family == AF_INET ? 50 : 70;
	int most = underlay - overhead;

	u->mtu = site->mtu ? site->mtu : most;
	if (u->mtu > most)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mtu\": %d is more than the underlay carries: %d, of its %d",
				u->mtu, most, underlay);
	if (u->mtu < (v6 ? MIN_MTU6 : MIN_MTU4))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mtu\": %d is less than IPv%s needs, %d (the underlay has %d)",
				u->mtu, v6 ? "6" : "4", v6 ? MIN_MTU6 : MIN_MTU4, underlay);
	return 0;
}

int overlay_underlay_look(struct nlk *nl, const struct overlay_site *site,
			  const struct overlay_underlay *known, struct overlay_underlay *u,
			  struct cni_err *err)
{
	int mtu = 0, r;

	u->ways = calloc(site->peers->n + 1, sizeof(*u->ways));
	if (!u->ways)
		abort();
	u->n = site->peers->n;
	begin_ways(site, known, u);
	r = find_dev(nl, site, u, &mtu, err);
	if (r == 0)
		r = check_local(nl, site, err);
	if (r == 0)
		r = ask_ways(nl, site, u, err);
	if (r == 0)
		r = least_mtu(nl, site, u, &mtu, err);
	return r < 0 ? r : choose_mtu(site, u, mtu, err);
}

void overlay_underlay_entries(const struct overlay_site *site, const struct overlay_underlay *u,
			      int oif, struct overlay_list *want)
{
	for (size_t i = 0; i < site->peers->n; i++) {
		const struct overlay_peer *p = &site->peers->p[i];
		const struct overlay_way *way = &u->ways[i];
		bool near =
			site->direct && way->oif && way->on_link && (!u->dev || u->dev == way->oif);

		if (p->refused || p == site->own)
			continue;
		for (int k = 0; k < OVERLAY_FAMILIES; k++) {
			if (!p->subnet[k].ip.family || !site->network[k].ip.family)
				continue;
			if (near && p->subnet[k].ip.family == p->vtep.family)
				overlay_list_direct(want, way->oif, &p->subnet[k], &p->vtep);
			else
				overlay_list_peer(want, oif, &p->subnet[k], p->mac, &p->vtep);
		}
	}
}
