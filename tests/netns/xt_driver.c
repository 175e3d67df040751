/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls the functions of xt.h from the command line, for tests/netns/xt.sh and
 * tests/differential/xt-*.sh.
 *
 * usage: xt_driver {masq|portmap|firewall}-{add|del|check} NETWORK ID WORDS...
 *        xt_driver {usable|drops} {4|6}
 *        xt_driver taken WORDS...          as container "self" of network "self"
 *
 * Words: A.B.C.D/LEN is a container address, PROTO/HOSTPORT/PORT[/COUNT[/HOSTIP]] a run of ports,
 * KEY=VALUE (see word()) everything else. Exit status 1 and "CODE MESSAGE | DETAILS" on an error.
 */
#include "xt.h"

#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MAX 256

static struct {
	struct ip_net ips[MAX];
	struct port_run runs[MAX];
	const char *conditions[MAX];
	size_t n_ips, n_runs, n_conditions;
	struct xt_portmap map;
	struct xt_firewall fw;
	bool last;
} in = {
	.map = { .snat = true, .localnet = true, .mark_bit = 13 },
	.fw = { .admin_chain = "CNI-ADMIN" },
};

static int port_run(char *word)
{
	struct port_run *run = &in.runs[in.n_runs++];
	char *proto = strtok(word, "/"), *host_port = strtok(NULL, "/"), *port = strtok(NULL, "/");
	char *count = strtok(NULL, "/"), *host = strtok(NULL, "/");

	if (!proto || !host_port || !port || in.n_runs == MAX)
		return -1;
	run->proto = strcmp(proto, "tcp") == 0	  ? IPPROTO_TCP
		     : strcmp(proto, "udp") == 0  ? IPPROTO_UDP
		     : strcmp(proto, "sctp") == 0 ? IPPROTO_SCTP
						  : 255;
	run->host_port = (uint16_t)strtoul(host_port, NULL, 10);
	run->container_port = (uint16_t)strtoul(port, NULL, 10);
	run->count = count ? (uint32_t)strtoul(count, NULL, 10) : 1;
	return host ? ip_parse(host, &run->host) : 0;
}

static int word(char *w)
{
	char *value = strchr(w, '=');

	if (!value)
		return ip_net_parse(w, &in.ips[in.n_ips]) == 0 ? (in.n_ips++, 0) : port_run(w);
	*value++ = '\0';
	if (strcmp(w, "snat") == 0)
		in.map.snat = atoi(value);
	else if (strcmp(w, "localnet") == 0)
		in.map.localnet = atoi(value);
	else if (strcmp(w, "masqall") == 0)
		in.map.masq_all = atoi(value);
	else if (strcmp(w, "mark") == 0)
		in.map.mark_bit = atoi(value);
	else if (strcmp(w, "setmark") == 0)
		in.map.set_mark_chain = value;
	else if (strcmp(w, "cond") == 0)
		in.conditions[in.n_conditions++] = value;
	else if (strcmp(w, "admin") == 0)
		in.fw.admin_chain = value;
	else if (strcmp(w, "bridge") == 0)
		in.fw.bridge = value;
	else if (strcmp(w, "policy") == 0)
		in.fw.policy = strcmp(value, "isolated") == 0 ? XT_ISOLATED
			       : strcmp(value, "open") == 0   ? XT_OPEN
							      : XT_SAME_BRIDGE;
	else if (strcmp(w, "dns") == 0)
		in.fw.dns_input = atoi(value);
	else if (strcmp(w, "direct") == 0)
		in.fw.deny_direct = atoi(value);
	else if (strcmp(w, "last") == 0)
		in.last = atoi(value);
	else
		return -1;
	return in.n_conditions == MAX || in.n_ips == MAX ? -1 : 0;
}

/* Published ports of every family among the addresses. */
static int portmaps(const struct xt_owner *owner,
		    int (*fn)(const struct xt_owner *owner, const struct xt_portmap *map,
			      struct cni_err *err),
		    struct cni_err *err)
{
	int r = 0;

	in.map.conditions = in.conditions;
	in.map.n_conditions = in.n_conditions;
	in.map.runs = in.runs;
	in.map.n_runs = in.n_runs;
	for (size_t i = 0; i < in.n_ips && r == 0; i++) {
		in.map.ip = in.ips[i];
		for (size_t k = 0; k < in.n_runs; k++)
			in.runs[k].container = in.ips[i].ip;
		r = fn(owner, &in.map, err);
	}
	return r;
}

static int run(const char *verb, const struct xt_owner *owner, struct cni_err *err)
{
	in.fw.ips = in.ips;
	in.fw.n_ips = in.n_ips;
	if (strcmp(verb, "masq-add") == 0)
		return xt_masq_add(owner, in.ips, in.n_ips, err);
	if (strcmp(verb, "masq-del") == 0)
		return xt_masq_del(owner, in.ips, in.n_ips, err);
	if (strcmp(verb, "masq-check") == 0)
		return xt_masq_check(owner, in.ips, in.n_ips, err);
	if (strcmp(verb, "portmap-add") == 0)
		return portmaps(owner, xt_portmap_add, err);
	if (strcmp(verb, "portmap-check") == 0)
		return portmaps(owner, xt_portmap_check, err);
	if (strcmp(verb, "portmap-del") == 0)
		return in.n_ips ? portmaps(owner, xt_portmap_del, err)
				: xt_portmap_del(owner, NULL, err);
	if (strcmp(verb, "firewall-add") == 0)
		return xt_firewall_add(owner, &in.fw, err);
	if (strcmp(verb, "firewall-check") == 0)
		return xt_firewall_check(owner, &in.fw, err);
	if (strcmp(verb, "firewall-del") == 0)
		return xt_firewall_del(owner, &in.fw, in.last, err);
	return cni_fail(err, CNI_E_CONF, 0, "unknown verb %s", verb);
}

/* What the error says, and the exit status. */
static int report(int r, const struct cni_err *err)
{
	if (r >= 0 && !err->code)
		return 0;
	fprintf(stderr, "%d %s | %s\n", err->code, err->msg, err->details);
	return r < 0 ? 1 : 3;
}

static int taken(int n, char **words)
{
	struct xt_owner owner = { "self", "self" };
	struct cni_err err = { 0 };

	for (int i = 0; i < n; i++)
		if (word(words[i]) < 0)
			return 2;
	for (size_t i = 0; i < in.n_runs; i++)
		in.runs[i].container = in.ips[0].ip;
	return report(xt_portmap_conflicts(&owner, in.runs, in.n_runs, &err), &err);
}

int main(int argc, char **argv)
{
	struct xt_owner owner = { 0 };
	struct cni_err err = { 0 };

	if (argc == 3) {
		int family = strcmp(argv[2], "6") == 0 ? AF_INET6 : AF_INET;

		printf("%d\n", strcmp(argv[1], "drops") == 0 ? xt_forward_drops(family)
							     : xt_usable(family));
		return 0;
	}
	if (argc > 1 && strcmp(argv[1], "taken") == 0)
		return taken(argc - 2, argv + 2);
	for (int i = 4; i < argc; i++)
		if (word(argv[i]) < 0) {
			fprintf(stderr, "bad word %s\n", argv[i]);
			return 2;
		}
	if (argc < 4)
		return 2;
	owner.network = argv[2];
	owner.container_id = argv[3];
	return report(run(argv[1], &owner, &err), &err);
}
