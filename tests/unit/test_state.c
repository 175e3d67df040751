/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of the attachment records, on a private /run. */
#include "cleanup.h"
#include "state.h"
#include "tests/unit/private.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

#include <cmocka.h>

static void put(const char *id, const char *ifname, const char *plugin)
{
	struct state_key key = { "net", id, ifname, plugin };
	json_auto_t *record = json_object();

	assert_int_equal(state_write(&key, record), 0);
}

static int collect(const char *id, const char *ifname, void *arg)
{
	char *seen = arg;

	strcat(seen, id);
	strcat(seen, "/");
	strcat(seen, ifname);
	strcat(seen, " ");
	return strcmp(id, "bad") == 0 ? -EIO : 0;
}

static void test_write_read_remove(void **state)
{
	struct state_key key = { "net", "one", "eth0", "bridge" };
	struct state_key nowhere = { "nosuchnet", "one", "eth0", "bridge" };
	json_auto_t *got = NULL;

	(void)state;
	assert_int_equal(state_read(&key, &got), -ENOENT);
	put("one", "eth0", "bridge");
	put("one", "eth0", "bridge"); /* replaced */
	assert_int_equal(state_read(&key, &got), 0);
	assert_string_equal(json_string_value(json_object_get(got, "plugin")), "bridge");
	assert_string_equal(json_string_value(json_object_get(got, "network")), "net");
	assert_int_equal(state_remove(&key), 0);
	assert_int_equal(state_remove(&key), 0);
	assert_int_equal(state_remove(&nowhere), 0);
}

static void test_others(void **state)
{
	struct state_key one = { "others", "one", "eth0", "bridge" };
	struct state_key two = { "others", "two", "eth0", "bridge" };
	struct state_key other_plugin = { "others", "one", "eth0", "portmap" };
	json_auto_t *record = json_object();

	(void)state;
	assert_int_equal(state_others(&one), 0);
	assert_int_equal(state_write(&one, record), 0);
	assert_int_equal(state_write(&other_plugin, record), 0);
	assert_int_equal(state_others(&one), 0);
	assert_int_equal(state_others(&two), 1);
	assert_int_equal(state_write(&two, record), 0);
	assert_int_equal(state_others(&one), 1);
}

static int count(const json_t *record, void *arg)
{
	struct state_key key = state_key_of(record);

	assert_non_null(key.network);
	assert_non_null(key.plugin);
	++*(int *)arg;
	return 0;
}

static void test_all(void **state)
{
	int before = 0, after = 0;
	struct state_key key = { "all", "one", "eth0", "portmap" };
	json_auto_t *record = json_object();

	(void)state;
	assert_int_equal(state_all(count, &before), 0);
	assert_int_equal(state_write(&key, record), 0);
	assert_int_equal(state_all(count, &after), 0);
	assert_int_equal(after, before + 1);
}

static void test_each(void **state)
{
	char seen[256] = "";

	(void)state;
	assert_int_equal(state_each("empty", "bridge", collect, seen), 0);
	put("a-b", "eth0", "bridge");
	put("c", "eth0", "ptp");
	assert_int_equal(state_each("net", "bridge", collect, seen), 0);
	assert_string_equal(seen, "a-b/eth0 ");
	put("bad", "eth0", "bridge");
	seen[0] = '\0';
	assert_int_equal(state_each("net", "bridge", collect, seen), -EIO);
	assert_non_null(strstr(seen, "a-b/eth0 "));
	assert_non_null(strstr(seen, "bad/eth0 "));
}

static void test_damaged(void **state)
{
	struct state_key key = { "net", "torn", "eth0", "bridge" };
	json_t *got = NULL;
	int fd;

	(void)state;
	put("torn", "eth0", "bridge");
	fd = open(STATE_ROOT "/net/torn-eth0:bridge", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"plu", 5), 5);
	close(fd);
	assert_int_equal(state_read(&key, &got), -EBADMSG);
	assert_null(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_read_remove),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_others),
		cmocka_unit_test(test_all),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, private_files, NULL);
}
