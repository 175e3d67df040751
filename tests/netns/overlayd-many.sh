# SPDX-License-Identifier: GPL-2.0-or-later
# 64 nodes start at once: each gets a subnet of its own, and none gives up.
. "$(dirname "$0")/../overlayd-lib.sh"
# the hosts cost more than what is tested; the sanitizers see no more in many agents than in a few
N=$((SLOW == 1 ? 64 : 12))
trap 'fixture etcd-N down' EXIT
S=/coreos.com/network/subnets
etcd_hosts $N
# as few subnets as nodes: whoever chooses at random loses races
ctl put /coreos.com/network/config "{\"Network\":\"10.5.0.0/16\",\"SubnetMin\":\"10.5.1.0\",\"SubnetMax\":\"10.5.$N.0\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":42,\"Port\":4789}}" >$out
records() { ctl get --prefix $S/ --keys-only | grep -c .; }
all_there() { [ "$(records)" = $N ]; }
begin=${EPOCHREALTIME/./}
for i in $(seq $N); do agent_run "n$i"; done
check "$N nodes that start at once have $N subnets" wait_for $((30 * SLOW)) all_there
echo "# after $(((${EPOCHREALTIME/./} - begin) / 1000)) ms"
same "of the $N that there are" "$(for i in $(seq $N); do echo "$S/10.5.$i.0-24"; done | sort)" "$(ctl get --prefix $S/ --keys-only | grep . | sort)"
same "each of them one" "$N" "$(ctl get --prefix $S/ --print-value-only | grep -oE '"PublicIP":"[0-9.]+"' | sort -u | grep -c .)"
alive=0
for i in $(seq $N); do kill -0 "$(in_host "n$i" cat /run/agent.pid)" && alive=$((alive + 1)); done
same "none has ended" $N $alive
know $((N - 1)) n1 n2 n$N
complete() { [ "$(in_host "$1" bridge fdb show dev vx42 | grep -c ' dst ')" = $((N - 1)) ]; }
for host in n1 n2 n$N; do check "$host has the entries of all" wait_for $((10 * SLOW)) complete $host; done
learn n1 n2 n$N
FAMILIES=4 all_meet "and they meet" n1 n2 n$N
same "the conflicts are none" "0 0" "$(metric n1 conflict) $(metric n$N conflict)"
done_testing
