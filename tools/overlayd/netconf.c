/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: the networks that the CNI configuration puts under its care. */
#include "netconf.h"

#include "cleanup.h"
#include "tools/netlist.h"

#include <string.h>

static const struct store_ops *const stores[] = { &store_etcd_ops, &store_file_ops };

void netconf_free(struct netconf *conf)
{
	json_decref(conf->plugin);
	memset(conf, 0, sizeof(*conf));
}

static const json_t *find_plugin(const struct netlist *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list->plugins, i, item) {
		const char *type = json_string_value(conf_get(item, "type"));

		if (type && strcmp(type, "vxlan") == 0)
			return item;
	}
	return NULL;
}

static const struct store_ops *find_store(const json_t *store)
{
	const char *type = json_string_value(conf_get(store, "type"));

	for (size_t i = 0; type && i < ARRAY_SIZE(stores); i++)
		if (strcmp(stores[i]->type, type) == 0)
			return stores[i];
	return NULL;
}

static int read_plugin(struct netconf *conf, struct cni_err *err)
{
	struct {
		const char *node, *mode;
	} given = { NULL, NULL };
	static const struct conf_key plugin_keys[] = { { "node", CONF_STRING, 0 },
						       { "mode", CONF_STRING, sizeof(char *) },
						       CONF_END };
	static const struct conf_key underlay_keys[] = {
		{ "dev", CONF_STRING, offsetof(struct netconf, dev) },
		{ "address", CONF_STRING, offsetof(struct netconf, address) },
		CONF_END
	};
	static const struct conf_key store_keys[] = {
		{ "subnetFile", CONF_STRING, offsetof(struct netconf, env_file) }, CONF_END
	};
	int r = conf_read(conf->plugin, "", plugin_keys, &given, err);

	if (r == 0)
		r = conf_read(conf_get(conf->plugin, "underlay"), "underlay", underlay_keys, conf,
			      err);
	if (r == 0)
		r = conf_read(conf->store, "store", store_keys, conf, err);
	if (r < 0)
		return r;
	if (given.mode && strcmp(given.mode, "l3") != 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mode\": \"%.60s\": the agent keeps networks of mode \"l3\"",
				given.mode);
	if (given.node && *given.node)
		return overlay_node_read(given.node, conf->node, err);
	if (gethostname(conf->node, sizeof(conf->node)) < 0 || !conf->node[0])
		return cni_fail(err, CNI_E_CONF, errno,
				"\"node\" is missing, and the host has no name");
	conf->node[sizeof(conf->node) - 1] = '\0';
	return 0;
}

int netconf_load(const char *dir, const char *name, struct netconf *conf, struct cni_err *err)
{
	struct netlist list;
	const json_t *plugin;
	int r = netlist_load(dir, name, &list, err);

	if (r < 0)
		return r;
	plugin = find_plugin(&list);
	conf->store = conf_get(plugin, "store");
	conf->ops = find_store(conf->store);
	if (!conf->ops) {
		netlist_free(&list);
		return 0;
	}
	snprintf(conf->network, sizeof(conf->network), "%s", name);
	conf->plugin = json_incref((json_t *)plugin);
	netlist_free(&list);
	r = read_plugin(conf, err);
	if (r < 0)
		netconf_free(conf);
	return r < 0 ? r : 1;
}

bool netconf_equal(const struct netconf *a, const struct netconf *b)
{
	return json_equal(a->plugin, b->plugin) && strcmp(a->node, b->node) == 0;
}
