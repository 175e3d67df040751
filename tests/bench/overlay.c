// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures what an overlay costs its traffic: one TCP stream, and requests of one byte with
 * answers, between containers of two hosts. Four pairs of hosts, with a veth pair each as underlay,
 * take turns in short blocks: without containers (the limit), with the plugin vxlan, with flannel's
 * data path (VXLAN device, routed bridge, its iptables rules, bridge netfilter on), and with a
 * bridge that has the VXLAN device as a port. The last two are made by hand.
 *
 * The client runs on the first processor and the servers on the last one, else a figure says where
 * the scheduler put them. The underlay takes packets of 64 KiB, as virtual machines' networks and
 * good cards do; a wire that carries each packet by itself is not measured.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <sched.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#define N_WAYS	 4
#define PORT	 5201
#define BLOCK_MS 150
#define CHUNK	 (128 << 10)
#define CONF	 "/run/vxlan.conf"
#define FLANNEL	 "/run/flannel.rules"

enum kind { HOST, OURS, FLANNEL_PATH, PLAIN };
enum test { STREAM, REQUEST, N_TESTS };

static const char *const way_name[N_WAYS] = { "host", "ours", "flannel", "bridge" };

/* Two hosts, and what joins a container of one with a container of the other. */
struct way {
	enum kind kind;
	struct node node[2];
	int container[2]; /* numbers in the pool */
	pid_t server;	  /* beside the second */
	struct sockaddr_in to;
	struct series s[N_TESTS]; /* wall: ms for 1 MB, ms for one request */
};

/* ---- the scenery ---- */

/* An interface eth0 of a container, at a bridge; runs on the host. */
static void at_bridge(const struct way *w, int i, const char *bridge, const char *address)
{
	shell("ip link add c0 index 900 mtu 1450 master %s type veth peer name eth0 mtu 1450 netns "
	      "/proc/%d/fd/%d && ip link set c0 up && nsenter --net=/proc/%d/fd/%d sh -ec "
	      "'ip addr add %s dev eth0; ip link set eth0 up'",
	      bridge, getpid(), pool_fd(w->container[i]), getpid(), pool_fd(w->container[i]),
	      address);
}

static void plain_make(const struct way *w, int i)
{
	char address[32];

	snprintf(address, sizeof(address), "10.5.0.%d/24", 2 + i);
	shell("ip link add br0 type bridge && ip link set br0 up && "
	      "ip link add vx0 mtu 1450 master br0 type vxlan id 42 dstport 4789 local 192.0.2.%d "
	      "remote 192.0.2.%d dev eth0 && ip link set vx0 up",
	      1 + i, 2 - i);
	at_bridge(w, i, "br0", address);
}

/* What flanneld 0.2x leaves in iptables for network 10.5.0.0/16 on this node. */
static void flannel_rules(int i)
{
	const char *net = "10.5.0.0/16";
	char own[32];

	snprintf(own, sizeof(own), "10.5.%d.0/24", 1 + i);
	file_write(FLANNEL,
		   "*nat\n:FLANNEL-POSTRTG - [0:0]\n-A POSTROUTING -j FLANNEL-POSTRTG\n"
		   "-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN\n"
		   "-A FLANNEL-POSTRTG -s %s -d %s -j RETURN\n"
		   "-A FLANNEL-POSTRTG -s %s -d %s -j RETURN\n"
		   "-A FLANNEL-POSTRTG ! -s %s -d %s -j RETURN\n"
		   "-A FLANNEL-POSTRTG -s %s ! -d 224.0.0.0/4 -j MASQUERADE --random-fully\n"
		   "-A FLANNEL-POSTRTG ! -s %s -d %s -j MASQUERADE --random-fully\nCOMMIT\n"
		   "*filter\n:FLANNEL-FWD - [0:0]\n-A FORWARD -j FLANNEL-FWD\n"
		   "-A FLANNEL-FWD -s %s -j ACCEPT\n-A FLANNEL-FWD -d %s -j ACCEPT\nCOMMIT\n",
		   own, net, net, own, net, own, net, net, net, net, net);
	shell("iptables-restore --noflush -w <" FLANNEL);
}

static void flannel_make(const struct way *w, int i)
{
	char address[32];
	int own = 1 + i, peer = 2 - i;

	snprintf(address, sizeof(address), "10.5.%d.2/24", own);
	shell("ip link add flannel.1 mtu 1450 address 02:00:00:00:00:0%d type vxlan id 1 dstport "
	      "8472 local 192.0.2.%d dev eth0 nolearning && ip addr add 10.5.%d.0/32 dev flannel.1 "
	      "&& ip link set flannel.1 up && ip neigh add 10.5.%d.0 lladdr 02:00:00:00:00:0%d dev "
	      "flannel.1 nud permanent && bridge fdb add 02:00:00:00:00:0%d dev flannel.1 dst "
	      "192.0.2.%d self permanent && ip route add 10.5.%d.0/24 via 10.5.%d.0 dev flannel.1 "
	      "onlink && ip link add cni0 mtu 1450 type bridge && ip addr add 10.5.%d.1/24 dev "
	      "cni0 && ip link set cni0 up",
	      own, own, own, peer, peer, peer, peer, peer, peer, own);
	at_bridge(w, i, "cni0", address);
	shell("nsenter --net=/proc/%d/fd/%d ip route add default via 10.5.%d.1", getpid(),
	      pool_fd(w->container[i]), own);
	flannel_rules(i);
	shell("sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true");
}

