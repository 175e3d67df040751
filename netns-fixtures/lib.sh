# SPDX-License-Identifier: GPL-2.0-or-later
# Helpers for networks made of namespaces. Source it; every function works in the current host namespace.

# Re-execute the calling script in mount and network namespaces of its own, with private /run and leases.
# usage: private_host "$@"
private_host() {
	[ -z "${HAWSER_PRIVATE:-}" ] || return 0
	HAWSER_PRIVATE=1 exec unshare -m -n --propagation private bash "$0" "$@"
}

# Mount what keeps the machine's files out of reach. Call it once after private_host.
private_files() {
	mount -t tmpfs tmpfs /run
	mkdir -p /run/netns /run/lock /var/lib/cni /var/lib/hawser
	mount -t tmpfs tmpfs /var/lib/cni
	mount -t tmpfs tmpfs /var/lib/hawser
	ip link set lo up
}

# A container is a named network namespace. usage: make_container NAME...
make_container() {
	local name
	for name in "$@"; do
		ip netns add "$name"
		ip -n "$name" link set lo up
	done
}

# Run a command in a container. usage: in_container NAME COMMAND...
in_container() {
	ip netns exec "$@"
}

# Wait until a command succeeds. usage: wait_for SECONDS COMMAND...
wait_for() {
	local deadline=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		if [ "$SECONDS" -gt "$deadline" ]; then # seconds are whole ones: 1 may be over at once
			echo "timed out: $*" >&2
			return 1
		fi
		read -rt 0.02 <> <(:) || :
	done
}

# Serve a directory over HTTP in a container. usage: serve_http NAME DIRECTORY [PORT]; the pid is in $HTTP_PID
serve_http() {
	ip netns exec "$1" busybox httpd -f -p "[::]:${3:-80}" -h "$2" &
	HTTP_PID=$!
	wait_for 5 ip netns exec "$1" busybox wget -q -O /dev/null "http://127.0.0.1:${3:-80}/"
}

# ---- Hosts: each a network, mount and UTS namespace, which live without a process, so that one machine plays many nodes ----
# Everything of theirs is below one tmpfs; the network of the caller stays as it is. Host nI has, on its eth0,
# 192.0.2.I and 2001:db8:1::I (in hexadecimal), and a port of its own name in the namespace "underlay".

HOSTS=/run/hawser-hosts

# usage: hosts_begin; makes the place and the namespace underlay
hosts_begin() {
	if [ -e "$HOSTS" ]; then
		echo "there are hosts already: down comes first" >&2
		return 1
	fi
	mkdir -p "$HOSTS"
	# a namespace can be bound only where mounts are private
	mount -t tmpfs tmpfs "$HOSTS"
	mount --make-private "$HOSTS"
	mkdir "$HOSTS/underlay"
	: >"$HOSTS/underlay/net"
	unshare --net="$HOSTS/underlay/net" ip link set lo up
}

# usage: in_underlay COMMAND...
in_underlay() { nsenter --net="$HOSTS/underlay/net" "$@"; }

# A bridge that joins all hosts. usage: underlay_bridge MTU
underlay_bridge() {
	in_underlay ip -batch - <<-END
	link add wire0 mtu $1 type bridge stp_state 0 mcast_snooping 0
	link set wire0 up
	END
}

