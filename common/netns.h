/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces: opening the container's by path, entering it, coming back. */
#ifndef HAWSER_NETNS_H
#define HAWSER_NETNS_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

/**
 * netns_open() - open the container's network namespace
 * @path: CNI_NETNS
 * @err: CNI_E_ENV when it is missing or no network namespace, CNI_E_NETNS when it is the
 *       caller's own (unless CNI_NETNS_OVERRIDE is 1 or true)
 *
 * Return: descriptor owned by the caller, or a negative errno (-ENOENT: path is gone).
 */
int netns_open(const char *path, struct cni_err *err);

/**
 * netns_current() - open the namespace the process is in
 *
 * Return: descriptor owned by the caller, or a negative errno.
 */
int netns_current(void);

/** netns_inode() - what tells a namespace from others while it lives. Return: 0 on failure. */
uint64_t netns_inode(int fd);

/**
 * netns_reopen() - open the namespace that a record names, if it still is that one
 * @path: the CNI_NETNS of ADD, NULL allowed
 * @inode: netns_inode() at that time
 *
 * Return: descriptor owned by the caller, or a negative errno: the namespace is gone, or its path
 * leads to another one now.
 */
int netns_reopen(const char *path, uint64_t inode);

/**
 * netns_enter() - move the process into a namespace
 * @fd: of netns_open() or netns_current()
 *
 * Return: 0, or a negative errno.
 */
int netns_enter(int fd);

#define NETNS_ID_STRLEN 48

/**
 * netns_id() - what tells the process' namespace from all others of this boot
 * @buf: receives the text; "" when it cannot be told
 *
 * The kernel's cookie, which is never given out again (SO_NETNS_COOKIE, Linux 5.14). Before that
 * device and inode, which are: a namespace made later may have them.
 *
 * Return: @buf.
 */
char *netns_id(char buf[NETNS_ID_STRLEN]);

/**
 * netns_run() - run a function inside a namespace
 * @fd: the namespace
 * @fn: the function
 * @arg: for @fn
 * @err: of @fn, or CNI_E_FAILED when entering or returning fails
 *
 * The process is back in its own namespace afterwards, whatever happened.
 *
 * Return: what @fn returned, or a negative errno.
 */
int netns_run(int fd, int (*fn)(void *arg, struct cni_err *err), void *arg, struct cni_err *err);

/**
 * netns_run_locked() - netns_run() alone among those who ask for the same
 * @fd: as there; stays locked until it is closed
 * @fn: as there
 * @arg: as there
 * @err: as there
 *
 * By flock() on the namespace's file, as sbr of the reference does it.
 *
 * Return: as there.
 */
int netns_run_locked(int fd, int (*fn)(void *arg, struct cni_err *err), void *arg,
		     struct cni_err *err);

#endif
