/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tuning: sets sysctls of a container's network namespace, and the MAC, MTU, transmit queue and
 * flags of its interface.
 *
 * Theory of operation. It is chained behind the plugin that made the interface. What is to be
 * changed is looked up first: a sysctl that does not exist is found out before anything happens.
 * Then the values that will be overwritten are written to two files (tuning_record.h), and only
 * then is anything changed: sysctls one by one, the interface in one batch. Nothing exists on the
 * host beside the files.
 *
 * DEL and rollback put the old values back. That matters where the interface outlives the
 * container (host-device). Without the namespace, and in GC, the files are all there is to remove.
 * ADD for an attachment with files, whose ADD was killed, puts the values back first: otherwise
 * what that one set would be taken for the original.
 */
#include "args.h"
#include "chain.h"
#include "cleanup.h"
#include "link.h"
#include "log.h"
#include "netns.h"
#include "plugins/tuning_conf.h"
#include "plugins/tuning_record.h"
#include "sysctl.h"

#include <string.h>

/* As much as the kernel prints of a sysctl at once. */
#define VALUE_MAX 4096

/* What ADD and CHECK carry into the namespace. */
struct tune {
	const struct cni_call *call;
	struct tuning_conf *conf;
	struct undo *undo;
	struct cni_result *result;
};

/* ---- DEL, GC, rollback ---- */

static int remove_key(const struct state_key *key, const void *arg, struct cni_err *err)
{
	(void)arg;
	return tuning_remove(key, NULL, NULL, err);
}

/* undo_fn */
static int undo_tuning(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;
	struct state_key key = chain_key(call);

	return tuning_remove(&key, call->netns, NULL, err);
}

/* ---- ADD, inside the namespace ---- */

/* Present values of the sysctls, for the record; settles which path each of them has. */
static int read_sysctls(struct tuning_conf *conf, json_t *record, struct cni_err *err)
{
	json_t *sysctls = json_object();

	json_object_set_new(record, "sysctl", sysctls);
	for (size_t i = 0; i < conf->n_sysctls; i++) {
		struct tuning_sysctl *s = &conf->sysctls[i];
		char was[VALUE_MAX];
		int r = sysctl_read_text(s->path, was, sizeof(was));

		if (r == -ENOENT && s->alternative[0]) {
			r = sysctl_read_text(s->alternative, was, sizeof(was));
			if (r != -ENOENT)
				strcpy(s->path, s->alternative);
		}
		if (r == -ENOENT || r == -ENOTDIR || r == -EISDIR)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"sysctl\": there is no sysctl \"%.100s\" in the "
					"container (/proc/sys/%s)",
					s->key, s->path);
		if (r == -EACCES || r == -EPERM || r == -EIO)
			continue; /* a switch that can only be written (net.ipv4.route.flush) */
		if (r < 0)
			return cni_fail(err, CNI_E_FAILED, r, "read /proc/sys/%s", s->path);
		json_object_set_new(sysctls, s->path,
				    json_pack("{s:s, s:s}", "was", was, "set", s->value));
	}
	return 0;
}

/* What the interface is, as far as it is to be changed: the reference's file. */
static json_t *describe(const struct tuning_conf *conf, const struct link_info *info)
{
	json_t *was = json_object();
	char mac[MAC_STRLEN];

	if (conf->mac.given)
		json_object_set_new(was, "mac", json_string(mac_str(info->mac, mac)));
	if (conf->promisc)
		json_object_set_new(was, "promisc", json_boolean(info->flags & IFF_PROMISC));
	if (conf->mtu)
		json_object_set_new(was, "mtu", json_integer(info->mtu));
	if (conf->set_allmulti)
		json_object_set_new(was, "allmulti", json_boolean(info->flags & IFF_ALLMULTI));
	if (conf->tx_queue_len >= 0)
		json_object_set_new(was, "txQLen", json_integer(info->tx_queue_len));
	return was;
}

