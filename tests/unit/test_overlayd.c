/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Tests of hawser-overlayd's parts that need no kernel: who is held, the snapshot, what is known of
 * peers, the server. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "tests/unit/private.h"
#include "tools/overlayd/hold.h"
#include "tools/overlayd/network.h"
#include "tools/overlayd/server.h"
#include "tools/overlayd/snapshot.h"
#include "tools/overlayd/status.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

/* The same sequence in every run. */
static uint32_t seed = 1;
static uint32_t any(uint32_t n)
{
	seed = seed * 1664525 + 1013904223;
	return (seed >> 8) % n;
}

/* ---- views ---- */

static struct overlay_peer peer_of(unsigned int i, int leg)
{
	struct overlay_peer p = { .mac = { 2, (uint8_t)leg, 0, 0, (uint8_t)(i >> 8), (uint8_t)i } };
	char text[64];

	snprintf(p.node, sizeof(p.node), "n%u", i);
	snprintf(text, sizeof(text), leg ? "2001:db8:1::%x" : "192.0.2.%u", i);
	assert_int_equal(ip_parse(text, &p.vtep), 0);
	snprintf(text, sizeof(text), leg ? "fd00:5:0:%x::/64" : "10.5.%u.0/24", i);
	assert_int_equal(ip_net_parse(text, &p.subnet[leg]), 0);
	return p;
}

static void add_peer(struct store_view *view, int leg, const struct overlay_peer *p)
{
	struct overlay_peers *peers = &view->leg[leg].peers;

	peers->p = realloc(peers->p, (peers->n + 1) * sizeof(*peers->p));
	assert_non_null(peers->p);
	peers->p[peers->n++] = *p;
}

/* Node 1 and the peers @from to @to, on the legs of the set @legs. */
static struct store_view *view_of(unsigned int from, unsigned int to, int legs)
{
	struct store_view *view = calloc(1, sizeof(*view));

	assert_non_null(view);
	view->network = (struct store_network){ .vni = 42, .port = 4789 };
	assert_int_equal(ip_net_parse("10.5.0.0/16", &view->network.net[0]), 0);
	assert_int_equal(ip_net_parse("fd00:5::/48", &view->network.net[1]), 0);
	for (int leg = 0; leg < 2; leg++) {
		struct overlay_peer own = peer_of(1, leg);

		if (!(legs & 1 << leg))
			continue;
		view->leg[leg].local = own.vtep;
		memcpy(view->leg[leg].mac, own.mac, sizeof(own.mac));
		view->subnet[leg] = own.subnet[leg];
		for (unsigned int i = from; i <= to; i++) {
			own = peer_of(i, leg);
			add_peer(view, leg, &own);
		}
	}
	return view;
}

/* ---- hold ---- */

/* A store's life as the agent sees it. */
struct life {
	struct hold hold;
	struct store_view *view;
	time_t now;
};

static size_t see(struct life *life, struct store_view *view)
{
	size_t held = hold_apply(&life->hold, life->view, view, life->now);

	store_view_free(life->view);
	life->view = view;
	return held;
}

static size_t count(const struct life *life)
{
	return life->view->leg[0].peers.n;
}

static bool has(const struct life *life, unsigned int i)
{
	struct overlay_peer p = peer_of(i, 0);

	for (size_t k = 0; k < count(life); k++)
		if (strcmp(life->view->leg[0].peers.p[k].node, p.node) == 0)
			return true;
	return false;
}

static void end(struct life *life)
{
	store_view_free(life->view);
	hold_free(&life->hold);
	*life = (struct life){ .now = 1000000 };
}

