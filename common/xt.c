/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One change of iptables: read the rules, plan, write; again when somebody else changed them. */
#include "fault.h"
#include "file.h"
#include "lock.h"
#include "log.h"
#include "xt_rules.h"

#include <fcntl.h>
#include <string.h>
#include <sys/wait.h>

#define LOCK_DIR    "/run/hawser"
#define LOCK_FILE   LOCK_DIR "/xt.lock"
#define TRIES	    8
#define TRIES_BUSY  3	/* each waits 5 s for the xtables lock */
#define STATUS_BUSY 4	/* exit status RESOURCE_PROBLEM of xtables: the lock, or out of memory */
#define DETAILS_MAX 600 /* of the tool's words, so that the line they are about fits, too */

/*
 * Reading and writing of our processes must not interleave: two that both miss a shared chain would
 * both make it. Where /run cannot be written, the kernel's refusal and another try have to do.
 */
static int take_lock(void)
{
	int r = file_mkdirs(LOCK_DIR, 0755);

	return r < 0 ? r : lock_file(AT_FDCWD, LOCK_FILE, 0600);
}

/* The words of a tool as details on one line, with the line of our text that they are about. */
static void explain(struct cni_err *err, const struct xt_output *output, const char *input)
{
	char words[DETAILS_MAX], *hint, *p = words;
	unsigned long line = 0;

	snprintf(words, sizeof(words), "%s", output->err.s ? output->err.s : "");
	hint = strstr(words, "Try `");
	if (hint)
		*hint = '\0';
	while (!line && (p = strstr(p, "line"))) {
		p += strspn(p, "line:");
		line = strtoul(p, NULL, 10);
	}
	for (p = words; (p = strchr(p, '\n')); p++)
		*p = ' ';
	for (; line > 1 && *input; line--)
		input += strcspn(input, "\n") + 1;
	if (line == 1 && *input == '-')
		cni_err_details(err, "%s[%.*s]", words, (int)strcspn(input, "\n"), input);
	else
		cni_err_details(err, "%s", words);
}

static int missing_tool(const char *tool, struct cni_err *err)
{
	return cni_fail(err, CNI_E_FAILED, ENOENT, "the host has no %s", tool);
}

static int tool_failed(const struct xt_job *job, const char *tool, const struct xt_output *output,
		       const char *input, struct cni_err *err)
{
	bool exited = WIFEXITED(output->status);
	int status = exited ? WEXITSTATUS(output->status) : WTERMSIG(output->status);
	/* iptables-nft ends with the same status when the kernel refuses a rule */
	bool busy = exited && status == STATUS_BUSY &&
		    !(output->err.s && strstr(output->err.s, "(Invalid argument)"));
	int r = cni_fail(err, busy ? CNI_E_TRY_LATER : CNI_E_FAILED, busy ? EBUSY : 0,
			 "%s: %s ended with %s %d", job->what, tool, exited ? "status" : "signal",
			 status);

	explain(err, output, input);
	return r;
}

int xt_read(const struct xt_job *job, struct xt_save *save, struct cni_err *err)
{
	const char *tool = xt_tool(job->family, "save");
	const char *argv[] = { tool, job->table ? "-t" : NULL, job->table, NULL };
	auto_xt_output struct xt_output output = { 0 };
	char path[PATH_MAX];
	int r;

	xt_save_free(save);
	if (xt_tool_find(tool, path) < 0)
		return missing_tool(tool, err);
	r = xt_tool_run(path, argv, "", &output);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "%s: run %s", job->what, tool);
	if (output.status != 0)
		return tool_failed(job, tool, &output, "", err);
	r = output.out.s ? xt_save_parse(take_ptr(output.out.s), save) : 0;
	if (r == -EOPNOTSUPP)
		return cni_fail(err, CNI_E_FAILED, r,
				"%s: a table has rules of nft that %s cannot show", job->what,
				tool);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "%s: read the output of %s", job->what, tool);
	return 0;
}

