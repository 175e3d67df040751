# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan between two nodes, each with files and namespaces of its own, on a link with a stranger (this script's namespace).
. "$(dirname "$0")/lib.sh"

declare -A pid
nodes_end() { kill "${pid[@]}" 2>/dev/null; }
trap nodes_end EXIT
# usage: on NODE COMMAND...
on() { nsenter -t "${pid[$1]}" -m -n "${@:2}"; }
# usage: node NUMBER
node() {
	unshare -m -n --propagation private bash -c 'mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount -t tmpfs tmpfs /var/lib/cni && ip link set lo up &&
		ip netns add a && ip netns add b && ip netns add c && touch /run/up && exec sleep 600' &
	pid[$1]=$!
	wait_for 5 on "$1" test -e /run/up
	ip link add "u$1" type veth peer name eth0 netns "${pid[$1]}"
	ip link set "u$1" master ul up
	on "$1" sh -c "ip addr add 192.0.2.$1/24 dev eth0; ip addr add 2001:db8::$1/64 dev eth0 nodad; ip link set eth0 up"
}
slate
ip link add ul type bridge && ip link set ul up && ip addr add 192.0.2.9/24 dev ul && ip addr add 2001:db8::9/64 dev ul nodad
node 1
node 2

# A configuration of a node. usage: vconf NODE [JQ-FILTER]
vconf() {
	jq -c "${2:-.}" <<-EOC
		{"cniVersion":"1.1.0","type":"vxlan","name":"blue","vni":42,"network":["10.5.0.0/16","fd05::/48"],"node":"n$1","peers":[
		{"node":"n1","vtep":"192.0.2.1","subnet":["10.5.1.0/24","fd05:0:0:1::/64"]},{"node":"n2","vtep":"192.0.2.2","subnet":["10.5.2.0/24","fd05:0:0:2::/64"]}]}
	EOC
}
# usage: call NODE PLUGIN VERB ID CONF
call() { on "$1" env CNI_COMMAND="$3" CNI_CONTAINERID="$4" CNI_NETNS="/run/netns/$4" "$BIN/$2" <<<"$5" >$out 2>$err; }
# Addresses are given from the first on. usage: vx NAME NODE VERB ID [JQ-FILTER]
vx() {
	on "$2" sh -c 'rm -rf /var/lib/cni/networks/*/last_reserved_ip.* /run/hawser/ipam'
	if call "$2" vxlan "$3" "$4" "$(vconf "$2" "${5:-.}")"; then ok "$1"; else not_ok "$1"; fi
}
# A ping in a container: usage: cping NODE ID ADDRESS [OPTION...]
cping() { on "$1" ip netns exec "$2" ping -c1 -W1 "${@:4}" "$3"; }
# Packets that the rules of a chain dropped, one number a rule. usage: drops NODE CHAIN
drops() { on "$1" nft list chain inet hawser-vx42 "$2" | grep -o 'packets [0-9]*' | cut -d' ' -f2 | xargs; }
nothing_left_on() { same "$1" "" "$(on "$2" sh -c 'ip -o link | grep -E "vx|veth"; ip route show proto 72; ip -6 route show proto 72; nft list tables | grep vx; find /run/hawser/attachments /run/hawser/overlay -type f ! -name .lock; find /var/lib/cni/networks -name "*10.5*" -o -name "fd05*"')"; }

# --- both families over both underlays
v6='.peers[0].vtep="2001:db8::1" | .peers[1].vtep="2001:db8::2"'
for u in 4 6; do
	filter=$([ $u = 6 ] && echo "$v6" || echo .) mtu=$([ $u = 6 ] && echo 1430 || echo 1450)
	vx "IPv$u underlay: ADD on node 1" 1 ADD a "$filter"
	prev=$(cat $out)
	same "IPv$u underlay: MTU in interfaces and routes" "$mtu $mtu $mtu $mtu" "$(jq -r '[.interfaces[].mtu, .routes[].mtu | tostring] | join(" ")' <<<"$prev")"
	vx "IPv$u underlay: ADD on node 2" 2 ADD b "$filter"
	for dst in 10.5.2.2 fd05:0:0:2::2; do
		check "IPv$u underlay: container to container on $dst" cping 1 a $dst
		check "IPv$u underlay: host to container on $dst" on 1 ping -c1 -W1 $dst
		check "IPv$u underlay: a full-size packet to $dst" cping 1 a $dst -M do -s $((mtu - ($([[ $dst = *:* ]] && echo 48 || echo 28))))
	done
	check "IPv$u underlay: container to the other host" cping 2 b 10.5.1.0
	refuse "IPv$u underlay: a larger packet is refused" cping 1 a 10.5.2.2 -M do -s $((mtu - 27))
	on 2 ip netns exec b sh -c "nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ip saddr 10.5.1.2 counter'"
	cping 1 a 10.5.2.2 >/dev/null
	check "IPv$u underlay: with its own address" eval 'on 2 ip netns exec b nft list table ip t | grep -q "packets 1 "'
	on 2 ip netns exec b nft flush ruleset
	check "IPv$u underlay: CHECK" call 1 vxlan CHECK a "$(with_prev "$(vconf 1 "$filter")" "$prev")"
	vx "IPv$u underlay: DEL on node 2" 2 DEL b
	vx "IPv$u underlay: DEL on node 1" 1 DEL a
	nothing_left_on "IPv$u underlay: nothing is left on node 1" 1
	nothing_left_on "IPv$u underlay: nor on node 2" 2
