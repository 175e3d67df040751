/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links: looking one up, creating veth pairs and bridges in one message, bridge port settings. */
#include "link.h"

#include "log.h"

#include <errno.h>

#include <linux/if.h>
#include <linux/if_bridge.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/veth.h>
#include <string.h>
#include <sys/socket.h>

/* IPv6's accept_ra, out of the array of all settings the kernel reports with a link. */
static int read_accept_ra(struct nlattr *af_spec)
{
	struct nlattr *inet6 = nla_find(nla_data(af_spec), nla_len(af_spec), AF_INET6);
	struct nlattr *conf =
		inet6 ? nla_find(nla_data(inet6), nla_len(inet6), IFLA_INET6_CONF) : NULL;
	int32_t value;

	/* DEVCONF_ACCEPT_RA of linux/ipv6.h, which clashes with netinet/in.h */
	enum { ACCEPT_RA = 3 };
	if (!conf || nla_len(conf) < (ACCEPT_RA + 1) * (int)sizeof(value))
		return -1;
	memcpy(&value, (char *)nla_data(conf) + ACCEPT_RA * sizeof(value), sizeof(value));
	return value;
}

/* What the kinds of link_add_child() report. */
static void read_child_data(struct nlattr *data, struct link_info *out)
{
	struct nlattr *attr[IFLA_MACVLAN_MAX + 1]; /* the largest of the four */
	_Static_assert(IFLA_MACVLAN_MAX >= IFLA_IPVLAN_MAX && IFLA_MACVLAN_MAX >= IFLA_VLAN_MAX,
		       "room for each kind");

	if (nla_parse_nested(attr, IFLA_MACVLAN_MAX, data, NULL) < 0)
		return;
	if (strcmp(out->kind, "macvlan") == 0) {
		if (attr[IFLA_MACVLAN_MODE])
			out->mode = (int)nla_get_u32(attr[IFLA_MACVLAN_MODE]);
		if (attr[IFLA_MACVLAN_BC_QUEUE_LEN])
			out->bc_queue = (int)nla_get_u32(attr[IFLA_MACVLAN_BC_QUEUE_LEN]);
	} else if (strcmp(out->kind, "ipvlan") == 0 && attr[IFLA_IPVLAN_MODE]) {
		out->mode = nla_get_u16(attr[IFLA_IPVLAN_MODE]);
	} else if (strcmp(out->kind, "vlan") == 0 && attr[IFLA_VLAN_ID]) {
		out->vlan = nla_get_u16(attr[IFLA_VLAN_ID]);
	} else if (strcmp(out->kind, "vrf") == 0 && attr[IFLA_VRF_TABLE]) {
		out->vrf_table = nla_get_u32(attr[IFLA_VRF_TABLE]);
	}
}

static void read_vxlan(struct nlattr *data, struct link_info *out)
{
	struct nlattr *attr[IFLA_VXLAN_MAX + 1], *local;

	if (nla_parse_nested(attr, IFLA_VXLAN_MAX, data, NULL) < 0)
		return;
	local = attr[IFLA_VXLAN_LOCAL] ? attr[IFLA_VXLAN_LOCAL] : attr[IFLA_VXLAN_LOCAL6];
	if (attr[IFLA_VXLAN_ID])
		out->vni = nla_get_u32(attr[IFLA_VXLAN_ID]);
	if (attr[IFLA_VXLAN_PORT])
		out->port = ntohs(nla_get_u16(attr[IFLA_VXLAN_PORT]));
	if (attr[IFLA_VXLAN_LEARNING])
		out->learning = nla_get_u8(attr[IFLA_VXLAN_LEARNING]);
	if (local && (nla_len(local) == 4 || nla_len(local) == 16)) {
		out->local.family = nla_len(local) == 4 ? AF_INET : AF_INET6;
		memcpy(out->local.b, nla_data(local), nla_len(local));
	}
}

