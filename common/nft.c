/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nf_tables over libmnl and libnftnl: questions, and batches that are committed as a whole. */
#include "nft.h"

#include "detach.h"
#include "fault.h"
#include "log.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#ifndef ERESTART
#define ERESTART 85
#endif

#define ANSWER_SIZE (32u << 10)
#define FIRST_SIZE  (256u << 10)

int nft_open(struct nft *nft)
{
	memset(nft, 0, sizeof(*nft));
	nft->sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	if (!nft->sock)
		return -errno;
	if (mnl_socket_bind(nft->sock, 0, MNL_SOCKET_AUTOPID) < 0) {
		int r = -errno;

		nft_close(nft);
		return r;
	}
	nft->seq = 1;
	return 0;
}

void nft_close(struct nft *nft)
{
	if (nft->sock && nft->removes) {
		int fd = dup(mnl_socket_get_fd(nft->sock));

		if (fd >= 0)
			detach_close(fd);
	}
	if (nft->sock)
		mnl_socket_close(nft->sock);
	free(nft->buf);
	nft->sock = NULL;
	nft->buf = NULL;
	nft->used = nft->size = 0;
}

/*
 * Room for one more message and its attributes. Only what is used is copied: a page that was never
 * written costs nothing, so the first piece is large.
 */
static void reserve(struct nft *nft)
{
	size_t size = nft->size ? nft->size : FIRST_SIZE;
	char *bigger;

	while (size - nft->used < NFT_ROOM)
		size *= 2;
	if (size == nft->size)
		return;
	bigger = malloc(size);
	if (!bigger)
		abort();
	if (nft->used)
		memcpy(bigger, nft->buf, nft->used);
	free(nft->buf);
	nft->buf = bigger;
	nft->size = size;
}

/* The newest message is complete: count it in. */
static void finish(struct nft *nft)
{
	if (nft->open)
		nft->used = nft->newest +
			    MNL_ALIGN(((struct nlmsghdr *)(nft->buf + nft->newest))->nlmsg_len);
	nft->open = false;
}

/* Begin a message; it takes attributes until the next one begins. */
static struct nlmsghdr *start(struct nft *nft, int type, int flags, int family, int res_id)
{
	struct nlmsghdr *hdr;
	struct nfgenmsg *header;

	finish(nft);
	reserve(nft);
	if (nft->used == 0)
		nft->first = nft->seq;
	hdr = mnl_nlmsg_put_header(nft->buf + nft->used);
	hdr->nlmsg_type = type;
	hdr->nlmsg_flags = NLM_F_REQUEST | flags;
	hdr->nlmsg_seq = nft->seq++;
	header = mnl_nlmsg_put_extra_header(hdr, sizeof(*header));
	header->nfgen_family = family;
	header->version = NFNETLINK_V0;
	header->res_id = htons(res_id);
	nft->newest = nft->used;
	nft->open = true;
	return hdr;
}

static void empty_queue(struct nft *nft)
{
	nft->used = 0;
	nft->open = false;
}

void nft_begin(struct nft *nft, uint32_t genid)
{
	struct nlmsghdr *hdr;

	empty_queue(nft);
	hdr = start(nft, NFNL_MSG_BATCH_BEGIN, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	if (genid)
		mnl_attr_put_u32(hdr, NFNL_BATCH_GENID, htonl(genid));
}

struct nlmsghdr *nft_message(struct nft *nft, int type, int family, int flags)
{
	nft->removes |= type == NFT_MSG_DELTABLE || type == NFT_MSG_DELCHAIN ||
			type == NFT_MSG_DELRULE || type == NFT_MSG_DELSETELEM;
	return start(nft, (NFNL_SUBSYS_NFTABLES << 8) | type, flags, family, 0);
}

void nft_put_table(struct nft *nft, int family, const char *name, const char *comment)
{
	struct nlmsghdr *hdr = nft_message(nft, NFT_MSG_NEWTABLE, family, NLM_F_CREATE);
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);
	struct nftnl_table *table = nftnl_table_alloc();

	if (!table || !udata)
		abort();
	nftnl_table_set_str(table, NFTNL_TABLE_NAME, name);
	nftnl_udata_put_strz(udata, NFTNL_UDATA_TABLE_COMMENT, comment);
	nftnl_table_set_data(table, NFTNL_TABLE_USERDATA, nftnl_udata_buf_data(udata),
			     nftnl_udata_buf_len(udata));
	nftnl_table_nlmsg_build_payload(hdr, table);
	nftnl_udata_buf_free(udata);
	nftnl_table_free(table);
}

