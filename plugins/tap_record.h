/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking an attachment of tap away, for the plugin and for hawser. */
#ifndef HAWSER_TAP_RECORD_H
#define HAWSER_TAP_RECORD_H

#include "chain.h"

/**
 * tap_remove() - delete the device inside the container, and the record: DEL, GC and rollback
 * @key: whose
 * @netns: where the runtime says that the container is; NULL: where the record says, if it is still
 *         the same namespace
 * @foreign: without a record, too: the Go plugins may have made the device
 * @err: filled on failure; the record stays then
 *
 * Only a tun or tap device is ever deleted. Nothing there is success.
 *
 * Return: 0, or a negative errno.
 */
int tap_remove(const struct state_key *key, const char *netns, bool foreign, struct cni_err *err);

#endif
