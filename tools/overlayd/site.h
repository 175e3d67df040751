/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: which addresses of this host are its VTEPs. */
#ifndef HAWSER_OVERLAYD_SITE_H
#define HAWSER_OVERLAYD_SITE_H

#include "ip.h"
#include "nl.h"

/**
 * site_vteps() - one address of this host for each family
 * @nl: socket, nothing queued
 * @dev: interface, or NULL: that of the default route
 * @address: the address to take for its family, or NULL
 * @vtep: receives IPv4 and IPv6; family 0: there is none
 * @err: CNI_E_CONF: @address is none; there is no such interface, or no default route
 *
 * Of several addresses the first that is global, not deprecated, and no temporary one is taken.
 *
 * Return: 0, or a negative errno.
 */
int site_vteps(struct nlk *nl, const char *dev, const char *address, struct ip_addr vtep[2],
	       struct cni_err *err);

#endif
