# SPDX-License-Identifier: GPL-2.0-or-later
# The plugins with a part in netfilter: each step of ADD fails (HAWSER_FAULT=k) and leaves the ruleset, the
# records and the leases as they were; every fourth system call of ADD (KILL_EVERY) is the last one (SIGKILL), and
# DEL or GC leaves nothing. A container of another network stays attached throughout, and keeps what it has.
. "$(dirname "$0")/lib.sh"

OTHER='{"cniVersion":"1.1.0","name":"other","type":"bridge","bridge":"br1","isGateway":true,"ipMasq":true,"antispoof":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.99.0.0/24"}],[{"subnet":"fd00:99::/64"}]]}}'
BRIDGE=$(conf "\"isDefaultGateway\":true,\"ipMasq\":true,\"antispoof\":true,$(ipam dual)")

# One element or rule a line, in no order; and every record.
elements() {
	nft -s list ruleset 2>/dev/null | tr '\n' ' ' | sed 's/[{},;]/\n/g; s/\t/ /g' | sed 's/  */ /g; s/^ //; s/ $//' | sort -u
	find /run/hawser -type f | grep -v lock | sort
}
state() {
	snapshot
	elements
	for save in iptables-save ip6tables-save; do
		$save 2>/dev/null | grep -v '^#' | sed 's/\[[0-9:]*\]//'
	done | sort
}

# usage: chained NAME PLUGIN MEMBERS: a configuration with the result of BRIDGE's ADD for container a
chained() {
	jq -nc --argjson prev "$prev" --argjson more "$2" \
		'{cniVersion: "1.1.0", name: "net", type: $type, prevResult: $prev} + $more' --arg type "$1"
}

slate a o
succeeds "a container of another network" bridge ADD o "$OTHER"
succeeds "the container's bridge" bridge ADD a "$BRIDGE"
prev=$(jq -c . $out)
PORTS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"},{"hostPort":5353,"containerPort":53,"protocol":"udp"},
{"hostPort":9000,"containerPort":9000,"range":5,"protocol":"tcp"}]}'
portmap=$(chained portmap "{\"runtimeConfig\":$PORTS}")
portmap_xt=$(chained portmap "{\"backend\":\"iptables\",\"runtimeConfig\":$PORTS}")
firewall=$(chained firewall '{"backend":"nftables","ingressPolicy":"same-bridge","directAccess":"deny"}')
firewall_xt=$(chained firewall '{"backend":"iptables","ingressPolicy":"same-bridge","directAccess":"deny"}')

# usage: steps NAME PLUGIN CONF
steps() {
	local name=$1 plugin=$2 c=$3 k before after status wrong=0 lived=0 limit=200
	# chains that are made once and stay are made before
	plugin "$plugin" ADD a "$c" && plugin "$plugin" DEL a "$c" || not_ok "$name: ADD and DEL"
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
		after=$(state)
		if [ "$before" != "$after" ]; then
			not_ok "$name, step $k: everything is as it was" "$(diff <(echo "$before") <(echo "$after"))"
			plugin "$plugin" DEL a "$c"
			wrong=1
		fi
	done
	errors_are_json "$name" $((k - 1 - lived))
	[ $wrong -ne 0 ] || ok "$name: after each of $((k - 1)) failures everything is as it was"
	if [ $k -gt 1 ] && [ $k -le $limit ] && [ $status -eq 0 ]; then ok "$name: ADD succeeds when no step fails"; else not_ok "$name: $k steps"; fi
	plugin "$plugin" DEL a "$c" || not_ok "$name: DEL"
	same "$name: DEL leaves nothing" "$before" "$(state)"
}
steps "portmap" portmap "$portmap"
steps "portmap, iptables" portmap "$portmap_xt"
steps "firewall" firewall "$firewall"
steps "firewall, iptables" firewall "$firewall_xt"
plugin bridge DEL a "$BRIDGE" || not_ok "DEL of the bridge"
steps "bridge" bridge "$BRIDGE"
steps "bridge, iptables" bridge "$(jq -c '. + {ipMasqBackend: "iptables", antispoof: false}' <<<"$BRIDGE")"

# usage: kills NAME PLUGIN CONF: killed at call 1, 2, ...; DEL and GC in turn clean up
kills() {
	local name=$1 plugin=$2 c=$3 k=0 status=137 killed=0 wrong=0 gc del before
	gc=$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$c") del=$(jq -c 'del(.prevResult, .runtimeConfig)' <<<"$c")
	plugin "$plugin" ADD a "$c" && plugin "$plugin" DEL a "$c" || not_ok "$name: ADD and DEL"
	before=$(elements)
	while [ $status -eq 137 ] && k=$((k + ${KILL_EVERY:-4})) && [ $k -lt 1000 ]; do
		CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a \
			"$BIN/kill_at" $k "$BIN/$plugin" <<<"$c" >/dev/null 2>&1
		status=$?
		[ $status -ne 137 ] || killed=$((killed + 1))
		if [ $((k % 2)) -eq 0 ]; then
			NETNS= plugin "$plugin" GC "" "$gc" || not_ok "$name: GC after a kill at call $k"
		else
			NETNS= plugin "$plugin" DEL a "$del" ||
				not_ok "$name: DEL after a kill at call $k"
		fi
		if [ "$before" != "$(elements)" ]; then
			wrong=$((wrong + 1))
			not_ok "$name: killed at call $k" "$(diff <(echo "$before") <(elements))"
			[ $wrong -lt 3 ] || break
		fi
	done
	same "$name: the ADD that was not killed succeeded" 0 "$status"
	if [ $killed -gt 12 ]; then ok "$name: killed at $killed of its system calls"; else not_ok "$name: only $killed kills"; fi
	same "$name: kills that left something" 0 "$wrong"
}
if [[ $BIN == */san/* ]]; then
	skip "ADD killed at its system calls" "LeakSanitizer and ptrace exclude each other"
else
	kills "portmap" portmap "$portmap"
	kills "firewall" firewall "$firewall"
fi
NETNS= succeeds "the other container leaves" bridge DEL o "$OTHER"
same "no element is left" "" "$(nft list ruleset | grep -E 'comment "(net|other) ')"
done_testing
