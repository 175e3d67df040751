/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vxlan: addresses for containers, by default of our host-local on the node's own subnets.
 *
 * IPAM sees a copy of the configuration. Where it names no plugin, or host-local without ranges, it
 * gets the subnets of the node's record, and default routes where there are no "routes".
 */
#include "plugins/vxlan_lease.h"

#include "cleanup.h"
#include "ipam.h"
#include "plugins/vxlan_l2.h"

#include <string.h>

#define DEFAULT_TYPE "host-local"

static void put_ranges(json_t *ipam, const struct overlay_peer *own)
{
	static const char *const everything[] = { "0.0.0.0/0", "::/0" };
	json_t *ranges = json_array(), *routes = json_array();
	char text[IP_STRLEN];

	for (int i = 0; i < OVERLAY_FAMILIES; i++) {
		if (!own->subnet[i].ip.family)
			continue;
		json_array_append_new(
			ranges, json_pack("[{s:s}]", "subnet", ip_net_str(&own->subnet[i], text)));
		json_array_append_new(routes, json_pack("{s:s}", "dst", everything[i]));
	}
	json_object_set_new(ipam, "ranges", ranges);
	if (conf_get(ipam, "routes"))
		json_decref(routes);
	else
		json_object_set_new(ipam, "routes", routes);
}

void vxlan_lease_open(const struct cni_call *call, const struct vxlan_conf *conf,
		      struct vxlan_lease *lease)
{
	json_t *ipam = conf->iface.ipam ? json_copy((json_t *)conf->iface.ipam) : json_object();
	json_t *copy = json_copy((json_t *)call->conf);

	if (!ipam || !copy)
		abort();
	lease->builtin = !conf->iface.ipam_type;
	lease->type = conf->iface.ipam_type ? conf->iface.ipam_type : DEFAULT_TYPE;
	if (lease->builtin)
		json_object_set_new(ipam, "type", json_string(DEFAULT_TYPE));
	if (conf->own && strcmp(lease->type, DEFAULT_TYPE) == 0 && !conf_get(ipam, "ranges") &&
	    !conf_get(ipam, "subnet"))
		put_ranges(ipam, conf->own);
	/* whatever its spelling was: the last one counts */
	json_object_del(copy, "ipam");
	json_object_set_new(copy, "ipam", ipam);
	lease->call = *call;
	lease->call.conf = copy;
}

void vxlan_lease_close(struct vxlan_lease *lease)
{
	json_decref((json_t *)lease->call.conf);
	lease->call.conf = NULL;
}

static const struct cni_plugin *builtin(void)
{
	for (int i = 0; ipam_builtins[i]; i++)
		if (strcmp(ipam_builtins[i]->name, DEFAULT_TYPE) == 0)
			return ipam_builtins[i];
	abort();
}

int vxlan_lease_verb(const struct vxlan_lease *lease, struct cni_err *err)
{
	const struct cni_plugin *ours = builtin();

	switch (lease->call.verb) {
	case CNI_DEL:
		return lease->builtin ? ours->del(&lease->call, err)
				      : ipam_del(&lease->call, lease->type, err);
	case CNI_CHECK:
		return lease->builtin ? ours->check(&lease->call, err)
				      : ipam_check(&lease->call, lease->type, err);
	case CNI_GC:
		return lease->builtin ? ours->gc(&lease->call, err)
				      : ipam_gc(&lease->call, lease->type, err);
	case CNI_STATUS:
		return lease->builtin ? ours->status(&lease->call, err)
				      : ipam_status(&lease->call, lease->type, err);
	case CNI_ADD:
	case CNI_VERSION_VERB:
		break;
	}
	return 0;
}

/* undo_fn: release the addresses of a failed ADD. */
static int undo_lease(const void *arg, struct cni_err *err)
{
	struct cni_call call = *(const struct cni_call *)arg;
	autolease struct vxlan_lease lease = { 0 };
	struct vxlan_conf conf = { 0 };
	int r = vxlan_conf_read(&call, &conf, err);

	if (r < 0)
		return r;
	call.verb = CNI_DEL;
	vxlan_lease_open(&call, &conf, &lease);
	return vxlan_lease_verb(&lease, err);
}

static int check_addresses(const struct cni_result *result, const struct vxlan_conf *conf,
			   struct cni_err *err)
{
	char text[IP_STRLEN];

	for (size_t i = 0; i < result->n_ips; i++) {
		const struct ip_addr *ip = &result->ips[i].address.ip;
		const struct ip_net *subnet = &conf->own->subnet[overlay_slot(ip)];

		if (!subnet->ip.family || !ip_net_contains(subnet, ip))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"ipam\": the address %s is not in a subnet of node "
					"\"%s\": no peer would find it",
					ip_str(ip, text), conf->node);
		if (ip_equal(&subnet->ip, ip))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"ipam\": the address %s is that of the node itself",
					ip_str(ip, text));
	}
	return 0;
}

int vxlan_lease_add(const struct vxlan_lease *lease, const struct cni_call *original,
		    const struct vxlan_conf *conf, struct cni_result *result, struct undo *undo,
		    struct cni_err *err)
{
	/* the copy does not live as long as the undo list: IPAM pushes nothing itself */
	int r = lease->builtin ? builtin()->add(&lease->call, result, NULL, err)
			       : ipam_add(&lease->call, lease->type, result, NULL, err);

	if (r < 0)
		return r;
	undo_push(undo, "addresses", undo_lease, original);
	if (result->n_ips == 0)
		return cni_fail(err, CNI_E_FAILED, 0,
				"IPAM plugin \"%s\" returned missing IP config", lease->type);
	return conf->st.l2 ? vxlan_l2_addresses(conf, result, err)
			   : check_addresses(result, conf, err);
}
