// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures what thousands of peers cost a node of an overlay: until the kernel has their entries
 * (by the agent, by ip and bridge in batches, by one request after another as flanneld makes them),
 * until they are back when somebody has removed them, and in the agent's memory.
 */
#include "peers.h"

#include <unistd.h>

#define FILE_STORE "{\"type\":\"file\",\"path\":\"" PEERS_FILE "\"}"
#define SNAPSHOT   "/var/lib/hawser/overlay/peers.json"
#define MANY	   5000
#define ROUTES	   20 /* that are removed one by one */

enum way { AGENT, BATCH, SINGLE, N_WAYS };

static const char *const way_name[N_WAYS] = { "agent", "ip -batch", "one by one" };

/* One number of peers, on a node of its own. */
struct load {
	int n;
	struct node node;
	struct series s[N_WAYS], run; /* run: the agent's own figure */
};

static void batch_files(int n)
{
	FILE *ip = fopen("/run/ip.batch", "we"), *fdb = fopen("/run/fdb.batch", "we");
	uint8_t mac[6];

	if (!ip || !fdb)
		die("/run/ip.batch");
	for (int i = 1; i <= n; i++) {
		char lladdr[18];

		peers_mac(i, mac);
		snprintf(lladdr, sizeof(lladdr), "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1],
			 mac[2], mac[3], mac[4], mac[5]);
		fprintf(fdb,
			"fdb replace %s dev " PEERS_DEVICE " dst 172.16.%d.%d self permanent\n",
			lladdr, (i + 1) >> 8, (i + 1) & 255);
		fprintf(ip,
			"neigh replace 10.%d.%d.0 lladdr %s dev " PEERS_DEVICE " nud permanent\n"
			"route replace 10.%d.%d.0/24 via 10.%d.%d.0 dev " PEERS_DEVICE
			" onlink proto 72\n",
			i >> 8, i & 255, lladdr, i >> 8, i & 255, i >> 8, i & 255);
	}
	if (fclose(ip) || fclose(fdb))
		die("/run/ip.batch");
}

static void load_make(struct load *load, int n)
{
	load->n = n;
	peers_node_make(&load->node);
	peers_write(n);
	batch_files(n);
}

static void by_agent(struct load *load, const char *ours, struct sample *out)
{
	struct sample run = { 0 };
	struct resident agent;
	double start = now_ms();

	agent_start(&agent, ours, FILE_STORE);
	file_wait(&agent, PEERS_STATE);
	out->wall = now_ms() - start;
	entries_expect(load->n);
	run.wall = agent_metric("last_run_seconds") * 1000;
	series_add(&load->run, &run);
	agent_forget(&agent);
}

static void by_hand(const struct load *load, enum way way, struct sample *out)
{
	static const char *const both[] = {
		"/bin/sh", "-ec", "bridge -batch /run/fdb.batch && ip -batch /run/ip.batch", NULL
	};
	char *env[] = { "PATH=/usr/sbin:/usr/bin:/sbin:/bin", NULL };
	double start;

	shell("ip link add " PEERS_DEVICE
	      " type vxlan id 42 dstport 4789 local 172.16.0.1 dev eth0 "
	      "nolearning && ip addr add 10.0.0.0/32 dev " PEERS_DEVICE
	      " && ip link set " PEERS_DEVICE " up");
	start = now_ms();
	if (way == BATCH)
		proc_run(both, env, "/dev/null", -1, out);
	else
		peers_one_by_one(load->n);
	out->wall = now_ms() - start;
	entries_expect(load->n);
	shell("ip link del " PEERS_DEVICE);
}

static void program(struct load *load, enum way way, const char *ours)
{
	struct sample s = { 0 };

	node_enter(&load->node);
	if (way == AGENT)
		by_agent(load, ours, &s);
	else
		by_hand(load, way, &s);
	series_add(&load->s[way], &s);
}

