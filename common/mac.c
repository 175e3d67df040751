/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The container's MAC address from the places where a runtime or a user may ask for one. */
#include "mac.h"

#include "args.h"
#include "conf.h"

int mac_read_key(const json_t *conf, const char *path, struct mac_wanted *mac, struct cni_err *err)
{
	const json_t *value = conf_get_path(conf, path);
	const char *text = json_string_value(value);

	if (!value || (text && !*text))
		return 0;
	if (!text || mac_parse(text, mac->addr) < 0)
		return cni_fail(err, text ? CNI_E_CONF : CNI_E_DECODE, 0,
				"\"%s\": \"%.60s\" is not a MAC address", path, text ? text : "");
	mac->given = true;
	return 0;
}

int mac_read_args(const char *args, struct mac_wanted *mac, struct cni_err *err)
{
	const char *arg = NULL;
	const struct args_pair known[] = { { "MAC", &arg },
					   { "IP", &(const char *){ NULL } },
					   { "GATEWAY", &(const char *){ NULL } },
					   { NULL, NULL } };
	struct args_list list = { 0 };
	int r = args_parse(args, known, &list, err);

	if (r == 0 && arg && *arg) {
		mac->given = true;
		if (mac_parse(arg, mac->addr) < 0)
			r = cni_fail(err, CNI_E_ENV, 0,
				     "CNI_ARGS: MAC \"%.60s\" is not a MAC address", arg);
	}
	args_free(&list);
	return r;
}
