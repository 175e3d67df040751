/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of flannel's data: what flanneld 0.20 nodes wrote, and what nobody should write. */
#include "cleanup.h"
#include "flannel.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ip_net net(const char *text)
{
	struct ip_net n;

	assert_int_equal(ip_net_parse(text, &n), 0);
	return n;
}

static void assert_net(const struct ip_net *got, const char *want)
{
	char text[IP_STRLEN];

	assert_string_equal(got->ip.family ? ip_net_str(got, text) : "none", want);
}

static void assert_ip(const struct ip_addr *got, const char *want)
{
	char text[IP_STRLEN];

	assert_string_equal(got->family ? ip_str(got, text) : "none", want);
}

/* What must not be taken, and what the error says of it. */
struct bad {
	const char *value, *text;
};

typedef int (*parse_fn)(const char *value, void *out, struct cni_err *err);

/* @size: of what @parse fills, which must stay as it was. */
static void assert_refused(const struct bad *bad, size_t n, parse_fn parse, size_t size)
{
	autofree char *out = malloc(size), *before = malloc(size);

	assert_true(out && before);
	memset(out, 0x5a, size);
	memset(before, 0x5a, size);
	for (size_t i = 0; i < n; i++) {
		struct cni_err err = { 0 };

		if (parse(bad[i].value, out, &err) == 0)
			fail_msg("%s was taken", bad[i].value);
		if (!strstr(err.msg, bad[i].text) || !err.code)
			fail_msg("%s: %s", bad[i].value, err.msg);
		assert_memory_equal(out, before, size);
	}
}

static int parse_lease(const char *value, void *out, struct cni_err *err)
{
	return flannel_lease_parse("10.5.26.0-24&fc00:5:0:5::-64", value, out, err);
}

static int parse_config(const char *value, void *out, struct cni_err *err)
{
	return flannel_config_parse(value, out, err);
}

static int parse_env(const char *value, void *out, struct cni_err *err)
{
	return flannel_env_parse(value, out, err);
}

/* ---- what flanneld 0.20.2 wrote, with etcd 3.4.23 ---- */

static const struct golden {
	const char *key, *value, *vtep[2], *subnet[2], *mac[2];
	uint32_t vni[2];
} golden[] = {
	{ "10.5.26.0-24",
	  "{\"PublicIP\":\"192.168.77.1\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
	  "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"d2:67:58:28:63:4b\"}}",
	  { "192.168.77.1", "none" },
	  { "10.5.26.0/24", "none" },
	  { "\xd2\x67\x58\x28\x63\x4b", NULL },
	  { 1, 0 } },
	{ "10.5.87.0-24",
	  "{\"PublicIP\":\"192.168.77.2\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\","
	  "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"4e:21:9b:a3:d4:da\"}}",
	  { "192.168.77.2", "none" },
	  { "10.5.87.0/24", "none" },
	  { "\x4e\x21\x9b\xa3\xd4\xda", NULL },
	  { 1, 0 } },
	{ "10.5.35.0-24&fc00:5:0:5::-64",
	  "{\"PublicIP\":\"192.168.77.2\",\"PublicIPv6\":\"fd77::2\",\"BackendType\":\"vxlan\","
	  "\"BackendData\":{\"VNI\":7,\"VtepMAC\":\"2a:62:90:11:e8:07\"},"
	  "\"BackendV6Data\":{\"VNI\":7,\"VtepMAC\":\"6a:80:4f:05:34:5a\"}}",
	  { "192.168.77.2", "fd77::2" },
	  { "10.5.35.0/24", "fc00:5:0:5::/64" },
	  { "\x2a\x62\x90\x11\xe8\x07", "\x6a\x80\x4f\x05\x34\x5a" },
	  { 7, 7 } },
	{ "10.5.63.0-24&fc00:5:0:2a::-64",
	  "{\"PublicIP\":\"192.168.77.1\",\"PublicIPv6\":\"fd77::1\",\"BackendType\":\"vxlan\","
	  "\"BackendData\":{\"VNI\":7,\"VtepMAC\":\"9a:3e:44:af:c1:44\"},"
	  "\"BackendV6Data\":{\"VNI\":7,\"VtepMAC\":\"7a:6e:9d:84:85:45\"}}",
	  { "192.168.77.1", "fd77::1" },
	  { "10.5.63.0/24", "fc00:5:0:2a::/64" },
	  { "\x9a\x3e\x44\xaf\xc1\x44", "\x7a\x6e\x9d\x84\x85\x45" },
	  { 7, 7 } },
};

static void test_leases(void **state)
{
	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(golden); i++) {
		const struct golden *g = &golden[i];
		struct flannel_lease lease;
		struct cni_err err = { 0 };
		char key[FLANNEL_KEY_MAX];
		autofree char *value = NULL;

		assert_int_equal(flannel_lease_parse(g->key, g->value, &lease, &err), 0);
		for (int k = 0; k < 2; k++) {
			assert_ip(&lease.vtep[k], g->vtep[k]);
			assert_net(&lease.subnet[k], g->subnet[k]);
			assert_int_equal(lease.has_data[k], g->mac[k] != NULL);
			assert_int_equal(lease.vni[k], g->vni[k]);
			if (g->mac[k])
				assert_memory_equal(lease.mac[k], g->mac[k], 6);
		}
		assert_string_equal(lease.backend, "vxlan");
		/* and back, byte for byte */
		value = flannel_lease_value(&lease);
		assert_string_equal(value, g->value);
		assert_string_equal(flannel_key(lease.subnet, key), g->key);
	}
}

/* Other spellings of a good lease, and what they come to: the third is "PublicIP BackendType". */
static void test_lease_variants(void **state)
{
	static const struct {
		const char *key, *value, *want;
	} good[] = {
		/* Go does not care about case; a name that is unknown is passed over */
		{ "10.5.1.0-24",
		  "{\"publicip\":\"192.0.2.1\",\"BACKENDTYPE\":\"vxlan\",\"more\":[{}],"
		  "\"backendData\":{\"vni\":1,\"vtepmac\":\"02:00:00:00:00:01\",\"x\":1}}",
		  "192.0.2.1 vxlan" },
		/* the last of two counts */
		{ "10.5.1.0-24",
		  "{\"PublicIP\":7,\"PublicIP\":\"192.0.2.2\",\"BackendType\":\"vxlan\","
		  "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02-00-00-00-00-01\"}}",
		  "192.0.2.2 vxlan" },
		/* early versions published no VNI */
		{ "10.5.1.0-24",
		  "{\"PublicIP\":\"192.0.2.3\",\"BackendType\":\"vxlan\","
		  "\"BackendData\":{\"VtepMAC\":\"02:00:00:00:00:01\"}}",
		  "192.0.2.3 vxlan" },
		/* a node without IPv4 */
		{ "0.0.0.0-0&fc00:5:0:5::-64",
		  "{\"PublicIP\":\"0.0.0.0\",\"PublicIPv6\":\"fd77::2\",\"BackendType\":\"vxlan\","
		  "\"BackendV6Data\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:01\"}}",
		  "none vxlan" },
		/* an IPv6 subnet that is not reached, and text that is not compressed */
		{ "10.5.1.0-24&fc00:5:0:5:0:0:0:0-64",
		  "{\"PublicIP\":\"192.0.2.1\",\"BackendType\":\"vxlan\","
		  "\"BackendData\":{\"VNI\":1,\"VtepMAC\":\"02:00:00:00:00:01\"}}",
		  "192.0.2.1 vxlan" },
		/* others' leases take their subnets, too */
		{ "10.5.1.0-24", "{\"PublicIP\":\"192.0.2.1\",\"BackendType\":\"host-gw\"}",
		  "192.0.2.1 host-gw" },
		{ "10.5.1.0-24",
		  "{\"PublicIP\":\"192.0.2.1\",\"BackendType\":\"wireguard\","
		  "\"BackendData\":{\"PublicKey\":\"x\"}}",
		  "192.0.2.1 wireguard" },
		{ "10.5.1.0-24", "{\"PublicIP\":\"192.0.2.1\"}", "192.0.2.1 " },
		{ "10.5.1.0-24", "{}", "none " },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct flannel_lease lease;
		struct cni_err err = { 0 };
		char got[100], text[IP_STRLEN] = "none";

		if (flannel_lease_parse(good[i].key, good[i].value, &lease, &err) < 0)
			fail_msg("%s: %s", good[i].value, err.msg);
		if (lease.vtep[0].family)
			ip_str(&lease.vtep[0], text);
		snprintf(got, sizeof(got), "%s %s", text, lease.backend);
		assert_string_equal(got, good[i].want);
	}
}

