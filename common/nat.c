/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * What one attachment needs of netfilter, and how it gets into the kernel and out again.
 *
 * All changes are made under one lock of ours, so that two plugins never decide on the same
 * ruleset, and with the generation id in the batch, so that nobody else's change slips in between
 * question and commit. Questions are about exact names and keys: their cost does not grow.
 */
#include "nat.h"

#include "args.h"
#include "cleanup.h"
#include "fault.h"
#include "file.h"
#include "hash.h"
#include "listener.h"
#include "lock.h"
#include "log.h"
#include "nat_priv.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <limits.h>
#include <string.h>

#define LOCK_DIR  "/run/hawser"
#define LOCK_FILE LOCK_DIR "/nftables.lock"

/* A socket that nat_usable() opened, for the next that needs one. */
static struct nft kept;

int nat_listeners(const struct nat_plan *plan, struct cni_err *err)
{
	return listener_find(plan->runs, plan->n_runs, plan->owner.container_id, err);
}

/* The lock that every change of our tables is made under. Return: descriptor or -errno. */
int nat_lock(struct cni_err *err)
{
	int fd = lock_file(AT_FDCWD, LOCK_FILE, 0600);

	if (fd == -ENOENT && file_mkdirs(LOCK_DIR, 0755) == 0)
		fd = lock_file(AT_FDCWD, LOCK_FILE, 0600);
	return fd < 0 ? cni_fail(err, CNI_E_IO, fd, "lock " LOCK_FILE) : fd;
}

int nat_open(struct nft *nft, struct cni_err *err)
{
	int r = 0;

	if (kept.sock) {
		*nft = kept;
		kept = (struct nft){ 0 };
	} else {
		r = nft_open(nft);
	}
	return r < 0 ? nft_fail(err, nft, r, "open a netfilter socket") : 0;
}

/* ---- what the network's last attachment takes along ---- */

#define NETWORKS LOCK_DIR "/networks"

/* The empty file that a note is. */
static void note_path(const struct state_key *key, const char *note, char path[PATH_MAX])
{
	snprintf(path, PATH_MAX, NETWORKS "/%s/%s:%s", key->network, key->plugin, note);
}

static int write_note(const struct state_key *key, const char *note)
{
	autoclose int fd = -1;
	char path[PATH_MAX];

	note_path(key, note, path);
	fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
	return fd < 0 ? -errno : 0;
}

/*
 * Remember what a network has, because its configuration may change meanwhile: its chains by their
 * names, and its shared elements as "@set@field@field".
 */
static int note_network(const struct nat_plan *plan)
{
	char path[PATH_MAX], note[NAME_MAX];
	bool shared = false;
	int r;

	for (size_t i = 0; i < plan->n_items; i++)
		shared |= nat_sets[plan->items[i].set].shared;
	if (plan->n_chains == 0 && !shared)
		return 0;
	snprintf(path, sizeof(path), NETWORKS "/%s", plan->owner.network);
	r = access(path, F_OK) == 0 ? 0 : file_mkdirs(path, 0755);
	for (size_t i = 0; r == 0 && i < plan->n_items; i++) {
		const struct nat_item *item = &plan->items[i];

		snprintf(note, sizeof(note), "@%s@%s@%s", nat_sets[item->set].name, item->field[0],
			 item->field[1]);
		if (nat_sets[item->set].shared)
			r = write_note(&plan->owner, note);
	}
	for (size_t i = 0; r == 0 && i < plan->n_chains; i++)
		r = write_note(&plan->owner,
			       ruleset_chain_name(plan->owner.network, &plan->chains[i], note));
	return r;
}

/* Call for each note that this plugin made of the network. */
static void each_note(const struct state_key *key, void (*fn)(const char *note, void *arg),
		      void *arg)
{
	autodir DIR *dir = NULL;
	char path[PATH_MAX];
	size_t len = strlen(key->plugin);
	struct dirent *e;

	snprintf(path, sizeof(path), NETWORKS "/%s", key->network);
	dir = opendir(path);
	while (dir && (e = readdir(dir)))
		if (strncmp(e->d_name, key->plugin, len) == 0 && e->d_name[len] == ':')
			fn(e->d_name + len + 1, arg);
}

struct noted {
	char name[64][NAT_CHAIN_NAMELEN];
	bool exists[64];
	unsigned int n;
};

