# SPDX-License-Identifier: GPL-2.0-or-later
# tuning: every key and where it may come from, the allowlist, what is restored and when, CHECK, GC, bad input.
. "$(dirname "$0")/lib.sh"

allowlist=/etc/cni/tuning/allowlist.conf
# an /etc of the script's own
cp -a /etc /run/etc
mount --bind /run/etc /etc || exit 1
rm -rf /etc/cni
mkdir -p /etc/cni/tuning
snapshot() {
	"$SNAPSHOT" /run/cni /run/backups
	inside a sysctl -n net.core.somaxconn net.ipv4.ip_local_port_range net.ipv4.conf.eth0.arp_filter 2>/dev/null
	ip -n a -d link show eth0 2>/dev/null | grep -o 'allmulti [0-9]'
}
# A container with an interface, as some plugin before us made it.
container() {
	slate "$@"
	rm -rf /run/cni /run/backups
	local name
	for name in "$@"; do
		ip -n "$name" link add eth0 address 02:00:00:00:00:aa type veth peer name p0
		ip -n "$name" link set eth0 up
		ip -n "$name" link set p0 up
		ip -n "$name" addr add 10.1.0.2/24 dev eth0
	done
}
prev='{"cniVersion":"1.1.0","interfaces":[{"name":"br0","mac":"02:00:00:00:00:01"},{"name":"eth0","mac":"02:00:00:00:00:bb"},
{"name":"eth0","mac":"02:00:00:00:00:aa","sandbox":"/run/netns/a"}],"ips":[{"address":"10.1.0.2/24","interface":2}],"dns":{}}'
# usage: tune MEMBERS; V is the spec version
tune() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"tuning\",\"prevResult\":${prev/1.1.0/${V:-1.1.0}}${1:+,$1}}"; }
# What the interface is. usage: now FILTER
now() { ip -n a -j -d link show eth0 | jq -r ".[0] | $1"; }
state() { now '"\(.address) \(.mtu) \(.txqlen // 0) \(.flags | index("PROMISC") != null) \(.allmulti)"'; }
get() { inside a sysctl -n "$1"; }
backup=/run/cni/tuning/a_eth0.json

# --- nothing to do
container a
before=$(snapshot)
succeeds "nothing to do: ADD" tuning ADD a "$(tune '')"
same "nothing to do: prevResult is the result" "$(jq -S -c . <<<"$prev")" "$(jq -S -c . $out)"
same "nothing to do: nothing changed" "$before" "$(snapshot)"
same "nothing to do: no record" 0 "$(records)"
succeeds "nothing to do: CHECK" tuning CHECK a "$(tune '')"
succeeds "nothing to do: DEL" tuning DEL a "$(tune '')"

# --- every key, then DEL with and without the namespace
container a
before=$(snapshot)
original=$(state)
every='"mac":"02:00:00:00:00:cc","mtu":1400,"txQLen":77,"promisc":true,"allmulti":true,
"sysctl":{"net.core.somaxconn":"500","net/ipv4/ip_local_port_range":"2000  3000","net.ipv4.conf.IFNAME.arp_filter":"1"}'
succeeds "every key: ADD" tuning ADD a "$(tune "$every")"
same "every key: the interface" "02:00:00:00:00:cc 1400 77 true 1" "$(state)"
same "every key: the sysctls" "500 2000	3000 1" "$(get net.core.somaxconn) $(get net.ipv4.ip_local_port_range) $(get net.ipv4.conf.eth0.arp_filter)"
refuse "every key: the host's sysctls are others" [ "$(cat /proc/sys/net/core/somaxconn)" = 500 ]
same "every key: MAC and MTU in the result, of the container's interface only" \
	"br0 02:00:00:00:00:01 null,eth0 02:00:00:00:00:bb null,eth0 02:00:00:00:00:cc 1400" \
	"$(result '[.interfaces[] | "\(.name) \(.mac) \(.mtu)"] | join(",")')"
