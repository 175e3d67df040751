// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures new connections to the last of 1, 1000, 10,000 published ports: outside client, router,
 * container. The client connects and resets (SO_LINGER 0), so that no port stays in TIME_WAIT; the
 * container's end accepts after a block, so that no second process runs meanwhile. What is timed is
 * the kernel's way of three packets and a reset. Blocks on all routers take turns.
 *
 * The reference's rules are what Debian's portmap leaves for containers with one port each, loaded
 * by one iptables-restore: 10,000 of its ADDs would take hours.
 */
#include "bench.h"

#include <arpa/inet.h>
#include <errno.h>
#include <sched.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define N_LEVELS   3
#define FIRST_PORT 10000
#define SERVICE	   80 /* of mappings without fan */
#define ROUTER	   "198.51.100.1"
#define CONTAINER  "10.60.0.2"
#define RULES	   "/run/rules"
#define BLOCK_MS   400 /* a block of slow ones ends early */
#define PER_ADD	   1000

enum kind { PLAIN, OURS, REF };

static const int level[N_LEVELS] = { 1, 1000, 10000 };
static const char *const kind_name[] = { "unpublished", "ours", "ref" };

/* A router with a client and a container, and one way to reach the container. */
struct path {
	enum kind kind;
	int mappings;
	struct node node;
	int client;   /* number in the pool */
	int listener; /* the container's */
	struct sockaddr_in to;
	struct series s; /* wall: ms for one connection */
};

static void enter_pool(int ns)
{
	if (setns(pool_fd(ns), CLONE_NEWNET))
		die("setns: %s", strerror(errno));
}

/* A link from the node to a namespace of the pool. */
static void link_make(const struct node *node, int ns, const char *name, const char *here,
		      const char *there)
{
	node_enter(node);
	shell("ip link add %s type veth peer name eth0 netns /proc/%d/fd/%d && "
	      "ip addr add %s/24 dev %s && ip link set %s up",
	      name, getpid(), pool_fd(ns), here, name, name);
	enter_pool(ns);
	shell("ip addr add %s/24 dev eth0 && ip link set eth0 up && ip route add default via %s",
	      there, here);
	node_enter(node);
}

static int listen_in(int ns)
{
	struct sockaddr_in addr = { .sin_family = AF_INET, .sin_port = htons(SERVICE) };
	int fd;

	enter_pool(ns);
	fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0 || bind(fd, (struct sockaddr *)&addr, sizeof(addr)) || listen(fd, 4096))
		die("listen: %s", strerror(errno));
	return fd;
}

/* By portmap, at most PER_ADD ports for a container; all lead to one port, so there are no runs. */
static void publish(const char *dir, int n)
{
	struct tool tool = { "ports", dir, NULL, NULL, 0, "/run/ports.conf" };
	struct sample unused;

	for (int done = 0; done < n; done += PER_ADD) {
		int left = n - done;
		struct mappings m = { .first = FIRST_PORT + done,
				      .n = left < PER_ADD ? left : PER_ADD,
				      .step = 1 };
		char id[32];

		mappings_write(tool.conf, CONTAINER "/24", &m);
		snprintf(id, sizeof(id), "bench-%d", done);
		cni_run(&tool, "portmap", NULL, "ADD", id, 0, &unused);
	}
}

/* One container of the reference: its chain is CNI-DN- and 21 digits of a hash. */
static void ref_container(FILE *f, int i)
{
	int port = FIRST_PORT + i;

	fprintf(f,
		"-A CNI-HOSTPORT-DNAT -p tcp -m comment --comment \"dnat name: \\\"ports\\\" id: "
		"\\\"bench-%d\\\"\" -m multiport --dports %d -j CNI-DN-%021x\n",
		i, port, i);
	fprintf(f, "-A CNI-DN-%021x -s 10.60.0.0/24 -p tcp -m tcp --dport %d", i, port);
	fprintf(f, " -j CNI-HOSTPORT-SETMARK\n");
	fprintf(f, "-A CNI-DN-%021x -s 127.0.0.1/32 -p tcp -m tcp --dport %d", i, port);
	fprintf(f, " -j CNI-HOSTPORT-SETMARK\n");
	fprintf(f, "-A CNI-DN-%021x -p tcp -m tcp --dport %d", i, port);
	fprintf(f, " -j DNAT --to-destination " CONTAINER ":%d\n", SERVICE);
}

static void ref_rules(int n)
{
	FILE *f = fopen(RULES, "we");
	double start;

	if (!f)
		die("%s: %s", RULES, strerror(errno));
	fputs("*nat\n:CNI-HOSTPORT-DNAT - [0:0]\n:CNI-HOSTPORT-MASQ - [0:0]\n"
	      ":CNI-HOSTPORT-SETMARK - [0:0]\n",
	      f);
	for (int i = 0; i < n; i++)
		fprintf(f, ":CNI-DN-%021x - [0:0]\n", i);
	fputs("-A PREROUTING -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n"
	      "-A OUTPUT -m addrtype --dst-type LOCAL -j CNI-HOSTPORT-DNAT\n"
	      "-A POSTROUTING -m comment --comment \"CNI portfwd requiring masquerade\""
	      " -j CNI-HOSTPORT-MASQ\n"
	      "-A CNI-HOSTPORT-MASQ -m mark --mark 0x2000/0x2000 -j MASQUERADE\n"
	      "-A CNI-HOSTPORT-SETMARK -m comment --comment \"CNI portfwd masquerade mark\""
	      " -j MARK --set-xmark 0x2000/0x2000\n",
	      f);
	for (int i = 0; i < n; i++)
		ref_container(f, i);
	fputs("COMMIT\n", f);
	if (fclose(f))
		die("%s: %s", RULES, strerror(errno));
	start = now_ms();
	shell("iptables-restore --noflush -w <" RULES);
	if (n == level[N_LEVELS - 1])
		report_line("making the reference's rules for 10,000", "%.0f ms", now_ms() - start);
}

