# SPDX-License-Identifier: GPL-2.0-or-later
# bandwidth: what it puts on the host's end, how fast it lets pass, subnets, conflicts, DEL, CHECK, GC, bad input.
. "$(dirname "$0")/lib.sh"
peer="$(dirname "$0")/peer.py"

# A container behind a veth pair, as some plugin before us made it; two addresses of the host. usage: container NAME...
container() {
	local name i
	slate "$@"
	ip -j link show type ifb | jq -r '.[].ifname // empty' | xargs -r -n1 ip link del
	for name in "$@"; do
		ip link add "p$name" address 02:00:00:00:00:bb type veth peer name eth0 netns "$name"
		# no link-local addresses: they come and change state by themselves
		ip link set "p$name" addrgenmode none up
		ip -n "$name" link set eth0 addrgenmode none
		ip -n "$name" link set eth0 up
		ip -n "$name" link set lo up
	done
	for i in 1 2; do
		ip addr add 10.$i.0.1/24 dev pa
		ip addr add fd00:$i::1/64 dev pa nodad
		ip -n a addr add 10.$i.0.2/24 dev eth0
		ip -n a addr add fd00:$i::2/64 dev eth0 nodad
	done
	wait_for 5 settled
}
# The kernel makes the local routes of IPv6 addresses a moment later.
settled() { [ "$( (ip -6 route show table local; ip -6 -n a route show table local) | grep -c '^local fd00:')" -eq 4 ]; }
# What an attachment may leave.
snapshot() {
	"$SNAPSHOT"
	tc qdisc show
	tc filter show dev pa parent ffff: 2>/dev/null
}
# usage: bw MEMBERS; V is the spec version, N the container
bw() {
	echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"bandwidth\",\"prevResult\":{\"cniVersion\":\"${V:-1.1.0}\",
\"interfaces\":[{\"name\":\"p${N:-a}\",\"mac\":\"02:00:00:00:00:bb\"},{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:aa\",\"sandbox\":\"/run/netns/${N:-a}\"}],
\"ips\":[{\"address\":\"10.1.0.2/24\",\"interface\":1${IPV:-}}]}${1:+,$1}}"
}
limits() { echo "\"ingressRate\":$1,\"ingressBurst\":$2,\"egressRate\":$3,\"egressBurst\":$4"; }
ifbs() { ip -j link show type ifb | jq -r '[.[].ifname // empty] | join(" ")'; }
# Kind, handle and options of a device's root qdisc. usage: root DEVICE [FILTER]
root() { tc -j qdisc show dev "$1" | jq -r "[.[] | select(.root)][0] | \"\\(.kind) \\(.handle // \"-\")\"${2:+ + \" \" + (.options | $2 | tostring)}"; }
ingress() { tc -j qdisc show dev "$1" | jq -r '[.[] | select(.kind == "ingress" or .kind == "clsact")] | map(.kind + " " + .handle) | join(",")'; }

