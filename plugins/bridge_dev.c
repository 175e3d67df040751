/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge device of the bridge plugin: creating it, its addresses, the VLANs of its ports. */
#include "bridge_dev.h"

#include "addr.h"
#include "cleanup.h"
#include "conf.h"
#include "log.h"
#include "sysctl.h"

#include <string.h>
#include <sys/random.h>

#define VLAN_MAX 4094

static int add_range(struct vlan_set *set, int64_t first, int64_t last, bool access,
		     const char *path, struct cni_err *err)
{
	if (first < 1 || last > VLAN_MAX || first > last)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": VLANs %lld to %lld are not a range within 1 to 4094", path,
				(long long)first, (long long)last);
	if (set->n == VLAN_RANGES_MAX)
		return cni_fail(err, CNI_E_CONF, 0, "\"vlanTrunk\": more than %d ranges",
				VLAN_RANGES_MAX);
	set->range[set->n].first = first;
	set->range[set->n].last = last;
	set->range[set->n++].access = access;
	return 0;
}

/* One entry of vlanTrunk: an id, a range, or both. 0 stands for an absent key, as in the reference.
 */
static int read_trunk_entry(const json_t *entry, const char *path, struct vlan_set *set,
			    struct cni_err *err)
{
	struct {
		int64_t id, min, max;
	} t = { 0 };
	const struct conf_key keys[] = {
		{ "id", CONF_INT, offsetof(__typeof__(t), id), .min = 0, .max = VLAN_MAX },
		{ "minID", CONF_INT, offsetof(__typeof__(t), min), .min = 0, .max = VLAN_MAX },
		{ "maxID", CONF_INT, offsetof(__typeof__(t), max), .min = 0, .max = VLAN_MAX },
		CONF_END
	};
	int r;

	if (!json_is_object(entry))
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s\": expected an object", path);
	r = conf_read(entry, path, keys, &t, err);
	if (r < 0)
		return r;
	if (!t.id && !t.min && !t.max)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": neither id nor minID and maxID given",
				path);
	if (!t.min != !t.max)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": minID and maxID must both be given",
				path);
	if (t.min)
		r = add_range(set, t.min, t.max, false, path, err);
	if (r == 0 && t.id)
		r = add_range(set, t.id, t.id, false, path, err);
	return r;
}

int vlan_set_read(int64_t vlan, const json_t *trunk, struct vlan_set *out, struct cni_err *err)
{
	json_t *entry;
	size_t i;
	int r = 0;

	out->n = 0;
	json_array_foreach (trunk, i, entry) {
		char path[40];

		snprintf(path, sizeof(path), "vlanTrunk[%zu]", i);
		r = read_trunk_entry(entry, path, out, err);
		if (r < 0)
			return r;
	}
	if (vlan || out->n)
		r = add_range(out, vlan ? vlan : 1, vlan ? vlan : 1, true, "vlan", err);
	return r;
}

void vlan_set_queue(struct nlk *nl, int port, const struct vlan_set *set, uint16_t remove)
{
	if (set->n && remove)
		link_queue_vlan(nl, port, remove, remove, false, false);
	for (int i = 0; i < set->n; i++) {
		if (nl->n_queued == NLK_BATCH_MAX) {
			int r = nlk_send(nl, NULL, NULL);

			if (r < 0) {
				nl->put_err = r;
				return;
			}
		}
		link_queue_vlan(nl, port, set->range[i].first, set->range[i].last,
				set->range[i].access, true);
	}
}

static void remember(const struct link_info *info, bool created, struct bridge_dev *out)
{
	memcpy(out->name, info->name, sizeof(out->name));
	memcpy(out->mac, info->mac, sizeof(out->mac));
	out->index = info->index;
	out->mtu = info->mtu;
	out->default_pvid = info->default_pvid;
	out->created = created;
}

/*
 * undo_fn: remove a bridge that a failed ADD made. Another ADD may have joined it in the meantime:
 * with a port it stays, as bridges do. (What is left of the race is a few microseconds between the
 * look and the removal, and only after a failure.)
 */