static void collect_chain(const char *note, void *arg)
{
	struct noted *noted = arg;

	if (note[0] != '@' && noted->n < 64)
		snprintf(noted->name[noted->n++], NAT_CHAIN_NAMELEN, "%s", note);
}

static void ask_noted(struct nft *nft, const struct state_key *key, struct noted *noted)
{
	each_note(key, collect_chain, noted);
	for (unsigned int i = 0; i < noted->n; i++)
		nft_ask_chain(nft, NFPROTO_INET, RULESET_TABLE, noted->name[i]);
	if (noted->n && nft_ask(nft, nat_take_existence, noted->exists) < 0)
		noted->n = 0;
}

/* A shared element that the network has although this plan does not name it (any more). */
static void recall_item(const char *note, void *arg)
{
	struct nat_plan *plan = arg;
	char set[32], first[IP_STRLEN], second[IP_STRLEN] = "";

	if (sscanf(note, "@%31[^@]@%47[^@]@%47[^@]", set, first, second) < 2)
		return;
	for (int i = 0; i < NAT_SETS; i++) {
		bool known = strcmp(set, nat_sets[i].name) != 0;

		for (size_t k = 0; !known && k < plan->n_items; k++)
			known = (int)plan->items[k].set == i &&
				strcmp(plan->items[k].field[0], first) == 0 &&
				strcmp(plan->items[k].field[1], second) == 0;
		if (!known)
			nat_plan_item(plan, i, first, second);
	}
}

static void forget_note(const char *note, void *arg)
{
	char path[PATH_MAX];

	note_path(arg, note, path);
	unlink(path);
}

static void forget_network(struct state_key *key)
{
	char path[PATH_MAX];

	each_note(key, forget_note, key);
	snprintf(path, sizeof(path), NETWORKS "/%s", key->network);
	rmdir(path); /* not empty: another plugin of the chain is still there */
}

/* Which shared elements records of other networks need, too: two networks may have one bridge. */
struct elsewhere {
	const char *network;
	const struct nat_elems *l;
	bool *needed;
};

static int find_elsewhere(const json_t *record, void *arg)
{
	struct elsewhere *e = arg;
	autoplan struct nat_plan plan = { 0 };
	autoelems struct nat_elems theirs = { 0 };

	if (nat_plan_read(record, &plan) <= 0 || strcmp(plan.owner.network, e->network) == 0)
		return 0;
	nat_encode_more(&plan, &theirs);
	for (size_t i = 0; i < e->l->n; i++)
		for (size_t k = 0; nat_sets[e->l->e[i].set].shared && k < theirs.n; k++)
			e->needed[i] |= theirs.e[k].set == e->l->e[i].set &&
					memcmp(theirs.e[k].key, e->l->e[i].key, NAT_KEY_MAX) == 0;
	return 0;
}

/* Reads all records, but only for the last attachment of a network that shares something. */
static bool *needed_elsewhere(const struct nat_plan *plan, const struct nat_elems *l, bool last)
{
	struct elsewhere e = { plan->owner.network, l, calloc(l->n + 1, sizeof(bool)) };
	bool shared = false;

	if (!e.needed)
		abort();
	for (size_t i = 0; i < l->n; i++)
		shared |= nat_sets[l->e[i].set].shared;
	if (last && shared)
		state_all(find_elsewhere, &e);
	return e.needed;
}

/* One try to take out what is ours. Return: as nft_commit(). */
static int take_out(struct nft *nft, const struct nat_plan *plan, struct nat_elems *l, bool last,
		    const bool *needed, struct noted *noted, uint32_t genid)
{
	autofree struct nat_elem *gone = calloc(l->n + 1, sizeof(*gone));
	struct nat_cond_state cond = { 0 };
	char own[NAT_OWNER_MAX];
	size_t n = 0, n_chains = 0;
	int r = nat_ask_elems(nft, l);

	if (!gone)
		abort();
	if (r == 0)
		r = nat_cond_ask(nft, plan, &cond);
	if (r < 0)
		return r;
	noted->n = 0;
	if (last)
		ask_noted(nft, &plan->owner, noted);
	nat_owner_text(&plan->owner, own);
	for (size_t i = 0; i < l->n; i++) {
		bool is_shared = nat_sets[l->e[i].set].shared;

		/* a shared element bears the name of the network that came first */
		if (l->found[i] && (is_shared ? last && !needed[i] : strcmp(l->owner[i], own) == 0))
			gone[n++] = l->e[i];
	}
	nft_begin(nft, genid);
	ruleset_put_elems(nft, NFT_MSG_DELSETELEM, 0, gone, NULL, n);
	nat_cond_put_del(nft, plan, &cond);
	for (int i = 0; i < 4; i++)
		n_chains += cond.found[i / 2][i % 2];
	for (unsigned int i = 0; i < noted->n; i++) {
		if (noted->exists[i]) {
			nft_put_del_chain(nft, NFPROTO_INET, RULESET_TABLE, noted->name[i]);
			n_chains++;
		}
	}
	return n + n_chains ? nft_commit(nft) : 0;
}

