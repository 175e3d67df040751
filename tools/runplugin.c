/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running one plugin of a list: its stdin, its environment, its error, the time it took. */
#include "runplugin.h"

#include "cleanup.h"
#include "conf.h"
#include "exec.h"

#include <string.h>
#include <sys/wait.h>
#include <time.h>

/* The part of CAP_ARGS that a plugin has declared to understand. New reference. */
static json_t *runtime_config(const struct run *run, const json_t *plugin)
{
	const json_t *declared = conf_get(plugin, "capabilities");
	json_t *out = json_object(), *value;
	const char *key;

	json_object_foreach (run->cap_args, key, value)
		if (json_is_true(conf_get(declared, key)))
			json_object_set(out, key, value);
	return out;
}

/* The configuration as one plugin gets it on stdin. Owned text. */
static char *plugin_input(const struct run *run, const json_t *plugin, const json_t *prev,
			  const json_t *valid)
{
	json_auto_t *conf = json_deep_copy(plugin);
	json_auto_t *runtime = runtime_config(run, plugin);

	json_object_set_new(conf, "name", json_string(run->list.name));
	json_object_set_new(conf, "cniVersion", json_string(version_name(run->list.version)));
	if (json_object_size(runtime))
		json_object_set(conf, "runtimeConfig", runtime);
	if (prev)
		json_object_set(conf, "prevResult", (json_t *)prev);
	if (valid) {
		json_object_set(conf, "cni.dev/valid-attachments", (json_t *)valid);
		json_object_set(conf, "cni.dev/attachments", (json_t *)valid); /* as libcni does */
	}
	return json_dumps(conf, JSON_COMPACT | JSON_SORT_KEYS);
}

/* Environment of a plugin. Owned array; the strings live in @store. */
static char **plugin_env(const struct run *run, const char *verb, bool attachment, char *store[6])
{
	char *changes[7] = { 0 };
	int n = 0;
	bool ok = asprintf(&store[n++], "CNI_COMMAND=%s", verb) > 0;

	ok = ok && asprintf(&store[n++], "CNI_PATH=%s", run->path) > 0;
	ok = ok && asprintf(&store[n++], "CNI_ARGS=%s", run->args ? run->args : "") > 0;
	ok = ok && asprintf(&store[n++], "CNI_CONTAINERID=%s", attachment ? run->id : "") > 0;
	ok = ok && asprintf(&store[n++], "CNI_NETNS=%s", attachment ? run->netns : "") > 0;
	ok = ok && asprintf(&store[n++], "CNI_IFNAME=%s", attachment ? run->ifname : "") > 0;
	if (!ok)
		return NULL;
	memcpy(changes, store, 6 * sizeof(*store));
	return exec_env(changes);
}

/* The plugin's error object, with the plugin and the operation named as libcni names them. */
static int plugin_failed(const char *type, const char *what, const char *output, int status,
			 struct cni_err *err)
{
	json_auto_t *obj = json_loads(output, 0, NULL);
	const char *msg = json_string_value(conf_get(obj, "msg"));
	const char *details = json_string_value(conf_get(obj, "details"));
	json_int_t code = json_integer_value(conf_get(obj, "code"));

	if (!msg && *output)
		return cni_fail(
			err, CNI_E_FAILED, 0,
			"plugin type=\"%s\" failed (%s): netplugin failed but error parsing its "
			"diagnostic message \"%.500s\"",
			type, what, output);
	if (!msg)
		return cni_fail(
			err, CNI_E_FAILED, 0,
			"plugin type=\"%s\" failed (%s): netplugin failed with no error message: "
			"%s %d",
			type, what, WIFSIGNALED(status) ? "signal" : "exit status",
			WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	return cni_fail(err, code ? (int)code : CNI_E_FAILED, 0,
			"plugin type=\"%s\" failed (%s): %s%s%s", type, what, msg,
			details && *details ? ": " : "", details ? details : "");
}

static void trace(const struct run *run, const char *type, const char *verb,
		  const struct timespec *start)
{
	struct timespec now;

	if (!run->trace)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	fprintf(stderr, "cnitool: %-8s %-16s %9.3f ms\n", verb, type,
		(double)(now.tv_sec - start->tv_sec) * 1e3 +
			(double)(now.tv_nsec - start->tv_nsec) / 1e6);
}

/* exec_find(), its error worded as libcni words it. */
static int find_plugin(const struct run *run, const char *type, const char *what,
		       char file[PATH_MAX], struct cni_err *err)
{
	autofree char *dirs = strdup(run->path);
	struct cni_err why = { 0 };
	int r = exec_find(type, run->path, file, &why);

	if (r == 0)
		return 0;
	for (char *p = dirs; p && *p; p++)
		if (*p == ':')
			*p = ' ';
	if (r == -ENOENT && dirs)
		return cni_fail(
			err, why.code, 0,
			"plugin type=\"%s\" failed (%s): failed to find plugin \"%s\" in path [%s]",
			type, what, type, dirs);
	return cni_fail(err, why.code, 0, "plugin type=\"%s\" failed (%s): %s", type, what,
			why.msg);
}

int run_plugin(const struct run *run, const json_t *plugin, const char *verb, const char *what,
	       const json_t *prev, const json_t *valid, char **output, struct cni_err *err)
{
	const char *type = json_string_value(conf_get(plugin, "type"));
	autofree char *input = plugin_input(run, plugin, prev, valid), *text = NULL;
	autofree char **env = NULL;
	char *store[6] = { 0 }, file[PATH_MAX];
	struct timespec start;
	int status = 0, r = find_plugin(run, type, what, file, err);

	if (r < 0)
		return r;
	env = plugin_env(run, verb, valid == NULL && strcmp(verb, "STATUS") != 0, store);
	clock_gettime(CLOCK_MONOTONIC, &start);
	r = env && input ? exec_run(file, env, input, &text, &status) : -ENOMEM;
	trace(run, type, verb, &start);
	for (size_t i = 0; i < ARRAY_SIZE(store); i++)
		free(store[i]);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r,
				"plugin type=\"%s\" failed (%s): cannot run %s", type, what, file);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return plugin_failed(type, what, text, status, err);
	if (output)
		*output = take_ptr(text);
	return 0;
}
