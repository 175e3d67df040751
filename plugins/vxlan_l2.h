/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan, mode "l2": all containers of the network on one link, the bridges of the nodes. */
#ifndef HAWSER_VXLAN_L2_H
#define HAWSER_VXLAN_L2_H

#include "overlay_bridge.h"
#include "plugins/pair.h"
#include "plugins/vxlan_conf.h"

/**
 * vxlan_l2_addresses() - check the addresses of IPAM, and fit them to the link
 * @conf: valid configuration
 * @result: each address gets the length of the network, and the node as its gateway if it has none
 * @err: CNI_E_CONF for one that is not of the network, or is another node's to give
 *
 * Return: 0, or a negative errno.
 */
int vxlan_l2_addresses(const struct vxlan_conf *conf, struct cni_result *result,
		       struct cni_err *err);

/** vxlan_l2_entries() - the replication list of device @oif. @want: empty. */
void vxlan_l2_entries(const struct vxlan_conf *conf, int oif, struct overlay_list *want);

/**
 * vxlan_l2_connect() - make the container a port of the bridge, and have it tell its neighbours
 * @p: the attachment
 * @st: the network
 * @bridge: of overlay_bridge_ensure()
 * @result: addresses and routes; the bridge becomes its first interface
 * @undo: receives the way back
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int vxlan_l2_connect(struct pair *p, const struct overlay_state *st, const struct link_info *bridge,
		     struct cni_result *result, struct undo *undo, struct cni_err *err);

/**
 * vxlan_l2_check() - CHECK: the container's side against prevResult
 * @call: a CHECK call
 * @host: receives the host end
 * @err: the first difference found
 *
 * Return: 0, or a negative errno.
 */
int vxlan_l2_check(const struct cni_call *call, struct link_info *host, struct cni_err *err);

#endif
