/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The store "etcd": this node's record, which says what subnet it has and how it is reached.
 *
 * A record is this node's by its MAC, which follows from the node's name; so it is found again
 * after the underlay's address has changed. Else by the VTEP, as flanneld does: a lease of a
 * flanneld that was here before, or a reservation. A key without lease is a reservation and stays
 * one.
 *
 * Two nodes that create one key at a time are told apart by etcd. Two that take one IPv6 subnet
 * under different keys are not: when the watch has brought the record that was created, it has
 * brought every older one, too, and of two that overlap the older one stays.
 */
#include "cleanup.h"
#include "cni.h"
#include "log.h"
#include "store_etcd.h"

#include <stdarg.h>
#include <string.h>

#define SEEN_MS 2000 /* until the watch must have brought what was written */
#define PEACE_MS                                                                                   \
	INT64_C(5000)	/* before somebody who overwrites this node's record is overwritten */
#define PEACE_MAX 6	/* doublings of that */
#define EXTRA_MS  60000 /* the same for the record below x-hawser */

/* ---- what is whose ---- */

static bool has_mac(const struct etcd_store *s, const struct record *r)
{
	for (int i = 0; i < 2; i++)
		if (r->lease.has_data[i] && memcmp(r->lease.mac[i], s->mac[i], 6) == 0)
			return true;
	return false;
}

/* The node's address, where flanneld looks: the IPv4 one unless the network has none. */
static bool has_vtep(const struct etcd_store *s, const struct record *r)
{
	int i = s->config.network[0].ip.family ? 0 : 1;

	return s->self.vtep[i].family && ip_equal(&r->lease.vtep[i], &s->self.vtep[i]);
}

static bool same_subnets(const struct ip_net a[2], const struct ip_net b[2])
{
	return net_equal(&a[0], &b[0]) && net_equal(&a[1], &b[1]);
}

static bool is_set(const struct ip_net subnet[2])
{
	return subnet[0].ip.family || subnet[1].ip.family;
}

/* The subnets that are wanted, for those who may choose: held last, or before the agent began. */
static const struct ip_net *last_subnets(const struct etcd_store *s)
{
	return !s->self.pinned && is_set(s->own.subnet) ? s->own.subnet : s->self.subnet;
}

static int score(const struct etcd_store *s, const struct record *r)
{
	bool mac = has_mac(s, r), vtep = has_vtep(s, r);

	if (!is_set(r->lease.subnet) || (!mac && !vtep))
		return 0;
	return 1 + mac + (same_subnets(r->lease.subnet, last_subnets(s)) ? 4 : 0);
}

static struct record *find_mine(const struct etcd_store *s)
{
	struct record *best = NULL;
	int most = 0;

	for (size_t i = 0; i < s->table.n; i++) {
		struct record *r = &s->table.r[i];
		int points = score(s, r);

		if (points > most ||
		    (points && points == most && r->mod_revision > best->mod_revision)) {
			best = r;
			most = points;
		}
	}
	return best;
}

struct record *own_record(const struct etcd_store *s)
{
	return s->own.held ? table_find(&s->table, s->own.key) : NULL;
}

/* Whether the configuration lets a node have these subnets. */
static bool is_allowed(const struct etcd_store *s, const struct ip_net subnet[2])
{
	struct ip_net out;

	for (int i = 0; i < 2; i++) {
		if (!s->config.network[i].ip.family != !subnet[i].ip.family)
			return false;
		if (subnet[i].ip.family &&
		    (flannel_pick(&s->config, i, NULL, 0, &subnet[i], 0, &out) < 0 ||
		     !net_equal(&out, &subnet[i])))
			return false;
	}
	return true;
}

static bool overlap(const struct ip_net a[2], const struct ip_net b[2])
{
	for (int i = 0; i < 2; i++)
		if (a[i].ip.family && b[i].ip.family && ip_net_overlap(&a[i], &b[i]))
			return true;
	return false;
}

/* Another key that has a part of these subnets; created before @before. */
static const struct record *other_owner(const struct etcd_store *s, const struct ip_net subnet[2],
					const struct record *mine, int64_t before)
{
	for (size_t i = 0; i < s->table.n; i++) {
		const struct record *r = &s->table.r[i];

		if (r != mine && r->create_revision < before && overlap(r->lease.subnet, subnet))
			return r;
	}
	return NULL;
}

