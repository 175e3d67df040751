# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of the overlay share: hosts of netns-fixtures, their containers, who reaches whom.
# Places are called as tests/mesh.c calls them: HOST, or HOST/CONTAINER.
. "$(dirname "${BASH_SOURCE[0]}")/netns/lib.sh"
export HAWSER_BIN=$BIN
declare -A V4 V6 # addresses of containers, by place

# usage: fixture NAME up|down|... [ARGUMENT...]
fixture() { "$here/netns-fixtures/$1" "${@:2}"; }

# Attach a new container; its result is in $out, its addresses in V4 and V6. usage: attach HOST CONTAINER NETWORK
attach() {
	local ip
	host_attach "$@" >$out 2>$err || {
		not_ok "ADD of $1/$2 to $3"
		return 1
	}
	for ip in $(result '.ips[].address'); do
		case $ip in
		*:*) V6[$1/$2]=${ip%/*} ;;
		*) V4[$1/$2]=${ip%/*} ;;
		esac
	done
}
# The opposite. usage: detach HOST CONTAINER NETWORK
detach() {
	host_cni "$1" del "$3" "$2" >$out 2>$err || not_ok "DEL of $1/$2"
	in_host "$1" ip netns del "$2"
	unset "V4[$1/$2]" "V6[$1/$2]"
}

# The plugin vxlan by itself on a host, without libcni's cache. usage: host_vxlan HOST VERB CONTAINER CONF
host_vxlan() {
	in_host "$1" env CNI_COMMAND="$2" CNI_CONTAINERID="$3" CNI_NETNS="/run/netns/$3" CNI_IFNAME=eth0 "CNI_PATH=$BIN" "$BIN/vxlan" <<<"$4" >$out 2>$err
}
# It refuses. usage: denies NAME CODE TEXT COMMAND...
denies() {
	if "${@:4}"; then
		not_ok "$1" "it succeeded"
	else
		same "$1" "$2 yes" "$(result .code) $([[ $(result .msg) == *"$3"* ]] && echo yes || result .msg)"
	fi
}

# usage: in_place PLACE COMMAND...
in_place() {
	case $1 in
	*/*) in_host "${1%/*}" nsenter --net="/run/netns/${1#*/}" "${@:2}" ;;
	underlay) in_underlay "${@:2}" ;;
	*) in_host "$@" ;;
	esac
}

# The ends that mesh wants, of a family. usage: ends 4|6 PLACE...
ends() {
	local family=$1 place
	shift
	for place in "$@"; do
		if [ "$place" = -- ]; then
			echo --
		elif [ "$family" = 4 ] && [ -n "${V4[$place]:-}" ]; then
			echo "$place=${V4[$place]}"
		elif [ "$family" = 6 ] && [ -n "${V6[$place]:-}" ]; then
			echo "$place=${V6[$place]}"
		fi
	done
}

# What of both families arrives between places, e.g. "12 of 12, 12 of 12"; what does not is in $err.
# usage: meet [PLACE...] [-- PLACE...]; BYTES and PATIENCE (seconds) as the options of mesh
meet() {
	local family got text=
	: >$err
	for family in ${FAMILIES:-4 6}; do
		# shellcheck disable=SC2046
		got=$("$HELPERS/mesh" -t "${PATIENCE:-2}" ${BYTES:+-s "$BYTES"} $(ends "$family" "$@") 2>>$err)
		text+="${text:+, }$got"
	done
	echo "$text"
}
# All of them reach each other. usage: all_meet NAME PLACE...
all_meet() {
	local n=$(($# - 1)) pairs
	pairs="$((n * (n - 1))) of $((n * (n - 1)))"
	[ -n "${FAMILIES:-}" ] || pairs="$pairs, $pairs"
	same "$1" "$pairs" "$(meet "${@:2}")"
}

# Servers on a host or in a container, until stop_servers. usage: serve PLACE SPEC...
serving=
serve() {
	: >/run/test-served
	in_place "$1" "$HELPERS/talk" serve host "${@:2}" >/run/test-served 2>/run/test-serving &
	serving+=" $!"
	wait_for 5 grep -q ready /run/test-served
}
stop_servers() {
	local shell
	for shell in $serving; do
		pkill -P "$shell"
		wait "$shell"
	done
	serving=
} 2>/dev/null
# What a server answers: whom it sees. usage: seen PLACE PROTO ADDRESS PORT
seen() { in_place "$1" "$HELPERS/talk" ask host "${@:2}" 2>/dev/null | cut -d' ' -f2; }

# A container n1/web of blue (which masquerades) publishes a port: who sees it, and as whom they are seen. n4 is no node.
portmap='{"type":"portmap","capabilities":{"portMappings":true}}'
reach_published() {
	CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' attach n1 web blue
	serve n1/web tcp:80
	same "a published port, from outside" 192.0.2.4 "$(seen n4 tcp 192.0.2.1 8080)"
	same "over IPv6" 2001:db8:1::4 "$(seen n4 tcp 2001:db8:1::1 8080)"
	same "from another node" 192.0.2.2 "$(seen n2 tcp 192.0.2.1 8080)"
	same "from a container of another node" 192.0.2.3 "$(seen n3/b tcp 192.0.2.1 8080)"
	check "from a container of the same node" test -n "$(seen n1/b tcp 192.0.2.1 8080)"
	check "from its node" test -n "$(seen n1 tcp 192.0.2.1 8080)"
	same "from a container by its own address" "${V4[n2/b]}" "$(seen n2/b tcp "${V4[n1/web]}" 80)"
	same "and by IPv6" "${V6[n2/b]}" "$(seen n2/b tcp "${V6[n1/web]}" 80)"
	stop_servers
}

# The host's VXLAN device of a VNI. usage: vxlan_of HOST VNI
vxlan_of() { in_host "$1" ip -d -j link show type vxlan | jq -r --argjson vni "$2" '.[] | select(.linkinfo.info_data.id == $vni) | .ifname'; }
# usage: vxlan_mac HOST VNI
vxlan_mac() { in_host "$1" ip -j link show dev "$(vxlan_of "$1" "$2")" | jq -r '.[0].address'; }

# A host's permanent entries for other nodes: routes, neighbours and forwarding entries. usage: entries HOST VNI
entries() {
	local dev
	dev=$(vxlan_of "$1" "$2")
	[ -n "$dev" ] || {
		echo "no device"
		return
	}
	in_host "$1" sh -c 'ip -4 route show table all dev "$1" | grep " via "; ip -6 route show table all dev "$1" | grep " via "
		ip neigh show dev "$1" nud permanent; bridge fdb show dev "$1" | grep " dst "' - "$dev" | sed 's/ *$//' | sort
}

# What a host has of an overlay, beside tables without rules and what IPAM remembers of networks. Its interfaces and their link-local addresses come up
# at times of their own.
host_state() {
	in_host "$1" sh -c 'ip -o link | sed "s/ qdisc.*//"; ip -o addr | grep -v " fe80" | sed "s/ *valid_lft.*//"
		ip -4 route show table all; ip -6 route show table all | grep -vE "fe80:|^(anycast|multicast) "
		ip -4 rule; ip -6 rule; ip neigh show nud permanent; bridge fdb show | grep -v "^33:33:\|^01:00:5e"
		find /run /var/lib/cni -xdev -type f ! -path "/run/cni/*" ! -path "/run/netns/*" ! -name "*lock*" ! -name "last_reserved*" ! -name idx'
	in_host "$1" nft list ruleset | grep -cE '10\.[0-9]+\.[0-9]+\.|fd00:|192\.0\.2\.|2001:db8|vx[0-9]|4789'
}
