/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of host-local: one file per reserved address, in the reference's format. */
#ifndef HAWSER_STORE_H
#define HAWSER_STORE_H

#include "index.h"
#include "range.h"

#include <dirent.h>

#define STORE_DATA_DIR "/var/lib/cni/networks"

/* An open and locked directory. */
struct store {
	int dir, lock;
	struct index ix;
	struct stat sb; /* of dir, when it was locked */
	bool changed;	/* the directory differs from the index's last commit */
	bool broken;	/* the index missed a change: leave it stale */
	bool rebuilt;	/* the index was filled from the directory by this process */
};

/* A few addresses. */
struct ip_list {
	struct ip_addr *ips; /* owned, free() */
	size_t n;
};

/**
 * store_open() - open the directory of a network, lock it, and bring its index up to date
 * @st: filled; release with store_close(), also after a failure
 * @data_dir: directory of all networks
 * @network: name of the network
 * @create: make the directory when it is missing
 *
 * Waits for the flock that the reference's host-local takes, too.
 *
 * Return: 0; -ENOENT when it is missing and not @create; another negative errno.
 */
int store_open(struct store *st, const char *data_dir, const char *network, bool create);

/** store_close() - write down that the index is current, unlock, and release everything. */
void store_close(struct store *st);

#define autostore __attribute__((cleanup(store_close)))

/**
 * store_rebuild() - fill the index from the directory
 * @st: the store
 *
 * Empty files, which a crashed writer of another make left, are removed. Linear.
 *
 * Return: 0, or a negative errno.
 */
int store_rebuild(struct store *st);

/**
 * store_find() - addresses reserved with exactly this content
 * @st: the store
 * @id: container id
 * @ifname: interface name; NULL: files of old versions, that hold the id alone
 * @list: addresses are appended; ips is owned by the caller
 *
 * Return: 0, or a negative errno.
 */
int store_find(struct store *st, const char *id, const char *ifname, struct ip_list *list);

/**
 * store_last() - the address that a pool handed out last
 * @st: the store
 * @set: number of the pool
 * @ip: filled
 *
 * Return: true when there is one.
 */
bool store_last(const struct store *st, size_t set, struct ip_addr *ip);

/**
 * store_pick() - the next free address of a pool, round robin
 * @st: the store
 * @set: the pool
 * @last: the address handed out last, or NULL
 * @ip: filled
 *
 * Return: the range of the address; NULL when the pool is exhausted.
 */
const struct ip_range *store_pick(const struct store *st, const struct range_set *set,
				  const struct ip_addr *last, struct ip_addr *ip);

/**
 * store_reserve() - write a reservation and remember it as the last one of its pool
 * @st: the store
 * @set: number of the pool
 * @ip: address
 * @id: container id
 * @ifname: interface name
 *
 * Return: 0; -EEXIST when the address is taken; another negative errno, and nothing is reserved.
 */
int store_reserve(struct store *st, size_t set, const struct ip_addr *ip, const char *id,
		  const char *ifname);

/**
 * store_release() - remove one reservation if its content is what the caller believes
 * @st: the store
 * @ip: address
 * @id: container id
 * @ifname: interface name; NULL: the file holds the id alone
 *
 * Return: 0, also when it is gone or belongs to another; a negative errno.
 */
int store_release(struct store *st, const struct ip_addr *ip, const char *id, const char *ifname);

/**
 * store_reclaim() - remove the oldest reservation of a pool that was made before this boot
 * @st: the store
 * @set: the pool
 * @really: false only tells whether there is one
 *
 * No container survives a reboot, but a runtime may have had no chance to call DEL.
 *
 * Return: 1 when there was one; 0 when there was none; a negative errno.
 */
int store_reclaim(struct store *st, const struct range_set *set, bool really);

/** store_owner() - Return: container id that holds @ip in @buf, "" when unknown. */
char *store_owner(const struct store *st, const struct ip_addr *ip, char *buf, size_t size);

/**
 * store_sweep() - call a function for every reservation and remove those it does not keep
 * @st: the store
 * @keep: whether the reservation of @id and @ifname (NULL: unknown) must stay
 * @arg: first argument of @keep
 *
 * Return: how many were removed, or the first error; the others are removed nevertheless.
 */
int store_sweep(struct store *st, bool (*keep)(const void *arg, const char *id, const char *ifname),
		const void *arg);

#endif
