/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The directory of host-local: one file per reserved address, in the reference's format.
 *
 * The files are the truth, the index (index.h) is a cache. How it notices that somebody else
 * changed the directory: after each change of ours, futimens() gives the directory a modification
 * time two seconds in the past, unique to the nanosecond, and the index notes it. Any later change,
 * by whomever and however soon, moves the time to the present, so that it cannot be equal, neither
 * within one tick of the kernel's clock nor on file systems with coarse time stamps (there it never
 * is equal, and the index is rebuilt by every call). A crash in between leaves the index marked
 * stale. What only a process that ignores the lock can do is caught on use: linkat() fails with
 * EEXIST, or the file to be removed is missing or has another content; then the index is rebuilt
 * and the step is repeated.
 */
#include "store.h"

#include "cleanup.h"
#include "fault.h"
#include "file.h"
#include "lock.h"
#include "log.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <time.h>

#define CONTENT_MAX 1024 /* bytes of a reservation that are read; ids are shorter */

/* When the machine started, in seconds since the epoch. */
static int64_t boot_time(void)
{
	struct timespec now, up;
#ifdef HAWSER_TEST
	const char *env = getenv("HAWSER_TEST_BOOTTIME");

	if (env)
		return strtoll(env, NULL, 10);
#endif
	clock_gettime(CLOCK_REALTIME, &now);
	clock_gettime(CLOCK_BOOTTIME, &up);
	return now.tv_sec - up.tv_sec - 1;
}

/* The content of a reservation, or of an old one when @ifname is NULL. Return: its length. */
static size_t content_of(const char *id, const char *ifname, char *buf, size_t size)
{
	int n = snprintf(buf, size, ifname ? "%s\r\n%s" : "%s", id, ifname);

	return (size_t)n < size ? (size_t)n : size - 1;
}

/* Read a reservation without the white space around it. Return: length, or a negative errno. */
static ssize_t read_content(const struct store *st, const char *name, char buf[CONTENT_MAX],
			    struct stat *sb)
{
	autoclose int fd = openat(st->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK);
	ssize_t n;
	size_t skip;

	if (fd < 0 || (sb && fstat(fd, sb) < 0))
		return -errno;
	n = read(fd, buf, CONTENT_MAX - 1);
	if (n < 0)
		return -errno;
	while (n > 0 && strchr(" \t\r\n\v\f", buf[n - 1]))
		n--;
	buf[n] = '\0';
	skip = strspn(buf, " \t\r\n\v\f");
	memmove(buf, buf + skip, n - skip + 1);
	return n - skip;
}

/* Whether a file name is an address as we write it. */
static bool name_to_ip(const char *name, struct ip_addr *ip)
{
	char buf[IP_STRLEN];

	return ip_parse(name, ip) == 0 && strcmp(ip_str(ip, buf), name) == 0;
}

/* Take one directory entry into the index. */
static int rebuild_one(struct store *st, const char *name)
{
	char buf[CONTENT_MAX];
	struct stat sb = { 0 };
	struct ip_addr ip;
	ssize_t n;

	if (!name_to_ip(name, &ip))
		return 0;
	n = read_content(st, name, buf, &sb);
	if (n == 0 && sb.st_size == 0 && S_ISREG(sb.st_mode) &&
	    fault_step("remove an empty reservation") == 0 && unlinkat(st->dir, name, 0) == 0) {
		log_trace("host-local: removed empty reservation %s", name);
		return 0;
	}
	if (n == -ENOENT)
		return 0;
	/* what cannot be read is taken all the same: its name is in the way */
	return index_insert(&st->ix, index_key(buf, n > 0 ? n : 0), &ip,
			    n < 0 ? UINT32_MAX : sb.st_mtim.tv_sec);
}