static int remove_plan(struct nft *nft, struct nat_plan *plan, struct cni_err *err)
{
	autoelems struct nat_elems l = { 0 };
	autofree bool *needed = NULL;
	struct noted noted = { 0 };
	int others = state_others(&plan->owner), r = -ERESTART;
	uint32_t genid;

	if (others < 0)
		return cni_fail(err, CNI_E_IO, others, "list the records of network \"%s\"",
				plan->owner.network);
	if (!others)
		each_note(&plan->owner, recall_item, plan);
	nat_encode(plan, &l);
	needed = needed_elsewhere(plan, &l, !others);
	for (int i = 0; r == -ERESTART && i < NAT_TRIES; i++) {
		r = nft_genid(nft, &genid);
		if (r == 0)
			r = take_out(nft, plan, &l, !others, needed, &noted, genid);
	}
	if (r < 0)
		return nft_fail(err, nft, r,
				"remove the elements of %s from table inet " RULESET_TABLE,
				plan->owner.container_id);
	if (!others)
		forget_network(&plan->owner);
	return 0;
}

/* A second ADD of the same attachment replaces what the first one put. */
static int forget_old(struct nft *nft, const json_t *record, struct cni_err *err)
{
	autoplan struct nat_plan old = { 0 };

	return nat_plan_read(record, &old) <= 0 ? 0 : remove_plan(nft, &old, err);
}

/* Look, refuse, forget what an earlier ADD put. Return: 0 or a negative errno. */
static int prepare(struct nft *nft, struct nat_plan *plan, struct nat_look *look,
		   struct cni_err *err)
{
	json_auto_t *old = NULL;
	bool again = state_read(&plan->owner, &old) == 0;
	int r = nat_heal(nft, plan, look, err);

	if (r == 0)
		r = nat_ask_conflicts(nft, plan, again, err);
	if (r == 0)
		r = nat_cond_choose(nft, plan, err);
	if (r == 0 && again) {
		r = forget_old(nft, old, err);
		if (r == 0)
			r = nat_heal(nft, plan, look, err);
	}
	return r;
}

int nat_add(struct nat_plan *plan, json_t *record, bool check_host, struct cni_err *err)
{
	autoclose int lock = nat_lock(err);
	autonft struct nft nft = { 0 };
	autolook struct nat_look look = { 0 };
	struct cni_err ignored = { 0 };
	int r;

	if (lock < 0)
		return lock;
	r = check_host ? nat_listeners(plan, err) : 0;
	if (r == 0)
		r = nat_open(&nft, err);
	if (r == 0)
		r = prepare(&nft, plan, &look, err);
	if (r < 0)
		return r;
	json_object_set_new(record, "nftables", nat_plan_json(plan));
	/* the record first: whatever is done from here on, DEL finds it */
	r = state_write(&plan->owner, record);
	if (r == 0)
		r = note_network(plan);
	if (r < 0)
		cni_fail(err, CNI_E_IO, r, "write the attachment record below " STATE_ROOT);
	else
		r = nat_put(&nft, plan, &look, err);
	if (r < 0) {
		fault_off();
		remove_plan(&nft, plan, &ignored);
		state_remove(&plan->owner);
	}
	return r;
}

/* Whether the network has something that goes with its last attachment, of whatever plan. */
static bool network_noted(const struct state_key *key)
{
	char path[PATH_MAX];

	snprintf(path, sizeof(path), NETWORKS "/%s", key->network);
	return access(path, F_OK) == 0;
}

/* All of it is the network's, which has other attachments: the kernel need not be asked. */
static bool nothing_of_its_own(const struct nat_plan *plan)
{
	for (size_t i = 0; i < plan->n_items; i++)
		if (!nat_sets[plan->items[i].set].shared)
			return false;
	return plan->n_runs == 0 && state_others(&plan->owner) == 1;
}

