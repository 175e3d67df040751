/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of firewalld's D-Bus messages and addresses: what is sent, and malformed answers. */
#include "cleanup.h"
#include "firewalld_bus.h"

#include <endian.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define LITTLE (htole16(1) == 1)

static const struct bus_call add_source = {
	.destination = "org.fedoraproject.FirewallD1",
	.path = "/org/fedoraproject/FirewallD1",
	.interface = "org.fedoraproject.FirewallD1.zone",
	.member = "addSource",
	.args = { "trusted", "10.1.2.3/32" },
};

/* An answer "b" to call 2, as dbus-daemon 1.14 sends it: sender, destination, signature, serial. */
static const uint8_t answer_true[] = "l\2\1\1\4\0\0\0\3\0\0\0\x3d\0\0\0"
				     "\6\1s\0\4\0\0\0:1.2\0\0\0\0"
				     "\5\1u\0\2\0\0\0"
				     "\x8\1g\0\1b\0\0"
				     "\7\1s\0\x14\0\0\0org.freedesktop.DBus\0\0\0\0"
				     "\1\0\0";

/* An error with a text, big-endian, answering call 0x102. */
static const uint8_t answer_error[] = "B\3\1\1\0\0\0\x9\0\0\0\7\0\0\0\x1f"
				      "\4\1s\0\0\0\0\5a.b.c\0\0\0"
				      "\5\1u\0\0\0\1\2"
				      "\x8\1g\0\1s\0"
				      "\0"
				      "\0\0\0\4text";

static const uint8_t signal_unit[] = "l\4\1\1\0\0\0\0\1\0\0\0\x1a\0\0\0"
				     "\1\1o\0\1\0\0\0/\0\0\0\0\0\0\0"
				     "\3\1s\0\1\0\0\0X\0\0\0\0\0\0";

/* bus_parse() on a copy of exactly that size, so that a sanitizer sees a read behind it. */
static int parse(const uint8_t *p, size_t size, struct bus_msg *msg)
{
	uint8_t *copy = malloc(size ? size : 1);
	struct bus_msg found = { 0 };
	int r;

	assert_non_null(copy);
	memcpy(copy, p, size);
	r = bus_parse(copy, size, &found);
	if (r == 0 && msg)
		*msg = found;
	/* what was found must be readable */
	if (r == 0)
		assert_true(strlen(found.signature) + strlen(found.text) < size);
	if (r == 0 && found.error)
		assert_true(strlen(found.error) < size);
	free(copy);
	return r;
}

static void test_encode(void **state)
{
	static const char expected[] =
		"l\1\2\1\x1c\0\0\0\x07\0\0\0\xa0\0\0\0"
		"\1\1o\0\x1d\0\0\0/org/fedoraproject/FirewallD1\0\0\0"
		"\2\1s\0\x21\0\0\0org.fedoraproject.FirewallD1.zone\0\0\0\0\0\0\0"
		"\3\1s\0\x9\0\0\0addSource\0\0\0\0\0\0\0"
		"\6\1s\0\x1c\0\0\0org.fedoraproject.FirewallD1\0\0\0\0"
		"\x8\1g\0\2ss\0"
		"\7\0\0\0trusted\0"
		"\xb\0\0\0"
		"10.1.2.3/32";
	uint8_t buf[512];
	int len;

	(void)state;
	len = bus_encode(buf, sizeof(buf), 7, &add_source);
	assert_int_equal(len, sizeof(expected));
	assert_int_equal(bus_message_size(buf), len);
	if (LITTLE)
		assert_memory_equal(buf, expected, sizeof(expected));
}

static void test_encode_room(void **state)
{
	uint8_t buf[512];
	int len = bus_encode(buf, sizeof(buf), 7, &add_source);

	(void)state;
	for (int size = 0; size < len; size++) {
		uint8_t *exact = malloc(size ? (size_t)size : 1);

		assert_int_equal(bus_encode(exact, (size_t)size, 7, &add_source), -EMSGSIZE);
		free(exact);
	}
	assert_int_equal(bus_encode(buf, (size_t)len, 7, &add_source), len);
}

