/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flannel's subnet.env: what flanneld says to its node. */
#include "cleanup.h"
#include "flannel.h"
#include "overlay_peers.h"

#include <string.h>

enum { NETWORK, SUBNET, NETWORK6, SUBNET6, MTU, IPMASQ, NAMES };

static const char *const names[] = {
	"FLANNEL_NETWORK",     "FLANNEL_SUBNET", "FLANNEL_IPV6_NETWORK",
	"FLANNEL_IPV6_SUBNET", "FLANNEL_MTU",	 "FLANNEL_IPMASQ",
};

#define VALUE_MAX 64 /* of a value, with its NUL */

/* The values that were given. */
struct raw {
	char value[NAMES][VALUE_MAX];
	bool given[NAMES];
};

#define NAME_CHARS "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_"

static int take_line(const char *line, size_t len, unsigned int number, struct raw *raw,
		     struct cni_err *err)
{
	size_t name = strspn(line, NAME_CHARS), size;
	const char *value = line + name + 1;

	if (name == 0 || line[name] != '=')
		return cni_fail(err, CNI_E_DECODE, 0, "line %u: \"%.*s\" is no NAME=VALUE", number,
				(int)(len < 60 ? len : 60), line);
	size = len - name - 1;
	for (int i = 0; i < NAMES; i++) {
		if (strlen(names[i]) != name || memcmp(names[i], line, name) != 0)
			continue;
		if (raw->given[i])
			return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%.*s\": it is given twice",
					names[i], (int)(size < 60 ? size : 60), value);
		if (size >= VALUE_MAX)
			return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%.60s...\": %zu characters",
					names[i], value, size);
		memcpy(raw->value[i], value, size);
		raw->given[i] = true;
	}
	return 0;
}

static int take_lines(const char *text, struct raw *raw, struct cni_err *err)
{
	for (unsigned int number = 1; *text; number++) {
		size_t len = strcspn(text, "\n");
		int r = len && *text != '#' ? take_line(text, len, number, raw, err) : 0;

		if (r < 0)
			return r;
		text += len + (text[len] == '\n');
	}
	return 0;
}

static int read_prefix(const struct raw *raw, int name, int slot, struct ip_net *net,
		       struct cni_err *err)
{
	if (!raw->given[name])
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\" is missing", names[name]);
	if (ip_net_parse(raw->value[name], net) < 0 || overlay_slot(&net->ip) != slot)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%s\" is no IPv%d prefix",
				names[name], raw->value[name], slot ? 6 : 4);
	if (!ip_net_is_host(net))
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": %s cannot be a network's", names[name],
				raw->value[name]);
	return 0;
}

static int read_family(const struct raw *raw, int slot, struct flannel_env *env,
		       struct cni_err *err)
{
	int n = slot ? NETWORK6 : NETWORK, s = slot ? SUBNET6 : SUBNET;
	struct ip_net *network = &env->network[slot], *subnet = &env->subnet[slot], whole;
	struct ip_addr first;
	int r;

	if (!raw->given[n] && !raw->given[s])
		return 0;
	r = read_prefix(raw, n, slot, network, err);
	if (r == 0)
		r = read_prefix(raw, s, slot, subnet, err);
	if (r < 0)
		return r;
	whole = ip_network(network);
	if (!ip_equal(&whole.ip, &network->ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": %s has host bits", names[n],
				raw->value[n]);
	if (subnet->len < network->len || !ip_net_contains(network, &subnet->ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": %s is not within \"%s\", %s", names[s],
				raw->value[s], names[n], raw->value[n]);
	if (subnet->len + 2 > ip_bits(&subnet->ip))
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": %s is too small for a container",
				names[s], raw->value[s]);
	whole = ip_network(subnet);
	first = ip_add(&whole.ip, 1);
	if (!ip_equal(&first, &subnet->ip))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s\": %s is not the first usable address of its subnet",
				names[s], raw->value[s]);
	return 0;
}

static int read_mtu(const struct raw *raw, struct flannel_env *env, struct cni_err *err)
{
	const char *text = raw->value[MTU];
	int least = env->network[1].ip.family ? 1280 : 68;
	size_t len = strlen(text);

	if (!raw->given[MTU])
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\" is missing", names[MTU]);
	if (len >= 1 && len <= 5 && text[0] != '0' && strspn(text, "0123456789") == len)
		env->mtu = (int)strtol(text, NULL, 10);
	if (env->mtu < least || env->mtu > 65535)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%s\" is not between %d and 65535",
				names[MTU], text, least);
	return 0;
}

static int read_ipmasq(const struct raw *raw, struct flannel_env *env, struct cni_err *err)
{
	const char *text = raw->value[IPMASQ];

	if (!raw->given[IPMASQ])
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\" is missing", names[IPMASQ]);
	env->ipmasq = strcmp(text, "true") == 0;
	if (!env->ipmasq && strcmp(text, "false") != 0)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%s\" is neither true nor false",
				names[IPMASQ], text);
	return 0;
}

int flannel_env_parse(const char *text, struct flannel_env *out, struct cni_err *err)
{
	struct flannel_env env = { 0 };
	struct raw raw = { 0 };
	int r;

	if (strnlen(text, FLANNEL_VALUE_MAX + 1) > FLANNEL_VALUE_MAX)
		return cni_fail(err, CNI_E_DECODE, 0, "more than %u bytes", FLANNEL_VALUE_MAX);
	r = take_lines(text, &raw, err);
	for (int i = 0; r == 0 && i < 2; i++)
		r = read_family(&raw, i, &env, err);
	if (r == 0 && !env.network[0].ip.family && !env.network[1].ip.family)
		r = cni_fail(err, CNI_E_CONF, 0, "\"%s\" and \"%s\" are missing", names[NETWORK],
			     names[NETWORK6]);
	if (r == 0)
		r = read_mtu(&raw, &env, err);
	if (r == 0)
		r = read_ipmasq(&raw, &env, err);
	if (r < 0)
		return r;
	*out = env;
	return 0;
}

char *flannel_device_name(uint32_t vni, bool v6, char name[FLANNEL_DEVICE_MAX])
{
	memset(name, 0, FLANNEL_DEVICE_MAX);
	snprintf(name, FLANNEL_DEVICE_MAX, v6 ? "flannel-v6.%u" : "flannel.%u", vni);
	return name;
}

char *flannel_env_text(const struct flannel_env *env)
{
	char network[IP_STRLEN], subnet[IP_STRLEN];
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);

	if (!f)
		abort();
	for (int i = 0; i < 2; i++)
		if (env->network[i].ip.family)
			fprintf(f, "%s=%s\n%s=%s\n", names[i ? NETWORK6 : NETWORK],
				ip_net_str(&env->network[i], network), names[i ? SUBNET6 : SUBNET],
				ip_net_str(&env->subnet[i], subnet));
	fprintf(f, "%s=%d\n%s=%s\n", names[MTU], env->mtu, names[IPMASQ],
		env->ipmasq ? "true" : "false");
	if (fclose(f) != 0)
		abort();
	return text;
}