done

# --- directRouting
vx "directRouting: ADD" 1 ADD a .directRouting=true
same "directRouting: a plain route for the underlay's family" "192.0.2.2 eth0" "$(on 1 ip -j route show proto 72 | jq -r '.[0] | "\(.gateway) \(.dev)"')"
same "directRouting: the other family goes through the overlay" vx42 "$(on 1 ip -6 -j route show proto 72 | jq -r '.[0].dev')"
vx "directRouting: on node 2" 2 ADD b .directRouting=true
check "directRouting: container to container" cping 1 a 10.5.2.2
check "directRouting: IPv6" cping 1 a fd05:0:0:2::2
vx "directRouting: taken back by the next ADD" 1 ADD c
same "directRouting: through the overlay again" vx42 "$(on 1 ip -j route show proto 72 | jq -r '.[0].dev')"
vx "directRouting: and again" 1 DEL c
vx "directRouting: DEL" 1 DEL a .directRouting=true
vx "directRouting: DEL on node 2" 2 DEL b
nothing_left_on "directRouting: nothing is left" 1
nothing_left_on "directRouting: nor on node 2" 2

# --- what is deleted by hand is back after the next CHECK, or the next ADD
vx "healing: ADD" 1 ADD a
prev=$(cat $out)
vx "healing: ADD on node 2" 2 ADD b
check_a() { call 1 vxlan CHECK a "$(with_prev "$(vconf 1)" "$prev")"; }
check "healing: CHECK" check_a
same "of what is whole it says nothing" "" "$(cat $err)"
# usage: heals NAME WHAT-CHECK-SAYS COMMAND...; on node 1
heals() {
	local name=$1 says=$2
	shift 2
	on 1 sh -c "$*" || not_ok "$name could not be made"
	check "$name: CHECK succeeds" check_a
	check "$name: it says what it has put right" grep -q "$says" $err
	check "$name: and that all is well" grep -q 'network "blue" is whole again' $err
	check "$name: and it works" cping 1 a 10.5.2.2
	check_a && same "$name: the next CHECK finds nothing" "" "$(cat $err)"
	on 1 sh -c "$*"
	call 1 vxlan ADD c "$(vconf 1)" && call 1 vxlan DEL c "$(vconf 1)" || not_ok "$name: another container"
	check_a && same "$name: nor does one after the next ADD" "" "$(cat $err)"
}
heals "a lost device" 'device vx42 is missing' ip link del vx42
heals "a device that is down" 'vx42 has another state' ip link set vx42 down
heals "a device with another MAC" 'vx42 has another MAC' ip link set vx42 address 02:00:00:00:00:01
heals "a device with another MTU" 'vx42 has another MTU' ip link set vx42 mtu 1400
heals "a lost route" 'route to 10.5.2.0/24 .* is missing' ip route del 10.5.2.0/24
heals "a lost IPv6 route" 'route to fd05:0:0:2::/64 .* is missing' ip -6 route del fd05:0:0:2::/64
heals "a lost neighbour" 'neighbour entry of 10.5.2.0, .* is missing' ip neigh del 10.5.2.0 dev vx42
heals "a changed neighbour" 'neighbour entry of 10.5.2.0, .* is missing' ip neigh replace 10.5.2.0 lladdr 02:00:00:00:00:09 dev vx42 nud permanent
heals "a lost forwarding entry" '192.0.2.2 .*is missing' 'bridge fdb del $(bridge fdb show dev vx42 | cut -d" " -f1) dev vx42 dst 192.0.2.2'
heals "a stranger's forwarding entry" '02:00:00:00:00:07 .*is of no peer' bridge fdb add 02:00:00:00:00:07 dev vx42 dst 192.0.2.7 self permanent
heals "a lost address" 'vx42 has lost its address 10.5.1.0' ip addr del 10.5.1.0/32 dev vx42
heals "a lost table" 'table inet hawser-vx42.* is missing or changed' nft delete table inet hawser-vx42
heals "a lost VTEP" 'hawser-vx42 has lost 192.0.2.2' 'nft delete element inet hawser-vx42 vteps4 { 192.0.2.2 }'
heals "a stranger's VTEP" 'hawser-vx42 lets in 192.0.2.9' 'nft add element inet hawser-vx42 vteps4 { 192.0.2.9 }'
heals "a flushed chain" 'hawser-vx42.* is missing or changed' nft flush chain inet hawser-vx42 input
heals "a lost state" 'read /run/hawser/overlay/blue: No such file' rm /run/hawser/overlay/blue
heals "several at once" 'route to 10.5.2.0/24 .* is missing' 'ip route del 10.5.2.0/24; nft delete table inet hawser-vx42; ip link set vx42 mtu 1300'
on 1 sh -c 'ip route del 10.5.2.0/24; nft delete table inet hawser-vx42; ip link set vx42 mtu 1300'
check_a
same "with a sentence for each" "3 1" "$(grep -cE 'route to 10.5.2.0/24|hawser-vx42|another MTU' $err) $(grep -c 'whole again' $err)"
# usage: check_fails NAME CODE TEXT
check_fails() { if check_a; then not_ok "$1"; else [[ "$(result '"\(.code) \(.msg)"')" = "$2 "*"$3"* ]] && ok "$1" || not_ok "$1" "$2 $3"; fi; }
on 1 sh -c 'ip link del vx42; ip link add vx42 type bridge'
check_fails "CHECK: a link of somebody else in the device's place" 999 'link vx42 of somebody else is in the way'
same "it stays" bridge "$(on 1 ip -d -j link show vx42 | jq -r '.[0].linkinfo.info_kind')"
on 1 ip link del vx42
on 1 sh -c 'ip addr del 192.0.2.1/24 dev eth0; mv /run/hawser/attachments/blue /run/aside'
check_fails "CHECK: no underlay" 7 '192.0.2.1'
on 1 ip addr add 192.0.2.1/24 dev eth0
check_fails "CHECK: without a record nothing is made, DEL would not take it away" 999 'no container is in it by the records'
refuse "there is no device" on 1 ip link show vx42
on 1 mv /run/aside /run/hawser/attachments/blue
check "healing: a lost device again" check_a
on 1 ip netns exec a ip addr del 10.5.1.2/32 dev eth0 2>/dev/null || on 1 ip netns exec a ip addr del 10.5.1.2/24 dev eth0
check_fails "CHECK: an address that the container has lost" 999 10.5.1.2
vx "healing: DEL" 1 DEL a
vx "healing: ADD of the container again" 1 ADD a
prev=$(cat $out)
on 1 nft flush ruleset
check "hawser reload" on 1 "$BIN/hawser" reload
check_a && same "makes the table again" "" "$(cat $err)"
same "hawser list" "blue a eth0" "$(on 1 "$BIN/hawser" list --json | jq -r '.[0] | "\(.network) \(.containerID) \(.ifname)"')"

