#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# tools/overlayd's client of etcd against real ones, and against servers that lie.
. "$(dirname "$0")/lib.sh"
. "$here/tests/etcd-lib.sh"
dir=/run/etcd-test a=/run/etcd-test/a b=/run/etcd-test/b
url=http://127.0.0.1:2379 dead=http://127.0.0.1:9 secure=https://127.0.0.1:2479 other=https://127.0.0.2:2479
lying=
cleanup() {
	etcd_stop $a
	etcd_stop $b
	[ -z "$lying" ] || kill $lying
} 2>/dev/null
trap cleanup EXIT
trap 'exit 1' INT TERM

# What the client says to commands, a line each on stdin, without "ok 0". usage: answers ENDPOINT...
answers() { timeout 60 "$BIN/etcd_driver" "$@" 2>$err | grep -v '^ok 0$'; }
# usage: gives NAME EXPECTED ENDPOINT... <<<COMMANDS
gives() { same "$1" "$2" "$(answers "${@:3}")"; }
# The last line is an error with this number, and these words. usage: errs NAME ERRNO WORDS ENDPOINT... <<<COMMANDS
errs() {
	answers "${@:4}" >$out
	if [[ $(tail -n 1 $out) == "error $2 "*"$3"* ]]; then ok "$1"; else not_ok "$1" "expected: $2 ...$3..."; fi
}

now() { echo $(($(date +%s%N) / 1000000)); }

#  ---- Keys, leases, the watch ----

check "etcd starts" etcd_start $a 2379
gives "keys" "a = 1
ok 1
there is 1
a = 1
ok 1
a = 3 changed
ok 1
ab = 1
a = 3 changed
ab = 1
2 keys, 5 bytes, revision ok
0 keys, 0 bytes, revision ok
ok 1
error ENOENT $url has no key \"a\"" $url <<'EOT'
put a 1
get a
create b 1
create b 2
get a
replace a -1 3
replace a -2 4
get a
create ab 1
replace ab -1 9
get ab
list a
list nobody
remove a -1
get a
EOT
same "a list in pages" "1003 keys, 8024 bytes, revision ok" "$(answers $url <<<$'many k/ 1003\nlist k/' | tail -n 1)"
same "and values that make pages too large" "13 keys, 6500117 bytes, revision ok" \
	"$(answers $url <<<$'many big/ 13 500000\nlist big/' | tail -n 1)"

etcd_client $url
lease=$(says grant 60 | head -n 1)
check "a lease is a number of up to 63 bits" test "$lease" -gt 0
same "a leased key" "c = 1 leased
some of 60 s
60 s" "$(says put c 1 "$lease"; says get c; says ttl "$lease"; says keepalive "$lease")"
says watch c 0 >/dev/null
same "news in order" "c = 1 leased
ok 1" "$(says wait 2000)"
says revoke "$lease" >/dev/null
same "a lease that ends deletes its keys" "c deleted
ok 1" "$(says wait 5000)"
for command in "keepalive $lease" "ttl $lease" "revoke $lease" "put c 1 $lease" "create c 1 $lease"; do
	check "no lease: ${command%% *}" grep -q '^error ENOENT .*lease' <<<"$(says "$command")"
done
same "changes that come while another question is asked" "c = 1
c = 2 changed
c deleted
ok 3" "$(says put c 1; says put c 2; says remove c 0 >/dev/null; says wait 2000 3)"
start=$(now)
same "nothing new" "" "$(says wait 300)"
check "takes as long as was asked for" test $(($(now) - start)) -ge 300
says wake
same "who is woken does not wait" "error ECANCELED" "$(says wait 10000 | cut -d' ' -f1-2)"
same "nor ask" "error ECANCELED" "$(says get b | cut -d' ' -f1-2)"
says asleep
same "and goes on" "b = 1" "$(says get b)"

#  ---- Compaction, stop and start, silence ----

