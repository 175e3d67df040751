/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The static part of netfilter: our tables, chains, rules and sets.
 *
 * A rule looks its packet up in a set; the number of rules does not depend on the number of
 * containers or ports. Rules of one network (which need its subnet) stand in base chains of their
 * own, named by a hash of network and subnet: they are found, verified and removed by name.
 */
#include "ruleset.h"

#include "conf.h"
#include "file.h"
#include "hash.h"
#include "log.h"
#include "rule.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <libnftnl/udata.h>
#include <linux/if_ether.h>
#include <linux/netfilter/nf_conntrack_common.h>
#include <linux/netfilter_ipv4.h>
#include <netinet/icmp6.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* linux/netfilter_bridge.h cannot be included beside the C library's headers. */
#define HOOK_BR_PRE_ROUTING	    0
#define HOOK_BR_PRI_NAT_DST_BRIDGED (-300)

/* Priorities of the hooks, the reference's by default; a node may move them (file below). */
#define RULESET_CONF "/etc/hawser/ruleset.json"

struct priorities {
	int64_t dstnat, srcnat, filter, direct, antispoof;
};

static const struct conf_key priority_keys[] = {
	{ "dstnat", CONF_INT, offsetof(struct priorities, dstnat), .min = -199, .max = 299 },
	{ "srcnat", CONF_INT, offsetof(struct priorities, srcnat), .min = -199, .max = 299 },
	{ "filter", CONF_INT, offsetof(struct priorities, filter), .min = -199, .max = 299 },
	{ "direct", CONF_INT, offsetof(struct priorities, direct), .min = -199, .max = -1 },
	{ "antispoof", CONF_INT, offsetof(struct priorities, antispoof), .min = -400, .max = 400 },
	CONF_END
};

enum lookup_flags { IN, NOT_IN };

/* Break off unless rule_reg(0)... is in the set (or, with NOT_IN, unless it is not). */
static void lookup(struct nftnl_rule *rule, enum nat_set set, enum lookup_flags flags)
{
	struct nftnl_expr *e = rule_expr(rule, "lookup");

	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, nat_sets[set].name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, rule_reg(0));
	if (nat_sets[set].data[0])
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_DREG,
				   nat_sets[set].data[0] == NAT_F_CHAIN ? NFT_REG_VERDICT
									: rule_reg(0));
	if (flags == NOT_IN)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

/* ---- rules of our chains ---- */

/* Where rules are being put. */
struct builder {
	struct nft *nft;
	int family;
	const char *chain;
	unsigned int n;
};

static struct nftnl_rule *begin_rule(struct builder *b)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule)
		abort();
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, b->family);
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, RULESET_TABLE);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, b->chain);
	b->n++;
	return rule;
}

static void port_rule(struct builder *b, int family, enum nat_set set)
{
	struct nftnl_rule *rule = begin_rule(b);
	bool host = nat_sets[set].key[2] != NAT_F_END;
	int next = 0;

	rule_nfproto(rule, family);
	if (host) {
		rule_address(rule, family, DADDR, rule_reg(0));
		next = family == NFPROTO_IPV4 ? 1 : 4;
	}
	rule_meta(rule, NFT_META_L4PROTO, rule_reg(next));
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, rule_reg(next + 1));
	lookup(rule, set, IN);
	rule_dnat(rule, family, nat_sets[set].data[1] != NAT_F_END);
	nft_put_rule(b->nft, rule);
}

/* Only what is addressed to this host itself (CVE-2025-67499: transit packets are not ours). */
static void rules_ports(struct builder *b)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_not_local(rule);
	rule_verdict(rule, NFT_RETURN, NULL);
	nft_put_rule(b->nft, rule);
	/* a range may have a host address, which beats a port without one */
	port_rule(b, NFPROTO_IPV4, NAT_HOSTPORTS4);
	port_rule(b, NFPROTO_IPV4, NAT_RANGES4);
	port_rule(b, NFPROTO_IPV4, NAT_PORTS4);
	port_rule(b, NFPROTO_IPV6, NAT_HOSTPORTS6);
	port_rule(b, NFPROTO_IPV6, NAT_RANGES6);
	port_rule(b, NFPROTO_IPV6, NAT_PORTS6);
}

