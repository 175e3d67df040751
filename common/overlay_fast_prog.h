/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The program of an overlay's fast path. */
#ifndef HAWSER_OVERLAY_FAST_PROG_H
#define HAWSER_OVERLAY_FAST_PROG_H

#include "bpf.h"
#include "ip.h"

/* One container's address: where its packets go. Key of the map: struct fast_key. */
struct fast_endpoint {
	uint32_t index;	     /* of its host end */
	uint8_t mac[6];	     /* of its interface */
	uint8_t host_mac[6]; /* of the host end; a hash of the attachment, so it tells whose this is
			      */
};

struct fast_key {
	uint8_t b[16]; /* IPv6, or IPv4 as ::ffff:a.b.c.d */
};

/* What is built into a network's program. */
struct fast_program {
	int map;	      /* descriptor of the endpoints */
	int device[2];	      /* ifindexes of the VXLAN devices, 0: there is no second */
	uint16_t port;	      /* UDP port of VXLAN */
	struct ip_net net[2]; /* the overlay's prefixes: IPv4, IPv6; family 0: none */
};

/** fast_key_of() - the key of an address. Return: the key. */
struct fast_key fast_key_of(const struct ip_addr *ip);

/** fast_program_write() - write it; @c: zeroed. */
void fast_program_write(struct bpf_code *c, const struct fast_program *p);

#endif