etcd_ctl $a compact 1000 >/dev/null
says watch k/ 900
check "a watch that begins before the compaction" grep -q '^error ESTALE .*compacted' <<<"$(says wait 5000)"
check "a watch of the future: a backup was restored" grep -q '^error ESTALE .*went back' <<<"$(says watch k/ 9000)"
says watch c 0
etcd_stop $a
check "etcd has gone: the watch has ended" grep -q '^error EIO .*ended' <<<"$(says wait 5000)"
check "nobody answers" grep -q '^error EIO .*[Cc]onnect' <<<"$(says get b)"
check "etcd starts again" etcd_start $a 2379
same "and is asked" "b = 1" "$(says get b)"
end_client
TIMEOUT=400 etcd_client $url
says get b >/dev/null
kill -STOP "$(cat $a/pid)"
start=$(now)
check "an etcd that hangs" grep -q '^error ETIMEDOUT ' <<<"$(says get b)"
check "is given up after the timeout" test $(($(now) - start)) -lt 5000
kill -CONT "$(cat $a/pid)"
same "and asked again" "b = 1" "$(says get b)"
end_client
TIMEOUT=300 SILENCE=300 etcd_client $url
says watch b 0
says wait 1000 >/dev/null
same "a watch that is silent: etcd is asked, and is there" "" "$(says wait 1000)"
kill -STOP "$(cat $a/pid)"
check "it is not there" grep -q '^error ETIMEDOUT ' <<<"$(says wait 20000)"
kill -CONT "$(cat $a/pid)"
end_client

#  ---- Several endpoints ----

errs "nobody at all" EIO "$dead" $dead <<<"get b"
gives "the second answers, and is kept to" "b = 1
b = 1
$url" $dead $url <<<$'get b\nget b\nendpoint'
gives "a watch, too" "b = 2 changed
ok 1" $dead $url <<<$'watch b 0\nput b 2\nwait 5000'
for wrong in ftp://127.0.0.1 http://127.0.0.1/x 127.0.0.1:2379 http://u:p@127.0.0.1 'http://127.0.0.1?x' '' file:///etc/passwd; do
	errs "no endpoint: \"$wrong\"" EINVAL endpoint "$wrong" <<<""
done
errs "none" EINVAL endpoint <<<""

#  ---- TLS ----

etcd_certs $b
check "etcd with TLS starts" etcd_start $b 2479 --client-certs
export CA=$b/ca.pem CERT=$b/client.pem KEY=$b/client.key
gives "a certificate of ours" "ok 1
a = 1" $secure <<<$'create a 1\nget a'
CERT='' KEY='' errs "none of ours" EIO "" $secure <<<"get a"
CERT=$b/other-ca.pem KEY=$b/other-ca.key errs "one of another CA" EIO "" $secure <<<"get a"
CERT=$b/nothing.pem errs "a file that is not there" EIO nothing.pem $secure <<<"get a"
etcd_stop $b
check "etcd with TLS starts again" etcd_start $b 2479 --tls --auth-token-ttl 1 --listen-client-urls $secure,$other
unset CERT KEY
gives "etcd's certificate is by our CA" "a = 1" $secure <<<"get a"
CA=$b/other-ca.pem errs "it is not" EIO ertificate $secure <<<"get a"
errs "it is for another name" EIO "subject name" $other <<<"get a"
CA='' errs "the system does not know its CA" EIO ertificate $secure <<<"get a"

#  ---- User and password ----

export NAME=agent PASSWORD=secret
gives "a user name where none is asked for" "a = 1" $secure <<<"get a"
etcd_client $secure
says get a >/dev/null
{
	etcd_ctl $b user add root:root
	etcd_ctl $b user grant-role root root
	etcd_ctl $b user add agent:secret
	etcd_ctl $b role add net
	etcd_ctl $b role grant-permission net --prefix=true readwrite net/
	etcd_ctl $b user grant-role agent net
	etcd_ctl $b auth enable
} >/dev/null 2>$err
same "authentication is switched on meanwhile" "ok 1
net/a = 1" "$(says create net/a 1; says get net/a)"
check "no more than the role allows" grep -q '^error EACCES .*permission denied' <<<"$(says get a)"
check "nor may be watched" grep -q '^error EACCES .*permission denied' <<<"$(says watch a 0)"
same "a watch that may be" "" "$(says watch net/ 0)"
# tokens live for a second, which a busy machine may take between two requests: one of three watches will do
watch_again() { answers $secure <<<$'watch net/ 0\nsleep 2200\nwatch net/ 0\nput net/b 2\nwait 5000' 2>/dev/null; }
for _ in 1 2 3; do watch_again | tee /run/watching | grep -q 'net/b = 2' && break; done &
watching=$!
says sleep 2200
same "the token has ended, and a new one is fetched" "net/a = 1" "$(says get net/a)"
wait $watching
check "for a watch as well" grep -q 'net/b = 2' /run/watching
etcd_stop $b
etcd_start $b 2479 --tls --auth-token-ttl 1
same "etcd has forgotten all tokens" "net/a = 1" "$(says get net/a)"
end_client
PASSWORD=wrong errs "a wrong password" EACCES authentication $secure <<<"get net/a"
check "which is not shown" test -z "$(grep wrong $out $err)"
NAME='' PASSWORD='' errs "no user name" EACCES "" $secure <<<"get net/a"
etcd_stop $b
unset CA NAME PASSWORD

