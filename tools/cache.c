/* SPDX-License-Identifier: GPL-2.0-or-later */
/* libcni's cache of attachments, /var/lib/cni/results: same names and JSON, written atomically. */
#include "cache.h"

#include "cleanup.h"
#include "conf.h"
#include "file.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

#define CACHE_MAX (64u << 20)

/* RFC 4648 section 4. Owned by the caller. */
static char *base64(const char *text)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	size_t len = strlen(text), n = 0;
	char *out = malloc(4 * (len / 3 + 1) + 1);

	for (size_t i = 0; out && i < len; i += 3) {
		uint32_t v = (uint32_t)(unsigned char)text[i] << 16;

		v |= i + 1 < len ? (uint32_t)(unsigned char)text[i + 1] << 8 : 0;
		v |= i + 2 < len ? (uint32_t)(unsigned char)text[i + 2] : 0;
		out[n++] = digits[v >> 18];
		out[n++] = digits[v >> 12 & 63];
		out[n++] = i + 1 < len ? digits[v >> 6 & 63] : '=';
		out[n++] = i + 2 < len ? digits[v & 63] : '=';
	}
	if (out)
		out[n] = '\0';
	return out;
}

static int file_name(char *name, size_t size, const char *network, const char *container_id,
		     const char *ifname)
{
	int n = snprintf(name, size, "%s-%s-%s", network, container_id, ifname);

	return n < 0 || (size_t)n >= size ? -ENAMETOOLONG : 0;
}

/* CNI_ARGS as a list of pairs, [["K", "V"], ...]. New reference. */
static json_t *args_to_pairs(const char *args)
{
	autofree char *copy = strdup(args);
	json_t *pairs = json_array();
	char *save = NULL;

	for (char *p = copy ? strtok_r(copy, ";", &save) : NULL; p;
	     p = strtok_r(NULL, ";", &save)) {
		char *eq = strchr(p, '=');

		if (!eq)
			continue;
		*eq = '\0';
		json_array_append_new(pairs, json_pack("[s, s]", p, eq + 1));
	}
	return pairs;
}

int cache_write(const struct cache_entry *e)
{
	autofree char *config = base64(e->config), *text = NULL;
	json_auto_t *obj = json_pack("{s:s, s:s, s:s, s:s, s:s}", "kind", "cniCacheV1",
				     "containerId", e->container_id, "config", config ? config : "",
				     "ifName", e->ifname, "networkName", e->network);
	autoclose int dir = -1;
	char name[NAME_MAX + 1];
	int r = file_name(name, sizeof(name), e->network, e->container_id, e->ifname);

	if (r < 0)
		return r;
	if (e->netns)
		json_object_set_new(obj, "netns", json_string(e->netns));
	if (e->cni_args && *e->cni_args)
		json_object_set_new(obj, "cniArgs", args_to_pairs(e->cni_args));
	if (e->cap_args)
		json_object_set(obj, "capabilityArgs", (json_t *)e->cap_args);
	json_object_set(obj, "result", (json_t *)e->result);
	text = json_dumps(obj, JSON_COMPACT);
	if (!text || !config)
		return -ENOMEM;
	r = file_mkdirs(CACHE_DIR, 0700);
	if (r < 0)
		return r;
	dir = open(CACHE_DIR, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return dir < 0 ? -errno : file_replace(dir, name, 0600, text, strlen(text));
}

static int read_file(const char *name, json_t **obj)
{
	autofree char *text = NULL;
	char path[PATH_MAX];
	json_t *parsed;
	int r;

	snprintf(path, sizeof(path), CACHE_DIR "/%s", name);
	r = file_read(AT_FDCWD, path, CACHE_MAX, &text, NULL);
	if (r < 0)
		return r;
	parsed = json_loads(text, 0, NULL);
	if (!json_is_object(parsed)) {
		json_decref(parsed);
		return -EBADMSG;
	}
	/* the format before cniCacheV1 was the result alone */
	if (!conf_get(parsed, "kind"))
		parsed = json_pack("{s:o}", "result", parsed);
	*obj = parsed;
	return 0;
}

int cache_read(const char *network, const char *container_id, const char *ifname, json_t **obj)
{
	char name[NAME_MAX + 1];
	int r = file_name(name, sizeof(name), network, container_id, ifname);

	return r < 0 ? r : read_file(name, obj);
}

int cache_remove(const char *network, const char *container_id, const char *ifname)
{
	char name[NAME_MAX + 1], path[PATH_MAX];
	int r = file_name(name, sizeof(name), network, container_id, ifname);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), CACHE_DIR "/%s", name);
	return unlink(path) < 0 && errno != ENOENT ? -errno : 0;
}

int cache_list(const char *network, json_t **list)
{
	autodir DIR *dir = opendir(CACHE_DIR);
	struct dirent *e;

	if (!dir && errno != ENOENT)
		return -errno;
	*list = json_array();
	while (dir && (e = readdir(dir))) {
		json_t *obj = NULL;
		const char *name;

		if (e->d_name[0] == '.' || read_file(e->d_name, &obj) < 0)
			continue;
		name = json_string_value(conf_get(obj, "networkName"));
		if (name && (!network || strcmp(name, network) == 0))
			json_array_append(*list, obj);
		json_decref(obj);
	}
	return 0;
}
