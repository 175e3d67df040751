/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys that the plugin vxlan and the node agent both read. */
#ifndef HAWSER_OVERLAY_CONF_H
#define HAWSER_OVERLAY_CONF_H

#include "error.h"
#include "ip.h"

#include <jansson.h>

/**
 * overlay_networks_read() - the key "network": a prefix, or an array of one for each family
 * @value: JSON value, NULL: it is missing
 * @net: zeroed; receives IPv4 and IPv6, family 0: none
 * @err: CNI_E_DECODE, CNI_E_CONF; names the value
 *
 * Return: 0, or a negative errno.
 */
int overlay_networks_read(const json_t *value, struct ip_net net[2], struct cni_err *err);

#endif
