/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: whether the peers answer through the overlay. */
#include "probe.h"

#include "cleanup.h"
#include "log.h"
#include "network.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <time.h>

#define FIRST	   3000 /* ms: after the network was made, the other nodes learn of it */
#define AGAIN	   1000 /* ms: the network changed while its peers were asked */
#define TIMEOUT	   2000 /* ms: of a round */
#define SAY_NAMES  3	/* changes of a kind that are told peer by peer, of all peers */
#define NAME_CHARS (OVERLAY_NODE_MAX + IP_STRLEN + 16)

/* ---- what is known follows the peers ---- */

struct place {
	const struct overlay_peer *peer;
	const struct probe_peer *known;
};

static int by_subnet(const void *a, const void *b)
{
	const struct overlay_peer *x = ((const struct place *)a)->peer;
	const struct overlay_peer *y = ((const struct place *)b)->peer;

	for (int k = 0; k < OVERLAY_FAMILIES; k++) {
		const struct ip_net *s = &x->subnet[k], *t = &y->subnet[k];
		int r = s->ip.family != t->ip.family ? s->ip.family - t->ip.family
			: s->ip.family == 0	     ? 0
						     : ip_cmp(&s->ip, &t->ip);

		if (r == 0)
			r = s->len - t->len;
		if (r != 0)
			return r;
	}
	return 0;
}

static struct place *sort_known(const struct overlay_peers *peers, const struct probe_peer *known,
				size_t n)
{
	struct place *places = calloc(n + 1, sizeof(*places));

	if (!places)
		abort();
	for (size_t k = 0; k < n; k++)
		places[k] = (struct place){ &peers->p[k], &known[k] };
	qsort(places, n, sizeof(*places), by_subnet);
	return places;
}

static void follow(struct probing *p, int i, const struct overlay_peers *old,
		   const struct overlay_peers *peers)
{
	size_t n = !old ? 0 : old->n < p->leg[i].n ? old->n : p->leg[i].n;
	struct probe_peer *known = calloc(peers->n + 1, sizeof(*known));
	autofree struct place *places = NULL;

	if (!known)
		abort();
	if (n)
		places = sort_known(old, p->leg[i].peer, n);
	for (size_t k = 0; n && k < peers->n; k++) {
		struct place want = { &peers->p[k], NULL };
		const struct place *had = bsearch(&want, places, n, sizeof(*places), by_subnet);

		if (had)
			known[k] = *had->known;
	}
	free(p->leg[i].peer);
	p->leg[i].peer = known;
	p->leg[i].n = peers->n;
}

void probe_view(struct probing *p, const struct store_view *old, const struct store_view *view)
{
	for (int i = 0; i < 2; i++)
		follow(p, i, old ? &old->leg[i].peers : NULL, &view->leg[i].peers);
}

/* ---- the peers of a network, those of both devices in a row ---- */

static size_t peers_of(const struct network *n, int i)
{
	size_t known = n->probe.leg[i].n, there = n->view ? n->view->leg[i].peers.n : 0;

	return there < known ? there : known;
}

static size_t all_peers(const struct network *n)
{
	return peers_of(n, 0) + peers_of(n, 1);
}

static struct probe_peer *known_at(const struct network *n, size_t at, int *leg,
				   const struct overlay_peer **peer)
{
	size_t first = peers_of(n, 0), k = at < first ? at : at - first;

	*leg = at < first ? 0 : 1;
	*peer = &n->view->leg[*leg].peers.p[k];
	return &n->probe.leg[*leg].peer[k];
}

/* ---- a round begins ---- */

static void drop_round(struct probing *p)
{
	overlay_probe_free(p->round);
	p->round = NULL;
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < p->leg[i].n; k++)
			p->leg[i].peer[k].slot = 0;
}

static bool has_target(const struct leg *leg, const struct overlay_peer *peer, int k)
{
	return leg->used && !peer->refused && peer->subnet[k].ip.family && leg->st.net[k].ip.family;
}

/* Nodes answer at the first address of their subnets, which their devices have. */
static size_t add_targets(struct network *n, size_t at, struct overlay_probe_target *targets,
			  size_t used)
{
	const struct overlay_peer *peer;
	int leg;
	struct probe_peer *known = known_at(n, at, &leg, &peer);

	known->slot = (uint16_t)(used + 1);
	known->n_slots = 0;
	for (int k = 0; k < OVERLAY_FAMILIES; k++)
		if (has_target(&n->leg[leg], peer, k)) {
			targets[used++] = (struct overlay_probe_target){ peer->subnet[k].ip,
									 n->probe.mtu[leg] };
			known->n_slots++;
		}
	return used;
}

static struct overlay_probe_conf sources(const struct network *n)
{
	struct overlay_probe_conf conf = { .timeout_ms = TIMEOUT };

