/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of overlay networks: records of nodes, MACs, differences of entries, and the state. */
#include "cleanup.h"
#include "overlay_bridge.h"
#include "overlay_entries.h"
#include "overlay_peers.h"
#include "overlay_state.h"

#include <linux/neighbour.h>
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

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static struct overlay_rules rules(void)
{
	return (struct overlay_rules){ 42, { net("10.5.0.0/16"), net("fd05::/48") } };
}

static int add(struct overlay_peers *peers, const char *record, struct cni_err *err)
{
	json_auto_t *obj = json_loads(record, JSON_DECODE_ANY, NULL);
	struct overlay_rules r = rules();

	assert_non_null(obj);
	*err = (struct cni_err){ 0 };
	return overlay_peers_add(peers, &r, obj, err);
}

static void test_mac(void **state)
{
	static const uint8_t n1[6] = { 0x02, 0x46, 0xc0, 0xc3, 0xb2, 0x22 };
	uint8_t mac[6], other[6];

	(void)state;
	/* a constant: nodes with different versions must agree */
	overlay_mac("n1", 42, mac);
	assert_memory_equal(mac, n1, 6);
	overlay_mac("n1", 43, other);
	assert_memory_not_equal(mac, other, 6);
	overlay_mac("n2", 42, other);
	assert_memory_not_equal(mac, other, 6);
	assert_int_equal(other[0], 0x02);
}

static void test_good_records(void **state)
{
	autopeers struct overlay_peers peers = { 0 };
	struct cni_err err;
	struct ip_net want = net("fd05:0:0:2::/64");

	(void)state;
	assert_int_equal(add(&peers,
			     "{\"node\":\"n1\",\"vtep\":\"192.0.2.1\","
			     "\"subnet\":\"10.5.1.0/24\"}",
			     &err),
			 0);
	assert_int_equal(add(&peers,
			     "{\"node\":\"n2.x_y-z\",\"vtep\":\"2001:db8::2\",\"subnet\":"
			     "[\"fd05:0:0:2::/64\",\"10.5.2.0/24\"],\"more\":true}",
			     &err),
			 0);
	assert_int_equal(peers.n, 2);
	assert_int_equal(peers.p[0].subnet[1].ip.family, 0);
	assert_true(ip_equal(&peers.p[1].subnet[1].ip, &want.ip));
	assert_ptr_equal(overlay_peers_find(&peers, "n2.x_y-z"), &peers.p[1]);
	assert_null(overlay_peers_find(&peers, "n2"));
}

static void test_bad_records(void **state)
{
	static const struct {
		const char *record, *text;
		int code;
	} bad[] = {
		{ "5", "expected an object", CNI_E_DECODE },
		{ "{\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}", "node", CNI_E_CONF },
		{ "{\"node\":\"\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}",
		  "is required", CNI_E_CONF },
		{ "{\"node\":\"a b\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}",
		  "\"a b\" has a character", CNI_E_CONF },
		{ "{\"node\":\"../x\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}",
		  "\"../x\" has a character", CNI_E_CONF },
		{ "{\"node\":7,\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}", "node",
		  CNI_E_DECODE },
		{ "{\"node\":\"n2\",\"subnet\":\"10.5.2.0/24\"}", "vtep", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"host2\",\"subnet\":\"10.5.2.0/24\"}",
		  "\"host2\" is no IP address", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"224.0.0.1\",\"subnet\":\"10.5.2.0/24\"}",
		  "224.0.0.1 is not the address of a host", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"255.255.255.255\",\"subnet\":\"10.5.2.0/24\"}",
		  "is not the address of a host", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"fe80::1\",\"subnet\":\"10.5.2.0/24\"}",
		  "is not the address of a host", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"10.5.9.9\",\"subnet\":\"10.5.2.0/24\"}",
		  "within the overlay itself (10.5.0.0/16)", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\"}", "\"subnet\" is missing", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":[]}", "empty", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":5}", "subnet", CNI_E_DECODE },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":[5]}", "subnet",
		  CNI_E_DECODE },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0\"}", "no prefix",
		  CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.1/24\"}",
		  "10.5.2.0/24 is meant", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.6.2.0/24\"}",
		  "10.6.2.0/24 is not within \"network\", 10.5.0.0/16", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.0.0.0/8\"}",
		  "is not within", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/31\"}",
		  "too small", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":[\"10.5.2.0/24\","
		  "\"10.5.3.0/24\"]}",
		  "second of its family", CNI_E_CONF },
		{ "{\"node\":\"n1\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}",
		  "\"n1\" is given twice", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.1\",\"subnet\":\"10.5.2.0/24\"}",
		  "192.0.2.1 of node \"n2\" is that of node \"n1\"", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.1.0/24\"}",
		  "10.5.1.0/24 of node \"n2\" overlaps 10.5.1.0/24 of node \"n1\"", CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.0.0/20\"}", "overlaps",
		  CNI_E_CONF },
		{ "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.1.128/25\"}",
		  "overlaps", CNI_E_CONF },
	};
	autopeers struct overlay_peers peers = { 0 };
	struct cni_err err;

	(void)state;
	assert_int_equal(add(&peers,
			     "{\"node\":\"n1\",\"vtep\":\"192.0.2.1\","
			     "\"subnet\":\"10.5.1.0/24\"}",
			     &err),
			 0);
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		assert_true(add(&peers, bad[i].record, &err) < 0);
		assert_int_equal(err.code, bad[i].code);
		if (!strstr(err.msg, bad[i].text))
			fail_msg("%s: \"%s\" lacks \"%s\"", bad[i].record, err.msg, bad[i].text);
		assert_int_equal(peers.n, 1);
	}
}

