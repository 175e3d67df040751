#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# host-local: ours against Debian's, apart on the same input, and in turn on one directory.
#
# Intended differences, so not compared here:
# - codes: errors of the configuration are 7 (6 for wrong JSON types, 4 for CNI_ARGS) where the
#   reference says 999 to everything; an exhausted pool is 11, so that runtimes retry
# - files are 0600 like those of the current reference (1.1.1: 0644)
# - DEL needs no valid ranges, and makes no directory where none was (the reference needs both)
# - IP= and ips take an address with a prefix length, as the current reference does (1.1.1: not IP=)
# - empty files and, once the pool ran out, reservations of the previous boot are taken back
. "$(dirname "$0")/../lib.sh"

if [ ! -x "$REF/host-local" ]; then
	skip "host-local against the reference" "no $REF/host-local"
	exit 0
fi
export CNI_NETNS=/run/netns/none
ours=$BIN/host-local theirs=$REF/host-local
work=$(mktemp -d /run/host-local.XXXXXX)

# usage: call PROGRAM VERB ID CONF; output in $out
call() {
	CNI_COMMAND=$2 CNI_CONTAINERID=$3 "$1" >$out 2>$err <<<"$4"
}
# Names, contents and so on of a directory. usage: tree DIR
tree() {
	(cd "$1" 2>/dev/null && find . -type f -not -name lock | sort | while read -r f; do
		printf '%s %q\n' "$f" "$(cat "$f")"
	done)
}
# A configuration with its own directory. usage: conf DIR VERSION IPAM-REST [TOP-REST]
conf() {
	echo "{\"cniVersion\":\"$2\",\"name\":\"net\",\"type\":\"x\",\"ipam\":{\"type\":\"host-local\",\"dataDir\":\"$1\"${3:+,$3}}${4:+,$4}}"
}
# Three ADDs and two DELs by both programs apart. usage: pair NAME VERSION IPAM-REST [TOP-REST]
pair() {
	local a="" b="" p d id s
	rm -rf "$work/a" "$work/b"
	for p in ours theirs; do
		d=$work/a
		[ $p = ours ] || d=$work/b
		s=""
		for id in c1 c2 c3 c1; do
			call "${!p}" ADD $id "$(conf "$d" "$2" "$3" "${4:-}")"
			s="$s status $? $(jq -S 'if .code then "error" else (if .dns == {} then del(.dns) else . end) end' $out 2>&1)"
		done
		s="$s tree $(tree "$d/net")"
		for id in c1 c3 none; do
			call "${!p}" DEL $id "$(conf "$d" "$2" "$3" "${4:-}")"
		done
		s="$s tree $(tree "$d/net")"
		[ $p = ours ] && a=$s || b=$s
	done
	same "$1" "$b" "$a"
}

v4='"subnet":"10.1.0.0/24"'
pair "v4, old style" 1.0.0 "$v4"
pair "v4, 0.2.0" 0.2.0 "$v4"
pair "v4, 0.3.1" 0.3.1 "$v4"
pair "v4, 0.4.0" 0.4.0 "$v4"
pair "no version" "" "$v4"
pair "v6" 1.0.0 '"subnet":"fd00::/64"'
pair "v6, /24" 1.0.0 '"ranges":[[{"subnet":"fd00::/24"}]]'
pair "dual stack" 1.0.0 '"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]'
pair "dual stack, 0.2.0" 0.2.0 '"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]'
pair "old style and ranges" 1.0.0 "$v4,\"ranges\":[[{\"subnet\":\"10.2.0.0/24\"}]]"
pair "start and end" 1.0.0 "$v4,\"rangeStart\":\"10.1.0.10\",\"rangeEnd\":\"10.1.0.11\""
pair "gateway in the range" 1.0.0 "$v4,\"rangeStart\":\"10.1.0.10\",\"gateway\":\"10.1.0.11\""
pair "two ranges in a pool" 1.0.0 '"ranges":[[{"subnet":"10.1.0.0/30"},{"subnet":"10.2.0.0/30"}]]'
pair "exhausted" 1.0.0 '"ranges":[[{"subnet":"10.1.0.0/30"}]]'
pair "second pool exhausted" 1.0.0 "$v4,\"ranges\":[[{\"subnet\":\"10.2.0.0/30\"}]]"
pair "routes" 1.0.0 "$v4,\"routes\":[{\"dst\":\"0.0.0.0/0\"},{\"dst\":\"10.9.0.0/16\",\"gw\":\"10.1.0.9\"}]"
pair "keys in another case" 1.0.0 '"SUBNET":"10.1.0.0/24","RangeStart":"10.1.0.7"'
pair "ipRanges" 1.0.0 "$v4" '"runtimeConfig":{"ipRanges":[[{"subnet":"10.3.0.0/24"}]]}'
pair "ips of the runtime" 1.0.0 "$v4" '"runtimeConfig":{"ips":["10.1.0.77"]}'
pair "ips in args.cni" 1.0.0 "$v4" '"args":{"cni":{"ips":["10.1.0.78"]}}'
pair "ips outside" 1.0.0 "$v4" '"args":{"cni":{"ips":["10.9.0.78"]}}'
pair "ips is the gateway" 1.0.0 "$v4" '"args":{"cni":{"ips":["10.1.0.1"]}}'
pair "ips for two pools" 1.0.0 '"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"fd00:1::/64"}]]' \
	'"args":{"cni":{"ips":["fd00:1::99","10.1.0.79"]}}'
