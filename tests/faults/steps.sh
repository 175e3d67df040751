# SPDX-License-Identifier: GPL-2.0-or-later
# Every step of ADD failing leaves the host as it was; ADD killed at any system call leaves nothing
# that a DEL does not remove.
. tests/lib.sh

C='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0","isGateway":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}],[{"subnet":"fd00:88::/64"}]]}}'
fresh a
for where in "a new bridge" "an existing bridge"; do
	[ "$where" = "a new bridge" ] || { ip link add br0 type bridge && ip link set br0 up; }
	before=$(snapshot) k=0 wrong=0
	while k=$((k + 1)); [ $k -lt 200 ]; do
		HAWSER_FAULT=$k plugin bridge ADD a "$C" && break
		after=$(snapshot)
		if [ "$before" != "$after" ]; then
			wrong=$((wrong + 1))
			not_ok "$where: step $k" "$(diff <(echo "$before") <(echo "$after"))"
		fi
	done
	steps=$((k - 1))
	if [ $k -lt 200 ] && [ $steps -ge 8 ]; then ok "$where: all steps were reached"; else not_ok "$where: $steps steps"; fi
	same "$where: $steps failing steps left something" 0 "$wrong"
	plugin bridge DEL a "$C"
	ip link del br0
done

if ! strace -f -o /dev/null true 2>/dev/null; then
	skip "ADD killed at each system call" "strace cannot trace here"
	done_testing
fi
ip link add br0 type bridge && ip link set br0 up && ip addr add 10.88.0.1/24 dev br0
ip addr add fd00:88::1/64 dev br0 nodad
before=$(snapshot) wrong=0 killed=0
CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a strace -qq -o /run/trace "$BIN/bridge" <<<"$C" >/dev/null 2>&1
plugin bridge DEL a "$C"
calls=$(grep -c '(' /run/trace)
for k in $(seq 5 2 "$calls"); do
	CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a strace -qq -o /dev/null \
		-e inject=all:signal=SIGKILL:when="$k" "$BIN/bridge" <<<"$C" >/dev/null 2>&1
	[ $? -eq 137 ] && killed=$((killed + 1))
	NETNS= plugin bridge DEL a "$C" || not_ok "DEL after a kill at call $k"
	after=$(snapshot)
	if [ "$before" != "$after" ]; then
		wrong=$((wrong + 1))
		not_ok "killed at call $k" "$(diff <(echo "$before") <(echo "$after"))"
	fi
done
if [ "$killed" -gt 20 ]; then ok "ADD was killed at $killed of $calls system calls"; else not_ok "only $killed kills"; fi
same "kills that left something behind a DEL" 0 "$wrong"
done_testing