same "every key: the backup is the reference's" '{"allmulti":false,"mac":"02:00:00:00:00:aa","mtu":1500,"promisc":false,"txQLen":1000}' "$(jq -S -c . $backup)"
same "every key: the backup is the owner's" 600 "$(stat -c %a $backup)"
same "every key: neighbours are told of the MAC" 1 "$(get net.ipv4.conf.eth0.arp_notify)"
succeeds "every key: CHECK" tuning CHECK a "$(tune "$every")"
# usage: changed NAME TEXT UNDO COMMAND...: CHECK sees a change
changed() {
	local name=$1 text=$2 undo=$3
	shift 3
	inside a "$@" >/dev/null
	fails "CHECK: $name" 999 "$text" tuning CHECK a "$(tune "$every")"
	inside a $undo >/dev/null
}
changed "the MAC" '"mac": eth0 was given 02:00:00:00:00:cc and has 02:00:00:00:00:dd' "ip link set eth0 address 02:00:00:00:00:cc" ip link set eth0 address 02:00:00:00:00:dd
changed "the MTU" 'was set to 1400 and is 1300' "ip link set eth0 mtu 1400" ip link set eth0 mtu 1300
changed "the queue" 'was set to 77 and is 78' "ip link set eth0 txqueuelen 77" ip link set eth0 txqueuelen 78
changed "promisc" '"promisc"' "ip link set eth0 promisc on" ip link set eth0 promisc off
changed "allmulti" '"allmulti"' "ip link set eth0 allmulticast on" ip link set eth0 allmulticast off
changed "a sysctl" 'was set to "500" and is "501"' "sysctl net.core.somaxconn=500" sysctl net.core.somaxconn=501
changed "a sysctl with several numbers" 'ip_local_port_range' true sysctl "net.ipv4.ip_local_port_range=2000 3001"
inside a sysctl -q 'net.ipv4.ip_local_port_range=2000 3000'
succeeds "CHECK again" tuning CHECK a "$(tune "$every")"
cp $backup /run/kept
succeeds "every key: DEL with nothing but the name" tuning DEL a '{"cniVersion":"1.1.0","name":"net","type":"tuning"}'
inside a sysctl -q net.ipv4.conf.eth0.arp_notify=0
same "every key: everything is as it was" "$original" "$(state)"
same "every key: and nothing is left" "$before" "$(snapshot)"
succeeds "every key: DEL again" tuning DEL a "$(tune "$every")"
succeeds "every key: ADD again" tuning ADD a "$(tune "$every")"
NETNS='' succeeds "no namespace: DEL" tuning DEL a '{"cniVersion":"1.1.0","name":"net","type":"tuning"}'
same "no namespace: no file, no record" "0 0" "$(find /run/cni -type f | wc -l) $(records)"
same "no namespace: the container is left alone" "02:00:00:00:00:cc 1400 77 true 1" "$(state)"
container a
succeeds "namespace gone: ADD" tuning ADD a "$(tune "$every")"
ip netns del a
succeeds "namespace gone: DEL" tuning DEL a "$(tune "$every")"
same "namespace gone: no file, no record" "0 0" "$(find /run/cni -type f | wc -l) $(records)"
container a
succeeds "interface gone: ADD" tuning ADD a "$(tune "$every")"
ip -n a link del eth0
succeeds "interface gone: DEL" tuning DEL a "$(tune "$every")"
same "interface gone: no file, no record" "0 0 128" "$(find /run/cni -type f | wc -l) $(records) $(get net.core.somaxconn | sed 's/4096/128/')"

