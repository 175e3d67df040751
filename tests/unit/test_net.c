/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Unit tests of nl, link, addr, route, netns, sysctl, veth and container, in private namespaces. */
#include "addr.h"
#include "cleanup.h"
#include "container.h"
#include "link.h"
#include "netns.h"
#include "route.h"
#include "sysctl.h"
#include "veth.h"

#include <fcntl.h>
#include <linux/if_addr.h>
#include <linux/if_link.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

static const uint8_t mac_a[6] = { 2, 0, 0, 0, 0, 1 }, mac_b[6] = { 2, 0, 0, 0, 0, 2 };

/* A fresh host namespace for each test. */
static int new_host(void **state)
{
	struct nlk *nl = malloc(sizeof(*nl));

	if (!nl || unshare(CLONE_NEWNET) < 0 || nlk_open(nl) < 0)
		return -1;
	*state = nl;
	return 0;
}

static int drop_host(void **state)
{
	nlk_close(*state);
	free(*state);
	return 0;
}

/* A second namespace, to be a container; the process stays where it is. */
static int new_container(void)
{
	int home = netns_current(), fd;

	assert_true(home >= 0);
	assert_int_equal(unshare(CLONE_NEWNET), 0);
	fd = netns_current();
	assert_true(fd >= 0);
	assert_int_equal(netns_enter(home), 0);
	close(home);
	return fd;
}

static struct ip_net net(const char *text)
{
	struct ip_net n;

	assert_int_equal(ip_net_parse(text, &n), 0);
	return n;
}

static void test_link_get_missing(void **state)
{
	struct link_info info = { .index = 77 };

	assert_int_equal(link_get(*state, "nosuch", &info), -ENODEV);
	assert_int_equal(info.index, 77);
	assert_int_equal(link_get_index(*state, 4242, &info), -ENODEV);
}

static void test_bridge_and_veth(void **state)
{
	struct nlk *nl = *state;
	autoclose int container = new_container();
	struct link_info bridge, made, again;
	struct link_veth veth = { .host_name = "vhost",
				  .peer_name = "eth0",
				  .host_mac = mac_a,
				  .peer_mac = mac_b,
				  .mtu = 1400,
				  .netns_fd = container };

	assert_int_equal(link_add_bridge(nl, "br0", mac_b, 0, false), 0);
	assert_int_equal(link_add_bridge(nl, "br0", mac_b, 0, false), -EEXIST);
	assert_int_equal(link_get(nl, "br0", &bridge), 0);
	assert_string_equal(bridge.kind, "bridge");
	assert_memory_equal(bridge.mac, mac_b, 6);
	veth.master = bridge.index;
	assert_int_equal(link_add_veth(nl, &veth, &made), 0);
	assert_int_equal(made.mtu, 1400);
	assert_true(made.peer > 0);
	assert_int_equal(link_add_veth(nl, &veth, &again), -EEXIST);
	link_queue_port(nl, made.index, true, true);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(link_get_index(nl, made.index, &again), 0);
	assert_int_equal(again.master, bridge.index);
	assert_int_equal(again.hairpin, 1);
	assert_int_equal(again.isolated, 1);
	assert_int_equal(link_count_ports(nl, bridge.index), 1);
	assert_int_equal(link_wait_running(nl, made.index, 20), -ETIMEDOUT);
	assert_int_equal(link_del_announced(made.index), 0);
	assert_int_equal(link_get(nl, "vhost", &again), -ENODEV);
	assert_int_equal(link_del_announced(made.index), -ENODEV);
	assert_int_equal(link_count_ports(nl, bridge.index), 0);
}

