/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the Go plugins put into nf_tables: removing one attachment's part of it. */
#include "nft_foreign.h"

#include "cleanup.h"
#include "log.h"
#include "nft.h"
#include "sha512.h"

#include <libnftnl/udata.h>
#include <stdlib.h>
#include <string.h>

#define MASQ_TABLE  "cni_plugins_masquerade"
#define MASQ_CHAIN  "masq_checks"
#define PORTS_TABLE "cni_hostport"
#define MACS_TABLE  "nat"
#define TRIES	    50
#define HASH_LEN    16
/* a chain of macspoofchk bears the whole container id */
#define CHAIN_LEN 256

/* Which rules, and what becomes known of them while they are listed. */
struct wanted {
	int family;
	const char *table, *chain; /* chain NULL: all of the table */
	const char *comment;
	bool prefix; /* the comment begins so; else it is exactly that */
	struct rule {
		char chain[CHAIN_LEN];
		uint64_t handle; /* in network byte order, as it came */
	} * rules;
	size_t n;
};

static bool comment_matches(const struct wanted *w, const struct nlattr *userdata)
{
	const uint8_t *at = mnl_attr_get_payload(userdata);
	size_t left = mnl_attr_get_payload_len(userdata), len = strlen(w->comment);

	/* records of type, length, value (nftnl_udata) */
	while (left >= 2 && left - 2 >= at[1]) {
		size_t n = strnlen((const char *)at + 2, at[1]);

		if (at[0] == NFTNL_UDATA_RULE_COMMENT)
			return n >= len && memcmp(at + 2, w->comment, len) == 0 &&
			       (w->prefix || n == len);
		left -= 2u + at[1];
		at += 2u + at[1];
	}
	return false;
}

static void take_rule(const struct nlmsghdr *hdr, void *arg)
{
	struct wanted *w = arg;
	const struct nlattr *attr, *userdata = NULL;
	struct rule rule = { 0 };

	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		switch (mnl_attr_get_type(attr)) {
		case NFTA_RULE_CHAIN:
			snprintf(rule.chain, sizeof(rule.chain), "%s", mnl_attr_get_str(attr));
			break;
		case NFTA_RULE_HANDLE:
			rule.handle = mnl_attr_get_u64(attr);
			break;
		case NFTA_RULE_USERDATA:
			userdata = attr;
			break;
		default:
			break;
		}
	}
	if (!userdata || !comment_matches(w, userdata))
		return;
	w->rules = realloc(w->rules, (w->n + 1) * sizeof(*w->rules));
	if (!w->rules)
		abort();
	w->rules[w->n++] = rule;
}

/* List the rules of a chain or table; those that match are kept. Return: 0 or -errno. */
static int list_rules(struct nft *nft, struct wanted *w)
{
	struct nlmsghdr *hdr = nft_message(nft, NFT_MSG_GETRULE, w->family, NLM_F_DUMP);

	mnl_attr_put_strz(hdr, NFTA_RULE_TABLE, w->table);
	if (w->chain)
		mnl_attr_put_strz(hdr, NFTA_RULE_CHAIN, w->chain);
	w->n = 0;
	return nft_dump(nft, take_rule, w);
}

static void put_del_rule(struct nft *nft, const struct wanted *w, const struct rule *rule)
{
	struct nlmsghdr *hdr = nft_message(nft, NFT_MSG_DELRULE, w->family, 0);

	mnl_attr_put_strz(hdr, NFTA_RULE_TABLE, w->table);
	mnl_attr_put_strz(hdr, NFTA_RULE_CHAIN, rule->chain);
	mnl_attr_put_u64(hdr, NFTA_RULE_HANDLE, rule->handle);
}

