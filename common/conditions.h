/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Conditions of published ports: words of iptables, and what libxtables says that they mean.
 *
 * hawser-conditions (tools/) gives an array with an object for each protocol, which is also what
 * the record of an attachment keeps, so that nothing but ADD needs the program:
 *
 *   { "protocol": 6,
 *     "source": { "not": false, "any": ["0a000000/ff000000"] },       value/mask, "destination" too
 *     "in": { "not": false, "name": "657468302b" },                   "eth0+", "out" too
 *     "matches": [["mark", 1, "05000000ffffffff0000000000000000"]] }  name, revision, information
 *
 * All of it must be true of a packet. Numbers within hexadecimal text are as the kernel takes them.
 */
#ifndef HAWSER_CONDITIONS_H
#define HAWSER_CONDITIONS_H

#include "error.h"
#include "ports.h"

#include <jansson.h>
#include <limits.h>
#include <stdbool.h>

/**
 * conditions_find() - the program that knows the words
 * @path: receives its path: beside the running executable, or in HAWSER_LIBEXECDIR
 *
 * Return: 0, or -ENOENT.
 */
int conditions_find(char path[PATH_MAX]);

/**
 * conditions_read() - have the words of a key read, which also says whether they can be a rule
 * @family: AF_INET or AF_INET6
 * @key: "conditionsV4" or "conditionsV6", for errors
 * @words: array of strings
 * @runs: the ports they are for: an option may depend on the protocol
 * @n: number of runs; those of the other family do not count
 * @rules: receives a new reference to what they mean; NULL without words or without such ports
 * @err: CNI_E_CONF with the sentence of libxtables as details; CNI_E_FIELD without the program
 *
 * Runs one process; changes nothing.
 *
 * Return: 0, or a negative errno.
 */
int conditions_read(int family, const char *key, const json_t *words, const struct port_run *runs,
		    size_t n, json_t **rules, struct cni_err *err);

/** conditions_valid() - whether an array has the form above for a family, and encoding it cannot
 * fail. */
bool conditions_valid(const json_t *rules, int family);

/**
 * conditions_hex() - hexadecimal text as bytes
 * @text: digits, up to their end or a '/'
 * @out: receives the bytes
 * @size: of @out
 *
 * Return: how many, or -EINVAL.
 */
int conditions_hex(const char *text, void *out, size_t size);

#define CONDITIONS_INFO_MAX 8192 /* bytes of a match's information; the largest have some 4000 */

#endif
