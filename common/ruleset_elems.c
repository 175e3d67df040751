/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Elements of our sets and maps: putting them, asking for them, reading the answers.
 *
 * An ADD may put ten thousand of them, so they are written straight into the message (the
 * attributes of nft_set_elem_policy in net/netfilter/nf_tables_api.c) instead of through objects of
 * libnftnl.
 */
#include "ruleset.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <stdio.h>
#include <string.h>

/* The list of elements is an attribute, of 64 KiB at most; one element is smaller than the rest. */
#define LIST_MAX 60000

static void put_value(struct nlmsghdr *hdr, int type, const uint8_t *value, uint32_t len)
{
	struct nlattr *nest = mnl_attr_nest_start(hdr, type);

	mnl_attr_put(hdr, NFTA_DATA_VALUE, len, value);
	mnl_attr_nest_end(hdr, nest);
}

/* A comment is one type-length-value triple of the userdata, as "nft" writes and reads it. */
static void put_comment(struct nlmsghdr *hdr, const char *comment)
{
	uint8_t udata[2 + UINT8_MAX];
	size_t len = strnlen(comment, UINT8_MAX - 1) + 1;

	udata[0] = NFTNL_UDATA_SET_ELEM_COMMENT;
	udata[1] = (uint8_t)len;
	memcpy(udata + 2, comment, len - 1);
	udata[2 + len - 1] = '\0';
	mnl_attr_put(hdr, NFTA_SET_ELEM_USERDATA, 2 + len, udata);
}

/* Where an element of a verdict map jumps to; its data are the name. */
static void put_jump(struct nlmsghdr *hdr, const char *chain)
{
	struct nlattr *data = mnl_attr_nest_start(hdr, NFTA_SET_ELEM_DATA);
	struct nlattr *verdict = mnl_attr_nest_start(hdr, NFTA_DATA_VERDICT);

	mnl_attr_put_u32(hdr, NFTA_VERDICT_CODE, htonl((uint32_t)NFT_JUMP));
	mnl_attr_put_strz(hdr, NFTA_VERDICT_CHAIN, chain);
	mnl_attr_nest_end(hdr, verdict);
	mnl_attr_nest_end(hdr, data);
}

/* A list of elements that takes more of them until it ends. */
struct list {
	struct nft *nft;
	const struct nat_set_info *info;
	uint32_t id; /* of a nameless set, in this batch only; 0: the name is enough */
	int type, flags;
	struct nlmsghdr *hdr;
	struct nlattr *nest;
};

static void end_list(struct list *list)
{
	if (list->hdr)
		mnl_attr_nest_end(list->hdr, list->nest);
	list->hdr = NULL;
}

static void begin_list(struct list *list)
{
	list->hdr = nft_message(list->nft, list->type, list->info->family, list->flags);
	mnl_attr_put_strz(list->hdr, NFTA_SET_ELEM_LIST_TABLE, RULESET_TABLE);
	mnl_attr_put_strz(list->hdr, NFTA_SET_ELEM_LIST_SET, list->info->name);
	if (list->id)
		mnl_attr_put_u32(list->hdr, NFTA_SET_ELEM_LIST_SET_ID, htonl(list->id));
	list->nest = mnl_attr_nest_start(list->hdr, NFTA_SET_ELEM_LIST_ELEMENTS);
}

static void put_elem(struct list *list, const struct nat_elem *elem, const char *owner)
{
	const struct nat_set_info *info = list->info;
	uint32_t len = nat_encoded_size(info->key);
	struct nlattr *nest;

	if (list->hdr &&
	    (char *)mnl_nlmsg_get_payload_tail(list->hdr) - (char *)list->nest > LIST_MAX)
		end_list(list);
	if (!list->hdr)
		begin_list(list);
	nest = mnl_attr_nest_start(list->hdr, NFTA_LIST_ELEM);
	put_value(list->hdr, NFTA_SET_ELEM_KEY, elem->key, len);
	if (info->interval && list->type != NFT_MSG_GETSETELEM)
		put_value(list->hdr, NFTA_SET_ELEM_KEY_END, elem->key_end, len);
	if (list->type == NFT_MSG_NEWSETELEM) {
		if (info->data[0] == NAT_F_CHAIN)
			put_jump(list->hdr, (const char *)elem->data);
		else if (info->data[0])
			put_value(list->hdr, NFTA_SET_ELEM_DATA, elem->data,
				  nat_encoded_size(info->data));
		if (owner)
			put_comment(list->hdr, owner);
	}
	mnl_attr_nest_end(list->hdr, nest);
}

