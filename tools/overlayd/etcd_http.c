/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The transport of the etcd client: requests, endpoints, authentication.
 *
 * All transfers are in one curl_multi, so that the watch's data are taken while a request waits,
 * and whatever waits hears wake_fd.
 */
#include "etcd_http.h"

#include "cleanup.h"
#include "error.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdarg.h>
#include <string.h>
#include <time.h>

#define TIMEOUT_MS	5000
#define CONNECT_MS	3000
#define SILENCE_MS	30000
#define USER_TIMEOUT_MS 20000

int64_t etcd_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

int etcd_fail(struct etcd *e, int r, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(e->error, sizeof(e->error), fmt, ap);
	va_end(ap);
	text_sanitize(e->error);
	return r;
}

/* ---- the client ---- */

static void init_curl(void)
{
	curl_global_init(CURL_GLOBAL_DEFAULT);
}

static char *copy(const char *text)
{
	char *copied = text ? strdup(text) : NULL;

	if (text && !copied)
		abort();
	return copied;
}

/* Whether one part of a URL is absent. */
static bool lacks(CURLU *url, CURLUPart part)
{
	char *text = NULL;
	CURLUcode r = curl_url_get(url, part, &text, 0);

	curl_free(text);
	return r != CURLUE_OK;
}

/* "https://host:port", as far as an endpoint of etcd is one. */
static bool is_endpoint(const char *text)
{
	CURLU *url = curl_url();
	char *scheme = NULL, *path = NULL;
	bool is;

	if (!url)
		abort();
	is = curl_url_set(url, CURLUPART_URL, text, 0) == CURLUE_OK &&
	     curl_url_get(url, CURLUPART_SCHEME, &scheme, 0) == CURLUE_OK &&
	     curl_url_get(url, CURLUPART_PATH, &path, 0) == CURLUE_OK &&
	     (strcmp(scheme, "http") == 0 || strcmp(scheme, "https") == 0) &&
	     strcmp(path, "/") == 0 && lacks(url, CURLUPART_USER) &&
	     lacks(url, CURLUPART_PASSWORD) && lacks(url, CURLUPART_QUERY) &&
	     lacks(url, CURLUPART_FRAGMENT);
	curl_free(scheme);
	curl_free(path);
	curl_url_cleanup(url);
	return is;
}

static int add_endpoint(struct etcd *e, const char *text)
{
	size_t len = strlen(text);

	if (!is_endpoint(text))
		return etcd_fail(e, -EINVAL,
				 "\"%.200s\" is no endpoint (such as https://etcd.example:2379)",
				 text);
	e->endpoint[e->n_endpoints] = copy(text);
	if (text[len - 1] == '/')
		e->endpoint[e->n_endpoints][len - 1] = '\0';
	e->n_endpoints++;
	return 0;
}

int etcd_open(const struct etcd_conf *conf, int wake_fd, struct etcd **out)
{
	static pthread_once_t once = PTHREAD_ONCE_INIT;
	struct etcd *e = calloc(1, sizeof(*e));
	int r = 0;

	*out = e;
	if (!e)
		return -ENOMEM;
	pthread_once(&once, init_curl);
	e->wake_fd = wake_fd;
	e->timeout_ms = conf->timeout_ms ? conf->timeout_ms : TIMEOUT_MS;
	e->silence_ms = conf->silence_ms ? conf->silence_ms : SILENCE_MS;
	e->ca_file = copy(conf->ca_file);
	e->cert_file = copy(conf->cert_file);
	e->key_file = copy(conf->key_file);
	e->username = copy(conf->username);
	e->password = copy(conf->password);
	e->multi = curl_multi_init();
	e->easy = curl_easy_init();
	e->watch.easy = curl_easy_init();
	e->endpoint = calloc(conf->n_endpoints + 1, sizeof(*e->endpoint));
	if (!e->multi || !e->easy || !e->watch.easy || !e->endpoint)
		abort();
	for (size_t i = 0; r == 0 && i < conf->n_endpoints; i++)
		r = add_endpoint(e, conf->endpoints[i]);
	if (r == 0 && e->n_endpoints == 0)
		r = etcd_fail(e, -EINVAL, "there is no endpoint");
	return r;
}

void etcd_set_wake(struct etcd *e, int wake_fd)
{
	e->wake_fd = wake_fd;
}

