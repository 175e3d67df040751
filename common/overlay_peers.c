/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * An overlay network's nodes: their records, read and checked one by one as hostile input.
 *
 * Five sorted indexes find what two records have in common, so that thousands of records cost a
 * search each. Subnets that overlap are neighbours in their index: those in it do not overlap.
 */
#include "overlay_peers.h"

#include "args.h"
#include "cleanup.h"
#include "conf.h"
#include "file.h"
#include "hash.h"
#include "log.h"

#include <ctype.h>
#include <fcntl.h>
#include <string.h>

enum { BY_NODE, BY_VTEP, BY_MAC, BY_SUBNET4, BY_SUBNET6, INDEXES };

void overlay_peers_free(struct overlay_peers *peers)
{
	free(peers->p);
	for (int i = 0; i < INDEXES; i++)
		free(peers->by[i].at);
	memset(peers, 0, sizeof(*peers));
}

void overlay_mac(const char *node, uint32_t vni, uint8_t mac[6])
{
	char number[16];
	const char *of[] = { node, number, NULL };
	uint64_t hash;

	snprintf(number, sizeof(number), "%u", vni);
	hash = hash_strings(of, 0);
	mac[0] = 0x02;
	for (int i = 1; i < 6; i++)
		mac[i] = (uint8_t)(hash >> (8 * (i - 1)));
}

static int compare(int index, const struct overlay_peer *a, const struct overlay_peer *b)
{
	if (index == BY_NODE)
		return strcmp(a->node, b->node);
	if (index == BY_VTEP)
		return ip_cmp(&a->vtep, &b->vtep);
	if (index == BY_MAC)
		return memcmp(a->mac, b->mac, sizeof(a->mac));
	return ip_cmp(&a->subnet[index - BY_SUBNET4].ip, &b->subnet[index - BY_SUBNET4].ip);
}

/* Number of entries of an index that stand before a record. */
static size_t place_of(const struct overlay_peers *peers, int index, const struct overlay_peer *p)
{
	const struct overlay_index *by = &peers->by[index];
	size_t low = 0, high = by->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare(index, &peers->p[by->at[middle]], p) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool has(const struct overlay_peer *p, int index)
{
	return index < BY_SUBNET4 || p->subnet[index - BY_SUBNET4].ip.family;
}

/* Whether two records cannot be of two nodes. */
static bool clash(int index, const struct overlay_peer *a, const struct overlay_peer *b)
{
	return index < BY_SUBNET4 ? compare(index, a, b) == 0
				  : ip_net_overlap(&a->subnet[index - BY_SUBNET4],
						   &b->subnet[index - BY_SUBNET4]);
}

/* An earlier record that has the same, or NULL. */
static const struct overlay_peer *other_with(const struct overlay_peers *peers, int index,
					     const struct overlay_peer *p)
{
	const struct overlay_index *by = &peers->by[index];
	size_t at = place_of(peers, index, p);

	if (at < by->n && clash(index, &peers->p[by->at[at]], p))
		return &peers->p[by->at[at]];
	if (at > 0 && clash(index, &peers->p[by->at[at - 1]], p))
		return &peers->p[by->at[at - 1]];
	return NULL;
}

/* Several records of one node, told apart by their subnets. */
static bool same_node(const struct overlay_rules *rules, const struct overlay_peer *a,
		      const struct overlay_peer *b)
{
	return rules->shared_vtep && compare(BY_VTEP, a, b) == 0 && compare(BY_MAC, a, b) == 0;
}

static int check_clashes(const struct overlay_peers *peers, const struct overlay_rules *rules,
			 const struct overlay_peer *p, struct cni_err *err)
{
	char text[IP_STRLEN], theirs[IP_STRLEN], mac[MAC_STRLEN];

	for (int i = 0; i < INDEXES; i++) {
		const struct overlay_peer *other = has(p, i) ? other_with(peers, i, p) : NULL;

		if (!other || (i < BY_SUBNET4 && same_node(rules, other, p)))
			continue;
		if (i == BY_NODE)
			return cni_fail(err, CNI_E_CONF, 0, "\"node\": \"%s\" is given twice",
					p->node);
		if (i == BY_VTEP)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"vtep\": %s of node \"%s\" is that of node \"%s\"",
					ip_str(&p->vtep, text), p->node, other->node);
		if (i == BY_MAC)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"mac\": %s of node \"%s\" is that of node \"%s\"",
					mac_str(p->mac, mac), p->node, other->node);
		return cni_fail(err, CNI_E_CONF, 0,
				"\"subnet\": %s of node \"%s\" overlaps %s of node \"%s\"",
				ip_net_str(&p->subnet[i - BY_SUBNET4], text), p->node,
				ip_net_str(&other->subnet[i - BY_SUBNET4], theirs), other->node);
	}
	return 0;
}

