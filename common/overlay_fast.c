/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The fast path of an overlay network: its program and its endpoints in the kernel. */
#include "overlay_fast.h"

#include "args.h"
#include "cleanup.h"
#include "link.h"
#include "log.h"
#include "overlay.h"
#include "overlay_fast_prog.h"
#include "tc.h"
#include "veth.h"

#include <string.h>

/* The number is that of the program and of what is in the map: another one is replaced. */
#define PROGRAM	      "hawser_fast_1"
#define MAP	      "hawser_ends"
#define MAX_ENDPOINTS 8192

/* A program that is at the device, with its map. */
struct fast {
	int prog, map; /* descriptors, -1: there is none */
	uint32_t id;
};

static void fast_close(struct fast *f)
{
	cleanup_close(&f->prog);
	cleanup_close(&f->map);
}

#define autofast __attribute__((cleanup(fast_close)))
#define NO_FAST                                                                                    \
	{                                                                                          \
		-1, -1, 0                                                                          \
	}

/* Open what is at the device. What is not ours, or of another version, counts as nothing. */
static int find_program(struct nlk *nl, int device, struct fast *f)
{
	char name[BPF_OBJ_NAME_LEN];
	autoclose int prog = -1;
	uint32_t id, map;
	int r = tc_get_bpf(nl, device, TC_HOOK_INGRESS, &id);

	if (r < 0 || !id)
		return r;
	prog = bpf_prog_open(id);
	if (prog < 0)
		return prog == -ENOENT ? 0 : prog;
	r = bpf_prog_about(prog, name, &map);
	if (r < 0 || strcmp(name, PROGRAM) != 0 || !map)
		return r;
	f->map = bpf_map_open(map);
	if (f->map < 0)
		return f->map;
	f->prog = take_fd(&prog);
	f->id = id;
	return 0;
}

/* ---- making it ---- */

static int attach(struct nlk *nl, int index, int prog)
{
	tc_queue_hook(nl, index, "clsact");
	nlk_ignore(nl, -EEXIST);
	tc_queue_bpf(nl, index, TC_HOOK_INGRESS, prog, PROGRAM);
	return nlk_send(nl, NULL, NULL);
}

static int make_program(const struct overlay_state *st, const int device[2], struct fast *f,
			struct cni_err *err)
{
	struct fast_program p = { .device = { device[0], device[1] }, .port = st->port };
	autofree struct bpf_code *code = calloc(1, sizeof(*code));
	char log[256];

	if (!code)
		abort();
	f->map = bpf_map_create(MAP, sizeof(struct fast_key), sizeof(struct fast_endpoint),
				MAX_ENDPOINTS);
	if (f->map < 0)
		return cni_fail(err, CNI_E_FAILED, f->map, "create a BPF map (CONFIG_BPF_SYSCALL)");
	p.map = f->map;
	memcpy(p.net, st->net, sizeof(p.net));
	fast_program_write(code, &p);
	f->prog = bpf_prog_load(code, PROGRAM, log);
	return f->prog < 0
		       ? cni_fail(err, CNI_E_FAILED, f->prog,
				  "this kernel refuses the BPF program%s%s", *log ? ": " : "", log)
		       : 0;
}

/* ---- endpoints ---- */

static bool has_part(const json_t *record)
{
	return json_is_true(json_object_get(record, "fast"));
}

void overlay_fast_record(json_t *record, const uint8_t mac[6])
{
	char text[MAC_STRLEN];

	json_object_set_new(record, "fast", json_true());
	json_object_set_new(record, "mac", json_string(mac_str(mac, text)));
}

/* Return: 1; 0: its host end is not there (yet, or any more); or a negative errno. */
static int read_endpoint(struct nlk *nl, const json_t *record, struct fast_endpoint *e)
{
	const char *name = json_string_value(json_object_get(record, "hostInterface"));
	const char *mac = json_string_value(json_object_get(record, "mac"));
	struct link_info info;
	int r;

	if (!name || !mac || mac_parse(mac, e->mac) < 0)
		return -EBADMSG;
	r = link_get(nl, name, &info);
	if (r < 0)
		return r == -ENODEV ? 0 : r;
	e->index = (uint32_t)info.index;
	memcpy(e->host_mac, info.mac, sizeof(e->host_mac));
	return 1;
}

