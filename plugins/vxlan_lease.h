/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: addresses for containers, by default of our host-local on the node's own subnets. */
#ifndef HAWSER_VXLAN_LEASE_H
#define HAWSER_VXLAN_LEASE_H

#include "plugins/vxlan_conf.h"

/* The call as IPAM is to see it. */
struct vxlan_lease {
	struct cni_call call; /* its conf is owned */
	const char *type;
	bool builtin; /* the configuration names no IPAM plugin: ours, whatever CNI_PATH says */
};

/**
 * vxlan_lease_open() - what IPAM is to see
 * @call: the call
 * @conf: configuration; without .own (DEL, GC) the ranges are left out
 * @lease: filled; release with vxlan_lease_close()
 */
void vxlan_lease_open(const struct cni_call *call, const struct vxlan_conf *conf,
		      struct vxlan_lease *lease);

/** vxlan_lease_close() - release what @lease owns. */
void vxlan_lease_close(struct vxlan_lease *lease);

#define autolease __attribute__((cleanup(vxlan_lease_close)))

/**
 * vxlan_lease_add() - addresses for a container; @undo receives their release
 * @lease: the call
 * @original: the call that it was made of, which lives as long as the undo list
 * @conf: each address must be in the node's subnets
 * @result: empty
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int vxlan_lease_add(const struct vxlan_lease *lease, const struct cni_call *original,
		    const struct vxlan_conf *conf, struct cni_result *result, struct undo *undo,
		    struct cni_err *err);

/** vxlan_lease_verb() - DEL, CHECK, GC or STATUS, whichever the call is. Return: 0 or -errno. */
int vxlan_lease_verb(const struct vxlan_lease *lease, struct cni_err *err);

#endif