static void rules_jump_ports(struct builder *b)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_verdict(rule, NFT_JUMP, "ports");
	nft_put_rule(b->nft, rule);
}

/*
 * Ports under conditions: the attachment's chain returns for what does not meet them, so that the
 * next map and then the ports without conditions have their turn.
 */
static void rules_conditions(struct builder *b)
{
	enum nat_set first = b->family == NFPROTO_IPV4 ? NAT_COND4 : NAT_COND6;

	for (int slot = 0; slot < NAT_COND_SLOTS; slot++) {
		struct nftnl_rule *rule = begin_rule(b);

		rule_meta(rule, NFT_META_L4PROTO, rule_reg(0));
		rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, rule_reg(1));
		lookup(rule, first + slot, IN);
		nft_put_rule(b->nft, rule);
	}
}

static void rules_jump_conditions(struct builder *b)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_verdict(rule, NFT_JUMP, "conditions");
	nft_put_rule(b->nft, rule);
}

static void masquerade_rule(struct builder *b, int family, enum nat_set set, bool localhost)
{
	static const struct ip_net loopback = { { AF_INET, { 127 } }, 8 };
	struct nftnl_rule *rule = begin_rule(b);

	rule_nfproto(rule, family);
	rule_ct_bit(rule, NFT_CT_STATUS, IPS_DST_NAT);
	if (localhost)
		rule_prefix(rule, NFT_CMP_EQ, SADDR, &loopback);
	rule_address(rule, family, DADDR, rule_reg(0));
	lookup(rule, set, IN);
	rule_expr(rule, "masq");
	nft_put_rule(b->nft, rule);
}

static void rules_postrouting(struct builder *b)
{
	masquerade_rule(b, NFPROTO_IPV4, NAT_SNAT4, true);
	masquerade_rule(b, NFPROTO_IPV4, NAT_MASQALL4, false);
	masquerade_rule(b, NFPROTO_IPV6, NAT_MASQALL6, false);
}

static void direct_rule(struct builder *b, int family, enum nat_set private, enum nat_set direct)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_nfproto(rule, family);
	rule_address(rule, family, DADDR, rule_reg(0));
	lookup(rule, private, IN);
	rule_ct_bit(rule, NFT_CT_STATE, NF_CT_STATE_BIT(IP_CT_NEW));
	rule_address(rule, family, DADDR, rule_reg(0));
	rule_meta(rule, NFT_META_IIFNAME, family == NFPROTO_IPV4 ? rule_reg(1) : rule_reg(4));
	lookup(rule, direct, NOT_IN);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

/*
 * CVE-2020-8558: published ports answer on 127.0.0.1, which needs route_localnet on the bridge;
 * then neighbours could reach what the host serves on 127.0.0.0/8. Nobody but the host itself may.
 */
