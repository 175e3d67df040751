/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The program of an overlay's fast path.
 *
 * One program sees what comes in at the network's VXLAN devices (one, or one for each family) and
 * at the host ends of its containers. What it does not take goes on as if it were not there:
 * TC_ACT_UNSPEC.
 *
 *   from a container: the source must be one of its own addresses. To another container of the
 *     node: into it. Else as the kernel's routes and neighbours say (bpf_fib_lookup()), if that is
 *     out of a VXLAN device, which knows the VTEP behind the MAC; nothing of the peers is kept
 * here. from a VXLAN device: the source must be in the network, and no container of this node; to
 * a container: into it.
 *
 * A packet is taken if it is IPv4 without options that is no fragment, or IPv6 with TCP, UDP or
 * ICMPv6 right behind the header; if its TTL is not about to end, it is not for the port of VXLAN
 * (which the rules of the network's table decide about), and it is not larger than the route takes.
 * So errors are sent by the stack.
 */
#include "overlay_fast_prog.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <netinet/in.h>
#include <string.h>

/* Registers that helpers leave alone. */
#define CTX	 BPF_REG_6
#define DATA	 BPF_REG_7
#define END	 BPF_REG_8
#define ENDPOINT BPF_REG_9
#define FP	 BPF_REG_10

/* The stack. */
#define KEY   (-16)
#define FIB   (-80)
#define BYTE_ (-88)

#define SKB(field)	offsetof(struct __sk_buff, field)
#define FIB_AT(field)	(FIB + (int)offsetof(struct bpf_fib_lookup, field))
#define VALUE_AT(field) ((int)offsetof(struct fast_endpoint, field))

/* Where things are, from the start of the Ethernet header. */
struct layout {
	int slot; /* 0: IPv4, 1: IPv6 */
	int family, protocol, ttl, source, destination, l4, words;
};

static const struct layout layouts[2] = {
	{ 0, AF_INET, 14 + 9, 14 + 8, 14 + 12, 14 + 16, 14 + 20, 1 },
	{ 1, AF_INET6, 14 + 6, 14 + 7, 14 + 8, 14 + 24, 14 + 40, 4 },
};

#define IPV4_FRAGMENT (14 + 6)
#define IPV4_CHECKSUM (14 + 10)
#define TCP_OFFSET    12

struct writer {
	struct bpf_code *c;
	const struct fast_program *p;
	const struct layout *l;
	int pass; /* label: not ours */
};

struct fast_key fast_key_of(const struct ip_addr *ip)
{
	struct fast_key key = { .b = { [10] = 0xff, 0xff } };

	if (ip->family == AF_INET)
		memcpy(key.b + 12, ip->b, 4);
	else
		memcpy(key.b, ip->b, 16);
	return key;
}

/* The packet must reach so far. */
static void need(const struct writer *w, int bytes)
{
	bpf_move(w->c, BPF_REG_2, DATA);
	bpf_alu(w->c, BPF_ADD, BPF_REG_2, bytes);
	bpf_jump_reg(w->c, BPF_JGT, BPF_REG_2, END, w->pass);
}

/* Go to @label if a register holds the ifindex of a VXLAN device. */
static void jump_device(const struct writer *w, int reg, int label)
{
	for (int i = 0; i < 2; i++)
		if (w->p->device[i])
			bpf_jump32(w->c, BPF_JEQ, reg, (uint32_t)w->p->device[i], label);
}

/* ---- is it a packet that can be taken? ---- */

static void check_ipv4(const struct writer *w)
{
	bpf_load(w->c, BPF_B, BPF_REG_1, DATA, 14);
	bpf_jump(w->c, BPF_JNE, BPF_REG_1, 0x45, w->pass);
	bpf_load(w->c, BPF_H, BPF_REG_1, DATA, IPV4_FRAGMENT);
	bpf_jump(w->c, BPF_JSET, BPF_REG_1, htons(0x3fff), w->pass);
	bpf_load(w->c, BPF_B, BPF_REG_3, DATA, w->l->protocol);
}

static void check_ipv6(const struct writer *w)
{
	int plain = bpf_new_label(w->c);

	bpf_load(w->c, BPF_B, BPF_REG_3, DATA, w->l->protocol);
	bpf_jump(w->c, BPF_JEQ, BPF_REG_3, IPPROTO_TCP, plain);
	bpf_jump(w->c, BPF_JEQ, BPF_REG_3, IPPROTO_UDP, plain);
	bpf_jump(w->c, BPF_JNE, BPF_REG_3, IPPROTO_ICMPV6, w->pass);
	bpf_here(w->c, plain);
}

/* Leaves the protocol in register 3. */
static void check_packet(const struct writer *w)
{
	int other = bpf_new_label(w->c);

	need(w, w->l->l4);
	if (w->l->slot)
		check_ipv6(w);
	else
		check_ipv4(w);
	bpf_load(w->c, BPF_B, BPF_REG_1, DATA, w->l->ttl);
	bpf_jump(w->c, BPF_JLE, BPF_REG_1, 1, w->pass);
	bpf_jump(w->c, BPF_JNE, BPF_REG_3, IPPROTO_UDP, other);
	need(w, w->l->l4 + 4);
	bpf_load(w->c, BPF_H, BPF_REG_1, DATA, w->l->l4 + 2);
	bpf_jump(w->c, BPF_JEQ, BPF_REG_1, htons(w->p->port), w->pass);
	bpf_here(w->c, other);
}

/* ---- whose is it? ---- */

/* Register 0: the endpoint of an address of the packet, or none. */
static void look_up(const struct writer *w, int address)
{
	if (!w->l->slot) {
		bpf_store_value(w->c, BPF_DW, FP, KEY, 0);
		bpf_store_value(w->c, BPF_W, FP, KEY + 8, (int32_t)htonl(0xffff));
	}
	for (int i = 0; i < w->l->words; i++) {
		bpf_load(w->c, BPF_W, BPF_REG_1, DATA, address + 4 * i);
		bpf_store(w->c, BPF_W, FP, KEY + 16 + 4 * (i - w->l->words), BPF_REG_1);
	}
	bpf_set_map(w->c, BPF_REG_1, w->p->map);
	bpf_move(w->c, BPF_REG_2, FP);
	bpf_alu(w->c, BPF_ADD, BPF_REG_2, KEY);
	bpf_call(w->c, BPF_FUNC_map_lookup_elem);
}

static void check_in_network(const struct writer *w)
{
	const struct ip_net *net = &w->p->net[w->l->slot];

	if (!net->ip.family) {
		bpf_goto(w->c, w->pass);
		return;
	}
	for (int i = 0; 32 * i < net->len; i++) {
		int bits = net->len - 32 * i < 32 ? net->len - 32 * i : 32;
		uint32_t word, mask = htonl((uint32_t)(0xffffffffULL << (32 - bits)));

		memcpy(&word, net->ip.b + i * sizeof(word), sizeof(word));
		bpf_load(w->c, BPF_W, BPF_REG_1, DATA, w->l->source + 4 * i);
		bpf_alu32(w->c, BPF_AND, BPF_REG_1, mask);
		bpf_jump32(w->c, BPF_JNE, BPF_REG_1, word & mask, w->pass);
	}
}

static void check_source(const struct writer *w)
{
	int outside = bpf_new_label(w->c), done = bpf_new_label(w->c);

	look_up(w, w->l->source);
	bpf_load(w->c, BPF_W, BPF_REG_2, CTX, SKB(ifindex));
	jump_device(w, BPF_REG_2, outside);
	bpf_jump(w->c, BPF_JEQ, BPF_REG_0, 0, w->pass);
	bpf_load(w->c, BPF_W, BPF_REG_1, BPF_REG_0, VALUE_AT(index));
	bpf_jump_reg(w->c, BPF_JNE, BPF_REG_1, BPF_REG_2, w->pass);
	bpf_goto(w->c, done);
	bpf_here(w->c, outside);
	bpf_jump(w->c, BPF_JNE, BPF_REG_0, 0, w->pass);
	check_in_network(w);
	bpf_here(w->c, done);
}

/* ---- where to? ---- */

/*
 * Register 1: bytes of the largest IP packet that will be sent. A packet of many segments is cut
 * later, so what counts is a segment with its headers.
 */
static void measure(const struct writer *w)
{
	int whole = bpf_new_label(w->c), udp = bpf_new_label(w->c), done = bpf_new_label(w->c);

	bpf_load(w->c, BPF_W, BPF_REG_1, CTX, SKB(gso_size));
	bpf_jump(w->c, BPF_JEQ, BPF_REG_1, 0, whole);
	bpf_alu(w->c, BPF_ADD, BPF_REG_1, w->l->l4 - 14);
	bpf_load(w->c, BPF_B, BPF_REG_3, DATA, w->l->protocol);
	bpf_jump(w->c, BPF_JEQ, BPF_REG_3, IPPROTO_UDP, udp);
	bpf_jump(w->c, BPF_JNE, BPF_REG_3, IPPROTO_TCP, w->pass);
	need(w, w->l->l4 + TCP_OFFSET + 1);
	bpf_load(w->c, BPF_B, BPF_REG_3, DATA, w->l->l4 + TCP_OFFSET);
	bpf_alu(w->c, BPF_RSH, BPF_REG_3, 4);
	bpf_alu(w->c, BPF_LSH, BPF_REG_3, 2);
	bpf_add(w->c, BPF_REG_1, BPF_REG_3);
	bpf_goto(w->c, done);
	bpf_here(w->c, udp);
	bpf_alu(w->c, BPF_ADD, BPF_REG_1, 8);
	bpf_goto(w->c, done);
	bpf_here(w->c, whole);
	bpf_load(w->c, BPF_W, BPF_REG_1, CTX, SKB(len));
	bpf_alu(w->c, BPF_SUB, BPF_REG_1, 14);
	bpf_here(w->c, done);
	bpf_jump(w->c, BPF_JGT, BPF_REG_1, 0xffff, w->pass);
}

static void find_route(const struct writer *w)
{
	int ours = bpf_new_label(w->c);

	measure(w);
	for (int at = FIB; at < FIB + (int)sizeof(struct bpf_fib_lookup); at += 8)
		bpf_store_value(w->c, BPF_DW, FP, at, 0);
	bpf_store(w->c, BPF_H, FP, FIB_AT(tot_len), BPF_REG_1);
	bpf_store_value(w->c, BPF_B, FP, FIB_AT(family), w->l->family);
	bpf_load(w->c, BPF_W, BPF_REG_1, CTX, SKB(ifindex));
	bpf_store(w->c, BPF_W, FP, FIB_AT(ifindex), BPF_REG_1);
	for (int i = 0; i < w->l->words; i++) {
		bpf_load(w->c, BPF_W, BPF_REG_1, DATA, w->l->source + 4 * i);
		bpf_store(w->c, BPF_W, FP, FIB_AT(ipv4_src) + 4 * i, BPF_REG_1);
		bpf_load(w->c, BPF_W, BPF_REG_1, DATA, w->l->destination + 4 * i);
		bpf_store(w->c, BPF_W, FP, FIB_AT(ipv4_dst) + 4 * i, BPF_REG_1);
	}
	bpf_move(w->c, BPF_REG_1, CTX);
	bpf_move(w->c, BPF_REG_2, FP);
	bpf_alu(w->c, BPF_ADD, BPF_REG_2, FIB);
	bpf_set(w->c, BPF_REG_3, sizeof(struct bpf_fib_lookup));
	bpf_set(w->c, BPF_REG_4, 0);
	bpf_call(w->c, BPF_FUNC_fib_lookup);
	bpf_jump(w->c, BPF_JNE, BPF_REG_0, BPF_FIB_LKUP_RET_SUCCESS, w->pass);
	bpf_load(w->c, BPF_W, BPF_REG_1, FP, FIB_AT(ifindex));
	jump_device(w, BPF_REG_1, ours);
	bpf_goto(w->c, w->pass);
	bpf_here(w->c, ours);
}

/* ---- on its way ---- */

static void copy_mac(const struct writer *w, int to, int from, int off)
{
	for (int i = 0; i < 6; i += 2) {
		bpf_load(w->c, BPF_H, BPF_REG_1, from, off + i);
		bpf_store(w->c, BPF_H, DATA, to + i, BPF_REG_1);
	}
}

/*
 * One hop. IPv4: RFC 1624, for a change of one in the upper byte. IPv6 has no checksum of its own,
 * but the card may have given one of the whole packet, which the helper corrects; the packet must
 * not be looked at after it.
 */
static void count_hop(const struct writer *w)
{
	int carry = bpf_new_label(w->c);

	bpf_load(w->c, BPF_B, BPF_REG_1, DATA, w->l->ttl);
	bpf_alu(w->c, BPF_SUB, BPF_REG_1, 1);
	if (!w->l->slot) {
		bpf_store(w->c, BPF_B, DATA, w->l->ttl, BPF_REG_1);
		bpf_load(w->c, BPF_H, BPF_REG_1, DATA, IPV4_CHECKSUM);
		bpf_alu(w->c, BPF_ADD, BPF_REG_1, htons(0x0100));
		bpf_jump(w->c, BPF_JLT, BPF_REG_1, 0xffff, carry);
		bpf_alu(w->c, BPF_ADD, BPF_REG_1, 1);
		bpf_here(w->c, carry);
		bpf_store(w->c, BPF_H, DATA, IPV4_CHECKSUM, BPF_REG_1);
		return;
	}
	bpf_here(w->c, carry);
	bpf_store(w->c, BPF_B, FP, BYTE_, BPF_REG_1);
	bpf_move(w->c, BPF_REG_1, CTX);
	bpf_set(w->c, BPF_REG_2, w->l->ttl);
	bpf_move(w->c, BPF_REG_3, FP);
	bpf_alu(w->c, BPF_ADD, BPF_REG_3, BYTE_);
	bpf_set(w->c, BPF_REG_4, 1);
	bpf_set(w->c, BPF_REG_5, BPF_F_RECOMPUTE_CSUM);
	bpf_call(w->c, BPF_FUNC_skb_store_bytes);
}

static void send_out(const struct writer *w)
{
	copy_mac(w, 0, FP, FIB_AT(dmac));
	copy_mac(w, 6, FP, FIB_AT(smac));
	count_hop(w);
	bpf_load(w->c, BPF_W, BPF_REG_1, FP, FIB_AT(ifindex));
	bpf_set(w->c, BPF_REG_2, 0);
	bpf_call(w->c, BPF_FUNC_redirect);
	bpf_exit(w->c);
}

static void deliver(const struct writer *w)
{
	copy_mac(w, 0, ENDPOINT, VALUE_AT(mac));
	copy_mac(w, 6, ENDPOINT, VALUE_AT(host_mac));
	count_hop(w);
	bpf_load(w->c, BPF_W, BPF_REG_1, ENDPOINT, VALUE_AT(index));
	bpf_set(w->c, BPF_REG_2, 0);
	bpf_call(w->c, BPF_FUNC_redirect_peer);
	bpf_exit(w->c);
}

static void write_family(const struct writer *w)
{
	int here = bpf_new_label(w->c);

	check_packet(w);
	check_source(w);
	look_up(w, w->l->destination);
	bpf_move(w->c, ENDPOINT, BPF_REG_0);
	bpf_jump(w->c, BPF_JNE, ENDPOINT, 0, here);
	bpf_load(w->c, BPF_W, BPF_REG_1, CTX, SKB(ifindex));
	jump_device(w, BPF_REG_1, w->pass);
	find_route(w);
	send_out(w);
	bpf_here(w->c, here);
	deliver(w);
}

void fast_program_write(struct bpf_code *c, const struct fast_program *p)
{
	struct writer w = { .c = c, .p = p, .pass = bpf_new_label(c) };
	int ipv6 = bpf_new_label(c);

	bpf_move(c, CTX, BPF_REG_1);
	bpf_load(c, BPF_W, BPF_REG_1, CTX, SKB(pkt_type));
	bpf_jump(c, BPF_JNE, BPF_REG_1, 0, w.pass); /* PACKET_HOST: to the MAC of the interface */
	bpf_load(c, BPF_W, BPF_REG_1, CTX, SKB(vlan_present));
	bpf_jump(c, BPF_JNE, BPF_REG_1, 0, w.pass);
	bpf_load(c, BPF_W, DATA, CTX, SKB(data));
	bpf_load(c, BPF_W, END, CTX, SKB(data_end));
	need(&w, ETH_HLEN);
	bpf_load(c, BPF_H, BPF_REG_1, DATA, 12);
	bpf_jump(c, BPF_JEQ, BPF_REG_1, htons(ETH_P_IPV6), ipv6);
	bpf_jump(c, BPF_JNE, BPF_REG_1, htons(ETH_P_IP), w.pass);
	w.l = &layouts[0];
	write_family(&w);
	bpf_here(c, ipv6);
	w.l = &layouts[1];
	write_family(&w);
	bpf_here(c, w.pass);
	bpf_set(c, BPF_REG_0, TC_ACT_UNSPEC);
	bpf_exit(c);
}
