/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: which addresses of this host are its VTEPs. */
#include "site.h"

#include "addr.h"
#include "link.h"
#include "route.h"

#include <errno.h>
#include <string.h>

/* Addresses that peers could not keep. */
#define UNFIT (IFA_F_TEMPORARY | IFA_F_DEPRECATED | IFA_F_DADFAILED | IFA_F_TENTATIVE)

static int find_interface(struct nlk *nl, const char *dev, struct cni_err *err)
{
	struct link_info info;
	int r;

	if (!dev || !*dev) {
		r = route_default_interface(nl);
		return r < 0 ? nlk_fail(err, nl, CNI_E_CONF, r,
					"\"underlay.dev\" is missing, and there is no default "
					"route to take it from")
			     : r;
	}
	r = strlen(dev) < IFNAMSIZ ? link_get(nl, dev, &info) : -ENODEV;
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_CONF, r,
				"\"underlay.dev\": there is no interface \"%.60s\"", dev);
	return info.index;
}

static int take_first(struct nlk *nl, int index, struct ip_addr vtep[2], struct cni_err *err)
{
	struct addr_list have;
	int r = addr_list_get(nl, index, AF_UNSPEC, &have);

	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "list the addresses of interface %d",
				index);
	for (int i = 0; i < have.n; i++) {
		const struct ip_addr *ip = &have.a[i].net.ip;

		if (have.a[i].scope == RT_SCOPE_UNIVERSE && !(have.a[i].flags & UNFIT) &&
		    !vtep[ip->family == AF_INET6].family)
			vtep[ip->family == AF_INET6] = *ip;
	}
	return 0;
}

int site_vteps(struct nlk *nl, const char *dev, const char *address, struct ip_addr vtep[2],
	       struct cni_err *err)
{
	struct ip_addr fixed = { 0 };
	int r;

	memset(vtep, 0, 2 * sizeof(*vtep));
	if (address && *address && ip_parse(address, &fixed) < 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"underlay.address\": \"%.60s\" is no IP address", address);
	r = find_interface(nl, dev, err);
	if (r >= 0)
		r = take_first(nl, r, vtep, err);
	else if (fixed.family && !(dev && *dev)) {
		/* a given address needs no default route */
		*err = (struct cni_err){ 0 };
		r = 0;
	}
	if (r == 0 && fixed.family)
		vtep[fixed.family == AF_INET6] = fixed;
	return r;
}
