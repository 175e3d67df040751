# SPDX-License-Identifier: GPL-2.0-or-later
# The unit of hawser-overlayd: what it forbids does not keep the agent from its work. With nothing but the unit's
# capabilities, and then by a real systemd, which is process 1 of namespaces and of a control group of its own.
. "$(dirname "$0")/../overlay-lib.sh"
. "$here/tests/etcd-lib.sh"
unit=$here/tools/hawser-overlayd.service.in conf=/run/conf sbin=/run/sbin group=/run/cgroup/hawser-test.$$ etcd=/run/etcd
shell=$BASHPID init=''
cleanup() {
	[ $BASHPID = $shell ] || return
	etcd_stop $etcd
	[ -z "$(jobs -p)" ] || kill -KILL $(jobs -p)
	[ -z "$init" ] || end_init
} 2>/dev/null
trap cleanup EXIT
trap 'exit 1' INT TERM

# A node with one peer. Nothing of it is the machine's: /etc is read-only, /var/lib a tmpfs.
node() {
	ip link add eth0 type veth peer name far0 && ip link set far0 up && ip link set eth0 up
	ip addr add 192.0.2.1/24 dev eth0 && ip route add default via 192.0.2.254
	mount -t tmpfs tmpfs /var/lib && mkdir -p /var/lib/cni $conf $sbin
	mount --bind /etc /etc && mount -o remount,bind,ro /etc && mount -t tmpfs tmpfs /etc/default
	# PrivateTmp and ProtectHome would hide it in a checkout
	cp "$BIN/hawser-overlayd" $sbin/
	cat >$conf/blue.conflist <<-END
		{ "cniVersion": "1.1.0", "name": "blue", "plugins": [
		  { "type": "vxlan", "vni": 42, "network": "10.5.0.0/16", "node": "n1",
		    "store": { "type": "file", "path": "$conf/peers", "subnetFile": "/run/flannel/subnet.env" } } ] }
	END
}
# The records as they are at first.
peers() {
	cat >$conf/peers <<-END
		[ { "node": "n1", "vtep": "192.0.2.1", "subnet": "10.5.1.0/24" },
		  { "node": "n2", "vtep": "192.0.2.2", "subnet": "10.5.2.0/24" } ]
	END
}

# Values of a setting of the unit, those of all its lines. usage: setting NAME
setting() { sed -n "s/^$1=//p" "$unit" | xargs; }

ask() { curl -sf --max-time 5 --unix-socket /run/hawser/overlayd.sock "http://localhost$1"; }
has_route() { [ -n "$(ip route show 10.5.2.0/24 proto 72 2>/dev/null)" ]; }
# The agent has made what it is there for, and repairs it. usage: works NAME
works() {
	check "$1: the peer's route" wait_for 10 has_route
	check "$1: device, neighbour and forwarding entry" eval 'ip link show vx42 up | grep -q vx42 &&
		ip neigh show dev vx42 nud permanent | grep -q "^10.5.2.0 " && bridge fdb show dev vx42 | grep -q "dst 192.0.2.2"'
	check "$1: table" eval 'nft list table inet hawser-vx42 | grep -q "192.0.2.2"'
	check "$1: the device's sysctls" [ "$(cat /proc/sys/net/ipv6/conf/vx42/disable_ipv6)" = 0 ]
	check "$1: state and snapshot" eval 'wait_for 5 test -s /var/lib/hawser/overlay/blue.json && test -s /run/hawser/overlay/blue'
	check "$1: subnet.env" grep -q "^FLANNEL_SUBNET=10.5.1.1/24" /run/flannel/subnet.env
	ip link del vx42
	check "$1: what is deleted comes back" wait_for 10 has_route
	same "$1: no error" "" "$(ask /status | jq -r '.networks[0].lastError')"
	check "$1: peers are asked" wait_for 10 has_asked
	sed -i "s/192.0.2.2/192.0.2.3/" $conf/peers
	check "$1: a changed file" wait_for 5 eval 'bridge fdb show dev vx42 | grep -q "dst 192.0.2.3"'
}
node

