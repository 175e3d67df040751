/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: its keys, and what they come to. */
#include "plugins/vxlan_conf.h"

#include "cleanup.h"
#include "log.h"
#include "overlay_conf.h"
#include "plugins/vxlan_store.h"

#include <string.h>

#define FIELD(f) offsetof(struct vxlan_conf, f)

const struct conf_key vxlan_keys[] = {
	{ "vni", CONF_INT, FIELD(vni), .min = 1, .max = 0xffffff,
	  .help = "number of the overlay network, the same on all nodes; required" },
	{ "network", CONF_DOC,
	  .help = "prefix of all nodes' containers, or an array of one for each family; required" },
	{ "node", CONF_STRING, FIELD(node), .dflt = "the host name",
	  .help = "name of this node among the peers" },
	{ "peers", CONF_ARRAY, FIELD(peers_array),
	  .help = "the nodes, this one too: {\"node\", \"vtep\", \"subnet\"}, a subnet for each "
		  "family" },
	{ "peersFile", CONF_STRING, FIELD(peers_file),
	  .help = "file with such records, as a JSON array or one on each line" },
	{ "port", CONF_INT, FIELD(port), .min = 1, .max = 65535, .dflt = "4789",
	  .help = "UDP port of VXLAN, the same on all nodes" },
	{ "mode", CONF_STRING, FIELD(mode), .dflt = "l3",
	  .help = "\"l3\": each node routes to the subnets of the others; \"l2\": all containers "
		  "are on one link" },
	{ "underlay", CONF_OBJECT, FIELD(underlay),
	  .help = "{\"dev\": interface towards the peers, \"address\": this node's VTEP}; by "
		  "default what the routes to the peers and the node's own record say" },
	{ "mtu", CONF_INT, FIELD(iface.mtu), .min = 0, .max = 65535,
	  .dflt = "0: that of the routes to the peers less 50, or 70 over IPv6",
	  .help = "MTU of the overlay" },
	{ "directRouting", CONF_BOOL, FIELD(direct), .dflt = "false",
	  .help = "no encapsulation towards peers that are on the same link" },
	{ "fastPath", CONF_BOOL, FIELD(fast_path), .dflt = "false",
	  .help = "packets between containers pass by this host's netfilter and routing; those of "
		  "containers with published ports or limits do not" },
	FILTER_KEYS(FIELD(filter)),
	{ "ipam", CONF_OBJECT, FIELD(iface.ipam), .dflt = "host-local on the node's subnets",
	  .help = "IPAM configuration; host-local without ranges gets the node's subnets" },
	{ "dns", CONF_OBJECT, FIELD(iface.dns),
	  .help = "replaces the DNS settings of the IPAM plugin" },
	{ "store", CONF_OBJECT, FIELD(store),
	  .help = "{\"type\": \"etcd\"} or {\"type\": \"file\"}: hawser-overlayd knows the peers, "
		  "see its manual for further keys; {\"type\": \"evpn\"}: with mode \"l2\", a "
		  "routing daemon writes the forwarding "
		  "entries; {\"type\": \"flannel\", \"subnetFile\": \"/run/flannel/subnet.env\"}: "
		  "a "
		  "running flanneld knows the network and its peers, vni is 1 by default, port "
		  "8472, and mtu that of the file" },
	CONF_END
};

static const struct conf_key underlay_keys[] = { { "dev", CONF_STRING, FIELD(dev) },
						 { "address", CONF_STRING, FIELD(address) },
						 CONF_END };

void vxlan_conf_free(struct vxlan_conf *conf)
{
	overlay_peers_free(&conf->peers);
	overlay_state_free(&conf->st);
}

int vxlan_conf_read(const struct cni_call *call, struct vxlan_conf *conf, struct cni_err *err)
{
	int r;

	conf->port = 4789;
	r = conf_read(call->conf, "", vxlan_keys, conf, err);
	return r < 0 ? r : iface_ipam_type(&conf->iface, err);
}

/* What of the other keys a mode leaves room for. */
static int check_mode(struct vxlan_conf *conf, struct cni_err *err)
{
	struct overlay_state *st = &conf->st;

	st->l2 = conf->mode && strcmp(conf->mode, "l2") == 0;
	st->evpn = conf->evpn;
	if (conf->mode && !st->l2 && strcmp(conf->mode, "l3") != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mode\": unknown mode \"%.60s\" (\"l2\", \"l3\")", conf->mode);
	if (st->l2 && conf->direct)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"directRouting\": true: with \"mode\": \"l2\" nothing is routed "
				"between the nodes");
	if (st->evpn && !st->l2)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"store\": type \"evpn\" needs \"mode\": \"l2\"");
	if (st->l2 && conf->fast_path)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"fastPath\": true: with \"mode\": \"l2\" there is none");
	if (conf->vni == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"vni\" is missing: the number of the overlay network, 1 to "
				"16777215");
	return 0;
}

/* ---- nodes ---- */

int vxlan_conf_node(struct vxlan_conf *conf, struct cni_err *err)
{
	if (conf->node && *conf->node)
		return 0;
	if (gethostname(conf->host, sizeof(conf->host)) < 0 || !conf->host[0])
		return cni_fail(err, CNI_E_CONF, errno,
				"\"node\" is missing, and the host has no name");
	conf->host[sizeof(conf->host) - 1] = '\0';
	conf->node = conf->host;
	return 0;
}

