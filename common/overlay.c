/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlay network on this node as a whole: taking it away, and making its rules again. */
#include "overlay.h"

#include "cleanup.h"
#include "overlay_bridge.h"
#include "overlay_device.h"
#include "overlay_entries.h"
#include "overlay_filter.h"
#include "state.h"

#include <string.h>

/* Routes past the device do not go with it. */
static int remove_direct(struct nlk *nl, const struct overlay_state *st, struct cni_err *err)
{
	autolist struct overlay_list have = { 0 }, none = { 0 };
	autodiff struct overlay_diff diff = { 0 };
	int r = overlay_list_read(nl, 0, st->net, &have);

	overlay_list_diff(&none, &have, &diff);
	if (r == 0)
		r = overlay_list_write(nl, &diff);
	return r < 0 ? nlk_fail(err, nl, CNI_E_FAILED, r, "remove the routes of network \"%s\"",
				st->network)
		     : 0;
}

static void merge(struct cni_err *err, struct cni_err *step)
{
	if (step->code)
		cni_err_merge(err, step);
	*step = (struct cni_err){ 0 };
}

int overlay_release_locked(const struct overlay_state *st, struct cni_err *err)
{
	autonlk struct nlk nl = { 0 };
	struct cni_err step = { 0 };
	int r = nlk_open(&nl);

	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "open a netlink socket");
	if (!st->foreign)
		overlay_device_remove(&nl, st, &step);
	merge(err, &step);
	overlay_bridge_remove(&nl, st, &step);
	merge(err, &step);
	if (st->direct)
		remove_direct(&nl, st, &step);
	merge(err, &step);
	overlay_filter_remove(st->vni, &step);
	merge(err, &step);
	if (err->code)
		return -EIO;
	r = overlay_state_remove(st->network);
	return r < 0 ? cni_fail(err, CNI_E_IO, r, "remove " OVERLAY_STATE_DIR "/%s", st->network)
		     : 0;
}

int overlay_release(const char *network, struct cni_err *err)
{
	struct state_key nobody = { network, "", "", OVERLAY_PLUGIN };
	autostate struct overlay_state st = { 0 };
	autoclose int lock = -1;
	int r = overlay_state_read(network, &st);

	if (r == -ENOENT)
		return 0;
	overlay_state_free(&st);
	lock = overlay_lock(err);
	if (lock < 0)
		return lock;
	r = state_others(&nobody);
	if (r > 0)
		return 0;
	if (r == 0)
		r = overlay_state_read(network, &st);
	if (r == -ENOENT || (r == 0 && st.managed))
		return 0;
	if (r < 0)
		return cni_fail(err, CNI_E_IO, r, "read " OVERLAY_STATE_DIR "/%s", network);
	return overlay_release_locked(&st, err);
}

static int restore(const struct overlay_state *st, void *arg)
{
	struct cni_err *err = arg, step = { 0 };
	/* the agent sees that it is gone, and knows the peers */
	int r = st->managed ? 0 : overlay_filter_ensure(st, &step);

	merge(err, &step);
	return r;
}

int overlay_restore(struct cni_err *err)
{
	int r = overlay_state_each(restore, err);

	return r < 0 && !err->code ? cni_fail(err, CNI_E_IO, r, "read " OVERLAY_STATE_DIR) : r;
}
