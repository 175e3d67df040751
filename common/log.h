/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Trace to stderr, switched on by HAWSER_DEBUG=1; silent otherwise. */
#ifndef HAWSER_LOG_H
#define HAWSER_LOG_H

#include <stdbool.h>

/**
 * log_init() - read HAWSER_DEBUG from the environment and start the clock
 */
void log_init(void);

/**
 * log_enabled() - whether tracing is on
 *
 * Return: true when HAWSER_DEBUG is set to something other than "" or "0".
 */
bool log_enabled(void);

/**
 * log_trace() - one line on stderr: microseconds since start, then the text
 * @fmt: printf format, no newline at the end
 */
void log_trace(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/**
 * log_warn() - one line on stderr, always printed; runtimes forward it to their log
 * @fmt: printf format, no newline at the end
 */
void log_warn(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

#endif
