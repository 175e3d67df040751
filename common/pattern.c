/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Regular expressions as Go's package regexp reads them. An expression is compiled to a little
 * program; all ways through it are followed at the same time (Thompson's construction, Pike's
 * form), so that no expression takes exponential time. Jumps are relative: a piece of the program
 * can be moved and copied.
 */
#include "pattern.h"

#include "cleanup.h"

#include <ctype.h>
#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#define PROGRAM_MAX 4000 /* instructions */
#define DEPTH_MAX   50	 /* groups inside groups */
#define REPEAT_MAX  1000 /* RE2's own limit of {m,n} */

enum op { SET, SPLIT, JUMP, START, END, MATCH };

struct instr {
	enum op op;
	int x, y;	 /* SPLIT: both ways; JUMP: x. Relative to this instruction. */
	uint8_t set[32]; /* SET: one bit for each byte that it takes */
};

struct pattern {
	struct instr *code;
	int n;
};

struct parser {
	const char *p;
	struct pattern out;
	int size, depth;
	bool fold; /* (?i) */
	int error;
	const char *why;
};

static void fail(struct parser *ps, int error, const char *why)
{
	if (!ps->error) {
		ps->error = error;
		ps->why = why;
	}
	ps->p = ""; /* every loop ends */
}

/* Room for more instructions at @at. Return: false when there is none. */
static bool make_room(struct parser *ps, int at, int more)
{
	struct pattern *out = &ps->out;

	if (ps->error)
		return false;
	if (out->n + more > PROGRAM_MAX) {
		fail(ps, -E2BIG, "it is too large");
		return false;
	}
	if (out->n + more > ps->size) {
		int size = 2 * (out->n + more);
		struct instr *bigger = realloc(out->code, size * sizeof(*bigger));

		if (!bigger) {
			fail(ps, -ENOMEM, "out of memory");
			return false;
		}
		out->code = bigger;
		ps->size = size;
	}
	memmove(out->code + at + more, out->code + at, (out->n - at) * sizeof(*out->code));
	out->n += more;
	return true;
}

static void insert(struct parser *ps, int at, enum op op, int x, int y)
{
	if (make_room(ps, at, 1))
		ps->out.code[at] = (struct instr){ .op = op, .x = x, .y = y };
}

static void append(struct parser *ps, enum op op, int x, int y)
{
	insert(ps, ps->out.n, op, x, y);
}

static void append_code(struct parser *ps, const struct instr *code, int n)
{
	int at = ps->out.n;

	if (n && make_room(ps, at, n))
		memcpy(ps->out.code + at, code, n * sizeof(*code));
}

static void add_byte(uint8_t set[32], unsigned char c)
{
	set[c / 8] |= 1 << (c % 8);
}

static bool has_byte(const uint8_t set[32], unsigned char c)
{
	return set[c / 8] >> (c % 8) & 1;
}

static void add_range(const struct parser *ps, uint8_t set[32], unsigned char lo, unsigned char hi)
{
	for (int c = lo; c <= hi; c++) {
		add_byte(set, c);
		if (ps->fold && isascii(c)) {
			add_byte(set, tolower(c));
			add_byte(set, toupper(c));
		}
	}
}

static int is_word(int c)
{
	return isalnum(c) || c == '_';
}

/* \s of RE2: no vertical tab. */
static int is_blank(int c)
{
	return c == ' ' || (c >= '\t' && c <= '\r' && c != '\v');
}

static void add_class(uint8_t set[32], int (*is)(int), bool not )
{
	for (int c = 0; c < 256; c++)
		if ((isascii(c) && is(c)) != not )
			add_byte(set, c);
}

/* Behind a backslash: a class is added to @set. Return: the byte it stands for, or -1: a class. */
static int read_escape(struct parser *ps, uint8_t set[32])
{
	static const unsigned char controls[] = "a\at\tn\nv\vf\fr\r";
	unsigned char c = *ps->p;

	if (c)
		ps->p++;
	switch (c) {
	case 'd':
	case 'D':
		add_class(set, isdigit, c == 'D');
		return -1;
	case 's':
	case 'S':
		add_class(set, is_blank, c == 'S');
		return -1;
	case 'w':
	case 'W':
		add_class(set, is_word, c == 'W');
		return -1;
	}
	for (size_t i = 0; c && controls[i]; i += 2)
		if (c == controls[i])
			return controls[i + 1];
	if (ispunct(c))
		return c;
	fail(ps, -EINVAL, "an escape that is not supported");
	return 0;
}

