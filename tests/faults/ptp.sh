# SPDX-License-Identifier: GPL-2.0-or-later
# ptp: each step of ADD and DEL fails, ADD is killed at its system calls: nothing stays.
. "$(dirname "$0")/lib.sh"
pconf() { echo "{\"cniVersion\":\"1.1.0\",\"name\":\"net\",\"type\":\"ptp\"${1:+,$1}}"; }

fail_each_step "4" ptp "$(pconf "$(ipam 4)")"
c=$(pconf "\"mtu\":1400,\"dns\":{\"nameservers\":[\"10.0.0.1\"]},$(ipam dual '"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]')")
fail_each_step "dual, every key" ptp "$c"
masq=$(jq -c '.ipMasq=true' <<<"$c")
prepare='nft flush ruleset'
fail_each_step "ipMasq" ptp "$masq"
prepare=
fail_each_step_of_del ptp "$masq"
if [[ $BIN == */san/* ]]; then
	skip "ADD killed at its system calls" "LeakSanitizer and ptrace exclude each other"
else
	slate a
	every=5 kills ptp DEL a "$c" "$masq" 15
	every=7 kills ptp GC "" "$(jq -c '. + {"cni.dev/valid-attachments": []}' <<<"$c")" "$masq" 10
	same "no chain of the network is left" "" "$(nft list ruleset | grep -o 'chain masq-.*')"
fi
done_testing