static void test_addresses_and_routes(void **state)
{
	struct nlk *nl = *state;
	struct link_veth veth = { .host_name = "a",
				  .peer_name = "b",
				  .host_mac = mac_a,
				  .peer_mac = mac_b,
				  .netns_fd = -1 };
	struct ip_net v4 = net("10.9.0.1/24"), v6 = net("fd09::1/64");
	struct cni_route route = {
		.dst = net("10.10.0.0/16"), .priority = 7, .mtu = 1300, .table = 99, .scope = -1
	};
	struct link_info made;
	struct addr_list list;

	assert_int_equal(link_add_veth(nl, &veth, &made), 0);
	addr_queue_add(nl, made.index, &v4, IFA_F_NODAD);
	addr_queue_add(nl, made.index, &v6, IFA_F_NODAD);
	link_queue_flags(nl, "set b up", made.peer, IFF_UP, IFF_UP);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(addr_list_get(nl, made.index, AF_INET, &list), 0);
	assert_int_equal(list.n, 1);
	assert_true(ip_equal(&list.a[0].net.ip, &v4.ip));
	assert_int_equal(list.a[0].net.len, 24);
	addr_queue_add(nl, made.index, &v4, IFA_F_NODAD);
	assert_int_equal(nlk_send(nl, NULL, NULL), -EEXIST);
	assert_string_equal(nl->failed, "add an address");
	assert_int_equal(addr_wait_dad(nl, made.index, 5000), 0);
	assert_int_equal(ip_parse("10.9.0.2", &route.gw), 0);
	assert_int_equal(route_find(nl, made.index, &route), 0);
	route_queue_add(nl, made.index, &route, false);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(route_find(nl, made.index, &route), 1);
	route.priority = 8;
	assert_int_equal(route_find(nl, made.index, &route), 0);
	addr_queue_del(nl, made.index, &v4);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(addr_list_get(nl, made.index, AF_INET, &list), 0);
	assert_int_equal(list.n, 0);
}

/* The kernel goes on behind an error: the first one is reported, the other requests happened. */
static void test_batch_keeps_first_error(void **state)
{
	struct nlk *nl = *state;
	struct ip_net v4 = net("10.9.0.1/24");
	struct addr_list list;
	struct link_info lo;

	assert_int_equal(link_get(nl, "lo", &lo), 0);
	link_queue_flags(nl, "first", 4242, IFF_UP, IFF_UP);
	addr_queue_add(nl, lo.index, &v4, 0);
	assert_int_equal(nlk_send(nl, NULL, NULL), -ENODEV);
	assert_string_equal(nl->failed, "first");
	assert_int_equal(nl->failed_index, 0);
	assert_int_equal(addr_list_get(nl, lo.index, AF_INET, &list), 0);
	assert_int_equal(list.n, 1);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
}

static void test_netns_open(void **state)
{
	struct cni_err err = { 0 };
	char path[64];
	autoclose int container = new_container();

	(void)state;
	assert_int_equal(netns_open("/nonexistent/ns", &err), -ENOENT);
	assert_int_equal(err.code, CNI_E_ENV);
	err.code = 0;
	assert_true(netns_open("/dev/null", &err) < 0);
	assert_int_equal(err.code, CNI_E_ENV);
	assert_non_null(strstr(err.msg, "/dev/null"));
	err.code = 0;
	assert_true(netns_open("/proc/self/ns/net", &err) < 0);
	assert_int_equal(err.code, CNI_E_NETNS);
	err.code = 0;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", container);
	{
		autoclose int fd = netns_open(path, &err);

		assert_true(fd >= 0);
		assert_int_equal(err.code, 0);
	}
}

static void test_sysctl(void **state)
{
	int value = -5;

	(void)state;
	assert_int_equal(sysctl_get("net/ipv4/nosuchkey", &value), -ENOENT);
	assert_int_equal(value, -5);
	assert_int_equal(sysctl_set_conf("ipv4", "lo", "arp_notify", 1), 0);
	assert_int_equal(sysctl_get("net/ipv4/conf/lo/arp_notify", &value), 0);
	assert_int_equal(value, 1);
}

