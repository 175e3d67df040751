/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Probing the nodes of an overlay through the overlay.
 *
 * Each target goes through phases by itself: small packets until one comes back; then packets of
 * full size, which may not be fragmented; and if none of these comes back, rounds of eight sizes
 * between the largest that has come back and the smallest that has not, each sent twice, until the
 * two are neighbours. A packet that comes late still counts and corrects what was concluded. Where
 * packets go is for the routes to decide, as it is for those of containers; what comes back
 * through another device is not the overlay's.
 */
#include "overlay_probe.h"

#include "cleanup.h"

#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>
#include <sys/random.h>
#include <sys/uio.h>
#include <time.h>

#define ICMP_FILTER 1 /* linux/icmp.h, which does not go with the C library's headers */

#define SMALL	   84	     /* bytes, ping's */
#define FULL_TRIES 2	     /* each of two packets */
#define ROUND	   8	     /* sizes of a round */
#define MEMORY	   64	     /* packets whose answers are known; a power of two */
#define BURST	   256	     /* packets between two looks at what has come */
#define FLOOD	   4096	     /* packets of a look */
#define BUFFER	   (4 << 20) /* bytes, of a socket: many answer at once */
#define BLOCKED_US 2000	     /* until sending is tried again */

enum phase { PHASE_SMALL, PHASE_FULL, PHASE_SEARCH, PHASE_DONE };

struct target {
	struct overlay_probe_target want;
	struct overlay_probe_result result;
	uint8_t cookie[OVERLAY_ECHO_COOKIE];
	enum phase phase;
	int tries;
	int64_t due;   /* when its phase goes on without an answer */
	int low, high; /* sizes: the largest that has come back, the smallest taken for lost */
	uint16_t seq;  /* of the next packet */
	struct {
		uint16_t seq, size; /* size 0: none, or it has come back */
		uint32_t at;	    /* microseconds since the start */
	} sent[MEMORY];
};

struct overlay_probe {
	struct overlay_probe_conf conf;
	int fd[2];
	int open_error[2]; /* why there is no socket of the family */
	int64_t begin, end;
	int64_t blocked;  /* nothing can be sent until then */
	int64_t interval; /* between two tries */
	uint16_t id;
	bool finished;
	size_t n;
	struct target *t;
	uint32_t *by_address; /* indexes of t, sorted */
	uint8_t *buf;	      /* OVERLAY_ECHO_MAX bytes */
};

int64_t overlay_probe_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000000 + ts.tv_nsec / 1000;
}

/* Sending and receiving for thousands of targets takes time itself. */
static int64_t clock_of(const struct overlay_probe *p, int64_t now)
{
	return p->conf.send ? now : overlay_probe_now();
}

static int slot_of(const struct ip_addr *ip)
{
	return ip->family == AF_INET6;
}

/* ---- sockets ---- */

static socklen_t sockaddr_of(const struct ip_addr *ip, struct sockaddr_storage *ss)
{
	struct sockaddr_in *in4 = (struct sockaddr_in *)ss;
	struct sockaddr_in6 *in6 = (struct sockaddr_in6 *)ss;

	memset(ss, 0, sizeof(*ss));
	ss->ss_family = ip->family;
	if (ip->family == AF_INET) {
		memcpy(&in4->sin_addr, ip->b, 4);
		return sizeof(*in4);
	}
	memcpy(&in6->sin6_addr, ip->b, 16);
	return sizeof(*in6);
}

