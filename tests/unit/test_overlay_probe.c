/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of probing an overlay: hostile replies, and a network with paths of our choice. */
#include "cleanup.h"
#include "overlay_probe.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

static struct ip_addr ip(const char *text)
{
	struct ip_addr a;

	assert_int_equal(ip_parse(text, &a), 0);
	return a;
}

/* ---- packets ---- */

static const struct overlay_echo example = {
	.id = 0xabcd, .seq = 7, .cookie = { 1, 2, 3, 4, 5, 6, 7, 8 }, .size = 99
};

static uint16_t sum(const uint8_t *p, size_t len)
{
	uint32_t s = 0;

	for (size_t i = 0; i < len; i++)
		s += i & 1 ? p[i] : (uint32_t)p[i] << 8;
	while (s >> 16)
		s = (s & 0xffff) + (s >> 16);
	return (uint16_t)~s;
}

static void set_sum(uint8_t *icmp, size_t len)
{
	uint16_t s;

	icmp[2] = icmp[3] = 0;
	s = sum(icmp, len);
	icmp[2] = (uint8_t)(s >> 8);
	icmp[3] = (uint8_t)s;
}

/* The IPv4 packet that answers a request of 79 bytes. Return: its length, 99. */
static size_t reply4(uint8_t *packet)
{
	size_t len = overlay_echo_build(AF_INET, &example, packet + 20);

	assert_int_equal(packet[20], 8);
	assert_int_equal(sum(packet + 20, len), 0);
	memset(packet, 0, 20);
	packet[0] = 0x45;
	packet[3] = (uint8_t)(20 + len);
	packet[9] = 1;
	packet[20] = 0;
	set_sum(packet + 20, len);
	return 20 + len;
}

static void check_example(const struct overlay_echo *got)
{
	assert_int_equal(got->id, example.id);
	assert_int_equal(got->seq, example.seq);
	assert_int_equal(got->size, example.size);
	assert_memory_equal(got->cookie, example.cookie, sizeof(got->cookie));
}

static void test_good_replies(void **state)
{
	struct overlay_echo got = { 0 };
	uint8_t packet[200], options[200];
	size_t len = reply4(packet);

	(void)state;
	assert_int_equal(len, 99);
	assert_int_equal(overlay_echo_parse(AF_INET, packet, len, &got), 0);
	check_example(&got);
	/* a header with options */
	memcpy(options, packet, 20);
	memset(options + 20, 1, 8);
	memcpy(options + 28, packet + 20, len - 20);
	options[0] = 0x47;
	options[3] = (uint8_t)(len + 8);
	assert_int_equal(overlay_echo_parse(AF_INET, options, len + 8, &got), 0);
	check_example(&got);
	len = overlay_echo_build(AF_INET6, &example, packet);
	assert_int_equal(packet[0], 128);
	assert_int_equal(len, 59);
	packet[0] = 129;
	assert_int_equal(overlay_echo_parse(AF_INET6, packet, len, &got), 0);
	check_example(&got);
}

static void refused4(const uint8_t *packet, size_t len)
{
	struct overlay_echo got = { .size = -5 };
	/* of its own size, so that reading beyond it is noticed */
	autofree uint8_t *copy = malloc(len ? len : 1);

	assert_non_null(copy);
	memcpy(copy, packet, len);
	assert_int_equal(overlay_echo_parse(AF_INET, copy, len, &got), -EBADMSG);
	assert_int_equal(got.size, -5);
}

static void test_hostile_replies(void **state)
{
	static const struct {
		int at, value;
	} changes[] = {
		{ 0, 0x65 },  /* another version */
		{ 0, 0x44 },  /* a header of 16 bytes */
		{ 0, 0x4f },  /* one that reaches into the message */
		{ 3, 98 },    /* shorter than it is */
		{ 3, 100 },   /* longer */
		{ 2, 0xff },  /* much longer */
		{ 9, 17 },    /* UDP */
		{ 20, 8 },    /* a request */
		{ 20, 3 },    /* unreachable */
		{ 21, 1 },    /* a code */
		{ 22, 0x5a }, /* checksum */
		{ 98, 1 },    /* content that is not what the checksum says */
	};
	uint8_t packet[200], other[200];
	size_t len = reply4(packet);

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(changes); i++) {
		memcpy(other, packet, len);
		other[changes[i].at] = (uint8_t)changes[i].value;
		refused4(other, len);
	}
	for (size_t n = 0; n < len; n++)
		refused4(packet, n);
	/* whole, but without room for a cookie */
	memcpy(other, packet, len);
	other[3] = 35;
	set_sum(other + 20, 15);
	refused4(other, 35);
	memset(other, 0xff, sizeof(other));
	refused4(other, sizeof(other));
}

