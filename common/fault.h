/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Fault injection for tests: HAWSER_FAULT=k makes the k-th step of a call fail. */
#ifndef HAWSER_FAULT_H
#define HAWSER_FAULT_H

#ifdef HAWSER_TEST
/**
 * fault_step() - count one step that can fail, and fail the one HAWSER_FAULT names
 * @what: the step, for the trace
 *
 * Modules call it before each effect on the kernel or the disk. Steps are counted from 1. The
 * variable is read at the first step; undo code runs with faults switched off (fault_off()).
 *
 * Return: 0, or -EIO for the chosen step.
 */
int fault_step(const char *what);

/**
 * fault_off() - no step fails from here on; called before an undo list runs
 */
void fault_off(void);
#else
static inline int fault_step(const char *what)
{
	(void)what;
	return 0;
}
static inline void fault_off(void)
{
}
#endif

#endif
