/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Running one plugin of a list: its stdin, its environment, its error, the time it took. */
#ifndef HAWSER_RUNPLUGIN_H
#define HAWSER_RUNPLUGIN_H

#include "args.h"
#include "netlist.h"

#include <limits.h>

/* What one run of cnitool works with. */
struct run {
	struct netlist list;
	const char *path;	  /* CNI_PATH */
	const char *args;	  /* CNI_ARGS, or NULL */
	json_t *cap_args;	  /* owned, or NULL */
	json_t *keep;		  /* owned: gc: [{"containerID", "ifname"?}] of the command line */
	char id[ARGS_ID_MAX + 1]; /* container id; unused by gc and status */
	const char *ifname;	  /* same */
	char netns[PATH_MAX];	  /* same; "" when unknown */
	bool trace;		  /* print the time of each plugin on stderr */
};

/**
 * run_plugin() - run one plugin of the list with one verb
 * @run: the list, and environment and arguments of the plugin
 * @plugin: its configuration; name, cniVersion and the capability arguments it declares are added
 * @verb: "ADD", "DEL", "CHECK", "GC" or "STATUS"; the last two get no attachment in the environment
 * @what: the verb as libcni names it in errors: "add", "delete", ...
 * @prev: prevResult to add, or NULL
 * @valid: GC: what to add as cni.dev/valid-attachments, else NULL
 * @output: NUL-terminated stdout, owned by the caller; set on success only; may be NULL
 * @err: code and text of the plugin's error object; CNI_E_FAILED when it gave none
 *
 * The plugin's stderr is ours. SIGPIPE must be ignored.
 *
 * Return: 0 when the plugin ended with status 0, else a negative errno.
 */
int run_plugin(const struct run *run, const json_t *plugin, const char *verb, const char *what,
	       const json_t *prev, const json_t *valid, char **output, struct cni_err *err);

#endif
