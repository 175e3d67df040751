# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd with a real etcd: dual-stack nodes meet; what they publish is what flanneld does, and a node of
# flannel's is one of them; records, leases and addresses that change. When etcd fails: overlayd-etcd-down.sh.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture etcd-N down' EXIT
S=/coreos.com/network/subnets
etcd_hosts 4 dual
ctl put /coreos.com/network/config '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00:5::/48","Backend":{"Type":"vxlan","VNI":7,"Port":8472}}' >$out
agents_start n1 n2 n3
know 4 n1 n2 n3
learn n1 n2 n3
all_meet "three nodes" n1 n2 n3
BYTES=1430 all_meet "with full packets of IPv6" n1 n2 n3
same "two devices, each over the underlay of its family" "vx7 192.0.2.1 8472 1450, vx7-v6 2001:db8:1::1 8472 1430" \
	"$(in_host n1 ip -d -j link show type vxlan | jq -r '[.[] | "\(.ifname) \(.linkinfo.info_data | .local // .local6) \(.linkinfo.info_data.port) \(.mtu)"] | join(", ")')"

#  ---- flannel's format, to the byte ----

mac() { in_host "$1" cat "/sys/class/net/$2/address"; }
for host in n1 n2 n3; do
	key="$S/${V4[$host]}-24&${V6[$host]}-64"
	want="{\"PublicIP\":\"192.0.2.${host#n}\",\"PublicIPv6\":\"2001:db8:1::${host#n}\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":7,\"VtepMAC\":\"$(mac $host vx7)\"},\"BackendV6Data\":{\"VNI\":7,\"VtepMAC\":\"$(mac $host vx7-v6)\"}}"
	same "$host: key and value" "$key $want" "$(ctl get "$key" | xargs -d '\n')"
done
same "nothing else is there" 3 "$(ctl get --prefix $S/ --keys-only | grep -c .)"
lease_of() { ctl get "$S/${V4[$1]}-24&${V6[$1]}-64" -w json | grep -oE '"lease":[0-9]+' | cut -d: -f2 | xargs printf '%x'; }
same "each with a lease of a day of its own" "86400 86400" \
	"$(for host in n1 n2; do ctl lease timetolive "$(lease_of $host)" | grep -oE 'granted with TTL\([0-9]+' | grep -oE '[0-9]+$'; done | xargs)"
check "which are two" test "$(lease_of n1)" != "$(lease_of n2)"
same "subnet.env" "FLANNEL_NETWORK=10.5.0.0/16 FLANNEL_SUBNET=${V4[n1]%.0}.1/24 FLANNEL_IPV6_NETWORK=fc00:5::/48 FLANNEL_IPV6_SUBNET=${V6[n1]}1/64 FLANNEL_MTU=1430 FLANNEL_IPMASQ=false" \
	"$(in_host n1 cat /run/hawser/subnets/blue.env | xargs)"

#  ---- A node of flannel's: its record, and what flanneld does in the kernel ----

V4[n4]=10.5.35.0 V6[n4]=fc00:5:0:3500::
flannel_record() { echo "{\"PublicIP\":\"192.0.2.4\",\"PublicIPv6\":\"2001:db8:1::4\",\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":7,\"VtepMAC\":\"$1\"},\"BackendV6Data\":{\"VNI\":7,\"VtepMAC\":\"6a:80:4f:05:34:5a\"}}"; }
flannel_key="$S/10.5.35.0-24&fc00:5:0:3500::-64"
# usage: flannel_peers MAC: the node's own is MAC, which makes the kernel forget its neighbours
flannel_peers() {
	{
		echo "link set flannel.7 address $1"
		for host in n1 n2 n3; do
			echo "neigh replace ${V4[$host]} lladdr $(mac $host vx7) dev flannel.7 nud permanent
				neigh replace ${V6[$host]} lladdr $(mac $host vx7-v6) dev flannel-v6.7 nud permanent
				route replace ${V4[$host]}/24 via ${V4[$host]} dev flannel.7 onlink
				route replace ${V6[$host]}/64 via ${V6[$host]} dev flannel-v6.7 onlink"
		done
	} | in_host n4 ip -batch -
	for host in n1 n2 n3; do
		in_host n4 bridge fdb replace "$(mac $host vx7)" dev flannel.7 dst "192.0.2.${host#n}" self permanent
		in_host n4 bridge fdb replace "$(mac $host vx7-v6)" dev flannel-v6.7 dst "2001:db8:1::${host#n}" self permanent
	done
}
in_host n4 ip -batch - <<END
link add flannel.7 mtu 1450 type vxlan id 7 local 192.0.2.4 dstport 8472 nolearning udpcsum
link add flannel-v6.7 mtu 1430 address 6a:80:4f:05:34:5a type vxlan id 7 local 2001:db8:1::4 dstport 8472 nolearning
addr add 10.5.35.0/32 dev flannel.7
addr add fc00:5:0:3500::/128 dev flannel-v6.7 nodad
link set flannel.7 up
link set flannel-v6.7 up
END
flannel_peers 2a:62:90:11:e8:07
same "before its record is there, nobody reaches it" "0 of 3, 0 of 3" "$(PATIENCE=0.3 meet n4 -- n1 n2 n3)"
ctl put "$flannel_key" "$(flannel_record 2a:62:90:11:e8:07)" >$out
know 6 n1 n2 n3
all_meet "a node of flannel's joins" n1 n2 n3 n4
flannel_peers 2a:62:90:11:e8:08
ctl put "$flannel_key" "$(flannel_record 2a:62:90:11:e8:08)" >$out
follows() { in_host n1 bridge fdb show dev vx7 | grep -q '^2a:62:90:11:e8:08 .*dst 192.0.2.4'; }
check "after a reboot it has another MAC" wait_for 3 follows
FAMILIES=4 all_meet "and is reached by it" n1 n2 n3 n4
ctl put "$flannel_key" '{"PublicIP":"192.0.2.1","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":7,"VtepMAC":"2a:62:90:11:e8:08"}}' >$out
check "a record with another node's VTEP is refused" agent_comes n1 '.refused == 1'
ctl put "$S/10.5.35.0-24%2f..-24" 'no JSON' >$out
check "and rubbish" agent_comes n2 '.refused >= 1'
ctl del "$S/10.5.35.0-24%2f..-24" >$out
ctl del "$flannel_key" >$out
know 4 n1 n2 n3
same "it leaves" 4 "$(in_host n1 sh -c 'bridge fdb show dev vx7; bridge fdb show dev vx7-v6' | grep -c ' dst ')"

#  ---- Records and leases ----

records_are() { [ "$(ctl get --prefix $S/ --keys-only | grep . | sort)" = "$1" ]; }
keys=$(ctl get --prefix $S/ --keys-only | grep . | sort)
old=$(lease_of n1)
ctl lease revoke "$old" >$out
check "its lease revoked, a node takes its subnet again" wait_for 5 records_are "$keys"
check "with another lease" test "$(lease_of n1)" != "$old"
ctl del "$S/${V4[n2]}-24&${V6[n2]}-64" >$out
check "its record deleted, too" wait_for 5 records_are "$keys"
know 4 n1 n2 n3
all_meet "and they meet" n1 n2 n3
agent_end n1
same "SIGTERM leaves the record" "$keys" "$(ctl get --prefix $S/ --keys-only | grep . | sort)"
in_host n1 sh -c 'ip monitor link address route neigh >/run/seen-ip 2>&1 & echo $! >/run/monitor.pid'
traffic n3 "${V4[n1]}"
agent_start n1
agent_comes n1 '.fromSnapshot == false'
know 4 n1
same "started again it has its subnet, and writes no entry" "${V4[n1]}/24 0" "$(agent_says n1 '.subnets[0]') $(metric n1 entries_written_total)"
same "the kernel has announced no change" "" "$(in_host n1 grep -E 'vx7' /run/seen-ip)"
kill "$(in_host n1 cat /run/monitor.pid)"
same "traffic has lost no packet" "0 of at least 5" "$(lost n3 5)"

#  ---- Another underlay address ----

in_host n2 sh -c 'ip addr add 192.0.2.102/24 dev eth0; ip addr del 192.0.2.2/24 dev eth0; ip addr add 192.0.2.102/24 dev eth0' 2>/dev/null
republished() { ctl get "$S/${V4[n2]}-24&${V6[n2]}-64" | grep -q '"PublicIP":"192.0.2.102"'; }
check "another underlay address is published" wait_for 5 republished
for host in n1 n3; do agent_comes $host '[.peers[].vtep] | any(. == "192.0.2.102")' || not_ok "$host follows"; done
know 4 n1 n2 n3
all_meet "and the node is reached by it, with the subnet it had" n1 n2 n3
same "nobody lets the old one in" "" "$(for host in n1 n3; do in_host $host nft list set inet hawser-vx7 vteps4 | grep -o '192.0.2.2\b'; done)"

#  ---- A node that is gone for good ----

ctl put "$flannel_key" "$(flannel_record 2a:62:90:11:e8:08)" >$out
know 6 n1 n2
agent_end n3
STORE='"ttl":5' etcd_list 3 | host_put n3 /run/cni/net.d/blue.conflist
agent_start n3
know 6 n3
agent_end n3 KILL
check "a node whose lease has ended is forgotten" agent_comes n1 '(.peers | length == 4) and (.held | not)' 12
agent_start n3
know 6 n1 n2 n3
ctl del "$flannel_key" >$out
know 4 n1 n2 n3
same "until it is back, with its subnet" "$keys" "$(ctl get --prefix $S/ --keys-only | grep . | sort)"
all_meet "and all meet" n1 n2 n3
agents_end n1 n2 n3
done_testing
