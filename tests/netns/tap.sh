# SPDX-License-Identifier: GPL-2.0-or-later
# tap: every key, its life in IPv4, IPv6 and dual stack, whoever may attach to it; nothing left behind.
. "$(dirname "$0")/lib.sh"

conf() { echo "{\"cniVersion\":\"${V:-1.1.0}\",\"name\":\"net\",\"type\":\"tap\"${1:+,$1}}"; }
# usage: tun JQ-FILTER: of the device's own settings
tun() { link eth0 ".linkinfo.info_data$1" a; }
none() { ! ip -n "${1:-a}" link show eth0 >/dev/null 2>&1; }
free() { same "$1" "0 leases, 0 records" "$(leases) leases, $(records) records"; }

if ! [ -c /dev/net/tun ] || ! (ip netns add try && ip -n try tuntap add t0 mode tap) 2>/dev/null; then
	skip tap "the kernel has no CONFIG_TUN"
	done_testing
fi

# --- one attachment's whole life
for f in 4 6 dual; do
	c=$(conf "$(ipam $f)")
	slate a
	succeeds "$f: ADD" tap ADD a "$c"
	prev=$(cat $out)
	same "$f: one interface" "eth0 $(link eth0 .address a) /run/netns/a 1" \
		"$(result '.interfaces[0] | "\(.name) \(.mac) \(.sandbox)"') $(result '.interfaces | length')"
	same "$f: every address belongs to it" 0 "$(result '[.ips[].interface] | unique | join(" ")')"
	same "$f: the addresses of the result are in the container" \
		"$(result '[.ips[].address] | sort | join(" ")')" "$(addresses eth0 a)"
	same "$f: a persistent tap device that is up" "tun tap true true" \
		"$(link eth0 '"\(.linkinfo.info_kind) \(.linkinfo.info_data | "\(.type) \(.persist)") \(.flags | index("UP") != null)"' a)"
	same "$f: one lease for each address, one record" "$(result '.ips | length') 1" "$(leases) $(records)"
	same "$f: nothing on the host" 0 "$(ip -o link show type tun | wc -l)"
	check "$f: no process stays" none_running tap
	succeeds "$f: CHECK" tap CHECK a "$(with_prev "$c" "$prev")"
	fails "$f: ADD twice" 999 '"eth0" exists' tap ADD a "$c"
	succeeds "$f: DEL" tap DEL a "$(with_prev "$c" "$prev")"
	same "$f: DEL prints nothing" "" "$(cat $out)"
	check "$f: the device is gone" none
	free "$f: nothing is left"
	succeeds "$f: DEL again" tap DEL a "$c"
done

# --- it works: a program attaches to the device, and answers ARP and ping through it
cat >/run/guest.py <<'EOS'
# One end of a tap: answers ARP requests and pings for 10.88.0.9 (arguments: interface, flags of TUNSETIFF).
import fcntl, os, struct, sys
fd = os.open("/dev/net/tun", os.O_RDWR)
fcntl.ioctl(fd, 0x400454ca, struct.pack("16sH22x", sys.argv[1].encode(), int(sys.argv[2], 0)))
print("attached", flush=True)
mac = bytes.fromhex("02000000aa01")
while len(sys.argv) < 4:
    p = os.read(fd, 2048)
    if p[12:14] == b"\x08\x06" and p[38:42] == bytes([10, 88, 0, 9]):
        os.write(fd, p[6:12] + mac + p[12:20] + b"\0\2" + mac + p[38:42] + p[22:32])
    elif p[12:14] == b"\x08\0" and p[23] == 1 and p[34] == 8:
        # echo reply: the checksum grows by the 0x0800 that the type loses
        c = struct.unpack("!H", p[36:38])[0] + 0x0800
        c = (c & 0xffff) + (c >> 16)
        os.write(fd, p[6:12] + mac + p[12:26] + p[30:34] + p[26:30] + b"\0\0" + struct.pack("!H", c) + p[38:])
EOS
TAP=0x1002 TAP_MQ=0x1102 # IFF_TAP | IFF_NO_PI, and IFF_MULTI_QUEUE
slate a
succeeds "for a guest: ADD" tap ADD a "$(conf "$(ipam 4)")"
if [ -x /usr/bin/python3 ]; then
	exec 8< <(exec ip netns exec a /usr/bin/python3 /run/guest.py eth0 $TAP 2>/dev/null)
	guest=$!
	read -rt 5 -u 8 line
	check "the container reaches the guest behind the tap" inside a ping -c1 -W2 10.88.0.9
	succeeds "DEL while the guest is attached" tap DEL a "$(conf "$(ipam 4)")"
	check "the device is gone" none
	kill $guest 2>/dev/null
	exec 8<&-
