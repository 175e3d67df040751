/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Devices of the host that containers have, by their records: who has one, giving it back. */
#include "plugins/hostdev_record.h"

#include "cleanup.h"
#include "log.h"
#include "netns.h"

#include <limits.h>
#include <string.h>

/* What a record says of a device. Strings are borrowed. */
struct device {
	const char *name, *hwaddr, *alias, *master, *netns;
	uint64_t inode;
	bool up;
};

static const char *text_of(const json_t *record, const char *key)
{
	return json_string_value(json_object_get(record, key));
}

static void put_text(json_t *record, const char *key, const char *text)
{
	if (text && *text)
		json_object_set_new(record, key, json_string(text));
}

static void read_device(const json_t *record, struct device *out)
{
	const char *alias = text_of(record, "alias");

	*out = (struct device){
		.name = text_of(record, "device"),
		.hwaddr = text_of(record, "hwaddr"),
		.alias = alias ? alias : "",
		.master = text_of(record, "master"),
		.netns = text_of(record, "netns"),
		.inode = (uint64_t)json_integer_value(json_object_get(record, "netnsInode")),
		.up = json_is_true(json_object_get(record, "up")),
	};
}

void hostdev_record(json_t *record, struct nlk *nl, const struct hostdev_conf *conf,
		    const struct link_info *info, int netns_fd)
{
	char link[64], path[PATH_MAX], hw[LINK_HW_STRLEN];
	struct link_info master;
	const char *name;

	json_object_set_new(record, "netnsInode", json_integer((json_int_t)netns_inode(netns_fd)));
	put_text(record, "pciBusID", conf->pci);
	if (!info)
		return;
	/* back by itself from a container, and not renamed yet: its name is its alias */
	name = conf->device ? conf->device : info->name;
	put_text(record, "device", name);
	put_text(record, "hwaddr", link_hw_str(info, hw));
	/* older Go plugins leave the name there when they give a device back */
	if (strcmp(info->alias, name) != 0)
		put_text(record, "alias", info->alias);
	json_object_set_new(record, "up", json_boolean(info->flags & IFF_UP));
	if (info->master && link_get_index(nl, info->master, &master) == 0)
		put_text(record, "master", master.name);
	snprintf(link, sizeof(link), "/sys/class/net/%s/device", info->name);
	if (realpath(link, path))
		put_text(record, "kernelpath", path);
}

/* Whether a directory of sysfs is that of a recorded device, or one above it. */
static bool is_above(const char *dir, const char *recorded)
{
	char path[PATH_MAX];
	size_t len;

	if (!recorded || !realpath(dir, path))
		return false;
	len = strlen(path);
	return strncmp(path, recorded, len) == 0 && (recorded[len] == '/' || !recorded[len]);
}

static bool is_selected(const struct hostdev_conf *conf, const json_t *record)
{
	const char *recorded = text_of(record, "kernelpath"), *pci = text_of(record, "pciBusID");
	char path[PATH_MAX];

	if (conf->device)
		return text_of(record, "device") &&
		       strcmp(text_of(record, "device"), conf->device) == 0;
	if (conf->hwaddr)
		return text_of(record, "hwaddr") &&
		       strcasecmp(text_of(record, "hwaddr"), conf->hwaddr) == 0;
	if (conf->kernelpath)
		return is_above(conf->kernelpath, recorded);
	if (conf->pci && pci && strcmp(conf->pci, pci) == 0)
		return true;
	snprintf(path, sizeof(path), "/sys/bus/%s/devices/%s", conf->pci ? "pci" : "auxiliary",
		 conf->pci ? conf->pci : conf->aux);
	return is_above(path, recorded);
}

struct search {
	const struct hostdev_conf *conf;
	json_t *found;
};

/* state_all() callback. */
static int look_at_record(const json_t *record, void *arg)
{
	struct search *search = arg;
	autoclose int fd = -1;
	struct device device;

	if (search->found || strcmp(state_key_of(record).plugin, "host-device") != 0 ||
	    !is_selected(search->conf, record))
		return 0;
	read_device(record, &device);
	fd = netns_reopen(device.netns, device.inode);
	if (fd >= 0)
		search->found = json_incref((json_t *)record);
	return 0;
}

int hostdev_holder(const struct hostdev_conf *conf, json_t **holder)
{
	struct search search = { .conf = conf };
	int r = state_all(look_at_record, &search);

	if (!search.found)
		return r;
	*holder = search.found;
	return 1;
}

/* ---- giving back ---- */

static bool same_hw(const struct link_info *info, const char *hwaddr)
{
	char text[LINK_HW_STRLEN];

	return strcmp(link_hw_str(info, text), hwaddr ? hwaddr : "") == 0;
}

/* On the host, with its name: the rest of what the record remembers. */
static int settle(struct nlk *host, const struct link_info *info, const struct device *d,
		  struct cni_err *err)
{
	struct link_info master;
	int r;

	if (strcmp(info->alias, d->alias) != 0)
		link_queue_move(host, info->index, -1, d->name, d->alias);
	r = nlk_send(host, NULL, NULL);
	if (r == 0 && d->master && !info->master) {
		r = link_get(host, d->master, &master);
		if (r == 0) {
			link_queue_master(host, info->index, master.index);
			r = nlk_send(host, NULL, NULL);
		} else if (r == -ENODEV) {
			r = 0; /* the bridge has gone in the meantime */
		}
	}
	if (r == 0 && d->up && !(info->flags & IFF_UP)) {
		link_queue_flags(host, "set the device up", info->index, IFF_UP, IFF_UP);
		r = nlk_send(host, NULL, NULL);
	}
	return r < 0 ? nlk_fail(err, host, CNI_E_FAILED, r, "restore the state of %s", d->name) : 0;
}

