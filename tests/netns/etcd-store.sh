#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tools/overlayd's store "etcd" with a real etcd: what a node publishes, which subnet it gets, what it believes of
# others, and what it does when etcd fails. The client underneath is tested in etcd.sh.
. "$(dirname "$0")/lib.sh"
. "$here/tests/etcd-lib.sh"
dir=/run/etcd-test url=http://127.0.0.1:2379 other=/run/etcd-other
net=/coreos.com/network sub=/coreos.com/network/subnets extra=/coreos.com/network/x-hawser
declare -A pid
cleanup() {
	kill "${pid[@]}"
	etcd_stop $dir
	etcd_stop $other
} 2>/dev/null
trap cleanup EXIT
trap 'exit 1' INT TERM

# Nodes, each with a store. usage: start_node NAME SELF...; CONF: another "store" object
start_node() {
	rm -f "/run/$1.in"
	mkfifo "/run/$1.in"
	"$BIN/store_driver" "${CONF:-{\"type\":\"etcd\",\"endpoints\":[\"$url\"]\}}" "${@:2}" \
		<>"/run/$1.in" >"/run/$1.out" 2>"/run/$1.err" 8>&- 9>&- &
	pid[$1]=$!
}
# usage: tell NAME LINE
tell() { echo "$2" >"/run/$1.in"; }
stop_node() {
	tell "$1" stop
	wait "${pid[$1]}" || not_ok "$1 ends well" "status $?" "$(tail -n 5 "/run/$1.err")"
	unset "pid[$1]"
}
# The SELF of a node. usage: self NODE VTEPS [SUBNETS [true]]
self() {
	local v=${2// /\",\"} s=${3:-}
	echo "{\"node\":\"$1\",\"vtep\":[\"$v\"]${s:+,\"subnet\":[\"${s// /\",\"}\"]},\"pinned\":${4:-false}}"
}
# Of the last view. usage: view NAME JQ-FILTER
view() { grep '"serial"' "/run/$1.out" | tail -n 1 | jq -r "$2"; }
views() { grep -c '"serial"' "/run/$1.out"; }
health() { grep '"connected"' "/run/$1.out" | tail -n 1 | jq -r "$2"; }
# Wait until a function says so. usage: becomes NAME EXPECTED FUNCTION ARGUMENT...
becomes() {
	local end=$((SECONDS + 15)) got
	until got=$("${@:3}" 2>/dev/null) && [ "$got" = "$2" ]; do
		[ $SECONDS -lt $end ] || break
		sleep 0.03
	done
	same "$1" "$2" "$got"
}
# Delete a key. usage: delete KEY
delete() { says remove "$1" "$(says meta "$1" | cut -d' ' -f3)" >/dev/null; }
# The value of a lease. usage: lease VTEP MAC [VNI]
lease() { echo "{\"PublicIP\":\"$1\",\"PublicIPv6\":null,\"BackendType\":\"vxlan\",\"BackendData\":{\"VNI\":${3:-1},\"VtepMAC\":\"$2\"}}"; }
subnet='.subnet | join(" ")' peers='[.leg[0].peers[] | "\(.node) \(.vtep) \(.subnet[0]) \(.mac)"] | join("\n")'
# What n1 and n2 publish: their MACs are a hash of name and VNI.
mac1=02:5b:f0:4b:ed:26 mac2=02:3d:41:c1:ce:fb

check "etcd starts" etcd_start $dir 2379
etcd_client $url

#  ---- The configuration ----

password=/run/etcd-password
echo secret >$password
# usage: refused_conf NAME CODE WORDS MEMBERS
refused_conf() {
	timeout 20 "$BIN/store_driver" "{\"type\":\"etcd\",$4}" "$(self n9 192.0.2.9)" </dev/null >$out 2>$err
	if grep -q "^error $2 .*$3" $out; then ok "refused: $1"; else not_ok "refused: $1" "expected: error $2 ...$3..."; fi
}
e='"endpoints":["http://127.0.0.1:1"]'
refused_conf "no endpoints" 7 '"store.endpoints".*required' '"x":1'
refused_conf "no endpoint" 7 '"store.endpoints".*no endpoint' '"endpoints":[]'
refused_conf "an endpoint that is none" 7 '"store.endpoints": "ftp://x" ' '"endpoints":["ftp://x"]'
refused_conf "a number for an endpoint" 6 '"store.endpoints": expected a string, not 7' '"endpoints":[7]'
refused_conf "an empty prefix" 7 '"store.prefix": "/" ' "$e,\"prefix\":\"/\""
refused_conf "a file that is not there" 5 '"store.caFile": read /nothing.pem' "$e,\"caFile\":\"/nothing.pem\""
refused_conf "a certificate without its key" 7 '"store.certFile".*"keyFile"' "$e,\"certFile\":\"$password\""
refused_conf "a password without a user" 7 '"store.passwordFile".*"username"' "$e,\"passwordFile\":\"$password\""
refused_conf "no password" 5 '"store.passwordFile": read /nothing' "$e,\"username\":\"a\",\"passwordFile\":\"/nothing\""
refused_conf "a short ttl" 7 '"store.ttl".*4' "$e,\"ttl\":4"

#  ---- TLS, a user, a short lease: at the end it must still be there ----

etcd_certs $other
check "etcd with TLS starts" etcd_start $other 2479 --tls
{
	etcd_ctl $other put /x/config '{"Network":"10.7.0.0/22","SubnetLen":24,"SubnetMax":"10.7.2.0","Backend":{"Type":"vxlan","VNI":1}}'
	etcd_ctl $other user add root:root
	etcd_ctl $other user grant-role root root
	etcd_ctl $other user add agent:secret
	etcd_ctl $other role add net
	etcd_ctl $other role grant-permission net --prefix=true readwrite /x/
	etcd_ctl $other user grant-role agent net
	etcd_ctl $other auth enable
} >/dev/null 2>$err
CONF="{\"endpoints\":[\"http://127.0.0.1:9\",\"https://127.0.0.1:2479\"],\"caFile\":\"$other/ca.pem\",\"username\":\"agent\",\"passwordFile\":\"$password\",\"prefix\":\"/x/\",\"ttl\":5}"
CONF=$CONF start_node short "$(self s1 192.0.2.1)" "$(self s2 192.0.2.2)" "$(self s3 192.0.2.3)"
unset CONF
born=$SECONDS
# usage: at_other COMMAND
at_other() { CA=$other/ca.pem NAME=agent PASSWORD=secret "$BIN/etcd_driver" https://127.0.0.1:2479 <<<"$1"; }
leases() { at_other "list /x/subnets/" | grep -E '10\.7\.' | cut -d'"' -f4 | sort | xargs; }
becomes "two have a subnet, the third one none" 2 eval 'leases | wc -w'
theirs=$(at_other "value /x/subnets/10.7.1.0-24" | head -n 1)
at_other "put /x/subnets/10.7.1.0-24 ${theirs/:??\"\}\}/:99\"\}\}}" >/dev/null

#  ---- A node and its record ----

start_node n1 "$(self n1 192.0.2.1 10.5.7.0/24)"
becomes "nobody has written the configuration" "false $url has no key \"$net/config\"" health n1 '"\(.connected) \(.error)"'
says put $net/config '{"Network":"10.5.0.0/16"}'
becomes "it is for another backend" true health n1 '.error | contains("Backend")'
says put $net/config '{"Network":"10.5.0.0/16","Backend":{"Type":"vxlan","VNI":1}}'
becomes "it is good" true health n1 .connected
becomes "the subnet of before is free" 10.5.7.0/24 view n1 "$subnet"
same "no view before that" 1 "$(views n1)"
same "the record is what flanneld writes" "$(lease 192.0.2.1 $mac1)" "$(says value $sub/10.5.7.0-24)"
same "with flannel's lease" "some of 86400 s" "$(says ttl "$(says meta $sub/10.5.7.0-24 | cut -d' ' -f1)")"
same "the network" '1 8472 0 false 10.5.0.0/16' "$(view n1 '.network | "\(.vni) \(.port) \(.mtu) \(.direct) \(.net[0])"')"
same "its device" "192.0.2.1 $mac1" "$(view n1 '.leg[0] | "\(.local) \(.mac)"')"
becomes "what flannel has no place for" '{"node":"n1","subnet":["10.5.7.0/24"],"version":"'"$(sed -n 's/.*HAWSER_VERSION "\(.*\)"/\1/p' "$here/common/cni.h")"'"}' \
	says value $extra/n1
same "ends with the lease" "$(says meta $sub/10.5.7.0-24 | cut -d' ' -f1)" "$(says meta $extra/n1 | cut -d' ' -f1)"
stop_node n1
says watch $net/ 0
says wait 1000 >/dev/null
start_node n1 "$(self n1 192.0.2.1)"
becomes "started again, without a memory" 10.5.7.0/24 view n1 "$subnet"
same "it writes nothing" "" "$(says wait 300)"

# A node of flannel's, and one of ours.
says put $sub/10.5.26.0-24 "$(lease 192.168.77.1 d2:67:58:28:63:4b)"
start_node n2 "$(self n2 192.0.2.2 10.5.9.0/24)"
becomes "the others" "10.5.26.0-24 192.168.77.1 10.5.26.0/24 d2:67:58:28:63:4b
n2 192.0.2.2 10.5.9.0/24 $mac2" view n1 "$peers"
becomes "and for the other one" "10.5.26.0-24 192.168.77.1 10.5.26.0/24 d2:67:58:28:63:4b
n1 192.0.2.1 10.5.7.0/24 $mac1" view n2 "$peers"
n=$(views n1)
says put $sub/10.5.26.0-24 "$(lease 192.168.77.1 d2:67:58:28:63:4b)"
delete $sub/10.5.26.0-24
becomes "one is gone" "n2 192.0.2.2 10.5.9.0/24 $mac2" view n1 "$peers"
same "a lease that was only renewed is no news" $((n + 1)) "$(views n1)"

#  ---- What happens to the record ----

n=$(views n1)
delete $sub/10.5.7.0-24
becomes "deleted: made again" "$(lease 192.0.2.1 $mac1)" says value $sub/10.5.7.0-24
says revoke "$(says meta $sub/10.5.7.0-24 | cut -d' ' -f1)"
becomes "its lease is gone: made again" "$(lease 192.0.2.1 $mac1)" says value $sub/10.5.7.0-24
becomes "and the other key" 1 eval 'says value $extra/n1 | grep -c version'
tell n1 "$(self n1 192.0.2.101)"
becomes "the underlay's address has changed" "$(lease 192.0.2.101 $mac1)" says value $sub/10.5.7.0-24
becomes "which a view says, too" 192.0.2.101 view n1 '.leg[0].local'
becomes "and one of the other node" 192.0.2.101 view n2 '.leg[0].peers[0].vtep'
tell n1 "$(self n1 192.0.2.1)"
becomes "and back" "$(lease 192.0.2.1 $mac1)" says value $sub/10.5.7.0-24
says put $sub/10.5.7.0-24 "$(lease 192.0.2.1 02:00:00:00:00:99)"
becomes "overwritten: two nodes are one" true view n1 '.conflict | contains("overwritten by another node") and contains("02:00:00:00:00:99")'
same "with the subnet it has" 10.5.7.0/24 "$(view n1 "$subnet")"
stop_node n1

#  ---- Who gets what ----

says put $sub/10.5.7.0-24 "$(lease 192.0.2.1 02:00:00:00:00:99)"
start_node n1 "$(self n1 192.0.2.1)"
becomes "a lease of flanneld's on this node is taken over" "$(lease 192.0.2.1 $mac1)" says value $sub/10.5.7.0-24
becomes "with its subnet" 10.5.7.0/24 view n1 "$subnet"
stop_node n1
for key in $sub/10.5.7.0-24 $extra/n1; do delete $key; done
says put $sub/10.5.3.0-24 '{"PublicIP":"192.0.2.1"}'
start_node n1 "$(self n1 192.0.2.1 10.5.7.0/24)"
becomes "a reservation comes before the subnet of before" 10.5.3.0/24 view n1 "$subnet"
same "and stays one" "0 $(lease 192.0.2.1 $mac1)" "$(says meta $sub/10.5.3.0-24 | cut -d' ' -f1) $(says value $sub/10.5.3.0-24)"
stop_node n1
delete $sub/10.5.3.0-24
says put $sub/10.5.7.0-24 "$(lease 192.0.2.77 02:00:00:00:00:77)"
start_node n1 "$(self n1 192.0.2.1 10.5.7.0/24)"
becomes "another has it: a free one" true view n1 '.subnet[0] != "10.5.7.0/24" and (.subnet[0] | test("^10[.]5[.][0-9]+[.]0/24$"))'
same "without a conflict" "" "$(view n1 .conflict)"
tell n1 "$(self n1 192.0.2.1 10.5.7.0/24 true)"
becomes "another has it, and containers live in it" true view n1 '.conflict | contains("10.5.7.0/24") and contains("192.0.2.77")'
delete $sub/10.5.7.0-24
becomes "it is free: no conflict" "10.5.7.0/24" view n1 'if .conflict == "" then .subnet[0] else .conflict end'
becomes "and the other one is given back" 1 eval "says list $sub/ | grep -c '192.0.2.1\"'"
tell n1 "$(self n1 192.0.2.1 10.9.7.0/24 true)"
becomes "one that the network does not have" true view n1 '.conflict | contains("10.9.7.0/24") and contains("config")'
stop_node n1
delete $sub/10.5.7.0-24

#  ---- What is not believed ----

bad() { says put "$sub/$1" "$2"; }
start_node n1 "$(self n1 192.0.2.1 10.5.7.0/24)"
becomes "n1 is back" 10.5.7.0/24 view n1 "$subnet"
says put $sub/10.5.30.0-24 "$(lease 192.0.2.30 02:00:00:00:00:30)"
bad 10.5.41.0 "$(lease 192.0.2.41 02:00:00:00:00:41)"
bad 10.5.42.0-24 '{"PublicIP"'
bad 10.5.43.0-24 "$(lease 192.0.2.43 01:00:5e:00:00:01)"
bad 10.5.44.0-24 "$(lease 192.0.2.44 00:00:00:00:00:00)"
bad 10.5.45.0-24 "$(lease 127.0.0.1 02:00:00:00:00:45)"
bad 10.5.46.0-24 "$(lease 224.0.0.1 02:00:00:00:00:46)"
bad 10.5.47.0-24 "$(lease 192.0.2.1 02:00:00:00:00:47)"
bad 10.5.48.0-24 "$(lease 192.0.2.48 $mac1)"
bad 10.6.49.0-24 "$(lease 192.0.2.49 02:00:00:00:00:49)"
bad 10.5.7.128-25 "$(lease 192.0.2.50 02:00:00:00:00:50)"
bad 10.5.30.0-25 "$(lease 192.0.2.51 02:00:00:00:00:51)"
bad 10.5.52.0-24 "$(lease 192.0.2.52 02:00:00:00:00:52 2)"
bad 10.5.53.0-24 "$(lease 10.5.1.1 02:00:00:00:00:53)"
bad 10.5.54.0-24 "$(lease 192.0.2.54 02:00:00:00:00:55)"
bad 10.5.55.0-24 "$(lease 192.0.2.55 02:00:00:00:00:55)"
says put $sub/10.5.60.0-24 '{"PublicIP":"192.0.2.60","BackendType":"host-gw"}'
says put $sub/10.5.61.0-24 "$(lease 192.0.2.61 02:00:00:00:00:61)"
becomes "good ones, and the newer of two with one MAC" "10.5.30.0-24 10.5.55.0-24 10.5.61.0-24 n2" \
	view n1 '[.leg[0].peers[].node] | sort | join(" ")'
same "the others are counted" 14 "$(view n1 .refused)"
same "each was logged once" "14 14" "$(grep -c refused /run/n1.err) $(grep refused /run/n1.err | sort -u | wc -l)"

#  ---- etcd fails ----

n=$(views n1)
etcd_stop $dir
becomes "etcd is gone" false health n1 .connected
same "and no view says so" "$n" "$(views n1)"
etcd_start $dir 2379
says put $sub/10.5.62.0-24 "$(lease 192.0.2.62 02:00:00:00:00:62)"
becomes "it is back, and has changed" 1 view n1 '[.leg[0].peers[] | select(.vtep == "192.0.2.62")] | length'
becomes "it is connected" true health n1 .connected
same "what was logged is not logged again" 14 "$(grep -c 'refused: /' /run/n1.err)"
for key in $(says list $sub/ | grep -oE '^/[^ ]*10\.(5\.4|6|5\.5|5\.30|5\.7\.128)[^ ]+'); do delete "$key"; done

kill -STOP "${pid[n1]}"
etcd_stop $dir
etcd_start $dir 2379
delete $sub/10.5.62.0-24
says put $sub/10.5.63.0-24 "$(lease 192.0.2.63 02:00:00:00:00:63)"
etcd_ctl $dir compact "$(says meta $sub/10.5.63.0-24 | cut -d' ' -f3)" >/dev/null
kill -CONT "${pid[n1]}"
becomes "compacted while away" 192.0.2.63 view n1 '[.leg[0].peers[].vtep | select(. == "192.0.2.62" or . == "192.0.2.63")] | join(" ")'

etcd_ctl $dir snapshot save $dir/backup >/dev/null 2>&1
delete $sub/10.5.63.0-24
becomes "after the backup" 0 view n1 '[.leg[0].peers[] | select(.vtep == "192.0.2.63")] | length'
delete $sub/10.5.7.0-24
becomes "n1 has a new lease" "$(lease 192.0.2.1 $mac1)" says value $sub/10.5.7.0-24
etcd_stop $dir
rm -r $dir/data
etcd_ctl $dir snapshot restore $dir/backup --data-dir $dir/data --name test --initial-cluster test=http://127.0.0.1:2380 \
	--initial-advertise-peer-urls http://127.0.0.1:2380 >/dev/null 2>&1
check "a backup is restored" etcd_start $dir 2379
becomes "what it has is there again" 1 view n1 '[.leg[0].peers[] | select(.vtep == "192.0.2.63")] | length'

etcd_stop $dir
rm -r $dir/data
etcd_start $dir 2379
becomes "emptied: nodes fill it again" "$(lease 192.0.2.1 $mac1)" says value $sub/10.5.7.0-24
becomes "each for itself" "n2 192.0.2.2 10.5.9.0/24 $mac2" view n1 "$peers"

kill -STOP "$(cat $dir/pid)"
start=$(date +%s%N)
stop_node n1
check "a store ends though etcd hangs" test $((($(date +%s%N) - start) / 1000000)) -lt 2000
kill -CONT "$(cat $dir/pid)"
stop_node n2

#  ---- IPv6 ----

# The value of a lease. usage: v6 VTEP4 VTEP6 MAC4 MAC6; "": none
v6() {
	local data=${3:+"\"BackendData\":{\"VNI\":7,\"VtepMAC\":\"$3\"},"}
	echo "{\"PublicIP\":\"$1\",\"PublicIPv6\":\"$2\",\"BackendType\":\"vxlan\",$data\"BackendV6Data\":{\"VNI\":7,\"VtepMAC\":\"$4\"}}"
}
says put $net/config '{"EnableIPv4":false,"EnableIPv6":true,"IPv6Network":"fc00:5::/48","Backend":{"Type":"vxlan","VNI":7}}'
for key in $(says list $sub/ | cut -d' ' -f1 | grep /); do delete "$key"; done
start_node n1 "$(self n1 '192.0.2.1 fd77::1' fc00:5:0:7::/64)"
becomes "IPv6 only" "fc00:5:0:7::/64 fd77::1" view n1 '"\(.subnet[0]) \([.leg[].local] | join(" "))"'
one=$(view n1 '.leg[0].mac')
same "its record" "$(v6 0.0.0.0 fd77::1 '' "$one")" "$(says value "$sub/0.0.0.0-0&fc00:5:0:7::-64")"
says put $net/config '{"Network":"10.5.0.0/16","EnableIPv6":true,"IPv6Network":"fc00:5::/48","Backend":{"Type":"vxlan","VNI":7,"Port":8472}}'
says put "$sub/10.5.35.0-24&fc00:5:0:5::-64" "$(v6 192.168.77.2 fd77::2 2a:62:90:11:e8:07 6a:80:4f:05:34:5a)"
becomes "dual stack, when the configuration changes" "2 2" view n1 '"\(.subnet | length) \(.leg | length)"'
same "each device has a MAC" "$one true" "$(view n1 '"\(.leg[0].mac) \(.leg[0].mac != .leg[1].mac)"')"
becomes "and the peers of its family" "192.168.77.2 10.5.35.0/24 fd77::2 fc00:5:0:5::/64" \
	view n1 '[.leg[].peers[] | "\(.vtep) \(.subnet[0])"] | join(" ")'
tell n1 "$(self n1 192.0.2.1)"
becomes "an underlay without IPv6" true view n1 '.conflict | contains("IPv6")'
stop_node n1

#  ---- All at once ----

for key in $(says list $sub/ | cut -d' ' -f1 | grep /); do delete "$key"; done
nodes=()
for i in {1..64}; do nodes+=("$(self "m$i" "192.0.2.$i fd77::$i")"); done
BRIEF=1 start_node many "${nodes[@]}"
served() { grep -o '^{"node":"m[0-9]*","serial":[0-9]*,"subnet":\["[^]]*\].*"peers":63}.*"peers":63}' /run/many.out | grep -o '^{"node":"m[0-9]*"' | sort -u | wc -l; }
becomes "64 nodes, each of which sees 63" 64 served
for part in 1 2; do
	same "64 different subnets" 64 "$(says list $sub/ | grep -oE '[^/]+ = ' | cut -d'&' -f$part | sort -u | wc -l)"
done
stop_node many

#  ---- The short lease ----

until [ $((SECONDS - born)) -ge 9 ]; do sleep 0.05; done
same "two still have their subnets" 2 "$(leases | wc -w)"
check "which is a conflict" grep -q 'no subnet of 10.7.0.0/22 is free' /run/short.out
same "nobody was ever disconnected" 0 "$(grep -c 'connected":false' /run/short.out)"
check "one was overwritten" grep -q 'conflict":"[^"]*overwritten by another node.*:99' /run/short.out
same "which it has put right" "$theirs" "$(at_other "value /x/subnets/10.7.1.0-24" | head -n 1)"
stop_node short
end_client
done_testing
