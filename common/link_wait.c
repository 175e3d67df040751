/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Waiting for what the kernel announces of links: that one is gone, that one is up. */
#include "link.h"

#include "cleanup.h"
#include "detach.h"
#include "log.h"

#include <linux/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>

/* A raw socket that hears of every link that changes in this namespace. */
static int open_monitor(void)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_LINK };
	autoclose int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);

	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0)
		return -errno;
	return take_fd(&fd);
}

/* Read what the monitor has. Return: 1 when @index was announced gone (or changed), 0, -errno. */
static int read_monitor(int fd, int index, int type)
{
	char buf[16384] __attribute__((aligned(NLMSG_ALIGNTO)));
	int found = 0;

	for (;;) {
		struct nlmsghdr *hdr = (struct nlmsghdr *)buf;
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN ? found : -errno;
		for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left)) {
			const struct ifinfomsg *ifi = nlmsg_data(hdr);

			if (hdr->nlmsg_type == type && ifi->ifi_index == index &&
			    ifi->ifi_family == AF_UNSPEC)
				found = 1;
		}
		if (found)
			return 1;
	}
}

/* The child of link_del_announced(): delete, tell the parent only of a failure, stay quiet. */
static void __attribute__((noreturn)) delete_in_child(int index, int report)
{
	struct {
		struct nlmsghdr hdr;
		struct ifinfomsg ifi;
	} req = { { sizeof(req), RTM_DELLINK, NLM_F_REQUEST | NLM_F_ACK, 1, 0 },
		  { .ifi_family = AF_UNSPEC, .ifi_index = index } };
	struct {
		struct nlmsghdr hdr;
		struct nlmsgerr err;
		char rest[512];
	} ack;
	int fd, r;

	detach_child(report);
	fd = socket(AF_NETLINK, SOCK_RAW, NETLINK_ROUTE);
	if (fd < 0 || send(fd, &req, sizeof(req), 0) < 0 || recv(fd, &ack, sizeof(ack), 0) < 0)
		r = -errno;
	else
		r = ack.err.error;
	/* by now the parent has normally heard of the removal and gone */
	send(0, &r, sizeof(r), MSG_NOSIGNAL);
	detach_linger(0);
}

/* Wait for the announcement on @monitor or the child's answer on @answer. */
static int await_removal(int monitor, int answer, int index)
{
	struct pollfd fds[2] = { { .fd = monitor, .events = POLLIN },
				 { .fd = answer, .events = POLLIN } };
	int result;

	for (;;) {
		if (poll(fds, 2, -1) < 0) {
			if (errno == EINTR)
				continue;
			return -errno;
		}
		if (fds[0].revents) {
			int r = read_monitor(monitor, index, RTM_DELLINK);

			if (r == 1)
				return 0;
			/* too many links change at once for our buffer: the child's answer decides
			 */
			if (r < 0)
				fds[0].fd = -1;
		}
		if (fds[1].revents) {
			ssize_t n = read(answer, &result, sizeof(result));

			return n == sizeof(result) ? result : -EIO;
		}
	}
}

int link_del_announced(int index)
{
	autoclose int monitor = open_monitor(), answer = -1, report = -1;
	int fds[2];
	pid_t child;
	int r;

	if (monitor < 0)
		return monitor;
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds) < 0)
		return -errno;
	answer = fds[0];
	report = fds[1];
	fflush(NULL);
	child = fork();
	if (child < 0)
		return -errno;
	if (child == 0)
		delete_in_child(index, report);
	close(take_fd(&report));
	r = await_removal(monitor, answer, index);
	log_trace("link %d: removal announced: %s", index, r < 0 ? strerror(-r) : "ok");
	/* a child that has answered is dead or dying: do not leave it to the runtime */
	waitpid(child, NULL, WNOHANG);
	detach_to(take_fd(&answer));
	return r;
}

int link_remove(struct nlk *nl, int index, bool wait)
{
	int r = wait ? link_del(nl, index) : link_del_announced(index);

	/* somebody else, or the end of the namespace, was faster */
	return r == -ENODEV ? 0 : r;
}

static int remaining_ms(const struct timespec *start, int timeout_ms)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return timeout_ms - (int)((now.tv_sec - start->tv_sec) * 1000 +
				  (now.tv_nsec - start->tv_nsec) / 1000000);
}

int link_wait_running(struct nlk *nl, int index, int timeout_ms)
{
	autoclose int monitor = -1;
	struct link_info info = { 0 };
	struct timespec start;

	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		int r = link_get_index(nl, index, &info), left;
		struct pollfd pfd;

		if (r < 0)
			return r;
		if (info.operstate == IF_OPER_UP || info.operstate == IF_OPER_UNKNOWN)
			return 0;
		if (monitor < 0) {
			monitor = open_monitor();
			if (monitor < 0)
				return monitor;
			continue; /* it may have changed before we listened */
		}
		left = remaining_ms(&start, timeout_ms);
		pfd = (struct pollfd){ .fd = monitor, .events = POLLIN };
		if (left <= 0 || poll(&pfd, 1, left) == 0)
			return -ETIMEDOUT;
		read_monitor(monitor, index, RTM_NEWLINK);
	}
}
