/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store "etcd": judging the other nodes' records, and the view that they make.
 *
 * Whoever writes to etcd is believed no more than needed: a record that says something impossible,
 * or that takes what another has, is left out. All nodes judge alike: of two that have one subnet
 * the older one counts, of two that have one MAC the one written last.
 */
#include "store_etcd.h"

#include "cleanup.h"
#include "hash.h"
#include "log.h"

#include <string.h>

/* What is known of one record while a view is made. */
struct verdict {
	struct record *r;
	bool ok;
};

struct judging {
	struct etcd_store *s;
	const struct record *own;
	struct verdict *v; /* as the table's records */
	size_t n, refused;
};

/* Left out. The same reason of the same record is logged once. */
static void refuse(struct judging *j, struct verdict *v, const char *why)
{
	const char *of[] = { why, NULL };
	uint64_t hash = hash_strings(of, 1);

	v->ok = false;
	j->refused++;
	if (v->r->logged == hash)
		return;
	v->r->logged = hash;
	log_warn("network \"%s\": refused: %s/subnets/%.120s: %s", j->s->network, j->s->prefix,
		 v->r->key, why);
}

/* ---- each by itself ---- */

/* It is about this node: a VTEP, or a subnet. */
static bool is_ours(const struct judging *j, const struct flannel_lease *lease, char why[160])
{
	const struct etcd_store *s = j->s;
	char text[IP_STRLEN];

	for (int i = 0; i < 2; i++) {
		if (lease->vtep[i].family && ip_equal(&lease->vtep[i], &s->self.vtep[i])) {
			snprintf(why, 160, "its VTEP %s is this node's",
				 ip_str(&lease->vtep[i], text));
			return true;
		}
		if (j->own && j->own->lease.subnet[i].ip.family && lease->subnet[i].ip.family &&
		    ip_net_overlap(&lease->subnet[i], &j->own->lease.subnet[i])) {
			snprintf(why, 160, "its subnet overlaps %s, which is this node's",
				 ip_net_str(&j->own->lease.subnet[i], text));
			return true;
		}
		if (lease->has_data[i] && (memcmp(lease->mac[i], s->mac[0], 6) == 0 ||
					   memcmp(lease->mac[i], s->mac[1], 6) == 0)) {
			snprintf(why, 160, "its MAC is this node's");
			return true;
		}
	}
	return false;
}

static void judge_alone(struct judging *j, struct verdict *v)
{
	const struct flannel_lease *lease = &v->r->lease;
	struct cni_err err = { 0 };
	char why[160];

	if (v->r == j->own)
		return;
	if (v->r->why)
		return refuse(j, v, v->r->why);
	/* another backend's nodes, and reservations of nodes that have not come yet */
	if (strcmp(lease->backend, FLANNEL_BACKEND) != 0)
		return;
	if (flannel_lease_check(&j->s->config, lease, &err) < 0)
		return refuse(j, v, err.msg);
	if (is_ours(j, lease, why))
		return refuse(j, v, why);
	v->ok = true;
}

/* ---- beside others ---- */

/* A MAC and who has it, for sorting. */
struct mac_of {
	const uint8_t *mac;
	struct verdict *v;
	int leg;
};

static int by_mac(const void *a, const void *b)
{
	const struct mac_of *x = a, *y = b;
	int r = memcmp(x->mac, y->mac, 6);

	if (r)
		return r;
	/* newest first, then by key */
	if (x->v->r->mod_revision != y->v->r->mod_revision)
		return x->v->r->mod_revision > y->v->r->mod_revision ? -1 : 1;
	return strcmp(x->v->r->key, y->v->r->key);
}

