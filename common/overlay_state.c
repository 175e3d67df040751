/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What a node keeps of each overlay network beside its attachments. */
#include "overlay_state.h"

#include "args.h"
#include "cleanup.h"
#include "file.h"
#include "lock.h"
#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define STATE_MAX (4u << 20)

void overlay_state_free(struct overlay_state *st)
{
	free(st->vteps);
	free(st->peers);
	memset(st, 0, sizeof(*st));
}

char *overlay_device_name(uint32_t vni, bool second, char name[OVERLAY_DEVICE_MAX])
{
	snprintf(name, OVERLAY_DEVICE_MAX, second ? "vx%u-v6" : "vx%u", vni);
	return name;
}

static int by_address(const void *a, const void *b)
{
	return ip_cmp(a, b);
}

void overlay_state_sort(struct overlay_state *st)
{
	size_t n = 0;

	if (st->n_vteps)
		qsort(st->vteps, st->n_vteps, sizeof(*st->vteps), by_address);
	for (size_t i = 0; i < st->n_vteps; i++)
		if (n == 0 || !ip_equal(&st->vteps[n - 1], &st->vteps[i]))
			st->vteps[n++] = st->vteps[i];
	st->n_vteps = n;
}

/* ---- peers ---- */

static int by_vtep(const void *a, const void *b)
{
	const struct overlay_peer *one = a, *other = b;
	int d = ip_cmp(&one->vtep, &other->vtep);

	/* a store may know several records of a VTEP */
	return d ? d : strcmp(one->node, other->node);
}

void overlay_state_take_peers(struct overlay_state *st, struct overlay_peer *peers, size_t n)
{
	free(st->peers);
	free(st->vteps);
	st->peers = peers;
	st->n_peers = n;
	st->vteps = calloc(n + 1, sizeof(*st->vteps));
	if (!st->vteps)
		abort();
	if (st->n_peers)
		qsort(st->peers, st->n_peers, sizeof(*st->peers), by_vtep);
	for (size_t i = 0; i < st->n_peers; i++)
		st->vteps[i] = st->peers[i].vtep;
	st->n_vteps = st->n_peers;
	overlay_state_sort(st);
}

void overlay_state_set_peers(struct overlay_state *st, const struct overlay_peers *peers,
			     const struct overlay_peer *own)
{
	struct overlay_peer *copies = calloc(peers->n + 1, sizeof(*copies));
	size_t n = 0;

	if (!copies)
		abort();
	for (size_t i = 0; i < peers->n; i++)
		if (!peers->p[i].refused && &peers->p[i] != own)
			copies[n++] = peers->p[i];
	overlay_state_take_peers(st, copies, n);
}

static bool same_net(const struct ip_net *a, const struct ip_net *b)
{
	return a->len == b->len && ip_equal(&a->ip, &b->ip);
}

static bool same_peer(const struct overlay_peer *a, const struct overlay_peer *b)
{
	return memcmp(a->mac, b->mac, sizeof(a->mac)) == 0 &&
	       same_net(&a->subnet[0], &b->subnet[0]) && same_net(&a->subnet[1], &b->subnet[1]);
}

void overlay_state_age(struct overlay_state *st, const struct overlay_state *before, int64_t now)
{
	for (size_t i = 0, k = 0; i < st->n_peers; i++) {
		struct overlay_peer *p = &st->peers[i];

		while (k < before->n_peers && by_vtep(&before->peers[k], p) < 0)
			k++;
		p->since = k < before->n_peers && by_vtep(&before->peers[k], p) == 0 &&
					   same_peer(&before->peers[k], p)
				   ? before->peers[k].since
				   : now;
	}
}

static bool same_nets(const struct ip_net a[2], const struct ip_net b[2])
{
	return same_net(&a[0], &b[0]) && same_net(&a[1], &b[1]);
}

static bool same_others(const struct overlay_state *a, const struct overlay_state *b)
{
	if (a->n_peers != b->n_peers || a->n_vteps != b->n_vteps)
		return false;
	for (size_t i = 0; i < a->n_vteps; i++)
		if (!ip_equal(&a->vteps[i], &b->vteps[i]))
			return false;
	for (size_t i = 0; i < a->n_peers; i++)
		if (by_vtep(&a->peers[i], &b->peers[i]) != 0 ||
		    !same_peer(&a->peers[i], &b->peers[i]) ||
		    a->peers[i].since != b->peers[i].since)
			return false;
	return true;
}

