# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd killed at its system calls: traffic goes on, the next one finishes, and writes nothing where nothing
# differs.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture star-N down' EXIT
POINTS=$((SLOW == 1 ? 24 : 8)) # at which it is killed, spread over the way to the first quiet moment

# Start the agent of n1 and kill it when it enters its system call K. Return: 137 killed, 124 it lives.
# usage: killed_at K
killed_at() { in_host n1 timeout $((2 * SLOW)) "$HELPERS/kill_at" "$1" "$AGENT" --conf-dir /run/cni/net.d >>/run/test-agent.log 2>&1; }
whole() { [ "$(overlay_of n1)" = "$(cat /run/test-whole)" ]; }
# How many system calls it makes until it has sent the last request and written the last file. usage: calls PREPARE
calls() {
	local n
	"$1"
	WITH="strace -o /run/test-trace" agent_start n1
	agent_comes n1 '.fromSnapshot == false and .mtu == 1450'
	# strace would leave it alone
	kill -KILL "$(agent_get n1 /status | jq .agent.pid)"
	wait "${AGENT_JOB[n1]}"
	n=$(in_host n1 grep -nE '^(sendmsg|rename|sendto\(.*nlmsg)' /run/test-trace | tail -n 1 | cut -d: -f1)
	calls=$((n + 5))
} 2>/dev/null
# Kill it at POINTS of them. usage: kills PREPARE AFTER; in $killed how often, in $wrong what AFTER printed
kills() {
	local k calls
	calls "$1"
	killed=0 wrong=
	for ((k = 1; k < calls; k += calls / POINTS + 1)); do
		"$1"
		killed_at $k
		[ $? -ne 137 ] || killed=$((killed + 1))
		wrong+=$("$2" $k)
	done
}

agent_hosts 4
file_nodes 1 2 3
agents_start n1 n2 n3
agent_comes n1 '.peers | length == 2' && agent_comes n2 '.peers | length == 2' || not_ok "the nodes know each other"
all_meet "three nodes" n1 n2 n3
overlay_of n1 >/run/test-whole
agent_end n1 KILL
same "killed, it leaves everything" "" "$(diff /run/test-whole <(overlay_of n1))"

#  ---- With everything still to be made ----

nothing() {
	in_host n1 sh -c 'ip link del vx42; nft delete table inet hawser-vx42; rm -rf /run/hawser/overlay /run/hawser/subnets /var/lib/hawser/overlay' 2>/dev/null
}
finish() {
	agent_run n1
	wait_for $((5 * SLOW)) whole || echo "after call $1: $(diff /run/test-whole <(overlay_of n1))"
	agent_end n1 KILL
}
kills nothing finish
check "killed at $killed calls on its way from nothing" test "$killed" -ge $((POINTS * 2 / 3))
same "the next one makes the rest" "" "$wrong"

#  ---- With differences to be mended, while traffic goes on ----

turn=0
differences() {
	turn=$((1 - turn))
	if [ $turn = 1 ]; then peers_of 1 1 2 3 4; else peers_of 1 1 2 3; fi
	in_host n1 sh -c 'ip route del 10.5.3.0/24; ip neigh del fd00:5:0:3:: dev vx42; nft delete element inet hawser-vx42 vteps4 "{ 192.0.2.3 }"' 2>/dev/null
}
traffic n2 10.5.1.0
kills differences true
check "killed at $killed calls while it mends" test "$killed" -ge $((POINTS * 2 / 3))
same "traffic with a node that nothing is the matter with loses no packet" "0 of at least 20" "$(lost n2 20)"
peers_of 1 1 2 3
traffic n2 10.5.1.0
agent_start n1
check "the next one mends all of it" wait_for $((2 * SLOW)) whole
for k in 1 2 3 4 5; do
	agent_end n1 KILL
	agent_start n1
done
same "started again and again it loses no packet" "0 of at least 10" "$(lost n2 10)"

#  ---- With nothing to do ----

agent_end n1 KILL
# shellcheck disable=SC2016
in_host n1 sh -c 'ip monitor link address route neigh >/run/seen-ip 2>&1 & echo $! >/run/ip.pid
	nft monitor >/run/seen-nft 2>&1 & echo $! >/run/nft.pid'
# they listen when they see what is of no matter
sees_all() {
	in_host n1 sh -c 'ip link add probe type veth peer name probe2; nft add table inet probe
		ip link del probe; nft delete table inet probe; grep -q probe /run/seen-ip && grep -q probe /run/seen-nft'
}
check "changes are seen" wait_for 5 sees_all
agent_start n1
agent_comes n1 '.fromSnapshot == false'
runs=$(metric n1 runs_total)
kill -HUP "$(agent_pid n1)"
more_runs() { [ "$(metric n1 runs_total)" -gt "$runs" ]; }
check "it has compared everything" wait_for 5 more_runs
same "and written no entry" 0 "$(metric n1 entries_written_total)"
in_host n1 nft add table inet last
in_host n1 ip link add last type veth peer name last2
check "the watchers have caught up" wait_for 5 eval 'in_host n1 sh -c "grep -q last /run/seen-nft && grep -q last /run/seen-ip"'
same "the kernel has announced no change" "" "$(in_host n1 sh -c 'cat /run/seen-ip /run/seen-nft' | grep -E 'vx42|hawser|proto 72')"
for name in ip nft; do kill "$(in_host n1 cat /run/$name.pid)"; done
check "and all is whole" whole
check "no complaint of a sanitizer" eval '! grep -E "ERROR: |runtime error" /run/test-agent.log'
for host in n1 n2 n3; do agent_end $host; done
no_complaint "nothing leaked" n1 n2 n3
done_testing