/* Every record that was taken is found again, whatever their order. */
static void test_many(void **state)
{
	autopeers struct overlay_peers peers = { 0 };
	struct cni_err err;
	char record[200];

	(void)state;
	for (unsigned int i = 0; i < 1000; i++) {
		unsigned int k = i * 7919 % 1000;

		snprintf(record, sizeof(record),
			 "{\"node\":\"n%u\",\"vtep\":\"192.0.%u.%u\",\"subnet\":\"10.5.%u.%u/30\"}",
			 k, k / 250, k % 250 + 1, k / 64, k % 64 * 4);
		assert_int_equal(add(&peers, record, &err), 0);
	}
	for (unsigned int i = 0; i < 1000; i++) {
		snprintf(
			record, sizeof(record),
			"{\"node\":\"m%u\",\"vtep\":\"198.51.%u.%u\",\"subnet\":\"10.5.%u.%u/30\"}",
			i, i / 250, i % 250 + 1, i / 64, i % 64 * 4);
		assert_true(add(&peers, record, &err) < 0);
		snprintf(record, sizeof(record), "of node \"n%u\"", i);
		assert_non_null(strstr(err.msg, record));
	}
	assert_int_equal(peers.n, 1000);
}

static int add_text(struct overlay_peers *peers, const char *text, struct cni_err *err)
{
	struct overlay_rules r = rules();

	*err = (struct cni_err){ 0 };
	return overlay_peers_text(peers, &r, text, "f", err);
}

#define N(n) "{\"node\":\"n" n "\",\"vtep\":\"192.0.2." n "\",\"subnet\":\"10.5." n ".0/24\"}"

static void test_files(void **state)
{
	autopeers struct overlay_peers peers = { 0 };
	struct cni_err err;

	(void)state;
	assert_int_equal(add_text(&peers, "", &err), 0);
	assert_int_equal(add_text(&peers, " [" N("1") "," N("2") "]\n", &err), 0);
	assert_int_equal(peers.n, 2);
	/* the good ones of a file with bad ones are kept */
	assert_int_equal(add_text(&peers, "[" N("1") "," N("3") ",5]", &err), 2);
	assert_int_equal(add_text(&peers, N("4") "\n\n  \r\nnonsense\n" N("4") "\n" N("5"), &err),
			 2);
	assert_int_equal(peers.n, 5);
	assert_true(add_text(&peers, "[" N("6") ",", &err) < 0);
	assert_int_equal(err.code, CNI_E_DECODE);
	assert_non_null(strstr(err.msg, "f line 1"));
	assert_int_equal(peers.n, 5);
}

/* ---- entries ---- */

static void put(struct overlay_list *list, const char *subnet, const char *vtep, uint8_t mac)
{
	const uint8_t m[6] = { 2, 0, 0, 0, 0, mac };
	struct ip_net s = net(subnet);
	struct ip_addr v = ip(vtep);

	overlay_list_peer(list, 7, &s, m, &v);
}

