/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shaping of an attachment by its record: its names, and taking it away. */
#include "plugins/bandwidth_record.h"

#include "cleanup.h"
#include "hash.h"
#include "link.h"
#include "log.h"
#include "sha512.h"
#include "tc.h"

#include <string.h>

/* "bwp" and the first 12 hex digits of a digest. */
static void digest_name(const char *text, char name[IFNAMSIZ])
{
	uint8_t digest[64];

	sha512(text, strlen(text), digest);
	snprintf(name, IFNAMSIZ, "bwp%02x%02x%02x%02x%02x%02x", digest[0], digest[1], digest[2],
		 digest[3], digest[4], digest[5]);
}

void bandwidth_ids(const struct state_key *key, struct bandwidth_ids *out)
{
	const char *owner[] = { key->network, key->container_id, key->ifname, "ifb", NULL };
	char text[600];

	snprintf(text, sizeof(text), "%s%s", key->network, key->container_id);
	digest_name(text, out->ifb);
	snprintf(text, sizeof(text), "%s/%s/%s", key->network, key->container_id, key->ifname);
	digest_name(text, out->second_ifb);
	snprintf(text, sizeof(text), "%s/%s/%s/ingress", key->network, key->container_id,
		 key->ifname);
	digest_name(text, out->ingress_ifb);
	hash_mac(hash_strings(owner, 0), out->mac);
}

static int remove_qdisc(struct nlk *nl, const json_t *record, const char *key, uint32_t parent,
			uint32_t handle, struct cni_err *err)
{
	int index = (int)json_integer_value(json_object_get(record, "hostIndex")), r;
	const char *kind = json_string_value(json_object_get(record, key));

	if (index <= 0 || !kind)
		return 0;
	r = tc_del_qdisc(nl, index, parent, handle, kind);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "remove the %s qdisc of %s", kind,
				json_string_value(json_object_get(record, "hostInterface")))
		     : 0;
}

/* @mac: only a device with this address; NULL: whatever its address. */
static int remove_ifb(struct nlk *nl, const char *name, const uint8_t *mac, bool wait,
		      struct cni_err *err)
{
	struct link_info info;
	int r = link_get(nl, name, &info);

	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look up link %s", name);
	if (strcmp(info.kind, "ifb") != 0 || (mac && memcmp(info.mac, mac, 6) != 0)) {
		log_trace("link %s is not ours: left alone", name);
		return 0;
	}
	r = wait ? link_del(nl, info.index) : link_del_announced(info.index);
	return r < 0 && r != -ENODEV ? nlk_fail(err, nl, CNI_E_FAILED, r, "delete link %s", name)
				     : 0;
}

/* state_each() callback: another interface of the container has a record, and perhaps the name. */
static int is_of_container(const char *container_id, const char *ifname, void *arg)
{
	const char **id = arg;

	(void)ifname;
	if (*id && strcmp(container_id, *id) == 0)
		*id = NULL;
	return 0;
}

/* Without a record: a device that the Go plugin made for this container. It knows no other name. */
static int remove_foreign(struct nlk *nl, const struct state_key *key, const char *name, bool wait,
			  struct cni_err *err)
{
	const char *id = key->container_id;
	struct link_info info;
	int r = link_get(nl, name, &info);

	if (r == 0)
		r = state_each(key->network, "bandwidth", is_of_container, &id);
	if (r < 0 || !id)
		return 0;
	return remove_ifb(nl, name, NULL, wait, err);
}

/* What the record says, in the order in which no packet is sent nowhere. */
static int remove_recorded(struct nlk *nl, const json_t *record, const struct bandwidth_ids *ids,
			   bool wait, struct cni_err *err)
{
	static const char *const keys[] = { "ifb", "ingressIfb" };
	const char *const derived[] = { ids->ifb, ids->ingress_ifb };
	struct cni_err step = { 0 };
	int r = remove_qdisc(nl, record, "hook", TC_H_INGRESS, TC_HOOK, err);

	for (size_t i = 0; i < ARRAY_SIZE(keys); i++) {
		/* of a damaged record: the MAC tells */
		const char *ifb =
			record ? json_string_value(json_object_get(record, keys[i])) : derived[i];

		if (ifb && remove_ifb(nl, ifb, ids->mac, wait, &step) < 0)
			r = -EIO;
	}
	if (remove_qdisc(nl, record, "root", TC_H_ROOT, TC_HANDLE(1, 0), &step) < 0)
		r = -EIO;
	cni_err_merge(err, &step);
	return r;
}

int bandwidth_remove(const struct state_key *key, bool foreign, bool wait, struct cni_err *err)
{
	json_auto_t *record = NULL;
	autonlk struct nlk nl = { 0 };
	struct bandwidth_ids ids;
	int found = state_read(key, &record), r;

	if (found == -ENOENT && !foreign)
		return 0;
	r = nlk_open(&nl);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	bandwidth_ids(key, &ids);
	if (found == -ENOENT)
		return remove_foreign(&nl, key, ids.ifb, wait, err);
	r = remove_recorded(&nl, record, &ids, wait, err);
	if (r < 0)
		return r;
	r = state_remove(key);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record below " STATE_ROOT)
		     : 0;
}
