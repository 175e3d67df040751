/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Making our tables again from the attachment records: after a foreign flush, and on request. */
#include "nat_priv.h"

#include "cleanup.h"
#include "log.h"

#include <fcntl.h>
#include <string.h>

const struct nat_mark nat_marks[NAT_MARKS] = { { RULESET_BRIDGE, "/run/hawser/nftables.bridge" },
					       { RULESET_IP, "/run/hawser/nftables.ip" },
					       { RULESET_IP6, "/run/hawser/nftables.ip6" } };

/* What a rebuild collects from the records before it puts the batch together. */
struct rebuild {
	struct nat_elems l;
	char (*owners)[NAT_OWNER_MAX];
	struct {
		char network[256];
		struct nat_chain chain;
	} * chains;
	size_t n_chains;
	unsigned int tables;
	struct nat_plan *conditional; /* plans with conditions; their owners are in the records */
	json_t **records;
	size_t n_conditional;
	int n; /* attachments */
	const struct state_key *except;
};

static void rebuild_chain(struct rebuild *b, const char *network, const struct nat_chain *chain)
{
	char name[NAT_CHAIN_NAMELEN], other[NAT_CHAIN_NAMELEN];

	ruleset_chain_name(network, chain, name);
	for (size_t i = 0; i < b->n_chains; i++)
		if (strcmp(name, ruleset_chain_name(b->chains[i].network, &b->chains[i].chain,
						    other)) == 0)
			return;
	b->chains = realloc(b->chains, (b->n_chains + 1) * sizeof(*b->chains));
	if (!b->chains)
		abort();
	snprintf(b->chains[b->n_chains].network, sizeof(b->chains[0].network), "%s", network);
	b->chains[b->n_chains++].chain = *chain;
}

static bool nat_same_owner(const struct state_key *a, const struct state_key *b)
{
	return !strcmp(a->network, b->network) && !strcmp(a->container_id, b->container_id) &&
	       !strcmp(a->ifname, b->ifname) && !strcmp(a->plugin, b->plugin);
}

/* Keep a plan with conditions until the batch is put together. It is moved. */
static void keep_plan(struct rebuild *b, const json_t *record, struct nat_plan *plan)
{
	size_t n = b->n_conditional++;

	b->conditional = realloc(b->conditional, (n + 1) * sizeof(*b->conditional));
	b->records = realloc(b->records, (n + 1) * sizeof(*b->records));
	if (!b->conditional || !b->records)
		abort();
	b->conditional[n] = *plan;
	b->records[n] = json_incref((json_t *)record);
	memset(plan, 0, sizeof(*plan));
}

static int rebuild_record(const json_t *record, void *arg)
{
	struct rebuild *b = arg;
	autoplan struct nat_plan plan = { 0 };
	size_t before = b->l.n;
	int r = nat_plan_read(record, &plan);

	if (r < 0) {
		struct state_key key = state_key_of(record);

		log_warn("record of %s %s %s: damaged, left out of the ruleset", key.network,
			 key.container_id, key.ifname);
		return 0;
	}
	if (r == 0 || (b->except && nat_same_owner(&plan.owner, b->except)))
		return 0;
	b->n++;
	b->tables |= nat_tables(&plan);
	nat_mark_ranges(&plan);
	for (size_t i = 0; i < plan.n_chains; i++)
		rebuild_chain(b, plan.owner.network, &plan.chains[i]);
	nat_encode_more(&plan, &b->l);
	b->owners = realloc(b->owners, (b->l.n + 1) * sizeof(*b->owners));
	if (!b->owners)
		abort();
	for (size_t i = before; i < b->l.n; i++)
		nat_owner_of(&plan.owner, b->l.e[i].set, b->owners[i]);
	if (nat_tables(&plan) & (RULESET_IP | RULESET_IP6))
		keep_plan(b, record, &plan);
	return 0;
}

/* An element with the owner it is to name; sorted, equal keys stand side by side. */
struct owned {
	const struct nat_elem *e;
	const char *owner;
	size_t order;
};

static int by_key(const void *a, const void *b)
{
	const struct owned *x = a, *y = b;
	int r = (int)x->e->set - (int)y->e->set;

	if (r == 0)
		r = memcmp(x->e->key, y->e->key, NAT_KEY_MAX);
	return r ? r : x->order < y->order ? -1 : 1;
}

/* Whether two ranges of one map meet: in each of their fields. */
static bool overlap(const struct nat_elem *a, const struct nat_elem *b)
{
	const enum nat_field *field = nat_sets[a->set].key;
	size_t at = 0;

	for (; *field; field++) {
		const enum nat_field one[] = { *field, NAT_F_END };
		size_t len = nat_fields_size(one);

		if (memcmp(a->key + at, b->key_end + at, len) > 0 ||
		    memcmp(b->key + at, a->key_end + at, len) > 0)
			return false;
		at += len;
	}
	return true;
}

