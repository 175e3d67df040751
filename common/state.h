/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Attachment records: /run/hawser/attachments/<network>/<id>-<ifname>:<plugin> lists what the ADD
 * of one plugin of a chain made. They are what DEL, GC, "hawser" and the rebuilding of a flushed
 * ruleset work from.
 */
#ifndef HAWSER_STATE_H
#define HAWSER_STATE_H

#include "ip.h"

#include <jansson.h>
#include <stdbool.h>

#define STATE_ROOT "/run/hawser/attachments"

/* Whose record it is. Strings are borrowed. */
struct state_key {
	const char *network, *container_id, *ifname, *plugin;
};

/**
 * state_write() - write (or replace) a record, in one visible step
 * @key: whose; "network", "containerID", "ifname", "plugin" and "created" (seconds since 1970)
 *       are set in the record
 * @record: object; further keys as the plugin likes
 *
 * Return: 0, or a negative errno.
 */
int state_write(const struct state_key *key, json_t *record);

/**
 * state_read() - read a record
 * @key: whose
 * @record: new reference; untouched on failure
 *
 * Return: 0; -ENOENT: there is none; -EBADMSG: it is damaged; another negative errno.
 */
int state_read(const struct state_key *key, json_t **record);

/** state_exists() - Return: whether there is a record. */
bool state_exists(const struct state_key *key);

/** state_remove() - remove a record. Return: 0 (also when there was none), or a negative errno. */
int state_remove(const struct state_key *key);

/**
 * state_each() - call a function for each record of a plugin in a network
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

/**
 * state_others() - whether a plugin has records in a network beside one
 * @key: the one that does not count
 *
 * Reads no record and stops at the first that counts.
 *
 * Return: 1, 0, or a negative errno.
 */
int state_others(const struct state_key *key);

/**
 * state_all() - call a function for each record of this node
 * @fn: receives the record with the four strings of its key in it; borrowed
 * @arg: for @fn
 *
 * Damaged records are reported on stderr and passed over. For tools and rebuilding.
 *
 * Return: 0, or the first negative errno of @fn or of reading a directory.
 */
int state_all(int (*fn)(const json_t *record, void *arg), void *arg);

/**
 * state_ips() - the addresses that a record keeps under "ips"
 * @record: record
 * @ips: receives an array to be freed
 *
 * What is no address with a prefix length is passed over.
 *
 * Return: how many.
 */
size_t state_ips(const json_t *record, struct ip_net **ips);

/** state_key_of() - key of a record that state_all() gave. Return: strings borrowed from it. */
struct state_key state_key_of(const json_t *record);

#endif
