/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flannel's network: <prefix>/config, and the subnets that it has to give out. */
#include "cleanup.h"
#include "conf.h"
#include "flannel.h"
#include "overlay_peers.h"

#include <string.h>

#define DEFAULT_VNI  1
#define DEFAULT_PORT 8472 /* the kernel's, older than the one of RFC 7348 */
#define CHOICES	     100  /* flanneld takes one of that many free subnets */

/* As in the value; [0] is IPv4, [1] is IPv6. */
struct raw {
	bool enable[2];
	const char *network[2], *min[2], *max[2];
	int64_t len[2];
	const json_t *backend;
};

struct raw_backend {
	const char *type;
	int64_t vni, port, mtu;
	bool direct, learning, gbp;
};

#define RAW(f)	   offsetof(struct raw, f)
#define BACKEND(f) offsetof(struct raw_backend, f)

static const struct conf_key config_keys[] = { { "EnableIPv4", CONF_BOOL, RAW(enable[0]) },
					       { "EnableIPv6", CONF_BOOL, RAW(enable[1]) },
					       { "Network", CONF_STRING, RAW(network[0]) },
					       { "IPv6Network", CONF_STRING, RAW(network[1]) },
					       { "SubnetMin", CONF_STRING, RAW(min[0]) },
					       { "IPv6SubnetMin", CONF_STRING, RAW(min[1]) },
					       { "SubnetMax", CONF_STRING, RAW(max[0]) },
					       { "IPv6SubnetMax", CONF_STRING, RAW(max[1]) },
					       { "SubnetLen", CONF_INT, RAW(len[0]), .max = 30 },
					       { "IPv6SubnetLen", CONF_INT, RAW(len[1]),
						 .max = 126 },
					       { "Backend", CONF_OBJECT, RAW(backend) },
					       CONF_END };

static const struct conf_key backend_keys[] = { { "Type", CONF_STRING, BACKEND(type) },
						{ "VNI", CONF_INT, BACKEND(vni), .min = 1,
						  .max = 0xffffff },
						{ "Port", CONF_INT, BACKEND(port), .max = 65535 },
						{ "MTU", CONF_INT, BACKEND(mtu), .max = 65535 },
						{ "DirectRouting", CONF_BOOL, BACKEND(direct) },
						{ "Learning", CONF_BOOL, BACKEND(learning) },
						{ "GBP", CONF_BOOL, BACKEND(gbp) },
						CONF_END };

/* The names of one family's keys. */
static const struct names {
	const char *network, *len, *min, *max;
} names[] = { { "Network", "SubnetLen", "SubnetMin", "SubnetMax" },
	      { "IPv6Network", "IPv6SubnetLen", "IPv6SubnetMin", "IPv6SubnetMax" } };

static int read_network(const char *text, int slot, struct ip_net *network, struct cni_err *err)
{
	if (!text)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\" is missing", names[slot].network);
	if (ip_net_parse(text, network) < 0 || overlay_slot(&network->ip) != slot)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%.60s\" is no IPv%d prefix",
				names[slot].network, text, slot ? 6 : 4);
	*network = ip_network(network); /* as flanneld does */
	if (!ip_net_is_host(network))
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": %.60s cannot be a network's",
				names[slot].network, text);
	return 0;
}

/* A node's subnet fits into the network four times at least: the first is not used. */
static int read_len(int64_t given, int slot, const struct ip_net *network, uint8_t *len,
		    struct cni_err *err)
{
	int dflt = slot ? 64 : 24, bits = ip_bits(&network->ip);

	if (given && given < network->len + 2)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": %d: the network, a /%u, has less than four such subnets",
				names[slot].len, (int)given, network->len);
	if (network->len > bits - 4)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": a /%u is too small; a /%d has room for four nodes",
				names[slot].network, network->len, bits - 4);
	if (given)
		*len = (uint8_t)given;
	else
		*len = network->len + 2 <= dflt ? dflt : network->len + 2;
	return 0;
}

