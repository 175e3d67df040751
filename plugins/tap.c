/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * tap: makes a tap device inside a container, for a virtual machine or a network stack in user
 * space that runs there.
 *
 * Theory of operation. After ADD there is
 *   - in the container: a persistent tap device under CNI_IFNAME, up, a port of "bridge" if the
 *     configuration names one (a bridge of the container, which somebody else made), with the
 *     addresses and routes that IPAM gave. Whoever may (owner, group, or CAP_NET_ADMIN there)
 *     attaches to it through /dev/net/tun; until then it has no carrier;
 *   - on the host: nothing;
 *   - on disk: IPAM's lease and an attachment record.
 * No process stays: the device is persistent.
 *
 * The device lives in the container's network namespace and dies with it. DEL, GC and rollback
 * delete it there, in the namespace that the runtime or else the record names (and only if it is
 * still the same one), and release the lease in any case.
 */
#include "args.h"
#include "cleanup.h"
#include "container.h"
#include "ipam.h"
#include "netns.h"
#include "plugins/iface.h"
#include "plugins/tap_device.h"
#include "plugins/tap_record.h"

#include <string.h>

#define MTU_MIN 68

/* The configuration, as the table of keys reads it. */
struct tap_conf {
	struct iface_conf iface;
	bool multi_queue;
	int64_t owner, group;
	const char *selinux_context, *bridge;
};

#define FIELD(f) offsetof(struct tap_conf, f)

static const struct conf_key keys[] = {
	{ "mac", CONF_STRING, FIELD(iface.mac_key), .dflt = "the kernel's, at random",
	  .help = "MAC of the device; CNI_ARGS MAC= beats it" },
	{ "mtu", CONF_INT, FIELD(iface.mtu), .min = 0, .max = 65521, .dflt = "0, the kernel's",
	  .help = "MTU of the device, at least 68" },
	{ "multiQueue", CONF_BOOL, FIELD(multi_queue), .dflt = "false",
	  .help = "let several descriptors attach, one for each queue" },
	{ "owner", CONF_INT, FIELD(owner), .min = 0, .max = UINT32_MAX - 1,
	  .dflt = "no user beside those with CAP_NET_ADMIN", .help = "user id that may attach" },
	{ "group", CONF_INT, FIELD(group), .min = 0, .max = UINT32_MAX - 1, .dflt = "no group",
	  .help = "group id that may attach" },
	{ "selinuxContext", CONF_STRING, FIELD(selinux_context),
	  .help = "SELinux context that the device gets, such as "
		  "\"system_u:system_r:container_t:s0\"" },
	{ "bridge", CONF_STRING, FIELD(bridge),
	  .help = "bridge inside the container that the device becomes a port of" },
	{ "ipam", CONF_OBJECT, FIELD(iface.ipam),
	  .help = "IPAM configuration; absent or type \"\": no addresses" },
	{ "dns", CONF_OBJECT, FIELD(iface.dns), .help = "DNS settings of the result" },
	{ "args.cni.mac", CONF_DOC, .help = "MAC of the device; beats CNI_ARGS MAC=" },
	{ "runtimeConfig.mac", CONF_DOC,
	  .help = "MAC of the device (capability mac); beats all others" },
	CONF_END
};

/* What one ADD carries from step to step. */
struct attach {
	const struct cni_call *call;
	struct tap_conf conf;
	struct nlk inside;
	int netns_fd;
	int bridge; /* ifindex inside, 0: none */
	struct link_info dev;
};

static int detach(const struct state_key *key, const void *arg, struct cni_err *err)
{
	(void)arg;
	return tap_remove(key, NULL, false, err);
}

/* For DEL: the runtime may know where the container is, and that the Go plugins attached it. */
static int detach_called(const struct state_key *key, const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;

	return tap_remove(key, call->netns, chain_foreign(call), err);
}

/* undo_fn: the device of a failed ADD. */
static int undo_device(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;
	struct state_key key = chain_key(call);

	return tap_remove(&key, call->netns, false, err);
}

/* undo_fn: the record of a failed ADD, which did not get as far as the device. */
static int undo_record(const void *arg, struct cni_err *err)
{
	struct state_key key = chain_key(arg);
	int r = state_remove(&key);

	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record") : 0;
}

