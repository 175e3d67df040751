# SPDX-License-Identifier: GPL-2.0-or-later
# bridge: every key in IPv4, IPv6 and dual stack; DEL, CHECK, GC and STATUS; hostile surroundings.
. "$(dirname "$0")/lib.sh"

ip_of() { result "[.ips[].address | select(contains(\"$1\")) | split(\"/\")[0]][0]"; }

# --- one attachment's whole life, for each family
life() {
	local f=$1 first second proto families c
	c=$(conf "\"isDefaultGateway\":true,$(ipam "$f")")
	case $f in
	4) families=. ;;
	6) families=: ;;
	dual) families='. :' ;;
	esac
	slate a b
	succeeds "$f: ADD" bridge ADD a "$c"
	first=$(cat $out)
	same "$f: interfaces are bridge, host end, container end" "br0 vethX eth0" \
		"$(result '[.interfaces[].name | sub("^veth[0-9a-f]{8}$"; "vethX")] | join(" ")')"
	same "$f: only the container end has a sandbox, CNI_NETNS verbatim" "null null /run/netns/a" \
		"$(result '[.interfaces[].sandbox | tostring] | join(" ")')"
	same "$f: every address belongs to interface 2" 2 "$(result '[.ips[].interface] | unique | join(" ")')"
	same "$f: MACs in the result are the links'" \
		"$(link br0 .address) $(link "$(host_end)" .address) $(link eth0 .address a)" \
		"$(result '[.interfaces[].mac] | join(" ")')"
	same "$f: the addresses of the result are in the container" \
		"$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 a)"
	same "$f: the gateways are on the bridge" "$(result '[.ips[] | .gateway + "/" + (.address | split("/")[1])] | sort | join(" ")')" \
		"$(addresses br0)"
	same "$f: one lease for each address, one record" "$(result '.ips | length') 1" "$(leases) $(records)"
	succeeds "$f: ADD of a neighbour" bridge ADD b "$c"
	second=$(cat $out)
	refuse "$f: two containers, two addresses" [ "$(jq -c .ips <<<"$first")" = "$(jq -c .ips <<<"$second")" ]
	for proto in $families; do
		check "$f: ping to the neighbour ($(ip_of $proto))" inside a ping -c1 -W2 "$(ip_of $proto)"
		check "$f: ping from the host ($(ip_of $proto))" ping -c1 -W2 "$(ip_of $proto)"
		check "$f: ping to the gateway" inside a ping -c1 -W2 "$(result "[.ips[].gateway | select(contains(\"$proto\"))][0]")"
		same "$f: default route" 1 "$(inside a ip "$([ $proto = . ] && echo -4 || echo -6)" route show default | grep -c via)"
	done
	same "$f: forwarding is on for these families only" "$([[ $families == *.* ]] && echo 1 || echo 0) $([[ $families == *:* ]] && echo 1 || echo 0)" \
		"$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | xargs)"
	same "$f: accept_ra is 0 on bridge and host ends" "0 0 0" "$(cat /proc/sys/net/ipv6/conf/{br0,veth*}/accept_ra | xargs)"
	same "$f: no address is tentative" 0 "$(inside a ip -6 addr show dev eth0 tentative | grep -c 'scope global')"
	result .ips >/run/ips
	succeeds "$f: CHECK" bridge CHECK a "$(with_prev "$c" "$first")"
	fails "$f: ADD twice for one interface" 999 "already" bridge ADD a "$c"
	check "$f: the first attachment works on" inside a ping -c1 -W2 "$(jq -r '.[0].address | split("/")[0]' /run/ips)"
	succeeds "$f: DEL" bridge DEL a "$(with_prev "$c" "$first")"
	same "$f: DEL prints nothing" "" "$(cat $out)"
	refuse "$f: the interface is gone" inside a ip link show eth0
	same "$f: the neighbour's lease and record stay" "$(jq length /run/ips) 1" "$(leases) $(records)"
	succeeds "$f: DEL again" bridge DEL a "$c"
	succeeds "$f: DEL of the neighbour" bridge DEL b "$c"
	nothing_left "$f: nothing is left"
	check "$f: the bridge stays" ip link show br0
}
for family in 4 6 dual; do
	life $family
done

# --- isGateway and forceAddress, both families, both outcomes
for f in 4 6 dual; do
	slate a
	succeeds "$f: isGateway false" bridge ADD a "$(conf "$(ipam $f)")"
	same "$f: isGateway false: bridge without addresses" "" "$(addresses br0)"
	same "$f: isGateway false: no default route" "" "$(inside a ip route show default; inside a ip -6 route show default)"
	same "$f: isGateway false: forwarding stays off" "0 0" "$(cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding | xargs)"
	slate a
	succeeds "$f: isGateway true" bridge ADD a "$(conf "\"isGateway\":true,$(ipam $f)")"
	same "$f: isGateway true: no default route" "" "$(inside a ip route show default; inside a ip -6 route show default)"
	refuse "$f: isGateway true: bridge has addresses" [ -z "$(addresses br0)" ]
	slate a
	c=$(conf "\"isGateway\":true,$(ipam $f '"routes":[{"dst":"0.0.0.0/0","gw":"10.88.0.77"}]')")
	[ $f = 6 ] || {
		succeeds "$f: isDefaultGateway with a default route of IPAM" bridge ADD a "$(jq -c '.isDefaultGateway=true' <<<"$c")"
		same "$f: IPAM's default route wins" 10.88.0.77 "$(inside a ip -4 -j route show default | jq -r '[.[].gateway] | join(" ")')"
	}
