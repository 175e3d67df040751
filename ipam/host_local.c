/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The verbs of host-local: addresses from ranges, reserved by files on this host.
 *
 * Theory of operation
 *
 * After ADD there is one file for each address in <dataDir>/<network>/, named after the address,
 * that holds "<container id>\r\n<interface>", and last_reserved_ip.<N> for each pool. That is all:
 * the host's network is untouched. Names, contents, the flock on the file `lock` and the order of
 * addresses are those of the reference's host-local, so both can work on one directory in turn.
 *
 * A file appears complete in one step (O_TMPFILE, linkat); that link is the moment of commitment.
 * An index in /run (index.h) answers "what does this container hold" and "which address is next"
 * without reading the directory; store.c says how it stays right when others change the directory.
 *
 * DEL and GC need dataDir and the name of the network, nothing else of what ADD was given.
 */
#include "host_local.h"

#include "args.h"
#include "cleanup.h"
#include "log.h"
#include "range.h"
#include "requested.h"
#include "resolvconf.h"
#include "store.h"

#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>

#define STALE_AFTER 10 /* seconds: an exhausted pool is believed without a look at the files */

struct ipam_conf {
	const char *data_dir, *resolv_conf;
};

static const struct conf_key ipam_keys[] = {
	{ "ranges", CONF_DOC,
	  .help = "Array of pools, each an array of {subnet, rangeStart, rangeEnd, gateway}." },
	RANGE_KEYS_DOC,
	{ "routes", CONF_DOC,
	  .help = "Routes for the result: {dst, gw, mtu, advmss, priority, table, scope}." },
	{ "resolvConf", CONF_STRING, offsetof(struct ipam_conf, resolv_conf),
	  .help = "File in the format of resolv.conf(5) for the result's dns." },
	{ "dataDir", CONF_STRING, offsetof(struct ipam_conf, data_dir), .dflt = STORE_DATA_DIR,
	  .help = "Directory with one directory of reservations for each network." },
	CONF_END,
};

static const struct conf_key keys[] = {
	{ "runtimeConfig.ipRanges", CONF_DOC, .help = "Pools that go before those of ipam." },
	{ "runtimeConfig.ips", CONF_DOC, .help = "Requested addresses." },
	{ "args.cni.ips", CONF_DOC, .help = "Requested addresses, like IP= in CNI_ARGS." },
	CONF_END,
};

/* Everything an ADD works on. */
struct job {
	const struct cni_call *call;
	struct ipam_conf conf;
	struct range_sets sets;
	struct requested want; /* each entry is removed once it was served */
	struct ip_list held;   /* what the attachment held before */
};

/* Reservations of one ADD, to be taken back; ips follow the structure. */
struct made {
	const struct cni_call *call;
	const char *data_dir;
	size_t n;
	struct ip_addr ips[];
};

static void job_free(struct job *job)
{
	range_sets_free(&job->sets);
	free(job->want.nets);
	free(job->held.ips);
}

static int read_conf(const struct cni_call *call, struct ipam_conf *conf, struct cni_err *err)
{
	const json_t *ipam = conf_get(call->conf, "ipam");
	int r;

	*conf = (struct ipam_conf){ 0 };
	if (!ipam)
		return cni_fail(err, CNI_E_CONF, 0, "IPAM config missing 'ipam' key");
	if (!json_is_object(ipam))
		return cni_fail(err, CNI_E_DECODE, 0, "ipam is not an object");
	r = conf_read(ipam, "ipam", ipam_keys, conf, err);
	if (!conf->data_dir || !*conf->data_dir)
		conf->data_dir = STORE_DATA_DIR;
	return r;
}

static int read_requested(const struct cni_call *call, struct requested *want, struct cni_err *err)
{
	struct args_list list = { 0 };
	const char *ip = "";
	const struct args_pair known[] = { { "IP", &ip }, { 0 } };
	int r = args_parse(call->args, known, &list, err);

	if (r == 0)
		r = requested_add(want, "CNI_ARGS IP", ip, CNI_E_ENV, err);
	if (r == 0)
		r = requested_add_array(want, call->conf, "args.cni.ips", err);
	if (r == 0)
		r = requested_add_array(want, call->conf, "runtimeConfig.ips", err);
	args_free(&list);
	return r;
}

