/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* flock on a file, the lock that host-local of the reference uses too. */
#include "lock.h"

#include "cleanup.h"

#include <fcntl.h>
#include <sys/file.h>

int lock_file(int dirfd, const char *name, int mode)
{
	autoclose int fd = openat(dirfd, name, O_RDONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, mode);

	if (fd < 0)
		return -errno;
	while (flock(fd, LOCK_EX) < 0)
		if (errno != EINTR)
			return -errno;
	return take_fd(&fd);
}
