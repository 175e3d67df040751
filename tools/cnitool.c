/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * cnitool: runs a network list the way a container runtime does, compatible with the tool of the
 * same name of the CNI project: environment, container id, cache, list handling.
 *
 * ADD runs the plugins in order, each with the result of the one before; CHECK and DEL use the
 * cached result, DEL in reverse order. GC first detaches every cached attachment of the network
 * that is not to be kept, then asks each plugin to collect the rest.
 */
#include "args.h"
#include "cache.h"
#include "cleanup.h"
#include "conf.h"
#include "runplugin.h"
#include "sha512.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>

#define DEFAULT_CONF_DIR "/etc/cni/net.d"
#define DEFAULT_PATH	 "/opt/cni/bin"

static const char usage_text[] =
	"usage: cnitool [OPTIONS] add|check|del NETWORK NETNS\n"
	"       cnitool [OPTIONS] status NETWORK\n"
	"       cnitool [OPTIONS] gc NETWORK\n"
	"\n"
	"Runs the plugins of a network for the network namespace at the path NETNS.\n"
	"gc detaches every attachment of the network in the cache (" CACHE_DIR "), except\n"
	"those kept, then has each plugin release whatever else is not kept: with no --keep, "
	"everything.\n"
	"\n"
	"  -i, --ifname NAME   interface in the container (default: $CNI_IFNAME, else eth0)\n"
	"  -k, --keep ID       gc: keep this container id (\"ID:IFNAME\": one interface); "
	"repeatable.\n"
	"                      Without IFNAME the id must be in the cache.\n"
	"  -t, --trace         time of each plugin on standard error\n"
	"  -h, --help          this text\n"
	"\n"
	"Environment: NETCONFPATH (" DEFAULT_CONF_DIR "), CNI_PATH (" DEFAULT_PATH "), CNI_ARGS,\n"
	"CAP_ARGS (JSON object of capability arguments), CNI_IFNAME.\n";

static int print_json(const json_t *obj)
{
	autofree char *text = json_dumps(obj, JSON_INDENT(4));

	return text && fputs(text, stdout) >= 0 && fflush(stdout) == 0 ? 0 : -EIO;
}

/* ADD: every plugin in order; the last result is cached and printed. */
static int add(struct run *run, struct cni_err *err)
{
	struct cache_entry entry = { .network = run->list.name,
				     .container_id = run->id,
				     .ifname = run->ifname,
				     .netns = run->netns,
				     .config = run->list.bytes,
				     .cni_args = run->args,
				     .cap_args = run->cap_args };
	json_auto_t *prev = NULL;
	const char *version;
	json_t *plugin;
	size_t i;
	int r;

	json_array_foreach (run->list.plugins, i, plugin) {
		autofree char *output = NULL;
		json_t *result;

		r = run_plugin(run, plugin, "ADD", "add", prev, NULL, &output, err);
		if (r < 0)
			return r;
		result = json_loads(output, 0, NULL);
		if (!json_is_object(result)) {
			json_decref(result);
			return cni_fail(
				err, CNI_E_DECODE, 0,
				"plugin type=\"%s\" failed (add): its result is not a JSON object",
				json_string_value(conf_get(plugin, "type")));
		}
		version = json_string_value(conf_get(result, "cniVersion"));
		if (!version || !*version)
			json_object_set_new(result, "cniVersion",
					    json_string(version_name(run->list.version)));
		json_decref(prev);
		prev = result;
	}
	entry.result = prev;
	r = cache_write(&entry);
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "failed to set network \"%s\" cached result",
				run->list.name);
	return print_json(prev);
}

/* The cached result in the list's version; NULL when none can be used. New reference. */
static json_t *cached_result(const struct run *run, struct cni_err *err)
{
	json_auto_t *cached = NULL;
	struct cni_result result = { 0 };
	json_t *out = NULL;
	int r = cache_read(run->list.name, run->id, run->ifname, &cached);

	if (r == 0 && !json_is_object(conf_get(cached, "result")))
		r = -EBADMSG;
	if (r < 0) {
		cni_fail(err, CNI_E_IO, r, "failed to get network \"%s\" cached result",
			 run->list.name);
		return NULL;
	}
	r = result_from_json(conf_get(cached, "result"), run->list.version, "cached result",
			     &result, err);
	if (r == 0)
		result_to_json(&result, run->list.version, &out, err);
	result_free(&result);
	return out;
}

