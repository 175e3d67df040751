# SPDX-License-Identifier: GPL-2.0-or-later
# portmap, nftables backend: bad input, and ports of other containers.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

# --- bad input: a sentence that names key and value, nothing changed
town a b
bad() { refused "bad input: $1" "$2" "$3" a "\"runtimeConfig\":{\"portMappings\":$4}${5:+,$5}"; }
bad "hostPort 0" 7 'hostPort": 0' '[{"hostPort":0,"containerPort":80}]'
bad "hostPort 65536" 7 'hostPort": 65536' '[{"hostPort":65536,"containerPort":80}]'
bad "hostPort -1" 7 'hostPort": -1' '[{"hostPort":-1,"containerPort":80}]'
bad "hostPort 2^32+80" 7 'hostPort' '[{"hostPort":4294967376,"containerPort":80}]'
bad "hostPort text" 6 'hostPort"' '[{"hostPort":"text","containerPort":80}]'
bad "hostPort 80.5" 6 'hostPort"' '[{"hostPort":80.5,"containerPort":80}]'
bad "hostPort missing" 7 'hostPort"' '[{"containerPort":80}]'
bad "containerPort 0" 7 'containerPort": 0' '[{"hostPort":80,"containerPort":0}]'
bad "containerPort 65536" 7 'containerPort": 65536' '[{"hostPort":80,"containerPort":65536}]'
bad "containerPort missing" 7 'containerPort"' '[{"hostPort":80}]'
bad "the second mapping is named" 7 'portMappings[1].hostPort": 0' '[{"hostPort":80,"containerPort":80},{"hostPort":0,"containerPort":80}]'
bad "a range that wraps" 7 'range": 10 ports from 65530' '[{"hostPort":65530,"containerPort":80,"range":10}]'
bad "a range that wraps in the container" 7 'and 65530 (container)' '[{"hostPort":80,"containerPort":65530,"range":7}]'
bad "a range of -1" 7 'range": -1' '[{"hostPort":80,"containerPort":80,"range":-1}]'
bad "a range of 65536" 7 'range": 65536' '[{"hostPort":1,"containerPort":1,"range":65536}]'
bad "an unknown protocol" 7 '"icmp"' '[{"hostPort":80,"containerPort":80,"protocol":"icmp"}]'
bad "protocol is a number" 6 'protocol"' '[{"hostPort":80,"containerPort":80,"protocol":6}]'
for ip in localhost 192.0.2 192.0.2.256 192.0.2.1/24 '192.0.2.1 ' fe80::1%eth0 '[::1]' 1:2; do
	bad "hostIP $ip" 7 "hostIP\": \"$ip\"" "[{\"hostPort\":80,\"containerPort\":80,\"hostIP\":\"$ip\"}]"
done
bad "hostIP is a number" 6 'hostIP"' '[{"hostPort":80,"containerPort":80,"hostIP":1}]'
bad "a port twice" 7 'hostPort 80 ' '[{"hostPort":80,"containerPort":80},{"hostPort":80,"containerPort":81}]'
bad "the same mapping twice" 7 'hostPort 80 ' '[{"hostPort":80,"containerPort":80},{"hostPort":80,"containerPort":80}]'
bad "overlapping ranges" 7 'hostPort 85 ' '[{"hostPort":80,"containerPort":80,"range":10},{"hostPort":85,"containerPort":85,"range":10}]'
bad "a port within a range" 7 'hostPort 85 ' '[{"hostPort":85,"containerPort":1},{"hostPort":80,"containerPort":80,"range":10}]'
bad "a port twice, with and without 0.0.0.0" 7 'hostPort 80 ' '[{"hostPort":80,"containerPort":80},{"hostPort":80,"containerPort":81,"hostIP":"0.0.0.0"}]'
bad "a port twice, with :: and without" 7 'hostPort 80 ' '[{"hostPort":80,"containerPort":80,"hostIP":"::"},{"hostPort":80,"containerPort":81}]'
bad "a range that meets one with 0.0.0.0" 7 'hostPort 8' '[{"hostPort":80,"containerPort":80,"range":10},{"hostPort":85,"containerPort":85,"range":10,"hostIP":"0.0.0.0"}]'
bad "a mapping that is no object" 6 'portMappings[0]"' '[80]'
bad "portMappings is an object" 6 'runtimeConfig.portMappings"' '{"hostPort":80}'
one='[{"hostPort":80,"containerPort":80}]'
bad "backend unknown" 7 '"backend": "ebtables"' "$one" '"backend":"ebtables"'
bad "backend is a number" 6 '"backend"' "$one" '"backend":1'
bad "markMasqBit 32" 7 'markMasqBit": 32' "$one" '"markMasqBit":32'
bad "markMasqBit -1" 7 'markMasqBit": -1' "$one" '"markMasqBit":-1'
bad "markMasqBit with nftables" 2 'markMasqBit' "$one" '"markMasqBit":5,"backend":"nftables"'
bad "externalSetMarkChain with nftables" 2 'externalSetMarkChain' "$one" '"externalSetMarkChain":"KUBE-MARK-MASQ","backend":"nftables"'
bad "externalSetMarkChain and markMasqBit" 7 'exclude' "$one" '"externalSetMarkChain":"KUBE-MARK-MASQ","markMasqBit":5'
bad "conditionsV4 is no list" 6 'conditionsV4"' "$one" '"conditionsV4":"-i eth0"'
bad "conditionsV4 of numbers" 6 'conditionsV4[0]"' "$one" '"conditionsV4":[1]'
bad "snat is text" 6 'snat"' "$one" '"snat":"yes"'
fails "bad input: no prevResult" 7 '"prevResult" is missing' portmap ADD a "$(chained portmap net a "$(ports "$(map 80 80)")" | jq -c 'del(.prevResult)')"
fails "bad input: prevResult is text" 6 'prevResult' portmap ADD a "$(chained portmap net a "$(ports "$(map 80 80)")" | jq -c '.prevResult = "x"')"
# conditions are words of iptables: refused with the reason (portmap-conditions.sh has more)
fails "conditions with backend nftables" 7 'nosuchmatch' portmap ADD a "$(chained portmap net a "$(ports "$(map 80 80)"),\"conditionsV4\":[\"-m\",\"nosuchmatch\"],\"backend\":\"nftables\"")"
succeeds "no runtimeConfig: nothing to do" portmap ADD a "$(chained portmap net a)"
same "no runtimeConfig: prevResult is passed on" "$(jq -cS .ips /run/prev.a)" "$(jq -cS .ips $out)"
for none in '"runtimeConfig":{}' '"runtimeConfig":{"portMappings":[]}' '"runtimeConfig":{"portMappings":null}' '"runtimeConfig":null'; do
	succeeds "nothing to do: $none" portmap ADD a "$(chained portmap net a "$none")"