CNI_ARGS="IP=10.1.0.80" pair "IP in CNI_ARGS" 1.0.0 "$v4"
CNI_ARGS="FOO=1" pair "unknown CNI_ARGS" 1.0.0 "$v4"
CNI_ARGS="FOO=1;IgnoreUnknown=1" pair "ignored CNI_ARGS" 1.0.0 "$v4"
printf 'nameserver 192.0.2.1\nnameserver\t192.0.2.2\ndomain a.example\nsearch a b\n# c\noptions ndots:2\n' >"$work/resolv"
pair "resolvConf" 1.0.0 "$v4,\"resolvConf\":\"$work/resolv\""

# Errors: both refuse, and neither leaves a reservation.
pair "resolvConf is missing" 1.0.0 "$v4,\"resolvConf\":\"/none\""
pair "no ranges" 1.0.0 ''
pair "no prefix" 1.0.0 '"subnet":"10.1.0.0"'
pair "too small" 1.0.0 '"subnet":"10.1.0.0/31"'
pair "host bits" 1.0.0 '"subnet":"10.1.0.5/24"'
pair "start outside" 1.0.0 "$v4,\"rangeStart\":\"10.2.0.5\""
pair "end before start" 1.0.0 "$v4,\"rangeStart\":\"10.1.0.9\",\"rangeEnd\":\"10.1.0.5\""
pair "gateway outside" 1.0.0 "$v4,\"gateway\":\"10.2.0.1\""
pair "mixed families" 1.0.0 '"ranges":[[{"subnet":"10.1.0.0/24"},{"subnet":"fd00::/64"}]]'
pair "overlap in a pool" 1.0.0 '"ranges":[[{"subnet":"10.1.0.0/24"},{"subnet":"10.1.0.0/16"}]]'
pair "overlap of pools" 1.0.0 '"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.1.0.0/16"}]]'
pair "empty pool" 1.0.0 '"ranges":[[]]'
pair "two of a family in 0.2.0" 0.2.0 '"ranges":[[{"subnet":"10.1.0.0/24"}],[{"subnet":"10.2.0.0/24"}]]'
pair "range is a string" 1.0.0 '"ranges":["x"]'

# Both in turn on one directory: the addresses must come as if one program had handed them out.
d=$work/shared c=$(conf "$work/shared" 1.0.0 '"ranges":[[{"subnet":"10.4.0.0/28"}],[{"subnet":"fd04::/120"}]]')
got="" want=""
for i in {2..14}; do
	((i % 3)) && p=$ours || p=$theirs
	call "$p" ADD "t$i" "$c"
	got="$got $(jq -r '[.ips[].address]|join("+")' $out)"
	want="$want 10.4.0.$i/28+fd04::$(printf %x "$i")/120"
done
same "in turn: round robin" "$want" "$got"
call "$ours" ADD t99 "$c"
same "in turn: full for us" 11 "$(jq .code $out)"
call "$theirs" ADD t99 "$c"
same "in turn: full for the reference" 999 "$(jq .code $out)"
same "in turn: nothing of the failed ADDs" 26 "$(ls "$d/net" | grep -cE '^(10|fd)')"
check "in turn: we see what the reference added" call "$ours" CHECK t3 "$c"
check "in turn: the reference sees what we added" call "$theirs" CHECK t2 "$c"
check "in turn: we release what the reference added" call "$ours" DEL t3 "$c"
check "in turn: the reference releases what we added" call "$theirs" DEL t5 "$c"
refuse "in turn: gone for us" call "$ours" CHECK t5 "$c"
call "$ours" ADD t20 "$c"
same "in turn: the next free one after the end" "10.4.0.3/28" "$(jq -r '.ips[0].address' $out)"
call "$theirs" ADD t21 "$c"
same "in turn: and the one after it" "10.4.0.5/28" "$(jq -r '.ips[0].address' $out)"
refuse "in turn: a duplicate is refused" call "$ours" ADD t21 "$c"
printf 'old1' >"$d/net/10.4.0.99"
check "a file with the id alone is found" call "$ours" CHECK old1 "$c"
check "a file with the id alone is released" call "$ours" DEL old1 "$c"
refuse "and is gone" test -e "$d/net/10.4.0.99"
for i in {2..14} 20 21; do
	((i % 2)) && p=$ours || p=$theirs
	call "$p" DEL "t$i" "$c" || not_ok "DEL t$i"
