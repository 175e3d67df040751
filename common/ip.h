/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IP addresses and prefixes of both families: parsing, printing, comparing, counting. */
#ifndef HAWSER_IP_H
#define HAWSER_IP_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#define IP_STRLEN 48 /* longest text of an address or prefix, with the final NUL */

/* An address in network byte order; IPv4 uses the first four bytes. family is 0 when unset. */
struct ip_addr {
	uint8_t family; /* AF_INET, AF_INET6, or 0 */
	uint8_t b[16];
};

/* An address with its prefix length. Host bits may be set (interface addresses). */
struct ip_net {
	struct ip_addr ip;
	uint8_t len;
};

/**
 * ip_parse() - strict textual address: dotted quad without leading zeros, or RFC 4291 text
 * @s: text; an IPv4-mapped IPv6 address becomes IPv4, as Go's net.ParseIP does
 * @out: untouched on failure
 *
 * Return: 0, or -EINVAL.
 */
int ip_parse(const char *s, struct ip_addr *out);

/**
 * ip_net_parse() - address with prefix length, "10.1.2.3/24"; the length is mandatory
 * @s: text
 * @out: keeps the host bits; untouched on failure
 *
 * Return: 0, or -EINVAL.
 */
int ip_net_parse(const char *s, struct ip_net *out);

/**
 * ip_str() - canonical text: dotted quad or RFC 5952
 * @ip: the address
 * @buf: receives the text
 *
 * Return: @buf.
 */
char *ip_str(const struct ip_addr *ip, char buf[IP_STRLEN]);

/** ip_net_str() - like ip_str(), followed by "/<len>". Return: @buf. */
char *ip_net_str(const struct ip_net *net, char buf[IP_STRLEN]);

/** ip_bytes() - 4 or 16. Return: size of an address of @ip's family in bytes. */
static inline int ip_bytes(const struct ip_addr *ip)
{
	return ip->family == AF_INET ? 4 : 16;
}

/** ip_bits() - 32 or 128. Return: size of an address of @ip's family in bits. */
static inline int ip_bits(const struct ip_addr *ip)
{
	return 8 * ip_bytes(ip);
}

/** ip_cmp() - order addresses: IPv4 before IPv6, then by value. Return: <0, 0, >0. */
int ip_cmp(const struct ip_addr *a, const struct ip_addr *b);

/** ip_equal() - Return: true when family and value are the same. */
bool ip_equal(const struct ip_addr *a, const struct ip_addr *b);

/** ip_is_unspecified() - Return: true for 0.0.0.0 and ::. */
bool ip_is_unspecified(const struct ip_addr *ip);

/** ip_is_loopback() - Return: true for 127.0.0.0/8 and ::1. */
bool ip_is_loopback(const struct ip_addr *ip);

/** ip_is_multicast() - Return: true for 224.0.0.0/4 and ff00::/8. */
bool ip_is_multicast(const struct ip_addr *ip);

/**
 * ip_is_host() - whether an address can be a host's in a network
 *
 * Return: false for 0.0.0.0/8, loopback, multicast, 240.0.0.0/4, IPv6 link-local, and addresses of
 * IPv4 written as IPv6.
 */
bool ip_is_host(const struct ip_addr *ip);

/** ip_net_is_host() - Return: true when ip_is_host() holds for each address of the prefix. */
bool ip_net_is_host(const struct ip_net *net);

/** ip_network() - Return: @net with all host bits cleared. */
struct ip_net ip_network(const struct ip_net *net);

/** ip_last() - Return: the last address of @net (IPv4: the broadcast address). */
struct ip_addr ip_last(const struct ip_net *net);

/** ip_net_contains() - Return: true when @ip is of the family of @net and lies in it. */
bool ip_net_contains(const struct ip_net *net, const struct ip_addr *ip);

/** ip_net_overlap() - Return: true when the two prefixes share an address. */
bool ip_net_overlap(const struct ip_net *a, const struct ip_net *b);

/**
 * ip_add() - add a number to an address
 * @ip: the address
 * @n: how much; the sum wraps within the family
 *
 * Return: the sum.
 */
struct ip_addr ip_add(const struct ip_addr *ip, uint64_t n);

/**
 * ip_sub() - distance of two addresses of one family
 * @a: the larger one
 * @b: the smaller one
 *
 * Return: a - b, or UINT64_MAX when it does not fit into 64 bits or a < b.
 */
uint64_t ip_sub(const struct ip_addr *a, const struct ip_addr *b);

#endif
