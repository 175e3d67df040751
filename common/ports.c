/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Published ports: the sentence about one that is taken. */
#include "ports.h"

#include <errno.h>

int port_taken(struct cni_err *err, const struct port_run *run, unsigned int offset,
	       const char *owner, const char *words)
{
	char host[IP_STRLEN] = "any address";

	if (run->host.family)
		ip_str(&run->host, host);
	cni_fail(err, CNI_E_FAILED, 0, "\"hostPort\": %s port %u on %s is published by %s (%s)",
		 port_proto(run->proto), run->host_port + offset, host, owner, words);
	return -EADDRINUSE;
}
