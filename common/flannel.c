/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flannel's leases: keys and values of <prefix>/subnets/. */
#include "flannel.h"

#include "args.h"
#include "cleanup.h"
#include "conf.h"
#include "overlay_peers.h"

#include <ctype.h>
#include <inttypes.h>
#include <string.h>

#define VNI_MAX 0xffff

/* ---- the key ---- */

/* One of the two parts of a key, "10.5.26.0-24"; @len bytes of it. */
static int parse_part(const char *text, size_t len, int slot, struct ip_net *out)
{
	static const char *const digits[] = { "0123456789.-", "0123456789abcdef:-" };
	char copy[IP_STRLEN];
	struct ip_net net, whole;
	char *dash;

	if (len >= sizeof(copy))
		return -EINVAL;
	memcpy(copy, text, len);
	copy[len] = '\0';
	dash = strchr(copy, '-');
	if (!dash || copy[strspn(copy, digits[slot])] != '\0')
		return -EINVAL;
	*dash = '/';
	if (ip_net_parse(copy, &net) < 0 || overlay_slot(&net.ip) != slot)
		return -EINVAL;
	whole = ip_network(&net);
	if (net.len + 2 > ip_bits(&net.ip) || !ip_equal(&whole.ip, &net.ip) ||
	    !ip_net_is_host(&net))
		return -EINVAL;
	*out = net;
	return 0;
}

int flannel_key_parse(const char *key, struct ip_net subnet[2])
{
	struct ip_net net[2] = { 0 };
	size_t first = strcspn(key, "&");
	bool no_v4 = strncmp(key, "0.0.0.0-0&", 10) == 0;
	int r = no_v4 ? 0 : parse_part(key, first, 0, &net[0]);

	if (r == 0 && key[first] == '&')
		r = parse_part(key + first + 1, strlen(key + first + 1), 1, &net[1]);
	if (r < 0)
		return r;
	memcpy(subnet, net, sizeof(net));
	return 0;
}

char *flannel_key(const struct ip_net subnet[2], char key[FLANNEL_KEY_MAX])
{
	char text[IP_STRLEN];
	size_t n;

	snprintf(key, FLANNEL_KEY_MAX, "%s-%u",
		 subnet[0].ip.family ? ip_str(&subnet[0].ip, text) : "0.0.0.0", subnet[0].len);
	n = strlen(key);
	if (subnet[1].ip.family)
		snprintf(key + n, FLANNEL_KEY_MAX - n, "&%s-%u", ip_str(&subnet[1].ip, text),
			 subnet[1].len);
	return key;
}

/* ---- the value ---- */

struct raw_lease {
	const char *vtep[2], *backend;
	const json_t *data[2];
};

struct raw_data {
	int64_t vni;
	const char *mac;
};

#define LEASE(f) offsetof(struct raw_lease, f)
#define DATA(f)	 offsetof(struct raw_data, f)

static const struct conf_key lease_keys[] = { { "PublicIP", CONF_STRING, LEASE(vtep[0]) },
					      { "PublicIPv6", CONF_STRING, LEASE(vtep[1]) },
					      { "BackendType", CONF_STRING, LEASE(backend) },
					      CONF_END };

static const struct conf_key data_keys[] = { { "VNI", CONF_INT, DATA(vni), .max = VNI_MAX },
					     { "VtepMAC", CONF_STRING, DATA(mac),
					       .required = true },
					     CONF_END };

static const char *const vtep_names[] = { "PublicIP", "PublicIPv6" };
static const char *const data_names[] = { "BackendData", "BackendV6Data" };

static int read_vtep(const char *text, int slot, struct flannel_lease *lease, struct cni_err *err)
{
	struct ip_addr ip;

	if (!text || (slot == 0 && strcmp(text, "0.0.0.0") == 0))
		return 0;
	if (ip_parse(text, &ip) < 0 || overlay_slot(&ip) != slot)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%.60s\" is no IPv%d address",
				vtep_names[slot], text, slot ? 6 : 4);
	if (!ip_is_host(&ip))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": %.60s is not the address of a host in a network",
				vtep_names[slot], text);
	for (int i = 0; i < 2; i++)
		if (lease->subnet[i].ip.family && ip_net_contains(&lease->subnet[i], &ip))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"%s\": %.60s lies within the lease's own subnet",
					vtep_names[slot], text);
	lease->vtep[slot] = ip;
	return 0;
}

static bool is_word(const char *text)
{
	for (; *text; text++)
		if (!isascii(*text) || (!isalnum(*text) && !strchr("._-", *text)))
			return false;
	return true;
}

static int read_backend(const char *text, struct flannel_lease *lease, struct cni_err *err)
{
	if (!text)
		return 0;
	if (strlen(text) >= sizeof(lease->backend) || !is_word(text))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"BackendType\": \"%.60s\" is no backend's name", text);
	memcpy(lease->backend, text, strlen(text));
	return 0;
}

static int read_data(const json_t *value, int slot, struct flannel_lease *lease,
		     struct cni_err *err)
{
	struct raw_data raw = { 0 };
	int r;

