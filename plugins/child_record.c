/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Taking an attachment of macvlan, ipvlan, vlan or dummy away, for the plugins and for hawser. */
#include "plugins/child_record.h"

#include "cleanup.h"
#include "container.h"
#include "veth.h"

#include <string.h>

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

/* By its name; the link of an ADD that was killed may still have the one that it was made with. */
static int remove_link(const struct state_key *key, const char *netns, const char *id,
		       struct cni_err *err)
{
	struct container_link link = {
		.netns = netns, .name = key->ifname, .kind = key->plugin, .netns_id = id
	};
	struct veth_ids ids;
	int r = container_remove_link(&link, err);

	if (r != 0)
		return r;
	veth_ids(key->network, key->container_id, key->ifname, &ids);
	link.name = ids.host_name;
	return container_remove_link(&link, err);
}

int child_remove(const struct state_key *key, const struct cni_call *call, struct cni_err *err)
{
	json_auto_t *record = NULL;
	int r = state_read(key, &record), removed = 0;
	const struct cni_call *own = call && call->netns && call->container_id &&
						     !strcmp(call->container_id, key->container_id)
					     ? call
					     : NULL;
	const char *netns, *id;

	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return cni_fail(err, CNI_E_IO, r, "read the attachment record of %s",
				key->container_id);
	netns = text_of(record, "netns");
	id = text_of(record, CHILD_NETNS_ID);
	if (own && (record || !chain_claimed(own)))
		removed = remove_link(key, own->netns, NULL, err);
	if (removed == 0 && netns && id)
		removed = remove_link(key, netns, id, err);
	if (removed < 0)
		return removed;
	r = state_remove(key);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record of %s",
				key->container_id)
		     : 0;
}
