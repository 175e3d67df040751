/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The store "etcd": its configuration, its thread, the list and the watch. */
#include "store_etcd.h"

#include "cleanup.h"
#include "file.h"
#include "hash.h"
#include "log.h"

#include <fcntl.h>
#include <inttypes.h>
#include <malloc.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>

#define PREFIX	      "/coreos.com/network"
#define TTL	      INT64_C(86400) /* flannel's */
#define TTL_MIN	      5
#define PASSWORD_MAX  4096
#define BACKOFF_MIN   200 /* milliseconds until the next try */
#define BACKOFF_MAX   10000
#define WAIT_MS	      30000
#define ENDPOINTS_MAX 64

int64_t store_etcd_now(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return now.tv_sec * INT64_C(1000) + now.tv_nsec / 1000000;
}

uint64_t store_etcd_hash(const char *text)
{
	const char *of[] = { text, NULL };

	return hash_strings(of, 0);
}

uint32_t store_etcd_random(uint32_t n)
{
	uint32_t r;

	if (getrandom(&r, sizeof(r), 0) != sizeof(r))
		abort();
	return r % n;
}

/* ---- what etcd has ---- */

/* Below a folder of the prefix: the rest of the key, or NULL. */
static const char *below(const struct etcd_store *s, const char *folder, const char *key)
{
	size_t prefix = strlen(s->prefix), len = strlen(folder);

	if (strncmp(key, s->prefix, prefix) != 0 || key[prefix] != '/' ||
	    strncmp(key + prefix + 1, folder, len) != 0 || key[prefix + 1 + len] != '/')
		return NULL;
	return key + prefix + 1 + len + 1;
}

static bool is_config(const struct etcd_store *s, const char *key)
{
	size_t prefix = strlen(s->prefix);

	return strncmp(key, s->prefix, prefix) == 0 && strcmp(key + prefix, "/config") == 0;
}

/*
 * The key of a lease: the rest, or NULL. One that is too long is cut: it is still too long to be
 * any, and not all of it must be kept to say so.
 */
static const char *lease_key(const struct etcd_store *s, const char *key, char cut[FLANNEL_KEY_MAX])
{
	const char *rest = below(s, "subnets", key);

	if (!rest || strlen(rest) < FLANNEL_KEY_MAX)
		return rest;
	memcpy(cut, rest, FLANNEL_KEY_MAX - 1);
	cut[FLANNEL_KEY_MAX - 1] = '\0';
	return cut;
}

/* A list that is being read. */
struct loading {
	struct etcd_store *s;
	struct table table;
};

/* etcd_fn */
static int take_listed(const struct etcd_kv *kv, void *arg)
{
	struct loading *l = arg;
	char cut[FLANNEL_KEY_MAX];
	const char *rest = lease_key(l->s, kv->key, cut);

	if (rest)
		table_put(&l->table, kv, rest);
	rest = below(l->s, "x-hawser", kv->key);
	if (rest)
		table_put_node(&l->table, kv, rest, l->s->config.vni);
	return 0;
}

/* etcd_fn */
static int take_change(const struct etcd_kv *kv, void *arg)
{
	struct etcd_store *s = arg;
	char cut[FLANNEL_KEY_MAX];
	const char *lease = lease_key(s, kv->key, cut);
	const char *node = below(s, "x-hawser", kv->key);
	bool news = false;

	if (lease && kv->value)
		news = table_put(&s->table, kv, lease);
	else if (lease)
		news = table_remove(&s->table, lease, kv->mod_revision);
	else if (node && kv->value) /* this node's own is of no interest to a view */
		news = table_put_node(&s->table, kv, node, s->config.vni) &&
		       strcmp(node, s->self.node) != 0;
	else if (node)
		news = table_remove_node(&s->table, node, kv->mod_revision);
	else if (kv->value && is_config(s, kv->key))
		s->stale = store_etcd_hash(kv->value) != s->config_hash;
	s->health.events++;
	/* what is refused depends on revisions, too */
	s->dirty = s->dirty || news || s->refused;
	return 0;
}

static int take_config(struct etcd_store *s, const char *text)
{
	struct cni_err err = { 0 };
	int r = flannel_config_parse(text, &s->config, &err);

	if (r < 0) {
		snprintf(s->why, sizeof(s->why), "%.100s/config: %.400s", s->prefix, err.msg);
		return r;
	}
	s->config_hash = store_etcd_hash(text);
	s->has_config = true;
	return 0;
}

