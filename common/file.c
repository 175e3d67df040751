/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Small files that are never seen empty or half written, and directories made on the way. */
#include "file.h"

#include "cleanup.h"
#include "fault.h"

#include <fcntl.h>
#include <limits.h>
#include <string.h>
#include <sys/stat.h>

int file_mkdirs(const char *path, mode_t mode)
{
	char part[PATH_MAX];
	size_t len = strlen(path);

	if (mkdir(path, mode) == 0 || errno == EEXIST)
		return 0;
	if (errno != ENOENT)
		return -errno;
	if (len >= sizeof(part))
		return -ENAMETOOLONG;
	for (size_t i = 1; i <= len; i++) {
		if (path[i] != '/' && path[i] != '\0')
			continue;
		memcpy(part, path, i);
		part[i] = '\0';
		if (mkdir(part, mode) < 0 && errno != EEXIST)
			return -errno;
	}
	return 0;
}

static int write_all(int fd, const void *data, size_t len)
{
	const char *p = data;

	while (len > 0) {
		ssize_t n = write(fd, p, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		p += n;
		len -= n;
	}
	return 0;
}

/* Write @data to a new file with a temporary name, left in @name. */
static int create_named(int dirfd, char *name, size_t size, mode_t mode, const void *data,
			size_t len)
{
	autoclose int fd = -1;
	int r;

	for (unsigned int i = 0; i < 100 && fd < 0; i++) {
		snprintf(name, size, ".tmp-%d-%u", getpid(), i);
		fd = openat(dirfd, name, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, mode);
		if (fd < 0 && errno != EEXIST)
			return -errno;
	}
	if (fd < 0)
		return -EEXIST;
	r = write_all(fd, data, len);
	if (r < 0)
		unlinkat(dirfd, name, 0);
	return r;
}

int file_create(int dirfd, const char *name, mode_t mode, const void *data, size_t len)
{
	autoclose int fd = -1;
	char path[40];
	int r = fault_step("create a file");

	if (r < 0)
		return r;
	fd = openat(dirfd, ".", O_TMPFILE | O_WRONLY | O_CLOEXEC, mode);
	if (fd >= 0) {
		r = write_all(fd, data, len);
		if (r < 0)
			return r;
		/* AT_EMPTY_PATH on the descriptor itself would need CAP_DAC_READ_SEARCH */
		snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
		if (linkat(AT_FDCWD, path, dirfd, name, AT_SYMLINK_FOLLOW) == 0)
			return 0;
		if (errno != ENOENT) /* ENOENT: no /proc here, or an unlinked directory */
			return -errno;
	} else if (errno != EOPNOTSUPP && errno != EISDIR && errno != ENOENT && errno != EINVAL) {
		return -errno;
	}
	r = create_named(dirfd, path, sizeof(path), mode, data, len);
	if (r < 0)
		return r;
	r = linkat(dirfd, path, dirfd, name, 0) < 0 ? -errno : 0;
	unlinkat(dirfd, path, 0);
	return r;
}

int file_replace(int dirfd, const char *name, mode_t mode, const void *data, size_t len)
{
	char tmp[40];
	int r = fault_step("replace a file");

	if (r == 0)
		r = create_named(dirfd, tmp, sizeof(tmp), mode, data, len);
	if (r < 0)
		return r;
	if (renameat(dirfd, tmp, dirfd, name) < 0) {
		r = -errno;
		unlinkat(dirfd, tmp, 0);
	}
	return r;
}

int file_read(int dirfd, const char *name, size_t max, char **out, size_t *len)
{
	autoclose int fd = openat(dirfd, name, O_RDONLY | O_CLOEXEC);
	autofree char *buf = NULL;
	size_t used = 0, size = 0;

	if (fd < 0)
		return -errno;
	for (;;) {
		ssize_t n;

		if (used + 1 >= size) {
			char *bigger = realloc(buf, size ? 2 * size : 1024);

			if (!bigger)
				return -ENOMEM;
			buf = bigger;
			size = size ? 2 * size : 1024;
		}
		n = read(fd, buf + used, size - used - 1);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -errno;
		if (n == 0)
			break;
		used += n;
		if (used > max)
			return -EFBIG;
	}
	buf[used] = '\0';
	*out = take_ptr(buf);
	if (len)
		*len = used;
	return 0;
}
