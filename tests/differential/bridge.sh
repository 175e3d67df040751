# SPDX-License-Identifier: GPL-2.0-or-later
# The same stdin and environment to Debian's reference bridge and to ours, each in host and container namespaces
# of its own; results, links, addresses and routes are compared.
#
# Intended differences, taken out before comparing:
#   MACs and the host end's name   random there; derived from the owner here (DEL needs nothing else)
#   dns                            empty object both; key order never matters
#   IPv6 nodad flag                accept_dad=0 there, IFA_F_NODAD here: neither is ever tentative
#   DAD of the gateway address     there it is tentative when ADD returns, here it works at once; the routes of
#                                  table local that IPv6 adds when DAD is over are left out
#   arp_notify                     here only where the MAC is configured: else it follows the IPv4 address
#   accept_dad without IPv6        here it is left alone: nothing waits for it
#   link-local addresses           follow from the MACs
#   route mtu, advmss, table       1.1.1 ignores them (P#1015); tested in tests/netns/bridge.sh
#   failing ADD                    there the veth stays; here nothing does: only the failure itself is compared
#   interface mtu in results       1.1.0 only, which Debian's 1.1.1 does not know
. "$(dirname "$0")/../netns/lib.sh"
if [ ! -x "$REF/bridge" ]; then
	skip "differential tests of bridge" "no reference plugins in $REF"
	done_testing
fi

# Run one executable on a clean slate and print everything it made, normalised. usage: observe FOLDER VERBS CONF
observe() {
	local folder=$1 c=$3 verb prev=$3 input status ns family k lease
	slate a b
	eval "${prepare:-:}"
	for verb in $2; do
		input=$prev
		case $verb in ADD:*) input=$c ;; esac
		CNI_PATH=$folder CNI_COMMAND=${verb%:*} CNI_CONTAINERID=${verb#*:} CNI_NETNS=/run/netns/${verb#*:} \
			"$folder/bridge" <<<"$input" >$out 2>$err
		status=$?
		echo "${verb}: exit status $status"
		[ $status -eq 0 ] || return 0
		case $verb in
		ADD:*)
			jq -S -c 'if .interfaces then .interfaces[] |= (.mac = "MAC" | .name |= sub("^veth.*"; "VETH")) else . end' $out
			[ $verb != ADD:a ] || prev=$(with_prev "$c" "$(cat $out)")
			;;
		*) cat $out ;;
		esac
	done
	for ns in '' a b; do
		echo "links of ${ns:-host}"
		ip ${ns:+-n $ns} -j -d link | jq -c 'sort_by(.ifname)[] | [(.ifname | sub("^veth.*"; "VETH")), .mtu, .master,
			.promiscuity, .linkinfo.info_kind, (.flags | index("UP") != null),
			(.linkinfo.info_slave_data // {} | [.hairpin, .isolated, .learning, .flood])]' | sort
		ip ${ns:+-n $ns} -j addr | jq -c '.[] | .ifname as $n | .addr_info[] | select(.family == "inet" or .scope != "link") |
			[($n | sub("^veth.*"; "VETH")), .family, .local, .prefixlen, .scope, .broadcast]' | sort
		for family in -4 -6; do
			ip ${ns:+-n $ns} $family -o route show table all | grep -vE 'fe80|ff00|multicast|:.* table local' |
				sed -E 's/ (linkdown|error 4294967183|proto (boot|static))//g; s/ +/ /g; s/veth[0-9a-f]{8}/VETH/g' | sort
		done
	done
	cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
	cat /proc/sys/net/ipv6/conf/{br0,veth*}/accept_ra 2>/dev/null
	for ns in a b; do
		inside $ns sh -c 'cd /proc/sys/net; ip -4 addr show eth0 2>/dev/null | grep -q inet && cat ipv4/ip_forward
			ip -6 addr show eth0 2>/dev/null | grep -q "scope global" || exit 0
			for k in ipv6/conf/eth0/accept_dad ipv6/conf/eth0/disable_ipv6; do
			[ ! -e $k ] || echo "$k $(cat $k)"; done'
	done
	for lease in $(find /var/lib/cni/networks -type f 2>/dev/null | grep -v /lock | sort); do
		echo "$lease: $(tr '\r\n' '||' <"$lease")"
	done
}

