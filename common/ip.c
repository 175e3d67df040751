/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IP addresses and prefixes of both families: parsing, printing, comparing, counting. */
#include "ip.h"

#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static const uint8_t v4_mapped[12] = { [10] = 0xff, [11] = 0xff };

int ip_parse(const char *s, struct ip_addr *out)
{
	struct ip_addr ip = { 0 };

	if (inet_pton(AF_INET, s, ip.b) == 1) {
		ip.family = AF_INET;
	} else if (inet_pton(AF_INET6, s, ip.b) == 1) {
		ip.family = AF_INET6;
		if (memcmp(ip.b, v4_mapped, sizeof(v4_mapped)) == 0) {
			struct ip_addr v4 = { .family = AF_INET };

			memcpy(v4.b, ip.b + 12, 4);
			ip = v4;
		}
	} else {
		return -EINVAL;
	}
	*out = ip;
	return 0;
}

int ip_net_parse(const char *s, struct ip_net *out)
{
	const char *slash = strchr(s, '/');
	char text[IP_STRLEN];
	struct ip_net net;
	int len = 0;

	if (!slash || (size_t)(slash - s) >= sizeof(text))
		return -EINVAL;
	memcpy(text, s, slash - s);
	text[slash - s] = '\0';
	if (ip_parse(text, &net.ip) < 0)
		return -EINVAL;
	/* strtoul would take signs and blanks; a prefix length is one to three digits */
	for (s = slash + 1; *s; s++) {
		if (*s < '0' || *s > '9' || s - slash > 3)
			return -EINVAL;
		len = len * 10 + (*s - '0');
	}
	if (s == slash + 1 || (s - slash > 2 && slash[1] == '0'))
		return -EINVAL;
	/* "::ffff:10.0.0.1/120" was turned into IPv4 above: its length counts from bit 96 */
	if (net.ip.family == AF_INET && strchr(text, ':'))
		len -= 96;
	if (len < 0 || len > ip_bits(&net.ip))
		return -EINVAL;
	net.len = len;
	*out = net;
	return 0;
}

char *ip_str(const struct ip_addr *ip, char buf[IP_STRLEN])
{
	if (!ip->family || !inet_ntop(ip->family, ip->b, buf, IP_STRLEN))
		buf[0] = '\0';
	return buf;
}

char *ip_net_str(const struct ip_net *net, char buf[IP_STRLEN])
{
	size_t n = strlen(ip_str(&net->ip, buf));

	snprintf(buf + n, IP_STRLEN - n, "/%u", net->len);
	return buf;
}

int ip_cmp(const struct ip_addr *a, const struct ip_addr *b)
{
	if (a->family != b->family)
		return a->family < b->family ? -1 : 1;
	return memcmp(a->b, b->b, ip_bytes(a));
}

bool ip_equal(const struct ip_addr *a, const struct ip_addr *b)
{
	return ip_cmp(a, b) == 0;
}

bool ip_is_unspecified(const struct ip_addr *ip)
{
	static const uint8_t zero[16];

	return ip->family && memcmp(ip->b, zero, ip_bytes(ip)) == 0;
}

bool ip_is_loopback(const struct ip_addr *ip)
{
	static const uint8_t one[16] = { [15] = 1 };

	return ip->family == AF_INET
		       ? ip->b[0] == 127
		       : ip->family == AF_INET6 && memcmp(ip->b, one, sizeof(one)) == 0;
}

bool ip_is_multicast(const struct ip_addr *ip)
{
	return ip->family == AF_INET ? (ip->b[0] & 0xf0) == 0xe0
				     : ip->family == AF_INET6 && ip->b[0] == 0xff;
}

/* Set every host bit of @net to 0 or 1. */
static struct ip_addr host_bits(const struct ip_net *net, bool ones)
{
	struct ip_addr ip = net->ip;

	for (int bit = net->len; bit < ip_bits(&ip); bit++) {
		uint8_t mask = 0x80 >> (bit % 8);

		ip.b[bit / 8] = ones ? ip.b[bit / 8] | mask : ip.b[bit / 8] & ~mask;
	}
	return ip;
}

struct ip_net ip_network(const struct ip_net *net)
{
	return (struct ip_net){ .ip = host_bits(net, false), .len = net->len };
}

struct ip_addr ip_last(const struct ip_net *net)
{
	return host_bits(net, true);
}

bool ip_net_contains(const struct ip_net *net, const struct ip_addr *ip)
{
	size_t whole = net->len / 8;
	int rest = net->len % 8;

	if (net->ip.family != ip->family || memcmp(net->ip.b, ip->b, whole) != 0)
		return false;
	return rest == 0 || (net->ip.b[whole] ^ ip->b[whole]) >> (8 - rest) == 0;
}

bool ip_net_overlap(const struct ip_net *a, const struct ip_net *b)
{
	return a->len <= b->len ? ip_net_contains(a, &b->ip) : ip_net_contains(b, &a->ip);
}

bool ip_net_is_host(const struct ip_net *net)
{
	static const struct ip_net special[] = {
		{ { AF_INET, { 0 } }, 8 },   /* RFC 1122, 3.2.1.3 */
		{ { AF_INET, { 127 } }, 8 }, /* loopback */
		{ { AF_INET, { 224 } }, 3 }, /* multicast, and 240.0.0.0/4 */
		{ { AF_INET6, { 0 } }, 96 }, /* unspecified, loopback, and RFC 4291, */
		{ { AF_INET6, { [10] = 0xff, 0xff } }, 96 }, /* 2.5.5 */
		{ { AF_INET6, { 0xfe, 0x80 } }, 10 },	     /* link-local */
		{ { AF_INET6, { 0xff } }, 8 },		     /* multicast */
	};

	for (size_t i = 0; i < sizeof(special) / sizeof(special[0]); i++)
		if (ip_net_overlap(&special[i], net))
			return false;
	return net->ip.family;
}

bool ip_is_host(const struct ip_addr *ip)
{
	struct ip_net one = { *ip, (uint8_t)ip_bits(ip) };

	return ip_net_is_host(&one);
}

struct ip_addr ip_add(const struct ip_addr *ip, uint64_t n)
{
	struct ip_addr sum = *ip;
	unsigned int carry = 0;

	for (int i = ip_bytes(ip) - 1; i >= 0 && (n || carry); i--) {
		unsigned int v = sum.b[i] + (unsigned int)(n & 0xff) + carry;

		sum.b[i] = v & 0xff;
		carry = v >> 8;
		n >>= 8;
	}
	return sum;
}

uint64_t ip_sub(const struct ip_addr *a, const struct ip_addr *b)
{
	int bytes = ip_bytes(a), borrow = 0;
	uint64_t diff = 0;
	bool high = false;

	if (a->family != b->family || ip_cmp(a, b) < 0)
		return UINT64_MAX;
	for (int i = bytes - 1, shift = 0; i >= 0; i--, shift += 8) {
		int d = a->b[i] - b->b[i] - borrow;

		borrow = d < 0;
		if (shift < 64)
			diff |= (uint64_t)(d & 0xff) << shift;
		else if (d & 0xff)
			high = true;
	}
	return high ? UINT64_MAX : diff;
}
