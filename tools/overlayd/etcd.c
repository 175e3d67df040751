/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A client of etcd's v3 API through its JSON gateway: keys and leases. */
#include "etcd.h"

#include "cleanup.h"
#include "etcd_http.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

#define PAGE	 500
#define KEYS_MAX 200000

/* Something in an answer is not as it should be. */
static int bad_answer(struct etcd *e, const char *path, const char *what)
{
	return etcd_fail(e, -EBADMSG, "%s%s: the answer has no %s", e->endpoint[e->at], path, what);
}

/* A request without an answer of interest. Takes @request. */
static int order(struct etcd *e, const char *path, json_t *request)
{
	json_auto_t *owned = request, *answer = NULL;

	return etcd_ask(e, path, owned, &answer);
}

/* ---- reading ---- */

/* Keys of an answer; absent: an empty array. */
static size_t count_kvs(const json_t *answer)
{
	return json_array_size(json_object_get(answer, "kvs"));
}

int etcd_get(struct etcd *e, const char *key, struct etcd_kv *kv)
{
	json_auto_t *request = json_object(), *answer = NULL;
	int r;

	etcd_json_add_bytes(request, "key", key);
	r = etcd_ask(e, "/v3/kv/range", request, &answer);
	if (r < 0)
		return r;
	if (count_kvs(answer) == 0)
		return etcd_fail(e, -ENOENT, "%s has no key \"%.200s\"", etcd_endpoint(e), key);
	r = etcd_json_kv(json_array_get(json_object_get(answer, "kvs"), 0), kv, NULL);
	return r < 0 ? bad_answer(e, "/v3/kv/range", "valid key") : 0;
}

/* Where a list stands. */
struct listing {
	struct etcd *e;
	json_t *request;
	etcd_fn *fn;
	void *arg;
	int64_t revision;
	size_t page, keys;
	struct etcd_key last; /* for the order, and the next page */
	bool more;
};

/* Whether a key stands behind the one before it. */
static bool is_next(const struct etcd_key *last, const struct etcd_key *key)
{
	int r = memcmp(last->data, key->data, last->len < key->len ? last->len : key->len);

	return r < 0 || (r == 0 && last->len < key->len);
}

/* Keys come in order, or the next page would begin anywhere. */
static int hand_over(struct listing *list, const json_t *item)
{
	autokv struct etcd_kv kv = { 0 };
	struct etcd_key key = { 0 };
	bool ordered;

	if (etcd_json_kv(item, &kv, &key) < 0)
		return bad_answer(list->e, "/v3/kv/range", "valid key");
	ordered = !list->last.data || is_next(&list->last, &key);
	free(list->last.data);
	list->last = key;
	if (!ordered || ++list->keys > KEYS_MAX)
		return bad_answer(list->e, "/v3/kv/range", "order, or no end");
	return list->fn(&kv, list->arg);
}

/* The next page begins behind the last key: at the key with a NUL more. */
static void turn_page(struct listing *list)
{
	autofree char *next = etcd_base64(list->last.data, list->last.len + 1);

	json_object_set_new(list->request, "key", json_string(next));
}

static int take_page(struct listing *list, const json_t *answer)
{
	const json_t *kvs = json_object_get(answer, "kvs"), *item;
	size_t i;

	if (!list->revision) {
		int r = etcd_json_int(json_object_get(answer, "header"), "revision",
				      &list->revision);

		if (r < 0 || list->revision <= 0)
			return bad_answer(list->e, "/v3/kv/range", "revision");
		etcd_json_add_int(list->request, "revision", list->revision);
	}
	json_array_foreach (kvs, i, item) {
		int r = hand_over(list, item);

		if (r < 0)
			return r;
	}
	list->more = json_array_size(kvs) && json_is_true(json_object_get(answer, "more"));
	if (list->more)
		turn_page(list);
	return 0;
}

/* The next page. Smaller ones from now on, if somebody has large values. */
static int ask_page(struct listing *list, json_t **answer)
{
	for (;; list->page = (list->page + 3) / 4) {
		int r;

		etcd_json_add_int(list->request, "limit", (int64_t)list->page);
		r = etcd_ask(list->e, "/v3/kv/range", list->request, answer);
		if (r != -EFBIG || list->page == 1)
			return r;
	}
}

static int list_pages(struct listing *list)
{
	int r;

	do {
		json_auto_t *answer = NULL;

		r = ask_page(list, &answer);
		if (r == 0)
			r = take_page(list, answer);
	} while (r == 0 && list->more);
	return r;
}

int etcd_list(struct etcd *e, const char *prefix, etcd_fn *fn, void *arg, int64_t *revision)
{
	struct listing list = { .e = e, .fn = fn, .arg = arg, .page = PAGE };
	int r;

	list.request = json_object();
	etcd_json_prefix(list.request, prefix);
	r = list_pages(&list);
	*revision = list.revision;
	json_decref(list.request);
	free(list.last.data);
	return r;
}

/* ---- writing ---- */

