# SPDX-License-Identifier: GPL-2.0-or-later
# vm: 8021q ipvlan veth bridge
# The same stdin and environment to Debian's reference vlan and ipvlan and to ours; results, links, addresses and
# routes are compared. Intended differences: macvlan.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../wire-lib.sh"
stage
if [ ! -x "$REF/vlan" ] || ! ip link add link m0 name probe0 type vlan id 4000 2>/dev/null; then
	skip "differential tests of vlan and ipvlan" "no reference plugins in $REF, or kernel without CONFIG_VLAN_8021Q"
	done_testing
fi
V=1.0.0
kconf() { echo "{\"cniVersion\":\"$V\",\"name\":\"net\",\"type\":\"$1\",\"master\":\"m0\"${2:+,$2}}"; }
before='{"cniVersion":"1.0.0","interfaces":[{"name":"m0"}],"ips":[{"address":"10.88.0.50/24","gateway":"10.88.0.1","interface":0}],"routes":[{"dst":"0.0.0.0/0"}]}'

# few: every call of the reference takes seconds in the virtual machine
alike "vlan" vlan "ADD:a" "$(kconf vlan "\"vlanId\":100,\"mtu\":1400,$(ipam 4 '"routes":[{"dst":"0.0.0.0/0"}]')")"
alike "ipvlan, chained" ipvlan "ADD:a" "$(with_prev "$(jq -c 'del(.master)' <<<"$(kconf ipvlan)")" "$before")"
done_testing
