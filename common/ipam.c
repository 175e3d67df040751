/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPAM delegation: our own plugins in-process, any other by exec (CNI spec 1.1.0, section 4). */
#include "ipam.h"

#include "cleanup.h"
#include "exec.h"
#include "log.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

/* What ipam.type resolved to: one of our own plugins, or a file to execute. */
struct target {
	const struct cni_plugin *builtin;
	char file[PATH_MAX];
};

/* Whether an executable carries our note (see cni.c); it stands right behind the program headers.
 */
static bool is_ours(const char *file)
{
	autoclose int fd = open(file, O_RDONLY | O_CLOEXEC);
	char head[4096];
	ssize_t n = fd < 0 ? -1 : read(fd, head, sizeof(head));

	return n > 0 && memmem(head, n, IPAM_NOTE, strlen(IPAM_NOTE));
}

static int resolve(const struct cni_call *call, const char *type, struct target *target,
		   struct cni_err *err)
{
	int r = exec_find(type, call->path, target->file, err);

	target->builtin = NULL;
	if (r < 0)
		return r;
	for (int i = 0; ipam_builtins[i]; i++)
		if (strcmp(ipam_builtins[i]->name, type) == 0 && is_ours(target->file))
			target->builtin = ipam_builtins[i];
	log_trace("ipam: %s is %s%s", type, target->file,
		  target->builtin ? ", called in-process" : "");
	return 0;
}

/* The delegate's error object becomes ours; an empty stdout has no error object. */
static int delegate_failed(const char *type, const char *output, int status, struct cni_err *err)
{
	json_auto_t *obj = json_loads(output, 0, NULL);
	const char *msg = json_string_value(conf_get(obj, "msg"));
	const char *details = json_string_value(conf_get(obj, "details"));
	json_int_t code = json_integer_value(conf_get(obj, "code"));
	int r;

	if (!msg)
		return cni_fail(err, CNI_E_FAILED, 0,
				"IPAM plugin \"%s\" failed with %s %d and no error message", type,
				WIFSIGNALED(status) ? "signal" : "exit status",
				WIFSIGNALED(status) ? WTERMSIG(status) : WEXITSTATUS(status));
	r = cni_fail(err, code > 0 && code < 100000 ? (int)code : CNI_E_FAILED, 0, "%s", msg);
	cni_err_details(err, "%s", details ? details : "");
	return r;
}

/* Run a foreign plugin with one verb. @output may be NULL when it is of no interest. */
static int run_foreign(const struct cni_call *call, const char *type, const char *file,
		       const char *verb, char **output, struct cni_err *err)
{
	char command[32];
	char *changes[] = { command, NULL };
	autofree char **env = NULL;
	autofree char *input = json_dumps(call->conf, JSON_COMPACT), *text = NULL;
	int status, r;

	snprintf(command, sizeof(command), "CNI_COMMAND=%s", verb);
	env = exec_env(changes);
	if (!env || !input)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "run IPAM plugin \"%s\"", type);
	r = exec_run(file, env, input, &text, &status);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "cannot run IPAM plugin %s", file);
	if (!WIFEXITED(status) || WEXITSTATUS(status) != 0)
		return delegate_failed(type, text, status, err);
	if (output)
		*output = take_ptr(text);
	return 0;
}

static int foreign_add(const struct cni_call *call, const char *type, const char *file,
		       struct cni_result *result, struct cni_err *err)
{
	autofree char *output = NULL, *where = NULL;
	json_auto_t *obj = NULL;
	struct cni_err ignored = { 0 };
	json_error_t json_err;
	int r = run_foreign(call, type, file, "ADD", &output, err);

	if (asprintf(&where, "result of IPAM plugin \"%s\"", type) < 0)
		where = NULL;
	if (r == 0) {
		obj = json_loads(output, 0, &json_err);
		r = obj ? result_from_json(obj, call->version, where ? where : type, result, err)
			: cni_fail(err, CNI_E_DECODE, 0, "%s is not JSON: %s", where,
				   json_err.text);
	}
	/* spec section 4: "If the plugin fails, the runtime (us) invokes it again with DEL" */
	if (r < 0)
		run_foreign(call, type, file, "DEL", NULL, &ignored);
	return r;
}

/* undo_fn: release what ADD allocated. The type is read again from the call's configuration. */
static int release(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;

	return ipam_del(call, json_string_value(conf_get_path(call->conf, "ipam.type")), err);
}

int ipam_add(const struct cni_call *call, const char *type, struct cni_result *result,
	     struct undo *undo, struct cni_err *err)
{
	struct target target;
	int r = resolve(call, type, &target, err);

	if (r < 0)
		return r;
	if (target.builtin)
		return target.builtin->add(call, result, undo, err);
	r = foreign_add(call, type, target.file, result, err);
	if (r == 0)
		undo_push(undo, "IPAM allocation", release, call);
	return r;
}

/* The verbs that only succeed or fail. */
static int plain_verb(const struct cni_call *call, const char *type, const char *verb,
		      int (*const *builtin_verb)(const struct cni_call *, struct cni_err *),
		      const struct target *target, struct cni_err *err)
{
	if (builtin_verb)
		return *builtin_verb ? (*builtin_verb)(call, err) : 0;
	return run_foreign(call, type, target->file, verb, NULL, err);
}

int ipam_del(const struct cni_call *call, const char *type, struct cni_err *err)
{
	struct target target;
	int r = resolve(call, type, &target, err);

	return r < 0 ? r
		     : plain_verb(call, type, "DEL", target.builtin ? &target.builtin->del : NULL,
				  &target, err);
}

int ipam_check(const struct cni_call *call, const char *type, struct cni_err *err)
{
	struct target target;
	int r = resolve(call, type, &target, err);

	return r < 0 ? r
		     : plain_verb(call, type, "CHECK",
				  target.builtin ? &target.builtin->check : NULL, &target, err);
}

int ipam_gc(const struct cni_call *call, const char *type, struct cni_err *err)
{
	struct target target;
	int r = resolve(call, type, &target, err);

	return r < 0 ? r
		     : plain_verb(call, type, "GC", target.builtin ? &target.builtin->gc : NULL,
				  &target, err);
}

int ipam_status(const struct cni_call *call, const char *type, struct cni_err *err)
{
	struct target target;
	int r = resolve(call, type, &target, err);

	return r < 0 ? r
		     : plain_verb(call, type, "STATUS",
				  target.builtin ? &target.builtin->status : NULL, &target, err);
}
