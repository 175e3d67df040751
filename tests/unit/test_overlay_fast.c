/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Unit tests of bpf and overlay_fast_prog: the program runs in the kernel on packets made here
 * (BPF_PROG_TEST_RUN), in a private namespace that has the devices and routes of a node.
 */
#include "bpf.h"
#include "cleanup.h"
#include "overlay_fast_prog.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <netinet/ip.h>
#include <netinet/ip6.h>
#include <netinet/tcp.h>
#include <netinet/udp.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>

#include <cmocka.h>

#define VX   42
#define VX6  43 /* a second device, which leads to subnet 3 */
#define HOST 50 /* host end of the container .2 */
#define NEXT 51 /* of .3 */
#define PASS 0xffffffffu

static const char *const scenery[] = {
	"ip link set lo up",
	"ip link add vx42 index 42 address 02:00:00:00:00:42 mtu 1450 type veth peer name p1",
	"ip link add vx43 index 43 address 02:00:00:00:00:43 mtu 1450 type veth peer name p5",
	"ip link add h50 index 50 address 02:00:00:00:00:50 type veth peer name p2",
	"ip link add h51 index 51 address 02:00:00:00:00:51 type veth peer name p3",
	"ip link add out index 60 type veth peer name p4",
	"for i in vx42 vx43 h50 h51 out p5 p1 p2 p3 p4; do ip link set $i up; done",
	"echo 1 >/proc/sys/net/ipv4/ip_forward; echo 1 >/proc/sys/net/ipv6/conf/all/forwarding",
	"ip addr add 10.5.1.0/32 dev vx42; ip addr add fd05:0:0:1::/128 dev vx42 nodad",
	"ip neigh add 10.5.2.0 lladdr 02:00:00:00:00:02 dev vx42 nud permanent",
	"ip neigh add fd05:0:0:2:: lladdr 02:00:00:00:00:02 dev vx42 nud permanent",
	"ip route add 10.5.2.0/24 via 10.5.2.0 dev vx42 onlink",
	"ip route add fd05:0:0:2::/64 via fd05:0:0:2:: dev vx42 onlink",
	"ip neigh add fd05:0:0:3:: lladdr 02:00:00:00:00:04 dev vx43 nud permanent",
	"ip route add fd05:0:0:3::/64 via fd05:0:0:3:: dev vx43 onlink",
	"ip addr add 192.0.2.1/24 dev out; ip addr add 2001:db8::1/64 dev out nodad",
	"ip neigh add 192.0.2.2 lladdr 02:00:00:00:00:03 dev out nud permanent",
	"ip neigh add 2001:db8::2 lladdr 02:00:00:00:00:03 dev out nud permanent",
};

struct program {
	int map, prog;
};

/* A packet, and how it is to come. Zero is the usual: TCP, 64 hops, to the interface's MAC. */
struct packet {
	int from; /* ifindex */
	const char *src, *dst;
	int ttl, proto, port, size, gso, first, frag, ethertype;
	bool stranger; /* to another MAC */
};

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

static void put_endpoint(int map, const char *address, uint32_t index)
{
	struct fast_endpoint e = { index,
				   { 0x0a, 0x58, 0, 0, 0, (uint8_t)index },
				   { 2, 0, 0, 0, 1, (uint8_t)index } };
	struct ip_addr a = ip(address);
	struct fast_key key = fast_key_of(&a);

	assert_int_equal(bpf_map_put(map, &key, &e), 0);
}

static int load(void **state)
{
	static struct bpf_code code;
	struct fast_program p = { .device = { VX, VX6 }, .port = 4789 };
	static struct program made;
	char log[256];

	for (size_t i = 0; i < ARRAY_SIZE(scenery); i++)
		if (i == 0 ? unshare(CLONE_NEWNET) < 0 || system(scenery[i]) : system(scenery[i]))
			return -1;
	ip_net_parse("10.5.0.0/16", &p.net[0]);
	ip_net_parse("fd05::/48", &p.net[1]);
	made.map = p.map =
		bpf_map_create("ends", sizeof(struct fast_key), sizeof(struct fast_endpoint), 16);
	memset(&code, 0, sizeof(code));
	fast_program_write(&code, &p);
	made.prog = bpf_prog_load(&code, "test", log);
	if (made.prog < 0)
		fprintf(stderr, "%s: %s\n", strerror(-made.prog), log);
	put_endpoint(made.map, "10.5.1.2", HOST);
	put_endpoint(made.map, "fd05:0:0:1::2", HOST);
	put_endpoint(made.map, "10.5.1.3", NEXT);
	put_endpoint(made.map, "fd05:0:0:1::3", NEXT);
	*state = &made;
	return made.prog < 0 ? -1 : 0;
}

