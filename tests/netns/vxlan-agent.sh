# SPDX-License-Identifier: GPL-2.0-or-later
# Containers in networks that hawser-overlayd keeps, with etcd and with a file as the store: every verb before there is an
# agent, with one, and after it was killed; a network whose configuration goes or changes. What the agent does by itself
# is tested in overlayd*.sh.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture etcd-N down' EXIT

#  ---- Three nodes: blue is in etcd, red in files, green has no agent; n4 is no node ----

etcd_hosts 4 dual
in_host n4 rm /run/cni/net.d/blue.conflist
for i in 1 2 3; do
	etcd_list $i | jq -c ".plugins[0].ipMasq=true | .plugins += [$portmap,{\"type\":\"firewall\"}]" | host_put n$i /run/cni/net.d/blue.conflist
	in_host n$i mkdir -p /run/peers
done
NAME=red VNI=43 B=6 file_nodes 1 2 3
NAME=green VNI=44 B=7 overlay_nodes 1 2 3
for host in n1 n2; do in_host $host ip netns add early; done
host_state n1 >/run/test-before
# The plugin's verb by the network list of a host. usage: verb HOST VERB CONTAINER NETWORK [JQ-FILTER]
verb() {
	host_vxlan "$1" "$2" "$3" "$(in_host "$1" cat "/run/cni/net.d/$4.conflist" | jq -c "(.plugins[0] + {cniVersion, name}) | ${5:-.}")"
}

#  ---- Before there is an agent ----

for net in blue red; do
	denies "$net, no agent yet: ADD is to be tried later" 11 "hawser-overlayd has not made network \"$net\" yet; does it run" verb n1 ADD early $net
	denies "$net: STATUS says so" 50 "hawser-overlayd has not made network \"$net\" yet" verb n1 STATUS early $net
	check "$net: DEL of nothing" verb n1 DEL early $net
	denies "$net: mode l2" 7 '"mode": "l2": hawser-overlayd routes' verb n1 ADD early $net '.mode="l2"'
	for key in 'peers=[]' 'peersFile="/run/x"'; do
		denies "$net: ${key%=*} beside the store" 7 "\"${key%=*}\": ${key#*=} beside \"store\" of type" verb n1 ADD early $net ".$key"
	done
done
for key in 'network="10.5.0.0/16"' vni=42 port=4789 mtu=1400 directRouting=true; do
	denies "blue: ${key%=*} beside the store" 7 "\"${key%=*}\": ${key#*=} beside \"store\" of type \"etcd\"" verb n1 ADD early blue ".$key"
done
host_state n1 >/run/test-after
same "nothing has changed" "" "$(diff /run/test-before /run/test-after)"

#  ---- With the agent ----

agents_start n1 n2 n3
know 4 n1 n2 n3
for host in n1 n2 n3; do
	NAME=red agent_comes $host '.peers | length == 2' || not_ok "$host knows the others of red"
	wait_for $((5 * SLOW)) in_host $host test -e /run/hawser/overlay/blue -a -e /run/hawser/overlay/red
	for net in blue red; do check "$net: STATUS on $host" verb $host STATUS early $net; done
	for net in blue red green; do attach $host ${net::1} $net; done
done
subnet=$(agent_says n3 '.subnets[0]')
attach n3 b2 blue
check "an address of the subnet that the node has in etcd" [ "$(result '.ips[0].address' | sed 's/[0-9]*\/24/0\/24/')" = "$subnet" ]
same "the MTU is the agent's, which is that of IPv6's device" "1430 1430" "$(result '"\([.interfaces[] | select(.sandbox)][0].mtu) \(.routes[0].mtu)"')"
same "a record of the peers is not what it needs" "0 0" "$(in_host n1 cat /run/hawser/overlay/blue | jq -r '"\(.vteps | length) \(.peers | length)"')"
all_meet "etcd: all pairs" n1/b n2/b n3/b n3/b2
BYTES=1430 all_meet "etcd: with full packets" n1/b n2/b n3/b
same "etcd: 1431 bytes are too many" "0 of 2, 0 of 2" "$(BYTES=1431 PATIENCE=0.3 meet n1/b n2/b)"
all_meet "file: all pairs" n1/r n2/r n3/r
BYTES=1450 all_meet "file: with full packets" n1/r n2/r n3/r
all_meet "no agent: all pairs" n1/g n2/g n3/g
same "no way from one network into the others" "0 of 18, 0 of 18" "$(PATIENCE=0.5 meet n1/b n2/b n3/b -- n1/g n2/g n3/g n1/r n2/r n3/r)"
same "nor back" "0 of 18, 0 of 18" "$(PATIENCE=0.5 meet n1/g n2/g n3/g n1/r n2/r n3/r -- n1/b n2/b n3/b)"
for place in blue/b red/r; do check "CHECK of ${place%/*}" host_cni n1 check "${place%/*}" "${place#*/}"; done
reach_published

ids() { in_host n1 "$BIN/hawser" list --json | jq -c "[.[] | select(.network == \"blue\" and (.containerID | startswith(\"x\") | not)) | {containerID, ifname}]"; }
in_host n1 ip netns add x
check "a container that nobody removes" verb n1 ADD x blue
check "GC removes it" verb n1 GC x blue ".[\"cni.dev/valid-attachments\"]=$(ids)"
refuse "it has no link" in_host n1 ip -n x link show eth0
all_meet "the others stay" n1/b n2/b n3/b
in_host n1 nft flush ruleset
check "hawser reload" in_host n1 "$BIN/hawser" reload
check "the agent has its table back" wait_for $((3 * SLOW)) in_host n1 nft list table inet hawser-vx42
check "CHECK" host_cni n1 check blue b
all_meet "and all meet" n1/b n2/b n3/b

