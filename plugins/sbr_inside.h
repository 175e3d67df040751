/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Source based routing inside the container: what ADD, DEL and CHECK share, and taking it back. */
#ifndef HAWSER_SBR_INSIDE_H
#define HAWSER_SBR_INSIDE_H

#include "chain.h"
#include "iprule.h"
#include "link.h"
#include "route_list.h"

#define SBR_FIRST_TABLE 100
#define SBR_SOURCES_MAX 64
#define SBR_ADD_DEFAULT "add the default route" /* name of the request */

struct sbr_conf {
	int64_t table; /* 0: choose some */
	const json_t *gateway_list;
	bool source_hints;
	struct ip_addr gateways[2]; /* IPv4, IPv6; family 0: none */
};

/* An address and what is made for it. */
struct sbr_source {
	const struct cni_ip *ip;
	struct ip_addr gateway; /* family 0: none */
	uint32_t table;
	bool add_default; /* none of the routes is the default route already */
};

/* What ADD, DEL and CHECK carry into the namespace. */
struct sbr {
	const struct cni_call *call;
	struct sbr_conf conf;
	struct sbr_source sources[SBR_SOURCES_MAX];
	int n_sources;
	struct undo *undo;
	struct state_key key;
	json_t *record;
	struct nlk nl;
	int index; /* of the interface, 0: it is gone */
};

/*
 * The record's keys: "rules", each with "from" and "table"; "tables" that were made; "defaults",
 * those of them with a default route of our own; "hints", the addresses whose connected routes
 * stayed in table main.
 */

/** sbr_rule_of() - Return: the rule for what comes from one address. */
struct iprule sbr_rule_of(const struct ip_addr *ip, uint32_t table);

/** sbr_same_net() - Return: whether two prefixes are the same. */
bool sbr_same_net(const struct ip_net *a, const struct ip_net *b);

/**
 * sbr_locked() - run a function in the namespace, alone
 * @s: for @fn; its socket is closed afterwards
 * @netns: of netns_open(); locked until it is closed
 * @fn: gets @s
 * @err: filled on failure
 *
 * Return: as netns_run_locked().
 */
int sbr_locked(struct sbr *s, int netns, int (*fn)(void *arg, struct cni_err *err),
	       struct cni_err *err);

/** sbr_open_inside() - open the socket, and find the interface: s->index is 0 when it is gone.
 * Return: 0, or a negative errno with @err filled. */
int sbr_open_inside(struct sbr *s, struct cni_err *err);

/** sbr_make_room() - send what is queued unless @more requests fit. Return: 0, or a negative errno
 * with @err filled. */
int sbr_make_room(struct sbr *s, int more, struct cni_err *err);

/** sbr_flush() - send what is queued. Return: 0, or a negative errno with @err filled. */
int sbr_flush(struct sbr *s, struct cni_err *err);

/** sbr_list_routes() - route_list_get() that says what failed. Return: 0, or a negative errno. */
int sbr_list_routes(struct sbr *s, int family, int oif, uint32_t table, struct route_list *out,
		    struct cni_err *err);

/** sbr_list_rules() - the rules of both families. Return: 0, or a negative errno with @err filled.
 */
int sbr_list_rules(struct sbr *s, struct iprule_list *out, struct cni_err *err);

/**
 * sbr_remove() - remove the rules of an attachment, put its routes back, remove its record
 * @key: whose
 * @netns: its namespace; NULL or gone: everything but the record went with it
 * @call: a DEL call: without a record, rules of the Go plugin are looked for; else NULL
 * @err: filled on failure
 *
 * Return: 0 (also when there was nothing), or a negative errno.
 */
int sbr_remove(const struct state_key *key, const char *netns, const struct cni_call *call,
	       struct cni_err *err);

#endif
