/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The skeleton of every plugin: environment, stdin, verbs, result or error on stdout, exit status.
 */
#include "cni.h"

#include "args.h"
#include "cleanup.h"
#include "detach.h"
#include "ipam.h"
#include "log.h"

#include <signal.h>
#include <string.h>
#include <strings.h>

/*
 * Says "this file is ours" to ipam.c. A note, because the linker puts notes right behind the
 * program headers, where one short read finds them.
 */
__asm__(".pushsection .note.hawser,\"a\",@note\n"
	".balign 4\n"
	".long 7, 25, 1\n"
	".asciz \"Hawser\"\n"
	".balign 4\n"
	".asciz \"" IPAM_NOTE "\"\n"
	".balign 4\n"
	".popsection\n");

/* Everything one invocation owns. */
struct invocation {
	struct cni_call call;
	json_t *conf;
	struct cni_result prev;
	struct cni_attachment *valid;
};

static const char *const verb_names[] = {
	[CNI_ADD] = "ADD", [CNI_DEL] = "DEL",	    [CNI_CHECK] = "CHECK",
	[CNI_GC] = "GC",   [CNI_STATUS] = "STATUS", [CNI_VERSION_VERB] = "VERSION",
};

static const char *env(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

static void put_versions(const struct cni_plugin *plugin, FILE *to, const char *quote,
			 const char *separator)
{
	for (int v = plugin->oldest; v < CNI_VERSIONS; v++)
		fprintf(to, "%s%s%s%s", v == (int)plugin->oldest ? "" : separator, quote,
			version_name(v), quote);
}

/* Clients run a plugin with no CNI_COMMAND and parse these lines: nerdctl the first, on stderr. */
static void print_banner(const struct cni_plugin *plugin, FILE *to)
{
	fprintf(to, "CNI %s plugin v" HAWSER_VERSION "\nCNI protocol versions supported: ",
		plugin->name);
	put_versions(plugin, to, "", ", ");
	fprintf(to, "\nHawser " HAWSER_VERSION ": %s\n", plugin->about);
}

static void print_keys(const struct conf_key *keys, const char *prefix)
{
	static const char *const types[] = {
		[CONF_BOOL] = "boolean",  [CONF_INT] = "number", [CONF_STRING] = "string",
		[CONF_OBJECT] = "object", [CONF_ARRAY] = "list", [CONF_DOC] = "",
	};

	for (; keys && keys->name; keys++) {
		char name[64];

		snprintf(name, sizeof(name), "%s%s", prefix, keys->name);
		printf("  %-32s %-8s %s%s%s%s%s\n", name, types[keys->type], keys->help,
		       keys->dflt ? " (default " : "", keys->dflt ? keys->dflt : "",
		       keys->dflt ? ")" : "", keys->required ? " [required]" : "");
	}
}

static void print_help(const struct cni_plugin *plugin)
{
	printf("%s - %s\n\n"
	       "A CNI plugin: container runtimes run it with CNI_COMMAND set to ADD, DEL, CHECK, "
	       "GC,\n"
	       "STATUS or VERSION and a network configuration (JSON) on standard input.\n\n"
	       "Keys of the configuration:\n",
	       plugin->name, plugin->about);
	print_keys(plugin->keys, "");
	print_keys(plugin->ipam_keys, "ipam.");
	printf("\nSpecification versions: ");
	put_versions(plugin, stdout, "", ", ");
	printf("\nHAWSER_DEBUG=1 in the environment traces each step to standard error.\n");
}

static void print_versions(const struct cni_plugin *plugin)
{
	printf("{\"cniVersion\":\"%s\",\"supportedVersions\":[", version_name(CNI_VERSIONS - 1));
	put_versions(plugin, stdout, "\"", ",");
	printf("]}\n");
}

/* Write all of @text to stdout. Return: 0, or a negative errno. */
static int print_all(const char *text)
{
	size_t left = strlen(text);

	while (left > 0) {
		ssize_t n = write(STDOUT_FILENO, text, left);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		text += n;
		left -= n;
	}
	return 0;
}

static int print_error(const struct invocation *inv, const struct cni_err *err)
{
	json_auto_t *obj =
		json_pack("{s:s, s:i, s:s}", "cniVersion", version_name(inv->call.version), "code",
			  err->code, "msg", err->msg);
	autofree char *text = NULL;

	if (err->details[0])
		json_object_set_new(obj, "details", json_string(err->details));
	text = json_dumps(obj, JSON_INDENT(4));
	if (text)
		print_all(text);
	return 1;
}

static int read_verb(enum cni_verb *verb, struct cni_err *err)
{
	const char *command = env("CNI_COMMAND");

	for (size_t i = 0; i < ARRAY_SIZE(verb_names); i++) {
		if (strcmp(command, verb_names[i]) == 0) {
			*verb = i;
			return 0;
		}
	}
	return cni_fail(err, CNI_E_ENV, 0, "unknown CNI_COMMAND: %.100s", command);
}

/* Which variables each verb needs (CNI spec 1.1.0, section 2, "Parameters" of each operation). */
static int read_environment(struct cni_call *call, struct cni_err *err)
{
	bool attachment = call->verb == CNI_ADD || call->verb == CNI_DEL || call->verb == CNI_CHECK;
	char missing[80] = "";
	int r;

	call->netns = env("CNI_NETNS");
	call->path = env("CNI_PATH");
	call->args = env("CNI_ARGS");
	if (!attachment)
		return 0;
	call->container_id = env("CNI_CONTAINERID");
	call->ifname = env("CNI_IFNAME");
	if (!call->container_id)
		strcat(missing, ",CNI_CONTAINERID");
	if (!call->netns && call->verb != CNI_DEL)
		strcat(missing, ",CNI_NETNS");
	if (!call->ifname)
		strcat(missing, ",CNI_IFNAME");
	if (missing[0])
		return cni_fail(err, CNI_E_ENV, 0, "required env variables [%s] missing",
				missing + 1);
	r = args_check_id(call->container_id, err);
	if (r == 0)
		r = args_check_ifname(call->ifname, CNI_E_ENV, "CNI_IFNAME", err);
	return r;
}

static int read_stdin(json_t **conf, struct cni_err *err)
{
	autofree char *buf = NULL;
	size_t used = 0, size = 0;
	json_error_t where;

	for (;;) {
		ssize_t n;

		if (used == size) {
			char *bigger = realloc(buf, size ? 4 * size : 4096);

			if (!bigger)
				return cni_fail(err, CNI_E_IO, ENOMEM,
						"read the configuration from stdin");
			buf = bigger;
			size = size ? 4 * size : 4096;
		}
		n = read(STDIN_FILENO, buf + used, size - used);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return cni_fail(err, CNI_E_IO, errno, "read the configuration from stdin");
		if (n == 0)
			break;
		used += n;
		if (used > CNI_STDIN_MAX)
			return cni_fail(err, CNI_E_IO, 0,
					"the configuration on stdin is larger than %u MiB",
					CNI_STDIN_MAX >> 20);
	}
	*conf = json_loadb(buf, used, 0, &where);
	if (!*conf)
		return cni_fail(err, CNI_E_DECODE, 0,
				"error unmarshall network config: line %d column %d: %s",
				where.line, where.column, where.text);
	if (!json_is_object(*conf))
		return cni_fail(err, CNI_E_DECODE, 0,
				"error unmarshall network config: it is not a JSON object");
	return 0;
}

static int read_version(const struct cni_plugin *plugin, struct cni_call *call, struct cni_err *err)
{
	const json_t *value = conf_get(call->conf, "cniVersion");
	static const enum cni_version needs[] = { [CNI_CHECK] = CNI_0_4_0,
						  [CNI_GC] = CNI_1_1_0,
						  [CNI_STATUS] = CNI_1_1_0,
						  [CNI_VERSION_VERB] = CNI_0_1_0 };
	autofree char *list = NULL;
	size_t size;
	FILE *f;
	int r;

	if (value && !json_is_string(value))
		return cni_fail(err, CNI_E_DECODE, 0, "\"cniVersion\": expected a string");
	if (version_parse(json_string_value(value), &call->version) < 0 ||
	    call->version < plugin->oldest) {
		r = cni_fail(err, CNI_E_VERSION, 0, "incompatible CNI versions");
		f = open_memstream(&list, &size);
		if (f) {
			put_versions(plugin, f, "\"", " ");
			fclose(f);
		}
		cni_err_details(err, "config is \"%s\", plugin supports [%s]",
				value ? json_string_value(value) : "0.1.0", list ? list : "");
		return r;
	}
	if (call->version < needs[call->verb])
		return cni_fail(err, CNI_E_VERSION, 0, "config version %s does not allow %s",
				version_name(call->version), verb_names[call->verb]);
	return 0;
}

static int read_name(struct cni_call *call, struct cni_err *err)
{
	const json_t *name = conf_get(call->conf, "name");

	if (name && !json_is_string(name))
		return cni_fail(err, CNI_E_DECODE, 0, "\"name\": expected a string");
	if (!name || !*json_string_value(name))
		return cni_fail(err, CNI_E_CONF, 0, "\"name\": missing network name");
	call->network = json_string_value(name);
	return args_check_network(call->network, err);
}

static int read_prev(struct invocation *inv, struct cni_err *err)
{
	const json_t *prev = conf_get(inv->conf, "prevResult");
	struct cni_err why = { 0 };
	int r;

	if (!prev)
		return 0;
	r = result_from_json(prev, inv->call.version, "prevResult", &inv->prev, &why);
	if (r == 0) {
		inv->call.prev = &inv->prev;
		return 0;
	}
	/* a DEL must work with whatever an unlucky runtime has kept */
	if (inv->call.verb == CNI_DEL) {
		log_warn("ignored: %s", why.msg);
		return 0;
	}
	*err = why;
	return r;
}

static int cmp_attachment(const void *a, const void *b)
{
	const struct cni_attachment *x = a, *y = b;
	int r = strcmp(x->container_id, y->container_id);

	return r ? r : strcmp(x->ifname, y->ifname);
}

/* cni.dev/valid-attachments, and the misnamed key that libcni sends, too
 * (containernetworking/cni#1101). */
static int read_valid(struct invocation *inv, struct cni_err *err)
{
	const json_t *list = conf_get(inv->conf, "cni.dev/valid-attachments");
	const json_t *item;
	size_t i;

	if (!list)
		list = conf_get(inv->conf, "cni.dev/attachments");
	if (!list || inv->call.verb != CNI_GC)
		return 0;
	if (!json_is_array(list))
		return cni_fail(err, CNI_E_DECODE, 0,
				"\"cni.dev/valid-attachments\": expected a list");
	inv->valid = calloc(json_array_size(list) + 1, sizeof(*inv->valid));
	if (!inv->valid)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "read cni.dev/valid-attachments");
	json_array_foreach (list, i, item) {
		const char *id = json_string_value(conf_get(item, "containerID"));
		const char *ifname = json_string_value(conf_get(item, "ifname"));

		if (!id || !ifname)
			return cni_fail(
				err, CNI_E_DECODE, 0,
				"\"cni.dev/valid-attachments[%zu]\": containerID and ifname "
				"must be strings",
				i);
		inv->valid[i] = (struct cni_attachment){ id, ifname };
	}
	inv->call.n_valid = json_array_size(list);
	qsort(inv->valid, inv->call.n_valid, sizeof(*inv->valid), cmp_attachment);
	inv->call.valid = inv->valid;
	inv->call.have_valid = true;
	return 0;
}