static json_t *put_request(const char *key, const char *value, int64_t lease)
{
	json_t *put = json_object();

	etcd_json_add_bytes(put, "key", key);
	etcd_json_add_bytes(put, "value", value);
	if (lease)
		etcd_json_add_int(put, "lease", lease);
	return put;
}

int etcd_put(struct etcd *e, const char *key, const char *value, int64_t lease)
{
	return order(e, "/v3/kv/put", put_request(key, value, lease));
}

static json_t *key_request(const char *key)
{
	json_t *request = json_object();

	etcd_json_add_bytes(request, "key", key);
	return request;
}

/*
 * If a number of a key is what is expected, do one thing, else read the key.
 * Return: 1 done, 0 not, or a negative errno. Takes @success.
 */
static int transact(struct etcd *e, const char *key, const char *target, int64_t expected,
		    const char *what, json_t *success, json_t **answer)
{
	json_auto_t *request = NULL;
	json_t *compare = key_request(key);
	const char *member = strcmp(target, "VERSION") == 0 ? "version" : "mod_revision";
	int r;

	json_object_set_new(compare, "target", json_string(target));
	json_object_set_new(compare, "result", json_string("EQUAL"));
	etcd_json_add_int(compare, member, expected);
	request = json_pack("{s:[o], s:[{s:o}], s:[{s:o}]}", "compare", compare, "success", what,
			    success, "failure", "request_range", key_request(key));
	if (!request)
		abort();
	r = etcd_ask(e, "/v3/kv/txn", request, answer);
	return r < 0 ? r : json_is_true(json_object_get(*answer, "succeeded"));
}

int etcd_create(struct etcd *e, const char *key, const char *value, int64_t lease,
		struct etcd_kv *winner)
{
	json_auto_t *answer = NULL;
	const json_t *range;
	int r = transact(e, key, "VERSION", 0, "request_put", put_request(key, value, lease),
			 &answer);

	if (r)
		return r;
	range = json_object_get(json_array_get(json_object_get(answer, "responses"), 0),
				"response_range");
	r = etcd_json_kv(json_array_get(json_object_get(range, "kvs"), 0), winner, NULL);
	return r < 0 ? bad_answer(e, "/v3/kv/txn", "key, though there is one") : 0;
}

int etcd_replace(struct etcd *e, const char *key, int64_t mod_revision, const char *value,
		 int64_t lease)
{
	json_auto_t *answer = NULL;

	return transact(e, key, "MOD", mod_revision, "request_put", put_request(key, value, lease),
			&answer);
}

int etcd_remove(struct etcd *e, const char *key, int64_t mod_revision)
{
	json_auto_t *answer = NULL;

	return transact(e, key, "MOD", mod_revision, "request_delete_range", key_request(key),
			&answer);
}

/* ---- leases ---- */

/* A request with one number. */
static int ask_number(struct etcd *e, const char *path, const char *key, int64_t n, json_t **answer)
{
	json_auto_t *request = json_object();

	etcd_json_add_int(request, key, n);
	return etcd_ask(e, path, request, answer);
}

int etcd_grant(struct etcd *e, int64_t ttl, int64_t *lease)
{
	json_auto_t *answer = NULL;
	int r = ask_number(e, "/v3/lease/grant", "TTL", ttl, &answer);

	if (r < 0)
		return r;
	r = etcd_json_int(answer, "ID", lease);
	return r < 0 || *lease == 0 ? bad_answer(e, "/v3/lease/grant", "ID") : 0;
}

static int no_lease(struct etcd *e, int64_t lease)
{
	return etcd_fail(e, -ENOENT, "%s: lease %" PRIx64 " is over", etcd_endpoint(e),
			 (uint64_t)lease);
}

int etcd_keepalive(struct etcd *e, int64_t lease, int64_t *ttl)
{
	json_auto_t *answer = NULL;
	int r = ask_number(e, "/v3/lease/keepalive", "ID", lease, &answer);

	if (r < 0)
		return r;
	/* of a lease that is over, nothing but its ID comes back */
	if (etcd_json_int(json_object_get(answer, "result"), "TTL", ttl) < 0)
		return bad_answer(e, "/v3/lease/keepalive", "TTL");
	return *ttl > 0 ? 0 : no_lease(e, lease);
}

int etcd_ttl(struct etcd *e, int64_t lease, int64_t *left, int64_t *granted)
{
	json_auto_t *answer = NULL;
	int r = ask_number(e, "/v3/lease/timetolive", "ID", lease, &answer);

	if (r < 0)
		return r;
	if (etcd_json_int(answer, "TTL", left) < 0 ||
	    etcd_json_int(answer, "grantedTTL", granted) < 0)
		return bad_answer(e, "/v3/lease/timetolive", "TTL");
	return *left > 0 ? 0 : no_lease(e, lease);
}

int etcd_revoke(struct etcd *e, int64_t lease)
{
	json_auto_t *answer = NULL;

	return ask_number(e, "/v3/lease/revoke", "ID", lease, &answer);
}
