/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * sbr: source based routing: what is sent from an interface's addresses uses that interface's
 * routes, whatever the routes of other interfaces say.
 *
 * Theory of operation. It is chained behind the plugin that configured the interface. After ADD
 * there is, inside the container and for each address of the interface,
 *   - a routing table, the first from 100 up that no rule and no route uses, with the routes that
 *     the interface had in table main and that are for this address: those whose source address or
 *     gateway is in its subnet, and those that have neither; and a default route through its
 *     gateway;
 *   - a rule "from <address> lookup <table>".
 * The routes are not in table main any more. With addSourceHints the connected ones stay there and
 * name the address as source, so that packets without a source still go the right way. With "table"
 * there are only the rules: some plugin before has put the routes into that table.
 *
 * A route that is for none of the addresses stays in table main.
 *
 * A record says which rules and tables were made. DEL and rollback remove the rules by it, whether
 * or not addresses and interface still exist, and put the routes back where they were. Plugins that
 * run at the same time in one namespace (and the Go plugin) wait for each other by a lock on it.
 */
#include "chain.h"
#include "cleanup.h"
#include "netns.h"
#include "plugins/sbr_inside.h"

#include <string.h>

#define FIELD(f) offsetof(struct sbr_conf, f)

static const struct conf_key keys[] = {
	{ "table", CONF_INT, FIELD(table), .min = 1, .max = UINT32_MAX,
	  .dflt = "free ones from 100 up",
	  .help = "table to look up; no routes are moved to it, they must be there" },
	{ "gateways", CONF_ARRAY, FIELD(gateway_list), .dflt = "those of prevResult",
	  .help = "gateways of the default routes: one of IPv4, one of IPv6" },
	{ "addSourceHints", CONF_BOOL, FIELD(source_hints), .dflt = "false",
	  .help = "keep connected routes in table main, with the address as source" },
	CONF_END
};

static int read_gateways(struct sbr_conf *conf, struct cni_err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach (conf->gateway_list, i, item) {
		const char *text = json_string_value(item);
		struct ip_addr ip, *slot;

		if (!text)
			return cni_fail(err, CNI_E_DECODE, 0,
					"\"gateways[%zu]\": expected a string", i);
		if (ip_parse(text, &ip) < 0)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"gateways[%zu]\": \"%.60s\" is not an address", i, text);
		slot = &conf->gateways[ip.family == AF_INET6];
		if (slot->family)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"gateways[%zu]\": \"%.60s\" is the second one of its "
					"family",
					i, text);
		*slot = ip;
	}
	return 0;
}

static int read_conf(const struct cni_call *call, struct sbr_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", keys, conf, err);

	if (r == 0)
		r = read_gateways(conf, err);
	if (r == 0 && conf->table && (json_array_size(conf->gateway_list) || conf->source_hints))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"table\": %lld excludes \"gateways\" and \"addSourceHints\": no "
				"routes are made",
				(long long)conf->table);
	return r;
}

static int find_sources(struct sbr *s, struct cni_err *err)
{
	const struct cni_ip *ip;

	for (size_t i = 0; (ip = chain_address(s->call, &i));) {
		const struct ip_addr *fixed = &s->conf.gateways[ip->address.ip.family == AF_INET6];

		if (s->n_sources == SBR_SOURCES_MAX)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"prevResult.ips\": more than %d addresses",
					SBR_SOURCES_MAX);
		s->sources[s->n_sources++] =
			(struct sbr_source){ .ip = ip,
					     .gateway = fixed->family ? *fixed : ip->gateway };
	}
	return s->n_sources
		       ? 0
		       : cni_fail(err, CNI_E_CONF, 0,
				  "\"prevResult.ips\": there is no address of %s", s->call->ifname);
}

/* ---- DEL, GC, rollback ---- */

/* undo_fn */
static int undo_sbr(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;
	struct state_key key = chain_key(call);

	return sbr_remove(&key, call->netns, NULL, err);
}

static int remove_key(const struct state_key *key, const void *arg, struct cni_err *err)
{
	(void)arg;
	return sbr_remove(key, NULL, NULL, err);
}

/* ---- ADD ---- */

