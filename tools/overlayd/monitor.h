/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: what the kernel announces. */
#ifndef HAWSER_OVERLAYD_MONITOR_H
#define HAWSER_OVERLAYD_MONITOR_H

#include <linux/netlink.h>
#include <stdbool.h>

/**
 * monitor_links() - a socket for changes of links, addresses, routes and neighbours
 *
 * Return: a descriptor, or a negative errno.
 */
int monitor_links(void);

/** monitor_tables() - a socket for changes of nf_tables. Return: as monitor_links(). */
int monitor_tables(void);

/**
 * monitor_read() - take all that has been announced
 * @fd: of monitor_links() or monitor_tables()
 * @fn: receives each message
 * @arg: for @fn
 *
 * Return: true; false when announcements were lost (ENOBUFS): anything may have changed.
 */
bool monitor_read(int fd, void (*fn)(const struct nlmsghdr *hdr, void *arg), void *arg);

/** monitor_table_of() - name of the nf_tables table that a message is about. Return: "": none. */
const char *monitor_table_of(const struct nlmsghdr *hdr);

#endif
