/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the node agent of overlay networks says of them, and what it left on disk. */
#ifndef HAWSER_OVERLAY_AGENT_H
#define HAWSER_OVERLAY_AGENT_H

#include "error.h"

#include <jansson.h>

#define OVERLAY_AGENT_SOCKET "/run/hawser/overlayd.sock"
#define OVERLAY_SNAPSHOT_DIR "/var/lib/hawser/overlay"

/**
 * overlay_agent_ask() - GET /status from the agent's socket
 * @err: CNI_E_IO: it does not run or does not answer; CNI_E_DECODE: it answers rubbish
 *
 * Waits five seconds at most.
 *
 * Return: object with "agent" and "networks" (docs/overlay.md has the members), new reference; or
 * NULL.
 */
json_t *overlay_agent_ask(struct cni_err *err);

/**
 * overlay_agent_obey() - POST /obey/NETWORK: let the nodes go that the agent holds
 * @network: name
 * @err: CNI_E_IO: it does not run or does not answer; CNI_E_CONF: it has no such network;
 *       CNI_E_DECODE: it answers rubbish
 *
 * Waits five seconds at most.
 *
 * Return: 0, or a negative errno.
 */
int overlay_agent_obey(const char *network, struct cni_err *err);

/**
 * overlay_agent_snapshot() - what the agent kept of a network for times without its store
 * @network: name
 * @err: CNI_E_IO, CNI_E_DECODE
 *
 * Return: object, new reference; or NULL.
 */
json_t *overlay_agent_snapshot(const char *network, struct cni_err *err);

#endif
