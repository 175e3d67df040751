/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of result.h and version.h: every shape of a result, written and read back. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "version.h"

#include <errno.h>
#include <string.h>

/* One result with everything in it, and what is left of it in each version. */
#define IFACES_OLD                                                                                 \
	"[{\"name\":\"cni0\",\"mac\":\"02:00:00:00:00:01\"},"                                      \
	"{\"name\":\"eth0\",\"sandbox\":\"/run/netns/x\"}]"
#define IPS_OLD                                                                                    \
	"[{\"version\":\"4\",\"interface\":1,\"address\":\"10.1.0.2/16\","                         \
	"\"gateway\":\"10.1.0.1\"},"                                                               \
	"{\"version\":\"4\",\"address\":\"10.2.0.2/24\"},"                                         \
	"{\"version\":\"6\",\"interface\":1,\"address\":\"fd00::2/64\","                           \
	"\"gateway\":\"fd00::1\"}]"
#define IPS_NEW                                                                                    \
	"[{\"interface\":1,\"address\":\"10.1.0.2/16\",\"gateway\":\"10.1.0.1\"},"                 \
	"{\"address\":\"10.2.0.2/24\"},"                                                           \
	"{\"interface\":1,\"address\":\"fd00::2/64\",\"gateway\":\"fd00::1\"}]"
#define ROUTES_OLD "[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"},{\"dst\":\"fd01::/32\"}]"
#define DNS                                                                                        \
	"{\"nameservers\":[\"10.1.0.53\",\"fd00::53\"],\"domain\":\"example.org\","                \
	"\"search\":[\"a.example\",\"b.example\"],\"options\":[\"ndots:5\"]}"
#define OLD(v)                                                                                     \
	"{\"cniVersion\":\"" v "\",\"ip4\":{\"ip\":\"10.1.0.2/16\",\"gateway\":\"10.1.0.1\","      \
	"\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\"}]},"                               \
	"\"ip6\":{\"ip\":\"fd00::2/64\",\"gateway\":\"fd00::1\","                                  \
	"\"routes\":[{\"dst\":\"fd01::/32\"}]},\"dns\":" DNS "}"
#define MIDDLE(v)                                                                                  \
	"{\"cniVersion\":\"" v "\",\"interfaces\":" IFACES_OLD ",\"ips\":" IPS_OLD                 \
	",\"routes\":" ROUTES_OLD ",\"dns\":" DNS "}"

static const char *const full_text[CNI_VERSIONS] = {
	[CNI_0_1_0] = OLD("0.1.0"),
	[CNI_0_2_0] = OLD("0.2.0"),
	[CNI_0_3_0] = MIDDLE("0.3.0"),
	[CNI_0_3_1] = MIDDLE("0.3.1"),
	[CNI_0_4_0] = MIDDLE("0.4.0"),
	[CNI_1_0_0] = "{\"cniVersion\":\"1.0.0\",\"interfaces\":" IFACES_OLD ",\"ips\":" IPS_NEW
		      ",\"routes\":" ROUTES_OLD ",\"dns\":" DNS "}",
	[CNI_1_1_0] = "{\"cniVersion\":\"1.1.0\",\"interfaces\":"
		      "[{\"name\":\"cni0\",\"mac\":\"02:00:00:00:00:01\",\"mtu\":1500},"
		      "{\"name\":\"eth0\",\"sandbox\":\"/run/netns/x\",\"socketPath\":\"/s\","
		      "\"pciID\":\"0000:01:00.0\"}],\"ips\":" IPS_NEW
		      ",\"routes\":[{\"dst\":\"0.0.0.0/0\",\"gw\":\"10.1.0.1\",\"mtu\":1400,"
		      "\"advmss\":1360,\"priority\":100,\"table\":0,\"scope\":0},"
		      "{\"dst\":\"fd01::/32\"}],\"dns\":" DNS "}",
};

static json_t *load(const char *text)
{
	json_t *obj = json_loads(text, JSON_DECODE_ANY, NULL);

	assert_non_null(obj);
	return obj;
}

static void check_json(const struct cni_result *res, enum cni_version v, const char *want)
{
	struct cni_err err = { 0 };
	json_t *obj = NULL;
	char *text;

	assert_int_equal(result_to_json(res, v, &obj, &err), 0);
	assert_int_equal(err.code, 0);
	text = json_dumps(obj, JSON_COMPACT);
	assert_string_equal(text, want);
	free(text);
	json_decref(obj);
}

