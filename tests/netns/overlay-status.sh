# SPDX-License-Identifier: GPL-2.0-or-later
# hawser overlay: what it says of networks that are well, of every kind of damage, of small paths and hostile names; its
# JSON and its pictures; what it asks a node agent, and what it does without.
. "$(dirname "$0")/../overlay-lib.sh"
trap 'fixture star-N down' EXIT # whichever it is
portmap='{"type":"portmap","capabilities":{"portMappings":true}}'
ports='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'

# usage: overlay HOST status|graph [ARGUMENT...]; the exit status is in $status
overlay() {
	in_host "$1" "$BIN/hawser" overlay "${@:2}" >$out 2>$err
	status=$?
}
# All is well on a host: exit status 0, nothing to complain of. It waits long: it ends when all have answered.
# usage: well NAME HOST [ARGUMENT...]
well() {
	overlay "$2" status --timeout 10 "${@:3}"
	same "$1" "0 0" "$status $(grep -c 'problem:' $out)"
}
# Something is wrong on n1, is said in these words, and is the only thing. usage: wrong NAME SENTENCES COMMAND...
wrong() {
	eval "${*:3}" || not_ok "$1: could not be made"
	overlay n1 status blue --no-probe
	same "$1" "1 $2" "$status $(sed -n 's/^  problem: //p' $out)"
}
# Put a host's network right, as the next container's ADD does. usage: heal
heal() {
	attach n1 heal blue
	detach n1 heal blue
}
# A column of a peer in the table. usage: column NODE HEAD
column() {
	awk -v node="$1" -v head="$2" '$1 == "NODE" { at = index($0, head); next }
		$1 == node { s = substr($0, at); sub(/  .*/, "", s); sub(/ *$/, "", s); print s }' $out
}
# What a parser of XML says of a file: "tag=number" of each kind of element, or an error.
svg() {
	/usr/bin/python3 -SE -c 'import pyexpat, sys
n = {}
p = pyexpat.ParserCreate()
def start(tag, attributes): n[tag] = n.get(tag, 0) + 1
p.StartElementHandler = start
p.Parse(open(sys.argv[1], "rb").read(), True)
print(*("%s=%d" % (tag, n[tag]) for tag in sorted(n)))' "$1" 2>&1 | tail -n 1
}
# The texts of an SVG file, one a line. usage: svg_texts FILE
svg_texts() {
	/usr/bin/python3 -SE -c 'import pyexpat, sys
p = pyexpat.ParserCreate()
p.buffer_text = True
tags = []
p.StartElementHandler = lambda tag, attributes: tags.append(tag)
p.EndElementHandler = lambda tag: tags.pop()
p.CharacterDataHandler = lambda s: print(s) if tags[-1] == "text" else None
p.Parse(open(sys.argv[1], "rb").read(), True)' "$1"
}

#  ---- No network, and wrong command lines ----

fixture star-N up 3
overlay n1 status
same "no network" "0 no overlay network on this node" "$status $(cat $out)"
overlay n1 status --json
same "no network, as JSON" "0 []" "$status $(cat $out)"
for words in "" "frobnicate" "status a b" "status --svg" "graph --json" "status --timeout" "status --timeout 0" \
	"status --timeout x" "status --timeout 1x" "status --timeout 61" "status --timeout nan" "status --frobnicate"; do
	# shellcheck disable=SC2086
	overlay n1 $words
	same "usage: \"$words\"" "2 0" "$status $(wc -c <$out)"
done
for name in nosuch ../overlay .lock ""; do
	overlay n1 status "$name"
	same "no such network: \"$name\"" "1 hawser: this node has no overlay network \"$name\"" "$status $(cat $err)"
done

#  ---- Three nodes that are well ----

CHAIN="$portmap {\"type\":\"firewall\"}" overlay_nodes 1 2 3
NAME=red VNI=43 B=6 UNDERLAY=6 overlay_nodes 1 2 3
for i in 1 2 3; do
	attach n$i b blue
	attach n$i r red
