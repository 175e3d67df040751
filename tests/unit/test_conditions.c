/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of conditions: their form, hexadecimal text, plans and records that have them. */
#include "cleanup.h"
#include "conditions.h"
#include "nat_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static bool valid(const char *text, int family)
{
	json_t *rules = json_loads(text, 0, NULL);
	bool r = conditions_valid(rules, family);

	json_decref(rules);
	return r;
}

static void test_form(void **state)
{
	static const char *const good[] = {
		"[{\"protocol\":6,\"matches\":[]}]",
		"[{\"protocol\":17,\"matches\":[[\"mark\",1,\"00ff\"],[\"x\",255,\"\"]]}]",
		"[{\"protocol\":6,\"source\":{\"not\":true,\"any\":[\"0a000000/"
		"ff000000\"]},\"matches\":[]}]",
		"[{\"protocol\":6,\"in\":{\"not\":false,\"name\":\"6574682b\"},\"matches\":[]}]",
	};
	static const char *const bad[] = {
		"[]",
		"{}",
		"[{\"protocol\":6}]",
		"[{\"matches\":[]}]",
		"[{\"protocol\":0,\"matches\":[]}]",
		"[{\"protocol\":256,\"matches\":[]}]",
		"[{\"protocol\":6,\"matches\":[[\"mark\",1]]}]",
		"[{\"protocol\":6,\"matches\":[[\"mark\",256,\"00\"]]}]",
		"[{\"protocol\":6,\"matches\":[[\"mark\",1,\"0\"]]}]",
		"[{\"protocol\":6,\"matches\":[[\"mark\",1,\"0g\"]]}]",
		"[{\"protocol\":6,\"matches\":[[\"mark\",1,\"00/00\"]]}]",
		"[{\"protocol\":6,\"matches\":[[\"\",1,\"00\"]]}]",
		"[{\"protocol\":6,\"matches\":[[\"a-name-of-twenty-nine-letters\",1,\"00\"]]}]",
		"[{\"protocol\":6,\"source\":{\"any\":[\"0a000000/ff000000\"]},\"matches\":[]}]",
		"[{\"protocol\":6,\"source\":{\"not\":true,\"any\":[]},\"matches\":[]}]",
		"[{\"protocol\":6,\"source\":{\"not\":true,\"any\":[\"0a000000\"]},\"matches\":[]}"
		"]",
		"[{\"protocol\":6,\"source\":{\"not\":true,\"any\":[\"0a00/"
		"ff000000\"]},\"matches\":[]}]",
		"[{\"protocol\":6,\"source\":{\"not\":true,\"any\":[\"0a000000/"
		"ff\"]},\"matches\":[]}]",
		"[{\"protocol\":6,\"in\":{\"not\":false,\"name\":\"\"},\"matches\":[]}]",
		"[{\"protocol\":6,\"in\":{\"not\":false,\"name\":"
		"\"61616161616161616161616161616161\"},\"matches\":[]}]",
		"[{\"protocol\":6,\"out\":{\"name\":\"61\"},\"matches\":[]}]",
		"[{\"protocol\":6,\"matches\":[]},6]",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++)
		if (!valid(good[i], AF_INET))
			fail_msg("should be valid: %s", good[i]);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++)
		if (valid(bad[i], AF_INET))
			fail_msg("should not be valid: %s", bad[i]);
	/* an address of the other family is as wrong as none */
	assert_false(valid(good[2], AF_INET6));
}

static void test_hex(void **state)
{
	uint8_t out[2] = { 0 };

	(void)state;
	assert_int_equal(conditions_hex("", out, sizeof(out)), 0);
	assert_int_equal(conditions_hex("0aff", out, sizeof(out)), 2);
	assert_int_equal(out[0], 0x0a);
	assert_int_equal(out[1], 0xff);
	assert_int_equal(conditions_hex("01/ff", out, sizeof(out)), 1);
	assert_int_equal(conditions_hex("010203", out, sizeof(out)), -EINVAL);
	assert_int_equal(conditions_hex("0", out, sizeof(out)), -EINVAL);
	assert_int_equal(conditions_hex("A0", out, sizeof(out)), -EINVAL);
}

