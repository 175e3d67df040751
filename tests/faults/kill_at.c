/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Runs a program and kills it when it enters its K-th system call, before the call does anything.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/ptrace.h>
#include <sys/wait.h>
#include <unistd.h>

int main(int argc, char **argv)
{
	long k = argc > 2 ? strtol(argv[1], NULL, 10) : 0;
	int status, stops = 0;
	pid_t pid;

	if (k < 1) {
		fprintf(stderr, "usage: kill_at K PROGRAM [ARG...]\n");
		return 2;
	}
	pid = fork();
	if (pid < 0)
		return 2;
	if (pid == 0) {
		ptrace(PTRACE_TRACEME, 0, NULL, NULL);
		execv(argv[2], argv + 2);
		_exit(127);
	}
	if (waitpid(pid, &status, 0) != pid || !WIFSTOPPED(status))
		return 2;
	ptrace(PTRACE_SETOPTIONS, pid, NULL, PTRACE_O_TRACESYSGOOD | PTRACE_O_EXITKILL);
	for (;;) {
		int sig = 0;

		if (WIFSTOPPED(status)) {
			/* stops at entry and exit alternate: the K-th entry is stop 2K-1 */
			if (WSTOPSIG(status) == (SIGTRAP | 0x80)) {
				if (++stops == 2 * k - 1)
					kill(pid, SIGKILL);
			} else if (WSTOPSIG(status) != SIGTRAP) {
				sig = WSTOPSIG(status);
			}
			ptrace(PTRACE_SYSCALL, pid, NULL, sig);
		} else {
			return WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status);
		}
		if (waitpid(pid, &status, 0) != pid)
			return 2;
	}
}
