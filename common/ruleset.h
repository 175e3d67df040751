/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The static part of netfilter: our tables, chains, rules and sets. docs/netfilter.md shows it. */
#ifndef HAWSER_RULESET_H
#define HAWSER_RULESET_H

#include "ip.h"
#include "nft.h"

#define RULESET_TABLE "hawser" /* in family inet, and in family bridge for anti-spoofing */

/* As many containers may have one port under different conditions: each has a map of its own. */
#define NAT_COND_SLOTS 4

/*
 * Sets and maps. What varies per container is elements of these and nothing else. Keys are exact
 * (hash lookups, cost independent of the number of elements) except in the maps of ranges.
 */
enum nat_set {
	NAT_PORTS4, /* protocol . host port : container address . port */
	NAT_PORTS6,
	NAT_HOSTPORTS4, /* host address . protocol . host port : container address . port */
	NAT_HOSTPORTS6,
	NAT_RANGES4, /* host addresses . protocol . host ports : container address, ports kept */
	NAT_RANGES6,
	NAT_SNAT4, /* containers whose published ports may be reached from their own subnet */
	NAT_SNAT6,
	NAT_MASQALL4, /* containers that see every connection to a published port as the host's */
	NAT_MASQALL6,
	NAT_PRIVATE4, /* containers that nobody may reach but through published ports */
	NAT_PRIVATE6,
	NAT_DIRECT4, /* container . interface it may be reached from all the same */
	NAT_DIRECT6,
	NAT_ISOLATED,	 /* bridges whose containers do not talk to those of other such bridges */
	NAT_SAME_BRIDGE, /* bridge . bridge: traffic within one */
	NAT_GUARDED,	 /* bridge family: host ends whose source MAC is checked */
	NAT_GUARDED_IP,	 /* bridge family: host ends whose source addresses are checked */
	NAT_MACS,	 /* bridge family: host end . MAC */
	NAT_IPS4,	 /* bridge family: host end . address */
	NAT_IPS6,
	NAT_COND4, /* tables ip and ip6: protocol . host port : jump to an attachment's conditions
		    */
	NAT_COND6 = NAT_COND4 + NAT_COND_SLOTS,
	NAT_SETS = NAT_COND6 + NAT_COND_SLOTS
};

/* The kinds of fields a key consists of. */
enum nat_field {
	NAT_F_END,
	NAT_F_IP4,
	NAT_F_IP6,
	NAT_F_PROTO,
	NAT_F_PORT,
	NAT_F_IFNAME,
	NAT_F_MAC,
	NAT_F_CHAIN /* of data only: jump to the chain of that name */
};

/* What one set is: enough to create it and to encode its elements. */
struct nat_set_info {
	const char *name;
	int family; /* NFPROTO_INET, or that of one of the tables below */
	enum nat_field key[4], data[3];
	bool interval; /* keys are ranges */
	bool shared;   /* elements belong to a network and stay until its last container leaves */
};

extern const struct nat_set_info nat_sets[NAT_SETS];

#define NAT_KEY_MAX  36
#define NAT_DATA_MAX 24

/* One element, encoded as the kernel takes it: each field padded to a multiple of four bytes. */
struct nat_elem {
	enum nat_set set;
	uint8_t key[NAT_KEY_MAX], key_end[NAT_KEY_MAX], data[NAT_DATA_MAX];
};

/** nat_fields_size() - size of a key or of data. @fields: NAT_F_END ends it. Return: bytes. */
size_t nat_fields_size(const enum nat_field *fields);

/** nat_encoded_size() - of a key or data as the kernel counts it: a single field has no padding. */
uint32_t nat_encoded_size(const enum nat_field *fields);

/* The two kinds of chains that exist once per network and subnet. */
enum nat_kind {
	NAT_MASQ,    /* ipMasq: traffic of the subnet that leaves it takes the host's address */
	NAT_HAIRPIN, /* published ports reached from within the subnet */
	NAT_KINDS
};

/* One such chain. It has a name of its own, so that it is found and removed without listing. */
struct nat_chain {
	enum nat_kind kind;
	struct ip_net subnet; /* host bits clear */
};

#define NAT_CHAIN_NAMELEN 32

