/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge device of the bridge plugin: creating it, its addresses, the VLANs of its ports. */
#ifndef HAWSER_BRIDGE_DEV_H
#define HAWSER_BRIDGE_DEV_H

#include "ip.h"
#include "link.h"
#include "undo.h"

#include <jansson.h>

#define VLAN_RANGES_MAX 256

/* VLANs of a port: at most one untagged (PVID) and any number of tagged ones. */
struct vlan_set {
	struct {
		uint16_t first, last;
		bool access;
	} range[VLAN_RANGES_MAX];
	int n;
};

/* How the bridge is to be. */
struct bridge_wanted {
	const char *name;
	int mtu; /* of a new bridge, 0: the kernel's default */
	bool promisc, vlan_filtering;
	bool dad; /* a new bridge checks its own link-local address before it uses it */
};

/* The bridge, or the interface that carries its VLAN's gateway address, as it is. */
struct bridge_dev {
	char name[IFNAMSIZ];
	int index, mtu;
	uint8_t mac[6];
	uint16_t default_pvid; /* the VLAN that new ports are given, 0: none */
	bool created;	       /* by this call */
};

/**
 * vlan_set_read() - work "vlan" and "vlanTrunk" out
 * @vlan: 0 or 1..4094
 * @trunk: JSON array of {"id"} and {"minID", "maxID"} objects, or NULL
 * @out: filled; a trunk without a vlan gets VLAN 1 untagged, as in the reference
 * @err: CNI_E_CONF or CNI_E_DECODE, naming key and value
 *
 * Return: 0, or a negative errno.
 */
int vlan_set_read(int64_t vlan, const json_t *trunk, struct vlan_set *out, struct cni_err *err);

/**
 * vlan_set_queue() - queue the VLANs of a port
 * @nl: socket
 * @port: ifindex of the port, new
 * @set: an empty one queues nothing
 * @remove: the VLAN that the bridge gave the port by default and that is to go, 0: none
 */
void vlan_set_queue(struct nlk *nl, int port, const struct vlan_set *set, uint16_t remove);

/**
 * bridge_ensure() - find the bridge or create it; set it up and deaf to router advertisements
 * @nl: socket of the host's namespace
 * @wanted: what is asked for
 * @out: filled
 * @undo: receives the removal of a bridge made here; it is kept if it has ports by then
 * @err: CNI_E_CONF: the name is taken by something else; CNI_E_FIELD: the kernel lacks VLAN
 *       filtering; CNI_E_FAILED
 *
 * Return: 0, or a negative errno.
 */
int bridge_ensure(struct nlk *nl, const struct bridge_wanted *wanted, struct bridge_dev *out,
		  struct undo *undo, struct cni_err *err);

/**
 * bridge_gateway_dev() - the interface that carries gateway addresses
 * @nl: socket of the host's namespace
 * @bridge: of bridge_ensure()
 * @vlan: 0: the bridge itself; else a veth "<bridge>.<vlan>", made when missing, whose peer is an
 *        access port of that VLAN (the reference's arrangement); deaf to router advertisements
 * @dad: a veth made here checks its own link-local address before it uses it
 * @out: filled
 * @undo: receives the removal of a veth made here
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int bridge_gateway_dev(struct nlk *nl, const struct bridge_dev *bridge, int vlan, bool dad,
		       struct bridge_dev *out, struct undo *undo, struct cni_err *err);

/**
 * bridge_add_gateway() - put a gateway address on the bridge unless it is there
 * @nl: socket of the host's namespace
 * @dev: of bridge_gateway_dev()
 * @net: address and prefix length
 * @force: replace what conflicts: any other IPv4 address, an overlapping IPv6 prefix
 * @undo: receives the removal of the address, unless the device goes with it
 * @err: CNI_E_CONF when a conflicting address is there and @force is false
 *
 * Return: 0, or a negative errno.
 */
int bridge_add_gateway(struct nlk *nl, const struct bridge_dev *dev, const struct ip_net *net,
		       bool force, struct undo *undo, struct cni_err *err);

#endif
