/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the bridge plugin: its keys, what they mean together, what is refused. */
#ifndef HAWSER_BRIDGE_CONF_H
#define HAWSER_BRIDGE_CONF_H

#include "cni.h"
#include "plugins/bridge_dev.h"
#include "plugins/filter.h"
#include "plugins/iface.h"

/* The configuration, as the table of keys below reads it. */
struct bridge_conf {
	const char *bridge;
	bool is_gateway, is_default_gateway, force_address;
	struct filter_conf filter;
	struct iface_conf iface;
	bool hairpin, promisc;
	int64_t vlan;
	const json_t *vlan_trunk;
	bool preserve_default_vlan;
	bool dad, disable_container_interface, isolated;
	bool wait_for_release;
	struct vlan_set vlans; /* worked out from the above */
};

/* The table of keys, for --help. */
extern const struct conf_key bridge_keys[];

/**
 * bridge_conf_read() - read the keys, without asking whether they make sense together
 * @call: any verb's call
 * @conf: zeroed by the caller; strings and objects are borrowed from the call
 * @err: CNI_E_DECODE or CNI_E_CONF, naming key and value
 *
 * All that DEL and GC need: an attachment must be removable whatever its configuration has become.
 *
 * Return: 0, or a negative errno.
 */
int bridge_conf_read(const struct cni_call *call, struct bridge_conf *conf, struct cni_err *err);

/**
 * bridge_conf_validate() - what ADD, CHECK and STATUS need beyond that
 * @call: the call
 * @conf: of bridge_conf_read(); MAC and VLANs are worked out, isDefaultGateway implies isGateway
 * @err: CNI_E_CONF; CNI_E_ENV for CNI_ARGS
 *
 * Return: 0, or a negative errno.
 */
int bridge_conf_validate(const struct cni_call *call, struct bridge_conf *conf,
			 struct cni_err *err);

#endif
