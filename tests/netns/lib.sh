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
# GC of a plugin. usage: gc PLUGIN CONF
gc() { CNI_COMMAND=GC "$BIN/$1" <<<"$2" >$out 2>$err; }
# A plugin with a read-only /proc/sys, for container a. usage: read_only PLUGIN VERB CONF
read_only() {
	CNI_COMMAND=$2 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a unshare -m bash -c \
		'mount --bind /proc/sys /proc/sys && mount -o remount,bind,ro /proc/sys && exec "$@"' - "$BIN/$1" <<<"$3" >$out 2>$err
}
# CHECK of container a notices a change; $prev and $host (its host end) are set for the command.
# usage: broken PLUGIN CONF NAME COMMAND...
broken() {
	local plugin=$1 c=$2 name=$3
	shift 3
	slate a
	eval "${prepare:-:}"
	plugin "$plugin" ADD a "$c" || not_ok "$plugin CHECK: ADD before $name"
	prev=$(cat $out) host=$(result '[.interfaces[].name | select(startswith("veth"))][0]')
	plugin "$plugin" CHECK a "$(with_prev "$c" "$prev")" || not_ok "$plugin CHECK passes before $name"
	"$@" || not_ok "$plugin CHECK: $name could not be made"
	if plugin "$plugin" CHECK a "$(with_prev "$c" "$prev")"; then
		not_ok "$plugin CHECK notices $name"
	elif [ "$(result .code)" = 999 ] && [ -n "$(result '.msg // ""')" ]; then
		ok "$plugin CHECK notices $name"
	else
		not_ok "$plugin CHECK notices $name" "code is $(result .code)"
	fi
}
# GC with and without a list of valid attachments. usage: collects NAME PLUGIN CONF LEASES-EACH
collects() {
	local f=$1 plugin=$2 c=$3 each=$4
	slate a b
	eval "${prepare:-:}"
	plugin "$plugin" ADD a "$c" && plugin "$plugin" ADD b "$c" || not_ok "$f: GC: ADD"
	check "$f: GC without a list" gc "$plugin" "$c"
	same "$f: GC without a list does nothing" "2 $((2 * each))" "$(records) $(leases)"
	check "$f: GC without a list says so" grep -q valid-attachments $err
	check "$f: GC" gc "$plugin" "$(jq -c '.["cni.dev/valid-attachments"]=[{containerID:"a",ifname:"eth0"}]' <<<"$c")"
	same "$f: GC keeps one and removes one" "1 $each" "$(records) $(leases)"
	check "$f: the one kept is a's" inside a ip link show eth0
	refuse "$f: the other's link is gone" inside b ip link show eth0
	check "$f: GC with an empty list" gc "$plugin" "$(jq -c '.["cni.dev/valid-attachments"]=[]' <<<"$c")"
	nothing_left "$f: GC with an empty list removes all"
	refuse "$f: and the link" inside a ip link show eth0
}
# DEL in every situation. usage: removals NAME PLUGIN CONF; CONF of at most 1.0.0 is tried with the Go plugin, too
removals() {
	local f=$1 plugin=$2 c=$3 go prev ways="yes no"
	# each call of a Go plugin takes seconds in the virtual machine, and the way without is the same for all
	[ -z "${HAWSER_VM:-}" ] || ways=yes
	slate a
	eval "${prepare:-:}"
	succeeds "$f: DEL before any ADD" "$plugin" DEL a "$c"
	succeeds "$f: ADD" "$plugin" ADD a "$c"
	NETNS='' succeeds "$f: DEL with an empty CNI_NETNS" "$plugin" DEL a "$c"
	nothing_left "$f: and nothing is left"
	refuse "$f: nor in the container" inside a ip link show eth0
	succeeds "$f: ADD again" "$plugin" ADD a "$c"
	succeeds "$f: DEL" "$plugin" DEL a "$(with_prev "$c" "$(cat $out)")"
	same "$f: DEL prints nothing" "" "$(cat $out)"
	refuse "$f: the interface is gone" inside a ip link show eth0
	succeeds "$f: DEL again" "$plugin" DEL a "$c"
	succeeds "$f: ADD before the netns goes" "$plugin" ADD a "$c"
	ip netns del a
	succeeds "$f: DEL after the netns is gone" "$plugin" DEL a "$c"
	wait_for 5 eval '[ "$(veths)" -eq "${others:-0}" ]'
	nothing_left "$f: and nothing is left of it"
	if [ -x "$REF/$plugin" ]; then
		slate a
		eval "${prepare:-:}"
		go=$(jq -c '.cniVersion="0.4.0"' <<<"$c")
		# it would wait for duplicate address detection
		inside a sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
		for prev in $ways; do
			CNI_PATH=$REF CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 "$REF/$plugin" <<<"$go" >$out 2>$err ||
				not_ok "$f: ADD by the Go plugin"
			[ $prev = yes ] && prev=$(with_prev "$go" "$(cat $out)") || prev=$go
			succeeds "$f: DEL of what the Go plugin attached" "$plugin" DEL a "$prev"
			nothing_left "$f: nothing of the Go plugin's is left"
			refuse "$f: nor in the container" inside a ip link show eth0
		done
	fi
}

# usage: nothing_left NAME: no veth (but $others that the test made), lease or record
nothing_left() { same "$1" "${others:-0} veths, 0 leases, 0 records" "$(veths) veths, $(leases) leases, $(records) records"; }
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
# A foreign IPAM plugin in the folder /run/ipam, which wants to find the container's interface as dhcp does.
# usage: CNI_PATH=$BIN:$(seeing_ipam [fail]) ...; its type is "seeing"
seeing_ipam() {
	mkdir -p /run/ipam
	cat >/run/ipam/seeing <<-EOS
		#!/bin/bash
		if [ \$CNI_COMMAND != ADD ]; then
			link=
			[ \$CNI_COMMAND != DEL ] || ! ip -n "\${CNI_NETNS##*/}" link show "\$CNI_IFNAME" >&2 || link=-with-link
			echo "\$CNI_COMMAND\$link" >>/run/ipam/log
			exit 0
		fi
		ip -n "\${CNI_NETNS##*/}" link show "\$CNI_IFNAME" >&2 && [ "$1" != fail ] ||
			{ echo '{"cniVersion": "1.0.0", "code": 123, "msg": "no link, or told to fail"}'; exit 1; }
		echo '{"cniVersion": "1.0.0", "ips": [{"address": "10.88.0.7/24"}]}'
	EOS
	chmod +x /run/ipam/seeing
	echo /run/ipam
}