static void set_subnets(struct etcd_store *s, const struct ip_net subnet[2], const char *key)
{
	memcpy(s->own.subnet, subnet, sizeof(s->own.subnet));
	snprintf(s->own.key, sizeof(s->own.key), "%s", key);
}

/* ---- words ---- */

/* "10.5.1.0/24 and fd00:5:0:1::/64" */
static char *subnets_str(const struct ip_net subnet[2], char text[2 * IP_STRLEN + 8])
{
	char part[2][IP_STRLEN] = { "", "" };

	for (int i = 0; i < 2; i++)
		if (subnet[i].ip.family)
			ip_net_str(&subnet[i], part[i]);
	snprintf(text, 2 * IP_STRLEN + 8, "%s%s%s", part[0], *part[0] && *part[1] ? " and " : "",
		 part[1]);
	return text;
}

/* "VTEP 192.0.2.1, MAC 02:..." as far as it is known. */
static char *owner_str(const struct record *r, char text[160])
{
	const struct flannel_lease *lease = &r->lease;
	int i = lease->vtep[0].family ? 0 : 1;
	const uint8_t *mac = lease->mac[i];
	char ip[IP_STRLEN] = "unknown";

	if (lease->vtep[i].family)
		ip_str(&lease->vtep[i], ip);
	if (lease->has_data[i])
		snprintf(text, 160, "VTEP %s, MAC %02x:%02x:%02x:%02x:%02x:%02x", ip, mac[0],
			 mac[1], mac[2], mac[3], mac[4], mac[5]);
	else
		snprintf(text, 160, "VTEP %s", ip);
	return text;
}

static void __attribute__((format(printf, 2, 3)))
conflict(struct etcd_store *s, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(s->own.conflict, sizeof(s->own.conflict), fmt, ap);
	va_end(ap);
}

/* ---- requests ---- */

static int again(struct etcd_store *s, int64_t ms)
{
	s->own.retry_at = store_etcd_now() + ms;
	return -EAGAIN;
}

/* A key was written; the watch will bring it. */
static int written(struct etcd_store *s)
{
	s->own.wrote = etcd_revision(s->e);
	return again(s, SEEN_MS);
}

static void renewed(struct etcd_store *s, int64_t ttl)
{
	int64_t third = ttl * 1000 / 3;

	s->own.renew_at = store_etcd_now() + third - third / 10 +
			  store_etcd_random((uint32_t)(third / 5) + 1);
	s->health.lease_until = time(NULL) + ttl;
}

int own_renew(struct etcd_store *s)
{
	int64_t ttl = 0;
	int r;

	if (!s->own.lease || store_etcd_now() < s->own.renew_at)
		return 0;
	r = etcd_keepalive(s->e, s->own.lease, &ttl);
	if (r == -ENOENT) {
		s->own.lease = 0;
		s->health.lease_until = 0;
		return 0;
	}
	if (r == 0)
		renewed(s, ttl);
	return r;
}

/* The lease of the process before this one, if it is what this one would ask for. */
static int adopt_lease(struct etcd_store *s, const struct record *mine)
{
	int64_t left, granted;
	int r;

	if (!mine || !mine->etcd_lease || !has_mac(s, mine))
		return -ENOENT;
	r = etcd_ttl(s->e, mine->etcd_lease, &left, &granted);
	if (r < 0 || granted != s->ttl)
		return r < 0 ? r : -ENOENT;
	s->own.lease = mine->etcd_lease;
	s->own.renew_at = 0;
	return own_renew(s);
}

static int have_lease(struct etcd_store *s, const struct record *mine)
{
	int r = s->own.lease ? 0 : adopt_lease(s, mine);

	if (r != -ENOENT && (r < 0 || s->own.lease))
		return r;
	r = etcd_grant(s->e, s->ttl, &s->own.lease);
	if (r == 0)
		renewed(s, s->ttl);
	return r;
}

/* The lease ended between two requests. */
static int lost_lease(struct etcd_store *s)
{
	s->own.lease = 0;
	return again(s, 0);
}

