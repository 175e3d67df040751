/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A fuzz target: what a store may say of an overlay network, what etcd's gateway may answer, and
 * the files that a node keeps.
 *
 * The first byte says what the rest is. It is read as the program reads it; what is taken must be
 * what the headers promise, and must come back the same after it was printed; what is refused must
 * leave everything as it was, and a sentence that can be shown. Works with libFuzzer ("make fuzz")
 * and with driver.c.
 */
#include "tests/fuzz/fuzz.h"

#include "cleanup.h"
#include "flannel.h"
#include "overlay_peers.h"
#include "overlay_state.h"
#include "tools/overlayd/etcd_json.h"

#include <ctype.h>
#include <string.h>

#define PATTERN 0x5a /* what nobody may have written over */
#define MANY	48   /* records that are compared with each other */

unsigned long fuzz_accepted;

#define CHECK(what) ((what) ? (void)0 : fuzz_failed(__func__, __LINE__, #what))

/* ---- what holds for everything ---- */

/* No control characters, neither of ASCII nor those of Latin-1 in UTF-8. */
static bool is_printable_n(const char *text, size_t n)
{
	for (size_t i = 0; i < n; i++)
		if ((unsigned char)text[i] < ' ' || text[i] == 0x7f ||
		    (i > 0 && text[i - 1] == '\xc2' && (unsigned char)text[i] < 0xa0))
			return false;
	return true;
}

static bool is_printable(const char *text)
{
	return is_printable_n(text, strlen(text));
}

/* Takes what would go to stderr, and may reach a terminal: lines. */
static ssize_t take_log(void *cookie, const char *text, size_t size)
{
	size_t end = size && text[size - 1] == '\n' ? size - 1 : size;

	(void)cookie;
	CHECK(is_printable_n(text, end));
	return (ssize_t)size;
}

static void take_stderr(void)
{
	static FILE *taken;
	static const cookie_io_functions_t io = { .write = take_log };

	if (taken)
		return;
	taken = fopencookie(NULL, "w", io);
	if (!taken || setvbuf(taken, NULL, _IOLBF, 8192) != 0)
		abort();
	stderr = taken;
}

static bool is_untouched(const void *what, size_t size)
{
	const unsigned char *byte = what;

	for (size_t i = 0; i < size; i++)
		if (byte[i] != PATTERN)
			return false;
	return true;
}

static void check_refusal(int r, const struct cni_err *err, const void *out, size_t size)
{
	CHECK(r < 0);
	CHECK(err->code != 0);
	CHECK(err->msg[0] != '\0');
	CHECK(is_printable(err->msg));
	CHECK(is_untouched(out, size));
}

static bool same_net(const struct ip_net *a, const struct ip_net *b)
{
	return (!a->ip.family && !b->ip.family) || (a->len == b->len && ip_equal(&a->ip, &b->ip));
}

static bool same_nets(const struct ip_net a[2], const struct ip_net b[2])
{
	return same_net(&a[0], &b[0]) && same_net(&a[1], &b[1]);
}

/* A prefix of containers: whole, of the right family, with room for one. */
static void check_subnet(const struct ip_net *net, int slot)
{
	struct ip_net whole = ip_network(net);

	CHECK(net->ip.family == (slot ? AF_INET6 : AF_INET));
	CHECK(ip_equal(&whole.ip, &net->ip));
	CHECK(ip_net_is_host(net));
	CHECK(net->len + 2 <= ip_bits(&net->ip));
}

static void check_mac(const uint8_t mac[6])
{
	static const uint8_t none[6];

	CHECK(!(mac[0] & 1));
	CHECK(memcmp(mac, none, sizeof(none)) != 0);
}

static void check_vtep(const struct ip_addr *vtep)
{
	CHECK(!ip_is_unspecified(vtep));
	CHECK(!ip_is_loopback(vtep));
	CHECK(!ip_is_multicast(vtep));
	CHECK(ip_is_host(vtep));
}

/* ---- a lease: key, newline, value ---- */

static void check_same_lease(const struct flannel_lease *a, const struct flannel_lease *b)
{
	CHECK(same_nets(a->subnet, b->subnet));
	CHECK(strcmp(a->backend, b->backend) == 0);
	for (int i = 0; i < 2; i++) {
		CHECK(ip_equal(&a->vtep[i], &b->vtep[i]));
		CHECK(a->has_data[i] == b->has_data[i]);
		CHECK(a->vni[i] == b->vni[i]);
		CHECK(memcmp(a->mac[i], b->mac[i], 6) == 0);
	}
}

