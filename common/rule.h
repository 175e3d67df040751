/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Expressions of an nf_tables rule, one function for each that our rules consist of.
 *
 * Each appends to the rule. Tests work on register 0 and end the rule for packets that do not
 * match. Values are in network byte order where the packet's are (nft_payload, nft_meta and so on
 * in net/netfilter). A rule without memory aborts.
 */
#ifndef HAWSER_RULE_H
#define HAWSER_RULE_H

#include "ip.h"
#include "nft.h"

enum rule_which { SADDR, DADDR };

/** rule_reg() - Return: number of the 32-bit register @index, 0 to 15. */
uint32_t rule_reg(int index);

/** rule_expr() - an expression without attributes, or to be given some ("masq", "counter"). */
struct nftnl_expr *rule_expr(struct nftnl_rule *rule, const char *name);

/** rule_meta() - load NFT_META_* into a register. */
void rule_meta(struct nftnl_rule *rule, uint32_t key, uint32_t dreg);

/** rule_payload() - load @len bytes at @offset behind NFT_PAYLOAD_*_HEADER into a register. */
void rule_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t len,
		  uint32_t dreg);

/** rule_cmp() - compare register 0 with data: NFT_CMP_EQ, NFT_CMP_NEQ. */
void rule_cmp(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t len);

/** rule_cmp_u8() - register 0 must be a byte. */
void rule_cmp_u8(struct nftnl_rule *rule, uint8_t v);

/** rule_cmp_be16() - register 0 must be a 16-bit number, given in host byte order. */
void rule_cmp_be16(struct nftnl_rule *rule, uint16_t v);

/** rule_mask() - register 0 &= @bits. */
void rule_mask(struct nftnl_rule *rule, const void *bits, uint32_t len);

/** rule_ct_bit() - NFT_CT_STATE or NFT_CT_STATUS must have a bit. */
void rule_ct_bit(struct nftnl_rule *rule, uint32_t key, uint32_t bit);

/** rule_verdict() - NF_ACCEPT, NF_DROP, NFT_RETURN, NFT_JUMP to @chain. */
void rule_verdict(struct nftnl_rule *rule, int code, const char *chain);

/** rule_drop() - count and drop: that is how an administrator sees that somebody tries. */
void rule_drop(struct nftnl_rule *rule);

/** rule_dnat() - destination NAT to the address in register 0 and, if @port, the port behind it. */
void rule_dnat(struct nftnl_rule *rule, int family, bool port);

/** rule_nfproto() - only packets of NFPROTO_IPV4 or NFPROTO_IPV6. */
void rule_nfproto(struct nftnl_rule *rule, int family);

/** rule_l4proto() - only packets of IPPROTO_*. */
void rule_l4proto(struct nftnl_rule *rule, uint8_t proto);

/** rule_not_local() - only packets that are not addressed to this host itself. */
void rule_not_local(struct nftnl_rule *rule);

/** rule_ethertype() - family bridge: only frames of ETH_P_*. */
void rule_ethertype(struct nftnl_rule *rule, uint16_t type);

/** rule_address() - load source or destination address into registers from @dreg on. */
void rule_address(struct nftnl_rule *rule, int family, int which, uint32_t dreg);

/** rule_prefix() - source or destination must be in a prefix (NFT_CMP_EQ), or must not be. */
void rule_prefix(struct nftnl_rule *rule, uint32_t op, int which, const struct ip_net *net);

#endif