static void test_hostile_replies6(void **state)
{
	struct overlay_echo got = { .size = -5 };
	uint8_t packet[200];
	size_t len = overlay_echo_build(AF_INET6, &example, packet);

	(void)state;
	assert_int_equal(overlay_echo_parse(AF_INET6, packet, len, &got), -EBADMSG);
	packet[0] = 129;
	for (size_t n = 0; n < 16; n++)
		assert_int_equal(overlay_echo_parse(AF_INET6, packet, n, &got), -EBADMSG);
	packet[1] = 1;
	assert_int_equal(overlay_echo_parse(AF_INET6, packet, len, &got), -EBADMSG);
	assert_int_equal(got.size, -5);
}

/* ---- a network ---- */

#define FLYING 4096

/* Nodes 10.5.I.0 and fd05:0:0:I::, with a path of their own each. */
struct net {
	int64_t now;
	int mtu[256];	  /* what the path carries; 0: nobody is there */
	int64_t rtt[256]; /* microseconds */
	int lose;	  /* every so many-th packet, 0: none */
	int blocked;	  /* so many packets are not taken */
	int refuse;	  /* errno of all */
	int n_sent, largest;
	struct flying {
		struct ip_addr from;
		struct overlay_echo echo;
		int64_t at;
	} flying[FLYING];
	size_t n;
};

static int number_of(const struct ip_addr *ip)
{
	return ip->family == AF_INET ? ip->b[2] : ip->b[7];
}

static int net_send(const struct ip_addr *to, const uint8_t *message, size_t len, void *arg)
{
	struct net *net = arg;
	int i = number_of(to), size = (int)len + (to->family == AF_INET ? 20 : 40);
	struct flying *f = &net->flying[net->n];

	if (net->refuse)
		return -net->refuse;
	if (net->blocked && net->blocked--)
		return -EAGAIN;
	net->n_sent++;
	if (size > net->largest)
		net->largest = size;
	if (size > net->mtu[i] || (net->lose && net->n_sent % net->lose == 0))
		return 0;
	assert_true(net->n < FLYING);
	*f = (struct flying){ .from = *to, .at = net->now + net->rtt[i] };
	f->echo.id = (uint16_t)(message[4] << 8 | message[5]);
	f->echo.seq = (uint16_t)(message[6] << 8 | message[7]);
	f->echo.size = size;
	memcpy(f->echo.cookie, message + 8, sizeof(f->echo.cookie));
	net->n++;
	return 0;
}

/* The next answer that has arrived by a time, taken out. */
static bool next_answer(struct net *net, int64_t until, struct flying *out)
{
	size_t first = 0;

	for (size_t i = 1; i < net->n; i++)
		if (net->flying[i].at < net->flying[first].at)
			first = i;
	if (net->n == 0 || net->flying[first].at > until)
		return false;
	*out = net->flying[first];
	memmove(&net->flying[first], &net->flying[first + 1],
		(net->n - first - 1) * sizeof(*net->flying));
	net->n--;
	return true;
}

static struct overlay_probe *begin(struct net *net, const struct overlay_probe_target *targets,
				   size_t n, int timeout_ms)
{
	struct overlay_probe_conf conf = { .from = { ip("10.5.1.0"), ip("fd05:0:0:1::") },
					   .device = { 7, 7 },
					   .timeout_ms = timeout_ms,
					   .send = net_send,
					   .arg = net };
	struct overlay_probe *p = NULL;

	net->now = 1000000;
	assert_int_equal(overlay_probe_start(&conf, targets, n, net->now, &p), 0);
	return p;
}

/* Play it to its end. Return: milliseconds that it took. */
static int play(struct net *net, struct overlay_probe *p)
{
	int64_t start = net->now;

	while (!overlay_probe_handle(p, net->now)) {
		int64_t until = net->now + 1000 * (int64_t)overlay_probe_wait(p, net->now);
		struct flying f;

		if (next_answer(net, until, &f)) {
			net->now = f.at > net->now ? f.at : net->now;
			assert_true(overlay_probe_take(p, net->now, &f.from, 7, &f.echo));
		} else {
			net->now = until > net->now ? until : net->now + 1;
		}
	}
	assert_int_equal(overlay_probe_wait(p, net->now), -1);
	return (int)((net->now - start) / 1000);
}

