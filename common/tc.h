/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Traffic control: queueing disciplines and filters of one interface. */
#ifndef HAWSER_TC_H
#define HAWSER_TC_H

#include "ip.h"
#include "nl.h"

#include <linux/pkt_sched.h>

/* Where a qdisc "ingress" or "clsact" is; and what its filters are attached to. */
#define TC_HOOK		TC_HANDLE(0xffff, 0)
#define TC_HOOK_INGRESS TC_HANDLE(0xffff, 0xfff2) /* of clsact: packets that come in */
#define TC_HOOK_EGRESS	TC_HANDLE(0xffff, 0xfff3) /* of clsact: packets that go out */

#define TC_HANDLE(major, minor) ((uint32_t)(major) << 16 | (minor))

/* A rate and how much may be sent at once. */
struct tc_rate {
	uint64_t bytes_per_s;
	uint32_t burst; /* bytes */
	uint32_t limit; /* bytes that may wait */
};

/* What the kernel says of one qdisc. */
struct tc_info {
	char kind[16]; /* "" when there is none */
	uint32_t handle;
	/* TBF */
	uint64_t bytes_per_s;
	uint32_t buffer; /* the burst, in the kernel's ticks of 64 ns, modulo 2^32 */
	uint32_t limit;
};

/* What a u32 filter does with packets it matches. */
struct tc_filter {
	int index;
	uint32_t parent;
	uint16_t priority;
	uint16_t protocol;	  /* ETH_P_ALL, ETH_P_IP, ETH_P_IPV6; all filters of one priority
				     have the same */
	const struct ip_net *net; /* NULL: every packet */
	bool source;		  /* @net is the source, else the destination */
	uint32_t class; /* the class that takes the packet; of an ingress qdisc: accepted */
	int redirect;	/* ifindex where the packet is sent out instead, 0: nowhere */
};

/** tc_queue_tbf() - queue a token bucket filter as root qdisc 1:. It fails with -EEXIST when
 * another qdisc was put there. */
void tc_queue_tbf(struct nlk *nl, int index, const struct tc_rate *rate);

/** tc_queue_hook() - queue a qdisc "ingress" or "clsact", which only holds filters: for packets
 * that come in, or for both directions. -EEXIST as above. */
void tc_queue_hook(struct nlk *nl, int index, const char *kind);

/** tc_queue_filter() - queue a u32 filter. */
void tc_queue_filter(struct nlk *nl, const struct tc_filter *filter);

/**
 * tc_queue_bpf() - queue a program that is run for what passes a hook of clsact, in place of one
 * put there before
 * @nl: socket
 * @index: interface
 * @parent: TC_HOOK_INGRESS or TC_HOOK_EGRESS
 * @prog: descriptor; what the program returns is the verdict (direct action)
 * @name: for those who list filters
 */
void tc_queue_bpf(struct nlk *nl, int index, uint32_t parent, int prog, const char *name);

/** tc_queue_del_bpf() - queue the removal of such a program; -ENOENT when there is none. */
void tc_queue_del_bpf(struct nlk *nl, int index, uint32_t parent);

/**
 * tc_get_bpf() - the program that tc_queue_bpf() put
 * @nl: socket, nothing queued
 * @index: interface
 * @parent: as above
 * @id: of the program, 0: there is none; untouched on failure
 *
 * Return: 0, or a negative errno.
 */
int tc_get_bpf(struct nlk *nl, int index, uint32_t parent, uint32_t *id);

/** tc_has_filters() - whether anything is attached to a hook (a dump). Return: 1, 0 or -errno. */
int tc_has_filters(struct nlk *nl, int index, uint32_t parent);

/**
 * tc_get_qdisc() - look at the qdisc of an interface
 * @nl: socket, nothing queued
 * @index: interface
 * @parent: TC_H_ROOT or TC_H_INGRESS
 * @out: kind "" when there is none but the default; untouched on failure
 *
 * Return: 0, or a negative errno (-ENODEV: no such interface).
 */
int tc_get_qdisc(struct nlk *nl, int index, uint32_t parent, struct tc_info *out);

/**
 * tc_count_filters() - number of u32 filters (a dump: not for hot paths)
 * @nl: socket, nothing queued
 * @index: interface
 * @parent: handle of the qdisc that they are attached to
 * @redirect: only those that send packets out of this interface; 0: all of them
 *
 * Return: how many, or a negative errno.
 */
int tc_count_filters(struct nlk *nl, int index, uint32_t parent, int redirect);

/**
 * tc_del_qdisc() - remove a qdisc if it is of a kind and has a handle
 * @nl: socket, nothing queued
 * @index: interface
 * @parent: TC_H_ROOT or TC_H_INGRESS
 * @handle: handle
 * @kind: such as "tbf"; another one is left alone
 *
 * Return: 1: removed; 0: it was not there, or the interface is gone; a negative errno.
 */
int tc_del_qdisc(struct nlk *nl, int index, uint32_t parent, uint32_t handle, const char *kind);

/**
 * tc_buffer() - a burst as the kernel shows it
 * @rate: rate and burst
 *
 * Return: the time the burst takes at the rate, in ticks of 64 ns (pkt_sched.h, PSCHED_SHIFT).
 */
uint64_t tc_buffer(const struct tc_rate *rate);

#endif
