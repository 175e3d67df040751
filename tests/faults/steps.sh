# SPDX-License-Identifier: GPL-2.0-or-later
# Each step of ADD fails (HAWSER_FAULT=k), and leaves the host as it was; each step of DEL, and the next DEL
# finishes the job.
. "$(dirname "$0")/lib.sh"

# usage: steps NAME PLUGIN CONF: fail step 1, 2, ... until there are no more
steps() {
	local name=$1 plugin=$2 c=$3 k before after status failed=0 lived=0 limit=400
	slate a
	[ -z "${prepare:-}" ] || eval "$prepare"
	before=$(snapshot)
	: >/run/errors
	for ((k = 1; k <= limit; k++)); do
		HAWSER_FAULT=$k plugin "$plugin" ADD a "$c"
		status=$?
		reached || break
		if [ $status -eq 0 ]; then
			lived=$((lived + 1))
			plugin "$plugin" DEL a "$c" || not_ok "$name, step $k: DEL after an ADD that went on"
			slate a
			[ -z "${prepare:-}" ] || eval "$prepare"
			before=$(snapshot)
			continue
		fi
		cat $out >>/run/errors
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
	errors_are_json "$name" $((k - 1 - lived))
	[ $failed -eq 1 ] || ok "$name: after each of $((k - 1 - lived)) failures the host is as it was, $lived more did not matter"
	same "$name: ADD without a failure" 0 $status
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
	HAWSER_FAULT=$k plugin bridge DEL a "$c"
	reached || break
	plugin bridge DEL a "$c" || left=1
	snapshot | grep -qE '^(link .* veth |/)' && { left=1 && not_ok "DEL step $k: the next DEL finishes the job"; slate a; }
done
[ $left -ne 0 ] || ok "after each of $((k - 1)) failures of DEL, the next DEL finishes the job"
plugin bridge DEL a "$c"
nothing_left "DEL with faults leaves nothing"

done_testing
