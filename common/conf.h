/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration is data: a table of keys drives parsing, validation, --help and error texts. */
#ifndef HAWSER_CONF_H
#define HAWSER_CONF_H

#include "error.h"

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a key holds, and the C type of the field it is stored in. */
enum conf_type {
	CONF_BOOL,   /* bool */
	CONF_INT,    /* int64_t, between min and max */
	CONF_STRING, /* const char *, borrowed from the JSON tree, NULL when absent */
	CONF_OBJECT, /* const json_t *, borrowed, NULL when absent */
	CONF_ARRAY,  /* const json_t *, borrowed, NULL when absent */
	CONF_DOC,    /* nothing: the key is read elsewhere and listed for --help only */
};

/* One key. A table ends with a key whose name is NULL. */
struct conf_key {
	const char *name; /* as documented; matched without regard to ASCII case */
	enum conf_type type;
	size_t offset;	  /* of the field in the structure that conf_read() fills */
	int64_t min, max; /* CONF_INT only */
	bool required;
	const char *dflt; /* for --help: the default as the user would write it, or NULL */
	const char *help; /* one sentence */
};

#define CONF_END                                                                                   \
	{                                                                                          \
		.name = NULL                                                                       \
	}

/**
 * conf_load() - the JSON object that a foreign text is
 * @text: the text
 * @max: bytes; what is longer is refused unread
 * @err: CNI_E_DECODE
 *
 * Return: new reference, or NULL.
 */
json_t *conf_load(const char *text, size_t max, struct cni_err *err);

/**
 * conf_get() - look a key up the way Go's encoding/json does
 * @obj: JSON object, or NULL
 * @key: name; ASCII case does not matter, the last of several spellings wins
 *
 * Return: borrowed value, or NULL when absent, when it is null, or when @obj is no object.
 */
json_t *conf_get(const json_t *obj, const char *key);

/**
 * conf_get_path() - conf_get() through nested objects
 * @obj: JSON object, or NULL
 * @path: keys joined by '.', such as "args.cni.mac"
 *
 * Return: borrowed value, or NULL.
 */
json_t *conf_get_path(const json_t *obj, const char *path);

/**
 * conf_read() - fill a structure from an object by a table of keys
 * @obj: JSON object; NULL reads as {}
 * @path: where the object stands in the configuration ("", "ipam", "ipam.routes[2]"), for errors
 * @keys: table
 * @out: structure; fields of absent keys keep the value they have, so set defaults before
 * @err: filled with CNI_E_DECODE for a wrong JSON type, CNI_E_CONF for a value out of range or a
 *       missing required key; the text names key and value
 *
 * Unknown keys are ignored, as the specification asks.
 *
 * Return: 0, or a negative errno.
 */
int conf_read(const json_t *obj, const char *path, const struct conf_key *keys, void *out,
	      struct cni_err *err);

/**
 * conf_choose() - which of a few names a string is
 * @key: of the configuration, for errors
 * @value: the string; NULL: the first name
 * @names: as documented, case matters; "" is not shown in errors
 * @n: how many
 * @chosen: receives the index
 * @err: CNI_E_CONF, listing the names
 *
 * Return: 0, or a negative errno.
 */
int conf_choose(const char *key, const char *value, const char *const *names, size_t n, int *chosen,
		struct cni_err *err);

/**
 * conf_text() - compact text of a JSON value for error messages, shortened to fit
 * @value: the value, may be NULL
 * @buf: receives the text
 * @size: of @buf, at least 8
 *
 * Return: @buf.
 */
char *conf_text(const json_t *value, char *buf, size_t size);

#endif