static void test_keys(void **state)
{
	static const char *const bad[] = {
		"",
		"-",
		"&",
		"10.5.26.0",
		"10.5.26.0-",
		"-24",
		"10.5.26.0/24",
		"10.5.26.0-24 ",
		" 10.5.26.0-24",
		"10.5.26.0-24\n",
		"10.5.26.0-024",
		"10.5.26.0-+24",
		"10.5.26.0--24",
		"10.5.26.0-24-24",
		"10.5.26.0-33",
		"10.5.26.0-32",
		"10.5.26.0-31",
		"10.5.26.0-0",
		"0.0.0.0-0",
		"0.0.0.0-0&",
		"0.0.0.0-0&-64",
		"10.5.26.0-99999999999999999999",
		"10.5.26.0-4294967320",
		"10.5.26.1-24",
		"10.5.26.128-24",
		"10.5.026.0-24",
		"10.5.26-24",
		"10.5.26.0.0-24",
		"10.5.256.0-24",
		"10.5.-1.0-24",
		"0x0a.5.26.0-24",
		"010.5.26.0-24",
		"224.0.0.0-24",
		"239.1.0.0-16",
		"255.255.255.0-24",
		"127.0.0.0-8",
		"127.5.0.0-16",
		"0.0.0.0-8",
		"0.5.0.0-16",
		"128.0.0.0-1",
		"0.0.0.0-1",
		"192.0.0.0-2",
		"fc00:5:0:5::-64",
		"10.5.26.0-24&",
		"10.5.26.0-24&fc00:5:0:5::",
		"10.5.26.0-24&fc00:5:0:5::-",
		"10.5.26.0-24&fc00:5:0:5::-128",
		"10.5.26.0-24&fc00:5:0:5::-127",
		"10.5.26.0-24&fc00:5:0:5::-129",
		"10.5.26.0-24&fc00:5:0:5::-0",
		"10.5.26.0-24&FC00:5:0:5::-64",
		"10.5.26.0-24&fc00:5:0:5::1-64",
		"10.5.26.0-24&fc00:5:0:5::-064",
		"10.5.26.0-24&fc00:5:0:5::-64&",
		"10.5.26.0-24&fc00:5:0:5::-64&fc00:5:0:6::-64",
		"10.5.26.0-24&&fc00:5:0:5::-64",
		"10.5.26.0-24&10.5.27.0-24",
		"fc00:5:0:5::-64&10.5.26.0-24",
		"10.5.26.0-24&::-64",
		"10.5.26.0-24&::1-126",
		"10.5.26.0-24&fe80::-64",
		"10.5.26.0-24&ff02::-64",
		"10.5.26.0-24&ff00::-8",
		"10.5.26.0-24&8000::-1",
		"10.5.26.0-24&::-1",
		"10.5.26.0-24&::a05:0-120",
		"10.5.26.0-24&::ffff:a05:100-120",
		"10.5.26.0-24&::ffff:10.5.1.0-120",
		"10.5.26.0-24&fc00:5:0:5:::-64",
		"10.5.26.0-24&fc00::5::-64",
		"10.5.26.0-24&fc00:5:0:5%eth0-64",
		"10.5.26.0-24&fc00:5:0:5:0:0:0:0:0-64",
		"10.5.26.0-24&12345::-64",
		"10.5.26.0-24;fc00:5:0:5::-64",
		"subnets/10.5.26.0-24",
		"/10.5.26.0-24",
		"10.5.26.0-24/",
		"../10.5.26.0-24",
		"10.5.26.0-24/..",
		"config",
		"$(id)",
		"`id`-24",
		"10.5.26.0-24;id",
		"10.5.26.0-24|id",
		"10.5.26.0-$((24))",
		"%s%s%s%s-24",
		"\xff\xfe-24",
		"１０.5.26.0-24",
	};
	struct ip_net subnet[2], before[2];
	char endless[4096], one[FLANNEL_KEY_MAX];

	(void)state;
	memset(before, 0x5a, sizeof(before));
	memcpy(subnet, before, sizeof(subnet));
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		if (flannel_key_parse(bad[i], subnet) == 0)
			fail_msg("\"%s\" was taken", bad[i]);
		assert_memory_equal(subnet, before, sizeof(subnet));
	}
	memset(endless, '1', sizeof(endless) - 1);
	endless[sizeof(endless) - 1] = '\0';
	assert_int_equal(flannel_key_parse(endless, subnet), -EINVAL);
	/* each beginning of a good one that is not a good one itself */
	for (size_t n = 0; n < strlen(golden[2].key); n++) {
		snprintf(one, sizeof(one), "%.*s", (int)n, golden[2].key);
		if (n != 11 && n != 12 && n != 27 && flannel_key_parse(one, subnet) == 0)
			fail_msg("\"%s\" was taken", one);
	}
	/* the longest there is */
	assert_int_equal(flannel_key_parse("198.255.255.252-30&fdff:ffff:ffff:ffff:ffff:ffff:ffff:"
					   "fffc-126",
					   subnet),
			 0);
	assert_string_equal(flannel_key(subnet, one), "198.255.255.252-30&fdff:ffff:ffff:ffff:ffff:"
						      "ffff:ffff:fffc-126");
}

#define MAC "\"VtepMAC\":\"02:00:00:00:00:01\""

