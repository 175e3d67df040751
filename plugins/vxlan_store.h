/* SPDX-License-Identifier: GPL-2.0-or-later */
/* vxlan: who beside the configuration knows the network, and makes parts of it. */
#ifndef HAWSER_VXLAN_STORE_H
#define HAWSER_VXLAN_STORE_H

#include "plugins/vxlan_conf.h"

/**
 * vxlan_store_read() - ask the store named by "store" for the network
 * @call: CHECK goes on without an answer, by what the network was when it was made
 * @conf: types read, with a "store". Either .evpn is set, and the configuration says all; or
 *        .st.foreign is, and networks, own subnets, VNI, port and MTU are filled
 * @err: CNI_E_FIELD for a type that there is not, CNI_E_CONF for a key that only networks without
 *       a store have; CNI_E_TRY_LATER (STATUS: CNI_E_UNAVAILABLE) when the store has no answer yet;
 *       CNI_E_CONF, CNI_E_DECODE, CNI_E_IO for a bad one
 *
 * Return: 0, or a negative errno.
 */
int vxlan_store_read(const struct cni_call *call, struct vxlan_conf *conf, struct cni_err *err);

#endif
