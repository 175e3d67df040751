# SPDX-License-Identifier: GPL-2.0-or-later
# vrf: bad input, a kernel without VRFs, and what needs none: DEL, GC, STATUS. What needs one: vrf-ports.sh.
. "$(dirname "$0")/lib.sh"

container() {
	slate a
	ip link add p0 type veth peer name eth0 netns a
	ip -n a link set eth0 up
	ip -n a addr add 10.1.0.2/24 dev eth0
	ip -n a addr add fd00:1::2/64 dev eth0 nodad
	ip -n a route add 203.0.113.0/24 via 10.1.0.1
}
# usage: vrf MEMBERS; V is the spec version
vrf() {
	echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"vrf\",\"prevResult\":{\"cniVersion\":\"${V:-1.1.0}\",
\"interfaces\":[{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:aa\",\"sandbox\":\"/run/netns/a\"}],\"ips\":[{\"address\":\"10.1.0.2/24\",\"interface\":0}]}${1:+,$1}}"
}

container
before=$(snapshot)
if ip link add probe type vrf table 9 2>/dev/null; then
	ip link del probe
	skip "a kernel without VRFs" "this one has CONFIG_NET_VRF"
else
	fails "a kernel without VRFs" 2 'create VRF "blue" (the kernel needs CONFIG_NET_VRF)' vrf ADD a "$(vrf '"vrfname":"blue"')"
	fails "a kernel without VRFs, with a table" 2 CONFIG_NET_VRF vrf ADD a "$(vrf '"vrfname":"blue","table":77')"
	same "a kernel without VRFs: no record" 0 "$(records)"
fi
fails "no vrfname" 7 '"vrfname" is required' vrf ADD a "$(vrf '')"
fails "an empty vrfname" 7 '"vrfname" is required' vrf ADD a "$(vrf '"vrfname":""')"
fails "vrfname of the wrong type" 6 vrfname vrf ADD a "$(vrf '"vrfname":5')"
for name in averyveryverylongname a/b 'a b' ..; do
	fails "vrfname \"$name\"" 7 vrfname vrf ADD a "$(vrf "\"vrfname\":\"$name\"")"
done
fails "table -1" 7 table vrf ADD a "$(vrf '"vrfname":"blue","table":-1')"
fails "table of more than 32 bits" 7 table vrf ADD a "$(vrf '"vrfname":"blue","table":4294967296')"
fails "table of the wrong type" 6 table vrf ADD a "$(vrf '"vrfname":"blue","table":"5"')"
fails "vrfname of a link that is no VRF" 7 '"lo" in the container is no VRF' vrf ADD a "$(vrf '"vrfname":"lo"')"
fails "no prevResult" 7 prevResult vrf ADD a "$(vrf '"vrfname":"blue"' | jq -c 'del(.prevResult)')"
fails "a spec version before it" 1 incompatible vrf ADD a "$(V=0.3.0 vrf '"vrfname":"blue"')"
CNI_IFNAME=eth9 fails "no such interface" 999 "look up eth9" vrf ADD a "$(vrf '"vrfname":"blue"')"
NETNS=/run/netns/none fails "no such namespace" 4 /run/netns/none vrf ADD a "$(vrf '"vrfname":"blue"')"
NETNS=/proc/self/ns/net fails "the host's own namespace" 8 CNI_NETNS vrf ADD a "$(vrf '"vrfname":"blue"')"
fails "CHECK: no VRF" 999 'there is no VRF "blue"' vrf CHECK a "$(vrf '"vrfname":"blue"')"
fails "CHECK without prevResult" 7 prevResult vrf CHECK a "$(vrf '"vrfname":"blue"' | jq -c 'del(.prevResult)')"
succeeds "DEL before any ADD" vrf DEL a "$(vrf '"vrfname":"blue"')"
NETNS='' succeeds "DEL without a namespace" vrf DEL a "$(vrf '"vrfname":"blue"')"
NETNS=/run/netns/none succeeds "DEL with a missing namespace" vrf DEL a "$(vrf '"vrfname":"blue"')"
succeeds "DEL with a wrong configuration" vrf DEL a "$(vrf '"vrfname":"averyveryverylongname"')"
succeeds "GC" vrf GC "" "$(vrf '"vrfname":"blue","cni.dev/valid-attachments":[]')"
succeeds "STATUS" vrf STATUS "" "$(vrf '"vrfname":"blue"')"
fails "STATUS of a wrong configuration" 7 vrfname vrf STATUS "" "$(vrf '')"
same "nothing has changed" "$before" "$(snapshot)"

# --- a port of something else
ip -n a link add br1 type bridge
ip -n a link set eth0 master br1
fails "an interface that is a port already" 999 'eth0 has a master already: br1' vrf ADD a "$(vrf '"vrfname":"blue"')"
done_testing
