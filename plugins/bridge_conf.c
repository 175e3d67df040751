/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the bridge plugin: its keys, what they mean together, what is refused. */
#include "bridge_conf.h"

#include "args.h"

#define FIELD(f) offsetof(struct bridge_conf, f)

const struct conf_key bridge_keys[] = {
	{ "bridge", CONF_STRING, FIELD(bridge), .dflt = "cni0",
	  .help = "name of the bridge; created when missing" },
	{ "isGateway", CONF_BOOL, FIELD(is_gateway), .dflt = "false",
	  .help = "give the bridge the gateway address and forward" },
	{ "isDefaultGateway", CONF_BOOL, FIELD(is_default_gateway), .dflt = "false",
	  .help = "isGateway, and a default route through it" },
	{ "forceAddress", CONF_BOOL, FIELD(force_address), .dflt = "false",
	  .help = "replace a different address of the bridge" },
	FILTER_KEYS(FIELD(filter)),
	{ "mtu", CONF_INT, FIELD(iface.mtu), .min = 0, .max = 65535, .dflt = "0, the kernel's",
	  .help = "MTU of a new bridge and of the veth pair" },
	{ "hairpinMode", CONF_BOOL, FIELD(hairpin), .dflt = "false",
	  .help = "let frames leave through the port they came from" },
	{ "promiscMode", CONF_BOOL, FIELD(promisc), .dflt = "false",
	  .help = "set the bridge promiscuous; excludes hairpinMode" },
	{ "vlan", CONF_INT, FIELD(vlan), .min = 0, .max = 4094, .dflt = "0, none",
	  .help = "VLAN of the port: PVID and untagged" },
	{ "vlanTrunk", CONF_ARRAY, FIELD(vlan_trunk),
	  .help = "tagged VLANs of the port: [{\"id\": 5}, {\"minID\": 10, \"maxID\": 20}]" },
	{ "preserveDefaultVlan", CONF_BOOL, FIELD(preserve_default_vlan), .dflt = "false",
	  .help = "keep the port's default VLAN beside vlan and vlanTrunk" },
	{ "macspoofchk", CONF_BOOL, FIELD(filter.macspoofchk), .dflt = "false",
	  .help = "drop frames from the container with another source MAC" },
	{ "antispoof", CONF_BOOL, FIELD(filter.antispoof), .dflt = "false",
	  .help = "macspoofchk, and drop ARP, IPv4 and IPv6 with other source addresses, router "
		  "advertisements and DHCP server messages" },
	{ "enabledad", CONF_BOOL, FIELD(dad), .dflt = "false",
	  .help = "IPv6 duplicate address detection in the container" },
	{ "disableContainerInterface", CONF_BOOL, FIELD(disable_container_interface),
	  .dflt = "false", .help = "leave the container's end down; excludes ipam" },
	{ "portIsolation", CONF_BOOL, FIELD(isolated), .dflt = "false",
	  .help = "isolate the port from other isolated ports" },
	{ "waitForRelease", CONF_BOOL, FIELD(wait_for_release), .dflt = "false",
	  .help = "DEL waits for the kernel's RCU barrier, too" },
	{ "ipam", CONF_OBJECT, FIELD(iface.ipam),
	  .help = "IPAM configuration; absent or type \"\": layer 2 only" },
	{ "dns", CONF_OBJECT, FIELD(iface.dns),
	  .help = "replaces the DNS settings of the IPAM plugin" },
	{ "args.cni.mac", CONF_DOC, .help = "MAC of the container's end; beats CNI_ARGS MAC=" },
	{ "runtimeConfig.mac", CONF_DOC,
	  .help = "MAC of the container's end (capability mac); beats both" },
	CONF_END
};

int bridge_conf_read(const struct cni_call *call, struct bridge_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", bridge_keys, conf, err);

	if (r < 0)
		return r;
	if (!conf->bridge || !*conf->bridge)
		conf->bridge = "cni0";
	return iface_ipam_type(&conf->iface, err);
}

int bridge_conf_validate(const struct cni_call *call, struct bridge_conf *conf, struct cni_err *err)
{
	int r = filter_conf_check(&conf->filter, err);

	if (r == 0)
		r = args_check_ifname(conf->bridge, CNI_E_CONF, "bridge", err);
	if (r == 0)
		r = vlan_set_read(conf->vlan, conf->vlan_trunk, &conf->vlans, err);
	if (r == 0)
		r = iface_read_mac(call, &conf->iface, err);
	if (r < 0)
		return r;
	conf->is_gateway |= conf->is_default_gateway;
	if (conf->hairpin && conf->promisc)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"hairpinMode\" and \"promiscMode\" cannot both be true");
	if (conf->disable_container_interface && conf->iface.ipam_type)
		return cni_fail(
			err, CNI_E_CONF, 0,
			"\"disableContainerInterface\": true excludes \"ipam.type\": \"%.60s\"",
			conf->iface.ipam_type);
	return 0;
}
