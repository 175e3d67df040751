/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of static: addresses that the configuration or the runtime spells out. */
#ifndef HAWSER_STATIC_IPAM_H
#define HAWSER_STATIC_IPAM_H

#include "cni.h"

/* Linked into the static executable and into every interface plugin. */
extern const struct cni_plugin static_plugin;

#endif
