/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What etcd's gateway writes: base64, numbers in texts, keys, errors. All of it may be rubbish. */
#include "etcd_json.h"

#include "cleanup.h"

#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

/* ---- base64 ---- */

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

char *etcd_base64(const void *data, size_t len)
{
	const unsigned char *in = data;
	char *text = malloc((len + 2) / 3 * 4 + 1), *out = text;

	if (!text)
		abort();
	for (; len; in += 3) {
		size_t n = len < 3 ? len : 3;
		unsigned int bits = in[0] << 16 | (n > 1 ? in[1] << 8 : 0) | (n > 2 ? in[2] : 0);

		*out++ = alphabet[bits >> 18];
		*out++ = alphabet[bits >> 12 & 63];
		*out++ = n > 1 ? alphabet[bits >> 6 & 63] : '=';
		*out++ = n > 2 ? alphabet[bits & 63] : '=';
		len -= n;
	}
	*out = '\0';
	return text;
}

static int digit(char c)
{
	const char *at = c ? strchr(alphabet, c) : NULL;

	return at ? (int)(at - alphabet) : -1;
}

char *etcd_unbase64(const char *text, size_t *len)
{
	size_t n = strlen(text), pad = 0, at = 0;
	autofree char *bytes = malloc(n / 4 * 3 + 1);
	unsigned int bits = 0;

	if (!bytes)
		abort();
	if (n % 4)
		return NULL;
	if (n && text[n - 1] == '=')
		pad = text[n - 2] == '=' ? 2 : 1;
	for (size_t i = 0; i < n - pad; i++) {
		int value = digit(text[i]);

		if (value < 0)
			return NULL;
		bits = bits << 6 | (unsigned int)value;
		/* three of four digits end a byte */
		if (i % 4)
			bytes[at++] = (char)(bits >> (6 - 2 * (i % 4)));
	}
	if (pad && bits & ((1U << (2 * pad)) - 1))
		return NULL;
	bytes[at] = '\0';
	*len = at;
	return take_ptr(bytes);
}

/* ---- answers ---- */

/* jansson calls itself for each level: what is too deep is not shown to it. */
static bool is_flat(const char *text, size_t len)
{
	bool quoted = false;
	int depth = 0;

	for (size_t i = 0; i < len; i++) {
		char c = text[i];

		if (quoted && c == '\\')
			i++;
		else if (c == '"')
			quoted = !quoted;
		else if (!quoted && (c == '{' || c == '['))
			depth++;
		else if (!quoted && (c == '}' || c == ']'))
			depth--;
		if (depth > ETCD_DEPTH_MAX)
			return false;
	}
	return true;
}

json_t *etcd_json_parse(const char *text, size_t len)
{
	json_t *answer = is_flat(text, len) ? json_loadb(text, len, 0, NULL) : NULL;

	if (json_is_object(answer))
		return answer;
	json_decref(answer);
	return NULL;
}

int etcd_json_int(const json_t *obj, const char *key, int64_t *out)
{
	const json_t *value = json_object_get(obj, key);
	const char *text = json_string_value(value);
	char *end;

	*out = 0;
	if (!value)
		return 0;
	if (json_is_integer(value)) {
		*out = json_integer_value(value);
		return 0;
	}
	if (!text || (*text != '-' && (*text < '0' || *text > '9')))
		return -EBADMSG;
	errno = 0;
	*out = strtoll(text, &end, 10);
	return errno || end == text || *end ? -EBADMSG : 0;
}

/* The bytes of a base64 member as text, "" when it is absent. NULL: no base64. */
static char *bytes_of(const json_t *obj, const char *key, size_t *len)
{
	const json_t *value = json_object_get(obj, key);

	if (value && !json_is_string(value))
		return NULL;
	return etcd_unbase64(value ? json_string_value(value) : "", len);
}

static void hide_nuls(char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] == '\0')
			text[i] = '\001';
}

void etcd_kv_free(struct etcd_kv *kv)
{
	free(kv->key);
	free(kv->value);
	memset(kv, 0, sizeof(*kv));
}

int etcd_json_kv(const json_t *obj, struct etcd_kv *kv, struct etcd_key *raw)
{
	autokv struct etcd_kv read = { 0 };
	size_t key_len = 0, value_len = 0;

	read.key = bytes_of(obj, "key", &key_len);
	read.value = bytes_of(obj, "value", &value_len);
	if (!read.key || !key_len || !read.value ||
	    etcd_json_int(obj, "create_revision", &read.create_revision) < 0 ||
	    etcd_json_int(obj, "mod_revision", &read.mod_revision) < 0 ||
	    etcd_json_int(obj, "version", &read.version) < 0 ||
	    etcd_json_int(obj, "lease", &read.lease) < 0)
		return -EBADMSG;
	if (raw)
		*raw = (struct etcd_key){ bytes_of(obj, "key", &key_len), key_len };
	hide_nuls(read.key, key_len);
	hide_nuls(read.value, value_len);
	*kv = read;
	memset(&read, 0, sizeof(read));
	return 0;
}

/* ---- requests ---- */

void etcd_json_add_int(json_t *obj, const char *key, int64_t n)
{
	char text[24];

	snprintf(text, sizeof(text), "%" PRId64, n);
	json_object_set_new(obj, key, json_string(text));
}

static void add_bytes(json_t *obj, const char *key, const void *data, size_t len)
{
	autofree char *text = etcd_base64(data, len);

	json_object_set_new(obj, key, json_string(text));
}

void etcd_json_add_bytes(json_t *obj, const char *key, const char *text)
{
	add_bytes(obj, key, text, strlen(text));
}

void etcd_json_prefix(json_t *obj, const char *prefix)
{
	autofree char *end = strdup(prefix);
	size_t len = strlen(prefix);

	if (!end)
		abort();
	add_bytes(obj, "key", prefix, len);
	end[len - 1]++;
	add_bytes(obj, "range_end", end, len);
}

/* ---- errors ---- */

/* Codes of gRPC, google/rpc/code.proto. */
enum {
	GRPC_INVALID_ARGUMENT = 3,
	GRPC_NOT_FOUND = 5,
	GRPC_PERMISSION_DENIED = 7,
	GRPC_RESOURCE_EXHAUSTED = 8,
	GRPC_FAILED_PRECONDITION = 9,
	GRPC_OUT_OF_RANGE = 11,
	GRPC_UNIMPLEMENTED = 12,
	GRPC_UNAUTHENTICATED = 16,
};

int etcd_json_error(int64_t code, const char *message)
{
	/* a member that has just started knows neither the token nor that there are any */
	if (strstr(message, "invalid auth token") || strstr(message, "user name is empty") ||
	    strstr(message, "revision of auth store is old"))
		return -EKEYEXPIRED;
	if (strstr(message, "authentication is not enabled"))
		return -ENOTSUP;
	if (strstr(message, "authentication failed"))
		return -EACCES;
	switch (code) {
	case GRPC_NOT_FOUND:
		return -ENOENT;
	case GRPC_PERMISSION_DENIED:
	case GRPC_UNAUTHENTICATED:
		return -EACCES;
	case GRPC_RESOURCE_EXHAUSTED:
		return strstr(message, "larger than max") ? -EFBIG : -EIO;
	case GRPC_OUT_OF_RANGE:
		return -ESTALE;
	case GRPC_INVALID_ARGUMENT:
	case GRPC_FAILED_PRECONDITION:
	case GRPC_UNIMPLEMENTED:
		return -EINVAL;
	default:
		return -EIO;
	}
}
