/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Ports published under conditions.
 *
 * The matches of xtables live in tables of family ip and ip6 only (net/netfilter/nft_compat.c hands
 * them the header they look at there), so these ports have tables of their own, made when the first
 * attachment needs them. In such a table an attachment has two chains:
 *
 *   cond-<hash>   leaves packets alone that are not for this host, and lets those go to the next
 *                 chain that meet the conditions: a rule for each protocol, source and destination
 *   ports-<hash>  translates what gets here, by a map for ports with hostIP and one for those
 * without
 *
 * and for each of its ports an element in one of the maps conditional0 to conditional3 that jumps
 * to the first chain. Chains that return give the next map its turn, and at last table inet. So a
 * port may be published by several containers under different conditions, and by one without any;
 * who has which map is in the attachment's record. Others' connections cost a lookup in each map.
 */
#include "nat_priv.h"

#include "args.h"
#include "cleanup.h"
#include "conditions.h"
#include "hash.h"
#include "rule.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <net/if.h>
#include <stdlib.h>
#include <string.h>

enum chain { COND, PORTS };

static int nfproto(int i)
{
	return i ? NFPROTO_IPV6 : NFPROTO_IPV4;
}

static int family_of(int i)
{
	return i ? AF_INET6 : AF_INET;
}

static char *chain_name(const struct state_key *owner, enum chain which,
			char name[NAT_CHAIN_NAMELEN])
{
	const char *of[] = { owner->network, owner->container_id, owner->ifname, NULL };

	snprintf(name, NAT_CHAIN_NAMELEN, "%s-%016llx", which == COND ? "cond" : "ports",
		 (unsigned long long)hash_strings(of, 5));
	return name;
}

const struct nat_conditions *nat_cond_of(const struct nat_plan *plan, const struct port_run *run)
{
	const struct nat_conditions *c = &plan->conditions[run->container.family == AF_INET6];

	return c->rules ? c : NULL;
}

void nat_cond_encode(const struct nat_plan *plan, const struct port_run *run, unsigned int offset,
		     struct nat_elem *e)
{
	bool v6 = run->container.family == AF_INET6;
	uint16_t port = htons(run->host_port + offset);
	char name[NAT_CHAIN_NAMELEN];

	e->set = (v6 ? NAT_COND6 : NAT_COND4) + plan->conditions[v6].slot;
	e->key[0] = run->proto;
	memcpy(e->key + 4, &port, sizeof(port));
	snprintf((char *)e->data, sizeof(e->data), "%.23s", chain_name(&plan->owner, COND, name));
}

/* ---- rules ---- */

struct place {
	struct nft *nft;
	int i; /* 0: IPv4, 1: IPv6 */
	const char *chain, *owner;
};

/* A rule with its owner as the comment that "nft list" prints. */
static struct nftnl_rule *begin_rule(const struct place *p)
{
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	struct nftnl_rule *rule = nftnl_rule_alloc();

	if (!rule || !udata)
		abort();
	nftnl_rule_set_u32(rule, NFTNL_RULE_FAMILY, nfproto(p->i));
	nftnl_rule_set_str(rule, NFTNL_RULE_TABLE, RULESET_TABLE);
	nftnl_rule_set_str(rule, NFTNL_RULE_CHAIN, p->chain);
	nftnl_udata_put_strz(udata, NFTNL_UDATA_RULE_COMMENT, p->owner);
	nftnl_rule_set_data(rule, NFTNL_RULE_USERDATA, nftnl_udata_buf_data(udata),
			    nftnl_udata_buf_len(udata));
	nftnl_udata_buf_free(udata);
	return rule;
}

/* What no packet is: the test of "! -s 0/0" and "! -i +". */
static void rule_never(struct nftnl_rule *rule)
{
	rule_meta(rule, NFT_META_NFPROTO, rule_reg(0));
	rule_cmp_u8(rule, NFPROTO_UNSPEC);
}

static void put_address_test(struct nftnl_rule *rule, int i, int which, const char *text,
			     bool invert)
{
	static const uint8_t none[16];
	uint8_t value[16], mask[16];
	size_t len = i ? 16 : 4;

	conditions_hex(text, value, sizeof(value));
	conditions_hex(strchr(text, '/') + 1, mask, sizeof(mask));
	if (memcmp(mask, none, len) == 0) { /* any address */
		if (invert)
			rule_never(rule);
		return;
	}
	rule_address(rule, nfproto(i), which, rule_reg(0));
	rule_mask(rule, mask, len);
	rule_cmp(rule, invert ? NFT_CMP_NEQ : NFT_CMP_EQ, value, len);
}

