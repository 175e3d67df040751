/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * host-device: gives a device of the host to a container.
 *
 * Theory of operation. After ADD there is
 *   - in the container: the device itself, under CNI_IFNAME, up, with the addresses and routes that
 *     IPAM gave. Its alias (IFLA_IFALIAS) is the name it had on the host, as with the reference
 *     plugin: a node may change plugins while containers run;
 *   - on the host: one device less;
 *   - on disk: IPAM's lease and an attachment record, which remembers the device's name, alias,
 *     state and the bridge it was a port of.
 * A device that is driven from user space (dpdkMode) has no link to move: there is a lease and a
 * record only, and the container gets its hardware from the runtime.
 *
 * One request moves the device and names it in its new namespace; nobody on the host sees the new
 * name. All that may refuse (the name is taken, no address is free) is asked before it; only IPAM
 * plugins that are not ours run after it, because dhcp wants to find the link.
 *
 * DEL moves the device back and restores what the record remembers, with or without CNI_NETNS. When
 * the container's network namespace has died before DEL, the kernel has given a device of hardware
 * back to the host's first namespace, under the name it had in the container or as dev<number>,
 * down, with its alias: DEL, GC and the next ADD that asks for it by name find it by the alias. A
 * virtual device (veth, macvlan, tun) dies with the namespace and cannot be given back. Either way
 * the lease is released.
 *
 * DEL, GC and rollback are one function, hostdev_give_back(); rollback adds the addresses that the
 * device had on the host. Routes of the host through the device are not restored.
 */
#include "addr.h"
#include "args.h"
#include "cleanup.h"
#include "container.h"
#include "ipam.h"
#include "netns.h"
#include "plugins/hostdev_record.h"

#include <linux/if_addr.h>
#include <string.h>

/* What one ADD carries from step to step. */
struct attach {
	const struct cni_call *call;
	struct hostdev_conf conf;
	struct nlk host, inside;
	int netns_fd;
	struct link_info dev;	/* on the host */
	struct link_info moved; /* in the container */
	json_t *record;
};

/* What rollback needs beyond the record. */
struct before {
	const struct cni_call *call;
	char name[IFNAMSIZ]; /* "": nothing is moved */
	struct addr_list addrs;
};

static int detach(const struct state_key *key, const void *arg, struct cni_err *err)
{
	(void)arg;
	return hostdev_give_back(key, NULL, false, err);
}

/* For DEL: the runtime may know where the container is, and that the Go plugins attached it. */
static int detach_called(const struct state_key *key, const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;

	return hostdev_give_back(key, call->netns, chain_foreign(call), err);
}

/* Addresses that moving removed. Those of IPv6's link-local scope come by themselves. */
static int restore_addresses(const struct before *before, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct link_info info;
	int r = nlk_open(&nl);

	if (r == 0)
		r = link_get(&nl, before->name, &info);
	for (int i = 0; r == 0 && i < before->addrs.n; i++) {
		if (before->addrs.a[i].scope == RT_SCOPE_LINK)
			continue;
		addr_queue_add(&nl, info.index, &before->addrs.a[i].net, IFA_F_NODAD);
		nlk_ignore(&nl, -EEXIST);
		r = nlk_send(&nl, NULL, NULL);
	}
	return r < 0 ? nlk_fail(err, &nl, CNI_E_FAILED, r, "restore the addresses of %s",
				before->name)
		     : 0;
}

/* undo_fn */
static int undo_attach(const void *arg, struct cni_err *err)
{
	const struct before *before = arg;
	struct state_key key = chain_key(before->call);
	int r = hostdev_give_back(&key, before->call->netns, false, err);

	return r < 0 || !before->name[0] ? r : restore_addresses(before, err);
}

/* The device is with a container: say with which. */
static int refuse_in_use(const struct hostdev_conf *conf, const json_t *holder, struct cni_err *err)
{
	struct state_key key = state_key_of(holder);
	char text[256];

	return cni_fail(err, CNI_E_TRY_LATER, EBUSY,
			"%s is in use by container %s (network \"%s\", interface %s)",
			hostdev_selector(conf, text, sizeof(text)), key.container_id, key.network,
			key.ifname);
}