#  ---- Servers that lie ----

cat >/run/liar.py <<'EOF'
import base64, socket, sys, threading

def b64(text):
    return base64.b64encode(text.encode()).decode()

def kv(key, value="x", revision=5):
    return '{"key":"%s","value":"%s","create_revision":"%d","mod_revision":"%d","version":"1"}' % (b64(key), b64(value), revision, revision)

HEADER = '"header":{"revision":"7"}'

def http(body, status="200 OK", more=""):
    body = body.encode() if isinstance(body, str) else body
    return ("HTTP/1.1 %s\r\nContent-Length: %d\r\n%s\r\n" % (status, len(body), more)).encode() + body

def chunk(data):
    return b"%x\r\n%s\r\n" % (len(data), data)

STREAM = b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
CREATED = ('{"result":{%s,"created":true}}\n' % HEADER).encode()
answers = {
    "html": http("<html><body>Welcome</body></html>"),
    "empty": http(""),
    "hangup": b"",
    "noise": bytes(range(256)) * 8,
    "noheader": b"hello\n",
    "notfound": http("404 page not found\n", "404 Not Found"),
    "broken": http('{"header":{"revision":"7"', "200 OK"),
    "array": http("[1,2]"),
    "deep": http("[" * 100000),
    "deeper": http('{"kvs":' * 100000),
    "cut": http("x" * 1000)[:200],
    "huge": b"HTTP/1.1 200 OK\r\nContent-Length: 99999999999\r\n\r\n" + b"x" * (6 << 20),
    "endless": STREAM + chunk(b" " * 65536) * 100,
    "badbase64": http('{%s,"kvs":[{"key":"YQ=","mod_revision":"5"}]}' % HEADER),
    "badnumber": http('{%s,"kvs":[{"key":"YQ==","mod_revision":"5e3"}]}' % HEADER),
    "doublerevision": http('{"header":{"revision":7.5},"kvs":[%s]}' % kv("a")),
    "norevision": http('{"kvs":[%s]}' % kv("a")),
    "disorder": http('{%s,"kvs":[%s,%s]}' % (HEADER, kv("b"), kv("a"))),
    "nulkeys": http('{%s,"kvs":[%s,%s,%s,%s]}' % (HEADER, kv("a"), kv("a\0z"), kv("a\1"), kv("a\1a"))),
    "more": http('{%s,"more":true,"kvs":[%s]}' % (HEADER, kv("a"))),
    "redirect": http("", "307 Temporary Redirect", "Location: http://127.0.0.1:2379/v3/kv/range\r\n"),
    "file": http("", "302 Found", "Location: file:///etc/passwd\r\n"),
    "ugly": http('{"error":"\\u001b[31m%s%n\\u0007","code":14}', "503 Service Unavailable"),
    "nul": http('{%s,"kvs":[%s]}' % (HEADER, kv("a", "x\0y"))),
    "created": STREAM + chunk(CREATED) + chunk(b"rubbish\n"),
    "badevent": STREAM + chunk(CREATED) + chunk(b'{"result":{"events":[{"kv":{"key":"a"}}]}}\n'),
    "longline": STREAM + chunk(CREATED) + chunk(b"x" * 65536) * 100,
    "error": STREAM + chunk(CREATED) + chunk(b'{"error":{"grpc_code":14,"message":"etcdserver: no leader"}}\n'),
    "canceled": STREAM + chunk(CREATED) + chunk(b'{"result":{"canceled":true,"cancel_reason":"bored"}}\n'),
    "bytewise": STREAM + chunk(CREATED) + b"".join(chunk(bytes([c])) for c in
        ('{"result":{%s,"events":[{"kv":%s},{"type":"DELETE","kv":%s}]}}\n' % (HEADER, kv("a"), kv("b"))).encode()),
    "silent": None,
}

