# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan, mode "l2": the containers of several nodes on one link. All pairs inside and over both IP versions, who hears
# broadcasts, addresses that move, isolation, ways out and in, what heals, and what is left.
. "$(dirname "$0")/../overlay-lib.sh"
trap 'fixture star-N down' EXIT

# What a host has of a VNI: usage: link_of HOST LINK JQ-FILTER
link_of() { in_host "$1" ip -d -j link show dev "$2" | jq -r ".[0] | $3"; }
# The VTEPs of a host's replication list. usage: replication HOST
replication() { in_host "$1" bridge fdb show dev vx42 | sed -n 's/^00:00:00:00:00:00 .*dst \([^ ]*\).*permanent.*/\1/p' | sort | xargs; }
# Count VXLAN packets for an inner destination, and what was counted. usage: count HOST MAC; counted HOST
count() { in_host "$1" nft "add table inet t; flush table inet t; add chain inet t c { type filter hook prerouting priority -500; }; add rule inet t c udp dport 4789 @th,128,48 0x${2//:/} counter"; }
counted() { in_host "$1" nft list table inet t | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }
# CHECK of container b of network blue. usage: verdict HOST
verdict() { if host_cni "$1" check blue b >$out 2>$err; then echo passed; else cat $out $err; fi; }

#  ---- Three nodes; two networks of one link each, and one that is routed; n4 is no node ----

fixture star-N up 4
# as Docker leaves it: the rules for IP see the frames of bridges, too
in_host n1 sysctl -qw net.bridge.bridge-nf-call-iptables=1 net.bridge.bridge-nf-call-ip6tables=1 2>/dev/null
for i in 1 2 3; do host_state n$i >/run/test-before$i; done
blue_nodes() { CHAIN="$portmap {\"type\":\"firewall\"}" MORE="\"ipMasq\":true${1:+,$1}" MODE=l2 overlay_nodes 1 2 3; }
blue_nodes
NAME=red VNI=43 B=6 UNDERLAY=6 MODE=l2 overlay_nodes 1 2 3
NAME=green VNI=44 B=7 overlay_nodes 1 2 3
blue="n1/b n2/b n3/b n1/b2" red="n1/r n2/r n3/r" green="n1/g n2/g n3/g"
for place in $red; do attach "${place%/*}" "${place#*/}" red; done
same "over IPv6: MTU of all, 70 bytes less" "1430 1430 1430 1430 1430" "$(result '[.interfaces[].mtu, .routes[].mtu | tostring] | join(" ")')"
for place in $blue; do attach "${place%/*}" "${place#*/}" blue; done
same "over IPv4: MTU of all, 50 bytes less" "1450 1450 1450 1450 1450" "$(result '[.interfaces[].mtu, .routes[].mtu | tostring] | join(" ")')"
same "bridge, host end, container end" "br-vx42 veth eth0" "$(result '[.interfaces[].name | sub("^veth.*"; "veth")] | join(" ")')"
same "an address of the node's subnet with the length of the network" "10.5.1.3/16 10.5.1.1 fd00:5:0:1::3/48 fd00:5:0:1::1" "$(result '[.ips[] | .address, .gateway] | join(" ")')"
for place in $green; do attach "${place%/*}" "${place#*/}" green; done
# shellcheck disable=SC2086
{
	all_meet "over IPv4, all pairs" $blue
	all_meet "over IPv6, all pairs" $red
	BYTES=1450 all_meet "packets of 1450 bytes over IPv4" $blue
	BYTES=1430 all_meet "packets of 1430 bytes over IPv6" $red
	same "1451 bytes are too many for IPv4" "0 of 6, 0 of 6" "$(BYTES=1451 PATIENCE=0.3 meet n1/b n2/b n3/b)"
	same "1431 bytes are too many for IPv6" "0 of 6, 0 of 6" "$(BYTES=1431 PATIENCE=0.3 meet $red)"
	all_meet "the routed network beside them" $green
	same "no way into another link" "0 of 12, 0 of 12" "$(PATIENCE=0.4 meet $blue -- $red)"
	same "nor into the routed network" "0 of 12, 0 of 12" "$(PATIENCE=0.4 meet $blue -- $green)"
	same "nor from there" "0 of 12, 0 of 12" "$(PATIENCE=0.4 meet $green -- $blue)"
}
same "the bridge" "1450 0 $((0x48000000 + 42))" "$(link_of n1 br-vx42 '"\(.mtu) \(.linkinfo.info_data.mcast_snooping) \(.group)"')"
same "its port, the VXLAN device, learns" "br-vx42 1450 true false" \
	"$(link_of n1 vx42 '"\(.master) \(.mtu) \(.linkinfo.info_slave_data.learning) \(.linkinfo.info_slave_data.neigh_suppress)"')"