static void put_index(struct overlay_peers *peers, int index)
{
	struct overlay_index *by = &peers->by[index];
	const struct overlay_peer *p = &peers->p[peers->n - 1];
	size_t at = place_of(peers, index, p);

	/* grown by doubling: at powers of two */
	if ((by->n & (by->n - 1)) == 0) {
		by->at = realloc(by->at, (by->n ? 2 * by->n : 1) * sizeof(*by->at));
		if (!by->at)
			abort();
	}
	memmove(by->at + at + 1, by->at + at, (by->n - at) * sizeof(*by->at));
	by->at[at] = (uint32_t)(peers->n - 1);
	by->n++;
}

/* Append a record that was checked. */
static void append(struct overlay_peers *peers, const struct overlay_peer *p)
{
	if ((peers->n & (peers->n - 1)) == 0) {
		peers->p = realloc(peers->p, (peers->n ? 2 * peers->n : 1) * sizeof(*peers->p));
		if (!peers->p)
			abort();
	}
	peers->p[peers->n++] = *p;
	for (int i = 0; i < INDEXES; i++)
		if (has(p, i))
			put_index(peers, i);
}

/* ---- one record ---- */

int overlay_node_read(const char *name, char node[OVERLAY_NODE_MAX], struct cni_err *err)
{
	size_t len = strlen(name);

	if (len == 0 || len >= OVERLAY_NODE_MAX)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"node\": a name has 1 to %d characters, not %zu",
				OVERLAY_NODE_MAX - 1, len);
	for (size_t i = 0; i < len; i++)
		if (!isascii(name[i]) || (!isalnum(name[i]) && !strchr("._-", name[i])))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"node\": \"%.60s\" has a character that is none of "
					"a-z A-Z 0-9 . _ -",
					name);
	memcpy(node, name, len + 1);
	return 0;
}

static int read_vtep(const char *vtep, const struct overlay_rules *rules, struct overlay_peer *p,
		     struct cni_err *err)
{
	char text[IP_STRLEN];

	if (ip_parse(vtep, &p->vtep) < 0)
		return cni_fail(err, CNI_E_CONF, 0, "\"vtep\": \"%.60s\" is no IP address", vtep);
	if (!ip_is_host(&p->vtep))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"vtep\": %s is not the address of a host in a network", vtep);
	for (int i = 0; i < OVERLAY_FAMILIES; i++)
		if (rules->network[i].ip.family && ip_net_contains(&rules->network[i], &p->vtep))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"vtep\": %s lies within the overlay itself (%s)", vtep,
					ip_net_str(&rules->network[i], text));
	return 0;
}

/* A node of others may have a MAC that its name does not tell. */
static int read_mac(const char *mac, uint32_t vni, struct overlay_peer *p, struct cni_err *err)
{
	if (!mac) {
		overlay_mac(p->node, vni, p->mac);
		return 0;
	}
	if (mac_parse(mac, p->mac) < 0)
		return cni_fail(err, CNI_E_CONF, 0, "\"mac\": \"%.60s\" is no MAC address", mac);
	if ((p->mac[0] & 1) || memcmp(p->mac, (uint8_t[6]){ 0 }, 6) == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mac\": %.60s is not the address of an interface", mac);
	return 0;
}

static int read_subnet(const char *subnet, const struct overlay_rules *rules,
		       struct overlay_peer *p, struct cni_err *err)
{
	const struct ip_net *network;
	struct ip_net net, whole;
	char text[IP_STRLEN];
	int slot;

