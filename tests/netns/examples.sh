# SPDX-License-Identifier: GPL-2.0-or-later
# Each network list in docs/examples attaches a container, whose DEL leaves nothing; and docs/examples/README.md
# names each of them.
. "$(dirname "$0")/lib.sh"
export NETCONFPATH=${EXAMPLES:-$here/docs/examples} CAP_ARGS='{"portMappings":[{"hostPort":8080,"containerPort":80,"protocol":"tcp"}]}'
slate
for file in "$NETCONFPATH"/*.conflist; do
	base=$(basename "$file") network=$(jq -r .name "$file") version=$(jq -r .cniVersion "$file")
	slate box
	ip link add enp3s0 type veth peer name far0
	ip link set far0 up && ip link set enp3s0 up
	check "$base: cnitool add" eval '"$BIN/cnitool" add "$network" /run/netns/box >$out 2>$err'
	same "$base: the result has the list's version" "$version" "$(result .cniVersion)"
	check "$base: there are addresses" jq -e ".ips | length > 0" $out
	same "$base: eth0 has what the result says" "$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 box)"
	[[ $base != *bridge* && $base != *podman* ]] || check "$base: the container reaches its gateway" inside box ping -c1 -W2 "$(result '.ips[0].gateway')"
	check "$base: cnitool check" "$BIN/cnitool" check "$network" /run/netns/box
	[ "$version" != 1.1.0 ] || check "$base: cnitool status" "$BIN/cnitool" status "$network"
	check "$base: cnitool del" "$BIN/cnitool" del "$network" /run/netns/box
	ip link del enp3s0
	nothing_left "$base: nothing is left"
	check "$base: is in README.md" grep -qF "\`$base\`" "$here/docs/examples/README.md"
	rm -rf /var/run/cni
done
done_testing