bool cni_valid_has(const struct cni_call *call, const char *container_id, const char *ifname)
{
	size_t low = 0, high = call->n_valid;

	while (low < high) {
		size_t mid = low + (high - low) / 2;
		int r = strcmp(call->valid[mid].container_id, container_id);

		if (r == 0 && ifname)
			r = strcmp(call->valid[mid].ifname, ifname);
		if (r == 0)
			return true;
		if (r < 0)
			low = mid + 1;
		else
			high = mid;
	}
	return false;
}

/* Read and validate everything about the call, before anything is done. */
static int read_call(const struct cni_plugin *plugin, struct invocation *inv, struct cni_err *err)
{
	struct cni_call *call = &inv->call;
	int r = read_environment(call, err);

	if (r == 0)
		r = read_stdin(&inv->conf, err);
	if (r < 0)
		return r;
	call->plugin = plugin->name;
	call->conf = inv->conf;
	r = read_version(plugin, call, err);
	if (r == 0)
		r = read_name(call, err);
	if (r == 0)
		r = read_prev(inv, err);
	if (r == 0)
		r = read_valid(inv, err);
	return r;
}

static int run_add(const struct cni_plugin *plugin, const struct cni_call *call,
		   struct cni_err *err)
{
	struct cni_result result = { 0 };
	struct undo undo = { 0 };
	json_auto_t *obj = NULL;
	autofree char *text = NULL;
	int r = plugin->add(call, &result, &undo, err);

