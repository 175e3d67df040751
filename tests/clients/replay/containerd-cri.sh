# SPDX-License-Identifier: GPL-2.0-or-later
# containerd's CRI: the lists cni-loopback (0.3.1) and the pod's network are set up at the same time in one netns.
pods=$(seq 8)
# shellcheck disable=SC2086
make_container $(printf 'pod%s ' $pods)
lo='{"cniVersion":"0.3.1","name":"cni-loopback","plugins":[{"type":"loopback"}]}'
net='{"cniVersion":"1.0.0","name":"containerd-net","plugins":[
	{"type":"bridge","bridge":"cni0","isGateway":true,"ipMasq":true,"promiscMode":true,
	 "ipam":{"type":"host-local","ranges":[[{"subnet":"10.88.0.0/16"}],[{"subnet":"2001:4860:4860::/64"}]],"routes":[{"dst":"0.0.0.0/0"},{"dst":"::/0"}]}},
	{"type":"portmap","capabilities":{"portMappings":true}}]}'
# Both lists of a pod at once. usage: both VERB POD; what they say goes to /run/client/POD.*
both() {
	local verb=$1 pod=$2 which
	for which in lo net; do
		(
			out=$work/$pod.$which.out err=$work/$pod.$which.err
			network "${!which}"
			ARGS="IgnoreUnknown=1;K8S_POD_NAMESPACE=n;K8S_POD_NAME=$pod;K8S_POD_INFRA_CONTAINER_ID=$pod;K8S_POD_UID=1"
			CAPS="{\"portMappings\":[{\"HostPort\":$((9000 + ${pod#pod})),\"ContainerPort\":80,\"Protocol\":\"tcp\",\"HostIP\":\"\"}]}"
			work=$work/$pod.$which
			mkdir -p "$work"
			"$verb" "$verb $pod $which" "$pod" "$([ $which = lo ] && echo lo || echo eth0)"
		) >"$work/$pod.$which.log" 2>&1 &
	done
}
for verb in add del; do
	jobs=()
	for n in $pods; do
		both $verb "pod$n"
		jobs+=("$(jobs -p | tail -n 2 | head -n 1)" "$(jobs -p | tail -n 1)")
	done
	wait "${jobs[@]}"
	same "containerd: $verb of lo and eth0 at once, eight pods at once" "16 ok" "$(cat $work/*.log | grep -c '^ok') ok"
	grep -h -A5 '^not ok' $work/*.log
	[ $verb = add ] || continue
	same "containerd: eth0 holds the addresses" 8 "$(cat $work/pod*.net/pod*.eth0 | jq -r '.interfaces[.ips[0].interface].name' | grep -c eth0)"
	same "containerd: lo is up everywhere" 8 "$(for n in $pods; do ip -n "pod$n" -o link show lo up; done | wc -l)"
	serve pod8 tcp:80
	check "containerd: a port" answers pod8 outside 192.0.2.1 9008
	rm -f $work/*.log
done
no_rules "containerd: nothing is left"
