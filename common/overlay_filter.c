/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay network's table in nf_tables: nobody injects, nobody crosses to another overlay.
 *
 * VXLAN has no authentication: who can send a datagram to the port is in the network. So
 *   - "input" drops packets for port and VNI that are not from the VTEP of a peer;
 *   - containers send nothing to the port: not to this host ("input"), and not to others
 *     ("forward"), where also what is forwarded for others (and may get this host's address by
 *     masquerading) does not reach the VTEPs of peers, unless a peer sends it;
 *   - "forward" drops what comes from another overlay network: all interfaces of a network carry
 *     its group, whose upper byte is that of overlays and whose rest is the VNI;
 *   - "raw" and "rawout" spare the packets between VTEPs connection tracking.
 *
 * With EVPN the VTEPs are known to the routing daemon only. Then packets are taken from anybody,
 * unless the configuration names the others all the same. Where another daemon makes the device
 * (flanneld), it is the only one to know them, too, and letting packets in and tracking them is its
 * business. Its devices have no group, and are told by their names.
 *
 * There is a table for each network, so that it comes and goes in one piece. Its comment holds a
 * hash of what its rules are made of: one question for table and chains tells whether they are
 * right. The sets of VTEPs are listed and put right by their differences, so that a peer that comes
 * or goes touches nothing else.
 */
#include "overlay_filter.h"

#include "cleanup.h"
#include "flannel.h"
#include "hash.h"
#include "nft.h"
#include "rule.h"

#include <libnftnl/udata.h>
#include <linux/netfilter_ipv4.h>
#include <string.h>

#define VERSION "2"   /* of the rules below */
#define ELEMS	1000u /* of a message: an attribute has 64 KiB at most */

static const char *const set_names[2] = { "vteps4", "vteps6" };

char *overlay_table_name(uint32_t vni, char name[OVERLAY_TABLE_MAX])
{
	snprintf(name, OVERLAY_TABLE_MAX, "hawser-vx%u", vni);
	return name;
}

/* Three kinds of tables. */
enum kind { KNOWN, ALL, FOREIGN, KINDS };

static enum kind kind_of(const struct overlay_state *st)
{
	return st->foreign ? FOREIGN : st->evpn && st->n_vteps == 0 ? ALL : KNOWN;
}

static void comment_of(const struct overlay_state *st, char comment[128])
{
	static const char *const kinds[KINDS] = { "", "all", "foreign" };
	char port[16];
	const char *of[] = { VERSION, port, kinds[kind_of(st)], NULL };

	snprintf(port, sizeof(port), "%u", st->port);
	snprintf(comment, 128, "Hawser: overlay network %.60s, %016llx", st->network,
		 (unsigned long long)hash_strings(of, 0));
}

/* ---- rules ---- */

struct builder {
	struct nft *nft;
	const struct overlay_state *st;
	const char *table, *chain;
	unsigned int n;
};

static struct nftnl_rule *begin(struct builder *b)
{
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule)
		abort();
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, NFPROTO_INET);
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, b->table);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, b->chain);
	b->n++;
	return rule;
}

static void match_group(struct nftnl_rule *rule, uint32_t key, uint32_t op, uint32_t group)
{
	rule_meta(rule, key, rule_reg(0));
	rule_cmp(rule, op, &group, sizeof(group));
}

static void match_port(const struct builder *b, struct nftnl_rule *rule)
{
	rule_l4proto(rule, IPPROTO_UDP);
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, rule_reg(0));
	rule_cmp_be16(rule, b->st->port);
}

/* Bytes 4 to 6 of the VXLAN header, which follows the 8 of UDP (RFC 7348, 5). */
static void match_vxlan(const struct builder *b, struct nftnl_rule *rule)
{
	const uint8_t vni[3] = { (uint8_t)(b->st->vni >> 16), (uint8_t)(b->st->vni >> 8),
				 (uint8_t)b->st->vni };

	match_port(b, rule);
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 12, sizeof(vni), rule_reg(0));
	rule_cmp(rule, NFT_CMP_EQ, vni, sizeof(vni));
}

static void match_vtep(struct nftnl_rule *rule, int slot, int which, bool in)
{
	struct nftnl_expr *e;

	rule_address(rule, slot ? NFPROTO_IPV6 : NFPROTO_IPV4, which, rule_reg(0));
	e = rule_expr(rule, "lookup");
	nftnl_expr_set_str(e, NFTNL_EXPR_LOOKUP_SET, set_names[slot]);
	nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_SREG, rule_reg(0));
	if (!in)
		nftnl_expr_set_u32(e, NFTNL_EXPR_LOOKUP_FLAGS, NFT_LOOKUP_F_INV);
}

