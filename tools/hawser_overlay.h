/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hawser overlay": what the overlay networks of this node are like, as text, JSON or a picture. */
#ifndef HAWSER_OVERLAY_TOOL_H
#define HAWSER_OVERLAY_TOOL_H

/**
 * hawser_overlay() - "status" and "graph"
 * @argc: number of arguments
 * @argv: behind "overlay"; options may stand anywhere
 *
 * Return: exit status: 0; 1 when something is wrong or the network does not exist; 2 for a wrong
 * command line, with nothing printed.
 */
int hawser_overlay(int argc, char **argv);

#endif
