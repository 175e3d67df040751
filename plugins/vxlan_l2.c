/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vxlan, mode "l2": all containers of the network on one link, the bridges of the nodes.
 *
 * A node's subnet is the part of the network that it gives addresses of, no more: a container has
 * the length of the whole network, and asks for all others by broadcast. Others know it by what it
 * sends: so ADD lets its kernel announce it, as soon as the bridge takes frames from its port.
 * Nothing about containers is written into forwarding databases; routing daemons take permanent
 * entries for the administrator's and would not advertise them.
 */
#include "plugins/vxlan_l2.h"

#include "args.h"
#include "cleanup.h"
#include "container.h"

#include <string.h>

/* ---- addresses ---- */

static int check_address(const struct vxlan_conf *conf, const struct ip_addr *ip,
			 struct cni_err *err)
{
	int slot = overlay_slot(ip);
	const struct ip_net *net = &conf->st.net[slot];
	struct ip_net gateway = overlay_gateway(&conf->st, slot);
	struct ip_addr last = ip_last(net);
	char text[IP_STRLEN], of[IP_STRLEN];

	if (!net->ip.family || !ip_net_contains(net, ip))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"ipam\": the address %s is not in \"network\": no peer would "
				"find it",
				ip_str(ip, text));
	if (ip_equal(&net->ip, ip) || (ip->family == AF_INET && ip_equal(&last, ip)))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"ipam\": the address %s is that of all of \"network\", %s",
				ip_str(ip, text), ip_net_str(net, of));
	if (ip_equal(&gateway.ip, ip))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"ipam\": the address %s is that of the node itself",
				ip_str(ip, text));
	for (size_t i = 0; i < conf->peers.n; i++) {
		const struct overlay_peer *p = &conf->peers.p[i];

		if (p != conf->own && p->subnet[slot].ip.family &&
		    ip_net_contains(&p->subnet[slot], ip))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"ipam\": the address %s is in %s, the subnet of node "
					"\"%s\"",
					ip_str(ip, text), ip_net_str(&p->subnet[slot], of),
					p->node);
	}
	return 0;
}

int vxlan_l2_addresses(const struct vxlan_conf *conf, struct cni_result *result,
		       struct cni_err *err)
{
	char text[IP_STRLEN], of[IP_STRLEN];

	for (size_t i = 0; i < result->n_ips; i++) {
		struct cni_ip *ip = &result->ips[i];
		int slot = overlay_slot(&ip->address.ip);
		const struct ip_net *net = &conf->st.net[slot];
		int r = check_address(conf, &ip->address.ip, err);

		if (r < 0)
			return r;
		ip->address.len = net->len;
		if (!ip->gateway.family)
			ip->gateway = overlay_gateway(&conf->st, slot).ip;
		if (!ip_net_contains(net, &ip->gateway))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"ipam\": the gateway %s is not in \"network\", %s",
					ip_str(&ip->gateway, text), ip_net_str(net, of));
	}
	return 0;
}

/* ---- the network on this node ---- */

void vxlan_l2_entries(const struct vxlan_conf *conf, int oif, struct overlay_list *want)
{
	for (size_t i = 0; i < conf->st.n_vteps; i++)
		overlay_list_flood(want, oif, &conf->st.vteps[i]);
}

/* ---- the container ---- */

int vxlan_l2_connect(struct pair *p, const struct overlay_state *st, const struct link_info *bridge,
		     struct cni_result *result, struct undo *undo, struct cni_err *err)
{
	struct container_setup setup = { .up = true, .announce = true, .result = result };
	char mac[MAC_STRLEN];
	int r = pair_create(p, bridge->index, bridge->name, undo, err);

	if (r == 0)
		r = pair_ignore_advertisements(p, err);
	if (r < 0)
		return r;
	link_queue_group(&p->host, p->port.index, OVERLAY_GROUP | st->vni);
	r = nlk_send(&p->host, NULL, NULL);
	if (r < 0)
		return nlk_fail(err, &p->host, CNI_E_FAILED, r, "configure the bridge port %s",
				p->ids.host_name);
	r = pair_configure_container(p, &setup, err);
	if (r == 0)
		result_add_iface(result, bridge->name, mac_str(bridge->mac, mac), bridge->mtu,
				 NULL);
	return r;
}

int vxlan_l2_check(const struct cni_call *call, struct link_info *host, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct link_info seen;
	int r = container_check(call, &seen, err);

	if (r < 0)
		return r;
	r = nlk_open(&nl);
	if (r == 0)
		r = link_get_index(&nl, seen.peer, host);
	return r < 0 ? nlk_fail(err, &nl, CNI_E_FAILED, r, "look up the host end of %s",
				call->ifname)
		     : 0;
}
