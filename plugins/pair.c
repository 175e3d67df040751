/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bridge and ptp share: the veth pair of an attachment, its record, and taking both away. */
#include "plugins/pair.h"

#include "args.h"
#include "cleanup.h"
#include "netns.h"
#include "sysctl.h"

#include <string.h>

#define CARRIER_TIMEOUT_MS 5000

static int refuse_second(struct pair *p, struct cni_err *err)
{
	struct link_info info;
	int r = link_get(&p->host, p->ids.host_name, &info);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return nlk_fail(err, &p->host, CNI_E_FAILED, r, "look up link %s",
				p->ids.host_name);
	if (memcmp(info.mac, p->ids.host_mac, 6) != 0)
		return cni_fail(err, CNI_E_FAILED, EEXIST, "link %s of somebody else is in the way",
				p->ids.host_name);
	return cni_fail(err, CNI_E_FAILED, EEXIST,
			"container %s is attached to network \"%s\" as %s already (link %s)",
			p->call->container_id, p->call->network, p->call->ifname, p->ids.host_name);
}

int pair_open(struct pair *p, struct cni_err *err)
{
	const struct cni_call *call = p->call;
	int r;

	p->netns_fd = netns_open(call->netns, err);
	if (p->netns_fd < 0)
		return p->netns_fd;
	veth_ids(call->network, call->container_id, call->ifname, &p->ids);
	r = nlk_open(&p->host);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	return refuse_second(p, err);
}

void pair_close(struct pair *p)
{
	nlk_close(&p->host);
	cleanup_close(&p->netns_fd);
}

void pair_choose_mac(struct pair *p, const struct cni_result *result)
{
	if (p->conf->have_mac) {
		memcpy(p->ids.peer_mac, p->conf->mac, 6);
		return;
	}
	for (size_t i = 0; i < result->n_ips; i++) {
		if (result->ips[i].address.ip.family == AF_INET) {
			veth_mac_of_ip(&result->ips[i].address.ip, p->ids.peer_mac);
			return;
		}
	}
}

/* undo_fn: the record of a failed ADD, and its part in netfilter. */
static int undo_record(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;
	struct state_key key = chain_key(call);
	struct filter_conf nothing_else = { 0 };

	return filter_remove(&key, call, &nothing_else, err);
}

int pair_write_record(struct pair *p, json_t *own, const struct cni_result *result,
		      struct undo *undo, struct cni_err *err)
{
	struct state_key key = chain_key(p->call);
	json_auto_t *record = iface_record(p->call, p->conf, result);

	json_object_update(record, own);
	json_object_set_new(record, "hostInterface", json_string(p->ids.host_name));
	undo_push(undo, "attachment record", undo_record, p->call);
	return filter_add(&key, p->filter, &p->ids, result, record, err);
}

/* undo_fn: the link of a failed ADD, by the derived name only: what else is in the container stays.
 */
static int undo_link(const void *arg, struct cni_err *err)
{
	struct cni_call derived_only = *(const struct cni_call *)arg;

	derived_only.netns = NULL;
	derived_only.prev = NULL;
	return veth_remove(&derived_only, derived_only.container_id, derived_only.ifname, false,
			   err);
}

void pair_undo_first(const struct pair *p, struct undo *undo)
{
	undo_push(undo, "veth pair", undo_link, p->call);
}

int pair_create(struct pair *p, int master, const char *bridge, struct undo *undo,
		struct cni_err *err)
{
	struct link_veth veth = {
		.host_name = p->ids.host_name,
		.peer_name = p->call->ifname,
		.host_mac = p->ids.host_mac,
		.peer_mac = p->ids.peer_mac,
		.mtu = (int)p->conf->mtu,
		.master = master,
		.netns_fd = p->netns_fd,
	};
	int r = link_add_veth(&p->host, &veth, &p->port);

