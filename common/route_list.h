/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Routes as the kernel has them: listing those of an interface, and adding them to another table.
 */
#ifndef HAWSER_ROUTE_LIST_H
#define HAWSER_ROUTE_LIST_H

#include "ip.h"
#include "nl.h"

#define ROUTE_LIST_MAX	256
#define ROUTE_ATTRS_MAX 256 /* bytes; metrics and a tunnel fit */

/* One next hop of a route, with everything that is needed to add it again. */
struct route_copy {
	struct rtmsg rtm;
	uint32_t table;
	int oif;
	struct ip_net dst;
	struct ip_addr gw, src;		/* family 0: none */
	uint8_t attrs[ROUTE_ATTRS_MAX]; /* without table */
	int len;
};

struct route_list {
	struct route_copy *r; /* owned */
	int n;
};

/** route_list_free() - release what @list owns. */
void route_list_free(struct route_list *list);

#define autoroutes __attribute__((cleanup(route_list_free)))

/**
 * route_list_get() - unicast routes, one entry for each next hop (a dump: inside of containers
 * only)
 * @nl: socket, nothing queued
 * @family: AF_INET or AF_INET6; a kernel without it has none
 * @oif: interface, 0: any
 * @table: table, 0: any
 * @out: empty; filled
 *
 * Return: 0, -E2BIG for too many routes or too large ones, or another negative errno.
 */
int route_list_get(struct nlk *nl, int family, int oif, uint32_t table, struct route_list *out);

/** route_list_has_table() - Return: whether one of the routes is in a table. */
bool route_list_has_table(const struct route_list *list, uint32_t table);

/**
 * route_queue_copy() - queue adding a route to a table
 * @nl: socket
 * @route: of route_list_get()
 * @table: where to
 * @src: source address that packets without one get, replaces that of @route; NULL: as it is
 *
 * It is added behind others of the same destination, as the kernel adds connected routes. A route
 * that is there already counts as added.
 */
void route_queue_copy(struct nlk *nl, const struct route_copy *route, uint32_t table,
		      const struct ip_addr *src);

/** route_queue_del_copy() - queue removing a route; one that is not there counts as removed. */
void route_queue_del_copy(struct nlk *nl, const struct route_copy *route);

#endif
