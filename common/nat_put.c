/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Putting a plan into the kernel.
 *
 * The usual ADD costs two exchanges, however many ports it publishes: one question about
 * generation, chains and whether our rules are whole (nat_look()), and one batch that creates each
 * element only if its key is free (NLM_F_EXCL). The kernel applies all of a batch or nothing, so it
 * finds conflicts by itself; only when it does, nat_put() asks whose the elements are: a conflict
 * is reported with the owner's name, and what an interrupted ADD of this attachment left is
 * replaced. What no batch finds, that a single port lies within somebody's range or a range takes
 * somebody's single port in, nat_ask_conflicts() asks about.
 */
#include "cleanup.h"
#include "log.h"
#include "nat_priv.h"

#include <string.h>

/* ---- what is there ---- */

void nat_look_free(struct nat_look *look)
{
	free(look->found);
	free(look->whole);
	look->found = look->whole = NULL;
}

struct take_look {
	struct nat_look *look;
	const struct nat_plan *plan;
	unsigned int tables, fixed; /* of the node's own chains, and how many questions that is */
};

static void take_look(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg)
{
	struct take_look *t = arg;

	if (index == 0) {
		t->look->genid = error ? 0 : nft_attr_u32(hdr, NFTA_GEN_ID, 0);
		return;
	}
	if (--index < t->fixed) {
		t->look->ruleset &= ruleset_answer_whole(index, t->tables, error, hdr);
		return;
	}
	index -= t->fixed;
	t->look->found[index] = !error && hdr;
	t->look->whole[index] = !error && ruleset_chain_whole(hdr, t->plan->chains[index].kind);
}

int nat_look(struct nft *nft, const struct nat_plan *plan, unsigned int tables,
	     struct nat_look *look)
{
	struct take_look take = { look, plan, tables, 0 };
	int r;

	nat_look_free(look);
	look->found = calloc(plan->n_chains + 1, sizeof(bool));
	look->whole = calloc(plan->n_chains + 1, sizeof(bool));
	if (!look->found || !look->whole)
		abort();
	look->ruleset = true;
	nft_message(nft, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0);
	take.fixed = ruleset_ask(nft, tables);
	for (size_t i = 0; i < plan->n_chains; i++)
		ruleset_ask_chain(nft, plan->owner.network, &plan->chains[i]);
	r = nft_ask(nft, take_look, &take);
	return r < 0 ? r : look->genid ? 0 : -EOPNOTSUPP;
}

/* The tables that the plan needs, and those that were made before. */
static unsigned int tables_of(const struct nat_plan *plan)
{
	unsigned int tables = nat_tables(plan);

	for (int i = 0; i < NAT_MARKS; i++)
		if (!(tables & nat_marks[i].table) && access(nat_marks[i].path, F_OK) == 0)
			tables |= nat_marks[i].table;
	return tables;
}

int nat_heal(struct nft *nft, const struct nat_plan *plan, struct nat_look *look,
	     struct cni_err *err)
{
	unsigned int tables = tables_of(plan);
	int r = nat_look(nft, plan, tables, look);

	if (r == 0 && !look->ruleset) {
		r = nat_rebuild(nft, tables, &plan->owner, NULL);
		if (r == -ENOENT && tables & RULESET_BRIDGE)
			return nft_fail(err, nft, r,
					"create the ruleset of family bridge (the kernel needs "
					"CONFIG_NF_TABLES_BRIDGE)");
		if (r == 0)
			r = nat_look(nft, plan, tables, look);
	}
	return r < 0 ? nft_fail(err, nft, r, "create table inet " RULESET_TABLE) : 0;
}

/* ---- conflicts ---- */

/* Ports that are asked about together, each in the map of exact keys or in that of ranges. */
struct ports {
	const struct port_run *run[NFT_QUESTIONS];
	unsigned int offset[NFT_QUESTIONS];
	bool range[NFT_QUESTIONS];
	unsigned int n;
};

static int ask_ports(struct nft *nft, struct ports *ports, const char *own, struct cni_err *err)
{
	struct nat_elem e[NFT_QUESTIONS] = { 0 };
	struct nat_elems l = { .e = e, .n = ports->n };
	int r;

	for (size_t k = 0; k < l.n; k++)
		nat_encode_port(ports->run[k], ports->offset[k], ports->range[k], &e[k]);
	nat_elems_alloc(&l);
	r = nat_ask_elems(nft, &l);
	if (r < 0)
		r = nft_fail(err, nft, r, "look ports up in nf_tables");
	for (size_t k = 0; r == 0 && k < l.n; k++)
		if (l.found[k] && strcmp(l.owner[k], own) != 0)
			r = port_taken(err, ports->run[k], ports->offset[k], l.owner[k],
				       "network, container, interface");
	l.e = NULL;
	nat_elems_free(&l);
	ports->n = 0;
	return r;
}

int nat_ask_conflicts(struct nft *nft, const struct nat_plan *plan, bool all, struct cni_err *err)
{
	char own[NAT_OWNER_MAX];
	struct ports ports = { .n = 0 };
	bool ranges = access(NAT_RANGE_MARK, F_OK) == 0;
	int r = 0;

	nat_owner_text(&plan->owner, own);
	for (size_t i = 0; r == 0 && i < plan->n_runs; i++) {
		const struct port_run *run = &plan->runs[i];
		bool exact = all || nat_is_range(plan, run);

		/* a port under conditions may also be somebody's without: nat_cond_choose() */
		if (nat_cond_of(plan, run))
			continue;
		for (unsigned int k = 0; r == 0 && k < 2 * run->count; k++) {
			if (k % 2 ? !ranges : !exact)
				continue;
			ports.run[ports.n] = run;
			ports.range[ports.n] = k % 2;
			ports.offset[ports.n++] = k / 2;
			if (ports.n == NFT_QUESTIONS)
				r = ask_ports(nft, &ports, own, err);
		}
	}
	return r == 0 && ports.n ? ask_ports(nft, &ports, own, err) : r;
}