static int undo_bridge(const void *arg, struct cni_err *err)
{
	const char *name = arg;
	autonlk struct nlk nl = { 0 };
	struct link_info info;
	int r = nlk_open(&nl);

	if (r == 0)
		r = link_get(&nl, name, &info);
	if (r == 0)
		r = link_count_ports(&nl, info.index);
	if (r == 0)
		r = link_del(&nl, info.index);
	return r < 0 && r != -ENODEV ? cni_fail(err, CNI_E_FAILED, r, "remove the new bridge") : 0;
}

/* Older kernels ignore the attribute and leave it out of their answers, newer ones refuse it. */
static int lacks_vlan_filtering(struct cni_err *err)
{
	return cni_fail(
		err, CNI_E_FIELD, EOPNOTSUPP,
		"\"vlan\" and \"vlanTrunk\" need a kernel with CONFIG_BRIDGE_VLAN_FILTERING");
}

/* Return: 0 when made by us, 1 when somebody else was faster, or a negative errno. */
static int create(struct nlk *nl, const struct bridge_wanted *wanted, struct link_info *info,
		  struct undo *undo, struct cni_err *err)
{
	uint8_t mac[6];
	bool made;
	int r;

	if (getrandom(mac, sizeof(mac), 0) != sizeof(mac))
		return cni_fail(err, CNI_E_FAILED, errno, "getrandom");
	mac[0] = (mac[0] & 0xfc) | 0x02;
	r = link_add_bridge(nl, wanted->name, mac, wanted->mtu, wanted->vlan_filtering);
	if (r == -EOPNOTSUPP && wanted->vlan_filtering)
		return lacks_vlan_filtering(err);
	if (r < 0 && r != -EEXIST)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "create bridge \"%s\"%s", wanted->name,
				r == -EOPNOTSUPP ? " (the kernel needs CONFIG_BRIDGE)" : "");
	made = r == 0;
	if (made)
		undo_push_copy(undo, "new bridge", undo_bridge, wanted->name,
			       strlen(wanted->name) + 1);
	r = link_get(nl, wanted->name, info);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up bridge \"%s\"", wanted->name);
	return made ? 0 : 1;
}

static int require_vlan_filtering(const struct link_info *info, struct cni_err *err)
{
	if (info->vlan_filtering < 0)
		return lacks_vlan_filtering(err);
	if (info->vlan_filtering == 0)
		return cni_fail(
			err, CNI_E_CONF, 0,
			"\"vlan\" and \"vlanTrunk\" need VLAN filtering, which is off on the "
			"existing bridge \"%s\" (ip link set %s type bridge vlan_filtering 1)",
			info->name, info->name);
	return 0;
}

/* accept_ra=0 before the device is up (CVE-2020-10749). */
static int ignore_advertisements(const struct link_info *info, struct cni_err *err)
{
	int r;

	if (info->accept_ra == 0)
		return 0;
	r = sysctl_set_conf("ipv6", info->name, "accept_ra", 0);
	/* no IPv6 in this kernel or namespace: nothing to ignore */
	if (r == 0 || r == -ENOENT)
		return 0;
	return cni_fail(err, CNI_E_FAILED, r,
			"net.ipv6.conf.%s.accept_ra: the host would obey router advertisements of "
			"containers",
			info->name);
}

/*
 * While the link-local address of a new device is tentative, the host cannot ask for the neighbours
 * of packets it forwards (ndisc_solicit() in net/ipv6/ndisc.c): connections to the first container
 * would wait a second.
 */
static void skip_dad(const struct link_info *info)
{
	int r = sysctl_write_conf("ipv6", info->name, "accept_dad", 0);

	if (r < 0)
		log_trace("accept_dad of %s stays as it is: %s", info->name, strerror(-r));
}

/* undo_fn: the flags of a bridge that was there before, and that nobody has joined since. */
static int undo_flags(const void *arg, struct cni_err *err)
{
	const struct link_info *before = arg;
	autonlk struct nlk nl = { 0 };
	int r = nlk_open(&nl);

	if (r == 0)
		r = link_count_ports(&nl, before->index);
	if (r == 0) {
		link_queue_flags(&nl, "set the bridge's flags back", before->index, before->flags,
				 IFF_UP | IFF_PROMISC);
		r = nlk_send(&nl, NULL, NULL);
	}
	return r < 0 && r != -ENODEV ? cni_fail(err, CNI_E_FAILED, r, "set the bridge's flags back")
				     : 0;
}

