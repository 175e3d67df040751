# SPDX-License-Identifier: GPL-2.0-or-later
# A real etcd for tests and fixtures: started in a fraction of a second, ended by its pid.
# What it needs is in a folder: data, pid, certificates, log, the client's options.

# Start etcd, and wait until it serves; its data are those that the folder has.
# usage: etcd_start DIR PORT [--tls | --client-certs] [OPTION-OF-ETCD...]; the peers' port is PORT + 1
# --tls: with certificates of etcd_certs; --client-certs: and it wants one of the client, too.
# ADDRESS (127.0.0.1) is where it listens, RUN a command that runs others elsewhere (in_host n1).
etcd_start() {
	local dir=$1 port=$2 address=${ADDRESS:-127.0.0.1} scheme=http tls=()
	shift 2
	case ${1:-} in
	--tls | --client-certs)
		scheme=https tls=(--cert-file "$dir/server.pem" --key-file "$dir/server.key")
		[ "$1" = --tls ] || tls+=(--trusted-ca-file "$dir/ca.pem" --client-cert-auth)
		shift
		;;
	esac
	mkdir -p "$dir/data" && chmod 700 "$dir/data"
	: >"$dir/log"
	echo "$scheme://$address:$port" >"$dir/endpoint"
	# shellcheck disable=SC2016
	${RUN:-} bash -c 'echo $$ >"$1/pid"; exec etcd "${@:2}" </dev/null >"$1/log" 2>&1 3>&- 4>&- 5>&- 6>&- 7>&- 8>&- 9>&-' - "$dir" \
		--name test --data-dir "$dir/data" --unsafe-no-fsync --bcrypt-cost 4 --heartbeat-interval 20 --election-timeout 100 "${tls[@]}" \
		--listen-client-urls "$scheme://$address:$port" --advertise-client-urls "$scheme://$address:$port" \
		--listen-peer-urls "http://$address:$((port + 1))" --initial-advertise-peer-urls "http://$address:$((port + 1))" \
		--initial-cluster "test=http://$address:$((port + 1))" "$@" &
	etcd_wait_ready "$dir"
}
etcd_wait_ready() {
	local end=$((SECONDS + 30))
	until grep -q 'ready to serve client requests' "$1/log"; do
		if [ $SECONDS -ge $end ] || { [ -s "$1/pid" ] && ! kill -0 "$(cat "$1/pid")" 2>/dev/null; }; then
			tail -n 5 "$1/log" >&2
			return 1
		fi
		sleep 0.02
	done
}

# The end of a machine: nothing is said to anybody. usage: etcd_stop DIR
etcd_stop() {
	local pid
	pid=$(cat "$1/pid" 2>/dev/null) || return 0
	rm -f "$1/pid"
	kill -KILL "$pid"
	while kill -0 "$pid"; do sleep 0.02; done
	wait "$pid" || :
} 2>/dev/null

# A CA and what it signed: server.pem (for NAME... too), client.pem, and other-ca.pem, which signed nothing.
# usage: etcd_certs DIR [IP:ADDRESS | DNS:NAME...]
etcd_certs() {
	local dir=$1 names=IP:127.0.0.1,DNS:localhost who new=(-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -noenc)
	shift
	mkdir -p "$dir"
	for who in "$@"; do names+=,$who; done
	for who in ca other-ca; do
		openssl req -x509 "${new[@]}" -subj "/CN=$who" -days 2 -keyout "$dir/$who.key" -out "$dir/$who.pem"
	done
	# the gateway refuses certificates of clients that have a common name
	for who in "server /CN=etcd serverAuth,clientAuth" "client /O=nodes clientAuth"; do
		# shellcheck disable=SC2086
		set -- $who
		openssl req "${new[@]}" -subj "$2" -keyout "$dir/$1.key" -out "$dir/$1.csr"
		openssl x509 -req -in "$dir/$1.csr" -CA "$dir/ca.pem" -CAkey "$dir/ca.key" -CAcreateserial -days 2 -out "$dir/$1.pem" \
			-extfile <(echo "subjectAltName=$([ "$1" = client ] && echo DNS:node || echo "$names")"; echo "extendedKeyUsage=$3")
	done
} >/dev/null 2>&1

# etcdctl. usage: etcd_ctl DIR ARGUMENT...
etcd_ctl() {
	local dir=$1 tls=()
	shift
	[ ! -e "$dir/ca.pem" ] || tls=(--cacert "$dir/ca.pem" --cert "$dir/client.pem" --key "$dir/client.key")
	ETCDCTL_API=3 etcdctl --endpoints "$(cat "$dir/endpoint")" "${tls[@]}" "$@"
}

# tests/netns/etcd_driver.c as a client that goes on, its commands one by one; quicker than etcdctl.
# usage: etcd_client ENDPOINT... ; says COMMAND; end_client
etcd_client() {
	rm -f /run/client-{in,out}
	mkfifo /run/client-{in,out}
	"$BIN/etcd_driver" "$@" </run/client-in >/run/client-out 2>/run/client-err &
	client_pid=$!
	exec 8>/run/client-in 9</run/client-out
}
says() {
	local line
	echo "$*" >&8
	while IFS= read -t 30 -r line <&9; do
		[ "$line" = "ok 0" ] || echo "$line"
		case $line in ok\ * | error\ *) return ;; esac
	done
	echo "no answer"
}
end_client() {
	exec 8>&-
	wait $client_pid
	same "the client ends well" 0 $?
	exec 9<&-
}
