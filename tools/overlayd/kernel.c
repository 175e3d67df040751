/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: from a view to the kernel's devices, entries and table. */
#include "network.h"

#include "addr.h"
#include "cleanup.h"
#include "log.h"
#include "overlay_device.h"
#include "overlay_fast.h"
#include "overlay_filter.h"

#include <string.h>

/* ---- what devices a view comes to ---- */

static void shape_leg(struct network *n, int i, bool both)
{
	const struct store_view *view = n->view;
	const struct store_leg *from = &view->leg[i];
	struct leg *leg = &n->leg[i];
	struct overlay_state *st = &leg->st;

	leg->used = from->local.family;
	leg->second = both && i == 1;
	if (!leg->used)
		return;
	memset(st, 0, sizeof(*st));
	snprintf(st->network, sizeof(st->network), "%s", n->conf.network);
	st->vni = view->network.vni;
	st->port = view->network.port;
	st->direct = view->network.direct;
	st->local = from->local;
	memcpy(leg->mac.b, from->mac, sizeof(leg->mac.b));
	for (int k = 0; k < 2; k++) {
		/* with two devices each carries its own family */
		if (both && k != i)
			continue;
		st->net[k] = view->network.net[k];
		st->subnet[k] = n->st.subnet[k];
	}
}

static void collect_vteps(const struct store_view *view, struct overlay_state *st)
{
	free(st->vteps);
	st->n_vteps = 0;
	st->vteps = calloc(view->leg[0].peers.n + view->leg[1].peers.n + 1, sizeof(*st->vteps));
	if (!st->vteps)
		abort();
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < view->leg[i].peers.n; k++)
			st->vteps[st->n_vteps++] = view->leg[i].peers.p[k].vtep;
	overlay_state_sort(st);
}

void kernel_shape(struct network *n)
{
	const struct store_view *view = n->view;
	bool both = view->leg[0].local.family && view->leg[1].local.family;
	struct overlay_state *st = &n->st;

	snprintf(st->network, sizeof(st->network), "%s", n->conf.network);
	st->vni = view->network.vni;
	st->port = view->network.port;
	st->direct = view->network.direct;
	st->managed = true;
	st->local = view->leg[view->leg[0].local.family ? 0 : 1].local;
	memcpy(st->net, view->network.net, sizeof(st->net));
	memcpy(st->subnet, view->subnet, sizeof(st->subnet));
	collect_vteps(view, st);
	for (int i = 0; i < 2; i++)
		shape_leg(n, i, both);
}

/* ---- writing ---- */

static int look_at_underlay(struct network *n, struct nlk *nl, int i, struct cni_err *err)
{
	struct leg *leg = &n->leg[i];
	struct overlay_site site = { .peers = &n->view->leg[i].peers,
				     .local = leg->st.local,
				     .dev = n->conf.dev,
				     .address = n->conf.address,
				     .mtu = n->view->network.mtu,
				     .direct = leg->st.direct };
	struct overlay_underlay seen = { 0 };
	int r;

	memcpy(site.network, leg->st.net, sizeof(site.network));
	/* what changes in the host's routes is notified: a peer that comes asks for itself only */
	r = overlay_underlay_look(nl, &site, n->dirty & DIRTY_UNDERLAY ? NULL : &leg->underlay,
				  &seen, err);
	if (r < 0) {
		overlay_underlay_free(&seen);
		return r;
	}
	overlay_underlay_free(&leg->underlay);
	leg->underlay = seen;
	return 0;
}

/*
 * The device that we know by its index, changed by somebody: under another name it stands in the
 * way of its own one, and under another alias nobody would take it for ours.
 */
static void reclaim(struct nlk *nl, const struct leg *leg)
{
	char name[OVERLAY_DEVICE_MAX];
	struct link_info info;

	if (!leg->device || link_get_index(nl, leg->device, &info) < 0 ||
	    strcmp(info.kind, "vxlan") != 0)
		return;
	if (strcmp(info.name, overlay_device_name(leg->st.vni, leg->second, name)) != 0 ||
	    !overlay_device_has_alias(&info, &leg->st))
		link_remove(nl, info.index, true);
}

static int make_device(struct network *n, struct nlk *nl, struct leg *leg, struct cni_err *err)
{
	struct overlay_device want = { .st = &leg->st,
				       .second = leg->second,
				       .mtu = leg->underlay.mtu };
	struct link_info made = { 0 };
	int r;

	memcpy(want.mac, leg->mac.b, sizeof(want.mac));
	reclaim(nl, leg);
	r = overlay_device_ensure(nl, &want, &made, err);
	if (r == 0 && made.index != leg->device) {
		leg->device = made.index;
		n->dirty |= DIRTY_ENTRIES;
	}
	return r;
}

