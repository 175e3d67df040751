# SPDX-License-Identifier: GPL-2.0-or-later
# ADD killed at each of its system calls leaves nothing that a DEL without a netns does not remove; and
# GC with an empty list removes it as well.
. "$(dirname "$0")/lib.sh"

C='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0","isGateway":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}],[{"subnet":"fd00:88::/64"}]]}}'
G=$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$C")
fresh a
ip link add br0 address 02:00:00:00:00:0b type bridge && ip link set br0 up && ip addr add 10.88.0.1/24 dev br0
ip addr add fd00:88::1/64 dev br0 nodad
# the kernel makes its local route a moment later
has_route() { ip -6 route show table local fd00:88::1 | grep -q .; }
wait_for 5 has_route

kills bridge DEL a "$C" "$C" 40
kills bridge GC "" "$G" "$C" 40
# at every third call: the bridge itself stays, as it does after an ADD that succeeded
ip link del br0
every=3 kills bridge DEL a "$C" "$C" 40 "ip link del br0 2>/dev/null"
same "no temporary files stay" "" "$(find /var/lib/cni /run/hawser -type f | grep -vE '/(lock|last_reserved_ip\.[0-9]+|idx)$')"
done_testing
