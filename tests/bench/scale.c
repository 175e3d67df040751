// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Growth of the chain (chain.c): one more attachment with ports on networks of 1, 100, 500, 1000,
 * one bridge each. Every level is a node of its own and all are measured in turn, so a ratio is of
 * calls that follow each other. The bridge's own growth (it floods to all ports) is included.
 */
#include "bench.h"

#include <stdlib.h>
#include <unistd.h>

#define SETTLE_S  4 /* until new links have sent their first multicast packets */
#define N_LEVELS  4
#define N_REF	  2 /* of the levels: the reference takes minutes for 500 */
#define REF_SHARE 5 /* it gets one of so many pairs */

static const int level[N_LEVELS] = { 1, 100, 500, 1000 };

static void grow(struct chain *chain, int n)
{
	int ns = pool_more(n);
	struct sample unused;

	chain_make(chain);
	for (int i = 0; i < n; i++)
		chain_run(chain, NULL, "add", ns + i, &unused);
}

/* p50 in ms; the reference may have no samples. */
static void print_level(FILE *lines, int n, const struct chain *ours, const struct chain *ref)
{
	double add = series_quantile(&ours->add, pick_wall, 0.5);
	double del = series_quantile(&ours->del, pick_wall, 0.5);
	char what[64];

	snprintf(what, sizeof(what), "chain at %d: ADD, DEL (p50)", n);
	fprintf(lines, "%d,%.4f,%.4f", n, add, del);
	if (ref) {
		double radd = series_quantile(&ref->add, pick_wall, 0.5);
		double rdel = series_quantile(&ref->del, pick_wall, 0.5);

		report_line(what, "%.2f, %.2f ms; ref %.1f, %.1f ms", add, del, radd, rdel);
		fprintf(lines, ",%.4f,%.4f\n", radd, rdel);
	} else {
		report_line(what, "%.2f, %.2f ms", add, del);
		fprintf(lines, ",,\n");
	}
}

static void report_growth(const struct chain *at, const struct chain *first, int n)
{
	char what[64];

	snprintf(what, sizeof(what), "chain ADD %s, %d / 1", at->name, n);
	report_ratio(what, series_ratio(&at->add, pick_wall, &first->add, pick_wall),
		     n == 500 ? 1.2 : 0);
	snprintf(what, sizeof(what), "chain ADD %s, %d / 1, CPU", at->name, n);
	report_ratio(what, series_ratio(&at->add, pick_cpu, &first->add, pick_cpu), 0);
	snprintf(what, sizeof(what), "chain DEL %s, %d / 1", at->name, n);
	report_ratio(what, series_ratio(&at->del, pick_wall, &first->del, pick_wall), 0);
}

/* BENCH_TRACE=1 leaves OUTDIR/trace-chain-N, strace of one ADD and DEL. */
static void trace_level(const struct chain *chain, int n)
{
	static const char *const verbs[] = { "add", "del" };
	char path[4096];
	const char *const strace[] = { "/usr/bin/strace", "-f", "-r", "-T", "-o", path, NULL };
	struct sample unused;

	node_enter(&chain->node);
	for (int i = 0; i < 2; i++) {
		snprintf(path, sizeof(path), "%s/trace-chain-%s-%d", out_dir, verbs[i], n);
		chain_run(chain, strace, verbs[i], 4, &unused);
	}
}

static void report_scale(FILE *csv, const struct chain *o, const struct chain *r)
{
	FILE *lines = csv_open("scale-medians", "attachments,add,del,ref_add,ref_del");
	char what[32];

	for (int i = 0; i < N_LEVELS; i++) {
		print_level(lines, level[i], &o[i], i < N_REF ? &r[i] : NULL);
		snprintf(what, sizeof(what), "ADD@%d", level[i]);
		csv_series(csv, what, o[i].name, &o[i].add);
		if (i < N_REF)
			csv_series(csv, what, r[i].name, &r[i].add);
		snprintf(what, sizeof(what), "DEL@%d", level[i]);
		csv_series(csv, what, o[i].name, &o[i].del);
		if (i < N_REF)
			csv_series(csv, what, r[i].name, &r[i].del);
	}
	fclose(lines);
	for (int i = 1; i < N_LEVELS; i++)
		report_growth(&o[i], &o[0], level[i]);
	for (int i = 1; i < N_REF; i++)
		report_growth(&r[i], &r[0], level[i]);
}

void measure_scale(const char *ours, const char *ref)
{
	struct chain o[N_LEVELS] = { 0 }, r[N_REF] = { 0 };
	FILE *csv = csv_open("scale", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	int n = env_int("BENCH_GROWTH_PAIRS", 30);

	for (int i = 0; i < N_LEVELS; i++) {
		o[i] = (struct chain){ .name = "ours", .dir = ours, .backend = "nftables" };
		grow(&o[i], level[i]);
	}
	for (int i = 0; i < N_REF; i++) {
		r[i] = (struct chain){ .name = "ref", .dir = ref, .backend = "iptables" };
		grow(&r[i], level[i]);
	}
	sleep(SETTLE_S);
	for (int i = 0; i < N_LEVELS && getenv("BENCH_TRACE"); i++)
		trace_level(&o[i], level[i]);
	for (int i = -2; i < n; i++) {
		for (int k = 0; k < N_LEVELS; k++)
			chain_pair(&o[i & 1 ? N_LEVELS - 1 - k : k], 4 + (i & 7), i >= 0);
		for (int k = 0; k < N_REF && i < n / REF_SHARE; k++)
			chain_pair(&r[i & 1 ? N_REF - 1 - k : k], 4 + (i & 7), i >= 0);
	}
	report_scale(csv, o, r);
	fclose(csv);
	for (int i = 0; i < N_LEVELS; i++)
		chain_close(&o[i]);
	for (int i = 0; i < N_REF; i++)
		chain_close(&r[i]);
}
