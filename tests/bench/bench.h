/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The benchmark: what its files share. Any failure ends the program, so nothing returns errors. */
#ifndef HAWSER_BENCH_H
#define HAWSER_BENCH_H

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

/* One measured call, in milliseconds. */
struct sample {
	double wall;	/* spawn to exit: what the runtime waits for */
	double cpu;	/* user and system time of the process and all its descendants */
	double gone;	/* until eth0 has left the container's namespace; DEL only */
	double settled; /* until the last detached child has ended, too */
};

/* The samples of one measure; all series of a measure grow together, so index = pair. */
struct series {
	struct sample *v;
	size_t n;
};

struct ratio {
	double median, low, high; /* with the bootstrap's 95 % interval */
};

typedef double (*pick_fn)(const struct sample *sample);

/* One way of attaching a container. */
struct tool {
	const char *name;
	const char *dir;    /* of the plugins; NULL for the floor program */
	const char *bridge; /* ours, for the floor's argument */
	const char *floor;  /* "add" or "addq" */
	int subnet;	    /* 10.SUBNET.0.0/16 */
	char conf[64];	    /* file with the configuration */
};

/* A host of its own: network and mount namespace. */
struct node {
	int net, mnt;
};

/* One way of attaching a container with two published ports through bridge, portmap, firewall. */
struct chain {
	const char *name;
	const char *dir;     /* of the plugins */
	const char *backend; /* of all three; NULL: what they choose */
	const char *rest;    /* the plugins behind bridge, as JSON; NULL: portmap and firewall */
	const char *version; /* cniVersion; NULL: 1.0.0, the newest that the reference knows */
	struct node node;
	struct series add, del;
};

/* Entries of portMappings, all tcp. */
struct mappings {
	int first, n; /* host ports */
	int step;     /* from one to the next */
	int fan;      /* the same of the container's, which begin with the same; 0: all port 80 */
	int range;    /* key of that name; 0: none */
};

struct counts {
	int execs, forks, threads, syscalls;
};

/* stats.c */
double pick_wall(const struct sample *sample);
double pick_cpu(const struct sample *sample);
double pick_gone(const struct sample *sample);
double pick_settled(const struct sample *sample);
void series_add(struct series *s, const struct sample *sample);
void series_free(struct series *s);
double series_quantile(const struct series *s, pick_fn pick, double q);
struct ratio series_ratio(const struct series *a, pick_fn pick_a, const struct series *b,
			  pick_fn pick_b);

/* proc.c */
double now_ms(void);
void die(const char *fmt, ...) __attribute__((format(printf, 1, 2), noreturn));
void proc_init(void);
void proc_run(const char *const *argv, char *const *env, const char *input, int probe,
	      struct sample *out);
char *proc_output(void);
void proc_argv(const char *argv[16], const char *const *prefix, const char *const *words);
void cni_run(const struct tool *tool, const char *plugin, const char *const *prefix,
	     const char *verb, const char *id, int ns, struct sample *out);
void attach(const struct tool *tool, int id, int ns, struct sample *out);
void detach(const struct tool *tool, int id, int ns, struct sample *out);

/* pool.c */
void pool_init(int n);
int pool_more(int n);
int pool_fd(int ns);
int pool_probe(int ns);
void tool_conf(struct tool *tool, const char *range);
void file_write(const char *path, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
int env_int(const char *name, int fallback);

/* node.c */
void node_make(struct node *node);
void node_enter(const struct node *node);
void node_leave(void);
void node_close(struct node *node);
void shell(const char *fmt, ...) __attribute__((format(printf, 1, 2)));

/* chain.c */
void chain_make(struct chain *chain);
void chain_run(const struct chain *chain, const char *const *prefix, const char *verb, int ns,
	       struct sample *out);
void chain_pair(struct chain *chain, int ns, bool record);
void chain_close(struct chain *chain);

void chain_report(FILE *csv, const struct chain *c);
void chain_report_against(const struct chain *c, const struct chain *ref, double add_goal,
			  double del_goal);

/* ports.c */
void mappings_write(const char *path, const char *address, const struct mappings *m);

/* counts.c */
extern const char *const trace_prefix[];
struct counts trace_read(void);

/* report.c */
extern const char *out_dir, *floor_path, *cnitool_path, *empty_dir;
FILE *csv_open(const char *name, const char *header);
void csv_series(FILE *f, const char *what, const char *tool, const struct series *s);
void report_head(const char *ours, const char *ref);
void report_line(const char *what, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
void report_goal(const char *what, double value, double goal, bool at_most, const char *fmt, ...)
	__attribute__((format(printf, 5, 6)));
void report_ratio(const char *what, struct ratio r, double goal);
void report_rates(const char *what, const struct series *a, const struct series *b, double goal);
int report_end(void);

/* the measures */
void measure_attach(struct tool *ours, struct tool *ref);
void measure_growth(struct tool *ours, struct tool *ref);
void measure_ipam(const struct tool *ours, const struct tool *ref);
void measure_counts(const struct tool *ours, const struct tool *ref);
void measure_chain(const char *ours, const char *ref);
void measure_start(const char *ours, const char *ref);
void measure_styles(const char *ours, const char *ref);
void measure_scale(const char *ours, const char *ref);
void measure_ports(const char *ours);
void measure_connections(const char *ours);
void measure_overlay(const char *ours);
void measure_peers(const char *ours);

#endif
