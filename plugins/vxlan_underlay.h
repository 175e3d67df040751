/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: what the host's routes say of the peers, and the MTU that follows. */
#ifndef HAWSER_VXLAN_UNDERLAY_H
#define HAWSER_VXLAN_UNDERLAY_H

#include "overlay_entries.h"
#include "plugins/vxlan_conf.h"

/* The way to one peer. */
struct vxlan_way {
	int oif;      /* 0: there is none at present */
	int mtu;      /* of the route; 0: that of the interface */
	bool on_link; /* no router in between */
};

struct vxlan_underlay {
	struct vxlan_way *ways; /* owned; one for each record of the configuration */
	int dev;		/* ifindex of "underlay.dev", 0: not given */
	int mtu;		/* of the overlay */
};

/** vxlan_underlay_free() - release what @u owns, and zero it. */
void vxlan_underlay_free(struct vxlan_underlay *u);

#define autounderlay __attribute__((cleanup(vxlan_underlay_free)))

/**
 * vxlan_underlay_look() - ask the kernel for the ways to the peers
 * @nl: socket, nothing queued
 * @conf: valid configuration
 * @u: zeroed; filled
 * @err: CNI_E_CONF for an interface that does not exist, an address that is not this host's, an
 *       MTU that the underlay does not carry
 *
 * A peer that cannot be reached at present has no say in the MTU.
 *
 * Return: 0, or a negative errno.
 */
int vxlan_underlay_look(struct nlk *nl, const struct vxlan_conf *conf, struct vxlan_underlay *u,
			struct cni_err *err);

/** vxlan_underlay_entries() - the entries that the peers need, device @oif. @want: empty. */
void vxlan_underlay_entries(const struct vxlan_conf *conf, const struct vxlan_underlay *u, int oif,
			    struct overlay_list *want);

#endif