# usage: host_names; those that are up, one a line
host_names() {
	local host
	for host in "$HOSTS"/*/mnt; do
		[ ! -e "$host" ] || basename "${host%/mnt}"
	done | sort -V
}

# Run a command on a host; it starts in /. usage: in_host HOST COMMAND...
in_host() {
	local dir=$HOSTS/$1
	shift
	nsenter --mount="$dir/mnt" --net="$dir/net" --uts="$dir/uts" "$@"
}

# What a new host sees: a /run, state of CNI and of Hawser and /sys of its own, and nothing of the other hosts. Runs on it.
# usage: host_files HOST
host_files() {
	umount -l "$HOSTS"
	mount -t tmpfs -o mode=755 tmpfs /run
	mount -t sysfs sysfs /sys
	mkdir -p /run/netns /run/lock /var/lib/cni /var/lib/hawser
	mount -t tmpfs tmpfs /var/lib/cni
	mount -t tmpfs tmpfs /var/lib/hawser
	hostname "$1"
	ip link set lo up
}

# A mount namespace may be bound in older ones only, and recent kernels number namespaces by processor: one of them
# gives a number high enough, at the latest the one that gave the caller's. usage: host_namespaces DIRECTORY
host_namespaces() {
	local file cpu
	mkdir "$1"
	for file in mnt net uts; do : >"$1/$file"; done
	for cpu in ${HOST_CPU:-} $(seq 0 $(($(nproc --all) - 1))); do
		if taskset -c "$cpu" unshare --mount="$1/mnt" --net="$1/net" --uts="$1/uts" --propagation private true 2>/dev/null; then
			HOST_CPU=$cpu
			return
		fi
		umount "$1/net" "$1/uts" 2>/dev/null || :
	done
	echo "no namespaces for a host" >&2
	return 1
}

# Make host nI with a link to the underlay, the same whenever it is made; FAMILY is 4, 6 or dual.
# usage: make_host I FAMILY MTU [BRIDGE]
make_host() {
	local i=$1 family=$2 mtu=$3 name=n$1 mac
	mac=$(printf '0a:00:c0:00:02:%02x' "$i")
	host_namespaces "$HOSTS/$name"
	in_host "$name" bash -euc '. "$1"; host_files "$2"' - "$(dirname "${BASH_SOURCE[0]}")/lib.sh" "$name"
	# indexes that differ at both ends: the kernel says at once that the link is up
	in_underlay ip -batch - <<-END
	link add $name index $((1000 + i)) mtu $mtu type veth peer name eth0 mtu $mtu address $mac netns $HOSTS/$name/net
	${4:+link set $name master $4 addrgenmode none}
	link set $name up
	END
	{
		[ "$family" = 6 ] || echo "addr add 192.0.2.$i/24 dev eth0"
		[ "$family" = 4 ] || printf 'addr add 2001:db8:1::%x/64 dev eth0 nodad\n' "$i"
		echo "link set eth0 up"
	} | nsenter --net="$HOSTS/$name/net" ip -batch -
}

# Make hosts n1 to nN at a bridge. usage: make_hosts N FAMILY MTU BRIDGE
make_hosts() {
	local i pids=()
	make_host 1 "${@:2}"
	for ((i = 2; i <= $1; i++)); do
		make_host "$i" "${@:2}" &
		pids+=($!)
		[ $((i % 8)) -ne 0 ] || { wait_each "${pids[@]}" && pids=(); }
	done
	wait_each "${pids[@]}"
}

wait_each() {
	local pid
	for pid in "$@"; do wait "$pid" || return; done
}

# Cut a host off, and join it again. usage: cut_host HOST; join_host HOST
cut_host() { in_underlay ip link set "$1" down; }
join_host() { in_underlay ip link set "$1" up; }

# The processes in the network namespaces of hosts and of their containers. usage: host_processes HOST|underlay...
host_processes() {
	local host inodes=" "
	for host in "$@"; do
		inodes+="$(stat -Lc %i "$HOSTS/$host/net") "
		[ ! -e "$HOSTS/$host/mnt" ] ||
			inodes+="$(in_host "$host" sh -c 'stat -Lc %i /run/netns/* 2>/dev/null' | tr '\n' ' ')"
	done
	stat -Lc '%i %n' /proc/[0-9]*/ns/net 2>/dev/null | while read -r inode path; do
		[[ $inodes != *" $inode "* ]] || cut -d/ -f3 <<<"$path"
	done
}

# End what runs on hosts and in their containers. usage: host_kill HOST...
host_kill() {
	local pids
	pids=$(host_processes "$@")
	# shellcheck disable=SC2086
	[ -z "$pids" ] || kill -9 $pids 2>/dev/null || :
}

# Remove a host, as a power cut would. usage: remove_host HOST
remove_host() {
	host_kill "$1"
	umount "$HOSTS/$1"/*
	rm -r "${HOSTS:?}/$1"
	in_underlay ip link del "$1"
}

# Remove the hosts, all that runs on them, and their containers. Without hosts it does nothing.
hosts_end() {
	[ -e "$HOSTS" ] || return 0
	if mountpoint -q "$HOSTS"; then
		# shellcheck disable=SC2046
		host_kill $(host_names) underlay
		umount -R "$HOSTS"
	fi
	rmdir "$HOSTS"
}

# The commands that all fixtures with hosts have. usage: hosts_command NAME up|down|list|cut|join|exec [ARGUMENT...];
# the fixture defines hosts_up
hosts_command() {
	local fixture=$1 command=${2:-}
	shift "$(($# < 2 ? $# : 2))"
	case $command in
	up)
		hosts_begin
		trap hosts_end EXIT
		hosts_up "$@"
		trap - EXIT
		;;
	down) hosts_end ;;
	list) host_names ;;
	cut | join) "${command}_host" "$1" ;;
	exec)
		if [ "$1" = underlay ]; then
			shift
			in_underlay "$@"
		else
			in_host "$@"
		fi
		;;
	*)
		echo "usage: $fixture up | down | list | cut HOST | join HOST | exec HOST|underlay COMMAND..." >&2
		return 2
		;;
	esac
}

# ---- An overlay on these hosts: nI is node nI, with the subnets 10.B.I.0/24 and fd00:B:0:I::/64 ----

# A JSON string, or an array of two of them. usage: overlay_nets IPV4 IPV6; INSIDE is 4, 6 or dual (the default)
overlay_nets() {
	case ${INSIDE:-dual} in
	4) echo "\"$1\"" ;;
	6) echo "\"$2\"" ;;
	*) echo "[\"$1\",\"$2\"]" ;;
	esac
}

# usage: overlay_record I; UNDERLAY is 4 (the default) or 6, or VTEP_I an address; B a number (5)
overlay_record() {
	local vtep=192.0.2.$1 b=${B:-5} other=VTEP_$1
	[ "${UNDERLAY:-4}" = 4 ] || vtep=$(printf '2001:db8:1::%x' "$1")
	printf '{"node":"n%d","vtep":"%s","subnet":%s}\n' "$1" "${!other:-$vtep}" \
		"$(overlay_nets "10.$b.$1.0/24" "$(printf 'fd00:%x:0:%x::/64' "$b" "$1")")"
}

# The records of nodes, as a JSON array. usage: overlay_records I...
overlay_records() {
	local i
	for i in "$@"; do overlay_record "$i"; done | paste -sd, | sed 's/.*/[&]/'
}

