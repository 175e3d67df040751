/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Who reaches whom among hosts of netns-fixtures and their containers: one process with a UDP
 * socket in each place, and a datagram from each to each.
 *
 * usage: mesh [-s BYTES] [-t SECONDS] PLACE=ADDRESS... [-- PLACE=ADDRESS...]
 *
 * PLACE is HOST or HOST/CONTAINER. With "--" those before it send, and those behind it receive;
 * without it everyone sends to everyone else. A datagram counts when it arrives with the sender's
 * ADDRESS, unchanged and in one piece; one that is missing is sent again until SECONDS (default 2)
 * are over. BYTES is the size of the IP packets, which then may not be fragmented.
 *
 * Prints "ARRIVED of SENT", then " (N altered)" when something came otherwise, and on stderr what
 * did not arrive as it was sent. Exit status 0: everything arrived.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <sched.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define HOSTS	  "/run/hawser-hosts"
#define PORT	  4242
#define MAX_ENDS  256
#define MAX_BYTES 9216
#define AGAIN_MS  300
#define SHOWN	  20

struct end {
	const char *name;
	struct sockaddr_storage addr;
	socklen_t len;
	struct pollfd *poll;
};

struct mesh {
	struct end ends[MAX_ENDS];
	struct pollfd polls[MAX_ENDS];
	size_t n, senders, first_receiver;
	int bytes; /* of an IP packet; 0: as small as it gets */
	struct {
		bool arrived, altered;
		int error; /* of the last attempt to send */
	} way[MAX_ENDS][MAX_ENDS];
};

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void enter(const char *path, int type)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || setns(fd, type) < 0)
		die(path);
	close(fd);
}

/* Sockets belong to the namespace in which they are made; a container's is known on its host. */
static void enter_place(const char *place, int home)
{
	const char *slash = strchr(place, '/');
	int host = slash ? (int)(slash - place) : (int)strlen(place);
	char path[300];

	if (setns(home, CLONE_NEWNS) < 0)
		die("setns");
	snprintf(path, sizeof(path), HOSTS "/%.*s/%s", host, place, slash ? "mnt" : "net");
	if (!slash)
		return enter(path, CLONE_NEWNET);
	enter(path, CLONE_NEWNS);
	snprintf(path, sizeof(path), "/run/netns/%s", slash + 1);
	enter(path, CLONE_NEWNET);
}

static void end_address(struct end *e, const char *text)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)&e->addr;
	struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)&e->addr;

	if (inet_pton(AF_INET, text, &v4->sin_addr) == 1) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons(PORT);
		e->len = sizeof(*v4);
	} else if (inet_pton(AF_INET6, text, &v6->sin6_addr) == 1) {
		v6->sin6_family = AF_INET6;
		v6->sin6_port = htons(PORT);
		e->len = sizeof(*v6);
	} else {
		fprintf(stderr, "no address: %s\n", text);
		exit(2);
	}
}

static void end_open(struct mesh *m, char *text, int home)
{
	struct end *e = &m->ends[m->n];
	char *address = strchr(text, '=');
	const int v4 = IP_PMTUDISC_DO, v6 = IPV6_PMTUDISC_DO;
	int fd;

	if (!address || m->n == MAX_ENDS) {
		fprintf(stderr, "not PLACE=ADDRESS, or too many: %s\n", text);
		exit(2);
	}
	*address++ = '\0';
	e->name = text;
	end_address(e, address);
	enter_place(text, home);
	fd = socket(e->addr.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&e->addr, e->len) < 0)
		die(address);
	if (m->bytes &&
	    (e->addr.ss_family == AF_INET
		     ? setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &v4, sizeof(v4))
		     : setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &v6, sizeof(v6))))
		die("path MTU");
	e->poll = &m->polls[m->n++];
	*e->poll = (struct pollfd){ .fd = fd, .events = POLLIN };
}

static bool wanted(const struct mesh *m, size_t from, size_t to)
{
	return from < m->senders && to >= m->first_receiver && from != to &&
	       m->ends[from].addr.ss_family == m->ends[to].addr.ss_family;
}

static int payload(const struct mesh *m, const struct end *e)
{
	return m->bytes - (e->addr.ss_family == AF_INET ? 20 : 40) - (int)sizeof(struct udphdr);
}