	if (r == 0)
		r = result_to_json(&result, call->version, &obj, err);
	if (r == 0) {
		text = json_dumps(obj, JSON_INDENT(4));
		r = text ? print_all(text) : -ENOMEM;
		if (r < 0)
			cni_fail(err, CNI_E_IO, r, "write the result to stdout");
	}
	if (r < 0)
		undo_run(&undo);
	else
		undo_drop(&undo);
	result_free(&result);
	return r;
}

static int run_verb(const struct cni_plugin *plugin, const struct cni_call *call,
		    struct cni_err *err)
{
	int (*verb)(const struct cni_call *, struct cni_err *) = NULL;

	switch (call->verb) {
	case CNI_ADD:
		return run_add(plugin, call, err);
	case CNI_DEL:
		verb = plugin->del;
		break;
	case CNI_CHECK:
		verb = plugin->check;
		break;
	case CNI_GC:
		verb = plugin->gc;
		break;
	case CNI_STATUS:
		verb = plugin->status;
		break;
	case CNI_VERSION_VERB:
		break;
	}
	return verb ? verb(call, err) : 0;
}

static int print_informal(const struct cni_plugin *plugin, int argc, char **argv)
{
	bool help = argc > 1 && (!strcmp(argv[1], "--help") || !strcmp(argv[1], "-h"));
	bool version = argc > 1 && (!strcmp(argv[1], "--version") || !strcmp(argv[1], "-V"));

	if (help)
		print_help(plugin);
	else
		print_banner(plugin, version ? stdout : stderr);
	return 0;
}

int cni_main(const struct cni_plugin *plugin, int argc, char **argv)
{
	struct invocation inv = { .call.version = CNI_VERSIONS - 1 };
	struct cni_err err = { 0 };
	int status = 0, r;

	if (!env("CNI_COMMAND"))
		return print_informal(plugin, argc, argv);
	log_init();
	/* a runtime that went away must not kill us between an effect and its undo */
	signal(SIGPIPE, SIG_IGN);
	r = read_verb(&inv.call.verb, &err);
	if (r == 0 && inv.call.verb == CNI_VERSION_VERB) {
		print_versions(plugin);
		return 0;
	}
	if (r == 0)
		r = read_call(plugin, &inv, &err);
	if (r == 0)
		r = run_verb(plugin, &inv.call, &err);
	if (r < 0) {
		if (!err.code)
			cni_fail(&err, CNI_E_FAILED, r, "%s failed", verb_names[inv.call.verb]);
		status = print_error(&inv, &err);
	}
	detach_finish();
	result_free(&inv.prev);
	free(inv.valid);
	json_decref(inv.conf);
	return status;
}
