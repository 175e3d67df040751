/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firewall of an attachment by its record: opening, checking, closing. Also for tools/hawser.
 */
#ifndef HAWSER_FIREWALL_RECORD_H
#define HAWSER_FIREWALL_RECORD_H

#include "error.h"
#include "state.h"

/*
 * The record's keys: "backend" ("nftables", "iptables", "firewalld"), "ips", "bridge",
 * "ingressPolicy", "zone" (firewalld), "adminChain" (iptables), "nftables" (common/nat.h).
 */

/**
 * firewall_restore() - let the container through, as the record's backend does it
 * @record: the record; its part in nf_tables is nat_add()'s or nat_reload()'s
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int firewall_restore(const json_t *record, struct cni_err *err);

/** firewall_check() - whether what firewall_restore() does is in place. Return: 0 or -errno. */
int firewall_check(const json_t *record, struct cni_err *err);

/**
 * firewall_remove() - take an attachment's rules away, and its record
 * @key: whose
 * @err: filled on failure
 *
 * Return: 1: there was a record; 0: there was none; or a negative errno.
 */
int firewall_remove(const struct state_key *key, struct cni_err *err);

#endif
