/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Attachment records: /run/hawser/attachments/<network>/<id>-<ifname>:<plugin>. */
#include "state.h"

#include "cleanup.h"
#include "fault.h"
#include "file.h"
#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#define RECORD_MAX (4u << 20) /* bytes; a record of 10,000 scattered ports is below that */

static int record_name(char *name, size_t size, const struct state_key *key)
{
	int n = snprintf(name, size, "%s-%s:%s", key->container_id, key->ifname, key->plugin);

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

int state_write(const struct state_key *key, json_t *record)
{
	autoclose int dir = open_network(key->network, true);
	autofree char *text = NULL;
	char name[NAME_MAX + 1];
	int r = record_name(name, sizeof(name), key);

	if (dir < 0)
		return dir;
	if (r < 0)
		return r;
	json_object_set_new(record, "network", json_string(key->network));
	json_object_set_new(record, "containerID", json_string(key->container_id));
	json_object_set_new(record, "ifname", json_string(key->ifname));
	json_object_set_new(record, "plugin", json_string(key->plugin));
	json_object_set_new(record, "created", json_integer(time(NULL)));
	text = json_dumps(record, JSON_COMPACT);
	if (!text)
		return -ENOMEM;
	r = file_create(dir, name, 0600, text, strlen(text));
	return r == -EEXIST ? file_replace(dir, name, 0600, text, strlen(text)) : r;
}

static int load(int dir, const char *name, json_t **record)
{
	autofree char *text = NULL;
	json_t *obj;
	int r = file_read(dir, name, RECORD_MAX, &text, NULL);

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

int state_read(const struct state_key *key, json_t **record)
{
	autoclose int dir = open_network(key->network, false);
	char name[NAME_MAX + 1];
	int r = record_name(name, sizeof(name), key);

	if (dir < 0)
		return dir;
	return r < 0 ? r : load(dir, name, record);
}

bool state_exists(const struct state_key *key)
{
	char path[PATH_MAX], name[NAME_MAX + 1];

	if (record_name(name, sizeof(name), key) < 0)
		return false;
	snprintf(path, sizeof(path), STATE_ROOT "/%s/%s", key->network, name);
	return access(path, F_OK) == 0;
}

int state_remove(const struct state_key *key)
{
	autoclose int dir = open_network(key->network, false);
	char name[NAME_MAX + 1];
	int r = record_name(name, sizeof(name), key);

	if (dir == -ENOENT || dir == -ENOTDIR)
		return 0;
	if (dir < 0)
		return dir;
	if (r == 0)
		r = fault_step("remove the attachment record");
	if (r == 0 && unlinkat(dir, name, 0) < 0 && errno != ENOENT)
		r = -errno;
	return r;
}

struct state_key state_key_of(const json_t *record)
{
	return (struct state_key){
		.network = json_string_value(json_object_get(record, "network")),
		.container_id = json_string_value(json_object_get(record, "containerID")),
		.ifname = json_string_value(json_object_get(record, "ifname")),
		.plugin = json_string_value(json_object_get(record, "plugin")),
	};
}

size_t state_ips(const json_t *record, struct ip_net **ips)
{
	const json_t *list = json_object_get(record, "ips"), *text;
	size_t i, n = 0;

	*ips = calloc(json_array_size(list) + 1, sizeof(**ips));
	if (!*ips)
		abort();
	json_array_foreach (list, i, text)
		if (json_is_string(text) && ip_net_parse(json_string_value(text), &(*ips)[n]) == 0)
			n++;
	return n;
}

static DIR *list_network(const char *network)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), STATE_ROOT "/%s", network);
	return opendir(path);
}

static bool is_of_plugin(const char *name, const char *plugin)
{
	const char *suffix = strrchr(name, ':');

	return name[0] != '.' && suffix && strcmp(suffix + 1, plugin) == 0;
}

/* Whose record a file is: by its content, because ids and names may both contain '-'. */
static int visit(DIR *dir, const char *name,
		 int (*fn)(const char *container_id, const char *ifname, void *arg), void *arg)
{
	json_auto_t *obj = NULL;
	struct state_key key;
	int r = load(dirfd(dir), name, &obj);

	if (r == -ENOENT || r == -EBADMSG)
		return 0;
	if (r < 0)
		return r;
	key = state_key_of(obj);
	return key.container_id && key.ifname ? fn(key.container_id, key.ifname, arg) : 0;
}

int state_each(const char *network, const char *plugin,
	       int (*fn)(const char *container_id, const char *ifname, void *arg), void *arg)
{
	autodir DIR *dir = list_network(network);
	struct dirent *e;
	int result = 0;

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	while ((errno = 0, e = readdir(dir))) {
		int r = is_of_plugin(e->d_name, plugin) ? visit(dir, e->d_name, fn, arg) : 0;

		if (r < 0 && result == 0)
			result = r;
	}
	return result == 0 && errno ? -errno : result;
}

int state_others(const struct state_key *key)
{
	autodir DIR *dir = list_network(key->network);
	char own[NAME_MAX + 1];
	struct dirent *e;
	int r = record_name(own, sizeof(own), key);

	if (!dir)
		return errno == ENOENT ? 0 : -errno;
	if (r < 0)
		return r;
	while ((errno = 0, e = readdir(dir)))
		if (is_of_plugin(e->d_name, key->plugin) && strcmp(e->d_name, own) != 0)
			return 1;
	return errno ? -errno : 0;
}

static int visit_whole(DIR *dir, const char *network, const char *name,
		       int (*fn)(const json_t *record, void *arg), void *arg)
{
	json_auto_t *obj = NULL;
	struct state_key key;
	int r = load(dirfd(dir), name, &obj);

	if (r == -ENOENT)
		return 0;
	if (r == 0) {
		key = state_key_of(obj);
		if (key.network && key.container_id && key.ifname && key.plugin)
			return fn(obj, arg);
		r = -EBADMSG;
	}
	log_warn("record " STATE_ROOT "/%s/%s: %s", network, name, strerror(-r));
	return 0;
}

static int visit_network(const char *network, int (*fn)(const json_t *record, void *arg), void *arg)
{
	autodir DIR *dir = list_network(network);
	struct dirent *e;
	int result = 0;

	if (!dir)
		return errno == ENOENT || errno == ENOTDIR ? 0 : -errno;
	while ((errno = 0, e = readdir(dir))) {
		int r = e->d_name[0] == '.' ? 0 : visit_whole(dir, network, e->d_name, fn, arg);

		if (r < 0 && result == 0)
			result = r;
	}
	return result == 0 && errno ? -errno : result;
}

int state_all(int (*fn)(const json_t *record, void *arg), void *arg)
{
	autodir DIR *root = opendir(STATE_ROOT);
	struct dirent *e;
	int result = 0;

	if (!root)
		return errno == ENOENT ? 0 : -errno;
	while ((errno = 0, e = readdir(root))) {
		int r = e->d_name[0] == '.' ? 0 : visit_network(e->d_name, fn, arg);

		if (r < 0 && result == 0)
			result = r;
	}
	return result == 0 && errno ? -errno : result;
}
