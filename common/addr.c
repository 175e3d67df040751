/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Addresses of interfaces. */
#include "addr.h"

#include "cleanup.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>

static struct ifaddrmsg header(int index, const struct ip_net *net)
{
	return (struct ifaddrmsg){ .ifa_family = net->ip.family,
				   .ifa_prefixlen = net->len,
				   .ifa_index = index,
				   .ifa_scope = ip_is_loopback(&net->ip) ? RT_SCOPE_HOST
									 : RT_SCOPE_UNIVERSE };
}

void addr_queue_add(struct nlk *nl, int index, const struct ip_net *net, uint32_t flags)
{
	struct ifaddrmsg ifa = header(index, net);
	struct ip_addr last = ip_last(net);
	struct nl_msg *m;

	/* IPv4 has no use for it, and would show it */
	if (net->ip.family == AF_INET)
		flags &= ~(uint32_t)IFA_F_NODAD;
	m = nlk_request(nl, "add an address", RTM_NEWADDR, NLM_F_CREATE | NLM_F_EXCL, &ifa,
			sizeof(ifa));
	nlk_put(nl, m, IFA_LOCAL, net->ip.b, ip_bytes(&net->ip));
	nlk_put(nl, m, IFA_ADDRESS, net->ip.b, ip_bytes(&net->ip));
	if (net->ip.family == AF_INET && net->len < 31)
		nlk_put(nl, m, IFA_BROADCAST, last.b, 4);
	if (flags)
		nlk_put_u32(nl, m, IFA_FLAGS, flags);
}

void addr_queue_del(struct nlk *nl, int index, const struct ip_net *net)
{
	struct ifaddrmsg ifa = header(index, net);
	struct nl_msg *m = nlk_request(nl, "remove an address", RTM_DELADDR, 0, &ifa, sizeof(ifa));

	nlk_put(nl, m, IFA_LOCAL, net->ip.b, ip_bytes(&net->ip));
	nlk_put(nl, m, IFA_ADDRESS, net->ip.b, ip_bytes(&net->ip));
}

struct listing {
	struct addr_list *out;
	int index;
};

static int read_addr(const struct nlmsghdr *hdr, void *arg)
{
	const struct listing *l = arg;
	const struct ifaddrmsg *ifa = nlmsg_data(hdr);
	struct nlattr *attr[IFA_MAX + 1], *value;
	struct ip_net net = { .ip = { .family = ifa->ifa_family }, .len = ifa->ifa_prefixlen };

	if (hdr->nlmsg_type != RTM_NEWADDR || (int)ifa->ifa_index != l->index)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*ifa), attr, IFA_MAX, NULL) < 0)
		return -EBADMSG;
	value = attr[IFA_LOCAL] ? attr[IFA_LOCAL] : attr[IFA_ADDRESS];
	if (!value || nla_len(value) != ip_bytes(&net.ip))
		return 0;
	if (l->out->n == ADDR_LIST_MAX)
		return -E2BIG;
	memcpy(net.ip.b, nla_data(value), nla_len(value));
	l->out->a[l->out->n].net = net;
	l->out->a[l->out->n].scope = ifa->ifa_scope;
	l->out->a[l->out->n++].flags =
		attr[IFA_FLAGS] ? nla_get_u32(attr[IFA_FLAGS]) : ifa->ifa_flags;
	return 0;
}

static void forget(void *arg)
{
	((struct listing *)arg)->out->n = 0;
}

static int list_family(struct nlk *nl, int index, int family, struct addr_list *out)
{
	struct ifaddrmsg ifa = { .ifa_family = family, .ifa_index = index };
	struct addr_list part;
	struct listing l = { .out = &part, .index = index };
	int r;

	nlk_request(nl, "list the addresses of an interface", RTM_GETADDR, 0, &ifa, sizeof(ifa));
	r = nlk_dump(nl, read_addr, forget, &l);
	for (int i = 0; r == 0 && i < part.n; i++) {
		if (out->n == ADDR_LIST_MAX)
			return -E2BIG;
		out->a[out->n++] = part.a[i];
	}
	return r;
}

