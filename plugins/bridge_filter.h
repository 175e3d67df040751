/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge plugin's part in netfilter: ipMasq, macspoofchk and antispoof. */
#ifndef HAWSER_BRIDGE_FILTER_H
#define HAWSER_BRIDGE_FILTER_H

#include "nat.h"
#include "plugins/bridge_conf.h"
#include "veth.h"

/**
 * bridge_filter_add() - write the attachment's record, and put its part into netfilter
 * @key: whose
 * @conf: the configuration
 * @ids: host end and MAC of the container
 * @result: its addresses
 * @record: further keys of the record
 * @err: filled on failure
 *
 * Without any of the three keys it writes the record only, and a read-only /run is a warning.
 *
 * Return: 0, or a negative errno; what was done is taken back by bridge_filter_remove().
 */
int bridge_filter_add(const struct state_key *key, const struct bridge_conf *conf,
		      const struct veth_ids *ids, const struct cni_result *result, json_t *record,
		      struct cni_err *err);

/**
 * bridge_filter_remove() - take an attachment's part out of netfilter, and its record
 * @key: whose
 * @call: its prevResult tells whether the Go plugins may have made rules for an attachment that
 *        has no record
 * @conf: the configuration as it is now; what was made is in the record
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int bridge_filter_remove(const struct state_key *key, const struct cni_call *call,
			 const struct bridge_conf *conf, struct cni_err *err);

/** bridge_filter_restore() - put masquerading by iptables in place again. Return: 0 or -errno. */
int bridge_filter_restore(const json_t *record, struct cni_err *err);

/** bridge_filter_check() - CHECK: is it all in the kernel? Return: 0, or a negative errno. */
int bridge_filter_check(const struct cni_call *call, const struct bridge_conf *conf,
			struct cni_err *err);

/** bridge_filter_status() - STATUS: could an ADD do it? CNI_E_UNAVAILABLE. Return: 0 or -errno. */
int bridge_filter_status(const struct bridge_conf *conf, struct cni_err *err);

#endif
