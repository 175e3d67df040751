# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd when its configuration changes: networks that come, go and move, with and without containers, and
# mistakes on the way.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture star-N down' EXIT
agent_hosts 2
host_state n1 >/run/test-before

#  ---- Configuration that comes later ----

in_host n1 rmdir /run/cni/net.d
agent_start n1
same "without a folder of configuration there are no networks" 0 "$(agent_get n1 /status | jq '.networks | length')"
in_host n1 mkdir /run/cni/net.d
file_nodes 1 2
agent_start n2
check "a folder that is made later is read" agent_comes n1 '.peers | length == 1'
wait_for 2 eval '[ "$(entries n1 42 | grep -c " dst ")" = 1 ]'
all_meet "and the nodes meet" n1 n2
overlay_of n1 >/run/test-whole
NAME=red VNI=43 B=6 file_nodes 1
NAME=red agent_comes n1 '.peers | length == 0'
check "a network added" test "$(vxlan_of n1 43)" = vx43
same "leaves the other one alone" "" "$(diff /run/test-whole <(overlay_of n1))"

#  ---- Mistakes in an editor ----

agent_mark n1
echo '{"cniVersion":"1.1.0","name":"blue","plugins":[{"type":"vxlan","node":7,"store":{"type":"file","path":"/run/peers/blue"}}]}' |
	host_put n1 /run/cni/net.d/blue.conflist
check "a key of another type is said" wait_for 2 eval 'agent_log n1 | grep -q "\"node\""'
same "and changes nothing" "" "$(diff /run/test-whole <(overlay_of n1))"
agent_mark n1
echo '{"cniVersion":"1.1.0","name":"blue","plugins":[{' | host_put n1 /run/cni/net.d/blue.conflist
check "a list that is no JSON is said" wait_for 2 eval 'agent_log n1 | grep -q "passed over.*blue.conflist"'
orphan_dies=$((SECONDS + 7))

#  ---- Two networks want the same ----

NAME=amber VNI=42 B=7 file_nodes 1
check "the VNI of another network is an error" eval "NAME=amber agent_comes n1 '.lastError | test(\"vni.*42 is that of network.*blue\")'"
NAME=amber VNI=44 B=5 file_nodes 1
check "the prefix of another network, too" eval "NAME=amber agent_comes n1 '.lastError | test(\"overlaps.*blue\")'"
same "blue stays as it is" "" "$(diff /run/test-whole <(overlay_of n1))"
NAME=amber VNI=44 B=7 file_nodes 1
check "until it wants something else" eval "NAME=amber agent_comes n1 '.lastError == \"\" and .vni == 44' 6"
check "then it is made" wait_for 2 eval '[ "$(vxlan_of n1 44)" = vx44 ]'
echo '{"cniVersion":"1.1.0","name":"bad","plugins":[{"type":"vxlan","vni":77,"network":"10.9.0.0/16","store":{"type":"file","path":"relative"}}]}' |
	host_put n1 /run/cni/net.d/bad.conflist
check "a store that cannot start is an error of its network" eval "NAME=bad agent_comes n1 '.lastError | test(\"store.path.*relative\")'"
in_host n1 rm /run/cni/net.d/bad.conflist

wait_for 10 eval '[ $SECONDS -ge $orphan_dies ]'
same "a list that is no JSON takes no network away" "" "$(diff /run/test-whole <(overlay_of n1))$(agent_log n1 | grep gone)"
file_list 1 | host_put n1 /run/cni/net.d/blue.conflist
agent_mark n1
in_host n1 sh -c 'mv /run/cni/net.d/blue.conflist /run/blue; mv /run/blue /run/cni/net.d/blue.conflist'
in_host n1 rm /run/cni/net.d/red.conflist /run/cni/net.d/amber.conflist

#  ---- Networks that move ----

pretend_container n1
VNI=52 file_list 1 | host_put n1 /run/cni/net.d/blue.conflist
check "another VNI: not while containers live" agent_comes n1 '.conflict | test("VNI 52.*containers in VNI 42")' 3
same "the state that ADD reads says so" 1 "$(in_host n1 cat /run/hawser/overlay/blue | jq -r .conflict | grep -c 'VNI 52')"
same "the metric, too" 1 "$(metric n1 conflict)"
same "nothing has moved" "" "$(diff /run/test-whole <(overlay_of n1))"
all_meet "and traffic goes on" n1 n2
agent_end n1
agent_start n1
check "also after a restart" agent_comes n1 '.conflict | test("VNI 52")'
same "nothing has moved then" "" "$(diff /run/test-whole <(overlay_of n1))"
end_container n1
check "with the last container it moves" agent_comes n1 '.vni == 52 and .conflict == ""' 6
wait_for 2 eval '[ -n "$(vxlan_of n1 52)" ] && [ -z "$(vxlan_of n1 42)" ]'
same "of the old VNI nothing is left" "vx52  0" "$(vxlan_of n1 52) $(vxlan_of n1 42) $(in_host n1 nft list tables | grep -c 'hawser-vx42$')"
file_list 1 | host_put n1 /run/cni/net.d/blue.conflist
check "without containers it moves at once" agent_comes n1 '.vni == 42' 3
wait_for 2 eval '[ -z "$(diff /run/test-whole <(overlay_of n1))" ]'
same "and all is as before" "" "$(diff /run/test-whole <(overlay_of n1))"
pretend_container n1
sed 's/10.5.1.0/10.5.77.0/' <<<"$(overlay_records 1 2)" | host_put n1 /run/peers/blue
check "another subnet: not while containers live" agent_comes n1 '.conflict | test("10.5.77.0/24.*containers in 10.5.1.0/24")' 3
same "nothing moved" "" "$(diff /run/test-whole <(overlay_of n1))"
peers_of 1 1 2
check "the store has it again" agent_comes n1 '.conflict == ""' 3

#  ---- Networks that go ----

same "a list that was away for a moment takes no network away" "" "$(agent_log n1 | grep '"blue": gone')"
in_host n1 rm /run/cni/net.d/blue.conflist
check "a network without containers goes with its configuration" wait_for 10 eval '[ -z "$(vxlan_of n1 43)$(vxlan_of n1 44)" ]'
same "one with containers stays" "" "$(diff /run/test-whole <(overlay_of n1))"
all_meet "and its traffic goes on" n1 n2
agent_end n1
agent_start n1
same "also when the agent starts again" "" "$(diff /run/test-whole <(overlay_of n1))"
end_container n1
check "the last container takes it along" wait_for 5 eval '[ -z "$(vxlan_of n1 42)" ]'
host_state n1 >/run/test-after
same "nothing is left" "" "$(diff /run/test-before /run/test-after | grep '^[<>]' | grep -v -e /run/cni/net.d -e /run/peers -e '/run/agent\.' -e /run/hawser/overlayd)"
same "not on disk either" "" "$(in_host n1 find /var/lib/hawser -type f)"
no_complaint "no complaint of a sanitizer" n1 n2
done_testing