/* One MAC is behind one VTEP. */
static void judge_macs(struct judging *j)
{
	autofree struct mac_of *m = calloc(2 * j->n + 1, sizeof(*m));
	size_t n = 0, first = 0;

	if (!m)
		abort();
	for (size_t i = 0; i < j->n; i++)
		for (int leg = 0; leg < 2; leg++)
			if (j->v[i].ok && j->v[i].r->lease.has_data[leg])
				m[n++] =
					(struct mac_of){ j->v[i].r->lease.mac[leg], &j->v[i], leg };
	qsort(m, n, sizeof(*m), by_mac);
	for (size_t i = 1; i < n; i++) {
		const struct ip_addr *theirs = &m[first].v->r->lease.vtep[m[first].leg];
		char why[160], text[IP_STRLEN];

		if (memcmp(m[i].mac, m[first].mac, 6) != 0) {
			first = i;
			continue;
		}
		if (!m[i].v->ok || m[i].v == m[first].v ||
		    ip_equal(theirs, &m[i].v->r->lease.vtep[m[i].leg]))
			continue;
		snprintf(why, sizeof(why), "its MAC is that of VTEP %s, which is newer",
			 ip_str(theirs, text));
		refuse(j, m[i].v, why);
	}
}

static int by_age(const void *a, const void *b)
{
	const struct verdict *x = *(struct verdict *const *)a, *y = *(struct verdict *const *)b;

	if (x->r->create_revision != y->r->create_revision)
		return x->r->create_revision < y->r->create_revision ? -1 : 1;
	return strcmp(x->r->key, y->r->key);
}

/* Accepted records in the order of their subnets, which do not overlap. */
struct row {
	struct verdict **at;
	size_t n;
	int slot;
};