int bridge_ensure(struct nlk *nl, const struct bridge_wanted *wanted, struct bridge_dev *out,
		  struct undo *undo, struct cni_err *err)
{
	unsigned int flags = IFF_UP | (wanted->promisc ? IFF_PROMISC : 0);
	struct link_info info;
	bool created = false;
	int r = link_get(nl, wanted->name, &info);

	if (r == -ENODEV) {
		r = create(nl, wanted, &info, undo, err);
		if (r < 0)
			return r;
		created = r == 0;
		if (created && !wanted->dad)
			skip_dad(&info);
	} else if (r < 0) {
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up bridge \"%s\"", wanted->name);
	}
	if (strcmp(info.kind, "bridge") != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"bridge\": \"%s\" already exists but is not a bridge",
				wanted->name);
	r = wanted->vlan_filtering ? require_vlan_filtering(&info, err) : 0;
	if (r == 0)
		r = ignore_advertisements(&info, err);
	if (r < 0)
		return r;
	if ((info.flags & flags) != flags) {
		link_queue_flags(nl, "set the bridge up", info.index, flags, flags);
		r = nlk_send(nl, NULL, NULL);
		if (r < 0)
			return nlk_fail(err, nl, CNI_E_FAILED, r, "set bridge \"%s\" up",
					wanted->name);
		if (!created)
			undo_push_copy(undo, "flags of the bridge", undo_flags, &info,
				       sizeof(info));
	}
	remember(&info, created, out);
	return 0;
}

/* undo_fn: the VLAN gateway's veth pair that a failed ADD made. */
static int undo_gateway_dev(const void *arg, struct cni_err *err)
{
	const int *index = arg;
	autonlk struct nlk nl = { 0 };
	int r = nlk_open(&nl);

	if (r == 0)
		r = link_del(&nl, *index);
	return r < 0 && r != -ENODEV ? cni_fail(err, CNI_E_FAILED, r, "remove the gateway's veth")
				     : 0;
}

/* Return: 0 when made by us (its peer is an access port of the VLAN), 1 when somebody else was
 * faster, or a negative errno. */
static int create_gateway_dev(struct nlk *nl, const struct bridge_dev *bridge, int vlan,
			      const char *name, struct undo *undo, struct cni_err *err)
{
	struct vlan_set set = { .n = 1 };
	char port_name[IFNAMSIZ];
	uint8_t macs[2][6];
	struct link_veth veth = { .host_name = port_name,
				  .peer_name = name,
				  .host_mac = macs[0],
				  .peer_mac = macs[1],
				  .mtu = bridge->mtu,
				  .master = bridge->index,
				  .netns_fd = -1 };
	struct link_info port;
	int r;

	if (getrandom(macs, sizeof(macs), 0) != sizeof(macs))
		return cni_fail(err, CNI_E_FAILED, errno, "getrandom");
	macs[0][0] = macs[1][0] = 0x02;
	snprintf(port_name, sizeof(port_name), "veth%02x%02x%02x%02x", macs[0][2], macs[0][3],
		 macs[0][4], macs[0][5]);
	set.range[0].first = set.range[0].last = vlan;
	set.range[0].access = true;
	r = link_add_veth(nl, &veth, &port);
	if (r == -EEXIST)
		return 1;
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "create veth \"%s\"", name);
	undo_push_copy(undo, "VLAN gateway", undo_gateway_dev, &port.index, sizeof(port.index));
	vlan_set_queue(nl, port.index, &set, bridge->default_pvid);
	r = nlk_send(nl, NULL, NULL);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "configure veth \"%s\"", name) : 0;
}

int bridge_gateway_dev(struct nlk *nl, const struct bridge_dev *bridge, int vlan, bool dad,
		       struct bridge_dev *out, struct undo *undo, struct cni_err *err)
{
	struct link_info info;
	char name[IFNAMSIZ + 8];
	bool created = false;
	int r;

