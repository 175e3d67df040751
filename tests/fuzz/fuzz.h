/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What fuzz targets and their drivers share. */
#ifndef HAWSER_FUZZ_H
#define HAWSER_FUZZ_H

#include <stddef.h>
#include <stdint.h>

/** LLVMFuzzerTestOneInput() - the target, as libFuzzer calls it. Return: 0. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Inputs that were taken as good, counted by the target: a driver mutates them further. */
extern unsigned long fuzz_accepted;

/** fuzz_failed() - by the target: something does not hold. Does not return. */
void fuzz_failed(const char *function, int line, const char *what) __attribute__((noreturn));

#endif