bool overlay_state_equal(const struct overlay_state *a, const struct overlay_state *b)
{
	return strcmp(a->network, b->network) == 0 && strcmp(a->node, b->node) == 0 &&
	       a->vni == b->vni && a->port == b->port && a->direct == b->direct && a->l2 == b->l2 &&
	       a->evpn == b->evpn && a->fast == b->fast && a->managed == b->managed &&
	       a->foreign == b->foreign && a->mtu == b->mtu &&
	       strcmp(a->conflict, b->conflict) == 0 && ip_equal(&a->local, &b->local) &&
	       same_nets(a->net, b->net) && same_nets(a->subnet, b->subnet) && same_others(a, b);
}

/* ---- JSON ---- */

json_t *overlay_nets_json(const struct ip_net net[2])
{
	json_t *list = json_array();
	char text[IP_STRLEN];

	for (int i = 0; i < 2; i++)
		if (net[i].ip.family)
			json_array_append_new(list, json_string(ip_net_str(&net[i], text)));
	return list;
}

json_t *overlay_peer_json(const struct overlay_peer *peer, uint32_t vni)
{
	char vtep[IP_STRLEN], text[MAC_STRLEN];
	uint8_t mac[6];
	json_t *obj =
		json_pack("{s:s, s:s, s:o}", "node", peer->node, "vtep", ip_str(&peer->vtep, vtep),
			  "subnets", overlay_nets_json(peer->subnet));

	overlay_mac(peer->node, vni, mac);
	if (memcmp(mac, peer->mac, sizeof(mac)) != 0)
		json_object_set_new(obj, "mac", json_string(mac_str(peer->mac, text)));
	if (peer->since)
		json_object_set_new(obj, "since", json_integer(peer->since));
	return obj;
}

static json_t *vteps_json(const struct overlay_state *st)
{
	json_t *vteps = json_array();
	char text[IP_STRLEN];

	for (size_t i = 0; i < st->n_vteps; i++)
		json_array_append_new(vteps, json_string(ip_str(&st->vteps[i], text)));
	return vteps;
}

static json_t *peers_json(const struct overlay_state *st)
{
	json_t *peers = json_array();

	for (size_t i = 0; i < st->n_peers; i++)
		json_array_append_new(peers, overlay_peer_json(&st->peers[i], st->vni));
	return peers;
}

json_t *overlay_state_json(const struct overlay_state *st)
{
	char name[OVERLAY_DEVICE_MAX], text[IP_STRLEN], conflict[sizeof(st->conflict)];
	json_t *obj;

	/* a sentence that was cut may end within a character, which is no JSON */
	memcpy(conflict, st->conflict, sizeof(conflict));
	text_sanitize(conflict);
	obj = json_pack("{s:s, s:I, s:i, s:s, s:b, s:s, s:o, s:o, s:o}", "network", st->network,
			"vni", (json_int_t)st->vni, "port", (int)st->port, "device",
			overlay_device_name(st->vni, false, name), "direct", (int)st->direct,
			"local", ip_str(&st->local, text), "networks", overlay_nets_json(st->net),
			"subnets", overlay_nets_json(st->subnet), st->n_peers ? "peers" : "vteps",
			st->n_peers ? peers_json(st) : vteps_json(st));
	if (obj && st->node[0])
		json_object_set_new(obj, "node", json_string(st->node));
	if (obj && st->l2)
		json_object_update_new(obj, json_pack("{s:s, s:b}", "mode", overlay_state_mode(st),
						      "evpn", (int)st->evpn));
	if (obj && st->managed)
		json_object_update_new(obj, json_pack("{s:b, s:i, s:s}", "managed", 1, "mtu",
						      st->mtu, "conflict", conflict));
	if (obj && st->foreign)
		json_object_set_new(obj, "foreign", json_true());
	if (obj && st->fast)
		json_object_set_new(obj, "fast", json_true());
	return obj;
}