/* The kernel neither fragments nor believes what it has heard of the path's MTU. */
static int set_options4(int fd)
{
	uint32_t filter = ~(1u << ICMP_ECHOREPLY);
	int probe = IP_PMTUDISC_PROBE, on = 1;

	if (setsockopt(fd, SOL_RAW, ICMP_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &probe, sizeof(probe)) < 0 ||
	    setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int set_options6(int fd)
{
	struct icmp6_filter filter;
	int probe = IPV6_PMTUDISC_PROBE, on = 1;

	ICMP6_FILTER_SETBLOCKALL(&filter);
	ICMP6_FILTER_SETPASS(ICMP6_ECHO_REPLY, &filter);
	if (setsockopt(fd, IPPROTO_ICMPV6, ICMP6_FILTER, &filter, sizeof(filter)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_MTU_DISCOVER, &probe, sizeof(probe)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_DONTFRAG, &on, sizeof(on)) < 0 ||
	    setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &on, sizeof(on)) < 0)
		return -errno;
	return 0;
}

static int open_socket(const struct ip_addr *from)
{
	bool v4 = from->family == AF_INET;
	struct sockaddr_storage ss;
	socklen_t len = sockaddr_of(from, &ss);
	int size = BUFFER, r;
	autoclose int fd = socket(from->family, SOCK_RAW | SOCK_NONBLOCK | SOCK_CLOEXEC,
				  v4 ? IPPROTO_ICMP : IPPROTO_ICMPV6);

	if (fd < 0)
		return -errno;
	r = v4 ? set_options4(fd) : set_options6(fd);
	if (r < 0)
		return r;
	/* as much as may be: with less, answers may be lost and are asked for again */
	if (setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)) < 0)
		setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));
	if (bind(fd, (struct sockaddr *)&ss, len) < 0)
		return -errno;
	return take_fd(&fd);
}

static int open_sockets(struct overlay_probe *p)
{
	for (int i = 0; i < 2; i++) {
		p->open_error[i] = p->conf.send ? 0 : -EADDRNOTAVAIL;
		if (p->conf.send || !p->conf.from[i].family)
			continue;
		p->fd[i] = open_socket(&p->conf.from[i]);
		p->open_error[i] = p->fd[i] < 0 ? p->fd[i] : 0;
		if (p->fd[i] == -EPERM || p->fd[i] == -EMFILE || p->fd[i] == -ENFILE)
			return p->fd[i];
	}
	return 0;
}

static int device_of(struct msghdr *msg)
{
	for (struct cmsghdr *c = CMSG_FIRSTHDR(msg); c; c = CMSG_NXTHDR(msg, c)) {
		struct in_pktinfo info4;
		struct in6_pktinfo info6;

		if (c->cmsg_level == IPPROTO_IP && c->cmsg_type == IP_PKTINFO) {
			memcpy(&info4, CMSG_DATA(c), sizeof(info4));
			return info4.ipi_ifindex;
		}
		if (c->cmsg_level == IPPROTO_IPV6 && c->cmsg_type == IPV6_PKTINFO) {
			memcpy(&info6, CMSG_DATA(c), sizeof(info6));
			return (int)info6.ipi6_ifindex;
		}
	}
	return -1;
}

static void address_of(const struct sockaddr_storage *ss, struct ip_addr *ip)
{
	*ip = (struct ip_addr){ .family = (uint8_t)ss->ss_family };
	if (ss->ss_family == AF_INET)
		memcpy(ip->b, &((const struct sockaddr_in *)ss)->sin_addr, 4);
	else
		memcpy(ip->b, &((const struct sockaddr_in6 *)ss)->sin6_addr, 16);
}

/* One packet. Return: whether there may be more. */
static bool receive(struct overlay_probe *p, int slot, int64_t now)
{
	char control[CMSG_SPACE(sizeof(struct in6_pktinfo)) + 64];
	struct sockaddr_storage ss = { 0 };
	struct iovec iov = { p->buf, OVERLAY_ECHO_MAX };
	struct msghdr msg = { .msg_name = &ss,
			      .msg_namelen = sizeof(ss),
			      .msg_iov = &iov,
			      .msg_iovlen = 1,
			      .msg_control = control,
			      .msg_controllen = sizeof(control) };
	ssize_t len = recvmsg(p->fd[slot], &msg, MSG_DONTWAIT);
	struct overlay_echo echo;
	struct ip_addr from;

	if (len < 0)
		return errno == EINTR;
	address_of(&ss, &from);
	if (!(msg.msg_flags & MSG_TRUNC) &&
	    overlay_echo_parse(slot ? AF_INET6 : AF_INET, p->buf, (size_t)len, &echo) == 0)
		overlay_probe_take(p, clock_of(p, now), &from, device_of(&msg), &echo);
	return true;
}

