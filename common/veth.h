/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The veth pair of an attachment: names derived from its owner, and removal that needs nothing
 * else. */
#ifndef HAWSER_VETH_H
#define HAWSER_VETH_H

#include "cni.h"
#include "link.h"

/*
 * Derived from (network, container id, interface name) alone, so that DEL and GC find the host end
 * with no record, no prevResult and no network namespace. The host end's MAC carries 46 further
 * bits of the hash: a link with the name but another MAC belongs to somebody else and is left
 * alone.
 */
struct veth_ids {
	char host_name[IFNAMSIZ]; /* "veth" + 8 hex digits, the form of the reference plugins */
	uint8_t host_mac[6];
	uint8_t peer_mac[6]; /* for containers without an IPv4 address; see veth_mac_of_ip() */
};

/**
 * veth_ids() - names and addresses of an attachment's veth pair
 * @network: network name
 * @container_id: container id
 * @ifname: interface name in the container
 * @out: filled
 */
void veth_ids(const char *network, const char *container_id, const char *ifname,
	      struct veth_ids *out);

/**
 * veth_mac_of_ip() - container MAC that follows its IPv4 address (0a:58 + address)
 * @ip: IPv4 address
 * @mac: six bytes
 *
 * When an address is given to another container, its neighbours' ARP entries stay right.
 */
void veth_mac_of_ip(const struct ip_addr *ip, uint8_t mac[6]);

/**
 * veth_remove() - remove an attachment's veth pair, however it was made
 * @call: gives the netns and prevResult, if the runtime sent any
 * @container_id: may differ from the call's (GC)
 * @ifname: same
 * @wait: wait for the kernel to release everything, instead of for its announcement
 * @err: filled on failure
 *
 * Looks for our derived name; failing that (an attachment made by the Go plugins), for @ifname in
 * the call's netns; failing that, for the host interface that prevResult names. Only veth links are
 * ever removed. Nothing found is success.
 *
 * Return: 0, or a negative errno.
 */
int veth_remove(const struct cni_call *call, const char *container_id, const char *ifname,
		bool wait, struct cni_err *err);

#endif