static void check_lease(const struct flannel_lease *lease)
{
	bool vxlan = strcmp(lease->backend, FLANNEL_BACKEND) == 0, reachable = false;

	for (int i = 0; i < 2; i++) {
		if (lease->subnet[i].ip.family)
			check_subnet(&lease->subnet[i], i);
		if (lease->vtep[i].family) {
			CHECK(lease->vtep[i].family == (i ? AF_INET6 : AF_INET));
			check_vtep(&lease->vtep[i]);
		}
		if (!lease->has_data[i])
			continue;
		CHECK(vxlan);
		check_mac(lease->mac[i]);
		CHECK(lease->vni[i] <= 0xffff);
		reachable = reachable || (lease->subnet[i].ip.family && lease->vtep[i].family);
	}
	CHECK(lease->subnet[0].ip.family || lease->subnet[1].ip.family);
	CHECK(reachable || !vxlan);
}

static void try_lease(char *text)
{
	struct flannel_lease lease, again;
	struct cni_err err = { 0 };
	char *value = text + strcspn(text, "\n"), key[FLANNEL_KEY_MAX];
	autofree char *printed = NULL;
	int r;

	if (*value)
		*value++ = '\0';
	memset(&lease, PATTERN, sizeof(lease));
	r = flannel_lease_parse(text, value, &lease, &err);
	if (r != 0) {
		check_refusal(r, &err, &lease, sizeof(lease));
		return;
	}
	fuzz_accepted++;
	check_lease(&lease);
	printed = flannel_lease_value(&lease);
	CHECK(flannel_lease_parse(flannel_key(lease.subnet, key), printed, &again, &err) == 0);
	check_same_lease(&lease, &again);
}

/* ---- the network's configuration ---- */

static char *print_config(const struct flannel_config *c)
{
	char net[2][IP_STRLEN] = { "", "" }, min[2][IP_STRLEN], max[2][IP_STRLEN];
	char *text = NULL;

	for (int i = 0; i < 2; i++) {
		if (c->network[i].ip.family)
			ip_net_str(&c->network[i], net[i]);
		ip_str(&c->min[i], min[i]);
		ip_str(&c->max[i], max[i]);
	}
	if (asprintf(&text,
		     "{\"EnableIPv4\":%s,\"Network\":\"%s\",\"SubnetLen\":%u,\"SubnetMin\":\"%s\","
		     "\"SubnetMax\":\"%s\",\"EnableIPv6\":%s,\"IPv6Network\":\"%s\","
		     "\"IPv6SubnetLen\":%u,\"IPv6SubnetMin\":\"%s\",\"IPv6SubnetMax\":\"%s\","
		     "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":%u,\"Port\":%u,\"MTU\":%d,"
		     "\"DirectRouting\":%s,\"Learning\":%s,\"GBP\":%s}}",
		     *net[0] ? "true" : "false", net[0], c->subnet_len[0], min[0], max[0],
		     *net[1] ? "true" : "false", net[1], c->subnet_len[1], min[1], max[1], c->vni,
		     c->port, c->mtu, c->direct ? "true" : "false", c->learning ? "true" : "false",
		     c->gbp ? "true" : "false") < 0)
		abort();
	return text;
}

static void check_same_config(const struct flannel_config *a, const struct flannel_config *b)
{
	CHECK(same_nets(a->network, b->network));
	for (int i = 0; i < 2; i++) {
		CHECK(a->subnet_len[i] == b->subnet_len[i]);
		CHECK(ip_equal(&a->min[i], &b->min[i]));
		CHECK(ip_equal(&a->max[i], &b->max[i]));
	}
	CHECK(a->vni == b->vni && a->port == b->port && a->mtu == b->mtu);
	CHECK(a->direct == b->direct && a->learning == b->learning && a->gbp == b->gbp);
}

