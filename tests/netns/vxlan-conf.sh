# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan: keys and records that are refused, with the host unchanged; and what is taken on one node, without peers to talk to.
. "$(dirname "$0")/lib.sh"

# Everything that stays beside links and records: entries of the peers and tables.
snapshot() {
	"$SNAPSHOT"
	nft list tables
	ip neigh show nud permanent
	bridge fdb show 2>/dev/null | grep ' dst '
}

peers='[{"node":"n1","vtep":"192.0.2.1","subnet":"10.5.1.0/24"},{"node":"n2","vtep":"192.0.2.2","subnet":"10.5.2.0/24"}]'
# A configuration of node n1. usage: vconf [JQ-FILTER]
vconf() {
	jq -c "${1:-.}" <<<"{\"cniVersion\":\"1.1.0\",\"type\":\"vxlan\",\"name\":\"blue\",\"vni\":42,\"network\":\"10.5.0.0/16\",\"node\":\"n1\",\"peers\":$peers}"
}
ip addr add 192.0.2.1/32 dev lo
ip addr add 2001:db8::1/128 dev lo nodad

slate a
# usage: bad NAME CODE TEXT JQ-FILTER
bad() { fails "$1" "$2" "$3" vxlan ADD a "$(vconf "$4")"; }
bad "no vni" 7 '"vni" is missing' 'del(.vni)'
bad "vni 0" 7 '"vni"' '.vni=0'
bad "vni of 25 bits" 7 16777216 '.vni=16777216'
bad "vni of another type" 6 vni '.vni="42"'
bad "port 0" 7 '"port"' '.port=0'
bad "port out of range" 7 70000 '.port=70000'
bad "unknown mode" 7 'unknown mode "l4"' '.mode="l4"'
bad "mode of another type" 6 '"mode"' '.mode=2'
bad "directRouting in mode l2" 7 '"directRouting": true: with "mode": "l2"' '.mode="l2" | .directRouting=true'
bad "fastPath in mode l2" 7 '"fastPath": true: with "mode": "l2" there is none' '.mode="l2" | .fastPath=true'
bad "fastPath as a string" 6 '"fastPath"' '.fastPath="yes"'
bad "evpn in mode l3" 7 '"store": type "evpn" needs "mode": "l2"' '.store={"type":"evpn"}'
bad "evpn with a key of others" 7 'type "evpn" has no further keys' '.mode="l2" | .store={"type":"evpn","prefix":"x"}'
bad "a store that is no object" 6 '"store"' '.store=5'
bad "a store without a type" 7 '"store.type" is required' '.store={}'
bad "a store of a type that there is not" 2 '"store.type": "nonesuch": this version has "etcd", "evpn", "file", "flannel"' '.store={"type":"nonesuch"}'
bad "no network" 7 '"network" is missing' 'del(.network)'
bad "an empty network" 7 '"network" is missing' '.network=[]'
bad "network of another type" 6 '"network"' '.network=5'
bad "an element of network of another type" 6 '"network"' '.network=[5]'
bad "network that is no prefix" 7 '"network": "ten" is no prefix' '.network="ten"'
bad "network with host bits" 7 '10.5.0.0/16 is meant' '.network="10.5.0.1/16"'
bad "network of all" 7 '0.0.0.0/0' '.network="0.0.0.0/0"'
bad "two networks of a family" 7 '10.6.0.0/16 is the second' '.network=["10.5.0.0/16","10.6.0.0/16"]'
bad "no peers" 7 '"peers" and "peersFile" are missing' 'del(.peers)'
bad "peers of another type" 6 peers '.peers={}'
bad "a node that is not there" 7 'of this node, "n7"' '.node="n7"'
bad "two records of a node" 7 '"peers[1]": "node": "n1" is given twice' '.peers[1].node="n1"'
bad "two peers with one VTEP" 7 '"peers[1]": "vtep": 192.0.2.1 of node "n2" is that of node "n1"' '.peers[1].vtep="192.0.2.1"'
bad "two peers with one subnet" 7 '10.5.1.0/24 of node "n2" overlaps' '.peers[1].subnet="10.5.1.0/24"'
bad "overlapping subnets" 7 '10.5.1.128/25 of node "n2" overlaps 10.5.1.0/24' '.peers[1].subnet="10.5.1.128/25"'
bad "a subnet outside" 7 '"peers[1]": "subnet": 10.9.0.0/24 is not within' '.peers[1].subnet="10.9.0.0/24"'
bad "a VTEP within the overlay" 7 'within the overlay itself' '.peers[1].vtep="10.5.2.1"'
bad "a node name with a slash" 7 '"../../x" has a character' '.peers[1].node="../../x"'
bad "no subnet of one family" 7 'node "n1" has none in fd05::/48' '.network=["10.5.0.0/16","fd05::/48"]'
bad "a VTEP of another family" 7 '"peers[1]": "vtep": 2001:db8::2: the underlay of this node is IPv4' '.peers[1].vtep="2001:db8::2"'
bad "a VTEP that is not ours" 7 '192.0.2.5 of node "n1"' '.peers[0].vtep="192.0.2.5"'
bad "an underlay that is not there" 7 '"underlay.dev": there is no interface "eth9"' '.underlay.dev="eth9"'
bad "underlay of another type" 6 underlay '.underlay="eth0"'
bad "underlay.dev of another type" 6 underlay.dev '.underlay.dev=5'
bad "underlay.address that is none" 7 '"underlay.address": "x"' '.underlay.address="x"'
bad "underlay.address of others" 7 '"underlay.address": 192.0.2.77 is not' '.underlay.address="192.0.2.77"'
bad "underlay.address of the other family" 7 'of another family' '.underlay.address="2001:db8::1"'
bad "an MTU that the underlay does not carry" 7 '"mtu": 1451 is more than the underlay carries: 1450, of its 1500' '.mtu=1451'
bad "an MTU that is too small" 7 '"mtu": 60' '.mtu=60'
bad "an MTU too small for IPv6" 7 '1279 is less than IPv6 needs' '.mtu=1279 | .network="fd05::/48" | .peers[0].subnet="fd05:0:0:1::/64" | .peers[1].subnet="fd05:0:0:2::/64"'
bad "mtu of another type" 6 mtu '.mtu="auto"'
bad "directRouting of another type" 6 directRouting '.directRouting="yes"'
bad "ipMasqBackend unknown" 7 ebtables '.ipMasqBackend="ebtables"'
bad "dns of another type" 6 dns '.dns=[]'
bad "ipam of another type" 6 ipam '.ipam="host-local"'
bad "an IPAM plugin that is not there" 999 nonesuch '.ipam.type="nonesuch"'
bad "an address outside of the node's subnet" 7 '10.5.2.9 is not in a subnet of node "n1"' '.ipam={"type":"static","addresses":[{"address":"10.5.2.9/24","gateway":"10.5.2.1"}]}'
bad "the node's own address" 7 '10.5.1.0 is that of the node itself' '.ipam={"type":"static","addresses":[{"address":"10.5.1.0/24","gateway":"10.5.1.1"}]}'
bad "an address without a gateway" 7 'no gateway, which vxlan needs' '.ipam={"type":"static","addresses":[{"address":"10.5.1.9/24"}]}'
# usage: bad_l2 NAME TEXT ADDRESS [GATEWAY]
bad_l2() { bad "l2: $1" 7 "$2" ".mode=\"l2\" | .ipam={type:\"static\",addresses:[{address:\"$3\"${4:+,gateway:\"$4\"}}]}"; }
bad_l2 "an address outside of the network" '10.6.1.9 is not in "network"' 10.6.1.9/16
bad_l2 "an address of a family that the network has not" 'fd05::9 is not in "network"' fd05::9/64
bad_l2 "an address of another node's subnet" '10.5.2.9 is in 10.5.2.0/24, the subnet of node "n2"' 10.5.2.9/16
bad_l2 "the node's own address" '10.5.1.1 is that of the node itself' 10.5.1.1/16 10.5.1.2
bad_l2 "the network's own address" '10.5.0.0 is that of all of "network", 10.5.0.0/16' 10.5.0.0/16
bad_l2 "the broadcast address" '10.5.255.255 is that of all' 10.5.255.255/16
bad_l2 "a gateway outside of the network" 'the gateway 10.6.0.1 is not in "network", 10.5.0.0/16' 10.5.1.9/16 10.6.0.1
bad_l2 "an address that is its own gateway" '10.5.1.9/16 is its own gateway' 10.5.1.9/16 10.5.1.9
bad "a peersFile that is not there" 5 /run/none '.peersFile="/run/none"'
echo '[{"node":"n3",' >/run/peers
bad "a peersFile that is no JSON" 6 '/run/peers line 2: no JSON' '.peersFile="/run/peers"'
head -c 17000000 /dev/zero | tr '\0' ' ' >/run/peers
bad "a peersFile that is too large" 5 /run/peers '.peersFile="/run/peers"'
printf '{"node":"n3"\0}' >/run/peers
bad "a peersFile with a NUL byte" 6 NUL '.peersFile="/run/peers"'
rm /run/peers
for verb in ADD STATUS; do
	fails "$verb: the same sentence" 7 '"vni" is missing' vxlan $verb a "$(vconf 'del(.vni)')"