	if (r == -EEXIST)
		return nlk_fail(err, &p->host, CNI_E_FAILED, r,
				"CNI_IFNAME: an interface \"%s\" exists in the container already",
				p->call->ifname);
	if (r == -EXFULL && master)
		return nlk_fail(err, &p->host, CNI_E_TRY_LATER, r,
				"bridge \"%s\" has no free port (a Linux bridge holds 1023)",
				bridge);
	if (r < 0)
		return nlk_fail(err, &p->host, CNI_E_FAILED, r,
				r == -EOPNOTSUPP
					? "create a veth pair (the kernel needs CONFIG_VETH)"
					: "create a veth pair");
	pair_undo_first(p, undo);
	return 0;
}

int pair_ignore_advertisements(const struct pair *p, struct cni_err *err)
{
	int r = sysctl_write_conf("ipv6", p->ids.host_name, "accept_ra", 0);

	if (r == 0 || r == -ENOENT || r == -EROFS || r == -EACCES)
		return 0;
	return cni_fail(err, CNI_E_FAILED, r, "net.ipv6.conf.%s.accept_ra", p->ids.host_name);
}

int pair_check_port(const struct link_info *port, const struct link_info *bridge, bool hairpin,
		    bool isolated, struct cni_err *err)
{
	if (port->master != bridge->index)
		return cni_fail(err, CNI_E_FAILED, 0, "%s is not a port of bridge \"%s\"",
				port->name, bridge->name);
	if (port->hairpin != hairpin || (port->isolated >= 0 && port->isolated != isolated))
		return cni_fail(err, CNI_E_FAILED, 0,
				"hairpin mode or isolation of bridge port %s was changed",
				port->name);
	return 0;
}

static int wait_running(struct pair *p, struct cni_err *err)
{
	int r = link_wait_running(&p->host, p->port.index, CARRIER_TIMEOUT_MS);

	return r < 0 ? nlk_fail(err, &p->host, CNI_E_FAILED, r, "%s does not come up",
				p->ids.host_name)
		     : 0;
}

/*
 * What the kernel sends when the container's end comes up gets lost: the bridge takes frames from
 * the port a moment later. Setting the MAC that it has makes the kernel send again, gratuitous ARP
 * and unsolicited neighbour advertisements (arp_notify and ndisc_notify of its ip-sysctl).
 */
static int announce(const struct pair *p, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	int r = nlk_open_in(&nl, p->netns_fd);

	if (r == 0) {
		link_queue_mac(&nl, p->port.peer, p->ids.peer_mac);
		r = nlk_send(&nl, NULL, NULL);
	}
	return r < 0 ? nlk_fail(err, &nl, CNI_E_FAILED, r, "announce the addresses of %s",
				p->call->ifname)
		     : 0;
}

int pair_configure_container(struct pair *p, struct container_setup *setup, struct cni_err *err)
{
	int r;

	setup->netns_fd = p->netns_fd;
	setup->ifname = p->call->ifname;
	setup->index = p->port.peer;
	r = container_configure(setup, err);
	if (r < 0 || !setup->up)
		return r;
	r = wait_running(p, err);
	return r == 0 && setup->announce ? announce(p, err) : r;
}

void pair_report(const struct pair *p, struct cni_result *result)
{
	char mac[MAC_STRLEN];
	int container;

	result_add_iface(result, p->ids.host_name, mac_str(p->ids.host_mac, mac), p->port.mtu,
			 NULL);
	container = result_add_iface(result, p->call->ifname, mac_str(p->ids.peer_mac, mac),
				     p->port.mtu, p->call->netns);
	for (size_t i = 0; i < result->n_ips; i++)
		result->ips[i].iface = container;
}

int pair_detach(const struct state_key *key, const void *arg, struct cni_err *err)
{
	const struct pair_owner *owner = arg;
	struct cni_err step = { 0 };
	int r = veth_remove(owner->call, key->container_id, key->ifname, owner->wait, err);

	if (filter_remove(key, owner->call, owner->filter, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}
