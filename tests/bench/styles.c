// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The chains that clients write, as chain.c measures them: podman's (bridge, portmap, firewall,
 * tuning) and that of containerd's CRI with traffic shaping (bridge, portmap, bandwidth), each tool
 * choosing its backends; and STATUS of podman's, which is asked for every 500 ms by CRI-O.
 */
#include "bench.h"

#define PORTMAP	 "{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}}"
#define PODMAN	 PORTMAP ",{\"type\":\"firewall\"},{\"type\":\"tuning\"}"
#define CRI	 PORTMAP ",{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}}"
#define WARM_UPS 3

/* @stays: first of the two namespaces that stay attached */
static void measure_style(FILE *csv, const char *ours, const char *ref, const char *const names[2],
			  const char *rest, int stays)
{
	struct chain o = { .name = names[0], .dir = ours, .rest = rest };
	struct chain r = { .name = names[1], .dir = ref, .rest = rest };
	int n = env_int("BENCH_CHAIN_PAIRS", 30);
	struct sample unused;

	chain_make(&o);
	chain_run(&o, NULL, "add", stays, &unused);
	chain_make(&r);
	chain_run(&r, NULL, "add", stays + 1, &unused);
	for (int i = -WARM_UPS; i < n; i++) {
		chain_pair(i & 1 ? &r : &o, 4 + (i & 7), i >= 0);
		chain_pair(i & 1 ? &o : &r, 4 + (i & 7), i >= 0);
	}
	chain_report(csv, &o);
	chain_report(csv, &r);
	chain_report_against(&o, &r, 1 / 25., 1 / 40.);
	chain_close(&o);
	chain_close(&r);
}

static void measure_status(const char *ours)
{
	struct chain c = { .name = "status", .dir = ours, .rest = PODMAN, .version = "1.1.0" };
	int n = env_int("BENCH_CHAIN_PAIRS", 30);
	struct sample s;
	double wall;

	chain_make(&c);
	chain_run(&c, NULL, "add", 11, &s);
	for (int i = -WARM_UPS; i < n; i++) {
		chain_run(&c, NULL, "status", 11, &s);
		if (i >= 0)
			series_add(&c.add, &s);
	}
	wall = series_quantile(&c.add, pick_wall, 0.5);
	report_goal("podman's chain, STATUS, ms", wall, 5, true, "%.2f", wall);
	chain_close(&c);
}

void measure_styles(const char *ours, const char *ref)
{
	static const char *const podman[] = { "podman's", "podman's, ref" };
	static const char *const cri[] = { "CRI's", "CRI's, ref" };
	FILE *csv = csv_open("styles", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");

	/* the pool's first namespaces may still be those of a node that is going away */
	measure_style(csv, ours, ref, podman, PODMAN, 12);
	measure_style(csv, ours, ref, cri, CRI, 14);
	fclose(csv);
	measure_status(ours);
}