static void loopback_rule(struct builder *b, int which)
{
	static const struct ip_net loopback = { { AF_INET, { 127 } }, 8 };
	static const char lo[16] = "lo"; /* names are padded to IFNAMSIZ */
	struct nftnl_rule *rule = begin_rule(b);

	rule_meta(rule, NFT_META_IIFNAME, rule_reg(0));
	rule_cmp(rule, NFT_CMP_NEQ, lo, sizeof(lo));
	rule_nfproto(rule, NFPROTO_IPV4);
	rule_prefix(rule, NFT_CMP_EQ, which, &loopback);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

static void rules_direct(struct builder *b)
{
	loopback_rule(b, DADDR);
	loopback_rule(b, SADDR);
	direct_rule(b, NFPROTO_IPV4, NAT_PRIVATE4, NAT_DIRECT4);
	direct_rule(b, NFPROTO_IPV6, NAT_PRIVATE6, NAT_DIRECT6);
}

static void rules_forward(struct builder *b)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_meta(rule, NFT_META_IIFNAME, rule_reg(0));
	rule_meta(rule, NFT_META_OIFNAME, rule_reg(4));
	lookup(rule, NAT_SAME_BRIDGE, IN);
	rule_verdict(rule, NFT_RETURN, NULL);
	nft_put_rule(b->nft, rule);
	rule = begin_rule(b);
	rule_meta(rule, NFT_META_IIFNAME, rule_reg(0));
	lookup(rule, NAT_ISOLATED, IN);
	rule_meta(rule, NFT_META_OIFNAME, rule_reg(0));
	lookup(rule, NAT_ISOLATED, IN);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

/* Drop unless rule_reg(0): host end, rule_reg(4): what it claims to be, is an element. */
static void claim_rule(struct builder *b, uint16_t type, uint32_t base, uint32_t offset,
		       uint32_t len, enum nat_set set)
{
	struct nftnl_rule *rule = begin_rule(b);

	if (type)
		rule_ethertype(rule, type);
	rule_meta(rule, NFT_META_IIFNAME, rule_reg(0));
	rule_payload(rule, base, offset, len, rule_reg(4));
	lookup(rule, set, NOT_IN);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

static void rules_antispoof(struct builder *b)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_meta(rule, NFT_META_IIFNAME, rule_reg(0));
	lookup(rule, NAT_GUARDED, NOT_IN);
	rule_verdict(rule, NFT_RETURN, NULL);
	nft_put_rule(b->nft, rule);
	claim_rule(b, 0, NFT_PAYLOAD_LL_HEADER, 6, 6, NAT_MACS);
	rule = begin_rule(b);
	rule_meta(rule, NFT_META_IIFNAME, rule_reg(0));
	lookup(rule, NAT_GUARDED_IP, IN);
	rule_verdict(rule, NFT_JUMP, "claims");
	nft_put_rule(b->nft, rule);
}

/* A server's or router's messages do not come from a container. */
static void role_rule(struct builder *b, uint16_t type, uint8_t proto, uint32_t offset,
		      const void *value, uint32_t len)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_ethertype(rule, type);
	rule_l4proto(rule, proto);
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, offset, len, rule_reg(0));
	rule_cmp(rule, NFT_CMP_EQ, value, len);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

static void return_rule(struct builder *b, uint16_t type, uint8_t proto, const struct ip_net *src)
{
	struct nftnl_rule *rule = begin_rule(b);

	rule_ethertype(rule, type);
	if (proto)
		rule_l4proto(rule, proto);
	rule_prefix(rule, NFT_CMP_EQ, SADDR, src);
	rule_verdict(rule, NFT_RETURN, NULL);
	nft_put_rule(b->nft, rule);
}

/* A neighbour advertisement of an address that is neither link-local nor the container's. */
static void advert_rule(struct builder *b, const struct ip_net *link_local)
{
	struct nftnl_rule *rule = begin_rule(b);
	uint8_t bits[2] = { 0xff, 0xc0 };

	rule_ethertype(rule, ETH_P_IPV6);
	rule_l4proto(rule, IPPROTO_ICMPV6);
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 0, 1, rule_reg(0));
	rule_cmp_u8(rule, ND_NEIGHBOR_ADVERT);
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 8, 2, rule_reg(0));
	rule_mask(rule, bits, sizeof(bits));
	rule_cmp(rule, NFT_CMP_NEQ, link_local->ip.b, sizeof(bits));
	rule_meta(rule, NFT_META_IIFNAME, rule_reg(0));
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 8, 16, rule_reg(4));
	lookup(rule, NAT_IPS6, NOT_IN);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

/* An ARP packet without a sender address: a probe (RFC 5227). */
static void probe_rule(struct builder *b)
{
	static const uint8_t none[4];
	struct nftnl_rule *rule = begin_rule(b);

	rule_ethertype(rule, ETH_P_ARP);
	rule_payload(rule, NFT_PAYLOAD_NETWORK_HEADER, 14, 4, rule_reg(0));
	rule_cmp(rule, NFT_CMP_EQ, none, sizeof(none));
	rule_verdict(rule, NFT_RETURN, NULL);
	nft_put_rule(b->nft, rule);
}