static int join(struct nlk *nl, const struct fast *f, const json_t *record)
{
	autofree struct ip_net *ips = NULL;
	size_t n = state_ips(record, &ips);
	struct fast_endpoint e;
	int r = read_endpoint(nl, record, &e);

	if (r <= 0)
		return r;
	r = 0;
	for (size_t i = 0; r == 0 && i < n; i++) {
		struct fast_key key = fast_key_of(&ips[i].ip);

		r = bpf_map_put(f->map, &key, &e);
	}
	return r < 0 ? r : attach(nl, (int)e.index, f->prog);
}

struct walk {
	struct nlk *nl;
	const char *network;
	const struct fast *f; /* NULL: take it away */
};

static int detach(struct nlk *nl, int index)
{
	int r;

	tc_queue_del_bpf(nl, index, TC_HOOK_INGRESS);
	r = nlk_send(nl, NULL, NULL);
	if (r == -ENOENT || r == -EINVAL) /* EINVAL: no such qdisc */
		return 0;
	if (r == 0)
		r = tc_has_filters(nl, index, TC_HOOK_INGRESS);
	if (r == 0)
		r = tc_has_filters(nl, index, TC_HOOK_EGRESS);
	if (r == 0)
		r = tc_del_qdisc(nl, index, TC_H_INGRESS, TC_HOOK, "clsact");
	return r < 0 ? r : 0;
}

static int visit(const char *container_id, const char *ifname, void *arg)
{
	const struct walk *w = arg;
	struct state_key key = { w->network, container_id, ifname, OVERLAY_PLUGIN };
	json_auto_t *record = NULL;
	struct fast_endpoint e;
	int r = state_read(&key, &record);

	if (r < 0 || !has_part(record))
		return r == -ENOENT ? 0 : r;
	if (w->f)
		return join(w->nl, w->f, record);
	r = read_endpoint(w->nl, record, &e);
	return r <= 0 ? r : detach(w->nl, (int)e.index);
}

/* ---- the network's part ---- */

/*
 * The program knows both devices: one made anew has none, and then both get another.
 * Return: 1, 0, or -EPERM: who may load programs may not find them again without CAP_SYS_ADMIN.
 */
static int is_whole(struct nlk *nl, const int device[2])
{
	autofast struct fast f = NO_FAST;
	uint32_t id = 0;
	int r = find_program(nl, device[0], &f);

	if (r < 0 || f.prog < 0)
		return r == -EPERM ? r : 0;
	return !device[1] || (tc_get_bpf(nl, device[1], TC_HOOK_INGRESS, &id) == 0 && id == f.id);
}

int overlay_fast_ensure(struct nlk *nl, const struct overlay_state *st, const int device[2],
			struct cni_err *err)
{
	autofast struct fast f = NO_FAST;
	struct walk all = { nl, st->network, &f };
	int r = is_whole(nl, device);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "find a BPF program by its number");
	if (r > 0)
		return 0;
	r = make_program(st, device, &f, err);
	if (r < 0)
		return r;
	/* the devices come last: what is missing before that is made by the next call */
	r = state_each(st->network, OVERLAY_PLUGIN, visit, &all);
	for (int i = 1; r == 0 && i >= 0; i--)
		if (device[i])
			r = attach(nl, device[i], f.prog);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r,
				"attach a BPF program (CONFIG_NET_CLS_BPF, NET_SCH_INGRESS)")
		     : 0;
}

int overlay_fast_end(struct nlk *nl, const struct overlay_state *st, const int device[2],
		     struct cni_err *err)
{
	struct walk all = { nl, st->network, NULL };
	int r = 0;

