# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan: each step of ADD and DEL fails, ADD is killed at its system calls: nothing stays, nor of the network.
# $mode is l3, or l2 where vxlan-l2.sh runs this.
. "$(dirname "$0")/lib.sh"
: "${mode:=l3}"
snapshot() {
	"$SNAPSHOT"
	nft list tables | grep hawser-vx
	ip neigh show nud permanent
	bridge fdb show 2>/dev/null | grep ' dst '
	ip -o link show type veth | grep -o 'veth.* master [^ ]*'
}
ip addr add 192.0.2.1/24 dev lo
c='{"cniVersion":"1.1.0","type":"vxlan","name":"blue","vni":42,"network":"10.5.0.0/16","node":"n1","peers":[{"node":"n1","vtep":"192.0.2.1","subnet":"10.5.1.0/24"},{"node":"n2","vtep":"198.51.100.2","subnet":"10.5.2.0/24"}]}'
c=$(jq -c ".mode=\"$mode\"" <<<"$c")
dual=$(jq -c '.directRouting=(.mode == "l3") | .network=["10.5.0.0/16","fd05::/48"] | .peers[0].subnet=["10.5.1.0/24","fd05:0:0:1::/64"] | .peers[1].subnet=["10.5.2.0/24","fd05:0:0:2::/64"] | .mtu=1400' <<<"$c")
prepare='nft flush ruleset'
fail_each_step "4" vxlan "$c"
fail_each_step "dual, directRouting" vxlan "$dual"
fail_each_step "ipMasq" vxlan "$(jq -c '.ipMasq=true' <<<"$c")"
fail_each_step_of_del vxlan "$c"
# on a running flanneld, of which nothing is touched
if [ $mode = l3 ]; then
	mkdir /run/flannel
	printf '%s\n' FLANNEL_NETWORK=10.5.0.0/16 FLANNEL_SUBNET=10.5.26.1/24 FLANNEL_MTU=1450 FLANNEL_IPMASQ=false >/run/flannel/subnet.env
	flannel='{"cniVersion":"1.1.0","type":"vxlan","name":"flannel","ipMasq":true,"store":{"type":"flannel"}}'
	fail_each_step "store flannel" vxlan "$flannel"
	fail_each_step_of_del vxlan "$flannel"
fi
# The second container of a network: the first one's network stays whole. usage: second NAME CONF
second() {
	local name=$1 c=$2 before k status
	slate a b
	plugin vxlan ADD b "$c" || not_ok "$name: ADD of the first"
	first=$(cat $out)
	before=$(snapshot)
	for ((k = 1; k <= 200; k++)); do
		HAWSER_FAULT=$k plugin vxlan ADD a "$c"
		status=$?
		reached || break
		if [ $status -eq 0 ]; then plugin vxlan DEL a "$c"; fi
		[ "$before" = "$(snapshot)" ] || { not_ok "$name, step $k: the first is as it was" "$(diff <(echo "$before") <(snapshot))"; break; }
	done
	same "$name: ADD without a failure" 0 $status
	check "$name: $((k - 1)) steps" [ "$k" -gt 10 ]
	plugin vxlan DEL a "$c"
	check "$name: the first one's CHECK" plugin vxlan CHECK b "$(with_prev "$c" "$first")"
}
second "second container" "$c"
# A bridge that is lost comes back with its ports, whatever failed meanwhile.
for ((k = 1; k <= 200; k++)); do
	[ $mode = l2 ] || break
	ip link del br-vx42 && HAWSER_FAULT=$k plugin vxlan ADD a "$c"
	status=$?
	lost=$(reached && echo yes)
	[ $status -eq 0 ] || plugin vxlan ADD a "$c" || not_ok "lost bridge, step $k: the next ADD"
	plugin vxlan CHECK b "$(with_prev "$c" "$first")" || { not_ok "lost bridge, step $k: CHECK after the next ADD"; break; }
	plugin vxlan DEL a "$c"
	[ -n "$lost" ] || { same "lost bridge: ADD without a failure, after $((k - 1))" 0 $status; break; }
done
# What CHECK puts right: whatever fails meanwhile, the container stays as it is and the next CHECK finishes the job.
slate b
plugin vxlan ADD b "$c" || not_ok "repair: ADD"
first=$(cat $out)
own=$(ip -o link show type veth; ip -n b -4 addr; ip -n b route)
for ((k = 1; k <= 200; k++)); do
	ip link del vx42 && nft delete table inet hawser-vx42
	HAWSER_FAULT=$k plugin vxlan CHECK b "$(with_prev "$c" "$first")"
	status=$?
	lost=$(reached && echo yes)
	[ $status -eq 0 ] || [ "$(result '.code > 0 and (.msg | length > 5)')" = true ] || not_ok "repair, step $k: the error"
	plugin vxlan CHECK b "$(with_prev "$c" "$first")" || { not_ok "repair, step $k: the next CHECK"; break; }
	plugin vxlan CHECK b "$(with_prev "$c" "$first")" && [ ! -s $err ] || { not_ok "repair, step $k: what the next CHECK left"; break; }
	[ -n "$lost" ] || break
done
same "repair: CHECK without a failure" "0 " "$status $lost"
check "repair: $((k - 1)) steps" [ "$k" -gt 15 ]
same "repair: links and container are as they were" "$own" "$(ip -o link show type veth; ip -n b -4 addr; ip -n b route)"
plugin vxlan DEL b "$c"
nothing_left "repair: DEL leaves nothing"

if [[ $BIN == */san/* ]]; then
	skip "ADD killed at its system calls" "LeakSanitizer and ptrace exclude each other"
else
	slate a
	nft flush ruleset
	every=9 kills vxlan DEL a "$c" "$c" 15
	every=13 kills vxlan GC "" "$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$dual")" "$dual" 10
	same "no table is left" "" "$(nft list tables | grep hawser-vx)"
fi
done_testing
