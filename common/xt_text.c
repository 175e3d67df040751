/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Text of iptables rules: quoting, names and comments of the reference, what iptables-save says. */
#include "sha512.h"
#include "xt_rules.h"

#include <stdarg.h>
#include <string.h>

static const char alnum[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz";

void xt_text_free(struct xt_text *text)
{
	free(text->s);
	*text = (struct xt_text){ 0 };
}

static void put(struct xt_text *text, const char *s, size_t n)
{
	if (text->error)
		return;
	if (text->len + n + 1 > text->size) {
		size_t size = 2 * (text->len + n + 1);
		char *bigger = realloc(text->s, size);

		if (!bigger) {
			text->error = -ENOMEM;
			return;
		}
		text->s = bigger;
		text->size = size;
	}
	memcpy(text->s + text->len, s, n);
	text->len += n;
	text->s[text->len] = '\0';
}

void xt_put(struct xt_text *text, const char *s)
{
	put(text, s, strlen(s));
}

bool xt_word_valid(const char *word)
{
	for (; *word; word++)
		if ((unsigned char)*word < 0x20 || *word == 0x7f)
			return false;
	return true;
}

/* Whether a word needs no quotes. */
static bool bare(const char *word)
{
	while (*word && (strchr(alnum, *word) || strchr("_-./:,!=@%+[]", *word)))
		word++;
	return !*word;
}

void xt_word(struct xt_text *text, const char *word)
{
	if (!xt_word_valid(word) && !text->error)
		text->error = -EINVAL;
	xt_put(text, " ");
	/* bare are addresses, ports and options; comments of ours contain blanks */
	if (*word && bare(word)) {
		xt_put(text, word);
		return;
	}
	xt_put(text, "\"");
	for (; *word; word++) {
		if (strchr("\"\\'", *word))
			xt_put(text, "\\");
		put(text, word, 1);
	}
	xt_put(text, "\"");
}

void xt_words(struct xt_text *text, ...)
{
	const char *word;
	va_list ap;

	va_start(ap, text);
	while ((word = va_arg(ap, const char *)))
		xt_word(text, word);
	va_end(ap);
}

static bool name_valid(const char *name, const char *more, size_t max)
{
	size_t len = strlen(name);

	if (len < 1 || len > max || *name == '-')
		return false;
	for (; *name; name++)
		if (!strchr(alnum, *name) && !strchr(more, *name))
			return false;
	return true;
}

bool xt_chain_valid(const char *name)
{
	return name_valid(name, "_.-", XT_CHAIN_MAX);
}

bool xt_bridge_valid(const char *name)
{
	return name_valid(name, "_.-@=,~", 15);
}

void xt_chain_name(const struct xt_owner *owner, const char *prefix, char out[XT_CHAIN_MAX + 1])
{
	char input[1024]; /* args.h allows far less */
	uint8_t digest[64];
	size_t used = (size_t)snprintf(out, XT_CHAIN_MAX + 1, "CNI-%s", prefix);

	snprintf(input, sizeof(input), "%s%s", owner->network, owner->container_id);
	sha512(input, strlen(input), digest);
	for (size_t i = 0; used + i < XT_CHAIN_MAX; i++)
		out[used + i] = "0123456789abcdef"[i % 2 ? digest[i / 2] & 15 : digest[i / 2] >> 4];
	out[XT_CHAIN_MAX] = '\0';
}

void xt_comment(const struct xt_owner *owner, const char *head, char out[XT_COMMENT_MAX + 1])
{
	char chain[XT_CHAIN_MAX + 1];
	int n = snprintf(out, XT_COMMENT_MAX + 1, "%sname: \"%s\" id: \"%s\"", head, owner->network,
			 owner->container_id);

	if (n <= XT_COMMENT_MAX)
		return;
	xt_chain_name(owner, "", chain);
	snprintf(out + XT_COMMENT_MAX - 4 - XT_CHAIN_MAX, 4 + XT_CHAIN_MAX + 1, "... %s", chain);
}

void xt_save_free(struct xt_save *save)
{
	free(save->text);
	free(save->lines);
	*save = (struct xt_save){ 0 };
}

int xt_save_parse(char *text, struct xt_save *out)
{
	size_t size = 64, n = 0;
	char *line, *next;

	*out = (struct xt_save){ .text = text, .lines = malloc(size * sizeof(*out->lines)) };
	if (!out->lines)
		return -ENOMEM;
	for (line = text; *line; line = next) {
		next = strchr(line, '\n');
		if (next)
			*next++ = '\0';
		else
			next = line + strlen(line);
		if (line[0] == '#' && strstr(line, "is incompatible"))
			return -EOPNOTSUPP;
		if (line[0] == '#' || line[0] == '\0')
			continue;
		if (line[0] == ':') { /* ":chain POLICY [packets:bytes]" */
			char *counters = strstr(line, " [");

			if (counters)
				*counters = '\0';
		}
		if (n == size) {
			char **bigger = realloc(out->lines, 2 * size * sizeof(*bigger));

			if (!bigger)
				return -ENOMEM;
			out->lines = bigger;
			size *= 2;
		}
		out->lines[n++] = line;
		out->n = n;
	}
	return 0;
}

bool xt_save_equal(const struct xt_save *a, const struct xt_save *b)
{
	if (a->n != b->n)
		return false;
	for (size_t i = 0; i < a->n; i++)
		if (strcmp(a->lines[i], b->lines[i]) != 0)
			return false;
	return true;
}

const char *xt_line_target(const char *line)
{
	const char *last = strrchr(line, ' ');

	/* a comment with a blank in it ends in a quote */
	return last && last - line >= 3 && strncmp(last - 3, " -j", 3) == 0 && !strchr(last, '"')
		       ? last + 1
		       : NULL;
}
