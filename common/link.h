/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Links: looking one up, creating veth pairs and bridges in one message, bridge port settings. */
#ifndef HAWSER_LINK_H
#define HAWSER_LINK_H

#include "ip.h"
#include "nl.h"

#include <net/if.h>

/* What RTM_GETLINK says of one link. */
struct link_info {
	int index;
	char name[IFNAMSIZ];
	char kind[16];	    /* "veth", "bridge", ... or "" */
	unsigned int flags; /* IFF_* */
	int mtu;
	uint32_t tx_queue_len;
	int master;	/* ifindex, 0: none */
	int peer;	/* IFLA_LINK, 0: none; an ifindex of the peer's namespace */
	uint8_t mac[6]; /* zero unless hw_len is 6 */
	uint8_t hw[32]; /* hardware address, hw_len bytes (20 for InfiniBand) */
	uint8_t hw_len;
	char alias[256];    /* IFLA_IFALIAS, "": none */
	uint8_t operstate;  /* IF_OPER_* */
	int accept_ra;	    /* of IPv6, -1: not reported (IPv6 is off) */
	int vlan_filtering; /* bridges: 0, 1; -1: the kernel has no CONFIG_BRIDGE_VLAN_FILTERING */
	uint16_t default_pvid;		   /* bridges: the VLAN a new port is given, 0: none */
	uint32_t vrf_table;		   /* VRFs: their routing table */
	int hairpin, isolated;		   /* bridge ports: 0, 1; -1: no port */
	int port_learning, neigh_suppress; /* the same */
	int mode;	      /* macvlan, ipvlan: MACVLAN_MODE_* or IPVLAN_MODE_*; -1 else */
	int vlan;	      /* vlan: its id; -1 else */
	int bc_queue;	      /* macvlan: broadcast queue asked for; -1: not reported */
	uint32_t group;	      /* nftables' iifgroup and oifgroup */
	uint32_t vni;	      /* vxlan */
	uint16_t port;	      /* vxlan: UDP destination port */
	struct ip_addr local; /* vxlan: source address; family 0: none */
	int learning;	      /* vxlan: 0, 1; -1 else */
};

/* A veth pair. The host end is the "main" device of the message, the container end its peer. */
struct link_veth {
	const char *host_name;
	const char *peer_name;
	const uint8_t *host_mac, *peer_mac; /* six bytes each */
	int mtu;			    /* 0: the kernel's default */
	int master;			    /* ifindex of the bridge of the host end, 0: none */
	int netns_fd;			    /* where the peer is created, -1: here */
};

/**
 * link_get() - look one link up by name, without a dump
 * @nl: socket, nothing queued
 * @name: interface name
 * @out: untouched on failure
 *
 * Return: 0; -ENODEV: no such link; another negative errno.
 */
int link_get(struct nlk *nl, const char *name, struct link_info *out);

/** link_get_index() - link_get() by interface index. Return: as link_get(). */
int link_get_index(struct nlk *nl, int index, struct link_info *out);

/**
 * link_find() - the first link, by index, that a function accepts (a dump: not for hot paths)
 * @nl: socket, nothing queued
 * @match: whether it is the one
 * @arg: for @match
 * @out: untouched on failure
 *
 * Return: 0; -ENODEV: none; another negative errno.
 */
int link_find(struct nlk *nl, bool (*match)(const struct link_info *info, const void *arg),
	      const void *arg, struct link_info *out);

/** link_has_alias() - for link_find(): whether a link's IFLA_IFALIAS is @alias, a string. */
bool link_has_alias(const struct link_info *info, const void *alias);

#define LINK_HW_STRLEN (3 * 32)

/** link_hw_str() - "02:42:0a:01:00:02", "" for links without an address. Return: @buf. */
char *link_hw_str(const struct link_info *info, char buf[LINK_HW_STRLEN]);

