/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vrf: puts a container's interface into a VRF, a routing domain with a table of its own.
 *
 * Theory of operation. It is chained behind the plugin that configured the interface. After ADD
 * there is, inside the container, a VRF device (created with the first free table when there is
 * none of that name), up, with the interface as a port. The kernel moves connected routes to the
 * VRF's table by itself; but it takes the link down and up for that, which costs the interface its
 * other routes, and its IPv6 addresses unless keep_addr_on_down is set. So these are read before,
 * and added again in the same batch that changes the master.
 *
 * DEL and rollback take the interface out again, bring its routes back to table main in the same
 * way, and delete the VRF with its last port. Nothing exists on the host but a record, which says
 * which VRF it was; GC removes that only.
 */
#include "addr.h"
#include "args.h"
#include "chain.h"
#include "cleanup.h"
#include "link.h"
#include "log.h"
#include "netns.h"
#include "route_list.h"

#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <string.h>

#define DAD_TIMEOUT_MS 10000

struct vrf_conf {
	const char *name;
	int64_t table; /* 0: some free one */
};

#define FIELD(f) offsetof(struct vrf_conf, f)

static const struct conf_key keys[] = {
	{ "vrfname", CONF_STRING, FIELD(name), .required = true,
	  .help = "name of the VRF device in the container; created when missing" },
	{ "table", CONF_INT, FIELD(table), .min = 0, .max = UINT32_MAX,
	  .dflt = "0, the first free one", .help = "routing table of the VRF" },
	CONF_END
};

/* What ADD, DEL and CHECK carry into the namespace. */
struct vrf {
	struct vrf_conf conf;
	struct state_key key;
	const struct cni_call *call;
	struct undo *undo;
	bool keep; /* rollback: a VRF that was there before stays */
	bool recorded;
	struct nlk nl;
};

/* An interface's state that does not survive a change of its master. */
struct saved {
	struct addr_list addrs; /* IPv6, global */
	struct route_list v4, v6;
};

static void saved_free(struct saved *saved)
{
	route_list_free(&saved->v4);
	route_list_free(&saved->v6);
}

#define autosaved __attribute__((cleanup(saved_free)))

static int read_conf(const struct cni_call *call, struct vrf_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", keys, conf, err);

	return r < 0 ? r : args_check_ifname(conf->name, CNI_E_CONF, "vrfname", err);
}

/* ---- inside the namespace ---- */

static int open_inside(struct vrf *v, struct cni_err *err)
{
	int r = nlk_open(&v->nl);

	return r < 0 ? cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container") : 0;
}

/* Look a link up. Return: 1, 0 when there is none, or a negative errno. */
static int find(struct vrf *v, const char *name, struct link_info *out, struct cni_err *err)
{
	int r = link_get(&v->nl, name, out);

	if (r == -ENODEV)
		return 0;
	return r < 0 ? nlk_fail(err, &v->nl, CNI_E_FAILED, r, "look up %s in the container", name)
		     : 1;
}

static int locked(struct vrf *v, int netns, int (*fn)(void *arg, struct cni_err *err),
		  struct cni_err *err)
{
	int r = netns_run_locked(netns, fn, v, err);

	nlk_close(&v->nl);
	return r;
}

/* What will be lost: of @table, what the kernel does not make by itself. */
static int save(struct vrf *v, int index, uint32_t table, struct saved *out, struct cni_err *err)
{
	int r = addr_list_get(&v->nl, index, AF_INET6, &out->addrs);

	if (r == -EAFNOSUPPORT || r == -EOPNOTSUPP)
		r = 0;
	if (r == 0)
		r = route_list_get(&v->nl, AF_INET, index, table, &out->v4);
	if (r == 0)
		r = route_list_get(&v->nl, AF_INET6, index, table, &out->v6);
	return r < 0 ? nlk_fail(err, &v->nl, CNI_E_FAILED, r, "list the addresses and routes of %s",
				v->key.ifname)
		     : 0;
}

static int send_queue(struct vrf *v, int room, struct cni_err *err)
{
	int r = v->nl.n_queued + room > NLK_BATCH_MAX ? nlk_send(&v->nl, NULL, NULL) : 0;

	return r < 0 ? nlk_fail(err, &v->nl, CNI_E_FAILED, r,
				"bring addresses and routes of %s along", v->key.ifname)
		     : 0;
}

/* Those without a gateway first, through which the gateways of others are reached. */
static int queue_routes(struct vrf *v, const struct route_list *list, uint32_t table,
			struct cni_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < 2 * list->n; i++) {
		const struct route_copy *route = &list->r[i % list->n];

		if (route->rtm.rtm_protocol == RTPROT_KERNEL ||
		    (route->gw.family != 0) != (i >= list->n))
			continue;
		r = send_queue(v, 1, err);
		if (r == 0)
			route_queue_copy(&v->nl, route, table, NULL);
	}
	return r;
}