static int open_store(struct store *st, const struct cni_call *call, const struct ipam_conf *conf,
		      bool create, struct cni_err *err)
{
	int r = store_open(st, conf->data_dir, call->network, create);

	if (r == -ENOENT && !create)
		return r;
	return r < 0 ? cni_fail(err, CNI_E_FAILED, r,
				"open the reservations in %s/%s (ipam.dataDir)", conf->data_dir,
				call->network)
		     : 0;
}

/* Remove all requests for @ip from the list. */
static void want_drop(struct requested *want, struct ip_addr ip)
{
	size_t n = 0;

	for (size_t i = 0; i < want->n; i++)
		if (!ip_equal(&want->nets[i].ip, &ip))
			want->nets[n++] = want->nets[i];
	want->n = n;
}

/* Who holds a full pool, for the text of the error. */
static void describe(const struct store *st, const struct range_set *set, char *buf, size_t size)
{
	char range[256], owners[3][96] = { "", "", "" };
	struct ip_addr ip = set->ranges[0].start;
	int n = 0;

	for (int tries = 0; tries < 8 && n < 3 && range_set_find(set, &ip); tries++) {
		store_owner(st, &ip, owners[n], sizeof(owners[n]));
		n += owners[n][0] != '\0';
		ip = ip_add(&ip, 1);
	}
	range_set_str(set, range, sizeof(range));
	snprintf(buf, size,
		 "no IP addresses available in range set: %s: all %llu addresses are reserved, "
		 "by %s%s%s%s%s%s",
		 range, (unsigned long long)range_set_size(set), n > 0 ? owners[0] : "unknown",
		 n > 1 ? ", " : "", n > 1 ? owners[1] : "", n > 2 ? ", " : "",
		 n > 2 ? owners[2] : "", range_set_size(set) > (uint64_t)n ? " and others" : "");
}

/* The next address of a pool; a full one is made sure of, then searched for leftovers. */
static int pick(struct store *st, size_t i, const struct range_set *set, struct ip_addr *ip,
		const struct ip_range **range)
{
	struct ip_addr last;
	bool have = store_last(st, i, &last);
	int r;

	*range = store_pick(st, set, have ? &last : NULL, ip);
	if (!*range && !st->rebuilt && index_age(&st->ix) > STALE_AFTER) {
		r = store_rebuild(st);
		if (r < 0)
			return r;
		*range = store_pick(st, set, have ? &last : NULL, ip);
	}
	if (!*range) {
		r = store_reclaim(st, set, true);
		if (r <= 0)
			return r < 0 ? r : -ENOSPC;
		*range = store_pick(st, set, have ? &last : NULL, ip);
	}
	return *range ? 0 : -ENOSPC;
}

static int fail_range(struct cni_err *err, int code, int r, size_t i, const char *text)
{
	return cni_fail(err, code, r, "failed to allocate for range %zu: %s", i, text);
}

/* Reserve the requested address @ip. */
static int take_requested(struct store *st, const struct job *job, size_t i,
			  const struct ip_range *range, const struct ip_addr *ip,
			  struct cni_err *err)
{
	char name[IP_STRLEN], set[256], text[512];
	int r;

	ip_str(ip, name);
	if (ip_equal(ip, &range->gateway)) {
		snprintf(text, sizeof(text), "requested ip %s is subnet's gateway", name);
		return fail_range(err, CNI_E_CONF, 0, i, text);
	}
	r = store_reserve(st, i, ip, job->call->container_id, job->call->ifname);
	if (r == -EEXIST) {
		char owner[96];

		snprintf(text, sizeof(text),
			 "requested IP address %s is not available in range set %s: %s holds it",
			 name, range_set_str(&job->sets.sets[i], set, sizeof(set)),
			 *store_owner(st, ip, owner, sizeof(owner)) ? owner : "another container");
		return fail_range(err, CNI_E_FAILED, 0, i, text);
	}
	snprintf(text, sizeof(text), "reserve %s", name);
	return r < 0 ? fail_range(err, CNI_E_FAILED, r, i, text) : 0;
}