static void put_interface_test(struct nftnl_rule *rule, uint32_t meta, const json_t *test)
{
	char name[IFNAMSIZ + 1] = "";
	bool invert = json_is_true(json_object_get(test, "not"));
	int len;

	if (!test)
		return;
	len = conditions_hex(json_string_value(json_object_get(test, "name")), name, IFNAMSIZ - 1);
	if (name[len - 1] == '+')
		len--; /* any name that begins with the rest */
	else
		len = IFNAMSIZ;
	if (len == 0) {
		if (invert)
			rule_never(rule);
		return;
	}
	rule_meta(rule, meta, rule_reg(0));
	rule_cmp(rule, invert ? NFT_CMP_NEQ : NFT_CMP_EQ, name, len);
}

static void put_match(struct nftnl_rule *rule, const json_t *match)
{
	struct nftnl_expr *e;
	const char *name, *hex;
	int revision, len;
	uint8_t *info;

	if (json_unpack((json_t *)match, "[s, i, s]", &name, &revision, &hex) < 0 ||
	    strcmp(name, "comment") == 0) /* matches everything */
		return;
	info = malloc(CONDITIONS_INFO_MAX);
	if (!info)
		abort();
	len = conditions_hex(hex, info, CONDITIONS_INFO_MAX);
	e = rule_expr(rule, "match");
	nftnl_expr_set_str(e, NFTNL_EXPR_MT_NAME, name);
	nftnl_expr_set_u32(e, NFTNL_EXPR_MT_REV, revision);
	nftnl_expr_set(e, NFTNL_EXPR_MT_INFO, info, len); /* owns the bytes */
}

/* One rule: the conditions with one of the sources and one of the destinations. */
static void put_condition(const struct place *p, const json_t *conditions, const json_t *source,
			  const json_t *destination, const char *ports)
{
	json_int_t protocol = json_integer_value(json_object_get(conditions, "protocol"));
	const json_t *matches = json_object_get(conditions, "matches"), *match;
	struct nftnl_rule *rule = begin_rule(p);
	size_t i;

	rule_l4proto(rule, protocol);
	if (source)
		put_address_test(rule, p->i, SADDR, json_string_value(source),
				 json_is_true(json_object_get(json_object_get(conditions, "source"),
							      "not")));
	if (destination)
		put_address_test(rule, p->i, DADDR, json_string_value(destination),
				 json_is_true(json_object_get(
					 json_object_get(conditions, "destination"), "not")));
	put_interface_test(rule, NFT_META_IIFNAME, json_object_get(conditions, "in"));
	put_interface_test(rule, NFT_META_OIFNAME, json_object_get(conditions, "out"));
	json_array_foreach (matches, i, match)
		put_match(rule, match);
	if (json_array_size(matches)) {
		/* "-p": some matches want to know it when they are put into a rule */
		nftnl_rule_set_u32(rule, NFTNL_RULE_COMPAT_PROTO, protocol);
		nftnl_rule_set_u32(rule, NFTNL_RULE_COMPAT_FLAGS, 0);
	}
	rule_verdict(rule, NFT_GOTO, ports);
	nft_put_rule(p->nft, rule);
}

static const json_t *addresses(const json_t *conditions, const char *key)
{
	return json_object_get(json_object_get(conditions, key), "any");
}

static size_t at_least_one(size_t n)
{
	return n ? n : 1;
}

/* Rules that lead from the chain of conditions to that of ports. */
static unsigned int count_conditions(const json_t *rules)
{
	const json_t *one;
	unsigned int n = 0;
	size_t i;

	json_array_foreach (rules, i, one)
		n += at_least_one(json_array_size(addresses(one, "source"))) *
		     at_least_one(json_array_size(addresses(one, "destination")));
	return n;
}

static void put_conditions(const struct place *p, const json_t *rules, const char *ports)
{
	struct nftnl_rule *rule = begin_rule(p);
	const json_t *one;
	size_t i;

	rule_not_local(rule);
	rule_verdict(rule, NFT_RETURN, NULL);
	nft_put_rule(p->nft, rule);
	json_array_foreach (rules, i, one) {
		const json_t *sources = addresses(one, "source");
		const json_t *destinations = addresses(one, "destination");

		for (size_t s = 0; s < at_least_one(json_array_size(sources)); s++)
			for (size_t d = 0; d < at_least_one(json_array_size(destinations)); d++)
				put_condition(p, one, json_array_get(sources, s),
					      json_array_get(destinations, d), ports);
	}
}

static bool has_run(const struct nat_plan *plan, int i, bool host)
{
	for (size_t k = 0; k < plan->n_runs; k++)
		if (plan->runs[k].container.family == family_of(i) &&
		    host == (plan->runs[k].host.family != 0))
			return true;
	return false;
}

/* Which map a port of the family stands in, in table inet as well as here. */
static enum nat_set ports_set(int i, bool host)
{
	return host ? (i ? NAT_HOSTPORTS6 : NAT_HOSTPORTS4) : (i ? NAT_PORTS6 : NAT_PORTS4);
}

