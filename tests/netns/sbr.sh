# SPDX-License-Identifier: GPL-2.0-or-later
# sbr: two interfaces in one container, each with its own routes; every key, DEL, CHECK, GC, bad input.
. "$(dirname "$0")/lib.sh"

# A container with eth0 (10.1.0.0/24, fd00:1::/64; default route) and eth1 (10.2.0.0/24, fd00:2::/64), and behind both
# a router of its own, which has 198.51.100.1 and 2001:db8::1. Only eth1's router answers what comes from eth1.
container() {
	local i
	slate a r1 r2
	for i in 1 2; do
		ip -n r$i link set lo up
		ip -n r$i link add u0 type veth peer name eth$((i - 1)) netns a
		ip -n r$i link set u0 up
		ip -n a link set eth$((i - 1)) up
		ip -n r$i addr add 10.$i.0.1/24 dev u0
		ip -n r$i addr add fd00:$i::1/64 dev u0 nodad
		ip -n r$i addr add 198.51.100.1/32 dev lo
		ip -n r$i addr add 2001:db8::1/128 dev lo nodad
		ip -n a addr add 10.$i.0.2/24 dev eth$((i - 1))
		ip -n a addr add fd00:$i::2/64 dev eth$((i - 1)) nodad
	done
	ip -n a link set lo up
	ip -n a route add default via 10.1.0.1
	ip -n a route add default via fd00:1::1
	ip -n a route add 203.0.113.0/24 via 10.2.0.1 mtu 1400
	ip -n a route add 2001:db8:9::/48 via fd00:2::1 metric 77
	ip -n a route add 192.0.2.0/24 dev eth1
}
export CNI_IFNAME=eth1
# usage: sbr MEMBERS; V is the spec version, IPS the addresses
sbr() {
	local ips=${IPS-'{"address":"10.2.0.2/24","gateway":"10.2.0.1","interface":0},{"address":"fd00:2::2/64","gateway":"fd00:2::1","interface":0}'}
	echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"sbr\",\"prevResult\":{\"cniVersion\":\"${V:-1.1.0}\",
\"interfaces\":[{\"name\":\"eth1\",\"mac\":\"02:00:00:00:00:aa\",\"sandbox\":\"/run/netns/a\"}],\"ips\":[$ips]}${1:+,$1}}"
}
routes() { ip -n a -o "$1" route show table "$2" 2>/dev/null | sed 's/ \+/ /g; s/ $//; s/ pref medium//' | sort | paste -sd,; }
rules() { { ip -n a -4 rule; ip -n a -6 rule; } | grep -vE 'lookup (local|main|default)' | sed 's/^[0-9]*:\t//' | sort | paste -sd,; }
pings() { inside a ping -c1 -W1 -I "$1" "$2"; }

container
before=$(snapshot)
refuse "before: what comes from eth1's address goes the wrong way" pings 10.2.0.2 198.51.100.1
succeeds "ADD" sbr ADD a "$(sbr '')"
same "ADD: prevResult is the result" "10.2.0.2/24 fd00:2::2/64 1" "$(result '"\(.ips[0].address) \(.ips[1].address) \(.interfaces | length)"')"
same "ADD: a rule and a table for each address" "from 10.2.0.2 lookup 100,from fd00:2::2 lookup 101" "$(rules)"
same "ADD: IPv4 routes of the interface, and a default route" \
	"10.2.0.0/24 proto kernel scope link src 10.2.0.2,192.0.2.0/24 scope link,203.0.113.0/24 via 10.2.0.1 mtu 1400,default via 10.2.0.1" \
	"$(routes -4 100 | sed 's/ dev eth1//g')"
same "ADD: IPv6 routes of the interface" "2001:db8:9::/48 via fd00:2::1 metric 77,default via fd00:2::1 metric 1024,fd00:2::/64 proto kernel metric 256,fe80::/64 proto kernel metric 256" \
	"$(routes -6 101 | sed 's/ dev eth1//g')"
