# SPDX-License-Identifier: GPL-2.0-or-later
# bridge with ipMasq: real connections to the outside, two networks, DEL in every situation. Flushes: nft-flush.sh.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

masq='"ipMasq":true'
# One family of net_conf's two. usage: family CONF 4|6|dual
family() {
	case $2 in
	4) jq -c '.ipam.ranges |= .[0:1]' <<<"$1" ;;
	6) jq -c '.ipam.ranges |= .[1:2]' <<<"$1" ;;
	dual) echo "$1" ;;
	esac
}
outsiders() {
	serve outside tcp:81 udp:81
	serve third tcp:81 udp:81
}

# --- each family, with bridged packets passing netfilter or not
for nf in 0 1; do
	for f in 4 6 dual; do
		[ $nf$f != 14 ] && [ $nf$f != 16 ] || continue
		n="$f, bridge-nf $nf"
		surroundings a b
		bridge_nf $nf
		outsiders
		c=$(family "$(net_conf net br0 88 "$masq")" $f)
		succeeds "$n: ADD" bridge ADD a "$c"
		cp $out /run/prev.a
		same "$n: a chain for each subnet" "$(jq '.ips | length' /run/prev.a)" "$(chains masq)"
		join b "$c"
		same "$n: none for the second container" "$(jq '.ips | length' /run/prev.a)" "$(chains masq)"
		same "$n: no element" "" "$(all_elements)"
		serve b tcp:80 udp:80
		if [ $f != 6 ]; then
			reaches "$n: tcp, the outside sees the host" "outside 192.0.2.1" a tcp 192.0.2.9 81
			reaches "$n: udp, the outside sees the host" "outside 192.0.2.1" a udp 192.0.2.9 81
			reaches "$n: another link, the host's address there" "third 198.51.100.1" a tcp 198.51.100.9 81
			reaches "$n: tcp within the subnet keeps its address" "b $(ip4 a)" a tcp "$(ip4 b)" 80
			reaches "$n: udp within the subnet keeps its address" "b $(ip4 a)" a udp "$(ip4 b)" 80
			reaches "$n: the host sees the container's address" "b $(jq -r '.ips[0].gateway' /run/prev.a)" host tcp "$(ip4 b)" 80
			check "$n: ping to the outside" inside a ping -c1 -W2 192.0.2.9
		fi
		if [ $f != 4 ]; then
			reaches "$n: tcp6, the outside sees the host" "outside 2001:db8:1::1" a tcp 2001:db8:1::9 81
			reaches "$n: udp6, the outside sees the host" "outside 2001:db8:1::1" a udp 2001:db8:1::9 81
			reaches "$n: tcp6 within the subnet keeps its address" "b $(ip6 a)" a tcp "$(ip6 b)" 80
			check "$n: ping to the outside, IPv6" inside a ping -c1 -W2 2001:db8:1::9
		fi
		succeeds "$n: CHECK" bridge CHECK a "$(with_prev "$c" "$(cat /run/prev.a)")"
		succeeds "$n: DEL" bridge DEL a "$c"
		same "$n: the chains stay while another container is there" "$(jq '.ips | length' /run/prev.a)" "$(chains masq)"
		[ $f = 6 ] || reaches "$n: and work for it" "outside 192.0.2.1" b tcp 192.0.2.9 81
		[ $f = 4 ] || reaches "$n: and work for it, IPv6" "outside 2001:db8:1::1" b tcp 2001:db8:1::9 81
		succeeds "$n: DEL of the last" bridge DEL b "$c"
		nothing_in_nft "$n: the chains go with it"
		nothing_left "$n: nothing is left"
		same "$n: nor a note of the network" "" "$(find /run/hawser/networks -mindepth 1 2>/dev/null)"
	done
done

# --- without ipMasq the outside sees the container
surroundings a
outsiders
join a "$(net_conf net br0 88)"
reaches "ipMasq false: the outside sees the container" "outside $(ip4 a)" a tcp 192.0.2.9 81
refuse "ipMasq false: no table" nft list table inet hawser

# --- multicast keeps its source: routed here from br0 to uplink0, as smcroute would
surroundings a
c=$(net_conf net br0 88 "$masq")
join a "$c"
nft -f - <<-'EON'
table ip watch {
	chain late { type filter hook postrouting priority 300; oifname "uplink0" udp dport 4000 ip saddr 10.88.0.0/24 counter comment "kept"; oifname "uplink0" udp dport 4000 counter comment "all"; }
}
EON
/usr/bin/python3 -SE - <<-'EOP' &
import socket, struct, time
s = socket.socket(socket.AF_INET, socket.SOCK_RAW, 2)
s.setsockopt(0, 200, 1)  # MRT_INIT
for vif, name in enumerate(("br0", "uplink0")):
    s.setsockopt(0, 202, struct.pack("HBBIII", vif, 8, 1, 0, socket.if_nametoindex(name), 0))  # by index
origin, group = socket.inet_aton("10.88.0.2"), socket.inet_aton("239.1.2.3")
s.setsockopt(0, 204, origin + group + struct.pack("H", 0) + bytes([0, 1] + [0] * 30) + b"\0" * 2 + b"\0" * 16)
open("/run/mroute", "w").close()
time.sleep(10)
EOP
mroute=$!
if wait_for 2 test -e /run/mroute; then
	inside a ip route add 239.0.0.0/8 dev eth0
	inside a /usr/bin/python3 -SE -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM); s.setsockopt(0, socket.IP_MULTICAST_TTL, 5)
