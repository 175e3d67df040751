/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: "fastPath" in ADD. */
#include "plugins/vxlan_fast.h"

#include "chain.h"
#include "cleanup.h"
#include "log.h"
#include "overlay_fast.h"

static void warn_slow(const char *what, const struct cni_err *why)
{
	log_warn("\"fastPath\": packets of %s take the host's stack: %s%s%s", what, why->msg,
		 *why->details ? ": " : "", why->details);
}

int vxlan_fast_ensure(struct nlk *nl, struct vxlan_conf *conf, int device, struct cni_err *err)
{
	const int devices[2] = { device, 0 };
	struct overlay_state *st = &conf->st;
	bool works = conf->fast_path;
	struct cni_err why = { 0 };
	int r = 0;

	if (works && overlay_fast_ensure(nl, st, devices, &why) < 0) {
		warn_slow(st->network, &why);
		works = false;
	}
	if (st->fast && !works)
		r = overlay_fast_end(nl, st, devices, err);
	if (r < 0 || st->fast == works)
		return r;
	st->fast = works;
	r = overlay_state_write(st);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "write " OVERLAY_STATE_DIR "/%s", st->network)
		     : 0;
}

/* undo_fn: a container of a failed ADD. */
static int undo_fast(const void *arg, struct cni_err *err)
{
	struct state_key key = chain_key(arg);

	return overlay_fast_leave(&key, err);
}

void vxlan_fast_join(struct nlk *nl, const struct vxlan_conf *conf, const struct cni_call *call,
		     struct undo *undo)
{
	struct state_key key = chain_key(call);
	struct cni_err why = { 0 }, more = { 0 };

	if (!conf->st.fast)
		return;
	undo_push(undo, "fast path", undo_fast, call);
	if (overlay_fast_join(nl, &conf->st, &key, &why) == 0)
		return;
	warn_slow(call->container_id, &why);
	overlay_fast_withdraw(call, NULL, &more);
}

int vxlan_fast_check(const struct cni_call *call, const struct vxlan_conf *conf,
		     struct cni_err *err)
{
	struct state_key key = chain_key(call);
	autonlk struct nlk nl = { 0 };
	struct cni_err why = { 0 };
	int r;

	if (!conf->fast_path || overlay_fast_check(&conf->st, &key, &why) == 0)
		return 0;
	log_warn("%s%s%s", why.msg, *why.details ? ": " : "", why.details);
	r = nlk_open(&nl);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	r = overlay_fast_join(&nl, &conf->st, &key, err);
	return r < 0 ? r : overlay_fast_check(&conf->st, &key, err);
}
