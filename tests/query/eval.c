/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Evaluates a program: every expression appends its outputs to a list. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

bool emit(struct outputs *out, json_t *value, json_t *path)
{
	if (!value)
		return false;
	out->at = realloc(out->at, (out->n + 1) * sizeof(*out->at));
	if (!out->at)
		abort();
	out->at[out->n].value = value;
	out->at[out->n++].path = path;
	return true;
}

bool emit_value(struct outputs *out, struct place in, json_t *value)
{
	return !in.path && emit(out, value, NULL);
}

static bool values(const struct node *node, json_t *in, const struct env *env, struct outputs *out)
{
	struct place place = { in, NULL };

	return eval(node, place, env, out);
}

json_t *only(const struct node *node, json_t *in, const struct env *env)
{
	struct outputs out = { NULL, 0 };

	return values(node, in, env, &out) && out.n == 1 ? out.at[0].value : NULL;
}

bool truth(const json_t *value)
{
	return !json_is_null(value) && !json_is_false(value);
}

/* The path one step longer, when somebody asks for it. */
static json_t *longer(json_t *path, json_t *step)
{
	json_t *copy = path ? json_copy(path) : NULL;

	if (copy)
		json_array_append(copy, step);
	return copy;
}

/* A key that jq takes for an error with such a value (and "?" passes over). */
static bool mismatch(const json_t *value, const json_t *key)
{
	return (json_is_string(key) && !json_is_object(value) && !json_is_null(value)) ||
	       (json_is_integer(key) && !json_is_array(value) && !json_is_null(value));
}

/* jq's value[key]; NULL for an error, and for indices from the end. */
static json_t *member(const json_t *value, const json_t *key)
{
	json_t *found = NULL;

	if (json_is_string(key) && (json_is_object(value) || json_is_null(value)))
		found = json_object_get(value, json_string_value(key));
	else if (json_is_integer(key) && json_integer_value(key) >= 0 &&
		 (json_is_array(value) || json_is_null(value)))
		found = json_array_get(value, json_integer_value(key));
	else
		return NULL;
	return found ? found : json_null();
}

/* a[b]; with "?" mismatches are left out */
static bool eval_field(const struct node *node, struct place in, const struct env *env,
		       struct outputs *out, bool lenient)
{
	struct outputs of = { NULL, 0 };
	json_t *key = only(node->b, in.value, env);

	if (!key || !eval(node->a, in, env, &of))
		return false;
	for (size_t i = 0; i < of.n; i++) {
		if (lenient && mismatch(of.at[i].value, key))
			continue;
		if (!emit(out, member(of.at[i].value, key), longer(of.at[i].path, key)))
			return false;
	}
	return true;
}

static bool each_of(struct place of, struct outputs *out)
{
	const char *name;
	json_t *value;
	size_t i;

	if (json_is_array(of.value)) {
		json_array_foreach (of.value, i, value)
			if (!emit(out, value, longer(of.path, json_integer(i))))
				return false;
		return true;
	}
	json_object_foreach (of.value, name, value)
		if (!emit(out, value, longer(of.path, json_string(name))))
			return false;
	return json_is_object(of.value);
}

static bool eval_iterate(const struct node *node, struct place in, const struct env *env,
			 struct outputs *out, bool lenient)
{
	struct outputs of = { NULL, 0 };

	if (!eval(node->a, in, env, &of))
		return false;
	for (size_t i = 0; i < of.n; i++) {
		if (lenient && !json_is_object(of.at[i].value) && !json_is_array(of.at[i].value))
			continue;
		if (!each_of(of.at[i], out))
			return false;
	}
	return true;
}

/* "?" belongs to the last step alone. What errors jq passes over is known only of these two. */
static bool eval_try(const struct node *node, struct place in, const struct env *env,
		     struct outputs *out)
{
	if (node->a->kind == FIELD)
		return eval_field(node->a, in, env, out, true);
	if (node->a->kind == ITERATE)
		return eval_iterate(node->a, in, env, out, true);
	return eval(node->a, in, env, out);
}

/* One bound of a slice. false when it is no index that counts from the start */
static bool bound(const struct node *node, json_t *in, const struct env *env, size_t *value)
{
	const json_t *n = node ? only(node, in, env) : NULL;

	if (node && (!json_is_integer(n) || json_integer_value(n) < 0))
		return false;
	if (node)
		*value = json_integer_value(n);
	return true;
}

static bool eval_slice(const struct node *node, struct place in, const struct env *env,
		       struct outputs *out)
{
	const json_t *of = only(node->a, in.value, env);
	size_t from = 0, to = json_array_size(of);
	json_t *part = json_array();

