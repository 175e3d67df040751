#!/bin/bash
# SPDX-License-Identifier: GPL-2.0-or-later
# common/firewalld.c against the real firewalld on a private bus, and against buses that are silent,
# rude or absent.
here=$(cd "$(dirname "$0")/../.." && pwd)
. "$here/tests/lib.sh"

dir=/run/firewalld-test
bus=$dir/bus
pids=() firewalld=

# Stop what was started, by pid; runs on every way out.
# shellcheck disable=SC2317
cleanup() {
	kill $firewalld "${pids[@]}" 2>/dev/null
	wait
}
trap cleanup EXIT
trap 'exit 1' INT TERM

# Wait until a command succeeds. usage: await SECONDS COMMAND...
await() {
	local end=$((SECONDS + $1))
	shift
	until "$@" >/dev/null 2>&1; do
		[ $SECONDS -lt $end ] || return 1
		read -rt 0.05 <>"$dir/never"
	done
	return 0
}

# usage: drive {running|add|del|check} ARGUMENTS...
drive() { "$driver" "$@" >$out 2>$err; }

# usage: good NAME ARGUMENTS...
good() {
	local name=$1
	shift
	if drive "$@"; then ok "$name"; else not_ok "$name" "exit status $?"; fi
}
# usage: bad NAME TEXT ARGUMENTS...; the error must contain TEXT and the program must end by itself
bad() {
	local name=$1 text=$2 status
	shift 2
	drive "$@"
	status=$?
	if [ $status -ne 1 ]; then
		not_ok "$name" "exit status $status, not 1"
	elif ! grep -qF -- "$text" $out; then
		not_ok "$name" "no \"$text\" in the message"
	else
		ok "$name"
	fi
}
# usage: sources ZONE; sorted, on one line
sources() { firewall-cmd --zone="$1" --list-sources 2>$err | xargs -n1 | sort | xargs; }
# usage: timed FROM TO NAME COMMAND...; the command must take that many milliseconds
timed() {
	local from=$1 to=$2 name=$3 start ms
	shift 3
	start=$(date +%s%N)
	"$@"
	ms=$((($(date +%s%N) - start) / 1000000))
	if [ $ms -ge "$from" ] && [ $ms -le "$to" ]; then ok "$name"; else not_ok "$name" "$ms ms"; fi
}

mkdir -p $dir/config
mkfifo $dir/never
driver=$BIN/firewalld_driver
if [ ! -x "$driver" ]; then
	driver=$dir/driver
	cd "$here" || exit 1
	gcc -std=gnu11 -g -D_GNU_SOURCE -DHAWSER_TEST -Icommon -fsanitize=address,undefined \
		-fno-sanitize-recover=undefined -o "$driver" tests/netns/firewalld_driver.c \
		common/firewalld*.c common/{error,ip,log,fault}.c || exit 1
fi

# Buses of our own making, one a thread; the mode is the name of the socket.
cat >$dir/fake.py <<'EOF'
import os, random, socket, struct, sys, threading

def field(code, kind, value):
    return bytes([code, 1]) + kind + b"\0" + value

def pad(data):
    return data + b"\0" * (-len(data) % 8)

def text(s):
    return struct.pack("<I", len(s)) + s + b"\0"

def message(kind, answers, signature=b"", body=b"", error=None):
    fields = field(5, b"u", struct.pack("<I", answers))
    if error:
        fields = pad(fields) + field(4, b"s", text(error))
    if signature:
        fields = pad(fields) + field(8, b"g", bytes([len(signature)]) + signature + b"\0")
    start = b"l" + bytes([kind, 1, 1]) + struct.pack("<III", len(body), 7, len(fields))
    return pad(start + fields) + body

