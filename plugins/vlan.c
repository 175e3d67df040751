/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vlan: gives a container one VLAN of an interface of the host. child.h has the theory of
 * operation.
 *
 * The kernel allows one link for each VLAN of a master, wherever it is: a second container gets an
 * error that says so.
 */
#include "plugins/child.h"

#include <linux/if_link.h>

static const struct conf_key keys[] = {
	{ "master", CONF_STRING, CHILD_FIELD(master), .help = "interface that carries the VLAN" },
	{ "vlanId", CONF_INT, CHILD_FIELD(vlan), .min = 1, .max = 4094, .help = "the VLAN's id" },
	{ "mtu", CONF_INT, CHILD_FIELD(iface.mtu), .min = 0, .max = 65535, .dflt = "the master's",
	  .help = "MTU of the link; at most the master's" },
	CHILD_KEY_IN_CONTAINER,
	{ "ipam", CONF_OBJECT, CHILD_FIELD(iface.ipam), .help = "IPAM configuration" },
	CHILD_KEY_DNS,
	CONF_END
};

static void put_data(struct nlk *nl, struct nl_msg *m, const void *arg)
{
	nlk_put_u16(nl, m, IFLA_VLAN_ID, (uint16_t)((const struct child_conf *)arg)->vlan);
}

const struct child_kind child_kind = {
	.option = "CONFIG_VLAN_8021Q",
	.keys = keys,
	.has_master = true,
	.needs_master = true,
	.needs_master_up = true,
	.needs_ipam = true,
	.limits_mtu = true,
	.is_vlan = true,
	.put_data = put_data,
};

static const struct cni_plugin vlan_plugin = {
	.name = "vlan",
	.about = "gives containers a VLAN of an interface of the host",
	.keys = keys,
	CHILD_VERBS,
};

int main(int argc, char **argv)
{
	return cni_main(&vlan_plugin, argc, argv);
}
