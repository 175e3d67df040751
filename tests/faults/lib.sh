# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests share that make steps fail. Source it instead of tests/netns/lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"

# Whether the step that was to fail was reached. A plugin may live with some failures (a sysctl that only
# saves time), so that success alone does not tell.
reached() { grep -q 'HAWSER_FAULT: step' $err; }

# All errors that were collected in /run/errors. usage: errors_are_json NAME NUMBER
errors_are_json() {
	same "$1: the errors are JSON with a text" "$2" \
		"$(jq -s 'map(select(.code > 0 and (.msg | length > 5))) | length' /run/errors)"
}

# Whether the host is as in $before. Where $settle is set, so many seconds are given to what the kernel does by itself
# a moment later (routes of an IPv6 address that came back).
unchanged() {
	after=$(snapshot)
	[ "$before" = "$after" ]
}

# Fail step 1, 2, ... of ADD until there are no more; $prepare runs on each clean slate.
# usage: fail_each_step NAME PLUGIN CONF
fail_each_step() {
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
		if ! unchanged && ! { [ -n "${settle:-}" ] && wait_for "$settle" unchanged; }; then
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

# DEL, each step failing: the next DEL finishes the job. usage: fail_each_step_of_del PLUGIN CONF
fail_each_step_of_del() {
	local plugin=$1 c=$2 k left=0 before
	slate a
	[ -z "${prepare:-}" ] || eval "$prepare"
	plugin "$plugin" ADD a "$c" && plugin "$plugin" DEL a "$c" || not_ok "$plugin: ADD and DEL"
	before=$(snapshot)
	for ((k = 1; k <= 100; k++)); do
		plugin "$plugin" ADD a "$c" || { not_ok "$plugin: DEL step $k: ADD before it"; break; }
		HAWSER_FAULT=$k plugin "$plugin" DEL a "$c"
		reached || break
		plugin "$plugin" DEL a "$c" || left=1
		[ "$before" = "$(snapshot)" ] || { not_ok "$plugin: DEL step $k: the next DEL finishes the job" "$(diff <(echo "$before") <(snapshot))"; left=1; break; }
	done
	if [ $left -eq 0 ] && [ $k -gt 1 ]; then ok "$plugin: after each of $((k - 1)) failures of DEL, the next DEL finishes the job"; else not_ok "$plugin: DEL with faults" "$((k - 1)) steps"; fi
	plugin "$plugin" DEL a "$c"
	nothing_left "$plugin: DEL with faults leaves nothing"
}

# Kill ADD of container a at its 1st, 2nd, ... system call (with every=N: each Nth) until it gets through, and clean
# up each time with VERB. usage: kills PLUGIN VERB ID CONF ADDCONF LEAST-KILLS [AFTER]
kills() {
	local plugin=$1 verb=$2 id=$3 conf=$4 add=$5 least=$6 after=${7:-} k=0 status=137 killed=0 wrong=0 before now
	before=$(snapshot)
	while [ $status -eq 137 ] && k=$((k + ${every:-1})) && [ $k -lt 1000 ]; do
		CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a \
			"$BIN/kill_at" $k "$BIN/$plugin" <<<"$add" >/dev/null 2>&1
		status=$?
		[ $status -eq 137 ] && killed=$((killed + 1))
		NETNS= plugin "$plugin" "$verb" "$id" "$conf" || not_ok "$plugin: $verb after a kill at call $k"
		[ -z "$after" ] || eval "$after"
		now=$(snapshot)
		if [ "$before" != "$now" ]; then
			wrong=$((wrong + 1))
			not_ok "$plugin $verb: killed at call $k" "$(diff <(echo "$before") <(echo "$now"))"
			[ $wrong -lt 5 ] || break
		fi
	done
	same "$plugin $verb: the ADD that was not killed succeeded" 0 "$status"
	if [ $killed -gt "$least" ]; then ok "$plugin $verb: ADD was killed at $killed of its system calls"; else not_ok "$plugin: only $killed kills"; fi
	same "$plugin $verb: kills that left something" 0 "$wrong"
}