static void test_hold_few(void **state)
{
	struct life life = { .now = 1000000 };

	(void)state;
	assert_int_equal(see(&life, view_of(2, 11, 1)), 0);
	assert_int_equal(see(&life, view_of(2, 6, 1)), 0); /* five of ten are not more than half */
	assert_int_equal(count(&life), 5);
	end(&life);
	assert_int_equal(see(&life, view_of(2, 2, 1)), 0);
	assert_int_equal(see(&life, view_of(2, 1, 1)), 0); /* one is a matter of course */
	assert_int_equal(count(&life), 0);
	end(&life);
}

static void test_hold_most(void **state)
{
	struct life life = { .now = 1000000 };

	(void)state;
	see(&life, view_of(2, 11, 1));
	assert_int_equal(see(&life, view_of(2, 5, 1)), 6);
	assert_int_equal(count(&life), 10);
	life.now += 30 * 86400;
	assert_int_equal(see(&life, view_of(2, 5, 1)), 6); /* for as long as it takes */
	/* they come back one by one */
	assert_int_equal(see(&life, view_of(2, 6, 1)), 5);
	assert_int_equal(see(&life, view_of(2, 9, 1)), 2);
	assert_int_equal(count(&life), 10);
	assert_int_equal(see(&life, view_of(2, 11, 1)), 0);
	assert_int_equal(count(&life), 10);
	assert_int_equal(life.hold.n, 0);
	end(&life);

	/* emptied; two of them never come back */
	see(&life, view_of(2, 11, 1));
	assert_int_equal(see(&life, view_of(2, 1, 1)), 10);
	life.now += 10 * HOLD_WINDOW;
	assert_int_equal(see(&life, view_of(2, 9, 1)), 2);
	assert_int_equal(life.hold.over, life.now + HOLD_WINDOW);
	life.now += HOLD_WINDOW - 1;
	assert_int_equal(see(&life, view_of(2, 9, 1)), 2);
	life.now += 1;
	assert_int_equal(see(&life, view_of(2, 9, 1)), 0);
	assert_int_equal(count(&life), 8);
	assert_int_equal(life.hold.over, 0);
	end(&life);
}

static void test_hold_window(void **state)
{
	struct life life = { .now = 1000000 };

	(void)state;
	see(&life, view_of(2, 11, 1));
	assert_int_equal(see(&life, view_of(2, 8, 1)), 0);
	life.now += HOLD_WINDOW - 1;
	/* six of ten within the window: the last three are held, those obeyed stay away */
	assert_int_equal(see(&life, view_of(2, 5, 1)), 3);
	assert_int_equal(count(&life), 7);
	assert_true(has(&life, 8) && !has(&life, 9));
	end(&life);

	see(&life, view_of(2, 11, 1));
	see(&life, view_of(2, 8, 1));
	life.now += HOLD_WINDOW + 1;
	assert_int_equal(see(&life, view_of(2, 5, 1)), 0); /* three are forgotten */
	assert_int_equal(count(&life), 4);
	end(&life);
}

/* Somebody else has what a held one had. */
static void test_hold_replaced(void **state)
{
	struct life life = { .now = 1000000 };
	struct overlay_peer p;
	struct store_view *view;

	(void)state;
	for (int what = 0; what < 4; what++) {
		see(&life, view_of(2, 11, 1));
		assert_int_equal(see(&life, view_of(2, 5, 1)), 6);
		view = view_of(2, 5, 1);
		p = peer_of(99, 0);
		if (what == 0)
			p.vtep = peer_of(9, 0).vtep;
		if (what == 1)
			p.subnet[0] = peer_of(9, 0).subnet[0];
		if (what == 2)
			memcpy(p.mac, peer_of(9, 0).mac, sizeof(p.mac));
		if (what == 3) /* this node itself moves there */
			view->subnet[0] = peer_of(9, 0).subnet[0];
		else
			add_peer(view, 0, &p);
		assert_int_equal(see(&life, view), 5);
		assert_false(has(&life, 9) && what != 1);
		end(&life);
	}
}

