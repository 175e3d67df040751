# SPDX-License-Identifier: GPL-2.0-or-later
# portmap with the iptables backend on a whole host, with iptables-nft and iptables-legacy: neighbours and
# 127.0.0.1 (CVE-2020-8558), and ports that another container has through whatever backend or plugin.
. "$(dirname "$0")/lib.sh"
. "$here/tests/nat-lib.sh"
. "$here/tests/xt-lib.sh"
command -v xtables-nft-multi >/dev/null || {
	skip "the iptables backend on a host" "no iptables"
	done_testing
}
eval "nft_$(declare -f snapshot)"
snapshot() {
	nft_snapshot 2>/dev/null
	rules
}
XTB='"backend":"iptables"' NFB='"backend":"nftables"'
# Packets from bridges to 127.0.0.0/8 and from there that reach the host's INPUT.
arrived() { nft -j list chain ip watch in | jq -r '[.nftables[].rule.expr[]?.counter?.packets // empty] | join(" ")'; }
poke() {
	inside b /usr/bin/python3 -SE "$here/tests/netns/peer.py" send to "mac=$(link eth0 .address b)" "src=$(ip4 b)" \
		"dst=127.0.0.1" "dstmac=$(link br0 .address)" dport=7777 "$@"
}
# Packets that our chain dropped.
kept_out() { iptables -t raw -nvxL HAWSER-LOCALNET | awk '$3 == "DROP" {n += $1} END {print n + 0}'; }

