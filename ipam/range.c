/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Range sets of host-local: parsing, validation, and the order in which addresses are tried. */
#include "range.h"

#include "cleanup.h"

#include <string.h>

struct range_text {
	const char *subnet, *start, *end, *gateway;
};

static const struct conf_key range_keys[] = {
	{ "subnet", CONF_STRING, offsetof(struct range_text, subnet) },
	{ "rangeStart", CONF_STRING, offsetof(struct range_text, start) },
	{ "rangeEnd", CONF_STRING, offsetof(struct range_text, end) },
	{ "gateway", CONF_STRING, offsetof(struct range_text, gateway) },
	CONF_END,
};

static bool range_contains(const struct ip_range *r, const struct ip_addr *ip)
{
	return ip->family == r->start.family && ip_cmp(ip, &r->start) >= 0 &&
	       ip_cmp(ip, &r->end) <= 0;
}

static bool range_overlap(const struct ip_range *a, const struct ip_range *b)
{
	return range_contains(a, &b->start) || range_contains(b, &a->start);
}

static int parse_subnet(const char *text, const char *path, struct ip_net *out, struct cni_err *err)
{
	struct ip_net net, clean;
	char buf[IP_STRLEN];

	if (!text)
		return cni_fail(err, CNI_E_CONF, 0, "%s.subnet is missing", path);
	if (ip_net_parse(text, &net) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"%s.subnet: \"%s\" is no prefix such as 10.1.0.0/16", path, text);
	clean = ip_network(&net);
	if (net.len > ip_bits(&net.ip) - 2)
		return cni_fail(err, CNI_E_CONF, 0,
				"%s.subnet: Network %s too small to allocate from", path,
				ip_net_str(&clean, buf));
	if (!ip_equal(&clean.ip, &net.ip))
		return cni_fail(err, CNI_E_CONF, 0,
				"%s.subnet: Network %s has host bits set. For a subnet mask of "
				"length %u the network address is %s",
				path, text, net.len, ip_str(&clean.ip, buf));
	*out = net;
	return 0;
}

/* An address of a range; absent and "" (as in Go) leave @ip as it is. */
static int parse_member(const char *text, const char *path, const char *key,
			const struct ip_net *subnet, struct ip_addr *ip, struct cni_err *err)
{
	char buf[IP_STRLEN];
	struct ip_addr got;

	if (!text || !*text)
		return 0;
	if (ip_parse(text, &got) < 0)
		return cni_fail(err, CNI_E_CONF, 0, "%s.%s: \"%s\" is no IP address", path, key,
				text);
	if (!subnet) { /* a gateway may be anywhere, as in the reference */
		*ip = got;
		return 0;
	}
	if (got.family != subnet->ip.family)
		return cni_fail(err, CNI_E_CONF, 0,
				"%s.%s: IP %s is not the same protocol as subnet %s", path, key,
				text, ip_net_str(subnet, buf));
	if (!ip_net_contains(subnet, &got))
		return cni_fail(err, CNI_E_CONF, 0, "%s.%s: %s not in network %s", path, key, text,
				ip_net_str(subnet, buf));
	*ip = got;
	return 0;
}

static int parse_range(const json_t *obj, const char *path, struct ip_range *out,
		       struct cni_err *err)
{
	struct range_text text = { 0 };
	struct ip_range r;
	int ret;