static int write_entries(struct network *n, struct nlk *nl, int i, struct cni_err *err)
{
	struct leg *leg = &n->leg[i];
	struct overlay_site site = { .peers = &n->view->leg[i].peers, .direct = leg->st.direct };
	autolist struct overlay_list want = { 0 };
	autodiff struct overlay_diff diff = { 0 };
	int r = 0;

	memcpy(site.network, leg->st.net, sizeof(site.network));
	if (n->dirty & DIRTY_ENTRIES) {
		overlay_list_free(&leg->have);
		r = overlay_list_read(nl, leg->device, leg->st.net, &leg->have);
	}
	overlay_underlay_entries(&site, &leg->underlay, leg->device, &want);
	overlay_list_diff(&want, &leg->have, &diff);
	if (r == 0)
		r = overlay_list_write(nl, &diff);
	if (r < 0) {
		n->dirty |= DIRTY_ENTRIES;
		return nlk_fail(err, nl, CNI_E_FAILED, r, "the entries of the peers");
	}
	overlay_list_free(&leg->have);
	leg->have = want;
	want = (struct overlay_list){ 0 };
	return (int)(diff.add.n + diff.del.n);
}

/* A network that had two devices and has one, or none any more. */
static void drop_unused(struct nlk *nl, struct leg *leg)
{
	if (leg->used || !leg->device)
		return;
	link_remove(nl, leg->device, false);
	leg->device = 0;
	overlay_list_free(&leg->have);
	overlay_underlay_free(&leg->underlay);
}

static int apply_leg(struct network *n, struct nlk *nl, int i, struct cni_err *err)
{
	struct leg *leg = &n->leg[i];
	int before = leg->underlay.mtu, r = 0;

	drop_unused(nl, leg);
	if (!leg->used)
		return 0;
	if (n->dirty & (DIRTY_PEERS | DIRTY_UNDERLAY) || !leg->device)
		r = look_at_underlay(n, nl, i, err);
	if (r == 0 && (n->dirty & (DIRTY_DEVICE | DIRTY_PEERS) || !leg->device ||
		       leg->underlay.mtu != before))
		r = make_device(n, nl, leg, err);
	return r < 0 ? r : write_entries(n, nl, i, err);
}

/* "fastPath": what the kernel cannot is no error, the network works without it. */
static int apply_fast(struct network *n, struct nlk *nl, struct cni_err *err)
{
	bool wanted = json_is_true(conf_get(n->conf.plugin, "fastPath")) && !n->may_not;
	int first = n->leg[0].used ? 0 : 1;
	const int device[2] = { n->leg[first].device, first ? 0 : n->leg[1].device };
	struct cni_err why = { 0 };
	autoclose int lock = -1;
	int r = 0;

	if (!device[0] || !(wanted || n->dirty & DIRTY_DEVICE))
		return 0;
	lock = overlay_lock(err);
	if (lock < 0)
		return lock;
	if (wanted && overlay_fast_ensure(nl, &n->st, device, &why) < 0) {
		if (!n->slow)
			log_warn("%s: \"fastPath\": %s", n->conf.network, why.msg);
		wanted = false;
	}
	n->slow = *why.msg;
	/* what it may load once but not find again would come and go */
	n->may_not |= why.errnum == EPERM;
	if (!wanted)
		r = overlay_fast_end(nl, &n->st, device, err);
	n->st.fast = wanted;
	return r;
}

/* A device of the network that is none of those it is to have now. */
static bool is_left(const struct link_info *info, const void *arg)
{
	const struct network *n = arg;
	char name[OVERLAY_DEVICE_MAX];

	if (strcmp(info->kind, "vxlan") != 0 || info->vni != n->st.vni || !info->alias[0] ||
	    !overlay_device_has_alias(info, &n->st))
		return false;
	for (int i = 0; i < 2; i++)
		if (n->leg[i].used &&
		    strcmp(info->name, overlay_device_name(n->st.vni, n->leg[i].second, name)) == 0)
			return false;
	return true;
}

/* What was renamed, or is needed no more, since an agent ran before: it would be in the way. */
static void remove_left(const struct network *n, struct nlk *nl)
{
	struct link_info info;

	for (int i = 0; i < 4 && link_find(nl, is_left, n, &info) == 0; i++)
		link_remove(nl, info.index, true);
}

int kernel_apply(struct network *n, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	int written = 0, mtu = 0, r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	if (!n->leg[0].device && !n->leg[1].device)
		remove_left(n, &nl);
	/* the rules come first: nobody injects in between */
	if (n->dirty & (DIRTY_FILTER | DIRTY_PEERS))
		r = overlay_filter_ensure(&n->st, err);
	for (int i = 0; i < 2 && r >= 0; i++) {
		r = apply_leg(n, &nl, i, err);
		if (r > 0)
			written += r;
		if (n->leg[i].used && (!mtu || n->leg[i].underlay.mtu < mtu))
			mtu = n->leg[i].underlay.mtu;
	}
	if (r >= 0)
		r = apply_fast(n, &nl, err);
	if (r < 0)
		return r;
	n->st.mtu = mtu;
	n->dirty = 0;
	return written;
}