/* Subnets are given out until there are a few; they are of the network and do not overlap. */
static void check_picks(const struct flannel_config *c, int slot, uint32_t random)
{
	/* half of the first is in use already */
	struct ip_net taken[6] = { { c->min[slot], c->subnet_len[slot] + 1 } };
	size_t n = 1;

	while (n < ARRAY_SIZE(taken)) {
		struct ip_net got;
		int r = flannel_pick(c, slot, taken, n, &taken[n - 1], random + (uint32_t)n, &got);

		if (r != 0) {
			CHECK(r == -ENOSPC);
			return;
		}
		check_subnet(&got, slot);
		CHECK(got.len == c->subnet_len[slot]);
		CHECK(ip_net_contains(&c->network[slot], &got.ip));
		CHECK(ip_cmp(&c->min[slot], &got.ip) <= 0 && ip_cmp(&got.ip, &c->max[slot]) <= 0);
		for (size_t i = 0; i < n; i++)
			CHECK(!ip_net_overlap(&taken[i], &got));
		taken[n++] = got;
	}
}

static void check_config(const struct flannel_config *c)
{
	for (int i = 0; i < 2; i++) {
		struct ip_net last = { c->max[i], c->subnet_len[i] };

		if (!c->network[i].ip.family)
			continue;
		check_subnet(&c->network[i], i);
		CHECK(c->subnet_len[i] >= c->network[i].len + 2);
		check_subnet(&last, i);
		CHECK(ip_net_contains(&c->network[i], &c->min[i]));
		CHECK(ip_net_contains(&c->network[i], &c->max[i]));
		check_picks(c, i, c->vni);
	}
	CHECK(c->network[0].ip.family || c->network[1].ip.family);
	CHECK(c->vni >= 1 && c->vni <= 0xffffff && c->port >= 1);
	CHECK(c->mtu == 0 || (c->mtu >= 68 && c->mtu <= 65535));
}

static void try_config(char *text)
{
	struct flannel_config config, again;
	struct cni_err err = { 0 };
	autofree char *printed = NULL;
	int r;

	memset(&config, PATTERN, sizeof(config));
	r = flannel_config_parse(text, &config, &err);
	if (r != 0) {
		check_refusal(r, &err, &config, sizeof(config));
		return;
	}
	fuzz_accepted++;
	check_config(&config);
	printed = print_config(&config);
	CHECK(flannel_config_parse(printed, &again, &err) == 0);
	check_same_config(&config, &again);
}

/* ---- subnet.env ---- */

static void try_env(char *text)
{
	struct flannel_env env, again;
	struct cni_err err = { 0 };
	autofree char *printed = NULL;
	int r;

	memset(&env, PATTERN, sizeof(env));
	r = flannel_env_parse(text, &env, &err);
	if (r != 0) {
		check_refusal(r, &err, &env, sizeof(env));
		return;
	}
	fuzz_accepted++;
	for (int i = 0; i < 2; i++) {
		struct ip_net whole = ip_network(&env.subnet[i]);

		CHECK(!env.network[i].ip.family == !env.subnet[i].ip.family);
		if (!env.network[i].ip.family)
			continue;
		check_subnet(&whole, i);
		CHECK(ip_net_contains(&env.network[i], &env.subnet[i].ip));
		CHECK(env.subnet[i].len >= env.network[i].len);
		CHECK(ip_sub(&env.subnet[i].ip, &whole.ip) == 1);
	}
	CHECK(env.network[0].ip.family || env.network[1].ip.family);
	CHECK(env.mtu >= 68 && env.mtu <= 65535);
	printed = flannel_env_text(&env);
	CHECK(flannel_env_parse(printed, &again, &err) == 0);
	CHECK(same_nets(env.network, again.network) && same_nets(env.subnet, again.subnet));
	CHECK(env.mtu == again.mtu && env.ipmasq == again.ipmasq);
}

/* ---- records of nodes ---- */

static json_t *print_peer(const struct overlay_peer *p)
{
	char vtep[IP_STRLEN], net[IP_STRLEN], mac[24];
	json_t *subnets = json_array();

	for (int i = 0; i < 2; i++)
		if (p->subnet[i].ip.family)
			json_array_append_new(subnets, json_string(ip_net_str(&p->subnet[i], net)));
	snprintf(mac, sizeof(mac), "%02x:%02x:%02x:%02x:%02x:%02x", p->mac[0], p->mac[1], p->mac[2],
		 p->mac[3], p->mac[4], p->mac[5]);
	return json_pack("{s:s, s:s, s:s, s:o}", "node", p->node, "vtep", ip_str(&p->vtep, vtep),
			 "mac", mac, "subnet", subnets);
}

