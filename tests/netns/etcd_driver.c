/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Calls the functions of tools/overlayd/etcd.h, for tests/netns/etcd.sh.
 *
 * usage: etcd_driver [ENDPOINT...]; CA, CERT, KEY, NAME, PASSWORD, TIMEOUT and SILENCE (ms)
 * in the environment.
 *
 * Reads commands from stdin, a line each, and prints what they give, then
 * "ok NUMBER" or "error ERRNO SENTENCE":
 *	get KEY | value KEY | meta KEY | put KEY VALUE [LEASE] | create KEY VALUE [LEASE] | replace
 *KEY REVISION VALUE | remove KEY REVISION | list PREFIX | many PREFIX N [SIZE] | grant TTL |
 *keepalive ID | ttl ID | revoke ID | watch PREFIX FROM | wait MS [TIMES] | sleep MS | wake | asleep
 *| endpoint Words hold no spaces. A revision of 0 or less counts from the newest. "value" prints
 *nothing else, "meta" lease, create_revision and mod_revision. "many" puts N keys; "wait" prints
 *each change; "wake" makes wake_fd readable, "asleep" empties it.
 */
#include "tools/overlayd/etcd.h"

#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

struct driver {
	struct etcd *e;
	int wake;
	char *word[5]; /* of the command; "" when absent */
	size_t seen;
	size_t bytes;
};

static int64_t number(const char *text)
{
	return strtoll(text, NULL, 10);
}

static int show(const struct etcd_kv *kv, void *arg)
{
	struct driver *d = arg;

	d->seen++;
	d->bytes += strlen(kv->key) + (kv->value ? strlen(kv->value) : 0);
	if (kv->value)
		printf("%s = %.200s%s%s\n", kv->key, kv->value, kv->lease ? " leased" : "",
		       kv->version > 1 ? " changed" : "");
	else
		printf("%s deleted\n", kv->key);
	return 0;
}

static int get(struct driver *d)
{
	struct etcd_kv kv = { 0 };
	int r = etcd_get(d->e, d->word[1], &kv);

	if (r == 0 && strcmp(d->word[0], "value") == 0)
		puts(kv.value);
	else if (r == 0 && strcmp(d->word[0], "meta") == 0)
		printf("%" PRId64 " %" PRId64 " %" PRId64 "\n", kv.lease, kv.create_revision,
		       kv.mod_revision);
	else if (r == 0)
		show(&kv, d);
	etcd_kv_free(&kv);
	return r;
}

static int create(struct driver *d)
{
	struct etcd_kv winner = { 0 };
	int r = etcd_create(d->e, d->word[1], d->word[2], number(d->word[3]), &winner);

	if (r == 0)
		printf("there is %s\n", winner.value);
	etcd_kv_free(&winner);
	return r;
}

static int list(struct driver *d)
{
	int64_t revision = 0;
	int r;

	d->seen = d->bytes = 0;
	r = etcd_list(d->e, d->word[1], show, d, &revision);
	printf("%zu keys, %zu bytes, revision %s\n", d->seen, d->bytes,
	       revision > 0 ? "ok" : "none");
	return r;
}

static int many(struct driver *d)
{
	size_t size = *d->word[3] ? (size_t)number(d->word[3]) : 1;
	char key[200], *value = malloc(size + 1);
	int r = 0;

	memset(value, 'x', size);
	value[size] = '\0';
	for (int i = 0; r == 0 && i < atoi(d->word[2]); i++) {
		snprintf(key, sizeof(key), "%.100s%05d", d->word[1], i);
		r = etcd_put(d->e, key, value, 0);
	}
	free(value);
	return r;
}

static int lease(struct driver *d)
{
	int64_t a = 0, b = 0;
	int r;

	if (strcmp(d->word[0], "grant") == 0) {
		r = etcd_grant(d->e, number(d->word[1]), &a);
		if (r == 0)
			printf("%" PRId64 "\n", a);
	} else if (strcmp(d->word[0], "keepalive") == 0) {
		r = etcd_keepalive(d->e, number(d->word[1]), &a);
		if (r == 0)
			printf("%" PRId64 " s\n", a);
	} else if (strcmp(d->word[0], "ttl") == 0) {
		r = etcd_ttl(d->e, number(d->word[1]), &a, &b);
		if (r == 0)
			printf("%s of %" PRId64 " s\n", a > 0 && a <= b ? "some" : "none", b);
	} else {
		r = etcd_revoke(d->e, number(d->word[1]));
	}
	return r;
}

