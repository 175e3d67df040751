# SPDX-License-Identifier: GPL-2.0-or-later
# The overlay of several nodes, without a daemon: all-pairs connectivity inside and over both IP versions, isolation of
# networks, MTU, ways out and published ports, who may inject, what heals at the next ADD, and what is left. What the
# plugin does on one node is tested in vxlan.sh.
. "$(dirname "$0")/../overlay-lib.sh"
trap 'fixture star-N down' EXIT

#  ---- Three nodes, two networks, and n4, which is no node ----

fixture star-N up 4
host_state n1 >/run/test-before
CHAIN="$portmap {\"type\":\"firewall\"}" MORE='"ipMasq":true' overlay_nodes 1 2 3
NAME=red VNI=43 B=6 UNDERLAY=6 overlay_nodes 1 2 3
blue="n1/b n2/b n3/b n1/b2" red="n1/r n2/r n3/r"
for place in $blue; do attach "${place%/*}" "${place#*/}" blue; done
same "MTU over IPv4: 50 bytes less" 1450 "$(result '[.interfaces[] | select(.sandbox)][0].mtu')"
for place in $red; do attach "${place%/*}" "${place#*/}" red; done
same "MTU over IPv6: 70 bytes less" 1430 "$(result '[.interfaces[] | select(.sandbox)][0].mtu')"
# shellcheck disable=SC2086
{
	all_meet "over IPv4, all pairs" $blue
	all_meet "over IPv6, all pairs" $red
	BYTES=1450 all_meet "packets of 1450 bytes over IPv4" $blue
	BYTES=1430 all_meet "packets of 1430 bytes over IPv6" $red
	same "1451 bytes are too many for IPv4" "0 of 6, 0 of 6" "$(BYTES=1451 PATIENCE=0.3 meet n1/b n2/b n3/b)"
	same "1431 bytes are too many for IPv6" "0 of 6, 0 of 6" "$(BYTES=1431 PATIENCE=0.3 meet $red)"
	same "no way from one network into the other" "0 of 12, 0 of 12" "$(PATIENCE=0.5 meet $blue -- $red)"
	same "nor back" "0 of 12, 0 of 12" "$(PATIENCE=0.5 meet $red -- $blue)"
}
for vni in 42 43; do
	dev=$(vxlan_of n1 $vni)
	same "VNI $vni: the device" "4789 false 1" "$(in_host n1 ip -d -j link show "$dev" |
		jq -r '.[0] | "\(.linkinfo.info_data.port) \(.linkinfo.info_data.learning // false) \([.flags[] | select(. == "UP")] | length)"')"
done

#  ---- To the outside, and from it ----

serve n4 tcp:80 udp:4790 udp:4789
same "masqueraded: n4 sees the host" 192.0.2.1 "$(seen n1/b tcp 192.0.2.4 80)"
same "and over IPv6" 2001:db8:1::2 "$(seen n2/b tcp 2001:db8:1::4 80)"
same "without ipMasq n4 does not know the way back" "" "$(T=0.3 seen n1/r tcp 192.0.2.4 80)"
same "a UDP port of another host" 192.0.2.1 "$(seen n1/b udp 192.0.2.4 4790)"
same "the VXLAN port of a host is out of reach for containers" "" "$(T=0.3 seen n1/b udp 192.0.2.4 4789)"
same "over IPv6, too" "" "$(T=0.3 seen n1/b udp 2001:db8:1::4 4789)"
same "not for the host" 192.0.2.1 "$(seen n1 udp 192.0.2.4 4789)"

reach_published

#  ---- What an administrator breaks is whole after the next ADD ----

entries n1 42 >/run/test-want
dev=$(vxlan_of n1 42)
mac2=$(vxlan_mac n2 42) mac3=$(vxlan_mac n3 42)
same "routes, neighbours, forwarding entries for two peers" "4 4 2" \
	"$(grep -c ' via ' /run/test-want) $(grep -c ' lladdr ' /run/test-want) $(grep -c ' dst ' /run/test-want)"
in_host n1 ip route del 10.5.2.0/24 dev "$dev"
in_host n1 ip -6 route del fd00:5:0:3::/64 dev "$dev"
in_host n1 ip neigh del 10.5.3.0 dev "$dev"
in_host n1 bridge fdb replace "$mac2" dev "$dev" dst 192.0.2.4 self permanent
in_host n1 bridge fdb del "$mac3" dev "$dev" dst 192.0.2.3 self
same "with entries deleted and forged, nobody is reached" "0 of 2, 0 of 2" "$(PATIENCE=0.3 meet n1/b -- n2/b n3/b)"
attach n1 b3 blue
same "the next ADD puts them back" "$(cat /run/test-want)" "$(entries n1 42)"
# shellcheck disable=SC2086
all_meet "and all meet again" $blue n1/b3
mac=$(vxlan_mac n1 42)
in_host n1 ip link del "$dev"
same "without the device nobody is reached" "0 of 2, 0 of 2" "$(PATIENCE=0.3 meet n1/b -- n2/b n3/b)"
attach n1 b4 blue
same "the next ADD makes it again" "$(cat /run/test-want)" "$(entries n1 42)"
same "with the same MAC" "$mac" "$(vxlan_mac n1 42)"
# shellcheck disable=SC2086
all_meet "and the containers before it meet again" $blue n1/b4

