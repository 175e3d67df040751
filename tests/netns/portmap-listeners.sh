# SPDX-License-Identifier: GPL-2.0-or-later
# portmap, nftables backend: ports that processes of the host serve already.
. "$(dirname "$0")/lib.sh"
. "$(dirname "$0")/../nat-lib.sh"

# --- a process of the host
town cafe0123 b
cp /usr/bin/sleep /run/sleep
cp "$(readlink -f /usr/bin/python3)" /run/conmon
wait_python=(-SE -c 'import time; time.sleep(300)')
publish "to have a table" b "$(ports "$(map 1 1)")"
for proto in tcp udp; do
	for where in 0.0.0.0 192.0.2.1 127.0.0.1 :: ::1 2001:db8:1::1; do
		background host /run/hold hold $proto 8080 $where
		refused "a process serves $proto on $where" 999 "\"hostPort\": $proto port 8080 is served by python3 (pid $PID)" cafe0123 "$(ports "$(map 8080 80 $proto)")"
		[ $where != 192.0.2.1 ] || {
			refused "a process serves $proto on $where, hostIP" 999 "served by python3 (pid $PID)" cafe0123 "$(ports "$(map 8080 80 $proto 192.0.2.1)")"
			succeeds "a process serves $proto on $where, another hostIP" portmap ADD cafe0123 "$(chained portmap net cafe0123 "$(ports "$(map 8080 80 $proto 198.51.100.1)")")"
			unpublish "DEL" cafe0123
		}
		refused "a process serves $proto on $where, range" 999 "port 8080 is served by python3 (pid $PID)" cafe0123 "$(ports "$(map 8000 8000 $proto "" 100)")"
		publish "checkHostPorts false, $proto on $where" cafe0123 "$(ports "$(map 8080 80 $proto)"),\"checkHostPorts\":false"
		unpublish "DEL" cafe0123
		stop_servers
	done
	publish "nobody serves $proto any more" cafe0123 "$(ports "$(map 8080 80 $proto)")"
	unpublish "DEL" cafe0123
	background host /run/hold hold $proto 8080 0.0.0.0 /run/sleep 300
	wait_for 2 grep -qx sleep /proc/$PID/comm
	publish "a sleeping place holder has $proto" cafe0123 "$(ports "$(map 8080 80 $proto)")"
	unpublish "DEL" cafe0123
	stop_servers
	background host /run/hold hold $proto 8080 0.0.0.0 /run/conmon "${wait_python[@]}" --cid cafe0123
	wait_for 2 grep -qx conmon /proc/$PID/comm
	publish "conmon of this container has $proto" cafe0123 "$(ports "$(map 8080 80 $proto)")"
	unpublish "DEL" cafe0123
	stop_servers
	background host /run/hold hold $proto 8080 0.0.0.0 /run/conmon "${wait_python[@]}" --cid beef4567
	wait_for 2 grep -qx conmon /proc/$PID/comm
	refused "conmon of another container has $proto" 999 "served by conmon (pid $PID)" cafe0123 "$(ports "$(map 8080 80 $proto)")"
	stop_servers
	# a place holder on one address does not excuse a server on another
	background host /run/hold hold $proto 8080 127.0.0.1 /run/sleep 300
	wait_for 2 grep -qx sleep /proc/$PID/comm
	background host /run/hold2 hold $proto 8080 192.0.2.1
	refused "a place holder for $proto on one address, a server on another" 999 "served by python3 (pid $PID)" cafe0123 "$(ports "$(map 8080 80 $proto)")"
	stop_servers
	background host /run/hold hold $proto 8080 192.0.2.1
	server=$PID
	background host /run/hold2 hold $proto 8080 127.0.0.1 /run/sleep 300
	wait_for 2 grep -qx sleep /proc/$PID/comm
	refused "the same the other way round, $proto" 999 "served by python3 (pid $server)" cafe0123 "$(ports "$(map 8080 80 $proto)")"
	refused "the server's address alone, $proto" 999 "served by python3 (pid $server)" cafe0123 "$(ports "$(map 8080 80 $proto 192.0.2.1)")"
	stop_servers
	background host /run/hold hold $proto 8080 198.51.100.1
	background host /run/hold2 hold $proto 8080 192.0.2.1
	refused "the server at the hostIP is named, not one elsewhere, $proto" 999 "(pid $PID)" cafe0123 "$(ports "$(map 8080 80 $proto 192.0.2.1)")"
	stop_servers
done
background cafe0123 /run/hold hold tcp 8080 0.0.0.0
publish "a server in a container is none of the host" cafe0123 "$(ports "$(map 8080 80)")"
unpublish "DEL" cafe0123
town a
background host /run/hold hold tcp 8080
refused "a process of the host, nothing of ours in nft yet" 999 "served by python3" a "$(ports "$(map 8080 80)")"
done_testing
