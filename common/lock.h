/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flock on a file, the lock that host-local of the reference uses too. */
#ifndef HAWSER_LOCK_H
#define HAWSER_LOCK_H

/**
 * lock_file() - open (or create) a file and wait for an exclusive flock on it
 * @dirfd: directory, or AT_FDCWD
 * @name: path relative to @dirfd
 * @mode: permissions of a new file
 *
 * Return: a descriptor that the caller closes to unlock, or a negative errno.
 */
int lock_file(int dirfd, const char *name, int mode);

#endif
