/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attachment records: /run/hawser/attachments/<network>/<id>-<ifname> lists what ADD made. */
#ifndef HAWSER_STATE_H
#define HAWSER_STATE_H

#include <jansson.h>
#include <stdbool.h>

#define STATE_ROOT "/run/hawser/attachments"

/**
 * state_write() - write (or replace) the record of an attachment, in one visible step
 * @network: network name
 * @container_id: container id
 * @ifname: interface name in the container
 * @record: object; keys "plugin", "containerID", "ifname", ... as the plugin likes
 *
 * Return: 0, or a negative errno.
 */
int state_write(const char *network, const char *container_id, const char *ifname,
		const json_t *record);

/**
 * state_read() - read the record of an attachment
 * @record: new reference; untouched on failure
 *
 * Return: 0; -ENOENT: there is none; -EBADMSG: it is damaged; another negative errno.
 */
int state_read(const char *network, const char *container_id, const char *ifname, json_t **record);

/** state_remove() - remove a record. Return: 0 (also when there was none), or a negative errno. */
int state_remove(const char *network, const char *container_id, const char *ifname);

/**
 * state_each() - call a function for each record of a network
 * @network: network name
 * @plugin: only records of this plugin
 * @fn: receives container id and interface name; a negative return value is remembered, the walk
 *      goes on
 * @arg: for @fn
 *
 * Return: 0, or the first negative errno of @fn or of reading the directory.
 */
int state_each(const char *network, const char *plugin,
	       int (*fn)(const char *container_id, const char *ifname, void *arg), void *arg);

#endif