int overlay_nets_parse(const json_t *list, struct ip_net net[2])
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item) {
		struct ip_net one;

		if (!json_is_string(item) || ip_net_parse(json_string_value(item), &one) < 0)
			return -EBADMSG;
		net[one.ip.family == AF_INET6] = one;
	}
	return 0;
}

static int read_vteps(const json_t *list, struct overlay_state *st)
{
	const json_t *item;
	size_t i;

	st->vteps = calloc(json_array_size(list) + 1, sizeof(*st->vteps));
	if (!st->vteps)
		abort();
	json_array_foreach (list, i, item)
		if (!json_is_string(item) ||
		    ip_parse(json_string_value(item), &st->vteps[st->n_vteps++]) < 0)
			return -EBADMSG;
	return 0;
}

static int read_peer(const json_t *obj, uint32_t vni, struct overlay_peer *p)
{
	const char *node = json_string_value(json_object_get(obj, "node"));
	const char *vtep = json_string_value(json_object_get(obj, "vtep"));
	const char *mac = json_string_value(json_object_get(obj, "mac"));
	const json_t *subnets = json_object_get(obj, "subnets");

	if (!subnets)
		subnets = json_object_get(obj, "subnet");
	if (!node || strlen(node) >= sizeof(p->node) || !vtep || ip_parse(vtep, &p->vtep) < 0 ||
	    overlay_nets_parse(subnets, p->subnet) < 0)
		return -EBADMSG;
	snprintf(p->node, sizeof(p->node), "%s", node);
	p->since = json_integer_value(json_object_get(obj, "since"));
	overlay_mac(p->node, vni, p->mac);
	return mac && mac_parse(mac, p->mac) < 0 ? -EBADMSG : 0;
}

int overlay_peers_parse(const json_t *array, uint32_t vni, struct overlay_peer **peers, size_t *n)
{
	struct overlay_peer *p = calloc(json_array_size(array) + 1, sizeof(*p));
	const json_t *item;
	size_t i;

	if (!p)
		abort();
	json_array_foreach (array, i, item)
		if (read_peer(item, vni, &p[i]) < 0) {
			free(p);
			return -EBADMSG;
		}
	*peers = p;
	*n = json_array_size(array);
	return 0;
}

/* The peers, or what an older version has written: their VTEPs. */
static int read_others(const json_t *obj, struct overlay_state *st)
{
	const json_t *array = json_object_get(obj, "peers");
	struct overlay_peer *peers;
	size_t n;

	if (!array)
		return read_vteps(json_object_get(obj, "vteps"), st);
	if (overlay_peers_parse(array, st->vni, &peers, &n) < 0)
		return -EBADMSG;
	overlay_state_take_peers(st, peers, n);
	return 0;
}

int overlay_state_parse(const json_t *obj, struct overlay_state *st)
{
	const char *network = json_string_value(json_object_get(obj, "network"));
	const char *local = json_string_value(json_object_get(obj, "local"));
	const char *conflict = json_string_value(json_object_get(obj, "conflict"));
	const char *mode = json_string_value(json_object_get(obj, "mode"));
	const char *node = json_string_value(json_object_get(obj, "node"));
	json_int_t vni = json_integer_value(json_object_get(obj, "vni"));
	json_int_t port = json_integer_value(json_object_get(obj, "port"));
	struct overlay_state got = { .vni = (uint32_t)vni, .port = (uint16_t)port };

	got.foreign = json_is_true(json_object_get(obj, "foreign"));
	if (!network || strlen(network) >= sizeof(got.network) || !local || vni < 1 ||
	    vni > 0xffffff || port < 1 || port > 65535)
		return -EBADMSG;
	if ((*local || !got.foreign) && ip_parse(local, &got.local) < 0)
		return -EBADMSG;
	snprintf(got.network, sizeof(got.network), "%s", network);
	got.direct = json_is_true(json_object_get(obj, "direct"));
	got.l2 = mode && strcmp(mode, "l2") == 0;
	got.evpn = json_is_true(json_object_get(obj, "evpn"));
	got.fast = json_is_true(json_object_get(obj, "fast"));
	got.managed = json_is_true(json_object_get(obj, "managed"));
	got.mtu = (int)json_integer_value(json_object_get(obj, "mtu"));
	if (node)
		snprintf(got.node, sizeof(got.node), "%s", node);
	if (conflict)
		snprintf(got.conflict, sizeof(got.conflict), "%s", conflict);
	if (overlay_nets_parse(json_object_get(obj, "networks"), got.net) < 0 ||
	    overlay_nets_parse(json_object_get(obj, "subnets"), got.subnet) < 0 ||
	    read_others(obj, &got) < 0) {
		overlay_state_free(&got);
		return -EBADMSG;
	}
	*st = got;
	return 0;
}

