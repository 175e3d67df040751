/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The etcd client's watch: one request whose answer does not end, a JSON object on each line.
 *
 * etcd says that a watch is over in words only, and keeps the connection open and silent; so does
 * a host that has gone. The former is read for, the latter found by a question now and then.
 */
#include "cleanup.h"
#include "etcd_http.h"

#include <errno.h>
#include <string.h>

/* etcd's own word that all is well comes every ten minutes, or what it was configured for. */
#define DEAD_MS	     (25 * INT64_C(60000))
#define BUFFERED_MAX (1u << 20) /* bytes of changes that nobody has asked for yet */
#define PATH	     "/v3/watch"

static void close_stream(struct etcd *e)
{
	struct etcd_stream *w = &e->watch;

	if (w->open)
		curl_multi_remove_handle(e->multi, w->easy);
	w->open = w->ended = w->paused = false;
	w->in.len = 0;
	w->in.full = false;
}

void etcd_reconnect(struct etcd *e)
{
	close_stream(e);
	/* it has the connections that are kept */
	curl_multi_cleanup(e->multi);
	e->multi = curl_multi_init();
	if (!e->multi)
		abort();
}

/* CURLOPT_WRITEFUNCTION: what is not asked for waits in the kernel, and with the server. */
static size_t take_data(char *data, size_t size, size_t n, void *arg)
{
	struct etcd_stream *w = arg;

	if (w->in.len > BUFFERED_MAX && memchr(w->in.data, '\n', w->in.len)) {
		w->paused = true;
		return CURL_WRITEFUNC_PAUSE;
	}
	w->heard = etcd_now();
	return etcd_write(data, size, n, &w->in);
}

static char *watch_request(const char *prefix, int64_t from)
{
	json_auto_t *request = NULL;
	json_t *create = json_object();
	char *text;

	etcd_json_prefix(create, prefix);
	etcd_json_add_int(create, "start_revision", from);
	json_object_set_new(create, "progress_notify", json_true());
	request = json_pack("{s:o}", "create_request", create);
	text = json_dumps(request, JSON_COMPACT);
	if (!text)
		abort();
	return text;
}

/* ---- what the server says ---- */

/* Also when nothing but the token has ended: later versions say no more. */
static bool is_denied(const char *reason)
{
	return reason &&
	       (strstr(reason, "permission denied") || etcd_json_error(0, reason) == -EKEYEXPIRED);
}

/* It is over. Return: the reason. */
static int canceled(struct etcd *e, const json_t *result)
{
	const char *reason = json_string_value(json_object_get(result, "cancel_reason"));
	int64_t compacted = 0;

	if (etcd_json_int(result, "compact_revision", &compacted) == 0 && compacted > 0)
		return etcd_fail(e, -ESTALE, "%s" PATH ": compacted up to revision %lld",
				 e->endpoint[e->watch.at], (long long)compacted);
	if (is_denied(reason)) {
		etcd_forget(e);
		return etcd_fail(e, -EACCES, "%s" PATH ": %.300s", e->endpoint[e->watch.at],
				 reason);
	}
	return etcd_fail(e, -EIO, "%s" PATH ": canceled: %.300s", e->endpoint[e->watch.at],
			 reason ? reason : "without a reason");
}

/* One change. Return: 1, or a negative errno. */
static int take_event(struct etcd *e, const json_t *event, etcd_fn *fn, void *arg)
{
	const char *type = json_string_value(json_object_get(event, "type"));
	autokv struct etcd_kv kv = { 0 };
	int r = etcd_json_kv(json_object_get(event, "kv"), &kv, NULL);

	if (r < 0)
		return etcd_fail(e, r, "%s" PATH ": a change without a valid key",
				 e->endpoint[e->watch.at]);
	if (type && strcmp(type, "DELETE") == 0)
		free(take_ptr(kv.value));
	r = fn(&kv, arg);
	return r < 0 ? r : 1;
}

static json_t *parse_line(struct etcd *e, const char *line, size_t len, int *r)
{
	json_t *answer = etcd_json_parse(line, len);
	int64_t revision;

	if (!json_is_object(json_object_get(answer, "result"))) {
		json_decref(answer);
		*r = etcd_error_of(e, e->watch.at, PATH, 200, line, len);
		if (*r == -EKEYEXPIRED) {
			etcd_forget(e);
			*r = -EACCES;
		}
		return NULL;
	}
	if (etcd_json_int(json_object_get(json_object_get(answer, "result"), "header"), "revision",
			  &revision) == 0 &&
	    revision > 0)
		e->revision = revision;
	return answer;
}

