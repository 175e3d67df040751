/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What there is of overlay networks on this node, and what is wrong with it. */
#ifndef HAWSER_OVERLAY_REPORT_H
#define HAWSER_OVERLAY_REPORT_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>

struct overlay_report_how {
	bool probe;
	int timeout_ms; /* of the probes of a network */
};

/**
 * overlay_report() - look at networks: state, agent, devices, entries, table, and probe the peers
 * @network: name; NULL: all of them, by name
 * @how: whether to probe
 * @err: CNI_E_UNKNOWN: there is no such network; CNI_E_IO
 *
 * What is wrong with a network is in its "problems", an array of sentences. docs/overlay.md has
 * the other members.
 *
 * Return: array, new reference; or NULL.
 */
json_t *overlay_report(const char *network, const struct overlay_report_how *how,
		       struct cni_err *err);

/** overlay_report_problems() - Return: number of problems in all networks of a report. */
size_t overlay_report_problems(const json_t *report);

#endif