static void match_name(struct nftnl_rule *rule, uint32_t key, uint32_t op, const char *name)
{
	rule_meta(rule, key, rule_reg(0));
	rule_cmp(rule, op, name, OVERLAY_DEVICE_MAX);
}

/* An interface of another overlay network. */
static void match_others(const struct builder *b, struct nftnl_rule *rule, uint32_t key)
{
	const uint32_t mask = OVERLAY_GROUP_MASK;

	match_group(rule, key, NFT_CMP_NEQ, OVERLAY_GROUP | b->st->vni);
	rule_mask(rule, &mask, sizeof(mask));
	rule_cmp(rule, NFT_CMP_EQ, &(uint32_t){ OVERLAY_GROUP }, sizeof(mask));
}

static void keep_others_out(struct builder *b)
{
	struct nftnl_rule *rule = begin(b);

	match_group(rule, NFT_META_OIFGROUP, NFT_CMP_EQ, OVERLAY_GROUP | b->st->vni);
	match_others(b, rule, NFT_META_IIFGROUP);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
}

static void rules_input(struct builder *b)
{
	struct nftnl_rule *rule = begin(b);

	match_group(rule, NFT_META_IIFGROUP, NFT_CMP_EQ, OVERLAY_GROUP | b->st->vni);
	match_port(b, rule);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
	for (int slot = 0; slot < 2 && kind_of(b->st) == KNOWN; slot++) {
		rule = begin(b);
		rule_nfproto(rule, slot ? NFPROTO_IPV6 : NFPROTO_IPV4);
		match_vxlan(b, rule);
		match_vtep(rule, slot, SADDR, false);
		rule_drop(rule);
		nft_put_rule(b->nft, rule);
	}
}

/* The other daemon's devices are the network's, too. */
static void rules_forward_foreign(struct builder *b)
{
	const uint32_t own = OVERLAY_GROUP | b->st->vni;
	struct nftnl_rule *rule = begin(b);
	char name[2][OVERLAY_DEVICE_MAX];

	match_group(rule, NFT_META_IIFGROUP, NFT_CMP_EQ, own);
	match_group(rule, NFT_META_OIFGROUP, NFT_CMP_NEQ, own);
	for (int i = 0; i < 2; i++)
		match_name(rule, NFT_META_OIFNAME, NFT_CMP_NEQ,
			   flannel_device_name(b->st->vni, i, name[i]));
	match_port(b, rule);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
	for (int i = 0; i < 4; i++) {
		bool in = i / 2;

		rule = begin(b);
		match_name(rule, in ? NFT_META_IIFNAME : NFT_META_OIFNAME, NFT_CMP_EQ, name[i % 2]);
		match_others(b, rule, in ? NFT_META_OIFGROUP : NFT_META_IIFGROUP);
		rule_drop(rule);
		nft_put_rule(b->nft, rule);
	}
	keep_others_out(b);
}

static void rules_forward(struct builder *b)
{
	const uint32_t own = OVERLAY_GROUP | b->st->vni;
	struct nftnl_rule *rule;

	if (kind_of(b->st) == FOREIGN) {
		rules_forward_foreign(b);
		return;
	}
	rule = begin(b);
	match_group(rule, NFT_META_IIFGROUP, NFT_CMP_EQ, own);
	match_group(rule, NFT_META_OIFGROUP, NFT_CMP_NEQ, own);
	match_port(b, rule);
	rule_drop(rule);
	nft_put_rule(b->nft, rule);
	for (int slot = 0; slot < 2 && kind_of(b->st) == KNOWN; slot++) {
		rule = begin(b);
		rule_nfproto(rule, slot ? NFPROTO_IPV6 : NFPROTO_IPV4);
		match_vxlan(b, rule);
		match_vtep(rule, slot, DADDR, true);
		match_vtep(rule, slot, SADDR, false);
		rule_drop(rule);
		nft_put_rule(b->nft, rule);
	}
	keep_others_out(b);
}

static void notrack(struct builder *b, int which)
{
	for (int slot = 0; slot < 2 && kind_of(b->st) != FOREIGN; slot++) {
		struct nftnl_rule *rule = begin(b);

		rule_nfproto(rule, slot ? NFPROTO_IPV6 : NFPROTO_IPV4);
		match_vxlan(b, rule);
		if (kind_of(b->st) == KNOWN)
			match_vtep(rule, slot, which, true);
		rule_expr(rule, "notrack");
		nft_put_rule(b->nft, rule);
	}
}

