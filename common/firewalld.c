/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The firewalld backend of the firewall plugin.
 *
 * After ADD each address of the container is a source of one zone ("trusted" unless configured), in
 * firewalld's runtime configuration: packets from it are treated as the zone says. firewalld
 * forgets these sources on a restart and on a reload; CHECK notices. Nothing is written to disk.
 *
 * firewalld is never started by a call: who asks for this backend gets an error instead.
 */
#include "firewalld.h"

#include "cleanup.h"
#include "fault.h"
#include "firewalld_bus.h"
#include "log.h"

#include <string.h>

#define BUS_DEFAULT "/run/dbus/system_bus_socket"
#define NAME	    "org.fedoraproject.FirewallD1"
#define EXCEPTION   NAME ".Exception"
#define DBUS	    "org.freedesktop.DBus"
#define ZONE_MAX    128 /* firewalld itself allows 17 */

#ifndef FIREWALLD_BUS_MS
#define FIREWALLD_BUS_MS 2000
#endif
/* firewalld answers one call at a time, and a reload of a large configuration takes many seconds.
 */
#ifndef FIREWALLD_ANSWER_MS
#define FIREWALLD_ANSWER_MS 20000
#endif

static int bus_path(char path[BUS_PATH_LEN])
{
	const char *address = getenv("DBUS_SYSTEM_BUS_ADDRESS");

	if (address && *address)
		return bus_address(address, path);
	memcpy(path, BUS_DEFAULT, sizeof(BUS_DEFAULT));
	return 0;
}

static bool is_absent(int r)
{
	return r == -ENOENT || r == -ENOTDIR || r == -ECONNREFUSED;
}

int firewalld_running(void)
{
	static const struct bus_call call = {
		.destination = DBUS,
		.path = "/org/freedesktop/DBus",
		.interface = DBUS,
		.member = "NameHasOwner",
		.args = { NAME },
	};
	struct bus_msg reply = { .signature = "" };
	char path[BUS_PATH_LEN];
	autobus struct bus bus;
	int r;

	bus.fd = -1;
	r = bus_path(path);
	if (r < 0)
		return r;
	r = bus_open(&bus, path, FIREWALLD_BUS_MS, FIREWALLD_BUS_MS);
	if (is_absent(r))
		return 0;
	if (r == 0)
		r = bus_call(&bus, &call, &reply);
	if (r < 0)
		return r;
	if (reply.error) {
		log_trace("firewalld: NameHasOwner: %s: %s", reply.error, reply.text);
		return strcmp(reply.error, DBUS ".Error.AccessDenied") == 0 ? -EACCES : -EPROTO;
	}
	return strcmp(reply.signature, "b") == 0 ? reply.flag : -EPROTO;
}

/* The zone goes into a message that must be UTF-8, or the bus hangs up without a word. */
static int check_zone(const char *zone, struct cni_err *err)
{
	char copy[ZONE_MAX + 1];
	size_t len = strnlen(zone, sizeof(copy));

	if (len < sizeof(copy)) {
		memcpy(copy, zone, len + 1);
		text_sanitize(copy);
	}
	if (len == 0 || len == sizeof(copy) || strcmp(copy, zone) != 0)
		return cni_fail(err, CNI_E_CONF, 0, "\"%.200s\" is not a name of a firewalld zone",
				zone);
	return 0;
}

static int open_bus(struct bus *bus, struct cni_err *err)
{
	char path[BUS_PATH_LEN] = "";
	int r = bus_path(path);

	if (r < 0)
		return cni_fail(
			err, CNI_E_ENV, r,
			"DBUS_SYSTEM_BUS_ADDRESS: only \"unix:path=/...\" is supported, got "
			"\"%.200s\"",
			getenv("DBUS_SYSTEM_BUS_ADDRESS"));
	r = bus_open(bus, path, FIREWALLD_BUS_MS, FIREWALLD_ANSWER_MS);
	if (is_absent(r))
		return cni_fail(err, CNI_E_FAILED, r,
				"firewalld is not running: there is no system bus at \"%s\"", path);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "cannot connect to the system bus at \"%s\"",
				path);
	return 0;
}

static char *source_str(const struct ip_net *net, char buf[IP_STRLEN])
{
	struct ip_net host = { .ip = net->ip, .len = (uint8_t)ip_bits(&net->ip) };

	return ip_net_str(&host, buf);
}

/* Call a method of the zone interface. Return: 0 when something answered, also with an error. */
static int ask(struct bus *bus, const char *member, const char *zone, const char *source,
	       struct bus_msg *reply, struct cni_err *err)
{
	struct bus_call call = {
		.destination = NAME,
		.path = "/org/fedoraproject/FirewallD1",
		.interface = NAME ".zone",
		.member = member,
		.args = { zone, source },
	};
	int r = bus_call(bus, &call, reply);

	log_trace("firewalld: %s \"%s\" %s: %s", member, zone, source,
		  r < 0		 ? strerror(-r)
		  : reply->error ? reply->text
				 : "ok");
	if (r == -ETIMEDOUT && bus->ready)
		return cni_fail(err, CNI_E_FAILED, r, "firewalld does not answer %s of %s", member,
				source);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r,
				"the system bus failed at firewalld's %s of %s", member, source);
	return 0;
}

/* Whether the answer is one of firewalld's own errors, whose text is "CODE" or "CODE: explanation".
 */