/* Return: 0 with @plan made against @save by @make, or a negative errno. */
static int make_plan(const struct xt_job *job, void (*make)(struct xt_plan *plan, const void *arg),
		     const struct xt_save *save, struct xt_plan *plan, struct cni_err *err)
{
	int r;

	xt_plan_free(plan);
	xt_plan_init(plan, save);
	make(plan, job->arg);
	r = xt_plan_end(plan);
	if (r < 0)
		return cni_fail(err, r == -EINVAL ? CNI_E_CONF : CNI_E_FAILED, r,
				"%s: make the rules", job->what);
	return 0;
}

/* @refused: set when iptables-restore ran and said no. Return: 0 or a negative errno. */
static int write_rules(const struct xt_job *job, const char *text, bool *refused,
		       struct cni_err *err)
{
	const char *tool = xt_tool(job->family, "restore");
	const char *argv[] = { tool, "--noflush", "-w", "5", NULL };
	auto_xt_output struct xt_output output = { 0 };
	char path[PATH_MAX];
	int r;

	if (xt_tool_find(tool, path) < 0)
		return missing_tool(tool, err);
	r = fault_step(job->what);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "%s: run %s", job->what, tool);
	log_trace("%s:\n%s", tool, text);
	r = xt_tool_run(path, argv, text, &output);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "%s: run %s", job->what, tool);
	if (output.status == 0)
		return 0;
	*refused = true;
	return tool_failed(job, tool, &output, text, err);
}

int xt_apply(const struct xt_job *job, struct cni_err *err)
{
	auto_xt_save struct xt_save save = { 0 }, before = { 0 };
	auto_xt_plan struct xt_plan plan = { 0 };
	autoclose int lock = take_lock();
	struct cni_err refusal = { 0 };
	bool was_read = false, refused;
	int r;

	if (lock < 0)
		log_trace("no lock %s: %s", LOCK_FILE, strerror(-lock));
	for (int i = 0; i < TRIES; i++) {
		bool again = was_read, guess = i == 0 && job->guess;

		if (i > 0 || (!job->blank && !guess)) {
			xt_save_free(&before);
			before = save;
			save = (struct xt_save){ 0 };
			r = xt_read(job, &save, err);
			if (r == 0 && job->refuse)
				r = job->refuse(&save, job->arg, err);
			if (r < 0)
				return r;
			was_read = true;
		}
		/* nobody changed the rules since the refusal: it is about ours */
		if (again && refusal.code != CNI_E_TRY_LATER && xt_save_equal(&before, &save))
			break;
		r = make_plan(job, guess ? job->guess : job->plan, &save, &plan, err);
		if (r < 0 || !plan.out.len)
			return r;
		refusal = (struct cni_err){ 0 };
		refused = false;
		r = write_rules(job, plan.out.s, &refused, &refusal);
		if (r == 0)
			return 0;
		log_trace("%s: %s", refusal.msg, refusal.details);
		if (!refused || (refusal.code == CNI_E_TRY_LATER && i + 1 >= TRIES_BUSY))
			break;
	}
	cni_err_merge(err, &refusal);
	return refusal.errnum ? -refusal.errnum : -EINVAL;
}

int xt_verify(const struct xt_job *job, struct cni_err *err)
{
	auto_xt_save struct xt_save save = { 0 };
	auto_xt_plan struct xt_plan plan = { 0 };
	const char *missing;
	int r = xt_read(job, &save, err);

	if (r == 0)
		r = make_plan(job, job->plan, &save, &plan, err);
	if (r < 0 || !plan.out.len)
		return r;
	r = cni_fail(err, CNI_E_FAILED, 0, "%s: rules are missing in %s", job->what,
		     job->family == AF_INET ? "iptables" : "ip6tables");
	missing = plan.out.s + strcspn(plan.out.s, "\n") + 1; /* behind "*table" */
	cni_err_details(err, "%.*s", (int)strcspn(missing, "\n"), missing);
	return r;
}
