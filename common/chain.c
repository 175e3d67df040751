/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the plugins of a chain share that work on what an earlier plugin made. */
#include "chain.h"

#include "cleanup.h"
#include "log.h"

#include <string.h>

int chain_begin(const struct cni_call *call, struct cni_result *result, struct cni_err *err)
{
	if (!call->prev)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"prevResult\" is missing: %s must be called as a chained plugin",
				call->plugin);
	result_copy(result, call->prev);
	return 0;
}

const struct cni_ip *chain_address(const struct cni_call *call, size_t *i)
{
	const struct cni_result *prev = call->prev;

	while (prev && *i < prev->n_ips) {
		const struct cni_ip *ip = &prev->ips[(*i)++];
		const struct cni_iface *iface;

		if (ip->iface < 0 || (size_t)ip->iface >= prev->n_ifaces)
			return ip;
		iface = &prev->ifaces[ip->iface];
		if (*iface->sandbox && strcmp(iface->name, call->ifname) == 0)
			return ip;
	}
	return NULL;
}

const char *chain_host_interface(const struct cni_call *call)
{
	for (size_t i = 0; call->prev && i < call->prev->n_ifaces; i++)
		if (!*call->prev->ifaces[i].sandbox)
			return call->prev->ifaces[i].name;
	return NULL;
}

struct state_key chain_key(const struct cni_call *call)
{
	return (struct state_key){ call->network, call->container_id, call->ifname, call->plugin };
}

/* Whether a plugin of ours has a record of the container's interface in a network. */
static bool has_maker(const struct cni_call *call, const char *network)
{
	static const char *const makers[] = { "bridge", "ptp",	 "macvlan",	"ipvlan", "vlan",
					      "vxlan",	"dummy", "host-device", "tap" };

	for (size_t i = 0; i < ARRAY_SIZE(makers); i++) {
		struct state_key key = { network, call->container_id, call->ifname, makers[i] };

		if (state_exists(&key))
			return true;
	}
	return false;
}

bool chain_foreign(const struct cni_call *call)
{
	return !has_maker(call, call->network) && (call->prev || call->version < CNI_0_4_0);
}

bool chain_claimed(const struct cni_call *call)
{
	autodir DIR *root = opendir(STATE_ROOT);
	const struct dirent *e;

	while (root && (e = readdir(root)))
		if (e->d_name[0] != '.' && has_maker(call, e->d_name))
			return true;
	return false;
}

struct gc {
	const struct cni_call *call;
	int (*remove)(const struct state_key *key, const void *arg, struct cni_err *err);
	const void *arg;
	struct cni_err *err;
};

static int gc_one(const char *container_id, const char *ifname, void *arg)
{
	const struct gc *gc = arg;
	struct state_key key = { gc->call->network, container_id, ifname, gc->call->plugin };
	struct cni_err step = { 0 };
	int r;

	if (cni_valid_has(gc->call, container_id, ifname))
		return 0;
	log_trace("gc: %s %s is not valid any more", container_id, ifname);
	r = gc->remove(&key, gc->arg, &step);
	cni_err_merge(gc->err, &step);
	return r < 0 ? r : 0;
}

int chain_gc(const struct cni_call *call,
	     int (*remove)(const struct state_key *key, const void *arg, struct cni_err *err),
	     const void *arg, struct cni_err *err)
{
	struct gc gc = { call, remove, arg, err };
	int r;

	if (!call->have_valid) {
		log_warn("GC: no cni.dev/valid-attachments in the configuration: nothing is "
			 "removed");
		return 0;
	}
	r = state_each(call->network, call->plugin, gc_one, &gc);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "collect the attachments of network \"%s\"",
				call->network)
		     : 0;
}
