/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: whether to believe a store that peers are gone. */
#include "hold.h"

#include "cleanup.h"

#include <string.h>

void hold_free(struct hold *hold)
{
	free(hold->gone);
	memset(hold, 0, sizeof(*hold));
}

/* A record is known by its subnets: node, VTEP and MAC may change. */
static int by_subnet(const void *a, const void *b)
{
	const struct overlay_peer *x = *(const struct overlay_peer *const *)a;
	const struct overlay_peer *y = *(const struct overlay_peer *const *)b;
	int d = ip_cmp(&x->subnet[0].ip, &y->subnet[0].ip);

	return d ? d : ip_cmp(&x->subnet[1].ip, &y->subnet[1].ip);
}

/* Pointers into a list, sorted; owned by the caller. */
static const struct overlay_peer **sorted(const struct overlay_peers *peers)
{
	const struct overlay_peer **by = calloc(peers->n + 1, sizeof(const struct overlay_peer *));

	if (!by)
		abort();
	for (size_t i = 0; i < peers->n; i++)
		by[i] = &peers->p[i];
	if (peers->n)
		qsort(by, peers->n, sizeof(*by), by_subnet);
	return by;
}

static const struct overlay_peer *find(const struct overlay_peer **by, size_t n,
				       const struct overlay_peer *p)
{
	const struct overlay_peer **found = n ? bsearch(&p, by, n, sizeof(*by), by_subnet) : NULL;

	return found ? *found : NULL;
}

static void remember(struct hold *hold, const struct overlay_peer *p, int leg, time_t now)
{
	if ((hold->n & (hold->n - 1)) == 0) {
		hold->gone = realloc(hold->gone, (hold->n ? 2 * hold->n : 1) * sizeof(*hold->gone));
		if (!hold->gone)
			abort();
	}
	hold->gone[hold->n++] = (struct gone){ *p, now, leg, .fresh = true };
}

/* Those who are back, and those who left long ago and are not held, are forgotten. */
static void forget(struct hold *hold, int leg, const struct overlay_peer **now_there, size_t n,
		   time_t now)
{
	size_t kept = 0;

	for (size_t i = 0; i < hold->n; i++) {
		const struct gone *g = &hold->gone[i];
		bool old = !g->held && now - g->when > HOLD_WINDOW;

		if (g->leg != leg || (!old && !find(now_there, n, &g->peer)))
			hold->gone[kept++] = *g;
	}
	hold->n = kept;
}

static bool is_known(const struct hold *hold, const struct overlay_peer *p, int leg)
{
	const struct overlay_peer *other;

	for (size_t i = 0; i < hold->n; i++) {
		other = &hold->gone[i].peer;
		if (hold->gone[i].leg == leg && by_subnet(&other, &p) == 0)
			return true;
	}
	return false;
}

/* Who was there before has been there since then. */
static void date(const struct overlay_peers *before, struct overlay_peers *there, time_t now)
{
	autofree const struct overlay_peer **by = before ? sorted(before) : NULL;

	for (size_t i = 0; i < there->n; i++) {
		const struct overlay_peer *old = before ? find(by, before->n, &there->p[i]) : NULL;

		there->p[i].since = old ? old->since : there->p[i].since ? there->p[i].since : now;
	}
}

static void see_who_left(struct hold *hold, int leg, const struct store_view *old,
			 const struct store_view *view, time_t now)
{
	const struct overlay_peers *before = old ? &old->leg[leg].peers : NULL;
	const struct overlay_peers *there = &view->leg[leg].peers;
	autofree const struct overlay_peer **by = sorted(there);
	size_t known;

	forget(hold, leg, by, there->n, now);
	known = hold->n;
	for (size_t i = 0; before && i < before->n; i++)
		if (!find(by, there->n, &before->p[i]) &&
		    (known == 0 || !is_known(hold, &before->p[i], leg)))
			remember(hold, &before->p[i], leg, now);
}

static bool overlaps(const struct overlay_peer *a, const struct overlay_peer *b)
{
	for (int i = 0; i < 2; i++)
		if (a->subnet[i].ip.family && b->subnet[i].ip.family &&
		    ip_net_overlap(&a->subnet[i], &b->subnet[i]))
			return true;
	return ip_equal(&a->vtep, &b->vtep) || memcmp(a->mac, b->mac, sizeof(a->mac)) == 0;
}

/* Whether somebody in the view, or the node itself, has what a peer that left had. */
static bool is_replaced(const struct store_view *view, const struct gone *g)
{
	const struct overlay_peers *there = &view->leg[g->leg].peers;

	for (int i = 0; i < 2; i++)
		if (g->peer.subnet[i].ip.family && view->subnet[i].ip.family &&
		    ip_net_overlap(&g->peer.subnet[i], &view->subnet[i]))
			return true;
	for (size_t i = 0; i < there->n; i++)
		if (overlaps(&there->p[i], &g->peer))
			return true;
	return ip_equal(&view->leg[g->leg].local, &g->peer.vtep);
}

static void append(struct overlay_peers *peers, const struct overlay_peer *p)
{
	peers->p = realloc(peers->p, (peers->n + 1) * sizeof(*peers->p));
	if (!peers->p)
		abort();
	peers->p[peers->n++] = *p;
}

/* Put those that are held into the view, beside those whose place somebody else has taken. */
static size_t put_back(struct hold *hold, struct store_view *view)
{
	size_t kept = 0, held = 0;

	for (size_t i = 0; i < hold->n; i++)
		if (!hold->gone[i].held || !is_replaced(view, &hold->gone[i]))
			hold->gone[kept++] = hold->gone[i];
	hold->n = kept;
	for (size_t i = 0; i < hold->n; i++)
		if (hold->gone[i].held) {
			append(&view->leg[hold->gone[i].leg].peers, &hold->gone[i].peer);
			held++;
		}
	return held;
}

static bool any_held(const struct hold *hold)
{
	for (size_t i = 0; i < hold->n; i++)
		if (hold->gone[i].held)
			return true;
	return false;
}

/* Whether more have left a device's view than are there. (With two devices a node is on both.) */
static bool most_left(const struct hold *hold, int leg, size_t there)
{
	size_t gone = 0;

	for (size_t i = 0; i < hold->n; i++)
		gone += hold->gone[i].leg == leg;
	return gone >= HOLD_MIN && gone > there;
}

static void release(struct hold *hold, time_t now)
{
	for (size_t i = 0; i < hold->n; i++) {
		if (hold->gone[i].held)
			hold->gone[i].when = now;
		hold->gone[i].held = false;
	}
	hold->over = 0;
}

/* Who of those that left is held from now on. */
static void judge(struct hold *hold, const struct store_view *view, time_t now)
{
	bool most = most_left(hold, 0, view->leg[0].peers.n) ||
		    most_left(hold, 1, view->leg[1].peers.n);

	for (size_t i = 0; i < hold->n; i++) {
		struct gone *g = &hold->gone[i];

		g->held |= g->fresh && (most || view->gap);
		g->fresh = false;
	}
	if (most || !any_held(hold))
		hold->over = 0;
	else if (!hold->over || view->gap)
		hold->over = now + HOLD_WINDOW;
	else if (now >= hold->over)
		release(hold, now);
}

size_t hold_apply(struct hold *hold, const struct store_view *old, struct store_view *view,
		  time_t now)
{
	for (int leg = 0; leg < 2; leg++) {
		see_who_left(hold, leg, old, view, now);
		date(old ? &old->leg[leg].peers : NULL, &view->leg[leg].peers, now);
	}
	judge(hold, view, now);
	return put_back(hold, view);
}