/* "wait MS TIMES": until so many changes have come, at most MS each time. */
static int await(struct driver *d)
{
	int left = *d->word[2] ? atoi(d->word[2]) : 1, r = 0;

	d->seen = 0;
	while (left > 0) {
		r = etcd_wait(d->e, atoi(d->word[1]), show, d);
		if (r <= 0)
			break;
		left -= r;
	}
	return r < 0 ? r : (int)d->seen;
}

static int run(struct driver *d)
{
	const char *command = d->word[0];
	eventfd_t count;
	int64_t revision;

	if (strcmp(command, "get") == 0 || strcmp(command, "value") == 0 ||
	    strcmp(command, "meta") == 0)
		return get(d);
	if (strcmp(command, "put") == 0)
		return etcd_put(d->e, d->word[1], d->word[2], number(d->word[3]));
	if (strcmp(command, "create") == 0)
		return create(d);
	if (strcmp(command, "list") == 0)
		return list(d);
	if (strcmp(command, "many") == 0)
		return many(d);
	if (strstr("grant keepalive ttl revoke", command))
		return lease(d);
	revision = number(d->word[2]);
	if (revision <= 0)
		revision += etcd_revision(d->e);
	if (strcmp(command, "replace") == 0)
		return etcd_replace(d->e, d->word[1], revision, d->word[3], 0);
	if (strcmp(command, "remove") == 0)
		return etcd_remove(d->e, d->word[1], revision);
	if (strcmp(command, "watch") == 0)
		return etcd_watch(d->e, d->word[1], revision);
	if (strcmp(command, "wait") == 0)
		return await(d);
	if (strcmp(command, "sleep") == 0)
		usleep((useconds_t)number(d->word[1]) * 1000);
	else if (strcmp(command, "wake") == 0)
		eventfd_write(d->wake, 1);
	else if (strcmp(command, "asleep") == 0)
		eventfd_read(d->wake, &count);
	else if (strcmp(command, "endpoint") == 0)
		puts(etcd_endpoint(d->e));
	else
		return -ENOSYS;
	return 0;
}

static void split(struct driver *d, char *line)
{
	line[strcspn(line, "\n")] = '\0';
	for (size_t i = 0; i < 5; i++) {
		d->word[i] = line;
		line += strcspn(line, " ");
		if (*line)
			*line++ = '\0';
	}
}

/* Every command ends in one line that says so. */
static void say_done(const struct driver *d, int r)
{
	if (r < 0)
		printf("error %s %s\n", strerrorname_np(-r), etcd_error(d->e));
	else
		printf("ok %d\n", r);
	fflush(stdout);
}

/* Empty is as good as absent. */
static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

int main(int argc, char **argv)
{
	struct driver d = { .wake = eventfd(0, EFD_CLOEXEC) };
	struct etcd_conf conf = {
		.endpoints = (const char *const *)argv + 1,
		.n_endpoints = (size_t)argc - 1,
		.ca_file = variable("CA"),
		.cert_file = variable("CERT"),
		.key_file = variable("KEY"),
		.username = variable("NAME"),
		.password = variable("PASSWORD"),
		.timeout_ms = variable("TIMEOUT") ? atoi(getenv("TIMEOUT")) : 0,
		.silence_ms = variable("SILENCE") ? atoi(getenv("SILENCE")) : 0,
	};
	size_t size = 0;
	char *line = NULL;
	int r = etcd_open(&conf, d.wake, &d.e);

	if (r < 0)
		say_done(&d, r);
	while (r == 0 && getline(&line, &size, stdin) > 0) {
		split(&d, line);
		say_done(&d, run(&d));
	}
	free(line);
	etcd_close(d.e);
	close(d.wake);
	return r < 0;
}