static void test_veth_ids(void **state)
{
	struct veth_ids a, b;
	struct ip_addr ip;
	uint8_t mac[6];

	(void)state;
	veth_ids("net", "ab", "c", &a);
	veth_ids("net", "a", "bc", &b);
	assert_int_equal(strlen(a.host_name), 12);
	assert_memory_equal(a.host_name, "veth", 4);
	assert_string_not_equal(a.host_name, b.host_name);
	assert_memory_not_equal(a.host_mac, a.peer_mac, 6);
	assert_int_equal(a.host_mac[0] & 3, 2);
	veth_ids("net", "ab", "c", &b);
	assert_memory_equal(&a, &b, sizeof(a));
	assert_int_equal(ip_parse("10.1.2.3", &ip), 0);
	veth_mac_of_ip(&ip, mac);
	assert_memory_equal(mac, "\x0a\x58\x0a\x01\x02\x03", 6);
}

/* A link that has the derived name but not the derived MAC belongs to somebody else. */
static void test_veth_remove_spares_strangers(void **state)
{
	struct nlk *nl = *state;
	struct cni_call call = { .network = "net", .container_id = "box", .ifname = "eth0" };
	struct cni_err err = { 0 };
	struct link_info made;
	struct veth_ids ids;
	struct link_veth veth = { .host_name = ids.host_name,
				  .peer_name = "peer",
				  .host_mac = mac_a,
				  .peer_mac = mac_b,
				  .netns_fd = -1 };

	veth_ids("net", "box", "eth0", &ids);
	assert_int_equal(link_add_veth(nl, &veth, &made), 0);
	assert_int_equal(veth_remove(&call, "box", "eth0", false, &err), 0);
	assert_int_equal(link_get(nl, ids.host_name, &made), 0);
	assert_int_equal(link_del(nl, made.index), 0);
	veth.host_mac = ids.host_mac;
	assert_int_equal(link_add_veth(nl, &veth, &made), 0);
	assert_int_equal(veth_remove(&call, "box", "eth0", true, &err), 0);
	assert_int_equal(link_get(nl, ids.host_name, &made), -ENODEV);
	assert_int_equal(veth_remove(&call, "box", "eth0", true, &err), 0);
}

static void test_container_configure(void **state)
{
	struct nlk *nl = *state;
	autoclose int container = new_container(), home = netns_current();
	struct link_veth veth = { .host_name = "h",
				  .peer_name = "eth0",
				  .host_mac = mac_a,
				  .peer_mac = mac_b,
				  .netns_fd = container };
	struct cni_result res = { 0 };
	struct cni_ip ip = { .iface = 0, .address = net("10.9.0.5/24") };
	struct cni_route route = { .dst = net("0.0.0.0/0"), .table = -1, .scope = -1 };
	struct container_setup setup = {
		.netns_fd = container, .ifname = "eth0", .up = true, .result = &res
	};
	struct cni_err err = { 0 };
	struct link_info made;
	autonlk struct nlk inside = { 0 };

	assert_int_equal(ip_parse("10.9.0.1", &ip.gateway), 0);
	result_add_ip(&res, &ip);
	result_add_route(&res, &route);
	assert_int_equal(link_add_veth(nl, &veth, &made), 0);
	setup.index = made.peer;
	assert_int_equal(container_configure(&setup, &err), 0);
	assert_int_equal(link_wait_running(nl, made.index, 5000), 0);
	assert_int_equal(netns_enter(container), 0);
	assert_int_equal(nlk_open(&inside), 0);
	route.gw = ip.gateway;
	assert_int_equal(route_find(&inside, made.peer, &route), 1);
	assert_int_equal(netns_enter(home), 0);
	/* the same again fails, and leaves the process on the host */
	assert_int_equal(container_configure(&setup, &err), -EEXIST);
	assert_int_equal(err.code, CNI_E_FAILED);
	assert_int_equal(link_get(nl, "h", &made), 0);
	result_free(&res);
}

static void put_mode(struct nlk *nl, struct nl_msg *m, const void *mode)
{
	nlk_put_u32(nl, m, IFLA_MACVLAN_MODE, *(const uint32_t *)mode);
}

