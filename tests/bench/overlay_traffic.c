// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Traffic of the measure "overlay", in blocks: one TCP stream or four of them, requests of one byte
 * with answers, datagrams of 64 bytes. Clients run on the first processor and the servers on the
 * last one, else a figure says where the scheduler put them.
 */
#include "overlay.h"

#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define BLOCK_MS    150
#define CHUNK	    (128 << 10)
#define MAX_STREAMS 4
#define DATAGRAM    64

static const struct timeval limit = { .tv_sec = 5 };
static char buf[CHUNK];

static void enter_end(const struct way *w, int i)
{
	int fd = w->kind == HOST ? w->node[i].net : pool_fd(w->container[i]);

	if (setns(fd, CLONE_NEWNET))
		die("setns: %s", strerror(errno));
}

void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity: %s", strerror(errno));
}

static double cpu_ms(void)
{
	struct timespec t;

	clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

/* What a server says at the end of a connection. */
struct answer {
	long long sum; /* bytes, requests or datagrams */
	double cpu;    /* ms that its process was busy with them */
};

/* ---- the server ---- */

/* Count datagrams until the connection ends, and what is still in the queue. */
static long long count_datagrams(int fd, int udp)
{
	struct pollfd p[2] = { { fd, POLLIN, 0 }, { udp, POLLIN, 0 } };
	long long n = 0;

	while (poll(p, 2, -1) > 0) {
		while (recv(udp, buf, sizeof(buf), MSG_DONTWAIT) > 0)
			n++;
		if (p[0].revents)
			break;
	}
	while (recv(udp, buf, sizeof(buf), MSG_DONTWAIT) > 0)
		n++;
	return n;
}

/* One connection: its first byte says what comes, the answer at its end how much it was. */
static void serve_one(int fd, int udp)
{
	struct answer answer = { 0, cpu_ms() };
	const int on = 1;
	char test;
	ssize_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (read(fd, &test, 1) != 1)
		return;
	if (test == 'U')
		answer.sum = count_datagrams(fd, udp);
	else
		while ((n = read(fd, buf, test == 'R' ? 1 : sizeof(buf))) > 0) {
			answer.sum += n;
			if (test == 'R' && write(fd, buf, 1) != 1)
				return;
		}
	answer.cpu = cpu_ms() - answer.cpu;
	if (write(fd, &answer, sizeof(answer)) != sizeof(answer))
		return;
}

/* One process for each stream; they end with the first. */
static void serve(int fd, int udp)
{
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	signal(SIGPIPE, SIG_IGN);
	pin(sysconf(_SC_NPROCESSORS_ONLN) - 1);
	for (int i = 1; i < MAX_STREAMS; i++)
		if (fork() == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			break;
		}
	for (;;) {
		int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

		if (c < 0)
			_exit(1);
		serve_one(c, udp);
		close(c);
	}
}

void server_start(struct way *w)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = w->to.sin_port };
	int fd, udp;

	enter_end(w, 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	udp = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || udp < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) ||
	    bind(udp, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 8))
		die("server: %s", strerror(errno));
	node_leave();
	fflush(NULL);
	w->server = fork();
	if (w->server < 0)
		die("fork: %s", strerror(errno));
	if (w->server == 0)
		serve(fd, udp);
	close(fd);
	close(udp);
}

/* ---- the client ---- */

static void must(bool done, const struct way *w)
{
	if (!done)
		die("traffic through \"%s\": %s", way_name[w->kind], strerror(errno));
}

static int open_socket(const struct way *w, int type)
{
	const int on = 1;
	int fd;

	enter_end(w, 0);
	fd = socket(AF_INET, type | SOCK_CLOEXEC, 0);
	node_leave();
	must(fd >= 0 && !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) &&
		     !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) &&
		     (type != SOCK_STREAM ||
		      !setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on))) &&
		     !connect(fd, (const struct sockaddr *)&w->to, sizeof(w->to)),
	     w);
	return fd;
}

/* ms of CPU of the servers in this block */
static double servers;

