/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* SHA-512 (FIPS 180-4, section 6.4): what upstream derives container ids and chain names from. */
#ifndef HAWSER_SHA512_H
#define HAWSER_SHA512_H

#include <stddef.h>
#include <stdint.h>

/**
 * sha512() - digest of one message
 * @data: message
 * @len: its length in bytes
 * @digest: receives 64 bytes
 */
void sha512(const void *data, size_t len, uint8_t digest[64]);

#endif
