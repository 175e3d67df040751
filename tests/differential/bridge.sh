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
. "$(dirname "$0")/lib.sh"
if [ ! -x "$REF/bridge" ]; then
	skip "differential tests of bridge" "no reference plugins in $REF"
	done_testing
fi

for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0; do
	export V=$v
	check=; case $v in 0.4.0 | 1.0.0) check="CHECK:a " ;; esac
	for f in 4 6 dual; do
		alike "$v $f: isDefaultGateway" bridge "ADD:a ${check}ADD:b" "$(conf "\"isDefaultGateway\":true,$(ipam $f)")"
	done
	alike "$v: DEL" bridge "ADD:a DEL:a" "$(conf "\"isDefaultGateway\":true,$(ipam dual)")"
done
V=1.0.0
for f in 4 6 dual; do
	alike "$f: plain" bridge "ADD:a ADD:b" "$(conf "$(ipam $f)")"
	alike "$f: isGateway" bridge "ADD:a ADD:b" "$(conf "\"isGateway\":true,$(ipam $f)")"
	alike "$f: mtu" bridge "ADD:a" "$(conf "\"mtu\":1400,$(ipam $f)")"
	alike "$f: hairpinMode" bridge "ADD:a" "$(conf "\"hairpinMode\":true,$(ipam $f)")"
	alike "$f: promiscMode" bridge "ADD:a" "$(conf "\"promiscMode\":true,$(ipam $f)")"
done
alike "routes" bridge "ADD:a" "$(conf "\"isGateway\":true,$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"192.0.2.0/24","gw":"10.88.0.9"},{"dst":"2001:db8::/32"},{"dst":"::/0","gw":"fd00:88::9"}]')")"
alike "isDefaultGateway beside IPAM's default route" bridge "ADD:a" "$(conf "\"isDefaultGateway\":true,$(ipam 4 '"routes":[{"dst":"0.0.0.0/0","gw":"10.88.0.9"}]')")"
alike "a gateway of one's own" bridge "ADD:a" "$(conf '"isDefaultGateway":true,"ipam":{"type":"host-local","subnet":"10.88.0.0/24","gateway":"10.88.0.254"}')"
alike "dns" bridge "ADD:a" "$(conf "\"dns\":{\"nameservers\":[\"10.0.0.1\"],\"search\":[\"x.example\"]},$(ipam 4)")"
alike "L2" bridge "ADD:a" "$(conf)"
alike "L2, ipam without a type" bridge "ADD:a" "$(conf '"ipam":{}')"
alike "static" bridge "ADD:a" "$(conf '"isGateway":true,"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/24","gateway":"10.3.0.1"},{"address":"fd00:3::5/64"}]}')"
alike "two addresses of one family" bridge "ADD:a" "$(conf '"isGateway":true,"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}],[{"subnet":"10.89.0.0/24"}]]}')"
alike "forceAddress false" bridge "ADD:a ADD:b" "$(conf "\"isGateway\":true,$(ipam 4)")"
prepare='ip link add br0 type bridge; ip link set br0 up; ip addr add 10.99.0.1/24 dev br0'
alike "forceAddress true" bridge "ADD:a" "$(conf "\"isGateway\":true,\"forceAddress\":true,$(ipam 4)")"
prepare=
for c in '"hairpinMode":true,"promiscMode":true' '"isGateway":"yes"' '"vlan":5000' '"ipam":{"type":"nosuch"}' \
	'"ipam":{"type":"host-local","subnet":"10.88.0.0/33"}' '"ipam":{"type":"host-local","subnet":"10.88.0.0/24","rangeStart":"10.89.0.1"}' '"mtu":"big"'; do
	alike "both refuse $c" bridge "ADD:a" "$(conf "$c")"
done
done_testing
