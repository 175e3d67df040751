// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The kernel's floor: the netlink messages of bridge's ADD and DEL with nothing around them: no
 * JSON, no IPAM, no state, no checks. A static executable, so its start-up is the least there is.
 *
 * floor add NETNS HOSTNAME BRIDGE ADDR GW    veth in its final places, address, default route (/16)
 * floor addq NETNS HOSTNAME BRIDGE ADDR GW   the same without the one-queue trick
 * floor del HOSTNAME                         RTM_DELLINK, returns after the kernel's barrier
 * floor rss PROGRAM                          runs it, prints its peak RSS in KiB on stderr
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <linux/veth.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

/* Several messages for one send(). */
struct batch {
	_Alignas(NLMSG_ALIGNTO) char buf[2048];
	size_t len;
	struct nlmsghdr *msg;
};

static void die(const char *what)
{
	perror(what);
	_exit(1);
}

static void *begin(struct batch *b, int type, int flags, size_t header)
{
	b->msg = (struct nlmsghdr *)(b->buf + b->len);
	b->msg->nlmsg_type = type;
	b->msg->nlmsg_flags = NLM_F_REQUEST | flags;
	b->msg->nlmsg_len = NLMSG_LENGTH(header);
	b->len += NLMSG_SPACE(header);
	return NLMSG_DATA(b->msg);
}

static struct rtattr *attr(struct batch *b, int type, const void *data, size_t len)
{
	struct rtattr *a = (struct rtattr *)(b->buf + b->len);

	a->rta_type = type;
	a->rta_len = RTA_LENGTH(len);
	if (len)
		memcpy(RTA_DATA(a), data, len);
	b->len += RTA_SPACE(len);
	b->msg->nlmsg_len = b->buf + b->len - (char *)b->msg;
	return a;
}

static void attr_u32(struct batch *b, int type, unsigned int value)
{
	attr(b, type, &value, sizeof(value));
}

static void nest_end(struct batch *b, struct rtattr *a)
{
	a->rta_len = b->buf + b->len - (char *)a;
}

/* Sends the batch and waits for the acknowledgement of its last message. */
static void talk(struct batch *b, const char *what)
{
	_Alignas(NLMSG_ALIGNTO) char answer[8192];
	struct nlmsghdr *h = (struct nlmsghdr *)answer;
	int fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_ROUTE);
	ssize_t n;

	b->msg->nlmsg_flags |= NLM_F_ACK;
	b->msg->nlmsg_seq = 1;
	if (fd < 0 || send(fd, b->buf, b->len, 0) < 0)
		die(what);
	do {
		n = recv(fd, answer, sizeof(answer), 0);
		if (n < (ssize_t)NLMSG_LENGTH(sizeof(struct nlmsgerr)))
			die(what);
		if (((struct nlmsgerr *)NLMSG_DATA(h))->error) {
			fprintf(stderr, "%s: %s\n", what,
				strerror(-((struct nlmsgerr *)NLMSG_DATA(h))->error));
			_exit(1);
		}
	} while (h->nlmsg_seq != 1);
	close(fd);
}

static void accept_ra_off(const char *host)
{
	char path[96];
	int fd;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv6/conf/%s/accept_ra", host);
	fd = open(path, O_WRONLY | O_CLOEXEC);
	if (fd < 0 || write(fd, "0", 1) != 1)
		die(path);
	close(fd);
}

