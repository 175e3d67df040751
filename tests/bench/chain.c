// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures with bridge (ipMasq), portmap (two ports) and firewall through our cnitool: both sides
 * pay for the same caller. Each way of doing it has a node of its own, so nobody's rules are in
 * another's list, and one attachment with ports that stays, so nobody makes or removes what the
 * attachments of a network share. Plugins that do nothing show what is left when they are free.
 */
#include "bench.h"

#include <errno.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define CONF_DIR "/run/net.d"
#define NETWORK	 "bench"
#define WARM_UPS 3

enum way { NFT, AUTO, XT, REF, EMPTY, N_WAYS };

/* "KEY":"BACKEND", or nothing. */
static void backend_key(char out[48], const char *key, const char *backend)
{
	*out = '\0';
	if (backend)
		snprintf(out, 48, "\"%s\":\"%s\",", key, backend);
}

/* Makes the chain's node, with the network's configuration, and enters it. */
void chain_make(struct chain *chain)
{
	char masq[48], other[48], rest[256];

	backend_key(masq, "ipMasqBackend", chain->backend);
	backend_key(other, "backend", chain->backend);
	snprintf(rest, sizeof(rest),
		 "{\"type\":\"portmap\",%s\"capabilities\":{\"portMappings\":true}},"
		 "{%s\"type\":\"firewall\"}",
		 other, other);
	node_make(&chain->node);
	if (mkdir(CONF_DIR, 0755))
		die("%s: %s", CONF_DIR, strerror(errno));
	file_write(CONF_DIR "/bench.conflist",
		   "{\"cniVersion\":\"%s\",\"name\":\"" NETWORK "\",\"plugins\":["
		   "{\"type\":\"bridge\",%s\"bridge\":\"bench0\",\"isGateway\":true,"
		   "\"ipMasq\":true,\"ipam\":{\"type\":\"host-local\","
		   "\"ranges\":[[{\"subnet\":\"10.50.0.0/16\"}]],"
		   "\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}},%s]}\n",
		   chain->version ? chain->version : "1.0.0", masq,
		   chain->rest ? chain->rest : rest);
}

/* One call of cnitool in the node entered; verb: add, del or status. */
void chain_run(const struct chain *chain, const char *const *prefix, const char *verb, int ns,
	       struct sample *out)
{
	char netns[64], path[4200], ports[512];
	const char *const words[] = { cnitool_path, verb, NETWORK, netns, NULL };
	char *env[] = { "NETCONFPATH=" CONF_DIR, path, ports, "PATH=/usr/sbin:/usr/bin:/sbin:/bin",
			NULL };
	const char *argv[16];
	int port = 10000 + 2 * ns;

	snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", getpid(), pool_fd(ns));
	snprintf(path, sizeof(path), "CNI_PATH=%s", chain->dir);
	snprintf(ports, sizeof(ports),
		 "CAP_ARGS={\"portMappings\":["
		 "{\"hostPort\":%d,\"containerPort\":80,\"protocol\":\"tcp\"},"
		 "{\"hostPort\":%d,\"containerPort\":443,\"protocol\":\"tcp\"}],"
		 "\"bandwidth\":{\"ingressRate\":80000000,\"ingressBurst\":8000000,"
		 "\"egressRate\":80000000,\"egressBurst\":8000000}}",
		 port, port + 1);
	proc_argv(argv, prefix, words);
	proc_run(argv, env, "/dev/null", strcmp(verb, "del") ? -1 : pool_probe(ns), out);
}

/* ADD and DEL in the chain's node. */
void chain_pair(struct chain *chain, int ns, bool record)
{
	struct sample add, del;

	node_enter(&chain->node);
	chain_run(chain, NULL, "add", ns, &add);
	chain_run(chain, NULL, "del", ns, &del);
	if (record) {
		series_add(&chain->add, &add);
		series_add(&chain->del, &del);
	}
}

void chain_close(struct chain *chain)
{
	node_close(&chain->node);
	series_free(&chain->add);
	series_free(&chain->del);
}

void chain_report(FILE *csv, const struct chain *c)
{
	char what[64];

	snprintf(what, sizeof(what), "chain ADD %s, wall p50 / p90, CPU", c->name);
	report_line(what, "%.2f / %.2f ms, %.2f ms", series_quantile(&c->add, pick_wall, 0.5),
		    series_quantile(&c->add, pick_wall, 0.9),
		    series_quantile(&c->add, pick_cpu, 0.5));
	snprintf(what, sizeof(what), "chain DEL %s, wall p50 / p90, CPU", c->name);
	report_line(what, "%.2f / %.2f ms, %.2f ms; all %.2f ms",
		    series_quantile(&c->del, pick_wall, 0.5),
		    series_quantile(&c->del, pick_wall, 0.9),
		    series_quantile(&c->del, pick_cpu, 0.5),
		    series_quantile(&c->del, pick_settled, 0.5));
	csv_series(csv, "ADD", c->name, &c->add);
	csv_series(csv, "DEL", c->name, &c->del);
}

