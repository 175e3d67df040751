/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that a runtime asks for: CNI_ARGS IP, args.cni.ips and runtimeConfig.ips. */
#include "requested.h"

#include "cleanup.h"

#include <string.h>

int requested_add(struct requested *req, const char *key, const char *text, int code,
		  struct cni_err *err)
{
	struct ip_net net, *bigger;

	if (!*text)
		return 0;
	net.len = REQUESTED_NO_LEN;
	if (strchr(text, '/') ? ip_net_parse(text, &net) < 0 : ip_parse(text, &net.ip) < 0)
		return cni_fail(err, code, 0, "%s: \"%s\" is no IP address", key, text);
	bigger = realloc(req->nets, (req->n + 1) * sizeof(*bigger));
	if (!bigger)
		abort();
	req->nets = bigger;
	bigger[req->n++] = net;
	return 0;
}

int requested_add_array(struct requested *req, const json_t *conf, const char *path,
			struct cni_err *err)
{
	const json_t *array = conf_get_path(conf, path);
	json_t *item;
	size_t i;

	if (array && !json_is_array(array))
		return cni_fail(err, CNI_E_DECODE, 0, "%s is not an array", path);
	json_array_foreach (array, i, item) {
		char where[64];
		int r;

		snprintf(where, sizeof(where), "%s[%zu]", path, i);
		if (!json_is_string(item))
			return cni_fail(err, CNI_E_DECODE, 0, "%s is not a string", where);
		r = requested_add(req, where, json_string_value(item), CNI_E_CONF, err);
		if (r < 0)
			return r;
	}
	return 0;
}