/* End a connection. Return: what the server says has arrived. */
static long long finish(const struct way *w, int fd)
{
	struct answer a;

	must(!shutdown(fd, SHUT_WR) && recv(fd, &a, sizeof(a), MSG_WAITALL) == sizeof(a), w);
	close(fd);
	servers += a.cpu;
	return a.sum;
}

/* Return: requests answered. */
static double ask(const struct way *w, double end)
{
	int fd = open_socket(w, SOCK_STREAM);
	long long n = 0, sum;

	must(write(fd, "R", 1) == 1, w);
	for (; now_ms() < end; n++)
		must(write(fd, buf, 1) == 1 && read(fd, buf, 1) == 1, w);
	sum = finish(w, fd);
	if (sum != n)
		die("%s: %lld requests of %lld arrived", way_name[w->kind], sum, n);
	return (double)n;
}

/* Return: MB that have arrived. */
static double stream(const struct way *w, double end, int n)
{
	struct pollfd p[MAX_STREAMS];
	long long sent = 0, sum = 0;

	for (int i = 0; i < n; i++) {
		p[i] = (struct pollfd){ open_socket(w, SOCK_STREAM), POLLOUT, 0 };
		must(write(p[i].fd, "S", 1) == 1, w);
	}
	while (now_ms() < end) {
		must(n == 1 || poll(p, n, (int)limit.tv_sec * 1000) > 0, w);
		for (int i = 0; i < n; i++) {
			ssize_t r = 0;

			if (n == 1 || p[i].revents)
				r = send(p[i].fd, buf, sizeof(buf), n == 1 ? 0 : MSG_DONTWAIT);
			must(r >= 0 || errno == EAGAIN, w);
			sent += r > 0 ? r : 0;
		}
	}
	for (int i = 0; i < n; i++)
		sum += finish(w, p[i].fd);
	if (sum != sent)
		die("%s: %lld bytes of %lld arrived", way_name[w->kind], sum, sent);
	return sum / 1e6;
}

/* Return: datagrams that have arrived. */
static double shoot(const struct way *w, double end)
{
	int fd = open_socket(w, SOCK_STREAM), udp = open_socket(w, SOCK_DGRAM);
	long long sum;

	must(write(fd, "U", 1) == 1, w);
	while (now_ms() < end)
		for (int i = 0; i < 16; i++)
			must(send(udp, buf, DATAGRAM, 0) == DATAGRAM || errno == ENOBUFS, w);
	close(udp);
	sum = finish(w, fd);
	must(sum > 0, w);
	return (double)sum;
}

/* The first line of a file in /proc/PID. Return: whether there is one. */
static bool proc_line(int pid, const char *name, char line[64])
{
	char path[64];
	bool found;
	FILE *f;

	snprintf(path, sizeof(path), "/proc/%d/%s", pid, name);
	f = fopen(path, "re");
	found = f && fgets(line, 64, f);
	if (f)
		fclose(f);
	return found;
}

/* The kernel's threads that go on with packets when there are many: ms of CPU. */
static double softirqd_ms(void)
{
	static int pids[64], n = -1;
	char line[64];
	double sum = 0;

	if (n < 0) {
		n = 0;
		for (int pid = 1; pid < 2000 && n < 64; pid++)
			if (proc_line(pid, "comm", line) && !strncmp(line, "ksoftirqd/", 10))
				pids[n++] = pid;
	}
	for (int i = 0; i < n; i++)
		if (proc_line(pids[i], "schedstat", line))
			sum += strtod(line, NULL) / 1e6;
	return sum;
}

void block(struct way *w, enum test test, bool record)
{
	double busy = cpu_ms() + softirqd_ms(), start = now_ms(), end = start + BLOCK_MS, n;
	struct sample s = { 0 };

	servers = 0;
	if (test == REQUEST)
		n = ask(w, end);
	else if (test == DATAGRAMS)
		n = shoot(w, end);
	else
		n = stream(w, end, test == STREAM ? 1 : MAX_STREAMS);
	s.wall = (now_ms() - start) / n;
	s.cpu = (cpu_ms() + softirqd_ms() + servers - busy) / n;
	if (record)
		series_add(&w->s[test], &s);
}
