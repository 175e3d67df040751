/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source based routing inside the container: what ADD, DEL and CHECK share, and taking it back. */
#include "plugins/sbr_inside.h"

#include "addr.h"
#include "cleanup.h"
#include "log.h"
#include "netns.h"

#include <string.h>

struct iprule sbr_rule_of(const struct ip_addr *ip, uint32_t table)
{
	return (struct iprule){ .from = { *ip, ip_bits(ip) }, .table = table };
}

int sbr_make_room(struct sbr *s, int more, struct cni_err *err)
{
	int r = s->nl.n_queued + more > NLK_BATCH_MAX ? nlk_send(&s->nl, NULL, NULL) : 0;

	if (r < 0 && s->nl.failed && strcmp(s->nl.failed, SBR_ADD_DEFAULT) == 0)
		return nlk_fail(err, &s->nl, CNI_E_CONF, r,
				"the gateway of %s cannot be reached through it", s->key.ifname);
	return r < 0 ? nlk_fail(err, &s->nl, CNI_E_FAILED, r, "route by source for %s",
				s->key.ifname)
		     : 0;
}

int sbr_flush(struct sbr *s, struct cni_err *err)
{
	return sbr_make_room(s, NLK_BATCH_MAX + 1, err);
}

int sbr_open_inside(struct sbr *s, struct cni_err *err)
{
	struct link_info info;
	int r = nlk_open(&s->nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	r = link_get(&s->nl, s->key.ifname, &info);
	if (r < 0 && r != -ENODEV)
		return nlk_fail(err, &s->nl, CNI_E_FAILED, r, "look up %s in the container",
				s->key.ifname);
	s->index = r < 0 ? 0 : info.index;
	return 0;
}

int sbr_locked(struct sbr *s, int netns, int (*fn)(void *arg, struct cni_err *err),
	       struct cni_err *err)
{
	int r = netns_run_locked(netns, fn, s, err);

	nlk_close(&s->nl);
	return r;
}

int sbr_list_routes(struct sbr *s, int family, int oif, uint32_t table, struct route_list *out,
		    struct cni_err *err)
{
	int r = route_list_get(&s->nl, family, oif, table, out);

	return r < 0 ? nlk_fail(err, &s->nl, CNI_E_FAILED, r, "list the routes of the container")
		     : 0;
}

int sbr_list_rules(struct sbr *s, struct iprule_list *out, struct cni_err *err)
{
	int r = iprule_list_get(&s->nl, AF_INET, out);

	if (r == 0)
		r = iprule_list_get(&s->nl, AF_INET6, out);
	return r < 0 ? nlk_fail(err, &s->nl, CNI_E_FAILED, r, "list the rules of the container")
		     : 0;
}

bool sbr_same_net(const struct ip_net *a, const struct ip_net *b)
{
	return a->len == b->len && ip_equal(&a->ip, &b->ip);
}

/* Whether the number stands in a list of the record. */
static bool has_number(const json_t *list, uint32_t number)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		if (json_integer_value(item) == (json_int_t)number)
			return true;
	return false;
}

/* Whether it is the default route that ADD made itself. */
static bool is_made(const struct sbr *s, const struct route_copy *route)
{
	return route->dst.len == 0 && route->gw.family && route->rtm.rtm_protocol == RTPROT_BOOT &&
	       has_number(json_object_get(s->record, "defaults"), route->table);
}

/* Whether the route that stayed in table main is another form of this one, with a source. */
static bool is_hinted(const struct sbr *s, const struct route_copy *route)
{
	const json_t *list = json_object_get(s->record, "hints"), *item;
	size_t i;

	json_array_foreach (list, i, item) {
		struct ip_net address, net;

		if (!json_is_string(item) || ip_net_parse(json_string_value(item), &address) < 0)
			continue;
		net = ip_network(&address);
		if (!route->gw.family && !route->src.family && sbr_same_net(&route->dst, &net))
			return true;
	}
	return false;
}

/* Everything of the interface in one table, back to table main. */
static int restore_table(struct sbr *s, int family, uint32_t table, struct cni_err *err)
{
	autoroutes struct route_list list = { 0 };
	int r = sbr_list_routes(s, family, s->index, table, &list, err);

	for (int i = 0; r == 0 && i < 2 * list.n; i++) {
		const struct route_copy *route = &list.r[i % list.n];
		struct route_copy in_main = *route;

		/* the connected ones first, which the gateways of others need */
		if ((route->gw.family != 0) != (i >= list.n))
			continue;
		r = sbr_make_room(s, 3, err);
		if (r < 0)
			break;
		in_main.table = RT_TABLE_MAIN;
		if (is_hinted(s, route))
			route_queue_del_copy(&s->nl, &in_main);
		if (!is_made(s, route))
			route_queue_copy(&s->nl, route, RT_TABLE_MAIN, NULL);
		route_queue_del_copy(&s->nl, route);
	}
	return r;
}

