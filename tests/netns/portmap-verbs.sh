# SPDX-License-Identifier: GPL-2.0-or-later
# portmap, nftables backend: CHECK, DEL, GC, STATUS; elements removed by hand; each step fails once.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

# --- CHECK, DEL, GC, STATUS
town a b
m=$(ports "$(map 8080 80)" "$(map 9000 9000 tcp "" 10)" "$(map 7000 70 udp 192.0.2.1)")
c=$(chained portmap net a "$m")
fails "CHECK before ADD" 999 "no record" portmap CHECK a "$c"
publish "publish" a "$m"
for element in 'ports4 { tcp . 8080 }' 'ports6 { tcp . 8080 }' 'ranges4 { 0.0.0.0-255.255.255.255 . tcp . 9000-9009 }' 'hostports4 { 192.0.2.1 . udp . 7000 }' "snat4 { $(ip4 a) }"; do
	# shellcheck disable=SC2086
	check "an element is deleted by hand: $element" nft delete element inet hawser $element
	fails "CHECK names the set: ${element%% *}" 999 "missing in set ${element%% *} of" portmap CHECK a "$c"
	publish "ADD again makes it: ${element%% *}" a "$m"
	succeeds "and CHECK passes: ${element%% *}" portmap CHECK a "$c"
done
nft delete element inet hawser ports4 '{ tcp . 8080 }'
nft add element inet hawser ports4 '{ tcp . 8080 comment "net a eth0" : 10.88.0.99 . 80 }'
fails "an element leads elsewhere: CHECK" 999 "changed" portmap CHECK a "$c"
nft delete element inet hawser ports4 '{ tcp . 8080 }'
nft add element inet hawser ports4 "{ tcp . 8080 comment \"net x eth0\" : $(ip4 a) . 80 }"
fails "an element is somebody else's: CHECK" 999 "net x eth0" portmap CHECK a "$c"
unpublish "DEL leaves an element of somebody else" a
check "it is still there" nft get element inet hawser ports4 '{ tcp . 8080 }'
nft delete element inet hawser ports4 '{ tcp . 8080 }'
nothing_in_nft "and it is all there was"
publish "publish" a "$m"
nft flush map inet hawser ports4
nft flush map inet hawser ranges4
nft flush set inet hawser snat4
unpublish "DEL when elements were removed by hand" a
nothing_in_nft "DEL when elements were removed by hand: nothing is left"
publish "publish" a "$m"
nft delete chain inet hawser "$(nft -j list table inet hawser | jq -r '[.nftables[].chain.name? // empty | select(startswith("hairpin"))][0]')"
fails "a chain is deleted by hand: CHECK" 999 "chain hairpin-" portmap CHECK a "$c"
unpublish "a chain is deleted by hand: DEL" a
nothing_in_nft "a chain is deleted by hand: nothing is left"
publish "publish" a "$m"
NETNS='' succeeds "DEL without prevResult, runtimeConfig and netns" portmap DEL a '{"cniVersion":"1.1.0","name":"net","type":"portmap"}'
nothing_in_nft "DEL without prevResult: nothing is left"
check "DEL without prevResult: the child that closes its socket ends" wait_for 5 none_running portmap
for i in 1 2; do
	NETNS='' succeeds "DEL again ($i)" portmap DEL a '{"cniVersion":"1.1.0","name":"net","type":"portmap"}'
done
succeeds "DEL with bad mappings" portmap DEL a "$(chained portmap net a '"runtimeConfig":{"portMappings":[{"hostPort":0,"containerPort":80}]}')"
publish "ADD" a "$(ports "$(map 8080 80)")"
if plugin portmap ADD a "$(chained portmap net a "$(ports "$(map 8081 80)")")"; then
	unpublish "ADD twice with other ports, then DEL" a
	nothing_in_nft "ADD twice with other ports: DEL removes what both made"