# The network list of host nI. usage: overlay_list I PEERS-MEMBER [CHAINED-PLUGIN]...; NAME (blue), VNI (42), MODE (l3) and
# MORE, further members of the plugin "vxlan", are taken from variables, too.
overlay_list() {
	local i=$1 peers=$2 b=${B:-5} next
	shift 2
	printf '{"cniVersion":"1.1.0","name":"%s","plugins":[{"type":"vxlan","vni":%d,"port":4789,"mode":"%s",' \
		"${NAME:-blue}" "${VNI:-42}" "${MODE:-l3}"
	printf '"network":%s,"node":"n%d","underlay":{"dev":"eth0"},%s%s}' \
		"$(overlay_nets "10.$b.0.0/16" "$(printf 'fd00:%x::/48' "$b")")" "$i" "${MORE:+$MORE,}" "$peers"
	for next in "$@"; do printf ',%s' "$next"; done
	echo ']}'
}

# What <prefix>/config in etcd says. usage: etcd_network 4|dual; B, VNI (42), and BACKEND for further members
etcd_network() {
	local b=${B:-5} six=
	[ "$1" = 4 ] || six=$(printf ',"EnableIPv6":true,"IPv6Network":"fd00:%x::/48"' "$b")
	echo "{\"Network\":\"10.$b.0.0/16\"$six,\"Backend\":{\"Type\":\"vxlan\",\"VNI\":${VNI:-42},\"Port\":4789${BACKEND:+,$BACKEND}}}"
}
# The network list of host nI whose nodes are in etcd. usage: etcd_list I; NAME (blue), and STORE for further members
# of "store", are taken from variables, too.
etcd_list() {
	printf '{"cniVersion":"1.1.0","name":"%s","plugins":[{"type":"vxlan","node":"n%d","underlay":{"dev":"eth0"},' "${NAME:-blue}" "$1"
	printf '"store":{"type":"etcd","endpoints":["%s"]%s}}]}\n' "${ENDPOINT:-http://192.0.2.254:2379}" "${STORE:+,$STORE}"
}

# Put text into a file on a host. usage: host_put HOST FILE <<<TEXT
host_put() { in_host "$1" sh -c 'mkdir -p "${1%/*}" && cat >"$1.new" && mv "$1.new" "$1"' - "$2"; }

# Configure nodes that know each other. usage: overlay_nodes I...; CHAIN holds chained plugins, space between them
overlay_nodes() {
	local i records
	records=$(overlay_records "$@")
	for i in "$@"; do
		# shellcheck disable=SC2086
		overlay_list "$i" "\"peers\":$records" ${CHAIN:-} | host_put "n$i" "/run/cni/net.d/${NAME:-blue}.conflist"
	done
}

# Run cnitool on a host for a container. usage: host_cni HOST add|del|check NETWORK CONTAINER
host_cni() {
	in_host "$1" env "CNI_PATH=$HAWSER_BIN" NETCONFPATH=/run/cni/net.d "$HAWSER_BIN/cnitool" "$2" "$3" "/run/netns/$4"
}

# Make a container on a host and attach it. usage: host_attach HOST CONTAINER NETWORK
host_attach() {
	in_host "$1" sh -c 'ip netns add "$1" && ip -n "$1" link set lo up' - "$2" && host_cni "$1" add "$3" "$2"
}