static void read_linkinfo(struct nlattr *nest, struct link_info *out)
{
	struct nlattr *info[IFLA_INFO_MAX + 1];

	if (nla_parse_nested(info, IFLA_INFO_MAX, nest, NULL) < 0)
		return;
	if (info[IFLA_INFO_KIND])
		nla_strlcpy(out->kind, info[IFLA_INFO_KIND], sizeof(out->kind));
	if (info[IFLA_INFO_DATA])
		read_child_data(info[IFLA_INFO_DATA], out);
	if (info[IFLA_INFO_DATA] && strcmp(out->kind, "vxlan") == 0)
		read_vxlan(info[IFLA_INFO_DATA], out);
	if (info[IFLA_INFO_DATA] && strcmp(out->kind, "bridge") == 0) {
		struct nlattr *br[IFLA_BR_MAX + 1];

		/* every kernel reports the switch; only those that have the feature report a PVID
		 */
		if (nla_parse_nested(br, IFLA_BR_MAX, info[IFLA_INFO_DATA], NULL) == 0 &&
		    br[IFLA_BR_VLAN_FILTERING] && br[IFLA_BR_VLAN_DEFAULT_PVID]) {
			out->vlan_filtering = nla_get_u8(br[IFLA_BR_VLAN_FILTERING]);
			out->default_pvid = nla_get_u16(br[IFLA_BR_VLAN_DEFAULT_PVID]);
		}
	}
	if (info[IFLA_INFO_SLAVE_DATA] && info[IFLA_INFO_SLAVE_KIND] &&
	    strcmp(nla_data(info[IFLA_INFO_SLAVE_KIND]), "bridge") == 0) {
		struct nlattr *port[IFLA_BRPORT_MAX + 1];

		if (nla_parse_nested(port, IFLA_BRPORT_MAX, info[IFLA_INFO_SLAVE_DATA], NULL) < 0)
			return;
		if (port[IFLA_BRPORT_MODE])
			out->hairpin = nla_get_u8(port[IFLA_BRPORT_MODE]);
		if (port[IFLA_BRPORT_ISOLATED])
			out->isolated = nla_get_u8(port[IFLA_BRPORT_ISOLATED]);
		if (port[IFLA_BRPORT_LEARNING])
			out->port_learning = nla_get_u8(port[IFLA_BRPORT_LEARNING]);
		if (port[IFLA_BRPORT_NEIGH_SUPPRESS])
			out->neigh_suppress = nla_get_u8(port[IFLA_BRPORT_NEIGH_SUPPRESS]);
	}
}

/* nlk_reply_fn: fill a struct link_info from RTM_NEWLINK. */
static int read_link(const struct nlmsghdr *hdr, void *arg)
{
	const struct ifinfomsg *ifi = nlmsg_data(hdr);
	struct nlattr *attr[IFLA_MAX + 1];
	struct link_info info = { .accept_ra = -1,
				  .vlan_filtering = -1,
				  .hairpin = -1,
				  .isolated = -1,
				  .port_learning = -1,
				  .neigh_suppress = -1,
				  .mode = -1,
				  .vlan = -1,
				  .bc_queue = -1,
				  .learning = -1 };

	if (hdr->nlmsg_type != RTM_NEWLINK)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*ifi), attr, IFLA_MAX, NULL) < 0)
		return -EBADMSG;
	info.index = ifi->ifi_index;
	info.flags = ifi->ifi_flags;
	if (attr[IFLA_IFNAME])
		nla_strlcpy(info.name, attr[IFLA_IFNAME], sizeof(info.name));
	if (attr[IFLA_MTU])
		info.mtu = (int)nla_get_u32(attr[IFLA_MTU]);
	if (attr[IFLA_TXQLEN])
		info.tx_queue_len = nla_get_u32(attr[IFLA_TXQLEN]);
	if (attr[IFLA_MASTER])
		info.master = (int)nla_get_u32(attr[IFLA_MASTER]);
	if (attr[IFLA_LINK])
		info.peer = (int)nla_get_u32(attr[IFLA_LINK]);
	if (attr[IFLA_GROUP])
		info.group = nla_get_u32(attr[IFLA_GROUP]);
	if (attr[IFLA_OPERSTATE])
		info.operstate = nla_get_u8(attr[IFLA_OPERSTATE]);
	if (attr[IFLA_ADDRESS] && nla_len(attr[IFLA_ADDRESS]) <= (int)sizeof(info.hw)) {
		info.hw_len = (uint8_t)nla_len(attr[IFLA_ADDRESS]);
		memcpy(info.hw, nla_data(attr[IFLA_ADDRESS]), info.hw_len);
		if (info.hw_len == sizeof(info.mac))
			memcpy(info.mac, info.hw, sizeof(info.mac));
	}
	if (attr[IFLA_IFALIAS])
		nla_strlcpy(info.alias, attr[IFLA_IFALIAS], sizeof(info.alias));
	if (attr[IFLA_AF_SPEC])
		info.accept_ra = read_accept_ra(attr[IFLA_AF_SPEC]);
	if (attr[IFLA_LINKINFO])
		read_linkinfo(attr[IFLA_LINKINFO], &info);
	*(struct link_info *)arg = info;
	return 0;
}