# --- objects in the kernel
container a
before=$(snapshot)
both=$(limits 2000000 80000 4000000 120000)
succeeds "both: ADD" bandwidth ADD a "$(bw "$both")"
ifb=$(ifbs)
same "both: the IFB has the reference's name" "bwp$(printf neta | sha512sum | head -c 12)" "$ifb"
same "both: a token bucket filter on the host's end" "tbf 1: 250000 10000" "$(root pa '"\(.rate) \(.burst)"')"
same "both: an ingress qdisc" "ingress ffff:" "$(ingress pa)"
same "both: a filter to the IFB" "1 $ifb" "$(tc -j filter show dev pa parent ffff: | jq -r '[.[].options.actions // [] | .[] | select(.kind == "mirred") | .to_dev] | "\(length) \(.[0])"')"
same "both: a token bucket filter on the IFB" "tbf 1: 500000 15000" "$(root "$ifb" '"\(.rate) \(.burst)"')"
same "both: MTU, queue and state of the IFB" "$(link pa .mtu) 1000 true" "$(link "$ifb" .mtu) $(link "$ifb" .txqlen) $(link "$ifb" '.flags | index("UP") != null')"
same "both: 25 ms of queue" "lat 25ms lat 25ms" "$(tc qdisc show | grep tbf | grep -o 'lat [0-9a-z.]*' | xargs)"
same "both: the IFB is appended to the result" "pa,eth0,$ifb $(link "$ifb" .address) null" "$(result '([.interfaces[].name] | join(",")) + " " + (.interfaces[2] | "\(.mac) \(.sandbox)")')"
same "both: the rest of the result" "10.1.0.2/24 1" "$(result '.ips[0] | "\(.address) \(.interface)"')"
same "both: the container's end is free" "noqueue 0:" "$(ip netns exec a tc -j qdisc show dev eth0 | jq -r '.[] | .kind + " " + .handle')"
check "both: others may use it" ip netns exec a tc qdisc add dev eth0 ingress
succeeds "both: CHECK" bandwidth CHECK a "$(bw "$both")"
fails "both: another rate: CHECK" 999 "250000 bytes/s instead of 375000" bandwidth CHECK a "$(bw "$(limits 3000000 80000 4000000 120000)")"
fails "both: another burst: CHECK" 999 "$ifb was changed" bandwidth CHECK a "$(bw "$(limits 2000000 80000 4000000 160000)")"
NETNS='' succeeds "both: DEL with nothing but the name" bandwidth DEL a '{"cniVersion":"1.1.0","name":"net","type":"bandwidth"}'
same "both: nothing is left" "$before" "$(snapshot)"
succeeds "both: DEL again" bandwidth DEL a "$(bw "$both")"
succeeds "a container of which nobody knows: DEL" bandwidth DEL zzz "$(bw "$both" | jq -c 'del(.prevResult)')"
succeeds "ingress only: ADD" bandwidth ADD a "$(bw '"ingressRate":2000000,"ingressBurst":80000')"
same "ingress only: no IFB, no ingress qdisc" " tbf 1:" "$(ifbs)$(ingress pa) $(root pa)"
same "ingress only: the result is prevResult" 2 "$(result '.interfaces | length')"
succeeds "ingress only: CHECK" bandwidth CHECK a "$(bw '"ingressRate":2000000,"ingressBurst":80000')"
succeeds "ingress only: DEL" bandwidth DEL a "$(bw '')"
succeeds "egress only: ADD" bandwidth ADD a "$(bw '"egressRate":2000000,"egressBurst":80000')"
same "egress only: nothing at the root" "noqueue 0:" "$(root pa)"
succeeds "egress only: CHECK" bandwidth CHECK a "$(bw '"egressRate":2000000,"egressBurst":80000')"
succeeds "egress only: DEL" bandwidth DEL a "$(bw '')"
same "egress only: nothing is left" "$before" "$(snapshot)"

# --- where limits come from
succeeds "runtimeConfig: ADD, keys as containerd writes them" bandwidth ADD a "$(bw '"runtimeConfig":{"bandwidth":{"IngressRate":800000,"IngressBurst":80000,"EgressRate":0,"EgressBurst":0}}')"
same "runtimeConfig: used" "tbf 1: 100000" "$(root pa .rate)"
succeeds "runtimeConfig: DEL" bandwidth DEL a "$(bw '')"
succeeds "static limits: ADD" bandwidth ADD a "$(bw '"egressRate":1600000,"egressBurst":80000,"runtimeConfig":{"bandwidth":{"ingressRate":800000,"ingressBurst":80000}}')"
same "static limits win as a whole" "noqueue 0: tbf 1: 200000" "$(root pa) $(root "$(ifbs)" .rate)"
succeeds "static limits: DEL" bandwidth DEL a "$(bw '')"
for none in '' '"ingressRate":0,"ingressBurst":0' '"runtimeConfig":{"bandwidth":{}}' '"runtimeConfig":{}' '"runtimeConfig":{"bandwidth":null}' '"unshapedSubnets":["10.0.0.0/8"]'; do
	succeeds "no limit ($none): ADD" bandwidth ADD a "$(bw "$none")"
	same "no limit ($none): nothing is made" "$before" "$(snapshot)"
	succeeds "no limit ($none): CHECK" bandwidth CHECK a "$(bw "$none")"
done
V=0.3.1 IPV=',"version":"4"' succeeds "spec 0.3.1: ADD" bandwidth ADD a "$(V=0.3.1 IPV=',"version":"4"' bw "$both")"
same "spec 0.3.1: no MTU in the result" "3 0" "$(result '"\(.interfaces | length) \([.interfaces[] | select(has("mtu"))] | length)"')"
succeeds "spec 0.3.1: DEL" bandwidth DEL a "$(bw '')"