	if (!value)
		return 0;
	r = conf_read(value, data_names[slot], data_keys, &raw, err);
	if (r < 0)
		return r;
	if (mac_parse(raw.mac, lease->mac[slot]) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s.VtepMAC\": \"%.60s\" is no unicast MAC address",
				data_names[slot], raw.mac);
	lease->vni[slot] = (uint32_t)raw.vni;
	lease->has_data[slot] = true;
	return 0;
}

/* A subnet is reached by VTEP and MAC, or not at all. */
static int check_pairs(const struct flannel_lease *lease, struct cni_err *err)
{
	bool reachable = false;

	for (int i = 0; i < 2; i++) {
		bool has_vtep = lease->vtep[i].family;

		if (!lease->subnet[i].ip.family)
			continue;
		if (has_vtep != lease->has_data[i])
			return cni_fail(err, CNI_E_CONF, 0, "\"%s\" is missing beside \"%s\"",
					has_vtep ? data_names[i] : vtep_names[i],
					has_vtep ? vtep_names[i] : data_names[i]);
		reachable = reachable || has_vtep;
	}
	return reachable ? 0
			 : cni_fail(err, CNI_E_CONF, 0,
				    "\"PublicIP\" and \"BackendData\" are missing: nothing says "
				    "how the subnet is reached");
}

static int read_value(const json_t *value, struct flannel_lease *lease, struct cni_err *err)
{
	struct raw_lease raw = { 0 };
	int r = conf_read(value, "", lease_keys, &raw, err);

	for (int i = 0; r == 0 && i < 2; i++)
		r = read_vtep(raw.vtep[i], i, lease, err);
	if (r == 0)
		r = read_backend(raw.backend, lease, err);
	if (r < 0 || strcmp(lease->backend, FLANNEL_BACKEND) != 0)
		return r;
	for (int i = 0; r == 0 && i < 2; i++)
		r = read_data(conf_get(value, data_names[i]), i, lease, err);
	return r < 0 ? r : check_pairs(lease, err);
}

int flannel_lease_parse(const char *key, const char *value, struct flannel_lease *out,
			struct cni_err *err)
{
	struct flannel_lease lease = { 0 };
	json_auto_t *obj = NULL;
	int r;

	if (flannel_key_parse(key, lease.subnet) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"the key \"%.100s\" is no subnet (such as 10.5.26.0-24)", key);
	obj = conf_load(value, FLANNEL_VALUE_MAX, err);
	r = obj ? read_value(obj, &lease, err) : -EBADMSG;
	if (r < 0)
		return r;
	*out = lease;
	return 0;
}

int flannel_lease_check(const struct flannel_config *config, const struct flannel_lease *lease,
			struct cni_err *err)
{
	char text[IP_STRLEN], theirs[IP_STRLEN];

	for (int i = 0; i < 2; i++) {
		const struct ip_net *subnet = &lease->subnet[i], *network = &config->network[i];

		if (subnet->ip.family && (!network->ip.family || subnet->len < network->len ||
					  !ip_net_contains(network, &subnet->ip)))
			return cni_fail(err, CNI_E_CONF, 0, "the subnet %s is not within %s",
					ip_net_str(subnet, text),
					network->ip.family ? ip_net_str(network, theirs)
							   : "the network, which has no such "
							     "addresses");
		if (lease->has_data[i] && !flannel_vni_fits(lease->vni[i], config->vni))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"%s.VNI\": %u is not the network's %u", data_names[i],
					lease->vni[i], config->vni);
		for (int k = 0; k < 2; k++)
			if (config->network[k].ip.family && lease->vtep[i].family &&
			    ip_net_contains(&config->network[k], &lease->vtep[i]))
				return cni_fail(err, CNI_E_CONF, 0,
						"\"%s\": %s lies within the overlay itself (%s)",
						vtep_names[i], ip_str(&lease->vtep[i], text),
						ip_net_str(&config->network[k], theirs));
	}
	return 0;
}

/* ---- the other way ---- */

static void print_data(FILE *f, const struct flannel_lease *lease, int slot)
{
	const uint8_t *mac = lease->mac[slot];

	if (!lease->has_data[slot])
		return;
	fprintf(f, ",\"%s\":{\"VNI\":%" PRIu32 ",\"VtepMAC\":\"%02x:%02x:%02x:%02x:%02x:%02x\"}",
		data_names[slot], lease->vni[slot] & VNI_MAX, mac[0], mac[1], mac[2], mac[3],
		mac[4], mac[5]);
}

char *flannel_lease_value(const struct flannel_lease *lease)
{
	char v4[IP_STRLEN] = "0.0.0.0", v6[IP_STRLEN];
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	if (lease->vtep[0].family)
		ip_str(&lease->vtep[0], v4);
	fprintf(f, "{\"PublicIP\":\"%s\",\"PublicIPv6\":", v4);
	if (lease->vtep[1].family)
		fprintf(f, "\"%s\"", ip_str(&lease->vtep[1], v6));
	else
		fprintf(f, "null");
	if (*lease->backend)
		fprintf(f, ",\"BackendType\":\"%s\"", lease->backend);
	print_data(f, lease, 0);
	print_data(f, lease, 1);
	fprintf(f, "}");
	if (fclose(f) != 0)
		abort();
	return text;
}
