# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan with "fastPath": what passes by the host's netfilter and what does not, containers of other plugins behind it, what
# DEL takes away, CHECK and the next ADD, a kernel that cannot. A wall on a host, a forward chain that drops everything and
# counts, tells which way a packet takes.
. "$(dirname "$0")/../overlay-lib.sh"
trap 'fixture star-N down' EXIT
chain='{"type":"portmap","capabilities":{"portMappings":true}} {"type":"bandwidth","capabilities":{"bandwidth":true}}'
tables='add table inet wall
add chain inet wall way { type filter hook forward priority -10; policy drop; }
add chain inet wall seen { type filter hook prerouting priority -320; }
add rule inet wall way counter
add rule inet wall seen iifname "vx*" counter'

walls() { for h in n1 n2; do in_host $h nft -f - <<<"$tables"; done; }
no_walls() { for h in n1 n2; do in_host $h nft delete table inet wall; done; }
# Packets that a wall's chain has counted. usage: count HOST CHAIN
count() { in_host "$1" nft list chain inet wall "$2" | grep -o 'packets [0-9]*' | cut -d' ' -f2; }
# usage: cping PLACE ADDRESS [OPTION...]
cping() { in_place "$1" ping -c1 -W1 "${@:3}" "$2"; }
# A key of a container's record. usage: record HOST CONTAINER KEY
record() { in_host "$1" sh -c 'cd /run/hawser/attachments/$2 && cat $(grep -l "/run/netns/$1\"" *:vxlan)' - "$2" "${NAME:-blue}" | jq -r ".$3"; }
end_of() { record "$1" "$2" hostInterface; }
program() { in_host "$1" tc filter show dev "$2" ingress | grep -c hawser_fast; }
serve() {
	: >/run/test-served
	in_place "$1" "$HELPERS/talk" serve host "${@:2}" >/run/test-served 2>&1 &
	wait_for 5 grep -q ready /run/test-served
}
seen() { in_place "$1" "$HELPERS/talk" ask host "${@:2}" 2>/dev/null | cut -d' ' -f2; }

#  ---- Two nodes, three containers, nothing passes the forward chains ----

fixture star-N up 2
CHAIN=$chain MORE='"fastPath":true' overlay_nodes 1 2
attach n1 a blue
attach n2 b blue
attach n1 c blue
same "nothing to say about it" "" "$(cat $err)"
same "the network's file says so" true "$(in_host n1 cat /run/hawser/overlay/blue | jq .fast)"
walls
all_meet "UDP passes by the forward chain" n1/a n2/b n1/c
BYTES=1450 all_meet "packets of 1450 bytes, too" n1/a n2/b n1/c
serve n2/b tcp:80
for ip in "${V4[n2/b]}" "${V6[n2/b]}"; do
	same "TCP to $ip" "$([[ $ip = *:* ]] && echo "${V6[n1/a]}" || echo "${V4[n1/a]}")" "$(seen n1/a tcp "$ip" 80)"
	check "ICMP to $ip: two hops less" grep -q 'ttl=62' <(cping n1/a "$ip")
done
check "one hop less on the same node" grep -q 'ttl=63' <(cping n1/a "${V4[n1/c]}")
same "no packet was forwarded by the stacks" "0 0" "$(count n1 way) $(count n2 way)"
same "nor seen by netfilter behind the tunnel" "0 0" "$(count n1 seen) $(count n2 seen)"
: >/run/test-served
in_place n2/b python3 -SE "$here/tests/netns/peer.py" sink 81 >/run/test-served 2>&1 &
wait_for 5 grep -q ready /run/test-served
check "20 MB in segments of 64 KiB" in_place n1/a python3 -SE "$here/tests/netns/peer.py" flood "${V4[n2/b]}" 81 20000000

#  ---- What the stack has to answer or to decide ----

check "a TTL of 1 ends at the node" grep -q "From 10.5.1.1 .*Time to live" <(cping n1/a "${V4[n2/b]}" -t 1)
check "a hop limit of 1, too" grep -q "From fd00:5:0:1::1 .*Time exceeded" <(cping n1/a "${V6[n2/b]}" -t 1)
check "a TTL of 2 ends at the other node" grep -q "From 10.5.2.0 .*Time to live" <(cping n1/a "${V4[n2/b]}" -t 2)
in_host n1 ip route change 10.5.2.0/24 via 10.5.2.0 dev vx42 proto 72 onlink mtu lock 1300
in_host n1 ip -6 route change fd00:5:0:2::/64 via fd00:5:0:2:: dev vx42 proto 72 onlink mtu lock 1300
check "too large for the route: the node says so" grep -q "From 10.5.1.1 .*mtu = 1300" <(cping n1/a "${V4[n2/b]}" -M do -s 1380)
check "and over IPv6" grep -qi "From fd00:5:0:1::1 .*mtu=1300" <(cping n1/a "${V6[n2/b]}" -M do -s 1380)
in_place n1/a ip route flush cache
in_place n1/a ip -6 route flush cache
check "segments follow" in_place n1/a python3 -SE "$here/tests/netns/peer.py" flood "${V4[n2/b]}" 81 200000
in_host n1 ip route change 10.5.2.0/24 via 10.5.2.0 dev vx42 proto 72 onlink
in_host n1 ip -6 route change fd00:5:0:2::/64 via fd00:5:0:2:: dev vx42 proto 72 onlink

