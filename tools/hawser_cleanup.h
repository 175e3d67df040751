/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hawser cleanup": what is left of a network or a container, whoever left it. */
#ifndef HAWSER_CLEANUP_TOOL_H
#define HAWSER_CLEANUP_TOOL_H

/**
 * hawser_cleanup() - detach every container of a network, or a container from every network
 * @what: network name or whole container id
 *
 * Attachments are known from our records, from host-local's leases and from libcni's cache.
 * Prints what it does on stdout and failures on stderr; goes on after errors.
 *
 * Return: exit status: 0; 1 when something could not be removed or nothing of that name is known.
 */
int hawser_cleanup(const char *what);

#endif