/*
 * On the host: whether it came back by itself, or an earlier call was interrupted. A link of that
 * name alone may be somebody else's.
 */
static int bring_home(struct nlk *host, const char *ifname, const struct device *d,
		      struct cni_err *err)
{
	struct link_info info;
	int r = link_get(host, d->name, &info);

	if (r == 0)
		return link_has_alias(&info, d->name) || same_hw(&info, d->hwaddr)
			       ? settle(host, &info, d, err)
			       : 0;
	if (r == -ENODEV) {
		r = link_get(host, ifname, &info);
		if (r == -ENODEV || (r == 0 && !link_has_alias(&info, d->name)))
			r = link_find(host, link_has_alias, d->name, &info);
	}
	if (r == -ENODEV) {
		log_warn("the device %s is neither in the container nor on the host: it has died "
			 "with its namespace, or comes back under another name, with the alias %s",
			 d->name, d->name);
		return 0;
	}
	if (r == 0) {
		link_queue_flags(host, "set the device down", info.index, 0, IFF_UP);
		link_queue_move(host, info.index, -1, d->name, d->alias);
		r = nlk_send(host, NULL, NULL);
	}
	if (r < 0)
		return nlk_fail(err, host, CNI_E_FAILED, r, "give %s its name back", d->name);
	snprintf(info.alias, sizeof(info.alias), "%s", d->alias);
	info.flags &= ~(unsigned int)IFF_UP;
	return settle(host, &info, d, err);
}

/* The device inside a namespace: under its name there, or an ADD was interrupted before that. */
static int find_inside(struct nlk *inside, const char *ifname, const struct device *d,
		       struct link_info *info)
{
	int r = link_get(inside, ifname, info);

	if (r == 0 && link_has_alias(info, d->name))
		return 0;
	if (r < 0 && r != -ENODEV)
		return r;
	r = link_get(inside, d->name, info);
	return r == 0 && !same_hw(info, d->hwaddr) ? -ENODEV : r;
}

/* Move it out of a namespace. Return: 1, 0 when it is not there, or a negative errno. */
static int take_out(int netns_fd, struct nlk *host, const char *ifname, const struct device *d,
		    struct cni_err *err)
{
	autoclose int home = netns_current();
	autonlk struct nlk inside = { 0 };
	struct link_info info, other;
	int r = home < 0 ? home : nlk_open_in(&inside, netns_fd);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	r = find_inside(&inside, ifname, d, &info);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return nlk_fail(err, &inside, CNI_E_FAILED, r, "look up %s in the container",
				ifname);
	if (link_get(host, d->name, &other) == 0)
		return cni_fail(
			err, CNI_E_FAILED, EEXIST,
			"cannot give the device %s of the container back its name %s: another "
			"interface of the host has it",
			ifname, d->name);
	link_queue_move(&inside, info.index, home, d->name, d->alias);
	r = nlk_send(&inside, NULL, NULL);
	return r < 0 ? nlk_fail(err, &inside, CNI_E_FAILED, r, "move the device %s back as %s",
				ifname, d->name)
		     : 1;
}

/* Without a record: an attachment of the Go plugins, which keep the name in the alias, too. */
static int give_back_foreign(struct nlk *host, int netns_fd, const char *ifname,
			     struct cni_err *err)
{
	autonlk struct nlk inside = { 0 };
	struct link_info info = { 0 };
	struct device d = { .alias = "" };
	int r = nlk_open_in(&inside, netns_fd);

	if (r == 0)
		r = link_get(&inside, ifname, &info);
	if (r < 0 && r != -ENODEV)
		return nlk_fail(err, &inside, CNI_E_FAILED, r, "look up %s in the container",
				ifname);
	if (r == -ENODEV || !info.alias[0] || strlen(info.alias) >= IFNAMSIZ)
		return 0;
	d.name = info.alias;
	r = take_out(netns_fd, host, ifname, &d, err);
	return r < 0 ? r : 0;
}

/* The namespace: where the runtime says, else where ADD was told. -1: gone. */
static int open_container(const char *netns, const struct device *d)
{
	struct cni_err ignored = { 0 };
	int fd = netns ? netns_open(netns, &ignored) : -1;

	if (fd < 0)
		fd = netns_reopen(d->netns, d->inode);
	return fd;
}

static int give_back_recorded(struct nlk *host, int netns_fd, const char *ifname,
			      const struct device *d, struct cni_err *err)
{
	int r = netns_fd < 0 ? 0 : take_out(netns_fd, host, ifname, d, err);

	return r < 0 ? r : bring_home(host, ifname, d, err);
}

int hostdev_give_back(const struct state_key *key, const char *netns, bool foreign,
		      struct cni_err *err)
{
	json_auto_t *record = NULL;
	autonlk struct nlk host = { 0 };
	autoclose int fd = -1;
	struct device d = { 0 };
	int r = state_read(key, &record);

	if (r < 0 && r != -ENOENT && r != -EBADMSG)
		return cni_fail(err, CNI_E_IO, r, "read the attachment record below " STATE_ROOT);
	if (record)
		read_device(record, &d);
	fd = open_container(netns, &d);
	if (d.name || (foreign && fd >= 0)) {
		r = nlk_open(&host);
		if (r < 0)
			return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
		r = d.name ? give_back_recorded(&host, fd, key->ifname, &d, err)
			   : give_back_foreign(&host, fd, key->ifname, err);
		if (r < 0)
			return r;
	}
	r = state_remove(key);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record") : 0;
}
