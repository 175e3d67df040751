/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the files of module nat share with each other, and with their tests. */
#ifndef HAWSER_NAT_PRIV_H
#define HAWSER_NAT_PRIV_H

#include "nat.h"

#define NAT_OWNER_MAX 128 /* bytes of an element's comment that "nft list" prints, with the NUL */

/* A file that is there once a table beside that of family inet has been made: a flush of that
 * table is healed, too. */
struct nat_mark {
	unsigned int table; /* RULESET_* */
	const char *path;
};

#define NAT_MARKS 3

extern const struct nat_mark nat_marks[NAT_MARKS];

/* There once a range of ports has been published: from then on single ports are looked up in
 * ranges. */
#define NAT_RANGE_MARK "/run/hawser/nftables.ranges"

/* Others may commit, too, but not forever between our question and our batch. */
#define NAT_TRIES 200

/** nat_mark() - make such an empty file. */
void nat_mark(const char *path);

/** nat_owner_text() - comment of an attachment's elements. @text: receives it. */
void nat_owner_text(const struct state_key *key, char text[NAT_OWNER_MAX]);

/* The elements of a plan, in the order of its sets, with what the kernel said of each. */
struct nat_elems {
	struct nat_elem *e;
	char (*owner)[NAT_OWNER_MAX]; /* comment found; "" when there is no such element */
	bool *found, *same;	      /* same: its data are what we want */
	size_t n;
};

#define autoelems __attribute__((cleanup(nat_elems_free)))

/** nat_elems_free() - release what the list owns, and zero it. */
void nat_elems_free(struct nat_elems *l);

/** nat_elems_alloc() - room for the answers about the list's elements. */
void nat_elems_alloc(struct nat_elems *l);

/** nat_owner_of() - comment of an element: the attachment's, or the network's if it is shared. */
void nat_owner_of(const struct state_key *key, enum nat_set set, char text[NAT_OWNER_MAX]);

/** nat_encode() - a plan's elements, those of one set side by side, with room for answers. */
void nat_encode(const struct nat_plan *plan, struct nat_elems *l);

/** nat_encode_more() - append a plan's elements to a list, in no order. */
void nat_encode_more(const struct nat_plan *plan, struct nat_elems *l);

/**
 * nat_encode_port() - the element that one port of a run has, or would have
 * @run: the run
 * @offset: which of its ports
 * @range: as a point in the maps of ranges, instead of in those of exact keys
 * @e: zeroed; filled
 */
void nat_encode_port(const struct port_run *run, unsigned int offset, bool range,
		     struct nat_elem *e);

/** nat_ask_elems() - fill in what is there of each element. Return: 0 or -errno. */
int nat_ask_elems(struct nft *nft, struct nat_elems *l);

/** nat_tables() - Return: RULESET_* of the tables that the plan has elements in. */
unsigned int nat_tables(const struct nat_plan *plan);

/** nat_lock() - the lock that every change of our tables is made under. Return: fd or -errno. */
int nat_lock(struct cni_err *err);

/** nat_open() - nft_open() with a sentence. Return: 0 or -errno. */
int nat_open(struct nft *nft, struct cni_err *err);

/** nat_take_existence() - nft_answer_fn for bool arrays: whether the object is there. */
void nat_take_existence(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg);

/* What the kernel had when an ADD looked. */
struct nat_look {
	uint32_t genid;
	bool ruleset;	     /* the node's own chains have all their rules */
	bool *found, *whole; /* for each chain of the plan: it exists; it has its rules */
};

#define autolook __attribute__((cleanup(nat_look_free)))

/** nat_look_free() - release what it owns. */
void nat_look_free(struct nat_look *look);

/**
 * nat_look() - ask about generation, node's chains and plan's chains, in one exchange
 * @nft: socket
 * @plan: the plan
 * @tables: RULESET_*: which ones' chains beside those of family inet
 * @look: zeroed, or filled by an earlier call
 *
 * Return: 0, or a negative errno (-EOPNOTSUPP: the kernel has no nf_tables).
 */