static void test_nothing_to_do(void **state)
{
	autolist struct overlay_list want = { 0 }, have = { 0 };
	autodiff struct overlay_diff diff = { 0 };

	(void)state;
	put(&want, "10.5.1.0/24", "192.0.2.1", 1);
	put(&want, "10.5.2.0/24", "192.0.2.2", 2);
	put(&want, "fd05:0:0:2::/64", "192.0.2.2", 2); /* the same forwarding entry */
	put(&have, "10.5.2.0/24", "192.0.2.2", 2);
	put(&have, "10.5.1.0/24", "192.0.2.1", 1);
	put(&have, "fd05:0:0:2::/64", "192.0.2.2", 2);
	overlay_list_diff(&want, &have, &diff);
	assert_int_equal(want.n, 8);
	assert_int_equal(diff.add.n, 0);
	assert_int_equal(diff.del.n, 0);
}

static void test_differences(void **state)
{
	autolist struct overlay_list want = { 0 }, have = { 0 };
	autodiff struct overlay_diff diff = { 0 };

	(void)state;
	put(&want, "10.5.1.0/24", "192.0.2.9", 1); /* its VTEP has changed */
	put(&want, "10.5.2.0/24", "192.0.2.2", 2); /* new */
	put(&want, "10.5.4.0/24", "192.0.2.4", 5); /* its MAC has changed */
	put(&have, "10.5.1.0/24", "192.0.2.1", 1);
	put(&have, "10.5.3.0/24", "192.0.2.3", 3); /* gone */
	put(&have, "10.5.4.0/24", "192.0.2.4", 4);
	overlay_list_diff(&want, &have, &diff);
	/* FDB 1, FDB 2, FDB 5, neighbours 2 and 4, route 2 */
	assert_int_equal(diff.add.n, 6);
	assert_int_equal(diff.add.e[0].kind, OVERLAY_FDB);
	assert_int_equal(diff.add.e[0].to.b[3], 9);
	assert_int_equal(diff.add.e[5].kind, OVERLAY_ROUTE);
	assert_int_equal(diff.add.e[5].dst.ip.b[2], 2);
	/* FDB 3 and 4, neighbour and route 3 */
	assert_int_equal(diff.del.n, 4);
	for (size_t i = 0; i < diff.del.n; i++)
		assert_true(diff.del.e[i].kind == OVERLAY_FDB || diff.del.e[i].dst.ip.b[2] == 3);
}

static void test_direct(void **state)
{
	autolist struct overlay_list want = { 0 }, have = { 0 };
	autodiff struct overlay_diff diff = { 0 };
	struct ip_net subnet = net("10.5.1.0/24");
	struct ip_addr vtep = ip("192.0.2.1");
	char text[OVERLAY_ENTRY_STRLEN];

	(void)state;
	put(&have, "10.5.1.0/24", "192.0.2.1", 1);
	overlay_list_direct(&want, 3, &subnet, &vtep);
	overlay_list_diff(&want, &have, &diff);
	assert_int_equal(diff.add.n, 1);
	assert_int_equal(diff.add.e[0].oif, 3);
	assert_string_equal(overlay_entry_str(&diff.add.e[0], text),
			    "the route to 10.5.1.0/24 through 192.0.2.1");
	assert_int_equal(diff.del.n, 3); /* the route through the device, too */
}

/* Several VTEPs have the MAC of all zeros, and are told apart by their addresses. */
static void test_replication_list(void **state)
{
	autolist struct overlay_list want = { 0 }, have = { 0 };
	autodiff struct overlay_diff diff = { 0 };
	struct ip_addr vteps[] = { ip("192.0.2.3"), ip("192.0.2.2"), ip("2001:db8::2"),
				   ip("192.0.2.4") };
	char text[OVERLAY_ENTRY_STRLEN];
	bool same;

	(void)state;
	for (int i = 0; i < 3; i++)
		overlay_list_flood(&want, 7, &vteps[i]);
	overlay_list_flood(&want, 7, &vteps[0]); /* twice */
	overlay_list_flood(&have, 7, &vteps[3]);
	overlay_list_flood(&have, 7, &vteps[1]);
	put(&have, "10.5.1.0/24", "192.0.2.3", 1); /* of mode "l3" */
	overlay_list_diff(&want, &have, &diff);
	assert_int_equal(want.n, 3);
	assert_int_equal(diff.add.n, 2);
	assert_true(ip_equal(&diff.add.e[0].to, &vteps[0]));
	assert_true(ip_equal(&diff.add.e[1].to, &vteps[2]));
	assert_int_equal(diff.del.n, 4);
	assert_int_equal(diff.del.e[0].kind, OVERLAY_FDB);
	assert_int_equal(diff.del.e[1].kind, OVERLAY_FLOOD);
	assert_true(ip_equal(&diff.del.e[1].to, &vteps[3]));
	assert_string_equal(overlay_entry_str(&diff.add.e[0], text),
			    "192.0.2.3 in the replication list");
	assert_non_null(overlay_list_find(&want, &diff.add.e[1], &same));
	assert_true(same);
	assert_null(overlay_list_find(&want, &diff.del.e[1], &same));
}

