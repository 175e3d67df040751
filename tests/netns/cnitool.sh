# SPDX-License-Identifier: GPL-2.0-or-later
# cnitool: lists, negotiation, environment, cache and verbs, with a plugin that records what it gets, with
# Debian's plugins and with ours.
. "$(dirname "$0")/lib.sh"

rec=/run/recorded fakes=/run/fakes cache=/var/lib/cni/results
export REC=$rec NETCONFPATH=/run/net.d CNI_PATH=$fakes
unset CNI_IFNAME CAP_ARGS
mkdir -p $fakes

# Records its n-th call as $REC/<n>.{call,json,env}; FAKE_FAIL=<verb>:<type> fails, FAKE_OUT replaces ADD's output.
cat >$fakes/fake1 <<'END'
#!/bin/bash
type=${0##*/}
n=$(ls "$REC" | grep -c call)
echo "$CNI_COMMAND $type" >"$REC/$n.call"
env | grep ^CNI_ | sort >"$REC/$n.env"
cat >"$REC/$n.json"
if [ "${FAKE_FAIL:-}" = "$CNI_COMMAND:$type" ]; then
	printf '%s' "${FAKE_ERROR-{\"code\": 123, \"msg\": \"no luck\", \"details\": \"try harder\"\}}"
	exit 1
fi
[ "$CNI_COMMAND" = ADD ] || exit 0
if [ -n "${FAKE_OUT:-}" ]; then
	printf '%s' "$FAKE_OUT"
else
	jq -c --arg t "$type" '{cniVersion, ips: [{address: "10.1.0.\(if $t == "fake1" then 1 else 2 end)/24"}], dns: {}}' "$REC/$n.json"
fi
END
printf '#!/bin/bash\nexit 0\n' >$fakes/deaf
chmod +x $fakes/*
cp $fakes/fake1 $fakes/fake2

# A clean recording and configuration folder. $1: file, $2: content
config() {
	rm -rf /run/net.d && mkdir /run/net.d
	printf '%s' "$2" >"/run/net.d/$1"
	forget
}
forget() { rm -rf $rec && mkdir $rec; }
list() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"${N:-net}\",${1:+$1,}\"plugins\":[{\"type\":\"fake1\",\"capabilities\":{\"mac\":true,\"ips\":false}},{\"type\":\"fake2\",\"name\":\"other\"}]}"; }
tool() { "$BIN/cnitool" "$@" >$out 2>$err; }
works() {
	local name=$1
	shift
	if tool "$@"; then ok "$name"; else not_ok "$name" "exit status $?"; fi
}
# Exit status 1, the text on stderr in one single line, nothing on stdout. usage: broken NAME TEXT ARGS...
broken() {
	local name=$1 text=$2 status
	shift 2
	tool "$@"
	status=$?
	if [ $status -ne 1 ]; then
		not_ok "$name" "exit status $status, not 1"
	elif ! grep -qF -- "$text" $err; then
		not_ok "$name" "no \"$text\""
	elif [ "$(wc -l <$err)" -ne 1 ] || [ -s $out ]; then
		not_ok "$name" "more than one line"
	else
		ok "$name"
	fi
}
calls() { (cd $rec && find . -name '*.call' | sort -V | xargs -r cat | paste -sd, -); }
# usage: got N JQ-FILTER: of the stdin of call N
got() { jq -rc "$2" "$rec/$1.json"; }
var() { sed -n "s/^$2=//p" "$rec/$1.env"; }
entry() { find $cache -name "net-*" ! -name '.*' 2>/dev/null; }
id=cnitool-$(printf %s /run/netns/a | sha512sum | cut -c1-20)

slate a b

# --- ADD: what the plugins get, what is printed, what is cached
L=$(list)
config 10-net.conflist "$L"
CNI_ARGS='A=1;B=x=y' CAP_ARGS='{"mac":"02:00:00:00:00:01","ips":["10.1.0.9/24"]}' works "add" add net /run/netns/a
same "add runs the plugins in order" "ADD fake1,ADD fake2" "$(calls)"
same "name is the list's" "net net" "$(got 0 .name) $(got 1 .name)"
same "cniVersion is injected" "1.1.0 1.1.0" "$(got 0 .cniVersion) $(got 1 .cniVersion)"
same "the first plugin gets no prevResult" null "$(got 0 .prevResult)"
same "the second gets the first's result" "10.1.0.1/24" "$(got 1 '.prevResult.ips[0].address')"
same "runtimeConfig holds the capabilities marked true" '{"mac":"02:00:00:00:00:01"}' "$(got 0 .runtimeConfig)"
same "no runtimeConfig without capabilities" null "$(got 1 .runtimeConfig)"
same "CNI_CONTAINERID as upstream" "$id" "$(var 0 CNI_CONTAINERID)"
same "CNI_NETNS, CNI_IFNAME, CNI_PATH, CNI_ARGS" "/run/netns/a eth0 $fakes A=1;B=x=y" \
	"$(var 0 CNI_NETNS) $(var 0 CNI_IFNAME) $(var 0 CNI_PATH) $(var 0 CNI_ARGS)"
same "the last result is printed" "10.1.0.2/24" "$(result '.ips[0].address')"
same "4 spaces of indent" '    "cniVersion": "1.1.0",' "$(sed -n 2p $out)"
same "no newline at the end" "}" "$(tail -c1 $out)"
same "cache file name" "$cache/net-$id-eth0" "$(entry)"
same "cache: mode of file and folder" "600 700" "$(stat -c %a "$(entry)" $cache | xargs)"
same "cache: members" "capabilityArgs,cniArgs,config,containerId,ifName,kind,netns,networkName,result" \
	"$(jq -r 'keys | join(",")' "$(entry)")"
same "cache: values" "cniCacheV1 net $id eth0 /run/netns/a" \
	"$(jq -r '[.kind, .networkName, .containerId, .ifName, .netns] | join(" ")' "$(entry)")"
same "cache: cniArgs are pairs" '[["A","1"],["B","x=y"]]' "$(jq -c .cniArgs "$(entry)")"
same "cache: capabilityArgs whole" '["10.1.0.9/24"]' "$(jq -c .capabilityArgs.ips "$(entry)")"
same "cache: config is the list's bytes" "$L" "$(jq -r .config "$(entry)" | base64 -d)"
same "cache: result" "10.1.0.2/24" "$(jq -r '.result.ips[0].address' "$(entry)")"

# --- CHECK, DEL
forget
works "check" check net /run/netns/a
same "check is silent" "" "$(cat $out $err)"
same "check runs in order" "CHECK fake1,CHECK fake2" "$(calls)"
same "check: prevResult is the cached one for all" "10.1.0.2/24 10.1.0.2/24" \
	"$(got 0 '.prevResult.ips[0].address') $(got 1 '.prevResult.ips[0].address')"
config 10-net.conflist "$(V=0.4.0 list)"
works "check: the list's version has changed" check net /run/netns/a
same "check: prevResult is converted to it" "0.4.0 4" "$(got 0 '.prevResult.cniVersion') $(got 0 '.prevResult.ips[0].version')"
config 10-net.conflist "$(list '"disableCheck":"true"')"
works "check with disableCheck" check net /run/netns/a
same "disableCheck asks nobody" "" "$(calls)"
config 10-net.conflist "$(V=0.3.1 list)"
broken "check of 0.3.1" 'configuration version "0.3.1" does not support the CHECK command' check net /run/netns/a
works "del of 0.3.1" del net /run/netns/a
same "del of 0.3.1 passes no prevResult" null "$(got 0 .prevResult)"
same "del removes the cache file" "" "$(entry)"
config 10-net.conflist "$L"
broken "check without an attachment" 'failed to get network "net" cached result' check net /run/netns/a
works "add again" add net /run/netns//b/../a/
forget
works "del" del net /run/netns/a
same "the netns path is cleaned: same id" "$id" "$(var 0 CNI_CONTAINERID)"
same "del is silent" "" "$(cat $out $err)"
same "del runs in reverse order" "DEL fake2,DEL fake1" "$(calls)"
same "del: prevResult from the cache" "10.1.0.2/24 10.1.0.2/24" \
	"$(got 0 '.prevResult.ips[0].address') $(got 1 '.prevResult.ips[0].address')"
forget
works "del twice" del net /run/netns/a
same "del without a cache passes no prevResult" "DEL fake2,DEL fake1 null" "$(calls) $(got 0 .prevResult)"
for content in '' '{' '[]' '{"kind":"cniCacheV1"}' '{"kind":"cniCacheV1","result":{"cniVersion":"1.1.0","ips":7}}'; do
	mkdir -p $cache
	printf %s "$content" >"$cache/net-$id-eth0"
	forget
	works "del with a broken cache file: '$content'" del net /run/netns/a
	same "... without prevResult; the file is gone" "null " "$(got 0 .prevResult) $(entry)"
done
printf %s '{"cniVersion":"0.2.0","ip4":{"ip":"10.7.0.1/24"}}' >"$cache/net-$id-eth0"
forget
works "del with a cache of the old format" del net /run/netns/a
same "... is converted" "1.1.0 10.7.0.1/24" "$(got 0 .prevResult.cniVersion) $(got 0 '.prevResult.ips[0].address')"
(cd /run/netns && forget && tool del net ./a)
same "a relative netns path" "/run/netns/a" "$(var 0 CNI_NETNS)"
forget
CNI_IFNAME=net0 tool del net /run/netns/a
tool -i net1 del net /run/netns/a
same "CNI_IFNAME and --ifname" "net0 net1" "$(var 0 CNI_IFNAME) $(var 2 CNI_IFNAME)"
tool --trace del net /run/netns/a
same "--trace: one line for each plugin" 2 "$(grep -cE 'DEL +fake[12] +[0-9.]+ ms' $err)"

# --- failures of plugins
forget
FAKE_FAIL=ADD:fake2 broken "the plugin's error" 'plugin type="fake2" failed (add): no luck: try harder' add net /run/netns/a
same "a failed add caches nothing" "" "$(entry)"
FAKE_FAIL=DEL:fake2 broken "del: the plugin's error" 'plugin type="fake2" failed (delete): no luck' del net /run/netns/a
FAKE_FAIL=ADD:fake1 FAKE_ERROR= broken "a failure without a word" 'netplugin failed with no error message: exit status 1' add net /run/netns/a
FAKE_FAIL=ADD:fake1 FAKE_ERROR=segfault broken "a failure without JSON" 'error parsing its diagnostic message "segfault"' add net /run/netns/a
FAKE_OUT=hello broken "a result that is no JSON" 'plugin type="fake1" failed (add)' add net /run/netns/a
FAKE_OUT='{"cniVersion":"","ips":[]}' works "a result with an empty cniVersion" add net /run/netns/a
same "... gets the configuration's" 1.1.0 "$(result .cniVersion)"
tool del net /run/netns/a
config n.conflist '{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"nosuch"}]}'
CNI_PATH=/run/x:/run/y broken "no such plugin" 'failed to find plugin "nosuch" in path [/run/x /run/y]' add net /run/netns/a
grep -q 'No such file' $err && not_ok "... said once" || ok "... said once"
config n.conflist '{"cniVersion":"1.1.0","name":"net","plugins":[{"type":"../bin/sh"}]}'
broken "a type with a slash" 'invalid plugin type' add net /run/netns/a
config n.conflist "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"plugins\":[{\"type\":\"deaf\",\"x\":\"$(printf %2000000s)\"}]}"
# the caller of the tests may ignore SIGPIPE, which would hide that we don't
check "a plugin that does not read 2 MB of stdin" env --default-signal=PIPE "$BIN/cnitool" del net /run/netns/a

# --- GC, STATUS
config 10-net.conflist "$L"
tool add net /run/netns/a
CNI_ARGS='K=V' tool -i eth1 add net /run/netns/b
N=net2 list >/run/net.d/20.conflist
tool add net2 /run/netns/a
forget
works "gc --keep" --keep "$id:eth0" gc net
same "gc --keep: DEL of the other, then GC" "DEL fake2,DEL fake1,GC fake1,GC fake2" "$(calls)"
same "gc: DEL has the cached arguments" "eth1 /run/netns/b K=V 10.1.0.2/24" \
	"$(var 0 CNI_IFNAME) $(var 0 CNI_NETNS) $(var 0 CNI_ARGS) $(got 0 '.prevResult.ips[0].address')"
same "gc: both names of the list" "[{\"containerID\":\"$id\",\"ifname\":\"eth0\"}]" \
	"$(got 2 '."cni.dev/valid-attachments"')"
same "gc: the misnamed one, too" "$(got 2 '."cni.dev/valid-attachments"')" "$(got 2 '."cni.dev/attachments"')"
same "gc: GC gets no attachment in the environment" "||" "$(var 2 CNI_CONTAINERID)|$(var 2 CNI_NETNS)|$(var 2 CNI_IFNAME)"
forget
works "gc --keep with the id alone" --keep "$id" gc net
same "... names its cached interface" eth0 "$(got 0 '."cni.dev/valid-attachments"[0].ifname')"
forget
broken "gc --keep of an id nobody knows" "its interface must be named" --keep stranger gc net
broken "gc --keep of an invalid id" "invalid characters" --keep '../x' gc net
same "... neither runs anything" "" "$(calls)"
config 10-net.conflist "$(list '"disableGC":true')"
works "gc with disableGC" gc net
same "disableGC asks nobody" "" "$(calls)"
config 10-net.conflist "$L"
works "gc" gc net /run/netns/a
same "gc: DELs what is cached, then GC" "DEL fake2,DEL fake1,GC fake1,GC fake2" "$(calls)"
same "gc: the list is empty, not absent" "[]" "$(got 2 '."cni.dev/valid-attachments"')"
same "gc: another network's attachment stays" "net2-$id-eth0" "$(ls $cache)"
rm -f $cache/*
tool add net /run/netns/a
forget
FAKE_FAIL=DEL:fake2 tool gc net
same "gc: exit status and error of a failed DEL" "1 1" "$? $(grep -c "failed to delete stale attachment $id eth0: plugin type=\"fake2\"" $err)"
same "gc goes on after it" "DEL fake2,GC fake1,GC fake2" "$(calls)"
mkdir -p $cache && rm -f $cache/*
printf '{"kind":"cniCacheV1","networkName":"net","containerId":"../../etc","ifName":"eth0","cniArgs":[[1]]}' >$cache/evil
forget
broken "gc: an invalid id in the cache" "invalid characters" gc net
same "... gets no DEL" "GC fake1,GC fake2" "$(calls)"
rm -f $cache/*
forget
works "status" status net
same "status runs in order, without an attachment" "STATUS fake1,STATUS fake2 |" "$(calls) $(var 0 CNI_CONTAINERID)|$(var 0 CNI_NETNS)"
forget
FAKE_FAIL=STATUS:fake1 broken "status: the first error" "no luck" status net
same "status stops there" "STATUS fake1" "$(calls)"
config 10-net.conflist "$(V=1.0.0 list)"
works "status of 1.0.0" status net
works "gc of 1.0.0" gc net
same "1.0.0 knows neither GC nor STATUS" "" "$(calls)"

# --- configuration: search, negotiation, flags
config 10-net.conflist "$(list '"cniVersions":["0.4.0","1.0.0","9.9.9"]' | sed 's/"cniVersion":"1.1.0"/"cniVersion":"0.3.1"/')"
tool add net /run/netns/a
same "the highest version known to us" "1.0.0 1.0.0" "$(got 0 .cniVersion) $(result .cniVersion)"
tool del net /run/netns/a
config 10-net.conflist "$(V=9.9.9 list)"
broken "an unknown version" 'network "net"' add net /run/netns/a
config 10.conf '{"cniVersion":"1.0.0","name":"net","type":"fake1"}'
works "a single .conf is upconverted" add net /run/netns/a
same "... also in the cache" fake1 "$(jq -r .config "$(entry)" | base64 -d | jq -r '.plugins[0].type')"
tool del net /run/netns/a
mv /run/net.d/10.conf /run/net.d/10.json && forget
works "a single .json" del net /run/netns/a
list >/run/net.d/99.conflist && forget
tool del net /run/netns/a
same "a .conflist goes before it" "DEL fake2,DEL fake1" "$(calls)"
config 20.conflist "$(list)"
mkdir -p /run/net.d/net /run/net.d/dir.conflist
echo '{"type":"fake1","from":"file"}' >/run/net.d/net/10.conf
tool add net /run/netns/a
same "plugins in files of <dir>/<name>/ come last" "ADD fake1,ADD fake2,ADD fake1 file net" "$(calls) $(got 2 .from) $(got 2 .name)"
tool del net /run/netns/a
list '"loadOnlyInlinedPlugins":true' >/run/net.d/20.conflist && forget
tool del net /run/netns/a
same "loadOnlyInlinedPlugins" "DEL fake2,DEL fake1" "$(calls)"
echo '{"cniVersion":"1.1.0","name":"net"}' >/run/net.d/20.conflist && forget
tool del net /run/netns/a
same "plugins in files only" "DEL fake1" "$(calls)"
echo '{"cniVersion":"1.1.0","name":"net","plugins":[]}' >/run/net.d/20.conflist
broken "plugins: []" "no plugins in list" del net /run/netns/a
echo '{"cniVersion":"1.1.0","name":"net","plugins":{}}' >/run/net.d/20.conflist
broken "plugins is no array" "plugins" del net /run/netns/a
echo '{"cniVersion":"1.1.0","name":"net","disableGC":"yes","plugins":[{"type":"fake1"}]}' >/run/net.d/20.conflist
broken "disableGC: \"yes\"" 'invalid value of "disableGC"' del net /run/netns/a
echo '{"cniVersion":"1.1.0","name":"net","plugins":[{}]}' >/run/net.d/20.conflist
broken "a plugin without a type" '"type"' del net /run/netns/a
config 20.conflist "$(list)"
echo '{"name":' >/run/net.d/10.conflist
broken "a broken file before it names itself" /run/net.d/10.conflist add net /run/netns/a
mv /run/net.d/10.conflist /run/net.d/30.conflist
works "a broken file after it" add net /run/netns/a
tool del net /run/netns/a
rm /run/net.d/30.conflist
broken "no such network" 'no net configuration with name "nosuch" in /run/net.d' add nosuch /run/netns/a
rm /run/net.d/*.conflist
broken "no configuration" 'no net configurations found in /run/net.d' add net /run/netns/a
NETCONFPATH=/run/nosuch broken "no folder" 'no net configurations found in /run/nosuch' add net /run/netns/a
config 10-net.conflist "$L"
broken "a network name with a slash" "invalid characters" add ../net /run/netns/a
broken "an interface name with a slash" "CNI_IFNAME" -i a/b add net /run/netns/a
CNI_ARGS=A broken "CNI_ARGS without =" 'CNI_ARGS: invalid pair "A"' add net /run/netns/a
CNI_ARGS='A=1;B=' broken "CNI_ARGS without a value" 'CNI_ARGS: invalid pair "B="' add net /run/netns/a
CAP_ARGS='[]' broken "CAP_ARGS is no object" 'CAP_ARGS' add net /run/netns/a
same "none of these ran a plugin" "" "$(calls)"
for args in "" "add" "add net" "frob net /run/netns/a" "add net /run/netns/a more" "--nosuch"; do
	# shellcheck disable=SC2086
	tool $args
	same "usage: cnitool $args" "1 1" "$? $(grep -c '^usage:' $err)"
done
works "--help" --help
same "--help is on stdout" 1 "$(grep -c '^usage:' $out)"

# --- real plugins. usage: real WHAT CNI_PATH
real() {
	local c
	slate a b
	for c in '"cniVersion":"1.0.0"' '"cniVersion":"0.3.1"'; do
		config 10.conflist "{$c,\"name\":\"net\",\"plugins\":[$(conf "\"isGateway\":true,$(ipam 4)" | jq -c 'del(.cniVersion, .name)'),{\"type\":\"tuning\"}]}"
		[ -x "$2/tuning" ] || sed -i 's/,{"type":"tuning"}//' /run/net.d/10.conflist
		CNI_PATH=$2 works "$1: add, $c" add net /run/netns/a
		same "$1: the address is there" "$(result '.ips[0].address')" "$(addresses eth0 a)"
		[[ $c != *1.0.0* ]] || CNI_PATH=$2 works "$1: check" check net /run/netns/a
		CNI_PATH=$2 broken "$1: add twice" 'plugin type="bridge" failed (add): ' add net /run/netns/a
		CNI_PATH=$2 works "$1: del" del net /run/netns/a
		CNI_PATH=$2 works "$1: del twice" del net /run/netns/a
		refuse "$1: the interface is gone" inside a ip link show eth0
		same "$1: no lease, no cache" "0 " "$(leases) $(entry)"
	done
}
if [ -x "$REF/bridge" ]; then
	real "Debian's plugins" "$REF"
else
	skip "Debian's plugins" "no $REF/bridge"
fi
if [ -x "$BIN/bridge" ] && [ -x "$BIN/host-local" ]; then
	real "our plugins" "$BIN"
	config 10.conflist "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"plugins\":[$(conf "\"isGateway\":true,$(ipam dual)")]}"
	CNI_PATH=$BIN tool add net /run/netns/a
	CNI_PATH=$BIN tool add net /run/netns/b
	CNI_PATH=$BIN works "our plugins: gc --keep" -k "$id" gc net
	same "our plugins: gc keeps one of two" "1 2 1" "$(veths) $(leases) $(find $cache -type f | wc -l)"
	CNI_PATH=$BIN works "our plugins: gc" gc net
	nothing_left "our plugins: gc leaves nothing"
	CNI_PATH=$BIN works "our plugins: status" status net
else
	skip "our plugins" "not built in $BIN"
fi
done_testing
