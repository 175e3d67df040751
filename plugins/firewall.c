/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * firewall: lets a container's traffic through, and keeps containers apart.
 *
 * Theory of operation. It is chained behind a plugin that gave the container an address. There are
 * three backends, because a packet passes only if everybody who filters lets it pass:
 *   - firewalld: when it runs, it rejects what comes from addresses it does not know; the
 *     container's addresses become sources of its zone "trusted";
 *   - iptables: when the FORWARD chain drops, or others filter there, accepting rules are put in
 *     front of it, as the reference plugin does (common/xt.h);
 *   - nftables: when nobody else filters there is nothing to open. What is asked for beyond that,
 *     ingressPolicy and directAccess, is elements of sets in table inet hawser.
 * Without "backend" the first of these whose condition holds is taken. The record says which one
 * it was, so that DEL and GC need nothing else.
 *
 * ingressPolicy "same-bridge" and "isolated" keep containers of different bridges apart; the state
 * belongs to the network and goes with its last container. directAccess "deny" drops connections
 * to the containers' own addresses that come from another interface than the bridge: published
 * ports stay reachable, because those are addressed to the host.
 */
#include "args.h"
#include "chain.h"
#include "cleanup.h"
#include "firewalld.h"
#include "log.h"
#include "nat.h"
#include "overlay_fast.h"
#include "plugins/firewall_record.h"
#include "xt.h"

#include <string.h>

enum backend { AUTO, NFTABLES, IPTABLES, FIREWALLD };
enum policy { OPEN, SAME_BRIDGE, ISOLATED };

static const char *const policy_names[] = { "open", "same-bridge", "isolated" };
static const char *const backend_names[] = { "", "nftables", "iptables", "firewalld" };

struct firewall_conf {
	const char *backend_name, *admin_chain, *zone, *policy_name, *direct_access;
	const json_t *trusted;
	/* worked out from the above */
	enum backend backend;
	enum policy policy;
	bool deny_direct;
	const char *bridge; /* where the containers are; needed by policy and deny_direct */
	struct ip_net *ips;
	size_t n_ips;
};

#define FIELD(f) offsetof(struct firewall_conf, f)

static const struct conf_key keys[] = {
	{ "backend", CONF_STRING, FIELD(backend_name),
	  .dflt = "firewalld if it runs, iptables if others filter there, else nftables",
	  .help = "\"nftables\", \"iptables\" or \"firewalld\"" },
	{ "iptablesAdminChainName", CONF_STRING, FIELD(admin_chain), .dflt = "CNI-ADMIN",
	  .help = "iptables: chain of the administrator, passed before our rules" },
	{ "firewalldZone", CONF_STRING, FIELD(zone), .dflt = "trusted",
	  .help = "firewalld: zone that the container's addresses become sources of" },
	{ "ingressPolicy", CONF_STRING, FIELD(policy_name), .dflt = "open",
	  .help = "\"open\", \"same-bridge\" or \"isolated\": who may connect to the containers" },
	{ "directAccess", CONF_STRING, FIELD(direct_access), .dflt = "allow",
	  .help = "\"deny\": other machines reach the containers only through published ports" },
	{ "trustedInterfaces", CONF_ARRAY, FIELD(trusted),
	  .help = "interfaces that directAccess \"deny\" does not apply to" },
	CONF_END
};

static int check_trusted(const json_t *list, struct cni_err *err)
{
	const json_t *name;
	size_t i;

	json_array_foreach (list, i, name) {
		int r;

		if (!json_is_string(name))
			return cni_fail(err, CNI_E_DECODE, 0,
					"\"trustedInterfaces[%zu]\": expected a string", i);
		r = args_check_ifname(json_string_value(name), CNI_E_CONF, "trustedInterfaces",
				      err);
		if (r < 0)
			return r;
	}
	return 0;
}

static int read_conf(const struct cni_call *call, struct firewall_conf *conf, struct cni_err *err)
{
	static const char *const accesses[] = { "allow", "deny" };
	int backend = AUTO, policy = OPEN, access = 0;
	int r = conf_read(call->conf, "", keys, conf, err);

	if (r == 0)
		r = conf_choose("backend", conf->backend_name, backend_names,
				ARRAY_SIZE(backend_names), &backend, err);
	if (conf->policy_name && !*conf->policy_name)
		conf->policy_name = NULL;
	if (r == 0)
		r = conf_choose("ingressPolicy", conf->policy_name, policy_names,
				ARRAY_SIZE(policy_names), &policy, err);
	if (r == 0)
		r = conf_choose("directAccess", conf->direct_access, accesses, ARRAY_SIZE(accesses),
				&access, err);
	if (r == 0)
		r = check_trusted(conf->trusted, err);
	conf->backend = backend;
	conf->policy = policy;
	conf->deny_direct = access == 1;
	if (r == 0 && json_array_size(conf->trusted) && !conf->deny_direct)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"trustedInterfaces\" needs \"directAccess\": \"deny\"");
	if (r == 0 && conf->admin_chain && *conf->admin_chain && backend != IPTABLES) {
		if (backend != AUTO)
			return cni_fail(err, CNI_E_FIELD, 0,
					"\"iptablesAdminChainName\" needs \"backend\": "
					"\"iptables\", not \"%s\"",
					conf->backend_name);
		conf->backend = IPTABLES;
	}
	return r;
}