/* Reserve the next free address. */
static int take_next(struct store *st, const struct job *job, size_t i, struct ip_addr *ip,
		     const struct ip_range **range, struct cni_err *err)
{
	const struct range_set *set = &job->sets.sets[i];
	char name[IP_STRLEN], text[1024];
	int r;

	for (size_t k = 0; k < job->held.n; k++) {
		if (!range_set_find(set, &job->held.ips[k]))
			continue;
		snprintf(text, sizeof(text),
			 "%s has been allocated to %s, duplicate allocation is not allowed",
			 ip_str(&job->held.ips[k], name), job->call->container_id);
		return fail_range(err, CNI_E_FAILED, 0, i, text);
	}
	for (int tries = 0; tries < 3; tries++) {
		r = pick(st, i, set, ip, range);
		if (r == 0)
			r = store_reserve(st, i, ip, job->call->container_id, job->call->ifname);
		if (r != -EEXIST)
			break;
		/* somebody who does not take the lock */
		if (store_rebuild(st) < 0)
			break;
	}
	if (r == -ENOSPC && !*range) {
		describe(st, set, text, sizeof(text));
		return fail_range(err, CNI_E_TRY_LATER, 0, i, text);
	}
	return r < 0 ? fail_range(err, CNI_E_FAILED, r, i, "reserve an address") : 0;
}

static int take_set(struct store *st, struct job *job, size_t i, struct cni_ip *out,
		    struct cni_err *err)
{
	const struct range_set *set = &job->sets.sets[i];
	const struct ip_range *range = NULL;
	struct ip_addr ip;
	int r;

	for (size_t k = 0; k < job->want.n && !range; k++) {
		ip = job->want.nets[k].ip;
		range = range_set_find(set, &ip);
	}
	if (range) {
		want_drop(&job->want, ip);
		r = take_requested(st, job, i, range, &ip, err);
	} else {
		r = take_next(st, job, i, &ip, &range, err);
	}
	if (r < 0)
		return r;
	*out = (struct cni_ip){ .iface = -1,
				.address = { ip, range->subnet.len },
				.gateway = range->gateway };
	return 0;
}

static int fail_leftover(const struct job *job, struct cni_err *err)
{
	char text[512] = "", ip[IP_STRLEN];
	size_t used = 0;

	for (size_t k = 0; k < job->want.n && used < sizeof(text); k++)
		used += snprintf(text + used, sizeof(text) - used, " %s",
				 ip_str(&job->want.nets[k].ip, ip));
	return cni_fail(err, CNI_E_CONF, 0, "failed to allocate all requested IPs:%s", text);
}

static int release_made(struct store *st, const struct made *made)
{
	int first = 0;

	for (size_t i = made->n; i-- > 0;) {
		int r = store_release(st, &made->ips[i], made->call->container_id,
				      made->call->ifname);

		if (first == 0)
			first = r;
	}
	return first;
}

static int undo_add(const void *arg, struct cni_err *err)
{
	const struct made *made = arg;
	struct store autostore st;
	int r = store_open(&st, made->data_dir, made->call->network, false);

	if (r == 0)
		r = release_made(&st, made);
	return r < 0 && r != -ENOENT ? cni_fail(err, CNI_E_FAILED, r, "release the addresses of %s",
						made->call->container_id)
				     : 0;
}

/* One address of each pool, or nothing. */
static int take_all(struct store *st, struct job *job, struct made *made, struct cni_result *result,
		    struct cni_err *err)
{
	const struct cni_call *call = job->call;
	int r = store_find(st, call->container_id, call->ifname, &job->held);

