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

/**
 * route_find() - whether a route through an interface exists
 * @nl: socket of the container's namespace, nothing queued
 * @index: outgoing interface
 * @route: destination and table must be equal; gateway and priority too when given
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

/** route_is_local() - Return: 1 when an address is one of this host (RTN_LOCAL), 0, or -errno. */
int route_is_local(struct nlk *nl, const struct ip_addr *ip);

#endif