else
	skip "a guest behind the tap" "no python3"
fi

# --- keys
slate a
succeeds "layer 2: ADD" tap ADD a "$(conf)"
same "layer 2: no addresses, no leases" "0 0 1" "$(result '(.ips // []) | length') $(leases) $(records)"
same "by default: one queue, kernel's MTU, no owner, no group" "false 1500 null null" \
	"$(tun .multi_queue) $(link eth0 .mtu a) $(tun .user) $(tun .group)"
succeeds "layer 2: CHECK" tap CHECK a "$(with_prev "$(conf)" "$(cat $out)")"
succeeds "layer 2: DEL" tap DEL a "$(conf)"
free "layer 2: nothing is left"
succeeds "mtu: ADD" tap ADD a "$(conf '"mtu":1400')"
same "mtu of the device and in the result" "1400 1400" "$(link eth0 .mtu a) $(result '.interfaces[0].mtu')"
plugin tap DEL a "$(conf)" || not_ok "mtu: DEL"
succeeds "multiQueue: ADD" tap ADD a "$(conf '"multiQueue":true')"
same "multiQueue" true "$(tun .multi_queue)"
plugin tap DEL a "$(conf)" || not_ok "multiQueue: DEL"
succeeds "owner: ADD" tap ADD a "$(conf '"owner":1234')"
same "owner without a group" "1234 null" "$(tun .user) $(tun .group)"
plugin tap DEL a "$(conf)" || not_ok "owner: DEL"
succeeds "owner and group: ADD" tap ADD a "$(conf '"owner":0,"group":4294967294')"
same "owner and group" "root 4294967294" "$(ip -n a -d tuntap show | sed -n 's/.* user \([^ ]*\).*/\1/p' | sed 's/^0$/root/') $(tun .group)"
plugin tap DEL a "$(conf)" || not_ok "owner and group: DEL"
if [ -x /usr/bin/python3 ]; then
	# usage: attach UID FLAGS: as a user without capabilities
	attach() { inside a setpriv --reuid "$1" --regid 4242 --clear-groups --inh-caps=-all --bounding-set=-all /usr/bin/python3 /run/guest.py eth0 "$2" once; }
	mode=$(stat -c %a /dev/net/tun)
	plugin tap ADD a "$(conf '"owner":1234')" || not_ok "owner: ADD"
	mount -t tmpfs tmpfs /mnt && mknod /mnt/tun c 10 200 && chmod 666 /mnt/tun && mount --bind /mnt/tun /dev/net/tun
	check "its owner may attach" attach 1234 $TAP
	refuse "another may not" attach 1235 $TAP
	refuse "nor may anybody in the wrong mode" attach 1234 $TAP_MQ
	plugin tap DEL a "$(conf)" || not_ok "owner: DEL"
	plugin tap ADD a "$(conf '"group":4242,"multiQueue":true')" || not_ok "group: ADD"
	check "its group may attach, with several queues" attach 1235 $TAP_MQ
	plugin tap DEL a "$(conf)" || not_ok "group: DEL"
	umount /dev/net/tun
	same "the machine's /dev/net/tun is as it was" "$mode" "$(stat -c %a /dev/net/tun)"
fi

# --- bridge inside the container
ip -n a link add br0 type bridge
c=$(conf '"bridge":"br0"')
succeeds "bridge: ADD" tap ADD a "$c"
same "bridge: the device is a port" br0 "$(link eth0 .master a)"
prev=$(cat $out)
succeeds "bridge: CHECK" tap CHECK a "$(with_prev "$c" "$prev")"
ip -n a link set eth0 nomaster
fails "bridge: CHECK notices that it is none any more" 999 'not a port of bridge "br0"' tap CHECK a "$(with_prev "$c" "$prev")"
succeeds "bridge: DEL" tap DEL a "$c"
check "bridge: stays" ip -n a link show br0
ip link add br9 type bridge
fails "bridge of the host, not of the container" 7 br9 tap ADD a "$(conf '"bridge":"br9"')"
fails "bridge that is none" 7 "not a bridge" tap ADD a "$(conf '"bridge":"lo"')"
fails "bridge with a bad name" 7 bridge tap ADD a "$(conf '"bridge":"a/b"')"

