/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The part of D-Bus that firewalld.c needs: method calls with string arguments, one at a time. */
#ifndef HAWSER_FIREWALLD_BUS_H
#define HAWSER_FIREWALLD_BUS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/un.h>

#define BUS_MESSAGE_MAX (64u << 10) /* larger messages are refused; the protocol allows 128 MiB */
#define BUS_PATH_LEN	sizeof(((struct sockaddr_un *)NULL)->sun_path)

/* D-Bus specification, "Message Format": the type of a message. */
enum bus_type {
	BUS_METHOD_CALL = 1,
	BUS_METHOD_RETURN = 2,
	BUS_ERROR = 3,
	BUS_SIGNAL = 4,
};

/* A method call. All strings are UTF-8; args ends at the first NULL. */
struct bus_call {
	const char *destination;
	const char *path;
	const char *interface;
	const char *member;
	const char *args[2];
};

/* What this client reads of a message. The strings point into the buffer it was parsed from. */
struct bus_msg {
	uint8_t type;	       /* enum bus_type, or a larger number to be ignored */
	uint32_t serial;       /* the sender's, never 0 */
	uint32_t reply_serial; /* serial of the call it answers, or 0 */
	const char *error;     /* name of the error when type is BUS_ERROR, else NULL */
	const char *signature; /* types of the body, "" when it is empty */
	const char *text;      /* the first argument if that is a string, else "" */
	bool flag;	       /* the first argument if that is a boolean, else false */
};

/* A connection. Large, and not to be copied: replies point into it. */
struct bus {
	int fd;
	bool ready;	   /* authenticated, and the bus gave us a name */
	uint32_t serial;   /* of the latest call */
	int64_t hello_by;  /* when the bus must have answered, in ms of CLOCK_MONOTONIC */
	int64_t answer_by; /* when all calls must be answered */
	size_t out_len;	   /* bytes queued in out */
	size_t in_len;	   /* bytes in in */
	size_t in_used;	   /* those at the front that have been parsed */
	uint8_t out[2048];
	uint8_t in[BUS_MESSAGE_MAX];
};

/**
 * bus_address() - the socket a D-Bus address names
 * @address: "unix:path=/run/x" with optional further keys and %-escapes; of a list separated by ";"
 *	the first entry of this kind counts
 * @path: receives the absolute path; untouched on failure
 *
 * Source: D-Bus specification, "Server Addresses".
 *
 * Return: 0, -EAFNOSUPPORT when no entry is a path, -EINVAL for a bad escape or a relative path,
 * -ENAMETOOLONG.
 */
int bus_address(const char *address, char path[BUS_PATH_LEN]);

/**
 * bus_open() - connect, and queue the handshake for the first call
 * @bus: filled; bus_close() is needed only after success, and harmless after failure
 * @path: of the socket
 * @hello_ms: the longest time to wait for the bus itself
 * @answer_ms: the longest time to wait for all answers together
 *
 * Authentication (EXTERNAL, by the effective uid) and Hello travel with the first call in one
 * write, so that one round trip does for all.
 *
 * Return: 0, -ENOENT or -ECONNREFUSED when there is no bus, -ETIMEDOUT when its queue stays full,
 * or another -errno.
 */
int bus_open(struct bus *bus, const char *path, int hello_ms, int answer_ms);

/** bus_close() - close the connection. @bus: may be closed already. */
void bus_close(struct bus *bus);

/* Closes a bus at the end of its scope; start with "autobus struct bus bus; bus.fd = -1". */
#define autobus __attribute__((cleanup(bus_close)))

/**
 * bus_call() - send a method call and wait for its answer
 * @bus: an open connection
 * @call: what to call; a service that is not running is not started for it
 * @reply: the answer, BUS_METHOD_RETURN or BUS_ERROR (also when the bus refuses Hello); valid until
 *	the next call
 *
 * When the deadline has passed already, the call is still sent but not waited for.
 *
 * Return: 0, -ETIMEDOUT, -EACCES when the bus rejects our uid, -ECONNRESET when it hangs up,
 *-EPROTO or -EBADMSG when it does not speak D-Bus, -EMSGSIZE when call or answer is too large, or
 *another -errno.
 */
int bus_call(struct bus *bus, const struct bus_call *call, struct bus_msg *reply);

/**
 * bus_encode() - one method call as bytes, in the byte order of this machine
 * @buf: receives the message
 * @size: room there
 * @serial: its number, not 0
 * @call: what to call
 *
 * Source: D-Bus specification, "Marshaling" and "Message Format".
 *
 * Return: length of the message, or -EMSGSIZE.
 */
int bus_encode(uint8_t *buf, size_t size, uint32_t serial, const struct bus_call *call);

/**
 * bus_message_size() - length of a message from its first bytes
 * @p: the first 16 bytes of a message
 *
 * Return: length with header and body, -EBADMSG, or -EMSGSIZE when it is above BUS_MESSAGE_MAX.
 */
int bus_message_size(const uint8_t p[16]);

/**
 * bus_parse() - check and read one message in either byte order
 * @p: the whole message
 * @size: its length, as bus_message_size() says
 * @msg: untouched on failure
 *
 * Return: 0, or -EBADMSG.
 */
int bus_parse(const uint8_t *p, size_t size, struct bus_msg *msg);

#endif