done
succeeds "DEL with values that ADD refuses" vxlan DEL a "$(vconf 'del(.vni) | .peers[1].node="n1" | .network="ten"')"

# --- what is in the way
ip link add vx42 type bridge
bad "a link of that name" 999 'link vx42 of somebody else' .
ip link del vx42
for kind in bridge veth; do
	ip link add br-vx42 type $kind || not_ok "l2: a $kind in the way"
	bad "l2: a $kind of that name" 999 'link br-vx42 of somebody else' '.mode="l2"'
	ip link del br-vx42
done
ip link add other type vxlan id 42 dstport 4789 local 192.0.2.1
bad "a VXLAN device of others with the VNI" 999 'another VXLAN device has 42 on port 4789' .
ip link del other
"$HELPERS/talk" serve host udp:4789 >/run/serve.log &
server=$!
wait_for 5 grep -q ready /run/serve.log
bad "a port that a program has" 999 '"port": 4789 is taken' .
{ kill $server && wait $server; } 2>/dev/null

# --- two networks of one node
succeeds "a network" vxlan ADD a "$(vconf)"
fresh b
fails "another network with the VNI" 7 '"vni": 42 is that of network "blue"' vxlan ADD b "$(vconf '.name="red"|.network="10.6.0.0/16"|.peers[0].subnet="10.6.1.0/24"|.peers[1].subnet="10.6.2.0/24"')"
fails "another network with the addresses" 7 '"network": 10.5.0.0/16 overlaps 10.5.0.0/16 of network "blue"' vxlan ADD b "$(vconf '.name="red"|.vni=43')"
fails "STATUS says so, too" 7 '"vni": 42' vxlan STATUS b "$(vconf '.name="red"')"
fails "another subnet while containers live" 7 'node "n1" has containers in 10.5.1.0/24 of VNI 42' vxlan ADD b "$(vconf '.peers[0].subnet="10.5.7.0/24"')"
fails "another VNI while containers live" 7 'of VNI 42: it does not move' vxlan ADD b "$(vconf '.vni=44')"
fails "another mode while containers live" 7 '"mode": node "n1" has containers' vxlan ADD b "$(vconf '.mode="l2"')"
fails "STATUS says so, too" 50 'nor leave mode "l3"' vxlan STATUS b "$(vconf '.mode="l2"')"
fails "STATUS reports it as unavailable" 50 'does not move' vxlan STATUS b "$(vconf '.peers[0].subnet="10.5.7.0/24"')"
succeeds "STATUS" vxlan STATUS a "$(vconf)"
succeeds "DEL" vxlan DEL a "$(vconf)"
succeeds "another subnet afterwards" vxlan ADD b "$(vconf '.peers[0].subnet="10.5.7.0/24"')"
same "its address" 10.5.7.2/24 "$(addresses eth0 b)"
succeeds "DEL of it" vxlan DEL b "$(vconf)"

