# SPDX-License-Identifier: GPL-2.0-or-later
# The scripts' own jq (tests/query) against jq: the same output and status for the programs that scripts use,
# without help; and whatever it does not know is left to jq.
. "$(dirname "$0")/../lib.sh"

json='{"cniVersion":"1.1.0","b":null,"a":[3,1,2,1],"flags":["LOWER_UP","UP"],"no":false,"yes":true,"empty":{},"none":[],
"text":"a, b\tc \"quoted\" \\ é","dotted.key":{"x":1},"interfaces":[{"name":"br0"},{"name":"veth0123abcd","mac":"02:00"},
{"name":"eth0","sandbox":"/run/netns/a"}],"ips":[{"address":"10.88.0.2/24","interface":2},{"address":"fd00::2/64"}],
"nftables":[{"metainfo":{}},{"set":{"table":"hawser","name":"s","elem":["x",{"e":2}]}},{"map":{"table":"hawser","name":"m"}},
{"rule":{"comment":"c","expr":[{"match":{}},{"counter":{"packets":3}},{"accept":null}]}}]}'
# usage: alike ARGUMENTS...
alike() {
	same "jq $*" "$(command jq "$@" <<<"$json" 2>&1; echo "status $?")" \
		"$(PATH=/nonexistent "$HELPERS/query" "$@" <<<"$json" 2>&1; echo "status $?")"
}
while IFS= read -r program; do
	alike -c "$program"
done <<'END'
.
.a, .b
.a[1:3], .a[2:], .a[0], .a[9]
.["dotted.key"], ."dotted.key".x
.flags | index("UP") != null
.interfaces[].name | sub("^veth[0-9a-f]{8}$"; "vethX")
[.interfaces[].sandbox | tostring] | join(" ")
[.ips[].address | select(contains(".")) | split("/")[0]][0]
[.ips[] | .address + "/" + (.address | split("/")[1])] | sort | join(" ")
[.ips[].interface] | unique
.a | unique, sort, length, add, (map(select(. > 1)) | length)
.interfaces | map(select(has("mac"))) | length
.interfaces | sort_by(.name) | .[0].name
.nope // "default", (.no // empty), (.yes // 1)
"\(.cniVersion) \(.a)|\(.text)|\(.b)"
[.nftables[] | (.set // .map // empty) | select(.table == "hawser")] as $all | [$all[].elem[]?] | length
[.nftables[].rule.expr[]?.counter?.packets // empty] | add // 0
[.nftables[].rule | values | "\(.comment) \(.expr[] | .counter? // empty | .packets)"] | join(", ")
.nftables[].set.name? // empty
.runtimeConfig={mac:"02:00:00:00:00:03"} | .mtu=-1 | .args.cni.ips[1]="x"
.interfaces |= map(select(.sandbox)) | del(.ips[].interface) | del(.text, .nftables)
.a |= .[0:1] | .interfaces[] |= (.mac = "MAC" | .name |= sub("^veth.*"; "VETH"))
. + {prevResult: {"x": [1]}} | keys
{cniVersion, ips: [.ips[] | {address}], "k\(1)": 2, ("z"): .yes | not}
if .b then 1 elif .yes then "two" else 3 end, (if .empty == {} then del(.empty) | .empty else . end)
keys - ["a"] | length
.a == [3,1,2,1], .a < [4], .text > "a", ("b" == 1), .yes and .no, .yes or .no
[range(3)], [range(2; 5) | {n: .}], (5 - 3) * 4 / 2 % 3
.text | length, startswith("a"), endswith("é"), contains("quoted"), split(" ")
.cniVersion | index("."), test("a|[0-9]+"), test("^2"), test("1.1"), sub("[.]"; "-")
(.a | any(. == 2)), (.a | all), (.none | add), (.none | join("-"))
.a | map(tostring | tonumber) | map(type)
[.empty, .none, .b] | map(length)
[.a[] as $x | $x + 1] | map(select(. != 2))
.interfaces[1].name, .interfaces[7].name, .b.c.d # and a comment
END
alike .
alike -S '{b: .b, a: {d: 1, c: .a}}'
alike -r '.cniVersion, .text, .a, .empty'
alike -e .no
alike -e .yes
alike -e empty
alike -s 'length'
alike -nc --arg t "bridge \"x\"" --argjson more '{"y":[]}' '{type: $t} + $more + {named: $ARGS.named}'
alike -nc '{addresses: [$ARGS.positional[] | {address: .}]}' --args 10.88.0.2/24 fd00::2/64
echo '[{"x":1}] "second"' >/run/values
alike -c --slurpfile prev /run/values '.empty + {prev: $prev[0]}'
alike -c . /run/values /run/values
json=' 1 "two" [3]
{"four":4}'
alike -c .
json=''
alike .

# jq's business: the answer is jq's, whatever it is
json='{"a":[1,2.50,12345678901234567890],"u":"\u0001é"}'
while IFS= read -r program; do
	same "left to jq: $program" "$(command jq -c "$program" <<<"$json" 2>&1; echo "status $?")" "$(jq -c "$program" <<<"$json" 2>&1; echo "status $?")"
done <<'END'
.a[1:], .u
reduce .a[] as $x (0; . + $x)
.a.b
.a[
.a | @csv
.u | explode
nosuch
END
json='{"a":1} {'
same "left to jq: input that ends early" "$(command jq .a <<<"$json" 2>&1; echo "status $?")" "$(jq .a <<<"$json" 2>&1; echo "status $?")"
same "left to jq: no such file" "$(command jq . /run/none 2>&1; echo "status $?")" "$(jq . /run/none 2>&1; echo "status $?")"
same "left to jq: options" "$(command jq --tab . <<<'{"a":1}')" "$(jq --tab . <<<'{"a":1}')"
done_testing
