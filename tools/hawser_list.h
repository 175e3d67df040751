/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hawser list", and what others print of attachments. */
#ifndef HAWSER_LIST_TOOL_H
#define HAWSER_LIST_TOOL_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>

/**
 * hawser_attachments() - the attachments of this node, each of all its records
 * @err: CNI_E_IO
 *
 * Return: array of objects with "network", "containerID", "ifname", "plugins", "addresses",
 * "ports", "created" and "netns"; new reference. NULL on failure.
 */
json_t *hawser_attachments(struct cni_err *err);

#define HAWSER_PORT_STRLEN 160

/** hawser_port_str() - "8080->80/tcp" or "192.0.2.1:9000-9099->9000/udp". Return: @buf. */
char *hawser_port_str(const json_t *port, char buf[HAWSER_PORT_STRLEN]);

#define HAWSER_AGE_STRLEN 24

/** hawser_age_str() - "5m" since a second since 1970; "-" for 0. Return: @buf. */
char *hawser_age_str(long long since, char buf[HAWSER_AGE_STRLEN]);

/** hawser_print_error() - say on stderr what went wrong. Return: 1, the exit status. */
int hawser_print_error(const struct cni_err *err);

/** hawser_list() - print them, as a table or as JSON. Return: exit status. */
int hawser_list(bool as_json);

#endif
