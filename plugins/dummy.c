/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * dummy: gives a container addresses on a link that leads nowhere. child.h has the theory of
 * operation.
 */
#include "plugins/child.h"

static const struct conf_key keys[] = { { "ipam", CONF_OBJECT, CHILD_FIELD(iface.ipam),
					  .help = "IPAM configuration" },
					CHILD_KEY_DNS,
					CONF_END };

const struct child_kind child_kind = {
	.option = "CONFIG_DUMMY",
	.keys = keys,
	.needs_ipam = true,
	.lonely = true,
};

static const struct cni_plugin dummy_plugin = {
	.name = "dummy",
	.about = "gives containers addresses on a link that leads nowhere",
	.keys = keys,
	CHILD_VERBS,
};

int main(int argc, char **argv)
{
	return cni_main(&dummy_plugin, argc, argv);
}
