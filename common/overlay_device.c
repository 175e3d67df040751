/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The VXLAN device of an overlay network on this node.
 *
 * Its alias says whose it is. It hangs on no interface of the host: routes to the VTEPs decide
 * where packets leave, and the device outlives the removal of an uplink.
 */
#include "overlay_device.h"

#include "addr.h"
#include "args.h"
#include "cleanup.h"
#include "sysctl.h"

#include <linux/if_link.h>
#include <string.h>

#define NO_VNI 0x1000000 /* they have 24 bits */

/* Without somebody who writes the entries of one link, MACs are learnt (RFC 7348, 4.1). */
static bool learns(const struct overlay_state *st)
{
	return st->l2 && !st->evpn;
}

char *overlay_alias(const struct overlay_state *st, char alias[OVERLAY_ALIAS_MAX])
{
	snprintf(alias, OVERLAY_ALIAS_MAX, "hawser overlay %.200s", st->network);
	return alias;
}

void overlay_queue_common(struct nlk *nl, const struct overlay_device *want,
			  const struct link_info *info)
{
	uint32_t group = OVERLAY_GROUP | want->st->vni;
	char alias[OVERLAY_ALIAS_MAX];

	if (!link_has_alias(info, overlay_alias(want->st, alias)) || info->group != group)
		link_queue_alias(nl, info->index, alias, group);
	if (info->mtu != want->mtu)
		link_queue_mtu(nl, info->index, want->mtu);
}

const char *overlay_differs(const struct overlay_device *want, const struct link_info *info)
{
	if (info->group != (OVERLAY_GROUP | want->st->vni))
		return "group";
	if (!(info->flags & IFF_UP))
		return "state (it is down)";
	return info->mtu != want->mtu ? "MTU" : NULL;
}

bool overlay_device_has_alias(const struct link_info *info, const struct overlay_state *st)
{
	char alias[OVERLAY_ALIAS_MAX];

	return !info->alias[0] || link_has_alias(info, overlay_alias(st, alias));
}

/* Ours, also when an ADD was killed before it had given the alias. */
static bool is_ours(const struct link_info *info, const struct overlay_state *st)
{
	if (strcmp(info->kind, "vxlan") != 0 || info->vni != st->vni)
		return false;
	return info->alias[0] ? overlay_device_has_alias(info, st) : info->mac[0] == 0x02;
}

/* What a device is born with. */
static const char *wrong_birth(const struct link_info *info, const struct overlay_device *want)
{
	if (info->port != want->st->port)
		return "port";
	if (!ip_equal(&info->local, &want->st->local))
		return "local address";
	if (info->learning != learns(want->st))
		return "learning";
	return memcmp(info->mac, want->mac, sizeof(info->mac)) != 0 ? "MAC" : NULL;
}

static void put_vxlan(struct nlk *nl, struct nl_msg *m, const void *arg)
{
	const struct overlay_state *st = arg;

	nlk_put_u32(nl, m, IFLA_VXLAN_ID, st->vni);
	nlk_put_u16(nl, m, IFLA_VXLAN_PORT, htons(st->port));
	nlk_put_u8(nl, m, IFLA_VXLAN_LEARNING, learns(st));
	nlk_put(nl, m, st->local.family == AF_INET ? IFLA_VXLAN_LOCAL : IFLA_VXLAN_LOCAL6,
		st->local.b, ip_bytes(&st->local));
}

static int create(struct nlk *nl, const struct overlay_device *want, const char *name,
		  struct link_info *made, struct cni_err *err)
{
	struct link_child child = { .kind = "vxlan",
				    .name = name,
				    .netns_fd = -1,
				    .mtu = want->mtu,
				    .mac = want->mac,
				    .put_data = put_vxlan,
				    .arg = want->st };
	int r = link_add_child(nl, &child);

	if (r == -EOPNOTSUPP)
		return nlk_fail(err, nl, CNI_E_FIELD, r,
				"\"vni\": this kernel has no VXLAN (CONFIG_VXLAN)");
	if (r == -EEXIST)
		return nlk_fail(err, nl, CNI_E_FAILED, r,
				"\"vni\": another VXLAN device has %u on port %u", want->st->vni,
				want->st->port);
	if (r == 0)
		r = link_get(nl, name, made);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "create the VXLAN device %s", name) : 0;
}

static void put_no_vni(struct nlk *nl, struct nl_msg *m, const void *arg)
{
	(void)arg;
	nlk_put_u32(nl, m, IFLA_VXLAN_ID, NO_VNI);
}

/* vxlan_validate() refuses the number before anything is made. */
int overlay_device_usable(struct nlk *nl)
{
	char name[OVERLAY_DEVICE_MAX];
	struct link_child child = { .kind = "vxlan",
				    .name = overlay_device_name(NO_VNI, false, name),
				    .netns_fd = -1,
				    .put_data = put_no_vni };
	int r = link_add_child(nl, &child);

	return r == -ERANGE ? 0 : r;
}