static void test_parse(void **state)
{
	struct bus_msg msg;
	uint8_t buf[512];
	int len;

	(void)state;
	assert_int_equal(bus_message_size(answer_true), sizeof(answer_true));
	assert_int_equal(bus_parse(answer_true, sizeof(answer_true), &msg), 0);
	assert_int_equal(msg.type, BUS_METHOD_RETURN);
	assert_int_equal(msg.serial, 3);
	assert_int_equal(msg.reply_serial, 2);
	assert_string_equal(msg.signature, "b");
	assert_true(msg.flag);
	assert_null(msg.error);

	assert_int_equal(bus_message_size(answer_error), sizeof(answer_error));
	assert_int_equal(bus_parse(answer_error, sizeof(answer_error), &msg), 0);
	assert_int_equal(msg.type, BUS_ERROR);
	assert_int_equal(msg.reply_serial, 0x102);
	assert_string_equal(msg.error, "a.b.c");
	assert_string_equal(msg.text, "text");
	assert_false(msg.flag);

	assert_int_equal(bus_message_size(signal_unit), sizeof(signal_unit));
	assert_int_equal(bus_parse(signal_unit, sizeof(signal_unit), &msg), 0);
	assert_int_equal(msg.type, BUS_SIGNAL);

	/* our own calls are messages, too */
	len = bus_encode(buf, sizeof(buf), 7, &add_source);
	assert_int_equal(bus_parse(buf, (size_t)len, &msg), 0);
	assert_int_equal(msg.serial, 7);
	assert_string_equal(msg.signature, "ss");
	assert_string_equal(msg.text, "trusted");
}

static void test_parse_sizes(void **state)
{
	uint8_t longer[sizeof(answer_true) + 1] = { 0 };

	(void)state;
	for (size_t size = 0; size < sizeof(answer_true); size++)
		assert_int_equal(parse(answer_true, size, NULL), -EBADMSG);
	memcpy(longer, answer_true, sizeof(answer_true));
	assert_int_equal(parse(longer, sizeof(longer), NULL), -EBADMSG);
}

struct patch {
	size_t at;
	uint8_t value;
};

static void test_parse_patched(void **state)
{
	static const struct patch bad[] = {
		{ 0, 'x' },   { 0, 'B' },   { 1, 0 },	  { 3, 2 },  { 4, 5 },	{ 8, 0 },
		{ 12, 0x35 }, { 12, 0x3e }, { 15, 0xff }, { 16, 0 }, { 17, 2 }, { 18, 'v' },
		{ 19, 1 },    { 20, 0xff }, { 23, 0xff }, { 25, 0 }, { 28, 1 }, { 29, 1 },
		{ 36, 0 },    { 34, 'i' },  { 44, 2 },	  { 44, 0 }, { 46, 1 }, { 47, 1 },
		{ 45, 's' },  { 48, 0 },    { 80, 2 },	  { 83, 1 }, { 40, 5 }, { 32, 3 },
	};
	uint8_t buf[sizeof(answer_true)];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		memcpy(buf, answer_true, sizeof(buf));
		assert_int_not_equal(buf[bad[i].at], bad[i].value);
		buf[bad[i].at] = bad[i].value;
		if (parse(buf, sizeof(buf), NULL) != -EBADMSG)
			fail_msg("accepted with byte %zu = %#x", bad[i].at, bad[i].value);
	}
}

/* Every byte of each message with every value: nothing but 0 or -EBADMSG, and no stray read. */
static void test_parse_every_byte(void **state)
{
	static const struct {
		const uint8_t *p;
		size_t size;
	} msgs[] = {
		{ answer_true, sizeof(answer_true) },
		{ answer_error, sizeof(answer_error) },
		{ signal_unit, sizeof(signal_unit) },
	};
	uint8_t buf[128];

	(void)state;
	for (size_t m = 0; m < ARRAY_SIZE(msgs); m++) {
		for (size_t at = 0; at < msgs[m].size; at++) {
			for (unsigned int value = 0; value < 256; value++) {
				int r;

				memcpy(buf, msgs[m].p, msgs[m].size);
				buf[at] = (uint8_t)value;
				r = parse(buf, msgs[m].size, NULL);
				assert_true(r == 0 || r == -EBADMSG);
			}
		}
	}
}

