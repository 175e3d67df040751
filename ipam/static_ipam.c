/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of static: addresses that the configuration or the runtime spells out.
 *
 * Theory of operation
 *
 * Nothing is kept: ADD turns ipam.addresses, routes and dns into a result, and nothing exists
 * afterwards on the host or in the container. Addresses of CNI_ARGS are appended; those of
 * args.cni.ips and runtimeConfig.ips replace what the configuration lists, the latter winning.
 */
#include "static_ipam.h"

#include "args.h"
#include "cleanup.h"
#include "requested.h"

#include <string.h>

static const struct conf_key ipam_keys[] = {
	{ "addresses", CONF_DOC,
	  .help = "Array of {address, gateway}; address is a prefix such as 10.1.0.5/24." },
	{ "routes", CONF_DOC,
	  .help = "Routes for the result: {dst, gw, mtu, advmss, priority, table, scope}." },
	{ "dns", CONF_DOC, .help = "For the result: {nameservers, domain, search, options}." },
	CONF_END,
};

static const struct conf_key keys[] = {
	{ "runtimeConfig.ips", CONF_DOC, .help = "Prefixes that replace all other addresses." },
	{ "args.cni.ips", CONF_DOC, .help = "Prefixes that replace ipam.addresses." },
	CONF_END,
};

struct address {
	const char *address, *gateway;
};

static const struct conf_key address_keys[] = {
	{ "address", CONF_STRING, offsetof(struct address, address), .required = true },
	{ "gateway", CONF_STRING, offsetof(struct address, gateway) },
	CONF_END,
};

static int read_address(const json_t *obj, const char *path, struct cni_result *result,
			struct cni_err *err)
{
	struct cni_ip ip = { .iface = -1 };
	struct address text = { 0 };
	int r;

	if (!json_is_object(obj))
		return cni_fail(err, CNI_E_DECODE, 0, "%s is not an object", path);
	r = conf_read(obj, path, address_keys, &text, err);
	if (r < 0)
		return r;
	if (ip_net_parse(text.address, &ip.address) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"%s.address: invalid CIDR \"%s\": a prefix such as 10.1.0.5/24 is "
				"needed",
				path, text.address);
	if (text.gateway && *text.gateway && ip_parse(text.gateway, &ip.gateway) < 0)
		return cni_fail(err, CNI_E_CONF, 0, "%s.gateway: \"%s\" is no IP address", path,
				text.gateway);
	result_add_ip(result, &ip);
	return 0;
}

