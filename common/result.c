/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one internal result, shaped like the specification 1.1.0; version.h knows the older shapes.
 */
#include "result.h"

#include "cleanup.h"
#include "conf.h"

#include <string.h>

#define PATH_LEN 160 /* of a key in error texts; longer ones are cut */

/* A plugin that cannot have a few bytes cannot clean up either: give up at once. */
static void *xrealloc(void *p, size_t n, size_t size)
{
	p = reallocarray(p, n, size);
	if (!p)
		abort();
	return p;
}

static char *xstrdup(const char *s)
{
	char *copy = strdup(s ? s : "");

	if (!copy)
		abort();
	return copy;
}

static json_t *xcopy(const json_t *json)
{
	json_t *copy = json ? json_deep_copy(json) : NULL;

	if (json && !copy)
		abort();
	return copy;
}

void dns_free(struct cni_dns *dns)
{
	json_decref(dns->nameservers);
	json_decref(dns->search);
	json_decref(dns->options);
	free(dns->domain);
	*dns = (struct cni_dns){ 0 };
}

void result_free(struct cni_result *res)
{
	for (size_t i = 0; i < res->n_ifaces; i++) {
		struct cni_iface *iface = &res->ifaces[i];

		free(iface->name);
		free(iface->mac);
		free(iface->sandbox);
		free(iface->socket_path);
		free(iface->pci_id);
	}
	free(res->ifaces);
	free(res->ips);
	free(res->routes);
	dns_free(&res->dns);
	*res = (struct cni_result){ 0 };
}

int result_add_iface(struct cni_result *res, const char *name, const char *mac, int64_t mtu,
		     const char *sandbox)
{
	res->ifaces = xrealloc(res->ifaces, res->n_ifaces + 1, sizeof(*res->ifaces));
	res->ifaces[res->n_ifaces] = (struct cni_iface){
		.name = xstrdup(name),
		.mac = xstrdup(mac),
		.mtu = mtu,
		.sandbox = xstrdup(sandbox),
		.socket_path = xstrdup(NULL),
		.pci_id = xstrdup(NULL),
	};
	return res->n_ifaces++;
}

void result_add_ip(struct cni_result *res, const struct cni_ip *ip)
{
	struct cni_ip copy = *ip; /* @ip may point into the array that moves */

	res->ips = xrealloc(res->ips, res->n_ips + 1, sizeof(*res->ips));
	res->ips[res->n_ips++] = copy;
}

void result_add_route(struct cni_result *res, const struct cni_route *route)
{
	struct cni_route copy = *route;

	res->routes = xrealloc(res->routes, res->n_routes + 1, sizeof(*res->routes));
	res->routes[res->n_routes++] = copy;
}

void result_copy(struct cni_result *to, const struct cni_result *from)
{
	for (size_t i = 0; i < from->n_ifaces; i++) {
		const struct cni_iface *f = &from->ifaces[i];
		struct cni_iface *t;

		result_add_iface(to, f->name, f->mac, f->mtu, f->sandbox);
		t = &to->ifaces[to->n_ifaces - 1];
		free(t->socket_path);
		free(t->pci_id);
		t->socket_path = xstrdup(f->socket_path);
		t->pci_id = xstrdup(f->pci_id);
	}
	for (size_t i = 0; i < from->n_ips; i++)
		result_add_ip(to, &from->ips[i]);
	for (size_t i = 0; i < from->n_routes; i++)
		result_add_route(to, &from->routes[i]);
	to->dns = (struct cni_dns){
		.nameservers = xcopy(from->dns.nameservers),
		.domain = from->dns.domain ? xstrdup(from->dns.domain) : NULL,
		.search = xcopy(from->dns.search),
		.options = xcopy(from->dns.options),
	};
}

static int check_strings(const json_t *array, const char *path, const char *key,
			 struct cni_err *err)
{
	char text[80];
	json_t *item;
	size_t i;

