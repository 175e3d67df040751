/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Keys that the plugin vxlan and the node agent both read. */
#include "overlay_conf.h"

#include "conf.h"
#include "overlay_peers.h"

static int read_network(const char *text, struct ip_net net[2], struct cni_err *err)
{
	struct ip_net one, whole;
	char canonical[IP_STRLEN];
	int slot;

	if (ip_net_parse(text, &one) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"network\": \"%.60s\" is no prefix (such as 10.5.0.0/16)", text);
	whole = ip_network(&one);
	slot = overlay_slot(&one.ip);
	if (!ip_equal(&whole.ip, &one.ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"network\": %s has host bits; %s is meant?",
				text, ip_net_str(&whole, canonical));
	if (one.len == 0 || ip_is_multicast(&one.ip) || ip_is_loopback(&one.ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"network\": %s cannot be a network's", text);
	if (net[slot].ip.family)
		return cni_fail(err, CNI_E_CONF, 0, "\"network\": %s is the second of its family",
				text);
	net[slot] = one;
	return 0;
}

int overlay_networks_read(const json_t *value, struct ip_net net[2], struct cni_err *err)
{
	const json_t *item;
	char text[80];
	size_t i;
	int r = 0;

	if (json_is_string(value))
		return read_network(json_string_value(value), net, err);
	if (value && !json_is_array(value))
		return cni_fail(err, CNI_E_DECODE, 0,
				"\"network\": expected a string or an array of strings, not %s",
				conf_text(value, text, sizeof(text)));
	if (json_array_size(value) == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"network\" is missing: the prefix of all nodes' containers");
	json_array_foreach (value, i, item) {
		if (!json_is_string(item))
			return cni_fail(err, CNI_E_DECODE, 0,
					"\"network\": expected a string, not %s",
					conf_text(item, text, sizeof(text)));
		r = read_network(json_string_value(item), net, err);
		if (r < 0)
			return r;
	}
	return 0;
}