/* The device that is there, if it can stay; index 0: none. */
static int take_existing(struct nlk *nl, const struct overlay_device *want, const char *name,
			 struct link_info *info, struct cni_err *err)
{
	int r = link_get(nl, name, info);

	if (r == -ENODEV) {
		info->index = 0;
		return 0;
	}
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up link %s", name);
	if (!is_ours(info, want->st))
		return cni_fail(err, CNI_E_FAILED, EEXIST,
				"\"vni\": link %s of somebody else is in the way of VNI %u", name,
				want->st->vni);
	if (!wrong_birth(info, want))
		return 0;
	r = link_remove(nl, info->index, false);
	info->index = 0;
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "make %s again: remove it", name) : 0;
}

/* The network addresses of our subnets, which are the other nodes' gateways; in mode "l2" none. */
static void addresses_of(const struct overlay_state *st, struct ip_net own[2])
{
	for (int i = 0; i < 2; i++) {
		own[i] = (struct ip_net){ 0 };
		if (st->subnet[i].ip.family && !st->l2)
			own[i] = (struct ip_net){ st->subnet[i].ip,
						  (uint8_t)ip_bits(&st->subnet[i].ip) };
	}
}

static int settle(struct nlk *nl, const struct overlay_device *want, const struct link_info *info,
		  struct cni_err *err)
{
	const struct overlay_state *st = want->st;
	struct ip_net own[2];
	int r = 0;

	addresses_of(st, own);
	if (own[1].ip.family)
		r = sysctl_set_conf("ipv6", info->name, "disable_ipv6", 0);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "net.ipv6.conf.%s.disable_ipv6", info->name);
	r = addr_queue_only(nl, info->index, own);
	overlay_queue_common(nl, want, info);
	if (!(info->flags & IFF_UP)) {
		link_queue_no_link_local(nl, info->index);
		link_queue_flags(nl, "set the VXLAN device up", info->index, IFF_UP, IFF_UP);
	}
	if (r == 0)
		r = nlk_send(nl, NULL, NULL);
	if (r == -EADDRINUSE)
		return nlk_fail(err, nl, CNI_E_FAILED, r,
				"\"port\": %u is taken by another program of this host", st->port);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "configure the VXLAN device %s",
				info->name)
		     : 0;
}

int overlay_device_ensure(struct nlk *nl, const struct overlay_device *want, struct link_info *made,
			  struct cni_err *err)
{
	char name[OVERLAY_DEVICE_MAX];
	int r = take_existing(nl, want, overlay_device_name(want->st->vni, want->second, name),
			      made, err);

	if (r == 0 && !made->index)
		r = create(nl, want, name, made, err);
	return r < 0 ? r : settle(nl, want, made, err);
}

int overlay_device_check(struct nlk *nl, const struct overlay_device *want, struct link_info *seen,
			 struct cni_err *err)
{
	char name[OVERLAY_DEVICE_MAX], text[IP_STRLEN];
	const struct ip_net *missing;
	struct ip_net own[2];
	const char *wrong;
	int r = link_get(nl, overlay_device_name(want->st->vni, want->second, name), seen);

	if (r == -ENODEV)
		return cni_fail(err, CNI_E_FAILED, 0, "the VXLAN device %s is missing", name);
	addresses_of(want->st, own);
	if (r == 0)
		r = addr_missing(nl, seen->index, own, &missing);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up the VXLAN device %s", name);
	wrong = !is_ours(seen, want->st) ? "owner" : wrong_birth(seen, want);
	if (!wrong)
		wrong = overlay_differs(want, seen);
	if (wrong)
		return cni_fail(err, CNI_E_FAILED, 0, "the VXLAN device %s has another %s", name,
				wrong);
	if (missing)
		return cni_fail(err, CNI_E_FAILED, 0, "the VXLAN device %s has lost its address %s",
				name, ip_str(&missing->ip, text));
	return 0;
}

int overlay_link_remove(struct nlk *nl, const struct overlay_state *st, const char *name,
			bool (*ours)(const struct link_info *info, const struct overlay_state *st),
			struct cni_err *err)
{
	struct link_info info;
	int r = link_get(nl, name, &info);

	if (r == -ENODEV || (r == 0 && !ours(&info, st)))
		return 0;
	if (r == 0)
		r = link_remove(nl, info.index, false);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "remove link %s", name) : 0;
}

int overlay_device_remove(struct nlk *nl, const struct overlay_state *st, struct cni_err *err)
{
	char name[OVERLAY_DEVICE_MAX];
	int r = overlay_link_remove(nl, st, overlay_device_name(st->vni, false, name), is_ours,
				    err);

	if (r == 0 && st->managed)
		r = overlay_link_remove(nl, st, overlay_device_name(st->vni, true, name), is_ours,
					err);
	return r;
}