/* "[:alpha:]" inside brackets. Return: whether there was one. */
static bool read_named_class(struct parser *ps, uint8_t set[32])
{
	static const struct {
		const char *name;
		int (*is)(int);
	} classes[] = { { "alnum", isalnum },  { "alpha", isalpha }, { "blank", isblank },
			{ "cntrl", iscntrl },  { "digit", isdigit }, { "graph", isgraph },
			{ "lower", islower },  { "print", isprint }, { "punct", ispunct },
			{ "space", isspace },  { "upper", isupper }, { "word", is_word },
			{ "xdigit", isxdigit } };

	if (strncmp(ps->p, "[:", 2) != 0)
		return false;
	for (size_t i = 0; i < ARRAY_SIZE(classes); i++) {
		size_t len = strlen(classes[i].name);
		bool not = ps->p[2] == '^';
		const char *name = ps->p + 2 + not ;

		if (strncmp(name, classes[i].name, len) == 0 && strncmp(name + len, ":]", 2) == 0) {
			add_class(set, classes[i].is, not );
			ps->p = name + len + 2;
			return true;
		}
	}
	fail(ps, -EINVAL, "an unknown class in brackets");
	return true;
}

/* One end of a range inside brackets. Return: the byte, or -1: a class, which is in @set now. */
static int read_class_byte(struct parser *ps, uint8_t set[32])
{
	if (*ps->p == '\\') {
		ps->p++;
		return read_escape(ps, set);
	}
	return (unsigned char)*ps->p++;
}

/* What stands in brackets; ps->p is behind the opening one. */
static void read_class(struct parser *ps, uint8_t set[32])
{
	bool not = *ps->p == '^', first = true;

	ps->p += not ;
	for (; *ps->p && (*ps->p != ']' || first); first = false) {
		int lo, hi;

		if (read_named_class(ps, set))
			continue;
		lo = hi = read_class_byte(ps, set);
		if (lo < 0)
			continue;
		if (ps->p[0] == '-' && ps->p[1] && ps->p[1] != ']') {
			ps->p++;
			hi = read_class_byte(ps, set);
		}
		if (hi < lo)
			fail(ps, -EINVAL, "a range in brackets that ends before it begins");
		else
			add_range(ps, set, lo, hi);
	}
	if (*ps->p != ']')
		fail(ps, -EINVAL, "a bracket that is not closed");
	else
		ps->p++;
	for (int i = 0; not &&i < 32; i++)
		set[i] = ~set[i];
}

static void append_set(struct parser *ps, const uint8_t set[32])
{
	append(ps, SET, 0, 0);
	if (!ps->error)
		memcpy(ps->out.code[ps->out.n - 1].set, set, 32);
}

static void read_alternatives(struct parser *ps);

static void read_group(struct parser *ps)
{
	if (strncmp(ps->p, "?:", 2) == 0)
		ps->p += 2;
	else if (*ps->p == '?')
		fail(ps, -EINVAL, "a kind of group that is not supported");
	if (++ps->depth > DEPTH_MAX)
		fail(ps, -E2BIG, "too many groups inside groups");
	read_alternatives(ps);
	ps->depth--;
	if (*ps->p != ')')
		fail(ps, -EINVAL, "a group that is not closed");
	else
		ps->p++;
}

/* Anything that a repetition may stand behind. */
static void read_atom(struct parser *ps)
{
	char c = *ps->p++;
	uint8_t set[32] = { 0 };
	int byte;

	switch (c) {
	case '(':
		read_group(ps);
		return;
	case '^':
	case '$':
		append(ps, c == '^' ? START : END, 0, 0);
		return;
	case '*':
	case '+':
	case '?':
		fail(ps, -EINVAL, "a repetition of nothing");
		return;
	case '\\':
		if (*ps->p == 'A' || *ps->p == 'z') {
			append(ps, *ps->p++ == 'A' ? START : END, 0, 0);
			return;
		}
		byte = read_escape(ps, set);
		if (byte >= 0)
			add_range(ps, set, byte, byte);
		break;
	case '[':
		read_class(ps, set);
		break;
	case '.':
		memset(set, 0xff, sizeof(set));
		set['\n' / 8] &= ~(1 << ('\n' % 8));
		break;
	default:
		add_range(ps, set, c, c);
	}
	append_set(ps, set);
}

/* "{m}", "{m,}" or "{m,n}". Return: false: something else, then the brace means itself. */
static bool read_counts(struct parser *ps, int *min, int *max)
{
	char *end;
	long lo, hi;

	if (ps->p[0] != '{' || !isdigit((unsigned char)ps->p[1]))
		return false;
	lo = hi = strtol(ps->p + 1, &end, 10);
	if (*end == ',') {
		hi = -1;
		if (*++end != '}') {
			if (!isdigit((unsigned char)*end))
				return false;
			hi = strtol(end, &end, 10);
		}
	}
	if (*end != '}')
		return false;
	ps->p = end + 1;
	if (lo > REPEAT_MAX || hi > REPEAT_MAX || (hi >= 0 && hi < lo)) {
		fail(ps, -EINVAL, "a repetition with impossible counts");
		return true;
	}
	*min = (int)lo;
	*max = (int)hi;
	return true;
}

