# SPDX-License-Identifier: GPL-2.0-or-later
# The surroundings of the plugins whose links hang on an interface of the host. Source it after tests/netns/lib.sh.
#
#     host                     lan: the rest of the network
#     m0 ------- wire ------- eth0  10.88.0.1, fd00:88::1
#
# wire is what $prepare of the helpers in lib.sh runs on a clean slate.

# Duplicate address detection of links made in a namespace later takes no time. usage: quick_dad NAMESPACE...
quick_dad() {
	local ns
	for ns in "$@"; do
		[ ! -e "/run/netns/$ns" ] || inside "$ns" sh -c 'cd /proc/sys/net/ipv6/conf/default && echo 0 >dad_transmits && echo 0 >router_solicitation_delay'
	done
}
wire() {
	ip netns add lan
	inside lan sh -c 'echo 0 >/proc/sys/net/ipv6/conf/default/accept_dad'
	ip link add m0 type veth peer name eth0 netns lan
	ip -n lan addr add 10.88.0.1/24 dev eth0
	ip -n lan addr add fd00:88::1/64 dev eth0 nodad
	ip -n lan link set eth0 up
	ip link set m0 up
	quick_dad a b
	ready eth0
}
# IPv6 starts on a link some time after its carrier: then the snapshots stay the same. usage: ready LINK-OF-LAN
ready() { wait_for 5 eval "ip -n lan -6 route show table local dev $1 | grep -q '^local fd00:88::1 '"; }
prepare=wire
# A clean slate with the wire. usage: stage NAMESPACE...
stage() {
	slate "$@"
	wire
}