static void path_make(struct path *p, const char *ours)
{
	int container = pool_more(2);

	p->client = container + 1;
	node_make(&p->node);
	shell("echo 1 >/proc/sys/net/ipv4/ip_forward");
	link_make(&p->node, container, "inside", "10.60.0.1", CONTAINER);
	link_make(&p->node, p->client, "outside", ROUTER, "198.51.100.2");
	if (p->kind == OURS)
		publish(ours, p->mappings);
	if (p->kind == REF)
		ref_rules(p->mappings);
	p->listener = listen_in(container);
	p->to.sin_family = AF_INET;
	inet_pton(AF_INET, p->kind == PLAIN ? CONTAINER : ROUTER, &p->to.sin_addr);
	p->to.sin_port = htons(p->kind == PLAIN ? SERVICE : FIRST_PORT + p->mappings - 1);
	node_leave();
}

static void connect_once(const struct path *p)
{
	static const struct linger reset = { 1, 0 };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_LINGER, &reset, sizeof(reset)) ||
	    connect(fd, (const struct sockaddr *)&p->to, sizeof(p->to)))
		die("connection through %s, %d mappings: %s", kind_name[p->kind], p->mappings,
		    strerror(errno));
	close(fd);
}

/* Every connection must have arrived in the container. */
static void drain(const struct path *p, int n)
{
	for (int i = 0; i < n; i++) {
		int fd = accept4(p->listener, NULL, NULL, SOCK_CLOEXEC);

		if (fd < 0)
			die("%d of %d connections through %s, %d mappings: %s", i, n,
			    kind_name[p->kind], p->mappings, strerror(errno));
		close(fd);
	}
}

static void block(struct path *p, int n, bool record)
{
	struct sample s = { 0 };
	double start;
	int done = 0;

	enter_pool(p->client);
	start = now_ms();
	while (done < n && now_ms() - start < BLOCK_MS) {
		connect_once(p);
		done++;
	}
	s.wall = (now_ms() - start) / done;
	drain(p, done);
	node_leave();
	if (record)
		series_add(&p->s, &s);
}

static double rate(const struct path *p)
{
	return 1000 / series_quantile(&p->s, pick_wall, 0.5);
}

static void report_connections(FILE *csv, const struct path *plain, const struct path *o,
			       const struct path *r)
{
	FILE *lines = csv_open("connections-medians", "mappings,ours,ref,unpublished");
	char what[64];

	csv_series(csv, "connect", kind_name[PLAIN], &plain->s);
	report_line("connections/s, unpublished: the limit", "%.0f", rate(plain));
	for (int i = 0; i < N_LEVELS; i++) {
		snprintf(what, sizeof(what), "connections/s at %d mappings", level[i]);
		report_line(what, "%.0f, ref %.0f", rate(&o[i]), rate(&r[i]));
		fprintf(lines, "%d,%.1f,%.1f,%.1f\n", level[i], rate(&o[i]), rate(&r[i]),
			rate(plain));
		snprintf(what, sizeof(what), "connect@%d", level[i]);
		csv_series(csv, what, kind_name[OURS], &o[i].s);
		csv_series(csv, what, kind_name[REF], &r[i].s);
	}
	fclose(lines);
	report_rates("connections/s, ours at 1 / unpublished", &o[0].s, &plain->s, 0);
	report_rates("connections/s, ours/ref at 1", &o[0].s, &r[0].s, 0);
	report_rates("connections/s, ours at 1000 / at 1", &o[1].s, &o[0].s, 0);
	report_rates("connections/s, ours at 10,000 / at 1", &o[2].s, &o[0].s, 0.95);
	report_rates("connections/s, ours/ref at 1000", &o[1].s, &r[1].s, 0);
	report_rates("connections/s, ours/ref at 10,000", &o[2].s, &r[2].s, 5);
}

void measure_connections(const char *ours)
{
	struct path paths[1 + 2 * N_LEVELS] = { { .kind = PLAIN, .mappings = 1 } };
	const int n_paths = 1 + 2 * N_LEVELS;
	FILE *csv = csv_open("connections", "what,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");
	int n = env_int("BENCH_BLOCKS", 30), size = env_int("BENCH_CONNECTIONS", 3000);

	if (size > 4000)
		die("BENCH_CONNECTIONS: at most 4000, which the listener can hold");
	for (int i = 0; i < N_LEVELS; i++) {
		paths[1 + i] = (struct path){ .kind = OURS, .mappings = level[i] };
		paths[1 + N_LEVELS + i] = (struct path){ .kind = REF, .mappings = level[i] };
	}
	for (int i = 0; i < n_paths; i++)
		path_make(&paths[i], ours);
	for (int i = -1; i < n; i++)
		for (int k = 0; k < n_paths; k++)
			block(&paths[i & 1 ? n_paths - 1 - k : k], size, i >= 0);
	report_connections(csv, &paths[0], &paths[1], &paths[1 + N_LEVELS]);
	fclose(csv);
	for (int i = 0; i < n_paths; i++) {
		node_close(&paths[i].node);
		close(paths[i].listener);
		series_free(&paths[i].s);
	}
}
