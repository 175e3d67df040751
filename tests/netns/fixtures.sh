# SPDX-License-Identifier: GPL-2.0-or-later
# The fixtures that play several hosts: all come up, every host reaches every other on the underlay, commands run
# where they should, and nothing is left: no mount, file, link, process or namespace.
. "$(dirname "$0")/lib.sh"
fixtures=$here/netns-fixtures

# What a fixture could leave in sight of its caller.
traces() {
	grep -c . /proc/self/mountinfo
	find /run /var/lib/cni -xdev ! -path '/run/test-*'
	ip -o link | sed 's/ qdisc.*//'
	ip netns list
	hostname
}

# usage: reaches FIXTURE HOST ADDRESS...
reaches() {
	local to
	for to in "${@:3}"; do
		"$1" exec "$2" ping -q -c1 -W"${W:-2}" "$to" || return 1
	done
}

# A link from here into a namespace dies with that namespace, so it tells when it is really gone.
# usage: witness NAME NETNS-FILE
witness() { ip link add "$1" type veth peer name "$1x" netns "$2"; }

# usage: fixture NAME HOSTS ADDRESSES-OF-N1 ADDRESSES-OF-N2 ADDRESSES-OF-LAST [ARGUMENT...]
fixture() {
	local name=$1 program=$fixtures/${1%% *} n=$2 first=$3 second=$4 last=$5 before after
	shift 5
	before=$(traces)
	check "$name: up" "$program" up "$@"
	same "$name: hosts" "$n" "$("$program" list | wc -l)"
	# shellcheck disable=SC2086
	{
		check "$name: n1 reaches the others" reaches "$program" n1 $second $last
		check "$name: n2 reaches the others" reaches "$program" n2 $first $last
		check "$name: the last reaches the others" reaches "$program" "n$n" $first $second
	}
	same "$name: a host knows its name" n2 "$("$program" exec n2 hostname)"
	same "$name: and its own files only" "" "$("$program" exec n2 sh -c 'cat /proc/self/mountinfo; ls /run' | grep -E 'hawser-hosts|test-out')"
	same "$name: links of a host" "eth0 lo" "$("$program" exec n1 ls /sys/class/net | xargs)"
	refuse "$name: the status of a command" "$program" exec n1 false
	refuse "$name: up twice" "$program" up "$@"
	"$program" exec n1 sh -c 'ip netns add c && { ip netns exec c sleep 60 & echo $!; sleep 60 & echo $!; }' >/run/test-pids
	"$program" exec n1 sh -c 'echo x >/run/mine; mkdir /var/lib/cni/mine'
	refuse "$name: another host has its own /run" "$program" exec n2 ls /run/mine
	witness wit0 /run/hawser-hosts/n1/net
	witness wit1 "/proc/$(head -n1 /run/test-pids)/ns/net"
	witness wit2 /run/hawser-hosts/underlay/net
	check "$name: cut" "$program" cut n1
	# shellcheck disable=SC2086
	W=1 refuse "$name: n1 is cut off" reaches "$program" n1 ${second% *}
	check "$name: join" "$program" join n1
	# shellcheck disable=SC2086
	check "$name: n1 is back" wait_for 3 reaches "$program" n1 $second $last
	check "$name: down" "$program" down
	check "$name: the namespaces are gone" wait_for 5 eval '! ls /sys/class/net /proc/sys/net/ipv4/conf | grep -q wit'
	same "$name: the processes are gone" "" "$(ps -o stat= -p "$(xargs </run/test-pids | tr ' ' ,)" | grep -v '^Z')"
	after=$(traces)
	same "$name: nothing is left" "$before" "$after"
	check "$name: down again" "$program" down
}

fixture two-hosts 2 "192.0.2.1 2001:db8:1::1" "192.0.2.129 2001:db8:2::1" ""
fixture star-N 5 "192.0.2.1 2001:db8:1::1" "192.0.2.2 2001:db8:1::2" "192.0.2.5 2001:db8:1::5" 5
fixture low-mtu 3 "192.0.2.1 2001:db8:1::1" "192.0.2.2 2001:db8:1::2" "192.0.2.3 2001:db8:1::3"
fixture v6-only 3 2001:db8:1::1 2001:db8:1::2 2001:db8:1::3
NO_AGENTS=1 fixture etcd-N 3 "192.0.2.1 2001:db8:1::1" "192.0.2.2 2001:db8:1::2" "192.0.2.3 2001:db8:1::3" 3

"$fixtures/etcd-N" up 2
same "etcd-N: both nodes have a subnet" 2 "$("$fixtures/etcd-N" etcd get --prefix /coreos.com/network/subnets/ --keys-only | grep -c .)"
routed() { [ "$("$fixtures/etcd-N" exec n1 ip route show dev vx42 | grep -c via)" = 1 ]; }
check "etcd-N: and a way to the other" wait_for 5 routed
"$fixtures/etcd-N" down

star=$fixtures/star-N
"$star" up 16 6
same "star-N: an underlay of IPv6 has no IPv4" "" "$("$star" exec n16 ip -4 -o addr show dev eth0)"
check "star-N: 16 hosts" reaches "$star" n16 2001:db8:1::1 2001:db8:1::f
"$star" down
"$star" up 2 4 9000
same "star-N: an underlay of IPv4 has no IPv6" "" "$("$star" exec n1 ip -6 -o addr show dev eth0 scope global)"
check "star-N: large packets" "$star" exec n1 ping -q -c1 -W2 -M do -s 8972 192.0.2.2
"$star" down
"$fixtures/low-mtu" up
check "low-mtu: 1400 bytes" "$fixtures/low-mtu" exec n1 ping -q -c1 -W2 -M do -s 1372 192.0.2.2
refuse "low-mtu: 1401 bytes" "$fixtures/low-mtu" exec n1 ping -q -c1 -W1 -M do -s 1373 192.0.2.2
"$fixtures/low-mtu" down
for wrong in '' 1 251 two '3 5' '3 4 x'; do
	# shellcheck disable=SC2086
	refuse "star-N: up $wrong" "$star" up $wrong
	refuse "star-N: and nothing is there after up $wrong" ls /run/hawser-hosts
done
same "star-N: no host without up" "" "$("$star" list)"
refuse "star-N: a command that is none" "$star" restart
done_testing
