/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in columns as wide as their widest cells. */
#ifndef HAWSER_TABLE_H
#define HAWSER_TABLE_H

#include <stddef.h>

struct table {
	size_t columns;
	int indent;   /* spaces before each row */
	char **cells; /* owned, row by row */
	size_t n;
};

/** table_free() - release the cells. */
void table_free(struct table *table);

#define autotable __attribute__((cleanup(table_free)))

/** table_cell() - append a cell to the last row, or begin another; control bytes become '?'. */
void table_cell(struct table *table, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/** table_print() - print the rows to stdout. */
void table_print(const struct table *table);

#endif
