# SPDX-License-Identifier: GPL-2.0-or-later
# firewall, nftables backend: directAccess, shared bridges, verbs, bad input. Policies: firewall.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"
. "$(dirname "$0")/../firewall-lib.sh"

# two networks on one bridge
town
guard "two networks on a bridge: one" a1 one '"ingressPolicy":"same-bridge"'
guard "two networks on a bridge: three" a2 three '"ingressPolicy":"same-bridge"'
guard "two networks on a bridge: the other bridge" b1 two '"ingressPolicy":"same-bridge"'
silent "two networks on a bridge: isolated" b1 tcp "$(ip4 a2)" 80
unguard "two networks on a bridge: DEL of one" a1 one
silent "two networks on a bridge: still isolated for the other network" b1 tcp "$(ip4 a2)" 80
succeeds "two networks on a bridge: CHECK" firewall CHECK a2 "$(chained firewall three a2 "$nft_backend,\"ingressPolicy\":\"same-bridge\"")"
unguard "two networks on a bridge: DEL of three" a2 three
unguard "two networks on a bridge: DEL of two" b1 two
same "two networks on a bridge: nothing is left" "" "$(all_elements)"

# the policy changed meanwhile
town
guard "policy changed: isolated" a1 one '"ingressPolicy":"isolated"'
guard "policy changed: to open for the next" a2 one '"ingressPolicy":"open"'
unguard "policy changed: DEL of the first" a1 one '"ingressPolicy":"open"'
unguard "policy changed: DEL of the last" a2 one '"ingressPolicy":"open"'
same "policy changed: nothing is left" "" "$(all_elements)"

# --- directAccess
for nf in 0 1; do
	town
	bridge_nf $nf || [ $nf = 0 ] || break
	n="directAccess, bridge-nf $nf"
	# replies to the containers find their way without ipMasq, too
	publish "$n: a published port" a1 "$(ports "$(map 8080 80)" "$(map 8080 80 udp)")" one
	guard "$n: deny" a1 one '"directAccess":"deny"'
	same "$n: elements" "1 1 1 1" "$(elements private4 private6 direct4 direct6)"
	before=$(dropped inet direct)
	silent "$n: from outside, straight" outside tcp "$(ip4 a1)" 80
	silent "$n: from outside, straight, udp" outside udp "$(ip4 a1)" 80
	silent "$n: from outside, straight, v6" outside tcp "$(ip6 a1)" 80
	refuse "$n: from outside, ping" inside outside ping -c1 -W0.3 "$(ip4 a1)"
	check "$n: drops are counted" [ "$(dropped inet direct)" -ge $((before + 4)) ]
	silent "$n: from another bridge" b1 tcp "$(ip4 a1)" 80
	reaches "$n: the published port" "a1 192.0.2.9" outside tcp 192.0.2.1 8080
	reaches "$n: the published port, udp" "a1 192.0.2.9" outside udp 192.0.2.1 8080
	reaches "$n: the published port, v6" "a1 2001:db8:1::9" outside tcp 2001:db8:1::1 8080
	reaches "$n: the published port from another bridge" "a1" b1 tcp 192.0.2.1 8080
	reaches "$n: the published port, hairpin" "a1 10.88.0.1" a1 tcp 192.0.2.1 8080
	reaches "$n: the published port from 127.0.0.1" "a1 10.88.0.1" host tcp 127.0.0.1 8080
	reaches "$n: from the host" "a1 10.88.0.1" host tcp "$(ip4 a1)" 80
	reaches "$n: from the neighbour" "a1 $(ip4 a2)" a2 tcp "$(ip4 a1)" 80
	reaches "$n: from the neighbour, v6" "a1 $(ip6 a2)" a2 tcp "$(ip6 a1)" 80
	reaches "$n: its own connections, without ipMasq" "outside $(ip4 a1)" a1 tcp 192.0.2.9 81
	reaches "$n: its own connections, v6" "outside $(ip6 a1)" a1 tcp 2001:db8:1::9 81
	check "$n: its own ping" inside a1 ping -c1 -W2 192.0.2.9
	reaches "$n: its connections to another bridge" "b1 $(ip4 a1)" a1 tcp "$(ip4 b1)" 80
	reaches "$n: others are not affected" "a2 192.0.2.9" outside tcp "$(ip4 a2)" 80
	succeeds "$n: CHECK" firewall CHECK a1 "$(chained firewall one a1 "$nft_backend,\"directAccess\":\"deny\"")"
	nft delete element inet hawser private4 "{ $(ip4 a1) }"
	fails "$n: an element is gone: CHECK" 999 "missing in set private4" firewall CHECK a1 "$(chained firewall one a1 "$nft_backend,\"directAccess\":\"deny\"")"
	unguard "$n: DEL" a1 one
	reaches "$n: then it is open" "a1 192.0.2.9" outside tcp "$(ip4 a1)" 80
	unpublish "$n: DEL of the port" a1 "" one
	same "$n: nothing is left" "" "$(all_elements)"
