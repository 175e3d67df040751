/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * CVE-2020-8558 in iptables. Published ports answer on 127.0.0.1, for which route_localnet is on
 * at the interface towards the containers; without more, whoever is behind it reaches what the
 * host serves on 127.0.0.0/8, and may pretend to be it. Packets to and from there that did not
 * come over lo are dropped before NAT, in a chain of our own in table raw: connections that
 * somebody redirects to 127.0.0.1 on purpose (DNAT) get their destination later and pass, as does
 * all traffic with other addresses. Where ip_tables has no table raw it is mangle, which is before
 * NAT as well.
 */
#include "xt_rules.h"

#define CHAIN "HAWSER-LOCALNET"
/* each rule has its own, so that one sees which are there */
#define JUMP "Hawser: 127.0.0.0/8 belongs to this host alone (CVE-2020-8558)"
#define TO   "Hawser: nobody else reaches it"
#define FROM "Hawser: nobody else comes from it"

enum { RULES_AND_JUMPS = 3 };

static const char *table(void)
{
	return xt_variant_of(AF_INET) == XT_LEGACY && xt_legacy_usable(AF_INET, "raw") < 0
		       ? "mangle"
		       : "raw";
}

enum xt_guard xt_guard_state(void)
{
	struct xt_nft_chain info = { 0 };
	const char *of = table();

	if (xt_absent(AF_INET, of, CHAIN))
		return XT_GUARD_ABSENT;
	switch (xt_variant_of(AF_INET)) {
	case XT_NFT:
		if (xt_nft_get(AF_INET, of, CHAIN, &info) == 0 && info.used == RULES_AND_JUMPS)
			return XT_GUARD_WHOLE;
		break;
	case XT_LEGACY:
		if (xt_legacy_find(AF_INET, of, JUMP, sizeof(JUMP)) > 0 &&
		    xt_legacy_find(AF_INET, of, TO, sizeof(TO)) > 0 &&
		    xt_legacy_find(AF_INET, of, FROM, sizeof(FROM)) > 0)
			return XT_GUARD_WHOLE;
		break;
	case XT_OTHER:
		break;
	}
	return XT_GUARD_UNKNOWN;
}

void xt_guard_plan(struct xt_plan *plan)
{
	struct xt_text rule = { 0 };

	xt_plan_table(plan, table());
	xt_plan_chain(plan, CHAIN);
	xt_words(&rule, "-d", "127.0.0.0/8", "!", "-i", "lo", "-m", "comment", "--comment", TO,
		 "-j", "DROP", NULL);
	xt_plan_add(plan, XT_LAST, CHAIN, &rule);
	xt_words(&rule, "-s", "127.0.0.0/8", "!", "-i", "lo", "-m", "comment", "--comment", FROM,
		 "-j", "DROP", NULL);
	xt_plan_add(plan, XT_LAST, CHAIN, &rule);
	xt_words(&rule, "-m", "comment", "--comment", JUMP, "-j", CHAIN, NULL);
	xt_plan_add(plan, XT_FIRST, "PREROUTING", &rule);
}
