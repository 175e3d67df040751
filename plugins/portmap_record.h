/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Published ports by their record: removing them, making them again. Also for tools/hawser. */
#ifndef HAWSER_PORTMAP_RECORD_H
#define HAWSER_PORTMAP_RECORD_H

#include "nat.h"
#include "plugins/portmap_conf.h"

/**
 * portmap_record_iptables() - put into the record what the iptables backend makes its rules from
 * @record: receives "backend" and "iptables"
 * @conf: the configuration
 * @v4: the container's IPv4 address with prefix length, family 0: none
 * @v6: the same for IPv6
 * @plan: its runs
 * @localnet: 127.0.0.1 is to reach them
 */
void portmap_record_iptables(json_t *record, const struct portmap_conf *conf,
			     const struct ip_net *v4, const struct ip_net *v6,
			     const struct nat_plan *plan, bool localnet);

/** portmap_restore() - put the rules of the iptables backend in place. Return: 0 or -errno. */
int portmap_restore(const json_t *record, struct cni_err *err);

/** portmap_check() - whether the rules of the iptables backend are in place. Return: 0 or -errno.
 */
int portmap_check(const json_t *record, struct cni_err *err);

/**
 * portmap_remove() - unpublish the ports of an attachment, and remove its record
 * @key: whose
 * @err: filled on failure
 *
 * Return: 1: there was a record; 0: there was none; or a negative errno.
 */
int portmap_remove(const struct state_key *key, struct cni_err *err);

#endif
