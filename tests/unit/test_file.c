/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of file.h, each in a directory of its own that must be as expected at the end. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "cleanup.h"
#include "fault.h"
#include "file.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

struct place {
	char path[64];
	int fd;
};

static int setup(void **state)
{
	struct place *p = calloc(1, sizeof(*p));

	if (!p)
		return -1;
	*state = p;
	strcpy(p->path, "/tmp/hawser-test-file-XXXXXX");
	if (!mkdtemp(p->path))
		return -1;
	p->fd = open(p->path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return p->fd < 0 ? -1 : 0;
}

/* How many entries the directory has; each is removed when @clear. */
static int entries(const struct place *p, int clear)
{
	autodir DIR *dir = opendir(p->path);
	struct dirent *e;
	int n = 0;

	assert_non_null(dir);
	while ((e = readdir(dir))) {
		if (strcmp(e->d_name, ".") == 0 || strcmp(e->d_name, "..") == 0)
			continue;
		n++;
		if (clear && unlinkat(p->fd, e->d_name, 0) < 0)
			unlinkat(p->fd, e->d_name, AT_REMOVEDIR);
	}
	return n;
}

static int teardown(void **state)
{
	struct place *p = *state;

	entries(p, 1);
	close(p->fd);
	rmdir(p->path);
	free(p);
	return 0;
}

static void has(const struct place *p, const char *name, const char *want, mode_t mode)
{
	autofree char *text = NULL;
	struct stat st;
	size_t len = 0;

	assert_int_equal(file_read(p->fd, name, 4096, &text, &len), 0);
	assert_string_equal(text, want);
	assert_int_equal(len, strlen(want));
	assert_int_equal(fstatat(p->fd, name, &st, 0), 0);
	assert_int_equal(st.st_mode & 07777, mode);
}

static void create(void **state)
{
	const struct place *p = *state;

	assert_int_equal(file_create(p->fd, "10.1.0.2", 0600, "id\r\neth0", 8), 0);
	has(p, "10.1.0.2", "id\r\neth0", 0600);
	assert_int_equal(file_create(p->fd, "10.1.0.2", 0600, "other", 5), -EEXIST);
	has(p, "10.1.0.2", "id\r\neth0", 0600);
	assert_int_equal(file_create(p->fd, "empty", 0644, "", 0), 0);
	has(p, "empty", "", 0644);
	assert_int_equal(symlinkat("nowhere", p->fd, "link"), 0);
	assert_int_equal(file_create(p->fd, "link", 0600, "x", 1), -EEXIST);
	assert_int_equal(entries(p, 0), 3);
}

static void create_fails(void **state)
{
	const struct place *p = *state;

	assert_int_equal(file_create(-1, "x", 0600, "x", 1), -EBADF);
	assert_int_equal(file_create(p->fd, "no/x", 0600, "x", 1), -ENOENT);
	assert_int_equal(entries(p, 0), 0);
}

static void create_once(void **state)
{
	const struct place *p = *state;
	int won = 0;

	for (int i = 0; i < 8; i++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0)
			_exit(file_create(p->fd, "one", 0600, "x", 1) == 0 ? 1 : 0);
	}
	for (int i = 0; i < 8; i++) {
		int status;

		assert_true(wait(&status) > 0);
		assert_true(WIFEXITED(status));
		won += WEXITSTATUS(status);
	}
	assert_int_equal(won, 1);
	assert_int_equal(entries(p, 0), 1);
}

static void replace(void **state)
{
	const struct place *p = *state;

	assert_int_equal(file_replace(p->fd, "f", 0640, "one", 3), 0);
	has(p, "f", "one", 0640);
	assert_int_equal(file_replace(p->fd, "f", 0600, "second", 6), 0);
	has(p, "f", "second", 0600);
	assert_int_equal(mkdirat(p->fd, "d", 0755), 0);
	assert_int_equal(file_replace(p->fd, "d", 0600, "x", 1), -EISDIR);
	assert_int_equal(entries(p, 0), 2); /* no temporary file stays behind */
	/* one that a killed process left is neither used nor in the way */
	{
		char stale[40];

		snprintf(stale, sizeof(stale), ".tmp-%d-0", getpid());
		assert_int_equal(file_create(p->fd, stale, 0600, "stale", 5), 0);
		assert_int_equal(file_replace(p->fd, "f", 0600, "third", 5), 0);
		has(p, stale, "stale", 0600);
		has(p, "f", "third", 0600);
	}
}

