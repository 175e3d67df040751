# SPDX-License-Identifier: GPL-2.0-or-later
# What plugins 1.6 to 1.9 leave in nf_tables for a container: DEL and "hawser cleanup" remove just its rules.
# Debian has no such release: the tables are loaded in the text form that these releases make. "macspoofchk" is
# made by the reference plugins themselves.
. "$(dirname "$0")/lib.sh"

hash16() { printf %s "$1" | sha512sum | cut -c1-16; }
# The comment of ipMasq. usage: masq_comment NETWORK ID IFNAME
masq_comment() { printf '%.128s' "$(hash16 "$1")-$(hash16 "$3:$2"), net: $1, if: $3, id: $2"; }
# One container's rules. usage: go_rules NETWORK ID IFNAME LAST-BYTE HOSTPORT
go_rules() {
	local c ip=10.88.0.$4 ip6=fd00:88::$4
	c=$(masq_comment "$1" "$2" "$3")
	cat <<-END
		add rule inet cni_plugins_masquerade masq_checks ip saddr == $ip ip daddr != 10.88.0.0/24 masquerade comment "$c"
		add rule inet cni_plugins_masquerade masq_checks ip6 saddr == $ip6 ip6 daddr != fd00:88::/64 masquerade comment "$c"
		add rule ip cni_hostport hostports tcp dport $5 dnat to $ip:80 comment "$2"
		add rule ip cni_hostport hostports ip daddr 192.0.2.1 udp dport $5 dnat to $ip:53 comment "$2"
		add rule ip cni_hostport hostip_hostports ip daddr 192.0.2.2 udp dport $5 dnat to $ip:53 comment "$2"
		add rule ip cni_hostport masquerading ip saddr $ip ip daddr $ip masquerade comment "$2"
		add rule ip cni_hostport masquerading ip saddr 127.0.0.1 ip daddr $ip masquerade comment "$2"
		add rule ip6 cni_hostport hostports tcp dport $5 dnat to [$ip6]:80 comment "$2"
		add rule ip6 cni_hostport masquerading ip6 saddr $ip6 ip6 daddr $ip6 masquerade comment "$2"
	END
}
go_tables() {
	local f
	cat <<-'END'
		add table inet cni_plugins_masquerade { comment "Masquerading for plugins from github.com/containernetworking/plugins" ; }
		add chain inet cni_plugins_masquerade masq_checks { comment "Masquerade traffic from certain IPs to any (non-multicast) IP outside their subnet" ; }
		add chain inet cni_plugins_masquerade postrouting { type nat hook postrouting priority 100 ; }
		add rule inet cni_plugins_masquerade postrouting ip daddr == 224.0.0.0/4 return
		add rule inet cni_plugins_masquerade postrouting ip6 daddr == ff00::/8 return
		add rule inet cni_plugins_masquerade postrouting goto masq_checks
	END
	for f in ip ip6; do
		cat <<-END
			add table $f cni_hostport { comment "CNI portmap plugin" ; }
			add chain $f cni_hostport hostports
			add chain $f cni_hostport hostip_hostports
			add chain $f cni_hostport hostports_all
			add rule $f cni_hostport hostports_all jump hostip_hostports
			add rule $f cni_hostport hostports_all jump hostports
			add chain $f cni_hostport prerouting { type nat hook prerouting priority -100 ; }
			add rule $f cni_hostport prerouting fib daddr type local jump hostports_all
			add chain $f cni_hostport output { type nat hook output priority -100 ; }
			add rule $f cni_hostport output fib daddr type local jump hostports_all
			add chain $f cni_hostport masquerading { type nat hook postrouting priority 100 ; }
		END
	done
}
ruleset() { nft -s list ruleset; }
LIST='{"cniVersion":"1.0.0","name":"net","plugins":[
{"type":"bridge","bridge":"br0","isGateway":true,"ipMasq":true,"ipam":{"type":"host-local","subnet":"10.88.0.0/24"}},
{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall"}]}'
prev='{"cniVersion":"1.0.0","interfaces":[{"name":"br0"},{"name":"veth1234"},{"name":"eth0","sandbox":"/run/netns/a"}],
"ips":[{"interface":2,"address":"10.88.0.2/24"},{"interface":2,"address":"fd00:88::2/64"}],"dns":{}}'
conf_of() { jq -c --arg type "$1" --argjson prev "${2:-$prev}" '.plugins[] | select(.type == $type) + {cniVersion: "1.0.0", name: "net"} + if $prev == {} then {} else {prevResult: $prev} end' <<<"$LIST"; }

