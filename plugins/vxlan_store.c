/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * vxlan: who beside the configuration knows the network, and makes parts of it.
 *
 * Each type of "store" is a row of a table: its keys, the keys of the plugin that it leaves no
 * room for, and a reader that fills what other networks have from their configuration.
 */
#include "plugins/vxlan_store.h"

#include "cleanup.h"
#include "file.h"
#include "flannel.h"

#include <fcntl.h>
#include <string.h>

/* The "store" object, all types together. */
struct store_conf {
	const char *type, *subnet_file;
};

#define STORE(f) offsetof(struct store_conf, f)

/* What a reader works with. */
struct reading {
	const struct cni_call *call;
	const struct store_conf *store;
	struct vxlan_conf *conf;
};

/* ADD is tried again later, STATUS says that there is no use now. */
static int not_yet(const struct cni_call *call)
{
	return call->verb == CNI_STATUS ? CNI_E_UNAVAILABLE : CNI_E_TRY_LATER;
}

/* ---- flannel: a running flanneld, by its subnet.env ---- */

#define SUBNET_FILE  "/run/flannel/subnet.env"
#define FLANNEL_VNI  1
#define FLANNEL_PORT 8472

static const struct conf_key flannel_keys[] = {
	{ "subnetFile", CONF_STRING, STORE(subnet_file) },
	CONF_END,
};

static const char *const not_with_flannel[] = { "network",   "node",	 "peers",
						"peersFile", "underlay", "directRouting",
						"fastPath",  NULL };

/* Return: 0; -ENOENT: flanneld has not written it; another negative errno with @err filled. */
static int load_env(const struct reading *reading, const char *name, struct flannel_env *env,
		    struct cni_err *err)
{
	int code = reading->call->verb == CNI_STATUS ? CNI_E_UNAVAILABLE : 0;
	struct cni_err why = { 0 };
	autofree char *text = NULL;
	size_t len = 0;
	int r;

	if (*name != '/')
		return cni_fail(err, CNI_E_CONF, 0,
				"\"store.subnetFile\": \"%.200s\" is no absolute path", name);
	r = file_read(AT_FDCWD, name, FLANNEL_VALUE_MAX, &text, &len);
	if (r == -ENOENT)
		return r;
	if (r < 0)
		return cni_fail(err, code ? code : CNI_E_IO, r, "\"store.subnetFile\": read %.500s",
				name);
	if (strlen(text) != len)
		return cni_fail(err, code ? code : CNI_E_DECODE, 0,
				"\"store.subnetFile\": %.500s has a NUL byte", name);
	r = flannel_env_parse(text, env, &why);
	return r < 0 ? cni_fail(err, code ? code : why.code, 0, "\"store.subnetFile\": %.500s: %s",
				name, why.msg)
		     : 0;
}

static int take_mtu(struct vxlan_conf *conf, int mtu, const char *name, struct cni_err *err)
{
	if (conf->iface.mtu > mtu)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mtu\": %d is more than FLANNEL_MTU of %.500s: %d",
				(int)conf->iface.mtu, name, mtu);
	if (conf->iface.mtu && conf->iface.mtu < (conf->rules.network[1].ip.family ? 1280 : 68))
		return cni_fail(err, CNI_E_CONF, 0, "\"mtu\": %d is less than IP needs",
				(int)conf->iface.mtu);
	if (!conf->iface.mtu)
		conf->iface.mtu = mtu;
	return 0;
}

static int take_env(struct vxlan_conf *conf, const struct flannel_env *env, const char *name,
		    struct cni_err *err)
{
	memcpy(conf->rules.network, env->network, sizeof(conf->rules.network));
	for (int i = 0; i < OVERLAY_FAMILIES; i++)
		if (env->subnet[i].ip.family)
			conf->self.subnet[i] = ip_network(&env->subnet[i]);
	/* flanneld does it itself */
	if (env->ipmasq)
		conf->filter.ip_masq = false;
	return take_mtu(conf, env->mtu, name, err);
}

/* CHECK without flanneld: what the network was when it was made. Return: 0, or -ENOENT. */
static int take_state(const struct cni_call *call, struct vxlan_conf *conf)
{
	autostate struct overlay_state st = { 0 };

	if (overlay_state_read(call->network, &st) < 0 || !st.foreign)
		return -ENOENT;
	memcpy(conf->rules.network, st.net, sizeof(conf->rules.network));
	memcpy(conf->self.subnet, st.subnet, sizeof(conf->self.subnet));
	return 0;
}

static int read_flannel(const struct reading *reading, struct cni_err *err)
{
	const char *given = reading->store->subnet_file,
		   *name = given && *given ? given : SUBNET_FILE;
	const struct cni_call *call = reading->call;
	struct vxlan_conf *conf = reading->conf;
	struct flannel_env env;
	int r;

	if (conf->mode && strcmp(conf->mode, "l2") == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mode\": \"l2\": flanneld routes between the nodes");
	r = vxlan_conf_node(conf, err);
	if (r < 0)
		return r;
	snprintf(conf->self.node, sizeof(conf->self.node), "%s", conf->node);
	conf->own = &conf->self;
	r = load_env(reading, name, &env, err);
	conf->st.foreign = true;
	if (!conf->vni)
		conf->vni = FLANNEL_VNI;
	if (!conf_get(call->conf, "port"))
		conf->port = FLANNEL_PORT;
	if (r == 0)
		return take_env(conf, &env, name, err);
	if (r != -ENOENT || err->code)
		return r;
	if (call->verb == CNI_CHECK && take_state(call, conf) == 0)
		return 0;
	return cni_fail(
		err, not_yet(call), 0,
		"\"store.subnetFile\": there is no %.500s: flanneld has not got a subnet for "
		"this node yet",
		name);
}

