/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Ports that other containers have published through iptables, by us or by a Go plugin. */
#include "xt_rules.h"

#include <netinet/in.h>
#include <string.h>

#define ENTRY	"-A CNI-HOSTPORT-DNAT "
#define COMMENT " --comment \"dnat name: "
#define DNAT	"-A " XT_CHAIN_DN

/* One rule that leads a port into a container, out of iptables-save. */
struct published {
	char chain[XT_CHAIN_MAX + 1];
	struct ip_addr host; /* family 0: any */
	char proto[8];
	unsigned int first, last;
};

/* The word behind @option in a line, or NULL. @out is cut to @size. */
static const char *word_after(const char *line, const char *option, char *out, size_t size)
{
	const char *at = strstr(line, option);

	if (!at)
		return NULL;
	at += strlen(option);
	snprintf(out, size, "%.*s", (int)strcspn(at, " "), at);
	return out;
}

/* Return: whether the line is a DNAT rule of a container's chain. */
static bool read_published(const char *line, struct published *out)
{
	char text[IP_STRLEN];
	struct ip_net host;

	if (strncmp(line, DNAT, strlen(DNAT)) != 0 || !strstr(line, " -j DNAT "))
		return false;
	*out = (struct published){ 0 };
	word_after(line, "-A ", out->chain, sizeof(out->chain));
	if (word_after(line, " -d ", text, sizeof(text)) && !strstr(line, " ! -d ") &&
	    (ip_net_parse(text, &host) == 0 || ip_parse(text, &host.ip) == 0))
		out->host = host.ip;
	if (!word_after(line, " -p ", out->proto, sizeof(out->proto)) ||
	    !word_after(line, " --dport ", text, sizeof(text)))
		return false;
	out->last = out->first = (unsigned int)strtoul(text, NULL, 10);
	if (strchr(text, ':'))
		out->last = (unsigned int)strtoul(strchr(text, ':') + 1, NULL, 10);
	return true;
}

/*
 * Which port of a run a rule takes, or -1: at the same host address; or at any, because the rule is
 * looked at first whatever the new one says.
 */
static int meet(const struct published *rule, const struct port_run *run)
{
	unsigned int last = run->host_port + run->count - 1;
	unsigned int from = rule->first > run->host_port ? rule->first : run->host_port;

	if (from > rule->last || from > last || strcmp(rule->proto, port_proto(run->proto)) != 0)
		return -1;
	if (rule->host.family && !ip_equal(&rule->host, &run->host))
		return -1;
	return (int)(from - run->host_port);
}

/* A name in quotes of the comment, as iptables-save escapes them. Return: what follows it. */
static const char *quoted(const char *at, char *out, size_t size)
{
	size_t len;

	if (!at || strncmp(at, "\\\"", 2) != 0)
		return NULL;
	at += 2;
	len = strcspn(at, "\\\" ");
	snprintf(out, size, "%.*s", (int)len, at);
	return strncmp(at + len, "\\\"", 2) == 0 ? at + len + 2 : NULL;
}

/* Who a chain belongs to, by the rule that leads into it. Return: false when none does. */
static bool find_owner(const struct xt_save *save, const char *chain, char *out, size_t size)
{
	for (size_t i = 0; i < save->n; i++) {
		const char *line = save->lines[i], *target, *at;
		char network[256] = "", id[256] = "";

		if (strncmp(line, ENTRY, strlen(ENTRY)) != 0)
			continue;
		target = xt_line_target(line);
		if (!target || strcmp(target, chain) != 0)
			continue;
		at = strstr(line, COMMENT);
		at = at ? quoted(at + strlen(COMMENT), network, sizeof(network)) : NULL;
		if (at && strncmp(at, " id: ", 5) == 0)
			quoted(at + 5, id, sizeof(id));
		if (*network && *id)
			snprintf(out, size, "%s %s", network, id);
		else
			snprintf(out, size, "a container with chain %s", chain);
		return true;
	}
	return false;
}

int xt_taken(const struct xt_save *save, const char *own_chain, const struct port_run *runs,
	     size_t n, int family, struct cni_err *err)
{
	for (size_t i = 0; i < save->n; i++) {
		struct published rule;
		char owner[600];

		if (!read_published(save->lines[i], &rule) || strcmp(rule.chain, own_chain) == 0)
			continue;
		for (size_t k = 0; k < n; k++) {
			int offset =
				runs[k].container.family == family ? meet(&rule, &runs[k]) : -1;

			if (offset >= 0 && find_owner(save, rule.chain, owner, sizeof(owner)))
				return port_taken(err, &runs[k], (unsigned int)offset, owner,
						  "network, container");
		}
	}
	return 0;
}

/* Whether the kernel may have ports of containers in iptables; asked without a process. */
static bool may_publish(int family)
{
	struct xt_nft_chain info = { 0 };

	/* two of its uses are the jumps from PREROUTING and OUTPUT */
	if (xt_nft_get(family, "nat", "CNI-HOSTPORT-DNAT", &info) == 0 && info.used > 2)
		return true;
	return xt_legacy_has(family, "nat") > 0 &&
	       xt_legacy_find(family, "nat", XT_CHAIN_DN, strlen(XT_CHAIN_DN)) != 0;
}

int xt_portmap_conflicts(const struct xt_owner *owner, const struct port_run *runs, size_t n,
			 struct cni_err *err)
{
	static const int families[] = { AF_INET, AF_INET6 };
	char chain[XT_CHAIN_MAX + 1];
	int r = 0;

	xt_chain_name(owner, "DN-", chain);
	for (size_t i = 0; i < ARRAY_SIZE(families) && r == 0; i++) {
		auto_xt_save struct xt_save save = { 0 };
		const struct xt_job job = { .family = families[i],
					    .table = "nat",
					    .what = "look for published ports" };
		bool wanted = false;

		for (size_t k = 0; k < n; k++)
			wanted |= runs[k].container.family == families[i];
		if (!wanted || !may_publish(families[i]) || !xt_installed(families[i]))
			continue;
		r = xt_read(&job, &save, err);
		if (r == 0)
			r = xt_taken(&save, chain, runs, n, families[i], err);
	}
	return r;
}
