/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Elements of our sets and maps: putting them, asking for them, reading the answers. */
#include "ruleset.h"

#include <errno.h>
#include <libnftnl/udata.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct nftnl_set *set_of(enum nat_set set)
{
	struct nftnl_set *s = nftnl_set_alloc();

	if (!s)
		abort();
	nftnl_set_set_u32(s, NFTNL_SET_FAMILY, nat_sets[set].family);
	nftnl_set_set_str(s, NFTNL_SET_TABLE, RULESET_TABLE);
	nftnl_set_set_str(s, NFTNL_SET_NAME, nat_sets[set].name);
	return s;
}

static struct nftnl_set_elem *elem_of(const struct nat_elem *elem)
{
	const struct nat_set_info *info = &nat_sets[elem->set];
	struct nftnl_set_elem *e = nftnl_set_elem_alloc();

	if (!e)
		abort();
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY, elem->key, nat_encoded_size(info->key));
	return e;
}

static void set_comment(struct nftnl_set_elem *e, const char *comment)
{
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!udata)
		abort();
	nftnl_udata_put_strz(udata, NFTNL_UDATA_SET_ELEM_COMMENT, comment);
	nftnl_set_elem_set(e, NFTNL_SET_ELEM_USERDATA, nftnl_udata_buf_data(udata),
			   nftnl_udata_buf_len(udata));
	nftnl_udata_buf_free(udata);
}

void ruleset_put_elems(struct nft *nft, int type, const struct nat_elem *elems,
		       const char *const *owners, size_t n)
{
	struct nftnl_set *set = NULL;

	for (size_t i = 0; i < n; i++) {
		const struct nat_set_info *info = &nat_sets[elems[i].set];
		struct nftnl_set_elem *e = elem_of(&elems[i]);

		if (i == 0 || elems[i].set != elems[i - 1].set) {
			if (set)
				nft_put_elems(nft, type, NLM_F_CREATE, set);
			set = set_of(elems[i].set);
		}
		if (info->interval)
			nftnl_set_elem_set(e, NFTNL_SET_ELEM_KEY_END, elems[i].key_end,
					   nat_encoded_size(info->key));
		if (type == NFT_MSG_NEWSETELEM) {
			if (info->data[0])
				nftnl_set_elem_set(e, NFTNL_SET_ELEM_DATA, elems[i].data,
						   nat_encoded_size(info->data));
			set_comment(e, owners[i]);
		}
		nftnl_set_elem_add(set, e);
	}
	if (set)
		nft_put_elems(nft, type, NLM_F_CREATE, set);
}

void ruleset_ask_elem(struct nft *nft, const struct nat_elem *elem)
{
	struct nftnl_set *set = set_of(elem->set);

	nftnl_set_elem_add(set, elem_of(elem));
	nft_put_elems(nft, NFT_MSG_GETSETELEM, 0, set);
}

static int read_comment(const struct nftnl_udata *attr, void *arg)
{
	const char **comment = arg;

	if (nftnl_udata_type(attr) == NFTNL_UDATA_SET_ELEM_COMMENT && nftnl_udata_len(attr) > 0 &&
	    ((const char *)nftnl_udata_get(attr))[nftnl_udata_len(attr) - 1] == '\0')
		*comment = nftnl_udata_get(attr);
	return 0;
}

int ruleset_read_elem(const struct nlmsghdr *hdr, char *owner, size_t size, uint8_t *data)
{
	struct nftnl_set *set = nftnl_set_alloc();
	struct nftnl_set_elems_iter *iter;
	struct nftnl_set_elem *e = NULL;
	const char *comment = "";
	const void *value;
	uint32_t len;
	int result = -ENOENT;

	if (!set)
		abort();
	if (nftnl_set_elems_nlmsg_parse(hdr, set) == 0) {
		iter = nftnl_set_elems_iter_create(set);
		e = iter ? nftnl_set_elems_iter_next(iter) : NULL;
		nftnl_set_elems_iter_destroy(iter);
	}
	if (e) {
		value = nftnl_set_elem_get(e, NFTNL_SET_ELEM_USERDATA, &len);
		if (value)
			nftnl_udata_parse(value, len, read_comment, &comment);
		snprintf(owner, size, "%s", comment);
		value = nftnl_set_elem_get(e, NFTNL_SET_ELEM_DATA, &len);
		if (data) {
			memset(data, 0, NAT_DATA_MAX);
			if (value && len <= NAT_DATA_MAX)
				memcpy(data, value, len);
		}
		result = 0;
	}
	nftnl_set_free(set);
	return result;
}