done
CAP_ARGS=$ports attach n1 web blue
well "three nodes, two networks" n1
same "both of them" "network blue: VNI 42, port 4789, mode l3
network red: VNI 43, port 4789, mode l3" "$(grep ^network $out)"
well "one of them" n1 blue
same "only that" 1 "$(grep -c ^network $out)"
same "this node" "  node     n1, VTEP 192.0.2.1, subnets 10.5.1.0/24 fd00:5:0:1::/64" "$(grep '^  node ' $out)"
same "its device" "  device   vx42 up, MTU 1450, $(vxlan_mac n1 42)" "$(grep '^  device ' $out)"
same "its table" "  table    inet hawser-vx42 whole" "$(grep '^  table ' $out)"
for i in 2 3; do
	same "n$i's row" "192.0.2.$i 10.5.$i.0/24 fd00:5:0:$i::/64 5/5 yes 1450" \
		"$(for head in VTEP SUBNETS ENTRIES REACHED MTU; do column n$i $head; done | xargs)"
	check "n$i's round-trip time" grep -qE "^[0-9]+\.[0-9]{3} ms$" <(column n$i RTT)
	check "n$i's age" grep -qE "^[0-9]+s$" <(column n$i AGE)
done
well "over IPv6" n2 red
same "MTU over IPv6" "1430 1430" "$(column n1 MTU) $(column n3 MTU)"

#  ---- JSON ----

overlay n1 status blue --json --timeout 10
same "JSON: the network" '{"network":"blue","problems":[],"vni":42,"port":4789,"mode":"l3","evpn":false,"managed":false,"directRouting":false,"node":"n1","vtep":"192.0.2.1","networks":["10.5.0.0/16","fd00:5::/48"],"subnets":["10.5.1.0/24","fd00:5:0:1::/64"]}' \
	"$(jq -c '.[0] | {network, problems, vni, port, mode, evpn, managed, directRouting, node, vtep, networks, subnets}' $out)"
same "JSON: device and table" "vx42 up 1450 $(vxlan_mac n1 42) inet hawser-vx42 true" \
	"$(jq -r '.[0] | "\(.devices[0].name) \(.devices[0].state) \(.devices[0].mtu) \(.devices[0].mac) \(.table.family) \(.table.name) \(.table.whole)"' $out)"
same "JSON: a peer" "n3 192.0.2.3 $(vxlan_mac n3 42) vx42 true 1450 false 5 0 false" \
	"$(jq -r '.[0].peers[1] | "\(.node) \(.vtep) \(.mac) \(.device) \(.reachable) \(.mtu) \(.mtuShort) \(.entries.expected) \(.entries.missing | length) \(.entries.direct)"' $out)"
same "JSON: its probes" '["10.5.3.0 true 1450 true","fd00:5:0:3:: true 1450 true"]' \
	"$(jq -c '[.[0].peers[1].probes[] | "\(.address) \(.reachable) \(.mtu) \(.mtuExact)"]' $out)"
same "JSON: times" "true true true" "$(jq -r '.[0].peers[0] | "\(.since > 1700000000) \(.rttMicroseconds > 0) \(.probes[0].rttMicroseconds > 0)"' $out)"
since=$(jq -r '.[0].peers[0].since' $out)
sent() { in_host n1 cat /sys/class/net/vx42/statistics/tx_packets; }
before=$(sent)
overlay n1 status blue --json --no-probe
same "--no-probe sends nothing and says nothing of the ways" "0 $before null null null" \
	"$status $(sent) $(jq -r '.[0].peers[0] | "\(.reachable) \(.mtu) \(.probes)"' $out)"

#  ---- What is broken by hand is named ----

dev=vx42
route() { in_host n1 ip "$@"; }
wrong "a route that is gone" "node n2 (192.0.2.2): the route to 10.5.2.0/24 through 10.5.2.0 is missing" route route del 10.5.2.0/24 dev $dev
same "its row" "4/5" "$(column n2 ENTRIES)"
overlay n1 status blue --timeout 0.7
# the C libraries have words of their own
same "and one family does not get through" "1 IPv6 yes node n2 (192.0.2.2) does not answer at 10.5.2.0: Network unreachable" \
	"$status $(column n2 REACHED) $(column n3 REACHED) $(sed -n 's/ is unreachable/ unreachable/; s/^  problem: \(.*not answer\)/\1/p' $out)"
