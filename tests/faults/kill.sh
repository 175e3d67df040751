# SPDX-License-Identifier: GPL-2.0-or-later
# ADD killed at each of its system calls leaves nothing that a DEL without a netns does not remove; and
# GC with an empty list removes it as well.
. tests/lib.sh

C='{"cniVersion":"1.1.0","name":"net","type":"bridge","bridge":"br0","isGateway":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}],[{"subnet":"fd00:88::/64"}]]}}'
G=$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$C")
fresh a
ip link add br0 address 02:00:00:00:00:0b type bridge && ip link set br0 up && ip addr add 10.88.0.1/24 dev br0
ip addr add fd00:88::1/64 dev br0 nodad

# usage: kills VERB ID CONF [AFTER]: kill ADD at call 1, 2, ... until it gets through, and clean up each time
kills() {
	local verb=$1 id=$2 conf=$3 after=${4:-} k=0 status=137 killed=0 wrong=0 before now
	before=$(snapshot)
	while [ $status -eq 137 ] && k=$((k + ${every:-1})) && [ $k -lt 1000 ]; do
		CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a \
			"$BIN/kill_at" $k "$BIN/bridge" <<<"$C" >/dev/null 2>&1
		status=$?
		[ $status -eq 137 ] && killed=$((killed + 1))
		NETNS= plugin bridge "$verb" "$id" "$conf" || not_ok "$verb after a kill at call $k"
		[ -z "$after" ] || eval "$after"
		now=$(snapshot)
		if [ "$before" != "$now" ]; then
			wrong=$((wrong + 1))
			not_ok "$verb: killed at call $k" "$(diff <(echo "$before") <(echo "$now"))"
			[ $wrong -lt 5 ] || break
		fi
	done
	same "$verb: the ADD that was not killed succeeded" 0 "$status"
	if [ $killed -gt 40 ]; then ok "$verb: ADD was killed at $killed of its system calls"; else not_ok "only $killed kills"; fi
	same "$verb: kills that left something" 0 "$wrong"
}
kills DEL a "$C"
kills GC "" "$G"
# at every third call: the bridge itself stays, as it does after an ADD that succeeded
ip link del br0
every=3 kills DEL a "$C" "ip link del br0 2>/dev/null"
same "no temporary files stay" "" "$(find /var/lib/cni /run/hawser -type f | grep -vE '/(lock|last_reserved_ip\.[0-9]+|idx)$')"
done_testing
