/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store "etcd": a network of flannel's keyspace. For store_etcd*.c only.
 *
 * Theory of operation. The thread reads <prefix>/config, lists <prefix>/subnets/ and
 * <prefix>/x-hawser/, and watches <prefix>/ from the revision of the first of these answers; what
 * comes twice is recognised by its revision. The table is thus what etcd has, and everything else
 * follows from it, again after each change: own_settle() looks whether this node's record is there
 * as it should be, and makes one request if not, whose effect comes back through the watch;
 * view_make() judges the other nodes' records and makes a view of them. After an error all begins
 * with a new list; the old table, and what was handed over, live until it is complete.
 */
#ifndef HAWSER_OVERLAYD_STORE_ETCD_H
#define HAWSER_OVERLAYD_STORE_ETCD_H

#include "etcd.h"
#include "flannel.h"
#include "store.h"

/* A key below <prefix>/subnets/. */
struct record {
	char *key; /* its last part, owned */
	char *why; /* NULL, or why it cannot be read, owned; subnets and VTEPs count if they are set
		    */
	struct flannel_lease lease;
	int64_t create_revision, mod_revision, etcd_lease;
	uint64_t logged; /* hash of the reason of refusal that was logged */
};

/* A key below <prefix>/x-hawser/: a node of ours. Its MACs follow from its name. */
struct node_record {
	char *node; /* owned */
	uint8_t mac[2][6];
	int64_t mod_revision, etcd_lease;
	uint64_t value; /* hash */
};

/* What etcd has below the prefix. Both arrays are in the order of their keys. */
struct table {
	struct record *r;
	size_t n, size;
	struct node_record *node;
	size_t n_nodes, nodes_size;
};

/* This node's record. Times are milliseconds of store_etcd_now(). */
struct own {
	bool held;		   /* the table has it, as it should be */
	struct ip_net subnet[2];   /* held now, or last */
	char key[FLANNEL_KEY_MAX]; /* of the record with them */
	int64_t lease;		   /* etcd's, 0: none */
	int64_t renew_at;
	int64_t wrote;	  /* revision of a write that the table does not have yet; 0: none */
	int64_t retry_at; /* nothing to do before, unless that write is seen */
	/* what was written last, to tell when somebody overwrites it; backend "": nothing yet */
	struct flannel_lease put;
	int fights;	   /* how often that has happened of late */
	int64_t fought;	   /* revision of the last time */
	int64_t answer_at; /* it is overwritten again then */
	int64_t quiet_at;  /* it is forgotten then */
	int64_t extra_at;  /* x-hawser was written then, as follows */
	int64_t extra_lease;
	uint64_t extra;
	bool no_extra; /* it may not be written */
	char conflict[512];
};

struct etcd_store {
	struct store base; /* first */
	struct etcd *e;
	char *network, *prefix; /* owned; the prefix does not end in '/' */
	int64_t ttl;
	bool has_config, listed;
	bool stale; /* the configuration has changed */
	uint64_t config_hash;
	struct flannel_config config;
	struct table table;
	struct store_self self;
	uint8_t mac[2][6]; /* of this node's devices, by leg */
	struct own own;
	bool dirty;    /* there is something new for a view */
	bool gap;      /* the next view is the first after a list, or after a loss */
	char why[512]; /* what is wrong with the configuration in etcd; "": nothing */
	size_t refused;
	struct store_health health;
};

/* ---- store_etcd_table.c ---- */

/** net_equal(), lease_equal() - Return: whether all of it is the same. */
bool net_equal(const struct ip_net *a, const struct ip_net *b);
bool lease_equal(const struct flannel_lease *a, const struct flannel_lease *b);

/** store_etcd_now() - Return: monotonic milliseconds. */
int64_t store_etcd_now(void);

/** store_etcd_hash() - Return: a hash of a text. */
uint64_t store_etcd_hash(const char *text);

/** store_etcd_random() - Return: a number below @n. */
uint32_t store_etcd_random(uint32_t n);

void table_free(struct table *t);

/** table_find() - Return: the record with that key, or NULL. */
struct record *table_find(const struct table *t, const char *key);

/**
 * table_put() - a key that is there
 * @kv: its key and value
 * @key: last part of it
 *
 * Return: whether anything but revisions is new.
 */
bool table_put(struct table *t, const struct etcd_kv *kv, const char *key);

/** table_remove() - a key that was deleted at @revision. Return: whether it was there. */
bool table_remove(struct table *t, const char *key, int64_t revision);

/** table_put_node(), table_remove_node() - the same for x-hawser. Names that are none are ignored.
 */
bool table_put_node(struct table *t, const struct etcd_kv *kv, const char *node, uint32_t vni);
bool table_remove_node(struct table *t, const char *node, int64_t revision);

/** table_find_node() - Return: borrowed, or NULL. */
const struct node_record *table_find_node(const struct table *t, const char *node);

/** table_keep_logged() - what was logged about records of @old that @t has unchanged. */
void table_keep_logged(struct table *t, const struct table *old);

/** table_macs() - of a node's two devices; the second has a name of its own. */
void table_macs(const char *node, uint32_t vni, uint8_t mac[2][6]);

/* ---- store_etcd_own.c ---- */

/**
 * own_settle() - do the next thing that this node's record needs
 *
 * Return: 0 when nothing is left to do (own.held, or own.conflict says why not), -EAGAIN when
 * something is under way, or another negative errno.
 */
int own_settle(struct etcd_store *s);

/** own_renew() - when it is time, begin the lease's time anew. Return: 0 or a negative errno. */
int own_renew(struct etcd_store *s);

/** own_record() - Return: the record of this node, or NULL. */
struct record *own_record(const struct etcd_store *s);

/* ---- store_etcd_view.c ---- */

/** view_make() - a view of the table. Return: for store_put(). */
struct store_view *view_make(struct etcd_store *s);

#endif