static int queue_addresses(struct vrf *v, int index, const struct addr_list *addrs,
			   struct cni_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < addrs->n; i++) {
		if (addrs->a[i].scope != RT_SCOPE_UNIVERSE)
			continue;
		r = send_queue(v, 1, err);
		if (r < 0)
			break;
		addr_queue_add(&v->nl, index, &addrs->a[i].net, addrs->a[i].flags & IFA_F_NODAD);
		nlk_ignore(&v->nl, -EEXIST);
	}
	return r;
}

/* Give the interface again what it had. */
static int bring_along(struct vrf *v, int index, const struct saved *saved, uint32_t table,
		       struct cni_err *err)
{
	int r = queue_addresses(v, index, &saved->addrs, err);

	if (r == 0)
		r = send_queue(v, NLK_BATCH_MAX + 1, err);
	if (r < 0)
		return r;
	/* a tentative address cannot be the source of a route */
	if (saved->addrs.n) {
		r = addr_wait_dad(&v->nl, index, DAD_TIMEOUT_MS);
		if (r < 0)
			return cni_fail(err, CNI_E_FAILED, r, "IPv6 address of %s", v->key.ifname);
	}
	r = queue_routes(v, &saved->v4, table, err);
	if (r == 0)
		r = queue_routes(v, &saved->v6, table, err);
	return r < 0 ? r : send_queue(v, NLK_BATCH_MAX + 1, err);
}

/* ---- DEL and rollback ---- */

static int take_out(struct vrf *v, const struct link_info *vrf, const struct link_info *port,
		    struct cni_err *err)
{
	autosaved struct saved saved = { 0 };
	int r = save(v, port->index, vrf->vrf_table, &saved, err);

	if (r < 0)
		return r;
	link_queue_master(&v->nl, port->index, 0);
	return bring_along(v, port->index, &saved, RT_TABLE_MAIN, err);
}

static int delete_unused(struct vrf *v, const struct link_info *vrf, struct cni_err *err)
{
	int r = link_count_ports(&v->nl, vrf->index);

	if (r == 0)
		r = link_del(&v->nl, vrf->index);
	return r < 0 && r != -ENODEV
		       ? nlk_fail(err, &v->nl, CNI_E_FAILED, r, "delete VRF %s", vrf->name)
		       : 0;
}

static int remove_inside(void *arg, struct cni_err *err)
{
	struct vrf *v = arg;
	struct link_info vrf, port = { 0 };
	bool is_port;
	int r = open_inside(v, err);

	if (r == 0)
		r = find(v, v->conf.name, &vrf, err);
	if (r <= 0 || strcmp(vrf.kind, "vrf") != 0)
		return r < 0 ? r : 0;
	r = find(v, v->key.ifname, &port, err);
	is_port = r > 0 && port.master == vrf.index;
	if (is_port)
		r = take_out(v, &vrf, &port, err);
	/* without a record only what the interface was in may be the Go plugin's */
	if (r >= 0 && !v->keep && (is_port || v->recorded))
		r = delete_unused(v, &vrf, err);
	return r < 0 ? r : 0;
}

/* @netns: NULL or gone: everything but the record went with it. */
static int vrf_remove(struct vrf *v, const char *netns, struct cni_err *err)
{
	json_auto_t *record = NULL;
	struct cni_err gone = { 0 };
	autoclose int fd = -1;
	int r = 0;

	v->recorded = state_read(&v->key, &record) == 0;
	if (v->recorded) {
		v->conf.name = json_string_value(json_object_get(record, "vrf"));
		v->keep &= !json_is_true(json_object_get(record, "made"));
	}
	fd = netns && v->conf.name ? netns_open(netns, &gone) : -1;
	if (fd >= 0)
		r = locked(v, fd, remove_inside, err);
	else
		log_trace("no VRF to leave: %s", netns ? gone.msg : "no network namespace");
	if (r == 0) {
		r = state_remove(&v->key);
		if (r < 0)
			cni_fail(err, CNI_E_IO, r,
				 "remove the attachment record below " STATE_ROOT);
	}
	return r;
}

/* undo_fn */
static int undo_vrf(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;
	struct vrf v = { .key = chain_key(call), .keep = true };

	return vrf_remove(&v, call->netns, err);
}

/* What an ADD that fails halfway would lose: neither in the VRF's table nor in table main any more.
 */
struct lost {
	const struct cni_call *call;
	int index, n_v4, n_v6;
	struct addr_list addrs;
	struct route_copy r[]; /* IPv4, then IPv6 */
};

