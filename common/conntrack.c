/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Forgetting the UDP flows that a published port makes stale (ctnetlink over libmnl). */
#include "conntrack.h"

#include "cleanup.h"
#include "detach.h"
#include "log.h"
#include "nft.h"
#include "nl.h"
#include "route.h"

#include <errno.h>
#include <linux/netfilter/nfnetlink_conntrack.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define ANSWER_SIZE (32u << 10)

/* What a flow's original direction asked for, and who answers. */
struct flow {
	uint8_t proto;
	struct ip_addr dst, answers;
	uint16_t dport;
};

/* A list of flows to delete, as whole attributes of the original tuple. */
struct stale {
	struct nlk nl; /* for telling the host's own addresses */
	const struct port_run *runs;
	size_t n_runs;
	enum conntrack_stale which;
	struct {
		uint8_t family;
		uint16_t len;
		char tuple[128];
	} * flows;
	size_t n;
};

static void read_address(const struct nlattr *attr, int v4, int v6, struct ip_addr *out)
{
	int type = mnl_attr_get_type(attr);

	if (type == v4 && mnl_attr_get_payload_len(attr) == 4)
		out->family = AF_INET;
	else if (type == v6 && mnl_attr_get_payload_len(attr) == 16)
		out->family = AF_INET6;
	else
		return;
	memcpy(out->b, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
}

static void read_tuple(const struct nlattr *tuple, bool original, struct flow *flow)
{
	const struct nlattr *part, *attr;

	mnl_attr_for_each_nested(part, tuple)
	{
		mnl_attr_for_each_nested(attr, part)
		{
			if (mnl_attr_get_type(part) == CTA_TUPLE_IP && original)
				read_address(attr, CTA_IP_V4_DST, CTA_IP_V6_DST, &flow->dst);
			else if (mnl_attr_get_type(part) == CTA_TUPLE_IP)
				read_address(attr, CTA_IP_V4_SRC, CTA_IP_V6_SRC, &flow->answers);
			else if (!original)
				continue;
			else if (mnl_attr_get_type(attr) == CTA_PROTO_NUM)
				flow->proto = mnl_attr_get_u8(attr);
			else if (mnl_attr_get_type(attr) == CTA_PROTO_DST_PORT)
				flow->dport = ntohs(mnl_attr_get_u16(attr));
		}
	}
}

static bool is_stale(struct stale *s, const struct flow *flow)
{
	for (size_t i = 0; i < s->n_runs; i++) {
		const struct port_run *run = &s->runs[i];
		bool to_container = ip_equal(&flow->answers, &run->container);

		if (run->proto != IPPROTO_UDP || flow->dst.family != run->container.family ||
		    flow->dport < run->host_port || flow->dport >= run->host_port + run->count)
			continue;
		if (to_container != (s->which == CONNTRACK_AFTER_DEL))
			continue;
		if (run->host.family ? ip_equal(&flow->dst, &run->host)
				     : to_container || route_is_local(&s->nl, &flow->dst) == 1)
			return true;
	}
	return false;
}

static void take_flow(const struct nlmsghdr *hdr, struct stale *s)
{
	const struct nlattr *attr, *original = NULL;
	struct flow flow = { 0 };

	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == CTA_TUPLE_ORIG) {
			original = attr;
			read_tuple(attr, true, &flow);
		} else if (mnl_attr_get_type(attr) == CTA_TUPLE_REPLY) {
			read_tuple(attr, false, &flow);
		}
	}
	if (!original || flow.proto != IPPROTO_UDP || !is_stale(s, &flow) ||
	    mnl_attr_get_payload_len(original) > sizeof(s->flows->tuple))
		return;
	s->flows = realloc(s->flows, (s->n + 1) * sizeof(*s->flows));
	if (!s->flows)
		abort();
	s->flows[s->n].family = flow.dst.family;
	s->flows[s->n].len = mnl_attr_get_payload_len(original);
	memcpy(s->flows[s->n++].tuple, mnl_attr_get_payload(original),
	       mnl_attr_get_payload_len(original));
}

static struct nlmsghdr *request(char *buf, int type, int flags, int family, uint32_t seq)
{
	struct nlmsghdr *hdr = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *header = mnl_nlmsg_put_extra_header(hdr, sizeof(*header));

	hdr->nlmsg_type = (NFNL_SUBSYS_CTNETLINK << 8) | type;
	hdr->nlmsg_flags = NLM_F_REQUEST | flags;
	hdr->nlmsg_seq = seq;
	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	return hdr;
}

static int list_flows(int fd, struct stale *s)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *hdr = request(buf, IPCTNL_MSG_CT_GET, NLM_F_DUMP, AF_UNSPEC, 1);

	if (send(fd, buf, hdr->nlmsg_len, 0) < 0)
		return -errno;
	for (;;) {
		ssize_t n = recv(fd, buf, sizeof(buf), 0);
		int left = (int)n;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		for (hdr = (struct nlmsghdr *)buf; mnl_nlmsg_ok(hdr, left);
		     hdr = mnl_nlmsg_next(hdr, &left)) {
			if (hdr->nlmsg_type == NLMSG_DONE)
				return 0;
			if (hdr->nlmsg_type == NLMSG_ERROR)
				return ((struct nlmsgerr *)mnl_nlmsg_get_payload(hdr))->error;
			take_flow(hdr, s);
		}
	}
}

/* Return: 1: deleted, 0: it has ended by itself, or a negative errno. */
static int delete_flow(int fd, const struct stale *s, size_t i)
{
	char buf[1024] __attribute__((aligned(NLMSG_ALIGNTO)));
	struct nlmsghdr *hdr =
		request(buf, IPCTNL_MSG_CT_DELETE, NLM_F_ACK, s->flows[i].family, (uint32_t)i + 2);
	int error;

	mnl_attr_put(hdr, CTA_TUPLE_ORIG | NLA_F_NESTED, s->flows[i].len, s->flows[i].tuple);
	if (send(fd, buf, hdr->nlmsg_len, 0) < 0 || recv(fd, buf, sizeof(buf), 0) < 0)
		return -errno;
	error = ((struct nlmsgerr *)mnl_nlmsg_get_payload(hdr))->error;
	return error == 0 ? 1 : error == -ENOENT ? 0 : error;
}

int conntrack_flush_udp(const struct port_run *runs, size_t n, enum conntrack_stale stale)
{
	struct stale s = { .runs = runs, .n_runs = n, .which = stale };
	autoclose int fd = -1;
	int r, deleted = 0;
	bool any = false;

	for (size_t i = 0; i < n; i++)
		any |= runs[i].proto == IPPROTO_UDP;
	if (!any)
		return 0;
	fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, NETLINK_NETFILTER);
	if (fd < 0)
		return -errno;
	r = nlk_open(&s.nl);
	if (r == 0)
		r = list_flows(fd, &s);
	for (size_t i = 0; r >= 0 && i < s.n; i++) {
		r = delete_flow(fd, &s, i);
		deleted += r > 0;
	}
	nlk_close(&s.nl);
	free(s.flows);
	/* a socket of the same subsystem as nf_tables, which has just removed elements */
	if (stale == CONNTRACK_AFTER_DEL)
		detach_close(take_fd(&fd));
	log_trace("conntrack: %d of %zu stale UDP flows deleted: %s", deleted, s.n,
		  r < 0 ? strerror(-r) : "ok");
	return r < 0 ? r : deleted;
}
