/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The one error value: what a plugin reports on stdout when a verb fails. */
#include "error.h"

#include <errno.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* Length of the well-formed UTF-8 sequence at @s (RFC 3629 section 4), 0 if there is none. */
static int utf8_sequence(const unsigned char *s)
{
	int n = s[0] < 0x80		      ? 1
		: s[0] >= 0xc2 && s[0] < 0xe0 ? 2
		: s[0] >= 0xe0 && s[0] < 0xf0 ? 3
		: s[0] >= 0xf0 && s[0] < 0xf5 ? 4
					      : 0;

	for (int i = 1; i < n; i++)
		if ((s[i] & 0xc0) != 0x80)
			return 0;
	if ((s[0] == 0xe0 && s[1] < 0xa0) || (s[0] == 0xed && s[1] > 0x9f) ||
	    (s[0] == 0xf0 && s[1] < 0x90) || (s[0] == 0xf4 && s[1] > 0x8f))
		return 0;
	return n;
}

void text_sanitize(char *s)
{
	unsigned char *p = (unsigned char *)s;

	while (*p) {
		int n = utf8_sequence(p);

		/* control characters are of one byte, and of two, which terminals obey as well */
		if (n == 0 || (n == 1 && (*p < 0x20 || *p == 0x7f)) ||
		    (n == 2 && *p == 0xc2 && p[1] < 0xa0)) {
			memset(p, '?', n ? n : 1);
			n = n ? n : 1;
		}
		p += n;
	}
}

#undef cni_fail /* the analyzer's */
int cni_fail(struct cni_err *err, int code, int errnum, const char *fmt, ...)
{
	va_list ap;
	int e = abs(errnum);

	if (err && !err->code) {
		int n;

		err->code = code;
		err->errnum = e;
		va_start(ap, fmt);
		n = vsnprintf(err->msg, sizeof(err->msg), fmt, ap);
		va_end(ap);
		if (e && n >= 0 && (size_t)n < sizeof(err->msg))
			snprintf(err->msg + n, sizeof(err->msg) - n, ": %s", strerror(e));
		text_sanitize(err->msg);
	}
	return e ? -e : -EINVAL;
}

void cni_err_details(struct cni_err *err, const char *fmt, ...)
{
	va_list ap;

	if (!err)
		return;
	va_start(ap, fmt);
	vsnprintf(err->details, sizeof(err->details), fmt, ap);
	va_end(ap);
	text_sanitize(err->details);
}

void cni_err_merge(struct cni_err *err, const struct cni_err *step)
{
	if (!err->code && step->code)
		*err = *step;
}
