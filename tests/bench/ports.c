// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures with portmap alone: what is published already, and how much at once. Nothing is
 * attached: the previous plugin's result is part of the configuration. Two nodes, so that the first
 * and the 10,001st mapping can be measured in turn; both have one attachment before the measured
 * one.
 */
#include "bench.h"

#include <errno.h>
#include <string.h>

#define FILLERS	     50
#define FILLER_PORTS 200
#define MANY	     10000
#define MANY_ROUNDS  10
#define WARM_UPS     3

/* One ADD. */
struct request {
	const char *name;
	int id; /* of the container, whose address is 10.60.ID/256.ID%256 */
	struct mappings map;
	char conf[64]; /* filled */
	struct series add, del;
};

/* Configuration of portmap, behind a plugin that has attached the address. */
void mappings_write(const char *path, const char *address, const struct mappings *m)
{
	FILE *f = fopen(path, "we");

	if (!f)
		die("%s: %s", path, strerror(errno));
	fprintf(f,
		"{\"cniVersion\":\"1.0.0\",\"name\":\"ports\",\"type\":\"portmap\","
		"\"backend\":\"nftables\",\"prevResult\":{\"cniVersion\":\"1.0.0\","
		"\"interfaces\":[{\"name\":\"eth0\",\"sandbox\":\"/none\"}],"
		"\"ips\":[{\"address\":\"%s\",\"interface\":0}]},"
		"\"runtimeConfig\":{\"portMappings\":[",
		address);
	for (int i = 0; i < m->n; i++) {
		fprintf(f, "%s{\"hostPort\":%d,\"containerPort\":%d,\"protocol\":\"tcp\"",
			i ? "," : "", m->first + i * m->step, m->fan ? m->first + i * m->fan : 80);
		if (m->range)
			fprintf(f, ",\"range\":%d", m->range);
		fputc('}', f);
	}
	fputs("]}}\n", f);
	if (fclose(f))
		die("%s: %s", path, strerror(errno));
}

static void conf_write(struct request *q)
{
	char address[32];

	snprintf(q->conf, sizeof(q->conf), "/run/ports-%s.conf", q->name);
	snprintf(address, sizeof(address), "10.60.%d.%d/16", q->id / 256, q->id % 256);
	mappings_write(q->conf, address, &q->map);
}

static void call(const char *dir, const struct request *q, const char *verb, struct sample *out)
{
	struct tool tool = { "ports", dir, NULL, NULL, 0, "" };
	char id[32];

	memcpy(tool.conf, q->conf, sizeof(tool.conf));
	snprintf(id, sizeof(id), "bench-%d", q->id);
	cni_run(&tool, "portmap", NULL, verb, id, 0, out);
}

/* A node whose portmap has published n ports in all. */
static void fill(struct node *node, const char *dir, int attachments, int ports)
{
	struct sample unused;

	node_make(node);
	shell("ip link add bench0 type veth peer name bench1 && ip addr add 10.60.0.1/16 dev bench0"
	      " && ip link set bench0 up && ip link set bench1 up");
	for (int i = 0; i < attachments; i++) {
		struct request q = { "filler", 1000 + i, .map = { 10000 + i * ports, ports, 1 } };

		conf_write(&q);
		call(dir, &q, "ADD", &unused);
	}
}

static void add_del(const char *dir, const struct node *node, struct request *q, bool record)
{
	struct sample add, del;

	node_enter(node);
	call(dir, q, "ADD", &add);
	call(dir, q, "DEL", &del);
	if (record) {
		series_add(&q->add, &add);
		series_add(&q->del, &del);
	}
}

static void report_request(FILE *csv, const struct request *q)
{
	char what[64];

	snprintf(what, sizeof(what), "portmap, %s: ADD, DEL (p50)", q->name);
	report_line(
		what, "%.2f, %.2f ms; CPU %.2f, %.2f ms", series_quantile(&q->add, pick_wall, 0.5),
		series_quantile(&q->del, pick_wall, 0.5), series_quantile(&q->add, pick_cpu, 0.5),
		series_quantile(&q->del, pick_cpu, 0.5));
	csv_series(csv, "ADD", q->name, &q->add);
	csv_series(csv, "DEL", q->name, &q->del);
}

static void report_ports(const struct request *first, const struct request *last,
			 const struct request *more)
{
	report_ratio("portmap ADD, 10,001st / 1st mapping",
		     series_ratio(&last->add, pick_wall, &first->add, pick_wall), 1.2);
	report_ratio("portmap ADD, 10,001st / 1st mapping, CPU",
		     series_ratio(&last->add, pick_cpu, &first->add, pick_cpu), 0);
	report_ratio("portmap DEL, 10,001st / 1st mapping",
		     series_ratio(&last->del, pick_wall, &first->del, pick_wall), 0);
	report_ratio("portmap ADD, 200 ports / 1 port",
		     series_ratio(&more->add, pick_wall, &first->add, pick_wall), 1.5);
	report_ratio("portmap ADD, 200 ports / 1 port, CPU",
		     series_ratio(&more->add, pick_cpu, &first->add, pick_cpu), 0);
}

static void report_many(const struct request *q)
{
	double ms = series_quantile(&q->add, pick_wall, 0.5);
	char what[64];

	snprintf(what, sizeof(what), "portmap ADD, %s, ms", q->name);
	report_goal(what, ms, 300, true, "%.1f", ms);
}

void measure_ports(const char *ours)
{
	struct request small[] = {
		{ "1st", 1, .map = { 40000, 1, 1 } },
		{ "10001st", 2, .map = { 40000, 1, 1 } },
		{ "200-ports", 3, .map = { 41000, 200, 2 } },
	};
	struct request large[] = {
		{ "10000-as-run", 4, .map = { 30000, MANY, 1, 1 } },
		{ "10000-scattered", 5, .map = { 30000, MANY, 2 } },
		{ "10000-as-range", 6, .map = { 30000, 1, 1, 1, MANY } },
	};
	struct node few, full;
	FILE *csv = csv_open("ports", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	int n = env_int("BENCH_PORT_PAIRS", 60);

	fill(&few, ours, 1, 1);
	for (int i = 0; i < 3; i++)
		conf_write(&small[i]);
	for (int i = 0; i < 3; i++)
		conf_write(&large[i]);
	fill(&full, ours, FILLERS, FILLER_PORTS);
	conf_write(&small[1]);
	for (int i = -WARM_UPS; i < n; i++)
		for (int k = 0; k < 3; k++) {
			int j = i & 1 ? 2 - k : k;

			add_del(ours, j == 1 ? &full : &few, &small[j], i >= 0);
		}
	for (int i = -1; i < MANY_ROUNDS; i++)
		for (int k = 0; k < 3; k++)
			add_del(ours, &few, &large[k], i >= 0);
	for (int k = 0; k < 3; k++)
		report_request(csv, &small[k]);
	for (int k = 0; k < 3; k++)
		report_request(csv, &large[k]);
	fclose(csv);
	report_ports(&small[0], &small[1], &small[2]);
	report_many(&large[0]);
	report_many(&large[1]);
	for (int k = 0; k < 3; k++) {
		series_free(&small[k].add);
		series_free(&small[k].del);
		series_free(&large[k].add);
		series_free(&large[k].del);
	}
	node_close(&few);
	node_close(&full);
}
