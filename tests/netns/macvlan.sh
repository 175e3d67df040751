# SPDX-License-Identifier: GPL-2.0-or-later
# macvlan: every key in IPv4, IPv6 and dual stack; the master from everywhere; DEL, CHECK, GC and STATUS; bad input.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../wire-lib.sh"

# usage: mconf MEMBERS; V is the spec version
mconf() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"macvlan\",\"master\":\"m0\"${1:+,$1}}"; }
kind() { link eth0 '"\(.linkinfo.info_kind) \(.linkinfo.info_data.mode)"' "$1"; }
is_up() { link eth0 '.flags | index("UP") != null' "$1"; }

# --- one attachment's whole life, for each family
life() {
	local f=$1 c first n proto families addresses gateways
	c=$(mconf "$(ipam "$f")")
	case $f in
	4) families=. ;;
	6) families=: ;;
	dual) families='. :' ;;
	esac
	stage a b
	before=$(snapshot)
	succeeds "$f: ADD" macvlan ADD a "$c"
	first=$(cat $out)
	n=$(result '.ips | length')
	same "$f: one interface, in the sandbox" "eth0 /run/netns/a" "$(result '[.interfaces[] | .name, .sandbox] | join(" ")')"
	same "$f: every address belongs to it" 0 "$(result '[.ips[].interface] | unique | join(" ")')"
	same "$f: its MAC and MTU in the result" "$(link eth0 .address a) $(link eth0 .mtu a)" "$(result '.interfaces[0] | "\(.mac) \(.mtu)"')"
	same "$f: a macvlan in mode bridge, up" "macvlan bridge true" "$(kind a) $(is_up a)"
	addresses=$(result '[.ips[].address] | sort | join(" ")')
	same "$f: the addresses of the result are in the container" "$addresses" "$(addresses eth0 a)"
	same "$f: one lease for each address, one record with them" "$n 1 $addresses" \
		"$(leases) $(records) $(jq -r '.ips | sort | join(" ")' /run/hawser/attachments/net/a-eth0:macvlan)"
	same "$f: addresses are announced" "$([[ $families == *.* ]] && echo 1 || echo 0) $([[ $families == *:* ]] && echo 1 || echo 0)" \
		"$(inside a cat /proc/sys/net/ipv4/conf/eth0/arp_notify /proc/sys/net/ipv6/conf/eth0/ndisc_notify | xargs)"
	same "$f: no address is tentative" 0 "$(inside a ip -6 addr show dev eth0 tentative | grep -c 'scope global')"
	[ "$f" = 4 ] || same "$f: duplicates are looked for" 1 "$(inside a cat /proc/sys/net/ipv6/conf/eth0/accept_dad)"
	succeeds "$f: ADD of a second" macvlan ADD b "$c"
	gateways=$(result '[.ips[].gateway] | join(" ")')
	for proto in $gateways; do
		check "$f: ping to the network ($proto)" inside a ping -c1 -W2 "$proto"
	done
	for proto in $(result '[.ips[].address | split("/")[0]] | join(" ")'); do
		check "$f: ping to the other container ($proto)" inside a ping -c1 -W2 "$proto"
		check "$f: ping from the network ($proto)" inside lan ping -c1 -W2 "$proto"
	done
	succeeds "$f: CHECK" macvlan CHECK a "$(with_prev "$c" "$first")"
	fails "$f: ADD twice for one interface" 999 "already" macvlan ADD a "$c"
	check "$f: the first attachment works on" inside a ping -c1 -W2 "${gateways%% *}"
	same "$f: hawser list" "a b" "$("$BIN/hawser" list --json | jq -r '[.[].containerID] | sort | join(" ")')"
	check "$f: hawser cleanup" "$BIN/hawser" cleanup b
	refuse "$f: its link is gone" inside b ip link show eth0
	same "$f: the first's lease and record stay" "$n 1" "$(leases) $(records)"
	succeeds "$f: DEL" macvlan DEL a "$(with_prev "$c" "$first")"
	same "$f: everything is as it was" "$before" "$(snapshot)"
}
for f in 4 6 dual; do
	life $f
	removals $f macvlan "$(mconf "$(ipam $f)")"
	collects $f macvlan "$(mconf "$(ipam $f)")" "$([ $f = dual ] && echo 2 || echo 1)"
done