static void read_ok(const char *text, enum cni_version dflt, struct cni_result *res)
{
	json_auto_t *obj = load(text);
	struct cni_err err = { 0 };
	int r = result_from_json(obj, dflt, "prevResult", res, &err);

	if (r != 0)
		fail_msg("%s: %s", text, err.msg);
	assert_int_equal(err.code, 0);
}

static struct cni_ip make_ip(int iface, const char *address, const char *gateway)
{
	struct cni_ip ip = { .iface = iface };

	assert_int_equal(ip_net_parse(address, &ip.address), 0);
	if (gateway)
		assert_int_equal(ip_parse(gateway, &ip.gateway), 0);
	return ip;
}

static void make_full(struct cni_result *res)
{
	struct cni_ip ips[] = { make_ip(1, "10.1.0.2/16", "10.1.0.1"),
				make_ip(-1, "10.2.0.2/24", NULL),
				make_ip(1, "fd00::2/64", "fd00::1") };
	struct cni_route v4 = { .mtu = 1400, .advmss = 1360, .priority = 100 };
	struct cni_route v6 = { .table = -1, .scope = -1 };
	json_auto_t *dns = load(DNS);
	struct cni_err err = { 0 };

	assert_int_equal(result_add_iface(res, "cni0", "02:00:00:00:00:01", 1500, NULL), 0);
	assert_int_equal(result_add_iface(res, "eth0", NULL, 0, "/run/netns/x"), 1);
	free(res->ifaces[1].socket_path);
	free(res->ifaces[1].pci_id);
	res->ifaces[1].socket_path = strdup("/s");
	res->ifaces[1].pci_id = strdup("0000:01:00.0");
	for (size_t i = 0; i < 3; i++)
		result_add_ip(res, &ips[i]);
	assert_int_equal(ip_net_parse("0.0.0.0/0", &v4.dst), 0);
	assert_int_equal(ip_parse("10.1.0.1", &v4.gw), 0);
	assert_int_equal(ip_net_parse("fd01::/32", &v6.dst), 0);
	result_add_route(res, &v4);
	result_add_route(res, &v6);
	assert_int_equal(dns_read(dns, "dns", &res->dns, &err), 0);
}

static void versions(void **state)
{
	static const char *const bad[] = { "1.0", "1.1.1", "0.5.0", "v1.0.0", "1.0.0 ", "1.1.0\n" };
	enum cni_version v = CNI_1_1_0;

	(void)state;
	assert_int_equal(version_parse(NULL, &v), 0);
	assert_int_equal(v, CNI_0_1_0);
	v = CNI_1_1_0;
	assert_int_equal(version_parse("", &v), 0);
	assert_int_equal(v, CNI_0_1_0);
	for (int i = 0; i < CNI_VERSIONS; i++) {
		assert_int_equal(version_parse(version_name(i), &v), 0);
		assert_int_equal(v, i);
	}
	assert_string_equal(version_name(CNI_0_3_1), "0.3.1");
	assert_string_equal(version_name(CNI_1_1_0), "1.1.0");
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		assert_int_equal(version_parse(bad[i], &v), -EPROTONOSUPPORT);
	assert_int_equal(v, CNI_1_1_0);
}

static void full_in_every_version(void **state)
{
	struct cni_result res = { 0 }, copy = { 0 };

	(void)state;
	make_full(&res);
	result_copy(&copy, &res);
	for (int v = 0; v < CNI_VERSIONS; v++)
		check_json(&res, v, full_text[v]);
	result_free(&res);
	assert_int_equal(res.n_ifaces + res.n_ips + res.n_routes, 0);
	assert_null(res.dns.nameservers);
	check_json(&copy, CNI_1_1_0, full_text[CNI_1_1_0]); /* shares nothing with the original */
	result_free(&copy);
}

static void round_trips(void **state)
{
	(void)state;
	for (int v = 0; v < CNI_VERSIONS; v++) {
		struct cni_result res = { 0 };

		read_ok(full_text[v], CNI_1_1_0, &res);
		check_json(&res, v, full_text[v]);
		/* going down from what was read is the same as going down from the original */
		for (int to = 0; to < v && v >= CNI_0_3_0; to++)
			check_json(&res, to, full_text[to]);
		result_free(&res);
	}
}

static void old_to_new(void **state)
{
	struct cni_result res = { 0 };

	(void)state;
	read_ok(full_text[CNI_0_2_0], CNI_1_1_0, &res);
	assert_int_equal(res.n_ifaces, 0);
	assert_int_equal(res.ips[0].iface, -1);
	check_json(&res, CNI_1_1_0,
		   "{\"cniVersion\":\"1.1.0\",\"ips\":["
		   "{\"address\":\"10.1.0.2/16\",\"gateway\":\"10.1.0.1\"},"
		   "{\"address\":\"fd00::2/64\",\"gateway\":\"fd00::1\"}],"
		   "\"routes\":" ROUTES_OLD ",\"dns\":" DNS "}");
	result_free(&res);
}

