/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of macvlan, ipvlan, vlan and dummy; child.h says how they work. */
#include "plugins/child.h"

#include "args.h"
#include "cleanup.h"
#include "container.h"
#include "ipam.h"
#include "netns.h"
#include "plugins/child_record.h"
#include "route.h"
#include "veth.h"

#include <string.h>

/* All that DEL and GC need: an attachment must be removable whatever has become of the keys. */
static int read_conf(const struct cni_call *call, struct child_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", child_kind.keys, conf, err);

	if (conf->master && !*conf->master)
		conf->master = NULL;
	if (conf->mode_name && !*conf->mode_name)
		conf->mode_name = NULL;
	return r < 0 ? r : iface_ipam_type(&conf->iface, err);
}

static int read_mode(struct child_conf *conf, struct cni_err *err)
{
	int chosen, r;

	if (!child_kind.mode_names)
		return 0;
	r = conf_choose("mode", conf->mode_name, child_kind.mode_names, child_kind.n_modes, &chosen,
			err);
	if (r == 0)
		conf->mode = child_kind.modes[chosen];
	return r;
}

/* Whether addresses come from the plugin before this one, as far as the verb can know. */
static bool has_addresses(const struct cni_call *call)
{
	return child_kind.chained &&
	       (call->verb == CNI_STATUS || (call->prev && call->prev->n_ips > 0));
}

static int read_valid_conf(const struct cni_call *call, struct child_conf *conf,
			   struct cni_err *err)
{
	int r = read_conf(call, conf, err);

	if (r == 0 && conf->master)
		r = args_check_ifname(conf->master, CNI_E_CONF, "master", err);
	if (r == 0)
		r = read_mode(conf, err);
	if (r == 0 && child_kind.has_mac)
		r = iface_read_mac(call, &conf->iface, err);
	if (r < 0)
		return r;
	if (child_kind.needs_master && !conf->master)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"master\": required: the interface that the %s link hangs on",
				call->plugin);
	if (child_kind.is_vlan && !conf->vlan)
		return cni_fail(err, CNI_E_CONF, 0, "\"vlanId\": required: 1 to 4094");
	if (child_kind.needs_ipam && !conf->iface.ipam_type && !has_addresses(call))
		return cni_fail(err, CNI_E_CONF, 0, "\"ipam.type\": %s needs an IPAM plugin%s",
				call->plugin,
				child_kind.chained ? ", or a prevResult with addresses" : "");
	return 0;
}

/* What one ADD carries from step to step. */
struct attach {
	const struct cni_call *call;
	struct child_conf conf;
	int netns_fd;
	char netns_id[NETNS_ID_STRLEN];
	struct undo *undo;
	struct link_info master; /* index 0: none */
	char made_as[IFNAMSIZ];
	struct link_info made;
};

/* ---- the master ---- */

/* The name to look for; NULL when the default route is to tell. */
static int name_of_master(const struct cni_call *call, const struct child_conf *conf,
			  const char **name, struct cni_err *err)
{
	const struct cni_result *prev = child_kind.chained ? call->prev : NULL;

	*name = conf->master;
	/* CHECK gets this plugin's own result */
	if (*name || !prev || call->verb == CNI_CHECK)
		return 0;
	if (prev->n_ifaces != 1 || !*prev->ifaces[0].name)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"master\": not given, and prevResult has not exactly one "
				"interface to take its place");
	*name = prev->ifaces[0].name;
	return 0;
}

static int find_master(struct nlk *nl, const struct cni_call *call, const struct child_conf *conf,
		       struct link_info *out, struct cni_err *err)
{
	const char *where = conf->in_container ? "in the container" : "on the host", *name;
	int r = name_of_master(call, conf, &name, err);

	if (r < 0)
		return r;
	if (name) {
		r = link_get(nl, name, out);
		if (r == -ENODEV)
			return cni_fail(err, CNI_E_CONF, 0, "\"master\": no interface \"%s\" %s",
					name, where);
	} else {
		r = route_default_interface(nl);
		if (r == -ENODEV)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"master\": not given, and there is no default route %s "
					"to take it from",
					where);
		if (r > 0)
			r = link_get_index(nl, r, out);
	}
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "look up the master %s",
				name ? name : "by the default route")
		     : 0;
}

static int check_master(const struct attach *a, struct cni_err *err)
{
	const struct link_info *master = &a->master;

	if (child_kind.limits_mtu && a->conf.iface.mtu > master->mtu)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mtu\": %lld is more than the %d of the master \"%s\"",
				(long long)a->conf.iface.mtu, master->mtu, master->name);
	if (child_kind.needs_master_up && !(master->flags & IFF_UP))
		return cni_fail(err, CNI_E_FAILED, ENETDOWN,
				"the master \"%s\" is down (ip link set %s up)", master->name,
				master->name);
	return 0;
}

