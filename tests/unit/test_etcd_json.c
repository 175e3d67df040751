/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What etcd's gateway writes, and what a liar could write instead. */
#include "tools/overlayd/etcd_json.h"

#include "cleanup.h"

#include <errno.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

static void base64_vectors(void **state)
{
	/* RFC 4648 section 10, and digits of all kinds */
	static const struct {
		const char *bytes, *text;
	} v[] = { { "", "" },
		  { "f", "Zg==" },
		  { "fo", "Zm8=" },
		  { "foo", "Zm9v" },
		  { "foob", "Zm9vYg==" },
		  { "fooba", "Zm9vYmE=" },
		  { "foobar", "Zm9vYmFy" },
		  { "\xfb\xff\xbf", "+/+/" } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(v); i++) {
		autofree char *text = etcd_base64(v[i].bytes, strlen(v[i].bytes));
		size_t len = 77;
		autofree char *bytes = etcd_unbase64(v[i].text, &len);

		assert_string_equal(text, v[i].text);
		assert_non_null(bytes);
		assert_string_equal(bytes, v[i].bytes);
		assert_int_equal(len, strlen(v[i].bytes));
	}
}

static void base64_every_byte(void **state)
{
	unsigned char all[256];

	(void)state;
	for (int i = 0; i < 256; i++)
		all[i] = (unsigned char)i;
	for (size_t n = 0; n <= 256; n++) {
		autofree char *text = etcd_base64(all, n);
		size_t len = 0;
		autofree char *bytes = etcd_unbase64(text, &len);

		assert_non_null(bytes);
		assert_int_equal(len, n);
		assert_memory_equal(bytes, all, n);
	}
}

static void base64_refused(void **state)
{
	static const char *const bad[] = {
		"Z",
		"Zg",
		"Zg=",
		"=",
		"==",
		"====",
		"Z===",
		"Zh==",
		"Zm9=",
		"Zg==Zg==",
		"Zm 9",
		"Zm9v\n",
		"Zm9v====",
		"Zm-_",
		"Zm9\x80",
		"Zg=A",
		"\xff\xff\xff\xff",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		size_t len;
		autofree char *bytes = etcd_unbase64(bad[i], &len);

		assert_null(bytes);
	}
}

static int64_t int_of(const char *value, int *r)
{
	autofree char *text = NULL;
	json_t *obj;
	int64_t n = 77;

	assert_true(asprintf(&text, "{\"n\":%s}", value) > 0);
	obj = json_loads(text, 0, NULL);
	assert_non_null(obj);
	*r = etcd_json_int(obj, "n", &n);
	json_decref(obj);
	return n;
}

static void numbers(void **state)
{
	static const char *const bad[] = { "\"\"",
					   "\" 1\"",
					   "\"1 \"",
					   "\"+1\"",
					   "\"0x1\"",
					   "\"1e3\"",
					   "1.5",
					   "null",
					   "[]",
					   "\"-\"",
					   "\"9223372036854775808\"" };
	int r;

	(void)state;
	/* more than a double can hold */
	assert_true(int_of("\"9223372036854775807\"", &r) == INT64_MAX && r == 0);
	assert_true(int_of("\"2324035574228911877\"", &r) == 2324035574228911877 && r == 0);
	assert_true(int_of("\"-1\"", &r) == -1 && r == 0);
	assert_true(int_of("42", &r) == 42 && r == 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		int_of(bad[i], &r);
		assert_int_equal(r, -EBADMSG);
	}
}

static int kv_of(const char *text, struct etcd_kv *kv, struct etcd_key *raw)
{
	json_t *obj = json_loads(text, 0, NULL);
	int r;

	assert_non_null(obj);
	r = etcd_json_kv(obj, kv, raw);
	json_decref(obj);
	return r;
}

static void keys(void **state)
{
	autokv struct etcd_kv kv = { 0 };

	(void)state;
	assert_int_equal(kv_of("{\"key\":\"YQ==\",\"create_revision\":\"2\",\"mod_revision\":\"3\","
			       "\"version\":\"2\",\"value\":\"eA==\",\"lease\":\"17\"}",
			       &kv, NULL),
			 0);
	assert_string_equal(kv.key, "a");
	assert_string_equal(kv.value, "x");
	assert_true(kv.create_revision == 2 && kv.mod_revision == 3 && kv.version == 2 &&
		    kv.lease == 17);
}

