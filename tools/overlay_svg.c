/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A picture of overlay networks as SVG 1.1.
 *
 * This node and its containers are in a frame in the middle; the peers stand on the edges of a
 * rectangle around it, so that lines from the middle to them cross no box. Up to six peers need
 * the left and right edge only. The rectangle grows until all have a place.
 */
#include "cleanup.h"
#include "overlay_blocks.h"
#include "overlay_picture.h"

#include <stdbool.h>
#include <string.h>

#define BOX_W	   210 /* pixels, as are the others */
#define LINE_H	   16
#define PAD	   8
#define GAP	   14
#define WAY	   90 /* between the frame and the peers at least */
#define MARGIN	   24
#define TITLE_H	   30
#define CHARS	   29	 /* of a line that fits into a box */
#define CONTAINERS 40	 /* more are counted only */
#define PEERS	   10000 /* no sheet has room for more */
#define FEW	   6	 /* peers on two edges */

struct boxes {
	struct block *block; /* owned */
	int n, height;	     /* of each box */
};

struct frame {
	int columns, rows; /* of containers */
	int more;	   /* containers without a box */
	int w, h;
};

/* A network's picture; places are relative to its upper left corner. */
struct picture {
	char title[BLOCK_LINE];
	struct block self;
	struct boxes peers, containers;
	struct frame frame;
	int w, h; /* of the rectangle of peers */
};

static void picture_free(struct picture *p)
{
	free(p->peers.block);
	free(p->containers.block);
}

/* ---- text ---- */

/* U+FFFE and U+FFFF are no characters of XML. */
static bool is_forbidden(const char *s)
{
	return (s[0] & 0xff) == 0xef && (s[1] & 0xff) == 0xbf && ((s[2] & 0xff) >= 0xbe);
}

/* At most so many characters; the last of more is an ellipsis. */
static void put_text(FILE *out, const char *s, int most)
{
	int n = 0;

	for (; *s; s++) {
		if ((*s & 0xc0) != 0x80 && n++ == most) {
			fputs("&#8230;", out);
			return;
		}
		if (is_forbidden(s)) {
			putc('?', out);
			s += 2;
			continue;
		}
		switch (*s) {
		case '&':
			fputs("&amp;", out);
			break;
		case '<':
			fputs("&lt;", out);
			break;
		case '>':
			fputs("&gt;", out);
			break;
		case '"':
			fputs("&quot;", out);
			break;
		default:
			putc(*s, out);
		}
	}
}

/* ---- layout ---- */

static int box_height(const struct block *block, int n)
{
	int lines = 1;

	for (int i = 0; i < n; i++)
		if (block[i].n > lines)
			lines = block[i].n;
	return lines * LINE_H + 2 * PAD;
}

static void fill_boxes(struct boxes *boxes, const json_t *list, size_t most,
		       void (*fill)(const json_t *item, struct block *block))
{
	size_t n = json_array_size(list);

	n = n < most ? n : most;
	boxes->n = (int)n;
	boxes->block = calloc(n + 1, sizeof(*boxes->block));
	if (!boxes->block)
		abort();
	for (int i = 0; i < boxes->n; i++)
		fill(json_array_get(list, (size_t)i), &boxes->block[i]);
	boxes->height = box_height(boxes->block, boxes->n);
}

static void lay_frame(struct picture *p)
{
	struct frame *f = &p->frame;

	f->columns = 1;
	while (f->columns * f->columns * 2 < p->containers.n)
		f->columns++;
	f->rows = (p->containers.n + f->columns - 1) / f->columns;
	f->w = f->columns * (BOX_W + GAP) + GAP;
	f->h = box_height(&p->self, 1) + f->rows * (p->containers.height + GAP) +
	       (f->more ? LINE_H : 0) + PAD;
}

/* How many boxes stand on the upper and lower edge, and how many between them on the others. */
static int on_row(const struct picture *p)
{
	return (p->w + GAP) / (BOX_W + GAP);
}