same "ADD: nothing of eth1 is in table main" "" "$(routes -4 main | tr ',' '\n' | grep eth1)$(routes -6 main | tr ',' '\n' | grep eth1)"
same "ADD: eth0's routes are what they were" "10.1.0.0/24 proto kernel scope link src 10.1.0.2,default via 10.1.0.1" "$(routes -4 main | sed 's/ dev eth0//g')"
check "ADD: from eth1's address" pings 10.2.0.2 198.51.100.1
check "ADD: from eth1's address, IPv6" pings fd00:2::2 2001:db8::1
check "ADD: from eth0's address" pings 10.1.0.2 198.51.100.1
check "ADD: without a source, by eth0" inside a ping -c1 -W1 10.1.0.1
succeeds "CHECK" sbr CHECK a "$(sbr '')"
NETNS=/run/netns/a succeeds "DEL with nothing but name and namespace" sbr DEL a '{"cniVersion":"1.1.0","name":"net","type":"sbr"}'
same "DEL: no rule, every route where it was" "$before" "$(snapshot)"
succeeds "DEL again" sbr DEL a "$(sbr '')"

# --- one family, no gateway, several addresses in a subnet
IPS='{"address":"10.2.0.2/24","interface":0}' succeeds "no gateway: ADD" sbr ADD a "$(IPS='{"address":"10.2.0.2/24","interface":0}' sbr '')"
same "no gateway: no default route" "10.2.0.0/24 192.0.2.0/24 203.0.113.0/24" "$(routes -4 100 | tr , '\n' | cut -d' ' -f1 | xargs)"
same "no gateway: IPv6, which has no address here, is left alone" "2001:db8:9::/48 fd00:2::/64 fe80::/64" "$(routes -6 main | tr , '\n' | grep eth1 | cut -d' ' -f1 | xargs)"
succeeds "no gateway: DEL" sbr DEL a "$(sbr '')"
same "no gateway: as before" "$before" "$(snapshot)"
ip -n a addr add 10.2.0.3/24 dev eth1
with_two=$(snapshot)
two='{"address":"10.2.0.2/24","gateway":"10.2.0.1","interface":0},{"address":"10.2.0.3/24","gateway":"10.2.0.1","interface":0}'
succeeds "two addresses: ADD" sbr ADD a "$(IPS=$two sbr '')"
same "two addresses: two tables" "from 10.2.0.2 lookup 100,from 10.2.0.3 lookup 101" "$(rules)"
check "two addresses: the second one works" pings 10.2.0.3 198.51.100.1
succeeds "two addresses: CHECK" sbr CHECK a "$(IPS=$two sbr '')"
succeeds "two addresses: DEL" sbr DEL a "$(sbr '')"
same "two addresses: as before" "$with_two" "$(snapshot)"
ip -n a addr del 10.2.0.3/24 dev eth1

# --- a default route that is there already, and one that others have
ip -n a route add default via 10.2.0.1 dev eth1 metric 50
there=$(snapshot)
succeeds "own default route: ADD" sbr ADD a "$(sbr '')"
same "own default route: moved, not made twice" "default via 10.2.0.1 dev eth1 metric 50" "$(routes -4 100 | tr , '\n' | grep default)"
succeeds "own default route: DEL" sbr DEL a "$(sbr '')"
same "own default route: back where it was" "$there" "$(snapshot)"
ip -n a route del default via 10.2.0.1 dev eth1 metric 50
ip -n a -6 route append default via fd00:2::1 dev eth1 metric 1024
hops() { ip -n a -6 route show default | grep -oE 'via fd00:.*' | sed 's/ *$//' | sort | paste -sd,; }
there=$(hops)
succeeds "IPv6 default route of several next hops: ADD" sbr ADD a "$(sbr '')"
same "IPv6 default route of several next hops: each its own" "default via fd00:1::1 dev eth0 metric 1024 default via fd00:2::1 dev eth1 metric 1024" "$(routes -6 main | tr , '\n' | grep default) $(routes -6 101 | tr , '\n' | grep default)"
succeeds "IPv6 default route of several next hops: DEL" sbr DEL a "$(sbr '')"
same "IPv6 default route of several next hops: as before" "$there" "$(hops)"
same "IPv6 default route of several next hops: there were two" 2 "$(tr , '\n' <<<"$there" | wc -l)"
ip -n a -6 route del default via fd00:2::1 dev eth1 metric 1024
ip -n a route add 198.18.0.0/15 via 10.9.9.9 dev eth1 onlink
there=$(snapshot)
succeeds "a route for none of the addresses: ADD" sbr ADD a "$(sbr '')"
same "a route for none of the addresses stays" "198.18.0.0/15 via 10.9.9.9 dev eth1 onlink" "$(routes -4 main | tr , '\n' | grep eth1)"
succeeds "a route for none of the addresses: DEL" sbr DEL a "$(sbr '')"
same "a route for none of the addresses: as before" "$there" "$(snapshot)"
ip -n a route del 198.18.0.0/15