static int get(struct nlk *nl, int index, const char *name, struct link_info *out)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct link_info info = { 0 };
	struct nl_msg *m = nlk_request(nl, "look up a link", RTM_GETLINK, 0, &ifi, sizeof(ifi));
	int r;

	if (name)
		nlk_put_str(nl, m, IFLA_IFNAME, name);
	/* counters are most of the answer and nobody reads them */
	nlk_put_u32(nl, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = nlk_send(nl, read_link, &info);
	if (r == 0 && info.index == 0)
		r = -EBADMSG;
	if (r == 0)
		*out = info;
	return r;
}

int link_get(struct nlk *nl, const char *name, struct link_info *out)
{
	return get(nl, 0, name, out);
}

int link_get_index(struct nlk *nl, int index, struct link_info *out)
{
	return get(nl, index, NULL, out);
}

struct find {
	bool (*match)(const struct link_info *info, const void *arg);
	const void *arg;
	struct link_info found; /* index 0: not yet */
};

static int find_link(const struct nlmsghdr *hdr, void *arg)
{
	struct find *find = arg;
	struct link_info info = { 0 };
	int r = read_link(hdr, &info);

	if (r == 0 && info.index && (!find->found.index || info.index < find->found.index) &&
	    find->match(&info, find->arg))
		find->found = info;
	return r;
}

static void forget_found(void *arg)
{
	((struct find *)arg)->found.index = 0;
}

int link_find(struct nlk *nl, bool (*match)(const struct link_info *info, const void *arg),
	      const void *arg, struct link_info *out)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = nlk_request(nl, "look for a link", RTM_GETLINK, 0, &ifi, sizeof(ifi));
	struct find find = { match, arg, { 0 } };
	int r;

	nlk_put_u32(nl, m, IFLA_EXT_MASK, RTEXT_FILTER_SKIP_STATS);
	r = nlk_dump(nl, find_link, forget_found, &find);
	if (r == 0 && !find.found.index)
		r = -ENODEV;
	if (r == 0)
		*out = find.found;
	return r;
}

bool link_has_alias(const struct link_info *info, const void *alias)
{
	return strcmp(info->alias, alias) == 0;
}

char *link_hw_str(const struct link_info *info, char buf[LINK_HW_STRLEN])
{
	buf[0] = '\0';
	for (int i = 0; i < info->hw_len; i++)
		snprintf(&buf[3 * i - (i > 0)], 4, i ? ":%02x" : "%02x", info->hw[i]);
	return buf;
}

void link_queue_move(struct nlk *nl, int index, int netns_fd, const char *name, const char *alias)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct nl_msg *m = nlk_request(nl, netns_fd < 0 ? "rename a link" : "move a link",
				       RTM_NEWLINK, 0, &ifi, sizeof(ifi));

	if (netns_fd >= 0)
		nlk_put_u32(nl, m, IFLA_NET_NS_FD, netns_fd);
	nlk_put_str(nl, m, IFLA_IFNAME, name);
	nlk_put_str(nl, m, IFLA_IFALIAS, alias);
}

void link_queue_master(struct nlk *nl, int index, int master)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct nl_msg *m = nlk_request(nl, "make a link a port", RTM_NEWLINK, 0, &ifi, sizeof(ifi));

	nlk_put_u32(nl, m, IFLA_MASTER, master);
}

static void put_end(struct nlk *nl, struct nl_msg *m, const char *name, const uint8_t mac[6],
		    int mtu)
{
	nlk_put_str(nl, m, IFLA_IFNAME, name);
	nlk_put(nl, m, IFLA_ADDRESS, mac, 6);
	if (mtu)
		nlk_put_u32(nl, m, IFLA_MTU, mtu);
	nlk_put_u32(nl, m, IFLA_NUM_TX_QUEUES, 1);
	nlk_put_u32(nl, m, IFLA_NUM_RX_QUEUES, 1);
}

