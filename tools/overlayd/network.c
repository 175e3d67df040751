/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: one overlay network of this node. */
#include "network.h"

#include "cleanup.h"
#include "file.h"
#include "flannel.h"
#include "log.h"
#include "overlay.h"
#include "overlay_filter.h"
#include "site.h"
#include "snapshot.h"
#include "state.h"

#include <fcntl.h>
#include <limits.h>
#include <malloc.h>
#include <string.h>

#define ENV_DIR	      "/run/hawser/subnets"
#define FULL_EVERY    30000 /* ms: compare everything, whatever was notified */
#define LOOK_EVERY    2000  /* ms: whether containers live here */
#define RETRY_FIRST   25    /* ms, doubled by each failure: what was under way is over soon */
#define RETRY_LAST    5000
#define SAY_AFTER     3	   /* failures */
#define SNAPSHOT_WAIT 1000 /* ms: changes that are written at once */

void network_mark(struct network *n, unsigned int what, uint64_t now, unsigned int delay)
{
	n->dirty |= what;
	n->due = sooner(n->due, now + delay);
}

void network_event(struct network *n, const struct nlmsghdr *hdr, uint64_t now)
{
	unsigned int what = n->view ? kernel_event(n, hdr) : 0;

	/* ways to the peers may change by the thousand at once; what is broken is mended at once */
	if (what)
		network_mark(n, what, now, what & ~(DIRTY_SITE | DIRTY_UNDERLAY) ? 5 : 100);
}

/* ---- failures: each is said once ---- */

static void set_error(struct network *n, const char *text)
{
	if (strcmp(n->error, text) == 0)
		return;
	snprintf(n->error, sizeof(n->error), "%s", text);
	n->error_since = time(NULL);
	if (*text)
		log_warn("network \"%s\": %s", n->conf.network, text);
	else
		log_warn("network \"%s\": all is well again", n->conf.network);
}

static void set_conflict(struct network *n, const char *text)
{
	if (strcmp(n->conflict, text) != 0 && *text)
		log_warn("network \"%s\": %s", n->conf.network, text);
	snprintf(n->conflict, sizeof(n->conflict), "%s", text);
}

/* ---- this node, as the store sees it ---- */

static bool has_containers(const struct network *n)
{
	struct state_key nobody = { n->conf.network, "", "", OVERLAY_PLUGIN };

	/* who cannot tell does not move */
	return state_others(&nobody) != 0;
}

/* Addresses that are gone for a moment, with nothing in their place, are not given up. */
static int look_at_self(struct network *n, struct store_self *self, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct ip_addr vtep[2];
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	*self = n->self;
	snprintf(self->node, sizeof(self->node), "%s", n->conf.node);
	self->pinned = has_containers(n);
	r = site_vteps(&nl, n->conf.dev, n->conf.address, vtep, err);
	for (int i = 0; i < 2 && r == 0; i++)
		if (vtep[i].family)
			self->vtep[i] = vtep[i];
	return r;
}

static int tell_store(struct network *n, struct cni_err *err)
{
	struct store_self self;
	int r = look_at_self(n, &self, err);

	if (memcmp(&self, &n->self, sizeof(self)) == 0)
		return r;
	n->self = self;
	if (n->store)
		store_set_self(n->store, &self);
	return r;
}

/* ---- files ---- */

static int write_state(struct network *n, struct cni_err *err)
{
	autostate struct overlay_state now = { 0 };
	json_auto_t *before = NULL, *after = NULL;
	struct overlay_state small = n->st;
	autoclose int lock = overlay_lock(err);
	int r;

	if (lock < 0)
		return lock;
	/* ADD reads it, and does not care for the peers */
	small.vteps = NULL;
	small.n_vteps = 0;
	snprintf(small.conflict, sizeof(small.conflict), "%s", n->conflict);
	after = overlay_state_json(&small);
	if (overlay_state_read(n->conf.network, &now) == 0)
		before = overlay_state_json(&now);
	if (json_equal(before, after))
		return 0;
	r = overlay_state_write(&small);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write " OVERLAY_STATE_DIR "/%s", n->conf.network)
		     : 0;
}

static void default_env_path(const char *network, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, ENV_DIR "/%s.env", network);
}

