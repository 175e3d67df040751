// SPDX-License-Identifier: GPL-2.0-or-later
/* Measures with bridge: ADD and DEL against the reference and the floor, and their growth. */
#include "bench.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define WARM_UPS 20
#define N_TOOLS	 4
#define SETTLE_S 4 /* until new links have sent their first multicast packets */

struct round {
	const struct tool *tool;
	struct series add, del;
};

/* ADD and DEL with each tool; forward and backward in turn, so that drift hits all alike. */
static void pairs(struct round *rounds, int n_rounds, int n, int ns, int id, bool record)
{
	for (int i = 0; i < n; i++) {
		for (int k = 0; k < n_rounds; k++) {
			struct round *r = &rounds[i % 2 ? n_rounds - 1 - k : k];
			struct sample add, del;

			attach(r->tool, id + i, ns + i % 8, &add);
			detach(r->tool, id + i, ns + i % 8, &del);
			if (record) {
				series_add(&r->add, &add);
				series_add(&r->del, &del);
			}
		}
	}
}

static void report_tool(FILE *csv, const struct round *r)
{
	char what[64];

	snprintf(what, sizeof(what), "ADD %s, wall p50 / p90, CPU", r->tool->name);
	report_line(what, "%.2f / %.2f ms, %.2f ms", series_quantile(&r->add, pick_wall, 0.5),
		    series_quantile(&r->add, pick_wall, 0.9),
		    series_quantile(&r->add, pick_cpu, 0.5));
	snprintf(what, sizeof(what), "DEL %s, returned p50 / p90, CPU", r->tool->name);
	report_line(
		what, "%.2f / %.2f ms, %.2f ms; gone %.2f, all %.2f ms",
		series_quantile(&r->del, pick_wall, 0.5), series_quantile(&r->del, pick_wall, 0.9),
		series_quantile(&r->del, pick_cpu, 0.5), series_quantile(&r->del, pick_gone, 0.5),
		series_quantile(&r->del, pick_settled, 0.5));
	csv_series(csv, "ADD", r->tool->name, &r->add);
	csv_series(csv, "DEL", r->tool->name, &r->del);
}

/* The Go plugin sleeps 50 ms when the port is not up at its first look: the ratio without those. */
static void report_without_sleep(const struct series *ours, const struct series *ref)
{
	struct series a = { 0 }, b = { 0 };
	char what[64];

	for (size_t i = 0; i < ref->n; i++) {
		if (ref->v[i].wall < 50) {
			series_add(&a, &ours->v[i]);
			series_add(&b, &ref->v[i]);
		}
	}
	snprintf(what, sizeof(what), "ADD ours/ref, without %zu sleeps of ref", ref->n - b.n);
	if (b.n)
		report_ratio(what, series_ratio(&a, pick_wall, &b, pick_wall), 0);
	series_free(&a);
	series_free(&b);
}

static void report_attach(const struct round *r)
{
	const struct round *ours = &r[0], *ref = &r[3];

	report_ratio("ADD ours/ref, wall",
		     series_ratio(&ours->add, pick_wall, &ref->add, pick_wall), 1 / 8.);
	report_without_sleep(&ours->add, &ref->add);
	report_ratio("ADD ours/ref, CPU", series_ratio(&ours->add, pick_cpu, &ref->add, pick_cpu),
		     0);
	report_ratio("ADD ours/floor, wall",
		     series_ratio(&ours->add, pick_wall, &r[1].add, pick_wall), 2.5);
	report_ratio("ADD ours/floor, CPU", series_ratio(&ours->add, pick_cpu, &r[1].add, pick_cpu),
		     0);
	report_ratio("ADD floor/ref, wall: the limit",
		     series_ratio(&r[1].add, pick_wall, &ref->add, pick_wall), 0);
	report_ratio("ADD floor without one-queue/floor, wall",
		     series_ratio(&r[2].add, pick_wall, &r[1].add, pick_wall), 0);
	report_ratio("DEL ours/ref, returned",
		     series_ratio(&ours->del, pick_wall, &ref->del, pick_wall), 1 / 8.);
	report_ratio("DEL ours/ref, link gone",
		     series_ratio(&ours->del, pick_gone, &ref->del, pick_gone), 0);
	report_ratio("DEL ours/ref, last process ended",
		     series_ratio(&ours->del, pick_settled, &ref->del, pick_settled), 0);
	report_ratio("DEL ours/ref, CPU", series_ratio(&ours->del, pick_cpu, &ref->del, pick_cpu),
		     0);
}