before=$(count n1 way)
in_place n1/a ip addr add 10.5.1.200/32 dev eth0
refuse "a source that is not the container's" cping n1/a "${V4[n2/b]}" -I 10.5.1.200
in_place n1/a ip addr add "${V4[n1/c]}/32" dev eth0
refuse "or another container's" cping n1/a "${V4[n2/b]}" -I "${V4[n1/c]}"
in_place n1/a ip addr del "${V4[n1/c]}/32" dev eth0
in_place n1/a ip addr del 10.5.1.200/32 dev eth0
same "is the stack's affair" 2 $(($(count n1 way) - before))
before=$(count n1 way)
refuse "a source outside the network, from the other node" cping n2 "${V4[n1/a]}" -I 192.0.2.2
same "too" 1 $(($(count n1 way) - before))
check "a source inside passes" cping n2 "${V4[n1/a]}" -I 10.5.2.0
serve n2/b udp:4789 udp:4790
same "UDP to any port" "${V4[n1/a]}" "$(seen n1/a udp "${V4[n2/b]}" 4790)"
before=$(count n1 way)
same "but that of VXLAN" "" "$(T=0.3 seen n1/a udp "${V4[n2/b]}" 4789)"
same "goes to the stack" 1 $(($(count n1 way) - before))

#  ---- Plugins behind it ----

CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' attach n1 web blue
CAP_ARGS='{"bandwidth":{"ingressRate":80000000,"ingressBurst":800000,"egressRate":80000000,"egressBurst":800000}}' attach n1 slow blue
same "with published ports or limits: no part" "false false true" "$(record n1 web fast) $(record n1 slow fast) $(record n1 a fast)"
same "no program at their host ends" "0 0 1" "$(program n1 "$(end_of n1 web)") $(program n1 "$(end_of n1 slow)") $(program n1 "$(end_of n1 a)")"
same "the queues are those of bandwidth" "ingress tbf" "$(in_host n1 tc -j qdisc show dev "$(end_of n1 slow)" | jq -r '[.[].kind] | sort | join(" ")')"
same "both ways through the stack" "0 of 4, 0 of 4" "$(PATIENCE=0.3 meet n1/web n1/slow -- n2/b n1/a)"
same "and back" "0 of 4, 0 of 4" "$(PATIENCE=0.3 meet n2/b n1/a -- n1/web n1/slow)"
all_meet "the others still pass by" n1/a n2/b n1/c
no_walls
all_meet "without a wall all meet" n1/a n2/b n1/c n1/web n1/slow
serve n1/web tcp:80
check "a published port from another node" test -n "$(seen n2 tcp 192.0.2.1 8080)"
check "from a container of another node" test -n "$(seen n2/b tcp 192.0.2.1 8080)"
check "from a container of the node" test -n "$(seen n1/a tcp 192.0.2.1 8080)"
same "and by its own address" "${V4[n2/b]}" "$(seen n2/b tcp "${V4[n1/web]}" 80)"
walls
{
	host_kill n1 n2
	wait
} 2>/dev/null

#  ---- DEL, and its address for the next one ----

addr=${V4[n1/c]}
before=$(count n1 seen)
detach n1 c blue
refuse "a container that is gone" cping n2/b "$addr"
same "its packets are the stack's again" 1 $(($(count n1 seen) - before))
in_host n1 sh -c 'rm -rf /var/lib/cni/networks/*/last_reserved_ip.* /run/hawser/ipam'
CAP_ARGS='{"portMappings":[{"hostPort":8081,"containerPort":80,"protocol":"tcp"}]}' attach n1 d blue
same "its address is given again" "$addr" "${V4[n1/d]}"
same "to one without part: through the stack" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n2/b -- n1/d)"
detach n1 d blue
in_host n1 sh -c 'rm -rf /var/lib/cni/networks/*/last_reserved_ip.* /run/hawser/ipam'
attach n1 e blue
same "and again" "$addr" "${V4[n1/e]}"
all_meet "to one with part" n1/e n2/b n1/a