static void rules_raw(struct builder *b)
{
	notrack(b, SADDR);
}

static void rules_rawout(struct builder *b)
{
	notrack(b, DADDR);
}

/* ---- the table ---- */

static const struct {
	const char *name;
	uint32_t hook;
	int32_t priority;
	unsigned int n_rules[KINDS]; /* the kernel's use count of the chain */
	void (*rules)(struct builder *b);
} chains[] = {
	{ "input", NF_INET_LOCAL_IN, NF_IP_PRI_FILTER, { 3, 1, 1 }, rules_input },
	{ "forward", NF_INET_FORWARD, NF_IP_PRI_FILTER, { 4, 2, 6 }, rules_forward },
	{ "raw", NF_INET_PRE_ROUTING, NF_IP_PRI_RAW, { 2, 2, 0 }, rules_raw },
	{ "rawout", NF_INET_LOCAL_OUT, NF_IP_PRI_RAW, { 2, 2, 0 }, rules_rawout },
};

static void put_chain(struct builder *b, uint32_t hook, int32_t priority)
{
	struct nftnl_chain *chain = nftnl_chain_alloc();

	if (!chain)
		abort();
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_FAMILY, NFPROTO_INET);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TABLE, b->table);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_NAME, b->chain);
	nftnl_chain_set_str(chain, NFTNL_CHAIN_TYPE, "filter");
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_HOOKNUM, hook);
	nftnl_chain_set_s32(chain, NFTNL_CHAIN_PRIO, priority);
	nftnl_chain_set_u32(chain, NFTNL_CHAIN_POLICY, NF_ACCEPT);
	nft_put_chain(b->nft, chain);
}

/* Queue adding or removing VTEPs of one family. */
static void put_vteps(struct nft *nft, const char *table, bool add, const struct ip_addr *vteps,
		      size_t n)
{
	struct nlmsghdr *hdr = nft_message(nft, add ? NFT_MSG_NEWSETELEM : NFT_MSG_DELSETELEM,
					   NFPROTO_INET, add ? NLM_F_CREATE : 0);
	struct nlattr *list, *elem, *key;

	mnl_attr_put_strz(hdr, NFTA_SET_ELEM_LIST_TABLE, table);
	mnl_attr_put_strz(hdr, NFTA_SET_ELEM_LIST_SET, set_names[vteps[0].family == AF_INET6]);
	list = mnl_attr_nest_start(hdr, NFTA_SET_ELEM_LIST_ELEMENTS);
	for (size_t i = 0; i < n; i++) {
		elem = mnl_attr_nest_start(hdr, NFTA_LIST_ELEM);
		key = mnl_attr_nest_start(hdr, NFTA_SET_ELEM_KEY);
		mnl_attr_put(hdr, NFTA_DATA_VALUE, ip_bytes(&vteps[i]), vteps[i].b);
		mnl_attr_nest_end(hdr, key);
		mnl_attr_nest_end(hdr, elem);
	}
	mnl_attr_nest_end(hdr, list);
}

/* The same for a sorted list, where IPv4 comes first. */
static void put_all_vteps(struct nft *nft, const char *table, bool add, const struct ip_addr *vteps,
			  size_t n)
{
	for (size_t i = 0, k; i < n; i = k) {
		for (k = i; k < n && k - i < ELEMS && vteps[k].family == vteps[i].family; k++)
			;
		put_vteps(nft, table, add, vteps + i, k - i);
	}
}

static void put_set(struct builder *b, int slot)
{
	struct nftnl_set *set = nftnl_set_alloc();

	if (!set)
		abort();
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, NFPROTO_INET);
	nftnl_set_set_str(set, NFTNL_SET_TABLE, b->table);
	nftnl_set_set_str(set, NFTNL_SET_NAME, set_names[slot]);
	nftnl_set_set_u32(set, NFTNL_SET_ID, slot + 1);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, slot ? 8 : 7); /* nft's ipv6_addr, ipv4_addr */
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, slot ? 16 : 4);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, 0);
	nft_put_set(b->nft, set);
}

/* Whatever was there is replaced. */
static int put_table(struct nft *nft, const struct overlay_state *st)
{
	char table[OVERLAY_TABLE_MAX], comment[128];
	struct builder b = { nft, st, overlay_table_name(st->vni, table), NULL, 0 };

	comment_of(st, comment);
	nft_begin(nft, 0);
	nft_put_table(nft, NFPROTO_INET, table, comment);
	nft_put_del_table(nft, NFPROTO_INET, table);
	nft_put_table(nft, NFPROTO_INET, table, comment);
	put_set(&b, 0);
	put_set(&b, 1);
	put_all_vteps(nft, table, true, st->vteps, st->n_vteps);
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++) {
		b.chain = chains[i].name;
		b.n = 0;
		put_chain(&b, chains[i].hook, chains[i].priority);
		chains[i].rules(&b);
		assert(b.n == chains[i].n_rules[kind_of(st)]);
	}
	return nft_commit(nft);
}