static void env_path(const struct network *n, char path[PATH_MAX])
{
	if (n->conf.env_file && *n->conf.env_file)
		snprintf(path, PATH_MAX, "%s", n->conf.env_file);
	else
		default_env_path(n->conf.network, path);
}

/* What flannel's CNI plugin reads. */
static int write_env(const struct network *n, struct cni_err *err)
{
	struct flannel_env env = { .mtu = n->st.mtu };
	autofree char *text = NULL, *before = NULL;
	char path[PATH_MAX], *name;
	autoclose int dir = -1;
	int r = 0;

	memcpy(env.network, n->st.net, sizeof(env.network));
	for (int i = 0; i < 2; i++)
		if (n->st.subnet[i].ip.family) {
			env.subnet[i] = n->st.subnet[i];
			env.subnet[i].ip = ip_add(&n->st.subnet[i].ip, 1);
		}
	text = flannel_env_text(&env);
	env_path(n, path);
	if (file_read(AT_FDCWD, path, 4096, &before, NULL) == 0 && strcmp(before, text) == 0)
		return 0;
	name = strrchr(path, '/');
	if (!name)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"store.subnetFile\": \"%.200s\" is no absolute path", path);
	*name++ = '\0';
	r = file_mkdirs(path, 0755);
	if (r == 0) {
		dir = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
		r = dir < 0 ? -errno : file_replace(dir, name, 0644, text, strlen(text));
	}
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write %.200s/%.200s", path, name) : 0;
}

static void write_snapshot(struct network *n)
{
	int r = snapshot_write(n->conf.network, n->conf.node, n->view);

	n->snapshot_due = 0;
	if (r < 0)
		log_warn("network \"%s\": write the snapshot: %s", n->conf.network, strerror(-r));
}

/* ---- views ---- */

/* Whether a view cannot be obeyed as long as containers live here. Fills @why with a sentence. */
static bool would_move(const struct network *n, const struct store_view *view, char why[512])
{
	char from[IP_STRLEN], to[IP_STRLEN];

	if (!n->st_known)
		return false;
	if (n->st.vni != view->network.vni) {
		snprintf(why, 512,
			 "the store says VNI %u: node \"%s\" has containers in VNI %u and does "
			 "not move while they live",
			 view->network.vni, n->conf.node, n->st.vni);
		return true;
	}
	for (int i = 0; i < 2; i++) {
		const struct ip_net *old = &n->st.subnet[i], *new = &view->subnet[i];

		if (!old->ip.family || (old->len == new->len &&ip_equal(&old->ip, &new->ip)))
			continue;
		snprintf(why, 512,
			 "the store gives %s: node \"%s\" has containers in %s and does not move "
			 "while they live",
			 new->ip.family ? ip_net_str(new, to) : "no subnet", n->conf.node,
			 ip_net_str(old, from));
		return true;
	}
	return false;
}

/*
 * Whether the node stays where it is. If it moves, the lock makes sure that no ADD is under way
 * that found the old subnet: from here on there is none until the new one is in the kernel.
 */
static bool stays(const struct network *n, const struct store_view *view, char why[512])
{
	struct cni_err err = { 0 };
	autoclose int lock = -1;

	if (!would_move(n, view, why))
		return false;
	lock = overlay_lock(&err);
	if (lock < 0 || has_containers(n))
		return true;
	overlay_state_remove(n->conf.network);
	*why = '\0';
	return false;
}

static bool is_own(const struct network *n, const struct overlay_peer *p)
{
	for (int i = 0; i < 2; i++)
		if (n->st.subnet[i].ip.family && p->subnet[i].ip.family &&
		    ip_net_overlap(&n->st.subnet[i], &p->subnet[i]))
			return true;
	return false;
}

/*
 * A view that does not have this node where its containers are may still say who the others are.
 * Return: whether it can be obeyed, with this node put where it is.
 */
