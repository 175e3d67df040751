/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Questions about iptables that the kernel answers without a process. */
#include "file.h"
#include "nft.h"
#include "xt_rules.h"

#include <fcntl.h>
#include <string.h>

/* ip_tables.h and ip6_tables.h of the kernel clash with the C library's headers; both agree here.
 */
#define SO_GET_INFO    64 /* IPT_SO_GET_INFO, IP6T_SO_GET_INFO */
#define SO_GET_ENTRIES 65 /* IPT_SO_GET_ENTRIES, IP6T_SO_GET_ENTRIES */

struct xt_getinfo { /* struct ipt_getinfo, struct ip6t_getinfo */
	char name[32];
	unsigned int valid_hooks, hook_entry[5], underflow[5], num_entries, size;
};

struct xt_entries { /* struct ipt_get_entries, struct ip6t_get_entries */
	char name[32];
	unsigned int size;
	uint8_t entries[] __attribute__((aligned(8)));
};

/* The answer to the one question of xt_nft_get(). */
struct answer {
	int error;
	struct xt_nft_chain *info; /* NULL: only whether it is there */
};

static void take_answer(unsigned int index, int error, const struct nlmsghdr *hdr, void *arg)
{
	struct answer *answer = arg;

	(void)index;
	answer->error = error;
	if (error || !hdr || !answer->info)
		return;
	answer->info->drops = nft_attr_u32(hdr, NFTA_CHAIN_POLICY, NF_ACCEPT) == NF_DROP;
	answer->info->used = nft_attr_u32(hdr, NFTA_CHAIN_USE, 0);
}

int xt_nft_get(int family, const char *table, const char *chain, struct xt_nft_chain *info)
{
	struct answer answer = { .info = chain ? info : NULL };
	autonft struct nft nft = { 0 };
	int r = nft_open(&nft);

	if (r < 0)
		return r;
	/* family numbers of netfilter are those of sockets for IPv4 and IPv6 */
	if (chain)
		nft_ask_chain(&nft, family, table, chain);
	else
		nft_ask_table(&nft, family, table);
	r = nft_ask(&nft, take_answer, &answer);
	return r < 0 ? r : answer.error;
}

int xt_legacy_has(int family, const char *table)
{
	const char *path =
		family == AF_INET ? "/proc/net/ip_tables_names" : "/proc/net/ip6_tables_names";
	autofree char *names = NULL;
	int r = file_read(AT_FDCWD, path, 4096, &names, NULL);

	if (r == -ENOENT) /* the module is not there, so no table is */
		return 0;
	if (r < 0)
		return r;
	for (char *name = names; *name; name += strcspn(name, "\n") + (strchr(name, '\n') != NULL))
		if (strcspn(name, "\n") == strlen(table) &&
		    strncmp(name, table, strlen(table)) == 0)
			return 1;
	return 0;
}

static int legacy_info(int family, int fd, struct xt_getinfo *info)
{
	socklen_t len = sizeof(*info);

	return getsockopt(fd, family == AF_INET ? SOL_IP : SOL_IPV6, SO_GET_INFO, info, &len) < 0
		       ? -errno
		       : 0;
}

int xt_legacy_find(int family, const char *table, const char *text, size_t len)
{
	autoclose int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	autofree struct xt_entries *all = NULL;
	struct xt_getinfo info = { 0 };
	socklen_t size;
	int r;

	snprintf(info.name, sizeof(info.name), "%s", table);
	r = fd < 0 ? -errno : legacy_info(family, fd, &info);
	if (r < 0)
		return r;
	size = (socklen_t)sizeof(*all) + info.size;
	all = calloc(1, size);
	if (!all)
		return -ENOMEM;
	snprintf(all->name, sizeof(all->name), "%s", table);
	all->size = info.size;
	/* fails when the size changed in between: then one does not know */
	if (getsockopt(fd, family == AF_INET ? SOL_IP : SOL_IPV6, SO_GET_ENTRIES, all, &size) < 0)
		return -errno;
	return memmem(all->entries, info.size, text, len) != NULL;
}

/* Whether the table certainly has no chain of this name, or no rule with this comment. */
static bool legacy_lacks(int family, const char *table, const char *text)
{
	return xt_legacy_find(family, table, text, strlen(text) + 1) == 0;
}

bool xt_installed(int family)
{
	char path[PATH_MAX];

	return xt_tool_find(xt_tool(family, "save"), path) == 0 &&
	       xt_tool_find(xt_tool(family, "restore"), path) == 0;
}

