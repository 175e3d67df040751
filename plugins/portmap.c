/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * portmap: publishes ports of a container on the host.
 *
 * Theory of operation. It is chained behind a plugin that gave the container an address, and does
 * nothing without runtimeConfig.portMappings. With the nftables backend there is after ADD
 *   - in table inet hawser: one map element per published port, or per run of ports that are the
 *     same on both sides; with snat an element that lets the container's subnet and 127.0.0.1 use
 *     them, and the subnet's chain "hairpin-..."; every element names its owner;
 *   - on the host: route_localnet of the interface that leads to the container (IPv4, snat), once
 *     the table is in place that keeps neighbours out of 127.0.0.0/8 (CVE-2020-8558);
 *   - on disk: an attachment record, from which DEL, GC and "hawser reload" work.
 * With the iptables backend the rules are those of the reference plugin (common/xt.h).
 *
 * Only packets for addresses of the host itself are translated (CVE-2025-67499). A connection to a
 * published port costs a hash lookup however many ports there are. Taken ports are refused before
 * anything changes. UDP flows that would go on past the new (or to the removed) container are
 * deleted from connection tracking.
 *
 * conditionsV4 and V6 are words of iptables. With them a process is run, hawser-conditions, that
 * has libxtables read them; the nftables backend puts what they mean into chains of the attachment
 * (common/nat_cond.c), the iptables backend the words into the reference's rules.
 */
#include "chain.h"
#include "cleanup.h"
#include "conditions.h"
#include "conntrack.h"
#include "link.h"
#include "log.h"
#include "nat.h"
#include "nft_foreign.h"
#include "overlay_fast.h"
#include "plugins/portmap_conf.h"
#include "plugins/portmap_record.h"
#include "route.h"
#include "sysctl.h"
#include "xt.h"

#include <string.h>

/* What one ADD carries from step to step. */
struct publish {
	const struct cni_call *call;
	struct portmap_conf conf;
	struct nat_plan plan;
	struct ip_net v4, v6; /* the container's addresses, family 0: none */
	struct undo *undo;
};

static void find_addresses(struct publish *p)
{
	const struct cni_ip *ip;

	for (size_t i = 0; (ip = chain_address(p->call, &i));) {
		struct ip_net *net = ip->address.ip.family == AF_INET ? &p->v4 : &p->v6;

		if (!net->ip.family)
			*net = ip->address;
	}
}

/* undo_fn: what a failed ADD had published. */
static int undo_publish(const void *arg, struct cni_err *err)
{
	struct state_key key = chain_key(arg);
	int r = portmap_remove(&key, err);

	return r < 0 ? r : 0;
}

/* The runs that lead to one of the container's addresses. */
static void plan_runs(struct publish *p, const struct ip_net *net)
{
	for (size_t i = 0; net->ip.family && i < p->conf.n_mappings; i++) {
		const struct port_mapping *m = &p->conf.mappings[i];
		int family = m->only ? m->only : m->run.host.family;
		struct port_run run = m->run;

		if (family && family != net->ip.family)
			continue;
		run.container = net->ip;
		nat_plan_run(&p->plan, &run);
	}
}

/* Whether 127.0.0.1 is among the host addresses that the ports are published on. */
static bool serves_localhost(const struct publish *p)
{
	for (size_t i = 0; i < p->plan.n_runs; i++) {
		const struct port_run *run = &p->plan.runs[i];

		if (run->container.family == AF_INET &&
		    (!run->host.family || ip_is_loopback(&run->host)))
			return true;
	}
	return false;
}

static void plan_snat(struct publish *p, const struct ip_net *net)
{
	if (!net->ip.family)
		return;
	if (p->conf.snat) {
		nat_plan_ip(&p->plan, NAT_SNAT4, &net->ip, NULL);
		nat_plan_chain(&p->plan, NAT_HAIRPIN, net);
	}
	if (p->conf.masq_all)
		nat_plan_ip(&p->plan, NAT_MASQALL4, &net->ip, NULL);
}

