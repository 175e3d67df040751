/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of range.h: defaults, errors, sizes, and the order of addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipam/range.h"

#include <errno.h>
#include <string.h>

static int read_sets(const char *text, enum cni_version v, struct range_sets *out,
		     struct cni_err *err)
{
	json_auto_t *conf = json_loads(text, 0, NULL);

	assert_non_null(conf);
	memset(err, 0, sizeof(*err));
	return range_sets_read(conf, v, out, err);
}

static void str_is(const struct range_set *set, const char *want)
{
	char buf[256];

	assert_string_equal(range_set_str(set, buf, sizeof(buf)), want);
}

static void ip_is(const struct ip_addr *ip, const char *want)
{
	char buf[IP_STRLEN];

	assert_string_equal(ip_str(ip, buf), want);
}

static void defaults(void **state)
{
	struct range_sets s = { 0 };
	struct cni_err err;

	(void)state;
	assert_int_equal(read_sets("{\"IPAM\":{\"Subnet\":\"10.1.0.0/24\",\"ranges\":"
				   "[[{\"subnet\":\"fd00::/120\"}]]},\"runtimeConfig\":"
				   "{\"ipRanges\":[[{\"subnet\":\"10.2.0.0/30\"}]]}}",
				   CNI_1_0_0, &s, &err),
			 0);
	assert_int_equal(s.n, 3);
	str_is(&s.sets[0], "10.2.0.1-10.2.0.2");
	str_is(&s.sets[1], "10.1.0.1-10.1.0.254");
	str_is(&s.sets[2], "fd00::1-fd00::ff");
	ip_is(&s.sets[1].ranges[0].gateway, "10.1.0.1");
	assert_int_equal(range_set_size(&s.sets[0]), 1);
	assert_int_equal(range_set_size(&s.sets[1]), 253);
	assert_int_equal(range_set_size(&s.sets[2]), 254);
	range_sets_free(&s);
	assert_int_equal(read_sets("{\"ipam\":{\"subnet\":\"fd00::/24\"}}", CNI_1_0_0, &s, &err),
			 0);
	assert_true(range_set_size(&s.sets[0]) == UINT64_MAX);
	range_sets_free(&s);
}

static void refuses(const char *ipam, enum cni_version v, int code, const char *text)
{
	struct range_sets s = { 0 };
	struct cni_err err;
	char conf[512];

	snprintf(conf, sizeof(conf), "{\"ipam\":{%s}}", ipam);
	assert_true(read_sets(conf, v, &s, &err) < 0);
	assert_int_equal(err.code, code);
	if (!strstr(err.msg, text))
		fail_msg("no \"%s\" in \"%s\"", text, err.msg);
	assert_null(s.sets);
}

