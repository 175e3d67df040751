# SPDX-License-Identifier: GPL-2.0-or-later
# host-device and tap: each step of ADD and DEL fails, ADD is killed at its system calls: the host has its
# device again, with name, alias, state, port and addresses, and nothing stays.
. "$(dirname "$0")/lib.sh"
hconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"host-device\",\"device\":\"hw0\"${1:+,$1}}"; }
tconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"tap\"${1:+,$1}}"; }
hw0='ip link add hw0 address 02:00:00:00:00:71 type veth peer name hw1 address 02:00:00:00:00:72; ip link set hw1 up'

prepare="$hw0; ip link set hw0 up alias uplink; ip addr add 192.0.2.7/24 dev hw0; ip addr add 2001:db8::7/64 dev hw0 nodad; wait_for 2 has_route"
has_route() { ip -6 route show table local 2001:db8::7 | grep -q .; }
settle=2
dual=$(hconf "$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")
fail_each_step "host-device: up, with addresses" host-device "$dual"
settle=
prepare="$hw0; ip link add br0 address 02:00:00:00:00:0b type bridge; ip link set hw0 master br0"
fail_each_step "host-device: a port, layer 2" host-device "$(hconf)"
fail_each_step_of_del host-device "$dual"
prepare='ip -n a link add br0 address 02:00:00:00:00:0b type bridge'
tdual=$(tconf "\"mac\":\"02:00:00:00:00:01\",\"mtu\":1400,\"owner\":7,\"group\":8,\"bridge\":\"br0\",$(ipam dual)")
fail_each_step "tap: every key" tap "$tdual"
fail_each_step_of_del tap "$tdual"
prepare=
if [[ $BIN == */san/* ]]; then
	skip "ADD killed at its system calls" "LeakSanitizer and ptrace exclude each other"
else
	slate a
	eval "$hw0"
	every=3 kills host-device DEL a "$dual" "$dual" 15
	plugin host-device DEL a "$dual" || not_ok "DEL after the kills"
	every=5 kills host-device GC "" "$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$dual")" "$dual" 10
	slate a
	ip -n a link add br0 address 02:00:00:00:00:0b type bridge
	every=5 kills tap DEL a "$tdual" "$tdual" 10
	every=7 kills tap GC "" "$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$tdual")" "$tdual" 7
fi
done_testing