int addr_list_get(struct nlk *nl, int index, int family, struct addr_list *out)
{
	int r = 0;

	out->n = 0;
	if (family != AF_INET6)
		r = list_family(nl, index, AF_INET, out);
	if (r == 0 && family != AF_INET)
		r = list_family(nl, index, AF_INET6, out);
	/* a kernel without IPv6 has no IPv6 addresses */
	return r == -EOPNOTSUPP || r == -EAFNOSUPPORT ? 0 : r;
}

static bool has(const struct addr_list *list, const struct ip_net *net)
{
	for (int i = 0; i < list->n; i++)
		if (list->a[i].net.len == net->len && ip_equal(&list->a[i].net.ip, &net->ip))
			return true;
	return false;
}

int addr_queue_only(struct nlk *nl, int index, const struct ip_net want[2])
{
	struct addr_list have;
	int r = addr_list_get(nl, index, AF_UNSPEC, &have);

	if (r < 0)
		return r;
	for (int i = 0; i < have.n && i < NLK_BATCH_MAX / 2; i++) {
		const struct ip_net *net = &have.a[i].net,
				    *wanted = &want[net->ip.family == AF_INET6];

		if ((net->len != wanted->len || !ip_equal(&net->ip, &wanted->ip)) &&
		    have.a[i].scope != RT_SCOPE_LINK)
			addr_queue_del(nl, index, net);
	}
	for (int i = 0; i < 2; i++)
		if (want[i].ip.family && !has(&have, &want[i]))
			addr_queue_add(nl, index, &want[i], IFA_F_NODAD);
	return 0;
}

int addr_missing(struct nlk *nl, int index, const struct ip_net want[2],
		 const struct ip_net **missing)
{
	struct addr_list have;
	int r = addr_list_get(nl, index, AF_UNSPEC, &have);

	*missing = NULL;
	for (int i = 0; i < 2 && r == 0 && !*missing; i++)
		if (want[i].ip.family && !has(&have, &want[i]))
			*missing = &want[i];
	return r;
}

/* Return: 1 while an address is tentative, 0 when all are usable, or a negative errno. */
static int dad_pending(struct nlk *nl, int index)
{
	struct addr_list list;
	int r = addr_list_get(nl, index, AF_INET6, &list), pending = 0;

	for (int i = 0; r == 0 && i < list.n; i++) {
		if (list.a[i].flags & IFA_F_DADFAILED)
			return -EADDRINUSE;
		pending |= (list.a[i].flags & IFA_F_TENTATIVE) != 0;
	}
	return r < 0 ? r : pending;
}

int addr_wait_dad(struct nlk *nl, int index, int timeout_ms)
{
	struct sockaddr_nl local = { .nl_family = AF_NETLINK, .nl_groups = RTMGRP_IPV6_IFADDR };
	autoclose int fd =
		socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_ROUTE);
	struct timespec start, now;

	if (fd < 0 || bind(fd, (struct sockaddr *)&local, sizeof(local)) < 0)
		return -errno;
	clock_gettime(CLOCK_MONOTONIC, &start);
	for (;;) {
		struct pollfd pfd = { .fd = fd, .events = POLLIN };
		int r = dad_pending(nl, index), left;
		char drop[4096];

		if (r <= 0)
			return r;
		clock_gettime(CLOCK_MONOTONIC, &now);
		left = timeout_ms - (int)((now.tv_sec - start.tv_sec) * 1000 +
					  (now.tv_nsec - start.tv_nsec) / 1000000);
		if (left <= 0 || poll(&pfd, 1, left) == 0)
			return -ETIMEDOUT;
		while (recv(fd, drop, sizeof(drop), 0) > 0)
			;
	}
}