/* The nameless map of a rule, with all ports of the family that have (or have no) hostIP. */
static void put_map(const struct place *p, const struct nat_plan *plan, bool host, uint32_t id)
{
	struct nat_set_info info = nat_sets[ports_set(p->i, host)];
	autofree struct nat_elem *e = NULL;
	size_t n = 0;

	for (size_t i = 0; i < plan->n_runs; i++)
		n += plan->runs[i].count;
	e = calloc(n + 1, sizeof(*e));
	if (!e)
		abort();
	n = 0;
	for (size_t i = 0; i < plan->n_runs; i++) {
		const struct port_run *run = &plan->runs[i];

		if (run->container.family != family_of(p->i) || host != (run->host.family != 0))
			continue;
		for (uint32_t k = 0; k < run->count; k++)
			nat_encode_port(run, k, false, &e[n++]);
	}
	info.name = "__map%d";
	info.family = nfproto(p->i);
	ruleset_put_set(p->nft, &info, id, NFT_SET_ANONYMOUS | NFT_SET_CONSTANT);
	ruleset_put_nameless(p->nft, &info, id, e, n);
}

static void put_ports(const struct place *p, const struct nat_plan *plan, bool host)
{
	uint32_t id = NAT_SETS + 1 + p->nft->seq; /* no other set of the batch has it */
	struct nftnl_rule *rule;
	struct nftnl_expr *lookup;
	int next = 0;

	if (!has_run(plan, p->i, host))
		return;
	put_map(p, plan, host, id);
	rule = begin_rule(p);
	if (host) {
		rule_address(rule, nfproto(p->i), DADDR, rule_reg(0));
		next = p->i ? 4 : 1;
	}
	rule_meta(rule, NFT_META_L4PROTO, rule_reg(next));
	rule_payload(rule, NFT_PAYLOAD_TRANSPORT_HEADER, 2, 2, rule_reg(next + 1));
	lookup = rule_expr(rule, "lookup");
	nftnl_expr_set_str(lookup, NFTNL_EXPR_LOOKUP_SET, "__map%d");
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SET_ID, id);
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_SREG, rule_reg(0));
	nftnl_expr_set_u32(lookup, NFTNL_EXPR_LOOKUP_DREG, rule_reg(0));
	rule_dnat(rule, nfproto(p->i), true);
	nft_put_rule(p->nft, rule);
}

void nat_cond_put(struct nft *nft, const struct nat_plan *plan)
{
	char owner[NAT_OWNER_MAX], cond[NAT_CHAIN_NAMELEN], ports[NAT_CHAIN_NAMELEN];

	nat_owner_text(&plan->owner, owner);
	chain_name(&plan->owner, COND, cond);
	chain_name(&plan->owner, PORTS, ports);
	for (int i = 0; i < 2; i++) {
		struct place p = { nft, i, ports, owner };

		if (!plan->conditions[i].rules)
			continue;
		ruleset_new_chain(nft, nfproto(i), ports, owner);
		put_ports(&p, plan, true);
		put_ports(&p, plan, false);
		p.chain = cond;
		ruleset_new_chain(nft, nfproto(i), cond, owner);
		put_conditions(&p, plan->conditions[i].rules, ports);
	}
}

/* ---- what is there ---- */

struct ask {
	struct nat_cond_state *state;
	int of[4]; /* address family and chain of each question: 2 * i + enum chain */
};

static void take_chain(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg)
{
	struct ask *ask = arg;
	int i = ask->of[index] / 2, which = ask->of[index] % 2;

	if (error || !hdr)
		return;
	ask->state->found[i][which] = true;
	ask->state->use[i][which] = nft_attr_u32(hdr, NFTA_CHAIN_USE, 0);
}

/* Elements that jump to the chain of conditions. A port with two host addresses is one. */
static unsigned int count_elements(const struct nat_plan *plan, int i)
{
	autoelems struct nat_elems l = { 0 };
	unsigned int n = 0;

	nat_encode(plan, &l);
	for (size_t k = 0; k < l.n; k++)
		n += nat_sets[l.e[k].set].family == nfproto(i);
	return n;
}

