# SPDX-License-Identifier: GPL-2.0-or-later
# The Debian package: built, judged by lintian, installed into a tree of its own in the place of the reference's,
# used from there, and removed again. And the tar files of "make dist-static", used where there is no library.
. "$(dirname "$0")/../netns/lib.sh"
cd "$here" || exit 2
if ! command -v dpkg-buildpackage dh lintian >/dev/null; then
	skip "the Debian package" "no debhelper or lintian (tools/deps package)"
	done_testing
fi
version=$(sed -n 's/^#define HAWSER_VERSION "\(.*\)"/\1/p' common/cni.h)
plugins=$(make -s print-plugins)
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
root=$work/root

# --- built, and judged
export DEB_BUILD_OPTIONS=noautodbgsym
check "the package is built" tools/make-deb "$work/deb"
deb=$(echo "$work"/deb/hawser_"$version"_*.deb)
same "its version is the executables'" "$version" "$(dpkg-deb -f "$deb" Version)"
check "lintian finds neither errors nor warnings" lintian --allow-root --fail-on error,warning "$work"/deb/*.changes
refuse "a changelog of another version is refused" bash -c '
	cp -r tools common debian "$1/" && cd "$1" && sed -i "s/^hawser (.*)/hawser (9.9.9)/" debian/changelog && tools/make-deb build/deb' - "$(mktemp -d -p "$work")"

# --- installed where the reference's package is, with a package that depends on that
# usage: package NAME VERSION FIELD: a package with nothing but a plugin "bridge"
package() {
	mkdir -p "$work/$1/DEBIAN" "$work/$1/usr/lib/cni"
	printf 'Package: %s\nVersion: %s\nArchitecture: all\nMaintainer: x <x@x.invalid>\nDescription: x\n%s\n' "$1" "$2" "$3" >"$work/$1/DEBIAN/control"
	[ "$1" = runtime ] || echo go >"$work/$1/usr/lib/cni/bridge"
	dpkg-deb -b "$work/$1" "$work/$1.deb" >/dev/null
}
package containernetworking-plugins 1.1.1 "Section: net"
package runtime 1 "Depends: containernetworking-plugins (>= 1.1)"
mkdir -p "$root"/var/lib/dpkg/{info,updates}
: >"$root/var/lib/dpkg/status"
# libraries are not in that tree
in_root() { dpkg --root="$root" --force-not-root --force-script-chrootless --force-depends --log=/dev/null "$@"; }
check "the reference's package and one that needs it are installed" in_root -i "$work/containernetworking-plugins.deb" "$work/runtime.deb"
same "its plugin is there" go "$(cat "$root/usr/lib/cni/bridge")"
check "ours takes its place" in_root -i --force-bad-path "$deb"
same "the reference's package is gone" "" "$(in_root -l | grep '^ii.*containernetworking')"
same "what needs it is content" "" "$(in_root --audit; sed -n '/^Package: runtime/,/^$/p' "$root/var/lib/dpkg/status" | grep '^Status' | grep -v 'ok installed')"

# --- what is installed
for p in $plugins; do
	same "$p: first line of the banner" "CNI $p plugin v$version" "$("$root/usr/lib/cni/$p" 2>&1 >/dev/null | head -n 1)"
	page=$(zcat "$root/usr/share/man/man8/hawser-$p.8.gz")
	[ -x "$root/usr/lib/cni/$p" ] && missing='' || missing='(no executable)'
	for key in $("$root/usr/lib/cni/$p" --help | sed -n '/^Keys/,/^$/s/^  \([^ ]*\) .*/\1/p'); do
		[[ $page == *"\"${key//-/\\-}\""* ]] || missing+=" $key"
	done
	same "$p: the manual has every key" "" "$missing"