heal
wrong "a neighbour that is gone" "node n3 (192.0.2.3): the neighbour entry of fd00:5:0:3::, $(vxlan_mac n3 42) is missing" route neigh del fd00:5:0:3:: dev $dev
heal
wrong "a forwarding entry that is forged" "node n3 (192.0.2.3): the forwarding entry of $(vxlan_mac n3 42) to 192.0.2.3 is missing" \
	in_host n1 bridge fdb replace "$(vxlan_mac n3 42)" dev $dev dst 192.0.2.9 self permanent
heal
wrong "an entry of nobody" "the neighbour entry of 10.5.9.0, 02:00:00:00:00:09 is of no peer" route neigh add 10.5.9.0 lladdr 02:00:00:00:00:09 nud permanent dev $dev
heal
wrong "the table is gone" "table inet hawser-vx42, which keeps strangers out of network \"blue\", is missing or changed" in_host n1 nft delete table inet hawser-vx42
same "the table's line" "  table    inet hawser-vx42 not whole" "$(grep '^  table .*42' $out)"
heal
wrong "a VTEP is gone from it" "table inet hawser-vx42 has lost 192.0.2.2, the VTEP of a peer" in_host n1 nft delete element inet hawser-vx42 vteps4 '{ 192.0.2.2 }'
heal
route addr del 10.5.1.0/32 dev $dev
overlay n1 status blue --timeout 0.7
same "the device's address is gone" 1 "$(grep -c 'problem: the VXLAN device vx42 has lost its address 10.5.1.0' $out)"
same "and nobody can be asked over IPv4" 2 "$(grep -cE 'does not answer at 10\.5\..\.0: (Cannot assign requested address|Address not available)' $out)"
heal
in_host n1 ip link set vx42 down
overlay n1 status blue --no-probe
same "the device is down" "1 1 vx42 down" "$status $(grep -c 'problem: the VXLAN device vx42 has another state (it is down)' $out) $(sed -n 's/^  device   \(vx42 [a-z]*\),.*/\1/p' $out)"
in_host n1 ip link del vx42
overlay n1 status blue --timeout 0.3
same "the device is gone: said once, not for each entry" "1 1 0 0" \
	"$status $(grep -c 'problem: the VXLAN device vx42 is missing' $out) $(grep -c 'problem: .*entry' $out) $(grep -c 'yes' $out)"
heal
well "all is put right" n1
overlay n1 status blue --json --no-probe
same "and the records are as old as they were" "$since" "$(jq -r '.[0].peers[0].since' $out)"

#  ---- Who does not answer, and small paths ----

fixture star-N cut n3
overlay n1 status blue --timeout 0.7
same "a host is cut off" "1 node n3 (192.0.2.3) does not answer at 10.5.3.0
node n3 (192.0.2.3) does not answer at fd00:5:0:3::" "$status $(sed -n 's/^  problem: //p' $out)"
same "its row and the other's" "no - - yes 1450" "$(for head in REACHED RTT MTU; do column n3 $head; done | xargs) $(column n2 REACHED) $(column n2 MTU)"
overlay n1 status blue --no-probe
same "without probes nobody knows" "0 -" "$status $(column n3 REACHED)"
overlay n1 graph blue --timeout 0.7 --svg
same "the picture shows it, and what the line means" "0 2 1" "$status $(svg_texts $out | grep -c '^does not answer$') $(svg_texts $out | grep -c ' ms, MTU 1450$')"
fixture star-N join n3
well "it is back" n1

# What containers can send to each other is measured by others.
# Packets of so many bytes pass between n1 and n2, both ways. usage: pass BYTES
pass() { [ "$(FAMILIES=4 BYTES=$1 PATIENCE=0.5 meet n1/b n2/b)" = "2 of 2" ]; }
in_underlay ip link set n2 mtu 1283
overlay n1 status blue --timeout 2
got=$(column n2 MTU)
check "the underlay carries less to n2: $got bytes are found, they pass" pass "$got"
refuse "and no more does" pass $((got + 1))
check "it is said" grep -q "problem: node n2 (192.0.2.2): packets of more than $got bytes do not come back from 10.5.2.0, though the MTU is 1450" $out
same "n3's path is well" "1 yes 1450" "$status $(column n3 REACHED) $(column n3 MTU)"
in_underlay ip link set n2 mtu 1500
well "and is large again" n1

#  ---- Pictures ----