int nat_cond_ask(struct nft *nft, const struct nat_plan *plan, struct nat_cond_state *state)
{
	struct ask ask = { .state = state };
	char name[NAT_CHAIN_NAMELEN];
	int n = 0, r;

	memset(state, 0, sizeof(*state));
	for (int i = 0; i < 2; i++)
		for (int which = COND; plan->conditions[i].rules && which <= PORTS; which++) {
			nft_ask_chain(nft, nfproto(i), RULESET_TABLE,
				      chain_name(&plan->owner, which, name));
			ask.of[n++] = 2 * i + which;
		}
	r = n ? nft_ask(nft, take_chain, &ask) : 0;
	for (int i = 0; r == 0 && n && i < 2; i++) {
		const json_t *rules = plan->conditions[i].rules;
		unsigned int conditions = count_conditions(rules);

		/* the kernel counts a chain's rules and what jumps to it */
		state->whole[i] = rules &&
				  state->use[i][COND] == 1 + conditions + count_elements(plan, i) &&
				  state->use[i][PORTS] == conditions + has_run(plan, i, true) +
								  has_run(plan, i, false);
	}
	return r;
}

void nat_cond_put_del(struct nft *nft, const struct nat_plan *plan,
		      const struct nat_cond_state *state)
{
	char name[NAT_CHAIN_NAMELEN];

	for (int i = 0; i < 2; i++)
		for (int which = COND; which <= PORTS; which++)
			if (state->found[i][which])
				nft_put_del_chain(nft, nfproto(i), RULESET_TABLE,
						  chain_name(&plan->owner, which, name));
}

/* ---- who else has the ports ---- */

struct rivals {
	const struct nat_plan *plan;
	int i;
	struct cni_err *err;
};

static bool overlap(const struct port_run *a, const struct port_run *b)
{
	return a->proto == b->proto && a->container.family == b->container.family &&
	       ip_equal(&a->host, &b->host) && a->host_port < b->host_port + b->count &&
	       b->host_port < a->host_port + a->count;
}

/* Under equal conditions the second of two attachments would never get a connection. */
static int find_equal(const json_t *record, void *arg)
{
	struct rivals *rivals = arg;
	const struct nat_plan *plan = rivals->plan;
	autoplan struct nat_plan other = { 0 };
	char owner[NAT_OWNER_MAX], own[NAT_OWNER_MAX], host[IP_STRLEN] = "any address";
	const json_t *rules = plan->conditions[rivals->i].rules;

	if (nat_plan_read(record, &other) <= 0 || !other.conditions[rivals->i].rules ||
	    !json_equal(rules, other.conditions[rivals->i].rules))
		return 0;
	nat_owner_text(&plan->owner, own);
	nat_owner_text(&other.owner, owner);
	for (size_t a = 0; strcmp(own, owner) != 0 && a < plan->n_runs; a++) {
		const struct port_run *run = &plan->runs[a];

		for (size_t b = 0; nat_cond_of(plan, run) && b < other.n_runs; b++) {
			const struct port_run *theirs = &other.runs[b];

			if (!overlap(run, theirs))
				continue;
			if (run->host.family)
				ip_str(&run->host, host);
			return cni_fail(
				rivals->err, CNI_E_FAILED, EADDRINUSE,
				"\"hostPort\": %s port %u on %s is published by %s already, "
				"under the same conditions",
				port_proto(run->proto),
				run->host_port > theirs->host_port ? run->host_port
								   : theirs->host_port,
				host, owner);
		}
	}
	return 0;
}

/* Find the slot for one family. @plan: its elements are encoded for each slot in turn. */
static int choose(struct nft *nft, struct nat_plan *plan, int i, struct cni_err *err)
{
	struct rivals rivals = { plan, i, err };
	bool taken[NAT_COND_SLOTS] = { false };
	char own[NAT_OWNER_MAX];
	int last = -1, r = 0;

	nat_owner_text(&plan->owner, own);
	for (int slot = 0; r == 0 && slot < NAT_COND_SLOTS; slot++) {
		autoelems struct nat_elems l = { 0 };

		plan->conditions[i].slot = slot;
		nat_encode(plan, &l);
		r = nat_ask_elems(nft, &l);
		for (size_t k = 0; r == 0 && k < l.n; k++)
			taken[slot] |= nat_sets[l.e[k].set].family == nfproto(i) && l.found[k] &&
				       strcmp(l.owner[k], own) != 0;
		if (taken[slot])
			last = slot;
	}
	plan->conditions[i].slot = 0;
	if (r < 0)
		return nft_fail(err, nft, r, "look ports up in nf_tables");
	if (last < 0)
		return 0;
	/* behind those that were there first, if there is room */
	for (int slot = 1; slot <= NAT_COND_SLOTS; slot++) {
		plan->conditions[i].slot = (last + slot) % NAT_COND_SLOTS;
		if (!taken[plan->conditions[i].slot])
			return state_all(find_equal, &rivals);
	}
	return cni_fail(err, CNI_E_FAILED, EADDRINUSE,
			"\"hostPort\": %d containers have these ports under conditions already",
			NAT_COND_SLOTS);
}

int nat_cond_choose(struct nft *nft, struct nat_plan *plan, struct cni_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < 2; i++)
		if (plan->conditions[i].rules)
			r = choose(nft, plan, i, err);
	return r;
}
