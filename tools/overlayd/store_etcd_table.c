/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store "etcd": what etcd has below the prefix, key by key. */
#include "store_etcd.h"

#include "cleanup.h"

#include <ctype.h>
#include <string.h>

static char *copy(const char *text)
{
	char *copied = strdup(text);

	if (!copied)
		abort();
	return copied;
}

static void record_free(struct record *r)
{
	free(r->key);
	free(r->why);
}

void table_free(struct table *t)
{
	for (size_t i = 0; i < t->n; i++)
		record_free(&t->r[i]);
	for (size_t i = 0; i < t->n_nodes; i++)
		free(t->node[i].node);
	free(t->r);
	free(t->node);
	memset(t, 0, sizeof(*t));
}

/* Room for one more, by quarters: memory is what an agent has little of. */
static void *grow(void *array, size_t n, size_t *size, size_t item)
{
	if (n < *size)
		return array;
	*size = n + n / 4 + 16;
	array = realloc(array, *size * item);
	if (!array)
		abort();
	return array;
}

/* ---- leases ---- */

bool net_equal(const struct ip_net *a, const struct ip_net *b)
{
	return a->len == b->len && ip_equal(&a->ip, &b->ip);
}

bool lease_equal(const struct flannel_lease *a, const struct flannel_lease *b)
{
	for (int i = 0; i < 2; i++)
		if (!net_equal(&a->subnet[i], &b->subnet[i]) ||
		    !ip_equal(&a->vtep[i], &b->vtep[i]) || a->has_data[i] != b->has_data[i] ||
		    a->vni[i] != b->vni[i] || memcmp(a->mac[i], b->mac[i], 6) != 0)
			return false;
	return strcmp(a->backend, b->backend) == 0;
}

/* Number of records before @key. */
static size_t place_of(const struct table *t, const char *key)
{
	size_t low = 0, high = t->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(t->r[middle].key, key) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

struct record *table_find(const struct table *t, const char *key)
{
	size_t at = place_of(t, key);

	return at < t->n && strcmp(t->r[at].key, key) == 0 ? &t->r[at] : NULL;
}

/* A reservation by hand may have little more than the node's address. */
static void read_vteps(const char *value, struct flannel_lease *lease)
{
	static const char *const names[] = { "PublicIP", "PublicIPv6" };
	json_auto_t *obj = json_loads(value, 0, NULL);

	for (int i = 0; i < 2; i++) {
		const char *text = json_string_value(conf_get(obj, names[i]));
		struct ip_addr ip;

		if (text && ip_parse(text, &ip) == 0 && overlay_slot(&ip) == i && ip_is_host(&ip))
			lease->vtep[i] = ip;
	}
}

static void read_record(const struct etcd_kv *kv, const char *key, struct record *r)
{
	struct cni_err why = { 0 };

	memset(r, 0, sizeof(*r));
	r->key = copy(key);
	r->create_revision = kv->create_revision;
	r->mod_revision = kv->mod_revision;
	r->etcd_lease = kv->lease;
	if (flannel_lease_parse(key, kv->value, &r->lease, &why) == 0)
		return;
	r->why = copy(why.msg);
	if (flannel_key_parse(key, r->lease.subnet) == 0 && strlen(kv->value) < FLANNEL_VALUE_MAX)
		read_vteps(kv->value, &r->lease);
}

static bool same_text(const char *a, const char *b)
{
	return a && b ? strcmp(a, b) == 0 : a == b;
}

bool table_put(struct table *t, const struct etcd_kv *kv, const char *key)
{
	struct record *old = table_find(t, key), new;
	bool news;
	size_t at;

	if (old && old->mod_revision >= kv->mod_revision)
		return false;
	read_record(kv, key, &new);
	if (old) {
		news = !lease_equal(&old->lease, &new.lease) || !same_text(old->why, new.why) ||
		       old->etcd_lease != new.etcd_lease;
		new.logged = news ? 0 : old->logged;
		record_free(old);
		*old = new;
		return news;
	}
	at = place_of(t, key);
	t->r = grow(t->r, t->n, &t->size, sizeof(*t->r));
	memmove(t->r + at + 1, t->r + at, (t->n - at) * sizeof(*t->r));
	t->r[at] = new;
	t->n++;
	return true;
}

bool table_remove(struct table *t, const char *key, int64_t revision)
{
	struct record *r = table_find(t, key);

	if (!r || r->mod_revision > revision)
		return false;
	record_free(r);
	t->n--;
	memmove(r, r + 1, (size_t)(t->r + t->n - r) * sizeof(*r));
	return true;
}

void table_keep_logged(struct table *t, const struct table *old)
{
	for (size_t i = 0; i < t->n; i++) {
		const struct record *before = table_find(old, t->r[i].key);

		if (before && before->mod_revision == t->r[i].mod_revision)
			t->r[i].logged = before->logged;
	}
}

/* ---- nodes of ours ---- */

static size_t place_of_node(const struct table *t, const char *node)
{
	size_t low = 0, high = t->n_nodes;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (strcmp(t->node[middle].node, node) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static struct node_record *find_node(const struct table *t, const char *node)
{
	size_t at = place_of_node(t, node);

	return at < t->n_nodes && strcmp(t->node[at].node, node) == 0 ? &t->node[at] : NULL;
}

const struct node_record *table_find_node(const struct table *t, const char *node)
{
	return find_node(t, node);
}

static bool is_node(const char *name)
{
	size_t len = strlen(name);

	if (len == 0 || len >= OVERLAY_NODE_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._-", name[i])))
			return false;
	return true;
}

void table_macs(const char *node, uint32_t vni, uint8_t mac[2][6])
{
	char second[OVERLAY_NODE_MAX + 2];

	snprintf(second, sizeof(second), "%s/6", node);
	overlay_mac(node, vni, mac[0]);
	overlay_mac(second, vni, mac[1]);
}

bool table_put_node(struct table *t, const struct etcd_kv *kv, const char *node, uint32_t vni)
{
	struct node_record *r = find_node(t, node);
	bool news = !r;
	size_t at;

	if (!is_node(node) || (r && r->mod_revision >= kv->mod_revision))
		return false;
	if (!r) {
		at = place_of_node(t, node);
		t->node = grow(t->node, t->n_nodes, &t->nodes_size, sizeof(*t->node));
		r = t->node + at;
		memmove(r + 1, r, (t->n_nodes - at) * sizeof(*r));
		memset(r, 0, sizeof(*r));
		r->node = copy(node);
		t->n_nodes++;
		table_macs(node, vni, r->mac);
	}
	r->mod_revision = kv->mod_revision;
	r->etcd_lease = kv->lease;
	r->value = store_etcd_hash(kv->value);
	return news;
}

bool table_remove_node(struct table *t, const char *node, int64_t revision)
{
	struct node_record *r = find_node(t, node);

	if (!r || r->mod_revision > revision)
		return false;
	free(r->node);
	t->n_nodes--;
	memmove(r, r + 1, (size_t)(t->node + t->n_nodes - r) * sizeof(*r));
	return true;
}
