/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-overlayd: whether the peers answer through the overlay, and how large packets may be.
 *
 * Peers are asked in rounds of at most PROBE_PEERS, one after another, so that neither memory nor
 * traffic nor the time between two looks at the kernel grows with a network. All peers are asked
 * once in the time that the administrator gives, up to PROBE_ROUNDS rounds; it takes longer if
 * there are more. What was found out stays with a peer, whatever else a new view brings.
 */
#ifndef HAWSER_OVERLAYD_PROBE_H
#define HAWSER_OVERLAYD_PROBE_H

#include "overlay_probe.h"
#include "store.h"

#define PROBE_PEERS  100 /* of a round */
#define PROBE_ROUNDS 10	 /* in the time in which all are to be asked */

struct network;

/* How; of the whole agent. */
struct probe_how {
	uint64_t every; /* milliseconds; 0: never */
	int epoll;	/* readable when something has come back */
	bool refused;	/* the agent has no right to raw sockets */
};

/* What is known of a peer. */
struct probe_peer {
	time_t at; /* when it was asked; 0: not yet */
	bool reachable;
	int rtt_us;
	int mtu;       /* size of the largest packet that came back; 0: that is open */
	int short_mtu; /* the same where it is less than the MTU of the device; 0: it is not */
	unsigned int news;
	uint16_t slot, n_slots; /* results of the round that goes on; from 1 */
};

/* Changes that are told. */
enum probe_news { PROBE_LOST, PROBE_BACK, PROBE_SHORT, PROBE_WHOLE, PROBE_NEWS };

/* A network's part. Zero it to begin. */
struct probing {
	struct probe_how *how; /* borrowed; NULL: not yet */
	struct {
		struct probe_peer *peer; /* owned: of each peer of the view */
		size_t n;
	} leg[2];
	uint64_t due; /* when the next round begins; 0: none is planned */
	size_t begin; /* number of the round's first peer, and of the first behind it */
	size_t end;
	struct overlay_probe *round; /* that goes on */
	struct overlay_probe_conf conf;
	int mtu[2]; /* of the devices when it began */
	size_t said[PROBE_NEWS], unsaid[PROBE_NEWS];
	bool failed; /* the last round could not begin */
};

struct probe_count {
	size_t reachable, unreachable, mtu_short;
};

/**
 * probe_view() - a network gets another view: what is known follows the peers, by their subnets
 * @p: the network's part
 * @old: the view of before, NULL: none
 * @view: the new one
 */
void probe_view(struct probing *p, const struct store_view *old, const struct store_view *view);

/**
 * probe_run() - ask peers when it is time, and take what has come back
 * @n: the network, after network_run() has done what is due
 * @now: monotonic milliseconds
 *
 * Return: when there is more to do, 0: whenever the network changes.
 */
uint64_t probe_run(struct network *n, uint64_t now);

/** probe_of() - what is known of peer @k of a leg. Return: borrowed; NULL: it was not asked yet. */
const struct probe_peer *probe_of(const struct network *n, int leg, size_t k);

/** probe_count() - Return: how many of the peers that were asked are how. */
struct probe_count probe_count(const struct network *n);

/** probe_free() - release what @p owns. */
void probe_free(struct probing *p);

#endif