	if (ip_net_parse(subnet, &net) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"subnet\": \"%.60s\" is no prefix (such as 10.5.1.0/24)", subnet);
	whole = ip_network(&net);
	if (!ip_equal(&whole.ip, &net.ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"subnet\": %s has host bits; %s is meant?",
				subnet, ip_net_str(&whole, text));
	slot = overlay_slot(&net.ip);
	network = &rules->network[slot];
	if (p->subnet[slot].ip.family)
		return cni_fail(err, CNI_E_CONF, 0, "\"subnet\": %s is the second of its family",
				subnet);
	if (net.len + 2 > ip_bits(&net.ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"subnet\": %s is too small for a container",
				subnet);
	if (!network->ip.family || net.len < network->len || !ip_net_contains(network, &net.ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"subnet\": %s is not within \"network\"%s%s",
				subnet, network->ip.family ? ", " : "",
				network->ip.family ? ip_net_str(network, text) : "");
	p->subnet[slot] = net;
	return 0;
}

static int read_subnets(const json_t *value, const struct overlay_rules *rules,
			struct overlay_peer *p, struct cni_err *err)
{
	const json_t *item;
	char text[80];
	size_t i;
	int r = 0;

	if (json_is_string(value))
		return read_subnet(json_string_value(value), rules, p, err);
	if (!value)
		return cni_fail(err, CNI_E_CONF, 0, "\"subnet\" is missing");
	if (!json_is_array(value))
		return cni_fail(err, CNI_E_DECODE, 0,
				"\"subnet\": expected a string or an array of strings, not %s",
				conf_text(value, text, sizeof(text)));
	if (json_array_size(value) == 0)
		return cni_fail(err, CNI_E_CONF, 0, "\"subnet\": the array is empty");
	json_array_foreach (value, i, item) {
		if (!json_is_string(item))
			return cni_fail(err, CNI_E_DECODE, 0,
					"\"subnet\": expected a string, not %s",
					conf_text(item, text, sizeof(text)));
		r = read_subnet(json_string_value(item), rules, p, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int overlay_peers_add(struct overlay_peers *peers, const struct overlay_rules *rules,
		      const json_t *record, struct cni_err *err)
{
	struct {
		const char *node, *vtep, *mac;
	} given = { NULL, NULL, NULL };
	static const struct conf_key keys[] = { { "node", CONF_STRING, 0, .required = true },
						{ "vtep", CONF_STRING, sizeof(char *),
						  .required = true },
						{ "mac", CONF_STRING, 2 * sizeof(char *) },
						CONF_END };
	struct overlay_peer p = { .node = "" };
	char text[80];
	int r;

	if (!json_is_object(record))
		return cni_fail(err, CNI_E_DECODE, 0, "expected an object, not %s",
				conf_text(record, text, sizeof(text)));
	r = conf_read(record, "", keys, &given, err);
	if (r == 0)
		r = overlay_node_read(given.node, p.node, err);
	if (r == 0)
		r = read_vtep(given.vtep, rules, &p, err);
	if (r == 0)
		r = read_subnets(conf_get(record, "subnet"), rules, &p, err);
	if (r == 0)
		r = read_mac(given.mac, rules->vni, &p, err);
	if (r == 0)
		r = check_clashes(peers, rules, &p, err);
	if (r < 0)
		return r;
	append(peers, &p);
	return 0;
}

/* ---- many ---- */

int overlay_peers_array(struct overlay_peers *peers, const struct overlay_rules *rules,
			const json_t *array, const char *path, struct cni_err *err)
{
	const json_t *record;
	size_t i;

	json_array_foreach (array, i, record) {
		struct cni_err why = { 0 };
		int r = overlay_peers_add(peers, rules, record, &why);

		if (r < 0)
			return cni_fail(err, why.code, why.errnum, "\"%s[%zu]\": %s", path, i,
					why.msg);
	}
	return 0;
}

/* Where in a file a record stands: " line 3", or " [3]". */
struct place {
	const char *name, *before;
	size_t number;
	const char *after;
};

static int refuse(const struct place *place, const char *why)
{
	log_warn("%.500s %s%zu%s: refused: %s", place->name, place->before, place->number,
		 place->after, why);
	return 1;
}

static int refuse_bad(struct overlay_peers *peers, const struct overlay_rules *rules,
		      const json_t *record, const struct place *place)
{
	struct cni_err why = { 0 };

	return overlay_peers_add(peers, rules, record, &why) < 0 ? refuse(place, why.msg) : 0;
}

static int add_lines(struct overlay_peers *peers, const struct overlay_rules *rules,
		     const char *text, const char *name)
{
	json_error_t bad;
	int refused = 0;

	for (size_t line = 1; *text; line++) {
		const struct place place = { name, "line ", line, "" };
		size_t len = strcspn(text, "\n");
		char why[sizeof(bad.text) + 16];

		if (strspn(text, " \t\r") < len) {
			json_auto_t *record = json_loadb(text, len, 0, &bad);

			if (!record)
				snprintf(why, sizeof(why), "no JSON: %s", bad.text);
			refused += record ? refuse_bad(peers, rules, record, &place)
					  : refuse(&place, why);
		}
		text += len + (text[len] == '\n');
	}
	return refused;
}

int overlay_peers_text(struct overlay_peers *peers, const struct overlay_rules *rules,
		       const char *text, const char *name, struct cni_err *err)
{
	json_auto_t *array = NULL;
	const json_t *record;
	json_error_t bad;
	int refused = 0;
	size_t i;

	if (text[strspn(text, " \t\r\n")] != '[')
		return add_lines(peers, rules, text, name);
	array = json_loads(text, 0, &bad);
	if (!array)
		return cni_fail(err, CNI_E_DECODE, 0, "\"peersFile\": %.500s line %d: no JSON: %s",
				name, bad.line, bad.text);
	json_array_foreach (array, i, record) {
		const struct place place = { name, "[", i, "]" };

		refused += refuse_bad(peers, rules, record, &place);
	}
	return refused;
}

int overlay_peers_file(struct overlay_peers *peers, const struct overlay_rules *rules,
		       const char *name, struct cni_err *err)
{
	autofree char *text = NULL;
	size_t len = 0;
	int r = file_read(AT_FDCWD, name, OVERLAY_PEERS_MAX, &text, &len);

	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "\"peersFile\": read %.500s", name);
	if (strlen(text) != len)
		return cni_fail(err, CNI_E_DECODE, 0, "\"peersFile\": %.500s has a NUL byte", name);
	return overlay_peers_text(peers, rules, text, name, err);
}

const struct overlay_peer *overlay_peers_find(const struct overlay_peers *peers, const char *node)
{
	for (size_t i = 0; i < peers->n; i++)
		if (strcmp(peers->p[i].node, node) == 0)
			return &peers->p[i];
	return NULL;
}
