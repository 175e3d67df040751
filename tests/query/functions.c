/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The functions that scripts call. What they do is in jq's manual. */
#include <regex.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

static bool give(const struct call *c, json_t *value)
{
	return emit_value(c->out, c->in, value);
}

/* An argument as its only value. */
static json_t *arg(const struct call *c, size_t i)
{
	return only(c->args[i], c->in.value, c->env);
}

static const char *text_arg(const struct call *c, size_t i)
{
	return json_string_value(arg(c, i));
}

static bool is_ascii(const char *text)
{
	while (*text > 0)
		text++;
	return *text == '\0';
}

static bool run_empty(const struct call *c)
{
	(void)c;
	return true;
}

static bool run_select(const struct call *c)
{
	struct outputs conditions = { NULL, 0 };
	struct place in = { c->in.value, NULL };

	if (!eval(c->args[0], in, c->env, &conditions))
		return false;
	for (size_t i = 0; i < conditions.n; i++)
		if (truth(conditions.at[i].value))
			emit(c->out, c->in.value, c->in.path);
	return true;
}

static bool run_values(const struct call *c)
{
	return json_is_null(c->in.value) || emit(c->out, c->in.value, c->in.path);
}

static bool run_map(const struct call *c)
{
	struct outputs of = { NULL, 0 };
	json_t *array = json_array(), *value;
	size_t i;

	if (!json_is_array(c->in.value))
		return false;
	json_array_foreach (c->in.value, i, value) {
		struct place in = { value, NULL };

		if (!eval(c->args[0], in, c->env, &of))
			return false;
	}
	for (i = 0; i < of.n; i++)
		json_array_append(array, of.at[i].value);
	return give(c, array);
}

static bool run_length(const struct call *c)
{
	const json_t *in = c->in.value;
	size_t n = 0;

	switch (json_typeof(in)) {
	case JSON_NULL:
		break;
	case JSON_ARRAY:
		n = json_array_size(in);
		break;
	case JSON_OBJECT:
		n = json_object_size(in);
		break;
	case JSON_STRING:
		for (const char *at = json_string_value(in); *at; at++)
			n += (*at & 0xc0) != 0x80;
		break;
	default:
		return false;
	}
	return give(c, json_integer(n));
}

static bool run_keys(const struct call *c)
{
	return json_is_object(c->in.value) && give(c, sorted_keys(c->in.value));
}

static bool run_has(const struct call *c)
{
	const json_t *key = arg(c, 0), *in = c->in.value;

	if (json_is_object(in) && json_is_string(key))
		return give(c, json_boolean(json_object_get(in, json_string_value(key))));
	return false;
}

static bool run_tostring(const struct call *c)
{
	return give(c, json_string(as_text(c->in.value)));
}

static bool run_tonumber(const struct call *c)
{
	const char *text = json_string_value(c->in.value);
	char *end;
	long long n = text ? strtoll(text, &end, 10) : 0;

	if (json_is_integer(c->in.value))
		return give(c, c->in.value);
	if (!text || strspn(text, "0123456789") != strlen(text) || !*text || strlen(text) > 15)
		return false;
	return give(c, json_integer(n));
}

static bool run_type(const struct call *c)
{
	static const char *const names[] = {
		[JSON_OBJECT] = "object",  [JSON_ARRAY] = "array", [JSON_STRING] = "string",
		[JSON_INTEGER] = "number", [JSON_REAL] = "number", [JSON_TRUE] = "boolean",
		[JSON_FALSE] = "boolean",  [JSON_NULL] = "null",
	};

	return give(c, json_string(names[json_typeof(c->in.value)]));
}

static bool run_not(const struct call *c)
{
	return give(c, json_boolean(!truth(c->in.value)));
}

static bool run_add(const struct call *c)
{
	json_t *sum = json_null(), *value;
	size_t i;

	if (!json_is_array(c->in.value))
		return false;
	json_array_foreach (c->in.value, i, value)
		if (!(sum = add(sum, value)))
			return false;
	return give(c, sum);
}

static bool run_join(const struct call *c)
{
	const char *between = text_arg(c, 0), *part;
	json_t *value;
	char *text;
	size_t i, len = 1;
	FILE *f = open_memstream(&text, &len);

	if (!between || !json_is_array(c->in.value) || !f)
		return false;
	json_array_foreach (c->in.value, i, value) {
		if (json_is_array(value) || json_is_object(value))
			return false;
		part = json_is_null(value) ? "" : as_text(value);
		fprintf(f, "%s%s", i ? between : "", part);
	}
	fclose(f);
	return give(c, json_string(text));
}