# --- MAC: runtimeConfig beats args.cni beats CNI_ARGS beats the key
mac_is() {
	same "MAC $1" "$2 $2" "$(link eth0 .address a) $(result '.interfaces[0].mac')"
	plugin tap DEL a "$(conf)" || not_ok "MAC $1: DEL"
}
c=$(conf "\"mac\":\"02:00:00:00:00:01\"")
succeeds "mac: ADD" tap ADD a "$c"
mac_is "of the key" 02:00:00:00:00:01
CNI_ARGS="IgnoreUnknown=1;MAC=02:00:00:00:00:02;X=y" succeeds "MAC in CNI_ARGS: ADD" tap ADD a "$c"
mac_is "of CNI_ARGS" 02:00:00:00:00:02
c=$(jq -c '.args={cni:{mac:"02:00:00:00:00:03"}}' <<<"$c")
CNI_ARGS="MAC=02:00:00:00:00:02" succeeds "MAC in args.cni: ADD" tap ADD a "$c"
mac_is "of args.cni" 02:00:00:00:00:03
c=$(jq -c '.runtimeConfig={mac:"02:00:00:00:00:04"}' <<<"$c")
CNI_ARGS="MAC=02:00:00:00:00:02" succeeds "MAC in runtimeConfig: ADD" tap ADD a "$c"
mac_is "of runtimeConfig" 02:00:00:00:00:04
succeeds "dns and 0.3.1: ADD" tap ADD a "$(V=0.3.1 conf "\"dns\":{\"nameservers\":[\"10.88.0.1\"]},$(ipam 4)")"
same "dns is in the result" "10.88.0.1 4" "$(result '"\(.dns.nameservers[0]) \(.ips[0].version)"')"
plugin tap DEL a "$(conf "$(ipam 4)")" || not_ok "dns: DEL"

# --- selinuxContext. Without SELinux it is refused; with a /proc that takes the context, what is written is seen
if grep -qs . /sys/fs/selinux/enforce; then
	skip "selinuxContext without SELinux" "SELinux is switched on here"
else
	fails "selinuxContext without SELinux" 2 '"selinuxContext"' tap ADD a "$(conf '"selinuxContext":"system_u:system_r:container_t:s0"')"
fi
cat >/run/selinux.sh <<'EOS'
mkdir /run/proc && mount -t proc proc /run/proc && mount -t tmpfs tmpfs /proc && mkdir -p /proc/self/attr || exit 9
for f in self/ns self/exe self/environ self/maps sys; do ln -s /run/proc/$f /proc/$f; done
: >/proc/self/attr/exec
# LeakSanitizer wants the real /proc
ASAN_OPTIONS=${ASAN_OPTIONS:-}:detect_leaks=0 CNI_COMMAND=ADD CNI_CONTAINERID=a CNI_NETNS=/run/netns/a "$BIN/tap" <<<"$1" || exit 1
tr -d '\0' </proc/self/attr/exec >/run/context
EOS
export BIN
check "selinuxContext: ADD" unshare -m bash /run/selinux.sh "$(conf '"selinuxContext":"u:r:t:s0","owner":77,"multiQueue":true,"mtu":1400')"
same "selinuxContext: it was asked for" "u:r:t:s0" "$(cat /run/context)"
same "selinuxContext: the other process obeyed the keys" "77 true 1400" "$(tun .user) $(tun .multi_queue) $(link eth0 .mtu a)"
check "selinuxContext: no process stays" none_running tap
succeeds "selinuxContext: DEL" tap DEL a "$(conf)"

# --- bad input
slate a
fails "mtu too small" 7 mtu tap ADD a "$(conf '"mtu":67')"
fails "mtu too large" 7 mtu tap ADD a "$(conf '"mtu":65522')"
fails "owner that is negative" 7 owner tap ADD a "$(conf '"owner":-1')"
fails "group too large" 7 group tap ADD a "$(conf '"group":4294967295')"
fails "owner of the wrong type" 6 owner tap ADD a "$(conf '"owner":"root"')"
fails "multiQueue of the wrong type" 6 multiQueue tap ADD a "$(conf '"multiQueue":1')"
fails "a MAC that is none" 7 '"mac"' tap ADD a "$(conf '"mac":"02:00"')"
CNI_ARGS=MAC=xyz fails "a MAC in CNI_ARGS that is none" 4 MAC tap ADD a "$(conf)"
CNI_ARGS=FOO=1 fails "an unknown CNI_ARGS key" 4 FOO tap ADD a "$(conf)"
fails "IPAM plugin that does not exist" 999 nosuch tap ADD a "$(conf '"ipam":{"type":"nosuch"}')"
NETNS=/proc/self/ns/net fails "netns is the host's own" 8 /proc/self/ns/net tap ADD a "$(conf)"
NETNS=/run/netns/none fails "netns is missing" 4 /run/netns/none tap ADD a "$(conf)"
CNI_IFNAME=lo fails "ifname lo" 999 '"lo" exists' tap ADD a "$(conf)"
inside a ip tuntap add eth0 mode tap
fails "a tap of somebody else is there" 999 '"eth0" exists' tap ADD a "$(conf)"
succeeds "DEL of what was never attached" tap DEL a "$(conf)"
check "the tap of somebody else stays" inside a ip link show eth0
mount --bind /dev/null /dev/net/tun
inside a ip link del eth0
fails "no tun device" 999 eth0 tap ADD a "$(conf)"
umount /dev/net/tun
mkdir -p /run/empty
mount --bind /run/empty /dev/net
fails "no /dev/net/tun" 2 CONFIG_TUN tap ADD a "$(conf)"
fails "no /dev/net/tun: STATUS" 50 CONFIG_TUN tap STATUS a "$(conf)"
umount /dev/net