/* All that can refuse without anything being changed. */
static int refuse_early(struct attach *a, struct cni_err *err)
{
	struct link_info info;
	int r = link_get(&a->inside, a->call->ifname, &info);

	if (r == 0)
		return cni_fail(err, CNI_E_FAILED, EEXIST,
				"CNI_IFNAME: an interface \"%s\" exists in the container already",
				a->call->ifname);
	if (r != -ENODEV)
		return nlk_fail(err, &a->inside, CNI_E_FAILED, r, "look up %s in the container",
				a->call->ifname);
	if (!a->conf.bridge)
		return 0;
	r = link_get(&a->inside, a->conf.bridge, &info);
	if (r < 0)
		return nlk_fail(err, &a->inside, r == -ENODEV ? CNI_E_CONF : CNI_E_FAILED, r,
				"\"bridge\": look up \"%s\" in the container", a->conf.bridge);
	if (strcmp(info.kind, "bridge") != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"bridge\": \"%s\" is an interface of the container, but not a "
				"bridge",
				a->conf.bridge);
	a->bridge = info.index;
	return 0;
}

static int write_record(struct attach *a, const struct cni_result *result, struct cni_err *err)
{
	struct state_key key = chain_key(a->call);
	json_auto_t *record = iface_record(a->call, &a->conf.iface, result);

	json_object_set_new(record, "netnsInode",
			    json_integer((json_int_t)netns_inode(a->netns_fd)));
	return iface_write_record(&key, record, true, err);
}

/* What is not decided when the device is made. */
static int set_up(struct attach *a, struct cni_err *err)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nlk *nl = &a->inside;
	struct nl_msg *m;
	int r = link_get(nl, a->call->ifname, &a->dev);

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up %s in the container",
				a->call->ifname);
	if (!a->conf.iface.have_mac && !a->conf.iface.mtu && !a->bridge)
		return 0;
	ifi.ifi_index = a->dev.index;
	m = nlk_request(nl, "set MAC, MTU and bridge of the tap device", RTM_NEWLINK, 0, &ifi,
			sizeof(ifi));
	if (a->conf.iface.have_mac)
		nlk_put(nl, m, IFLA_ADDRESS, a->conf.iface.mac, 6);
	if (a->conf.iface.mtu)
		nlk_put_u32(nl, m, IFLA_MTU, (uint32_t)a->conf.iface.mtu);
	if (a->bridge)
		nlk_put_u32(nl, m, IFLA_MASTER, a->bridge);
	r = nlk_send(nl, NULL, NULL);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r,
				"set MAC, MTU and bridge of %s in the container", a->call->ifname);
	if (a->conf.iface.have_mac)
		memcpy(a->dev.mac, a->conf.iface.mac, 6);
	if (a->conf.iface.mtu)
		a->dev.mtu = (int)a->conf.iface.mtu;
	return 0;
}

static int create_device(struct attach *a, struct undo *undo, struct cni_err *err)
{
	struct tap_device dev = { .name = a->call->ifname,
				  .multi_queue = a->conf.multi_queue,
				  .owner = a->conf.owner,
				  .group = a->conf.group,
				  .selinux_context = a->conf.selinux_context };
	bool made = false;
	int r = tap_device_create(&dev, a->netns_fd, &made, err);

	if (made)
		undo_push(undo, "tap device", undo_device, a->call);
	return r < 0 ? r : set_up(a, err);
}

static int configure(struct attach *a, const struct cni_result *result, struct cni_err *err)
{
	struct container_setup setup = {
		.netns_fd = a->netns_fd,
		.ifname = a->call->ifname,
		.index = a->dev.index,
		.up = true,
		.announce = true,
		.result = result,
	};

	return container_configure(&setup, err);
}

static void report_interface(const struct attach *a, struct cni_result *result)
{
	char mac[MAC_STRLEN];
	int i = result_add_iface(result, a->call->ifname, mac_str(a->dev.mac, mac), a->dev.mtu,
				 a->call->netns);

	for (size_t k = 0; k < result->n_ips; k++)
		result->ips[k].iface = i;
}

/*
 * ADD, once the configuration is known to be good and the namespace is open. IPAM comes after the
 * device, because dhcp wants to find it.
 */
static int attach(struct attach *a, struct cni_result *result, struct undo *undo,
		  struct cni_err *err)
{
	int r = refuse_early(a, err);