noise = random.Random(1).randbytes(4096)
OK = b"OK 0123456789abcdef0123456789abcdef\r\n"
HELLO = message(2, 1, b"s", text(b":1.1"))
SIGNAL = message(4, 2)
TRUE, FALSE = struct.pack("<I", 1), struct.pack("<I", 0)
answers = {
    "garbage": noise,
    "zeros": OK + bytes(4096),
    "random": OK + HELLO + noise,
    "hangup": b"",
    "rejected": b"REJECTED EXTERNAL ANONYMOUS\r\n",
    "endless": b"x" * 100000,
    "huge": OK + HELLO + b"l\2\1\1" + struct.pack("<III", 1 << 27, 7, 8) + bytes(4096),
    "short": OK + HELLO + message(2, 2, b"s", struct.pack("<I", 1000) + b"x\0"),
    "wrongtype": OK + HELLO + message(2, 2, b"s", text(b"yes")),
    "nobool": OK + HELLO + message(2, 2, b"b", struct.pack("<I", 2)),
    "truncated": OK + HELLO + message(2, 2, b"b", TRUE)[:-2],
    "busy": OK + message(3, 1, b"s", text(b"too many clients"),
                         b"org.freedesktop.DBus.Error.LimitsExceeded"),
    "ugly": OK + HELLO + message(3, 2, b"s", text(b"\xff\x1b[31m" + b"%s%n" * 1000), b"a.b\xff"),
    # other messages come first and must be passed over
    "chatty": OK + HELLO + SIGNAL + message(2, 99, b"b", FALSE) + message(2, 2, b"b", TRUE),
}
kept = []

def serve(mode, client):
    if mode == "silent":
        kept.append(client)
    elif mode == "deaf":
        client.sendall(OK + HELLO)
        kept.append(client)
    elif mode == "bytewise":
        for byte in answers["chatty"]:
            client.sendall(bytes([byte]))
        client.recv(4096)
    elif mode == "flood":
        client.sendall(OK + HELLO)
        while True:
            client.sendall(SIGNAL * 100)
    else:
        if answers[mode]:
            client.recv(4096)
        client.sendall(answers[mode])

def fill(path):
    while True:
        client = socket.socket(socket.AF_UNIX)
        client.setblocking(False)
        kept.append(client)
        try:
            client.connect(path)
        except BlockingIOError:
            return

def run(mode, listener):
    while True:
        client = listener.accept()[0]
        try:
            serve(mode, client)
        except OSError:
            pass
        client.close() if client not in kept else None

os.chdir(sys.argv[1])
for mode in [*answers, "silent", "deaf", "bytewise", "flood", "full"]:
    listener = socket.socket(socket.AF_UNIX)
    kept.append(listener)
    listener.bind(mode)
    listener.listen(0 if mode == "full" else 8)
    if mode == "full":
        fill(mode)
    else:
        threading.Thread(target=run, args=(mode, listener), daemon=True).start()
open("ready", "w").close()
threading.Event().wait()
EOF
# usage: fake MODE
fake() { export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/fakes/$1; }

# -- no bus

unset DBUS_SYSTEM_BUS_ADDRESS
good "running without a bus" running
same "it is not" 0 "$(cat $out)"
bad "add without a bus says so" "firewalld is not running: there is no system bus at \"/run/dbus/system_bus_socket\"" add trusted 10.1.2.3/24
bad "check without a bus fails" "firewalld is not running" check trusted 10.1.2.3/24
good "del without a bus" del trusted 10.1.2.3/24
if command -v strace >/dev/null; then
	ASAN_OPTIONS=detect_leaks=0 strace -f -o $dir/trace "$driver" running >$out 2>$err
	same "without a bus it costs one access()" "access(" \
		"$(grep -F system_bus_socket $dir/trace | grep -oE '^[0-9]+ +[a-z_]+\(' | sed 's/.* //' | xargs)"
	same "and no socket" 0 "$(grep -c 'socket(' $dir/trace)"
fi
export DBUS_SYSTEM_BUS_ADDRESS=tcp:host=localhost,port=1
bad "an address that is no path" "Address family not supported" running
bad "an address that is no path, add" "only \"unix:path=/...\" is supported" add trusted 10.1.2.3/24
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=relative
bad "a relative path" "Invalid argument" running
export DBUS_SYSTEM_BUS_ADDRESS="tcp:host=localhost;unix:guid=1,path=/run/firewalld%2dtest/none"
good "a list of addresses, escapes" running
python3 -c 'import socket; s = socket.socket(socket.AF_UNIX); s.bind("/run/firewalld-test/stale")'
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$dir/stale
good "a socket that nobody listens on" running
same "a socket that nobody listens on: not running" 0 "$(cat $out)"
good "del with a socket that nobody listens on" del trusted 10.1.2.3/24

mkdir $dir/fakes
python3 $dir/fake.py $dir/fakes >$dir/fake.log 2>&1 &
pids+=($!)
if ! await 20 test -e $dir/fakes/ready; then
	not_ok "the fake buses start" "$(cat $dir/fake.log)"
	exit 1
fi

# -- a bus whose firewalld is deaf: 20 s, spent in the background

