// SPDX-License-Identifier: GPL-2.0-or-later
/*
 * The hosts of the measure "overlay": two for each way, with a veth pair as underlay. Those of
 * flannel's data path (VXLAN device, routed bridge, its iptables rules, bridge netfilter on) and of
 * the bridge that has the VXLAN device as a port are made by hand.
 */
#include "overlay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <linux/ethtool.h>
#include <linux/sockios.h>
#include <net/if.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define PORT	5201
#define CONF	"/run/vxlan.conf"
#define FLANNEL "/run/flannel.rules"

const char *const way_name[N_WAYS] = { "host", "ours", "fast", "routed", "flannel", "bridge" };

static int inner_mtu; /* of those made by hand */

/* An interface eth0 of a container, at a bridge; runs on the host. */
static void at_bridge(const struct way *w, int i, const char *bridge, const char *address)
{
	shell("ip link add c0 index 900 mtu %d master %s type veth peer name eth0 mtu %d netns "
	      "/proc/%d/fd/%d && ip link set c0 up && nsenter --net=/proc/%d/fd/%d sh -ec "
	      "'ip addr add %s dev eth0; ip link set eth0 up'",
	      inner_mtu, bridge, inner_mtu, getpid(), pool_fd(w->container[i]), getpid(),
	      pool_fd(w->container[i]), address);
}

static void plain_make(const struct way *w, int i)
{
	char address[32];

	snprintf(address, sizeof(address), "10.5.0.%d/24", 2 + i);
	shell("ip link add br0 type bridge && ip link set br0 up && "
	      "ip link add vx0 mtu %d master br0 type vxlan id 42 dstport 4789 local 192.0.2.%d "
	      "remote 192.0.2.%d dev eth0 && ip link set vx0 up",
	      inner_mtu, 1 + i, 2 - i);
	at_bridge(w, i, "br0", address);
}

/* What flanneld 0.2x leaves in iptables for network 10.5.0.0/16 on this node. */
static void flannel_rules(int i)
{
	const char *net = "10.5.0.0/16";
	char own[32];

	snprintf(own, sizeof(own), "10.5.%d.0/24", 1 + i);
	file_write(FLANNEL,
		   "*nat\n:FLANNEL-POSTRTG - [0:0]\n-A POSTROUTING -j FLANNEL-POSTRTG\n"
		   "-A FLANNEL-POSTRTG -m mark --mark 0x4000/0x4000 -j RETURN\n"
		   "-A FLANNEL-POSTRTG -s %s -d %s -j RETURN\n"
		   "-A FLANNEL-POSTRTG -s %s -d %s -j RETURN\n"
		   "-A FLANNEL-POSTRTG ! -s %s -d %s -j RETURN\n"
		   "-A FLANNEL-POSTRTG -s %s ! -d 224.0.0.0/4 -j MASQUERADE --random-fully\n"
		   "-A FLANNEL-POSTRTG ! -s %s -d %s -j MASQUERADE --random-fully\nCOMMIT\n"
		   "*filter\n:FLANNEL-FWD - [0:0]\n-A FORWARD -j FLANNEL-FWD\n"
		   "-A FLANNEL-FWD -s %s -j ACCEPT\n-A FLANNEL-FWD -d %s -j ACCEPT\nCOMMIT\n",
		   own, net, net, own, net, own, net, net, net, net, net);
	shell("iptables-restore --noflush -w <" FLANNEL);
}

static void flannel_make(const struct way *w, int i)
{
	char address[32];
	int own = 1 + i, peer = 2 - i;

	snprintf(address, sizeof(address), "10.5.%d.2/24", own);
	shell("ip link add flannel.1 mtu %d address 02:00:00:00:00:0%d type vxlan id 1 dstport "
	      "8472 local 192.0.2.%d dev eth0 nolearning && ip addr add 10.5.%d.0/32 dev flannel.1 "
	      "&& ip link set flannel.1 up && ip neigh add 10.5.%d.0 lladdr 02:00:00:00:00:0%d dev "
	      "flannel.1 nud permanent && bridge fdb add 02:00:00:00:00:0%d dev flannel.1 dst "
	      "192.0.2.%d self permanent && ip route add 10.5.%d.0/24 via 10.5.%d.0 dev flannel.1 "
	      "onlink && ip link add cni0 mtu %d type bridge && ip addr add 10.5.%d.1/24 dev "
	      "cni0 && ip link set cni0 up",
	      inner_mtu, own, own, own, peer, peer, peer, peer, peer, peer, inner_mtu, own);
	at_bridge(w, i, "cni0", address);
	shell("nsenter --net=/proc/%d/fd/%d ip route add default via 10.5.%d.1", getpid(),
	      pool_fd(w->container[i]), own);
	flannel_rules(i);
	shell("sysctl -qw net.bridge.bridge-nf-call-iptables=1 2>/dev/null || true");
}

