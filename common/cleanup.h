/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Cleanup attributes for memory and descriptors; kernel and disk effects belong to undo.h. */
#ifndef HAWSER_CLEANUP_H
#define HAWSER_CLEANUP_H

#include <assert.h>
#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static inline void cleanup_free(void *p)
{
	free(*(void **)p);
}

static inline void cleanup_close(const int *fd)
{
	if (*fd >= 0) {
		int saved = errno, r = close(*fd);

		assert(!(r < 0 && errno == EBADF)); /* closed twice: a bug, not a condition */
		(void)r;
		errno = saved;
	}
}

static inline void cleanup_file(FILE **f)
{
	if (*f)
		fclose(*f);
}

static inline void cleanup_dir(DIR **d)
{
	if (*d)
		closedir(*d);
}

#define autofree  __attribute__((cleanup(cleanup_free)))
#define autoclose __attribute__((cleanup(cleanup_close)))
#define autofile  __attribute__((cleanup(cleanup_file)))
#define autodir	  __attribute__((cleanup(cleanup_dir)))

/* Give up ownership of a descriptor or pointer that a cleanup attribute guards. */
static inline int take_fd(int *fd)
{
	int taken = *fd;

	*fd = -1;
	return taken;
}

#define take_ptr(p)                                                                                \
	({                                                                                         \
		__typeof__(p) taken_ptr_ = (p);                                                    \
		(p) = NULL;                                                                        \
		taken_ptr_;                                                                        \
	})

#define ARRAY_SIZE(a) (sizeof(a) / sizeof((a)[0]))

#endif