static int read_addresses(const json_t *array, struct cni_result *result, struct cni_err *err)
{
	json_t *item;
	size_t i;

	if (array && !json_is_array(array))
		return cni_fail(err, CNI_E_DECODE, 0, "ipam.addresses is not an array");
	json_array_foreach (array, i, item) {
		char path[48];
		int r;

		snprintf(path, sizeof(path), "ipam.addresses[%zu]", i);
		r = read_address(item, path, result, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static char *trim(char *s)
{
	s += strspn(s, " \t");
	s[strcspn(s, " \t")] = '\0';
	return s;
}

/* IP=cidr[,cidr] of CNI_ARGS. */
static int add_args_ips(const char *text, struct cni_result *result, struct cni_err *err)
{
	autofree char *copy = strdup(text);
	char *save = NULL;

	if (!copy)
		abort();
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		struct cni_ip ip = { .iface = -1 };

		if (ip_net_parse(trim(s), &ip.address) < 0)
			return cni_fail(err, CNI_E_ENV, 0,
					"CNI_ARGS IP: invalid CIDR \"%s\": a prefix such as "
					"10.1.0.5/24 is needed",
					s);
		result_add_ip(result, &ip);
	}
	return 0;
}

/* GATEWAY=ip[,ip] of CNI_ARGS: each goes to all addresses whose subnet it lies in. */
static int add_args_gateways(const char *text, struct cni_result *result, struct cni_err *err)
{
	autofree char *copy = strdup(text);
	char *save = NULL;

	if (!copy)
		abort();
	for (char *s = strtok_r(copy, ",", &save); s; s = strtok_r(NULL, ",", &save)) {
		struct ip_addr gw;

		if (ip_parse(trim(s), &gw) < 0)
			return cni_fail(err, CNI_E_ENV, 0,
					"CNI_ARGS GATEWAY: invalid gateway address: \"%s\"", s);
		for (size_t i = 0; i < result->n_ips; i++)
			if (ip_net_contains(&result->ips[i].address, &gw))
				result->ips[i].gateway = gw;
	}
	return 0;
}

static int read_args(const struct cni_call *call, struct cni_result *result, struct cni_err *err)
{
	const char *ip = "", *gateway = "";
	const struct args_pair known[] = { { "IP", &ip }, { "GATEWAY", &gateway }, { 0 } };
	struct args_list list = { 0 };
	int r = args_parse(call->args, known, &list, err);

	if (r == 0)
		r = add_args_ips(ip, result, err);
	if (r == 0)
		r = add_args_gateways(gateway, result, err);
	args_free(&list);
	return r;
}

/* Replace the addresses by those of a JSON array, if it holds any. */
static int replace_ips(const struct cni_call *call, const char *path, struct cni_result *result,
		       struct cni_err *err)
{
	struct requested want = { 0 };
	int r = requested_add_array(&want, call->conf, path, err);
	char text[IP_STRLEN];

	for (size_t i = 0; i < want.n && r == 0; i++)
		if (want.nets[i].len == REQUESTED_NO_LEN)
			r = cni_fail(err, CNI_E_CONF, 0,
				     "%s: an IP address %s without its prefix length", path,
				     ip_str(&want.nets[i].ip, text));
	if (r == 0 && want.n > 0) {
		result->n_ips = 0;
		for (size_t i = 0; i < want.n; i++)
			result_add_ip(result,
				      &(struct cni_ip){ .iface = -1, .address = want.nets[i] });
	}
	free(want.nets);
	return r;
}

static int check_families(const struct cni_call *call, const struct cni_result *result,
			  struct cni_err *err)
{
	int n4 = 0, n6 = 0;

	for (size_t i = 0; i < result->n_ips; i++)
		*(result->ips[i].address.ip.family == AF_INET ? &n4 : &n6) += 1;
	if ((n4 > 1 || n6 > 1) && call->version < CNI_0_3_0)
		return cni_fail(err, CNI_E_CONF, 0,
				"CNI version %s does not support more than 1 address per family",
				version_name(call->version));
	return 0;
}

static int fill(const struct cni_call *call, struct cni_result *result, struct cni_err *err)
{
	const json_t *ipam = conf_get(call->conf, "ipam");
	int r;

	if (!ipam)
		return cni_fail(err, CNI_E_CONF, 0, "IPAM config missing 'ipam' key");
	if (!json_is_object(ipam))
		return cni_fail(err, CNI_E_DECODE, 0, "ipam is not an object");
	r = read_addresses(conf_get(ipam, "addresses"), result, err);
	if (r == 0)
		r = read_args(call, result, err);
	if (r == 0)
		r = replace_ips(call, "args.cni.ips", result, err);
	if (r == 0)
		r = replace_ips(call, "runtimeConfig.ips", result, err);
	if (r == 0)
		r = check_families(call, result, err);
	if (r == 0)
		r = routes_read(conf_get(ipam, "routes"), "ipam.routes", result, err);
	return r == 0 ? dns_read(conf_get(ipam, "dns"), "ipam.dns", &result->dns, err) : r;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	(void)undo; /* nothing lasts */
	return fill(call, result, err);
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct cni_result want = { 0 };
	char text[IP_STRLEN];
	int r = fill(call, &want, err);

	if (r == 0 && !call->prev)
		r = cni_fail(err, CNI_E_CONF, 0, "static: Required prevResult missing");
	for (size_t i = 0; i < want.n_ips && r == 0; i++) {
		const struct ip_net *net = &want.ips[i].address;
		bool found = false;

		for (size_t j = 0; j < call->prev->n_ips && !found; j++)
			found = call->prev->ips[j].address.len == net->len &&
				ip_equal(&call->prev->ips[j].address.ip, &net->ip);
		if (!found)
			r = cni_fail(err, CNI_E_FAILED, 0,
				     "static: Failed to find %s in prevResult",
				     ip_net_str(net, text));
	}
	result_free(&want);
	return r;
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct cni_result unused = { 0 };
	int r = fill(call, &unused, err);

	result_free(&unused);
	return r;
}

const struct cni_plugin static_plugin = {
	.name = "static",
	.about = "gives a container the addresses that the configuration spells out",
	.keys = keys,
	.ipam_keys = ipam_keys,
	.oldest = CNI_0_1_0,
	.add = add,
	/* DEL, GC: nothing was kept */
	.check = check,
	.status = status,
};