/* "SubnetMin" or "SubnetMax"; absent or zero: @ip stays. */
static int read_bound(const char *key, const char *text, int slot,
		      const struct flannel_config *config, struct ip_addr *ip, struct cni_err *err)
{
	struct ip_net subnet = { .len = config->subnet_len[slot] }, whole;
	char network[IP_STRLEN];

	if (!text)
		return 0;
	if (ip_parse(text, &subnet.ip) < 0 || overlay_slot(&subnet.ip) != slot)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%.60s\" is no IPv%d address", key,
				text, slot ? 6 : 4);
	if (ip_is_unspecified(&subnet.ip))
		return 0;
	if (!ip_net_contains(&config->network[slot], &subnet.ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": %.60s is not within %s", key, text,
				ip_net_str(&config->network[slot], network));
	whole = ip_network(&subnet);
	if (!ip_equal(&whole.ip, &subnet.ip))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": %.60s is not the first address of a /%u", key, text,
				subnet.len);
	*ip = subnet.ip;
	return 0;
}

static int read_bounds(const struct raw *raw, int slot, struct flannel_config *config,
		       struct cni_err *err)
{
	const struct ip_net *network = &config->network[slot];
	struct ip_net first = { network->ip, config->subnet_len[slot] };
	struct ip_net last = { ip_last(network), config->subnet_len[slot] };
	struct ip_addr end = ip_last(&first);
	char min[IP_STRLEN], max[IP_STRLEN];
	int r;

	config->min[slot] = ip_add(&end, 1);
	config->max[slot] = ip_network(&last).ip;
	r = read_bound(names[slot].min, raw->min[slot], slot, config, &config->min[slot], err);
	if (r == 0)
		r = read_bound(names[slot].max, raw->max[slot], slot, config, &config->max[slot],
			       err);
	if (r == 0 && ip_cmp(&config->min[slot], &config->max[slot]) > 0)
		r = cni_fail(err, CNI_E_CONF, 0, "\"%s\": %s is beyond \"%s\", %s", names[slot].min,
			     ip_str(&config->min[slot], min), names[slot].max,
			     ip_str(&config->max[slot], max));
	return r;
}

static int read_family(const struct raw *raw, int slot, struct flannel_config *config,
		       struct cni_err *err)
{
	struct ip_net *network = &config->network[slot];
	int r = read_network(raw->network[slot], slot, network, err);

	if (r == 0)
		r = read_len(raw->len[slot], slot, network, &config->subnet_len[slot], err);
	return r < 0 ? r : read_bounds(raw, slot, config, err);
}

static int read_backend(const json_t *obj, struct flannel_config *config, struct cni_err *err)
{
	struct raw_backend raw = { .vni = DEFAULT_VNI };
	int r = conf_read(obj, "Backend", backend_keys, &raw, err);

	if (r < 0)
		return r;
	if (!obj)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"Backend\" is missing, which means \"udp\" to flannel: only "
				"\"" FLANNEL_BACKEND "\" can be joined");
	if (!raw.type || strcmp(raw.type, FLANNEL_BACKEND) != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"Backend.Type\": \"%.60s\": only \"" FLANNEL_BACKEND
				"\" can be joined",
				raw.type ? raw.type : "");
	if (raw.mtu && raw.mtu < (config->network[1].ip.family ? 1280 : 68))
		return cni_fail(err, CNI_E_CONF, 0, "\"Backend.MTU\": %d is less than IP needs",
				(int)raw.mtu);
	config->vni = (uint32_t)raw.vni;
	config->port = raw.port ? (uint16_t)raw.port : DEFAULT_PORT;
	config->mtu = (int)raw.mtu;
	config->direct = raw.direct;
	config->learning = raw.learning;
	config->gbp = raw.gbp;
	return 0;
}

static int read_config(const json_t *obj, struct flannel_config *config, struct cni_err *err)
{
	struct raw raw = { .enable = { true, false } };
	int r = conf_read(obj, "", config_keys, &raw, err);

	if (r == 0 && !raw.enable[0] && !raw.enable[1])
		r = cni_fail(err, CNI_E_CONF, 0,
			     "\"EnableIPv4\" and \"EnableIPv6\" are both false");
	for (int i = 0; r == 0 && i < 2; i++)
		if (raw.enable[i])
			r = read_family(&raw, i, config, err);
	return r < 0 ? r : read_backend(raw.backend, config, err);
}

