/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What an interface was before it was tuned: kept in files, and put back. */
#include "plugins/tuning_record.h"

#include "args.h"
#include "cleanup.h"
#include "conf.h"
#include "fault.h"
#include "file.h"
#include "link.h"
#include "log.h"
#include "netns.h"
#include "sysctl.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define BACKUP_MAX 65536 /* bytes */
#define VALUE_MAX  4096	 /* bytes of a sysctl, as much as the kernel prints at once */

static void backup_name(char name[NAME_MAX + 1], const char *container_id, const char *ifname)
{
	snprintf(name, NAME_MAX + 1, "%s_%s.json", container_id, ifname);
}

int tuning_backup(const char *dir, const char *container_id, const char *ifname,
		  const json_t *values)
{
	autofree char *text = json_dumps(values, JSON_INDENT(1));
	autoclose int fd = -1;
	char name[NAME_MAX + 1];
	int r = file_mkdirs(dir, 0700);

	if (r < 0)
		return r;
	fd = open(dir, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0)
		return -errno;
	if (!text)
		return -ENOMEM;
	backup_name(name, container_id, ifname);
	r = file_create(fd, name, 0600, text, strlen(text));
	return r == -EEXIST ? file_replace(fd, name, 0600, text, strlen(text)) : r;
}

bool tuning_same_value(const char *a, const char *b)
{
	static const char blanks[] = " \t\n";

	for (;;) {
		size_t n;

		a += strspn(a, blanks);
		b += strspn(b, blanks);
		n = strcspn(a, blanks);
		if (n != strcspn(b, blanks) || strncmp(a, b, n) != 0)
			return false;
		if (n == 0)
			return true;
		a += n;
		b += n;
	}
}

/* What tuning_remove() has read, and works on inside the namespace. */
struct restore {
	const struct state_key *key;
	json_t *record, *backup; /* NULL: there is none */
};

static int restore_sysctls(const json_t *sysctls, struct cni_err *err)
{
	const char *path;
	json_t *one;
	int result = 0;

	json_object_foreach ((json_t *)sysctls, path, one) {
		const char *was = json_string_value(json_object_get(one, "was"));
		const char *set = json_string_value(json_object_get(one, "set"));
		char now[VALUE_MAX];
		int r;

		if (!was || !set || sysctl_read_text(path, now, sizeof(now)) < 0 ||
		    !tuning_same_value(now, set) || tuning_same_value(now, was))
			continue;
		r = sysctl_write_text(path, was);
		if (r < 0 && r != -ENOENT)
			result = cni_fail(err, CNI_E_FAILED, r, "put %s back to \"%.60s\"", path,
					  was);
	}
	return result;
}

static void queue_flag(struct nlk *nl, const struct link_info *info, const json_t *was,
		       unsigned int flag)
{
	if (json_is_boolean(was) && json_is_true(was) != !!(info->flags & flag))
		link_queue_flags(nl, "restore the interface's flags", info->index,
				 json_is_true(was) ? flag : 0, flag);
}

static int restore_link(const char *ifname, const json_t *was, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	const char *mac = json_string_value(conf_get(was, "mac"));
	const json_t *mtu = conf_get(was, "mtu"), *len = conf_get(was, "txQLen");
	struct link_info info;
	uint8_t bytes[6];
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	r = link_get(&nl, ifname, &info);
	if (r == -ENODEV)
		return 0;
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look up %s in the container", ifname);
	if (json_integer_value(mtu) > 0 && json_integer_value(mtu) != info.mtu)
		link_queue_mtu(&nl, info.index, json_integer_value(mtu));
	if (mac && mac_parse(mac, bytes) == 0 && memcmp(bytes, info.mac, 6) != 0)
		link_queue_mac(&nl, info.index, bytes);
	if (json_is_integer(len) && json_integer_value(len) != (json_int_t)info.tx_queue_len)
		link_queue_tx_queue_len(&nl, info.index, json_integer_value(len));
	queue_flag(&nl, &info, conf_get(was, "promisc"), IFF_PROMISC);
	queue_flag(&nl, &info, conf_get(was, "allmulti"), IFF_ALLMULTI);
	r = nlk_send(&nl, NULL, NULL);
	return r < 0 && r != -ENODEV
		       ? nlk_fail(err, &nl, CNI_E_FAILED, r, "put %s back to what it was", ifname)
		       : 0;
}

static int restore_inside(void *arg, struct cni_err *err)
{
	const struct restore *re = arg;
	struct cni_err step = { 0 };
	int r = restore_sysctls(json_object_get(re->record, "sysctl"), err);

	if (re->backup && restore_link(re->key->ifname, re->backup, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

/* A namespace that cannot be opened took what was changed along. */
static int restore(const struct restore *re, const char *netns, struct cni_err *err)
{
	struct cni_err gone = { 0 };
	autoclose int fd = netns ? netns_open(netns, &gone) : -1;

	if (fd < 0) {
		log_trace("nothing to put back: %s", netns ? gone.msg : "no network namespace");
		return 0;
	}
	return netns_run(fd, restore_inside, (void *)re, err);
}

static int read_backup(const char *path, json_t **backup)
{
	autofree char *text = NULL;
	int r = file_read(AT_FDCWD, path, BACKUP_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOTDIR ? -ENOENT : r;
	*backup = json_loads(text, 0, NULL);
	if (!*backup)
		log_warn("%s is damaged: what it was to restore stays as it is", path);
	return 0;
}

static int remove_files(const struct state_key *key, const char *path, struct cni_err *err)
{
	int r = *path ? fault_step("remove the backup file") : 0;

	if (r == 0 && *path && unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		r = -errno;
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "remove %s", path);
	r = state_remove(key);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record below " STATE_ROOT)
		     : 0;
}

int tuning_remove(const struct state_key *key, const char *netns, const char *dir,
		  struct cni_err *err)
{
	json_auto_t *record = NULL, *backup = NULL;
	char path[PATH_MAX] = "", name[NAME_MAX + 1];
	int found = state_read(key, &record), r = -ENOENT;
	struct restore re;

	if (found == 0)
		dir = json_string_value(json_object_get(record, "backupDir"));
	backup_name(name, key->container_id, key->ifname);
	if (dir && snprintf(path, sizeof(path), "%s/%s", dir, name) < (int)sizeof(path))
		r = read_backup(path, &backup);
	if (r < 0 && r != -ENOENT)
		return cni_fail(err, CNI_E_IO, r, "read %s", path);
	if (r == -ENOENT) {
		path[0] = '\0';
		if (found == -ENOENT)
			return 0;
	}
	re = (struct restore){ key, record, backup };
	r = restore(&re, netns, err);
	return r < 0 ? r : remove_files(key, path, err);
}