int nat_look(struct nft *nft, const struct nat_plan *plan, unsigned int tables,
	     struct nat_look *look);

/**
 * nat_heal() - nat_look(); if the node's chains are not whole, make everything from the records
 * @nft: socket
 * @plan: what is going to be put
 * @look: zeroed, or filled by an earlier call
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int nat_heal(struct nft *nft, const struct nat_plan *plan, struct nat_look *look,
	     struct cni_err *err);

/**
 * nat_ask_conflicts() - whether another attachment has one of the plan's ports
 * @nft: socket
 * @plan: the plan
 * @all: ask about every port; otherwise only about what nat_put()'s batch does not find by itself:
 *       the ports of ranges among single ones and, where ranges are used, each port among ranges
 * @err: CNI_E_FAILED, naming port and owner
 *
 * Return: 0, or a negative errno.
 */
int nat_ask_conflicts(struct nft *nft, const struct nat_plan *plan, bool all, struct cni_err *err);

/**
 * nat_put() - put the plan's chains and elements, in one batch
 * @nft: socket
 * @plan: the plan; its record has been written
 * @look: of nat_heal(); refreshed when the ruleset changes meanwhile
 * @err: filled on failure; a port that another attachment has is named with that attachment
 *
 * Return: 0; or a negative errno and nothing has changed in the kernel.
 */
int nat_put(struct nft *nft, const struct nat_plan *plan, struct nat_look *look,
	    struct cni_err *err);

/** nat_mark_ranges() - nat_mark() NAT_RANGE_MARK if the plan has a range. */
void nat_mark_ranges(const struct nat_plan *plan);

/** nat_is_range() - Return: whether a run is one element of the maps of ranges. */
bool nat_is_range(const struct nat_plan *plan, const struct port_run *run);

/**
 * nat_rebuild() - our tables out and in again from the records, in one batch, under nat_lock()
 * @nft: socket
 * @tables: RULESET_* to make even if no record asks for them
 * @except: record to leave out, or NULL
 * @n: receives the number of attachments; may be NULL
 *
 * Return: as nft_commit().
 */
int nat_rebuild(struct nft *nft, unsigned int tables, const struct state_key *except, int *n);

/* ---- ports under conditions (nat_cond.c) ---- */

/** nat_cond_of() - Return: the conditions that a run of the plan is under, or NULL. */
const struct nat_conditions *nat_cond_of(const struct nat_plan *plan, const struct port_run *run);

/** nat_cond_encode() - the element of one port of a run under conditions. @e: zeroed; filled. */
void nat_cond_encode(const struct nat_plan *plan, const struct port_run *run, unsigned int offset,
		     struct nat_elem *e);

/**
 * nat_cond_choose() - find the maps for the plan's ports under conditions
 * @nft: socket
 * @plan: receives the slots
 * @err: CNI_E_FAILED, naming the port and who has it
 *
 * Return: 0; -EADDRINUSE: published under the same conditions by somebody else, or by as many
 * containers as there are slots; another negative errno.
 */
int nat_cond_choose(struct nft *nft, struct nat_plan *plan, struct cni_err *err);

/* What is there of a plan's chains of conditions, by address family. */
struct nat_cond_state {
	bool found[2][2];   /* its chain of conditions, and that of ports */
	uint32_t use[2][2]; /* by the kernel's count */
	bool whole[2];	    /* both have their rules, and each port leads to them */
};

/** nat_cond_ask() - what is there of them. Return: 0 or -errno. */
int nat_cond_ask(struct nft *nft, const struct nat_plan *plan, struct nat_cond_state *state);

/** nat_cond_put() - queue the chains with their rules; they must not exist. */
void nat_cond_put(struct nft *nft, const struct nat_plan *plan);

/** nat_cond_put_del() - queue the removal of what was found; its elements must be gone. */
void nat_cond_put_del(struct nft *nft, const struct nat_plan *plan,
		      const struct nat_cond_state *state);

#endif