static bool is_used(uint32_t table, const struct iprule_list *rules,
		    const struct route_list routes[2])
{
	for (int i = 0; i < rules->n; i++)
		if (rules->r[i].table == table)
			return true;
	return route_list_has_table(&routes[0], table) || route_list_has_table(&routes[1], table);
}

/* A table for each address. */
static int choose_tables(struct sbr *s, const struct route_list routes[2], struct cni_err *err)
{
	autofree struct iprule_list *rules = calloc(1, sizeof(*rules));
	uint32_t table = SBR_FIRST_TABLE;
	int r;

	if (!rules)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "list the rules of the container");
	r = sbr_list_rules(s, rules, err);
	for (int i = 0; r == 0 && i < s->n_sources; i++) {
		/* local, main and default are 255, 254 and 253 */
		while (is_used(table, rules, routes) || (table >= 253 && table <= 255))
			table++;
		s->sources[i].table = table++;
	}
	return r;
}

/* Whether a route of the interface in table main is for an address. */
static bool is_for(const struct route_copy *route, const struct sbr_source *source)
{
	const struct ip_net *net = &source->ip->address;

	if (route->rtm.rtm_family != net->ip.family)
		return false;
	if (!route->src.family && !route->gw.family)
		return true;
	return (route->src.family && ip_net_contains(net, &route->src)) ||
	       (route->gw.family && ip_net_contains(net, &route->gw));
}

static bool is_own(const struct sbr *s, const struct route_copy *route)
{
	return route->oif == s->index && route->table == RT_TABLE_MAIN;
}

/* The address that a connected route is to name as source, if it stays; else NULL. */
static const struct ip_addr *hint_for(const struct sbr *s, const struct route_copy *route)
{
	for (int i = 0; s->conf.source_hints && i < s->n_sources; i++) {
		const struct ip_net *address = &s->sources[i].ip->address;
		struct ip_net net = ip_network(address);

		if (!route->gw.family && sbr_same_net(&route->dst, &net))
			return &address->ip;
	}
	return NULL;
}

static void find_defaults(struct sbr *s, const struct route_list routes[2])
{
	for (int i = 0; i < s->n_sources; i++) {
		struct sbr_source *source = &s->sources[i];
		const struct route_list *list = &routes[source->ip->address.ip.family == AF_INET6];

		source->add_default = source->gateway.family != 0;
		for (int k = 0; k < list->n; k++)
			if (is_own(s, &list->r[k]) && list->r[k].dst.len == 0 &&
			    is_for(&list->r[k], source) &&
			    ip_equal(&list->r[k].gw, &source->gateway))
				source->add_default = false;
	}
}

static int write_record(struct sbr *s, struct cni_err *err)
{
	json_t *rules = json_array(), *tables = json_array(), *defaults = json_array(),
	       *hints = json_array();
	char text[IP_STRLEN];
	int r;

	for (int i = 0; i < s->n_sources; i++) {
		const struct sbr_source *source = &s->sources[i];

		json_array_append_new(rules, json_pack("{s:s, s:I}", "from",
						       ip_str(&source->ip->address.ip, text),
						       "table", (json_int_t)source->table));
		if (!s->conf.table)
			json_array_append_new(tables, json_integer(source->table));
		if (source->add_default)
			json_array_append_new(defaults, json_integer(source->table));
		if (s->conf.source_hints)
			json_array_append_new(hints,
					      json_string(ip_net_str(&source->ip->address, text)));
	}
	json_object_set_new(s->record, "rules", rules);
	json_object_set_new(s->record, "tables", tables);
	json_object_set_new(s->record, "defaults", defaults);
	json_object_set_new(s->record, "hints", hints);
	r = state_write(&s->key, s->record);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT)
		     : 0;
}

/* The default route of an address, in its table. */
static void queue_default(struct sbr *s, const struct sbr_source *source)
{
	struct rtmsg rtm = { .rtm_family = source->gateway.family,
			     .rtm_protocol = RTPROT_BOOT,
			     .rtm_scope = RT_SCOPE_UNIVERSE,
			     .rtm_type = RTN_UNICAST };
	struct nl_msg *m = nlk_request(&s->nl, SBR_ADD_DEFAULT, RTM_NEWROUTE,
				       NLM_F_CREATE | NLM_F_APPEND, &rtm, sizeof(rtm));

	nlk_put(&s->nl, m, RTA_GATEWAY, source->gateway.b, ip_bytes(&source->gateway));
	nlk_put_u32(&s->nl, m, RTA_OIF, s->index);
	nlk_put_u32(&s->nl, m, RTA_TABLE, source->table);
}