static int find_own(struct vxlan_conf *conf, struct cni_err *err)
{
	char text[IP_STRLEN];

	conf->own = overlay_peers_find(&conf->peers, conf->node);
	if (!conf->own)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"node\": none of the %zu records is of this node, \"%.253s\"",
				conf->peers.n, conf->node);
	for (int i = 0; i < OVERLAY_FAMILIES; i++)
		if (conf->rules.network[i].ip.family && !conf->own->subnet[i].ip.family)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"subnet\": node \"%s\" has none in %s", conf->node,
					ip_net_str(&conf->rules.network[i], text));
	return 0;
}

/* This node's VTEP: "underlay.address" where a translator gives it another towards the others. */
static int read_local(struct vxlan_conf *conf, struct cni_err *err)
{
	struct overlay_state *st = &conf->st;

	st->local = conf->own->vtep;
	if (!conf->address || !*conf->address)
		return 0;
	if (ip_parse(conf->address, &st->local) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"underlay.address\": \"%.60s\" is no IP address", conf->address);
	if (st->local.family != conf->own->vtep.family)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"underlay.address\": %s is of another family than the \"vtep\" "
				"of node \"%s\"",
				conf->address, conf->node);
	return 0;
}

/*
 * A device sends over IPv4 or over IPv6. Peers of the other family cannot be reached: those of the
 * configuration are an error, the others are left out.
 */
static int check_families(struct vxlan_conf *conf, size_t n_array, struct cni_err *err)
{
	const char *v = conf->st.local.family == AF_INET ? "4" : "6";
	char text[IP_STRLEN];

	for (size_t i = 0; i < conf->peers.n; i++) {
		struct overlay_peer *p = &conf->peers.p[i];

		if (p->vtep.family == conf->st.local.family)
			continue;
		if (i < n_array)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"peers[%zu]\": \"vtep\": %s: the underlay of this node "
					"is IPv%s",
					i, ip_str(&p->vtep, text), v);
		log_warn("%.500s: node %s: refused: \"vtep\": %s: the underlay of this node is "
			 "IPv%s",
			 conf->peers_file, p->node, ip_str(&p->vtep, text), v);
		p->refused = true;
	}
	return 0;
}

static int read_peers(struct vxlan_conf *conf, struct cni_err *err)
{
	size_t n_array;
	int r = overlay_peers_array(&conf->peers, &conf->rules, conf->peers_array, "peers", err);

	n_array = conf->peers.n;
	if (r == 0 && !conf->peers_array && !(conf->peers_file && *conf->peers_file))
		r = cni_fail(err, CNI_E_CONF, 0,
			     "\"peers\" and \"peersFile\" are missing: the nodes of the overlay");
	if (r == 0 && conf->peers_file && *conf->peers_file)
		r = overlay_peers_file(&conf->peers, &conf->rules, conf->peers_file, err);
	if (r >= 0)
		r = find_own(conf, err);
	if (r == 0)
		r = read_local(conf, err);
	return r < 0 ? r : check_families(conf, n_array, err);
}

static void fill_state(const struct cni_call *call, struct vxlan_conf *conf)
{
	struct overlay_state *st = &conf->st;

	snprintf(st->network, sizeof(st->network), "%s", call->network);
	st->vni = (uint32_t)conf->vni;
	st->port = (uint16_t)conf->port;
	st->direct = conf->direct;
	memcpy(st->net, conf->rules.network, sizeof(st->net));
	memcpy(st->subnet, conf->own->subnet, sizeof(st->subnet));
	snprintf(st->node, sizeof(st->node), "%s", conf->node);
	overlay_state_set_peers(st, &conf->peers, conf->own);
	conf->site = (struct overlay_site){ .peers = &conf->peers,
					    .own = conf->own,
					    .local = st->local,
					    .dev = conf->dev,
					    .address = conf->address,
					    .mtu = (int)conf->iface.mtu,
					    .direct = conf->direct };
	memcpy(conf->site.network, st->net, sizeof(conf->site.network));
}

/* All that there is is in the configuration, or in the file that it names. */
static int read_static(const struct cni_call *call, struct vxlan_conf *conf, struct cni_err *err)
{
	int r = conf_read(conf->underlay, "underlay", underlay_keys, conf, err);

	if (r == 0)
		r = overlay_networks_read(conf_get(call->conf, "network"), conf->rules.network,
					  err);
	if (r == 0)
		r = vxlan_conf_node(conf, err);
	conf->rules.vni = (uint32_t)conf->vni;
	return r < 0 ? r : read_peers(conf, err);
}

int vxlan_conf_read_valid(const struct cni_call *call, struct vxlan_conf *conf, struct cni_err *err)
{
	int r = vxlan_conf_read(call, conf, err);

	if (r == 0 && conf->store)
		r = vxlan_store_read(call, conf, err);
	if (r >= 0)
		r = check_mode(conf, err);
	if (r == 0)
		r = filter_conf_check(&conf->filter, err);
	if (r == 0 && !conf->st.foreign && !conf->st.managed)
		r = read_static(call, conf, err);
	if (r < 0)
		return r;
	fill_state(call, conf);
	return 0;
}