done
for f in 4 6; do
	if [ $f = 4 ]; then other=10.99.0.1/24; else other=fd00:88::99/64; fi
	slate a
	ip link add br0 type bridge
	ip link set br0 up
	ip addr add $other dev br0 2>/dev/null
	c=$(conf "\"isGateway\":true,$(ipam $f)")
	fails "$f: forceAddress false and another address" 7 "already has an IP address different from" bridge ADD a "$c"
	succeeds "$f: forceAddress true" bridge ADD a "$(jq -c '.forceAddress=true' <<<"$c")"
	same "$f: forceAddress true replaces it" "$(result '.ips[0] | .gateway + "/" + (.address | split("/")[1])')" "$(addresses br0)"
done
slate a
ip link add br0 type bridge
ip addr add fd00:99::1/64 dev br0 nodad
succeeds "6: an address of another subnet is not in the way" bridge ADD a "$(conf "\"isGateway\":true,$(ipam 6)")"
same "6: and stays" "fd00:88::1/64 fd00:99::1/64" "$(addresses br0)"

# --- keys of the port and of the bridge, for each family
port() { link "$(host_end)" ".linkinfo.info_slave_data.$1"; }
for f in 4 6 dual; do
	slate a
	succeeds "$f: mtu" bridge ADD a "$(conf "\"mtu\":1400,$(ipam $f)")"
	same "$f: mtu of bridge and both ends" "1400 1400 1400" "$(link br0 .mtu) $(link "$(host_end)" .mtu) $(link eth0 .mtu a)"
	same "$f: mtu in the result" "1400 1400 1400" "$(result '[.interfaces[].mtu | tostring] | join(" ")')"
	slate a
	V=1.0.0 succeeds "$f: mtu, 1.0.0" bridge ADD a "$(V=1.0.0 conf "\"mtu\":1400,$(ipam $f)")"
	same "$f: no mtu in a 1.0.0 result" 0 "$(result '[.interfaces[] | select(has("mtu"))] | length')"

	slate a
	succeeds "$f: hairpinMode" bridge ADD a "$(conf "\"hairpinMode\":true,$(ipam $f)")"
	same "$f: hairpin is on" true "$(port hairpin)"
	slate a
	succeeds "$f: hairpinMode false" bridge ADD a "$(conf "$(ipam $f)")"
	same "$f: hairpin, isolation and promiscuity are off" "false false 0" \
		"$(port hairpin) $(port isolated) $(link br0 .promiscuity)"
	same "$f: mtu defaults to the kernel's" "1500 1500 1500" "$(link br0 .mtu) $(link "$(host_end)" .mtu) $(link eth0 .mtu a)"
	slate a
	succeeds "$f: promiscMode" bridge ADD a "$(conf "\"promiscMode\":true,$(ipam $f)")"
	same "$f: the bridge is promiscuous" 1 "$(link br0 .promiscuity)"
	slate a b
	succeeds "$f: portIsolation" bridge ADD a "$(conf "\"portIsolation\":true,\"isGateway\":true,$(ipam $f)")"
	same "$f: the port is isolated" true "$(port isolated)"
	succeeds "$f: portIsolation, the neighbour" bridge ADD b "$(conf "\"portIsolation\":true,\"isGateway\":true,$(ipam $f)")"
	peer=$(result '.ips[0].address | split("/")[0]')
	check "$f: the host reaches an isolated port" ping -c1 -W2 "$peer"
	refuse "$f: an isolated port does not" inside a ping -c1 -W1 "$peer"

	slate a
	succeeds "$f: enabledad" bridge ADD a "$(conf "\"enabledad\":true,$(ipam $f)")"
	same "$f: accept_dad and enhanced_dad" "1 1" "$(inside a cat /proc/sys/net/ipv6/conf/eth0/{accept_dad,enhanced_dad} | xargs)"
	same "$f: accept_dad of the new bridge" 1 "$(cat /proc/sys/net/ipv6/conf/br0/accept_dad)"
	same "$f: DAD is over when ADD returns" 0 "$(inside a ip -6 addr show dev eth0 tentative | grep -c 'scope global')"
	slate a
	succeeds "$f: enabledad false" bridge ADD a "$(conf "$(ipam $f)")"
	same "$f: accept_dad of the new bridge is off" 0 "$(cat /proc/sys/net/ipv6/conf/br0/accept_dad)"
	[ "$f" = 4 ] || same "$f: accept_dad is off" 0 "$(inside a cat /proc/sys/net/ipv6/conf/eth0/accept_dad)"
	fails "$f: disableContainerInterface with ipam" 7 disableContainerInterface bridge ADD b "$(conf "\"disableContainerInterface\":true,$(ipam $f)")"
