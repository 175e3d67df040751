/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of the static plugin: where addresses and gateways come from, and what CHECK compares. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "ipam/static_ipam.h"

#include <string.h>

/* The addresses of an ADD as "cidr>gateway ...", or the error text. */
static const char *run(const char *text, const char *args, enum cni_version v, char *buf,
		       size_t size)
{
	json_auto_t *conf = json_loads(text, 0, NULL);
	struct cni_call call = { .plugin = "static", .conf = conf, .args = args, .version = v };
	struct cni_result res = { 0 };
	struct cni_err err = { 0 };
	size_t used = 0;

	assert_non_null(conf);
	buf[0] = '\0';
	if (static_plugin.add(&call, &res, NULL, &err) < 0)
		snprintf(buf, size, "%d %.450s", err.code, err.msg);
	else
		for (size_t i = 0; i < res.n_ips; i++) {
			char ip[IP_STRLEN], gw[IP_STRLEN] = "-";

			if (res.ips[i].gateway.family)
				ip_str(&res.ips[i].gateway, gw);
			used += snprintf(buf + used, size - used, "%s%s>%s", i ? " " : "",
					 ip_net_str(&res.ips[i].address, ip), gw);
		}
	result_free(&res);
	return buf;
}

#define ADDRS                                                                                      \
	"\"addresses\":[{\"address\":\"10.1.0.5/"                                                  \
	"24\",\"gateway\":\"10.1.0.1\"},{\"address\":\"fd00::5/64\"}]"

static void sources(void **state)
{
	char b[512];

	(void)state;
	assert_string_equal(run("{\"ipam\":{" ADDRS "}}", NULL, CNI_1_0_0, b, sizeof(b)),
			    "10.1.0.5/24>10.1.0.1 fd00::5/64>-");
	assert_string_equal(run("{\"ipam\":{" ADDRS "}}",
				"IP=10.2.0.9/16, 10.3.0.9/16;GATEWAY="
				"10.2.0.1,fd00::1",
				CNI_1_0_0, b, sizeof(b)),
			    "10.1.0.5/24>10.1.0.1 fd00::5/64>fd00::1 10.2.0.9/16>10.2.0.1 "
			    "10.3.0.9/16>-");
	assert_string_equal(run("{\"ipam\":{" ADDRS "},\"args\":{\"cni\":{\"ips\":"
				"[\"10.4.0.2/24\"]}}}",
				NULL, CNI_1_0_0, b, sizeof(b)),
			    "10.4.0.2/24>-");
	assert_string_equal(
		run("{\"ipam\":{" ADDRS "},\"args\":{\"cni\":{\"ips\":"
		    "[\"10.4.0.2/24\"]}},\"runtimeConfig\":{\"ips\":[\"10.5.0.2/24\"]}}",
		    "IP=10.6.0.2/24", CNI_1_0_0, b, sizeof(b)),
		"10.5.0.2/24>-");
	assert_string_equal(run("{\"ipam\":{}}", NULL, CNI_1_0_0, b, sizeof(b)), "");
}

static void refuses(const char *conf, const char *args, enum cni_version v, const char *code,
		    const char *text)
{
	char b[512];

	run(conf, args, v, b, sizeof(b));
	if (strncmp(b, code, strlen(code)) != 0 || !strstr(b, text))
		fail_msg("not \"%s ... %s\": \"%s\"", code, text, b);
}

static void errors(void **state)
{
	(void)state;
	refuses("{}", NULL, CNI_1_0_0, "7 ", "'ipam'");
	refuses("{\"ipam\":{\"addresses\":7}}", NULL, CNI_1_0_0, "6 ", "ipam.addresses");
	refuses("{\"ipam\":{\"addresses\":[{}]}}", NULL, CNI_1_0_0, "7 ", "address");
	refuses("{\"ipam\":{\"addresses\":[{\"address\":\"10.1.0.5\"}]}}", NULL, CNI_1_0_0, "7 ",
		"ipam.addresses[0].address: invalid CIDR \"10.1.0.5\"");
	refuses("{\"ipam\":{\"addresses\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"x\"}]}}",
		NULL, CNI_1_0_0, "7 ", "ipam.addresses[0].gateway: \"x\"");
	refuses("{\"ipam\":{}}", "IP=10.1.0.5", CNI_1_0_0, "4 ", "10.1.0.5");
	refuses("{\"ipam\":{}}", "GATEWAY=x", CNI_1_0_0, "4 ", "GATEWAY");
	refuses("{\"ipam\":{},\"runtimeConfig\":{\"ips\":[\"10.1.0.5\"]}}", NULL, CNI_1_0_0, "7 ",
		"runtimeConfig.ips");
	refuses("{\"ipam\":{}}", "IP=10.1.0.5/24,10.2.0.5/24", CNI_0_2_0, "7 ",
		"0.2.0 does not support");
}

static void check(void **state)
{
	json_auto_t *conf = json_loads("{\"ipam\":{" ADDRS "}}", 0, NULL);
	struct cni_result prev = { 0 };
	struct cni_call call = { .conf = conf, .version = CNI_1_0_0 };
	struct cni_ip ip = { .iface = -1 };
	struct cni_err err = { 0 };

	(void)state;
	assert_true(static_plugin.check(&call, &err) < 0);
	assert_non_null(strstr(err.msg, "prevResult"));
	call.prev = &prev;
	assert_int_equal(ip_net_parse("10.1.0.5/24", &ip.address), 0);
	result_add_ip(&prev, &ip);
	err.code = 0;
	assert_true(static_plugin.check(&call, &err) < 0);
	assert_non_null(strstr(err.msg, "fd00::5/64"));
	assert_int_equal(ip_net_parse("fd00::5/64", &ip.address), 0);
	result_add_ip(&prev, &ip);
	err.code = 0;
	assert_int_equal(static_plugin.check(&call, &err), 0);
	assert_int_equal(static_plugin.status(&call, &err), 0);
	result_free(&prev);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(sources),
		cmocka_unit_test(errors),
		cmocka_unit_test(check),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