/* ---- the record and the link ---- */

/* undo_fn: the record of a failed ADD. */
static int undo_record(const void *arg, struct cni_err *err)
{
	struct state_key key = chain_key(arg);
	int r = state_remove(&key);

	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record") : 0;
}

/* Before the link is made, and again with its addresses. */
static int write_record(const struct attach *a, const struct cni_result *result,
			struct cni_err *err)
{
	struct state_key key = chain_key(a->call);
	json_auto_t *record = iface_record(a->call, &a->conf.iface, result);

	if (*a->netns_id)
		json_object_set_new(record, CHILD_NETNS_ID, json_string(a->netns_id));
	if (a->master.index)
		json_object_set_new(record, "master", json_string(a->master.name));
	return iface_write_record(&key, record, false, err);
}

/* The argument of undo_link(). */
struct made_link {
	const struct cni_call *call;
	char name[IFNAMSIZ];
};

/* undo_fn: the link of a failed ADD, under the name that it had at that step. */
static int undo_link(const void *arg, struct cni_err *err)
{
	const struct made_link *made = arg;
	struct container_link link = { .netns = made->call->netns,
				       .name = made->name,
				       .kind = made->call->plugin };
	int r = container_remove_link(&link, err);

	return r < 0 ? r : 0;
}

static void push_link(const struct attach *a, const char *name)
{
	struct made_link made = { .call = a->call };

	snprintf(made.name, sizeof(made.name), "%s", name);
	undo_push_copy(a->undo, "link in the container", undo_link, &made, sizeof(made));
}

static int explain(const struct attach *a, const struct nlk *nl, int r, struct cni_err *err)
{
	const char *plugin = a->call->plugin, *master = a->master.name;

	if (r == -EOPNOTSUPP)
		return nlk_fail(err, nl, CNI_E_FIELD, r, "create a %s link (the kernel needs %s)",
				plugin, child_kind.option);
	if (r == -EEXIST && child_kind.is_vlan)
		return nlk_fail(err, nl, CNI_E_FAILED, r,
				"\"vlanId\": VLAN %lld of \"%s\" has a link already",
				(long long)a->conf.vlan, master);
	return nlk_fail(err, nl, CNI_E_FAILED, r, "create a %s link%s%s%s%s%s", plugin,
			*master ? " on \"" : "", master, *master ? "\"" : "",
			a->conf.mode_name ? ", mode " : "",
			a->conf.mode_name ? a->conf.mode_name : "");
}

static int create(struct attach *a, struct nlk *nl, struct cni_err *err)
{
	struct link_child child = {
		.kind = a->call->plugin,
		.name = a->call->ifname,
		.master = a->master.index,
		.netns_fd = a->conf.in_container ? -1 : a->netns_fd,
		.mtu = (int)a->conf.iface.mtu,
		.mac = a->conf.iface.have_mac ? a->conf.iface.mac : NULL,
		.put_data = child_kind.put_data,
		.arg = &a->conf,
	};
	struct veth_ids ids;
	int r = link_add_child(nl, &child);

	if (r == -EEXIST) {
		veth_ids(a->call->network, a->call->container_id, a->call->ifname, &ids);
		child.name = ids.host_name;
		r = link_add_child(nl, &child);
	}
	if (r < 0)
		return explain(a, nl, r, err);
	snprintf(a->made_as, sizeof(a->made_as), "%s", child.name);
	push_link(a, a->made_as);
	return 0;
}

/* In the master's namespace: everything up to the link's existence. */
static int make_fn(void *arg, struct cni_err *err)
{
	struct attach *a = arg;
	autonlk struct nlk nl = { 0 };
	struct cni_result nothing = { 0 };
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	if (child_kind.has_master) {
		r = find_master(&nl, a->call, &a->conf, &a->master, err);
		if (r == 0)
			r = check_master(a, err);
		if (r < 0)
			return r;
	}
	undo_push(a->undo, "attachment record", undo_record, a->call);
	r = write_record(a, &nothing, err);
	return r < 0 ? r : create(a, &nl, err);
}

/* In the container: the link gets its name, and is looked at. */
static int settle_fn(void *arg, struct cni_err *err)
{
	struct attach *a = arg;
	const char *ifname = a->call->ifname;
	const struct iface_conf *conf = &a->conf.iface;
	autonlk struct nlk nl = { 0 };
	int r = nlk_open(&nl);

	if (r == 0)
		r = link_get(&nl, a->made_as, &a->made);
	if (r == 0 && strcmp(a->made_as, ifname) != 0) {
		link_queue_rename(&nl, a->made.index, ifname);
		r = nlk_send(&nl, NULL, NULL);
		if (r == -EEXIST)
			return nlk_fail(err, &nl, CNI_E_FAILED, r,
					"CNI_IFNAME: an interface \"%s\" exists in the container "
					"already",
					ifname);
		if (r == 0)
			push_link(a, ifname);
	}
	/* macvlan in mode passthru begins with the master's */
	if (r == 0 && conf->have_mac && memcmp(conf->mac, a->made.mac, 6) != 0) {
		link_queue_mac(&nl, a->made.index, conf->mac);
		r = nlk_send(&nl, NULL, NULL);
		memcpy(a->made.mac, conf->mac, 6);
	}
	return r < 0 ? nlk_fail(err, &nl, CNI_E_FAILED, r, "configure the %s link in the container",
				a->call->plugin)
		     : 0;
}