/* One line. Return: number of changes in it, or a negative errno. */
static int take_line(struct etcd *e, const char *line, size_t len, etcd_fn *fn, void *arg)
{
	int r = 0, n = 0;
	json_auto_t *answer = parse_line(e, line, len, &r);
	const json_t *result = json_object_get(answer, "result"), *event;
	size_t i;

	if (!answer)
		return r;
	if (json_is_true(json_object_get(result, "canceled")))
		return canceled(e, result);
	json_array_foreach (json_object_get(result, "events"), i, event) {
		r = take_event(e, event, fn, arg);
		if (r < 0)
			return r;
		n += r;
	}
	return n;
}

static bool is_blank(const char *line, size_t len)
{
	while (len && (*line == ' ' || *line == '\r' || *line == '\t')) {
		line++;
		len--;
	}
	return len == 0;
}

/* All complete lines. Return: number of changes, or a negative errno. */
static int take_lines(struct etcd *e, etcd_fn *fn, void *arg)
{
	struct etcd_buf *in = &e->watch.in;
	size_t done = 0;
	int r = 0, n = 0;

	while (r >= 0 && done < in->len) {
		const char *line = in->data + done, *end = memchr(line, '\n', in->len - done);

		if (!end)
			break;
		done += (size_t)(end - line) + 1;
		if (is_blank(line, (size_t)(end - line)))
			continue;
		r = take_line(e, line, (size_t)(end - line), fn, arg);
		n += r > 0 ? r : 0;
	}
	if (done)
		memmove(in->data, in->data + done, in->len - done);
	in->len -= done;
	if (in->size > BUFFERED_MAX / 4 && in->len == 0) {
		free(take_ptr(in->data));
		in->size = 0;
	}
	return r < 0 ? r : n;
}

/* The transfer has ended: why? */
static int ended(struct etcd *e)
{
	struct etcd_stream *w = &e->watch;
	long status = 0;

	curl_easy_getinfo(w->easy, CURLINFO_RESPONSE_CODE, &status);
	if (w->in.full)
		return etcd_fail(e, -EBADMSG, "%s" PATH ": a line of more than %u bytes",
				 e->endpoint[w->at], ETCD_ANSWER_MAX);
	if (w->result == CURLE_OK && (status != 200 || w->in.len)) {
		int r = etcd_error_of(e, w->at, PATH, status, w->in.data, w->in.len);

		if (r == -EKEYEXPIRED)
			etcd_forget(e);
		return r == -EKEYEXPIRED ? -EACCES : r;
	}
	return etcd_fail(e, -EIO, "%s" PATH ": the stream has ended%s%s", e->endpoint[w->at],
			 w->result == CURLE_OK ? "" : ": ",
			 w->result == CURLE_OK ? ""
			 : *w->why	       ? w->why
					       : curl_easy_strerror(w->result));
}

/* ---- opening ---- */

static void start(struct etcd *e, size_t at, const char *text, struct curl_slist **header)
{
	struct etcd_stream *w = &e->watch;

	w->at = at;
	*w->why = '\0';
	w->heard = w->asked = etcd_now();
	etcd_request(e, w->easy, at, PATH, text, header);
	curl_easy_setopt(w->easy, CURLOPT_WRITEFUNCTION, take_data);
	curl_easy_setopt(w->easy, CURLOPT_WRITEDATA, w);
	curl_easy_setopt(w->easy, CURLOPT_ERRORBUFFER, w->why);
	curl_multi_add_handle(e->multi, w->easy);
	w->open = true;
}

/* The first line: the watch exists. Return: 1, 0 when it has not come yet, or a negative errno. */
static int take_created(struct etcd *e, int64_t from)
{
	struct etcd_buf *in = &e->watch.in;
	const char *end = in->len ? memchr(in->data, '\n', in->len) : NULL;
	json_auto_t *answer = NULL;
	const json_t *result;
	int64_t revision = 0;
	size_t len;
	int r = 0;

	if (!end)
		return e->watch.ended ? ended(e) : 0;
	len = (size_t)(end - in->data);
	answer = parse_line(e, in->data, len, &r);
	if (!answer)
		return r;
	result = json_object_get(answer, "result");
	if (json_is_true(json_object_get(result, "canceled")))
		return canceled(e, result);
	if (!json_is_true(json_object_get(result, "created")))
		return etcd_fail(e, -EBADMSG, "%s" PATH ": no word that the watch is made",
				 e->endpoint[e->watch.at]);
	if (etcd_json_int(json_object_get(result, "header"), "revision", &revision) == 0 &&
	    revision + 1 < from)
		return etcd_fail(e, -ESTALE, "%s" PATH ": the revision went back to %lld",
				 e->endpoint[e->watch.at], (long long)revision);
	in->len -= len + 1;
	memmove(in->data, in->data + len + 1, in->len);
	return 1;
}

