/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The skeleton of every plugin: environment, stdin, verbs, result or error on stdout, exit status.
 */
#ifndef HAWSER_CNI_H
#define HAWSER_CNI_H

#include "conf.h"
#include "error.h"
#include "result.h"
#include "undo.h"
#include "version.h"

#include <jansson.h>
#include <stdbool.h>

/* Clients parse it (nerdctl, Nomad) and ask for at least 1.7.1: it never starts below 2. */
#define HAWSER_VERSION "2.0.0"

#define CNI_STDIN_MAX (16u << 20) /* bytes of configuration accepted on stdin */

enum cni_verb { CNI_ADD, CNI_DEL, CNI_CHECK, CNI_GC, CNI_STATUS, CNI_VERSION_VERB };

/* One entry of cni.dev/valid-attachments. Strings are borrowed from the configuration. */
struct cni_attachment {
	const char *container_id;
	const char *ifname;
};

/* What one invocation was asked to do. All strings are borrowed and valid until cni_main() ends. */
struct cni_call {
	enum cni_verb verb;
	const char *plugin;	       /* name of the plugin that runs */
	const char *container_id;      /* validated; NULL for GC and STATUS */
	const char *ifname;	       /* validated; NULL for GC and STATUS */
	const char *netns;	       /* CNI_NETNS verbatim; NULL when unset or empty */
	const char *path;	       /* CNI_PATH verbatim; NULL when unset or empty */
	const char *args;	       /* CNI_ARGS verbatim; NULL when unset or empty */
	const char *network;	       /* "name" of the configuration, validated */
	enum cni_version version;      /* "cniVersion" of the configuration */
	const json_t *conf;	       /* the whole configuration */
	const struct cni_result *prev; /* prevResult, NULL when absent */
	/* GC: what still exists. have_valid is false when the key was absent. */
	const struct cni_attachment *valid;
	size_t n_valid;
	bool have_valid;
};

/*
 * One plugin. A verb returns 0 or a negative errno with err filled exactly once; it never prints,
 * exits or cleans up after itself. A verb that is NULL succeeds and does nothing (loopback's GC).
 */
struct cni_plugin {
	const char *name;
	const char *about;	     /* one sentence for --help */
	const struct conf_key *keys; /* of the configuration, for --help */
	const struct conf_key
		*ipam_keys;	 /* IPAM plugins: keys below "ipam", for --help; else NULL */
	enum cni_version oldest; /* oldest spec version supported */
	int (*add)(const struct cni_call *call, struct cni_result *result, struct undo *undo,
		   struct cni_err *err);
	int (*del)(const struct cni_call *call, struct cni_err *err);
	int (*check)(const struct cni_call *call, struct cni_err *err);
	int (*gc)(const struct cni_call *call, struct cni_err *err);
	int (*status)(const struct cni_call *call, struct cni_err *err);
};

/**
 * cni_main() - run one CNI invocation of a plugin, start to finish (CNI spec 1.1.0, section 2)
 * @plugin: the plugin
 * @argc: of main()
 * @argv: of main(): "--help" and "--version" are understood
 *
 * Without CNI_COMMAND and arguments it prints the banner that clients parse on stderr.
 *
 * Return: exit status: 0, or 1 with the error as JSON on stdout.
 */
int cni_main(const struct cni_plugin *plugin, int argc, char **argv);

/**
 * cni_valid_has() - whether GC must keep an attachment
 * @call: a GC call with have_valid
 * @container_id: id
 * @ifname: interface name; NULL asks for any interface of the container
 *
 * Return: true when it is listed in cni.dev/valid-attachments. O(log n).
 */
bool cni_valid_has(const struct cni_call *call, const char *container_id, const char *ifname);

#endif
