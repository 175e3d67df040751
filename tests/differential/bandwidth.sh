# SPDX-License-Identifier: GPL-2.0-or-later
# The same stdin and environment to Debian's reference bandwidth and to ours: results and what is in the kernel are
# compared; then each deletes, and checks, what the other has made.
#
# Intended differences, taken out before comparing:
#   MAC of the IFB        random there; derived from the owner here, which tells whose it is
#   transmit queue        0 there (an IFB then stops after each packet), 1000 here, as in later versions
#   burst                 there rounded to microseconds at the rate, and to 32 bits of ticks
#   the filter's actions  there a second redirection, which no packet reaches
#   bursts above 4 GiB    refused there
#   mtu in the result     1.1.0 only, which Debian's 1.1.1 does not know
. "$(dirname "$0")/../netns/lib.sh"
if [ ! -x "$REF/bandwidth" ]; then
	skip "differential tests of bandwidth" "no reference plugins in $REF"
	done_testing
fi

# usage: as FOLDER VERB CONF
as() { CNI_PATH=$1 CNI_COMMAND=$2 CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$1/bandwidth" <<<"$3" >$out 2>$err; }
container() {
	slate a
	ip -j link show type ifb | jq -r '.[].ifname // empty' | xargs -r -n1 ip link del
	ip link add p0 address 02:00:00:00:00:bb mtu 1400 type veth peer name eth0 netns a
	ip link set p0 up
	ip -n a link set eth0 up
}
objects() {
	jq -S -c '.interfaces |= map(if .name | startswith("bwp") then del(.mac) else . end) | del(.dns)' $out
	ip -j -d link show | jq -c 'sort_by(.ifname)[] | [.ifname, .mtu, .linkinfo.info_kind, (.flags | index("UP") != null)]'
	tc -j qdisc show | jq -c 'sort_by(.dev, .kind)[] | [.dev, .kind, .handle, .root, .parent, .options.rate, .options.lat]'
	tc -j filter show dev p0 parent ffff: 2>/dev/null | jq -c '.[] | [.protocol, .pref, .kind, .options.flowid,
		((.options.actions // [])[:1][] | [.kind, .mirred_action, .direction, .to_dev, .control_action.type])]'
}
# usage: conf VERSION LIMITS
conf() {
	local v4=
	case $1 in 0.*) v4='"version":"4",' ;; esac
	echo "{\"cniVersion\":\"$1\",\"name\":\"net\",\"type\":\"bandwidth\",\"prevResult\":{\"cniVersion\":\"$1\",
\"interfaces\":[{\"name\":\"p0\",\"mac\":\"02:00:00:00:00:bb\"},{\"name\":\"eth0\",\"mac\":\"02:00:00:00:00:aa\",\"sandbox\":\"/run/netns/a\"}],
\"ips\":[{${v4}\"address\":\"10.1.0.2/24\",\"interface\":1}]},$2}"
}
# usage: alike NAME VERSION LIMITS
alike() {
	local c theirs ours
	c=$(conf "$2" "$3")
	container
	as "$REF" ADD "$c" || not_ok "$1: ADD of the reference"
	theirs=$(objects)
	container
	as "$BIN" ADD "$c" || not_ok "$1: ADD of ours"
	ours=$(objects)
	if [ "$theirs" = "$ours" ]; then ok "$1: results and objects are alike"; else not_ok "$1: results and objects are alike" "$(diff <(echo "$theirs") <(echo "$ours"))"; fi
	as "$REF" CHECK "$c"
	same "$1: the reference's CHECK is content with ours" "" "$(result '.msg // empty')"
	as "$REF" DEL "$c"
	same "$1: the reference's DEL leaves no IFB of ours" "[]" "$(ip -j link show type ifb | jq -c 'map(select(.ifname))')"
	as "$BIN" DEL "$c"
	same "$1: our DEL after that succeeds, the record is gone" "0 0" "$? $(records)"
	container
	as "$REF" ADD "$c"
	as "$BIN" CHECK "$c"
	same "$1: our CHECK is content with the reference's" "" "$(result '.msg // empty')"
	as "$BIN" DEL "$c"
	same "$1: our DEL leaves no IFB of the reference's" "0 []" "$? $(ip -j link show type ifb | jq -c 'map(select(.ifname))')"
}
for v in 0.4.0 1.0.0; do
	alike "$v, both" $v '"ingressRate":8000000,"ingressBurst":800000,"egressRate":16000000,"egressBurst":1600000'
	alike "$v, ingress" $v '"ingressRate":8000000,"ingressBurst":800000'
	alike "$v, egress" $v '"runtimeConfig":{"bandwidth":{"egressRate":8000000,"egressBurst":800000}}'
done
alike "nothing" 1.0.0 '"runtimeConfig":{"bandwidth":{"ingressRate":0,"ingressBurst":0}}'
done_testing