/* What has not arrived, once. */
static void send_all(struct mesh *m)
{
	static char text[MAX_BYTES];
	int len;

	for (size_t i = 0; i < m->n; i++) {
		for (size_t j = 0; j < m->n; j++) {
			const struct end *to = &m->ends[j];

			if (!wanted(m, i, j) || m->way[i][j].arrived)
				continue;
			snprintf(text, sizeof(text), "%zu %zu", i, j);
			len = m->bytes ? payload(m, to) : (int)strlen(text);
			m->way[i][j].error = 0;
			if (sendto(m->ends[i].poll->fd, text, len, 0, (struct sockaddr *)&to->addr,
				   to->len) < 0)
				m->way[i][j].error = errno;
		}
	}
}

/* It says from whom it is, and must have come from there. */
static void receive(struct mesh *m, size_t at)
{
	char text[MAX_BYTES] = "";
	struct end from = { .len = sizeof(from.addr) };
	const struct end *e = &m->ends[at];
	size_t i, j;
	ssize_t len;

	memset(&from.addr, 0, sizeof(from.addr));
	len = recvfrom(e->poll->fd, text, sizeof(text), 0, (struct sockaddr *)&from.addr,
		       &from.len);
	if (len < 0 || sscanf(text, "%zu %zu", &i, &j) != 2 || i >= m->n || j != at)
		return;
	if ((m->bytes && len != payload(m, e)) || memcmp(&from.addr, &m->ends[i].addr, from.len))
		m->way[i][j].altered = true;
	else
		m->way[i][j].arrived = true;
}

static const char *fate(const struct mesh *m, size_t i, size_t j)
{
	if (m->way[i][j].altered)
		return "from another address, or of another size";
	return m->way[i][j].error ? strerror(m->way[i][j].error) : "lost";
}

static size_t count(const struct mesh *m, bool arrived)
{
	size_t sum = 0;

	for (size_t i = 0; i < m->n; i++)
		for (size_t j = 0; j < m->n; j++)
			sum += wanted(m, i, j) && (!arrived || m->way[i][j].arrived);
	return sum;
}

static double now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1e3 + t.tv_nsec / 1e6;
}

static void run(struct mesh *m, double seconds)
{
	double end = now() + seconds * 1e3, again = 0;

	while (count(m, true) < count(m, false) && now() < end) {
		if (now() >= again) {
			send_all(m);
			again = now() + AGAIN_MS;
		}
		if (poll(m->polls, m->n, 20) < 0)
			die("poll");
		for (size_t i = 0; i < m->n; i++)
			if (m->polls[i].revents)
				receive(m, i);
	}
}

static int report(const struct mesh *m)
{
	size_t arrived = count(m, true), sent = count(m, false), altered = 0, shown = 0;

	for (size_t i = 0; i < m->n; i++) {
		for (size_t j = 0; j < m->n; j++) {
			if (!wanted(m, i, j) || m->way[i][j].arrived)
				continue;
			altered += m->way[i][j].altered;
			if (shown++ < SHOWN)
				fprintf(stderr, "%s -> %s: %s\n", m->ends[i].name, m->ends[j].name,
					fate(m, i, j));
		}
	}
	printf("%zu of %zu", arrived, sent);
	if (altered)
		printf(" (%zu altered)", altered);
	putchar('\n');
	return arrived < sent || !sent;
}

int main(int argc, char **argv)
{
	static struct mesh m;
	int home = open("/proc/self/ns/mnt", O_RDONLY | O_CLOEXEC), option;
	double seconds = 2;

	while ((option = getopt(argc, argv, "+s:t:")) != -1) {
		if (option == 's')
			m.bytes = atoi(optarg);
		else if (option == 't')
			seconds = strtod(optarg, NULL);
		else
			return 2;
	}
	if (home < 0 || m.bytes > MAX_BYTES || (m.bytes && m.bytes < 100)) {
		fprintf(stderr, "usage: mesh [-s BYTES] [-t SECONDS] PLACE=ADDRESS... [-- ...]\n");
		return 2;
	}
	/* getopt() has taken the "--" if nothing stands before it, which is none of ours */
	for (char **arg = argv + optind; *arg; arg++) {
		if (strcmp(*arg, "--") == 0)
			m.senders = m.first_receiver = m.n;
		else
			end_open(&m, *arg, home);
	}
	if (!m.senders)
		m.senders = m.n;
	run(&m, seconds);
	return report(&m);
}