static int send_raw(const struct overlay_probe *p, const struct ip_addr *to, size_t len)
{
	struct sockaddr_storage ss;
	socklen_t size = sockaddr_of(to, &ss);

	/* an error that was reported by ICMP comes up at the next packet: that one is not sent */
	for (int i = 0; i < 2; i++) {
		if (sendto(p->fd[slot_of(to)], p->buf, len, MSG_DONTWAIT, (struct sockaddr *)&ss,
			   size) >= 0)
			return 0;
		if (errno == EAGAIN || errno == ENOBUFS)
			return -EAGAIN;
	}
	return -errno;
}

/* ---- phases ---- */

static int64_t patience(const struct overlay_probe *p, const struct target *t)
{
	int64_t most = (p->end - p->begin) / 4, wait = (p->end - p->begin) / 10;

	if (wait < 4 * (int64_t)t->result.rtt_us)
		wait = 4 * (int64_t)t->result.rtt_us;
	return wait < most ? wait : most;
}

/* Return: false when nothing more can be sent for a while. */
static bool send_one(struct overlay_probe *p, struct target *t, int size, int64_t now)
{
	const struct ip_addr *to = &t->want.to;
	struct overlay_echo echo = { .id = p->id, .seq = t->seq, .size = size };
	int64_t at = clock_of(p, now) - p->begin;
	int r = p->open_error[slot_of(to)];
	size_t len;

	memcpy(echo.cookie, t->cookie, sizeof(echo.cookie));
	len = overlay_echo_build(to->family, &echo, p->buf);
	if (r == 0)
		r = p->conf.send ? p->conf.send(to, p->buf, len, p->conf.arg)
				 : send_raw(p, to, len);
	if (r == -EAGAIN) {
		p->blocked = now + BLOCKED_US;
		return false;
	}
	if (r < 0 && !t->result.reachable)
		t->result.error = r;
	/* what could not be sent is as good as lost */
	t->sent[t->seq % MEMORY].seq = t->seq;
	t->sent[t->seq % MEMORY].size = (uint16_t)size;
	t->sent[t->seq % MEMORY].at = (uint32_t)at;
	t->seq++;
	return true;
}

static int small_size(const struct target *t)
{
	int size = t->want.to.family == AF_INET ? SMALL : SMALL + 20;

	if (t->want.mtu && t->want.mtu < size)
		size = t->want.mtu;
	return size;
}

static void finish_target(struct target *t)
{
	t->phase = PHASE_DONE;
	t->due = INT64_MAX;
}

/* The size of a place of a round, 1 to ROUND; 0: the round has less. */
static int round_size(const struct target *t, int place)
{
	int between = t->high - t->low - 1, n = between < ROUND ? between : ROUND;

	return place > n ? 0 : t->low + (int)((int64_t)(t->high - t->low) * place / (n + 1));
}

/* Each size twice. Return: whether anything was sent. */
static bool send_round(struct overlay_probe *p, struct target *t, int64_t now)
{
	bool sent = false;

	for (int place = 1; place <= ROUND && round_size(t, place); place++)
		for (int i = 0; i < 2 && now >= p->blocked; i++)
			sent |= send_one(p, t, round_size(t, place), now);
	return sent;
}

/* What of the last round has not come back is taken for lost. */
static void end_round(struct target *t)
{
	int high = t->high;

	for (int i = 0; i < MEMORY; i++)
		if (t->sent[i].size > t->low && t->sent[i].size < high)
			high = t->sent[i].size;
	t->high = high;
}

static bool step_search(struct overlay_probe *p, struct target *t, int64_t now)
{
	end_round(t);
	if (t->high - t->low > 1)
		return send_round(p, t, now);
	t->result.exact = true;
	finish_target(t);
	return true;
}

