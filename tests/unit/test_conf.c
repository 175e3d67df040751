/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of conf.h: key look-up, reading by table, error texts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "conf.h"

#include <errno.h>
#include <string.h>

struct sample {
	bool flag;
	int64_t mtu, vlan;
	const char *name, *must;
	const json_t *obj, *list;
};

static const struct conf_key keys[] = {
	{ "flag", CONF_BOOL, offsetof(struct sample, flag) },
	{ "mtu", CONF_INT, offsetof(struct sample, mtu), 0, INT32_MAX },
	{ "vlan", CONF_INT, offsetof(struct sample, vlan), 0, 4094 },
	{ "name", CONF_STRING, offsetof(struct sample, name) },
	{ "obj", CONF_OBJECT, offsetof(struct sample, obj) },
	{ "list", CONF_ARRAY, offsetof(struct sample, list) },
	{ "elsewhere", CONF_DOC },
	CONF_END,
};

static const struct conf_key required[] = {
	{ "subnet", CONF_STRING, offsetof(struct sample, must), .required = true },
	CONF_END,
};

static json_t *load(const char *text)
{
	json_t *obj = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(obj);
	return obj;
}

static json_int_t get_int(const char *text, const char *key)
{
	json_auto_t *obj = load(text);
	json_t *v = conf_get(obj, key);

	return v ? json_integer_value(v) : -1;
}

static void get_ignores_case(void **state)
{
	(void)state;
	assert_int_equal(get_int("{\"mtu\":5}", "mtu"), 5);
	assert_int_equal(get_int("{\"MTU\":5}", "mtu"), 5);
	assert_int_equal(get_int("{\"isGateway\":5}", "ISGATEWAY"), 5);
	assert_int_equal(get_int("{\"mtu\":5,\"Mtu\":6}", "mtu"), 6);
	assert_int_equal(get_int("{\"Mtu\":6,\"mtu\":5}", "mtu"), 5);
	assert_int_equal(get_int("{\"mtu\":5,\"mtu\":7}", "mtu"), 7);
	assert_int_equal(get_int("{\"mtu\":5,\"MTU\":null}", "mtu"), 5);
	assert_int_equal(get_int("{\"mtu\":null}", "mtu"), -1);
	assert_int_equal(get_int("{\"mtux\":1,\"mt\":2}", "mtu"), -1);
	assert_int_equal(get_int("[1]", "mtu"), -1);
	assert_int_equal(get_int("{\"cni.dev/valid-attachments\":3}", "cni.dev/valid-attachments"),
			 3);
	assert_null(conf_get(NULL, "mtu"));
}

static void get_path_walks(void **state)
{
	json_auto_t *obj = load("{\"Args\":{\"CNI\":{\"mac\":\"02:00:00:00:00:01\"}},\"x\":1}");

	(void)state;
	assert_string_equal(json_string_value(conf_get_path(obj, "args.cni.mac")),
			    "02:00:00:00:00:01");
	assert_int_equal(json_integer_value(conf_get_path(obj, "x")), 1);
	assert_null(conf_get_path(obj, "args.cni.ips"));
	assert_null(conf_get_path(obj, "args.foo.mac"));
	assert_null(conf_get_path(obj, "x.y"));
	assert_null(conf_get_path(obj, "args.cni.mac.z"));
	assert_null(conf_get_path(NULL, "a.b"));
}

static void read_fills(void **state)
{
	json_auto_t *obj =
		load("{\"flag\":true,\"MTU\":1400,\"vlan\":4094,\"name\":\"n\",\"obj\":{},"
		     "\"list\":[1],\"elsewhere\":5,\"unknown\":6}");
	struct sample s = { .mtu = 1 };
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(conf_read(obj, "", keys, &s, &err), 0);
	assert_int_equal(err.code, 0);
	assert_true(s.flag);
	assert_int_equal(s.mtu, 1400);
	assert_int_equal(s.vlan, 4094);
	assert_string_equal(s.name, "n");
	assert_ptr_equal(s.obj, json_object_get(obj, "obj"));
	assert_ptr_equal(s.list, json_object_get(obj, "list"));
}

static void read_keeps_defaults(void **state)
{
	json_auto_t *obj = load("{\"mtu\":null,\"flag\":null}");
	json_auto_t *null = load("null");
	struct sample s = { .flag = true, .mtu = 7, .name = "dflt" };
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(conf_read(obj, "", keys, &s, &err), 0);
	assert_int_equal(conf_read(NULL, "", keys, &s, &err), 0);
	assert_int_equal(conf_read(null, "", keys, &s, &err), 0);
	assert_true(s.flag);
	assert_int_equal(s.mtu, 7);
	assert_string_equal(s.name, "dflt");
	assert_null(s.obj);
}