/* Notifications of the kernel: the MAC tells the two kinds apart. */
static void test_read_flood(void **state)
{
	struct ndmsg ndm = { .ndm_family = AF_BRIDGE,
			     .ndm_ifindex = 7,
			     .ndm_state = NUD_PERMANENT };
	struct ip_addr vtep = ip("192.0.2.3");
	uint8_t mac[6] = { 0 }, proto;
	struct overlay_entry entry;

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct nl_msg *m = nlmsg_alloc_simple(RTM_NEWNEIGH, 0);

		mac[5] = (uint8_t)i;
		assert_int_equal(nlmsg_append(m, &ndm, sizeof(ndm), NLMSG_ALIGNTO), 0);
		assert_int_equal(nla_put(m, NDA_DST, 4, vtep.b), 0);
		assert_int_equal(nla_put(m, NDA_LLADDR, sizeof(mac), mac), 0);
		assert_true(overlay_entry_read(nlmsg_hdr(m), &entry, &proto));
		assert_int_equal(entry.kind, i ? OVERLAY_FDB : OVERLAY_FLOOD);
		assert_int_equal(proto, OVERLAY_RTPROT);
		assert_true(ip_equal(&entry.to, &vtep));
		nlmsg_free(m);
	}
}

/* ---- state ---- */

static void test_gateway(void **state)
{
	struct overlay_state st = { .net = { net("10.5.0.0/16") },
				    .subnet = { net("10.5.1.0/24") } };
	struct ip_net gateway = overlay_gateway(&st, 0);
	char text[IP_STRLEN];

	(void)state;
	assert_string_equal(ip_net_str(&gateway, text), "10.5.1.1/16");
	assert_int_equal(overlay_gateway(&st, 1).ip.family, 0);
}

/* Of a network that another daemon makes nothing is known of the underlay. */
static void test_foreign_state(void **state)
{
	struct overlay_state st = { .network = "flannel",
				    .vni = 1,
				    .port = 8472,
				    .foreign = true,
				    .net = { net("10.5.0.0/16") },
				    .subnet = { net("10.5.26.0/24") } };
	autostate struct overlay_state back = { 0 };
	json_auto_t *obj = overlay_state_json(&st);

	(void)state;
	assert_int_equal(overlay_state_parse(obj, &back), 0);
	assert_true(back.foreign);
	assert_int_equal(back.local.family, 0);
	assert_int_equal(back.n_vteps, 0);
	overlay_state_free(&back);
	/* any other has a VTEP */
	json_object_del(obj, "foreign");
	assert_int_equal(overlay_state_parse(obj, &back), -EBADMSG);
	json_object_set_new(obj, "foreign", json_true());
	json_object_set_new(obj, "local", json_string("x"));
	assert_int_equal(overlay_state_parse(obj, &back), -EBADMSG);
}

static void test_state(void **state)
{
	struct ip_addr vteps[] = { ip("2001:db8::1"), ip("192.0.2.3"), ip("192.0.2.2"),
				   ip("192.0.2.3") };
	struct overlay_state st = { .network = "blue",
				    .vni = 0xffffff,
				    .port = 4789,
				    .direct = true,
				    .local = ip("192.0.2.1"),
				    .net = { net("10.5.0.0/16") },
				    .subnet = { net("10.5.1.0/24") },
				    .vteps = vteps,
				    .n_vteps = 4 };
	autostate struct overlay_state back = { 0 };
	json_auto_t *obj = NULL, *again = NULL, *bad = json_pack("{s:s}", "network", "blue");
	char name[OVERLAY_DEVICE_MAX];

	(void)state;
	overlay_state_sort(&st);
	assert_int_equal(st.n_vteps, 3);
	assert_int_equal(st.vteps[0].b[3], 2);
	assert_int_equal(st.vteps[2].family, AF_INET6);
	obj = overlay_state_json(&st);
	assert_int_equal(overlay_state_parse(obj, &back), 0);
	again = overlay_state_json(&back);
	assert_true(json_equal(obj, again));
	assert_int_equal(overlay_state_parse(bad, &back), -EBADMSG);
	assert_int_equal(overlay_state_parse(NULL, &back), -EBADMSG);
	assert_false(back.l2);
	assert_false(back.fast);
	st.l2 = st.evpn = st.fast = true;
	overlay_state_free(&back);
	json_decref(obj);
	obj = overlay_state_json(&st);
	assert_int_equal(overlay_state_parse(obj, &back), 0);
	assert_true(back.l2 && back.evpn && back.fast);
	assert_string_equal(overlay_state_mode(&back), "l2");
	assert_string_equal(overlay_bridge_name(0xffffff, name), "br-vx16777215");
	assert_string_equal(overlay_device_name(0xffffff, false, name), "vx16777215");
	assert_string_equal(overlay_device_name(0xffffff, true, name), "vx16777215-v6");
}

