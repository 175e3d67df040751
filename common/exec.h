/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running a CNI executable: search on CNI_PATH, environment, stdin, stdout; no shell. */
#ifndef HAWSER_EXEC_H
#define HAWSER_EXEC_H

#include "error.h"

#include <limits.h>
#include <stddef.h>

/**
 * exec_find() - search a plugin on CNI_PATH (CNI spec 1.1.0, section 4)
 * @type: plugin type; a '/' in it is refused (CVE-2021-20206)
 * @path: directories joined by ':', or NULL
 * @out: receives the path of the first regular file of that name
 * @err: CNI_E_CONF for a bad type, CNI_E_FAILED when it is in no directory
 *
 * Return: 0, or a negative errno.
 */
int exec_find(const char *type, const char *path, char out[PATH_MAX], struct cni_err *err);

/**
 * exec_run() - run an executable, feed its stdin, collect its stdout
 * @file: path
 * @env: whole environment, NULL-terminated
 * @input: text for stdin
 * @output: NUL-terminated text of stdout, owned by the caller; set on success only
 * @status: wait status
 *
 * Its stderr is ours. A file that is being written ("text file busy") is tried again for 5 s.
 *
 * Return: 0 when it ran, whatever its status; else a negative errno.
 */
int exec_run(const char *file, char *const env[], const char *input, char **output, int *status);

/**
 * exec_self() - exec_run() of the executable that runs now, with nothing on stdin
 * @name: of the plugin that it is to be
 * @env: whole environment, NULL-terminated
 * @output: as exec_run()
 * @status: wait status
 *
 * Return: as exec_run().
 */
int exec_self(const char *name, char *const env[], char **output, int *status);

/**
 * exec_env() - copy the environment with some variables replaced
 * @changes: NULL-terminated "K=V" strings, borrowed
 *
 * Return: array to free() (the strings are borrowed), or NULL without memory.
 */
char **exec_env(char *const changes[]);

#endif