static void report_load(FILE *csv, const struct load *load)
{
	double wall = series_quantile(&load->s[AGENT], pick_wall, 0.5);
	char what[96];

	snprintf(what, sizeof(what), "%d peers, agent's start to all entries", load->n);
	report_goal(what, wall, load->n == 3000 ? 500 : 0, true, "%.0f ms; last run %.0f ms", wall,
		    series_quantile(&load->run, pick_wall, 0.5));
	for (int k = 0; k < N_WAYS; k++) {
		snprintf(what, sizeof(what), "%d peers, %s", load->n, way_name[k]);
		csv_series(csv, what, way_name[k], &load->s[k]);
		if (k == AGENT)
			continue;
		report_line(what, "%.0f ms", series_quantile(&load->s[k], pick_wall, 0.5));
		snprintf(what, sizeof(what), "%d peers, agent/%s", load->n, way_name[k]);
		report_ratio(what, series_ratio(&load->s[AGENT], pick_wall, &load->s[k], pick_wall),
			     0);
	}
}

static void load_close(struct load *load)
{
	node_close(&load->node);
	for (int k = 0; k < N_WAYS; k++)
		series_free(&load->s[k]);
	series_free(&load->run);
}

static void measure_programming(FILE *csv, const char *ours)
{
	static const int number[] = { 3000, MANY };
	struct load loads[2] = { 0 };
	int n = env_int("BENCH_PEERS_ROUNDS", 5);

	for (int i = 0; i < 2; i++)
		load_make(&loads[i], number[i]);
	for (int i = 0; i < n; i++)
		for (int k = 0; k < 2 * N_WAYS; k++)
			program(&loads[k % 2], i & 1 ? N_WAYS - 1 - k / 2 : k / 2, ours);
	for (int i = 0; i < 2; i++)
		report_load(csv, &loads[i]);
	for (int i = 0; i < 2; i++)
		load_close(&loads[i]);
}

/* ---- what others have removed ---- */

static void wait_routes(int fd, int n)
{
	while (n > 0)
		n -= routes_take(fd, true);
}

static void heal_device(int fd, struct series *s)
{
	struct sample sample = { 0 };
	double start = now_ms();

	shell("ip link del " PEERS_DEVICE);
	wait_routes(fd, MANY);
	sample.wall = now_ms() - start;
	series_add(s, &sample);
	entries_expect(MANY);
	while (routes_take(fd, false))
		;
}

static void heal_route(int fd, int i, struct series *s)
{
	struct sample sample = { 0 };
	double start = now_ms();

	route_remove(i);
	wait_routes(fd, 1);
	sample.wall = now_ms() - start;
	series_add(s, &sample);
}

void report_memory(const struct resident *agent, const char *store)
{
	double rss, peak;
	char what[96];

	file_wait(agent, SNAPSHOT);
	rss = memory_mb(agent, "VmRSS");
	peak = memory_mb(agent, "VmHWM");
	snprintf(what, sizeof(what), "%d peers, agent's memory with %s", MANY, store);
	report_goal(what, rss, 20, true, "%.1f MB; at most %.1f MB", rss, peak);
}

static void measure_healing(FILE *csv, const char *ours)
{
	struct series device = { 0 }, route = { 0 };
	int n = env_int("BENCH_PEERS_ROUNDS", 5), fd;
	struct resident agent;
	struct node node;
	double p50;

	peers_node_make(&node);
	peers_write(MANY);
	agent_start(&agent, ours, FILE_STORE);
	file_wait(&agent, PEERS_STATE);
	report_memory(&agent, "a file");
	fd = routes_listen();
	for (int i = 0; i < n; i++)
		heal_device(fd, &device);
	for (int i = 1; i <= ROUTES; i++)
		heal_route(fd, i * 200, &route);
	close(fd);
	p50 = series_quantile(&device, pick_wall, 0.5);
	report_line("5000 peers, device removed, until all is back", "%.0f ms", p50);
	p50 = series_quantile(&route, pick_wall, 0.5);
	report_goal("5000 peers, a route removed, until it is back", p50, 200, true,
		    "%.1f ms, p90 %.1f ms", p50, series_quantile(&route, pick_wall, 0.9));
	csv_series(csv, "heal device", "agent", &device);
	csv_series(csv, "heal route", "agent", &route);
	series_free(&device);
	series_free(&route);
	resident_stop(&agent);
	node_close(&node);
}

void measure_peers(const char *ours)
{
	FILE *csv = csv_open("peers", "what,tool,pair,wall_ms,cpu_ms,gone_ms,settled_ms");

	measure_programming(csv, ours);
	measure_healing(csv, ours);
	measure_peers_etcd(csv, ours);
	fclose(csv);
	measure_peers_add(ours);
}