# --- modes
for mode in private vepa; do
	stage a b
	c=$(mconf "\"mode\":\"$mode\",$(ipam 4)")
	succeeds "$mode: ADD" macvlan ADD a "$c"
	succeeds "$mode: ADD of a second" macvlan ADD b "$c"
	same "$mode: the kernel's mode" "macvlan $mode" "$(kind b)"
	check "$mode: ping to the network" inside b ping -c1 -W2 10.88.0.1
	refuse "$mode: no ping to the other" inside b ping -c1 -W1 10.88.0.2
	succeeds "$mode: CHECK" macvlan CHECK b "$(with_prev "$c" "$(cat $out)")"
done
stage a b
mac=$(link m0 .address)
c=$(mconf "\"mode\":\"passthru\",$(ipam dual)")
succeeds "passthru: ADD" macvlan ADD a "$c"
same "passthru: the kernel's mode, the master's MAC" "macvlan passthru $mac $mac" "$(kind a) $(link eth0 .address a) $(result '.interfaces[0].mac')"
check "passthru: ping to the network" inside a ping -c1 -W2 10.88.0.1
fails "passthru: one container only" 999 'create a macvlan link on "m0", mode passthru' macvlan ADD b "$c"
succeeds "passthru: DEL" macvlan DEL a "$c"
succeeds "passthru: ADD with a MAC" macvlan ADD a "$(jq -c '.runtimeConfig.mac="02:00:00:00:00:03"' <<<"$c")"
same "passthru: the MAC is set" "02:00:00:00:00:03 02:00:00:00:00:03" "$(link eth0 .address a) $(result '.interfaces[0].mac')"
check "passthru: ping with it" inside a ping -c1 -W2 fd00:88::1
succeeds "passthru: DEL with an empty CNI_NETNS" macvlan DEL a "$c"
check "passthru: the master has its MAC back" wait_for 5 eval '[ "$(link m0 .address)" = "$mac" ]'

# --- MAC, MTU, broadcast queue
c=$(mconf "$(ipam 4)")
stage a
succeeds "MAC by default" macvlan ADD a "$c"
first=$(link eth0 .address a)
stage a
succeeds "MAC by default, again" macvlan ADD a "$c"
refuse "is another" [ "$first" = "$(link eth0 .address a)" ]
c=$(jq -c '.mac="02:00:00:00:00:01"' <<<"$c")
for source in mac CNI_ARGS args.cni.mac runtimeConfig.mac; do
	stage a
	unset CNI_ARGS
	case $source in
	mac) want=02:00:00:00:00:01 ;;
	CNI_ARGS) want=02:00:00:00:00:02 ;;
	args.cni.mac) want=02:00:00:00:00:03 c=$(jq -c '.args={cni:{mac:"02:00:00:00:00:03"}}' <<<"$c") ;;
	*) want=02:00:00:00:00:04 c=$(jq -c '.runtimeConfig={mac:"02:00:00:00:00:04"}' <<<"$c") ;;
	esac
	[ $source = mac ] || export CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02;K8S_POD_NAME=x"
	succeeds "MAC in $source" macvlan ADD a "$c"
	same "MAC of $source wins" "$want $want" "$(link eth0 .address a) $(result '.interfaces[0].mac')"
done
unset CNI_ARGS
stage a
c=$(mconf "\"mtu\":1400,\"bcqueuelen\":500,$(ipam 4)")
succeeds "mtu and bcqueuelen" macvlan ADD a "$c"
same "mtu of link and result" "1400 1400" "$(link eth0 .mtu a) $(result '.interfaces[0].mtu')"
same "bcqueuelen" 500 "$(inside a ip -d link show eth0 | grep -o 'bcqueuelen [0-9]*' | cut -d' ' -f2 | head -n 1)"
first=$(cat $out)
succeeds "mtu and bcqueuelen: CHECK" macvlan CHECK a "$(with_prev "$c" "$first")"
ip -n a link set eth0 mtu 1300
fails "CHECK notices another mtu" 999 '"mtu": eth0 has 1300, not 1400' macvlan CHECK a "$(with_prev "$c" "$first")"
succeeds "but not one that a later plugin says" macvlan CHECK a "$(with_prev "$c" "$(jq -c '.interfaces[0].mtu=1300' <<<"$first")")"
ip -n a link set eth0 mtu 1400
fails "CHECK notices another bcqueuelen" 999 '"bcqueuelen"' macvlan CHECK a "$(with_prev "$(jq -c .bcqueuelen=300 <<<"$c")" "$first")"

