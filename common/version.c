/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spec versions: which exist, and how a result is written and read in each of them. */
#include "version.h"

#include "cleanup.h"
#include "conf.h"

#include <string.h>

#define PATH_LEN 160 /* of a key in error texts; longer ones are cut */

static const char *const names[CNI_VERSIONS] = {
	[CNI_0_1_0] = "0.1.0", [CNI_0_2_0] = "0.2.0", [CNI_0_3_0] = "0.3.0", [CNI_0_3_1] = "0.3.1",
	[CNI_0_4_0] = "0.4.0", [CNI_1_0_0] = "1.0.0", [CNI_1_1_0] = "1.1.0",
};

const char *version_name(enum cni_version v)
{
	return names[v];
}

int version_parse(const char *s, enum cni_version *out)
{
	if (!s || !*s) {
		*out = CNI_0_1_0;
		return 0;
	}
	for (int v = 0; v < CNI_VERSIONS; v++) {
		if (strcmp(s, names[v]) == 0) {
			*out = v;
			return 0;
		}
	}
	return -EPROTONOSUPPORT;
}

/* The writers below remember in @bad that a text was not UTF-8 or memory ran out. */
static void put(json_t *obj, const char *key, json_t *value, bool *bad)
{
	if (json_object_set_new(obj, key, value) < 0)
		*bad = true;
}

static void put_text(json_t *obj, const char *key, const char *s, bool *bad)
{
	if (s && *s)
		put(obj, key, json_string(s), bad);
}

static void put_ip(json_t *obj, const char *key, const struct ip_addr *ip, bool *bad)
{
	char buf[IP_STRLEN];

	if (ip->family)
		put(obj, key, json_string(ip_str(ip, buf)), bad);
}

static void put_net(json_t *obj, const char *key, const struct ip_net *net, bool *bad)
{
	char buf[IP_STRLEN];

	put(obj, key, json_string(ip_net_str(net, buf)), bad);
}

/* A number that was given; @absent stands for one that was not. */
static void put_num(json_t *obj, const char *key, int64_t n, int64_t absent, bool *bad)
{
	if (n != absent)
		put(obj, key, json_integer(n), bad);
}

static void append(json_t *array, json_t *value, bool *bad)
{
	if (json_array_append_new(array, value) < 0)
		*bad = true;
}

/* Add a list unless it is empty; @array is consumed. */
static void put_list(json_t *obj, const char *key, json_t *array, bool *bad)
{
	if (json_array_size(array) > 0)
		put(obj, key, array, bad);
	else
		json_decref(array);
}

static json_t *write_dns(const struct cni_dns *dns, bool *bad)
{
	json_t *obj = json_object();

	put_list(obj, "nameservers", json_deep_copy(dns->nameservers), bad);
	put_text(obj, "domain", dns->domain, bad);
	put_list(obj, "search", json_deep_copy(dns->search), bad);
	put_list(obj, "options", json_deep_copy(dns->options), bad);
	return obj;
}

/* Routes of one family, or of both for AF_UNSPEC. */
static json_t *write_routes(const struct cni_result *res, enum cni_version v, int family, bool *bad)
{
	json_t *array = json_array();

	for (size_t i = 0; i < res->n_routes; i++) {
		const struct cni_route *route = &res->routes[i];
		json_t *obj;

		if (family != AF_UNSPEC && route->dst.ip.family != family)
			continue;
		obj = json_object();
		put_net(obj, "dst", &route->dst, bad);
		put_ip(obj, "gw", &route->gw, bad);
		if (v >= CNI_1_1_0) {
			put_num(obj, "mtu", route->mtu, 0, bad);
			put_num(obj, "advmss", route->advmss, 0, bad);
			put_num(obj, "priority", route->priority, 0, bad);
			put_num(obj, "table", route->table, -1, bad);
			put_num(obj, "scope", route->scope, -1, bad);
		}
		append(array, obj, bad);
	}
	return array;
}

static json_t *write_ifaces(const struct cni_result *res, enum cni_version v, bool *bad)
{
	json_t *array = json_array();

	for (size_t i = 0; i < res->n_ifaces; i++) {
		const struct cni_iface *iface = &res->ifaces[i];
		json_t *obj = json_object();

		put(obj, "name", json_string(iface->name), bad);
		put_text(obj, "mac", iface->mac, bad);
		if (v >= CNI_1_1_0)
			put_num(obj, "mtu", iface->mtu, 0, bad);
		put_text(obj, "sandbox", iface->sandbox, bad);
		if (v >= CNI_1_1_0) {
			put_text(obj, "socketPath", iface->socket_path, bad);
			put_text(obj, "pciID", iface->pci_id, bad);
		}
		append(array, obj, bad);
	}
	return array;
}

static json_t *write_ips(const struct cni_result *res, enum cni_version v, bool *bad)
{
	json_t *array = json_array();

	for (size_t i = 0; i < res->n_ips; i++) {
		const struct cni_ip *ip = &res->ips[i];
		json_t *obj = json_object();

		if (v <= CNI_0_4_0)
			put_text(obj, "version", ip->address.ip.family == AF_INET ? "4" : "6", bad);
		put_num(obj, "interface", ip->iface, -1, bad);
		put_net(obj, "address", &ip->address, bad);
		put_ip(obj, "gateway", &ip->gateway, bad);
		append(array, obj, bad);
	}
	return array;
}

