/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* A 64-bit hash of a few strings, for names that are derived from their owner. */
#include "hash.h"

uint64_t hash_strings(const char *const *strings, uint64_t seed)
{
	uint64_t h = 0xcbf29ce484222325ULL ^ seed;

	for (; *strings; strings++) {
		const char *s = *strings;

		do
			h = (h ^ (unsigned char)*s) * 0x100000001b3ULL;
		while (*s++);
	}
	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
	return h ^ (h >> 31);
}

void hash_mac(uint64_t hash, uint8_t mac[6])
{
	for (int i = 0; i < 6; i++)
		mac[i] = hash >> (8 * i);
	mac[0] = (mac[0] & 0xfc) | 0x02;
}
