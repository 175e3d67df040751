// SPDX-License-Identifier: GPL-2.0-or-later
/* Hosts made of a network and a mount namespace: each tool has rules, bridges, records to itself.
 */
#include "bench.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/wait.h>
#include <unistd.h>

static struct node home = { -1, -1 };

static int open_ns(const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0)
		die("%s: %s", path, strerror(errno));
	return fd;
}

static void enter(const struct node *node)
{
	if (setns(node->net, CLONE_NEWNET) || setns(node->mnt, CLONE_NEWNS))
		die("setns: %s", strerror(errno));
}

/* Makes a node and enters it. */
void node_make(struct node *node)
{
	if (home.net < 0) {
		home.net = open_ns("/proc/self/ns/net");
		home.mnt = open_ns("/proc/self/ns/mnt");
	}
	node_leave();
	if (unshare(CLONE_NEWNET | CLONE_NEWNS) || mount("tmpfs", "/run", "tmpfs", 0, "mode=755") ||
	    mount("tmpfs", "/var/lib/cni", "tmpfs", 0, "mode=755,nr_inodes=0"))
		die("new node: %s", strerror(errno));
	node->net = open_ns("/proc/self/ns/net");
	node->mnt = open_ns("/proc/self/ns/mnt");
	shell("ip link set lo up");
}

/* From now on programs run there; their output and traces are there, too. */
void node_enter(const struct node *node)
{
	enter(node);
}

void node_leave(void)
{
	enter(&home);
}

/* Leaves the node it is in; what the node holds ends with it. */
void node_close(struct node *node)
{
	node_leave();
	close(node->net);
	close(node->mnt);
}

/* For the scenery, never measured. */
void shell(const char *fmt, ...)
{
	char command[1024];
	int status;
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(command, sizeof(command), fmt, ap);
	va_end(ap);
	fflush(stdout);
	status = system(command);
	if (status == -1 || !WIFEXITED(status) || WEXITSTATUS(status))
		die("failed (status %#x): %s", status, command);
}
