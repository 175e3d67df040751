/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the bandwidth plugin: rates and bursts, and whom they are for. */
#include "plugins/bandwidth_conf.h"

#include "cleanup.h"

#define FIELD(f)    offsetof(struct bandwidth_conf, f)
#define SUBNETS_MAX 1000

const struct conf_key bandwidth_keys[] = {
	{ "ingressRate", CONF_INT, FIELD(ingress_rate), .min = 0, .max = INT64_MAX,
	  .dflt = "0, no limit", .help = "bits per second to the container" },
	{ "ingressBurst", CONF_INT, FIELD(ingress_burst), .min = 0, .max = INT64_MAX,
	  .help = "bits at once to the container; needed with ingressRate" },
	{ "egressRate", CONF_INT, FIELD(egress_rate), .min = 0, .max = INT64_MAX,
	  .dflt = "0, no limit", .help = "bits per second from the container" },
	{ "egressBurst", CONF_INT, FIELD(egress_burst), .min = 0, .max = INT64_MAX,
	  .help = "bits at once from the container; needed with egressRate" },
	{ "shapedSubnets", CONF_ARRAY, FIELD(shaped), .dflt = "everybody",
	  .help = "only traffic with these subnets is limited" },
	{ "unshapedSubnets", CONF_ARRAY, FIELD(unshaped), .dflt = "nobody",
	  .help = "traffic with these subnets is not limited; excludes shapedSubnets" },
	{ "runtimeConfig.bandwidth", CONF_DOC,
	  .help = "an object with the same keys (capability bandwidth), used if none of them is "
		  "in the configuration itself" },
	CONF_END
};

static bool has_limits(const json_t *object)
{
	for (const struct conf_key *key = bandwidth_keys; key->name; key++)
		if (key->type != CONF_DOC && conf_get(object, key->name))
			return true;
	return false;
}

/* A rate needs a burst and the other way round; less than a byte per second is no rate. */
static int check_pair(const char *direction, int64_t rate, int64_t burst, struct cni_err *err)
{
	if (rate > 0 && burst == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%sRate\": %lld without \"%sBurst\": if a rate is set, a burst "
				"must be set, too",
				direction, (long long)rate, direction);
	if (burst > 0 && rate == 0)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%sBurst\": %lld without \"%sRate\": if a burst is set, a rate "
				"must be set, too",
				direction, (long long)burst, direction);
	if (rate > 0 && rate < 8)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"%sRate\": %lld is less than one byte per second", direction,
				(long long)rate);
	return 0;
}

static int read_subnets(const json_t *list, const char *key, struct bandwidth_conf *conf,
			struct cni_err *err)
{
	const json_t *item;
	size_t i;

	if (json_array_size(list) == 0)
		return 0;
	if (conf->n_subnets)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"shapedSubnets\" and \"unshapedSubnets\" exclude each other");
	if (json_array_size(list) > SUBNETS_MAX)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s\": more than %d subnets", key,
				SUBNETS_MAX);
	conf->subnets = calloc(json_array_size(list), sizeof(*conf->subnets));
	if (!conf->subnets)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "read \"%s\"", key);
	json_array_foreach (list, i, item) {
		const char *text = json_string_value(item);

		if (!text)
			return cni_fail(err, CNI_E_DECODE, 0, "\"%s[%zu]\": expected a string", key,
					i);
		if (ip_net_parse(text, &conf->subnets[i]) < 0)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"%s[%zu]\": \"%.60s\" is not a subnet", key, i, text);
		conf->n_subnets++;
	}
	return 0;
}

int bandwidth_conf_read(const struct cni_call *call, struct bandwidth_conf *conf,
			struct cni_err *err)
{
	const json_t *object = call->conf;
	const char *path = "";
	int r;

	if (!has_limits(object)) {
		object = conf_get_path(call->conf, "runtimeConfig.bandwidth");
		path = "runtimeConfig.bandwidth";
	}
	r = conf_read(object, path, bandwidth_keys, conf, err);
	if (r == 0)
		r = check_pair("ingress", conf->ingress_rate, conf->ingress_burst, err);
	if (r == 0)
		r = check_pair("egress", conf->egress_rate, conf->egress_burst, err);
	if (r == 0)
		r = read_subnets(conf->shaped, "shapedSubnets", conf, err);
	conf->exclude = conf->n_subnets == 0;
	return r < 0 ? r : read_subnets(conf->unshaped, "unshapedSubnets", conf, err);
}

void bandwidth_conf_free(struct bandwidth_conf *conf)
{
	free(conf->subnets);
	conf->subnets = NULL;
}