void nft_put_chain(struct nft *nft, struct nftnl_chain *chain)
{
	int family = (int)nftnl_chain_get_u32(chain, NFTNL_CHAIN_FAMILY);
	struct nlmsghdr *hdr = nft_message(nft, NFT_MSG_NEWCHAIN, family, NLM_F_CREATE);

	nftnl_chain_nlmsg_build_payload(hdr, chain);
	nftnl_chain_free(chain);
}

void nft_put_rule(struct nft *nft, struct nftnl_rule *rule)
{
	int family = (int)nftnl_rule_get_u32(rule, NFTNL_RULE_FAMILY);
	struct nlmsghdr *hdr =
		nft_message(nft, NFT_MSG_NEWRULE, family, NLM_F_CREATE | NLM_F_APPEND);

	nftnl_rule_nlmsg_build_payload(hdr, rule);
	nftnl_rule_free(rule);
}

void nft_put_set(struct nft *nft, struct nftnl_set *set)
{
	int family = (int)nftnl_set_get_u32(set, NFTNL_SET_FAMILY);
	struct nlmsghdr *hdr = nft_message(nft, NFT_MSG_NEWSET, family, NLM_F_CREATE);

	nftnl_set_nlmsg_build_payload(hdr, set);
	nftnl_set_free(set);
}

