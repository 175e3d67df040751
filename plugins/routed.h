/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What ptp and vxlan share: a veth pair whose host end is a router for one container. */
#ifndef HAWSER_ROUTED_H
#define HAWSER_ROUTED_H

#include "plugins/pair.h"

/**
 * routed_check_gateways() - each address must have a gateway that is not itself
 * @call: names the plugin
 * @result: of IPAM
 * @err: CNI_E_CONF
 *
 * Return: 0, or a negative errno.
 */
int routed_check_gateways(const struct cni_call *call, const struct cni_result *result,
			  struct cni_err *err);

/**
 * routed_configure() - configure both ends, and wait for the carrier
 * @p: after pair_create(); what is queued on its socket is sent along
 * @result: addresses and routes
 * @err: filled on failure
 *
 * The host end gets each gateway as a single address, accept_ra off, and a route to each address of
 * the container.
 *
 * Return: 0, or a negative errno.
 */
int routed_configure(struct pair *p, const struct cni_result *result, struct cni_err *err);

/**
 * routed_check() - CHECK: the container's side against prevResult, the gateways, the host's routes
 * @call: a CHECK call
 * @host: receives the host end; may be NULL
 * @err: the first difference found
 *
 * Return: 0, or a negative errno.
 */
int routed_check(const struct cni_call *call, struct link_info *host, struct cni_err *err);

#endif