done
slate a
fails "hairpinMode and promiscMode" 7 hairpinMode bridge ADD a "$(conf "\"hairpinMode\":true,\"promiscMode\":true,$(ipam 4)")"
fails "mtu out of range" 7 mtu bridge ADD a "$(conf "\"mtu\":70000,$(ipam 4)")"
fails "wrong type of a key" 6 mtu bridge ADD a "$(conf "\"mtu\":\"big\",$(ipam 4)")"
fails "vlan out of range" 7 vlan bridge ADD a "$(conf "\"vlan\":4095,$(ipam 4)")"
for trunk in '[{"id":0}]' '[{"id":4095}]' '[{"minID":20,"maxID":10}]' '[{"minID":5}]' '[{}]'; do
	fails "vlanTrunk $trunk" 7 vlanTrunk bridge ADD a "$(conf "\"vlanTrunk\":$trunk,$(ipam 4)")"
done
for name in ../x 'a b' '' averyveryverylongname . ..; do
	[ -n "$name" ] || continue
	fails "bridge \"$name\"" 7 bridge bridge ADD a "$(jq -c --arg n "$name" '.bridge=$n' <<<"$(conf "$(ipam 4)")")"
done

# --- an IPAM plugin that is not ours and works through the link, as dhcp does
slate a b
ip link add br0 type bridge
c=$(V=1.0.0 conf '"isDefaultGateway":true,"ipam":{"type":"seeing"}')
CNI_PATH=$BIN:$(seeing_ipam) succeeds "foreign IPAM finds the link: ADD" bridge ADD a "$c"
same "foreign IPAM: address, gateway, default route" "10.88.0.7/24 10.88.0.1/24 10.88.0.1" \
	"$(addresses eth0 a) $(addresses br0) $(inside a ip -4 -j route show default | jq -r '.[0].gateway')"
