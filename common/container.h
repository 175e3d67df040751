/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container's side of an attachment: addresses, routes, sysctls; and checking them again. */
#ifndef HAWSER_CONTAINER_H
#define HAWSER_CONTAINER_H

#include "cni.h"
#include "link.h"

/* How an interface inside the container is to be configured. */
struct container_setup {
	int netns_fd;
	const char *ifname;
	int index;     /* of the interface inside the namespace */
	bool up;       /* false: leave the link down */
	bool announce; /* tell the neighbours of addresses: not needed when the MAC follows them */
	bool dad;      /* IPv6 duplicate address detection */
	bool dad_wait; /* and until it is over */
	bool routed;   /* the gateway is the only neighbour: everything goes through it */
	const struct cni_result *result; /* addresses and routes; all of its addresses are used */
};

/**
 * container_configure() - enter the namespace, configure the interface, come back
 * @setup: what to do
 * @err: filled on failure; what was configured dies with the link
 *
 * One batch: the addresses of IPv4 before the link is up (so that the kernel announces them when
 * that is asked for), then up, IPv6 addresses and routes. A route without a gateway gets the
 * gateway of its family's first address, as the reference does.
 *
 * With @routed each address needs a gateway, to which a route of scope link leads; its subnet is
 * behind the gateway, too.
 *
 * Return: 0 with the process back in its own namespace, or a negative errno (back as well).
 */
int container_configure(const struct container_setup *setup, struct cni_err *err);

/* A link inside a container, and what tells it from somebody else's of the same name. */
struct container_link {
	const char *netns; /* path */
	const char *name;
	const char *kind;     /* "veth", "macvlan", ... */
	const char *netns_id; /* what netns_id() must say there; NULL: anything */
	bool wait;	      /* for the kernel to release everything, see link_del_announced() */
};

/**
 * container_remove_link() - remove a link inside a container
 * @link: which
 * @err: filled on failure
 *
 * A namespace that is gone (or is the caller's own) and a link that is not there are success.
 *
 * Return: 1 when it was there and is removed, 0 when it was not, or a negative errno.
 */
int container_remove_link(const struct container_link *link, struct cni_err *err);

/**
 * container_check() - CHECK the container's side against prevResult
 * @call: a CHECK call; its interface is looked for in call->prev
 * @seen: receives the interface as it is, for further checks; its .peer (IFLA_LINK) is an ifindex
 *        of the host's side
 * @err: the first difference found
 *
 * Return: 0, or a negative errno.
 */
int container_check(const struct cni_call *call, struct link_info *seen, struct cni_err *err);

#endif