# --- an IPAM plugin that wants to find the link
slate a
c=$(jq -c '.cniVersion="1.0.0" | .ipam={type:"seeing"}' <<<"$(conf)")
CNI_PATH=$BIN:$(seeing_ipam) succeeds "foreign IPAM finds the device: ADD" tap ADD a "$c"
same "its address is there" 10.88.0.7/24 "$(addresses eth0 a)"
CNI_PATH=$BIN:/run/ipam succeeds "foreign IPAM: DEL" tap DEL a "$c"
CNI_PATH=$BIN:$(seeing_ipam fail) fails "foreign IPAM fails" 123 "told to fail" tap ADD a "$c"

# --- DEL, GC, CHECK and STATUS
c=$(conf "$(ipam dual)")
slate a b
succeeds "DEL before any ADD" tap DEL a "$c"
succeeds "ADD" tap ADD a "$c"
NETNS='' succeeds "DEL with an empty CNI_NETNS" tap DEL a "$c"
check "the device is gone" none
free "nothing is left"
plugin tap ADD a "$c" || not_ok "ADD"
ip netns del a
succeeds "DEL after the netns is gone" tap DEL a "$c"
free "nothing is left of it"
slate a b
plugin tap ADD a "$c" && prev=$(cat $out) || not_ok "ADD"
ip -n a addr flush dev eth0 scope global
fails "CHECK notices a lost address" 999 "lost its address" tap CHECK a "$(with_prev "$c" "$prev")"
ip -n a link del eth0
fails "CHECK notices a lost device" 999 eth0 tap CHECK a "$(with_prev "$c" "$prev")"
fails "CHECK without prevResult" 7 prevResult tap CHECK a "$c"
ip -n a link add eth0 address "$(jq -r '.interfaces[0].mac' <<<"$prev")" type bridge
c0=$(conf)
fails "CHECK notices another kind of device" 999 "not a tap" tap CHECK a "$(with_prev "$c0" "$(jq -c 'del(.ips)' <<<"$prev")")"
plugin tap DEL a "$c" || not_ok "DEL"
check "DEL leaves what is not a tap" ip -n a link show eth0
slate a b
plugin tap ADD a "$c" && plugin tap ADD b "$c" || not_ok "GC: ADD"
check "GC without a list" gc tap "$c"
same "GC without a list does nothing" "4 2" "$(leases) $(records)"
check "GC" gc tap "$(jq -c '.["cni.dev/valid-attachments"]=[{containerID:"a",ifname:"eth0"}]' <<<"$c")"
same "GC keeps one" "2 1" "$(leases) $(records)"
check "GC removes the other's device" none b
check "the one kept is a's" inside a ip link show eth0
check "GC with an empty list" gc tap "$(jq -c '.["cni.dev/valid-attachments"]=[]' <<<"$c")"
free "GC with an empty list removes all"
plugin tap ADD a "$c" || not_ok "ADD before hawser cleanup"
check "hawser cleanup" "$BIN/hawser" cleanup a
check "hawser cleanup: the device is gone" none
free "hawser cleanup: nothing is left"
succeeds "STATUS" tap STATUS a "$c"
small=$(conf '"ipam":{"type":"host-local","subnet":"10.88.0.0/30"}')
succeeds "the only address of a /30" tap ADD a "$small"
fails "exhausted range: STATUS" 50 10.88.0.2 tap STATUS b "$small"
fails "exhausted range: ADD" 11 10.88.0.2 tap ADD b "$small"
done_testing