static void refuse(const char *text, const char *path, const struct conf_key *table, int code,
		   const char *msg)
{
	json_auto_t *obj = load(text);
	struct sample s = { 0 };
	struct cni_err err = { 0 };

	assert_int_equal(conf_read(obj, path, table, &s, &err), -EINVAL);
	assert_int_equal(err.code, code);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(err.msg, msg);
}

static void read_refuses_types(void **state)
{
	(void)state;
	refuse("{\"mtu\":\"abc\"}", "", keys, CNI_E_DECODE,
	       "\"mtu\": expected a number, got \"abc\"");
	refuse("{\"MTU\":\"abc\"}", "ipam.routes[2]", keys, CNI_E_DECODE,
	       "\"ipam.routes[2].mtu\": expected a number, got \"abc\"");
	refuse("{\"mtu\":1.5}", "", keys, CNI_E_DECODE,
	       "\"mtu\": expected a whole number, got 1.5");
	refuse("{\"mtu\":1.0}", "", keys, CNI_E_DECODE,
	       "\"mtu\": expected a whole number, got 1.0");
	refuse("{\"flag\":1}", "", keys, CNI_E_DECODE, "\"flag\": expected true or false, got 1");
	refuse("{\"name\":true}", "", keys, CNI_E_DECODE, "\"name\": expected a string, got true");
	refuse("{\"obj\":[]}", "", keys, CNI_E_DECODE, "\"obj\": expected an object, got []");
	refuse("{\"list\":{\"a\":1}}", "", keys, CNI_E_DECODE,
	       "\"list\": expected an array, got {\"a\":1}");
	refuse("[1]", "ipam", keys, CNI_E_DECODE, "\"ipam\": expected an object, got [1]");
	refuse("5", "", keys, CNI_E_DECODE, "\"configuration\": expected an object, got 5");
}

static void read_refuses_values(void **state)
{
	(void)state;
	refuse("{\"vlan\":5000}", "", keys, CNI_E_CONF, "\"vlan\": 5000 is not between 0 and 4094");
	refuse("{\"vlan\":-1}", "x", keys, CNI_E_CONF, "\"x.vlan\": -1 is not between 0 and 4094");
	refuse("{}", "ipam", required, CNI_E_CONF, "\"ipam.subnet\" is required");
	refuse("{\"subnet\":null}", "", required, CNI_E_CONF, "\"subnet\" is required");
	refuse("{\"subnet\":\"\"}", "", required, CNI_E_CONF, "\"subnet\" is required");
	refuse("{\"subnet\":1}", "", required, CNI_E_DECODE,
	       "\"subnet\": expected a string, got 1");
}

static void check_text(const char *json, size_t size, const char *want)
{
	json_auto_t *v = json ? load(json) : NULL;
	char buf[64];

	memset(buf, 'Z', sizeof(buf));
	assert_ptr_equal(conf_text(v, buf, size), buf);
	assert_string_equal(buf, want);
	assert_int_equal(buf[size], 'Z');
}

static void text_is_shortened(void **state)
{
	(void)state;
	check_text("{\"a\": [1, 2]}", 32, "{\"a\":[1,2]}");
	check_text("\"abcde\"", 8, "\"abcde\"");
	check_text("\"abcdef\"", 8, "\"abc...");
	check_text("\"abcdefghijklmnop\"", 12, "\"abcdefg...");
	check_text("\"abc\xc3\xa4\xc3\xa4\xc3\xa4\"", 9, "\"abc...");
	check_text("true", 8, "true");
	check_text(NULL, 16, "nothing");
}

static void choose_takes_one_of_few(void **state)
{
	static const char *const names[] = { "", "one", "Two" };
	struct cni_err err = { 0 };
	int chosen = 7;

	(void)state;
	assert_int_equal(conf_choose("mode", NULL, names, 3, &chosen, &err), 0);
	assert_int_equal(chosen, 0);
	assert_int_equal(conf_choose("mode", "Two", names, 3, &chosen, &err), 0);
	assert_int_equal(chosen, 2);
	assert_true(conf_choose("mode", "two", names, 3, &chosen, &err) < 0);
	assert_int_equal(chosen, 2);
	assert_int_equal(err.code, CNI_E_CONF);
	assert_string_equal(err.msg, "\"mode\": \"two\" is none of \"one\", \"Two\"");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(get_ignores_case),   cmocka_unit_test(get_path_walks),
		cmocka_unit_test(read_fills),	      cmocka_unit_test(read_keeps_defaults),
		cmocka_unit_test(read_refuses_types), cmocka_unit_test(read_refuses_values),
		cmocka_unit_test(text_is_shortened),  cmocka_unit_test(choose_takes_one_of_few),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
