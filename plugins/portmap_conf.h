/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the portmap plugin: its keys, and the port mappings as runs of ports. */
#ifndef HAWSER_PORTMAP_CONF_H
#define HAWSER_PORTMAP_CONF_H

#include "cni.h"
#include "ports.h"

enum portmap_backend { PORTMAP_AUTO, PORTMAP_NFTABLES, PORTMAP_IPTABLES };

/* One mapping as it was asked for. */
struct port_mapping {
	struct port_run run; /* container: family 0 as yet */
	int only;	     /* family it is restricted to by an unspecified hostIP, or 0 */
};

struct portmap_conf {
	bool snat, masq_all, check_host_ports;
	const char *backend_name, *set_mark_chain;
	int64_t mark_bit;
	const json_t *conditions4, *conditions6;
	/* worked out from the above */
	enum portmap_backend backend;
	struct port_mapping *mappings;
	size_t n_mappings;
};

/* The table of keys, for --help. */
extern const struct conf_key portmap_keys[];

/**
 * portmap_conf_read() - read the keys and the port mappings, and validate them
 * @call: the call
 * @conf: zeroed by the caller; release with portmap_conf_free()
 * @err: CNI_E_DECODE or CNI_E_CONF, naming key and value
 *
 * Mappings that continue each other are joined into runs. A port asked for twice is an error.
 *
 * Return: 0, or a negative errno.
 */
int portmap_conf_read(const struct cni_call *call, struct portmap_conf *conf, struct cni_err *err);

/** portmap_conf_free() - release what the configuration owns. */
void portmap_conf_free(struct portmap_conf *conf);

#endif
