/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* From the rules that are there and those that should be, the text for one iptables-restore. */
#include "xt_rules.h"

#include <search.h>
#include <string.h>

static int compare(const void *a, const void *b)
{
	return strcmp(a, b);
}

static void keep(void *line)
{
	(void)line;
}

static void forget(struct xt_plan *plan)
{
	tdestroy(plan->known, keep);
	plan->known = NULL;
	for (size_t i = 0; i < plan->n_made; i++)
		free(plan->made[i]);
	plan->n_made = 0;
}

void xt_plan_init(struct xt_plan *plan, const struct xt_save *save)
{
	*plan = (struct xt_plan){ .save = save };
}

void xt_plan_free(struct xt_plan *plan)
{
	forget(plan);
	free(plan->made);
	xt_text_free(&plan->out);
	*plan = (struct xt_plan){ 0 };
}

static void close_table(struct xt_plan *plan)
{
	if (plan->open)
		xt_put(&plan->out, "COMMIT\n");
	plan->open = false;
}

void xt_plan_table(struct xt_plan *plan, const char *table)
{
	const struct xt_save *save = plan->save;
	size_t i = 0;

	close_table(plan);
	forget(plan);
	plan->table = table;
	while (i < save->n && !(save->lines[i][0] == '*' && strcmp(save->lines[i] + 1, table) == 0))
		i++;
	plan->first = i;
	while (i < save->n && strcmp(save->lines[i], "COMMIT") != 0)
		i++;
	plan->last = i;
}

int xt_plan_end(struct xt_plan *plan)
{
	close_table(plan);
	return plan->error ? plan->error : plan->out.error;
}

/* Write one line: @command, @chain, @position ("" or " 1"), the rest. */
static void emit(struct xt_plan *plan, const char *command, const char *chain, const char *position,
		 const char *rest)
{
	if (!plan->open) {
		xt_put(&plan->out, "*");
		xt_put(&plan->out, plan->table);
		xt_put(&plan->out, "\n");
	}
	plan->open = true;
	xt_put(&plan->out, command);
	xt_put(&plan->out, chain);
	xt_put(&plan->out, position);
	xt_put(&plan->out, rest);
	xt_put(&plan->out, "\n");
}

/*
 * Remember a line that the plan makes. Its first character tells the kind: 'A' rules, 'N' chains.
 * Return: false when it is known already.
 */
static bool remember(struct xt_plan *plan, const char *command, const char *chain, const char *rule)
{
	auto_xt_text struct xt_text line = { 0 };
	void *node;

	xt_put(&line, command);
	xt_put(&line, chain);
	xt_put(&line, rule);
	if (!plan->known)
		for (size_t i = plan->first; i < plan->last; i++)
			if (plan->save->lines[i][0] == '-')
				tsearch(plan->save->lines[i], &plan->known, compare);
	if (plan->n_made == plan->size_made) {
		size_t size = plan->size_made ? 2 * plan->size_made : 64;
		char **bigger = realloc(plan->made, size * sizeof(*bigger));

		if (!bigger) {
			plan->error = -ENOMEM;
			return false;
		}
		plan->made = bigger;
		plan->size_made = size;
	}
	node = line.error ? NULL : tsearch(line.s, &plan->known, compare);
	if (!node) {
		plan->error = -ENOMEM;
		return false;
	}
	if (*(char **)node != line.s)
		return false;
	plan->made[plan->n_made++] = take_ptr(line.s);
	return true;
}

bool xt_plan_has_chain(const struct xt_plan *plan, const char *chain)
{
	size_t len = strlen(chain);

	for (size_t i = plan->first; i < plan->last; i++) {
		const char *line = plan->save->lines[i];

		if (line[0] == ':' && strncmp(line + 1, chain, len) == 0 && line[1 + len] == ' ')
			return true;
	}
	return false;
}

void xt_plan_chain(struct xt_plan *plan, const char *chain)
{
	if (!xt_plan_has_chain(plan, chain) && remember(plan, "-N ", chain, ""))
		emit(plan, "-N ", chain, "", "");
}

void xt_plan_add(struct xt_plan *plan, enum xt_where where, const char *chain, struct xt_text *rule)
{
	if (rule->error && !plan->error)
		plan->error = rule->error;
	if (!plan->error && remember(plan, "-A ", chain, rule->s))
		emit(plan, where == XT_FIRST ? "-I " : "-A ", chain, where == XT_FIRST ? " 1" : "",
		     rule->s);
	xt_text_free(rule);
}

void xt_plan_remove_line(struct xt_plan *plan, const char *line)
{
	emit(plan, "-D", line + 2, "", "");
}

void xt_plan_remove(struct xt_plan *plan, const char *chain, struct xt_text *rule)
{
	auto_xt_text struct xt_text line = { 0 };

	xt_put(&line, "-A ");
	xt_put(&line, chain);
	xt_put(&line, rule->s ? rule->s : "");
	if (!plan->error)
		plan->error = rule->error ? rule->error : line.error;
	for (size_t i = plan->first; i < plan->last && !plan->error; i++)
		if (strcmp(plan->save->lines[i], line.s) == 0)
			xt_plan_remove_line(plan, line.s);
	xt_text_free(rule);
}

void xt_plan_remove_unread(struct xt_plan *plan, const char *chain, struct xt_text *rule)
{
	if (rule->error && !plan->error)
		plan->error = rule->error;
	if (!plan->error)
		emit(plan, "-D ", chain, "", rule->s);
	xt_text_free(rule);
}

void xt_plan_remove_chain_unread(struct xt_plan *plan, const char *chain)
{
	emit(plan, "-F ", chain, "", "");
	emit(plan, "-X ", chain, "", "");
}

void xt_plan_remove_chain(struct xt_plan *plan, const char *chain)
{
	if (!xt_plan_has_chain(plan, chain))
		return;
	for (size_t i = plan->first; i < plan->last; i++) {
		const char *line = plan->save->lines[i], *target = xt_line_target(line);

		if (line[0] == '-' && target && strcmp(target, chain) == 0)
			xt_plan_remove_line(plan, line);
	}
	xt_plan_remove_chain_unread(plan, chain);
}