/* Routes of one address: the connected ones first, which the gateways of others need. */
static int copy_routes(struct sbr *s, const struct sbr_source *source,
		       const struct route_list *list, struct cni_err *err)
{
	for (int with_gateway = 0; with_gateway < 2; with_gateway++)
		for (int i = 0; i < list->n; i++) {
			const struct route_copy *route = &list->r[i];

			if (!is_own(s, route) || !is_for(route, source) ||
			    (route->gw.family != 0) != with_gateway)
				continue;
			if (sbr_make_room(s, 1, err) < 0)
				return -EIO;
			route_queue_copy(&s->nl, route, source->table, NULL);
		}
	return 0;
}

/* Out of table main, what is in the other tables now. */
static int clear_main(struct sbr *s, const struct route_list *list, struct cni_err *err)
{
	for (int i = 0; i < list->n; i++) {
		const struct route_copy *route = &list->r[i];
		const struct ip_addr *hint = hint_for(s, route);
		bool moved = false;

		for (int k = 0; k < s->n_sources && !moved; k++)
			moved = is_for(route, &s->sources[k]);
		/* a connected route of IPv4 names an address by itself */
		if (!is_own(s, route) || !moved || (hint && route->src.family))
			continue;
		if (sbr_make_room(s, 2, err) < 0)
			return -EIO;
		route_queue_del_copy(&s->nl, route);
		if (hint)
			route_queue_copy(&s->nl, route, RT_TABLE_MAIN, hint);
	}
	return 0;
}

static int move_routes(struct sbr *s, const struct route_list routes[2], struct cni_err *err)
{
	int r = 0;

	for (int i = 0; r == 0 && i < s->n_sources; i++) {
		const struct sbr_source *source = &s->sources[i];

		r = copy_routes(s, source, &routes[source->ip->address.ip.family == AF_INET6], err);
		if (r == 0)
			r = sbr_make_room(s, 1, err);
		if (r == 0 && source->add_default)
			queue_default(s, source);
	}
	/* nothing is taken away before everything is where it belongs */
	if (r == 0)
		r = sbr_flush(s, err);
	for (int i = 0; r == 0 && i < 2; i++)
		r = clear_main(s, &routes[i], err);
	return r < 0 ? r : sbr_flush(s, err);
}

static int add_rules(struct sbr *s, struct cni_err *err)
{
	for (int i = 0; i < s->n_sources; i++) {
		struct iprule rule =
			sbr_rule_of(&s->sources[i].ip->address.ip, s->sources[i].table);

		if (sbr_make_room(s, 1, err) < 0)
			return -EIO;
		iprule_queue_add(&s->nl, &rule);
	}
	return sbr_flush(s, err);
}

static int add_inside(void *arg, struct cni_err *err)
{
	autoroutes struct route_list v4 = { 0 }, v6 = { 0 };
	struct route_list routes[2];
	struct sbr *s = arg;
	int r = sbr_open_inside(s, err);

	if (r == 0 && !s->index)
		r = cni_fail(err, CNI_E_FAILED, ENODEV, "look up %s in the container",
			     s->key.ifname);
	for (int i = 0; s->conf.table && i < s->n_sources; i++)
		s->sources[i].table = (uint32_t)s->conf.table;
	if (r == 0 && !s->conf.table) {
		r = sbr_list_routes(s, AF_INET, 0, 0, &v4, err);
		if (r == 0)
			r = sbr_list_routes(s, AF_INET6, 0, 0, &v6, err);
		routes[0] = v4;
		routes[1] = v6;
		if (r == 0)
			r = choose_tables(s, routes, err);
		if (r == 0)
			find_defaults(s, routes);
	}
	if (r < 0)
		return r;
	undo_push(s->undo, "source based routing", undo_sbr, s->call);
	r = write_record(s, err);
	if (r == 0 && !s->conf.table)
		r = move_routes(s, routes, err);
	return r < 0 ? r : add_rules(s, err);
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	json_auto_t *record = json_object();
	struct sbr s = { .call = call, .undo = undo, .key = chain_key(call), .record = record };
	autoclose int fd = -1;
	int r = read_conf(call, &s.conf, err);

	if (r == 0)
		r = chain_begin(call, result, err);
	if (r == 0)
		r = find_sources(&s, err);
	/* of an ADD that was killed */
	if (r == 0 && state_exists(&s.key))
		r = sbr_remove(&s.key, call->netns, NULL, err);
	if (r < 0)
		return r;
	fd = netns_open(call->netns, err);
	return fd < 0 ? fd : sbr_locked(&s, fd, add_inside, err);
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct state_key key = chain_key(call);

	return sbr_remove(&key, call->netns, call, err);
}

