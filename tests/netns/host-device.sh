# SPDX-License-Identifier: GPL-2.0-or-later
# host-device: every selector, the device's life in IPv4, IPv6 and dual stack, giving it back in every
# situation, devices in use. Hardware is played by ends of veth pairs, macvlans and taps; sysfs by a tmpfs.
. "$(dirname "$0")/lib.sh"

MAC=02:00:00:00:00:71
conf() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"host-device\"${1:+,$1}}"; }
# What is to be on the host and what is to be known of a device. usage: state DEVICE [NAMESPACE]
state() {
	ip ${2:+-n "$2"} -j -d link show "$1" 2>/dev/null | jq -r '.[0] |
		"\(.ifname) \(.address) \(if .flags | index("UP") then "up" else "down" end) \(.ifalias // "-") \(.master // "-")"'
}
# A clean host with the device hw0, whose other end has addresses in the namespace far. usage: hardware [NAME...]
# (The namespace far stays, and so does hw0 if it is where it should be: making them takes a while.)
hardware() {
	local name
	for name in $(ip netns list | cut -d' ' -f1); do
		[ "$name" = far ] || ip netns del "$name"
	done
	for name in br0 eth0 dev7 hw1; do
		ip link del $name 2>/dev/null
	done
	rm -rf /var/lib/cni/* /run/hawser
	for name in "$@"; do
		ip netns add "$name"
	done
	ip link set hw0 down nomaster alias '' type veth 2>/dev/null && return
	ip link del hw0 2>/dev/null
	ip netns add far 2>/dev/null
	wires=$((wires + 1))
	ip link add hw0 address $MAC type veth peer name wire$wires netns far
	ip -n far link set wire$wires up
	ip -n far addr add 10.88.0.1/24 dev wire$wires
	ip -n far addr add fd00:88::1/64 dev wire$wires nodad
}
wires=0
slate far
gone() { ! ip link show "$1" >/dev/null 2>&1; }
free() { same "$1" "0 leases, 0 records" "$(leases) leases, $(records) records"; }

# --- one attachment's whole life, for each family
life() {
	local f=$1 c prev before
	c=$(conf "\"device\":\"hw0\",$(ipam "$f" '"routes":[{"dst":"192.0.2.0/24","gw":"10.88.0.1"}]')")
	[ "$f" != 6 ] || c=$(conf "\"device\":\"hw0\",$(ipam 6 '"routes":[{"dst":"2001:db8::/32"}]')")
	hardware a b
	before=$(state hw0)
	succeeds "$f: ADD" host-device ADD a "$c"
	prev=$(cat $out)
	same "$f: one interface" "eth0 $MAC /run/netns/a 1" \
		"$(result '.interfaces[0] | "\(.name) \(.mac) \(.sandbox)"') $(result '.interfaces | length')"
	same "$f: every address belongs to it" 0 "$(result '[.ips[].interface] | unique | join(" ")')"
	same "$f: the addresses of the result are in the container" \
		"$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 a)"
	same "$f: the device is in the container, up, its name in its alias" "eth0 $MAC up hw0 -" "$(state eth0 a)"
	check "$f: the host has it no more" gone hw0
	case $f in
	4 | dual) check "$f: IPv4 gets through" inside a ping -c1 -W2 10.88.0.1 ;;&
	6 | dual) check "$f: IPv6 gets through" inside a ping -c1 -W2 fd00:88::1 ;;
	esac
	same "$f: one lease for each address, one record" "$(result '.ips | length') 1" "$(leases) $(records)"
	succeeds "$f: CHECK" host-device CHECK a "$(with_prev "$c" "$prev")"
	fails "$f: ADD twice" 999 "already" host-device ADD a "$c"
	fails "$f: the device is in use" 11 "\"device\": \"hw0\" is in use by container a (network \"net\", interface eth0)" \
		host-device ADD b "$c"
	succeeds "$f: DEL" host-device DEL a "$(with_prev "$c" "$prev")"
	same "$f: DEL prints nothing" "" "$(cat $out)"
	same "$f: the host has the device again, as it was" "$before" "$(state hw0)"
	free "$f: nothing is left"
	succeeds "$f: DEL again" host-device DEL a "$c"
	same "$f: the device stays" "$before" "$(state hw0)"
	succeeds "$f: the neighbour may have it now" host-device ADD b "$c"
	succeeds "$f: DEL of the neighbour" host-device DEL b "$c"
	free "$f: nothing is left of it"
}
for family in 4 6 dual; do
	life $family
done

# --- what the device was: up, with an alias, a port
C=$(conf '"device":"hw0"')
hardware a
ip link add br0 type bridge
ip link set hw0 up alias "uplink of rack 7" master br0
before=$(state hw0)
succeeds "a port that is up, layer 2: ADD" host-device ADD a "$C"
same "layer 2: no addresses, no leases" "0 0 eth0 $MAC up hw0 -" "$(result '(.ips // []) | length') $(leases) $(state eth0 a)"
succeeds "layer 2: CHECK" host-device CHECK a "$(with_prev "$C" "$(cat $out)")"
succeeds "a port that is up: DEL" host-device DEL a "$C"
same "up, alias and port are as before" "$before" "$(state hw0)"
for l2 in '"ipam":{}' '"ipam":{"type":""}'; do
	hardware a
	succeeds "layer 2 with $l2" host-device ADD a "$(conf "\"device\":\"hw0\",$l2")"
done
hardware a
CNI_IFNAME=hw0 succeeds "CNI_IFNAME is the device's own name: ADD" host-device ADD a "$C"
CNI_IFNAME=hw0 succeeds "CNI_IFNAME is the device's own name: DEL" host-device DEL a "$C"
same "and it is back" "hw0 $MAC down - -" "$(state hw0)"
ip link add eth0 type bridge
inside a ip link add hw0 type bridge
succeeds "the name is taken inside, CNI_IFNAME on the host: ADD" host-device ADD a "$C"
same "it has its new name" "eth0 $MAC up hw0 -" "$(state eth0 a)"
succeeds "the name is taken inside, CNI_IFNAME on the host: DEL" host-device DEL a "$C"
same "and its old one again" "hw0 $MAC down - -" "$(state hw0)"
ip link del eth0
succeeds "ADD in 0.2.0" host-device ADD a "$(V=0.2.0 conf "\"device\":\"hw0\",$(ipam 4)")"
same "result in 0.2.0" "10.88.0.2/24" "$(result .ip4.ip)"
succeeds "DEL in 0.2.0" host-device DEL a "$(V=0.2.0 conf "\"device\":\"hw0\",$(ipam 4)")"
succeeds "dns: ADD" host-device ADD a "$(conf "\"device\":\"hw0\",\"dns\":{\"nameservers\":[\"10.88.0.1\"]},$(ipam 4)")"
same "dns is in the result" 10.88.0.1 "$(result '.dns.nameservers[0]')"
plugin host-device DEL a "$(conf "\"device\":\"hw0\",$(ipam 4)")" || not_ok "dns: DEL"

# --- other kinds of devices
hardware a
ip link add link hw0 name mv0 address 02:00:00:00:00:72 type macvlan
ip tuntap add tap9 mode tap
for dev in mv0 tap9; do
	was=$(state $dev)
	succeeds "$dev: ADD" host-device ADD a "$(conf "\"device\":\"$dev\",$(ipam 4)")"
	same "$dev: its MAC is in the result" "$(cut -d' ' -f2 <<<"$was")" "$(result '.interfaces[0].mac')"
	succeeds "$dev: DEL" host-device DEL a "$(conf "\"device\":\"$dev\",$(ipam 4)")"
	same "$dev: is back" "$was" "$(state $dev)"
done
ip tuntap add tun9 mode tun
succeeds "a device without a MAC: ADD" host-device ADD a "$(conf "\"device\":\"tun9\",$(ipam 4)")"
same "a device without a MAC: no MAC in the result" null "$(result '.interfaces[0].mac')"
succeeds "a device without a MAC: CHECK" host-device CHECK a "$(with_prev "$(conf "\"device\":\"tun9\",$(ipam 4)")" "$(cat $out)")"
ip netns del a
succeeds "a tun that died with its namespace: DEL" host-device DEL a "$(conf "\"device\":\"tun9\",$(ipam 4)")"
free "a tun that died with its namespace: nothing is left"
ip link del tap9 2>/dev/null
ip link del mv0 2>/dev/null

# --- selectors
hardware a
for hw in $MAC 02-00-00-00-00-71 0200.0000.0071 02:00:00:00:00:71; do
	succeeds "hwaddr $hw: ADD" host-device ADD a "$(conf "\"hwaddr\":\"$hw\"")"
	same "hwaddr $hw: the device is inside" "eth0 $MAC up hw0 -" "$(state eth0 a)"
	succeeds "hwaddr $hw: DEL" host-device DEL a "$(conf "\"hwaddr\":\"$hw\"")"
done
plugin host-device ADD a "$C" || not_ok "ADD"
ip netns add b
fails "hwaddr: in use" 11 "in use by container a" host-device ADD b "$(conf "\"hwaddr\":\"$MAC\"")"
plugin host-device DEL a "$C" || not_ok "DEL"

# usage: pci ADDRESS DRIVER [NET-DIRECTORY...]
pci() {
	local dir=/sys/devices/pci0000:00/$1
	mkdir -p /sys/bus/pci/devices /sys/bus/pci/drivers/"$2" "$dir"
	ln -sfn "$dir" /sys/bus/pci/devices/"$1"
	ln -sfn /sys/bus/pci/drivers/"$2" "$dir/driver"
	shift 2
	local net
	for net in "$@"; do mkdir -p "$dir/$net"; done
}
mount -t tmpfs tmpfs /sys
pci 0000:00:19.0 e1000 net/hw0
pci 0000:00:1a.0 virtio-pci virtio2/net/hw0
pci 0000:00:1b.0 vfio-pci
pci 0000:00:1c.0 e1000
mkdir -p /sys/devices/pci0000:00/mlx5_core.sf.4/net/hw0 /sys/bus/auxiliary/devices /sys/class/net/hw0 /sys/devices/pci0000:00/0000:00:1d.0
ln -s /sys/devices/pci0000:00/mlx5_core.sf.4 /sys/bus/auxiliary/devices/mlx5_core.sf.4
ln -s /sys/devices/pci0000:00/0000:00:19.0 /sys/class/net/hw0/device
ln -s /sys/devices/pci0000:00/0000:00:1d.0 /sys/bus/pci/devices/0000:00:1d.0
hardware a b
# usage: selects NAME MEMBERS
selects() {
	succeeds "$1: ADD" host-device ADD a "$(conf "$2")"
	same "$1: the device is inside" "eth0 $MAC up hw0 -" "$(state eth0 a)"
	cp $out /run/selected
	succeeds "$1: CHECK" host-device CHECK a "$(with_prev "$(conf "$2")" "$(cat $out)")"
	# what the kernel does to the directory of a device in another namespace
	mv /sys/devices/pci0000:00/0000:00:19.0/net /sys/away
	fails "$1: in use" 11 "in use by container a" host-device ADD b "$(conf "${3:-$2}")"
	mv /sys/away /sys/devices/pci0000:00/0000:00:19.0/net
	succeeds "$1: DEL" host-device DEL a "$(conf "$2")"
	same "$1: the device is back" "hw0 $MAC down - -" "$(state hw0)"
}
selects kernelpath '"kernelpath":"/sys/devices/pci0000:00/0000:00:19.0"'
selects pciBusID '"pciBusID":"0000:00:19.0"'
same "pciBusID: the result names it" 0000:00:19.0 "$(jq -r '.interfaces[0].pciID' /run/selected)"
selects deviceID '"runtimeConfig":{"deviceID":"0000:00:19.0"}'
selects "deviceID beside pciBusID" '"pciBusID":"0000:00:77.0","runtimeConfig":{"deviceID":"0000:00:19.0"}'
selects "device, then asked for by its PCI address" '"device":"hw0"' '"pciBusID":"0000:00:19.0"'
selects "PCI address, then asked for by name" '"pciBusID":"0000:00:19.0"' '"device":"hw0"'
for c in '"pciBusID":"0000:00:1a.0"' '"runtimeConfig":{"deviceID":"mlx5_core.sf.4"}' '"pciBusID":"0000:00:77.0","runtimeConfig":{"deviceID":"mlx5_core.sf.4"}'; do
	succeeds "$c: ADD" host-device ADD a "$(conf "$c")"
	same "$c: the device is inside" "eth0 $MAC up hw0 -" "$(state eth0 a)"
	succeeds "$c: DEL" host-device DEL a "$(conf "$c")"
done

# --- devices driven from user space: no link, but IPAM, a record and protection
D=$(conf "\"pciBusID\":\"0000:00:1b.0\",$(ipam dual)")
succeeds "DPDK: ADD" host-device ADD a "$D"
prev=$(cat $out)
same "DPDK: addresses, but no interface" "0 2 [null]" "$(result '"\((.interfaces // []) | length) \(.ips | length) \([.ips[].interface] | unique | tojson)"')"
check "DPDK: hw0 stays" ip link show hw0
succeeds "DPDK: CHECK" host-device CHECK a "$(with_prev "$D" "$prev")"
fails "DPDK: CHECK without prevResult" 7 prevResult host-device CHECK a "$D"
fails "DPDK: in use" 11 "in use by container a" host-device ADD b "$D"
ip netns del a
succeeds "DPDK: a container that is gone is not in the way" host-device ADD b "$D"
succeeds "DPDK: DEL" host-device DEL a "$D"
succeeds "DPDK: DEL of the other" host-device DEL b "$D"
free "DPDK: nothing is left"
ip netns add a
succeeds "dpdkMode by hand: ADD" host-device ADD a "$(conf '"device":"hw0","dpdkMode":true')"
check "dpdkMode by hand: hw0 stays" ip link show hw0
succeeds "dpdkMode by hand: DEL" host-device DEL a "$(conf '"device":"hw0","dpdkMode":true')"
succeeds "dpdkMode true, but the driver makes a link: ADD" host-device ADD a "$(conf '"pciBusID":"0000:00:19.0","dpdkMode":true')"
check "dpdkMode true, but the driver makes a link: it is moved" gone hw0
succeeds "dpdkMode true, but the driver makes a link: DEL" host-device DEL a "$(conf '"pciBusID":"0000:00:19.0"')"

# --- bad input
many='"device":"hw0","hwaddr":"02:00:00:00:00:71"'
fails "no selector" 7 '"pciBusID"' host-device ADD a "$(conf)"
fails "empty selectors" 7 '"pciBusID"' host-device ADD a "$(conf '"device":"","hwaddr":""')"
fails "two selectors" 7 'not 2' host-device ADD a "$(conf "$many")"
fails "device and deviceID" 7 'not 2' host-device ADD a "$(conf '"device":"hw0","runtimeConfig":{"deviceID":"0000:00:19.0"}')"
fails "device that is not there" 7 '"device": "none"' host-device ADD a "$(conf '"device":"none"')"
fails "device with a slash" 7 device host-device ADD a "$(conf '"device":"../hw0"')"
fails "device too long" 7 device host-device ADD a "$(conf '"device":"averyveryverylongname"')"
fails "device of the wrong type" 6 device host-device ADD a "$(conf '"device":7')"
fails "loopback" 7 loopback host-device ADD a "$(conf '"device":"lo"')"
fails "loopback by its address" 7 loopback host-device ADD a "$(conf '"hwaddr":"00:00:00:00:00:00"')"
fails "hwaddr that is not there" 7 02:00:00:00:99:99 host-device ADD a "$(conf '"hwaddr":"02:00:00:00:99:99"')"
for hw in 02:00:00:00:00 02:00:00:00:00:71: 02:00:00:00:00:7g 02:00:00:00:00:71:00 02:00-00:00:00:71 020000000071 0200.0000.007 xyz; do
	fails "hwaddr $hw" 7 "\"$hw\" is not a hardware address" host-device ADD a "$(conf "\"hwaddr\":\"$hw\"")"
done
for path in /sys/class/net/hw0 relative /sys/devices/../class/net/hw0 /sys/devices/pci0000:00/..; do
	fails "kernelpath $path" 7 kernelpath host-device ADD a "$(conf "\"kernelpath\":\"$path\"")"
done
fails "kernelpath that is not there" 7 /sys/devices/none host-device ADD a "$(conf '"kernelpath":"/sys/devices/none"')"
fails "kernelpath without a network device" 7 kernelpath host-device ADD a "$(conf '"kernelpath":"/sys/devices/pci0000:00/0000:00:1c.0"')"
fails "PCI device that is not there" 7 0000:00:77.0 host-device ADD a "$(conf '"pciBusID":"0000:00:77.0"')"
fails "PCI device without a network device" 7 0000:00:1c.0 host-device ADD a "$(conf '"pciBusID":"0000:00:1c.0"')"
fails "PCI device without a driver" 999 "has no driver" host-device ADD a "$(conf '"pciBusID":"0000:00:1d.0"')"
fails "pciBusID that leaves its directory" 7 '../../x' host-device ADD a "$(conf '"pciBusID":"../../x"')"
fails "deviceID on no bus" 7 'mlx5_core.sf.9' host-device ADD a "$(conf '"runtimeConfig":{"deviceID":"mlx5_core.sf.9"}')"
fails "deviceID that leaves its directory" 7 deviceID host-device ADD a "$(conf '"runtimeConfig":{"deviceID":"../x"}')"
fails "deviceID of the wrong type" 6 deviceID host-device ADD a "$(conf '"runtimeConfig":{"deviceID":7}')"
umount /sys
inside a ip link add eth0 type bridge
fails "CNI_IFNAME exists in the container" 999 '"eth0" exists' host-device ADD a "$C"
inside a ip link del eth0
NETNS=/proc/self/ns/net fails "netns is the host's own" 8 /proc/self/ns/net host-device ADD a "$C"
NETNS=/run/netns/none fails "netns is missing" 4 /run/netns/none host-device ADD a "$C"
fails "IPAM plugin that does not exist" 999 nosuch host-device ADD a "$(conf '"device":"hw0","ipam":{"type":"nosuch"}')"
ip link add br0 type bridge
fails "a device that cannot be moved" 999 "move the device br0" host-device ADD a "$(conf "\"device\":\"br0\",$(ipam 4)")"

# --- DEL in every situation
c=$(conf "\"device\":\"hw0\",$(ipam dual)")
hardware a
ip link set hw0 up
before=$(state hw0)
succeeds "DEL before any ADD" host-device DEL a "$c"
same "DEL before any ADD changes nothing" "$before" "$(state hw0)"
succeeds "ADD" host-device ADD a "$c"
NETNS='' succeeds "DEL with an empty CNI_NETNS" host-device DEL a "$c"
same "the device is back" "$before" "$(state hw0)"
free "nothing is left"
succeeds "ADD" host-device ADD a "$c"
succeeds "DEL with another configuration" host-device DEL a "$(conf "$(ipam dual)")"
same "the device is back all the same" "$before" "$(state hw0)"

plugin host-device ADD a "$c" || not_ok "ADD before the namespace dies"
ip netns del a
wait_for 5 test -z "$(ip netns list | grep -w a)"
succeeds "virtual device, namespace gone: DEL" host-device DEL a "$c"
free "virtual device, namespace gone: the lease is released (P#1196)"
check "virtual device: DEL says that it has died" grep -q "hw0 is neither in the container nor on the host" $err

# what the kernel does with hardware when a namespace dies: the device comes to the host under the name
# it had inside, or as dev<number>; down, with its alias
for back in eth0 dev7; do
	hardware a
	ip link set hw0 up
	before=$(state hw0)
	plugin host-device ADD a "$c" || not_ok "ADD before the namespace dies"
	ip -n a link set eth0 down
	ip -n a link set eth0 name $back netns $$
	ip netns del a
	NETNS='' succeeds "hardware that came back as $back: DEL" host-device DEL a "$c"
	same "hardware that came back as $back has its name, its alias is gone" "$before" "$(state hw0)"
	free "hardware that came back as $back: nothing is left"
done
hardware a b
plugin host-device ADD a "$c" || not_ok "ADD before the namespace dies"
ip -n a link set eth0 netns $$
ip netns del a
succeeds "hardware that came back, no DEL: ADD finds it by its alias" host-device ADD b "$c"
same "it has the right alias" "eth0 $MAC up hw0 -" "$(state eth0 b)"
succeeds "the DEL that came late leaves it there" host-device DEL a "$c"
same "it is there" "eth0 $MAC up hw0 -" "$(state eth0 b)"
succeeds "DEL of its new owner" host-device DEL b "$c"
same "it has its name again" "hw0 $MAC down - -" "$(state hw0)"
free "nothing is left"

# the path of a namespace that died leads to another container's
hardware a
plugin host-device ADD a "$c" || not_ok "ADD"
ip -n a link set eth0 netns $$
ip link set eth0 name hw0 alias ''
ip netns del a
ip netns add a
ip -n a link add eth0 type bridge
ip -n a link set eth0 alias hw0
NETNS='' succeeds "another namespace at the path: DEL" host-device DEL a "$c"
same "another namespace at the path: its interface is left alone" 1 "$(ip -n a -o link show eth0 | wc -l)"

hardware a
plugin host-device ADD a "$c" || not_ok "ADD"
ip link add hw0 type bridge
plugin host-device DEL a "$c"
same "the name is taken on the host: DEL fails" "1 999" "$? $(result .code)"
check "the name is taken on the host: the error says so" grep -q 'back its name hw0: another interface' $out
same "the name is taken on the host: the lease is released, the record stays" "0 1" "$(leases) $(records)"
ip link del hw0
succeeds "the name is free: DEL" host-device DEL a "$c"
same "the name is free: the device is back" "hw0 $MAC down - -" "$(state hw0)"
free "the name is free: nothing is left"

# an IPAM plugin that wants to find the link
hardware a
ip link set hw0 up
ip addr add 192.0.2.7/24 dev hw0
before=$(snapshot)
c=$(jq -c '.cniVersion="1.0.0" | .ipam={type:"seeing"}' <<<"$c")
CNI_PATH=$BIN:$(seeing_ipam) succeeds "foreign IPAM finds the device: ADD" host-device ADD a "$c"
same "its address is there" 10.88.0.7/24 "$(addresses eth0 a)"
same "the record knows its address" 10.88.0.7/24 "$("$BIN/hawser" list --json | jq -r '.[0].addresses[0]')"
CNI_PATH=$BIN:/run/ipam succeeds "foreign IPAM: DEL" host-device DEL a "$c"
ip addr add 192.0.2.7/24 dev hw0
CNI_PATH=$BIN:$(seeing_ipam fail) fails "foreign IPAM fails: the host is unchanged, with the device's addresses" 123 "told to fail" host-device ADD a "$c"
same "the host is as it was at first" "$before" "$(snapshot)"
same "DEL reached the foreign IPAM while the link was there" "DEL-with-link DEL-with-link" "$(xargs </run/ipam/log)"
ip addr flush dev hw0
c=$(conf "\"device\":\"hw0\",$(ipam dual)")

# a failed second network must not take the first one's device
hardware a
plugin host-device ADD a "$c" || not_ok "ADD"
other=$(jq -c '.name="other" | .device="hw1"' <<<"$c")
fails "another network wants the same interface" 7 hw1 host-device ADD a "$other"
succeeds "DEL of the other network" host-device DEL a "$other"
same "the first one's device stays" "eth0 $MAC up hw0 -" "$(state eth0 a)"
check "hawser cleanup" "$BIN/hawser" cleanup net
same "hawser cleanup: the device is back" "hw0 $MAC down - -" "$(state hw0)"
free "hawser cleanup: nothing is left"

# --- CHECK notices what changed
prepare='hardware a'
broken host-device "$c" "a lost address" inside a ip addr flush dev eth0 scope global
broken host-device "$c" "a device that was taken out" ip -n a link set eth0 netns $$
broken host-device "$c" "another MAC" ip -n a link set eth0 address 02:00:00:00:00:99
broken host-device "$c" "a lost lease" rm -rf /var/lib/cni/networks/net
prepare=

# --- GC and STATUS
hardware a b
ip link add hw1 type veth peer name wire1
c1=$(jq -c '.device="hw1"' <<<"$c")
plugin host-device ADD a "$c" && plugin host-device ADD b "$c1" || not_ok "GC: ADD"
check "GC without a list" gc host-device "$c"
same "GC without a list does nothing" "4 2" "$(leases) $(records)"
check "GC" gc host-device "$(jq -c '.["cni.dev/valid-attachments"]=[{containerID:"b",ifname:"eth0"}]' <<<"$c")"
same "GC keeps one and gives one back" "2 1 hw0 $MAC down - -" "$(leases) $(records) $(state hw0)"
check "the one kept is b's" inside b ip link show eth0
check "GC with an empty list" gc host-device "$(jq -c '.["cni.dev/valid-attachments"]=[]' <<<"$c")"
free "GC with an empty list: nothing is left"
check "GC gave both back" ip link show hw1
succeeds "STATUS" host-device STATUS a "$c"
succeeds "STATUS without runtimeConfig, which only ADD gets" host-device STATUS a "$(conf "\"capabilities\":{\"deviceID\":true},$(ipam 4)")"
fails "STATUS without a selector" 7 device host-device STATUS a "$(conf)"
fails "STATUS with two" 7 "not 2" host-device STATUS a "$(conf "$many")"
small='"ipam":{"type":"host-local","subnet":"10.88.0.0/30"}'
succeeds "the only address of a /30" host-device ADD a "$(conf "\"device\":\"hw0\",$small")"
fails "exhausted range: STATUS" 50 10.88.0.2 host-device STATUS b "$(conf "\"device\":\"hw1\",$small")"
fails "exhausted range: ADD" 11 10.88.0.2 host-device ADD b "$(conf "\"device\":\"hw1\",$small")"
done_testing
