/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the host's routes say of an overlay's peers, and the MTU that follows. */
#ifndef HAWSER_OVERLAY_UNDERLAY_H
#define HAWSER_OVERLAY_UNDERLAY_H

#include "overlay_entries.h"
#include "overlay_peers.h"

/* What is asked of the underlay, and for whom. Everything is borrowed. */
struct overlay_site {
	const struct overlay_peers *peers;
	const struct overlay_peer *own; /* this node, one of them; NULL: it is not among them */
	struct ip_addr local;		/* its VTEP */
	struct ip_net network[OVERLAY_FAMILIES];
	const char *dev, *address; /* as configured; NULL or "": not given */
	int mtu;		   /* as configured; 0: what the underlay carries */
	bool direct;
};

/* The way to one peer. */
struct overlay_way {
	struct ip_addr to; /* VTEP */
	int oif;	   /* 0: there is none at present */
	int mtu;	   /* of the route; 0: that of the interface */
	bool on_link;	   /* no router in between */
};

struct overlay_underlay {
	struct overlay_way *ways; /* owned; one for each record */
	size_t n;
	int dev; /* ifindex of "underlay.dev", 0: not given */
	int mtu; /* of the overlay */
};

/** overlay_underlay_free() - release what @u owns, and zero it. */
void overlay_underlay_free(struct overlay_underlay *u);

#define autounderlay __attribute__((cleanup(overlay_underlay_free)))

/**
 * overlay_underlay_look() - ask the kernel for the ways to the peers
 * @nl: socket, nothing queued
 * @site: what to look for
 * @known: ways that were found before and have not changed since, which is for the caller to know:
 *         the kernel is asked for the others only; NULL: none
 * @u: zeroed; filled
 * @err: CNI_E_CONF for an interface that does not exist, an address that is not this host's, an
 *       MTU that the underlay does not carry
 *
 * A peer that cannot be reached at present has no say in the MTU.
 *
 * Return: 0, or a negative errno.
 */
int overlay_underlay_look(struct nlk *nl, const struct overlay_site *site,
			  const struct overlay_underlay *known, struct overlay_underlay *u,
			  struct cni_err *err);

/** overlay_underlay_entries() - the entries that the peers need, device @oif. @want: empty. */
void overlay_underlay_entries(const struct overlay_site *site, const struct overlay_underlay *u,
			      int oif, struct overlay_list *want);

#endif
