/* SPDX-License-Identifier: GPL-2.0-or-later */
/* detach: descriptors that a child closes, and who the child is. */
#include "cleanup.h"
#include "detach.h"

#include <fcntl.h>
#include <poll.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>

#include <cmocka.h>

#define DEADLINE_MS 5000

static bool is_open(int fd)
{
	return fcntl(fd, F_GETFD) >= 0;
}

/* The other end of a pipe: hung up when nobody holds the writing end any more. */
static bool hangs_up(int fd)
{
	struct pollfd pfd = { .fd = fd };

	return poll(&pfd, 1, DEADLINE_MS) == 1 && (pfd.revents & POLLHUP);
}

static void reap(void)
{
	while (waitpid(-1, NULL, 0) > 0)
		;
}

static void test_nothing_held_forks_nothing(void **state)
{
	(void)state;
	detach_finish();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
}

static void test_a_child_closes(void **state)
{
	int a[2], b[2];

	(void)state;
	assert_int_equal(pipe(a), 0);
	assert_int_equal(pipe(b), 0);
	detach_close(a[1]);
	detach_close(b[1]);
	assert_true(is_open(a[1]));
	detach_finish();
	assert_false(is_open(a[1]));
	assert_false(is_open(b[1]));
	assert_true(hangs_up(a[0]));
	assert_true(hangs_up(b[0]));
	assert_true(waitpid(-1, NULL, 0) > 0); /* there was one child */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	close(a[0]);
	close(b[0]);
}

/* More than the list holds: the rest is closed at once, nothing is lost. */
static void test_many(void **state)
{
	int pipes[40][2];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(pipes); i++) {
		assert_int_equal(pipe(pipes[i]), 0);
		detach_close(pipes[i][1]);
	}
	detach_finish();
	for (size_t i = 0; i < ARRAY_SIZE(pipes); i++) {
		assert_true(hangs_up(pipes[i][0]));
		close(pipes[i][0]);
	}
	reap();
}

static void test_the_named_child_gets_them(void **state)
{
	int held[2], pair[2];
	char c, buf[CMSG_SPACE(4 * sizeof(int))];
	struct iovec iov = { &c, 1 };
	struct msghdr msg = {
		.msg_iov = &iov, .msg_iovlen = 1, .msg_control = buf, .msg_controllen = sizeof(buf)
	};
	int got;

	(void)state;
	assert_int_equal(pipe(held), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	detach_to(pair[0]);
	detach_close(held[1]);
	detach_finish();
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1); /* nobody was forked */
	assert_false(is_open(pair[0]));
	assert_false(is_open(held[1]));
	assert_int_equal(recvmsg(pair[1], &msg, 0), 1);
	assert_non_null(CMSG_FIRSTHDR(&msg));
	assert_int_equal(CMSG_FIRSTHDR(&msg)->cmsg_len, CMSG_LEN(sizeof(int)));
	memcpy(&got, CMSG_DATA(CMSG_FIRSTHDR(&msg)), sizeof(got));
	assert_int_equal(write(got, "x", 1), 1);
	assert_int_equal(read(held[0], &c, 1), 1);
	close(got);
	assert_true(hangs_up(held[0]));
	close(held[0]);
	close(pair[1]);
}

static void test_a_named_child_that_is_gone(void **state)
{
	int held[2], pair[2];

	(void)state;
	assert_int_equal(pipe(held), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	close(pair[1]);
	detach_to(pair[0]);
	detach_close(held[1]);
	detach_finish();
	assert_true(hangs_up(held[0]));
	assert_true(waitpid(-1, NULL, 0) > 0);
	close(held[0]);
}

/* The child itself: a session of its own, "/", one descriptor. */
static void test_child_holds_nothing(void **state)
{
	int other[2], pair[2], status;
	pid_t pid;

	(void)state;
	assert_int_equal(pipe(other), 0);
	assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM, 0, pair), 0);
	pid = fork();
	if (pid == 0) {
		char cwd[8] = "";

		detach_child(pair[1]);
		_exit(getsid(0) == getpid() && getcwd(cwd, sizeof(cwd)) && !strcmp(cwd, "/") &&
				      is_open(0) && !is_open(1) && !is_open(2) && !is_open(other[1])
			      ? 7
			      : 1);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFEXITED(status));
	assert_int_equal(WEXITSTATUS(status), 7);
	close(other[0]);
	close(other[1]);
	close(pair[0]);
	close(pair[1]);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_nothing_held_forks_nothing),
		cmocka_unit_test(test_a_child_closes),
		cmocka_unit_test(test_many),
		cmocka_unit_test(test_the_named_child_gets_them),
		cmocka_unit_test(test_a_named_child_that_is_gone),
		cmocka_unit_test(test_child_holds_nothing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