void nft_ask_chain(struct nft *nft, int family, const char *table, const char *chain)
{
	struct nlmsghdr *hdr = nft_message(nft, NFT_MSG_GETCHAIN, family, 0);

	mnl_attr_put_strz(hdr, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(hdr, NFTA_CHAIN_NAME, chain);
}

void nft_ask_table(struct nft *nft, int family, const char *table)
{
	mnl_attr_put_strz(nft_message(nft, NFT_MSG_GETTABLE, family, 0), NFTA_TABLE_NAME, table);
}

uint32_t nft_attr_u32(const struct nlmsghdr *hdr, int type, uint32_t absent)
{
	const struct nlattr *attr;

	mnl_attr_for_each(
		attr, hdr,
		sizeof(struct nfgenmsg)) if (mnl_attr_get_type(attr) == type &&
					     mnl_attr_get_payload_len(attr) ==
						     4) return ntohl(mnl_attr_get_u32(attr));
	return absent;
}

void nft_put_del_table(struct nft *nft, int family, const char *name)
{
	mnl_attr_put_strz(nft_message(nft, NFT_MSG_DELTABLE, family, 0), NFTA_TABLE_NAME, name);
}

void nft_put_del_chain(struct nft *nft, int family, const char *table, const char *chain)
{
	struct nlmsghdr *hdr = nft_message(nft, NFT_MSG_DELCHAIN, family, 0);

	mnl_attr_put_strz(hdr, NFTA_CHAIN_TABLE, table);
	mnl_attr_put_strz(hdr, NFTA_CHAIN_NAME, chain);
}

/* A batch of thousands of elements is one datagram: the socket must take it. */
static void make_room(const struct nft *nft)
{
	int fd = mnl_socket_get_fd(nft->sock), size = 0, wanted = (int)nft->used;
	socklen_t len = sizeof(size);

	getsockopt(fd, SOL_SOCKET, SO_SNDBUF, &size, &len);
	if (size / 2 > wanted)
		return;
	if (setsockopt(fd, SOL_SOCKET, SO_SNDBUFFORCE, &wanted, sizeof(wanted)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &wanted, sizeof(wanted));
}

static const char *const message_names[NFT_MSG_MAX] = {
	[NFT_MSG_NEWTABLE] = "create a table",	 [NFT_MSG_DELTABLE] = "remove a table",
	[NFT_MSG_NEWCHAIN] = "create a chain",	 [NFT_MSG_DELCHAIN] = "remove a chain",
	[NFT_MSG_NEWRULE] = "add a rule",	 [NFT_MSG_DELRULE] = "remove a rule",
	[NFT_MSG_NEWSET] = "create a set",	 [NFT_MSG_DELSET] = "remove a set",
	[NFT_MSG_NEWSETELEM] = "add an element", [NFT_MSG_DELSETELEM] = "remove an element",
};

/* What the message of a sequence number was to do, with the names of its first string attributes.
 */
static void describe(struct nft *nft, uint32_t seq)
{
	const struct nlmsghdr *hdr = (const struct nlmsghdr *)nft->buf;
	size_t at = 0;

	snprintf(nft->what, sizeof(nft->what), "begin a batch");
	while (at < nft->used && hdr->nlmsg_seq != seq) {
		at += MNL_ALIGN(hdr->nlmsg_len);
		hdr = (const struct nlmsghdr *)(nft->buf + at);
	}
	if (at >= nft->used || (hdr->nlmsg_type >> 8) != NFNL_SUBSYS_NFTABLES)
		return;
	snprintf(nft->what, sizeof(nft->what), "%s", message_names[hdr->nlmsg_type & 0xff]);
	if (hdr->nlmsg_len > MNL_NLMSG_HDRLEN + sizeof(struct nfgenmsg)) {
		const struct nlattr *attr =
			mnl_nlmsg_get_payload_offset(hdr, sizeof(struct nfgenmsg));
		size_t used = strlen(nft->what);

		attr = mnl_attr_next(attr); /* the second string attribute names chain or set */
		if (mnl_attr_get_type(attr) == NFTA_RULE_CHAIN)
			snprintf(nft->what + used, sizeof(nft->what) - used, " of %.40s",
				 mnl_attr_get_str(attr));
	}
}

/* One datagram of answers. Return: its size, or a negative errno. */
static ssize_t receive(const struct nft *nft, char buf[ANSWER_SIZE], int flags)
{
	ssize_t size;

	do
		size = recv(mnl_socket_get_fd(nft->sock), buf, ANSWER_SIZE, flags);
	while (size < 0 && errno == EINTR);
	return size < 0 ? -errno : size;
}

/*
 * The kernel has queued every answer when sendmsg() returns. Return: the first error, 0, or
 * -EPROTO when the acknowledgement of the last message is missing.
 */
static int read_acks(struct nft *nft, uint32_t last)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool acked = false;
	int result = 0;

	for (;;) {
		ssize_t n = receive(nft, buf, acked ? MSG_DONTWAIT : 0);
		const struct nlmsghdr *hdr = (const struct nlmsghdr *)buf;
		int left = (int)n;

		if (n < 0)
			return acked ? result : (int)n;
		for (; mnl_nlmsg_ok(hdr, left); hdr = mnl_nlmsg_next(hdr, &left)) {
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(hdr);

			if (hdr->nlmsg_type != NLMSG_ERROR)
				continue;
			if (e->error && result == 0) {
				result = e->error;
				describe(nft, hdr->nlmsg_seq);
			}
			/* an error of the first message ends the batch before it began */
			acked |= hdr->nlmsg_seq == last || hdr->nlmsg_seq == nft->first;
		}
	}
}

static int transmit(struct nft *nft)
{
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };

	make_room(nft);
	while (sendto(mnl_socket_get_fd(nft->sock), nft->buf, nft->used, 0,
		      (struct sockaddr *)&kernel, sizeof(kernel)) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

int nft_commit(struct nft *nft)
{
	struct nlmsghdr *newest;
	uint32_t last;
	int r;

	finish(nft);
	nft->what[0] = '\0';
	newest = (struct nlmsghdr *)(nft->buf + nft->newest);
	newest->nlmsg_flags |= NLM_F_ACK;
	last = newest->nlmsg_seq;
	start(nft, NFNL_MSG_BATCH_END, 0, AF_UNSPEC, NFNL_SUBSYS_NFTABLES);
	finish(nft);
	r = fault_step("commit to nf_tables");
	if (r == 0)
		r = transmit(nft);
	if (r == 0)
		r = read_acks(nft, last);
	log_trace("nf_tables: batch of %u messages, %zu bytes: %s", nft->seq - nft->first,
		  nft->used, r < 0 ? strerror(-r) : "ok");
	empty_queue(nft);
	return r;
}

/* Each question has exactly one answer: an object, or an error. */
static int read_answers(struct nft *nft, unsigned int n, nft_answer_fn fn, void *arg)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (unsigned int answered = 0; answered < n;) {
		ssize_t size = receive(nft, buf, 0);
		const struct nlmsghdr *hdr = (const struct nlmsghdr *)buf;
		int left = (int)size;

		if (size < 0)
			return (int)size;
		for (; mnl_nlmsg_ok(hdr, left); hdr = mnl_nlmsg_next(hdr, &left)) {
			unsigned int index = hdr->nlmsg_seq - nft->first;
			const struct nlmsgerr *e = mnl_nlmsg_get_payload(hdr);

			if (index >= n)
				continue;
			answered++;
			if (hdr->nlmsg_type == NLMSG_ERROR)
				fn(index, e->error, NULL, arg);
			else
				fn(index, 0, hdr, arg);
		}
	}
	return 0;
}

int nft_ask(struct nft *nft, nft_answer_fn fn, void *arg)
{
	unsigned int n;
	int r;

	finish(nft);
	n = nft->seq - nft->first;
	r = fault_step("ask nf_tables");
	if (r == 0)
		r = transmit(nft);
	if (r == 0)
		r = read_answers(nft, n, fn, arg);
	empty_queue(nft);
	return r;
}

/* Read a dump to its end. */
static int read_dump(struct nft *nft, void (*fn)(const struct nlmsghdr *hdr, void *arg), void *arg)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));

	for (;;) {
		ssize_t size = receive(nft, buf, 0);
		const struct nlmsghdr *hdr = (const struct nlmsghdr *)buf;
		int left = (int)size;

		if (size < 0)
			return (int)size;
		for (; mnl_nlmsg_ok(hdr, left); hdr = mnl_nlmsg_next(hdr, &left)) {
			if (hdr->nlmsg_type == NLMSG_DONE)
				return 0;
			if (hdr->nlmsg_type == NLMSG_ERROR)
				return ((const struct nlmsgerr *)mnl_nlmsg_get_payload(hdr))->error;
			fn(hdr, arg);
		}
	}
}