static void test_hold_two_legs(void **state)
{
	struct life life = { .now = 1000000 };

	(void)state;
	see(&life, view_of(2, 11, 3));
	assert_int_equal(see(&life, view_of(2, 4, 3)), 14);
	assert_int_equal(life.view->leg[0].peers.n, 10);
	assert_int_equal(life.view->leg[1].peers.n, 10);
	assert_int_equal(life.view->leg[1].peers.p[9].vtep.family, AF_INET6);
	end(&life);
	/* a node is one, however many devices it has */
	see(&life, view_of(2, 2, 3));
	assert_int_equal(see(&life, view_of(2, 1, 3)), 0);
	end(&life);
}

/* Nobody saw them leave: a store that was away. */
static void test_hold_gap(void **state)
{
	struct life life = { .now = 1000000 };
	struct store_view *view = view_of(2, 10, 1);

	(void)state;
	see(&life, view_of(2, 11, 1));
	view->gap = true;
	assert_int_equal(see(&life, view), 1);
	assert_int_equal(see(&life, view_of(2, 9, 1)), 1); /* this one was seen */
	assert_true(has(&life, 11) && !has(&life, 10));
	life.now += HOLD_WINDOW;
	assert_int_equal(see(&life, view_of(2, 9, 1)), 0);
	end(&life);
}

static void test_hold_since(void **state)
{
	struct life life = { .now = 1000000 };

	(void)state;
	see(&life, view_of(2, 4, 1));
	life.now += 10;
	see(&life, view_of(2, 5, 1));
	assert_int_equal(life.view->leg[0].peers.p[0].since, 1000000);
	assert_int_equal(life.view->leg[0].peers.p[3].since, 1000010);
	end(&life);
}

/* Whatever a store does, nobody is there twice, and what is said to be held is there. */
static void test_hold_any(void **state)
{
	struct life life = { .now = 1000000 };

	(void)state;
	for (int round = 0; round < 3000; round++) {
		struct store_view *view = view_of(2, 1, 3);
		bool given[2][64] = { 0 };
		uint32_t share = 1 + any(8);
		size_t n = 0, held;

		for (int leg = 0; leg < 2; leg++)
			for (unsigned int i = 2; i < 40; i++) {
				struct overlay_peer p = peer_of(i, leg);

				if (any(8) >= share)
					continue;
				add_peer(view, leg, &p);
				n++;
			}
		life.now += any(300);
		held = see(&life, view);
		assert_int_equal(view->leg[0].peers.n + view->leg[1].peers.n, n + held);
		for (int leg = 0; leg < 2; leg++)
			for (size_t i = 0; i < view->leg[leg].peers.n; i++) {
				int at = atoi(view->leg[leg].peers.p[i].node + 1);

				assert_false(given[leg][at]);
				given[leg][at] = true;
			}
	}
	end(&life);
}

/* ---- snapshot ---- */

static char *slurp(const char *path, size_t *size)
{
	FILE *f = fopen(path, "r");
	char *text = calloc(1, 1 << 16);

	assert_non_null(f);
	assert_non_null(text);
	*size = fread(text, 1, (1 << 16) - 1, f);
	fclose(f);
	return text;
}

static void spill(const char *path, const char *text, size_t size)
{
	FILE *f = fopen(path, "w");

	assert_non_null(f);
	assert_int_equal(fwrite(text, 1, size, f), size);
	fclose(f);
}

#define FILE_OF_NET SNAPSHOT_DIR "/net.json"

static void quiet(bool on)
{

	static int kept = -1;
	int null;

	if (on) {
		kept = dup(2);
		null = open("/dev/null", O_WRONLY);
		dup2(null, 2);
		close(null);
	} else {
		dup2(kept, 2);
		close(kept);
	}
}

