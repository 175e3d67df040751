# SPDX-License-Identifier: GPL-2.0-or-later
# k3s: its flannel plugin reads subnet.env and runs bridge as a delegate; portmap and bandwidth follow in the list.
delegate='{"type":"bridge","hairpinMode":true,"forceAddress":true,"isDefaultGateway":true,"isGateway":true,"ipMasq":false,"mtu":1450,
	"ipam":{"type":"host-local","ranges":[[{"subnet":"10.42.0.0/24"}]],"routes":[{"dst":"10.42.0.0/16"}]}}'
network "{\"cniVersion\":\"1.0.0\",\"name\":\"cbr0\",\"plugins\":[$delegate,
	{\"type\":\"portmap\",\"capabilities\":{\"portMappings\":true}},{\"type\":\"bandwidth\",\"capabilities\":{\"bandwidth\":true}}]}"
make_container kube
CAPS='{"portMappings":[{"HostPort":80,"ContainerPort":8000,"Protocol":"tcp","HostIP":""}],"bandwidth":{"IngressRate":100000000,"IngressBurst":4294967295}}'
ARGS='IgnoreUnknown=1;K8S_POD_NAMESPACE=kube-system;K8S_POD_NAME=svclb;K8S_POD_INFRA_CONTAINER_ID=kube'
add "k3s: ADD" kube
result_is_fit k3s kube cni0
same "k3s: flannel's MTU" 1450 "$(link eth0 .mtu kube)"
check "k3s: the cluster's route" grep -q 10.42.0.0/16 <(ip -n kube route)
serve kube tcp:8000
check "k3s: port 80 of the host" answers kube outside 192.0.2.1 80
check "k3s: shaped" grep -q tbf <(tc qdisc show dev "$(of kube eth0 '.interfaces[1].name')")
again CHECK "k3s: CHECK" kube
unset CAPS
del "k3s: DEL without portMappings and bandwidth" kube
no_rules "k3s: nothing is left"
unset ARGS