static int find_device(struct attach *a, struct cni_err *err)
{
	json_auto_t *holder = NULL;
	char text[256];
	int r = a->conf.dpdk ? 0 : hostdev_find(&a->host, &a->conf, &a->dev, err);

	if (r == 0 && !a->conf.dpdk)
		return 0;
	if (r < 0 && (r != -ENODEV || err->code))
		return r;
	if (hostdev_holder(&a->conf, &holder) > 0)
		return refuse_in_use(&a->conf, holder, err);
	if (a->conf.dpdk)
		return 0;
	return cni_fail(err, CNI_E_CONF, ENODEV, "%s: the host has no such network device",
			hostdev_selector(&a->conf, text, sizeof(text)));
}

/* All that can refuse without anything being changed. */
static int refuse_early(struct attach *a, struct cni_err *err)
{
	struct state_key key = chain_key(a->call);
	struct link_info taken;
	int r;

	if (state_exists(&key))
		return cni_fail(err, CNI_E_FAILED, EEXIST,
				"container %s is attached to network \"%s\" as %s already",
				a->call->container_id, a->call->network, a->call->ifname);
	r = find_device(a, err);
	if (r < 0 || a->conf.dpdk)
		return r;
	r = link_get(&a->inside, a->call->ifname, &taken);
	if (r == 0)
		return cni_fail(err, CNI_E_FAILED, EEXIST,
				"CNI_IFNAME: an interface \"%s\" exists in the container already",
				a->call->ifname);
	return r == -ENODEV ? 0
			    : nlk_fail(err, &a->inside, CNI_E_FAILED, r,
				       "look up %s in the container", a->call->ifname);
}

/* Again when IPAM came after the device: what is to be known of that is not seen any more. */
static int write_record(struct attach *a, const struct cni_result *result, struct cni_err *err)
{
	struct state_key key = chain_key(a->call);
	json_auto_t *common = iface_record(a->call, &a->conf.iface, result);

	if (!a->record) {
		a->record = json_object();
		hostdev_record(a->record, &a->host, &a->conf, a->conf.dpdk ? NULL : &a->dev,
			       a->netns_fd);
	}
	json_object_update(a->record, common);
	return iface_write_record(&key, a->record, true, err);
}

/* The name the device gets back: what was asked for, also if the kernel has just returned it. */
static const char *host_name(const struct attach *a)
{
	return a->conf.device ? a->conf.device : a->dev.name;
}

static int prepare_undo(struct attach *a, struct undo *undo, struct cni_err *err)
{
	struct before before = { .call = a->call };

	if (!a->conf.dpdk) {
		int r = addr_list_get(&a->host, a->dev.index, AF_UNSPEC, &before.addrs);

		if (r < 0)
			return nlk_fail(err, &a->host, CNI_E_FAILED, r, "list the addresses of %s",
					a->dev.name);
		snprintf(before.name, sizeof(before.name), "%s", host_name(a));
	}
	undo_push_copy(undo, "device and attachment record", undo_attach, &before, sizeof(before));
	return 0;
}

static int move_device(struct attach *a, struct cni_err *err)
{
	const char *name = host_name(a);
	int r;

	link_queue_move(&a->host, a->dev.index, a->netns_fd, a->call->ifname, name);
	r = nlk_send(&a->host, NULL, NULL);
	if (r == -ENODEV)
		return nlk_fail(err, &a->host, CNI_E_TRY_LATER, r,
				"somebody else took the device %s at this moment", name);
	if (r < 0)
		return nlk_fail(err, &a->host, CNI_E_FAILED, r,
				"move the device %s into the container as %s", name,
				a->call->ifname);
	r = link_get(&a->inside, a->call->ifname, &a->moved);
	return r < 0 ? nlk_fail(err, &a->inside, CNI_E_FAILED, r, "look up %s in the container",
				a->call->ifname)
		     : 0;
}

static int configure(struct attach *a, const struct cni_result *result, struct cni_err *err)
{
	struct container_setup setup = {
		.netns_fd = a->netns_fd,
		.ifname = a->call->ifname,
		.index = a->moved.index,
		.up = true,
		.announce = true,
		.result = result,
	};

	return container_configure(&setup, err);
}

static void report_interface(const struct attach *a, struct cni_result *result)
{
	char mac[LINK_HW_STRLEN];
	int i = result_add_iface(result, a->call->ifname, link_hw_str(&a->moved, mac), a->moved.mtu,
				 a->call->netns);

	if (a->conf.pci) {
		free(result->ifaces[i].pci_id);
		result->ifaces[i].pci_id = strdup(a->conf.pci);
	}
	for (size_t k = 0; k < result->n_ips; k++)
		result->ips[k].iface = i;
}

