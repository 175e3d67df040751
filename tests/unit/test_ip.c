/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of ip.h: parsing, printing, comparing and counting addresses of both families. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ip.h"

#include <errno.h>
#include <string.h>

static struct ip_addr addr(const char *s)
{
	struct ip_addr ip;

	if (ip_parse(s, &ip) != 0)
		fail_msg("%s", s);
	return ip;
}

static struct ip_net net(const char *s)
{
	struct ip_net n;

	if (ip_net_parse(s, &n) != 0)
		fail_msg("%s", s);
	return n;
}

static void is_addr(struct ip_addr ip, const char *want)
{
	char buf[IP_STRLEN];

	assert_ptr_equal(ip_str(&ip, buf), buf);
	assert_string_equal(buf, want);
}

static void is_net(struct ip_net n, const char *want)
{
	char buf[IP_STRLEN];

	assert_ptr_equal(ip_net_str(&n, buf), buf);
	assert_string_equal(buf, want);
}

static void parse_addresses(void **state)
{
	static const char *const bad[] = { "",
					   "1.2.3",
					   "1.2.3.4.5",
					   "01.2.3.4",
					   "1.2.3.256",
					   "1.2.3.4 ",
					   " 1.2.3.4",
					   "1.2.3.4/8",
					   "0x1.2.3.4",
					   ":::",
					   "fe80::1%eth0",
					   "12345::",
					   "1:2:3:4:5:6:7",
					   "1::2::3",
					   "host",
					   "1.2.3.4\n" };
	struct ip_addr ip = addr("9.9.9.9");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(ip_parse(bad[i], &ip), -EINVAL);
	is_addr(ip, "9.9.9.9");
	assert_int_equal(ip.family, AF_INET);
	assert_int_equal(addr("::").family, AF_INET6);
	assert_int_equal(addr("::ffff:1.2.3.4").family, AF_INET);
	is_addr(addr("::ffff:1.2.3.4"), "1.2.3.4");
	is_addr(addr("FD00:0:0:0:0:0:0:1"), "fd00::1");
	is_addr(addr("2001:db8:0:1:0:0:0:1"), "2001:db8:0:1::1");
	is_addr(addr("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
		"ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
	is_addr((struct ip_addr){ 0 }, "");
}

static void parse_nets(void **state)
{
	static const char *const bad[] = {
		"10.0.0.0",    "10.0.0.0/",   "10.0.0.0/33",	     "fd00::/129",
		"10.0.0.0/-1", "10.0.0.0/+8", "10.0.0.0/ 8",	     "10.0.0.0/8 ",
		"10.0.0.0/08", "10.0.0.0/00", "10.0.0.0/0008",	     "10.0.0.0/8/8",
		"/8",	       "x/8",	      "10.0.0.0/4294967304", "::ffff:10.0.0.1/95",
		"10.0/8"
	};
	struct ip_net n = net("10.1.2.3/24");

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		if (ip_net_parse(bad[i], &n) != -EINVAL)
			fail_msg("%s", bad[i]);
	is_net(n, "10.1.2.3/24");
	is_net(net("0.0.0.0/0"), "0.0.0.0/0");
	is_net(net("1.2.3.4/32"), "1.2.3.4/32");
	is_net(net("fd00::1/128"), "fd00::1/128");
	is_net(net("::/0"), "::/0");
	is_net(net("::ffff:10.0.0.1/120"), "10.0.0.1/24");
	is_net(net("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128"),
	       "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff/128");
}

static int cmp(const char *a, const char *b)
{
	struct ip_addr x = addr(a), y = addr(b);

	assert_int_equal(ip_equal(&x, &y), ip_cmp(&x, &y) == 0);
	return ip_cmp(&x, &y);
}

static void compare(void **state)
{
	(void)state;
	assert_true(cmp("10.0.0.1", "10.0.0.1") == 0);
	assert_true(cmp("10.0.0.1", "10.0.0.2") < 0);
	assert_true(cmp("200.0.0.1", "10.0.0.2") > 0);
	assert_true(cmp("255.255.255.255", "::") < 0);
	assert_true(cmp("::", "0.0.0.0") > 0);
	assert_true(cmp("fd00::2", "fd00::1:0") < 0);
	assert_true(cmp("10.0.0.1", "::ffff:10.0.0.1") == 0);
}

static void kinds(void **state)
{
	struct ip_addr none = { 0 };
	struct ip_addr a;

	(void)state;
	assert_true((a = addr("0.0.0.0"), ip_is_unspecified(&a)));
	assert_true((a = addr("::"), ip_is_unspecified(&a)));
	assert_false((a = addr("::1"), ip_is_unspecified(&a)));
	assert_false((a = addr("0.0.0.1"), ip_is_unspecified(&a)));
	assert_false(ip_is_unspecified(&none));
	assert_true((a = addr("127.255.0.1"), ip_is_loopback(&a)));
	assert_true((a = addr("::1"), ip_is_loopback(&a)));
	assert_false((a = addr("128.0.0.1"), ip_is_loopback(&a)));
	assert_false((a = addr("7f00::1"), ip_is_loopback(&a)));
	assert_true((a = addr("224.0.0.1"), ip_is_multicast(&a)));
	assert_true((a = addr("239.255.255.255"), ip_is_multicast(&a)));
	assert_false((a = addr("240.0.0.1"), ip_is_multicast(&a)));
	assert_true((a = addr("ff02::1"), ip_is_multicast(&a)));
	assert_false((a = addr("fe80::1"), ip_is_multicast(&a)));
	assert_int_equal((a = addr("1.2.3.4"), ip_bits(&a)), 32);
	assert_int_equal((a = addr("::"), ip_bytes(&a)), 16);
}

static void check_range(const char *text, const char *first, const char *last)
{
	struct ip_net n = net(text);

	is_net(ip_network(&n), first);
	is_addr(ip_last(&n), last);
}

static void ranges(void **state)
{
	(void)state;
	check_range("10.1.2.3/24", "10.1.2.0/24", "10.1.2.255");
	check_range("10.1.2.131/25", "10.1.2.128/25", "10.1.2.255");
	check_range("10.1.2.3/31", "10.1.2.2/31", "10.1.2.3");
	check_range("10.1.2.3/32", "10.1.2.3/32", "10.1.2.3");
	check_range("10.1.2.3/0", "0.0.0.0/0", "255.255.255.255");
	check_range("fd00::5/64", "fd00::/64", "fd00::ffff:ffff:ffff:ffff");
	check_range("fd00:ffff::/19", "fd00:e000::/19", "fd00:ffff:ffff:ffff:ffff:ffff:ffff:ffff");
}

static bool contains(const char *n, const char *a)
{
	struct ip_net x = net(n);
	struct ip_addr y = addr(a);

	return ip_net_contains(&x, &y);
}

static bool overlap(const char *a, const char *b)
{
	struct ip_net x = net(a), y = net(b);

	assert_int_equal(ip_net_overlap(&x, &y), ip_net_overlap(&y, &x));
	return ip_net_overlap(&x, &y);
}

static void membership(void **state)
{
	(void)state;
	assert_true(contains("10.1.2.3/24", "10.1.2.255"));
	assert_true(contains("10.1.2.0/24", "10.1.2.0"));
	assert_false(contains("10.1.2.0/24", "10.1.3.0"));
	assert_true(contains("0.0.0.0/0", "255.0.0.1"));
	assert_false(contains("0.0.0.0/0", "::1"));
	assert_false(contains("::/0", "10.0.0.1"));
	assert_true(contains("fd00::/127", "fd00::1"));
	assert_false(contains("fd00::/127", "fd00::2"));
	assert_true(overlap("10.0.0.0/8", "10.5.0.0/16"));
	assert_true(overlap("10.0.0.0/8", "10.0.0.0/8"));
	assert_false(overlap("10.0.0.0/9", "10.128.0.0/9"));
	assert_false(overlap("0.0.0.0/0", "::/0"));
	assert_true(overlap("::/0", "fd00::/8"));
}

static struct ip_addr plus(const char *a, uint64_t n)
{
	struct ip_addr ip = addr(a);

	return ip_add(&ip, n);
}

static uint64_t minus(const char *a, const char *b)
{
	struct ip_addr x = addr(a), y = addr(b);

	return ip_sub(&x, &y);
}

static void counting(void **state)
{
	(void)state;
	is_addr(plus("10.0.0.255", 0), "10.0.0.255");
	is_addr(plus("10.0.0.255", 1), "10.0.1.0");
	is_addr(plus("10.255.255.255", 1), "11.0.0.0");
	is_addr(plus("255.255.255.255", 1), "0.0.0.0");
	is_addr(plus("10.0.0.0", 0x10203), "10.1.2.3");
	is_addr(plus("fd00::ffff:ffff:ffff:ffff", 1), "fd00:0:0:1::");
	is_addr(plus("fd00::1", UINT64_MAX), "fd00:0:0:1::");
	is_addr(plus("ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff", 2), "::1");

	assert_true(minus("10.0.1.0", "10.0.0.255") == 1);
	assert_true(minus("10.0.0.1", "10.0.0.1") == 0);
	assert_true(minus("255.255.255.255", "0.0.0.0") == UINT32_MAX);
	assert_true(minus("10.0.0.1", "10.0.0.2") == UINT64_MAX);
	assert_true(minus("::1", "10.0.0.2") == UINT64_MAX);
	assert_true(minus("fd00::1:0:0:0:0", "fd00::1") == UINT64_MAX);
	assert_true(minus("fd00:0:0:1::", "fd00::2") == UINT64_MAX - 1);
	assert_true(minus("fd00:0:0:2::", "fd00::1") == UINT64_MAX);
	assert_true(minus("fd00::1:0", "fd00::ffff") == 1);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(parse_addresses), cmocka_unit_test(parse_nets),
		cmocka_unit_test(compare),	   cmocka_unit_test(kinds),
		cmocka_unit_test(ranges),	   cmocka_unit_test(membership),
		cmocka_unit_test(counting),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
