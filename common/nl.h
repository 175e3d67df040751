/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* rtnetlink requests over libnl-3's sockets and messages: batches, extended acks, filtered dumps.
 */
#ifndef HAWSER_NL_H
#define HAWSER_NL_H

#include "error.h"

#include <linux/rtnetlink.h>
#include <netlink/attr.h>
#include <netlink/msg.h>
#include <netlink/netlink.h>
#include <stdbool.h>
#include <stdint.h>

#define NLK_BATCH_MAX 64

/*
 * One socket with the requests queued on it. A batch is written by one sendmsg(); the kernel works
 * through it in order and does not stop at the first error, so whoever queues several requests must
 * be able to take all of them back (a container's addresses die with its link).
 */
struct nlk {
	struct nl_sock *sock;
	struct nl_msg *queue[NLK_BATCH_MAX];
	const char *what[NLK_BATCH_MAX];
	int ignored[NLK_BATCH_MAX];  /* negative errno that counts as success, 0: none */
	bool replied[NLK_BATCH_MAX]; /* the reply will do, there is no ack */
	int n_queued;
	int put_err; /* first overflow or allocation failure while building requests */
	uint32_t seq;
	char extack[256];   /* the kernel's own sentence about the last failure, "" if none */
	const char *failed; /* what the failed request was to do, NULL if none */
	int failed_index;   /* its place in the batch */
};

/* Called for each reply that is not an ack. A negative return value ends up as the result. */
typedef int (*nlk_reply_fn)(const struct nlmsghdr *hdr, void *arg);

/**
 * nlk_open() - connect a NETLINK_ROUTE socket in the current network namespace
 * @nl: zeroed by this function; release with nlk_close()
 *
 * Extended acks, capped acks and strict checking of dump requests are switched on.
 *
 * Return: 0, or a negative errno.
 */
int nlk_open(struct nlk *nl);

/**
 * nlk_open_in() - nlk_open() in another network namespace; the process stays in its own
 * @nl: as nlk_open(); works in the namespace it was opened in from then on
 * @netns_fd: of netns_open()
 *
 * Return: 0, or a negative errno with the process in its own namespace.
 */
int nlk_open_in(struct nlk *nl, int netns_fd);

/** nlk_close() - close the socket and drop what was queued. */
void nlk_close(struct nlk *nl);

#define autonlk __attribute__((cleanup(nlk_close)))

/**
 * nlk_request() - queue a request
 * @nl: socket
 * @what: what it does, for errors and traces ("set eth0 up"); a string literal
 * @type: RTM_*
 * @flags: NLM_F_* beside REQUEST and ACK
 * @header: fixed header that follows nlmsghdr
 * @size: its size
 *
 * Return: message to append attributes to, with nlk_put*(); never NULL (a failure is remembered).
 */
struct nl_msg *nlk_request(struct nlk *nl, const char *what, int type, int flags,
			   const void *header, size_t size);

/**
 * nlk_ignore() - let one error of the request queued last count as success
 * @nl: socket
 * @errnum: negative errno, such as -EEXIST
 */
void nlk_ignore(struct nlk *nl, int errnum);

/** nlk_reply_only() - let the request queued last, a question, go without an ack: its answer or
 * error is enough. The last of a batch has one all the same. */
void nlk_reply_only(struct nlk *nl);

/* Attribute appends; the first failure is remembered and comes out of nlk_send(). */
void nlk_put(struct nlk *nl, struct nl_msg *m, int type, const void *data, int len);
void nlk_put_u8(struct nlk *nl, struct nl_msg *m, int type, uint8_t v);
void nlk_put_u16(struct nlk *nl, struct nl_msg *m, int type, uint16_t v);
void nlk_put_u32(struct nlk *nl, struct nl_msg *m, int type, uint32_t v);
void nlk_put_str(struct nlk *nl, struct nl_msg *m, int type, const char *s);
struct nlattr *nlk_nest(struct nlk *nl, struct nl_msg *m, int type);
void nlk_nest_end(struct nl_msg *m, struct nlattr *nest);

/**
 * nlk_send() - send the queue in one sendmsg() and wait for every answer
 * @nl: socket; its queue is empty afterwards
 * @fn: receives replies; NULL drops them
 * @arg: for @fn
 *
 * Return: 0; or the first negative errno (of building, sending, the kernel or @fn), with
 * nl->failed and nl->extack telling more.
 */
int nlk_send(struct nlk *nl, nlk_reply_fn fn, void *arg);

/**
 * nlk_dump() - send the one queued request as a dump, again when it was interrupted
 * @nl: socket with exactly one request queued
 * @fn: receives each object; may see objects twice when a dump is repeated
 * @restart: called before each try so that the caller can forget what it has seen; may be NULL
 * @arg: for both
 *
 * Return: 0, or a negative errno.
 */
int nlk_dump(struct nlk *nl, nlk_reply_fn fn, void (*restart)(void *arg), void *arg);

/**
 * nlk_fail() - cni_fail() with the kernel's own words and a hint in the details
 * @err: filled
 * @nl: socket of the failed request
 * @code: enum cni_code
 * @errnum: what nlk_send() returned
 * @fmt: sentence
 *
 * Return: as cni_fail().
 */
int nlk_fail(struct cni_err *err, const struct nlk *nl, int code, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));

#endif
