/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What etcd's gateway writes: base64, numbers in texts, keys, errors. All of it may be rubbish. */
#ifndef HAWSER_OVERLAYD_ETCD_JSON_H
#define HAWSER_OVERLAYD_ETCD_JSON_H

#include "etcd.h"

#include <jansson.h>

#define ETCD_DEPTH_MAX 16 /* of an answer's braces and brackets; etcd needs 6 */

/* Bytes with a NUL behind them. */
struct etcd_key {
	char *data; /* for free() */
	size_t len;
};

/** etcd_base64() - RFC 4648 section 4, with padding. Return: text, for free(). */
char *etcd_base64(const void *data, size_t len);

/**
 * etcd_unbase64() - the opposite, strictly: padding present, no other characters, unused bits zero
 * @text: base64
 * @len: receives the number of bytes
 *
 * Return: bytes with a NUL behind them, for free(); NULL when @text is no base64.
 */
char *etcd_unbase64(const char *text, size_t *len);

/**
 * etcd_json_parse() - text of an answer
 * @text: need not end with NUL
 * @len: its length
 *
 * Return: an object, to be released; NULL when it is none, or nested deeper than ETCD_DEPTH_MAX.
 */
json_t *etcd_json_parse(const char *text, size_t len);

/**
 * etcd_json_int() - a 64-bit number, which protobuf's JSON has as text
 * @obj: object
 * @key: of the number
 * @out: receives it; 0 when absent
 *
 * Return: 0, or -EBADMSG.
 */
int etcd_json_int(const json_t *obj, const char *key, int64_t *out);

/**
 * etcd_json_kv() - a key-value object
 * @obj: object
 * @kv: filled, for etcd_kv_free()
 * @raw: receives the key's bytes, which need be no text; may be NULL
 *
 * Return: 0, or -EBADMSG.
 */
int etcd_json_kv(const json_t *obj, struct etcd_kv *kv, struct etcd_key *raw);

/** etcd_json_add_int() - append a number as text to an object. */
void etcd_json_add_int(json_t *obj, const char *key, int64_t n);

/** etcd_json_add_bytes() - append a text in base64 to an object. */
void etcd_json_add_bytes(json_t *obj, const char *key, const char *text);

/** etcd_json_prefix() - append "key" and "range_end", which are all keys below a prefix. */
void etcd_json_prefix(json_t *obj, const char *prefix);

/**
 * etcd_json_error() - what an error of etcd means
 * @code: gRPC's
 * @message: etcd's words
 *
 * Return: a negative errno as of etcd.h; or -EKEYEXPIRED: authenticate (again), -ENOTSUP:
 * authentication is not enabled, -EFBIG: the answer would be too large.
 */
int etcd_json_error(int64_t code, const char *message);

#endif
