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