# Others: ids that begin alike, the same id on another network and interface, one with a long name.
long=$(printf 'x%.0s' $(seq 64))
others() {
	go_rules net ab eth0 3 8081
	go_rules other c eth0 4 8082
	go_rules net a-b eth1 5 8083
	go_rules net "$long" eth0 6 8084
}
slate a
nft -f - <<<"$(go_tables; others)"
before=$(ruleset)
succeeds "DEL of bridge for a container without rules" bridge DEL a "$(conf_of bridge)"
succeeds "DEL of portmap, too" portmap DEL a "$(conf_of portmap)"
same "changes nothing" "$before" "$(ruleset)"
nft -f - <<<"$(go_rules net a eth0 2 8080)"
whole=$(ruleset)
succeeds "DEL before any ADD (no prevResult) does not look" bridge DEL a "$(conf_of bridge '{}')"
same "and changes nothing" "$whole" "$(ruleset)"
succeeds "DEL of portmap" portmap DEL a "$(conf_of portmap)"
same "its ports are gone, its masquerading is not" 2 "$(diff <(echo "$before") <(ruleset) | grep -c '^[<>]')"
succeeds "DEL of bridge" bridge DEL a "$(conf_of bridge)"
same "just the container's rules are gone" "$before" "$(ruleset)"
succeeds "DEL again" bridge DEL a "$(conf_of bridge)"
succeeds "of portmap, too" portmap DEL a "$(conf_of portmap)"
same "changes nothing" "$before" "$(ruleset)"
# the comment of a long id is cut; what counts is the hash at its head
nft -f - <<<"$(go_rules net a eth0 2 8080)"
succeeds "DEL of a long id" bridge DEL "$long" "$(conf_of bridge)"
same "its masquerading is gone" "0 2" "$(nft -a list table inet cni_plugins_masquerade | grep -c "$(hash16 eth0:"$long")") $(nft list table inet cni_plugins_masquerade | grep -c "id: a\"")"
# one of two interfaces
nft -f - <<<"$(go_rules net a eth1 7 8090)"
succeeds "DEL of one of two interfaces" bridge DEL a "$(conf_of bridge)"
same "the other's masquerading stays" "0 2" "$(nft list table inet cni_plugins_masquerade | grep -c "if: eth0, id: a\"") $(nft list table inet cni_plugins_masquerade | grep -c "if: eth1, id: a\"")"

# hawser cleanup knows it by libcni's cache or the lease
nft flush ruleset
slate a
nft -f - <<<"$(go_tables; others; go_rules net a eth0 2 8080)"
mkdir -p /var/lib/cni/networks/net
printf 'a\r\neth0' >/var/lib/cni/networks/net/10.88.0.2
check "cleanup of the container" "$BIN/hawser" cleanup a
same "just its rules are gone" "$before" "$(ruleset)"
same "and its lease" 0 "$(leases)"

# somebody else commits all the time
(while [ ! -e /run/stop ]; do nft add table ip noise; nft delete table ip noise; done) 2>/dev/null &
noise=$!
for i in $(seq 10); do
	nft -f - <<<"$(go_rules net a eth0 2 8080)"
	plugin portmap DEL a "$(conf_of portmap)" || not_ok "DEL while others commit ($i)"
	plugin bridge DEL a "$(conf_of bridge)" || not_ok "DEL while others commit ($i)"
done
touch /run/stop
wait $noise
rm /run/stop
nft delete table ip noise 2>/dev/null
same "10 DELs while others commit" "$before" "$(ruleset)"

# normal attachments do not look into these tables
if command -v strace >/dev/null; then
	slate a
	plugin bridge ADD a "$(conf_of bridge '{}' | jq -c '.ipMasqBackend = "nftables"')" || not_ok "ADD"
	result=$(cat $out)
	traced() {
		CNI_COMMAND=DEL CNI_CONTAINERID=a CNI_NETNS=/run/netns/a ASAN_OPTIONS=detect_leaks=0 \
			strace -f -s 4096 -e trace=sendto,sendmsg -o /run/trace "$BIN/bridge" <<<"$(conf_of bridge "$result" | jq -c '.ipMasqBackend = "nftables"')" >$out 2>$err
	}
	traced
	same "DEL of ours asks nothing about them" "0 0" "$? $(grep -c NFT_MSG_GETRULE /run/trace)"
	traced
	same "DEL of another's does (the trace would show it)" "0 1" "$? $(grep -c NFT_MSG_GETRULE /run/trace)"
else
	skip "DEL of ours asks nothing about them" "no strace"
fi

# macspoofchk, made by the reference itself
if [ -x "$REF/bridge" ]; then
	nft flush ruleset
	slate a b
	spoof=$(conf_of bridge '{}' | jq -c '.macspoofchk = true | .ipMasq = false')
	for id in b a; do
		CNI_PATH=$REF CNI_COMMAND=ADD CNI_CONTAINERID=$id CNI_NETNS=/run/netns/$id "$REF/bridge" >$out 2>$err <<<"$spoof" || not_ok "the reference: macspoofchk $id"
		[ $id = a ] || before=$(ruleset)
	done
	same "the reference made chains of a" 1 "$(ruleset | grep -c 'chain cni-br-iface-a-eth0 ')"
	succeeds "DEL of a container with the reference's macspoofchk" bridge DEL a "$(jq -c --slurpfile prev $out '.prevResult = $prev[0]' <<<"$spoof")"
	same "its chains and rules are gone, the other's stay" "$before" "$(ruleset)"
else
	skip "macspoofchk of the reference" "not installed"
fi
done_testing
