/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * flannel's data to the letter: the network's configuration and the nodes' leases, which are etcd
 * values, and subnet.env, which flanneld leaves on its node. All is read as hostile input.
 *
 * What comes in pairs is IPv4 at [0] and IPv6 at [1], as in overlay_peers.h; family 0: none.
 */
#ifndef HAWSER_FLANNEL_H
#define HAWSER_FLANNEL_H

#include "error.h"
#include "ip.h"

#include <stddef.h>

#define FLANNEL_KEY_MAX	  128	      /* a key's last part, with its NUL */
#define FLANNEL_VALUE_MAX (64u << 10) /* bytes of a value or file; what is longer is refused */
#define FLANNEL_BACKEND	  "vxlan"     /* BackendType of the leases that can be used */

/* <prefix>/config: the same for all nodes, written by the operator. */
struct flannel_config {
	struct ip_net network[2];
	uint8_t subnet_len[2];	       /* of a node's subnet */
	struct ip_addr min[2], max[2]; /* first and last subnet that may be given out */
	uint32_t vni;
	uint16_t port;
	int mtu;     /* 0: by the underlay */
	bool direct; /* "DirectRouting" */
	bool learning, gbp;
};

/* <prefix>/subnets/<key>: a node's subnets, and how they are reached. */
struct flannel_lease {
	struct ip_net subnet[2]; /* from the key */
	struct ip_addr vtep[2];	 /* "PublicIP", "PublicIPv6"; family 0: null, absent, or 0.0.0.0 */
	/* "BackendData", "BackendV6Data" */
	bool has_data[2];
	uint32_t vni[2]; /* 16 bits of it: flannel_vni_fits() */
	uint8_t mac[2][6];
	char backend[32]; /* "BackendType"; of others than FLANNEL_BACKEND nothing else is read */
};

/* subnet.env. Subnets have the first usable address: 10.5.26.1/24. */
struct flannel_env {
	struct ip_net network[2], subnet[2];
	int mtu;
	bool ipmasq; /* flanneld masquerades what leaves the network */
};

/**
 * flannel_config_parse() - the value of <prefix>/config, with flannel's defaults
 * @text: JSON; names of keys in any case, as Go decodes them
 * @out: untouched on failure
 * @err: CNI_E_DECODE: no JSON, or a wrong type; CNI_E_CONF: a value out of range, which is named
 *
 * Refused is any backend but vxlan, and what flanneld takes but no node can use.
 *
 * Return: 0, or a negative errno.
 */
int flannel_config_parse(const char *text, struct flannel_config *out, struct cni_err *err);

/**
 * flannel_key_parse() - the subnets that a lease's key stands for
 * @key: its last part: "10.5.26.0-24", "10.5.35.0-24&fc00:5:0:5::-64"; of a node without IPv4
 *       "0.0.0.0-0&fc00:5:0:5::-64"
 * @subnet: without host bits; untouched on failure
 *
 * Return: 0, or -EINVAL.
 */
int flannel_key_parse(const char *key, struct ip_net subnet[2]);

/** flannel_key() - the opposite. @subnet: at least one. Return: @key. */
char *flannel_key(const struct ip_net subnet[2], char key[FLANNEL_KEY_MAX]);

/**
 * flannel_lease_parse() - a node's lease
 * @key: last part of its key
 * @value: JSON
 * @out: untouched on failure
 * @err: CNI_E_DECODE, CNI_E_CONF; names key and value
 *
 * A lease of another backend, or a reservation that names none, is read up to the VTEPs. One of
 * vxlan has for each subnet both VTEP and MAC or none of them, and for at least one both.
 *
 * Return: 0, or a negative errno.
 */
int flannel_lease_parse(const char *key, const char *value, struct flannel_lease *out,
			struct cni_err *err);

/**
 * flannel_lease_check() - whether a lease can be one of a network
 * @config: of the network
 * @lease: read by flannel_lease_parse()
 * @err: CNI_E_CONF: a subnet outside the network, a VTEP inside it, another VNI
 *
 * Return: 0, or a negative errno.
 */
int flannel_lease_check(const struct flannel_config *config, const struct flannel_lease *lease,
			struct cni_err *err);

/**
 * flannel_lease_value() - a lease's value, byte for byte as flanneld writes it
 * @lease: its backend is a word, such as FLANNEL_BACKEND
 *
 * Return: owned by the caller.
 */
char *flannel_lease_value(const struct flannel_lease *lease);

/**
 * flannel_vni_fits() - whether a lease's VNI is that of the network
 * @lease: 16 bits are all that flanneld publishes, and it can read no more; its early versions
 *         published none, which is 0
 * @network: VNI of the network
 */
static inline bool flannel_vni_fits(uint32_t lease, uint32_t network)
{
	return lease == 0 || lease == (network & 0xffff);
}

#define FLANNEL_DEVICE_MAX 16 /* IFNAMSIZ */

/**
 * flannel_device_name() - flanneld's device: "flannel.1", and for IPv6 "flannel-v6.1"
 * @name: receives it, zeros behind it; cut where the kernel takes no such name
 *
 * Return: @name.
 */
char *flannel_device_name(uint32_t vni, bool v6, char name[FLANNEL_DEVICE_MAX]);

/**
 * flannel_env_parse() - subnet.env
 * @text: a NAME=VALUE on each line; names that are not known are ignored
 * @out: untouched on failure
 * @err: CNI_E_DECODE: a line of another form; CNI_E_CONF: names key and value
 *
 * Return: 0, or a negative errno.
 */
int flannel_env_parse(const char *text, struct flannel_env *out, struct cni_err *err);

/** flannel_env_text() - the opposite, byte for byte as flanneld writes it. Return: the caller's. */
char *flannel_env_text(const struct flannel_env *env);

/**
 * flannel_pick() - choose a free subnet as flanneld does: at random among the first hundred
 * @config: the network
 * @slot: 0 for IPv4, 1 for IPv6; @config has that family
 * @taken: subnets in use, in any order; those of the other family, and of none, do not count
 * @n: how many
 * @prefer: NULL, family 0, or the one to take if it is free and @config allows it
 * @random: a number
 * @out: untouched on failure
 *
 * Costs a sort of @taken, however large the network is.
 *
 * Return: 0, or -ENOSPC.
 */
int flannel_pick(const struct flannel_config *config, int slot, const struct ip_net *taken,
		 size_t n, const struct ip_net *prefer, uint32_t random, struct ip_net *out);

#endif
