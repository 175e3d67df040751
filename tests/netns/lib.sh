# SPDX-License-Identifier: GPL-2.0-or-later
# What the namespace tests share beyond tests/lib.sh: configurations, clean slates, stable snapshots.
here=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)
. "$here/tests/lib.sh"
. "$here/netns-fixtures/lib.sh"

# The "ipam" member for a family: 4, 6 or dual. Further members may be added. usage: ipam FAMILY [MORE]
ipam() {
	local ranges
	case $1 in
	4) ranges='[[{"subnet":"10.88.0.0/24"}]]' ;;
	6) ranges='[[{"subnet":"fd00:88::/64"}]]' ;;
	dual) ranges='[[{"subnet":"10.88.0.0/24"}],[{"subnet":"fd00:88::/64"}]]' ;;
	esac
	echo "\"ipam\":{\"type\":\"host-local\",\"ranges\":$ranges${2:+,$2}}"
}

# A bridge configuration of network "net" on br0. usage: conf MEMBERS; V is the spec version
conf() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"bridge\",\"bridge\":\"br0\"${1:+,$1}}"; }

# The same configuration with a result of ADD. usage: with_prev CONF RESULT
with_prev() { jq -c --argjson prev "$2" '. + {prevResult: $prev}' <<<"$1"; }

# Remove every namespace, link, lease and record; then make namespaces. usage: slate [NAME...]
slate() {
	"$HELPERS/slate" "$@"
	rm -rf /var/lib/cni/* /run/hawser
	echo 0 >/proc/sys/net/ipv4/ip_forward
	echo 0 >/proc/sys/net/ipv6/conf/all/forwarding
}

# usage: link NAME JQ-FILTER [NAMESPACE]
link() { ip ${3:+-n "$3"} -j -d link show "$1" | jq -r ".[0] | $2"; }
# The host end of container NAME's interface. usage: host_end [NAME]
host_end() { result '.interfaces[1].name'; }
addresses() { ip ${2:+-n "$2"} -j addr show "$1" | jq -r '[.[0].addr_info[] | select(.scope != "link") | "\(.local)/\(.prefixlen)"] | sort | join(" ")'; }
# usage: nothing_left NAME: no veth, lease or record
nothing_left() { same "$1" "0 veths, 0 leases, 0 records" "$(veths) veths, $(leases) leases, $(records) records"; }
# Processes of this network namespace that run the plugin $1. (Tests of others may run beside us.)
running() {
	local p own
	own=$(readlink /proc/self/ns/net)
	for p in /proc/[0-9]*; do
		[ "$(cat "$p/comm" 2>/dev/null)" = "$1" ] && [ "$(readlink "$p/ns/net" 2>/dev/null)" = "$own" ] && basename "$p"
	done
	return 0
}
none_running() { [ -z "$(running "$1")" ]; }
