# SPDX-License-Identifier: GPL-2.0-or-later
# bridge: one attachment's life, keys, both families, and what DEL, CHECK, GC and STATUS do.
. tests/lib.sh

v4='"ipam":{"type":"host-local","subnet":"10.88.0.0/24"}'
v6='"ipam":{"type":"host-local","subnet":"fd00:88::/64"}'
dual='"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}],[{"subnet":"fd00:88::/64"}]],"routes":[{"dst":"0.0.0.0/0"}]}'
conf() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"bridge\",\"bridge\":\"br0\",$1}"; }

# --- dual stack, the whole life
fresh a b
C=$(conf "\"isDefaultGateway\":true,$dual")
succeeds "ADD dual stack" bridge ADD a "$C"
same "interfaces are bridge, host end, container end" "br0 veth eth0" \
	"$(result '[.interfaces[].name | sub("^veth.*"; "veth")] | join(" ")')"
same "the container end names the sandbox verbatim" /run/netns/a "$(result '.interfaces[2].sandbox')"
same "addresses belong to interface 2" "2 2" "$(result '[.ips[].interface] | join(" ")')"
same "mtu is reported in 1.1.0" 1500 "$(result '.interfaces[2].mtu')"
mac=$(result '.interfaces[2].mac')
same "the MAC is the container's" "$mac" "$(inside a cat /sys/class/net/eth0/address)"
same "the MAC follows the IPv4 address" 0a:58:0a:58:00:02 "$mac"
succeeds "ADD of a neighbour" bridge ADD b "$C"
check "ping to the neighbour, IPv4" inside a ping -c1 -W2 10.88.0.3
check "ping to the neighbour, IPv6, without a DAD wait" inside a ping -c1 -W2 fd00:88::3
check "ping from the host" ping -c1 -W2 10.88.0.2
check "ping to the gateway, IPv6" inside a ping -c1 -W2 fd00:88::1
same "default routes of both families" 2 "$({ inside a ip route; inside a ip -6 route; } | grep -c ^default)"
same "forwarding is on" "1 1" "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | xargs)"
same "accept_ra is 0 on bridge and ports" "0 0 0" "$(cat /proc/sys/net/ipv6/conf/{br0,veth*}/accept_ra | xargs)"
same "IPv6 addresses are not tentative" 0 "$(inside a ip -6 addr show tentative | grep -c fd00)"
fails "a second ADD fails" 999 "already" bridge ADD a "$C"
check "the first attachment survives it" inside a ping -c1 -W2 10.88.0.3
CNI_IFNAME=lo fails "CNI_IFNAME exists in the container" 999 '"lo" exists' bridge ADD a "$C"

# --- CHECK
fresh c
succeeds "ADD for CHECK" bridge ADD c "$C"
addr=$(result '.ips[0].address')
P=$(jq -c --argjson r "$(cat $out)" '. + {prevResult: $r}' <<<"$C")
succeeds "CHECK after ADD" bridge CHECK c "$P"
inside c ip addr del "$addr" dev eth0
fails "CHECK: address gone" 999 "$addr" bridge CHECK c "$P"
inside c ip addr add "$addr" dev eth0
fails "CHECK: route gone with it" 999 "0.0.0.0/0" bridge CHECK c "$P"
inside c ip route add default via 10.88.0.1
succeeds "CHECK: repaired" bridge CHECK c "$P"
port=$(jq -r '.prevResult.interfaces[1].name' <<<"$P")
ip link set "$port" nomaster
fails "CHECK: not a port any more" 999 "$port" bridge CHECK c "$P"
ip link set "$port" master br0
inside c ip link set eth0 address 02:00:00:00:00:99
fails "CHECK: MAC changed" 999 "02:00:00:00:00:99" bridge CHECK c "$P"
fails "CHECK without prevResult" 7 "prevResult" bridge CHECK c "$C"

