/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of the host that containers have, by their records: who has one, giving it back. */
#ifndef HAWSER_HOSTDEV_RECORD_H
#define HAWSER_HOSTDEV_RECORD_H

#include "plugins/hostdev_find.h"

/**
 * hostdev_record() - what is to be known of a device that a container gets
 * @record: the attachment's record; the device's part is added
 * @nl: socket of the host, nothing queued
 * @conf: which device was asked for
 * @info: the device as it is on the host; NULL with dpdkMode
 * @netns_fd: the container's namespace
 *
 * "device" (its name), "hwaddr", "alias", "up", "master", "kernelpath", "pciBusID", "netnsInode";
 * only what there is.
 */
void hostdev_record(json_t *record, struct nlk *nl, const struct hostdev_conf *conf,
		    const struct link_info *info, int netns_fd);

/**
 * hostdev_holder() - which container has the device that is asked for
 * @conf: of hostdev_conf_select()
 * @holder: receives the record, a new reference; untouched when there is none
 *
 * Reads all records: for a device that is not on the host, and for dpdkMode, where no link tells.
 * Records whose network namespace is gone do not count.
 *
 * Return: 1, 0, or a negative errno.
 */
int hostdev_holder(const struct hostdev_conf *conf, json_t **holder);

/**
 * hostdev_give_back() - take a device out of its container, or from where the kernel put it
 * @key: whose
 * @netns: where the container is now, NULL: where the record says
 * @foreign: the Go plugins may have made the attachment: without a record, a link with an alias
 *           inside @netns is given back under that name
 * @err: filled on failure; the record stays then
 *
 * The device gets name, alias and port back that it had, and is set up if it was. When the
 * namespace is gone, a device of hardware has come back by itself under another name, and a virtual
 * one has died. The record goes last. Nothing found is success.
 *
 * Return: 0, or a negative errno.
 */
int hostdev_give_back(const struct state_key *key, const char *netns, bool foreign,
		      struct cni_err *err);

#endif
