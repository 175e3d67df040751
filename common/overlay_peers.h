/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlay network's nodes: their records, read and checked one by one as hostile input. */
#ifndef HAWSER_OVERLAY_PEERS_H
#define HAWSER_OVERLAY_PEERS_H

#include "error.h"
#include "ip.h"

#include <jansson.h>
#include <stddef.h>
#include <stdint.h>

#define OVERLAY_NODE_MAX  254	      /* a DNS name, with its NUL */
#define OVERLAY_PEERS_MAX (16u << 20) /* bytes of a file of records */

/* Subnets and networks come in pairs: [0] is IPv4, [1] is IPv6; family 0: none. */
#define OVERLAY_FAMILIES 2
static inline int overlay_slot(const struct ip_addr *ip)
{
	return ip->family == AF_INET6;
}

/* One node. */
struct overlay_peer {
	char node[OVERLAY_NODE_MAX];
	struct ip_addr vtep;
	struct ip_net subnet[OVERLAY_FAMILIES];
	uint8_t mac[6]; /* of its VXLAN device: as given, else overlay_mac() */
	bool refused;	/* left out by whoever looked at it later */
	int64_t since;	/* known so since then, seconds since 1970; 0: nobody knows */
};

/* All of them, in the order in which they were given. */
struct overlay_peers {
	struct overlay_peer *p; /* owned */
	size_t n;
	/* indexes into p, sorted: by node, VTEP, MAC, IPv4 and IPv6 subnet; those without one are
	 * absent */
	struct overlay_index {
		uint32_t *at;
		size_t n;
	} by[5];
};

/* What records are checked against. */
struct overlay_rules {
	uint32_t vni;
	struct ip_net network[OVERLAY_FAMILIES];
	bool shared_vtep; /* a node may have several records: a store keeps old leases for a day */
};

/** overlay_peers_free() - release what @peers owns, and zero it. */
void overlay_peers_free(struct overlay_peers *peers);

#define autopeers __attribute__((cleanup(overlay_peers_free)))

/**
 * overlay_mac() - the MAC of a node's VXLAN device: 02 and 40 bits of a hash of node name and VNI
 * @node: name
 * @vni: VXLAN network identifier
 * @mac: six bytes
 *
 * The same after a reboot, and whoever knows the node's name knows it.
 */
void overlay_mac(const char *node, uint32_t vni, uint8_t mac[6]);

/**
 * overlay_node_read() - a node's name, if it is one: 1 to 253 of a-z A-Z 0-9 . _ -
 * @name: text
 * @node: receives it
 * @err: CNI_E_CONF
 *
 * Return: 0, or a negative errno.
 */
int overlay_node_read(const char *name, char node[OVERLAY_NODE_MAX], struct cni_err *err);

/**
 * overlay_peers_add() - append a record
 * @peers: those before it
 * @rules: VNI, and networks that its subnets must lie in
 * @record: JSON value; keys node, vtep, subnet (a string or an array), and mac if it is not
 *          overlay_mac()'s
 * @err: on failure CNI_E_DECODE or CNI_E_CONF with a sentence that names key and value, without
 *       saying where the record stands
 *
 * Refused is a node, VTEP, MAC or subnet that an earlier record has, too.
 *
 * Return: 0, or a negative errno with @peers as before.
 */
int overlay_peers_add(struct overlay_peers *peers, const struct overlay_rules *rules,
		      const json_t *record, struct cni_err *err);

/**
 * overlay_peers_array() - overlay_peers_add() of each element of an array
 * @array: JSON array; NULL appends nothing
 * @path: where it stands, "peers", for the error
 * @err: the first bad record, by its place; nothing bad is passed over
 *
 * Return: 0, or a negative errno.
 */
int overlay_peers_array(struct overlay_peers *peers, const struct overlay_rules *rules,
			const json_t *array, const char *path, struct cni_err *err);

/**
 * overlay_peers_text() - append the records of a file: a JSON array, or an object on each line
 * @peers: those before it
 * @rules: as for overlay_peers_add()
 * @text: content
 * @name: of the file
 * @err: CNI_E_DECODE for a text that begins as an array and is none
 *
 * Bad records are refused one by one on stderr, by file, line or index, and reason; the good ones
 * are kept.
 *
 * Return: number of records refused, or a negative errno.
 */
int overlay_peers_text(struct overlay_peers *peers, const struct overlay_rules *rules,
		       const char *text, const char *name, struct cni_err *err);

/** overlay_peers_file() - overlay_peers_text() of a file. @err: CNI_E_IO, too. Return: the same. */
int overlay_peers_file(struct overlay_peers *peers, const struct overlay_rules *rules,
		       const char *name, struct cni_err *err);

/** overlay_peers_find() - the record of a node. Return: borrowed, or NULL. */
const struct overlay_peer *overlay_peers_find(const struct overlay_peers *peers, const char *node);

#endif