static bool put_in_place(const struct network *n, struct store_view *view)
{
	if (view->network.vni != n->st.vni || !view->leg[overlay_slot(&n->st.local)].local.family)
		return false;
	for (int i = 0; i < 2; i++) {
		if (n->view && !n->view->leg[i].local.family != !view->leg[i].local.family)
			return false;
		if (n->st.subnet[i].ip.family &&
		    !ip_net_contains(&view->network.net[i], &n->st.subnet[i].ip))
			return false;
	}
	memcpy(view->subnet, n->st.subnet, sizeof(view->subnet));
	for (int i = 0; i < 2; i++) {
		struct overlay_peers *peers = &view->leg[i].peers;
		size_t kept = 0;

		for (size_t k = 0; k < peers->n; k++)
			if (!is_own(n, &peers->p[k]))
				peers->p[kept++] = peers->p[k];
		peers->n = kept;
	}
	return true;
}

/* The old network goes before another one with its name comes. */
static void make_way(struct network *n, const struct store_view *view)
{
	struct cni_err err = { 0 };
	autoclose int lock = -1;

	if (!n->st_known || n->st.vni == view->network.vni)
		return;
	lock = overlay_lock(&err);
	if (lock < 0 || overlay_release_locked(&n->st, &err) < 0)
		log_warn("network \"%s\": %s", n->conf.network, err.msg);
	for (int i = 0; i < 2; i++)
		n->leg[i].device = 0;
}

static void obey(struct network *n, struct store_view *view, uint64_t now)
{
	size_t held;

	make_way(n, view);
	held = hold_apply(&n->hold, n->view, view, time(NULL));
	if (held && held != n->n_held)
		log_warn("network \"%s\": %zu nodes that vanished from the store are kept for now; "
			 "\"hawser overlay obey %s\" lets them go",
			 n->conf.network, held, n->conf.network);
	n->n_held = held;
	probe_view(&n->probe, n->view, view);
	store_view_free(n->view);
	n->view = view;
	kernel_shape(n);
	n->st_known = true;
	memcpy(n->self.subnet, view->subnet, sizeof(n->self.subnet));
	n->snapshot_due = sooner(n->snapshot_due, now + SNAPSHOT_WAIT);
	network_mark(n, DIRTY_PEERS, now, 0);
}

void network_take(struct network *n, uint64_t now)
{
	struct store_view *view = n->store ? store_take(n->store) : NULL;
	char why[512] = "", move[512] = "";
	bool stay;

	if (!view)
		return;
	stay = stays(n, view, move);
	/* the store knows better who has the subnet instead */
	snprintf(why, sizeof(why), "%s", view->conflict[0] ? view->conflict : move);
	/* the store is told again where this node stays */
	if (stay)
		network_mark(n, DIRTY_SITE, now, 0);
	if (stay ? put_in_place(n, view) : view->subnet[0].ip.family || view->subnet[1].ip.family)
		obey(n, view, now);
	else
		store_view_free(view);
	set_conflict(n, why);
	network_mark(n, 0, now, 0);
}

void network_obey(struct network *n, uint64_t now)
{
	struct store_view *view;

	if (!n->view || !n->n_held)
		return;
	/* what is held stands behind what the store said */
	view = n->view;
	for (int i = 0; i < 2; i++) {
		struct overlay_peers *peers = &view->leg[i].peers;
		size_t held = 0;

		for (size_t k = 0; k < n->hold.n; k++)
			held += n->hold.gone[k].leg == i && n->hold.gone[k].held;
		peers->n -= held < peers->n ? held : peers->n;
	}
	hold_free(&n->hold);
	n->n_held = 0;
	kernel_shape(n);
	n->snapshot_due = now;
	network_mark(n, DIRTY_PEERS, now, 0);
}

/* ---- life ---- */

struct network *network_start(struct netconf *conf, int wake_main, uint64_t now)
{
	struct network *n = calloc(1, sizeof(*n));
	struct store_view *view;
	struct cni_err err = { 0 };

	if (!n)
		abort();
	n->conf = *conf;
	memset(conf, 0, sizeof(*conf));
	if (overlay_state_read(n->conf.network, &n->st) == 0)
		n->st_known = true;
	snprintf(n->conflict, sizeof(n->conflict), "%s", n->st.conflict);
	memcpy(n->self.subnet, n->st.subnet, sizeof(n->self.subnet));
	view = snapshot_read(n->conf.network, n->conf.node);
	if (view) {
		memcpy(n->self.subnet, view->subnet, sizeof(n->self.subnet));
		obey(n, view, now);
		n->snapshot_due = 0;
		n->dirty = DIRTY_ALL;
	}
	look_at_self(n, &n->self, &err);
	err = (struct cni_err){ 0 };
	n->store = n->conf.ops->start(n->conf.store, n->conf.network, n->conf.plugin, &n->self,
				      wake_main, &err);
	if (!n->store)
		set_error(n, err.msg);
	network_mark(n, 0, now, 0);
	return n;
}