/* A state with the peers of a text. */
static struct overlay_state state_of(const char *records)
{
	autopeers struct overlay_peers peers = { 0 };
	struct overlay_state st = {
		.network = "blue", .node = "n1", .vni = 42, .port = 4789, .local = ip("192.0.2.1")
	};
	struct cni_err err;

	assert_int_equal(add_text(&peers, records, &err), 0);
	overlay_state_set_peers(&st, &peers, &peers.p[0]);
	return st;
}

static void test_state_peers(void **state)
{
	autostate struct overlay_state st = state_of("[" N("1") "," N("3") "," N("2") "]");
	autostate struct overlay_state back = { 0 }, changed = { 0 }, none = { 0 };
	json_auto_t *obj = NULL, *again = NULL, *bad = NULL;
	struct overlay_peer *peers = NULL;
	size_t n;

	(void)state;
	assert_int_equal(st.n_peers, 2);
	assert_string_equal(st.peers[0].node, "n2");
	assert_int_equal(st.n_vteps, 2);
	assert_int_equal(st.vteps[1].b[3], 3);
	overlay_state_age(&st, &none, 1000);
	assert_int_equal(st.peers[1].since, 1000);
	st.peers[1].mac[5] ^= 1; /* not by its name */
	obj = overlay_state_json(&st);
	assert_null(json_object_get(obj, "vteps"));
	assert_int_equal(overlay_state_parse(obj, &back), 0);
	again = overlay_state_json(&back);
	assert_true(json_equal(obj, again));
	assert_string_equal(back.node, "n1");
	assert_int_equal(back.n_vteps, 2);
	assert_memory_equal(back.peers[1].mac, st.peers[1].mac, 6);
	assert_memory_equal(back.peers[0].mac, st.peers[0].mac, 6);
	/* what has changed begins anew */
	assert_true(overlay_state_equal(&st, &back));
	back.peers[1].mac[5] ^= 1;
	assert_false(overlay_state_equal(&st, &back));
	changed = state_of("[" N("1") "," N("4") "," N("3") "," N("2") "]");
	overlay_state_age(&changed, &back, 2000);
	assert_int_equal(changed.peers[0].since, 1000);
	assert_int_equal(changed.peers[1].since, 1000);
	assert_int_equal(changed.peers[2].since, 2000);
	changed.peers[1].subnet[0].len = 25;
	overlay_state_age(&changed, &back, 3000);
	assert_int_equal(changed.peers[0].since, 1000);
	assert_int_equal(changed.peers[1].since, 3000);
	bad = json_pack("[{s:s, s:s, s:[s]}]", "node", "n2", "vtep", "192.0.2.2", "subnets", "x");
	assert_int_equal(overlay_peers_parse(bad, 42, &peers, &n), -EBADMSG);
	assert_null(peers);
	json_object_set_new(obj, "peers", json_pack("[i]", 5));
	overlay_state_free(&back);
	assert_int_equal(overlay_state_parse(obj, &back), -EBADMSG);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_mac),	      cmocka_unit_test(test_good_records),
		cmocka_unit_test(test_bad_records),   cmocka_unit_test(test_many),
		cmocka_unit_test(test_files),	      cmocka_unit_test(test_nothing_to_do),
		cmocka_unit_test(test_differences),   cmocka_unit_test(test_direct),
		cmocka_unit_test(test_foreign_state), cmocka_unit_test(test_state),
		cmocka_unit_test(test_state_peers),   cmocka_unit_test(test_replication_list),
		cmocka_unit_test(test_read_flood),    cmocka_unit_test(test_gateway),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
