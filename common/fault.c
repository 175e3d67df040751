/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault injection for tests: HAWSER_FAULT=k makes the k-th step of a call fail. */
#include "fault.h"

#ifdef HAWSER_TEST
#include "log.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>

static struct {
	bool ready, off;
	long fail_at, seen;
} fault;

int fault_step(const char *what)
{
	if (!fault.ready) {
		const char *env = getenv("HAWSER_FAULT");

		fault.ready = true;
		fault.fail_at = env ? strtol(env, NULL, 10) : 0;
	}
	if (fault.off)
		return 0;
	fault.seen++;
	if (fault.fail_at != fault.seen)
		return 0;
	log_warn("HAWSER_FAULT: step %ld fails: %s", fault.seen, what);
	return -EIO;
}

void fault_off(void)
{
	fault.off = true;
}
#endif