/* Write down what will be overwritten. */
static int keep(const struct tune *t, const struct link_info *info, struct cni_err *err)
{
	const struct cni_call *call = t->call;
	struct state_key key = chain_key(call);
	json_auto_t *record = json_object(), *was = describe(t->conf, info);
	bool link = tuning_changes_link(t->conf);
	int r = read_sysctls(t->conf, record, err);

	if (r < 0)
		return r;
	if (link)
		json_object_set_new(record, "backupDir", json_string(t->conf->data_dir));
	undo_push(t->undo, "tuning", undo_tuning, call);
	r = state_write(&key, record);
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT);
	r = link ? tuning_backup(t->conf->data_dir, call->container_id, call->ifname, was) : 0;
	return r < 0 ? cni_fail(err, CNI_E_IO, r,
				"\"dataDir\": keep the values before the change "
				"in %.200s",
				t->conf->data_dir)
		     : 0;
}

static int set_sysctls(const struct tuning_conf *conf, struct cni_err *err)
{
	for (size_t i = 0; i < conf->n_sysctls; i++) {
		const struct tuning_sysctl *s = &conf->sysctls[i];
		int r = sysctl_write_text(s->path, s->value);
		bool bad = r == -EINVAL || r == -ERANGE || r == -E2BIG || r == -EDOM;

		if (r < 0)
			return cni_fail(err, bad ? CNI_E_CONF : CNI_E_FAILED, r,
					"\"sysctl\": set \"%.100s\" to \"%.60s\"", s->key,
					s->value);
	}
	return 0;
}

static bool has_ipv4(const struct cni_call *call)
{
	const struct cni_ip *ip;

	for (size_t i = 0; (ip = chain_address(call, &i));)
		if (ip->address.ip.family == AF_INET)
			return true;
	return false;
}

static int set_link(const struct tune *t, struct nlk *nl, int index, struct cni_err *err)
{
	const struct tuning_conf *conf = t->conf;
	unsigned int mask =
		(conf->promisc ? IFF_PROMISC : 0) | (conf->set_allmulti ? IFF_ALLMULTI : 0);
	unsigned int flags =
		(conf->promisc ? IFF_PROMISC : 0) | (conf->allmulti ? IFF_ALLMULTI : 0);
	bool bad;
	int r;

	if (conf->mac.given) {
		/* the kernel then tells the neighbours, who may know the address by another MAC */
		if (has_ipv4(t->call))
			link_queue_arp_notify(nl, index);
		link_queue_mac(nl, index, conf->mac.addr);
	}
	if (mask)
		link_queue_flags(nl, "set promiscuous and all-multicast mode", index, flags, mask);
	if (conf->mtu)
		link_queue_mtu(nl, index, conf->mtu);
	if (conf->tx_queue_len >= 0)
		link_queue_tx_queue_len(nl, index, conf->tx_queue_len);
	r = nlk_send(nl, NULL, NULL);
	bad = r == -EINVAL || r == -ERANGE || r == -EADDRNOTAVAIL;
	return r < 0 ? nlk_fail(err, nl, bad ? CNI_E_CONF : CNI_E_FAILED, r, "tune %s",
				t->call->ifname)
		     : 0;
}

static void report(const struct tune *t)
{
	struct cni_result *result = t->result;

	for (size_t i = 0; i < result->n_ifaces; i++) {
		struct cni_iface *iface = &result->ifaces[i];
		char mac[MAC_STRLEN];

		if (strcmp(iface->name, t->call->ifname) != 0 || !*iface->sandbox)
			continue;
		if (t->conf->mac.given) {
			free(iface->mac);
			iface->mac = strdup(mac_str(t->conf->mac.addr, mac));
			if (!iface->mac)
				abort();
		}
		if (t->conf->mtu)
			iface->mtu = t->conf->mtu;
	}
}

static int find_link(const struct tune *t, struct nlk *nl, struct link_info *info,
		     struct cni_err *err)
{
	int r = nlk_open(nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	r = link_get(nl, t->call->ifname, info);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "look up %s in the container",
				t->call->ifname)
		     : 0;
}

static int tune_inside(void *arg, struct cni_err *err)
{
	const struct tune *t = arg;
	autonlk struct nlk nl = { 0 };
	struct link_info info;
	int r = find_link(t, &nl, &info, err);

	if (r == 0)
		r = keep(t, &info, err);
	if (r == 0)
		r = set_sysctls(t->conf, err);
	if (r == 0)
		r = set_link(t, &nl, info.index, err);
	if (r == 0)
		report(t);
	return r;
}

