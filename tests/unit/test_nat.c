/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of plans: what they hold, their form in the record, damaged records, owners. */
#include "cleanup.h"
#include "nat_priv.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ip_net net(const char *text)
{
	struct ip_net n = { 0 };

	assert_int_equal(ip_net_parse(text, &n), 0);
	return n;
}

static struct ip_addr ip(const char *text)
{
	struct ip_addr a = { 0 };

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static struct port_run run(int proto, const char *host, int from, const char *container, int to,
			   int count)
{
	struct port_run r = { .proto = proto,
			      .host_port = from,
			      .container_port = to,
			      .count = count,
			      .container = ip(container) };

	if (host)
		r.host = ip(host);
	return r;
}

static void test_chains_once(void **state)
{
	autoplan struct nat_plan plan = { 0 };
	struct ip_net a = net("10.1.0.2/24"), b = net("10.1.0.3/24"), c = net("10.1.1.2/24");

	(void)state;
	assert_true(nat_plan_empty(&plan));
	nat_plan_chain(&plan, NAT_MASQ, &a);
	nat_plan_chain(&plan, NAT_MASQ, &b);
	assert_int_equal(plan.n_chains, 1);
	nat_plan_chain(&plan, NAT_HAIRPIN, &b);
	nat_plan_chain(&plan, NAT_MASQ, &c);
	assert_int_equal(plan.n_chains, 3);
	assert_false(nat_plan_empty(&plan));
}

static void test_record(void **state)
{
	autoplan struct nat_plan plan = { .owner = { "net", "id", "eth0", "portmap" } };
	autoplan struct nat_plan got = { 0 };
	json_auto_t *record = json_pack("{s:s, s:s, s:s, s:s}", "network", "net", "containerID",
					"id", "ifname", "eth0", "plugin", "portmap");
	struct ip_net subnet = net("fd00::2/64");
	struct ip_addr address = ip("10.1.0.2");
	struct port_run runs[] = { run(IPPROTO_TCP, NULL, 8080, "10.1.0.2", 80, 1),
				   run(IPPROTO_TCP, NULL, 65526, "10.1.0.2", 1, 10),
				   run(IPPROTO_UDP, "192.0.2.1", 9000, "10.1.0.2", 9000, 1000),
				   run(IPPROTO_UDP, "192.0.2.2", 9000, "10.1.0.2", 9000, 1),
				   run(IPPROTO_SCTP, "2001:db8::1", 65535, "fd00::2", 1, 1) };

	(void)state;
	nat_plan_chain(&plan, NAT_HAIRPIN, &subnet);
	nat_plan_ip(&plan, NAT_SNAT4, &address, NULL);
	nat_plan_ip(&plan, NAT_IPS4, &address, "veth0");
	nat_plan_item(&plan, NAT_MACS, "veth0", "0a:58:0a:01:00:02");
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		nat_plan_run(&plan, &runs[i]);
	assert_int_equal(nat_plan_read(record, &got), 0);
	json_object_set_new(record, "nftables", nat_plan_json(&plan));
	assert_int_equal(nat_plan_read(record, &got), 1);
	assert_string_equal(got.owner.container_id, "id");
	assert_int_equal(got.n_chains, 1);
	assert_int_equal(got.chains[0].kind, NAT_HAIRPIN);
	assert_int_equal(got.chains[0].subnet.len, 64);
	assert_int_equal(got.n_items, 3);
	assert_int_equal(got.items[1].set, NAT_IPS4);
	assert_string_equal(got.items[1].field[0], "veth0");
	assert_string_equal(got.items[1].field[1], "10.1.0.2");
	assert_int_equal(got.n_runs, ARRAY_SIZE(runs));
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++) {
		assert_int_equal(got.runs[i].proto, runs[i].proto);
		assert_int_equal(got.runs[i].host_port, runs[i].host_port);
		assert_int_equal(got.runs[i].container_port, runs[i].container_port);
		assert_int_equal(got.runs[i].count, runs[i].count);
		assert_true(ip_equal(&got.runs[i].host, &runs[i].host));
		assert_true(ip_equal(&got.runs[i].container, &runs[i].container));
	}
}

