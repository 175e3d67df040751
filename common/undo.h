/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The undo list: lasting effects of an ADD, taken back in reverse order when a later step fails. */
#ifndef HAWSER_UNDO_H
#define HAWSER_UNDO_H

#include "error.h"

#include <stddef.h>

/*
 * One entry takes back one effect. It must be idempotent and may not assume that later effects
 * happened. Its errors go to stderr: the error that started the rollback is the one reported.
 */
typedef int (*undo_fn)(const void *arg, struct cni_err *err);

struct undo_entry {
	undo_fn fn;
	const void *arg;
	const char *what;
	void *owned; /* copy made by undo_push_copy(), else NULL */
};

/* Fixed size on purpose: an ADD makes a handful of lasting effects (architecture: at most three).
 */
struct undo {
	struct undo_entry entries[16];
	int count;
};

/**
 * undo_push() - register how to take back an effect, before the next step can fail
 * @undo: the list; NULL is allowed and does nothing (verbs that have no rollback)
 * @what: name of the effect for the trace, a string literal
 * @fn: function that takes it back
 * @arg: its argument, borrowed; must live until undo_run() or the end of the process
 *
 * Pushing more than the list holds is a programming error and aborts.
 */
void undo_push(struct undo *undo, const char *what, undo_fn fn, const void *arg);

/**
 * undo_push_copy() - undo_push() with an argument that the list copies and owns
 * @undo: the list
 * @what: name of the effect, a string literal
 * @fn: function that takes it back
 * @arg: copied
 * @size: of what @arg points to, in bytes
 */
void undo_push_copy(struct undo *undo, const char *what, undo_fn fn, const void *arg, size_t size);

/**
 * undo_drop() - forget everything: the call succeeded
 * @undo: the list, empty afterwards
 */
void undo_drop(struct undo *undo);

/**
 * undo_run() - take back everything, last effect first; all entries run even if one fails
 * @undo: the list, empty afterwards
 */
void undo_run(struct undo *undo);

#endif
