# SPDX-License-Identifier: GPL-2.0-or-later
# portmap, nftables backend: CVE-2020-8558, UDP flows in connection tracking, 10,000 ports, 32 at a time.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

# --- CVE-2020-8558: 127.0.0.1 of the host is not for neighbours
for nf in 0 1; do
	town a b
	bridge_nf $nf || [ $nf = 0 ] || break
	serve a tcp:80
	serve host udp:7777@127.0.0.1 tcp:7777@127.0.0.1
	# no answer may come back, and no packet may arrive
	nft -f - <<<'table ip watch { chain in { type filter hook input priority 0; iifname "br*" ct direction original ip daddr 127.0.0.0/8 counter; iifname "br*" ct direction original ip saddr 127.0.0.0/8 counter; }; }'
	arrived() { nft -j list chain ip watch in | jq -r '[.nftables[].rule.expr[]?.counter?.packets // empty] | join(" ")'; }
	poke() {
		inside b /usr/bin/python3 -SE "$here/tests/netns/peer.py" send to "mac=$(link eth0 .address b)" "src=$(ip4 b)" \
			"dst=127.0.0.1" "dstmac=$(link br0 .address)" dport=7777 "$@"
	}
	publish "bridge-nf $nf: publish" a "$(ports "$(map 8080 80)")"
	same "bridge-nf $nf: route_localnet is on" 1 "$(cat /proc/sys/net/ipv4/conf/br0/route_localnet)"
	reaches "bridge-nf $nf: 127.0.0.1 works" "a 10.88.0.1" host tcp 127.0.0.1 8080
	ip -n b addr flush dev lo
	ip -n b route add 127.0.0.0/8 via 10.88.0.1
	before=$(dropped inet direct)
	silent "CVE-2020-8558, bridge-nf $nf: tcp to 127.0.0.1 through the bridge" b tcp 127.0.0.1 7777
	silent "CVE-2020-8558, bridge-nf $nf: udp" b udp 127.0.0.1 7777
	silent "CVE-2020-8558, bridge-nf $nf: nor a published port by 127.0.0.1" b tcp 127.0.0.1 8080
	poke
	same "CVE-2020-8558, bridge-nf $nf: nothing arrived" "0 0" "$(arrived)"
	check "CVE-2020-8558, bridge-nf $nf: the drops are counted" [ "$(dropped inet direct)" -ge $((before + 4)) ]
	for src in 127.0.0.1 127.0.0.2; do
		poke src=$src dst=10.88.0.1
	done
	same "bridge-nf $nf: nor does what says it comes from 127.0.0.0/8" "0 0" "$(arrived)"
	# another network on the same bridge
	ip netns add c
	join c "$(net_conf second br0 88)"
	publish "two networks on a bridge: publish" c "$(ports "$(map 8081 80)")" second
	unpublish "two networks on a bridge: DEL of the first" a
	poke
	same "CVE-2020-8558, bridge-nf $nf: the bridge stays closed while another network publishes" 0 "$(arrived | cut -d' ' -f1)"
	unpublish "two networks on a bridge: DEL of the second" c "" second
	# the proof that the rule did it
	echo 1 >/proc/sys/net/ipv4/conf/br0/route_localnet
	nft flush chain inet hawser direct
	poke
	refuse "bridge-nf $nf: without the rule it arrives" [ "$(arrived)" = "0 0" ]
done

# --- UDP flows
town a b
serve a udp:53
serve third udp:5353
udp_flows() { conntrack -L -p udp --orig-port-dst 5353 2>/dev/null | grep -c "dst=${1:-.}"; }
publish "so that the kernel tracks connections" b "$(ports "$(map 1 1)")"
T=0.1 ask outside udp 192.0.2.1 5353 "" 5555 >/dev/null 2>&1
T=0.1 ask outside udp 2001:db8:1::1 5353 "" 5555 >/dev/null 2>&1
reaches "a transit flow" "third 192.0.2.9" outside udp 198.51.100.9 5353 "" 5556
reaches "a flow of the host itself" "third 198.51.100.1" host udp 198.51.100.9 5353 "" 5557
same "flows from before ADD" "1 2" "$(udp_flows 192.0.2.1) $(udp_flows 198.51.100.9)"
publish "UDP" a "$(ports "$(map 5353 53 udp)")"
reaches "a flow from before ADD reaches the container" "a 192.0.2.9" outside udp 192.0.2.1 5353 "" 5555
reaches "a flow from before ADD reaches the container, v6" "a 2001:db8:1::9" outside udp 2001:db8:1::1 5353 "" 5555
same "transit flows are not deleted" 2 "$(udp_flows 198.51.100.9)"
unpublish "UDP: DEL" a
same "after DEL the flow is gone" "0 0" "$(udp_flows 192.0.2.1) $(conntrack -L -f ipv6 -p udp --orig-port-dst 5353 2>/dev/null | wc -l)"
same "transit flows are still there" 2 "$(udp_flows 198.51.100.9)"
T=0.1 ask outside udp 192.0.2.1 5353 "" 5555 >/dev/null 2>&1
T=0.1 ask outside udp 198.51.100.1 5353 "" 5558 >/dev/null 2>&1
publish "UDP with hostIP" a "$(ports "$(map 5353 53 udp 192.0.2.1)")"
same "only flows to the hostIP are deleted" 1 "$(conntrack -L -p udp --orig-dst 198.51.100.1 --orig-port-dst 5353 2>/dev/null | wc -l)"
reaches "the hostIP's flow reaches the container" "a 192.0.2.9" outside udp 192.0.2.1 5353 "" 5555
publish "another container at another hostIP" b "$(ports "$(map 5353 53 udp 198.51.100.1)")"
same "the first's flow stays" 1 "$(conntrack -L -p udp --orig-port-dst 5353 2>/dev/null | grep -c "dst=192.0.2.1 .*src=$(ip4 a)")"
unpublish "another container: DEL" b
same "the first's flow still stays" 1 "$(conntrack -L -p udp --orig-port-dst 5353 2>/dev/null | grep -c "dst=192.0.2.1 .*src=$(ip4 a)")"
unpublish "UDP with hostIP: DEL" a
echo 1 >/proc/sys/net/ipv4/ip_nonlocal_bind
publish "UDP where any address can be bound" a "$(ports "$(map 5353 53 udp)")"
same "ip_nonlocal_bind: transit flows are not deleted" 2 "$(udp_flows 198.51.100.9)"
echo 0 >/proc/sys/net/ipv4/ip_nonlocal_bind
unpublish "UDP where any address can be bound: DEL" a
serve a udp:9000-9009
for i in 1 2 3; do T=0.1 ask outside udp 192.0.2.1 900$i "" 6000 >/dev/null 2>&1; done
publish "UDP, a run" a "$(ports "$(map 9000 9000 udp "" 10)")"
for i in 1 3; do reaches "UDP, a run: flows from before reach the container" "a 192.0.2.9" outside udp 192.0.2.1 900$i "" 6000; done
unpublish "UDP, a run: DEL" a
same "UDP, a run: no flow is left" 0 "$(conntrack -L -p udp 2>/dev/null | grep -c 'sport=6000 dport=900')"