int store_rebuild(struct store *st)
{
	autoclose int fd = openat(st->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	struct dirent *de;
	int r;

	if (!dir)
		return -errno;
	take_fd(&fd);
	log_trace("host-local: filling the index");
	st->changed = true;
	st->rebuilt = true;
	r = index_reset(&st->ix, boot_time());
	while (r == 0) {
		errno = 0;
		de = readdir(dir);
		if (!de) {
			r = -errno;
			break;
		}
		r = rebuild_one(st, de->d_name);
	}
	st->broken = r < 0;
	return r;
}

static int open_dir(const char *path, bool create)
{
	int fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC), r;

	if (fd >= 0)
		return fd;
	if (errno != ENOENT || !create)
		return -errno;
	r = fault_step("create the directory of a network");
	if (r == 0)
		r = file_mkdirs(path, 0755);
	if (r < 0)
		return r;
	fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int store_open(struct store *st, const char *data_dir, const char *network, bool create)
{
	char path[PATH_MAX];
	int r;

	*st = (struct store){ .dir = -1, .lock = -1, .ix.fd = -1 };
	r = snprintf(path, sizeof(path), "%s/%s", data_dir, network);
	if (r >= (int)sizeof(path))
		return -ENAMETOOLONG;
	do {
		store_close(st);
		st->dir = open_dir(path, create);
		if (st->dir < 0)
			return st->dir;
		st->lock = lock_file(st->dir, "lock", 0750);
		if (st->lock < 0)
			return st->lock;
		if (fstat(st->dir, &st->sb) < 0)
			return -errno;
	} while (st->sb.st_nlink == 0); /* removed while we waited */
	r = index_open(&st->ix, data_dir, network);
	if (r < 0)
		return r;
	return index_fresh(&st->ix, &st->sb) ? 0 : store_rebuild(st);
}

/* Give the directory a time stamp that no other writer can give it, and note it in the index. */
static void commit(struct store *st)
{
	struct timespec ts[2] = { { .tv_nsec = UTIME_OMIT } };

	clock_gettime(CLOCK_REALTIME, &ts[1]);
	ts[1].tv_sec -= 2;
	if (futimens(st->dir, ts) == 0)
		index_commit(&st->ix, &st->sb, &ts[1]);
}

void store_close(struct store *st)
{
	if (st->changed && !st->broken && st->ix.fd >= 0)
		commit(st);
	index_close(&st->ix);
	if (st->lock >= 0)
		close(st->lock);
	if (st->dir >= 0)
		close(st->dir);
	*st = (struct store){ .dir = -1, .lock = -1, .ix.fd = -1 };
}

/* Every change of the directory goes between these two. */
static void begin_change(struct store *st)
{
	if (!st->changed)
		index_begin(&st->ix);
	st->changed = true;
}

static void list_add(struct ip_list *list, const struct ip_addr *ip)
{
	struct ip_addr *bigger = realloc(list->ips, (list->n + 1) * sizeof(*bigger));

	if (!bigger)
		abort();
	list->ips = bigger;
	bigger[list->n++] = *ip;
}

/* One pass over the index. Return: -ESTALE when a file is not what the index says. */
static int find_once(const struct store *st, const char *content, size_t len, struct ip_list *list)
{
	uint64_t key = index_key(content, len);
	char name[IP_STRLEN], buf[CONTENT_MAX];
	struct ip_addr ip;
	size_t pos = 0;

	while (index_find(&st->ix, key, &pos, &ip)) {
		ssize_t n = read_content(st, ip_str(&ip, name), buf, NULL);

		if (n < 0 || index_key(buf, n) != key)
			return -ESTALE;
		if ((size_t)n == len && memcmp(buf, content, len) == 0)
			list_add(list, &ip);
	}
	return 0;
}

int store_find(struct store *st, const char *id, const char *ifname, struct ip_list *list)
{
	char content[CONTENT_MAX];
	size_t len = content_of(id, ifname, content, sizeof(content)), had = list->n;
	int r = find_once(st, content, len, list);

	if (r == -ESTALE && !st->rebuilt) {
		list->n = had;
		r = store_rebuild(st);
		if (r == 0)
			r = find_once(st, content, len, list);
	}
	return r == -ESTALE ? 0 : r;
}

bool store_last(const struct store *st, size_t set, struct ip_addr *ip)
{
	char name[48], text[IP_STRLEN];
	autoclose int fd = -1;
	ssize_t n;

	snprintf(name, sizeof(name), "last_reserved_ip.%zu", set);
	fd = openat(st->dir, name, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	n = fd < 0 ? -1 : read(fd, text, sizeof(text) - 1);
	if (n < 0)
		return false;
	text[n] = '\0';
	return ip_parse(text, ip) == 0;
}

/* Overwritten in place like the reference does, which leaves the directory's time stamp alone. */
static int write_last(struct store *st, size_t set, const struct ip_addr *ip)
{
	char name[48], text[IP_STRLEN];
	autoclose int fd = -1;
	int r = fault_step("write last_reserved_ip");

	if (r < 0)
		return r;
	snprintf(name, sizeof(name), "last_reserved_ip.%zu", set);
	fd = openat(st->dir, name, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0)
		return -errno;
	ip_str(ip, text);
	return write(fd, text, strlen(text)) == (ssize_t)strlen(text) ? 0 : -EIO;
}

const struct ip_range *store_pick(const struct store *st, const struct range_set *set,
				  const struct ip_addr *last, struct ip_addr *ip)
{
	struct range_piece p;
	int r;

	for (size_t i = 0; (r = range_set_piece(set, last, i, &p)) >= 0; i++) {
		if (r == 0)
			continue;
		while (index_free_between(&st->ix, &p.from, &p.to, ip)) {
			if (!ip_equal(ip, &p.range->gateway))
				return p.range;
			if (ip_equal(ip, &p.to))
				break;
			p.from = ip_add(ip, 1);
		}
	}
	return NULL;
}

static int unlink_ip(struct store *st, const struct ip_addr *ip, uint64_t key)
{
	char name[IP_STRLEN];
	int r = fault_step("remove a reservation");

	if (r < 0)
		return r;
	begin_change(st);
	if (unlinkat(st->dir, ip_str(ip, name), 0) < 0 && errno != ENOENT)
		return -errno;
	index_remove(&st->ix, key, ip);
	return 0;
}

int store_reserve(struct store *st, size_t set, const struct ip_addr *ip, const char *id,
		  const char *ifname)
{
	char content[CONTENT_MAX], name[IP_STRLEN];
	size_t len = content_of(id, ifname, content, sizeof(content));
	uint64_t key = index_key(content, len);
	struct timespec now;
	int r;

	begin_change(st);
	r = file_create(st->dir, ip_str(ip, name), 0600, content, len);
	if (r < 0)
		return r;
	clock_gettime(CLOCK_REALTIME, &now);
	if (index_insert(&st->ix, key, ip, now.tv_sec) < 0)
		st->broken = true;
	r = write_last(st, set, ip);
	if (r < 0 && unlink_ip(st, ip, key) < 0)
		log_warn("host-local: %s stays reserved: its file cannot be removed", name);
	return r;
}

int store_release(struct store *st, const struct ip_addr *ip, const char *id, const char *ifname)
{
	char content[CONTENT_MAX], buf[CONTENT_MAX], name[IP_STRLEN];
	size_t len = content_of(id, ifname, content, sizeof(content));
	ssize_t n = read_content(st, ip_str(ip, name), buf, NULL);

	if (n < 0 && n != -ENOENT)
		return n;
	if ((size_t)n != len || memcmp(buf, content, len) != 0)
		return 0;
	return unlink_ip(st, ip, index_key(content, len));
}

/* Reservations older than this were made before the boot. */
static int64_t reclaim_before(const struct store *st)
{
#ifdef HAWSER_TEST
	if (getenv("HAWSER_TEST_BOOTTIME"))
		return boot_time();
#endif
	return index_boot_time(&st->ix);
}

int store_reclaim(struct store *st, const struct range_set *set, bool really)
{
	int64_t before = reclaim_before(st), best = -1;
	char name[IP_STRLEN], owner[CONTENT_MAX];
	struct ip_addr ip;
	uint64_t key;
	int r;

	for (size_t i = 0; i < set->n; i++) {
		const struct ip_range *range = &set->ranges[i];
		int64_t t = index_oldest(&st->ix, &range->start, &range->end,
					 best < 0 ? before : best, &key, &ip);

		if (t >= 0)
			best = t;
	}
	if (best < 0)
		return 0;
	if (!really)
		return 1;
	store_owner(st, &ip, owner, sizeof(owner));
	r = unlink_ip(st, &ip, key);
	if (r < 0)
		return r;
	log_warn("host-local: the pool ran out: took back %s, reserved for %s before this boot",
		 ip_str(&ip, name), owner);
	return 1;
}

char *store_owner(const struct store *st, const struct ip_addr *ip, char *buf, size_t size)
{
	char content[CONTENT_MAX], name[IP_STRLEN];
	ssize_t n = read_content(st, ip_str(ip, name), content, NULL);

	content[n < 0 ? 0 : n] = '\0';
	snprintf(buf, size, "%.*s", (int)strcspn(content, "\r\n"), content);
	return buf;
}

int store_sweep(struct store *st, bool (*keep)(const void *arg, const char *id, const char *ifname),
		const void *arg)
{
	autoclose int fd = openat(st->dir, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	autodir DIR *dir = fd < 0 ? NULL : fdopendir(fd);
	int removed = 0, first = 0, r;
	struct dirent *de;

	if (!dir)
		return -errno;
	take_fd(&fd);
	while ((de = readdir(dir)) != NULL) {
		char buf[CONTENT_MAX];
		struct ip_addr ip;
		const char *ifname;
		uint64_t key;
		ssize_t n;

		if (!name_to_ip(de->d_name, &ip))
			continue;
		n = read_content(st, de->d_name, buf, NULL);
		if (n <= 0)
			continue;
		key = index_key(buf, n);
		ifname = strstr(buf, "\r\n");
		buf[strcspn(buf, "\r\n")] = '\0';
		if (keep(arg, buf, ifname ? ifname + 2 : NULL))
			continue;
		r = unlink_ip(st, &ip, key);
		if (r < 0 && first == 0)
			first = r;
		removed += r == 0;
	}
	return first < 0 ? first : removed;
}