	for (int i = 0; r == 0 && i < 2; i++)
		if (device[i])
			r = detach(nl, device[i]);
	if (r == 0)
		r = state_each(st->network, OVERLAY_PLUGIN, visit, &all);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r,
				"take the fast path of network \"%s\" away", st->network)
		     : 0;
}

static int device_of(struct nlk *nl, uint32_t vni)
{
	char name[OVERLAY_DEVICE_MAX];
	struct link_info info;
	int r = link_get(nl, overlay_device_name(vni, false, name), &info);

	return r < 0 ? r : info.index;
}

/* ---- an attachment's part ---- */

static int fail_part(const struct nlk *nl, int r, const struct state_key *key, struct cni_err *err)
{
	return nlk_fail(err, nl, CNI_E_FAILED, r, "the fast path of %s of container %s",
			key->ifname, key->container_id);
}

int overlay_fast_join(struct nlk *nl, const struct overlay_state *st, const struct state_key *key,
		      struct cni_err *err)
{
	autofast struct fast f = NO_FAST;
	autoclose int lock = overlay_lock(err);
	json_auto_t *record = NULL;
	int r = lock, device;

	if (r < 0)
		return r;
	device = device_of(nl, st->vni);
	if (device == -ENODEV)
		return 0;
	r = device < 0 ? device : find_program(nl, device, &f);
	if (r == 0 && f.prog >= 0)
		r = state_read(key, &record);
	if (r == 0 && has_part(record))
		r = join(nl, &f, record);
	return r < 0 ? fail_part(nl, r, key, err) : 0;
}

/* Remove the entries of an attachment: those whose host end is its own. */
static int remove_entries(const struct fast *f, const json_t *record, const struct state_key *key)
{
	autofree struct ip_net *ips = NULL;
	size_t n = state_ips(record, &ips);
	struct veth_ids ids;
	int result = 0;

	veth_ids(key->network, key->container_id, key->ifname, &ids);
	for (size_t i = 0; i < n; i++) {
		struct fast_key at = fast_key_of(&ips[i].ip);
		struct fast_endpoint e;
		int r = bpf_map_get(f->map, &at, &e);

		if (r == 0 && memcmp(e.host_mac, ids.host_mac, sizeof(e.host_mac)) == 0)
			r = bpf_map_del(f->map, &at);
		if (r < 0 && r != -ENOENT)
			result = r;
	}
	return result;
}

/* The record first: from then on nobody puts the endpoint back. */
static int take_out(struct nlk *nl, const struct state_key *key, json_t *record, bool stays)
{
	const char *name = json_string_value(json_object_get(record, "hostInterface"));
	autostate struct overlay_state st = { 0 };
	autofast struct fast f = NO_FAST;
	struct link_info end;
	int r = 0, device;

	if (has_part(record)) {
		json_object_set_new(record, "fast", json_false());
		r = state_write(key, record);
	}
	if (r == 0)
		r = overlay_state_read(key->network, &st);
	if (r < 0)
		return r == -ENOENT ? 0 : r;
	device = device_of(nl, st.vni);
	if (device < 0)
		return device == -ENODEV ? 0 : device;
	r = find_program(nl, device, &f);
	if (r == 0 && f.prog >= 0)
		r = remove_entries(&f, record, key);
	if (r < 0 || !stays || !name)
		return r;
	r = link_get(nl, name, &end);
	return r < 0 ? r : detach(nl, end.index);
}

static int leave(const struct state_key *key, bool stays, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	autoclose int lock = -1;
	json_auto_t *record = NULL;
	int r = state_read(key, &record);

	/* a damaged record is for others to complain about */
	if (r < 0 || !(stays ? has_part(record) : !!json_object_get(record, "fast")))
		return 0;
	lock = overlay_lock(err);
	if (lock < 0)
		return lock;
	r = nlk_open(&nl);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = take_out(&nl, key, record, stays);
	if (r == -EPERM && !stays) {
		log_warn("the fast path still knows the addresses of container %s: %s",
			 key->container_id, strerror(EPERM));
		r = 0;
	}
	return r < 0 ? fail_part(&nl, r, key, err) : 0;
}

