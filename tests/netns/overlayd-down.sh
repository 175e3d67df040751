# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd when etcd fails: away at boot, away for long, compacted, restored from an old backup, emptied. Traffic
# goes on through all of it. When others want what a node has: overlayd-conflict.sh.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture etcd-N down' EXIT
S=/coreos.com/network/subnets
export FAMILIES=4
etcd_hosts 4
for i in 1 2 3 4; do STORE='"ttl":5' etcd_list $i | host_put n$i /run/cni/net.d/blue.conflist; done
keys() { ctl get --prefix $S/ --keys-only | grep . | sort; }
keys_are() { [ "$(keys)" = "$1" ]; }
# Nobody reaches etcd, which runs on; connections are reset. usage: cut_off; join_again
cut_off() { in_underlay nft -f - <<<'table inet cut { chain input { type filter hook input priority 0; iifname "wire0" tcp dport 2379 reject with tcp reset; }; chain output { type filter hook output priority 0; oifname "wire0" tcp sport 2379 drop; }; }'; }
join_again() { in_underlay nft delete table inet cut; }

agents_start n1 n2 n3
know 2 n1 n2 n3
learn n1 n2 n3
all=$(keys)
all_meet "three nodes" n1 n2 n3
in_host n1 sh -c 'ip -o link show dev vx42; ip route show proto 72; bridge fdb show dev vx42; nft list table inet hawser-vx42' >/run/test-whole

#  ---- Away at boot ----

traffic n3 "${V4[n2]}"
agent_end n1
etcd_away
in_host n1 sh -c 'ip link del vx42; nft delete table inet hawser-vx42; rm -r /run/hawser'
agent_start n1
check "etcd is away at boot: the snapshot tells the peers" agent_comes n1 '.fromSnapshot and (.peers | length == 2)'
all_meet "and nodes meet" n1 n2 n3
same "status says so" "false etcd" "$(agent_says n1 '"\(.store.connected) \(.store.type)"')"
check "and why" test -n "$(agent_says n1 .store.lastError)"
same "the state that ADD reads is there" "${V4[n1]}/24" "$(in_host n1 cat /run/hawser/overlay/blue | jq -r '.subnets[0]')"
etcd_back
check "etcd is back" agent_comes n1 '.fromSnapshot == false and .store.connected' 15
for host in n2 n3; do agent_comes $host .store.connected 15; done
check "everybody has the subnet of before" wait_for 10 keys_are "$all"

#  ---- Away for longer than leases last, and compacted meanwhile ----

cut_off
leases_are_over() { [ -z "$(keys)" ]; }
in_underlay nft insert rule inet cut input iifname wire0 ip saddr 192.0.2.254 accept
check "cut off until all leases have ended" wait_for 15 leases_are_over
for i in {1..5}; do ctl put /coreos.com/network/x-other/$i $i; done >$out
revision=$(ctl get /coreos.com/network/config -w json | grep -oE '"revision":[0-9]+' | cut -d: -f2)
ctl compact "$revision" >$out
same "nothing has expired on the nodes" "2 2 2" "$(for host in n1 n2 n3; do metric $host peers; done | xargs)"
join_again
check "joined again, all take their subnets again" wait_for 20 keys_are "$all"
know 2 n1 n2 n3
same "traffic has lost no packet in all that time" "0 of at least 10" "$(lost n3 10)"

#  ---- Restored from a backup that is older than a node ----

traffic n3 "${V4[n2]}"
ctl snapshot save /run/backup >$out 2>&1
agent_start n4
know 3 n1 n2 n3 n4
learn n4
all=$(keys)
etcd_away
rm -r /run/hawser-hosts/etcd/data
ETCDCTL_API=3 etcdctl snapshot restore /run/backup --name test --data-dir /run/hawser-hosts/etcd/data \
	--initial-cluster test=http://192.0.2.254:2380 --initial-advertise-peer-urls http://192.0.2.254:2380 >$out 2>&1
etcd_back
check "restored from an older backup: the younger node's record is back" wait_for 20 keys_are "$all"
know 3 n1 n2 n3 n4
all_meet "all meet" n1 n2 n3 n4
same "traffic between the others has lost no packet" "0 of at least 10" "$(lost n3 10)"

#  ---- Emptied ----

traffic n3 "${V4[n2]}"
traffic n1 "${V4[n4]}"
ctl del --prefix '' >$out
check "emptied: the nodes fill it again" wait_for 20 keys_are "$all"
ctl put /coreos.com/network/config "$(etcd_network 4)" >$out
know 3 n1 n2 n3 n4
same "traffic has lost no packet" "0 of at least 5, 0 of at least 5" "$(lost n3 5), $(lost n1 5)"
all_meet "all meet" n1 n2 n3 n4

agents_end n1 n2 n3 n4
done_testing