static int unload(void **state)
{
	struct program *p = *state;

	close(p->prog);
	close(p->map);
	return 0;
}

/* ---- packets ---- */

static uint16_t sum(const uint8_t *data, int n)
{
	uint32_t total = 0;

	for (int i = 0; i < n; i += 2)
		total += (uint32_t)(data[i] << 8 | data[i + 1]);
	while (total >> 16)
		total = (total & 0xffff) + (total >> 16);
	return (uint16_t)total;
}

static void write_ipv4(uint8_t *at, const struct packet *p, int size)
{
	struct ip_addr src = ip(p->src), dst = ip(p->dst);
	struct iphdr h = { .ihl = 5,
			   .version = 4,
			   .tot_len = htons((uint16_t)size),
			   .frag_off = htons((uint16_t)(p->frag ? p->frag : IP_DF)),
			   .ttl = (uint8_t)(p->ttl ? p->ttl : 64),
			   .protocol = (uint8_t)(p->proto ? p->proto : IPPROTO_TCP) };

	memcpy(&h.saddr, src.b, 4);
	memcpy(&h.daddr, dst.b, 4);
	memcpy(at, &h, sizeof(h));
	if (p->first)
		at[0] = (uint8_t)p->first;
	h.check = htons((uint16_t)~sum(at, sizeof(h)));
	memcpy(at + offsetof(struct iphdr, check), &h.check, sizeof(h.check));
}

static void write_ipv6(uint8_t *at, const struct packet *p, int size)
{
	struct ip_addr src = ip(p->src), dst = ip(p->dst);
	struct ip6_hdr h = { 0 };

	h.ip6_flow = htonl(6u << 28);
	h.ip6_plen = htons((uint16_t)(size - (int)sizeof(h)));
	h.ip6_nxt = (uint8_t)(p->proto ? p->proto : IPPROTO_TCP);
	h.ip6_hops = (uint8_t)(p->ttl ? p->ttl : 64);
	memcpy(&h.ip6_src, src.b, 16);
	memcpy(&h.ip6_dst, dst.b, 16);
	memcpy(at, &h, sizeof(h));
}

/* Return: its length. */
static int write_packet(uint8_t *frame, const struct packet *p)
{
	bool v6 = strchr(p->src, ':');
	int size = p->size ? p->size : 100, head = v6 ? 40 : 20;
	uint8_t *l4 = frame + ETH_HLEN + head;

	memset(frame, 0, (size_t)(ETH_HLEN + size));
	frame[0] = 2;
	frame[5] = (uint8_t)(p->from == VX     ? 0x42
			     : p->from == VX6  ? 0x43
			     : p->from == HOST ? 0x50
					       : 0x51);
	frame[4] = p->stranger;
	frame[6] = 2;
	frame[12] = (uint8_t)((p->ethertype ? p->ethertype : v6 ? ETH_P_IPV6 : ETH_P_IP) >> 8);
	frame[13] = (uint8_t)(p->ethertype ? p->ethertype : v6 ? ETH_P_IPV6 : ETH_P_IP);
	(v6 ? write_ipv6 : write_ipv4)(frame + ETH_HLEN, p, size);
	l4[2] = (uint8_t)(p->port >> 8);
	l4[3] = (uint8_t)p->port;
	l4[12] = 8 << 4; /* TCP: 32 bytes */
	return ETH_HLEN + size;
}

