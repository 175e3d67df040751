// SPDX-License-Identifier: GPL-2.0-or-later
/* The table on the terminal and the CSV files. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/utsname.h>
#include <sys/wait.h>
#include <unistd.h>

const char *out_dir, *floor_path, *cnitool_path, *empty_dir;
static FILE *summary;
static int missed;
static double steal_start, total_start;

FILE *csv_open(const char *name, const char *header)
{
	char path[4096];
	FILE *f;

	snprintf(path, sizeof(path), "%s/%s.csv", out_dir, name);
	f = fopen(path, "we");
	if (!f)
		die("%s: %s", path, strerror(errno));
	fprintf(f, "%s\n", header);
	return f;
}

/* One line for each sample: what,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms */
void csv_series(FILE *f, const char *what, const char *tool, const struct series *s)
{
	for (size_t i = 0; i < s->n; i++)
		fprintf(f, "%s,%s,%zu,%.4f,%.4f,%.4f,%.4f\n", what, tool, i, s->v[i].wall,
			s->v[i].cpu, s->v[i].gone, s->v[i].settled);
}

static void read_steal(double *steal, double *total)
{
	double v[8] = { 0 };
	FILE *f = fopen("/proc/stat", "re");

	*steal = *total = 0;
	if (!f)
		return;
	if (fscanf(f, "cpu %lf %lf %lf %lf %lf %lf %lf %lf", v, v + 1, v + 2, v + 3, v + 4, v + 5,
		   v + 6, v + 7) == 8)
		*steal = v[7];
	for (int i = 0; i < 8; i++)
		*total += v[i];
	fclose(f);
}

/* The first line that a plugin prints with an empty environment: its version. */
static void print_version(const char *title, const char *dir)
{
	char path[4096], banner[4096];
	char *const env[] = { "PATH=/usr/bin:/bin", NULL };
	char *const argv[] = { path, NULL };
	const char *text = banner;
	posix_spawn_file_actions_t fa;
	int fd[2];
	ssize_t n;
	pid_t pid;

	snprintf(path, sizeof(path), "%s/bridge", dir);
	if (pipe2(fd, O_CLOEXEC))
		die("pipe: %s", strerror(errno));
	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, "/dev/null", O_RDONLY, 0);
	posix_spawn_file_actions_adddup2(&fa, fd[1], 1);
	posix_spawn_file_actions_adddup2(&fa, fd[1], 2);
	if (posix_spawn(&pid, path, &fa, NULL, argv, env))
		die("%s cannot be executed", path);
	posix_spawn_file_actions_destroy(&fa);
	close(fd[1]);
	n = read(fd[0], banner, sizeof(banner) - 1);
	close(fd[0]);
	waitpid(pid, NULL, 0);
	banner[n > 0 ? n : 0] = '\0';
	printf("%s: %s, %.*s\n", title, dir, (int)strcspn(text, "\n"), text);
}

void report_head(const char *ours, const char *ref)
{
	const char *hz = getenv("BENCH_HZ"), *package = getenv("BENCH_PACKAGE");
	struct utsname u;

	uname(&u);
	printf("kernel %s %s, HZ %s, %ld processors\n", u.release, u.machine,
	       hz && *hz ? hz : "unknown", sysconf(_SC_NPROCESSORS_ONLN));
	print_version("ours", ours);
	print_version("reference", ref);
	if (package && *package)
		printf("reference package: %s\n", package);
	printf("\n%-44s %-40s %10s\n", "measure", "result", "goal");
	read_steal(&steal_start, &total_start);
	summary = csv_open("summary", "measure,value,low,high,goal,ok");
}

void report_line(const char *what, const char *fmt, ...)
{
	va_list ap;

	printf("%-44s ", what);
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	putchar('\n');
	fflush(stdout);
}

static void verdict(const char *what, const char *text, struct ratio r, double goal, bool at_most)
{
	bool ok = at_most ? r.median <= goal : r.median >= goal;

	if (goal <= 0) {
		printf("%-44s %-40s\n", what, text);
		fprintf(summary, "\"%s\",%g,%g,%g,,\n", what, r.median, r.low, r.high);
	} else {
		printf("%-44s %-40s %s%7.4g  %s\n", what, text, at_most ? "<=" : ">=", goal,
		       ok ? "ok" : "MISSED");
		fprintf(summary, "\"%s\",%g,%g,%g,%g,%d\n", what, r.median, r.low, r.high, goal,
			ok);
		missed += !ok;
	}
	fflush(summary); /* a run that is ended early keeps what it has */
	fflush(stdout);
}

/* A figure with a goal; goal 0: none. */
void report_goal(const char *what, double value, double goal, bool at_most, const char *fmt, ...)
{
	char text[128];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	verdict(what, text, (struct ratio){ value, value, value }, goal, at_most);
}

/* A ratio that should be at most goal; goal 0: none. */
void report_ratio(const char *what, struct ratio r, double goal)
{
	char text[128];
	int n = snprintf(text, sizeof(text), "%.4f [%.4f, %.4f]", r.median, r.low, r.high);

	if (r.median < 0.7)
		snprintf(text + n, sizeof(text) - n, " = 1/%.1f", 1 / r.median);
	verdict(what, text, r, goal, true);
}

/* The rate of a as a multiple of that of b; their walls are times for one. goal 0: none. */
void report_rates(const char *what, const struct series *a, const struct series *b, double goal)
{
	struct ratio r = series_ratio(b, pick_wall, a, pick_wall);

	report_goal(what, r.median, goal, false, "%.3f [%.3f, %.3f]", r.median, r.low, r.high);
}

/* Return: number of goals missed. */
int report_end(void)
{
	double steal, total;

	read_steal(&steal, &total);
	report_line("steal time during the run", "%.2f %%",
		    100 * (steal - steal_start) / (total - total_start));
	fclose(summary);
	return missed;
}
