/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The bridge plugin's part in netfilter: ipMasq, macspoofchk and antispoof. */
#include "plugins/bridge_filter.h"

#include "args.h"
#include "chain.h"
#include "cleanup.h"
#include "log.h"
#include "nft_foreign.h"
#include "xt.h"

#include <string.h>

/* What the record says when masquerading is in iptables. */
#define BACKEND_KEY "ipMasqBackend"

static bool wants_iptables(const struct bridge_conf *conf)
{
	if (!conf->ip_masq)
		return false;
	if (conf->ip_masq_backend)
		return strcmp(conf->ip_masq_backend, "iptables") == 0;
	return nat_usable() == -EOPNOTSUPP;
}

/* Elements that say which addresses the container may use. */
static void plan_guard(struct nat_plan *plan, const struct bridge_conf *conf,
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

int bridge_filter_restore(const json_t *record, struct cni_err *err)
{
	autofree struct ip_net *ips = NULL;
	struct state_key key = state_key_of(record);
	struct xt_owner owner = { key.network, key.container_id };
	size_t n;

	if (!json_object_get(record, BACKEND_KEY))
		return 0;
	n = state_ips(record, &ips);
	return xt_masq_add(&owner, ips, n, err);
}

int bridge_filter_add(const struct state_key *key, const struct bridge_conf *conf,
		      const struct veth_ids *ids, const struct cni_result *result, json_t *record,
		      struct cni_err *err)
{
	autoplan struct nat_plan plan = { .owner = *key };
	bool iptables = wants_iptables(conf);
	int r;

	if (iptables)
		json_object_set_new(record, BACKEND_KEY, json_string("iptables"));
	for (size_t i = 0; conf->ip_masq && !iptables && i < result->n_ips; i++)
		nat_plan_chain(&plan, NAT_MASQ, &result->ips[i].address);
	plan_guard(&plan, conf, ids, result);
	if (!nat_plan_empty(&plan)) {
		r = nat_add(&plan, record, false, err);
	} else {
		r = state_write(key, record);
		if (!iptables && (r == -EROFS || r == -EACCES)) {
			log_warn("no attachment record below " STATE_ROOT
				 ": %s; GC will not see this one",
				 strerror(-r));
			return 0;
		}
		if (r < 0)
			cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT);
	}
	return r < 0 || !iptables ? r : bridge_filter_restore(record, err);
}

int bridge_filter_remove(const struct state_key *key, const struct cni_call *call,
			 const struct bridge_conf *conf, struct cni_err *err)
{
	struct xt_owner owner = { key->network, key->container_id };
	json_auto_t *record = NULL;
	int r = state_read(key, &record), result = 0;
	/* an attachment without a record that was made all the same: by the Go plugins */
	bool foreign = r == -ENOENT && chain_foreign(call);

	if ((foreign && conf->ip_masq) || json_object_get(record, BACKEND_KEY)) {
		autofree struct ip_net *ips = NULL;
		size_t n = state_ips(record, &ips);

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

int bridge_filter_check(const struct cni_call *call, const struct bridge_conf *conf,
			struct cni_err *err)
{
	struct state_key key = { call->network, call->container_id, call->ifname, "bridge" };
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
	for (size_t i = 0; i < call->prev->n_ips; i++)
		ips[i] = call->prev->ips[i].address;
	return xt_masq_check(&owner, ips, call->prev->n_ips, err);
}

int bridge_filter_status(const struct bridge_conf *conf, struct cni_err *err)
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
