# SPDX-License-Identifier: GPL-2.0-or-later
# Rules in iptables, with iptables-nft and with iptables-legacy: add twice, check, delete, what others have in
# the same tables stays, parallel calls, errors. The rules themselves are compared with the reference's in
# tests/differential/xt-rules.sh.
. "$(dirname "$0")/lib.sh"
. "$here/tests/xt-lib.sh"
xt_need

net=net id=c1
owner=("$net" "$id")
masq=(10.88.0.2/24 fd00:88::2/64)
ports=(10.88.0.2/24 fd00:88::2/64 tcp/8000/80/20 udp/53/53 sctp/7/7 tcp/81/80/1/127.0.0.1 tcp/82/80/1/::1 cond=! cond=-i cond=eth7 cond=-m cond=comment
	cond=--comment 'cond=it'"'"'s "quoted" \ $(reboot)')
fw=(10.88.0.2/24 fd00:88::2/64 bridge=br0 policy=isolated dns=1 direct=1)

# usage: add KIND ID VERB; the words of the three kinds, with a condition that must be quoted
add() {
	local words=("${ports[@]}")
	[ "$2" != c2 ] || other
	case $1 in
	masq) "$XT" "masq-$3" "$net" "$2" "${masq[@]}" ;;
	portmap) "$XT" "portmap-$3" "$net" "$2" "${words[@]}" ;;
	firewall) "$XT" "firewall-$3" "$net" "$2" "${fw[@]}" ;;
	esac
}
# usage: del KIND ID
del() {
	case $1 in
	firewall) "$XT" firewall-del "$net" "$2" bridge=br0 direct=1 last=1 "${masq[@]}" ;;
	*) "$XT" "$1-del" "$net" "$2" ;;
	esac
}
# Other addresses and ports for the words of a container.
other() {
	mapfile -t words < <(printf '%s\n' "${words[@]}" | sed -E 's/0\.2\/24/0.9\/24/; s/::2\/64/::9\/64/; s/^(tcp|udp|sctp)\/([0-9]+)/\1\/1\2/')
}
# What others have: rules in every table and chain that we write to, and a chain with the admin's rule.
foreign() {
	local t
	for t in iptables ip6tables; do
		$t -t nat -N OTHER
		$t -t nat -A POSTROUTING -m comment --comment 'name: "net" id: "c11"' -j OTHER
		$t -t nat -A PREROUTING -p tcp --dport 8000 -j OTHER
		$t -N CNI-ADMIN
		$t -A CNI-ADMIN -i lo -j ACCEPT
		$t -A FORWARD -i br00 -j ACCEPT
		$t -A INPUT -i br0 -p udp --dport 53 -j ACCEPT
		$t -t raw -A PREROUTING -i br0 -j ACCEPT
	done
}

