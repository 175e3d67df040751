/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the bandwidth plugin: rates and bursts, and whom they are for. */
#ifndef HAWSER_BANDWIDTH_CONF_H
#define HAWSER_BANDWIDTH_CONF_H

#include "cni.h"
#include "ip.h"

/* In bits and bits per second, as configured; 0: not limited. */
struct bandwidth_conf {
	int64_t ingress_rate, ingress_burst, egress_rate, egress_burst;
	const json_t *shaped, *unshaped;
	/* worked out from the above */
	struct ip_net *subnets; /* owned; those of one of the two lists */
	size_t n_subnets;
	bool exclude; /* all but the subnets are limited, of which there may be none */
};

/* The table of keys, for --help. */
extern const struct conf_key bandwidth_keys[];

/**
 * bandwidth_conf_read() - read the limits
 * @call: any verb's call
 * @conf: filled; release with bandwidth_conf_free()
 * @err: CNI_E_DECODE or CNI_E_CONF, naming key and value
 *
 * Limits in the configuration itself win as a whole over runtimeConfig.bandwidth, as in the
 * reference.
 *
 * Return: 0, or a negative errno.
 */
int bandwidth_conf_read(const struct cni_call *call, struct bandwidth_conf *conf,
			struct cni_err *err);

/** bandwidth_conf_free() - release what @conf owns. */
void bandwidth_conf_free(struct bandwidth_conf *conf);

#define autobandwidth __attribute__((cleanup(bandwidth_conf_free)))

#endif
