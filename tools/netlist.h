/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network configuration lists: finding one by name, the way libcni does. */
#ifndef HAWSER_NETLIST_H
#define HAWSER_NETLIST_H

#include "error.h"
#include "version.h"

#include <jansson.h>
#include <stdbool.h>

struct netlist {
	json_t *list;		  /* owned; the list object */
	char *bytes;		  /* owned; the list as it was loaded, for the cache */
	const char *name;	  /* borrowed from list */
	enum cni_version version; /* highest of cniVersion and cniVersions that we know */
	bool disable_check, disable_gc;
	json_t *plugins; /* owned array: inlined plugins, then those of <dir>/<name>/ */
};

/**
 * netlist_load() - find a network by name
 * @dir: folder of *.conflist (tried first, sorted), *.conf and *.json files
 * @name: network name
 * @out: zeroed by this function; release with netlist_free()
 * @err: filled; a broken file before the one wanted ends the search, as in libcni
 *
 * Return: 0, or a negative errno.
 */
int netlist_load(const char *dir, const char *name, struct netlist *out, struct cni_err *err);

/**
 * netlist_names() - the names of all networks of a folder
 * @dir: as for netlist_load()
 * @fn: receives each name once, in the order in which netlist_load() would find them; a negative
 *      value ends the walk
 * @arg: for @fn
 *
 * Files that are no JSON objects with a name are reported on stderr and passed over. A folder that
 * does not exist has none.
 *
 * Return: number of files passed over, or a negative errno.
 */
int netlist_names(const char *dir, int (*fn)(const char *name, void *arg), void *arg);

/** netlist_free() - release what @list owns. */
void netlist_free(struct netlist *list);

#endif
