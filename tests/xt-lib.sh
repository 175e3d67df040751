# shellcheck shell=bash disable=SC2086,SC2154
# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of rules in iptables share: the driver, both kinds of iptables, rules as text.

# Find the driver; without iptables the whole script is skipped.
xt_need() {
	if ! command -v xtables-nft-multi >/dev/null; then
		skip "rules in iptables" "no iptables"
		done_testing
	fi
	XT=$BIN/xt_driver
	[ -x "$XT" ] || XT=$here/build/test/bin/xt_driver # the release has none
}

# Use iptables-nft or iptables-legacy from here on. usage: xt_variant nft|legacy
xt_variant() {
	local tool dir=/run/xt-path/$1
	if ! command -v "xtables-$1-multi" >/dev/null; then
		skip "rules in iptables-$1" "no xtables-$1-multi"
		return 1
	fi
	mkdir -p "$dir"
	for tool in ip{,6}tables{,-save,-restore}; do
		ln -sf "$(command -v "xtables-$1-multi")" "$dir/$tool"
	done
	PATH=$dir:${PATH#/run/xt-path/*:}
	hash -r
	if ! iptables -t nat -L -n >$out 2>$err; then
		skip "rules in iptables-$1" "not in this kernel: $(head -n 1 $err)"
		return 1
	fi
}

# All tables as they are at boot.
xt_reset() {
	local t table
	for t in iptables ip6tables; do
		for table in filter nat raw; do
			$t -t $table -F
			$t -t $table -X
		done
		$t -P FORWARD ACCEPT
	done
}

# All rules of both families, without counters and times.
rules() {
	local t table
	for t in iptables ip6tables; do
		echo "$t"
		for table in filter nat raw; do
			$t-save -t $table
		done
	done | sed '/^#/d; s/ \[[0-9]*:[0-9]*\]$//'
}

# Leave out the chains that stay (as the reference's stay), and the jumps to them.
xt_without_shared() {
	grep -vE '^(:|-A )(CNI-HOSTPORT-(DNAT|MASQ|SETMARK)|CNI-FORWARD|CNI-ISOLATION-STAGE-[12]|HAWSER-LOCALNET) |-j (CNI-HOSTPORT-(DNAT|MASQ)|CNI-FORWARD|CNI-ISOLATION-STAGE-1|HAWSER-LOCALNET)$'
}

# Number of processes that the driver starts. usage: xt_processes WORDS
xt_processes() {
	ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 strace -f -qq -e trace=execve -o /run/xt-trace "$XT" "$@" >$out 2>$err || return
	echo $(($(grep -c 'execve(.*= 0' /run/xt-trace) - 1))
}

# The rest is for the comparison with the reference plugins.

prev() {
	jq -nc '{cniVersion: "1.0.0", interfaces: [{name: "br0"}, {name: "veth0"}, {name: "eth0", sandbox: "/run/netns/a"}],
		ips: [$ARGS.positional[] | {interface: 2, address: .}], dns: {}}' --args "$@"
}
# usage: ref PLUGIN VERB ID MEMBERS; the addresses are in $ips
ref() {
	local c
	# shellcheck disable=SC2086
	c=$(jq -nc --argjson p "$(prev $ips)" --argjson m "{$4}" "{cniVersion: \"1.0.0\", name: \"mynet\", type: \"$1\", prevResult: \$p} + \$m")
	CNI_PATH=$REF CNI_COMMAND=$2 CNI_CONTAINERID=$3 CNI_NETNS=/run/netns/a "$REF/$1" <<<"$c" >$out 2>$err || not_ok "reference: $1 $2 $3" "$c"
}
# The reference's bridge on an address that is static. usage: ref_bridge VERB ID
ref_bridge() {
	local c
	# shellcheck disable=SC2086
	c=$(jq -nc '{cniVersion: "1.0.0", name: "mynet", type: "bridge", bridge: "br0", ipMasq: true,
		ipam: {type: "static", addresses: [$ARGS.positional[] | {address: .}]}}' --args $ips)
	CNI_PATH=$REF CNI_COMMAND=$1 CNI_CONTAINERID=$2 CNI_NETNS=/run/netns/$2 "$REF/bridge" <<<"$c" >$out 2>$err ||
		not_ok "reference: bridge $1 $2" "$c"
}
equal() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "$(diff <(echo "$2") <(echo "$3"))"; fi
}
# What both made must be the same, and not nothing. usage: alike NAME; uses $theirs and $ours
alike() {
	[ "$(grep -c '^-A' <<<"$theirs")" -gt 0 ] || not_ok "$1: the reference made nothing"
	equal "$1: the same rules" "$theirs" "$ours"
}