done
same "in turn: only the bookkeeping is left" "last_reserved_ip.0 last_reserved_ip.1 lock" \
	"$(ls "$d/net" | tr '\n' ' ' | sed 's/ $//')"

# Changes within one tick of the kernel's clock, without our knowledge.
c=$(conf "$work/tick" 1.0.0 '"ranges":[[{"subnet":"10.5.0.0/24"}]]')
fine=1
for i in {1..20}; do
	call "$ours" ADD "x$i" "$c" || fine=0
	call "$theirs" DEL "x$i" "$c" || fine=0
	call "$ours" CHECK "x$i" "$c" && fine=0
	call "$theirs" ADD "y$i" "$c" || fine=0
	call "$ours" CHECK "y$i" "$c" || fine=0
	call "$ours" DEL "y$i" "$c" || fine=0
	printf 'z\r\neth0' >"$work/tick/net/10.5.0.200" && rm "$work/tick/net/10.5.0.200"
done
same "foreign changes are always seen" "1 0" "$fine $(ls "$work/tick/net" | grep -c '^10')"

# Crash leftovers.
c=$(conf "$work/left" 1.0.0 '"subnet":"10.6.0.0/29"')
mkdir -p "$work/left/net"
touch "$work/left/net/10.6.0.2"
call "$ours" ADD e1 "$c"
same "an empty file is taken back" "10.6.0.2/29" "$(jq -r '.ips[0].address' $out)"
for i in 4 3 5 6; do
	printf 'old%s\r\neth0' $i >"$work/left/net/10.6.0.$i"
	touch -d "2001-01-0$i" "$work/left/net/10.6.0.$i"
done
rm -rf /run/hawser
call "$ours" ADD e2 "$c"
same "full: the oldest of the previous boot is taken back" "10.6.0.3/29" "$(jq -r '.ips[0].address' $out)"
call "$ours" ADD e3 "$c"
same "full: then the next older one" "10.6.0.4/29" "$(jq -r '.ips[0].address' $out)"

# GC and STATUS.
status() { CNI_COMMAND=STATUS "$ours" >$out 2>$err <<<"$1"; }
gc() { env -u CNI_NETNS -u CNI_IFNAME CNI_COMMAND=GC "$ours" >$out 2>$err <<<"$1"; }
c=$(conf "$work/gc" 1.1.0 '"subnet":"10.7.0.0/30"')
check "STATUS before the first ADD" status "$c"
call "$ours" ADD g1 "$c"
refuse "STATUS of a full pool" status "$c"
same "STATUS of a full pool is 50" 50 "$(jq .code $out)"
check "GC without a list" gc "$c"
check "GC without a list keeps everything" test -e "$work/gc/net/10.7.0.2"
check "GC with a list" gc "${c%\}},\"cni.dev/valid-attachments\":[{\"containerID\":\"g1\",\"ifname\":\"eth0\"}]}"
check "GC keeps what is listed" test -e "$work/gc/net/10.7.0.2"
check "GC with an empty list" gc "${c%\}},\"cni.dev/valid-attachments\":[]}"
refuse "GC releases what is not listed" test -e "$work/gc/net/10.7.0.2"
check "STATUS after it" status "$c"
refuse "STATUS without a usable dataDir" status "$(conf /dev/null/x 1.1.0 "$v4")"

# 64 at a time, half of them the reference.
c=$(conf "$work/many" 1.0.0 '"subnet":"10.8.0.0/24"')
for i in {1..64}; do
	((i % 4)) && p=$ours || p=$theirs
	CNI_COMMAND=ADD CNI_CONTAINERID=m$i "$p" <<<"$c" >"$work/m$i" 2>&1 &
done
wait
same "64 at a time: 64 addresses" 64 "$(cat "$work"/m? "$work"/m?? | grep -o '"10[^"]*/24"' | sort -u | wc -l)"
for i in {1..64}; do
	((i % 4)) && p=$theirs || p=$ours
	CNI_COMMAND=DEL CNI_CONTAINERID=m$i "$p" <<<"$c" >"$work/m$i" 2>&1 &
done
wait
same "64 at a time: nothing left" "last_reserved_ip.0 lock" "$(ls "$work/many/net" | tr '\n' ' ' | sed 's/ $//')"

# A /run that cannot be written: slower, but right.
mount -t tmpfs -o ro tmpfs /run/hawser && {
	c=$(conf "$work/ro" 1.0.0 '"subnet":"10.9.0.0/24"')
	check "read-only /run/hawser: ADD" call "$ours" ADD r1 "$c"
	check "read-only /run/hawser: CHECK" call "$ours" CHECK r1 "$c"
	check "read-only /run/hawser: DEL" call "$ours" DEL r1 "$c"
	same "read-only /run/hawser: released" 0 "$(ls "$work/ro/net" | grep -c '^10')"
	umount /run/hawser
}
done_testing
