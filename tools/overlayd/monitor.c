/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: what the kernel announces. */
#include "monitor.h"

#include "cleanup.h"

#include <libmnl/libmnl.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/rtnetlink.h>
#include <string.h>
#include <sys/socket.h>

#define BUFFER	 (4 << 20) /* bytes that may wait; 5,000 peers are 3 MB of announcements */
#define MESSAGES (64 << 10)
#define AT_ONCE	 512 /* datagrams: whatever comes, there is time to do something about it */

static int open_monitor(int protocol, unsigned int groups)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = groups };
	autoclose int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, protocol);
	int size = BUFFER;

	if (fd < 0)
		return -errno;
	/* without the right to a large buffer an overflow costs a look at everything */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&own, sizeof(own)) < 0)
		return -errno;
	return take_fd(&fd);
}

int monitor_links(void)
{
	return open_monitor(NETLINK_ROUTE, RTMGRP_LINK | RTMGRP_NEIGH | RTMGRP_IPV4_IFADDR |
						   RTMGRP_IPV4_ROUTE | RTMGRP_IPV6_IFADDR |
						   RTMGRP_IPV6_ROUTE);
}

int monitor_tables(void)
{
	return open_monitor(NETLINK_NETFILTER, 1u << (NFNLGRP_NFTABLES - 1));
}

bool monitor_read(int fd, void (*fn)(const struct nlmsghdr *hdr, void *arg), void *arg)
{
	static char buf[MESSAGES] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct sockaddr_nl from;
	bool whole = true;

	for (int i = 0; i < AT_ONCE; i++) {
		socklen_t size = sizeof(from);
		ssize_t n = recvfrom(fd, buf, sizeof(buf), 0, (struct sockaddr *)&from, &size);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0 && errno == ENOBUFS) {
			whole = false;
			continue;
		}
		if (n <= 0)
			return whole;
		if (from.nl_pid != 0) /* from a process, not from the kernel */
			continue;
		for (const struct nlmsghdr *hdr = (void *)buf; mnl_nlmsg_ok(hdr, left);
		     hdr = mnl_nlmsg_next(hdr, &left))
			fn(hdr, arg);
	}
	return whole;
}

const char *monitor_table_of(const struct nlmsghdr *hdr)
{
	const struct nlattr *attr;

	if (hdr->nlmsg_type >> 8 != NFNL_SUBSYS_NFTABLES ||
	    hdr->nlmsg_len < NLMSG_HDRLEN + sizeof(struct nfgenmsg))
		return "";
	/* the first attribute of whatever is in a table is the table's name */
	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_TABLE_NAME &&
		    mnl_attr_validate(attr, MNL_TYPE_NUL_STRING) >= 0)
			return mnl_attr_get_str(attr);
	}
	return "";
}
