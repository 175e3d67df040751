/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container's MAC address from the places where a runtime or a user may ask for one. */
#ifndef HAWSER_MAC_H
#define HAWSER_MAC_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

/* An address that was asked for, or none. */
struct mac_wanted {
	bool given;
	uint8_t addr[6];
};

/**
 * mac_read_key() - take the address from a key of the configuration, if it is there
 * @conf: configuration
 * @path: of the key, such as "runtimeConfig.mac"; absent and "" mean that none is asked for
 * @mac: replaced when the key holds an address
 * @err: CNI_E_DECODE: no string, CNI_E_CONF: no unicast MAC address
 *
 * Call it and mac_read_args() in ascending order of precedence.
 *
 * Return: 0, or a negative errno.
 */
int mac_read_key(const json_t *conf, const char *path, struct mac_wanted *mac, struct cni_err *err);

/**
 * mac_read_args() - take the address from MAC= in CNI_ARGS, if it is there
 * @args: CNI_ARGS, or NULL
 * @mac: replaced when there is an address
 * @err: CNI_E_ENV
 *
 * Return: 0, or a negative errno.
 */
int mac_read_args(const char *args, struct mac_wanted *mac, struct cni_err *err);

#endif
