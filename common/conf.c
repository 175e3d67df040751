/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Configuration is data: a table of keys drives parsing, validation, --help and error texts. */
#include "conf.h"

#include "cleanup.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

#define TEXT_MAX 80 /* of a value shown in an error */

static json_t *get_n(const json_t *obj, const char *key, size_t len)
{
	json_t *found = NULL, *value;
	const char *name;

	json_object_foreach ((json_t *)obj, name, value)
		if (strlen(name) == len && strncasecmp(name, key, len) == 0 && !json_is_null(value))
			found = value;
	return found;
}

json_t *conf_get(const json_t *obj, const char *key)
{
	return get_n(obj, key, strlen(key));
}

json_t *conf_get_path(const json_t *obj, const char *path)
{
	for (;;) {
		size_t len = strcspn(path, ".");
		json_t *value = get_n(obj, path, len);

		if (!value || path[len] == '\0')
			return value;
		obj = value;
		path += len + 1;
	}
}

struct text {
	char *buf;
	size_t size, used;
};

/* Stops the dump at the end of the buffer: a value may be megabytes long. */
static int text_append(const char *data, size_t len, void *arg)
{
	struct text *t = arg;
	size_t room = t->size - 1 - t->used, n = len < room ? len : room;

	memcpy(t->buf + t->used, data, n);
	t->used += n;
	return n < len ? -1 : 0;
}

char *conf_text(const json_t *value, char *buf, size_t size)
{
	struct text t = { .buf = buf, .size = size };

	if (!value) {
		snprintf(buf, size, "nothing");
		return buf;
	}
	if (json_dump_callback(value, text_append, &t,
			       JSON_COMPACT | JSON_ENCODE_ANY | JSON_REAL_PRECISION(15)) < 0) {
		if (t.used > size - 4)
			t.used = size - 4;
		/* not inside a UTF-8 sequence */
		while (t.used > 0 && (buf[t.used] & 0xc0) == 0x80)
			t.used--;
		memcpy(buf + t.used, "...", 3);
		t.used += 3;
	}
	buf[t.used] = '\0';
	return buf;
}

json_t *conf_load(const char *text, size_t max, struct cni_err *err)
{
	char shown[TEXT_MAX];
	json_error_t bad;
	json_t *value;

	if (strnlen(text, max + 1) > max) {
		cni_fail(err, CNI_E_DECODE, 0, "more than %zu bytes", max);
		return NULL;
	}
	value = json_loads(text, JSON_DECODE_ANY, &bad);
	if (!value) {
		cni_fail(err, CNI_E_DECODE, 0, "no JSON: %s", bad.text);
		return NULL;
	}
	if (json_is_object(value))
		return value;
	cni_fail(err, CNI_E_DECODE, 0, "expected an object, not %s",
		 conf_text(value, shown, sizeof(shown)));
	json_decref(value);
	return NULL;
}

static bool has_type(const json_t *value, enum conf_type type)
{
	switch (type) {
	case CONF_BOOL:
		return json_is_boolean(value);
	case CONF_INT:
		return json_is_integer(value);
	case CONF_STRING:
		return json_is_string(value);
	case CONF_OBJECT:
		return json_is_object(value);
	case CONF_ARRAY:
		return json_is_array(value);
	case CONF_DOC:
		return true;
	}
	return false;
}

static const char *type_name(const json_t *value, enum conf_type type)
{
	switch (type) {
	case CONF_BOOL:
		return "true or false";
	case CONF_INT:
		return json_is_real(value) ? "a whole number" : "a number";
	case CONF_STRING:
		return "a string";
	case CONF_OBJECT:
		return "an object";
	case CONF_ARRAY:
		return "an array";
	case CONF_DOC:
		break;
	}
	return "anything";
}

static void store(const json_t *value, enum conf_type type, void *field)
{
	switch (type) {
	case CONF_BOOL:
		*(bool *)field = json_is_true(value);
		break;
	case CONF_INT:
		*(int64_t *)field = json_integer_value(value);
		break;
	case CONF_STRING:
		*(const char **)field = json_string_value(value);
		break;
	case CONF_OBJECT:
	case CONF_ARRAY:
		*(const json_t **)field = value;
		break;
	case CONF_DOC:
		break;
	}
}

static int read_key(const json_t *value, const char *path, const struct conf_key *key, void *out,
		    struct cni_err *err)
{
	const char *dot = path[0] ? "." : "";
	char text[TEXT_MAX];

	if (value && !has_type(value, key->type))
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s%s%s\": expected %s, got %s", path, dot,
				key->name, type_name(value, key->type),
				conf_text(value, text, sizeof(text)));
	/* "" is what Go reads for an absent string, and as useless to the plugin */
	if (key->required && (!value || (json_is_string(value) && !json_string_length(value))))
		return cni_fail(err, CNI_E_CONF, 0, "\"%s%s%s\" is required", path, dot, key->name);
	if (!value)
		return 0;
	if (key->type == CONF_INT &&
	    (json_integer_value(value) < key->min || json_integer_value(value) > key->max))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%s%s%s\": %s is not between %" PRId64 " and %" PRId64, path, dot,
				key->name, conf_text(value, text, sizeof(text)), key->min,
				key->max);
	store(value, key->type, (char *)out + key->offset);
	return 0;
}

int conf_read(const json_t *obj, const char *path, const struct conf_key *keys, void *out,
	      struct cni_err *err)
{
	char text[TEXT_MAX];

	if (obj && !json_is_object(obj) && !json_is_null(obj))
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s\": expected an object, got %s",
				path[0] ? path : "configuration",
				conf_text(obj, text, sizeof(text)));
	for (; keys->name; keys++) {
		int r;

		if (keys->type == CONF_DOC)
			continue;
		r = read_key(conf_get(obj, keys->name), path, keys, out, err);
		if (r < 0)
			return r;
	}
	return 0;
}

int conf_choose(const char *key, const char *value, const char *const *names, size_t n, int *chosen,
		struct cni_err *err)
{
	char list[120] = "";

	for (size_t i = 0; i < n; i++) {
		if (strcmp(value ? value : names[0], names[i]) == 0) {
			*chosen = (int)i;
			return 0;
		}
		if (*names[i])
			snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s\"%s\"",
				 list[0] ? ", " : "", names[i]);
	}
	return cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%.60s\" is none of %s", key, value, list);
}
