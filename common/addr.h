/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of interfaces. */
#ifndef HAWSER_ADDR_H
#define HAWSER_ADDR_H

#include "ip.h"
#include "nl.h"

#include <linux/if_addr.h>

#define ADDR_LIST_MAX 128

/* Addresses of one interface; link-local IPv6 ones are included. */
struct addr_list {
	struct {
		struct ip_net net;
		uint32_t flags; /* IFA_F_* */
		uint8_t scope;	/* RT_SCOPE_* */
	} a[ADDR_LIST_MAX];
	int n;
};

/**
 * addr_queue_add() - queue adding an address
 * @nl: socket
 * @index: interface
 * @net: address with prefix length; IPv4 gets its broadcast address
 * @flags: IFA_F_NODAD: usable at once, without duplicate address detection (IPv6);
 *         IFA_F_NOPREFIXROUTE: without the route to its subnet that the kernel adds
 */
void addr_queue_add(struct nlk *nl, int index, const struct ip_net *net, uint32_t flags);

/** addr_queue_del() - queue removing an address. */
void addr_queue_del(struct nlk *nl, int index, const struct ip_net *net);

/**
 * addr_list_get() - addresses of one interface, filtered by the kernel
 * @nl: socket, nothing queued
 * @index: interface
 * @family: AF_INET, AF_INET6, or AF_UNSPEC for both
 * @out: filled
 *
 * Return: 0, -E2BIG for more than ADDR_LIST_MAX addresses, or another negative errno.
 */
int addr_list_get(struct nlk *nl, int index, int family, struct addr_list *out);

/**
 * addr_queue_only() - queue what makes an interface have these addresses and no others
 * @nl: socket, nothing queued
 * @index: interface
 * @want: one of IPv4 and one of IPv6, usable at once; family 0: none
 *
 * Link-local addresses of IPv6 stay. A batch holds as many removals as half of NLK_BATCH_MAX.
 *
 * Return: 0, or a negative errno.
 */
int addr_queue_only(struct nlk *nl, int index, const struct ip_net want[2]);

/**
 * addr_missing() - the first address that an interface should have and has not
 * @nl: socket, nothing queued
 * @index: interface
 * @want: as for addr_queue_only()
 * @missing: receives it; NULL: there is none
 *
 * Return: 0, or a negative errno.
 */
int addr_missing(struct nlk *nl, int index, const struct ip_net want[2],
		 const struct ip_net **missing);

/**
 * addr_wait_dad() - wait until no address of an interface is tentative
 * @nl: socket, nothing queued
 * @index: interface
 * @timeout_ms: deadline
 *
 * Return: 0; -EADDRINUSE: a duplicate was detected; -ETIMEDOUT; another negative errno.
 */
int addr_wait_dad(struct nlk *nl, int index, int timeout_ms);

#endif