static bool run_split(const struct call *c)
{
	const char *at = json_string_value(c->in.value), *by = text_arg(c, 0), *next;
	json_t *parts = json_array();

	if (!at || !by || !*by)
		return false;
	if (!*at)
		return give(c, parts);
	for (; (next = strstr(at, by)); at = next + strlen(by))
		json_array_append_new(parts, json_stringn(at, next - at));
	json_array_append_new(parts, json_string(at));
	return give(c, parts);
}

static bool run_startswith(const struct call *c)
{
	const char *text = json_string_value(c->in.value), *head = text_arg(c, 0);

	return text && head && give(c, json_boolean(strncmp(text, head, strlen(head)) == 0));
}

static bool run_endswith(const struct call *c)
{
	const char *text = json_string_value(c->in.value), *tail = text_arg(c, 0);
	size_t n, m;

	if (!text || !tail)
		return false;
	n = strlen(text);
	m = strlen(tail);
	return give(c, json_boolean(n >= m && strcmp(text + n - m, tail) == 0));
}

static bool run_contains(const struct call *c)
{
	const char *text = json_string_value(c->in.value), *part = text_arg(c, 0);

	return text && part && give(c, json_boolean(strstr(text, part)));
}

static bool run_index(const struct call *c)
{
	const char *text = json_string_value(c->in.value), *at;
	json_t *key = arg(c, 0), *value;
	size_t i;

	if (text && json_is_string(key) && is_ascii(text) && json_string_length(key) > 0) {
		at = strstr(text, json_string_value(key));
		return give(c, at ? json_integer(at - text) : json_null());
	}
	if (!json_is_array(c->in.value) || !key || json_is_array(key))
		return false;
	json_array_foreach (c->in.value, i, value)
		if (compare(value, key) == 0)
			return give(c, json_integer(i));
	return give(c, json_null());
}

/* A value and what it is sorted by. */
struct sortable {
	json_t *value, *by;
	size_t number;
};

static int by_value(const void *a, const void *b)
{
	const struct sortable *x = a, *y = b;
	int order = compare(x->by, y->by);

	return order != 0 ? order : (x->number > y->number) - (x->number < y->number);
}

/* The values of an array in order, each once when they are to be unique. */
static json_t *sorted(const struct call *c, const struct node *by, bool unique)
{
	size_t n = json_array_size(c->in.value);
	struct sortable *all = calloc(n + 1, sizeof(*all));
	json_t *array = json_array();

	if (!all)
		abort();
	for (size_t i = 0; i < n; i++) {
		all[i].value = json_array_get(c->in.value, i);
		all[i].by = by ? only(by, all[i].value, c->env) : all[i].value;
		all[i].number = i;
		if (!all[i].by)
			return NULL;
	}
	qsort(all, n, sizeof(*all), by_value);
	for (size_t i = 0; i < n; i++)
		if (!unique || i == 0 || compare(all[i].by, all[i - 1].by) != 0)
			json_array_append(array, all[i].value);
	return json_is_array(c->in.value) ? array : NULL;
}

static bool run_sort(const struct call *c)
{
	return give(c, sorted(c, NULL, false));
}

static bool run_sort_by(const struct call *c)
{
	return give(c, sorted(c, c->args[0], false));
}

static bool run_unique(const struct call *c)
{
	return give(c, sorted(c, NULL, true));
}

/* any and all of an array, by a condition or the values themselves */
static bool quantify(const struct call *c, const struct node *by, bool wanted)
{
	json_t *value;
	size_t i;

	if (!json_is_array(c->in.value))
		return false;
	json_array_foreach (c->in.value, i, value) {
		const json_t *is = by ? only(by, value, c->env) : value;

		if (!is)
			return false;
		if (truth(is) == wanted)
			return give(c, json_boolean(wanted));
	}
	return give(c, json_boolean(!wanted));
}

static bool run_any(const struct call *c)
{
	return quantify(c, c->args ? c->args[0] : NULL, true);
}

static bool run_all(const struct call *c)
{
	return quantify(c, c->args ? c->args[0] : NULL, false);
}