/* One try. @chains: removed with the rules that are in them, up to a NULL; those that are there. */
static int remove_once(struct nft *nft, struct wanted *w, const char *const chains[])
{
	uint32_t genid;
	int r = nft_genid(nft, &genid);

	if (r == 0)
		r = list_rules(nft, w);
	if (r < 0 || w->n == 0)
		return r;
	nft_begin(nft, genid);
	for (size_t i = 0; i < w->n; i++)
		put_del_rule(nft, w, &w->rules[i]);
	/* a chain without a rule of this attachment's is none of this attachment's */
	for (; chains && *chains; chains++) {
		bool there = false;

		for (size_t i = 0; i < w->n; i++)
			there |= strcmp(w->rules[i].chain, *chains) == 0;
		if (there)
			nft_put_del_chain(nft, w->family, w->table, *chains);
	}
	return nft_commit(nft);
}

static int remove_rules(struct wanted *w, const char *const chains[], struct cni_err *err)
{
	autonft struct nft nft = { 0 };
	int r = nft_open(&nft), n;

	if (r == -EPROTONOSUPPORT || r == -EAFNOSUPPORT)
		return 0;
	for (int i = 0; r == 0 && i < TRIES; i++) {
		r = remove_once(&nft, w, chains);
		if (r != -ERESTART)
			break;
		r = 0;
	}
	n = (int)w->n;
	free(w->rules);
	/* no such table, or no nf_tables to have one */
	if (r == -ENOENT || r == -EOPNOTSUPP)
		return 0;
	if (r < 0)
		return nft_fail(err, &nft, r, "remove rules of the Go plugins from table %s",
				w->table);
	log_trace("nf_tables: %d rules with comment \"%s\" removed from table %s", n, w->comment,
		  w->table);
	return n;
}

/* The hash that the Go plugins put at the head of a comment. */
static void hash(const char *text, char out[HASH_LEN + 1])
{
	uint8_t digest[64];

	sha512(text, strlen(text), digest);
	for (int i = 0; i < HASH_LEN / 2; i++)
		snprintf(out + 2 * (size_t)i, 3, "%02x", digest[i]);
}

int foreign_masq_del(const struct state_key *key, struct cni_err *err)
{
	char network[HASH_LEN + 1], instance[HASH_LEN + 1], comment[2 * HASH_LEN + 3], text[512];
	struct wanted w = { .family = NFPROTO_INET,
			    .table = MASQ_TABLE,
			    .chain = MASQ_CHAIN,
			    .comment = comment,
			    .prefix = true };

	hash(key->network, network);
	snprintf(text, sizeof(text), "%s:%s", key->ifname, key->container_id);
	hash(text, instance);
	snprintf(comment, sizeof(comment), "%s-%s,", network, instance);
	return remove_rules(&w, NULL, err);
}

int foreign_ports_del(const char *container_id, struct cni_err *err)
{
	static const int families[] = { NFPROTO_IPV4, NFPROTO_IPV6 };
	int n = 0, result = 0;

	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct wanted w = { .family = families[i],
				    .table = PORTS_TABLE,
				    .comment = container_id };
		int r = remove_rules(&w, NULL, err);

		if (r < 0)
			result = r;
		else
			n += r;
	}
	return result < 0 ? result : n;
}

int foreign_macs_del(const struct state_key *key, struct cni_err *err)
{
	char comment[CHAIN_LEN], chain[CHAIN_LEN], mac_chain[CHAIN_LEN];
	const char *const chains[] = { chain, mac_chain, NULL };
	struct wanted w = { .family = NFPROTO_BRIDGE, .table = MACS_TABLE, .comment = comment };

	snprintf(comment, sizeof(comment), "macspoofchk-%s-%s", key->container_id, key->ifname);
	snprintf(chain, sizeof(chain), "cni-br-iface-%.200s-%s", key->container_id, key->ifname);
	snprintf(mac_chain, sizeof(mac_chain), "cni-br-iface-%.200s-%s-mac", key->container_id,
		 key->ifname);
	return remove_rules(&w, chains, err);
}
