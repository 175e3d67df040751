/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of sha512 with the vectors of FIPS 180-4's examples, and around the padding's edges. */
#include "tools/sha512.c"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static void check(const char *data, size_t len, const char *hex)
{
	uint8_t digest[64];
	char text[129];

	sha512(data, len, digest);
	for (int i = 0; i < 64; i++)
		snprintf(text + 2 * i, 3, "%02x", digest[i]);
	assert_string_equal(text, hex);
}

static void test_vectors(void **state)
{
	(void)state;
	check("", 0,
	      "cf83e1357eefb8bdf1542850d66d8007d620e4050b5715dc83f4a921d36ce9ce"
	      "47d0d13c5d85f2b0ff8318d2877eec2f63b931bd47417a81a538327af927da3e");
	check("abc", 3,
	      "ddaf35a193617abacc417349ae20413112e6fa4e89a97ea20a9eeee64b55d39a"
	      "2192992a274fc1a836ba3c23a3feebbd454d4423643ce80e2a9ac94fa54ca49f");
	check("abcdefghbcdefghicdefghijdefghijkefghijklfghijklmghijklmnhijklmno"
	      "ijklmnopjklmnopqklmnopqrlmnopqrsmnopqrstnopqrstu",
	      112,
	      "8e959b75dae313da8cf4f72814fc143f8f7779c6eb9f7fa17299aeadb6889018"
	      "501d289e4900f7e4331b99dec4b5433ac7d329eeb6dd26545e96e55b874be909");
}

/* A message of 111 bytes is padded into one block, of 112 into two: both must match the same code path split. */
static void test_padding(void **state)
{
	uint8_t a[64], b[64];
	char data[128] = { 0 };

	(void)state;
	sha512(data, 111, a);
	sha512(data, 112, b);
	assert_memory_not_equal(a, b, 64);
	sha512(data, 128, a);
	assert_memory_not_equal(a, b, 64);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors),
					    cmocka_unit_test(test_padding) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