same "foreign IPAM: the record knows the address" 10.88.0.7/24 "$("$BIN/hawser" list --json | jq -r '.[0].addresses[0]')"
CNI_PATH=$BIN:/run/ipam succeeds "foreign IPAM: CHECK" bridge CHECK a "$(with_prev "$c" "$(cat $out)")"
CNI_PATH=$BIN:/run/ipam succeeds "foreign IPAM: DEL" bridge DEL a "$c"
same "foreign IPAM: the link was still there with DEL" "CHECK DEL-with-link" "$(xargs </run/ipam/log)"
nothing_left "foreign IPAM: nothing is left"
slate a
ip link add br0 address 02:00:00:00:00:0b type bridge
CNI_PATH=$BIN:$(seeing_ipam fail) fails "foreign IPAM fails" 123 "told to fail" bridge ADD a "$c"
before=$(snapshot) wrong='' k=0
export CNI_PATH=$BIN:$(seeing_ipam)
while k=$((k + 1)); [ $k -lt 100 ]; do
	status=0
	HAWSER_FAULT=$k plugin bridge ADD a "$c" || status=$?
	grep -q 'HAWSER_FAULT: step' $err || break
	[ $status -ne 0 ] || { plugin bridge DEL a "$c"; slate a; ip link add br0 address 02:00:00:00:00:0b type bridge; }
	[ "$(snapshot)" = "$before" ] || { wrong+=" $k"; slate a; ip link add br0 address 02:00:00:00:00:0b type bridge; before=$(snapshot); }
done
same "foreign IPAM: after each of $((k - 1)) failures the host is as it was" "" "$wrong"
check "foreign IPAM: ADD has steps that fail" test $k -gt 10
CNI_PATH=$BIN

# --- layer 2 and a container interface that stays down
for l2 in '' '"ipam":{}' '"ipam":{"type":""}'; do
	slate a
	succeeds "L2 with ${l2:-no ipam}" bridge ADD a "$(conf "$l2")"
	same "L2: no addresses, no leases" "0 0  true" "$(result '(.ips // []) | length') $(leases) $(addresses eth0 a) $(link eth0 '.flags | index("UP") != null' a)"
	succeeds "L2: CHECK" bridge CHECK a "$(with_prev "$(conf "$l2")" "$(cat $out)")"
	succeeds "L2: DEL" bridge DEL a "$(conf "$l2")"
	nothing_left "L2: nothing is left"
done
slate a
succeeds "disableContainerInterface" bridge ADD a "$(conf '"disableContainerInterface":true')"
same "disableContainerInterface leaves it down" false "$(link eth0 '.flags | index("UP") != null' a)"

# --- MAC: runtimeConfig beats args.cni beats CNI_ARGS
c=$(conf "\"isGateway\":true,$(ipam dual)")
slate a
succeeds "MAC by default" bridge ADD a "$c"
same "MAC follows the IPv4 address" 0a:58:0a:58:00:02 "$(link eth0 .address a)"
slate a
CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:01;K8S_POD_NAME=x" succeeds "MAC in CNI_ARGS" bridge ADD a "$c"
same "MAC of CNI_ARGS" "02:00:00:00:00:01 02:00:00:00:00:01" "$(link eth0 .address a) $(result '.interfaces[2].mac')"
slate a
c2=$(jq -c '.args={cni:{mac:"02:00:00:00:00:02"}}' <<<"$c")
CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:01" succeeds "MAC in args.cni" bridge ADD a "$c2"
same "MAC of args.cni beats CNI_ARGS" 02:00:00:00:00:02 "$(link eth0 .address a)"
slate a
CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:01" succeeds "MAC in runtimeConfig" bridge ADD a "$(jq -c '.runtimeConfig={mac:"02:00:00:00:00:03"}' <<<"$c2")"
same "MAC of runtimeConfig beats both" 02:00:00:00:00:03 "$(link eth0 .address a)"
slate a
fails "a MAC that is none" 7 runtimeConfig.mac bridge ADD a "$(jq -c '.runtimeConfig={mac:"02:00:00:00:00"}' <<<"$c")"
CNI_ARGS=MAC=xyz fails "a MAC in CNI_ARGS that is none" 4 MAC bridge ADD a "$c"
CNI_ARGS=FOO=1 fails "an unknown CNI_ARGS key" 4 FOO bridge ADD a "$c"
# neighbours remember the last one who had the addresses
slate a b c
c=$(conf '"isGateway":true,"ipam":{"type":"static","addresses":[{"address":"10.88.0.9/24"},{"address":"fd00:88::9/64"}]}')
# usage: known; what container b knows of the two addresses
known() { inside b ip neigh show dev eth0 | sort | sed -n 's/^\(10.88.0.9\|fd00:88::9\) .*lladdr \([^ ]*\).*/\2/p' | xargs; }
succeeds "a neighbour" bridge ADD b "$(jq -c '.ipam.addresses=[{address:"10.88.0.8/24"},{address:"fd00:88::8/64"}]' <<<"$c")"
succeeds "addresses with a MAC" bridge ADD a "$(jq -c '.args={cni:{mac:"02:00:00:00:00:01"}}' <<<"$c")"
inside b ping -c1 -W2 10.88.0.9 >/dev/null && inside b ping -c1 -W2 fd00:88::9 >/dev/null
same "the neighbour knows it" "02:00:00:00:00:01 02:00:00:00:00:01" "$(known)"
succeeds "DEL" bridge DEL a "$c"
succeeds "the same with another MAC" bridge ADD c "$(jq -c '.args={cni:{mac:"02:00:00:00:00:02"}}' <<<"$c")"
check "the neighbour has been told" wait_for 1 eval '[ "$(known)" = "02:00:00:00:00:02 02:00:00:00:00:02" ]'