/* ---- CHECK, GC, STATUS ---- */

/* The table that an address is looked up in, 0: there is no rule for it. */
static uint32_t table_of(const struct iprule_list *rules, const struct ip_addr *ip, int64_t table)
{
	for (int i = 0; i < rules->n; i++)
		if (rules->r[i].from.len == ip_bits(ip) && ip_equal(&rules->r[i].from.ip, ip) &&
		    (table ? rules->r[i].table == table : rules->r[i].table >= SBR_FIRST_TABLE))
			return rules->r[i].table;
	return 0;
}

static int check_table(struct sbr *s, const struct sbr_source *source, uint32_t table,
		       struct cni_err *err)
{
	autoroutes struct route_list list = { 0 };
	char text[IP_STRLEN], gw[IP_STRLEN];
	int r = sbr_list_routes(s, source->ip->address.ip.family, s->index, table, &list, err);

	if (r < 0)
		return r;
	for (int i = 0; i < list.n; i++)
		if (!source->gateway.family ||
		    (list.r[i].dst.len == 0 && ip_equal(&list.r[i].gw, &source->gateway)))
			return 0;
	ip_str(&source->ip->address.ip, text);
	if (!source->gateway.family)
		return cni_fail(err, CNI_E_FAILED, 0,
				"table %u, which %s is looked up in, has no route through %s",
				table, text, s->key.ifname);
	return cni_fail(err, CNI_E_FAILED, 0,
			"table %u, which %s is looked up in, has lost its default route through %s",
			table, text, ip_str(&source->gateway, gw));
}

static int check_inside(void *arg, struct cni_err *err)
{
	autofree struct iprule_list *rules = calloc(1, sizeof(*rules));
	struct sbr *s = arg;
	int r = sbr_open_inside(s, err);

	if (!rules)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "list the rules of the container");
	if (r == 0 && !s->index)
		r = cni_fail(err, CNI_E_FAILED, ENODEV, "look up %s in the container",
			     s->key.ifname);
	if (r == 0)
		r = sbr_list_rules(s, rules, err);
	for (int i = 0; r == 0 && i < s->n_sources; i++) {
		const struct ip_addr *ip = &s->sources[i].ip->address.ip;
		uint32_t table = table_of(rules, ip, s->conf.table);
		char text[IP_STRLEN];

		if (!table)
			return cni_fail(err, CNI_E_FAILED, 0,
					"the rule for packets from %s is gone", ip_str(ip, text));
		if (!s->conf.table)
			r = check_table(s, &s->sources[i], table, err);
	}
	return r;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct sbr s = { .call = call, .key = chain_key(call) };
	autoclose int fd = -1;
	int r = read_conf(call, &s.conf, err);

	if (r == 0 && !call->prev)
		r = cni_fail(err, CNI_E_CONF, 0, "\"prevResult\": required for CHECK");
	if (r == 0)
		r = find_sources(&s, err);
	if (r < 0)
		return r;
	fd = netns_open(call->netns, err);
	return fd < 0 ? fd : sbr_locked(&s, fd, check_inside, err);
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	return chain_gc(call, remove_key, NULL, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct sbr_conf conf = { 0 };

	return read_conf(call, &conf, err);
}

static const struct cni_plugin sbr_plugin = {
	.name = "sbr",
	.about = "routes what comes from an interface's addresses by that interface's routes",
	.keys = keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&sbr_plugin, argc, argv);
}
