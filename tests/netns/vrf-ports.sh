# SPDX-License-Identifier: GPL-2.0-or-later
# vm: vrf veth bridge
# vrf: what becomes of addresses and routes, VRFs with several ports, CHECK, every step failing; on a kernel that has VRFs.
. "$(dirname "$0")/../faults/lib.sh"

if ! ip link add probe type vrf table 9 2>/dev/null; then
	skip "interfaces in VRFs" "kernel without CONFIG_NET_VRF"
	done_testing
fi
ip link del probe
# usage: container [KEEP]: KEEP 1: IPv6 addresses survive that the link is down
container() {
	local i
	slate a
	for i in 0 1; do
		ip link add p$i type veth peer name eth$i netns a
		ip link set p$i up
		ip addr add 10.$i.0.1/24 dev p$i
		ip addr add fd00:$i::1/64 dev p$i nodad
		inside a sysctl -q net.ipv6.conf.eth$i.keep_addr_on_down="${1:-0}" net.ipv6.conf.eth$i.accept_dad=0
		ip -n a link set eth$i up
		ip -n a addr add 10.$i.0.2/24 dev eth$i
		ip -n a addr add fd00:$i::2/64 dev eth$i nodad
	done
	ip -n a link set lo up
	ip -n a route add default via 10.1.0.1
	ip -n a route add 203.0.113.0/24 via 10.1.0.1 mtu 1400 metric 7
	ip -n a route add 192.0.2.0/24 dev eth1
	ip -n a route add default via fd00:1::1
	ip -n a route add 2001:db8:9::/48 via fd00:1::1 metric 77
}
# usage: vrf MEMBERS [IFNAME]
vrf() {
	echo "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"vrf\",\"prevResult\":{\"cniVersion\":\"1.0.0\",
\"interfaces\":[{\"name\":\"${2:-eth1}\",\"mac\":\"02:00:00:00:00:aa\",\"sandbox\":\"/run/netns/a\"}],\"ips\":[{\"address\":\"10.1.0.2/24\",\"interface\":0}]},$1}"
}
vrfs() { ip -n a -j -d link show type vrf | jq -r '[.[] | select(.ifname) | "\(.ifname) \(.linkinfo.info_data.table) \(.flags | index("UP") != null)"] | join(",")'; }
master() { ip -n a -j link show "$1" | jq -r '.[0].master // "none"'; }
routes() { ip -n a -o "$1" route show table "$2" 2>/dev/null | grep -vE '^(local|broadcast|anycast|multicast)|fe80|ff00' | sed 's/ \+/ /g; s/ $//; s/ pref medium//; s/ dev eth1//; s/ proto [a-z]*//' | sort | paste -sd,; }
routes4='10.1.0.0/24 scope link src 10.1.0.2,192.0.2.0/24 scope link,203.0.113.0/24 via 10.1.0.1 metric 7 mtu 1400,default via 10.1.0.1'
routes6='2001:db8:9::/48 via fd00:1::1 metric 77,default via fd00:1::1 metric 1024,fd00:1::/64 metric 256'
export CNI_IFNAME=eth1 V=1.0.0