static struct overlay_probe_target target(int i, int family, int mtu)
{
	struct overlay_probe_target t = { .mtu = mtu };
	char text[40];

	snprintf(text, sizeof(text), family == AF_INET ? "10.5.%d.0" : "fd05:0:0:%x::", i);
	t.to = ip(text);
	return t;
}

static void expect(const struct overlay_probe *p, size_t i, int mtu, int rtt)
{
	const struct overlay_probe_result *r = overlay_probe_result(p, i);

	assert_true(r->reachable);
	assert_true(r->exact);
	assert_int_equal(r->mtu, mtu);
	assert_int_equal(r->rtt_us, rtt);
	assert_int_equal(r->error, 0);
}

static void test_all_well(void **state)
{
	struct overlay_probe_target targets[] = { target(2, AF_INET, 1450),
						  target(3, AF_INET, 1450),
						  target(2, AF_INET6, 1430) };
	struct net net = { .mtu = { [2] = 1450, [3] = 9000 }, .rtt = { [2] = 300, [3] = 700 } };
	struct overlay_probe *p = begin(&net, targets, 3, 1000);

	(void)state;
	assert_true(play(&net, p) < 10);
	expect(p, 0, 1450, 300);
	expect(p, 1, 1450, 700);
	expect(p, 2, 1430, 300);
	assert_int_equal(net.largest, 1450);
	overlay_probe_free(p);
}

/* Whatever the path carries, it is found to the byte. */
static void test_small_paths(void **state)
{
	struct net net = { 0 };

	(void)state;
	for (int mtu = 84; mtu <= 1450; mtu += mtu % 7 + 1) {
		struct overlay_probe_target t = target(2, AF_INET, 1450);
		struct overlay_probe *p;

		net = (struct net){ .mtu = { [2] = mtu }, .rtt = { [2] = 20000 } };
		p = begin(&net, &t, 1, 1000);
		assert_true(play(&net, p) < 1000);
		expect(p, 0, mtu, 20000);
		overlay_probe_free(p);
	}
}

static void test_nobody(void **state)
{
	struct overlay_probe_target targets[] = { target(2, AF_INET, 1450),
						  target(3, AF_INET, 1450) };
	struct net net = { .mtu = { [2] = 1450 }, .rtt = { [2] = 300 } };
	struct overlay_probe *p = begin(&net, targets, 2, 1000);

	(void)state;
	assert_in_range(play(&net, p), 999, 1001);
	expect(p, 0, 1450, 300);
	assert_false(overlay_probe_result(p, 1)->reachable);
	assert_int_equal(overlay_probe_result(p, 1)->mtu, 0);
	assert_int_equal(net.n_sent, 1 + 2 + 5);
	overlay_probe_free(p);
}

static void test_errors(void **state)
{
	struct overlay_probe_target targets[] = { target(2, AF_INET, 1450), target(3, AF_INET, 0) };
	struct net net = { .mtu = { [2] = 1450, [3] = 1450 }, .refuse = ENETUNREACH };
	struct overlay_probe *p = begin(&net, targets, 2, 200);

	(void)state;
	play(&net, p);
	assert_false(overlay_probe_result(p, 0)->reachable);
	assert_int_equal(overlay_probe_result(p, 0)->error, -ENETUNREACH);
	overlay_probe_free(p);
	/* a queue that is full for a while */
	net = (struct net){ .mtu = { [2] = 1450, [3] = 1450 }, .blocked = 3 };
	p = begin(&net, targets, 2, 1000);
	assert_true(play(&net, p) < 50);
	expect(p, 0, 1450, 1);
	assert_true(overlay_probe_result(p, 1)->reachable);
	assert_int_equal(overlay_probe_result(p, 1)->mtu, 0);
	overlay_probe_free(p);
}