int nat_del(const struct state_key *key, struct cni_err *err)
{
	autoclose int lock = -1;
	autonft struct nft nft = { 0 };
	autoplan struct nat_plan plan = { 0 };
	json_auto_t *record = NULL;
	int r = state_read(key, &record);

	if (r == -ENOENT)
		return 0;
	if (r == 0 && !json_object_get(record, "nftables") && !network_noted(key)) {
		r = state_remove(key);
		return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record") : 1;
	}
	lock = nat_lock(err);
	if (lock < 0)
		return lock;
	if (r == 0)
		r = nat_plan_read(record, &plan);
	if (r == -EBADMSG)
		log_warn("the record of %s is damaged: its elements stay until \"hawser reload\"",
			 key->container_id);
	plan.owner = *key;
	if (r >= 0 && !nothing_of_its_own(&plan)) {
		r = nat_open(&nft, err);
		if (r == 0)
			r = remove_plan(&nft, &plan, err);
	}
	/* what could not be removed is still in the record for the next DEL */
	if (r < 0 && r != -EBADMSG)
		return r;
	r = state_remove(key);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove the attachment record") : 1;
}

static int check_conditions(struct nft *nft, const struct nat_plan *plan, const char *own,
			    struct cni_err *err)
{
	struct nat_cond_state cond = { 0 };
	int r = nat_cond_ask(nft, plan, &cond);

	if (r < 0)
		return nft_fail(err, nft, r, "look the conditions of \"%s\" up in nf_tables", own);
	for (int i = 0; i < 2; i++)
		if (plan->conditions[i].rules && !cond.whole[i])
			return cni_fail(err, CNI_E_FAILED, 0,
					"rules of the conditions of \"%s\" are missing in table "
					"%s " RULESET_TABLE,
					own, i ? "ip6" : "ip");
	return 0;
}

int nat_check(const struct nat_plan *plan, struct cni_err *err)
{
	autolook struct nat_look look = { 0 };
	autonft struct nft nft = { 0 };
	autoelems struct nat_elems l = { 0 };
	char own[NAT_OWNER_MAX], name[NAT_CHAIN_NAMELEN];
	int r = nat_open(&nft, err);

	if (r < 0)
		return r;
	r = nat_look(&nft, plan, nat_tables(plan), &look);
	if (r == 0 && !look.ruleset)
		return cni_fail(err, CNI_E_FAILED, 0,
				"table inet " RULESET_TABLE
				" or rules of it are missing: somebody flushed them; \"hawser "
				"reload\" or the next ADD makes them again");
	nat_encode(plan, &l);
	if (r == 0)
		r = nat_ask_elems(&nft, &l);
	if (r < 0)
		return nft_fail(err, &nft, r, "look the attachment up in nf_tables");
	for (size_t i = 0; i < plan->n_chains; i++)
		if (!look.whole[i])
			return cni_fail(
				err, CNI_E_FAILED, 0,
				"chain %s of network \"%s\" is missing or changed",
				ruleset_chain_name(plan->owner.network, &plan->chains[i], name),
				plan->owner.network);
	nat_owner_text(&plan->owner, own);
	for (size_t i = 0; i < l.n; i++) {
		const struct nat_set_info *info = &nat_sets[l.e[i].set];

		if (!l.found[i])
			return cni_fail(
				err, CNI_E_FAILED, 0,
				"an element of \"%s\" is missing in set %s of table " RULESET_TABLE,
				own, info->name);
		if (!info->shared && (!l.same[i] || strcmp(l.owner[i], own) != 0))
			return cni_fail(err, CNI_E_FAILED, 0,
					"an element of \"%s\" in set %s of table " RULESET_TABLE
					" was changed or belongs to \"%s\"",
					own, info->name, l.owner[i]);
	}
	return check_conditions(&nft, plan, own, err);
}

int nat_usable(void)
{
	uint32_t genid;
	int r = kept.sock ? 0 : nft_open(&kept);

	return r < 0 ? r : nft_genid(&kept, &genid);
}

int nat_conflicts(const struct nat_plan *plan, struct cni_err *err)
{
	autonft struct nft nft = { 0 };
	int r;

	/* a kernel without nf_tables has no port in it */
	if (nat_usable() < 0)
		return 0;
	r = nat_open(&nft, err);
	return r < 0 ? r : nat_ask_conflicts(&nft, plan, true, err);
}
