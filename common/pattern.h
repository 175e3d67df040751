/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Regular expressions as Go's package regexp reads them, for lists that administrators wrote for
 * it.
 */
#ifndef HAWSER_PATTERN_H
#define HAWSER_PATTERN_H

#include <stdbool.h>

/*
 * Not regcomp(): in POSIX a backslash inside brackets is a character like any other, so "[\w.]+"
 * would allow something else than its author meant, and musl and glibc differ in what they add.
 */
struct pattern;

/**
 * pattern_compile() - read a regular expression in the syntax of RE2
 * @text: the expression: literals, ".", classes, groups, "|", "*", "+", "?", "{m,n}" (also lazy),
 *        "^", "$", \A \z \d \D \s \S \w \W, [[:alpha:]] and its like, "(?i)" in front. Bytes, not
 *        characters.
 * @out: to be released with pattern_free(); untouched on failure
 * @why: receives what is wrong, a string literal
 *
 * Return: 0; -EINVAL: wrong, or uses what is not supported (word boundaries, Unicode classes);
 * -E2BIG: too large; -ENOMEM.
 */
int pattern_compile(const char *text, struct pattern **out, const char **why);

/**
 * pattern_matches() - whether a text contains a match
 * @p: the expression
 * @text: searched from each position, as regexp.MatchString() does
 *
 * Takes time in proportion to the length of both, whatever the expression.
 *
 * Return: true when it does.
 */
bool pattern_matches(const struct pattern *p, const char *text);

/** pattern_free() - release @p, which may be NULL. */
void pattern_free(struct pattern *p);

static inline void cleanup_pattern(struct pattern **p)
{
	pattern_free(*p);
}

#define autopattern __attribute__((cleanup(cleanup_pattern)))

#endif
