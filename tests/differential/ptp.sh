# SPDX-License-Identifier: GPL-2.0-or-later
# The same stdin and environment to Debian's reference ptp and to ours; results, links, addresses and routes are
# compared.
#
# Intended differences beside those of bridge.sh:
#   noprefixroute           here the kernel never adds the route to the subnet; there it is added and removed
#   accept_ra               1.1.1 leaves the host end as the namespace has it (CVE-2020-10749); the tests set 0
#   accept_dad              there the container looks for duplicates on a link that it shares with nobody, and ADD
#                           waits for that; the tests set 0
#   onlink                  on a route of IPAM through another gateway than the address's: left out
#   failing ADD             there the lease or the veth may stay (P#1014); only the failure itself is compared
. "$(dirname "$0")/lib.sh"
if [ ! -x "$REF/ptp" ]; then
	skip "differential tests of ptp" "no reference plugins in $REF"
	done_testing
fi
prepare='echo 0 >/proc/sys/net/ipv6/conf/default/accept_ra; for ns in a b; do
	inside $ns sh -c "echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad"; done'
pconf() { echo "{\"cniVersion\":\"$V\",\"name\":\"net\",\"type\":\"ptp\"${1:+,$1}}"; }

for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0; do
	V=$v check=; case $v in 0.4.0 | 1.0.0) check="CHECK:a " ;; esac
	alike "$v: ADD" ptp "ADD:a ${check}ADD:b" "$(pconf "$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")"
done
V=1.0.0
alike "DEL" ptp "ADD:a DEL:a" "$(pconf "$(ipam dual)")"
for f in 4 6 dual; do
	alike "$f: plain" ptp "ADD:a CHECK:a ADD:b" "$(pconf "$(ipam $f)")"
	alike "$f: mtu" ptp "ADD:a" "$(pconf "\"mtu\":1400,$(ipam $f)")"
done
alike "routes" ptp "ADD:a" "$(pconf "$(ipam dual '"routes":[{"dst":"192.0.2.0/24","gw":"10.88.0.1"},{"dst":"198.51.100.0/24"},{"dst":"2001:db8::/32"}]')")"
alike "a gateway of one's own" ptp "ADD:a" "$(pconf '"ipam":{"type":"host-local","subnet":"10.88.0.0/24","gateway":"10.88.0.254"}')"
alike "dns" ptp "ADD:a" "$(pconf "\"dns\":{\"nameservers\":[\"10.0.0.1\"],\"search\":[\"x.example\"]},$(ipam 4)")"
alike "static" ptp "ADD:a" "$(pconf '"ipam":{"type":"static","addresses":[{"address":"10.3.0.5/24","gateway":"10.3.0.1"}],"dns":{"nameservers":["10.3.0.53"]}}')"
alike "two addresses of one family" ptp "ADD:a" "$(pconf '"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}],[{"subnet":"10.89.0.0/24"}]]}')"
for c in '"mtu":"big"' '"ipam":{"type":"nosuch"}' '' '"ipam":{}' '"ipMasq":"yes"' '"ipam":{"type":"host-local","subnet":"10.88.0.0/33"}'; do
	alike "both refuse ${c:-no ipam}" ptp "ADD:a" "$(pconf "$c")"
done
done_testing