/* @revision: where the list that follows begins, at the latest. */
static int load_config(struct etcd_store *s, int64_t *revision)
{
	autofree char *path = NULL;
	autokv struct etcd_kv kv = { 0 };
	int r;

	if (asprintf(&path, "%s/config", s->prefix) < 0)
		abort();
	r = etcd_get(s->e, path, &kv);
	*revision = etcd_revision(s->e);
	if (r == -ENOENT && s->has_config) {
		/* somebody has emptied etcd: the nodes fill it again as it was */
		log_warn("network \"%s\": %s; going on with the one of before", s->network,
			 etcd_error(s->e));
		return 0;
	}
	if (r < 0)
		return r;
	return take_config(s, kv.value);
}

static int list_folder(struct loading *l, const char *folder)
{
	autofree char *path = NULL;
	int64_t revision;
	int r;

	if (asprintf(&path, "%s/%s/", l->s->prefix, folder) < 0)
		abort();
	r = etcd_list(l->s->e, path, take_listed, l, &revision);
	if (r == 0)
		l->s->health.revision = revision;
	return r;
}

/* The whole, and from then on what changes. */
static int load(struct etcd_store *s)
{
	struct loading l = { .s = s };
	autofree char *path = NULL;
	int64_t revision = 0;
	int r;

	*s->why = '\0';
	r = load_config(s, &revision);

	if (r == 0)
		r = list_folder(&l, "subnets");
	if (r == 0)
		r = list_folder(&l, "x-hawser");
	if (asprintf(&path, "%s/", s->prefix) < 0)
		abort();
	if (r == 0)
		r = etcd_watch(s->e, path, revision + 1);
	if (r < 0) {
		table_free(&l.table);
		return r;
	}
	table_keep_logged(&l.table, &s->table);
	table_free(&s->table);
	s->table = l.table;
	s->listed = s->dirty = s->gap = true;
	s->stale = false;
	s->own.wrote = s->own.retry_at = 0;
	s->health.relists++;
	/* pages of JSON are not needed any more */
	malloc_trim(0);
	return 0;
}

/* ---- the thread ---- */

static void publish_health(struct etcd_store *s, bool connected)
{
	struct store_health *h = &s->health;
	time_t now = time(NULL);

	if (h->connected != connected) {
		h->connected = connected;
		h->since = now;
	}
	if (connected)
		h->last_ok = now;
	if (s->listed && etcd_revision(s->e) > h->revision)
		h->revision = etcd_revision(s->e);
	snprintf(h->endpoint, sizeof(h->endpoint), "%.255s", etcd_endpoint(s->e));
	store_set_health(&s->base, h);
}

/* Return: whether the addresses have changed, over which etcd is reached, too. */
static bool look_at_self(struct etcd_store *s)
{
	struct store_self self = store_get_self(&s->base);
	bool moved = !ip_equal(&self.vtep[0], &s->self.vtep[0]) ||
		     !ip_equal(&self.vtep[1], &s->self.vtep[1]);
	bool first = !*s->self.node;

	if (!self.subnet[0].ip.family && !self.subnet[1].ip.family)
		self.pinned = false;
	if (moved || strcmp(self.node, s->self.node) != 0)
		s->dirty = true;
	s->self = self;
	table_macs(self.node, s->config.vni, s->mac);
	/* the only device of a network without IPv4 is not a second one */
	if (!s->config.network[0].ip.family)
		memcpy(s->mac[1], s->mac[0], 6);
	return moved && !first;
}

/* Until when etcd_wait() may wait, whatever happens. */
static int wait_ms(const struct etcd_store *s, int settled)
{
	const struct own *own = &s->own;
	int64_t now = store_etcd_now(), end = now + WAIT_MS;
	const int64_t at[] = { own->lease ? own->renew_at : end,
			       settled == -EAGAIN ? own->retry_at : end,
			       own->fights && own->answer_at > now ? own->answer_at : end,
			       own->fights && own->quiet_at > now ? own->quiet_at : end };

	for (size_t i = 0; i < ARRAY_SIZE(at); i++)
		if (at[i] < end)
			end = at[i];
	return end > now ? (int)(end - now) : 0;
}

