/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Masquerading of one container in iptables: a chain of its own, entered by source address. */
#include "xt_rules.h"

static const int families[] = { AF_INET, AF_INET6 };

struct masq {
	int family;
	char chain[XT_CHAIN_MAX + 1], comment[XT_COMMENT_MAX + 1];
	const struct ip_net *ips;
	size_t n;
};

static void masq_init(struct masq *masq, const struct xt_owner *owner, const struct ip_net *ips,
		      size_t n)
{
	*masq = (struct masq){ .ips = ips, .n = n };
	xt_chain_name(owner, "", masq->chain);
	xt_comment(owner, "", masq->comment);
}

/* The rule that sends what the container sends into its chain. */
static void entry(struct xt_text *rule, const struct masq *masq, const struct ip_addr *ip)
{
	struct ip_net host = { .ip = *ip, .len = (uint8_t)ip_bits(ip) };
	char text[IP_STRLEN];

	xt_words(rule, "-s", ip_net_str(&host, text), "-m", "comment", "--comment", masq->comment,
		 "-j", masq->chain, NULL);
}

static void plan_add(struct xt_plan *plan, const void *arg)
{
	const struct masq *masq = arg;
	const char *multicast = masq->family == AF_INET ? "224.0.0.0/4" : "ff00::/8";

	xt_plan_table(plan, "nat");
	xt_plan_chain(plan, masq->chain);
	for (size_t i = 0; i < masq->n; i++) {
		struct ip_net host = masq->ips[i], net = ip_network(&host);
		struct xt_text rule = { 0 };
		char text[IP_STRLEN];

		if (host.ip.family != masq->family)
			continue;
		if (net.len)
			xt_words(&rule, "-d", ip_net_str(&net, text), NULL);
		xt_words(&rule, "-m", "comment", "--comment", masq->comment, "-j", "ACCEPT", NULL);
		xt_plan_add(plan, XT_LAST, masq->chain, &rule);
		xt_words(&rule, "!", "-d", multicast, "-m", "comment", "--comment", masq->comment,
			 "-j", "MASQUERADE", NULL);
		xt_plan_add(plan, XT_LAST, masq->chain, &rule);
		entry(&rule, masq, &host.ip);
		xt_plan_add(plan, XT_LAST, "POSTROUTING", &rule);
	}
}

/* What plan_add() makes, undone without a look at the rules: DEL with the addresses of ADD. */
static void guess_del(struct xt_plan *plan, const void *arg)
{
	const struct masq *masq = arg;
	struct xt_text rule = { 0 };

	xt_plan_table(plan, "nat");
	for (size_t i = 0; i < masq->n; i++) {
		if (masq->ips[i].ip.family != masq->family)
			continue;
		entry(&rule, masq, &masq->ips[i].ip);
		xt_plan_remove_unread(plan, "POSTROUTING", &rule);
	}
	xt_plan_remove_chain_unread(plan, masq->chain);
}

static void plan_del(struct xt_plan *plan, const void *arg)
{
	const struct masq *masq = arg;

	xt_plan_table(plan, "nat");
	xt_plan_remove_chain(plan, masq->chain);
}

static bool has_family(const struct masq *masq, int family)
{
	for (size_t i = 0; i < masq->n; i++)
		if (masq->ips[i].ip.family == family)
			return true;
	return false;
}

int xt_masq_add(const struct xt_owner *owner, const struct ip_net *ips, size_t n,
		struct cni_err *err)
{
	struct masq masq;
	int r = 0;

	masq_init(&masq, owner, ips, n);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct xt_job job = { .family = families[i],
				      .table = "nat",
				      .what = "add masquerading",
				      .plan = plan_add,
				      .arg = &masq };

		if (!has_family(&masq, job.family))
			continue;
		masq.family = job.family;
		/* without the chain there is no jump to it either */
		job.blank = xt_absent(job.family, job.table, masq.chain);
		r = xt_apply(&job, err);
	}
	return r;
}

int xt_masq_del(const struct xt_owner *owner, const struct ip_net *ips, size_t n,
		struct cni_err *err)
{
	struct masq masq;
	int r = 0;

	masq_init(&masq, owner, ips, n);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct xt_job job = { .family = families[i],
				      .table = "nat",
				      .what = "remove masquerading",
				      .plan = plan_del,
				      .guess = n ? guess_del : NULL,
				      .arg = &masq };
		int step;

		if (n && !has_family(&masq, job.family))
			continue;
		if (!xt_installed(job.family) || xt_absent(job.family, job.table, masq.chain))
			continue;
		masq.family = job.family;
		step = xt_apply(&job, err);
		r = r ? r : step;
	}
	return r;
}

int xt_masq_check(const struct xt_owner *owner, const struct ip_net *ips, size_t n,
		  struct cni_err *err)
{
	struct masq masq;
	int r = 0;

	masq_init(&masq, owner, ips, n);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		struct xt_job job = { .family = families[i],
				      .table = "nat",
				      .what = "check masquerading",
				      .plan = plan_add,
				      .arg = &masq };

		masq.family = job.family;
		if (has_family(&masq, job.family))
			r = xt_verify(&job, err);
	}
	return r;
}