static void test_snapshot(void **state)
{
	struct store_view *view = view_of(2, 9, 3), *got;

	(void)state;
	view->network.mtu = 1400;
	view->network.direct = true;
	view->at = 1700000000;
	assert_int_equal(snapshot_write("net", "n1", view), 0);
	got = snapshot_read("net", "n1");
	assert_non_null(got);
	assert_false(got->from_store);
	assert_int_equal(got->at, view->at);
	assert_memory_equal(&got->network, &view->network, sizeof(got->network));
	assert_memory_equal(got->subnet, view->subnet, sizeof(got->subnet));
	for (int leg = 0; leg < 2; leg++) {
		assert_true(ip_equal(&got->leg[leg].local, &view->leg[leg].local));
		assert_memory_equal(got->leg[leg].mac, view->leg[leg].mac, 6);
		assert_int_equal(got->leg[leg].peers.n, 8);
		assert_string_equal(got->leg[leg].peers.p[7].node, "n9");
		assert_memory_equal(got->leg[leg].peers.p[7].mac, view->leg[leg].peers.p[7].mac, 6);
	}
	store_view_free(got);
	quiet(true);
	assert_null(snapshot_read("net", "n2"));
	quiet(false);
	assert_null(snapshot_read("other", "n1"));
	assert_int_equal(snapshot_remove("net"), 0);
	assert_int_equal(snapshot_remove("net"), 0);
	assert_null(snapshot_read("net", "n1"));
	store_view_free(view);
}

/* Peers that a snapshot cannot have: their records are refused, the others are used. */
static void test_snapshot_hostile(void **state)
{
	static const char text[] =
		"{\"network\":\"net\",\"node\":\"n1\",\"at\":1,\"vni\":42,\"port\":4789,\"mtu\":0,"
		"\"direct\":false,\"networks\":[\"10.5.0.0/16\"],\"subnets\":[\"10.5.1.0/24\"],"
		"\"legs\":[{\"local\":\"192.0.2.1\",\"mac\":\"02:00:00:00:00:01\",\"peers\":["
		"{\"node\":\"a\",\"vtep\":\"192.0.2.2\",\"mac\":\"02:00:00:00:00:02\",\"subnet\":["
		"\"10.5.2.0/24\"]},"
		"{\"node\":\"b\",\"vtep\":\"192.0.2.3\",\"mac\":\"03:00:00:00:00:02\",\"subnet\":["
		"\"10.5.3.0/24\"]},"
		"{\"node\":\"c\",\"vtep\":\"192.0.2.4\",\"mac\":\"02:00:00:00:00:04\",\"subnet\":["
		"\"10.6.4.0/24\"]},"
		"{\"node\":\"d/../e\",\"vtep\":\"192.0.2.5\",\"subnet\":[\"10.5.5.0/"
		"24\"]},7,null]}]}";
	struct store_view *view;

	(void)state;
	mkdir(SNAPSHOT_DIR, 0755);
	spill(FILE_OF_NET, text, strlen(text));
	quiet(true);
	view = snapshot_read("net", "n1");
	quiet(false);
	assert_non_null(view);
	assert_int_equal(view->leg[0].peers.n, 1);
	assert_string_equal(view->leg[0].peers.p[0].node, "a");
	store_view_free(view);
}

/* Cut off anywhere, and with bytes changed: never used in part, and no crash. */
static void test_snapshot_damaged(void **state)
{
	struct store_view *view = view_of(2, 4, 3);
	size_t size;
	char *text;

	(void)state;
	assert_int_equal(snapshot_write("net", "n1", view), 0);
	store_view_free(view);
	text = slurp(FILE_OF_NET, &size);
	quiet(true);
	/* the last byte ends the line */
	for (size_t n = 0; n + 1 < size; n++) {
		spill(FILE_OF_NET, text, n);
		assert_null(snapshot_read("net", "n1"));
	}
	for (int round = 0; round < 4000; round++) {
		size_t at = any((uint32_t)size);
		char was = text[at];

		text[at] = "\"{}[],:0-9./nul\\\x80\x01"[any(18)];
		spill(FILE_OF_NET, text, size);
		store_view_free(snapshot_read("net", "n1"));
		text[at] = was;
	}
	quiet(false);
	free(text);
	snapshot_remove("net");
}