# --- large rates and bursts
large() {
	succeeds "$1: ADD" bandwidth ADD a "$(bw "$2")"
	same "$1: rate and burst" "$3" "$(root pa '"\(.rate) \(.burst)"')"
	succeeds "$1: CHECK" bandwidth CHECK a "$(bw "$2")"
	succeeds "$1: DEL" bandwidth DEL a "$(bw '')"
}
# tc rounds bursts to what is sent in a microsecond
large "80 Gbit/s" '"ingressRate":80000000000,"ingressBurst":80000000' "tbf 1: 10000000000 9990000"
large "containerd's burst" '"ingressRate":1000000000,"ingressBurst":4294967295' "tbf 1: 125000000 536870875"
large "CRI-O's burst" '"ingressRate":1000000000,"ingressBurst":34359738359' "tbf 1: 125000000 4294967250"
large "a burst that no 32 bits hold" '"ingressRate":1000000000,"ingressBurst":9000000000000000000' "tbf 1: 125000000 4294967250"
large "a burst less than a packet" '"ingressRate":1000000,"ingressBurst":8' "tbf 1: 125000 1514"
succeeds "a burst of an hour: ADD" bandwidth ADD a "$(bw '"ingressRate":80000,"ingressBurst":34359738359,"egressRate":8,"egressBurst":34359738359')"
succeeds "a burst of an hour: CHECK" bandwidth CHECK a "$(bw '"ingressRate":80000,"ingressBurst":34359738359,"egressRate":8,"egressBurst":34359738359')"
succeeds "a burst of an hour: DEL" bandwidth DEL a "$(bw '')"