static bool range(const struct call *c, const json_t *from, const json_t *to)
{
	if (!json_is_integer(from) || !json_is_integer(to))
		return false;
	for (json_int_t i = json_integer_value(from); i < json_integer_value(to); i++)
		if (!give(c, json_integer(i)))
			return false;
	return true;
}

static bool run_range(const struct call *c)
{
	return range(c, json_integer(0), arg(c, 0));
}

static bool run_range_from(const struct call *c)
{
	return range(c, arg(c, 0), arg(c, 1));
}

static int last_first(const void *a, const void *b)
{
	return compare(((const struct place *)b)->path, ((const struct place *)a)->path);
}

static bool run_del(const struct call *c)
{
	struct place start = { c->in.value, json_array() };
	struct outputs places = { NULL, 0 };
	json_t *result = c->in.value;

	if (!eval(c->args[0], start, c->env, &places))
		return false;
	if (places.n > 1)
		qsort(places.at, places.n, sizeof(*places.at), last_first);
	for (size_t i = 0; i < places.n && result; i++)
		result = delete_path(result, places.at[i].path, 0);
	return give(c, result);
}

/*
 * The first match of a regular expression, where the libraries agree: no escapes, no groups with
 * options, no lazy quantifiers, and for the extent of a match no alternatives.
 */
static bool match(const struct call *c, bool extent, bool *found, regmatch_t *where)
{
	const char *text = json_string_value(c->in.value), *pattern = text_arg(c, 0);
	regex_t regex;

	if (!text || !pattern || !is_ascii(text) || !is_ascii(pattern) || !*pattern ||
	    strpbrk(pattern, extent ? "\\|(" : "\\") || strstr(pattern, "(?") ||
	    strstr(pattern, "*?") || strstr(pattern, "+?") || strstr(pattern, "??") ||
	    strstr(pattern, "}?") || strstr(pattern, "[["))
		return false;
	if (strchr(text, '\n') || regcomp(&regex, pattern, REG_EXTENDED) != 0)
		return false;
	*found = regexec(&regex, text, 1, where, 0) == 0;
	return true;
}

static bool run_test(const struct call *c)
{
	regmatch_t where;
	bool found;

	return match(c, false, &found, &where) && give(c, json_boolean(found));
}

static bool run_sub(const struct call *c)
{
	const char *text = json_string_value(c->in.value), *new = text_arg(c, 1);
	size_t len = 0;
	regmatch_t where;
	char *result;
	bool found;
	FILE *f;

	/* anything else could name groups of the match */
	if (!new || c->args[1]->kind != LITERAL || !match(c, true, &found, &where))
		return false;
	if (!found)
		return give(c, c->in.value);
	f = open_memstream(&result, &len);
	if (!f)
		return false;
	fprintf(f, "%.*s%s%s", (int)where.rm_so, text, new, text + where.rm_eo);
	fclose(f);
	return give(c, json_string(result));
}

const struct function *find_function(const char *name, size_t n_args)
{
	static const struct function functions[] = {
		{ "empty", 0, run_empty },	 { "select", 1, run_select },
		{ "values", 0, run_values },	 { "map", 1, run_map },
		{ "length", 0, run_length },	 { "keys", 0, run_keys },
		{ "has", 1, run_has },		 { "tostring", 0, run_tostring },
		{ "tonumber", 0, run_tonumber }, { "type", 0, run_type },
		{ "not", 0, run_not },		 { "add", 0, run_add },
		{ "join", 1, run_join },	 { "split", 1, run_split },
		{ "contains", 1, run_contains }, { "startswith", 1, run_startswith },
		{ "endswith", 1, run_endswith }, { "index", 1, run_index },
		{ "sort", 0, run_sort },	 { "sort_by", 1, run_sort_by },
		{ "unique", 0, run_unique },	 { "any", 0, run_any },
		{ "any", 1, run_any },		 { "all", 0, run_all },
		{ "all", 1, run_all },		 { "range", 1, run_range },
		{ "range", 2, run_range_from },	 { "del", 1, run_del },
		{ "test", 1, run_test },	 { "sub", 2, run_sub },
	};

	for (size_t i = 0; i < sizeof(functions) / sizeof(functions[0]); i++)
		if (strcmp(functions[i].name, name) == 0 && functions[i].n_args == n_args)
			return &functions[i];
	return NULL;
}
