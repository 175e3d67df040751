# SPDX-License-Identifier: GPL-2.0-or-later
# podman with its CNI backend drives our executables: networks, ports, reload, connect, pods, crashes, parallel starts.
. "$(dirname "$0")/lib.sh"

surroundings
start_podman "$BIN"
trap stop_podman EXIT
run=(run -d --stop-signal KILL)
idle=(box sleep 600)

# --- the default network
pod "run on the default network" run --rm box ip addr show eth0
check "it has an address of 10.88.0.0/16" grep -q 'inet 10\.88\.' $out
nothing_left_of "run --rm leaves nothing"

# --- networks
pod "network create" network create --subnet 10.70.0.0/24 lan
pod "network create, dual stack" network create --ipv6 --subnet 10.71.0.0/24 --subnet fd00:71::/64 dual
pod "network create, internal" network create --internal --subnet 10.72.0.0/24 inner
pod "network create, isolate" network create -o isolate=true --subnet 10.73.0.0/24 alone
pod "network create, isolate, another" network create -o isolate=true --subnet 10.75.0.0/24 apart
pod "network create, mtu and gateway" network create -o mtu=1400 --subnet 10.74.0.0/24 --gateway 10.74.0.7 --ip-range 10.74.0.128/25 tuned
same "the networks name our plugins" "bridge firewall portmap tuning" "$(jq -r '.plugins[].type' $work/net.d/lan.conflist | sort | paste -sd' ')"

pod "one container, a static address and MAC" "${run[@]}" --name a --network lan --ip 10.70.0.77 --mac-address 02:00:00:00:00:77 "${idle[@]}"
same "its address" "10.70.0.77" "$(address a lan)"
pod "ip in the container" exec a ip -o addr show eth0
check "the address is there" grep -q 10.70.0.77/24 $out
check "the MAC, too" grep -q 02:00:00:00:00:77 <(podman exec a ip -o link show eth0)
pod_fails "the same static address twice" "10.70.0.77" "${run[@]}" --name a2 --network lan --ip 10.70.0.77 "${idle[@]}"
podman rm -f a2 >/dev/null 2>&1
pod "a neighbour" "${run[@]}" --name b --network lan "${idle[@]}"
pod "neighbours" exec b ping -c1 -W2 10.70.0.77
pod "the outside, through NAT" exec b ping -c1 -W2 192.0.2.9
pod "dual stack" "${run[@]}" --name d --network dual "${idle[@]}"
pod "the outside, IPv6" exec d ping -6 -c1 -W2 2001:db8:1::9
check "the host reaches it over IPv6" ping -6 -c1 -W2 "$(address d dual GlobalIPv6Address)"
pod "internal" "${run[@]}" --name i --network inner "${idle[@]}"
refuse "no way out of an internal network" podman exec i ping -c1 -W1 192.0.2.9
pod "isolated" "${run[@]}" --name x --network alone "${idle[@]}"
pod "another isolated network" "${run[@]}" --name y --network apart "${idle[@]}"
refuse "isolated networks do not reach each other" podman exec x ping -c1 -W1 "$(address y apart)"
pod "an isolated network reaches the outside" exec x ping -c1 -W2 192.0.2.9
pod "mtu, gateway, ip-range" "${run[@]}" --name t --network tuned "${idle[@]}"
same "the address is in the range, the gateway as asked" "128 10.74.0.7" \
	"$(address t tuned | cut -d. -f4 | awk '{ print ($1 >= 128) ? 128 : 0 }') $(inspect t '{{(index .NetworkSettings.Networks "tuned").Gateway}}')"
check "mtu 1400 in the container" grep -q 'mtu 1400' <(podman exec t ip link show eth0)
pod "two networks" "${run[@]}" --name two --network lan,dual "${idle[@]}"
same "two interfaces" "eth0 eth1" "$(podman exec two ip -o link | grep -oE 'eth[0-9]' | sort -u | paste -sd' ')"
pod "through the first" exec two ping -c1 -W2 10.70.0.77
pod "through the second" exec two ping -c1 -W2 "$(address d dual)"
# podman gives the networks their interfaces in no certain order
nic=$(podman exec two ip -4 -o addr | awk '/ 10\.70\./ { print $2 }')
pod "disconnect" network disconnect lan two
refuse "its interface is gone (${nic:=none})" podman exec two ip link show "$nic"
check "the other is not" podman exec two ip link show "$([ "$nic" = eth0 ] && echo eth1 || echo eth0)"
pod "connect again" network connect --ip 10.70.0.88 lan two
check "and back" ping -c1 -W2 10.70.0.88
pod "remove all" rm -af -t 0
nothing_left_of "networks: nothing is left"

