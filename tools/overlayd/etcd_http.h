/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The transport of the etcd client: requests, endpoints, authentication. For etcd*.c only. */
#ifndef HAWSER_OVERLAYD_ETCD_HTTP_H
#define HAWSER_OVERLAYD_ETCD_HTTP_H

#include "etcd.h"
#include "etcd_json.h"

#include <curl/curl.h>

#define ETCD_ANSWER_MAX (4u << 20) /* bytes; a value of etcd has at most 1.5 MiB, 2 as base64 */

/* Bytes that have arrived. */
struct etcd_buf {
	char *data; /* owned */
	size_t len, size;
	bool full; /* more came than is allowed */
};

/* The watch. */
struct etcd_stream {
	CURL *easy;
	struct etcd_buf in; /* complete lines, and the beginning of one */
	bool open, paused, ended;
	CURLcode result; /* when ended */
	char *prefix;
	size_t at;	      /* endpoint */
	int64_t heard, asked; /* milliseconds of etcd_now(); last byte, last question */
	char why[CURL_ERROR_SIZE];
};

struct etcd {
	char **endpoint;
	size_t n_endpoints, at;
	char *ca_file, *cert_file, *key_file, *username, *password;
	int timeout_ms, silence_ms, wake_fd;
	CURLM *multi;
	CURL *easy; /* of requests */
	struct etcd_buf in;
	char *token;
	bool no_auth; /* the server has no authentication, though there is a user name */
	int64_t revision;
	struct etcd_stream watch;
	char error[768];
};

/** etcd_now() - Return: monotonic milliseconds. */
int64_t etcd_now(void);

/** etcd_fail() - set etcd_error(). Return: @r. */
int etcd_fail(struct etcd *e, int r, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/** etcd_request() - set up a request, which has @buf for its answer. @header: in and out. */
void etcd_request(struct etcd *e, CURL *easy, size_t at, const char *path, const char *text,
		  struct curl_slist **header);

/** etcd_write() - CURLOPT_WRITEFUNCTION; @buf: struct etcd_buf. */
size_t etcd_write(char *data, size_t size, size_t n, void *buf);

/**
 * etcd_step() - wait until something happens, and let transfers go on
 * @e: client
 * @wait_ms: at most
 * @request: receives the result when e->easy has ended; e->watch notes its own
 *
 * Return: 1 when e->easy has ended, 0, or -ECANCELED.
 */
int etcd_step(struct etcd *e, int64_t wait_ms, CURLcode *request);

/** etcd_login() - have a token, if there is a user name. Return: 0, or a negative errno. */
int etcd_login(struct etcd *e, size_t at);

/** etcd_forget() - the token is not valid any more. */
void etcd_forget(struct etcd *e);

/** etcd_is_lasting() - Return: whether another endpoint would say the same about an error. */
bool etcd_is_lasting(int r);

/**
 * etcd_error_of() - an answer that is an error, or no answer at all
 * @e: client; etcd_error() is set
 * @at: endpoint
 * @path: that was asked
 * @status: of HTTP
 * @text: body, need not end with NUL
 * @len: its length
 *
 * Return: what etcd_json_error() gives, or -EIO.
 */
int etcd_error_of(struct etcd *e, size_t at, const char *path, long status, const char *text,
		  size_t len);

/**
 * etcd_ask_at() - one request to one endpoint, authenticated
 * @e: client
 * @at: endpoint
 * @path: "/v3/kv/range"
 * @request: JSON
 * @answer: receives a JSON object
 *
 * Return: 0, or a negative errno as of etcd.h, or -EFBIG.
 */
int etcd_ask_at(struct etcd *e, size_t at, const char *path, const json_t *request,
		json_t **answer);

/** etcd_ask() - the same, of each endpoint in turn until one answers. */
int etcd_ask(struct etcd *e, const char *path, const json_t *request, json_t **answer);

#endif
