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

/* One element. @whole: also where its range ends, its data and its owner, if it has them. */
static void put_elem(struct nlmsghdr *hdr, const struct nat_elem *elem, bool whole, bool data,
		     const char *owner)
{
	const struct nat_set_info *info = &nat_sets[elem->set];
	struct nlattr *nest = mnl_attr_nest_start(hdr, NFTA_LIST_ELEM);

	put_value(hdr, NFTA_SET_ELEM_KEY, elem->key, nat_encoded_size(info->key));
	if (whole && info->interval)
		put_value(hdr, NFTA_SET_ELEM_KEY_END, elem->key_end, nat_encoded_size(info->key));
	if (data && info->data[0])
		put_value(hdr, NFTA_SET_ELEM_DATA, elem->data, nat_encoded_size(info->data));
	if (owner)
		put_comment(hdr, owner);
	mnl_attr_nest_end(hdr, nest);
}

static struct nlmsghdr *begin_list(struct nft *nft, int type, int flags, enum nat_set set,
				   struct nlattr **list)
{
	struct nlmsghdr *hdr = nft_message(nft, type, nat_sets[set].family, flags);

	mnl_attr_put_strz(hdr, NFTA_SET_ELEM_LIST_TABLE, RULESET_TABLE);
	mnl_attr_put_strz(hdr, NFTA_SET_ELEM_LIST_SET, nat_sets[set].name);
	*list = mnl_attr_nest_start(hdr, NFTA_SET_ELEM_LIST_ELEMENTS);
	return hdr;
}

void ruleset_put_elems(struct nft *nft, int type, int flags, const struct nat_elem *elems,
		       const char *const *owners, size_t n)
{
	bool new = type == NFT_MSG_NEWSETELEM;
	struct nlmsghdr *hdr = NULL;
	struct nlattr *list = NULL;

	for (size_t i = 0; i < n; i++) {
		enum nat_set set = elems[i].set;

		if (hdr && (set != elems[i - 1].set ||
			    (char *)mnl_nlmsg_get_payload_tail(hdr) - (char *)list > LIST_MAX)) {
			mnl_attr_nest_end(hdr, list);
			hdr = NULL;
		}
		/* shared elements may be there already, whatever the flags */
		if (!hdr)
			hdr = begin_list(nft, type,
					 NLM_F_CREATE | (nat_sets[set].shared ? 0 : flags), set,
					 &list);
		put_elem(hdr, &elems[i], true, new, new ? owners[i] : NULL);
	}
	if (hdr)
		mnl_attr_nest_end(hdr, list);
}

void ruleset_ask_elem(struct nft *nft, const struct nat_elem *elem)
{
	struct nlattr *list;
	struct nlmsghdr *hdr = begin_list(nft, NFT_MSG_GETSETELEM, 0, elem->set, &list);

	put_elem(hdr, elem, false, false, NULL);
	mnl_attr_nest_end(hdr, list);
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
	attr = attr ? inside(attr, NFTA_DATA_VALUE) : NULL;
	if (attr && mnl_attr_get_payload_len(attr) <= NAT_DATA_MAX)
		memcpy(data, mnl_attr_get_payload(attr), mnl_attr_get_payload_len(attr));
	return 0;
}
