/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans as elements: encoding them, and asking the kernel what is there of them. */
#include "nat_priv.h"

#include "args.h"
#include "hash.h"

#include <errno.h>
#include <string.h>

/* A run of fewer ports is as many exact elements: cheaper to look up, and to ask about. */
#define RANGE_MIN 4

void nat_elems_free(struct nat_elems *l)
{
	free(l->e);
	free(l->owner);
	free(l->found);
	free(l->same);
	memset(l, 0, sizeof(*l));
}

/* "network id ifname"; what is too long for a comment is cut and gets a hash of the whole. */
void nat_owner_text(const struct state_key *key, char text[NAT_OWNER_MAX])
{
	const char *of[] = { key->network, key->container_id, key->ifname, NULL };
	bool cut = strlen(key->network) > 24 || strlen(key->container_id) > 64;

	snprintf(text, NAT_OWNER_MAX, "%.24s %.64s %.15s", key->network, key->container_id,
		 key->ifname);
	if (cut)
		snprintf(text + strlen(text), NAT_OWNER_MAX - strlen(text), " #%016llx",
			 (unsigned long long)hash_strings(of, 4));
}

/* Shared elements are the network's. */
void nat_owner_of(const struct state_key *key, enum nat_set set, char text[NAT_OWNER_MAX])
{
	struct state_key network = { key->network, "*", "*", NULL };

	nat_owner_text(nat_sets[set].shared ? &network : key, text);
}

/* ---- encoding ---- */

static uint8_t *encode_ip(uint8_t *at, const struct ip_addr *ip)
{
	memcpy(at, ip->b, ip_bytes(ip));
	return at + ip_bytes(ip);
}

static uint8_t *encode_port(uint8_t *at, unsigned int port)
{
	uint16_t be = htons(port);

	memcpy(at, &be, sizeof(be));
	return at + 4;
}

static void encode_text(uint8_t *at, enum nat_field field, const char *text)
{
	struct ip_addr ip = { 0 };

	switch (field) {
	case NAT_F_IP4:
	case NAT_F_IP6:
		if (ip_parse(text, &ip) == 0)
			encode_ip(at, &ip);
		break;
	case NAT_F_IFNAME:
		memcpy(at, text, strnlen(text, 15));
		break;
	case NAT_F_MAC:
		mac_parse(text, at);
		break;
	case NAT_F_END:
	case NAT_F_PROTO:
	case NAT_F_PORT:
	case NAT_F_CHAIN:
		break;
	}
}

static void encode_item(const struct nat_item *item, struct nat_elem *e)
{
	const enum nat_field *key = nat_sets[item->set].key;
	const enum nat_field first[] = { key[0], NAT_F_END };

	e->set = item->set;
	encode_text(e->key, key[0], item->field[0]);
	if (key[1])
		encode_text(e->key + nat_fields_size(first), key[1], item->field[1]);
}

static bool is_v6(const struct port_run *run)
{
	return run->container.family == AF_INET6;
}

static void encode_range(const struct port_run *run, struct nat_elem *e)
{
	struct ip_addr last = run->host;
	uint8_t *at, *end;

	e->set = is_v6(run) ? NAT_RANGES6 : NAT_RANGES4;
	if (!run->host.family) {
		last.family = run->container.family;
		memset(last.b, 0xff, sizeof(last.b));
	}
	at = e->key + ip_bytes(&run->container);
	if (run->host.family)
		encode_ip(e->key, &run->host);
	end = encode_ip(e->key_end, &last);
	*at = *end = run->proto;
	encode_port(at + 4, run->host_port);
	encode_port(end + 4, run->host_port + run->count - 1);
	encode_ip(e->data, &run->container);
}

/* @offset: which port of the run. The data of a range are its address only. */
void nat_encode_port(const struct port_run *run, unsigned int offset, bool range,
		     struct nat_elem *e)
{
	uint8_t *at = e->key;

	if (range)
		e->set = is_v6(run) ? NAT_RANGES6 : NAT_RANGES4;
	else if (run->host.family)
		e->set = is_v6(run) ? NAT_HOSTPORTS6 : NAT_HOSTPORTS4;
	else
		e->set = is_v6(run) ? NAT_PORTS6 : NAT_PORTS4;
	if (run->host.family)
		at = encode_ip(at, &run->host);
	else if (range)
		at += ip_bytes(&run->container);
	*at = run->proto;
	encode_port(at + 4, run->host_port + offset);
	at = encode_ip(e->data, &run->container);
	if (!range)
		encode_port(at, run->container_port + offset);
}

