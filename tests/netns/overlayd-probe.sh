# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd asks the other nodes through the overlay: who answers, how quickly, how large packets may be; what it says
# and publishes of it; that it goes on with its work meanwhile, and without the right to ask.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture star-N down' EXIT

# A metric of a node. usage: of_node NAME NODE
of_node() { agent_get n1 /metrics | sed -n "s/^hawser_overlay_peer_$1{network=\"blue\",node=\"$2\"} //p"; }
# Those of n1's peers that are reachable, unreachable, with a small MTU.
counted() { echo "$(metric n1 peers_reachable) $(metric n1 peers_unreachable) $(metric n1 peers_mtu_short)"; }
counted_is() { [ "$(counted)" = "$1" ]; }
# usage: comes NAME COUNTED
comes() {
	wait_for $((6 * SLOW)) counted_is "$2" || :
	same "$1" "$2" "$(counted)"
}
# What n1's agent has said of its peers since the last mark.
told() { agent_log n1 | sed -n 's/^hawser: network "blue": \(.*node.*\)/\1/p' | sort; }
# Echo requests that a host has sent. usage: asked HOST
asked() { in_host "$1" awk '$1 == "Icmp:" { if (at) n += $(at); for (i = 1; i <= NF; i++) if ($i == "OutEchos") at = i } $1 == "Icmp6OutEchos" { n += $2 } END { print n }' /proc/net/snmp /proc/net/snmp6; }

agent_hosts 3
file_nodes 1 2 3
for option in "" x 1x -1 86401 1.5; do
	in_host n1 "$AGENT" --probe-every "$option" >$out 2>$err
	same "usage: --probe-every \"$option\"" 2 $?
done
# an ARP request that was lost between hosts just made is repeated after a second: nobody is to be taken for gone meanwhile
for host in n1 n2 n3; do
	for i in 1 2 3; do wait_for 10 in_host $host ping -c1 -W1 192.0.2.$i; done
done
agent_run n2 --probe-every 0
agent_run n3
agent_start n1 --probe-every 1
for host in n1 n2 n3; do agent_comes $host '.peers | length == 2' || not_ok "$host knows the others"; done
all_meet "three nodes" n1 n2 n3
never=$(asked n2)

#  ---- All is well ----

comes "asked every second, all answer" "2 0 0"
same "status: n2" "true true true 1450" "$(agent_says n1 '.peers[] | select(.node == "n2") | "\(.reachable) \(.rttMicroseconds > 0) \(.probedAt > 1700000000) \(.mtu)"')"
same "metrics: n2 and n3" "1 1" "$(of_node up n2) $(of_node up n3)"
check "the round-trip time in seconds" grep -qE '^0\.[0-9]*[1-9][0-9]*$' <(of_node rtt_seconds n2)
agent_get n1 /metrics >/run/metrics
check "metrics are what Prometheus reads" grep -q ' families' <(/usr/bin/python3 -SE "$here/tests/netns/exposition.py" /run/metrics 2>&1)
same "nothing is said of nodes that are well" "" "$(told)"

#  ---- A node cut off, and a small path to the other one; meanwhile the kernel's entries are put right ----

agent_mark n1
fixture star-N cut n3
in_underlay ip link set n2 mtu 1300
comes "n3 is cut off, the underlay carries less to n2" "1 1 1"
mtu=$(agent_says n1 '.peers[] | select(.node == "n2") | .mtu')
# what is on the wire has 50 bytes more; a bridge lets through those of a VLAN's tag, too
check "so many bytes come back: $mtu" eval '[ $((mtu + 50)) -ge 1300 ] && [ $((mtu + 50)) -le 1304 ]'
# n3 does not answer: a round is always under way. Prints the milliseconds of the best of three attempts.
healing() {
	# shellcheck disable=SC2016
	in_host n1 bash -c '
		best=5000
		for attempt in 1 2 3; do
			begin=${EPOCHREALTIME/./}
			ip route del 10.5.2.0/24 || exit
			until [ -n "$(ip -4 route show 10.5.2.0/24)" ] || [ $((${EPOCHREALTIME/./} - begin)) -gt 5000000 ]; do :; done
			took=$(((${EPOCHREALTIME/./} - begin) / 1000))
			[ $took -ge $best ] || best=$took
		done
		echo $best'
}
took=$(healing)
check "a route deleted meanwhile is back in $took ms" [ "$took" -lt $((200 * SLOW)) ]
same "status: n3" "false null null" "$(agent_says n1 '.peers[] | select(.node == "n3") | "\(.reachable) \(.rttMicroseconds) \(.mtu)"')"
same "metrics: n2, n3" "1 0 -" "$(of_node up n2) $(of_node up n3) $(of_node rtt_seconds n3)-"
same "each is said once" "node n2 (192.0.2.2): packets of more than $mtu bytes do not come back, though the MTU is 1450
node n3 (192.0.2.3) does not answer through the overlay" "$(told)"
agent_mark n1
in_underlay ip link set n2 mtu 1500
fixture star-N join n3
comes "both are well again" "2 0 0"
same "that is said, too" "node n2 (192.0.2.2) takes packets of the full MTU again
node n3 (192.0.2.3) answers again" "$(told)"

#  ---- Another view ----

agent_mark n1
peers_of 1 1 {2..8}
comes "five nodes that are not there" "2 5 0"
same "many are a number" "nodes that do not answer through the overlay: 5, of 7 nodes" "$(told)"
known=$(agent_says n1 '.peers[] | select(.node == "n3") | .probedAt')
# n3 has another place now
peers_of 1 1 3 2
check "they are gone from the store: held" agent_comes n1 '.heldPeers == 5' 1
agent_get n1 /obey/blue -X POST
check "what is known of a node stays with it" [ "$(agent_says n1 '.peers[] | select(.node == "n3") | .probedAt')" -ge "$known" ]
same "of those gone nothing is left" "2 0 0" "$(counted)"

#  ---- Never, and without the right ----

agent_end n1
WITH="setpriv --bounding-set -net_raw" agent_start n1 --probe-every 1
refused() { agent_log n1 | grep -c 'the peers are not probed: opening raw sockets needs CAP_NET_RAW'; }
check "without CAP_NET_RAW the agent says so" wait_for $((4 * SLOW)) eval '[ "$(refused)" = 1 ]'
before=$(asked n1)
in_host n1 ip route del 10.5.2.0/24
check "goes on" wait_for $((2 * SLOW)) eval '[ -n "$(in_host n1 ip -4 route show 10.5.2.0/24)" ]'
same "sends nothing, and counts nobody" "$before 0 0 0" "$(asked n1) $(counted)"
same "it has said so once" 1 "$(refused)"
check "n3 has asked by itself, a few seconds after its start" [ "$(asked n3)" -gt 0 ]
same "n2, which never asks, has sent nothing in all that time" "$never null null" "$(asked n2) $(agent_says n2 '.peers[0] | "\(.reachable) \(.probedAt)"')"
agents_end n1 n2 n3
done_testing