static struct flannel_lease wanted_lease(const struct etcd_store *s, const struct ip_net subnet[2])
{
	struct flannel_lease lease = { .backend = FLANNEL_BACKEND };

	for (int i = 0; i < 2; i++) {
		if (!subnet[i].ip.family)
			continue;
		lease.subnet[i] = subnet[i];
		lease.vtep[i] = s->self.vtep[i];
		lease.has_data[i] = true;
		lease.vni[i] = s->config.vni & 0xffff;
		memcpy(lease.mac[i], s->mac[i], 6);
	}
	return lease;
}

static char *key_path(const struct etcd_store *s, const char *folder, const char *key)
{
	char *path = NULL;

	if (asprintf(&path, "%s/%s/%s", s->prefix, folder, key) < 0)
		abort();
	return path;
}

static int remove_record(struct etcd_store *s, const struct record *r)
{
	autofree char *path = key_path(s, "subnets", r->key);
	int done = etcd_remove(s->e, path, r->mod_revision);

	if (done < 0)
		return done;
	if (done)
		table_remove(&s->table, path + strlen(s->prefix) + strlen("/subnets/"), INT64_MAX);
	return again(s, done ? 0 : 20);
}

/* ---- a subnet for a node without ---- */

static int pick(struct etcd_store *s, struct ip_net subnet[2])
{
	autofree struct ip_net *taken = calloc(s->table.n + 1, sizeof(*taken));
	const struct ip_net *prefer = last_subnets(s);
	char text[IP_STRLEN];

	if (!taken)
		abort();
	memset(subnet, 0, 2 * sizeof(*subnet));
	for (int i = 0; i < 2; i++) {
		if (!s->config.network[i].ip.family)
			continue;
		for (size_t k = 0; k < s->table.n; k++)
			taken[k] = s->table.r[k].lease.subnet[i];
		if (flannel_pick(&s->config, i, taken, s->table.n, &prefer[i],
				 store_etcd_random(UINT32_MAX), &subnet[i]) < 0) {
			conflict(s, "no subnet of %s is free",
				 ip_net_str(&s->config.network[i], text));
			return -ENOSPC;
		}
	}
	return 0;
}

/* Return: 0, or -ENOSPC with a conflict. */
static int choose(struct etcd_store *s, struct ip_net subnet[2])
{
	char text[2 * IP_STRLEN + 8], who[160];
	const struct record *other;

	if (!s->self.pinned)
		return pick(s, subnet);
	memcpy(subnet, s->self.subnet, 2 * sizeof(*subnet));
	if (!is_allowed(s, subnet)) {
		conflict(s, "containers live in %s, which %s/config does not give out",
			 subnets_str(subnet, text), s->prefix);
		return -ENOSPC;
	}
	other = other_owner(s, subnet, NULL, INT64_MAX);
	if (!other)
		return 0;
	conflict(s, "containers live in %s, but %s/subnets/%.100s is another node's (%s)",
		 subnets_str(subnet, text), s->prefix, other->key, owner_str(other, who));
	return -ENOSPC;
}

static int claim(struct etcd_store *s)
{
	struct ip_net subnet[2];
	struct flannel_lease want;
	autokv struct etcd_kv winner = { 0 };
	autofree char *path = NULL, *value = NULL;
	char key[FLANNEL_KEY_MAX];
	int r;

	/* who took this node's record away may have taken others': they come back one by one */
	s->gap |= s->own.held;
	s->own.held = false;
	if (choose(s, subnet) < 0)
		return 0;
	r = have_lease(s, NULL);
	if (r < 0)
		return r;
	want = wanted_lease(s, subnet);
	path = key_path(s, "subnets", flannel_key(subnet, key));
	value = flannel_lease_value(&want);
	r = etcd_create(s->e, path, value, s->own.lease, &winner);
	if (r == -ENOENT)
		return lost_lease(s);
	if (r < 0)
		return r;
	if (r > 0) {
		set_subnets(s, subnet, key);
		s->own.put = want;
		return written(s);
	}
	/* a lost race; the many who lost it with us do not all come back at once */
	if (table_put(&s->table, &winner, key))
		s->dirty = true;
	return again(s, 1 + store_etcd_random(30));
}