/* 0.1.0 and 0.2.0: the first address of a family under a key of its own. */
static bool write_old_ip(const struct cni_result *res, enum cni_version v, int family,
			 const char *key, json_t *to, bool *bad)
{
	for (size_t i = 0; i < res->n_ips; i++) {
		const struct cni_ip *ip = &res->ips[i];
		json_t *obj;

		if (ip->address.ip.family != family)
			continue;
		obj = json_object();
		put_net(obj, "ip", &ip->address, bad);
		put_ip(obj, "gateway", &ip->gateway, bad);
		put_list(obj, "routes", write_routes(res, v, family, bad), bad);
		put(to, key, obj, bad);
		return true;
	}
	return false;
}

int result_to_json(const struct cni_result *res, enum cni_version v, json_t **out,
		   struct cni_err *err)
{
	json_auto_t *obj = json_object();
	bool bad = false;

	put(obj, "cniVersion", json_string(names[v]), &bad);
	if (v <= CNI_0_2_0) {
		bool ip4 = write_old_ip(res, v, AF_INET, "ip4", obj, &bad);
		bool ip6 = write_old_ip(res, v, AF_INET6, "ip6", obj, &bad);

		if (!ip4 && !ip6)
			return cni_fail(err, CNI_E_FAILED, 0,
					"cannot convert: no valid IP addresses");
	} else {
		put_list(obj, "interfaces", write_ifaces(res, v, &bad), &bad);
		put_list(obj, "ips", write_ips(res, v, &bad), &bad);
		put_list(obj, "routes", write_routes(res, v, AF_UNSPEC, &bad), &bad);
	}
	put(obj, "dns", write_dns(&res->dns, &bad), &bad);
	if (bad)
		return cni_fail(
			err, CNI_E_FAILED, 0,
			"cannot write the result as JSON: a name or path in it is not UTF-8");
	*out = take_ptr(obj);
	return 0;
}

struct iface_conf {
	const char *name, *mac, *sandbox, *socket_path, *pci_id;
	int64_t mtu;
};

static const struct conf_key iface_keys[] = {
	{ "name", CONF_STRING, offsetof(struct iface_conf, name) },
	{ "mac", CONF_STRING, offsetof(struct iface_conf, mac) },
	{ "mtu", CONF_INT, offsetof(struct iface_conf, mtu), 0, UINT32_MAX },
	{ "sandbox", CONF_STRING, offsetof(struct iface_conf, sandbox) },
	{ "socketPath", CONF_STRING, offsetof(struct iface_conf, socket_path) },
	{ "pciID", CONF_STRING, offsetof(struct iface_conf, pci_id) },
	CONF_END,
};

/* Put a copy of @s, if there is one, in the place of @field. */
static void set_text(char **field, const char *s)
{
	char *copy = s ? strdup(s) : NULL;

	if (s && !copy)
		abort();
	if (copy) {
		free(*field);
		*field = copy;
	}
}

static int read_iface(const json_t *obj, const char *path, struct cni_result *res,
		      struct cni_err *err)
{
	struct iface_conf c = { .name = "" };
	int r = conf_read(obj, path, iface_keys, &c, err);
	struct cni_iface *iface;

	if (r < 0)
		return r;
	result_add_iface(res, c.name, c.mac, c.mtu, c.sandbox);
	iface = &res->ifaces[res->n_ifaces - 1];
	set_text(&iface->socket_path, c.socket_path);
	set_text(&iface->pci_id, c.pci_id);
	return 0;
}

struct ip_conf {
	const char *address, *gateway;
	const json_t *routes;
	int64_t iface;
};

static const struct conf_key ip_keys[] = {
	{ "interface", CONF_INT, offsetof(struct ip_conf, iface), INT64_MIN, INT64_MAX },
	{ "address", CONF_STRING, offsetof(struct ip_conf, address), .required = true },
	{ "gateway", CONF_STRING, offsetof(struct ip_conf, gateway) },
	CONF_END,
};

static const struct conf_key old_ip_keys[] = {
	{ "ip", CONF_STRING, offsetof(struct ip_conf, address), .required = true },
	{ "gateway", CONF_STRING, offsetof(struct ip_conf, gateway) },
	{ "routes", CONF_ARRAY, offsetof(struct ip_conf, routes) },
	CONF_END,
};

static int parse_ip(const struct ip_conf *c, const char *path, const char *key, struct cni_ip *ip,
		    struct cni_err *err)
{
	if (ip_net_parse(c->address, &ip->address) < 0)
		return cni_fail(err, CNI_E_DECODE, 0,
				"\"%s.%s\": \"%.80s\" is not an address with a prefix length", path,
				key, c->address);
	if (c->gateway && *c->gateway && ip_parse(c->gateway, &ip->gateway) < 0)
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s.gateway\": \"%.80s\" is not an address",
				path, c->gateway);
	return 0;
}