# --- how fast it is
ip netns exec a python3 -SE "$peer" sink 5000 >/run/ready.a &
python3 -SE "$peer" sink 5000 >/run/ready.host &
wait_for 5 grep -q ready /run/ready.a
wait_for 5 grep -q ready /run/ready.host
# kbit/s of 150 kB. usage: to_container|to_host ADDRESS [SOURCE]
speed() { [ -n "$1" ] && echo $((150000 * 8 / $1)) || echo 0; }
to_container() { speed "$(python3 -SE "$peer" flood "$1" 5000 150000 ${2:-})"; }
to_host() { speed "$(inside a python3 -SE "$peer" flood "$1" 5000 150000 ${2:-})"; }
# A busy machine only makes it slower: a lower bound may be met by any of three tries, an upper one holds for each.
# usage: limited NAME KBIT/S to_container|to_host ADDRESS
limited() {
	local measured try
	for try in 1 2 3; do
		measured=$("$3" "$4")
		[ "$measured" -lt $(($2 * 6 / 10)) ] || break
	done
	if [ "$measured" -ge $(($2 * 6 / 10)) ] && [ "$measured" -le $(($2 * 12 / 10)) ]; then
		ok "$1: $2 kbit/s, measured $measured"
	else
		not_ok "$1: $2 kbit/s" "measured $measured kbit/s, try $try"
	fi
}
# usage: free NAME to_container|to_host ADDRESS
free() {
	local measured try
	for try in 1 2 3; do
		measured=$("$2" "$3")
		[ "$measured" -lt 8000 ] || break
	done
	if [ "$measured" -ge 8000 ]; then ok "$1: not limited"; else not_ok "$1: not limited" "measured $measured kbit/s, try $try"; fi
}
free "without limits: to the container" to_container 10.1.0.2
free "without limits: to the host" to_host 10.1.0.1
succeeds "speed: ADD" bandwidth ADD a "$(bw "$(limits 2000000 32000 3000000 32000)")"
limited "to the container" 2000 to_container 10.1.0.2
limited "to the host" 3000 to_host 10.1.0.1
limited "to the host, IPv6" 3000 to_host fd00:1::1
succeeds "speed: DEL" bandwidth DEL a "$(bw '')"
free "after DEL: to the container" to_container 10.1.0.2
free "after DEL: to the host" to_host 10.1.0.1
succeeds "unshapedSubnets: ADD" bandwidth ADD a "$(bw "$(limits 2000000 32000 3000000 32000),\"unshapedSubnets\":[\"10.2.0.0/16\",\"fd00:2::/64\",\"10.3.3.3/32\"]")"
limited "unshapedSubnets: to the container, of others" 2000 to_container 10.1.0.2
limited "unshapedSubnets: to the host, of others" 3000 to_host 10.1.0.1
free "unshapedSubnets: to the container" to_container 10.2.0.2
free "unshapedSubnets: to the host" to_host 10.2.0.1
free "unshapedSubnets: to the container, IPv6" to_container fd00:2::2
free "unshapedSubnets: to the host, IPv6" to_host fd00:2::1
same "unshapedSubnets: the root is free" "noqueue 0: clsact ffff:" "$(root pa) $(ingress pa)"
same "unshapedSubnets: an IFB for each direction" "4 2 375000 250000" "$(result '.interfaces | length') $(ifbs | wc -w) $(root "$(result '.interfaces[2].name')" .rate | cut -d' ' -f3) $(root "$(result '.interfaces[3].name')" .rate | cut -d' ' -f3)"
un="$(limits 2000000 32000 3000000 32000),\"unshapedSubnets\":[\"10.2.0.0/16\",\"fd00:2::/64\",\"10.3.3.3/32\"]"
succeeds "unshapedSubnets: CHECK" bandwidth CHECK a "$(bw "$un")"
fails "unshapedSubnets: a subnet more: CHECK" 999 "4 of the 5 filters that select" bandwidth CHECK a "$(bw "$(limits 2000000 32000 3000000 32000),\"unshapedSubnets\":[\"10.2.0.0/16\",\"fd00:2::/64\",\"10.3.3.3/32\",\"10.4.0.0/16\"]")"
succeeds "unshapedSubnets: DEL" bandwidth DEL a "$(bw '')"
shaped="$(limits 2000000 32000 3000000 32000),\"shapedSubnets\":[\"10.2.0.9/24\",\"fd00:2::/64\"]"
succeeds "shapedSubnets: ADD" bandwidth ADD a "$(bw "$shaped")"
free "shapedSubnets: to the container, of others" to_container 10.1.0.2
free "shapedSubnets: to the host, of others, IPv6" to_host fd00:1::1
limited "shapedSubnets: to the container" 2000 to_container 10.2.0.2
limited "shapedSubnets: to the host, IPv6" 3000 to_host fd00:2::1
succeeds "shapedSubnets: CHECK" bandwidth CHECK a "$(bw "$shaped")"
succeeds "shapedSubnets: DEL" bandwidth DEL a "$(bw '')"
# shellcheck disable=SC2046
kill $(jobs -p)
same "subnets: nothing is left" "$before" "$(snapshot)"
many=$(for i in $(seq 100); do printf '"10.9.%s.0/24","fd00:9:%s::/48",' "$i" "$i"; done)
succeeds "200 subnets: ADD" bandwidth ADD a "$(bw "$(limits 2000000 32000 3000000 32000),\"shapedSubnets\":[${many%,}]")"
succeeds "200 subnets: CHECK" bandwidth CHECK a "$(bw "$(limits 2000000 32000 3000000 32000),\"shapedSubnets\":[${many%,}]")"
succeeds "200 subnets: DEL" bandwidth DEL a "$(bw '')"
succeeds "the whole world: ADD" bandwidth ADD a "$(bw "$both,\"shapedSubnets\":[\"0.0.0.0/0\",\"::/0\"]")"
succeeds "the whole world: CHECK" bandwidth CHECK a "$(bw "$both,\"shapedSubnets\":[\"0.0.0.0/0\",\"::/0\"]")"
succeeds "the whole world: DEL" bandwidth DEL a "$(bw '')"

# --- CHECK sees what others do
lost() {
	succeeds "$1: ADD" bandwidth ADD a "$(bw "$both")"
	eval "$3"
	fails "$1: CHECK" 999 "$2" bandwidth CHECK a "$(bw "$both")"
	succeeds "$1: DEL" bandwidth DEL a "$(bw '')"
	eval "${4:-}"
	same "$1: nothing is left" "$before" "$(snapshot)"
}
lost "root qdisc gone" "pa has lost its token bucket filter" 'tc qdisc del dev pa root'
lost "another root qdisc" "its root qdisc is htb" 'tc qdisc replace dev pa root handle 9: htb' 'tc qdisc del dev pa root'
lost "rate changed" "250000" 'tc qdisc change dev pa root handle 1: tbf rate 1mbit burst 10kb limit 100kb'
lost "ingress qdisc gone" "lost its ingress qdisc" 'tc qdisc del dev pa ingress'
lost "clsact in its place" "in its place is clsact" 'tc qdisc del dev pa ingress; tc qdisc add dev pa clsact' 'tc qdisc del dev pa clsact'
lost "filter gone" "0 of the 1 filters that redirect" 'tc filter del dev pa parent ffff:'
lost "IFB gone" "look up link bwp" "ip link del \$(ifbs)"
lost "IFB down" "is down" "ip link set \$(ifbs) down"
lost "IFB without queue" "lost its token bucket filter" 'tc qdisc del dev $(ifbs) root'

