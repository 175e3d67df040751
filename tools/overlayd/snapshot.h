/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-overlayd: what a store said last, on disk, so that a node comes up with its peers when the
 * store is away: /var/lib/hawser/overlay/<network>.json.
 */
#ifndef HAWSER_OVERLAYD_SNAPSHOT_H
#define HAWSER_OVERLAYD_SNAPSHOT_H

#include "store.h"

#define SNAPSHOT_DIR "/var/lib/hawser/overlay"

/**
 * snapshot_write() - replace the file in one visible step
 * @network: name
 * @node: name of this node
 * @view: what to keep
 *
 * Return: 0, or a negative errno.
 */
int snapshot_write(const char *network, const char *node, const struct store_view *view);

/**
 * snapshot_read() - the opposite; what is read is checked like records of peers
 * @network: name
 * @node: a file that was written under another name of this node is not used
 *
 * Return: the caller's; NULL: there is none, or none that can be used (said on stderr).
 */
struct store_view *snapshot_read(const char *network, const char *node);

/** snapshot_remove() - remove it. Return: 0 (also when there was none), or a negative errno. */
int snapshot_remove(const char *network);

#endif
