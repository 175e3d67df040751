/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Published ports in iptables: shared chains, and one chain a container with its DNAT rules. */
#include "xt_rules.h"

#include <inttypes.h>
#include <netinet/in.h>
#include <string.h>

#define CHAIN_DNAT "CNI-HOSTPORT-DNAT"
#define CHAIN_MASQ "CNI-HOSTPORT-MASQ"
#define CHAIN_MARK "CNI-HOSTPORT-SETMARK"
#define MULTIPORT  15 /* ports a multiport match takes (XT_MULTI_PORTS) */

/* In the order of names, in which the reference writes its entry rules. */
static const struct {
	uint8_t proto;
	const char *name;
} protocols[] = { { IPPROTO_SCTP, "sctp" }, { IPPROTO_TCP, "tcp" }, { IPPROTO_UDP, "udp" } };

struct portmap {
	const struct xt_portmap *map;
	bool guard; /* the rules about 127.0.0.0/8 are to be looked at */
	char chain[XT_CHAIN_MAX + 1], old_chain[XT_CHAIN_MAX + 1], comment[XT_COMMENT_MAX + 1];
};

static void portmap_init(struct portmap *pm, const struct xt_owner *owner,
			 const struct xt_portmap *map)
{
	*pm = (struct portmap){ .map = map };
	xt_chain_name(owner, "DN-", pm->chain);
	xt_chain_name(owner, "SN-", pm->old_chain);
	xt_comment(owner, "dnat ", pm->comment);
}

static const char *proto_name(uint8_t proto)
{
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		if (protocols[i].proto == proto)
			return protocols[i].name;
	return NULL;
}

static int check_map(const struct xt_portmap *map, struct cni_err *err)
{
	if (map->set_mark_chain && !xt_chain_valid(map->set_mark_chain))
		return cni_fail(err, CNI_E_CONF, 0,
				"externalSetMarkChain \"%.100s\" is not a chain name: 1 to %d "
				"letters, digits, '_', '.', '-'",
				map->set_mark_chain, XT_CHAIN_MAX);
	if (map->mark_bit < 0 || map->mark_bit > 31)
		return cni_fail(err, CNI_E_CONF, 0, "markMasqBit %d is not between 0 and 31",
				map->mark_bit);
	for (size_t i = 0; i < map->n_conditions; i++)
		if (!xt_word_valid(map->conditions[i]))
			return cni_fail(err, CNI_E_CONF, 0,
					"conditionsV%d[%zu] \"%.100s\" has a control character",
					map->ip.ip.family == AF_INET ? 4 : 6, i,
					map->conditions[i]);
	for (size_t i = 0; i < map->n_runs; i++) {
		const struct port_run *run = &map->runs[i];

		if (!proto_name(run->proto))
			return cni_fail(err, CNI_E_CONF, 0,
					"portMappings: protocol %u is not tcp, udp or sctp",
					run->proto);
		if (!run->host_port || !run->container_port || !run->count ||
		    run->count > 65536u - run->host_port ||
		    run->count > 65536u - run->container_port)
			return cni_fail(err, CNI_E_CONF, 0,
					"portMappings: %" PRIu32 " ports from %u to %u are not "
					"between 1 and 65535",
					run->count, run->host_port, run->container_port);
	}
	return 0;
}

/* Marks, masquerading of what is marked, and the way into the chain of DNAT rules. */
static void plan_shared(struct xt_plan *plan, const struct xt_portmap *map)
{
	static const char *const entries[] = { "PREROUTING", "OUTPUT" };
	struct xt_text rule = { 0 };
	char mark[32];

	snprintf(mark, sizeof(mark), "%#x/%#x", 1u << map->mark_bit, 1u << map->mark_bit);
	if (map->snat && !map->set_mark_chain) {
		xt_plan_chain(plan, CHAIN_MARK);
		xt_words(&rule, "-m", "comment", "--comment", "CNI portfwd masquerade mark", "-j",
			 "MARK", "--set-xmark", mark, NULL);
		xt_plan_add(plan, XT_LAST, CHAIN_MARK, &rule);
		xt_plan_chain(plan, CHAIN_MASQ);
		xt_words(&rule, "-m", "mark", "--mark", mark, "-j", "MASQUERADE", NULL);
		xt_plan_add(plan, XT_LAST, CHAIN_MASQ, &rule);
		/* before the rules of ipMasq, which would accept traffic inside the subnet */
		xt_words(&rule, "-m", "comment", "--comment", "CNI portfwd requiring masquerade",
			 "-j", CHAIN_MASQ, NULL);
		xt_plan_add(plan, XT_FIRST, "POSTROUTING", &rule);
	}
	xt_plan_chain(plan, CHAIN_DNAT);
	for (size_t i = 0; i < ARRAY_SIZE(entries); i++) {
		xt_words(&rule, "-m", "addrtype", "--dst-type", "LOCAL", "-j", CHAIN_DNAT, NULL);
		xt_plan_add(plan, XT_LAST, entries[i], &rule);
	}
}

