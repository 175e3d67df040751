# SPDX-License-Identifier: GPL-2.0-or-later
# macvlan (and with it what ipvlan, vlan and dummy share): each step of ADD and DEL fails, ADD is killed at its
# system calls: nothing stays.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../wire-lib.sh"
mconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"macvlan\",\"master\":\"m0\"${1:+,$1}}"; }

# what is in the container before must be there afterwards, and nothing else
fail_each_step "4" macvlan "$(mconf "$(ipam 4)")"
c=$(mconf "\"mtu\":1400,\"bcqueuelen\":100,\"dns\":{\"nameservers\":[\"10.0.0.1\"]},$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")
fail_each_step "dual, every key" macvlan "$c"
fail_each_step "layer 2" macvlan "$(mconf)"
fail_each_step "passthru with a MAC" macvlan "$(mconf "\"mode\":\"passthru\",\"mac\":\"02:00:00:00:00:01\"")"
prepare='wire; ip addr add 10.88.0.77/24 dev m0; ip route add default via 10.88.0.1'
fail_each_step "the default route's master" macvlan "$(jq -c 'del(.master)' <<<"$(mconf "$(ipam 4)")")"
prepare='wire; ip link add in0 netns a type veth peer name in1 netns lan; ip -n lan link set in1 up; ip -n a link set in0 up'
fail_each_step "linkInContainer" macvlan "$(jq -c '.master="in0" | .linkInContainer=true' <<<"$(mconf "$(ipam 4)")")"
prepare=wire
fail_each_step_of_del macvlan "$c"
if [[ $BIN == */san/* ]]; then
	skip "ADD killed at its system calls" "LeakSanitizer and ptrace exclude each other"
else
	stage a
	every=3 kills macvlan DEL a "$c" "$c" 20
	every=7 kills macvlan GC "" "$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$c")" "$c" 8
fi
done_testing