static void empty_results(void **state)
{
	struct cni_result res = { 0 };
	struct cni_err err = { 0 };
	json_t *obj = NULL;

	(void)state;
	check_json(&res, CNI_0_3_0, "{\"cniVersion\":\"0.3.0\",\"dns\":{}}");
	check_json(&res, CNI_1_1_0, "{\"cniVersion\":\"1.1.0\",\"dns\":{}}");
	result_add_iface(&res, "lo", NULL, 0, "/ns");
	for (int v = CNI_0_1_0; v <= CNI_0_2_0; v++) {
		err = (struct cni_err){ 0 };
		assert_int_equal(result_to_json(&res, v, &obj, &err), -EINVAL);
		assert_int_equal(err.code, CNI_E_FAILED);
		assert_string_equal(err.msg, "cannot convert: no valid IP addresses");
		assert_null(obj);
	}
	result_free(&res);
	read_ok("{\"cniVersion\":\"0.2.0\"}", CNI_1_1_0, &res);
	read_ok("{\"interfaces\":null,\"ips\":[],\"dns\":null}", CNI_1_1_0, &res);
	assert_int_equal(res.n_ifaces + res.n_ips + res.n_routes, 0);
	result_free(&res);
}

static void not_utf8(void **state)
{
	struct cni_result res = { 0 };
	struct cni_err err = { 0 };
	json_t *obj = NULL;

	(void)state;
	result_add_iface(&res, "a\xff", NULL, 0, NULL);
	assert_true(result_to_json(&res, CNI_1_0_0, &obj, &err) < 0);
	assert_int_equal(err.code, CNI_E_FAILED);
	assert_non_null(strstr(err.msg, "not UTF-8"));
	assert_null(obj);
	result_free(&res);
}

static void reads_kindly(void **state)
{
	struct cni_result res = { 0 };

	(void)state;
	/* no version of its own, other spellings, nulls, unknown keys, empty gateways */
	read_ok("{\"CNIVERSION\":\"\",\"Interfaces\":[{\"Name\":\"e\",\"MTU\":9000,\"x\":1}],"
		"\"IPs\":[{\"Address\":\"::ffff:10.0.0.1/120\",\"Interface\":0,\"gateway\":\"\"}],"
		"\"routes\":[{\"DST\":\"10.0.0.0/8\",\"gw\":\"\",\"table\":4294967295}],"
		"\"dns\":{\"Nameservers\":[],\"domain\":\"\"}}",
		CNI_1_1_0, &res);
	assert_string_equal(res.ifaces[0].name, "e");
	assert_string_equal(res.ifaces[0].mac, "");
	assert_string_equal(res.ifaces[0].sandbox, "");
	assert_string_equal(res.ifaces[0].pci_id, "");
	assert_int_equal(res.ifaces[0].mtu, 9000);
	assert_int_equal(res.ips[0].iface, 0);
	assert_int_equal(res.ips[0].gateway.family, 0);
	assert_int_equal(res.routes[0].gw.family, 0);
	assert_true(res.routes[0].table == 4294967295);
	assert_int_equal(res.routes[0].scope, -1);
	assert_non_null(res.dns.nameservers); /* an empty list is not an absent one */
	assert_null(res.dns.domain);
	check_json(&res, CNI_1_0_0,
		   "{\"cniVersion\":\"1.0.0\",\"interfaces\":[{\"name\":\"e\"}],"
		   "\"ips\":[{\"interface\":0,\"address\":\"10.0.0.1/24\"}],"
		   "\"routes\":[{\"dst\":\"10.0.0.0/8\"}],\"dns\":{}}");
	result_free(&res);
	/* the shape to assume counts when there is no version */
	read_ok("{\"ip4\":{\"ip\":\"10.0.0.1/8\"},\"ips\":[]}", CNI_0_1_0, &res);
	assert_int_equal(res.n_ips, 1);
	result_free(&res);
}

static void refuse(const char *text, int code, const char *msg)
{
	json_auto_t *obj = load(text);
	struct cni_result res = { 0 };
	struct cni_err err = { 0 };

	assert_int_equal(result_from_json(obj, CNI_1_1_0, "prevResult", &res, &err), -EINVAL);
	assert_int_equal(err.code, code);
	assert_string_equal(err.msg, msg);
	assert_null(res.ifaces);
	assert_null(res.ips);
	assert_null(res.routes);
}