/* A record is a file: whatever is in it, nothing that is no plan reaches the kernel. */
static void test_damaged_record(void **state)
{
	static const char *const bad[] = {
		"{\"chains\": [[\"masq\", \"10.0.0.0\"]]}",
		"{\"chains\": [[\"nosuch\", \"10.0.0.0/8\"]]}",
		"{\"chains\": [\"masq\"]}",
		"{\"items\": [[\"nosuch\", \"10.0.0.1\", \"\"]]}",
		"{\"items\": [[\"snat4\", \"fd00::1\", \"\"]]}",
		"{\"items\": [[\"snat4\", \"10.0.0.1\", \"eth0\"]]}",
		"{\"items\": [[\"guarded\", \"a name too long for the kernel\", \"\"]]}",
		"{\"items\": [[\"macs\", \"veth0\", \"nomac\"]]}",
		"{\"items\": [[\"ports4\", \"tcp\", \"80\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"0:80\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"80\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"80:80,81:81\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"80:80 x\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"90-80:80\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"80-65536:80\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"80-90:65530\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\", \"80:99999999999999999999\"]]}",
		"{\"ports\": [[\"tcp\", \"x\", \"10.0.0.1\", \"80:80\"]]}",
		"{\"ports\": [[\"tcp\", \"::1\", \"10.0.0.1\", \"80:80\"]]}",
		"{\"ports\": [[\"tcp\", \"\", \"10.0.0.1\"]]}",
		"{\"ports\": [[\"gre\", \"\", \"10.0.0.1\", \"80:80\"]]}",
	};

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
		autoplan struct nat_plan plan = { 0 };
		json_auto_t *record = json_object();

		json_object_set_new(record, "nftables", json_loads(bad[i], 0, NULL));
		assert_non_null(json_object_get(record, "nftables"));
		if (nat_plan_read(record, &plan) != -EBADMSG)
			fail_msg("accepted: %s", bad[i]);
		assert_null(plan.runs);
	}
}

static size_t count_set(const struct nat_elems *l, enum nat_set set)
{
	size_t n = 0;

	for (size_t i = 0; i < l->n; i++)
		n += l->e[i].set == set;
	return n;
}

/* A run becomes one element when its ports stay the same and there are four of them. */
static void test_runs(void **state)
{
	autoplan struct nat_plan plan = { 0 };
	autoelems struct nat_elems l = { 0 };
	struct port_run runs[] = { run(IPPROTO_TCP, NULL, 9000, "10.1.0.2", 9000, 10000),
				   run(IPPROTO_TCP, NULL, 100, "10.1.0.2", 100, 3),
				   run(IPPROTO_TCP, NULL, 200, "10.1.0.2", 300, 5),
				   run(IPPROTO_UDP, "192.0.2.1", 53, "10.1.0.2", 53, 1) };

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(runs); i++)
		nat_plan_run(&plan, &runs[i]);
	nat_encode(&plan, &l);
	assert_int_equal(count_set(&l, NAT_RANGES4), 1);
	assert_int_equal(count_set(&l, NAT_PORTS4), 8);
	assert_int_equal(count_set(&l, NAT_HOSTPORTS4), 1);
	assert_int_equal(l.n, 10);
	for (size_t i = 1; i < l.n; i++)
		assert_true(l.e[i - 1].set <= l.e[i].set);
}

static void test_owner(void **state)
{
	char name[201], text[NAT_OWNER_MAX], other[NAT_OWNER_MAX];
	struct state_key key = { "net", "id", "eth0", "bridge" };
	struct state_key shared = { "net", "id2", "eth1", "bridge" };

	(void)state;
	nat_owner_text(&key, text);
	assert_string_equal(text, "net id eth0");
	nat_owner_of(&key, NAT_ISOLATED, text);
	nat_owner_of(&shared, NAT_ISOLATED, other);
	assert_string_equal(text, other);
	/* what is too long for a comment still tells owners apart */
	memset(name, 'n', 200);
	name[200] = '\0';
	key.network = key.container_id = name;
	nat_owner_text(&key, text);
	name[199] = 'm';
	nat_owner_text(&key, other);
	assert_true(strlen(text) < NAT_OWNER_MAX);
	assert_string_not_equal(text, other);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_chains_once),    cmocka_unit_test(test_record),
		cmocka_unit_test(test_damaged_record), cmocka_unit_test(test_runs),
		cmocka_unit_test(test_owner),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
