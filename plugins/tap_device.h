/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Making a persistent tap device, which rtnetlink cannot. */
#ifndef HAWSER_TAP_DEVICE_H
#define HAWSER_TAP_DEVICE_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

/* A device to make. */
struct tap_device {
	const char *name; /* must be free */
	bool multi_queue;
	int64_t owner, group;	     /* user and group id that may open it, -1: not set */
	const char *selinux_context; /* label of the device, or NULL: that of the caller */
};

/**
 * tap_device_create() - make a persistent tap device
 * @dev: what to make
 * @netns_fd: the network namespace it is made in
 * @made: whether there is, or may be, a new device, also after a failure
 * @err: CNI_E_FIELD: the kernel has no CONFIG_TUN, or selinuxContext without SELinux;
 *       CNI_E_CONF for an owner or group that the user namespace does not map
 *
 * The device is labelled like the process that makes it. So with selinux_context this executable
 * runs once more, under that context, and is waited for: tap_device_helper() is what it does then.
 *
 * Return: 0 with the process in its own namespace, or a negative errno (as well).
 */
int tap_device_create(const struct tap_device *dev, int netns_fd, bool *made, struct cni_err *err);

/**
 * tap_device_helper() - whether this process was started to make a device; if so, make it
 *
 * Call it first in main().
 *
 * Return: exit status, or -1: this is a call like any other.
 */
int tap_device_helper(void);

#endif
