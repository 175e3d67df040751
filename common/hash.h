/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A 64-bit hash of a few strings, for names that are derived from their owner. */
#ifndef HAWSER_HASH_H
#define HAWSER_HASH_H

#include <stdint.h>

/**
 * hash_strings() - hash of strings and of where each of them ends
 * @strings: NULL-terminated
 * @seed: gives several independent hashes of the same strings
 *
 * FNV-1a, then the finalizer of splitmix64. Not for use against somebody who chooses the strings.
 *
 * Return: the hash; the same on every machine.
 */
uint64_t hash_strings(const char *const *strings, uint64_t seed);

/** hash_mac() - MAC address with 46 bits of a hash: locally administered, of one station. */
void hash_mac(uint64_t hash, uint8_t mac[6]);

#endif