overlay n1 graph --timeout 10
same "DOT: quotes and braces are balanced" "0 0 3 3" "$status $(($(tr -cd '"' <$out | wc -c) % 2)) $(tr -cd '{' <$out | wc -c) $(tr -cd '}' <$out | wc -c)"
same "DOT: every node, container and link" "2 4 3 4 3" \
	"$(for re in '^.."[01]\.self" \[' '^.."[01]\.peer\.[0-9]" \[' '^.."[01]\.container\.[0-9]" \[' 'self" -- "[0-9].peer.*#1b7f3b' 'self" -- "[0-9].container'; do grep -cE "$re" $out; done | xargs)"
check "DOT: a container, its addresses, its port" grep -qE 'label="web\\ncnitool-[0-9a-f]+ eth0\\n10\.5\.1\.[0-9]+/24\\nfd00:5:0:1::[0-9a-f]+/64\\n8080->80/tcp"' $out
check "DOT: a peer" grep -qE 'label="n3\\n192\.0\.2\.3\\n10\.5\.3\.0/24\\nfd00:5:0:3::/64\\n[0-9.]+ ms, MTU 1450"' $out
if type dot >/dev/null 2>&1; then check "DOT: graphviz reads it" dot -Tsvg -o /dev/null $out; fi
overlay n1 graph blue --svg --timeout 10
same "SVG: boxes and links" "g=5 line=6 rect=7" "$(svg $out | tr ' ' '\n' | grep -E '^(g|line|rect)=' | xargs)"
same "SVG: who is in it" "10.5.1.0/24 10.5.2.0/24 10.5.3.0/24 8080->80/tcp n1 n2 n3 web" \
	"$(svg_texts $out | grep -xE 'n[123]|web|10\.5\.[123]\.0/24|8080->80/tcp' | sort -u | xargs)"

# Networks of all sizes, which are not there: no box lies on another. usage: crowd N
crowd() {
	local i peers=
	for ((i = 2; i <= $1; i++)); do peers+=",{\"node\":\"n$i\",\"vtep\":\"198.51.100.$i\",\"subnets\":[\"10.9.$i.0/24\"]}"; done
	echo "{\"network\":\"crowd\",\"vni\":99,\"port\":4789,\"direct\":false,\"local\":\"198.51.100.1\",\"node\":\"n1\",\"networks\":[\"10.9.0.0/16\"],\"subnets\":[\"10.9.1.0/24\"],\"peers\":[${peers#,}]}" |
		host_put n1 /run/hawser/overlay/crowd
}
for n in 2 3 7 8 12 25 50; do
	crowd $n
	overlay n1 graph crowd --svg --no-probe
	same "a picture of $n nodes: all are there, none is hidden" "$((n - 1)) 0" "$(svg_texts $out | grep -cE '^198\.51\.100\.([2-9]|[1-9][0-9])$') $(
		sed -n 's/^<g><rect x="\([0-9]*\)" y="\([0-9]*\)" width="\([0-9]*\)" height="\([0-9]*\)".*/\1 \2 \3 \4/p' $out |
			awk '{ x[NR] = $1; y[NR] = $2; w[NR] = $3; h[NR] = $4 }
				END { for (i = 1; i <= NR; i++) for (k = 1; k < i; k++)
					if (x[i] < x[k] + w[k] && x[k] < x[i] + w[i] && y[i] < y[k] + h[k] && y[k] < y[i] + h[i]) n++
					print n + 0 }')"
done
in_host n1 rm /run/hawser/overlay/crowd

#  ---- Hostile names, damaged and old files ----

export NAME=green VNI=44 B=7
for i in 1 2; do
	overlay_list $i '"peersFile":"/run/cni/green"' | host_put n$i /run/cni/net.d/green.conflist
	{
		overlay_records 1 2 | jq -c '.[]'
		printf '%s\n' '{"node":"<script>\u0007&\"\\","vtep":"192.0.2.7","subnet":"10.7.7.0/24"}' '{"node":"../../etc","vtep":"192.0.2.8","subnet":"10.7.8.0/24"}'
	} | host_put n$i /run/cni/green
	attach n$i g green