	if (!json_is_array(of) || !bound(node->b, in.value, env, &from) ||
	    !bound(node->c, in.value, env, &to))
		return false;
	for (size_t i = from; i < to && i < json_array_size(of); i++)
		json_array_append(part, json_array_get(of, i));
	return emit_value(out, in, part);
}

static bool eval_array(const struct node *node, struct place in, const struct env *env,
		       struct outputs *out)
{
	struct outputs items = { NULL, 0 };
	json_t *array = json_array();

	if (node->a && !values(node->a, in.value, env, &items))
		return false;
	for (size_t i = 0; i < items.n; i++)
		json_array_append(array, items.at[i].value);
	return emit_value(out, in, array);
}

static bool eval_object(const struct node *node, struct place in, const struct env *env,
			struct outputs *out)
{
	json_t *object = json_object(), *key, *value;

	for (size_t i = 0; i < node->n_items; i += 2) {
		key = only(node->items[i], in.value, env);
		value = only(node->items[i + 1], in.value, env);
		if (!json_is_string(key) || !value)
			return false;
		json_object_set(object, json_string_value(key), value);
	}
	return emit_value(out, in, object);
}

/* One part of a string may have several values (or none); the string has as many. */
static bool eval_text(const struct node *node, struct place in, const struct env *env,
		      struct outputs *out)
{
	struct outputs parts[16] = { 0 };
	size_t n = 1, len;
	char *text;

	if (node->n_items > 16)
		return false;
	for (size_t i = 0; i < node->n_items; i++) {
		if (!values(node->items[i], in.value, env, &parts[i]) ||
		    (parts[i].n != 1 && n != 1))
			return false;
		n *= parts[i].n;
	}
	for (size_t k = 0; k < n; k++) {
		len = 1;
		for (size_t i = 0; i < node->n_items; i++)
			len += strlen(as_text(parts[i].at[parts[i].n == 1 ? 0 : k].value));
		text = calloc(1, len);
		if (!text)
			abort();
		for (size_t i = 0; i < node->n_items; i++)
			strcat(text, as_text(parts[i].at[parts[i].n == 1 ? 0 : k].value));
		if (!emit_value(out, in, json_string(text)))
			return false;
	}
	return true;
}

static bool eval_variable(const struct node *node, struct place in, const struct env *env,
			  struct outputs *out)
{
	while (env && strcmp(env->name, node->name) != 0)
		env = env->up;
	return env && emit_value(out, in, env->value);
}

static bool eval_bind(const struct node *node, struct place in, const struct env *env,
		      struct outputs *out)
{
	struct outputs bound = { NULL, 0 };

	if (!values(node->a, in.value, env, &bound))
		return false;
	for (size_t i = 0; i < bound.n; i++) {
		struct env inner = { node->name, bound.at[i].value, env };

		if (!eval(node->b, in, &inner, out))
			return false;
	}
	return true;
}

static bool eval_pipe(const struct node *node, struct place in, const struct env *env,
		      struct outputs *out)
{
	struct outputs of = { NULL, 0 };

	if (!eval(node->a, in, env, &of))
		return false;
	for (size_t i = 0; i < of.n; i++)
		if (!eval(node->b, of.at[i], env, out))
			return false;
	return true;
}

/* a // b: what is true of a; b when there is nothing. */
static bool eval_elsewhere(const struct node *node, struct place in, const struct env *env,
			   struct outputs *out)
{
	struct outputs of = { NULL, 0 };
	size_t before = out->n;

	if (!eval(node->a, in, env, &of))
		return false;
	for (size_t i = 0; i < of.n; i++)
		if (truth(of.at[i].value))
			emit(out, of.at[i].value, of.at[i].path);
	return out->n > before || eval(node->b, in, env, out);
}

static bool eval_if(const struct node *node, struct place in, const struct env *env,
		    struct outputs *out)
{
	struct outputs conditions = { NULL, 0 };

	if (!values(node->a, in.value, env, &conditions))
		return false;
	for (size_t i = 0; i < conditions.n; i++)
		if (!eval(truth(conditions.at[i].value) ? node->b : node->c, in, env, out))
			return false;
	return true;
}

/* The places that the left side names, each put to what the right side says. */
static bool eval_assign(const struct node *node, struct place in, const struct env *env,
			struct outputs *out)
{
	struct place start = { in.value, json_array() };
	json_t *result = in.value, *new = NULL;
	struct outputs places = { NULL, 0 };