static bool is_code(const struct bus_msg *reply, const char *code)
{
	size_t len = strlen(code);

	return reply->error && strcmp(reply->error, EXCEPTION) == 0 &&
	       strncmp(reply->text, code, len) == 0 &&
	       (!reply->text[len] || reply->text[len] == ':');
}

static bool is_stopped(const struct bus_msg *reply)
{
	return reply->error && (strcmp(reply->error, DBUS ".Error.ServiceUnknown") == 0 ||
				strcmp(reply->error, DBUS ".Error.NameHasNoOwner") == 0);
}

/* @what: the sentence up to the reason */
static int refused(const char *what, const struct bus_msg *reply, struct cni_err *err)
{
	int r;

	if (is_stopped(reply))
		r = cni_fail(err, CNI_E_FAILED, 0, "%s: firewalld is not running", what);
	else
		r = cni_fail(err, CNI_E_FAILED, 0, "%s: %.300s", what,
			     *reply->text ? reply->text : reply->error);
	cni_err_details(err, "%.200s: %.700s", reply->error, reply->text);
	return r;
}

/* Return: 1 when this call added the address, 0 when it was there, -errno. */
static int add_one(struct bus *bus, const char *zone, const char *source, struct cni_err *err)
{
	struct bus_msg reply;
	char what[256];
	int r;

	snprintf(what, sizeof(what), "cannot add %s to firewalld's zone \"%s\"", source, zone);
	r = fault_step("firewalld: addSource");
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "%s", what);
	r = ask(bus, "addSource", zone, source, &reply, err);
	if (r < 0)
		return r;
	if (!reply.error)
		return 1;
	if (is_code(&reply, "ZONE_ALREADY_SET") || is_code(&reply, "ALREADY_ENABLED"))
		return 0;
	if (is_code(&reply, "ZONE_CONFLICT")) {
		r = cni_fail(err, CNI_E_FAILED, EEXIST,
			     "%s: it is in another zone (firewall-cmd --get-zone-of-source=%s)",
			     what, source);
		cni_err_details(err, "%.200s: %.700s", reply.error, reply.text);
		return r;
	}
	return refused(what, &reply, err);
}

int firewalld_add(const char *zone, const struct ip_net *ips, size_t n, struct cni_err *err)
{
	autofree bool *ours = calloc(n ? n : 1, sizeof(*ours));
	struct cni_err ignored = { 0 };
	struct bus_msg reply;
	char source[IP_STRLEN];
	autobus struct bus bus;
	int r;

	bus.fd = -1;
	if (!ours)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "firewalld");
	r = check_zone(zone, err);
	if (r == 0 && n)
		r = open_bus(&bus, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < n; i++) {
		r = add_one(&bus, zone, source_str(&ips[i], source), err);
		/* the bus keeps the order: a removal comes after the addition that is late */
		ours[i] = r > 0 || r == -ETIMEDOUT;
		if (r < 0)
			break;
	}
	for (size_t i = 0; r < 0 && i < n; i++) {
		if (ours[i])
			ask(&bus, "removeSource", zone, source_str(&ips[i], source), &reply,
			    &ignored);
	}
	return r < 0 ? r : 0;
}

static int del_one(struct bus *bus, const char *zone, const char *source, struct cni_err *err)
{
	struct bus_msg reply;
	char what[256];
	int r;

	snprintf(what, sizeof(what), "cannot remove %s from firewalld's zone \"%s\"", source, zone);
	r = fault_step("firewalld: removeSource");
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "%s", what);
	r = ask(bus, "removeSource", zone, source, &reply, err);
	if (r < 0)
		return r;
	if (!reply.error || is_stopped(&reply) || is_code(&reply, "UNKNOWN_SOURCE") ||
	    is_code(&reply, "NOT_ENABLED") || is_code(&reply, "ZONE_CONFLICT") ||
	    is_code(&reply, "INVALID_ZONE"))
		return 0;
	return refused(what, &reply, err);
}

int firewalld_del(const char *zone, const struct ip_net *ips, size_t n, struct cni_err *err)
{
	struct cni_err no_bus = { 0 };
	char source[IP_STRLEN];
	autobus struct bus bus;
	int r, first = 0;

	bus.fd = -1;
	r = check_zone(zone, err);
	if (r < 0 || n == 0)
		return r;
	r = open_bus(&bus, &no_bus);
	if (is_absent(r))
		return 0;
	if (r < 0) {
		cni_err_merge(err, &no_bus);
		return r;
	}
	for (size_t i = 0; i < n; i++) {
		r = del_one(&bus, zone, source_str(&ips[i], source), err);
		if (r < 0 && first == 0)
			first = r;
	}
	return first;
}

int firewalld_check(const char *zone, const struct ip_net *ips, size_t n, struct cni_err *err)
{
	char source[IP_STRLEN], what[256];
	struct bus_msg reply;
	autobus struct bus bus;
	int r;

	bus.fd = -1;
	r = check_zone(zone, err);
	if (r == 0 && n)
		r = open_bus(&bus, err);
	for (size_t i = 0; r == 0 && i < n; i++) {
		r = ask(&bus, "querySource", zone, source_str(&ips[i], source), &reply, err);
		if (r < 0)
			return r;
		snprintf(what, sizeof(what), "%s is not in firewalld's zone \"%s\"", source, zone);
		if (reply.error)
			r = refused(what, &reply, err);
		else if (!reply.flag)
			r = cni_fail(err, CNI_E_FAILED, 0, "%s", what);
	}
	return r;
}
