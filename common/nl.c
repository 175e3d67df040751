/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtnetlink requests over libnl-3's sockets and messages: batches, extended acks, filtered dumps.
 */
#include "nl.h"

#include "cleanup.h"
#include "fault.h"
#include "log.h"
#include "netns.h"

#include <netlink/socket.h>
#include <stdarg.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/uio.h>
#include <time.h>

#define MSG_SIZE    2048
#define ANSWER_SIZE 32768

int nlk_open(struct nlk *nl)
{
	int one = 1, fd, r;

	memset(nl, 0, sizeof(*nl));
	nl->sock = nl_socket_alloc();
	if (!nl->sock)
		return -ENOMEM;
	r = nl_connect(nl->sock, NETLINK_ROUTE);
	if (r < 0) {
		r = errno ? -errno : -EPROTONOSUPPORT;
		nlk_close(nl);
		return r;
	}
	fd = nl_socket_get_fd(nl->sock);
	/* all three are refinements: a kernel without them still answers */
	setsockopt(fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one));
	setsockopt(fd, SOL_NETLINK, NETLINK_GET_STRICT_CHK, &one, sizeof(one));
	nl->seq = (uint32_t)time(NULL);
	return 0;
}

static void drop_queue(struct nlk *nl)
{
	for (int i = 0; i < nl->n_queued; i++)
		nlmsg_free(nl->queue[i]);
	nl->n_queued = 0;
	nl->put_err = 0;
}

void nlk_close(struct nlk *nl)
{
	drop_queue(nl);
	if (nl->sock)
		nl_socket_free(nl->sock);
	nl->sock = NULL;
}

int nlk_open_in(struct nlk *nl, int netns_fd)
{
	autoclose int home = netns_current();
	int r, back;

	memset(nl, 0, sizeof(*nl));
	if (home < 0)
		return home;
	r = netns_enter(netns_fd);
	if (r < 0)
		return r;
	r = nlk_open(nl);
	back = netns_enter(home);
	if (back < 0) { /* a fault injected here must not leave us inside: undo works on the host */
		netns_enter(home);
		nlk_close(nl);
	}
	return r < 0 ? r : back;
}

static void remember(struct nlk *nl, int r)
{
	if (r < 0 && !nl->put_err)
		nl->put_err = -EMSGSIZE;
}

struct nl_msg *nlk_request(struct nlk *nl, const char *what, int type, int flags,
			   const void *header, size_t size)
{
	struct nl_msg *m = nlmsg_alloc_size(MSG_SIZE);

	if (!m || nl->n_queued == NLK_BATCH_MAX)
		abort();
	nlmsg_put(m, 0, ++nl->seq, type, 0, NLM_F_REQUEST | NLM_F_ACK | flags);
	remember(nl, nlmsg_append(m, (void *)header, size, NLMSG_ALIGNTO));
	nl->what[nl->n_queued] = what;
	nl->ignored[nl->n_queued] = 0;
	nl->replied[nl->n_queued] = false;
	nl->queue[nl->n_queued++] = m;
	return m;
}

void nlk_ignore(struct nlk *nl, int errnum)
{
	nl->ignored[nl->n_queued - 1] = errnum;
}

void nlk_reply_only(struct nlk *nl)
{
	nl->replied[nl->n_queued - 1] = true;
}

void nlk_put(struct nlk *nl, struct nl_msg *m, int type, const void *data, int len)
{
	remember(nl, nla_put(m, type, len, data));
}

void nlk_put_u8(struct nlk *nl, struct nl_msg *m, int type, uint8_t v)
{
	nlk_put(nl, m, type, &v, sizeof(v));
}

void nlk_put_u16(struct nlk *nl, struct nl_msg *m, int type, uint16_t v)
{
	nlk_put(nl, m, type, &v, sizeof(v));
}

void nlk_put_u32(struct nlk *nl, struct nl_msg *m, int type, uint32_t v)
{
	nlk_put(nl, m, type, &v, sizeof(v));
}

void nlk_put_str(struct nlk *nl, struct nl_msg *m, int type, const char *s)
{
	nlk_put(nl, m, type, s, strlen(s) + 1);
}

struct nlattr *nlk_nest(struct nlk *nl, struct nl_msg *m, int type)
{
	struct nlattr *nest = nla_nest_start(m, type | NLA_F_NESTED);

	if (!nest)
		remember(nl, -1);
	return nest;
}

void nlk_nest_end(struct nl_msg *m, struct nlattr *nest)
{
	if (nest)
		nla_nest_end(m, nest);
}

/* Keep the kernel's sentence: the attributes behind a capped ack (NETLINK_EXT_ACK). */
static void read_extack(struct nlk *nl, const struct nlmsghdr *hdr)
{
	const struct nlmsgerr *e = nlmsg_data(hdr);
	size_t used = sizeof(*e);
	struct nlattr *attrs, *msg;

	if (!(hdr->nlmsg_flags & NLM_F_ACK_TLVS))
		return;
	if (!(hdr->nlmsg_flags & NLM_F_CAPPED))
		used += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (used >= (size_t)nlmsg_datalen(hdr))
		return;
	attrs = (struct nlattr *)((char *)nlmsg_data(hdr) + used);
	msg = nla_find(attrs, nlmsg_datalen(hdr) - (int)used, NLMSGERR_ATTR_MSG);
	if (msg)
		snprintf(nl->extack, sizeof(nl->extack), "%.*s", nla_len(msg),
			 (const char *)nla_data(msg));
}

