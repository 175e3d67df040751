# SPDX-License-Identifier: GPL-2.0-or-later
# portmap, conditionsV4 and conditionsV6: real connections with both backends, what may share a port,
# what cannot be a rule, records, reload, and the words against iptables itself.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

# Members with conditions. usage: conditions V4-WORDS [V6-WORDS]; words are separated by blanks
conditions() {
	local key=4 words out4=
	for words in "$@"; do
		[ -z "$words" ] || out4+=",\"conditionsV$key\":$(jq -nc --arg w "$words" '$w | split(" ")')"
		key=6
	done
	printf '%s' "$out4"
}
# Chains and elements of conditions in either backend, and every record of portmap.
remains() {
	nft list ruleset 2>/dev/null | grep -E 'chain (cond|ports|CNI-DN)-|jump (cond|CNI-DN)-|comment "net '
	find /run/hawser/attachments -name '*portmap*' 2>/dev/null
}
# Publish 8080 and 5353 of container a under conditions, see who gets through, unpublish.
# usage: trial NAME V4-WORDS V6-WORDS CLIENT=yes|no...   CLIENT: outside, third, b, self (127.0.0.1)
trial() {
	local name="$backend: $1" m client
	m="$(ports "$(map 8080 80)" "$(map 5353 53 udp)")$(conditions "$2" "$3"),\"backend\":\"$backend\""
	shift 3
	publish "$name" a "$m"
	succeeds "$name: CHECK" portmap CHECK a "$(chained portmap net a "$m")"
	for client in "$@"; do
		case $client in
		outside=yes)
			reaches "$name: outside gets through" "a 192.0.2.9" outside tcp 192.0.2.1 8080
			reaches "$name: outside, udp" "a 192.0.2.9" outside udp 192.0.2.1 5353
			reaches "$name: outside, v6" "a 2001:db8:1::9" outside tcp 2001:db8:1::1 8080
			;;
		third=yes)
			reaches "$name: third gets through" "a 198.51.100.9" third tcp 192.0.2.1 8080
			reaches "$name: third, v6, udp" "a 2001:db8:2::9" third udp 2001:db8:1::1 5353
			;;
		b=yes)
			reaches "$name: the neighbour gets through, as the host" "a 10.88.0.1" b tcp 192.0.2.1 8080
			reaches "$name: the container itself, too" "a 10.88.0.1" a tcp 192.0.2.1 8080
			reaches "$name: the neighbour, v6" "a fd00:88::1" b tcp 2001:db8:1::1 8080
			;;
		self=yes) reaches "$name: 127.0.0.1 gets through" "a 10.88.0.1" host tcp 127.0.0.1 8080 ;;
		self=no) silent "$name: 127.0.0.1 does not" host tcp 127.0.0.1 8080 ;;
		outside=no | third=no)
			silent "$name: ${client%=no} does not" "${client%=no}" tcp 192.0.2.1 8080
			silent "$name: ${client%=no} does not, v6" "${client%=no}" tcp 2001:db8:1::1 8080
			;;
		b=no) silent "$name: the neighbour does not" b tcp 192.0.2.1 8080 ;;
		esac
	done
	unpublish "$name: DEL" a "\"backend\":\"$([ "$backend" = iptables ] && echo nftables || echo iptables)\""
	same "$name: nothing is left" "" "$(remains)"
}

