/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The configuration of host-device, and the device of the host that it selects. */
#ifndef HAWSER_HOSTDEV_FIND_H
#define HAWSER_HOSTDEV_FIND_H

#include "link.h"
#include "plugins/iface.h"

/* The configuration, as the table of keys reads it. */
struct hostdev_conf {
	struct iface_conf iface;
	const char *device, *hwaddr, *kernelpath, *pci;
	bool dpdk;
	/* worked out from the above and runtimeConfig.deviceID */
	const char *aux; /* name on the auxiliary bus, or NULL */
};

/* The table of keys, for --help. */
extern const struct conf_key hostdev_keys[];

/**
 * hostdev_conf_read() - read the keys, without asking whether they make sense: for DEL and GC
 * @call: any verb's call
 * @conf: zeroed by the caller; strings and objects are borrowed from the call
 * @err: CNI_E_DECODE or CNI_E_CONF, naming key and value
 *
 * Return: 0, or a negative errno.
 */
int hostdev_conf_read(const struct cni_call *call, struct hostdev_conf *conf, struct cni_err *err);

/**
 * hostdev_conf_select() - work out which of the selectors holds, and whether a link is to be moved
 * @call: gives runtimeConfig.deviceID, which takes the place of pciBusID
 * @conf: of hostdev_conf_read(); exactly one selector is set afterwards. dpdk is what "dpdkMode"
 *        says, or for a PCI device whether its driver is one for use from user space
 * @err: CNI_E_CONF for none, several and malformed ones and for a PCI device that is not there;
 *       CNI_E_DECODE
 *
 * Return: 0, or a negative errno.
 */
int hostdev_conf_select(const struct cni_call *call, struct hostdev_conf *conf,
			struct cni_err *err);

/**
 * hostdev_find() - the link that the selector means
 * @nl: socket of the host, nothing queued
 * @conf: of hostdev_conf_select(), not dpdk
 * @out: the link; untouched on failure
 * @err: CNI_E_CONF for a loopback and for a directory of sysfs without devices; a device that is
 *       not there is left to the caller, who knows whether a container has it
 *
 * A device by name that is not there is also looked for by its alias: when the namespace of a
 * container dies, the kernel gives the device back under the name it had there. By hardware
 * address, the links are listed.
 *
 * Return: 0; -ENODEV with @err untouched: not there; another negative errno.
 */
int hostdev_find(struct nlk *nl, const struct hostdev_conf *conf, struct link_info *out,
		 struct cni_err *err);

/** hostdev_selector() - "\"device\": \"eth1\"", for error texts. Return: @buf. */
char *hostdev_selector(const struct hostdev_conf *conf, char *buf, size_t size);

#endif