static int on_column(const struct picture *p)
{
	int between = p->h - 2 * (p->peers.height + GAP);

	return (between + GAP) / (p->peers.height + GAP);
}

static void lay_peers(struct picture *p)
{
	int stack = (p->peers.n + 1) / 2 * (p->peers.height + GAP) - GAP;

	p->w = p->frame.w + 2 * (WAY + BOX_W);
	p->h = p->frame.h > stack ? p->frame.h : stack;
	if (p->peers.n <= FEW)
		return;
	p->h = p->frame.h + 2 * (WAY + p->peers.height);
	while (2 * on_row(p) + 2 * on_column(p) < p->peers.n) {
		if (2 * p->w < 3 * p->h)
			p->w += BOX_W + GAP;
		else
			p->h += p->peers.height + GAP;
	}
}

static void lay_out(struct picture *p, const json_t *network, const json_t *attachments)
{
	json_auto_t *containers = block_containers(attachments, network);
	json_auto_t *nodes = block_nodes(network);
	size_t n = json_array_size(containers);

	block_network(network, p->title);
	block_self(network, &p->self);
	fill_boxes(&p->peers, nodes, PEERS, block_node);
	fill_boxes(&p->containers, containers, CONTAINERS, block_container);
	p->frame.more = n > CONTAINERS ? (int)(n - CONTAINERS) : 0;
	lay_frame(p);
	lay_peers(p);
}

/* The upper left corner of box @i of @n that are spread over an edge. */
static int spread(int i, int n, int edge, int box)
{
	return (int)((long long)edge * (2LL * i + 1) / (2LL * n)) - box / 2;
}

/* Peers go round: right, lower, left and upper edge, each with its share. */
static void place_of(const struct picture *p, int i, int *x, int *y)
{
	int rows = p->peers.n > FEW ? on_row(p) : 0, bh = p->peers.height, n = p->peers.n;
	int columns = p->peers.n > FEW ? on_column(p) : (n + 1) / 2;
	int all = 2 * (rows + columns), end = 0, begin = 0, edge = 0;
	int share[4] = { columns, rows, columns, rows }, done = 0, inset = rows ? bh + GAP : 0;

	for (; edge < 4; edge++) {
		begin = end;
		done += share[edge];
		end = (int)(((long long)n * done + all - 1) / all);
		if (i < end)
			break;
	}
	if (edge % 2 == 0) {
		*x = edge == 0 ? p->w - BOX_W : 0;
		*y = inset + spread(i - begin, end - begin, p->h - 2 * inset, bh);
	} else {
		*x = spread(i - begin, end - begin, p->w, BOX_W);
		*y = edge == 1 ? p->h - bh : 0;
	}
}

/* ---- drawing ---- */

static void put_box(FILE *out, const struct block *block, int x, int y, int height,
		    const char *fill, int stroke)
{
	const char *colour = health_looks[block->health].colour;

	fprintf(out,
		"<g><rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"5\" fill=\"%s\" "
		"stroke=\"%s\" stroke-width=\"%d\"/>\n<title>",
		x, y, BOX_W, height, fill, colour, stroke);
	for (int i = 0; i < block->n; i++) {
		fputs(i ? "\n" : "", out);
		put_text(out, block->line[i], BLOCK_LINE);
	}
	fputs("</title>\n", out);
	for (int i = 0; i < block->n; i++) {
		fprintf(out, "<text x=\"%d\" y=\"%d\"%s>", x + BOX_W / 2,
			y + PAD + (i + 1) * LINE_H - 4, i ? "" : " font-weight=\"bold\"");
		put_text(out, block->line[i], CHARS);
		fputs("</text>\n", out);
	}
	fputs("</g>\n", out);
}