/* ---- is it there? ---- */

struct look {
	char comment[128]; /* as it should be */
	enum kind kind;
	bool whole;
};

static int read_comment(const struct nftnl_udata *attr, void *arg)
{
	const char **comment = arg;

	if (nftnl_udata_type(attr) == NFTNL_UDATA_TABLE_COMMENT && nftnl_udata_len(attr) > 0 &&
	    ((const char *)nftnl_udata_get(attr))[nftnl_udata_len(attr) - 1] == '\0')
		*comment = nftnl_udata_get(attr);
	return 0;
}

static void take_answer(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg)
{
	struct look *look = arg;
	const char *comment = "";
	const struct nlattr *attr;

	if (error || !hdr) {
		look->whole = false;
		return;
	}
	if (index > 0) {
		look->whole &= nft_attr_u32(hdr, NFTA_CHAIN_USE, 0) ==
			       chains[index - 1].n_rules[look->kind];
		return;
	}
	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_TABLE_USERDATA)
			nftnl_udata_parse(mnl_attr_get_payload(attr),
					  mnl_attr_get_payload_len(attr), read_comment, &comment);
	}
	look->whole &= strcmp(comment, look->comment) == 0;
}

/* Return: 1 when it is as it should be, 0 when not, or a negative errno. */
static int is_whole(struct nft *nft, const struct overlay_state *st)
{
	char table[OVERLAY_TABLE_MAX];
	struct look look = { .kind = kind_of(st), .whole = true };
	int r;

	comment_of(st, look.comment);
	nft_ask_table(nft, NFPROTO_INET, overlay_table_name(st->vni, table));
	for (size_t i = 0; i < ARRAY_SIZE(chains); i++)
		nft_ask_chain(nft, NFPROTO_INET, table, chains[i].name);
	r = nft_ask(nft, take_answer, &look);
	return r < 0 ? r : look.whole;
}

static int fail_open(const struct nft *nft, int r, struct cni_err *err)
{
	return nft_fail(err, nft, r, "open a netfilter socket");
}

/* ---- the sets ---- */

/* A list of VTEPs that grows. */
struct vteps {
	struct ip_addr *a; /* owned */
	size_t n, size;
};

static void vteps_free(struct vteps *list)
{
	free(list->a);
}

#define autovteps __attribute__((cleanup(vteps_free)))

static void vteps_add(struct vteps *list, const struct ip_addr *vtep)
{
	if (list->n == list->size) {
		list->size = list->size ? 2 * list->size : 64;
		list->a = realloc(list->a, list->size * sizeof(*list->a));
		if (!list->a)
			abort();
	}
	list->a[list->n++] = *vtep;
}

static void take_elem(const struct nlattr *elem, struct vteps *have)
{
	const struct nlattr *attr, *value;
	struct ip_addr vtep = { 0 };

	mnl_attr_for_each_nested(attr, elem)
	{
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_KEY)
			continue;
		mnl_attr_for_each_nested(value, attr)
		{
			uint16_t len = mnl_attr_get_payload_len(value);

			if (mnl_attr_get_type(value) != NFTA_DATA_VALUE || (len != 4 && len != 16))
				continue;
			vtep.family = len == 4 ? AF_INET : AF_INET6;
			memcpy(vtep.b, mnl_attr_get_payload(value), len);
			vteps_add(have, &vtep);
		}
	}
}

static void take_elems(const struct nlmsghdr *hdr, void *arg)
{
	const struct nlattr *attr, *elem;

	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) != NFTA_SET_ELEM_LIST_ELEMENTS)
			continue;
		mnl_attr_for_each_nested(elem, attr) take_elem(elem, arg);
	}
}

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

/* What the sets lack of the network's VTEPs, and what they have beside them. */
static int compare_vteps(struct nft *nft, const struct overlay_state *st, struct vteps *missing,
			 struct vteps *extra)
{
	autovteps struct vteps have = { 0 };
	char table[OVERLAY_TABLE_MAX];
	size_t i = 0, k = 0;

