/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The shaping of an attachment by its record: its names, and taking it away. Also for tools/hawser.
 */
#ifndef HAWSER_BANDWIDTH_RECORD_H
#define HAWSER_BANDWIDTH_RECORD_H

#include "error.h"
#include "state.h"

#include <net/if.h>
#include <stdint.h>

/*
 * The record's keys: "hostInterface" and "hostIndex", the container's other end; "root", the kind
 * of its root qdisc, and "hook", the kind of the one that holds filters; "ifb" and "ingressIfb",
 * the devices that those redirect to what comes from the container, and what goes there. Of the
 * last four, what is not needed is absent.
 */

/* The IFB devices of an attachment. */
struct bandwidth_ids {
	char ifb[IFNAMSIZ];	   /* the reference's name, by which its DEL finds it */
	char second_ifb[IFNAMSIZ]; /* where that is taken by another interface of the container */
	char ingress_ifb[IFNAMSIZ];
	uint8_t mac[6]; /* of all of them: tells whose they are */
};

/** bandwidth_ids() - derive the names from the attachment alone. @out: filled. */
void bandwidth_ids(const struct state_key *key, struct bandwidth_ids *out);

/**
 * bandwidth_remove() - take the shaping of an attachment away, and its record
 * @key: whose
 * @foreign: without a record, remove what the Go plugin may have made
 * @wait: wait for the kernel to release everything, instead of for its announcement
 * @err: filled on failure; all steps are run all the same
 *
 * Return: 0 (also when there was nothing), or a negative errno.
 */
int bandwidth_remove(const struct state_key *key, bool foreign, bool wait, struct cni_err *err);

#endif