# --- many ports
town a b
/usr/bin/python3 -SE - >/run/many <<-'EOP'
print('"runtimeConfig":{"portMappings":[' + ",".join(
    '{"hostPort":%d,"containerPort":%d,"protocol":"%s"}' % (10000 + i, 20000 + (i * 7919) % 20000, p)
    for p in ("tcp", "udp") for i in range(5000)) + "]}")
EOP
jq -c --slurpfile prev /run/prev.a '. + {cniVersion:"1.1.0",name:"net",type:"portmap",prevResult:$prev[0]}' <<<"{$(cat /run/many)}" >/run/many.conf
start=${EPOCHREALTIME/./}
succeeds "10,000 scattered mappings in one ADD" portmap ADD a "$(cat /run/many.conf)"
echo "# $(((${EPOCHREALTIME/./} - start) / 1000)) ms"
same "10,000 scattered mappings: elements" "10000 10000" "$(elements ports4 ports6)"
serve a tcp:$((20000 + 4999 * 7919 % 20000))
reaches "10,000 mappings: the last one works" "a 192.0.2.9" outside tcp 192.0.2.1 14999
succeeds "10,000 mappings: CHECK" portmap CHECK a "$(cat /run/many.conf)"
refused "10,000 mappings: a conflict with the last" 999 "port 14999 on any address is published by net a eth0" b "$(ports "$(map 14999 80)")"
publish "10,000 mappings: the next one" b "$(ports "$(map 15000 80)")"
unpublish "10,000 mappings: DEL of the next one" b
start=${EPOCHREALTIME/./}
unpublish "10,000 mappings: DEL" a
echo "# $(((${EPOCHREALTIME/./} - start) / 1000)) ms"
nothing_in_nft "10,000 mappings: nothing is left"
jq -c '.runtimeConfig.portMappings = [range(20000; 30000) | {hostPort: ., containerPort: .}]' /run/many.conf >/run/run.conf
succeeds "10,000 mappings as one run" portmap ADD a "$(cat /run/run.conf)"
same "one run: one element for each family" "0 1 1" "$(elements ports4 ranges4 ranges6)"
unpublish "one run: DEL" a
nothing_in_nft "one run: nothing is left"

# --- 32 at a time
# shellcheck disable=SC2046
town $(seq -f 'c%.0f' 32)
all() {
	local verb=$1 i pids=() failed=0
	for i in $(seq 32); do
		chained portmap net "c$i" "$(ports "$(map $((8000 + i)) 80)" "$(map $((9000 + i)) 53 udp)" "$(map $((10000 + 10 * i)) $((10000 + 10 * i)) tcp "" 10)")" >/run/conf.$i
	done
	for i in $(seq 32); do
		CNI_COMMAND=$verb CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/c$i "$BIN/portmap" </run/conf.$i >/run/out.$i 2>/run/err.$i &
		pids+=($!)
	done
	for i in $(seq 32); do
		wait "${pids[$((i - 1))]}" || { failed=$((failed + 1)) && cat /run/out.$i /run/err.$i; }
	done
	same "32 parallel ${verb}s, none fails" 0 $failed
}
# others commit meanwhile
(while :; do nft -f - <<<'table ip noise { }; delete table ip noise'; done) &
noise=$!
all ADD
same "32 parallel ADDs: elements" "64 32 64 32 32" "$(elements ports4 ranges4 ports6 ranges6 snat4)"
all CHECK
all DEL
kill $noise
wait $noise 2>/dev/null
nothing_in_nft "32 parallel DELs: nothing is left"
same "32 parallel DELs: records" 32 "$(records)"
# all want the same port: one gets it
for i in $(seq 32); do
	chained portmap net "c$i" "$(ports "$(map 8080 80)")" >/run/conf.$i
	CNI_COMMAND=ADD CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/c$i "$BIN/portmap" </run/conf.$i >/run/out.$i 2>/run/err.$i &
	pids[$i]=$!
done
won=0
for i in $(seq 32); do
	wait "${pids[$i]}" && won=$((won + 1))
done
same "32 want the same port: one gets it" "1 1" "$won $(elements ports4)"
same "32 want the same port: the others name the owner" 31 "$(cat /run/out.* | jq -r '.msg // empty' | grep -cE 'published by net c[0-9]+ eth0')"
same "32 want the same port: one record more" 33 "$(records)"
done_testing
