// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * An agent with a real etcd and thousands of leases: its memory, and the time from the answer to a
 * put until the kernel has the route to the new node.
 */
#include "peers.h"

#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PORT	2379
#define PREFIX	"/coreos.com/network"
#define N_OPS	500 /* of a transaction */
#define N_PEERS 5000
#define PAUSE	20 /* ms between events: each comes to an agent at rest */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

/* RFC 4648, 4. */
static void base64(const char *text, char *out)
{
	size_t n = strlen(text);

	for (size_t i = 0; i < n; i += 3) {
		uint32_t v = (uint32_t)(uint8_t)text[i] << 16;

		v |= i + 1 < n ? (uint32_t)(uint8_t)text[i + 1] << 8 : 0;
		v |= i + 2 < n ? (uint32_t)(uint8_t)text[i + 2] : 0;
		*out++ = alphabet[v >> 18];
		*out++ = alphabet[v >> 12 & 63];
		*out++ = i + 1 < n ? alphabet[v >> 6 & 63] : '=';
		*out++ = i + 2 < n ? alphabet[v & 63] : '=';
	}
	*out = '\0';
}

/* {"key":...,"value":...,"lease":...} as the gateway wants them. */
static void put_json(const char *key, const char *value, const char *lease, char out[1024])
{
	char key64[256], value64[512];

	base64(key, key64);
	base64(value, value64);
	snprintf(out, 1024, "{\"key\":\"%s\",\"value\":\"%s\",\"lease\":\"%s\"}", key64, value64,
		 lease);
}

/* What flanneld publishes of node i. */
static void lease_json(int i, const char *lease, char out[1024])
{
	char key[64], value[256];
	uint8_t mac[6];

	peers_mac(i, mac);
	snprintf(key, sizeof(key), PREFIX "/subnets/10.%d.%d.0-24", i >> 8, i & 255);
	snprintf(value, sizeof(value),
		 "{\"PublicIP\":\"172.16.%d.%d\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
		 "\"BackendData\":{\"VNI\":42,\"VtepMAC\":\"%02x:%02x:%02x:%02x:%02x:%02x\"}}",
		 (i + 1) >> 8, (i + 1) & 255, mac[0], mac[1], mac[2], mac[3], mac[4], mac[5]);
	put_json(key, value, lease, out);
}

static void ask(int fd, const char *path, const char *body, struct answer *answer)
{
	http_ask(fd, "POST", path, body, answer);
	if (answer->status != 200)
		die("etcd: %s: %d %s", path, answer->status, answer->body);
}

static void tell(int fd, const char *path, const char *body)
{
	struct answer answer;

	ask(fd, path, body, &answer);
	free(answer.body);
}

/* An etcd lease for all of them, whose number is text. */
static void grant(int fd, char lease[32])
{
	struct answer answer;
	const char *id;

	ask(fd, "/v3/lease/grant", "{\"TTL\":\"86400\"}", &answer);
	id = strstr(answer.body, "\"ID\":\"");
	if (!id || sscanf(id + 6, "%31[0-9]", lease) != 1)
		die("etcd: no lease: %s", answer.body);
	free(answer.body);
}

static void put_leases(int fd, const char *lease)
{
	size_t size = N_OPS * 1100 + 64;
	char *body = malloc(size), one[1024];

	if (!body)
		die("out of memory");
	for (int i = 1; i <= N_PEERS; i += N_OPS) {
		size_t at = (size_t)snprintf(body, size, "{\"success\":[");

		for (int k = i; k < i + N_OPS; k++) {
			lease_json(k, lease, one);
			at += (size_t)snprintf(body + at, size - at, "%s{\"requestPut\":%s}",
					       k > i ? "," : "", one);
		}
		snprintf(body + at, size - at, "]}");
		tell(fd, "/v3/kv/txn", body);
	}
	free(body);
}

static void etcd_make(struct resident *etcd, int *fd, char lease[32])
{
	char command[4500], config[1024];

	snprintf(command, sizeof(command),
		 "bash -c '. %s/tests/etcd-lib.sh; etcd_start /run/etcd %d --max-txn-ops %d'",
		 getenv("BENCH_TOP"), PORT, N_OPS);
	resident_start(etcd, "/run/etcd/pid", command);
	*fd = tcp_open(PORT);
	/* subnets of their own for those that claim one */
	put_json(PREFIX "/config",
		 "{\"Network\":\"10.0.0.0/8\",\"SubnetLen\":24,\"SubnetMin\":\"10.200.0.0\","
		 "\"SubnetMax\":\"10.250.0.0\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":42}}",
		 "0", config);
	tell(*fd, "/v3/kv/put", config);
	grant(*fd, lease);
	put_leases(*fd, lease);
}

/* A node joins. wall: from the answer to the put to the route; gone: from the question. */
static void event(int fd, int routes, int i, const char *lease, struct sample *out)
{
	double start, put;
	char body[1024];

	lease_json(i, lease, body);
	start = now_ms();
	tell(fd, "/v3/kv/put", body);
	put = now_ms();
	while (!routes_take(routes, true))
		;
	out->wall = now_ms() - put;
	out->gone = now_ms() - start;
}

static void report_events(FILE *csv, const struct series *s)
{
	double p99 = series_quantile(s, pick_wall, 0.99);

	report_goal("etcd, a put's answer to the route, p99", p99, 10, true, "%.2f ms; p50 %.2f ms",
		    p99, series_quantile(s, pick_wall, 0.5));
	report_line("etcd, a put to the route, p50 / p99", "%.2f / %.2f ms",
		    series_quantile(s, pick_gone, 0.5), series_quantile(s, pick_gone, 0.99));
	csv_series(csv, "etcd event", "agent", s);
}

static void measure_events(FILE *csv, int fd, const char *lease)
{
	int n = env_int("BENCH_PEERS_EVENTS", 100), routes = routes_listen();
	struct series s = { 0 };

	for (int i = 1; i <= n; i++) {
		struct sample sample = { 0 };

		event(fd, routes, N_PEERS + i, lease, &sample);
		series_add(&s, &sample);
		poll(NULL, 0, PAUSE);
	}
	entries_expect(N_PEERS + n);
	report_events(csv, &s);
	series_free(&s);
	close(routes);
}

void measure_peers_etcd(FILE *csv, const char *ours)
{
	struct resident etcd, agent;
	char lease[32], store[256];
	struct node node;
	double start;
	int fd;

	if (access("/usr/bin/etcd", X_OK)) {
		report_line("etcd", "none here");
		return;
	}
	peers_node_make(&node);
	etcd_make(&etcd, &fd, lease);
	snprintf(store, sizeof(store),
		 "{\"type\":\"etcd\",\"endpoints\":[\"http://127.0.0.1:%d\"]}", PORT);
	start = now_ms();
	agent_start(&agent, ours, store);
	file_wait(&agent, PEERS_STATE);
	report_line("etcd, 5000 leases, agent's start to all entries", "%.0f ms", now_ms() - start);
	entries_expect(N_PEERS);
	report_memory(&agent, "etcd");
	measure_events(csv, fd, lease);
	close(fd);
	resident_stop(&agent);
	resident_stop(&etcd);
	node_close(&node);
}
