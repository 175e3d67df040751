# SPDX-License-Identifier: GPL-2.0-or-later
# Masquerading and firewall of Debian's reference plugins (1.1.1) and ours in iptables-nft and iptables-legacy, each
# made on empty tables: the same text, and each removes what the other made.
#
# Not compared, because 1.1.1 does not know it: ingressPolicy isolated, what is ours only (DNS, direct access).
# Intended differences:
#   bridge DEL          the reference needs the netns and the addresses in it, ours does not
#   several addresses   there the second one of a family makes DEL fail: the chain is still in use
#   isolation rules     the reference leaves them; ours removes them with the last container
. "$(dirname "$0")/../netns/lib.sh"
. "$here/tests/xt-lib.sh"
if [ ! -x "$REF/bridge" ]; then
	skip "differential tests of rules in iptables" "no reference plugins in $REF"
	done_testing
fi
xt_need
export CNI_IFNAME=eth0

for v in nft legacy; do
	xt_variant $v || continue
	for ips in "10.88.0.2/24" "fd00:88::2/64" "10.88.0.2/24 fd00:88::2/64" "10.88.0.2/16 10.89.0.2/24 10.88.0.3/16"; do
		slate c1 c2
		xt_reset
		ref_bridge ADD c1
		ref_bridge ADD c2
		theirs=$(rules)
		xt_reset
		# shellcheck disable=SC2086
		for i in c1 c2; do
			"$XT" masq-add mynet $i $ips 2>>$err || not_ok "ours"
		done
		ours=$(rules)
		alike "$v: ipMasq $ips"
		if [[ $ips != *.*.*.*.* ]]; then
			ref_bridge DEL c1
			ref_bridge DEL c2
			same "$v: ipMasq $ips: the reference removes ours" 0 "$(rules | grep -c CNI-)"
		fi
		xt_reset
		slate c1
		ref_bridge ADD c1
		"$XT" masq-del mynet c1
		same "$v: ipMasq $ips: ours removes the reference's" 0 "$(rules | grep -c CNI-)"
	done

	for policy in open same-bridge; do
		for ips in "10.88.0.2/24" "10.88.0.2/24 fd00:88::2/64"; do
			for admin in CNI-ADMIN NOMAD-ADMIN; do
				# Nomad makes its chain and a rule in it before
				prepare() {
					xt_reset
					iptables -A FORWARD -s 192.0.2.1 -j DROP
					[ $admin = CNI-ADMIN ] || { iptables -N $admin && iptables -A $admin -o nomad -j ACCEPT; }
				}
				members="\"ingressPolicy\":\"$policy\",\"backend\":\"iptables\",\"iptablesAdminChainName\":\"$admin\""
				prepare
				ref firewall ADD c1 "$members"
				first=$ips
				ips=${ips//.2\//.3/} ips=${ips//::2/::3}
				ref firewall ADD c2 "$members"
				theirs=$(rules)
				prepare
				# shellcheck disable=SC2086
				"$XT" firewall-add mynet c1 $first admin=$admin bridge=br0 policy=$policy
				# shellcheck disable=SC2086
				"$XT" firewall-add mynet c2 $ips admin=$admin bridge=br0 policy=$policy
				ours=$(rules)
				alike "$v: firewall $policy $first $admin"
				ref firewall DEL c2 "$members"
				theirs=$(rules)
				prepare
				second=$ips ips=$first
				ref firewall ADD c1 "$members"
				ips=$second
				ref firewall ADD c2 "$members"
				# shellcheck disable=SC2086
				"$XT" firewall-del mynet c2 $ips bridge=br0
				equal "$v: firewall $policy $first $admin: each removes the other's" "$theirs" "$(rules)"
				ips=$first
			done
		done
	done
done
done_testing
