/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Reads a program: precedence climbing over jq's operators, everything else by its first letter. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "query.h"

struct parser {
	const char *at;
	bool failed;
};

struct infix {
	const char *text;
	enum kind kind;
	int rank; /* 0: not known here */
	bool right;
};

static const struct infix operators[] = {
	/* the longer ones first */
	{ "?//", PIPE, 0, false },	{ "//=", PIPE, 0, false },
	{ "//", ELSEWHERE, 3, true },	{ "|=", UPDATE, 4, false },
	{ "==", EQUAL, 7, false },	{ "!=", UNEQUAL, 7, false },
	{ "<=", LESS_EQUAL, 7, false }, { ">=", GREATER_EQUAL, 7, false },
	{ "+=", PIPE, 0, false },	{ "-=", PIPE, 0, false },
	{ "*=", PIPE, 0, false },	{ "/=", PIPE, 0, false },
	{ "%=", PIPE, 0, false },	{ "|", PIPE, 1, true },
	{ ",", COMMA, 2, false },	{ "=", ASSIGN, 4, false },
	{ "or", OR, 5, false },		{ "and", AND, 6, false },
	{ "<", LESS, 7, false },	{ ">", GREATER, 7, false },
	{ "+", ADD, 8, false },		{ "-", SUBTRACT, 8, false },
	{ "*", MULTIPLY, 9, false },	{ "/", DIVIDE, 9, false },
	{ "%", MODULO, 9, false },
};

static struct node *binary(struct parser *p, int rank);

static struct node *fail(struct parser *p)
{
	p->failed = true;
	/* the rest is not looked at */
	p->at += strlen(p->at);
	return NULL;
}

static struct node *make(enum kind kind, struct node *a, struct node *b)
{
	struct node *node = calloc(1, sizeof(*node));

	if (!node)
		abort();
	node->kind = kind;
	node->a = a;
	node->b = b;
	return node;
}

static struct node *literal(json_t *value)
{
	struct node *node = make(LITERAL, NULL, NULL);

	node->value = value;
	return node;
}

static void add_item(struct node *node, struct node *item)
{
	node->items = realloc(node->items, (node->n_items + 1) * sizeof(*node->items));
	if (!node->items)
		abort();
	node->items[node->n_items++] = item;
}

static void blanks(struct parser *p)
{
	while (isspace((unsigned char)*p->at) || *p->at == '#')
		p->at += *p->at == '#' ? strcspn(p->at, "\n") : 1;
}

static bool in_word(char c)
{
	return isalnum((unsigned char)c) || c == '_';
}

/* Is this here, and no longer word? Then it is passed. */
static bool take(struct parser *p, const char *text)
{
	size_t len = strlen(text);

	blanks(p);
	if (strncmp(p->at, text, len) != 0 || (in_word(text[0]) && in_word(p->at[len])))
		return false;
	p->at += len;
	return true;
}

static void expect(struct parser *p, const char *text)
{
	if (!p->failed && !take(p, text))
		fail(p);
}

static const char *word(struct parser *p)
{
	size_t len = 0;
	const char *name;

	while (in_word(p->at[len]))
		len++;
	name = strndup(p->at, len);
	if (len == 0 || isdigit((unsigned char)*p->at) || !name) {
		fail(p);
		return "";
	}
	p->at += len;
	return name;
}

/* The rest of a string, behind its quotation mark: a literal, or parts to be joined. */
static struct node *string(struct parser *p)
{
	static const char from[] = "\"\\/bfnrt", to[] = "\"\\/\b\f\n\r\t";
	char *part = calloc(1, strlen(p->at) + 1), *end = part;
	struct node *text = make(TEXT, NULL, NULL);
	const char *escape;

	if (!part)
		abort();
	while (*p->at && *p->at != '"') {
		if (*p->at != '\\') {
			*end++ = *p->at++;
			continue;
		}
		p->at++;
		if (*p->at == '(') {
			p->at++;
			add_item(text, literal(json_stringn(part, end - part)));
			add_item(text, binary(p, 1));
			expect(p, ")");
			end = part;
			continue;
		}
		escape = *p->at ? strchr(from, *p->at) : NULL;
		if (!escape)
			return fail(p);
		*end++ = to[escape - from];
		p->at++;
	}
	if (p->failed || *p->at++ != '"')
		return fail(p);
	add_item(text, literal(json_stringn(part, end - part)));
	if (!text->items[text->n_items - 1]->value)
		return fail(p);
	return text->n_items == 1 ? text->items[0] : text;
}

/* Behind "[" of an expression: index, slice or all. */
static struct node *subscript(struct parser *p, struct node *of)
{
	struct node *node;

	if (take(p, "]"))
		return make(ITERATE, of, NULL);
	if (take(p, ":")) {
		node = make(SLICE, of, NULL);
		node->c = binary(p, 1);
	} else {
		node = make(FIELD, of, binary(p, 1));
		if (!p->failed && take(p, ":")) {
			node->kind = SLICE;
			blanks(p);
			if (*p->at != ']')
				node->c = binary(p, 1);
		}
	}
	expect(p, "]");
	return node;
}

/* Behind "." of ".name" or ."name". */
static struct node *member(struct parser *p, struct node *of)
{
	if (*p->at == '"') {
		p->at++;
		return make(FIELD, of, string(p));
	}
	return make(FIELD, of, literal(json_string(word(p))));
}

static struct node *array(struct parser *p)
{
	struct node *node = make(ARRAY, NULL, NULL);

	if (take(p, "]"))
		return node;
	node->a = binary(p, 1);
	expect(p, "]");
	return node;
}

