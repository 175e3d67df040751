/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What the node agent of overlay networks says of them, and what it left on disk. */
#include "overlay_agent.h"

#include "args.h"
#include "cleanup.h"
#include "file.h"

#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <time.h>

#define ANSWER_MAX  (64u << 20)
#define DEADLINE_MS 5000

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

static int connect_agent(void)
{
	struct sockaddr_un un = { .sun_family = AF_UNIX, .sun_path = OVERLAY_AGENT_SOCKET };
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	if (fd < 0 || connect(fd, (struct sockaddr *)&un, sizeof(un)) < 0)
		return -errno;
	return take_fd(&fd);
}

static int wait_ready(int fd, short what, int64_t deadline)
{
	struct pollfd p = { .fd = fd, .events = what };
	int64_t left = deadline - now_ms();
	int r = left > 0 ? poll(&p, 1, (int)left) : 0;

	if (r < 0)
		return errno == EINTR ? 0 : -errno;
	return r == 0 ? -ETIMEDOUT : 0;
}

static int send_request(int fd, const char *request, int64_t deadline)
{
	size_t done = 0, len = strlen(request);

	while (done < len) {
		int r = wait_ready(fd, POLLOUT, deadline);
		ssize_t n;

		if (r < 0)
			return r;
		n = send(fd, request + done, len - done, MSG_NOSIGNAL);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		done += n > 0 ? (size_t)n : 0;
	}
	return 0;
}

/* All that comes until the other side closes; NUL-terminated. */
static int receive_all(int fd, int64_t deadline, char **answer)
{
	autofree char *buf = NULL;
	size_t len = 0, size = 0;

	for (;;) {
		int r = wait_ready(fd, POLLIN, deadline);
		ssize_t n;

		if (r < 0)
			return r;
		if (size - len < 4096) {
			size = size ? 2 * size : 65536;
			if (size > ANSWER_MAX)
				return -EFBIG;
			buf = realloc(buf, size);
			if (!buf)
				abort();
		}
		n = recv(fd, buf + len, size - len - 1, 0);
		if (n < 0 && errno != EAGAIN && errno != EINTR)
			return -errno;
		if (n == 0)
			break;
		len += n > 0 ? (size_t)n : 0;
	}
	buf[len] = '\0';
	*answer = take_ptr(buf);
	return 0;
}

/* One request, and its whole answer. Return: 0 or a negative errno with a text in @err. */
static int ask(const char *method, const char *path, char **answer, struct cni_err *err)
{
	int64_t deadline = now_ms() + DEADLINE_MS;
	autoclose int fd = connect_agent();
	char request[512];
	int r;

	snprintf(request, sizeof(request), "%s %s HTTP/1.0\r\n\r\n", method, path);
	r = fd < 0 ? fd : send_request(fd, request, deadline);
	if (r == -ENOENT || r == -ECONNREFUSED)
		return cni_fail(err, CNI_E_IO, 0, "the agent is not running");
	if (r >= 0)
		r = receive_all(fd, deadline, answer);
	if (r >= 0 && !*answer)
		r = -EIO;
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "ask the agent at " OVERLAY_AGENT_SOCKET) : 0;
}

/* The status code of an answer of HTTP (RFC 9112, 4), and where its content begins. Return: 0: it
 * is none. */
static int status_of(const char *answer, const char **content)
{
	const char *end = strstr(answer, "\r\n\r\n");

	if (strncmp(answer, "HTTP/1.", 7) != 0 || !end || answer[8] != ' ')
		return 0;
	*content = end + 4;
	return atoi(answer + 9);
}

json_t *overlay_agent_ask(struct cni_err *err)
{
	autofree char *answer = NULL;
	const char *content = NULL;
	json_error_t bad;
	json_t *obj;

	if (ask("GET", "/status", &answer, err) < 0)
		return NULL;
	if (status_of(answer, &content) != 200)
		content = NULL;
	obj = content ? json_loads(content, 0, &bad) : NULL;
	if (!obj)
		cni_fail(err, CNI_E_DECODE, 0,
			 "the agent at " OVERLAY_AGENT_SOCKET " does not answer with JSON: %s",
			 content ? bad.text : answer);
	return obj;
}

int overlay_agent_obey(const char *network, struct cni_err *err)
{
	autofree char *answer = NULL;
	char path[ARGS_NET_MAX + 16];
	const char *content;
	int r = args_check_network(network, err);

	if (r < 0)
		return r;
	snprintf(path, sizeof(path), "/obey/%s", network);
	r = ask("POST", path, &answer, err);
	if (r < 0)
		return r;
	switch (status_of(answer, &content)) {
	case 200:
		return 0;
	case 404:
		return cni_fail(err, CNI_E_CONF, 0, "the agent has no network \"%s\"", network);
	default:
		return cni_fail(err, CNI_E_DECODE, 0,
				"the agent at " OVERLAY_AGENT_SOCKET " does not answer: %s",
				answer);
	}
}

json_t *overlay_agent_snapshot(const char *network, struct cni_err *err)
{
	autofree char *text = NULL;
	char path[PATH_MAX];
	struct stat st = { 0 };
	json_error_t bad;
	json_t *obj = NULL;
	int r;

	snprintf(path, sizeof(path), OVERLAY_SNAPSHOT_DIR "/%s.json", network);
	r = file_read(AT_FDCWD, path, ANSWER_MAX, &text, NULL);
	if (r < 0) {
		cni_fail(err, CNI_E_IO, r, "read %s", path);
		return NULL;
	}
	obj = json_loads(text, 0, &bad);
	if (!json_is_object(obj)) {
		cni_fail(err, CNI_E_DECODE, 0, "%s: no JSON object: %s", path, bad.text);
		json_decref(obj);
		return NULL;
	}
	/* when it was written, if it does not say so itself */
	if (!json_object_get(obj, "at") && stat(path, &st) == 0)
		json_object_set_new(obj, "at", json_integer(st.st_mtime));
	return obj;
}