static bool step_full(struct overlay_probe *p, struct target *t, int64_t now)
{
	bool sent = false;

	if (t->tries == FULL_TRIES) {
		t->phase = PHASE_SEARCH;
		return step_search(p, t, now);
	}
	for (int i = 0; i < 2 && now >= p->blocked; i++)
		sent |= send_one(p, t, t->want.mtu, now);
	return sent;
}

/* A target whose time has come; it stays due when nothing can be sent. */
static void step(struct overlay_probe *p, struct target *t, int64_t now)
{
	bool sent;

	if (t->phase == PHASE_SMALL)
		sent = send_one(p, t, small_size(t), now);
	else if (t->phase == PHASE_FULL)
		sent = step_full(p, t, now);
	else
		sent = step_search(p, t, now);
	if (!sent || t->phase == PHASE_DONE)
		return;
	t->tries++;
	t->due = now + (t->phase == PHASE_SMALL ? p->interval : patience(p, t));
}

static void arrived(const struct overlay_probe *p, struct target *t, int size, int64_t now)
{
	if (size > t->low)
		t->low = size;
	if (!t->want.mtu) {
		finish_target(t);
		return;
	}
	t->result.mtu = t->low;
	if (t->low >= t->want.mtu) {
		t->result.exact = true;
		finish_target(t);
	} else if (t->phase == PHASE_SMALL) {
		t->phase = PHASE_FULL;
		t->tries = 0;
		t->due = now;
	} else if (t->low >= t->high) {
		/* it was late: what was taken for lost may be so, too */
		t->high = t->want.mtu + 1;
		t->phase = PHASE_SEARCH;
		t->result.exact = false;
		t->due = now + patience(p, t);
	}
}

/* ---- what comes back ---- */

static int compare_address(const struct overlay_probe *p, uint32_t i, const struct ip_addr *ip)
{
	return ip_cmp(&p->t[i].want.to, ip);
}

