// SPDX-License-Identifier: GPL-2.0-or-later
/* The kernel's entries for peers: written one by one, as flanneld does; awaited; counted. */
#include "peers.h"

#include <errno.h>
#include <linux/neighbour.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define PROTO	 72 /* of hawser's routes */
#define LIMIT_MS 10000

struct request {
	struct nlmsghdr hdr;
	union {
		struct rtmsg rtm;
		struct ndmsg ndm;
	};
	char room[128];
};

static int open_socket(uint32_t groups)
{
	struct sockaddr_nl own = { .nl_family = AF_NETLINK, .nl_groups = groups };
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE), size = 64 << 20;

	if (fd < 0 || bind(fd, (struct sockaddr *)&own, sizeof(own)) ||
	    setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		die("rtnetlink: %s", strerror(errno));
	return fd;
}

static void begin(struct request *q, int type, int flags, size_t size)
{
	memset(q, 0, sizeof(*q));
	q->hdr.nlmsg_len = (uint32_t)NLMSG_LENGTH(size);
	q->hdr.nlmsg_type = (uint16_t)type;
	q->hdr.nlmsg_flags = (uint16_t)(NLM_F_REQUEST | NLM_F_ACK | flags);
}

static void put(struct request *q, int type, const void *data, size_t len)
{
	struct rtattr *attr = (void *)((char *)q + NLMSG_ALIGN(q->hdr.nlmsg_len));

	attr->rta_type = (uint16_t)type;
	attr->rta_len = (uint16_t)RTA_LENGTH(len);
	memcpy(RTA_DATA(attr), data, len);
	q->hdr.nlmsg_len = (uint32_t)(NLMSG_ALIGN(q->hdr.nlmsg_len) + RTA_SPACE(len));
}

/* Sends it and waits for the kernel's answer. */
static void ask(int fd, struct request *q)
{
	char buf[4096];
	const struct nlmsghdr *hdr = (const void *)buf;
	const struct nlmsgerr *e = NLMSG_DATA(hdr);

	if (send(fd, q, q->hdr.nlmsg_len, 0) < 0 || recv(fd, buf, sizeof(buf), 0) < 0)
		die("rtnetlink: %s", strerror(errno));
	if (hdr->nlmsg_type != NLMSG_ERROR || e->error)
		die("rtnetlink: request %d: %s", q->hdr.nlmsg_type, strerror(-e->error));
}

static void subnet_of(int i, uint8_t subnet[4])
{
	const uint8_t of[4] = { 10, (uint8_t)(i >> 8), (uint8_t)i, 0 };

	memcpy(subnet, of, sizeof(of));
}

static void route_begin(struct request *q, int i, int type, int flags)
{
	uint8_t subnet[4];

	subnet_of(i, subnet);
	begin(q, type, flags, sizeof(q->rtm));
	q->rtm = (struct rtmsg){ .rtm_family = AF_INET,
				 .rtm_dst_len = 24,
				 .rtm_table = RT_TABLE_MAIN,
				 .rtm_protocol = type == RTM_NEWROUTE ? PROTO : 0,
				 .rtm_scope = type == RTM_NEWROUTE ? RT_SCOPE_UNIVERSE
								   : RT_SCOPE_NOWHERE,
				 .rtm_type = RTN_UNICAST,
				 .rtm_flags = type == RTM_NEWROUTE ? RTNH_F_ONLINK : 0 };
	put(q, RTA_DST, subnet, sizeof(subnet));
}

static void add_peer(int fd, int i, int device)
{
	const uint8_t vtep[4] = { 172, 16, (uint8_t)((i + 1) >> 8), (uint8_t)(i + 1) };
	uint8_t subnet[4], mac[6];
	struct request q;

	subnet_of(i, subnet);
	peers_mac(i, mac);
	for (int fdb = 0; fdb < 2; fdb++) {
		begin(&q, RTM_NEWNEIGH, NLM_F_CREATE | NLM_F_REPLACE, sizeof(q.ndm));
		q.ndm = (struct ndmsg){ .ndm_family = fdb ? AF_BRIDGE : AF_INET,
					.ndm_ifindex = device,
					.ndm_state = NUD_PERMANENT,
					.ndm_flags = fdb ? NTF_SELF : 0 };
		put(&q, NDA_DST, fdb ? vtep : subnet, 4);
		put(&q, NDA_LLADDR, mac, sizeof(mac));
		ask(fd, &q);
	}
	route_begin(&q, i, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_REPLACE);
	put(&q, RTA_GATEWAY, subnet, sizeof(subnet));
	put(&q, RTA_OIF, &device, sizeof(device));
	ask(fd, &q);
}

/* Three requests for each of n peers, each of them waited for. */
void peers_one_by_one(int n)
{
	int fd = open_socket(0), device = (int)if_nametoindex(PEERS_DEVICE);

	for (int i = 1; i <= n; i++)
		add_peer(fd, i, device);
	close(fd);
}

/* Removes the route to a peer, as an administrator might. */
void route_remove(int i)
{
	int fd = open_socket(0);
	struct request q;

	route_begin(&q, i, RTM_DELROUTE, 0);
	ask(fd, &q);
	close(fd);
}

/* ---- notifications ---- */

/* Return: a socket that hears of routes. */
int routes_listen(void)
{
	return open_socket(RTMGRP_IPV4_ROUTE);
}

/* Return: number of new routes to peers that the next message tells of. */
int routes_take(int fd, bool wait)
{
	struct pollfd readable = { fd, POLLIN, 0 };
	char buf[32 << 10];
	int new = 0;
	ssize_t n;

	if (poll(&readable, 1, wait ? LIMIT_MS : 0) <= 0) {
		if (wait)
			die("routes to peers do not come");
		return 0;
	}
	n = recv(fd, buf, sizeof(buf), 0);
	if (n < 0)
		die("hearing of routes: %s", strerror(errno));
	for (struct nlmsghdr *hdr = (void *)buf; NLMSG_OK(hdr, n); hdr = NLMSG_NEXT(hdr, n)) {
		const struct rtmsg *rtm = NLMSG_DATA(hdr);

		new += hdr->nlmsg_type == RTM_NEWROUTE && rtm->rtm_protocol == PROTO;
	}
	return new;
}

/* Ends the program when the node entered has not all entries for n peers. */
void entries_expect(int n)
{
	shell("dev=" PEERS_DEVICE
	      "; have=\"$(ip -4 route show proto 72 | wc -l) $(ip neigh show dev $dev "
	      "nud permanent | wc -l) $(bridge fdb show dev $dev | grep -c ' dst ')\"; "
	      "[ \"$have\" = '%d %d %d' ] || { echo \"entries for %d peers: $have\" >&2; exit 1; }",
	      n, n, n, n);
}
