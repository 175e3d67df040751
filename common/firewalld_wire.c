/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * D-Bus messages as bytes: writing a method call, checking and reading an answer.
 *
 * What is read comes from a privileged daemon, but the texts in it come from any service: every
 * length, type, padding byte and terminator is checked before it is believed.
 */
#include "firewalld_bus.h"

#include "cleanup.h"

#include <endian.h>
#include <string.h>

/* Codes of header fields; D-Bus specification, "Header Fields". */
enum {
	FIELD_PATH = 1,
	FIELD_INTERFACE = 2,
	FIELD_MEMBER = 3,
	FIELD_ERROR_NAME = 4,
	FIELD_REPLY_SERIAL = 5,
	FIELD_DESTINATION = 6,
	FIELD_SIGNATURE = 8,
};

enum {
	FLAG_NO_AUTO_START = 2,
};

/* A message being written. Appends past the end are remembered in bad, so that one check does. */
struct writer {
	uint8_t *buf;
	size_t size, len;
	bool bad;
};

static void put(struct writer *w, const void *data, size_t len)
{
	if (w->bad || len > w->size - w->len) {
		w->bad = true;
		return;
	}
	memcpy(w->buf + w->len, data, len);
	w->len += len;
}

static void put_u8(struct writer *w, uint8_t value)
{
	put(w, &value, 1);
}

static void put_u32(struct writer *w, uint32_t value)
{
	put(w, &value, 4);
}

static void put_padding(struct writer *w, size_t align)
{
	while (!w->bad && w->len % align)
		put_u8(w, 0);
}

static void put_string(struct writer *w, const char *s)
{
	size_t len = strlen(s);

	put_padding(w, 4);
	put_u32(w, (uint32_t)len);
	put(w, s, len + 1);
}

static void put_signature(struct writer *w, const char *s)
{
	size_t len = strlen(s);

	put_u8(w, (uint8_t)len);
	put(w, s, len + 1);
}

static void put_field(struct writer *w, uint8_t code, const char *type, const char *value)
{
	put_padding(w, 8);
	put_u8(w, code);
	put_signature(w, type);
	if (*type == 'g')
		put_signature(w, value);
	else
		put_string(w, value);
}

/* Overwrite the 32-bit number at an offset that has been written already. */
static void patch_u32(struct writer *w, size_t at, size_t value)
{
	uint32_t v = (uint32_t)value;

	if (!w->bad)
		memcpy(w->buf + at, &v, 4);
}

int bus_encode(uint8_t *buf, size_t size, uint32_t serial, const struct bus_call *call)
{
	struct writer w = { .buf = buf, .size = size };
	char signature[ARRAY_SIZE(call->args) + 1] = "";
	size_t n = 0, body;

	while (n < ARRAY_SIZE(call->args) && call->args[n])
		signature[n++] = 's';
	put_u8(&w, htole16(1) == 1 ? 'l' : 'B');
	put_u8(&w, BUS_METHOD_CALL);
	put_u8(&w, FLAG_NO_AUTO_START);
	put_u8(&w, 1);
	put_u32(&w, 0); /* length of the body */
	put_u32(&w, serial);
	put_u32(&w, 0); /* length of the fields */
	put_field(&w, FIELD_PATH, "o", call->path);
	put_field(&w, FIELD_INTERFACE, "s", call->interface);
	put_field(&w, FIELD_MEMBER, "s", call->member);
	put_field(&w, FIELD_DESTINATION, "s", call->destination);
	if (n)
		put_field(&w, FIELD_SIGNATURE, "g", signature);
	patch_u32(&w, 12, w.len - 16);
	put_padding(&w, 8);
	body = w.len;
	for (size_t i = 0; i < n; i++)
		put_string(&w, call->args[i]);
	patch_u32(&w, 4, w.len - body);
	return w.bad || w.len > BUS_MESSAGE_MAX ? -EMSGSIZE : (int)w.len;
}

/* A message being read. The first thing that is not as it should be sets bad; nothing is read then.
 */
struct reader {
	const uint8_t *buf;
	size_t end, pos;
	bool swap, bad;
};

static const uint8_t *get(struct reader *r, size_t len)
{
	const uint8_t *p = r->buf + r->pos;

	if (r->bad || len > r->end - r->pos) {
		r->bad = true;
		return NULL;
	}
	r->pos += len;
	return p;
}

static void get_padding(struct reader *r, size_t align)
{
	while (!r->bad && r->pos % align) {
		const uint8_t *p = get(r, 1);

		if (p && *p)
			r->bad = true;
	}
}

