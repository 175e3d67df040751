# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd with peers in a file: nodes meet; what it does when the file, the underlay or its configuration
# changes; that it ends and begins without a trace. What it mends is tested in overlayd-heal.sh, its death in
# overlayd-kill.sh.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture star-N down' EXIT
agent_hosts 4
host_state n1 >/run/test-before

#  ---- Three nodes meet, with two networks on each ----

MORE='"directRouting":false' file_nodes 1 2 3
NAME=red VNI=43 B=6 UNDERLAY=6 file_nodes 1 2 3
agents_start n1 n2 n3
for host in n1 n2 n3; do
	agent_comes $host '.peers | length == 2' || not_ok "$host knows the others"
	NAME=red agent_comes $host '.peers | length == 2' || not_ok "$host knows the others of red"
done
all_meet "three nodes" n1 n2 n3
for i in 1 2 3; do V4[n$i]=10.6.$i.0 V6[n$i]=fd00:6:0:$i::; done
all_meet "and over IPv6" n1 n2 n3
for i in 1 2 3; do V4[n$i]=10.5.$i.0 V6[n$i]=fd00:5:0:$i::; done
same "the state that ADD reads" '42 true 1450 10.5.1.0/24 0 ""' \
	"$(in_host n1 cat /run/hawser/overlay/blue | jq -r '"\(.vni) \(.managed) \(.mtu) \(.subnets[0]) \(.vteps | length) \(.conflict | tojson)"')"
same "of the other network" "43 1430 fd00:6:0:1::/64" \
	"$(in_host n1 cat /run/hawser/overlay/red | jq -r '"\(.vni) \(.mtu) \(.subnets[1])"')"
same "subnet.env" "FLANNEL_NETWORK=10.5.0.0/16 FLANNEL_SUBNET=10.5.1.1/24 FLANNEL_MTU=1450" \
	"$(in_host n1 grep -E '_(NETWORK|SUBNET|MTU)=' /run/hawser/subnets/blue.env | grep -v IPV6 | xargs)"
same "status" "n1 file true false 0 10.5.1.0/24" "$(agent_says n1 '"\(.node) \(.store.type) \(.store.connected) \(.held) \(.refused) \(.subnets[0])"')"
same "metrics" "2 1450 1 0" "$(metric n1 peers) $(metric n1 mtu_bytes) $(metric n1 store_connected) $(metric n1 failing)"
same "metrics are text that Prometheus reads" 0 \
	"$(agent_get n1 /metrics | grep -cvE '^(# (HELP|TYPE) [a-z_]+ .+|[a-z_]+(\{([a-z]+="[^"]*",?)+\})? [0-9.e+-]+)$')"
same "another path" 404 "$(in_host n1 curl -s -o /dev/null -w '%{http_code}' --unix-socket /run/hawser/overlayd.sock http://h/other)"
same "another method" 405 "$(in_host n1 curl -s -o /dev/null -w '%{http_code}' -X DELETE --unix-socket /run/hawser/overlayd.sock http://h/status)"
same "only root may ask" "srw-------" "$(in_host n1 stat -c %A /run/hawser/overlayd.sock)"

#  ---- The file of peers changes ----