static int restore_inside(void *arg, struct cni_err *err)
{
	struct lost *lost = arg;
	struct vrf v = { .key = chain_key(lost->call) };
	struct saved saved = { .addrs = lost->addrs,
			       .v4 = { lost->r, lost->n_v4 },
			       .v6 = { lost->r + lost->n_v4, lost->n_v6 } };
	int r = open_inside(&v, err);

	if (r == 0)
		r = bring_along(&v, lost->index, &saved, RT_TABLE_MAIN, err);
	nlk_close(&v.nl);
	return r;
}

/* undo_fn */
static int undo_loss(const void *arg, struct cni_err *err)
{
	const struct lost *lost = arg;
	autoclose int fd = netns_open(lost->call->netns, err);

	return fd < 0 ? fd : netns_run_locked(fd, restore_inside, (void *)arg, err);
}

/* It runs when the interface is out of the VRF: register it before the way out. */
static int register_loss(struct vrf *v, int index, const struct saved *saved, struct cni_err *err)
{
	int n_v4 = saved->v4.n, n_v6 = saved->v6.n;
	size_t size = sizeof(struct lost) + (n_v4 + n_v6) * sizeof(struct route_copy);
	autofree struct lost *lost = calloc(1, size);

	if (!lost)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "remember the routes of %s",
				v->key.ifname);
	lost->call = v->call;
	lost->index = index;
	lost->n_v4 = n_v4;
	lost->n_v6 = n_v6;
	lost->addrs = saved->addrs;
	for (int i = 0; i < n_v4 + n_v6; i++)
		lost->r[i] = i < n_v4 ? saved->v4.r[i] : saved->v6.r[i - n_v4];
	undo_push_copy(v->undo, "addresses and routes", undo_loss, lost, size);
	return 0;
}

static int remove_key(const struct state_key *key, const void *arg, struct cni_err *err)
{
	struct vrf v = { .key = *key };

	(void)arg;
	return vrf_remove(&v, NULL, err);
}

/* ---- ADD ---- */

/* link_find() callback */
static bool uses_table(const struct link_info *info, const void *arg)
{
	return strcmp(info->kind, "vrf") == 0 && info->vrf_table == *(const uint32_t *)arg;
}

/* The first table that no VRF and no route uses. Return: the table, 0 with @err filled. */
static uint32_t free_table(struct vrf *v, struct cni_err *err)
{
	autoroutes struct route_list v4 = { 0 }, v6 = { 0 };
	int r = route_list_get(&v->nl, AF_INET, 0, 0, &v4);

	if (r == 0)
		r = route_list_get(&v->nl, AF_INET6, 0, 0, &v6);
	for (uint32_t table = 1; r == 0; table++) {
		struct link_info user;

		/* local, main and default are 255, 254 and 253 */
		if ((table >= 253 && table <= 255) || route_list_has_table(&v4, table) ||
		    route_list_has_table(&v6, table))
			continue;
		r = link_find(&v->nl, uses_table, &table, &user);
		if (r == -ENODEV)
			return table;
	}
	nlk_fail(err, &v->nl, CNI_E_FAILED, r, "find a free routing table");
	return 0;
}

static int refuse_existing(const struct vrf *v, const struct link_info *vrf, struct cni_err *err)
{
	if (strcmp(vrf->kind, "vrf") != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"vrfname\": \"%s\" in the container is no VRF", vrf->name);
	if (v->conf.table && v->conf.table != vrf->vrf_table)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"table\": VRF \"%s\" exists already, with routing table %u",
				vrf->name, vrf->vrf_table);
	return 0;
}

static int refuse_port(struct vrf *v, const struct link_info *port, struct cni_err *err)
{
	struct link_info master = { 0 };

	if (!port->master)
		return 0;
	if (link_get_index(&v->nl, port->master, &master) < 0)
		snprintf(master.name, sizeof(master.name), "%d", port->master);
	return cni_fail(err, CNI_E_FAILED, EEXIST, "%s has a master already: %s", port->name,
			master.name);
}

static void put_table(struct nlk *nl, struct nl_msg *m, const void *arg)
{
	nlk_put_u32(nl, m, IFLA_VRF_TABLE, *(const uint32_t *)arg);
}

/* The VRF is set up in the batch that gives it its port. */
static int make_vrf(struct vrf *v, uint32_t table, struct link_info *vrf, struct cni_err *err)
{
	struct link_child wanted = {
		.kind = "vrf",
		.name = v->conf.name,
		.netns_fd = -1,
		.put_data = put_table,
		.arg = &table,
	};
	int r = link_add_child(&v->nl, &wanted);

	if (r == -EOPNOTSUPP)
		return nlk_fail(err, &v->nl, CNI_E_FIELD, r,
				"\"vrfname\": create VRF \"%s\" (the kernel needs CONFIG_NET_VRF)",
				v->conf.name);
	if (r == 0)
		r = link_get(&v->nl, v->conf.name, vrf);
	if (r < 0)
		return nlk_fail(err, &v->nl, CNI_E_FAILED, r,
				"\"vrfname\": create VRF \"%s\" with table %u", v->conf.name,
				table);
	link_queue_flags(&v->nl, "set the VRF up", vrf->index, IFF_UP, IFF_UP);
	return 0;
}

