# SPDX-License-Identifier: GPL-2.0-or-later
# The same stdin and environment to Debian's reference host-device and to ours; results, links, addresses and
# routes are compared. And each deletes what the other attached.
#
# Intended differences, taken out before comparing:
#   state after DEL             there the device stays down; here it is set up if it was
#   CNI_NETNS gone on DEL       there the lease leaks (P#1196), here it is released: tests/netns/host-device.sh
#   alias after DEL             1.1.1 leaves the device's own name in it, later ones and ours remove it
#   second DEL                  there an error, here success
#   several selectors           there the first of a fixed order counts, here it is an error
#   arp_notify                  here 1, there only when the addresses are set by other plugins
. "$(dirname "$0")/../netns/lib.sh"
if [ ! -x "$REF/host-device" ]; then
	skip "differential tests of host-device" "no reference plugins in $REF"
	done_testing
fi

MAC=02:00:00:00:00:71
conf() { echo "{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"host-device\",$1}"; }
run() { CNI_PATH=$1 CNI_COMMAND=$2 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$1/host-device" <<<"$3" >$out 2>$err; }
hardware() {
	slate a
	ip link add hw0 address $MAC type veth peer name hw1 address 02:00:00:00:00:72
	ip link set hw1 up # carrier: the reference waits for the addresses of IPv6 without one
	ip link set hw0 "${1:-down}"
}
look() {
	local ns family
	for ns in '' a; do
		echo "links of ${ns:-host}"
		ip ${ns:+-n $ns} -j -d link | jq -c 'sort_by(.ifname)[] | [.ifname, .address, .mtu, (if .ifname == "eth0" then .ifalias else null end), (.flags | index("UP") != null)]'
		ip ${ns:+-n $ns} -j addr | jq -c '.[] | .ifname as $n | .addr_info[] | select(.family == "inet" or .scope != "link") |
			[$n, .family, .local, .prefixlen, .scope, .broadcast]' | sort
		for family in -4 -6; do
			ip ${ns:+-n $ns} $family -o route show table all | grep -vE 'fe80|ff00|multicast|:.* table local' |
				sed -E 's/ (linkdown|error 4294967183|proto (boot|static))//g; s/ +/ /g' | sort
		done
	done
}
# usage: observe FOLDER VERBS CONF
observe() {
	local verb c=$3
	hardware "${4:-down}"
	for verb in $2; do
		run "$1" "$verb" "$c"
		echo "$verb: exit status $?"
		[ "$verb" != ADD ] || c=$(with_prev "$c" "$(cat $out)")
		[ "$verb" != ADD ] || jq -S -c . $out
		look
	done
	leases
}
# usage: both NAME VERBS CONF [STATE]
both() {
	local theirs ours
	theirs=$(observe "$REF" "$2" "$3" "${4:-down}")
	ours=$(observe "$BIN" "$2" "$3" "${4:-down}")
	if [ "$theirs" = "$ours" ]; then ok "$1"; else not_ok "$1" "$(diff <(echo "$theirs") <(echo "$ours"))"; fi
}
for f in 4 6 dual; do
	both "$f: ADD CHECK DEL" "ADD CHECK DEL" "$(conf "\"device\":\"hw0\",$(ipam $f)")"
done
both "routes" "ADD CHECK" "$(conf "\"device\":\"hw0\",$(ipam dual '"routes":[{"dst":"192.0.2.0/24","gw":"10.88.0.1"},{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")" up
both "layer 2, hwaddr" "ADD DEL" "$(conf "\"hwaddr\":\"$MAC\"")"
both "dns" ADD "$(conf "\"device\":\"hw0\",\"dns\":{\"nameservers\":[\"10.88.0.1\"],\"search\":[\"x\"]},$(ipam 4)")"
for wrong in '"device":"none"' '"hwaddr":"xyz"' '"kernelpath":"/etc"' '"device":"hw0","ipam":{"type":"none"}' '"pciBusID":"0000:99:00.0"' '"device":""'; do
	hardware
	run "$REF" ADD "$(conf "$wrong")" && theirs=0 || theirs=1
	hardware
	run "$BIN" ADD "$(conf "$wrong")" && ours=0 || ours=1
	same "both refuse $wrong" "1 1" "$theirs $ours"
done

# --- swap: each deletes what the other attached
for f in 4 dual; do
	c=$(conf "\"device\":\"hw0\",$(ipam $f)")
	for pair in "$REF:$BIN" "$BIN:$REF"; do
		hardware
		before=$(look)
		run "${pair%:*}" ADD "$c" || not_ok "$f: ADD by ${pair%:*}"
		run "${pair#*:}" CHECK "$(with_prev "$c" "$(cat $out)")" || not_ok "$f: CHECK by ${pair#*:}"
		run "${pair%:*}" ADD "$c" && not_ok "$f: a second ADD by ${pair%:*}"
		prev=$(ip -n a -j link show eth0 | jq -c '{cniVersion: "1.0.0", interfaces: [{name: "eth0", mac: .[0].address, sandbox: "/run/netns/a"}]}')
		if run "${pair#*:}" DEL "$(with_prev "$c" "$prev")"; then
			ok "$f: ${pair%:*} attached it, ${pair#*:} deletes it"
		else
			not_ok "$f: ${pair%:*} attached it, ${pair#*:} deletes it"
		fi
		same "$f: the host is as before" "$before" "$(look)"
		same "$f: no lease is left" 0 "$(leases)"
		# ours still has a record then, which its next DEL or GC takes away
		run "$BIN" DEL "$c" || not_ok "$f: a late DEL by ours"
		same "$f: nor a record; the device stays" "0 $before" "$(records) $(look)"
	done
done
done_testing
