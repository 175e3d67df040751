/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The firewall of an attachment by its record: opening, checking, closing. */
#include "plugins/firewall_record.h"

#include "cleanup.h"
#include "firewalld.h"
#include "nat.h"
#include "xt.h"

#include <string.h>

/* A record read; strings are borrowed from it. */
struct recorded {
	struct xt_owner owner;
	const char *backend, *bridge, *zone;
	struct ip_net *ips; /* owned */
	size_t n_ips;
	struct xt_firewall xt;
};

static void recorded_free(struct recorded *r)
{
	free(r->ips);
}

#define autorecorded __attribute__((cleanup(recorded_free)))

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static enum xt_policy policy_of(const json_t *record)
{
	const char *policy = text_of(record, "ingressPolicy");

	if (policy && strcmp(policy, "same-bridge") == 0)
		return XT_SAME_BRIDGE;
	return policy && strcmp(policy, "isolated") == 0 ? XT_ISOLATED : XT_OPEN;
}

static void read_record(const json_t *record, struct recorded *out)
{
	struct state_key key = state_key_of(record);

	*out = (struct recorded){
		.owner = { key.network, key.container_id },
		.backend = text_of(record, "backend"),
		.bridge = text_of(record, "bridge"),
		.zone = text_of(record, "zone"),
	};
	out->n_ips = state_ips(record, &out->ips);
	out->xt = (struct xt_firewall){
		.ips = out->ips,
		.n_ips = out->n_ips,
		.admin_chain = text_of(record, "adminChain"),
		.bridge = out->bridge,
		.policy = policy_of(record),
	};
}

static bool is(const struct recorded *r, const char *backend)
{
	return r->backend && strcmp(r->backend, backend) == 0;
}

/* DNS to the gateway, where INPUT would drop it. Asked only here: it may cost a process. */
static bool opens_dns(const struct recorded *r)
{
	return r->bridge && xt_input_drops(AF_INET) > 0;
}

int firewall_restore(const json_t *record, struct cni_err *err)
{
	autorecorded struct recorded r = { 0 };

	read_record(record, &r);
	if (is(&r, "iptables")) {
		r.xt.dns_input = opens_dns(&r);
		return xt_firewall_add(&r.owner, &r.xt, err);
	}
	if (is(&r, "firewalld"))
		return firewalld_add(r.zone, r.ips, r.n_ips, err);
	return 0;
}

int firewall_check(const json_t *record, struct cni_err *err)
{
	autorecorded struct recorded r = { 0 };

	read_record(record, &r);
	if (is(&r, "iptables")) {
		r.xt.dns_input = opens_dns(&r);
		return xt_firewall_check(&r.owner, &r.xt, err);
	}
	if (is(&r, "firewalld"))
		return firewalld_check(r.zone, r.ips, r.n_ips, err);
	return 0;
}

int firewall_remove(const struct state_key *key, struct cni_err *err)
{
	autorecorded struct recorded r = { 0 };
	json_auto_t *record = NULL;
	int found = state_read(key, &record), result = 0;

	if (found == -ENOENT)
		return 0;
	read_record(record, &r);
	if (is(&r, "iptables"))
		result = xt_firewall_del(&r.owner, &r.xt, state_others(key) == 0, err);
	else if (is(&r, "firewalld"))
		result = firewalld_del(r.zone, r.ips, r.n_ips, err);
	/* what could not be removed is still in the record for the next DEL */
	return result < 0 ? result : nat_del(key, err);
}