# --- GC and STATUS
G=$(jq -c '. + {"cni.dev/valid-attachments": [{"containerID": "a", "ifname": "eth0"}]}' <<<"$C")
NETNS= succeeds "GC without a list" bridge GC "" "$C"
same "GC without a list removes nothing" "3 3 6" "$(veths) $(records) $(leases)"
check "GC without a list says so" grep -q "valid-attachments" $err
NETNS= succeeds "GC keeps what is listed" bridge GC "" "$G"
same "GC removed the others: link, record, leases" "1 1 2" "$(veths) $(records) $(leases)"
check "the kept one still works" inside a ping -c1 -W2 10.88.0.1
succeeds "STATUS" bridge STATUS "" "$C"

# --- DEL
NETNS= succeeds "DEL without a netns" bridge DEL a "$C"
same "DEL left nothing" "0 0 0" "$(veths) $(records) $(leases)"
same "the container's end is gone, too" 1 "$(ip -n a -o link | wc -l)"
NETNS= succeeds "DEL twice" bridge DEL a "$C"
succeeds "DEL before any ADD" bridge DEL never "$C"
NETNS=/run/netns/nosuch succeeds "DEL with a netns that is gone" bridge DEL a "$C"
succeeds "ADD again" bridge ADD a "$C"
ip netns del a
NETNS= succeeds "DEL after the netns was deleted" bridge DEL a "$C"
same "nothing left" "0 0 0" "$(veths) $(records) $(leases)"
fresh a
succeeds "ADD for a synchronous DEL" bridge ADD a "$C"
succeeds "DEL with waitForRelease" bridge DEL a "$(jq -c '. + {waitForRelease: true}' <<<"$C")"
same "nothing left after it" "0 0 0" "$(veths) $(records) $(leases)"
C10=$(V=1.0.0 conf "$v4")
fresh a
CNI_PATH=$REF CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$REF/bridge" <<<"$C10" >/run/go.json
same "the Go bridge attached" 1 "$(veths)"
succeeds "DEL of what the Go bridge attached" bridge DEL a "$C10"
same "nothing left of it" "0 0 0" "$(veths) $(records) $(leases)"
CNI_PATH=$REF CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$REF/bridge" <<<"$C10" >/run/go.json
NETNS= succeeds "the same without a netns, by prevResult" bridge DEL a \
	"$(jq -c --argjson r "$(cat /run/go.json)" '. + {prevResult: $r}' <<<"$C10")"
same "nothing left of it, either" "0 0 0" "$(veths) $(records) $(leases)"
# the descriptor of a pipe would keep this read from ending
fresh a
plugin bridge ADD a "$C"
check "the detached child holds no stdout" timeout 2 bash -c \
	"CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS= $BIN/bridge <<<'$C' | cat"

# --- keys
fresh a b
ip link del br0
succeeds "L2: no ipam" bridge ADD a "$(conf '"mtu":1400,"hairpinMode":true,"portIsolation":true,"promiscMode":false')"
same "L2: no addresses" null "$(result .ips)"
same "mtu of bridge and both ends" "1400 1400 1400" \
	"$({ ip -j link show dev br0; ip -j link show type veth; ip -n a -j link show dev eth0; } | jq -r '.[].mtu' | xargs)"
