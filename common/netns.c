/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network namespaces: opening the container's by path, entering it, coming back. */
#include "netns.h"

#include "cleanup.h"
#include "fault.h"

#include <fcntl.h>
#include <linux/magic.h>
#include <linux/nsfs.h>
#include <sched.h>
#include <string.h>
#include <strings.h>
#include <stdint.h>
#include <sys/file.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/vfs.h>

static bool override_own_netns(void)
{
	const char *env = getenv("CNI_NETNS_OVERRIDE");

	return env && (strcmp(env, "1") == 0 || strcasecmp(env, "true") == 0);
}

static bool is_own(int fd)
{
	struct stat a, b;

	return fstat(fd, &a) == 0 && stat("/proc/self/ns/net", &b) == 0 && a.st_dev == b.st_dev &&
	       a.st_ino == b.st_ino;
}

int netns_open(const char *path, struct cni_err *err)
{
	/* O_NONBLOCK: a FIFO put there by somebody must not hang us */
	autoclose int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	struct statfs fs;
	int type;

	if (fd < 0)
		return cni_fail(err, CNI_E_ENV, errno, "CNI_NETNS: cannot open \"%.200s\"", path);
	if (fstatfs(fd, &fs) < 0 || (fs.f_type != NSFS_MAGIC && fs.f_type != PROC_SUPER_MAGIC))
		return cni_fail(err, CNI_E_ENV, 0,
				"CNI_NETNS: \"%.200s\" is not a network namespace", path);
	type = ioctl(fd, NS_GET_NSTYPE);
	if (type != CLONE_NEWNET)
		return cni_fail(err, CNI_E_ENV, 0,
				"CNI_NETNS: \"%.200s\" is not a network namespace", path);
	if (is_own(fd) && !override_own_netns())
		return cni_fail(err, CNI_E_NETNS, 0,
				"CNI_NETNS: \"%.200s\" is the plugin's own network namespace; "
				"refusing to configure the host as a container",
				path);
	return take_fd(&fd);
}

int netns_current(void)
{
	int fd = open("/proc/self/ns/net", O_RDONLY | O_CLOEXEC);

	return fd < 0 ? -errno : fd;
}

uint64_t netns_inode(int fd)
{
	struct stat st;

	return fstat(fd, &st) == 0 ? st.st_ino : 0;
}

int netns_reopen(const char *path, uint64_t inode)
{
	struct cni_err ignored = { 0 };
	autoclose int fd = path ? netns_open(path, &ignored) : -ENOENT;

	if (fd >= 0 && netns_inode(fd) != inode)
		return -ENOENT;
	return take_fd(&fd);
}

int netns_enter(int fd)
{
	int r = fault_step("enter a network namespace");

	if (r < 0)
		return r;
	return setns(fd, CLONE_NEWNET) < 0 ? -errno : 0;
}

#ifndef SO_NETNS_COOKIE
#define SO_NETNS_COOKIE 71 /* asm-generic/socket.h */
#endif

char *netns_id(char buf[NETNS_ID_STRLEN])
{
	autoclose int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	uint64_t cookie;
	socklen_t size = sizeof(cookie);
	struct stat st;

	buf[0] = '\0';
	if (fd >= 0 && getsockopt(fd, SOL_SOCKET, SO_NETNS_COOKIE, &cookie, &size) == 0)
		snprintf(buf, NETNS_ID_STRLEN, "cookie %llx", (unsigned long long)cookie);
	else if (stat("/proc/self/ns/net", &st) == 0)
		snprintf(buf, NETNS_ID_STRLEN, "inode %llx:%llx", (unsigned long long)st.st_dev,
			 (unsigned long long)st.st_ino);
	return buf;
}

int netns_run(int fd, int (*fn)(void *arg, struct cni_err *err), void *arg, struct cni_err *err)
{
	autoclose int home = netns_current();
	int r, back;

	if (home < 0)
		return cni_fail(err, CNI_E_FAILED, home, "open the current network namespace");
	r = netns_enter(fd);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "enter the container's network namespace");
	r = fn(arg, err);
	back = netns_enter(home);
	if (back < 0) /* a fault injected here must not leave us inside: undo works on the host */
		back = netns_enter(home) < 0 ? back : 0;
	if (back < 0)
		return cni_fail(err, CNI_E_FAILED, back, "return to the host's network namespace");
	return r;
}

int netns_run_locked(int fd, int (*fn)(void *arg, struct cni_err *err), void *arg,
		     struct cni_err *err)
{
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return cni_fail(err, CNI_E_FAILED, errno,
					"lock the container's network namespace");
	return netns_run(fd, fn, arg, err);
}