# All of it with nftables; iptables gets the words themselves, so that what is common is tried once.
for backend in nftables iptables; do
	town a b
	serve a tcp:80 udp:53
	# a mark for what comes from third
	nft -f - <<-EON
	table inet marker {
		chain prerouting {
			type filter hook prerouting priority -150
			ip saddr 198.51.100.9 meta mark set 0x15
			ip6 saddr 2001:db8:2::9 meta mark set 0x15
		}
	}
	EON
	trial "source" "-s 192.0.2.0/24" "-s 2001:db8:1::/64" outside=yes third=no b=no self=no
	trial "not that source" "! -s 192.0.2.0/24" "! --source 2001:db8:1::/64" outside=no third=yes b=yes self=yes
	trial "interface" "-i uplink0" "-i uplink0" outside=yes third=no b=no self=no
	if [ $backend = nftables ]; then
		trial "several sources and destinations" "-s 192.0.2.9,127.0.0.0/8 -d 192.0.2.1,127.0.0.1" \
			"-s 2001:db8:1::9 -d 2001:db8:1::1" outside=yes third=no b=no self=yes
		trial "mask with holes" "-s 192.0.0.9/255.255.0.255" "-s 2001:db8:1::9/ffff:ffff:ffff::ffff" outside=yes third=no b=no self=no
		trial "interfaces" "-i upl+" "--in-interface uplink+" outside=yes third=no b=no self=no
		trial "not that interface" "! -i lan0" "! -i lan+" outside=yes third=no b=yes self=yes
		trial "two matches and a source" "-m conntrack --ctstate NEW -s 192.0.2.9 -m addrtype --src-type UNICAST" \
			"-m conntrack --ctstate NEW -s 2001:db8:1::9" outside=yes third=no b=no self=no
	fi
	trial "mark" "-m mark --mark 5/0xf" "-m mark --mark 0x15" outside=no third=yes b=no self=no
	trial "not that mark, and a comment" "-m mark ! --mark 0x15 -m comment --comment x" "-m mark ! --mark 0x15" \
		outside=yes third=no b=yes self=yes
	m="$(ports "$(map 8080 80)" "$(map 5353 53 udp)")$(conditions '-m multiport --sports 4444,5000:5010' '-m multiport ! --sports 4444'),\"backend\":\"$backend\""
	publish "$backend: source ports" a "$m"
	reaches "$backend: a source port of the list" "a 192.0.2.9 4444" outside tcp 192.0.2.1 8080 "" 4444
	reaches "$backend: of the range, udp" "a 192.0.2.9 5010" outside udp 192.0.2.1 5353 "" 5010
	silent "$backend: another source port" outside tcp 192.0.2.1 8080 "" 6000
	reaches "$backend: v6, another source port" "a 2001:db8:1::9" outside tcp 2001:db8:1::1 8080 "" 6001
	silent "$backend: v6, a source port that is excluded" outside udp 2001:db8:1::1 5353 "" 4444
	unpublish "$backend: DEL" a

	# conditions of one family leave the other alone; hostIP, runs and ports that change count, too
	m="$(ports "$(map 8080 80)" "$(map 81 80 tcp 192.0.2.1)" "$(map 81 53 tcp 198.51.100.1)" "$(map 6000 80 tcp "" 2)")$(conditions '-s 192.0.2.0/24'),\"backend\":\"$backend\""
	publish "$backend: conditions of IPv4 only" a "$m"
	reaches "$backend: IPv6 has no conditions" "a 2001:db8:2::9" third tcp 2001:db8:1::1 8080
	silent "$backend: IPv4 has" third tcp 192.0.2.1 8080
	reaches "$backend: hostIP" "a 192.0.2.9" outside tcp 192.0.2.1 81
	silent "$backend: the other hostIP leads elsewhere" outside tcp 198.51.100.1 81
	silent "$backend: not at a third address" outside tcp 10.88.0.1 81
	reaches "$backend: a run that changes ports" "a 192.0.2.9" outside tcp 192.0.2.1 6000
	silent "$backend: transit to the same port is untouched" outside tcp 198.51.100.9 8080
	unpublish "$backend: DEL" a
	same "$backend: nothing is left" "" "$(remains)"

	# --- what cannot be a rule: refused in both backends, nothing changed
	bad() {
		local name=$1 code=$2 text=$3
		shift 3
		fails "$backend: $name" "$code" "$text" portmap ADD a \
			"$(chained portmap net a "$(ports "$(map 8080 80)" "$(map 5353 53 udp)")$(conditions "$@"),\"backend\":\"$backend\"")"
	}
	bad "no such match" 7 'nosuch' "-m nosuch"
	same "$backend: it names key and value" '"conditionsV4": "-m nosuch" cannot be part of a rule' "$(result .msg)"
	if [ $backend = nftables ]; then
		bad "a bad value" 7 'mark: bad integer value' "-m mark --mark zz"
		bad "a match without its option" 7 'must be specified' "" "-m mark"
		bad "a target" 7 '"-j" is no condition' "-s 10.0.0.1 -j DROP"
		bad "a protocol" 7 '"-p" is no condition' "-p udp"
		bad "a table" 7 'is no condition' "--table=filter"
		bad "a command" 7 'is no condition' "-A INPUT"
		bad "fragments" 7 'never matches' "-f"
		bad "words of nft" 7 "Bad argument \`ip'" "ip saddr 10.0.0.1"
		bad "an unknown option" 7 'unknown option "--frob"' "--frob"
		bad "nothing behind !" 7 'nothing appropriate' "!"
		bad "a prefix that is too long" 7 'invalid mask' "-s 10.0.0.0/33"
		bad "an IPv6 address" 7 'not found' "-s fd00::1"
		bad "IPv4 in conditionsV6" 7 '"conditionsV6"' "" "-s 10.0.0.1/8"
		bad "not with this protocol" 7 'multiport' "-m multiport --dports 5 --sports 6"
		fails "$backend: a control character" 7 'conditionsV4[1]' portmap ADD a \
			"$(chained portmap net a "$(ports "$(map 8080 80)"),\"conditionsV4\":[\"-s\",\"10.0.0.1\\n\"],\"backend\":\"$backend\"")"
	fi
	# libxtables takes it; the kernel says that it can see no MAC of what the host sends itself
	fails "$backend: a match that the kernel refuses" "$([ $backend = nftables ] && echo 7 || echo 999)" '' portmap ADD a \
		"$(chained portmap net a "$(ports "$(map 8080 80)")$(conditions '-m mac --mac-source 00:11:22:33:44:55'),\"backend\":\"$backend\"")"
