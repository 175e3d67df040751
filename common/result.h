/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one internal result, shaped like the specification 1.1.0; version.h knows the older shapes.
 */
#ifndef HAWSER_RESULT_H
#define HAWSER_RESULT_H

#include "error.h"
#include "ip.h"

#include <jansson.h>
#include <stdbool.h>
#include <stdint.h>

struct cni_iface {
	char *name;
	char *mac;		    /* "" when unknown */
	int64_t mtu;		    /* 0: not reported */
	char *sandbox;		    /* "" for an interface of the host */
	char *socket_path, *pci_id; /* "" when absent */
};

struct cni_ip {
	int iface; /* index into interfaces, -1: none */
	struct ip_net address;
	struct ip_addr gateway; /* family 0: none */
};

struct cni_route {
	struct ip_net dst;
	struct ip_addr gw;	       /* family 0: none */
	int64_t mtu, advmss, priority; /* 0: not given */
	int64_t table, scope;	       /* -1: not given */
};

struct cni_dns {
	json_t *nameservers; /* owned arrays of strings; NULL: absent */
	char *domain;	     /* owned; NULL: absent */
	json_t *search, *options;
};

/* Owns everything it points to. A zeroed structure is an empty result. */
struct cni_result {
	struct cni_iface *ifaces;
	struct cni_ip *ips;
	struct cni_route *routes;
	size_t n_ifaces, n_ips, n_routes;
	struct cni_dns dns;
};

/** result_free() - release what @res owns and zero it. */
void result_free(struct cni_result *res);

/**
 * result_add_iface() - append an interface
 * @res: the result
 * @name: copied
 * @mac: copied; NULL: unknown
 * @mtu: 0: not reported
 * @sandbox: copied; NULL: an interface of the host
 *
 * Return: index of the interface.
 */
int result_add_iface(struct cni_result *res, const char *name, const char *mac, int64_t mtu,
		     const char *sandbox);

/** result_add_ip() - append a copy of @ip. */
void result_add_ip(struct cni_result *res, const struct cni_ip *ip);

/** result_add_route() - append a copy of @route. */
void result_add_route(struct cni_result *res, const struct cni_route *route);

/** result_copy() - Return: deep copy of @from in @to, which must be empty. */
void result_copy(struct cni_result *to, const struct cni_result *from);

/**
 * dns_read() - read a {nameservers, domain, search, options} object
 * @obj: JSON object, NULL reads as {}
 * @path: of the object, for errors
 * @out: what it held is released
 * @err: CNI_E_DECODE for wrong types
 *
 * Return: 0, or a negative errno.
 */
int dns_read(const json_t *obj, const char *path, struct cni_dns *out, struct cni_err *err);

/** dns_free() - release what @dns owns and zero it. */
void dns_free(struct cni_dns *dns);

/**
 * route_read() - read one {dst, gw, mtu, advmss, priority, table, scope} object
 * @obj: JSON value
 * @path: of the value, for errors ("ipam.routes[0]")
 * @out: untouched on failure
 * @err: CNI_E_DECODE for wrong types, CNI_E_CONF for bad values; names key and value
 *
 * Return: 0, or a negative errno.
 */
int route_read(const json_t *obj, const char *path, struct cni_route *out, struct cni_err *err);

/**
 * routes_read() - read an array of routes and append them to a result
 * @array: JSON array; NULL appends nothing
 * @path: of the array
 * @res: the result
 * @err: as route_read()
 *
 * Return: 0, or a negative errno.
 */
int routes_read(const json_t *array, const char *path, struct cni_result *res, struct cni_err *err);

#endif
