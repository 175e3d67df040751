/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the portmap plugin: its keys, and the port mappings as runs of ports. */
#include "plugins/portmap_conf.h"

#include <errno.h>
#include <netinet/in.h>
#include <string.h>
#include <strings.h>

#define FIELD(f) offsetof(struct portmap_conf, f)

const struct conf_key portmap_keys[] = {
	{ "backend", CONF_STRING, FIELD(backend_name),
	  .dflt = "nftables, or iptables where the kernel lacks it or a key needs it",
	  .help = "\"nftables\" or \"iptables\"" },
	{ "snat", CONF_BOOL, FIELD(snat), .dflt = "true",
	  .help = "published ports also work from the container's subnet and from 127.0.0.1" },
	{ "masqAll", CONF_BOOL, FIELD(masq_all), .dflt = "false",
	  .help = "all connections to published ports take the host's address" },
	{ "markMasqBit", CONF_INT, FIELD(mark_bit), .min = 0, .max = 31, .dflt = "13",
	  .help = "iptables only: bit of the mark of packets to masquerade; excludes "
		  "externalSetMarkChain" },
	{ "externalSetMarkChain", CONF_STRING, FIELD(set_mark_chain),
	  .help = "iptables only: chain that marks packets to masquerade (kube-proxy's)" },
	{ "conditionsV4", CONF_ARRAY, FIELD(conditions4),
	  .help = "what connections from IPv4 must meet, beside the port: words of iptables, "
		  "[\"-s\", \"192.0.2.0/24\", \"-m\", \"mark\", \"--mark\", \"5\"]" },
	{ "conditionsV6", CONF_ARRAY, FIELD(conditions6), .help = "the same for IPv6" },
	{ "checkHostPorts", CONF_BOOL, FIELD(check_host_ports), .dflt = "true",
	  .help = "refuse ports that a process of the host serves" },
	{ "runtimeConfig.portMappings", CONF_DOC,
	  .help = "[{\"hostPort\": 8080, \"containerPort\": 80, \"protocol\": \"tcp\", \"hostIP\": "
		  "\"\", \"range\": 1}] (capability portMappings)" },
	CONF_END
};

/* One entry of runtimeConfig.portMappings. */
struct mapping_keys {
	int64_t host_port, container_port, range;
	const char *protocol, *host_ip;
};

#define MFIELD(f) offsetof(struct mapping_keys, f)

static const struct conf_key mapping_keys[] = {
	{ "hostPort", CONF_INT, MFIELD(host_port), .min = 1, .max = 65535, .required = true },
	{ "containerPort", CONF_INT, MFIELD(container_port), .min = 1, .max = 65535,
	  .required = true },
	{ "range", CONF_INT, MFIELD(range), .min = 0, .max = 65535 },
	{ "protocol", CONF_STRING, MFIELD(protocol) },
	{ "hostIP", CONF_STRING, MFIELD(host_ip) },
	CONF_END
};

static int read_protocol(const char *path, const char *text, uint8_t *proto, struct cni_err *err)
{
	static const struct {
		const char *name;
		uint8_t proto;
	} known[] = { { "tcp", IPPROTO_TCP }, { "udp", IPPROTO_UDP }, { "sctp", IPPROTO_SCTP } };

	for (size_t i = 0; i < sizeof(known) / sizeof(known[0]); i++) {
		if (!text || !*text || strcasecmp(text, known[i].name) == 0) {
			*proto = known[i].proto; /* none given: tcp, the first */
			return 0;
		}
	}
	return cni_fail(err, CNI_E_CONF, 0,
			"\"%s.protocol\": \"%.40s\" is none of tcp, udp and sctp", path, text);
}

static int read_mapping(const json_t *value, size_t index, struct port_mapping *out,
			struct cni_err *err)
{
	struct mapping_keys keys = { .range = 1 };
	char path[64];
	int r;

	snprintf(path, sizeof(path), "runtimeConfig.portMappings[%zu]", index);
	if (!json_is_object(value))
		return cni_fail(err, CNI_E_DECODE, 0, "\"%s\": expected an object", path);
	r = conf_read(value, path, mapping_keys, &keys, err);
	if (r == 0)
		r = read_protocol(path, keys.protocol, &out->run.proto, err);
	if (r < 0)
		return r;
	if (keys.range == 0)
		keys.range = 1;
	if (keys.host_port + keys.range > 65536 || keys.container_port + keys.range > 65536)
		return cni_fail(
			err, CNI_E_CONF, 0,
			"\"%s.range\": %d ports from %d (host) and %d (container) on go past "
			"65535",
			path, (int)keys.range, (int)keys.host_port, (int)keys.container_port);
	if (keys.host_ip && *keys.host_ip && ip_parse(keys.host_ip, &out->run.host) < 0)
		return cni_fail(err, CNI_E_CONF, 0, "\"%s.hostIP\": \"%.60s\" is not an IP address",
				path, keys.host_ip);
	out->run.host_port = keys.host_port;
	out->run.container_port = keys.container_port;
	out->run.count = keys.range;
	if (out->run.host.family && ip_is_unspecified(&out->run.host)) {
		out->only = out->run.host.family;
		memset(&out->run.host, 0, sizeof(out->run.host));
	}
	return 0;
}