for i in range(3): s.sendto(b"x", ("239.1.2.3", 4000))'
	wait_for 2 sh -c 'nft list chain ip watch late | grep -q "counter packets 3.*all"'
	same "multicast that is routed keeps its source" "kept 3, all 3" \
		"$(nft -j list chain ip watch late | jq -r '[.nftables[].rule | values | "\(.comment) \(.expr[] | .counter? // empty | .packets)"] | join(", ")')"
else
	skip "multicast keeps its source" "kernel without CONFIG_IP_MROUTE"
fi
kill $mroute 2>/dev/null
wait $mroute 2>/dev/null

# --- two networks
surroundings a b
outsiders
first=$(net_conf net br0 88 "$masq") second=$(net_conf other br1 89 "$masq")
join a "$first"
join b "$second"
serve b tcp:80
same "two networks: two chains each" 4 "$(chains masq)"
reaches "two networks: from the first" "outside 192.0.2.1" a tcp 192.0.2.9 81
reaches "two networks: from the second" "outside 192.0.2.1" b tcp 192.0.2.9 81
reaches "two networks: one reaches the other" "b 10.89.0.1" a tcp "$(ip4 b)" 80
succeeds "two networks: DEL of the first" bridge DEL a "$first"
same "two networks: the second's stay" 2 "$(chains masq)"
reaches "two networks: and work" "outside 192.0.2.1" b tcp 192.0.2.9 81
succeeds "two networks: DEL of the second" bridge DEL b "$second"
nothing_in_nft "two networks: nothing is left"

# two networks with one subnet do not share a chain
surroundings a b
join a "$(net_conf net br0 88 "$masq")"
join b "$(net_conf other br1 88 "$masq" | jq -c '.isDefaultGateway = false')"
same "one subnet in two networks: chains of their own" 4 "$(chains masq)"
succeeds "one subnet in two networks: DEL" bridge DEL b "$(net_conf other br1 88 "$masq")"
same "one subnet in two networks: the other's stay" 2 "$(chains masq)"

# --- DEL in every situation
surroundings a
c=$(net_conf net br0 88 "$masq")
succeeds "DEL before any ADD" bridge DEL a "$c"
join a "$c"
NETNS='' succeeds "DEL with an empty CNI_NETNS" bridge DEL a "$c"
nothing_in_nft "and nothing is left"
succeeds "DEL again" bridge DEL a "$c"
join a "$c"
succeeds "DEL when the configuration no longer says ipMasq" bridge DEL a "$(net_conf net br0 88)"
nothing_in_nft "and nothing is left of it"
join a "$c"
ip netns del a
succeeds "DEL when the netns is gone" bridge DEL a "$c"
nothing_in_nft "and nothing is left then"
surroundings a b
join a "$c"
join b "$(jq -c '.ipam.ranges=[[{"subnet":"10.90.0.0/24"}],[{"subnet":"fd00:90::/64"}]] | .forceAddress=true' <<<"$c")"
same "the subnet of a network changed: chains for both" 4 "$(chains masq)"
succeeds "DEL of the old one" bridge DEL a "$c"
succeeds "DEL of the new one" bridge DEL b "$c"
nothing_in_nft "chains of both subnets are gone"

# GC
surroundings a b
join a "$c"
join b "$c"
succeeds "GC with one valid attachment" bridge GC a "$(jq -c '."cni.dev/valid-attachments"=[{containerID:"a",ifname:"eth0"}]' <<<"$c")"
same "GC: the chains stay" 2 "$(chains masq)"
succeeds "GC with none" bridge GC a "$(jq -c '."cni.dev/valid-attachments"=[]' <<<"$c")"
nothing_in_nft "GC: the chains go with the last"

# --- layer 2
surroundings a
for l2 in '' ',"ipam":{}'; do
	l="{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"bridge\",\"bridge\":\"br0\",\"ipMasq\":true$l2}"
	succeeds "no ipam with ipMasq ($l2)" bridge ADD a "$l"
	succeeds "no ipam: CHECK" bridge CHECK a "$(with_prev "$l" "$(cat $out)")"
	succeeds "no ipam: DEL" bridge DEL a "$l"
	nothing_left "no ipam: nothing is left"
	nothing_in_nft "no ipam: nothing in nft"
done

# --- bad input
surroundings a
fails "ipMasqBackend unknown" 7 '"ipMasqBackend": unknown ipmasq backend "ebtables"' bridge ADD a \
	"$(net_conf net br0 88 '"ipMasq":true,"ipMasqBackend":"ebtables"')"
fails "ipMasqBackend of another type" 6 ipMasqBackend bridge ADD a "$(net_conf net br0 88 '"ipMasq":true,"ipMasqBackend":1')"
fails "ipMasq of another type" 6 ipMasq bridge ADD a "$(net_conf net br0 88 '"ipMasq":"yes"')"
for backend in '""' '"nftables"' null; do
	succeeds "ipMasqBackend $backend" bridge ADD a "$(net_conf net br0 88 "\"ipMasq\":true,\"ipMasqBackend\":$backend")"
	same "ipMasqBackend $backend: in nftables" 2 "$(chains masq)"
	succeeds "ipMasqBackend $backend: DEL" bridge DEL a "$(net_conf net br0 88 "\"ipMasq\":true,\"ipMasqBackend\":$backend")"
done
succeeds "STATUS" bridge STATUS a "$c"

# --- names of every length
long=$(printf 'n%.0s' {1..100})
surroundings a
c2=$(net_conf "$long" br0 88 "$masq")
id=$(printf 'i%.0s' {1..120})
NETNS=/run/netns/a succeeds "a long network and id" bridge ADD "$id" "$c2"
NETNS=/run/netns/a succeeds "a long network and id: CHECK" bridge CHECK "$id" "$(with_prev "$c2" "$(cat $out)")"
NETNS=/run/netns/a succeeds "a long network and id: DEL" bridge DEL "$id" "$c2"
nothing_in_nft "a long network and id: nothing is left"
done_testing
