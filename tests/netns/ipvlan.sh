# SPDX-License-Identifier: GPL-2.0-or-later
# vm: ipvlan veth bridge
# ipvlan: every key and mode, in a chain and alone; DEL, CHECK, GC and STATUS. What it shares with
# macvlan is tested in macvlan.sh and tests/faults/macvlan.sh; bad input: kinds.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../wire-lib.sh"

# usage: iconf MEMBERS
iconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"ipvlan\",\"master\":\"m0\"${1:+,$1}}"; }
# The result of a plugin before us: one interface with addresses.
prev='{"cniVersion":"1.1.0","interfaces":[{"name":"m0","mac":"02:00:00:00:00:01"}],"ips":[{"address":"10.88.0.50/24","gateway":"10.88.0.1","interface":0}],"routes":[{"dst":"0.0.0.0/0"}]}'

stage
if ! ip link add link m0 name probe0 type ipvlan mode l2 2>/dev/null; then
	skip "ipvlan: links" "kernel without CONFIG_IPVLAN"
	done_testing
fi

stage a b
c=$(iconf "\"mtu\":1400,$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")
before=$(snapshot)
succeeds "ADD" ipvlan ADD a "$c"
first=$(cat $out)
same "one interface, in the sandbox" "eth0 /run/netns/a" "$(result '[.interfaces[] | .name, .sandbox] | join(" ")')"
same "kind, mode, MTU and MAC are the link's" "ipvlan l2 1400 $(link m0 .address) $(link m0 .address)" \
	"$(link eth0 '"\(.linkinfo.info_kind) \(.linkinfo.info_data.mode) \(.mtu) \(.address)"' a) $(result '.interfaces[0].mac')"
same "the addresses of the result are in the container" "$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 a)"
succeeds "ADD of a second" ipvlan ADD b "$c"
for address in 10.88.0.1 fd00:88::1 $(result '[.ips[].address | split("/")[0]] | join(" ")'); do
	check "ping $address" inside a ping -c1 -W3 "$address"
done
succeeds "CHECK" ipvlan CHECK a "$(with_prev "$c" "$first")"
fails "CHECK notices another mode" 999 '"mode"' ipvlan CHECK a "$(with_prev "$(jq -c '.mode="l3"' <<<"$c")" "$first")"
fails "ADD twice for one interface" 999 already ipvlan ADD a "$c"
check "hawser cleanup" "$BIN/hawser" cleanup b
succeeds "DEL" ipvlan DEL a "$c"
same "everything is as it was" "$before" "$(snapshot)"
removals dual ipvlan "$(iconf "$(ipam dual)")"

for mode in l3 l3s; do
	stage a
	ip addr add 10.77.0.2/24 dev m0
	ip -n lan addr flush dev eth0
	ip -n lan addr add 10.77.0.1/24 dev eth0
	ip -n lan route add 10.88.0.0/24 via 10.77.0.2
	c=$(iconf "\"mode\":\"$mode\",$(ipam 4 '"routes":[{"dst":"0.0.0.0/0"}]')")
	succeeds "$mode: ADD" ipvlan ADD a "$c"
	same "$mode: the kernel's mode" $mode "$(link eth0 .linkinfo.info_data.mode a)"
	check "$mode: ping through the master" inside a ping -c1 -W3 10.77.0.1
	succeeds "$mode: CHECK" ipvlan CHECK a "$(with_prev "$c" "$(cat $out)")"
done

# --- in a chain: master and addresses of the plugin before
stage a
c=$(jq -c 'del(.master)' <<<"$(iconf '"dns":{"nameservers":["10.0.0.1"]}')")
succeeds "chained: ADD" ipvlan ADD a "$(with_prev "$c" "$prev")"
same "chained: interfaces, address, route and dns" "eth0 10.88.0.50/24 0 0.0.0.0/0 10.0.0.1" \
	"$(result '[.interfaces[].name, .ips[0].address, (.ips[0].interface | tostring), .routes[0].dst, .dns.nameservers[0]] | join(" ")')"
same "chained: the address is in the container" 10.88.0.50/24 "$(addresses eth0 a)"
first=$(cat $out)
check "chained: ping" inside a ping -c1 -W3 10.88.0.1
succeeds "chained: CHECK" ipvlan CHECK a "$(with_prev "$c" "$first")"
succeeds "chained: DEL" ipvlan DEL a "$(with_prev "$c" "$first")"
nothing_left "chained: nothing is left"
refuse "chained: nor the link" inside a ip link show eth0

stage a
ip link add eth0 type bridge
ip addr add 10.88.0.77/24 dev m0
ip route add default via 10.88.0.1
succeeds "the default route's master, CNI_IFNAME that the host has" ipvlan ADD a "$(jq -c 'del(.master)' <<<"$(iconf "$(ipam 4)")")"
check "ping" inside a ping -c1 -W3 10.88.0.1
stage a
ip link add in0 netns a type veth peer name in1
ip -n a link set in0 up
c=$(jq -c '.master="in0" | .linkInContainer=true' <<<"$(iconf "$(ipam 4)")")
succeeds "linkInContainer" ipvlan ADD a "$c"
same "linkInContainer: the link hangs on it" in0 "$(inside a ip -j link show eth0 | jq -r '.[0].link')"
succeeds "linkInContainer: DEL" ipvlan DEL a "$c"
broken ipvlan "$(iconf "$(ipam 4)")" "a lost master" ip link del m0
broken ipvlan "$(iconf "$(ipam 4)")" "a lost address" inside a ip addr flush dev eth0
done_testing