/* Messages with random damage in several places; the seed is fixed. */
static void test_parse_random(void **state)
{
	uint8_t buf[sizeof(answer_error)];
	unsigned int seed = 20260101;

	(void)state;
	for (int i = 0; i < 50000; i++) {
		int r;

		memcpy(buf, answer_error, sizeof(buf));
		for (int n = rand_r(&seed) % 6; n >= 0; n--)
			buf[(size_t)rand_r(&seed) % sizeof(buf)] = (uint8_t)rand_r(&seed);
		r = parse(buf, sizeof(buf), NULL);
		assert_true(r == 0 || r == -EBADMSG);
	}
}

static void test_message_size(void **state)
{
	uint8_t p[16] = "l\2\1\1\0\0\0\0\1\0\0\0\0\0\0";

	(void)state;
	assert_int_equal(bus_message_size(p), 16);
	p[12] = 1; /* the fields end before the next multiple of 8 */
	assert_int_equal(bus_message_size(p), 24);
	p[4] = 3;
	assert_int_equal(bus_message_size(p), 27);
	p[6] = 1; /* 64 KiB of body */
	assert_int_equal(bus_message_size(p), -EMSGSIZE);
	memset(p + 4, 0xff, 12);
	assert_int_equal(bus_message_size(p), -EMSGSIZE);
	p[0] = 'B';
	assert_int_equal(bus_message_size(p), -EMSGSIZE);
	p[0] = 'm';
	assert_int_equal(bus_message_size(p), -EBADMSG);
}

static void test_address(void **state)
{
	char path[BUS_PATH_LEN] = "untouched", longest[BUS_PATH_LEN + 16];

	(void)state;
	assert_int_equal(bus_address("unix:abstract=/x", path), -EAFNOSUPPORT);
	assert_int_equal(bus_address("", path), -EAFNOSUPPORT);
	assert_int_equal(bus_address(";;unix:", path), -EAFNOSUPPORT);
	assert_int_equal(bus_address("tcp:path=/x", path), -EAFNOSUPPORT);
	assert_int_equal(bus_address("autolaunch:", path), -EAFNOSUPPORT);
	assert_int_equal(bus_address("unix:path=x", path), -EINVAL);
	assert_int_equal(bus_address("unix:path=", path), -EINVAL);
	assert_int_equal(bus_address("unix:path=/x%", path), -EINVAL);
	assert_int_equal(bus_address("unix:path=/x%4", path), -EINVAL);
	assert_int_equal(bus_address("unix:path=/x%4;1", path), -EINVAL);
	assert_int_equal(bus_address("unix:path=/x%00", path), -EINVAL);
	assert_int_equal(bus_address("unix:path=/x%zz", path), -EINVAL);
	assert_string_equal(path, "untouched");

	assert_int_equal(bus_address("unix:path=/run/bus", path), 0);
	assert_string_equal(path, "/run/bus");
	assert_int_equal(bus_address("unix:guid=12,path=/a%2Cb%3b,x=y;unix:path=/z", path), 0);
	assert_string_equal(path, "/a,b;");
	assert_int_equal(bus_address("tcp:host=a,port=1;unix:abstract=x;unix:path=/z", path), 0);
	assert_string_equal(path, "/z");

	memset(longest, 'x', sizeof(longest));
	memcpy(longest, "unix:path=/", 11);
	longest[10 + BUS_PATH_LEN - 1] = '\0';
	assert_int_equal(bus_address(longest, path), 0);
	assert_int_equal(strlen(path), BUS_PATH_LEN - 1);
	longest[10 + BUS_PATH_LEN - 1] = 'x';
	longest[10 + BUS_PATH_LEN] = '\0';
	assert_int_equal(bus_address(longest, path), -ENAMETOOLONG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_encode),	      cmocka_unit_test(test_encode_room),
		cmocka_unit_test(test_parse),	      cmocka_unit_test(test_parse_sizes),
		cmocka_unit_test(test_parse_patched), cmocka_unit_test(test_parse_every_byte),
		cmocka_unit_test(test_parse_random),  cmocka_unit_test(test_message_size),
		cmocka_unit_test(test_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