# --- one key alone touches nothing else
# usage: alone KEY VALUE BACKUP STATE
alone() {
	container a
	succeeds "$1: ADD" tuning ADD a "$(tune "\"$1\":$2")"
	same "$1: only this" "$4" "$(state)"
	same "$1: only this is kept" "$3" "$(jq -c . $backup)"
	succeeds "$1: DEL" tuning DEL a "$(tune "\"$1\":$2")"
	same "$1: as before" "02:00:00:00:00:aa 1500 1000 false 0" "$(state)"
}
alone mac '"02-00-00-00-00-CC"' '{"mac":"02:00:00:00:00:aa"}' "02:00:00:00:00:cc 1500 1000 false 0"
alone mtu 9000 '{"mtu":1500}' "02:00:00:00:00:aa 9000 1000 false 0"
alone txQLen 0 '{"txQLen":1000}' "02:00:00:00:00:aa 1500 0 false 0"
alone promisc true '{"promisc":false}' "02:00:00:00:00:aa 1500 1000 true 0"
alone allmulti true '{"allmulti":false}' "02:00:00:00:00:aa 1500 1000 false 1"
container a
ip -n a link set eth0 allmulticast on promisc on
succeeds "allmulti false: ADD" tuning ADD a "$(tune '"allmulti":false,"promisc":true')"
same "allmulti false: off" "true 0" "$(state | cut -d' ' -f4-)"
succeeds "allmulti false: DEL" tuning DEL a "$(tune '')"
same "allmulti false: what was on is on again" "true 1" "$(state | cut -d' ' -f4-)"
container a
succeeds "sysctl: ADD" tuning ADD a "$(tune '"sysctl":{"net.core.somaxconn":"500"}')"
same "sysctl: no backup of an interface that is not changed" 0 "$(find /run/cni -type f 2>/dev/null | wc -l)"
inside a sysctl -q net.core.somaxconn=600
succeeds "sysctl: DEL" tuning DEL a "$(tune '')"
same "sysctl: what somebody else has set since stays" 600 "$(get net.core.somaxconn)"
succeeds "dataDir: ADD" tuning ADD a "$(tune '"mtu":1400,"dataDir":"/run/backups/deep"')"
check "dataDir: the backup is there" [ -f /run/backups/deep/a_eth0.json ]
succeeds "dataDir: DEL need not be told" tuning DEL a "$(tune '')"
same "dataDir: nothing is left" 0 "$(find /run/backups -type f | wc -l)"

# --- where values come from: keys, CNI_ARGS, runtimeConfig, args.cni
container a
ADDRESSES='"mac":"02:00:00:00:01:01"'
succeeds "mac: the key" tuning ADD a "$(tune "$ADDRESSES")"
same "mac: the key is used" 02:00:00:00:01:01 "$(now .address)"
CNI_ARGS='IgnoreUnknown=1;X=y;MAC=02:00:00:00:01:02' succeeds "mac: CNI_ARGS" tuning ADD a "$(tune "$ADDRESSES")"
same "mac: CNI_ARGS beat the key" 02:00:00:00:01:02 "$(now .address)"
CNI_ARGS='MAC=02:00:00:00:01:02' succeeds "mac: runtimeConfig" tuning ADD a "$(tune "$ADDRESSES,\"runtimeConfig\":{\"Mac\":\"02:00:00:00:01:03\"}")"
same "mac: runtimeConfig beats both" 02:00:00:00:01:03 "$(now .address)"
CNI_ARGS='MAC=02:00:00:00:01:02' succeeds "mac: args.cni" tuning ADD a "$(tune "$ADDRESSES,\"runtimeConfig\":{\"mac\":\"02:00:00:00:01:03\"},\"args\":{\"cni\":{\"mac\":\"02:00:00:00:01:04\"}}")"
same "mac: args.cni beats all" 02:00:00:00:01:04 "$(now .address)"
succeeds "ADD after ADD: DEL" tuning DEL a "$(tune '')"
same "ADD after ADD: the first value is restored" 02:00:00:00:00:aa "$(now .address)"
succeeds "args.cni: ADD" tuning ADD a "$(tune '"mtu":1400,"txQLen":5,"allmulti":true,"sysctl":{"net.core.somaxconn":"500","net.ipv4.conf.IFNAME.arp_filter":"1"},
"args":{"cni":{"mtu":1300,"txQLen":6,"promisc":true,"allmulti":false,"sysctl":{"net/core/somaxconn":"501"}}}')"
same "args.cni beats the keys" "02:00:00:00:00:aa 1300 6 true 0 501 1" "$(state) $(get net.core.somaxconn) $(get net.ipv4.conf.eth0.arp_filter)"
succeeds "args.cni: DEL" tuning DEL a "$(tune '')"
succeeds "args.cni.sysctl without sysctl" tuning ADD a "$(tune '"args":{"cni":{"sysctl":{"net.core.somaxconn":"502"}}}')"
same "args.cni.sysctl without sysctl: set" 502 "$(get net.core.somaxconn)"
succeeds "args.cni.sysctl without sysctl: DEL" tuning DEL a "$(tune '')"

