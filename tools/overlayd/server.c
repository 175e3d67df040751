/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: a small HTTP server (RFC 9112) for status and metrics. */
#include "server.h"

#include "cleanup.h"
#include "ip.h"

#include <netinet/in.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>

#define PATIENCE 5000 /* ms for a whole request and answer */

/* ---- listening ---- */

/* Nobody but root connects, not even in the moment after bind(). */
static int bind_private(int fd, const struct sockaddr_un *address)
{
	mode_t before = umask(0177);
	int r = bind(fd, (const struct sockaddr *)address, sizeof(*address));

	umask(before);
	return r;
}

static int listen_local(const char *path, struct cni_err *err)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autoclose int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);

	snprintf(address.sun_path, sizeof(address.sun_path), "%s", path);
	if (fd < 0)
		return cni_fail(err, CNI_E_FAILED, errno, "open a socket");
	/* whoever calls holds the lock of the only agent: what is there is a dead one's */
	unlink(path);
	if (bind_private(fd, &address) < 0 || listen(fd, SERVER_CLIENTS) < 0)
		return cni_fail(err, CNI_E_IO, errno, "listen on %s", path);
	return take_fd(&fd);
}

static int parse_address(const char *text, struct sockaddr_in6 *address, socklen_t *size)
{
	struct sockaddr_in *v4 = (struct sockaddr_in *)address;
	const char *colon = strrchr(text, ':');
	char host[IP_STRLEN + 2], *end;
	struct ip_addr ip;
	long port;

	if (!colon || colon[1] < '0' || colon[1] > '9' || (size_t)(colon - text) >= sizeof(host))
		return -EINVAL;
	port = strtol(colon + 1, &end, 10);
	memcpy(host, text, (size_t)(colon - text));
	host[colon - text] = '\0';
	if (host[0] == '[' && host[strlen(host) - 1] == ']') {
		host[strlen(host) - 1] = '\0';
		memmove(host, host + 1, strlen(host));
	}
	if (*end || port < 1 || port > 65535 || ip_parse(host, &ip) < 0)
		return -EINVAL;
	memset(address, 0, sizeof(*address));
	*size = ip.family == AF_INET ? sizeof(*v4) : sizeof(*address);
	if (ip.family == AF_INET) {
		v4->sin_family = AF_INET;
		v4->sin_port = htons((uint16_t)port);
		memcpy(&v4->sin_addr, ip.b, 4);
	} else {
		address->sin6_family = AF_INET6;
		address->sin6_port = htons((uint16_t)port);
		memcpy(&address->sin6_addr, ip.b, 16);
	}
	return 0;
}

static int listen_tcp(const char *text, struct cni_err *err)
{
	struct sockaddr_in6 address;
	socklen_t size;
	autoclose int fd = -1;

	if (parse_address(text, &address, &size) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"--metrics: \"%.60s\" is no address:port (such as 127.0.0.1:9476)",
				text);
	fd = socket(address.sin6_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
	if (fd < 0)
		return cni_fail(err, CNI_E_FAILED, errno, "open a socket");
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &(int){ 1 }, sizeof(int));
	if (bind(fd, (struct sockaddr *)&address, size) < 0 || listen(fd, SERVER_CLIENTS) < 0)
		return cni_fail(err, CNI_E_IO, errno, "--metrics: listen on %.60s", text);
	return take_fd(&fd);
}

int server_open(struct server *s, const char *path, const char *tcp, server_fn fn, void *arg,
		struct cni_err *err)
{
	memset(s, 0, sizeof(*s));
	s->fn = fn;
	s->arg = arg;
	for (int i = 0; i < SERVER_CLIENTS; i++)
		s->client[i].fd = -1;
	s->tcp = -1;
	s->local = listen_local(path, err);
	if (s->local >= 0 && tcp)
		s->tcp = listen_tcp(tcp, err);
	return s->local < 0 ? s->local : tcp && s->tcp < 0 ? s->tcp : 0;
}

/* ---- connections ---- */

static void drop(struct server_client *c)
{
	close(c->fd);
	free(c->out);
	memset(c, 0, sizeof(*c));
	c->fd = -1;
}

