/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The bridge of an overlay network of mode "l2" on this node.
 *
 * Its ports are the containers' veths and the VXLAN device. Its own addresses are the first ones of
 * the node's subnets, with the length of the network: the containers' gateways, and the way of the
 * host to all containers. Its MAC is that of the VXLAN device with another first byte, so that it
 * stays the same, and the neighbour entries of the others right, whenever it is made.
 *
 * Who knows where a MAC is decides what the VXLAN device's port does:
 *   - without EVPN nobody: device and bridge learn from the frames of the peers. The port
 * suppresses nothing: it would hold back what the others have to learn from (gratuitous ARP,
 * unsolicited neighbour advertisements, duplicate address detection: br_do_proxy_suppress_arp() and
 *     br_do_suppress_nd() in net/bridge/br_arp_nd_proxy.c), and answer for them by entries of the
 *     host that nobody keeps right;
 *   - with EVPN the routing daemon: nothing is learnt from the port, and the bridge answers for
 *     neighbours that the daemon has entered.
 *
 * Multicast goes to all ports. What snooping saves is little, and a container that plays querier
 * could cut others off.
 */
#include "overlay_bridge.h"

#include "addr.h"
#include "cleanup.h"
#include "ipv6.h"

#include <linux/if_link.h>
#include <string.h>

#define FIRST_BYTE 0x06 /* of the MAC; local and unicast as the VXLAN device's 0x02 */

char *overlay_bridge_name(uint32_t vni, char name[OVERLAY_DEVICE_MAX])
{
	snprintf(name, OVERLAY_DEVICE_MAX, "br-vx%u", vni);
	return name;
}

struct ip_net overlay_gateway(const struct overlay_state *st, int slot)
{
	const struct ip_net *subnet = &st->subnet[slot];

	if (!subnet->ip.family)
		return (struct ip_net){ 0 };
	return (struct ip_net){ .ip = ip_add(&subnet->ip, 1), .len = st->net[slot].len };
}

static void gateways(const struct overlay_state *st, struct ip_net own[2])
{
	for (int i = 0; i < 2; i++)
		own[i] = overlay_gateway(st, i);
}

/* Ours, also when an ADD was killed before it had given the alias. */
static bool is_ours(const struct link_info *info, const struct overlay_state *st)
{
	char alias[OVERLAY_ALIAS_MAX];

	if (strcmp(info->kind, "bridge") != 0)
		return false;
	return info->alias[0] ? link_has_alias(info, overlay_alias(st, alias))
			      : info->group == (OVERLAY_GROUP | st->vni);
}

static void mac_of(const struct overlay_device *want, uint8_t mac[6])
{
	memcpy(mac, want->mac, sizeof(want->mac));
	mac[0] = FIRST_BYTE;
}

static void put_bridge(struct nlk *nl, struct nl_msg *m, const void *arg)
{
	(void)arg;
	nlk_put_u8(nl, m, IFLA_BR_MCAST_SNOOPING, 0);
}

static int create(struct nlk *nl, const struct overlay_device *want, const char *name,
		  struct link_info *made, struct cni_err *err)
{
	uint8_t mac[6];
	struct link_child child = { .kind = "bridge",
				    .name = name,
				    .netns_fd = -1,
				    .mtu = want->mtu,
				    .group = OVERLAY_GROUP | want->st->vni,
				    .mac = mac,
				    .put_data = put_bridge };
	int r;

	mac_of(want, mac);
	r = link_add_child(nl, &child);
	if (r == -EOPNOTSUPP)
		return nlk_fail(err, nl, CNI_E_FIELD, r,
				"\"mode\": \"l2\": this kernel has no bridges (CONFIG_BRIDGE)");
	if (r == 0)
		r = link_get(nl, name, made);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "create the bridge %s", name) : 0;
}

/* br_validate() refuses an address that is none before anything is made. */
int overlay_bridge_usable(struct nlk *nl)
{
	static const uint8_t none[6];
	struct link_child child = {
		.kind = "bridge", .name = "br-vx", .netns_fd = -1, .mac = none
	};
	int r = link_add_child(nl, &child);

	return r == -EADDRNOTAVAIL ? 0 : r;
}

static bool port_differs(const struct overlay_state *st, const struct link_info *device, int bridge)
{
	return device->master != bridge || device->port_learning != !st->evpn ||
	       device->neigh_suppress != st->evpn;
}

