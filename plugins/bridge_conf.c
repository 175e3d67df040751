/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the bridge plugin: its keys, what they mean together, what is refused. */
#include "bridge_conf.h"

#include "args.h"
#include "cleanup.h"

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
	{ "ipMasq", CONF_BOOL, FIELD(ip_masq), .dflt = "false",
	  .help = "give traffic that leaves the subnet the host's address" },
	{ "ipMasqBackend", CONF_STRING, FIELD(ip_masq_backend),
	  .dflt = "nftables, or iptables where the kernel lacks it",
	  .help = "\"nftables\" or \"iptables\"" },
	{ "mtu", CONF_INT, FIELD(mtu), .min = 0, .max = 65535, .dflt = "0, the kernel's",
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
	{ "macspoofchk", CONF_BOOL, FIELD(macspoofchk), .dflt = "false",
	  .help = "drop frames from the container with another source MAC" },
	{ "antispoof", CONF_BOOL, FIELD(antispoof), .dflt = "false",
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
	{ "ipam", CONF_OBJECT, FIELD(ipam),
	  .help = "IPAM configuration; absent or type \"\": layer 2 only" },
	{ "dns", CONF_OBJECT, FIELD(dns), .help = "replaces the DNS settings of the IPAM plugin" },
	{ "args.cni.mac", CONF_DOC, .help = "MAC of the container's end; beats CNI_ARGS MAC=" },
	{ "runtimeConfig.mac", CONF_DOC,
	  .help = "MAC of the container's end (capability mac); beats both" },
	CONF_END
};

/* The MAC from its three sources; a later one wins. */
static int read_mac(const struct cni_call *call, struct bridge_conf *conf, struct cni_err *err)
{
	const char *arg = NULL;
	const struct args_pair known[] = { { "MAC", &arg },
					   { "IP", &(const char *){ NULL } },
					   { "GATEWAY", &(const char *){ NULL } },
					   { NULL, NULL } };
	struct args_list list = { 0 };
	struct {
		const char *key;
		const json_t *value;
	} sources[] = { { "args.cni.mac", conf_get_path(call->conf, "args.cni.mac") },
			{ "runtimeConfig.mac", conf_get_path(call->conf, "runtimeConfig.mac") } };
	int r = args_parse(call->args, known, &list, err);

	if (r == 0 && arg && *arg) {
		conf->have_mac = true;
		if (mac_parse(arg, conf->mac) < 0)
			r = cni_fail(err, CNI_E_ENV, 0,
				     "CNI_ARGS: MAC \"%.60s\" is not a MAC address", arg);
	}
	args_free(&list);
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(sources); i++) {
		const char *text = json_string_value(sources[i].value);

		if (!sources[i].value || (text && !*text))
			continue;
		if (!text || mac_parse(text, conf->mac) < 0)
			return cni_fail(err, text ? CNI_E_CONF : CNI_E_DECODE, 0,
					"\"%s\": \"%.60s\" is not a MAC address", sources[i].key,
					text ? text : "");
		conf->have_mac = true;
	}
	return r;
}

static int check_masq_backend(struct bridge_conf *conf, struct cni_err *err)
{
	const char *backend = conf->ip_masq_backend;

	if (backend && !*backend)
		conf->ip_masq_backend = NULL;
	else if (backend && strcmp(backend, "nftables") != 0 && strcmp(backend, "iptables") != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"ipMasqBackend\": unknown ipmasq backend \"%.60s\" "
				"(\"nftables\" or \"iptables\")",
				backend);
	return 0;
}

static int read_ipam_type(struct bridge_conf *conf, struct cni_err *err)
{
	const json_t *type = conf_get(conf->ipam, "type");

	if (type && !json_is_string(type))
		return cni_fail(err, CNI_E_DECODE, 0, "\"ipam.type\": expected a string");
	if (type && *json_string_value(type))
		conf->ipam_type = json_string_value(type);
	return 0;
}

int bridge_conf_read(const struct cni_call *call, struct bridge_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", bridge_keys, conf, err);

	if (r < 0)
		return r;
	if (!conf->bridge || !*conf->bridge)
		conf->bridge = "cni0";
	return read_ipam_type(conf, err);
}

int bridge_conf_validate(const struct cni_call *call, struct bridge_conf *conf, struct cni_err *err)
{
	int r = check_masq_backend(conf, err);

	if (r == 0)
		r = args_check_ifname(conf->bridge, CNI_E_CONF, "bridge", err);
	if (r == 0)
		r = vlan_set_read(conf->vlan, conf->vlan_trunk, &conf->vlans, err);
	if (r == 0)
		r = read_mac(call, conf, err);
	if (r < 0)
		return r;
	conf->is_gateway |= conf->is_default_gateway;
	if (conf->hairpin && conf->promisc)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"hairpinMode\" and \"promiscMode\" cannot both be true");
	if (conf->disable_container_interface && conf->ipam_type)
		return cni_fail(
			err, CNI_E_CONF, 0,
			"\"disableContainerInterface\": true excludes \"ipam.type\": \"%.60s\"",
			conf->ipam_type);
	return 0;
}
