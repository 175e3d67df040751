/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Plans: building them, and their form in the attachment record. */
#include "nat_priv.h"

#include "args.h"
#include "conditions.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

void nat_plan_free(struct nat_plan *plan)
{
	free(plan->items);
	free(plan->chains);
	free(plan->runs);
	json_decref(plan->conditions[0].rules);
	json_decref(plan->conditions[1].rules);
	memset(plan, 0, sizeof(*plan));
}

/* Room for one more element of @size bytes; arrays grow by powers of two. */
static void *grow(void *array, size_t n, size_t size)
{
	if (n & (n - 1) || (n > 0 && n < 4))
		return array;
	array = realloc(array, (n ? 2 * n : 4) * size);
	if (!array)
		abort();
	return array;
}

void nat_plan_chain(struct nat_plan *plan, enum nat_kind kind, const struct ip_net *subnet)
{
	struct nat_chain chain = { kind, ip_network(subnet) };

	/* two addresses of a container in one subnet share the chain */
	for (size_t i = 0; i < plan->n_chains; i++)
		if (plan->chains[i].kind == kind &&
		    plan->chains[i].subnet.len == chain.subnet.len &&
		    ip_equal(&plan->chains[i].subnet.ip, &chain.subnet.ip))
			return;
	plan->chains = grow(plan->chains, plan->n_chains, sizeof(*plan->chains));
	plan->chains[plan->n_chains++] = chain;
}

void nat_plan_item(struct nat_plan *plan, enum nat_set set, const char *first, const char *second)
{
	struct nat_item *item;

	plan->items = grow(plan->items, plan->n_items, sizeof(*plan->items));
	item = &plan->items[plan->n_items++];
	item->set = set;
	snprintf(item->field[0], sizeof(item->field[0]), "%s", first);
	snprintf(item->field[1], sizeof(item->field[1]), "%s", second ? second : "");
}

void nat_plan_ip(struct nat_plan *plan, enum nat_set v4, const struct ip_addr *ip,
		 const char *ifname)
{
	enum nat_set set = ip->family == AF_INET ? v4 : v4 + 1;
	char text[IP_STRLEN];

	ip_str(ip, text);
	if (nat_sets[set].key[0] == NAT_F_IFNAME)
		nat_plan_item(plan, set, ifname, text);
	else
		nat_plan_item(plan, set, text, ifname);
}

void nat_plan_run(struct nat_plan *plan, const struct port_run *run)
{
	plan->runs = grow(plan->runs, plan->n_runs, sizeof(*plan->runs));
	plan->runs[plan->n_runs++] = *run;
}

void nat_plan_conditions(struct nat_plan *plan, int family, json_t *rules)
{
	struct nat_conditions *c = &plan->conditions[family == AF_INET6];

	json_decref(c->rules);
	c->rules = rules;
}

bool nat_plan_empty(const struct nat_plan *plan)
{
	return plan->n_items + plan->n_chains + plan->n_runs == 0;
}

/* ---- the plan in the record ---- */

static const char *const kind_names[NAT_KINDS] = { "masq", "hairpin" };
static const char *const condition_names[] = { "conditions4", "conditions6" };

/* Runs that differ only in their ports stand in one text: an attachment may publish thousands. */
static bool same_ends(const struct port_run *a, const struct port_run *b)
{
	return a->proto == b->proto && ip_equal(&a->host, &b->host) &&
	       ip_equal(&a->container, &b->container);
}

static char *put_number(char *at, uint32_t n)
{
	char digits[10];
	size_t len = 0;

	do
		digits[len++] = '0' + n % 10;
	while (n /= 10);
	while (len)
		*at++ = digits[--len];
	return at;
}

#define RUN_TEXT 20 /* "65535-65535:65535 " */

/* ["tcp", host address or "", container's address, "8080:80 9000-9009:9000"] */
static json_t *ports_json(const struct port_run *runs, size_t n)
{
	char host[IP_STRLEN] = "", container[IP_STRLEN], *text = malloc(n * RUN_TEXT), *at = text;
	json_t *ports;

	if (!text)
		abort();
	for (size_t i = 0; i < n; i++) {
		if (i)
			*at++ = ' ';
		at = put_number(at, runs[i].host_port);
		if (runs[i].count > 1) {
			*at++ = '-';
			at = put_number(at, runs[i].host_port + runs[i].count - 1);
		}
		*at++ = ':';
		at = put_number(at, runs[i].container_port);
	}
	if (runs->host.family)
		ip_str(&runs->host, host);
	ports = json_pack("[s, s, s, s%]", port_proto(runs->proto), host,
			  ip_str(&runs->container, container), text, (size_t)(at - text));
	free(text);
	return ports;
}

json_t *nat_plan_json(const struct nat_plan *plan)
{
	json_t *chains = json_array(), *items = json_array(), *runs = json_array(), *obj;
	char text[IP_STRLEN];

	for (size_t i = 0; i < plan->n_chains; i++)
		json_array_append_new(chains, json_pack("[s, s]", kind_names[plan->chains[i].kind],
							ip_net_str(&plan->chains[i].subnet, text)));
	for (size_t i = 0; i < plan->n_items; i++)
		json_array_append_new(items,
				      json_pack("[s, s, s]", nat_sets[plan->items[i].set].name,
						plan->items[i].field[0], plan->items[i].field[1]));
	for (size_t i = 0, n; i < plan->n_runs; i += n) {
		for (n = 1; i + n < plan->n_runs; n++)
			if (!same_ends(&plan->runs[i], &plan->runs[i + n]))
				break;
		json_array_append_new(runs, ports_json(&plan->runs[i], n));
	}
	obj = json_pack("{s:o, s:o, s:o}", "chains", chains, "items", items, "ports", runs);
	for (int i = 0; i < 2; i++)
		if (plan->conditions[i].rules)
			json_object_set_new(obj, condition_names[i],
					    json_pack("{s:i, s:O}", "slot",
						      (int)plan->conditions[i].slot, "rules",
						      plan->conditions[i].rules));
	return obj;
}

