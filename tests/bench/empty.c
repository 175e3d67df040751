// SPDX-License-Identifier: GPL-2.0-or-later
/* A plugin that does nothing: a chain of it is what processes and cnitool cost. */
#include <unistd.h>

int main(void)
{
	static const char result[] = "{\"cniVersion\":\"1.0.0\",\"dns\":{}}";

	return write(1, result, sizeof(result) - 1) < 0;
}
