# SPDX-License-Identifier: GPL-2.0-or-later
# What the demos share: how they begin, show their steps and end. Source it.
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

failures=0

# Go on in namespaces of our own, with HAWSER_BIN absolute. usage: demo_begin "$@"
demo_begin() {
	if [ "$(id -u)" -ne 0 ]; then
		echo "${0##*/} needs root: it makes network namespaces" >&2
		exit 1
	fi
	private_host "$@"
	private_files
	HAWSER_BIN=$(cd "${HAWSER_BIN:-$(dirname "$0")/../bin}" && pwd)
	export HAWSER_BIN
	unset http_proxy HTTP_PROXY
}

title() { printf '\n\033[1m%s\033[0m\n' "$*"; }

# One step: what it is, and the command that must succeed, with its time. Its output is shown when it fails.
step() {
	local text=$1 out start
	shift
	start=${EPOCHREALTIME//[.,]/}
	if out=$("$@" 2>&1); then
		printf '  %-50s %7.1f ms  ok\n' "$text" "$(((${EPOCHREALTIME//[.,]/} - start) / 100))e-1"
	else
		printf '  %-62s FAILED\n' "$text"
		printf '    %s\n' "$out"
		failures=$((failures + 1))
	fi
}

# usage: demo_end TEXT; TEXT is shown when nothing has failed
demo_end() {
	if [ "$failures" -gt 0 ]; then
		title "The demo failed: $failures steps"
		exit 1
	fi
	title "$1"
}
