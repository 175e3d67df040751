# SPDX-License-Identifier: GPL-2.0-or-later
# Results of static against golden files of each version; CHECK with them; which verbs a version allows.
. tests/lib.sh

golden=tests/golden
N=/nonexistent/netns
static() {
	echo "{\"cniVersion\":\"$1\",\"name\":\"net\",\"type\":\"static\",\"ipam\":{\"type\":\"static\",
	\"addresses\":[{\"address\":\"10.1.2.3/24\",\"gateway\":\"10.1.2.1\"},{\"address\":\"fd00::3/64\"}],
	\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.1.2.9\",\"mtu\":1400,\"table\":7}],
	\"dns\":{\"nameservers\":[\"10.1.2.53\"],\"search\":[\"example.org\"]}}}"
}
for v in 0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0; do
	NETNS=$N succeeds "static ADD $v" static ADD box "$(static $v)"
	if diff <(jq -S . "$golden/static-$v.json") <(jq -S . $out) >/run/test-diff; then
		ok "golden result $v"
	else
		not_ok "golden result $v" "$(cat /run/test-diff)"
	fi
	P=$(jq -c --argjson r "$(cat $out)" '. + {prevResult: $r}' <<<"$(static $v)")
	case $v in
	0.[123]*) NETNS=$N fails "CHECK is refused in $v" 1 "does not allow CHECK" static CHECK box "$P" ;;
	*) NETNS=$N succeeds "CHECK with a prevResult of $v" static CHECK box "$P" ;;
	esac
	case $v in
	1.1.0) succeeds "STATUS in $v" static STATUS "" "$(static $v)" ;;
	*) fails "STATUS is refused in $v" 1 "does not allow STATUS" static STATUS "" "$(static $v)" ;;
	esac
done
NETNS=$N plugin static ADD box "$(static 1.1.0)"
same "no newline behind a result" "}" "$(tail -c1 $out)"
check "indented by four spaces" grep -q '^    "cniVersion"' $out
same "empty cniVersion is 0.1.0" 0.1.0 "$(NETNS=$N plugin static ADD box "$(static "")"; jq -r .cniVersion $out)"

done_testing