static int read_ip(const json_t *obj, const char *path, struct cni_result *res, struct cni_err *err)
{
	struct cni_ip ip = { .iface = -1 };
	struct ip_conf c = { 0 };
	int r = conf_read(obj, path, ip_keys, &c, err);

	if (r == 0)
		r = parse_ip(&c, path, "address", &ip, err);
	if (r < 0)
		return r;
	if (conf_get(obj, "interface")) {
		if (c.iface < 0 || (uint64_t)c.iface >= res->n_ifaces)
			return cni_fail(
				err, CNI_E_DECODE, 0,
				"\"%s.interface\": %lld is not an index of the %zu interfaces",
				path, (long long)c.iface, res->n_ifaces);
		ip.iface = c.iface;
	}
	result_add_ip(res, &ip);
	return 0;
}

static int read_old_ip(const json_t *obj, const char *path, const char *key, int family,
		       struct cni_result *res, struct cni_err *err)
{
	const json_t *value = conf_get(obj, key);
	struct cni_ip ip = { .iface = -1 };
	struct ip_conf c = { 0 };
	char sub[PATH_LEN], routes[PATH_LEN + 8];
	int r;

	if (!value)
		return 0;
	snprintf(sub, sizeof(sub), "%s.%s", path, key);
	r = conf_read(value, sub, old_ip_keys, &c, err);
	if (r == 0)
		r = parse_ip(&c, sub, "ip", &ip, err);
	if (r < 0)
		return r;
	if (ip.address.ip.family != family)
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s.ip\": %.80s is of the other family",
				sub, c.address);
	result_add_ip(res, &ip);
	snprintf(routes, sizeof(routes), "%s.routes", sub);
	return routes_read(c.routes, routes, res, err);
}

struct result_conf {
	const char *version;
	const json_t *ifaces, *ips, *routes, *dns;
};

static const struct conf_key result_keys[] = {
	{ "interfaces", CONF_ARRAY, offsetof(struct result_conf, ifaces) },
	{ "ips", CONF_ARRAY, offsetof(struct result_conf, ips) },
	{ "routes", CONF_ARRAY, offsetof(struct result_conf, routes) },
	CONF_END,
};

static const struct conf_key common_keys[] = {
	{ "cniVersion", CONF_STRING, offsetof(struct result_conf, version) },
	{ "dns", CONF_OBJECT, offsetof(struct result_conf, dns) },
	CONF_END,
};

static int read_list(const json_t *array, const char *path, const char *key,
		     int (*fn)(const json_t *, const char *, struct cni_result *, struct cni_err *),
		     struct cni_result *res, struct cni_err *err)
{
	char sub[PATH_LEN];
	json_t *item;
	size_t i;

	json_array_foreach (array, i, item) {
		int r;

		snprintf(sub, sizeof(sub), "%s.%s[%zu]", path, key, i);
		r = fn(item, sub, res, err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* 0.3.0 and later: lists of interfaces, addresses and routes. */
static int read_lists(const json_t *obj, const char *path, struct cni_result *out,
		      struct cni_err *err)
{
	struct result_conf c = { 0 };
	char sub[PATH_LEN];
	int r = conf_read(obj, path, result_keys, &c, err);

	if (r == 0)
		r = read_list(c.ifaces, path, "interfaces", read_iface, out, err);
	if (r == 0)
		r = read_list(c.ips, path, "ips", read_ip, out, err);
	if (r < 0)
		return r;
	snprintf(sub, sizeof(sub), "%s.routes", path);
	return routes_read(c.routes, sub, out, err);
}

static int read_any(const json_t *obj, enum cni_version v, const char *path, struct cni_result *out,
		    struct cni_err *err)
{
	struct result_conf c = { 0 };
	char sub[PATH_LEN];
	int r = conf_read(obj, path, common_keys, &c, err);

	if (r < 0)
		return r;
	if (c.version && *c.version && version_parse(c.version, &v) < 0)
		return cni_fail(err, CNI_E_VERSION, 0,
				"\"%s.cniVersion\": \"%.40s\" is not a known version", path,
				c.version);
	if (v <= CNI_0_2_0) {
		r = read_old_ip(obj, path, "ip4", AF_INET, out, err);
		if (r == 0)
			r = read_old_ip(obj, path, "ip6", AF_INET6, out, err);
	} else {
		r = read_lists(obj, path, out, err);
	}
	if (r < 0)
		return r;
	snprintf(sub, sizeof(sub), "%s.dns", path);
	return dns_read(c.dns, sub, &out->dns, err);
}

int result_from_json(const json_t *obj, enum cni_version dflt, const char *path,
		     struct cni_result *out, struct cni_err *err)
{
	struct cni_err why = { 0 };
	int r = read_any(obj, dflt, path, out, &why);

	if (r == 0)
		return 0;
	result_free(out);
	/* a result is not the user's configuration: whoever wrote it wrote it wrong */
	if (why.code == CNI_E_CONF)
		why.code = CNI_E_DECODE;
	if (err)
		cni_err_merge(err, &why);
	return r;
}
