/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: "fastPath" in ADD. */
#ifndef HAWSER_VXLAN_FAST_H
#define HAWSER_VXLAN_FAST_H

#include "nl.h"
#include "plugins/vxlan_conf.h"

/**
 * vxlan_fast_ensure() - switch the network's fast path on or off, as configured
 * @nl: socket, nothing queued
 * @conf: configuration; .st.fast says whether it was on, and then whether it is
 * @device: ifindex of the VXLAN device; the lock of overlay networks is held
 * @err: filled on failure. A kernel that cannot is none: there is a warning, packets take the
 * stack, and the next ADD tries again
 *
 * Return: 0, or a negative errno.
 */
int vxlan_fast_ensure(struct nlk *nl, struct vxlan_conf *conf, int device, struct cni_err *err);

/**
 * vxlan_fast_join() - let the new container have part in it
 * @nl: socket, nothing queued
 * @conf: configuration
 * @call: the ADD; its links and its record exist
 * @undo: receives the way back
 *
 * What fails is a warning.
 */
void vxlan_fast_join(struct nlk *nl, const struct vxlan_conf *conf, const struct cni_call *call,
		     struct undo *undo);

/**
 * vxlan_fast_check() - CHECK: has the container its part in it?
 * @call: the call
 * @conf: configuration
 * @err: filled on failure
 *
 * What is missing is said on stderr, and put right. Takes the lock then.
 *
 * Return: 0, or a negative errno.
 */
int vxlan_fast_check(const struct cni_call *call, const struct vxlan_conf *conf,
		     struct cni_err *err);

#endif
