/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small files that are never seen empty or half written, and directories made on the way. */
#ifndef HAWSER_FILE_H
#define HAWSER_FILE_H

#include <stddef.h>
#include <sys/types.h>

/**
 * file_mkdirs() - create a directory and its parents (mkdir -p)
 * @path: absolute or relative path
 * @mode: of directories that are created, before umask
 *
 * Return: 0 (also when it existed), or a negative errno.
 */
int file_mkdirs(const char *path, mode_t mode);

/**
 * file_create() - create a file with its content in one visible step
 * @dirfd: directory
 * @name: name in it; must not exist
 * @mode: permissions
 * @data: content
 * @len: its length in bytes
 *
 * An unnamed file (O_TMPFILE) is written and then linked; on file systems without O_TMPFILE a
 * file named ".tmp-<pid>-<counter>" takes its place.
 *
 * Return: 0; -EEXIST when the name is taken; another negative errno, nothing left behind.
 */
int file_create(int dirfd, const char *name, mode_t mode, const void *data, size_t len);

/**
 * file_replace() - write a file and rename it over whatever has the name
 * @dirfd: directory
 * @name: name in it
 * @mode: permissions
 * @data: content
 * @len: its length in bytes
 *
 * Return: 0, or a negative errno with the old file untouched.
 */
int file_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len);

/**
 * file_read() - read a small file whole
 * @dirfd: directory, or AT_FDCWD
 * @name: path
 * @max: refuse files larger than this
 * @out: NUL-terminated content, owned by the caller; untouched on failure
 * @len: its length without the NUL; may be NULL
 *
 * Return: 0; -EFBIG when larger than @max; another negative errno.
 */
int file_read(int dirfd, const char *name, size_t max, char **out, size_t *len);

#endif
