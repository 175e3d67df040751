/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Filter rules of containers in iptables: forwarding, isolation of bridges, DNS, direct access. */
#include "xt_rules.h"

#include <string.h>

#define CHAIN_FORWARD "CNI-FORWARD"
#define STAGE_1	      "CNI-ISOLATION-STAGE-1"
#define STAGE_2	      "CNI-ISOLATION-STAGE-2"
#define COMMENT	      "CNI firewall plugin rules"
#define SAME_BRIDGE   COMMENT " (ingressPolicy: same-bridge)"
#define ISOLATED      COMMENT " (ingressPolicy: isolated)"
#define DNS	      COMMENT " (DNS)"

static const int families[] = { AF_INET, AF_INET6 };

/* What the plans look at: @fw for add and check, the rest of it for del. */
struct filter {
	int family;
	const struct xt_firewall *fw;
	char comment[XT_COMMENT_MAX + 1];
	bool last;
};

static bool has_family(const struct xt_firewall *fw, int family)
{
	for (size_t i = 0; i < fw->n_ips; i++)
		if (fw->ips[i].ip.family == family)
			return true;
	return false;
}

/* Text of an address with the full prefix length, as iptables-save writes it. */
static const char *host_text(const struct ip_net *ip, char text[IP_STRLEN])
{
	struct ip_net host = { .ip = ip->ip, .len = (uint8_t)ip_bits(&ip->ip) };

	return ip_net_str(&host, text);
}

static void add(struct xt_plan *plan, enum xt_where where, const char *chain, const char *comment,
		const char *target)
{
	struct xt_text rule = { 0 };

	xt_words(&rule, "-m", "comment", "--comment", comment, "-j", target, NULL);
	xt_plan_add(plan, where, chain, &rule);
}

static void to_container(struct xt_text *rule, const struct ip_net *ip)
{
	char text[IP_STRLEN];

	xt_words(rule, "-d", host_text(ip, text), "-m", "conntrack", "--ctstate",
		 "RELATED,ESTABLISHED", "-j", "ACCEPT", NULL);
}

static void from_container(struct xt_text *rule, const struct ip_net *ip)
{
	char text[IP_STRLEN];

	xt_words(rule, "-s", host_text(ip, text), "-j", "ACCEPT", NULL);
}

static void dns_rule(struct xt_text *rule, const char *bridge, const char *proto)
{
	xt_words(rule, "-i", bridge, "-p", proto, "-m", proto, "--dport", "53", "-m", "comment",
		 "--comment", DNS, "-j", "ACCEPT", NULL);
}

static void plan_isolation(struct xt_plan *plan, const char *bridge, enum xt_policy policy)
{
	struct xt_text rule = { 0 };

	xt_plan_chain(plan, STAGE_1);
	xt_plan_chain(plan, STAGE_2);
	/* before CNI-FORWARD, which accepts everything that a container sends */
	add(plan, XT_FIRST, "FORWARD", SAME_BRIDGE, STAGE_1);
	xt_words(&rule, "-i", bridge, "!", "-o", bridge, "-m", "comment", "--comment", SAME_BRIDGE,
		 "-j", STAGE_2, NULL);
	xt_plan_add(plan, XT_FIRST, STAGE_1, &rule);
	if (policy == XT_ISOLATED) {
		xt_words(&rule, "-i", bridge, "-o", bridge, "-m", "comment", "--comment", ISOLATED,
			 "-j", "DROP", NULL);
		xt_plan_add(plan, XT_FIRST, STAGE_1, &rule);
	}
	add(plan, XT_LAST, STAGE_1, SAME_BRIDGE, "RETURN");
	xt_words(&rule, "-o", bridge, "-m", "comment", "--comment", SAME_BRIDGE, "-j", "DROP",
		 NULL);
	xt_plan_add(plan, XT_FIRST, STAGE_2, &rule);
	add(plan, XT_LAST, STAGE_2, SAME_BRIDGE, "RETURN");
}

