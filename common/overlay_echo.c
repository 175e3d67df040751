/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The packets with which nodes of an overlay are probed: ICMP and ICMPv6 echo. */
#include "overlay_echo.h"

#include <errno.h>
#include <netinet/icmp6.h>
#include <netinet/in.h>
#include <netinet/ip_icmp.h>
#include <string.h>

#define IP4_HEADER 20
#define IP6_HEADER 40
#define ICMP_HEAD  8 /* type, code, checksum, id, sequence number */

static int header_of(int family)
{
	return family == AF_INET ? IP4_HEADER : IP6_HEADER;
}

int overlay_echo_least(int family)
{
	return header_of(family) + ICMP_HEAD + OVERLAY_ECHO_COOKIE;
}

static uint16_t get16(const uint8_t *p)
{
	return (uint16_t)(p[0] << 8 | p[1]);
}

static void put16(uint8_t *p, uint16_t v)
{
	p[0] = (uint8_t)(v >> 8);
	p[1] = (uint8_t)v;
}

/* RFC 1071. Over a message with its checksum in it: 0. */
static uint16_t checksum(const uint8_t *p, size_t len)
{
	uint32_t sum = 0;

	for (size_t i = 0; i + 1 < len; i += 2)
		sum += get16(p + i);
	if (len & 1)
		sum += (uint32_t)p[len - 1] << 8;
	while (sum >> 16)
		sum = (sum & 0xffff) + (sum >> 16);
	return (uint16_t)~sum;
}

size_t overlay_echo_build(int family, const struct overlay_echo *echo, uint8_t *buf)
{
	size_t len = (size_t)(echo->size - header_of(family));

	memset(buf, 0, len);
	buf[0] = family == AF_INET ? ICMP_ECHO : ICMP6_ECHO_REQUEST;
	put16(buf + 4, echo->id);
	put16(buf + 6, echo->seq);
	memcpy(buf + ICMP_HEAD, echo->cookie, sizeof(echo->cookie));
	if (family == AF_INET)
		put16(buf + 2, checksum(buf, len));
	return len;
}

/* Length of the IPv4 header, or 0 when it is not that of an ICMP packet of this length. */
static size_t skip_ip4(const uint8_t *packet, size_t len)
{
	size_t header;

	if (len < IP4_HEADER || packet[0] >> 4 != 4)
		return 0;
	header = (size_t)(packet[0] & 15) * 4;
	if (header < IP4_HEADER || header > len || get16(packet + 2) != len ||
	    packet[9] != IPPROTO_ICMP)
		return 0;
	return header;
}

int overlay_echo_parse(int family, const uint8_t *packet, size_t len, struct overlay_echo *echo)
{
	size_t skip = family == AF_INET ? skip_ip4(packet, len) : 0;
	const uint8_t *icmp = packet + skip;

	if (family == AF_INET && skip == 0)
		return -EBADMSG;
	len -= skip;
	if (len < ICMP_HEAD + OVERLAY_ECHO_COOKIE || len > OVERLAY_ECHO_MAX - IP6_HEADER)
		return -EBADMSG;
	if (icmp[0] != (family == AF_INET ? ICMP_ECHOREPLY : ICMP6_ECHO_REPLY) || icmp[1] != 0)
		return -EBADMSG;
	if (family == AF_INET && checksum(icmp, len) != 0)
		return -EBADMSG;
	echo->id = get16(icmp + 4);
	echo->seq = get16(icmp + 6);
	memcpy(echo->cookie, icmp + ICMP_HEAD, sizeof(echo->cookie));
	echo->size = (int)len + header_of(family);
	return 0;
}
