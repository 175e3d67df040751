/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of args.h: names from outside, CNI_ARGS and MAC addresses. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "args.h"

#include <errno.h>
#include <string.h>

static void failed(int r, const struct cni_err *err, int code, const char *words)
{
	assert_true(r < 0);
	assert_int_equal(err->code, code);
	assert_int_equal(err->errnum, 0);
	if (!strstr(err->msg, words))
		fail_msg("\"%s\" is not in \"%s\"", words, err->msg);
}

static void refuse_id(const char *id, const char *words)
{
	struct cni_err err = { 0 };
	int r = args_check_id(id, &err);

	failed(r, &err, CNI_E_ENV, words);
}

static void refuse_network(const char *name, const char *words)
{
	struct cni_err err = { 0 };
	int r = args_check_network(name, &err);

	failed(r, &err, CNI_E_CONF, words);
}

static void refuse_ifname(const char *name, int code, const char *key, const char *words)
{
	struct cni_err err = { 0 };
	int r = args_check_ifname(name, code, key, &err);

	failed(r, &err, code, words);
	assert_memory_equal(err.msg, key, strlen(key));
}

static void ids(void **state)
{
	char longest[ARGS_ID_MAX + 2];
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(args_check_id("a", &err), 0);
	assert_int_equal(args_check_id("9Z_.-x", &err), 0);
	memset(longest, 'x', sizeof(longest));
	longest[ARGS_ID_MAX] = '\0';
	assert_int_equal(args_check_id(longest, &err), 0);
	assert_int_equal(err.code, 0);
	longest[ARGS_ID_MAX] = 'x';
	longest[ARGS_ID_MAX + 1] = '\0';
	refuse_id(longest, "\"xxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxxx...\" has more than 220");
	refuse_id("", "missing containerID");
	refuse_id(NULL, "missing containerID");
	refuse_id("a b", "CNI_CONTAINERID: invalid characters in containerID \"a b\"");
	refuse_id("a\n", "invalid characters in containerID \"a?\"");
	refuse_id("\n", "invalid characters in containerID");
	refuse_id("a/../b", "invalid characters in containerID");
	refuse_id(".a", "invalid characters in containerID");
	refuse_id("-a", "invalid characters in containerID");
	refuse_id("_a", "invalid characters in containerID");
	refuse_id("a\xc3\xa4", "invalid characters in containerID");
}

static void networks(void **state)
{
	char longest[ARGS_NET_MAX + 2];
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(args_check_network("my-net_1.x", &err), 0);
	memset(longest, 'n', sizeof(longest));
	longest[ARGS_NET_MAX] = '\0';
	assert_int_equal(args_check_network(longest, &err), 0);
	longest[ARGS_NET_MAX] = 'n';
	longest[ARGS_NET_MAX + 1] = '\0';
	refuse_network(longest, "has more than 200 bytes");
	refuse_network("", "missing network name");
	refuse_network("net\n", "invalid characters found in network name");
	refuse_network("../etc", "\"name\": invalid characters found in network name \"../etc\"");
	refuse_network("a/b", "invalid characters found in network name");
}

static void ifnames(void **state)
{
	const char *const spaced[] = { "a/b",
				       "a:b",
				       "a b",
				       "a\tb",
				       "a\nb",
				       "eth0\n",
				       "a\vb",
				       "a\fb",
				       "a\rb",
				       "a\xa0"
				       "b" };
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(args_check_ifname("eth0", CNI_E_ENV, "CNI_IFNAME", &err), 0);
	assert_int_equal(args_check_ifname("123456789012345", CNI_E_ENV, "CNI_IFNAME", &err), 0);
	assert_int_equal(args_check_ifname("...", CNI_E_ENV, "CNI_IFNAME", &err), 0);
	refuse_ifname("1234567890123456", CNI_E_ENV, "CNI_IFNAME",
		      "interface name is too long: \"1234567890123456\" has more than 15 bytes");
	refuse_ifname("12345678901234567890123456789012345678901234567890", CNI_E_CONF, "bridge",
		      "\"1234567890123456789012345678901234567890...\" has more");
	refuse_ifname("", CNI_E_CONF, "bridge", "interface name is empty");
	refuse_ifname(".", CNI_E_ENV, "CNI_IFNAME", "interface name is . or ..");
	refuse_ifname("..", CNI_E_ENV, "CNI_IFNAME", "interface name is . or ..");
	for (size_t i = 0; i < sizeof(spaced) / sizeof(*spaced); i++)
		refuse_ifname(spaced[i], CNI_E_ENV, "CNI_IFNAME",
			      "interface name contains / or : or whitespace characters");
}

