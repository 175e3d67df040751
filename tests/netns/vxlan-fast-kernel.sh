# SPDX-License-Identifier: GPL-2.0-or-later
# vm: vxlan veth bridge cls_bpf sch_ingress nf_tables
# "fastPath" of vxlan with another kernel: it takes the programs, and packets pass by its netfilter. What else there is to
# it is in vxlan-fast.sh.
. "$(dirname "$0")/../overlay-lib.sh"
trap 'fixture star-N down' EXIT

check "what the program does with single packets" "$BIN/test_overlay_fast"
fixture star-N up 2
MORE='"fastPath":true' overlay_nodes 1 2
for place in n1/a n2/b n1/c; do
	attach "${place%/*}" "${place#*/}" blue
	same "$place: no warning" "" "$(cat $err)"
done
for h in n1 n2; do
	in_host $h nft 'add table inet wall; add chain inet wall way { type filter hook forward priority -10; policy drop; }'
done
all_meet "nothing is forwarded, and all meet" n1/a n2/b n1/c
check "CHECK" host_cni n1 check blue a
check "ICMP, two hops less" grep -q 'ttl=62' <(in_place n1/a ping -c1 -W2 "${V4[n2/b]}")
for i in 1 2; do in_host n$i tc qdisc del dev vx42 clsact; done
same "without the program nobody does" "0 of 1, 0 of 1" "$(PATIENCE=0.5 meet n2/b -- n1/a)"
done_testing
