# SPDX-License-Identifier: GPL-2.0-or-later
# firewall, nftables backend: who reaches whom with each pair of policies. The rest is in firewall-verbs.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"
. "$(dirname "$0")/../firewall-lib.sh"

# --- isolation matrix
for nf in 0 1; do
	for pair in open:open open:same-bridge same-bridge:open same-bridge:same-bridge same-bridge:isolated isolated:isolated open:isolated; do
		one=${pair%:*} two=${pair#*:}
		n="$one and $two, bridge-nf $nf"
		[ $nf = 0 ] || [[ $pair == isolated:isolated || $pair == same-bridge:same-bridge ]] || continue
		town '"ipMasq":true'
		bridge_nf $nf || [ $nf = 0 ] || break
		guard "$n: a1" a1 one "\"ingressPolicy\":\"$one\""
		guard "$n: a2" a2 one "\"ingressPolicy\":\"$one\""
		guard "$n: b1" b1 two "\"ingressPolicy\":\"$two\""
		for proto in tcp udp; do
			if [ $one = open ] || [ $two = open ]; then
				reaches "$n: $proto, one bridge to the other" "b1" a1 $proto "$(ip4 b1)" 80
				reaches "$n: $proto, the other way" "a1" b1 $proto "$(ip4 a1)" 80
				reaches "$n: $proto, v6" "b1" a1 $proto "$(ip6 b1)" 80
			else
				silent "$n: $proto, one bridge to the other" a1 $proto "$(ip4 b1)" 80
				silent "$n: $proto, the other way" b1 $proto "$(ip4 a1)" 80
				[ $proto = udp ] || silent "$n: $proto, v6" a1 $proto "$(ip6 b1)" 80
			fi
		done
		if [ $one = isolated ] && [ $nf = 1 ]; then
			silent "$n: within the isolated bridge" a1 tcp "$(ip4 a2)" 80
		else
			reaches "$n: within the bridge" "a2 $(ip4 a1)" a1 tcp "$(ip4 a2)" 80
			reaches "$n: within the bridge, v6" "a2 $(ip6 a1)" a1 tcp "$(ip6 a2)" 80
		fi
		reaches "$n: to the outside" "outside 192.0.2.1" a1 tcp 192.0.2.9 81
		reaches "$n: from the host" "b1 10.89.0.1" host tcp "$(ip4 b1)" 80
		reaches "$n: from outside" "b1 192.0.2.9" outside tcp "$(ip4 b1)" 80
		check "$n: ping to the gateway" inside a1 ping -c1 -W2 10.88.0.1
		if [ $one != open ] && [ $two != open ]; then
			check "$n: drops are counted" [ "$(dropped inet forward)" -ge 5 ]
		fi
		succeeds "$n: CHECK" firewall CHECK a1 "$(chained firewall one a1 "$nft_backend,\"ingressPolicy\":\"$one\"")"
		unguard "$n: DEL of a1" a1 one
		same "$n: the bridge's state stays with a2" "$([ $one = open ] && echo 0 || echo 1)" \
			"$(nft list set inet hawser isolated 2>/dev/null | grep -c '"br0"')"
		unguard "$n: DEL of a2" a2 one
		same "$n: and goes with it" 0 "$(nft list set inet hawser isolated 2>/dev/null | grep -c '"br0"')"
		[ $one = open ] || [ $two = open ] || reaches "$n: then the way is open" "b1" a2 tcp "$(ip4 b1)" 80
		unguard "$n: DEL of b1" b1 two
		same "$n: nothing is left" "" "$(all_elements)"
		same "$n: no record is left" 3 "$(records)"
	done
done
done_testing
