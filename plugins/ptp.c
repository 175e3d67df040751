/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * ptp: a routed link between a container and the host, without a bridge.
 *
 * Theory of operation. After ADD there is
 *   - in the container: one end of a veth pair under CNI_IFNAME, up, with the addresses that IPAM
 *     gave. Nobody else is on that link: the gateway is reached through a route of scope link, the
 *     rest of the subnet and IPAM's routes through the gateway;
 *   - on the host: the other end, veth<hash of network, id, ifname>, with the address of each
 *     gateway as a /32 or /128 (every container of the network has it on its own link), accept_ra
 *     off, a route to each address of the container, and forwarding on;
 *   - in netfilter, if asked for (filter.c): masquerading of the subnet;
 *   - on disk: IPAM's lease and an attachment record.
 *
 * ADD makes its lasting effects in the order lease, record and netfilter, link; each is in the undo
 * list before the next can fail. Addresses and routes of both ends live and die with the link.
 * Forwarding comes last and is not taken back: others may rely on it by then. There is no limit to
 * the number of containers (a bridge has 1023 ports), and no frame is ever flooded.
 *
 * DEL, GC and rollback are pair_detach(): it derives everything from (network, id, ifname) and goes
 * on after errors. The lease is released last.
 */
#include "cleanup.h"
#include "ipam.h"
#include "plugins/routed.h"

struct ptp_conf {
	struct filter_conf filter;
	struct iface_conf iface;
};

#define FIELD(f) offsetof(struct ptp_conf, f)

static const struct conf_key keys[] = {
	FILTER_KEYS(FIELD(filter)),
	{ "mtu", CONF_INT, FIELD(iface.mtu), .min = 0, .max = 65535, .dflt = "0, the kernel's",
	  .help = "MTU of the veth pair" },
	{ "ipam", CONF_OBJECT, FIELD(iface.ipam),
	  .help = "IPAM configuration; each address needs a gateway" },
	{ "dns", CONF_OBJECT, FIELD(iface.dns),
	  .help = "replaces the DNS settings of the IPAM plugin" },
	CONF_END
};

/* All that DEL and GC need: an attachment must be removable whatever has become of the keys. */
static int read_conf(const struct cni_call *call, struct ptp_conf *conf, struct cni_err *err)
{
	int r = conf_read(call->conf, "", keys, conf, err);

	return r < 0 ? r : iface_ipam_type(&conf->iface, err);
}

static int read_valid_conf(const struct cni_call *call, struct ptp_conf *conf, struct cni_err *err)
{
	int r = read_conf(call, conf, err);

	if (r == 0)
		r = filter_conf_check(&conf->filter, err);
	if (r == 0 && !conf->iface.ipam_type)
		r = cni_fail(err, CNI_E_CONF, 0,
			     "\"ipam.type\": ptp needs an IPAM plugin: without addresses there is "
			     "nothing to route");
	return r;
}

static int attach(struct pair *p, struct cni_result *result, struct undo *undo, struct cni_err *err)
{
	int r = iface_run_ipam(p->call, p->conf, result, undo, err);

	if (r == 0)
		r = routed_check_gateways(p->call, result, err);
	if (r < 0)
		return r;
	pair_choose_mac(p, result);
	r = pair_write_record(p, NULL, result, undo, err);
	if (r == 0)
		r = pair_create(p, 0, NULL, undo, err);
	if (r == 0)
		r = routed_configure(p, result, err);
	if (r == 0)
		r = iface_enable_forwarding(result, "", err);
	if (r == 0)
		r = iface_override_dns(p->conf, result, err);
	if (r == 0)
		pair_report(p, result);
	return r;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	autopair struct pair p = {
		.call = call, .conf = &conf.iface, .filter = &conf.filter, .netns_fd = -1
	};
	int r = read_valid_conf(call, &conf, err);

	if (r == 0)
		r = pair_open(&p, err);
	return r < 0 ? r : attach(&p, result, undo, err);
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	struct pair_owner owner = { call, &conf.filter, false };
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_del(call, &conf.iface, pair_detach, &owner, err);
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	int r = read_valid_conf(call, &conf, err);

	if (r == 0)
		r = routed_check(call, NULL, err);
	if (r == 0)
		r = filter_check(call, &conf.filter, err);
	if (r == 0)
		r = ipam_check(call, conf.iface.ipam_type, err);
	return r;
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	struct pair_owner owner = { call, &conf.filter, false };
	int r = read_conf(call, &conf, err);

	return r < 0 ? r : iface_gc(call, &conf.iface, pair_detach, &owner, err);
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct ptp_conf conf = { 0 };
	int r = read_valid_conf(call, &conf, err);

	if (r == 0)
		r = filter_status(&conf.filter, err);
	return r < 0 ? r : ipam_status(call, conf.iface.ipam_type, err);
}

static const struct cni_plugin ptp_plugin = {
	.name = "ptp",
	.about = "routes between containers and the host, without a bridge",
	.keys = keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};

int main(int argc, char **argv)
{
	return cni_main(&ptp_plugin, argc, argv);
}