static void ours_make(const struct way *w, int i, const char *dir)
{
	struct tool tool = { "overlay", dir, NULL, NULL, 0, CONF };
	struct sample unused;

	file_write(CONF,
		   "{\"cniVersion\":\"1.1.0\",\"name\":\"bench\",\"type\":\"vxlan\",\"vni\":42,"
		   "\"network\":\"10.5.0.0/16\",\"node\":\"n%d\",\"underlay\":{\"dev\":\"eth0\"},"
		   "\"peers\":[{\"node\":\"n1\",\"vtep\":\"192.0.2.1\",\"subnet\":\"10.5.1.0/24\"},"
		   "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}]}\n",
		   1 + i);
	cni_run(&tool, "vxlan", NULL, "ADD", "bench", w->container[i], &unused);
}

/* Where the server of the last way made can be reached. */
static void find_address(struct way *w)
{
	const char *key = "\"address\": \"", *at = strstr(proc_output(), key);
	char text[64] = "192.0.2.2";

	if (w->kind == PLAIN)
		strcpy(text, "10.5.0.3");
	if (w->kind == FLANNEL_PATH)
		strcpy(text, "10.5.2.2");
	if (w->kind == OURS && (!at || sscanf(at + strlen(key), "%63[0-9.]", text) != 1))
		die("vxlan: no address in its result:\n%s", proc_output());
	w->to.sin_family = AF_INET;
	w->to.sin_port = htons(PORT);
	if (inet_pton(AF_INET, text, &w->to.sin_addr) != 1)
		die("no address: %s", text);
}

static void way_make(struct way *w, const char *dir)
{
	w->container[0] = pool_more(2);
	w->container[1] = w->container[0] + 1;
	node_make(&w->node[1]);
	node_make(&w->node[0]);
	shell("ip link add eth0 index 1000 type veth peer name eth0 netns /proc/%d/fd/%d", getpid(),
	      w->node[1].net);
	for (int i = 0; i < 2; i++) {
		node_enter(&w->node[i]);
		shell("ip addr add 192.0.2.%d/24 dev eth0 && ip link set eth0 up && "
		      "echo 1 >/proc/sys/net/ipv4/ip_forward",
		      1 + i);
		if (w->kind == OURS)
			ours_make(w, i, dir);
		if (w->kind == FLANNEL_PATH)
			flannel_make(w, i);
		if (w->kind == PLAIN)
			plain_make(w, i);
	}
	find_address(w);
	node_leave();
}

/* ---- the two ends ---- */

static void enter_end(const struct way *w, int i)
{
	int fd = w->kind == HOST ? w->node[i].net : pool_fd(w->container[i]);

	if (setns(fd, CLONE_NEWNET))
		die("setns: %s", strerror(errno));
}

static void pin(int cpu)
{
	cpu_set_t set;

	CPU_ZERO(&set);
	CPU_SET(cpu, &set);
	if (sched_setaffinity(0, sizeof(set), &set))
		die("sched_setaffinity: %s", strerror(errno));
}

/* One connection: "S" and a stream, whose length is the answer; or "R" and requests. */
static void serve_one(int fd)
{
	static char buf[CHUNK];
	const int on = 1;
	long long sum = 0;
	char test;
	ssize_t n;

	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	if (read(fd, &test, 1) != 1)
		return;
	while ((n = read(fd, buf, test == 'R' ? 1 : sizeof(buf))) > 0) {
		sum += n;
		if (test == 'R' && write(fd, buf, 1) != 1)
			return;
	}
	if (write(fd, &sum, sizeof(sum)) != sizeof(sum))
		return;
}

static void server_start(struct way *w)
{
	struct sockaddr_in any = { .sin_family = AF_INET, .sin_port = htons(PORT) };
	int fd;

	enter_end(w, 1);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&any, sizeof(any)) || listen(fd, 8))
		die("server: %s", strerror(errno));
	node_leave();
	fflush(NULL);
	w->server = fork();
	if (w->server < 0)
		die("fork: %s", strerror(errno));
	if (w->server == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		signal(SIGPIPE, SIG_IGN);
		pin(sysconf(_SC_NPROCESSORS_ONLN) - 1);
		for (;;) {
			int c = accept4(fd, NULL, NULL, SOCK_CLOEXEC);

			if (c < 0)
				_exit(1);
			serve_one(c);
			close(c);
		}
	}
	close(fd);
}

