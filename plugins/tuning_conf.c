/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the tuning plugin: what is to be changed, and whether it is allowed. */
#include "plugins/tuning_conf.h"

#include "cleanup.h"
#include "file.h"
#include "pattern.h"

#include <fcntl.h>
#include <string.h>

#define ALLOWLIST_MAX (1u << 20)
#define FIELD(f)      offsetof(struct tuning_conf, f)

const struct conf_key tuning_keys[] = {
	{ "sysctl", CONF_OBJECT, FIELD(sysctl),
	  .help = "sysctls below net to set in the container: {\"net.core.somaxconn\": \"500\"}; "
		  "IFNAME in a name stands for the interface" },
	{ "promisc", CONF_BOOL, FIELD(promisc), .dflt = "false",
	  .help = "set the interface promiscuous" },
	{ "allmulti", CONF_BOOL, FIELD(allmulti), .dflt = "as it is",
	  .help = "have the interface receive all multicast frames, or not" },
	{ "mtu", CONF_INT, FIELD(mtu), .min = 0, .max = 65535, .dflt = "0, as it is",
	  .help = "MTU of the interface" },
	{ "txQLen", CONF_INT, FIELD(tx_queue_len), .min = 0, .max = UINT32_MAX, .dflt = "as it is",
	  .help = "length of the interface's transmit queue, in packets" },
	{ "dataDir", CONF_STRING, FIELD(data_dir), .dflt = TUNING_DATA_DIR,
	  .help = "where the values before the change are kept" },
	{ "mac", CONF_DOC, .help = "MAC of the interface" },
	{ "runtimeConfig.mac", CONF_DOC,
	  .help = "the same (capability mac); beats mac and CNI_ARGS MAC=" },
	{ "args.cni", CONF_DOC,
	  .help = "sysctl, mac, promisc, mtu, allmulti, txQLen; beats everything else" },
	CONF_END
};

/* Below args.cni. */
static const struct conf_key args_keys[] = {
	{ "sysctl", CONF_OBJECT, FIELD(args_sysctl) },
	{ "promisc", CONF_BOOL, FIELD(promisc) },
	{ "allmulti", CONF_BOOL, FIELD(allmulti) },
	{ "mtu", CONF_INT, FIELD(mtu), .min = 0, .max = 65535 },
	{ "txQLen", CONF_INT, FIELD(tx_queue_len), .min = 0, .max = UINT32_MAX },
	CONF_END
};

/* Append to a path, with slashes as dots if asked for. Return: false when it does not fit. */
static bool append(char path[TUNING_PATH_MAX], const char *text, size_t len, bool swap)
{
	size_t used = strlen(path);

	if (used + len >= TUNING_PATH_MAX)
		return false;
	for (size_t i = 0; i < len; i++)
		path[used + i] = swap && text[i] == '/' ? '.' : text[i];
	path[used + len] = '\0';
	return true;
}

/* One part of a name; @hole is where "IFNAME" stands, perhaps in another part. */
static bool append_part(char path[TUNING_PATH_MAX], const char *part, size_t len, const char *hole,
			const char *ifname, bool swap)
{
	size_t start = strlen(path) + 1, before;

	if (!append(path, "/", 1, false))
		return false;
	if (!hole || hole < part || hole + 6 > part + len)
		return append(path, part, len, swap) && strcmp(path + start, ".") != 0 &&
		       strcmp(path + start, "..") != 0;
	before = hole - part;
	return append(path, part, before, swap) && append(path, ifname, strlen(ifname), false) &&
	       append(path, hole + 6, len - before - 6, swap);
}

/*
 * Put a name together again whose parts are separated by @separators. Where dots separate, a slash
 * is a dot within a part, as sysctl(8) has it: net.ipv4.conf.eth0/100.arp_filter. The first IFNAME
 * becomes the interface's name, whatever is in that.
 */
static bool make_path(const char *key, const char *separators, const char *ifname,
		      char path[TUNING_PATH_MAX])
{
	const char *hole = strstr(key, "IFNAME");
	bool swap = strcmp(separators, ".") == 0;

	path[0] = '\0';
	for (const char *part = key; *part;) {
		size_t len = strcspn(part, separators);

		if (len > 0 && !append_part(path, part, len, hole, ifname, swap))
			return false;
		part += len + (part[len] != '\0');
	}
	if (path[0])
		memmove(path, path + 1, strlen(path)); /* without the first slash */
	return strncmp(path, "net/", 4) == 0;
}

/* Where a sysctl is. Which separator comes first tells what the other one means. */
static int find_paths(struct tuning_sysctl *s, const char *ifname, struct cni_err *err)
{
	const char *first = strpbrk(s->key + (s->key[0] == '/'), "./");

	if (!first || !make_path(s->key, *first == '.' ? "." : "/", ifname, s->path))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"sysctl\": \"%.100s\" does not name a sysctl below net", s->key);
	/* the reference takes every dot for a separator */
	if (!make_path(s->key, "./", ifname, s->alternative) ||
	    strcmp(s->alternative, s->path) == 0)
		s->alternative[0] = '\0';
	return 0;
}

