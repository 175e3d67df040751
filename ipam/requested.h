/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Addresses that a runtime asks for: CNI_ARGS IP, args.cni.ips and runtimeConfig.ips. */
#ifndef HAWSER_REQUESTED_H
#define HAWSER_REQUESTED_H

#include "cni.h"

/* A request. len is 0xff when it was given without a prefix length. */
struct requested {
	struct ip_net *nets; /* owned, free() */
	size_t n;
};

#define REQUESTED_NO_LEN 0xff

/**
 * requested_add() - append comma-free text, with or without a prefix length
 * @req: the list
 * @key: what the text is called in the error
 * @text: address or prefix; "" is ignored
 * @code: enum cni_code to report
 * @err: filled on failure
 *
 * Return: 0, or a negative errno.
 */
int requested_add(struct requested *req, const char *key, const char *text, int code,
		  struct cni_err *err);

/**
 * requested_add_array() - append a JSON array of addresses
 * @req: the list
 * @conf: the whole configuration
 * @path: of the array; absent appends nothing
 * @err: CNI_E_DECODE for wrong types, CNI_E_CONF for what is no address
 *
 * Return: 0, or a negative errno.
 */
int requested_add_array(struct requested *req, const json_t *conf, const char *path,
			struct cni_err *err);

#endif
