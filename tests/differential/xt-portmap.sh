# SPDX-License-Identifier: GPL-2.0-or-later
# Published ports of Debian's reference plugins (1.1.1) and ours in iptables-nft and iptables-legacy: the same text,
# and each removes what the other made.
#
# Not compared, because 1.1.1 does not know it: masqAll (compared with the text of later releases).
# Intended differences:
#   DEL                       the reference needs portMappings to remove, ours does not
#   ip6tables-legacy 1.8.9    its -C takes DNAT rules to IPv6 that differ only in the port for the same, so that
#                             the reference leaves out all but the first; ours does not ask it
. "$(dirname "$0")/../netns/lib.sh"
. "$here/tests/xt-lib.sh"
if [ ! -x "$REF/bridge" ]; then
	skip "differential tests of rules in iptables" "no reference plugins in $REF"
	done_testing
fi
xt_need
export CNI_IFNAME=eth0

# Without table raw, in which ours keep others out of 127.0.0.0/8 (CVE-2020-8558).
eval "all_$(declare -f rules)"
rules() { all_rules | sed '/^\*raw$/,/^COMMIT$/d'; }
# usage: portmap NAME MEMBERS PORTS WORDS; the host ports of c2 have a 1 in front: ours refuse a port that is taken; PORTS for jq, WORDS for the driver
portmap() {
	local members members2 name="$v: portmap $1" words2
	members="\"runtimeConfig\":{\"portMappings\":$(jq -nc "$3")}${2:+,$2}"
	members2="\"runtimeConfig\":{\"portMappings\":$(jq -nc "$3 | map(.hostPort = (\"1\\(.hostPort)\" | tonumber))")}${2:+,$2}"
	words2=$(sed -E 's/(tcp|udp|sctp)\//\1\/1/g' <<<"$4")
	xt_reset
	ref portmap ADD c1 "$members"
	ref portmap ADD c2 "$members2"
	theirs=$(rules)
	ours_removes=$("$XT" portmap-del mynet c1 2>&1; "$XT" portmap-del mynet c2 2>&1; rules)
	xt_reset
	# shellcheck disable=SC2086
	{
		"$XT" portmap-add mynet c1 $ips $4 ${cond:+"${cond[@]}"} && "$XT" portmap-add mynet c2 $ips $words2 ${cond:+"${cond[@]}"}
	} 2>>$err || not_ok "$name: ours"
	ours=$(rules)
	alike "$name"
	# shellcheck disable=SC2086
	ref portmap ADD c1 "$members"
	equal "$name: the reference finds ours in place" "$theirs" "$(rules)"
	ref portmap DEL c1 "$members"
	ref portmap DEL c2 "$members2"
	equal "$name: each removes the other's" "$ours_removes" "$(rules)"
	same "$name: completely" 0 "$(grep -cE 'CNI-(DN|SN)-' <<<"$ours_removes")"
}

for v in nft legacy; do
	xt_variant $v || continue
	cond=()
	ips=10.88.0.2/24
	one='[{hostPort:8080,containerPort:80,protocol:"tcp"}]'
	portmap "one port" "" "$one" "tcp/8080/80"
	portmap "hostIP" "" '[{hostPort:8080,containerPort:80,protocol:"tcp",hostIP:"127.0.0.1"},{hostPort:8080,containerPort:80,protocol:"udp",hostIP:"0.0.0.0"}]' \
		"tcp/8080/80/1/127.0.0.1 udp/8080/80/1/0.0.0.0"
	portmap "20 ports" "" '[range(20) | {hostPort:(8000+.),containerPort:(80+.),protocol:"tcp"}]' "tcp/8000/80/20"
	portmap "30 ports" "" '[range(30) | {hostPort:(8000+.),containerPort:(80+.),protocol:"tcp"}]' "tcp/8000/80/30"
	portmap "udp" "" '[{hostPort:53,containerPort:53,protocol:"udp"}]' "udp/53/53"
	portmap "all protocols" "" '[{hostPort:53,containerPort:53,protocol:"udp"},{hostPort:54,containerPort:53,protocol:"tcp"},{hostPort:7,containerPort:8,protocol:"sctp"}]' \
		"udp/53/53 tcp/54/53 sctp/7/8"
	portmap "snat false" '"snat":false' "$one" "tcp/8080/80 snat=0"
	portmap "markMasqBit" '"markMasqBit":0' "$one" "tcp/8080/80 mark=0"
	portmap "markMasqBit 31" '"markMasqBit":31' "$one" "tcp/8080/80 mark=31"
	cond=("cond=!" "cond=-d" "cond=192.0.2.0/24" "cond=-m" "cond=comment" "cond=--comment" "cond=it's \"x\" \\")
	portmap "conditions" '"conditionsV4":["!","-d","192.0.2.0/24","-m","comment","--comment","it'"'"'s \"x\" \\"]' "$one" "tcp/8080/80"
	cond=()
	ips="10.88.0.2/24 fd00:88::2/64"
	portmap "dual stack, hostIP of each" "" '[{hostPort:81,containerPort:80,protocol:"tcp",hostIP:"127.0.0.1"},{hostPort:82,containerPort:80,protocol:"tcp",hostIP:"::1"},{hostPort:83,containerPort:80,protocol:"tcp",hostIP:"::"}]' \
		"tcp/81/80/1/127.0.0.1 tcp/82/80/1/::1 tcp/83/80/1/::"
	[ $v = legacy ] || portmap "dual stack, 20 ports" "" '[range(20) | {hostPort:(8000+.),containerPort:(80+.),protocol:"tcp"}]' "tcp/8000/80/20"
	# after ipMasq: the jump to the masquerading of ports is put before it
	ips=10.88.0.2/24
	xt_reset
	slate c1
	ref_bridge ADD c1
	ref portmap ADD c1 "\"runtimeConfig\":{\"portMappings\":$(jq -nc "$one")}"
	theirs=$(rules)
	xt_reset
	"$XT" masq-add mynet c1 $ips
	"$XT" portmap-add mynet c1 $ips tcp/8080/80
	ours=$(rules)
	alike "$v: ipMasq and portmap"
	# masqAll as of 1.6: everybody is marked, nobody separately
	xt_reset
	"$XT" portmap-add mynet c1 $ips tcp/8080/80 masqall=1
	same "$v: masqAll" "-A CNI-DN-e9a0 -p tcp -m tcp --dport 8080 -j CNI-HOSTPORT-SETMARK;-A CNI-DN-e9a0 -p tcp -m tcp --dport 8080 -j DNAT --to-destination 10.88.0.2:80;" \
		"$(iptables-save -t nat | grep '^-A CNI-DN-' | sed -E 's/CNI-DN-[0-9a-f]+/CNI-DN-e9a0/' | tr '\n' ';')"
done
done_testing
