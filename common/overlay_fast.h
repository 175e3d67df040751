/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The fast path of an overlay network: a BPF program at its VXLAN device and at the host ends of
 * its containers, which takes packets between containers past the host's stack.
 *
 * An attachment has a part in it if its record has "fast": true; then "mac" is the address of the
 * container's interface. The program holds the map of endpoints and is found by its name at the
 * VXLAN device, so nothing of it is in a file system.
 */
#ifndef HAWSER_OVERLAY_FAST_H
#define HAWSER_OVERLAY_FAST_H

#include "cni.h"
#include "nl.h"
#include "overlay_state.h"
#include "state.h"

/**
 * overlay_fast_ensure() - have the program at the VXLAN device, or at both
 * @nl: socket, nothing queued
 * @st: the network; the lock of overlay networks is held
 * @device: ifindexes: of the device with the plain name, and of the second one, 0: there is none
 * @err: why this kernel cannot: the caller decides whether that is an error
 *
 * When the program was not there, it is also put to all containers of the network again.
 *
 * Return: 0, or a negative errno; then packets take the stack.
 */
int overlay_fast_ensure(struct nlk *nl, const struct overlay_state *st, const int device[2],
			struct cni_err *err);

/**
 * overlay_fast_end() - switch it off: take the program away from device and containers
 * @nl: socket, nothing queued
 * @st: the network; the lock is held
 * @device: as above
 * @err: filled on failure
 *
 * Return: 0 (also when there is none), or a negative errno.
 */
int overlay_fast_end(struct nlk *nl, const struct overlay_state *st, const int device[2],
		     struct cni_err *err);

/** overlay_fast_record() - what an attachment's record needs: add it to @record, an object. */
void overlay_fast_record(json_t *record, const uint8_t mac[6]);

/**
 * overlay_fast_join() - let a container have part in it
 * @nl: socket, nothing queued
 * @st: the network
 * @key: of the attachment's record; its host end exists
 * @err: filled on failure
 *
 * Takes the lock. Without a program at the device nothing happens.
 *
 * Return: 0, or a negative errno.
 */
int overlay_fast_join(struct nlk *nl, const struct overlay_state *st, const struct state_key *key,
		      struct cni_err *err);

/**
 * overlay_fast_leave() - DEL: take a container's addresses out, before its links go
 * @key: of the attachment's record; without one, or if it never had part, nothing happens
 * @err: filled on failure
 *
 * Takes the lock. Who may not use bpf(2) any more is not stopped by that.
 *
 * Return: 0, or a negative errno.
 */
int overlay_fast_leave(const struct state_key *key, struct cni_err *err);

/**
 * overlay_fast_withdraw() - for plugins chained behind: this container's packets have to take the
 * stack, because something of theirs is there
 * @call: the ADD
 * @undo: receives the way back, if it had part; NULL: there is none
 * @err: filled on failure
 *
 * Costs a look for one file where there is no fast path.
 *
 * Return: 0, or a negative errno.
 */
int overlay_fast_withdraw(const struct cni_call *call, struct undo *undo, struct cni_err *err);

/**
 * overlay_fast_check() - CHECK: is everything there?
 * @st: the network
 * @key: of the attachment's record; NULL: the network's part is enough
 * @err: names what is missing. Nothing is, if the network's state says that this kernel cannot
 *
 * Return: 0, or a negative errno.
 */
int overlay_fast_check(const struct overlay_state *st, const struct state_key *key,
		       struct cni_err *err);

#endif
