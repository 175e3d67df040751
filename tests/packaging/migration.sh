# SPDX-License-Identifier: GPL-2.0-or-later
# docs/migration.md, command by command: a node changes from the Go plugins in /opt/cni/bin to the tar file and back.
# (apt-get is only simulated; the package itself is tested in deb.sh.)
. "$(dirname "$0")/../netns/lib.sh"
cd "$here" || exit 2
if [ ! -x "$REF/bridge" ]; then
	skip "docs/migration.md" "no reference plugins in $REF"
	done_testing
fi
doc=docs/migration.md
version=$(sed -n 's/^#define HAWSER_VERSION "\(.*\)"/\1/p' common/cni.h)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT

# Run a command of the guide, with names filled in; the guide must have it. usage: guide COMMAND [SED-SCRIPT]
guide() {
	local command
	if ! grep -qxF "    $1" $doc; then
		not_ok "the guide has: $1"
		return 1
	fi
	command=$(sed "${2:-}" <<<"$1")
	(cd "$work" && eval "$command") >$out 2>$err
}
# usage: does NAME COMMAND [SED-SCRIPT]
does() { if guide "$2" "${3:-}"; then ok "$1: $2"; else not_ok "$1: $2" "exit status $?"; fi; }
says() { check "$1" grep -qE "$2" $out; }

# a node of its own: plugins, lists, tools
mkdir -p "$work"/{opt,net.d,local}
mount --bind "$work/opt" /opt
mkdir -p /opt/cni /etc/cni
mount -t tmpfs tmpfs /etc/cni && mkdir /etc/cni/net.d
cp -a "$REF" /opt/cni/bin
make -s dist-static DIST="$work/dist" >/dev/null || not_ok "make dist-static"
cp "$work"/dist/*.tgz "$work"
tar -C "$work/local" -xzf "$work"/dist/hawser-tools-*.tgz
PATH=$work/local:$PATH
fill="s/NETWORK/net/; s#/usr/lib/cni#/opt/cni/bin#; s/amd64/$(dpkg --print-architecture)/; s/2\.0\.0/$version/"
cat >/etc/cni/net.d/10-net.conflist <<'END'
{"cniVersion":"1.0.0","name":"net","plugins":[{"type":"bridge","bridge":"br0","isDefaultGateway":true,"ipMasq":true,
"ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/24"}]]}},{"type":"portmap","capabilities":{"portMappings":true}},{"type":"firewall"}]}
END
node() { CNI_PATH=/opt/cni/bin CAP_ARGS="{\"portMappings\":[{\"hostPort\":$3,\"containerPort\":80,\"protocol\":\"tcp\"}]}" cnitool "$1" net "/run/netns/$2"; }
slate before during
check "a container of the Go plugins" node add before 8001

does "which plugins" "jq -r '(.plugins[]? // .) | .type, (.ipam.type? // empty)' /etc/cni/net.d/*.conf* | sort -u"
same "which plugins" "bridge firewall host-local portmap" "$(xargs <$out)"
does "swap" "cp -a /opt/cni/bin /opt/cni/bin.go"
does "swap" "tar -C /opt/cni/bin -xzf hawser-plugins-2.0.0-linux-amd64.tgz" "$fill"
does "check" "/usr/lib/cni/bridge --version" "$fill"
says "it is ours" "^Hawser $version"
check "Go plugins that Hawser does not have stay" cmp /opt/cni/bin/dhcp "$REF/dhcp"
check "a container of ours beside it" node add during 8002
check "they reach each other" inside before ping -c1 -W2 "$(ip -n during -j addr show eth0 | jq -r '.[0].addr_info[0].local')"

for verb in add check del; do
	[ $verb = add ] && does "check" "ip netns add probe"
	does "check" "CNI_PATH=/usr/lib/cni cnitool $verb NETWORK /run/netns/probe" "$fill"
done
does "check" "ip netns del probe"
sed -i 's/1\.0\.0/1.1.0/' /etc/cni/net.d/10-net.conflist
does "check" "CNI_PATH=/usr/lib/cni cnitool status NETWORK" "$fill"
sed -i 's/1\.1\.0/1.0.0/' /etc/cni/net.d/10-net.conflist

does "what is held" "hawser list"
says "ours is listed" '^net .*8002->80/tcp'
refuse "the Go plugins' is not" grep -q 8001 $out
does "what is held" "grep -r . /var/lib/cni/networks --exclude=lock --exclude='last_reserved_ip.*'"
same "both leases" 2 "$(grep -c cnitool- $out)"
does "what is held" "ls /var/lib/cni/results"
same "both results" 2 "$(wc -l <$out)"
does "what is held" "iptables-save | grep -E 'CNI-(DN|SN|HOSTPORT|FORWARD)|name: \\\\\"'"
says "the Go plugins' port" "dport 8001"
nft add table inet cni_plugins_masquerade
does "what is held" "nft list tables | grep -E 'cni_(plugins_masquerade|hostport)'"
nft delete table inet cni_plugins_masquerade
does "what is held" "ip -br link show type veth"
same "both host ends" 2 "$(wc -l <$out)"

id=$(grep -l "$(ip -n before -j addr show eth0 | jq -r '.[0].addr_info[0].local')" /var/lib/cni/results/* | sed 's/.*net-\(cnitool-[0-9a-f]*\)-.*/\1/')
ip netns del before
does "what is left" "hawser cleanup CONTAINER" "s/CONTAINER/$id/"
same "the container's lease and rules are gone" "1 0" "$(leases) $(iptables-save | grep -c 8001)"