# --- nobody injects: the stranger sends packets of VXLAN, and a container does
on 1 nft flush ruleset
on 1 "$BIN/hawser" reload >/dev/null
mac=$(on 1 ip -j link show vx42 | jq -r '.[0].address')
ip link add vs type vxlan id 42 dstport 4789 local 192.0.2.9 nolearning
ip addr add 10.5.9.0/32 dev vs && ip link set vs up && ip neigh add 10.5.1.0 lladdr "$mac" dev vs nud permanent
ip route add 10.5.1.0/24 via 10.5.1.0 dev vs onlink && bridge fdb add "$mac" dev vs dst 192.0.2.1 self permanent
refuse "a stranger's packet is not taken" ping -c1 -W0.3 10.5.1.2
same "it is counted" "0 1 0" "$(drops 1 input)"
ip link del vs
check "a peer's is" cping 2 b 10.5.1.2
send() { on 1 ip netns exec a bash -c "echo x >/dev/udp/$1/$2" 2>/dev/null; }
send 192.0.2.2 4790
send 192.0.2.2 4789
send 192.0.2.1 4789
same "a container sends nothing to the port of another host" "1 0 0 0" "$(drops 1 forward)"
same "nor of its own" "1 1 0" "$(drops 1 input)"

# --- two networks of one node
red='.name="red" | .vni=43 | .network="10.6.0.0/16" | .peers[0].subnet="10.6.1.0/24" | .peers[1].subnet="10.6.2.0/24"'
vx "isolation: ADD to another network" 1 ADD c "$red"
vx "isolation: on node 2, too" 2 ADD c "$red"
check "isolation: within the second network" cping 1 c 10.6.2.2
check "isolation: within the first" cping 1 a 10.5.2.2
check "isolation: the host reaches both" on 1 sh -c 'ping -c1 -W1 10.5.1.2 && ping -c1 -W1 10.6.1.2'
refuse "isolation: not to the other network on the node" cping 1 a 10.6.1.2
refuse "isolation: nor on another node" cping 1 a 10.6.2.2
refuse "isolation: nor back" cping 1 c 10.5.2.2
vx "isolation: DEL" 1 DEL c "$red"
vx "isolation: DEL on node 2" 2 DEL c "$red"
check "isolation: the first network stays" cping 1 a 10.5.2.2
same "isolation: the second is gone" "vx42" "$(on 1 ip -j link show type vxlan | jq -r '[.[].ifname] | join(" ")')"

