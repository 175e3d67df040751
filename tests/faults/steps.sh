# SPDX-License-Identifier: GPL-2.0-or-later
# Each step of ADD fails (HAWSER_FAULT=k); then each system call of ADD is the last one (SIGKILL). A failed ADD
# leaves the host as it was; after a killed one, DEL does.
. "$(dirname "$0")/../netns/lib.sh"

# usage: steps NAME PLUGIN CONF: fail step 1, 2, ... until ADD succeeds
steps() {
	local name=$1 plugin=$2 c=$3 k before after failed=0 limit=400
	slate a
	[ -z "${prepare:-}" ] || eval "$prepare"
	before=$(snapshot)
	for ((k = 1; k <= limit; k++)); do
		HAWSER_FAULT=$k plugin "$plugin" ADD a "$c" && break
		if ! jq -e '.code > 0 and (.msg | length > 5)' $out >/dev/null 2>&1; then
			not_ok "$name, step $k: the error is JSON with a text" "$(cat $err)"
			failed=1
		fi
		after=$(snapshot)
		if [ "$before" != "$after" ]; then
			not_ok "$name, step $k: the host is as it was" "$(diff <(echo "$before") <(echo "$after"))"
			failed=1
			# later steps are judged by themselves
			plugin "$plugin" DEL a "$c"
			slate a
			[ -z "${prepare:-}" ] || eval "$prepare"
			before=$(snapshot)
		fi
	done
	[ $failed -eq 1 ] || ok "$name: after each of $((k - 1)) failures the host is as it was"
	if [ $k -le 3 ] || [ $k -gt $limit ]; then
		not_ok "$name: ADD has between 3 and $limit steps" "it has $((k - 1))"
	else
		ok "$name: ADD succeeds when no step fails any more"
	fi
	plugin "$plugin" DEL a "$c" || not_ok "$name: DEL"
	nothing_left "$name: DEL leaves nothing"
}
gateway="\"isDefaultGateway\":true,"
for f in 4 6 dual; do
	steps "$f, new bridge" bridge "$(conf "$gateway$(ipam $f)")"
	prepare='ip link add br0 address 02:00:00:00:00:0b type bridge; ip link set br0 up; echo 0 >/proc/sys/net/ipv6/conf/br0/accept_ra'
	steps "$f, bridge there" bridge "$(conf "$gateway$(ipam $f)")"
	prepare=
done
steps "every key" bridge "$(conf "$gateway\"mtu\":1400,\"hairpinMode\":true,\"portIsolation\":true,\"enabledad\":false,$(ipam dual '"routes":[{"dst":"192.0.2.0/24","mtu":1300}]')")"
prepare='ip link add br0 address 02:00:00:00:00:0b type bridge; ip link set br0 up; ip addr add 10.99.0.1/24 dev br0'
steps "forceAddress" bridge "$(conf "$gateway\"forceAddress\":true,$(ipam 4)")"
prepare='ip link add br0 address 02:00:00:00:00:0b type bridge'
steps "bridge there, down" bridge "$(conf "$gateway$(ipam 4)")"
prepare=
steps "layer 2" bridge "$(conf)"
steps "host-local" host-local "$(conf "$(ipam dual)")"

# DEL, each step failing: the next DEL finishes the job.
c=$(conf "$gateway$(ipam dual)")
slate a
left=0
for ((k = 1; k <= 100; k++)); do
	plugin bridge ADD a "$c" || { not_ok "DEL step $k: ADD before it"; break; }
	if HAWSER_FAULT=$k plugin bridge DEL a "$c"; then
		break
	fi
	plugin bridge DEL a "$c" || left=1
	[ "$(veths) $(leases) $(records)" = "0 0 0" ] || { left=1 && not_ok "DEL step $k: the next DEL finishes the job"; slate a; }
done
[ $left -ne 0 ] || ok "after each of $((k - 1)) failures of DEL, the next DEL finishes the job"
plugin bridge DEL a "$c"
nothing_left "DEL with faults leaves nothing"

# SIGKILL at a system call: strace counts each kind by itself, so "mkdir 2" is the second mkdir.
if ! strace -f -o /dev/null true 2>/dev/null; then
	skip "ADD killed at its system calls" "strace cannot trace here"
	done_testing
fi
if [[ $BIN == */san/* ]]; then
	skip "ADD killed at its system calls" "LeakSanitizer and ptrace exclude each other"
	done_testing
fi
slate a
traced() { CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a strace -qq -o "$1" "${@:2}" "$BIN/bridge" <<<"$c" >$out 2>$err; }
traced /run/strace || not_ok "ADD under strace"
plugin bridge DEL a "$c"
mapfile -t points < <(grep -oE '^[a-z_0-9]+\(' /run/strace | tr -d '(' | grep -vE '^(execve|exit_group|brk|mmap|munmap|mprotect|getrandom)$' |
	awk '{ print $1, ++n[$1] }')
killed=0 bad_kills=0
for ((i = 0; i < ${#points[@]}; i += ${KILL_EVERY:-2})); do
	read -r call when <<<"${points[$i]}"
	{ traced /dev/null -e "inject=$call:signal=SIGKILL:when=$when"; } 2>/dev/null
	[ $? -ne 137 ] || killed=$((killed + 1))
	plugin bridge DEL a "$c" || { bad_kills=$((bad_kills + 1)) && not_ok "killed at $call $when: DEL"; }
	if [ "$(veths) $(leases) $(records)" != "0 0 0" ] || inside a ip link show eth0 >/dev/null 2>&1; then
		bad_kills=$((bad_kills + 1))
		not_ok "killed at $call $when: DEL leaves nothing" "$(snapshot)"
		slate a
	fi
	# each time on a host without the bridge, too
	[ $((i % 4)) -ne 0 ] || ip link del br0 2>/dev/null
done
same "ADD killed at $killed of ${#points[@]} system calls, DEL leaves nothing" 0 $bad_kills
check "ADD was really killed" [ $((killed * 10)) -gt $((${#points[@]} * 10 / ${KILL_EVERY:-2} / 2)) ]
succeeds "and ADD works after that" bridge ADD a "$c"
succeeds "and DEL" bridge DEL a "$c"
same "no temporary files stay" "" "$(find /var/lib/cni /run/hawser -type f 2>/dev/null | grep -vE '/(lock|last_reserved_ip\.[0-9]+|[0-9a-f.:]+)$' | grep -v '/idx$')"
nothing_left "nothing is left of the killed"
done_testing
