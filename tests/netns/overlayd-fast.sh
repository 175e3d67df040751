# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd with "fastPath": the program is at the devices that the agent makes, also after they were made again, and
# the network's file says so; containers have part in it (a forward chain that drops everything tells); switched off, it is
# gone.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture star-N down' EXIT

# The program at a device. usage: program DEVICE
program() { in_host n1 tc filter show dev "$1" ingress 2>/dev/null | sed -n 's/.* id \([0-9]*\) name hawser_fast.*/\1/p'; }
fast() { in_host n1 cat /run/hawser/overlay/blue | jq .fast; }
# usage: another_program ID
another_program() { [ -n "$(program vx42)" ] && [ "$(program vx42)" != "$1" ]; }
agent_hosts 2
MORE='"fastPath":true' file_nodes 1 2
agents_start n1 n2
for host in n1 n2; do agent_comes $host '.peers | length == 1' || not_ok "$host knows the other"; done
check "the program is at the device" wait_for 5 another_program ""
check "the network's file says so" wait_for 5 [ "$(fast)" = true ]
all_meet "the nodes meet" n1 n2
for i in 1 2; do
	# shellcheck disable=SC2016
	in_host n$i sh -c 'mkdir -p /run/cni && ln -sfn /run/conf /run/cni/net.d'
	attach n$i c blue
	in_host n$i nft 'add table inet wall; add chain inet wall way { type filter hook forward priority -10; policy drop; }'
done
all_meet "containers, past the forward chain" n1/c n2/c
first=$(program vx42)
in_host n1 ip link del vx42
check "a device made again has one that knows it" wait_for 5 another_program "$first"
all_meet "and its containers" n1/c n2/c
check "CHECK" host_cni n1 check blue c
agent_end n1
first=$(program vx42)
MORE='"fastPath":true' file_nodes 1 2
agent_start n1
agent_comes n1 '.peers | length == 1' || not_ok "n1 knows the other"
same "an agent that starts again leaves it alone" "$first true" "$(program vx42) $(fast)"
agent_end n1
file_nodes 1 2
agent_start n1
gone() { [ -z "$(program vx42)" ] && [ "$(fast)" = null ]; }
check "switched off, it goes" wait_for 5 gone
same "and the forward chain sees everything" "0 of 2, 0 of 2" "$(PATIENCE=0.3 meet n1/c n2/c)"
for i in 1 2; do in_host n$i nft delete table inet wall; done
all_meet "without it they meet" n1/c n2/c
agent_end n1
agent_end n2
no_complaint "nothing for a sanitizer" n1 n2
done_testing
