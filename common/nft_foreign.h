/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the Go plugins put into nf_tables: removing one attachment's part of it. */
#ifndef HAWSER_NFT_FOREIGN_H
#define HAWSER_NFT_FOREIGN_H

#include "error.h"
#include "state.h"

/*
 * Plugins 1.6 to 1.9 with their nftables backends, and "macspoofchk" of all releases since 1.0,
 * leave rules with the attachment in their comments. They are found by listing the chain or table
 * they are in: this is for DEL of attachments that have no record of ours, and for "hawser
 * cleanup". Tables and shared chains stay, as they do with the Go plugins. Without such tables, or
 * without nf_tables, there is nothing to do.
 */

/**
 * foreign_masq_del() - remove the ipMasq rules of table inet cni_plugins_masquerade
 * @key: network, container and interface; the comment begins with hashes of them
 * @err: CNI_E_FAILED
 *
 * Return: number of rules removed, or a negative errno.
 */
int foreign_masq_del(const struct state_key *key, struct cni_err *err);

/**
 * foreign_ports_del() - remove the published ports of tables ip and ip6 cni_hostport
 * @container_id: the comment; the rules name neither network nor interface
 * @err: CNI_E_FAILED
 *
 * Return: number of rules removed, or a negative errno.
 */
int foreign_ports_del(const char *container_id, struct cni_err *err);

/**
 * foreign_macs_del() - remove the "macspoofchk" chains and rules of table bridge nat
 * @key: container and interface
 * @err: CNI_E_FAILED
 *
 * Return: number of rules removed, or a negative errno.
 */
int foreign_macs_del(const struct state_key *key, struct cni_err *err);

#endif