/* Return: a negative errno; -ECANCELED: somebody wants something. */
static int run_once(struct etcd_store *s)
{
	int r = s->listed ? 0 : load(s), settled;

	while (r >= 0) {
		if (look_at_self(s)) {
			etcd_reconnect(s->e);
			return -ESTALE;
		}
		r = own_renew(s);
		if (r < 0)
			break;
		settled = own_settle(s);
		if (settled < 0 && settled != -EAGAIN)
			return settled;
		if (settled == 0 && s->dirty) {
			s->dirty = false;
			store_put(&s->base, view_make(s));
		}
		publish_health(s, true);
		r = etcd_wait(s->e, wait_ms(s, settled), take_change, s);
		if (s->stale && r >= 0)
			r = -ESTALE;
	}
	return r;
}

/* Begin anew, and say why: once for each reason. */
static void note_error(struct etcd_store *s, int r)
{
	struct store_health *h = &s->health;
	const char *why = *s->why ? s->why : etcd_error(s->e);

	s->listed = false;
	if (r == -ESTALE)
		return;
	h->errors++;
	if (h->connected || strncmp(why, h->last_error, sizeof(h->last_error) - 1) != 0)
		log_warn("network \"%s\": %s", s->network, why);
	snprintf(h->last_error, sizeof(h->last_error), "%.511s", why);
	publish_health(s, false);
}

/* Return: false when the store is to end. */
static bool pause_for(struct etcd_store *s, int ms)
{
	struct pollfd wake = { .fd = s->base.wake_store, .events = POLLIN };

	return poll(&wake, 1, ms) <= 0 || store_awake(&s->base);
}

static void release(struct etcd_store *s)
{
	table_free(&s->table);
	etcd_close(s->e);
	free(s->network);
	free(s->prefix);
}

static void *thread(void *arg)
{
	struct etcd_store *s = arg;
	int backoff = BACKOFF_MIN;
	bool go_on = true;

	etcd_set_wake(s->e, s->base.wake_store);
	while (go_on) {
		uint64_t lists = s->health.relists;
		int r = run_once(s);

		if (s->health.relists != lists)
			backoff = BACKOFF_MIN;
		if (r == -ECANCELED) {
			go_on = store_awake(&s->base);
			continue;
		}
		note_error(s, r);
		/* thousands of nodes whose etcd is back do not all ask at once */
		go_on = pause_for(s, backoff / 2 + (int)store_etcd_random((uint32_t)backoff));
		backoff = 2 * backoff < BACKOFF_MAX ? 2 * backoff : BACKOFF_MAX;
	}
	release(s);
	return NULL;
}

/* ---- the configuration ---- */

struct etcd_keys {
	const json_t *endpoints;
	const char *prefix, *ca_file, *cert_file, *key_file, *username, *password_file;
	int64_t ttl;
};

#define KEY(f) offsetof(struct etcd_keys, f)

static const struct conf_key etcd_keys[] = {
	{ "endpoints", CONF_ARRAY, KEY(endpoints), .required = true,
	  .help = "URLs of etcd, such as https://192.0.2.10:2379; after an error the next is "
		  "asked" },
	{ "prefix", CONF_STRING, KEY(prefix), .dflt = PREFIX,
	  .help = "of the network's keys, as flanneld's -etcd-prefix" },
	{ "caFile", CONF_STRING, KEY(ca_file), .dflt = "the system's",
	  .help = "PEM file of the CAs that may have signed etcd's certificate" },
	{ "certFile", CONF_STRING, KEY(cert_file),
	  .help = "PEM file of a certificate to show to etcd; one without a common name" },
	{ "keyFile", CONF_STRING, KEY(key_file), .help = "PEM file of its key" },
	{ "username", CONF_STRING, KEY(username), .help = "user of etcd" },
	{ "passwordFile", CONF_STRING, KEY(password_file),
	  .help = "file whose first line is the user's password" },
	{ "ttl", CONF_INT, KEY(ttl), TTL_MIN, 30 * TTL, .dflt = "86400",
	  .help = "seconds until the subnet of a node that is gone is free; renewed every third" },
	CONF_END
};

static int check_file(const char *key, const char *path, struct cni_err *err)
{
	if (!path || access(path, R_OK) == 0)
		return 0;
	return cni_fail(err, CNI_E_IO, errno, "\"store.%s\": read %.300s", key, path);
}

static int check_pair(const char *one, const char *a, const char *other, const char *b,
		      struct cni_err *err)
{
	return !a == !b ? 0
			: cni_fail(err, CNI_E_CONF, 0, "\"store.%s\" is given without \"%s\"",
				   a ? one : other, a ? other : one);
}