/* ---- the record that there is ---- */

/* Somebody has written something else where this node had written. Return: whether to wait. */
static bool is_fight(struct etcd_store *s, const struct record *mine)
{
	struct own *own = &s->own;
	int64_t now = store_etcd_now();

	if (!*own->put.backend || !same_subnets(own->put.subnet, mine->lease.subnet) ||
	    lease_equal(&own->put, &mine->lease))
		return false;
	if (own->fought != mine->mod_revision) {
		own->fought = mine->mod_revision;
		own->answer_at = now + (PEACE_MS << own->fights);
		own->quiet_at = own->answer_at + 2 * (PEACE_MS << own->fights);
		own->fights += own->fights < PEACE_MAX;
	}
	return now < own->answer_at;
}

static void report_fight(struct etcd_store *s, const struct record *mine)
{
	char text[2 * IP_STRLEN + 8], who[160];

	conflict(s,
		 "%s/subnets/%.100s (%s) is overwritten by another node with this one's name or "
		 "address: %s",
		 s->prefix, mine->key, subnets_str(mine->lease.subnet, text), owner_str(mine, who));
}

static int write_record(struct etcd_store *s, const struct record *mine,
			const struct flannel_lease *want)
{
	autofree char *path = key_path(s, "subnets", mine->key);
	autofree char *value = flannel_lease_value(want);
	bool reserved = !mine->etcd_lease;
	int r = etcd_replace(s->e, path, mine->mod_revision, value, reserved ? 0 : s->own.lease);

	if (r == -ENOENT)
		return lost_lease(s);
	if (r < 0)
		return r;
	if (r == 0)
		return again(s, 20);
	s->own.put = *want;
	return written(s);
}

/* Our own of earlier days, which others would take for a second way to this node. */
static struct record *find_stale(const struct etcd_store *s, const struct record *mine)
{
	for (size_t i = 0; i < s->table.n; i++) {
		struct record *r = &s->table.r[i];

		if (r != mine && r->etcd_lease && has_mac(s, r) && has_vtep(s, r))
			return r;
	}
	return NULL;
}

static char *extra_value(const struct etcd_store *s)
{
	json_auto_t *obj = json_pack("{s:s, s:[], s:s}", "node", s->self.node, "subnet", "version",
				     HAWSER_VERSION);
	char text[IP_STRLEN], *value;

	for (int i = 0; i < 2; i++)
		if (s->own.subnet[i].ip.family)
			json_array_append_new(json_object_get(obj, "subnet"),
					      json_string(ip_net_str(&s->own.subnet[i], text)));
	value = obj ? json_dumps(obj, JSON_COMPACT) : NULL;
	if (!value)
		abort();
	return value;
}

/* What flannel has no place for, under a key of our own. */
static int write_extra(struct etcd_store *s)
{
	autofree char *path = NULL, *value = extra_value(s);
	const struct node_record *there = table_find_node(&s->table, s->self.node);
	struct own *own = &s->own;
	uint64_t hash = store_etcd_hash(value);
	int r;

	if (own->no_extra || (there && there->value == hash && there->etcd_lease == own->lease) ||
	    (own->extra == hash && own->extra_lease == own->lease &&
	     store_etcd_now() < own->extra_at + EXTRA_MS))
		return 0;
	path = key_path(s, "x-hawser", s->self.node);
	r = etcd_put(s->e, path, value, own->lease);
	if (r == -ENOENT)
		return lost_lease(s);
	if (r == -EACCES) {
		own->no_extra = true;
		log_warn("network \"%s\": %s is not written, nodes go without a name: %s",
			 s->network, path, etcd_error(s->e));
		return 0;
	}
	own->extra = hash;
	own->extra_lease = own->lease;
	own->extra_at = store_etcd_now();
	return r;
}