slate a
CNI_ARGS=MAC=02:00:00:00:00:01 succeeds "MAC in CNI_ARGS alone, L2" bridge ADD a "$(conf)"
same "MAC of CNI_ARGS alone" 02:00:00:00:00:01 "$(link eth0 .address a)"

# --- routes
slate a
c=$(conf "\"isGateway\":true,$(ipam dual '"routes":[
	{"dst":"192.0.2.0/24","gw":"10.88.0.1","mtu":1300,"advmss":1200,"priority":50},
	{"dst":"198.51.100.0/24","gw":"10.88.0.1","table":1000},
	{"dst":"203.0.113.0/24","scope":253},
	{"dst":"2001:db8:1::/48"},
	{"dst":"2001:db8:2::/48","gw":"fd00:88::1","mtu":1300,"priority":77}]')")
succeeds "routes" bridge ADD a "$c"
r=$(inside a ip -j -d route show 192.0.2.0/24)
same "route with mtu, advmss and priority" "10.88.0.1 1300 1200 50" "$(jq -r '.[0] | "\(.gateway) \(.metrics[0].mtu) \(.metrics[0].advmss) \(.metric)"' <<<"$r")"
same "route in a table" "198.51.100.0/24" "$(inside a ip -j route show table 1000 | jq -r '.[].dst')"
same "route with scope link has no gateway" "link null" "$(inside a ip -j -d route show 203.0.113.0/24 | jq -r '.[0] | "\(.scope) \(.gateway)"')"
same "route without gateway gets the family's" "fd00:88::1" "$(inside a ip -6 -j route show 2001:db8:1::/48 | jq -r '.[0].gateway')"
same "IPv6 route with mtu and priority" "1300 77" "$(inside a ip -6 -j -d route show 2001:db8:2::/48 | jq -r '.[0] | "\(.metrics[0].mtu) \(.metric)"')"
same "routes are in the result" 5 "$(result '.routes | length')"
succeeds "CHECK with such routes" bridge CHECK a "$(with_prev "$c" "$(cat $out)")"

# --- VLANs: what they do is in bridge-vlan.sh
slate a
if ! ip link add vtest type bridge vlan_filtering 1 2>/dev/null; then
	for keys in '"vlan":100' '"vlanTrunk":[{"id":5}]' '"vlan":100,"preserveDefaultVlan":true' "\"vlan\":100,\"isGateway\":true,$(ipam dual)"; do
		fails "kernel without VLAN filtering: $keys" 2 CONFIG_BRIDGE_VLAN_FILTERING bridge ADD a "$(conf "$keys")"
	done
	ip link add br0 type bridge
	fails "kernel without VLAN filtering, bridge exists" 2 CONFIG_BRIDGE_VLAN_FILTERING bridge ADD a "$(conf '"vlan":100')"
fi