for v in nft legacy; do
	xt_variant $v || continue

	# --- CVE-2020-8558
	for nf in 0 1; do
		xt_reset
		town a b
		bridge_nf $nf || [ $nf = 0 ] || break
		n="$v, bridge-nf $nf"
		serve a tcp:80
		serve host udp:7777@127.0.0.1 tcp:7777@127.0.0.1 tcp:7000
		nft -f - <<<'table ip watch { chain in { type filter hook input priority 0; iifname "br*" ct direction original ip daddr 127.0.0.0/8 counter; iifname "br*" ct direction original ip saddr 127.0.0.0/8 counter; }; }'
		publish "$n: publish" a "$XTB,$(ports "$(map 8080 80)")"
		same "$n: nothing of ours in nf_tables" 0 "$(nft list tables | grep -c hawser)"
		same "$n: route_localnet is on" 1 "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)"
		reaches "$n: from outside" "a 192.0.2.9" outside tcp 192.0.2.1 8080
		reaches "$n: 127.0.0.1 works" "a 10.88.0.1" host tcp 127.0.0.1 8080
		reaches "$n: the host's own on 127.0.0.1" "host 127.0.0.1" host tcp 127.0.0.1 7777
		reaches "$n: hairpin" "a 10.88.0.1" a tcp 192.0.2.1 8080
		ip -n b addr flush dev lo
		ip -n b route add 127.0.0.0/8 via 10.88.0.1
		silent "CVE-2020-8558, $n: tcp to 127.0.0.1 through the bridge" b tcp 127.0.0.1 7777
		silent "CVE-2020-8558, $n: udp" b udp 127.0.0.1 7777
		silent "CVE-2020-8558, $n: nor a published port by 127.0.0.1" b tcp 127.0.0.1 8080
		poke
		for src in 127.0.0.1 127.0.0.2; do
			poke src=$src dst=10.88.0.1
		done
		same "CVE-2020-8558, $n: nothing arrived" "0 0" "$(arrived)"
		check "CVE-2020-8558, $n: the drops are counted" [ "$(kept_out)" -ge 6 ]
		# a redirection to 127.0.0.1 that somebody made on purpose is not ours to break
		iptables -t nat -A PREROUTING -i br0 -p tcp --dport 7070 -j DNAT --to-destination 127.0.0.1:7777
		reaches "$n: a redirection of the admin's to 127.0.0.1 works" "host $(ip4 b)" b tcp 10.88.0.1 7070
		reaches "$n: other ports of the host work" "host $(ip4 b)" b tcp 10.88.0.1 7000
		unpublish "$n: DEL" a
		before=$(arrived)
		poke
		same "CVE-2020-8558, $n: the bridge stays closed after the last port" "$before" "$(arrived)"
		# the proof that the rules did it
		iptables -t raw -F HAWSER-LOCALNET
		poke
		refuse "$n: without the rules it arrives" [ "$(arrived)" = "$before" ]
		publish "$n: the next ADD repairs" b "$XTB,$(ports "$(map 8081 80)")"
		before=$(arrived)
		poke
		same "CVE-2020-8558, $n: and it is closed again" "$before" "$(arrived)"
	done

	# --- ports of other containers
	xt_reset
	town a b c
	publish "$v: a, iptables" a "$XTB,$(ports "$(map 8080 80)" "$(map 7000 70 udp 192.0.2.1)")"
	publish "$v: b, nftables" b "$NFB,$(ports "$(map 8090 80)" "$(map 9000 9000 tcp "" 10)")"
	same "$v: a second ADD of the same attachment" "0 0" "$(
		plugin portmap ADD a "$(chained portmap net a "$XTB,$(ports "$(map 8080 80)" "$(map 7000 70 udp 192.0.2.1)")")"
		echo $?
	) $(
		plugin portmap ADD b "$(chained portmap net b "$NFB,$(ports "$(map 8090 80)" "$(map 9000 9000 tcp "" 10)")")"
		echo $?
	)"
	for backend in "$XTB" "$NFB"; do
		n="$v, ${backend#*:}"
		refused "$n: a port that iptables publishes" 999 '"hostPort": tcp port 8080 on any address is published by net a (network, container)' c "$backend,$(ports "$(map 8080 80)")"
		refused "$n: the same with a hostIP: the rule before it takes all" 999 'tcp port 8080 on 192.0.2.1 is published by net a ' c "$backend,$(ports "$(map 8080 80 tcp 192.0.2.1)")"
		refused "$n: the same hostIP, udp, among others" 999 'udp port 7000 on 192.0.2.1 is published by net a ' c "$backend,$(ports "$(map 70 70)" "$(map 7000 70 udp 192.0.2.1)")"
		refused "$n: a port that nftables publishes" 999 '"hostPort": tcp port 8090 on any address is published by net b eth0 (network, container, interface)' c "$backend,$(ports "$(map 8090 80)")"
		refused "$n: a port in a range of nftables" 999 'tcp port 9003 on any address is published by net b eth0' c "$backend,$(ports "$(map 9003 80)")"
		refused "$n: a container on another network" 999 'published by net a ' c "$backend,$(ports "$(map 8080 80)")" other
		publish "$n: udp, and another address, are free" c "$backend,$(ports "$(map 8080 80 udp)" "$(map 7000 70 udp 198.51.100.1)")"
		unpublish "$n: DEL" c
	done
	# a second ADD that is refused keeps what the first one made
	refused "$v: a second ADD that wants another's port, too" 999 'tcp port 8090 ' a "$XTB,$(ports "$(map 8080 80)" "$(map 8090 80)")"
	unpublish "$v: DEL a" a
	unpublish "$v: DEL b" b
	publish "$v: then the ports are free" c "$XTB,$(ports "$(map 8080 80)" "$(map 8090 80)" "$(map 9003 80)")"
	unpublish "$v: DEL c" c
	same "$v: no chain of a container is left" 0 "$(rules | grep -c CNI-DN-)"

	# --- a container of the Go plugins
	if [ -x "$REF/portmap" ]; then
		CNI_PATH=$REF CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$REF/portmap" >$out 2>$err \
			<<<"$(chained portmap net a "$(ports "$(map 8080 80 tcp)")" | jq -c '.cniVersion = "1.0.0" | .prevResult.cniVersion = "1.0.0"')" || not_ok "$v: the reference publishes"
		for backend in "$XTB" "$NFB"; do
			refused "$v, ${backend#*:}: a port of a Go container" 999 'tcp port 8080 on any address is published by net a (network, container)' c "$backend,$(ports "$(map 8080 80)")"
		done
		publish "$v: another port" c "$NFB,$(ports "$(map 8081 80)")"
		CNI_PATH=$REF CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$REF/portmap" >$out 2>$err \
			<<<"$(chained portmap net a "$(ports "$(map 8080 80 tcp)")" | jq -c '.cniVersion = "1.0.0" | .prevResult.cniVersion = "1.0.0"')" || not_ok "$v: the reference removes"
		publish "$v: the port is free after its DEL" b "$NFB,$(ports "$(map 8080 80)")"
		unpublish "$v: DEL c" c
		unpublish "$v: DEL b" b
	else
		skip "$v: ports of the Go plugins" "they are not installed"
	fi
done
done_testing
