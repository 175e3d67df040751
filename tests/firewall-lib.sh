# SPDX-License-Identifier: GPL-2.0-or-later
# What the two tests of firewall's nftables backend share. Source it after tests/nat-lib.sh.

nft_backend='"backend":"nftables"'
# usage: guard NAME ID NETWORK MEMBERS; ADD of firewall
guard() { succeeds "$1" firewall ADD "$2" "$(chained firewall "$3" "$2" "$nft_backend${4:+,$4}")"; }
unguard() { succeeds "$1" firewall DEL "$2" "$(chained firewall "$3" "$2" "$nft_backend${4:+,$4}")"; }

# a1, a2 on br0 (network one), b1 on br1 (network two), with servers
town() {
	surroundings a1 a2 b1
	join a1 "$(net_conf one br0 88 "${1:-}")"
	join a2 "$(net_conf one br0 88 "${1:-}")"
	join b1 "$(net_conf two br1 89 "${1:-}")"
	for id in a1 a2 b1; do
		serve $id tcp:80 udp:80
	done
	serve outside tcp:81
}
