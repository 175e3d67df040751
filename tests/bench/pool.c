// SPDX-License-Identifier: GPL-2.0-or-later
/* Network namespaces for the containers, held as descriptors: nobody pays for mounts. */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

static struct {
	int fd, probe;
} * pool;
static int pool_size;

static int ns_open(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("/proc/self/ns/net: %s", strerror(errno));
	return fd;
}

/* Makes the pool at least n namespaces large. */
void pool_init(int n)
{
	struct rlimit many = { 8192, 8192 };
	int home;

	if (n <= pool_size)
		return;
	home = ns_open();
	if (setrlimit(RLIMIT_NOFILE, &many))
		die("RLIMIT_NOFILE: %s", strerror(errno));
	pool = realloc(pool, n * sizeof(*pool));
	if (!pool)
		die("out of memory");
	for (; pool_size < n; pool_size++) {
		if (unshare(CLONE_NEWNET))
			die("new network namespace: %s", strerror(errno));
		pool[pool_size].fd = ns_open();
		pool[pool_size].probe = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
		if (pool[pool_size].probe < 0 || setns(home, CLONE_NEWNET))
			die("namespace pool: %s", strerror(errno));
	}
	close(home);
}

/* Return: the first of n new namespaces. */
int pool_more(int n)
{
	int first = pool_size;

	pool_init(first + n);
	return first;
}

int pool_fd(int ns)
{
	return pool[ns].fd;
}

/* A socket that lives in the namespace. */
int pool_probe(int ns)
{
	return pool[ns].probe;
}

void file_write(const char *path, const char *fmt, ...)
{
	FILE *f = fopen(path, "we");
	va_list ap;

	if (!f)
		die("%s: %s", path, strerror(errno));
	va_start(ap, fmt);
	vfprintf(f, fmt, ap);
	va_end(ap);
	if (fclose(f))
		die("%s: %s", path, strerror(errno));
}

/* Writes the bridge configuration of a tool; range: further keys of its IPAM range, or "". */
void tool_conf(struct tool *tool, const char *range)
{
	snprintf(tool->conf, sizeof(tool->conf), "/run/%s%s.conf", tool->name,
		 *range ? "-range" : "");
	file_write(tool->conf,
		   "{\"cniVersion\":\"1.0.0\",\"name\":\"%s%s\",\"type\":\"bridge\","
		   "\"bridge\":\"%s\",\"isGateway\":true,\"ipam\":{\"type\":\"host-local\","
		   "\"ranges\":[[{\"subnet\":\"10.%d.0.0/16\"%s}]],"
		   "\"routes\":[{\"dst\":\"0.0.0.0/0\"}]}}\n",
		   tool->name, *range ? "-range" : "", tool->bridge, tool->subnet, range);
}

int env_int(const char *name, int fallback)
{
	const char *value = getenv(name);

	return value && atoi(value) > 0 ? atoi(value) : fallback;
}
