/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who on the host holds a port that a container wants published. */
#include "listener.h"

#include "cleanup.h"
#include "file.h"

#include <arpa/inet.h>
#include <dirent.h>
#include <fcntl.h>
#include <limits.h>
#include <netinet/in.h>
#include <string.h>

#define PROC_NET_MAX (64u << 20)

static socklen_t host_address(const struct port_run *run, unsigned int port,
			      struct sockaddr_storage *out)
{
	struct sockaddr_in *in = (struct sockaddr_in *)out;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)out;

	memset(out, 0, sizeof(*out));
	out->ss_family = run->container.family;
	if (run->container.family == AF_INET) {
		in->sin_port = htons(port);
		memcpy(&in->sin_addr, run->host.b, 4);
		return sizeof(*in);
	}
	in6->sin6_port = htons(port);
	memcpy(&in6->sin6_addr, run->host.b, 16);
	return sizeof(*in6);
}

/* Return: whether a socket cannot be bound there because another one is. */
static bool is_taken(const struct port_run *run, unsigned int port)
{
	struct sockaddr_storage address;
	socklen_t len = host_address(run, port, &address);
	int type = run->proto == IPPROTO_UDP ? SOCK_DGRAM : SOCK_STREAM, one = 1;
	autoclose int fd = socket(run->container.family, type | SOCK_CLOEXEC, run->proto);

	if (fd < 0)
		return false; /* the kernel has no such protocol, so nobody listens */
	/* connections that are closing do not count; with UDP this would let two share a port */
	if (run->proto != IPPROTO_UDP)
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (run->container.family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof(one));
	return bind(fd, (struct sockaddr *)&address, len) < 0 && errno == EADDRINUSE;
}

/* Inode of the socket bound to the port, from a table of /proc/net. Return: 0 when not in it. */
static unsigned long find_inode(const char *table, unsigned int port, bool tcp)
{
	autofree char *text = NULL;
	char path[64], *line, *rest;

	snprintf(path, sizeof(path), "/proc/self/net/%s", table);
	if (file_read(AT_FDCWD, path, PROC_NET_MAX, &text, NULL) < 0)
		return 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned int local, state;
		unsigned long inode;

		if (sscanf(line,
			   " %*d: %*[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu",
			   &local, &state, &inode) != 3)
			continue;
		if (local == port && (!tcp || state == 10 /* TCP_LISTEN */))
			return inode;
	}
	return 0;
}

static bool has_socket(const char *pid, unsigned long inode)
{
	autodir DIR *dir = NULL;
	char path[PATH_MAX], wanted[64], target[64];
	struct dirent *e;

	snprintf(path, sizeof(path), "/proc/%s/fd", pid);
	snprintf(wanted, sizeof(wanted), "socket:[%lu]", inode);
	dir = opendir(path);
	while (dir && (e = readdir(dir))) {
		ssize_t n = readlinkat(dirfd(dir), e->d_name, target, sizeof(target) - 1);

		if (n <= 0)
			continue;
		target[n] = '\0';
		if (strcmp(target, wanted) == 0)
			return true;
	}
	return false;
}

/* The process that has a socket open. Return: its pid, or 0. */
static int find_process(unsigned long inode, char *program, size_t size)
{
	autodir DIR *proc = opendir("/proc");
	struct dirent *e;

	while (inode && proc && (e = readdir(proc))) {
		autofree char *comm = NULL;
		char path[64];

		if (e->d_name[0] < '1' || e->d_name[0] > '9' || !has_socket(e->d_name, inode))
			continue;
		snprintf(path, sizeof(path), "/proc/%.20s/comm", e->d_name);
		if (file_read(AT_FDCWD, path, 4096, &comm, NULL) < 0)
			continue;
		snprintf(program, size, "%.*s", (int)strcspn(comm, "\n"), comm);
		return (int)strtol(e->d_name, NULL, 10);
	}
	return 0;
}

/* Whether the process has the port only to keep others away from it, for this container. */
static bool keeps_for(int pid, const char *program, const char *container_id)
{
	autofree char *words = NULL;
	char path[64];
	size_t len;

	if (strcmp(program, "sleep") == 0)
		return true; /* it will never accept a connection */
	if (strcmp(program, "conmon") != 0)
		return false;
	snprintf(path, sizeof(path), "/proc/%d/cmdline", pid);
	if (file_read(AT_FDCWD, path, 1u << 20, &words, &len) < 0)
		return false;
	return memmem(words, len, container_id, strlen(container_id)) != NULL;
}

static int report(const struct port_run *run, unsigned int port, const char *container_id,
		  struct cni_err *err)
{
	const char *name = run->proto == IPPROTO_TCP ? "tcp" : "udp";
	char program[64] = "", table[8];
	int pid;

	snprintf(table, sizeof(table), "%s%s", name, run->container.family == AF_INET6 ? "6" : "");
	pid = find_process(find_inode(table, port, run->proto == IPPROTO_TCP), program,
			   sizeof(program));
	if (!pid && run->container.family == AF_INET) {
		/* a socket of IPv6 that serves IPv4, too */
		snprintf(table, sizeof(table), "%s6", name);
		pid = find_process(find_inode(table, port, run->proto == IPPROTO_TCP), program,
				   sizeof(program));
	}
	if (pid && keeps_for(pid, program, container_id))
		return 0;
	if (pid)
		return cni_fail(err, CNI_E_FAILED, EADDRINUSE,
				"\"hostPort\": %s port %u is served by %s (pid %d) of the host "
				"already",
				name, port, program, pid);
	return cni_fail(err, CNI_E_FAILED, EADDRINUSE,
			"\"hostPort\": %s port %u is served by a process of the host already", name,
			port);
}

int listener_find(const struct port_run *run, const char *container_id, struct cni_err *err)
{
	for (uint32_t k = 0; k < run->count; k++) {
		unsigned int port = run->host_port + k;
		int r = is_taken(run, port) ? report(run, port, container_id, err) : 0;

		if (r < 0)
			return r;
	}
	return 0;
}
