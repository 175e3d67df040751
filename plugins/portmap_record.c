/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Published ports by their record: removing them, making them again. */
#include "plugins/portmap_record.h"

#include "cleanup.h"
#include "conntrack.h"
#include "log.h"
#include "xt.h"

#include <string.h>

void portmap_record_iptables(json_t *record, const struct portmap_conf *conf,
			     const struct ip_net *v4, const struct ip_net *v6,
			     const struct nat_plan *plan, bool localnet)
{
	json_t *obj = json_pack("{s:b, s:b, s:b, s:i, s:s*, s:O*, s:O*, s:o}", "snat", conf->snat,
				"localnet", localnet, "masqAll", conf->masq_all, "markMasqBit",
				(int)conf->mark_bit, "externalSetMarkChain", conf->set_mark_chain,
				"conditionsV4", conf->conditions4, "conditionsV6",
				conf->conditions6, "plan", nat_plan_json(plan));
	char text[IP_STRLEN];

	if (v4->ip.family)
		json_object_set_new(obj, "address4", json_string(ip_net_str(v4, text)));
	if (v6->ip.family)
		json_object_set_new(obj, "address6", json_string(ip_net_str(v6, text)));
	json_object_set_new(record, "backend", json_string("iptables"));
	json_object_set_new(record, "iptables", obj);
}

/* One address family's part, as common/xt wants it. The arrays are the caller's. */
static void xt_part(const json_t *obj, const struct ip_net *net, const json_t *conditions,
		    const struct nat_plan *plan, const char **words, struct port_run *runs,
		    struct xt_portmap *out)
{
	const json_t *word;
	size_t i;

	*out = (struct xt_portmap){
		.ip = *net,
		.snat = json_is_true(json_object_get(obj, "snat")),
		.localnet = json_is_true(json_object_get(obj, "localnet")),
		.masq_all = json_is_true(json_object_get(obj, "masqAll")),
		.mark_bit = (int)json_integer_value(json_object_get(obj, "markMasqBit")),
		.set_mark_chain = json_string_value(json_object_get(obj, "externalSetMarkChain")),
		.conditions = words,
		.n_conditions = json_array_size(conditions),
		.runs = runs,
	};
	json_array_foreach (conditions, i, word)
		words[i] = json_string_value(word);
	for (i = 0; i < plan->n_runs; i++)
		if (plan->runs[i].container.family == net->ip.family)
			runs[out->n_runs++] = plan->runs[i];
}

/* Call for each address family that has ports; with @all also after a failure. */
static int each_family(const json_t *record, bool all,
		       int (*fn)(const struct xt_owner *owner, const struct xt_portmap *map,
				 struct cni_err *err),
		       struct cni_err *err)
{
	static const char *const address[] = { "address4", "address6" };
	static const char *const condition[] = { "conditionsV4", "conditionsV6" };
	const json_t *obj = json_object_get(record, "iptables");
	struct state_key key = state_key_of(record);
	struct xt_owner owner = { key.network, key.container_id };
	autoplan struct nat_plan plan = { 0 };
	int r = nat_plan_parse(json_object_get(obj, "plan"), &plan);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "the record of %s", key.container_id);
	for (size_t i = 0; (r == 0 || all) && i < ARRAY_SIZE(address); i++) {
		const char *text = json_string_value(json_object_get(obj, address[i]));
		const json_t *conditions = json_object_get(obj, condition[i]);
		autofree const char **words =
			calloc(json_array_size(conditions) + 1, sizeof(*words));
		autofree struct port_run *runs = calloc(plan.n_runs + 1, sizeof(*runs));
		struct xt_portmap map;
		struct ip_net net;
		int step;

		if (!words || !runs)
			return cni_fail(err, CNI_E_FAILED, ENOMEM, "publish ports");
		if (!text || ip_net_parse(text, &net) < 0)
			continue;
		xt_part(obj, &net, conditions, &plan, words, runs, &map);
		step = map.n_runs ? fn(&owner, &map, err) : 0;
		r = r ? r : step;
	}
	return r;
}

int portmap_restore(const json_t *record, struct cni_err *err)
{
	return each_family(record, false, xt_portmap_add, err);
}

int portmap_check(const json_t *record, struct cni_err *err)
{
	return each_family(record, false, xt_portmap_check, err);
}

int portmap_remove(const struct state_key *key, struct cni_err *err)
{
	autoplan struct nat_plan plan = { 0 };
	json_auto_t *record = NULL;
	const json_t *iptables;
	int r = state_read(key, &record), result = 0;

	if (r == -ENOENT)
		return 0;
	iptables = json_object_get(record, "iptables");
	if (iptables) {
		result = each_family(record, true, xt_portmap_del, err);
		nat_plan_parse(json_object_get(iptables, "plan"), &plan);
	} else if (record) {
		nat_plan_read(record, &plan);
	}
	/* what could not be removed is still in the record for the next DEL */
	if (result < 0)
		return result;
	r = nat_del(key, err);
	if (r > 0 && conntrack_flush_udp(plan.runs, plan.n_runs, CONNTRACK_AFTER_DEL) < 0)
		log_warn("stale UDP flows of published ports may live on for some seconds");
	return r;
}
