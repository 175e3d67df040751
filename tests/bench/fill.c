// SPDX-License-Identifier: GPL-2.0-or-later
/* Measures with host-local alone: ADD and DEL in a /16 that is 0 to 99.9 % full. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define LEVELS	4
#define HOSTS	65534 /* of the /16; .0.1 is the gateway */
#define GATEWAY 1
#define WARM	10 /* rounds that are not counted */

static const double level[LEVELS] = { 0, 50, 90, 99.9 };

static void reserve(int dir, unsigned int host)
{
	char name[32], text[64];
	int len = snprintf(text, sizeof(text), "filler-%u\r\neth0", host), fd;

	snprintf(name, sizeof(name), "10.40.%u.%u", host >> 8, host & 255);
	fd = openat(dir, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0 || write(fd, text, len) != len)
		die("%s: %s", name, strerror(errno));
	close(fd);
}

/* A network with percent of its addresses taken, holes at random, as any host-local left it. */
static void fill(struct tool *net, double percent)
{
	char path[96];
	unsigned int *hosts = malloc(HOSTS * sizeof(*hosts)), n = 0;
	int dir;

	for (unsigned int h = GATEWAY + 1; h <= HOSTS; h++)
		hosts[n++] = h;
	snprintf(path, sizeof(path), "/var/lib/cni/%s", net->name);
	mkdir(path, 0755);
	snprintf(net->conf, sizeof(net->conf), "/run/%s.conf", net->name);
	file_write(net->conf,
		   "{\"cniVersion\":\"1.0.0\",\"name\":\"fill\",\"type\":\"bridge\",\"ipam\":"
		   "{\"type\":\"host-local\",\"dataDir\":\"%s\","
		   "\"ranges\":[[{\"subnet\":\"10.40.0.0/16\"}]]}}\n",
		   path);
	strcat(path, "/fill");
	if (mkdir(path, 0755) || (dir = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)) < 0)
		die("%s: %s", path, strerror(errno));
	srandom(7);
	for (unsigned int i = 0; i < n * percent / 100; i++) {
		unsigned int k = i + random() % (n - i), h = hosts[k];

		hosts[k] = hosts[i];
		reserve(dir, h);
	}
	close(dir);
	free(hosts);
	strcat(path, "/last_reserved_ip.0");
	file_write(path, "10.40.%ld.77", random() % 250);
}

static void add_del(const struct tool *net, int id, struct series *add, struct series *del)
{
	struct sample a, d;
	char name[32];

	snprintf(name, sizeof(name), "bench-%d", id);
	cni_run(net, "host-local", NULL, "ADD", name, 0, &a);
	cni_run(net, "host-local", NULL, "DEL", name, 0, &d);
	if (add) {
		series_add(add, &a);
		series_add(del, &d);
	}
}

static double spread(const struct series *s)
{
	double min = 1e9, max = 0;

	for (int i = 0; i < LEVELS; i++) {
		double m = series_quantile(&s[i], pick_wall, 0.5);

		min = m < min ? m : min;
		max = m > max ? m : max;
	}
	return max / min;
}

static void report_fill(const struct series oa[], const struct series od[],
			const struct series ra[], const struct series rd[])
{
	FILE *csv = csv_open("ipam", "verb,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	char what[64];

	for (int i = 0; i < LEVELS; i++) {
		snprintf(what, sizeof(what), "host-local at %g %%: ours, ref (p50)", level[i]);
		report_line(what, "ADD %.2f, %.1f ms; DEL %.2f, %.1f ms",
			    series_quantile(&oa[i], pick_wall, 0.5),
			    series_quantile(&ra[i], pick_wall, 0.5),
			    series_quantile(&od[i], pick_wall, 0.5),
			    series_quantile(&rd[i], pick_wall, 0.5));
		snprintf(what, sizeof(what), "ADD@%g", level[i]);
		csv_series(csv, what, "ours", &oa[i]);
		csv_series(csv, what, "ref", &ra[i]);
		snprintf(what, sizeof(what), "DEL@%g", level[i]);
		csv_series(csv, what, "ours", &od[i]);
		csv_series(csv, what, "ref", &rd[i]);
	}
	fclose(csv);
	report_goal("host-local ADD, max/min over fills", spread(oa), 1.3, true, "%.3f",
		    spread(oa));
	report_goal("host-local DEL, max/min over fills", spread(od), 1.3, true, "%.3f",
		    spread(od));
}

static void report_full(const char *what, const struct series *ref, const struct series *ours)
{
	struct ratio r = series_ratio(ref, pick_wall, ours, pick_wall);

	report_goal(what, r.median, 300, false, "%.0f x faster [%.0f, %.0f]", r.median, r.low,
		    r.high);
}

/* Directories of their own, so that ours never has to rebuild its index for the other's writes. */
void measure_ipam(const struct tool *ours, const struct tool *ref)
{
	static const char *const names[2][LEVELS] = { { "o0", "o50", "o90", "o99" },
						      { "r0", "r50", "r90", "r99" } };
	static const int ref_pairs[LEVELS] = { 40, 6, 4, 4 };
	struct series oa[LEVELS] = { 0 }, od[LEVELS] = { 0 }, ra[LEVELS] = { 0 },
		      rd[LEVELS] = { 0 };
	struct tool net[2][LEVELS] = { 0 };
	int n = env_int("BENCH_PAIRS", 200);

	for (int i = 0; i < LEVELS; i++) {
		for (int side = 0; side < 2; side++) {
			net[side][i].name = names[side][i];
			net[side][i].dir = side ? ref->dir : ours->dir;
			fill(&net[side][i], level[i]);
		}
		add_del(&net[0][i], 0, NULL, NULL); /* builds the index */
	}
	for (int k = -WARM; k < n; k++)
		for (int j = 0; j < LEVELS; j++) {
			int i = k % 2 ? LEVELS - 1 - j : j;

			add_del(&net[0][i], k + WARM, k < 0 ? NULL : &oa[i], &od[i]);
			if (k >= 0 && k < ref_pairs[i])
				add_del(&net[1][i], k, &ra[i], &rd[i]);
		}
	report_fill(oa, od, ra, rd);
	report_full("host-local ADD at 99.9 %, ref/ours", &ra[LEVELS - 1], &oa[LEVELS - 1]);
	report_full("host-local DEL at 99.9 %, ref/ours", &rd[LEVELS - 1], &od[LEVELS - 1]);
	for (int i = 0; i < LEVELS; i++) {
		series_free(&oa[i]);
		series_free(&od[i]);
		series_free(&ra[i]);
		series_free(&rd[i]);
	}
}