same "addresses of the bridge" "10.5.1.1/16 fd00:5:0:1::1/48" "$(in_host n1 ip -j addr show br-vx42 | jq -r '[.[0].addr_info[] | select(.scope != "link") | "\(.local)/\(.prefixlen)"] | sort | join(" ")')"
same "and none of the device" 0 "$(in_host n1 ip -j addr show vx42 | jq -r '.[0].addr_info | length')"
same "accept_ra is off" "0 0" "$(in_host n1 sh -c 'cat /proc/sys/net/ipv6/conf/br-vx42/accept_ra /proc/sys/net/ipv6/conf/veth*/accept_ra' | sort -u | xargs | sed 's/^0$/0 0/')"
same "nothing is routed to peers" "" "$(in_host n1 ip route show proto 72 dev br-vx42)"

#  ---- Who hears what ----

same "a VTEP for each peer in the replication list" "192.0.2.2 192.0.2.3" "$(replication n1)"
for i in 2 3 4; do count n$i ffffffffffff; done
in_place n1/b ping -c1 -W0.2 10.5.77.77 >/dev/null
wait_for 2 eval '[ "$(counted n3)" -gt 0 ] && [ "$(counted n2)" -gt 0 ]'
check "a question for nobody goes to the peers" [ "$(counted n2)" -gt 0 -a "$(counted n3)" -gt 0 ]
same "and to nobody else" 0 "$(counted n4)"
for i in 2 3; do count n$i 0a580a050202; done
check "a packet for one" in_place n1/b ping -c2 -i0.1 -W2 "${V4[n2/b]}"
check "goes to its node" [ "$(counted n2)" -ge 2 ]
same "and to no other" 0 "$(counted n3)"
for i in 2 3 4; do in_host n$i nft delete table inet t; done
V4[n1]=10.5.1.1 V6[n1]=fd00:5:0:1::1 V4[n2]=10.5.2.1 V6[n2]=fd00:5:0:2::1
all_meet "hosts by their addresses on the link" n1 n2 n1/b n2/b n3/b
unset 'V4[n1]' 'V6[n1]' 'V4[n2]' 'V6[n2]'

#  ---- An address that moves: the others hear of it ----

# The container says nothing by itself: no IPv6, which would report and solicit. usage: attach_quiet HOST CONTAINER
attach_quiet() {
	in_host "$1" sh -c 'ip netns add "$1" && ip -n "$1" link set lo up && ip netns exec "$1" sysctl -qw net.ipv6.conf.default.disable_ipv6=1' - "$2" &&
		host_cni "$1" add blue "$2" >$out 2>$err || not_ok "ADD of $1/$2"
	V4[$1/$2]=10.5.99.9
}
blue_nodes '"ipam":{"type":"static","addresses":[{"address":"10.5.99.9/24"}]}'
attach_quiet n1 f
same "an address of nobody's subnet" "10.5.99.9/16 10.5.1.1" "$(result '.ips[0] | "\(.address) \(.gateway)"')"
FAMILIES=4 all_meet "is reached" n1/f n1/b n2/b n3/b
mac=$(in_host n1 ip -n f -j link show eth0 | jq -r '.[0].address')
# where a node looks for it. usage: place HOST
place() { in_host "$1" bridge fdb show dev vx42 | sed -n "s/^$mac .*dst \([^ ]*\).*/\1/p"; }
same "the others have learnt where it is" "192.0.2.1 192.0.2.1" "$(place n2) $(place n3)"
detach n1 f blue
attach_quiet n2 f
same "with the same MAC on another node" "$mac" "$(in_host n2 ip -n f -j link show eth0 | jq -r '.[0].address')"
check "the others have been told" wait_for 2 eval '[ "$(place n1) $(place n3)" = "192.0.2.2 192.0.2.2" ]'
same "and reach it at once" "3 of 3" "$(FAMILIES=4 PATIENCE=1 meet n1/b n2/b n3/b -- n2/f)"
detach n2 f blue
# without IPv4 the MAC is another one in each container
blue_nodes '"ipam":{"type":"static","addresses":[{"address":"fd00:5:0:99::9/64"}]}'
attach n1 f6 blue
FAMILIES=6 all_meet "an IPv6 address" n1/f6 n1/b n3/b
# the MAC that a container knows of it. usage: known PLACE
known() { in_place "$1" ip -j neigh show to fd00:5:0:99::9 | jq -r '.[0].lladdr'; }
mac=$(known n3/b)
detach n1 f6 blue
attach n2 f7 blue
refuse "another container has another MAC" [ "$(result '.interfaces[2].mac')" = "$mac" ]
mac=$(result '.interfaces[2].mac')
check "its neighbours have been told" wait_for 2 eval '[ "$(known n1/b) $(known n3/b)" = "$mac $mac" ]'
detach n2 f7 blue
blue_nodes