static int write_record(struct vrf *v, bool made, struct cni_err *err)
{
	json_auto_t *record = json_pack("{s:s, s:b}", "vrf", v->conf.name, "made", made);
	int r;

	undo_push(v->undo, "VRF", undo_vrf, v->call);
	r = state_write(&v->key, record);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT)
		     : 0;
}

static int add_inside(void *arg, struct cni_err *err)
{
	autosaved struct saved saved = { 0 };
	struct vrf *v = arg;
	struct link_info vrf = { 0 }, port = { 0 };
	uint32_t table = (uint32_t)v->conf.table;
	int exists, r = open_inside(v, err);

	if (r == 0)
		r = find(v, v->key.ifname, &port, err);
	if (r == 0)
		r = cni_fail(err, CNI_E_FAILED, ENODEV, "look up %s in the container",
			     v->key.ifname);
	if (r < 0)
		return r;
	exists = find(v, v->conf.name, &vrf, err);
	r = exists < 0 ? exists : exists ? refuse_existing(v, &vrf, err) : 0;
	if (r == 0)
		r = refuse_port(v, &port, err);
	if (r == 0 && !exists && !table) {
		table = free_table(v, err);
		r = table ? 0 : -EIO;
	}
	if (r == 0)
		r = save(v, port.index, RT_TABLE_MAIN, &saved, err);
	if (r == 0)
		r = register_loss(v, port.index, &saved, err);
	if (r == 0)
		r = write_record(v, !exists, err);
	if (r == 0 && !exists)
		r = make_vrf(v, table, &vrf, err);
	if (r < 0)
		return r;
	link_queue_master(&v->nl, port.index, vrf.index);
	return bring_along(v, port.index, &saved, exists ? vrf.vrf_table : table, err);
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	struct vrf v = { .call = call, .undo = undo, .key = chain_key(call) };
	struct vrf left = { .key = v.key };
	autoclose int fd = -1;
	int r = read_conf(call, &v.conf, err);

	if (r == 0)
		r = chain_begin(call, result, err);
	/* of an ADD that was killed */
	if (r == 0 && state_exists(&v.key))
		r = vrf_remove(&left, call->netns, err);
	if (r < 0)
		return r;
	fd = netns_open(call->netns, err);
	return fd < 0 ? fd : locked(&v, fd, add_inside, err);
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct vrf v = { .key = chain_key(call) };
	const char *name = json_string_value(conf_get(call->conf, "vrfname"));
	struct cni_err ignored = { 0 };

	/* for what the Go plugin made */
	if (name && args_check_ifname(name, CNI_E_CONF, "vrfname", &ignored) == 0)
		v.conf.name = name;
	return vrf_remove(&v, call->netns, err);
}

/* ---- CHECK, GC, STATUS ---- */

static int check_inside(void *arg, struct cni_err *err)
{
	struct vrf *v = arg;
	struct link_info vrf, port;
	int r = open_inside(v, err);

	if (r == 0)
		r = find(v, v->conf.name, &vrf, err);
	if (r == 0)
		return cni_fail(err, CNI_E_FAILED, 0, "there is no VRF \"%s\" in the container",
				v->conf.name);
	if (r > 0)
		r = refuse_existing(v, &vrf, err);
	if (r < 0)
		return r;
	if (!(vrf.flags & IFF_UP))
		return cni_fail(err, CNI_E_FAILED, 0, "VRF \"%s\" is down", vrf.name);
	r = find(v, v->key.ifname, &port, err);
	if (r < 0)
		return r;
	if (r == 0 || port.master != vrf.index)
		return cni_fail(err, CNI_E_FAILED, 0, "%s is not in VRF \"%s\"", v->key.ifname,
				vrf.name);
	return 0;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct vrf v = { .call = call, .key = chain_key(call) };
	autoclose int fd = -1;
	int r = read_conf(call, &v.conf, err);

	if (r == 0 && !call->prev)
		r = cni_fail(err, CNI_E_CONF, 0, "\"prevResult\": required for CHECK");
	if (r < 0)
		return r;
	fd = netns_open(call->netns, err);
	return fd < 0 ? fd : locked(&v, fd, check_inside, err);
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	return chain_gc(call, remove_key, NULL, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct vrf_conf conf = { 0 };

	return read_conf(call, &conf, err);
}

static const struct cni_plugin vrf_plugin = {
	.name = "vrf",
	.about = "puts a container's interface into a VRF",
	.keys = keys,
	.oldest = CNI_0_3_1,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&vrf_plugin, argc, argv);
}