	for (int i = 0; i < 2; i++)
		for (int k = 0; k < OVERLAY_FAMILIES && n->leg[i].used; k++)
			if (n->leg[i].st.subnet[k].ip.family) {
				conf.from[k] = n->leg[i].st.subnet[k].ip;
				/* what goes past the device comes back past it */
				conf.device[k] = n->leg[i].st.direct ? 0 : n->leg[i].device;
			}
	return conf;
}

/* Rounds of equal size, at equal distances. */
static void plan(struct network *n, uint64_t now)
{
	struct probing *p = &n->probe;
	size_t all = all_peers(n), rounds = (all + PROBE_PEERS - 1) / PROBE_PEERS;

	p->begin = p->end < all ? p->end : 0;
	p->end = p->begin + (all + rounds - 1) / rounds;
	if (p->end > all)
		p->end = all;
	p->due = now + p->how->every / (rounds < PROBE_ROUNDS ? rounds : PROBE_ROUNDS);
}

static void say_failure(struct network *n, int r)
{
	struct probing *p = &n->probe;

	if (r == -EPERM)
		log_warn("the peers are not probed: opening raw sockets needs CAP_NET_RAW");
	else if (r < 0 && !p->failed)
		log_warn("network \"%s\": the peers cannot be probed: %s", n->conf.network,
			 strerror(-r));
	p->how->refused = r == -EPERM;
	p->failed = r < 0;
}

static void begin(struct network *n, uint64_t now)
{
	struct probing *p = &n->probe;
	struct overlay_probe_target targets[2 * PROBE_PEERS];
	struct pollfd fds[2];
	size_t used = 0;
	int r;

	plan(n, now);
	p->conf = sources(n);
	for (int i = 0; i < 2; i++)
		p->mtu[i] = n->leg[i].underlay.mtu;
	for (size_t at = p->begin; at < p->end; at++)
		used = add_targets(n, at, targets, used);
	r = overlay_probe_start(&p->conf, targets, used, overlay_probe_now(), &p->round);
	say_failure(n, r);
	if (r < 0)
		drop_round(p);
	for (int i = r < 0 ? 0 : overlay_probe_fds(p->round, fds); i > 0; i--) {
		struct epoll_event event = { .events = EPOLLIN };

		epoll_ctl(p->how->epoll, EPOLL_CTL_ADD, fds[i - 1].fd, &event);
	}
}

/* ---- a round ends ---- */

/* Its results, in one. Return: false when an address of this node is away for a moment. */
static bool sum_up(const struct network *n, const struct probe_peer *known,
		   struct probe_peer *found)
{
	bool exact = true;

	*found = (struct probe_peer){ .reachable = true };
	for (int s = 0; s < known->n_slots; s++) {
		const struct overlay_probe_result *r =
			overlay_probe_result(n->probe.round, (size_t)(known->slot - 1 + s));

		if (r->error == -EADDRNOTAVAIL && !n->failures)
			return false;
		found->reachable &= r->reachable;
		exact &= r->exact;
		if (!found->rtt_us || r->rtt_us < found->rtt_us)
			found->rtt_us = r->rtt_us;
		if (!found->mtu || r->mtu < found->mtu)
			found->mtu = r->mtu;
	}
	if (!found->reachable)
		found->rtt_us = 0;
	if (!found->reachable || !exact)
		found->mtu = 0;
	return true;
}

static void judge(const struct network *n, int leg, struct probe_peer *known)
{
	struct probe_peer found;
	int mtu = n->leg[leg].underlay.mtu;

	if (!sum_up(n, known, &found))
		return;
	if (mtu > n->probe.mtu[leg])
		mtu = n->probe.mtu[leg];
	/* nobody who is away has another MTU */
	found.short_mtu = !found.mtu ? known->short_mtu : found.mtu < mtu ? found.mtu : 0;
	if (!found.reachable && (!known->at || known->reachable))
		found.news |= 1 << PROBE_LOST;
	if (found.reachable && known->at && !known->reachable)
		found.news |= 1 << PROBE_BACK;
	if (!found.short_mtu != !known->short_mtu)
		found.news |= 1 << (found.short_mtu ? PROBE_SHORT : PROBE_WHOLE);
	found.at = time(NULL);
	*known = found;
}