void server_close(struct server *s, const char *path)
{
	for (int i = 0; i < SERVER_CLIENTS; i++)
		if (s->client[i].fd >= 0)
			drop(&s->client[i]);
	if (s->tcp >= 0)
		close(s->tcp);
	if (s->local >= 0) {
		close(s->local);
		unlink(path);
	}
}

int server_fds(const struct server *s, struct pollfd *fds)
{
	int n = 0;

	fds[n++] = (struct pollfd){ s->local, POLLIN, 0 };
	fds[n++] = (struct pollfd){ s->tcp, POLLIN, 0 };
	for (int i = 0; i < SERVER_CLIENTS; i++)
		fds[n++] =
			(struct pollfd){ s->client[i].fd, s->client[i].out ? POLLOUT : POLLIN, 0 };
	return n;
}

static void take_client(struct server *s, int listener, uint64_t now)
{
	int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	if (fd < 0)
		return;
	/* whoever is slow over TCP does not keep the administrator out */
	for (int i = listener == s->local ? 0 : SERVER_CLIENTS / 2; i < SERVER_CLIENTS; i++) {
		struct server_client *c = &s->client[i];

		if (c->fd >= 0)
			continue;
		c->fd = fd;
		c->local = listener == s->local;
		c->deadline = now + PATIENCE;
		return;
	}
	close(fd);
}

static const char *reason(int status)
{
	switch (status) {
	case 200:
		return "OK";
	case 400:
		return "Bad Request";
	case 404:
		return "Not Found";
	case 405:
		return "Method Not Allowed";
	default:
		return "Internal Server Error";
	}
}

static void answer(struct server *s, struct server_client *c)
{
	struct server_answer a = { 400, "text/plain", NULL };
	char method[8], path[300];
	int end = 0;
	size_t len;
	FILE *out;

	if (sscanf(c->in, "%7[A-Z] %299[!-~] HTTP/1.%*1[01]%n", method, path, &end) == 2 && end &&
	    (c->in[end] == '\r' || c->in[end] == '\n'))
		a = s->fn(method, path, c->local, s->arg);
	len = a.text ? strlen(a.text) : 0;
	out = open_memstream(&c->out, &c->size);
	if (!out)
		abort();
	fprintf(out,
		"HTTP/1.1 %d %s\r\nContent-Type: %s\r\nContent-Length: %zu\r\n"
		"Connection: close\r\n\r\n",
		a.status, reason(a.status), a.type, len);
	fwrite(a.text ? a.text : "", 1, len, out);
	fclose(out);
	free(a.text);
}

static void receive(struct server *s, struct server_client *c)
{
	ssize_t n = recv(c->fd, c->in + c->n_in, sizeof(c->in) - 1 - c->n_in, 0);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		c->n_in += (size_t)n;
	c->in[c->n_in] = '\0';
	if (n <= 0 || strlen(c->in) != c->n_in)
		drop(c);
	else if (strstr(c->in, "\r\n\r\n") || strstr(c->in, "\n\n"))
		answer(s, c);
	else if (c->n_in == sizeof(c->in) - 1)
		drop(c);
}

static void transmit(struct server_client *c)
{
	ssize_t n = send(c->fd, c->out + c->sent, c->size - c->sent, MSG_NOSIGNAL);

	if (n < 0 && errno == EAGAIN)
		return;
	if (n > 0)
		c->sent += (size_t)n;
	if (n <= 0 || c->sent == c->size)
		drop(c);
}

void server_handle(struct server *s, const struct pollfd *fds, int n, uint64_t now)
{
	for (int i = 2; i < n; i++) {
		struct server_client *c = &s->client[i - 2];

		if (c->fd < 0)
			continue;
		if (fds[i].revents && c->out)
			transmit(c);
		else if (fds[i].revents)
			receive(s, c);
		if (c->fd >= 0 && now > c->deadline)
			drop(c);
	}
	for (int i = 0; i < 2 && i < n; i++)
		if (fds[i].revents & POLLIN)
			take_client(s, fds[i].fd, now);
}
