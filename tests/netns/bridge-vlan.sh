# SPDX-License-Identifier: GPL-2.0-or-later
# vm: bridge veth 8021q
# bridge: vlan, vlanTrunk and preserveDefaultVlan, on a kernel with VLAN filtering.
. "$(dirname "$0")/../faults/lib.sh"

# usage: vids PORT: "5 100:PVID+Egress Untagged"
vids() { bridge -j vlan show dev "$1" | jq -r '[.[0].vlans[] | "\(.vlan)\(if .flags then ":" + (.flags | join("+")) else "" end)"] | join(" ")'; }
access() { echo "$1:PVID+Egress Untagged"; }
ip_of() { jq -r '.ips[0].address | split("/")[0]' "/run/$1.result"; }
# usage: attach NAME MEMBERS: its result stays in /run/NAME.result
attach() {
	succeeds "$3ADD of $1: $2" bridge ADD "$1" "$(conf "$2")"
	cp $out "/run/$1.result"
}
pings() { inside "$1" ping -c1 -W2 "$2"; }

# --- the VLANs of a port
slate a b c d
attach a '"vlan":100'
same "vlan: PVID and untagged, the default is gone" "$(access 100)" "$(vids "$(host_end)")"
attach b '"vlan":100,"preserveDefaultVlan":true'
same "preserveDefaultVlan keeps VLAN 1, which is PVID no more" "1:Egress Untagged $(access 100)" "$(vids "$(host_end)")"
attach c '"vlanTrunk":[{"id":5},{"minID":10,"maxID":12}],"vlan":7'
same "vlanTrunk and vlan" "5 $(access 7) 10 11 12" "$(vids "$(host_end)")"
attach d '"vlanTrunk":[{"id":5,"minID":10,"maxID":12}]'
same "vlanTrunk without vlan: VLAN 1 untagged" "$(access 1) 5 10 11 12" "$(vids "$(host_end)")"
for name in a b c d; do
	succeeds "CHECK of $name" bridge CHECK $name "$(with_prev "$(conf '"vlan":100')" "$(cat /run/$name.result)")"
	succeeds "DEL of $name" bridge DEL $name "$(conf '"vlan":100')"
done
nothing_left "VLANs of ports: nothing is left"

# --- VLANs keep containers apart
slate a b c trunk
for name in a c; do attach $name "\"vlan\":100,$(ipam 4)"; done
attach b "\"vlan\":200,$(ipam 4)"
check "one VLAN: neighbours" pings a "$(ip_of c)"
refuse "two VLANs: no way" pings a "$(ip_of b)"
attach trunk '"vlanTrunk":[{"id":100},{"id":200}]'
for vlan in 100 200; do
	ip -n trunk link add link eth0 name eth0.$vlan type vlan id $vlan
	ip -n trunk addr add 10.88.0.$vlan/24 dev eth0.$vlan
done
ip -n trunk link set eth0.100 up
check "a trunk reaches VLAN 100 by its tag" pings trunk "$(ip_of a)"
ip -n trunk link set eth0.100 down
ip -n trunk link set eth0.200 up
check "a trunk reaches VLAN 200 by its tag" pings trunk "$(ip_of b)"
refuse "and by that tag nobody of VLAN 100" pings trunk "$(ip_of a)"