# --- what is taken
# usage: taken NAME JQ-FILTER
taken() {
	slate a
	succeeds "$1" vxlan ADD a "$(vconf "$2")"
}
taken "host name as the node" ".peers[0].node=\"$(hostname)\" | del(.node)"
taken "IPv6 underlay" '.peers[0].vtep="2001:db8::1" | .peers[1].vtep="2001:db8::2"'
same "70 bytes less" "1430 1430 1430" "$(link vx42 .mtu) $(result '.interfaces[1].mtu') $(result '.routes[0].mtu')"
same "its VTEP" 2001:db8::1 "$(link vx42 .linkinfo.info_data.local6)"
taken "mtu" '.mtu=1400'
same "mtu everywhere" "1400 1400 1400 1400" "$(link vx42 .mtu) $(link eth0 .mtu a) $(result '.interfaces[0].mtu') $(result '.routes[0].mtu')"
taken "port" '.port=8472'
same "the device's port" 8472 "$(link vx42 .linkinfo.info_data.port)"
succeeds "another port while it is there" vxlan ADD b "$(fresh b; vconf '.port=8473')"
same "the device is made again" 8473 "$(link vx42 .linkinfo.info_data.port)"
same "with its entries" "1 1" "$(ip route show proto 72 | wc -l) $(bridge fdb show dev vx42 | wc -l)"
taken "underlay.address beside another VTEP" '.underlay.address="192.0.2.1" | .peers[0].vtep="203.0.113.1"'
same "the device has the address" 192.0.2.1 "$(link vx42 .linkinfo.info_data.local)"
taken "the largest vni" '.vni=16777215'
same "its device" vx16777215 "$(ip -j link show type vxlan | jq -r '.[0].ifname')"
taken "a network of one node" 'del(.peers[1])'
same "no entries" "" "$(ip route show proto 72)"
taken "host-local with a folder of its own" '.ipam={"type":"host-local","dataDir":"/run/leases"}'
same "its lease" 1 "$(ls /run/leases/blue | grep -c 10.5.1.2)"
succeeds "DEL releases it" vxlan DEL a "$(vconf '.ipam={"type":"host-local","dataDir":"/run/leases"}')"
same "no lease" 0 "$(ls /run/leases/blue | grep -c 10.5.1.2)"
taken "host-local with ranges" '.ipam={"type":"host-local","ranges":[[{"subnet":"10.5.1.0/24","rangeStart":"10.5.1.50"}]],"routes":[{"dst":"10.5.0.0/16","mtu":1300}]}'
same "from the range" 10.5.1.50/24 "$(addresses eth0 a)"
same "a smaller MTU of a route stays" 1300 "$(result '.routes[0].mtu')"
taken "dns" '.dns={"nameservers":["10.5.1.1"]}'
same "dns in the result" 10.5.1.1 "$(result '.dns.nameservers[0]')"
CNI_PATH=/nowhere taken "the default IPAM needs no CNI_PATH" .

