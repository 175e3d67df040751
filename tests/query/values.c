/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Order, sum and text of values; changes at a place. */
#include <stdlib.h>
#include <string.h>

#include "query.h"

/* null, false, true, numbers, strings, arrays, objects */
static int rank(const json_t *value)
{
	switch (json_typeof(value)) {
	case JSON_NULL:
		return 0;
	case JSON_FALSE:
		return 1;
	case JSON_TRUE:
		return 2;
	case JSON_INTEGER:
	case JSON_REAL:
		return 3;
	case JSON_STRING:
		return 4;
	case JSON_ARRAY:
		return 5;
	default:
		return 6;
	}
}

static int compare_arrays(const json_t *a, const json_t *b)
{
	size_t n = json_array_size(a), m = json_array_size(b);
	int order = 0;

	for (size_t i = 0; i < n && i < m && order == 0; i++)
		order = compare(json_array_get(a, i), json_array_get(b, i));
	return order != 0 ? order : (n > m) - (n < m);
}

static int compare_objects(const json_t *a, const json_t *b)
{
	json_t *keys = sorted_keys(a), *key;
	int order = compare_arrays(keys, sorted_keys(b));
	size_t i;

	if (order != 0)
		return order;
	json_array_foreach (keys, i, key) {
		const char *name = json_string_value(key);

		order = compare(json_object_get(a, name), json_object_get(b, name));
		if (order != 0)
			return order;
	}
	return 0;
}

int compare(const json_t *a, const json_t *b)
{
	json_int_t n = json_integer_value(a), m = json_integer_value(b);

	if (rank(a) != rank(b))
		return rank(a) - rank(b);
	switch (json_typeof(a)) {
	case JSON_INTEGER:
		return (n > m) - (n < m);
	case JSON_STRING:
		return strcmp(json_string_value(a), json_string_value(b));
	case JSON_ARRAY:
		return compare_arrays(a, b);
	case JSON_OBJECT:
		return compare_objects(a, b);
	default:
		return 0;
	}
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

json_t *sorted_keys(const json_t *object)
{
	const char **names = calloc(json_object_size(object) + 1, sizeof(*names)), *name;
	json_t *keys = json_array(), *value;
	size_t n = 0;

	if (!names)
		abort();
	json_object_foreach ((json_t *)object, name, value)
		names[n++] = name;
	qsort(names, n, sizeof(*names), by_text);
	for (size_t i = 0; i < n; i++)
		json_array_append_new(keys, json_string(names[i]));
	return keys;
}

const char *as_text(const json_t *value)
{
	return json_is_string(value) ? json_string_value(value)
				     : json_dumps(value, JSON_COMPACT | JSON_ENCODE_ANY);
}

json_t *add(const json_t *a, const json_t *b)
{
	json_t *sum = NULL;
	char *text;

	if (json_is_null(a) || json_is_null(b))
		return json_copy((json_t *)(json_is_null(a) ? b : a));
	if (json_is_integer(a) && json_is_integer(b))
		return json_integer(json_integer_value(a) + json_integer_value(b));
	if (json_is_string(a) && json_is_string(b)) {
		text = calloc(1, json_string_length(a) + json_string_length(b) + 1);
		if (!text)
			abort();
		strcat(strcpy(text, json_string_value(a)), json_string_value(b));
		return json_string(text);
	}
	if (json_is_array(a) && json_is_array(b)) {
		sum = json_copy((json_t *)a);
		json_array_extend(sum, (json_t *)b);
	} else if (json_is_object(a) && json_is_object(b)) {
		sum = json_copy((json_t *)a);
		json_object_update(sum, (json_t *)b);
	}
	return sum;
}

/* The copy that is changed: an empty one where there is nothing. NULL when the step does not fit.
 */
static json_t *container(const json_t *value, const json_t *step)
{
	if (json_is_null(value))
		return json_is_string(step) ? json_object() : json_array();
	return json_is_object(value) == json_is_string(step) &&
			       (json_is_object(value) || json_is_array(value))
		       ? json_copy((json_t *)value)
		       : NULL;
}

json_t *set_path(const json_t *value, const json_t *path, size_t from, json_t *new)
{
	const json_t *step = json_array_get(path, from);
	json_t *copy, *inner;
	size_t i;

	if (!step)
		return new;
	copy = container(value, step);
	if (!copy)
		return NULL;
	if (json_is_string(step)) {
		inner = json_object_get(copy, json_string_value(step));
		inner = set_path(inner ? inner : json_null(), path, from + 1, new);
		return inner && json_object_set(copy, json_string_value(step), inner) == 0 ? copy
											   : NULL;
	}
	i = json_integer_value(step);
	while (json_array_size(copy) <= i)
		json_array_append(copy, json_null());
	inner = set_path(json_array_get(copy, i), path, from + 1, new);
	return inner && json_array_set(copy, i, inner) == 0 ? copy : NULL;
}

json_t *delete_path(const json_t *value, const json_t *path, size_t from)
{
	const json_t *step = json_array_get(path, from);
	bool last = from + 1 == json_array_size(path);
	json_t *copy, *inner;
	const char *name;
	size_t i;

	if (json_is_null(value) || !step)
		return json_null();
	copy = container(value, step);
	if (!copy)
		return NULL;
	name = json_string_value(step);
	i = json_integer_value(step);
	inner = name ? json_object_get(copy, name) : json_array_get(copy, i);
	if (!inner)
		return copy;
	if (last)
		name ? json_object_del(copy, name) : json_array_remove(copy, i);
	else if (!(inner = delete_path(inner, path, from + 1)))
		return NULL;
	else
		name ? json_object_set(copy, name, inner) : json_array_set(copy, i, inner);
	return copy;
}
