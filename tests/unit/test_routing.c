/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of iprule, route_list and tc, each in a network namespace of its own. */
#include "addr.h"
#include "cleanup.h"
#include "iprule.h"
#include "link.h"
#include "route.h"
#include "route_list.h"
#include "tc.h"

#include <linux/if_ether.h>
#include <linux/pkt_sched.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct host {
	struct nlk nl;
	struct link_info link; /* veth, up, 10.1.0.2/24 and fd00:1::2/64 */
};

static struct ip_net net(const char *text)
{
	struct ip_net n;

	assert_int_equal(ip_net_parse(text, &n), 0);
	return n;
}

static int new_host(void **state)
{
	static const uint8_t a[6] = { 2, 0, 0, 0, 0, 1 }, b[6] = { 2, 0, 0, 0, 0, 2 };
	struct link_veth veth = {
		.host_name = "v0", .peer_name = "v1", .host_mac = a, .peer_mac = b, .netns_fd = -1
	};
	struct host *h = calloc(1, sizeof(*h));
	struct ip_net v4 = net("10.1.0.2/24"), v6 = net("fd00:1::2/64");

	if (!h || unshare(CLONE_NEWNET) < 0 || nlk_open(&h->nl) < 0 ||
	    link_add_veth(&h->nl, &veth, &h->link) < 0)
		return -1;
	addr_queue_add(&h->nl, h->link.index, &v4, false);
	addr_queue_add(&h->nl, h->link.index, &v6, true);
	*state = h;
	return nlk_send(&h->nl, NULL, NULL);
}

static int drop_host(void **state)
{
	struct host *h = *state;

	nlk_close(&h->nl);
	free(h);
	return 0;
}

static void test_rules(void **state)
{
	struct iprule v4 = { .from = net("10.1.0.2/32"), .table = 100 };
	struct iprule v6 = { .from = net("fd00:1::2/128"), .table = 4000000000U };
	struct iprule other = { .from = net("10.1.0.2/32"), .table = 101 };
	struct iprule_list list = { .n = 0 };
	struct host *h = *state;
	int kernel;

	assert_int_equal(iprule_list_get(&h->nl, AF_INET, &list), 0);
	kernel = list.n; /* local, main, default */
	assert_true(kernel > 0);
	iprule_queue_add(&h->nl, &v4);
	iprule_queue_add(&h->nl, &v6);
	assert_int_equal(nlk_send(&h->nl, NULL, NULL), 0);
	list.n = 0;
	assert_int_equal(iprule_list_get(&h->nl, AF_INET, &list), 0);
	assert_int_equal(list.n, kernel + 1);
	assert_true(iprule_list_has(&list, &v4));
	assert_false(iprule_list_has(&list, &v6));
	assert_false(iprule_list_has(&list, &other));
	assert_int_equal(iprule_list_get(&h->nl, AF_INET6, &list), 0);
	assert_true(iprule_list_has(&list, &v4));
	assert_true(iprule_list_has(&list, &v6));
	/* twice: what is gone counts as removed */
	for (int i = 0; i < 2; i++) {
		iprule_queue_del(&h->nl, &v4);
		iprule_queue_del(&h->nl, &v6);
		assert_int_equal(nlk_send(&h->nl, NULL, NULL), 0);
	}
	list.n = 0;
	assert_int_equal(iprule_list_get(&h->nl, AF_INET, &list), 0);
	assert_int_equal(list.n, kernel);
}

static const struct route_copy *find(const struct route_list *list, const char *dst)
{
	struct ip_net want = net(dst);

	for (int i = 0; i < list->n; i++)
		if (list->r[i].dst.len == want.len && ip_equal(&list->r[i].dst.ip, &want.ip))
			return &list->r[i];
	return NULL;
}

