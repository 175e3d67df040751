/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: what a store said last, on disk. */
#include "snapshot.h"

#include "args.h"
#include "cleanup.h"
#include "file.h"
#include "log.h"
#include "overlay_state.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define SNAPSHOT_MAX (64u << 20)

/* One value of an object; @sep stands before it. */
static void put(FILE *out, const char *sep, const char *key, json_t *value)
{
	fprintf(out, "%s\"%s\":", sep, key);
	json_dumpf(value, out, JSON_COMPACT | JSON_ENCODE_ANY);
	json_decref(value);
}

static void put_peer(FILE *out, const struct overlay_peer *p)
{
	char vtep[IP_STRLEN], mac[MAC_STRLEN];

	put(out, "{", "node", json_string(p->node));
	put(out, ",", "vtep", json_string(ip_str(&p->vtep, vtep)));
	put(out, ",", "mac", json_string(mac_str(p->mac, mac)));
	put(out, ",", "subnet", overlay_nets_json(p->subnet));
	put(out, ",", "since", json_integer(p->since));
	fputs("}", out);
}

static void put_leg(FILE *out, const struct store_leg *leg)
{
	char local[IP_STRLEN], mac[MAC_STRLEN];

	put(out, "{", "local", json_string(ip_str(&leg->local, local)));
	put(out, ",", "mac", json_string(mac_str(leg->mac, mac)));
	fputs(",\"peers\":[", out);
	for (size_t i = 0; i < leg->peers.n; i++) {
		fputs(i ? ",\n" : "\n", out);
		put_peer(out, &leg->peers.p[i]);
	}
	fputs("]}", out);
}

/* Piece by piece: a tree of thousands of records is many times as large as their text. */
static void put_view(FILE *out, const char *network, const char *node,
		     const struct store_view *view)
{
	const struct store_network *net = &view->network;
	const char *sep = "";

	put(out, "{", "network", json_string(network));
	put(out, ",", "node", json_string(node));
	put(out, ",", "at", json_integer(view->at));
	put(out, ",", "vni", json_integer(net->vni));
	put(out, ",", "port", json_integer(net->port));
	put(out, ",", "mtu", json_integer(net->mtu));
	put(out, ",", "direct", json_boolean(net->direct));
	put(out, ",", "networks", overlay_nets_json(net->net));
	put(out, ",", "subnets", overlay_nets_json(view->subnet));
	fputs(",\"legs\":[", out);
	for (int i = 0; i < 2; i++)
		if (view->leg[i].local.family) {
			fputs(sep, out);
			put_leg(out, &view->leg[i]);
			sep = ",\n";
		}
	fputs("]}\n", out);
}

int snapshot_write(const char *network, const char *node, const struct store_view *view)
{
	autofree char *text = NULL;
	autoclose int dir = -1;
	char name[300];
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);
	int r;

	if (!out)
		return -errno;
	put_view(out, network, node, view);
	fclose(out);
	r = file_mkdirs(SNAPSHOT_DIR, 0755);
	if (r < 0)
		return r;
	dir = open(SNAPSHOT_DIR, O_PATH | O_DIRECTORY | O_CLOEXEC);
	snprintf(name, sizeof(name), "%s.json", network);
	return dir < 0 ? -errno : file_replace(dir, name, 0644, text, size);
}

/* ---- reading ---- */

static int read_leg(const json_t *obj, struct store_view *view)
{
	const char *local = json_string_value(json_object_get(obj, "local"));
	const char *mac = json_string_value(json_object_get(obj, "mac"));
	struct overlay_rules rules = { .vni = view->network.vni, .shared_vtep = true };
	const json_t *record;
	struct store_leg *leg;
	struct ip_addr ip;
	size_t i;

	if (!local || !mac || ip_parse(local, &ip) < 0)
		return -EBADMSG;
	leg = &view->leg[overlay_slot(&ip)];
	leg->local = ip;
	memcpy(rules.network, view->network.net, sizeof(rules.network));
	if (mac_parse(mac, leg->mac) < 0)
		return -EBADMSG;
	json_array_foreach (json_object_get(obj, "peers"), i, record) {
		struct cni_err err = { 0 };

		if (overlay_peers_add(&leg->peers, &rules, record, &err) < 0)
			log_warn("snapshot: refused: %s", err.msg);
		else
			leg->peers.p[leg->peers.n - 1].since =
				json_integer_value(json_object_get(record, "since"));
	}
	return 0;
}

static int parse(const json_t *obj, const char *node, struct store_view *view)
{
	const char *of = json_string_value(json_object_get(obj, "node"));
	json_int_t vni = json_integer_value(json_object_get(obj, "vni"));
	json_int_t port = json_integer_value(json_object_get(obj, "port"));
	const json_t *leg;
	size_t i;
	int r = 0;

	if (!of || strcmp(of, node) != 0 || vni < 1 || vni > 0xffffff || port < 1 || port > 65535)
		return -EBADMSG;
	view->at = (time_t)json_integer_value(json_object_get(obj, "at"));
	view->network.vni = (uint32_t)vni;
	view->network.port = (uint16_t)port;
	view->network.mtu = (int)json_integer_value(json_object_get(obj, "mtu"));
	view->network.direct = json_is_true(json_object_get(obj, "direct"));
	if (overlay_nets_parse(json_object_get(obj, "networks"), view->network.net) < 0 ||
	    overlay_nets_parse(json_object_get(obj, "subnets"), view->subnet) < 0)
		return -EBADMSG;
	json_array_foreach (json_object_get(obj, "legs"), i, leg)
		if (r == 0)
			r = read_leg(leg, view);
	return r;
}

struct store_view *snapshot_read(const char *network, const char *node)
{
	struct store_view *view;
	autofree char *text = NULL;
	json_auto_t *obj = NULL;
	char path[PATH_MAX];
	int r;

	snprintf(path, sizeof(path), SNAPSHOT_DIR "/%s.json", network);
	r = file_read(AT_FDCWD, path, SNAPSHOT_MAX, &text, NULL);
	if (r == -ENOENT)
		return NULL;
	view = calloc(1, sizeof(*view));
	if (!view)
		abort();
	if (r == 0) {
		obj = json_loads(text, 0, NULL);
		r = parse(obj, node, view);
	}
	if (r == 0)
		return view;
	log_warn("%s: not used: %s", path, strerror(-r));
	store_view_free(view);
	return NULL;
}

int snapshot_remove(const char *network)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), SNAPSHOT_DIR "/%s.json", network);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}
