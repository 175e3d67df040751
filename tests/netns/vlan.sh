# SPDX-License-Identifier: GPL-2.0-or-later
# vm: 8021q veth bridge
# vlan: a VLAN of an interface in a container; every key, DEL, CHECK, GC and STATUS. What it shares with
# macvlan is tested in macvlan.sh and tests/faults/macvlan.sh; bad input: kinds.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../wire-lib.sh"

# usage: vconf MEMBERS
vconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"vlan\",\"master\":\"m0\",\"vlanId\":100${1:+,$1}}"; }

stage
if ! ip link add link m0 name probe0 type vlan id 4000 2>/dev/null; then
	skip "vlan: links" "kernel without CONFIG_VLAN_8021Q"
	done_testing
fi

wire_vlan() {
	wire
	ip -n lan link add link eth0 name eth0.100 type vlan id 100
	ip -n lan addr flush dev eth0
	ip -n lan addr add 10.88.0.1/24 dev eth0.100
	ip -n lan addr add fd00:88::1/64 dev eth0.100 nodad
	ip -n lan link set eth0.100 up
	ready eth0.100
}
prepare=wire_vlan
vstage() {
	slate "$@"
	wire_vlan
}
vstage a b
c=$(vconf "\"mtu\":1400,\"dns\":{\"nameservers\":[\"10.0.0.1\"]},$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")
before=$(snapshot)
succeeds "ADD" vlan ADD a "$c"
first=$(cat $out)
same "one interface, in the sandbox" "eth0 /run/netns/a" "$(result '[.interfaces[] | .name, .sandbox] | join(" ")')"
same "every address belongs to it" 0 "$(result '[.ips[].interface] | unique | join(" ")')"
same "kind, id, MTU and MAC are the link's" "vlan 100 1400 $(link m0 .address) $(link m0 .address)" \
	"$(link eth0 '"\(.linkinfo.info_kind) \(.linkinfo.info_data.id) \(.mtu) \(.address)"' a) $(result '.interfaces[0].mac')"
same "the addresses of the result are in the container" "$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 a)"
same "dns" 10.0.0.1 "$(result '.dns.nameservers[0]')"
check "ping to the VLAN" inside a ping -c1 -W3 10.88.0.1
check "ping to the VLAN, IPv6" inside a ping -c1 -W3 fd00:88::1
succeeds "CHECK" vlan CHECK a "$(with_prev "$c" "$first")"
fails "CHECK notices another id" 999 '"vlanId"' vlan CHECK a "$(with_prev "$(jq -c '.vlanId=101' <<<"$c")" "$first")"
ip -n a link set eth0 mtu 1300
fails "CHECK notices another MTU" 999 '"mtu"' vlan CHECK a "$(with_prev "$c" "$first")"
ip -n a link set eth0 mtu 1400
fails "the same VLAN in a second container" 999 'VLAN 100 of "m0" has a link already' vlan ADD b "$c"
succeeds "another VLAN in a second container" vlan ADD b "$(jq -c '.vlanId=101' <<<"$c")"
fails "ADD twice for one interface" 999 already vlan ADD a "$c"
check "the first attachment works on" inside a ping -c1 -W3 10.88.0.1
check "GC" gc vlan "$(jq -c '.["cni.dev/valid-attachments"]=[{containerID:"a",ifname:"eth0"}]' <<<"$c")"
refuse "GC removes what is not valid" inside b ip link show eth0
check "GC keeps what is" inside a ping -c1 -W3 10.88.0.1
check "hawser cleanup" "$BIN/hawser" cleanup a
same "everything is as it was" "$before" "$(snapshot)"
removals dual vlan "$(vconf "$(ipam dual)")"

vstage a
ip link add eth0 type bridge
succeeds "CNI_IFNAME that the host has" vlan ADD a "$(vconf "$(ipam 4)")"
check "ping" inside a ping -c1 -W3 10.88.0.1
check "the host's is still a bridge" eval '[ "$(link eth0 .linkinfo.info_kind)" = bridge ]'
vstage a
inside a ip link add eth0 type bridge
fails "CNI_IFNAME that the container has" 999 '"eth0" exists in the container' vlan ADD a "$(vconf "$(ipam 4)")"
vstage a
ip link add in0 netns a type veth peer name in1
ip -n a link set in0 up
ip link set in1 up
succeeds "linkInContainer" vlan ADD a "$(jq -c '.master="in0" | .linkInContainer=true' <<<"$(vconf "$(ipam 4)")")"
same "linkInContainer: the link hangs on it" in0 "$(inside a ip -j link show eth0 | jq -r '.[0].link')"
succeeds "linkInContainer: CHECK" vlan CHECK a "$(with_prev "$(jq -c '.master="in0" | .linkInContainer=true' <<<"$(vconf "$(ipam 4)")")" "$(cat $out)")"
succeeds "linkInContainer: DEL" vlan DEL a "$(jq -c '.master="in0" | .linkInContainer=true' <<<"$(vconf "$(ipam 4)")")"
broken vlan "$(vconf "$(ipam 4)")" "a lost master" ip link del m0
broken vlan "$(vconf "$(ipam 4)")" "a link that is down" inside a ip link set eth0 down
done_testing
