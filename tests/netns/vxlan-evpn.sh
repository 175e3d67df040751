# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan, mode "l2", with BGP EVPN: FRR's zebra and bgpd, Debian's package frr, on two nodes write the forwarding entries.
. "$(dirname "$0")/../overlay-lib.sh"
FRR=/usr/lib/frr
if [ ! -x $FRR/zebra ] || [ ! -x $FRR/bgpd ]; then
	skip "vxlan with EVPN" "FRR is not installed (apt-get install frr)"
	done_testing
fi
trap 'fixture star-N down' EXIT

# usage: daemon HOST NAME [OPTION...]
daemon() {
	in_host "$1" $FRR/"$2" -f "/run/frr/$2.conf" -i "/run/frr/$2.pid" -z /run/frr/zserv.api --vty_socket /run/frr -A 127.0.0.1 "${@:3}" >"/run/test-$1-$2" 2>&1 &
}
# A router between n1 and n2; each is the other's neighbour. usage: router I
router() {
	: | host_put "n$1" /run/frr/zebra.conf
	host_put "n$1" /run/frr/bgpd.conf <<-END
		router bgp 65000
		 bgp router-id 192.0.2.$1
		 no bgp default ipv4-unicast
		 neighbor 192.0.2.$((3 - $1)) remote-as 65000
		 neighbor 192.0.2.$((3 - $1)) timers 1 3
		 neighbor 192.0.2.$((3 - $1)) timers connect 1
		 address-family l2vpn evpn
		  neighbor 192.0.2.$((3 - $1)) activate
		  advertise-all-vni
	END
	in_host "n$1" chown -R frr:frr /run/frr
	daemon "n$1" zebra
	wait_for 10 in_host "n$1" test -S /run/frr/zserv.api && daemon "n$1" bgpd -l "192.0.2.$1"
}
# Entries of the other node that a daemon has written: of MACs, and the replication list. usage: macs HOST; list HOST
macs() { in_host "$1" bridge fdb show dev vx42 | sed -n 's/^\(0a:58:[^ ]*\) dst \([^ ]*\) self.*extern_learn.*/\1 \2/p' | sort | xargs; }
list() { in_host "$1" bridge fdb show dev vx42 | sed -n 's/^00:00:00:00:00:00 dst \([^ ]*\) .*/\1/p' | xargs; }
# usage: neighbour HOST ADDRESS; whether a daemon has written it
neighbour() { in_host "$1" ip neigh show to "$2" dev br-vx42 | grep -q 'extern_learn.*proto zebra'; }
count() { in_host "$1" nft "add table inet t; flush table inet t; add chain inet t c { type filter hook prerouting priority -500; }; add rule inet t c udp dport 4789 @th,128,48 0x${2//:/} counter"; }
counted() { in_host "$1" nft list table inet t | sed -n 's/.*packets \([0-9]*\).*/\1/p'; }

fixture star-N up 2
host_state n1 >/run/test-before
# usage: configure [MEMBERS]
configure() { for i in 1 2; do MODE=l2 MORE="\"store\":{\"type\":\"evpn\"}${1:+,$1}" overlay_nodes $i; done; }
configure
router 1
router 2
attach n1 b blue
attach n2 b blue
check "each hears of the other's VTEP" wait_for 20 eval '[ "$(list n1) $(list n2)" = "192.0.2.2 192.0.2.1" ]'
check "and of the container, which has only announced itself" wait_for 20 eval '[ "$(macs n1)" = "0a:58:0a:05:02:02 192.0.2.2" ]'
all_meet "containers" n1/b n2/b
BYTES=1450 all_meet "with packets of 1450 bytes" n1/b n2/b
same "device and port learn nothing" "false false true" "$(in_host n1 ip -d -j link show vx42 | jq -r \
	'.[0].linkinfo | "\(.info_data.learning) \(.info_slave_data.learning) \(.info_slave_data.neigh_suppress)"')"
check "CHECK" host_cni n1 check blue b
attach n1 b2 blue
all_meet "a second container" n1/b n1/b2 n2/b
same "leaves what the daemon has written" "192.0.2.2 0a:58:0a:05:02:02 192.0.2.2" "$(list n1) $(macs n1)"

# a container that has talked to its node is known by its addresses, too
for gateway in 10.5.2.1 fd00:5:0:2::1; do in_place n2/b ping -c1 -W2 $gateway >/dev/null; done
check "the others know its addresses" wait_for 20 eval 'neighbour n1 10.5.2.2 && neighbour n1 fd00:5:0:2::2'
in_place n1/b ip neigh flush dev eth0
count n2 ffffffffffff
check "questions for it" in_place n1/b ping -c1 -W2 10.5.2.2
same "are answered by the own node" 0 "$(counted n2)"
count n2 3333ff000002
check "over IPv6" in_place n1/b ping -c1 -W2 fd00:5:0:2::2
same "as well" 0 "$(counted n2)"
in_host n2 nft delete table inet t

# an address that moves
configure '"ipam":{"type":"static","addresses":[{"address":"10.5.99.9/16"},{"address":"fd00:5:0:99::9/48"}]}'
attach n1 f blue
FAMILIES=4 all_meet "an address of nobody's subnet" n1/f n1/b n2/b
detach n1 f blue
attach n2 f blue
mac=$(result '.interfaces[2].mac')
check "that moves" wait_for 20 eval '[[ "$(macs n1)" = *"$mac 192.0.2.2"* ]]'
all_meet "is reached" n2/f n1/b n1/b2 n2/b
detach n2 f blue
configure

# a router that is away
in_host n2 sh -c 'kill "$(cat /run/frr/bgpd.pid)"'
check "without its router a node is taken out of the list" wait_for 20 eval '[ -z "$(list n1)$(macs n1)" ]'
daemon n2 bgpd -l 192.0.2.2
check "and is back with it" wait_for 20 eval '[ "$(list n1)" = 192.0.2.2 ] && [[ "$(macs n1)" = "0a:58:0a:05:02:02 "* ]]'
all_meet "all meet again" n1/b n1/b2 n2/b

detach n1 b blue
detach n1 b2 blue
host_kill n1
in_host n1 rm -r /run/frr
host_state n1 >/run/test-after
same "nothing is left" "" "$(diff /run/test-before /run/test-after)"
done_testing
