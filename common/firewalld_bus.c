/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * A minimal D-Bus client: method calls with string arguments, one at a time.
 *
 * Why not libdbus (Debian 12's libdbus-1.a 1.14.10; static, stripped, --gc-sections, two cores):
 *
 * - Its blocking calls have no deadline until the bus has authenticated us: poll(..., -1). A bus
 *   that accepts and stays silent hangs them for ever, also a call with a time-out behind
 *   dbus_connection_open_private().
 * - It needs sd_listen_fds() and sd_is_socket(), and Debian has no libsystemd.a.
 * - It brings in getpwnam_r(), getgrouplist() and getaddrinfo(), which glibc cannot run statically,
 *   and comes to them (DBUS_COOKIE_SHA1) when EXTERNAL is rejected.
 * - It adds 573 KiB to an empty program of 659 KiB; all of firewalld*.c adds 12 KiB. Start-up takes
 *   as long with both, within the noise.
 * - Asking whether a name has an owner takes it five round trips and 2.6 ms above start-up; here it
 *   is one write and 1.1 ms. dbus-daemon and dbus-broker both accept the handshake in one piece.
 */
#include "firewalld_bus.h"

#include "cleanup.h"

#include <poll.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/time.h>
#include <time.h>

#define AUTH_LINE_MAX 512
#define HELLO_SERIAL  1

static const struct bus_call hello = {
	.destination = "org.freedesktop.DBus",
	.path = "/org/freedesktop/DBus",
	.interface = "org.freedesktop.DBus",
	.member = "Hello",
};

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	c |= 0x20;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static int unescape(const char *s, size_t len, char path[BUS_PATH_LEN])
{
	char text[BUS_PATH_LEN];
	size_t n = 0;

	for (size_t i = 0; i < len; i++) {
		int c = (unsigned char)s[i];

		if (c == '%') {
			int high = i + 2 < len ? hex_digit(s[i + 1]) : -1;
			int low = high >= 0 ? hex_digit(s[i + 2]) : -1;

			if (low < 0 || high + low == 0)
				return -EINVAL;
			c = high << 4 | low;
			i += 2;
		}
		if (n + 1 >= sizeof(text))
			return -ENAMETOOLONG;
		text[n++] = (char)c;
	}
	text[n] = '\0';
	if (text[0] != '/')
		return -EINVAL;
	memcpy(path, text, n + 1);
	return 0;
}

int bus_address(const char *address, char path[BUS_PATH_LEN])
{
	while (*address) {
		size_t entry = strcspn(address, ";");
		const char *end = address + entry;

		if (entry >= 5 && strncmp(address, "unix:", 5) == 0) {
			for (const char *key = address + 5; key < end;) {
				size_t len = strcspn(key, ",;");

				if (strncmp(key, "path=", 5) == 0)
					return unescape(key + 5, len - 5, path);
				key += len + 1;
			}
		}
		address = *end ? end + 1 : end;
	}
	return -EAFNOSUPPORT;
}

static int64_t now_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

/* Without the check of the clock a bus that never stops sending would never time out. */
static int wait_for(int fd, short events, int64_t deadline)
{
	for (;;) {
		struct pollfd p = { .fd = fd, .events = events };
		int64_t left = deadline - now_ms();
		int r;

		if (left <= 0)
			return -ETIMEDOUT;
		r = poll(&p, 1, (int)left);
		if (r > 0)
			return 0;
		if (r < 0 && errno != EINTR)
			return -errno;
	}
}

static int flush(struct bus *bus, int64_t deadline)
{
	size_t sent = 0;

	while (sent < bus->out_len) {
		ssize_t n = send(bus->fd, bus->out + sent, bus->out_len - sent,
				 MSG_NOSIGNAL | MSG_DONTWAIT);
		int r;

		if (n >= 0) {
			sent += (size_t)n;
			continue;
		}
		r = errno == EAGAIN ? wait_for(bus->fd, POLLOUT, deadline) : -errno;
		if (r < 0 && r != -EINTR) {
			bus->out_len -= sent;
			memmove(bus->out, bus->out + sent, bus->out_len);
			return r == -EPIPE ? -ECONNRESET : r;
		}
	}
	bus->out_len = 0;
	return 0;
}

/* Read what is there, at least a byte. Parsed bytes make room first. */
static int fill(struct bus *bus, int64_t deadline)
{
	ssize_t n;
	int r;

	if (bus->in_used) {
		bus->in_len -= bus->in_used;
		memmove(bus->in, bus->in + bus->in_used, bus->in_len);
		bus->in_used = 0;
	}
	if (bus->in_len == sizeof(bus->in))
		return -EMSGSIZE;
	r = wait_for(bus->fd, POLLIN, deadline);
	if (r < 0)
		return r;
	n = recv(bus->fd, bus->in + bus->in_len, sizeof(bus->in) - bus->in_len, MSG_DONTWAIT);
	if (n < 0)
		return errno == EAGAIN || errno == EINTR ? 0 : -errno;
	bus->in_len += (size_t)n;
	return n ? 0 : -ECONNRESET;
}

static int next_message(struct bus *bus, int64_t deadline, struct bus_msg *msg)
{
	for (;;) {
		const uint8_t *p = bus->in + bus->in_used;
		size_t have = bus->in_len - bus->in_used;
		int r = have >= 16 ? bus_message_size(p) : 0;

		if (r < 0)
			return r;
		if (r > 0 && have >= (size_t)r) {
			bus->in_used += (size_t)r;
			return bus_parse(p, (size_t)r, msg);
		}
		r = fill(bus, deadline);
		if (r < 0)
			return r;
	}
}

/* Signals and stray answers are passed over. */
static int wait_reply(struct bus *bus, uint32_t serial, int64_t deadline, struct bus_msg *reply)
{
	struct bus_msg msg;

	do {
		int r = next_message(bus, deadline, &msg);

		if (r < 0)
			return r;
	} while ((msg.type != BUS_METHOD_RETURN && msg.type != BUS_ERROR) ||
		 msg.reply_serial != serial);
	*reply = msg;
	return 0;
}

/* The one line that the bus sends before messages: "OK <guid>", or "REJECTED <mechanisms>". */
static int wait_auth(struct bus *bus)
{
	for (;;) {
		const uint8_t *p = bus->in + bus->in_used;
		size_t have = bus->in_len - bus->in_used;
		const uint8_t *end =
			memmem(p, have < AUTH_LINE_MAX ? have : AUTH_LINE_MAX, "\r\n", 2);
		int r;

		if (end) {
			bus->in_used += (size_t)(end - p) + 2;
			if (end - p >= 3 && memcmp(p, "OK ", 3) == 0)
				return 0;
			return end - p >= 8 && memcmp(p, "REJECTED", 8) == 0 ? -EACCES : -EPROTO;
		}
		if (have >= AUTH_LINE_MAX)
			return -EPROTO;
		r = fill(bus, bus->hello_by);
		if (r < 0)
			return r;
	}
}

/* Source: D-Bus specification, "Authentication Protocol". The uid is decimal text in hexadecimal.
 */
static int queue_handshake(struct bus *bus)
{
	char uid[16], hex[2 * sizeof(uid)] = "";
	int len, r;

	snprintf(uid, sizeof(uid), "%u", (unsigned int)geteuid());
	for (size_t i = 0; uid[i]; i++)
		snprintf(hex + 2 * i, 3, "%02x", (unsigned char)uid[i]);
	bus->out[0] = '\0';
	len = 1 + snprintf((char *)bus->out + 1, sizeof(bus->out) - 1,
			   "AUTH EXTERNAL %s\r\nBEGIN\r\n", hex);
	r = bus_encode(bus->out + len, sizeof(bus->out) - (size_t)len, HELLO_SERIAL, &hello);
	if (r < 0)
		return r;
	bus->out_len = (size_t)len + (size_t)r;
	bus->serial = HELLO_SERIAL;
	return 0;
}

int bus_open(struct bus *bus, const char *path, int hello_ms, int answer_ms)
{
	/* connect() to a unix socket cannot be polled for: it waits this long for a full queue */
	struct timeval timeout = { hello_ms / 1000, hello_ms % 1000 * 1000L };
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int64_t now = now_ms();
	autoclose int fd = -1;
	int r;

	bus->fd = -1;
	bus->ready = false;
	bus->in_len = bus->in_used = 0;
	bus->hello_by = now + hello_ms;
	bus->answer_by = now + answer_ms;
	if (strlen(path) >= sizeof(address.sun_path))
		return -ENAMETOOLONG;
	/* most hosts without firewalld have no bus either: they pay this one system call */
	if (access(path, F_OK) < 0)
		return -errno;
	memcpy(address.sun_path, path, strlen(path) + 1);
	fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &timeout, sizeof(timeout)) < 0)
		return -errno;
	do
		r = connect(fd, (struct sockaddr *)&address, sizeof(address)) < 0 ? -errno : 0;
	while (r == -EINTR && now_ms() < bus->hello_by);
	if (r < 0)
		return r == -EAGAIN ? -ETIMEDOUT : r;
	r = queue_handshake(bus);
	if (r < 0)
		return r;
	bus->fd = take_fd(&fd);
	return 0;
}

void bus_close(struct bus *bus)
{
	if (bus->fd >= 0)
		close(bus->fd);
	bus->fd = -1;
}

int bus_call(struct bus *bus, const struct bus_call *call, struct bus_msg *reply)
{
	int r = bus_encode(bus->out + bus->out_len, sizeof(bus->out) - bus->out_len,
			   bus->serial + 1, call);

	if (r < 0)
		return r;
	bus->out_len += (size_t)r;
	bus->serial++;
	r = flush(bus, bus->ready ? bus->answer_by : bus->hello_by);
	if (r < 0)
		return r;
	if (!bus->ready) {
		struct bus_msg msg;

		r = wait_auth(bus);
		if (r == 0)
			r = wait_reply(bus, HELLO_SERIAL, bus->hello_by, &msg);
		if (r < 0)
			return r;
		if (msg.type == BUS_ERROR) {
			*reply = msg;
			return 0;
		}
		bus->ready = true;
	}
	return wait_reply(bus, bus->serial, bus->answer_by, reply);
}