static void check_peer(const struct overlay_rules *rules, const struct overlay_peer *p)
{
	CHECK(p->node[0] && strnlen(p->node, sizeof(p->node)) < sizeof(p->node));
	for (const char *c = p->node; *c; c++)
		CHECK(isascii(*c) && (isalnum(*c) || strchr("._-", *c)));
	check_vtep(&p->vtep);
	check_mac(p->mac);
	CHECK(p->subnet[0].ip.family || p->subnet[1].ip.family);
	for (int i = 0; i < 2; i++) {
		CHECK(!rules->network[i].ip.family ||
		      !ip_net_contains(&rules->network[i], &p->vtep));
		if (!p->subnet[i].ip.family)
			continue;
		check_subnet(&p->subnet[i], i);
		CHECK(p->subnet[i].len >= rules->network[i].len);
		CHECK(ip_net_contains(&rules->network[i], &p->subnet[i].ip));
	}
}

/* Two records: of two nodes, or of one where a node may have several. */
static void check_pair(const struct overlay_rules *rules, const struct overlay_peer *a,
		       const struct overlay_peer *b)
{
	bool vtep = ip_equal(&a->vtep, &b->vtep), mac = memcmp(a->mac, b->mac, 6) == 0;

	if (rules->shared_vtep)
		CHECK(vtep == mac);
	else
		CHECK(!vtep && !mac && strcmp(a->node, b->node) != 0);
	for (int i = 0; i < 2; i++)
		CHECK(!a->subnet[i].ip.family || !b->subnet[i].ip.family ||
		      !ip_net_overlap(&a->subnet[i], &b->subnet[i]));
}

static void check_peers(const struct overlay_rules *rules, const struct overlay_peers *peers)
{
	autopeers struct overlay_peers again = { 0 };
	json_auto_t *array = json_array();
	struct cni_err err = { 0 };

	for (size_t i = 0; i < peers->n; i++) {
		check_peer(rules, &peers->p[i]);
		for (size_t k = 0; k < i && i < MANY; k++)
			check_pair(rules, &peers->p[k], &peers->p[i]);
		json_array_append_new(array, print_peer(&peers->p[i]));
	}
	CHECK(overlay_peers_array(&again, rules, array, "peers", &err) == 0);
	CHECK(again.n == peers->n);
	for (size_t i = 0; i < again.n; i++) {
		CHECK(strcmp(again.p[i].node, peers->p[i].node) == 0);
		CHECK(ip_equal(&again.p[i].vtep, &peers->p[i].vtep));
		CHECK(memcmp(again.p[i].mac, peers->p[i].mac, 6) == 0);
		CHECK(same_nets(again.p[i].subnet, peers->p[i].subnet));
	}
	if (again.n)
		CHECK(overlay_peers_find(&again, peers->p[0].node) != NULL);
}

static struct overlay_rules some_rules(bool shared_vtep)
{
	struct overlay_rules rules = { .vni = 42, .shared_vtep = shared_vtep };

	if (ip_net_parse("10.5.0.0/16", &rules.network[0]) < 0 ||
	    ip_net_parse("fd05::/48", &rules.network[1]) < 0)
		abort();
	return rules;
}

/* A file: what is bad in it is left out. */
static void try_peers_text(char *text, bool shared_vtep)
{
	autopeers struct overlay_peers peers = { 0 };
	struct overlay_rules rules = some_rules(shared_vtep);
	struct cni_err err = { 0 };
	int r = overlay_peers_text(&peers, &rules, text, "file", &err);

	CHECK(r >= 0 || (err.code != 0 && is_printable(err.msg) && peers.n == 0));
	fuzz_accepted += peers.n > 0;
	check_peers(&rules, &peers);
}

/* The array of a configuration: one bad record, and that is it. */
static void try_peers_array(char *text)
{
	autopeers struct overlay_peers peers = { 0 };
	struct overlay_rules rules = some_rules(false);
	json_auto_t *array = json_loads(text, 0, NULL);
	struct cni_err err = { 0 };
	int r = overlay_peers_array(&peers, &rules, array, "peers", &err);

	CHECK(r == 0 || (r < 0 && err.code != 0 && is_printable(err.msg)));
	CHECK(r < 0 || peers.n == json_array_size(array));
	fuzz_accepted += r == 0 && peers.n > 0;
	check_peers(&rules, &peers);
}

/* ---- the state in /run ---- */