fake deaf
(
	out=$dir/deaf-out err=$dir/deaf-err
	timed 19500 24000 "add waits 20 s for a deaf firewalld" drive add trusted 10.1.2.3/24
	same "add says who is deaf" 1 "$(grep -c 'firewalld does not answer addSource of 10.1.2.3/32' $out)"
) >$dir/deaf.out &
deaf=$!

# -- buses that do not behave

fake silent
timed 1900 2900 "running on a silent bus ends after 2 s" drive running
same "running on a silent bus: the error" "Connection timed out" "$(cat $out)"
timed 1900 2900 "add on a silent bus ends after 2 s" drive add trusted 10.1.2.3/24 fd00::3/64
same "add on a silent bus: the error" 1 "$(grep -c 'the system bus failed.*timed out' $out)"
timed 1900 2900 "del on a silent bus ends after 2 s" drive del trusted 10.1.2.3/24 fd00::3/64
fake full
timed 1900 2900 "running on a bus that does not accept ends after 2 s" drive running
fake flood
timed 1900 2900 "running on a bus that never stops talking ends after 2 s" drive running

while read -r mode text; do
	fake "$mode"
	bad "running, $mode" "$text" running
	bad "add, $mode" "" add trusted 10.1.2.3/24 fd00::3/64
done <<'EOF'
garbage Protocol error
zeros Bad message
random
hangup Connection reset
endless Protocol error
huge Message too long
short Bad message
wrongtype Protocol error
nobool Bad message
truncated Connection reset
busy Protocol error
EOF
bad "the bus's own words when it refuses us" "too many clients" add trusted 10.1.2.3/24
fake rejected
bad "a bus that rejects our uid" "Permission denied" running
fake ugly
bad "an error that is not text" "cannot add" add trusted 10.1.2.3/24
same "comes out as text" 0 "$(tr -d '\n' <$out | grep -cP '[^\x20-\x7e]')"
fake chatty
good "other messages before the answer" running
same "are passed over" 1 "$(cat $out)"
fake bytewise
good "an answer byte by byte" running
same "is read" 1 "$(cat $out)"

# -- zones that cannot be

bad "an empty zone" "is not a name of a firewalld zone" add "" 10.1.2.3/24
bad "a zone that is not UTF-8" "is not a name of a firewalld zone" add $'tr\xff' 10.1.2.3/24
bad "a zone that is too long" "is not a name of a firewalld zone" del "$(printf 'z%.0s' {1..200})" 10.1.2.3/24

# -- the real one

is_running() { [ "$("$driver" running)" = 1 ]; }
start_firewalld() {
	/usr/sbin/firewalld --nofork --nopid --system-config $dir/config --log-target file \
		--log-file $dir/firewalld.log >$dir/firewalld.out 2>&1 &
	firewalld=$!
	# it owns its name before it is ready; a call waits until then
	await 60 is_running && firewall-cmd --state >/dev/null 2>&1
}
stop_firewalld() {
	kill "$firewalld"
	wait "$firewalld" 2>/dev/null
	firewalld=
}

finish() {
	wait $deaf
	cat $dir/deaf.out
	grep -q '^not ok' $dir/deaf.out && bad=1
	done_testing
}

for tool in dbus-daemon firewalld firewall-cmd; do
	if ! command -v $tool >/dev/null; then
		skip "the real firewalld" "no $tool"
		finish
	fi
done
cat >$dir/bus.conf <<EOF
<busconfig>
  <listen>unix:path=$bus</listen>
  <auth>EXTERNAL</auth>
  <policy context="default">
    <allow user="*"/>
    <allow own="*"/>
    <allow send_destination="*" eavesdrop="false"/>
    <allow receive_sender="*"/>
    <allow send_requested_reply="true" send_type="method_return"/>
    <allow send_requested_reply="true" send_type="error"/>
  </policy>
</busconfig>
EOF
export DBUS_SYSTEM_BUS_ADDRESS=unix:path=$bus
dbus-daemon --config-file=$dir/bus.conf --nofork --nopidfile >$dir/bus.log 2>&1 &
pids+=($!)
if ! await 10 test -S $bus; then
	not_ok "the bus starts" "$(cat $dir/bus.log)"
	finish
fi
good "running on a bus without firewalld" running
same "it is not there" 0 "$(cat $out)"
bad "add on a bus without firewalld" "firewalld is not running" add trusted 10.1.2.3/24
bad "check on a bus without firewalld" "firewalld is not running" check trusted 10.1.2.3/24
good "del on a bus without firewalld" del trusted 10.1.2.3/24