else
	not_ok "ADD twice with other ports" "neither replaced nor explained" && unpublish "DEL" a
fi
nft flush table inet hawser 2>/dev/null
nft delete table inet hawser 2>/dev/null
publish "publish" a "$m"
publish "publish" b "$(ports "$(map 8081 80)")"
succeeds "GC with one valid attachment" portmap GC a "$(jq -c '."cni.dev/valid-attachments"=[{containerID:"b",ifname:"eth0"}]' <<<"$c")"
same "GC leaves the valid one" "1 0" "$(elements ports4 ranges4)"
succeeds "GC: CHECK of the valid one" portmap CHECK b "$(chained portmap net b "$(ports "$(map 8081 80)")")"
succeeds "GC without a list" portmap GC a "$c"
same "GC without a list removes nothing" "1 0" "$(elements ports4 ranges4)"
succeeds "GC with none" portmap GC a "$(jq -c '."cni.dev/valid-attachments"=[]' <<<"$c")"
nothing_in_nft "GC with none: nothing is left"
succeeds "STATUS" portmap STATUS a "$c"
succeeds "STATUS with nftables" portmap STATUS a "$(jq -c '.backend="nftables"' <<<"$c")"
fails "STATUS with a bad key" 7 markMasqBit portmap STATUS a "$(jq -c '.markMasqBit=77' <<<"$c")"

# two records with one port, because somebody deleted an element by hand: nobody else may suffer
town a b d
publish "publish" a "$(ports "$(map 8080 80)" "$(map 9000 9000 tcp "" 10)")"
nft delete element inet hawser ports4 '{ tcp . 8080 }'
nft delete element inet hawser ranges4 '{ 0.0.0.0-255.255.255.255 . tcp . 9000-9009 }'
publish "the port of a lost element for another" b "$(ports "$(map 8080 80 tcp 0.0.0.0)" "$(map 9005 9005 tcp 0.0.0.0 10)")"
nft flush ruleset
publish "two records with one port: a flushed ruleset is healed" d "$(ports "$(map 8082 80)")"
check "two records with one port: one of them has it" nft get element inet hawser ports4 '{ tcp . 8080 }'
for id in a b d; do
	unpublish "two records with one port: DEL of $id" $id
done
nothing_in_nft "two records with one port: nothing is left"

# --- every step of ADD and DEL fails once (test builds)
if grep -qa HAWSER_FAULT "$BIN/portmap"; then
	town a b
	publish "a neighbour" b "$(ports "$(map 8081 80)")"
	m=$(ports "$(map 8080 80)" "$(map 5353 53 udp)")
	c=$(chained portmap net a "$m")
	clean=$(all_elements) steps=0 wrong=''
	for k in $(seq 60); do
		export HAWSER_FAULT=$k
		if plugin portmap ADD a "$c"; then
			unset HAWSER_FAULT
			plugin portmap DEL a "$c"
			[ "$(all_elements)" = "$clean" ] || wrong+=" after-ok-$k"
			steps=$k
			grep -q "step" $err || [ $k -lt 3 ] || break
		else
			unset HAWSER_FAULT
			[ "$(all_elements)" = "$clean" ] && [ "$(records)" = 3 ] || { wrong+=" $k" && plugin portmap DEL a "$c"; }
		fi
	done
	same "every step of ADD fails once: nothing is left" "" "$wrong"
	echo "# ADD: $steps steps"
	wrong=''
	for k in $(seq 60); do
		plugin portmap ADD a "$c" || break
		HAWSER_FAULT=$k plugin portmap DEL a "$c"
		status=$?
		unset HAWSER_FAULT
		plugin portmap DEL a "$c"
		[ "$(all_elements)" = "$clean" ] || { wrong+=" $k($status)" && nft delete element inet hawser ports4 '{ tcp . 8080 }' 2>/dev/null; }
	done
	same "every step of DEL fails once: the next DEL removes it all" "" "$wrong"
fi
done_testing