static void test_bad_leases(void **state)
{
	static const struct bad bad[] = {
		{ "", "no JSON" },
		{ "{", "no JSON" },
		{ "nonsense", "no JSON" },
		{ "{} {}", "no JSON" },
		{ "{}x", "no JSON" },
		{ "{\"PublicIP\":\"192.0.2.1\\u0000\"}", "no JSON" },
		{ "{\"PublicIP\":\"\xff\"}", "no JSON" },
		{ "null", "expected an object, not null" },
		{ "5", "expected an object, not 5" },
		{ "[]", "expected an object, not []" },
		{ "\"text\"", "expected an object" },
		{ "{\"PublicIP\":5}", "\"PublicIP\": expected a string" },
		{ "{\"PublicIP\":[]}", "\"PublicIP\": expected a string" },
		{ "{\"PublicIP\":{}}", "\"PublicIP\": expected a string" },
		{ "{\"PublicIP\":true}", "\"PublicIP\": expected a string" },
		{ "{\"PublicIP\":\"\"}", "\"PublicIP\": \"\" is no IPv4 address" },
		{ "{\"PublicIP\":\"x\"}", "\"PublicIP\": \"x\" is no IPv4 address" },
		{ "{\"PublicIP\":\"192.0.2\"}", "\"PublicIP\": \"192.0.2\" is no" },
		{ "{\"PublicIP\":\"192.0.2.256\"}", "\"PublicIP\"" },
		{ "{\"PublicIP\":\"192.0.2.01\"}", "\"PublicIP\"" },
		{ "{\"PublicIP\":\"192.0.2.1/24\"}", "\"PublicIP\"" },
		{ "{\"PublicIP\":\"192.0.2.1 \"}", "\"PublicIP\"" },
		{ "{\"PublicIP\":\"192.0.2.1;id\"}", "\"192.0.2.1;id\" is no" },
		{ "{\"PublicIP\":\"$(id)\"}", "\"$(id)\" is no" },
		{ "{\"PublicIP\":\"fd77::1\"}", "\"fd77::1\" is no IPv4" },
		{ "{\"PublicIP\":\"127.0.0.1\"}", "127.0.0.1 is not the address of a host" },
		{ "{\"PublicIP\":\"127.255.0.1\"}", "is not the address of a host" },
		{ "{\"PublicIP\":\"0.0.0.1\"}", "is not the address of a host" },
		{ "{\"PublicIP\":\"224.0.0.1\"}", "is not the address of a host" },
		{ "{\"PublicIP\":\"239.1.1.1\"}", "is not the address of a host" },
		{ "{\"PublicIP\":\"240.0.0.1\"}", "is not the address of a host" },
		{ "{\"PublicIP\":\"255.255.255.255\"}", "is not the address of a host" },
		{ "{\"PublicIP\":\"10.5.26.9\"}", "10.5.26.9 lies within the lease's own" },
		{ "{\"PublicIPv6\":5}", "\"PublicIPv6\": expected a string" },
		{ "{\"PublicIPv6\":false}", "\"PublicIPv6\": expected a string" },
		{ "{\"PublicIPv6\":\"\"}", "\"PublicIPv6\": \"\" is no IPv6 address" },
		{ "{\"PublicIPv6\":\"192.0.2.1\"}", "\"192.0.2.1\" is no IPv6" },
		{ "{\"PublicIPv6\":\"::ffff:192.0.2.1\"}", "is no IPv6" },
		{ "{\"PublicIPv6\":\"::ffff:c000:201\"}", "is no IPv6" },
		{ "{\"PublicIPv6\":\"::192.0.2.1\"}", "is not the address of a host" },
		{ "{\"PublicIPv6\":\"::\"}", "is not the address of a host" },
		{ "{\"PublicIPv6\":\"::1\"}", "is not the address of a host" },
		{ "{\"PublicIPv6\":\"fe80::1\"}", "is not the address of a host" },
		{ "{\"PublicIPv6\":\"fe80::1%eth0\"}", "is no IPv6" },
		{ "{\"PublicIPv6\":\"febf::1\"}", "is not the address of a host" },
		{ "{\"PublicIPv6\":\"ff02::1\"}", "is not the address of a host" },
		{ "{\"PublicIPv6\":\"fd77::1/64\"}", "is no IPv6" },
		{ "{\"PublicIPv6\":\"fd77::g\"}", "is no IPv6" },
		{ "{\"PublicIPv6\":\"fc00:5:0:5::9\"}", "lies within the lease's own" },
		{ "{\"BackendType\":5}", "\"BackendType\": expected a string" },
		{ "{\"BackendType\":{}}", "\"BackendType\": expected a string" },
		{ "{\"BackendType\":\"a b\"}", "\"BackendType\": \"a b\" is no backend" },
		{ "{\"BackendType\":\"../vxlan\"}", "\"BackendType\"" },
		{ "{\"BackendType\":\"vxlan\\n\"}", "\"BackendType\"" },
		{ "{\"BackendType\":\"`id`\"}", "\"BackendType\"" },
		{ "{\"BackendType\":\"vxlän\"}", "\"BackendType\"" },
		{ "{\"BackendType\":\"abcdefghijklmnopqrstuvwxyz0123456789\"}", "\"BackendType\"" },
		{ "{\"BackendType\":\"vxlan\"}", "\"PublicIP\" and \"BackendData\" are missing" },
		{ "{\"BackendType\":\"vxlan\",\"PublicIP\":\"0.0.0.0\"}", "are missing" },
		{ "{\"BackendType\":\"vxlan\",\"PublicIP\":\"192.0.2.1\"}",
		  "\"BackendData\" is missing beside \"PublicIP\"" },
		{ "{\"BackendType\":\"vxlan\",\"PublicIP\":\"192.0.2.1\",\"BackendData\":null}",
		  "\"BackendData\" is missing" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{" MAC "}}",
		  "\"PublicIP\" is missing beside \"BackendData\"" },
		{ "{\"BackendType\":\"vxlan\",\"PublicIP\":\"192.0.2.1\",\"BackendData\":{" MAC
		  "},\"PublicIPv6\":\"fd77::1\"}",
		  "\"BackendV6Data\" is missing beside \"PublicIPv6\"" },
		{ "{\"BackendType\":\"vxlan\",\"PublicIP\":\"192.0.2.1\",\"BackendData\":{" MAC
		  "},\"BackendV6Data\":{" MAC "}}",
		  "\"PublicIPv6\" is missing beside \"BackendV6Data\"" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":5}", "\"BackendData\": expected an" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":[]}",
		  "\"BackendData\": expected an" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":\"{}\"}", "\"BackendData\"" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{}}",
		  "\"BackendData.VtepMAC\" is required" },
		{ "{\"BackendType\":\"vxlan\",\"BackendV6Data\":{}}",
		  "\"BackendV6Data.VtepMAC\" is required" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":null}}", "is required" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"\"}}", "is required" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":7}}",
		  "\"BackendData.VtepMAC\": expected a string" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"x\"}}",
		  "\"BackendData.VtepMAC\": \"x\" is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"02:00:00:00:00\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"02:00:00:00:00:00:"
		  "01\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"020000000001\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"0200.0000.0001\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":"
		  "\"02:00:00:00:00:00:00:01\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"00:00:00:00:00:00\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"ff:ff:ff:ff:ff:ff\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"01:00:5e:00:00:01\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\"02:00:00:00:00:0g\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VtepMAC\":\" "
		  "02:00:00:00:00:01\"}}",
		  "is no unicast MAC" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":\"1\"," MAC "}}",
		  "\"BackendData.VNI\": expected a number" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1.5," MAC "}}",
		  "\"BackendData.VNI\": expected a whole number" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":1e0," MAC "}}",
		  "\"BackendData.VNI\": expected a whole number" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":-1," MAC "}}",
		  "\"BackendData.VNI\": -1 is not between 0 and 65535" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":65536," MAC "}}",
		  "\"BackendData.VNI\": 65536 is not between" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":16777216," MAC "}}",
		  "is not between" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":9223372036854775807," MAC
		  "}}",
		  "is not between" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":9223372036854775808," MAC
		  "}}",
		  "no JSON" },
		{ "{\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":[]," MAC "}}",
		  "expected a number" },
	};
	struct flannel_lease lease;
	struct cni_err err = { 0 };

	(void)state;
	assert_refused(bad, ARRAY_SIZE(bad), parse_lease, sizeof(struct flannel_lease));
	assert_true(flannel_lease_parse("10.5.26.0/24", "{}", &lease, &err) < 0);
	assert_non_null(strstr(err.msg, "the key \"10.5.26.0/24\" is no subnet"));
}