static int restore_routes(struct sbr *s, struct cni_err *err)
{
	const json_t *item;
	size_t i;
	int r = 0;

	json_array_foreach (json_object_get(s->record, "tables"), i, item) {
		uint32_t table = (uint32_t)json_integer_value(item);

		if (r == 0)
			r = restore_table(s, AF_INET, table, err);
		if (r == 0)
			r = sbr_flush(s, err);
		if (r == 0)
			r = restore_table(s, AF_INET6, table, err);
		if (r == 0)
			r = sbr_flush(s, err);
	}
	return r;
}

static int remove_rules(struct sbr *s, struct cni_err *err)
{
	const json_t *item;
	size_t i;

	json_array_foreach (json_object_get(s->record, "rules"), i, item) {
		const char *from = json_string_value(json_object_get(item, "from"));
		uint32_t table = (uint32_t)json_integer_value(json_object_get(item, "table"));
		struct iprule rule;
		struct ip_addr ip;

		if (!from || ip_parse(from, &ip) < 0)
			continue;
		if (sbr_make_room(s, 1, err) < 0)
			return -EIO;
		rule = sbr_rule_of(&ip, table);
		iprule_queue_del(&s->nl, &rule);
	}
	return sbr_flush(s, err);
}

static int remove_inside(void *arg, struct cni_err *err)
{
	struct cni_err step = { 0 };
	struct sbr *s = arg;
	int r = sbr_open_inside(s, err);

	if (r == 0)
		r = remove_rules(s, err);
	if (s->nl.sock && s->index && restore_routes(s, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

/* Whether a rule of the Go plugin is for an address of this attachment. */
static bool is_foreign_rule(const struct iprule *rule, int64_t table, const struct cni_call *call,
			    const struct addr_list *have)
{
	const struct cni_ip *ip;

	if (rule->from.len != ip_bits(&rule->from.ip) ||
	    (table ? rule->table != table : rule->table < SBR_FIRST_TABLE))
		return false;
	for (int i = 0; i < have->n; i++)
		if (ip_equal(&have->a[i].net.ip, &rule->from.ip))
			return true;
	for (size_t i = 0; (ip = chain_address(call, &i));)
		if (ip_equal(&ip->address.ip, &rule->from.ip))
			return true;
	return false;
}

/* Without a record: rules that the Go plugin may have made, as it finds them itself. */
static int remove_foreign_inside(void *arg, struct cni_err *err)
{
	autofree struct iprule_list *rules = calloc(1, sizeof(*rules));
	autofree struct addr_list *have = calloc(1, sizeof(*have));
	const json_t *table = NULL;
	struct sbr *s = arg;
	int r = sbr_open_inside(s, err);

	if (!rules || !have)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "list the rules of the container");
	if (r == 0)
		r = sbr_list_rules(s, rules, err);
	if (r == 0 && s->index && addr_list_get(&s->nl, s->index, AF_UNSPEC, have) < 0)
		log_trace("the addresses of %s are those of prevResult", s->key.ifname);
	table = conf_get(s->call->conf, "table");
	for (int i = 0; r == 0 && i < rules->n; i++) {
		if (!is_foreign_rule(&rules->r[i], json_integer_value(table), s->call, have))
			continue;
		r = sbr_make_room(s, 1, err);
		if (r == 0)
			iprule_queue_del(&s->nl, &rules->r[i]);
	}
	return r < 0 ? r : sbr_flush(s, err);
}

int sbr_remove(const struct state_key *key, const char *netns, const struct cni_call *call,
	       struct cni_err *err)
{
	json_auto_t *record = NULL;
	struct sbr s = { .call = call, .key = *key };
	struct cni_err gone = { 0 };
	autoclose int fd = -1;
	int found = state_read(key, &record), r = 0;

	if (found == -ENOENT && !(netns && call && chain_foreign(call)))
		return 0;
	s.record = record;
	fd = netns ? netns_open(netns, &gone) : -1;
	if (fd < 0)
		log_trace("no routes to put back: %s", netns ? gone.msg : "no network namespace");
	else
		r = sbr_locked(&s, fd, found == -ENOENT ? remove_foreign_inside : remove_inside,
			       err);
	if (r == 0) {
		r = state_remove(key);
		if (r < 0)
			cni_fail(err, CNI_E_IO, r,
				 "remove the attachment record below " STATE_ROOT);
	}
	return r;
}