for v in nft legacy; do
	xt_variant "$v" || continue
	for kind in masq portmap firewall; do
		xt_reset
		foreign
		before=$(rules)
		check "$v: $kind del without an add" del $kind $id
		same "$v: $kind del without an add changes nothing" "$before" "$(rules)"
		check "$v: $kind add" add $kind $id add
		one=$(rules)
		check "$v: $kind check" add $kind $id check
		refuse "$v: $kind check of another container" add $kind c2 check
		[ $kind = firewall ] && refused= || refused=1
		[ -z "$refused" ] || check "$v: $kind add of another container" add $kind c2 add
		[ -z "$refused" ] || check "$v: $kind del of another container" del $kind c2
		same "$v: $kind another container came and went" "$one" "$(rules)"
		check "$v: $kind add again" add $kind $id add
		same "$v: $kind add again changes nothing" "$one" "$(rules)"
		check "$v: $kind del" del $kind $id
		same "$v: $kind del leaves what others have" "$before" "$(rules | xt_without_shared)"
		check "$v: $kind del again" del $kind $id
		same "$v: nothing of the container is left by $kind" 0 "$(rules | grep -cE "id: ..?$id\\\\?\"|10\\.88\\.0\\.2")"
		# rules changed behind our back: check sees it, add repairs it
		add $kind $id add
		case $kind in
		masq) iptables -t nat -D POSTROUTING 2 ;;
		portmap) iptables -t nat -D OUTPUT 1 ;;
		firewall) iptables -D FORWARD 1 ;;
		esac
		refuse "$v: $kind check sees a missing rule" add $kind $id check
		check "$v: $kind add repairs" add $kind $id add
		check "$v: $kind check after the repair" add $kind $id check
	done

	# duplicates and foreign jumps to our chains are no obstacle to del
	xt_reset
	iptables -t nat -N MORE
	before=$(rules)
	add masq $id add
	chain=$(iptables -t nat -S | sed -n 's/^-N \(CNI-.*\)/\1/p')
	iptables -t nat -A POSTROUTING -s 192.0.2.0/24 -j "$chain"
	iptables -t nat -A MORE -m comment --comment 'old "form"' -s 10.88.0.0/24 -j "$chain"
	check "$v: masq del with more jumps to the chain" del masq $id
	same "$v: all of them are gone" "$before" "$(rules)"
	# chains of releases before 0.8
	sn=${chain/CNI-/CNI-SN-}
	sn=${sn:0:28}
	iptables -t nat -N CNI-HOSTPORT-SNAT
	before=$(rules)
	iptables -t nat -N "$sn"
	iptables -t nat -A "$sn" -p tcp -s 127.0.0.1 -d 10.88.0.2 --dport 80 -j MASQUERADE
	iptables -t nat -A CNI-HOSTPORT-SNAT -m comment --comment 'snat name: "net" id: "c1"' -j "$sn"
	check "$v: portmap del with an old SNAT chain" del portmap $id
	same "$v: the old chain is gone" "$before" "$(rules)"

	# firewall: last or not, without addresses, two bridges
	xt_reset
	"$XT" firewall-add "${owner[@]}" "${fw[@]}"
	"$XT" firewall-add $net c2 10.88.0.3/24 bridge=br0 policy=same-bridge dns=1 direct=1
	"$XT" firewall-add net2 c3 10.89.0.3/24 bridge=br01 policy=same-bridge
	three=$(rules)
	"$XT" firewall-del $net c2 direct=1
	same "$v: without addresses only the direct rule goes" 1 "$(diff <(echo "$three") <(rules) | grep -c '^[<>]')"
	"$XT" firewall-del $net c2 bridge=br0 direct=1 10.88.0.3/24
	same "$v: not the last: isolation stays" 2 "$(iptables -S | grep -c -- '-i br0 .*-o br0')"
	"$XT" firewall-del "${owner[@]}" bridge=br0 direct=1 last=1 "${masq[@]}"
	same "$v: the last: nothing of the bridge is left" 0 "$(rules | grep -cE 'br0 |10\.88')"
	same "$v: the other bridge keeps its rules" 4 "$(iptables -S | grep -cE -- 'br01( |$)|10\.89.*-j ACCEPT')"

	# 16 at the same time on an empty host
	for kind in masq portmap firewall; do
		xt_reset
		pids=() failed=0
		for i in $(seq 16); do
			case $kind in
			masq) "$XT" masq-add $net p$i 10.88.1.$i/24 ;;
			portmap) "$XT" portmap-add $net p$i 10.88.1.$i/24 tcp/$((9000 + i))/80 ;;
			firewall) "$XT" firewall-add $net p$i 10.88.1.$i/24 bridge=br0 policy=same-bridge direct=1 ;;
			esac 2>>$err &
			pids+=($!)
		done
		for p in "${pids[@]}"; do
			wait "$p" || failed=$((failed + 1))
		done
		same "$v: 16 parallel $kind adds, none fails" 0 $failed
		case $kind in
		masq) same "$v: $kind, all rules" "16 32" "$(iptables -t nat -S POSTROUTING | grep -c -- '-j CNI-') $(iptables -t nat -S | grep -cE -- '^-A CNI-.* -j (ACCEPT|MASQUERADE)')" ;;
		portmap) same "$v: $kind, all rules and one way in" "16 16 1 1 1" "$(iptables -t nat -S | grep -c -- '-j DNAT') $(iptables -t nat -S | grep -c -- '-j CNI-DN-') $(for c in PREROUTING OUTPUT POSTROUTING; do iptables -t nat -S $c | grep -c -- '-j CNI-'; done | xargs)" ;;
		firewall) same "$v: $kind, all rules and one way in" "32 16 2 2" "$(iptables -S CNI-FORWARD | grep -c -- '-j ACCEPT') $(iptables -t raw -S | grep -c -- '-j DROP') $(iptables -S FORWARD | grep -c -- '-j CNI-') $(iptables -S | grep -c -- '-[io] br0')" ;;
		esac
		pids=() failed=0
		for i in $(seq 16); do
			case $kind in
			firewall) "$XT" firewall-del $net p$i bridge=br0 direct=1 last=1 10.88.1.$i/24 ;;
			*) "$XT" $kind-del $net p$i ;;
			esac 2>>$err &
			pids+=($!)
		done
		for p in "${pids[@]}"; do
			wait "$p" || failed=$((failed + 1))
		done
		same "$v: 16 parallel $kind dels, none fails" 0 $failed
		same "$v: $kind, nothing is left" 0 "$(rules | xt_without_shared | grep -c '^-A')"
	done

	# others write at the same time, without our lock
	xt_reset
	iptables -t nat -N NOISE
	(while [ ! -e /run/stop ]; do
		iptables -w 5 -t nat -A NOISE -j RETURN
		iptables -w 5 -t nat -D NOISE 1
	done) >/dev/null 2>&1 &
	noise=$!
	failed=0
	for i in $(seq 20); do
		"$XT" portmap-add $net p$i 10.88.1.$i/24 tcp/$((9000 + i))/80 2>>$err || failed=$((failed + 1))
	done
	for i in $(seq 20); do
		"$XT" portmap-del $net p$i 2>>$err || failed=$((failed + 1))
	done
	touch /run/stop
	wait $noise
	rm /run/stop
	same "$v: 20 adds and dels while another program writes" 0 $failed
	same "$v: nothing is left of them" 0 "$(rules | grep -c CNI-DN)"

	# ports of another container, whoever made its rules
	xt_reset
	"$XT" portmap-add net c1 10.88.0.2/24 fd00:88::2/64 tcp/8000/80/20 udp/53/53/1/127.0.0.1 udp/54/54/1/::1
	one=$(rules)
	"$XT" portmap-add net c1 10.88.0.2/24 fd00:88::2/64 tcp/8000/80/20 udp/53/53/1/127.0.0.1 udp/54/54/1/::1
	same "$v: a second ADD of the same container" "0 $one" "$? $(rules)"
	while read -r want words; do
		# shellcheck disable=SC2086
		"$XT" portmap-add other c2 $words 2>$err
		got=$?
		if [ "$want" = - ]; then
			same "$v: free: $words" 0 $got
			# shellcheck disable=SC2086
			"$XT" portmap-del other c2 $words
		else
			same "$v: taken: $words" "1 1" "$got $(grep -cF "\"hostPort\": ${want//,/ } is published by net c1 (network, container) |" $err)"
		fi
		same "$v: nothing changed by it" "$one" "$(rules)"
	done <<-END
		tcp,port,8019,on,any,address 10.88.0.3/24 tcp/8019/80
		tcp,port,8000,on,any,address 10.88.0.3/24 tcp/7990/80/20
		tcp,port,8003,on,192.0.2.1 10.88.0.3/24 tcp/8003/80/1/192.0.2.1
		udp,port,53,on,127.0.0.1 10.88.0.3/24 tcp/70/70 udp/53/53/1/127.0.0.1
		udp,port,54,on,::1 fd00:88::3/64 udp/54/54/1/::1
		- 10.88.0.3/24 udp/8000/80/20 tcp/8020/80 tcp/53/53
		- 10.88.0.3/24 udp/53/53
		- 10.88.0.3/24 udp/53/53/1/127.0.0.2
		- 10.88.0.3/24 udp/54/54
	END
	"$XT" taken 10.88.0.3/24 tcp/8000/80 2>$err
	same "$v: another backend is told" "1 1" "$? $(grep -c 'is published by net c1 ' $err)"
	check "$v: and of no other port" "$XT" taken 10.88.0.3/24 tcp/8020/80
	iptables -t nat -F CNI-HOSTPORT-DNAT
	check "$v: a chain that nothing leads to takes no port" "$XT" taken 10.88.0.3/24 tcp/8000/80

	# CVE-2020-8558: made with the first port, repaired when somebody took it away
	xt_reset
	guard() { iptables-save -t raw | grep -c HAWSER-LOCALNET; }
	"$XT" portmap-add net c1 10.88.0.2/24 tcp/80/80 localnet=0
	same "$v: where 127.0.0.1 is not published nothing keeps others out of 127.0.0.0/8" 0 "$(guard)"
	"$XT" portmap-add net c2 fd00:88::2/64 tcp/80/80
	same "$v: nor for IPv6" "0 0" "$(guard) $(ip6tables-save | grep -c LOCALNET)"
	"$XT" portmap-add net c3 10.88.0.3/24 tcp/81/80
	same "$v: with it, two rules and a jump" 4 "$(guard)"
	one=$(rules)
	for breakage in '-F' '-F HAWSER-LOCALNET' '-D HAWSER-LOCALNET 1' '-D PREROUTING 1'; do
		iptables -t raw $breakage
		refuse "$v: CHECK sees raw $breakage" "$XT" portmap-check net c3 10.88.0.3/24 tcp/81/80
		check "$v: ADD repairs raw $breakage" "$XT" portmap-add net c4 10.88.0.4/24 tcp/82/80
		"$XT" portmap-del net c4 10.88.0.4/24 tcp/82/80
		same "$v: as it was" "$(sort <<<"$one")" "$(rules | sort)"
	done

	# DEL that knows what ADD was told deletes without reading, unless the rules are others by now
	for kind in masq portmap firewall; do
		xt_reset
		foreign
		case $kind in
		masq) words=("${masq[@]}") ;;
		portmap) words=("${ports[@]}") ;;
		firewall) words=("${masq[@]}" policy=open) ;;
		esac
		other
		add $kind c0 add
		same "$v: $kind c0 is there" 0 $?
		before=$(rules)
		"$XT" $kind-add "${owner[@]}" "${words[@]}" 2>>$err
		check "$v: $kind del by the record" "$XT" $kind-del "${owner[@]}" "${words[@]}"
		same "$v: $kind, just that is gone" "$before" "$(rules)"
		"$XT" $kind-add "${owner[@]}" "${words[@]}" 2>>$err
		case $kind in
		masq) iptables -t nat -D POSTROUTING "$(iptables -t nat -S POSTROUTING | grep -n 10.88.0.9 | cut -d: -f1 | awk '{print $1 - 1}')" ;;
		portmap) iptables -t nat -D CNI-HOSTPORT-DNAT "$(iptables -t nat -S CNI-HOSTPORT-DNAT | wc -l | awk '{print $1 - 1}')" ;;
		firewall) iptables -D CNI-FORWARD -s 10.88.0.9/32 -j ACCEPT ;;
		esac
		check "$v: $kind del by the record when a rule is missing" "$XT" $kind-del "${owner[@]}" "${words[@]}"
		same "$v: $kind, just the rest is gone" "$before" "$(rules)"
	done

	# errors leave nothing and name what is wrong
	xt_reset
	before=$(rules)
	for case in 'cond=--no-such-option|unknown option "--no-such-option"' 'setmark=NOSUCH|NOSUCH' \
		'setmark=a"b|externalSetMarkChain' $'cond=two\nlines|control character' 'mark=32|markMasqBit'; do
		"$XT" portmap-add "${owner[@]}" 10.88.0.2/24 tcp/80/80 "${case%|*}" 2>$err
		same "$v: ${case%%=*} refused" 1 $?
		check "$v: the error says so: ${case#*|}" grep -qF "${case#*|}" $err
	done
	"$XT" firewall-add "${owner[@]}" 10.88.0.2/24 bridge=br+ policy=same-bridge 2>$err
	same "$v: a bridge that iptables would take for a pattern" 1 $?
	same "$v: nothing was made" "$before" "$(rules)"
	# an external chain for marks, of which only the name is ours
	iptables -t nat -N KUBE-MARK-MASQ
	check "$v: externalSetMarkChain" "$XT" portmap-add "${owner[@]}" 10.88.0.2/24 tcp/80/80 setmark=KUBE-MARK-MASQ
	same "$v: no chains for marks of our own" "2 0" "$(iptables -t nat -S | grep -c -- '-j KUBE-MARK-MASQ') $(iptables -t nat -S | grep -cE 'SETMARK|HOSTPORT-MASQ')"

	# the questions
	xt_reset
	same "$v: usable" "0 0" "$("$XT" usable 4) $("$XT" usable 6)"
	same "$v: an empty FORWARD" "0 0" "$("$XT" drops 4) $("$XT" drops 6)"
	"$XT" firewall-add "${owner[@]}" "${fw[@]}"
	same "$v: our own rules do not count" "0 0" "$("$XT" drops 4) $("$XT" drops 6)"
	iptables -P FORWARD DROP
	same "$v: policy DROP" "1 0" "$("$XT" drops 4) $("$XT" drops 6)"
	iptables -P FORWARD ACCEPT
	ip6tables -A FORWARD -m comment --comment '-j CNI-FORWARD' -j REJECT
	same "$v: a foreign rule" "0 1" "$("$XT" drops 4) $("$XT" drops 6)"

	if command -v strace >/dev/null; then
		xt_reset
		while read -r want words; do
					same "$v: processes of $words" "$want" "$(xt_processes $words)"
		done <<-END
			0 masq-del ${owner[*]}
			0 portmap-del ${owner[*]}
			0 firewall-del ${owner[*]} 10.88.0.2/24
			1 masq-add ${owner[*]} 10.88.0.2/24
			1 masq-add $net c2 10.88.0.3/24
			1 masq-check ${owner[*]} 10.88.0.2/24
			1 portmap-add ${owner[*]} 10.88.0.2/24 tcp/8000/80/20
			2 portmap-add $net c2 10.88.0.3/24 tcp/9000/80/20
			1 portmap-add $net c2 10.88.0.3/24 tcp/9000/80/20
			2 firewall-add ${owner[*]} 10.88.0.2/24 bridge=br0 policy=same-bridge
			0 masq-del $net c3
			0 portmap-del $net c3
			1 masq-del ${owner[*]} 10.88.0.2/24
			0 masq-del ${owner[*]} 10.88.0.2/24
			2 masq-del $net c2
			1 portmap-del ${owner[*]} 10.88.0.2/24 tcp/8000/80/20
			0 portmap-del ${owner[*]} 10.88.0.2/24 tcp/8000/80/20
			3 portmap-del $net c2 10.88.0.3/24 tcp/9000/80/19
			1 firewall-del ${owner[*]} 10.88.0.2/24
			2 firewall-del ${owner[*]} bridge=br0 last=1 10.88.0.2/24
		END
	else
		skip "$v: processes" "no strace"
	fi
done
hash -r
# PATH is where we look first, /usr/sbin and /sbin always: hide them to be without iptables
if mount -t tmpfs tmpfs /usr/sbin 2>/dev/null; then
	PATH=/bin:/usr/bin "$XT" masq-add "${owner[@]}" 10.88.0.2/24 2>$err
	same "without iptables add fails" 1 $?
	check "and says why" grep -q 'the host has no ip' $err
	check "without iptables del has nothing to do" env PATH=/bin:/usr/bin "$XT" masq-del "${owner[@]}"
	same "usable says no" "-2 0" "$(PATH=/bin:/usr/bin "$XT" usable 4) $(PATH=/bin:/usr/bin "$XT" drops 4)"
	umount /usr/sbin
else
	skip "a host without iptables" "cannot mount over /usr/sbin"
fi
done_testing
