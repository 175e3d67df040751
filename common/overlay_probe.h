/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Probing the nodes of an overlay through the overlay: who answers, how quickly, and how large a
 * packet may be. All nodes at once, bounded in time, without blocking: in a poll loop, or by
 * overlay_probe_run().
 */
#ifndef HAWSER_OVERLAY_PROBE_H
#define HAWSER_OVERLAY_PROBE_H

#include "overlay_echo.h"

#include <poll.h>

/* How. Times are in microseconds of CLOCK_MONOTONIC wherever they are not said to be others. */
struct overlay_probe_conf {
	struct ip_addr from[2]; /* addresses of this node, IPv4 and IPv6; family 0: none */
	int device[2];		/* through which answers must come, of each family; 0: any */
	int timeout_ms;		/* for all of it */
	/* what sends an ICMP message: 0, -EAGAIN, another negative errno; NULL: raw sockets of this
	 * network namespace */
	int (*send)(const struct ip_addr *to, const uint8_t *message, size_t len, void *arg);
	void *arg;
};

struct overlay_probe_target {
	struct ip_addr to; /* the node's address in the overlay */
	int mtu;	   /* size of the largest IP packet to try; 0: only whether it answers */
};

struct overlay_probe_result {
	bool reachable;
	int rtt_us; /* the least of all */
	int mtu;    /* size of the largest packet that came back; 0: not looked for */
	bool exact; /* one byte more does not; false when the time was too short to find out */
	int error;  /* negative errno of the last packet that could not be sent, or 0 */
};

struct overlay_probe;

/** overlay_probe_now() - Return: microseconds of CLOCK_MONOTONIC. */
int64_t overlay_probe_now(void);

/**
 * overlay_probe_start() - open what is needed; nothing is sent yet
 * @conf: copied
 * @targets: whom; copied. What is of a family without an address of ours gets -EADDRNOTAVAIL
 * @n: their number
 * @now: the time
 * @probe: receives it; release with overlay_probe_free()
 *
 * An address that this host does not have makes its targets fail, not the start.
 *
 * Return: 0; -EPERM without CAP_NET_RAW; another negative errno.
 */
int overlay_probe_start(const struct overlay_probe_conf *conf,
			const struct overlay_probe_target *targets, size_t n, int64_t now,
			struct overlay_probe **probe);

/** overlay_probe_fds() - descriptors to wait for. Return: their number, at most two. */
int overlay_probe_fds(const struct overlay_probe *probe, struct pollfd fds[2]);

/** overlay_probe_wait() - Return: milliseconds until it must be handled whatever the descriptors
 * say; -1 when it is finished. */
int overlay_probe_wait(const struct overlay_probe *probe, int64_t now);

/** overlay_probe_handle() - receive and send what is due. Return: whether it is finished. */
bool overlay_probe_handle(struct overlay_probe *probe, int64_t now);

/**
 * overlay_probe_take() - what has come back, if it was not a socket of ours that it came from
 * @probe: it
 * @now: when
 * @from: who has sent it
 * @device: through which it came
 * @echo: what it says
 *
 * Counts if address, device, id, sequence number, cookie and size are those of a packet that was
 * sent.
 *
 * Return: whether it counts.
 */
bool overlay_probe_take(struct overlay_probe *probe, int64_t now, const struct ip_addr *from,
			int device, const struct overlay_echo *echo);

/** overlay_probe_result() - what is known of target @i by now. Return: borrowed. */
const struct overlay_probe_result *overlay_probe_result(const struct overlay_probe *probe,
							size_t i);

/** overlay_probe_run() - wait and handle until it is finished. */
void overlay_probe_run(struct overlay_probe *probe);

/** overlay_probe_free() - close and release; NULL is allowed. */
void overlay_probe_free(struct overlay_probe *probe);

#endif
