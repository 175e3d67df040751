/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-overlayd: records in a file, as of "peersFile", read again when it changes.
 *
 * The network is as the plugin's configuration says: vni, port, mtu, directRouting, network. The
 * folder is watched, not the file: whoever replaces a file leaves another one under its name. While
 * a file is missing or no list at all, what it said before stays in force.
 */
#include "store.h"

#include "cleanup.h"
#include "log.h"
#include "overlay_conf.h"

#include <limits.h>
#include <poll.h>
#include <string.h>
#include <sys/inotify.h>

#define LOOK_AGAIN 10000 /* ms: a folder that does not exist cannot be watched */

struct file_store {
	struct store common;
	struct store_network network;
	char path[PATH_MAX];
};

static const struct conf_key file_keys[] = {
	{ "path", CONF_STRING, 0, .required = true,
	  .help = "file with records of nodes, as of \"peersFile\"" },
	CONF_END
};

/* Move this node's record from the peers to the view's own. */
static int split(struct overlay_peers *peers, const struct store_self *self,
		 struct store_view *view, struct cni_err *err)
{
	const struct overlay_peer *own = overlay_peers_find(peers, self->node);
	struct store_leg *leg;
	int slot;

	if (!own)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"node\": none of the %zu records is of this node, \"%.253s\"",
				peers->n, self->node);
	slot = overlay_slot(&own->vtep);
	leg = &view->leg[slot];
	leg->local = own->vtep;
	memcpy(leg->mac, own->mac, sizeof(leg->mac));
	memcpy(view->subnet, own->subnet, sizeof(view->subnet));
	leg->peers.p = calloc(peers->n, sizeof(*leg->peers.p));
	if (!leg->peers.p)
		abort();
	for (size_t i = 0; i < peers->n; i++) {
		const struct overlay_peer *p = &peers->p[i];

		if (p == own)
			continue;
		/* a device sends over IPv4 or over IPv6 */
		if (p->vtep.family == own->vtep.family)
			leg->peers.p[leg->peers.n++] = *p;
		else
			view->refused++;
	}
	return 0;
}

static void read_file(struct file_store *f)
{
	struct overlay_rules rules = { .vni = f->network.vni };
	struct store_health health = store_get_health(&f->common);
	struct store_self self = store_get_self(&f->common);
	struct store_view *view = calloc(1, sizeof(*view));
	autopeers struct overlay_peers peers = { 0 };
	bool was_connected = health.connected;
	struct cni_err err = { 0 };
	int r;

	if (!view)
		abort();
	memcpy(rules.network, f->network.net, sizeof(rules.network));
	r = overlay_peers_file(&peers, &rules, f->path, &err);
	view->refused = r > 0 ? (size_t)r : 0;
	if (r >= 0)
		r = split(&peers, &self, view, &err);
	health.connected = r >= 0;
	health.relists++;
	snprintf(health.endpoint, sizeof(health.endpoint), "%.255s", f->path);
	if (r < 0) {
		health.errors++;
		if (strncmp(health.last_error, err.msg, 500) != 0 || was_connected)
			log_warn("%.500s", err.msg);
		snprintf(health.last_error, sizeof(health.last_error), "%.500s", err.msg);
		store_view_free(view);
		store_set_health(&f->common, &health);
		return;
	}
	view->network = f->network;
	view->from_store = true;
	view->at = health.last_ok = time(NULL);
	store_set_health(&f->common, &health);
	store_put(&f->common, view);
}

/* Whether events are of our file. */
static bool read_events(int fd, const char *name)
{
	char buf[4096] __attribute__((aligned(__alignof__(struct inotify_event))));
	ssize_t n = read(fd, buf, sizeof(buf));
	bool ours = false;

	for (ssize_t at = 0; at < n;) {
		const struct inotify_event *e = (const void *)(buf + at);

		ours |= e->len == 0 || strcmp(e->name, name) == 0;
		at += (ssize_t)(sizeof(*e) + e->len);
	}
	return ours;
}

static void *file_thread(void *arg)
{
	struct file_store *f = arg;
	autoclose int watch = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	char dir[PATH_MAX], *name;
	struct pollfd fds[2] = { { f->common.wake_store, POLLIN, 0 }, { watch, POLLIN, 0 } };

	snprintf(dir, sizeof(dir), "%s", f->path);
	name = strrchr(dir, '/');
	*name++ = '\0';
	for (bool look = true; store_awake(&f->common);) {
		int watched = inotify_add_watch(watch, *dir ? dir : "/",
						IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM |
							IN_DELETE | IN_DELETE_SELF | IN_ONLYDIR);

		if (look || watched < 0)
			read_file(f);
		look = poll(fds, 2, watched < 0 ? LOOK_AGAIN : -1) <= 0 ||
		       /* a view that was refused while containers lived may do now */
		       fds[0].revents;
		if (fds[1].revents)
			look |= read_events(watch, name);
	}
	return NULL;
}

static int read_network(const json_t *plugin, struct store_network *network, struct cni_err *err)
{
	struct {
		int64_t vni, port, mtu;
		bool direct;
	} given = { .port = 4789 };
#define FIELD(f) offsetof(__typeof__(given), f)
	const struct conf_key keys[] = { { "vni", CONF_INT, FIELD(vni), .min = 1, .max = 0xffffff,
					   .required = true },
					 { "port", CONF_INT, FIELD(port), .min = 1, .max = 65535 },
					 { "mtu", CONF_INT, FIELD(mtu), .min = 0, .max = 65535 },
					 { "directRouting", CONF_BOOL, FIELD(direct) },
					 CONF_END };
	int r = conf_read(plugin, "", keys, &given, err);

	if (r == 0)
		r = overlay_networks_read(conf_get(plugin, "network"), network->net, err);
	network->vni = (uint32_t)given.vni;
	network->port = (uint16_t)given.port;
	network->mtu = (int)given.mtu;
	network->direct = given.direct;
	return r;
}

static struct store *file_start(const json_t *conf, const char *network, const json_t *plugin,
				const struct store_self *self, int wake_main, struct cni_err *err)
{
	struct file_store *f = calloc(1, sizeof(*f));
	const char *path = NULL;
	int r = conf_read(conf, "store", file_keys, &path, err);

	(void)network;
	if (!f)
		abort();
	if (r == 0 && (!path || *path != '/' || strlen(path) >= sizeof(f->path)))
		r = cni_fail(err, CNI_E_CONF, 0, "\"store.path\": \"%.200s\" is no absolute path",
			     path ? path : "");
	if (r == 0)
		r = read_network(plugin, &f->network, err);
	if (r == 0) {
		snprintf(f->path, sizeof(f->path), "%s", path);
		r = store_run(&f->common, &store_file_ops, self, wake_main, file_thread);
		if (r < 0)
			cni_fail(err, CNI_E_FAILED, r, "start a thread");
	}
	if (r == 0)
		return &f->common;
	free(f);
	return NULL;
}

const struct store_ops store_file_ops = { "file", file_keys, false, file_start };
