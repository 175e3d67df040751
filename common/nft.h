/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* nf_tables over libmnl and libnftnl: questions, and batches that are committed as a whole. */
#ifndef HAWSER_NFT_H
#define HAWSER_NFT_H

#include "error.h"

#include <netinet/in.h> /* before any linux/ header that defines the same */

#include <libmnl/libmnl.h>
#include <libnftnl/chain.h>
#include <libnftnl/expr.h>
#include <libnftnl/rule.h>
#include <libnftnl/set.h>
#include <libnftnl/table.h>
#include <linux/netfilter.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nfnetlink.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * One socket with the messages queued on it: either questions (each answered by one object or one
 * error) or a batch (NFNL_MSG_BATCH_BEGIN to _END, all or nothing; nfnetlink_rcv_batch() in
 * net/netfilter/nfnetlink.c). Nobody lists rules or elements on the ADD or DEL path.
 */
struct nft {
	struct mnl_socket *sock;
	uint32_t seq, first; /* next sequence number, and that of the first message queued */
	char *buf;
	size_t used, size; /* bytes of whole messages, and allocated */
	size_t newest;	   /* offset of the newest message */
	bool open;	   /* the newest message still takes attributes: not counted in used */
	bool removes;	   /* a batch removed something: closing the socket would wait */
	char what[96];	   /* what the failed message was to do */
};

/**
 * nft_open() - connect a NETLINK_NETFILTER socket in the current network namespace
 * @nft: zeroed by this function; release with nft_close()
 *
 * Return: 0, or a negative errno (-EPROTONOSUPPORT: the kernel lacks CONFIG_NETFILTER_NETLINK).
 */
int nft_open(struct nft *nft);

/** nft_close() - drop what was queued and close the socket, late where that waits (detach.h). */
void nft_close(struct nft *nft);

#define autonft __attribute__((cleanup(nft_close)))

/**
 * nft_genid() - the generation of the ruleset, which every commit of anybody advances
 * @nft: socket, nothing queued
 * @genid: receives it
 *
 * Return: 0, or a negative errno (-EOPNOTSUPP, -EINVAL: the kernel lacks CONFIG_NF_TABLES).
 */
int nft_genid(struct nft *nft, uint32_t *genid);

/**
 * nft_begin() - start a batch
 * @nft: socket, nothing queued
 * @genid: generation the batch is based on (compare-and-swap: nft_commit() returns -ERESTART when
 *         it is not the present one any more); 0: any
 */
void nft_begin(struct nft *nft, uint32_t genid);

/**
 * nft_message() - queue a message, in a batch or as a question
 * @nft: socket
 * @type: NFT_MSG_*
 * @family: NFPROTO_*
 * @flags: NLM_F_* beside NLM_F_REQUEST
 *
 * At least NFT_ROOM bytes follow it, for the attributes of one object.
 *
 * Return: the header to append attributes to, valid until the next call.
 */
struct nlmsghdr *nft_message(struct nft *nft, int type, int family, int flags);

#define NFT_ROOM (96u << 10) /* a list of elements is an attribute, 64 KiB at most */

/* Queue objects of libnftnl. They are freed. */
void nft_put_table(struct nft *nft, int family, const char *name, const char *comment);
void nft_put_chain(struct nft *nft, struct nftnl_chain *chain);
void nft_put_rule(struct nft *nft, struct nftnl_rule *rule);
void nft_put_set(struct nft *nft, struct nftnl_set *set);

/** nft_put_del_table() - queue the removal of a table that exists. */
void nft_put_del_table(struct nft *nft, int family, const char *name);

/** nft_put_del_chain() - queue the removal of a chain that exists, with its rules. */
void nft_put_del_chain(struct nft *nft, int family, const char *table, const char *chain);

/**
 * nft_commit() - send the batch; the kernel applies all of it or nothing
 * @nft: socket; its queue is empty afterwards
 *
 * Return: 0; -ERESTART: the generation has changed; or the first error, nft->what saying of what.
 */
int nft_commit(struct nft *nft);

/** nft_ask_chain() - queue the question for a chain (NFT_MSG_GETCHAIN). */
void nft_ask_chain(struct nft *nft, int family, const char *table, const char *chain);

/** nft_ask_table() - queue the question for a table (NFT_MSG_GETTABLE). */
void nft_ask_table(struct nft *nft, int family, const char *table);

/** nft_attr_u32() - a number of an object that came as an answer. Return: it, or @absent. */
uint32_t nft_attr_u32(const struct nlmsghdr *hdr, int type, uint32_t absent);

/* Receives the answer to the question number @index (from 0): an object, or an error and NULL. */
typedef void (*nft_answer_fn)(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg);

/**
 * nft_ask() - send the queued questions in one sendmsg() and take all the answers
 * @nft: socket with questions queued by nft_message(), NFT_QUESTIONS at most
 * @fn: receives each answer; -ENOENT means that table, set, chain or element is not there
 * @arg: for @fn
 *
 * Return: 0 when every question was answered, or a negative errno of the transport.
 */
int nft_ask(struct nft *nft, nft_answer_fn fn, void *arg);

/**
 * nft_dump() - send the queued question as a dump and take all of what it lists
 * @nft: socket with one question queued by nft_message() with NLM_F_DUMP
 * @fn: receives each object
 * @arg: for @fn
 *
 * For what is no hot path. Only a batch with the generation of before the dump may rely on it.
 *
 * Return: 0, or a negative errno (-ENOENT: no such table or chain).
 */
int nft_dump(struct nft *nft, void (*fn)(const struct nlmsghdr *hdr, void *arg), void *arg);

#define NFT_QUESTIONS 128u /* answers of so many fit into the socket's default receive buffer */

/**
 * nft_fail() - cni_fail() with a hint about what the kernel lacks
 * @err: filled
 * @nft: socket of the failed batch
 * @errnum: what nft_commit() returned
 * @fmt: sentence
 *
 * Return: as cni_fail().
 */
int nft_fail(struct cni_err *err, const struct nft *nft, int errnum, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