static void put_frame(FILE *out, const struct picture *p, int x, int y)
{
	int self = box_height(&p->self, 1), cy = y + self;

	fprintf(out,
		"<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" rx=\"8\" fill=\"#f4f4f0\" "
		"stroke=\"#444\" stroke-width=\"2\"/>\n",
		x, y, p->frame.w, p->frame.h);
	put_box(out, &p->self, x + p->frame.w / 2 - BOX_W / 2, y, self, "none", 0);
	for (int i = 0; i < p->containers.n; i++)
		put_box(out, &p->containers.block[i],
			x + GAP + i % p->frame.columns * (BOX_W + GAP),
			cy + i / p->frame.columns * (p->containers.height + GAP),
			p->containers.height, "#eef3fb", 1);
	if (p->frame.more)
		fprintf(out, "<text x=\"%d\" y=\"%d\">and %d more containers</text>\n",
			x + p->frame.w / 2, y + p->frame.h - PAD, p->frame.more);
}

/* @top: of the picture on the sheet. */
static void put_picture(FILE *out, const struct picture *p, int sheet, int top)
{
	int left = (sheet - p->w) / 2, cx = sheet / 2, cy, x, y;

	fprintf(out, "<text x=\"%d\" y=\"%d\" font-size=\"16\" font-weight=\"bold\">", cx,
		top + 18);
	put_text(out, p->title, BLOCK_LINE);
	fputs("</text>\n", out);
	top += TITLE_H;
	cy = top + p->h / 2;
	for (int i = 0; i < p->peers.n; i++) {
		const struct health_look *look = &health_looks[p->peers.block[i].health];

		place_of(p, i, &x, &y);
		fprintf(out,
			"<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" "
			"stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n",
			cx, cy, left + x + BOX_W / 2, top + y + p->peers.height / 2, look->colour,
			look->dash);
	}
	for (int i = 0; i < p->peers.n; i++) {
		place_of(p, i, &x, &y);
		put_box(out, &p->peers.block[i], left + x, top + y, p->peers.height, "#fff", 2);
	}
	put_frame(out, p, cx - p->frame.w / 2, cy - p->frame.h / 2);
}

static void put_legend(FILE *out, int y)
{
	for (int i = 0; i < HEALTHS; i++)
		fprintf(out,
			"<line x1=\"%d\" y1=\"%d\" x2=\"%d\" y2=\"%d\" stroke=\"%s\" "
			"stroke-width=\"2\" stroke-dasharray=\"%s\"/>\n"
			"<text x=\"%d\" y=\"%d\" text-anchor=\"start\">%s</text>\n",
			MARGIN, y + i * LINE_H, MARGIN + 40, y + i * LINE_H, health_looks[i].colour,
			health_looks[i].dash, MARGIN + 50, y + i * LINE_H + 4,
			health_looks[i].meaning);
}

void overlay_svg(FILE *out, const json_t *report, const json_t *attachments)
{
	size_t n = json_array_size(report);
	struct picture *p = calloc(n + 1, sizeof(*p));
	int w = 300, h = MARGIN, top = MARGIN;

	if (!p)
		abort();
	for (size_t i = 0; i < n; i++) {
		lay_out(&p[i], json_array_get(report, i), attachments);
		if (p[i].w > w)
			w = p[i].w;
		h += TITLE_H + p[i].h + MARGIN;
	}
	w += 2 * MARGIN;
	h += HEALTHS * LINE_H + MARGIN;
	fprintf(out,
		"<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n"
		"<svg xmlns=\"http://www.w3.org/2000/svg\" version=\"1.1\" width=\"%d\" "
		"height=\"%d\" viewBox=\"0 0 %d %d\" font-family=\"monospace\" font-size=\"12\" "
		"text-anchor=\"middle\">\n<rect width=\"%d\" height=\"%d\" fill=\"#fff\"/>\n",
		w, h, w, h, w, h);
	for (size_t i = 0; i < n; i++) {
		put_picture(out, &p[i], w, top);
		top += TITLE_H + p[i].h + MARGIN;
		picture_free(&p[i]);
	}
	put_legend(out, top);
	fputs("</svg>\n", out);
	free(p);
}
