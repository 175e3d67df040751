# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd with etcd when others want what a node has: a node with containers does not move, one without does.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture etcd-N down' EXIT
S=/coreos.com/network/subnets
export FAMILIES=4
etcd_hosts 4
for i in 1 2 3 4; do STORE='"ttl":5' etcd_list $i | host_put n$i /run/cni/net.d/blue.conflist; done
agents_start n1 n2 n3 n4
know 3 n1 n2 n3 n4
learn n1 n2 n3 n4
all_meet "four nodes" n1 n2 n3 n4

#  ---- Somebody else has a node's subnet while containers live there ----

attach n1 c blue && attach n2 c blue
all_meet "containers, too" n1/c n2/c
key=$S/${V4[n1]}-24
agent_end n1 KILL
expired() { [ -z "$(ctl get "$key")" ]; }
wait_for 15 expired
ctl put "$key" '{"PublicIP":"192.0.2.77","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":42,"VtepMAC":"02:00:00:00:00:77"}}' >$out
in_host n1 ip -o link show dev vx42 >/run/test-device
agent_start n1
check "its subnet is another's: conflict" agent_comes n1 '.conflict | test("containers live in .*192.0.2.77")'
same "it stays where it is" "${V4[n1]}/24" "$(in_host n1 cat /run/hawser/overlay/blue | jq -r '.subnets[0]')"
same "the device is the same" "" "$(in_host n1 ip -o link show dev vx42 | diff /run/test-device -)"
check "the state that ADD reads says so" wait_for 2 eval '[ -n "$(in_host n1 cat /run/hawser/overlay/blue | jq -r .conflict)" ]'
same "the metric, too" 1 "$(metric n1 conflict)"
refuse "STATUS: no container is taken" host_cni n1 status blue
same "and says who has the subnet" 1 "$(grep -c 192.0.2.77 /run/test-check)"
attach_more() { in_host n1 ip netns add d && host_cni n1 add blue d; }
refuse "ADD: nor is one" attach_more
same "of which nothing is left" 1 "$(in_host n1 ip -o link show type veth group 1207959594 | grep -c .)"
same "nothing was claimed for it" "" "$(ctl get --prefix $S/ | grep -F '"192.0.2.1"')"
ctl put $S/10.5.200.0-24 '{"PublicIP":"192.0.2.99","PublicIPv6":null,"BackendType":"vxlan","BackendData":{"VNI":42,"VtepMAC":"02:00:00:00:00:99"}}' >$out
knows() { in_host n1 ip route show 10.5.200.0/24 | grep -q vx42; }
check "other nodes are still learned of" wait_for 3 knows
same "but no way to its own subnet elsewhere" "0 0" "$(in_host n1 ip route show "${V4[n1]}/24" | grep -c .) $(in_host n1 bridge fdb show dev vx42 | grep -c 192.0.2.77)"
ctl del $S/10.5.200.0-24 >$out
detach n1 c blue
check "without containers it takes another" agent_comes n1 '.conflict == "" and .store.connected and .fromSnapshot == false' 10
learn n1
check "STATUS is good again" host_cni n1 status blue
check "which is its own" test "$(ctl get "$S/${V4[n1]}-24" | grep -c '"192.0.2.1"')" = 1
ctl del "$key" >$out
know 3 n1 n2 n3 n4
all_meet "and all meet" n1 n2 n3 n4

#  ---- No subnet is left ----

agent_end n4
ctl del "$S/${V4[n4]}-24" >$out
in_host n4 sh -c 'ip link del vx42; rm -rf /run/hawser /var/lib/hawser/overlay'
lo=$(for host in n1 n2 n3; do echo "${V4[$host]}"; done | sort -V | head -n 1)
ctl put /coreos.com/network/config "{\"Network\":\"10.5.0.0/16\",\"SubnetMin\":\"$lo\",\"SubnetMax\":\"$lo\",\"Backend\":{\"Type\":\"vxlan\",\"VNI\":42,\"Port\":4789}}" >$out
for host in n1 n2 n3; do pretend_container $host; done
agent_start n4
check "no subnet is free" agent_comes n4 '.conflict | test("no subnet of 10.5.0.0/16 is free")' 10
ctl put /coreos.com/network/config "$(etcd_network 4)" >$out
check "until there is one" agent_comes n4 '.conflict == "" and (.peers | length == 3)' 10
agents_end n1 n2 n3 n4
done_testing
