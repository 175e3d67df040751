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

#include <linux/inet_diag.h>
#include <linux/netlink.h>
#include <linux/sock_diag.h>
#include <string.h>
#include <sys/socket.h>

#define PROC_NET_MAX (64u << 20)

/* Up to so many ports, each is bound; for more, only those that a list says some socket serves. */
#define FEW_PORTS 8

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

/* A bit for each port. */
struct port_bits {
	uint8_t bits[65536 / 8];
};

static void take_socket(const struct nlmsghdr *hdr, struct port_bits *used)
{
	const struct inet_diag_msg *msg = NLMSG_DATA(hdr);
	unsigned int port;

	if (hdr->nlmsg_len < NLMSG_LENGTH(sizeof(*msg)))
		return;
	port = ntohs(msg->id.idiag_sport);
	used->bits[port / 8] |= 1u << port % 8;
}

/* Read the answers of one dump. Return: 0, or a negative errno. */
static int read_sockets(int fd, struct port_bits *used)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		const struct nlmsghdr *hdr = (const struct nlmsghdr *)buf;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (; NLMSG_OK(hdr, (size_t)n); hdr = NLMSG_NEXT(hdr, n)) {
			if (hdr->nlmsg_type == NLMSG_DONE)
				return 0;
			if (hdr->nlmsg_type == NLMSG_ERROR)
				return -EOPNOTSUPP;
			take_socket(hdr, used);
		}
	}
}

/*
 * Ports that sockets of the host serve, whatever their address: listeners of TCP, all of UDP
 * (sock_diag(7)). Return: 0, or a negative errno when the kernel does not tell.
 */
static int list_used(int proto, struct port_bits *used)
{
	static const int families[] = { AF_INET, AF_INET6 };
	autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_SOCK_DIAG);
	int r = fd < 0 ? -errno : 0;

	memset(used, 0, sizeof(*used));
	for (size_t i = 0; r == 0 && i < ARRAY_SIZE(families); i++) {
		struct {
			struct nlmsghdr hdr;
			struct inet_diag_req_v2 req;
		} ask = {
			.hdr = { .nlmsg_len = sizeof(ask),
				 .nlmsg_type = SOCK_DIAG_BY_FAMILY,
				 .nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP },
			.req = { .sdiag_family = families[i],
				 .sdiag_protocol = proto,
				 .idiag_states = proto == IPPROTO_TCP ? 1u << 10 /* TCP_LISTEN */
								      : ~0u },
		};

		if (send(fd, &ask, sizeof(ask), 0) < 0)
			return -errno;
		r = read_sockets(fd, used);
	}
	return r;
}

/* An address as /proc/net prints it: 32-bit words in the host's byte order. */
static void proc_text(const struct ip_addr *ip, int words, char text[33])
{
	uint32_t word[4] = { 0 };

	memcpy(word, ip->b, sizeof(ip->b));
	for (int i = 0; i < words; i++)
		snprintf(text + (size_t)8 * i, 9, "%08X", word[i]);
}

/*
 * Inode of the socket number @skip that is in the way, from a table of /proc/net. Return: 0 when
 * there are no more.
 */
static unsigned long find_inode(const char *table, const struct port_run *run, unsigned int port,
				unsigned int skip)
{
	static const struct ip_addr any;
	autofree char *text = NULL;
	int words = strchr(table, '6') ? 4 : 1;
	char path[64], *line, *rest, wanted[33], wildcard[33];

	proc_text(&run->host, words, wanted);
	proc_text(&any, words, wildcard);
	snprintf(path, sizeof(path), "/proc/self/net/%s", table);
	if (file_read(AT_FDCWD, path, PROC_NET_MAX, &text, NULL) < 0)
		return 0;
	for (line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
		unsigned int local, state;
		unsigned long inode;
		char address[33];

		if (sscanf(line,
			   " %*d: %32[0-9A-Fa-f]:%x %*[0-9A-Fa-f]:%*x %x %*s %*s %*s %*s %*s %lu",
			   address, &local, &state, &inode) != 4)
			continue;
		if (local != port || (run->proto == IPPROTO_TCP && state != 10 /* TCP_LISTEN */))
			continue;
		if (run->host.family && strcmp(address, wanted) != 0 &&
		    strcmp(address, wildcard) != 0)
			continue;
		if (skip-- == 0)
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

/* The socket that is in the way may be one of several: some may only keep the port for us. */
static int report(const struct port_run *run, unsigned int port, const char *container_id,
		  struct cni_err *err)
{
	const char *name = port_proto(run->proto);
	bool kept = false;

	/* a socket of IPv6 may serve IPv4, too */
	for (int v6 = run->container.family == AF_INET6; v6 < 2; v6++) {
		unsigned long inode;
		char table[8];

		snprintf(table, sizeof(table), "%s%s", name, v6 ? "6" : "");
		for (unsigned int i = 0; (inode = find_inode(table, run, port, i)); i++) {
			char program[64] = "";
			int pid = find_process(inode, program, sizeof(program));

			if (pid && keeps_for(pid, program, container_id))
				kept = true;
			else if (pid)
				return cni_fail(err, CNI_E_FAILED, 0,
						"\"hostPort\": %s port %u is served by %s (pid "
						"%d) of the host",
						name, port, program, pid);
		}
	}
	return kept ? 0
		    : cni_fail(err, CNI_E_FAILED, 0,
			       "\"hostPort\": %s port %u is served by a process of the host", name,
			       port);
}

/* One run. @used: what list_used() gave for its protocol, or NULL. */
static int find_in_run(const struct port_run *run, const struct port_bits *used,
		       const char *container_id, struct cni_err *err)
{
	for (uint32_t k = 0; k < run->count; k++) {
		unsigned int port = run->host_port + k;
		int r;

		if (used && !(used->bits[port / 8] & 1u << port % 8))
			continue;
		r = is_taken(run, port) ? report(run, port, container_id, err) : 0;
		if (r < 0)
			return r;
	}
	return 0;
}

int listener_find(const struct port_run *runs, size_t n, const char *container_id,
		  struct cni_err *err)
{
	static const uint8_t protos[] = { IPPROTO_TCP, IPPROTO_UDP };
	autofree struct port_bits *used = NULL;
	const struct port_bits *of[256] = { NULL };
	size_t ports = 0;

	for (size_t i = 0; i < n; i++)
		ports += runs[i].count;
	if (ports > FEW_PORTS)
		used = malloc(ARRAY_SIZE(protos) * sizeof(*used));
	for (size_t i = 0; used && i < ARRAY_SIZE(protos); i++)
		if (list_used(protos[i], &used[i]) == 0)
			of[protos[i]] = &used[i];
	for (size_t i = 0; i < n; i++) {
		int r = find_in_run(&runs[i], of[runs[i].proto], container_id, err);

		if (r < 0)
			return r;
	}
	return 0;
}
