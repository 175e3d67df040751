# SPDX-License-Identifier: GPL-2.0-or-later
# loopback: lo up and down, its result, prevResult passed through, CHECK.
. "$(dirname "$0")/lib.sh"
export CNI_IFNAME=lo
up() { inside "$1" ip -j link show lo | jq -r '.[0].flags | index("UP") != null'; }
for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
	slate a
	c="{\"cniVersion\":\"$v\",\"name\":\"lo\",\"type\":\"loopback\"}"
	succeeds "$v: ADD" loopback ADD a "$c"
	same "$v: lo is up" true "$(up a)"
	same "$v: result has the version" "$v" "$(result .cniVersion)"
	case $v in
	0.[12].0) same "$v: addresses" "127.0.0.1/8 ::1/128" "$(result '.ip4.ip + " " + .ip6.ip')" ;;
	*)
		same "$v: addresses" "127.0.0.1/8 ::1/128" "$(result '[.ips[].address] | join(" ")')"
		same "$v: interface" "lo 00:00:00:00:00:00 /run/netns/a 0 0" \
			"$(result '.interfaces[0] | "\(.name) \(.mac) \(.sandbox)"') $(result '[.ips[].interface | tostring] | join(" ")')"
		;;
	esac
	prev=$(cat $out)
	case $v in
	0.[123].*) ;;
	*)
		succeeds "$v: CHECK" loopback CHECK a "$(with_prev "$c" "$prev")"
		inside a ip link set lo down
		fails "$v: CHECK with lo down" 999 lo loopback CHECK a "$(with_prev "$c" "$prev")"
		;;
	esac
	succeeds "$v: DEL" loopback DEL a "$c"
	same "$v: lo is down" false "$(up a)"
	succeeds "$v: DEL again" loopback DEL a "$c"
	NETNS='' succeeds "$v: DEL without a netns" loopback DEL a "$c"
	NETNS=/run/netns/none succeeds "$v: DEL with a missing netns" loopback DEL a "$c"
done
slate a
c='{"cniVersion":"1.1.0","name":"lo","type":"loopback"}'
prev='{"cniVersion":"1.1.0","interfaces":[{"name":"eth0","mac":"02:00:00:00:00:01","sandbox":"/run/netns/a"}],"ips":[{"interface":0,"address":"10.1.2.3/24"}]}'
succeeds "prevResult" loopback ADD a "$(with_prev "$c" "$prev")"
same "prevResult is passed through" "eth0 10.1.2.3/24" "$(result '.interfaces[0].name + " " + .ips[0].address')"
slate a
CNI_IFNAME=eth7 succeeds "another CNI_IFNAME" loopback ADD a "$c"
same "lo is up whatever CNI_IFNAME says" true "$(up a)"
NETNS=/run/netns/none fails "ADD with a missing netns" 4 /run/netns/none loopback ADD a "$c"
NETNS=/proc/self/ns/net fails "ADD with the host's own netns" 8 /proc/self/ns/net loopback ADD a "$c"
CNI_COMMAND=GC check "GC succeeds" eval '"$BIN/loopback" <<<"$c"'
CNI_COMMAND=STATUS check "STATUS succeeds" eval '"$BIN/loopback" <<<"$c"'
done_testing
