/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-overlayd: where the records of the nodes come from.
 *
 * A store runs in a thread of its own, where it may wait. What it knows of its network it hands
 * over as a whole, a view; the newest replaces all before it, and comparing it with the kernel is
 * the main thread's business. So nothing is lost or done twice whatever is missed in between.
 */
#ifndef HAWSER_OVERLAYD_STORE_H
#define HAWSER_OVERLAYD_STORE_H

#include "conf.h"
#include "error.h"
#include "ip.h"
#include "overlay_peers.h"

#include <jansson.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <time.h>

/* This node, as the store is to publish it. [0] is IPv4, [1] is IPv6. */
struct store_self {
	char node[OVERLAY_NODE_MAX];
	struct ip_addr vtep[2];	 /* family 0: the underlay has none */
	struct ip_net subnet[2]; /* what it had last; family 0: nothing is known */
	bool pinned;		 /* containers live in it: no other subnet will do */
};

/* What the network is like; the same on all nodes. */
struct store_network {
	uint32_t vni;
	uint16_t port;
	int mtu; /* 0: by the underlay */
	bool direct;
	struct ip_net net[2];
};

/*
 * All that a store says. legs[]: devices. A network of flannel's keyspace has IPv4 on [0] and IPv6
 * on [1], each over the underlay of its family and with a MAC of its own; one of our own records
 * has both families on one device, which is [0] or [1] by the family of its VTEP.
 */
struct store_view {
	uint64_t serial; /* counts up; set by store_put() */
	struct store_network network;
	struct ip_net subnet[2]; /* this node's; family 0: none yet */
	struct store_leg {
		struct ip_addr local;	    /* own VTEP, as published; family 0: no such leg */
		uint8_t mac[6];		    /* of the own device */
		struct overlay_peers peers; /* the other nodes; sorted by nothing, no indexes */
	} leg[2];
	time_t at;	 /* when the store said it */
	bool from_store; /* false: made of a snapshot */
	bool gap;	 /* nobody watched for a while before it: who is missing may be back soon */
	size_t refused;	 /* records that were bad; each was logged once */
	char conflict[512]; /* "": none. A sentence: this node cannot have its subnet */
};

/* How the store is doing, for status and metrics; copied under the store's lock. */
struct store_health {
	bool connected;
	time_t since;	/* of that */
	time_t last_ok; /* last answer; 0: never */
	uint64_t errors, events, relists;
	int64_t revision;
	char endpoint[256];
	char last_error[512]; /* "": none yet */
	time_t lease_until;   /* 0: no lease */
};

struct store;

struct store_ops {
	const char *type;	     /* "etcd", "file" */
	const struct conf_key *keys; /* of the "store" object */
	bool publishes;		     /* it needs this node's addresses */
	/**
	 * @start: read the configuration and run
	 * @conf: the "store" object, borrowed for the call
	 * @network: name of the network
	 * @plugin: configuration of the vxlan plugin that @conf is a part of, borrowed for the call
	 * @self: this node
	 * @wake_main: eventfd of the main thread, borrowed for the store's life
	 * @err: CNI_E_DECODE or CNI_E_CONF for a bad key, CNI_E_IO for a file that cannot be read
	 *
	 * Return: the store with its thread running, or NULL.
	 */
	struct store *(*start)(const json_t *conf, const char *network, const json_t *plugin,
			       const struct store_self *self, int wake_main, struct cni_err *err);
};

extern const struct store_ops store_etcd_ops, store_file_ops;

/* Every store begins with this; store.c has what they share. */
struct store {
	const struct store_ops *ops;
	pthread_t thread;
	pthread_mutex_t lock;
	int wake_main;	/* borrowed eventfd: written when there is a view or news of health */
	int wake_store; /* owned eventfd: written when self changes or the store is to stop */
	bool stop;
	uint64_t serial; /* of the last view that was put */
	struct store_self self;
	struct store_view *next; /* not taken yet; owned */
	struct store_health health;
};

/** store_view_free() - release a view and what it owns; NULL is allowed. */
void store_view_free(struct store_view *view);

/* ---- for the main thread ---- */

/** store_take() - the newest view that was not taken. Return: the caller's, or NULL. */
struct store_view *store_take(struct store *store);

/** store_set_self() - this node has changed; wakes the store's thread. */
void store_set_self(struct store *store, const struct store_self *self);

/** store_get_health() - Return: a copy. */
struct store_health store_get_health(struct store *store);

/**
 * store_stop() - ask the thread to end, wait for it, free the store
 * @store: the store; NULL is allowed
 *
 * What is published stays. A store that waits for its server comes back at once.
 */
void store_stop(struct store *store);

/* ---- for stores ---- */

/**
 * store_run() - fill the common part and start the thread
 * @store: zeroed and from malloc(); the common part is the first member of the store's own
 * structure
 * @ops: its type
 * @self: this node
 * @wake_main: eventfd of the main thread
 * @thread: gets @store. When it returns it has released everything of the store but @store itself,
 *          which store_stop() frees. All signals are blocked in it
 *
 * Return: 0, or a negative errno with nothing left to release in the common part.
 */
int store_run(struct store *store, const struct store_ops *ops, const struct store_self *self,
	      int wake_main, void *(*thread)(void *store));

/** store_put() - hand over a view, which replaces one not yet taken. */
void store_put(struct store *store, struct store_view *view);

/** store_get_self() - Return: a copy. */
struct store_self store_get_self(struct store *store);

/** store_set_health() - publish how the store is doing; wakes the main thread if that is news. */
void store_set_health(struct store *store, const struct store_health *health);

/**
 * store_awake() - to be called when wake_store was readable: empty it
 * @store: the store
 *
 * Return: true to go on (look at self again), false to end; wake_store stays readable then.
 */
bool store_awake(struct store *store);

#endif