/* "/coreos.com/network", without a slash at its end. */
static int read_prefix(const char *prefix, char **out, struct cni_err *err)
{
	size_t len = strlen(prefix);

	while (len && prefix[len - 1] == '/')
		len--;
	for (size_t i = 0; i < len; i++)
		if ((unsigned char)prefix[i] < 0x20)
			len = 0;
	if (!len || len > 512)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"store.prefix\": \"%.60s\" is no prefix (such as " PREFIX ")",
				prefix);
	*out = strndup(prefix, len);
	return 0;
}

static int read_endpoints(const json_t *array, const char *out[ENDPOINTS_MAX], struct cni_err *err)
{
	const json_t *item;
	char text[80];
	size_t i;

	json_array_foreach (array, i, item) {
		if (i >= ENDPOINTS_MAX)
			return cni_fail(err, CNI_E_CONF, 0, "\"store.endpoints\" has more than %d",
					ENDPOINTS_MAX);
		out[i] = json_string_value(item);
		if (!out[i])
			return cni_fail(err, CNI_E_DECODE, 0,
					"\"store.endpoints\": expected a string, not %s",
					conf_text(item, text, sizeof(text)));
	}
	return 0;
}

static int read_password(const char *path, char **out, struct cni_err *err)
{
	int r = path ? file_read(AT_FDCWD, path, PASSWORD_MAX, out, NULL) : 0;

	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "\"store.passwordFile\": read %.300s", path);
	if (*out)
		(*out)[strcspn(*out, "\r\n")] = '\0';
	return 0;
}

static int check_keys(const struct etcd_keys *keys, struct cni_err *err)
{
	int r = check_pair("certFile", keys->cert_file, "keyFile", keys->key_file, err);

	if (r == 0)
		r = check_pair("username", keys->username, "passwordFile", keys->password_file,
			       err);
	if (r == 0)
		r = check_file("caFile", keys->ca_file, err);
	if (r == 0)
		r = check_file("certFile", keys->cert_file, err);
	return r < 0 ? r : check_file("keyFile", keys->key_file, err);
}

static int open_client(struct etcd_store *s, const struct etcd_keys *keys, struct cni_err *err)
{
	const char *endpoints[ENDPOINTS_MAX];
	char *password = NULL;
	struct etcd_conf conf = {
		.endpoints = endpoints,
		.n_endpoints = json_array_size(keys->endpoints),
		.ca_file = keys->ca_file,
		.cert_file = keys->cert_file,
		.key_file = keys->key_file,
		.username = keys->username,
	};
	int r = read_endpoints(keys->endpoints, endpoints, err);

	if (r == 0)
		r = read_password(keys->password_file, &password, err);
	if (r < 0)
		return r;
	conf.password = password;
	r = etcd_open(&conf, -1, &s->e);
	if (password)
		explicit_bzero(password, strlen(password));
	free(password);
	return r < 0 ? cni_fail(err, CNI_E_CONF, 0, "\"store.endpoints\": %s",
				s->e ? etcd_error(s->e) : strerror(-r))
		     : 0;
}

static int prepare(struct etcd_store *s, const json_t *conf, const char *network,
		   struct cni_err *err)
{
	struct etcd_keys keys = { .prefix = PREFIX, .ttl = TTL };
	int r = conf_read(conf, "store", etcd_keys, &keys, err);

	if (r == 0)
		r = check_keys(&keys, err);
	if (r == 0)
		r = read_prefix(keys.prefix, &s->prefix, err);
	if (r == 0)
		r = open_client(s, &keys, err);
	s->ttl = keys.ttl;
	s->network = strdup(network);
	return r;
}

static struct store *start(const json_t *conf, const char *network, const json_t *plugin,
			   const struct store_self *self, int wake_main, struct cni_err *err)
{
	struct etcd_store *s = calloc(1, sizeof(*s));
	int r;

	(void)plugin;
	if (!s)
		abort();
	r = prepare(s, conf, network, err);
	if (r == 0) {
		r = store_run(&s->base, &store_etcd_ops, self, wake_main, thread);
		if (r < 0)
			cni_fail(err, CNI_E_FAILED, r, "start a thread for network \"%s\"",
				 network);
	}
	if (r == 0)
		return &s->base;
	release(s);
	free(s);
	return NULL;
}

const struct store_ops store_etcd_ops = {
	.type = "etcd",
	.keys = etcd_keys,
	.publishes = true,
	.start = start,
};