	if (!eval(node->a, start, env, &places))
		return false;
	if (node->kind == ASSIGN)
		new = only(node->b, in.value, env);
	for (size_t i = 0; i < places.n; i++) {
		if (node->kind == UPDATE)
			new = only(node->b, places.at[i].value, env);
		result = new &&result ? set_path(result, places.at[i].path, 0, new) : NULL;
	}
	return emit_value(out, in, new || places.n == 0 ? result : NULL);
}

static bool eval_logic(const struct node *node, struct place in, const struct env *env,
		       struct outputs *out)
{
	const json_t *left = only(node->a, in.value, env), *right;

	if (!left)
		return false;
	if (truth(left) == (node->kind == OR))
		return emit_value(out, in, json_boolean(node->kind == OR));
	right = only(node->b, in.value, env);
	return right && emit_value(out, in, json_boolean(truth(right)));
}

static bool ordered(enum kind kind, int order)
{
	switch (kind) {
	case EQUAL:
		return order == 0;
	case UNEQUAL:
		return order != 0;
	case LESS:
		return order < 0;
	case LESS_EQUAL:
		return order <= 0;
	case GREATER:
		return order > 0;
	default:
		return order >= 0;
	}
}

/* The values of an array that another has not. */
static json_t *without(const json_t *a, const json_t *b)
{
	json_t *rest = json_array(), *value, *other;
	size_t i, k;

	json_array_foreach (a, i, value) {
		bool there = false;

		json_array_foreach (b, k, other)
			there = there || compare(value, other) == 0;
		if (!there)
			json_array_append(rest, value);
	}
	return rest;
}

static json_t *calculate(enum kind kind, const json_t *a, const json_t *b)
{
	json_int_t n = json_integer_value(a), m = json_integer_value(b);

	if (kind >= EQUAL && kind <= GREATER_EQUAL)
		return json_boolean(ordered(kind, compare(a, b)));
	if (kind == ADD)
		return add(a, b);
	if (kind == SUBTRACT && json_is_array(a) && json_is_array(b))
		return without(a, b);
	/* the products of small numbers only: jq calculates with floating point */
	if (!json_is_integer(a) || !json_is_integer(b) || n > INT32_MAX || n < -INT32_MAX ||
	    m > INT32_MAX || m < -INT32_MAX)
		return NULL;
	switch (kind) {
	case SUBTRACT:
		return json_integer(n - m);
	case MULTIPLY:
		return json_integer(n * m);
	case DIVIDE:
		return m != 0 && n % m == 0 ? json_integer(n / m) : NULL;
	default:
		return m > 0 && n >= 0 ? json_integer(n % m) : NULL;
	}
}

/* The right side's values are the outer loop. */
static bool eval_infix(const struct node *node, struct place in, const struct env *env,
		       struct outputs *out)
{
	struct outputs left = { NULL, 0 }, right = { NULL, 0 };

	if (!values(node->a, in.value, env, &left) || !values(node->b, in.value, env, &right))
		return false;
	for (size_t i = 0; i < right.n; i++)
		for (size_t k = 0; k < left.n; k++)
			if (!emit_value(out, in,
					calculate(node->kind, left.at[k].value, right.at[i].value)))
				return false;
	return true;
}

static bool eval_call(const struct node *node, struct place in, const struct env *env,
		      struct outputs *out)
{
	struct call call = { node->items, in, env, out };

	return find_function(node->name, node->n_items)->run(&call);
}

bool eval(const struct node *node, struct place in, const struct env *env, struct outputs *out)
{
	switch (node->kind) {
	case IDENTITY:
		return emit(out, in.value, in.path);
	case LITERAL:
		return emit_value(out, in, node->value);
	case TEXT:
		return eval_text(node, in, env, out);
	case ARRAY:
		return eval_array(node, in, env, out);
	case OBJECT:
		return eval_object(node, in, env, out);
	case VARIABLE:
		return eval_variable(node, in, env, out);
	case FIELD:
		return eval_field(node, in, env, out, false);
	case SLICE:
		return eval_slice(node, in, env, out);
	case ITERATE:
		return eval_iterate(node, in, env, out, false);
	case TRY:
		return eval_try(node, in, env, out);
	case BIND:
		return eval_bind(node, in, env, out);
	case PIPE:
		return eval_pipe(node, in, env, out);
	case COMMA:
		return eval(node->a, in, env, out) && eval(node->b, in, env, out);
	case ELSEWHERE:
		return eval_elsewhere(node, in, env, out);
	case ASSIGN:
	case UPDATE:
		return eval_assign(node, in, env, out);
	case OR:
	case AND:
		return eval_logic(node, in, env, out);
	case IF:
		return eval_if(node, in, env, out);
	case CALL:
		return eval_call(node, in, env, out);
	default:
		return eval_infix(node, in, env, out);
	}
}