/* etcd leaves out what is empty or zero. */
static void keys_with_little(void **state)
{
	autokv struct etcd_kv kv = { 0 };

	(void)state;
	assert_int_equal(kv_of("{\"key\":\"YQ==\",\"mod_revision\":\"3\"}", &kv, NULL), 0);
	assert_string_equal(kv.value, "");
	assert_true(kv.lease == 0 && kv.version == 0);
}

static void keys_with_nul(void **state)
{
	autokv struct etcd_kv kv = { 0 };
	struct etcd_key raw = { 0 };

	(void)state;
	assert_int_equal(kv_of("{\"key\":\"YQBi\",\"value\":\"eyIAfQ==\"}", &kv, &raw), 0);
	assert_int_equal(raw.len, 3);
	assert_memory_equal(raw.data, "a\0b", 4);
	free(raw.data);
	assert_string_equal(kv.key, "a\001b");
	assert_string_equal(kv.value, "{\"\001}");
}

static void keys_refused(void **state)
{
	static const char *const bad[] = { "[]",
					   "{}",
					   "{\"key\":\"\"}",
					   "{\"key\":7}",
					   "{\"key\":\"a\"}",
					   "{\"key\":\"YQ==\",\"value\":\"x\"}",
					   "{\"key\":\"YQ==\",\"value\":null}",
					   "{\"key\":\"YQ==\",\"lease\":\"x\"}",
					   "{\"key\":\"YQ==\",\"mod_revision\":\"1.0\"}" };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct etcd_kv kv = { 0 };
		struct etcd_key raw = { 0 };

		assert_int_equal(kv_of(bad[i], &kv, &raw), -EBADMSG);
		assert_null(kv.key);
		assert_null(raw.data);
	}
}

static bool parses(const char *text)
{
	json_t *answer = etcd_json_parse(text, strlen(text));

	json_decref(answer);
	return answer;
}

static void answers(void **state)
{
	char deep[4096];

	(void)state;
	assert_true(parses("{}"));
	assert_true(parses("{\"a\":\"[[[[[[[[[[[[[[[[[[[[\",\"b\":\"\\\"{{{{{{{{{{{{{{{{{{\"}"));
	assert_false(parses(""));
	assert_false(parses("[]"));
	assert_false(parses("\"x\""));
	assert_false(parses("<html>404</html>"));
	assert_false(parses("{\"a\":"));
	assert_false(parses("{} {}"));
	snprintf(deep, sizeof(deep), "{\"a\":%s1%s}", "[[[[[[[[[[[[[[[[", "]]]]]]]]]]]]]]]]");
	assert_false(parses(deep));
	memset(deep, '[', sizeof(deep));
	assert_null(etcd_json_parse(deep, sizeof(deep)));
}

static void prefixes(void **state)
{
	json_t *request = json_object();

	(void)state;
	etcd_json_prefix(request, "/a/");
	assert_string_equal(json_string_value(json_object_get(request, "key")), "L2Ev");
	assert_string_equal(json_string_value(json_object_get(request, "range_end")), "L2Ew");
	json_decref(request);
}

static void errors(void **state)
{
	(void)state;
	assert_int_equal(etcd_json_error(16, "etcdserver: invalid auth token"), -EKEYEXPIRED);
	assert_int_equal(etcd_json_error(3, "etcdserver: user name is empty"), -EKEYEXPIRED);
	assert_int_equal(etcd_json_error(9, "etcdserver: authentication is not enabled"), -ENOTSUP);
	assert_int_equal(etcd_json_error(3, "etcdserver: authentication failed, invalid user ID or "
					    "password"),
			 -EACCES);
	assert_int_equal(etcd_json_error(7, "etcdserver: permission denied"), -EACCES);
	assert_int_equal(etcd_json_error(5, "etcdserver: requested lease not found"), -ENOENT);
	assert_int_equal(etcd_json_error(11, "etcdserver: mvcc: required revision has been "
					     "compacted"),
			 -ESTALE);
	assert_int_equal(etcd_json_error(8, "grpc: received message larger than max"), -EFBIG);
	assert_int_equal(etcd_json_error(8, "etcdserver: mvcc: database space exceeded"), -EIO);
	assert_int_equal(etcd_json_error(14, "etcdserver: no leader"), -EIO);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_vectors), cmocka_unit_test(base64_every_byte),
		cmocka_unit_test(base64_refused), cmocka_unit_test(numbers),
		cmocka_unit_test(keys),		  cmocka_unit_test(keys_with_little),
		cmocka_unit_test(keys_with_nul),  cmocka_unit_test(keys_refused),
		cmocka_unit_test(answers),	  cmocka_unit_test(prefixes),
		cmocka_unit_test(errors),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