# --- layer 2, routes, dns
for l2 in '' '"ipam":{}' '"ipam":{"type":""}'; do
	stage a
	c=$(mconf "$l2")
	succeeds "L2 with ${l2:-no ipam}" macvlan ADD a "$c"
	same "L2: up, without addresses and leases" "true  0" "$(is_up a) $(addresses eth0 a) $(leases)"
	succeeds "L2: CHECK" macvlan CHECK a "$(with_prev "$c" "$(cat $out)")"
	succeeds "L2: DEL" macvlan DEL a "$c"
	nothing_left "L2: nothing is left"
done
stage a
c=$(mconf "$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24","gw":"10.88.0.9","mtu":1300},{"dst":"::/0"}]'),\"dns\":{\"nameservers\":[\"10.0.0.1\"]}")
succeeds "routes and dns" macvlan ADD a "$c"
same "routes" "10.88.0.1 10.88.0.9 fd00:88::1" "$(inside a ip -j route show default | jq -r '.[0].gateway') $(inside a ip -j route show 192.0.2.0/24 | jq -r '.[0].gateway') $(inside a ip -6 -j route show default | jq -r '.[0].gateway')"
same "dns" 10.0.0.1 "$(result '.dns.nameservers[0]')"
succeeds "routes: CHECK" macvlan CHECK a "$(with_prev "$c" "$(cat $out)")"

# --- the master from elsewhere
d=$(jq -c 'del(.master)' <<<"$(mconf "$(ipam 4)")")
stage a
fails "no master, no default route" 7 '"master": not given' macvlan ADD a "$d"
for way in "10.88.0.77/24 10.88.0.1" "fd00:88::77/64 fd00:88::1"; do
	stage a
	ip link add other type veth peer name other1
	ip link set other up
	ip addr add "${way% *}" dev m0 $([[ $way != *:* ]] || echo nodad)
	ip route add default via "${way#* }" dev m0
	[ "${way%%.*}" != 10 ] || ip route add default dev other metric 500
	succeeds "the master of the default route (${way#* })" macvlan ADD a "$d"
	check "ping through it" inside a ping -c1 -W2 10.88.0.1
	ip route replace default dev other
	succeeds "CHECK when the default route has changed" macvlan CHECK a "$(with_prev "$d" "$(cat $out)")"
	succeeds "STATUS with a default route" macvlan STATUS a "$d"
done
inner() {
	ip link add in0 netns a type veth peer name eth0 netns lan2
	ip -n a link set in0 up
	ip -n lan2 addr add 10.88.0.1/24 dev eth0
	ip -n lan2 link set eth0 up
}
for key in '"master":"in0",' ''; do
	slate a lan2
	inner
	[ -n "$key" ] || { ip -n a addr add 10.88.0.99/24 dev in0 && ip -n a route add default via 10.88.0.1; }
	c=$(jq -c 'del(.master)' <<<"$(mconf "$(ipam 4)")" | jq -c ". + {$key \"linkInContainer\":true}")
	n="linkInContainer, ${key:-the default route\'s }"
	succeeds "$n: ADD" macvlan ADD a "$c"
	same "$n: the link hangs on it" in0 "$(inside a ip -j link show eth0 | jq -r '.[0].link')"
	check "$n: ping through it" inside a ping -c1 -W2 -I eth0 10.88.0.1
	succeeds "$n: CHECK" macvlan CHECK a "$(with_prev "$c" "$(cat $out)")"
	NETNS='' succeeds "$n: DEL with an empty CNI_NETNS" macvlan DEL a "$c"
	refuse "$n: the link is gone" inside a ip link show eth0
	same "$n: the master is not" 1 "$(inside a ip -o link show in0 | wc -l)"
done
fails "linkInContainer: a master of the host" 7 'no interface "m0" in the container' macvlan ADD a "$(mconf "\"linkInContainer\":true,$(ipam 4)")"

