/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Servers and clients for the tests of NAT and filters.
 *
 * usage: talk serve WHERE PROTO:PORT[-LAST][@ADDRESS]...
 *            prints "ready" when it listens; answers each connection or datagram with
 *            "WHERE PEER PEERPORT PORT"
 *        talk ask WHERE PROTO ADDRESS PORT [SOURCE] [SOURCEPORT]
 *            prints the answer; fails when there is none within $T seconds (default 1)
 *
 * WHERE is a namespace in /run/netns, or "host". PROTO is tcp, udp or sctp.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <unistd.h>

#define MAX_SOCKETS 512

static void die(const char *what)
{
	perror(what);
	exit(1);
}

/* Sockets belong to the namespace in which they are made. */
static void enter(const char *where)
{
	char path[300];
	int fd;

	if (strcmp(where, "host") == 0)
		return;
	snprintf(path, sizeof(path), "/run/netns/%s", where);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNET) < 0)
		die(path);
}

struct endpoint {
	struct sockaddr_storage addr;
	socklen_t len;
};

static struct endpoint endpoint(const char *address, int port)
{
	struct endpoint e = { .len = 0 };
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e.addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e.addr;

	if (inet_pton(AF_INET, address, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(port);
		e.len = sizeof(*v4);
	} else {
		memset(&e.addr, 0, sizeof(e.addr));
		if (inet_pton(AF_INET6, address, &v6->sin6_addr) != 1) {
			fprintf(stderr, "no address: %s\n", address);
			exit(2);
		}
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(port);
		e.len = sizeof(*v6);
	}
	return e;
}

static bool is_udp(const char *proto)
{
	return strcmp(proto, "udp") == 0;
}

static int open_socket(const char *proto, int family)
{
	int fd = socket(family, (is_udp(proto) ? SOCK_DGRAM : SOCK_STREAM) | SOCK_CLOEXEC,
			is_udp(proto)		     ? IPPROTO_UDP
			: strcmp(proto, "sctp") == 0 ? IPPROTO_SCTP
						     : IPPROTO_TCP);
	const int on = 1;

	if (fd < 0)
		die(proto);
	if (!is_udp(proto))
		setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on));
	return fd;
}

/* ---- the server ---- */

struct server {
	struct pollfd fds[MAX_SOCKETS];
	int ports[MAX_SOCKETS];
	bool udp[MAX_SOCKETS];
	size_t n;
};

static void listen_at(struct server *s, const char *proto, const char *address, int port)
{
	struct endpoint e = endpoint(address, port);
	int fd = open_socket(proto, e.addr.ss_family);
	const int off = 0;

	if (e.addr.ss_family == AF_INET6)
		setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &off, sizeof(off));
	if (bind(fd, (struct sockaddr *)&e.addr, e.len) < 0 ||
	    (!is_udp(proto) && listen(fd, 128) < 0))
		die(address);
	if (s->n == MAX_SOCKETS)
		exit(2);
	s->fds[s->n].fd = fd;
	s->fds[s->n].events = POLLIN;
	s->ports[s->n] = port;
	s->udp[s->n++] = is_udp(proto);
}

/* PROTO:PORT[-LAST][@ADDRESS] */
static void listen_as(struct server *s, const char *spec)
{
	char proto[8] = "", address[INET6_ADDRSTRLEN] = "::";
	int first = 0, last = 0, n;

	n = sscanf(spec, "%7[a-z]:%d-%d@%45s", proto, &first, &last, address);
	if (n == 2)
		sscanf(spec, "%*[a-z]:%*d@%45s", address);
	if (n < 2) {
		fprintf(stderr, "not understood: %s\n", spec);
		exit(2);
	}
	for (int port = first; port <= (n > 2 ? last : first); port++)
		listen_at(s, proto, address, port);
}

