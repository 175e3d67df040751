# SPDX-License-Identifier: GPL-2.0-or-later
# vm: dummy veth bridge
# dummy: addresses on a link that leads nowhere; DEL, CHECK, GC and STATUS. What it shares with macvlan
# is tested in macvlan.sh and tests/faults/macvlan.sh; bad input: kinds.sh.
. "$(dirname "$0")/lib.sh"

# usage: dconf MEMBERS
dconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"dummy\"${1:+,$1}}"; }

if ! ip link add probe0 type dummy 2>/dev/null; then
	skip "dummy: links" "kernel without CONFIG_DUMMY"
	done_testing
fi

for f in dual; do
	slate a
	inside a ip link set lo up
	c=$(dconf "\"dns\":{\"nameservers\":[\"10.0.0.1\"]},$(ipam $f '"routes":[{"dst":"192.0.2.0/24"}]')")
	before=$(snapshot)
	succeeds "$f: ADD" dummy ADD a "$c"
	first=$(cat $out)
	same "$f: one interface, in the sandbox" "eth0 /run/netns/a" "$(result '[.interfaces[] | .name, .sandbox] | join(" ")')"
	same "$f: every address belongs to it" 0 "$(result '[.ips[].interface] | unique | join(" ")')"
	same "$f: kind, state and MAC are the link's" "dummy true $(result '.interfaces[0].mac')" \
		"$(link eth0 '"\(.linkinfo.info_kind) \(.flags | index("UP") != null) \(.address)"' a)"
	same "$f: the addresses of the result are in the container" "$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 a)"
	same "$f: no address is tentative" 0 "$(inside a ip -6 addr show dev eth0 tentative | grep -c 'scope global')"
	same "$f: dns" 10.0.0.1 "$(result '.dns.nameservers[0]')"
	for address in $(result '[.ips[].address | split("/")[0]] | join(" ")'); do
		check "$f: ping $address" inside a ping -c1 -W3 "$address"
	done
	succeeds "$f: CHECK" dummy CHECK a "$(with_prev "$c" "$first")"
	fails "$f: ADD twice for one interface" 999 already dummy ADD a "$c"
	succeeds "$f: DEL" dummy DEL a "$c"
	same "$f: everything is as it was" "$before" "$(snapshot)"
done
removals 4 dummy "$(dconf "$(ipam 4)")"
slate a
ip link add eth0 type bridge
succeeds "CNI_IFNAME that the host has" dummy ADD a "$(dconf "$(ipam 4)")"
same "the host's is still a bridge" bridge "$(link eth0 .linkinfo.info_kind)"
same "the container's is a dummy" dummy "$(link eth0 .linkinfo.info_kind a)"
check "hawser cleanup" "$BIN/hawser" cleanup net
refuse "hawser cleanup: the link is gone" inside a ip link show eth0
slate a
inside a ip link add eth0 type bridge
fails "CNI_IFNAME that the container has" 999 '"eth0" exists in the container' dummy ADD a "$(dconf "$(ipam 4)")"
broken dummy "$(dconf "$(ipam 4)")" "a lost address" inside a ip addr flush dev eth0
broken dummy "$(dconf "$(ipam 4)")" "a link that is down" inside a ip link set eth0 down
done_testing
