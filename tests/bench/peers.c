// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * Measures what thousands of peers cost a node of an overlay: until the kernel has their entries
 * (by the agent, by ip and bridge in batches, by one request after another as flanneld makes them),
 * until they are back when somebody has removed them, and in the agent's memory.
 */
#include "peers.h"

void measure_peers(const char *ours)
{
	measure_peers_add(ours);
}
