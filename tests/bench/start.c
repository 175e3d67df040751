// SPDX-License-Identifier: GPL-2.0-or-later
/* What starting a plugin costs: "bridge --version" of the release and of a fully dynamic build. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

#define WARM_UPS 5

static void start(const char *dir, struct series *series, bool record)
{
	char path[4200];
	const char *argv[16];
	char *env[] = { "PATH=/usr/bin:/bin", NULL };
	struct sample sample;

	snprintf(path, sizeof(path), "%s/bridge", dir);
	proc_argv(argv, NULL, (const char *[]){ path, "--version", NULL });
	proc_run(argv, env, "/dev/null", -1, &sample);
	if (record)
		series_add(series, &sample);
}

void measure_start(const char *ours, const char *ref)
{
	const char *dynamic = getenv("BENCH_DYNAMIC");
	int n = env_int("BENCH_PAIRS", 200);
	struct series o = { 0 }, d = { 0 }, r = { 0 };

	if (!dynamic)
		return;
	for (int i = -WARM_UPS; i < n; i++) {
		start(i & 1 ? dynamic : ours, i & 1 ? &d : &o, i >= 0);
		start(i & 1 ? ours : dynamic, i & 1 ? &o : &d, i >= 0);
		start(ref, &r, i >= 0);
	}
	report_line("start: release, dynamic, ref (p50)", "%.2f, %.2f, %.2f ms",
		    series_quantile(&o, pick_wall, 0.5), series_quantile(&d, pick_wall, 0.5),
		    series_quantile(&r, pick_wall, 0.5));
	report_ratio("start, release/dynamic", series_ratio(&o, pick_wall, &d, pick_wall), 0.6);
	report_ratio("start, release/ref", series_ratio(&o, pick_wall, &r, pick_wall), 0);
	series_free(&o);
	series_free(&d);
	series_free(&r);
}