taken "mode l2" '.mode="l2"'
same "no address of the device" "" "$(addresses vx42)"
same "those of bridge and container" "10.5.1.1/16 10.5.1.2/16" "$(addresses br-vx42) $(addresses eth0 a)"
same "its state" "l2 false" "$(jq -r '"\(.mode) \(.evpn)"' /run/hawser/overlay/blue)"
fails "another network while containers live" 7 '"network": node "n1" has containers in 10.5.1.0/24' vxlan ADD b "$(fresh b; vconf '.mode="l2" | .network="10.4.0.0/15"')"
fails "routed again while containers live" 7 'nor leave mode "l2"' vxlan ADD b "$(vconf)"
succeeds "DEL, with mode l3 by now" vxlan DEL a "$(vconf)"
same "no bridge is left" 0 "$(ip -o link | grep -c vx)"
succeeds "mode l3 afterwards" vxlan ADD b "$(vconf)"
succeeds "DEL" vxlan DEL b "$(vconf)"
c=$(vconf '.mode="l2"')
succeeds "l2: STATUS" vxlan STATUS a "$c"
for way in 'gc vxlan "$(jq -c ".[\"cni.dev/valid-attachments\"]=[]" <<<"$c")"' '"$BIN/hawser" cleanup blue'; do
	fresh a
	succeeds "l2: ADD" vxlan ADD a "$c"
	check "l2: ${way%% *}" eval "$way"
	same "l2: no bridge is left of it" "0 0" "$(ip -o link | grep -c vx) $(nft list tables | grep -c "hawser-vx42$")"
