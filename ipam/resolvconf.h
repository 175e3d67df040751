/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolv.conf(5) as the dns part of a result. */
#ifndef HAWSER_RESOLVCONF_H
#define HAWSER_RESOLVCONF_H

#include "result.h"

/**
 * resolvconf_read() - read a file in the format of resolv.conf(5)
 * @path: of the file
 * @out: what it held is released on success; nameserver, search and options lines add up, the
 *       last domain line wins
 *
 * Return: 0, or a negative errno.
 */
int resolvconf_read(const char *path, struct cni_dns *out);

#endif
