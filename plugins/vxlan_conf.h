/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: its keys, and what they come to. */
#ifndef HAWSER_VXLAN_CONF_H
#define HAWSER_VXLAN_CONF_H

#include "overlay_peers.h"
#include "overlay_state.h"
#include "overlay_underlay.h"
#include "plugins/filter.h"
#include "plugins/iface.h"

struct vxlan_conf {
	struct filter_conf filter;
	struct iface_conf iface; /* mtu as configured; 0: by the underlay */
	int64_t vni, port;
	bool direct, evpn, fast_path;
	const char *mode, *node, *peers_file;
	const json_t *underlay, *peers_array, *store;
	const char *dev, *address; /* of underlay; NULL: not given */
	/* worked out by vxlan_conf_read_valid() */
	char host[OVERLAY_NODE_MAX]; /* default of node */
	struct overlay_rules rules;
	struct overlay_peers peers;
	const struct overlay_peer *own; /* borrowed from peers; with a store it is self */
	struct overlay_peer self;	/* name and subnets that a store says */
	struct overlay_state st;	/* what the configuration comes to */
	struct overlay_site site; /* the same for common/overlay_underlay.h; borrows from here */
};

/** vxlan_conf_free() - release what @conf owns. */
void vxlan_conf_free(struct vxlan_conf *conf);

#define autoconf __attribute__((cleanup(vxlan_conf_free)))

extern const struct conf_key vxlan_keys[];

/** vxlan_conf_node() - the name of this node, by default the host's. Return: 0 or -errno. */
int vxlan_conf_node(struct vxlan_conf *conf, struct cni_err *err);

/** vxlan_conf_read() - types only: all that DEL and GC need. Return: 0, or a negative errno. */
int vxlan_conf_read(const struct cni_call *call, struct vxlan_conf *conf, struct cni_err *err);

/**
 * vxlan_conf_read_valid() - all of it, with the peers
 * @call: the call
 * @conf: zeroed; filled, release with vxlan_conf_free()
 * @err: CNI_E_CONF, CNI_E_DECODE, CNI_E_IO; CNI_E_FIELD for what does not exist yet;
 *       CNI_E_TRY_LATER, CNI_E_UNAVAILABLE for a store that has not begun
 *
 * A bad record of the configuration is an error, one of peersFile is refused on stderr.
 *
 * Return: 0, or a negative errno.
 */
int vxlan_conf_read_valid(const struct cni_call *call, struct vxlan_conf *conf,
			  struct cni_err *err);

#endif
