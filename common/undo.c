/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The undo list: lasting effects of an ADD, taken back in reverse order when a later step fails. */
#include "undo.h"

#include "cleanup.h"
#include "fault.h"
#include "log.h"

#include <string.h>

void undo_push(struct undo *undo, const char *what, undo_fn fn, const void *arg)
{
	if (!undo)
		return;
	assert(undo->count < (int)ARRAY_SIZE(undo->entries));
	log_trace("undo: registered %s", what);
	undo->entries[undo->count++] = (struct undo_entry){ fn, arg, what, NULL };
}

void undo_push_copy(struct undo *undo, const char *what, undo_fn fn, const void *arg, size_t size)
{
	void *copy;

	if (!undo)
		return;
	copy = malloc(size);
	if (!copy)
		abort();
	memcpy(copy, arg, size);
	undo_push(undo, what, fn, copy);
	undo->entries[undo->count - 1].owned = copy;
}

void undo_drop(struct undo *undo)
{
	while (undo->count > 0)
		free(undo->entries[--undo->count].owned);
}

void undo_run(struct undo *undo)
{
	fault_off();
	while (undo->count > 0) {
		const struct undo_entry *e = &undo->entries[--undo->count];
		struct cni_err err = { 0 };

		log_trace("undo: %s", e->what);
		if (e->fn(e->arg, &err) < 0)
			log_warn("rollback of %s failed: %s", e->what, err.msg);
		free(e->owned);
	}
}
