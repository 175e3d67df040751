/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Our sets and maps: what their keys and data are made of, and creating them. */
#include "ruleset.h"

#include <libnftnl/udata.h>
#include <stdlib.h>
#include <string.h>

const struct nat_set_info nat_sets[NAT_SETS] = {
	[NAT_PORTS4] = { "ports4",
			 NFPROTO_INET,
			 { NAT_F_PROTO, NAT_F_PORT },
			 { NAT_F_IP4, NAT_F_PORT } },
	[NAT_PORTS6] = { "ports6",
			 NFPROTO_INET,
			 { NAT_F_PROTO, NAT_F_PORT },
			 { NAT_F_IP6, NAT_F_PORT } },
	[NAT_HOSTPORTS4] = { "hostports4",
			     NFPROTO_INET,
			     { NAT_F_IP4, NAT_F_PROTO, NAT_F_PORT },
			     { NAT_F_IP4, NAT_F_PORT } },
	[NAT_HOSTPORTS6] = { "hostports6",
			     NFPROTO_INET,
			     { NAT_F_IP6, NAT_F_PROTO, NAT_F_PORT },
			     { NAT_F_IP6, NAT_F_PORT } },
	[NAT_RANGES4] = { "ranges4",
			  NFPROTO_INET,
			  { NAT_F_IP4, NAT_F_PROTO, NAT_F_PORT },
			  { NAT_F_IP4 },
			  .interval = true },
	[NAT_RANGES6] = { "ranges6",
			  NFPROTO_INET,
			  { NAT_F_IP6, NAT_F_PROTO, NAT_F_PORT },
			  { NAT_F_IP6 },
			  .interval = true },
	[NAT_SNAT4] = { "snat4", NFPROTO_INET, { NAT_F_IP4 } },
	[NAT_SNAT6] = { "snat6", NFPROTO_INET, { NAT_F_IP6 } },
	[NAT_MASQALL4] = { "masqall4", NFPROTO_INET, { NAT_F_IP4 } },
	[NAT_MASQALL6] = { "masqall6", NFPROTO_INET, { NAT_F_IP6 } },
	[NAT_PRIVATE4] = { "private4", NFPROTO_INET, { NAT_F_IP4 } },
	[NAT_PRIVATE6] = { "private6", NFPROTO_INET, { NAT_F_IP6 } },
	[NAT_DIRECT4] = { "direct4", NFPROTO_INET, { NAT_F_IP4, NAT_F_IFNAME } },
	[NAT_DIRECT6] = { "direct6", NFPROTO_INET, { NAT_F_IP6, NAT_F_IFNAME } },
	[NAT_ISOLATED] = { "isolated", NFPROTO_INET, { NAT_F_IFNAME }, .shared = true },
	[NAT_SAME_BRIDGE] = { "same_bridge",
			      NFPROTO_INET,
			      { NAT_F_IFNAME, NAT_F_IFNAME },
			      .shared = true },
	[NAT_GUARDED] = { "guarded", NFPROTO_BRIDGE, { NAT_F_IFNAME } },
	[NAT_GUARDED_IP] = { "guarded_ip", NFPROTO_BRIDGE, { NAT_F_IFNAME } },
	[NAT_MACS] = { "macs", NFPROTO_BRIDGE, { NAT_F_IFNAME, NAT_F_MAC } },
	[NAT_IPS4] = { "ips4", NFPROTO_BRIDGE, { NAT_F_IFNAME, NAT_F_IP4 } },
	[NAT_IPS6] = { "ips6", NFPROTO_BRIDGE, { NAT_F_IFNAME, NAT_F_IP6 } },
	[NAT_COND4 +
		0] = { "conditional0", NFPROTO_IPV4, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
	[NAT_COND4 +
		1] = { "conditional1", NFPROTO_IPV4, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
	[NAT_COND4 +
		2] = { "conditional2", NFPROTO_IPV4, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
	[NAT_COND4 +
		3] = { "conditional3", NFPROTO_IPV4, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
	[NAT_COND6 +
		0] = { "conditional0", NFPROTO_IPV6, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
	[NAT_COND6 +
		1] = { "conditional1", NFPROTO_IPV6, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
	[NAT_COND6 +
		2] = { "conditional2", NFPROTO_IPV6, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
	[NAT_COND6 +
		3] = { "conditional3", NFPROTO_IPV6, { NAT_F_PROTO, NAT_F_PORT }, { NAT_F_CHAIN } },
};

/* Length in bytes, and nft's number of the type (so that "nft list" prints it). */
static const struct {
	uint8_t len, type;
} fields[] = {
	[NAT_F_IP4] = { 4, 7 },	   [NAT_F_IP6] = { 16, 8 },	[NAT_F_PROTO] = { 1, 12 },
	[NAT_F_PORT] = { 2, 13 },  [NAT_F_IFNAME] = { 16, 41 }, [NAT_F_MAC] = { 6, 9 },
	[NAT_F_CHAIN] = { 16, 0 },
};

static size_t padded(size_t len)
{
	return (len + 3) & ~3u;
}

size_t nat_fields_size(const enum nat_field *list)
{
	size_t size = 0;

	for (; *list; list++)
		size += padded(fields[*list].len);
	return size;
}

uint32_t nat_encoded_size(const enum nat_field *list)
{
	return list[1] ? nat_fields_size(list) : fields[list[0]].len;
}

static uint32_t type_number(const enum nat_field *list)
{
	uint32_t type = 0;

	for (; *list; list++)
		type = type << 6 | fields[*list].type;
	return type;
}

/* nft stores names of interfaces in the host's byte order, and has to be told when it lists them.
 */
static void set_byteorder(struct nftnl_set *set)
{
	enum { UDATA_KEYBYTEORDER = 0, HOST_ENDIAN = 1 }; /* nftables: NFTNL_UDATA_SET_... */
	struct nftnl_udata_buf *udata = nftnl_udata_buf_alloc(NFT_USERDATA_MAXLEN);

	if (!udata)
		abort();
	nftnl_udata_put_u32(udata, UDATA_KEYBYTEORDER, HOST_ENDIAN);
	nftnl_set_set_data(set, NFTNL_SET_USERDATA, nftnl_udata_buf_data(udata),
			   nftnl_udata_buf_len(udata));
	nftnl_udata_buf_free(udata);
}

void ruleset_put_set(struct nft *nft, const struct nat_set_info *info, uint32_t id, uint32_t flags)
{
	struct nftnl_set *set = nftnl_set_alloc();
	uint8_t lens[4];
	int n = 0;

	if (!set)
		abort();
	nftnl_set_set_u32(set, NFTNL_SET_FAMILY, info->family);
	nftnl_set_set_str(set, NFTNL_SET_TABLE, RULESET_TABLE);
	nftnl_set_set_str(set, NFTNL_SET_NAME, info->name);
	nftnl_set_set_u32(set, NFTNL_SET_ID, id);
	nftnl_set_set_u32(set, NFTNL_SET_KEY_TYPE, type_number(info->key));
	nftnl_set_set_u32(set, NFTNL_SET_KEY_LEN, nat_encoded_size(info->key));
	if (info->data[0]) {
		flags |= NFT_SET_MAP;
		nftnl_set_set_u32(set, NFTNL_SET_DATA_TYPE,
				  info->data[0] == NAT_F_CHAIN ? NFT_DATA_VERDICT
							       : type_number(info->data));
		nftnl_set_set_u32(set, NFTNL_SET_DATA_LEN, nat_encoded_size(info->data));
	}
	if (info->interval) {
		flags |= NFT_SET_INTERVAL | NFT_SET_CONCAT;
		for (; info->key[n]; n++)
			lens[n] = fields[info->key[n]].len;
		nftnl_set_set_data(set, NFTNL_SET_DESC_CONCAT, lens, n);
	}
	if (info->key[0] == NAT_F_IFNAME && !info->key[1])
		set_byteorder(set);
	nftnl_set_set_u32(set, NFTNL_SET_FLAGS, flags);
	nft_put_set(nft, set);
}
