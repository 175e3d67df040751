/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What a target needs beside libFuzzer, which has its own main(). */
#include "tests/fuzz/fuzz.h"

#include <stdio.h>
#include <stdlib.h>

void fuzz_failed(const char *function, int line, const char *what)
{
	dprintf(2, "%s() line %d: does not hold: %s\n", function, line, what);
	abort();
}
