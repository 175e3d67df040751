/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routes: adding them with every attribute of a CNI result, and finding one again. */
#ifndef HAWSER_ROUTE_H
#define HAWSER_ROUTE_H

#include "nl.h"
#include "result.h"

/**
 * route_queue_add() - queue adding a route
 * @nl: socket
 * @index: outgoing interface
 * @route: destination, gateway, mtu, advmss, priority, table, scope (spec 1.1.0, "routes")
 * @onlink: the gateway is on the link although no address of the interface covers it
 *
 * A route that is there already (the connected one, say) counts as added.
 */
void route_queue_add(struct nlk *nl, int index, const struct cni_route *route, bool onlink);

/* A route that an interface plugin lays by itself. Addresses are borrowed. */
struct link_route {
	const struct ip_net *dst;  /* without host bits */
	const struct ip_addr *gw;  /* NULL: the destination is on the link */
	const struct ip_addr *src; /* preferred source address, NULL: the kernel's choice */
	int scope;		   /* RT_SCOPE_* */
};

/** route_queue_link() - queue adding such a route; one that is there already counts as added. */
void route_queue_link(struct nlk *nl, int index, const struct link_route *route);

/**
 * route_find() - whether a route through an interface exists
 * @nl: socket of the container's namespace, nothing queued
 * @index: outgoing interface
 * @route: destination must be equal; table, gateway and priority too when given: without a table
 *         any will do, because a plugin later in the chain (sbr, vrf) moves routes to another
 *
 * Return: 1 when found, 0 when not, or a negative errno.
 */
int route_find(struct nlk *nl, int index, const struct cni_route *route);

/**
 * route_interface() - which interface the kernel would send a packet to an address through
 * @nl: socket, nothing queued
 * @ip: destination
 *
 * Return: interface index, or a negative errno (-ENETUNREACH: no route).
 */
int route_interface(struct nlk *nl, const struct ip_addr *ip);

/**
 * route_default_interface() - the interface of the default route: of IPv4, else of IPv6
 * @nl: socket, nothing queued
 *
 * The kernel cannot be asked for the route to "anything", and a route to somewhere may be a more
 * specific one: this lists the main table. The lowest metric wins.
 *
 * Return: interface index; -ENODEV: there is no default route; another negative errno.
 */
int route_default_interface(struct nlk *nl);

/** route_is_local() - Return: 1 when an address is one of this host (RTN_LOCAL), 0, or -errno. */
int route_is_local(struct nlk *nl, const struct ip_addr *ip);

#endif