static void free_secret(char *secret)
{
	if (secret)
		explicit_bzero(secret, strlen(secret));
	free(secret);
}

void etcd_close(struct etcd *e)
{
	if (!e)
		return;
	if (e->watch.open)
		curl_multi_remove_handle(e->multi, e->watch.easy);
	curl_easy_cleanup(e->watch.easy);
	curl_easy_cleanup(e->easy);
	curl_multi_cleanup(e->multi);
	for (size_t i = 0; i < e->n_endpoints; i++)
		free(e->endpoint[i]);
	free(e->endpoint);
	free(e->ca_file);
	free(e->cert_file);
	free(e->key_file);
	free(e->username);
	free_secret(e->password);
	free_secret(e->token);
	free(e->watch.prefix);
	free(e->watch.in.data);
	free(e->in.data);
	free(e);
}

const char *etcd_error(const struct etcd *e)
{
	return e->error;
}

const char *etcd_endpoint(const struct etcd *e)
{
	return e->n_endpoints ? e->endpoint[e->at] : "";
}

int64_t etcd_revision(const struct etcd *e)
{
	return e->revision;
}

/* ---- one transfer ---- */

size_t etcd_write(char *data, size_t size, size_t n, void *arg)
{
	struct etcd_buf *buf = arg;

	n *= size;
	if (buf->len + n > ETCD_ANSWER_MAX) {
		buf->full = true;
		return 0;
	}
	if (buf->len + n > buf->size) {
		buf->size = 2 * (buf->len + n);
		buf->data = realloc(buf->data, buf->size);
		if (!buf->data)
			abort();
	}
	memcpy(buf->data + buf->len, data, n);
	buf->len += n;
	return n;
}

/* A peer that has gone without a word is noticed while we send, too. */
static int set_user_timeout(void *arg, curl_socket_t fd, curlsocktype type)
{
	const unsigned int ms = USER_TIMEOUT_MS;

	(void)arg;
	(void)type;
	setsockopt(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, &ms, sizeof(ms));
	return CURL_SOCKOPT_OK;
}

static void set_protocol(CURL *easy)
{
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	/* on the port without TLS, HTTP/2 leads to gRPC */
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* a name server that is silent must not keep us */
	curl_easy_setopt(easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	curl_easy_setopt(easy, CURLOPT_SOCKOPTFUNCTION, set_user_timeout);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, 15L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, 5L);
}

static void set_tls(const struct etcd *e, CURL *easy)
{
	curl_easy_setopt(easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 2L);
	if (e->ca_file) {
		curl_easy_setopt(easy, CURLOPT_CAINFO, e->ca_file);
		curl_easy_setopt(easy, CURLOPT_CAPATH, NULL);
	}
	if (e->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, e->cert_file);
	if (e->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, e->key_file);
#if LIBCURL_VERSION_NUM >= 0x075700
	/* files that were replaced count from the next connection on */
	curl_easy_setopt(easy, CURLOPT_CA_CACHE_TIMEOUT, 0L);
#endif
}

static void add_header(struct curl_slist **header, const char *text)
{
	struct curl_slist *longer = curl_slist_append(*header, text);

	if (!longer)
		abort();
	*header = longer;
}

void etcd_request(struct etcd *e, CURL *easy, size_t at, const char *path, const char *text,
		  struct curl_slist **header)
{
	char url[512];

	snprintf(url, sizeof(url), "%s%s", e->endpoint[at], path);
	curl_easy_reset(easy);
	set_protocol(easy);
	set_tls(e, easy);
	add_header(header, "Content-Type: application/json");
	add_header(header, "Expect:");
	if (e->token) {
		autofree char *authorization = NULL;

		if (asprintf(&authorization, "Authorization: %s", e->token) < 0)
			abort();
		add_header(header, authorization);
	}
	curl_easy_setopt(easy, CURLOPT_URL, url);
	curl_easy_setopt(easy, CURLOPT_HTTPHEADER, *header);
	curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)strlen(text));
	curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, text);
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS,
			 (long)(e->timeout_ms < CONNECT_MS ? e->timeout_ms : CONNECT_MS));
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, etcd_write);
}

