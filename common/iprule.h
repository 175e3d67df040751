/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of policy routing: "from 10.1.0.2 lookup 100". */
#ifndef HAWSER_IPRULE_H
#define HAWSER_IPRULE_H

#include "ip.h"
#include "nl.h"

#define IPRULE_LIST_MAX 256

/* A rule that looks packets of a source up in a table. */
struct iprule {
	struct ip_net from; /* length 0: of everybody */
	uint32_t table;
};

struct iprule_list {
	struct iprule r[IPRULE_LIST_MAX];
	int n;
};

/** iprule_queue_add() - queue adding a rule behind those that are not the kernel's own. */
void iprule_queue_add(struct nlk *nl, const struct iprule *rule);

/** iprule_queue_del() - queue removing a rule; one that is not there counts as removed. */
void iprule_queue_del(struct nlk *nl, const struct iprule *rule);

/**
 * iprule_list_get() - the rules of a family that look something up in a table
 * @nl: socket, nothing queued
 * @family: AF_INET or AF_INET6; a kernel without it has none
 * @out: rules are appended
 *
 * Return: 0, -E2BIG for more than IPRULE_LIST_MAX rules, or another negative errno.
 */
int iprule_list_get(struct nlk *nl, int family, struct iprule_list *out);

/** iprule_list_has() - Return: whether a rule with this source and table is in a list. */
bool iprule_list_has(const struct iprule_list *list, const struct iprule *rule);

#endif