int overlay_fast_leave(const struct state_key *key, struct cni_err *err)
{
	return leave(key, false, err);
}

/* undo_fn: what a plugin behind withdrew has part again. */
static int undo_withdraw(const void *arg, struct cni_err *err)
{
	const struct cni_call *call = arg;
	struct state_key key = { call->network, call->container_id, call->ifname, OVERLAY_PLUGIN };
	autostate struct overlay_state st = { 0 };
	autonlk struct nlk nl = { 0 };
	json_auto_t *record = NULL;
	int r = state_read(&key, &record);

	if (r == 0)
		r = overlay_state_read(call->network, &st);
	if (r == 0)
		r = nlk_open(&nl);
	if (r == 0) {
		json_object_set_new(record, "fast", json_true());
		r = state_write(&key, record);
	}
	return r < 0 ? fail_part(&nl, r, &key, err) : overlay_fast_join(&nl, &st, &key, err);
}

int overlay_fast_withdraw(const struct cni_call *call, struct undo *undo, struct cni_err *err)
{
	struct state_key key = { call->network, call->container_id, call->ifname, OVERLAY_PLUGIN };
	json_auto_t *record = NULL;

	if (state_read(&key, &record) < 0 || !has_part(record))
		return 0;
	undo_push(undo, "fast path", undo_withdraw, call);
	return leave(&key, true, err);
}

/* ---- CHECK ---- */

static int check_endpoint(struct nlk *nl, const struct fast *f, const json_t *record,
			  struct cni_err *err)
{
	autofree struct ip_net *ips = NULL;
	size_t n = state_ips(record, &ips);
	struct fast_endpoint e, have;
	char text[IP_STRLEN];
	uint32_t id = 0;
	int r = read_endpoint(nl, record, &e);

	if (r > 0)
		r = tc_get_bpf(nl, (int)e.index, TC_HOOK_INGRESS, &id);
	if (r < 0)
		return nlk_fail(err, nl, CNI_E_FAILED, r, "look at the fast path");
	if (id != f->id)
		return cni_fail(err, CNI_E_FAILED, 0,
				"\"fastPath\": the program is missing at the host end %s",
				json_string_value(json_object_get(record, "hostInterface")));
	for (size_t i = 0; i < n; i++) {
		struct fast_key key = fast_key_of(&ips[i].ip);

		r = bpf_map_get(f->map, &key, &have);
		if (r < 0 || memcmp(&have, &e, sizeof(e)) != 0)
			return cni_fail(err, CNI_E_FAILED, r == -ENOENT ? 0 : r,
					"\"fastPath\": it does not lead %s to this container",
					ip_str(&ips[i].ip, text));
	}
	return 0;
}

int overlay_fast_check(const struct overlay_state *st, const struct state_key *key,
		       struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	autofast struct fast f = NO_FAST;
	autostate struct overlay_state now = { 0 };
	json_auto_t *record = NULL;
	char name[OVERLAY_DEVICE_MAX];
	int r = overlay_state_read(st->network, &now), device;

	if (r < 0 || !now.fast)
		return 0;
	r = nlk_open(&nl);
	device = r < 0 ? r : device_of(&nl, st->vni);
	r = device < 0 ? device : find_program(&nl, device, &f);
	if (r < 0)
		return nlk_fail(err, &nl, CNI_E_FAILED, r, "look at the fast path");
	if (f.prog < 0)
		return cni_fail(err, CNI_E_FAILED, 0, "\"fastPath\": the program is missing at %s",
				overlay_device_name(st->vni, false, name));
	r = key ? state_read(key, &record) : -ENOENT;
	return r < 0 || !has_part(record) ? 0 : check_endpoint(&nl, &f, record, err);
}