/* One rule of a port: from @source (NULL: anywhere) to the port, with the target's words. */
static void plan_port(struct xt_plan *plan, const struct portmap *pm, const struct port_run *run,
		      const struct ip_net *source, uint32_t port, const char *const target[])
{
	const char *proto = proto_name(run->proto);
	struct xt_text rule = { 0 };
	char text[IP_STRLEN], dport[16];

	if (source && source->len)
		xt_words(&rule, "-s", ip_net_str(source, text), NULL);
	if (run->host.family && !ip_is_unspecified(&run->host)) {
		struct ip_net host = { .ip = run->host, .len = (uint8_t)ip_bits(&run->host) };

		xt_words(&rule, "-d", ip_net_str(&host, text), NULL);
	}
	snprintf(dport, sizeof(dport), "%" PRIu32, port);
	xt_words(&rule, "-p", proto, "-m", proto, "--dport", dport, "-j", NULL);
	for (; *target; target++)
		xt_word(&rule, *target);
	xt_plan_add(plan, XT_LAST, pm->chain, &rule);
}

static void plan_run(struct xt_plan *plan, const struct portmap *pm, const struct port_run *run)
{
	static const struct ip_net localhost = { .ip = { .family = AF_INET, .b = { 127, 0, 0, 1 } },
						 .len = 32 };
	const struct xt_portmap *map = pm->map;
	const char *mark[] = { map->set_mark_chain ? map->set_mark_chain : CHAIN_MARK, NULL };
	struct ip_net hairpin = ip_network(&map->ip);
	bool v4 = map->ip.ip.family == AF_INET;
	char ip[IP_STRLEN], to[IP_STRLEN + 16];
	const char *dnat[] = { "DNAT", "--to-destination", to, NULL };

	if (map->masq_all)
		hairpin.len = 0;
	if (run->host.family && run->host.family != map->ip.ip.family)
		return;
	ip_str(&map->ip.ip, ip);
	for (uint32_t i = 0; i < run->count; i++) {
		if (map->snat)
			plan_port(plan, pm, run, &hairpin, run->host_port + i, mark);
		if (map->snat && v4 && !map->masq_all)
			plan_port(plan, pm, run, &localhost, run->host_port + i, mark);
		snprintf(to, sizeof(to), v4 ? "%s:%" PRIu32 : "[%s]:%" PRIu32, ip,
			 run->container_port + i);
		plan_port(plan, pm, run, NULL, run->host_port + i, dnat);
	}
}

/*
 * Whether the entry rule for @ports is there. Conditions are left out of it: iptables-save may
 * write them in other words than they were given.
 */
static bool entry_there(const struct xt_plan *plan, const struct portmap *pm, const char *proto,
			const char *ports)
{
	static const char chain[] = "-A " CHAIN_DNAT " ";
	char p[16], dports[8 * MULTIPORT];

	snprintf(p, sizeof(p), " -p %s ", proto);
	snprintf(dports, sizeof(dports), " --dports %s ", ports);
	for (size_t i = plan->first; i < plan->last; i++) {
		const char *line = plan->save->lines[i], *target;

		if (strncmp(line, chain, strlen(chain)) != 0)
			continue;
		target = xt_line_target(line);
		if (target && strcmp(target, pm->chain) == 0 && strstr(line, p) &&
		    strstr(line, dports))
			return true;
	}
	return false;
}

/* What becomes of one entry rule: plan_entry() or forget_entry(). */
typedef void entry_fn(struct xt_plan *plan, const struct portmap *pm, const char *proto,
		      const char *ports);

static void entry(struct xt_text *rule, const struct portmap *pm, const char *proto,
		  const char *ports)
{
	const struct xt_portmap *map = pm->map;

	xt_words(rule, "-p", proto, "-m", "comment", "--comment", pm->comment, "-m", "multiport",
		 "--dports", ports, NULL);
	for (size_t i = 0; i < map->n_conditions; i++)
		xt_word(rule, map->conditions[i]);
	xt_words(rule, "-j", pm->chain, NULL);
}

static void plan_entry(struct xt_plan *plan, const struct portmap *pm, const char *proto,
		       const char *ports)
{
	struct xt_text rule = { 0 };

	if (entry_there(plan, pm, proto, ports))
		return;
	entry(&rule, pm, proto, ports);
	xt_plan_add(plan, XT_LAST, CHAIN_DNAT, &rule);
}

static void forget_entry(struct xt_plan *plan, const struct portmap *pm, const char *proto,
			 const char *ports)
{
	struct xt_text rule = { 0 };

	entry(&rule, pm, proto, ports);
	xt_plan_remove_unread(plan, CHAIN_DNAT, &rule);
}