/* ---- probes ---- */

/* A network whose peers were asked: node i answered after i microseconds, if it is odd. */
static struct network *asked(unsigned int to, int legs)
{
	struct network *n = calloc(1, sizeof(*n));

	assert_non_null(n);
	strcpy(n->conf.network, "blue");
	n->view = view_of(2, to, legs);
	probe_view(&n->probe, NULL, n->view);
	for (int leg = 0; leg < 2; leg++)
		for (size_t k = 0; k < n->view->leg[leg].peers.n; k++)
			n->probe.leg[leg].peer[k] = (struct probe_peer){ .at = 1000,
									 .reachable = (k + 2) % 2,
									 .rtt_us = (int)k + 2 };
	return n;
}

static void forget(struct network *n)
{
	probe_free(&n->probe);
	store_view_free(n->view);
	free(n);
}

/* What is known follows the peers: some gone, a new one, all in another order. */
static void test_probe_follows(void **state)
{
	struct network *n = asked(6, 3);
	struct store_view *view = view_of(7, 7, 3);
	struct probe_count count;

	(void)state;
	for (unsigned int i = 5; i >= 3; i--)
		for (int leg = 0; leg < 2; leg++) {
			struct overlay_peer p = peer_of(i, leg);

			add_peer(view, leg, &p);
		}
	probe_view(&n->probe, n->view, view);
	store_view_free(n->view);
	n->view = view;
	for (int leg = 0; leg < 2; leg++) {
		assert_null(probe_of(n, leg, 0));
		for (size_t k = 1; k < 4; k++)
			assert_int_equal(probe_of(n, leg, k)->rtt_us, 6 - k);
		assert_null(probe_of(n, leg, 4));
	}
	count = probe_count(n);
	assert_int_equal(count.reachable, 4);
	assert_int_equal(count.unreachable, 2);
	/* the view may lose those at its end */
	n->view->leg[0].peers.n = 1;
	assert_int_equal(probe_count(n).reachable, 2);
	forget(n);
}

/* Each node once, however many records it has, and none of a large network. */
static void test_probe_metrics(void **state)
{
	struct network *n = asked(4, 3);
	struct overlay_peer more;
	char *text;

	(void)state;
	/* on one device only; by its VTEP; not asked */
	n->probe.leg[1].peer[1].reachable = false;
	n->view->leg[0].peers.p[2].node[0] = '\0';
	n->probe.leg[1].peer[2].at = 0;
	text = status_metrics(n, 0);
	assert_non_null(strstr(text, "peer_up{network=\"blue\",node=\"n2\"} 0\n"));
	assert_non_null(strstr(text, "peer_up{network=\"blue\",node=\"n3\"} 0\n"));
	assert_non_null(strstr(text, "peer_up{network=\"blue\",node=\"192.0.2.4\"} 0\n"));
	assert_null(strstr(text, "n4"));
	assert_null(strstr(text, "peer_rtt_seconds{"));
	free(text);
	n->probe.leg[1].peer[1].reachable = true;
	n->probe.leg[1].peer[1].rtt_us = 1;
	text = status_metrics(n, 0);
	assert_non_null(strstr(text, "peer_up{network=\"blue\",node=\"n3\"} 1\n"));
	assert_non_null(strstr(text, "peer_rtt_seconds{network=\"blue\",node=\"n3\"} 0.000001\n"));
	free(text);
	forget(n);
	n = asked(251, 3);
	text = status_metrics(n, 0);
	assert_non_null(strstr(text, "node=\"n251\""));
	free(text);
	more = peer_of(252, 0);
	add_peer(n->view, 0, &more);
	text = status_metrics(n, 0);
	assert_null(strstr(text, "node="));
	assert_non_null(strstr(text, "peers_reachable{network=\"blue\"} 250\n"));
	free(text);
	forget(n);
}

