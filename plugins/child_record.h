/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking an attachment of macvlan, ipvlan, vlan or dummy away, for the plugins and for hawser. */
#ifndef HAWSER_CHILD_RECORD_H
#define HAWSER_CHILD_RECORD_H

#include "chain.h"

/* Keys of the record beside those of iface_record(). */
#define CHILD_NETNS_ID "netnsID" /* device and inode of the namespace */
#define CHILD_MAC      "mac"	 /* of the link; written when it is there */

#define CHILD_NETNS_ID_STRLEN 48

struct stat;

/** child_netns_id() - "device:inode" of a namespace. Return: @buf. */
char *child_netns_id(const struct stat *st, char buf[CHILD_NETNS_ID_STRLEN]);

/**
 * child_remove() - remove the link inside the container, and the record
 * @key: whose; the plugin's name is the kind of the link
 * @call: its netns counts when it is of the same attachment; NULL: only the record
 * @err: filled on failure; the record stays then
 *
 * Nothing of the host leads to a link inside a container, so its namespace is looked for where the
 * runtime says, and where the record says. What the record leads to must be what ADD made: the MAC,
 * or (an ADD that was killed) the namespace, tell. Nothing there is success.
 *
 * Return: 0, or a negative errno.
 */
int child_remove(const struct state_key *key, const struct cni_call *call, struct cni_err *err);

#endif