	if (!json_is_object(obj))
		return cni_fail(err, CNI_E_DECODE, 0, "%s is not an object", path);
	ret = conf_read(obj, path, range_keys, &text, err);
	if (ret < 0)
		return ret;
	ret = parse_subnet(text.subnet, path, &r.subnet, err);
	if (ret < 0)
		return ret;
	r.gateway = r.start = ip_add(&r.subnet.ip, 1);
	r.end = ip_last(&r.subnet);
	if (r.end.family == AF_INET)
		r.end.b[3]--; /* the broadcast address */
	ret = parse_member(text.gateway, path, "gateway", NULL, &r.gateway, err);
	if (ret == 0)
		ret = parse_member(text.start, path, "rangeStart", &r.subnet, &r.start, err);
	if (ret == 0)
		ret = parse_member(text.end, path, "rangeEnd", &r.subnet, &r.end, err);
	if (ret < 0)
		return ret;
	if (ip_cmp(&r.start, &r.end) > 0) {
		char net[IP_STRLEN], start[IP_STRLEN], end[IP_STRLEN];

		return cni_fail(err, CNI_E_CONF, 0,
				"%s.rangeEnd: %s is in network %s but before start %s", path,
				ip_str(&r.end, end), ip_net_str(&r.subnet, net),
				ip_str(&r.start, start));
	}
	*out = r;
	return 0;
}

/* Append an empty set with room for @n ranges. */
static struct range_set *add_set(struct range_sets *sets, size_t n)
{
	struct range_set *bigger = realloc(sets->sets, (sets->n + 1) * sizeof(*bigger));

	if (!bigger)
		abort();
	sets->sets = bigger;
	bigger[sets->n] =
		(struct range_set){ .ranges = calloc(n ? n : 1, sizeof(struct ip_range)) };
	if (!bigger[sets->n].ranges)
		abort();
	return &bigger[sets->n++];
}

static int check_set(const struct range_set *set, const char *path, struct cni_err *err)
{
	for (size_t i = 0; i < set->n; i++) {
		const struct ip_range *a = &set->ranges[i];

		if (a->start.family != set->ranges[0].start.family)
			return cni_fail(err, CNI_E_CONF, 0, "%s: mixed address families", path);
		for (size_t j = 0; j < i; j++) {
			const struct ip_range *b = &set->ranges[j];
			char sb[IP_STRLEN], eb[IP_STRLEN], sa[IP_STRLEN], ea[IP_STRLEN];

			if (range_overlap(a, b))
				return cni_fail(err, CNI_E_CONF, 0,
						"%s: subnets %s-%s and %s-%s overlap", path,
						ip_str(&b->start, sb), ip_str(&b->end, eb),
						ip_str(&a->start, sa), ip_str(&a->end, ea));
		}
	}
	return 0;
}

/* An array of arrays of ranges: runtimeConfig.ipRanges and ipam.ranges. */
static int parse_sets(const json_t *array, const char *path, struct range_sets *sets,
		      struct cni_err *err)
{
	json_t *inner, *item;
	char where[96];
	size_t i, j;
	int r;

	if (array && !json_is_array(array))
		return cni_fail(err, CNI_E_DECODE, 0, "%s is not an array", path);
	json_array_foreach (array, i, inner) {
		struct range_set *set;

		snprintf(where, sizeof(where), "%s[%zu]", path, i);
		if (!json_is_array(inner))
			return cni_fail(err, CNI_E_DECODE, 0, "%s is not an array of ranges",
					where);
		if (json_array_size(inner) == 0)
			return cni_fail(err, CNI_E_CONF, 0, "%s: empty range set", where);
		set = add_set(sets, json_array_size(inner));
		json_array_foreach (inner, j, item) {
			snprintf(where, sizeof(where), "%s[%zu][%zu]", path, i, j);
			r = parse_range(item, where, &set->ranges[set->n], err);
			if (r < 0)
				return r;
			set->n++;
		}
		snprintf(where, sizeof(where), "%s[%zu]", path, i);
		r = check_set(set, where, err);
		if (r < 0)
			return r;
	}
	return 0;
}

static bool sets_overlap(const struct range_set *a, const struct range_set *b)
{
	for (size_t i = 0; i < a->n; i++)
		for (size_t j = 0; j < b->n; j++)
			if (range_overlap(&a->ranges[i], &b->ranges[j]))
				return true;
	return false;
}