does "back" "cp -a --remove-destination /opt/cni/bin.go/. /opt/cni/bin/"
check "it is the Go plugin again" cmp /opt/cni/bin/bridge "$REF/bridge"
# 1.1.1 misses its masquerading rule, after it has removed everything else
node del during 8002 >/dev/null 2>&1
check "it detaches what ours attached, at the second call at the latest" node del during 8002
does "back" "hawser cleanup NETWORK" "$fill"
nothing_left "nothing is left"
does "back" "nft delete table inet hawser"
same "no rule of ours is left" "" "$(nft list ruleset | grep -i hawser)"
umount /etc/cni /opt

# the packages: what apt would do on a node that has the Go plugins, and on one that has ours
if [ -n "$(apt-cache policy containernetworking-plugins 2>/dev/null)" ] && command -v dpkg-deb >/dev/null; then
	mkdir -p "$work/hawser/DEBIAN"
	sed -n '/^Package: hawser/,/^Description/p' debian/control | sed -e '/Depends:/d' -e '/Recommends/d' -e '/Suggests/d' -e '/Built-Using/d' -e "s/\\\${source:Upstream-Version}/$version/" \
		-e 's/linux-any/all/' -e "/^Package/aVersion: $version\\nMaintainer: x <x@x.invalid>" >"$work/hawser/DEBIAN/control"
	dpkg-deb -b "$work/hawser" "$work/hawser_${version}_$(dpkg --print-architecture).deb" >/dev/null || not_ok "a package with the fields of debian/control"
	# usage: simulated COMMAND: with apt-get simulating
	simulated() { guide "$1" "s/apt-get/apt-get -s -o Debug::NoLocking=1 ${2:-}/; $fill"; }
	check "apt-get: the package can be installed" simulated "apt-get install ./hawser_2.0.0_amd64.deb"
	says "apt-get: it replaces the reference's" '^Remv containernetworking-plugins'
	mkdir -p "$work/dpkg"
	{ sed -n '1,/^Description/p' "$work/hawser/DEBIAN/control" | sed 's/^Package: hawser/&\nStatus: install ok installed/'; echo; awk -v RS= -v ORS='\n\n' '!/^Package: containernetworking-plugins\n/' /var/lib/dpkg/status; } >"$work/dpkg/status"
	check "apt-get: and back" simulated "apt-get install containernetworking-plugins" "-o Dir::State::status=$(sed 's#/#\\/#g' <<<"$work")\\/dpkg\\/status"
	says "apt-get: it replaces ours" '^Remv hawser'
else
	skip "what apt would do" "no list of packages (apt-get update)"
fi
done_testing
