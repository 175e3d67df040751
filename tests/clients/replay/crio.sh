# SPDX-License-Identifier: GPL-2.0-or-later
# CRI-O (ocicni): VERSION of every plugin when it loads the list, GC when it starts, STATUS every 500 ms, CHECK right
# after ADD, CNI_ARGS in any order.
network '{"cniVersion":"1.1.0","name":"crio","plugins":[
	{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"hairpinMode":true,
	 "ipam":{"type":"host-local","routes":[{"dst":"0.0.0.0/0"},{"dst":"1100:200:1::1/0"}],"ranges":[[{"subnet":"10.85.0.0/16"}],[{"subnet":"1100:200::/24"}]]}},
	{"type":"tuning","capabilities":{"mac":true}},
	{"type":"bandwidth","capabilities":{"bandwidth":true}}]}'
for type in bridge tuning bandwidth host-local; do
	same "CRI-O: VERSION of $type has 1.1.0" true \
		"$(echo '{"cniVersion":"1.1.0"}' | CNI_COMMAND=VERSION CNI_NETNS=dummy CNI_IFNAME=dummy CNI_PATH=dummy "$BIN/$type" | jq '.supportedVersions | index("1.1.0") != null')"
done
make_container pod1 pod2
whole GC "CRI-O: GC at start, nothing is there" '"cni.dev/valid-attachments":[],"cni.dev/attachments":[]'
whole STATUS "CRI-O: STATUS"
start=${EPOCHREALTIME/./}
whole STATUS "CRI-O: STATUS again"
# the time of the shell around the three calls is in it
took=$((${EPOCHREALTIME/./} - start))
check "CRI-O: STATUS of three plugins, with the shell around them, takes less than 500 ms ($took us)" test $took -lt 500000
CAPS='{"bandwidth":{"ingressRate":1000000,"ingressBurst":34359738359,"egressRate":1000000,"egressBurst":34359738359}}'
ARGS='K8S_POD_UID=1-2;K8S_POD_NAMESPACE=default;IgnoreUnknown=1;K8S_POD_INFRA_CONTAINER_ID=pod1;K8S_POD_NAME=web'
add "CRI-O: ADD" pod1
same "CRI-O: a /24 of IPv6 is not enumerated" "1100:200::2/24" "$(of pod1 eth0 '[.ips[].address] | map(select(contains(":")))[0]')"
again CHECK "CRI-O: CHECK right after ADD" pod1
ARGS='IgnoreUnknown=1;K8S_POD_INFRA_CONTAINER_ID=pod2;K8S_POD_NAMESPACE=default;K8S_POD_NAME=web'
add "CRI-O: ADD of a second pod" pod2
check "CRI-O: pods reach each other" inside pod1 ping -c1 -W2 "$(of pod2 eth0 '.ips[0].address | split("/")[0]')"
whole GC "CRI-O: GC, pod2 is valid" '"cni.dev/valid-attachments":[{"containerID":"pod2","ifname":"eth0"}]'
same "CRI-O: pod1 is gone, pod2 is not" "2 leases of pod2" "$(leases) leases of $(grep -rl . /var/lib/cni/networks/crio | grep -v last_ | xargs -n1 head -n1 | tr -d '\r' | grep pod | sort -u)"
unset CAPS
NETNS='' del "CRI-O: DEL, the netns is closed" pod2
no_rules "CRI-O: nothing is left"
unset ARGS