# --- tables in use are passed over
ip -n a rule add from 10.9.9.9 lookup 100
ip -n a -6 route add 2001:db8:77::/48 dev eth0 table 101
there=$(snapshot)
succeeds "tables in use: ADD" sbr ADD a "$(sbr '')"
same "tables in use: others are taken" "from 10.2.0.2 lookup 102,from 10.9.9.9 lookup 100,from fd00:2::2 lookup 103" "$(rules)"
succeeds "tables in use: CHECK" sbr CHECK a "$(sbr '')"
succeeds "tables in use: DEL" sbr DEL a "$(sbr '')"
same "tables in use: as before" "$there" "$(snapshot)"

# --- keys
container
before=$(snapshot)
ip -n r2 addr add 10.2.0.9/24 dev u0
succeeds "gateways: ADD" sbr ADD a "$(sbr '"gateways":["10.2.0.9"]')"
same "gateways: of its family only" "default via 10.2.0.9 dev eth1 default via fd00:2::1 dev eth1 metric 1024" "$(routes -4 100 | tr , '\n' | grep default) $(routes -6 101 | tr , '\n' | grep default)"
succeeds "gateways: CHECK" sbr CHECK a "$(sbr '"gateways":["10.2.0.9"]')"
succeeds "gateways: DEL" sbr DEL a "$(sbr '')"
ip -n r2 addr del 10.2.0.9/24 dev u0
same "gateways: as before" "$before" "$(snapshot)"
succeeds "addSourceHints: ADD" sbr ADD a "$(sbr '"addSourceHints":true')"
same "addSourceHints: IPv4, the connected route names its source" "10.2.0.0/24 dev eth1 proto kernel scope link src 10.2.0.2" "$(routes -4 main | tr , '\n' | grep eth1)"
same "addSourceHints: IPv6 as well" "fd00:2::/64 dev eth1 proto kernel src fd00:2::2 metric 256" "$(routes -6 main | tr , '\n' | grep eth1)"
check "addSourceHints: without a source, by eth1" inside a ping -c1 -W1 10.2.0.1
check "addSourceHints: without a source, by eth1, IPv6" inside a ping -c1 -W1 fd00:2::1
succeeds "addSourceHints: CHECK" sbr CHECK a "$(sbr '"addSourceHints":true')"
succeeds "addSourceHints: DEL" sbr DEL a "$(sbr '')"
same "addSourceHints: as before" "$before" "$(snapshot)"
ip -n a route add default via 10.2.0.1 dev eth1 table 5001
there=$(snapshot)
succeeds "table: ADD" sbr ADD a "$(sbr '"table":5001')"
same "table: rules only" "from 10.2.0.2 lookup 5001,from fd00:2::2 lookup 5001 default via 10.2.0.1 dev eth1" "$(rules) $(routes -4 5001)"
check "table: it is used" pings 10.2.0.2 198.51.100.1
succeeds "table: CHECK" sbr CHECK a "$(sbr '"table":5001')"
succeeds "table: DEL" sbr DEL a "$(sbr '"table":5001')"
same "table: as before" "$there" "$(snapshot)"

