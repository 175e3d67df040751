# SPDX-License-Identifier: GPL-2.0-or-later
# Helpers of the test scripts; the runner gives each script namespaces, /run and /var/lib/cni of its own.

BIN=${HAWSER_BIN:-$PWD/bin}
# Programs that do in one process what takes many of ip, find and jq; built in the flavour test only.
HELPERS=$(cd "$(dirname "${BASH_SOURCE[0]}")/.." && pwd)/build/test/bin
SNAPSHOT=$HELPERS/snapshot
REF=${REFERENCE_BIN:-/usr/lib/cni}
export CNI_PATH=${CNI_PATH:-$BIN} CNI_IFNAME=${CNI_IFNAME:-eth0}
unset CNI_ARGS HAWSER_FAULT HAWSER_DEBUG
bad=0
out=/run/test-out err=/run/test-err

ok() { echo "ok - $1"; }
not_ok() {
	bad=1
	echo "not ok - $1"
	shift
	[ $# -eq 0 ] || printf '    # %s\n' "$@"
	sed 's/^/    # stdout: /' "$out" 2>/dev/null | head -n 20
	sed 's/^/    # stderr: /' "$err" 2>/dev/null | head -n 20
}
skip() { echo "skip - $1: $2"; }
done_testing() { exit "$bad"; }

# A check by its exit status. usage: check NAME COMMAND...
check() {
	local name=$1
	shift
	if "$@" >/run/test-check 2>&1; then
		ok "$name"
	else
		not_ok "$name" "failed: $*" "$(head -c 400 /run/test-check)"
	fi
}
refuse() {
	local name=$1
	shift
	if "$@" >/run/test-check 2>&1; then
		not_ok "$name" "should have failed: $*"
	else
		ok "$name"
	fi
}
same() {
	if [ "$2" = "$3" ]; then ok "$1"; else not_ok "$1" "expected: $2" "got:      $3"; fi
}

# Run a plugin. usage: plugin NAME VERB ID CONF; netns is /run/netns/ID unless NETNS is set (also to "").
plugin() {
	CNI_COMMAND=$2 CNI_CONTAINERID=$3 CNI_NETNS=${NETNS-/run/netns/$3} "$BIN/$1" >$out 2>$err <<<"$4"
}
# usage: succeeds NAME PLUGIN VERB ID CONF
succeeds() {
	local name=$1
	shift
	if plugin "$@"; then ok "$name"; else not_ok "$name" "exit status $?"; fi
}
# usage: fails NAME CODE TEXT PLUGIN VERB ID CONF; also checks that nothing changed
fails() {
	local name=$1 code=$2 text=$3 before after status got
	shift 3
	before=$(snapshot)
	plugin "$@"
	status=$?
	after=$(snapshot)
	got=$(jq -r '"\(.code) \(.msg)|\(.details // "")"' $out 2>/dev/null)
	if [ $status -ne 1 ]; then
		not_ok "$name" "exit status $status, not 1"
	elif [[ $got != "$code "* ]]; then
		not_ok "$name" "code is ${got%% *}, not $code"
	elif [[ $got != *"$text"* ]]; then
		not_ok "$name" "no \"$text\" in the message"
	elif [ "$before" != "$after" ]; then
		not_ok "$name" "the host changed" "$(diff <(echo "$before") <(echo "$after"))"
	else
		ok "$name"
	fi
}
# jq by a program that starts ten times as fast, and that leaves to jq what it does not understand.
jq() { "$HELPERS/query" "$@"; }
# usage: result JQ-FILTER; of the last plugin's stdout
result() { jq -r "$1" $out; }

# Everything an attachment may leave: links, addresses, routes of all namespaces, leases, records.
snapshot() { "$SNAPSHOT"; }
leases() { find /var/lib/cni/networks -type f 2>/dev/null | grep -cE '/[0-9a-f.:]+$'; }
records() { find /run/hawser/attachments -type f 2>/dev/null | wc -l; }
veths() { ip -o link | grep -c ' veth'; }
# usage: inside NAMESPACE COMMAND...; /sys stays the host's
inside() { nsenter --net="/run/netns/$1" "${@:2}"; }
fresh() {
	local ns
	for ns in "$@"; do
		ip netns del "$ns" 2>/dev/null
		ip netns add "$ns"
	done
}
