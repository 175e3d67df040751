/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Range sets of host-local: parsing, validation, and the order in which addresses are tried. */
#ifndef HAWSER_RANGE_H
#define HAWSER_RANGE_H

#include "cni.h"

/* A run of addresses of one subnet. start and end lie in the subnet, the gateway anywhere. */
struct ip_range {
	struct ip_net subnet;
	struct ip_addr start, end; /* both inclusive */
	struct ip_addr gateway;	   /* never handed out */
};

/* A pool of which each attachment gets one address. Ranges share a family and do not overlap. */
struct range_set {
	struct ip_range *ranges;
	size_t n;
};

/* All pools of a network, in the order of the addresses in the result. Owns everything. */
struct range_sets {
	struct range_set *sets;
	size_t n;
};

/* Keys of one range, for the tables that --help prints. */
#define RANGE_KEYS_DOC                                                                             \
	{ "subnet", CONF_DOC, .help = "Prefix to allocate from; one more pool before ranges." },   \
		{ "rangeStart", CONF_DOC, .dflt = "subnet + 1",                                    \
		  .help = "First address to allocate." },                                          \
		{ "rangeEnd", CONF_DOC, .dflt = "last but broadcast",                              \
		  .help = "Last one to allocate." },                                               \
	{                                                                                          \
		"gateway", CONF_DOC, .dflt = "subnet + 1",                                         \
				     .help = "Gateway; it is never allocated."                     \
	}

/**
 * range_sets_read() - the pools of a configuration: runtimeConfig.ipRanges, then the old style
 * ipam.subnet, then ipam.ranges
 * @conf: the whole configuration
 * @version: of the configuration; before 0.3.0 a result holds one address of each family
 * @out: released with range_sets_free(); untouched on failure
 * @err: CNI_E_DECODE for wrong JSON types, CNI_E_CONF otherwise; names key and value
 *
 * Return: 0, or a negative errno.
 */
int range_sets_read(const json_t *conf, enum cni_version version, struct range_sets *out,
		    struct cni_err *err);

/** range_sets_free() - release what @sets owns and zero it. */
void range_sets_free(struct range_sets *sets);

/** range_set_find() - Return: the range of @set that holds @ip, or NULL. */
const struct ip_range *range_set_find(const struct range_set *set, const struct ip_addr *ip);

/**
 * range_set_size() - how many addresses a pool can hand out, gateways left out
 * @set: the pool
 *
 * Return: the number; UINT64_MAX when there are that many or more.
 */
uint64_t range_set_size(const struct range_set *set);

/**
 * range_set_str() - "10.1.0.1-10.1.0.254,10.2.0.1-10.2.0.254", shortened to fit
 * @set: the pool
 * @buf: receives the text
 * @size: of @buf
 *
 * Return: @buf.
 */
char *range_set_str(const struct range_set *set, char *buf, size_t size);

/* A piece of a range, both ends inclusive. */
struct range_piece {
	const struct ip_range *range;
	struct ip_addr from, to;
};

/**
 * range_set_piece() - the i-th piece of a pool in the reference's round-robin order
 * @set: the pool
 * @last: the address handed out last; NULL or one outside the pool starts at the beginning
 * @i: from 0 up
 * @out: the piece: from the address after @last to the end of its range, then the ranges after
 *       it, then those before it, and finally the addresses up to @last
 *
 * Return: 1; 0 when piece @i is empty; -ENOENT when @i is past the last piece.
 */
int range_set_piece(const struct range_set *set, const struct ip_addr *last, size_t i,
		    struct range_piece *out);

#endif
