# SPDX-License-Identifier: GPL-2.0-or-later
# podman's plugins are exchanged under running containers: Debian's Go plugins by ours and back, and half of a fleet
# each way at once. Ours leave nothing of a container that the others made: no lease, link, rule or file. The Go
# plugins know neither our records nor nf_tables: "hawser cleanup" takes those away after the way back.
. "$(dirname "$0")/lib.sh"

[ -x "$REF/bridge" ] || { skip "the swap" "no containernetworking-plugins"; done_testing; }
surroundings
start_podman "$REF"
trap stop_podman EXIT
pod "network create" network create --ipv6 --subnet 10.70.0.0/24 --subnet fd00:70::/64 lan
fresh=$(find /var/lib/cni -type f | grep -v last_reserved | sort)

# usage: start NAME PORT: one container with a published port
start() { podman run -d --stop-signal KILL --name "$1" --network lan -p "$2:80" box sleep 600 >/dev/null 2>$work/$1.err; }
# usage: answers NAME PORT
answers() { [[ $(ask outside tcp 192.0.2.1 "$2" 2>&1) == "$(ns_of "$1") "* ]]; }
serve_all() { local name; for name; do serve "$(ns_of "$name")" tcp:80; done; }
files_left() { find /var/lib/cni -type f | grep -vE 'last_reserved|/lock$' | sort; }

# The way back. usage: back NAME
back() {
	wait_for 5 no_veths
	same "$1: the Go plugins leave no link, lease or rule" "0 veths, 0 leases, 0 rules" "$(left | sed 's/ [0-9]* records, [0-9]* elements,//')"
	check "$1: hawser cleanup" "$BIN/hawser" cleanup lan
}

for way in "Go plugins, then ours:$REF:$BIN" "ours, then the Go plugins:$BIN:$REF"; do
	IFS=: read -r n first second <<<"$way"
	plugins_from "$first"
	start a 8001
	start b 8002
	serve_all a b
	check "$n: started by the first" answers a 8001
	plugins_from "$second"
	check "$n: the swap does not touch it" answers a 8001
	start c 8003
	serve_all c
	check "$n: a new one by the second" answers c 8003
	refuse "$n: three addresses" [ "$(for x in a b c; do address $x lan; done | sort -u | wc -l)" -ne 3 ]
	pod "$n: the second removes the first's" rm -f -t 0 a
	check "$n: its neighbour goes on" answers b 8002
	check "$n: the new one, too" answers c 8003
	start a 8001
	serve_all a
	check "$n: its port can be published again" answers a 8001
	kill -9 "$(inspect b '{{.State.Pid}}')"
	wait_for 10 stopped b
	pod "$n: the second removes one that was killed" rm -f -t 0 b
	pod "$n: and its own" rm -f -t 0 a c
	[ "$second" = "$BIN" ] || back "$n"
	nothing_left_of "$n: nothing is left"
	same "$n: no file is left" "$fresh" "$(files_left)"
	stop_servers
	surroundings
done

# half the fleet each way at once: each podman has its own containers.conf, storage and lock are shared
plugins_from "$REF"
for x in 1 2 3 4; do start "g$x" "810$x"; done
plugins_from "$BIN"
for x in 1 2 3 4; do start "h$x" "820$x"; done
same "a fleet of eight runs" 8 "$(podman ps -q | wc -l)"
cp $work/containers.conf $work/ours.conf
plugins_from "$REF"
cp $work/containers.conf $work/theirs.conf
jobs=()
for x in 1 2 3 4; do
	CONTAINERS_CONF=$work/ours.conf podman rm -f -t 0 "g$x" >/dev/null 2>"$work/g$x.err" &
	jobs+=($!)
	CONTAINERS_CONF=$work/theirs.conf podman rm -f -t 0 "h$x" >/dev/null 2>"$work/h$x.err" &
	jobs+=($!)
done
wait "${jobs[@]}"
same "half each way at once: all removed" 0 "$(podman ps -aq | wc -l)"
back "half each way at once"
nothing_left_of "half each way at once: nothing is left"
same "half each way at once: no file is left" "$fresh" "$(files_left)"
done_testing
