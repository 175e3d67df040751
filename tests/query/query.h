/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A reader of JSON for the test scripts, with the part of jq's language that they speak. jq 1.6
 * compiles its library of functions at every start, which takes some 30 ms; the suite asks for
 * thousands of values.
 *
 * What is not understood here (a program, an option, an error in the input, a number that is no
 * integer) is left to jq itself: main.c executes it with the same arguments and the same input, and
 * prints nothing before it knows that it can do it all. So the answer is always jq's; compare
 * tests/differential/query.sh.
 *
 * The program ends after one evaluation: nothing is freed.
 */
#ifndef QUERY_H
#define QUERY_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

enum kind {
	IDENTITY,
	LITERAL,  /* value */
	TEXT,	  /* items: parts of a string that are joined */
	ARRAY,	  /* a, or empty */
	OBJECT,	  /* items: key, value, key, value, ... */
	VARIABLE, /* name */
	FIELD,	  /* a[b] */
	SLICE,	  /* a[b:c]; b and c may be absent */
	ITERATE,  /* a[] */
	TRY,	  /* a? */
	BIND,	  /* a as $name | b */
	PIPE,
	COMMA,
	ELSEWHERE, /* a // b */
	ASSIGN,
	UPDATE,
	OR,
	AND,
	EQUAL,
	UNEQUAL,
	LESS,
	LESS_EQUAL,
	GREATER,
	GREATER_EQUAL,
	ADD,
	SUBTRACT,
	MULTIPLY,
	DIVIDE,
	MODULO,
	IF,   /* if a then b else c end */
	CALL, /* name(items...) */
};

struct node {
	enum kind kind;
	const char *name;
	json_t *value;
	struct node *a, *b, *c;
	struct node **items;
	size_t n_items;
};

/* A value and, while the left side of an assignment is evaluated, where it is: keys and indices. */
struct place {
	json_t *value;
	json_t *path; /* NULL: nobody asks */
};

/* What an expression puts out. */
struct outputs {
	struct place *at;
	size_t n;
};

struct env {
	const char *name;
	json_t *value;
	const struct env *up;
};

/* A call of a function. */
struct call {
	struct node **args;
	struct place in;
	const struct env *env;
	struct outputs *out;
};

struct function {
	const char *name;
	size_t n_args;
	bool (*run)(const struct call *c);
};

/* All of these return NULL or false for what is jq's business. */
struct node *parse(const char *program);
bool eval(const struct node *node, struct place in, const struct env *env, struct outputs *out);
const struct function *find_function(const char *name, size_t n_args);

/* Append an output. For a value that has no place: false when places are asked for. */
bool emit(struct outputs *out, json_t *value, json_t *path);
bool emit_value(struct outputs *out, struct place in, json_t *value);
/* The only output of an expression, without a place; NULL when there are none or several. */
json_t *only(const struct node *node, json_t *in, const struct env *env);
bool truth(const json_t *value);
/* jq's order of all values. */
int compare(const json_t *a, const json_t *b);
json_t *add(const json_t *a, const json_t *b);
json_t *sorted_keys(const json_t *object);
/* A copy with the value at a place put in or taken out; NULL when it does not fit. */
json_t *set_path(const json_t *value, const json_t *path, size_t from, json_t *new);
json_t *delete_path(const json_t *value, const json_t *path, size_t from);
/* Text as "tostring" gives it. */
const char *as_text(const json_t *value);

#endif