static void plan_direct(struct xt_plan *plan, const struct filter *filter)
{
	const struct xt_firewall *fw = filter->fw;

	xt_plan_table(plan, "raw");
	for (size_t i = 0; i < fw->n_ips; i++) {
		struct xt_text rule = { 0 };
		char text[IP_STRLEN];

		if (fw->ips[i].ip.family != filter->family)
			continue;
		xt_words(&rule, "-d", host_text(&fw->ips[i], text), "!", "-i", fw->bridge, "-m",
			 "comment", "--comment", filter->comment, "-j", "DROP", NULL);
		xt_plan_add(plan, XT_LAST, "PREROUTING", &rule);
	}
}

static void plan_add(struct xt_plan *plan, const void *arg)
{
	const struct filter *filter = arg;
	const struct xt_firewall *fw = filter->fw;
	struct xt_text rule = { 0 };

	xt_plan_table(plan, "filter");
	xt_plan_chain(plan, CHAIN_FORWARD);
	xt_plan_chain(plan, fw->admin_chain);
	add(plan, XT_FIRST, "FORWARD", COMMENT, CHAIN_FORWARD);
	add(plan, XT_FIRST, CHAIN_FORWARD, "CNI firewall plugin admin overrides", fw->admin_chain);
	for (size_t i = 0; i < fw->n_ips; i++) {
		if (fw->ips[i].ip.family != filter->family)
			continue;
		to_container(&rule, &fw->ips[i]);
		xt_plan_add(plan, XT_LAST, CHAIN_FORWARD, &rule);
		from_container(&rule, &fw->ips[i]);
		xt_plan_add(plan, XT_LAST, CHAIN_FORWARD, &rule);
	}
	if (fw->policy != XT_OPEN)
		plan_isolation(plan, fw->bridge, fw->policy);
	if (fw->dns_input) {
		dns_rule(&rule, fw->bridge, "tcp");
		xt_plan_add(plan, XT_FIRST, "INPUT", &rule);
		dns_rule(&rule, fw->bridge, "udp");
		xt_plan_add(plan, XT_FIRST, "INPUT", &rule);
	}
	if (fw->deny_direct)
		plan_direct(plan, filter);
}

/* Delete the rules that begin with "-A @chain @option @bridge ", whatever the policy was. */
static void remove_isolation(struct xt_plan *plan, const char *chain, const char *option,
			     const char *bridge)
{
	auto_xt_text struct xt_text begin = { 0 };

	xt_words(&begin, chain, option, bridge, NULL);
	xt_put(&begin, " ");
	if (begin.error) {
		plan->error = begin.error;
		return;
	}
	for (size_t i = plan->first; i < plan->last; i++)
		if (strncmp(plan->save->lines[i], "-A", 2) == 0 &&
		    strncmp(plan->save->lines[i] + 2, begin.s, begin.len) == 0)
			xt_plan_remove_line(plan, plan->save->lines[i]);
}

static void remove_direct(struct xt_plan *plan, const char *comment)
{
	auto_xt_text struct xt_text words = { 0 };

	xt_words(&words, "--comment", comment, "-j", "DROP", NULL);
	if (words.error) {
		plan->error = words.error;
		return;
	}
	xt_plan_table(plan, "raw");
	for (size_t i = plan->first; i < plan->last; i++)
		if (strncmp(plan->save->lines[i], "-A PREROUTING ", 14) == 0 &&
		    strstr(plan->save->lines[i], words.s))
			xt_plan_remove_line(plan, plan->save->lines[i]);
}

/* The rules of the addresses, with a function that deletes one. */
static void remove_addresses(struct xt_plan *plan, const struct filter *filter,
			     void (*remove)(struct xt_plan *plan, const char *chain,
					    struct xt_text *rule))
{
	const struct xt_firewall *fw = filter->fw;
	struct xt_text rule = { 0 };

	xt_plan_table(plan, "filter");
	for (size_t i = 0; i < fw->n_ips; i++) {
		if (fw->ips[i].ip.family != filter->family)
			continue;
		to_container(&rule, &fw->ips[i]);
		remove(plan, CHAIN_FORWARD, &rule);
		from_container(&rule, &fw->ips[i]);
		remove(plan, CHAIN_FORWARD, &rule);
	}
}