done
well "hostile records of a file of peers are no peers" n1 green
same "none of them" "n2" "$(sed -n '/NODE/,$p' $out | awk 'NR > 1 { print $1 }')"
# nobody but root writes the state, and still
in_host n1 cat /run/hawser/overlay/green >/run/state
jq -c '.node = "n1\"<&>\\\u001b[2J\n'\''\u009b" | .peers[0].node = "</text>]]><script>\"\\N\t\ufffe\uffff" | .conflict = "x"' /run/state | host_put n1 /run/hawser/overlay/green
overlay n1 status green --no-probe
same "text has no control characters" 0 "$(LC_ALL=C tr -d '\n\040-\176\200-\377' <$out | wc -c)"
overlay n1 graph green --no-probe
same "DOT: quoted" "1 1 0" "$(grep -cF 'label="n1\"<&>\\?[2J?' $out) $(grep -cF 'label="</text>]]><script>\"\\N?' $out) $(($(sed 's/\\.//g' $out | tr -cd '"' | wc -c) % 2))"
overlay n1 graph green --svg --no-probe
same "SVG: well-formed, and no element of others" "g=3 line=5 rect=5 svg=1 text=19 title=3" "$(svg $out)"
check "and the name is there" grep -qF '</text>]]><script>"\N?' <(svg_texts $out)
jq -c '.vteps = ["192.0.2.2"] | {network, vni, port, device, direct, local, networks, subnets, vteps}' /run/state | host_put n1 /run/hawser/overlay/green
overlay n1 status green --no-probe
same "a file of an older version is said to be one" "1 1" "$status $(grep -c 'problem: the peers are known to an older version only' $out)"
NAME=green VNI=44 B=7 attach n1 g2 green
well "the next ADD writes it anew" n1 green
echo '{"network":' | host_put n1 /run/hawser/overlay/green
overlay n1 status --timeout 10
same "a damaged one is wrong, the others are shown" "1 read /run/hawser/overlay/green: the file is damaged blue green red" \
	"$status $(sed -n 's/^  problem: //p' $out) $(sed -n 's/^network \([a-z]*\).*/\1/p' $out | xargs)"
overlay n1 graph --svg --no-probe
check "and the picture is one" grep -q "svg=1" <(svg $out)
host_put n1 /run/hawser/overlay/green </run/state
unset NAME VNI B

#  ---- With an agent ----

# The agent's place on n1, for one question. usage: agent TEXT
agent() {
	in_host n1 /usr/bin/python3 -SE -c 'import socket, sys
s = socket.socket(socket.AF_UNIX)
s.bind("/run/hawser/overlayd.sock")
s.listen()
c = s.accept()[0]
ask = c.recv(1000).decode()
c.sendall(sys.argv[1].encode() if ask.startswith("GET /status HTTP/1.0\r\n") else b"HTTP/1.0 400 Bad Request\r\n\r\n{}")
c.close()' "$1" &
	wait_for 5 in_host n1 test -S /run/hawser/overlayd.sock
}
# usage: asks NAME WANTED ANSWER; what of it is wrong, after the exit status
asks() {
	agent "$3"
	overlay n1 status blue --timeout 10
	wait
	in_host n1 rm -f /run/hawser/overlayd.sock
	same "agent: $1" "$2" "$status $(sed -n 's/^  problem: //p' $out)"
}
http=$'HTTP/1.0 200 OK\r\nContent-Type: application/json\r\n\r\n'
in_host n1 cat /run/hawser/overlay/blue >/run/state
jq -c '.managed = true | .mtu = 1450 | del(.peers)' /run/state | host_put n1 /run/hawser/overlay/blue
peers=$(jq -c .peers /run/state)
store='{"type":"etcd","endpoint":"https://192.0.2.9:2379","connected":true,"since":1700000000,"lastOk":1700000000,"lastError":"","revision":77,"leaseUntil":1800000000}'
# usage: answer [JQ-FILTER]
answer() {
	printf '%s%s' "$http" "$(jq -nc --argjson peers "$peers" --argjson store "$store" '{agent: {version: "9.9", pid: 12, since: 1700000000},
		networks: [{network: "red"}, {network: "blue", store: $store, held: false, conflict: "", peers: $peers}]} | '"${1:-.}")"
}
asks "all is well" "0 " "$(answer)"
same "agent: it, and the store" "  agent    runs, version 9.9
  store    etcd https://192.0.2.9:2379, connected for DAYS, revision 77" "$(sed -n 's/for [0-9]*d,/for DAYS,/; /^  \(agent\|store\) /p' $out)"