# --- names: one that the host has, one that the container has; what is there of somebody else stays
stage a b
ip link add eth0 type bridge
succeeds "CNI_IFNAME that the host has" macvlan ADD a "$(mconf "$(ipam 4)")"
check "the host's is still a bridge" eval '[ "$(link eth0 .linkinfo.info_kind)" = bridge ]'
inside b ip link add eth0 type bridge
fails "CNI_IFNAME that the container has" 999 '"eth0" exists in the container' macvlan ADD b "$(mconf "$(ipam 4)")"
succeeds "DEL after it" macvlan DEL b "$(mconf "$(ipam 4)")"
check "the bridge in the container stays" inside b ip link show eth0
stage a
other=$(jq -c '.name="other" | .ipam.ranges=[[{subnet:"10.89.0.0/24"}]]' <<<"$(mconf "$(ipam 4)")")
succeeds "eth0 of one network" macvlan ADD a "$(mconf "$(ipam 4)")"
fails "eth0 of another network" 999 '"eth0" exists in the container' macvlan ADD a "$other"
succeeds "DEL of the other" macvlan DEL a "$other"
check "the first one's link stays" inside a ping -c1 -W2 10.88.0.1
succeeds "DEL of the first" macvlan DEL a "$(mconf "$(ipam 4)")"
# the namespace's path has become another container's
stage a
succeeds "a path that is used again: ADD of old" macvlan ADD a "$(mconf "$(ipam 4)")"
ip netns del a
ip netns add a
NETNS=/run/netns/a succeeds "a path that is used again: ADD of new" macvlan ADD new "$(mconf "$(ipam 4)")"
NETNS='' succeeds "DEL of old" macvlan DEL a "$(mconf "$(ipam 4)")"
check "the link of new stays" inside a ping -c1 -W2 10.88.0.1
check "GC keeps new" gc macvlan "$(jq -c '.["cni.dev/valid-attachments"]=[{containerID:"new",ifname:"eth0"}]' <<<"$(mconf "$(ipam 4)")")"
check "the link of new stays then, too" inside a ping -c1 -W2 10.88.0.1

stage a
succeeds "a MAC that is changed later: ADD" macvlan ADD a "$(mconf "$(ipam 4)")"
ip -n a link set eth0 address 02:00:00:00:00:99
NETNS='' succeeds "a MAC that is changed later: DEL with an empty CNI_NETNS" macvlan DEL a "$(mconf "$(ipam 4)")"
refuse "a MAC that is changed later: the link is gone" inside a ip link show eth0

# --- an IPAM plugin that needs the link, as dhcp does
mkdir -p /run/ipam
cat >/run/ipam/needy <<'EOS'
#!/bin/sh
[ "$CNI_COMMAND" = ADD ] || exit 0
ip netns exec a ip -o link show eth0 >/run/needy.saw || exit 1
echo '{"cniVersion":"1.0.0","ips":[{"address":"10.88.0.40/24","gateway":"10.88.0.1"}]}'
EOS
chmod +x /run/ipam/needy
stage a
V=1.0.0 CNI_PATH=/run/ipam:$BIN succeeds "an IPAM plugin that looks for the link" macvlan ADD a "$(V=1.0.0 mconf '"ipam":{"type":"needy"}')"
same "finds it, with the MAC that it keeps" "$(link eth0 .address a)" "$(grep -o 'link/ether [^ ]*' /run/needy.saw | cut -d' ' -f2)"
CNI_PATH=/run/ipam:$BIN succeeds "its DEL" macvlan DEL a "$(V=1.0.0 mconf '"ipam":{"type":"needy"}')"

# --- CHECK
for f in 4 6; do
	c=$(mconf "$(ipam $f "$([ $f = 6 ] && echo '"routes":[{"dst":"::/0"}]' || echo '"routes":[{"dst":"0.0.0.0/0"}]')")")
	broken macvlan "$c" "a lost address ($f)" inside a ip addr flush dev eth0 scope global
	broken macvlan "$c" "a lost route ($f)" inside a ip "-$f" route del default
	broken macvlan "$c" "a lost lease ($f)" rm -rf /var/lib/cni/networks/net
done
broken macvlan "$(mconf)" "a lost link" inside a ip link del eth0
broken macvlan "$(mconf)" "a link that is down" inside a ip link set eth0 down
broken macvlan "$(mconf)" "another MAC" inside a ip link set eth0 address 02:00:00:00:00:99
broken macvlan "$(mconf)" "another mode" inside a ip link set eth0 type macvlan mode vepa
broken macvlan "$(mconf)" "a lost master" ip link del m0
broken macvlan "$(mconf)" "another kind" inside a sh -c 'mac=$(cat /sys/class/net/eth0/address); ip link del eth0; ip link add eth0 address $mac type bridge; ip link set eth0 up'
stage a
succeeds "ADD for CHECK without prevResult" macvlan ADD a "$(mconf)"
fails "CHECK without prevResult" 7 prevResult macvlan CHECK a "$(mconf)"