# --- conflicts: nothing of others is touched, not even by the rollback
tc qdisc add dev pa root handle 1: tbf rate 1mbit burst 10kb limit 100kb
fails "a root qdisc of others" 999 'pa has a qdisc "tbf" with handle 1: at its root already' bandwidth ADD a "$(bw "$both")"
tc qdisc replace dev pa root handle 8001: htb
fails "another root qdisc of others" 999 'qdisc "htb" with handle 8001: at its root' bandwidth ADD a "$(bw "$both")"
succeeds "a root qdisc does not concern egress" bandwidth ADD a "$(bw '"egressRate":2000000,"egressBurst":80000')"
succeeds "a root qdisc does not concern egress: DEL" bandwidth DEL a "$(bw '')"
same "the root qdisc of others stays" "htb 8001:" "$(root pa)"
tc qdisc del dev pa root
tc qdisc add dev pa clsact
fails "clsact" 999 'pa has a qdisc "clsact" with handle ffff: at its ingress' bandwidth ADD a "$(bw "$both")"
succeeds "clsact does not concern ingress" bandwidth ADD a "$(bw '"ingressRate":2000000,"ingressBurst":80000')"
succeeds "clsact does not concern ingress: DEL" bandwidth DEL a "$(bw '')"
same "clsact stays" "clsact ffff:" "$(ingress pa)"
tc qdisc del dev pa clsact
succeeds "two networks on one link: the first" bandwidth ADD a "$(bw "$both")"
fails "two networks on one link: the second" 999 'qdisc "tbf"' bandwidth ADD a "$(bw "$both" | jq -c '.name = "other"')"
succeeds "two networks on one link: CHECK of the first" bandwidth CHECK a "$(bw "$both")"
succeeds "ADD again replaces the limits" bandwidth ADD a "$(bw '"ingressRate":800000,"ingressBurst":80000')"
same "ADD again: only the new ones" "tbf 1: 100000 " "$(root pa .rate) $(ifbs)$(ingress pa)"
succeeds "ADD again: DEL" bandwidth DEL a "$(bw '')"

# --- two interfaces of one container in one network
ip link add pa1 type veth peer name eth1 netns a
two=$(bw "$both" | jq -c '.prevResult.interfaces[0].name = "pa1" | .prevResult.interfaces[1].name = "eth1"')
succeeds "two interfaces: eth0" bandwidth ADD a "$(bw "$both")"
first=$(ifbs)
CNI_IFNAME=eth1 succeeds "two interfaces: eth1" bandwidth ADD a "$two"
same "two interfaces: two IFBs" "2" "$(ifbs | wc -w)"
CNI_IFNAME=eth1 succeeds "two interfaces: CHECK of eth1" bandwidth CHECK a "$two"
CNI_IFNAME=eth1 succeeds "two interfaces: DEL of eth1" bandwidth DEL a "$two"
same "two interfaces: the other IFB stays" "$first" "$(ifbs)"
CNI_IFNAME=eth1 succeeds "two interfaces: DEL of eth1 again" bandwidth DEL a "$two"
CNI_IFNAME=eth1 V=1.0.0 succeeds "two interfaces: DEL of eth1, which may be the Go plugins'" bandwidth DEL a "$(jq -c '.cniVersion = "1.0.0"' <<<"$two")"
same "two interfaces: the other IFB stays all the same" "$first" "$(ifbs)"
succeeds "two interfaces: CHECK of eth0" bandwidth CHECK a "$(bw "$both")"

# --- the link or the namespace is gone
ip link del pa
succeeds "link gone: DEL" bandwidth DEL a "$(bw "$both")"
same "link gone: no IFB, no record" " 0" "$(ifbs) $(records)"
container a
succeeds "namespace gone: ADD" bandwidth ADD a "$(bw "$both")"
ip netns del a
wait_for 5 eval '! ip link show pa'
succeeds "namespace gone: DEL" bandwidth DEL a "$(bw "$both")"
same "namespace gone: no IFB, no record" " 0" "$(ifbs) $(records)"

