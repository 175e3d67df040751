// SPDX-License-Identifier: GPL-2.0-or-later
/* Figures without noise: processes, system calls, peak memory. */
#include "bench.h"

#include <ctype.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#define TRACE "/run/bench.trace"

const char *const trace_prefix[] = { "/usr/bin/strace", "-f", "-qq", "-o", TRACE, NULL };

/* One line of strace: "1234  execve(...". Returns of interrupted calls and signals don't count. */
static void count_line(struct counts *c, const char *line)
{
	const char *s = line;

	while (isdigit((unsigned char)*s) || *s == ' ')
		s++;
	if (!islower((unsigned char)*s) || !strchr(s, '('))
		return;
	c->syscalls++;
	c->execs += !strncmp(s, "execve", 6) && !strstr(s, "= -1");
	if (!strncmp(s, "fork(", 5) || !strncmp(s, "vfork(", 6) || !strncmp(s, "clone", 5)) {
		if (strstr(s, "CLONE_THREAD"))
			c->threads++;
		else
			c->forks++;
	}
}

/* What the call just made with trace_prefix did. */
struct counts trace_read(void)
{
	struct counts c = { 0 };
	char *line = NULL;
	size_t size = 0;
	FILE *f = fopen(TRACE, "re");

	if (!f)
		die("%s: %s", TRACE, strerror(errno));
	while (getline(&line, &size, f) > 0)
		count_line(&c, line);
	free(line);
	fclose(f);
	return c;
}

static struct counts trace(const struct tool *tool, const char *verb)
{
	struct sample unused;

	cni_run(tool, "bridge", trace_prefix, verb, "bench-trace", 4, &unused);
	return trace_read();
}

static long peak_rss(const struct tool *tool, const char *plugin, const char *verb)
{
	const char *const floor[] = { floor_path, "rss", NULL };
	struct sample unused;
	char *out, *end;

	cni_run(tool, plugin, floor, verb, "bench-rss", 4, &unused);
	out = proc_output();
	end = out + strlen(out);
	while (end > out && isspace((unsigned char)end[-1]))
		*--end = '\0';
	while (end > out && isdigit((unsigned char)end[-1]))
		end--;
	return strtol(end, NULL, 10);
}

static long max(long a, long b)
{
	return a > b ? a : b;
}

static long worst_rss(const struct tool *tool)
{
	long worst = peak_rss(tool, "bridge", "ADD");

	worst = max(worst, peak_rss(tool, "bridge", "DEL"));
	worst = max(worst, peak_rss(tool, "host-local", "ADD"));
	return max(worst, peak_rss(tool, "host-local", "DEL"));
}

/* Tools as configured for bridge by measure_attach(). */
void measure_counts(const struct tool *ours, const struct tool *ref)
{
	FILE *csv = csv_open("counts", "verb,tool,execs,forks,threads,syscalls");
	const struct tool *tools[] = { ours, ref };
	struct counts c[2][2];
	long rss[2];

	for (int i = 0; i < 2; i++) {
		trace(tools[i], "ADD"); /* warm: the bridge and its directories exist */
		trace(tools[i], "DEL");
		for (int del = 0; del < 2; del++) {
			const char *verb = del ? "DEL" : "ADD";
			struct counts *k = &c[i][del];

			*k = trace(tools[i], verb);
			fprintf(csv, "%s,%s,%d,%d,%d,%d\n", verb, tools[i]->name, k->execs,
				k->forks, k->threads, k->syscalls);
		}
		rss[i] = worst_rss(tools[i]);
	}
	fclose(csv);
	for (int del = 0; del < 2; del++) {
		report_line(del ? "DEL syscalls, ours / ref" : "ADD syscalls, ours / ref",
			    "%d / %d", c[0][del].syscalls, c[1][del].syscalls);
		report_line(del ? "DEL execs, forks, threads" : "ADD execs, forks, threads",
			    "ours %d, %d, %d; ref %d, %d, %d", c[0][del].execs, c[0][del].forks,
			    c[0][del].threads, c[1][del].execs, c[1][del].forks, c[1][del].threads);
	}
	/* at most 0 and 1; half of one above them, as a goal of 0 means none */
	report_goal("ADD forks of ours", c[0][0].forks, 0.5, true, "%d", c[0][0].forks);
	report_goal("DEL forks of ours", c[0][1].forks, 1, true, "%d", c[0][1].forks);
	report_goal("peak RSS of ours (ref), MiB", rss[0] / 1024., 4, true, "%.2f (%.2f)",
		    rss[0] / 1024., rss[1] / 1024.);
}
