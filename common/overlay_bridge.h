/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The bridge of an overlay network of mode "l2" on this node: all of its containers on one link. */
#ifndef HAWSER_OVERLAY_BRIDGE_H
#define HAWSER_OVERLAY_BRIDGE_H

#include "overlay_device.h"

/** overlay_bridge_name() - "br-vx42". Return: @name. */
char *overlay_bridge_name(uint32_t vni, char name[OVERLAY_DEVICE_MAX]);

/**
 * overlay_gateway() - the address of a node on the link: the first of its subnet
 * @st: the network
 * @slot: 0: IPv4, 1: IPv6
 *
 * Return: it, with the length of the network's prefix; family 0: there is none.
 */
struct ip_net overlay_gateway(const struct overlay_state *st, int slot);

/** overlay_bridge_usable() - overlay_device_usable() for the bridge. Return: as there. */
int overlay_bridge_usable(struct nlk *nl);

/**
 * overlay_bridge_ensure() - make the bridge, or put it right, with the VXLAN device as its port
 * @nl: socket, nothing queued
 * @want: what the VXLAN device should be like; the bridge has its MTU
 * @device: the VXLAN device as overlay_device_ensure() left it
 * @made: receives the bridge; its index, MAC and MTU are up to date
 * @err: CNI_E_FIELD: the kernel has no bridges; CNI_E_FAILED: the name is taken
 *
 * Containers of a bridge that was deleted by hand become ports of the new one.
 *
 * Return: 0, or a negative errno.
 */
int overlay_bridge_ensure(struct nlk *nl, const struct overlay_device *want,
			  const struct link_info *device, struct link_info *made,
			  struct cni_err *err);

/**
 * overlay_bridge_check() - CHECK: is the bridge as it should be, and the VXLAN device its port?
 * @nl: socket, nothing queued
 * @want: what the VXLAN device should be like
 * @device: the VXLAN device as it is
 * @seen: receives the bridge
 * @err: names the difference
 *
 * Return: 0, or a negative errno.
 */
int overlay_bridge_check(struct nlk *nl, const struct overlay_device *want,
			 const struct link_info *device, struct link_info *seen,
			 struct cni_err *err);

/**
 * overlay_bridge_remove() - remove the bridge, if it is the network's
 * @nl: socket, nothing queued
 * @st: the network
 * @err: filled on failure
 *
 * Return: 0 (also when there is none), or a negative errno.
 */
int overlay_bridge_remove(struct nlk *nl, const struct overlay_state *st, struct cni_err *err);

#endif