/* One object of sysctls. Those of args.cni replace those of the configuration. */
static int read_sysctls(const struct cni_call *call, struct tuning_conf *conf, const json_t *object,
			const char *path, struct cni_err *err)
{
	size_t before = conf->n_sysctls;
	const char *key;
	json_t *value;

	json_object_foreach ((json_t *)object, key, value) {
		struct tuning_sysctl s = { .key = key, .value = json_string_value(value) };
		size_t i = 0;
		int r;

		if (!s.value)
			return cni_fail(err, CNI_E_DECODE, 0,
					"\"%s\": the value of \"%.100s\" must be a string", path,
					key);
		r = find_paths(&s, call->ifname ? call->ifname : "IFNAME", err);
		if (r < 0)
			return r;
		while (i < conf->n_sysctls && strcmp(conf->sysctls[i].path, s.path) != 0)
			i++;
		if (i < conf->n_sysctls && i >= before)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"%s\": \"%.100s\" and \"%.100s\" are the same sysctl",
					path, conf->sysctls[i].key, key);
		conf->sysctls[i] = s;
		if (i == conf->n_sysctls)
			conf->n_sysctls++;
	}
	return 0;
}

/* Whether a line of the allowlist lets a sysctl pass: 1, 0, or a negative errno. */
static int line_allows(const char *line, int number, const char *key, struct cni_err *err)
{
	autopattern struct pattern *p = NULL;
	const char *why;
	int r = pattern_compile(line, &p, &why);

	if (r < 0)
		return cni_fail(err, CNI_E_IO, 0, TUNING_ALLOWLIST " line %d: \"%.100s\": %s",
				number, line, why);
	return pattern_matches(p, key);
}

static int list_allows(const char *text, const char *key, struct cni_err *err)
{
	static const char blanks[] = " \t\r\v\f";
	int number = 0;

	while (*text) {
		size_t len = strcspn(text, "\n"), skip = strspn(text, blanks);
		autofree char *line = NULL;
		int r;

		number++;
		skip = skip < len ? skip : len;
		line = strndup(text + skip, len - skip);
		if (!line)
			return cni_fail(err, CNI_E_FAILED, ENOMEM, "read " TUNING_ALLOWLIST);
		for (size_t n = strlen(line); n > 0 && strchr(blanks, line[n - 1]); n--)
			line[n - 1] = '\0';
		r = *line ? line_allows(line, number, key, err) : 0;
		if (r != 0)
			return r;
		text += len + (text[len] == '\n');
	}
	return 0;
}

/* The names as they are written are matched, as in the reference: IFNAME and all. */
static int check_allowed(const struct tuning_conf *conf, struct cni_err *err)
{
	autofree char *text = NULL;
	int r = conf->n_sysctls ? file_read(AT_FDCWD, TUNING_ALLOWLIST, ALLOWLIST_MAX, &text, NULL)
				: -ENOENT;

	if (r == -ENOENT)
		return 0;
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "read " TUNING_ALLOWLIST);
	for (size_t i = 0; i < conf->n_sysctls; i++) {
		r = list_allows(text, conf->sysctls[i].key, err);
		if (r < 0)
			return r;
		if (r == 0)
			return cni_fail(err, CNI_E_CONF, 0,
					"\"sysctl\": \"%.100s\" is not allowed: no line "
					"of " TUNING_ALLOWLIST " matches it",
					conf->sysctls[i].key);
	}
	return 0;
}

static int read_mac(const struct cni_call *call, struct tuning_conf *conf, struct cni_err *err)
{
	int r = mac_read_key(call->conf, "mac", &conf->mac, err);

	if (r == 0)
		r = mac_read_args(call->args, &conf->mac, err);
	if (r == 0)
		r = mac_read_key(call->conf, "runtimeConfig.mac", &conf->mac, err);
	return r < 0 ? r : mac_read_key(call->conf, "args.cni.mac", &conf->mac, err);
}

int tuning_conf_read(const struct cni_call *call, struct tuning_conf *conf, struct cni_err *err)
{
	const json_t *args = conf_get_path(call->conf, "args.cni");
	int r;

	conf->tx_queue_len = -1;
	r = conf_read(call->conf, "", tuning_keys, conf, err);
	if (r == 0)
		r = conf_read(args, "args.cni", args_keys, conf, err);
	if (r == 0)
		r = read_mac(call, conf, err);
	if (r < 0)
		return r;
	conf->set_allmulti = conf_get(call->conf, "allmulti") || conf_get(args, "allmulti");
	if (!conf->data_dir || !*conf->data_dir)
		conf->data_dir = TUNING_DATA_DIR;
	if (conf->data_dir[0] != '/')
		return cni_fail(err, CNI_E_CONF, 0, "\"dataDir\": \"%.200s\" is not absolute",
				conf->data_dir);
	conf->sysctls =
		calloc(json_object_size(conf->sysctl) + json_object_size(conf->args_sysctl) + 1,
		       sizeof(*conf->sysctls));
	if (!conf->sysctls)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "read the configuration");
	r = read_sysctls(call, conf, conf->sysctl, "sysctl", err);
	if (r == 0)
		r = read_sysctls(call, conf, conf->args_sysctl, "args.cni.sysctl", err);
	return r < 0 ? r : check_allowed(conf, err);
}

void tuning_conf_free(struct tuning_conf *conf)
{
	free(conf->sysctls);
	conf->sysctls = NULL;
}

bool tuning_changes_link(const struct tuning_conf *conf)
{
	return conf->mac.given || conf->promisc || conf->set_allmulti || conf->mtu ||
	       conf->tx_queue_len >= 0;
}

const char *tuning_dir(const struct cni_call *call)
{
	const char *dir = json_string_value(conf_get(call->conf, "dataDir"));

	return dir && *dir == '/' ? dir : TUNING_DATA_DIR;
}