/* Write the code behind @start again, so that it is run @min to @max (-1: any number of) times. */
static void repeat(struct parser *ps, int start, int min, int max)
{
	int len = ps->out.n - start;
	autofree struct instr *body = NULL;

	if (ps->error)
		return;
	body = malloc((len + 1) * sizeof(*body));
	if (!body) {
		fail(ps, -ENOMEM, "out of memory");
		return;
	}
	if (len)
		memcpy(body, ps->out.code + start, len * sizeof(*body));
	ps->out.n = start;
	for (int i = 0; i < min; i++)
		append_code(ps, body, len);
	if (max < 0) {
		append(ps, SPLIT, 1, len + 2);
		append_code(ps, body, len);
		append(ps, JUMP, -(len + 1), 0);
	}
	for (int i = min; i < max; i++) {
		append(ps, SPLIT, 1, len + 1);
		append_code(ps, body, len);
	}
}

static void read_repeated(struct parser *ps)
{
	int start = ps->out.n, min = 0, max = -1;

	read_atom(ps);
	if (*ps->p == '*' || *ps->p == '+' || *ps->p == '?') {
		min = *ps->p == '+';
		max = *ps->p == '?' ? 1 : -1;
		ps->p++;
	} else if (!read_counts(ps, &min, &max)) {
		return;
	}
	if (*ps->p == '?') /* lazy: finds the same texts */
		ps->p++;
	if (*ps->p == '*' || *ps->p == '+' || *ps->p == '?')
		fail(ps, -EINVAL, "a repetition of a repetition");
	repeat(ps, start, min, max);
}

static void read_alternatives(struct parser *ps)
{
	int start = ps->out.n, jump;

	while (*ps->p && *ps->p != '|' && *ps->p != ')')
		read_repeated(ps);
	if (*ps->p != '|')
		return;
	ps->p++;
	insert(ps, start, SPLIT, 1, ps->out.n - start + 2);
	append(ps, JUMP, 0, 0);
	jump = ps->out.n - 1;
	read_alternatives(ps);
	if (!ps->error)
		ps->out.code[jump].x = ps->out.n - jump;
}

int pattern_compile(const char *text, struct pattern **out, const char **why)
{
	struct parser ps = { .p = text };
	struct pattern *p;

	if (strncmp(text, "(?i)", 4) == 0) {
		ps.fold = true;
		ps.p += 4;
	}
	read_alternatives(&ps);
	if (*ps.p == ')')
		fail(&ps, -EINVAL, "a closing parenthesis too many");
	append(&ps, MATCH, 0, 0);
	p = ps.error ? NULL : malloc(sizeof(*p));
	if (!p) {
		free(ps.out.code);
		*why = ps.error ? ps.why : "out of memory";
		return ps.error ? ps.error : -ENOMEM;
	}
	*p = ps.out;
	*out = p;
	return 0;
}

void pattern_free(struct pattern *p)
{
	if (p)
		free(p->code);
	free(p);
}

/* The places in the program that are reached at one position of the text. */
struct places {
	const struct pattern *p;
	bool *in;  /* for each instruction */
	int *list; /* of those that take a byte */
	int n;
	bool matched;
};

static void reach(struct places *at, int pc, bool first, bool last)
{
	const struct instr *i = &at->p->code[pc];

	if (at->in[pc])
		return;
	at->in[pc] = true;
	switch (i->op) {
	case SET:
		at->list[at->n++] = pc;
		return;
	case SPLIT:
		reach(at, pc + i->x, first, last);
		reach(at, pc + i->y, first, last);
		return;
	case JUMP:
		reach(at, pc + i->x, first, last);
		return;
	case START:
	case END:
		if (i->op == START ? first : last)
			reach(at, pc + 1, first, last);
		return;
	case MATCH:
		at->matched = true;
	}
}

bool pattern_matches(const struct pattern *p, const char *text)
{
	autofree bool *in = calloc(p->n, sizeof(*in));
	autofree int *lists = calloc(2 * (size_t)p->n, sizeof(*lists));
	struct places now = { .p = p, .in = in, .list = lists };
	const char *c = text;

	if (!in || !lists)
		abort();
	for (;; c++) {
		struct places next = now;

		reach(&now, 0, c == text, !*c);
		if (now.matched || !*c)
			return now.matched;
		memset(in, 0, p->n * sizeof(*in));
		next.list = now.list == lists ? lists + p->n : lists;
		next.n = 0;
		for (int i = 0; i < now.n; i++)
			if (has_byte(p->code[now.list[i]].set, *c))
				reach(&next, now.list[i] + 1, false, !c[1]);
		now = next;
	}
}
