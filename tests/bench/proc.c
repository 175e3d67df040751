// SPDX-License-Identifier: GPL-2.0-or-later
/* Running one program and measuring it. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <net/if.h>
#include <spawn.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#define OUTPUT "/run/bench.out"

double now_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

void die(const char *fmt, ...)
{
	va_list ap;

	fflush(stdout);
	fputs("bench: ", stderr);
	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputc('\n', stderr);
	exit(1);
}

/* Detached children end up with us, so that their time is counted and the next call starts calm. */
void proc_init(void)
{
	if (prctl(PR_SET_CHILD_SUBREAPER, 1))
		die("PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
}

/* What the last program wrote on stdout and stderr; valid until the next call. */
char *proc_output(void)
{
	static char buf[4096];
	int fd = open(OUTPUT, O_RDONLY | O_CLOEXEC);
	ssize_t n = fd < 0 ? 0 : read(fd, buf, sizeof(buf) - 1);

	if (fd >= 0)
		close(fd);
	buf[n > 0 ? n : 0] = '\0';
	return buf;
}

static double cpu_ms(const struct rusage *use)
{
	return (use->ru_utime.tv_sec + use->ru_stime.tv_sec) * 1e3 +
	       (use->ru_utime.tv_usec + use->ru_stime.tv_usec) / 1e3;
}

static bool has_eth0(int probe)
{
	struct ifreq ifr = { .ifr_name = "eth0" };

	return ioctl(probe, SIOCGIFINDEX, &ifr) == 0;
}

/**
 * proc_run() - run a program, wait for it and for every process it left behind
 * @argv: argv[0] is a path
 * @env: environment
 * @input: file to be its stdin
 * @probe: socket of the namespace that eth0 has to leave, or -1
 * @out: filled
 */
void proc_run(const char *const *argv, char *const *env, const char *input, int probe,
	      struct sample *out)
{
	posix_spawn_file_actions_t fa;
	struct rusage use;
	double start;
	int status, r;
	pid_t pid;

	posix_spawn_file_actions_init(&fa);
	posix_spawn_file_actions_addopen(&fa, 0, input, O_RDONLY, 0);
	posix_spawn_file_actions_addopen(&fa, 1, OUTPUT, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	posix_spawn_file_actions_adddup2(&fa, 1, 2);
	start = now_ms();
	r = posix_spawn(&pid, argv[0], &fa, NULL, (char *const *)argv, env);
	if (r)
		die("%s: %s", argv[0], strerror(r));
	while (wait4(pid, &status, 0, &use) < 0)
		if (errno != EINTR)
			die("wait4: %s", strerror(errno));
	out->wall = now_ms() - start;
	while (probe >= 0 && has_eth0(probe))
		usleep(50);
	out->gone = now_ms() - start;
	posix_spawn_file_actions_destroy(&fa);
	if (!WIFEXITED(status) || WEXITSTATUS(status))
		die("%s failed (status %#x):\n%s", argv[0], status, proc_output());
	out->cpu = cpu_ms(&use);
	while (wait4(-1, &status, 0, &use) > 0)
		out->cpu += cpu_ms(&use);
	out->settled = now_ms() - start;
}

/* Words behind those of a prefix (strace), either NULL-terminated; prefix may be NULL. */
void proc_argv(const char *argv[16], const char *const *prefix, const char *const *words)
{
	int n = 0;

	while (prefix && *prefix && n < 8)
		argv[n++] = *prefix++;
	while (*words && n < 15)
		argv[n++] = *words++;
	argv[n] = NULL;
}

/**
 * cni_run() - run a plugin as a runtime does
 * @tool: whose plugin
 * @plugin: file name in the tool's directory
 * @prefix: NULL-terminated words before it (strace), or NULL
 * @verb: CNI_COMMAND
 * @id: CNI_CONTAINERID
 * @ns: number in the pool
 * @out: filled
 */
void cni_run(const struct tool *tool, const char *plugin, const char *const *prefix,
	     const char *verb, const char *id, int ns, struct sample *out)
{
	char path[4096], var[5][4200];
	char *env[] = { var[0], var[1], var[2], var[3], var[4], "CNI_IFNAME=eth0", NULL };
	const char *argv[16];

	snprintf(path, sizeof(path), "%s/%s", tool->dir, plugin);
	snprintf(var[0], sizeof(var[0]), "CNI_COMMAND=%s", verb);
	snprintf(var[1], sizeof(var[1]), "CNI_CONTAINERID=%s", id);
	snprintf(var[2], sizeof(var[2]), "CNI_NETNS=/proc/%d/fd/%d", getpid(), pool_fd(ns));
	snprintf(var[3], sizeof(var[3]), "CNI_PATH=%s", tool->dir);
	snprintf(var[4], sizeof(var[4]), "PATH=/usr/sbin:/usr/bin:/sbin:/bin");
	proc_argv(argv, prefix, (const char *[]){ path, NULL });
	proc_run(argv, env, tool->conf, strcmp(verb, "DEL") ? -1 : pool_probe(ns), out);
}

static void floor_run(const struct tool *tool, bool add, int id, int ns, struct sample *out)
{
	char netns[64], host[16], addr[32], gw[32];
	const char *adding[] = {
		floor_path, tool->floor, netns, host, tool->bridge, addr, gw, NULL
	};
	const char *deleting[] = { floor_path, "del", host, NULL };
	char *env[] = { "PATH=/usr/bin:/bin", NULL };

	snprintf(netns, sizeof(netns), "/proc/%d/fd/%d", getpid(), pool_fd(ns));
	snprintf(host, sizeof(host), "%.4s%d", tool->name, id);
	snprintf(addr, sizeof(addr), "10.%d.%d.%d", tool->subnet, 200 + id / 250 % 50,
		 id % 250 + 2);
	snprintf(gw, sizeof(gw), "10.%d.0.1", tool->subnet);
	proc_run(add ? adding : deleting, env, "/dev/null", add ? -1 : pool_probe(ns), out);
}

static void call(const struct tool *tool, bool add, int id, int ns, struct sample *out)
{
	char name[32];

	snprintf(name, sizeof(name), "bench-%d", id);
	if (tool->dir)
		cni_run(tool, "bridge", NULL, add ? "ADD" : "DEL", name, ns, out);
	else
		floor_run(tool, add, id, ns, out);
}

void attach(const struct tool *tool, int id, int ns, struct sample *out)
{
	call(tool, true, id, ns, out);
}

void detach(const struct tool *tool, int id, int ns, struct sample *out)
{
	call(tool, false, id, ns, out);
}