same "agent: its peers" "yes yes" "$(column n2 REACHED) $(column n3 REACHED)"
asks "no connection, peers held, a conflict" "1 the agent has no connection to the store: refused?
3 records of the store are bad and refused
2 peers are kept though the store has lost them: more than half vanished at once
the agent says: another node has 10.5.1.0/24" "$(answer '.networks[1].store.connected = false | .networks[1].store.lastError = "refused\u001b" | .networks[1].held = true | .networks[1].heldPeers = 2 | .networks[1].refused = 3 | .networks[1].conflict = "another node has 10.5.1.0/24"')"
agent "$(answer '.networks[1].peers |= .[0:1]')"
overlay n1 status blue --json --no-probe
wait
in_host n1 rm /run/hawser/overlayd.sock
same "agent: a peer less than the kernel has" "1 1 3" "$(jq '.[0].peers | length' $out) $(jq -r '.[0].problems[]' $out | grep -c 'lets in 192.0.2.3') $(jq -r '.[0].problems[]' $out | grep -c '10.5.3.0.* of no peer\|192.0.2.3 is of no peer')"
same "agent: JSON has what it says" "true 9.9 12 etcd true 77 false" "$(jq -r '.[0] | "\(.agent.running) \(.agent.version) \(.agent.pid) \(.store.type) \(.store.connected) \(.store.revision) \(.held)"' $out)"
nothing=", and there is no snapshot: read /var/lib/hawser/overlay/blue.json: No such file or directory"
asks "an answer that is no success" "1 the agent at /run/hawser/overlayd.sock does not answer with JSON: HTTP/1.0 500 Oops????$nothing" $'HTTP/1.0 500 Oops\r\n\r\n'
asks "an answer that is no JSON" "1 the agent at /run/hawser/overlayd.sock does not answer with JSON: '[' or '{' expected near 'x'$nothing" "${http}x"
asks "an answer without a network" "1 the agent does not know this network$nothing" "${http}{\"networks\":[]}"
asks "peers that are none" "1 the agent's list of peers is damaged" "$(answer '.networks[1].peers = [{node: "n2", vtep: "nonsense"}]')"

overlay n1 status blue --no-probe
same "no agent and no snapshot" "1 the agent is not running$nothing" "$status $(sed -n 's/^  problem: //p' $out)"
jq -nc --argjson peers "$peers" '{at: 1700000000, peers: $peers}' | host_put n1 /var/lib/hawser/overlay/blue.json
overlay n1 status blue --timeout 10
same "no agent, but its snapshot" "1 the agent is not running: the peers are those of its snapshot" "$status $(sed -n 's/^  problem: //p' $out)"
same "with its peers" "yes yes 5/5" "$(column n2 REACHED) $(column n3 REACHED) $(column n3 ENTRIES)"
jq -nc --argjson peers "$peers" '{at: 1700000000, legs: [{local: "192.0.2.1", mac: "02:46:c0:c3:b2:22", peers: $peers}]}' | host_put n1 /var/lib/hawser/overlay/blue.json
overlay n1 status blue --json --timeout 10
same "a snapshot by devices" "1700000000 vx42 2 true" "$(jq -r '.[0] | "\(.snapshotOf) \(.devices[0].name) \(.peers | length) \(.peers[1].reachable)"' $out)"
host_put n1 /run/hawser/overlay/blue </run/state
well "without an agent, as before" n1 blue

#  ---- Routes past the device ----

NAME=direct VNI=45 B=8 MORE='"directRouting":true' overlay_nodes 1 2
for i in 1 2; do attach n$i d direct; done
well "directRouting" n1 direct
same "the entries of a near peer, and its MTU" "4/4 direct yes 1450" "$(column n2 ENTRIES) $(column n2 REACHED) $(column n2 MTU)"
in_host n1 ip route del 10.8.2.0/24
overlay n1 status direct --no-probe
same "a near peer's route that is gone" 1 "$(grep -c 'problem: node n2 (192.0.2.2): the route to 10.8.2.0/24 through 10.8.2.0 is missing' $out)"

#  ---- One link ----

