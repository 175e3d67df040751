/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Knowing from the kernel that iptables-restore has committed. iptables-nft ends by closing its
 * nf_tables socket, and after removals that waits for a grace period (detach.h): 8 to 18 ms in
 * which everything is done. The kernel announces each commit and whose it was (NFT_MSG_NEWGEN with
 * NFTA_GEN_PROC_PID, nf_tables_gen_notify() in net/netfilter/nf_tables_api.c).
 */
#include "xt_rules.h"

#include "detach.h"

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>

#define INIT_PID_NS 0xeffffffcu /* PROC_PID_INIT_INO of linux/proc_ns.h */

/* How often a word starts a line. */
static int count_lines(const char *text, const char *word)
{
	size_t len = strlen(word);
	int n = strncmp(text, word, len) == 0;

	for (const char *line = text; (line = strchr(line, '\n')); line++)
		n += strncmp(line + 1, word, len) == 0;
	return n;
}

/* Numbers of processes in announcements are those of the first PID namespace. */
static bool in_first_pid_namespace(void)
{
	struct stat st;

	return stat("/proc/self/ns/pid", &st) == 0 && st.st_ino == INIT_PID_NS;
}

void xt_watch_open(struct xt_watch *watch, const char *path, const char *input)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK };
	int group = NFNLGRP_NFTABLES;

	*watch = (struct xt_watch){ .fd = -1, .commits = count_lines(input, "COMMIT") };
	if (xt_variant(path) != XT_NFT || !in_first_pid_namespace() ||
	    count_lines(input, "-D ") + count_lines(input, "-X ") + count_lines(input, "-F ") == 0)
		return;
	watch->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_NETFILTER);
	/* bound first: a socket without a port number counts as the sender and hears nothing */
	if (watch->fd >= 0 &&
	    (bind(watch->fd, (struct sockaddr *)&local, sizeof(local)) < 0 ||
	     setsockopt(watch->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &group, sizeof(group)) < 0))
		close(take_fd(&watch->fd));
}

/* Whether a message announces a commit of a process. */
static bool is_commit_of(const struct nlmsghdr *hdr, pid_t pid)
{
	const struct nlattr *attr;

	if (hdr->nlmsg_type != ((NFNL_SUBSYS_NFTABLES << 8) | NFT_MSG_NEWGEN))
		return false;
	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_GEN_PROC_PID)
			return ntohl(mnl_attr_get_u32(attr)) == (uint32_t)pid;
	}
	return false;
}

bool xt_watch_read(struct xt_watch *watch, pid_t pid)
{
	char buf[32768] __attribute__((aligned(8)));

	for (;;) {
		struct nlmsghdr *hdr = (struct nlmsghdr *)buf;
		ssize_t n = recv(watch->fd, buf, sizeof(buf), 0);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == EAGAIN)
			return watch->commits <= 0;
		if (n <= 0) {
			/* more was said than fits: the end of the tool decides */
			close(take_fd(&watch->fd));
			return false;
		}
		for (; mnl_nlmsg_ok(hdr, left); hdr = mnl_nlmsg_next(hdr, &left))
			watch->commits -= is_commit_of(hdr, pid);
	}
}

void xt_watch_close(struct xt_watch *watch)
{
	if (watch->fd >= 0)
		detach_close(take_fd(&watch->fd));
}
