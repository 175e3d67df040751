# SPDX-License-Identifier: GPL-2.0-or-later
# What every executable answers before it does anything: banner, help, VERSION, errors of environment and stdin.
. "$(dirname "$0")/../netns/lib.sh"
versions='0.1.0 0.2.0 0.3.0 0.3.1 0.4.0 1.0.0 1.1.0'
list='["0.1.0","0.2.0","0.3.0","0.3.1","0.4.0","1.0.0","1.1.0"]'
ip netns add a

# A call whose environment is given whole. usage: call PLUGIN STDIN [VARIABLE=VALUE...]
call() {
	local plugin=$1 input=$2
	shift 2
	env -u CNI_COMMAND -u CNI_CONTAINERID -u CNI_NETNS -u CNI_IFNAME -u CNI_PATH -u CNI_ARGS \
		ASAN_OPTIONS="${ASAN_OPTIONS:-}" "$@" "$BIN/$plugin" <<<"$input" >$out 2>$err
}
# usage: error NAME CODE TEXT PLUGIN STDIN [VARIABLE=VALUE...]: exit 1, this code, TEXT in msg or details
error() {
	local name=$1 code=$2 text=$3 status
	shift 3
	call "$@"
	status=$?
	if [ $status -ne 1 ]; then
		not_ok "$name" "exit status $status, not 1"
	elif ! jq -e --argjson c "$code" --arg t "$text" '.code == $c and (.msg + " " + (.details // "") | contains($t))' $out >/dev/null 2>&1; then
		not_ok "$name" "expected code $code and \"$text\""
	elif [ "$(jq -r 'keys - ["cniVersion", "code", "details", "msg"] | length' $out)" != 0 ]; then
		not_ok "$name" "keys no error has"
	else
		ok "$name"
	fi
}
add() { echo "CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH=$BIN"; }
good() { # usage: good PLUGIN [VERSION]
	case $1 in
	bridge) conf "$(ipam 4)" ;;
	loopback) echo '{"cniVersion":"1.1.0","name":"net","type":"loopback"}' ;;
	host-local) echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"x\",$(ipam 4)}" ;;
	static) echo '{"cniVersion":"1.1.0","name":"net","type":"x","ipam":{"type":"static","addresses":[{"address":"10.1.0.5/24"}]}}' ;;
	esac | jq -c --arg v "${2:-1.1.0}" '.cniVersion = $v'
}
big=$(head -c 4096 /dev/zero | tr '\0' x)