/* What prevResult says: the addresses, and the bridge where it is needed. */
static int read_prev(const struct cni_call *call, struct firewall_conf *conf, struct cni_err *err)
{
	const struct cni_ip *ip;

	conf->ips = calloc(call->prev->n_ips + 1, sizeof(*conf->ips));
	if (!conf->ips)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "read \"prevResult\"");
	for (size_t i = 0; (ip = chain_address(call, &i));)
		conf->ips[conf->n_ips++] = ip->address;
	conf->bridge = chain_host_interface(call);
	if ((conf->policy != OPEN || conf->deny_direct) && !conf->bridge)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"prevResult.interfaces\" names no interface of the host, which "
				"\"%s\" needs",
				conf->policy != OPEN ? "ingressPolicy" : "directAccess");
	if (conf->bridge)
		return args_check_ifname(conf->bridge, CNI_E_CONF, "prevResult.interfaces[].name",
					 err);
	return 0;
}

/* Unset backend: who else filters here decides. Return: the backend. */
static enum backend find_backend(const struct firewall_conf *conf)
{
	if (conf->backend != AUTO)
		return conf->backend;
	if (firewalld_running() > 0)
		return FIREWALLD;
	if (xt_forward_drops(AF_INET) > 0 || xt_forward_drops(AF_INET6) > 0)
		return IPTABLES;
	return nat_usable() < 0 && xt_usable(AF_INET) == 0 ? IPTABLES : NFTABLES;
}

/* Isolation and direct access as elements, also beside firewalld, which has no such thing. */
static void make_plan(const struct firewall_conf *conf, enum backend backend, struct nat_plan *plan)
{
	/* the iptables backend has rules of its own for isolation, the reference's */
	if (conf->policy != OPEN && backend != IPTABLES)
		nat_plan_item(plan, NAT_ISOLATED, conf->bridge, NULL);
	if (conf->policy == SAME_BRIDGE && backend != IPTABLES)
		nat_plan_item(plan, NAT_SAME_BRIDGE, conf->bridge, conf->bridge);
	for (size_t i = 0; conf->deny_direct && i < conf->n_ips; i++) {
		const struct ip_addr *ip = &conf->ips[i].ip;
		const json_t *name;
		size_t k;

		nat_plan_ip(plan, NAT_PRIVATE4, ip, NULL);
		nat_plan_ip(plan, NAT_DIRECT4, ip, conf->bridge);
		json_array_foreach (conf->trusted, k, name)
			if (strcmp(json_string_value(name), conf->bridge) != 0)
				nat_plan_ip(plan, NAT_DIRECT4, ip, json_string_value(name));
	}
}

static const char *zone_of(const struct firewall_conf *conf)
{
	return conf->zone && *conf->zone ? conf->zone : "trusted";
}

/* ---- DEL, GC, rollback ---- */

static int close_down_key(const struct state_key *key, const void *arg, struct cni_err *err)
{
	(void)arg;
	return firewall_remove(key, err);
}

/* undo_fn */
static int undo_open(const void *arg, struct cni_err *err)
{
	struct state_key key = chain_key(arg);
	int r = firewall_remove(&key, err);

	return r < 0 ? r : 0;
}

/* ---- ADD ---- */

static json_t *make_record(const struct cni_call *call, const struct firewall_conf *conf,
			   enum backend backend)
{
	json_t *record =
		json_pack("{s:s, s:s, s:s, s:s, s:s*, s:s*, s:s*}", "network", call->network,
			  "containerID", call->container_id, "backend", backend_names[backend],
			  "ingressPolicy", policy_names[conf->policy], "bridge", conf->bridge,
			  "zone", backend == FIREWALLD ? zone_of(conf) : NULL, "adminChain",
			  backend != IPTABLES			    ? NULL
			  : conf->admin_chain && *conf->admin_chain ? conf->admin_chain
								    : "CNI-ADMIN");
	json_t *ips = json_array();
	char text[IP_STRLEN];