# --- to the outside, and from there
refuse "without ipMasq nothing comes back" cping 1 a 192.0.2.9
vx "ipMasq: DEL of the container without it" 1 DEL a
for backend in nftables iptables; do
	vx "ipMasq, $backend: ADD" 1 ADD c ".ipMasq=true | .ipMasqBackend=\"$backend\""
	cprev=$(cat $out)
	check "ipMasq, $backend: the outside answers" cping 1 c 192.0.2.9
	on 2 ip netns exec b sh -c "nft 'add table ip t; add chain ip t in { type filter hook input priority 0; }; add rule ip t in ip saddr 10.5.1.0/24 ip saddr != 10.5.1.1 icmp type echo-request counter'"
	cping 1 c 10.5.2.2 >/dev/null
	check "ipMasq, $backend: within the network the address is kept" eval 'on 2 ip netns exec b nft list table ip t | grep -q "packets 1 "'
	on 2 ip netns exec b nft flush ruleset
	check "ipMasq, $backend: CHECK" call 1 vxlan CHECK c "$(with_prev "$(vconf 1 ".ipMasq=true | .ipMasqBackend=\"$backend\"")" "$cprev")"
	vx "ipMasq, $backend: DEL" 1 DEL c
	same "ipMasq, $backend: no rule is left" "" "$(on 1 sh -c 'nft list table inet hawser 2>/dev/null | grep masq-; iptables-save 2>/dev/null | grep 10.5')"
done
vx "chained: ADD" 1 ADD a
prev=$(cat $out)
map='.type="portmap" | .runtimeConfig={"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'
check "portmap after it" call 1 portmap ADD a "$(with_prev "$(jq -c "$map" <<<"$(vconf 1)")" "$prev")"
check "firewall after that" call 1 firewall ADD a "$(with_prev "$(jq -c '.type="firewall"' <<<"$(vconf 1)")" "$prev")"
on 1 "$HELPERS/talk" serve a tcp:80 >/run/served 2>&1 &
server=$!
wait_for 5 grep -q ready /run/served
check "a published port is reached from outside" eval '"$HELPERS/talk" ask host tcp 192.0.2.1 8080 | grep -q "^a "'
check "and from the other node" eval 'on 2 "$HELPERS/talk" ask host tcp 192.0.2.1 8080 | grep -q "^a 192.0.2.2"'
check "and through the overlay from the other node's container" eval 'on 2 "$HELPERS/talk" ask b tcp 10.5.1.2 80 | grep -q "^a 10.5.2.2"'
{ kill $server && wait $server; } 2>/dev/null
call 1 firewall DEL a "$(jq -c '.type="firewall"' <<<"$(vconf 1)")" && call 1 portmap DEL a "$(jq -c "$map" <<<"$(vconf 1)")" || not_ok "DEL of both"

# --- who has gone
gc() { on 1 env CNI_COMMAND=GC "$BIN/vxlan" <<<"$(vconf 1 ".[\"cni.dev/valid-attachments\"]=$1")" >$out 2>$err; }
vx "GC: ADD of another" 1 ADD c
check "GC keeps what is valid" gc '[{"containerID":"c","ifname":"eth0"}]'
check "GC: the network stays for it" cping 1 c 10.5.2.2
refuse "GC: the other has gone" on 1 ip netns exec a ip link show eth0
check "GC of all" gc '[]'
nothing_left_on "GC of all leaves nothing" 1
vx "cleanup: ADD" 1 ADD a
check "hawser cleanup of the network" on 1 "$BIN/hawser" cleanup blue
nothing_left_on "hawser cleanup leaves nothing" 1
done_testing