/* ---- notifications ---- */

static bool is_way(const struct overlay_underlay *u, int index)
{
	if (u->dev == index)
		return true;
	for (size_t k = 0; k < u->n; k++)
		if (u->ways[k].oif == index)
			return true;
	return false;
}

/* With an interface that goes down routes may go without a word, those of directRouting, too. */
static unsigned int link_event(const struct network *n, const struct nlmsghdr *hdr)
{
	const struct ifinfomsg *ifi = nlmsg_data(hdr);

	if (!nlmsg_valid_hdr(hdr, sizeof(*ifi)) || ifi->ifi_family == AF_BRIDGE)
		return 0;
	for (int i = 0; i < 2; i++) {
		const struct leg *leg = &n->leg[i];
		bool gone = hdr->nlmsg_type == RTM_DELLINK || !(ifi->ifi_flags & IFF_UP);

		if (leg->used && leg->device == ifi->ifi_index)
			return gone ? DIRTY_DEVICE | DIRTY_ENTRIES : DIRTY_DEVICE;
		if (leg->used && is_way(&leg->underlay, ifi->ifi_index))
			return leg->st.direct ? DIRTY_UNDERLAY | DIRTY_ENTRIES : DIRTY_UNDERLAY;
	}
	return 0;
}

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

/* Routes of the host may be the ways to the peers; those to its containers are none. */
static bool may_be_way(const struct network *n, const struct overlay_entry *route)
{
	if (route->to.family || !route->oif || route->dst.len < ip_bits(&route->dst.ip))
		return true;
	return n->st.n_vteps && bsearch(&route->dst.ip, n->st.vteps, n->st.n_vteps,
					sizeof(*n->st.vteps), by_address);
}

/* A change by somebody else: what was wanted is gone or different, or what is there is not wanted.
 */
static unsigned int entry_event(const struct network *n, const struct nlmsghdr *hdr)
{
	bool gone = hdr->nlmsg_type == RTM_DELROUTE || hdr->nlmsg_type == RTM_DELNEIGH, same;
	struct overlay_entry entry;
	uint8_t proto;

	if (!overlay_entry_read(hdr, &entry, &proto))
		return 0;
	for (int i = 0; i < 2; i++) {
		const struct leg *leg = &n->leg[i];
		bool ours;

		if (!leg->used || (entry.kind != OVERLAY_ROUTE && entry.oif != leg->device))
			continue;
		ours = overlay_list_find(&leg->have, &entry, &same);
		if (entry.kind != OVERLAY_ROUTE && proto != OVERLAY_RTPROT)
			gone = true;
		if (gone ? ours && (same || entry.kind == OVERLAY_NEIGH) : ours && !same)
			return DIRTY_ENTRIES;
		if (!gone && !ours && proto == OVERLAY_RTPROT && entry.oif == leg->device)
			return DIRTY_ENTRIES;
	}
	return entry.kind == OVERLAY_ROUTE && proto != OVERLAY_RTPROT && may_be_way(n, &entry)
		       ? DIRTY_UNDERLAY | DIRTY_SITE
		       : 0;
}

static unsigned int addr_event(const struct network *n, const struct nlmsghdr *hdr)
{
	const struct ifaddrmsg *ifa = nlmsg_data(hdr);

	if (!nlmsg_valid_hdr(hdr, sizeof(*ifa)))
		return 0;
	/* routes may go with an address, without a word */
	for (int i = 0; i < 2; i++)
		if (n->leg[i].used && n->leg[i].device == (int)ifa->ifa_index)
			return hdr->nlmsg_type == RTM_DELADDR ? DIRTY_DEVICE | DIRTY_ENTRIES
							      : DIRTY_DEVICE;
	return DIRTY_SITE;
}

static bool is_default_route(const struct nlmsghdr *hdr)
{
	const struct rtmsg *rtm = nlmsg_data(hdr);

	return (hdr->nlmsg_type == RTM_NEWROUTE || hdr->nlmsg_type == RTM_DELROUTE) &&
	       nlmsg_valid_hdr(hdr, sizeof(*rtm)) && rtm->rtm_dst_len == 0 &&
	       rtm->rtm_type == RTN_UNICAST && rtm->rtm_table == RT_TABLE_MAIN;
}

unsigned int kernel_event(const struct network *n, const struct nlmsghdr *hdr)
{
	switch (hdr->nlmsg_type) {
	case RTM_NEWLINK:
	case RTM_DELLINK:
		return link_event(n, hdr);
	case RTM_NEWADDR:
	case RTM_DELADDR:
		return addr_event(n, hdr);
	default:
		return is_default_route(hdr) ? DIRTY_UNDERLAY | DIRTY_SITE : entry_event(n, hdr);
	}
}
