# SPDX-License-Identifier: GPL-2.0-or-later
# What the tests of real clients share: an image without a registry, podman with a configuration of its own,
# what is left on the host. Source it instead of tests/netns/lib.sh.
. "$(dirname "${BASH_SOURCE[0]}")/../netns/lib.sh"
. "$(dirname "${BASH_SOURCE[0]}")/../nat-lib.sh"

work=/run/client

# A root file system of busybox and its libraries, as a tar file. usage: make_image FILE
make_image() {
	local tree=$work/image file name
	mkdir -p "$tree"/{bin,etc,tmp,proc,sys,dev}
	cp "$(command -v busybox)" "$tree/bin/busybox"
	for file in $(ldd "$(command -v busybox)" 2>/dev/null | grep -oE '/[^ ]+'); do
		mkdir -p "$tree$(dirname "$file")"
		cp -L "$file" "$tree$file"
	done
	for name in sh ip ping sleep cat; do
		ln -sf busybox "$tree/bin/$name"
	done
	tar -C "$tree" -c . >"$1"
}

# The OCI runtime: podman's default where the machine has the unified hierarchy of cgroups, else runc.
# Where limits may not be raised podman's own defaults fail: the containers get low ones.
engine_conf() {
	[ "$(stat -f -c %T /sys/fs/cgroup)" = cgroup2fs ] || echo 'runtime = "runc"'
	echo 'cgroup_manager = "cgroupfs"'
	echo 'events_logger = "file"'
	echo 'lock_type = "file"'
}
limits_conf() { echo "default_ulimits = [\"nofile=$(limit n)\", \"nproc=$(limit u)\"]"; }
# At most 1024, and not above what this shell may have. usage: limit n|u
limit() {
	local hard
	hard=$(ulimit "-H$1")
	[[ $hard =~ ^[0-9]+$ ]] && [ "$hard" -lt 1024 ] || hard=1024
	echo "$hard:$hard"
}

# Use the plugins of a folder from here on. usage: plugins_from FOLDER
plugins_from() {
	cat >$work/containers.conf <<-EOC
	[network]
	network_backend = "cni"
	cni_plugin_dirs = ["$1"]
	network_config_dir = "$work/net.d"
	[engine]
	$(engine_conf)
	[containers]
	$(limits_conf)
	EOC
}

# Podman with storage, networks and plugins of its own, below $work. usage: start_podman FOLDER-OF-PLUGINS
start_podman() {
	mkdir -p $work/net.d
	cat >$work/storage.conf <<-EOC
	[storage]
	driver = "overlay"
	runroot = "$work/run"
	graphroot = "$work/root"
	EOC
	export CONTAINERS_CONF=$work/containers.conf CONTAINERS_STORAGE_CONF=$work/storage.conf TMPDIR=$work
	plugins_from "$1"
	make_image $work/image.tar
	podman import -q $work/image.tar box >$out 2>$err || { not_ok "podman import"; done_testing; }
}
stop_podman() {
	podman pod rm -af -t 0 >/dev/null 2>&1
	podman rm -af -t 0 >/dev/null 2>&1
	umount -l $work/root/overlay 2>/dev/null
	stop_servers
}

# ctr reads /etc/cni/net.d and /opt/cni/bin: folders of our own lie over the machine's. usage: private_cni PLUGINS
private_cni() {
	mkdir -p $work/{etc,etc-work}
	mount -t overlay -o "lowerdir=/etc,upperdir=$work/etc,workdir=$work/etc-work" overlay /etc
	mount -t tmpfs tmpfs /opt
	mkdir -p /etc/cni/net.d /opt/cni
	ln -s "$1" /opt/cni/bin
	rm -f /etc/cni/net.d/*
}
# A containerd of our own, without CRI; its pid is in $daemon.
start_containerd() {
	mkdir -p $work/{root,state}
	cat >$work/config.toml <<-EOC
	version = 2
	root = "$work/root"
	state = "$work/state"
	disabled_plugins = ["io.containerd.grpc.v1.cri"]
	[grpc]
	  address = "$work/containerd.sock"
	EOC
	containerd -c $work/config.toml >$work/containerd.log 2>&1 &
	daemon=$!
	export CONTAINERD_ADDRESS=$work/containerd.sock
	wait_for 20 ctr version || { not_ok "containerd runs" "$(tail -n 5 $work/containerd.log)"; done_testing; }
}

# usage: pod NAME WORDS...: a podman command that is to succeed
pod() {
	local name=$1
	shift
	if podman "$@" >$out 2>$err; then ok "$name"; else not_ok "$name" "podman $*: exit status $?"; fi
}
# usage: pod_fails NAME TEXT WORDS...
pod_fails() {
	local name=$1 text=$2
	shift 2
	if podman "$@" >$out 2>$err; then
		not_ok "$name" "podman $* should have failed"
	elif grep -qF -- "$text" $err; then
		ok "$name"
	else
		not_ok "$name" "no \"$text\" on stderr"
	fi
}
inspect() { podman inspect -f "$2" "$1"; }
stopped() { [ "$(inspect "$1" '{{.State.Status}}')" != running ]; }
# Name of a container's network namespace for ip netns. usage: ns_of NAME
ns_of() { basename "$(inspect "$1" '{{.NetworkSettings.SandboxKey}}')"; }
# Address of a container. usage: address NAME [NETWORK] [GlobalIPv6Address]
address() {
	if [ -n "${2:-}" ]; then
		inspect "$1" "{{(index .NetworkSettings.Networks \"$2\").${3:-IPAddress}}}"
	else
		inspect "$1" '{{.NetworkSettings.IPAddress}}'
	fi
}

# What containers leave on a host, whoever made it: veths, leases, records, elements, rules with an id. Bridges stay.
left() {
	echo "$(veths) veths, $(leases) leases, $(records) records, $(all_elements | wc -l) elements, $(iptables_rules) rules"
}
iptables_rules() {
	{ iptables-save; ip6tables-save; } 2>/dev/null | grep -cE -- '-A .*(id: |CNI-(DN|SN|[0-9a-f]{16}))|-A CNI-FORWARD -[sd]'
}
no_veths() { [ "$(veths)" -eq 0 ]; }
# usage: nothing_left_of NAME; a removed container's links go with its namespace, a moment later
nothing_left_of() {
	wait_for 5 no_veths
	same "$1" "0 veths, 0 leases, 0 records, 0 elements, 0 rules" "$(left)"
}