# --- GC, STATUS, hawser cleanup
container a b
succeeds "GC: ADD of a" bandwidth ADD a "$(bw "$both")"
first=$(ifbs)
N=b succeeds "GC: ADD of b" bandwidth ADD b "$(N=b bw "$both")"
succeeds "GC: an absent list" bandwidth GC "" "$(bw '')"
same "GC: an absent list removes nothing" "2 2" "$(ifbs | wc -w) $(records)"
succeeds "GC: a is valid" bandwidth GC "" "$(bw '"cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"}]')"
same "GC: b is removed" "$first 1 noqueue 0:" "$(ifbs) $(records) $(root pb)"
succeeds "GC: nothing is valid" bandwidth GC "" "$(bw '"cni.dev/valid-attachments":[]')"
same "GC: nothing is left" " 0 noqueue 0:" "$(ifbs) $(records) $(root pa)"
succeeds "STATUS" bandwidth STATUS "" "$(bw "$both")"
fails "STATUS of a wrong configuration" 7 ingressBurst bandwidth STATUS "" "$(bw '"ingressRate":5000')"
succeeds "cleanup: ADD" bandwidth ADD a "$(bw "$both")"
check "cleanup: hawser cleanup" "$BIN/hawser" cleanup a
same "cleanup: no IFB, no record" " 0" "$(ifbs) $(records)"

# --- bad input
container a
fails "a rate without a burst" 7 '"ingressBurst"' bandwidth ADD a "$(bw '"ingressRate":1000000')"
fails "a burst without a rate" 7 '"egressRate"' bandwidth ADD a "$(bw '"egressBurst":1000000')"
fails "the same in runtimeConfig" 7 '"ingressBurst"' bandwidth ADD a "$(bw '"runtimeConfig":{"bandwidth":{"ingressRate":1000000}}')"
fails "less than a byte per second" 7 '"ingressRate": 7' bandwidth ADD a "$(bw '"ingressRate":7,"ingressBurst":80000')"
fails "a negative rate" 7 ingressRate bandwidth ADD a "$(bw '"ingressRate":-1,"ingressBurst":80000')"
fails "a rate that is a string" 6 ingressRate bandwidth ADD a "$(bw '"ingressRate":"1M","ingressBurst":80000')"
fails "a rate that is no whole number" 6 ingressRate bandwidth ADD a "$(bw '"ingressRate":1.5,"ingressBurst":80000')"
fails "runtimeConfig.bandwidth is no object" 6 runtimeConfig.bandwidth bandwidth ADD a "$(bw '"runtimeConfig":{"bandwidth":5}')"
tc qdisc add dev pa clsact
fails "clsact is in the way of subnets" 999 'qdisc "clsact"' bandwidth ADD a "$(bw '"ingressRate":2000000,"ingressBurst":80000,"shapedSubnets":["10.0.0.0/8"]')"
tc qdisc del dev pa clsact
fails "both lists of subnets" 7 unshapedSubnets bandwidth ADD a "$(bw "$both,\"shapedSubnets\":[\"10.0.0.0/8\"],\"unshapedSubnets\":[\"10.0.0.0/8\"]")"
fails "a subnet that is none" 7 '"shapedSubnets[1]": "10.0.0.0"' bandwidth ADD a "$(bw "$both,\"shapedSubnets\":[\"10.0.0.0/8\",\"10.0.0.0\"]")"
fails "a subnet that is no string" 6 '"unshapedSubnets[0]"' bandwidth ADD a "$(bw "$both,\"unshapedSubnets\":[5]")"
fails "no prevResult" 7 prevResult bandwidth ADD a "$(bw "$both" | jq -c 'del(.prevResult)')"
fails "CHECK without prevResult" 7 prevResult bandwidth CHECK a "$(bw "$both" | jq -c 'del(.prevResult)')"
fails "prevResult without the host's end" 7 "the host's end of eth0" bandwidth ADD a "$(bw "$both" | jq -c '.prevResult.interfaces[0].name = "px"')"
CNI_IFNAME=lo fails "an interface that is no veth" 7 "is no veth" bandwidth ADD a "$(bw "$both")"
fails "a spec version before it" 1 "incompatible" bandwidth ADD a "$(V=0.2.0 bw "$both" | jq -c 'del(.prevResult)')"
NETNS=/run/netns/none fails "no such namespace" 4 /run/netns/none bandwidth ADD a "$(bw "$both")"
NETNS=/proc/self/ns/net fails "the host's own namespace" 8 CNI_NETNS bandwidth ADD a "$(bw "$both")"
done_testing
