# SPDX-License-Identifier: GPL-2.0-or-later
# The ruleset as "nft -s list ruleset" shows it, against tests/golden/nft/*.nft.
# UPDATE=1 tests/run nft-golden writes the files anew; read the difference before you commit it.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

# Elements of a hash set come in any order: one a line, sorted.
sorted_elements() {
	/usr/bin/python3 -SE -c 'import re, sys
print(re.sub(r"elements = \{ (.*?) \}", lambda m: "elements = {\n\t\t\t" + ",\n\t\t\t".join(
    sorted(e.strip() for e in m[1].split(",\n"))) + " }", sys.stdin.read(), flags=re.S), end="")'
}
# usage: golden NAME
golden() {
	local file=$here/tests/golden/nft/$1.nft
	nft -s list ruleset | sorted_elements >/run/ruleset
	rm -f $out $err
	[ -z "${UPDATE:-}" ] || cp /run/ruleset "$file"
	if cmp -s "$file" /run/ruleset; then
		ok "ruleset: $1"
	else
		not_ok "ruleset: $1" "$(diff "$file" /run/ruleset)"
	fi
	# what we write can be read by nft, but for offsets that this version has no name for
	if grep -q '@th,' <<<"$(nft list ruleset)"; then
		skip "ruleset: $1 can be loaded by nft" "nft cannot read its own @th,64,128 back"
		return
	fi
	nft list ruleset | sed 's/ comment "[^"]*"//' >/run/ruleset
	check "ruleset: $1 can be loaded by nft" nft -c -f <(echo 'flush ruleset' && cat /run/ruleset)
}

surroundings a b
join a "$(net_conf net br0 88 '"ipMasq":true')"
golden masquerading
publish "ports" a "$(ports "$(map 8080 80)" "$(map 5353 53 udp)" "$(map 9000 9000 tcp "" 100)" "$(map 8443 443 tcp 192.0.2.1)" \
	"$(map 7000 7000 udp 2001:db8:1::1 10)")"
golden ports
unpublish "ports: DEL" a
publish "masqAll" a "$(ports "$(map 8080 80)"),\"masqAll\":true"
golden masqall
unpublish "masqAll: DEL" a
golden masquerading
surroundings a b
join a "$(net_conf net br0 88 '"antispoof":true')"
join b "$(net_conf net br0 88 '"macspoofchk":true')"
golden antispoof
surroundings a b
join a "$(net_conf one br0 88)"
join b "$(net_conf two br1 89)"
if [ -x "$BIN/firewall" ]; then
	succeeds "firewall" firewall ADD a "$(chained firewall one a '"backend":"nftables","ingressPolicy":"same-bridge","directAccess":"deny","trustedInterfaces":["lan0"]')"
	succeeds "firewall, isolated" firewall ADD b "$(chained firewall two b '"backend":"nftables","ingressPolicy":"isolated"')"
	golden firewall
else
	skip "ruleset: firewall" "no firewall executable"
fi
done_testing
