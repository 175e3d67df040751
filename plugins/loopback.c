/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * loopback: sets a container's loopback interface up.
 *
 * Theory of operation. A new network namespace has a "lo" that is down. ADD sets it up; the kernel
 * then adds 127.0.0.1/8 and ::1/128 by itself. Nothing exists on the host. CNI_IFNAME is ignored:
 * runtimes call this plugin with "lo", and Nomad with "eth0" as the first plugin of a chain. A
 * prevResult is passed through untouched. DEL sets "lo" down again and succeeds when the namespace
 * is gone.
 */
#include "addr.h"
#include "cleanup.h"
#include "cni.h"
#include "link.h"
#include "netns.h"

#include <string.h>

static const struct conf_key keys[] = { CONF_END };

/* Enter the container for good: this process has nothing to do on the host afterwards. */
static int open_inside(const struct cni_call *call, struct nlk *nl, struct link_info *lo,
		       struct cni_err *err)
{
	autoclose int fd = netns_open(call->netns, err);
	int r;

	if (fd < 0)
		return fd;
	r = netns_enter(fd);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "enter network namespace %.200s",
				call->netns);
	r = nlk_open(nl);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket in the container");
	r = link_get(nl, "lo", lo);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "look up lo in %.200s", call->netns) : 0;
}

static int report(const struct cni_call *call, struct nlk *nl, const struct link_info *lo,
		  struct cni_result *result, struct cni_err *err)
{
	struct addr_list list;
	char text[IP_STRLEN];
	int r, iface;

	if (call->prev) {
		result_copy(result, call->prev);
		return 0;
	}
	r = addr_list_get(nl, lo->index, AF_UNSPEC, &list);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "list the addresses of lo");
	iface = result_add_iface(result, "lo", "00:00:00:00:00:00", 0, call->netns);
	for (int i = 0; i < list.n; i++) {
		struct cni_ip ip = { .iface = iface, .address = list.a[i].net };

		if (!ip_is_loopback(&ip.address.ip))
			return cni_fail(err, CNI_E_FAILED, 0,
					"lo has the address %s, which is not a loopback address",
					ip_net_str(&ip.address, text));
		result_add_ip(result, &ip);
	}
	return 0;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct link_info lo;
	int r = open_inside(call, &nl, &lo, err);

	(void)undo; /* a loopback that is up stays up: others may use it, and the next ADD wants it
		     */
	if (r < 0)
		return r;
	if (!(lo.flags & IFF_UP)) {
		link_queue_flags(&nl, "set lo up", lo.index, IFF_UP, IFF_UP);
		r = nlk_send(&nl, NULL, NULL);
		if (r < 0)
			return nlk_fail(err, &nl, CNI_E_FAILED, r, "set lo up");
	}
	return report(call, &nl, &lo, result, err);
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct cni_err gone = { 0 };
	struct link_info lo;
	int r;

	if (!call->netns || open_inside(call, &nl, &lo, &gone) < 0) {
		/* a namespace that is gone took its lo along; the host's own must stay up */
		if (gone.code == CNI_E_NETNS || gone.code == CNI_E_FAILED)
			*err = gone;
		return gone.code == CNI_E_NETNS || gone.code == CNI_E_FAILED ? -EINVAL : 0;
	}
	link_queue_flags(&nl, "set lo down", lo.index, 0, IFF_UP);
	r = nlk_send(&nl, NULL, NULL);
	return r < 0 ? nlk_fail(err, &nl, CNI_E_FAILED, r, "set lo down") : 0;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct link_info lo;
	int r = open_inside(call, &nl, &lo, err);

	if (r < 0)
		return r;
	return lo.flags & IFF_UP ? 0 : cni_fail(err, CNI_E_FAILED, 0, "loopback interface is down");
}

static const struct cni_plugin loopback_plugin = {
	.name = "loopback",
	.about = "sets the loopback interface of a container up",
	.keys = keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	/* GC, STATUS: nothing on the host can be stale or missing */
};

int main(int argc, char **argv)
{
	return cni_main(&loopback_plugin, argc, argv);
}