/* Each tool with its own bridge, which one attachment keeps up; the reference makes the floor's. */
void measure_attach(struct tool *ours, struct tool *ref)
{
	struct tool floor1 = { "floor", NULL, "benchf", "add", 30, "" };
	struct tool floorq = { "queues", NULL, "benchf", "addq", 30, "" };
	struct tool maker = { "maker", ref->dir, "benchf", NULL, 30, "" };
	struct round r[N_TOOLS] = {
		{ .tool = ours }, { .tool = &floor1 }, { .tool = &floorq }, { .tool = ref }
	};
	struct sample unused;
	FILE *csv = csv_open("attach", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");

	pool_init(16);
	tool_conf(ours, "");
	tool_conf(ref, "");
	tool_conf(&maker, "");
	attach(ours, 0, 0, &unused);
	attach(ref, 0, 1, &unused);
	attach(&maker, 0, 2, &unused);
	pairs(r, N_TOOLS, WARM_UPS, 4, 1, false);
	pairs(r, N_TOOLS, env_int("BENCH_PAIRS", 200), 4, 1, true);
	for (int i = 0; i < N_TOOLS; i++)
		report_tool(csv, &r[i]);
	fclose(csv);
	report_attach(r);
	for (int i = 0; i < N_TOOLS; i++) {
		series_free(&r[i].add);
		series_free(&r[i].del);
	}
	detach(ours, 0, 0, &unused);
	detach(ref, 0, 1, &unused);
	detach(&maker, 0, 2, &unused);
}

/* Brings the bridge to n attachments by ours, with a little time for the packets of new links. */
static void grow(const struct tool *ours, int *have, int n)
{
	int ns = pool_more(n - *have);
	struct sample unused;

	for (; *have < n; (*have)++)
		attach(ours, 10000 + *have, ns++, &unused);
	sleep(SETTLE_S);
}

static struct ratio report_level(FILE *csv, FILE *lines, int n, struct round *r, int n_rounds)
{
	char what[64];

	snprintf(what, sizeof(what), "ADD at %d: ours, floor, ref (p50)", n);
	if (n_rounds == 3)
		report_line(what, "%.2f, %.2f, %.2f ms", series_quantile(&r[0].add, pick_wall, 0.5),
			    series_quantile(&r[1].add, pick_wall, 0.5),
			    series_quantile(&r[2].add, pick_wall, 0.5));
	else
		report_line(what, "%.2f, %.2f ms, -", series_quantile(&r[0].add, pick_wall, 0.5),
			    series_quantile(&r[1].add, pick_wall, 0.5));
	fprintf(lines, "%d", n);
	for (int i = 0; i < n_rounds; i++)
		fprintf(lines, ",%.4f", series_quantile(&r[i].add, pick_wall, 0.5));
	fprintf(lines, "%s", n_rounds < 3 ? ",\n" : "\n");
	snprintf(what, sizeof(what), "ADD@%d", n);
	for (int i = 0; i < n_rounds; i++)
		csv_series(csv, what, r[i].tool->name, &r[i].add);
	snprintf(what, sizeof(what), "DEL@%d", n);
	for (int i = 0; i < n_rounds; i++)
		csv_series(csv, what, r[i].tool->name, &r[i].del);
	return series_ratio(&r[0].add, pick_wall, &r[1].add, pick_wall);
}

/* For whoever wonders where the time goes: BENCH_TRACE=1 leaves OUTDIR/trace-N, strace of one ADD.
 */
static void trace_level(const struct tool *ours, int n)
{
	char path[4096];
	const char *const strace[] = { "/usr/bin/strace", "-f", "-T", "-o", path, NULL };
	struct sample unused;

	snprintf(path, sizeof(path), "%s/trace-%d", out_dir, n);
	cni_run(ours, "bridge", strace, "ADD", "bench-trace", 4, &unused);
	cni_run(ours, "bridge", NULL, "DEL", "bench-trace", 4, &unused);
}

/* All on the bridge of ours: the host has the same links whoever is measured. */
void measure_growth(struct tool *ours, struct tool *ref)
{
	static const int level[] = { 1, 100, 1000 };
	struct tool shared_ref = { "ref", ref->dir, ours->bridge, NULL, ours->subnet, "" };
	struct tool floor1 = { "floor", NULL, ours->bridge, "add", ours->subnet, "" };
	FILE *csv = csv_open("growth", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	FILE *lines = csv_open("growth-medians", "attachments,ours,floor,ref");
	struct ratio first = { 0 }, at;
	int have = 0;

	tool_conf(ours, "");
	tool_conf(&shared_ref, ",\"rangeStart\":\"10.10.128.0\",\"gateway\":\"10.10.0.1\"");
	for (size_t i = 0; i < sizeof(level) / sizeof(*level); i++) {
		struct round r[] = { { .tool = ours },
				     { .tool = &floor1 },
				     { .tool = &shared_ref } };
		int n = level[i] < 1000 || getenv("BENCH_LONG") ? 3 : 2;
		char what[64];

		grow(ours, &have, level[i]);
		if (getenv("BENCH_TRACE"))
			trace_level(ours, level[i]);
		pairs(r, n, 3, 4, 1, false);
		pairs(r, n, env_int("BENCH_GROWTH_PAIRS", 30), 4, 1, true);
		at = report_level(csv, lines, level[i], r, n);
		if (i == 0)
			first = at;
		snprintf(what, sizeof(what), "growth 1 -> %d, floor's divided out", level[i]);
		if (i > 0)
			report_ratio(what,
				     (struct ratio){ at.median / first.median, at.low / first.high,
						     at.high / first.low },
				     level[i] == 1000 ? 1.2 : 0);
		for (int k = 0; k < n; k++) {
			series_free(&r[k].add);
			series_free(&r[k].del);
		}
	}
	fclose(csv);
	fclose(lines);
}