/* ---- evpn: a routing daemon writes the forwarding entries of a bridge ---- */

static const struct conf_key no_keys[] = { CONF_END };

static const char *const not_with_evpn[] = { NULL };

static int read_evpn(const struct reading *reading, struct cni_err *err)
{
	const json_t *store = reading->conf->store;
	char text[80];

	if (json_object_size(store) != 1)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"store\": %s: type \"evpn\" has no further keys",
				conf_text(store, text, sizeof(text)));
	reading->conf->evpn = true;
	return 0;
}

/* ---- etcd, file: hawser-overlayd, by what it leaves in /run ---- */

static const char *const not_with_etcd[] = { "network",	      "vni",   "port",	    "mtu",
					     "directRouting", "peers", "peersFile", NULL };
static const char *const not_with_file[] = { "peers", "peersFile", NULL };

static int take_managed(const struct cni_call *call, struct vxlan_conf *conf,
			const struct overlay_state *st, struct cni_err *err)
{
	if (st->conflict[0] && call->verb != CNI_CHECK)
		return cni_fail(err, call->verb == CNI_STATUS ? CNI_E_LIMITED : CNI_E_TRY_LATER, 0,
				"\"store\": %s", st->conflict);
	snprintf(conf->self.node, sizeof(conf->self.node), "%s", conf->node);
	memcpy(conf->self.subnet, st->subnet, sizeof(conf->self.subnet));
	memcpy(conf->rules.network, st->net, sizeof(conf->rules.network));
	conf->own = &conf->self;
	conf->vni = st->vni;
	conf->port = st->port;
	conf->direct = st->direct;
	conf->iface.mtu = st->mtu;
	conf->st.local = st->local;
	conf->st.managed = true;
	conf->st.fast = st->fast && conf->fast_path;
	return 0;
}

/* The store itself, its keys and the peers are the agent's business: ADD costs the same for all. */
static int read_agent(const struct reading *reading, struct cni_err *err)
{
	const struct cni_call *call = reading->call;
	struct vxlan_conf *conf = reading->conf;
	autostate struct overlay_state st = { 0 };
	int r;

	if (conf->mode && strcmp(conf->mode, "l2") == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"mode\": \"l2\": hawser-overlayd routes between the nodes");
	r = vxlan_conf_node(conf, err);
	if (r < 0)
		return r;
	r = overlay_state_read(call->network, &st);
	if (r < 0 && r != -ENOENT)
		return cni_fail(err, CNI_E_IO, r, "read " OVERLAY_STATE_DIR "/%s", call->network);
	if (r < 0 || !st.managed || !st.mtu)
		return cni_fail(err, not_yet(call), 0,
				"\"store\": hawser-overlayd has not made network \"%s\" yet; does "
				"it run, and has this node a subnet?",
				call->network);
	return take_managed(call, conf, &st, err);
}

/* ---- all of them ---- */

static const struct type {
	const char *name;
	const struct conf_key *keys; /* of the "store" object */
	const char *const *not_with; /* keys of the plugin that it knows itself; NULL ends it */
	int (*read)(const struct reading *reading, struct cni_err *err);
} types[] = {
	{ "etcd", no_keys, not_with_etcd, read_agent },
	{ "evpn", no_keys, not_with_evpn, read_evpn },
	{ "file", no_keys, not_with_file, read_agent },
	{ "flannel", flannel_keys, not_with_flannel, read_flannel },
};

static const struct type *find_type(const char *name, struct cni_err *err)
{
	char list[80] = "";

	for (size_t i = 0; i < ARRAY_SIZE(types); i++) {
		if (strcmp(types[i].name, name) == 0)
			return &types[i];
		snprintf(list + strlen(list), sizeof(list) - strlen(list), "%s\"%s\"",
			 i ? ", " : "", types[i].name);
	}
	cni_fail(err, CNI_E_FIELD, 0, "\"store.type\": \"%.60s\": this version has %s", name, list);
	return NULL;
}

static int check_keys(const struct cni_call *call, const struct type *type, struct cni_err *err)
{
	char text[80];

	for (const char *const *key = type->not_with; *key; key++) {
		const json_t *value = conf_get(call->conf, *key);

		if (value)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"%s\": %s beside \"store\" of type \"%s\", which knows "
					"that itself",
					*key, conf_text(value, text, sizeof(text)), type->name);
	}
	return 0;
}

int vxlan_store_read(const struct cni_call *call, struct vxlan_conf *conf, struct cni_err *err)
{
	static const struct conf_key type_keys[] = {
		{ "type", CONF_STRING, STORE(type), .required = true }, CONF_END
	};
	struct store_conf store = { 0 };
	struct reading reading = { call, &store, conf };
	const struct type *type;
	int r = conf_read(conf->store, "store", type_keys, &store, err);

	if (r < 0)
		return r;
	type = find_type(store.type, err);
	if (!type)
		return -EINVAL;
	r = conf_read(conf->store, "store", type->keys, &store, err);
	if (r == 0)
		r = check_keys(call, type, err);
	return r < 0 ? r : type->read(&reading, err);
}
