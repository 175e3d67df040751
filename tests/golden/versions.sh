# SPDX-License-Identifier: GPL-2.0-or-later
# Results and errors as each version of the specification shapes them; needs no root and no network.
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

for p in bridge loopback host-local static; do
	same "$p: VERSION" '{"cniVersion":"1.1.0","supportedVersions":["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]}' \
		"$(CNI_COMMAND=VERSION "$BIN/$p" </dev/null)"
	same "$p: banner's first line" "CNI $p plugin v2.0.0" "$("$BIN/$p" 2>&1 >/dev/null </dev/null | head -n1)"
	same "$p: nothing on stdout with the banner" "" "$("$BIN/$p" 2>/dev/null </dev/null)"
	check "$p: --help" bash -c "'$BIN/$p' --help | grep -q 'Specification versions: 0.1.0'"
	fails "$p: malformed JSON" 6 "line 2" $p ADD box '{"cniVersion": "1.0.0", '
	fails "$p: trailing data" 6 "line 1" $p ADD box '{"cniVersion":"1.0.0","name":"n"} x'
	fails "$p: not an object" 6 "not a JSON object" $p ADD box '[1]'
	fails "$p: unknown version" 1 'config is "9.9.9", plugin supports ["0.1.0"' $p ADD box '{"cniVersion":"9.9.9","name":"n"}'
	fails "$p: version \"1.0\"" 1 'config is "1.0"' $p ADD box '{"cniVersion":"1.0","name":"n"}'
	fails "$p: no name" 7 "missing network name" $p ADD box '{"cniVersion":"1.0.0"}'
	for name in a/b .. $'a\nb' "$(printf 'n%.0s' $(seq 4096))"; do
		fails "$p: network name ${name:0:8}" 7 "network name" $p ADD box "$(jq -nc --arg n "$name" '{cniVersion:"1.0.0",name:$n}')"
	done
	for id in a/b ../x $'a\nb' -x "$(printf 'i%.0s' $(seq 4096))"; do
		NETNS=$N fails "$p: container id ${id:0:8}" 4 "CNI_CONTAINERID" $p ADD "$id" '{"cniVersion":"1.0.0","name":"n"}'
	done
	for ifname in a/b .. a:b 'a b' $'a\nb' eth%d sixteen-bytes-xx "$(printf 'i%.0s' $(seq 4096))"; do
		CNI_IFNAME=$ifname NETNS=$N fails "$p: interface name ${ifname:0:8}" 4 "CNI_IFNAME" $p ADD box '{"cniVersion":"1.0.0","name":"n"}'
	done
	NETNS= fails "$p: CNI_NETNS is missing on ADD" 4 "[CNI_NETNS] missing" $p ADD box '{"cniVersion":"1.0.0","name":"n"}'
	NETNS= fails "$p: all are missing" 4 "[CNI_CONTAINERID,CNI_NETNS] missing" $p ADD "" '{"cniVersion":"1.0.0","name":"n"}'
	fails "$p: unknown command" 4 "unknown CNI_COMMAND: FOO" $p FOO box '{}'
	fails "$p: unreadable prevResult" 6 "prevResult" $p CHECK box '{"cniVersion":"1.0.0","name":"n","prevResult":{"ips":3}}'
done
head -c 104857600 /dev/zero | tr '\0' ' ' >/run/big
CNI_COMMAND=ADD CNI_CONTAINERID=box CNI_NETNS=$N timeout 20 "$BIN/bridge" </run/big >$out 2>$err
same "stdin of 100 MB: exit status and code" "1 5" "$? $(jq -r .code $out)"
rm -f /run/big
check "the bridge's help lists its keys" bash -c "for k in isGateway forceAddress vlanTrunk enabledad runtimeConfig.mac waitForRelease; do '$BIN/bridge' --help | grep -q \"\$k\" || exit 1; done"
check "the keys of host-local" bash -c "for k in ranges resolvConf dataDir routes; do '$BIN/host-local' --help | grep -qi \"\$k\" || exit 1; done"
done_testing
