/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlay network on this node as a whole: taking it away, and making its rules again. */
#ifndef HAWSER_OVERLAY_H
#define HAWSER_OVERLAY_H

#include "overlay_state.h"

/* Plugin whose attachment records keep a network alive. */
#define OVERLAY_PLUGIN "vxlan"

/**
 * overlay_release() - take a network's devices, entries and table away, if no container is left in
 * it
 * @network: name
 * @err: the first failure; every step runs, and what is known of the network stays for the next try
 *
 * Works from what overlay_state_read() gives; for a network without that it succeeds, and one that
 * an agent manages stays. Takes the lock.
 *
 * Return: 0, or a negative errno.
 */
int overlay_release(const char *network, struct cni_err *err);

/** overlay_release_locked() - overlay_release() for who holds the lock, whoever is left in it. */
int overlay_release_locked(const struct overlay_state *st, struct cni_err *err);

/** overlay_restore() - make the tables of all networks again, beside managed ones. Return: 0 or a
 * negative errno. */
int overlay_restore(struct cni_err *err);

#endif
