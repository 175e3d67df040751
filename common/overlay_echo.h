/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packets with which nodes of an overlay are probed: ICMP and ICMPv6 echo. */
#ifndef HAWSER_OVERLAY_ECHO_H
#define HAWSER_OVERLAY_ECHO_H

#include "ip.h"

#include <stddef.h>

#define OVERLAY_ECHO_COOKIE 8
#define OVERLAY_ECHO_MAX    65535 /* bytes of an IP packet */

/* What an echo is known by. */
struct overlay_echo {
	uint16_t id, seq;
	uint8_t cookie[OVERLAY_ECHO_COOKIE];
	int size; /* of the whole IP packet in bytes, without options or extension headers */
};

/** overlay_echo_least() - Return: bytes of the smallest packet of a family. */
int overlay_echo_least(int family);

/**
 * overlay_echo_build() - the ICMP message of a request (RFC 792; RFC 4443, 4.1)
 * @family: AF_INET or AF_INET6; of IPv6 the kernel fills in the checksum
 * @echo: what is in it; .size is at least overlay_echo_least() and at most OVERLAY_ECHO_MAX
 * @buf: room for that
 *
 * Return: length of the message, which follows the IP header, in bytes.
 */
size_t overlay_echo_build(int family, const struct overlay_echo *echo, uint8_t *buf);

/**
 * overlay_echo_parse() - a reply as a raw socket gives it: hostile input
 * @family: AF_INET: @packet begins with the IP header; AF_INET6: with the ICMPv6 message, whose
 *          checksum the kernel has looked at
 * @packet: bytes
 * @len: their number
 * @echo: untouched on failure
 *
 * Return: 0, or -EBADMSG for what is no whole reply to one of our requests.
 */
int overlay_echo_parse(int family, const uint8_t *packet, size_t len, struct overlay_echo *echo);

#endif