static void try_state(char *text)
{
	autostate struct overlay_state st = { 0 }, again = { 0 };
	json_auto_t *given = json_loads(text, 0, NULL), *printed = NULL, *reprinted = NULL;
	char name[OVERLAY_DEVICE_MAX];
	int r = overlay_state_parse(given, &st);

	if (r != 0) {
		CHECK(r < 0 && !st.vteps && !st.n_vteps && !st.network[0] && !st.vni);
		return;
	}
	fuzz_accepted++;
	CHECK(st.vni >= 1 && st.vni <= 0xffffff && st.port >= 1);
	CHECK(strlen(overlay_device_name(st.vni, true, name)) < OVERLAY_DEVICE_MAX - 1);
	printed = overlay_state_json(&st);
	CHECK(printed != NULL);
	CHECK(overlay_state_parse(printed, &again) == 0);
	CHECK(st.managed == again.managed && st.mtu == (again.managed ? again.mtu : st.mtu));
	CHECK(same_nets(st.net, again.net) && same_nets(st.subnet, again.subnet));
	CHECK(st.n_vteps == again.n_vteps);
	reprinted = overlay_state_json(&again);
	CHECK(json_equal(printed, reprinted));
	overlay_state_sort(&again);
	for (size_t i = 1; i < again.n_vteps; i++)
		CHECK(ip_cmp(&again.vteps[i - 1], &again.vteps[i]) < 0);
}

/* ---- answers of etcd's gateway, which do not end with NUL ---- */

/* What is base64 says one thing only. */
static void check_base64(const char *text)
{
	size_t len;
	autofree char *bytes = etcd_unbase64(text, &len);
	autofree char *again = bytes ? etcd_base64(bytes, len) : NULL;

	if (!bytes)
		return;
	CHECK(bytes[len] == '\0');
	CHECK(strcmp(again, text) == 0);
}

static void check_kv(const json_t *obj)
{
	struct etcd_key raw = { 0 };
	struct etcd_kv kv;

	memset(&kv, PATTERN, sizeof(kv));
	if (etcd_json_kv(obj, &kv, &raw) < 0) {
		CHECK(is_untouched(&kv, sizeof(kv)));
		CHECK(!raw.data);
		return;
	}
	fuzz_accepted++;
	CHECK(kv.key[0] && kv.value);
	/* NUL bytes of it are hidden in the text */
	CHECK(raw.len == strlen(kv.key));
	CHECK(raw.data[raw.len] == '\0');
	free(raw.data);
	etcd_kv_free(&kv);
}

static void walk(const json_t *value, int depth)
{
	const json_t *item;
	const char *key;
	int64_t n;
	size_t i;

	/* braces and brackets count, what is in them does not */
	CHECK(depth <= ETCD_DEPTH_MAX || !(json_is_object(value) || json_is_array(value)));
	if (json_is_string(value))
		check_base64(json_string_value(value));
	if (json_is_object(value))
		check_kv(value);
	json_array_foreach (value, i, item)
		walk(item, depth + 1);
	json_object_foreach ((json_t *)value, key, item) {
		if (etcd_json_int(value, key, &n) == 0 && json_is_integer(item))
			CHECK(n == json_integer_value(item));
		walk(item, depth + 1);
	}
}

static void try_answer(const char *text, size_t len)
{
	autofree char *exact = malloc(len ? len : 1);
	json_auto_t *obj = NULL;

	if (!exact)
		abort();
	memcpy(exact, text, len);
	obj = etcd_json_parse(exact, len);
	CHECK(!obj || json_is_object(obj));
	walk(obj, 1);
}

static void try(char what, char *text, size_t len)
{
	switch (what) {
	case 'L':
		return try_lease(text);
	case 'C':
		return try_config(text);
	case 'E':
		return try_env(text);
	case 'P':
		return try_peers_text(text, false);
	case 'Q':
		return try_peers_text(text, true);
	case 'A':
		return try_peers_array(text);
	case 'S':
		return try_state(text);
	case 'J':
		return try_answer(text, len);
	default:
		return;
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	autofree char *text = NULL;

	if (size == 0)
		return 0;
	take_stderr();
	/* not a byte more than there is, for the sanitizer */
	text = malloc(size);
	if (!text)
		abort();
	memcpy(text, data + 1, size - 1);
	text[size - 1] = '\0';
	try((char)data[0], text, size - 1);
	return 0;
}
