/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trace to stderr, switched on by HAWSER_DEBUG=1; silent otherwise. */
#include "log.h"

#include "error.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static struct {
	bool on;
	struct timespec start;
} trace;

void log_init(void)
{
	const char *env = getenv("HAWSER_DEBUG");

	trace.on = env && *env && strcmp(env, "0") != 0;
	if (trace.on)
		clock_gettime(CLOCK_MONOTONIC, &trace.start);
}

bool log_enabled(void)
{
	return trace.on;
}

void log_trace(const char *fmt, ...)
{
	struct timespec now;
	char line[2048];
	va_list ap;

	if (!trace.on)
		return;
	clock_gettime(CLOCK_MONOTONIC, &now);
	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	fprintf(stderr, "hawser[%6ld us] %s\n",
		(now.tv_sec - trace.start.tv_sec) * 1000000L +
			(now.tv_nsec - trace.start.tv_nsec) / 1000,
		line);
}

void log_warn(const char *fmt, ...)
{
	char line[2048];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(line, sizeof(line), fmt, ap);
	va_end(ap);
	text_sanitize(line); /* it may quote a stranger */
	fprintf(stderr, "hawser: %s\n", line);
}