def serve(mode, client):
    try:
        client.recv(65536)
        if answers[mode] is None:
            threading.Event().wait()
        client.sendall(answers[mode])
        if mode in ("bytewise", "longline", "endless", "huge"):
            client.recv(65536)
    except OSError:
        pass
    client.close()

def run(mode, listener):
    while True:
        threading.Thread(target=serve, args=(mode, listener.accept()[0]), daemon=True).start()

for port, mode in enumerate(answers, 5000):
    listener = socket.socket()
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    listener.bind(("127.0.0.1", port))
    listener.listen(8)
    threading.Thread(target=run, args=(mode, listener), daemon=True).start()
    print(mode, port)
print("ready", flush=True)
threading.Event().wait()
EOF
python3 /run/liar.py >/run/liars 2>$err &
lying=$!
end=$((SECONDS + 20))
until grep -q ready /run/liars; do
	[ $SECONDS -lt $end ] || break
	sleep 0.02
done
# The endpoint of a liar. usage: liar MODE
liar() { echo "http://127.0.0.1:$(sed -n "s/^$1 //p" /run/liars)"; }
export TIMEOUT=3000
while read -r mode errno; do
	errs "get: $mode" "$errno" "" "$(liar "$mode")" <<<"get a"
done <<'EOF'
html EBADMSG
empty EBADMSG
hangup EIO
noise EIO
noheader EIO
notfound EIO
broken EBADMSG
array EBADMSG
deep EBADMSG
deeper EBADMSG
cut EIO
huge EFBIG
endless EFBIG
badbase64 EBADMSG
badnumber EBADMSG
redirect EIO
file EIO
ugly EIO
EOF
check "what an error says is harmless" grep -q ': ?\[31m%s%n?$' $out
for mode in badbase64 norevision doublerevision disorder more; do
	errs "list: $mode" EBADMSG "" "$(liar $mode)" <<<"list a"
done
for mode in html badbase64; do
	errs "watch: $mode" EBADMSG "" "$(liar $mode)" <<<"watch a 1"
done
for mode in created badevent longline; do
	errs "wait: $mode" EBADMSG "" "$(liar $mode)" <<<$'watch a 1\nwait 5000'
done
for mode in error canceled empty; do
	errs "wait: $mode" EIO "" "$(liar $mode)" <<<$'watch a 1\nwait 5000'
done
for command in "put a 1" "create a 1" "grant 5" "keepalive 7" "ttl 7" "revoke 7"; do
	errs "$command: html" EBADMSG "" "$(liar html)" <<<"$command"
done
for command in "create a 1" "grant 5"; do
	errs "$command: an answer to something else" EBADMSG "" "$(liar badbase64)" <<<"$command"
done
NAME=agent PASSWORD=secret errs "no token" EBADMSG token "$(liar norevision)" <<<"get a"
TIMEOUT=300 errs "get: silent" ETIMEDOUT "" "$(liar silent)" <<<"get a"
TIMEOUT=300 errs "watch: silent" ETIMEDOUT "" "$(liar silent)" <<<"watch a 1"
gives "a list in the order of the keys' bytes" $'a = x\na\001z = x\na\001 = x\na\001a = x
4 keys, 13 bytes, revision ok' "$(liar nulkeys)" <<<"list a"
gives "a NUL byte is no end" $'a = x\001y' "$(liar nul)" <<<"get a"
gives "news byte by byte" "a = x
b deleted
ok 2" "$(liar bytewise)" <<<$'watch a 1\nwait 5000'
gives "a liar, and an etcd" "b = 2 changed" "$(liar html)" $url <<<"get b"
done_testing