/* Best effort, for a link that was made just now and could not be looked up. */
static void del_by_name(struct nlk *nl, const char *name)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m =
		nlk_request(nl, "delete the link again", RTM_DELLINK, 0, &ifi, sizeof(ifi));
	int r;

	nlk_put_str(nl, m, IFLA_IFNAME, name);
	r = nlk_send(nl, NULL, NULL);
	if (r < 0)
		log_trace("link %s is left: %s", name, strerror(-r));
}

int link_add_veth(struct nlk *nl, const struct link_veth *veth, struct link_info *out)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
				 .ifi_flags = IFF_UP,
				 .ifi_change = IFF_UP };
	struct ifinfomsg peer = { .ifi_family = AF_UNSPEC };
	struct link_info made = { 0 };
	struct nlattr *info, *data, *nest;
	struct nl_msg *m;
	int r;

	m = nlk_request(nl, "create a veth pair", RTM_NEWLINK,
			NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, &ifi, sizeof(ifi));
	put_end(nl, m, veth->host_name, veth->host_mac, veth->mtu);
	if (veth->master)
		nlk_put_u32(nl, m, IFLA_MASTER, veth->master);
	info = nlk_nest(nl, m, IFLA_LINKINFO);
	nlk_put_str(nl, m, IFLA_INFO_KIND, "veth");
	data = nlk_nest(nl, m, IFLA_INFO_DATA);
	nest = nlk_nest(nl, m, VETH_INFO_PEER);
	if (nlmsg_append(m, &peer, sizeof(peer), NLMSG_ALIGNTO) < 0)
		nl->put_err = -EMSGSIZE;
	put_end(nl, m, veth->peer_name, veth->peer_mac, veth->mtu);
	if (veth->netns_fd >= 0)
		nlk_put_u32(nl, m, IFLA_NET_NS_FD, veth->netns_fd);
	nlk_nest_end(m, nest);
	nlk_nest_end(m, data);
	nlk_nest_end(m, info);
	r = nlk_send(nl, read_link, &made);
	if (r < 0)
		return r;
	/* kernels before 6.2 do not echo a created link */
	if (made.index == 0 || made.peer == 0) {
		r = link_get(nl, veth->host_name, &made);
		if (r < 0) {
			del_by_name(nl, veth->host_name);
			return r;
		}
	}
	*out = made;
	return 0;
}

int link_add_bridge(struct nlk *nl, const char *name, const uint8_t mac[6], int mtu,
		    bool vlan_filtering)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = nlk_request(nl, "create a bridge", RTM_NEWLINK,
				       NLM_F_CREATE | NLM_F_EXCL, &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	nlk_put_str(nl, m, IFLA_IFNAME, name);
	nlk_put(nl, m, IFLA_ADDRESS, mac, 6);
	if (mtu)
		nlk_put_u32(nl, m, IFLA_MTU, mtu);
	info = nlk_nest(nl, m, IFLA_LINKINFO);
	nlk_put_str(nl, m, IFLA_INFO_KIND, "bridge");
	if (vlan_filtering) {
		data = nlk_nest(nl, m, IFLA_INFO_DATA);
		nlk_put_u8(nl, m, IFLA_BR_VLAN_FILTERING, 1);
		nlk_nest_end(m, data);
	}
	nlk_nest_end(m, info);
	return nlk_send(nl, NULL, NULL);
}

int link_add_ifb(struct nlk *nl, const char *name, const uint8_t mac[6], int mtu,
		 uint32_t tx_queue_len, struct link_info *out)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC,
				 .ifi_flags = IFF_UP,
				 .ifi_change = IFF_UP };
	struct nl_msg *m = nlk_request(nl, "create an IFB device", RTM_NEWLINK,
				       NLM_F_CREATE | NLM_F_EXCL | NLM_F_ECHO, &ifi, sizeof(ifi));
	struct link_info made = { 0 };
	struct nlattr *info;
	int r;

	put_end(nl, m, name, mac, mtu);
	nlk_put_u32(nl, m, IFLA_TXQLEN, tx_queue_len);
	info = nlk_nest(nl, m, IFLA_LINKINFO);
	nlk_put_str(nl, m, IFLA_INFO_KIND, "ifb");
	nlk_nest_end(m, info);
	r = nlk_send(nl, read_link, &made);
	/* kernels before 6.2 do not echo a created link */
	if (r == 0 && made.index == 0) {
		r = link_get(nl, name, &made);
		if (r < 0)
			del_by_name(nl, name);
	}
	if (r == 0)
		*out = made;
	return r;
}

