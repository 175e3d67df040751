/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running a CNI executable: search on CNI_PATH, environment, stdin, stdout; no shell. */
#include "exec.h"

#include "cleanup.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <stdbool.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define OUTPUT_MAX (16u << 20)

int exec_find(const char *type, const char *path, char out[PATH_MAX], struct cni_err *err)
{
	const char *dir = path ? path : "";

	if (!*type || strchr(type, '/') || !strcmp(type, ".") || !strcmp(type, ".."))
		return cni_fail(err, CNI_E_CONF, 0, "invalid plugin type \"%.100s\"", type);
	while (*dir) {
		size_t len = strcspn(dir, ":");
		char file[PATH_MAX];
		struct stat st;
		int n = snprintf(file, sizeof(file), "%.*s/%s", (int)len, dir, type);

		if (len && n > 0 && n < PATH_MAX && stat(file, &st) == 0 && S_ISREG(st.st_mode)) {
			memcpy(out, file, n + 1);
			return 0;
		}
		dir += len + (dir[len] == ':');
	}
	return cni_fail(err, CNI_E_FAILED, ENOENT,
			"failed to find plugin \"%.100s\" in path [%.400s]", type,
			path ? path : "");
}

char **exec_env(char *const changes[])
{
	size_t n = 0, used = 0, n_changes = 0;
	char **env;

	while (environ[n])
		n++;
	while (changes[n_changes])
		n_changes++;
	env = calloc(n + n_changes + 1, sizeof(*env));
	if (!env)
		return NULL;
	for (size_t i = 0; i < n; i++) {
		size_t key = strcspn(environ[i], "=") + 1;
		bool replaced = false;

		for (size_t c = 0; c < n_changes; c++)
			replaced |= strncmp(environ[i], changes[c], key) == 0;
		if (!replaced)
			env[used++] = environ[i];
	}
	for (size_t c = 0; c < n_changes; c++)
		env[used++] = changes[c];
	return env;
}

static int spawn(const char *file, const char *name, char *const env[], int in, int out, pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	char *argv[] = { (char *)name, NULL };
	sigset_t dflt;
	int r;

	sigemptyset(&dflt);
	sigaddset(&dflt, SIGPIPE); /* we ignore it; the child expects the default */
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &dflt);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF);
	posix_spawn_file_actions_init(&actions);
	posix_spawn_file_actions_adddup2(&actions, in, STDIN_FILENO);
	posix_spawn_file_actions_adddup2(&actions, out, STDOUT_FILENO);
	r = posix_spawn(pid, file, &actions, &attr, argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

/* Return: bytes read, 0 at the end, or a negative errno. */
static ssize_t read_more(int fd, char **buf, size_t *used, size_t *size)
{
	ssize_t n;

	if (*used + 1 >= *size) {
		char *bigger = realloc(*buf, 2 * *size);

		if (!bigger)
			return -ENOMEM;
		*buf = bigger;
		*size *= 2;
	}
	n = read(fd, *buf + *used, *size - *used - 1);
	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 1 : -errno;
	*used += n;
	return *used > OUTPUT_MAX ? -EFBIG : n;
}

/* Write @input and read stdout at the same time, so that neither side can block the other. */
static int converse(int *in, int out, const char *input, char **output)
{
	size_t left = strlen(input), used = 0, size = 4096;
	autofree char *buf = malloc(size);
	ssize_t n;

	if (!buf)
		return -ENOMEM;
	fcntl(*in, F_SETFL, O_NONBLOCK);
	for (;;) {
		struct pollfd fds[2] = { { .fd = out, .events = POLLIN },
					 { .fd = *in, .events = POLLOUT } };

		if (poll(fds, 2, -1) < 0 && errno != EINTR)
			return -errno;
		if (fds[1].revents) {
			n = write(*in, input, left);
			if (n > 0) {
				input += n;
				left -= n;
			}
			/* done, or the plugin does not care to read all of it */
			if (left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
				close(take_fd(in));
		}
		if (fds[0].revents) {
			n = read_more(out, &buf, &used, &size);
			if (n < 0)
				return (int)n;
			if (n == 0)
				break;
		}
	}
	buf[used] = '\0';
	*output = take_ptr(buf);
	return 0;
}

static int run(const char *file, const char *name, char *const env[], const char *input,
	       char **output, int *status)
{
	struct timespec tenth = { .tv_nsec = 100000000 };
	autoclose int in_r = -1, in_w = -1, out_r = -1, out_w = -1;
	autofree char *text = NULL;
	int in[2], out[2], r;
	pid_t pid;

	if (pipe2(in, O_CLOEXEC) < 0)
		return -errno;
	in_r = in[0];
	in_w = in[1];
	if (pipe2(out, O_CLOEXEC) < 0)
		return -errno;
	out_r = out[0];
	out_w = out[1];
	r = spawn(file, name, env, in_r, out_w, &pid);
	/* nothing announces that a writer has closed the file: this is the one timed retry we have
	 */
	for (int tries = 0; r == -ETXTBSY && tries < 50; tries++) {
		nanosleep(&tenth, NULL);
		r = spawn(file, name, env, in_r, out_w, &pid);
	}
	if (r < 0)
		return r;
	close(take_fd(&in_r));
	close(take_fd(&out_w));
	r = converse(&in_w, out_r, input, &text);
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	if (r == 0)
		*output = take_ptr(text);
	return r;
}

int exec_run(const char *file, char *const env[], const char *input, char **output, int *status)
{
	return run(file, file, env, input, output, status);
}

int exec_self(const char *name, char *const env[], char **output, int *status)
{
	return run("/proc/self/exe", name, env, "", output, status);
}
