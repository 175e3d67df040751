/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * A clean slate for the next test, in one process: removes the links of kind veth, bridge and
 * vxlan and every namespace in /run/netns, and makes namespaces with the names that are given, as
 * "ip netns add" makes them.
 */
#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <libmnl/libmnl.h>
#include <linux/if_link.h>
#include <linux/rtnetlink.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#define NETNS	   "/run/netns"
#define MOST_LINKS 4096

static void die(const char *what)
{
	perror(what);
	exit(2);
}

struct links {
	int index[MOST_LINKS];
	size_t n;
};

static int take_kind(const struct nlattr *attr, void *arg)
{
	const char **kind = arg;

	if (mnl_attr_get_type(attr) == IFLA_INFO_KIND)
		*kind = mnl_attr_get_str(attr);
	return MNL_CB_OK;
}

static int take_link(const struct nlmsghdr *hdr, void *arg)
{
	const struct ifinfomsg *link = mnl_nlmsg_get_payload(hdr);
	struct links *links = arg;
	const char *kind = "";
	struct nlattr *attr;

	mnl_attr_for_each(attr, hdr, sizeof(*link))
	{
		if (mnl_attr_get_type(attr) == IFLA_LINKINFO)
			mnl_attr_parse_nested(attr, take_kind, &kind);
	}
	if ((strcmp(kind, "veth") == 0 || strcmp(kind, "bridge") == 0 ||
	     strcmp(kind, "vxlan") == 0) &&
	    links->n < MOST_LINKS)
		links->index[links->n++] = link->ifi_index;
	return MNL_CB_OK;
}

static struct nlmsghdr *message(char *buf, int type, int flags, int index)
{
	static unsigned int seq;
	struct nlmsghdr *hdr = mnl_nlmsg_put_header(buf);
	struct ifinfomsg *link;

	hdr->nlmsg_type = type;
	hdr->nlmsg_flags = NLM_F_REQUEST | flags;
	hdr->nlmsg_seq = ++seq;
	link = mnl_nlmsg_put_extra_header(hdr, sizeof(*link));
	link->ifi_index = index;
	return hdr;
}

/* Send a message and take the answer; the result of the last part: < 0 with errno for an error. */
static int request(struct mnl_socket *nl, const struct nlmsghdr *hdr, mnl_cb_t take, void *arg)
{
	unsigned int seq = hdr->nlmsg_seq;
	char buf[32768];
	ssize_t n;
	int r;

	if (mnl_socket_sendto(nl, hdr, hdr->nlmsg_len) < 0)
		die("send");
	do {
		n = mnl_socket_recvfrom(nl, buf, sizeof(buf));
		if (n < 0)
			die("receive");
		r = mnl_cb_run(buf, n, seq, mnl_socket_get_portid(nl), take, arg);
	} while (r > 0);
	return r;
}

/*
 * The kernel waits for its other users once for each message that removes links; those of a group
 * need one message.
 */
static void remove_links(void)
{
	struct mnl_socket *nl = mnl_socket_open2(NETLINK_ROUTE, SOCK_CLOEXEC);
	struct links links = { .n = 0 };
	struct nlmsghdr *hdr;
	char buf[512];

	if (!nl || mnl_socket_bind(nl, 0, MNL_SOCKET_AUTOPID) < 0)
		die("netlink");
	hdr = message(buf, RTM_GETLINK, NLM_F_DUMP, 0);
	if (request(nl, hdr, take_link, &links) < 0)
		die("links");
	for (size_t i = 0; i < links.n; i++) {
		hdr = message(buf, RTM_SETLINK, NLM_F_ACK, links.index[i]);
		mnl_attr_put_u32(hdr, IFLA_GROUP, 4711);
		/* one end of a veth may have taken the other with it: no matter */
		(void)request(nl, hdr, NULL, NULL);
	}
	hdr = message(buf, RTM_DELLINK, NLM_F_ACK, 0);
	mnl_attr_put_u32(hdr, IFLA_GROUP, 4711);
	if (links.n > 0 && request(nl, hdr, NULL, NULL) < 0)
		die("remove links");
	mnl_socket_close(nl);
}

static int is_name(const struct dirent *e)
{
	return e->d_name[0] != '.';
}

static void remove_namespaces(void)
{
	struct dirent **names;
	int n = scandir(NETNS, &names, is_name, alphasort);

	for (int i = 0; i < n; i++) {
		char path[300];

		snprintf(path, sizeof(path), NETNS "/%s", names[i]->d_name);
		if (umount2(path, MNT_DETACH) < 0 && errno != EINVAL)
			die(path);
		if (unlink(path) < 0)
			die(path);
	}
}

/* Namespaces are seen and forgotten in the mount namespaces of "ip netns exec", too. */
static void share_folder(void)
{
	if (mount("", NETNS, "none", MS_SHARED | MS_REC, NULL) == 0)
		return;
	if (mount(NETNS, NETNS, "none", MS_BIND | MS_REC, NULL) < 0 ||
	    mount("", NETNS, "none", MS_SHARED | MS_REC, NULL) < 0)
		die(NETNS);
}

static void make_namespace(const char *name)
{
	char path[300];
	int fd;

	snprintf(path, sizeof(path), NETNS "/%s", name);
	fd = open(path, O_RDONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0);
	if (fd < 0)
		die(path);
	close(fd);
	if (unshare(CLONE_NEWNET) < 0 ||
	    mount("/proc/self/ns/net", path, "none", MS_BIND, NULL) < 0)
		die(path);
}

int main(int argc, char **argv)
{
	remove_links();
	remove_namespaces();
	if (argc > 1)
		share_folder();
	for (int i = 1; i < argc; i++)
		make_namespace(argv[i]);
	return 0;
}