static ssize_t receive(struct nlk *nl, char *buf)
{
	ssize_t n;

	do
		n = recv(nl_socket_get_fd(nl->sock), buf, ANSWER_SIZE, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : n;
}

static int write_queue(struct nlk *nl)
{
	struct iovec iov[NLK_BATCH_MAX];
	struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	struct msghdr msg = {
		.msg_name = &kernel,
		.msg_namelen = sizeof(kernel),
		.msg_iov = iov,
		.msg_iovlen = nl->n_queued,
	};

	for (int i = 0; i < nl->n_queued; i++) {
		struct nlmsghdr *hdr = nlmsg_hdr(nl->queue[i]);
		int r = fault_step(nl->what[i]);

		if (r < 0)
			return r;
		if (nl->replied[i] && i < nl->n_queued - 1)
			hdr->nlmsg_flags &= (uint16_t)~NLM_F_ACK;
		hdr->nlmsg_pid = nl_socket_get_local_port(nl->sock);
		iov[i] = (struct iovec){ hdr, NLMSG_ALIGN(hdr->nlmsg_len) };
	}
	while (sendmsg(nl_socket_get_fd(nl->sock), &msg, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return 0;
}

/* One ack or error. Return: 1 when it answers the last request, else 0; *result keeps the first
 * error. */
static int take_ack(struct nlk *nl, const struct nlmsghdr *hdr, uint32_t first, int *result)
{
	const struct nlmsgerr *e = nlmsg_data(hdr);
	int index = (int)(hdr->nlmsg_seq - first);

	log_trace("netlink: %s: %s", nl->what[index], e->error ? strerror(-e->error) : "ok");
	if (e->error && e->error != nl->ignored[index] && *result == 0) {
		*result = e->error;
		nl->failed = nl->what[index];
		nl->failed_index = index;
		read_extack(nl, hdr);
	}
	return index == nl->n_queued - 1;
}

/* Read answers until the last request is acknowledged. */
static int read_answers(struct nlk *nl, nlk_reply_fn fn, void *arg)
{
	uint32_t first = nl->seq - nl->n_queued + 1;
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	int result = 0;

	for (;;) {
		ssize_t n = receive(nl, buf);
		struct nlmsghdr *hdr = (struct nlmsghdr *)buf;
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left)) {
			if (hdr->nlmsg_seq - first >= (uint32_t)nl->n_queued)
				continue; /* not an answer to this batch */
			if (hdr->nlmsg_type == NLMSG_ERROR) {
				if (take_ack(nl, hdr, first, &result))
					return result;
			} else if (fn) {
				int r = fn(hdr, arg);

				if (r < 0 && result == 0)
					result = r;
			}
		}
	}
}

int nlk_send(struct nlk *nl, nlk_reply_fn fn, void *arg)
{
	int r = nl->put_err;

	nl->extack[0] = '\0';
	nl->failed = NULL;
	if (nl->n_queued == 0)
		return 0;
	if (r == 0)
		r = write_queue(nl);
	if (r == 0)
		r = read_answers(nl, fn, arg);
	else
		nl->failed = nl->what[0];
	drop_queue(nl);
	return r;
}

/* Read one dump to its end. Return: 0, 1 when it was interrupted, or a negative errno. */
static int read_dump(struct nlk *nl, nlk_reply_fn fn, void *arg)
{
	char buf[ANSWER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool interrupted = false;
	int result = 0;

	for (;;) {
		ssize_t n = receive(nl, buf);
		struct nlmsghdr *hdr = (struct nlmsghdr *)buf;
		int left = (int)n;

		if (n < 0)
			return (int)n;
		for (; nlmsg_ok(hdr, left); hdr = nlmsg_next(hdr, &left)) {
			if (hdr->nlmsg_seq != nl->seq)
				continue;
			interrupted |= (hdr->nlmsg_flags & NLM_F_DUMP_INTR) != 0;
			if (hdr->nlmsg_type == NLMSG_DONE)
				return result < 0 ? result : interrupted;
			if (hdr->nlmsg_type == NLMSG_ERROR) {
				read_extack(nl, hdr);
				return ((struct nlmsgerr *)nlmsg_data(hdr))->error;
			}
			if (result == 0)
				result = fn(hdr, arg);
		}
	}
}

int nlk_dump(struct nlk *nl, nlk_reply_fn fn, void (*restart)(void *arg), void *arg)
{
	int r = nl->put_err;

	assert(nl->n_queued == 1);
	nl->extack[0] = '\0';
	nl->failed = nl->what[0];
	/* under heavy churn every dump may be interrupted; ten in a row is the kernel's problem */
	for (int attempt = 0; r >= 0 && attempt < 10; attempt++) {
		struct nlmsghdr *hdr = nlmsg_hdr(nl->queue[0]);

		hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
		hdr->nlmsg_seq = ++nl->seq;
		if (restart)
			restart(arg);
		r = write_queue(nl);
		if (r == 0)
			r = read_dump(nl, fn, arg);
		log_trace("netlink: dump: %s: %s", nl->failed, r < 0 ? strerror(-r) : "ok");
		if (r != 1)
			break;
	}
	drop_queue(nl);
	return r == 1 ? -EAGAIN : r;
}

int nlk_fail(struct cni_err *err, const struct nlk *nl, int code, int errnum, const char *fmt, ...)
{
	const char *hint =
		errnum == -EPERM ? "the plugin needs CAP_NET_ADMIN in this network namespace" : "";
	char text[512];
	va_list ap;
	int r;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	r = cni_fail(err, code, errnum, "%s", text);
	if (nl->extack[0] || *hint || nl->failed)
		cni_err_details(err, "%s%s%s%s%s", nl->failed ? nl->failed : "",
				nl->failed && (nl->extack[0] || *hint) ? ": " : "", nl->extack,
				nl->extack[0] && *hint ? "; " : "", hint);
	return r;
}
