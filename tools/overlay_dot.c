/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture of overlay networks in the language of graphviz. */
#include "overlay_blocks.h"
#include "overlay_picture.h"

#include <stdbool.h>

/* Within a quoted string: lines that are centred. Names of whatever kind are in labels only. */
static void put_quoted(FILE *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '"' || *text == '\\')
			putc('\\', out);
		putc(*text, out);
	}
}

static void put_block(FILE *out, const char *id, const struct block *block, const char *more)
{
	fprintf(out, "\t\t\"%s\" [label=\"", id);
	for (int i = 0; i < block->n; i++) {
		if (i)
			fputs("\\n", out);
		put_quoted(out, block->line[i]);
	}
	fprintf(out, "\", color=\"%s\"%s];\n", health_looks[block->health].colour, more);
}

/* What a list describes, each with a link to this node: containers' links are all the same. */
static void put_around(FILE *out, size_t n, const char *kind, const json_t *list,
		       void (*fill)(const json_t *item, struct block *block))
{
	bool peers = kind[0] == 'p';
	const json_t *item;
	char id[64];
	size_t i;

	json_array_foreach (list, i, item) {
		struct block block = { 0 };
		const struct health_look *look;

		fill(item, &block);
		look = &health_looks[block.health];
		snprintf(id, sizeof(id), "%zu.%s.%zu", n, kind, i);
		put_block(out, id, &block, peers ? "" : ", style=filled, fillcolor=\"#eef3fb\"");
		if (peers)
			fprintf(out,
				"\t\t\"%zu.self\" -- \"%s\" [color=\"%s\", style=%s, "
				"tooltip=\"%s\"];\n",
				n, id, look->colour, look->dot_style, look->meaning);
		else
			fprintf(out, "\t\t\"%zu.self\" -- \"%s\" [style=dotted];\n", n, id);
	}
}

static void put_network(FILE *out, size_t n, const json_t *network, const json_t *attachments)
{
	json_t *containers = block_containers(attachments, network);
	json_t *nodes = block_nodes(network);
	struct block self = { 0 };
	char label[BLOCK_LINE], id[64];

	fprintf(out, "\tsubgraph \"cluster.%zu\" {\n\t\tlabel=\"", n);
	put_quoted(out, block_network(network, label));
	fputs("\";\n", out);
	block_self(network, &self);
	snprintf(id, sizeof(id), "%zu.self", n);
	put_block(out, id, &self, ", penwidth=2");
	put_around(out, n, "container", containers, block_container);
	put_around(out, n, "peer", nodes, block_node);
	fputs("\t}\n", out);
	json_decref(containers);
	json_decref(nodes);
}

void overlay_dot(FILE *out, const json_t *report, const json_t *attachments)
{
	const json_t *network;
	size_t i;

	fputs("graph \"hawser\" {\n\tcharset=\"UTF-8\";\n\tnode [shape=box, fontsize=10];\n", out);
	json_array_foreach (report, i, network)
		put_network(out, i, network, attachments);
	fputs("}\n", out);
}