static int by_set(const void *a, const void *b)
{
	const struct nat_elem *x = a, *y = b;

	return x->set != y->set ? (int)x->set - (int)y->set : memcmp(x->key, y->key, NAT_KEY_MAX);
}

/* The same port at two host addresses is one element where there are conditions. */
static void drop_doubles(struct nat_elems *l, size_t first)
{
	size_t n = first;

	qsort(l->e + first, l->n - first, sizeof(*l->e), by_set);
	for (size_t i = first; i < l->n; i++)
		if (n == first || by_set(&l->e[n - 1], &l->e[i]) != 0)
			l->e[n++] = l->e[i];
	l->n = n;
}

/* The order of ports under conditions relative to others' counts: each is an element of its own. */
bool nat_is_range(const struct nat_plan *plan, const struct port_run *run)
{
	return run->count >= RANGE_MIN && run->host_port == run->container_port &&
	       !nat_cond_of(plan, run);
}

/* Grow an encoded list by a plan's elements. */
void nat_encode_more(const struct nat_plan *plan, struct nat_elems *l)
{
	size_t n = l->n + plan->n_items, first = l->n;

	for (size_t i = 0; i < plan->n_runs; i++)
		n += nat_is_range(plan, &plan->runs[i]) ? 1 : plan->runs[i].count;
	l->e = realloc(l->e, (n + 1) * sizeof(*l->e));
	if (!l->e)
		abort();
	memset(l->e + l->n, 0, (n - l->n) * sizeof(*l->e));
	for (size_t i = 0; i < plan->n_items; i++)
		encode_item(&plan->items[i], &l->e[l->n++]);
	for (size_t i = 0; i < plan->n_runs; i++) {
		const struct port_run *run = &plan->runs[i];

		if (nat_is_range(plan, run))
			encode_range(run, &l->e[l->n++]);
		for (uint32_t k = 0; !nat_is_range(plan, run) && k < run->count; k++) {
			if (nat_cond_of(plan, run))
				nat_cond_encode(plan, run, k, &l->e[l->n++]);
			else
				nat_encode_port(run, k, false, &l->e[l->n++]);
		}
	}
	if (nat_tables(plan) & (RULESET_IP | RULESET_IP6))
		drop_doubles(l, first);
}

/* Where the answers about the elements go. */
void nat_elems_alloc(struct nat_elems *l)
{
	l->owner = calloc(l->n + 1, sizeof(*l->owner));
	l->found = calloc(l->n + 1, sizeof(*l->found));
	l->same = calloc(l->n + 1, sizeof(*l->same));
	if (!l->owner || !l->found || !l->same)
		abort();
}

void nat_encode(const struct nat_plan *plan, struct nat_elems *l)
{
	nat_encode_more(plan, l);
	qsort(l->e, l->n, sizeof(*l->e), by_set);
	nat_elems_alloc(l);
}

/* ---- asking ---- */

struct ask {
	struct nat_elems *l;
	size_t first; /* element of the first question */
	int error;
};

static void take_elem(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg)
{
	struct ask *ask = arg;
	size_t i = ask->first + index;
	uint8_t data[NAT_DATA_MAX];

	if (error == -ENOENT)
		return;
	if (error || ruleset_read_elem(hdr, ask->l->owner[i], NAT_OWNER_MAX, data) < 0) {
		ask->error = error ? error : -EPROTO;
		return;
	}
	ask->l->found[i] = true;
	ask->l->same[i] = memcmp(data, ask->l->e[i].data, NAT_DATA_MAX) == 0;
}

/* What is there of each element of the list. */
int nat_ask_elems(struct nft *nft, struct nat_elems *l)
{
	struct ask ask = { .l = l };

	memset(l->found, 0, l->n * sizeof(*l->found));
	for (size_t i = 0; i < l->n; i += NFT_QUESTIONS) {
		size_t end = i + NFT_QUESTIONS < l->n ? i + NFT_QUESTIONS : l->n;
		int r;

		ask.first = i;
		for (size_t k = i; k < end; k++)
			ruleset_ask_elem(nft, &l->e[k]);
		r = nft_ask(nft, take_elem, &ask);
		if (r < 0)
			return r;
	}
	return ask.error;
}

unsigned int nat_tables(const struct nat_plan *plan)
{
	unsigned int tables = 0;

	for (size_t i = 0; i < plan->n_items; i++)
		tables |= ruleset_table(nat_sets[plan->items[i].set].family);
	for (int i = 0; i < 2; i++)
		if (plan->conditions[i].rules)
			tables |= i ? RULESET_IP6 : RULESET_IP;
	return tables;
}