/* The record is there, with a subnet that will do: bring it up to date. */
static int keep(struct etcd_store *s, struct record *mine)
{
	struct flannel_lease want = wanted_lease(s, mine->lease.subnet);
	const struct record *stale;
	int r;

	set_subnets(s, mine->lease.subnet, mine->key);
	r = have_lease(s, mine);
	if (r < 0)
		return r;
	if (mine->why || !lease_equal(&want, &mine->lease) ||
	    (mine->etcd_lease && mine->etcd_lease != s->own.lease)) {
		if (!is_fight(s, mine))
			return write_record(s, mine, &want);
		report_fight(s, mine);
		s->own.held = true;
		return 0;
	}
	s->own.held = true;
	s->own.put = want;
	if (s->own.fights && store_etcd_now() >= s->own.quiet_at)
		s->own.fights = 0;
	stale = find_stale(s, mine);
	if (stale)
		return remove_record(s, stale);
	return write_extra(s);
}

/* Some other key has a part of this node's subnets, and was there before. */
static int yield_to(struct etcd_store *s, const struct record *mine, const struct record *other)
{
	char text[2 * IP_STRLEN + 8], who[160];

	if (!s->self.pinned && has_mac(s, mine)) {
		memset(s->own.subnet, 0, sizeof(s->own.subnet));
		s->own.held = false;
		return remove_record(s, mine);
	}
	conflict(s, "%s overlaps %s/subnets/%.100s, which is older and another node's (%s)",
		 subnets_str(mine->lease.subnet, text), s->prefix, other->key,
		 owner_str(other, who));
	set_subnets(s, mine->lease.subnet, mine->key);
	s->own.held = true;
	return 0;
}

/* The record that there is has other subnets than this node may or must have. */
static int replace_subnets(struct etcd_store *s, const struct record *mine)
{
	char text[2 * IP_STRLEN + 8];

	if (!s->self.pinned) {
		s->own.held = false;
		return remove_record(s, mine);
	}
	if (!same_subnets(mine->lease.subnet, s->self.subnet))
		return claim(s);
	conflict(s, "containers live in %s, which %s/config does not give out any more",
		 subnets_str(mine->lease.subnet, text), s->prefix);
	set_subnets(s, mine->lease.subnet, mine->key);
	s->own.held = true;
	return 0;
}

static bool has_vteps(struct etcd_store *s)
{
	char text[IP_STRLEN];

	for (int i = 0; i < 2; i++) {
		if (!s->config.network[i].ip.family || s->self.vtep[i].family)
			continue;
		conflict(s, "the underlay has no IPv%d address, over which %s goes", i ? 6 : 4,
			 ip_net_str(&s->config.network[i], text));
		return false;
	}
	return true;
}

static int settle(struct etcd_store *s)
{
	struct record *mine;
	const struct record *other;

	if (!has_vteps(s)) {
		s->own.held = false;
		return 0;
	}
	mine = find_mine(s);
	if (!mine)
		return claim(s);
	if (!is_allowed(s, mine->lease.subnet) ||
	    (s->self.pinned && !same_subnets(mine->lease.subnet, s->self.subnet)))
		return replace_subnets(s, mine);
	other = other_owner(s, mine->lease.subnet, mine, mine->create_revision);
	return other ? yield_to(s, mine, other) : keep(s, mine);
}

/* What was written is not in the table yet. */
static bool is_waiting(struct etcd_store *s)
{
	const struct record *r;

	if (store_etcd_now() >= s->own.retry_at)
		return false;
	if (!s->own.wrote)
		return true;
	r = table_find(&s->table, s->own.key);
	return !r || r->mod_revision < s->own.wrote;
}

int own_settle(struct etcd_store *s)
{
	struct own *own = &s->own;
	char before[sizeof(own->conflict)];
	bool held = own->held;
	struct ip_net subnet[2];
	int r;

	if (is_waiting(s))
		return -EAGAIN;
	own->wrote = own->retry_at = 0;
	memcpy(before, own->conflict, sizeof(before));
	memcpy(subnet, own->subnet, sizeof(subnet));
	if (!own->fights || store_etcd_now() >= own->quiet_at)
		*own->conflict = '\0';
	r = settle(s);
	if (r < 0) {
		memcpy(own->conflict, before, sizeof(before));
		return r;
	}
	if (strcmp(before, own->conflict) != 0) {
		s->dirty = true;
		log_warn("network \"%s\": %s", s->network,
			 *own->conflict ? own->conflict : "the conflict is over");
	}
	if (held != own->held || !same_subnets(subnet, own->subnet))
		s->dirty = true;
	return 0;
}