int nft_dump(struct nft *nft, void (*fn)(const struct nlmsghdr *hdr, void *arg), void *arg)
{
	int r;

	finish(nft);
	r = fault_step("list nf_tables");
	if (r == 0)
		r = transmit(nft);
	if (r == 0)
		r = read_dump(nft, fn, arg);
	empty_queue(nft);
	return r;
}

static void take_genid(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg)
{
	(void)index;
	*(uint32_t *)arg = error || !hdr ? 0 : nft_attr_u32(hdr, NFTA_GEN_ID, 0);
}

int nft_genid(struct nft *nft, uint32_t *genid)
{
	int r;

	*genid = 0;
	nft_message(nft, NFT_MSG_GETGEN, NFPROTO_UNSPEC, 0);
	r = nft_ask(nft, take_genid, genid);
	return r < 0 ? r : *genid ? 0 : -EOPNOTSUPP;
}

int nft_fail(struct cni_err *err, const struct nft *nft, int errnum, const char *fmt, ...)
{
	const char *hint = "";
	char text[512];
	va_list ap;
	int r;

	if (errnum == -EPERM)
		hint = "the plugin needs CAP_NET_ADMIN in this network namespace";
	else if (errnum == -EOPNOTSUPP || errnum == -EPROTONOSUPPORT || errnum == -EAFNOSUPPORT)
		hint = "the kernel needs CONFIG_NF_TABLES with CONFIG_NF_TABLES_INET";
	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r = cni_fail(err, CNI_E_FAILED, errnum, "%s", text);
	cni_err_details(err, "%s%s%s", nft->what, nft->what[0] && *hint ? "; " : "", hint);
	return r;
}
