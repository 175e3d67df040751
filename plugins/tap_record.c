/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking an attachment of tap away, for the plugin and for hawser. */
#include "plugins/tap_record.h"

#include "cleanup.h"
#include "container.h"
#include "netns.h"

#include <string.h>

/* The namespace that the record names, if it is still that one. */
static const char *recorded_netns(const json_t *record)
{
	const char *path = json_string_value(json_object_get(record, "netns"));
	json_int_t inode = json_integer_value(json_object_get(record, "netnsInode"));
	autoclose int fd = netns_reopen(path, (uint64_t)inode);

	return fd < 0 ? NULL : path;
}

int tap_remove(const struct state_key *key, const char *netns, bool foreign, struct cni_err *err)
{
	struct container_link link = { .netns = netns, .name = key->ifname, .kind = "tun" };
	json_auto_t *record = NULL;
	int r = state_read(key, &record);

	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return cni_fail(err, CNI_E_IO, r, "read the attachment record below " STATE_ROOT);
	r = 0;
	if (netns && (record || foreign))
		r = container_remove_link(&link, err);
	if (r == 0 && record) {
		link.netns = recorded_netns(record);
		r = link.netns ? container_remove_link(&link, err) : 0;
	}
	if (r < 0)
		return r;
	r = state_remove(key);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record") : 0;
}