static struct port_run run(const char *host, int from, const char *container, int count)
{
	struct port_run r = {
		.proto = IPPROTO_TCP, .host_port = from, .container_port = from, .count = count
	};

	assert_int_equal(ip_parse(container, &r.container), 0);
	if (host)
		assert_int_equal(ip_parse(host, &r.host), 0);
	return r;
}

static json_t *some_rules(void)
{
	return json_loads("[{\"protocol\":6,\"matches\":[[\"mark\",1,\"05000000\"]]}]", 0, NULL);
}

static void test_elements(void **state)
{
	struct port_run runs[] = { run(NULL, 9000, "10.1.0.2", 10),
				   run("192.0.2.1", 80, "10.1.0.2", 1),
				   run("192.0.2.2", 80, "10.1.0.2", 1),
				   run(NULL, 9000, "fd00::2", 10) };
	autoplan struct nat_plan plan = { .owner = { "net", "id", "eth0", "portmap" } };
	autoelems struct nat_elems l = { 0 };
	unsigned int n[NAT_SETS] = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		nat_plan_run(&plan, &runs[i]);
	assert_int_equal(nat_tables(&plan), 0);
	nat_plan_conditions(&plan, AF_INET, some_rules());
	plan.conditions[0].slot = 2;
	assert_int_equal(nat_tables(&plan), RULESET_IP);
	nat_encode(&plan, &l);
	for (size_t i = 0; i < l.n; i++) {
		n[l.e[i].set]++;
		if (l.e[i].set == NAT_COND4 + 2)
			assert_int_equal(strncmp((char *)l.e[i].data, "cond-", 5), 0);
	}
	/* each port of the run, and port 80 once; the IPv6 run is still one range */
	assert_int_equal(n[NAT_COND4 + 2], 11);
	assert_int_equal(n[NAT_RANGES6], 1);
	assert_int_equal(l.n, 12);
}

static void test_record(void **state)
{
	autoplan struct nat_plan plan = { .owner = { "net", "id", "eth0", "portmap" } };
	autoplan struct nat_plan again = { 0 };
	struct port_run r = run(NULL, 80, "10.1.0.2", 1);
	json_t *obj, *conditions;

	(void)state;
	nat_plan_run(&plan, &r);
	nat_plan_conditions(&plan, AF_INET, some_rules());
	plan.conditions[0].slot = 3;
	obj = nat_plan_json(&plan);
	assert_int_equal(nat_plan_parse(obj, &again), 0);
	assert_int_equal(again.conditions[0].slot, 3);
	assert_true(json_equal(again.conditions[0].rules, plan.conditions[0].rules));
	assert_null(again.conditions[1].rules);
	nat_plan_free(&again);
	/* damaged: a slot that does not exist, rules that are none, a stranger's key */
	conditions = json_object_get(obj, "conditions4");
	json_object_set_new(conditions, "slot", json_integer(NAT_COND_SLOTS));
	assert_int_equal(nat_plan_parse(obj, &again), -EBADMSG);
	nat_plan_free(&again);
	json_object_set_new(conditions, "slot", json_integer(0));
	json_object_set_new(conditions, "rules", json_pack("[{s:i}]", "protocol", 6));
	assert_int_equal(nat_plan_parse(obj, &again), -EBADMSG);
	nat_plan_free(&again);
	json_object_set_new(obj, "conditions4", json_true());
	assert_int_equal(nat_plan_parse(obj, &again), -EBADMSG);
	json_decref(obj);
}

int main(void)
{
	static const struct CMUnitTest tests[] = { cmocka_unit_test(test_form),
						   cmocka_unit_test(test_hex),
						   cmocka_unit_test(test_elements),
						   cmocka_unit_test(test_record) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