done
taken "l2: a gateway on the link, and host-local with ranges" '.mode="l2" | .ipam={"type":"host-local","ranges":[[{"subnet":"10.5.1.0/24","rangeStart":"10.5.1.50","gateway":"10.5.1.9"}]],"routes":[{"dst":"0.0.0.0/0"}]}'
same "it is the container's" "10.5.1.50/16 10.5.1.9" "$(addresses eth0 a) $(ip -n a -j route show default | jq -r '.[0].gateway')"
taken "l2: the largest vni" '.mode="l2" | .vni=16777215'
same "its bridge" br-vx16777215 "$(link vx16777215 .master)"
taken "l2 with EVPN" '.mode="l2" | .store={"type":"evpn"} | del(.peers[1])'
evpn=$(vconf '.mode="l2" | .store={"type":"evpn"} | del(.peers[1])')
prev=$(cat $out)
same "device and port learn nothing, neighbours are suppressed" "false false true" \
	"$(link vx42 '"\(.linkinfo.info_data.learning) \(.linkinfo.info_slave_data.learning) \(.linkinfo.info_slave_data.neigh_suppress)"')"
bridge fdb append 00:00:00:00:00:00 dev vx42 dst 192.0.2.9 && bridge fdb add 02:00:00:00:00:09 dev vx42 dst 192.0.2.9
succeeds "EVPN: entries of others are no difference" vxlan CHECK a "$(with_prev "$evpn" "$prev")"
succeeds "EVPN: a second container" vxlan ADD b "$(fresh b; echo "$evpn")"
same "EVPN: they stay" 2 "$(bridge fdb show dev vx42 | grep -c 'dst 192.0.2.9')"
same "EVPN: packets from anybody" "1 1 2 2" "$(for c in input forward raw rawout; do nft list chain inet hawser-vx42 $c | grep -c dport; done | xargs)"
nft flush chain inet hawser-vx42 raw
succeeds "EVPN: CHECK of the table" vxlan CHECK a "$(with_prev "$evpn" "$prev")"
check "EVPN: it says what it has put right" grep -q 'hawser-vx42.* is missing or changed' $err
same "EVPN: the rules are back" 2 "$(nft list chain inet hawser-vx42 raw | grep -c dport)"
succeeds "EVPN: another node in the list" vxlan ADD b "$(fresh b; NETNS='' plugin vxlan DEL b "$evpn"; vconf '.mode="l2" | .store={"type":"evpn"}')"
same "EVPN: packets from it only" "3 192.0.2.2" "$(nft list chain inet hawser-vx42 input | grep -c dport) $(nft list set inet hawser-vx42 vteps4 | sed -n 's/.*elements = { \(.*\) }/\1/p')"

# --- files of peers
slate a
printf '%s\n' '{"node":"n2","vtep":"192.0.2.2","subnet":"10.5.2.0/24"}' 'rubbish' '{"node":"n3","vtep":"192.0.2.2","subnet":"10.5.3.0/24"}' \
	'' '{"node":"n4","vtep":"192.0.2.4","subnet":"10.5.4.0/24"}' '{"node":"n6","vtep":"2001:db8::6","subnet":"10.5.6.0/24"}' >/run/peers