	if (vlan == 0) {
		*out = *bridge;
		return 0;
	}
	if (snprintf(name, sizeof(name), "%s.%d", bridge->name, vlan) >= IFNAMSIZ)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"bridge\": the gateway's name \"%s\" is longer than 15 bytes",
				name);
	r = link_get(nl, name, &info);
	if (r == -ENODEV) {
		r = create_gateway_dev(nl, bridge, vlan, name, undo, err);
		if (r < 0)
			return r;
		created = r == 0;
		r = link_get(nl, name, &info);
	}
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up \"%s\"", name);
	r = ignore_advertisements(&info, err);
	if (r < 0)
		return r;
	if (created) {
		if (!dad)
			skip_dad(&info);
		link_queue_flags(nl, "set the VLAN gateway up", info.index, IFF_UP, IFF_UP);
		r = nlk_send(nl, NULL, NULL);
		if (r < 0)
			return nlk_fail(err, nl, CNI_E_FAILED, r, "set \"%s\" up", name);
	}
	remember(&info, false, out);
	return 0;
}

#define REPLACED_MAX 16 /* addresses that forceAddress may replace at once */

/* What undo_gateway() takes back. */
struct gateway_effect {
	int index;
	struct ip_net added;
	struct ip_net replaced[REPLACED_MAX];
	int n_replaced;
};

/*
 * undo_fn: an address that a failed ADD put on a bridge nobody uses yet. Where it replaced others
 * by force, those come back in any case.
 */
static int undo_gateway(const void *arg, struct cni_err *err)
{
	const struct gateway_effect *e = arg;
	autonlk struct nlk nl = { 0 };
	int r = nlk_open(&nl);

	if (r == 0 && e->n_replaced == 0)
		r = link_count_ports(&nl, e->index);
	if (r == 0) {
		addr_queue_del(&nl, e->index, &e->added);
		for (int i = 0; i < e->n_replaced; i++)
			addr_queue_add(&nl, e->index, &e->replaced[i], IFA_F_NODAD);
		r = nlk_send(&nl, NULL, NULL);
	}
	return r < 0 && r != -ENODEV && r != -EADDRNOTAVAIL
		       ? cni_fail(err, CNI_E_FAILED, r, "remove the gateway address")
		       : 0;
}

int bridge_add_gateway(struct nlk *nl, const struct bridge_dev *dev, const struct ip_net *net,
		       bool force, struct undo *undo, struct cni_err *err)
{
	struct gateway_effect effect = { .index = dev->index, .added = *net };
	char want[IP_STRLEN], have[IP_STRLEN];
	struct addr_list list;
	int r = addr_list_get(nl, dev->index, net->ip.family, &list);

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "list the addresses of \"%s\"",
				dev->name);
	for (int i = 0; i < list.n; i++)
		if (list.a[i].net.len == net->len && ip_equal(&list.a[i].net.ip, &net->ip))
			return 0;
	for (int i = 0; i < list.n; i++) {
		const struct ip_net *other = &list.a[i].net;

		if (net->ip.family == AF_INET6 && !ip_net_overlap(net, other))
			continue;
		if (!force)
			return cni_fail(
				err, CNI_E_CONF, 0,
				"\"%s\" already has an IP address different from %s: it has %s "
				"(\"forceAddress\": true replaces it)",
				dev->name, ip_net_str(net, want), ip_net_str(other, have));
		if (effect.n_replaced == REPLACED_MAX)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"%s\" has more than %d addresses to replace", dev->name,
					REPLACED_MAX);
		effect.replaced[effect.n_replaced++] = *other;
		addr_queue_del(nl, dev->index, other);
	}
	/* neighbours will remember the gateway's MAC: it must not follow the ports of a foreign
	 * bridge */
	link_queue_mac(nl, dev->index, dev->mac);
	addr_queue_add(nl, dev->index, net, IFA_F_NODAD);
	nlk_ignore(nl, -EEXIST); /* a parallel ADD put it there */
	r = nlk_send(nl, NULL, NULL);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "add the address %s to \"%s\"",
				ip_net_str(net, want), dev->name);
	if (!dev->created)
		undo_push_copy(undo, "gateway address", undo_gateway, &effect, sizeof(effect));
	return 0;
}
