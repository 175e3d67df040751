/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What the kernel must know of an overlay's peers, and what it knows: three permanent entries for
 * each subnet of a peer, compared by value, so that only the differences are written.
 */
#ifndef HAWSER_OVERLAY_ENTRIES_H
#define HAWSER_OVERLAY_ENTRIES_H

#include "ip.h"
#include "nl.h"

/* Protocol number of our routes: "ip route show proto 72". None of rtnetlink.h's has it. */
#define OVERLAY_RTPROT 72

/* In the order in which they are written: a route comes last, so that the kernel never asks for a
 * neighbour. */
enum overlay_kind {
	OVERLAY_FDB,   /* frames for a MAC go to a VTEP */
	OVERLAY_FLOOD, /* frames for all, or for nobody known, go to a VTEP, too */
	OVERLAY_NEIGH, /* a gateway's MAC */
	OVERLAY_ROUTE, /* a subnet is behind a gateway */
	OVERLAY_KINDS
};

/* One entry. What a kind does not use is zero. */
struct overlay_entry {
	enum overlay_kind kind;
	int oif;
	uint8_t mac[6];	   /* FDB: key; neighbour: value; flood: zero, which is its key */
	struct ip_net dst; /* route: key; neighbour: key, as a single address */
	struct ip_addr to; /* FDB: VTEP; flood: VTEP, a part of the key; route: gateway */
};

/* A list that grows. */
struct overlay_list {
	struct overlay_entry *e; /* owned */
	size_t n, size;
};

/* What turns one list into another. */
struct overlay_diff {
	struct overlay_list add, del;
};

/** overlay_list_free() - release what @list owns, and zero it. */
void overlay_list_free(struct overlay_list *list);

/** overlay_diff_free() - release what @diff owns, and zero it. */
void overlay_diff_free(struct overlay_diff *diff);

#define autolist __attribute__((cleanup(overlay_list_free)))
#define autodiff __attribute__((cleanup(overlay_diff_free)))

/** overlay_list_add() - append a copy of an entry. */
void overlay_list_add(struct overlay_list *list, const struct overlay_entry *entry);

/**
 * overlay_list_peer() - append the entries of a subnet that is reached through the overlay
 * @list: the list
 * @oif: the VXLAN device
 * @subnet: of the peer; its network address is the gateway
 * @mac: of the peer's device
 * @vtep: of the peer
 */
void overlay_list_peer(struct overlay_list *list, int oif, const struct ip_net *subnet,
		       const uint8_t mac[6], const struct ip_addr *vtep);

/** overlay_list_flood() - append a VTEP of the replication list of device @oif. */
void overlay_list_flood(struct overlay_list *list, int oif, const struct ip_addr *vtep);

/** overlay_list_direct() - append the route to a subnet whose node is a neighbour. */
void overlay_list_direct(struct overlay_list *list, int oif, const struct ip_net *subnet,
			 const struct ip_addr *vtep);

/**
 * overlay_list_diff() - what must be added and removed
 * @want: as it should be; sorted and freed from doubles by this function
 * @have: as it is; sorted, too
 * @diff: empty; filled. An entry whose value has changed is in .add only: adding replaces it
 */
void overlay_list_diff(struct overlay_list *want, struct overlay_list *have,
		       struct overlay_diff *diff);

/**
 * overlay_list_read() - what the kernel has
 * @nl: socket, nothing queued
 * @device: the VXLAN device; all of its permanent entries count
 * @network: the overlay's networks, IPv4 and IPv6: our routes to others, elsewhere, do not count
 * @have: empty; filled
 *
 * A dump of each kind, filtered by the kernel.
 *
 * Return: 0, or a negative errno.
 */
int overlay_list_read(struct nlk *nl, int device, const struct ip_net network[2],
		      struct overlay_list *have);

/**
 * overlay_list_write() - make the kernel add and remove entries
 * @nl: socket, nothing queued
 * @diff: what
 *
 * Batches of NLK_BATCH_MAX; an entry to remove that is not there counts as removed.
 *
 * Return: 0, or a negative errno.
 */
int overlay_list_write(struct nlk *nl, const struct overlay_diff *diff);

/**
 * overlay_entry_read() - the entry that a message of the kernel is about, a notification, too
 * @hdr: RTM_NEWROUTE, RTM_DELROUTE, RTM_NEWNEIGH or RTM_DELNEIGH
 * @entry: filled
 * @proto: receives the protocol of a route, for a neighbour or forwarding entry OVERLAY_RTPROT if
 *         it is permanent and 0 if not
 *
 * A route that leads through no interface, or through several, has .oif 0.
 *
 * Return: true; false when it is of no kind that an overlay has (other tables).
 */
bool overlay_entry_read(const struct nlmsghdr *hdr, struct overlay_entry *entry, uint8_t *proto);

/**
 * overlay_list_find() - the entry with the same key in a list that overlay_list_diff() has sorted
 * @same: receives whether the value is the same, too
 *
 * Return: borrowed, or NULL.
 */
const struct overlay_entry *overlay_list_find(const struct overlay_list *list,
					      const struct overlay_entry *entry, bool *same);

#define OVERLAY_ENTRY_STRLEN 160

/** overlay_entry_str() - "the route to 10.5.2.0/24 through 10.5.2.0". Return: @buf. */
char *overlay_entry_str(const struct overlay_entry *entry, char buf[OVERLAY_ENTRY_STRLEN]);

#endif