c=$(vconf 'del(.peers[1]) | .peersFile="/run/peers"')
succeeds "a file of lines, some of them bad" vxlan ADD a "$c"
same "the good ones are kept" "10.5.2.0/24 10.5.4.0/24" "$(ip -j route show proto 72 | jq -r '[.[].dst] | sort | join(" ")')"
check "line 2 is refused by name" grep -q '/run/peers line 2: refused: no JSON' $err
check "line 3 is refused by name and reason" grep -q '/run/peers line 3: refused: "vtep": 192.0.2.2 of node "n3" is that of node "n2"' $err
check "a peer of the other family is refused" grep -q 'node n6: refused: "vtep": 2001:db8::6' $err
prev=$(cat $out)
succeeds "CHECK" vxlan CHECK a "$(with_prev "$c" "$prev")"
echo '[{"node":"n4","vtep":"192.0.2.44","subnet":"10.5.4.0/24"},{"node":"n5","vtep":"192.0.2.5","subnet":"10.5.5.0/24"},7]' >/run/peers
cp /run/peers /run/peers.new
succeeds "CHECK reads the file again" vxlan CHECK a "$(with_prev "$c" "$prev")"
check "and says what it has put right" grep -q 'to 10.5.5.0/24 .*is missing' $err
same "routes follow" "10.5.4.0/24 10.5.5.0/24" "$(ip -j route show proto 72 | jq -r '[.[].dst] | sort | join(" ")')"
echo '[{"node":"n4","vtep":"192.0.2.4","subnet":"10.5.4.0/24"}]' >/run/peers
succeeds "CHECK of a file with less" vxlan CHECK a "$(with_prev "$c" "$prev")"
same "routes follow" "10.5.4.0/24" "$(ip -j route show proto 72 | jq -r '[.[].dst] | sort | join(" ")')"
mv /run/peers.new /run/peers
fresh b
succeeds "ADD reads the file again, an array this time" vxlan ADD b "$c"
check "an element is refused by its index" grep -q '/run/peers \[2\]: refused: expected an object, not 7' $err
same "routes follow" "10.5.4.0/24 10.5.5.0/24" "$(ip -j route show proto 72 | jq -r '[.[].dst] | sort | join(" ")')"
same "so does the forwarding database" "192.0.2.44 192.0.2.5" "$(bridge fdb show dev vx42 | sed 's/.*dst \([^ ]*\).*/\1/' | sort | xargs)"
same "and the set of VTEPs" "192.0.2.5, 192.0.2.44" "$(nft list set inet hawser-vx42 vteps4 | tr -d '\n\t' | sed 's/.*elements = { \(.*\) }.*/\1/')"
succeeds "CHECK of the first" vxlan CHECK a "$(with_prev "$c" "$prev")"

# --- more peers than the answers to one batch of questions
slate a
ip link add u0 type veth peer name u1 && ip link set u1 up && ip link set u0 up && ip route add 198.18.0.0/16 dev u0
for i in {2..201}; do echo "{\"node\":\"n$i\",\"vtep\":\"198.18.0.$i\",\"subnet\":\"10.5.$i.0/24\"}"; done >/run/peers
succeeds "200 peers" vxlan ADD a "$(vconf 'del(.peers[1]) | .peersFile="/run/peers"')"
same "200 peers: routes, neighbours, forwarding entries" "200 200 200" \
	"$(ip route show proto 72 | wc -l) $(ip neigh show dev vx42 nud permanent | wc -l) $(bridge fdb show dev vx42 | grep -c ' dst ')"
NETNS='' plugin vxlan DEL a "$(vconf)"
ip link del u0

# --- a kernel that refuses what an ADD would make
status=$(vconf '.peers[1].vtep="192.0.2.1" | .peers |= .[:1]')
NETNS='' succeeds "STATUS" vxlan STATUS a "$status"
for ((k = 1, last = 0; k < 40; k++)); do
	HAWSER_FAULT=$k NETNS='' plugin vxlan STATUS a "$status"
	grep -q 'HAWSER_FAULT: step' $err || break
	grep -q 'create a vxlan link\|makes no VXLAN devices' $out $err && last=$(jq .code <$out)
done
same "STATUS without VXLAN" 50 "$last"
done_testing