/* Errors with which the kernel says that it knows no such thing as what was asked for. */
static bool unknown_to_kernel(int r)
{
	return r == -EINVAL || r == -EAFNOSUPPORT || r == -EPROTONOSUPPORT || r == -EOPNOTSUPP;
}

enum xt_variant xt_variant_of(int family)
{
	char path[PATH_MAX];

	return xt_tool_find(xt_tool(family, "save"), path) < 0 ? XT_OTHER : xt_variant(path);
}

bool xt_absent(int family, const char *table, const char *chain)
{
	char path[PATH_MAX];
	int r;

	if (xt_tool_find(xt_tool(family, "save"), path) < 0)
		return false;
	switch (xt_variant(path)) {
	case XT_NFT:
		r = xt_nft_get(family, table, chain, NULL);
		return r == -ENOENT || unknown_to_kernel(r);
	case XT_LEGACY:
		r = xt_legacy_has(family, table);
		return r == 0 || (r > 0 && chain && legacy_lacks(family, table, chain));
	case XT_OTHER:
		break;
	}
	return false;
}

bool xt_uncommented(int family, const char *table, const char *chain, const char *comment)
{
	struct xt_nft_chain info = { 0 };
	char path[PATH_MAX];
	int r;

	if (xt_absent(family, table, NULL))
		return true;
	if (xt_tool_find(xt_tool(family, "save"), path) < 0)
		return false;
	switch (xt_variant(path)) {
	case XT_NFT:
		r = xt_nft_get(family, table, chain, &info);
		return r == -ENOENT || (r == 0 && !info.used);
	case XT_LEGACY:
		return legacy_lacks(family, table, comment);
	case XT_OTHER:
		break;
	}
	return false;
}

int xt_legacy_usable(int family, const char *table)
{
	autoclose int fd = socket(family, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	struct xt_getinfo info = { 0 };
	int r;

	snprintf(info.name, sizeof(info.name), "%s", table);
	r = fd < 0 ? -errno : legacy_info(family, fd, &info);
	return r == -ENOPROTOOPT || r == -ENOENT ? -EOPNOTSUPP : r;
}

int xt_usable(int family)
{
	char path[PATH_MAX];
	int r;

	if (!xt_installed(family))
		return -ENOENT;
	r = xt_tool_find(xt_tool(family, "restore"), path);
	if (r < 0)
		return r;
	switch (xt_variant(path)) {
	case XT_NFT:
		r = xt_nft_get(family, "nat", NULL, NULL);
		return r == -ENOENT ? 0 : unknown_to_kernel(r) ? -EOPNOTSUPP : r;
	case XT_LEGACY:
		return xt_legacy_usable(family, "nat");
	case XT_OTHER:
		break;
	}
	return 0;
}

/* Whether a built-in chain of the filter table drops, or has rules that are not CNI plugins'. */
static int chain_drops(int family, const char *name)
{
	auto_xt_output struct xt_output output = { 0 };
	auto_xt_save struct xt_save save = { 0 };
	const char *argv[] = { xt_tool(family, "save"), "-t", "filter", NULL };
	struct xt_nft_chain chain = { 0 };
	char path[PATH_MAX], append[32], drops[32];
	int r;

	if (xt_tool_find(argv[0], path) < 0)
		return 0;
	if (xt_absent(family, "filter", NULL))
		return 0;
	if (xt_variant(path) == XT_NFT) {
		r = xt_nft_get(family, "filter", name, &chain);
		if (r == -ENOENT)
			return 0;
		if (r < 0 || chain.drops)
			return r < 0 ? r : 1;
		if (!chain.used)
			return 0;
	}
	r = xt_tool_run(path, argv, "", &output);
	if (r < 0)
		return r;
	if (output.status != 0)
		return -EIO;
	r = output.out.s ? xt_save_parse(take_ptr(output.out.s), &save) : 0;
	if (r < 0)
		return r;
	snprintf(append, sizeof(append), "-A %s ", name);
	snprintf(drops, sizeof(drops), ":%s DROP", name);
	for (size_t i = 0; i < save.n; i++) {
		const char *line = save.lines[i], *target = xt_line_target(line);

		if (strcmp(line, drops) == 0)
			return 1;
		if (strncmp(line, append, strlen(append)) == 0 &&
		    !(target && strncmp(target, "CNI-", 4) == 0))
			return 1;
	}
	return 0;
}

int xt_forward_drops(int family)
{
	return chain_drops(family, "FORWARD");
}

int xt_input_drops(int family)
{
	return chain_drops(family, "INPUT");
}