	if (r == 0)
		r = store_find(st, call->container_id, NULL, &job->held);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "read the reservations in %s/%s",
				job->conf.data_dir, call->network);
	for (size_t i = 0; i < job->sets.n && r == 0; i++) {
		struct cni_ip ip;

		r = take_set(st, job, i, &ip, err);
		if (r < 0)
			break;
		made->ips[made->n++] = ip.address.ip;
		result_add_ip(result, &ip);
	}
	if (r == 0 && job->want.n > 0)
		r = fail_leftover(job, err);
	if (r < 0 && release_made(st, made) < 0)
		log_warn("host-local: rollback of a failed ADD left a reservation of %s",
			 call->container_id);
	return r;
}

static int read_job(struct job *job, struct cni_result *result, struct cni_err *err)
{
	const struct cni_call *call = job->call;
	int r = read_conf(call, &job->conf, err);

	if (r == 0)
		r = read_requested(call, &job->want, err);
	if (r == 0)
		r = range_sets_read(call->conf, call->version, &job->sets, err);
	if (r == 0)
		r = routes_read(conf_get_path(call->conf, "ipam.routes"), "ipam.routes", result,
				err);
	if (r == 0 && job->conf.resolv_conf && *job->conf.resolv_conf) {
		r = resolvconf_read(job->conf.resolv_conf, &result->dns);
		if (r < 0)
			cni_fail(err, CNI_E_IO, r, "read %s (ipam.resolvConf)",
				 job->conf.resolv_conf);
	}
	return r;
}

static int add(const struct cni_call *call, struct cni_result *result, struct undo *undo,
	       struct cni_err *err)
{
	struct job __attribute__((cleanup(job_free))) job = { .call = call };
	autofree struct made *made = NULL;
	size_t size;
	int r = read_job(&job, result, err);

	if (r < 0)
		return r;
	size = sizeof(*made) + job.sets.n * sizeof(made->ips[0]);
	made = calloc(1, size);
	if (!made)
		abort();
	made->call = call;
	made->data_dir = job.conf.data_dir;
	{
		struct store autostore st;

		r = open_store(&st, call, &job.conf, true, err);
		if (r == 0)
			r = take_all(&st, &job, made, result, err);
	}
	if (r == 0)
		undo_push_copy(undo, "host-local reservation", undo_add, made, size);
	return r;
}

static int del(const struct cni_call *call, struct cni_err *err)
{
	struct ip_list list = { 0 };
	struct store autostore st = { .dir = -1, .lock = -1, .ix.fd = -1 };
	const char *ifname = call->ifname;
	struct ipam_conf conf;
	int r = read_conf(call, &conf, err), first = 0;

	if (r == 0)
		r = open_store(&st, call, &conf, false, err);
	if (r < 0)
		return r == -ENOENT && !err->code ? 0 : r;
	r = store_find(&st, call->container_id, ifname, &list);
	if (r == 0 && list.n == 0) {
		ifname = NULL;
		r = store_find(&st, call->container_id, NULL, &list);
	}
	for (size_t i = 0; i < list.n; i++) {
		int step = store_release(&st, &list.ips[i], call->container_id, ifname);

		if (first == 0)
			first = step;
	}
	free(list.ips);
	if (r == 0)
		r = first;
	return r < 0 ? cni_fail(err, CNI_E_FAILED, r, "release the addresses of %s in %s/%s",
				call->container_id, conf.data_dir, call->network)
		     : 0;
}

static int check(const struct cni_call *call, struct cni_err *err)
{
	struct job __attribute__((cleanup(job_free))) job = { .call = call };
	struct store autostore st = { .dir = -1, .lock = -1, .ix.fd = -1 };
	struct cni_result unused = { 0 };
	int r = read_job(&job, &unused, err);

	result_free(&unused);
	if (r == 0)
		r = open_store(&st, call, &job.conf, false, err);
	if (r == 0)
		r = store_find(&st, call->container_id, call->ifname, &job.held);
	if (r == 0 && job.held.n == 0)
		r = store_find(&st, call->container_id, NULL, &job.held);
	if (r < 0 && r != -ENOENT)
		return cni_fail(err, CNI_E_FAILED, r, "read the reservations in %s/%s",
				job.conf.data_dir, call->network);
	if (r == 0 && job.held.n > 0)
		return 0;
	return cni_fail(err, CNI_E_FAILED, 0,
			"host-local: Failed to find address added by container %s",
			call->container_id);
}