static void reading(void **state)
{
	const struct place *p = *state;
	char *keep = (char *)"untouched", *text = keep;
	autofree char *big = malloc(5000);
	size_t len = 77;

	assert_non_null(big);
	memset(big, 'b', 5000);
	assert_int_equal(file_create(p->fd, "big", 0600, big, 5000), 0);
	assert_int_equal(file_read(p->fd, "big", 4999, &text, &len), -EFBIG);
	assert_int_equal(file_read(p->fd, "none", 100, &text, &len), -ENOENT);
	assert_int_equal(file_read(p->fd, ".", 100, &text, &len), -EISDIR);
	assert_ptr_equal(text, keep);
	assert_int_equal(len, 77);
	assert_int_equal(file_read(p->fd, "big", 5000, &text, &len), 0);
	assert_int_equal(len, 5000);
	assert_memory_equal(text, big, 5000);
	assert_int_equal(text[5000], '\0');
	free(text);
	assert_int_equal(file_create(p->fd, "nul", 0600, "a\0b", 3), 0);
	assert_int_equal(file_read(p->fd, "nul", 3, &text, NULL), 0);
	assert_memory_equal(text, "a\0b", 4);
	free(text);
	assert_int_equal(file_read(AT_FDCWD, "/proc/self/comm", 100, &text, NULL), 0);
	free(text);
}

static void mkdirs(void **state)
{
	const struct place *p = *state;
	char path[128], longer[5000];
	struct stat st;

	snprintf(path, sizeof(path), "%s/a/b//c/", p->path);
	assert_int_equal(file_mkdirs(path, 0755), 0);
	assert_int_equal(file_mkdirs(path, 0755), 0);
	assert_int_equal(stat(path, &st), 0);
	assert_true(S_ISDIR(st.st_mode));
	assert_int_equal(st.st_mode & 0777, 0755);
	rmdir(path);
	snprintf(path, sizeof(path), "%s/a/b", p->path);
	rmdir(path);
	assert_int_equal(file_mkdirs(p->path, 0755), 0);
	assert_int_equal(file_create(p->fd, "file", 0600, "", 0), 0);
	snprintf(path, sizeof(path), "%s/file/x", p->path);
	assert_int_equal(file_mkdirs(path, 0755), -ENOTDIR);
	memset(longer, 'x', sizeof(longer) - 1);
	longer[sizeof(longer) - 1] = '\0';
	assert_int_equal(file_mkdirs(longer, 0755), -ENAMETOOLONG);
}

static void fault_leaves_nothing(void **state)
{
	const struct place *p = *state;
	int status, step;

	for (step = 1; step <= 2; step++) {
		pid_t pid = fork();

		assert_true(pid >= 0);
		if (pid == 0) {
			/* a fresh count of steps needs a process that has not taken one */
			setenv("HAWSER_FAULT", step == 1 ? "1" : "2", 1);
			close(2);
			if (step == 2 && file_create(p->fd, "f", 0600, "old", 3) != 0)
				_exit(2);
			_exit(step == 1 ? file_create(p->fd, "f", 0600, "x", 1) != -EIO
					: file_replace(p->fd, "f", 0600, "x", 1) != -EIO);
		}
		assert_int_equal(waitpid(pid, &status, 0), pid);
		assert_int_equal(status, 0);
		assert_int_equal(entries(p, 0), step - 1);
	}
	has(p, "f", "old", 0600);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(fault_leaves_nothing), /* first: see there */
		TEST(create),
		TEST(create_fails),
		TEST(create_once),
		TEST(replace),
		TEST(reading),
		TEST(mkdirs),
	};

	umask(022);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