for keep in 0 1; do
	n="keep_addr_on_down $keep"
	container $keep
	succeeds "$n: ADD" vrf ADD a "$(vrf '"vrfname":"blue"')"
	same "$n: prevResult is the result" "eth1 10.1.0.2/24" "$(result '.interfaces[0].name + " " + .ips[0].address')"
	same "$n: a VRF with the first table, up" "blue 1 true" "$(vrfs)"
	same "$n: the interface is its port" "blue none" "$(master eth1) $(master eth0)"
	same "$n: addresses" "10.1.0.2/24 fd00:1::2/64" "$(addresses eth1 a)"
	same "$n: IPv4 routes in the VRF's table" "$routes4" "$(routes -4 1)"
	same "$n: IPv6 routes in the VRF's table" "$routes6" "$(routes -6 1)"
	same "$n: none in table main" "" "$(ip -n a route show dev eth1 table main; ip -n a -6 route show dev eth1 table main | grep -v fe80)"
	check "$n: traffic" inside a ping -c1 -W2 -I blue 10.1.0.1
	check "$n: traffic, IPv6" inside a ping -c1 -W2 -I blue fd00:1::1
	check "$n: the other interface's traffic" inside a ping -c1 -W2 10.0.0.1
	succeeds "$n: CHECK" vrf CHECK a "$(vrf '"vrfname":"blue"')"
	succeeds "$n: DEL with nothing but the name" vrf DEL a '{"cniVersion":"1.0.0","name":"net","type":"vrf"}'
	same "$n: DEL: no VRF, no port, no record" " none 0" "$(vrfs) $(master eth1) $(records)"
	same "$n: DEL: routes where they were" "$routes4" "$(ip -n a -4 -o route show dev eth1 | sed 's/ \+/ /g; s/ $//; s/ proto [a-z]*//' | sort | paste -sd,)"
	same "$n: DEL: IPv6 routes" "$routes6" "$(routes -6 main | tr , '\n' | grep -v eth0 | paste -sd,)"
	same "$n: DEL: addresses" "10.1.0.2/24 fd00:1::2/64" "$(addresses eth1 a)"
	succeeds "$n: DEL again" vrf DEL a "$(vrf '"vrfname":"blue"')"
done

# --- tables
container
succeeds "table: ADD" vrf ADD a "$(vrf '"vrfname":"blue","table":1042')"
same "table: used" "blue 1042 true" "$(vrfs)"
CNI_IFNAME=eth0 fails "table: another one for a VRF that is there" 7 'VRF "blue" exists already, with routing table 1042' vrf ADD a "$(vrf '"vrfname":"blue","table":5' eth0)"
fails "table: CHECK of another one" 7 1042 vrf CHECK a "$(vrf '"vrfname":"blue","table":5')"
CNI_IFNAME=eth0 succeeds "a second port: ADD" vrf ADD a "$(vrf '"vrfname":"blue"' eth0)"
same "a second port" "blue blue blue 1042 true" "$(master eth0) $(master eth1) $(vrfs)"
fails "a port twice" 999 "eth1 has a master already: blue" vrf ADD a "$(vrf '"vrfname":"blue"' | jq -c '.name = "other"')"
succeeds "a second port: DEL of the first" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "a second port: the VRF stays" "none blue 1042 true" "$(master eth1) $(vrfs)"
CNI_IFNAME=eth0 succeeds "a second port: DEL of the last" vrf DEL a "$(vrf '"vrfname":"blue"' eth0)"
same "a second port: the VRF goes with it" "" "$(vrfs)"
ip -n a link add red type vrf table 1
ip -n a route add 198.51.100.0/24 dev eth0 table 2
succeeds "tables in use are passed over: ADD" vrf ADD a "$(vrf '"vrfname":"blue"')"
same "tables in use are passed over" "blue 3 true,red 1 false" "$(vrfs | tr , '\n' | sort | paste -sd,)"
succeeds "ADD again" vrf ADD a "$(vrf '"vrfname":"blue"')"
same "ADD again: routes are there" "$routes4 $routes6" "$(routes -4 3) $(routes -6 3)"
succeeds "tables in use are passed over: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "other VRFs stay" "red 1 false" "$(vrfs)"