/**
 * link_queue_move() - queue a link's move to another namespace, and its name and alias there
 * @nl: socket of the namespace the link is in
 * @index: link; moving sets it down and removes its addresses
 * @netns_fd: where to; -1: it stays and must be down for its new name
 * @name: of the link there, free there. If it is not, the link may have moved all the same
 * @alias: IFLA_IFALIAS; "" removes it
 *
 * The kernel renames after the move, so that nobody in the old namespace sees the new name.
 */
void link_queue_move(struct nlk *nl, int index, int netns_fd, const char *name, const char *alias);

/** link_queue_master() - queue making a link a port of another; 0: of none. */
void link_queue_master(struct nlk *nl, int index, int master);

/**
 * link_add_veth() - create a veth pair, both ends in their final namespaces, in one message
 * @nl: socket of the host's namespace, nothing queued
 * @veth: what to create; the host end is set up, the peer stays down (a peer cannot be up inside
 *        the message: veth_open() in drivers/net/veth.c answers ENOTCONN before the ends are tied)
 * @made: receives the host end as it was made; made->peer is the peer's index in its own namespace
 *
 * One queue per end: with more, the kernel registers num_possible_cpus() of them and shrinks to one
 * with a synchronize_net() each (veth_init_queues()).
 *
 * Return: 0; -EEXIST: one of the names is taken; another negative errno. Nothing is left on
 * failure.
 */
int link_add_veth(struct nlk *nl, const struct link_veth *veth, struct link_info *made);

/**
 * link_add_bridge() - create a bridge, down
 * @nl: socket, nothing queued
 * @name: interface name
 * @mac: address to pin, so that it does not follow the lowest port
 * @mtu: 0: the kernel's default
 * @vlan_filtering: switch VLAN filtering on; kernels without it ignore that silently (see
 * link_info)
 *
 * Return: 0; -EEXIST; another negative errno.
 */
int link_add_bridge(struct nlk *nl, const char *name, const uint8_t mac[6], int mtu,
		    bool vlan_filtering);

/**
 * link_add_ifb() - create an IFB device, up: what is sent to it comes back where it came from
 * @nl: socket, nothing queued
 * @name: interface name
 * @mac: its address
 * @mtu: its MTU
 * @tx_queue_len: packets that may wait in it
 * @made: receives the device
 *
 * Return: 0; -EEXIST: the name is taken; -EOPNOTSUPP: the kernel lacks CONFIG_IFB; another negative
 * errno.
 */
int link_add_ifb(struct nlk *nl, const char *name, const uint8_t mac[6], int mtu,
		 uint32_t tx_queue_len, struct link_info *made);

/* A link that hangs on another one, its master: macvlan, ipvlan, vlan; or on none: dummy. */
struct link_child {
	const char *kind;
	const char *name;
	int master;	    /* ifindex, in the namespace of the socket; 0: none */
	int netns_fd;	    /* where it is created, -1: in the namespace of the socket */
	int mtu;	    /* 0: the kernel's choice */
	uint32_t group;	    /* 0: the default one */
	const uint8_t *mac; /* six bytes, NULL: the kernel's choice */
	/* appends IFLA_INFO_DATA's attributes; NULL: the kind has none */
	void (*put_data)(struct nlk *nl, struct nl_msg *m, const void *arg);
	const void *arg;
};

/**
 * link_add_child() - create such a link, down, in its final namespace, in one message
 * @nl: socket of the master's namespace, nothing queued
 * @child: what to create
 *
 * Kernels before 6.13 refuse a name that is taken in the namespace of the socket, too.
 *
 * Return: 0; -EEXIST: the name is taken, or what the link stands for (the VLAN of the master);
 * -EOPNOTSUPP: the kernel lacks the kind; another negative errno.
 */
int link_add_child(struct nlk *nl, const struct link_child *child);

/** link_queue_rename() - queue another name for a link that is down. */
void link_queue_rename(struct nlk *nl, int index, const char *name);

/** link_queue_flags() - queue setting of IFF_* flags: bits of @mask take the value in @flags. */
void link_queue_flags(struct nlk *nl, const char *what, int index, unsigned int flags,
		      unsigned int mask);

