# SPDX-License-Identifier: GPL-2.0-or-later
# hawser-overlayd and an etcd that wants TLS, a certificate, a user and a password; and that is one of several.
. "$(dirname "$0")/../overlayd-lib.sh"
etcd=/run/test-etcd
trap 'etcd_stop $etcd; fixture star-N down' EXIT
S=/coreos.com/network/subnets
export FAMILIES=4
fixture star-N up 2
in_underlay ip addr add 192.0.2.254/24 dev wire0
etcd_certs $etcd IP:192.0.2.254
start() { RUN=in_underlay ADDRESS=192.0.2.254 etcd_start $etcd 2379 --client-certs; }
# etcdctl in the underlay, as ctl of overlayd-lib.sh.
etcdctl() { in_underlay env ETCDCTL_API=3 etcdctl "$@"; }
ctl() { etcd_ctl $etcd "${as[@]}" "$@" 2>>$err; }
as=()
check "etcd starts" start
ctl put /coreos.com/network/config "$(etcd_network 4)" >$out
{
	ctl user add root:secret
	ctl user add agent:hush
	ctl role add nodes
	ctl role grant-permission nodes readwrite --prefix /coreos.com/network/
	ctl user grant-role agent nodes
	ctl auth enable
} >$out
as=(--user root:secret)
same "etcd wants a password" 1 "$(as=() ctl get / >$out; echo $?)"

for i in 1 2; do
	for file in ca.pem other-ca.pem client.pem client.key; do host_put n$i /run/etcd/$file <$etcd/$file; done
	echo hush | host_put n$i /run/etcd/password
	echo wrong | host_put n$i /run/etcd/wrong
done
# usage: list HOST CA PASSWORD [ENDPOINTS]: with these files
list() {
	ENDPOINT=${4:-https://192.0.2.254:2379} STORE="\"caFile\":\"/run/etcd/$2\",\"certFile\":\"/run/etcd/client.pem\",\"keyFile\":\"/run/etcd/client.key\",\"username\":\"agent\",\"passwordFile\":\"/run/etcd/$3\"" \
		etcd_list "${1#n}" | host_put "$1" /run/cni/net.d/blue.conflist
}
list n1 ca.pem password
# the first of its endpoints answers nobody
list n2 ca.pem password 'https://192.0.2.253:2379","https://192.0.2.254:2379'
agents_start n1 n2
know 1 n1 n2
learn n1 n2
all_meet "nodes meet" n1 n2
same "of two endpoints the one that answers is asked" https://192.0.2.254:2379 "$(agent_says n2 .store.endpoint)"
keys() { ctl get --prefix $S/ --keys-only | grep . | sort; }
keys_are() { [ "$(keys)" = "$1" ]; }
all=$(keys)
entries n1 42 >/run/test-entries

list n1 other-ca.pem password
check "a certificate of another CA is refused" agent_comes n1 '.store.connected == false and (.store.lastError | test("certificate"))'
list n1 ca.pem wrong
check "a wrong password is reported" agent_comes n1 '.store.lastError | test("192.0.2.254:2379.*(invalid user|authentication failed)")'
same "and is not in what is reported" 0 "$(agent_get n1 /status | grep -c wrong)$(in_host n1 grep -c hush /run/agent.log | grep -v '^0$')"
list n1 ca.pem missing
check "a file that is missing is named" agent_comes n1 '.lastError | test("store.passwordFile.*/run/etcd/missing")'
same "the entries stay" "$(cat /run/test-entries)" "$(entries n1 42)"
list n1 ca.pem password
know 1 n1
same "the right ones again" "$all" "$(keys)"

# etcd forgets its tokens
etcd_stop $etcd
start
check "etcd started anew: a new token" agent_comes n1 .store.connected 15
ctl del --prefix $S/ >$out
check "and all is written again" wait_for 15 keys_are "$all"
ctl role revoke-permission nodes --prefix /coreos.com/network/ >$out
ctl role grant-permission nodes read --prefix /coreos.com/network/ >$out
ctl del --prefix $S/ >$out
check "a user who may not write is told" agent_comes n1 '.store.lastError | test("permission denied")' 15
same "the entries stay then, too" "$(cat /run/test-entries)" "$(entries n1 42)"
ctl role grant-permission nodes readwrite --prefix /coreos.com/network/ >$out
check "and writes when he may" wait_for 20 keys_are "$all"
know 1 n1 n2
all_meet "nodes meet all the time" n1 n2
no_complaint "no complaint of a sanitizer" n1 n2
for host in n1 n2; do
	agent_end $host
	same "$host ends well" 0 $?
done
no_complaint "nothing leaked" n1 n2
done_testing