/* A link on a master, made in another namespace, found and removed there. */
static void test_child(void **state)
{
	struct nlk *nl = *state;
	autoclose int container = new_container(), home = netns_current();
	uint32_t mode = MACVLAN_MODE_VEPA;
	struct link_veth veth = { .host_name = "m",
				  .peer_name = "n",
				  .host_mac = mac_a,
				  .peer_mac = mac_b,
				  .netns_fd = -1 };
	struct link_child child = { .kind = "macvlan",
				    .name = "eth0",
				    .netns_fd = container,
				    .mtu = 1400,
				    .mac = mac_b,
				    .put_data = put_mode,
				    .arg = &mode };
	struct container_link gone = { .name = "eth0",
				       .kind = "macvlan",
				       .netns_id = "cookie ffffffff" };
	struct cni_err err = { 0 };
	struct link_info master, info;
	autonlk struct nlk inside = { 0 };
	char path[64], id[NETNS_ID_STRLEN];

	assert_int_equal(link_add_veth(nl, &veth, &master), 0);
	child.master = master.index;
	assert_int_equal(link_add_child(nl, &child), 0);
	assert_int_equal(link_get(nl, "eth0", &info), -ENODEV);
	assert_int_equal(link_add_child(nl, &child), -EEXIST);
	child.kind = "nosuchkind";
	child.name = "other";
	assert_int_equal(link_add_child(nl, &child), -EOPNOTSUPP);
	assert_int_equal(netns_enter(container), 0);
	assert_int_equal(nlk_open(&inside), 0);
	assert_int_equal(link_get(&inside, "eth0", &info), 0);
	assert_string_equal(info.kind, "macvlan");
	assert_int_equal(info.mode, MACVLAN_MODE_VEPA);
	assert_int_equal(info.peer, master.index);
	assert_int_equal(info.mtu, 1400);
	assert_memory_equal(info.mac, mac_b, 6);
	link_queue_rename(&inside, info.index, "eth1");
	assert_int_equal(nlk_send(&inside, NULL, NULL), 0);
	netns_id(id);
	assert_int_equal(netns_enter(home), 0);
	assert_string_not_equal(netns_id(path), id);

	snprintf(path, sizeof(path), "/proc/self/fd/%d", container);
	gone.netns = path;
	assert_int_equal(container_remove_link(&gone, &err), 0); /* the name */
	gone.name = "eth1";
	assert_int_equal(container_remove_link(&gone, &err), 0); /* the namespace */
	gone.netns_id = id;
	gone.kind = "veth";
	assert_int_equal(container_remove_link(&gone, &err), 0);
	gone.kind = "macvlan";
	assert_int_equal(container_remove_link(&gone, &err), 1);
	assert_int_equal(container_remove_link(&gone, &err), 0);
	gone.netns = "/nonexistent/ns";
	assert_int_equal(container_remove_link(&gone, &err), 0);
	assert_int_equal(err.code, 0);
	assert_int_equal(link_get(nl, "m", &info), 0);
}

static void test_default_interface(void **state)
{
	struct nlk *nl = *state;
	struct ip_net v4 = net("10.9.0.1/24"), v6 = net("fd09::1/64");
	struct cni_route route = {
		.dst = net("0.0.0.0/0"), .priority = 9, .table = -1, .scope = -1
	};
	struct link_veth veth = { .host_name = "a",
				  .peer_name = "b",
				  .host_mac = mac_a,
				  .peer_mac = mac_b,
				  .netns_fd = -1 };
	struct link_info a;

	assert_int_equal(link_add_veth(nl, &veth, &a), 0);
	link_queue_flags(nl, "set b up", a.peer, IFF_UP, IFF_UP);
	addr_queue_add(nl, a.index, &v4, 0);
	addr_queue_add(nl, a.peer, &v6, IFA_F_NODAD);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(route_default_interface(nl), -ENODEV);
	/* routes to somewhere, and in another table, are none */
	route.dst = net("10.0.0.0/8");
	route_queue_add(nl, a.index, &route, false);
	route.dst = net("0.0.0.0/0");
	route.table = 99;
	route_queue_add(nl, a.index, &route, false);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(route_default_interface(nl), -ENODEV);
	route.table = -1;
	route.dst = net("::/0");
	route_queue_add(nl, a.peer, &route, false);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(route_default_interface(nl), a.peer);
	route.dst = net("0.0.0.0/0");
	route_queue_add(nl, a.index, &route, false);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(route_default_interface(nl), a.index);
	route.priority = 3;
	route_queue_add(nl, a.peer, &route, false);
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(route_default_interface(nl), a.peer);
}