static uint32_t run(const struct program *prog, const struct packet *p, uint8_t *after)
{
	static uint8_t before[70000];
	struct __sk_buff ctx = { .ifindex = (uint32_t)p->from,
				 .gso_size = (uint32_t)p->gso,
				 .gso_segs = p->gso ? 2 : 0 };
	union bpf_attr attr = { 0 };

	attr.test.prog_fd = (uint32_t)prog->prog;
	attr.test.data_size_in = attr.test.data_size_out = (uint32_t)write_packet(before, p);
	attr.test.data_in = (uint64_t)(uintptr_t)before;
	attr.test.data_out = (uint64_t)(uintptr_t)after;
	attr.test.ctx_in = (uint64_t)(uintptr_t)&ctx;
	attr.test.ctx_size_in = sizeof(ctx);
	if (syscall(SYS_bpf, BPF_PROG_TEST_RUN, &attr, sizeof(attr)) < 0)
		fail_msg("BPF_PROG_TEST_RUN: %s", strerror(errno));
	if (attr.test.retval == PASS)
		assert_memory_equal(before, after, attr.test.data_size_in);
	return attr.test.retval;
}

static uint8_t out[70000];

static void passes(void **state, const char *what, struct packet p)
{
	uint32_t r = run(*state, &p, out);

	if (r != PASS)
		fail_msg("%s, %s: verdict %u instead of the stack", what, p.src, r);
}

/* The packet is sent on: MACs, one hop less, a right checksum, all else as it was. */
static void goes(void **state, struct packet p, const uint8_t dst[6], const uint8_t src[6])
{
	static uint8_t want[70000];
	uint32_t r = run(*state, &p, out);
	int n = write_packet(want, &p), ttl = strchr(p.src, ':') ? 7 : 8;

	if (r != TC_ACT_REDIRECT)
		fail_msg("%s to %s: verdict %d", p.src, p.dst, (int)r);
	memcpy(want, dst, 6);
	memcpy(want + 6, src, 6);
	want[ETH_HLEN + ttl]--;
	if (ttl == 8) {
		assert_int_equal(sum(out + ETH_HLEN, 20), 0xffff);
		memcpy(want + ETH_HLEN + 10, out + ETH_HLEN + 10, 2);
	}
	assert_memory_equal(out, want, (size_t)n);
}

/* ---- what is taken ---- */

static const uint8_t vx[6] = { 2, 0, 0, 0, 0, 0x42 }, vtep[6] = { 2, 0, 0, 0, 0, 2 };
static const uint8_t inside50[6] = { 0x0a, 0x58, 0, 0, 0, 50 }, end50[6] = { 2, 0, 0, 0, 1, 50 };
static const uint8_t inside51[6] = { 0x0a, 0x58, 0, 0, 0, 51 }, end51[6] = { 2, 0, 0, 0, 1, 51 };

/* The same for both families: hosts of subnets 1 and 2. */
static const char *const own[2] = { "10.5.1.2", "fd05:0:0:1::2" };
static const char *const next[2] = { "10.5.1.3", "fd05:0:0:1::3" };
static const char *const far[2] = { "10.5.2.7", "fd05:0:0:2::7" };

static void test_ways(void **state)
{
	for (int i = 0; i < 2; i++) {
		goes(state, (struct packet){ HOST, own[i], far[i] }, vtep, vx);
		goes(state, (struct packet){ HOST, own[i], next[i] }, inside51, end51);
		goes(state, (struct packet){ VX, far[i], own[i] }, inside50, end50);
		goes(state, (struct packet){ VX, far[i], next[i] }, inside51, end51);
	}
}

static void test_second_device(void **state)
{
	static const uint8_t vx43[6] = { 2, 0, 0, 0, 0, 0x43 }, peer[6] = { 2, 0, 0, 0, 0, 4 };
	const char *there = "fd05:0:0:3::7";

	goes(state, (struct packet){ HOST, own[1], there }, peer, vx43);
	goes(state, (struct packet){ VX6, there, own[1] }, inside50, end50);
	passes(state, "from one to the other", (struct packet){ VX6, there, far[1] });
	passes(state, "with a container's source", (struct packet){ VX6, next[1], own[1] });
}

static void test_kinds(void **state)
{
	for (int i = 0; i < 2; i++) {
		int icmp = i ? IPPROTO_ICMPV6 : IPPROTO_ICMP;

		goes(state, (struct packet){ HOST, own[i], far[i], .proto = icmp }, vtep, vx);
		goes(state,
		     (struct packet){ HOST, own[i], far[i], .proto = IPPROTO_UDP, .port = 53 },
		     vtep, vx);
		goes(state,
		     (struct packet){ VX, far[i], own[i], .proto = IPPROTO_UDP, .port = 4788 },
		     inside50, end50);
		goes(state, (struct packet){ HOST, own[i], far[i], .port = 4789 }, vtep, vx);
	}
}