/*
 * Name of the interface that leads to the container. Return: 1, 0 when the host has no way to it
 * (a bridge without an address), or -errno.
 */
static int find_way(const struct publish *p, char name[IFNAMSIZ], struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct link_info link;
	char text[IP_STRLEN];
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = route_interface(&nl, &p->v4.ip);
	if (r == -ENETUNREACH || r == -EHOSTUNREACH)
		return 0;
	if (r > 0)
		r = link_get_index(&nl, r, &link);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "find the way to the container's %s",
				ip_str(&p->v4.ip, text));
	snprintf(name, IFNAMSIZ, "%s", link.name);
	return 1;
}

/* Let 127.0.0.1 reach the container; the ruleset keeps the neighbours from using it. */
static int open_localnet(const struct publish *p, struct cni_err *err)
{
	char way[IFNAMSIZ];
	int r;

	if (!p->conf.snat || !serves_localhost(p))
		return 0;
	r = find_way(p, way, err);
	if (r <= 0)
		return r;
	r = sysctl_set_conf("ipv4", way, "route_localnet", 1);
	if (r == -EROFS || r == -EACCES) {
		log_warn("published ports do not answer on 127.0.0.1: "
			 "net.ipv4.conf.%s.route_localnet: %s",
			 way, strerror(-r));
		return 0;
	}
	return r < 0 ? cni_fail(err, CNI_E_FAILED, r, "net.ipv4.conf.%s.route_localnet", way) : 0;
}

/*
 * Have the words of both families read, whatever the backend: what cannot be a rule is refused
 * before anything changes. The plan gets what they mean; with iptables the words go into rules.
 */
static int plan_conditions(struct publish *p, bool iptables, struct cni_err *err)
{
	const struct {
		int family;
		const char *key;
		const json_t *words;
	} all[] = { { AF_INET, "conditionsV4", p->conf.conditions4 },
		    { AF_INET6, "conditionsV6", p->conf.conditions6 } };

	for (size_t i = 0; i < ARRAY_SIZE(all); i++) {
		json_t *rules;
		int r = conditions_read(all[i].family, all[i].key, all[i].words, p->plan.runs,
					p->plan.n_runs, &rules, err);

		if (r < 0)
			return r;
		if (iptables)
			json_decref(rules);
		else if (rules)
			nat_plan_conditions(&p->plan, all[i].family, rules);
	}
	return 0;
}

static int publish_nftables(struct publish *p, json_t *record, struct cni_err *err)
{
	struct xt_owner owner = { p->call->network, p->call->container_id };
	int r;

	plan_snat(p, &p->v4);
	plan_snat(p, &p->v6);
	r = xt_portmap_conflicts(&owner, p->plan.runs, p->plan.n_runs, err);
	if (r == 0)
		r = nat_add(&p->plan, record, p->conf.check_host_ports, err);
	if (r < 0)
		return r;
	undo_push(p->undo, "published ports", undo_publish, p->call);
	return open_localnet(p, err);
}

/* The iptables backend: what the rules are made from goes into the record first. */
static int publish_iptables(struct publish *p, json_t *record, struct cni_err *err)
{
	struct xt_owner owner = { p->call->network, p->call->container_id };
	int r = p->conf.check_host_ports ? nat_listeners(&p->plan, err) : 0;

	if (r == 0)
		r = nat_conflicts(&p->plan, err);
	/* xt_portmap_add() looks for conflicts, too, but then the first ADD's record is replaced */
	if (r == 0 && state_exists(&p->plan.owner))
		r = xt_portmap_conflicts(&owner, p->plan.runs, p->plan.n_runs, err);
	if (r < 0)
		return r;
	portmap_record_iptables(record, &p->conf, &p->v4, &p->v6, &p->plan,
				p->conf.snat && serves_localhost(p));
	r = state_write(&p->plan.owner, record);
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT);
	undo_push(p->undo, "published ports", undo_publish, p->call);
	r = portmap_restore(record, err);
	return r < 0 ? r : open_localnet(p, err);
}

