/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * macvlan: gives a container a link of its own, with a MAC of its own, on an interface of the host.
 * child.h has the theory of operation.
 *
 * The MAC is the kernel's random one unless asked for: others on the network must be able to tell
 * containers apart, and DHCP needs it before there is an address. Addresses are announced
 * (arp_notify, ndisc_notify), because switches have to learn where the MAC is.
 */
#include "cleanup.h"
#include "plugins/child.h"

#include <linux/if_link.h>

static const struct conf_key keys[] = {
	{ "master", CONF_STRING, CHILD_FIELD(master), .dflt = "that of the default route",
	  .help = "interface that the link hangs on" },
	{ "mode", CONF_STRING, CHILD_FIELD(mode_name), .dflt = "bridge",
	  .help = "\"bridge\", \"private\", \"vepa\" or \"passthru\"" },
	{ "mtu", CONF_INT, CHILD_FIELD(iface.mtu), .min = 0, .max = 65535, .dflt = "the master's",
	  .help = "MTU of the link; at most the master's" },
	{ "mac", CONF_STRING, CHILD_FIELD(iface.mac_key), .help = "MAC of the link" },
	{ "bcqueuelen", CONF_INT, CHILD_FIELD(bc_queue), .min = 0, .max = UINT32_MAX,
	  .dflt = "0, the kernel's",
	  .help = "packets queued for broadcast and multicast of the master" },
	CHILD_KEY_IN_CONTAINER,
	{ "ipam", CONF_OBJECT, CHILD_FIELD(iface.ipam),
	  .help = "IPAM configuration; absent or type \"\": layer 2 only" },
	CHILD_KEY_DNS,
	{ "args.cni.mac", CONF_DOC, .help = "MAC of the link; beats mac and CNI_ARGS MAC=" },
	{ "runtimeConfig.mac", CONF_DOC, .help = "MAC of the link (capability mac); beats all" },
	CONF_END
};

static const char *const mode_names[] = { "bridge", "private", "vepa", "passthru" };
static const int modes[] = { MACVLAN_MODE_BRIDGE, MACVLAN_MODE_PRIVATE, MACVLAN_MODE_VEPA,
			     MACVLAN_MODE_PASSTHRU };

static void put_data(struct nlk *nl, struct nl_msg *m, const void *arg)
{
	const struct child_conf *conf = arg;

	nlk_put_u32(nl, m, IFLA_MACVLAN_MODE, (uint32_t)conf->mode);
	if (conf->bc_queue)
		nlk_put_u32(nl, m, IFLA_MACVLAN_BC_QUEUE_LEN, (uint32_t)conf->bc_queue);
}

const struct child_kind child_kind = {
	.option = "CONFIG_MACVLAN",
	.keys = keys,
	.has_master = true,
	.needs_master_up = true,
	.has_mac = true,
	.limits_mtu = true,
	.mode_names = mode_names,
	.modes = modes,
	.n_modes = ARRAY_SIZE(modes),
	.put_data = put_data,
};

static const struct cni_plugin macvlan_plugin = {
	.name = "macvlan",
	.about = "gives containers a MAC of their own on an interface of the host",
	.keys = keys,
	CHILD_VERBS,
};

int main(int argc, char **argv)
{
	return cni_main(&macvlan_plugin, argc, argv);
}
