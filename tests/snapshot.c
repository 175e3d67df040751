/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Prints what an attachment may leave on a host, in a stable order: links, addresses and routes of
 * this network namespace and of those in /run/netns, leases, attachment records, and the files
 * below further folders that are named. What the kernel changes by itself and later is left out:
 * carrier, link-local addresses and their routes. One process instead of a dozen, because tests
 * compare before and after each refused call.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>

#include <arpa/inet.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <net/if.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static char **lines;
static size_t n_lines;

static void die(const char *what)
{
	perror(what);
	exit(2);
}

static void add_line(const char *line)
{
	lines = realloc(lines, (n_lines + 1) * sizeof(*lines));
	if (!lines)
		die("realloc");
	lines[n_lines] = strdup(line);
	if (!lines[n_lines++])
		die("strdup");
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void print_sorted(void)
{
	qsort(lines, n_lines, sizeof(*lines), by_text);
	for (size_t i = 0; i < n_lines; i++) {
		puts(lines[i]);
		free(lines[i]);
	}
	n_lines = 0;
}

/* Attributes by their type; nothing here has more than 64 kinds. */
struct attrs {
	const struct nlattr *at[64];
};

static int take_attr(const struct nlattr *attr, void *arg)
{
	struct attrs *attrs = arg;

	if (mnl_attr_get_type(attr) < 64)
		attrs->at[mnl_attr_get_type(attr)] = attr;
	return MNL_CB_OK;
}

static uint32_t number(const struct attrs *attrs, int type)
{
	return attrs->at[type] ? mnl_attr_get_u32(attrs->at[type]) : 0;
}

static const char *device(uint32_t index, char name[IF_NAMESIZE])
{
	return index == 0 ? "-" : if_indextoname(index, name) ? name : "?";
}

static const char *address(int family, const struct nlattr *attr, char text[INET6_ADDRSTRLEN])
{
	return attr ? inet_ntop(family, mnl_attr_get_payload(attr), text, INET6_ADDRSTRLEN) : "-";
}

static int take_link(const struct nlmsghdr *hdr, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(hdr);
	struct attrs a = { { NULL } }, info = { { NULL } };
	char line[1024], master[IF_NAMESIZE], mac[3 * 32 + 1] = "";
	const uint8_t *bytes;

	(void)arg;
	mnl_attr_parse(hdr, sizeof(*link), take_attr, &a);
	if (a.at[IFLA_LINKINFO])
		mnl_attr_parse_nested(a.at[IFLA_LINKINFO], take_attr, &info);
	if (a.at[IFLA_ADDRESS]) {
		bytes = mnl_attr_get_payload(a.at[IFLA_ADDRESS]);
		for (int i = 0; i < mnl_attr_get_payload_len(a.at[IFLA_ADDRESS]) && i < 32; i++)
			snprintf(mac + 3 * i, 4, "%02x:", bytes[i]);
	}
	snprintf(line, sizeof(line),
		 "link %s %s mtu %u mac %s master %s promiscuity %u qlen %u%s%s%s",
		 mnl_attr_get_str(a.at[IFLA_IFNAME]),
		 info.at[IFLA_INFO_KIND] ? mnl_attr_get_str(info.at[IFLA_INFO_KIND]) : "-",
		 number(&a, IFLA_MTU), mac, device(number(&a, IFLA_MASTER), master),
		 number(&a, IFLA_PROMISCUITY), number(&a, IFLA_TXQLEN),
		 link->ifi_flags & IFF_UP ? " up" : "", a.at[IFLA_IFALIAS] ? " alias " : "",
		 a.at[IFLA_IFALIAS] ? mnl_attr_get_str(a.at[IFLA_IFALIAS]) : "");
	add_line(line);
	return MNL_CB_OK;
}

static int take_address(const struct nlmsghdr *hdr, void *arg)
{
	const struct ifaddrmsg *ifa = mnl_nlmsg_get_payload(hdr);
	char line[256], name[IF_NAMESIZE], text[INET6_ADDRSTRLEN];
	struct attrs a = { { NULL } };

	(void)arg;
	mnl_attr_parse(hdr, sizeof(*ifa), take_attr, &a);
	if (ifa->ifa_scope == RT_SCOPE_LINK)
		return MNL_CB_OK;
	snprintf(line, sizeof(line), "addr %s %s/%u", device(ifa->ifa_index, name),
		 address(ifa->ifa_family, a.at[a.at[IFA_LOCAL] ? IFA_LOCAL : IFA_ADDRESS], text),
		 ifa->ifa_prefixlen);
	add_line(line);
	return MNL_CB_OK;
}

static int take_route(const struct nlmsghdr *hdr, void *arg)
{
	const struct rtmsg *rt = mnl_nlmsg_get_payload(hdr);
	char line[512], name[IF_NAMESIZE], dst[INET6_ADDRSTRLEN], src[INET6_ADDRSTRLEN],
		via[INET6_ADDRSTRLEN];
	struct attrs a = { { NULL } }, metrics = { { NULL } };
	const uint8_t *bytes;

	(void)arg;
	mnl_attr_parse(hdr, sizeof(*rt), take_attr, &a);
	bytes = a.at[RTA_DST] ? mnl_attr_get_payload(a.at[RTA_DST]) : NULL;
	if (rt->rtm_flags & RTM_F_CLONED || rt->rtm_type == RTN_ANYCAST ||
	    rt->rtm_type == RTN_MULTICAST ||
	    (rt->rtm_family == AF_INET6 && bytes && (bytes[0] == 0xfe || bytes[0] == 0xff)))
		return MNL_CB_OK;
	if (a.at[RTA_METRICS])
		mnl_attr_parse_nested(a.at[RTA_METRICS], take_attr, &metrics);
	snprintf(line, sizeof(line),
		 "route %d %s/%u via %s dev %s src %s table %u type %u scope %u proto %u metric %u "
		 "mtu %u advmss %u",
		 rt->rtm_family, address(rt->rtm_family, a.at[RTA_DST], dst), rt->rtm_dst_len,
		 address(rt->rtm_family, a.at[RTA_GATEWAY], via), device(number(&a, RTA_OIF), name),
		 address(rt->rtm_family, a.at[RTA_PREFSRC], src), number(&a, RTA_TABLE),
		 rt->rtm_type, rt->rtm_scope, rt->rtm_protocol, number(&a, RTA_PRIORITY),
		 number(&metrics, RTAX_MTU), number(&metrics, RTAX_ADVMSS));
	add_line(line);
	return MNL_CB_OK;
}

static int take_rule(const struct nlmsghdr *hdr, void *arg)
{
	const struct rtmsg *rule = mnl_nlmsg_get_payload(hdr);
	struct attrs a = { { NULL } };
	char line[256], src[INET6_ADDRSTRLEN];

	(void)arg;
	mnl_attr_parse(hdr, sizeof(*rule), take_attr, &a);
	/* fib_rules.h: FRA_SRC 2, FRA_PRIORITY 6, FRA_TABLE 15 */
	snprintf(line, sizeof(line), "rule %d %u: from %s/%u table %u", rule->rtm_family,
		 number(&a, 6), address(rule->rtm_family, a.at[2], src), rule->rtm_src_len,
		 number(&a, 15));
	add_line(line);
	return MNL_CB_OK;
}

static void dump(struct mnl_socket *nl, int type, int family, mnl_cb_t take)
{
	char buf[32768];
	struct nlmsghdr *hdr = mnl_nlmsg_put_header(buf);
	static unsigned int seq;
	ssize_t n;
	int r;

	hdr->nlmsg_type = type;
	hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_DUMP;
	hdr->nlmsg_seq = ++seq;
	/* ifinfomsg, ifaddrmsg and rtmsg begin with the family */
	*(uint8_t *)mnl_nlmsg_put_extra_header(hdr, sizeof(struct ifinfomsg)) = family;
	if (mnl_socket_sendto(nl, hdr, hdr->nlmsg_len) < 0)
		die("send");
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		r = n < 0 ? -1 : mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl), take, NULL);
	} while (r > 0);
	if (r < 0 && errno != EOPNOTSUPP)
		die("dump");
}