/* Every TTL: the checksum's carry. */
static void test_hops(void **state)
{
	for (int i = 0; i < 2; i++)
		for (int ttl = 2; ttl < 256; ttl++)
			goes(state, (struct packet){ VX, far[i], own[i], ttl }, inside50, end50);
	for (int last = 1; last < 255; last++) {
		char src[32];

		snprintf(src, sizeof(src), "10.5.%d.%d", last, 255 - last);
		goes(state, (struct packet){ VX, src, own[0], 1 + last }, inside50, end50);
	}
}

static void test_sizes(void **state)
{
	for (int i = 0; i < 2; i++) {
		struct packet p = { HOST, own[i], far[i], .size = 1450 };

		goes(state, p, vtep, vx);
		p.size = 1451;
		passes(state, "larger than the route takes", p);
		/* segments: headers of IP and 32 bytes of TCP */
		p.size = 3000;
		p.gso = 1450 - (i ? 40 : 20) - 32;
		goes(state, p, vtep, vx);
		p.gso++;
		passes(state, "segments larger than the route takes", p);
		p.proto = IPPROTO_UDP;
		p.gso = 1450 - (i ? 40 : 20) - 8;
		goes(state, p, vtep, vx);
		p.gso++;
		passes(state, "datagrams larger than the route takes", p);
		/* into a container of the node everything goes */
		goes(state, (struct packet){ VX, far[i], own[i], .size = 3000 }, inside50, end50);
	}
	passes(state, "segments of another protocol",
	       (struct packet){ HOST, own[0], far[0], .proto = 132, .size = 3000, .gso = 100 });
}

/* ---- what is the stack's affair ---- */

static void test_sources(void **state)
{
	for (int i = 0; i < 2; i++) {
		passes(state, "forged: another container's",
		       (struct packet){ HOST, next[i], far[i] });
		passes(state, "forged: nobody's",
		       (struct packet){ HOST, i ? "fd05:0:0:1::9" : "10.5.1.9", far[i] });
		passes(state, "forged, to a neighbour", (struct packet){ NEXT, own[i], next[i] });
		passes(state, "from outside with a container's",
		       (struct packet){ VX, next[i], own[i] });
		passes(state, "from outside the network",
		       (struct packet){ VX, i ? "2001:db8::2" : "192.0.2.2", own[i] });
		passes(state, "just outside the network",
		       (struct packet){ VX, i ? "fd05:0:1::2" : "10.4.255.255", own[i] });
	}
}

static void test_destinations(void **state)
{
	for (int i = 0; i < 2; i++) {
		passes(state, "to the outside",
		       (struct packet){ HOST, own[i], i ? "2001:db8::2" : "192.0.2.2" });
		passes(state, "to the node",
		       (struct packet){ HOST, own[i], i ? "fd05:0:0:1::" : "10.5.1.0" });
		passes(state, "without a route",
		       (struct packet){ HOST, own[i], i ? "fd05:0:0:9::1" : "10.5.9.1" });
		passes(state, "multicast",
		       (struct packet){ HOST, own[i], i ? "ff02::1" : "224.0.0.1" });
		passes(state, "from outside to nobody's",
		       (struct packet){ VX, far[i], i ? "fd05:0:0:1::9" : "10.5.1.9" });
		passes(state, "from outside to the outside",
		       (struct packet){ VX, far[i], i ? "fd05:0:0:2::8" : "10.5.2.8" });
	}
}