done

# --- nftables: who shares a port
town a b
for id in v w x y; do sed 's/10.88.0.2/10.88.0.3/; s/fd00:88::2/fd00:88::3/' /run/prev.a >/run/prev.$id; done
serve a tcp:80
serve b tcp:80
m8080=$(ports "$(map 8080 80)")
for order in "a b" "b a"; do
	for id in $order; do
		if [ $id = a ]; then
			publish "sharing, $order: a under conditions" a "$m8080$(conditions '-s 192.0.2.0/24' '-s 2001:db8:1::/64')"
		else
			publish "sharing, $order: b without" b "$m8080"
		fi
	done
	reaches "sharing, $order: who meets the conditions" "a 192.0.2.9" outside tcp 192.0.2.1 8080
	reaches "sharing, $order: who does not" "b 198.51.100.9" third tcp 192.0.2.1 8080
	reaches "sharing, $order: v6, who meets them" "a 2001:db8:1::9" outside tcp 2001:db8:1::1 8080
	reaches "sharing, $order: v6, who does not" "b 2001:db8:2::9" third tcp 2001:db8:1::1 8080
	"$BIN/hawser" reload >$out 2>$err
	reaches "sharing, $order: the same after reload" "a 192.0.2.9" outside tcp 192.0.2.1 8080
	reaches "sharing, $order: also for the others" "b 198.51.100.9" third tcp 192.0.2.1 8080
	for id in $order; do unpublish "sharing, $order: DEL $id" $id; done
	same "sharing, $order: nothing is left" "" "$(remains)"
done
m8080=$(ports "$(map 8080 80 tcp 0.0.0.0)")
publish "two conditions: first" a "$m8080$(conditions '-s 192.0.2.0/24')"
publish "two conditions: second" b "$m8080$(conditions '-s 0.0.0.0/0')"
reaches "two conditions: the first wins where both are met" "a 192.0.2.9" outside tcp 192.0.2.1 8080
reaches "two conditions: the second gets the rest" "b 198.51.100.9" third tcp 192.0.2.1 8080
"$BIN/hawser" reload >$out 2>$err
reaches "two conditions: reload keeps the order" "a 192.0.2.9" outside tcp 192.0.2.1 8080
refused "the same conditions: refused, naming the owner" 999 'tcp port 8080 on any address is published by net a eth0 already, under the same conditions' \
	v "$m8080$(conditions '-s 192.0.2.77/24')"
publish "a third" v "$m8080$(conditions '-s 203.0.113.1')"
publish "a fourth" w "$m8080$(conditions '-s 203.0.113.2')"
refused "a fifth is refused" 999 '4 containers have these ports under conditions already' x "$m8080$(conditions '-s 203.0.113.3')"
publish "but at another port" x "$(ports "$(map 8081 80)")$(conditions '-s 203.0.113.3')"
unpublish "DEL of the first" a
reaches "the second has it all" "b 192.0.2.9" outside tcp 192.0.2.1 8080
publish "room for the fifth" y "$m8080$(conditions '-s 203.0.113.3')"
publish "a second ADD replaces the first" y "$m8080$(conditions '-s 203.0.113.4')"
NETNS='' succeeds "GC" portmap GC '' '{"cniVersion":"1.1.0","name":"net","type":"portmap","cni.dev/valid-attachments":[{"containerID":"b","ifname":"eth0"}]}'
same "GC leaves one" "cond 1, ports 1, record 1" "cond $(nft list table ip hawser | grep -c 'chain cond-'), ports $(nft list table ip hawser | grep -c 'chain ports-'), record $(find /run/hawser/attachments -name '*portmap*' | wc -l)"

