/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ipvlan: gives a container a link on an interface of the host, whose MAC it shares. child.h has
 * the theory of operation.
 *
 * In a chain it can work on what the plugin before it made: without "master" it takes the one
 * interface of prevResult, without "ipam" its addresses. In modes l3 and l3s the master routes, and
 * there are no neighbours.
 */
#include "cleanup.h"
#include "plugins/child.h"

#include <linux/if_link.h>

static const struct conf_key keys[] = {
	{ "master", CONF_STRING, CHILD_FIELD(master),
	  .dflt = "the interface of prevResult, or that of the default route",
	  .help = "interface that the link hangs on" },
	{ "mode", CONF_STRING, CHILD_FIELD(mode_name), .dflt = "l2",
	  .help = "\"l2\", \"l3\" or \"l3s\"" },
	{ "mtu", CONF_INT, CHILD_FIELD(iface.mtu), .min = 0, .max = 65535, .dflt = "the master's",
	  .help = "MTU of the link" },
	CHILD_KEY_IN_CONTAINER,
	{ "ipam", CONF_OBJECT, CHILD_FIELD(iface.ipam),
	  .help = "IPAM configuration; absent: the addresses of prevResult" },
	CHILD_KEY_DNS,
	CONF_END
};

static const char *const mode_names[] = { "l2", "l3", "l3s" };
static const int modes[] = { IPVLAN_MODE_L2, IPVLAN_MODE_L3, IPVLAN_MODE_L3S };

static void put_data(struct nlk *nl, struct nl_msg *m, const void *arg)
{
	nlk_put_u16(nl, m, IFLA_IPVLAN_MODE, (uint16_t)((const struct child_conf *)arg)->mode);
}

const struct child_kind child_kind = {
	.option = "CONFIG_IPVLAN",
	.keys = keys,
	.has_master = true,
	.needs_ipam = true,
	.chained = true,
	.lonely_from = IPVLAN_MODE_L3,
	.mode_names = mode_names,
	.modes = modes,
	.n_modes = ARRAY_SIZE(modes),
	.put_data = put_data,
};

static const struct cni_plugin ipvlan_plugin = {
	.name = "ipvlan",
	.about = "gives containers addresses of their own on an interface of the host",
	.keys = keys,
	CHILD_VERBS,
};

int main(int argc, char **argv)
{
	return cni_main(&ipvlan_plugin, argc, argv);
}