# --- with its capabilities alone
# usage: start CAPABILITIES: of the bounding set, as setpriv(1) has them
start() {
	setpriv --no-new-privs --bounding-set "-all$1" $sbin/hawser-overlayd --conf-dir $conf --probe-every 1 >$out 2>$err &
	agent=$!
	wait_for 10 eval 'ask /status || ! kill -0 $agent'
}
end() {
	kill $agent
	wait $agent
} 2>/dev/null
# It has ended, or says why it cannot.
gives_up() { ! kill -0 $agent || [ -n "$(ask /status | jq -r '.networks[0].lastError')" ]; }
capabilities=$(setting CapabilityBoundingSet | tr '[:upper:]' '[:lower:]' | sed 's/cap_/,+/g; s/ //g')
peers
# n2 is not there, and the agent knows by having asked.
has_asked() { [ "$(ask /status | jq -r '.networks[] | select(.network == "blue") | .peers[0].reachable')" = false ]; }
for one in $(tr , ' ' <<<"${capabilities/,+net_raw/}"); do
	start "${capabilities/,$one/}"
	check "without $one it gives up" wait_for 10 gives_up
	refuse "and has no route" has_route
	end
done
start "${capabilities/,+net_raw/}"
check "without +net_raw it goes on" wait_for 10 has_route
check "and says what it cannot do" wait_for 10 grep -q "not probed: opening raw sockets needs CAP_NET_RAW" $err
refuse "nor does it" has_asked
end
start "$capabilities"
has=$(grep ^CapEff /proc/$agent/status)
works "with the unit's capabilities"
end
same "and it ends well" 0 $?
ip link del vx42
nft delete table inet hawser-vx42
rm -r /run/hawser /run/flannel /var/lib/hawser
peers

# --- by systemd
mkdir -p /run/cgroup
if ! [ -x /lib/systemd/systemd ] || ! mount -t cgroup2 cgroup2 /run/cgroup 2>/dev/null || ! mkdir $group 2>/dev/null; then
	skip "the unit with systemd" "no systemd, or no cgroup2 to write to"
	done_testing
fi
mkdir /run/units
sed "s,@SBINDIR@,$sbin," "$unit" >/run/units/hawser-overlayd.service
printf '%s\n' "OPTIONS=--conf-dir $conf --metrics 127.0.0.1:9476 --probe-every 1" ASAN_OPTIONS=detect_leaks=0 >/etc/default/hawser-overlayd
check "systemd-analyze finds nothing wrong" systemd-analyze verify --man=no /run/units/hawser-overlayd.service
same "and has no remark" "" "$(cat /run/test-check)"
check "little is exposed" systemd-analyze security --offline=true --threshold=25 /run/units/hawser-overlayd.service

# Replaces the shell. It shows nobody the machine's control groups: what it takes for the root of them is $group.
# shellcheck disable=SC2016
init() {
	printf '[Unit]\nDefaultDependencies=no\n' | tee /run/units/{sysinit,basic,shutdown,test}.target >/dev/null
	echo $BASHPID >$group/cgroup.procs
	exec unshare -m -p -f -C -i -u --kill-child sh -c 'mount -t proc proc /proc && umount -R /sys/fs/cgroup && mount -t cgroup2 cgroup2 /sys/fs/cgroup &&
		exec env -i container=test PATH="$PATH" SYSTEMD_UNIT_PATH=/run/units "$0" --system --unit=test.target --log-target=console --show-status=0' \
		/lib/systemd/systemd
}
end_init() {
	kill -KILL $init
	wait $init
	init=
	wait_for 10 find $group -depth -type d -exec rmdir {} +
} 2>/dev/null
# usage: in_init COMMAND...
in_init() { nsenter -t "$(pgrep -P $init)" -m -p -- "$@"; }
ctl() { in_init systemctl --no-pager "$@"; }
property() { ctl show hawser-overlayd -P "$1"; }
# As the agent sees the file system. usage: in_agent COMMAND...
in_agent() { in_init nsenter -t "$(property MainPID)" -m -- "$@"; }

