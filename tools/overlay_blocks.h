/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in the boxes of a picture of overlay networks. */
#ifndef HAWSER_OVERLAY_BLOCKS_H
#define HAWSER_OVERLAY_BLOCKS_H

#include <jansson.h>

#define BLOCK_LINES 8
#define BLOCK_LINE  320

enum health { HEALTH_UNKNOWN, HEALTH_GOOD, HEALTH_WARN, HEALTH_BAD, HEALTHS };

/* A colour, a dash pattern of SVG, a style of graphviz, and what it means. */
struct health_look {
	const char *colour, *dash, *dot_style, *meaning;
};

extern const struct health_look health_looks[HEALTHS];

/* Lines of valid UTF-8 without control characters; the first is the name. */
struct block {
	char line[BLOCK_LINES][BLOCK_LINE];
	int n;
	enum health health;
};

/** block_network() - "network blue: VNI 42, port 4789, mode l3". Return: @buf. */
char *block_network(const json_t *network, char buf[BLOCK_LINE]);

/** block_self() - this node. @network: of overlay_report(). */
void block_self(const json_t *network, struct block *block);

/**
 * block_nodes() - the peers of a network, those of one name together: a node may have a device, and
 * so a VTEP, for each family
 *
 * Return: array of arrays of peers, new reference.
 */
json_t *block_nodes(const json_t *network);

/** block_node() - an array of peers that are one node; its health is that of the ways to it. */
void block_node(const json_t *peers, struct block *block);

/** block_container() - an attachment of hawser_attachments(). */
void block_container(const json_t *attachment, struct block *block);

/**
 * block_containers() - attachments to a network
 * @attachments: of hawser_attachments()
 * @network: of overlay_report()
 *
 * Return: array, new reference.
 */
json_t *block_containers(const json_t *attachments, const json_t *network);

#endif