# --- CHECK, foreign flushes, reload
p=$(chained portmap net b "$m8080$(conditions '-s 0.0.0.0/0')")
cond=$(nft list table ip hawser | grep -oE '(cond|ports)-[0-9a-f]{16} \{' | tr -d ' {' | sort -u | tr '\n' ' ')
for damage in "flush chain ip hawser ${cond%% *}" "flush chain ip hawser $(cut -d' ' -f2 <<<"$cond")" "flush map ip hawser conditional1" \
	"delete table ip hawser" "flush table ip hawser" "flush ruleset"; do
	nft $damage
	fails "$damage: CHECK fails" 999 "missing" portmap CHECK b "$p"
	check "$damage: reload" "$BIN/hawser" reload
	succeeds "$damage: CHECK passes again" portmap CHECK b "$p"
	reaches "$damage: connections, too" "b 198.51.100.9" third tcp 192.0.2.1 8080
done
nft flush table ip hawser
publish "another's ADD heals table ip" a "$(ports "$(map 9090 80)")"
succeeds "CHECK passes" portmap CHECK b "$p"
reaches "connections, too" "b 198.51.100.9" third tcp 192.0.2.1 8080
unpublish "DEL" a
nft flush ruleset
unpublish "DEL after a flush" b
same "nothing is left" "" "$(remains)"

# --- STATUS, and a host without the program
s='{"cniVersion":"1.1.0","name":"net","type":"portmap","conditionsV4":["-s","10.0.0.1"]}'
NETNS='' succeeds "STATUS" portmap STATUS '' "$s"
mkdir -p /run/alone
cp "$BIN/portmap" /run/alone/
[ ! -d /usr/local/libexec/hawser ] || mount -t tmpfs tmpfs /usr/local/libexec/hawser
for backend in nftables iptables; do
	BIN=/run/alone fails "$backend: without hawser-conditions" 2 'needs hawser-conditions' portmap ADD a \
		"$(chained portmap net a "$m8080$(conditions '-s 10.0.0.1'),\"backend\":\"$backend\"")"
done
NETNS='' BIN=/run/alone fails "without hawser-conditions: STATUS" 50 'hawser-conditions' portmap STATUS '' "$s"
BIN=/run/alone publish "without it and without conditions" a "$m8080,\"conditionsV4\":[],\"conditionsV6\":null"
unpublish "DEL" a
printf '#!/bin/sh\necho "[]"\n' >/run/alone/hawser-conditions
chmod +x /run/alone/hawser-conditions
BIN=/run/alone fails "an answer that is not understood" 999 'not of this release' portmap ADD a "$(chained portmap net a "$m8080$(conditions '-s 10.0.0.1')")"

# --- the words against iptables itself, as the entry rule has them
# usage: verdict 4|6 WORDS; "taken" or "refused" by us, and by iptables
verdict() {
	local ours=refused theirs=refused tool=iptables
	[ "$1" = 4 ] || tool=ip6tables
	# shellcheck disable=SC2086
	"$BIN/hawser-conditions" "$1" tcp $2 >$out 2>$err && ours=taken
	printf '*nat\n:T - [0:0]\n-A T -p tcp -m comment --comment x -m multiport --dports 1 %s -j RETURN\nCOMMIT\n' "$2" |
		$tool-restore --test >/run/theirs 2>&1 && theirs=taken
	same "IPv$1: iptables says the same of: $2" "$theirs" "$ours"
}
while IFS= read -r words; do
	verdict 4 "$words"
	verdict 6 "${words//10.1.2.3/fd00::1}"
done <<'EOT'
-s 10.1.2.3
--src 10.1.2.3/16 --dst 10.1.2.3
-s 10.1.2.3/99999
-s 10.1.2.3 -s 10.1.2.3
! -s 10.1.2.3,10.1.2.3/8
! ! -s 10.1.2.3
-s ! 10.1.2.3
--in-int eth0 --out-int eth1
-i eth0123456789abcdef
-i
-m tcp --sport 1024: --syn
-m udp --sport 5
--sport 1024
--tcp-flags SYN,ACK SYN
-m tcp --tcp-flags SYN
-m multiport --sports 1,2,3 -m multiport --ports 4
-m limit --limit 3/s -m limit --limit-burst 7
-m iprange --src-range 10.1.2.3-10.1.2.3
-m statistic --mode nth --every 2 --packet 0
-m string --string x --algo kmp
-m recent --name x --rcheck
-m owner --uid-owner 0 ! --gid-owner 7
-m mark --mark 1 --mark 2
! -m mark --mark 1
-m set
--bogus
word
EOT
done_testing