/*
 * In the container, before anything is done: which namespace it is, and that this is no second ADD,
 * whose failure would take the first one's record along.
 */
static int look_fn(void *arg, struct cni_err *err)
{
	struct attach *a = arg;
	const struct cni_call *call = a->call;
	struct state_key key = chain_key(call);
	autonlk struct nlk nl = { 0 };
	struct link_info there;
	int r;

	netns_id(a->netns_id);
	if (!state_exists(&key))
		return 0;
	r = nlk_open(&nl);
	if (r == 0)
		r = link_get(&nl, call->ifname, &there);
	if (r == -ENODEV)
		return 0; /* the record of an ADD that was killed */
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up %s in the container",
				call->ifname);
	return cni_fail(err, CNI_E_FAILED, EEXIST,
			"container %s is attached to network \"%s\" as %s already",
			call->container_id, call->network, call->ifname);
}

static int make_link(struct attach *a, struct cni_err *err)
{
	int r = netns_run(a->netns_fd, look_fn, a, err);

	if (r == 0)
		r = a->conf.in_container ? netns_run(a->netns_fd, make_fn, a, err)
					 : make_fn(a, err);
	return r < 0 ? r : netns_run(a->netns_fd, settle_fn, a, err);
}

/* ---- addresses ---- */

static int take_addresses(struct attach *a, struct cni_result *result, struct cni_err *err)
{
	const struct cni_result *prev = a->call->prev;

	if (a->conf.iface.ipam_type || !child_kind.needs_ipam)
		return iface_run_ipam(a->call, &a->conf.iface, result, a->undo, err);
	for (size_t i = 0; i < prev->n_ips; i++)
		result_add_ip(result, &prev->ips[i]);
	for (size_t i = 0; i < prev->n_routes; i++)
		result_add_route(result, &prev->routes[i]);
	return 0;
}

static bool is_lonely(const struct child_conf *conf)
{
	return child_kind.lonely ||
	       (child_kind.lonely_from && conf->mode >= child_kind.lonely_from);
}

static int configure(struct attach *a, const struct cni_result *result, struct cni_err *err)
{
	bool neighbours = !is_lonely(&a->conf);
	struct container_setup setup = {
		.netns_fd = a->netns_fd,
		.ifname = a->call->ifname,
		.index = a->made.index,
		.up = true,
		.announce = neighbours,
		.dad = neighbours,
		/* without a carrier it would never be over */
		.dad_wait = neighbours && a->master.flags & IFF_RUNNING,
		.result = result,
	};

	return container_configure(&setup, err);
}

static void report(const struct attach *a, struct cni_result *result)
{
	char mac[MAC_STRLEN];
	int index = result_add_iface(result, a->call->ifname, mac_str(a->made.mac, mac),
				     a->made.mtu, a->call->netns);

	for (size_t i = 0; i < result->n_ips; i++)
		result->ips[i].iface = index;
}

int child_add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	      struct cni_err *err)
{
	struct attach a = { .call = call, .netns_fd = -1, .undo = undo };
	autoclose int netns_fd = -1;
	int r = read_valid_conf(call, &a.conf, err);

	if (r < 0)
		return r;
	netns_fd = netns_open(call->netns, err);
	if (netns_fd < 0)
		return netns_fd;
	a.netns_fd = netns_fd;
	r = make_link(&a, err);
	if (r == 0)
		r = take_addresses(&a, result, err);
	if (r == 0 && result->n_ips)
		r = write_record(&a, result, err);
	if (r == 0)
		r = configure(&a, result, err);
	if (r == 0)
		r = iface_override_dns(&a.conf.iface, result, err);
	if (r == 0)
		report(&a, result);
	return r;
}

/* ---- the other verbs ---- */

/* iface_detach_fn */
static int detach(const struct state_key *key, const void *call, struct cni_err *err)
{
	return child_remove(key, call, err);
}

int child_del(const struct cni_call *call, struct cni_err *err)
{
	struct child_conf conf = { 0 };
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_del(call, &conf.iface, detach, call, err);
}

int child_gc(const struct cni_call *call, struct cni_err *err)
{
	struct child_conf conf = { 0 };
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_gc(call, &conf.iface, detach, call, err);
}

