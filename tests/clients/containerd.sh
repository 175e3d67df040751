# SPDX-License-Identifier: GPL-2.0-or-later
# containerd: "ctr run --cni" attaches containers with our executables, from the places it looks in by default.
. "$(dirname "$0")/lib.sh"

surroundings
private_cni "$BIN"
cat >/etc/cni/net.d/10-test.conflist <<'EOC'
{ "cniVersion": "1.0.0", "name": "test", "plugins": [
  { "type": "bridge", "bridge": "cni0", "isGateway": true, "ipMasq": true, "promiscMode": true,
    "ipam": { "type": "host-local", "ranges": [[{ "subnet": "10.88.0.0/16" }], [{ "subnet": "fd00:88::/64" }]],
              "routes": [{ "dst": "0.0.0.0/0" }, { "dst": "::/0" }] } },
  { "type": "portmap", "capabilities": { "portMappings": true } } ] }
EOC
make_image $work/image.tar
start_containerd
trap 'kill_tasks; kill $daemon; wait $daemon; stop_servers' EXIT

no_tasks() { [ -z "$(ctr task ls -q 2>/dev/null)" ]; }
kill_tasks() {
	local task
	for task in $(ctr task ls -q 2>/dev/null); do
		ctr task kill -s KILL "$task"
	done >/dev/null 2>&1
	wait_for 20 no_tasks
}
running() { ctr task ls | grep -q "^$1 .*RUNNING"; }
# A container that runs until it is killed; ctr stays to take the network away. usage: start NAME
start() { ctr run --rm --cni --env PATH=/bin --rootfs $work/image "$1" sleep 600 >"$work/$1.log" 2>&1 & }
# usage: in_task NAME COMMAND...
in_task() {
	local name=$1
	shift
	ctr task exec --exec-id "e$RANDOM" "$name" "$@"
}
# usage: address_of NAME 4|6
address_of() { in_task "$1" ip "-$2" -o addr show eth0 scope global | awk '{ sub("/.*", "", $4); print $4 }'; }

start a
check "ctr run --cni" wait_for 20 running a
start b
check "a second" wait_for 20 running b
for f in 4 6; do
	check "IPv$f: neighbours" in_task a ping -$f -c1 -W2 "$(address_of b $f)"
	check "IPv$f: the host reaches it" ping -$f -c1 -W2 "$(address_of a $f)"
done
check "the outside, through NAT" in_task a ping -c1 -W2 192.0.2.9
check "the outside, through NAT, IPv6" in_task a ping -6 -c1 -W2 2001:db8:1::9
check "lo is up" grep -q 'LOOPBACK,UP' <(in_task a ip link show lo)
check "hawser list knows them" test "$("$BIN/hawser" list | grep -c eth0)" -ge 2
ctr task kill -s KILL a
one_left() { [ "$(veths)" -eq 1 ] && [ "$(leases)" -eq 2 ]; }
check "killed: its link and leases go, not its neighbour's" wait_for 10 one_left
check "the neighbour goes on" ping -c1 -W2 "$(address_of b 4)"

for n in $(seq 8); do
	start "n$n"
done
all_run() { [ "$(ctr task ls | grep -c RUNNING)" -eq 9 ]; }
check "eight more, started in parallel" wait_for 40 all_run
same "with addresses of their own" 9 "$(for n in b n1 n2 n3 n4 n5 n6 n7 n8; do address_of $n 4; done | sort -u | wc -l)"
kill_tasks
all_gone() { [ "$(leases)" -eq 0 ] && [ "$(records)" -eq 0 ]; }
wait_for 20 all_gone
nothing_left_of "nothing is left"
done_testing