static int check_sets(const struct range_sets *sets, enum cni_version version, struct cni_err *err)
{
	int n4 = 0, n6 = 0;

	if (sets->n == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"no IP ranges specified: set ipam.ranges or ipam.subnet");
	for (size_t i = 0; i < sets->n; i++)
		*(sets->sets[i].ranges[0].start.family == AF_INET ? &n4 : &n6) += 1;
	if ((n4 > 1 || n6 > 1) && version < CNI_0_3_0)
		return cni_fail(err, CNI_E_CONF, 0,
				"CNI version %s does not support more than 1 address per family",
				version_name(version));
	for (size_t i = 0; i < sets->n; i++)
		for (size_t j = i + 1; j < sets->n; j++)
			if (sets_overlap(&sets->sets[i], &sets->sets[j])) {
				char a[256], b[256];

				return cni_fail(err, CNI_E_CONF, 0,
						"range set %zu (%s) overlaps with %zu (%s)", i,
						range_set_str(&sets->sets[i], a, sizeof(a)), j,
						range_set_str(&sets->sets[j], b, sizeof(b)));
			}
	return 0;
}

int range_sets_read(const json_t *conf, enum cni_version version, struct range_sets *out,
		    struct cni_err *err)
{
	const json_t *ipam = conf_get(conf, "ipam");
	struct range_sets sets = { 0 };
	int r;

	r = parse_sets(conf_get_path(conf, "runtimeConfig.ipRanges"), "runtimeConfig.ipRanges",
		       &sets, err);
	if (r == 0 && conf_get(ipam, "subnet")) {
		struct range_set *set = add_set(&sets, 1);

		r = parse_range(ipam, "ipam", &set->ranges[0], err);
		set->n = 1;
	}
	if (r == 0)
		r = parse_sets(conf_get(ipam, "ranges"), "ipam.ranges", &sets, err);
	if (r == 0)
		r = check_sets(&sets, version, err);
	if (r < 0) {
		range_sets_free(&sets);
		return r;
	}
	*out = sets;
	return 0;
}

void range_sets_free(struct range_sets *sets)
{
	for (size_t i = 0; i < sets->n; i++)
		free(sets->sets[i].ranges);
	free(sets->sets);
	*sets = (struct range_sets){ 0 };
}

const struct ip_range *range_set_find(const struct range_set *set, const struct ip_addr *ip)
{
	for (size_t i = 0; i < set->n; i++)
		if (range_contains(&set->ranges[i], ip))
			return &set->ranges[i];
	return NULL;
}

uint64_t range_set_size(const struct range_set *set)
{
	uint64_t total = 0;

	for (size_t i = 0; i < set->n; i++) {
		const struct ip_range *r = &set->ranges[i];
		uint64_t size = ip_sub(&r->end, &r->start);

		if (size == UINT64_MAX)
			return UINT64_MAX;
		if (!range_contains(r, &r->gateway))
			size++;
		if (__builtin_add_overflow(total, size, &total))
			return UINT64_MAX;
	}
	return total;
}

char *range_set_str(const struct range_set *set, char *buf, size_t size)
{
	size_t used = 0;

	buf[0] = '\0';
	for (size_t i = 0; i < set->n && used < size; i++) {
		char start[IP_STRLEN], end[IP_STRLEN];

		used += snprintf(buf + used, size - used, "%s%s-%s", i ? "," : "",
				 ip_str(&set->ranges[i].start, start),
				 ip_str(&set->ranges[i].end, end));
	}
	return buf;
}

int range_set_piece(const struct range_set *set, const struct ip_addr *last, size_t i,
		    struct range_piece *out)
{
	const struct ip_range *first = last ? range_set_find(set, last) : NULL;
	size_t at = first ? (size_t)(first - set->ranges) : 0;
	struct range_piece p;

	if (i > set->n || (i == set->n && !first))
		return -ENOENT;
	p.range = &set->ranges[(at + i) % set->n];
	p.from = p.range->start;
	p.to = p.range->end;
	if (first && i == 0) {
		if (ip_equal(last, &p.to))
			return 0;
		p.from = ip_add(last, 1);
	} else if (first && i == set->n) {
		p.to = *last;
	}
	*out = p;
	return 1;
}