static uint8_t get_u8(struct reader *r)
{
	const uint8_t *p = get(r, 1);

	return p ? *p : 0;
}

static uint32_t get_u32(struct reader *r)
{
	const uint8_t *p;
	uint32_t v;

	get_padding(r, 4);
	p = get(r, 4);
	if (!p)
		return 0;
	memcpy(&v, p, 4);
	return r->swap ? __builtin_bswap32(v) : v;
}

/* Text of a known length, which a NUL must follow and none may be in. Return: "" when it is bad. */
static const char *get_text(struct reader *r, size_t len)
{
	const uint8_t *p = get(r, len);
	const uint8_t *nul = get(r, 1);

	if (r->bad || *nul || memchr(p, 0, len)) {
		r->bad = true;
		return "";
	}
	return (const char *)p;
}

static const char *get_string(struct reader *r)
{
	return get_text(r, get_u32(r));
}

static const char *get_signature(struct reader *r)
{
	return get_text(r, get_u8(r));
}

/* The value of a header field, whose type is a single basic one. */
static void get_field(struct reader *r, struct bus_msg *msg)
{
	const char *type, *text = "";
	uint32_t number = 0;
	uint8_t code;

	get_padding(r, 8);
	code = get_u8(r);
	type = get_signature(r);
	if (strcmp(type, "s") == 0 || strcmp(type, "o") == 0)
		text = get_string(r);
	else if (strcmp(type, "g") == 0)
		text = get_signature(r);
	else if (strcmp(type, "u") == 0)
		number = get_u32(r);
	else
		r->bad = true;

	/* fields this client has no use for are skipped, as the specification asks */
	if (code == 0)
		r->bad = true;
	if (code == FIELD_ERROR_NAME) {
		r->bad |= *type != 's' || !*text;
		msg->error = text;
	} else if (code == FIELD_REPLY_SERIAL) {
		r->bad |= *type != 'u' || !number;
		msg->reply_serial = number;
	} else if (code == FIELD_SIGNATURE) {
		r->bad |= *type != 'g';
		msg->signature = text;
	}
}

/* The lengths at the start of a message, which bus_message_size() has checked or will check. */
static void get_start(struct reader *r, struct bus_msg *msg, uint32_t *body, uint32_t *fields)
{
	uint8_t order = get_u8(r);

	r->bad |= order != 'l' && order != 'B';
	r->swap = (order == 'l') != (htole16(1) == 1);
	msg->type = get_u8(r);
	get_u8(r); /* flags */
	r->bad |= get_u8(r) != 1 || msg->type == 0;
	*body = get_u32(r);
	msg->serial = get_u32(r);
	*fields = get_u32(r);
	r->bad |= msg->serial == 0;
}

static size_t padded(size_t len)
{
	return (len + 7) & ~(size_t)7;
}

int bus_message_size(const uint8_t p[16])
{
	struct reader r = { .buf = p, .end = 16 };
	uint32_t body, fields;
	struct bus_msg msg;

	get_start(&r, &msg, &body, &fields);
	if (r.bad)
		return -EBADMSG;
	if (body > BUS_MESSAGE_MAX || fields > BUS_MESSAGE_MAX ||
	    16 + padded(fields) + body > BUS_MESSAGE_MAX)
		return -EMSGSIZE;
	return (int)(16 + padded(fields) + body);
}

int bus_parse(const uint8_t *p, size_t size, struct bus_msg *msg)
{
	struct bus_msg m = { .signature = "", .text = "" };
	struct reader r = { .buf = p, .end = size };
	uint32_t body, fields;

	if (size < 16 || bus_message_size(p) != (int)size)
		return -EBADMSG;
	get_start(&r, &m, &body, &fields);
	r.end = 16 + (size_t)fields;
	while (!r.bad && r.pos < r.end)
		get_field(&r, &m);
	r.end = size;
	get_padding(&r, 8);
	if (*m.signature == 's') {
		m.text = get_string(&r);
	} else if (*m.signature == 'b') {
		uint32_t flag = get_u32(&r);

		r.bad |= flag > 1;
		m.flag = flag == 1;
	}
	/* a body that no signature describes, or one that one string or boolean does not fill */
	if (strlen(m.signature) <= 1 && strchr("sb", *m.signature) && r.pos != r.end)
		r.bad = true;
	if (m.type == BUS_METHOD_RETURN || m.type == BUS_ERROR)
		r.bad |= !m.reply_serial || (m.type == BUS_ERROR) != (m.error != NULL);
	if (r.bad)
		return -EBADMSG;
	*msg = m;
	return 0;
}