/* The entry rules of one protocol: all its host ports, as many to a rule as multiport takes. */
static void each_entry(struct xt_plan *plan, const struct portmap *pm, uint8_t proto, entry_fn *fn)
{
	char ports[6 * MULTIPORT + 1] = "";
	size_t n = 0, used = 0;

	for (size_t i = 0; i < pm->map->n_runs; i++) {
		const struct port_run *run = &pm->map->runs[i];

		for (uint32_t k = 0; run->proto == proto && k < run->count; k++) {
			used += (size_t)snprintf(ports + used, sizeof(ports) - used, "%s%" PRIu32,
						 n ? "," : "", run->host_port + k);
			if (++n < MULTIPORT)
				continue;
			fn(plan, pm, proto_name(proto), ports);
			n = used = 0;
		}
	}
	if (n)
		fn(plan, pm, proto_name(proto), ports);
}

static void plan_add(struct xt_plan *plan, const void *arg)
{
	const struct portmap *pm = arg;

	xt_plan_table(plan, "nat");
	plan_shared(plan, pm->map);
	xt_plan_chain(plan, pm->chain);
	for (size_t i = 0; i < pm->map->n_runs; i++)
		plan_run(plan, pm, &pm->map->runs[i]);
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		each_entry(plan, pm, protocols[i].proto, plan_entry);
	/* asked again: this is under the lock */
	if (pm->guard && xt_guard_state() != XT_GUARD_WHOLE)
		xt_guard_plan(plan);
}

/* 127.0.0.1 reaches the ports: that needs the guard, which may be there already. */
static void look_at_guard(struct portmap *pm, struct xt_job *job)
{
	enum xt_guard state;

	if (!pm->map->localnet || pm->map->ip.ip.family != AF_INET)
		return;
	state = xt_guard_state();
	pm->guard = state != XT_GUARD_WHOLE;
	if (state == XT_GUARD_UNKNOWN) {
		job->table = NULL;
		job->blank = false;
	}
}

static int refuse_taken(const struct xt_save *save, const void *arg, struct cni_err *err)
{
	const struct portmap *pm = arg;

	return xt_taken(save, pm->chain, pm->map->runs, pm->map->n_runs, pm->map->ip.ip.family,
			err);
}

/* What plan_add() makes for the container, undone without a look at the rules. */
static void guess_del(struct xt_plan *plan, const void *arg)
{
	const struct portmap *pm = arg;

	xt_plan_table(plan, "nat");
	for (size_t i = 0; i < ARRAY_SIZE(protocols); i++)
		each_entry(plan, pm, protocols[i].proto, forget_entry);
	xt_plan_remove_chain_unread(plan, pm->chain);
}

static void plan_del(struct xt_plan *plan, const void *arg)
{
	const struct portmap *pm = arg;

	xt_plan_table(plan, "nat");
	xt_plan_remove_chain(plan, pm->chain);
	xt_plan_remove_chain(plan, pm->old_chain);
}

int xt_portmap_add(const struct xt_owner *owner, const struct xt_portmap *map, struct cni_err *err)
{
	struct portmap pm;
	struct xt_job job = { .family = map->ip.ip.family,
			      .table = "nat",
			      .what = "publish ports",
			      .plan = plan_add,
			      .refuse = refuse_taken,
			      .arg = &pm };
	int r = check_map(map, err);

	if (r < 0 || !map->n_runs)
		return r;
	portmap_init(&pm, owner, map);
	job.blank = xt_absent(job.family, "nat", CHAIN_DNAT) &&
		    xt_absent(job.family, "nat", CHAIN_MASQ) &&
		    xt_absent(job.family, "nat", CHAIN_MARK) &&
		    xt_absent(job.family, "nat", pm.chain);
	look_at_guard(&pm, &job);
	return xt_apply(&job, err);
}

int xt_portmap_del(const struct xt_owner *owner, const struct xt_portmap *map, struct cni_err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	struct portmap pm;
	int r = 0;

	portmap_init(&pm, owner, map);
	for (size_t i = 0; i < ARRAY_SIZE(families); i++) {
		struct xt_job job = { .family = families[i],
				      .table = "nat",
				      .what = "remove published ports",
				      .plan = plan_del,
				      .guess = map ? guess_del : NULL,
				      .arg = &pm };
		int step;

		if (map && map->ip.ip.family != job.family)
			continue;
		if (!xt_installed(job.family) || (xt_absent(job.family, "nat", pm.chain) &&
						  xt_absent(job.family, "nat", pm.old_chain)))
			continue;
		step = xt_apply(&job, err);
		r = r ? r : step;
	}
	return r;
}

int xt_portmap_check(const struct xt_owner *owner, const struct xt_portmap *map,
		     struct cni_err *err)
{
	struct portmap pm;
	struct xt_job job = { .family = map->ip.ip.family,
			      .table = "nat",
			      .what = "check published ports",
			      .plan = plan_add,
			      .arg = &pm };
	int r = check_map(map, err);

	if (r < 0 || !map->n_runs)
		return r;
	portmap_init(&pm, owner, map);
	look_at_guard(&pm, &job);
	return xt_verify(&job, err);
}