blue_peers() { agent_says n1 '[.peers[].node] | sort | join(" ")'; }
# usage: becomes NAME PEERS: n1's peers within a second, and what leads to them
becomes() {
	agent_comes n1 "[.peers[].node] | sort | join(\" \") == \"$2\"" 1 || :
	same "$1" "$2" "$(blue_peers)"
	same "$1: entries" "$(wc -w <<<"$2")" "$(entries n1 42 | grep -c ' dst ')"
}
agent_mark n1
peers_of 1 1 2 3 4
becomes "a peer added" "n2 n3 n4"
peers_of 1 1 2 3
becomes "a peer removed" "n2 n3"
same "nothing was held" false "$(agent_says n1 .held)"
VTEP_3=192.0.2.4 peers_of 1 1 2 3
agent_comes n1 '[.peers[].vtep] | sort | join(" ") == "192.0.2.2 192.0.2.4"' 1
same "another VTEP of a peer" "192.0.2.2 192.0.2.4" "$(entries n1 42 | sed -n 's/.* dst \([0-9.]*\).*/\1/p' | sort | xargs)"
overlay_records 1 2 3 | in_host n1 sh -c 'cat >/run/peers/blue'
becomes "written in place" "n2 n3"
agent_comes n1 '[.peers[].vtep] | sort | join(" ") == "192.0.2.2 192.0.2.3"' 1 || not_ok "and the VTEP is the old one"
overlay_of n1 >/run/test-whole
echo '[{"node":' | host_put n1 /run/peers/blue
check "a broken file is an error" agent_comes n1 '.store.connected | not' 1
same "that names it" 1 "$(agent_says n1 .store.lastError | grep -c /run/peers/blue)"
same "and changes nothing" "" "$(diff /run/test-whole <(overlay_of n1))"
: | host_put n1 /run/peers/blue
check "an empty one, too" agent_comes n1 '.store.lastError | test("records is of this node")' 1
in_host n1 rm /run/peers/blue
check "a missing one, too" agent_comes n1 '.store.lastError | test("No such file")' 1
same "and change nothing" "" "$(diff /run/test-whole <(overlay_of n1))"
{
	overlay_record 1
	overlay_record 2
	echo '{"node":"../../etc","vtep":"192.0.2.3","subnet":"10.5.3.0/24"}'
	echo '{"node":"x","vtep":"192.0.2.7","subnet":"10.99.3.0/24"}'
	echo '{"node":"y","vtep":"127.0.0.1","subnet":"10.5.7.0/24"}'
	echo '{"node":"z","vtep":"192.0.2.8","subnet":"10.5.1.0/25"}'
	overlay_record 3
} | host_put n1 /run/peers/blue
becomes "of a file with hostile records the good ones count" "n2 n3"
same "the others are counted" "4 4" "$(agent_says n1 .refused) $(metric n1 records_refused)"
same "and said, by line" "3 4 5 6" "$(agent_log n1 | grep refused | grep -oE 'blue[^0-9]*[0-9]+' | grep -oE '[0-9]+$' | sort -un | xargs)"
same "the kernel is as it was" "" "$(diff /run/test-whole <(overlay_of n1))"

#  ---- Most peers vanish at once ----

peers_of 1 1 {2..9}
becomes "eight peers" "n2 n3 n4 n5 n6 n7 n8 n9"
peers_of 1 1 2 3 4
check "most vanish: held" agent_comes n1 .held 1
same "five of them" "5 n2 n3 n4 n5 n6 n7 n8 n9" "$(metric n1 peers_held) $(blue_peers)"
same "status says which" "n5 n6 n7 n8 n9" "$(agent_says n1 '[.peers[] | select(.held) | .node] | sort | join(" ")')"
peers_of 1 1 {2..9}
check "back: no longer held" agent_comes n1 '.held | not' 1
peers_of 1 1 2 3
check "most vanish again" agent_comes n1 '.heldPeers == 6' 1
agent_end n1
agent_start n1
same "held across a restart" "true 6" "$(agent_comes n1 .held 1; agent_says n1 '"\(.held) \(.heldPeers)"')"
same "obeying another network is no matter" 404 "$(in_host n1 curl -s -o /dev/null -w '%{http_code}' -X POST --unix-socket /run/hawser/overlayd.sock http://h/obey/green)"
# usage: obey HOST ARGUMENT...
obey() {
	in_host "$1" "$BIN/hawser" overlay obey "${@:2}" >$out 2>$err
	echo $?
}
same "hawser overlay obey of a network that the agent does not have" "1 1" "$(obey n1 green) $(grep -c 'no network "green"' $err)"
same "of a name that is none" "1 1" "$(obey n1 "blue HTTP/1.0") $(grep -c 'blue HTTP' $err)"
same "they let nobody go" 6 "$(metric n1 peers_held)"
same "without an agent" "1 1" "$(obey n4 blue) $(grep -c 'the agent is not running' $err)"
same "hawser overlay obey" "0 0" "$(obey n1 blue) $(cat $out $err | wc -c)"
becomes "the administrator lets them go" "n2 n3"
same "nothing to let go is no error" 0 "$(obey n1 blue)"
same "none is held" "false 0" "$(agent_says n1 .held) $(metric n1 peers_held)"
all_meet "the others are reached all the time" n1 n2 n3

#  ---- The underlay changes ----

