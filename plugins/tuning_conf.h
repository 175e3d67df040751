/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of the tuning plugin: what is to be changed, and whether it is allowed. */
#ifndef HAWSER_TUNING_CONF_H
#define HAWSER_TUNING_CONF_H

#include "cni.h"
#include "mac.h"

#define TUNING_DATA_DIR	 "/run/cni/tuning"		  /* of the reference */
#define TUNING_ALLOWLIST "/etc/cni/tuning/allowlist.conf" /* of the reference */
#define TUNING_PATH_MAX	 200

/* One sysctl. Paths are below /proc/sys and begin with "net/". */
struct tuning_sysctl {
	const char *key, *value; /* as written; borrowed from the configuration */
	char path[TUNING_PATH_MAX];
	char alternative[TUNING_PATH_MAX]; /* with every dot as a separator, for a path that does
					      not exist; "": none */
};

struct tuning_conf {
	/* as configured */
	const json_t *sysctl, *args_sysctl;
	const char *data_dir;
	bool promisc, allmulti;
	int64_t mtu;	      /* 0: as it is */
	int64_t tx_queue_len; /* -1: as it is */
	/* worked out from the above */
	bool set_allmulti;
	struct mac_wanted mac;
	struct tuning_sysctl *sysctls; /* owned */
	size_t n_sysctls;
};

/* The table of keys, for --help. */
extern const struct conf_key tuning_keys[];

/**
 * tuning_conf_read() - read the keys, the arguments that override them, and the allowlist
 * @call: any verb's call
 * @conf: filled; strings are borrowed from the call; release with tuning_conf_free()
 * @err: CNI_E_DECODE, CNI_E_CONF, CNI_E_ENV for CNI_ARGS, CNI_E_IO for the allowlist
 *
 * Precedence as in the reference: the keys, CNI_ARGS, runtimeConfig, args.cni.
 *
 * Return: 0, or a negative errno.
 */
int tuning_conf_read(const struct cni_call *call, struct tuning_conf *conf, struct cni_err *err);

/** tuning_conf_free() - release what @conf owns. */
void tuning_conf_free(struct tuning_conf *conf);

#define autotuning __attribute__((cleanup(tuning_conf_free)))

/** tuning_changes_link() - Return: whether something beside sysctls is to be changed. */
bool tuning_changes_link(const struct tuning_conf *conf);

/**
 * tuning_dir() - the directory of backup files, for a DEL without a record of ours
 * @call: the call; its configuration may be damaged
 *
 * Return: borrowed from the configuration, or the default.
 */
const char *tuning_dir(const struct cni_call *call);

#endif
