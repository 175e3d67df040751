# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests share that compare an interface plugin with the reference's: the same stdin and environment for
# both, each in host and container namespaces of its own. Source it instead of tests/netns/lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"

# Run one executable on a clean slate and print everything it made, normalised. $prepare runs first.
# usage: observe FOLDER PLUGIN VERBS CONF; VERBS like "ADD:a CHECK:a"
observe() {
	local folder=$1 plugin=$2 c=$4 verb prev=$4 input status ns family k lease
	slate a b
	eval "${prepare:-:}"
	for verb in $3; do
		input=$prev
		case $verb in ADD:*) input=$c ;; esac
		CNI_PATH=$folder CNI_COMMAND=${verb%:*} CNI_CONTAINERID=${verb#*:} CNI_NETNS=/run/netns/${verb#*:} \
			"$folder/$plugin" <<<"$input" >$out 2>$err
		status=$?
		echo "${verb}: exit status $status"
		[ $status -eq 0 ] || return 0
		case $verb in
		ADD:*)
			jq -S -c 'if .interfaces then .interfaces[] |= (.mac = "MAC" | .name |= sub("^veth.*"; "VETH")) else . end' $out
			[ $verb != ADD:a ] || prev=$(with_prev "$c" "$(cat $out)")
			;;
		*) cat $out ;;
		esac
	done
	for ns in '' a b; do
		echo "links of ${ns:-host}"
		ip ${ns:+-n $ns} -j -d link | jq -c 'sort_by(.ifname)[] | [(.ifname | sub("^veth.*"; "VETH")), .mtu, .master,
			.promiscuity, .linkinfo.info_kind, .linkinfo.info_data.mode, (.flags | index("UP") != null),
			(.linkinfo.info_slave_data // {} | [.hairpin, .isolated, .learning, .flood])]' | sort
		ip ${ns:+-n $ns} -j addr | jq -c '.[] | .ifname as $n | .addr_info[] | select(.family == "inet" or .scope != "link") |
			[($n | sub("^veth.*"; "VETH")), .family, .local, .prefixlen, .scope, .broadcast]' | sort
		for family in -4 -6; do
			ip ${ns:+-n $ns} $family -o route show table all | grep -vE 'fe80|ff00|multicast|:.* table local' |
				sed -E 's/ (linkdown|error 4294967183|proto (boot|static))//g; s/ +/ /g; s/veth[0-9a-f]{8}/VETH/g' | sort
		done
	done
	cat /proc/sys/net/ipv4/ip_forward /proc/sys/net/ipv6/conf/all/forwarding
	cat /proc/sys/net/ipv6/conf/{br0,veth*}/accept_ra 2>/dev/null
	for ns in a b; do
		inside $ns sh -c 'cd /proc/sys/net; ip -4 addr show eth0 2>/dev/null | grep -q inet && cat ipv4/ip_forward
			ip -6 addr show eth0 2>/dev/null | grep -q "scope global" || exit 0
			for k in ipv6/conf/eth0/accept_dad ipv6/conf/eth0/disable_ipv6; do
			[ ! -e $k ] || echo "$k $(cat $k)"; done'
	done
	for lease in $(find /var/lib/cni/networks -type f 2>/dev/null | grep -v /lock | sort); do
		echo "$lease: $(tr '\r\n' '||' <"$lease")"
	done
}

# usage: alike NAME PLUGIN VERBS CONF
alike() {
	local theirs ours
	theirs=$(observe "$REF" "$2" "$3" "$4")
	ours=$(observe "$BIN" "$2" "$3" "$4")
	if [ -z "$theirs" ]; then
		not_ok "$1" "the reference did nothing"
	elif [ "$theirs" = "$ours" ]; then
		ok "$1"
	else
		not_ok "$1" "$(diff <(echo "$theirs") <(echo "$ours"))"
	fi
}