static void test_headers(void **state)
{
	for (int i = 0; i < 2; i++) {
		passes(state, "TTL 1", (struct packet){ HOST, own[i], far[i], .ttl = 1 });
		passes(state, "TTL 1 from outside",
		       (struct packet){ VX, far[i], own[i], .ttl = 1 });
		passes(state, "port of VXLAN",
		       (struct packet){ HOST, own[i], far[i], .proto = IPPROTO_UDP, .port = 4789 });
		passes(state, "port of VXLAN from outside",
		       (struct packet){ VX, far[i], own[i], .proto = IPPROTO_UDP, .port = 4789 });
		passes(state, "to another MAC",
		       (struct packet){ HOST, own[i], far[i], .stranger = true });
		passes(state, "another protocol",
		       (struct packet){ HOST, own[i], far[i], .ethertype = 0x88b5 });
		passes(state, "cut short",
		       (struct packet){ HOST, own[i], far[i], .size = i ? 40 : 20,
					.proto = IPPROTO_UDP });
	}
	passes(state, "options", (struct packet){ HOST, own[0], far[0], .first = 0x46 });
	passes(state, "a first fragment", (struct packet){ HOST, own[0], far[0], .frag = 0x2000 });
	passes(state, "a later fragment", (struct packet){ HOST, own[0], far[0], .frag = 0x0010 });
	passes(state, "hop-by-hop", (struct packet){ HOST, own[1], far[1], .proto = 0 + 44 });
	passes(state, "routing", (struct packet){ HOST, own[1], far[1], .proto = 43 });
}

/* ---- bpf ---- */

static void test_map(void **state)
{
	const struct program *p = *state;
	struct ip_addr a = ip("10.5.1.77");
	struct fast_key key = fast_key_of(&a);
	struct fast_endpoint e;
	char name[BPF_OBJ_NAME_LEN];
	uint32_t map;
	int again;

	assert_int_equal(bpf_map_get(p->map, &key, &e), -ENOENT);
	put_endpoint(p->map, "10.5.1.77", 9);
	assert_int_equal(bpf_prog_about(p->prog, name, &map), 0);
	assert_string_equal(name, "test");
	again = bpf_map_open(map);
	assert_true(again >= 0);
	assert_int_equal(bpf_map_get(again, &key, &e), 0);
	assert_int_equal(e.index, 9);
	assert_int_equal(bpf_map_del(again, &key), 0);
	assert_int_equal(bpf_map_del(p->map, &key), 0);
	assert_int_equal(bpf_map_get(p->map, &key, &e), -ENOENT);
	close(again);
	assert_int_equal(bpf_prog_open(0x7fffffff), -ENOENT);
	for (int i = 0; i < 12; i++) {
		key.b[0] = (uint8_t)(1 + i);
		assert_int_equal(bpf_map_put(p->map, &key, &e), 0);
	}
	key.b[0] = 99;
	assert_int_equal(bpf_map_put(p->map, &key, &e), -E2BIG);
	for (int i = 0; i < 12; i++) {
		key.b[0] = (uint8_t)(1 + i);
		assert_int_equal(bpf_map_del(p->map, &key), 0);
	}
}

static void test_refused(void **state)
{
	static struct bpf_code c;
	char log[256];

	(void)state;
	bpf_load(&c, BPF_W, BPF_REG_0, BPF_REG_3, 0);
	bpf_exit(&c);
	assert_true(bpf_prog_load(&c, "bad", log) < 0);
	assert_non_null(strstr(log, "R3"));
}

static void test_keys(void **state)
{
	static const uint8_t mapped[16] = { [10] = 0xff, 0xff, 192, 0, 2, 7 };
	struct ip_addr a = ip("192.0.2.7"), b = ip("2001:db8::7");
	struct fast_key key = fast_key_of(&a);

	(void)state;
	assert_memory_equal(key.b, mapped, 16);
	key = fast_key_of(&b);
	assert_memory_equal(key.b, b.b, 16);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(test_ways, load, unload),
		cmocka_unit_test_setup_teardown(test_second_device, load, unload),
		cmocka_unit_test_setup_teardown(test_kinds, load, unload),
		cmocka_unit_test_setup_teardown(test_hops, load, unload),
		cmocka_unit_test_setup_teardown(test_sizes, load, unload),
		cmocka_unit_test_setup_teardown(test_sources, load, unload),
		cmocka_unit_test_setup_teardown(test_destinations, load, unload),
		cmocka_unit_test_setup_teardown(test_headers, load, unload),
		cmocka_unit_test_setup_teardown(test_map, load, unload),
		cmocka_unit_test(test_refused),
		cmocka_unit_test(test_keys),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