/* ---- the server ---- */

static struct server server;
static uint64_t clock_ms;
static char socket_path[80];
static size_t answer_size;
static bool was_local;

/* server_fn */
static struct server_answer give(const char *method, const char *path, bool local, void *arg)
{
	struct server_answer a = { 404, "text/plain", NULL };

	(void)arg;
	was_local = local;
	if (strcmp(method, "GET") != 0)
		a.status = 405;
	if (strcmp(method, "GET") != 0 || strcmp(path, "/here") != 0)
		return a;
	a.status = 200;
	a.text = malloc(answer_size + 1);
	assert_non_null(a.text);
	memset(a.text, 'x', answer_size);
	a.text[answer_size] = '\0';
	return a;
}

static int start(void **state)
{
	struct cni_err err = { 0 };

	(void)state;
	answer_size = 3;
	snprintf(socket_path, sizeof(socket_path), "/tmp/test_overlayd.%d", (int)getpid());
	return server_open(&server, socket_path, "127.0.0.1:29476", give, NULL, &err);
}

static int stop(void **state)
{
	(void)state;
	server_close(&server, socket_path);
	return access(socket_path, F_OK) == 0;
}

/* Let it do what it can at present. */
static void pump(void)
{
	struct pollfd fds[SERVER_FDS];

	for (int i = 0; i < 64; i++) {
		int n = server_fds(&server, fds);

		if (poll(fds, (nfds_t)n, 0) <= 0)
			fds[0].revents = fds[1].revents = 0;
		server_handle(&server, fds, n, clock_ms);
	}
}

static int dial(bool tcp)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(29476) };
	struct sockaddr_un un = { .sun_family = AF_UNIX };
	int fd = socket(tcp ? AF_INET : AF_UNIX, SOCK_STREAM, 0);

	inet_pton(AF_INET, "127.0.0.1", &in.sin_addr);
	snprintf(un.sun_path, sizeof(un.sun_path), "%s", socket_path);
	assert_int_equal(tcp ? connect(fd, (struct sockaddr *)&in, sizeof(in))
			     : connect(fd, (struct sockaddr *)&un, sizeof(un)),
			 0);
	fcntl(fd, F_SETFL, O_NONBLOCK);
	pump();
	return fd;
}

static void say(int fd, const char *text, size_t size)
{
	send(fd, text, size, MSG_NOSIGNAL);
	pump();
}

static bool is_open(int fd)
{
	char byte;

	return recv(fd, &byte, 1, MSG_PEEK) < 0 && errno == EAGAIN;
}

/* What comes until it is closed. */
static size_t hear(int fd, char *buf, size_t size)
{
	struct pollfd ready = { fd, POLLIN, 0 };
	size_t n = 0;

	for (int idle = 0; idle < 500; pump()) {
		ssize_t r = recv(fd, buf + n, size - 1 - n, 0);

		if (r < 0 && errno == EAGAIN)
			idle += poll(&ready, 1, 10) == 0;
		else if (r <= 0)
			break;
		else
			n += (size_t)r;
	}
	assert_false(is_open(fd));
	buf[n] = '\0';
	return n;
}

static int status_of(const char *request, size_t size, bool tcp)
{
	int fd = dial(tcp), status = 0;
	char buf[4096];

	say(fd, request, size);
	shutdown(fd, SHUT_WR);
	pump();
	if (hear(fd, buf, sizeof(buf)) > 0)
		assert_int_equal(sscanf(buf, "HTTP/1.1 %d ", &status), 1);
	close(fd);
	pump();
	return status;
}

#define STATUS(text) status_of(text, sizeof(text) - 1, false)

