/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of the attachment records, on a private /run. */
#include "cleanup.h"
#include "state.h"

#include <fcntl.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <string.h>
#include <sys/mount.h>

#include <cmocka.h>

static int private_run(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0)
		return -1;
	return mount("tmpfs", "/run", "tmpfs", 0, NULL);
}

static void put(const char *id, const char *ifname, const char *plugin)
{
	json_auto_t *record = json_pack("{s:s, s:s, s:s}", "plugin", plugin, "containerID", id,
					"ifname", ifname);

	assert_int_equal(state_write("net", id, ifname, record), 0);
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
	json_auto_t *got = NULL;

	(void)state;
	assert_int_equal(state_read("net", "one", "eth0", &got), -ENOENT);
	put("one", "eth0", "bridge");
	put("one", "eth0", "ptp"); /* replaced */
	assert_int_equal(state_read("net", "one", "eth0", &got), 0);
	assert_string_equal(json_string_value(json_object_get(got, "plugin")), "ptp");
	assert_int_equal(state_remove("net", "one", "eth0"), 0);
	assert_int_equal(state_remove("net", "one", "eth0"), 0);
	assert_int_equal(state_remove("nosuchnet", "one", "eth0"), 0);
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
	json_t *got = NULL;
	int fd;

	(void)state;
	put("torn", "eth0", "bridge");
	fd = open(STATE_ROOT "/net/torn-eth0", O_WRONLY | O_TRUNC | O_CLOEXEC);
	assert_true(fd >= 0);
	assert_int_equal(write(fd, "{\"plu", 5), 5);
	close(fd);
	assert_int_equal(state_read("net", "torn", "eth0", &got), -EBADMSG);
	assert_null(got);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_write_read_remove),
		cmocka_unit_test(test_each),
		cmocka_unit_test(test_damaged),
	};

	return cmocka_run_group_tests(tests, private_run, NULL);
}
