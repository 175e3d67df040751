/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A client of etcd's v3 API through its JSON gateway (HTTP/1.1, etcd 3.4 and later), over libcurl.
 *
 * For one thread, which waits. Several endpoints: after an error the next one is asked. Keys and
 * values are base64 on the wire, 64-bit numbers are text there. Answers are read as hostile input:
 * their size, depth and number of keys are bounded. Only http and https, without redirects and
 * without proxies.
 */
#ifndef HAWSER_OVERLAYD_ETCD_H
#define HAWSER_OVERLAYD_ETCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* How to reach the cluster. All is copied by etcd_open(). */
struct etcd_conf {
	const char *const *endpoints; /* "http://host:port" or https; at least one */
	size_t n_endpoints;
	const char *ca_file, *cert_file, *key_file; /* NULL: none. Read again by each connection */
	const char *username, *password;	    /* NULL: no authentication */
	int timeout_ms;				    /* of a request to one endpoint; 0: 5000 */
	int silence_ms; /* of the watch, until the endpoint is asked whether it is there; 0: 30000
			 */
};

struct etcd;

/*
 * A key. Texts end with NUL; a NUL byte inside is given as \001, which neither a key nor JSON may
 * contain, so that no reader takes the beginning for the whole.
 */
struct etcd_kv {
	char *key;
	char *value; /* NULL: deleted; mod_revision says when, the other numbers are 0 */
	int64_t create_revision, mod_revision, version;
	int64_t lease; /* 0: none */
};

/** etcd_fn - gets each key, borrowed. Return: 0, or a negative errno, which ends the call. */
typedef int etcd_fn(const struct etcd_kv *kv, void *arg);

/*
 * All functions below that ask the server return 0 or what they say, or a negative errno:
 *   -ECANCELED  wake_fd became readable while waiting (it is not read); what was asked for may have
 *               been done, or not
 *   -EIO        no endpoint answered; -ETIMEDOUT: nor in time; -EBADMSG: what came was no answer
 *   -EACCES     authentication failed, or no permission
 *   -ENOENT     no such key or lease
 *   -ESTALE     a revision that the server does not have (any more): list again
 *   -EINVAL     etcd refused the request
 */

/**
 * etcd_open() - make a client; it connects to nothing yet
 * @conf: how to reach the cluster
 * @wake_fd: when it is readable, whatever waits returns; -1: none
 * @out: receives the client, for etcd_close()
 *
 * Return: 0; -EINVAL for an endpoint that is no URL of http or https without path, user or query,
 * with *@out valid for etcd_error() and etcd_close(); -ENOMEM with *@out NULL.
 */
int etcd_open(const struct etcd_conf *conf, int wake_fd, struct etcd **out);

/** etcd_set_wake() - from now on it is this descriptor. */
void etcd_set_wake(struct etcd *e, int wake_fd);

/**
 * etcd_reconnect() - end all connections, and the watch with them
 * @e: client; nothing is under way
 *
 * For one whose own address has changed: the old connections are dead, and nobody says so.
 */
void etcd_reconnect(struct etcd *e);

/** etcd_close() - NULL is allowed. */
void etcd_close(struct etcd *e);

/** etcd_error() - the last failure as a sentence with endpoint and etcd's own words. */
const char *etcd_error(const struct etcd *e);

/** etcd_endpoint() - the endpoint that was asked last. */
const char *etcd_endpoint(const struct etcd *e);

/** etcd_revision() - of the newest answer; it goes back when a backup was restored. */
int64_t etcd_revision(const struct etcd *e);

/** etcd_kv_free() - release what @kv owns, and zero it. */
void etcd_kv_free(struct etcd_kv *kv);

#define autokv __attribute__((cleanup(etcd_kv_free)))

/** etcd_get() - one key. @kv: receives it, for etcd_kv_free(). Return: -ENOENT if there is none. */
int etcd_get(struct etcd *e, const char *key, struct etcd_kv *kv);

/**
 * etcd_list() - all keys below a prefix, in the order of their bytes
 * @e: client
 * @prefix: not empty
 * @fn: gets each
 * @arg: for @fn
 * @revision: receives the one revision at which all of them were read; a watch begins behind it
 *
 * In pages, so that memory does not grow with the number of keys. What @fn got before an error is
 * not complete; -ESTALE when the revision was compacted meanwhile.
 *
 * Return: 0, @fn's error, or another negative errno.
 */
int etcd_list(struct etcd *e, const char *prefix, etcd_fn *fn, void *arg, int64_t *revision);

/**
 * etcd_create() - create a key if it is absent
 * @e: client
 * @key: name
 * @value: text
 * @lease: to attach it to; 0: none
 * @winner: when somebody has it: that key, for etcd_kv_free(). It may be this call's own work, if
 *          an endpoint did it without answering
 *
 * Return: 1 created, 0 somebody has it, or a negative errno.
 */
int etcd_create(struct etcd *e, const char *key, const char *value, int64_t lease,
		struct etcd_kv *winner);

/** etcd_put() - set a key. Return: -ENOENT when @lease does not exist. */
int etcd_put(struct etcd *e, const char *key, const char *value, int64_t lease);

/** etcd_replace() - set a key if it still has that mod_revision. Return: 1 done, 0 not. */
int etcd_replace(struct etcd *e, const char *key, int64_t mod_revision, const char *value,
		 int64_t lease);

/** etcd_remove() - delete a key if it still has that mod_revision. Return: 1 done, 0 not. */
int etcd_remove(struct etcd *e, const char *key, int64_t mod_revision);

/** etcd_grant() - make a lease. @ttl: in seconds. @lease: receives its ID. */
int etcd_grant(struct etcd *e, int64_t ttl, int64_t *lease);

/** etcd_keepalive() - begin a lease's time anew. @ttl: receives it. Return: -ENOENT: it is over. */
int etcd_keepalive(struct etcd *e, int64_t lease, int64_t *ttl);

/** etcd_ttl() - seconds that a lease has left, and was granted. Return: -ENOENT: it is over. */
int etcd_ttl(struct etcd *e, int64_t lease, int64_t *left, int64_t *granted);

/** etcd_revoke() - end a lease; keys attached to it are deleted. */
int etcd_revoke(struct etcd *e, int64_t lease);

/**
 * etcd_watch() - open the watch; there is one at a time, an earlier one is closed
 * @e: client
 * @prefix: of the keys, not empty
 * @from: revision of the first change of interest
 *
 * Return: 0; -ESTALE when the server has not got as far as @from (a backup was restored).
 */
int etcd_watch(struct etcd *e, const char *prefix, int64_t from);

/**
 * etcd_wait() - wait for news of the watch, and hand them over in order
 * @e: client
 * @timeout_ms: how long at most
 * @fn: gets each change
 * @arg: for @fn
 *
 * After silence_ms without a word the endpoint is asked a cheap question, which it can answer
 * only as a part of its cluster. Changes that arrive during other calls are kept for this one.
 *
 * Return: number of changes (0: the time is over), or a negative errno; but for -ECANCELED the
 * watch is closed then. -ESTALE: compacted, list again; -EIO: the stream ended, list again.
 */
int etcd_wait(struct etcd *e, int timeout_ms, etcd_fn *fn, void *arg);

#endif
