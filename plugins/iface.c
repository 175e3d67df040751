/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What every plugin shares that makes an interface: IPAM, DNS, MAC, records, and the verbs around
 * them. */
#include "plugins/iface.h"

#include "cleanup.h"
#include "ipam.h"
#include "log.h"
#include "mac.h"
#include "sysctl.h"

#include <string.h>

int iface_ipam_type(struct iface_conf *conf, struct cni_err *err)
{
	const json_t *type = conf_get(conf->ipam, "type");

	if (type && !json_is_string(type))
		return cni_fail(err, CNI_E_DECODE, 0, "\"ipam.type\": expected a string");
	if (type && *json_string_value(type))
		conf->ipam_type = json_string_value(type);
	return 0;
}

int iface_read_mac(const struct cni_call *call, struct iface_conf *conf, struct cni_err *err)
{
	struct mac_wanted mac = { 0 };
	int r = conf->mac_key ? mac_read_key(call->conf, "mac", &mac, err) : 0;

	if (r == 0)
		r = mac_read_args(call->args, &mac, err);
	if (r == 0)
		r = mac_read_key(call->conf, "args.cni.mac", &mac, err);
	if (r == 0)
		r = mac_read_key(call->conf, "runtimeConfig.mac", &mac, err);
	if (r < 0)
		return r;
	conf->have_mac = mac.given;
	memcpy(conf->mac, mac.addr, sizeof(conf->mac));
	return 0;
}

int iface_run_ipam(const struct cni_call *call, const struct iface_conf *conf,
		   struct cni_result *result, struct undo *undo, struct cni_err *err)
{
	int r;

	if (!conf->ipam_type)
		return 0;
	r = ipam_add(call, conf->ipam_type, result, undo, err);
	if (r == 0 && result->n_ips == 0)
		r = cni_fail(err, CNI_E_FAILED, 0, "IPAM plugin \"%s\" returned missing IP config",
			     conf->ipam_type);
	return r;
}

int iface_override_dns(const struct iface_conf *conf, struct cni_result *result,
		       struct cni_err *err)
{
	static const char *const dns_keys[] = { "nameservers", "domain", "search", "options" };

	for (size_t i = 0; i < ARRAY_SIZE(dns_keys); i++)
		if (conf_get(conf->dns, dns_keys[i]))
			return dns_read(conf->dns, "dns", &result->dns, err);
	return 0;
}

int iface_enable_forwarding(const struct cni_result *result, const char *why, struct cni_err *err)
{
	static const char *const path[] = { "net/ipv4/ip_forward", "net/ipv6/conf/all/forwarding" };

	for (size_t i = 0; i < result->n_ips; i++) {
		const char *key = path[result->ips[i].address.ip.family == AF_INET6];
		int r = sysctl_set(key, 1);

		if (r < 0)
			return cni_fail(err, CNI_E_FAILED, r, "%senable /proc/sys/%s", why, key);
	}
	return 0;
}

json_t *iface_record(const struct cni_call *call, const struct iface_conf *conf,
		     const struct cni_result *result)
{
	json_t *ips = json_array();
	char text[IP_STRLEN];

	for (size_t i = 0; i < result->n_ips; i++)
		json_array_append_new(ips, json_string(ip_net_str(&result->ips[i].address, text)));
	return json_pack("{s:o, s:s, s:s*, s:O*}", "ips", ips, "netns", call->netns, "ipam",
			 conf->ipam_type, "dataDir", conf_get(conf->ipam, "dataDir"));
}

int iface_write_record(const struct state_key *key, json_t *record, bool needed,
		       struct cni_err *err)
{
	int r = state_write(key, record);

	if (!needed && (r == -EROFS || r == -EACCES)) {
		log_warn("no attachment record below " STATE_ROOT ": %s; GC will not see this one",
			 strerror(-r));
		return 0;
	}
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT)
		     : 0;
}

bool iface_ipam_needs_link(const struct iface_conf *conf)
{
	for (int i = 0; conf->ipam_type && ipam_builtins[i]; i++)
		if (strcmp(ipam_builtins[i]->name, conf->ipam_type) == 0)
			return false;
	return conf->ipam_type;
}

int iface_del(const struct cni_call *call, const struct iface_conf *conf, iface_detach_fn detach,
	      const void *arg, struct cni_err *err)
{
	struct state_key key = chain_key(call);
	bool first = iface_ipam_needs_link(conf);
	struct cni_err step = { 0 };
	int r, released = first ? ipam_del(call, conf->ipam_type, &step) : 0;

	r = detach(&key, arg, err);
	if (conf->ipam_type && !first)
		released = ipam_del(call, conf->ipam_type, &step);
	if (released < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}

int iface_gc(const struct cni_call *call, const struct iface_conf *conf, iface_detach_fn detach,
	     const void *arg, struct cni_err *err)
{
	struct cni_err step = { 0 };
	int r = chain_gc(call, detach, arg, err);

	if (conf->ipam_type && ipam_gc(call, conf->ipam_type, &step) < 0) {
		cni_err_merge(err, &step);
		r = -EIO;
	}
	return r;
}