# --- names of sysctls
ip -n a link add eth0.5 type veth peer name p5
CNI_IFNAME=eth0.5 succeeds "names: IFNAME with a dot" tuning ADD a "$(tune '"sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1","net.ipv6.conf.IFNAME.accept_ra":"0"}')"
same "names: IFNAME with a dot is set" "1 0" "$(inside a cat /proc/sys/net/ipv4/conf/eth0.5/arp_filter /proc/sys/net/ipv6/conf/eth0.5/accept_ra | xargs)"
CNI_IFNAME=eth0.5 succeeds "names: DEL" tuning DEL a "$(tune '')"
same "names: restored" 0 "$(inside a cat /proc/sys/net/ipv4/conf/eth0.5/arp_filter)"
for key in net/ipv4/conf/eth0.5/arp_ignore net.ipv4.conf.eth0/5.arp_ignore /net/ipv4/conf/eth0.5/arp_ignore; do
	inside a sysctl -q -w net/ipv4/conf/eth0.5/arp_ignore=0
	succeeds "names: $key" tuning ADD a "$(tune "\"sysctl\":{\"$key\":\"2\"}")"
	same "names: $key is set" 2 "$(inside a cat /proc/sys/net/ipv4/conf/eth0.5/arp_ignore)"
	succeeds "names: $key, CHECK" tuning CHECK a "$(tune "\"sysctl\":{\"$key\":\"2\"}")"
	succeeds "names: $key, DEL" tuning DEL a "$(tune '')"
done
succeeds "names: dots and slashes mixed, as the reference reads them" tuning ADD a "$(tune '"sysctl":{"net/core.somaxconn":"503"}')"
same "names: mixed is set" 503 "$(get net.core.somaxconn)"
succeeds "names: mixed, CHECK" tuning CHECK a "$(tune '"sysctl":{"net/core.somaxconn":"503"}')"
succeeds "names: mixed, DEL" tuning DEL a "$(tune '')"
succeeds "names: a switch that cannot be read" tuning ADD a "$(tune '"sysctl":{"net.ipv4.route.flush":"1"}')"
succeeds "names: it is no reason for CHECK to fail" tuning CHECK a "$(tune '"sysctl":{"net.ipv4.route.flush":"1"}')"
succeeds "names: nor for DEL" tuning DEL a "$(tune '')"

# --- the allowlist
printf '  ^net\\.core\\.somaxconn$  \n\n^net.ipv4.conf.IFNAME.[\\w]+$\n' >$allowlist
succeeds "allowlist: a name in it" tuning ADD a "$(tune '"sysctl":{"net.core.somaxconn":"504","net.ipv4.conf.IFNAME.arp_filter":"1"}')"
succeeds "allowlist: DEL" tuning DEL a "$(tune '')"
fails "allowlist: a name as it is written is compared" 7 'is not allowed' tuning ADD a "$(tune '"sysctl":{"net/core/somaxconn":"500"}')"
fails "allowlist: another name" 7 '"net.ipv4.ip_forward" is not allowed' tuning ADD a "$(tune '"sysctl":{"net.core.somaxconn":"500","net.ipv4.ip_forward":"1"}')"
fails "allowlist: args.cni is no way around it" 7 '"net.ipv4.ip_forward" is not allowed' tuning ADD a "$(tune '"args":{"cni":{"sysctl":{"net.ipv4.ip_forward":"1"}}}')"
fails "allowlist: STATUS says so, too" 7 'is not allowed' tuning STATUS a "$(tune '"sysctl":{"net.ipv4.ip_forward":"1"}')"
succeeds "allowlist: it is about sysctls only" tuning ADD a "$(tune '"mtu":1400')"
echo 'net\.(core' >$allowlist
fails "allowlist: a line that is no expression" 5 "allowlist.conf line 1" tuning ADD a "$(tune '"sysctl":{"net.core.somaxconn":"500"}')"
succeeds "allowlist: DEL needs none" tuning DEL a "$(tune '"sysctl":{"net.core.somaxconn":"500"}')"
: >$allowlist
fails "allowlist: an empty one allows nothing" 7 'is not allowed' tuning ADD a "$(tune '"sysctl":{"net.core.somaxconn":"500"}')"
rm $allowlist

