# SPDX-License-Identifier: GPL-2.0-or-later
# portmap, nftables backend: published ports with real connections from everywhere.
# Conflicts, verbs and bad input are in portmap-*.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

# Containers a, b on br0 (network net), c on br1 (network other).
town() {
	surroundings a b c
	join a "$(net_conf net br0 88 "${1:-}")"
	join b "$(net_conf net br0 88 "${1:-}")"
	join c "$(net_conf other br1 89 "${1:-}")"
}

# --- tcp and udp, both families, from everywhere, with bridged packets passing netfilter or not
for nf in 0 1; do
	town
	bridge_nf $nf || [ $nf = 0 ] || break
	serve a tcp:80 udp:53
	serve host tcp:22 udp:22
	serve third tcp:8080 udp:5353
	publish "bridge-nf $nf: publish" a "$(ports "$(map 8080 80)" "$(map 5353 53 udp)")"
	same "bridge-nf $nf: stdout is prevResult" "$(jq -cS 'del(.cniVersion)' /run/prev.a)" "$(jq -cS 'del(.cniVersion)' $out)"
	succeeds "bridge-nf $nf: CHECK" portmap CHECK a "$(chained portmap net a "$(ports "$(map 8080 80)" "$(map 5353 53 udp)")")"
	same "bridge-nf $nf: an element for each port and family" "2 2" "$(elements ports4 ports6)"
	same "bridge-nf $nf: elements name their owner" 0 "$(nft list map inet hawser ports4 | tr -d '\n' | grep -o 'elements.*' | grep -cv 'comment "net a eth0"')"
	for p in tcp:8080 udp:5353; do
		proto=${p%:*} port=${p#*:}
		n="bridge-nf $nf, $proto"
		reaches "$n: from outside, the client's address is kept" "a 192.0.2.9" outside $proto 192.0.2.1 $port
		reaches "$n: from outside, v6" "a 2001:db8:1::9" outside $proto 2001:db8:1::1 $port
		reaches "$n: from outside to the host's other address" "a 192.0.2.9" outside $proto 198.51.100.1 $port
		reaches "$n: from outside to the bridge's address" "a 192.0.2.9" outside $proto 10.88.0.1 $port
		reaches "$n: from the host to its outside address" "a 192.0.2.1" host $proto 192.0.2.1 $port
		reaches "$n: from the host to its outside address, v6" "a 2001:db8:1::1" host $proto 2001:db8:1::1 $port
		reaches "$n: from the host to the bridge's address" "a 10.88.0.1" host $proto 10.88.0.1 $port
		reaches "$n: from the host to the bridge's address, v6" "a fd00:88::1" host $proto fd00:88::1 $port
		reaches "$n: from the host to 127.0.0.1" "a 10.88.0.1" host $proto 127.0.0.1 $port
		reaches "$n: from the host to 127.0.0.53" "a 10.88.0.1" host $proto 127.0.0.53 $port
		reaches "$n: hairpin from itself" "a 10.88.0.1" a $proto 192.0.2.1 $port
		reaches "$n: hairpin from itself, v6" "a fd00:88::1" a $proto 2001:db8:1::1 $port
		reaches "$n: hairpin from itself, bridge's address" "a 10.88.0.1" a $proto 10.88.0.1 $port
		reaches "$n: from the neighbour" "a 10.88.0.1" b $proto 192.0.2.1 $port
		reaches "$n: from the neighbour, v6" "a fd00:88::1" b $proto 2001:db8:1::1 $port
		reaches "$n: from the neighbour, bridge's address" "a 10.88.0.1" b $proto 10.88.0.1 $port
		reaches "$n: from another bridge" "a $(ip4 c)" c $proto 192.0.2.1 $port
		reaches "$n: from another bridge, v6" "a $(ip6 c)" c $proto 2001:db8:1::1 $port
		reaches "$n: from another bridge, its own bridge's address" "a $(ip4 c)" c $proto 10.89.0.1 $port
		reaches "$n: transit to the same port is untouched (CVE-2025-67499)" "third 192.0.2.9" outside $proto 198.51.100.9 $port
		reaches "$n: transit, v6" "third 2001:db8:1::9" outside $proto 2001:db8:2::9 $port
		reaches "$n: from the container to the same port elsewhere" "third $(ip4 a)" a $proto 198.51.100.9 $port
		reaches "$n: from the neighbour to the same port elsewhere" "third $(ip4 b)" b $proto 198.51.100.9 $port
		reaches "$n: from the host to the same port elsewhere" "third 198.51.100.1" host $proto 198.51.100.9 $port
		reaches "$n: an unpublished port is the host's" "host 192.0.2.9" outside $proto 192.0.2.1 22
		silent "$n: the container's port is not published as such" outside $proto 192.0.2.1 $([ $proto = tcp ] && echo 80 || echo 53)
	done
	silent "bridge-nf $nf: tcp port with udp" outside udp 192.0.2.1 8080
	silent "bridge-nf $nf: udp port with tcp" outside tcp 192.0.2.1 5353
	unpublish "bridge-nf $nf: DEL" a
	silent "bridge-nf $nf: nothing answers after DEL" outside tcp 192.0.2.1 8080
	silent "bridge-nf $nf: nor from 127.0.0.1" host tcp 127.0.0.1 8080
	nothing_in_nft "bridge-nf $nf: nothing is left"
	same "bridge-nf $nf: no record is left" 3 "$(records)"
done

# --- snat false, masqAll
for nf in 0 1; do
	town '"ipMasq":true'
	bridge_nf $nf || [ $nf = 0 ] || break
	serve a tcp:80 udp:53
	publish "snat false, bridge-nf $nf" a "$(ports "$(map 8080 80)" "$(map 5353 53 udp)"),\"snat\":false"
	same "snat false: no element but the ports" "2 2 0 0" "$(elements ports4 ports6 snat4 snat6)"
	same "snat false: no chain" 0 "$(chains hairpin)"
	same "snat false: route_localnet stays off" 0 "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)"
	reaches "snat false: from outside" "a 192.0.2.9" outside tcp 192.0.2.1 8080
	reaches "snat false: from another bridge (which has ipMasq)" "a 10.88.0.1" c tcp 192.0.2.1 8080
	reaches "snat false: from the host" "a 192.0.2.1" host tcp 192.0.2.1 8080
	silent "snat false: not from 127.0.0.1" host tcp 127.0.0.1 8080
	T=0.2 ask b udp 192.0.2.1 5353 "" 4444 >/dev/null 2>&1
	same "snat false: the neighbour's address is not masqueraded" "dst=$(ip4 b)" \
		"$(conntrack -L -p udp --orig-port-dst 5353 2>/dev/null | grep "src=$(ip4 b) " | grep -o 'dst=[^ ]*' | tail -n 1)"
	unpublish "snat false: DEL" a
	publish "masqAll, bridge-nf $nf" a "$(ports "$(map 8080 80)" "$(map 5353 53 udp)"),\"masqAll\":true"
	reaches "masqAll: from outside" "a 10.88.0.1" outside tcp 192.0.2.1 8080
	reaches "masqAll: from outside, v6" "a fd00:88::1" outside tcp 2001:db8:1::1 8080
	reaches "masqAll: from outside, udp" "a 10.88.0.1" outside udp 192.0.2.1 5353
	reaches "masqAll: from another bridge" "a 10.88.0.1" c tcp 192.0.2.1 8080
	reaches "masqAll: hairpin" "a 10.88.0.1" a tcp 192.0.2.1 8080
	reaches "masqAll: 127.0.0.1" "a 10.88.0.1" host tcp 127.0.0.1 8080
	reaches "masqAll: directly the client's address is seen" "a 192.0.2.9" outside tcp "$(ip4 a)" 80
	unpublish "masqAll: DEL" a
	publish "masqAll without snat" a "$(ports "$(map 8080 80)"),\"masqAll\":true,\"snat\":false"
	reaches "masqAll without snat: from outside" "a 10.88.0.1" outside tcp 192.0.2.1 8080
	unpublish "masqAll without snat: DEL" a
	same "masqAll: no element is left" "" "$(all_elements)"
done

# --- hostIP
town
serve a tcp:80 udp:80
serve b tcp:80 udp:80
serve host tcp:8081@198.51.100.1
publish "hostIP: the uplink's address" a "$(ports "$(map 8080 80 tcp 192.0.2.1)" "$(map 8080 80 udp 192.0.2.1)" "$(map 8080 80 tcp 2001:db8:1::1)")"
publish "hostIP: the same port on another address for another container" b \
	"$(ports "$(map 8080 80 tcp 198.51.100.1)" "$(map 8080 80 udp 198.51.100.1)" "$(map 8080 80 tcp 2001:db8:2::1)")"
for proto in tcp udp; do
	reaches "hostIP, $proto: first" "a 192.0.2.9" outside $proto 192.0.2.1 8080
	reaches "hostIP, $proto: second" "b 192.0.2.9" outside $proto 198.51.100.1 8080
	reaches "hostIP, $proto: from the host" "b 198.51.100.1" host $proto 198.51.100.1 8080
	reaches "hostIP, $proto: from the neighbour" "a 10.88.0.1" b $proto 192.0.2.1 8080
	silent "hostIP, $proto: not on a third address" outside $proto 10.88.0.1 8080
	silent "hostIP, $proto: not on 127.0.0.1" host $proto 127.0.0.1 8080
done
reaches "hostIP, v6: first" "a 2001:db8:1::9" outside tcp 2001:db8:1::1 8080
reaches "hostIP, v6: second" "b 2001:db8:1::9" outside tcp 2001:db8:2::1 8080
silent "hostIP, v6: udp was not asked for" outside udp 2001:db8:1::1 8080
unpublish "hostIP: DEL of the first" a
silent "hostIP: the first is gone" outside tcp 192.0.2.1 8080
reaches "hostIP: the second stays" "b 192.0.2.9" outside tcp 198.51.100.1 8080
unpublish "hostIP: DEL of the second" b
publish "hostIP 127.0.0.1" a "$(ports "$(map 8080 80 tcp 127.0.0.1)")"
reaches "hostIP 127.0.0.1: from the host" "a 10.88.0.1" host tcp 127.0.0.1 8080
silent "hostIP 127.0.0.1: not from outside" outside tcp 192.0.2.1 8080
publish "hostIP 127.0.0.1 and another container on the outside address" b "$(ports "$(map 8080 80 tcp 192.0.2.1)")"
reaches "hostIP 127.0.0.1: still the first" "a 10.88.0.1" host tcp 127.0.0.1 8080
reaches "hostIP 127.0.0.1: and the second outside" "b 192.0.2.9" outside tcp 192.0.2.1 8080
unpublish "hostIP 127.0.0.1: DEL" a
unpublish "hostIP 127.0.0.1: DEL of the other" b
publish "hostIP 0.0.0.0" a "$(ports "$(map 8080 80 tcp 0.0.0.0)")"
same "hostIP 0.0.0.0: IPv4 only" "1 0" "$(elements ports4 ports6)"
reaches "hostIP 0.0.0.0: from outside" "a 192.0.2.9" outside tcp 192.0.2.1 8080
reaches "hostIP 0.0.0.0: 127.0.0.1" "a 10.88.0.1" host tcp 127.0.0.1 8080
publish "hostIP :: for another container" b "$(ports "$(map 8080 80 tcp ::)")"
same "hostIP ::: IPv6 only" "1 1" "$(elements ports4 ports6)"
reaches "hostIP ::: from outside" "b 2001:db8:1::9" outside tcp 2001:db8:1::1 8080
reaches "hostIP ::: the other's 0.0.0.0 stays" "a 192.0.2.9" outside tcp 192.0.2.1 8080
unpublish "hostIP 0.0.0.0: DEL" a
reaches "hostIP ::: stays" "b 2001:db8:1::9" outside tcp 2001:db8:1::1 8080
unpublish "hostIP ::: DEL" b
nothing_in_nft "hostIP: nothing is left"
# a hostIP beats an unspecified one, with ports and with runs of ports
for first in a b; do
	for kinds in port:port port:run run:port run:run; do
		# a publishes on 192.0.2.1, b on all addresses; a is asked for first, or b
		spec() {
			if [ "$1" = port ]; then map 8080 8080 tcp "${2:-}"; else map 8070 8070 tcp "${2:-}" 20; fi
		}
		n="${kinds%:*} at a hostIP, ${kinds#*:} at all addresses, $([ $first = a ] && echo "in this order" || echo "other order")"
		stop_servers
		serve a tcp:8080
		serve b tcp:8080
		specific=$(chained portmap net a "$(ports "$(spec "${kinds%:*}" 192.0.2.1)")")
		general=$(chained portmap net b "$(ports "$(spec "${kinds#*:}")")")
		accepted=
		for who in $first $([ $first = a ] && echo b || echo a); do
			if plugin portmap ADD $who "$([ $who = a ] && echo "$specific" || echo "$general")"; then
				accepted+=$who
			elif [ -n "$accepted" ] && jq -e '.msg | test("8080|80[78][0-9]")' $out >/dev/null && jq -e '.msg | test("published by net '"$accepted"' eth0")' $out >/dev/null; then
				ok "$n: refused as a conflict"
			else
				not_ok "$n: accepted, or a conflict that names port and owner"
			fi
		done
		[[ $accepted != *a* ]] || reaches "$n: who has the hostIP gets its connections" "a 192.0.2.9" outside tcp 192.0.2.1 8080
		[ $accepted != b ] || reaches "$n: who has all has it" "b 192.0.2.9" outside tcp 192.0.2.1 8080
		[[ $accepted != *b* ]] || reaches "$n: the other addresses are the other's" "b 192.0.2.9" outside tcp 198.51.100.1 8080
		plugin portmap DEL a "$specific"
		plugin portmap DEL b "$general"
		nothing_in_nft "$n: nothing is left"
	done
done

# --- runs of ports
town
serve a tcp:9000-9099 udp:9000-9009 tcp:80
many() { for i in $(seq "$1" "$2"); do map "$i" $((i + ${3:-0})) "${4:-tcp}"; echo; done; }
# shellcheck disable=SC2046
publish "a run of ports" a "$(ports $(many 9000 9099))"
same "a run is one element" "0 1 0 1" "$(elements ports4 ranges4 ports6 ranges6)"
for port in 9000 9050 9099; do
	reaches "run: $port from outside" "a 192.0.2.9" outside tcp 192.0.2.1 $port
	same "run: $port leads to $port" $port "$(ask outside tcp 192.0.2.1 $port | cut -d' ' -f4)"
done
reaches "run: v6" "a 2001:db8:1::9" outside tcp 2001:db8:1::1 9042
reaches "run: 127.0.0.1" "a 10.88.0.1" host tcp 127.0.0.1 9042
reaches "run: hairpin" "a 10.88.0.1" a tcp 192.0.2.1 9042
silent "run: not beyond" outside tcp 192.0.2.1 9100
silent "run: not before" outside tcp 192.0.2.1 8999
silent "run: not udp" outside udp 192.0.2.1 9001
# shellcheck disable=SC2046
succeeds "run: CHECK" portmap CHECK a "$(chained portmap net a "$(ports $(many 9000 9099))")"
unpublish "run: DEL" a
nothing_in_nft "run: nothing is left"
# shellcheck disable=SC2046
publish "a shifted run" a "$(ports $(many 10000 10009 -1000) $(many 10000 10009 -1000 udp))"
same "a shifted run: an element for each" "20 0" "$(elements ports4 ranges4)"
for port in 10000 10009; do
	same "shifted run: $port leads to $((port - 1000))" $((port - 1000)) "$(ask outside tcp 192.0.2.1 $port | cut -d' ' -f4)"
	same "shifted run: udp $port leads to $((port - 1000))" $((port - 1000)) "$(ask outside udp 192.0.2.1 $port | cut -d' ' -f4)"
done
unpublish "shifted run: DEL" a
publish "range" a "$(ports "$(map 9000 9000 tcp "" 100)" "$(map 10000 9000 udp 192.0.2.1 10)" "$(map 8080 80)")"
same "range: elements" "1 1 10" "$(elements ranges4 ports4 hostports4)"
reaches "range: from outside" "a 192.0.2.9" outside tcp 192.0.2.1 9099
same "range: shifted, with hostIP" 9009 "$(ask outside udp 192.0.2.1 10009 | cut -d' ' -f4)"
silent "range: hostIP holds" outside udp 198.51.100.1 10009
unpublish "range: DEL" a
nothing_in_nft "range: nothing is left"
publish "range to the last port" a "$(ports "$(map 65530 65530 tcp "" 6)")"
unpublish "range to the last port: DEL" a
publish "range 0 and 1 are one port" a "$(ports "$(map 8080 80 tcp "" 0)" "$(map 8081 80 udp "" 1)")"
same "range 0 and 1: elements" "2 0" "$(elements ports4 ranges4)"
unpublish "range 0 and 1: DEL" a
publish "protocol in capitals, and none" a '"runtimeConfig":{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"TCP"},{"hostPort":8081,"containerPort":80},{"hostPort":8082,"containerPort":80,"protocol":""}]}'
reaches "protocol in capitals" "a 192.0.2.9" outside tcp 192.0.2.1 8080
reaches "no protocol is tcp" "a 192.0.2.9" outside tcp 192.0.2.1 8081
reaches "an empty protocol is tcp" "a 192.0.2.9" outside tcp 192.0.2.1 8082
unpublish "protocol in capitals: DEL" a

# --- sctp: the rules; associations are in portmap-sctp.sh
publish "sctp" a "$(ports "$(map 3868 3868 sctp)")"
check "sctp: the element" nft get element inet hawser ports4 '{ sctp . 3868 }'
check "sctp: the element, v6" nft get element inet hawser ports6 '{ sctp . 3868 }'
unpublish "sctp: DEL" a

# --- a container with one family
surroundings a
join a "$(net_conf net br0 88 | jq -c '.ipam.ranges |= .[0:1]')"
serve a tcp:80
publish "IPv4 container" a "$(ports "$(map 8080 80)" "$(map 8081 80 tcp ::)")"
same "IPv4 container: nothing for IPv6" "1 0" "$(elements ports4 ports6)"
reaches "IPv4 container: from outside" "a 192.0.2.9" outside tcp 192.0.2.1 8080
surroundings a
join a "$(net_conf net br0 88 | jq -c '.ipam.ranges |= .[1:2]')"
serve a tcp:80
publish "IPv6 container" a "$(ports "$(map 8080 80)" "$(map 8081 80 tcp 0.0.0.0)")"
same "IPv6 container: nothing for IPv4" "0 1" "$(elements ports4 ports6)"
reaches "IPv6 container: from outside" "a 2001:db8:1::9" outside tcp 2001:db8:1::1 8080
same "IPv6 container: route_localnet stays off" 0 "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)"
# without an address of the host on the bridge there is no way to it, but nothing fails (as the reference)
surroundings a
join a "$(net_conf net br0 88 | jq -c '.isDefaultGateway = false')"
publish "a bridge without an address" a "$(ports "$(map 8080 80)")"
done_testing
