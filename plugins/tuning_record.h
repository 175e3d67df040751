/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an interface was before it was tuned: kept in files, and put back. Also for tools/hawser. */
#ifndef HAWSER_TUNING_RECORD_H
#define HAWSER_TUNING_RECORD_H

#include "error.h"
#include "state.h"

/*
 * Two files. <dataDir>/<id>_<ifname>.json is the reference's, so that either can undo what the
 * other did: "mac", "mtu", "promisc", "allmulti", "txQLen", each if it was changed. The attachment
 * record has "backupDir" if there is such a file, and "sysctl": by path, what each "was" and what
 * it was "set" to.
 */

/**
 * tuning_backup() - write the reference's file
 * @dir: absolute; made when missing
 * @container_id: id
 * @ifname: interface
 * @values: its content
 *
 * Return: 0, or a negative errno.
 */
int tuning_backup(const char *dir, const char *container_id, const char *ifname,
		  const json_t *values);

/**
 * tuning_remove() - put everything back that an attachment changed, and remove its files
 * @key: whose
 * @netns: its namespace; NULL or gone: there is nothing left to put back
 * @dir: where a backup file may be although there is no record (attachments of the Go plugins);
 *       NULL: do not look
 * @err: filled when something could not be put back; the files stay then
 *
 * A sysctl is put back only if it still is what it was set to: another attachment of the same
 * namespace may have set it since.
 *
 * Return: 0 (also when there was nothing), or a negative errno.
 */
int tuning_remove(const struct state_key *key, const char *netns, const char *dir,
		  struct cni_err *err);

/** tuning_same_value() - Return: whether two values of a sysctl differ in blanks at most. */
bool tuning_same_value(const char *a, const char *b);

#endif