/* The element among those kept already that excludes another one. Return: its index, or -1. */
static ssize_t find_rival(const struct nat_elem *kept, size_t n, const struct nat_elem *next)
{
	if (n && kept[n - 1].set == next->set &&
	    memcmp(kept[n - 1].key, next->key, NAT_KEY_MAX) == 0)
		return (ssize_t)n - 1;
	if (!nat_sets[next->set].interval)
		return -1;
	for (size_t i = n; i > 0 && kept[i - 1].set == next->set; i--)
		if (overlap(&kept[i - 1], next))
			return (ssize_t)i - 1;
	return -1;
}

/*
 * Elements of one set side by side, each key once: shared elements are named by every container of
 * a network, and records that contradict each other must not keep the others out.
 */
static void put_rebuilt_elems(struct nft *nft, const struct rebuild *b)
{
	autofree struct owned *sorted = calloc(b->l.n + 1, sizeof(*sorted));
	autofree struct nat_elem *e = calloc(b->l.n + 1, sizeof(*e));
	autofree const char **owners = calloc(b->l.n + 1, sizeof(*owners));
	size_t n = 0;

	if (!sorted || !e || !owners)
		abort();
	for (size_t i = 0; i < b->l.n; i++)
		sorted[i] = (struct owned){ &b->l.e[i], b->owners[i], i };
	qsort(sorted, b->l.n, sizeof(*sorted), by_key);
	for (size_t i = 0; i < b->l.n; i++) {
		const struct nat_elem *next = sorted[i].e;
		ssize_t rival = find_rival(e, n, next);

		if (rival >= 0) {
			if (!nat_sets[next->set].shared)
				log_warn("two records want one element of set %s: \"%s\" has it, "
					 "\"%s\" has not",
					 nat_sets[next->set].name, owners[rival], sorted[i].owner);
			continue;
		}
		e[n] = *next;
		owners[n++] = sorted[i].owner;
	}
	ruleset_put_elems(nft, NFT_MSG_NEWSETELEM, 0, e, owners, n);
}

void nat_mark(const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);

	if (fd >= 0)
		close(fd);
}

void nat_take_existence(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg)
{
	bool *exists = arg;

	exists[index] = !error && hdr;
}

/* Our tables out and in again, in one batch. */
int nat_rebuild(struct nft *nft, unsigned int tables, const struct state_key *except, int *n)
{
	static const int families[] = { NFPROTO_INET, NFPROTO_BRIDGE, NFPROTO_IPV4, NFPROTO_IPV6 };
	struct rebuild b = { .tables = tables, .except = except };
	bool exists[ARRAY_SIZE(families)] = { false };
	int r = state_all(rebuild_record, &b);

	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		nft_ask_table(nft, families[i], RULESET_TABLE);
	if (r == 0)
		r = nft_ask(nft, nat_take_existence, exists);
	/* a table stays when nothing is in it any more */
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++)
		if (exists[i])
			b.tables |= ruleset_table(families[i]);
	/* a node that has nothing in nf_tables is not given a table by "reload" */
	if (r == 0 && (except || b.n || exists[0])) {
		nft_begin(nft, 0);
		for (size_t i = 0; i < ARRAY_SIZE(families); i++)
			if (exists[i])
				nft_put_del_table(nft, families[i], RULESET_TABLE);
		ruleset_put(nft, b.tables);
		for (size_t i = 0; i < b.n_chains; i++)
			ruleset_put_chain(nft, b.chains[i].network, &b.chains[i].chain);
		for (size_t i = 0; i < b.n_conditional; i++)
			nat_cond_put(nft, &b.conditional[i]);
		put_rebuilt_elems(nft, &b);
		r = nft_commit(nft);
	}
	for (int i = 0; r == 0 && i < NAT_MARKS; i++)
		if (b.tables & nat_marks[i].table)
			nat_mark(nat_marks[i].path);
	log_trace("nf_tables: rebuilt for %d attachments: %s", b.n, r < 0 ? strerror(-r) : "ok");
	if (n)
		*n = b.n;
	for (size_t i = 0; i < b.n_conditional; i++) {
		nat_plan_free(&b.conditional[i]);
		json_decref(b.records[i]);
	}
	free(b.conditional);
	free(b.records);
	nat_elems_free(&b.l);
	free(b.owners);
	free(b.chains);
	return r;
}

int nat_reload(int *n, struct cni_err *err)
{
	autoclose int lock = nat_lock(err);
	autonft struct nft nft = { 0 };
	int r;

	if (lock < 0)
		return lock;
	r = nat_open(&nft, err);
	if (r == 0) {
		r = nat_rebuild(&nft, 0, NULL, n);
		if (r < 0)
			nft_fail(err, &nft, r, "rebuild table inet " RULESET_TABLE);
	}
	return r;
}