static int settle(struct nlk *nl, const struct overlay_device *want, const struct link_info *info,
		  const struct link_info *device, struct cni_err *err)
{
	struct ip_net own[2];
	uint8_t mac[6];
	int r;

	gateways(want->st, own);
	mac_of(want, mac);
	r = ipv6_prepare_router(info->name, own[1].ip.family, err);
	if (r < 0)
		return r;
	r = addr_queue_only(nl, info->index, own);
	if (info->alias[0])
		overlay_queue_common(nl, want, info);
	if (memcmp(info->mac, mac, sizeof(mac)) != 0)
		link_queue_mac(nl, info->index, mac);
	if (!(info->flags & IFF_UP))
		link_queue_flags(nl, "set the bridge up", info->index, IFF_UP, IFF_UP);
	if (device->master != info->index)
		link_queue_master(nl, device->index, info->index);
	if (port_differs(want->st, device, info->index))
		link_queue_port_learning(nl, device->index, !want->st->evpn, want->st->evpn);
	if (r == 0)
		r = nlk_send(nl, NULL, NULL);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "configure the bridge %s", info->name)
		     : 0;
}

static bool is_orphan(const struct link_info *info, const void *group)
{
	return info->group == *(const uint32_t *)group && info->master == 0 &&
	       strcmp(info->kind, "veth") == 0;
}

/*
 * What has to be done once: the ports of a bridge that was deleted by hand are still there, in the
 * network's group. The alias comes last, and says that it is done.
 */
static int complete(struct nlk *nl, const struct overlay_device *want, const struct link_info *info,
		    struct cni_err *err)
{
	const uint32_t group = OVERLAY_GROUP | want->st->vni;
	struct link_info port;
	int r;

	while ((r = link_find(nl, is_orphan, &group, &port)) == 0) {
		link_queue_master(nl, port.index, info->index);
		r = nlk_send(nl, NULL, NULL);
		if (r < 0)
			break;
	}
	if (r == -ENODEV) {
		overlay_queue_common(nl, want, info);
		r = nlk_send(nl, NULL, NULL);
	}
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "give the bridge %s its ports",
				info->name)
		     : 0;
}

int overlay_bridge_ensure(struct nlk *nl, const struct overlay_device *want,
			  const struct link_info *device, struct link_info *made,
			  struct cni_err *err)
{
	char name[OVERLAY_DEVICE_MAX];
	int r = link_get(nl, overlay_bridge_name(want->st->vni, name), made);

	if (r == -ENODEV)
		r = create(nl, want, name, made, err);
	else if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up link %s", name);
	if (r < 0)
		return r;
	if (!is_ours(made, want->st))
		return cni_fail(err, CNI_E_FAILED, EEXIST,
				"\"vni\": link %s of somebody else is in the way of VNI %u", name,
				want->st->vni);
	r = settle(nl, want, made, device, err);
	if (r == 0 && !made->alias[0])
		r = complete(nl, want, made, err);
	mac_of(want, made->mac);
	made->mtu = want->mtu;
	return r;
}

int overlay_bridge_check(struct nlk *nl, const struct overlay_device *want,
			 const struct link_info *device, struct link_info *seen,
			 struct cni_err *err)
{
	char name[OVERLAY_DEVICE_MAX], text[IP_STRLEN];
	const struct ip_net *missing;
	struct ip_net own[2];
	const char *wrong;
	uint8_t mac[6];
	int r = link_get(nl, overlay_bridge_name(want->st->vni, name), seen);

	if (r == -ENODEV)
		return cni_fail(err, CNI_E_FAILED, 0, "the bridge %s is missing", name);
	gateways(want->st, own);
	mac_of(want, mac);
	if (r == 0)
		r = addr_missing(nl, seen->index, own, &missing);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up the bridge %s", name);
	wrong = !is_ours(seen, want->st)	      ? "owner"
		: memcmp(seen->mac, mac, sizeof(mac)) ? "MAC"
						      : overlay_differs(want, seen);
	if (wrong)
		return cni_fail(err, CNI_E_FAILED, 0, "the bridge %s has another %s", name, wrong);
	if (missing)
		return cni_fail(err, CNI_E_FAILED, 0, "the bridge %s has lost its address %s", name,
				ip_net_str(missing, text));
	if (device->master != seen->index)
		return cni_fail(err, CNI_E_FAILED, 0, "%s is not a port of the bridge %s",
				device->name, name);
	return port_differs(want->st, device, seen->index)
		       ? cni_fail(err, CNI_E_FAILED, 0,
				  "learning or suppression of neighbours at bridge port %s was "
				  "changed",
				  device->name)
		       : 0;
}

int overlay_bridge_remove(struct nlk *nl, const struct overlay_state *st, struct cni_err *err)
{
	char name[OVERLAY_DEVICE_MAX];

	if (!st->l2)
		return 0;
	return overlay_link_remove(nl, st, overlay_bridge_name(st->vni, name), is_ours, err);
}