same "mtu in the result" "1400 1400" "$(result '[.interfaces[1,2].mtu] | join(" ")')"
check "hairpinMode" bash -c 'bridge -d link | grep -q "hairpin on"'
check "portIsolation" bash -c 'bridge -d link | grep -q "isolated on"'
plugin bridge DEL a "$(conf '"ipam":{}')"
succeeds "L2: ipam.type \"\"" bridge ADD a "$(conf '"ipam":{"type":""},"promiscMode":true')"
check "promiscMode" bash -c 'ip -d link show br0 | grep -q "promiscuity [1-9]"'
plugin bridge DEL a "$(conf '"ipam":{}')"
succeeds "disableContainerInterface" bridge ADD a "$(conf '"disableContainerInterface":true')"
same "the container's end is down" 0 "$(ip -n a -o link show eth0 up | wc -l)"
plugin bridge DEL a "$(conf '"ipam":{}')"
fails "disableContainerInterface with ipam" 7 disableContainerInterface bridge ADD a "$(conf "\"disableContainerInterface\":true,$v4")"
fails "hairpinMode with promiscMode" 7 promiscMode bridge ADD a "$(conf '"hairpinMode":true,"promiscMode":true')"
fails "ipMasq is refused by name" 2 ipMasq bridge ADD a "$(conf "\"ipMasq\":true,$v4")"
fails "ipMasqBackend is refused by name" 2 nftables bridge ADD a "$(conf "\"ipMasqBackend\":\"nftables\",$v4")"
fails "macspoofchk is refused by name" 2 macspoofchk bridge ADD a "$(conf "\"macspoofchk\":true,$v4")"
fails "vlan out of range" 7 5000 bridge ADD a "$(conf "\"vlan\":5000,$v4")"
fails "vlanTrunk backwards" 7 "vlanTrunk[0]" bridge ADD a "$(conf "\"vlanTrunk\":[{\"minID\":9,\"maxID\":3}],$v4")"
fails "mtu of the wrong type" 6 '"mtu"' bridge ADD a "$(conf "\"mtu\":\"big\",$v4")"
fails "bridge is not a bridge" 7 '"lo" already exists but is not a bridge' bridge ADD a "$(conf "$v4" | sed 's/br0/lo/')"
fails "bridge name too long" 7 'a23456789012345678' bridge ADD a "$(conf "$v4" | sed 's/br0/a23456789012345678/')"
ip link add probe type bridge
if ip -d link show probe | grep -q vlan_default_pvid; then
	fails "vlan on a bridge without filtering" 7 vlan_filtering bridge ADD a "$(conf "\"vlan\":5,$v4")"
	succeeds "vlan" bridge ADD a "$(conf "\"vlan\":5,\"vlanTrunk\":[{\"id\":7}],$v4" | sed 's/br0/brv/')"
	check "access and trunk VLAN of the port" bash -c 'bridge vlan show | grep -q "5 PVID Egress Untagged" && bridge vlan show | grep -qE " 7$"'
	plugin bridge DEL a "$(conf "$v4")"
else
	fails "vlan without kernel support" 2 CONFIG_BRIDGE_VLAN_FILTERING bridge ADD a "$(conf "\"vlan\":5,$v4")"
	fails "the same on a bridge still to be made" 2 CONFIG_BRIDGE_VLAN_FILTERING bridge ADD a "$(conf "\"vlan\":5,$v4" | sed 's/br0/brv/')"
	skip "vlan, vlanTrunk, preserveDefaultVlan on ports" "this kernel lacks CONFIG_BRIDGE_VLAN_FILTERING"
fi
ip link del probe

# --- MAC: three sources, the later wins
for want in 02:00:00:00:00:01 02:00:00:00:00:02 02:00:00:00:00:03; do
	case $want in
	*01) more='"dummy":0' ;;
	*02) more='"args":{"cni":{"mac":"02:00:00:00:00:02"}}' ;;
	*03) more='"args":{"cni":{"mac":"02:00:00:00:00:02"}},"runtimeConfig":{"mac":"02:00:00:00:00:03"}' ;;
	esac
	CNI_ARGS="IgnoreUnknown=1;K8S_POD_NAME=x;MAC=02:00:00:00:00:01" succeeds "ADD with MAC $want" bridge ADD a "$(conf "$more,$v4")"
	same "MAC $want in result and container" "$want $want" "$(result '.interfaces[2].mac') $(inside a cat /sys/class/net/eth0/address)"
	plugin bridge DEL a "$(conf "$v4")"
done
fails "a bad MAC" 7 '"zz"' bridge ADD a "$(conf "\"runtimeConfig\":{\"mac\":\"zz\"},$v4")"
CNI_ARGS="FOO=bar" fails "unknown CNI_ARGS" 4 "FOO=bar" bridge ADD a "$(conf "$v4")"