if ! start_firewalld; then
	not_ok "firewalld starts" "$(tail -n 20 $dir/firewalld.out $dir/firewalld.log)"
	finish
fi
good "running with firewalld" running
same "it is" 1 "$(cat $out)"

bad "check before add" "10.1.2.3/32 is not in firewalld's zone \"trusted\"" check trusted 10.1.2.3/24
good "add both families" add trusted 10.1.2.3/24 fd00::1:3/64
same "the addresses are sources, without their networks" "10.1.2.3/32 fd00::1:3/128" "$(sources trusted)"
good "check" check trusted 10.1.2.3/24 fd00::1:3/64
good "a second add" add trusted 10.1.2.3/24 fd00::1:3/64
same "changes nothing" "10.1.2.3/32 fd00::1:3/128" "$(sources trusted)"
bad "check with one missing names it" "10.1.2.4/32 is not in" check trusted 10.1.2.3/24 10.1.2.4/24

firewall-cmd --zone=internal --add-source=10.1.2.9/32 >/dev/null
bad "add of an address in another zone" "10.1.2.9/32 to firewalld's zone \"trusted\": it is in another zone" add trusted 10.1.2.8/24 10.1.2.3/24 10.1.2.9/24
same "takes back what it added, and only that" "10.1.2.3/32 fd00::1:3/128" "$(sources trusted)"
same "leaves the other zone alone" "10.1.2.9/32" "$(sources internal)"
bad "check of an address in another zone" "10.1.2.9/32 is not in" check trusted 10.1.2.9/24
good "del of an address in another zone" del trusted 10.1.2.9/24
same "leaves it there" "10.1.2.9/32" "$(sources internal)"

bad "add to a zone that does not exist" "INVALID_ZONE" add nowhere 10.1.2.7/24
bad "check of a zone that does not exist" "INVALID_ZONE" check nowhere 10.1.2.7/24
good "del from a zone that does not exist" del nowhere 10.1.2.3/24

good "no addresses" add trusted
if HAWSER_FAULT=2 drive add trusted 10.1.2.21/24 10.1.2.22/24; then
	skip "a failing second step" "built without HAWSER_TEST"
	drive del trusted 10.1.2.21/24 10.1.2.22/24
else
	same "a failing second step takes back the first" "10.1.2.3/32 fd00::1:3/128" "$(sources trusted)"
fi

firewall-cmd --reload >/dev/null
bad "check after a reload, which forgets the sources" "10.1.2.3/32 is not in" check trusted 10.1.2.3/24
good "del after a reload" del trusted 10.1.2.3/24 fd00::1:3/64
good "add after a reload" add trusted 10.1.2.3/24 fd00::1:3/64
same "brings them back" "10.1.2.3/32 fd00::1:3/128" "$(sources trusted)"

good "del" del trusted 10.1.2.3/24 fd00::1:3/64
same "removes the sources" "" "$(sources trusted)"
good "del twice" del trusted 10.1.2.3/24 fd00::1:3/64
bad "check after del" "is not in" check trusted 10.1.2.3/24

# eight at a time, as a runtime does it
jobs=()
for i in {1..8}; do
	"$driver" add trusted 10.2.0."$i"/24 >$dir/parallel."$i" 2>&1 &
	jobs+=($!)
done
failed=0
for job in "${jobs[@]}"; do
	wait "$job" || failed=$((failed + 1))
done
same "eight at a time" 0 "$failed"
same "all are there" 8 "$(sources trusted | wc -w)"

firewall-cmd --panic-on >/dev/null
bad "del in panic mode is an error" "PANIC_MODE" del trusted 10.2.0.1/24
firewall-cmd --panic-off >/dev/null

stop_firewalld
good "running with firewalld stopped" running
same "it is stopped" 0 "$(cat $out)"
bad "add with firewalld stopped" "firewalld is not running" add trusted 10.1.2.3/24
good "del with firewalld stopped" del trusted 10.1.2.3/24
if start_firewalld; then
	bad "check after a restart, which forgets the sources" "is not in" check trusted 10.2.0.1/24
	good "add after a restart" add trusted 10.2.0.1/24
	stop_firewalld
else
	not_ok "firewalld starts again" "$(tail -n 20 $dir/firewalld.out $dir/firewalld.log)"
fi
finish