static void test_server(void **state)
{
	char buf[4096];
	int fd = dial(false);

	(void)state;
	say(fd, "GET /here HTTP/1.1\r\nHost: x\r\n\r\n", 31);
	assert_true(hear(fd, buf, sizeof(buf)) > 0);
	assert_string_equal(buf,
			    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 3\r\n"
			    "Connection: close\r\n\r\nxxx");
	close(fd);
	assert_true(was_local);
	assert_int_equal(status_of("GET /here HTTP/1.1\r\n\r\n", 22, true), 200);
	assert_false(was_local);
	assert_int_equal(STATUS("GET /there HTTP/1.1\r\n\r\n"), 404);
	assert_int_equal(STATUS("GET /here HTTP/1.0\r\n\r\n"), 200);
	assert_int_equal(STATUS("GET /here HTTP/1.0\n\n"), 200);
	assert_int_equal(STATUS("POST /here HTTP/1.1\r\n\r\n"), 405);
}

static void test_server_bad(void **state)
{
	char text[4096];

	(void)state;
	assert_int_equal(STATUS("GET /here\r\n\r\n"), 400);
	assert_int_equal(STATUS("GET /here HTTP/2.0\r\n\r\n"), 400);
	assert_int_equal(STATUS("GET /here HTTP/1.1x\r\n\r\n"), 400);
	assert_int_equal(STATUS("get /here HTTP/1.1\r\n\r\n"), 400);
	assert_int_equal(STATUS("GETGETGETGET /here HTTP/1.1\r\n\r\n"), 400);
	assert_int_equal(STATUS("\r\n\r\n"), 400);
	assert_int_equal(STATUS("\x16\x03\x01\x02\r\n\r\n"), 400); /* TLS */
	assert_int_equal(STATUS("GET /here\0 HTTP/1.1\r\n\r\n"), 0);
	/* longer than a path may be, and longer than a request may be */
	memset(text, 'a', sizeof(text));
	memcpy(text, "GET /", 5);
	memcpy(text + 600, " HTTP/1.1\r\n\r\n", 13);
	assert_int_equal(status_of(text, 613, false), 400);
	memset(text + 600, 'a', 13);
	assert_int_equal(status_of(text, sizeof(text), false), 0);
	assert_int_equal(STATUS("GET /here HTTP/1.1\r\n\r\n"), 200);
}

/* One byte at a time, and one that never ends. */
static void test_server_slow(void **state)
{
	static const char request[] = "GET /here HTTP/1.1\r\n\r\n";
	char buf[256];
	int fd = dial(false);

	(void)state;
	for (size_t i = 0; i < sizeof(request) - 1; i++) {
		assert_true(is_open(fd));
		say(fd, request + i, 1);
	}
	assert_true(hear(fd, buf, sizeof(buf)) > 0);
	close(fd);

	fd = dial(false);
	say(fd, request, 5);
	clock_ms += 4900;
	pump();
	assert_true(is_open(fd));
	clock_ms += 200;
	pump();
	assert_int_equal(hear(fd, buf, sizeof(buf)), 0);
	close(fd);
}

/* An answer larger than the socket takes at once arrives whole; who does not read it is left. */
static void test_server_large(void **state)
{
	static char buf[4 << 20];
	int fd = dial(true);
	size_t n;

	(void)state;
	answer_size = 3 << 20;
	say(fd, "GET /here HTTP/1.1\r\n\r\n", 22);
	n = hear(fd, buf, sizeof(buf));
	assert_int_equal(n, strstr(buf, "\r\n\r\n") + 4 - buf + answer_size);
	close(fd);
	fd = dial(true);
	say(fd, "GET /here HTTP/1.1\r\n\r\n", 22);
	close(fd); /* in the middle of it */
	pump();
	fd = dial(true);
	say(fd, "GET /here HTTP/1.1\r\n\r\n", 22);
	clock_ms += 6000;
	pump();
	for (int i = 0; i < SERVER_CLIENTS; i++)
		assert_int_equal(server.client[i].fd, -1);
	close(fd);
	answer_size = 3;
}

