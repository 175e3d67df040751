/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: a small HTTP server for status and metrics, within the agent's poll loop. */
#ifndef HAWSER_OVERLAYD_SERVER_H
#define HAWSER_OVERLAYD_SERVER_H

#include "error.h"

#include <poll.h>
#include <stddef.h>
#include <stdbool.h>
#include <stdint.h>

#define SERVER_SOCKET  "/run/hawser/overlayd.sock"
#define SERVER_CLIENTS 16
#define SERVER_FDS     (2 + SERVER_CLIENTS)

/* An answer. */
struct server_answer {
	int status;	  /* 200, 404, ... */
	const char *type; /* of the content */
	char *text;	  /* owned; NULL: none */
};

/**
 * server_fn() - answer a request
 * @method: "GET", "POST"
 * @path: as asked for; hostile
 * @local: it came over the socket of the file system, which root alone can reach
 */
typedef struct server_answer (*server_fn)(const char *method, const char *path, bool local,
					  void *arg);

struct server {
	int local, tcp; /* listening; -1: not */
	struct server_client {
		int fd; /* -1: free */
		bool local;
		char in[2048];
		size_t n_in;
		char *out; /* owned */
		size_t size, sent;
		uint64_t deadline; /* monotonic milliseconds */
	} client[SERVER_CLIENTS];
	server_fn fn;
	void *arg;
};

/**
 * server_open() - listen
 * @s: filled; release with server_close()
 * @path: socket in the file system; one that nobody listens on is replaced
 * @tcp: "address:port" for GET /metrics only, or NULL
 * @fn: answers
 * @arg: for @fn
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int server_open(struct server *s, const char *path, const char *tcp, server_fn fn, void *arg,
		struct cni_err *err);

/** server_close() - end all connections; the socket's file is removed. */
void server_close(struct server *s, const char *path);

/** server_fds() - what to poll for. @fds: room for SERVER_FDS. Return: how many. */
int server_fds(const struct server *s, struct pollfd *fds);

/** server_handle() - after poll(): go on with every connection. @fds: as server_fds() filled it. */
void server_handle(struct server *s, const struct pollfd *fds, int n, uint64_t now);

#endif
