/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The IPAM plugins that every interface plugin carries along. */
#include "ipam.h"

#include "host_local.h"
#include "static_ipam.h"

const struct cni_plugin *const ipam_builtins[] = { &host_local_plugin, &static_plugin, NULL };