/*
 * The MTU that the link should have. A plugin behind this one may have set another and says so in
 * the result, which has it since 1.1.0.
 */
static int64_t expected_mtu(const struct cni_call *call, const struct child_conf *conf)
{
	for (size_t i = 0; i < call->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &call->prev->ifaces[i];

		if (*iface->sandbox && iface->mtu && strcmp(iface->name, call->ifname) == 0)
			return iface->mtu;
	}
	return child_kind.is_vlan ? conf->iface.mtu : 0;
}

static int check_link(const struct cni_call *call, const struct child_conf *conf,
		      const struct link_info *seen, struct cni_err *err)
{
	const char *name = call->ifname;
	int64_t mtu = expected_mtu(call, conf);

	if (strcmp(seen->kind, call->plugin) != 0)
		return cni_fail(err, CNI_E_FAILED, 0, "%s is not a %s link", name, call->plugin);
	if (!(seen->flags & IFF_UP))
		return cni_fail(err, CNI_E_FAILED, 0, "%s is down", name);
	if (child_kind.mode_names && seen->mode != conf->mode)
		return cni_fail(err, CNI_E_FAILED, 0, "\"mode\": %s is in another mode than %s",
				name, conf->mode_name ? conf->mode_name : child_kind.mode_names[0]);
	if (child_kind.is_vlan && seen->vlan != conf->vlan)
		return cni_fail(err, CNI_E_FAILED, 0, "\"vlanId\": %s is of VLAN %d, not %lld",
				name, seen->vlan, (long long)conf->vlan);
	if (mtu && seen->mtu != mtu)
		return cni_fail(err, CNI_E_FAILED, 0, "\"mtu\": %s has %d, not %lld", name,
				seen->mtu, (long long)mtu);
	if (conf->bc_queue && seen->bc_queue >= 0 && seen->bc_queue != conf->bc_queue)
		return cni_fail(err, CNI_E_FAILED, 0, "\"bcqueuelen\": %s has %d, not %lld", name,
				seen->bc_queue, (long long)conf->bc_queue);
	return 0;
}

/* What CHECK looks for in the master's namespace. */
struct hold {
	const struct cni_call *call;
	struct child_conf conf;
	int master; /* ifindex that the link hangs on */
};

static int check_master_fn(void *arg, struct cni_err *err)
{
	struct hold *hold = arg;
	autonlk struct nlk nl = { 0 };
	struct link_info master;
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = find_master(&nl, hold->call, &hold->conf, &master, err);
	if (r < 0) {
		err->code = CNI_E_FAILED; /* the configuration was good when ADD had it */
		return r;
	}
	return master.index == hold->master
		       ? 0
		       : cni_fail(err, CNI_E_FAILED, 0, "%s does not hang on its master \"%s\"",
				  hold->call->ifname, master.name);
}

/* The master that ADD chose, as the record says: the default route may be another by now. */
static int check_hold(const struct cni_call *call, const struct child_conf *conf, int index,
		      struct cni_err *err)
{
	struct hold hold = { call, *conf, index };
	struct state_key key = chain_key(call);
	json_auto_t *record = NULL;
	autoclose int fd = -1;

	if (!conf->master && state_read(&key, &record) == 0)
		hold.conf.master = json_string_value(json_object_get(record, "master"));
	if (!conf->in_container)
		return check_master_fn(&hold, err);
	fd = netns_open(call->netns, err);
	return fd < 0 ? fd : netns_run(fd, check_master_fn, &hold, err);
}

int child_check(const struct cni_call *call, struct cni_err *err)
{
	struct child_conf conf = { 0 };
	struct link_info seen;
	int r = read_valid_conf(call, &conf, err);

	if (r == 0)
		r = container_check(call, &seen, err);
	if (r == 0)
		r = check_link(call, &conf, &seen, err);
	if (r == 0 && child_kind.has_master)
		r = check_hold(call, &conf, seen.peer, err);
	if (r == 0 && conf.iface.ipam_type)
		r = ipam_check(call, conf.iface.ipam_type, err);
	return r;
}

int child_status(const struct cni_call *call, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct child_conf conf = { 0 };
	struct link_info master;
	int r = read_valid_conf(call, &conf, err);

	if (r < 0)
		return r;
	/* a master that a container or an earlier plugin brings along is not there yet */
	if (child_kind.has_master && !conf.in_container && (conf.master || !child_kind.chained)) {
		r = nlk_open(&nl);
		if (r < 0)
			return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
		r = find_master(&nl, call, &conf, &master, err);
		if (r < 0) {
			err->code = CNI_E_UNAVAILABLE;
			return r;
		}
	}
	return conf.iface.ipam_type ? ipam_status(call, conf.iface.ipam_type, err) : 0;
}
