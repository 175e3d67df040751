/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attachment records: /run/hawser/attachments/<network>/<id>-<ifname> lists what ADD made. */
#include "state.h"

#include "cleanup.h"
#include "fault.h"
#include "file.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define RECORD_MAX (1u << 20) /* bytes; a record of 10,000 ports is below that */

static int record_path(char *path, size_t size, const char *network, const char *container_id,
		       const char *ifname)
{
	int n = snprintf(path, size, STATE_ROOT "/%s/%s-%s", network, container_id, ifname);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

static int open_network(const char *network, bool create)
{
	char path[PATH_MAX];
	int fd;

	snprintf(path, sizeof(path), STATE_ROOT "/%s", network);
	fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	if (fd < 0 && errno == ENOENT && create) {
		int r = file_mkdirs(path, 0755);

		if (r < 0)
			return r;
		fd = open(path, O_PATH | O_DIRECTORY | O_CLOEXEC);
	}
	return fd < 0 ? -errno : fd;
}

int state_write(const char *network, const char *container_id, const char *ifname,
		const json_t *record)
{
	autoclose int dir = open_network(network, true);
	autofree char *text = json_dumps(record, JSON_COMPACT);
	char name[NAME_MAX + 1];
	int r;

	if (dir < 0)
		return dir;
	if (!text)
		return -ENOMEM;
	if (snprintf(name, sizeof(name), "%s-%s", container_id, ifname) >= (int)sizeof(name))
		return -ENAMETOOLONG;
	r = file_create(dir, name, 0600, text, strlen(text));
	return r == -EEXIST ? file_replace(dir, name, 0600, text, strlen(text)) : r;
}

int state_read(const char *network, const char *container_id, const char *ifname, json_t **record)
{
	autofree char *text = NULL;
	char path[PATH_MAX];
	json_t *obj;
	int r = record_path(path, sizeof(path), network, container_id, ifname);

	if (r == 0)
		r = file_read(AT_FDCWD, path, RECORD_MAX, &text, NULL);
	if (r < 0)
		return r;
	obj = json_loads(text, 0, NULL);
	if (!json_is_object(obj)) {
		json_decref(obj);
		return -EBADMSG;
	}
	*record = obj;
	return 0;
}

int state_remove(const char *network, const char *container_id, const char *ifname)
{
	char path[PATH_MAX];
	int r = record_path(path, sizeof(path), network, container_id, ifname);

	if (r == 0)
		r = fault_step("remove the attachment record");
	if (r == 0 && unlink(path) < 0 && errno != ENOENT && errno != ENOTDIR)
		r = -errno;
	return r;
}

/* Whose record a file is: by its content, because ids and names may both contain '-'. */
static int visit(DIR *dir, const char *name, const char *plugin,
		 int (*fn)(const char *container_id, const char *ifname, void *arg), void *arg)
{
	autofree char *text = NULL;
	json_auto_t *obj = NULL;
	const char *id, *ifname, *owner;
	int r = file_read(dirfd(dir), name, RECORD_MAX, &text, NULL);

	if (r < 0)
		return r == -ENOENT ? 0 : r;
	obj = json_loads(text, 0, NULL);
	id = json_string_value(json_object_get(obj, "containerID"));
	ifname = json_string_value(json_object_get(obj, "ifname"));
	owner = json_string_value(json_object_get(obj, "plugin"));
	if (!id || !ifname || !owner || strcmp(owner, plugin) != 0)
		return 0;
	return fn(id, ifname, arg);
}

int state_each(const char *network, const char *plugin,
	       int (*fn)(const char *container_id, const char *ifname, void *arg), void *arg)
{
	autodir DIR *dir = NULL;
	char path[PATH_MAX];
	struct dirent *e;
	int result = 0;

	snprintf(path, sizeof(path), STATE_ROOT "/%s", network);
	dir = opendir(path);
	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((errno = 0, e = readdir(dir))) {
		int r;

		if (e->d_name[0] == '.')
			continue;
		r = visit(dir, e->d_name, plugin, fn, arg);
		if (r < 0 && result == 0)
			result = r;
	}
	return result == 0 && errno ? -errno : result;
}