/* The first, in the order of addresses, that is not before an address. */
static size_t place_of(const struct overlay_probe *p, const struct ip_addr *ip)
{
	size_t low = 0, high = p->n;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (compare_address(p, p->by_address[middle], ip) < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

static bool take_answer(struct overlay_probe *p, struct target *t, int64_t now,
			const struct overlay_echo *echo)
{
	size_t at = echo->seq % MEMORY;
	int64_t rtt = now - p->begin - t->sent[at].at;

	if (memcmp(t->cookie, echo->cookie, sizeof(t->cookie)) != 0 || t->sent[at].size == 0 ||
	    t->sent[at].seq != echo->seq || t->sent[at].size != echo->size)
		return false;
	t->sent[at].size = 0;
	if (rtt < 1)
		rtt = 1;
	if (!t->result.reachable || rtt < t->result.rtt_us)
		t->result.rtt_us = (int)rtt;
	t->result.reachable = true;
	t->result.error = 0;
	arrived(p, t, echo->size, now);
	return true;
}

bool overlay_probe_take(struct overlay_probe *p, int64_t now, const struct ip_addr *from,
			int device, const struct overlay_echo *echo)
{
	int wanted = p->conf.device[slot_of(from)];

	if (echo->id != p->id || (wanted && device != wanted) || p->finished)
		return false;
	for (size_t i = place_of(p, from);
	     i < p->n && compare_address(p, p->by_address[i], from) == 0; i++)
		if (take_answer(p, &p->t[p->by_address[i]], now, echo))
			return true;
	return false;
}

/* ---- the whole ---- */

static void sort_addresses(struct overlay_probe *p)
{
	/* from the middle of what is sorted: peers mostly come in order */
	for (size_t i = 0; i < p->n; i++) {
		size_t n = p->n, at;

		p->n = i;
		at = place_of(p, &p->t[i].want.to);
		p->n = n;
		memmove(p->by_address + at + 1, p->by_address + at,
			(i - at) * sizeof(*p->by_address));
		p->by_address[at] = (uint32_t)i;
	}
}

static void set_targets(struct overlay_probe *p, const struct overlay_probe_target *targets,
			int64_t now)
{
	for (size_t i = 0; i < p->n; i++) {
		struct target *t = &p->t[i];
		int least = overlay_echo_least(targets[i].to.family);

		t->want = targets[i];
		if (t->want.mtu > OVERLAY_ECHO_MAX)
			t->want.mtu = OVERLAY_ECHO_MAX;
		if (t->want.mtu && t->want.mtu < least)
			t->want.mtu = least;
		t->due = now;
		t->high = t->want.mtu + 1;
		if (getrandom(t->cookie, sizeof(t->cookie), 0) != sizeof(t->cookie))
			abort();
	}
	sort_addresses(p);
}

int overlay_probe_start(const struct overlay_probe_conf *conf,
			const struct overlay_probe_target *targets, size_t n, int64_t now,
			struct overlay_probe **probe)
{
	struct overlay_probe *p = calloc(1, sizeof(*p));
	int r;

	if (!p)
		abort();
	p->conf = *conf;
	p->fd[0] = p->fd[1] = -1;
	p->n = n;
	p->begin = now;
	p->end = now + 1000 * (int64_t)conf->timeout_ms;
	p->interval = (p->end - p->begin) / 5;
	p->t = calloc(n + 1, sizeof(*p->t));
	p->by_address = calloc(n + 1, sizeof(*p->by_address));
	p->buf = malloc(OVERLAY_ECHO_MAX);
	if (!p->t || !p->by_address || !p->buf ||
	    getrandom(&p->id, sizeof(p->id), 0) != sizeof(p->id))
		abort();
	set_targets(p, targets, now);
	r = open_sockets(p);
	if (r < 0)
		overlay_probe_free(p);
	else
		*probe = p;
	return r;
}

int overlay_probe_fds(const struct overlay_probe *p, struct pollfd fds[2])
{
	int n = 0;

	for (int i = 0; i < 2; i++)
		if (p->fd[i] >= 0 && !p->finished)
			fds[n++] = (struct pollfd){ .fd = p->fd[i], .events = POLLIN };
	return n;
}

int overlay_probe_wait(const struct overlay_probe *p, int64_t now)
{
	int64_t due = p->end;

	if (p->finished)
		return -1;
	for (size_t i = 0; i < p->n; i++)
		if (p->t[i].due < due)
			due = p->t[i].due;
	if (due < p->blocked)
		due = p->blocked;
	return due <= now ? 0 : (int)((due - now + 999) / 1000);
}

/* Nobody is asked who has no way to answer. */
static bool all_done(const struct overlay_probe *p)
{
	for (size_t i = 0; i < p->n; i++)
		if (p->t[i].phase != PHASE_DONE && p->open_error[slot_of(&p->t[i].want.to)] == 0)
			return false;
	return true;
}

static void receive_all(struct overlay_probe *p, int64_t now)
{
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < FLOOD && p->fd[i] >= 0 && receive(p, i, now); k++)
			;
}

bool overlay_probe_handle(struct overlay_probe *p, int64_t now)
{
	int burst = 0;

	if (p->finished)
		return true;
	receive_all(p, now);
	for (size_t i = 0; i < p->n && now >= p->blocked && now < p->end; i++) {
		if (p->t[i].due > now)
			continue;
		step(p, &p->t[i], now);
		if (++burst % (BURST / ROUND / 2) == 0)
			receive_all(p, now);
	}
	p->finished = now >= p->end || all_done(p);
	return p->finished;
}

const struct overlay_probe_result *overlay_probe_result(const struct overlay_probe *p, size_t i)
{
	return &p->t[i].result;
}

void overlay_probe_run(struct overlay_probe *p)
{
	struct pollfd fds[2];

	while (!overlay_probe_handle(p, overlay_probe_now()))
		poll(fds, (nfds_t)overlay_probe_fds(p, fds),
		     overlay_probe_wait(p, overlay_probe_now()));
}

void overlay_probe_free(struct overlay_probe *p)
{
	if (!p)
		return;
	for (int i = 0; i < 2; i++)
		if (p->fd[i] >= 0)
			close(p->fd[i]);
	free(p->t);
	free(p->by_address);
	free(p->buf);
	free(p);
}
