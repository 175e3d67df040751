/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv6 of the host's interfaces that are routers for containers. */
#ifndef HAWSER_IPV6_H
#define HAWSER_IPV6_H

#include "error.h"

#include <stdbool.h>

/**
 * ipv6_prepare_router() - have an interface ignore router advertisements, and IPv6 usable on it
 * @name: interface, made just now
 * @used: it will have an IPv6 address; else only the advertisements matter
 * @err: filled on failure
 *
 * Its link-local address needs no duplicate address detection: while it is tentative, the host
 * cannot ask for neighbours (ndisc_solicit() in net/ipv6/ndisc.c), which costs a second.
 *
 * Return: 0, or a negative errno.
 */
int ipv6_prepare_router(const char *name, bool used, struct cni_err *err);

#endif
