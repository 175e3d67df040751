/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-overlayd: whether to believe a store that peers are gone.
 *
 * A store that was emptied, restored from an old backup, or whose leases expired while it was away
 * says that most nodes are gone, although they run. A few nodes that leave are obeyed at once; as
 * soon as more than half of them have left within HOLD_WINDOW, and when nobody saw them leave (the
 * view is the first after a gap), those that leave are held: their entries stay until they are
 * back, until they have not been the majority for HOLD_WINDOW (nodes that come back to a store do
 * so one by one), until another node has their subnet, VTEP or MAC, or until the administrator says
 * so.
 */
#ifndef HAWSER_OVERLAYD_HOLD_H
#define HAWSER_OVERLAYD_HOLD_H

#include "store.h"

#define HOLD_WINDOW 600 /* seconds */
#define HOLD_MIN    2	/* peers that must have left at least */

/* Who has left lately. Zero it to begin. */
struct hold {
	struct gone {
		struct overlay_peer peer;
		time_t when;
		int leg;
		bool held;  /* kept in the view */
		bool fresh; /* seen to be gone just now */
	} * gone;	    /* owned */
	size_t n;
	time_t over; /* when those that are held are to go; 0: that is open */
};

/** hold_free() - release what @hold owns, and zero it. */
void hold_free(struct hold *hold);

/**
 * hold_apply() - add to a new view the peers that are held
 * @hold: memory of who left; brought up to date
 * @old: the view that was obeyed last, with those held; NULL: none
 * @view: the store's new view; receives copies of those held
 * @now: time(NULL)
 *
 * Return: number of peers that are held.
 */
size_t hold_apply(struct hold *hold, const struct store_view *old, struct store_view *view,
		  time_t now);

#endif
