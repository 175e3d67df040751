# SPDX-License-Identifier: GPL-2.0-or-later
# /etc/hawser/ruleset.json: priorities of the hooks that are obeyed by ADD and reload, and those that are refused.
. "$(dirname "$0")/lib.sh"
file=/etc/hawser/ruleset.json
# the machine's /etc is left alone
cp -a /etc /run/etc && mount --bind /run/etc /etc && mkdir -p /etc/hawser || {
	skip "priorities" "cannot mount over /etc"
	done_testing
}
c=$(conf "\"isDefaultGateway\":true,\"ipMasq\":true,\"ipMasqBackend\":\"nftables\",\"macspoofchk\":true,$(ipam 4)")
defaults="antispoof -300, direct -150, forward 0, masq 100, output -100, postrouting 100, prerouting -100"
# Priorities of all base chains of ours, as nft lists them; the name of a network's chain is cut.
priorities() {
	nft -j list ruleset | jq -r '[.nftables[].chain | select(.table? == "hawser" and has("prio")) |
		"\(.name | sub("-[0-9a-f]{16}$"; "")) \(.prio)"] | unique | join(", ")'
}
# usage: with FILE-CONTENT; ADD of the first container on a node without our tables
with() {
	nft flush ruleset
	slate a
	printf '%s' "$1" >$file
	plugin bridge ADD a "$c"
}

rm -f $file
with "" && rm -f $file
nft flush ruleset
slate a
succeeds "no file" bridge ADD a "$c"
same "no file: the reference's priorities" "$defaults" "$(priorities)"
same "no file: no word about it" 0 "$(grep -c ruleset.json $err)"

with '{"priorities":{"dstnat":-110,"srcnat":90,"filter":-5,"direct":-140,"antispoof":-200}}'
same "ADD with all of them" "0 antispoof -200, direct -140, forward -5, masq 90, output -110, postrouting 90, prerouting -110" "$? $(priorities)"
with '{"priorities":{"srcnat":101}}'
same "one of them" "0 antispoof -300, direct -150, forward 0, masq 101, output -100, postrouting 101, prerouting -100" "$? $(priorities)"
with '{"priorities":{"dstnat":-199,"srcnat":299,"filter":299,"direct":-1,"antispoof":400}}'
same "the limits" "0 antispoof 400, direct -1, forward 299, masq 299, output -199, postrouting 299, prerouting -199" "$? $(priorities)"
with '{"priorities":{"dstnat":299,"srcnat":-199,"filter":-199,"direct":-199,"antispoof":-400}}'
same "the other limits" "0 antispoof -400, direct -199, forward -199, masq -199, output 299, postrouting -199, prerouting 299" "$? $(priorities)"
for other in '{}' '{"priorities":{}}' '{"priorities":null}'; do
	with "$other"
	same "nothing said: $other" "0 $defaults" "$? $(priorities)"
done

# a change comes into force with reload, not with the next ADD: a node has one set of priorities
with '{"priorities":{"dstnat":-110}}'
echo '{"priorities":{"dstnat":-120,"srcnat":80}}' >$file
check "reload" "$BIN/hawser" reload
same "reload puts a change into force" "antispoof -300, direct -150, forward 0, masq 80, output -120, postrouting 80, prerouting -120" "$(priorities)"
succeeds "CHECK after it" bridge CHECK a "$(with_prev "$c" "$(cat $out)")"
rm -f $file
check "reload without the file" "$BIN/hawser" reload
same "and back" "$defaults" "$(priorities)"

# refused: a warning with key and value, and the reference's priorities, as a whole; containers start all the same
while IFS='|' read -r text words; do
	with "$text"
	same "refused: $text" "0 1 $defaults" "$? $(grep "ruleset.json: ignored: .*$words" $err | uniq | wc -l) $(priorities)"
done <<'END'
{"priorities":{"dstnat":-200}}|dstnat": -200
{"priorities":{"dstnat":300}}|dstnat": 300
{"priorities":{"srcnat":-2147483649}}|srcnat": -2147483649
{"priorities":{"filter":1000}}|filter": 1000
{"priorities":{"direct":0}}|direct": 0
{"priorities":{"direct":-200}}|direct": -200
{"priorities":{"antispoof":-401}}|antispoof": -401
{"priorities":{"dstnat":-110,"srcnat":300,"filter":5}}|srcnat": 300
{"priorities":{"dstnat":"-110"}}|dstnat"
{"priorities":{"dstnat":-110.5}}|dstnat"
{"priorities":{"dstnat":true}}|dstnat"
{"priorities":[-110]}|priorities
{"priorities":-110}|priorities
[]|not a JSON object
{"priorities":{"dstnat":-110}|not a JSON object
|not a JSON object
END
done_testing