static int read_chain(const json_t *value, struct nat_plan *plan)
{
	const char *kind, *text;
	struct ip_net subnet;

	if (json_unpack((json_t *)value, "[s, s!]", &kind, &text) < 0 ||
	    ip_net_parse(text, &subnet) < 0)
		return -EBADMSG;
	for (int i = 0; i < NAT_KINDS; i++) {
		if (strcmp(kind, kind_names[i]) == 0) {
			nat_plan_chain(plan, i, &subnet);
			return 0;
		}
	}
	return -EBADMSG;
}

/* Text of a field that has the field's kind, so that encoding it cannot fail. */
static bool field_ok(enum nat_field field, const char *text)
{
	struct cni_err ignored = { 0 };
	struct ip_addr ip;
	uint8_t mac[6];

	switch (field) {
	case NAT_F_END:
		return *text == '\0';
	case NAT_F_IP4:
	case NAT_F_IP6:
		return ip_parse(text, &ip) == 0 &&
		       ip.family == (field == NAT_F_IP4 ? AF_INET : AF_INET6);
	case NAT_F_IFNAME:
		return args_check_ifname(text, CNI_E_CONF, "interface", &ignored) == 0;
	case NAT_F_MAC:
		return mac_parse(text, mac) == 0;
	case NAT_F_PROTO:
	case NAT_F_PORT:
	case NAT_F_CHAIN:
		break;
	}
	return false;
}

static int read_item(const json_t *value, struct nat_plan *plan)
{
	const char *set, *first, *second;

	if (json_unpack((json_t *)value, "[s, s, s!]", &set, &first, &second) < 0)
		return -EBADMSG;
	for (int i = 0; i < NAT_SETS; i++) {
		if (strcmp(set, nat_sets[i].name) != 0)
			continue;
		if (!field_ok(nat_sets[i].key[0], first) || !field_ok(nat_sets[i].key[1], second))
			return -EBADMSG;
		nat_plan_item(plan, i, first, second);
		return 0;
	}
	return -EBADMSG;
}

/* A number up to @max. Return: what follows it, or NULL. */
static const char *read_number(const char *at, long max, long *n)
{
	char *end;

	if (*at < '0' || *at > '9')
		return NULL;
	*n = strtol(at, &end, 10);
	return *n < 1 || *n > max ? NULL : end;
}

/* One of the runs of a text. Return: what follows it, or NULL. */
static const char *read_run(const char *at, struct port_run *run)
{
	long first = 0, last, container = 0;

	at = read_number(at, 65535, &first);
	last = first;
	if (at && *at == '-')
		at = read_number(at + 1, 65535, &last);
	if (!at || *at != ':' || last < first)
		return NULL;
	at = read_number(at + 1, 65535 - (last - first), &container);
	if (!at || (*at != ' ' && *at != '\0'))
		return NULL;
	run->host_port = first;
	run->container_port = container;
	run->count = last - first + 1;
	return *at ? at + 1 : at;
}

static int read_ports(const json_t *value, struct nat_plan *plan)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	const char *proto, *host, *container, *text;
	struct port_run run = { 0 };

	if (json_unpack((json_t *)value, "[s, s, s, s!]", &proto, &host, &container, &text) < 0)
		return -EBADMSG;
	for (size_t i = 0; i < sizeof(protos); i++)
		if (strcmp(proto, port_proto(protos[i])) == 0)
			run.proto = protos[i];
	if (!run.proto || ip_parse(container, &run.container) < 0 ||
	    (*host && (ip_parse(host, &run.host) < 0 || run.host.family != run.container.family)))
		return -EBADMSG;
	do {
		text = read_run(text, &run);
		if (!text)
			return -EBADMSG;
		nat_plan_run(plan, &run);
	} while (*text);
	return 0;
}

static int read_conditions(const json_t *obj, struct nat_plan *plan)
{
	for (int i = 0; i < 2; i++) {
		const json_t *conditions = json_object_get(obj, condition_names[i]);
		json_t *rules;
		int slot;

		if (!conditions)
			continue;
		if (json_unpack((json_t *)conditions, "{s:i, s:o!}", "slot", &slot, "rules",
				&rules) < 0 ||
		    slot < 0 || slot >= NAT_COND_SLOTS ||
		    !conditions_valid(rules, i ? AF_INET6 : AF_INET))
			return -EBADMSG;
		nat_plan_conditions(plan, i ? AF_INET6 : AF_INET, json_incref(rules));
		plan->conditions[i].slot = slot;
	}
	return 0;
}

int nat_plan_parse(const json_t *obj, struct nat_plan *plan)
{
	static const struct {
		const char *name;
		int (*read)(const json_t *value, struct nat_plan *plan);
	} parts[] = { { "chains", read_chain }, { "items", read_item }, { "ports", read_ports } };

	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		const json_t *list = json_object_get(obj, parts[i].name), *value;
		size_t at;

		json_array_foreach (list, at, value)
			if (parts[i].read(value, plan) < 0)
				return -EBADMSG;
	}
	return read_conditions(obj, plan);
}

int nat_plan_read(const json_t *record, struct nat_plan *plan)
{
	const json_t *obj = json_object_get(record, "nftables");
	int r;

	memset(plan, 0, sizeof(*plan));
	if (!obj)
		return 0;
	plan->owner = state_key_of(record);
	r = nat_plan_parse(obj, plan);
	if (r < 0)
		nat_plan_free(plan);
	return r < 0 ? r : 1;
}
