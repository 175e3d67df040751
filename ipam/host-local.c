/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executable host-local: the verbs are in host_local.c. */
#include "host_local.h"

int main(int argc, char **argv)
{
	return cni_main(&host_local_plugin, argc, argv);
}