# usage: alike NAME VERBS CONF
alike() {
	local theirs ours
	theirs=$(observe "$REF" "$2" "$3")
	ours=$(observe "$BIN" "$2" "$3")
	if [ -z "$theirs" ]; then
		not_ok "$1" "the reference did nothing"
	elif [ "$theirs" = "$ours" ]; then
		ok "$1"
	else
		not_ok "$1" "$(diff <(echo "$theirs") <(echo "$ours"))"
	fi
}

for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0; do
	export V=$v
	check=; case $v in 0.4.0 | 1.0.0) check="CHECK:a " ;; esac
	for f in 4 6 dual; do
		alike "$v $f: isDefaultGateway" "ADD:a ${check}ADD:b" "$(conf "\"isDefaultGateway\":true,$(ipam $f)")"
	done
	alike "$v: DEL" "ADD:a DEL:a" "$(conf "\"isDefaultGateway\":true,$(ipam dual)")"
done
V=1.0.0
for f in 4 6 dual; do
	alike "$f: plain" "ADD:a ADD:b" "$(conf "$(ipam $f)")"
	alike "$f: isGateway" "ADD:a ADD:b" "$(conf "\"isGateway\":true,$(ipam $f)")"
	alike "$f: mtu" "ADD:a" "$(conf "\"mtu\":1400,$(ipam $f)")"
	alike "$f: hairpinMode" "ADD:a" "$(conf "\"hairpinMode\":true,$(ipam $f)")"
	alike "$f: promiscMode" "ADD:a" "$(conf "\"promiscMode\":true,$(ipam $f)")"
done
alike "routes" "ADD:a" "$(conf "\"isGateway\":true,$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24","gw":"10.88.0.9"},{"dst":"2001:db8::/32"},{"dst":"::/0","gw":"fd00:88::9"}]')")"
alike "isDefaultGateway beside IPAM's default route" "ADD:a" "$(conf "\"isDefaultGateway\":true,$(ipam 4 '"routes":[{"dst":"0.0.0.0/0","gw":"10.88.0.9"}]')")"
alike "a gateway of one's own" "ADD:a" "$(conf '"isDefaultGateway":true,"ipam":{"type":"host-local","subnet":"10.88.0.0/24","gateway":"10.88.0.254"}')"
alike "dns" "ADD:a" "$(conf "\"dns\":{\"nameservers\":[\"10.0.0.1\"],\"search\":[\"x.example\"]},$(ipam 4)")"
alike "L2" "ADD:a" "$(conf)"
alike "L2, ipam without a type" "ADD:a" "$(conf '"ipam":{}')"
alike "static" "ADD:a" "$(conf '"isGateway":true,"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/24","gateway":"10.3.0.1"},{"address":"fd00:3::5/64"}]}')"
alike "two addresses of one family" "ADD:a" "$(conf '"isGateway":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}],[{"subnet":"10.89.0.0/24"}]]}')"
alike "forceAddress false" "ADD:a ADD:b" "$(conf "\"isGateway\":true,$(ipam 4)")"
prepare='ip link add br0 type bridge; ip link set br0 up; ip addr add 10.99.0.1/24 dev br0'
alike "forceAddress true" "ADD:a" "$(conf "\"isGateway\":true,\"forceAddress\":true,$(ipam 4)")"
prepare=
for c in '"hairpinMode":true,"promiscMode":true' '"isGateway":"yes"' '"vlan":5000' '"ipam":{"type":"nosuch"}' \
	'"ipam":{"type":"host-local","subnet":"10.88.0.0/33"}' '"ipam":{"type":"host-local","subnet":"10.88.0.0/24","rangeStart":"10.89.0.1"}' '"mtu":"big"'; do
	alike "both refuse $c" "ADD:a" "$(conf "$c")"
done
done_testing