static int cmp_mapping(const void *a, const void *b)
{
	const struct port_mapping *x = a, *y = b;
	int r = x->run.proto - y->run.proto;

	if (r == 0)
		r = ip_cmp(&x->run.host, &y->run.host);
	if (r == 0)
		r = x->run.host_port - y->run.host_port;
	return r ? r : x->only - y->only;
}

static bool same_place(const struct port_mapping *a, const struct port_mapping *b)
{
	return a->run.proto == b->run.proto && ip_equal(&a->run.host, &b->run.host);
}

/* A port asked for twice. Sorted mappings; those of the other family than @family do not count. */
static int find_double(const struct portmap_conf *conf, int family, struct cni_err *err)
{
	const struct port_mapping *last = NULL;

	for (size_t i = 0; i < conf->n_mappings; i++) {
		const struct port_mapping *next = &conf->mappings[i];

		if (next->only && next->only != family)
			continue;
		if (last && same_place(last, next) &&
		    next->run.host_port < last->run.host_port + last->run.count)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"runtimeConfig.portMappings\": hostPort %u is asked for "
					"twice",
					next->run.host_port);
		last = next;
	}
	return 0;
}

/* Refuse a port asked for twice, join mappings that continue each other. */
static int join(struct portmap_conf *conf, struct cni_err *err)
{
	size_t n = 0;
	int r;

	qsort(conf->mappings, conf->n_mappings, sizeof(*conf->mappings), cmp_mapping);
	r = find_double(conf, AF_INET, err);
	if (r == 0)
		r = find_double(conf, AF_INET6, err);
	if (r < 0)
		return r;
	for (size_t i = 0; i < conf->n_mappings; i++) {
		const struct port_mapping *next = &conf->mappings[i];
		struct port_mapping *last = n ? &conf->mappings[n - 1] : NULL;

		if (last && same_place(last, next) && last->only == next->only &&
		    next->run.host_port == last->run.host_port + last->run.count &&
		    next->run.container_port == last->run.container_port + last->run.count)
			last->run.count += next->run.count;
		else
			conf->mappings[n++] = *next;
	}
	conf->n_mappings = n;
	return 0;
}

static int read_mappings(const struct cni_call *call, struct portmap_conf *conf,
			 struct cni_err *err)
{
	const json_t *list = conf_get_path(call->conf, "runtimeConfig.portMappings"), *value;
	size_t i;

	if (!list)
		return 0;
	if (!json_is_array(list))
		return cni_fail(err, CNI_E_DECODE, 0,
				"\"runtimeConfig.portMappings\": expected an array");
	conf->mappings = calloc(json_array_size(list) + 1, sizeof(*conf->mappings));
	if (!conf->mappings)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "\"runtimeConfig.portMappings\"");
	conf->n_mappings = json_array_size(list);
	json_array_foreach (list, i, value) {
		int r = read_mapping(value, i, &conf->mappings[i], err);

		if (r < 0)
			return r;
	}
	return join(conf, err);
}

static int check_words(const json_t *list, const char *key, struct cni_err *err)
{
	const json_t *word;
	size_t i;

	json_array_foreach (list, i, word)
		if (!json_is_string(word) || !*json_string_value(word))
			return cni_fail(err, CNI_E_DECODE, 0, "\"%s[%zu]\": expected a word", key,
					i);
	return 0;
}

/* Keys that only one backend can honour decide, or contradict what is asked for. */
static int choose_backend(const struct cni_call *call, struct portmap_conf *conf,
			  struct cni_err *err)
{
	const char *name = conf->backend_name, *needs = NULL;

	if (conf->set_mark_chain && *conf->set_mark_chain)
		needs = "externalSetMarkChain";
	else if (conf_get(call->conf, "markMasqBit"))
		needs = "markMasqBit";
	if (!name || !*name)
		conf->backend = needs ? PORTMAP_IPTABLES : PORTMAP_AUTO;
	else if (strcmp(name, "nftables") == 0)
		conf->backend = PORTMAP_NFTABLES;
	else if (strcmp(name, "iptables") == 0)
		conf->backend = PORTMAP_IPTABLES;
	else
		return cni_fail(err, CNI_E_CONF, 0,
				"\"backend\": \"%.60s\" is neither \"nftables\" nor \"iptables\"",
				name);
	if (needs && conf->backend == PORTMAP_NFTABLES)
		return cni_fail(err, CNI_E_FIELD, 0,
				"\"%s\" needs \"backend\": \"iptables\", not \"nftables\"", needs);
	if (conf->set_mark_chain && *conf->set_mark_chain && conf_get(call->conf, "markMasqBit"))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"externalSetMarkChain\" and \"markMasqBit\" exclude each other");
	return 0;
}

int portmap_conf_read(const struct cni_call *call, struct portmap_conf *conf, struct cni_err *err)
{
	int r;

	conf->snat = conf->check_host_ports = true;
	conf->mark_bit = 13;
	r = conf_read(call->conf, "", portmap_keys, conf, err);
	if (r == 0)
		r = check_words(conf->conditions4, "conditionsV4", err);
	if (r == 0)
		r = check_words(conf->conditions6, "conditionsV6", err);
	if (r == 0)
		r = choose_backend(call, conf, err);
	if (r == 0)
		r = read_mappings(call, conf, err);
	if (conf->set_mark_chain && !*conf->set_mark_chain)
		conf->set_mark_chain = NULL;
	return r;
}

void portmap_conf_free(struct portmap_conf *conf)
{
	free(conf->mappings);
	conf->mappings = NULL;
	conf->n_mappings = 0;
}
