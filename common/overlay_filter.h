/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* An overlay network's table in nf_tables: nobody injects, nobody crosses to another overlay. */
#ifndef HAWSER_OVERLAY_FILTER_H
#define HAWSER_OVERLAY_FILTER_H

#include "overlay_state.h"

#define OVERLAY_TABLE_MAX 32

/** overlay_table_name() - "hawser-vx42". Return: @name. */
char *overlay_table_name(uint32_t vni, char name[OVERLAY_TABLE_MAX]);

/**
 * overlay_filter_ensure() - make the network's table, unless it is there as it should be
 * @st: the network; its VTEPs are sorted
 * @err: filled on failure; the table is as before then
 *
 * Table inet hawser-vx<VNI> is replaced in one transaction.
 *
 * Return: 0, or a negative errno.
 */
int overlay_filter_ensure(const struct overlay_state *st, struct cni_err *err);

/** overlay_filter_check() - CHECK: is it there, with every peer? Return: 0 or a negative errno. */
int overlay_filter_check(const struct overlay_state *st, struct cni_err *err);

/** overlay_filter_remove() - remove the table; none is success. Return: 0 or a negative errno. */
int overlay_filter_remove(uint32_t vni, struct cni_err *err);

/** overlay_filter_usable() - Return: 0, or a negative errno when the kernel lacks nf_tables. */
int overlay_filter_usable(void);

#endif