/* What has ended. Return: 1 when it was the request. */
static int take_results(struct etcd *e, CURLcode *request)
{
	const CURLMsg *msg;
	int left, done = 0;

	while ((msg = curl_multi_info_read(e->multi, &left))) {
		if (msg->msg != CURLMSG_DONE)
			continue;
		if (msg->easy_handle == e->easy) {
			*request = msg->data.result;
			done = 1;
		} else {
			e->watch.ended = true;
			e->watch.result = msg->data.result;
		}
	}
	return done;
}

static bool is_woken(const struct etcd *e)
{
	struct pollfd wake = { .fd = e->wake_fd, .events = POLLIN };

	return e->wake_fd >= 0 && poll(&wake, 1, 0) > 0;
}

int etcd_step(struct etcd *e, int64_t wait_ms, CURLcode *request)
{
	struct curl_waitfd wake = { .fd = e->wake_fd, .events = CURL_WAIT_POLLIN };
	int running;

	if (wait_ms > 0)
		curl_multi_poll(e->multi, &wake, e->wake_fd >= 0,
				(int)(wait_ms > 60000 ? 60000 : wait_ms), NULL);
	if (curl_multi_perform(e->multi, &running) != CURLM_OK)
		abort();
	if (take_results(e, request))
		return 1;
	return is_woken(e) ? -ECANCELED : 0;
}

/* A transfer that failed. */
static int transfer_error(struct etcd *e, size_t at, const char *path, CURLcode code,
			  const char *why)
{
	int r = -EIO;

	if (e->in.full)
		return etcd_fail(e, -EFBIG, "%s%s: an answer of more than %u bytes",
				 e->endpoint[at], path, ETCD_ANSWER_MAX);
	if (code == CURLE_OPERATION_TIMEDOUT)
		r = -ETIMEDOUT;
	return etcd_fail(e, r, "%s%s: %s", e->endpoint[at], path,
			 *why ? why : curl_easy_strerror(code));
}

static int transfer(struct etcd *e, size_t at, const char *path, const char *text)
{
	int64_t end = etcd_now() + e->timeout_ms;
	char why[CURL_ERROR_SIZE] = "";
	struct curl_slist *header = NULL;
	CURLcode code = CURLE_OK;
	int r;

	e->in.len = 0;
	e->in.full = false;
	etcd_request(e, e->easy, at, path, text, &header);
	curl_easy_setopt(e->easy, CURLOPT_TIMEOUT_MS, (long)e->timeout_ms);
	curl_easy_setopt(e->easy, CURLOPT_WRITEDATA, &e->in);
	curl_easy_setopt(e->easy, CURLOPT_ERRORBUFFER, why);
	curl_multi_add_handle(e->multi, e->easy);
	do
		r = etcd_step(e, end + 1000 - etcd_now(), &code);
	while (r == 0);
	curl_multi_remove_handle(e->multi, e->easy);
	curl_easy_setopt(e->easy, CURLOPT_ERRORBUFFER, NULL);
	curl_slist_free_all(header);
	if (r < 0)
		return etcd_fail(e, r, "%s%s: interrupted", e->endpoint[at], path);
	return code == CURLE_OK ? 0 : transfer_error(e, at, path, code, why);
}

/* ---- an answer ---- */

/* The first line of a body that should have been JSON, for the error. */
static void excerpt(const char *text, size_t len, char out[80])
{
	size_t n = 0;

	while (n < len && n < 79 && text[n] && text[n] != '\n' && text[n] != '\r')
		n++;
	if (n)
		memcpy(out, text, n);
	out[n] = '\0';
}

/* gRPC's code and words: of a request that failed, or of an answer that is part of a stream. */
static bool read_error(const json_t *answer, int64_t *code, const char **message)
{
	const json_t *error = json_object_get(answer, "error");

	if (json_is_object(error)) {
		*message = json_string_value(json_object_get(error, "message"));
		return *message && etcd_json_int(error, "grpc_code", code) == 0;
	}
	*message = json_string_value(error);
	return *message && etcd_json_int(answer, "code", code) == 0;
}

int etcd_error_of(struct etcd *e, size_t at, const char *path, long status, const char *text,
		  size_t len)
{
	json_auto_t *answer = etcd_json_parse(text, len);
	const char *message;
	int64_t code;
	char line[80];

	if (read_error(answer, &code, &message))
		return etcd_fail(e, etcd_json_error(code, message), "%s%s: %.300s", e->endpoint[at],
				 path, message);
	excerpt(text, len, line);
	return etcd_fail(e, status == 200 ? -EBADMSG : -EIO, "%s%s: HTTP status %ld: \"%s\"",
			 e->endpoint[at], path, status, line);
}

