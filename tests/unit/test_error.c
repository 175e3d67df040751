/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of error.h: the first error counts, and its text is always printable UTF-8. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "error.h"

#include <errno.h>
#include <string.h>

static void fail_fills(void **state)
{
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(cni_fail(&err, CNI_E_CONF, 0, "bad %s", "mtu"), -EINVAL);
	assert_int_equal(err.code, CNI_E_CONF);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(err.msg, "bad mtu");
	assert_string_equal(err.details, "");
}

static void fail_takes_either_sign(void **state)
{
	struct cni_err err = { 0 };

	(void)state;
	assert_int_equal(cni_fail(&err, CNI_E_FAILED, -ENOENT, "open %s", "/x"), -ENOENT);
	assert_int_equal(err.errnum, ENOENT);
	assert_string_equal(err.msg, "open /x: No such file or directory");
	err = (struct cni_err){ 0 };
	assert_int_equal(cni_fail(&err, CNI_E_FAILED, ENOENT, "open"), -ENOENT);
	assert_string_equal(err.msg, "open: No such file or directory");
	assert_int_equal(cni_fail(NULL, CNI_E_FAILED, EIO, "x"), -EIO);
}

static void first_error_is_kept(void **state)
{
	struct cni_err err = { 0 };

	(void)state;
	cni_fail(&err, CNI_E_CONF, 0, "first");
	assert_int_equal(cni_fail(&err, CNI_E_FAILED, EIO, "second"), -EIO);
	assert_int_equal(err.code, CNI_E_CONF);
	assert_int_equal(err.errnum, 0);
	assert_string_equal(err.msg, "first");
}

static void long_texts_are_cut(void **state)
{
	struct cni_err err = { 0 };
	char big[4000];

	(void)state;
	memset(big, 'x', sizeof(big) - 1);
	big[sizeof(big) - 1] = '\0';
	cni_fail(&err, CNI_E_FAILED, EIO, "%s", big);
	assert_int_equal(strlen(err.msg), sizeof(err.msg) - 1);
	cni_err_details(&err, "%s", big);
	assert_int_equal(strlen(err.details), sizeof(err.details) - 1);
	/* a sequence cut in two by the end of the buffer must not survive */
	err = (struct cni_err){ 0 };
	big[sizeof(err.msg) - 2] = '\xc3';
	big[sizeof(err.msg) - 1] = '\xa4';
	cni_fail(&err, CNI_E_FAILED, 0, "%s", big);
	assert_int_equal(err.msg[sizeof(err.msg) - 2], '?');
}

static void details(void **state)
{
	struct cni_err err = { 0 };

	(void)state;
	cni_fail(&err, CNI_E_FAILED, 0, "x");
	cni_err_details(&err, "kernel said %d\n", 5);
	assert_string_equal(err.details, "kernel said 5?");
	cni_err_details(NULL, "nothing happens");
}

static void merge(void **state)
{
	struct cni_err all = { 0 }, none = { 0 }, a = { 0 }, b = { 0 };

	(void)state;
	cni_fail(&a, 101, EIO, "a");
	cni_err_details(&a, "d");
	cni_fail(&b, 102, 0, "b");
	cni_err_merge(&all, &none);
	assert_int_equal(all.code, 0);
	cni_err_merge(&all, &a);
	cni_err_merge(&all, &b);
	assert_int_equal(all.code, 101);
	assert_int_equal(all.errnum, EIO);
	assert_string_equal(all.msg, "a: Input/output error");
	assert_string_equal(all.details, "d");
}

static void check_sanitize(const char *text, const char *want)
{
	char buf[64];

	strcpy(buf, text);
	text_sanitize(buf);
	assert_string_equal(buf, want);
}

static void sanitize(void **state)
{
	(void)state;
	check_sanitize("", "");
	check_sanitize("plain ~ text", "plain ~ text");
	check_sanitize("a\nb\tc\x1b[0m\x7f", "a?b?c?[0m?");
	check_sanitize("\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80",
		       "\xc3\xa4 \xe2\x82\xac \xf0\x9f\x98\x80");
	/* control characters of Latin-1, and what comes after them */
	check_sanitize("\xc2\x9b[2J\xc2\x80\xc2\xa0", "??[2J??\xc2\xa0");
	check_sanitize("\xff\xfe", "??");
	check_sanitize("\xc3", "?");
	check_sanitize("\xc3x", "?x");
	check_sanitize("\xe2\x82", "??");
	check_sanitize("\xc0\xaf", "??");	    /* overlong '/' */
	check_sanitize("\xe0\x80\xaf", "???");	    /* overlong */
	check_sanitize("\xed\xa0\x80", "???");	    /* surrogate */
	check_sanitize("\xf4\x90\x80\x80", "????"); /* above U+10FFFF */
	check_sanitize("\xf5\x80\x80\x80", "????");
	check_sanitize("\xed\x9f\xbf", "\xed\x9f\xbf");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fail_fills),
		cmocka_unit_test(fail_takes_either_sign),
		cmocka_unit_test(first_error_is_kept),
		cmocka_unit_test(long_texts_are_cut),
		cmocka_unit_test(details),
		cmocka_unit_test(merge),
		cmocka_unit_test(sanitize),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