export NAME=link VNI=47 B=10
for i in 1 2 3; do
	overlay_list $i "\"peers\":$(overlay_records 1 2 3)" | sed 's/"mode":"l3"/"mode":"l2"/' | host_put n$i /run/cni/net.d/link.conflist
	attach n$i l link
done
well "mode l2" n1 link
same "its mode, its devices" "network link: VNI 47, port 4789, mode l2
  device   vx47 up, MTU 1450, $(vxlan_mac n1 47)
  device   br-vx47 up, MTU 1450, $(in_host n1 cat /sys/class/net/br-vx47/address)" "$(grep -E '^network|^  device' $out)"
same "peers are asked at their gateways" "1/1 yes 1450" "$(column n3 ENTRIES) $(column n3 REACHED) $(column n3 MTU)"
in_host n1 bridge fdb del 00:00:00:00:00:00 dev vx47 dst 192.0.2.3 self
overlay n1 status link --no-probe
same "a peer that is not in the replication list" "1 node n3 (192.0.2.3): 192.0.2.3 in the replication list is missing" "$status $(sed -n 's/^  problem: //p' $out)"
in_host n1 ip link set vx47 nomaster
overlay n1 status link --json --no-probe
check "a device that is no port of the bridge" grep -q 'vx47.*bridge\|bridge.*vx47' <(jq -r '.[0].problems[]' $out)
in_host n1 ip link del br-vx47
overlay n1 status link --no-probe
same "no bridge" "1 vx47 br-vx47 missing" "$status $(sed -n 's/^  device   \(vx47\) up.*/\1/p; s/^  device   \(br-vx47 missing\)$/\1/p' $out | xargs)"
attach n1 l2 link
well "the next ADD puts it right" n1 link
export NAME=evpn VNI=48 B=11
overlay_list 1 "\"store\":{\"type\":\"evpn\"},\"peers\":$(overlay_records 1 2)" | sed 's/"mode":"l3"/"mode":"l2"/' | host_put n1 /run/cni/net.d/evpn.conflist
attach n1 e evpn
overlay n1 status evpn --no-probe
same "EVPN: entries are somebody else's" "0 network evpn: VNI 48, port 4789, mode l2, EVPN -" "$status $(grep ^network $out) $(column n2 ENTRIES)"
unset NAME VNI B

#  ---- The agent itself ----

export NAME=stored VNI=46 B=9
for i in 1 2; do
	overlay_list $i '"store":{"type":"file","path":"/run/cni/stored"}' | host_put n$i /run/cni/agent.d/stored.conflist
	overlay_records 1 2 | host_put n$i /run/cni/stored
	in_host n$i sh -c 'echo $$ >/run/agent.pid; exec "$1" --conf-dir /run/cni/agent.d' - "$BIN/hawser-overlayd" >/run/test-agent$i 2>&1 &
done
calm() { overlay n1 status stored --timeout 5; [ "$status" = 0 ]; }
check "the agent's network is well before long" wait_for 10 calm
overlay n1 status stored --json --timeout 5
same "its state, its store, its peer" "true n1 $(in_host n1 cat /run/agent.pid) file true n2 true 5 0 $(vxlan_mac n2 46)" \
	"$(jq -r '.[0] | "\(.managed) \(.node) \(.agent.pid) \(.store.type) \(.store.connected) \(.peers[0].node) \(.peers[0].reachable) \(.peers[0].entries.expected) \(.peers[0].entries.missing | length) \(.peers[0].mac)"' $out)"
kill "$(in_host n1 cat /run/agent.pid)" "$(in_host n2 cat /run/agent.pid)"
wait
overlay n1 status stored --timeout 5
same "it ends: the network goes on, and its snapshot is known" "1 the agent is not running: the peers are those of its snapshot yes 5/5" \
	"$status $(sed -n 's/^  problem: //p' $out) $(column n2 REACHED) $(column n2 ENTRIES)"
unset NAME VNI B
fixture star-N down

#  ---- A small underlay is no error ----

fixture low-mtu up
overlay_nodes 1 2 3
for i in 1 2 3; do attach n$i b blue; done
well "an underlay of 1400 bytes" n1
same "the MTU of its overlay arrives" "1350 1350" "$(column n2 MTU) $(column n3 MTU)"
done_testing