static void test_server_many(void **state)
{
	int fd[60];

	(void)state;
	for (int i = 0; i < 30; i++)
		fd[i] = dial(true);
	assert_int_equal(STATUS("GET /here HTTP/1.1\r\n\r\n"),
			 200); /* the local one gets through */
	for (int i = 30; i < 60; i++)
		fd[i] = dial(false);
	for (int i = 0; i < 60; i++)
		close(fd[i]);
	pump();
	assert_int_equal(STATUS("GET /here HTTP/1.1\r\n\r\n"), 200);
	assert_int_equal(status_of("GET /here HTTP/1.1\r\n\r\n", 22, true), 200);
}

static void test_server_any(void **state)
{
	static const char *const words[] = { "GET ",	 "POST ", "/here",  " ",
					     "HTTP/1.1", "\r\n",  "\n",	    "\r\n\r\n",
					     "%s%n",	 "\xff",  "Host: a" };
	char text[2600];

	(void)state;
	for (int round = 0; round < 1500; round++) {
		size_t n = 0;

		for (uint32_t i = any(20); i > 0; i--) {
			const char *word = words[any(11)];

			memcpy(text + n, word, strlen(word));
			n += strlen(word);
			if (any(10) == 0)
				text[n++] = (char)any(256);
			if (n < 1200 && any(40) == 0) {
				memset(text + n, 'b', 1000);
				n += 1000;
			}
		}
		status_of(text, n, round & 1);
	}
	assert_int_equal(STATUS("GET /here HTTP/1.1\r\n\r\n"), 200);
}

static void test_server_address(void **state)
{
	static const char *const bad[] = { "",
					   "9476",
					   "127.0.0.1",
					   "127.0.0.1:",
					   "127.0.0.1:0",
					   ":9476",
					   "127.0.0.1:65536",
					   "localhost:80",
					   "[::1:9476",
					   "127.0.0.1:80x" };

	(void)state;
	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++) {
		struct cni_err err = { 0 };
		struct server other;
		int r = server_open(&other, "/tmp/test_overlayd.other", bad[i], give, NULL, &err);

		assert_true(r < 0);
		assert_int_equal(err.code, CNI_E_CONF);
		assert_non_null(strstr(err.msg, "--metrics"));
		server_close(&other, "/tmp/test_overlayd.other");
	}
	for (int v6 = 0; v6 < 2; v6++) {
		struct cni_err err = { 0 };
		struct server other;

		assert_int_equal(server_open(&other, "/tmp/test_overlayd.other",
					     v6 ? "[::1]:29477" : "127.0.0.1:29477", give, NULL,
					     &err),
				 0);
		server_close(&other, "/tmp/test_overlayd.other");
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_hold_few),
		cmocka_unit_test(test_hold_most),
		cmocka_unit_test(test_hold_window),
		cmocka_unit_test(test_hold_replaced),
		cmocka_unit_test(test_hold_two_legs),
		cmocka_unit_test(test_hold_gap),
		cmocka_unit_test(test_hold_since),
		cmocka_unit_test(test_hold_any),
		cmocka_unit_test(test_snapshot),
		cmocka_unit_test(test_snapshot_hostile),
		cmocka_unit_test(test_snapshot_damaged),
		cmocka_unit_test(test_probe_follows),
		cmocka_unit_test(test_probe_metrics),
		cmocka_unit_test_setup_teardown(test_server, start, stop),
		cmocka_unit_test_setup_teardown(test_server_bad, start, stop),
		cmocka_unit_test_setup_teardown(test_server_slow, start, stop),
		cmocka_unit_test_setup_teardown(test_server_large, start, stop),
		cmocka_unit_test_setup_teardown(test_server_many, start, stop),
		cmocka_unit_test_setup_teardown(test_server_any, start, stop),
		cmocka_unit_test(test_server_address),
	};

	return cmocka_run_group_tests(tests, private_files, NULL);
}
