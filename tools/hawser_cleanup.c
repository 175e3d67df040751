/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hawser cleanup": what is left of a network or a container, whoever left it. */
#include "hawser_cleanup.h"

#include "args.h"
#include "cache.h"
#include "cleanup.h"
#include "conf.h"
#include "ipam/store.h"
#include "log.h"
#include "nat.h"
#include "nft_foreign.h"
#include "overlay.h"
#include "overlay_fast.h"
#include "plugins/bandwidth_record.h"
#include "plugins/child_record.h"
#include "plugins/firewall_record.h"
#include "plugins/hostdev_record.h"
#include "plugins/portmap_record.h"
#include "plugins/tap_record.h"
#include "plugins/tuning_record.h"
#include "state.h"
#include "veth.h"
#include "xt.h"

#include <string.h>

/* One attachment to remove, and where its leases are. */
struct target {
	char *network, *container_id, *ifname;
};

struct targets {
	const char *what;
	struct target *t;
	size_t n;
	json_t *data_dirs;   /* of host-local, as a set: an object of trues */
	const char *network; /* while the leases of one are listed */
};

static void targets_free(struct targets *l)
{
	for (size_t i = 0; i < l->n; i++) {
		free(l->t[i].network);
		free(l->t[i].container_id);
		free(l->t[i].ifname);
	}
	free(l->t);
	json_decref(l->data_dirs);
}

/* Remember an attachment if it is of the network or container asked for. */
static void found(struct targets *l, const char *network, const char *id, const char *ifname)
{
	struct cni_err ignored = { 0 };

	if (!network || !id || !ifname ||
	    (strcmp(network, l->what) != 0 && strcmp(id, l->what) != 0))
		return;
	/* leases and caches are files of others: names that are none are left alone */
	if (args_check_network(network, &ignored) < 0 || args_check_id(id, &ignored) < 0 ||
	    args_check_ifname(ifname, CNI_E_ENV, "ifname", &ignored) < 0)
		return;
	for (size_t i = 0; i < l->n; i++)
		if (!strcmp(l->t[i].network, network) && !strcmp(l->t[i].container_id, id) &&
		    !strcmp(l->t[i].ifname, ifname))
			return;
	l->t = realloc(l->t, (l->n + 1) * sizeof(*l->t));
	if (!l->t)
		abort();
	l->t[l->n++] = (struct target){ strdup(network), strdup(id), strdup(ifname) };
}

static int from_record(const json_t *record, void *arg)
{
	struct targets *l = arg;
	struct state_key key = state_key_of(record);
	const char *dir = json_string_value(json_object_get(record, "dataDir"));

	if (dir)
		json_object_set_new(l->data_dirs, dir, json_true());
	found(l, key.network, key.container_id, key.ifname);
	return 0;
}

/* store_sweep() callback that keeps everything and looks at it. */
static bool look_at_lease(const void *arg, const char *id, const char *ifname)
{
	struct targets *const *l = arg;

	found(*l, (*l)->network, id, ifname ? ifname : "eth0");
	return true;
}

/* Call for each network directory of host-local. */
static void each_network(const struct targets *l,
			 void (*fn)(struct store *st, const char *network, void *arg), void *arg)
{
	const char *data_dir;
	json_t *value;

	json_object_foreach (l->data_dirs, data_dir, value) {
		autodir DIR *dir = opendir(data_dir);
		struct dirent *e;

		while (dir && (e = readdir(dir))) {
			autostore struct store st = { .dir = -1, .lock = -1 };

			if (e->d_name[0] != '.' && store_open(&st, data_dir, e->d_name, false) == 0)
				fn(&st, e->d_name, arg);
		}
	}
}

static void from_leases(struct store *st, const char *network, void *arg)
{
	struct targets *l = arg;

	l->network = network;
	store_sweep(st, look_at_lease, &l);
}

static void from_cache(struct targets *l)
{
	json_auto_t *all = NULL;
	const json_t *entry;
	size_t i;

	if (cache_list(NULL, &all) < 0)
		return;
	json_array_foreach (all, i, entry)
		found(l, json_string_value(conf_get(entry, "networkName")),
		      json_string_value(conf_get(entry, "containerId")),
		      json_string_value(conf_get(entry, "ifName")));
}

/* ---- removing ---- */

static bool keep_others(const void *arg, const char *id, const char *ifname)
{
	const struct target *t = arg;

	return strcmp(id, t->container_id) != 0 || (ifname && strcmp(ifname, t->ifname) != 0);
}

struct release {
	const struct target *t;
	int removed;
};

static void release_leases(struct store *st, const char *network, void *arg)
{
	struct release *release = arg;
	int n;

	if (strcmp(network, release->t->network) != 0)
		return;
	n = store_sweep(st, keep_others, release->t);
	release->removed += n > 0 ? n : 0;
}

/* Print the error of a step that failed, and make room for the next one's. */
static void report(int *failed, int r, struct cni_err *err)
{
	if (r >= 0)
		return;
	fprintf(stderr, "hawser: %s%s%s\n", err->msg, err->details[0] ? ": " : "", err->details);
	*failed = 1;
	*err = (struct cni_err){ 0 };
}

