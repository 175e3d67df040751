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
	bool announce; /* gratuitous ARP: not needed when the MAC follows the address */
	bool dad;      /* IPv6 duplicate address detection, and wait for it */
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
 * Return: 0 with the process back in its own namespace, or a negative errno (back as well).
 */
int container_configure(const struct container_setup *setup, struct cni_err *err);

/**
 * container_check() - CHECK the container's side against prevResult
 * @call: a CHECK call; its interface is looked for in call->prev
 * @index: receives the peer's ifindex (IFLA_LINK), for checking the host's side
 * @err: the first difference found
 *
 * Return: 0, or a negative errno.
 */
int container_check(const struct cni_call *call, int *index, struct cni_err *err);

#endif
