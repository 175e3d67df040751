/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Unit tests of sha512 with the vectors of FIPS 180-4's examples, and around the padding's edges.
 */
#include "sha512.c"

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

/* Around the padding's edges: 111 bytes still take one block, 112 take two. Digests by sha512sum.
 */
static void test_padding(void **state)
{
	static const struct {
		size_t len;
		const char *hex;
	} cases[] = {
		{ 111, "fa9121c7b32b9e01733d034cfc78cbf67f926c7ed83e82200ef8681819692176"
		       "0b4beff48404df811b953828274461673c68d04e297b0eb7b2b4d60fc6b566a2" },
		{ 112, "c01d080efd492776a1c43bd23dd99d0a2e626d481e16782e75d54c2503b5dc32"
		       "bd05f0f1ba33e568b88fd2d970929b719ecbb152f58f130a407c8830604b70ca" },
		{ 127, "828613968b501dc00a97e08c73b118aa8876c26b8aac93df128502ab360f91ba"
		       "b50a51e088769a5c1eff4782ace147dce3642554199876374291f5d921629502" },
		{ 128, "b73d1929aa615934e61a871596b3f3b33359f42b8175602e89f7e06e5f658a24"
		       "3667807ed300314b95cacdd579f3e33abdfbe351909519a846d465c59582f321" },
		{ 239, "52c853cb8d907f3d4d6b889beb027985d7c273486d75f8baf26f80d24e90c74c"
		       "6c3de3e22131582380a7d14d43f2941a31385439cd6ddc469f628015e50bf286" },
		{ 240, "4c296d90c61052a62ffb1dd196f1b7b09373b1f93e71836baebf89690546b759"
		       "5684dbe9467a8e484fa0d1094272b4344a7c24f5fee8daedeb0bf549c985ab5f" },
		{ 1000, "67ba5535a46e3f86dbfbed8cbbaf0125c76ed549ff8b0b9e03e0c88cf90fa634"
			"fa7b12b47d77b694de488ace8d9a65967dc96df599727d3292a8d9d447709c97" },
	};
	char data[1000];

	(void)state;
	memset(data, 'a', sizeof(data));
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++)
		check(data, cases[i].len, cases[i].hex);
}

int main(void)
{
	const struct CMUnitTest tests[] = { cmocka_unit_test(test_vectors),
					    cmocka_unit_test(test_padding) };

	return cmocka_run_group_tests(tests, NULL, NULL);
}
