# SPDX-License-Identifier: GPL-2.0-or-later
# ptp with ipMasq in nftables and iptables, portmap on it, and what hawser does with both.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"
pconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"ptp\"${1:+,$1}}"; }
default='"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]'

masq=$(pconf "\"ipMasq\":true,$(ipam dual "$default")")
for backend in nftables iptables; do
	n=ipMasq,\ $backend
	surroundings a b
	serve outside tcp:81 udp:81
	c=$(jq -c --arg b $backend '.ipMasqBackend=$b' <<<"$masq")
	succeeds "$n: ADD" ptp ADD a "$c"
	cp $out /run/prev.a
	succeeds "$n: ADD of a second" ptp ADD b "$c"
	cp $out /run/prev.b
	serve b tcp:80
	reaches "$n: tcp, the outside sees the host" "outside 192.0.2.1" a tcp 192.0.2.9 81
	# the first neighbour of the fixture's uplink may take the host a second
	check "$n: ping to the outside" inside a ping -c1 -W3 2001:db8:1::9
	reaches "$n: udp6, the outside sees the host" "outside 2001:db8:1::1" a udp 2001:db8:1::9 81
	reaches "$n: within the subnet the address is kept" "b 10.88.0.2" a tcp 10.88.0.3 80
	succeeds "$n: CHECK" ptp CHECK a "$(with_prev "$c" "$(cat /run/prev.a)")"
	[ $backend = iptables ] || same "$n: a chain for each subnet" 2 "$(chains masq)"
	publish "$n: a published port" b "\"backend\":\"$backend\",$(ports "$(map 8080 80)")"
	reaches "$n: from outside to the port" "b 192.0.2.9" outside tcp 192.0.2.1 8080
	reaches "$n: from the other container to the port" "b *" a tcp 192.0.2.1 8080
	reaches "$n: the container's own port" "b *" b tcp 192.0.2.1 8080
	reaches "$n: from the host through 127.0.0.1" "b *" host tcp 127.0.0.1 8080
	same "$n: hawser list" "a b" "$("$BIN/hawser" list --json | jq -r '[.[] | select(.plugins | index("ptp")).containerID] | sort | join(" ")')"
	nft flush ruleset
	check "$n: hawser reload" "$BIN/hawser" reload
	reaches "$n: after a flush and reload, masquerading" "outside 192.0.2.1" a tcp 192.0.2.9 81
	reaches "$n: after a flush and reload, the port" "b 192.0.2.9" outside tcp 192.0.2.1 8080
	NETNS='' succeeds "$n: DEL with an empty CNI_NETNS and without ipMasq" ptp DEL a "$(pconf "$(ipam dual)")"
	check "$n: hawser cleanup" "$BIN/hawser" cleanup b
	nothing_left "$n: nothing is left"
	nothing_in_nft "$n: nothing in nft"
	same "$n: nothing in iptables" "" "$(iptables-save | grep -E '10\.88\.0|"b"|"a"')"
done
surroundings a
serve outside tcp:81
succeeds "ipMasq false: ADD" ptp ADD a "$(pconf "$(ipam 4 '"routes":[{"dst":"0.0.0.0/0"}]')")"
reaches "ipMasq false: the outside sees the container" "outside 10.88.0.2" a tcp 192.0.2.9 81
stop_servers

slate a
succeeds "STATUS with ipMasq" ptp STATUS a "$masq"
broken ptp "$(pconf "\"ipMasq\":true,$(ipam 4)")" "flushed rules" nft flush ruleset
done_testing
