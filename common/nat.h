/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What one attachment needs of netfilter, and how it gets into the kernel and out again. */
#ifndef HAWSER_NAT_H
#define HAWSER_NAT_H

#include "ports.h"
#include "ruleset.h"
#include "state.h"

#include <jansson.h>

/* One element that is no port: the set, and its key as text ("10.88.0.2", "br0", a MAC). */
struct nat_item {
	enum nat_set set;
	char field[2][IP_STRLEN];
};

/* Conditions of an attachment's ports in one address family (common/conditions.h). */
struct nat_conditions {
	json_t *rules;	   /* one for each protocol; NULL: no conditions */
	unsigned int slot; /* which of the maps leads to them, below NAT_COND_SLOTS; by nat_add() */
};

/*
 * Everything a plugin's ADD puts into nf_tables for one attachment. It is kept in the attachment
 * record as "nftables", so that DEL needs nothing else and a flushed ruleset can be made again.
 */
struct nat_plan {
	struct state_key owner;
	struct nat_item *items;
	size_t n_items;
	struct nat_chain *chains;
	size_t n_chains;
	struct port_run *runs;
	size_t n_runs;
	struct nat_conditions conditions[2]; /* of the IPv4 and of the IPv6 runs */
};

/** nat_plan_free() - release what the plan owns, and zero it. */
void nat_plan_free(struct nat_plan *plan);

#define autoplan __attribute__((cleanup(nat_plan_free)))

/** nat_plan_chain() - the network's chain of a kind for a subnet; host bits are cleared. */
void nat_plan_chain(struct nat_plan *plan, enum nat_kind kind, const struct ip_net *subnet);

/**
 * nat_plan_item() - an element
 * @plan: the plan
 * @set: a set without data
 * @first: first field of its key, as text that fits it
 * @second: second field, NULL when the key has one
 */
void nat_plan_item(struct nat_plan *plan, enum nat_set set, const char *first, const char *second);

/** nat_plan_ip() - nat_plan_item() with an address: @v4 or the set behind it, by its family. */
void nat_plan_ip(struct nat_plan *plan, enum nat_set v4, const struct ip_addr *ip,
		 const char *ifname);

/** nat_plan_run() - a run of published ports. */
void nat_plan_run(struct nat_plan *plan, const struct port_run *run);

/** nat_plan_conditions() - conditions for the runs of a family; @rules: reference taken over. */
void nat_plan_conditions(struct nat_plan *plan, int family, json_t *rules);

/** nat_plan_empty() - Return: true when there is nothing to do in nf_tables. */
bool nat_plan_empty(const struct nat_plan *plan);

/**
 * nat_plan_read() - the plan that a record holds
 * @record: attachment record; its strings are borrowed
 * @plan: filled; release with nat_plan_free()
 *
 * Return: 1: there is one; 0: the record has none; -EBADMSG: it is damaged.
 */
int nat_plan_read(const json_t *record, struct nat_plan *plan);

/** nat_plan_json() - the plan in the form that the record keeps. Return: new reference. */
json_t *nat_plan_json(const struct nat_plan *plan);

/** nat_plan_parse() - the plan that nat_plan_json() gave; the owner is left alone. Return: 0 or
 * -EBADMSG. */
int nat_plan_parse(const json_t *obj, struct nat_plan *plan);

/**
 * nat_add() - write the attachment's record and put its plan into the kernel
 * @plan: what to put
 * @record: further keys of the record; "nftables" is set
 * @check_host: also refuse ports that a process of the host listens on
 * @err: CNI_E_FAILED; for a port that is taken it names the owner
 *
 * Conflicts are found before anything changes. A ruleset that somebody flushed is made again for
 * all attachments first. One batch, under our lock and with the generation id as compare-and-swap.
 *
 * Return: 0; or a negative errno with no record and no element left behind.
 */
int nat_add(struct nat_plan *plan, json_t *record, bool check_host, struct cni_err *err);

/**
 * nat_del() - take the elements of an attachment out of the kernel, and then its record
 * @key: whose
 * @err: filled on failure
 *
 * Works from the record; without one it succeeds. An element is removed only if its comment names
 * this attachment. With the last attachment of a network its chains and shared elements go.
 *
 * Return: 1: there was a record; 0: there was none; or a negative errno.
 */
int nat_del(const struct state_key *key, struct cni_err *err);

/**
 * nat_check() - whether everything of a plan is in the kernel as it should be
 * @plan: the plan
 * @err: names the first chain or element that is missing or belongs to somebody else
 *
 * Return: 0, or a negative errno.
 */
int nat_check(const struct nat_plan *plan, struct cni_err *err);

/**
 * nat_reload() - make our tables again from the records of all attachments, in one batch
 * @n: receives how many attachments have a part in it; may be NULL
 * @err: filled on failure; the tables are unchanged then
 *
 * Return: 0, or a negative errno.
 */
int nat_reload(int *n, struct cni_err *err);

/**
 * nat_listeners() - whether a process of the host serves one of the plan's ports
 * @plan: the plan
 * @err: names port and program
 *
 * Part of nat_add(); for a backend that does without it.
 *
 * Return: 0, or a negative errno.
 */
int nat_listeners(const struct nat_plan *plan, struct cni_err *err);

/**
 * nat_conflicts() - whether another attachment has one of the plan's ports in our table
 * @plan: the plan
 * @err: names port and owner
 *
 * Part of nat_add(); for a backend that does without it.
 *
 * Return: 0, or a negative errno.
 */
int nat_conflicts(const struct nat_plan *plan, struct cni_err *err);

/** nat_usable() - Return: 0; or a negative errno when the kernel or the privileges are missing. */
int nat_usable(void);

#endif