/* Every fifth packet is lost: of two in a row, one gets through. */
static void test_loss(void **state)
{
	struct overlay_probe_target targets[] = { target(2, AF_INET, 1450),
						  target(3, AF_INET, 1450) };
	struct net net = { .mtu = { [2] = 1450, [3] = 1350 },
			   .rtt = { [2] = 900, [3] = 900 },
			   .lose = 5 };
	struct overlay_probe *p = begin(&net, targets, 2, 1000);

	(void)state;
	play(&net, p);
	expect(p, 0, 1450, 900);
	expect(p, 1, 1350, 900);
	overlay_probe_free(p);
}

/* Answers that come later than they are waited for are not lost. */
static void test_late(void **state)
{
	struct overlay_probe_target t = target(2, AF_INET, 1450);
	struct net net = { .mtu = { [2] = 1450 }, .rtt = { [2] = 200 } };
	struct overlay_probe *p = begin(&net, &t, 1, 1000);
	struct flying f;

	(void)state;
	assert_false(overlay_probe_handle(p, net.now));
	assert_true(next_answer(&net, net.now + 200, &f));
	net.now += 200;
	assert_true(overlay_probe_take(p, net.now, &f.from, 7, &f.echo));
	net.rtt[2] = 320000;
	play(&net, p);
	expect(p, 0, 1450, 200);
	overlay_probe_free(p);
}

static void test_strangers(void **state)
{
	struct overlay_probe_target targets[] = { target(2, AF_INET, 1450),
						  target(3, AF_INET, 1450) };
	struct net net = { .mtu = { [2] = 1450, [3] = 1450 } };
	struct overlay_probe *p = begin(&net, targets, 2, 1000);
	struct ip_addr other = ip("10.5.9.0");
	struct flying f[2];
	struct overlay_echo e;

	(void)state;
	assert_false(overlay_probe_handle(p, net.now));
	assert_true(next_answer(&net, net.now, &f[0]));
	assert_true(next_answer(&net, net.now, &f[1]));
	assert_false(overlay_probe_take(p, net.now, &other, 7, &f[0].echo));
	assert_false(overlay_probe_take(p, net.now, &f[0].from, 8, &f[0].echo));
	/* what one node was sent, in the name of the other */
	assert_false(overlay_probe_take(p, net.now, &f[0].from, 7, &f[1].echo));
	e = f[0].echo;
	e.id ^= 1;
	assert_false(overlay_probe_take(p, net.now, &f[0].from, 7, &e));
	e = f[0].echo;
	e.seq++;
	assert_false(overlay_probe_take(p, net.now, &f[0].from, 7, &e));
	e = f[0].echo;
	e.size++;
	assert_false(overlay_probe_take(p, net.now, &f[0].from, 7, &e));
	e = f[0].echo;
	e.cookie[7] ^= 1;
	assert_false(overlay_probe_take(p, net.now, &f[0].from, 7, &e));
	assert_false(overlay_probe_result(p, 0)->reachable);
	assert_true(overlay_probe_take(p, net.now, &f[0].from, 7, &f[0].echo));
	/* and not twice */
	assert_false(overlay_probe_take(p, net.now, &f[0].from, 7, &f[0].echo));
	overlay_probe_free(p);
}

static void test_many(void **state)
{
	struct overlay_probe_target targets[254];
	struct net net = { 0 };
	struct overlay_probe *p;

	(void)state;
	for (int i = 0; i < 254; i++) {
		/* in no order */
		int k = (i * 101) % 254 + 1;

		targets[i] = target(k, i % 2 ? AF_INET6 : AF_INET, 1450);
		net.mtu[k] = 1450;
		net.rtt[k] = 100 + k;
	}
	p = begin(&net, targets, 254, 1000);
	assert_true(play(&net, p) < 50);
	for (int i = 0; i < 254; i++)
		expect(p, (size_t)i, 1450, 100 + number_of(&targets[i].to));
	overlay_probe_free(p);
	p = begin(&net, NULL, 0, 1000);
	assert_true(overlay_probe_handle(p, net.now));
	overlay_probe_free(p);
	overlay_probe_free(NULL);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_good_replies),
		cmocka_unit_test(test_hostile_replies),
		cmocka_unit_test(test_hostile_replies6),
		cmocka_unit_test(test_all_well),
		cmocka_unit_test(test_small_paths),
		cmocka_unit_test(test_nobody),
		cmocka_unit_test(test_errors),
		cmocka_unit_test(test_loss),
		cmocka_unit_test(test_late),
		cmocka_unit_test(test_strangers),
		cmocka_unit_test(test_many),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