done
refuse "and no table" nft list table inet hawser
same "and no record" 2 "$(records)"

# --- ports of another container
town a b
publish "first" a "$(ports "$(map 8080 80)" "$(map 9000 9000 tcp "" 10)" "$(map 7000 70 udp 192.0.2.1)" "$(map 9100 9100 tcp 192.0.2.1 10)")"
refused "the same port" 999 'tcp port 8080 on any address is published by net a eth0' b "$(ports "$(map 8080 80)")"
refused "the same port among others" 999 'tcp port 8080 ' b "$(ports "$(map 8079 80)" "$(map 8080 81)" "$(map 8081 80 udp)")"
refused "the same port, 0.0.0.0" 999 'tcp port 8080 ' b "$(ports "$(map 8080 80 tcp 0.0.0.0)")"
refused "the same port, ::" 999 'tcp port 8080 ' b "$(ports "$(map 8080 80 tcp ::)")"
refused "a port within a range" 999 'tcp port 9005 ' b "$(ports "$(map 9005 80)")"
refused "a range over a port" 999 'tcp port 8080 ' b "$(ports "$(map 8000 8000 tcp "" 100)")"
refused "a shifted range over a port" 999 'tcp port 8080 ' b "$(ports "$(map 8000 18000 tcp "" 100)")"
refused "a range over the end of a range" 999 'tcp port 900' b "$(ports "$(map 8990 8990 tcp "" 11)")"
refused "a range within a range" 999 'tcp port 9002 ' b "$(ports "$(map 9002 9002 tcp "" 5)")"
refused "a large range over everything" 999 'published by net a eth0' b "$(ports "$(map 1 1 tcp "" 65535)")"
refused "the same hostIP and port" 999 'udp port 7000 on 192.0.2.1 is published by net a eth0' b "$(ports "$(map 7000 70 udp 192.0.2.1)")"
refused "a range over a hostIP's range" 999 'tcp port 91' b "$(ports "$(map 9095 9095 tcp 192.0.2.1 10)")"
NET=second
jq -c . /run/prev.b >/run/prev.b2 && mv /run/prev.b2 /run/prev.b
refused "the owner is named from another network" 999 'published by net a eth0' b "$(ports "$(map 8080 80)")"
NET=
publish "udp is another port" b "$(ports "$(map 8080 80 udp)" "$(map 9005 80 udp)" "$(map 7000 70)")"
unpublish "DEL of the second" b
same "the first's stay" "1 2 1 1" "$(elements ports4 ranges4 hostports4 ports6)"
unpublish "DEL of the first" a
publish "then the port is free" b "$(ports "$(map 8080 80)" "$(map 9005 9005)")"
unpublish "DEL" b
nothing_in_nft "conflicts: nothing is left"
done_testing