static void must(bool done, const struct way *w)
{
	if (!done)
		die("traffic through \"%s\": %s", way_name[w->kind], strerror(errno));
}

/* Sends for the time of a block. Return: MB, or requests. */
static double traffic(const struct way *w, int fd, enum test test)
{
	static char buf[CHUNK];
	double end = now_ms() + BLOCK_MS;
	long long sent = 0, sum = 0;

	must(write(fd, test == STREAM ? "S" : "R", 1) == 1, w);
	while (now_ms() < end) {
		ssize_t n = write(fd, buf, test == STREAM ? sizeof(buf) : 1);

		must(n > 0 && (test == STREAM || read(fd, buf, 1) == 1), w);
		sent += n;
	}
	must(!shutdown(fd, SHUT_WR) && recv(fd, &sum, sizeof(sum), MSG_WAITALL) == sizeof(sum), w);
	if (sum != sent)
		die("%s: %lld bytes of %lld arrived", way_name[w->kind], sum, sent);
	return test == STREAM ? sent / 1e6 : sent;
}

static void block(struct way *w, enum test test, bool record)
{
	const struct timeval limit = { .tv_sec = 5 };
	struct sample s = { 0 };
	const int on = 1;
	double start;
	int fd;

	enter_end(w, 0);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	node_leave();
	must(fd >= 0 && !setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) &&
		     !setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) &&
		     !setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof(limit)) &&
		     !connect(fd, (const struct sockaddr *)&w->to, sizeof(w->to)),
	     w);
	start = now_ms();
	s.wall = traffic(w, fd, test);
	s.wall = (now_ms() - start) / s.wall;
	close(fd);
	if (record)
		series_add(&w->s[test], &s);
}

/* ---- the report ---- */

static void report_ways(FILE *csv, const struct way *w)
{
	static const struct {
		const char *name;
		double host, flannel; /* goals */
	} about[N_TESTS] = { { "TCP, one stream", 0.85, 1.1 }, { "request/response", 0.75, 1.25 } };
	char what[96];

	for (int t = 0; t < N_TESTS; t++) {
		for (int k = 0; k < N_WAYS; k++) {
			double wall = series_quantile(&w[k].s[t], pick_wall, 0.5);

			snprintf(what, sizeof(what), "%s, %s", about[t].name, way_name[k]);
			csv_series(csv, what, way_name[k], &w[k].s[t]);
			if (t == STREAM)
				report_line(what, "%.2f Gbit/s", 8 / wall);
			else
				report_line(what, "%.0f /s", 1000 / wall);
		}
		for (int k = 1; k < N_WAYS; k++) {
			snprintf(what, sizeof(what), "%s, %s/host", about[t].name, way_name[k]);
			report_rates(what, &w[k].s[t], &w[HOST].s[t],
				     k == OURS ? about[t].host : 0);
		}
		snprintf(what, sizeof(what), "%s, ours/flannel", about[t].name);
		report_rates(what, &w[OURS].s[t], &w[FLANNEL_PATH].s[t], about[t].flannel);
	}
}

static void measure_ways(FILE *csv, struct way *w)
{
	int n = env_int("BENCH_OVERLAY_BLOCKS", 15);

	for (int i = -1; i < n; i++)
		for (int t = 0; t < N_TESTS; t++)
			for (int k = 0; k < N_WAYS; k++)
				block(&w[i & 1 ? N_WAYS - 1 - k : k], t, i >= 0);
	report_ways(csv, w);
	for (int k = 0; k < N_WAYS; k++)
		for (int t = 0; t < N_TESTS; t++)
			series_free(&w[k].s[t]);
}

void measure_overlay(const char *ours)
{
	struct way ways[N_WAYS] = {
		{ .kind = HOST }, { .kind = OURS }, { .kind = FLANNEL_PATH }, { .kind = PLAIN }
	};
	FILE *csv = csv_open("overlay", "what,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	cpu_set_t before;

	signal(SIGPIPE, SIG_IGN);
	for (int k = 0; k < N_WAYS; k++)
		way_make(&ways[k], ours);
	/* programs that are measured wait for all our children: none of them runs from here on */
	for (int k = 0; k < N_WAYS; k++)
		server_start(&ways[k]);
	if (sched_getaffinity(0, sizeof(before), &before))
		die("sched_getaffinity: %s", strerror(errno));
	pin(0);
	measure_ways(csv, ways);
	sched_setaffinity(0, sizeof(before), &before);
	for (int k = 0; k < N_WAYS; k++) {
		kill(ways[k].server, SIGKILL);
		waitpid(ways[k].server, NULL, 0);
		node_close(&ways[k].node[0]);
		node_close(&ways[k].node[1]);
	}
	fclose(csv);
}
