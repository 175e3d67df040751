/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * What the files of the part "peers" share. Peer i, from 1 on, has the subnet i of 10.0.0.0/8 and
 * the VTEP i + 1 of 172.16.0.0/12; node 0 is the one that is measured.
 */
#ifndef HAWSER_BENCH_PEERS_H
#define HAWSER_BENCH_PEERS_H

#include "bench.h"

#include <stdint.h>
#include <sys/types.h>

#define PEERS_FILE   "/run/peers"
#define PEERS_STATE  "/run/hawser/overlay/peers"
#define PEERS_DEVICE "vx42"

/* A process that stays: no child of ours, because those are waited for by every measured call. */
struct resident {
	pid_t pid;
	int fd; /* of the process */
};

/* An answer of HTTP. */
struct answer {
	int status;
	char *body; /* owned, NUL-terminated */
};

/* peers_node.c */
void peers_node_make(struct node *node);
void peers_write(int n);
void peers_mac(int i, uint8_t mac[6]);
void agent_start(struct resident *agent, const char *ours, const char *store);
void agent_forget(struct resident *agent);
void resident_start(struct resident *r, const char *pid_file, const char *command);
void resident_stop(struct resident *r);
void file_wait(const struct resident *r, const char *path);
double agent_metric(const char *name);
double memory_mb(const struct resident *r, const char *key);
int tcp_open(int port);
void http_ask(int fd, const char *method, const char *path, const char *body,
	      struct answer *answer);

/* peers_kernel.c */
int routes_listen(void);
int routes_take(int fd, bool wait);
void peers_one_by_one(int n);
void route_remove(int i);
void entries_expect(int n);

/* peers.c */
void report_memory(const struct resident *agent, const char *store);

/* peers_add.c, peers_etcd.c: parts of the measure */
void measure_peers_add(const char *ours);
void measure_peers_etcd(FILE *csv, const char *ours);

#endif