/* ---- putting ---- */

static void put_chains(struct nft *nft, const struct nat_plan *plan, const struct nat_look *look,
		       size_t *n)
{
	char name[NAT_CHAIN_NAMELEN];

	for (size_t i = 0; i < plan->n_chains; i++) {
		if (look->whole[i])
			continue;
		if (look->found[i])
			nft_put_del_chain(
				nft, NFPROTO_INET, RULESET_TABLE,
				ruleset_chain_name(plan->owner.network, &plan->chains[i], name));
		ruleset_put_chain(nft, plan->owner.network, &plan->chains[i]);
		++*n;
	}
}

/*
 * One try. @known: the elements' answers are filled in, what is ours is replaced; otherwise each
 * key has to be free. Return: as nft_commit().
 */
static int put(struct nft *nft, const struct nat_plan *plan, const struct nat_look *look,
	       const struct nat_elems *l, bool known)
{
	autofree struct nat_elem *add = calloc(l->n + 1, sizeof(*add));
	autofree struct nat_elem *replace = calloc(known ? l->n + 1 : 1, sizeof(*replace));
	autofree const char **owners = calloc(l->n + 1, sizeof(*owners));
	char own[NAT_OWNER_MAX], shared[NAT_OWNER_MAX];
	struct nat_cond_state cond = { 0 };
	size_t n = 0, n_replace = 0, n_chains = 0;
	int r = nat_cond_ask(nft, plan, &cond);

	if (!add || !replace || !owners)
		abort();
	if (r < 0)
		return r;
	nat_owner_text(&plan->owner, own);
	nat_owner_of(&plan->owner, NAT_ISOLATED, shared);
	nft_begin(nft, look->genid);
	put_chains(nft, plan, look, &n_chains);
	for (size_t i = 0; i < l->n; i++) {
		bool is_shared = nat_sets[l->e[i].set].shared, found = known && l->found[i];
		/* elements that jump to chains of ours go out and in together with them */
		bool renew = nat_sets[l->e[i].set].data[0] == NAT_F_CHAIN;

		if (found && !renew && (is_shared || (l->same[i] && strcmp(l->owner[i], own) == 0)))
			continue;
		if (found)
			replace[n_replace++] = l->e[i];
		owners[n] = is_shared ? shared : own;
		add[n++] = l->e[i];
	}
	if (n + n_chains == 0)
		return 0;
	ruleset_put_elems(nft, NFT_MSG_DELSETELEM, 0, replace, NULL, n_replace);
	nat_cond_put_del(nft, plan, &cond);
	nat_cond_put(nft, plan);
	ruleset_put_elems(nft, NFT_MSG_NEWSETELEM, known ? 0 : NLM_F_EXCL, add, owners, n);
	return nft_commit(nft);
}

void nat_mark_ranges(const struct nat_plan *plan)
{
	for (size_t i = 0; i < plan->n_runs; i++) {
		if (nat_is_range(plan, &plan->runs[i])) {
			nat_mark(NAT_RANGE_MARK);
			return;
		}
	}
}

/* A match that libxtables knows and the kernel does not, or not where ports are translated. */
static int refused_conditions(struct nft *nft, const struct nat_plan *plan, int r,
			      struct cni_err *err)
{
	const char *key = !plan->conditions[1].rules   ? "conditionsV4"
			  : !plan->conditions[0].rules ? "conditionsV6"
						       : "conditionsV4\" or \"conditionsV6";

	nft_fail(err, nft, r, "\"%s\": the kernel refuses a match of it in rules of NAT", key);
	err->code = r == -EINVAL ? CNI_E_CONF : CNI_E_FIELD;
	return r;
}

int nat_put(struct nft *nft, const struct nat_plan *plan, struct nat_look *look,
	    struct cni_err *err)
{
	autoelems struct nat_elems l = { 0 };
	/* with conditions, what is there decides what goes out before it comes in again */
	bool conditional = nat_tables(plan) & (RULESET_IP | RULESET_IP6), known = conditional;
	int r = -ERESTART;

	nat_mark_ranges(plan);
	nat_encode(plan, &l);
	for (int i = 0; r == -ERESTART && i < NAT_TRIES; i++) {
		r = i ? nat_look(nft, plan, tables_of(plan), look) : 0;
		if (r == 0 && known)
			r = nat_ask_elems(nft, &l);
		if (r == 0)
			r = put(nft, plan, look, &l, known);
		if (!known && (r == -EEXIST || r == -EBUSY)) {
			log_trace("nf_tables: an element is there already: asking whose it is");
			r = nat_ask_conflicts(nft, plan, true, err);
			if (r < 0)
				return r;
			known = true;
			r = -ERESTART;
		}
	}
	if (conditional && (r == -EINVAL || r == -ENOENT || r == -EOPNOTSUPP))
		return refused_conditions(nft, plan, r, err);
	if (r == -ENOTEMPTY || (r == -EEXIST && plan->n_runs))
		return nft_fail(
			err, nft, -EADDRINUSE,
			"\"hostPort\": a run of ports overlaps another one that is published "
			"at other host addresses");
	return r < 0 ? nft_fail(err, nft, r, "add %zu elements to table inet " RULESET_TABLE, l.n)
		     : 0;
}