# --- bad input
container a
for name in kernel.hostname net net. net/../kernel/hostname 'net.ipv4...//.kernel.hostname' /kernel/hostname somaxconn '' . / net.ipv4.conf.IFNAME.../..; do
	fails "sysctl \"$name\"" 7 sysctl tuning ADD a "$(tune "\"mtu\":1400,\"sysctl\":{\"$name\":\"1\"}")"
done
fails "a sysctl that does not exist" 7 'there is no sysctl "net.ipv4.nosuch"' tuning ADD a "$(tune '"mtu":1400,"sysctl":{"net.core.somaxconn":"500","net.ipv4.nosuch":"1"}')"
fails "a directory" 7 'there is no sysctl "net.ipv4"' tuning ADD a "$(tune '"sysctl":{"net.ipv4":"1"}')"
fails "a value that the kernel refuses" 7 'set "net.core.somaxconn" to "lots"' tuning ADD a "$(tune '"mtu":1400,"sysctl":{"net.ipv4.conf.IFNAME.arp_filter":"1","net.core.somaxconn":"lots"}')"
fails "a value that is no string" 6 'must be a string' tuning ADD a "$(tune '"sysctl":{"net.core.somaxconn":500}')"
fails "one sysctl twice" 7 'are the same sysctl' tuning ADD a "$(tune '"sysctl":{"net.core.somaxconn":"500","net/core/somaxconn":"501"}')"
fails "sysctl is no object" 6 sysctl tuning ADD a "$(tune '"sysctl":["net.core.somaxconn"]')"
fails "args.cni is no object" 6 args.cni tuning ADD a "$(tune '"args":{"cni":"x"}')"
for mac in 01:00:5e:00:00:01 00:00:00:00:00:00 02:00:00 x; do
	fails "mac $mac" 7 '"mac"' tuning ADD a "$(tune "\"mac\":\"$mac\",\"mtu\":1400")"
done
fails "mac of the wrong type" 6 '"runtimeConfig.mac"' tuning ADD a "$(tune '"runtimeConfig":{"mac":5}')"
CNI_ARGS=MAC=x fails "MAC in CNI_ARGS" 4 MAC tuning ADD a "$(tune '')"
CNI_ARGS=X=y fails "an unknown key in CNI_ARGS" 4 X tuning ADD a "$(tune '')"
fails "mtu 70000" 7 mtu tuning ADD a "$(tune '"mtu":70000')"
fails "mtu -1" 7 mtu tuning ADD a "$(tune '"mtu":-1')"
fails "mtu that the kernel refuses" 7 "tune eth0" tuning ADD a "$(tune '"mac":"02:00:00:00:00:cc","txQLen":5,"promisc":true,"mtu":20')"
fails "txQLen -1" 7 txQLen tuning ADD a "$(tune '"txQLen":-1')"
fails "promisc of the wrong type" 6 promisc tuning ADD a "$(tune '"promisc":"yes"')"
fails "dataDir that is not absolute" 7 dataDir tuning ADD a "$(tune '"dataDir":"here","mtu":1400')"
fails "dataDir that cannot be made" 5 dataDir tuning ADD a "$(tune '"dataDir":"/proc/x","mtu":1400')"
fails "no prevResult" 7 prevResult tuning ADD a "$(tune '"mtu":1400' | jq -c 'del(.prevResult)')"
fails "CHECK without prevResult" 7 prevResult tuning CHECK a "$(tune '"mtu":1400' | jq -c 'del(.prevResult)')"
CNI_IFNAME=eth9 fails "no such interface" 999 "look up eth9" tuning ADD a "$(tune '"mtu":1400')"
NETNS=/run/netns/none fails "no such namespace" 4 /run/netns/none tuning ADD a "$(tune '"mtu":1400')"
NETNS=/proc/self/ns/net fails "the host's own namespace" 8 CNI_NETNS tuning ADD a "$(tune '"mtu":1400')"
mkdir -p /run/cni/tuning
echo '{"mac":' >$backup
succeeds "a damaged backup: DEL" tuning DEL a "$(tune '')"
same "a damaged backup is removed" 0 "$(find /run/cni -type f | wc -l)"