# --- what CHECK sees; the bridge's CHECK finds routes in whatever table they are
container
before=$(snapshot)
lost() {
	succeeds "$1: ADD" sbr ADD a "$(sbr '')"
	inside a $3
	fails "$1: CHECK" 999 "$2" sbr CHECK a "$(sbr '')"
	succeeds "$1: DEL" sbr DEL a "$(sbr '')"
	container
}
lost "rule gone" "the rule for packets from 10.2.0.2 is gone" "ip rule del from 10.2.0.2"
lost "default route gone" "has lost its default route through fd00:2::1" "ip -6 route del default table 101"
lost "interface gone" "look up eth1" "ip link del eth1"

# --- addresses, interface or namespace gone
succeeds "addresses gone: ADD" sbr ADD a "$(sbr '')"
inside a sh -c 'ip addr flush dev eth1'
succeeds "addresses gone: DEL" sbr DEL a '{"cniVersion":"1.1.0","name":"net","type":"sbr"}'
same "addresses gone: no rule, no record" " 0" "$(rules) $(records)"
container
succeeds "interface gone: ADD" sbr ADD a "$(sbr '')"
ip -n a link del eth1
succeeds "interface gone: DEL" sbr DEL a '{"cniVersion":"1.1.0","name":"net","type":"sbr"}'
same "interface gone: no rule, no record" " 0" "$(rules) $(records)"
container
succeeds "namespace gone: ADD" sbr ADD a "$(sbr '')"
ip netns del a
succeeds "namespace gone: DEL" sbr DEL a "$(sbr '')"
same "namespace gone: no record" 0 "$(records)"
container
succeeds "GC: ADD" sbr ADD a "$(sbr '')"
succeeds "GC: an absent list" sbr GC "" "$(sbr '')"
same "GC: an absent list removes nothing" 1 "$(records)"
succeeds "GC" sbr GC "" "$(sbr '"cni.dev/valid-attachments":[]')"
same "GC: no record" 0 "$(records)"
succeeds "STATUS" sbr STATUS "" "$(sbr '')"
container
for v in 0.2.0 0.3.1; do
	old='"ip4":{"ip":"10.2.0.2/24","gateway":"10.2.0.1"}'
	[ $v = 0.2.0 ] || old='"interfaces":[{"name":"eth1","sandbox":"/run/netns/a"}],"ips":[{"version":"4","address":"10.2.0.2/24","gateway":"10.2.0.1","interface":0}]'
	c="{\"cniVersion\":\"$v\",\"name\":\"net\",\"type\":\"sbr\",\"prevResult\":{\"cniVersion\":\"$v\",$old}}"
	succeeds "$v: ADD" sbr ADD a "$c"
	same "$v: the rule" "from 10.2.0.2 lookup 100" "$(rules)"
	succeeds "$v: DEL" sbr DEL a "$c"
done