void network_stop(struct network *n)
{
	store_stop(n->store);
	if (n->view && n->snapshot_due)
		write_snapshot(n);
	store_view_free(n->view);
	probe_free(&n->probe);
	hold_free(&n->hold);
	for (int i = 0; i < 2; i++) {
		overlay_underlay_free(&n->leg[i].underlay);
		overlay_list_free(&n->leg[i].have);
	}
	overlay_state_free(&n->st);
	netconf_free(&n->conf);
	free(n);
}

int network_forget(struct network *n, struct cni_err *err)
{
	autoclose int lock = overlay_lock(err);
	char path[PATH_MAX];

	if (lock < 0)
		return lock;
	if (has_containers(n))
		return 0;
	if (n->st_known && overlay_release_locked(&n->st, err) < 0)
		return -EIO;
	env_path(n, path);
	unlink(path);
	network_forget_files(n->conf.network);
	n->snapshot_due = 0;
	return 1;
}

void network_forget_files(const char *network)
{
	char path[PATH_MAX];

	default_env_path(network, path);
	unlink(path);
	snapshot_remove(network);
}

/* ---- work ---- */

static int apply(struct network *n, struct cni_err *err)
{
	bool first = n->dirty & DIRTY_PEERS;
	struct cni_err self = { 0 };
	int written, r = 0;

	if (n->dirty & DIRTY_SITE)
		r = tell_store(n, &self);
	if (!n->view && r < 0 && n->conf.ops->publishes) {
		cni_err_merge(err, &self);
		return r;
	}
	/* of a network of before that the store refuses, ADD must know that it does */
	if (!n->view)
		return n->st_known && n->st.managed ? write_state(n, err) : 0;
	/* an address that is in use and gone is reported by whoever needs it */
	r = n->dirty & DIRTY_PEERS ? overlay_state_conflict(&n->st, err) : 0;
	if (r < 0)
		return r;
	written = kernel_apply(n, err);
	if (written < 0)
		return written;
	n->n_writes += (unsigned int)written;
	if (written && !first)
		n->n_healed++;
	r = write_state(n, err);
	return r < 0 ? r : write_env(n, err);
}

static uint64_t microseconds(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000000 + (uint64_t)t.tv_nsec / 1000;
}

static void work(struct network *n, uint64_t now)
{
	struct cni_err err = { 0 };
	uint64_t begin = microseconds();
	unsigned int delay;
	int r = apply(n, &err);

	n->due = 0;
	n->n_runs++;
	n->last_run_us = microseconds() - begin;
	if (r >= 0) {
		n->failures = 0;
		if (n->store)
			set_error(n, "");
		return;
	}
	n->n_errors++;
	if (++n->failures >= SAY_AFTER)
		set_error(n, err.msg);
	delay = RETRY_FIRST << (n->failures < 9 ? n->failures : 9);
	/* what was known of the kernel may be wrong */
	network_mark(n, DIRTY_ALL, now, delay < RETRY_LAST ? delay : RETRY_LAST);
}

uint64_t network_run(struct network *n, uint64_t now)
{
	if (now >= n->full_due) {
		n->full_due = now + FULL_EVERY;
		if (n->hold.over && time(NULL) >= n->hold.over)
			network_obey(n, now);
		network_mark(n, DIRTY_ALL & ~DIRTY_PEERS, now, 0);
	}
	if (now >= n->look_due) {
		n->look_due = now + LOOK_EVERY;
		if (has_containers(n) != n->self.pinned)
			network_mark(n, DIRTY_SITE, now, 0);
	}
	if (n->due && now >= n->due)
		work(n, now);
	if (n->snapshot_due && now >= n->snapshot_due) {
		write_snapshot(n);
		malloc_trim(0);
	}
	return sooner(sooner(sooner(n->due, n->look_due), sooner(n->full_due, n->snapshot_due)),
		      probe_run(n, now));
}
