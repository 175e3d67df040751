# SPDX-License-Identifier: GPL-2.0-or-later
# Each step of ADD fails (HAWSER_FAULT=k), and leaves the host as it was; each step of DEL, and the next DEL
# finishes the job.
. "$(dirname "$0")/lib.sh"

gateway="\"isDefaultGateway\":true,"
for f in 4 6 dual; do
	fail_each_step "$f, new bridge" bridge "$(conf "$gateway$(ipam $f)")"
	prepare='ip link add br0 address 02:00:00:00:00:0b type bridge; ip link set br0 up; echo 0 >/proc/sys/net/ipv6/conf/br0/accept_ra'
	fail_each_step "$f, bridge there" bridge "$(conf "$gateway$(ipam $f)")"
	prepare=
done
fail_each_step "every key" bridge "$(conf "$gateway\"mtu\":1400,\"hairpinMode\":true,\"portIsolation\":true,\"enabledad\":false,$(ipam dual '"routes":[{"dst":"192.0.2.0/24","mtu":1300}]')")"
prepare='ip link add br0 address 02:00:00:00:00:0b type bridge; ip link set br0 up; ip addr add 10.99.0.1/24 dev br0'
fail_each_step "forceAddress" bridge "$(conf "$gateway\"forceAddress\":true,$(ipam 4)")"
prepare='ip link add br0 address 02:00:00:00:00:0b type bridge'
fail_each_step "bridge there, down" bridge "$(conf "$gateway$(ipam 4)")"
prepare=
fail_each_step "layer 2" bridge "$(conf)"
fail_each_step "host-local" host-local "$(conf "$(ipam dual)")"

fail_each_step_of_del bridge "$(conf "$gateway$(ipam dual)")"
done_testing
