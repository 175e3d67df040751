/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of exec and lock. */
#include "cleanup.h"
#include "exec.h"
#include "lock.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <sys/wait.h>

#include <cmocka.h>

static void test_find(void **state)
{
	struct cni_err err = { 0 };
	char file[PATH_MAX] = "untouched";

	(void)state;
	assert_int_equal(exec_find("sh", "/nonexistent::/bin", file, &err), 0);
	assert_string_equal(file, "/bin/sh");
	assert_int_equal(exec_find("../bin/sh", "/bin", file, &err), -EINVAL);
	assert_int_equal(err.code, CNI_E_CONF);
	err.code = 0;
	assert_int_equal(exec_find("..", "/bin", file, &err), -EINVAL);
	err.code = 0;
	assert_int_equal(exec_find("nosuchplugin", "/bin:/sbin", file, &err), -ENOENT);
	assert_non_null(
		strstr(err.msg, "failed to find plugin \"nosuchplugin\" in path [/bin:/sbin]"));
	/* a directory is no plugin */
	err.code = 0;
	assert_int_equal(exec_find("bin", "/usr", file, &err), -ENOENT);
	assert_string_equal(file, "/bin/sh");
}

static void test_run_large_input(void **state)
{
	enum { SIZE = 1 << 20 };
	autofree char *input = malloc(SIZE + 1), *output = NULL;
	int status;

	(void)state;
	memset(input, 'x', SIZE);
	input[SIZE] = '\0';
	assert_int_equal(exec_run("/bin/cat", environ, input, &output, &status), 0);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_int_equal(strlen(output), SIZE);
	assert_string_equal(output, input);
}

/* A plugin may answer without reading its stdin. */
static void test_run_unread_input(void **state)
{
	enum { SIZE = 1 << 20 };
	autofree char *input = malloc(SIZE + 1), *output = NULL;
	int status;

	(void)state;
	memset(input, 'x', SIZE);
	input[SIZE] = '\0';
	signal(SIGPIPE, SIG_IGN);
	assert_int_equal(exec_run("/bin/false", environ, input, &output, &status), 0);
	assert_int_equal(WEXITSTATUS(status), 1);
	assert_string_equal(output, "");
	assert_int_equal(exec_run("/nonexistent", environ, "", &output, &status), -ENOENT);
}

static void test_env(void **state)
{
	char *changes[] = { "CNI_COMMAND=DEL", "NEWKEY=1", NULL };
	autofree char **env = NULL;
	int seen = 0, fresh = 0;

	(void)state;
	setenv("CNI_COMMAND", "ADD", 1);
	env = exec_env(changes);
	for (char **e = env; *e; e++) {
		assert_string_not_equal(*e, "CNI_COMMAND=ADD");
		seen += strcmp(*e, "CNI_COMMAND=DEL") == 0;
		fresh += strcmp(*e, "NEWKEY=1") == 0;
	}
	assert_int_equal(seen, 1);
	assert_int_equal(fresh, 1);
}

static void test_lock(void **state)
{
	char dir[] = "/tmp/hawser-lock-XXXXXX";
	autoclose int dirfd = -1, held = -1, other = -1;

	(void)state;
	assert_non_null(mkdtemp(dir));
	dirfd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	held = lock_file(dirfd, "lock", 0600);
	assert_true(held >= 0);
	other = openat(dirfd, "lock", O_RDONLY | O_CLOEXEC);
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), -1);
	assert_int_equal(errno, EWOULDBLOCK);
	close(take_fd(&held));
	assert_int_equal(flock(other, LOCK_EX | LOCK_NB), 0);
	assert_int_equal(lock_file(dirfd, "no/such/dir", 0600), -ENOENT);
	unlinkat(dirfd, "lock", 0);
	rmdir(dir);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_find),
		cmocka_unit_test(test_run_large_input),
		cmocka_unit_test(test_run_unread_input),
		cmocka_unit_test(test_env),
		cmocka_unit_test(test_lock),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
