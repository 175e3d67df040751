/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Text in columns as wide as their widest cells. */
#include "table.h"

#include "error.h"

#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void table_free(struct table *table)
{
	for (size_t i = 0; i < table->n; i++)
		free(table->cells[i]);
	free(table->cells);
}

void table_cell(struct table *table, const char *fmt, ...)
{
	char text[512];
	va_list ap;

	va_start(ap, fmt);
	vsnprintf(text, sizeof(text), fmt, ap);
	va_end(ap);
	text_sanitize(text);
	table->cells = realloc(table->cells, (table->n + 1) * sizeof(*table->cells));
	if (!table->cells)
		abort();
	table->cells[table->n] = strdup(text);
	if (!table->cells[table->n++])
		abort();
}

/* Characters, of valid UTF-8. */
static int width_of(const char *text)
{
	int n = 0;

	for (; *text; text++)
		n += (*text & 0xc0) != 0x80;
	return n;
}

static int width_of_column(const struct table *table, size_t column)
{
	int width = 0;

	for (size_t i = column; i < table->n; i += table->columns) {
		int n = width_of(table->cells[i]);

		if (n > width)
			width = n;
	}
	return width;
}

void table_print(const struct table *table)
{
	int *widths = calloc(table->columns, sizeof(*widths));

	if (!widths)
		abort();
	for (size_t c = 0; c < table->columns; c++)
		widths[c] = width_of_column(table, c);
	for (size_t i = 0; i < table->n; i++) {
		size_t c = i % table->columns;
		bool last = c + 1 == table->columns;

		printf("%*s%s%*s", c ? 2 : table->indent, "", table->cells[i],
		       last ? 0 : widths[c] - width_of(table->cells[i]), "");
		if (last)
			putchar('\n');
	}
	free(widths);
}
