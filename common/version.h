/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Spec versions: which exist, and how a result is written and read in each of them. */
#ifndef HAWSER_VERSION_H
#define HAWSER_VERSION_H

#include "result.h"

/* In order of release; compare with < and >=. */
enum cni_version {
	CNI_0_1_0,
	CNI_0_2_0,
	CNI_0_3_0,
	CNI_0_3_1,
	CNI_0_4_0,
	CNI_1_0_0,
	CNI_1_1_0,
	CNI_VERSIONS, /* how many */
};

/** version_name() - Return: the text of a version, "1.1.0". */
const char *version_name(enum cni_version v);

/**
 * version_parse() - exact match against the known versions
 * @s: text; NULL and "" mean 0.1.0
 * @out: untouched on failure
 *
 * Return: 0, or -EPROTONOSUPPORT.
 */
int version_parse(const char *s, enum cni_version *out);

/**
 * result_to_json() - write a result in the shape of a version
 * @res: the result
 * @v: version
 * @out: new reference, with cniVersion set; untouched on failure
 * @err: CNI_E_FAILED when the shape cannot hold it (0.1.0 and 0.2.0 need an address)
 *
 * Return: 0, or a negative errno.
 */
int result_to_json(const struct cni_result *res, enum cni_version v, json_t **out,
		   struct cni_err *err);

/**
 * result_from_json() - read a result of any version
 * @obj: JSON object; its own cniVersion says the shape
 * @dflt: shape to assume when it has no cniVersion or an empty one
 * @path: where it stands ("prevResult", "result of plugin dhcp"), for errors
 * @out: empty result, filled; emptied again on failure
 * @err: CNI_E_DECODE, CNI_E_VERSION
 *
 * Return: 0, or a negative errno.
 */
int result_from_json(const json_t *obj, enum cni_version dflt, const char *path,
		     struct cni_result *out, struct cni_err *err);

#endif