/* A value that was cut, that is too deep, or too long. */
static void test_broken_values(void **state)
{
	struct flannel_lease lease;
	struct flannel_config config;
	struct flannel_env env;
	struct cni_err err = { 0 };
	autofree char *big = malloc(FLANNEL_VALUE_MAX + 64);

	(void)state;
	assert_non_null(big);
	for (size_t n = 0; n < strlen(golden[3].value); n++) {
		memcpy(big, golden[3].value, n);
		big[n] = '\0';
		assert_true(flannel_lease_parse(golden[3].key, big, &lease, &err) < 0);
	}
	memset(big, '[', FLANNEL_VALUE_MAX);
	big[FLANNEL_VALUE_MAX] = '\0';
	assert_true(flannel_lease_parse(golden[3].key, big, &lease, &err) < 0);
	assert_true(flannel_config_parse(big, &config, &err) < 0);
	/* good but for its length */
	memset(big, ' ', FLANNEL_VALUE_MAX);
	snprintf(big + FLANNEL_VALUE_MAX - 1, 8, "{}");
	err = (struct cni_err){ 0 };
	assert_true(flannel_lease_parse("10.5.26.0-24", big, &lease, &err) < 0);
	assert_non_null(strstr(err.msg, "more than 65536 bytes"));
	assert_int_equal(flannel_lease_parse("10.5.26.0-24", big + 1, &lease, &err), 0);
	memset(big, '\n', FLANNEL_VALUE_MAX + 1);
	big[FLANNEL_VALUE_MAX + 1] = '\0';
	err = (struct cni_err){ 0 };
	assert_true(flannel_env_parse(big, &env, &err) < 0);
	assert_non_null(strstr(err.msg, "more than 65536 bytes"));
}

static void test_lease_check(void **state)
{
	static const struct {
		const char *key, *public, *public6, *text; /* NULL: good */
		int vni;
	} cases[] = {
		{ "10.5.26.0-24", "192.0.2.1", "null", NULL, 7 },
		{ "10.5.0.0-16", "192.0.2.1", "null", NULL, 7 },
		{ "10.5.26.0-30", "192.0.2.1", "\"fd77::1\"", NULL, 7 },
		{ "10.5.26.0-24", "192.0.2.1", "null", NULL, 0 },
		{ "10.6.26.0-24", "192.0.2.1", "null", "10.6.26.0/24 is not within 10.5.0.0/16",
		  7 },
		{ "10.0.0.0-8", "192.0.2.1", "null", "is not within", 7 },
		{ "10.4.0.0-15", "192.0.2.1", "null", "is not within", 7 },
		{ "10.5.26.0-24&fc00:5:0:5::-64", "192.0.2.1", "null", "has no such addresses", 7 },
		{ "10.5.26.0-24", "10.5.27.1", "null",
		  "\"PublicIP\": 10.5.27.1 lies within the overlay itself (10.5.0.0/16)", 7 },
		{ "10.5.26.0-24", "192.0.2.1", "null",
		  "\"BackendData.VNI\": 8 is not the network's", 8 },
	};
	struct flannel_config config = { .network = { net("10.5.0.0/16") }, .vni = 65536 + 7 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
		struct flannel_lease lease;
		struct cni_err err = { 0 };
		char value[400];
		int r;

		snprintf(value, sizeof(value),
			 "{\"PublicIP\":\"%s\",\"PublicIPv6\":%s,\"BackendType\":\"vxlan\","
			 "\"BackendData\":{\"VNI\":%d," MAC "}}",
			 cases[i].public, cases[i].public6, cases[i].vni);
		assert_int_equal(flannel_lease_parse(cases[i].key, value, &lease, &err), 0);
		r = flannel_lease_check(&config, &lease, &err);
		if ((r == 0) != !cases[i].text || (r < 0 && !strstr(err.msg, cases[i].text)))
			fail_msg("%s %s: %d %s", cases[i].key, value, r, err.msg);
	}
}

/* flanneld publishes 16 bits of the VNI, and cannot read more. */
static void test_large_vni(void **state)
{
	struct flannel_lease lease;
	struct cni_err err = { 0 };
	autofree char *value = NULL;

	(void)state;
	assert_int_equal(flannel_lease_parse(golden[0].key, golden[0].value, &lease, &err), 0);
	lease.vni[0] = 0x12345;
	value = flannel_lease_value(&lease);
	assert_non_null(strstr(value, "\"VNI\":9029,"));
	assert_int_equal(flannel_lease_parse(golden[0].key, value, &lease, &err), 0);
	assert_true(flannel_vni_fits(lease.vni[0], 0x12345));
	assert_false(flannel_vni_fits(lease.vni[0], 0x12346));
}

/* ---- the network's configuration ---- */

static void test_configs(void **state)
{
	static const struct {
		const char *text, *network[2], *min[2], *max[2];
		int len[2], vni, port, mtu;
		const char *flags;
	} good[] = {
		/* recorded */
		{ "{\"Network\":\"10.5.0.0/16\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":1}}",
		  { "10.5.0.0/16", "none" },
		  { "10.5.1.0", "none" },
		  { "10.5.255.0", "none" },
		  { 24, 0 },
		  1,
		  8472,
		  0,
		  "---" },
		{ "{\"Network\":\"10.5.0.0/16\",\"EnableIPv6\":true,"
		  "\"IPv6Network\":\"fc00:5::/48\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":7,"
		  "\"Port\":8472}}",
		  { "10.5.0.0/16", "fc00:5::/48" },
		  { "10.5.1.0", "fc00:5:0:1::" },
		  { "10.5.255.0", "fc00:5:0:ffff::" },
		  { 24, 64 },
		  7,
		  8472,
		  0,
		  "---" },
		/* all of it, in any case; host bits are cut off */
		{ "{\"network\":\"10.5.9.9/16\",\"SUBNETLEN\":26,\"subnetmin\":\"10.5.1.0\","
		  "\"SubnetMAX\":\"10.5.200.64\",\"EnableIPv4\":true,\"enableipv6\":false,"
		  "\"IPv6Network\":\"\",\"EnableNFTables\":false,\"backend\":{\"type\":\"vxlan\","
		  "\"vni\":16777215,\"PORT\":4789,\"gbp\":true,\"directrouting\":true,"
		  "\"LEARNING\":true,\"mtu\":1400}}",
		  { "10.5.0.0/16", "none" },
		  { "10.5.1.0", "none" },
		  { "10.5.200.64", "none" },
		  { 26, 0 },
		  16777215,
		  4789,
		  1400,
		  "dlg" },
		/* zero and null are what is absent */
		{ "{\"Network\":\"10.5.0.0/16\",\"SubnetLen\":0,\"SubnetMin\":\"0.0.0.0\","
		  "\"SubnetMax\":null,\"Backend\":{\"Type\":\"vxlan\",\"VNI\":null,\"Port\":0,"
		  "\"MTU\":0}}",
		  { "10.5.0.0/16", "none" },
		  { "10.5.1.0", "none" },
		  { "10.5.255.0", "none" },
		  { 24, 0 },
		  1,
		  8472,
		  0,
		  "---" },
		/* small networks have room for four nodes */
		{ "{\"Network\":\"10.5.0.0/22\",\"Backend\":{\"Type\":\"vxlan\"}}",
		  { "10.5.0.0/22", "none" },
		  { "10.5.1.0", "none" },
		  { "10.5.3.0", "none" },
		  { 24, 0 },
		  1,
		  8472,
		  0,
		  "---" },
		{ "{\"Network\":\"10.5.0.0/23\",\"Backend\":{\"Type\":\"vxlan\"}}",
		  { "10.5.0.0/23", "none" },
		  { "10.5.0.128", "none" },
		  { "10.5.1.128", "none" },
		  { 25, 0 },
		  1,
		  8472,
		  0,
		  "---" },
		{ "{\"Network\":\"10.5.0.0/28\",\"Backend\":{\"Type\":\"vxlan\"}}",
		  { "10.5.0.0/28", "none" },
		  { "10.5.0.4", "none" },
		  { "10.5.0.12", "none" },
		  { 30, 0 },
		  1,
		  8472,
		  0,
		  "---" },
		/* the first subnet, if one asks for it */
		{ "{\"Network\":\"10.5.0.0/16\",\"SubnetMin\":\"10.5.0.0\","
		  "\"Backend\":{\"Type\":\"vxlan\"}}",
		  { "10.5.0.0/16", "none" },
		  { "10.5.0.0", "none" },
		  { "10.5.255.0", "none" },
		  { 24, 0 },
		  1,
		  8472,
		  0,
		  "---" },
		/* IPv6 alone */
		{ "{\"EnableIPv4\":false,\"EnableIPv6\":true,\"IPv6Network\":\"fc00::/48\","
		  "\"IPv6SubnetLen\":120,\"IPv6SubnetMin\":\"fc00::100\","
		  "\"IPv6SubnetMax\":\"fc00:0:0:f::\",\"Backend\":{\"Type\":\"vxlan\"}}",
		  { "none", "fc00::/48" },
		  { "none", "fc00::100" },
		  { "none", "fc00:0:0:f::" },
		  { 0, 120 },
		  1,
		  8472,
		  0,
		  "---" },
		{ "{\"EnableIPv4\":false,\"EnableIPv6\":true,\"IPv6Network\":\"fc00::/63\","
		  "\"Backend\":{\"Type\":\"vxlan\"}}",
		  { "none", "fc00::/63" },
		  { "none", "fc00:0:0:0:8000::" },
		  { "none", "fc00:0:0:1:8000::" },
		  { 0, 65 },
		  1,
		  8472,
		  0,
		  "---" },
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		struct flannel_config config;
		struct cni_err err = { 0 };
		char flags[4] = "---";

		if (flannel_config_parse(good[i].text, &config, &err) < 0)
			fail_msg("%s: %s", good[i].text, err.msg);
		for (int k = 0; k < 2; k++) {
			struct ip_addr min;

			assert_net(&config.network[k], good[i].network[k]);
			assert_int_equal(config.subnet_len[k], good[i].len[k]);
			if (!config.network[k].ip.family)
				continue;
			assert_int_equal(ip_parse(good[i].min[k], &min), 0);
			assert_true(ip_equal(&config.min[k], &min));
			assert_int_equal(ip_parse(good[i].max[k], &min), 0);
			assert_true(ip_equal(&config.max[k], &min));
		}
		assert_int_equal(config.vni, good[i].vni);
		assert_int_equal(config.port, good[i].port);
		assert_int_equal(config.mtu, good[i].mtu);
		flags[0] = config.direct ? 'd' : '-';
		flags[1] = config.learning ? 'l' : '-';
		flags[2] = config.gbp ? 'g' : '-';
		assert_string_equal(flags, good[i].flags);
	}
}

