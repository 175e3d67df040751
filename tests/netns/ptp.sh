# SPDX-License-Identifier: GPL-2.0-or-later
# ptp: every key in IPv4, IPv6 and dual stack; DEL, CHECK, GC and STATUS; bad input. ipMasq is in ptp-nat.sh.
. "$(dirname "$0")/lib.sh"

# usage: pconf MEMBERS; V is the spec version
pconf() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"ptp\"${1:+,$1}}"; }
default='"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]'
# Routes of a family in a container, without what the kernel adds. usage: routes -4|-6 [NAMESPACE]
routes() { ip ${2:+-n "$2"} "$1" route show | grep -vE '^fe80|proto kernel' | sed -E 's/ (proto static|pref medium|linkdown)//g; s/veth[0-9a-f]{8}/VETH/; s/ +$//'; }

# --- one attachment's whole life, for each family
life() {
	local f=$1 first proto families c n
	c=$(pconf "$(ipam "$f" "$default")")
	case $f in
	4) families=. ;;
	6) families=: ;;
	dual) families='. :' ;;
	esac
	c=$(jq -c --arg f "$families" '.ipam.routes |= map(.dst as $d | select($f | split(" ") | any(. as $p | $d | contains($p))))' <<<"$c")
	slate a b
	succeeds "$f: ADD" ptp ADD a "$c"
	first=$(cat $out)
	n=$(result '.ips | length')
	same "$f: interfaces are host end and container end" "vethX eth0" \
		"$(result '[.interfaces[].name | sub("^veth[0-9a-f]{8}$"; "vethX")] | join(" ")')"
	same "$f: only the container end has a sandbox, CNI_NETNS verbatim" "null /run/netns/a" \
		"$(result '[.interfaces[].sandbox | tostring] | join(" ")')"
	same "$f: every address belongs to interface 1" 1 "$(result '[.ips[].interface] | unique | join(" ")')"
	same "$f: MACs in the result are the links'" \
		"$(link "$(result '.interfaces[0].name')" .address) $(link eth0 .address a)" "$(result '[.interfaces[].mac] | join(" ")')"
	same "$f: the addresses of the result are in the container" \
		"$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 a)"
	same "$f: the gateways are on the host end, alone" \
		"$(result '[.ips[].gateway | . + (if contains(":") then "/128" else "/32" end)] | sort | join(" ")')" \
		"$(addresses "$(result '.interfaces[0].name')")"
	same "$f: one lease for each address, one record" "$n 1" "$(leases) $(records)"
	[[ $families != *.* ]] || {
		same "$f: IPv4 routes of the container" "default via 10.88.0.1 dev eth0
10.88.0.0/24 via 10.88.0.1 dev eth0 src 10.88.0.2
10.88.0.1 dev eth0 scope link src 10.88.0.2" "$(routes -4 a)"
		same "$f: the host's IPv4 route" "10.88.0.2 dev VETH scope host" "$(routes -4)"
	}
	[[ $families != *:* ]] || {
		same "$f: IPv6 routes of the container" "default via fd00:88::1 dev eth0 metric 1024
fd00:88::/64 via fd00:88::1 dev eth0 src fd00:88::2 metric 1024
fd00:88::1 dev eth0 src fd00:88::2 metric 1024" "$(routes -6 a | LC_ALL=C sort)"
		same "$f: the host's IPv6 route" "fd00:88::2 dev VETH metric 1024" "$(routes -6)"
	}
	succeeds "$f: ADD of a second" ptp ADD b "$c"
	for proto in $families; do
		check "$f: ping from the host ($proto)" ping -c1 -W2 "$(result "[.ips[].address | select(contains(\"$proto\")) | split(\"/\")[0]][0]")"
		check "$f: ping to the other container ($proto)" inside a ping -c1 -W2 "$(result "[.ips[].address | select(contains(\"$proto\")) | split(\"/\")[0]][0]")"
		check "$f: ping to the gateway ($proto)" inside a ping -c1 -W2 "$(result "[.ips[].gateway | select(contains(\"$proto\"))][0]")"
	done
	same "$f: forwarding is on for these families only" "$([[ $families == *.* ]] && echo 1 || echo 0) $([[ $families == *:* ]] && echo 1 || echo 0)" \
		"$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | xargs)"
	same "$f: accept_ra is 0 on the host ends" "0 0" "$(cat /proc/sys/net/ipv6/conf/veth*/accept_ra | xargs)"
	same "$f: no address is tentative" 0 "$({ inside a ip -6 addr show tentative; ip -6 addr show tentative; } | grep -c 'scope global')"
	succeeds "$f: CHECK" ptp CHECK a "$(with_prev "$c" "$first")"
	fails "$f: ADD twice for one interface" 999 "already" ptp ADD a "$c"
	check "$f: the first attachment works on" inside a ping -c1 -W2 "$(jq -r '.ips[0].gateway' <<<"$first")"
	succeeds "$f: DEL" ptp DEL a "$(with_prev "$c" "$first")"
	same "$f: the other's lease, record and link stay" "$n 1 1" "$(leases) $(records) $(veths)"
	succeeds "$f: DEL of the other" ptp DEL b "$c"
	nothing_left "$f: nothing is left"
	same "$f: nor a route" "" "$(routes -4)$(routes -6)"
}
for family in 4 6 dual; do
	life $family
	removals $family ptp "$(pconf "$(ipam $family)")"
	collects $family ptp "$(pconf "$(ipam $family)")" "$([ $family = dual ] && echo 2 || echo 1)"
done

# --- keys
slate a
succeeds "mtu" ptp ADD a "$(pconf "\"mtu\":1400,$(ipam dual)")"
same "mtu of both ends" "1400 1400" "$(link "$(result '.interfaces[0].name')" .mtu) $(link eth0 .mtu a)"
same "mtu in the result" "1400 1400" "$(result '[.interfaces[].mtu | tostring] | join(" ")')"
same "the MAC follows the IPv4 address" 0a:58:0a:58:00:02 "$(link eth0 .address a)"
slate a
static='"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/24","gateway":"10.3.0.1"},{"address":"fd00:3::5/64","gateway":"fd00:3::1"}],"dns":{"nameservers":["10.3.0.53"]}}'
succeeds "dns of IPAM" ptp ADD a "$(pconf "$static")"
same "dns of IPAM is kept" "10.3.0.53" "$(result '.dns.nameservers[0]')"
slate a
succeeds "dns" ptp ADD a "$(pconf "\"dns\":{\"nameservers\":[\"10.0.0.1\"],\"search\":[\"x.example\"]},$static")"
same "dns replaces IPAM's" "10.0.0.1 x.example" "$(result '.dns.nameservers[0] + " " + .dns.search[0]')"
slate a
succeeds "two addresses behind one gateway" ptp ADD a "$(pconf '"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/24","gateway":"10.3.0.1"},{"address":"10.3.0.6/24","gateway":"10.3.0.1"}]}')"
check "both are reached" sh -c 'ping -c1 -W2 10.3.0.5 && ping -c1 -W2 10.3.0.6'
slate a
c=$(pconf '"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/32","gateway":"169.254.1.1"},{"address":"fd00:3::5/128","gateway":"fe80::1"}],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}')
succeeds "addresses without a subnet" ptp ADD a "$c"
check "they are reached" sh -c 'ping -c1 -W2 10.3.0.5 && ping -c1 -W2 fd00:3::5'
check "and reach the gateway" inside a ping -c1 -W2 169.254.1.1
succeeds "addresses without a subnet: CHECK" ptp CHECK a "$(with_prev "$c" "$(cat $out)")"
slate a
c=$(pconf "$(ipam dual '"routes":[{"dst":"192.0.2.0/24","gw":"10.88.0.1","mtu":1300,"advmss":1200,"priority":50},
	{"dst":"198.51.100.0/24","gw":"10.88.0.9"},{"dst":"203.0.113.0/24","scope":253},{"dst":"2001:db8:1::/48"}]')")
succeeds "routes" ptp ADD a "$c"
same "route with mtu, advmss and priority" "10.88.0.1 1300 1200 50" \
	"$(inside a ip -j -d route show 192.0.2.0/24 | jq -r '.[0] | "\(.gateway) \(.metrics[0].mtu) \(.metrics[0].advmss) \(.metric)"')"
same "a route through somebody else in the subnet" "10.88.0.9" "$(inside a ip -j route show 198.51.100.0/24 | jq -r '.[0].gateway')"
same "route with scope link" "link" "$(inside a ip -j -d route show 203.0.113.0/24 | jq -r '.[0].scope')"
same "route without gateway gets the family's" "fd00:88::1" "$(inside a ip -6 -j route show 2001:db8:1::/48 | jq -r '.[0].gateway')"
succeeds "CHECK with such routes" ptp CHECK a "$(with_prev "$c" "$(cat $out)")"

# --- CHECK
for f in 4 6 dual; do
	c=$(pconf "$(ipam $f "$([ $f = 6 ] && echo '"routes":[{"dst":"::/0"}]' || echo '"routes":[{"dst":"0.0.0.0/0"}]')")")
	v=$([ $f = 6 ] && echo -6 || echo -4)
	broken ptp "$c" "a lost address ($f)" inside a ip addr flush dev eth0 scope global
	broken ptp "$c" "a lost link ($f)" inside a ip link del eth0
	broken ptp "$c" "a lost default route ($f)" inside a ip $v route del default
	broken ptp "$c" "a lost gateway ($f)" eval 'ip addr flush dev $host'
	broken ptp "$c" "a host end that is down ($f)" eval 'ip link set $host down'
	broken ptp "$c" "a lost lease ($f)" rm -rf /var/lib/cni/networks/net
done
broken ptp "$(pconf "$(ipam 4)")" "a lost route of the host" ip route del 10.88.0.2
broken ptp "$(pconf "$(ipam 4)")" "a lost route to the gateway" inside a sh -c 'ip route del 10.88.0.0/24; ip route del 10.88.0.1'
slate a
succeeds "ADD for CHECK without prevResult" ptp ADD a "$(pconf "$(ipam 4)")"
fails "CHECK without prevResult" 7 prevResult ptp CHECK a "$(pconf "$(ipam 4)")"

# --- STATUS and bad input
slate a b
c=$(pconf "$(ipam 4)")
succeeds "STATUS" ptp STATUS a "$c"
fails "STATUS of a bad configuration" 7 ipMasqBackend ptp STATUS a "$(jq -c '.ipMasqBackend="ebtables"' <<<"$c")"
fails "ipMasqBackend unknown" 7 '"ipMasqBackend": unknown ipmasq backend "ebtables"' ptp ADD a "$(jq -c '.ipMasqBackend="ebtables"' <<<"$c")"
fails "mtu out of range" 7 '"mtu"' ptp ADD a "$(jq -c '.mtu=70000' <<<"$c")"
fails "mtu of another type" 6 mtu ptp ADD a "$(jq -c '.mtu="big"' <<<"$c")"
fails "mtu that the kernel refuses" 999 "veth" ptp ADD a "$(jq -c '.mtu=20' <<<"$c")"
fails "ipMasq of another type" 6 ipMasq ptp ADD a "$(jq -c '.ipMasq="yes"' <<<"$c")"
fails "dns of another type" 6 dns ptp ADD a "$(jq -c '.dns=["10.0.0.1"]' <<<"$c")"
fails "nameservers of another type" 6 nameservers ptp ADD a "$(jq -c '.dns={nameservers:"10.0.0.1"}' <<<"$c")"
for none in '' '"ipam":{}' '"ipam":{"type":""}'; do
	fails "no IPAM: ${none:-absent}" 7 '"ipam.type"' ptp ADD a "$(pconf "$none")"
	succeeds "no IPAM: DEL all the same" ptp DEL a "$(pconf "$none")"
done
fails "an address without a gateway" 7 "10.3.0.5/24 has no gateway" ptp ADD a "$(pconf '"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/24"}]}')"
fails "an address that is its own gateway" 7 "10.3.0.5/24 is its own gateway" ptp ADD a \
	"$(pconf '"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/24","gateway":"10.3.0.5"}]}')"
fails "IPAM plugin that does not exist" 999 nosuch ptp ADD a "$(pconf '"ipam":{"type":"nosuch"}')"
NETNS=/proc/self/ns/net fails "netns is the host's own" 8 /proc/self/ns/net ptp ADD a "$c"
NETNS=/run/netns/none fails "netns is missing" 4 /run/netns/none ptp ADD a "$c"
inside a ip link add eth0 type bridge
fails "ifname exists in the container" 999 '"eth0" exists' ptp ADD a "$c"
slate a
before=$(snapshot)
refuse "read-only /proc/sys: an end that obeys router advertisements" read_only ptp ADD "$c"
check "read-only /proc/sys: the error names the setting" grep -q 'net[./].*accept_ra.*Read-only' $out
same "read-only /proc/sys: the host is unchanged" "$before" "$(snapshot)"
c=$(pconf '"ipam":{"type":"host-local","subnet":"10.88.0.0/30"}')
succeeds "the only address of a /30" ptp ADD a "$c"
ip netns add b
fails "exhausted range: ADD" 11 10.88.0.2 ptp ADD b "$c"
fails "exhausted range: STATUS" 50 10.88.0.2 ptp STATUS b "$c"
done_testing
