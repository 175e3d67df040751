# SPDX-License-Identifier: GPL-2.0-or-later
# The plugins that work on an interface which another one made: each step of ADD fails (HAWSER_FAULT=k) and
# leaves host and container as they were; each step of DEL, and the next DEL finishes the job; every seventh
# system call of ADD is the last one (SIGKILL), and DEL leaves nothing.
. "$(dirname "$0")/lib.sh"

MADE='"interfaces":[{"name":"p0","mac":"02:00:00:00:00:bb"},{"name":"eth0","mac":"02:00:00:00:00:aa","sandbox":"/run/netns/a"}],
"ips":[{"address":"10.1.0.2/24","gateway":"10.1.0.1","interface":1},{"address":"fd00:1::2/64","gateway":"fd00:1::1","interface":1}],"routes":[{"dst":"0.0.0.0/0"}]'

# What an attachment of any of them may leave.
state() {
	"$SNAPSHOT" /run/cni
	inside a sysctl -n net.core.somaxconn net.ipv4.conf.eth0.arp_filter
	ip -n a -d link show eth0 | grep -o 'allmulti [0-9]'
	tc qdisc show dev p0
	tc filter show dev p0 parent ffff: 2>/dev/null
	tc qdisc show | grep bwp
}
container() {
	slate a
	rm -rf /run/cni
	ip link add p0 address 02:00:00:00:00:bb type veth peer name eth0 address 02:00:00:00:00:aa netns a
	ip link set p0 up
	ip -n a link set lo up
	ip -n a link set eth0 up
	# a change of the MAC sets it, and it stays
	inside a sysctl -q net.ipv4.conf.eth0.arp_notify=1
	ip -n a addr add 10.1.0.2/24 dev eth0
	ip -n a addr add fd00:1::2/64 dev eth0 nodad
	ip -n a route add default via 10.1.0.1
	ip -n a route add default via fd00:1::1
}
# usage: conf PLUGIN MEMBERS
conf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"$1\",\"prevResult\":{\"cniVersion\":\"1.1.0\",$MADE}${2:+,$2}}"; }

# usage: steps PLUGIN MEMBERS
steps() {
	local plugin=$1 c k before status=1 wrong=0 left=0 lived=0 limit=200
	c=$(conf "$1" "$2")
	container
	before=$(state)
	: >/run/errors
	for ((k = 1; k <= limit; k++)); do
		HAWSER_FAULT=$k plugin "$plugin" ADD a "$c"
		status=$?
		reached || break
		if [ $status -eq 0 ]; then
			lived=$((lived + 1))
			plugin "$plugin" DEL a "$c"
		else
			cat $out >>/run/errors
		fi
		if [ "$before" != "$(state)" ]; then
			not_ok "$plugin, step $k: everything is as it was" "$(diff <(echo "$before") <(state))"
			wrong=1
			plugin "$plugin" DEL a "$c"
			container
		fi
	done
	errors_are_json "$plugin" $((k - 1 - lived))
	[ $lived -le 1 ] || not_ok "$plugin: $lived failures that do not matter, more than coming back from the container"
	[ $wrong -ne 0 ] || ok "$plugin: after each of $((k - 1 - lived)) failures everything is as it was"
	if [ $k -gt 5 ] && [ $k -le $limit ] && [ $status -eq 0 ]; then ok "$plugin: ADD succeeds when no step fails"; else not_ok "$plugin: $k steps"; fi
	for ((k = 1; k <= limit; k++)); do
		HAWSER_FAULT=$k plugin "$plugin" DEL a "$c"
		status=$?
		reached || break
		plugin "$plugin" DEL a "$c" || not_ok "$plugin, DEL step $k: the next DEL"
		[ "$before" = "$(state)" ] || { left=1 && not_ok "$plugin, DEL step $k: the next DEL finishes the job" "$(diff <(echo "$before") <(state))"; }
		plugin "$plugin" ADD a "$c" || not_ok "$plugin, DEL step $k: ADD after it"
	done
	[ $left -ne 0 ] || ok "$plugin: after each of $((k - 1)) failures of DEL, the next DEL finishes the job"
	same "$plugin: DEL without a failure" 0 $status
	same "$plugin: leaves nothing" "$before" "$(state)"
}

# usage: kills PLUGIN MEMBERS
kills() {
	local plugin=$1 c k=0 status=137 killed=0 wrong=0 before
	c=$(conf "$1" "$2")
	container
	before=$(state)
	while [ $status -eq 137 ] && k=$((k + 7)) && [ $k -lt 1000 ]; do
		CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$BIN/kill_at" $k "$BIN/$plugin" <<<"$c" >/dev/null 2>&1
		status=$?
		[ $status -ne 137 ] || killed=$((killed + 1))
		# a second ADD, as after a crash of the runtime, and DEL by name alone
		[ $((k % 2)) -eq 0 ] || plugin "$plugin" ADD a "$c" || not_ok "$plugin: ADD after a kill at call $k"
		plugin "$plugin" DEL a "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"$plugin\"}" || not_ok "$plugin: DEL after a kill at call $k"
		if [ "$before" != "$(state)" ]; then
			wrong=$((wrong + 1))
			not_ok "$plugin: killed at call $k" "$(diff <(echo "$before") <(state))"
			[ $wrong -lt 3 ] || break
			container
		fi
	done
	same "$plugin: the ADD that was not killed succeeded" 0 "$status"
	if [ $killed -gt 5 ]; then ok "$plugin: killed at $killed of its system calls"; else not_ok "$plugin: only $killed kills"; fi
	same "$plugin: kills that left something" 0 "$wrong"
	same "$plugin: no temporary file" "" "$(find /run/cni /run/hawser -name '.tmp*' 2>/dev/null)"
}

# usage: both PLUGIN MEMBERS
both() {
	steps "$@"
	if [[ $BIN == */san/* ]]; then
		skip "$1: killed at its system calls" "LeakSanitizer and ptrace exclude each other"
	else
		kills "$@"
	fi
}
both tuning '"mac":"02:00:00:00:00:cc","mtu":1400,"txQLen":77,"promisc":true,"allmulti":true,"sysctl":{"net.core.somaxconn":"500","net.ipv4.conf.IFNAME.arp_filter":"1"}'
both bandwidth '"ingressRate":2000000,"ingressBurst":80000,"egressRate":4000000,"egressBurst":80000'
steps bandwidth '"ingressRate":2000000,"ingressBurst":80000,"egressRate":4000000,"egressBurst":80000,"unshapedSubnets":["10.2.0.0/16","fd00:2::/64"]'
both sbr ''
steps sbr '"addSourceHints":true'
done_testing
