/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interface plugin's part in netfilter: ipMasq, macspoofchk and antispoof. */
#ifndef HAWSER_FILTER_H
#define HAWSER_FILTER_H

#include "nat.h"
#include "cni.h"
#include "veth.h"

/* What the configuration asks for. A plugin's own embeds it. */
struct filter_conf {
	bool ip_masq;
	const char *ip_masq_backend; /* "nftables", "iptables" or NULL */
	bool macspoofchk, antispoof; /* of the ports of a bridge only */
	/* addresses with the prefixes that masquerading leaves alone; NULL: those of IPAM */
	const struct cni_result *inside;
};

/* Rows of a table of keys, for a struct filter_conf at an offset. */
#define FILTER_KEYS(at)                                                                            \
	{ "ipMasq", CONF_BOOL, (at) + offsetof(struct filter_conf, ip_masq), .dflt = "false",      \
	  .help = "give traffic that leaves the subnet the host's address" },                      \
	{                                                                                          \
		"ipMasqBackend", CONF_STRING,                                                      \
			(at) + offsetof(struct filter_conf, ip_masq_backend),                      \
			.dflt = "nftables, or iptables where the kernel lacks it",                 \
			.help = "\"nftables\" or \"iptables\""                                     \
	}

/** filter_conf_check() - the backend's name. @err: CNI_E_CONF. Return: 0, or a negative errno. */
int filter_conf_check(struct filter_conf *conf, struct cni_err *err);

/**
 * filter_add() - write the attachment's record, and put its part into netfilter
 * @key: whose
 * @conf: the configuration
 * @ids: host end and MAC of the container
 * @result: its addresses
 * @record: further keys of the record
 * @err: filled on failure
 *
 * Without any of the three keys it writes the record only, and a read-only /run is a warning.
 *
 * Return: 0, or a negative errno; what was done is taken back by filter_remove().
 */
int filter_add(const struct state_key *key, const struct filter_conf *conf,
	       const struct veth_ids *ids, const struct cni_result *result, json_t *record,
	       struct cni_err *err);

/**
 * filter_remove() - take an attachment's part out of netfilter, and its record
 * @key: whose
 * @call: its prevResult tells whether the Go plugins may have made rules for an attachment that
 *        has no record
 * @conf: the configuration as it is now; what was made is in the record
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int filter_remove(const struct state_key *key, const struct cni_call *call,
		  const struct filter_conf *conf, struct cni_err *err);

/** filter_restore() - put masquerading by iptables in place again. Return: 0 or -errno. */
int filter_restore(const json_t *record, struct cni_err *err);

/** filter_check() - CHECK: is it all in the kernel? Return: 0, or a negative errno. */
int filter_check(const struct cni_call *call, const struct filter_conf *conf, struct cni_err *err);

/** filter_status() - STATUS: could an ADD do it? CNI_E_UNAVAILABLE. Return: 0 or -errno. */
int filter_status(const struct filter_conf *conf, struct cni_err *err);

#endif
