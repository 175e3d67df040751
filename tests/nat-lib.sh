# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of NAT and filters share: the surroundings of nat-behind, servers and questions.
# Source it after tests/netns/lib.sh.

export HAWSER_BIN=$BIN

# Links, addresses and routes everywhere, all of netfilter, and our files.
snapshot() {
	"$SNAPSHOT" /run/hawser
	nft -s list ruleset
}

# A clean host between outside and third, and empty containers. usage: surroundings CONTAINER...
surroundings() {
	stop_servers
	nft flush ruleset
	slate
	conntrack -F >/dev/null 2>&1
	"$here/netns-fixtures/nat-behind" links
	[ $# -eq 0 ] || make_container "$@"
}

servers=()
stop_servers() {
	[ ${#servers[@]} -eq 0 ] || { kill "${servers[@]}"; wait "${servers[@]}"; } 2>/dev/null
	servers=()
}
trap stop_servers EXIT

# Start a program whose first word is "ready". usage: launch OUTPUT COMMAND...; pid in $PID
launch() {
	local file=$1 line end=$((SECONDS + 5))
	shift
	rm -f "$file"
	"$@" >"$file" 2>"$file.err" &
	PID=$!
	servers+=("$PID")
	until { read -r line && [[ $line == *ready* ]]; } 2>/dev/null <"$file"; do
		if [ $SECONDS -gt $end ]; then
			cat "$file.err"
			return
		fi
		read -rt 0.005 <> <(:) || :
	done
}
# Start a peer.py command that says "ready". usage: background WHERE OUTPUT WORDS...; pid in $PID
background() {
	local where=$1 file=$2
	shift 2
	if [ "$where" = host ]; then
		launch "$file" /usr/bin/python3 -SE "$here/tests/netns/peer.py" "$@"
	else
		launch "$file" nsenter --net="/run/netns/$where" /usr/bin/python3 -SE "$here/tests/netns/peer.py" "$@"
	fi
}
# Serve ports in a container or on the host. usage: serve WHERE SPEC...
serve() { launch "/run/serve.$1.$RANDOM" "$HELPERS/talk" serve "$@"; }

# Ask a server. usage: ask WHERE PROTO ADDRESS PORT [SOURCE] [SOURCEPORT]
ask() { "$HELPERS/talk" ask "$@"; }
# The answer comes from this server, which saw the client as that (a shell pattern).
# usage: reaches NAME SERVER-AND-PEER WHERE PROTO ADDRESS PORT...
reaches() {
	local name=$1 want=$2 got
	shift 2
	got=$(ask "$@" 2>&1)
	# shellcheck disable=SC2053
	if [[ $got == $want\ * ]]; then ok "$name"; else not_ok "$name" "ask $*" "expected: $want ..." "got:      $got"; fi
}
# Nobody answers. usage: silent NAME WHERE PROTO ADDRESS PORT...
silent() {
	local name=$1 got
	shift
	if got=$(T=0.3 ask "$@" 2>/dev/null); then not_ok "$name" "ask $*" "should not be answered, got: $got"; else ok "$name"; fi
}

# Numbers of elements of sets and maps. usage: elements SET...
elements() {
	# shellcheck disable=SC2016
	nft -j list ruleset | jq -r '[.nftables[] | (.set // .map // empty) | select(.table == "hawser")] as $all |
		[$ARGS.positional[] as $name | [$all[] | select(.name == $name).elem[]?] | length | tostring] | join(" ")' --args "$@"
}
# All elements of all our sets, with their comments, one a line.
all_elements() {
	nft -j list ruleset | jq -c '.nftables[] | (.set // .map // empty) | select(.table == "hawser") |
		.name as $n | .elem[]? | [$n, .]'
}
# Names of the chains of networks ("masq-...", "hairpin-..."). usage: chains KIND
chains() { nft -j list table inet hawser 2>/dev/null | jq -r '.nftables[].chain.name? // empty' | grep -c "^$1-"; }
# Sum of the counters of a chain. usage: dropped FAMILY CHAIN...
dropped() {
	local family=$1 chain
	shift
	for chain in "$@"; do
		nft -j list chain "$family" hawser "$chain"
	done | jq -s '[.[].nftables[].rule.expr[]?.counter?.packets // empty] | add // 0'
}
# Nothing of any container in our tables.
nothing_in_nft() {
	same "$1" "" "$(all_elements | head -n 5)$(nft list table inet hawser 2>/dev/null | grep -oE 'chain (masq|hairpin)-.*')"
}

# A network's configuration. usage: net_conf NAME BRIDGE NUMBER MEMBERS; subnets 10.NUMBER.0.0/24, fd00:NUMBER::/64
net_conf() {
	cat <<-EOC | tr -d '\n\t'
	{"cniVersion":"1.1.0","name":"$1","type":"bridge","bridge":"$2","isDefaultGateway":true,"hairpinMode":true,
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.$3.0.0/24"}],[{"subnet":"fd00:$3::/64"}]]}${4:+,$4}}
	EOC
}
# The kernel makes the local route of an IPv6 address a moment after the address; snapshots have both.
has_local_route() { ip -6 -n "$1" route show table local | grep -q '^local fd00:'; }
# ADD of bridge; the result is kept in /run/prev.ID. usage: join ID CONF
join() {
	if plugin bridge ADD "$1" "$2"; then cp $out "/run/prev.$1"; else not_ok "join $1" "bridge ADD failed"; fi
	! grep -q '"fd00:' $out || wait_for 5 has_local_route "$1"
}
# Addresses of a container out of its result. usage: ip4 ID; ip6 ID
ip4() { jq -r '[.ips[].address | select(contains(".")) | split("/")[0]][0]' "/run/prev.$1"; }
ip6() { jq -r '[.ips[].address | select(contains(":")) | split("/")[0]][0]' "/run/prev.$1"; }
# Configuration of a chained plugin for a container. usage: chained PLUGIN NETWORK ID MEMBERS
chained() {
	jq -nc --slurpfile prev "/run/prev.$3" --argjson more "{${4:-}}" --arg type "$1" --arg name "$2" \
		'{cniVersion: "1.1.0", name: $name, type: $type, prevResult: $prev[0]} + $more'
}
# One port mapping. usage: map HOSTPORT CONTAINERPORT [PROTOCOL] [HOSTIP] [RANGE]
map() {
	printf '{"hostPort":%s,"containerPort":%s%s%s%s}' "$1" "$2" "${3:+,\"protocol\":\"$3\"}" \
		"${4:+,\"hostIP\":\"$4\"}" "${5:+,\"range\":$5}"
}
# Members with port mappings. usage: ports MAPPING...
ports() {
	local IFS=,
	printf '"runtimeConfig":{"portMappings":[%s]}' "$*"
}
# usage: publish NAME ID MEMBERS [NETWORK]; publishes and counts as a check
publish() { succeeds "$1" portmap ADD "$2" "$(chained portmap "${4:-net}" "$2" "$3")"; }
unpublish() { succeeds "$1" portmap DEL "$2" "$(chained portmap "${4:-net}" "$2" "${3:-}")"; }

# Run with bridge-nf-call-iptables and -ip6tables off and on. usage: bridge_nf 0|1; fails when the kernel lacks it
bridge_nf() {
	[ -e /proc/sys/net/bridge/bridge-nf-call-iptables ] || return
	echo "$1" >/proc/sys/net/bridge/bridge-nf-call-iptables
	echo "$1" >/proc/sys/net/bridge/bridge-nf-call-ip6tables
}

# Containers with the names given on br0 of network net, between outside and third. usage: town CONTAINER...
town() {
	surroundings "$@"
	for id in "$@"; do
		join "$id" "$(net_conf net br0 88)"
	done
}

# An ADD of portmap that must fail and change nothing. usage: refused NAME CODE TEXT ID MEMBERS
refused() { fails "$1" "$2" "$3" portmap ADD "$4" "$(chained portmap "${NET:-net}" "$4" "$5")"; }