#define VXLAN "\"Backend\":{\"Type\":\"vxlan\"}"
#define V4    "\"Network\":\"10.5.0.0/16\","
#define V6    "\"EnableIPv4\":false,\"EnableIPv6\":true,"

static void test_bad_configs(void **state)
{
	static const struct bad bad[] = {
		{ "", "no JSON" },
		{ "{" V4 VXLAN, "no JSON" },
		{ "{" V4 VXLAN "}}", "no JSON" },
		{ "[]", "expected an object, not []" },
		{ "null", "expected an object, not null" },
		{ "{}", "\"Network\" is missing" },
		{ "{" V4 "\"x\":1}", "\"Backend\" is missing, which means \"udp\" to flannel" },
		{ "{" V4 "\"Backend\":null}", "means \"udp\"" },
		{ "{" V4 "\"Backend\":5}", "\"Backend\": expected an object" },
		{ "{" V4 "\"Backend\":[]}", "\"Backend\": expected an object" },
		{ "{" V4 "\"Backend\":\"vxlan\"}", "\"Backend\": expected an object" },
		{ "{" V4 "\"Backend\":{}}", "\"Backend.Type\": \"\": only \"vxlan\"" },
		{ "{" V4 "\"Backend\":{\"Type\":null}}", "\"Backend.Type\": \"\"" },
		{ "{" V4 "\"Backend\":{\"Type\":7}}", "\"Backend.Type\": expected a string" },
		{ "{" V4 "\"Backend\":{\"Type\":\"udp\"}}", "\"Backend.Type\": \"udp\": only" },
		{ "{" V4 "\"Backend\":{\"Type\":\"host-gw\"}}", "\"Backend.Type\": \"host-gw\"" },
		{ "{" V4 "\"Backend\":{\"Type\":\"wireguard\"}}", "\"wireguard\": only" },
		{ "{" V4 "\"Backend\":{\"Type\":\"VXLAN\"}}", "\"VXLAN\": only" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":\"1\"}}",
		  "\"Backend.VNI\": expected a number" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":1.0}}", "\"Backend.VNI\"" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":true}}", "\"Backend.VNI\"" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":0}}",
		  "\"Backend.VNI\": 0 is not between 1 and 16777215" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":-1}}", "\"Backend.VNI\": -1" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":16777216}}",
		  "\"Backend.VNI\": 16777216 is not between" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"VNI\":4294967297}}",
		  "\"Backend.VNI\"" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"Port\":-1}}", "\"Backend.Port\": -1" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"Port\":65536}}",
		  "\"Backend.Port\": 65536" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"Port\":\"8472\"}}",
		  "\"Backend.Port\"" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"MTU\":67}}",
		  "\"Backend.MTU\": 67 is less than IP needs" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"MTU\":-1}}", "\"Backend.MTU\": -1" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"MTU\":65536}}", "\"Backend.MTU\"" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"DirectRouting\":1}}",
		  "\"Backend.DirectRouting\": expected true or false" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"GBP\":\"true\"}}", "\"Backend.GBP\"" },
		{ "{" V4 "\"Backend\":{\"Type\":\"vxlan\",\"Learning\":0}}",
		  "\"Backend.Learning\"" },
		{ "{\"Network\":5," VXLAN "}", "\"Network\": expected a string" },
		{ "{\"Network\":[\"10.5.0.0/16\"]," VXLAN "}", "\"Network\": expected a string" },
		{ "{\"Network\":null," VXLAN "}", "\"Network\" is missing" },
		{ "{\"Network\":\"\"," VXLAN "}", "\"Network\": \"\" is no IPv4 prefix" },
		{ "{\"Network\":\"10.5.0.0\"," VXLAN "}", "\"10.5.0.0\" is no IPv4 prefix" },
		{ "{\"Network\":\"10.5.0.0/33\"," VXLAN "}", "\"10.5.0.0/33\" is no" },
		{ "{\"Network\":\"10.5.0.0/16 \"," VXLAN "}", "is no IPv4 prefix" },
		{ "{\"Network\":\"10.5.0.0/016\"," VXLAN "}", "is no IPv4 prefix" },
		{ "{\"Network\":\"10.5.0/16\"," VXLAN "}", "is no IPv4 prefix" },
		{ "{\"Network\":\"10.5.0.0/16;id\"," VXLAN "}", "is no IPv4 prefix" },
		{ "{\"Network\":\"fc00::/48\"," VXLAN "}", "\"fc00::/48\" is no IPv4 prefix" },
		{ "{\"Network\":\"0.0.0.0/0\"," VXLAN "}", "0.0.0.0/0 cannot be a network's" },
		{ "{\"Network\":\"0.0.0.0/8\"," VXLAN "}", "cannot be a network's" },
		{ "{\"Network\":\"64.0.0.0/2\"," VXLAN "}", "cannot be a network's" },
		{ "{\"Network\":\"127.5.0.0/16\"," VXLAN "}", "cannot be a network's" },
		{ "{\"Network\":\"224.0.0.0/8\"," VXLAN "}", "cannot be a network's" },
		{ "{\"Network\":\"240.0.0.0/8\"," VXLAN "}", "cannot be a network's" },
		{ "{\"Network\":\"10.5.0.0/29\"," VXLAN "}",
		  "\"Network\": a /29 is too small; a /28 has room" },
		{ "{\"Network\":\"10.5.0.0/32\"," VXLAN "}", "\"Network\": a /32 is too small" },
		{ "{" V4 "\"SubnetLen\":17," VXLAN "}",
		  "\"SubnetLen\": 17: the network, a /16, has less than four" },
		{ "{" V4 "\"SubnetLen\":16," VXLAN "}", "\"SubnetLen\": 16" },
		{ "{" V4 "\"SubnetLen\":8," VXLAN "}", "\"SubnetLen\": 8" },
		{ "{" V4 "\"SubnetLen\":31," VXLAN "}",
		  "\"SubnetLen\": 31 is not between 0 and 30" },
		{ "{" V4 "\"SubnetLen\":32," VXLAN "}", "\"SubnetLen\": 32" },
		{ "{" V4 "\"SubnetLen\":-24," VXLAN "}", "\"SubnetLen\": -24" },
		{ "{" V4 "\"SubnetLen\":280," VXLAN "}", "\"SubnetLen\": 280" },
		{ "{" V4 "\"SubnetLen\":4294967320," VXLAN "}", "\"SubnetLen\": 4294967320" },
		{ "{" V4 "\"SubnetLen\":24.0," VXLAN "}", "\"SubnetLen\": expected a whole" },
		{ "{" V4 "\"SubnetLen\":\"24\"," VXLAN "}", "\"SubnetLen\": expected a number" },
		{ "{" V4 "\"SubnetLen\":{}," VXLAN "}", "\"SubnetLen\": expected a number" },
		{ "{" V4 "\"SubnetMin\":5," VXLAN "}", "\"SubnetMin\": expected a string" },
		{ "{" V4 "\"SubnetMin\":\"\"," VXLAN "}", "\"SubnetMin\": \"\" is no IPv4" },
		{ "{" V4 "\"SubnetMin\":\"x\"," VXLAN "}", "\"SubnetMin\": \"x\" is no IPv4" },
		{ "{" V4 "\"SubnetMin\":\"10.5.1.0/24\"," VXLAN "}", "\"SubnetMin\"" },
		{ "{" V4 "\"SubnetMin\":\"fc00::\"," VXLAN "}", "\"SubnetMin\"" },
		{ "{" V4 "\"SubnetMin\":\"10.6.0.0\"," VXLAN "}",
		  "\"SubnetMin\": 10.6.0.0 is not within 10.5.0.0/16" },
		{ "{" V4 "\"SubnetMin\":\"10.4.255.0\"," VXLAN "}", "is not within" },
		{ "{" V4 "\"SubnetMin\":\"10.5.1.1\"," VXLAN "}",
		  "\"SubnetMin\": 10.5.1.1 is not the first address of a /24" },
		{ "{" V4 "\"SubnetMin\":\"10.5.1.128\"," VXLAN "}", "is not the first address" },
		{ "{" V4 "\"SubnetMax\":\"10.6.0.0\"," VXLAN "}",
		  "\"SubnetMax\": 10.6.0.0 is not" },
		{ "{" V4 "\"SubnetMax\":\"10.5.255.255\"," VXLAN "}", "\"SubnetMax\"" },
		{ "{" V4 "\"SubnetMax\":[]," VXLAN "}", "\"SubnetMax\": expected a string" },
		{ "{" V4 "\"SubnetMin\":\"10.5.9.0\",\"SubnetMax\":\"10.5.8.0\"," VXLAN "}",
		  "\"SubnetMin\": 10.5.9.0 is beyond \"SubnetMax\", 10.5.8.0" },
		{ "{" V4 "\"SubnetMax\":\"10.5.0.0\"," VXLAN "}", "is beyond" },
		{ "{" V4 "\"EnableIPv4\":1," VXLAN "}", "\"EnableIPv4\": expected true or false" },
		{ "{" V4 "\"EnableIPv6\":\"true\"," VXLAN "}", "\"EnableIPv6\": expected true" },
		{ "{" V4 "\"EnableIPv4\":false," VXLAN "}", "are both false" },
		{ "{" V4 "\"EnableIPv6\":true," VXLAN "}", "\"IPv6Network\" is missing" },
		{ "{" V6 VXLAN "}", "\"IPv6Network\" is missing" },
		{ "{" V6 "\"IPv6Network\":\"10.5.0.0/16\"," VXLAN "}", "is no IPv6 prefix" },
		{ "{" V6 "\"IPv6Network\":\"fc00::\"," VXLAN "}", "is no IPv6 prefix" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/129\"," VXLAN "}", "is no IPv6 prefix" },
		{ "{" V6 "\"IPv6Network\":\"::ffff:10.5.0.0/112\"," VXLAN "}",
		  "is no IPv6 prefix" },
		{ "{" V6 "\"IPv6Network\":\"::/0\"," VXLAN "}", "cannot be a network's" },
		{ "{" V6 "\"IPv6Network\":\"::/64\"," VXLAN "}", "cannot be a network's" },
		{ "{" V6 "\"IPv6Network\":\"fe80::/64\"," VXLAN "}", "cannot be a network's" },
		{ "{" V6 "\"IPv6Network\":\"fe00::/8\"," VXLAN "}", "cannot be a network's" },
		{ "{" V6 "\"IPv6Network\":\"ff05::/48\"," VXLAN "}", "cannot be a network's" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/125\"," VXLAN "}",
		  "\"IPv6Network\": a /125 is too small; a /124" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetLen\":49," VXLAN "}",
		  "\"IPv6SubnetLen\": 49: the network, a /48" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetLen\":127," VXLAN "}",
		  "\"IPv6SubnetLen\": 127 is not between" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetMin\":\"10.5.1.0\"," VXLAN "}",
		  "\"IPv6SubnetMin\": \"10.5.1.0\" is no IPv6" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetMin\":\"fc00:1::\"," VXLAN "}",
		  "\"IPv6SubnetMin\": fc00:1:: is not within" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/48\",\"IPv6SubnetMax\":\"fc00::1\"," VXLAN "}",
		  "\"IPv6SubnetMax\": fc00::1 is not the first" },
		{ "{" V6 "\"IPv6Network\":\"fc00::/48\",\"Backend\":{\"Type\":\"vxlan\","
		  "\"MTU\":1279}}",
		  "\"Backend.MTU\": 1279 is less" },
	};

	(void)state;
	assert_refused(bad, ARRAY_SIZE(bad), parse_config, sizeof(struct flannel_config));
}