static int answer(char *text, size_t size, const char *name, const struct endpoint *e, int port)
{
	const struct sockaddr_in *v4 = (const struct sockaddr_in *)&e->addr;
	const struct sockaddr_in6 *v6 = (const struct sockaddr_in6 *)&e->addr;
	char peer[INET6_ADDRSTRLEN] = "?";

	if (e->addr.ss_family == AF_INET)
		inet_ntop(AF_INET, &v4->sin_addr, peer, sizeof(peer));
	else if (IN6_IS_ADDR_V4MAPPED(&v6->sin6_addr))
		inet_ntop(AF_INET, v6->sin6_addr.s6_addr + 12, peer, sizeof(peer));
	else
		inet_ntop(AF_INET6, &v6->sin6_addr, peer, sizeof(peer));
	return snprintf(text, size, "%s %s %d %d\n", name, peer, ntohs(v4->sin_port), port);
}

static void serve_one(const struct server *s, size_t i, const char *name)
{
	struct endpoint peer = { .len = sizeof(peer.addr) };
	int fd = s->fds[i].fd, n, c;
	char text[2048];

	if (s->udp[i]) {
		if (recvfrom(fd, text, sizeof(text), 0, (struct sockaddr *)&peer.addr, &peer.len) <
		    0)
			return perror("recvfrom");
		n = answer(text, sizeof(text), name, &peer, s->ports[i]);
		if (sendto(fd, text, n, 0, (struct sockaddr *)&peer.addr, peer.len) < 0)
			perror("sendto");
		return;
	}
	c = accept(fd, (struct sockaddr *)&peer.addr, &peer.len);
	if (c < 0)
		return perror("accept");
	n = answer(text, sizeof(text), name, &peer, s->ports[i]);
	if (send(c, text, n, MSG_NOSIGNAL) < 0)
		perror("send");
	close(c);
}

static void serve(const char *name, char **specs)
{
	static struct server s;

	for (; *specs; specs++)
		listen_as(&s, *specs);
	puts("ready");
	fflush(stdout);
	for (;;) {
		if (poll(s.fds, s.n, -1) < 0)
			die("poll");
		for (size_t i = 0; i < s.n; i++)
			if (s.fds[i].revents)
				serve_one(&s, i, name);
	}
}

/* ---- the client ---- */

static int ask(const char *proto, const char *address, int port, const char *source,
	       int source_port)
{
	struct endpoint to = endpoint(address, port), from;
	int fd = open_socket(proto, to.addr.ss_family);
	const char *patience = getenv("T");
	double seconds = patience ? strtod(patience, NULL) : 1;
	struct timeval limit = { seconds, (seconds - (long)seconds) * 1e6 };
	char text[2048];
	ssize_t n;

	setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit));
	setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit));
	if (*source || source_port) {
		from = endpoint(*source			       ? source
				: to.addr.ss_family == AF_INET ? "0.0.0.0"
							       : "::",
				source_port);
		if (bind(fd, (struct sockaddr *)&from.addr, from.len) < 0)
			die("bind");
	}
	if (connect(fd, (struct sockaddr *)&to.addr, to.len) < 0)
		die("connect");
	if (is_udp(proto) && send(fd, "hello", 5, MSG_NOSIGNAL) < 0)
		die("send");
	n = recv(fd, text, sizeof(text), 0);
	if (n < 0)
		die("recv");
	if (n == 0) {
		fprintf(stderr, "%s %s %d: no answer\n", proto, address, port);
		return 1;
	}
	fwrite(text, 1, n, stdout);
	return 0;
}

int main(int argc, char **argv)
{
	if (argc > 3 && strcmp(argv[1], "serve") == 0) {
		enter(argv[2]);
		serve(argv[2], argv + 3);
	}
	if (argc > 5 && argc <= 8 && strcmp(argv[1], "ask") == 0) {
		enter(argv[2]);
		return ask(argv[3], argv[4], atoi(argv[5]), argc > 6 ? argv[6] : "",
			   argc > 7 ? atoi(argv[7]) : 0);
	}
	fprintf(stderr, "usage: talk serve WHERE PROTO:PORT[-LAST][@ADDRESS]... |\n"
			"       talk ask WHERE PROTO ADDRESS PORT [SOURCE] [SOURCEPORT]\n");
	return 2;
}
