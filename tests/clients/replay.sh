# SPDX-License-Identifier: GPL-2.0-or-later
# Clients that Debian does not package, replayed: the environment, the configuration and the order of calls of each
# (replay/*.sh), through what libcni does with a list: name, cniVersion, prevResult and runtimeConfig go in, keys are
# sorted, ADD goes down the list, DEL up.
. "$(dirname "$0")/lib.sh"

# usage: network LIST-AS-JSON: the calls below are for it
network() {
	list=$1
	name=$(jq -r .name <<<"$list")
	plugins=$(jq '.plugins | length' <<<"$list")
}
# stdin of plugin number $1. $prev: prevResult or ""; $CAPS: capability arguments, of which declared ones are passed.
stdin_of() {
	jq -S -c --argjson i "$1" --argjson prev "${prev:-null}" --argjson caps "${CAPS:-null}" '
		. as $list | .plugins[$i] as $p | ($p.capabilities // {}) as $declared |
		$p + {name: $list.name, cniVersion: $list.cniVersion}
		+ (if $prev then {prevResult: $prev} else {} end)
		+ (($caps // {}) | with_entries(select($declared[.key] == true)) | if length > 0 then {runtimeConfig: .} else {} end)' <<<"$list"
}
# One plugin of the list. usage: step VERB INDEX ID IFNAME; NETNS: its path, ARGS: CNI_ARGS
step() {
	local type
	type=$(jq -r ".plugins[$2].type" <<<"$list")
	stdin_of "$2" >$work/stdin
	env -i PATH="$PATH" ${EXTRA:-} CNI_COMMAND="$1" CNI_CONTAINERID="$3" CNI_IFNAME="$4" CNI_PATH="$BIN" CNI_NETNS="${NETNS-/run/netns/$3}" \
		${ARGS:+CNI_ARGS="$ARGS"} "$BIN/$type" <$work/stdin >$out 2>$err
}
# usage: add NAME ID [IFNAME]; the result stays in /run/client/ID.IFNAME
add() {
	local i id=$2 ifname=${3:-eth0} prev=
	for ((i = 0; i < plugins; i++)); do
		if ! step ADD $i "$id" "$ifname"; then
			not_ok "$1" "plugin $i: exit status $?"
			return
		fi
		prev=$(cat $out)
	done
	echo "$prev" >"$work/$id.$ifname"
	ok "$1"
}
# usage: del NAME ID [IFNAME]; PREV: "" for a client that has no result any more
del() {
	local i id=$2 ifname=${3:-eth0} prev
	prev=${PREV-$(cat "$work/$id.$ifname" 2>/dev/null)}
	for ((i = plugins - 1; i >= 0; i--)); do
		if ! step DEL $i "$id" "$ifname" || [ -s $out ]; then
			not_ok "$1" "plugin $i"
			return
		fi
	done
	rm -f "$work/$id.$ifname"
	ok "$1"
}
# usage: again VERB NAME ID [IFNAME]: CHECK
again() {
	local i verb=$1 id=$3 ifname=${4:-eth0} prev
	prev=$(cat "$work/$id.$ifname")
	for ((i = 0; i < plugins; i++)); do
		step "$verb" $i "$id" "$ifname" || { not_ok "$2" "plugin $i"; return; }
	done
	ok "$2"
}
# STATUS or GC of every plugin. usage: whole VERB NAME [MEMBERS]
whole() {
	local i type
	for ((i = 0; i < plugins; i++)); do
		type=$(jq -r ".plugins[$i].type" <<<"$list")
		stdin_of $i | jq -c ". + {${3:-}}" >$work/stdin
		env -i PATH="$PATH" CNI_COMMAND="$1" CNI_PATH="$BIN" "$BIN/$type" <$work/stdin >$out 2>$err || { not_ok "$2" "$type"; return; }
	done
	ok "$2"
}
# usage: of ID IFNAME JQ-FILTER: of a result
of() { jq -r "$3" "$work/$1.$2"; }
# What go-cni, ocicni, Nomad and podman rely on. usage: result_is_fit NAME ID BRIDGE
result_is_fit() {
	same "$1: bridge, host end, container's end with CNI_NETNS as sandbox; addresses belong to the third" \
		"$3 null,veth null,eth0 /run/netns/$2 2" \
		"$(of "$2" eth0 '([.interfaces[] | "\(.name | sub("^veth[0-9a-f]{8}$"; "veth")) \(.sandbox)"] | join(",")) + " " + ([.ips[].interface] | unique | join(","))')"
	same "$1: every interface has a MAC" 0 "$(of "$2" eth0 '[.interfaces[] | select(.mac | test("^([0-9a-f]{2}:){5}[0-9a-f]{2}$") | not)] | length')"
}
answers() { [[ $(ask "$2" tcp "$3" "$4" 2>&1) == "$1 "* ]]; }
no_rules() { same "$1" "0 veths, 0 leases, 0 records, 0 elements, 0 rules" "$(left)"; }

mkdir -p $work
for client in "$(dirname "$0")"/replay/*.sh; do
	rm -rf "${work:?}"/*
	iptables-restore --table nat <<<$'*nat\nCOMMIT' 2>/dev/null
	surroundings
	. "$client"
done
done_testing