done
same "all plugins are one file" 1 "$(stat -c %i "$root"/usr/lib/cni/* | sort -u | wc -l)"
same "nothing else is in the plugins' folder" "$(tr ' ' '\n' <<<"$plugins" | sort | xargs)" "$(ls "$root/usr/lib/cni" | sort | xargs)"
if command -v man >/dev/null; then
	for page in "$root"/usr/share/man/man?/*; do
		same "$(basename "$page"): is proper roff" "" "$(LC_ALL=C.UTF-8 MANROFFSEQ='' MANWIDTH=80 man --warnings -E UTF-8 -l -Tutf8 -Z "$page" 2>&1 >/dev/null)"
	done
fi
same "hawser's version" "hawser $version" "$("$root/usr/sbin/hawser" --version)"
agent=$root/usr/sbin/hawser-overlayd unit=lib/systemd/system/hawser-overlayd.service
same "the agent's version" "hawser-overlayd $version" "$("$agent" --version)"
check "the package depends on libcurl" eval 'dpkg-deb -f "$deb" Depends | grep -q "libcurl4 (>="'
same "its unit starts it from there" "ExecStart=/usr/sbin/hawser-overlayd \$OPTIONS" "$(grep ^ExecStart "$root/$unit")"
same "but not before somebody says so" "" "$(find "$root/etc/systemd" -name 'hawser*' 2>/dev/null)"
page=$(zcat "$root/usr/share/man/man8/hawser-overlayd.8.gz" | sed 's/\\-/-/g') missing=
for word in $("$agent" --help | grep -oE -- '--[a-z-]+'); do [[ $page == *"$word"* ]] || missing+=" $word"; done
same "the manual has all options of the agent" "" "$missing"
# a tenth of the Go plugins' 45,797,496 bytes in Debian 12
size=$(du -sbc "$root/usr/lib/cni" "$root/usr/bin" "$root/usr/sbin" "$root/usr/libexec" | sed -n '$s/\t.*//p')
check "installed executables: $size bytes, at most a tenth of the Go plugins'" [ "$size" -le 4579749 ]

# --- copies under other names
cp "$root/usr/lib/cni/bridge" "$work/bridge-2" && cp "$root/usr/lib/cni/bridge" "$work/my.host-local" && cp "$root/usr/lib/cni/bridge" "$work/mytap"
same "a copy called bridge-2" "CNI bridge plugin v$version" "$("$work/bridge-2" 2>&1 | head -n 1)"
same "a copy called my.host-local" "CNI host-local plugin v$version" "$("$work/my.host-local" 2>&1 | head -n 1)"
refuse "a copy called mytap is no plugin" "$work/mytap"
same "argv[0] counts when the file's name does not" "CNI tap plugin v$version" "$( (exec -a /x/tap "$work/mytap") 2>&1 | head -n 1)"

# --- completion
# usage: completes FUNCTION WORD...: what the last word may become
completes() {
	bash -c 'source "$0" && COMP_WORDS=("${@:2}") COMP_CWORD=$(($# - 2)) && "$1" && echo "${COMPREPLY[*]}"' \
		"$root/usr/share/bash-completion/completions/${2}" "$@"
}
same "cnitool a" add "$(completes _cnitool cnitool a)"
same "cnitool add: the networks" "containerd-net crio" "$(NETCONFPATH=$root/usr/share/doc/hawser/examples completes _cnitool cnitool add c)"
ip netns add box
same "cnitool -i eth1 del podman: the namespaces" /run/netns/box "$(completes _cnitool cnitool -i eth1 del podman '')"
same "cnitool --" "--ifname --keep --trace --help" "$(completes _cnitool cnitool --)"
same "hawser: its verbs" "list reload cleanup overlay --help --version" "$(completes _hawser hawser '')"
same "hawser overlay: its verbs" "status graph obey" "$(completes _hawser hawser overlay '')"
same "hawser overlay graph: options" "--no-probe --timeout --svg" "$(completes _hawser hawser overlay graph --)"
same "hawser overlay status blue: options" "--json" "$(completes _hawser hawser overlay status blue --j)"

same "hawser-overlayd: its options" "--conf-dir --metrics --probe-every --help --version" "$(completes _hawser_overlayd hawser-overlayd --)"
same "hawser-overlayd --conf-dir: folders" "$root/usr/share" "$(completes _hawser_overlayd hawser-overlayd --conf-dir "$root/usr/sh")"

