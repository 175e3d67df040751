# SPDX-License-Identifier: GPL-2.0-or-later
# bridge with macspoofchk and antispoof: raw frames from a container, watched at its neighbour.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

honest=(udp4 udp6 arp arp-probe dhcp-client dhcp6-client dad mld rs na)
bad_macs=(bad-mac bad-mac-arp)
tagged=(bad-tagged bad-tagged-ad bad-tag0)
liars=(bad-arp-mac bad-arp-ip bad-arp-request bad-udp4 bad-udp6 bad-any4 bad-udp-any6 bad-dhcp-server
	bad-dhcp-server-any bad-dhcp6-server bad-ra bad-ra-ext bad-na bad-na-ll bad-na-ext bad-ns)

# Send frames from a container, and print the kinds that its neighbour b sees. usage: seen CONTAINER KIND...
seen() {
	local from=$1 identity
	shift
	identity=(mac="$(link eth0 .address "$from")" ip4="$(ip4 "$from")" ip6="$(ip6 "$from")"
		ll=fe80::1234
		badmac=02:00:00:00:00:99 bad4=10.88.0.1 bad6=fd00:88::1)
	background b /run/watch watch eth0
	ip netns exec "$from" /usr/bin/python3 -SE "$here/tests/netns/peer.py" send "$@" "end" "${identity[@]}" || echo "cannot send"
	wait "$PID" 2>/dev/null
	grep -v '^ready' /run/watch | xargs
	cat /run/watch.err
}
words() { echo "$*"; }

