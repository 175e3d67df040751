/* SPDX-License-Identifier: GPL-2.0-or-later */
/* jq's command line: options, arguments, inputs and outputs; and jq itself for all else. */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "query.h"

struct options {
	const char *program;
	bool null_input, slurp, raw, compact, sort, by_status;
	const struct env *env;
	json_t *named, *positional;
	const char **files;
	size_t n_files;
	/* standard input as far as it was read */
	char *input;
	size_t input_len;
};

/* Integers that jq does not round, and no other numbers. */
static bool plain(json_t *value)
{
	const char *name;
	json_t *inner;
	size_t i;

	if (json_is_integer(value))
		return llabs(json_integer_value(value)) < 1LL << 53;
	json_array_foreach (value, i, inner)
		if (!plain(inner))
			return false;
	json_object_foreach (value, name, inner)
		if (!plain(inner))
			return false;
	return !json_is_real(value);
}

/* All of a file, with a 0 behind it; NULL when it cannot be read. */
static char *read_all(int fd, size_t *len)
{
	size_t room = 1 << 16;
	char *text = malloc(room);
	ssize_t n = -1;

	*len = 0;
	while (fd >= 0 && text && (n = read(fd, text + *len, room - *len - 1)) > 0) {
		*len += n;
		if (room - *len < 2)
			text = realloc(text, room *= 2);
	}
	if (text)
		text[*len] = '\0';
	return text && n == 0 ? text : NULL;
}

/* No control characters that the two libraries write in different ways, nor escapes of any. */
static bool tame(const char *text)
{
	for (const char *at = text; *at; at++)
		if ((*at > 0 && *at < ' ' && !strchr("\b\f\n\r\t", *at)) || *at == 0x7f)
			return false;
	return !strstr(text, "\\u");
}

static bool parse_values(const char *text, json_t *values)
{
	json_error_t error;
	json_t *value;

	if (!tame(text))
		return false;
	while (text[strspn(text, " \t\r\n")]) {
		value = json_loads(text, JSON_DECODE_ANY | JSON_DISABLE_EOF_CHECK, &error);
		if (!value || !plain(value))
			return false;
		/* jq wants something between two numbers or words, and so do the scripts */
		text += error.position;
		json_array_append(values, value);
	}
	return true;
}

static bool read_file(const char *path, json_t *values)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	size_t len;
	char *text = read_all(fd, &len);

	if (fd >= 0)
		close(fd);
	return text && strlen(text) == len && parse_values(text, values);
}

static bool read_inputs(struct options *o, json_t *values)
{
	if (o->n_files == 0) {
		o->input = read_all(STDIN_FILENO, &o->input_len);
		return o->input && strlen(o->input) == o->input_len &&
		       parse_values(o->input, values);
	}
	for (size_t i = 0; i < o->n_files; i++)
		if (!read_file(o->files[i], values))
			return false;
	return true;
}

static void define(struct options *o, const char *name, json_t *value)
{
	struct env *env = malloc(sizeof(*env));

	if (!env)
		abort();
	env->name = name;
	env->value = value;
	env->up = o->env;
	o->env = env;
	json_object_set(o->named, name, value);
}

static bool short_options(struct options *o, const char *letters)
{
	for (; *letters; letters++) {
		switch (*letters) {
		case 'n':
			o->null_input = true;
			break;
		case 's':
			o->slurp = true;
			break;
		case 'r':
			o->raw = true;
			break;
		case 'c':
			o->compact = true;
			break;
		case 'S':
			o->sort = true;
			break;
		case 'e':
			o->by_status = true;
			break;
		default:
			return false;
		}
	}
	return true;
}