#  ---- To the outside, and from it ----

serve n4 tcp:80 udp:4790 udp:4789
same "masqueraded: n4 sees the host" 192.0.2.1 "$(seen n1/b tcp 192.0.2.4 80)"
same "and over IPv6" 2001:db8:1::2 "$(seen n2/b tcp 2001:db8:1::4 80)"
same "a UDP port of another host" 192.0.2.1 "$(seen n1/b udp 192.0.2.4 4790)"
same "the VXLAN port of a host is out of reach for containers" "" "$(T=0.3 seen n1/b udp 192.0.2.4 4789)"
reach_published
send() { in_place n1/b bash -c "echo x >/dev/udp/$1/4789" 2>/dev/null; }
drops() { in_host "$1" nft list chain inet hawser-vx42 "$2" | grep -o 'packets [0-9]*' | cut -d' ' -f2 | xargs; }
before=$(drops n2 input | cut -d' ' -f1)
send 10.5.2.1
send 192.0.2.1
check "nothing for the VXLAN port of another node over the link" wait_for 2 eval '[ "$(drops n2 input | cut -d" " -f1)" -gt '"$before"' ]'
check "nor of the own one" [ "$(drops n1 input | cut -d' ' -f1)" -gt 0 ]

#  ---- A stranger ----

in_host n4 sh -c 'ip link add vs address 02:00:00:00:00:99 type vxlan id 42 dstport 4789 local 192.0.2.4 && bridge fdb append 00:00:00:00:00:00 dev vs dst 192.0.2.1
	ip addr add 10.5.200.4/16 dev vs && ip link set vs up'
V4[n4]=10.5.200.4
same "a stranger's frames are dropped" "0 of 1" "$(FAMILIES=4 PATIENCE=0.4 meet n4 -- n1/b)"
unset 'V4[n4]'
check "and counted" [ "$(drops n1 input | cut -d' ' -f2)" -gt 0 ]
same "nobody learns from them" 0 "$(in_host n1 bridge fdb show | grep -c 02:00:00:00:00:99)"
in_host n4 ip link del vs

#  ---- What an administrator breaks is whole after the next CHECK or ADD ----