/* The result that libcni remembers: it names the host's end of attachments of the Go plugins. */
static void read_previous(const struct target *t, struct cni_result *prev)
{
	json_auto_t *obj = NULL;
	struct cni_err ignored = { 0 };
	const json_t *result;

	if (cache_read(t->network, t->container_id, t->ifname, &obj) < 0)
		return;
	result = conf_get(obj, "result");
	if (result)
		result_from_json(result, CNI_VERSIONS - 1, "result", prev, &ignored);
}

/* Rules that the Go plugins made in nf_tables. */
static void remove_foreign(const struct target *t, int *failed)
{
	struct state_key key = { t->network, t->container_id, t->ifname, NULL };
	struct cni_err err = { 0 };

	report(failed, foreign_masq_del(&key, &err), &err);
	report(failed, foreign_ports_del(t->container_id, &err), &err);
	report(failed, foreign_macs_del(&key, &err), &err);
}

/* Rules that the Go plugins, or ours with the iptables backend, made. */
static void remove_iptables(const struct target *t, const struct cni_result *prev, int *failed)
{
	struct xt_owner owner = { t->network, t->container_id };
	autofree struct ip_net *ips = calloc(prev->n_ips + 1, sizeof(*ips));
	struct xt_firewall fw = { .ips = ips, .n_ips = prev->n_ips };
	struct cni_err err = { 0 };

	if (!ips || xt_usable(AF_INET) < 0)
		return;
	for (size_t i = 0; i < prev->n_ips; i++)
		ips[i] = prev->ips[i].address;
	report(failed, xt_portmap_del(&owner, NULL, &err), &err);
	report(failed, xt_masq_del(&owner, NULL, 0, &err), &err);
	if (prev->n_ips)
		report(failed, xt_firewall_del(&owner, &fw, false, &err), &err);
}

static const char *const child_plugins[] = { "macvlan", "ipvlan", "vlan", "dummy" };
static const char *const other_plugins[] = { "bridge", "ptp", "vxlan", "sbr", "vrf" };

static int remove_target(const struct targets *l, const struct target *t)
{
	struct cni_call call = { .verb = CNI_DEL,
				 .plugin = "hawser",
				 .network = t->network,
				 .container_id = t->container_id,
				 .ifname = t->ifname,
				 .version = CNI_VERSIONS - 1 };
	struct state_key key = { t->network, t->container_id, t->ifname, "firewall" };
	struct release release = { t, 0 };
	struct cni_result prev = { 0 };
	struct cni_err err = { 0 };
	int failed = 0;

	read_previous(t, &prev);
	call.prev = &prev;
	report(&failed, firewall_remove(&key, &err), &err);
	key.plugin = "portmap";
	report(&failed, portmap_remove(&key, &err), &err);
	key.plugin = "tuning";
	report(&failed, tuning_remove(&key, NULL, NULL, &err), &err);
	key.plugin = "bandwidth";
	report(&failed, bandwidth_remove(&key, true, true, &err), &err);
	remove_iptables(t, &prev, &failed);
	remove_foreign(t, &failed);
	key.plugin = OVERLAY_PLUGIN;
	report(&failed, overlay_fast_leave(&key, &err), &err);
	report(&failed, veth_remove(&call, t->container_id, t->ifname, true, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(child_plugins); i++) {
		key.plugin = child_plugins[i];
		report(&failed, child_remove(&key, NULL, &err), &err);
	}
	key.plugin = "host-device";
	report(&failed, hostdev_give_back(&key, NULL, false, &err), &err);
	key.plugin = "tap";
	report(&failed, tap_remove(&key, NULL, false, &err), &err);
	for (size_t i = 0; i < ARRAY_SIZE(other_plugins); i++) {
		key.plugin = other_plugins[i];
		report(&failed, nat_del(&key, &err), &err);
	}
	report(&failed, overlay_release(t->network, &err), &err);
	each_network(l, release_leases, &release);
	if (!failed)
		cache_remove(t->network, t->container_id, t->ifname);
	printf("%s %s %s: removed%s\n", t->network, t->container_id, t->ifname,
	       failed ? " in part" : "");
	result_free(&prev);
	return failed;
}

int hawser_cleanup(const char *what)
{
	struct targets l = { .what = what, .data_dirs = json_object() };
	int failed = 0, r;

	json_object_set_new(l.data_dirs, STORE_DATA_DIR, json_true());
	r = state_all(from_record, &l);
	if (r < 0)
		fprintf(stderr, "hawser: records below " STATE_ROOT ": %s\n", strerror(-r));
	each_network(&l, from_leases, &l);
	from_cache(&l);
	for (size_t i = 0; i < l.n; i++)
		failed |= remove_target(&l, &l.t[i]);
	if (l.n == 0) {
		fprintf(stderr, "hawser: nothing is known of a network or container \"%.100s\"\n",
			what);
		failed = 1;
	}
	targets_free(&l);
	return failed;
}
