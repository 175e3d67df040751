/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* For unit tests that write where plugins and agent write: the machine's files are left alone. */
#ifndef HAWSER_TESTS_UNIT_PRIVATE_H
#define HAWSER_TESTS_UNIT_PRIVATE_H

#include <sched.h>
#include <sys/mount.h>

/** private_files() - setup of a group: an empty /run and /var/lib of its own. Return: 0 or -1. */
static inline int private_files(void **state)
{
	(void)state;
	if (unshare(CLONE_NEWNS) < 0 || mount(NULL, "/", NULL, MS_REC | MS_PRIVATE, NULL) < 0 ||
	    mount("tmpfs", "/run", "tmpfs", 0, NULL) < 0)
		return -1;
	return mount("tmpfs", "/var/lib", "tmpfs", 0, NULL);
}

#endif
