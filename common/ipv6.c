/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPv6 of the host's interfaces that are routers for containers. */
#include "ipv6.h"

#include "log.h"
#include "sysctl.h"

#include <errno.h>
#include <string.h>

int ipv6_prepare_router(const char *name, bool used, struct cni_err *err)
{
	int r = sysctl_set_conf("ipv6", name, "accept_ra", 0); /* CVE-2020-10749 */

	if (r < 0 && r != -ENOENT)
		return cni_fail(err, CNI_E_FAILED, r,
				"net.ipv6.conf.%s.accept_ra: the host would obey router "
				"advertisements of containers",
				name);
	if (!used)
		return 0;
	r = sysctl_set_conf("ipv6", name, "disable_ipv6", 0);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "net.ipv6.conf.%s.disable_ipv6", name);
	r = sysctl_write_conf("ipv6", name, "accept_dad", 0);
	if (r < 0)
		log_trace("accept_dad of %s stays as it is: %s", name, strerror(-r));
	return 0;
}
