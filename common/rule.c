/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Expressions of an nf_tables rule, one function for each that our rules consist of. */
#include "rule.h"

#include <linux/rtnetlink.h>
#include <stdlib.h>

uint32_t rule_reg(int index)
{
	return NFT_REG32_00 + index;
}

struct nftnl_expr *rule_expr(struct nftnl_rule *rule, const char *name)
{
	struct nftnl_expr *e = nftnl_expr_alloc(name);

	if (!e)
		abort();
	nftnl_rule_add_expr(rule, e);
	return e;
}

void rule_meta(struct nftnl_rule *rule, uint32_t key, uint32_t dreg)
{
	struct nftnl_expr *e = rule_expr(rule, "meta");

	nftnl_expr_set_u32(e, NFTNL_EXPR_META_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_META_DREG, dreg);
}

void rule_payload(struct nftnl_rule *rule, uint32_t base, uint32_t offset, uint32_t len,
		  uint32_t dreg)
{
	struct nftnl_expr *e = rule_expr(rule, "payload");

	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_BASE, base);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_OFFSET, offset);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_LEN, len);
	nftnl_expr_set_u32(e, NFTNL_EXPR_PAYLOAD_DREG, dreg);
}

void rule_cmp(struct nftnl_rule *rule, uint32_t op, const void *data, uint32_t len)
{
	struct nftnl_expr *e = rule_expr(rule, "cmp");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_SREG, rule_reg(0));
	nftnl_expr_set_u32(e, NFTNL_EXPR_CMP_OP, op);
	nftnl_expr_set(e, NFTNL_EXPR_CMP_DATA, data, len);
}

void rule_cmp_u8(struct nftnl_rule *rule, uint8_t v)
{
	rule_cmp(rule, NFT_CMP_EQ, &v, sizeof(v));
}

void rule_cmp_be16(struct nftnl_rule *rule, uint16_t v)
{
	uint16_t be = htons(v);

	rule_cmp(rule, NFT_CMP_EQ, &be, sizeof(be));
}

/* rule_reg(0) &= mask */
void rule_mask(struct nftnl_rule *rule, const void *bits, uint32_t len)
{
	static const uint8_t zero[16];
	struct nftnl_expr *e = rule_expr(rule, "bitwise");

	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_SREG, rule_reg(0));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_DREG, rule_reg(0));
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_OP, NFT_BITWISE_BOOL);
	nftnl_expr_set_u32(e, NFTNL_EXPR_BITWISE_LEN, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_MASK, bits, len);
	nftnl_expr_set(e, NFTNL_EXPR_BITWISE_XOR, zero, len);
}

void rule_ct_bit(struct nftnl_rule *rule, uint32_t key, uint32_t bit)
{
	static const uint32_t zero;
	struct nftnl_expr *e = rule_expr(rule, "ct");

	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_KEY, key);
	nftnl_expr_set_u32(e, NFTNL_EXPR_CT_DREG, rule_reg(0));
	rule_mask(rule, &bit, sizeof(bit));
	rule_cmp(rule, NFT_CMP_NEQ, &zero, sizeof(zero));
}

void rule_verdict(struct nftnl_rule *rule, int code, const char *chain)
{
	struct nftnl_expr *e = rule_expr(rule, "immediate");

	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_DREG, NFT_REG_VERDICT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_IMM_VERDICT, (uint32_t)code);
	if (chain)
		nftnl_expr_set_str(e, NFTNL_EXPR_IMM_CHAIN, chain);
}

/* Each drop is counted: that is how an administrator sees that somebody tries. */
void rule_drop(struct nftnl_rule *rule)
{
	rule_expr(rule, "counter");
	rule_verdict(rule, NF_DROP, NULL);
}

/* Destination NAT to the address in rule_reg(0) and, if the map has one, the port behind it. */
void rule_dnat(struct nftnl_rule *rule, int family, bool port)
{
	struct nftnl_expr *e = rule_expr(rule, "nat");

	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_TYPE, NFT_NAT_DNAT);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_FAMILY, family);
	nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_ADDR_MIN, rule_reg(0));
	if (port)
		nftnl_expr_set_u32(e, NFTNL_EXPR_NAT_REG_PROTO_MIN,
				   family == NFPROTO_IPV4 ? rule_reg(1) : rule_reg(4));
}

void rule_nfproto(struct nftnl_rule *rule, int family)
{
	rule_meta(rule, NFT_META_NFPROTO, rule_reg(0));
	rule_cmp_u8(rule, family);
}

void rule_l4proto(struct nftnl_rule *rule, uint8_t proto)
{
	rule_meta(rule, NFT_META_L4PROTO, rule_reg(0));
	rule_cmp_u8(rule, proto);
}

void rule_not_local(struct nftnl_rule *rule)
{
	struct nftnl_expr *fib = rule_expr(rule, "fib");
	uint32_t local = RTN_LOCAL;

	nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_RESULT, NFT_FIB_RESULT_ADDRTYPE);
	nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_FLAGS, NFTA_FIB_F_DADDR);
	nftnl_expr_set_u32(fib, NFTNL_EXPR_FIB_DREG, rule_reg(0));
	rule_cmp(rule, NFT_CMP_NEQ, &local, sizeof(local));
}

void rule_ethertype(struct nftnl_rule *rule, uint16_t type)
{
	rule_meta(rule, NFT_META_PROTOCOL, rule_reg(0));
	rule_cmp_be16(rule, type);
}

static uint32_t address_offset(int family, int which)
{
	return family == NFPROTO_IPV4 ? (which == SADDR ? 12 : 16) : (which == SADDR ? 8 : 24);
}

void rule_address(struct nftnl_rule *rule, int family, int which, uint32_t dreg)
{
	rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, address_offset(family, which),
		     family == NFPROTO_IPV4 ? 4 : 16, dreg);
}

/* ip saddr 10.0.0.0/8 (or !=) */
void rule_prefix(struct nftnl_rule *rule, uint32_t op, int which, const struct ip_net *net)
{
	int family = net->ip.family == AF_INET ? NFPROTO_IPV4 : NFPROTO_IPV6;
	uint32_t len = ip_bytes(&net->ip);
	uint8_t bits[16] = { 0 };

	for (int i = 0; i < net->len; i++)
		bits[i / 8] |= 0x80 >> i % 8;
	rule_address(rule, family, which, rule_reg(0));
	if (net->len < ip_bits(&net->ip))
		rule_mask(rule, bits, len);
	rule_cmp(rule, op, net->ip.b, len);
}