static void bad_results(void **state)
{
	(void)state;
	refuse("[]", CNI_E_DECODE, "\"prevResult\": expected an object, got []");
	refuse("{\"cniVersion\":\"9.9.9\"}", CNI_E_VERSION,
	       "\"prevResult.cniVersion\": \"9.9.9\" is not a known version");
	refuse("{\"cniVersion\":1}", CNI_E_DECODE,
	       "\"prevResult.cniVersion\": expected a string, got 1");
	refuse("{\"interfaces\":{}}", CNI_E_DECODE,
	       "\"prevResult.interfaces\": expected an array, got {}");
	refuse("{\"interfaces\":[{\"name\":\"a\"},{\"name\":5}]}", CNI_E_DECODE,
	       "\"prevResult.interfaces[1].name\": expected a string, got 5");
	refuse("{\"interfaces\":[{\"name\":\"a\"}],\"ips\":[{\"address\":\"10.0.0.1/8\"},"
	       "{\"address\":\"10.0.0.2/8\",\"interface\":1}]}",
	       CNI_E_DECODE,
	       "\"prevResult.ips[1].interface\": 1 is not an index of the 1 interfaces");
	refuse("{\"ips\":[{\"address\":\"10.0.0.2/8\",\"interface\":-1}]}", CNI_E_DECODE,
	       "\"prevResult.ips[0].interface\": -1 is not an index of the 0 interfaces");
	refuse("{\"ips\":[{\"address\":\"10.0.0.2\"}]}", CNI_E_DECODE,
	       "\"prevResult.ips[0].address\": \"10.0.0.2\" is not an address with a prefix "
	       "length");
	refuse("{\"ips\":[{}]}", CNI_E_DECODE, "\"prevResult.ips[0].address\" is required");
	refuse("{\"ips\":[{\"address\":\"10.0.0.2/8\",\"gateway\":\"x\"}]}", CNI_E_DECODE,
	       "\"prevResult.ips[0].gateway\": \"x\" is not an address");
	refuse("{\"interfaces\":[{\"name\":\"a\"}],\"routes\":[{\"dst\":\"x\"}]}", CNI_E_DECODE,
	       "\"prevResult.routes[0].dst\": \"x\" is not an address with a prefix length");
	refuse("{\"dns\":{\"search\":[\"a\",1]},\"routes\":[{\"dst\":\"10.0.0.0/8\"}]}",
	       CNI_E_DECODE, "\"prevResult.dns.search[1]\": expected a string, got 1");
	refuse("{\"cniVersion\":\"0.2.0\",\"ip4\":{\"ip\":\"fd00::1/64\"}}", CNI_E_DECODE,
	       "\"prevResult.ip4.ip\": fd00::1/64 is of the other family");
	refuse("{\"cniVersion\":\"0.1.0\",\"ip6\":{\"ip\":\"fd00::1/64\",\"routes\":[{}]}}",
	       CNI_E_DECODE, "\"prevResult.ip6.routes[0].dst\" is required");
	refuse("{\"cniVersion\":\"0.1.0\",\"ip4\":5}", CNI_E_DECODE,
	       "\"prevResult.ip4\": expected an object, got 5");
}

static void errors_are_kept(void **state)
{
	json_auto_t *obj = load("{\"ips\":5}");
	struct cni_result res = { 0 };
	struct cni_err err = { 0 };

	(void)state;
	cni_fail(&err, CNI_E_CONF, 0, "first");
	assert_true(result_from_json(obj, CNI_1_1_0, "p", &res, &err) < 0);
	assert_int_equal(err.code, CNI_E_CONF);
	assert_string_equal(err.msg, "first");
	assert_true(result_from_json(obj, CNI_1_1_0, "p", &res, NULL) < 0);
}

static void refuse_route(const char *text, int code, const char *msg)
{
	json_auto_t *obj = load(text);
	struct cni_route route = { .mtu = 77 };
	struct cni_err err = { 0 };

	assert_int_equal(route_read(obj, "ipam.routes[0]", &route, &err), -EINVAL);
	assert_int_equal(err.code, code);
	assert_string_equal(err.msg, msg);
	assert_int_equal(route.mtu, 77);
}

