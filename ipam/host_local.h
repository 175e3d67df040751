/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of host-local: addresses from ranges, reserved by files on this host. */
#ifndef HAWSER_HOST_LOCAL_H
#define HAWSER_HOST_LOCAL_H

#include "cni.h"

/* Linked into the host-local executable and into every interface plugin. */
extern const struct cni_plugin host_local_plugin;

#endif
