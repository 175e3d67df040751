# SPDX-License-Identifier: GPL-2.0-or-later
# 64 parallel ADDs on one new bridge, then 64 parallel DELs: no failure, no duplicate, nothing left.
. "$(dirname "$0")/lib.sh"
n=64
c=$(conf "\"isDefaultGateway\":true,$(ipam dual)")
all() {
	local verb=$1 i pids=() failed=0
	for i in $(seq $n); do
		CNI_COMMAND=$verb CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/c$i "$BIN/bridge" \
			<<<"$c" >/run/out.$i 2>/run/err.$i &
		pids+=($!)
	done
	for i in $(seq $n); do
		wait "${pids[$((i - 1))]}" && continue
		failed=$((failed + 1))
		[ $failed -gt 3 ] || { echo "# c$i:" && cat /run/out.$i /run/err.$i; } | tr '\n' ' '
	done
	same "$n parallel ${verb}s, none fails" 0 $failed
}
# shellcheck disable=SC2046
slate $(seq -f 'c%.0f' $n)
all ADD
cat /run/out.* >/run/all
for what in '.ips[].address' '.interfaces[1].name' '.interfaces[2].mac'; do
	want=$n
	[ "$what" != '.ips[].address' ] || want=$((2 * n))
	same "no duplicate in $what" "$want $want" "$(jq -r "$what" /run/all | wc -l) $(jq -r "$what" /run/all | sort -u | wc -l)"
done
same "links, leases and records" "$n $((2 * n)) $n" "$(veths) $(leases) $(records)"
same "one bridge, one address of each family" "10.88.0.1/24 fd00:88::1/64" "$(addresses br0)"
same "every result says what the kernel has" 0 "$(for i in $(seq $n); do
	[ "$(jq -r '[.ips[].address] | sort | join(" ")' /run/out.$i)" = "$(addresses eth0 c$i)" ] || echo "c$i"
done | wc -l)"
for i in 2 $((n / 2)) $n; do
	check "c1 reaches c$i" inside c1 ping -c1 -W2 "$(jq -r '.ips[0].address | split("/")[0]' /run/out.$i)"
done
all DEL
nothing_left "nothing is left"
check "no process is left" wait_for 10 none_running bridge
# ADD and DEL of different containers at the same time
for round in 1 2 3; do
	failed=0 pids=()
	for i in $(seq 16); do
		(
			for verb in ADD DEL ADD DEL; do
				CNI_COMMAND=$verb CNI_CONTAINERID=c$i CNI_NETNS=/run/netns/c$i "$BIN/bridge" <<<"$c" >/run/out.$i || exit 1
			done
		) &
		pids+=($!)
	done
	for p in "${pids[@]}"; do
		wait "$p" || failed=$((failed + 1))
	done
	same "ADD and DEL mixed, round $round" 0 $failed
done
nothing_left "nothing is left of the mixture"
done_testing
