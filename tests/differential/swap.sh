# SPDX-License-Identifier: GPL-2.0-or-later
# A node changes from Debian's Go plugins (1.1.1) to ours and back, with running containers, for iptables-nft and
# iptables-legacy: bridge (ipMasq), portmap and firewall, through cnitool with its cache and by hand.
#
# Intended differences:
#   ours with nftables, Go's DEL    the Go plugins do not know our table and our records: both stay until
#                                   "hawser cleanup" or GC
#   ours with iptables, Go's DEL    rules and chains go; the records stay until then
#   chain HAWSER-LOCALNET           stays, as the shared chains of the Go plugins stay
. "$(dirname "$0")/../netns/lib.sh"
. "$here/tests/nat-lib.sh"
. "$here/tests/xt-lib.sh"
if [ ! -x "$REF/bridge" ]; then
	skip "a node that changes plugins" "no reference plugins in $REF"
	done_testing
fi
plugins="bridge portmap firewall host-local" place=/run/cni-bin
export NETCONFPATH=/run/net.d
mkdir -p $NETCONFPATH
# Put a set of plugins where the runtime looks for them, as a package does: by rename. usage: place FOLDER
place() {
	local p
	mkdir -p $place
	for p in $plugins; do
		cp "$1/$p" "$place/.$p" && mv "$place/.$p" "$place/$p"
	done
}
# The network's list; BACKEND empty: what each plugin chooses. usage: network BACKEND
network() {
	local b=${1:+\"backend\":\"$1\",}
	cat >$NETCONFPATH/10-net.conflist <<-END
		{"cniVersion":"1.0.0","name":"net","plugins":[
		{"type":"bridge","bridge":"br0","isDefaultGateway":true,"ipMasq":true,${1:+\"ipMasqBackend\":\"$1\",}"hairpinMode":true,
		"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}]]}},
		{$b"type":"portmap","capabilities":{"portMappings":true}},
		{$b"type":"firewall"}]}
	END
}
# The port of a container: cN has 8000 + N for its port 80, nN 8100 + N. usage: port ID
port() { case $1 in c*) echo $((8000 + ${1#c})) ;; *) echo $((8100 + ${1#n})) ;; esac; }
capability() { echo "{\"portMappings\":[{\"hostPort\":$(port "$1"),\"containerPort\":80,\"protocol\":\"tcp\"}]}"; }
# usage: tool FOLDER VERB ID
tool() { CNI_PATH=$1 CAP_ARGS=$(capability "$3") "$BIN/cnitool" "$2" net "/run/netns/$3"; }
# The same without cnitool and cache: each plugin with the environment and stdin of libcni. The result is the
# runtime's to remember. usage: raw FOLDER VERB ID
raw() {
	local folder=$1 verb=$2 id=$3 types="bridge portmap firewall" type conf result=/run/raw.$3
	[ "$verb" = ADD ] || types="firewall portmap bridge"
	for type in $types; do
		conf=$(jq -c --arg type $type --argjson cap "$(capability "$id")" '.name as $n | .cniVersion as $v | .plugins[] |
			select(.type == $type) | del(.capabilities) + {name: $n, cniVersion: $v} +
			if $type == "portmap" then {runtimeConfig: $cap} else {} end' $NETCONFPATH/10-net.conflist)
		[ "$verb$type" = ADDbridge ] || conf=$(jq -c --slurpfile prev "$result" '. + {prevResult: $prev[0]}' <<<"$conf")
		CNI_PATH=$folder CNI_COMMAND=$verb CNI_CONTAINERID=$id CNI_NETNS=/run/netns/$id CNI_IFNAME=eth0 \
			"$folder/$type" <<<"$conf" >"$result.new" || {
			cat "$result.new"
			return 1
		}
		[ "$verb" != ADD ] || mv "$result.new" "$result"
	done
}
# Every third container is attached by hand. usage: attach|detach FOLDER ID
is_raw() { [ $((${1#?} % 3)) -eq 0 ]; }
attach() { if is_raw "$2"; then raw "$1" ADD "$2"; else tool "$1" add "$2"; fi >"/run/out.$2" 2>&1; }
# The Go plugins are in each other's way when they run at the same time: they get a second call, as from a runtime.
detach() {
	local verb=del how=tool
	is_raw "$2" && verb=DEL how=raw
	$how "$1" $verb "$2" >"/run/out.$2" 2>&1 || { [ "$1" = "$REF" ] && $how "$1" $verb "$2" >>"/run/out.$2" 2>&1; }
}
# Every container of a list, with odd ones by the first and even ones by the second folder, at the same time.
# usage: detach_all NAME FOLDER FOLDER ID...
detach_all() {
	local name=$1 odd=$2 even=$3 id pids=() failed=""
	shift 3
	for id in "$@"; do
		if [ $((${id#?} % 2)) -eq 1 ]; then detach "$odd" "$id"; else detach "$even" "$id"; fi &
		pids+=($!)
	done
	for id in "$@"; do
		wait "${pids[0]}" || failed+="$id: $(tail -c 300 "/run/out.$id") "
		pids=("${pids[@]:1}")
	done
	same "$name" "" "$failed"
}
attach_all() {
	local name=$1 folder=$2 id failed=""
	shift 2
	for id in "$@"; do
		attach "$folder" "$id" || failed+="$id: $(tail -c 300 "/run/out.$id") "
	done
	same "$name" "" "$failed"
}
# One connection that asks all the time. "gap" of its report: the longest time without an answer, in ms.
cat >/run/stream.py <<'END'
import os, socket, sys, time
if sys.argv[1] == "serve":
    s = socket.socket()
    s.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    s.bind(("0.0.0.0", 80)); s.listen(); print("ready", flush=True)
    while True:
        c, _ = s.accept()
        if os.fork() == 0:
            while c.send(c.recv(64)): pass
            os._exit(0)
else:
    c = socket.create_connection((sys.argv[1], int(sys.argv[2])), 3); c.settimeout(3); print("ready", flush=True)
    n, gap, last = 0, 0, time.monotonic()
    while not os.path.exists("/run/stop"):
        c.sendall(b"x")
        if not c.recv(64): sys.exit("closed")
        now = time.monotonic(); n, gap, last = n + 1, max(gap, now - last), now
        time.sleep(0.01)
    print(f"{n} answers, gap {gap * 1000:.0f}", flush=True)
END
# usage: stream FILE WHERE WORDS...; pid in $PID
stream() {
	local file=$1 where=$2
	shift 2
	if [ "$where" = host ]; then
		/usr/bin/python3 -SE /run/stream.py "$@" >"$file" 2>&1 &
	else
		ip netns exec "$where" /usr/bin/python3 -SE /run/stream.py "$@" >"$file" 2>&1 &
	fi
	PID=$!
	servers+=("$PID")
	wait_for 5 grep -q ready "$file" || not_ok "a server or client in $where" "$(cat "$file")"
}
answers() {
	# shellcheck disable=SC2015
	wait "$1" && [[ $(tail -n 1 "$2") =~ ^([0-9]+)\ answers ]] && [ "${BASH_REMATCH[1]}" -gt 20 ] || { cat "$2"; return 1; }
}
# What of containers is in iptables, as text.
container_rules() { rules | grep -E '^:?(-A )?CNI-(DN-)?[0-9a-f]{20}|id: |10\.88\.0\.[0-9]+(/32|:)'; }
nothing_of_go() {
	same "$1: no link, lease or cached result" "0 veths, 0 leases, 0 results" "$(veths) veths, $(leases) leases, $(find /var/lib/cni/results -type f 2>/dev/null | wc -l) results"
	same "$1: no rule or chain" "" "$(container_rules)"
	same "$1: no interface in the containers" "" "$(for ns in "${fleet[@]}"; do ip -n "$ns" -o link show dev eth0 2>/dev/null; done)"
}
nothing_at_all() {
	nothing_of_go "$1"
	same "$1: no record" 0 "$(records)"
	nothing_in_nft "$1: no element"
}

for v in nft legacy; do
	xt_variant $v || continue
	# ---- from the Go plugins to ours
	mapfile -t fleet < <(seq -f 'c%.0f' 12; seq -f 'n%.0f' 4)
	xt_reset
	surroundings "${fleet[@]}"
	network ""
	place "$REF"
	attach_all "$v: the Go plugins attach 12" $place c{1..12}
	same "$v: they all have rules" "12 12" "$(container_rules | grep -c -- '-j CNI-DN-') $(container_rules | grep -c '^:CNI-[0-9a-f]')"
	rm -f /run/stop
	stream /run/serve.c1 c1 serve
	stream /run/serve.c2 c2 serve
	stream /run/client.1 outside 192.0.2.1 8001
	outer=$PID
	stream /run/client.2 host 127.0.0.1 8002
	inner=$PID
	serve third tcp:7000
	serve c3 tcp:80
	serve c4 tcp:80
	place "$BIN"
	attach_all "$v: ours attach 4 beside them" $place n{1..4}
	serve n1 tcp:80
	reaches "$v: a new container from outside" "n1 192.0.2.9" outside tcp 192.0.2.1 8101
	reaches "$v: an old container from outside" "c3 192.0.2.9" outside tcp 192.0.2.1 8003
	reaches "$v: an old one from a new one" "c3 *" n1 tcp 192.0.2.1 8003
	reaches "$v: a new one from an old one" "n1 *" c3 tcp 192.0.2.1 8101
	reaches "$v: an old one on 127.0.0.1" "c3 *" host tcp 127.0.0.1 8003
	reaches "$v: an old container reaches out (ipMasq)" "third 198.51.100.1" c3 tcp 198.51.100.9 7000
	reaches "$v: a new container reaches out" "third 198.51.100.1" n1 tcp 198.51.100.9 7000
	tool $place check n1 >/run/out 2>&1
	same "$v: CHECK of a new one" 0 $?
	tool $place check c4 >/run/out 2>&1
	same "$v: CHECK of an old one" "0 " "$? $(cat /run/out)"
	# a port of an old one is not given away
	ip netns add n9
	CNI_PATH=$place CAP_ARGS=$(capability c5) "$BIN/cnitool" add net /run/netns/n9 >/run/out 2>&1
	same "$v: the port of an old one is refused" "1 1" "$? $(grep -c 'port 8005 on any address is published by net ' /run/out)"
	tool $place del n9 >/run/out 2>&1 # as every runtime does then
	ip netns del n9
	# c3 to c12 go, half by each; c1 and c2 talk on
	detach_all "$v: 10 deleted, half by ours, half by the Go plugins, at once" "$BIN" "$REF" c{3..12}
	same "$v: two old and four new ones are left" "6 6" "$(veths) $(leases)"
	same "$v: and of the old ones' rules those of two" "2 2" "$(container_rules | grep -c -- '-j CNI-DN-') $(container_rules | grep -c '^:CNI-[0-9a-f]')"
	reaches "$v: new containers are untouched" "n1 192.0.2.9" outside tcp 192.0.2.1 8101
	touch /run/stop
	check "$v: a connection to an old container went on all the time" answers "$outer" /run/client.1
	check "$v: so did one through 127.0.0.1" answers "$inner" /run/client.2
	detach_all "$v: the rest deleted, one of the old by each, the new ones by ours" "$BIN" "$REF" c1 c2
	detach_all "$v: the new ones" "$BIN" "$BIN" n{1..4}
	nothing_at_all "$v: Go to ours"

	# ---- from ours to the Go plugins
	mapfile -t fleet < <(seq -f 'c%.0f' 6)
	for backend in iptables nftables; do
		[ $v.$backend != legacy.nftables ] || continue # as with iptables-nft
		n="$v: ours with $backend, then the Go plugins"
		xt_reset
		surroundings "${fleet[@]}"
		network $backend
		place "$BIN"
		attach_all "$n: ours attach 6" $place c{1..6}
		rm -f /run/stop
		stream /run/serve.c1 c1 serve
		stream /run/client.1 outside 192.0.2.1 8001
		outer=$PID
		# the Go plugins do not know the key's value
		[ $backend = iptables ] || network ""
		place "$REF"
		detach_all "$n: c2 to c6 deleted, half by each, at once" "$BIN" "$REF" c{2..6}
		touch /run/stop
		check "$n: a connection to an old container went on" answers "$outer" /run/client.1
		detach_all "$n: c1, by theirs" "$REF" "$REF" c1
		nothing_of_go "$n"
		same "$n: records of c1, c2, c4, c6 are left, which theirs do not know" 12 "$(records)"
		[ $backend = iptables ] || same "$n: and their ports in nf_tables" 4 "$(elements ports4)"
		if [ $backend = iptables ]; then
			check "$n: hawser cleanup" "$BIN/hawser" cleanup net
		else
			jq '.cniVersion = "1.1.0"' $NETCONFPATH/10-net.conflist >/run/list && mv /run/list $NETCONFPATH/10-net.conflist
			check "$n: GC by ours" env CNI_PATH="$BIN" "$BIN/cnitool" gc net
		fi
		nothing_at_all "$n: after it"
	done
done
done_testing