static void create(int netns, const char *host, const char *bridge, int one_queue)
{
	struct batch b = { 0 };
	struct rtattr *info, *data, *peer;
	struct ifinfomsg *ifi;

	ifi = begin(&b, RTM_NEWLINK, NLM_F_CREATE | NLM_F_EXCL, sizeof(*ifi));
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	attr(&b, IFLA_IFNAME, host, strlen(host) + 1);
	attr_u32(&b, IFLA_MASTER, if_nametoindex(bridge));
	if (one_queue) {
		attr_u32(&b, IFLA_NUM_TX_QUEUES, 1);
		attr_u32(&b, IFLA_NUM_RX_QUEUES, 1);
	}
	info = attr(&b, IFLA_LINKINFO, NULL, 0);
	attr(&b, IFLA_INFO_KIND, "veth", 5);
	data = attr(&b, IFLA_INFO_DATA, NULL, 0);
	peer = attr(&b, VETH_INFO_PEER, &(struct ifinfomsg){ 0 }, sizeof(*ifi));
	attr(&b, IFLA_IFNAME, "eth0", 5);
	attr_u32(&b, IFLA_NET_NS_FD, netns);
	if (one_queue) {
		attr_u32(&b, IFLA_NUM_TX_QUEUES, 1);
		attr_u32(&b, IFLA_NUM_RX_QUEUES, 1);
	}
	nest_end(&b, peer);
	nest_end(&b, data);
	nest_end(&b, info);
	talk(&b, "create");
}

static void configure(const char *addr, const char *gw)
{
	struct batch b = { 0 };
	unsigned int index = if_nametoindex("eth0");
	struct in_addr in;
	struct ifinfomsg *ifi;
	struct ifaddrmsg *ifa;
	struct rtmsg *rtm;

	ifi = begin(&b, RTM_NEWLINK, 0, sizeof(*ifi));
	ifi->ifi_index = index;
	ifi->ifi_flags = IFF_UP;
	ifi->ifi_change = IFF_UP;
	ifa = begin(&b, RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, sizeof(*ifa));
	ifa->ifa_family = AF_INET;
	ifa->ifa_prefixlen = 16;
	ifa->ifa_index = index;
	inet_pton(AF_INET, addr, &in);
	attr(&b, IFA_LOCAL, &in, sizeof(in));
	rtm = begin(&b, RTM_NEWROUTE, NLM_F_CREATE | NLM_F_EXCL, sizeof(*rtm));
	rtm->rtm_family = AF_INET;
	rtm->rtm_table = RT_TABLE_MAIN;
	rtm->rtm_protocol = RTPROT_BOOT;
	rtm->rtm_type = RTN_UNICAST;
	inet_pton(AF_INET, gw, &in);
	attr(&b, RTA_GATEWAY, &in, sizeof(in));
	attr_u32(&b, RTA_OIF, index);
	talk(&b, "configure");
}

static int add(char **arg, int one_queue)
{
	int netns = open(arg[0], O_RDONLY | O_CLOEXEC);

	if (netns < 0)
		die(arg[0]);
	create(netns, arg[1], arg[2], one_queue);
	accept_ra_off(arg[1]);
	if (setns(netns, CLONE_NEWNET))
		die("setns");
	configure(arg[3], arg[4]);
	return 0;
}

static int del(const char *host)
{
	struct batch b = { 0 };

	begin(&b, RTM_DELLINK, 0, sizeof(struct ifinfomsg));
	attr(&b, IFLA_IFNAME, host, strlen(host) + 1);
	talk(&b, "delete");
	return 0;
}

/* A child's peak counts the memory it was forked with, so the parent has to be this small one. */
static int rss(char **program)
{
	struct rusage use;
	int status;
	pid_t pid = vfork();

	if (pid == 0) {
		execv(program[0], program);
		_exit(127);
	}
	if (pid < 0 || wait4(pid, &status, 0, &use) < 0)
		die("wait4");
	fprintf(stderr, "%ld\n", use.ru_maxrss);
	return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
}

int main(int argc, char **argv)
{
	if (argc == 7 && !strncmp(argv[1], "add", 3))
		return add(argv + 2, !argv[1][3]);
	if (argc == 3 && !strcmp(argv[1], "del"))
		return del(argv[2]);
	if (argc == 3 && !strcmp(argv[1], "rss"))
		return rss(argv + 2);
	fprintf(stderr,
		"usage: floor add|addq NETNS HOSTNAME BRIDGE ADDR GW, del NAME, rss PROG\n");
	return 2;
}
