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
 * addr_wait_dad() - wait until no address of an interface is tentative
 * @nl: socket, nothing queued
 * @index: interface
 * @timeout_ms: deadline
 *
 * Return: 0; -EADDRINUSE: a duplicate was detected; -ETIMEDOUT; another negative errno.
 */
int addr_wait_dad(struct nlk *nl, int index, int timeout_ms);

#endif