static void test_routes(void **state)
{
	struct cni_route route = {
		.dst = net("203.0.113.0/24"), .mtu = 1400, .priority = 7, .table = -1, .scope = -1
	};
	autoroutes struct route_list before = { 0 }, copied = { 0 }, after = { 0 }, none = { 0 };
	struct ip_addr hint = net("10.1.0.2/24").ip;
	const struct route_copy *r;
	struct host *h = *state;

	assert_int_equal(ip_parse("10.1.0.1", &route.gw), 0);
	route_queue_add(&h->nl, h->link.index, &route, false);
	assert_int_equal(nlk_send(&h->nl, NULL, NULL), 0);
	assert_int_equal(route_list_get(&h->nl, AF_INET, h->link.index, RT_TABLE_MAIN, &before), 0);
	assert_int_equal(before.n, 2);
	assert_non_null(find(&before, "10.1.0.0/24"));
	r = find(&before, "203.0.113.0/24");
	assert_non_null(r);
	assert_true(ip_equal(&r->gw, &route.gw));
	assert_int_equal(r->oif, h->link.index);
	assert_int_equal(r->src.family, 0);
	/* to another table, with everything; once more changes nothing */
	for (int i = 0; i < 2; i++) {
		route_queue_copy(&h->nl, r, 4000000000U, &hint);
		assert_int_equal(nlk_send(&h->nl, NULL, NULL), 0);
	}
	assert_int_equal(route_list_get(&h->nl, AF_INET, 0, 4000000000U, &copied), 0);
	assert_int_equal(copied.n, 1);
	assert_true(route_list_has_table(&copied, 4000000000U));
	assert_false(route_list_has_table(&copied, RT_TABLE_MAIN));
	assert_true(ip_equal(&copied.r[0].src, &hint));
	route.table = 4000000000U;
	assert_int_equal(route_find(&h->nl, h->link.index, &route), 1);
	for (int i = 0; i < 2; i++) {
		route_queue_del_copy(&h->nl, r);
		assert_int_equal(nlk_send(&h->nl, NULL, NULL), 0);
	}
	assert_int_equal(route_list_get(&h->nl, AF_INET, h->link.index, RT_TABLE_MAIN, &after), 0);
	assert_int_equal(after.n, 1);
	assert_int_equal(route_list_get(&h->nl, AF_INET, 0, 77, &none), 0);
	assert_int_equal(none.n, 0);
	/* without a table any table will do */
	route.table = -1;
	assert_int_equal(route_find(&h->nl, h->link.index, &route), 1);
	route.table = RT_TABLE_MAIN;
	assert_int_equal(route_find(&h->nl, h->link.index, &route), 0);
}

static void test_tc(void **state)
{
	struct tc_rate rate = { .bytes_per_s = 10000000000ULL, .burst = 100000, .limit = 200000 };
	struct ip_net subnet = net("fd00:2::/48");
	struct tc_filter filter = { .parent = TC_HOOK,
				    .priority = 1,
				    .protocol = ETH_P_IPV6,
				    .net = &subnet,
				    .class = TC_HANDLE(1, 1) };
	struct host *h = *state;
	struct tc_info info;
	int index = h->link.index, lo = 1;

	assert_int_equal(tc_get_qdisc(&h->nl, index, TC_H_ROOT, &info), 0);
	assert_string_equal(info.kind, "");
	assert_int_equal(tc_get_qdisc(&h->nl, index, TC_H_INGRESS, &info), 0);
	assert_string_equal(info.kind, "");
	assert_int_equal(tc_get_qdisc(&h->nl, 999, TC_H_ROOT, &info), -ENODEV);
	tc_queue_tbf(&h->nl, index, &rate);
	tc_queue_hook(&h->nl, index, "ingress");
	filter.index = index;
	tc_queue_filter(&h->nl, &filter);
	filter.priority = 2;
	filter.protocol = ETH_P_ALL;
	filter.net = NULL;
	filter.redirect = lo;
	tc_queue_filter(&h->nl, &filter);
	assert_int_equal(nlk_send(&h->nl, NULL, NULL), 0);
	assert_int_equal(tc_get_qdisc(&h->nl, index, TC_H_ROOT, &info), 0);
	assert_string_equal(info.kind, "tbf");
	assert_true(info.bytes_per_s == rate.bytes_per_s);
	assert_int_equal(info.limit, rate.limit);
	assert_in_range(info.buffer, tc_buffer(&rate) - 1, tc_buffer(&rate) + 1);
	assert_int_equal(tc_count_filters(&h->nl, index, TC_HOOK, 0), 2);
	assert_int_equal(tc_count_filters(&h->nl, index, TC_HOOK, lo), 1);
	/* a second one, and removing what is another's */
	tc_queue_tbf(&h->nl, index, &rate);
	assert_int_equal(nlk_send(&h->nl, NULL, NULL), -EEXIST);
	assert_int_equal(tc_del_qdisc(&h->nl, index, TC_H_ROOT, TC_HANDLE(2, 0), "tbf"), 0);
	assert_int_equal(tc_del_qdisc(&h->nl, index, TC_H_ROOT, TC_HANDLE(1, 0), "htb"), 0);
	assert_int_equal(tc_del_qdisc(&h->nl, index, TC_H_ROOT, TC_HANDLE(1, 0), "tbf"), 1);
	assert_int_equal(tc_del_qdisc(&h->nl, index, TC_H_ROOT, TC_HANDLE(1, 0), "tbf"), 0);
	assert_int_equal(tc_del_qdisc(&h->nl, index, TC_H_INGRESS, TC_HOOK, "ingress"), 1);
	assert_int_equal(tc_get_qdisc(&h->nl, index, TC_H_INGRESS, &info), 0);
	assert_string_equal(info.kind, "");
	assert_int_equal(tc_del_qdisc(&h->nl, 999, TC_H_ROOT, TC_HANDLE(1, 0), "tbf"), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_rules, new_host, drop_host),
		cmocka_unit_test_setup_teardown(test_routes, new_host, drop_host),
		cmocka_unit_test_setup_teardown(test_tc, new_host, drop_host),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