int link_add_child(struct nlk *nl, const struct link_child *child)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m = nlk_request(nl, "create a link", RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL,
				       &ifi, sizeof(ifi));
	struct nlattr *info, *data;

	nlk_put_str(nl, m, IFLA_IFNAME, child->name);
	if (child->master)
		nlk_put_u32(nl, m, IFLA_LINK, child->master);
	if (child->netns_fd >= 0)
		nlk_put_u32(nl, m, IFLA_NET_NS_FD, child->netns_fd);
	if (child->mtu)
		nlk_put_u32(nl, m, IFLA_MTU, child->mtu);
	if (child->group)
		nlk_put_u32(nl, m, IFLA_GROUP, child->group);
	if (child->mac)
		nlk_put(nl, m, IFLA_ADDRESS, child->mac, 6);
	info = nlk_nest(nl, m, IFLA_LINKINFO);
	nlk_put_str(nl, m, IFLA_INFO_KIND, child->kind);
	if (child->put_data) {
		data = nlk_nest(nl, m, IFLA_INFO_DATA);
		child->put_data(nl, m, child->arg);
		nlk_nest_end(m, data);
	}
	nlk_nest_end(m, info);
	return nlk_send(nl, NULL, NULL);
}

void link_queue_rename(struct nlk *nl, int index, const char *name)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };
	struct nl_msg *m = nlk_request(nl, "rename a link", RTM_NEWLINK, 0, &ifi, sizeof(ifi));

	nlk_put_str(nl, m, IFLA_IFNAME, name);
}

void link_queue_flags(struct nlk *nl, const char *what, int index, unsigned int flags,
		      unsigned int mask)
{
	struct ifinfomsg ifi = {
		.ifi_family = AF_UNSPEC, .ifi_index = index, .ifi_flags = flags, .ifi_change = mask
	};

	nlk_request(nl, what, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
}

static struct nl_msg *queue_change(struct nlk *nl, const char *what, int index)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };

	return nlk_request(nl, what, RTM_NEWLINK, 0, &ifi, sizeof(ifi));
}

void link_queue_mac(struct nlk *nl, int index, const uint8_t mac[6])
{
	nlk_put(nl, queue_change(nl, "set the MAC", index), IFLA_ADDRESS, mac, 6);
}

void link_queue_alias(struct nlk *nl, int index, const char *alias, uint32_t group)
{
	struct nl_msg *m = queue_change(nl, "set alias and group", index);

	nlk_put_str(nl, m, IFLA_IFALIAS, alias);
	nlk_put_u32(nl, m, IFLA_GROUP, group);
}

void link_queue_group(struct nlk *nl, int index, uint32_t group)
{
	nlk_put_u32(nl, queue_change(nl, "set the group", index), IFLA_GROUP, group);
}

void link_queue_no_link_local(struct nlk *nl, int index)
{
	struct nl_msg *m = queue_change(nl, "no link-local address", index);
	struct nlattr *af = nlk_nest(nl, m, IFLA_AF_SPEC);
	struct nlattr *inet6 = nlk_nest(nl, m, AF_INET6);

	nlk_put_u8(nl, m, IFLA_INET6_ADDR_GEN_MODE, IN6_ADDR_GEN_MODE_NONE);
	nlk_nest_end(m, inet6);
	nlk_nest_end(m, af);
	nlk_ignore(nl, -EAFNOSUPPORT); /* a kernel without IPv6 */
}

void link_queue_mtu(struct nlk *nl, int index, uint32_t mtu)
{
	nlk_put_u32(nl, queue_change(nl, "set the MTU", index), IFLA_MTU, mtu);
}

void link_queue_tx_queue_len(struct nlk *nl, int index, uint32_t len)
{
	nlk_put_u32(nl, queue_change(nl, "set the length of the transmit queue", index),
		    IFLA_TXQLEN, len);
}

