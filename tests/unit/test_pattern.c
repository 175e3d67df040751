/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of the regular expressions: what Go's regexp.MatchString() says of the same pairs. */
#include "cleanup.h"
#include "pattern.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

struct pair {
	const char *pattern, *text;
	bool match;
};

static void compare(const struct pair *pairs, size_t n)
{
	for (size_t i = 0; i < n; i++) {
		autopattern struct pattern *p = NULL;
		const char *why = NULL;

		if (pattern_compile(pairs[i].pattern, &p, &why) < 0)
			fail_msg("\"%s\": %s", pairs[i].pattern, why);
		if (pattern_matches(p, pairs[i].text) != pairs[i].match)
			fail_msg("\"%s\" and \"%s\"", pairs[i].pattern, pairs[i].text);
	}
}

static void test_basics(void **state)
{
	static const struct pair pairs[] = {
		{ "", "", true },
		{ "", "x", true },
		{ "b", "abc", true },
		{ "^b", "abc", false },
		{ "^net.core.somaxconn$", "net.core.somaxconn", true },
		{ "^net.core.somaxconn$", "net/core/somaxconn", true },
		{ "^net\\.core\\.somaxconn$", "net/core/somaxconn", false },
		{ "^net.core.somaxconn$", "net.core.somaxconn2", false },
		{ "^net.ipv4.conf.IFNAME.(arp_filter|arp_ignore)$",
		  "net.ipv4.conf.IFNAME.arp_ignore", true },
		{ "^net.ipv4.conf.IFNAME.(arp_filter|arp_ignore)$",
		  "net.ipv4.conf.IFNAME.arp_notify", false },
		{ "^a|b$", "ax", true },
		{ "^a|b$", "xb", true },
		{ "^a|b$", "xbx", false },
		{ "^(a|)$", "", true },
		{ "^(?:ab)+$", "ababab", true },
		{ "^(?:ab)+$", "aba", false },
		{ "\\Aa\\z", "a", true },
		{ "\\Aa\\z", "aa", false },
		{ "a.c", "a\nc", false },
	};

	(void)state;
	compare(pairs, ARRAY_SIZE(pairs));
}

static void test_repetitions(void **state)
{
	static const struct pair pairs[] = {
		{ "^a*$", "", true },
		{ "^a*$", "aaa", true },
		{ "^a*$", "aab", false },
		{ "^a+$", "", false },
		{ "^a+b?$", "aab", true },
		{ "^a+?b??$", "aab", true },
		{ "^a{2}$", "aa", true },
		{ "^a{2}$", "aaa", false },
		{ "^a{2,}$", "a", false },
		{ "^a{2,}$", "aaaaa", true },
		{ "^a{0,2}$", "aa", true },
		{ "^a{0,2}$", "aaa", false },
		{ "^(ab|c){2,3}$", "abcab", true },
		{ "^(ab|c){2,3}$", "abcabc", false },
		{ "^a{,2}$", "a{,2}", true },
		{ "^a{x$", "a{x", true },
		{ "^(a*)*$", "aaaa", true },
		{ "^(a*)*$", "aaab", false },
		{ "^(|a)+$", "aa", true },
		{ "^a{0}b$", "b", true },
		{ "(?:)*", "x", true },
	};

	(void)state;
	compare(pairs, ARRAY_SIZE(pairs));
}

static void test_classes(void **state)
{
	static const struct pair pairs[] = {
		{ "^[a-c]+$", "abc", true },
		{ "^[a-c]+$", "abd", false },
		{ "^[^a-c]+$", "xyz", true },
		{ "^[^a-c]+$", "xbz", false },
		{ "^[]a]+$", "a]", true },
		{ "^[^]a]$", "]", false },
		{ "^[a-]+$", "a-", true },
		/* in POSIX the next two would take a backslash, and not a digit */
		{ "^[\\w.]+$", "net.core_9", true },
		{ "^[\\w.]+$", "net\\core", false },
		{ "^[\\d\\-]+$", "1-2", true },
		{ "^[\\]]$", "]", true },
		{ "^\\d+$", "123", true },
		{ "^\\D+$", "12a", false },
		{ "^\\w+\\s\\S$", "ab c", true },
		{ "^[[:alpha:]_]+$", "ab_", true },
		{ "^[[:^digit:]]+$", "a1", false },
		{ "(?i)^NET$", "net", true },
		{ "(?i)^[a-c]$", "B", true },
		{ "^NET$", "net", false },
	};

	(void)state;
	compare(pairs, ARRAY_SIZE(pairs));
}

static void test_refused(void **state)
{
	static const char *const wrong[] = { "(",     "a)",	  "[a",		"[b-a]",
					     "*a",    "a**",	  "a|*",	"\\",
					     "\\b",   "\\pL",	  "a{2,1}",	"a{1001}",
					     "(?=a)", "(?P<n>a)", "[[:nope:]]", "(a{1000}){1000}",
					     "a\\" };
	char deep[256];

	(void)state;
	for (size_t i = 0; i < ARRAY_SIZE(wrong); i++) {
		struct pattern *p = NULL;
		const char *why = NULL;

		assert_true(pattern_compile(wrong[i], &p, &why) < 0);
		assert_non_null(why);
		assert_null(p);
	}
	memset(deep, '(', sizeof(deep) - 1);
	deep[sizeof(deep) - 1] = '\0';
	assert_true(pattern_compile(deep, &(struct pattern *){ NULL }, &(const char *){ NULL }) <
		    0);
}

/* What takes a backtracking matcher longer than the universe. */
static void test_time(void **state)
{
	autopattern struct pattern *p = NULL;
	const char *why;

	(void)state;
	assert_int_equal(pattern_compile("^(a?){60}a{60}$", &p, &why), 0);
	assert_true(
		pattern_matches(p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"));
	assert_false(
		pattern_matches(p, "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaab"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_basics),	cmocka_unit_test(test_repetitions),
		cmocka_unit_test(test_classes), cmocka_unit_test(test_refused),
		cmocka_unit_test(test_time),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
