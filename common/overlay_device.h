/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The VXLAN device of an overlay network on this node. */
#ifndef HAWSER_OVERLAY_DEVICE_H
#define HAWSER_OVERLAY_DEVICE_H

#include "link.h"
#include "overlay_state.h"

/* What the device should be like. */
struct overlay_device {
	const struct overlay_state *st; /* VNI, port, own VTEP, subnets, name of the network */
	bool second;			/* of two; it carries IPv6 over IPv6 */
	uint8_t mac[6];
	int mtu;
};

#define OVERLAY_ALIAS_MAX 256

/** overlay_alias() - what the links of a network are called by IFLA_IFALIAS. Return: @alias. */
char *overlay_alias(const struct overlay_state *st, char alias[OVERLAY_ALIAS_MAX]);

/**
 * overlay_queue_common() - queue what all links of a network have: alias, group and MTU
 * @nl: socket
 * @want: what the device should be like
 * @info: the link as it is
 */
void overlay_queue_common(struct nlk *nl, const struct overlay_device *want,
			  const struct link_info *info);

/**
 * overlay_differs() - what is wrong of these, and whether the link is up
 * @want: what the device should be like
 * @info: the link as it is
 *
 * Return: what is another ("group"), or NULL.
 */
const char *overlay_differs(const struct overlay_device *want, const struct link_info *info);

/**
 * overlay_link_remove() - remove a link of a network
 * @nl: socket, nothing queued
 * @st: the network
 * @name: of the link
 * @is_ours: whether the link is the network's; another one stays
 * @err: filled on failure
 *
 * Return: 0 (also when there is none), or a negative errno.
 */
int overlay_link_remove(struct nlk *nl, const struct overlay_state *st, const char *name,
			bool (*is_ours)(const struct link_info *info,
					const struct overlay_state *st),
			struct cni_err *err);

/**
 * overlay_device_ensure() - make the device, or put it right
 * @nl: socket, nothing queued
 * @want: what it should be like
 * @made: receives it; its index is all that is up to date
 * @err: CNI_E_FIELD: the kernel has no VXLAN; CNI_E_FAILED: name, VNI or port are taken
 *
 * What cannot be changed makes the device be made again; its entries go with it. It has the network
 * address of each subnet of the node, which is the other nodes' gateway, and no other. In mode "l2"
 * it has no address and is to become a port of the network's bridge.
 *
 * Return: 0, or a negative errno.
 */
int overlay_device_ensure(struct nlk *nl, const struct overlay_device *want, struct link_info *made,
			  struct cni_err *err);

/**
 * overlay_device_usable() - whether this kernel can make VXLAN devices; makes none
 * @nl: socket, nothing queued
 *
 * Return: 0, -EOPNOTSUPP: it has no VXLAN, or another negative errno.
 */
int overlay_device_usable(struct nlk *nl);

/**
 * overlay_device_has_alias() - whether the alias of a link does not say that it is somebody else's
 * @info: the link
 * @st: the network
 *
 * Return: true also without an alias.
 */
bool overlay_device_has_alias(const struct link_info *info, const struct overlay_state *st);

/**
 * overlay_device_check() - CHECK: is the device as it should be?
 * @nl: socket, nothing queued
 * @want: what it should be like
 * @seen: receives it
 * @err: names the difference
 *
 * Return: 0, or a negative errno.
 */
int overlay_device_check(struct nlk *nl, const struct overlay_device *want, struct link_info *seen,
			 struct cni_err *err);

/**
 * overlay_device_remove() - remove the device, if it is the network's; both if there are two
 * @nl: socket, nothing queued
 * @st: the network
 * @err: filled on failure
 *
 * Return: 0 (also when there is none), or a negative errno.
 */
int overlay_device_remove(struct nlk *nl, const struct overlay_state *st, struct cni_err *err);

#endif