static void errors(void **state)
{
	(void)state;
	refuses("", CNI_1_0_0, CNI_E_CONF, "no IP ranges specified");
	refuses("\"subnet\":\"10.1.0.0\"", CNI_1_0_0, CNI_E_CONF, "ipam.subnet: \"10.1.0.0\"");
	refuses("\"subnet\":\"10.1.0.0/31\"", CNI_1_0_0, CNI_E_CONF,
		"Network 10.1.0.0/31 too small to allocate from");
	refuses("\"subnet\":\"10.1.0.4/24\"", CNI_1_0_0, CNI_E_CONF, "host bits set");
	refuses("\"subnet\":7", CNI_1_0_0, CNI_E_DECODE, "subnet");
	refuses("\"ranges\":7", CNI_1_0_0, CNI_E_DECODE, "ipam.ranges");
	refuses("\"ranges\":[7]", CNI_1_0_0, CNI_E_DECODE, "ipam.ranges[0]");
	refuses("\"ranges\":[[7]]", CNI_1_0_0, CNI_E_DECODE, "ipam.ranges[0][0]");
	refuses("\"ranges\":[[]]", CNI_1_0_0, CNI_E_CONF, "empty range set");
	refuses("\"ranges\":[[{}]]", CNI_1_0_0, CNI_E_CONF, "ipam.ranges[0][0].subnet is missing");
	refuses("\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.2.0.1\"", CNI_1_0_0, CNI_E_CONF,
		"ipam.rangeStart: 10.2.0.1 not in network 10.1.0.0/24");
	refuses("\"subnet\":\"10.1.0.0/24\",\"rangeEnd\":\"fd00::1\"", CNI_1_0_0, CNI_E_CONF,
		"ipam.rangeEnd: IP fd00::1 is not the same protocol");
	refuses("\"subnet\":\"10.1.0.0/24\",\"rangeStart\":\"10.1.0.9\",\"rangeEnd\":\"10.1.0.8\"",
		CNI_1_0_0, CNI_E_CONF, "10.1.0.8 is in network 10.1.0.0/24 but before start");
	refuses("\"subnet\":\"10.1.0.0/24\",\"gateway\":\"x\"", CNI_1_0_0, CNI_E_CONF,
		"ipam.gateway: \"x\"");
	refuses("\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"},{\"subnet\":\"fd00::/64\"}]]", CNI_1_0_0,
		CNI_E_CONF, "mixed address families");
	refuses("\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"},{\"subnet\":\"10.1.0.0/25\"}]]",
		CNI_1_0_0, CNI_E_CONF, "overlap");
	refuses("\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"}],[{\"subnet\":\"10.0.0.0/8\"}]]",
		CNI_1_0_0, CNI_E_CONF, "range set 0 (10.1.0.1-10.1.0.254) overlaps with 1");
	refuses("\"ranges\":[[{\"subnet\":\"10.1.0.0/24\"}],[{\"subnet\":\"10.2.0.0/24\"}]]",
		CNI_0_2_0, CNI_E_CONF, "0.2.0 does not support more than 1 address per family");
}

static void piece_is(const struct range_set *set, const char *last, size_t i, const char *from,
		     const char *to)
{
	struct range_piece p;
	struct ip_addr ip;

	if (last)
		assert_int_equal(ip_parse(last, &ip), 0);
	assert_int_equal(range_set_piece(set, last ? &ip : NULL, i, &p), 1);
	ip_is(&p.from, from);
	ip_is(&p.to, to);
}

static void order(void **state)
{
	struct range_sets s = { 0 };
	struct range_piece p;
	struct ip_addr last;
	struct cni_err err;

	(void)state;
	assert_int_equal(read_sets("{\"ipam\":{\"ranges\":[[{\"subnet\":\"10.1.0.0/29\"},"
				   "{\"subnet\":\"10.2.0.0/29\"}]]}}",
				   CNI_1_0_0, &s, &err),
			 0);
	piece_is(&s.sets[0], NULL, 0, "10.1.0.1", "10.1.0.6");
	piece_is(&s.sets[0], NULL, 1, "10.2.0.1", "10.2.0.6");
	assert_int_equal(range_set_piece(&s.sets[0], NULL, 2, &p), -ENOENT);
	piece_is(&s.sets[0], "10.9.9.9", 0, "10.1.0.1", "10.1.0.6");
	piece_is(&s.sets[0], "10.2.0.3", 0, "10.2.0.4", "10.2.0.6");
	piece_is(&s.sets[0], "10.2.0.3", 1, "10.1.0.1", "10.1.0.6");
	piece_is(&s.sets[0], "10.2.0.3", 2, "10.2.0.1", "10.2.0.3");
	assert_int_equal(ip_parse("10.2.0.6", &last), 0);
	assert_int_equal(range_set_piece(&s.sets[0], &last, 0, &p), 0);
	piece_is(&s.sets[0], "10.2.0.6", 1, "10.1.0.1", "10.1.0.6");
	assert_int_equal(range_set_piece(&s.sets[0], &last, 3, &p), -ENOENT);
	range_sets_free(&s);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(defaults),
		cmocka_unit_test(errors),
		cmocka_unit_test(order),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
