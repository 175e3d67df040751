/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Container addresses as sources of a firewalld zone, over the system bus. */
#ifndef HAWSER_FIREWALLD_H
#define HAWSER_FIREWALLD_H

#include "error.h"
#include "ip.h"

#include <stddef.h>

/**
 * firewalld_running() - whether firewalld owns its name on the system bus
 *
 * The bus is at DBUS_SYSTEM_BUS_ADDRESS (only "unix:path=" is understood), or at
 * /run/dbus/system_bus_socket. Without a socket there the answer costs one access().
 *
 * Return: 1 or 0 (also when there is no bus), -ETIMEDOUT when the bus does not answer within 2 s,
 * -EACCES when it rejects us (a root of a user namespace), -EAFNOSUPPORT for another kind of
 * address, or another -errno. Who only looks for a default may take any error for "no".
 */
int firewalld_running(void);

/**
 * firewalld_add() - make addresses sources of a zone, in firewalld's runtime configuration
 * @zone: not empty
 * @ips: addresses; whatever their prefix lengths, only the address itself is added (/32, /128)
 * @n: how many
 * @err: filled on failure
 *
 * An address that is in @zone already is fine; one that is in another zone is an error, since that
 * was somebody's decision. All or nothing: after a failure those added by this call are removed
 * again, as far as firewalld still answers. Waits for firewalld for 20 s at most.
 *
 * Return: 0 or -errno.
 */
int firewalld_add(const char *zone, const struct ip_net *ips, size_t n, struct cni_err *err);

/**
 * firewalld_del() - remove addresses from a zone
 * @zone: not empty
 * @ips: addresses, as firewalld_add() takes them
 * @n: how many
 * @err: filled with the first failure; the other addresses are removed nevertheless
 *
 * Nothing to do is success: the address is in no zone or in another one, the zone does not exist,
 * or firewalld does not run (its runtime configuration is gone with it).
 *
 * Return: 0 or -errno.
 */
int firewalld_del(const char *zone, const struct ip_net *ips, size_t n, struct cni_err *err);

/**
 * firewalld_check() - whether all addresses are sources of a zone
 * @zone: not empty
 * @ips: addresses, as firewalld_add() takes them
 * @n: how many
 * @err: names the first address that is not
 *
 * The reference asks the same question but ignores a "no".
 *
 * Return: 0, or -errno when one is missing or firewalld cannot be asked.
 */
int firewalld_check(const char *zone, const struct ip_net *ips, size_t n, struct cni_err *err);

#endif