static int check(struct run *run, struct cni_err *err)
{
	json_auto_t *prev = NULL;
	json_t *plugin;
	size_t i;

	if (run->list.version < CNI_0_4_0)
		return cni_fail(err, CNI_E_VERSION, 0,
				"configuration version \"%s\" does not support the CHECK command",
				version_name(run->list.version));
	if (run->list.disable_check)
		return 0;
	prev = cached_result(run, err);
	if (!prev)
		return -EINVAL;
	json_array_foreach (run->list.plugins, i, plugin) {
		int r = run_plugin(run, plugin, "CHECK", "check", prev, NULL, NULL, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static int del(struct run *run, struct cni_err *err)
{
	json_auto_t *prev = NULL;
	struct cni_err why = { 0 };
	int r;

	if (run->list.version >= CNI_0_4_0) {
		prev = cached_result(run, &why);
		if (!prev && why.errnum != ENOENT)
			fprintf(stderr, "cnitool: going on without prevResult: %s\n", why.msg);
	}
	for (size_t i = json_array_size(run->list.plugins); i-- > 0;) {
		r = run_plugin(run, json_array_get(run->list.plugins, i), "DEL", "delete", prev,
			       NULL, NULL, err);
		if (r < 0)
			return r;
	}
	r = cache_remove(run->list.name, run->id, run->ifname);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the cached result") : 0;
}

static int status(struct run *run, struct cni_err *err)
{
	json_t *plugin;
	size_t i;

	if (run->list.version < CNI_1_1_0)
		return 0; /* as libcni: nothing to ask below 1.1.0 */
	json_array_foreach (run->list.plugins, i, plugin) {
		int r = run_plugin(run, plugin, "STATUS", "status", NULL, NULL, NULL, err);

		if (r < 0)
			return r;
	}
	return 0;
}

static bool kept(const struct run *run, const char *id, const char *ifname)
{
	json_t *item;
	size_t i;

	json_array_foreach (run->keep, i, item) {
		const char *only = json_string_value(json_object_get(item, "ifname"));

		if (!strcmp(json_string_value(json_object_get(item, "containerID")), id) &&
		    (!only || !strcmp(only, ifname)))
			return true;
	}
	return false;
}

/* The cache's [["K", "V"], ...] as CNI_ARGS. Owned text. */
static char *pairs_to_args(const json_t *pairs)
{
	char *args = NULL;
	json_t *pair;
	size_t i, size;
	FILE *f = open_memstream(&args, &size);

	if (!f)
		return NULL;
	json_array_foreach (pairs, i, pair) {
		const char *key = json_string_value(json_array_get(pair, 0));
		const char *value = json_string_value(json_array_get(pair, 1));

		if (key && value)
			fprintf(f, "%s%s=%s", ftell(f) > 0 ? ";" : "", key, value);
	}
	fclose(f);
	return args;
}

/* DEL one cached attachment with the arguments it was made with. */
static int del_cached(const struct run *run, const json_t *cached, struct cni_err *err)
{
	struct run one = *run;
	const char *id = json_string_value(conf_get(cached, "containerId"));
	const char *netns = json_string_value(conf_get(cached, "netns"));
	autofree char *args = pairs_to_args(conf_get(cached, "cniArgs"));
	struct cni_err why = { 0 };

	one.args = args;
	one.cap_args = conf_get(cached, "capabilityArgs");
	one.ifname = json_string_value(conf_get(cached, "ifName"));
	snprintf(one.netns, sizeof(one.netns), "%s", netns ? netns : "");
	/* a file of somebody else: what is in it goes into names of files and links */
	if (args_check_id(id, &why) == 0 &&
	    args_check_ifname(one.ifname, CNI_E_ENV, "ifName", &why) == 0) {
		snprintf(one.id, sizeof(one.id), "%s", id);
		if (del(&one, &why) == 0)
			return 0;
	}
	return cni_fail(err, why.code, 0, "failed to delete stale attachment %s %s: %s", id,
			one.ifname, why.msg);
}

/*
 * What is still valid, with every interface named: a kept id alone stands for its cached
 * interfaces. One that is not cached would be released by the plugins although it was to be kept:
 * an error. New reference.
 */
static int valid_attachments(const struct run *run, const json_t *cached, json_t **out,
			     struct cni_err *err)
{
	json_auto_t *valid = json_array();
	json_t *keep, *item;
	size_t i, k;

	json_array_foreach (run->keep, k, keep) {
		const char *want = json_string_value(json_object_get(keep, "containerID"));
		bool found = json_object_get(keep, "ifname");

		if (found)
			json_array_append(valid, keep);
		json_array_foreach (found ? NULL : cached, i, item) {
			const char *id = json_string_value(conf_get(item, "containerId"));
			const char *ifname = json_string_value(conf_get(item, "ifName"));

			if (!id || !ifname || strcmp(id, want) != 0)
				continue;
			json_array_append_new(valid, json_pack("{s:s, s:s}", "containerID", id,
							       "ifname", ifname));
			found = true;
		}
		if (!found)
			return cni_fail(err, CNI_E_ENV, 0,
					"--keep %s: not in " CACHE_DIR " for network \"%s\", "
					"so its interface must be named: --keep %s:IFNAME",
					want, run->list.name, want);
	}
	*out = take_ptr(valid);
	return 0;
}

/* The first error is kept for the end; the others would be lost. */
static void gc_merge(struct cni_err *err, const struct cni_err *step)
{
	if (err->code && step->code)
		fprintf(stderr, "cnitool: %s\n", step->msg);
	cni_err_merge(err, step);
}

static int gc(struct run *run, struct cni_err *err)
{
	json_auto_t *cached = NULL, *valid = NULL;
	json_t *item;
	size_t i;
	int r;

	if (run->list.disable_gc)
		return 0;
	r = cache_list(run->list.name, &cached);
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "list " CACHE_DIR);
	r = valid_attachments(run, cached, &valid, err);
	if (r < 0)
		return r;
	json_array_foreach (cached, i, item) {
		const char *id = json_string_value(conf_get(item, "containerId"));
		const char *ifname = json_string_value(conf_get(item, "ifName"));
		struct cni_err step = { 0 };

		if (id && ifname && !kept(run, id, ifname))
			del_cached(run, item, &step);
		gc_merge(err, &step);
	}
	json_array_foreach (run->list.plugins, i, item) {
		struct cni_err step = { 0 };

		if (run->list.version >= CNI_1_1_0)
			run_plugin(run, item, "GC", "gc", NULL, valid, NULL, &step);
		gc_merge(err, &step);
	}
	return err->code ? -EINVAL : 0;
}

/* filepath.Clean() of Go on an absolute path, in place: no "//", "/./" and "/../", no final '/'. */
static void path_clean(char *path)
{
	char *end = path;

	for (const char *p = path; *p;) {
		size_t len;

		p += strspn(p, "/");
		len = strcspn(p, "/");
		if (len == 2 && memcmp(p, "..", 2) == 0) {
			while (end > path && *--end != '/')
				;
		} else if (len > 1 || (len == 1 && *p != '.')) {
			*end++ = '/';
			memmove(end, p, len);
			end += len;
		}
		p += len;
	}
	if (end == path)
		*end++ = '/';
	*end = '\0';
}

/* The namespace's absolute path, and the container id derived from it as upstream derives it. */
static int identify(struct run *run, const char *netns, struct cni_err *err)
{
	/* $PWD where it is right, as Go: through a symbolic link the id would differ otherwise */
	autofree char *cwd = netns[0] == '/' ? strdup("") : get_current_dir_name();
	uint8_t digest[64];
	size_t n;

	if (!cwd)
		return cni_fail(err, CNI_E_ENV, errno, "working directory");
	if (snprintf(run->netns, sizeof(run->netns), "%s/%s", cwd, netns) >= PATH_MAX)
		return cni_fail(err, CNI_E_ENV, 0, "the path \"%.100s\" is too long", netns);
	path_clean(run->netns);
	sha512(run->netns, strlen(run->netns), digest);
	n = snprintf(run->id, sizeof(run->id), "cnitool-");
	for (int i = 0; i < 10; i++)
		n += snprintf(run->id + n, sizeof(run->id) - n, "%02x", digest[i]);
	return args_check_ifname(run->ifname, CNI_E_ENV, "CNI_IFNAME", err);
}

/* CNI_ARGS must be pairs; CAP_ARGS a JSON object. */
static int read_env(struct run *run, struct cni_err *err)
{
	const char *caps = getenv("CAP_ARGS"), *args = getenv("CNI_ARGS");
	const char *path = getenv("CNI_PATH");
	json_error_t where;

	run->path = path && *path ? path : DEFAULT_PATH;
	run->args = args && *args ? args : NULL;
	for (const char *p = run->args; p && *p;) {
		size_t len = strcspn(p, ";"), key = strcspn(p, "=");

		if (len && (key == 0 || key + 1 >= len))
			return cni_fail(err, CNI_E_ENV, 0, "CNI_ARGS: invalid pair \"%.*s\"",
					(int)len, p);
		p += len + (p[len] == ';');
	}
	if (!caps || !*caps)
		return 0;
	run->cap_args = json_loads(caps, 0, &where);
	if (!json_is_object(run->cap_args))
		return cni_fail(err, CNI_E_ENV, 0, "CAP_ARGS: not a JSON object: %s",
				run->cap_args ? "another type" : where.text);
	return 0;
}

/* "ID" or "ID:IFNAME" */
static void keep_one(struct run *run, const char *text)
{
	size_t len = strcspn(text, ":");
	json_t *item = json_pack("{s:s%}", "containerID", text, len);

	if (item && text[len])
		json_object_set_new(item, "ifname", json_string(text + len + 1));
	json_array_append_new(run->keep, item ? item : json_null());
}

/* An id mistyped must not end in releasing what it stands for. */
static int check_keep(const struct run *run, struct cni_err *err)
{
	json_t *item;
	size_t i;

	json_array_foreach (run->keep, i, item) {
		const json_t *ifname = json_object_get(item, "ifname");
		int r = args_check_id(json_string_value(json_object_get(item, "containerID")), err);

		if (r == 0 && ifname)
			r = args_check_ifname(json_string_value(ifname), CNI_E_ENV, "--keep", err);
		if (r < 0)
			return r;
	}
	return 0;
}

/* Return: 0 to go on, 1 when --help was answered, 2 for a wrong command line. */
static int read_options(struct run *run, int argc, char **argv)
{
	static const struct option options[] = { { "ifname", required_argument, NULL, 'i' },
						 { "keep", required_argument, NULL, 'k' },
						 { "trace", no_argument, NULL, 't' },
						 { "help", no_argument, NULL, 'h' },
						 { NULL } };
	const char *env = getenv("CNI_IFNAME");
	int c;

	run->ifname = env && *env ? env : "eth0";
	while ((c = getopt_long(argc, argv, "i:k:th", options, NULL)) != -1) {
		if (c == 'i')
			run->ifname = optarg;
		else if (c == 'k')
			keep_one(run, optarg);
		else if (c == 't')
			run->trace = true;
		else if (c == 'h')
			return fputs(usage_text, stdout), 1;
		else
			return 2;
	}
	return 0;
}

/* One verb of the command line. */
static const struct verb {
	const char *name;
	bool needs_netns;
	int (*fn)(struct run *run, struct cni_err *err);
} verbs[] = { { "add", true, add },
	      { "check", true, check },
	      { "del", true, del },
	      { "gc", false, gc },
	      { "status", false, status } };

static int run_verb(struct run *run, const struct verb *verb, const char *network,
		    const char *netns, struct cni_err *err)
{
	const char *dir = getenv("NETCONFPATH");
	int r = read_env(run, err);

	if (r == 0)
		r = check_keep(run, err);
	if (r == 0 && verb->needs_netns)
		r = identify(run, netns, err);
	if (r == 0)
		r = netlist_load(dir && *dir ? dir : DEFAULT_CONF_DIR, network, &run->list, err);
	return r == 0 ? verb->fn(run, err) : r;
}

int main(int argc, char **argv)
{
	struct run run = { .keep = json_array() };
	const struct verb *verb = NULL;
	struct cni_err err = { 0 };
	int r = read_options(&run, argc, argv);

	signal(SIGPIPE, SIG_IGN); /* a plugin may end without reading its stdin */
	for (size_t i = 0; r == 0 && optind < argc && i < ARRAY_SIZE(verbs); i++)
		if (strcmp(argv[optind], verbs[i].name) == 0)
			verb = &verbs[i];
	if (r == 0 && (!verb || argc - optind < (verb->needs_netns ? 3 : 2) || argc - optind > 3))
		r = 2;
	if (r == 2)
		fputs(usage_text, stderr);
	if (r == 0) {
		r = run_verb(&run, verb, argv[optind + 1], argv[optind + 2], &err);
		if (r < 0)
			fprintf(stderr, "cnitool: %s\n", err.code ? err.msg : strerror(-r));
	} else {
		r = r == 1 ? 0 : -1;
	}
	netlist_free(&run.list);
	json_decref(run.cap_args);
	json_decref(run.keep);
	return r < 0 ? 1 : 0;
}