for p in bridge loopback host-local static; do
	before=$(snapshot)
	call $p '{}'
	same "$p: no CNI_COMMAND: exit status 0" 0 $?
	same "$p: no CNI_COMMAND: the banner is the first line of stderr" "CNI $p plugin v2.0.0" "$(head -1 $err)"
	check "$p: the banner's second line lists the versions" grep -qE '^CNI protocol versions supported: 0\.1\.0, 0\.2\.0, 0\.3\.0, 0\.3\.1, 0\.4\.0, 1\.0\.0, 1\.1\.0$' $err
	same "$p: no CNI_COMMAND: nothing on stdout" "" "$(cat $out)"
	check "$p: --help names the plugin" eval '"$BIN/$p" --help | head -1 | grep -q "^$p "'
	case $p in
	bridge) keys='bridge isGateway isDefaultGateway forceAddress ipMasq ipMasqBackend mtu hairpinMode promiscMode vlan vlanTrunk
		preserveDefaultVlan macspoofchk antispoof enabledad disableContainerInterface portIsolation waitForRelease ipam runtimeConfig.mac args.cni.mac' ;;
	host-local) keys='ipam.subnet ipam.rangeStart ipam.rangeEnd ipam.gateway ipam.ranges ipam.routes ipam.resolvConf ipam.dataDir' ;;
	static) keys='ipam.addresses ipam.routes ipam.dns' ;;
	*) keys= ;;
	esac
	for key in $keys; do
		check "$p: --help lists $key" eval '"$BIN/$p" --help | grep -qE "^ +${key//./\\.} "'
	done
	call $p "" CNI_COMMAND=VERSION
	same "$p: VERSION" "0 {\"cniVersion\":\"1.1.0\",\"supportedVersions\":$list}" "$? $(cat $out)"
	error "$p: unknown command" 4 "unknown CNI_COMMAND: FOO" $p "$(good $p)" CNI_COMMAND=FOO
	error "$p: no variables at all" 4 "[CNI_CONTAINERID,CNI_NETNS,CNI_IFNAME] missing" $p "$(good $p)" CNI_COMMAND=ADD
	for var in CNI_CONTAINERID CNI_NETNS CNI_IFNAME; do
		# shellcheck disable=SC2046
		error "$p: ADD without $var" 4 "$var" $p "$(good $p)" $(add | tr ' ' '\n' | grep -v "^$var=")
	done
	error "$p: DEL without CNI_IFNAME" 4 CNI_IFNAME $p "$(good $p)" CNI_COMMAND=DEL CNI_CONTAINERID=a
	for input in '' '{' '[]' '"x"' '{"cniVersion":1}' '{"cniVersion":"1.1.0","name":5}' '{"a":1} x'; do
		# shellcheck disable=SC2046
		error "$p: stdin $input" 6 "" $p "$input" $(add)
	done
	# shellcheck disable=SC2046
	{
		error "$p: unknown version" 1 "config is \"9.9.9\", plugin supports [\"0.1.0\" \"0.2.0\" \"0.3.0\" \"0.3.1\" \"0.4.0\" \"1.0.0\" \"1.1.0\"]" \
			$p "$(good $p 9.9.9)" $(add)
		error "$p: version 1.0" 1 'config is "1.0"' $p "$(good $p 1.0)" $(add)
		error "$p: no name" 7 name $p "$(good $p | jq -c 'del(.name)')" $(add)
		for wrong in ../x a/b .hidden -x 'a\nb' "$big/"; do
			error "$p: network name $(printf %.12q "$wrong")" 7 name $p "$(good $p | jq -c --arg n "$(printf '%b' "$wrong")" '.name = $n')" $(add)
		done
		error "$p: a 4 KiB network name" 7 name $p "$(good $p | jq -c --arg n "$big" '.name = $n')" $(add)
	}
	for wrong in ../x a/b .. -x "a b" "$(printf 'a\nb')" "$big"; do
		[ $p = loopback ] && [ "$wrong" = "$big" ] && continue # it keeps no file by that name
		error "$p: container id $(printf %.12q "$wrong")" 4 container $p "$(good $p)" CNI_COMMAND=ADD CNI_CONTAINERID="$wrong" \
			CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH="$BIN"
	done
	for wrong in a/b .. a:b "a b" "$(printf 'a\nb')" "$big" sixteen-bytes-16; do
		error "$p: interface name $(printf %.12q "$wrong")" 4 CNI_IFNAME $p "$(good $p)" CNI_COMMAND=ADD CNI_CONTAINERID=a \
			CNI_NETNS=/run/netns/a CNI_IFNAME="$wrong" CNI_PATH="$BIN"
	done
	start=$(date +%s%N)
	head -c 100M /dev/zero | tr '\0' ' ' | timeout 60 env $(add) "$BIN/$p" >$out 2>$err
	same "$p: 100 MB on stdin: exit status" 1 "${PIPESTATUS[2]}"
	check "$p: 100 MB on stdin: code 5 or 6" jq -e '.code == 5 or .code == 6' $out
	check "$p: 100 MB on stdin: refused within 3 s" [ $((($(date +%s%N) - start) / 1000000)) -lt 3000 ]
	for v in $versions; do
		for verb in CHECK GC STATUS; do
			case $verb-$v in
			CHECK-0.[123]* | GC-[01].[0-4].* | STATUS-[01].[0-4].*) ;;
			*) continue ;;
			esac
			[ "$v" != 1.1.0 ] || continue
			error "$p: $verb with version $v" 1 "$verb" $p "$(good $p $v)" CNI_COMMAND=$verb CNI_CONTAINERID=a \
				CNI_NETNS=/run/netns/a CNI_IFNAME=eth0 CNI_PATH="$BIN"
		done
	done
	same "$p: no error has changed anything" "$before" "$(snapshot)"
	call $p "$(good $p | sed 's/"cniVersion"/"CNIVERSION"/; s/"name"/"Name"/')" $(add)
	same "$p: keys match whatever their case" 0 $?
	call $p "$(good $p)" CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_IFNAME=eth0 CNI_PATH="$BIN"
	same "$p: DEL without CNI_NETNS" "0 " "$? $(cat $out)"
done
nothing_left "nothing is left"
done_testing