# --- published ports
pod "publish tcp, a range, udp, one address" "${run[@]}" --name web --network lan -p 8080:80 -p 9000-9009:9000-9009 -p 5353:53/udp -p 192.0.2.1:8443:443 "${idle[@]}"
web=$(ns_of web)
serve "$web" tcp:80 udp:53 tcp:9000 tcp:9009 tcp:443
ip=$(address web lan)
reached_from() { [[ $(ask "$@" 2>&1) == "$web "* ]]; }
check "tcp from outside" reached_from outside tcp 192.0.2.1 8080
check "tcp from the host" reached_from host tcp 192.0.2.1 8080
check "tcp from 127.0.0.1" reached_from host tcp 127.0.0.1 8080
check "udp from outside" reached_from outside udp 192.0.2.1 5353
check "first of the range" reached_from outside tcp 192.0.2.1 9000
check "last of the range" reached_from outside tcp 192.0.2.1 9009
check "hostIP" reached_from outside tcp 192.0.2.1 8443
refuse "another address" reached_from outside tcp 198.51.100.1 8443
check "hawser list tells the ports" grep -q '8080' <("$BIN/hawser" list)
pod_fails "a port that is taken" "8080" "${run[@]}" --name thief --network lan -p 8080:80 "${idle[@]}"
podman rm -f thief >/dev/null 2>&1
check "and the first keeps it" reached_from outside tcp 192.0.2.1 8080
nft flush ruleset
refuse "somebody flushes the ruleset" reached_from outside tcp 192.0.2.1 8080
pod "network reload" network reload web
same "the address is the same" "$ip" "$(address web lan)"
check "and the port is back" reached_from outside tcp 192.0.2.1 8080
check "the range, too" reached_from outside tcp 192.0.2.1 9009
pod "restart" restart -t 0 web
web=$(ns_of web)
serve "$web" tcp:80
check "the port after a restart" reached_from outside tcp 192.0.2.1 8080
pod "kill" kill -s KILL web
pod "start after a kill" start web
kill -9 "$(inspect web '{{.State.Pid}}')"
wait_for 10 stopped web
pod "rm after kill -9" rm -f web
nothing_left_of "ports: nothing is left"

# --- pods
pod "a pod with a port" pod create --name p --network lan -p 8080:80
pod "its first container" "${run[@]}" --pod p --name p1 "${idle[@]}"
pod "its second" "${run[@]}" --pod p --name p2 "${idle[@]}"
same "one namespace" "$(readlink "/proc/$(inspect p1 '{{.State.Pid}}')/ns/net")" "$(readlink "/proc/$(inspect p2 '{{.State.Pid}}')/ns/net")"
web=$(basename "$(inspect "$(podman pod inspect -f '{{.InfraContainerID}}' p)" '{{.NetworkSettings.SandboxKey}}')")
serve "$web" tcp:80
check "the pod's port" reached_from outside tcp 192.0.2.1 8080
pod "pod restart" pod restart p
pod "pod rm" pod rm -f -t 0 p
nothing_left_of "pods: nothing is left"

# --- twenty at once
for n in $(seq 20); do
	podman "${run[@]}" --name "n$n" --network lan -p "$((7000 + n)):80" "${idle[@]}" >/dev/null 2>"$work/n$n.err" &
done
wait $(jobs -p | grep -vxF "$(printf '%s\n' "${servers[@]:-}")")
same "twenty containers started in parallel run" 20 "$(podman ps -q | wc -l)"
[ "$(podman ps -q | wc -l)" = 20 ] || head -n 3 $work/n*.err
same "with twenty addresses" 20 "$(for n in $(seq 20); do address "n$n" lan; done | sort -u | wc -l)"
podman ps -q | xargs -P 20 -n 1 podman rm -f -t 0 >/dev/null 2>$err
nothing_left_of "twenty removed in parallel leave nothing"
done_testing
