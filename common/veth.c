/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The veth pair of an attachment: names derived from its owner, and removal that needs nothing
 * else. */
#include "veth.h"

#include "args.h"
#include "container.h"
#include "hash.h"
#include "log.h"

#include <errno.h>
#include <string.h>

void veth_ids(const char *network, const char *container_id, const char *ifname,
	      struct veth_ids *out)
{
	const char *owner[] = { network, container_id, ifname, NULL };

	memset(out, 0, sizeof(*out));
	snprintf(out->host_name, sizeof(out->host_name), "veth%08x",
		 (unsigned int)hash_strings(owner, 0));
	hash_mac(hash_strings(owner, 1), out->host_mac);
	hash_mac(hash_strings(owner, 2), out->peer_mac);
}

void veth_mac_of_ip(const struct ip_addr *ip, uint8_t mac[6])
{
	mac[0] = 0x0a;
	mac[1] = 0x58;
	memcpy(mac + 2, ip->b, 4);
}

static int remove_index(struct nlk *nl, const char *name, int index, bool wait, struct cni_err *err)
{
	int r = link_remove(nl, index, wait);

	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "delete link %s", name) : 0;
}

/* Return: 1 when our host end was there and is removed, 0 when it was not, or a negative errno. */
static int remove_derived(struct nlk *nl, const struct veth_ids *ids, bool wait,
			  struct cni_err *err)
{
	struct link_info info;
	int r = link_get(nl, ids->host_name, &info);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up link %s", ids->host_name);
	if (strcmp(info.kind, "veth") != 0 || memcmp(info.mac, ids->host_mac, 6) != 0) {
		log_trace("link %s is not ours: left alone", ids->host_name);
		return 0;
	}
	r = remove_index(nl, ids->host_name, info.index, wait, err);
	return r < 0 ? r : 1;
}

/* The host end that prevResult names, when kind and MAC are what it says. */
static int remove_previous(struct nlk *nl, const struct cni_call *call, bool wait,
			   struct cni_err *err)
{
	for (size_t i = 0; call->prev && i < call->prev->n_ifaces; i++) {
		const struct cni_iface *iface = &call->prev->ifaces[i];
		struct link_info info;
		uint8_t mac[6];

		if (*iface->sandbox || strncmp(iface->name, "veth", 4) != 0 ||
		    strlen(iface->name) >= IFNAMSIZ || mac_parse(iface->mac, mac) < 0)
			continue;
		if (link_get(nl, iface->name, &info) < 0 || strcmp(info.kind, "veth") != 0 ||
		    memcmp(info.mac, mac, 6) != 0)
			continue;
		return remove_index(nl, iface->name, info.index, wait, err);
	}
	return 0;
}

int veth_remove(const struct cni_call *call, const char *container_id, const char *ifname,
		bool wait, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct veth_ids ids;
	/* inside the container's namespace, as the Go plugins do */
	struct container_link inside = {
		.netns = call->netns, .name = ifname, .kind = "veth", .wait = wait
	};
	bool own = call->container_id && !strcmp(call->container_id, container_id);
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	veth_ids(call->network, container_id, ifname, &ids);
	r = remove_derived(&nl, &ids, wait, err);
	if (r == 0 && own && call->netns)
		r = container_remove_link(&inside, err);
	if (r == 0 && own)
		r = remove_previous(&nl, call, wait, err);
	return r < 0 ? r : 0;
}