static void note_revision(struct etcd *e, const json_t *answer)
{
	const json_t *result = json_object_get(answer, "result");
	int64_t revision;

	if (etcd_json_int(json_object_get(result ? result : answer, "header"), "revision",
			  &revision) == 0 &&
	    revision > 0)
		e->revision = revision;
}

static int exchange(struct etcd *e, size_t at, const char *path, const char *text, json_t **out)
{
	json_auto_t *answer = NULL;
	long status = 0;
	int r = transfer(e, at, path, text);

	if (r < 0)
		return r;
	curl_easy_getinfo(e->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status == 200)
		answer = etcd_json_parse(e->in.data, e->in.len);
	if (!answer || json_object_get(answer, "error"))
		return etcd_error_of(e, at, path, status, e->in.data, e->in.len);
	note_revision(e, answer);
	*out = take_ptr(answer);
	return 0;
}

/* ---- authentication ---- */

void etcd_forget(struct etcd *e)
{
	free_secret(take_ptr(e->token));
	e->no_auth = false;
}

static int take_token(struct etcd *e, size_t at, const json_t *answer)
{
	const char *token = json_string_value(json_object_get(answer, "token"));

	/* it becomes a line of a header */
	if (!token || !*token || strlen(token) > 4096 || strpbrk(token, "\r\n"))
		return etcd_fail(e, -EBADMSG, "%s: authentication gave no token", e->endpoint[at]);
	e->token = copy(token);
	return 0;
}

int etcd_login(struct etcd *e, size_t at)
{
	json_auto_t *request = NULL, *answer = NULL;
	char *text;
	int r;

	if (!e->username || e->token || e->no_auth)
		return 0;
	request = json_pack("{s:s, s:s}", "name", e->username, "password",
			    e->password ? e->password : "");
	text = request ? json_dumps(request, JSON_COMPACT) : NULL;
	if (!text)
		return etcd_fail(e, -EINVAL, "user name or password are no UTF-8");
	r = exchange(e, at, "/v3/auth/authenticate", text, &answer);
	free_secret(text);
	if (r == -ENOTSUP) {
		e->no_auth = true;
		return 0;
	}
	return r < 0 ? r : take_token(e, at, answer);
}

/* ---- requests ---- */

bool etcd_is_lasting(int r)
{
	return r != -EIO && r != -ETIMEDOUT && r != -EBADMSG && r != -EKEYEXPIRED;
}

static int ask_text(struct etcd *e, size_t at, const char *path, const char *text, json_t **answer)
{
	int r = etcd_login(e, at);

	if (r == 0)
		r = exchange(e, at, path, text, answer);
	if (r != -EKEYEXPIRED || !e->username)
		return r == -EKEYEXPIRED ? -EACCES : r;
	/* tokens end when they are not used for some minutes, and with the member's process */
	etcd_forget(e);
	r = etcd_login(e, at);
	if (r == 0)
		r = exchange(e, at, path, text, answer);
	return r == -EKEYEXPIRED ? -EACCES : r;
}

/* An answer that was large is not kept. */
static void shrink(struct etcd_buf *buf)
{
	buf->len = 0;
	if (buf->size <= 65536)
		return;
	free(take_ptr(buf->data));
	buf->size = 0;
}

int etcd_ask_at(struct etcd *e, size_t at, const char *path, const json_t *request, json_t **answer)
{
	autofree char *text = json_dumps(request, JSON_COMPACT);
	int r;

	if (!text)
		return etcd_fail(e, -EINVAL, "%s: a request that is no JSON", path);
	r = ask_text(e, at, path, text, answer);
	shrink(&e->in);
	return r;
}

int etcd_ask(struct etcd *e, const char *path, const json_t *request, json_t **answer)
{
	int r = -EIO;

	for (size_t i = 0; i < e->n_endpoints; i++) {
		r = etcd_ask_at(e, e->at, path, request, answer);
		if (etcd_is_lasting(r))
			return r;
		e->at = (e->at + 1) % e->n_endpoints;
	}
	return r;
}