init >$err 2>&1 &
init=$!
check "systemd runs" wait_for 20 ctl is-active test.target
check "the unit starts" ctl start hawser-overlayd
same "it is active when it has said so" "active running" "$(property ActiveState) $(property SubState)"
same "it has the same capabilities" "$has" "$(in_init grep ^CapEff "/proc/$(property MainPID)/status")"
works "by systemd"
same "what it says to systemctl status" "1 networks, 1 peers, 0 with errors" "$(property StatusText)"
check "metrics on a port" eval 'curl -sf http://127.0.0.1:9476/metrics | grep -q "^hawser_overlay_peers{network=\"blue\"} 1$"'
# shellcheck disable=SC2016
same "where it can write" "/run/hawser /run/flannel /var/lib/hawser /proc/sys/net/ipv4/ip_forward" \
	"$(in_agent sh -c 'for place; do [ ! -w $place ] || echo $place; done' - / /usr /etc /var/lib /root /home /sys/kernel /run \
		/run/hawser /run/flannel /var/lib/hawser /proc/sys/kernel/core_pattern /proc/sys/net/ipv4/ip_forward | xargs)"
# libcurl, its threads and its TLS live under the same restrictions
check "etcd with TLS" eval 'etcd_certs $etcd && etcd_start $etcd 2379 --client-certs'
check "a network in it" etcd_ctl $etcd put /net/config '{"Network":"10.6.0.0/16","Backend":{"Type":"vxlan","VNI":43,"Port":4790}}'
cat >$conf/green.conflist <<-END
	{ "cniVersion": "1.1.0", "name": "green", "plugins": [ { "type": "vxlan", "vni": 43, "network": "10.6.0.0/16", "node": "n1",
	    "store": { "type": "etcd", "endpoints": ["https://localhost:2379"], "prefix": "/net",
	      "caFile": "$etcd/ca.pem", "certFile": "$etcd/client.pem", "keyFile": "$etcd/client.key" } } ] }
END
check "its subnet is claimed" wait_for 20 eval 'etcd_ctl $etcd get --prefix /net/subnets/ --keys-only | grep -q "/net/subnets/10.6."'
check "and its device made" wait_for 10 ip link show vx43
same "no error of etcd" "" "$(ask /status | jq -r '.networks[] | select(.network == "green") | .store.lastError + .lastError')"

# what users may rely on is in the manual
page=$(sed 's/\\//g' "$here/docs/man/hawser-overlayd.8")
missing=
for word in $(ask /metrics | sed -n 's/^# TYPE \(hawser_overlay_\)\?\([a-z_]*\) .*/\2/p') \
	$(sed -n 's/^	{ "\([a-zA-Z]*\)", CONF_.*/""\1""/p' "$here"/tools/overlayd/store_*.c); do
	grep -qwF -- "$word" <<<"$page" || missing+=" $word"
done
same "the manual has all metrics and keys of stores" "" "$missing"

before=$(property WatchdogTimestampMonotonic)
ask /status >$out
check "the watchdog is fed" wait_for 10 eval '[ "$(property WatchdogTimestampMonotonic)" -gt "$before" ]'
sed -i 's/"vni": 42/&, "mtu": 1300/' $conf/blue.conflist
check "reload" ctl reload hawser-overlayd
check "and the change is there" wait_for 10 eval 'ip link show vx42 | grep -q "mtu 1300"'
before=$(property MainPID)
check "it is killed" ctl kill -s KILL hawser-overlayd
check "and started again" wait_for 15 eval '[ "$(property NRestarts) $(property SubState)" = "1 running" ] && [ "$(property MainPID)" != "$before" ]'
check "the networks go on" has_route
check "stop" ctl stop hawser-overlayd
same "it ended well" "success inactive" "$(property Result) $(property ActiveState)"
check "route, device and table stay" eval 'has_route && ip link show vx42 && nft list table inet hawser-vx42'
check "the plugins' files, too" test -s /run/hawser/overlay/blue
end_init
refuse "the control group is gone" test -e $group
done_testing