/* Call a function in the container, unless there is nothing to do there. */
static int in_container(const struct cni_call *call, struct tune *t,
			int (*fn)(void *arg, struct cni_err *err), struct cni_err *err)
{
	autoclose int fd = -1;

	if (t->conf->n_sysctls == 0 && !tuning_changes_link(t->conf))
		return 0;
	fd = netns_open(call->netns, err);
	return fd < 0 ? fd : netns_run(fd, fn, t, err);
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	autotuning struct tuning_conf conf = { 0 };
	struct tune t = { call, &conf, undo, result };
	struct state_key key = chain_key(call);
	int r = tuning_conf_read(call, &conf, err);

	if (r == 0)
		r = chain_begin(call, result, err);
	if (r == 0 && state_exists(&key))
		r = tuning_remove(&key, call->netns, NULL, err);
	return r < 0 ? r : in_container(call, &t, tune_inside, err);
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct state_key key = chain_key(call);

	return tuning_remove(&key, call->netns, tuning_dir(call), err);
}

/* ---- CHECK, GC, STATUS ---- */

static int check_sysctls(const struct tuning_conf *conf, struct cni_err *err)
{
	for (size_t i = 0; i < conf->n_sysctls; i++) {
		const struct tuning_sysctl *s = &conf->sysctls[i];
		char now[VALUE_MAX];
		int r = sysctl_read_text(s->path, now, sizeof(now));

		if (r == -ENOENT && s->alternative[0])
			r = sysctl_read_text(s->alternative, now, sizeof(now));
		if (r == -EACCES || r == -EPERM || r == -EIO)
			continue; /* it can only be written */
		if (r < 0)
			return cni_fail(err, CNI_E_FAILED, r, "read /proc/sys/%s", s->path);
		if (!tuning_same_value(now, s->value))
			return cni_fail(err, CNI_E_FAILED, 0,
					"sysctl \"%.100s\" was set to \"%.60s\" and is \"%.60s\"",
					s->key, s->value, now);
	}
	return 0;
}

static int check_inside(void *arg, struct cni_err *err)
{
	const struct tune *t = arg;
	const struct tuning_conf *conf = t->conf;
	const char *ifname = t->call->ifname;
	autonlk struct nlk nl = { 0 };
	struct link_info info;
	char mac[MAC_STRLEN], want[MAC_STRLEN];
	int r = find_link(t, &nl, &info, err);

	if (r == 0)
		r = check_sysctls(conf, err);
	if (r < 0)
		return r;
	if (conf->mac.given && memcmp(conf->mac.addr, info.mac, 6) != 0)
		return cni_fail(err, CNI_E_FAILED, 0, "\"mac\": %s was given %s and has %s", ifname,
				mac_str(conf->mac.addr, want), mac_str(info.mac, mac));
	if (conf->promisc && !(info.flags & IFF_PROMISC))
		return cni_fail(err, CNI_E_FAILED, 0, "\"promisc\": %s is not promiscuous any more",
				ifname);
	if (conf->mtu && conf->mtu != info.mtu)
		return cni_fail(err, CNI_E_FAILED, 0,
				"\"mtu\": the MTU of %s was set to %d and is %d", ifname,
				(int)conf->mtu, info.mtu);
	if (conf->set_allmulti && conf->allmulti != !!(info.flags & IFF_ALLMULTI))
		return cni_fail(err, CNI_E_FAILED, 0,
				"\"allmulti\": the all-multicast mode of %s was changed", ifname);
	if (conf->tx_queue_len >= 0 && conf->tx_queue_len != info.tx_queue_len)
		return cni_fail(err, CNI_E_FAILED, 0,
				"\"txQLen\": the transmit queue of %s was set to %u and is %u",
				ifname, (unsigned int)conf->tx_queue_len, info.tx_queue_len);
	return 0;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	autotuning struct tuning_conf conf = { 0 };
	struct tune t = { call, &conf, NULL, NULL };
	int r = tuning_conf_read(call, &conf, err);

	if (r == 0 && !call->prev)
		r = cni_fail(err, CNI_E_CONF, 0, "\"prevResult\": required for CHECK");
	return r < 0 ? r : in_container(call, &t, check_inside, err);
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	return chain_gc(call, remove_key, NULL, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	autotuning struct tuning_conf conf = { 0 };

	return tuning_conf_read(call, &conf, err);
}

static const struct cni_plugin tuning_plugin = {
	.name = "tuning",
	.about = "sets sysctls, MAC, MTU and flags of a container's interface",
	.keys = tuning_keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&tuning_plugin, argc, argv);
}