# --- DEL in every situation
for f in 4 6 dual; do
	c=$(conf "\"isGateway\":true,$(ipam $f)")
	removals $f bridge "$c"
	slate a
	succeeds "$f: ADD, to be released at once" bridge ADD a "$(jq -c '.waitForRelease=true' <<<"$c")"
	succeeds "$f: DEL with waitForRelease" bridge DEL a "$(jq -c '.waitForRelease=true' <<<"$c")"
	nothing_left "$f: waitForRelease left nothing"
	check "$f: waitForRelease left no process" none_running bridge
done
slate a
succeeds "ADD, its DEL writes into a pipe" bridge ADD a "$c"
check "no child keeps the pipe open" timeout 5 bash -c \
	'CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$0" <<<"$1" 2>&1 | cat' "$BIN/bridge" "$c"
check "no process stays after DEL" wait_for 5 none_running bridge
same "no zombie stays after DEL" "" "$(ps -o stat=,comm= --ppid $$ | grep '^Z')"

# --- CHECK notices what changed
for f in 4 6 dual; do
	c=$(conf "\"isDefaultGateway\":true,$(ipam $f)")
	broken bridge "$c" "a lost address ($f)" inside a ip addr flush dev eth0 scope global
	broken bridge "$c" "a lost link ($f)" inside a ip link del eth0
	broken bridge "$c" "a lost route ($f)" inside a ip "$([ $f = 6 ] && echo -6 || echo -4)" route del default
	broken bridge "$c" "a port that left ($f)" eval 'ip link set $host nomaster'
	broken bridge "$c" "a lost bridge ($f)" ip link del br0
	broken bridge "$c" "a lost lease ($f)" rm -rf /var/lib/cni/networks/net
done
c=$(conf "\"promiscMode\":true,$(ipam 4)")
broken bridge "$c" "a bridge that is not promiscuous" ip link set br0 promisc off
c=$(conf "$(ipam 4)")
slate a
succeeds "ADD without prevResult for CHECK" bridge ADD a "$c"
fails "CHECK without prevResult" 7 prevResult bridge CHECK a "$c"

# --- GC and STATUS
for f in 4 6 dual; do
	c=$(conf "\"isGateway\":true,$(ipam $f)")
	collects $f bridge "$c" "$(jq '.ipam.ranges | length' <<<"$c")"
	CNI_COMMAND=STATUS check "$f: STATUS" eval '"$BIN/bridge" <<<"$c" >$out'
done
slate a b
c=$(conf '"ipam":{"type":"host-local","subnet":"10.88.0.0/30"}')
succeeds "the only address of a /30" bridge ADD a "$c"
fails "exhausted range: ADD" 11 10.88.0.2 bridge ADD b "$c"
fails "exhausted range: STATUS" 50 10.88.0.2 bridge STATUS b "$c"
succeeds "DEL gives it back" bridge DEL a "$c"
succeeds "exhausted no more: STATUS" bridge STATUS b "$c"
succeeds "exhausted no more: ADD" bridge ADD b "$c"

# --- hostile surroundings
c=$(conf "\"isDefaultGateway\":true,$(ipam dual)")
slate a
ip link add br0 type veth peer name x0
fails "the bridge's name is not a bridge's" 7 "not a bridge" bridge ADD a "$c"
slate a
NETNS=/proc/self/ns/net fails "netns is the host's own" 8 /proc/self/ns/net bridge ADD a "$c"
NETNS=/proc/self/ns/mnt fails "netns is another kind of namespace" 4 /proc/self/ns/mnt bridge ADD a "$c"
NETNS=/etc/passwd fails "netns is a file" 4 /etc/passwd bridge ADD a "$c"
NETNS=/run/netns fails "netns is a directory" 4 /run/netns bridge ADD a "$c"
NETNS=/run/netns/none fails "netns is missing" 4 /run/netns/none bridge ADD a "$c"
mkfifo /run/fifo
NETNS=/run/fifo fails "netns is a FIFO" 4 /run/fifo bridge ADD a "$c"
inside a ip link add eth0 type bridge
fails "ifname exists in the container" 999 '"eth0" exists' bridge ADD a "$c"
CNI_IFNAME=lo fails "ifname lo" 999 '"lo" exists' bridge ADD a "$c"
for name in toolongifname016 a/b 'a b' a:b . ..; do
	CNI_IFNAME=$name fails "ifname \"$name\"" 4 "interface name" bridge ADD a "$c"