/** link_queue_mac() - queue setting the MAC; its own pins a bridge's, which follows its ports else.
 */
void link_queue_mac(struct nlk *nl, int index, const uint8_t mac[6]);

/** link_queue_alias() - queue setting IFLA_IFALIAS and the group. */
void link_queue_alias(struct nlk *nl, int index, const char *alias, uint32_t group);

/** link_queue_group() - queue setting the group, which nftables calls iifgroup and oifgroup. */
void link_queue_group(struct nlk *nl, int index, uint32_t group);

/** link_queue_no_link_local() - queue that IPv6 makes no link-local address of the MAC. */
void link_queue_no_link_local(struct nlk *nl, int index);

/** link_queue_mtu() - queue setting the MTU. */
void link_queue_mtu(struct nlk *nl, int index, uint32_t mtu);

/** link_queue_tx_queue_len() - queue setting the length of the transmit queue, in packets. */
void link_queue_tx_queue_len(struct nlk *nl, int index, uint32_t len);

/** link_queue_arp_notify() - queue net.ipv4.conf.<if>.arp_notify = 1, by netlink. */
void link_queue_arp_notify(struct nlk *nl, int index);

/** link_queue_port() - queue hairpin mode and isolation of a bridge port. */
void link_queue_port(struct nlk *nl, int index, bool hairpin, bool isolated);

/**
 * link_queue_port_learning() - queue how a bridge port is to deal with MACs and neighbours
 * @nl: socket
 * @index: port
 * @learning: the bridge learns MACs from what comes from the port
 * @neigh_suppress: it answers for neighbours behind the port that the host knows, and sends neither
 *                  their solicitations nor gratuitous ARP to the port
 */
void link_queue_port_learning(struct nlk *nl, int index, bool learning, bool neigh_suppress);

/**
 * link_queue_vlan() - queue adding (or removing) a range of VLAN ids of a bridge port
 * @nl: socket
 * @index: port
 * @first: 1..4094
 * @last: first..4094
 * @access: PVID and untagged (one id only), else tagged
 * @add: add, else remove
 */
void link_queue_vlan(struct nlk *nl, int index, uint16_t first, uint16_t last, bool access,
		     bool add);

/** link_del() - delete a link and wait for everything. Return: 0, -ENODEV, or another negative
 * errno. */
int link_del(struct nlk *nl, int index);

/**
 * link_del_announced() - delete a link; return when the kernel announces that it is gone
 * @index: interface index in the current network namespace
 *
 * The request is sent by a child process that keeps no descriptor, session or working directory of
 * ours, because the sender sits in rcu_barrier() (netdev_run_todo(), net/core/dev.c) for ten times
 * as long as the removal itself takes. The RTM_DELLINK notification comes after the device left its
 * namespace and every user of it was told.
 *
 * Return: 0, -ENODEV, or another negative errno.
 */
int link_del_announced(int index);

/**
 * link_remove() - link_del() or link_del_announced(), of a link that may be gone already
 * @nl: socket, nothing queued
 * @index: interface index in the current network namespace
 * @wait: for everything
 *
 * Return: 0 when it is gone, or a negative errno.
 */
int link_remove(struct nlk *nl, int index, bool wait);

/**
 * link_count_ports() - number of ports of a bridge (a dump filtered by the kernel; not for hot
 * paths)
 * @nl: socket, nothing queued
 * @bridge: ifindex
 *
 * Return: number of ports, or a negative errno.
 */
int link_count_ports(struct nlk *nl, int bridge);

/**
 * link_wait_running() - wait until a link's operational state is up
 * @nl: socket, nothing queued
 * @index: link
 * @timeout_ms: deadline
 *
 * RTM_GETLINK flushes pending carrier work in current kernels, so the first look normally suffices;
 * otherwise the kernel's notifications are awaited, never a fixed delay.
 *
 * Return: 0; -ETIMEDOUT; another negative errno.
 */
int link_wait_running(struct nlk *nl, int index, int timeout_ms);

#endif