/* ---- subnet.env ---- */

static void test_envs(void **state)
{
	static const struct {
		const char *text, *network[2], *subnet[2];
		int mtu;
		bool ipmasq;
	} good[] = {
		{ "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.26.1/24\nFLANNEL_MTU=1450\n"
		  "FLANNEL_IPMASQ=false\n",
		  { "10.5.0.0/16", "none" },
		  { "10.5.26.1/24", "none" },
		  1450,
		  false },
		{ "FLANNEL_NETWORK=10.5.0.0/16\nFLANNEL_SUBNET=10.5.35.1/24\n"
		  "FLANNEL_IPV6_NETWORK=fc00:5::/48\nFLANNEL_IPV6_SUBNET=fc00:5:0:5::1/64\n"
		  "FLANNEL_MTU=1430\nFLANNEL_IPMASQ=true\n",
		  { "10.5.0.0/16", "fc00:5::/48" },
		  { "10.5.35.1/24", "fc00:5:0:5::1/64" },
		  1430,
		  true },
		{ "FLANNEL_IPV6_NETWORK=fc00:5::/48\nFLANNEL_IPV6_SUBNET=fc00:5:0:5::1/64\n"
		  "FLANNEL_MTU=1280\nFLANNEL_IPMASQ=true\n",
		  { "none", "fc00:5::/48" },
		  { "none", "fc00:5:0:5::1/64" },
		  1280,
		  true },
	};
	static const char other[] =
		"# by hand\n\nFLANNEL_IPMASQ=true\nFLANNEL_MTU=1450\nPATH=$(id)\n"
		"FLANNEL_SUBNET=10.5.26.1/24\nFLANNEL_FUTURE=\n"
		"FLANNEL_NETWORK=10.5.0.0/16";
	struct flannel_env env;
	struct cni_err err = { 0 };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
		autofree char *text = NULL;

		assert_int_equal(flannel_env_parse(good[i].text, &env, &err), 0);
		for (int k = 0; k < 2; k++) {
			assert_net(&env.network[k], good[i].network[k]);
			assert_net(&env.subnet[k], good[i].subnet[k]);
		}
		assert_int_equal(env.mtu, good[i].mtu);
		assert_int_equal(env.ipmasq, good[i].ipmasq);
		text = flannel_env_text(&env);
		assert_string_equal(text, good[i].text);
	}
	/* another order, comments, and names that nobody knows */
	assert_int_equal(flannel_env_parse(other, &env, &err), 0);
	assert_net(&env.subnet[0], "10.5.26.1/24");
	assert_true(env.ipmasq);
}