for nf in 0 1; do
	for key in antispoof macspoofchk none; do
		[ $nf$key != 1none ] || continue
		n="$key, bridge-nf $nf"
		surroundings a b c
		bridge_nf $nf || [ $nf = 0 ] || continue
		case $key in
		none) c=$(net_conf net br0 88) ;;
		*) c=$(net_conf net br0 88 "\"$key\":true") ;;
		esac
		join a "$c"
		join b "$(net_conf net br0 88)"
		serve b tcp:80 udp:80
		serve a tcp:80 udp:80
		same "$n: honest frames pass" "$(words "${honest[@]}")" "$(seen a "${honest[@]}")"
		reaches "$n: tcp" "b $(ip4 a)" a tcp "$(ip4 b)" 80
		reaches "$n: tcp, v6" "b $(ip6 a)" a tcp "$(ip6 b)" 80
		reaches "$n: the neighbour reaches it" "a $(ip4 b)" b tcp "$(ip4 a)" 80
		reaches "$n: the neighbour reaches it, v6" "a $(ip6 b)" b tcp "$(ip6 a)" 80
		check "$n: ping to the gateway" inside a ping -c1 -W2 10.88.0.1
		check "$n: ping to the gateway, v6" inside a ping -c1 -W2 fd00:88::1
		if [ $key = none ]; then
			same "$n: nothing is dropped" "$(words "${bad_macs[@]}" "${liars[@]}" "${tagged[@]}")" \
				"$(seen a "${bad_macs[@]}" "${liars[@]}" "${tagged[@]}")"
			refuse "$n: no table" nft list table bridge hawser
			continue
		fi
		same "$n: honest traffic is not counted as dropped" 0 "$(dropped bridge antispoof claims)"
		same "$n: other MACs are dropped" "" "$(seen a "${bad_macs[@]}")"
		same "$n: and counted" ${#bad_macs[@]} "$(dropped bridge antispoof)"
		if [ $key = macspoofchk ]; then
			same "$n: anything with the right MAC passes" "$(words "${liars[@]}")" "$(seen a "${liars[@]}")"
		else
			for kind in "${liars[@]}" "${tagged[@]}"; do
				before=$(dropped bridge antispoof claims)
				ip netns exec a /usr/bin/python3 -SE "$here/tests/netns/peer.py" send "$kind" mac="$(link eth0 .address a)" \
					ip4="$(ip4 a)" ip6="$(ip6 a)" ll=fe80::1234 badmac=02:00:00:00:00:99 bad4=10.88.0.1 bad6=fd00:88::1
				same "$n: $kind is counted" 1 $(($(dropped bridge antispoof claims) - before))
			done
			same "$n: none of them arrives" "" "$(seen a "${liars[@]}" "${tagged[@]}")"
			# addresses that change later do not help
			ip -n a addr add 10.88.0.77/24 dev eth0
			ip -n a -6 addr add fd00:88::77/64 dev eth0 nodad
			silent "$n: a second address is not its own" a tcp "$(ip4 b)" 80 10.88.0.77
			silent "$n: a second address is not its own, v6" a tcp "$(ip6 b)" 80 fd00:88::77
		fi
		# others without the key are left alone
		same "$n: a neighbour without the key may send anything" "$(words "${bad_macs[@]}" "${liars[@]}")" \
			"$(join c "$(net_conf net br0 88)" >/dev/null && seen c "${bad_macs[@]}" "${liars[@]}")"
		succeeds "$n: CHECK" bridge CHECK a "$(with_prev "$c" "$(cat /run/prev.a)")"
		nft flush set bridge hawser macs
		fails "$n: an element is gone: CHECK names the set" 999 "missing in set macs" bridge CHECK a "$(with_prev "$c" "$(cat /run/prev.a)")"
		succeeds "$n: DEL" bridge DEL a "$c"
		nothing_in_nft "$n: DEL removes the elements"
	done
done

# --- two containers, DEL of one; flush; other keys
surroundings a b c
c=$(net_conf net br0 88 '"antispoof":true,"ipMasq":true')
join a "$c"
join b "$c"
same "two containers: elements" "2 2 2 2 2" "$(elements guarded guarded_ip macs ips4 ips6)"
serve b tcp:80
serve outside tcp:81
succeeds "DEL of one" bridge DEL a "$c"
same "the other's elements stay" "1 1 1 1 1" "$(elements guarded guarded_ip macs ips4 ips6)"
for damage in 'nft delete table bridge hawser' 'nft flush table bridge hawser' 'nft flush ruleset'; do
	$damage
	fails "$damage: CHECK fails" 999 missing bridge CHECK b "$(with_prev "$c" "$(cat /run/prev.b)")"
	join a "$c"
	succeeds "$damage: CHECK passes after the next ADD" bridge CHECK b "$(with_prev "$c" "$(cat /run/prev.b)")"
	same "$damage: all elements are back" "2 2 2 2 2" "$(elements guarded guarded_ip macs ips4 ips6)"
	reaches "$damage: honest traffic passes" "b $(ip4 a)" a tcp "$(ip4 b)" 80
	reaches "$damage: masquerading works" "outside 192.0.2.1" a tcp 192.0.2.9 81
	succeeds "$damage: DEL" bridge DEL a "$c"
done
nft delete table bridge hawser
join c "$(net_conf net br0 88 '"ipMasq":true')"
succeeds "table bridge deleted: the next ADD without the key heals it, too" bridge CHECK b "$(with_prev "$c" "$(cat /run/prev.b)")"
succeeds "DEL" bridge DEL b "$c"
succeeds "DEL of the last" bridge DEL c "$c"
nothing_in_nft "nothing is left"

# a MAC that was asked for, and layer 2
surroundings a b
c=$(net_conf net br0 88 '"macspoofchk":true,"runtimeConfig":{"mac":"02:00:00:00:00:42"}')
join a "$c"
join b "$(net_conf net br0 88)"
serve b tcp:80
check "macspoofchk with runtimeConfig.mac: the element" nft get element bridge hawser macs "{ \"$(jq -r '.interfaces[1].name' /run/prev.a)\" . 02:00:00:00:00:42 }"
reaches "macspoofchk with runtimeConfig.mac: traffic passes" "b $(ip4 a)" a tcp "$(ip4 b)" 80
ip -n a link set eth0 address 02:00:00:00:00:43
silent "macspoofchk: a changed MAC does not" a tcp "$(ip4 b)" 80
succeeds "macspoofchk with runtimeConfig.mac: DEL" bridge DEL a "$c"
nothing_in_nft "macspoofchk with runtimeConfig.mac: nothing is left"
surroundings a b
l2='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0","macspoofchk":true}'
join a "$l2"
join b "$l2"
ip -n a addr add 10.77.0.1/24 dev eth0
ip -n b addr add 10.77.0.2/24 dev eth0
check "macspoofchk, layer 2: any address with the right MAC" inside a ping -c1 -W2 10.77.0.2
NETNS='' succeeds "macspoofchk, layer 2: DEL" bridge DEL a "$l2"
succeeds "macspoofchk, layer 2: GC" bridge GC a "$(jq -c '."cni.dev/valid-attachments"=[]' <<<"$l2")"
nothing_in_nft "macspoofchk, layer 2: nothing is left"
fails "macspoofchk of another type" 6 macspoofchk bridge ADD a "$(net_conf net br0 88 '"macspoofchk":"yes"')"
fails "antispoof of another type" 6 antispoof bridge ADD a "$(net_conf net br0 88 '"antispoof":1')"
# the container's own duplicate address detection and its own DHCP client pass
surroundings a b
join a "$(net_conf net br0 88 '"antispoof":true,"enabledad":true')"
same "antispoof with enabledad: nothing of it is dropped" 0 "$(dropped bridge antispoof claims)"
done_testing