static bool still_valid(const void *arg, const char *id, const char *ifname)
{
	return cni_valid_has(arg, id, ifname);
}

static int gc(const struct cni_call *call, struct cni_err *err)
{
	struct store autostore st = { .dir = -1, .lock = -1, .ix.fd = -1 };
	struct ipam_conf conf;
	int r = read_conf(call, &conf, err);

	if (r < 0)
		return r;
	if (!call->have_valid) {
		log_warn("host-local: GC without cni.dev/valid-attachments releases nothing");
		return 0;
	}
	r = open_store(&st, call, &conf, false, err);
	if (r < 0)
		return r == -ENOENT && !err->code ? 0 : r;
	r = store_sweep(&st, still_valid, call);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "release stale addresses in %s/%s",
				conf.data_dir, call->network);
	log_trace("host-local: GC released %d addresses", r);
	return 0;
}

/* Whether ADD could make the directory of the network. Return: 0, or a negative errno. */
static int can_create(const char *data_dir)
{
	autofree char *path = strdup(data_dir);
	struct stat sb;
	char *slash;

	if (!path)
		abort();
	while (stat(path, &sb) < 0) {
		slash = strrchr(path, '/');
		if (errno != ENOENT || !slash || slash == path)
			return errno == ENOENT ? 0 : -errno;
		*slash = '\0';
	}
	if (!S_ISDIR(sb.st_mode))
		return -ENOTDIR;
	return access(path, W_OK | X_OK) < 0 ? -errno : 0;
}

static int status_sets(struct store *st, const struct range_sets *sets, struct cni_err *err)
{
	for (size_t i = 0; i < sets->n; i++) {
		struct ip_addr ip;
		char text[1024];

		if (store_pick(st, &sets->sets[i], NULL, &ip) ||
		    store_reclaim(st, &sets->sets[i], false) > 0)
			continue;
		describe(st, &sets->sets[i], text, sizeof(text));
		return cni_fail(err, CNI_E_UNAVAILABLE, 0, "range %zu: %s", i, text);
	}
	return 0;
}

static int status(const struct cni_call *call, struct cni_err *err)
{
	struct job __attribute__((cleanup(job_free))) job = { .call = call };
	struct store autostore st = { .dir = -1, .lock = -1, .ix.fd = -1 };
	bool later = json_is_true(conf_get_path(call->conf, "capabilities.ipRanges"));
	int r = read_conf(call, &job.conf, err);

	/* with that capability the runtime brings the pools, but not before ADD */
	if (r == 0 && !(later && !conf_get_path(call->conf, "ipam.ranges") &&
			!conf_get_path(call->conf, "ipam.subnet")))
		r = range_sets_read(call->conf, call->version, &job.sets, err);
	if (r < 0)
		return r;
	r = store_open(&st, job.conf.data_dir, call->network, false);
	if (r == -ENOENT)
		r = can_create(job.conf.data_dir);
	else if (r == 0 && faccessat(st.dir, ".", W_OK | X_OK, AT_EACCESS) < 0)
		r = -errno;
	else if (r == 0)
		return status_sets(&st, &job.sets, err);
	return r < 0 ? cni_fail(err, CNI_E_UNAVAILABLE, r, "%s/%s (ipam.dataDir) is not usable",
				job.conf.data_dir, call->network)
		     : 0;
}

const struct cni_plugin host_local_plugin = {
	.name = "host-local",
	.about = "hands out addresses from ranges and keeps the reservations in files on this host",
	.keys = keys,
	.ipam_keys = ipam_keys,
	.oldest = CNI_0_1_0,
	.add = add,
	.del = del,
	.check = check,
	.gc = gc,
	.status = status,
};
