/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The measure "overlay": ways between containers of two hosts, and traffic through them. */
#ifndef HAWSER_BENCH_OVERLAY_H
#define HAWSER_BENCH_OVERLAY_H

#include "bench.h"

#include <netinet/in.h>
#include <sys/types.h>

enum kind { HOST, OURS, FAST, ROUTED, FLANNEL_PATH, PLAIN, N_WAYS };
enum test { STREAM, STREAMS, REQUEST, DATAGRAMS, N_TESTS };

/* An underlay. */
struct scene {
	const char *name;
	int mtu;
	bool wire;	    /* each packet by itself, none of 64 KiB */
	unsigned int tests; /* bits of enum test */
};

/* Two hosts, and what joins a container of one with a container of the other. */
struct way {
	enum kind kind;
	struct node node[2];
	int container[2]; /* numbers in the pool */
	pid_t server;	  /* beside the second */
	struct sockaddr_in to;
	struct series s[N_TESTS]; /* wall and cpu: ms for 1 MB, or for one request or datagram */
};

extern const char *const way_name[N_WAYS];

/* overlay_hosts.c */
void way_make(struct way *w, const struct scene *scene, const char *ours);

/* overlay_traffic.c */
void server_start(struct way *w);
void pin(int cpu);
void block(struct way *w, enum test test, bool record);

#endif