mtus() { echo "$(in_host n1 cat /run/hawser/overlay/blue | jq .mtu) $(in_host n1 sed -n s/FLANNEL_MTU=//p /run/hawser/subnets/blue.env) $(in_host n1 ip -j link show vx42 | jq '.[0].mtu') $(metric n1 mtu_bytes)"; }
mtus_are() { [ "$(mtus)" = "$1 $1 $1 $1" ]; }
in_host n1 ip link set eth0 mtu 1400
wait_for 1 mtus_are 1350
same "a smaller MTU of the uplink: state, subnet.env, device, metric" "1350 1350 1350 1350" "$(mtus)"
in_host n1 ip link set eth0 mtu 1500
wait_for 1 mtus_are 1450
same "and back" "1450 1450 1450 1450" "$(mtus)"
in_host n1 ip route add 192.0.2.2/32 dev eth0 mtu 1340
wait_for 1 mtus_are 1290
same "a smaller one of the route to a peer" "1290 1290 1290 1290" "$(mtus)"
in_host n1 ip route del 192.0.2.2/32
wait_for 1 mtus_are 1450
in_host n1 sh -c 'ip link set eth0 down && ip link set eth0 up'
all_meet "the uplink went down and up" n1 n2 n3
in_host n1 sh -c 'ip link set eth0 down && ip link set eth0 name eth7 && ip link set eth7 up'
all_meet "the uplink has another name: traffic goes on" n1 n2 n3
check "and it is reported" agent_comes n1 '.lastError | test("eth0")' 2
in_host n1 sh -c 'ip link set eth7 down && ip link set eth7 name eth0 && ip link set eth0 up'
check "until it is back" agent_comes n1 '.lastError == ""' 6
for host in n1 n2 n3; do
	MORE='"directRouting":true' file_list ${host#n} | host_put $host /run/cni/net.d/blue.conflist
done
way() { in_host n1 ip -j route get 10.5.2.7 | jq -r '.[0].dev'; }
way_is() { [ "$(way)" = "$1" ]; }
wait_for 2 way_is eth0
same "directRouting: past the tunnel" eth0 "$(way)"
in_host n1 ip route add 192.0.2.2/32 via 192.0.2.4
wait_for 1 way_is vx42
same "a router in between: through the tunnel" vx42 "$(way)"
in_host n1 ip route del 192.0.2.2/32
wait_for 1 way_is eth0
in_host n1 sh -c 'ip link set eth0 down && ip link set eth0 up'
wait_for 1 way_is eth0
same "the routes of directRouting are back after down and up" "eth0 2" "$(way) $(in_host n1 ip -4 route show proto 72 | grep -c 'via 192.0.2')"
all_meet "and lead there" n1 n2 n3

#  ---- Ending and beginning ----

in_host n1 sh -c '"$1" --conf-dir /run/cni/net.d' - "$AGENT" >$out 2>$err
same "a second agent refuses to start" 1 $?
check "and says why" grep -q "another agent runs" $err
overlay_of n1 >/run/test-whole
runs=$(metric n1 runs_total)
kill -HUP "$(agent_pid n1)"
more_runs() { [ "$(metric n1 runs_total)" -gt "$runs" ]; }
check "SIGHUP compares everything" wait_for 2 more_runs
same "and writes nothing" "" "$(diff /run/test-whole <(overlay_of n1))"
agent_end n1
same "SIGTERM: exit status" 0 $?
same "SIGTERM leaves everything" "" "$(diff /run/test-whole <(overlay_of n1))"
refuse "but the socket" in_host n1 test -e /run/hawser/overlayd.sock
all_meet "and traffic goes on" n1 n2 n3
# usage: damage NAME SED-EXPRESSION: a snapshot that is not used
damage() {
	in_host n1 sed -i "$2" /var/lib/hawser/overlay/blue.json
	mv_peers away
	agent_mark n1
	agent_start n1
	check "$1: not used" eval "agent_log n1 | grep -q 'blue.json.*not used'"
	same "$1: and nothing changes" "" "$(diff /run/test-whole <(overlay_of n1))"
	agent_end n1
	mv_peers back
	agent_start n1
	check "$1: the store's view takes its place" agent_comes n1 '.fromSnapshot == false'
	agent_end n1
}
mv_peers() { if [ "$1" = away ]; then in_host n1 mv /run/peers/blue /run/peers/.blue; else in_host n1 mv /run/peers/.blue /run/peers/blue; fi; }
damage "a snapshot cut off" 's/.\{40\}$//'
damage "one of another node" 's/"node":"n1"/"node":"n9"/'
mv_peers away
in_host n1 ip link del vx42
agent_start n1
check "without the store the snapshot is obeyed" agent_comes n1 '.fromSnapshot and (.peers | length == 2)'
check "and makes everything" wait_for 2 eval '[ -z "$(diff /run/test-whole <(overlay_of n1))" ]'
all_meet "nodes meet by it" n1 n2 n3
mv_peers back
check "until the store is there" agent_comes n1 '.fromSnapshot == false'
no_complaint "no complaint of a sanitizer" n1 n2 n3
done_testing