static void args_accepted(void **state)
{
	const char *ip = "dflt", *mac = "dflt";
	const struct args_pair known[] = { { "IP", &ip }, { "MAC", &mac }, { NULL } };
	struct args_list list;
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(args_parse(NULL, known, &list, &err), 0);
	args_free(&list);
	assert_int_equal(args_parse("", known, &list, &err), 0);
	args_free(&list);
	assert_string_equal(ip, "dflt");

	assert_int_equal(args_parse("IP=10.0.0.2/24;", known, &list, &err), 0);
	assert_string_equal(ip, "10.0.0.2/24");
	assert_string_equal(mac, "dflt");
	args_free(&list);

	assert_int_equal(args_parse(";;MAC=a=b;;IP=;", known, &list, &err), 0);
	assert_string_equal(mac, "a=b");
	assert_string_equal(ip, "");
	args_free(&list);

	assert_int_equal(args_parse("IP=1;IP=2;IgnoreUnknown=0", known, &list, &err), 0);
	assert_string_equal(ip, "2");
	args_free(&list);

	assert_int_equal(args_parse("K8S_POD_NAME=p;IP=3;IgnoreUnknown=1", known, &list, &err), 0);
	assert_string_equal(ip, "3");
	args_free(&list);
	ip = "dflt";
	assert_int_equal(args_parse("IgnoreUnknown=TrUe;ip=4", known, &list, &err), 0);
	assert_string_equal(ip, "dflt"); /* keys are case-sensitive */
	args_free(&list);
	args_free(&list);
	assert_int_equal(err.code, 0);
}

static void refuse_args(const char *raw, const char *msg)
{
	const char *ip = "dflt";
	const struct args_pair known[] = { { "IP", &ip }, { NULL } };
	struct args_list list;
	struct cni_err err = { 0 };

	assert_int_equal(args_parse(raw, known, &list, &err), -EINVAL);
	assert_int_equal(err.code, CNI_E_ENV);
	assert_string_equal(err.msg, msg);
	assert_string_equal(ip, "dflt");
}

static void args_refused(void **state)
{
	char big[3000] = "IP=1";

	(void)state;
	refuse_args("FOO=bar", "CNI_ARGS: unknown args [\"FOO=bar\"]");
	refuse_args("IP=1;FOO=bar;X=", "CNI_ARGS: unknown args [\"FOO=bar\" \"X=\"]");
	refuse_args("ip=1", "CNI_ARGS: unknown args [\"ip=1\"]");
	refuse_args("IPX=1;I=2", "CNI_ARGS: unknown args [\"IPX=1\" \"I=2\"]");
	refuse_args("K8S_POD_NAME=p", "CNI_ARGS: unknown args [\"K8S_POD_NAME=p\"]");
	refuse_args("A=1;IgnoreUnknown=false", "CNI_ARGS: unknown args [\"A=1\"]");
	refuse_args("A=1;IgnoreUnknown=1;IgnoreUnknown=0", "CNI_ARGS: unknown args [\"A=1\"]");
	refuse_args("x", "CNI_ARGS: invalid pair \"x\"");
	refuse_args("IP=1;x;IgnoreUnknown=1", "CNI_ARGS: invalid pair \"x\"");
	while (strlen(big) + 20 < sizeof(big))
		strcat(big, ";LONG=0123456789");
	assert_true(args_parse(big, (struct args_pair[]){ { NULL } }, &(struct args_list){ 0 },
			       &(struct cni_err){ 0 }) < 0);
}

static void macs(void **state)
{
	static const char *const bad[] = {
		"",
		"02",
		"02:42:0a:01:00",
		"02:42:0a:01:00:02:",
		"02:42:0a:01:00:2",
		"2:42:0a:01:00:02",
		"02:42:0a:01:00:0g",
		"02420a010002",
		"02:42-0a:01:00:02",
		"02.42.0a.01.00.02",
		"01:42:0a:01:00:02",
		"ff:ff:ff:ff:ff:ff",
		"00:00:00:00:00:00",
		"02:42:0a:01:00:02 ",
		" 02:42:0a:01:00:02",
		"02:42:0a:01:00:02:03:04",
		"02:42:0a:01:00:02\n",
	};
	const uint8_t want[6] = { 0x02, 0x42, 0x0a, 0xfe, 0x00, 0x02 };
	uint8_t mac[6] = { 0 };
	char buf[MAC_STRLEN];

	(void)state;
	assert_int_equal(mac_parse("02:42:0A:Fe:00:02", mac), 0);
	assert_memory_equal(mac, want, 6);
	assert_ptr_equal(mac_str(mac, buf), buf);
	assert_string_equal(buf, "02:42:0a:fe:00:02");
	memset(mac, 0, sizeof(mac));
	assert_int_equal(mac_parse("02-42-0a-fe-00-02", mac), 0);
	assert_memory_equal(mac, want, 6);
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		assert_int_equal(mac_parse(bad[i], mac), -EINVAL);
		assert_memory_equal(mac, want, 6);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(ids),		cmocka_unit_test(networks),
		cmocka_unit_test(ifnames),	cmocka_unit_test(args_accepted),
		cmocka_unit_test(args_refused), cmocka_unit_test(macs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
