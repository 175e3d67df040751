# SPDX-License-Identifier: GPL-2.0-or-later
# nerdctl: from an OCI hook. It looks at the firewall plugin's banner, deletes before it adds, deletes with an empty
# CNI_NETNS, and writes its port mappings with capitals.
network '{"cniVersion":"1.0.0","name":"bridge","nerdctlID":"17f29b073143d8cd97b5bbe492bdeffec1c5fee55cc1fe2112c8b9335f8b6121",
	"nerdctlLabels":{"nerdctl/default-network":"true"},"plugins":[
	{"type":"bridge","bridge":"nerdctl0","isGateway":true,"ipMasq":true,"hairpinMode":true,
	 "ipam":{"type":"host-local","routes":[{"dst":"0.0.0.0/0"}],"ranges":[[{"gateway":"10.4.0.1","subnet":"10.4.0.0/24"}]]}},
	{"type":"portmap","capabilities":{"portMappings":true}},
	{"type":"firewall","ingressPolicy":"same-bridge"},{"type":"tuning"}]}'
banner=$("$BIN/firewall" 2>&1 >/dev/null | sed -n 's/^CNI firewall plugin v//p')
check "nerdctl: the firewall plugin is at least 1.7.1" test "$(printf '1.7.1\n%s\n' "$banner" | sort -V | head -n 1)" = 1.7.1
id=$(printf '%064d' 7)
make_container "$id"
CAPS='{"portMappings":[{"HostPort":8080,"ContainerPort":80,"Protocol":"tcp","HostIP":"0.0.0.0"}]}'
ARGS='IgnoreUnknown=1;NERDCTL_CNI_DHCP_HOSTNAME='
NETNS='' PREV='' del "nerdctl: DEL before any ADD, without a netns" "$id"
add "nerdctl: ADD" "$id"
result_is_fit nerdctl "$id" nerdctl0
serve "$id" tcp:80
check "nerdctl: the port is published" answers "$id" outside 192.0.2.1 8080
NETNS='' del "nerdctl: DEL with an empty CNI_NETNS" "$id"
no_rules "nerdctl: nothing is left"
ARGS='IgnoreUnknown=1;IP=10.4.0.77;MAC=02:00:00:00:00:77;NERDCTL_CNI_DHCP_HOSTNAME=x'
add "nerdctl: ADD with --ip and --mac-address" "$id"
same "nerdctl: both are honoured" "10.4.0.77/24 02:00:00:00:00:77" "$(of "$id" eth0 '.ips[0].address + " " + .interfaces[2].mac')"
ip netns del "$id"
NETNS='' PREV='' del "nerdctl: DEL after a crash, without result and netns" "$id"
wait_for 5 no_veths
no_rules "nerdctl: nothing is left after a crash"
unset ARGS CAPS
