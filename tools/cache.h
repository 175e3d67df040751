/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcni's cache of attachments, /var/lib/cni/results: same names and JSON, written atomically. */
#ifndef HAWSER_CACHE_H
#define HAWSER_CACHE_H

#include <jansson.h>

#define CACHE_DIR "/var/lib/cni/results"

/* One attachment as the cache knows it. Strings are borrowed. */
struct cache_entry {
	const char *network, *container_id, *ifname, *netns;
	const char *config;	/* bytes of the list */
	const char *cni_args;	/* CNI_ARGS verbatim, or NULL */
	const json_t *cap_args; /* object, or NULL */
	const json_t *result;	/* of the last plugin */
};

/** cache_write() - write or replace an entry. Return: 0, or a negative errno. */
int cache_write(const struct cache_entry *entry);

/**
 * cache_read() - read an entry of either format ("cniCacheV1", or a bare result)
 * @obj: new reference to {"result", ...}; untouched on failure
 *
 * Return: 0; -ENOENT; -EBADMSG: empty or damaged; another negative errno.
 */
int cache_read(const char *network, const char *container_id, const char *ifname, json_t **obj);

/** cache_remove() - remove an entry. Return: 0 (also when there was none), or a negative errno. */
int cache_remove(const char *network, const char *container_id, const char *ifname);

/**
 * cache_list() - all readable entries of a network
 * @network: name; NULL: of all networks
 * @list: new reference to an array of cache objects
 *
 * Return: 0, or a negative errno.
 */
int cache_list(const char *network, json_t **list);

#endif
