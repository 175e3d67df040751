// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * What an ADD of vxlan costs beside one of bridge and host-local, when the node knows its peers
 * itself, and when an agent does. Each way has a node of its own, where one attachment stays.
 */
#include "peers.h"

#include <stdlib.h>
#include <string.h>

#define WARM_UPS 5

enum way { BRIDGE, FILE2, FILE16, FILE50, CONF50, AGENT2, AGENT5000, N_WAYS };

struct place {
	const char *name;
	int n;	     /* peers */
	bool inside; /* in the configuration itself */
	bool agent;
	struct tool tool;
	struct node node;
	struct resident daemon;
	struct series add, del;
};

/* "peers":[...], of this node and n others */
static void conf_inside(int n)
{
	char text[16384] = "";
	size_t at = 0;

	for (int i = 0; i <= n; i++)
		at += (size_t)snprintf(text + at, sizeof(text) - at,
				       "%s{\"node\":\"n%d\",\"vtep\":\"172.16.%d.%d\","
				       "\"subnet\":\"10.%d.%d.0/24\"}",
				       i ? "," : "", i, (i + 1) >> 8, (i + 1) & 255, i >> 8,
				       i & 255);
	file_write("/run/peers.conf",
		   "{\"cniVersion\":\"1.0.0\",\"name\":\"peers\",\"type\":\"vxlan\",\"vni\":42,"
		   "\"network\":\"10.0.0.0/8\",\"node\":\"n0\",\"underlay\":{\"dev\":\"eth0\"},"
		   "\"peers\":[%s]}\n",
		   text);
}

static void conf_of(const struct place *p)
{
	if (p->inside)
		conf_inside(p->n);
	else
		file_write("/run/peers.conf",
			   "{\"cniVersion\":\"1.0.0\",\"name\":\"peers\",\"type\":\"vxlan\","
			   "\"vni\":42,\"network\":\"10.0.0.0/8\",\"node\":\"n0\","
			   "\"underlay\":{\"dev\":\"eth0\"},%s}\n",
			   p->agent ? "\"store\":{\"type\":\"file\",\"path\":\"" PEERS_FILE "\"}"
				    : "\"peersFile\":\"" PEERS_FILE "\"");
}

static void call(struct place *p, const char *verb, int ns, struct sample *out)
{
	char id[32];

	snprintf(id, sizeof(id), "bench-%d", ns);
	cni_run(&p->tool, p->n ? "vxlan" : "bridge", NULL, verb, id, ns, out);
}

/* ns: of the attachment that stays */
static void place_make(struct place *p, const char *ours, int ns)
{
	struct sample unused;

	peers_node_make(&p->node);
	p->tool = (struct tool){ p->name, ours, "bench0", NULL, 40, "/run/peers.conf" };
	if (p->n) {
		conf_of(p);
		peers_write(p->n);
	} else {
		tool_conf(&p->tool, "");
	}
	if (p->agent) {
		agent_start(&p->daemon, ours, "{\"type\":\"file\",\"path\":\"" PEERS_FILE "\"}");
		file_wait(&p->daemon, PEERS_STATE);
	}
	call(p, "ADD", ns, &unused);
	if (p->n)
		entries_expect(p->n);
}

static void pair(struct place *p, int ns, bool record)
{
	struct sample add, del;

	node_enter(&p->node);
	call(p, "ADD", ns, &add);
	call(p, "DEL", ns, &del);
	if (record) {
		series_add(&p->add, &add);
		series_add(&p->del, &del);
	}
}

static void report_place(FILE *csv, const struct place *p)
{
	char what[64];

	snprintf(what, sizeof(what), "ADD, DEL (p50), %s", p->name);
	report_line(
		what, "%.2f, %.2f ms; CPU %.2f, %.2f ms", series_quantile(&p->add, pick_wall, 0.5),
		series_quantile(&p->del, pick_wall, 0.5), series_quantile(&p->add, pick_cpu, 0.5),
		series_quantile(&p->del, pick_cpu, 0.5));
	csv_series(csv, "ADD", p->name, &p->add);
	csv_series(csv, "DEL", p->name, &p->del);
}

static void report_add(const struct place *a, const struct place *b, double goal)
{
	char what[96];

	snprintf(what, sizeof(what), "ADD %s/%s, wall", a->name, b->name);
	report_ratio(what, series_ratio(&a->add, pick_wall, &b->add, pick_wall), goal);
	snprintf(what, sizeof(what), "ADD %s/%s, CPU", a->name, b->name);
	report_ratio(what, series_ratio(&a->add, pick_cpu, &b->add, pick_cpu), 0);
}

/* BENCH_TRACE=1 leaves OUTDIR/trace-peers-WAY, strace of one ADD. */
static void trace(struct place *p)
{
	char path[4096];
	const char *const strace[] = { "/usr/bin/strace", "-f", "-r", "-T", "-o", path, NULL };
	struct sample unused;

	node_enter(&p->node);
	snprintf(path, sizeof(path), "%s/trace-peers-%s", out_dir, p->name);
	cni_run(&p->tool, p->n ? "vxlan" : "bridge", strace, "ADD", "bench-trace", 1, &unused);
	cni_run(&p->tool, p->n ? "vxlan" : "bridge", NULL, "DEL", "bench-trace", 1, &unused);
}

static void place_close(struct place *p)
{
	if (p->agent)
		resident_stop(&p->daemon);
	node_close(&p->node);
	series_free(&p->add);
	series_free(&p->del);
}

void measure_peers_add(const char *ours)
{
	struct place p[N_WAYS] = {
		[BRIDGE] = { .name = "bridge" },
		[FILE2] = { .name = "file-2", .n = 2 },
		[FILE16] = { .name = "file-16", .n = 16 },
		[FILE50] = { .name = "file-50", .n = 50 },
		[CONF50] = { .name = "conf-50", .n = 50, .inside = true },
		[AGENT2] = { .name = "agent-2", .n = 2, .agent = true },
		[AGENT5000] = { .name = "agent-5000", .n = 5000, .agent = true },
	};
	FILE *csv = csv_open("peers-add", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	int n = env_int("BENCH_PEERS_PAIRS", 100), ns = pool_more(N_WAYS);

	for (int k = 0; k < N_WAYS; k++)
		place_make(&p[k], ours, ns + k);
	for (int i = -WARM_UPS; i < n; i++)
		for (int k = 0; k < N_WAYS; k++)
			pair(&p[i & 1 ? N_WAYS - 1 - k : k], 4 + (i & 7), i >= 0);
	for (int k = 0; k < N_WAYS && getenv("BENCH_TRACE"); k++)
		trace(&p[k]);
	for (int k = 0; k < N_WAYS; k++)
		report_place(csv, &p[k]);
	fclose(csv);
	report_add(&p[FILE2], &p[BRIDGE], 0);
	report_add(&p[FILE16], &p[BRIDGE], 0);
	report_add(&p[FILE50], &p[BRIDGE], 1.2);
	report_add(&p[CONF50], &p[BRIDGE], 1.2);
	report_add(&p[AGENT5000], &p[BRIDGE], 0);
	report_add(&p[AGENT5000], &p[AGENT2], 1.1);
	for (int k = 0; k < N_WAYS; k++)
		place_close(&p[k]);
}