static int await_created(struct etcd *e, int64_t from)
{
	int64_t end = etcd_now() + e->timeout_ms;
	CURLcode none;
	int r;

	do {
		int64_t left = end - etcd_now();

		if (left <= 0)
			return etcd_fail(e, -ETIMEDOUT, "%s" PATH ": no answer in time",
					 e->endpoint[e->watch.at]);
		r = etcd_step(e, left, &none);
		if (r == -ECANCELED)
			return etcd_fail(e, r, "%s" PATH ": interrupted", e->endpoint[e->watch.at]);
		r = take_created(e, from);
	} while (r == 0);
	return r < 0 ? r : 0;
}

static int watch_at(struct etcd *e, size_t at, const char *text, int64_t from)
{
	struct curl_slist *header = NULL;
	int r = etcd_login(e, at);

	if (r < 0)
		return r;
	start(e, at, text, &header);
	r = await_created(e, from);
	if (r < 0)
		close_stream(e);
	/* they have been sent */
	curl_easy_setopt(e->watch.easy, CURLOPT_HTTPHEADER, NULL);
	curl_slist_free_all(header);
	return r;
}

int etcd_watch(struct etcd *e, const char *prefix, int64_t from)
{
	autofree char *text = watch_request(prefix, from);
	bool denied = false;
	int r = -EIO;

	close_stream(e);
	free(e->watch.prefix);
	e->watch.prefix = strdup(prefix);
	if (!e->watch.prefix)
		abort();
	for (size_t i = 0; i < e->n_endpoints; i++) {
		r = watch_at(e, e->at, text, from);
		/* once more with a token of now */
		if (r == -EACCES && e->username && !denied) {
			denied = true;
			r = watch_at(e, e->at, text, from);
		}
		if (etcd_is_lasting(r))
			return r;
		e->at = (e->at + 1) % e->n_endpoints;
	}
	return r;
}

/* ---- waiting ---- */

/* A read by quorum, which a member that is cut off cannot answer. It counts, that is all. */
static int ask_endpoint(struct etcd *e)
{
	json_auto_t *request = json_object(), *answer = NULL;
	int r;

	etcd_json_add_bytes(request, "key", e->watch.prefix);
	json_object_set_new(request, "count_only", json_true());
	r = etcd_ask_at(e, e->watch.at, "/v3/kv/range", request, &answer);
	e->watch.asked = etcd_now();
	return r;
}

static int check_silence(struct etcd *e)
{
	struct etcd_stream *w = &e->watch;
	int64_t now = etcd_now();
	int r;

	if (now - w->heard > DEAD_MS)
		return etcd_fail(e, -EIO, "%s" PATH ": silent for %lld s", e->endpoint[w->at],
				 (long long)(now - w->heard) / 1000);
	if (now - (w->heard > w->asked ? w->heard : w->asked) < e->silence_ms)
		return 0;
	r = ask_endpoint(e);
	if (r < 0 && !etcd_is_lasting(r))
		e->at = (w->at + 1) % e->n_endpoints;
	return r;
}

static void go_on(struct etcd_stream *w)
{
	if (!w->paused)
		return;
	w->paused = false;
	curl_easy_pause(w->easy, CURLPAUSE_CONT);
}

/* Return: number of changes, -EAGAIN when there is nothing yet, or another negative errno. */
static int look(struct etcd *e, etcd_fn *fn, void *arg)
{
	int n = take_lines(e, fn, arg);

	if (n)
		return n;
	if (e->watch.ended)
		return ended(e);
	go_on(&e->watch);
	n = check_silence(e);
	return n < 0 ? n : -EAGAIN;
}

int etcd_wait(struct etcd *e, int timeout_ms, etcd_fn *fn, void *arg)
{
	int64_t end = etcd_now() + timeout_ms, left;
	CURLcode none;
	int r;

	if (!e->watch.open)
		return etcd_fail(e, -EIO, "there is no watch");
	while ((r = look(e, fn, arg)) == -EAGAIN) {
		left = end - etcd_now();
		if (left <= 0)
			return 0;
		if (etcd_step(e, left < e->silence_ms ? left : e->silence_ms, &none) == -ECANCELED)
			return etcd_fail(e, -ECANCELED, "%s" PATH ": interrupted",
					 e->endpoint[e->watch.at]);
	}
	if (r < 0 && r != -ECANCELED)
		close_stream(e);
	return r;
}