#  ---- red: another subnet while containers live; a list that goes, and one that changes ----

sed 's/10.6.1.0/10.6.77.0/' <<<"$(B=6 overlay_records 1 2 3)" | host_put n1 /run/peers/red
NAME=red agent_comes n1 '.conflict != ""' || not_ok "red: the agent reports a conflict"
wait_for 2 eval 'in_host n1 grep -q 10.6.77.0 /run/hawser/overlay/red'
denies "a conflict: ADD is to be tried later" 11 'the store gives 10.6.77.0/24: node "n1" has containers in 10.6.1.0/24' verb n1 ADD early red
denies "STATUS: limited" 51 'the store gives 10.6.77.0/24' verb n1 STATUS early red
check "CHECK of who lives there" host_cni n1 check red r
all_meet "and they meet" n1/r n2/r n3/r
NAME=red B=6 peers_of 1 1 2 3
NAME=red agent_comes n1 '.conflict == ""' || not_ok "red: the conflict is over"
wait_for 2 eval '! in_host n1 grep -q 10.6.77.0 /run/hawser/overlay/red'
check "STATUS then" verb n1 STATUS early red

in_host n1 sh -c 'mkdir /run/aside && mv /run/cni/net.d/red.conflist /run/aside'
gone=$((SECONDS + 7)) # five of them the agent waits anyway
NAME=red VNI=43 B=6 overlay_nodes 2
agent_lets_go() { [ -z "$(NAME=red agent_says n2 .network)" ]; }
check "a list without the store is not the agent's any more" wait_for $((5 * SLOW)) agent_lets_go
denies "it begins when the containers have left" 7 '"store": node "n2" has containers in 10.6.2.0/24' verb n2 ADD early red
NAME=red VNI=43 B=6 overlay_list 2 "\"peers\":$(B=6 overlay_records 1 2 3)" | host_put n2 /run/cni/net.d/red.conflist
detach n2 r red
attach n2 r red
all_meet "then it works without an agent" n2/r n3/r
same "which has no part in it" null "$(in_host n2 cat /run/hawser/overlay/red | jq .managed)"

#  ---- Without the agent ----

traffic n2 "${V4[n1/b]}"
for host in n1 n3; do agent_end $host KILL; done
check "agent killed: STATUS" verb n1 STATUS early blue
attach n1 late blue
all_meet "a new container" n1/late n1/b n2/b n3/b
check "CHECK" host_cni n1 check blue late
detach n1 late blue
overlay_of n3 >/run/test-whole
in_host n3 cat /run/hawser/overlay/blue >/run/test-state
for c in b b2; do detach n3 $c blue; done
same "the last DEL leaves device, entries and table" "" "$(overlay_of n3 | diff /run/test-whole -)"
same "and the state" "" "$(in_host n3 cat /run/hawser/overlay/blue | diff /run/test-state -)"
attach n3 b blue
all_meet "and all begins again" n1/b n2/b n3/b
same "traffic has lost no packet" "0 of at least 10" "$(lost n2 10)"
in_host n3 ip link del vx42
host_cni n3 check blue b >$out 2>$err && not_ok "CHECK: no device"
check "CHECK of a lost device asks for the agent" grep -q 'vx42 is missing; does hawser-overlayd run' $err
agents_start n1 n3
check "which makes it again" wait_for $((5 * SLOW)) host_cni n3 check blue b
know 4 n1 n3
all_meet "and all meet" n1/b n2/b n3/b

#  ---- What goes ----

check "hawser cleanup of a network" in_host n2 "$BIN/hawser" cleanup blue
same "leaves nobody in it" 0 "$(in_host n2 "$BIN/hawser" list --json | jq '[.[] | select(.network == "blue")] | length')"
check "but the network" in_host n2 ip link show vx42
unset 'V4[n2/b]' 'V6[n2/b]'
attach n2 b3 blue
all_meet "for the next container" n1/b n2/b3 n3/b
wait_for 10 eval '[ $SECONDS -ge $gone ]'
check "a network whose list is gone stays for its container" in_host n1 ip link show vx43
all_meet "which goes on" n1/r n3/r
check "its DEL" in_host n1 env "CNI_PATH=$BIN" NETCONFPATH=/run/aside "$BIN/cnitool" del red /run/netns/r
check "takes the network along" wait_for $((10 * SLOW)) eval '! in_host n1 ip link show vx43'
same "its table and state, too" "0 0" "$(in_host n1 nft list tables | grep -c 'hawser-vx43$') $(in_host n1 ls /run/hawser/overlay | grep -c red)"
for c in b web; do detach n1 $c blue; done
detach n1 g green
in_host n1 rm /run/cni/net.d/blue.conflist
check "a network without containers goes with its list" wait_for $((10 * SLOW)) eval '! in_host n1 ip link show vx42'
agent_end n1
host_state n1 >/run/test-after
same "nothing is left" "" "$(diff /run/test-before /run/test-after | grep '^[<>]' | grep -vE '/run/(agent|aside|cni|peers)|/run/hawser/overlayd')"
no_complaint "no complaint of a sanitizer" n1 n2 n3
done_testing
