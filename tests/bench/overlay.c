// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures what an overlay costs its traffic, between containers of two hosts. Pairs of hosts take
 * turns in short blocks: without containers (the limit), with the plugin vxlan, with its fast path,
 * with its directRouting (nothing is encapsulated), with flannel's data path, and with a bridge
 * that has the VXLAN device as a port.
 *
 * The underlay takes packets of 64 KiB, as virtual machines' networks and good cards do; as a
 * "wire" it takes each by itself, and the sender cuts them.
 */
#include "overlay.h"

#include <errno.h>
#include <sched.h>
#include <signal.h>
#include <string.h>
#include <sys/wait.h>

#define BIT(test) (1u << (test))

static const struct scene scenes[] = {
	{ "", 1500, false, BIT(STREAM) | BIT(STREAMS) | BIT(REQUEST) | BIT(DATAGRAMS) },
	{ ", wire", 1500, true, BIT(STREAM) },
	{ ", MTU 9000", 9000, false, BIT(STREAM) },
	{ ", wire, MTU 9000", 9000, true, BIT(STREAM) },
};

static const struct {
	const char *name;
	double host, flannel; /* goals of the first scene */
} about[N_TESTS] = { { "TCP, one stream", 0.85, 1.1 },
		     { "TCP, four streams", 0, 0 },
		     { "request/response", 0.75, 1.25 },
		     { "UDP, 64 bytes", 0, 0 } };

static void report_way(FILE *csv, const struct scene *scene, int test, const struct way *w)
{
	const struct series *s = &w->s[test];
	double wall = series_quantile(s, pick_wall, 0.5);
	char what[96];

	snprintf(what, sizeof(what), "%s%s, %s", about[test].name, scene->name, way_name[w->kind]);
	csv_series(csv, what, way_name[w->kind], s);
	if (test == STREAM || test == STREAMS)
		report_line(what, "%.2f Gbit/s, %.0f ms of CPU for a Gbit", 8 / wall,
			    series_quantile(s, pick_cpu, 0.5) * 125);
	else
		report_line(what, "%.0f /s, %.1f us of CPU", 1000 / wall,
			    series_quantile(s, pick_cpu, 0.5) * 1e3);
}

/* CPU holds still when the machine has other things to do. */
static void report_cpu(const struct scene *scene, int test, const struct way *w)
{
	static const enum kind pairs[][2] = {
		{ FAST, HOST }, { FAST, OURS }, { FAST, FLANNEL_PATH }, { OURS, FLANNEL_PATH }
	};
	char what[96];

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		snprintf(what, sizeof(what), "%s%s, CPU, %s/%s", about[test].name, scene->name,
			 way_name[pairs[i][0]], way_name[pairs[i][1]]);
		report_ratio(what,
			     series_ratio(&w[pairs[i][0]].s[test], pick_cpu,
					  &w[pairs[i][1]].s[test], pick_cpu),
			     0);
	}
}

static void report_test(FILE *csv, const struct scene *scene, int test, const struct way *w)
{
	bool first = scene == scenes;
	char what[96];

	for (int k = 0; k < N_WAYS; k++)
		report_way(csv, scene, test, &w[k]);
	for (int k = 1; k < N_WAYS; k++) {
		snprintf(what, sizeof(what), "%s%s, %s/host", about[test].name, scene->name,
			 way_name[k]);
		report_rates(what, &w[k].s[test], &w[HOST].s[test],
			     k == FAST && first ? about[test].host : 0);
	}
	for (int k = OURS; k <= FAST; k++) {
		snprintf(what, sizeof(what), "%s%s, %s/flannel", about[test].name, scene->name,
			 way_name[k]);
		report_rates(what, &w[k].s[test], &w[FLANNEL_PATH].s[test],
			     k == FAST && first ? about[test].flannel : 0);
	}
	report_cpu(scene, test, w);
}

static void measure_ways(FILE *csv, const struct scene *scene, struct way *w)
{
	int n = env_int("BENCH_OVERLAY_BLOCKS", 15);

	if (scene != scenes)
		n = (n + 1) / 2;
	for (int i = -1; i < n; i++)
		for (int t = 0; t < N_TESTS; t++)
			for (int k = 0; k < N_WAYS && scene->tests & BIT(t); k++)
				block(&w[i & 1 ? N_WAYS - 1 - k : k], t, i >= 0);
	for (int t = 0; t < N_TESTS; t++)
		if (scene->tests & BIT(t))
			report_test(csv, scene, t, w);
}

static void measure_scene(FILE *csv, const struct scene *scene, const char *ours)
{
	struct way ways[N_WAYS] = { 0 };
	cpu_set_t before;

	for (int k = 0; k < N_WAYS; k++) {
		ways[k].kind = k;
		way_make(&ways[k], scene, ours);
	}
	/* programs that are measured wait for all our children: none of them runs from here on */
	for (int k = 0; k < N_WAYS; k++)
		server_start(&ways[k]);
	if (sched_getaffinity(0, sizeof(before), &before))
		die("sched_getaffinity: %s", strerror(errno));
	pin(0);
	measure_ways(csv, scene, ways);
	sched_setaffinity(0, sizeof(before), &before);
	for (int k = 0; k < N_WAYS; k++) {
		kill(ways[k].server, SIGKILL);
		waitpid(ways[k].server, NULL, 0);
		node_close(&ways[k].node[0]);
		node_close(&ways[k].node[1]);
		for (int t = 0; t < N_TESTS; t++)
			series_free(&ways[k].s[t]);
	}
}

void measure_overlay(const char *ours)
{
	FILE *csv = csv_open("overlay", "what,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");

	signal(SIGPIPE, SIG_IGN);
	for (size_t i = 0; i < sizeof(scenes) / sizeof(scenes[0]); i++)
		measure_scene(csv, &scenes[i], ours);
	fclose(csv);
	/* the other servers, which ended with theirs, are ours by now */
	while (waitpid(-1, NULL, 0) > 0)
		;
}
