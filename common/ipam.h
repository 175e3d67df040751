/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* IPAM delegation: our own plugins in-process, any other by exec (CNI spec 1.1.0, section 4). */
#ifndef HAWSER_IPAM_H
#define HAWSER_IPAM_H

#include "cni.h"

/* Our own IPAM plugins, linked into the caller; ipam/builtin.c defines it. Ends with NULL. */
extern const struct cni_plugin *const ipam_builtins[];

/*
 * A note in every executable of ours. ipam_*() looks for it in the file that CNI_PATH resolves
 * ipam.type to: only then the linked-in twin may stand in for an exec of that file.
 */
#define IPAM_NOTE "hawser-in-process-ipam-1"

/**
 * ipam_add() - ADD of the plugin that ipam.type names
 * @call: the interface plugin's call
 * @type: value of ipam.type, not empty
 * @result: empty; receives addresses (interface -1), routes and dns
 * @undo: receives the release of what was allocated; it stays valid until @call ends
 * @err: the delegate's own error, or why it could not be run
 *
 * After a failed exec ADD the delegate is called again with DEL, as the specification asks.
 *
 * Return: 0, or a negative errno.
 */
int ipam_add(const struct cni_call *call, const char *type, struct cni_result *result,
	     struct undo *undo, struct cni_err *err);

/** ipam_del() - DEL of the plugin that ipam.type names. Return: 0, or a negative errno. */
int ipam_del(const struct cni_call *call, const char *type, struct cni_err *err);

/** ipam_check() - CHECK of the plugin that ipam.type names. Return: 0, or a negative errno. */
int ipam_check(const struct cni_call *call, const char *type, struct cni_err *err);

/** ipam_gc() - GC of the plugin that ipam.type names. Return: 0, or a negative errno. */
int ipam_gc(const struct cni_call *call, const char *type, struct cni_err *err);

/** ipam_status() - STATUS of the plugin that ipam.type names. Return: 0, or a negative errno. */
int ipam_status(const struct cni_call *call, const char *type, struct cni_err *err);

#endif