/* Frames with a VLAN tag of their own would carry addresses past the rules below. */
static void tag_rule(struct builder *b, uint16_t type)
{
	struct nftnl_rule *rule = begin_rule(b);
	uint16_t be = htons(type);

	rule_payload(rule, NFT_PAYLOAD_LL_HEADER, 12, 2, rule_reg(0));
	rule_cmp(rule, NFT_CMP_EQ, &be, sizeof(be));
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

static void rules_claims(struct builder *b)
{
	static const struct ip_net any4 = { { AF_INET, { 0 } }, 32 };
	static const struct ip_net any6 = { { AF_INET6, { 0 } }, 128 };
	static const struct ip_net link_local = { { AF_INET6, { 0xfe, 0x80 } }, 10 };
	const uint16_t server4 = htons(67), server6 = htons(547);
	const uint8_t router = ND_ROUTER_ADVERT;

	tag_rule(b, ETH_P_8021Q);
	tag_rule(b, ETH_P_8021AD);
	claim_rule(b, ETH_P_ARP, NFT_PAYLOAD_NETWORK_HEADER, 8, 6, NAT_MACS);
	probe_rule(b);
	claim_rule(b, ETH_P_ARP, NFT_PAYLOAD_NETWORK_HEADER, 14, 4, NAT_IPS4);
	role_rule(b, ETH_P_IP, IPPROTO_UDP, 0, &server4, sizeof(server4));
	return_rule(b, ETH_P_IP, IPPROTO_UDP, &any4); /* a DHCP client without an address */
	claim_rule(b, ETH_P_IP, NFT_PAYLOAD_NETWORK_HEADER, 12, 4, NAT_IPS4);
	role_rule(b, ETH_P_IPV6, IPPROTO_ICMPV6, 0, &router, sizeof(router));
	role_rule(b, ETH_P_IPV6, IPPROTO_UDP, 0, &server6, sizeof(server6));
	advert_rule(b, &link_local);
	return_rule(b, ETH_P_IPV6, 0, &link_local);
	return_rule(b, ETH_P_IPV6, IPPROTO_ICMPV6, &any6); /* duplicate address detection */
	claim_rule(b, ETH_P_IPV6, NFT_PAYLOAD_NETWORK_HEADER, 8, 16, NAT_IPS6);
}

/* ---- chains ---- */

/* A chain that exists once per node; type NULL: only jumped to. */
struct fixed_chain {
	int family;
	const char *name, *type;
	int hook;
	size_t priority;	       /* offset in struct priorities */
	unsigned int n_rules, n_jumps; /* the kernel's use count is their sum */
	void (*rules)(struct builder *b);
};

#define PRIORITY(p) offsetof(struct priorities, p)

/* A chain stands behind those that jump to it when it is verified, before them when it is built. */
static const struct fixed_chain fixed_chains[] = {
	{ NFPROTO_INET, "ports", NULL, 0, 0, 7, 2, rules_ports },
	{ NFPROTO_INET, "prerouting", "nat", NF_INET_PRE_ROUTING, PRIORITY(dstnat), 1, 0,
	  rules_jump_ports },
	{ NFPROTO_INET, "output", "nat", NF_INET_LOCAL_OUT, PRIORITY(dstnat), 1, 0,
	  rules_jump_ports },
	{ NFPROTO_INET, "postrouting", "nat", NF_INET_POST_ROUTING, PRIORITY(srcnat), 3, 0,
	  rules_postrouting },
	{ NFPROTO_INET, "direct", "filter", NF_INET_PRE_ROUTING, PRIORITY(direct), 4, 0,
	  rules_direct },
	{ NFPROTO_INET, "forward", "filter", NF_INET_FORWARD, PRIORITY(filter), 2, 0,
	  rules_forward },
	{ NFPROTO_BRIDGE, "claims", NULL, 0, 0, 14, 1, rules_claims },
	{ NFPROTO_BRIDGE, "antispoof", "filter", HOOK_BR_PRE_ROUTING, PRIORITY(antispoof), 3, 0,
	  rules_antispoof },
	/* made last: of chains with one priority the kernel calls the newest first */
	{ NFPROTO_IPV4, "conditions", NULL, 0, 0, NAT_COND_SLOTS, 2, rules_conditions },
	{ NFPROTO_IPV4, "prerouting", "nat", NF_INET_PRE_ROUTING, PRIORITY(dstnat), 1, 0,
	  rules_jump_conditions },
	{ NFPROTO_IPV4, "output", "nat", NF_INET_LOCAL_OUT, PRIORITY(dstnat), 1, 0,
	  rules_jump_conditions },
	{ NFPROTO_IPV6, "conditions", NULL, 0, 0, NAT_COND_SLOTS, 2, rules_conditions },
	{ NFPROTO_IPV6, "prerouting", "nat", NF_INET_PRE_ROUTING, PRIORITY(dstnat), 1, 0,
	  rules_jump_conditions },
	{ NFPROTO_IPV6, "output", "nat", NF_INET_LOCAL_OUT, PRIORITY(dstnat), 1, 0,
	  rules_jump_conditions },
};

static struct priorities read_priorities(void)
{
	struct priorities p = { .dstnat = NF_IP_PRI_NAT_DST,
				.srcnat = NF_IP_PRI_NAT_SRC,
				.filter = NF_IP_PRI_FILTER,
				.direct = NF_IP_PRI_MANGLE,
				.antispoof = HOOK_BR_PRI_NAT_DST_BRIDGED };
	struct priorities wanted = p; /* all of the file, or nothing of it */
	struct cni_err err = { 0 };
	char *text = NULL;
	json_t *obj;

	if (file_read(AT_FDCWD, RULESET_CONF, 65536, &text, NULL) < 0)
		return p;
	obj = json_loads(text, 0, NULL);
	if (!json_is_object(obj) ||
	    conf_read(conf_get(obj, "priorities"), "priorities", priority_keys, &wanted, &err) < 0)
		log_warn(RULESET_CONF ": ignored: %s", err.msg[0] ? err.msg : "not a JSON object");
	else
		p = wanted;
	json_decref(obj);
	free(text);
	return p;
}

static void put_chain(struct nft *nft, int family, const char *name, const char *type, int hook,
		      int priority, const char *comment)
{
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain || !udata)
		abort();
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, family);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, RULESET_TABLE);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, name);
	if (type) {
		nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, type);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
		nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
		nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	}
	if (comment) {
		nftnl_udata_put_strz(udata, NFTNL_UDATA_CHAIN_COMMENT, comment);
		nftnl_chain_set_data(chain, NFTNL_CHAIN_USERDATA, nftnl_udata_buf_data(udata),
				     nftnl_udata_buf_len(udata));
	}
	nft_put_chain(nft, chain);
	nftnl_udata_buf_free(udata);
}