	json_array_foreach (array, i, item)
		if (!json_is_string(item))
			return cni_fail(err, CNI_E_DECODE, 0,
					"\"%s%s%s[%zu]\": expected a string, got %s", path,
					path[0] ? "." : "", key, i,
					conf_text(item, text, sizeof(text)));
	return 0;
}

struct dns_conf {
	const json_t *nameservers, *search, *options;
	const char *domain;
};

static const struct conf_key dns_keys[] = {
	{ "nameservers", CONF_ARRAY, offsetof(struct dns_conf, nameservers) },
	{ "domain", CONF_STRING, offsetof(struct dns_conf, domain) },
	{ "search", CONF_ARRAY, offsetof(struct dns_conf, search) },
	{ "options", CONF_ARRAY, offsetof(struct dns_conf, options) },
	CONF_END,
};

int dns_read(const json_t *obj, const char *path, struct cni_dns *out, struct cni_err *err)
{
	struct dns_conf c = { 0 };
	int r = conf_read(obj, path, dns_keys, &c, err);

	if (r == 0)
		r = check_strings(c.nameservers, path, "nameservers", err);
	if (r == 0)
		r = check_strings(c.search, path, "search", err);
	if (r == 0)
		r = check_strings(c.options, path, "options", err);
	if (r < 0)
		return r;
	dns_free(out);
	*out = (struct cni_dns){
		.nameservers = xcopy(c.nameservers),
		.domain = c.domain && *c.domain ? xstrdup(c.domain) : NULL,
		.search = xcopy(c.search),
		.options = xcopy(c.options),
	};
	return 0;
}

struct route_conf {
	const char *dst, *gw;
	int64_t mtu, advmss, priority, table, scope;
};

static const struct conf_key route_keys[] = {
	{ "dst", CONF_STRING, offsetof(struct route_conf, dst), .required = true },
	{ "gw", CONF_STRING, offsetof(struct route_conf, gw) },
	{ "mtu", CONF_INT, offsetof(struct route_conf, mtu), 0, UINT32_MAX },
	{ "advmss", CONF_INT, offsetof(struct route_conf, advmss), 0, UINT32_MAX },
	{ "priority", CONF_INT, offsetof(struct route_conf, priority), 0, UINT32_MAX },
	{ "table", CONF_INT, offsetof(struct route_conf, table), 0, UINT32_MAX },
	{ "scope", CONF_INT, offsetof(struct route_conf, scope), 0, UINT8_MAX },
	CONF_END,
};

int route_read(const json_t *obj, const char *path, struct cni_route *out, struct cni_err *err)
{
	struct route_conf c = { .table = -1, .scope = -1 };
	struct cni_route route = { 0 };
	int r = conf_read(obj, path, route_keys, &c, err);

	if (r < 0)
		return r;
	if (ip_net_parse(c.dst, &route.dst) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s.dst\": \"%.80s\" is not an address with a prefix length",
				path, c.dst);
	if (c.gw && *c.gw && ip_parse(c.gw, &route.gw) < 0)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s.gw\": \"%.80s\" is not an IP address",
				path, c.gw);
	if (route.gw.family && route.gw.family != route.dst.ip.family)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s.gw\": %.80s is not of the address family of dst %.80s", path,
				c.gw, c.dst);
	route.mtu = c.mtu;
	route.advmss = c.advmss;
	route.priority = c.priority;
	route.table = c.table;
	route.scope = c.scope;
	*out = route;
	return 0;
}

int routes_read(const json_t *array, const char *path, struct cni_result *res, struct cni_err *err)
{
	size_t before = res->n_routes, i;
	char text[80], sub[PATH_LEN];
	json_t *item;

	if (array && !json_is_array(array) && !json_is_null(array))
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s\": expected an array, got %s", path,
				conf_text(array, text, sizeof(text)));
	json_array_foreach (array, i, item) {
		struct cni_route route;
		int r;

		snprintf(sub, sizeof(sub), "%s[%zu]", path, i);
		r = route_read(item, sub, &route, err);
		if (r < 0) {
			res->n_routes = before;
			return r;
		}
		result_add_route(res, &route);
	}
	return 0;
}
