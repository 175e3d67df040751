# SPDX-License-Identifier: GPL-2.0-or-later
# firecracker-go-sdk: DEL of the list before ADD; tc-redirect-tap follows ptp and ties a tap to eth0 by ingress qdiscs,
# which must be free. (A few commands stand in for tc-redirect-tap.)
network '{"cniVersion":"0.4.0","name":"fcnet","plugins":[
	{"type":"ptp","ipMasq":true,"ipam":{"type":"host-local","subnet":"192.168.127.0/24","resolvConf":"/etc/resolv.conf"}},
	{"type":"bandwidth","ingressRate":8000000,"ingressBurst":800000,"egressRate":8000000,"egressBurst":800000}]}'
vm=b7c2d1b0-0f8a-4b5e-9d0c-1f2e3d4c5b6a
make_container $vm
ARGS='IgnoreUnknown=1;TC_REDIRECT_TAP_NAME=tap1;TC_REDIRECT_TAP_UID=123;TC_REDIRECT_TAP_GID=123'
PREV='' del "firecracker: DEL before ADD" $vm veth0
add "firecracker: ADD" $vm veth0
same "firecracker: addresses belong to (ifname, CNI_NETNS)" "veth0 /run/netns/$vm" "$(of $vm veth0 '. as $r | $r.interfaces[$r.ips[0].interface] | "\(.name) \(.sandbox)"')"
check "firecracker: a tap" ip -n $vm tuntap add tap1 mode tap user 123 group 123
ip -n $vm link set tap1 up
for pair in "veth0 tap1" "tap1 veth0"; do
	read -r from to <<<"$pair"
	check "firecracker: the ingress of $from is free" ip netns exec $vm tc qdisc add dev "$from" ingress
	check "firecracker: $from goes to $to" ip netns exec $vm tc filter add dev "$from" parent ffff: protocol all u32 match u8 0 0 action mirred egress redirect dev "$to"
done
again CHECK "firecracker: CHECK" $vm veth0
del "firecracker: DEL" $vm veth0
refuse "firecracker: the interface is gone" ip -n $vm link show veth0
no_rules "firecracker: nothing is left"
same "firecracker: no IFB" "" "$(ip -o link show type ifb)"
unset ARGS
