# SPDX-License-Identifier: GPL-2.0-or-later
# The same stdin and environment to Debian's reference macvlan and to ours; results, links, addresses and routes are
# compared.
#
# Intended differences beside those of bridge.sh:
#   dns of IPAM             kept here unless the configuration has dns; there it is dropped: the tests have both
#   failing ADD             there the link or the lease may stay; only the failure itself is compared
#   linkInContainer, bcqueuelen   1.1.1 does not know them
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../wire-lib.sh"
if [ ! -x "$REF/macvlan" ]; then
	skip "differential tests of macvlan" "no reference plugins in $REF"
	done_testing
fi
mconf() { echo "{\"cniVersion\":\"$V\",\"name\":\"net\",\"type\":\"macvlan\",\"master\":\"m0\"${1:+,$1}}"; }

for v in 0.2.0 0.4.0 1.0.0; do
	V=$v check=; case $v in 0.4.0 | 1.0.0) check="CHECK:a " ;; esac
	alike "$v: ADD" macvlan "ADD:a ${check}ADD:b" "$(mconf "$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")"
done
V=1.0.0
alike "DEL" macvlan "ADD:a DEL:a" "$(mconf "$(ipam dual)")"
for f in 4 6; do
	alike "$f: plain" macvlan "ADD:a CHECK:a ADD:b" "$(mconf "$(ipam $f)")"
done
alike "mtu" macvlan "ADD:a" "$(mconf "\"mtu\":1400,$(ipam 4)")"
for mode in '' bridge private vepa passthru; do
	alike "mode \"$mode\"" macvlan "ADD:a CHECK:a" "$(mconf "\"mode\":\"$mode\",$(ipam 4)")"
done
alike "passthru twice" macvlan "ADD:a ADD:b" "$(mconf "\"mode\":\"passthru\",$(ipam 4)")"
alike "a MAC" macvlan "ADD:a CHECK:a" "$(mconf "\"mac\":\"02:00:00:00:00:05\",$(ipam 4)")"
alike "routes" macvlan "ADD:a" "$(mconf "$(ipam dual '"routes":[{"dst":"192.0.2.0/24","gw":"10.88.0.9"},{"dst":"198.51.100.0/24"},{"dst":"2001:db8::/32"}]')")"
alike "dns" macvlan "ADD:a" "$(mconf "\"dns\":{\"nameservers\":[\"10.0.0.1\"],\"search\":[\"x.example\"]},$(ipam 4)")"
alike "L2" macvlan "ADD:a CHECK:a DEL:a" "$(mconf)"
alike "L2, ipam without a type" macvlan "ADD:a" "$(mconf '"ipam":{}')"
for c in '"mode":"l2"' '"mtu":1501' '"mtu":"big"' '"master":"nosuch0"' '"mac":"02:00"' '"ipam":{"type":"nosuch"}' '"master":"lo"'; do
	alike "both refuse $c" macvlan "ADD:a" "$(jq -c ". + {$c}" <<<"$(mconf "$(ipam 4)")")"
done
prepare='wire; ip addr add 10.88.0.77/24 dev m0; ip route add default via 10.88.0.1'
alike "the master of the default route" macvlan "ADD:a CHECK:a" "$(jq -c 'del(.master)' <<<"$(mconf "$(ipam 4)")")"
done_testing