done
town
guard "trustedInterfaces" a1 one '"directAccess":"deny","trustedInterfaces":["lan0","br0"]'
same "trustedInterfaces: elements" "1 2" "$(elements private4 direct4)"
serve third tcp:81
silent "trustedInterfaces: not through the other link" outside tcp "$(ip4 a1)" 80
reaches "trustedInterfaces: through the trusted one" "a1 198.51.100.9" third tcp "$(ip4 a1)" 80
reaches "trustedInterfaces: v6" "a1 2001:db8:2::9" third tcp "$(ip6 a1)" 80
nft flush ruleset
guard "a flushed ruleset is healed by the next ADD" a2 one '"directAccess":"deny"'
silent "healed: not through the other link" outside tcp "$(ip4 a1)" 80
reaches "healed: through the trusted one" "a1 198.51.100.9" third tcp "$(ip4 a1)" 80
silent "healed: the other container is not trusted" third tcp "$(ip4 a2)" 80
NETNS='' succeeds "DEL without prevResult and netns" firewall DEL a1 '{"cniVersion":"1.1.0","name":"one","type":"firewall"}'
NETNS='' succeeds "DEL again" firewall DEL a1 '{"cniVersion":"1.1.0","name":"one","type":"firewall"}'
succeeds "GC" firewall GC a1 "$(chained firewall one a1 "$nft_backend,\"cni.dev/valid-attachments\":[]")"
same "GC: nothing is left" "" "$(all_elements)"
same "GC: no record is left" 3 "$(records)"
succeeds "STATUS" firewall STATUS a1 "$(chained firewall one a1 "$nft_backend")"
fails "CHECK before ADD" 999 "no record" firewall CHECK a1 "$(chained firewall one a1 "$nft_backend")"

# --- bad input
town
bad() { fails "bad input: $1" "$2" "$3" firewall ADD a1 "$(chained firewall one a1 "$4")"; }
bad "backend unknown" 7 '"backend": "ebtables"' '"backend":"ebtables"'
bad "backend is a number" 6 '"backend"' '"backend":1'
bad "ingressPolicy unknown" 7 '"ingressPolicy": "closed"' '"ingressPolicy":"closed"'
bad "directAccess unknown" 7 '"directAccess": "maybe"' '"directAccess":"maybe"'
bad "directAccess is a boolean" 6 'directAccess"' '"directAccess":true'
bad "trustedInterfaces without deny" 7 'trustedInterfaces"' '"trustedInterfaces":["lan0"]'
bad "trustedInterfaces with a bad name" 7 'a/b' '"directAccess":"deny","trustedInterfaces":["a/b"]'
bad "trustedInterfaces of numbers" 6 'trustedInterfaces[0]"' '"directAccess":"deny","trustedInterfaces":[1]'
bad "trustedInterfaces is no list" 6 'trustedInterfaces"' '"directAccess":"deny","trustedInterfaces":"lan0"'
bad "iptablesAdminChainName with nftables" 2 'iptablesAdminChainName"' '"backend":"nftables","iptablesAdminChainName":"NOMAD-ADMIN"'
fails "bad input: no prevResult" 7 '"prevResult" is missing' firewall ADD a1 "$(chained firewall one a1 "$nft_backend" | jq -c 'del(.prevResult)')"
fails "bad input: no interface of the host" 7 'prevResult.interfaces' firewall ADD a1 \
	"$(chained firewall one a1 "$nft_backend,\"directAccess\":\"deny\"" | jq -c '.prevResult.interfaces |= map(select(.sandbox)) | del(.prevResult.ips[].interface)')"
done_testing
