/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Who on the host holds a port that a container wants published. */
#ifndef HAWSER_LISTENER_H
#define HAWSER_LISTENER_H

#include "error.h"
#include "ports.h"

#include <stddef.h>

/**
 * listener_find() - find a process of the host that already serves one of some host ports
 * @runs: the ports
 * @n: number of runs
 * @container_id: whose ports they are to be
 * @err: CNI_E_FAILED naming port, program and pid
 *
 * The question is asked by binding a socket for a moment, so the kernel's own rules decide. A
 * process that only keeps the port for this container is no conflict: podman's conmon (its command
 * line has the container id) and nerdctl's sleeping place holder.
 *
 * Return: 0 when there is none, or a negative errno.
 */
int listener_find(const struct port_run *runs, size_t n, const char *container_id,
		  struct cni_err *err);

#endif
