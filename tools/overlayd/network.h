/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-overlayd: one overlay network of this node.
 *
 * Desired is what the store's newest view says, with the peers that are held; actual is what the
 * kernel has. Whatever happens (a view, a notification of the kernel, a clock) only marks what may
 * differ; network_run() then compares, by value, and writes the differences. A step that fails is
 * taken again, and nothing else is touched meanwhile.
 */
#ifndef HAWSER_OVERLAYD_NETWORK_H
#define HAWSER_OVERLAYD_NETWORK_H

#include "netconf.h"
#include "hold.h"
#include "overlay_entries.h"
#include "overlay_state.h"
#include "overlay_underlay.h"
#include "probe.h"

/* What may differ. */
enum network_dirty {
	DIRTY_PEERS = 1 << 0,	 /* the view */
	DIRTY_SITE = 1 << 1,	 /* addresses of this host */
	DIRTY_UNDERLAY = 1 << 2, /* routes to the peers, MTU of the interfaces */
	DIRTY_DEVICE = 1 << 3,	 /* the VXLAN devices */
	DIRTY_ENTRIES = 1 << 4,	 /* the kernel's entries */
	DIRTY_FILTER = 1 << 5,	 /* the table */
	DIRTY_ALL = (1 << 6) - 1,
};

/* One VXLAN device, and what leads to the peers through it. */
struct leg {
	bool used;
	struct overlay_state st; /* of this device: own VTEP, and the subnets it carries */
	struct overlay_device_mac {
		uint8_t b[6];
	} mac;
	bool second;
	int device; /* ifindex, 0: not made yet */
	struct overlay_underlay underlay;
	struct overlay_list have; /* the kernel's entries, as known; sorted */
};

struct network {
	struct network *next;
	struct netconf conf;
	struct store *store;	 /* NULL: it could not start, see error */
	struct store_self self;	 /* as the store has it */
	struct store_view *view; /* obeyed; NULL: nothing is known yet */
	struct hold hold;
	size_t n_held;
	struct probing probe;
	struct leg leg[2];
	struct overlay_state st; /* as it is in /run, with the VTEPs of both legs */
	bool st_known;
	char conflict[512]; /* why it stays as it is; "": nothing */
	unsigned int dirty;
	bool slow;	   /* fastPath is wanted, and this kernel cannot */
	bool may_not;	   /* the agent has not the rights for a fast path */
	uint64_t due;	   /* when to look, in milliseconds of the monotonic clock; 0: not at all */
	uint64_t full_due; /* when to compare everything */
	uint64_t look_due; /* when to look whether containers live here */
	uint64_t snapshot_due; /* when to write the snapshot; 0: it is up to date */
	bool seen;	       /* by the reading of the configuration that goes on */
	uint64_t orphan;       /* since when it is no longer in the configuration; 0: it is */
	unsigned int failures; /* in a row */
	/* for status and metrics */
	char error[1024]; /* of the last run; "": it went well */
	time_t error_since;
	uint64_t n_runs, n_writes, n_healed, n_errors;
	uint64_t last_run_us; /* how long the last one took */
};

/**
 * network_start() - begin to manage a network
 * @conf: taken over
 * @wake_main: for the store
 * @now: monotonic milliseconds
 *
 * The snapshot, if there is one, is obeyed at once.
 *
 * Return: the network; a store that cannot start is an error of it.
 */
struct network *network_start(struct netconf *conf, int wake_main, uint64_t now);

/** network_stop() - end the store, write the snapshot, free everything. The kernel's state stays.
 */
void network_stop(struct network *n);

/** network_take() - take what the store has said, if it has. */
void network_take(struct network *n, uint64_t now);

/** network_mark() - something may differ; look after @delay milliseconds at the latest. */
void network_mark(struct network *n, unsigned int what, uint64_t now, unsigned int delay);

/**
 * network_event() - a notification of rtnetlink
 * @hdr: message
 * @now: monotonic milliseconds
 */
void network_event(struct network *n, const struct nlmsghdr *hdr, uint64_t now);

/** network_run() - do what is due. Return: when there is more to do, monotonic milliseconds. */
uint64_t network_run(struct network *n, uint64_t now);

/**
 * network_forget() - take an orphan out of the kernel, if no container is left in it
 * @err: why not
 *
 * Return: 1: it is gone; 0: containers live in it; or a negative errno.
 */
int network_forget(struct network *n, struct cni_err *err);

/** network_forget_files() - remove a network's snapshot and subnet.env, the latter at its default
 * place */
void network_forget_files(const char *network);

/** network_obey() - the administrator believes the store: peers that are held go. */
void network_obey(struct network *n, uint64_t now);

/** sooner() - of two times the one that comes first; 0: none. Return: it, or 0. */
static inline uint64_t sooner(uint64_t a, uint64_t b)
{
	return !a ? b : !b || a < b ? a : b;
}

/* ---- kernel.c ---- */

/**
 * kernel_apply() - make the kernel be as the view says, where it is marked
 * @n: the network; n->dirty is cleared of what was done
 * @err: the first step that failed
 *
 * Return: number of entries written, or a negative errno.
 */
int kernel_apply(struct network *n, struct cni_err *err);

/** kernel_shape() - what devices a view comes to; fills n->leg[] and n->st. */
void kernel_shape(struct network *n);

/** kernel_event() - which marks a notification of rtnetlink sets. Return: a set of DIRTY_*. */
unsigned int kernel_event(const struct network *n, const struct nlmsghdr *hdr);

#endif
