# SPDX-License-Identifier: GPL-2.0-or-later
# vlan, ipvlan and dummy as far as any kernel goes: bad input, STATUS, DEL of nothing, and the error of a kernel that
# lacks them. The links themselves are in vlan.sh, ipvlan.sh and dummy.sh, for the other kernel.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../wire-lib.sh"

# The error of a kernel that lacks a kind. usage: lacking PLUGIN CONF OPTION PROBE...
lacking() {
	local plugin=$1 c=$2 option=$3
	shift 3
	if "$@" 2>/dev/null; then
		skip "$plugin without $option" "this kernel has it"
	else
		fails "$plugin without $option" 2 "(the kernel needs $option)" "$plugin" ADD a "$c"
	fi
}

# --- vlan
vconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"vlan\",\"master\":\"m0\",\"vlanId\":100${1:+,$1}}"; }
stage a
c=$(vconf "$(ipam 4)")
fails "no master" 7 '"master": required' vlan ADD a "$(jq -c 'del(.master)' <<<"$c")"
fails "an empty master" 7 '"master": required' vlan ADD a "$(jq -c '.master=""' <<<"$c")"
fails "a master that does not exist" 7 'no interface "nosuch0" on the host' vlan ADD a "$(jq -c '.master="nosuch0"' <<<"$c")"
fails "no vlanId" 7 '"vlanId": required' vlan ADD a "$(jq -c 'del(.vlanId)' <<<"$c")"
for id in 0 4095 -1 70000; do
	fails "vlanId $id" 7 '"vlanId"' vlan ADD a "$(jq -c ".vlanId=$id" <<<"$c")"
done
fails "vlanId of another type" 6 vlanId vlan ADD a "$(jq -c '.vlanId="100"' <<<"$c")"
fails "mtu above the master's" 7 '"mtu": 1501 is more than the 1500 of the master "m0"' vlan ADD a "$(jq -c '.mtu=1501' <<<"$c")"
fails "no IPAM" 7 '"ipam.type": vlan needs an IPAM plugin' vlan ADD a "$(vconf)"
fails "linkInContainer: a master of the host" 7 'no interface "m0" in the container' vlan ADD a "$(jq -c '.linkInContainer=true' <<<"$c")"
succeeds "STATUS" vlan STATUS a "$c"
fails "STATUS without the master" 50 '"nosuch0"' vlan STATUS a "$(jq -c '.master="nosuch0"' <<<"$c")"
ip link set m0 down
fails "a master that is down" 999 'the master "m0" is down' vlan ADD a "$c"
succeeds "DEL before any ADD" vlan DEL a "$c"
stage a
lacking vlan "$c" CONFIG_VLAN_8021Q ip link add link m0 name probe0 type vlan id 4000

# --- ipvlan
iconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"ipvlan\",\"master\":\"m0\"${1:+,$1}}"; }
# the result of a plugin before it
prev='{"cniVersion":"1.1.0","interfaces":[{"name":"m0","mac":"02:00:00:00:00:01"}],"ips":[{"address":"10.88.0.50/24","gateway":"10.88.0.1","interface":0}]}'
stage a
c=$(iconf "$(ipam 4)")
fails "a master that does not exist" 7 'no interface "nosuch0" on the host' ipvlan ADD a "$(jq -c '.master="nosuch0"' <<<"$c")"
fails "no master, no default route" 7 '"master": not given' ipvlan ADD a "$(jq -c 'del(.master)' <<<"$c")"
fails "no master, prevResult with two interfaces" 7 'exactly one interface' ipvlan ADD a \
	"$(with_prev "$(jq -c 'del(.master)' <<<"$c")" "$(jq -c '.interfaces += [{name: "x", mac: ""}]' <<<"$prev")")"
fails "mode unknown" 7 '"mode": "bridge" is none of "l2", "l3", "l3s"' ipvlan ADD a "$(jq -c '.mode="bridge"' <<<"$c")"
fails "mtu out of range" 7 '"mtu"' ipvlan ADD a "$(jq -c '.mtu=-1' <<<"$c")"
fails "no IPAM, no prevResult" 7 '"ipam.type": ipvlan needs an IPAM plugin, or a prevResult with addresses' ipvlan ADD a "$(iconf)"
succeeds "STATUS" ipvlan STATUS a "$c"
succeeds "STATUS of a chained one" ipvlan STATUS a "$(jq -c 'del(.master)' <<<"$(iconf)")"
fails "STATUS without the master" 50 '"nosuch0"' ipvlan STATUS a "$(jq -c '.master="nosuch0"' <<<"$c")"
succeeds "DEL before any ADD" ipvlan DEL a "$c"
fails "chained, prevResult without addresses" 7 'or a prevResult with addresses' ipvlan ADD a "$(with_prev "$(jq -c 'del(.master)' <<<"$(iconf)")" "$(jq -c 'del(.ips)' <<<"$prev")")"
stage a
lacking ipvlan "$c" CONFIG_IPVLAN ip link add link m0 name probe0 type ipvlan mode l2
stage a
lacking ipvlan "$(with_prev "$(jq -c 'del(.master)' <<<"$(iconf)")" "$prev")" CONFIG_IPVLAN ip link add link m0 name probe0 type ipvlan mode l2

# --- dummy
dconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"dummy\"${1:+,$1}}"; }
slate a
c=$(dconf "$(ipam dual)")
for none in '' '"ipam":{}' '"ipam":{"type":""}'; do
	fails "no IPAM: ${none:-absent}" 7 '"ipam.type": dummy needs an IPAM plugin' dummy ADD a "$(dconf "$none")"
done
fails "ipam of another type" 6 ipam dummy ADD a "$(dconf '"ipam":"host-local"')"
NETNS=/run/netns/none fails "netns is missing" 4 /run/netns/none dummy ADD a "$c"
succeeds "STATUS" dummy STATUS a "$c"
succeeds "DEL before any ADD" dummy DEL a "$c"
lacking dummy "$c" CONFIG_DUMMY ip link add probe0 type dummy
done_testing