# --- gateway addresses
succeeds "isGateway" bridge ADD a "$(conf "\"isGateway\":true,$v4")"
other=$(conf '"isGateway":true,"ipam":{"type":"host-local","subnet":"10.99.0.0/24","dataDir":"/run/other"}')
fails "another IPv4 gateway without forceAddress" 7 "10.88.0.1/24" bridge ADD b "$other"
succeeds "with forceAddress" bridge ADD b "$(jq -c '. + {forceAddress: true}' <<<"$other")"
same "forceAddress replaced it" "10.99.0.1/24" "$(ip -o -4 addr show br0 | awk '{print $4}')"
plugin bridge DEL b "$other"
plugin bridge DEL a "$(conf "$v4")"
ip addr add fd00:88::ffff/48 dev br0 nodad
fails "an overlapping IPv6 gateway without forceAddress" 7 "fd00:88::ffff/48" bridge ADD a "$(conf "\"isGateway\":true,$v6")"
succeeds "with forceAddress, IPv6" bridge ADD a "$(conf "\"isGateway\":true,\"forceAddress\":true,$v6")"
same "IPv6 gateway replaced" "fd00:88::1/64" "$(ip -o -6 addr show br0 scope global | awk '{print $4}')"
plugin bridge DEL a "$(conf "$v6")"
succeeds "enabledad" bridge ADD a "$(conf "\"enabledad\":true,$v6")"
same "enabledad: accept_dad and enhanced_dad" "1 1" "$(inside a cat /proc/sys/net/ipv6/conf/eth0/{accept,enhanced}_dad | xargs)"
same "enabledad: the address is settled" 0 "$(inside a ip -6 addr show tentative | grep -c fd00)"
plugin bridge DEL a "$(conf "$v6")"

# --- routes
succeeds "routes with every attribute" bridge ADD a "$(conf '"isGateway":true,"forceAddress":true,"ipam":{"type":"host-local","subnet":"10.88.0.0/24","routes":[{"dst":"10.1.0.0/16","mtu":1300,"advmss":1200,"priority":50,"table":100},{"dst":"10.2.0.0/16","scope":253},{"dst":"10.3.0.0/16","gw":"10.88.0.9"}]}')"
same "mtu, advmss, priority, table" "10.1.0.0/16 via 10.88.0.1 dev eth0 proto static metric 50 mtu 1300 advmss 1200" \
	"$(inside a ip route show table 100 | xargs)"
check "scope" bash -c 'ip -n a route | grep -q "10.2.0.0/16.*scope link"'
check "gateway of its own" bash -c 'ip -n a route | grep -q "10.3.0.0/16 via 10.88.0.9"'
same "attributes are in the result" "1300 100" "$(result '.routes[0] | [.mtu, .table] | join(" ")')"
plugin bridge DEL a "$(conf "$v4")"

# --- bad input about the namespace
NETNS=/etc/passwd fails "netns is a file" 4 "/etc/passwd" bridge ADD a "$(conf "$v4")"
NETNS=/run/nosuch fails "netns is missing" 4 "/run/nosuch" bridge ADD a "$(conf "$v4")"
NETNS=/proc/self/ns/net fails "netns is the host's" 8 "own network namespace" bridge ADD a "$(conf "$v4")"
NETNS=/proc/self/ns/mnt fails "netns is another kind of namespace" 4 "/ns/mnt" bridge ADD a "$(conf "$v4")"

# --- exhausted range
S=$(conf '"ipam":{"type":"host-local","subnet":"10.77.0.0/30","dataDir":"/var/lib/cni/networks"}')
succeeds "the last address of a /30" bridge ADD a "$S"
fails "exhausted range: try again later" 11 "10.77.0." bridge ADD b "$S"
fails "exhausted range: STATUS" 50 "10.77.0." bridge STATUS "" "$S"
plugin bridge DEL a "$S"
succeeds "STATUS again" bridge STATUS "" "$S"

# --- a read-only /proc/sys
mount --bind /proc/sys /proc/sys
mount -o remount,bind,ro /proc/sys
succeeds "read-only /proc/sys: an existing bridge serves" bridge ADD a "$(conf "$v4")"
plugin bridge DEL a "$(conf "$v4")"
fails "read-only /proc/sys: a new bridge is refused" 999 accept_ra bridge ADD a "$(conf "$v4" | sed 's/br0/brnew/')"
umount /proc/sys
same "nothing left at the end" "0 0 0" "$(veths) $(records) $(leases)"
done_testing