	for (size_t i = 0; i < conf->n_ips; i++)
		json_array_append_new(ips, json_string(ip_net_str(&conf->ips[i], text)));
	json_object_set_new(record, "ips", ips);
	return record;
}

static int open_up(const struct cni_call *call, const struct firewall_conf *conf, struct undo *undo,
		   struct cni_err *err)
{
	autoplan struct nat_plan plan = { .owner = chain_key(call) };
	enum backend backend = find_backend(conf);
	json_auto_t *record = make_record(call, conf, backend);
	int r;

	make_plan(conf, backend, &plan);
	if (!nat_plan_empty(&plan)) {
		r = nat_add(&plan, record, false, err);
	} else {
		r = state_write(&plan.owner, record);
		if (r < 0)
			cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT);
	}
	if (r < 0)
		return r;
	undo_push(undo, "firewall", undo_open, call);
	return firewall_restore(record, err);
}

/* Whether packets of the container have to be seen by netfilter. */
static bool filters(const struct firewall_conf *conf)
{
	return conf->policy != OPEN || conf->deny_direct ||
	       (conf->admin_chain && *conf->admin_chain);
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	struct firewall_conf conf = { 0 };
	int r = read_conf(call, &conf, err);

	if (r == 0)
		r = chain_begin(call, result, err);
	if (r == 0)
		r = read_prev(call, &conf, err);
	if (r == 0 && filters(&conf))
		r = overlay_fast_withdraw(call, undo, err);
	if (r == 0)
		r = open_up(call, &conf, undo, err);
	free(conf.ips);
	return r;
}

/* An attachment of the Go plugins: their rules are known by the addresses in prevResult. */
static int close_foreign(const struct cni_call *call, struct cni_err *err)
{
	struct firewall_conf conf = { 0 };
	struct xt_owner owner = { call->network, call->container_id };
	int r = read_conf(call, &conf, err);

	if (r == 0)
		r = read_prev(call, &conf, err);
	if (r == 0 && firewalld_running() > 0 && conf.backend != IPTABLES)
		r = firewalld_del(zone_of(&conf), conf.ips, conf.n_ips, err);
	if (r == 0)
		r = xt_firewall_del(&owner,
				    &(struct xt_firewall){ .ips = conf.ips, .n_ips = conf.n_ips },
				    false, err);
	free(conf.ips);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct state_key key = chain_key(call);
	int r = firewall_remove(&key, err);

	if (r == 0 && call->prev && chain_foreign(call))
		r = close_foreign(call, err);
	return r < 0 ? r : 0;
}

/* ---- CHECK, GC, STATUS ---- */

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct firewall_conf conf = { 0 };
	struct state_key key = chain_key(call);
	autoplan struct nat_plan made = { 0 };
	json_auto_t *record = NULL;
	int r = read_conf(call, &conf, err);

	if (r == 0 && !call->prev)
		r = cni_fail(err, CNI_E_CONF, 0, "\"prevResult\" is missing");
	if (r == 0)
		r = read_prev(call, &conf, err);
	if (r == 0 && state_read(&key, &record) < 0) {
		if (chain_foreign(call))
			record = make_record(call, &conf, find_backend(&conf));
		else
			r = cni_fail(err, CNI_E_FAILED, 0,
				     "there is no record of %s: ADD was not run",
				     call->container_id);
	}
	if (r == 0)
		r = firewall_check(record, err);
	if (r == 0 && nat_plan_read(record, &made) > 0)
		r = nat_check(&made, err);
	free(conf.ips);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	return chain_gc(call, close_down_key, NULL, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct firewall_conf conf = { 0 };
	enum backend backend;
	int r = read_conf(call, &conf, err);

	if (r < 0)
		return r;
	backend = find_backend(&conf);
	switch (backend) {
	case IPTABLES:
		r = xt_usable(AF_INET);
		break;
	case FIREWALLD:
		r = firewalld_running();
		r = r > 0 ? 0 : r < 0 ? r : -ENOTCONN;
		break;
	case AUTO:
	case NFTABLES:
		r = nat_usable();
		break;
	}
	return r < 0 ? cni_fail(err, CNI_E_UNAVAILABLE, r, "\"backend\": \"%s\" does not answer",
				backend_names[backend])
		     : 0;
}

static const struct cni_plugin firewall_plugin = {
	.name = "firewall",
	.about = "lets a container's traffic through, and keeps containers apart",
	.keys = keys,
	.oldest = CNI_0_4_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&firewall_plugin, argc, argv);
}