same "CHECK" passed "$(verdict n1)"
# usage: heals NAME WHAT-CHECK-SAYS COMMAND...; on n1, by CHECK and by the next ADD
heals() {
	local name=$1 says=$2
	shift 2
	in_host n1 sh -c "$*" || not_ok "$name could not be made"
	same "$name: CHECK passes" passed "$(verdict n1)"
	check "$name: it says what it has put right" grep -qF "$says" $err
	PATIENCE=1 all_meet "$name: and all meet" n1/b n2/b n3/b
	same "$name: the next CHECK finds nothing" "passed, " "$(verdict n1), $(cat $err)"
	in_host n1 sh -c "$*"
	attach n1 h blue
	same "$name: nor does one after the next ADD" "passed, " "$(verdict n1), $(cat $err)"
	PATIENCE=1 all_meet "$name: and all meet then" n1/b n1/h n2/b n3/b
	detach n1 h blue
}
heals "a lost bridge" 'br-vx42 is missing' ip link del br-vx42
heals "a lost device" 'vx42 is missing' ip link del vx42
heals "a peer lost from the replication list" '192.0.2.2 in the replication list is missing' bridge fdb del 00:00:00:00:00:00 dev vx42 dst 192.0.2.2
heals "a stranger in it" '192.0.2.4 in the replication list is of no peer' bridge fdb append 00:00:00:00:00:00 dev vx42 dst 192.0.2.4
heals "a device that is no port" 'vx42 is not a port of the bridge br-vx42' ip link set vx42 nomaster
heals "a port that does not learn" 'bridge port vx42 was changed' bridge link set dev vx42 learning off
heals "a bridge with another address" 'has lost its address 10.5.1.1/16' 'ip addr flush dev br-vx42 scope global; ip addr add 10.5.1.7/16 dev br-vx42'
heals "a bridge with another MAC" 'br-vx42 has another MAC' ip link set br-vx42 address 02:00:00:00:00:01
heals "a bridge that is down" 'br-vx42 has another state' ip link set br-vx42 down
heals "a bridge with another MTU" 'br-vx42 has another MTU' ip link set br-vx42 mtu 1400
host=$(in_host n1 ip -n b -j link show eth0 | jq -r '.[0].link_index')
host=$(in_host n1 ip -j link | jq -r ".[] | select(.ifindex == $host) | .ifname")
in_host n1 ip link set "$host" nomaster
check "CHECK notices a container that is no port" eval "[[ \$(verdict n1) = *\"$host is not a port of bridge\"* ]]"
in_host n1 ip link set "$host" master br-vx42
same "and that it is one again" passed "$(verdict n1)"

#  ---- While containers live, the mode stays ----

CHAIN="$portmap {\"type\":\"firewall\"}" MORE='"ipMasq":true' overlay_nodes 1
host_attach n1 x blue >$out 2>$err && not_ok "mode l3 while containers live"
check "another mode is refused" grep -q 'mode.*node .*n1.* has containers in 10.5.1.0/24 and fd00:5:0:1::/64 of VNI 42.*nor leave mode .*l2' $err
in_host n1 ip netns del x
blue_nodes
same "and changed nothing" passed "$(verdict n1)"

#  ---- A file of peers, which changes ----

MORE='"ipMasq":true' MODE=l2 overlay_list 1 '"peersFile":"/run/cni/blue"' "$portmap" '{"type":"firewall"}' | host_put n1 /run/cni/net.d/blue.conflist
overlay_records 1 2 | host_put n1 /run/cni/blue
attach n1 p blue
same "a peer that is gone from the file" 192.0.2.2 "$(replication n1)"
same "hears nothing" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n1/p -- n3/b)"
overlay_records 1 2 3 | host_put n1 /run/cni/blue
attach n1 p2 blue
same "one that is back" "192.0.2.2 192.0.2.3" "$(replication n1)"
all_meet "does" n1/p n1/p2 n1/b n2/b n3/b

#  ---- The last container leaves ----

for c in b b2 web p p2; do detach n1 $c blue; done
same "without a container device and bridge are gone" "br-vx43 vx43 vx44" "$(in_host n1 ip -j link | jq -r '[.[].ifname | select(test("vx"))] | sort | join(" ")')"
all_meet "another network's are not" n1/r n2/r
for i in 2 3; do detach n$i b blue; done
for i in 1 2 3; do
	detach n$i r red
	detach n$i g green
	host_state n$i >/run/test-after
	same "nothing is left on n$i" "" "$(diff /run/test-before$i /run/test-after)"
done
MODE=l3 overlay_nodes 1 2 3
for i in 1 2; do attach n$i b blue; done
all_meet "another mode, now that nobody lives" n1/b n2/b
fixture star-N down

#  ---- Sixteen nodes, and IPv6 only ----

V4=() V6=()
fixture v6-only up
UNDERLAY=6 MODE=l2 overlay_nodes 1 2 3
for i in 1 2 3; do attach n$i b blue; done
all_meet "an underlay without IPv4" n1/b n2/b n3/b
fixture v6-only down
fixture star-N up 16
MODE=l2 overlay_nodes {1..16}
places=
for i in {1..16}; do
	attach n$i b blue
	places+=" n$i/b"
done
# shellcheck disable=SC2086
all_meet "sixteen nodes, all pairs" $places
same "fifteen VTEPs in the replication list" 15 "$(replication n7 | wc -w)"
done_testing
