# SPDX-License-Identifier: GPL-2.0-or-later
# hawser overlay, of a network in flannel's keyspace: two devices, one for each family, MACs that are no hash of a name,
# and what the agent and its snapshot say of them.
. "$(dirname "$0")/../overlayd-lib.sh"
. "$here/tests/etcd-lib.sh"
etcd=$(mktemp -d)
trap 'etcd_stop "$etcd"; fixture star-N down; rm -r "$etcd"' EXIT

# usage: overlay HOST status|graph [ARGUMENT...]; the exit status is in $status
overlay() {
	in_host "$1" "$BIN/hawser" overlay "${@:2}" >$out 2>$err
	status=$?
}
calm() { overlay n1 status dual --timeout 5 && [ "$status" = 0 ]; }
problems() { sed -n 's/^  problem: //p' $out; }

agent_hosts 2
for i in 1 2; do
	printf '{"cniVersion":"1.1.0","name":"dual","plugins":[{"type":"vxlan","node":"n%d","underlay":{"dev":"eth0"},"store":{"type":"etcd","endpoints":["%s"]}}]}' \
		$i http://192.0.2.1:2379 | host_put n$i /run/cni/net.d/dual.conflist
done
agents_start n1
agent_says_so() { overlay n1 status --timeout 5; [ "$(problems | head -n 1)" = "the agent has not made the network on this node yet" ]; }
check "a network that its agent cannot make yet is shown" agent_says_so
same "with agent, store and the reason" "1 network dual agent runs store etcd 1" \
	"$status $(awk '$1 ~ /^(network|agent|store)$/ { print $1, $2 }' $out | tr -d , | xargs) $(problems | grep -c 'no connection to the store: .*Failed to connect')"
overlay n1 graph dual --svg --no-probe
check "and has a picture" grep -q '>network dual: not known<' $out
RUN="in_host n1" ADDRESS=192.0.2.1 check "etcd starts" etcd_start "$etcd" 2379
in_host n1 env ETCDCTL_API=3 etcdctl --endpoints "$(cat "$etcd/endpoint")" put /coreos.com/network/config \
	'{"Network":"10.12.0.0/16","EnableIPv6":true,"IPv6Network":"fd00:12::/48","Backend":{"Type":"vxlan","VNI":50,"Port":4789}}' >/dev/null
agents_start n2
check "both nodes are well before long" wait_for $((10 * SLOW)) calm
same "two devices, with an MTU each" "vx50 up 1450 vx50-v6 up 1430" "$(sed -n 's/^  device   \([^ ]*\) \([a-z]*\), MTU \([0-9]*\),.*/\1 \2 \3/p' $out | xargs)"
overlay n1 status dual --json --timeout 5
same "two ways to one node, each over its family" "n2 192.0.2.2 vx50 true 1450 3 0
n2 2001:db8:1::2 vx50-v6 true 1430 3 0" "$(jq -r '.[0].peers[] | "\(.node) \(.vtep) \(.device) \(.reachable) \(.mtu) \(.entries.expected) \(.entries.missing | length)"' $out)"
same "their MACs are those of its devices" "$(in_host n2 cat /sys/class/net/vx50/address /sys/class/net/vx50-v6/address)" "$(jq -r '.[0].peers[].mac' $out)"
same "the store" "etcd http://192.0.2.1:2379 true true" "$(jq -r '.[0].store | "\(.type) \(.endpoint) \(.connected) \(.leaseUntil > .since)"' $out)"
overlay n1 graph dual --timeout 5
same "a picture has the node once, with both VTEPs" 1 "$(grep -cE 'label="n2\\n192\.0\.2\.2\\n2001:db8:1::2\\n10\.12\.[0-9]+\.0/24\\nfd00:12:0:[0-9a-f]+::/64\\n[0-9.]+ ms, MTU 1430"' $out)"
same "and nobody else" 1 "$(grep -cE '^.."[0-9]\.peer\.[0-9]" \[' $out)"

agent_end n1
v6=$(in_host n1 ip -6 neigh show dev vx50-v6 nud permanent | cut -d' ' -f1)
in_host n1 ip -6 neigh del "$v6" dev vx50-v6
overlay n1 status dual --no-probe
same "without the agent its snapshot tells what is missing, and where" "1 the agent is not running: the peers are those of its snapshot
node n2 (2001:db8:1::2): the neighbour entry of $v6, $(in_host n2 cat /sys/class/net/vx50-v6/address) is missing" "$status $(problems)"
agent_start n1
check "its agent puts that right" wait_for $((10 * SLOW)) calm
etcd_stop "$etcd"
gone() { overlay n1 status dual --no-probe && problems | grep -q '^the agent has no connection to the store: '; }
check "a store that is gone is said to be" wait_for $((20 * SLOW)) gone
overlay n1 status dual --timeout 5
same "and nothing else is wrong" "1 1" "$status $(problems | wc -l)"
agent_end n1
agent_end n2
done_testing
