# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan on a running flanneld: what flanneld 0.20 leaves on its nodes (device, three entries for each peer, subnet.env) is
# made by hand, containers of ours meet over it, and nothing of it is touched. The stock plugin "flannel" is not in Debian.
. "$(dirname "$0")/../overlay-lib.sh"
trap 'fixture two-hosts down' EXIT

# Everything that stays beside links and records: entries of the peers and tables.
snapshot() {
	"$SNAPSHOT"
	nft list tables
	ip neigh show nud permanent
	bridge fdb show 2>/dev/null | grep ' dst '
}

#  ---- One node: what is refused, and what a bad file does ----

file=/run/flannel/subnet.env
# A configuration. usage: fconf [JQ-FILTER]
fconf() { jq -c "${1:-.}" <<<'{"cniVersion":"1.1.0","type":"vxlan","name":"flannel","store":{"type":"flannel"}}'; }
# The file, as flanneld writes it. usage: env_text [SED-EXPRESSION]
env_text() {
	sed "${1:-}" <<-END
	FLANNEL_NETWORK=10.5.0.0/16
	FLANNEL_SUBNET=10.5.26.1/24
	FLANNEL_MTU=1450
	FLANNEL_IPMASQ=false
	END
}
slate a
# usage: bad NAME CODE TEXT [JQ-FILTER [VERB]]
bad() { fails "$1" "$2" "$3" vxlan "${5:-ADD}" a "$(fconf "${4:-.}")"; }
bad "no subnet.env yet: later" 11 "there is no $file: flanneld has not got a subnet"
bad "and STATUS says so" 50 "there is no $file" . STATUS
bad "a file of another name" 11 "there is no /run/none/x" '.store.subnetFile="/run/none/x"'
succeeds "DEL without it" vxlan DEL a "$(fconf)"
mkdir /run/flannel
env_text >$file
bad "a store of another type" 2 '"store.type": "nonesuch": this version has "etcd", "evpn", "file", "flannel"' '.store.type="nonesuch"'
bad "no type" 7 '"store.type" is required' '.store={}'
bad "a type of another type" 6 '"store.type"' '.store.type=5'
bad "a store that is no object" 6 '"store"' '.store="flannel"'
bad "a subnetFile of another type" 6 '"store.subnetFile"' '.store.subnetFile=[]'
bad "a relative subnetFile" 7 '"store.subnetFile": "subnet.env" is no absolute path' '.store.subnetFile="subnet.env"'
bad "a subnetFile that is a folder" 5 '"store.subnetFile": read /run/flannel' '.store.subnetFile="/run/flannel"'
bad "network" 7 '"network": "10.5.0.0/16" beside "store" of type "flannel"' '.network="10.5.0.0/16"'
bad "node" 7 '"node": "n1" beside "store"' '.node="n1"'
bad "peers" 7 '"peers": [] beside "store"' '.peers=[]'
bad "peersFile" 7 '"peersFile": "/run/x" beside "store"' '.peersFile="/run/x"'
bad "underlay" 7 '"underlay": {"dev":"eth0"} beside "store"' '.underlay.dev="eth0"'
bad "directRouting" 7 '"directRouting": true beside "store"' '.directRouting=true'
bad "fastPath" 7 '"fastPath": true beside "store"' .fastPath=true
bad "mode l2" 7 '"mode": "l2": flanneld routes' '.mode="l2"'
bad "an MTU above flanneld's" 7 "\"mtu\": 1451 is more than FLANNEL_MTU of $file: 1450" '.mtu=1451'
bad "an MTU that is too small" 7 '"mtu": 60 is less' '.mtu=60'
bad "a VNI out of range" 7 '"vni"' '.vni=16777216'
bad "an address outside of the node's subnet" 7 '10.5.87.9 is not in a subnet of node' '.ipam={"type":"static","addresses":[{"address":"10.5.87.9/24","gateway":"10.5.87.1"}]}'
# usage: rubbish NAME CODE TEXT SED-EXPRESSION; the sentence names the file, too
rubbish() {
	env_text "$4" >$file
	bad "$1" "$2" "\"store.subnetFile\": $file: $3"
}
rubbish "an empty file" 7 '"FLANNEL_NETWORK" and "FLANNEL_IPV6_NETWORK" are missing' 'd'
rubbish "a file that was cut" 7 '"FLANNEL_IPMASQ" is missing' '$d'
rubbish "no subnet" 7 '"FLANNEL_SUBNET" is missing' '2d'
rubbish "a subnet elsewhere" 7 '"FLANNEL_SUBNET": 10.6.26.1/24 is not within' 's/10.5.26/10.6.26/'
rubbish "a subnet that is none" 7 '"FLANNEL_SUBNET": "10.5.26.1"' 's/1.24$/1/'
rubbish "an MTU that is none" 7 '"FLANNEL_MTU": "big" is not between' 's/1450/big/'
rubbish "a value given twice" 7 '"FLANNEL_MTU": "1450": it is given twice' '3p'
rubbish "a line of another form" 6 'line 1: "rubbish" is no NAME=VALUE' '1s/.*/rubbish/'
rubbish "a shell's words" 7 '"FLANNEL_SUBNET": "$(touch /run/pwned)" is no IPv4 prefix' '2s|=.*|=$(touch /run/pwned)|'
rubbish "more of them" 7 '"FLANNEL_IPMASQ": "false;touch /run/pwned" is neither' 's|false|&;touch /run/pwned|'
rubbish "and more" 6 'line 1: "`touch /run/pwned`" is no NAME=VALUE' '1s|^|`touch /run/pwned`\n|'
rubbish "a name in the way of others" 7 '"FLANNEL_NETWORK": "../../../etc" is no IPv4 prefix' '1s|=.*|=../../../etc|'
rubbish "a value that is too long" 7 '"FLANNEL_SUBNET": "1111' "2s|=.*|=$(printf '1%.0s' {1..5000})|"
env_text "1s|^|#$(printf 'x%.0s' {1..70000})\n|" >$file
bad "a file that is too long" 5 "read $file"
env_text | sed 's/24$/24\x00/' >$file
bad "a NUL byte" 6 "$file has a NUL byte"
bad "rubbish makes STATUS say that it is unavailable" 50 "$file has a NUL byte" . STATUS
refuse "nothing of it was executed" test -e /run/pwned
succeeds "DEL with a bad file" vxlan DEL a "$(fconf)"