# --- a gateway for each VLAN
for f in 4 6 dual; do
	slate a b c
	attach a "\"vlan\":100,\"isDefaultGateway\":true,$(ipam $f)" "$f: "
	same "$f: the gateway is the fourth interface" "br0.100" "$(result '.interfaces[3].name')"
	same "$f: with its MAC" "$(link br0.100 .address)" "$(result '.interfaces[3].mac')"
	same "$f: it has the addresses, the bridge has none" "$(result '[.ips[] | .gateway + "/" + (.address | split("/")[1])] | sort | join(" ")') " \
		"$(addresses br0.100) $(addresses br0)"
	port=$(ip -j -d link show master br0 | jq -r '.[] | select(.link == "br0.100") | .ifname')
	same "$f: its other end is an access port" "$(access 100)" "$(vids "$port")"
	same "$f: accept_ra is 0 on the gateway" 0 "$(cat /proc/sys/net/ipv6/conf/br0.100/accept_ra)"
	same "$f: its link-local address is usable at once" 0 "$(ip -6 addr show dev br0.100 tentative | grep -c inet6)"
	while read -r gateway; do
		check "$f: ping to the gateway $gateway" pings a "$gateway"
	done < <(result '.ips[].gateway')
	attach b "\"vlan\":100,\"isDefaultGateway\":true,$(ipam $f)" "$f: "
	same "$f: one gateway for the VLAN" 1 "$(ip -o link | grep -c ' br0\.')"
	attach c "\"vlan\":200,\"isDefaultGateway\":true,\"forceAddress\":true,\"enabledad\":true,\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.99.0.2/24\",\"gateway\":\"10.99.0.1\"}]}" "$f: "
	check "$f: another VLAN, another gateway" pings c 10.99.0.1
	[ $f = 6 ] || check "$f: routed between the VLANs" pings c "$(ip_of b)"
	succeeds "$f: DEL" bridge DEL a "$(conf "\"vlan\":100,\"isDefaultGateway\":true,$(ipam $f)")"
	check "$f: the neighbour still has its gateway" pings b "$(jq -r '.ips[0].gateway' /run/b.result)"
done

# --- bridges that somebody made
slate a b
ip link add br0 type bridge
fails "VLAN filtering is off: refused, with the command" 7 "ip link set br0 type bridge vlan_filtering 1" bridge ADD a "$(conf '"vlan":100')"
ip link set br0 type bridge vlan_filtering 1
attach a '"vlan":100' "after that command: "
slate a b
ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 5
attach a '"vlan":100' "vlan_default_pvid 5: "
same "vlan_default_pvid 5: VLAN 5 is gone from the port" "$(access 100)" "$(vids "$(host_end)")"
attach b "\"vlan\":300,\"isGateway\":true,$(ipam 4)" "vlan_default_pvid 5: "
check "vlan_default_pvid 5: ping to the gateway" pings b 10.88.0.1
slate a
ip link add br0 type bridge vlan_filtering 1 vlan_default_pvid 0
attach a '"vlanTrunk":[{"id":9}]' "vlan_default_pvid 0: "
same "vlan_default_pvid 0: nothing to remove" "$(access 1) 9" "$(vids "$(host_end)")"
slate a
fails "a gateway's name that is too long" 7 "longer than 15 bytes" bridge ADD a "$(conf "\"bridge\":\"averylongbridge\",\"vlan\":100,\"isGateway\":true,$(ipam 4)")"
for name in 'plain' 'with a gateway'; do
	c=$(conf "\"vlan\":100$([ "$name" = plain ] || echo ",\"isGateway\":true,$(ipam dual)")")
	slate a
	before=$(snapshot) wrong='' k=0
	while k=$((k + 1)); [ $k -lt 200 ]; do
		status=0
		HAWSER_FAULT=$k plugin bridge ADD a "$c" || status=$?
		reached || break
		if [ $status -eq 0 ]; then
			plugin bridge DEL a "$c" # it lives with that failure
			slate a
		elif [ "$(snapshot)" != "$before" ]; then
			wrong+=" $k"
			slate a
		fi
	done
	same "every step fails once ($name): the host is as it was" "" "$wrong"
	same "every step fails once ($name): after $((k - 1)) steps it works" "0 yes" "$status $([ $k -gt 15 ] && [ $k -lt 200 ] && echo yes)"
done

# --- the reference's ports are like ours
if [ -x "$REF/bridge" ]; then
	slate a b
	c=$(V=0.4.0 conf "\"vlan\":100,\"isGateway\":true,$(ipam 4)")
	V=0.4.0 succeeds "ours, 0.4.0" bridge ADD a "$c"
	ours=$(result '.interfaces | length') ours_vids=$(vids "$(host_end)")
	CNI_PATH=$REF CNI_COMMAND=ADD CNI_CONTAINERID=b CNI_NETNS=/run/netns/b "$REF/bridge" <<<"$c" >$out 2>$err ||
		not_ok "the Go plugin on the same bridge" "exit status $?"
	check "the Go plugin's port has our PVID" grep -q "$ours_vids" <<<"$(vids "$(host_end)")"
	check "both reach each other" pings a "$(result '.ips[0].address | split("/")[0]')"
	same "four interfaces in both results" "$ours" "$(result '.interfaces | length')"
fi
done_testing
