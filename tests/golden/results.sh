# SPDX-License-Identifier: GPL-2.0-or-later
# The result of ADD in every version of the specification, byte for byte after MACs and link names are replaced.
. "$(dirname "$0")/../netns/lib.sh"

# The result with what differs from run to run replaced.
golden() { jq -S -c . $out | sed -E 's/"veth[0-9a-f]{8}"/"VETH"/; s/"mac":"[0-9a-f:]{17}"/"mac":"MAC"/g'; }

r4='{"dst":"0.0.0.0/0"}' r6='{"dst":"2001:db8::/32","gw":"fd00:88::1"}'
ifaces='"interfaces":[{"mac":"MAC","name":"br0"},{"mac":"MAC","name":"VETH"},{"mac":"MAC","name":"eth0","sandbox":"/run/netns/a"}]'
with_mtu=$(sed 's/"mac":"MAC"/"mac":"MAC","mtu":1500/g' <<<"$ifaces")
a4='"address":"10.88.0.2/24","gateway":"10.88.0.1"' a6='"address":"fd00:88::2/64","gateway":"fd00:88::1"'
dns='"dns":{"domain":"example.org","nameservers":["10.88.0.53"],"options":["ndots:2"],"search":["a.example","b.example"]}'
dnsconf='"dns":{"nameservers":["10.88.0.53"],"domain":"example.org","search":["a.example","b.example"],"options":["ndots:2"]}'
pair='"interfaces":[{"mac":"MAC","name":"VETH"},{"mac":"MAC","name":"eth0","sandbox":"/run/netns/a"}]' a5='"address":"10.5.1.2/24","gateway":"10.5.1.1"'
ip addr add 192.0.2.1/32 dev lo
for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
	case $v in
	0.[12].0)
		routes4='"routes":[{"dst":"0.0.0.0/0"}]' routes6='"routes":[{"dst":"2001:db8::/32","gw":"fd00:88::1"}]'
		bridge="{\"cniVersion\":\"$v\",$dns,\"ip4\":{\"gateway\":\"10.88.0.1\",\"ip\":\"10.88.0.2/24\",$routes4},\"ip6\":{\"gateway\":\"fd00:88::1\",\"ip\":\"fd00:88::2/64\",$routes6}}"
		ipam=${bridge/"$dns"/'"dns":{}'}
		vxlan="{\"cniVersion\":\"$v\",\"dns\":{},\"ip4\":{\"gateway\":\"10.5.1.1\",\"ip\":\"10.5.1.2/24\",$routes4}}"
		static="{\"cniVersion\":\"$v\",$dns,\"ip4\":{\"gateway\":\"10.1.0.1\",\"ip\":\"10.1.0.5/24\"}}"
		;;
	0.3.* | 0.4.0)
		bridge="{\"cniVersion\":\"$v\",$dns,$ifaces,\"ips\":[{$a4,\"interface\":2,\"version\":\"4\"},{$a6,\"interface\":2,\"version\":\"6\"}],\"routes\":[$r4,$r6]}"
		ipam="{\"cniVersion\":\"$v\",\"dns\":{},\"ips\":[{$a4,\"version\":\"4\"},{$a6,\"version\":\"6\"}],\"routes\":[$r4,$r6]}"
		vxlan="{\"cniVersion\":\"$v\",\"dns\":{},$pair,\"ips\":[{$a5,\"interface\":1,\"version\":\"4\"}],\"routes\":[$r4]}"
		static="{\"cniVersion\":\"$v\",$dns,\"ips\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\",\"version\":\"4\"}]}"
		;;
	*)
		if [ $v = 1.1.0 ]; then i=$with_mtu; else i=$ifaces; fi
		bridge="{\"cniVersion\":\"$v\",$dns,$i,\"ips\":[{$a4,\"interface\":2},{$a6,\"interface\":2}],\"routes\":[$r4,$r6]}"
		ipam="{\"cniVersion\":\"$v\",\"dns\":{},\"ips\":[{$a4},{$a6}],\"routes\":[$r4,$r6]}"
		vxlan="{\"cniVersion\":\"$v\",\"dns\":{},$pair,\"ips\":[{$a5,\"interface\":1}],\"routes\":[$r4]}"
		[ $v != 1.1.0 ] || vxlan=$(sed 's/"mac":"MAC"/"mac":"MAC","mtu":1450/g; s/"dst":"0.0.0.0\/0"/&,"mtu":1450/' <<<"$vxlan")
		static="{\"cniVersion\":\"$v\",$dns,\"ips\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\"}]}"
		;;
	esac
	slate a
	c=$(V=$v conf "\"isGateway\":true,$dnsconf,$(ipam dual "\"routes\":[$r4,$r6]")")
	succeeds "$v: bridge ADD" bridge ADD a "$c"
	same "$v: bridge's result" "$bridge" "$(golden)"
	check "$v: four spaces of indent, no newline at the end" eval 'grep -q "^    \"cniVersion\"" $out && [ "$(tail -c1 $out)" = "}" ]'
	first=$(jq -c . $out)
	case $v in
	0.[123].*) ;;
	*) succeeds "$v: the result is understood as prevResult" bridge CHECK a "$(with_prev "$c" "$first")" ;;
	esac
	succeeds "$v: DEL with it" bridge DEL a "$(with_prev "$c" "$first")"
	slate a
	xc="{\"cniVersion\":\"$v\",\"type\":\"vxlan\",\"name\":\"blue\",\"vni\":42,\"network\":\"10.5.0.0/16\",\"node\":\"n1\",\"peers\":[{\"node\":\"n1\",\"vtep\":\"192.0.2.1\",\"subnet\":\"10.5.1.0/24\"}]}"
	succeeds "$v: vxlan ADD" vxlan ADD a "$xc"
	same "$v: vxlan's result" "$vxlan" "$(golden)"
	succeeds "$v: vxlan DEL with it" vxlan DEL a "$(with_prev "$xc" "$(jq -c . $out)")"
	slate a
	succeeds "$v: host-local ADD" host-local ADD a "$(jq -c 'del(.dns)' <<<"$c")"
	same "$v: host-local's result" "$ipam" "$(golden)"
	succeeds "$v: host-local DEL" host-local DEL a "$c"
	same "$v: host-local DEL releases" 0 "$(leases)"
	sc="{\"cniVersion\":\"$v\",\"name\":\"net\",\"type\":\"x\",\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.1.0.5/24\",\"gateway\":\"10.1.0.1\"}],$dnsconf}}"
	succeeds "$v: static ADD" static ADD a "$sc"
	same "$v: static's result" "$static" "$(golden)"
	fails "$v: an error has the version of the configuration" 7 '"mtu"' bridge ADD a "$(jq -c '.mtu=-1' <<<"$c")"
	same "$v: it says so" "$v" "$(result .cniVersion)"
done
slate a
succeeds "cniVersion absent is 0.1.0" bridge ADD a "$(jq -c 'del(.cniVersion)' <<<"$(conf "$(ipam 4)")")"
same "cniVersion absent: its result" "0.1.0 10.88.0.2/24" "$(result '.cniVersion + " " + .ip4.ip')"
slate a
fails "0.2.0 without an address cannot be answered" 999 "no valid IP" bridge ADD a "$(V=0.2.0 conf)"
done_testing
