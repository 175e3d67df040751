# SPDX-License-Identifier: GPL-2.0-or-later
# The same stdin and environment to Debian's Go plugins and to ours, in two hosts made alike: results,
# links, addresses and routes are compared.
#
# Intended differences, normalised away below:
#   - names of host veths (ours are derived, theirs random) and generated MACs;
#   - accept_dad and the like: ours is set without waiting;
#   - our default routes carry "proto static"; theirs "proto boot" (not printed);
#   - the Go bridge 1.1.1 leaves a veth behind when IPAM fails: only its exit status is compared.
. tests/lib.sh

[ -x "$REF/bridge" ] || { skip "differential" "no reference plugins in $REF"; done_testing; }

# Names and MACs that cannot be equal are replaced by what they stand for.
normal_result() {
	jq -S 'if .interfaces then .interfaces |= map(.name |= sub("^veth.*"; "veth") | del(.mac) | del(.mtu)) else . end
		| del(.details) | if .code then {failed: true} else . end' "$1"
}
normal_host() {
	echo "bridge: $(ip -o link show type bridge | awk '{print $2, ($0 ~ /UP/) ? "UP" : "DOWN", $5}')"
	ip -o addr show | awk '$3 ~ /inet/ && $4 !~ /^fe80/ {print $2, $3, $4}' | sed 's/^veth[0-9a-f]*/veth/' | sort
	for ns in a b; do
		ip -n $ns -o link | sed -E 's/^[0-9]+: //; s/@if[0-9]+//; s/ (qdisc|group|qlen) [^ ]+//g; s/link\/.*//; s/link-netns[^ ]*.*//'
		ip -n $ns -o addr | awk '$4 !~ /^fe80/ {print $2, $3, $4}' | sort
		ip -n $ns route | sed 's/ proto [a-z]*//g; s/ *$//' | sort
		ip -n $ns -6 route | grep -v fe80 | sed 's/ proto [a-z]*//g; s/ *$//' | sort
	done
	find /var/lib/cni/networks -type f ! -name lock 2>/dev/null | sort | while read -r f; do echo "$f: $(tr '\r\n' '. ' <"$f")"; done
}

# One case on one host. usage: one DIRECTORY CONF VERBS...
one() {
	local dir=$1 conf=$2 verb
	shift 2
	fresh a b
	rm -rf /var/lib/cni/networks
	for verb in "$@"; do
		CNI_PATH=$dir CNI_COMMAND=${verb%:*} CNI_CONTAINERID=${verb#*:} CNI_NETNS=/run/netns/${verb#*:} \
			"$dir/bridge" <<<"$conf" >/run/one.json 2>/dev/null
		echo "$verb: $?"
		[ ! -s /run/one.json ] || normal_result /run/one.json
	done
	normal_host
	for c in a b; do
		CNI_PATH=$dir CNI_COMMAND=DEL CNI_CONTAINERID=$c CNI_NETNS=/run/netns/$c "$dir/bridge" <<<"$conf" >/dev/null 2>&1
	done
	ip link del brd 2>/dev/null
}

compare() {
	local name=$1 conf=$2
	shift 2
	one "$REF" "$conf" "$@" >/run/diff.ref
	one "$BIN" "$conf" "$@" >/run/diff.our
	rm -f $out $err
	if diff /run/diff.ref /run/diff.our >/run/diff.txt; then ok "$name"; else not_ok "$name" "$(head -n 30 /run/diff.txt)"; fi
}

for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0; do
	c="\"cniVersion\":\"$v\",\"name\":\"diff\",\"type\":\"bridge\",\"bridge\":\"brd\""
	hl='"type":"host-local"'
	compare "$v: IPv4" "{$c,\"ipam\":{$hl,\"subnet\":\"10.50.0.0/24\"}}" ADD:a ADD:b
	compare "$v: isDefaultGateway" "{$c,\"isDefaultGateway\":true,\"ipam\":{$hl,\"subnet\":\"10.50.0.0/24\"}}" ADD:a ADD:b
	compare "$v: routes" "{$c,\"isGateway\":true,\"ipam\":{$hl,\"subnet\":\"10.50.0.0/24\",\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.60.0.0/16\",\"gw\":\"10.50.0.9\"}]}}" ADD:a
	compare "$v: IPv6" "{$c,\"isGateway\":true,\"ipam\":{$hl,\"subnet\":\"fd50::/64\",\"routes\":[{\"dst\":\"::/0\"}]}}" ADD:a
	compare "$v: dual stack" "{$c,\"isDefaultGateway\":true,\"ipam\":{$hl,\"ranges\":[[{\"subnet\":\"10.50.0.0/24\"}],[{\"subnet\":\"fd50::/64\"}]]}}" ADD:a ADD:b
	compare "$v: ADD and DEL" "{$c,\"isGateway\":true,\"ipam\":{$hl,\"subnet\":\"10.50.0.0/24\"}}" ADD:a DEL:a
	compare "$v: mtu, dns" "{$c,\"mtu\":1400,\"dns\":{\"nameservers\":[\"10.50.0.53\"]},\"ipam\":{$hl,\"subnet\":\"10.50.0.0/24\"}}" ADD:a
done
c='"cniVersion":"1.0.0","name":"diff","type":"bridge","bridge":"brd"'
compare "L2" "{$c}" ADD:a ADD:b
compare "static IPAM" "{$c,\"ipam\":{\"type\":\"static\",\"addresses\":[{\"address\":\"10.50.0.7/24\",\"gateway\":\"10.50.0.1\"}]}}" ADD:a
compare "a gateway of its own" "{$c,\"isGateway\":true,\"ipam\":{$hl,\"ranges\":[[{\"subnet\":\"10.50.0.0/24\",\"gateway\":\"10.50.0.254\",\"rangeStart\":\"10.50.0.100\"}]]}}" ADD:a ADD:b
done_testing
