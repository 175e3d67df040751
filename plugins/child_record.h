/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking an attachment of macvlan, ipvlan, vlan or dummy away, for the plugins and for hawser. */
#ifndef HAWSER_CHILD_RECORD_H
#define HAWSER_CHILD_RECORD_H

#include "chain.h"

/* Key of the record beside those of iface_record(): netns_id() of the container. */
#define CHILD_NETNS_ID "netnsID"

/**
 * child_remove() - remove the link inside the container, and the record
 * @key: whose; the plugin's name is the kind of the link
 * @call: its netns counts when it is of the same attachment; NULL: only the record
 * @err: filled on failure; the record stays then
 *
 * Nothing of the host leads to a link inside a container, so its namespace is looked for where the
 * runtime says, and where the record says, if it is still the same namespace. Nothing there is
 * success.
 *
 * Return: 0, or a negative errno.
 */
int child_remove(const struct state_key *key, const struct cni_call *call, struct cni_err *err);

#endif