env_text >$file
succeeds "STATUS" vxlan STATUS a "$(fconf)"
succeeds "a smaller MTU" vxlan ADD a "$(fconf '.mtu=1400')"
same "is taken" "1400 1400" "$(link eth0 .mtu a) $(result '.routes[0].mtu')"
fresh b
fails "another network on the same flanneld" 7 '"vni": 1 is that of network "flannel"' vxlan ADD b "$(fconf '.name="second"')"
succeeds "DEL" vxlan DEL a "$(fconf)"
slate
rm -r /run/flannel

#  ---- Two nodes ----

fixture two-hosts up
declare -A VTEP=([n1]=192.0.2.1 [n2]=192.0.2.129) VTEP6=([n1]=2001:db8:1::1 [n2]=2001:db8:2::1)
declare -A SUBNET=([n1]=10.5.26 [n2]=10.5.87) SUBNET6=([n1]=fc00:5:0:2a [n2]=fc00:5:0:5)
declare -A MAC=([n1]=d2:67:58:28:63:4b [n2]=4e:21:9b:a3:d4:da) MAC6=([n1]=7a:6e:9d:84:85:45 [n2]=6a:80:4f:05:34:5a)

# The device and the three entries of the other node, as flanneld makes them. usage: flanneld HOST OTHER
flanneld() {
	in_host "$1" ip -batch - <<-END
	link add flannel.1 mtu 1450 address ${MAC[$1]} type vxlan id 1 local ${VTEP[$1]} dev eth0 dstport 8472 nolearning udpcsum
	addr add ${SUBNET[$1]}.0/32 dev flannel.1
	link set flannel.1 up
	neigh add ${SUBNET[$2]}.0 lladdr ${MAC[$2]} dev flannel.1 nud permanent
	route add ${SUBNET[$2]}.0/24 via ${SUBNET[$2]}.0 dev flannel.1 onlink
	END
	in_host "$1" bridge fdb add "${MAC[$2]}" dev flannel.1 dst "${VTEP[$2]}" self permanent
	host_env "$1"
}
# The same for IPv6, which has a device of its own.
flanneld6() {
	in_host "$1" ip -batch - <<-END
	link add flannel-v6.1 mtu 1430 address ${MAC6[$1]} type vxlan id 1 local ${VTEP6[$1]} dev eth0 dstport 8472 nolearning udpcsum
	addr add ${SUBNET6[$1]}::/128 dev flannel-v6.1 nodad
	link set flannel-v6.1 up
	neigh add ${SUBNET6[$2]}:: lladdr ${MAC6[$2]} dev flannel-v6.1 nud permanent
	route add ${SUBNET6[$2]}::/64 via ${SUBNET6[$2]}:: dev flannel-v6.1 metric 1024 onlink
	END
	in_host "$1" bridge fdb add "${MAC6[$2]}" dev flannel-v6.1 dst "${VTEP6[$2]}" self permanent
	host_env "$1" "4a FLANNEL_IPV6_NETWORK=fc00:5::/48\nFLANNEL_IPV6_SUBNET=${SUBNET6[$1]}::1/64"
}
# usage: host_env HOST [SED-EXPRESSION]
host_env() { env_text "s/10.5.26/${SUBNET[$1]}/;${2:-}" | host_put "$1" $file; }
# The configuration of both. usage: configure [MEMBERS]
configure() {
	local host
	for host in n1 n2; do
		host_put "$host" /run/cni/net.d/flannel.conflist <<-END
		{"cniVersion":"1.1.0","name":"flannel","plugins":[{"type":"vxlan","store":{"type":"flannel"}${1:+,$1}},
		{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall"}]}
		END
	done
}
# A plugin's own verb on a host, without libcni's cache. usage: host_verb HOST VERB CONTAINER [MEMBERS]
host_verb() {
	host_vxlan "$1" "$2" "$3" "{\"cniVersion\":\"1.1.0\",\"name\":\"flannel\",\"type\":\"vxlan\",\"store\":{\"type\":\"flannel\"}${4:+,$4}}"
}
# What flanneld has made on a host.
flannels() {
	in_host "$1" sh -c 'for dev in flannel.1 flannel-v6.1; do
		ip -d addr show "$dev"; ip -4 route show dev "$dev"; ip -6 route show dev "$dev"; ip neigh show dev "$dev"; bridge fdb show dev "$dev"
	done 2>&1; cat /run/flannel/subnet.env' | grep -vE 'fe80|ff00|scope link'
}

configure '"ipMasq":true'
flanneld n1 n2
flanneld n2 n1
flannels n1 >/run/test-flannels
host_state n1 >/run/test-before
attach n1 a flannel
same "address, gateway and MTU are flanneld's" "10.5.26.2/24 10.5.26.1 1450 1450" \
	"$(result '"\(.ips[0].address) \(.ips[0].gateway) \(.routes[0].mtu) \([.interfaces[] | select(.sandbox)][0].mtu)"')"
attach n2 b flannel
attach n1 c flannel
export FAMILIES=4
all_meet "containers of two hosts, and the hosts" n1/a n1/c n2/b
BYTES=1450 all_meet "with full packets" n1/a n2/b
same "1451 bytes are too many" "0 of 2" "$(BYTES=1451 PATIENCE=0.3 meet n1/a n2/b)"
check "a host reaches the other's container" in_host n1 ping -c1 -W2 "${V4[n2/b]}"
same "what flanneld made is as it was" "" "$(flannels n1 | diff /run/test-flannels -)"
same "no device of ours, no route" "1 0" "$(in_host n1 ip -o link show type vxlan | wc -l) $(in_host n1 ip route show proto 72 | wc -l)"
check_says() {
	host_cni "$3" check flannel "$4" >$out 2>$err && not_ok "$1" || check "$1" grep -qF "$2" $err
}
succeeds_check() { host_cni "$2" check flannel "$3" >$out 2>$err && ok "$1" || not_ok "$1"; }
succeeds_check "CHECK" n1 a

status() { in_host n1 "$BIN/hawser" overlay "$@" >$out 2>$err; }
check "hawser overlay status finds nothing wrong" status status flannel
check "shows flanneld's device" grep -q 'device   flannel.1 up, MTU 1450' $out
check "and who knows the peers" grep -q 'store    flannel' $out
check "as JSON" status status --json flannel
same "the same" "flannel flannel.1 0 0" "$(result '.[0] | "\(.store.type) \(.devices[0].name) \(.peers | length) \(.problems | length)"')"
check "hawser overlay graph draws it" status graph flannel
check "with its container" grep -qF "${V4[n1/a]}" $out

# a way out, and the way in
serve underlay tcp:80 udp:8472 udp:8473
same "masqueraded on the way out" 192.0.2.1 "$(seen n1/a tcp 192.0.2.126 80)"
same "containers cannot send to flanneld's port" "" "$(T=0.3 seen n1/a udp 192.0.2.126 8472)"
same "to others they can" 192.0.2.1 "$(seen n1/a udp 192.0.2.126 8473)"
same "the host can" 192.0.2.1 "$(seen n1 udp 192.0.2.126 8472)"
dropped() { in_host "$1" nft list chain inet hawser-vx1 input | grep -oE 'packets [0-9]+'; }
same "nothing was sent to the host itself" "packets 0" "$(dropped n1)"
T=0.1 seen n1/a udp 192.0.2.1 8472 >/dev/null
same "and that is dropped, too" "packets 1" "$(dropped n1)"
serve n2/b udp:8472
same "so can containers among each other" 10.5.26.2 "$(seen n1/a udp "${V4[n2/b]}" 8472)"
CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' attach n1 web flannel
serve n1/web tcp:80
same "a published port from another host" 192.0.2.129 "$(seen n2 tcp 192.0.2.1 8080)"
check "from a container there" test -n "$(seen n2/b tcp 192.0.2.1 8080)"
same "the container by its own address" "${V4[n2/b]}" "$(seen n2/b tcp "${V4[n1/web]}" 80)"
stop_servers

# another overlay network of the same node
host_put n1 /run/cni/net.d/blue.conflist <<-END
{"cniVersion":"1.1.0","name":"blue","plugins":[{"type":"vxlan","vni":42,"network":"10.6.0.0/16","node":"n1",
 "peers":[{"node":"n1","vtep":"192.0.2.1","subnet":"10.6.1.0/24"}]}]}
END
attach n1 blue blue
same "no way into another overlay network" "0 of 2" "$(PATIENCE=0.3 meet n1/a n2/b -- n1/blue)"
same "nor back, to either host" "0 of 2" "$(PATIENCE=0.3 meet n1/blue -- n1/a n2/b)"
in_host n2 ip route add 10.6.1.0/24 via 10.5.26.0 dev flannel.1 onlink
same "nor for one who knows the way" "0 of 1" "$(PATIENCE=1 meet n2/b -- n1/blue)"
in_host n2 ip route del 10.6.1.0/24
detach n1 blue blue

#  ---- flanneld changes, and goes ----

host_env n1 's/10.5.26/10.5.99/'
in_host n1 ip netns add late
denies "another subnet while containers live: ADD refuses" 7 'has containers in 10.5.26.0/24 of VNI 1: it does not move' host_verb n1 ADD late
denies "STATUS says that it is unavailable" 50 'it does not move' host_verb n1 STATUS late
check_says "CHECK sees it" 'it does not move' n1 a
all_meet "the containers still meet" n1/a n2/b
in_host n1 rm $file
denies "without the file ADD is to be tried later" 11 'flanneld has not got a subnet' host_verb n1 ADD late
denies "STATUS" 50 'flanneld has not got a subnet' host_verb n1 STATUS late
succeeds_check "CHECK goes on without it" n1 a
in_host n1 nft delete table inet hawser-vx1
succeeds_check "and makes the table again" n1 a
check "which it says" grep -q 'table inet hawser-vx1.* is missing' $err
in_host n1 nft delete table inet hawser-vx1
in_host n1 "$BIN/hawser" reload >/dev/null 2>$err
succeeds_check "hawser reload makes it again, too" n1 a
same "so that nothing is missing" "" "$(cat $err)"
check "GC without it" host_verb n1 GC x '"cni.dev/valid-attachments":[{"containerID":"none","ifname":"eth0"}]'
for c in a c web; do detach n1 $c flannel; done
in_host n1 ip netns del late
host_env n1
host_state n1 >/run/test-after
same "of the last container nothing is left, and DEL needs no file" "" "$(diff /run/test-before /run/test-after)"
same "what flanneld made is still as it was" "" "$(flannels n1 | diff /run/test-flannels -)"
host_env n1 's/10.5.26/10.5.99/'
attach n1 a flannel
same "without containers it moves" 10.5.99 "${V4[n1/a]%.*}"
detach n1 a flannel

#  ---- flanneld masquerades itself ----

host_env n1 's/false/true/'
attach n1 a flannel
serve underlay tcp:80
same "then there is no masquerading of ours: the router does not know the way back" "" "$(T=0.3 seen n1/a tcp 192.0.2.126 80)"
in_host n1 nft -f - <<-END
table ip flannel-ipv4 {
	chain postrtg {
		type nat hook postrouting priority srcnat
		ip saddr 10.5.0.0/16 ip daddr != 10.5.0.0/16 masquerade
	}
}
END
same "with flanneld's it does" 192.0.2.1 "$(seen n1/a tcp 192.0.2.126 80)"
stop_servers
in_host n1 nft delete table ip flannel-ipv4
succeeds_check "and CHECK misses none" n1 a
detach n1 a flannel
detach n2 b flannel

#  ---- A backend without a device (host-gw) ----

for host in n1 n2; do
	in_host "$host" ip link del flannel.1
	in_underlay ip route add "${SUBNET[$host]}.0/24" via "${VTEP[$host]}"
	host_env "$host"
done
attach n1 a flannel
attach n2 b flannel
all_meet "over plain routes" n1/a n2/b
succeeds_check "CHECK needs no device" n1 a
check "hawser overlay status neither" status status flannel
detach n1 a flannel
detach n2 b flannel
for host in n1 n2; do in_underlay ip route del "${SUBNET[$host]}.0/24"; done
flanneld n1 n2
flanneld n2 n1

#  ---- IPv4 and IPv6 ----

unset FAMILIES
configure
for pair in "n1 n2" "n2 n1"; do
	# shellcheck disable=SC2086
	flanneld6 $pair
done
flannels n1 >/run/test-flannels
host_state n1 >/run/test-before
attach n1 a flannel
attach n2 b flannel
same "an address of each family" "10.5.26 fc00:5:0:2a::2" "${V4[n1/a]%.*} ${V6[n1/a]}"
all_meet "they meet by both" n1/a n2/b
BYTES=1430 all_meet "with packets as large as IPv6 takes" n1/a n2/b
succeeds_check "CHECK of both" n1 a
status status --json flannel
same "hawser overlay status shows both devices" "flannel.1 flannel-v6.1" "$(result '.[0].devices | map(.name) | join(" ")')"
same "what flanneld made is as it was, on both devices" "" "$(flannels n1 | diff /run/test-flannels -)"
detach n1 a flannel
detach n2 b flannel
host_state n1 >/run/test-after
same "nothing is left of both" "" "$(diff /run/test-before /run/test-after)"
done_testing