void chain_report_against(const struct chain *c, const struct chain *ref, double add_goal,
			  double del_goal)
{
	char what[64];

	snprintf(what, sizeof(what), "chain ADD %s/ref, wall", c->name);
	report_ratio(what, series_ratio(&c->add, pick_wall, &ref->add, pick_wall), add_goal);
	snprintf(what, sizeof(what), "chain ADD %s/ref, CPU", c->name);
	report_ratio(what, series_ratio(&c->add, pick_cpu, &ref->add, pick_cpu), 0);
	snprintf(what, sizeof(what), "chain DEL %s/ref, wall", c->name);
	report_ratio(what, series_ratio(&c->del, pick_wall, &ref->del, pick_wall), del_goal);
	snprintf(what, sizeof(what), "chain DEL %s/ref, last process ended", c->name);
	report_ratio(what, series_ratio(&c->del, pick_settled, &ref->del, pick_settled), 0);
	snprintf(what, sizeof(what), "chain DEL %s/ref, CPU", c->name);
	report_ratio(what, series_ratio(&c->del, pick_cpu, &ref->del, pick_cpu), 0);
}

/* A pass of its own: strace would be in the times. */
static void report_processes(struct chain *ways)
{
	FILE *csv = csv_open("chain-counts", "verb,tool,execs,forks,threads,syscalls");
	struct counts c[N_WAYS][2];
	struct sample unused;

	for (int i = 0; i < N_WAYS; i++) {
		node_enter(&ways[i].node);
		for (int del = 0; del < 2; del++) {
			struct counts *k = &c[i][del];

			chain_run(&ways[i], trace_prefix, del ? "del" : "add", 4, &unused);
			*k = trace_read();
			fprintf(csv, "%s,%s,%d,%d,%d,%d\n", del ? "DEL" : "ADD", ways[i].name,
				k->execs, k->forks, k->threads, k->syscalls);
		}
	}
	fclose(csv);
	for (int del = 0; del < 2; del++) {
		const char *verb = del ? "DEL" : "ADD";
		char what[64];

		snprintf(what, sizeof(what), "chain %s programs: ours, auto, iptables, ref", verb);
		report_line(what, "%d, %d, %d, %d", c[NFT][del].execs, c[AUTO][del].execs,
			    c[XT][del].execs, c[REF][del].execs);
		snprintf(what, sizeof(what), "chain %s system calls, the same", verb);
		report_line(what, "%d, %d, %d, %d", c[NFT][del].syscalls, c[AUTO][del].syscalls,
			    c[XT][del].syscalls, c[REF][del].syscalls);
		snprintf(what, sizeof(what), "chain %s programs beside cnitool and plugins", verb);
		report_goal(what, c[NFT][del].execs - 4, 0.5, true, "%d", c[NFT][del].execs - 4);
	}
}

void measure_chain(const char *ours, const char *ref)
{
	struct chain ways[N_WAYS] = {
		[NFT] = { .name = "ours", .dir = ours, .backend = "nftables" },
		[AUTO] = { .name = "auto", .dir = ours },
		[XT] = { .name = "iptables", .dir = ours, .backend = "iptables" },
		[REF] = { .name = "ref", .dir = ref, .backend = "iptables" },
		[EMPTY] = { .name = "empty", .dir = empty_dir },
	};
	FILE *csv = csv_open("chain", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	int n = env_int("BENCH_CHAIN_PAIRS", 30);
	struct sample unused;

	for (int i = 0; i < N_WAYS; i++) {
		chain_make(&ways[i]);
		chain_run(&ways[i], NULL, "add", i, &unused);
	}
	for (int i = -WARM_UPS; i < n; i++)
		for (int k = 0; k < N_WAYS; k++)
			chain_pair(&ways[i & 1 ? N_WAYS - 1 - k : k], 4 + (i & 7), i >= 0);
	for (int i = 0; i < N_WAYS; i++)
		chain_report(csv, &ways[i]);
	fclose(csv);
	chain_report_against(&ways[NFT], &ways[REF], 1 / 25., 1 / 40.);
	chain_report_against(&ways[AUTO], &ways[REF], 0, 0);
	chain_report_against(&ways[XT], &ways[REF], 1 / 5., 1 / 5.);
	chain_report_against(&ways[EMPTY], &ways[REF], 0, 0);
	report_processes(ways);
	for (int i = 0; i < N_WAYS; i++)
		chain_close(&ways[i]);
}
