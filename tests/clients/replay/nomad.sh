# SPDX-License-Identifier: GPL-2.0-or-later
# Nomad: runs every file of the plugins' folder for its version, makes chain NOMAD-ADMIN with the iptables command,
# has loopback first in the list, always sends portMappings (and no CNI_ARGS with DEL), CHECKs when the agent restarts.
network '{"cniVersion":"0.4.0","name":"nomad","plugins":[
	{"type":"loopback"},
	{"type":"bridge","bridge":"nomad","ipMasq":true,"isGateway":true,"forceAddress":true,"hairpinMode":true,
	 "ipam":{"type":"host-local","ranges":[[{"subnet":"172.26.64.0/20"}]],"routes":[{"dst":"0.0.0.0/0"}],"dataDir":"/var/run/cni"}},
	{"type":"firewall","backend":"iptables","iptablesAdminChainName":"NOMAD-ADMIN"},
	{"type":"portmap","capabilities":{"portMappings":true},"snat":true}]}'
unfit=
for file in $(jq -r '.plugins[].type' <<<"$list") host-local; do
	timeout 3 "$BIN/$file" 2>&1 </dev/null | tr -s ' \n' '\n' | grep -qE '^v?[0-9]+\.[0-9]+\.[0-9]+$' || unfit+=" $file"
done
same "Nomad: each plugin tells a semantic version within 3 s" "" "$unfit"
iptables -N NOMAD-ADMIN
iptables -A NOMAD-ADMIN -o nomad -d 172.26.64.0/20 -j ACCEPT
alloc=5f0ba5b8-5a1c-8d28-1c5e-3d1b62c0a1b2
make_container "$alloc"
CAPS='{"portMappings":[{"HostPort":22001,"ContainerPort":8080,"Protocol":"tcp","HostIP":"192.0.2.1"},{"HostPort":22001,"ContainerPort":8080,"Protocol":"udp","HostIP":"192.0.2.1"}]}'
ARGS='NOMAD_REGION=global;NOMAD_NAMESPACE=default;IgnoreUnknown=true;NOMAD_JOB_ID=web;CONSUL_IPTABLES_CONFIG={"ProxyUserID":"101"}'
add "Nomad: ADD" "$alloc"
same "Nomad: the first interface of a sandbox in order of names has the addresses" "eth0 true" \
	"$(of "$alloc" eth0 '. as $r | [.interfaces | to_entries[] | select(.value.sandbox)] | sort_by(.value.name)[0] | "\(.value.name) \(any($r.ips[]; .interface == 2))"')"
check "Nomad: lo is up" grep -q UP <(ip -n "$alloc" -o link show lo)
check "Nomad: CNI-FORWARD jumps to NOMAD-ADMIN first" test "$(iptables -S CNI-FORWARD | sed -n 2p)" = \
	"$(iptables -S CNI-FORWARD | grep -- '-j NOMAD-ADMIN' | head -n 1)"
check "Nomad: the leases are in its dataDir" test -e /var/run/cni/nomad/172.26.64.2
serve "$alloc" tcp:8080 udp:8080
check "Nomad: the port is published" answers "$alloc" outside 192.0.2.1 22001
again CHECK "Nomad: CHECK when the agent restarts" "$alloc"
unset ARGS
del "Nomad: DEL without CNI_ARGS" "$alloc"
CAPS='{"portMappings":[]}'
add "Nomad: ADD without ports" "$alloc"
del "Nomad: DEL without ports" "$alloc"
same "Nomad: no lease is left" "" "$(find /var/run/cni/nomad -name '172.*')"
no_rules "Nomad: nothing is left"
check "Nomad: its own chain stays" iptables -S NOMAD-ADMIN
unset CAPS
iptables -F; iptables -X