# --- in the reference's hands, and the reference's in ours
if [ -x "$REF/sbr" ]; then
	as_reference() { CNI_COMMAND=$1 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$REF/sbr" <<<"$2" >$out 2>$err; }
	# Intended differences: there IPv6's routes are copied to IPv4's table, too; a route through a gateway of
	# nobody's subnet is lost.
	c=$(V=1.0.0 sbr '')
	view() { echo "$(rules) 4: $(routes -4 100) 6: $(routes -6 101) main: $(routes -4 main) $(routes -6 main)"; }
	as_reference ADD "$c" || not_ok "ADD of the reference"
	theirs=$(view)
	succeeds "the reference's: CHECK" sbr CHECK a "$c"
	succeeds "the reference's: DEL" sbr DEL a "$c"
	same "the reference's: no rule" "" "$(rules)"
	container
	succeeds "ours, for the reference: ADD" sbr ADD a "$c"
	same "rules and routes are the reference's" "$theirs" "$(view)"
	as_reference DEL "$c"
	same "ours, for the reference: DEL leaves no rule" "0 " "$? $(rules)"
	succeeds "then our DEL" sbr DEL a "$c"
else
	skip "compared with the reference" "no reference plugins in $REF"
fi

# --- behind bridge, whose CHECK looks for the routes that were moved
for v in 1.0.0 1.1.0; do
	slate a
	b=$(V=$v conf "\"isDefaultGateway\":true,$(ipam dual '"routes":[{"dst":"203.0.113.0/24"},{"dst":"2001:db8:9::/48"}]')")
	succeeds "behind bridge, $v: ADD of bridge" bridge ADD a "$b"
	c=$(jq -c --argjson prev "$(cat $out)" '{cniVersion, name, type: "sbr", prevResult: $prev}' <<<"$b")
	succeeds "behind bridge, $v: ADD" sbr ADD a "$c"
	last=$(cat $out)
	same "behind bridge, $v: the routes are moved" "3 4" "$(routes -4 100 | tr , '\n' | grep -c eth1) $(routes -6 101 | tr , '\n' | grep -c eth1)"
	succeeds "behind bridge, $v: CHECK of bridge" bridge CHECK a "$(with_prev "$b" "$last")"
	succeeds "behind bridge, $v: CHECK" sbr CHECK a "$(with_prev "$c" "$last")"
	ip -n a route del 203.0.113.0/24 table 100
	fails "behind bridge, $v: CHECK of bridge when a route is gone" 999 "the route to 203.0.113.0/24 through eth1 is gone" bridge CHECK a "$(with_prev "$b" "$last")"
	succeeds "behind bridge, $v: DEL" sbr DEL a "$(with_prev "$c" "$last")"
	succeeds "behind bridge, $v: DEL of bridge" bridge DEL a "$(with_prev "$b" "$last")"
	nothing_left "behind bridge, $v: nothing is left"
done

container
succeeds "hawser cleanup: ADD" sbr ADD a "$(sbr '')"
check "hawser cleanup" "$BIN/hawser" cleanup a
same "hawser cleanup: no record" 0 "$(records)"

# --- bad input
container
fails "no prevResult" 7 prevResult sbr ADD a "$(sbr '' | jq -c 'del(.prevResult)')"
fails "no address" 7 "there is no address of eth1" sbr ADD a "$(IPS='' sbr '')"
fails "a gateway that is none" 7 '"gateways[0]": "10.2.0.300"' sbr ADD a "$(sbr '"gateways":["10.2.0.300"]')"
fails "two gateways of a family" 7 '"gateways[1]"' sbr ADD a "$(sbr '"gateways":["10.2.0.1","10.2.0.9"]')"
fails "a gateway that is no string" 6 '"gateways[0]"' sbr ADD a "$(sbr '"gateways":[5]')"
fails "a gateway out of reach" 7 "cannot be reached" sbr ADD a "$(sbr '"gateways":["10.77.0.1"]')"
fails "table 0" 7 table sbr ADD a "$(sbr '"table":0')"
fails "table of the wrong type" 6 table sbr ADD a "$(sbr '"table":"5"')"
fails "table and gateways" 7 '"table": 5 excludes' sbr ADD a "$(sbr '"table":5,"gateways":["10.2.0.1"]')"
fails "table and addSourceHints" 7 '"table": 5 excludes' sbr ADD a "$(sbr '"table":5,"addSourceHints":true')"
fails "addSourceHints of the wrong type" 6 addSourceHints sbr ADD a "$(sbr '"addSourceHints":1')"
CNI_IFNAME=eth9 fails "no such interface" 999 "look up eth9" sbr ADD a "$(sbr '' | jq -c '.prevResult.interfaces[0].name = "eth9"')"
NETNS=/run/netns/none fails "no such namespace" 4 /run/netns/none sbr ADD a "$(sbr '')"
NETNS=/proc/self/ns/net fails "the host's own namespace" 8 CNI_NETNS sbr ADD a "$(sbr '')"
done_testing