#define NET "FLANNEL_NETWORK=10.5.0.0/16\n"
#define SUB "FLANNEL_SUBNET=10.5.26.1/24\n"
#define MTU "FLANNEL_MTU=1450\n"
#define ALL NET SUB MTU
#define END "FLANNEL_IPMASQ=false\n"
#define N6  "FLANNEL_IPV6_NETWORK=fc00:5::/48\n"
#define S6  "FLANNEL_IPV6_SUBNET=fc00:5:0:5::1/64\n"

static void test_bad_envs(void **state)
{
	static const struct bad bad[] = {
		{ "", "\"FLANNEL_NETWORK\" and \"FLANNEL_IPV6_NETWORK\" are missing" },
		{ "\n\n\n", "are missing" },
		{ "#" ALL END, "\"FLANNEL_NETWORK\" is missing" },
		{ MTU END, "are missing" },
		{ SUB MTU END, "\"FLANNEL_NETWORK\" is missing" },
		{ NET MTU END, "\"FLANNEL_SUBNET\" is missing" },
		{ NET SUB END, "\"FLANNEL_MTU\" is missing" },
		{ NET SUB MTU, "\"FLANNEL_IPMASQ\" is missing" },
		{ ALL N6 END, "\"FLANNEL_IPV6_SUBNET\" is missing" },
		{ ALL S6 END, "\"FLANNEL_IPV6_NETWORK\" is missing" },
		{ "rubbish\n" ALL END, "line 1: \"rubbish\" is no NAME=VALUE" },
		{ ALL "rubbish\n" END, "line 4: \"rubbish\"" },
		{ ALL END "=", "line 5: \"=\"" },
		{ ALL END " ", "line 5: \" \"" },
		{ ALL END " A=b", "line 5: \" A=b\"" },
		{ ALL END "A =b", "line 5: \"A =b\"" },
		{ ALL END "export A=b", "line 5: \"export A=b\"" },
		{ ALL END "A-B=c", "line 5" },
		{ ALL END "$(id)", "line 5: \"$(id)\"" },
		{ ALL END "`id`=1", "line 5" },
		{ ALL END "\x01=1", "line 5" },
		{ ALL END "\xff=1", "line 5" },
		{ "{\"FLANNEL_NETWORK\":\"10.5.0.0/16\"}", "line 1" },
		{ ALL END NET, "\"FLANNEL_NETWORK\": \"10.5.0.0/16\": it is given twice" },
		{ ALL END "FLANNEL_IPMASQ=true",
		  "\"FLANNEL_IPMASQ\": \"true\": it is given twice" },
		{ "FLANNEL_NETWORK=\n" SUB MTU END, "\"FLANNEL_NETWORK\": \"\" is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=10.5.0.0\n" SUB MTU END, "\"10.5.0.0\" is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=\"10.5.0.0/16\"\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK='10.5.0.0/16'\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK= 10.5.0.0/16\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=10.5.0.0/16 \n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=10.5.0.0/16\r\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=10.5.0.0/16 # x\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=10.5.0.0/16,10.6.0.0/16\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=10.5.0.0/16;id\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=$(id)\n" SUB MTU END, "\"$(id)\" is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=fc00:5::/48\n" SUB MTU END, "is no IPv4 prefix" },
		{ "FLANNEL_NETWORK=10.5.0.0/0\n" SUB MTU END, "cannot be a network's" },
		{ "FLANNEL_NETWORK=127.0.0.0/8\n" SUB MTU END, "cannot be a network's" },
		{ "FLANNEL_NETWORK=224.0.0.0/4\n" SUB MTU END, "cannot be a network's" },
		{ "FLANNEL_NETWORK=10.5.0.1/16\n" SUB MTU END,
		  "\"FLANNEL_NETWORK\": 10.5.0.1/16 has host bits" },
		{ NET "FLANNEL_SUBNET=\n" MTU END, "\"FLANNEL_SUBNET\": \"\" is no IPv4 prefix" },
		{ NET "FLANNEL_SUBNET=10.5.26.1\n" MTU END, "\"FLANNEL_SUBNET\": \"10.5.26.1\"" },
		{ NET "FLANNEL_SUBNET=10.5.26.1/33\n" MTU END, "\"FLANNEL_SUBNET\"" },
		{ NET "FLANNEL_SUBNET=10.5.26.1/024\n" MTU END, "\"FLANNEL_SUBNET\"" },
		{ NET "FLANNEL_SUBNET=10.6.26.1/24\n" MTU END,
		  "10.6.26.1/24 is not within \"FLANNEL_NETWORK\", 10.5.0.0/16" },
		{ NET "FLANNEL_SUBNET=10.5.0.1/15\n" MTU END, "is not within" },
		{ NET "FLANNEL_SUBNET=10.5.26.0/24\n" MTU END,
		  "\"FLANNEL_SUBNET\": 10.5.26.0/24 is not the first usable" },
		{ NET "FLANNEL_SUBNET=10.5.26.2/24\n" MTU END, "is not the first usable" },
		{ NET "FLANNEL_SUBNET=10.5.26.1/31\n" MTU END, "is too small" },
		{ NET "FLANNEL_SUBNET=10.5.26.1/32\n" MTU END, "is too small" },
		{ NET "FLANNEL_SUBNET=127.0.0.1/24\n" MTU END, "cannot be a network's" },
		{ NET "FLANNEL_SUBNET=10.5.26.1/24 -j ACCEPT\n" MTU END, "\"FLANNEL_SUBNET\"" },
		{ NET "FLANNEL_SUBNET=10.5.26.1/24../../etc\n" MTU END, "\"FLANNEL_SUBNET\"" },
		{ NET SUB "FLANNEL_MTU=\n" END, "\"FLANNEL_MTU\": \"\" is not between" },
		{ NET SUB "FLANNEL_MTU=x\n" END, "\"FLANNEL_MTU\": \"x\" is not between" },
		{ NET SUB "FLANNEL_MTU=0\n" END, "\"FLANNEL_MTU\": \"0\"" },
		{ NET SUB "FLANNEL_MTU=67\n" END, "\"67\" is not between 68 and 65535" },
		{ NET SUB "FLANNEL_MTU=65536\n" END, "\"65536\" is not between" },
		{ NET SUB "FLANNEL_MTU=-1450\n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU=+1450\n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU= 1450\n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU=1450 \n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU=01450\n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU=0x5aa\n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU=1450.0\n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU=4294968746\n" END, "\"FLANNEL_MTU\"" },
		{ NET SUB "FLANNEL_MTU=1450;reboot\n" END, "\"FLANNEL_MTU\": \"1450;reboot\"" },
		{ NET SUB N6 S6 "FLANNEL_MTU=1279\n" END, "is not between 1280 and 65535" },
		{ ALL "FLANNEL_IPMASQ=\n", "\"FLANNEL_IPMASQ\": \"\" is neither true nor false" },
		{ ALL "FLANNEL_IPMASQ=True\n", "\"FLANNEL_IPMASQ\": \"True\"" },
		{ ALL "FLANNEL_IPMASQ=1\n", "\"FLANNEL_IPMASQ\": \"1\"" },
		{ ALL "FLANNEL_IPMASQ=true \n", "\"FLANNEL_IPMASQ\"" },
		{ ALL "FLANNEL_IPMASQ=true false\n", "\"FLANNEL_IPMASQ\"" },
		{ ALL "FLANNEL_IPV6_NETWORK=10.6.0.0/16\n" S6 END, "is no IPv6 prefix" },
		{ ALL "FLANNEL_IPV6_NETWORK=fe80::/64\n" S6 END, "cannot be a network's" },
		{ ALL "FLANNEL_IPV6_NETWORK=fc00:5::1/48\n" S6 END, "has host bits" },
		{ ALL N6 "FLANNEL_IPV6_SUBNET=10.5.26.1/24\n" END, "is no IPv6 prefix" },
		{ ALL N6 "FLANNEL_IPV6_SUBNET=fc00:6:0:5::1/64\n" END, "is not within" },
		{ ALL N6 "FLANNEL_IPV6_SUBNET=fc00:5:0:5::/64\n" END, "is not the first usable" },
		{ ALL N6 "FLANNEL_IPV6_SUBNET=fc00:5:0:5::1/127\n" END, "is too small" },
		{ "FLANNEL_NETWORK=10.5.0.0/16"
		  "000000000000000000000000000000000000000000000000000000000000\n" SUB MTU END,
		  "...\": 71 characters" },
	};

	(void)state;
	assert_refused(bad, ARRAY_SIZE(bad), parse_env, sizeof(struct flannel_env));
}

