/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Running iptables-save and iptables-restore: where they are, three pipes, a time limit; no shell.
 */
#include "xt_rules.h"

#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>

#define OUTPUT_MAX   (64u << 20)
#define ENV_MAX	     16
#define TIME_LIMIT_S 30 /* above the 5 s that restore waits for the xtables lock */

void xt_output_free(struct xt_output *output)
{
	xt_text_free(&output->out);
	xt_text_free(&output->err);
}

const char *xt_tool(int family, const char *verb)
{
	if (strcmp(verb, "save") == 0)
		return family == AF_INET ? "iptables-save" : "ip6tables-save";
	return family == AF_INET ? "iptables-restore" : "ip6tables-restore";
}

static bool find_in(const char *dirs, const char *name, char out[PATH_MAX])
{
	while (*dirs) {
		size_t len = strcspn(dirs, ":");
		struct stat st;
		int n = snprintf(out, PATH_MAX, "%.*s/%s", (int)len, dirs, name);

		/* only absolute directories: the working directory is the runtime's */
		if (*dirs == '/' && n > 0 && n < PATH_MAX && stat(out, &st) == 0 &&
		    S_ISREG(st.st_mode) && access(out, X_OK) == 0)
			return true;
		dirs += len + (dirs[len] == ':');
	}
	return false;
}

int xt_tool_find(const char *name, char out[PATH_MAX])
{
	const char *path = getenv("PATH");

	return (path && find_in(path, name, out)) || find_in("/usr/sbin:/sbin", name, out)
		       ? 0
		       : -ENOENT;
}

enum xt_variant xt_variant(const char *path)
{
	autofree char *real = realpath(path, NULL);
	const char *base = real ? strrchr(real, '/') : NULL;

	if (base && strstr(base, "nft"))
		return XT_NFT;
	if (base && (strstr(base, "legacy") || strcmp(base, "/xtables-multi") == 0))
		return XT_LEGACY;
	return XT_OTHER;
}

/* The C locale (words of the tools go into errors), PATH, and where the lock file is. */
static void tool_env(char *env[ENV_MAX])
{
	static char locale[] = "LC_ALL=C", path[] = "PATH=/usr/sbin:/usr/bin:/sbin:/bin";
	size_t used = 0;

	env[used++] = locale;
	env[used++] = path;
	for (char **e = environ; *e && used + 1 < ENV_MAX; e++)
		if (strncmp(*e, "XTABLES_", 8) == 0)
			env[used++] = *e;
	env[used] = NULL;
}

static int spawn(const char *path, const char *const argv[], char *const env[], const int fds[3],
		 pid_t *pid)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t dflt, none;
	int r;

	sigemptyset(&none);
	sigemptyset(&dflt);
	sigaddset(&dflt, SIGPIPE);
	posix_spawnattr_init(&attr);
	posix_spawnattr_setsigdefault(&attr, &dflt);
	posix_spawnattr_setsigmask(&attr, &none);
	posix_spawnattr_setflags(&attr, POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK);
	posix_spawn_file_actions_init(&actions);
	for (int i = 0; i < 3; i++)
		posix_spawn_file_actions_adddup2(&actions, fds[i], i);
	r = posix_spawn(pid, path, &actions, &attr, (char *const *)argv, env);
	posix_spawn_file_actions_destroy(&actions);
	posix_spawnattr_destroy(&attr);
	return -r;
}

/* Return: milliseconds left until @end, not below 0. */
static int time_left(const struct timespec *end)
{
	struct timespec now;
	long ms;

	clock_gettime(CLOCK_MONOTONIC, &now);
	ms = (end->tv_sec - now.tv_sec) * 1000 + (end->tv_nsec - now.tv_nsec) / 1000000;
	return ms > 0 ? (int)ms : 0;
}

