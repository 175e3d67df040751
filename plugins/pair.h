/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What bridge and ptp share: the veth pair of an attachment, its record, and taking both away. */
#ifndef HAWSER_PAIR_H
#define HAWSER_PAIR_H

#include "container.h"
#include "link.h"
#include "plugins/filter.h"
#include "plugins/iface.h"

/* What one ADD carries from step to step. */
struct pair {
	const struct cni_call *call;
	const struct iface_conf *conf;
	const struct filter_conf *filter;
	struct nlk host; /* a socket of the host's namespace */
	int netns_fd;
	struct veth_ids ids;
	struct link_info port; /* the host end; .peer is the container's end */
};

/* Whose attachments pair_detach() takes away. */
struct pair_owner {
	const struct cni_call *call;
	const struct filter_conf *filter;
	bool wait; /* for the kernel to release everything */
};

/**
 * pair_open() - begin an ADD: the container's namespace, a socket, the names
 * @p: .call, .conf and .filter set by the caller, .netns_fd -1; release with pair_close()
 * @err: CNI_E_ENV and CNI_E_NETNS for CNI_NETNS; CNI_E_FAILED when the container is attached
 *       already: a second ADD must not touch what the first one made
 *
 * Return: 0, or a negative errno.
 */
int pair_open(struct pair *p, struct cni_err *err);

/** pair_close() - release what pair_open() opened. */
void pair_close(struct pair *p);

#define autopair __attribute__((cleanup(pair_close)))

/**
 * pair_choose_mac() - the MAC of the container's end: as configured, else after its IPv4 address,
 * else from the hash
 */
void pair_choose_mac(struct pair *p, const struct cni_result *result);

/**
 * pair_write_record() - write the attachment's record, and put its part into netfilter
 * @p: the attachment
 * @record: keys of the plugin's own, beside those of iface_record()
 * @result: addresses
 * @undo: receives the way back
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int pair_write_record(struct pair *p, json_t *record, const struct cni_result *result,
		      struct undo *undo, struct cni_err *err);

/**
 * pair_create() - make the links: the host end up, the container's end down
 * @p: .port is filled
 * @master: ifindex of the bridge that the host end becomes a port of, 0: none
 * @bridge: its name, for errors
 * @undo: receives the way back
 * @err: CNI_E_TRY_LATER for a bridge without a free port
 *
 * Return: 0, or a negative errno.
 */
int pair_create(struct pair *p, int master, const char *bridge, struct undo *undo,
		struct cni_err *err);

/**
 * pair_undo_first() - let a rollback begin with the links, whatever was made since
 * @p: the attachment, its links made
 * @undo: receives the way back once more
 */
void pair_undo_first(const struct pair *p, struct undo *undo);

/**
 * pair_ignore_advertisements() - no router advertisements of the container for a port of a bridge
 * @p: the attachment, its links made
 * @err: filled on failure
 *
 * CVE-2020-10749. A bridge port does not see packets itself: a read-only /proc/sys is no failure.
 *
 * Return: 0, or a negative errno.
 */
int pair_ignore_advertisements(const struct pair *p, struct cni_err *err);

/**
 * pair_check_port() - CHECK: is a host end a port of the bridge, as it was made?
 * @port: the host end
 * @bridge: the bridge
 * @hairpin: as configured
 * @isolated: the same
 * @err: names the difference
 *
 * Return: 0, or a negative errno.
 */
int pair_check_port(const struct link_info *port, const struct link_info *bridge, bool hairpin,
		    bool isolated, struct cni_err *err);

/**
 * pair_configure_container() - configure the container's end, and wait for the host end's carrier
 * @p: the attachment, its links made
 * @setup: how; whose end it is gets filled in. With .announce the neighbours hear of the addresses
 *         when the bridge takes frames from the host end
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int pair_configure_container(struct pair *p, struct container_setup *setup, struct cni_err *err);

/**
 * pair_report() - append host end and container end to a result, whose addresses are the latter's
 * @p: the attachment
 * @result: changed
 */
void pair_report(const struct pair *p, struct cni_result *result);

/**
 * pair_detach() - DEL and GC: link, part in netfilter and record of an attachment (iface_detach_fn)
 * @key: whose
 * @arg: struct pair_owner
 * @err: the first failure; every step runs
 *
 * Return: 0, or a negative errno.
 */
int pair_detach(const struct state_key *key, const void *arg, struct cni_err *err);

#endif