unsigned int ruleset_table(int family)
{
	return family == NFPROTO_BRIDGE ? RULESET_BRIDGE
	       : family == NFPROTO_IPV4 ? RULESET_IP
	       : family == NFPROTO_IPV6 ? RULESET_IP6
					: 0;
}

static bool wanted(int family, unsigned int tables)
{
	return family == NFPROTO_INET || ruleset_table(family) & tables;
}

void ruleset_new_chain(struct nft *nft, int family, const char *name, const char *comment)
{
	put_chain(nft, family, name, NULL, 0, 0, comment);
}

void ruleset_put(struct nft *nft, unsigned int tables)
{
	static const struct {
		int family;
		const char *comment;
	} all[] = { { NFPROTO_INET, "Hawser: containers' NAT and filters" },
		    { NFPROTO_BRIDGE, "Hawser: source addresses" },
		    { NFPROTO_IPV4, "Hawser: ports published under conditions" },
		    { NFPROTO_IPV6, "Hawser: ports published under conditions" } };
	struct priorities p = read_priorities();

	for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
		if (wanted(all[i].family, tables))
			nft_put_table(nft, all[i].family, RULESET_TABLE, all[i].comment);
	for (int i = 0; i < NAT_SETS; i++)
		if (wanted(nat_sets[i].family, tables))
			ruleset_put_set(nft, &nat_sets[i], i + 1, 0);
	for (size_t i = 0; i < sizeof(fixed_chains) / sizeof(fixed_chains[0]); i++) {
		const struct fixed_chain *c = &fixed_chains[i];
		struct builder b = { nft, c->family, c->name, 0 };

		if (!wanted(c->family, tables))
			continue;
		put_chain(nft, c->family, c->name, c->type, c->hook,
			  (int)*(const int64_t *)((const char *)&p + c->priority), NULL);
		c->rules(&b);
		assert(b.n == c->n_rules);
	}
}