void ruleset_put_elems(struct nft *nft, int type, int flags, const struct nat_elem *elems,
		       const char *const *owners, size_t n)
{
	struct list list = { .nft = nft, .type = type };

	for (size_t i = 0; i < n; i++) {
		const struct nat_set_info *info = &nat_sets[elems[i].set];

		if (info != list.info)
			end_list(&list);
		list.info = info;
		/* shared elements may be there already, whatever the flags */
		list.flags = NLM_F_CREATE | (info->shared ? 0 : flags);
		put_elem(&list, &elems[i], owners ? owners[i] : NULL);
	}
	end_list(&list);
}

void ruleset_put_nameless(struct nft *nft, const struct nat_set_info *info, uint32_t id,
			  const struct nat_elem *elems, size_t n)
{
	struct list list = { nft, info, id, NFT_MSG_NEWSETELEM, NLM_F_CREATE, NULL, NULL };

	for (size_t i = 0; i < n; i++)
		put_elem(&list, &elems[i], NULL);
	end_list(&list);
}

void ruleset_ask_elem(struct nft *nft, const struct nat_elem *elem)
{
	struct list list = { .nft = nft, .type = NFT_MSG_GETSETELEM, .info = &nat_sets[elem->set] };

	put_elem(&list, elem, NULL);
	end_list(&list);
}

static int read_comment(const struct nftnl_udata *attr, void *arg)
{
	const char **comment = arg;

	if (nftnl_udata_type(attr) == NFTNL_UDATA_SET_ELEM_COMMENT && nftnl_udata_len(attr) > 0 &&
	    ((const char *)nftnl_udata_get(attr))[nftnl_udata_len(attr) - 1] == '\0')
		*comment = nftnl_udata_get(attr);
	return 0;
}

/* The first attribute of a type within another one, or NULL. */
static const struct nlattr *inside(const struct nlattr *nest, int type)
{
	const struct nlattr *attr;

	mnl_attr_for_each_nested(attr, nest)
	{
		if (mnl_attr_get_type(attr) == type)
			return attr;
	}
	return NULL;
}

/* The one element that an answer holds, or NULL. */
static const struct nlattr *only_elem(const struct nlmsghdr *hdr)
{
	const struct nlattr *attr;

	mnl_attr_for_each(attr, hdr, sizeof(struct nfgenmsg))
	{
		if (mnl_attr_get_type(attr) == NFTA_SET_ELEM_LIST_ELEMENTS)
			return inside(attr, NFTA_LIST_ELEM);
	}
	return NULL;
}

int ruleset_read_elem(const struct nlmsghdr *hdr, char *owner, size_t size, uint8_t *data)
{
	const struct nlattr *elem = only_elem(hdr), *attr;
	const char *comment = "";

	if (!elem)
		return -ENOENT;
	attr = inside(elem, NFTA_SET_ELEM_USERDATA);
	if (attr)
		nftnl_udata_parse(mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr),
				  read_comment, &comment);
	snprintf(owner, size, "%s", comment);
	if (!data)
		return 0;
	memset(data, 0, NAT_DATA_MAX);
	attr = inside(elem, NFTA_SET_ELEM_DATA);
	elem = attr ? inside(attr, NFTA_DATA_VERDICT) : NULL;
	attr = elem   ? inside(elem, NFTA_VERDICT_CHAIN)
	       : attr ? inside(attr, NFTA_DATA_VALUE)
		      : NULL;
	if (attr && mnl_attr_get_payload_len(attr) <= NAT_DATA_MAX)
		memcpy(data, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	return 0;
}