/* Whether the IPAM plugin may want to find the link in the container, as dhcp does. */
static bool needs_link(const char *type)
{
	for (int i = 0; type && ipam_builtins[i]; i++)
		if (strcmp(ipam_builtins[i]->name, type) == 0)
			return false;
	return type;
}

/* The device goes to the container; so does IPAM's answer, if it was waiting for the device. */
static int attach_link(struct attach *a, bool late_ipam, struct cni_result *result,
		       struct undo *undo, struct cni_err *err)
{
	int r = move_device(a, err);

	if (r == 0 && late_ipam)
		r = iface_run_ipam(a->call, &a->conf.iface, result, undo, err);
	if (r == 0 && late_ipam)
		r = write_record(a, result, err);
	if (r == 0)
		r = configure(a, result, err);
	if (r == 0)
		report_interface(a, result);
	return r;
}

/* ADD, once the configuration is known to be good and the namespace is open. */
static int attach(struct attach *a, struct cni_result *result, struct undo *undo,
		  struct cni_err *err)
{
	bool late_ipam = !a->conf.dpdk && needs_link(a->conf.iface.ipam_type);
	int r = refuse_early(a, err);

	if (r == 0 && !late_ipam)
		r = iface_run_ipam(a->call, &a->conf.iface, result, undo, err);
	if (r == 0)
		r = prepare_undo(a, undo, err);
	if (r == 0)
		r = write_record(a, result, err);
	if (r == 0 && !a->conf.dpdk)
		r = attach_link(a, late_ipam, result, undo, err);
	/* as the reference: what IPAM says of DNS does not count */
	return r < 0 ? r : dns_read(a->conf.iface.dns, "dns", &result->dns, err);
}

static int read_conf(const struct cni_call *call, struct hostdev_conf *conf, struct cni_err *err)
{
	int r = hostdev_conf_read(call, conf, err);

	return r < 0 ? r : hostdev_conf_select(call, conf, err);
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	autoclose int netns_fd = -1;
	struct attach a = { .call = call };
	int r = read_conf(call, &a.conf, err);

	if (r < 0)
		return r;
	netns_fd = netns_open(call->netns, err);
	if (netns_fd < 0)
		return netns_fd;
	a.netns_fd = netns_fd;
	r = nlk_open(&a.host);
	if (r == 0)
		r = nlk_open_in(&a.inside, netns_fd);
	if (r < 0)
		cni_fail(err, CNI_E_FAILED, r, "open netlink sockets on the host and in %.200s",
			 call->netns);
	else
		r = attach(&a, result, undo, err);
	json_decref(a.record);
	nlk_close(&a.inside);
	nlk_close(&a.host);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct hostdev_conf conf = { 0 };
	int r = hostdev_conf_read(call, &conf, err);

	return r < 0 ? r : iface_del(call, &conf.iface, detach_called, call, err);
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct hostdev_conf conf = { 0 };
	struct link_info seen;
	int r = read_conf(call, &conf, err);

	if (r == 0 && !call->prev)
		r = cni_fail(err, CNI_E_CONF, 0, "\"prevResult\": required for CHECK");
	if (r == 0 && !conf.dpdk)
		r = container_check(call, &seen, err);
	if (r == 0 && conf.iface.ipam_type)
		r = ipam_check(call, conf.iface.ipam_type, err);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct hostdev_conf conf = { 0 };
	int r = hostdev_conf_read(call, &conf, err);

	return r < 0 ? r : iface_gc(call, &conf.iface, detach, call, err);
}

/* Runtimes send no runtimeConfig with STATUS: which device is meant may not be known yet. */
static int status(const struct cni_call *call, struct cni_err *err)
{
	struct hostdev_conf conf = { 0 };
	int r = hostdev_conf_read(call, &conf, err);
	bool later = json_is_true(conf_get_path(call->conf, "capabilities.deviceID")) &&
		     !conf.device && !conf.hwaddr && !conf.kernelpath && !conf.pci;

	if (r == 0 && !later)
		r = hostdev_conf_select(call, &conf, err);
	if (r == 0 && conf.iface.ipam_type)
		r = ipam_status(call, conf.iface.ipam_type, err);
	return r;
}

static const struct cni_plugin hostdev_plugin = {
	.name = "host-device",
	.about = "gives a device of the host to a container",
	.keys = hostdev_keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&hostdev_plugin, argc, argv);
}
