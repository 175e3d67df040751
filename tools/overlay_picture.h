/* SPDX-License-Identifier: GPL-2.0-or-later */
/* A picture of overlay networks: this node in the middle, the peers around it. */
#ifndef HAWSER_OVERLAY_PICTURE_H
#define HAWSER_OVERLAY_PICTURE_H

#include <jansson.h>
#include <stdio.h>

/**
 * overlay_dot() - in the language of graphviz
 * @out: where to
 * @report: of overlay_report()
 * @attachments: of hawser_attachments(): containers and their ports
 */
void overlay_dot(FILE *out, const json_t *report, const json_t *attachments);

/** overlay_svg() - the same as SVG 1.1, drawn without any other program. */
void overlay_svg(FILE *out, const json_t *report, const json_t *attachments);

#endif
