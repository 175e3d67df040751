/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of where a MAC may be asked for, of MACs from hashes, and of the arithmetic of bursts.
 */
#include "cleanup.h"
#include "hash.h"
#include "mac.h"
#include "tc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static int read_key(const char *conf, const char *path, struct mac_wanted *mac, struct cni_err *err)
{
	json_auto_t *obj = json_loads(conf, 0, NULL);

	assert_non_null(obj);
	return mac_read_key(obj, path, mac, err);
}

static void test_key(void **state)
{
	static const uint8_t want[6] = { 2, 0, 0, 0, 0, 0xaa };
	struct mac_wanted mac = { 0 };
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(read_key("{}", "mac", &mac, &err), 0);
	assert_int_equal(read_key("{\"mac\":\"\"}", "mac", &mac, &err), 0);
	assert_int_equal(read_key("{\"mac\":null}", "mac", &mac, &err), 0);
	assert_int_equal(read_key("{\"args\":5}", "args.cni.mac", &mac, &err), 0);
	assert_false(mac.given);
	assert_int_equal(read_key("{\"Args\":{\"CNI\":{\"MAC\":\"02-00-00-00-00-AA\"}}}",
				  "args.cni.mac", &mac, &err),
			 0);
	assert_true(mac.given);
	assert_memory_equal(mac.addr, want, 6);
	/* absent: what was read before stays */
	assert_int_equal(read_key("{}", "mac", &mac, &err), 0);
	assert_true(mac.given);
	assert_memory_equal(mac.addr, want, 6);
}

static void test_bad_key(void **state)
{
	static const struct {
		const char *conf;
		int code;
	} bad[] = { { "{\"mac\":5}", CNI_E_DECODE },
		    { "{\"mac\":[]}", CNI_E_DECODE },
		    { "{\"mac\":\"x\"}", CNI_E_CONF },
		    { "{\"mac\":\"01:00:5e:00:00:01\"}", CNI_E_CONF },
		    { "{\"mac\":\"00:00:00:00:00:00\"}", CNI_E_CONF } };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		struct mac_wanted mac = { 0 };
		struct cni_err err = { 0 };

		assert_true(read_key(bad[i].conf, "mac", &mac, &err) < 0);
		assert_int_equal(err.code, bad[i].code);
		assert_non_null(strstr(err.msg, "\"mac\""));
		assert_false(mac.given);
	}
}

static void test_args(void **state)
{
	struct mac_wanted mac = { 0 };
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(mac_read_args(NULL, &mac, &err), 0);
	assert_int_equal(mac_read_args("IP=10.1.0.2;MAC=", &mac, &err), 0);
	assert_false(mac.given);
	assert_int_equal(mac_read_args("IgnoreUnknown=1;X=y;MAC=02:00:00:00:00:01", &mac, &err), 0);
	assert_true(mac.given);
	assert_int_equal(mac.addr[5], 1);
	assert_true(mac_read_args("MAC=y", &mac, &err) < 0);
	assert_int_equal(err.code, CNI_E_ENV);
	err = (struct cni_err){ 0 };
	assert_true(mac_read_args("X=y", &mac, &err) < 0);
	assert_int_equal(err.code, CNI_E_ENV);
}

static void test_hash(void **state)
{
	uint8_t mac[6];

	(void)state;
	for (uint64_t hash = 0; hash < 256; hash++) {
		hash_mac(hash, mac);
		assert_int_equal(mac[0] & 3, 2); /* local, of one station */
		assert_int_equal(mac[0] & 0xfc, hash & 0xfc);
	}
	hash_mac(0x665544332211, mac);
	assert_memory_equal(mac + 1, "\x22\x33\x44\x55\x66", 5);
}

static void test_burst(void **state)
{
	struct tc_rate second = { .bytes_per_s = 1000000, .burst = 1000000 };
	struct tc_rate largest = { .bytes_per_s = 1, .burst = UINT32_MAX };
	struct tc_rate fastest = { .bytes_per_s = 1ULL << 60, .burst = UINT32_MAX };

	(void)state;
	assert_int_equal(tc_buffer(&second), 1000000000 / 64);
	assert_true(tc_buffer(&largest) == (uint64_t)UINT32_MAX * 15625000);
	assert_int_equal(tc_buffer(&fastest), 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_key),   cmocka_unit_test(test_bad_key),
		cmocka_unit_test(test_args),  cmocka_unit_test(test_hash),
		cmocka_unit_test(test_burst),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
