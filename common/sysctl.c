/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Network sysctls of the current namespace, written only when they differ. */
#include "sysctl.h"

#include "cleanup.h"
#include "fault.h"
#include "log.h"

#include <fcntl.h>
#include <string.h>

static int open_key(const char *path, int flags)
{
	char full[256];
	int fd;

	if (snprintf(full, sizeof(full), "/proc/sys/%s", path) >= (int)sizeof(full))
		return -ENAMETOOLONG;
	fd = open(full, flags | O_CLOEXEC);
	return fd < 0 ? -errno : fd;
}

int sysctl_read_text(const char *path, char *text, size_t size)
{
	autoclose int fd = open_key(path, O_RDONLY);
	ssize_t n;

	if (fd < 0)
		return fd;
	n = read(fd, text, size);
	if (n < 0)
		return -errno;
	if ((size_t)n == size)
		return -EFBIG;
	while (n > 0 && text[n - 1] == '\n')
		n--;
	text[n] = '\0';
	return 0;
}

int sysctl_get(const char *path, int *value)
{
	char text[32];
	int r = sysctl_read_text(path, text, sizeof(text));

	if (r < 0)
		return r;
	if (!*text)
		return -EIO;
	*value = (int)strtol(text, NULL, 10);
	return 0;
}

int sysctl_write_text(const char *path, const char *text)
{
	autoclose int fd = -1;
	int r = fault_step(path);

	if (r < 0)
		return r;
	fd = open_key(path, O_WRONLY);
	if (fd < 0)
		return fd;
	r = write(fd, text, strlen(text)) < 0 ? -errno : 0;
	log_trace("sysctl: %s = %s: %s", path, text, r < 0 ? strerror(-r) : "ok");
	return r;
}

int sysctl_write(const char *path, int value)
{
	char text[16];

	snprintf(text, sizeof(text), "%d", value);
	return sysctl_write_text(path, text);
}

int sysctl_set(const char *path, int value)
{
	int now = 0, r = sysctl_get(path, &now);

	if (r < 0)
		return r;
	return now == value ? 0 : sysctl_write(path, value);
}

int sysctl_write_conf(const char *family, const char *ifname, const char *key, int value)
{
	char path[128];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, ifname, key);
	return sysctl_write(path, value);
}

int sysctl_set_conf(const char *family, const char *ifname, const char *key, int value)
{
	char path[128];

	snprintf(path, sizeof(path), "net/%s/conf/%s/%s", family, ifname, key);
	return sysctl_set(path, value);
}
