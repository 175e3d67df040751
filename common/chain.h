/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the plugins of a chain share that work on what an earlier plugin made (CNI spec 1.1.0, 3).
 */
#ifndef HAWSER_CHAIN_H
#define HAWSER_CHAIN_H

#include "cni.h"
#include "state.h"

/**
 * chain_begin() - start of a chained plugin's ADD: prevResult becomes the result
 * @call: the call
 * @result: receives a copy of prevResult
 * @err: CNI_E_CONF when there is none
 *
 * Return: 0, or a negative errno.
 */
int chain_begin(const struct cni_call *call, struct cni_result *result, struct cni_err *err);

/**
 * chain_address() - the container's next address in prevResult
 * @call: the call
 * @i: where to start; afterwards behind the address found
 *
 * Addresses of CNI_IFNAME inside the container, and those that name no interface.
 *
 * Return: borrowed, or NULL when there are no more.
 */
const struct cni_ip *chain_address(const struct cni_call *call, size_t *i);

/** chain_host_interface() - Return: first interface of the host in prevResult ("cni0"), or NULL. */
const char *chain_host_interface(const struct cni_call *call);

/** chain_key() - Return: key of this plugin's record for the call's attachment. */
struct state_key chain_key(const struct cni_call *call);

/**
 * chain_foreign() - whether DEL is for an attachment that the Go plugins may have made
 * @call: a DEL call of a plugin that has no record of the attachment
 *
 * It may when the runtime remembers the attachment (prevResult, which runtimes keep since 0.4.0)
 * and no plugin of ours does. Only then is it worth looking for rules by name.
 *
 * Return: true when it may.
 */
bool chain_foreign(const struct cni_call *call);

/**
 * chain_claimed() - whether a plugin of ours has a record of the container's interface, in any
 * network
 * @call: a DEL call of a plugin that has none itself
 *
 * What has the name then is not this call's to remove: its ADD failed because of it.
 *
 * Return: true when there is one.
 */
bool chain_claimed(const struct cni_call *call);

/**
 * chain_gc() - remove the attachments of this plugin that are not valid any more
 * @call: a GC call; without cni.dev/valid-attachments nothing is removed, and stderr says so
 * @remove: takes one attachment away, as DEL does
 * @arg: for @remove
 * @err: the first failure; the others are removed all the same
 *
 * Return: 0, or a negative errno.
 */
int chain_gc(const struct cni_call *call,
	     int (*remove)(const struct state_key *key, const void *arg, struct cni_err *err),
	     const void *arg, struct cni_err *err);

#endif
