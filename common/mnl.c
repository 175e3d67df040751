/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The part of libmnl's interface that libnftnl and nft.c call, for static executables on systems
 * whose libmnl comes without a static archive (Debian 12). Dynamic builds and systems that ship
 * libmnl.a use the library: the Makefile chooses. What each function does is libmnl's
 * documentation; the format of messages and attributes is linux/netlink.h.
 */
#include <errno.h>
#include <libmnl/libmnl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

struct mnl_socket {
	int fd;
	struct sockaddr_nl addr;
};

struct mnl_socket *mnl_socket_open2(int bus, int flags)
{
	struct mnl_socket *nl = calloc(1, sizeof(*nl));

	if (!nl)
		return NULL;
	nl->fd = socket(AF_NETLINK, SOCK_RAW | flags, bus);
	if (nl->fd < 0) {
		free(nl);
		return NULL;
	}
	return nl;
}

int mnl_socket_bind(struct mnl_socket *nl, unsigned int groups, pid_t pid)
{
	socklen_t len = sizeof(nl->addr);

	nl->addr =
		(struct sockaddr_nl){ .nl_family = AF_NETLINK, .nl_groups = groups, .nl_pid = pid };
	if (bind(nl->fd, (struct sockaddr *)&nl->addr, len) < 0)
		return -1;
	return getsockname(nl->fd, (struct sockaddr *)&nl->addr, &len);
}

int mnl_socket_get_fd(const struct mnl_socket *nl)
{
	return nl->fd;
}

unsigned int mnl_socket_get_portid(const struct mnl_socket *nl)
{
	return nl->addr.nl_pid;
}

int mnl_socket_close(struct mnl_socket *nl)
{
	int r = close(nl->fd);

	free(nl);
	return r;
}

struct nlmsghdr *mnl_nlmsg_put_header(void *buf)
{
	struct nlmsghdr *hdr = buf;

	memset(hdr, 0, MNL_NLMSG_HDRLEN);
	hdr->nlmsg_len = MNL_NLMSG_HDRLEN;
	return hdr;
}

void *mnl_nlmsg_put_extra_header(struct nlmsghdr *hdr, size_t size)
{
	char *at = (char *)hdr + hdr->nlmsg_len;

	memset(at, 0, MNL_ALIGN(size));
	hdr->nlmsg_len += MNL_ALIGN(size);
	return at;
}

void *mnl_nlmsg_get_payload(const struct nlmsghdr *hdr)
{
	return (char *)hdr + MNL_NLMSG_HDRLEN;
}

void *mnl_nlmsg_get_payload_offset(const struct nlmsghdr *hdr, size_t offset)
{
	return (char *)hdr + MNL_NLMSG_HDRLEN + MNL_ALIGN(offset);
}

void *mnl_nlmsg_get_payload_tail(const struct nlmsghdr *hdr)
{
	return (char *)hdr + MNL_ALIGN(hdr->nlmsg_len);
}

bool mnl_nlmsg_ok(const struct nlmsghdr *hdr, int len)
{
	return len >= (int)sizeof(*hdr) && hdr->nlmsg_len >= sizeof(*hdr) &&
	       (int)hdr->nlmsg_len <= len;
}

struct nlmsghdr *mnl_nlmsg_next(const struct nlmsghdr *hdr, int *len)
{
	*len -= (int)MNL_ALIGN(hdr->nlmsg_len);
	return (struct nlmsghdr *)((char *)hdr + MNL_ALIGN(hdr->nlmsg_len));
}

uint16_t mnl_attr_get_type(const struct nlattr *attr)
{
	return attr->nla_type & NLA_TYPE_MASK;
}

uint16_t mnl_attr_get_payload_len(const struct nlattr *attr)
{
	return attr->nla_len - MNL_ATTR_HDRLEN;
}

void *mnl_attr_get_payload(const struct nlattr *attr)
{
	return (char *)attr + MNL_ATTR_HDRLEN;
}

bool mnl_attr_ok(const struct nlattr *attr, int len)
{
	return len >= (int)sizeof(*attr) && attr->nla_len >= sizeof(*attr) && attr->nla_len <= len;
}

struct nlattr *mnl_attr_next(const struct nlattr *attr)
{
	return (struct nlattr *)((char *)attr + MNL_ALIGN(attr->nla_len));
}

int mnl_attr_type_valid(const struct nlattr *attr, uint16_t max)
{
	if (mnl_attr_get_type(attr) <= max)
		return 1;
	errno = EOPNOTSUPP;
	return -1;
}

