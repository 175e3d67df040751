/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Network configuration lists: finding one by name, the way libcni does. */
#include "netlist.h"

#include "args.h"
#include "cleanup.h"
#include "conf.h"
#include "file.h"
#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <strings.h>

#define CONF_MAX (16u << 20)

static const char *const lists[] = { ".conflist", NULL };
static const char *const singles[] = { ".conf", ".json", NULL };

/* Names in @dir that end in one of @suffixes, sorted; owned by the caller with every name. */
static int list_files(const char *dir, const char *const *suffixes, char ***names, int *n)
{
	struct dirent **found = NULL;
	int count = scandir(dir, &found, NULL, alphasort);

	*n = 0;
	if (count < 0)
		return errno == ENOENT ? 0 : -errno;
	*names = calloc(count + 1, sizeof(**names));
	for (int i = 0; i < count; i++) {
		const char *dot = strrchr(found[i]->d_name, '.');

		/* "<dir>/<name>/" may end in a suffix, too: dots are allowed in names */
		for (const char *const *s = suffixes;
		     dot && *names && found[i]->d_type != DT_DIR && *s; s++)
			if (strcmp(dot, *s) == 0)
				(*names)[(*n)++] = strdup(found[i]->d_name);
		free(found[i]);
	}
	free(found);
	return *names ? 0 : -ENOMEM;
}

static void free_names(char **names, int n)
{
	for (int i = 0; i < n; i++)
		free(names[i]);
	free(names);
}

static int load_object(const char *dir, const char *file, json_t **obj, char **bytes,
		       struct cni_err *err)
{
	autofree char *text = NULL;
	char path[PATH_MAX];
	json_error_t where;
	json_t *parsed;
	int r;

	snprintf(path, sizeof(path), "%s/%s", dir, file);
	r = file_read(AT_FDCWD, path, CONF_MAX, &text, NULL);
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "error reading %s", path);
	parsed = json_loads(text, 0, &where);
	if (!json_is_object(parsed)) {
		json_decref(parsed);
		return cni_fail(err, CNI_E_DECODE, 0, "error parsing configuration %s: line %d: %s",
				path, where.line, parsed ? "not an object" : where.text);
	}
	*obj = parsed;
	if (bytes)
		*bytes = take_ptr(text);
	return 0;
}

/* true, "true", or absent; anything else is an error. */
static int read_flag(const json_t *list, const char *key, bool *out, struct cni_err *err)
{
	const json_t *value = conf_get(list, key);
	const char *text = json_string_value(value);

	if (!value)
		return 0;
	if (json_is_boolean(value))
		*out = json_is_true(value);
	else if (text && !strcasecmp(text, "true"))
		*out = true;
	else if (text && !strcasecmp(text, "false"))
		*out = false;
	else
		return cni_fail(err, CNI_E_CONF, 0,
				"error parsing configuration list: invalid value of \"%s\"", key);
	return 0;
}

/* The highest version of cniVersion and cniVersions that exists for us. */
static int negotiate(struct netlist *l, struct cni_err *err)
{
	const json_t *one = conf_get(l->list, "cniVersion"),
		     *more = conf_get(l->list, "cniVersions");
	bool known = false;
	json_t *item;
	size_t i;

	if (version_parse(json_string_value(one), &l->version) == 0 &&
	    (!one || json_is_string(one)))
		known = !more || one;
	json_array_foreach (more, i, item) {
		enum cni_version v;

		if (json_is_string(item) && version_parse(json_string_value(item), &v) == 0 &&
		    (!known || v > l->version)) {
			l->version = v;
			known = true;
		}
	}
	if (!known)
		return cni_fail(
			err, CNI_E_VERSION, 0,
			"network \"%s\": no version in cniVersion and cniVersions is supported",
			l->name);
	return 0;
}

/* Plugins in files of <dir>/<name>/, unless the list says not to. */
static int load_extra(const char *dir, struct netlist *l, struct cni_err *err)
{
	static const char *const suffixes[] = { ".conf", NULL };
	char sub[PATH_MAX];
	char **names = NULL;
	int n, r;

	snprintf(sub, sizeof(sub), "%s/%s", dir, l->name);
	r = list_files(sub, suffixes, &names, &n);
	if (r < 0 && r != -ENOTDIR)
		cni_fail(err, CNI_E_IO, r, "error reading %s", sub);
	for (int i = 0; r == 0 && i < n; i++) {
		json_t *obj = NULL;

		r = load_object(sub, names[i], &obj, NULL, err);
		if (r == 0)
			json_array_append_new(l->plugins, obj);
	}
	free_names(names, n);
	return r == -ENOTDIR ? 0 : r;
}

static int check_plugins(const struct netlist *l, struct cni_err *err)
{
	json_t *item;
	size_t i;

	if (json_array_size(l->plugins) == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"error parsing configuration list: no plugins in list \"%s\"",
				l->name);
	json_array_foreach (l->plugins, i, item) {
		const char *type = json_string_value(conf_get(item, "type"));

		if (!type || !*type)
			return cni_fail(
				err, CNI_E_CONF, 0,
				"error parsing configuration list \"%s\": plugins[%zu]: missing "
				"\"type\"",
				l->name, i);
	}
	return 0;
}

