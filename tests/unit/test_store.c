/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of store.h and index.h: reservations, staleness, growth, reclaiming; private directories.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipam/store.h"
#include "tests/unit/private.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static char root[64];

static struct ip_addr ip_of(const char *text)
{
	struct ip_addr ip;

	assert_int_equal(ip_parse(text, &ip), 0);
	return ip;
}

static int setup(void **state)
{
	(void)state;
	strcpy(root, "/tmp/test_store.XXXXXX");
	return mkdtemp(root) ? 0 : -1;
}

static int teardown(void **state)
{
	char cmd[96];

	(void)state;
	unsetenv("HAWSER_TEST_BOOTTIME");
	snprintf(cmd, sizeof(cmd), "rm -rf %s", root);
	return system(cmd) == 0 ? 0 : -1;
}

static void put(const char *name, const char *content, time_t mtime)
{
	struct timespec ts[2] = { { .tv_sec = mtime }, { .tv_sec = mtime } };
	char path[160];
	int fd;

	snprintf(path, sizeof(path), "%s/net", root);
	mkdir(path, 0755);
	snprintf(path, sizeof(path), "%s/net/%s", root, name);
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, content, strlen(content)), strlen(content));
	if (mtime)
		futimens(fd, ts);
	close(fd);
}

static bool exists(const char *name)
{
	char path[160];

	snprintf(path, sizeof(path), "%s/net/%s", root, name);
	return access(path, F_OK) == 0;
}

static size_t count(struct store *st, const char *id, const char *ifname)
{
	struct ip_list list = { 0 };

	assert_int_equal(store_find(st, id, ifname, &list), 0);
	free(list.ips);
	return list.n;
}

static void absent(void **state)
{
	struct store autostore st;

	(void)state;
	assert_int_equal(store_open(&st, root, "net", false), -ENOENT);
}

static void reserve_and_release(void **state)
{
	struct ip_addr a = ip_of("10.1.0.2"), b = ip_of("fd00::2"), last;
	struct store st;

	(void)state;
	assert_int_equal(store_open(&st, root, "net", true), 0);
	assert_int_equal(store_reserve(&st, 0, &a, "c1", "eth0"), 0);
	assert_int_equal(store_reserve(&st, 0, &a, "c2", "eth0"), -EEXIST);
	assert_int_equal(store_reserve(&st, 1, &b, "c1", "eth0"), 0);
	store_close(&st);
	assert_int_equal(store_open(&st, root, "net", false), 0);
	assert_int_equal(count(&st, "c1", "eth0"), 2);
	assert_int_equal(count(&st, "c1", "eth1"), 0);
	assert_int_equal(count(&st, "c1", NULL), 0);
	assert_true(store_last(&st, 0, &last) && ip_equal(&last, &a));
	assert_true(store_last(&st, 1, &last) && ip_equal(&last, &b));
	assert_false(store_last(&st, 2, &last));
	assert_int_equal(store_release(&st, &a, "other", "eth0"), 0);
	assert_true(exists("10.1.0.2"));
	assert_int_equal(store_release(&st, &a, "c1", "eth0"), 0);
	assert_false(exists("10.1.0.2"));
	assert_int_equal(count(&st, "c1", "eth0"), 1);
	store_close(&st);
}

/* A writer that knows nothing of the index, at once after each of our changes. */
static void foreign_writer(void **state)
{
	struct ip_addr a = ip_of("10.1.0.2");
	struct store st;

	(void)state;
	for (int i = 0; i < 50; i++) {
		assert_int_equal(store_open(&st, root, "net", true), 0);
		assert_int_equal(store_reserve(&st, 0, &a, "c1", "eth0"), 0);
		store_close(&st);
		put("10.1.0.3", "c3\r\neth0", 0);
		assert_int_equal(store_open(&st, root, "net", false), 0);
		assert_true(st.rebuilt);
		assert_int_equal(count(&st, "c3", "eth0"), 1);
		assert_int_equal(store_release(&st, &a, "c1", "eth0"), 0);
		a = ip_of("10.1.0.3");
		assert_int_equal(store_release(&st, &a, "c3", "eth0"), 0);
		a = ip_of("10.1.0.2");
		store_close(&st);
	}
}

static void old_format(void **state)
{
	struct store autostore st;

	(void)state;
	put("10.1.0.7", "c7\n", 0);
	put("10.1.0.8", " c8\r\neth0\r\n", 0);
	put("10.1.0.9", "", 0);
	put("10.1.0.010", "c9\r\neth0", 0);
	assert_int_equal(store_open(&st, root, "net", false), 0);
	assert_int_equal(count(&st, "c7", NULL), 1);
	assert_int_equal(count(&st, "c8", "eth0"), 0 + 1);
	assert_int_equal(count(&st, "c9", "eth0"), 0);
	assert_false(exists("10.1.0.9"));
	assert_true(exists("10.1.0.010"));
}

static void pool(struct range_set *set, struct ip_range *range, const char *subnet,
		 const char *start, const char *end)
{
	assert_int_equal(ip_net_parse(subnet, &range->subnet), 0);
	range->start = range->gateway = ip_of(start);
	range->end = ip_of(end);
	*set = (struct range_set){ .ranges = range, .n = 1 };
}