/* Sizes of the types whose size is fixed; strings end with a NUL where the type says so. */
int mnl_attr_validate(const struct nlattr *attr, enum mnl_attr_data_type type)
{
	static const uint16_t size[MNL_TYPE_MAX] = { [MNL_TYPE_U8] = 1,
						     [MNL_TYPE_U16] = 2,
						     [MNL_TYPE_U32] = 4,
						     [MNL_TYPE_U64] = 8,
						     [MNL_TYPE_MSECS] = 8 };
	uint16_t len = mnl_attr_get_payload_len(attr);
	const char *data = mnl_attr_get_payload(attr);
	int bad = 0;

	if (type >= MNL_TYPE_MAX)
		bad = EINVAL;
	else if (size[type] && len != size[type])
		bad = len < size[type] ? ERANGE : EINVAL;
	else if (type == MNL_TYPE_FLAG && len)
		bad = ERANGE;
	else if ((type == MNL_TYPE_STRING || type == MNL_TYPE_NUL_STRING) && len == 0)
		bad = ERANGE;
	else if (type == MNL_TYPE_NUL_STRING && data[len - 1] != '\0')
		bad = EINVAL;
	else if (type == MNL_TYPE_NESTED && len && len < MNL_ATTR_HDRLEN)
		bad = ERANGE;
	errno = bad ? bad : errno;
	return bad ? -1 : 0;
}

int mnl_attr_parse_payload(const void *payload, size_t len, mnl_attr_cb_t cb, void *data)
{
	const struct nlattr *attr;
	int r = MNL_CB_OK;

	mnl_attr_for_each_payload(payload, len)
	{
		r = cb(attr, data);
		if (r <= MNL_CB_STOP)
			return r;
	}
	return r;
}

int mnl_attr_parse(const struct nlmsghdr *hdr, unsigned int offset, mnl_attr_cb_t cb, void *data)
{
	size_t skip = MNL_NLMSG_HDRLEN + MNL_ALIGN(offset);

	return mnl_attr_parse_payload((const char *)hdr + skip, hdr->nlmsg_len - skip, cb, data);
}

int mnl_attr_parse_nested(const struct nlattr *nested, mnl_attr_cb_t cb, void *data)
{
	return mnl_attr_parse_payload(mnl_attr_get_payload(nested),
				      mnl_attr_get_payload_len(nested), cb, data);
}

uint8_t mnl_attr_get_u8(const struct nlattr *attr)
{
	return *(uint8_t *)mnl_attr_get_payload(attr);
}

uint16_t mnl_attr_get_u16(const struct nlattr *attr)
{
	uint16_t v;

	memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return v;
}

uint32_t mnl_attr_get_u32(const struct nlattr *attr)
{
	uint32_t v;

	memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return v;
}

uint64_t mnl_attr_get_u64(const struct nlattr *attr)
{
	uint64_t v;

	memcpy(&v, mnl_attr_get_payload(attr), sizeof(v));
	return v;
}

const char *mnl_attr_get_str(const struct nlattr *attr)
{
	return mnl_attr_get_payload(attr);
}

void mnl_attr_put(struct nlmsghdr *hdr, uint16_t type, size_t len, const void *data)
{
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(hdr);
	size_t size = MNL_ATTR_HDRLEN + len;

	attr->nla_type = type;
	attr->nla_len = size;
	if (len)
		memcpy(mnl_attr_get_payload(attr), data, len);
	memset((char *)attr + size, 0, MNL_ALIGN(size) - size);
	hdr->nlmsg_len += MNL_ALIGN(size);
}

void mnl_attr_put_u8(struct nlmsghdr *hdr, uint16_t type, uint8_t v)
{
	mnl_attr_put(hdr, type, sizeof(v), &v);
}

void mnl_attr_put_u16(struct nlmsghdr *hdr, uint16_t type, uint16_t v)
{
	mnl_attr_put(hdr, type, sizeof(v), &v);
}

void mnl_attr_put_u32(struct nlmsghdr *hdr, uint16_t type, uint32_t v)
{
	mnl_attr_put(hdr, type, sizeof(v), &v);
}

void mnl_attr_put_u64(struct nlmsghdr *hdr, uint16_t type, uint64_t v)
{
	mnl_attr_put(hdr, type, sizeof(v), &v);
}

void mnl_attr_put_str(struct nlmsghdr *hdr, uint16_t type, const char *s)
{
	mnl_attr_put(hdr, type, strlen(s), s);
}

void mnl_attr_put_strz(struct nlmsghdr *hdr, uint16_t type, const char *s)
{
	mnl_attr_put(hdr, type, strlen(s) + 1, s);
}

struct nlattr *mnl_attr_nest_start(struct nlmsghdr *hdr, uint16_t type)
{
	struct nlattr *attr = mnl_nlmsg_get_payload_tail(hdr);

	attr->nla_type = NLA_F_NESTED | type;
	hdr->nlmsg_len += MNL_ALIGN(MNL_ATTR_HDRLEN);
	return attr;
}

void mnl_attr_nest_end(struct nlmsghdr *hdr, struct nlattr *nest)
{
	nest->nla_len = (char *)mnl_nlmsg_get_payload_tail(hdr) - (char *)nest;
}
