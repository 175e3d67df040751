/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Published ports: runs of consecutive host ports that lead to consecutive container ports. */
#ifndef HAWSER_PORTS_H
#define HAWSER_PORTS_H

#include "error.h"
#include "ip.h"

#include <netinet/in.h>
#include <stdint.h>

/* @count host ports from @host_port on lead to as many container ports from @container_port on. */
struct port_run {
	uint8_t proto;		  /* IPPROTO_TCP, IPPROTO_UDP or IPPROTO_SCTP */
	struct ip_addr host;	  /* host address published on; family 0: any local address */
	struct ip_addr container; /* where connections go */
	uint16_t host_port, container_port; /* first of each, host byte order, never 0 */
	uint32_t count;			    /* at least 1; the last ports are at most 65535 */
};

/** port_proto() - Return: "tcp", "udp" or "sctp". */
static inline const char *port_proto(uint8_t proto)
{
	return proto == IPPROTO_TCP ? "tcp" : proto == IPPROTO_UDP ? "udp" : "sctp";
}

/**
 * port_taken() - fill in the error about a port that another attachment has published
 * @err: CNI_E_FAILED; names protocol, port, host address and owner
 * @run: the run that the port is one of
 * @offset: which one
 * @owner: names of the owner, separated by blanks
 * @words: what they are: "network, container, interface"
 *
 * Return: -EADDRINUSE.
 */
int port_taken(struct cni_err *err, const struct port_run *run, unsigned int offset,
	       const char *owner, const char *words);

#endif