/* Filling a pool visits every address once, in order, past growth and block borders. */
static void fill_pool(void **state)
{
	struct ip_addr ip, last, want = ip_of("10.1.240.2");
	struct store autostore st;
	struct ip_range range;
	struct range_set set;

	(void)state;
	pool(&set, &range, "10.1.0.0/16", "10.1.240.1", "10.1.255.254");
	assert_int_equal(store_open(&st, root, "net", true), 0);
	last = ip_of("10.1.240.1");
	for (size_t i = 0; i < range_set_size(&set); i++) {
		assert_ptr_equal(store_pick(&st, &set, &last, &ip), &range);
		assert_true(ip_equal(&ip, &want));
		assert_int_equal(index_insert(&st.ix, i, &ip, 1), 0);
		last = ip;
		want = ip_add(&want, 1);
	}
	assert_null(store_pick(&st, &set, &last, &ip));
	for (size_t i = 0; i < range_set_size(&set); i += 2) {
		size_t pos = 0;

		assert_true(index_find(&st.ix, i, &pos, &ip));
		index_remove(&st.ix, i, &ip);
		assert_false(index_find(&st.ix, i, &(size_t){ 0 }, &ip));
	}
	for (size_t i = 1; i < range_set_size(&set); i += 2)
		assert_true(index_find(&st.ix, i, &(size_t){ 0 }, &ip));
	last = ip_of("10.1.240.2");
	assert_non_null(store_pick(&st, &set, &last, &ip));
	want = ip_of("10.1.240.4");
	assert_true(ip_equal(&ip, &want));
	st.broken = true; /* none of this is in the directory */
}

static void huge_range(void **state)
{
	struct ip_addr ip, last = ip_of("fd00:ff:ffff:ffff:ffff:ffff:ffff:fffe"), want;
	struct store autostore st;
	struct ip_range range;
	struct range_set set;

	(void)state;
	pool(&set, &range, "fd00::/24", "fd00::1", "fd00:ff:ffff:ffff:ffff:ffff:ffff:ffff");
	assert_int_equal(store_open(&st, root, "net", true), 0);
	assert_non_null(store_pick(&st, &set, &last, &ip));
	assert_true(ip_equal(&ip, &range.end));
	assert_int_equal(index_insert(&st.ix, 1, &ip, 1), 0);
	assert_non_null(store_pick(&st, &set, &last, &ip));
	want = ip_of("fd00::2");
	assert_true(ip_equal(&ip, &want));
	st.broken = true;
}

static void reclaim(void **state)
{
	struct store autostore st;
	struct ip_range range;
	struct range_set set;

	(void)state;
	setenv("HAWSER_TEST_BOOTTIME", "1000000", 1);
	pool(&set, &range, "10.1.0.0/29", "10.1.0.1", "10.1.0.6");
	put("10.1.0.2", "a\r\neth0", 900000);
	put("10.1.0.3", "b\r\neth0", 800000);
	put("10.1.0.4", "c\r\neth0", 2000000);
	put("10.1.0.5", "d\r\neth0", 800000);
	put("10.2.0.5", "e\r\neth0", 700000);
	assert_int_equal(store_open(&st, root, "net", true), 0);
	assert_int_equal(store_reclaim(&st, &set, false), 1);
	assert_true(exists("10.1.0.3"));
	assert_int_equal(store_reclaim(&st, &set, true), 1);
	assert_false(exists("10.1.0.3"));
	assert_int_equal(store_reclaim(&st, &set, true), 1);
	assert_false(exists("10.1.0.5"));
	assert_int_equal(store_reclaim(&st, &set, true), 1);
	assert_false(exists("10.1.0.2"));
	assert_int_equal(store_reclaim(&st, &set, true), 0);
	assert_true(exists("10.1.0.4") && exists("10.2.0.5"));
}

static bool keep_even(const void *arg, const char *id, const char *ifname)
{
	(void)arg;
	return (id[1] - '0') % 2 == 0 && ifname && strcmp(ifname, "eth0") == 0;
}

static void sweep(void **state)
{
	struct store autostore st;

	(void)state;
	put("10.1.0.2", "c2\r\neth0", 0);
	put("10.1.0.3", "c3\r\neth0", 0);
	put("10.1.0.4", "c4\r\neth1", 0);
	put("10.1.0.5", "c6", 0);
	assert_int_equal(store_open(&st, root, "net", true), 0);
	assert_int_equal(store_sweep(&st, keep_even, NULL), 3);
	assert_int_equal(count(&st, "c2", "eth0"), 1);
	assert_int_equal(count(&st, "c3", "eth0"), 0);
	assert_true(exists("10.1.0.2") && !exists("10.1.0.3") && !exists("10.1.0.5"));
}

#define CASE(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		CASE(absent),	 CASE(reserve_and_release), CASE(foreign_writer), CASE(old_format),
		CASE(fill_pool), CASE(huge_range),	    CASE(reclaim),	  CASE(sweep),
	};

	return cmocka_run_group_tests(tests, private_files, NULL);
}
