# SPDX-License-Identifier: GPL-2.0-or-later
# Foreign flushes of our ruleset: CHECK notices, the next ADD heals everything, DEL leaves nothing.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

masq='"ipMasq":true'
outsiders() {
	serve outside tcp:81 udp:81
	serve third tcp:81 udp:81
}

# --- foreign flushes
damages=('nft flush ruleset' 'nft flush table inet hawser' 'nft delete table inet hawser'
	'nft flush chain inet hawser postrouting' 'nft flush chain inet hawser ports' 'nft delete chain inet hawser forward'
	'nft flush chain inet hawser prerouting' 'flush_masq')
flush_masq() {
	local chain
	for chain in $(nft -j list table inet hawser | jq -r '.nftables[].chain.name? // empty' | grep ^masq-); do
		nft flush chain inet hawser "$chain"
	done
}
for damage in "${damages[@]}"; do
	surroundings a b c d
	outsiders
	c=$(net_conf net br0 88 "$masq")
	o=$(net_conf other br1 89 "$masq")
	join a "$c"
	join d "$o"
	join b "$c"
	serve b tcp:80
	publish "$damage: ports of a neighbour" b "$(ports "$(map 8080 80)")"
	p=$(chained portmap net b "$(ports "$(map 8080 80)")")
	before=$(nft -s list ruleset)
	check "$damage" $damage
	fails "$damage: CHECK fails" 999 "missing" bridge CHECK a "$(with_prev "$c" "$(cat /run/prev.a)")"
	[ "$damage" = flush_masq ] || fails "$damage: CHECK of the ports fails" 999 "missing" portmap CHECK b "$p"
	succeeds "$damage: the next ADD" bridge ADD c "$c"
	succeeds "$damage: CHECK passes" bridge CHECK a "$(with_prev "$c" "$(cat /run/prev.a)")"
	succeeds "$damage: CHECK of the ports passes" portmap CHECK b "$p"
	reaches "$damage: masquerading works again" "outside 192.0.2.1" a tcp 192.0.2.9 81
	reaches "$damage: also IPv6" "outside 2001:db8:1::1" a tcp 2001:db8:1::9 81
	reaches "$damage: the neighbour's ports work again" "b 192.0.2.9" outside tcp 192.0.2.1 8080
	reaches "$damage: also from 127.0.0.1" "b 10.88.0.1" host tcp 127.0.0.1 8080
	if [ "$damage" != flush_masq ]; then
		succeeds "$damage: CHECK in another network passes" bridge CHECK d "$(with_prev "$o" "$(cat /run/prev.d)")"
		reaches "$damage: another network works again" "outside 192.0.2.1" d tcp 192.0.2.9 81
		same "$damage: the ruleset is what it was" "$(sort <<<"$before" | sum)" "$(nft -s list ruleset | sort | sum)"
	fi
	unpublish "$damage: DEL of the ports" b
	for id in a b c; do
		succeeds "$damage: DEL of $id" bridge DEL $id "$c"
	done
	succeeds "$damage: DEL of d" bridge DEL d "$o"
	nothing_in_nft "$damage: nothing is left"
	nothing_left "$damage: nor elsewhere"
done

# DEL when there is nothing any more
for damage in 'nft flush ruleset' 'nft delete table inet hawser' 'nft flush table inet hawser'; do
	surroundings a
	c=$(net_conf net br0 88 "$masq")
	join a "$c"
	$damage
	succeeds "$damage: DEL of the last" bridge DEL a "$c"
	nothing_in_nft "$damage: nothing is left of it"
	nothing_left "$damage: nor elsewhere"
	succeeds "$damage: and ADD again" bridge ADD a "$c"
done

# others' rules are not touched
surroundings a
nft -f - <<<'table inet theirs { chain c { type nat hook postrouting priority 100; ip saddr 192.0.2.0/24 masquerade; }; set s { type ipv4_addr; elements = { 1.2.3.4 }; }; }'
theirs=$(nft list table inet theirs)
c=$(net_conf net br0 88 "$masq")
join a "$c"
nft flush table inet hawser
CNI_IFNAME=eth1 succeeds "ADD beside others' rules, another interface" bridge ADD a "$(net_conf n3 br3 91 "$masq" | jq -c '.isDefaultGateway=false')"
same "others' tables are untouched" "$theirs" "$(nft list table inet theirs)"
done_testing