/* Read what is there; closes @fd at the end of the stream. */
static int take(int *fd, struct xt_text *text)
{
	char buf[16385];
	ssize_t n = read(*fd, buf, sizeof(buf) - 1);

	if (n < 0)
		return errno == EINTR || errno == EAGAIN ? 0 : -errno;
	if (n == 0) {
		close(take_fd(fd));
		return 0;
	}
	if (memchr(buf, '\0', n)) /* neither tool prints one; it would cut the text */
		return -EBADMSG;
	buf[n] = '\0';
	xt_put(text, buf);
	return text->len > OUTPUT_MAX ? -EFBIG : text->error;
}

/* Write some of the input; closes @fd when all is written or the tool reads no more. */
static void give(int *fd, const char **input, size_t *left)
{
	ssize_t n = *left ? write(*fd, *input, *left) : 0;

	if (n > 0) {
		*input += n;
		*left -= n;
	}
	if (*left == 0 || (n < 0 && errno != EAGAIN && errno != EINTR))
		close(take_fd(fd));
}

/* Serve the three pipes until both outputs end. Return: 0; 1: all is committed; negative errno. */
static int converse(int *in, int *out, int *err, const char *input, struct xt_watch *watch,
		    pid_t pid, struct xt_output *output)
{
	struct timespec end;
	size_t left = strlen(input);

	clock_gettime(CLOCK_MONOTONIC, &end);
	end.tv_sec += TIME_LIMIT_S;
	fcntl(*in, F_SETFL, O_NONBLOCK);
	while (*out >= 0 || *err >= 0) {
		/* poll() skips negative descriptors */
		struct pollfd fds[4] = { { .fd = *in, .events = POLLOUT },
					 { .fd = *out, .events = POLLIN },
					 { .fd = *err, .events = POLLIN },
					 { .fd = watch->fd, .events = POLLIN } };
		int r = poll(fds, 4, time_left(&end));

		if (r == 0)
			return -ETIMEDOUT;
		if (r < 0 && errno != EINTR)
			return -errno;
		if (r < 0)
			continue;
		if (fds[0].revents)
			give(in, &input, &left);
		r = fds[1].revents ? take(out, &output->out) : 0;
		if (r == 0 && fds[2].revents)
			r = take(err, &output->err);
		if (r < 0)
			return r;
		if (fds[3].revents && xt_watch_read(watch, pid))
			return 1;
	}
	return 0;
}

int xt_tool_run(const char *path, const char *const argv[], const char *input,
		struct xt_output *output)
{
	/* pairs of pipe ends: stdin, stdout, stderr of the tool */
	autoclose int in_r = -1, in_w = -1, out_r = -1, out_w = -1, err_r = -1, err_w = -1;
	int *ends[3][2] = { { &in_r, &in_w }, { &out_r, &out_w }, { &err_r, &err_w } };
	struct sigaction ignore = { .sa_handler = SIG_IGN }, before;
	struct xt_watch watch __attribute__((cleanup(xt_watch_close)));
	char *env[ENV_MAX];
	pid_t pid;
	int r;

	xt_watch_open(&watch, path, input);
	for (int i = 0; i < 3; i++) {
		int fds[2];

		if (pipe2(fds, O_CLOEXEC) < 0)
			return -errno;
		*ends[i][0] = fds[0];
		*ends[i][1] = fds[1];
	}
	tool_env(env);
	r = spawn(path, argv, env, (const int[]){ in_r, out_w, err_w }, &pid);
	if (r < 0)
		return r;
	close(take_fd(&in_r));
	close(take_fd(&out_w));
	close(take_fd(&err_w));
	sigaction(SIGPIPE, &ignore, &before); /* a tool that stops reading is no reason to die */
	r = converse(&in_w, &out_r, &err_r, input, &watch, pid, output);
	sigaction(SIGPIPE, &before, NULL);
	if (r > 0)
		return 0; /* whoever inherits our children waits for it */
	if (r < 0)
		kill(pid, SIGKILL);
	while (waitpid(pid, &output->status, 0) < 0)
		if (errno != EINTR)
			return -errno;
	return r;
}
