/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Tests of undo.h: everything is taken back, last effect first, whatever fails on the way. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include "fault.h"
#include "undo.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

struct step {
	char *log; /* where the step writes its letter */
	char letter;
	int fails;
};

static int take_back(const void *arg, struct cni_err *err)
{
	const struct step *s = arg;

	strncat(s->log, &s->letter, 1);
	assert_int_equal(err->code, 0); /* each entry gets an error of its own */
	return s->fails ? cni_fail(err, CNI_E_FAILED, EIO, "step %c", s->letter) : 0;
}

static int takes_a_step(const void *arg, struct cni_err *err)
{
	(void)err;
	*(int *)(uintptr_t)arg = fault_step("in a rollback");
	return 0;
}

static void runs_backwards(void **state)
{
	char log[8] = "";
	const struct step a = { log, 'a', 0 }, b = { log, 'b', 0 }, c = { log, 'c', 0 };
	struct undo undo = { 0 };

	(void)state;
	undo_push(&undo, "a", take_back, &a);
	undo_push(&undo, "b", take_back, &b);
	undo_push(&undo, "c", take_back, &c);
	assert_int_equal(undo.count, 3);
	assert_string_equal(log, "");
	undo_run(&undo);
	assert_string_equal(log, "cba");
	assert_int_equal(undo.count, 0);
	undo_run(&undo);
	assert_string_equal(log, "cba");
}

static void failure_does_not_stop_it(void **state)
{
	char log[8] = "";
	const struct step a = { log, 'a', 1 }, b = { log, 'b', 1 }, c = { log, 'c', 0 };
	struct undo undo = { 0 };

	(void)state;
	undo_push(&undo, "a", take_back, &a);
	undo_push(&undo, "b", take_back, &b);
	undo_push(&undo, "c", take_back, &c);
	undo_run(&undo);
	assert_string_equal(log, "cba");
	assert_int_equal(undo.count, 0);
}

static void null_list(void **state)
{
	(void)state;
	undo_push(NULL, "x", take_back, NULL);
}

static void faults_are_off(void **state)
{
	struct undo undo = { 0 };
	int r = -1;

	(void)state;
	undo_push(&undo, "x", takes_a_step, &r);
	undo_run(&undo); /* HAWSER_FAULT=1, set in main(), would fail the first step */
	assert_int_equal(r, 0);
}

static void overflow_aborts(void **state)
{
	struct undo undo = { .count = sizeof(undo.entries) / sizeof(*undo.entries) };
	pid_t pid = fork();
	int status;

	(void)state;
	assert_true(pid >= 0);
	if (pid == 0) {
		signal(SIGABRT, SIG_DFL);
		close(2);
		undo_push(&undo, "one too many", take_back, NULL);
		_exit(0);
	}
	assert_int_equal(waitpid(pid, &status, 0), pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGABRT);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(faults_are_off),	    cmocka_unit_test(runs_backwards),
		cmocka_unit_test(failure_does_not_stop_it), cmocka_unit_test(null_list),
		cmocka_unit_test(overflow_aborts),
	};

	setenv("HAWSER_FAULT", "1", 1);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
