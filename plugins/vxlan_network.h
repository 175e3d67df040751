/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: the network's own parts on this node, which all its containers share. */
#ifndef HAWSER_VXLAN_NETWORK_H
#define HAWSER_VXLAN_NETWORK_H

#include "link.h"
#include "plugins/vxlan_conf.h"

/**
 * vxlan_network_underlay() - the ways to the peers, and the MTU
 * @nl: socket, nothing queued
 * @conf: valid configuration
 * @u: zeroed; filled, release with overlay_underlay_free(). Where a daemon makes the device, the
 *     MTU only, which it knows
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int vxlan_network_underlay(struct nlk *nl, const struct vxlan_conf *conf,
			   struct overlay_underlay *u, struct cni_err *err);

/**
 * vxlan_network_clear_way() - ADD, before the container's record: make the network possible
 * @conf: valid configuration
 * @key: of the container's record
 * @now: empty; receives what the node has of the network, if that stays. The caller's
 * @err: CNI_E_CONF: VNI or prefix are another network's, or the network would move away from
 *       containers
 *
 * What there is of the network and cannot stay is removed, if no container is in it. The lock is
 * held.
 *
 * Return: 0, or a negative errno.
 */
int vxlan_network_clear_way(const struct vxlan_conf *conf, const struct state_key *key,
			    struct overlay_state *now, struct cni_err *err);

/**
 * vxlan_network_ensure() - ADD, after the container's record: make the network, or put it right
 * @nl: socket, nothing queued
 * @conf: valid configuration; its state learns whether there is a fast path
 * @u: of vxlan_network_underlay()
 * @now: what the node has of the network; empty: nothing
 * @bridge: filled in mode "l2"
 * @err: CNI_E_TRY_LATER: an agent is about to move the network
 *
 * Writes differences only. The lock is held. What an agent manages is only looked at.
 *
 * Return: 0, or a negative errno.
 */
int vxlan_network_ensure(struct nlk *nl, struct vxlan_conf *conf, const struct overlay_underlay *u,
			 const struct overlay_state *now, struct link_info *bridge,
			 struct cni_err *err);

/**
 * vxlan_network_check_place() - CHECK and STATUS: with containers, the network must be where it was
 * @call: the call
 * @conf: valid configuration
 * @code: of the error
 * @err: says where the containers are
 *
 * Return: 0, or a negative errno.
 */
int vxlan_network_check_place(const struct cni_call *call, const struct vxlan_conf *conf, int code,
			      struct cni_err *err);

/**
 * vxlan_network_check() - CHECK: look at the network's parts, and put them right
 * @call: the call
 * @conf: valid configuration
 * @host: the container's host end; in mode "l2" it must be a port of the bridge
 * @err: what cannot be put right
 *
 * What was missing is said on stderr. An agent's network is only looked at: the agent puts it
 * right. Takes the lock if something is missing.
 *
 * Return: 0, or a negative errno.
 */
int vxlan_network_check(const struct cni_call *call, struct vxlan_conf *conf,
			const struct link_info *host, struct cni_err *err);

#endif
