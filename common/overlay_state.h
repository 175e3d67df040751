/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What a node keeps of each overlay network beside its attachments: /run/hawser/overlay/<network>
 * says what its first container made, so that the last one can take it away without configuration.
 */
#ifndef HAWSER_OVERLAY_STATE_H
#define HAWSER_OVERLAY_STATE_H

#include "error.h"
#include "ip.h"
#include "overlay_peers.h"

#include <jansson.h>
#include <stddef.h>

#define OVERLAY_STATE_DIR "/run/hawser/overlay"

/* Groups of links: of all interfaces of an overlay network, told apart by the VNI. */
#define OVERLAY_GROUP	   0x48000000u
#define OVERLAY_GROUP_MASK 0xff000000u

#define OVERLAY_DEVICE_MAX 16 /* IFNAMSIZ */

struct overlay_state {
	char network[256];
	char node[OVERLAY_NODE_MAX]; /* this node; "": not said */
	uint32_t vni;
	uint16_t port;
	bool direct;		 /* routes past the VXLAN device may exist */
	bool l2;		 /* its containers are on one link, a bridge of each node */
	bool evpn;		 /* l2: somebody else writes the forwarding entries (RFC 8365) */
	bool fast;		 /* a fast path is wanted, and this kernel can */
	bool managed;		 /* a node agent makes it and takes it away, not the containers */
	bool foreign;		 /* another daemon makes device and entries: no VTEPs are known */
	int mtu;		 /* managed: of its containers */
	char conflict[512];	 /* managed: why it takes no containers at present; "": it does */
	struct ip_addr local;	 /* own VTEP; foreign: family 0 */
	struct ip_net net[2];	 /* the overlay's prefixes: IPv4, IPv6; family 0: none */
	struct ip_net subnet[2]; /* this node's */
	struct ip_addr *vteps;	 /* of the others, sorted; owned */
	size_t n_vteps;
	struct overlay_peer *peers; /* the others, by VTEP; owned. A managed network has none */
	size_t n_peers;
};

/** overlay_state_free() - release what @st owns, and zero it. */
void overlay_state_free(struct overlay_state *st);

#define autostate __attribute__((cleanup(overlay_state_free)))

/** overlay_device_name() - "vx42"; "vx42-v6" for the second one. Return: @name. */
char *overlay_device_name(uint32_t vni, bool second, char name[OVERLAY_DEVICE_MAX]);

/** overlay_state_mode() - Return: "l2" or "l3". */
static inline const char *overlay_state_mode(const struct overlay_state *st)
{
	return st->l2 ? "l2" : "l3";
}

/** overlay_state_sort() - sort the VTEPs and drop doubles. */
void overlay_state_sort(struct overlay_state *st);

/** overlay_nets_json() - an array of the prefixes of a pair. Return: new reference. */
json_t *overlay_nets_json(const struct ip_net net[2]);

/** overlay_nets_parse() - the opposite; NULL reads as []. Return: 0, or -EBADMSG. */
int overlay_nets_parse(const json_t *list, struct ip_net net[2]);

/**
 * overlay_state_set_peers() - make copies of records the state's peers, and their VTEPs its VTEPs
 * @st: without peers and VTEPs
 * @peers: those that are refused are left out
 * @own: one of them that is left out, too; may be NULL
 */
void overlay_state_set_peers(struct overlay_state *st, const struct overlay_peers *peers,
			     const struct overlay_peer *own);

/** overlay_state_take_peers() - the same for an array of them from malloc(), which @st then owns.
 */
void overlay_state_take_peers(struct overlay_state *st, struct overlay_peer *peers, size_t n);

/** overlay_state_age() - records that are as they were @before keep their age; those of others
 * begin @now. */
void overlay_state_age(struct overlay_state *st, const struct overlay_state *before, int64_t now);

/**
 * overlay_peer_json() - a record as it stands in the state, in a snapshot and in an agent's answer
 * @peer: record
 * @vni: the MAC is left out if overlay_mac() makes it of this
 *
 * Return: {"node", "vtep", "subnets", "mac", "since"}; new reference.
 */
json_t *overlay_peer_json(const struct overlay_peer *peer, uint32_t vni);

/**
 * overlay_peers_parse() - the opposite, for an array of them; "subnet" will do for "subnets"
 * @array: JSON
 * @vni: as above
 * @peers: receives them, owned by the caller; untouched on failure
 * @n: their number
 *
 * Return: 0, or -EBADMSG.
 */
int overlay_peers_parse(const json_t *array, uint32_t vni, struct overlay_peer **peers, size_t *n);

/** overlay_state_equal() - whether two are the same in all that is written. */
bool overlay_state_equal(const struct overlay_state *a, const struct overlay_state *b);

/** overlay_state_json() - Return: new reference. */
json_t *overlay_state_json(const struct overlay_state *st);

/** overlay_state_parse() - the opposite; @st: empty. Return: 0, or -EBADMSG with @st empty. */
int overlay_state_parse(const json_t *obj, struct overlay_state *st);

/**
 * overlay_lock() - the lock under which overlay networks of this node are made and removed
 * @err: CNI_E_IO
 *
 * Return: a descriptor that the caller closes to unlock, or a negative errno.
 */
int overlay_lock(struct cni_err *err);

/**
 * overlay_state_read() - what is known of a network
 * @network: name
 * @st: empty; untouched on failure
 *
 * Return: 0; -ENOENT: nothing; -EBADMSG: the file is damaged; another negative errno.
 */
int overlay_state_read(const char *network, struct overlay_state *st);

/** overlay_state_write() - write or replace it, in one visible step. Return: 0, or -errno. */
int overlay_state_write(const struct overlay_state *st);

/** overlay_state_remove() - remove it. Return: 0 (also when there was none), or -errno. */
int overlay_state_remove(const char *network);

/**
 * overlay_state_conflict() - whether another network of this node has the VNI or an address range
 * @st: the network to be made; the lock is held
 * @err: CNI_E_CONF, naming both
 *
 * Return: 0, or a negative errno.
 */
int overlay_state_conflict(const struct overlay_state *st, struct cni_err *err);

/**
 * overlay_state_each() - call a function for each network of this node; damaged files are passed
 * over
 *
 * Return: 0, or the first negative errno.
 */
int overlay_state_each(int (*fn)(const struct overlay_state *st, void *arg), void *arg);

#endif
