/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: the networks that the CNI configuration puts under its care. */
#ifndef HAWSER_OVERLAYD_NETCONF_H
#define HAWSER_OVERLAYD_NETCONF_H

#include "conf.h"
#include "error.h"
#include "overlay_peers.h"
#include "store.h"

/* One network: the vxlan plugin of a list, if it has a "store" that needs an agent. */
struct netconf {
	char network[256];
	json_t *plugin;	     /* owned: the plugin's object */
	const json_t *store; /* borrowed from it */
	const struct store_ops *ops;
	char node[OVERLAY_NODE_MAX];
	const char *dev, *address; /* of "underlay"; NULL: not given */
	const char *env_file;	   /* "subnetFile" of the store; NULL: not given */
};

/** netconf_free() - release what @conf owns, and zero it. */
void netconf_free(struct netconf *conf);

/**
 * netconf_load() - the configuration of a network
 * @dir: folder of network lists
 * @name: network
 * @conf: zeroed; filled when 1 is returned
 * @err: what is wrong with it
 *
 * Return: 1; 0: no agent is needed; or a negative errno.
 */
int netconf_load(const char *dir, const char *name, struct netconf *conf, struct cni_err *err);

/** netconf_equal() - Return: whether two are the same in all that matters to the agent. */
bool netconf_equal(const struct netconf *a, const struct netconf *b);

#endif