/* ---- files ---- */

int overlay_lock(struct cni_err *err)
{
	static const char name[] = OVERLAY_STATE_DIR "/.lock";
	int fd = lock_file(AT_FDCWD, name, 0600);

	if (fd == -ENOENT && file_mkdirs(OVERLAY_STATE_DIR, 0755) == 0)
		fd = lock_file(AT_FDCWD, name, 0600);
	return fd < 0 ? cni_fail(err, CNI_E_IO, fd, "lock %s", name) : fd;
}

static void path_of(const char *network, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, OVERLAY_STATE_DIR "/%s", network);
}

static int load(const char *path, struct overlay_state *st)
{
	autofree char *text = NULL;
	json_auto_t *obj = NULL;
	int r = file_read(AT_FDCWD, path, STATE_MAX, &text, NULL);

	if (r < 0)
		return r;
	obj = json_loads(text, 0, NULL);
	return overlay_state_parse(obj, st);
}

int overlay_state_read(const char *network, struct overlay_state *st)
{
	char path[PATH_MAX];

	path_of(network, path);
	return load(path, st);
}

int overlay_state_write(const struct overlay_state *st)
{
	json_auto_t *obj = overlay_state_json(st);
	autofree char *text = json_dumps(obj, JSON_COMPACT);
	autoclose int dir = -1;
	int r = text ? file_mkdirs(OVERLAY_STATE_DIR, 0755) : -ENOMEM;

	if (r < 0)
		return r;
	dir = open(OVERLAY_STATE_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : file_replace(dir, st->network, 0644, text, strlen(text));
}

int overlay_state_remove(const char *network)
{
	char path[PATH_MAX];

	path_of(network, path);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

/* The network @but is passed over: its file is not even read. */
static int each_but(const char *but, int (*fn)(const struct overlay_state *st, void *arg),
		    void *arg)
{
	autodir DIR *dir = opendir(OVERLAY_STATE_DIR);
	struct dirent *e;
	int result = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((e = readdir(dir))) {
		autostate struct overlay_state st = { 0 };
		int r;

		if (e->d_name[0] == '.' || strcmp(e->d_name, but) == 0)
			continue;
		r = overlay_state_read(e->d_name, &st);
		if (r < 0)
			log_warn(OVERLAY_STATE_DIR "/%s: passed over: %s", e->d_name, strerror(-r));
		else
			r = fn(&st, arg);
		if (r < 0 && r != -EBADMSG && result == 0)
			result = r;
	}
	return result;
}

int overlay_state_each(int (*fn)(const struct overlay_state *st, void *arg), void *arg)
{
	return each_but("", fn, arg);
}

struct conflict {
	const struct overlay_state *st;
	struct cni_err *err;
};

static int look_for_conflict(const struct overlay_state *other, void *arg)
{
	const struct conflict *c = arg;
	char own[IP_STRLEN], text[IP_STRLEN];

	if (c->err->code)
		return 0;
	if (other->vni == c->st->vni)
		return cni_fail(c->err, CNI_E_CONF, 0, "\"vni\": %u is that of network \"%s\"",
				c->st->vni, other->network);
	for (int i = 0; i < 2; i++)
		if (c->st->net[i].ip.family && other->net[i].ip.family &&
		    ip_net_overlap(&c->st->net[i], &other->net[i]))
			return cni_fail(c->err, CNI_E_CONF, 0,
					"\"network\": %s overlaps %s of network \"%s\"",
					ip_net_str(&c->st->net[i], own),
					ip_net_str(&other->net[i], text), other->network);
	return 0;
}

int overlay_state_conflict(const struct overlay_state *st, struct cni_err *err)
{
	struct conflict c = { st, err };
	int r = each_but(st->network, look_for_conflict, &c);

	if (err->code)
		return r;
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "read " OVERLAY_STATE_DIR) : 0;
}
