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
	mkdir -p /run/netns /run/lock /var/lib/cni
	mount -t tmpfs tmpfs /var/lib/cni
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
		if [ "$SECONDS" -ge "$deadline" ]; then
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