/* ---- choosing a subnet ---- */

static struct flannel_config config_of(const char *text)
{
	struct flannel_config config;
	struct cni_err err = { 0 };

	if (flannel_config_parse(text, &config, &err) < 0)
		fail_msg("%s: %s", text, err.msg);
	return config;
}

static void assert_pick(const struct flannel_config *config, int slot, const struct ip_net *taken,
			size_t n, const char *prefer, uint32_t random, const char *want)
{
	struct ip_net wish = { 0 }, got = { 0 };
	int r;

	if (prefer)
		wish = net(prefer);
	r = flannel_pick(config, slot, taken, n, &wish, random, &got);
	assert_int_equal(r, want ? 0 : -ENOSPC);
	assert_net(&got, want ? want : "none");
}

static void test_pick(void **state)
{
	struct flannel_config config = config_of("{\"Network\":\"10.5.0.0/16\",\"EnableIPv6\":true,"
						 "\"IPv6Network\":\"fc00::/8\"," VXLAN "}");
	/* of both families, of other lengths, overlapping, out of order, and none */
	struct ip_net taken[] = { net("10.5.4.0/24"),	net("fc00:0:0:1::/64"), net("10.5.0.0/22"),
				  net("10.5.6.128/25"), net("10.5.2.0/24"),	{ { 0 }, 0 },
				  net("10.5.8.9/21"),	net("192.0.2.0/24") };
	size_t n = ARRAY_SIZE(taken);

	(void)state;
	assert_pick(&config, 0, NULL, 0, NULL, 0, "10.5.1.0/24");
	assert_pick(&config, 0, NULL, 0, NULL, 99, "10.5.100.0/24");
	assert_pick(&config, 0, NULL, 0, NULL, 100, "10.5.1.0/24");
	assert_pick(&config, 0, NULL, 0, NULL, 4294967295, "10.5.96.0/24");
	/* 5 and 7 are free, then 16 and so on */
	assert_pick(&config, 0, taken, n, NULL, 0, "10.5.5.0/24");
	assert_pick(&config, 0, taken, n, NULL, 1, "10.5.7.0/24");
	assert_pick(&config, 0, taken, n, NULL, 2, "10.5.16.0/24");
	assert_pick(&config, 0, taken, n, NULL, 99, "10.5.113.0/24");
	assert_pick(&config, 1, taken, n, NULL, 0, "fc00:0:0:2::/64");
	assert_pick(&config, 1, taken, n, NULL, 1, "fc00:0:0:3::/64");
	/* what is preferred */
	assert_pick(&config, 0, taken, n, "10.5.200.0/24", 0, "10.5.200.0/24");
	assert_pick(&config, 0, taken, n, "10.5.255.0/24", 0, "10.5.255.0/24");
	assert_pick(&config, 0, taken, n, "10.5.4.0/24", 0, "10.5.5.0/24");  /* taken */
	assert_pick(&config, 0, taken, n, "10.5.6.0/24", 0, "10.5.5.0/24");  /* a part is */
	assert_pick(&config, 0, NULL, 0, "10.5.0.0/24", 0, "10.5.1.0/24");   /* before the first */
	assert_pick(&config, 0, NULL, 0, "10.6.0.0/24", 0, "10.5.1.0/24");   /* elsewhere */
	assert_pick(&config, 0, NULL, 0, "10.5.200.0/25", 0, "10.5.1.0/24"); /* too small */
	assert_pick(&config, 0, NULL, 0, "10.5.200.1/24", 0, "10.5.1.0/24"); /* host bits */
	assert_pick(&config, 0, NULL, 0, "fc00:0:0:9::/64", 0, "10.5.1.0/24"); /* family */
}

static void test_pick_full(void **state)
{
	struct flannel_config config = config_of(
		"{\"Network\":\"10.5.0.0/16\",\"SubnetMin\":\"10.5.10.0\",\"SubnetMax\":"
		"\"10.5.12.0\",\"EnableIPv6\":true,\"IPv6Network\":\"fc00::/8\"," VXLAN "}");
	struct ip_net taken[] = { net("10.5.10.0/24"), net("10.5.12.0/24"), net("10.5.11.0/24") };
	struct ip_net huge[] = { net("fc80::/9"), net("fc00::/9") };

	(void)state;
	assert_pick(&config, 0, taken, 2, NULL, 77, "10.5.11.0/24");
	assert_pick(&config, 0, taken, 3, NULL, 77, NULL);
	/* 2^56 subnets, all of them taken */
	assert_pick(&config, 1, huge, 2, NULL, 0, NULL);
	assert_pick(&config, 1, huge, 1, NULL, 0, "fc00:0:0:1::/64");
	/* the end of the address space */
	config = config_of("{" V6
			   "\"IPv6Network\":\"fdff:ffff:ffff:ffff:ffff:ffff:ffff:fff0/124\"," VXLAN
			   "}");
	assert_pick(&config, 1, NULL, 0, NULL, 2, "fdff:ffff:ffff:ffff:ffff:ffff:ffff:fffc/126");
	assert_pick(&config, 1, NULL, 0, NULL, 3, "fdff:ffff:ffff:ffff:ffff:ffff:ffff:fff4/126");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_leases),	      cmocka_unit_test(test_lease_variants),
		cmocka_unit_test(test_keys),	      cmocka_unit_test(test_bad_leases),
		cmocka_unit_test(test_broken_values), cmocka_unit_test(test_lease_check),
		cmocka_unit_test(test_large_vni),     cmocka_unit_test(test_configs),
		cmocka_unit_test(test_bad_configs),   cmocka_unit_test(test_envs),
		cmocka_unit_test(test_bad_envs),      cmocka_unit_test(test_pick),
		cmocka_unit_test(test_pick_full),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
