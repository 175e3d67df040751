/* SPDX-License-Identifier: GPL-2.0-or-later */
/* The executable static: the verbs are in static_ipam.c. */
#include "static_ipam.h"

int main(int argc, char **argv)
{
	return cni_main(&static_plugin, argc, argv);
}
