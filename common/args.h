/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Validation of names from the environment and the configuration, and CNI_ARGS. */
#ifndef HAWSER_ARGS_H
#define HAWSER_ARGS_H

#include "error.h"

#include <stdbool.h>
#include <stdint.h>

#define ARGS_ID_MAX  220 /* "<id>-<ifname>:<plugin>" is a file name of ours */
#define ARGS_NET_MAX 200 /* a directory name, and part of the runtime's cache file name */

/**
 * args_check_id() - container id: ^[a-zA-Z0-9][a-zA-Z0-9_.-]*$, at most ARGS_ID_MAX bytes
 * @id: text
 * @err: CNI_E_ENV
 *
 * Return: 0, or a negative errno.
 */
int args_check_id(const char *id, struct cni_err *err);

/** args_check_network() - network name, same alphabet as ids. @err: CNI_E_CONF. Return: 0 or
 * -errno. */
int args_check_network(const char *name, struct cni_err *err);

/**
 * args_check_ifname() - interface name as the kernel takes it (dev_valid_name() in net/core/dev.c):
 * 1 to 15 bytes, not "." or "..", no '/', ':', '%' or white space
 * @name: text
 * @code: enum cni_code to report (CNI_E_ENV for CNI_IFNAME, CNI_E_CONF for a key)
 * @key: what the name is called in the error text ("CNI_IFNAME", "bridge")
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int args_check_ifname(const char *name, int code, const char *key, struct cni_err *err);

/* One K=V pair a plugin understands. The table ends with a NULL key. */
struct args_pair {
	const char *key;    /* matched exactly */
	const char **value; /* receives a string owned by the args_list */
};

/* Owns the text that values point into. */
struct args_list {
	char *text;
};

/**
 * args_parse() - read CNI_ARGS ("K=V;K2=V2")
 * @raw: text, NULL and "" hold nothing; a value may contain '=' (first '=' splits)
 * @known: pairs to fill; values of absent keys are untouched
 * @list: receives ownership of the text; release with args_free()
 * @err: CNI_E_ENV: a pair without '=', or unknown keys while IgnoreUnknown is not 1 or true
 *
 * Return: 0, or a negative errno.
 */
int args_parse(const char *raw, const struct args_pair *known, struct args_list *list,
	       struct cni_err *err);

/** args_free() - release @list. */
void args_free(struct args_list *list);

/**
 * mac_parse() - six hex pairs joined by ':' or '-'
 * @s: text
 * @mac: six bytes, untouched on failure
 *
 * Return: 0; -EINVAL: not such a text, or a multicast or all-zero address.
 */
int mac_parse(const char *s, uint8_t mac[6]);

#define MAC_STRLEN 18

/** mac_str() - "02:42:0a:01:00:02". Return: @buf. */
char *mac_str(const uint8_t mac[6], char buf[MAC_STRLEN]);

#endif
