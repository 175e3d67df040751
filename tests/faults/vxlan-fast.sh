# SPDX-License-Identifier: GPL-2.0-or-later
# vxlan with "fastPath": each step of ADD and DEL fails, and of the plugins behind it that take a container out of it.
. "$(dirname "$0")/lib.sh"
snapshot() {
	"$SNAPSHOT"
	nft list tables | grep hawser-vx
	tc qdisc show | grep clsact
}
ip addr add 192.0.2.1/24 dev lo
c='{"cniVersion":"1.1.0","type":"vxlan","name":"blue","vni":42,"network":["10.5.0.0/16","fd05::/48"],"node":"n1","fastPath":true,"peers":[
{"node":"n1","vtep":"192.0.2.1","subnet":["10.5.1.0/24","fd05:0:0:1::/64"]},{"node":"n2","vtep":"198.51.100.2","subnet":["10.5.2.0/24","fd05:0:0:2::/64"]}]}'
c=$(jq -c . <<<"$c")
prepare='nft flush ruleset'
fail_each_step "fastPath" vxlan "$c"
fail_each_step_of_del vxlan "$c"
record=/run/hawser/attachments/blue/a-eth0:vxlan
has_part() { grep -q '"fast": *true' $record; }

# The second container of a network: the first one's fast path stays whole.
slate a b
plugin vxlan ADD b "$c" || not_ok "ADD of the first"
first=$(cat $out)
for ((k = 1; k <= 200; k++)); do
	HAWSER_FAULT=$k plugin vxlan ADD a "$c"
	status=$?
	reached || break
	[ $status -ne 0 ] || plugin vxlan DEL a "$c"
	plugin vxlan CHECK b "$(with_prev "$c" "$first")" || { not_ok "second container, step $k: CHECK of the first" "$(cat $out)"; break; }
done
same "second container: ADD without a failure, CHECK of the first after $((k - 1)) of them" 0 $status
plugin vxlan DEL a "$c"
plugin vxlan DEL b "$c"

# usage: begin PLUGIN JQ-FILTER
begin() {
	slate a
	nft flush ruleset
	plugin vxlan ADD a "$c" || not_ok "$1: ADD of vxlan"
	first=$(cat $out)
	c2=$(jq -nc --arg t "$1" --argjson p "$first" '{cniVersion: "1.1.0", name: "blue", type: $t, prevResult: $p} + '"$2")
}
end() {
	plugin "$1" DEL a "$c2" || not_ok "$1: DEL"
	plugin vxlan DEL a "$c" || not_ok "$1: DEL of vxlan"
}
# What a failed ADD of a plugin behind it took out has part again. usage: behind PLUGIN JQ-FILTER
behind() {
	local name=$1 k status first c2
	begin "$@"
	for ((k = 1; k <= 100; k++)); do
		HAWSER_FAULT=$k plugin "$name" ADD a "$c2"
		status=$?
		reached || break
		if [ $status -eq 0 ]; then
			end "$@"
			begin "$@"
		elif ! plugin vxlan CHECK a "$(with_prev "$c" "$first")" || ! has_part; then
			not_ok "$name, step $k: the fast path is as it was" "$(cat $out)"
			break
		fi
	done
	same "$name behind it: ADD after $((k - 1)) failures" "0 yes" "$status $([ $k -gt 15 ] && echo yes)"
	refuse "$name behind it: no part any more" has_part
	same "$name behind it: no program" 0 "$(tc filter show dev "$(jq -r '.interfaces[0].name' <<<"$first")" ingress | grep -c hawser_fast)"
	end "$@"
	nothing_left "$name behind it: DEL leaves nothing"
}
behind portmap '{capabilities: {portMappings: true}, runtimeConfig: {portMappings: [{hostPort: 8080, containerPort: 80, protocol: "tcp"}]}}'
behind bandwidth '{ingressRate: 8000000, ingressBurst: 800000, egressRate: 8000000, egressBurst: 800000}'
done_testing