void link_queue_arp_notify(struct nlk *nl, int index)
{
	struct nl_msg *m = queue_change(nl, "set arp_notify", index);
	struct nlattr *spec = nlk_nest(nl, m, IFLA_AF_SPEC);
	struct nlattr *inet = nlk_nest(nl, m, AF_INET);
	struct nlattr *conf = nlk_nest(nl, m, IFLA_INET_CONF);

	nlk_put_u32(nl, m, IPV4_DEVCONF_ARP_NOTIFY, 1);
	nlk_nest_end(m, conf);
	nlk_nest_end(m, inet);
	nlk_nest_end(m, spec);
}

/* Two switches of a bridge port, IFLA_BRPORT_*. */
static void queue_port(struct nlk *nl, struct nl_msg *m, const int type[2], const bool on[2])
{
	struct nlattr *info = nlk_nest(nl, m, IFLA_LINKINFO);
	struct nlattr *data;

	nlk_put_str(nl, m, IFLA_INFO_SLAVE_KIND, "bridge");
	data = nlk_nest(nl, m, IFLA_INFO_SLAVE_DATA);
	for (int i = 0; i < 2; i++)
		nlk_put_u8(nl, m, type[i], on[i]);
	nlk_nest_end(m, data);
	nlk_nest_end(m, info);
}

void link_queue_port(struct nlk *nl, int index, bool hairpin, bool isolated)
{
	queue_port(nl, queue_change(nl, "set hairpin mode and isolation of the bridge port", index),
		   (const int[]){ IFLA_BRPORT_MODE, IFLA_BRPORT_ISOLATED },
		   (const bool[]){ hairpin, isolated });
}

void link_queue_port_learning(struct nlk *nl, int index, bool learning, bool neigh_suppress)
{
	queue_port(nl, queue_change(nl, "set what the bridge learns from the port", index),
		   (const int[]){ IFLA_BRPORT_LEARNING, IFLA_BRPORT_NEIGH_SUPPRESS },
		   (const bool[]){ learning, neigh_suppress });
}

static void put_vlan(struct nlk *nl, struct nl_msg *m, uint16_t vid, uint16_t flags)
{
	struct bridge_vlan_info vlan = { .vid = vid, .flags = flags };

	nlk_put(nl, m, IFLA_BRIDGE_VLAN_INFO, &vlan, sizeof(vlan));
}

void link_queue_vlan(struct nlk *nl, int index, uint16_t first, uint16_t last, bool access,
		     bool add)
{
	struct ifinfomsg ifi = { .ifi_family = AF_BRIDGE, .ifi_index = index };
	struct nl_msg *m = nlk_request(nl, "set the VLANs of the bridge port",
				       add ? RTM_SETLINK : RTM_DELLINK, 0, &ifi, sizeof(ifi));
	struct nlattr *spec = nlk_nest(nl, m, IFLA_AF_SPEC);
	uint16_t flags = access ? BRIDGE_VLAN_INFO_PVID | BRIDGE_VLAN_INFO_UNTAGGED : 0;

	if (first == last) {
		put_vlan(nl, m, first, flags);
	} else {
		put_vlan(nl, m, first, flags | BRIDGE_VLAN_INFO_RANGE_BEGIN);
		put_vlan(nl, m, last, flags | BRIDGE_VLAN_INFO_RANGE_END);
	}
	nlk_nest_end(m, spec);
}

int link_del(struct nlk *nl, int index)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC, .ifi_index = index };

	nlk_request(nl, "delete a link", RTM_DELLINK, 0, &ifi, sizeof(ifi));
	return nlk_send(nl, NULL, NULL);
}

static int count_link(const struct nlmsghdr *hdr, void *arg)
{
	if (hdr->nlmsg_type == RTM_NEWLINK)
		++*(int *)arg;
	return 0;
}

static void reset_count(void *arg)
{
	*(int *)arg = 0;
}

int link_count_ports(struct nlk *nl, int bridge)
{
	struct ifinfomsg ifi = { .ifi_family = AF_UNSPEC };
	struct nl_msg *m =
		nlk_request(nl, "list the ports of a bridge", RTM_GETLINK, 0, &ifi, sizeof(ifi));
	int count = 0, r;

	nlk_put_u32(nl, m, IFLA_MASTER, bridge);
	r = nlk_dump(nl, count_link, reset_count, &count);
	return r < 0 ? r : count;
}
