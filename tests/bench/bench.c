// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * bench OURS REFERENCE FLOOR EMPTY OUTDIR: measures the plugins of two directories side by side.
 * tests/bench/run calls it in network and mount namespaces of its own. README.md says what is
 * measured and how.
 */
#include "bench.h"

#include <stdlib.h>
#include <string.h>

static bool wanted(const char *measure)
{
	const char *only = getenv("BENCH_ONLY");

	return !only || !*only || strstr(only, measure);
}

int main(int argc, char **argv)
{
	struct tool ours = { "ours", NULL, "bencho", NULL, 10, "" };
	struct tool ref = { "ref", NULL, "benchr", NULL, 20, "" };
	char cnitool[4096];
	int missed;

	if (argc != 6) {
		fprintf(stderr, "usage: bench OURS REFERENCE FLOOR EMPTY OUTDIR\n");
		return 2;
	}
	ours.dir = argv[1];
	ref.dir = argv[2];
	floor_path = argv[3];
	empty_dir = argv[4];
	out_dir = argv[5];
	snprintf(cnitool, sizeof(cnitool), "%s/cnitool", ours.dir);
	cnitool_path = cnitool;
	proc_init();
	pool_init(16);
	report_head(ours.dir, ref.dir);
	tool_conf(&ours, "");
	tool_conf(&ref, "");
	if (wanted("start"))
		measure_start(ours.dir, ref.dir);
	if (wanted("attach"))
		measure_attach(&ours, &ref);
	if (wanted("counts"))
		measure_counts(&ours, &ref);
	if (wanted("ipam"))
		measure_ipam(&ours, &ref);
	if (wanted("chain"))
		measure_chain(ours.dir, ref.dir);
	if (wanted("styles"))
		measure_styles(ours.dir, ref.dir);
	if (wanted("ports"))
		measure_ports(ours.dir);
	if (wanted("connections"))
		measure_connections(ours.dir);
	if (wanted("overlay"))
		measure_overlay(ours.dir);
	if (wanted("peers"))
		measure_peers(ours.dir);
	if (wanted("scale"))
		measure_scale(ours.dir, ref.dir);
	if (wanted("growth"))
		measure_growth(&ours, &ref);
	missed = report_end();
	printf("%s\n", missed ? "some goals were missed" : "all goals were reached");
	return missed ? 1 : 0;
}