static void print_namespace(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	dump(nl, RTM_GETLINK, AF_UNSPEC, take_link);
	dump(nl, RTM_GETADDR, AF_UNSPEC, take_address);
	dump(nl, RTM_GETROUTE, AF_INET, take_route);
	dump(nl, RTM_GETROUTE, AF_INET6, take_route);
	dump(nl, RTM_GETRULE, AF_INET, take_rule);
	dump(nl, RTM_GETRULE, AF_INET6, take_rule);
	mnl_socket_close(nl);
	print_sorted();
}

static int take_file(const char *path, const struct stat *st, int type, struct FTW *ftw)
{
	const char *name = path + ftw->base;
	size_t len = strlen(name);

	(void)st;
	if (type != FTW_D && type != FTW_DP && strncmp(name, "last_reserved_ip.", 17) != 0 &&
	    (len < 4 || strcmp(name + len - 4, "lock") != 0) && name[0] != '.')
		add_line(path);
	return 0;
}

static int is_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

int main(int argc, char **argv)
{
	struct dirent **names;
	int n;

	print_namespace();
	n = scandir("/run/netns", &names, is_name, alphasort);
	for (int i = 0; i < n; i++) {
		char path[300];
		int fd;

		snprintf(path, sizeof(path), "/run/netns/%s", names[i]->d_name);
		fd = open(path, O_RDONLY | O_CLOEXEC);
		/* a plain file where a namespace was unmounted is not one */
		if (fd >= 0 && setns(fd, CLONE_NEWNET) == 0) {
			printf("netns %s\n", names[i]->d_name);
			print_namespace();
		}
	}
	nftw("/var/lib/cni", take_file, 16, FTW_PHYS);
	nftw("/run/hawser/attachments", take_file, 16, FTW_PHYS);
	nftw("/run/hawser/overlay", take_file, 16, FTW_PHYS);
	for (int i = 1; i < argc; i++)
		nftw(argv[i], take_file, 16, FTW_PHYS);
	print_sorted();
	return 0;
}
