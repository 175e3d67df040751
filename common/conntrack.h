/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forgetting the UDP flows that a published port makes stale. */
#ifndef HAWSER_CONNTRACK_H
#define HAWSER_CONNTRACK_H

#include "ports.h"

#include <stddef.h>

/* Which flows to the host side of a port are stale. */
enum conntrack_stale {
	CONNTRACK_BEFORE_ADD, /* those that do not go to the container: NAT did not see them */
	CONNTRACK_AFTER_DEL,  /* those that go to the container: it is gone */
};

/**
 * conntrack_flush_udp() - delete the stale flows of published UDP ports
 * @runs: published ports; those that are not UDP are passed over
 * @n: how many
 * @stale: which
 *
 * A flow is only deleted when its original destination is a published port, at the host address of
 * the mapping (any address of this host when the mapping names none). The table is listed once,
 * and only when there is a UDP port among the runs.
 *
 * Return: number of flows deleted, or a negative errno.
 */
int conntrack_flush_udp(const struct port_run *runs, size_t n, enum conntrack_stale stale);

#endif