# --- CHECK, what is gone, GC
container
succeeds "CHECK: ADD" vrf ADD a "$(vrf '"vrfname":"blue"')"
ip -n a link set blue down
fails "CHECK: VRF down" 999 'VRF "blue" is down' vrf CHECK a "$(vrf '"vrfname":"blue"')"
ip -n a link set blue up
ip -n a link set eth1 nomaster
fails "CHECK: not a port" 999 'eth1 is not in VRF "blue"' vrf CHECK a "$(vrf '"vrfname":"blue"')"
succeeds "not a port any more: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "not a port any more: the VRF without ports goes" "" "$(vrfs)"
succeeds "interface gone: ADD" vrf ADD a "$(vrf '"vrfname":"blue"')"
ip -n a link del eth1
succeeds "interface gone: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "interface gone: no VRF, no record" " 0" "$(vrfs) $(records)"
container
succeeds "VRF gone: ADD" vrf ADD a "$(vrf '"vrfname":"blue"')"
ip -n a link del blue
succeeds "VRF gone: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "VRF gone: no record" 0 "$(records)"
container
succeeds "namespace gone: ADD" vrf ADD a "$(vrf '"vrfname":"blue"')"
ip netns del a
succeeds "namespace gone: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "namespace gone: no record" 0 "$(records)"
container
succeeds "GC: ADD" vrf ADD a "$(vrf '"vrfname":"blue"')"
succeeds "GC" vrf GC "" "$(vrf '"vrfname":"blue","cni.dev/valid-attachments":[]' | jq -c '.cniVersion = "1.1.0" | .prevResult.cniVersion = "1.1.0"')"
same "GC: no record" 0 "$(records)"
succeeds "a VRF without a record, perhaps the Go plugin's: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "a VRF without a record is left and removed" " none" "$(vrfs) $(master eth1)"
ip -n a link add blue address 02:00:00:00:00:b1 type vrf table 7
succeeds "a VRF that we never used: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
same "a VRF that we never used stays" "blue 7 false" "$(vrfs)"

# --- behind bridge, whose CHECK looks for routes and addresses
slate a
b=$(V=1.0.0 conf "\"isDefaultGateway\":true,$(ipam dual)")
succeeds "behind bridge: ADD of bridge" bridge ADD a "$b"
c=$(jq -c --argjson prev "$(cat $out)" '{cniVersion, name, type: "vrf", vrfname: "blue", prevResult: $prev}' <<<"$b")
succeeds "behind bridge: ADD" vrf ADD a "$c"
last=$(cat $out)
succeeds "behind bridge: CHECK of bridge" bridge CHECK a "$(with_prev "$b" "$last")"
check "behind bridge: the gateway answers" inside a ping -c1 -W2 -I blue "$(jq -r '.ips[0].gateway' <<<"$last")"
succeeds "behind bridge: DEL" vrf DEL a "$(with_prev "$c" "$last")"
succeeds "behind bridge: DEL of bridge" bridge DEL a "$(with_prev "$b" "$last")"

# --- each step of ADD fails, and the container is as it was; a VRF that was there stays
# usage: fresh_container THERE: with an empty VRF if THERE is 1
fresh_container() {
	container 1
	# the first VRF of a namespace has the kernel add a rule, which stays
	ip -n a link add probe type vrf table 9
	ip -n a link del probe
	[ "$1" = 0 ] || ip -n a link add blue address 02:00:00:00:00:b1 type vrf table 7
}
for there in 0 1; do
	fresh_container $there
	before=$(snapshot)
	wrong=0
	c=$(vrf '"vrfname":"blue"')
	for ((k = 1; k <= 60; k++)); do
		HAWSER_FAULT=$k plugin vrf ADD a "$c"
		status=$?
		reached || break
		[ $status -ne 0 ] || plugin vrf DEL a "$c"
		[ $there = 0 ] || [ $status -ne 0 ] || ip -n a link add blue address 02:00:00:00:00:b1 type vrf table 7
		[ "$before" = "$(snapshot)" ] && continue
		wrong=1
		not_ok "VRF there: $there, step $k" "$(diff <(echo "$before") <(snapshot))"
		# later steps are judged by themselves
		fresh_container $there
		before=$(snapshot)
	done
	[ $wrong -ne 0 ] || ok "VRF there: $there: after each of $((k - 1)) failures the container is as it was"
	if [ $k -gt 5 ] && [ $k -le 60 ]; then ok "VRF there: $there: ADD has $((k - 1)) steps"; else not_ok "VRF there: $there: $k steps"; fi
	succeeds "VRF there: $there: DEL" vrf DEL a "$(vrf '"vrfname":"blue"')"
done
done_testing