done
slate a
fails "prefix that does not parse" 7 10.88.0.0/33 bridge ADD a "$(conf '"ipam":{"type":"host-local","subnet":"10.88.0.0/33"}')"
fails "range outside the subnet" 7 10.89.0.1 bridge ADD a "$(conf '"ipam":{"type":"host-local","subnet":"10.88.0.0/24","rangeStart":"10.89.0.1"}')"
fails "IPAM plugin that does not exist" 999 nosuch bridge ADD a "$(conf '"ipam":{"type":"nosuch"}')" 
fails "IPAM plugin with a slash" 7 ../x bridge ADD a "$(conf '"ipam":{"type":"../x"}')"

# read-only /proc/sys: a clear error when something must be set, success when an administrator did it
slate a
before=$(snapshot)
if read_only bridge ADD "$c"; then
	not_ok "read-only /proc/sys: a bridge that obeys router advertisements is refused"
else
	check "read-only /proc/sys: the error names the setting" grep -q 'net[./].*accept_ra.*Read-only' $out
	same "read-only /proc/sys: the host is unchanged" "$before" "$(snapshot)"
fi
slate a
c4=$(conf "\"isDefaultGateway\":true,$(ipam 4)")
ip link add br0 address 02:00:00:00:00:0b type bridge
echo 0 >/proc/sys/net/ipv6/conf/br0/accept_ra
ip link set br0 up
before=$(snapshot)
refuse "read-only /proc/sys: forwarding cannot be switched on" read_only bridge ADD "$c4"
check "read-only /proc/sys: the error names ip_forward" grep -q 'ip_forward.*Read-only' $out
same "read-only /proc/sys: the host is unchanged then, too" "$before" "$(snapshot)"
echo 1 >/proc/sys/net/ipv4/ip_forward
check "read-only /proc/sys, prepared: ADD" read_only bridge ADD "$c4"
check "read-only /proc/sys, prepared: ping" inside a ping -c1 -W2 10.88.0.1
check "read-only /proc/sys: DEL" read_only bridge DEL "$c4"
nothing_left "read-only /proc/sys: nothing is left"

# a user namespace without real root
export c BIN CNI_PATH
cat >/run/userns.sh <<'EOS'
mount -t tmpfs tmpfs /run && mkdir -p /run/netns && mount -t tmpfs tmpfs /var/lib/cni || exit 9
ip link set lo up && ip netns add a && ip netns add b || exit 9
for n in a b; do
	CNI_COMMAND=ADD CNI_CONTAINERID=$n CNI_NETNS=/run/netns/$n "$BIN/bridge" <<<"$c" || exit 1
done
ip netns exec a ping -c1 -W2 10.88.0.3 || exit 2
ip netns exec a ping -c1 -W2 fd00:88::3 || exit 3
for n in a b; do
	CNI_COMMAND=DEL CNI_CONTAINERID=$n CNI_NETNS=/run/netns/$n "$BIN/bridge" <<<"$c" || exit 4
done
! ip -o link | grep veth || exit 5
EOS
cp /run/userns.sh /tmp/hawser-userns.$$
if unshare -Urnm true 2>/dev/null; then
	check "user namespace: ADD, ping, DEL" unshare -Urnm --propagation private bash /tmp/hawser-userns.$$
else
	skip "user namespace" "unshare -Urnm is not allowed here"
fi
rm -f /tmp/hawser-userns.$$
# no CAP_NET_ADMIN over the namespace: a clear error
slate a
if setpriv --bounding-set -all --inh-caps -all --help >/dev/null 2>&1; then
	CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a setpriv --reuid 65534 --clear-groups --bounding-set=-all \
		"$BIN/bridge" <<<"$(conf '"ipam":{"type":"static","addresses":[{"address":"10.1.1.2/24"}]}')" >$out 2>$err
	same "without capabilities: exit status 1" 1 $?
	check "without capabilities: the error is JSON with a text" jq -e '.code > 0 and (.msg | length > 10)' $out
	nothing_left "without capabilities: nothing is left"
fi
done_testing
