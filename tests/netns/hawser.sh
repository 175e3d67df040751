# SPDX-License-Identifier: GPL-2.0-or-later
# tools/hawser: what it lists, what it makes again, what it cleans up - also after the Go plugins.
. "$(dirname "$0")/lib.sh"
BIN_DIR=$BIN
hawser() { "$BIN_DIR/hawser" "$@" >$out 2>$err; }
NET='{"cniVersion":"1.0.0","name":"net","plugins":[
{"type":"bridge","bridge":"br0","isGateway":true,"ipMasq":true,"ipMasqBackend":"@","ipam":{"type":"host-local","subnet":"10.88.0.0/24"}},
{"type":"portmap","backend":"@","capabilities":{"portMappings":true}},
{"type":"firewall","backend":"@","ingressPolicy":"same-bridge"}]}'
export NETCONFPATH=/run/net.d
mkdir -p $NETCONFPATH
ports() { echo "{\"portMappings\":[{\"hostPort\":$1,\"containerPort\":80,\"protocol\":\"tcp\"},{\"hostPort\":$2,\"containerPort\":$2,\"range\":10,\"protocol\":\"udp\"}]}"; }
# usage: network BACKEND
network() { echo "${NET//@/$1}" >$NETCONFPATH/10-net.conflist; }
cnitool() { "$BIN_DIR/cnitool" "$@" >$out 2>$err; }
attach() { CAP_ARGS=$(ports "$2" "$3") cnitool add net "/run/netns/$1"; }
# Rules of both kinds, one a line, without counters and order.
rules() {
	{
		nft -s list table inet hawser 2>/dev/null | tr '\n' ' ' | sed 's/[{},;]/\n/g; s/\t/ /g; s/  */ /g'
		iptables-save | grep -v '^#' | sed 's/\[[0-9:]*\]//'
	} | sed 's/^ *//; s/ *$//' | grep -v '^$' | sort
}

slate a b
check "list of nothing" hawser list
same "list of nothing has only its heading" 1 "$(wc -l <$out)"
same "list --json of nothing" "[]" "$(hawser list --json && jq -c . $out)"
refuse "no verb" hawser
refuse "an unknown verb" hawser frobnicate
refuse "cleanup without a name" hawser cleanup
refuse "cleanup of something unknown" hawser cleanup nosuch
same "and it says so" 1 "$(grep -c 'nothing is known of a network or container "nosuch"' $err)"

for backend in nftables iptables; do
	slate a b
	nft flush ruleset
	network $backend
	check "$backend: attach a" attach a 8080 9000
	check "$backend: attach b" attach b 8081 9100
	id=$(jq -r .containerID /run/hawser/attachments/net/*bridge | sort | head -n 1)
	hawser list --json
	same "$backend: list has both" 2 "$(jq length $out)"
	same "$backend: addresses" "10.88.0.2/24 10.88.0.3/24" "$(jq -r '[.[].addresses[]] | sort | join(" ")' $out)"
	same "$backend: ports" "8080 8081 9000 9100" "$(jq -r '[.[].ports[].hostPort | tostring] | sort | join(" ")' $out)"
	same "$backend: plugins" "bridge firewall portmap" "$(jq -r '.[0].plugins | sort | join(" ")' $out)"
	hawser list
	same "$backend: the table shows a run of ports" 1 "$(grep -c '9000-9009->9000/udp' $out)"

	before=$(rules)
	check "$backend: reload changes nothing when all is there" hawser reload
	same "$backend: the same rules and elements" "" "$(diff <(echo "$before") <(rules))"
	nft flush ruleset
	cap=$(ports 8080 9000)
	CAP_ARGS=$cap refuse "$backend: CHECK fails after a foreign flush" cnitool check net /run/netns/a
	check "$backend: reload after a foreign flush" hawser reload
	same "$backend: everything is there again" "" "$(diff <(echo "$before") <(rules))"
	CAP_ARGS=$cap check "$backend: CHECK passes after reload" cnitool check net /run/netns/a

	check "$backend: cleanup of a container" hawser cleanup "$id"
	same "$backend: the other is still there" 1 "$(hawser list --json && jq length $out)"
	same "$backend: one link, one lease" "1 1" "$(veths) $(leases)"
	same "$backend: nothing in netfilter names it" 0 "$(rules | grep -c "$id")"
	check "$backend: cleanup of the network" hawser cleanup net
	nothing_left "$backend: nothing is left"
	same "$backend: no element and no chain of a container is left" "" "$(rules | grep -E 'net cnitool|id: "cnitool|^:CNI-(DN-)?[0-9a-f]{20}|chain (masq|hairpin)')"
done

# What the Go plugins made: known from their leases and libcni's cache.
if [ -x "$REF/bridge" ]; then
	slate g
	nft flush ruleset
	network iptables
	sed -i 's/"ingressPolicy":"same-bridge"/"ingressPolicy":"open"/; s/"ipMasqBackend":"iptables",//; s/"portmap","backend":"iptables"/"portmap"/' $NETCONFPATH/10-net.conflist
	CNI_PATH=$REF CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}' check "the Go plugins attach a container" cnitool add net /run/netns/g
	id=$(ls /var/lib/cni/results | sed 's/^net-//; s/-eth0$//')
	check "cleanup of a container of the Go plugins" hawser cleanup "$id"
	nothing_left "no link, lease or record of it is left"
	same "no rule names it" "" "$(iptables-save | grep -E "$id|10\.88\.0\.2/32")"
	same "no chain of its own is left" "" "$(iptables-save | grep -E '^:CNI-(DN-)?[0-9a-f]{20}')"
else
	skip "cleanup after the Go plugins" "they are not installed"
fi

# Files that are no records, and records that are damaged, are passed over.
slate a
network nftables
attach a 8080 9000
echo '{"half' >/run/hawser/attachments/net/torn-eth0:bridge
check "list passes over a damaged record" hawser list --json
same "and shows the others" 1 "$(jq length $out)"
same "and says which is damaged" 1 "$(grep -c 'torn-eth0:bridge' $err)"
check "reload, too" hawser reload
done_testing