static void say_one(const struct network *n, int leg, const struct overlay_peer *peer,
		    const struct probe_peer *known, enum probe_news what)
{
	char name[NAME_CHARS], vtep[IP_STRLEN];

	ip_str(&peer->vtep, vtep);
	if (peer->node[0])
		snprintf(name, sizeof(name), "node %s (%s)", peer->node, vtep);
	else
		snprintf(name, sizeof(name), "the node at %s", vtep);
	if (what == PROBE_SHORT)
		log_warn("network \"%s\": %s: packets of more than %d bytes do not come back, "
			 "though "
			 "the MTU is %d",
			 n->conf.network, name, known->short_mtu, n->probe.mtu[leg]);
	else
		log_warn("network \"%s\": %s %s", n->conf.network, name,
			 what == PROBE_LOST   ? "does not answer through the overlay"
			 : what == PROBE_BACK ? "answers again"
					      : "takes packets of the full MTU again");
}

static void say_each(struct network *n, enum probe_news what)
{
	for (size_t at = 0; at < all_peers(n); at++) {
		const struct overlay_peer *peer;
		int leg;
		const struct probe_peer *known = known_at(n, at, &leg, &peer);

		if (known->news & 1u << what)
			say_one(n, leg, peer, known, what);
	}
}

static void say_number(const struct network *n, enum probe_news what)
{
	static const char *const text[PROBE_NEWS] = {
		[PROBE_LOST] = "nodes that do not answer through the overlay",
		[PROBE_BACK] = "nodes that answer again",
		[PROBE_SHORT] = "nodes from which large packets do not come back",
		[PROBE_WHOLE] = "nodes that take packets of the full MTU again",
	};

	log_warn("network \"%s\": %s: %zu%s, of %zu nodes", n->conf.network, text[what],
		 n->probe.unsaid[what], n->probe.said[what] ? " more" : "", all_peers(n));
}

/* A few are named, and of many the number is told when all peers have been asked. */
static void say(struct network *n)
{
	struct probing *p = &n->probe;
	bool all = p->end >= all_peers(n);

	for (int what = 0; what < PROBE_NEWS; what++) {
		size_t count = 0;

		for (int i = 0; i < 2; i++)
			for (size_t k = 0; k < peers_of(n, i); k++)
				count += p->leg[i].peer[k].news >> what & 1;
		if (p->said[what] + count <= SAY_NAMES) {
			p->said[what] += count;
			if (count)
				say_each(n, what);
		} else {
			p->unsaid[what] += count;
		}
		if (all && p->unsaid[what])
			say_number(n, what);
		if (all)
			p->said[what] = p->unsaid[what] = 0;
	}
}

/* What leads to the peers is not what led there when they were asked. */
static bool has_moved(const struct network *n)
{
	struct overlay_probe_conf conf = sources(n);

	return memcmp(conf.from, n->probe.conf.from, sizeof(conf.from)) != 0 ||
	       memcmp(conf.device, n->probe.conf.device, sizeof(conf.device)) != 0;
}

static void end(struct network *n, uint64_t now)
{
	struct probing *p = &n->probe;

	if (has_moved(n)) {
		p->end = p->begin;
		p->due = now + AGAIN;
		drop_round(p);
		return;
	}
	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < peers_of(n, i); k++) {
			struct probe_peer *known = &p->leg[i].peer[k];

			known->news = 0;
			if (known->slot && known->n_slots)
				judge(n, i, known);
		}
	say(n);
	drop_round(p);
}

/* ---- from the loop ---- */

/* What is being put right is not asked through; what cannot be put right is. */
static bool is_ready(const struct network *n)
{
	return all_peers(n) && (!n->dirty || n->failures);
}

uint64_t probe_run(struct network *n, uint64_t now)
{
	struct probing *p = &n->probe;

	if (!p->how || !p->how->every || p->how->refused)
		return 0;
	if (!p->round && !is_ready(n))
		return 0;
	if (!p->due)
		p->due = now + (p->how->every < FIRST ? p->how->every : FIRST);
	if (!p->round && now >= p->due)
		begin(n, now);
	if (p->round && overlay_probe_handle(p->round, overlay_probe_now()))
		end(n, now);
	if (!p->round)
		return p->how->refused ? 0 : p->due;
	return now + (uint64_t)overlay_probe_wait(p->round, overlay_probe_now());
}

const struct probe_peer *probe_of(const struct network *n, int leg, size_t k)
{
	const struct probe_peer *known =
		k < n->probe.leg[leg].n ? &n->probe.leg[leg].peer[k] : NULL;

	return known && known->at ? known : NULL;
}

struct probe_count probe_count(const struct network *n)
{
	struct probe_count count = { 0 };

	for (int i = 0; i < 2; i++)
		for (size_t k = 0; k < peers_of(n, i); k++) {
			const struct probe_peer *known = probe_of(n, i, k);

			if (!known)
				continue;
			count.reachable += known->reachable;
			count.unreachable += !known->reachable;
			count.mtu_short += known->reachable && known->short_mtu;
		}
	return count;
}

void probe_free(struct probing *p)
{
	drop_round(p);
	for (int i = 0; i < 2; i++)
		free(p->leg[i].peer);
}
