/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What macvlan, ipvlan, vlan and dummy share: all of their verbs. Each executable says what is
 * different about it in a struct child_kind.
 *
 * Theory of operation. After ADD there is
 *   - in the container: one link of the plugin's kind under CNI_IFNAME, up, with the addresses and
 *     routes that IPAM gave. It hangs on a master: an interface of the host, or with
 *     linkInContainer one of the container (dummy has none);
 *   - on the host: nothing but an attachment record, and IPAM's lease.
 *
 * ADD makes its lasting effects in the order record, link, lease, so that IPAM plugins that talk to
 * the network (dhcp) find the link; each is in the undo list before the next can fail. The link is
 * made in its final namespace by one message. Kernels before 6.13 refuse a name that the host has,
 * too, as "eth0" often is: then the link is made under a derived name and renamed.
 *
 * Nothing of the host leads to a link inside a container. So DEL, GC and rollback, child_remove(),
 * look for it where the runtime says and where the record says: path and identity of the namespace
 * are written before the link is made. They are written again with the addresses, for "hawser
 * list".
 */
#ifndef HAWSER_CHILD_H
#define HAWSER_CHILD_H

#include "link.h"
#include "plugins/iface.h"

/* The configuration: the keys of all four plugins. */
struct child_conf {
	struct iface_conf iface;
	const char *master; /* NULL: worked out */
	const char *mode_name;
	bool in_container; /* the master */
	int64_t vlan;	   /* 0: none */
	int64_t bc_queue;  /* 0: the kernel's */
	int mode;	   /* worked out: MACVLAN_MODE_* or IPVLAN_MODE_* */
};

/* Rows of the tables of keys that all plugins with a master have. */
#define CHILD_FIELD(f) offsetof(struct child_conf, f)
#define CHILD_KEY_IN_CONTAINER                                                                     \
	{                                                                                          \
		"linkInContainer", CONF_BOOL, CHILD_FIELD(in_container),                           \
			.dflt = "false", .help = "the master is an interface of the container"     \
	}
#define CHILD_KEY_DNS                                                                              \
	{                                                                                          \
		"dns", CONF_OBJECT, CHILD_FIELD(iface.dns),                                        \
			.help = "replaces the DNS settings of the IPAM plugin"                     \
	}

/* What is different about a plugin. Its name is the kernel's name of the kind. */
struct child_kind {
	const char *option; /* of the kernel's configuration */
	const struct conf_key *keys;
	bool has_master;
	bool needs_master;    /* the key: there is no default */
	bool needs_master_up; /* the kernel refuses to set the link up else */
	bool needs_ipam;
	bool has_mac;	 /* the MAC can be asked for */
	bool limits_mtu; /* to the master's */
	bool chained;	 /* takes master and addresses from prevResult when it is not told any */
	bool is_vlan;	 /* vlanId is needed */
	bool lonely;	 /* it has no neighbours: nothing to announce, no duplicates */
	int lonely_from; /* the same for modes from this one on; 0: for none */
	const char *const *mode_names; /* the first is the default; NULL: no modes */
	const int *modes;
	size_t n_modes;
	void (*put_data)(struct nlk *nl, struct nl_msg *m, const void *conf); /* or NULL */
};

/* The executable's own. */
extern const struct child_kind child_kind;

/* The verbs, for the executable's struct cni_plugin. */
int child_add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	      struct cni_err *err);
int child_del(const struct cni_call *call, struct cni_err *err);
int child_check(const struct cni_call *call, struct cni_err *err);
int child_gc(const struct cni_call *call, struct cni_err *err);
int child_status(const struct cni_call *call, struct cni_err *err);

#define CHILD_VERBS                                                                                \
	.oldest = CNI_0_1_0, .add = child_add, .del = child_del, .check = child_check,             \
	.gc = child_gc, .status = child_status

#endif
