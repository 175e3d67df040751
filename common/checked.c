/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Checked variants of C library functions (Linux Standard Base 5.0, "Interfaces for libc"), which
 * Debian's static archives call because they are built with _FORTIFY_SOURCE. Only for executables
 * linked with musl, whose libc has no such variants: the Makefile chooses. The checks are kept.
 */
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int __snprintf_chk(char *s, size_t max, int flag, size_t size, const char *format, ...);
int __vsnprintf_chk(char *s, size_t max, int flag, size_t size, const char *format, va_list ap);
int __fprintf_chk(FILE *f, int flag, const char *format, ...);
int __vfprintf_chk(FILE *f, int flag, const char *format, va_list ap);
int __vasprintf_chk(char **s, int flag, const char *format, va_list ap);
char *__strncpy_chk(char *to, const char *from, size_t n, size_t size);

int __vsnprintf_chk(char *s, size_t max, int flag, size_t size, const char *format, va_list ap)
{
	(void)flag;
	if (size < max)
		abort();
	return vsnprintf(s, max, format, ap);
}

int __snprintf_chk(char *s, size_t max, int flag, size_t size, const char *format, ...)
{
	va_list ap;
	int n;

	va_start(ap, format);
	n = __vsnprintf_chk(s, max, flag, size, format, ap);
	va_end(ap);
	return n;
}

int __vfprintf_chk(FILE *f, int flag, const char *format, va_list ap)
{
	(void)flag;
	return vfprintf(f, format, ap);
}

int __fprintf_chk(FILE *f, int flag, const char *format, ...)
{
	va_list ap;
	int n;

	(void)flag;
	va_start(ap, format);
	n = vfprintf(f, format, ap);
	va_end(ap);
	return n;
}

int __vasprintf_chk(char **s, int flag, const char *format, va_list ap)
{
	(void)flag;
	return vasprintf(s, format, ap);
}

char *__strncpy_chk(char *to, const char *from, size_t n, size_t size)
{
	if (size < n)
		abort();
	return strncpy(to, from, n);
}
