# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan: each step of ADD and DEL fails, ADD is killed at its system calls: nothing stays, nor of the network.
. "$(dirname "$0")/lib.sh"
snapshot() {
	"$SNAPSHOT"
	nft list tables | grep hawser-vx
	ip neigh show nud permanent
	bridge fdb show 2>/dev/null | grep ' dst '
}
ip addr add 192.0.2.1/24 dev lo
c='{"cniVersion":"1.1.0","type":"vxlan","name":"blue","vni":42,"network":"10.5.0.0/16","node":"n1","peers":[{"node":"n1","vtep":"192.0.2.1","subnet":"10.5.1.0/24"},{"node":"n2","vtep":"198.51.100.2","subnet":"10.5.2.0/24"}]}'
dual=$(jq -c '.directRouting=true | .network=["10.5.0.0/16","fd05::/48"] | .peers[0].subnet=["10.5.1.0/24","fd05:0:0:1::/64"] | .peers[1].subnet=["10.5.2.0/24","fd05:0:0:2::/64"] | .mtu=1400' <<<"$c")
prepare='nft flush ruleset'
fail_each_step "4" vxlan "$c"
fail_each_step "dual, directRouting" vxlan "$dual"
fail_each_step "ipMasq" vxlan "$(jq -c '.ipMasq=true' <<<"$c")"
fail_each_step_of_del vxlan "$c"
# the second container of a network: the first one's network stays whole
slate a b
plugin vxlan ADD b "$c" || not_ok "ADD of the first"
first=$(cat $out)
before=$(snapshot)
for ((k = 1; k <= 200; k++)); do
	HAWSER_FAULT=$k plugin vxlan ADD a "$c"
	status=$?
	reached || break
	if [ $status -eq 0 ]; then plugin vxlan DEL a "$c"; fi
	[ "$before" = "$(snapshot)" ] || { not_ok "second container, step $k: the first is as it was" "$(diff <(echo "$before") <(snapshot))"; break; }
done
same "second container: ADD without a failure" 0 $status
check "second container: $((k - 1)) steps" [ "$k" -gt 10 ]
check "the first one's CHECK" plugin vxlan CHECK b "$(with_prev "$c" "$first")"
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