	overlay_table_name(st->vni, table);
	for (int slot = 0; slot < 2; slot++) {
		struct nlmsghdr *hdr =
			nft_message(nft, NFT_MSG_GETSETELEM, NFPROTO_INET, NLM_F_DUMP);
		int r;

		mnl_attr_put_strz(hdr, NFTA_SET_ELEM_LIST_TABLE, table);
		mnl_attr_put_strz(hdr, NFTA_SET_ELEM_LIST_SET, set_names[slot]);
		r = nft_dump(nft, take_elems, &have);
		if (r < 0)
			return r;
	}
	if (have.n)
		qsort(have.a, have.n, sizeof(*have.a), by_address);
	while (i < st->n_vteps || k < have.n) {
		int d = i == st->n_vteps ? 1 : k == have.n ? -1 : ip_cmp(&st->vteps[i], &have.a[k]);

		if (d < 0)
			vteps_add(missing, &st->vteps[i]);
		if (d > 0)
			vteps_add(extra, &have.a[k]);
		i += d <= 0;
		k += d >= 0;
	}
	return 0;
}

static int put_differences(struct nft *nft, const struct overlay_state *st)
{
	autovteps struct vteps missing = { 0 }, extra = { 0 };
	char table[OVERLAY_TABLE_MAX];
	int r = compare_vteps(nft, st, &missing, &extra);

	if (r < 0 || (missing.n == 0 && extra.n == 0))
		return r;
	overlay_table_name(st->vni, table);
	nft_begin(nft, 0);
	put_all_vteps(nft, table, true, missing.a, missing.n);
	put_all_vteps(nft, table, false, extra.a, extra.n);
	return nft_commit(nft);
}

int overlay_filter_ensure(const struct overlay_state *st, struct cni_err *err)
{
	autonft struct nft nft = { 0 };
	char table[OVERLAY_TABLE_MAX];
	int r = nft_open(&nft);

	if (r < 0)
		return fail_open(&nft, r, err);
	r = is_whole(&nft, st);
	if (r > 0)
		r = put_differences(&nft, st);
	else if (r == 0)
		r = put_table(&nft, st);
	return r < 0 ? nft_fail(err, &nft, r, "make table inet %s of network \"%s\"",
				overlay_table_name(st->vni, table), st->network)
		     : 0;
}

int overlay_filter_check(const struct overlay_state *st, struct cni_err *err)
{
	autovteps struct vteps missing = { 0 }, extra = { 0 };
	autonft struct nft nft = { 0 };
	char table[OVERLAY_TABLE_MAX], text[IP_STRLEN];
	int r = nft_open(&nft);

	if (r < 0)
		return fail_open(&nft, r, err);
	r = is_whole(&nft, st);
	if (r < 0)
		return nft_fail(err, &nft, r, "look at table inet %s",
				overlay_table_name(st->vni, table));
	overlay_table_name(st->vni, table);
	if (r == 0)
		return cni_fail(err, CNI_E_FAILED, 0,
				"table inet %s, which keeps strangers out of network \"%s\", is "
				"missing or changed",
				table, st->network);
	r = compare_vteps(&nft, st, &missing, &extra);
	if (r < 0)
		return nft_fail(err, &nft, r, "list the VTEPs of table inet %s", table);
	if (missing.n)
		return cni_fail(err, CNI_E_FAILED, 0,
				"table inet %s has lost %s, the VTEP of a peer", table,
				ip_str(&missing.a[0], text));
	return extra.n ? cni_fail(err, CNI_E_FAILED, 0,
				  "table inet %s lets in %s, which is the VTEP of no peer", table,
				  ip_str(&extra.a[0], text))
		       : 0;
}

int overlay_filter_remove(uint32_t vni, struct cni_err *err)
{
	autonft struct nft nft = { 0 };
	char table[OVERLAY_TABLE_MAX];
	int r = nft_open(&nft);

	if (r == 0) {
		overlay_table_name(vni, table);
		nft_begin(&nft, 0);
		/* one that is there is taken as it is: removing none would be an error */
		nft_put_table(&nft, NFPROTO_INET, table, "Hawser");
		nft_put_del_table(&nft, NFPROTO_INET, table);
		r = nft_commit(&nft);
	}
	/* a kernel without nf_tables has none */
	if (r == -EOPNOTSUPP || r == -EPROTONOSUPPORT || r == -EAFNOSUPPORT)
		return 0;
	return r < 0 ? nft_fail(err, &nft, r, "remove table inet %s", table) : 0;
}

int overlay_filter_usable(void)
{
	autonft struct nft nft = { 0 };
	uint32_t genid;
	int r = nft_open(&nft);

	return r < 0 ? r : nft_genid(&nft, &genid);
}