static bool is_ours(const struct way *w)
{
	return w->kind == OURS || w->kind == FAST || w->kind == ROUTED;
}

static void ours_make(const struct way *w, int i, const char *dir)
{
	struct tool tool = { "overlay", dir, NULL, NULL, 0, CONF };
	struct sample unused;

	file_write(CONF,
		   "{\"cniVersion\":\"1.1.0\",\"name\":\"bench\",\"type\":\"vxlan\",\"vni\":42,"
		   "\"network\":\"10.5.0.0/16\",\"node\":\"n%d\",\"fastPath\":%s,"
		   "\"directRouting\":%s,\"underlay\":{\"dev\":\"eth0\"},\"peers\":["
		   "{\"node\":\"n1\",\"vtep\":\"192.0.2.1\",\"subnet\":\"10.5.1.0/24\"},"
		   "{\"node\":\"n2\",\"vtep\":\"192.0.2.2\",\"subnet\":\"10.5.2.0/24\"}]}\n",
		   1 + i, w->kind == FAST ? "true" : "false", w->kind == ROUTED ? "true" : "false");
	cni_run(&tool, "vxlan", NULL, "ADD", "bench", w->container[i], &unused);
}

/* Where the server of the last way made can be reached. */
static void find_address(struct way *w)
{
	const char *key = "\"address\": \"", *at = strstr(proc_output(), key);
	char text[64] = "192.0.2.2";

	if (w->kind == PLAIN)
		strcpy(text, "10.5.0.3");
	if (w->kind == FLANNEL_PATH)
		strcpy(text, "10.5.2.2");
	if (is_ours(w) && (!at || sscanf(at + strlen(key), "%63[0-9.]", text) != 1))
		die("vxlan: no address in its result:\n%s", proc_output());
	w->to.sin_family = AF_INET;
	w->to.sin_port = htons(PORT);
	if (inet_pton(AF_INET, text, &w->to.sin_addr) != 1)
		die("no address: %s", text);
}

/* As a wire and a card without help: packets of many segments are cut before they are sent. */
static void cut_segments(const char *dev)
{
	static const uint32_t commands[] = { ETHTOOL_STSO, ETHTOOL_SGSO };
	int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);

	for (int i = 0; i < 2; i++) {
		struct ethtool_value off = { .cmd = commands[i] };
		struct ifreq ifr = { .ifr_data = (char *)&off };

		strcpy(ifr.ifr_name, dev);
		if (fd < 0 || ioctl(fd, SIOCETHTOOL, &ifr))
			die("segmentation offload of %s: %s", dev, strerror(errno));
	}
	close(fd);
}

void way_make(struct way *w, const struct scene *scene, const char *dir)
{
	inner_mtu = scene->mtu - 50;
	w->container[0] = pool_more(2);
	w->container[1] = w->container[0] + 1;
	node_make(&w->node[1]);
	node_make(&w->node[0]);
	shell("ip link add eth0 index 1000 type veth peer name eth0 netns /proc/%d/fd/%d", getpid(),
	      w->node[1].net);
	for (int i = 0; i < 2; i++) {
		node_enter(&w->node[i]);
		shell("ip addr add 192.0.2.%d/24 dev eth0 && ip link set eth0 mtu %d up && "
		      "echo 1 >/proc/sys/net/ipv4/ip_forward",
		      1 + i, scene->mtu);
		if (scene->wire)
			cut_segments("eth0");
		if (is_ours(w))
			ours_make(w, i, dir);
		if (w->kind == FLANNEL_PATH)
			flannel_make(w, i);
		if (w->kind == PLAIN)
			plain_make(w, i);
	}
	find_address(w);
	node_leave();
}
