/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: what is told about its networks, as JSON and as metrics of Prometheus. */
#ifndef HAWSER_OVERLAYD_STATUS_H
#define HAWSER_OVERLAYD_STATUS_H

#include "network.h"

/**
 * status_json() - GET /status: all networks with their peers
 * @networks: list
 * @since: when the agent was started
 *
 * Return: text, owned by the caller.
 */
char *status_json(const struct network *networks, time_t since);

/** status_metrics() - GET /metrics, in Prometheus' text format 0.0.4. Return: as status_json(). */
char *status_metrics(const struct network *networks, time_t since);

/** status_line() - for the service manager: "2 networks, 14 peers". Return: @buf. */
char *status_line(const struct network *networks, char buf[160]);

#endif