/** ruleset_chain_name() - "masq-<hash of network and subnet>". Return: @name. */
char *ruleset_chain_name(const char *network, const struct nat_chain *chain,
			 char name[NAT_CHAIN_NAMELEN]);

/* The tables beside that of family inet, made when an attachment needs them first: bits. */
#define RULESET_BRIDGE 1u /* source addresses */
#define RULESET_IP     2u /* ports published under conditions */
#define RULESET_IP6    4u

/** ruleset_table() - Return: RULESET_* of a family, 0 for NFPROTO_INET. */
unsigned int ruleset_table(int family);

/**
 * ruleset_put() - queue the tables, sets, chains and rules that are there once per node
 * @nft: batch; the tables must not exist (or be removed earlier in the batch)
 * @tables: RULESET_*: which ones beside that of family inet
 */
void ruleset_put(struct nft *nft, unsigned int tables);

/**
 * ruleset_put_set() - queue a set or map
 * @nft: batch
 * @info: what it is
 * @id: its number in this batch
 * @flags: NFT_SET_* beyond what @info says
 */
void ruleset_put_set(struct nft *nft, const struct nat_set_info *info, uint32_t id, uint32_t flags);

/** ruleset_new_chain() - queue a chain of ours that is only jumped to. */
void ruleset_new_chain(struct nft *nft, int family, const char *name, const char *comment);

/** ruleset_put_chain() - queue a network's chain, with its rules, into a table that exists. */
void ruleset_put_chain(struct nft *nft, const char *network, const struct nat_chain *chain);

/**
 * ruleset_put_elems() - queue elements
 * @nft: batch
 * @type: NFT_MSG_NEWSETELEM or NFT_MSG_DELSETELEM
 * @flags: 0, or NLM_F_EXCL: the batch fails if the key of an element that is not shared is taken
 * @elems: elements, those of one set side by side
 * @owners: for each element the comment that names its owner, readable in "nft list"
 * @n: how many
 */
void ruleset_put_elems(struct nft *nft, int type, int flags, const struct nat_elem *elems,
		       const char *const *owners, size_t n);

/**
 * ruleset_put_nameless() - queue the elements of a set without a name, made in the same batch
 * @nft: batch
 * @info: name pattern, family, key and data of the set
 * @id: its number in the batch
 * @elems: elements
 * @n: how many
 */
void ruleset_put_nameless(struct nft *nft, const struct nat_set_info *info, uint32_t id,
			  const struct nat_elem *elems, size_t n);

/** ruleset_ask_elem() - queue the question for an element (NFT_MSG_GETSETELEM). */
void ruleset_ask_elem(struct nft *nft, const struct nat_elem *elem);

/**
 * ruleset_read_elem() - owner and data out of the answer
 * @hdr: of nft_ask()
 * @owner: receives the comment, "" when there is none
 * @size: of @owner
 * @data: receives the data, NAT_DATA_MAX bytes, zero-filled; may be NULL
 *
 * Return: 0, or -ENOENT when the answer holds no element.
 */
int ruleset_read_elem(const struct nlmsghdr *hdr, char *owner, size_t size, uint8_t *data);

/** ruleset_ask_chain() - queue the question for a network's chain. */
void ruleset_ask_chain(struct nft *nft, const char *network, const struct nat_chain *chain);

/** ruleset_chain_whole() - whether the answer's chain has the rules it was made with. */
bool ruleset_chain_whole(const struct nlmsghdr *hdr, enum nat_kind kind);

/**
 * ruleset_ask() - queue the questions whether our tables are there and have all of their rules
 * @nft: socket
 * @tables: RULESET_*: which ones beside that of family inet
 *
 * One question per chain: the kernel's use count of a chain tells whether its rules are there, so
 * that a foreign "nft flush ruleset" or "nft flush table" is noticed without listing anything.
 *
 * Return: how many questions.
 */
unsigned int ruleset_ask(struct nft *nft, unsigned int tables);

/**
 * ruleset_answer_whole() - whether an answer says that a chain is as it should be
 * @index: number of the question, from 0
 * @tables: as ruleset_ask() was given
 * @error: of the answer
 * @hdr: the answer
 *
 * Return: true or false.
 */
bool ruleset_answer_whole(unsigned int index, unsigned int tables, int error,
			  const struct nlmsghdr *hdr);

#endif