# --- used from where it is installed: the examples, and the program that reads conditions
mount --bind "$root/usr/libexec" /usr/libexec
mkdir "$work/bin" && ln -s "$root"/usr/lib/cni/* "$root/usr/bin/cnitool" "$root/usr/sbin/hawser" "$work/bin/"
mkdir "$work/examples" && cp "$root"/usr/share/doc/hawser/examples/{87-podman,20-guarded,10-ptp}.conflist "$work/examples/"
HAWSER_BIN=$work/bin CNI_PATH=$root/usr/lib/cni EXAMPLES=$work/examples bash tests/netns/examples.sh >"$work/log" 2>&1
same "examples attach with what is installed" "0 " "$? $(grep -A 5 '^not ok' "$work/log")"
check "three of them" [ "$(grep -c 'cnitool add$' "$work/log")" -eq 3 ]
slate box
BIN=$root/usr/lib/cni CNI_PATH=$BIN:$root/usr/lib/cni
prev='{"cniVersion":"1.0.0","interfaces":[{"name":"eth0","sandbox":"/run/netns/box"}],"ips":[{"address":"10.1.0.2/24","interface":0}]}'
c="{\"cniVersion\":\"1.0.0\",\"name\":\"net\",\"type\":\"portmap\",\"conditionsV4\":[\"-s\",\"192.0.2.0/24\"],\"prevResult\":$prev,
	\"runtimeConfig\":{\"portMappings\":[{\"hostPort\":8080,\"containerPort\":80,\"protocol\":\"tcp\"}]}}"
ip link add x0 type bridge && ip link set x0 up && ip addr add 10.1.0.1/24 dev x0
succeeds "portmap with conditions finds hawser-conditions" portmap ADD box "$c"
check "and the condition is in the ruleset" eval 'nft list ruleset | grep -q "192.0.2.0/24"'
succeeds "its DEL" portmap DEL box "$c"
umount /usr/libexec

# --- removed
check "the package is removed" in_root --force-depends -r hawser
same "nothing of it stays" "" "$(cd "$root" && find usr lib ! -type d)"

# --- from here, to /usr/local
check "make install" make -s install DESTDIR="$work/local" STRIP=true
same "the agent's unit starts it from there" "ExecStart=/usr/local/sbin/hawser-overlayd \$OPTIONS" \
	"$(grep ^ExecStart "$work/local/usr/local/$unit")"
check "make uninstall" make -s uninstall DESTDIR="$work/local"
same "nothing stays" "" "$(cd "$work/local" && find . ! -type d)"

# --- static executables, in a tree with nothing else
check "tar files of static executables" make -s dist-static DIST="$work/dist"
tree=$work/tree
mkdir -p "$tree"/{proc,run,sys,var/lib/cni,opt/cni/bin}
tar -C "$tree/opt/cni/bin" -xzf "$work"/dist/hawser-plugins-"$version"-linux-*.tgz
tar -C "$tree" -xzf "$work"/dist/hawser-tools-"$version"-linux-*.tgz
for m in proc run sys var/lib/cni; do mount --rbind /$m "$tree/$m"; done
refuse "the agent is dynamic, and not among them" eval 'ls "$tree" "$tree/opt/cni/bin" | grep overlayd'
for p in $plugins; do
	same "static $p starts without any library" "CNI $p plugin v$version" "$(chroot "$tree" "/opt/cni/bin/$p" 2>&1 | head -n 1)"
done
unset CNI_PATH
mkdir -p "$tree/etc/cni/net.d" && cp docs/examples/11-crio* "$tree/etc/cni/net.d/"
slate box
check "static cnitool and plugins attach a container" chroot "$tree" /cnitool add crio /run/netns/box
check "which reaches its gateway" inside box ping -c1 -W2 10.85.0.1
check "hawser lists it" eval 'chroot "$tree" /hawser list | grep -q "^crio .*10.85.0.2/16"'
check "and detach it" chroot "$tree" /cnitool del crio /run/netns/box
nothing_left "and leave nothing"
umount -R "$tree"/{proc,run,sys,var/lib/cni}
done_testing