/* An option with a name and a value; these are argv[0], argv[1] and argv[2]. */
static bool named_value(struct options *o, char **argv)
{
	json_t *values = json_array();

	if (!argv[1] || !argv[2])
		return false;
	if (strcmp(argv[0], "--arg") == 0) {
		json_array_append_new(values, json_string(argv[2]));
		if (!tame(argv[2]) || json_array_size(values) != 1)
			return false;
	} else if (strcmp(argv[0], "--argjson") == 0) {
		if (!parse_values(argv[2], values) || json_array_size(values) != 1)
			return false;
	} else if (strcmp(argv[0], "--slurpfile") == 0) {
		if (!read_file(argv[2], values))
			return false;
		define(o, argv[1], values);
		return true;
	} else {
		return false;
	}
	define(o, argv[1], json_array_get(values, 0));
	return true;
}

static bool read_options(struct options *o, char **argv)
{
	bool args = false;

	for (int i = 1; argv[i]; i++) {
		if (strcmp(argv[i], "--args") == 0) {
			args = true;
		} else if (strncmp(argv[i], "--", 2) == 0) {
			if (!named_value(o, argv + i))
				return false;
			i += 2;
		} else if (argv[i][0] == '-' && argv[i][1]) {
			if (!short_options(o, argv[i] + 1))
				return false;
		} else if (!o->program) {
			o->program = argv[i];
		} else if (args) {
			if (!tame(argv[i]) ||
			    json_array_append_new(o->positional, json_string(argv[i])) != 0)
				return false;
		} else {
			o->files[o->n_files++] = argv[i];
		}
	}
	define(o, "ARGS",
	       json_pack("{s:O, s:O}", "positional", o->positional, "named", json_copy(o->named)));
	return o->program;
}

static bool print(const struct options *o, const json_t *value, FILE *f)
{
	size_t flags = JSON_ENCODE_ANY | (o->compact ? JSON_COMPACT : JSON_INDENT(2)) |
		       (o->sort ? JSON_SORT_KEYS : 0);
	const char *text;

	text = o->raw && json_is_string(value) ? json_string_value(value)
					       : json_dumps(value, flags);
	return text && fprintf(f, "%s\n", text) >= 0;
}

/* All outputs of a program for all inputs. false: jq's business */
static bool run(struct options *o, FILE *f, int *status)
{
	const struct node *program = parse(o->program);
	struct outputs out = { NULL, 0 };
	json_t *inputs = json_array(), *value;
	struct place in = { NULL, NULL };
	size_t i;

	if (!program || (!o->null_input && !read_inputs(o, inputs)))
		return false;
	if (o->null_input)
		json_array_append_new(inputs, json_null());
	else if (o->slurp)
		inputs = json_pack("[o]", inputs);
	json_array_foreach (inputs, i, value) {
		in.value = value;
		if (!eval(program, in, o->env, &out))
			return false;
	}
	for (i = 0; i < out.n; i++)
		if (!print(o, out.at[i].value, f))
			return false;
	*status = 0;
	if (o->by_status)
		*status = out.n == 0 ? 4 : truth(out.at[out.n - 1].value) ? 0 : 1;
	return true;
}

/* jq gets the input that we have read. */
static void leave_to_jq(const struct options *o, char **argv)
{
	int fd;

	if (o->input) {
		fd = memfd_create("input", MFD_CLOEXEC);
		if (fd < 0 || write(fd, o->input, o->input_len) != (ssize_t)o->input_len ||
		    lseek(fd, 0, SEEK_SET) != 0 || dup2(fd, STDIN_FILENO) < 0) {
			perror("query: input for jq");
			return;
		}
	}
	execvp("jq", argv);
	perror("query: jq");
}

int main(int argc, char **argv)
{
	struct options o = { .named = json_object(),
			     .positional = json_array(),
			     .files = calloc(argc + 1, sizeof(*o.files)) };
	char *text = NULL;
	size_t len = 0;
	FILE *f = open_memstream(&text, &len);
	int status;

	if (!f || !o.files)
		return 127;
	if (!read_options(&o, argv) || !run(&o, f, &status)) {
		leave_to_jq(&o, argv);
		return 127;
	}
	if (fclose(f) != 0 || fwrite(text, 1, len, stdout) != len || fflush(stdout) != 0)
		return 2;
	return status;
}