static bool use_iptables(const struct portmap_conf *conf)
{
	return conf->backend == PORTMAP_IPTABLES ||
	       (conf->backend == PORTMAP_AUTO && nat_usable() == -EOPNOTSUPP);
}

/* ---- verbs ---- */

static int unpublish_key(const struct state_key *key, const void *arg, struct cni_err *err)
{
	(void)arg;
	return portmap_remove(key, err);
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	struct publish p = { .call = call, .plan.owner = chain_key(call), .undo = undo };
	json_auto_t *record = json_object();
	int r = portmap_conf_read(call, &p.conf, err);

	if (r == 0)
		r = chain_begin(call, result, err);
	if (r == 0 && p.conf.n_mappings) {
		find_addresses(&p);
		plan_runs(&p, &p.v4);
		plan_runs(&p, &p.v6);
	}
	if (r == 0 && p.plan.n_runs) {
		bool iptables = use_iptables(&p.conf);

		r = plan_conditions(&p, iptables, err);
		if (r == 0) /* answers have to be translated back */
			r = overlay_fast_withdraw(call, undo, err);
		if (r == 0)
			r = iptables ? publish_iptables(&p, record, err)
				     : publish_nftables(&p, record, err);
		if (r == 0 &&
		    conntrack_flush_udp(p.plan.runs, p.plan.n_runs, CONNTRACK_BEFORE_ADD) < 0)
			log_warn("UDP flows to published ports from before may not reach the "
				 "container");
	}
	portmap_conf_free(&p.conf);
	nat_plan_free(&p.plan);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct xt_owner owner = { call->network, call->container_id };
	struct state_key key = chain_key(call);
	int r = portmap_remove(&key, err);

	if (r == 0 && chain_foreign(call)) {
		int nft = foreign_ports_del(call->container_id, err);

		r = xt_portmap_del(&owner, NULL, err);
		r = r < 0 ? r : nft;
	}
	return r < 0 ? r : 0;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct publish p = { .call = call, .plan.owner = chain_key(call) };
	struct state_key key = chain_key(call);
	autoplan struct nat_plan made = { 0 };
	json_auto_t *record = NULL;
	int r = portmap_conf_read(call, &p.conf, err);

	if (r == 0 && p.conf.n_mappings) {
		find_addresses(&p);
		plan_runs(&p, &p.v4);
		plan_runs(&p, &p.v6);
		if (state_read(&key, &record) == 0 && nat_plan_read(record, &made) > 0) {
			r = nat_check(&made, err);
		} else if (record || chain_foreign(call)) {
			/* the Go plugins leave no record: their rules are what ours would be,
			 * without those about 127.0.0.0/8 */
			if (!record) {
				record = json_pack("{s:s, s:s}", "network", call->network,
						   "containerID", call->container_id);
				portmap_record_iptables(record, &p.conf, &p.v4, &p.v6, &p.plan,
							false);
			}
			r = portmap_check(record, err);
		} else {
			r = cni_fail(
				err, CNI_E_FAILED, 0,
				"the ports of %s are not published: there is no record of them",
				call->container_id);
		}
	}
	portmap_conf_free(&p.conf);
	nat_plan_free(&p.plan);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	return chain_gc(call, unpublish_key, NULL, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct portmap_conf conf = { 0 };
	char path[PATH_MAX];
	int r = portmap_conf_read(call, &conf, err);

	if (r == 0 && (json_array_size(conf.conditions4) || json_array_size(conf.conditions6))) {
		r = conditions_find(path);
		if (r < 0)
			cni_fail(err, CNI_E_UNAVAILABLE, r,
				 "hawser-conditions, which reads conditionsV4 and V6, is missing");
	}
	if (r == 0) {
		r = use_iptables(&conf) ? xt_usable(AF_INET) : nat_usable();
		if (r < 0)
			cni_fail(err, CNI_E_UNAVAILABLE, r, "ports cannot be published");
	}
	portmap_conf_free(&conf);
	return r;
}

static const struct cni_plugin portmap_plugin = {
	.name = "portmap",
	.about = "publishes ports of a container on the host",
	.keys = portmap_keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&portmap_plugin, argc, argv);
}
