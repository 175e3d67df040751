/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network sysctls of the current namespace, written only when they differ. */
#ifndef HAWSER_SYSCTL_H
#define HAWSER_SYSCTL_H

#include <stddef.h>

/**
 * sysctl_get() - read a number
 * @path: below /proc/sys/, "net/ipv4/ip_forward"
 * @value: untouched on failure
 *
 * Return: 0, or a negative errno (-ENOENT: the kernel or namespace lacks it).
 */
int sysctl_get(const char *path, int *value);

/**
 * sysctl_read_text() - read a value as it is
 * @path: below /proc/sys/
 * @text: receives it without the final newline; untouched on failure to open
 * @size: of @text
 *
 * Return: 0; -ENOENT: there is no such key; -EACCES: it cannot be read; -EFBIG: it does not fit;
 * another negative errno.
 */
int sysctl_read_text(const char *path, char *text, size_t size);

/**
 * sysctl_write_text() - write a value as it is
 * @path: below /proc/sys/
 * @text: value
 *
 * Return: 0; -EINVAL, -ERANGE: the kernel refuses the value; another negative errno.
 */
int sysctl_write_text(const char *path, const char *text);

/**
 * sysctl_set() - write a number unless it is there already
 * @path: below /proc/sys/
 * @value: to write
 *
 * Reading first keeps quiet hosts quiet: writes to some keys take the RTNL lock.
 *
 * Return: 0, or a negative errno (-EROFS: /proc/sys is read-only and the value differs).
 */
int sysctl_set(const char *path, int value);

/**
 * sysctl_write() - write a number, without a look at the present one
 * @path: below /proc/sys/
 * @value: to write
 *
 * For settings of an interface just made, whose value is known to differ.
 *
 * Return: 0, or a negative errno.
 */
int sysctl_write(const char *path, int value);

/** sysctl_write_conf() - sysctl_write() as sysctl_set_conf() is sysctl_set(). Return: the same. */
int sysctl_write_conf(const char *family, const char *ifname, const char *key, int value);

/**
 * sysctl_set_conf() - sysctl_set() of "net/<family>/conf/<ifname>/<key>"
 * @family: "ipv4" or "ipv6"
 * @ifname: validated interface name
 * @key: such as "accept_ra"
 * @value: to write
 *
 * Return: as sysctl_set().
 */
int sysctl_set_conf(const char *family, const char *ifname, const char *key, int value);

#endif
