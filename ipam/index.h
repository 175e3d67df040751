/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The index of one host-local directory: a cache in /run that makes every look-up cost the same. */
#ifndef HAWSER_INDEX_H
#define HAWSER_INDEX_H

#include "ip.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/stat.h>

struct index_header;
struct index_entry;
struct index_block;

/* An open index. All of it is guarded by the lock of the directory it describes. */
struct index {
	int fd;	     /* of the file behind the map; -1: anonymous memory */
	void *map;   /* NULL: not open */
	size_t size; /* of the map in bytes */
	struct index_header *h;
	struct index_entry *entries;
	struct index_block *blocks;
};

/**
 * index_open() - map the index of a directory, or an empty private one when /run cannot hold it
 * @ix: filled; release with index_close()
 * @data_dir: the directory that holds the network directories, part of the index's path
 * @network: name of the network
 *
 * Nothing may be asked of a new index before index_fresh() said true or index_reset() was called.
 *
 * Return: 0, or -ENOMEM.
 */
int index_open(struct index *ix, const char *data_dir, const char *network);

/** index_close() - unmap @ix. A change that was begun and not committed makes it stale. */
void index_close(struct index *ix);

/**
 * index_fresh() - whether the index describes the directory as it is now
 * @ix: the index
 * @dir: stat of the directory
 *
 * Return: false after a reboot, a crash of a writer, or any foreign change.
 */
bool index_fresh(const struct index *ix, const struct stat *dir);

/**
 * index_reset() - empty the index, to be filled by index_insert(); it is stale until a commit
 * @ix: the index
 * @boot_time: when the machine started, seconds since the epoch
 *
 * Return: 0, or -ENOMEM.
 */
int index_reset(struct index *ix, int64_t boot_time);

/** index_begin() - mark the index stale, before the directory is changed. */
void index_begin(struct index *ix);

/**
 * index_commit() - the index describes the directory again
 * @ix: the index
 * @dir: stat of the directory; only device and inode are read
 * @mtime: modification time that the directory was given
 */
void index_commit(struct index *ix, const struct stat *dir, const struct timespec *mtime);

/** index_boot_time() - Return: the earliest boot time that index_reset() was told this boot. */
int64_t index_boot_time(const struct index *ix);

/** index_age() - Return: seconds since the index was filled from the directory. */
int64_t index_age(const struct index *ix);

/** index_key() - Return: key of a reservation with this content (id, CR, LF, interface name). */
uint64_t index_key(const void *content, size_t len);

/**
 * index_insert() - add a reservation; grows the index when needed
 * @ix: the index
 * @key: index_key() of its content
 * @ip: its address
 * @mtime: of its file, seconds since the epoch
 *
 * Return: 0; -ENOMEM: it must not be committed then.
 */
int index_insert(struct index *ix, uint64_t key, const struct ip_addr *ip, int64_t mtime);

/** index_remove() - forget a reservation. Unknown ones are ignored. */
void index_remove(struct index *ix, uint64_t key, const struct ip_addr *ip);

/**
 * index_find() - reservations by key, one at a time
 * @ix: the index
 * @key: index_key() of the content
 * @pos: cursor, 0 at first; do not change the index between calls
 * @ip: filled
 *
 * Two contents may share a key: compare the file. Return: true when there was one more.
 */
bool index_find(const struct index *ix, uint64_t key, size_t *pos, struct ip_addr *ip);

/**
 * index_free_between() - the first address that no reservation holds
 * @ix: the index
 * @from: first candidate
 * @to: last candidate, of the same family
 * @out: filled on success
 *
 * Cost: one step per 4096 addresses that are all taken. Return: true when there is one.
 */
bool index_free_between(const struct index *ix, const struct ip_addr *from,
			const struct ip_addr *to, struct ip_addr *out);

/**
 * index_oldest() - the oldest reservation in a range
 * @ix: the index
 * @from: first address
 * @to: last address
 * @before: only files modified before this, seconds since the epoch
 * @key: filled
 * @ip: filled
 *
 * Linear. Return: its file's modification time, or -1 when there is none.
 */
int64_t index_oldest(const struct index *ix, const struct ip_addr *from, const struct ip_addr *to,
		     int64_t before, uint64_t *key, struct ip_addr *ip);

#endif