static struct node *postfix(struct parser *p);

/* A value of an object: terms and pipes of them, as the comma separates members. */
static struct node *object_value(struct parser *p)
{
	struct node *value = postfix(p);

	while (!p->failed && take(p, "|"))
		value = make(PIPE, value, postfix(p));
	return value;
}

static struct node *object(struct parser *p)
{
	struct node *node = make(OBJECT, NULL, NULL), *key, *value;

	if (take(p, "}"))
		return node;
	do {
		blanks(p);
		value = NULL;
		if (*p->at == '"') {
			p->at++;
			key = string(p);
		} else if (*p->at == '(') {
			p->at++;
			key = binary(p, 1);
			expect(p, ")");
		} else if (*p->at == '$') {
			p->at++;
			value = make(VARIABLE, NULL, NULL);
			value->name = word(p);
			key = literal(json_string(value->name));
		} else {
			key = literal(json_string(word(p)));
		}
		if (!value)
			value = take(p, ":") ? object_value(p)
					     : make(FIELD, make(IDENTITY, NULL, NULL), key);
		add_item(node, key);
		add_item(node, value);
	} while (!p->failed && take(p, ","));
	expect(p, "}");
	return node;
}

/* Behind "if" or "elif". */
static struct node *condition(struct parser *p)
{
	struct node *node = make(IF, binary(p, 1), NULL);

	expect(p, "then");
	if (p->failed)
		return node;
	node->b = binary(p, 1);
	if (p->failed)
		return node;
	if (take(p, "elif")) {
		node->c = condition(p);
		return node;
	}
	expect(p, "else");
	if (p->failed)
		return node;
	node->c = binary(p, 1);
	expect(p, "end");
	return node;
}

/* A word: a constant, "if" or a function. Words that begin something else are no functions. */
static struct node *named(struct parser *p)
{
	struct node *node;

	if (take(p, "if"))
		return condition(p);
	if (take(p, "null"))
		return literal(json_null());
	if (take(p, "true"))
		return literal(json_true());
	if (take(p, "false"))
		return literal(json_false());
	node = make(CALL, NULL, NULL);
	node->name = word(p);
	if (!p->failed && take(p, "(")) {
		do {
			add_item(node, binary(p, 1));
		} while (!p->failed && take(p, ";"));
		expect(p, ")");
	}
	if (p->failed || !find_function(node->name, node->n_items))
		return fail(p);
	return node;
}

static struct node *number(struct parser *p)
{
	char *end;
	long long n = strtoll(p->at, &end, 10);

	if (end == p->at || *end == '.' || in_word(*end) || n > 1LL << 53 || n < -(1LL << 53))
		return fail(p);
	p->at = end;
	return literal(json_integer(n));
}

static struct node *term(struct parser *p)
{
	struct node *node;

	blanks(p);
	if (isdigit((unsigned char)*p->at) || (p->at[0] == '-' && isdigit((unsigned char)p->at[1])))
		return number(p);
	switch (*p->at) {
	case '.':
		p->at++;
		node = make(IDENTITY, NULL, NULL);
		if (*p->at == '"' || (in_word(*p->at) && !isdigit((unsigned char)*p->at)))
			return member(p, node);
		return *p->at == '.' || isdigit((unsigned char)*p->at) ? fail(p) : node;
	case '"':
		p->at++;
		return string(p);
	case '[':
		p->at++;
		return array(p);
	case '{':
		p->at++;
		return object(p);
	case '(':
		p->at++;
		node = binary(p, 1);
		expect(p, ")");
		return node;
	case '$':
		p->at++;
		node = make(VARIABLE, NULL, NULL);
		node->name = word(p);
		return node;
	default:
		return named(p);
	}
}

static struct node *postfix(struct parser *p)
{
	struct node *node = term(p);

	while (!p->failed) {
		blanks(p);
		if (p->at[0] == '.' && (p->at[1] == '"' || in_word(p->at[1]))) {
			p->at++;
			node = member(p, node);
		} else if (p->at[0] == '[') {
			p->at++;
			node = subscript(p, node);
		} else if (p->at[0] == '?' && p->at[1] != '/') {
			p->at++;
			node = make(TRY, node, NULL);
		} else {
			break;
		}
	}
	if (!p->failed && take(p, "as")) {
		node = make(BIND, node, NULL);
		expect(p, "$");
		if (!p->failed)
			node->name = word(p);
		expect(p, "|");
		node->b = p->failed ? NULL : binary(p, 1);
	}
	return node;
}

static const struct infix *next_operator(struct parser *p)
{
	const char *start;

	blanks(p);
	start = p->at;
	for (size_t i = 0; i < sizeof(operators) / sizeof(operators[0]); i++) {
		if (take(p, operators[i].text)) {
			p->at = start;
			return &operators[i];
		}
	}
	return NULL;
}

/* An expression of operators that bind at least as tightly as this rank. */
static struct node *binary(struct parser *p, int rank)
{
	struct node *node = postfix(p), *right;
	const struct infix *op;

	while (!p->failed && (op = next_operator(p)) && (op->rank == 0 || op->rank >= rank)) {
		if (op->rank == 0)
			return fail(p);
		take(p, op->text);
		right = binary(p, op->right ? op->rank : op->rank + 1);
		node = make(op->kind, node, right);
	}
	return node;
}

struct node *parse(const char *program)
{
	struct parser p = { program, false };
	struct node *node = binary(&p, 1);

	blanks(&p);
	return p.failed || *p.at ? NULL : node;
}