static void bad_routes(void **state)
{
	(void)state;
	refuse_route("{}", CNI_E_CONF, "\"ipam.routes[0].dst\" is required");
	refuse_route("7", CNI_E_DECODE, "\"ipam.routes[0]\": expected an object, got 7");
	refuse_route("{\"dst\":\"10.0.0.0\"}", CNI_E_CONF,
		     "\"ipam.routes[0].dst\": \"10.0.0.0\" is not an address with a prefix "
		     "length");
	refuse_route("{\"dst\":\"10.0.0.0/8\",\"gw\":\"1.2.3\"}", CNI_E_CONF,
		     "\"ipam.routes[0].gw\": \"1.2.3\" is not an IP address");
	refuse_route("{\"dst\":\"10.0.0.0/8\",\"gw\":\"fd00::1\"}", CNI_E_CONF,
		     "\"ipam.routes[0].gw\": fd00::1 is not of the address family of dst "
		     "10.0.0.0/8");
	refuse_route("{\"dst\":\"10.0.0.0/8\",\"mtu\":-1}", CNI_E_CONF,
		     "\"ipam.routes[0].mtu\": -1 is not between 0 and 4294967295");
	refuse_route("{\"dst\":\"10.0.0.0/8\",\"table\":4294967296}", CNI_E_CONF,
		     "\"ipam.routes[0].table\": 4294967296 is not between 0 and 4294967295");
	refuse_route("{\"dst\":\"10.0.0.0/8\",\"scope\":256}", CNI_E_CONF,
		     "\"ipam.routes[0].scope\": 256 is not between 0 and 255");
	refuse_route("{\"dst\":\"10.0.0.0/8\",\"advmss\":\"x\"}", CNI_E_DECODE,
		     "\"ipam.routes[0].advmss\": expected a number, got \"x\"");
}

static void route_lists(void **state)
{
	json_auto_t *good = load("[{\"dst\":\"10.0.0.0/8\",\"priority\":5}]");
	json_auto_t *half = load("[{\"dst\":\"10.0.0.0/8\"},{\"dst\":\"x\"}]");
	json_auto_t *object = load("{}");
	struct cni_result res = { 0 };
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(routes_read(NULL, "ipam.routes", &res, &err), 0);
	assert_int_equal(res.n_routes, 0);
	assert_int_equal(routes_read(good, "ipam.routes", &res, &err), 0);
	assert_int_equal(res.n_routes, 1);
	assert_int_equal(res.routes[0].priority, 5);
	assert_int_equal(res.routes[0].table, -1);
	assert_true(routes_read(half, "ipam.routes", &res, &err) < 0);
	assert_int_equal(res.n_routes, 1);
	assert_int_equal(err.code, CNI_E_CONF);
	assert_non_null(strstr(err.msg, "\"ipam.routes[1].dst\""));
	err = (struct cni_err){ 0 };
	assert_true(routes_read(object, "ipam.routes", &res, &err) < 0);
	assert_int_equal(err.code, CNI_E_DECODE);
	assert_string_equal(err.msg, "\"ipam.routes\": expected an array, got {}");
	result_free(&res);
}

static void dns_objects(void **state)
{
	json_auto_t *good = load("{\"nameservers\":[\"1.1.1.1\"],\"domain\":\"d\"}");
	json_auto_t *bad = load("{\"nameservers\":[\"1.1.1.1\",{}]}");
	json_auto_t *domain = load("{\"domain\":[]}");
	struct cni_dns dns = { 0 };
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(dns_read(good, "ipam.dns", &dns, &err), 0);
	assert_string_equal(json_string_value(json_array_get(dns.nameservers, 0)), "1.1.1.1");
	assert_string_equal(dns.domain, "d");
	assert_null(dns.search);
	assert_int_equal(dns_read(bad, "ipam.dns", &dns, &err), -EINVAL);
	assert_int_equal(err.code, CNI_E_DECODE);
	assert_string_equal(err.msg, "\"ipam.dns.nameservers[1]\": expected a string, got {}");
	assert_string_equal(dns.domain, "d"); /* untouched */
	err = (struct cni_err){ 0 };
	assert_int_equal(dns_read(domain, "", &dns, &err), -EINVAL);
	assert_string_equal(err.msg, "\"domain\": expected a string, got []");
	assert_int_equal(dns_read(NULL, "dns", &dns, &err), 0);
	assert_null(dns.domain);
	assert_null(dns.nameservers);
	assert_int_equal(dns_read(good, "dns", &dns, &err), 0);
	dns_free(&dns);
	assert_null(dns.domain);
	dns_free(&dns);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(versions),	   cmocka_unit_test(full_in_every_version),
		cmocka_unit_test(round_trips),	   cmocka_unit_test(old_to_new),
		cmocka_unit_test(empty_results),   cmocka_unit_test(not_utf8),
		cmocka_unit_test(reads_kindly),	   cmocka_unit_test(bad_results),
		cmocka_unit_test(errors_are_kept), cmocka_unit_test(bad_routes),
		cmocka_unit_test(route_lists),	   cmocka_unit_test(dns_objects),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