static void plan_del(struct xt_plan *plan, const void *arg)
{
	const struct filter *filter = arg;
	const struct xt_firewall *fw = filter->fw;
	struct xt_text rule = { 0 };

	remove_addresses(plan, filter, xt_plan_remove);
	if (filter->last) {
		remove_isolation(plan, STAGE_1, "-i", fw->bridge);
		remove_isolation(plan, STAGE_2, "-o", fw->bridge);
		dns_rule(&rule, fw->bridge, "tcp");
		xt_plan_remove(plan, "INPUT", &rule);
		dns_rule(&rule, fw->bridge, "udp");
		xt_plan_remove(plan, "INPUT", &rule);
	}
	if (fw->deny_direct)
		remove_direct(plan, filter->comment);
}

/* The rules of the addresses alone, without a look at what is there. */
static void guess_del(struct xt_plan *plan, const void *arg)
{
	remove_addresses(plan, arg, xt_plan_remove_unread);
}

/* Whether the bridge's own rules certainly are not there: the kernel has none of any bridge. */
static bool no_bridge_rules(int family)
{
	return xt_absent(family, "filter", STAGE_1) &&
	       xt_uncommented(family, "filter", "INPUT", DNS);
}

static int check_names(const struct xt_firewall *fw, struct cni_err *err)
{
	if (!fw->admin_chain || !xt_chain_valid(fw->admin_chain))
		return cni_fail(err, CNI_E_CONF, 0,
				"iptablesAdminChainName \"%.100s\" is not a chain name: 1 to %d "
				"letters, digits, '_', '.', '-'",
				fw->admin_chain ? fw->admin_chain : "", XT_CHAIN_MAX);
	if ((fw->policy != XT_OPEN || fw->dns_input || fw->deny_direct) &&
	    (!fw->bridge || !xt_bridge_valid(fw->bridge)))
		return cni_fail(err, CNI_E_CONF, 0,
				"bridge \"%.100s\" cannot be named in an iptables rule",
				fw->bridge ? fw->bridge : "");
	return 0;
}

int xt_firewall_add(const struct xt_owner *owner, const struct xt_firewall *fw, struct cni_err *err)
{
	struct filter filter = { .fw = fw };
	int r = check_names(fw, err);

	xt_comment(owner, "", filter.comment);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct xt_job job = { .family = families[i],
				      .table = fw->deny_direct ? NULL : "filter",
				      .what = "add firewall rules",
				      .plan = plan_add,
				      .arg = &filter };

		if (!has_family(fw, job.family))
			continue;
		filter.family = job.family;
		job.blank = xt_absent(job.family, "filter", NULL) &&
			    (job.table || xt_absent(job.family, "raw", NULL));
		r = xt_apply(&job, err);
	}
	return r;
}

int xt_firewall_del(const struct xt_owner *owner, const struct xt_firewall *fw, bool last,
		    struct cni_err *err)
{
	struct filter filter = { .fw = fw };
	int r = 0;

	/* a bridge that cannot be in a rule is in none */
	filter.last = last && fw->bridge && xt_bridge_valid(fw->bridge);
	xt_comment(owner, "", filter.comment);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct xt_job job = { .family = families[i],
				      .what = "remove firewall rules",
				      .plan = plan_del,
				      .arg = &filter };
		bool raw, bridge_too, wanted;
		int step;

		if (!xt_installed(job.family))
			continue;
		bridge_too = filter.last && !no_bridge_rules(job.family);
		wanted = bridge_too || has_family(fw, job.family);
		raw = fw->deny_direct &&
		      !xt_uncommented(job.family, "raw", "PREROUTING", filter.comment);
		wanted = wanted && !xt_absent(job.family, "filter", CHAIN_FORWARD);
		if (!wanted && !raw)
			continue;
		filter.family = job.family;
		job.table = raw ? wanted ? NULL : "raw" : "filter";
		job.guess = raw || bridge_too ? NULL : guess_del;
		step = xt_apply(&job, err);
		r = r ? r : step;
	}
	return r;
}

int xt_firewall_check(const struct xt_owner *owner, const struct xt_firewall *fw,
		      struct cni_err *err)
{
	struct filter filter = { .fw = fw };
	int r = check_names(fw, err);

	xt_comment(owner, "", filter.comment);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct xt_job job = { .family = families[i],
				      .table = fw->deny_direct ? NULL : "filter",
				      .what = "check firewall rules",
				      .plan = plan_add,
				      .arg = &filter };

		filter.family = job.family;
		if (has_family(fw, job.family))
			r = xt_verify(&job, err);
	}
	return r;
}
