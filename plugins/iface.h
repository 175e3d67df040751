/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every plugin shares that makes an interface: IPAM, DNS, MAC, records, and the verbs around
 * them. */
#ifndef HAWSER_IFACE_H
#define HAWSER_IFACE_H

#include "chain.h"
#include "cni.h"

/* Keys that mean the same in every plugin. A plugin's own configuration embeds it. */
struct iface_conf {
	int64_t mtu;	     /* 0: the kernel's choice */
	const char *mac_key; /* value of "mac" of the plugins that have this key */
	const json_t *ipam, *dns;
	/* worked out from the configuration and CNI_ARGS */
	const char *ipam_type; /* NULL: no IPAM plugin */
	bool have_mac;
	uint8_t mac[6];
};

/**
 * iface_ipam_type() - find out which IPAM plugin is asked for
 * @conf: its ipam_type is set
 * @err: CNI_E_DECODE
 *
 * Return: 0, or a negative errno.
 */
int iface_ipam_type(struct iface_conf *conf, struct cni_err *err);

/**
 * iface_read_mac() - the MAC asked for; a later source wins: "mac" (where the plugin has that key),
 * CNI_ARGS MAC=, args.cni.mac, runtimeConfig.mac
 * @call: the call
 * @conf: have_mac and mac are set
 * @err: CNI_E_CONF, CNI_E_DECODE; CNI_E_ENV for CNI_ARGS
 *
 * Return: 0, or a negative errno.
 */
int iface_read_mac(const struct cni_call *call, struct iface_conf *conf, struct cni_err *err);

/**
 * iface_ipam_needs_link() - whether the IPAM plugin may work through the container's interface
 *
 * Any may that is none of ours: dhcp sends and receives there.
 *
 * Return: true when it may: the link comes first with ADD and last with DEL.
 */
bool iface_ipam_needs_link(const struct iface_conf *conf);

/**
 * iface_run_ipam() - ADD of the IPAM plugin; without one nothing is done
 * @call: the call
 * @conf: names the plugin
 * @result: empty; receives addresses, routes, dns
 * @undo: receives the release of the addresses
 * @err: CNI_E_FAILED also when the plugin gave no address
 *
 * Return: 0, or a negative errno.
 */
int iface_run_ipam(const struct cni_call *call, const struct iface_conf *conf,
		   struct cni_result *result, struct undo *undo, struct cni_err *err);

/**
 * iface_override_dns() - "dns" of the configuration, if it has any of its keys, replaces IPAM's
 * @conf: the configuration
 * @result: changed
 * @err: CNI_E_DECODE
 *
 * Return: 0, or a negative errno.
 */
int iface_override_dns(const struct iface_conf *conf, struct cni_result *result,
		       struct cni_err *err);

/**
 * iface_enable_forwarding() - have the host forward the families of a result's addresses
 * @result: addresses
 * @why: put before the error's sentence ("\"isGateway\": "), or ""
 * @err: filled on failure
 *
 * Not taken back: others may rely on it by then.
 *
 * Return: 0, or a negative errno.
 */
int iface_enable_forwarding(const struct cni_result *result, const char *why, struct cni_err *err);

/**
 * iface_record() - what the attachment record of every interface plugin holds
 * @call: the call
 * @conf: the configuration
 * @result: its addresses
 *
 * "ips", "netns", "ipam" and "dataDir".
 *
 * Return: new reference.
 */
json_t *iface_record(const struct cni_call *call, const struct iface_conf *conf,
		     const struct cni_result *result);

/**
 * iface_write_record() - write an attachment's record
 * @key: whose
 * @record: what it holds
 * @needed: DEL depends on it; else a read-only /run is a warning
 * @err: CNI_E_IO
 *
 * Return: 0, or a negative errno.
 */
int iface_write_record(const struct state_key *key, json_t *record, bool needed,
		       struct cni_err *err);

/* Takes one attachment away, whatever is there of it; see chain_gc(). */
typedef int (*iface_detach_fn)(const struct state_key *key, const void *arg, struct cni_err *err);

/**
 * iface_del() - DEL: the attachment, and then its lease; before it, where IPAM needs the link
 * @call: the call
 * @conf: names the IPAM plugin
 * @detach: takes the attachment away
 * @arg: for @detach
 * @err: the first failure; every step runs
 *
 * Return: 0, or a negative errno.
 */
int iface_del(const struct cni_call *call, const struct iface_conf *conf, iface_detach_fn detach,
	      const void *arg, struct cni_err *err);

/** iface_gc() - GC: the same for every attachment that is not valid, and GC of IPAM. */
int iface_gc(const struct cni_call *call, const struct iface_conf *conf, iface_detach_fn detach,
	     const void *arg, struct cni_err *err);

#endif