# --- the reference's attachments, and ours in its hands
container a
mkdir -p /run/cni/tuning
ip -n a link set eth0 mtu 1400 promisc on
echo '{"mac":"02:00:00:00:00:ee","mtu":1450,"promisc":false}' >$backup
succeeds "a backup of the Go plugin: DEL" tuning DEL a "$(tune '')"
same "a backup of the Go plugin: restored" "02:00:00:00:00:ee 1450 1000 false 0" "$(state)"
same "a backup of the Go plugin: removed" 0 "$(find /run/cni -type f | wc -l)"
if [ -x "$REF/tuning" ]; then
	# Intended differences: 1.1.1 does not know IFNAME and txQLen, and changes the MAC of a host's interface in
	# the result that has the container's name.
	c=$(V=1.0.0 tune "${every//IFNAME/eth0}")
	succeeds "the Go plugin undoes ours: ADD" tuning ADD a "$c"
	cp $backup /run/kept
	CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$REF/tuning" <<<"$c" >$out 2>$err
	same "the Go plugin undoes ours" "02:00:00:00:00:ee 1450 false 0" "$(state | cut -d' ' -f1,2,4,5)"
	same "the Go plugin removes our backup" 0 "$(find /run/cni -type f | wc -l)"
	succeeds "then DEL by ours" tuning DEL a "$c"
	same "then no record" 0 "$(records)"
	ip -n a link set eth0 address 02:00:00:00:00:aa mtu 1500
	for who in "$REF" "$BIN"; do
		CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$who/tuning" <<<"$c" >$out 2>$err
		echo "$(state | cut -d' ' -f1,2,4,5) $(jq -S -c 'del(.dns) | .interfaces |= map(select(.name != "eth0" or .sandbox))' $out) $(jq -S -c 'del(.txQLen)' $backup)" >/run/as.$(basename "$(dirname "$who/x")")
		[ "$who" = "$BIN" ] || CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$who/tuning" <<<"$c" >/dev/null 2>&1
	done
	same "interface, result and backup are the Go plugin's" "$(cat /run/as."$(basename "$REF")")" "$(cat /run/as."$(basename "$BIN")")"
	succeeds "DEL" tuning DEL a "$c"
else
	skip "the Go plugin undoes ours" "no reference plugins in $REF"
fi

# --- GC
container a b
succeeds "GC: ADD of a" tuning ADD a "$(tune '"mtu":1400,"dataDir":"/run/backups"')"
succeeds "GC: ADD of b" tuning ADD b "$(tune '"mtu":1400,"sysctl":{"net.core.somaxconn":"505"}')"
succeeds "GC: an absent list" tuning GC "" "$(tune '')"
same "GC: an absent list removes nothing" 2 "$(records)"
succeeds "GC: a is valid" tuning GC "" "$(tune '"cni.dev/valid-attachments":[{"containerID":"a","ifname":"eth0"}]')"
same "GC: b is removed" "1 1 0" "$(records) $(find /run/backups -type f | wc -l) $(find /run/cni -type f | wc -l)"
succeeds "GC: of another network" tuning GC "" "$(tune '"cni.dev/valid-attachments":[]' | jq -c '.name = "other"')"
same "GC: of another network removes nothing" 1 "$(records)"
succeeds "GC: nothing is valid" tuning GC "" "$(tune '"cni.dev/valid-attachments":[]')"
same "GC: everything is removed" "0 0" "$(records) $(find /run/backups /run/cni -type f | wc -l)"
succeeds "STATUS" tuning STATUS "" "$(tune "$every")"

# --- hawser cleanup
succeeds "cleanup: ADD" tuning ADD a "$(tune '"mtu":1400')"
check "cleanup: hawser cleanup" "$BIN/hawser" cleanup a
same "cleanup: no file, no record" "0 0" "$(find /run/cni -type f | wc -l) $(records)"
done_testing
