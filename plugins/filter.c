/* SPDX-License-Identifier: GPL-2.0-or-later */
/* An interface plugin's part in netfilter: ipMasq, macspoofchk and antispoof. */
#include "plugins/filter.h"

#include "args.h"
#include "chain.h"
#include "cleanup.h"
#include "nft_foreign.h"
#include "plugins/iface.h"
#include "xt.h"

#include <string.h>

/* What the record says when masquerading is in iptables. */
#define BACKEND_KEY "ipMasqBackend"
/* And which addresses it is for, when these are not "ips". */
#define INSIDE_KEY "masqIPs"

int filter_conf_check(struct filter_conf *conf, struct cni_err *err)
{
	const char *backend = conf->ip_masq_backend;

	if (backend && !*backend)
		conf->ip_masq_backend = NULL;
	else if (backend && strcmp(backend, "nftables") != 0 && strcmp(backend, "iptables") != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"ipMasqBackend\": unknown ipmasq backend \"%.60s\" "
				"(\"nftables\" or \"iptables\")",
				backend);
	return 0;
}

static bool wants_iptables(const struct filter_conf *conf)
{
	if (!conf->ip_masq)
		return false;
	if (conf->ip_masq_backend)
		return strcmp(conf->ip_masq_backend, "iptables") == 0;
	return nat_usable() == -EOPNOTSUPP;
}

/* Elements that say which addresses the container may use. */
static void plan_guard(struct nat_plan *plan, const struct filter_conf *conf,
		       const struct veth_ids *ids, const struct cni_result *result)
{
	char mac[MAC_STRLEN];

	if (!conf->macspoofchk && !conf->antispoof)
		return;
	nat_plan_item(plan, NAT_GUARDED, ids->host_name, NULL);
	nat_plan_item(plan, NAT_MACS, ids->host_name, mac_str(ids->peer_mac, mac));
	if (!conf->antispoof)
		return;
	nat_plan_item(plan, NAT_GUARDED_IP, ids->host_name, NULL);
	for (size_t i = 0; i < result->n_ips; i++)
		nat_plan_ip(plan, NAT_IPS4, &result->ips[i].address.ip, ids->host_name);
}

/* The addresses with the prefixes that masquerading by iptables leaves alone. */
static size_t masq_ips(const json_t *record, struct ip_net **ips)
{
	json_t *list = json_object_get(record, INSIDE_KEY);
	json_auto_t *as_ips = list ? json_pack("{s:O}", "ips", list) : NULL;

	return state_ips(as_ips ? as_ips : record, ips);
}

static json_t *inside_json(const struct cni_result *inside)
{
	json_t *list = json_array();
	char text[IP_STRLEN];

	for (size_t i = 0; i < inside->n_ips; i++)
		json_array_append_new(list, json_string(ip_net_str(&inside->ips[i].address, text)));
	return list;
}

int filter_restore(const json_t *record, struct cni_err *err)
{
	autofree struct ip_net *ips = NULL;
	struct state_key key = state_key_of(record);
	struct xt_owner owner = { key.network, key.container_id };
	size_t n;

	if (!json_object_get(record, BACKEND_KEY))
		return 0;
	n = masq_ips(record, &ips);
	return xt_masq_add(&owner, ips, n, err);
}

int filter_add(const struct state_key *key, const struct filter_conf *conf,
	       const struct veth_ids *ids, const struct cni_result *result, json_t *record,
	       struct cni_err *err)
{
	autoplan struct nat_plan plan = { .owner = *key };
	const struct cni_result *inside = conf->inside ? conf->inside : result;
	bool iptables = wants_iptables(conf);
	int r;

	if (iptables && conf->inside)
		json_object_set_new(record, INSIDE_KEY, inside_json(inside));
	if (iptables)
		json_object_set_new(record, BACKEND_KEY, json_string("iptables"));
	for (size_t i = 0; conf->ip_masq && !iptables && i < inside->n_ips; i++)
		nat_plan_chain(&plan, NAT_MASQ, &inside->ips[i].address);
	plan_guard(&plan, conf, ids, result);
	r = nat_plan_empty(&plan) ? iface_write_record(key, record, iptables, err)
				  : nat_add(&plan, record, false, err);
	return r < 0 || !iptables ? r : filter_restore(record, err);
}

int filter_remove(const struct state_key *key, const struct cni_call *call,
		  const struct filter_conf *conf, struct cni_err *err)
{
	struct xt_owner owner = { key->network, key->container_id };
	json_auto_t *record = NULL;
	int r = state_read(key, &record), result = 0;
	/* an attachment without a record that was made all the same: by the Go plugins */
	bool foreign = r == -ENOENT && chain_foreign(call);

	if ((foreign && conf->ip_masq) || json_object_get(record, BACKEND_KEY)) {
		autofree struct ip_net *ips = NULL;
		size_t n = masq_ips(record, &ips);

		result = xt_masq_del(&owner, ips, n, err);
	}
	if (foreign && conf->ip_masq && foreign_masq_del(key, err) < 0)
		result = -EIO;
	if (foreign && conf->macspoofchk && foreign_macs_del(key, err) < 0)
		result = -EIO;
	/* what could not be removed is still in the record for the next DEL */
	if (result < 0 || r == -ENOENT)
		return result;
	return nat_del(key, err) < 0 ? -EIO : 0;
}

int filter_check(const struct cni_call *call, const struct filter_conf *conf, struct cni_err *err)
{
	struct state_key key = chain_key(call);
	struct xt_owner owner = { call->network, call->container_id };
	autofree struct ip_net *ips = calloc(call->prev ? call->prev->n_ips + 1 : 1, sizeof(*ips));
	autoplan struct nat_plan plan = { 0 };
	json_auto_t *record = NULL;
	int r = state_read(&key, &record);

	if (!ips)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "\"ipMasq\"");
	if (r == 0)
		r = nat_plan_read(record, &plan);
	if (r == -EBADMSG)
		return cni_fail(err, CNI_E_FAILED, r, "the attachment record of %s",
				call->container_id);
	if (r > 0)
		return nat_check(&plan, err);
	if (!conf->ip_masq || !call->prev || (record && !json_object_get(record, BACKEND_KEY)))
		return 0;
	if (json_object_get(record, INSIDE_KEY)) {
		autofree struct ip_net *inside = NULL;
		size_t n = masq_ips(record, &inside);

		return xt_masq_check(&owner, inside, n, err);
	}
	for (size_t i = 0; i < call->prev->n_ips; i++)
		ips[i] = call->prev->ips[i].address;
	return xt_masq_check(&owner, ips, call->prev->n_ips, err);
}

int filter_status(const struct filter_conf *conf, struct cni_err *err)
{
	int r = 0;

	if (wants_iptables(conf))
		r = xt_usable(AF_INET);
	else if (conf->ip_masq || conf->macspoofchk || conf->antispoof)
		r = nat_usable();
	return r < 0 ? cni_fail(err, CNI_E_UNAVAILABLE, r,
				"\"ipMasq\", \"macspoofchk\" and \"antispoof\" need netfilter")
		     : 0;
}