int flannel_config_parse(const char *text, struct flannel_config *out, struct cni_err *err)
{
	struct flannel_config config = { 0 };
	json_auto_t *obj = conf_load(text, FLANNEL_VALUE_MAX, err);
	int r = obj ? read_config(obj, &config, err) : -EBADMSG;

	if (r < 0)
		return r;
	*out = config;
	return 0;
}

/* ---- choosing a subnet ---- */

static int by_address(const void *a, const void *b)
{
	return ip_cmp(&((const struct ip_net *)a)->ip, &((const struct ip_net *)b)->ip);
}

/* What of @taken is of the family, by address. Return: how many. */
static size_t sort_taken(const struct ip_net *taken, size_t n, uint8_t family,
			 struct ip_net *sorted)
{
	size_t count = 0;

	for (size_t i = 0; i < n; i++)
		if (taken[i].ip.family == family)
			sorted[count++] = ip_network(&taken[i]);
	qsort(sorted, count, sizeof(*sorted), by_address);
	return count;
}

static bool is_free(const struct ip_net *taken, size_t n, const struct ip_net *subnet)
{
	for (size_t i = 0; i < n; i++)
		if (ip_net_overlap(&taken[i], subnet))
			return false;
	return true;
}

static bool is_allowed(const struct flannel_config *config, int slot, const struct ip_net *subnet)
{
	struct ip_net whole = ip_network(subnet);

	return subnet->ip.family == config->network[slot].ip.family &&
	       subnet->len == config->subnet_len[slot] && ip_equal(&whole.ip, &subnet->ip) &&
	       ip_cmp(&subnet->ip, &config->min[slot]) >= 0 &&
	       ip_cmp(&subnet->ip, &config->max[slot]) <= 0;
}

/*
 * The first free subnets, CHOICES at most. Goes along the sorted list, and past whatever is taken
 * at once: one hostile lease may cover more subnets than can be counted.
 */
static size_t list_free(const struct flannel_config *config, int slot, const struct ip_net *taken,
			size_t n, struct ip_addr free_at[CHOICES])
{
	struct ip_net at = { config->min[slot], config->subnet_len[slot] };
	struct ip_addr end = { 0 }; /* of what is taken up to here; family 0 is before all */
	size_t found = 0, i = 0;

	while (found < CHOICES) {
		struct ip_addr last = ip_last(&at);
		struct ip_net past = at;

		for (; i < n && ip_cmp(&taken[i].ip, &last) <= 0; i++) {
			struct ip_addr one = ip_last(&taken[i]);

			if (ip_cmp(&one, &end) > 0)
				end = one;
		}
		if (ip_cmp(&end, &at.ip) < 0)
			free_at[found++] = at.ip;
		else if (ip_cmp(&end, &last) > 0)
			past.ip = end;
		last = ip_last(&past);
		if (ip_cmp(&last, &config->max[slot]) >= 0)
			break;
		at.ip = ip_add(&last, 1);
	}
	return found;
}

int flannel_pick(const struct flannel_config *config, int slot, const struct ip_net *taken,
		 size_t n, const struct ip_net *prefer, uint32_t random, struct ip_net *out)
{
	autofree struct ip_net *sorted = calloc(n + 1, sizeof(*sorted));
	struct ip_addr free_at[CHOICES];
	size_t count;

	if (!sorted)
		abort();
	n = sort_taken(taken, n, config->network[slot].ip.family, sorted);
	if (prefer && is_allowed(config, slot, prefer) && is_free(sorted, n, prefer)) {
		*out = *prefer;
		return 0;
	}
	count = list_free(config, slot, sorted, n, free_at);
	if (!count)
		return -ENOSPC;
	*out = (struct ip_net){ free_at[random % count], config->subnet_len[slot] };
	return 0;
}