static size_t place_in(const struct row *row, const struct ip_net *net)
{
	size_t low = 0, high = row->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (ip_cmp(&row->at[middle]->r->lease.subnet[row->slot].ip, &net->ip) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* What overlaps stands beside the place. */
static const struct record *overlapping(const struct row *row, const struct ip_net *net)
{
	size_t at = place_in(row, net);

	for (size_t i = at ? at - 1 : 0; i <= at && i < row->n; i++)
		if (ip_net_overlap(&row->at[i]->r->lease.subnet[row->slot], net))
			return row->at[i]->r;
	return NULL;
}

static void insert(struct row *row, struct verdict *v)
{
	size_t at = place_in(row, &v->r->lease.subnet[row->slot]);

	memmove(row->at + at + 1, row->at + at, (row->n - at) * sizeof(*row->at));
	row->at[at] = v;
	row->n++;
}

static void judge_subnet(struct judging *j, struct row row[2], struct verdict *v)
{
	const struct ip_net *subnet = v->r->lease.subnet;
	char why[300], text[IP_STRLEN];

	for (int i = 0; i < 2; i++) {
		const struct record *other =
			subnet[i].ip.family ? overlapping(&row[i], &subnet[i]) : NULL;

		if (!other)
			continue;
		snprintf(why, sizeof(why), "its subnet %s overlaps that of %.120s, which is older",
			 ip_net_str(&subnet[i], text), other->key);
		return refuse(j, v, why);
	}
	for (int i = 0; i < 2; i++)
		if (subnet[i].ip.family)
			insert(&row[i], v);
}

/* One subnet is on one node. */
static void judge_subnets(struct judging *j)
{
	autofree struct verdict **old = calloc(j->n + 1, sizeof(*old));
	autofree struct verdict **room = calloc(2 * j->n + 1, sizeof(*room));
	struct row row[2] = { { room, 0, 0 }, { NULL, 0, 1 } };
	size_t n = 0;

	if (!old || !room)
		abort();
	row[1].at = room + j->n;
	for (size_t i = 0; i < j->n; i++)
		if (j->v[i].ok)
			old[n++] = &j->v[i];
	qsort(old, n, sizeof(struct verdict *), by_age);
	for (size_t i = 0; i < n; i++)
		judge_subnet(j, row, old[i]);
}

/* ---- names ---- */

/* Nodes of ours by the MAC of one leg. */
struct names {
	const struct node_record **by_mac; /* owned */
	size_t n;
	int leg;
};

static int by_mac0(const void *a, const void *b)
{
	return memcmp((*(const struct node_record *const *)a)->mac[0],
		      (*(const struct node_record *const *)b)->mac[0], 6);
}

static int by_mac1(const void *a, const void *b)
{
	return memcmp((*(const struct node_record *const *)a)->mac[1],
		      (*(const struct node_record *const *)b)->mac[1], 6);
}

static void sort_names(const struct table *t, int leg, struct names *names)
{
	names->by_mac = calloc(t->n_nodes + 1, sizeof(const struct node_record *));
	if (!names->by_mac)
		abort();
	for (size_t i = 0; i < t->n_nodes; i++)
		names->by_mac[i] = &t->node[i];
	names->n = t->n_nodes;
	names->leg = leg;
	qsort(names->by_mac, names->n, sizeof(const struct node_record *), leg ? by_mac1 : by_mac0);
}

/* The node whose MAC it is; a node of flannel's has none. */
static const char *name_of(const struct names *names, const struct record *r, int leg)
{
	struct node_record wanted = { 0 };
	const struct node_record *key = &wanted, *const * found;

	memcpy(wanted.mac[names->leg], r->lease.mac[leg], 6);
	found = bsearch(&key, names->by_mac, names->n, sizeof(key), names->leg ? by_mac1 : by_mac0);
	return found ? (*found)->node : r->key;
}

/* ---- the view ---- */

static void add_peers(const struct judging *j, struct store_view *view, int leg)
{
	struct overlay_peers *peers = &view->leg[leg].peers;
	struct names names;

	/* the device of a network without IPv4 is the first */
	sort_names(&j->s->table, leg && j->s->config.network[0].ip.family, &names);
	peers->p = calloc(j->n + 1, sizeof(*peers->p));
	if (!peers->p)
		abort();
	for (size_t i = 0; i < j->n; i++) {
		const struct record *r = j->v[i].r;
		struct overlay_peer *p = &peers->p[peers->n];

		if (!j->v[i].ok || !r->lease.subnet[leg].ip.family || !r->lease.has_data[leg])
			continue;
		snprintf(p->node, sizeof(p->node), "%s", name_of(&names, r, leg));
		p->vtep = r->lease.vtep[leg];
		p->subnet[leg] = r->lease.subnet[leg];
		memcpy(p->mac, r->lease.mac[leg], 6);
		peers->n++;
	}
	free(names.by_mac);
}

static void fill_own(const struct judging *j, struct store_view *view)
{
	const struct etcd_store *s = j->s;

	view->network = (struct store_network){
		.vni = s->config.vni,
		.port = s->config.port,
		.mtu = s->config.mtu,
		.direct = s->config.direct,
		.net = { s->config.network[0], s->config.network[1] },
	};
	for (int i = 0; i < 2; i++) {
		if (!s->config.network[i].ip.family)
			continue;
		memcpy(view->leg[i].mac, s->mac[i], 6);
		view->leg[i].local = s->self.vtep[i];
		if (s->own.held)
			view->subnet[i] = s->own.subnet[i];
	}
	memcpy(view->conflict, s->own.conflict, sizeof(view->conflict));
}

struct store_view *view_make(struct etcd_store *s)
{
	struct judging j = { .s = s, .n = s->table.n };
	struct store_view *view = calloc(1, sizeof(*view));

	j.v = calloc(j.n + 1, sizeof(*j.v));
	if (!view || !j.v)
		abort();
	j.own = own_record(s);
	for (size_t i = 0; i < j.n; i++) {
		j.v[i].r = &s->table.r[i];
		judge_alone(&j, &j.v[i]);
	}
	judge_macs(&j);
	judge_subnets(&j);
	fill_own(&j, view);
	for (int leg = 0; leg < 2; leg++)
		if (s->config.network[leg].ip.family)
			add_peers(&j, view, leg);
	free(j.v);
	view->at = time(NULL);
	view->from_store = true;
	view->gap = s->gap;
	s->gap = false;
	view->refused = s->refused = j.refused;
	return view;
}