/* Everything about a list whose object, bytes and name are set. */
static int complete(const char *dir, struct netlist *l, struct cni_err *err)
{
	const json_t *plugins = conf_get(l->list, "plugins");
	bool only_inlined = false;
	int r;

	if (plugins && !json_is_array(plugins))
		return cni_fail(err, CNI_E_CONF, 0,
				"error parsing configuration list: invalid \"plugins\" in \"%s\"",
				l->name);
	if (plugins && json_array_size(plugins) == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"error parsing configuration list: no plugins in list \"%s\"",
				l->name);
	l->plugins = plugins ? json_deep_copy(plugins) : json_array();
	r = negotiate(l, err);
	if (r == 0)
		r = read_flag(l->list, "disableCheck", &l->disable_check, err);
	if (r == 0)
		r = read_flag(l->list, "disableGC", &l->disable_gc, err);
	if (r == 0)
		r = read_flag(l->list, "loadOnlyInlinedPlugins", &only_inlined, err);
	if (r == 0 && !only_inlined)
		r = load_extra(dir, l, err);
	return r == 0 ? check_plugins(l, err) : r;
}

/* Look through files of one kind. Return: 1 when found, 0 when not, or a negative errno. */
static int search(const char *dir, const char *const *suffixes, bool single, const char *name,
		  struct netlist *out, int *files, struct cni_err *err)
{
	char **names = NULL;
	int n, r = list_files(dir, suffixes, &names, &n), found = 0;

	if (r < 0)
		cni_fail(err, CNI_E_IO, r, "error reading %s", dir);
	*files += n;
	for (int i = 0; r == 0 && !found && i < n; i++) {
		json_t *obj = NULL;
		char *bytes = NULL;

		r = load_object(dir, names[i], &obj, &bytes, err);
		found = r == 0 && json_string_value(conf_get(obj, "name")) &&
			strcmp(json_string_value(conf_get(obj, "name")), name) == 0;
		if (found && single) {
			/* a single plugin becomes a list of one */
			const json_t *v = conf_get(obj, "cniVersion");
			json_t *list = json_pack("{s:s, s:s, s:[O]}", "name", name, "cniVersion",
						 json_is_string(v) ? json_string_value(v) : "",
						 "plugins", obj);

			json_decref(obj);
			free(bytes);
			obj = list;
			bytes = json_dumps(list, JSON_COMPACT | JSON_SORT_KEYS);
		}
		if (found) {
			out->list = obj;
			out->bytes = bytes;
		} else {
			json_decref(obj);
			free(bytes);
		}
	}
	free_names(names, n);
	return r < 0 ? r : found;
}

int netlist_load(const char *dir, const char *name, struct netlist *out, struct cni_err *err)
{
	int files = 0, r = args_check_network(name, err);

	memset(out, 0, sizeof(*out));
	if (r == 0)
		r = search(dir, lists, false, name, out, &files, err);
	if (r == 0)
		r = search(dir, singles, true, name, out, &files, err);
	if (r == 0)
		return files ? cni_fail(err, CNI_E_CONF, 0,
					"no net configuration with name \"%s\" in %s", name, dir)
			     : cni_fail(err, CNI_E_CONF, 0, "no net configurations found in %s",
					dir);
	if (r < 0)
		return r;
	out->name = json_string_value(conf_get(out->list, "name"));
	r = complete(dir, out, err);
	if (r < 0)
		netlist_free(out);
	return r;
}

/* Names of files of one kind; those that are in @seen already are not given again. Return: how many
 * have none. */
static int each_name(const char *dir, const char *const *suffixes, json_t *seen,
		     int (*fn)(const char *name, void *arg), void *arg)
{
	char **names = NULL;
	int n, bad = 0, r = list_files(dir, suffixes, &names, &n);

	for (int i = 0; r == 0 && i < n; i++) {
		struct cni_err err = { 0 };
		json_t *obj = NULL;
		const char *name = NULL;

		if (load_object(dir, names[i], &obj, NULL, &err) < 0)
			log_warn("passed over: %s", err.msg);
		else if (!(name = json_string_value(conf_get(obj, "name"))))
			log_warn("passed over: %s/%s: no \"name\"", dir, names[i]);
		if (!name)
			bad++;
		else if (!json_object_get(seen, name)) {
			json_object_set_new(seen, name, json_true());
			r = fn(name, arg);
		}
		json_decref(obj);
	}
	free_names(names, n);
	return r < 0 ? r : bad;
}

int netlist_names(const char *dir, int (*fn)(const char *name, void *arg), void *arg)
{
	json_auto_t *seen = json_object();
	int n = seen ? each_name(dir, lists, seen, fn, arg) : -ENOMEM;
	int r = n < 0 ? n : each_name(dir, singles, seen, fn, arg);

	return r < 0 ? r : n + r;
}

void netlist_free(struct netlist *list)
{
	json_decref(list->list);
	json_decref(list->plugins);
	free(list->bytes);
	memset(list, 0, sizeof(*list));
}
