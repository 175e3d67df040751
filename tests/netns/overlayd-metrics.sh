# SPDX-License-Identifier: GPL-2.0-or-later
# The agent's metrics, read as strictly as the format says (tests/netns/exposition.py), which is tried with bad ones first.
. "$(dirname "$0")/../overlayd-lib.sh"
trap 'fixture star-N down' EXIT
# usage: reads FILE [EARLIER-FILE]
reads() { /usr/bin/python3 -SE "$here/tests/netns/exposition.py" "$@" 2>&1; }
# usage: bad NAME TEXT
bad() {
	# shellcheck disable=SC2059
	printf "$2" >/run/metrics
	refuse "the reader refuses $1" reads /run/metrics
}
head='# HELP a_total A.\n# TYPE a_total counter\n# HELP g G.\n# TYPE g gauge\n'
printf "${head}g 1\ng{x=\"a\\\\\\\\\\\\\"\\\\n\",y=\"\"} -1.5e+3\n" >/run/metrics
same "the reader reads" "2 families, 2 samples" "$(reads /run/metrics)"
bad "a line without an end" "${head}g 1"
bad "a sample without a type" 'g 1\n'
bad "an empty line" "${head}g 1\n\n"
bad "two spaces" "${head}g  1\n"
bad "a word" "${head}g one\n"
bad "a label without quotes" "${head}g{x=1} 1\n"
bad "a quote within a label" "${head}g{x=\"\"\"} 1\n"
bad "a backslash within a label" "${head}g{x=\"\\\\t\"} 1\n"
bad "a name with a dash" '# HELP g-g G.\n# TYPE g-g gauge\ng-g 1\n'
bad "a sample twice" "${head}g{x=\"1\"} 1\ng{x=\"1\"} 2\n"
bad "a type twice" "${head}# TYPE g gauge\n"
bad "a family in two places" "# HELP g G.\n# TYPE g gauge\ng 1\n# HELP h H.\n# TYPE h gauge\nh 1\ng{x=\"2\"} 1\n"
bad "a counter that is none by its name" '# HELP a A.\n# TYPE a counter\na 1\n'
bad "a counter below nothing" "${head}a_total -1\n"
printf "${head}a_total 2\n" >/run/before && printf "${head}a_total 1\n" >/run/metrics
refuse "the reader refuses a counter that has gone back" reads /run/metrics /run/before

agent_hosts 2
agent_start n1
agent_get n1 /metrics >/run/metrics
check "metrics of no network" grep -qE ' families' <(reads /run/metrics)
agent_end n1
file_nodes 1 2
NAME=red.x_y-z VNI=43 B=6 file_nodes 1 2
agents_start n2
agent_start n1 --metrics 127.0.0.1:9469
agent_comes n1 '(.peers | length) == 1' || not_ok "n1 has its peer"
NAME=red.x_y-z agent_comes n1 '(.peers | length) == 1' || not_ok "n1 has its peer in the other network, too"
agent_get n1 /metrics -D /run/head >/run/before
check "metrics of two networks" grep -qE '^[0-9]+ families, [0-9]+ samples$' <(reads /run/before)
check "and their type" grep -qiE '^content-type: text/plain; version=0\.0\.4' <(in_host n1 cat /run/head)
in_host n1 ip route del 10.5.2.0/24
mended() { in_host n1 ip route show 10.5.2.0/24 | grep -q .; }
check "the agent mends a route" wait_for $((5 * SLOW)) mended
in_host n1 curl -sf http://127.0.0.1:9469/metrics >/run/metrics
check "and again over TCP: no counter has gone back" grep -qE ' families' <(reads /run/metrics /run/before)
# usage: value METRIC FILE; of blue
value() { sed -n "s/^hawser_overlay_$1{network=\"blue\"} //p" "$2"; }
for counter in runs entries_written repairs; do
	check "$counter counts it" [ "$(value ${counter}_total /run/metrics)" -gt "$(value ${counter}_total /run/before)" ]
done
same "not those of the other network" "$(grep 'repairs_total{network="red.x_y-z"}' /run/before)" "$(grep 'repairs_total{network="red.x_y-z"}' /run/metrics)"
same "each network has every family" "" "$(grep '^hawser_overlay_' /run/metrics | grep -v '^hawser_overlay_peer_' | sed 's/{.*//' | sort | uniq -c | grep -v '^ *2 ')"
agent_end n1
agent_end n2
done_testing