#  ---- A node starts again ----

remove_host n3
make_host 3 dual 1500 wire0
CHAIN="$portmap {\"type\":\"firewall\"}" MORE='"ipMasq":true' overlay_nodes 1 2 3
attach n3 b blue
same "a node that started again has its MAC" "$mac3" "$(vxlan_mac n3 42)"
all_meet "and the others reach it, though they did nothing" n1/b n2/b n3/b

#  ---- A file of peers, which changes ----

export NAME=green VNI=44 B=7
# usage: peers HOST I...
peers() { overlay_records "${@:2}" | host_put "$1" /run/cni/green; }
for i in 1 2 3 4; do
	overlay_list $i '"peersFile":"/run/cni/green"' | host_put n$i /run/cni/net.d/green.conflist
	peers n$i 1 2 3 4
done
peers n1 1 2 3
for i in 1 2 3 4; do attach n$i g green; done
all_meet "nodes in n1's file of peers" n1/g n2/g n3/g
same "one that is not in it sends nothing to n1's container" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n4/g -- n1/g)"
same "nor the other way" "0 of 1, 0 of 1" "$(PATIENCE=0.3 meet n1/g -- n4/g)"
overlay_records 1 2 3 4 | jq -c '.[]' | sed '2s/192.0.2.2"/192.0.2.999"/' | host_put n1 /run/cni/green
attach n1 g2 green
check "a bad record is refused by file and line" grep -qE 'green.*\b2\b' $err
all_meet "at the next ADD, added peers are there" n1/g n1/g2 n3/g n4/g
same "and removed ones are not" "0 of 2, 0 of 2" "$(PATIENCE=0.3 meet n1/g n1/g2 -- n2/g)"
same "not even their entries" 0 "$(entries n1 44 | grep -cE '192\.0\.2\.2 |10\.7\.2\.|fd00:7:0:2:')"
unset NAME VNI B

#  ---- The last container leaves ----

for c in b b2 b3 b4 web; do detach n1 $c blue; done
same "without a container the device is gone" "no device" "$(entries n1 42)"
check "another network's is not" test -n "$(vxlan_of n1 43)"
all_meet "and its containers meet" n1/r n2/r
detach n1 r red
for c in g g2; do detach n1 $c green; done
host_state n1 >/run/test-after
same "of the last container nothing is left" "" "$(diff /run/test-before /run/test-after)"
attach n1 b blue
all_meet "and all begins again" n1/b n2/b n3/b
fixture star-N down

#  ---- Other underlays ----

fixture low-mtu up
INSIDE=4 overlay_nodes 1 2 3
INSIDE=6 NAME=red VNI=43 B=6 UNDERLAY=6 overlay_nodes 1 2 3
for i in 1 2 3; do
	attach n$i b blue
	attach n$i r red
done
same "one family inside" "fd00:6:0:3::/64" "$(result '.ips | if length == 1 then .[0].address else "\(length)" end' | sed 's/::.*/::\/64/')"
FAMILIES=4 BYTES=1350 all_meet "low MTU, IPv4 over IPv4: 1350 bytes" n1/b n2/b n3/b
FAMILIES=6 BYTES=1330 all_meet "low MTU, IPv6 over IPv6: 1330 bytes" n1/r n2/r n3/r
same "low MTU: one byte more" "0 of 2" "$(FAMILIES=4 BYTES=1351 PATIENCE=0.3 meet n1/b n2/b)"
fixture low-mtu down

V4=() V6=()
fixture v6-only up
UNDERLAY=6 overlay_nodes 1 2 3
for i in 1 2 3; do attach n$i b blue; done
all_meet "an underlay without IPv4" n1/b n2/b n3/b
fixture v6-only down

fixture two-hosts up
VTEP_2=192.0.2.129 MORE='"directRouting":true' overlay_nodes 1 2
for i in 1 2; do attach n$i b blue; done
all_meet "through a router" n1/b n2/b
same "directRouting does not help there" "$(vxlan_of n1 42)" "$(in_host n1 ip -j route get "${V4[n2/b]}" | jq -r '.[0].dev')"
fixture two-hosts down

#  ---- Sixteen nodes ----

fixture star-N up 16
MORE='"directRouting":true' NAME=direct VNI=43 B=6 overlay_nodes 1 2
overlay_nodes {1..16}
places=
for i in {1..16}; do
	attach n$i b blue
	places+=" n$i/b"
done
# shellcheck disable=SC2086
all_meet "sixteen nodes, all pairs" $places
same "three entries for each peer and family" "30 30 15" \
	"$(entries n7 42 | grep -c ' via ') $(entries n7 42 | grep -c ' lladdr ') $(entries n7 42 | grep -c ' dst ')"
for i in 1 2; do attach n$i d direct; done
all_meet "directRouting on one link" n1/d n2/d
same "goes past the VXLAN device" "eth0 192.0.2.2" "$(in_host n1 ip -j route get "${V4[n2/d]}" | jq -r '.[0] | "\(.dev) \(.gateway)"')"
same "and there is no way into the other network" "0 of 4, 0 of 4" "$(PATIENCE=0.5 meet n1/d n2/d -- n1/b n2/b)"
done_testing