	if (r == 0) {
		undo_push(undo, "attachment record", undo_record, a->call);
		r = write_record(a, result, err);
	}
	if (r == 0)
		r = create_device(a, undo, err);
	if (r == 0)
		r = iface_run_ipam(a->call, &a->conf.iface, result, undo, err);
	if (r == 0 && a->conf.iface.ipam_type)
		r = write_record(a, result, err);
	if (r == 0)
		r = configure(a, result, err);
	/* as the reference: what IPAM says of DNS does not count */
	if (r == 0)
		r = dns_read(a->conf.iface.dns, "dns", &result->dns, err);
	if (r == 0)
		report_interface(a, result);
	return r;
}

static int read_conf(const struct cni_call *call, struct tap_conf *conf, struct cni_err *err)
{
	int r;

	*conf = (struct tap_conf){ .owner = -1, .group = -1 };
	r = conf_read(call->conf, "", keys, conf, err);
	return r < 0 ? r : iface_ipam_type(&conf->iface, err);
}

static int validate(const struct cni_call *call, struct tap_conf *conf, struct cni_err *err)
{
	int r = iface_read_mac(call, &conf->iface, err);

	if (r < 0)
		return r;
	if (conf->iface.mtu && conf->iface.mtu < MTU_MIN)
		return cni_fail(err, CNI_E_CONF, 0, "\"mtu\": %d is less than %d",
				(int)conf->iface.mtu, MTU_MIN);
	if (conf->selinux_context && !*conf->selinux_context)
		conf->selinux_context = NULL;
	if (conf->bridge && !*conf->bridge)
		conf->bridge = NULL;
	return conf->bridge ? args_check_ifname(conf->bridge, CNI_E_CONF, "bridge", err) : 0;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	autoclose int netns_fd = -1;
	struct attach a = { .call = call };
	int r = read_conf(call, &a.conf, err);

	if (r == 0)
		r = validate(call, &a.conf, err);
	if (r < 0)
		return r;
	netns_fd = netns_open(call->netns, err);
	if (netns_fd < 0)
		return netns_fd;
	a.netns_fd = netns_fd;
	r = nlk_open_in(&a.inside, netns_fd);
	if (r < 0)
		cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in %.200s", call->netns);
	else
		r = attach(&a, result, undo, err);
	nlk_close(&a.inside);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct tap_conf conf;
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_del(call, &conf.iface, detach_called, call, err);
}

/* CHECK of what is the tap's own: that it is one, and its bridge. */
static int check_device(const struct cni_call *call, const struct tap_conf *conf,
			const struct link_info *dev, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	autoclose int fd = -1;
	struct link_info bridge = { 0 };
	int r;

	if (strcmp(dev->kind, "tun") != 0)
		return cni_fail(err, CNI_E_FAILED, 0, "%s is not a tap device", call->ifname);
	if (!conf->bridge)
		return 0;
	fd = netns_open(call->netns, err);
	if (fd < 0)
		return fd;
	r = nlk_open_in(&nl, fd);
	if (r == 0)
		r = link_get(&nl, conf->bridge, &bridge);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up bridge \"%s\" in the container",
				conf->bridge);
	return dev->master == bridge.index
		       ? 0
		       : cni_fail(err, CNI_E_FAILED, 0, "%s is not a port of bridge \"%s\"",
				  call->ifname, conf->bridge);
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct tap_conf conf;
	struct link_info seen;
	int r = read_conf(call, &conf, err);

	if (r == 0)
		r = validate(call, &conf, err);
	if (r == 0)
		r = container_check(call, &seen, err);
	if (r == 0)
		r = check_device(call, &conf, &seen, err);
	if (r == 0 && conf.iface.ipam_type)
		r = ipam_check(call, conf.iface.ipam_type, err);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct tap_conf conf;
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_gc(call, &conf.iface, detach, call, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct tap_conf conf;
	int r = read_conf(call, &conf, err);

	if (r == 0)
		r = validate(call, &conf, err);
	if (r == 0 && access("/dev/net/tun", F_OK) < 0)
		r = cni_fail(err, CNI_E_UNAVAILABLE, errno,
			     "/dev/net/tun (the kernel needs CONFIG_TUN)");
	if (r == 0 && conf.iface.ipam_type)
		r = ipam_status(call, conf.iface.ipam_type, err);
	return r;
}

static const struct cni_plugin tap_plugin = {
	.name = "tap",
	.about = "makes a tap device inside a container",
	.keys = keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	int helped = tap_device_helper();

	return helped >= 0 ? helped : cni_main(&tap_plugin, argc, argv);
}