# --- STATUS and bad input
stage a
c=$(mconf "$(ipam 4)")
succeeds "STATUS" macvlan STATUS a "$c"
fails "STATUS without the master" 50 '"nosuch0"' macvlan STATUS a "$(jq -c '.master="nosuch0"' <<<"$c")"
fails "STATUS of a bad configuration" 7 '"mode"' macvlan STATUS a "$(jq -c '.mode="l2"' <<<"$c")"
fails "a master that does not exist" 7 'no interface "nosuch0" on the host' macvlan ADD a "$(jq -c '.master="nosuch0"' <<<"$c")"
for name in ../x 'a b' averyveryverylongname . ..; do
	fails "master \"$name\"" 7 master macvlan ADD a "$(jq -c --arg n "$name" '.master=$n' <<<"$c")"
done
fails "mode unknown" 7 '"mode": "l2" is none of "bridge", "private", "vepa", "passthru"' macvlan ADD a "$(jq -c '.mode="l2"' <<<"$c")"
fails "mode of another type" 6 mode macvlan ADD a "$(jq -c '.mode=1' <<<"$c")"
fails "mtu above the master's" 7 '"mtu": 1501 is more than the 1500 of the master "m0"' macvlan ADD a "$(jq -c '.mtu=1501' <<<"$c")"
fails "mtu negative" 7 '"mtu"' macvlan ADD a "$(jq -c '.mtu=-1' <<<"$c")"
fails "mac that is none" 7 '"mac"' macvlan ADD a "$(jq -c '.mac="02:00"' <<<"$c")"
fails "a multicast mac" 7 '"mac"' macvlan ADD a "$(jq -c '.mac="01:00:00:00:00:01"' <<<"$c")"
fails "runtimeConfig.mac that is none" 7 'runtimeConfig.mac' macvlan ADD a "$(jq -c '.runtimeConfig.mac="x"' <<<"$c")"
CNI_ARGS=MAC=xyz fails "a MAC in CNI_ARGS that is none" 4 MAC macvlan ADD a "$c"
CNI_ARGS=FOO=1 fails "an unknown CNI_ARGS key" 4 FOO macvlan ADD a "$c"
fails "bcqueuelen out of range" 7 bcqueuelen macvlan ADD a "$(jq -c '.bcqueuelen=4294967296' <<<"$c")"
fails "linkInContainer of another type" 6 linkInContainer macvlan ADD a "$(jq -c '.linkInContainer="yes"' <<<"$c")"
fails "IPAM plugin that does not exist" 999 nosuch macvlan ADD a "$(mconf '"ipam":{"type":"nosuch"}')"
fails "loopback as master" 999 'create a macvlan link on "lo"' macvlan ADD a "$(jq -c '.master="lo"' <<<"$c")"
NETNS=/proc/self/ns/net fails "netns is the host's own" 8 /proc/self/ns/net macvlan ADD a "$c"
NETNS=/run/netns/none fails "netns is missing" 4 /run/netns/none macvlan ADD a "$c"
ip link add br0 type bridge
ip link set m0 master br0
fails "a master in use by a bridge" 999 'create a macvlan link on "m0"' macvlan ADD a "$c"
ip link set m0 nomaster
ip link set m0 down
fails "a master that is down" 999 'the master "m0" is down' macvlan ADD a "$c"
ip link set m0 up
ip link del m0
succeeds "DEL when the master is gone" macvlan DEL a "$c"
stage a
inside lan ip addr add fd00:88::2/64 dev eth0 nodad
inside a sh -c 'echo 1 >/proc/sys/net/ipv6/conf/default/dad_transmits'
fails "an IPv6 address that somebody on the network has" 999 "duplicate address detection" macvlan ADD a "$(mconf "$(ipam 6)")"
stage a
ip -n lan link set eth0 down
succeeds "a master without a carrier" macvlan ADD a "$(mconf "$(ipam dual)")"
done_testing