#  ---- What CHECK puts right, and the next ADD ----

checks() { host_cni n1 check blue a >$out 2>$err; }
check "CHECK" checks
check "CHECK of one without part" host_cni n1 check blue web
in_host n1 tc filter del dev "$(end_of n1 a)" ingress
check "CHECK: no program at the host end" checks
check "says so" grep -q "fastPath.*$(end_of n1 a)" $err
checks && same "and has put it right" "" "$(cat $err)"
in_host n1 tc qdisc del dev vx42 clsact
check "CHECK: no program at the device" checks
check "says so" grep -q 'fastPath.*vx42' $err
checks && same "and has put it right" "" "$(cat $err)"
all_meet "for all containers" n1/a n2/b n1/e
in_host n1 tc qdisc del dev vx42 clsact
same "through the stack then" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n2/b -- n1/a)"
attach n1 f blue
check "the next ADD puts it back" checks
all_meet "for all containers" n1/a n2/b n1/e n1/f
same "that had part" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n2/b -- n1/web)"
in_host n1 ip link del vx42
attach n1 g blue
check "also with a new device" checks
all_meet "for all containers" n1/a n2/b n1/e n1/g

attach n1 k2 blue
id=$(record n1 k2 containerID)
check "hawser cleanup of one" in_host n1 "$BIN/hawser" cleanup "$id"
before=$(count n1 seen)
refuse "it is gone" cping n2/b "${V4[n1/k2]}"
same "from the fast path, too" 1 $(($(count n1 seen) - before))
in_host n1 ip netns del k2
unset "V4[n1/k2]" "V6[n1/k2]"

#  ---- Another network of the nodes ----

export NAME=red VNI=43 B=6
MORE='"fastPath":true' overlay_nodes 1 2
attach n1 r red
attach n2 r red
same "its container has part" true "$(record n1 r fast)"
CHAIN='{"type":"firewall","directAccess":"deny"}' MORE='"fastPath":true' overlay_nodes 1 2
attach n1 r2 red
same "firewall that filters takes its out" false "$(record n1 r2 fast)"
detach n1 r2 red
CHAIN='{"type":"firewall"}' MORE='"fastPath":true' overlay_nodes 1 2
attach n1 r2 red
same "one that does not leaves it" true "$(record n1 r2 fast)"
detach n1 r2 red
unset NAME VNI B
all_meet "another network has its own" n1/r n2/r
no_walls
same "no way from one into the other" "0 of 4, 0 of 4" "$(PATIENCE=0.3 meet n1/a n2/b -- n1/r n2/r)"
same "nor back" "0 of 4, 0 of 4" "$(PATIENCE=0.3 meet n1/r n2/r -- n1/a n2/b)"

#  ---- Switched off, and a kernel that refuses ----

walls
CHAIN=$chain overlay_nodes 1 2
attach n1 h blue
same "switched off: no program is left" "0 0" "$(program n1 vx42) $(program n1 "$(end_of n1 a)")"
same "packets take the stack" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n1/a -- n1/e)"
CHAIN=$chain MORE='"fastPath":true' overlay_nodes 1 2
in_host n1 sh -c 'ip netns add x; jq -c ".plugins[0] + {cniVersion, name}" /run/cni/net.d/blue.conflist >/run/x.conf'
# usage: x VERB STEP
x() {
	in_host n1 sh -c 'CNI_COMMAND=$1 HAWSER_FAULT=$2 CNI_CONTAINERID=x CNI_NETNS=/run/netns/x CNI_IFNAME=eth0 CNI_PATH="${3%/*}" "$3" </run/x.conf' - \
		"$1" "$2" "$BIN/vxlan" >$out 2>/run/test-warned
}
for ((k = 8; k < 80; k++)); do
	x ADD $k && grep -q 'HAWSER_FAULT.*create the map' /run/test-warned && break
	x DEL 0
	in_host n1 tc qdisc del dev vx42 clsact 2>/dev/null
done
check "without BPF the ADD goes on, and says so" grep -q '"fastPath": packets of blue take' /run/test-warned
same "the network's file, too" null "$(in_host n1 cat /run/hawser/overlay/blue | jq .fast)"
check "CHECK does not mind" checks
same "packets take the stack" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n2/b -- n1/a)"
x DEL 0 2>&1
attach n1 i blue
all_meet "when it can, all is well again" n1/a n2/b n1/i
for c in a c e f g h i web slow; do [ -z "${V4[n1/$c]:-}" ] || detach n1 $c blue; done
same "of the last container nothing is left" "no device" "$(entries n1 42)"
done_testing
