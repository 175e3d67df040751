/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking an attachment of macvlan, ipvlan, vlan or dummy away, for the plugins and for hawser. */
#include "plugins/child_record.h"

#include "args.h"
#include "cleanup.h"
#include "container.h"
#include "veth.h"

#include <string.h>
#include <sys/stat.h>

char *child_netns_id(const struct stat *st, char buf[CHILD_NETNS_ID_STRLEN])
{
	snprintf(buf, CHILD_NETNS_ID_STRLEN, "%llx:%llx", (unsigned long long)st->st_dev,
		 (unsigned long long)st->st_ino);
	return buf;
}

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

/* The link of an ADD that was killed may still have the name that it was made with. */
static int remove_half_made(const struct state_key *key, const struct container_link *link,
			    struct cni_err *err)
{
	struct container_link temporary = *link;
	struct veth_ids ids;

	veth_ids(key->network, key->container_id, key->ifname, &ids);
	temporary.name = ids.host_name;
	return container_remove_link(&temporary, err);
}

/* Where the record says that the link is. */
static int remove_recorded(const struct state_key *key, const json_t *record,
			   const struct cni_call *own, struct cni_err *err)
{
	struct container_link link = { .netns = text_of(record, "netns"),
				       .name = key->ifname,
				       .kind = key->plugin };
	const char *mac_text = text_of(record, CHILD_MAC), *id = text_of(record, CHILD_NETNS_ID);
	char now[CHILD_NETNS_ID_STRLEN];
	uint8_t mac[6];
	struct stat st;
	int r;

	if (!link.netns)
		return 0;
	if (mac_text && mac_parse(mac_text, mac) == 0) {
		link.mac = mac;
		/* where the runtime says is already looked at */
		return own && strcmp(own->netns, link.netns) == 0
			       ? 0
			       : container_remove_link(&link, err);
	}
	if (stat(link.netns, &st) < 0 || !id || strcmp(child_netns_id(&st, now), id) != 0)
		return 0;
	r = container_remove_link(&link, err);
	return r < 0 ? r : remove_half_made(key, &link, err);
}

int child_remove(const struct state_key *key, const struct cni_call *call, struct cni_err *err)
{
	json_auto_t *record = NULL;
	int r = state_read(key, &record), removed;
	struct container_link link = { .name = key->ifname, .kind = key->plugin };
	const struct cni_call *own = call && call->netns && call->container_id &&
						     !strcmp(call->container_id, key->container_id)
					     ? call
					     : NULL;

	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return cni_fail(err, CNI_E_IO, r, "read the attachment record of %s",
				key->container_id);
	if (own && (record || !chain_claimed(own))) {
		link.netns = own->netns;
		removed = container_remove_link(&link, err);
		if (removed < 0)
			return removed;
	}
	if (record) {
		removed = remove_recorded(key, record, own, err);
		if (removed < 0)
			return removed;
	}
	r = state_remove(key);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record of %s",
				key->container_id)
		     : 0;
}
