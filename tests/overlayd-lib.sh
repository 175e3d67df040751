# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of hawser-overlayd share: an agent on each of the hosts of netns-fixtures, started, asked and ended.
# A host's agent reads /run/cni/net.d, and says what it has to say in /run/agent.log. Without containers a
# node answers at the network addresses of its subnets: 10.B.I.0 and fd00:B:0:I::.
. "$(dirname "${BASH_SOURCE[0]}")/overlay-lib.sh"
. "$here/tests/etcd-lib.sh"
AGENT=$BIN/hawser-overlayd
declare -A AGENT_JOB # what to wait for, by host
# the sanitizers take their time
case $BIN in *san*) SLOW=5 ;; *) SLOW=1 ;; esac

# Hosts n1 to nN with room for an agent. usage: agent_hosts N [ARGUMENT-OF-star-N...]
agent_hosts() {
	local i
	fixture star-N up "$@"
	for i in $(seq "$1"); do agent_room "n$i"; done
}
# usage: agent_room HOST
agent_room() {
	in_host "$1" mkdir -p /run/cni/net.d /run/peers
	V4[$1]=10.${B:-5}.${1#n}.0
	V6[$1]=$(printf 'fd00:%x:0:%x::' "${B:-5}" "${1#n}")
}

# The records that nI's file store has. usage: peers_of I J...; NAME (blue)
peers_of() { overlay_records "${@:2}" | host_put "n$1" "/run/peers/${NAME:-blue}"; }
# Configure nodes with a file store, all of which know each other. usage: file_nodes I...; NAME, VNI, B, MORE
file_nodes() {
	local i
	for i in "$@"; do
		peers_of "$i" "$@"
		file_list "$i" | host_put "n$i" "/run/cni/net.d/${NAME:-blue}.conflist"
	done
}
# usage: file_list I
file_list() { overlay_list "$1" "\"store\":{\"type\":\"file\",\"path\":\"/run/peers/${NAME:-blue}\"}"; }

# Hosts and an etcd, without agents yet. usage: etcd_hosts N [4|dual]
etcd_hosts() { NO_AGENTS=1 fixture etcd-N up "$@"; }
# etcdctl. usage: ctl ARGUMENT...
ctl() { fixture etcd-N etcd "$@"; }
# etcd's end and beginning, with the data that it has. usage: etcd_away; etcd_back
etcd_away() { etcd_stop /run/hawser-hosts/etcd; }
etcd_back() { RUN=in_underlay ADDRESS=192.0.2.254 etcd_start /run/hawser-hosts/etcd 2379 2>/dev/null; }
# Where nodes answer that got their subnets from etcd: at the network addresses. usage: learn HOST...
learn() {
	local host
	for host in "$@"; do
		V4[$host]=$(agent_says "$host" '.subnets[0] // ""' | sed 's/\/.*//')
		V6[$host]=$(agent_says "$host" '.subnets[1] // ""' | sed 's/\/.*//')
	done
}
# Wait until hosts know so many peers (a dual-stack one counts twice), and nothing is wrong. usage: know N HOST...
know() {
	local host
	for host in "${@:2}"; do
		agent_comes "$host" ".peers | length == $1" && agent_comes "$host" '.lastError == "" and .conflict == ""' ||
			not_ok "$host knows $1 others" "$(agent_says "$host" .)"
	done
}

# Start a host's agent, and wait until it answers. usage: agent_start HOST [ARGUMENT...]; under COMMAND... in WITH
agent_start() {
	agent_run "$@"
	wait_for $((5 * SLOW)) agent_get "$1" /status || not_ok "the agent of $1 answers" "$(in_host "$1" cat /run/agent.log)"
}
# The same without waiting.
agent_run() {
	in_host "$1" rm -f /run/agent.pid
	# shellcheck disable=SC2016,SC2086
	in_host "$1" sh -c 'echo $$ >/run/agent.pid; exec "$@" >>/run/agent.log 2>&1' - ${WITH:-} "$AGENT" --conf-dir /run/cni/net.d "${@:2}" 2>/dev/null &
	AGENT_JOB[$1]=$!
}
agent_pid() {
	wait_for 5 in_host "$1" test -s /run/agent.pid
	in_host "$1" cat /run/agent.pid
}
# End it, and see how. usage: agent_end HOST [SIGNAL]; its exit status is returned
agent_end() {
	kill "-${2:-TERM}" "$(agent_pid "$1")"
	wait "${AGENT_JOB[$1]}"
} 2>/dev/null
# Those of several hosts. usage: agents_start HOST...
agents_start() {
	local host
	for host in "$@"; do agent_run "$host"; done
	for host in "$@"; do wait_for $((5 * SLOW)) agent_get "$host" /status || not_ok "the agent of $host answers" "$(in_host "$host" cat /run/agent.log)"; done
}
# The end of several, which have done nothing wrong. usage: agents_end HOST...
agents_end() {
	local host
	no_complaint "no complaint of a sanitizer" "$@"
	for host in "$@"; do
		agent_end "$host"
		same "$host ends well" 0 $?
	done
	no_complaint "nothing leaked" "$@"
}

# Ask an agent. usage: agent_get HOST PATH [OPTION-OF-CURL...]
agent_get() { in_host "$1" curl -sf --max-time $((3 * SLOW)) --unix-socket /run/hawser/overlayd.sock "${@:3}" "http://localhost$2"; }
# What it says of a network. usage: agent_says HOST JQ-FILTER; NAME (blue)
agent_says() { agent_get "$1" /status | jq -r --arg name "${NAME:-blue}" ".networks[] | select(.network == \$name) | $2"; }
# usage: agent_is HOST JQ-FILTER: that is true
agent_is() { [ "$(agent_says "$@")" = true ]; }
# Wait until it is. usage: agent_comes HOST JQ-FILTER [SECONDS]
agent_comes() { wait_for $((${3:-5} * SLOW)) agent_is "$1" "$2"; }
# A metric of a network. usage: metric HOST NAME; NAME (blue) of the network
metric() { agent_get "$1" /metrics | sed -n "s/^hawser_overlay_$2{network=\"${NAME:-blue}\"} //p"; }
# What it has said since the last mark. usage: agent_mark HOST; agent_log HOST
agent_mark() { in_host "$1" sh -c 'wc -l </run/agent.log >/run/agent.mark'; }
agent_log() { in_host "$1" sh -c 'tail -n +$(($(cat /run/agent.mark 2>/dev/null || echo 0) + 1)) /run/agent.log'; }
# Whether an agent said something a sanitizer would. usage: no_complaint NAME HOST...
no_complaint() {
	local host
	for host in "${@:2}"; do in_host "$host" grep -nE 'ERROR: |runtime error|Sanitizer' /run/agent.log; done >/run/test-complaints
	same "$1" "" "$(cat /run/test-complaints)"
}

# A record of a container that lives in a network, as an ADD leaves it. usage: pretend_container HOST [NETWORK]
pretend_container() { echo '{}' | host_put "$1" "/run/hawser/attachments/${2:-blue}/fake-eth0:vxlan"; }
# usage: end_container HOST [NETWORK]
end_container() { in_host "$1" rm "/run/hawser/attachments/${2:-blue}/fake-eth0:vxlan"; }

# A host's part of an overlay, as text: device, addresses, entries, table. usage: overlay_of HOST [VNI]
overlay_of() {
	# shellcheck disable=SC2016
	in_host "$1" sh -c 'exec 2>&1
		{ ip -o -d link show dev "vx$1"; ip -o addr show dev "vx$1"; } | sed "s/^[0-9]*: //"
		{ ip -4 route show proto 72; ip -6 route show proto 72; ip neigh show dev "vx$1" nud permanent; bridge fdb show dev "vx$1"; } | sort
		nft list table inet "hawser-vx$1" | sed "s/ counter packets .* bytes [0-9]*//"' - "${2:-42}"
}

# From now on a packet every 10 ms. usage: traffic HOST ADDRESS
traffic() {
	# shellcheck disable=SC2016
	in_host "$1" sh -c 'echo $$ >/run/ping.pid; exec ping -O -i 0.01 "$1"' - "$2" >"/run/test-ping-$1" 2>&1 &
	wait_for 5 grep -q 'seq=3' "/run/test-ping-$1"
}
# End it. usage: lost HOST LEAST; prints how many did not come, and LEAST, or how many came if that is less
lost() {
	local came
	kill -INT "$(in_host "$1" cat /run/ping.pid)"
	wait_for 5 grep -q 'packets transmitted' "/run/test-ping-$1"
	came=$(grep -c 'bytes from' "/run/test-ping-$1")
	echo "$(grep -c 'no answer yet' "/run/test-ping-$1") of at least $((came < $2 ? came : $2))"
}