static bool is_up(const struct link_info *info, const void *arg)
{
	(void)arg;
	return info->flags & IFF_UP;
}

static void test_move(void **state)
{
	struct nlk *nl = *state;
	autoclose int home = netns_current(), container = new_container();
	autonlk struct nlk inside = { 0 };
	struct link_veth veth = { .host_name = "hw0",
				  .peer_name = "far",
				  .host_mac = mac_a,
				  .peer_mac = mac_b,
				  .netns_fd = -1 };
	struct link_info info, found = { .index = 77 };
	char text[LINK_HW_STRLEN];

	assert_int_equal(link_find(nl, is_up, NULL, &found), -ENODEV);
	assert_int_equal(found.index, 77);
	assert_int_equal(link_add_veth(nl, &veth, &info), 0);
	assert_int_equal(nlk_open_in(&inside, container), 0);
	assert_int_equal(netns_inode(container) == netns_inode(home), 0);
	link_queue_move(nl, info.index, container, "eth0", "hw0");
	assert_int_equal(nlk_send(nl, NULL, NULL), 0);
	assert_int_equal(link_get(nl, "hw0", &info), -ENODEV);
	assert_int_equal(link_find(&inside, link_has_alias, "hw0", &found), 0);
	assert_string_equal(found.name, "eth0");
	assert_int_equal(found.flags & IFF_UP, 0);
	assert_string_equal(link_hw_str(&found, text), "02:00:00:00:00:01");
	/* back, while the host has the name: nothing moves */
	assert_int_equal(link_add_bridge(nl, "hw0", mac_b, 0, false), 0);
	assert_int_equal(link_add_bridge(nl, "eth0", mac_b, 0, false), 0);
	link_queue_move(&inside, found.index, home, "hw0", "");
	assert_int_equal(nlk_send(&inside, NULL, NULL), -EEXIST);
	assert_int_equal(link_get(&inside, "eth0", &info), 0);
	/* and once it is free */
	assert_int_equal(link_get(nl, "hw0", &info), 0);
	assert_int_equal(link_del(nl, info.index), 0);
	link_queue_move(&inside, found.index, home, "hw0", "");
	assert_int_equal(nlk_send(&inside, NULL, NULL), 0);
	assert_int_equal(link_get(nl, "hw0", &info), 0);
	assert_string_equal(info.alias, "");
}

static void test_netns_reopen(void **state)
{
	autoclose int container = new_container();
	char path[64];
	int fd;

	(void)state;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", container);
	fd = netns_reopen(path, netns_inode(container));
	assert_true(fd >= 0);
	assert_int_equal(netns_inode(fd), netns_inode(container));
	close(fd);
	assert_int_equal(netns_reopen(path, netns_inode(container) + 1), -ENOENT);
	assert_true(netns_reopen(NULL, 1) < 0);
	assert_true(netns_reopen("/run/netns/none", 1) < 0);
	assert_int_equal(netns_inode(-1), 0);
}

int main(void)
{
#define NET_TEST(t) cmocka_unit_test_setup_teardown(t, new_host, drop_host)
	const struct CMUnitTest tests[] = {
		NET_TEST(test_link_get_missing),
		NET_TEST(test_bridge_and_veth),
		NET_TEST(test_addresses_and_routes),
		NET_TEST(test_batch_keeps_first_error),
		NET_TEST(test_netns_open),
		NET_TEST(test_sysctl),
		NET_TEST(test_veth_ids),
		NET_TEST(test_veth_remove_spares_strangers),
		NET_TEST(test_container_configure),
		NET_TEST(test_child),
		NET_TEST(test_default_interface),
		NET_TEST(test_move),
		NET_TEST(test_netns_reopen),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
