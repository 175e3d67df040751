/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the kernel would make the caller wait for, left to a child process that outlives the call.
 */
#include "detach.h"

#include "cleanup.h"
#include "log.h"

#include <linux/membarrier.h>
#include <stdbool.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/syscall.h>

#define HELD_MAX 16

/* Of the process, as its descriptors are: modules that know nothing of each other fill and use it.
 */
static struct {
	int fd[HELD_MAX];
	int n;
	int child; /* socket of the child that detach_to() named, valid when has_child */
	bool has_child;
} held;

void detach_child(int keep)
{
	setsid();
	if (chdir("/") < 0)
		log_trace("chdir: %s", strerror(errno));
	if (keep != 0)
		dup2(keep, 0);
	syscall(SYS_close_range, 1, ~0U, 0); /* not in every C library */
}

void detach_linger(int sock)
{
	char c;

	if (recv(sock, &c, 1, MSG_PEEK | MSG_DONTWAIT) > 0)
		syscall(SYS_membarrier, MEMBARRIER_CMD_GLOBAL, 0, 0);
	_exit(0);
}

void detach_to(int sock)
{
	if (held.has_child)
		close(held.child);
	held.child = sock;
	held.has_child = true;
}

void detach_close(int fd)
{
	if (held.n == HELD_MAX)
		close(fd);
	else
		held.fd[held.n++] = fd;
}

/* Put the descriptors into the queue of a socket. Return: 0, or a negative errno. */
static int give(int sock)
{
	union {
		struct cmsghdr align;
		char buf[CMSG_SPACE(sizeof(held.fd))];
	} control = { 0 };
	struct iovec iov = { .iov_base = "", .iov_len = 1 };
	struct msghdr msg = { .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control.buf,
			      .msg_controllen = CMSG_SPACE(held.n * sizeof(int)) };
	struct cmsghdr *c = CMSG_FIRSTHDR(&msg);

	c->cmsg_level = SOL_SOCKET;
	c->cmsg_type = SCM_RIGHTS;
	c->cmsg_len = CMSG_LEN(held.n * sizeof(int));
	memcpy(CMSG_DATA(c), held.fd, held.n * sizeof(int));
	return sendmsg(sock, &msg, MSG_NOSIGNAL | MSG_DONTWAIT) < 0 ? -errno : 0;
}

/* Return: our end of a socket pair whose other end a new child has, or a negative errno. */
static int fork_child(void)
{
	int pair[2];
	pid_t child;

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) < 0)
		return -errno;
	/* before the fork: the child finds what it is to close */
	if (give(pair[0]) < 0) {
		close(pair[0]);
		close(pair[1]);
		return -EIO;
	}
	fflush(NULL);
	child = fork();
	if (child == 0) {
		detach_child(pair[1]);
		detach_linger(0);
	}
	close(pair[1]);
	if (child < 0)
		close(pair[0]);
	return child < 0 ? -EAGAIN : pair[0];
}

void detach_finish(void)
{
	int r = 0;

	if (held.n > 0) {
		r = held.has_child ? give(held.child) : -ESRCH;
		if (r < 0) {
			r = fork_child();
			if (r >= 0)
				close(r);
		}
		log_trace("%d sockets are left to a child: %s", held.n,
			  r < 0 ? strerror(-r) : "ok");
	}
	for (int i = 0; i < held.n; i++)
		close(held.fd[i]);
	held.n = 0;
	if (held.has_child)
		close(held.child);
	held.has_child = false;
}