char *ruleset_chain_name(const char *network, const struct nat_chain *chain,
			 char name[NAT_CHAIN_NAMELEN])
{
	static const char *const kinds[NAT_KINDS] = { "masq", "hairpin" };
	char subnet[IP_STRLEN];
	const char *of[] = { network, ip_net_str(&chain->subnet, subnet), NULL };

	snprintf(name, NAT_CHAIN_NAMELEN, "%s-%016llx", kinds[chain->kind],
		 (unsigned long long)hash_strings(of, 3));
	return name;
}

static const unsigned int kind_rules[NAT_KINDS] = { 1, 1 };

void ruleset_put_chain(struct nft *nft, const char *network, const struct nat_chain *chain)
{
	static const struct ip_net multicast4 = { { AF_INET, { 224 } }, 4 };
	static const struct ip_net multicast6 = { { AF_INET6, { 0xff } }, 8 };
	bool v4 = chain->subnet.ip.family == AF_INET;
	int family = v4 ? NFPROTO_IPV4 : NFPROTO_IPV6;
	struct priorities p = read_priorities();
	char name[NAT_CHAIN_NAMELEN], comment[128], subnet[IP_STRLEN];
	struct builder b = { nft, NFPROTO_INET, ruleset_chain_name(network, chain, name), 0 };
	struct nftnl_rule *rule;

	snprintf(comment, sizeof(comment), "%s of network %.60s",
		 ip_net_str(&chain->subnet, subnet), network);
	put_chain(nft, NFPROTO_INET, name, "nat", NF_INET_POST_ROUTING, (int)p.srcnat, comment);
	rule = begin_rule(&b);
	rule_nfproto(rule, family);
	rule_prefix(rule, NFT_CMP_EQ, SADDR, &chain->subnet);
	switch (chain->kind) {
	case NAT_MASQ:
		rule_prefix(rule, NFT_CMP_NEQ, DADDR, &chain->subnet);
		rule_prefix(rule, NFT_CMP_NEQ, DADDR, v4 ? &multicast4 : &multicast6);
		break;
	case NAT_HAIRPIN:
	case NAT_KINDS:
		rule_ct_bit(rule, NFT_CT_STATUS, IPS_DST_NAT);
		rule_address(rule, family, DADDR, rule_reg(0));
		lookup(rule, v4 ? NAT_SNAT4 : NAT_SNAT6, IN);
		break;
	}
	rule_expr(rule, "masq");
	nft_put_rule(nft, rule);
	assert(chain->kind < NAT_KINDS && b.n == kind_rules[chain->kind]);
}

/* ---- is it all there? ---- */

void ruleset_ask_chain(struct nft *nft, const char *network, const struct nat_chain *chain)
{
	char name[NAT_CHAIN_NAMELEN];

	nft_ask_chain(nft, NFPROTO_INET, RULESET_TABLE, ruleset_chain_name(network, chain, name));
}

bool ruleset_chain_whole(const struct nlmsghdr *hdr, enum nat_kind kind)
{
	return hdr && nft_attr_u32(hdr, NFTA_CHAIN_USE, 0) == kind_rules[kind];
}

static const struct fixed_chain *next_wanted(const struct fixed_chain *c, unsigned int tables)
{
	while (c < fixed_chains + sizeof(fixed_chains) / sizeof(fixed_chains[0]) &&
	       !wanted(c->family, tables))
		c++;
	return c;
}

unsigned int ruleset_ask(struct nft *nft, unsigned int tables)
{
	const struct fixed_chain *end =
		fixed_chains + sizeof(fixed_chains) / sizeof(fixed_chains[0]);
	unsigned int n = 0;

	for (const struct fixed_chain *c = next_wanted(fixed_chains, tables); c < end;
	     c = next_wanted(c + 1, tables)) {
		nft_ask_chain(nft, c->family, RULESET_TABLE, c->name);
		n++;
	}
	return n;
}

bool ruleset_answer_whole(unsigned int index, unsigned int tables, int error,
			  const struct nlmsghdr *hdr)
{
	const struct fixed_chain *c = next_wanted(fixed_chains, tables);

	while (index--)
		c = next_wanted(c + 1, tables);
	return !error && hdr && nft_attr_u32(hdr, NFTA_CHAIN_USE, 0) == c->n_rules + c->n_jumps;
}
