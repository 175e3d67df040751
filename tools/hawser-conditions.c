/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-conditions: what the words of conditionsV4 and conditionsV6 mean, said by libxtables.
 *
 * Theory of operation. The plugins are static executables and cannot load the extensions of
 * xtables; this program is the dynamic one that can. portmap runs it when, and only when, there are
 * conditions: once for each address family, before anything is changed. It reads the words exactly
 * where iptables would, behind "-p PROTOCOL -m comment --comment x -m multiport --dports 1" of the
 * entry rule that they are going to be part of, and prints for each protocol what they came to:
 * tests of addresses and interfaces, and for each match its name, revision and binary information
 * as the kernel takes it. common/conditions.h describes the format.
 *
 * usage: hawser-conditions 4|6 PROTOCOL[,PROTOCOL...] WORD...
 *
 * Exit status 0, or that of iptables with its sentence on stderr. Nothing is changed anywhere; the
 * kernel is asked which revisions of a match it has.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <getopt.h>
#include <net/if.h>

#include <libmnl/libmnl.h>
#include <linux/netfilter/nf_tables.h>
#include <linux/netfilter/nf_tables_compat.h>
#include <linux/netfilter/nfnetlink.h>
#include <linux/netfilter/x_tables.h>
#include <linux/netfilter_ipv4/ip_tables.h>
#include <linux/netfilter_ipv6/ip6_tables.h>
#include <netdb.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <xtables.h>

/* Numbers of options that an extension has (XT_OPTION_OFFSET_SCALE, not for everybody). */
#define OPTIONS_EACH 256

/* "-m comment" and "-m multiport" of the entry rule, which are not the user's. */
#define OWN_MATCHES 2

/* The rule's options, as in iptables(8). What is no match is there to be refused by its name. */
static struct option options[] = {
	{ "append", required_argument, NULL, 'A' },
	{ "check", required_argument, NULL, 'C' },
	{ "delete", required_argument, NULL, 'D' },
	{ "insert", required_argument, NULL, 'I' },
	{ "replace", required_argument, NULL, 'R' },
	{ "list", optional_argument, NULL, 'L' },
	{ "list-rules", optional_argument, NULL, 'S' },
	{ "flush", optional_argument, NULL, 'F' },
	{ "zero", optional_argument, NULL, 'Z' },
	{ "new-chain", required_argument, NULL, 'N' },
	{ "delete-chain", optional_argument, NULL, 'X' },
	{ "rename-chain", required_argument, NULL, 'E' },
	{ "policy", required_argument, NULL, 'P' },
	{ "source", required_argument, NULL, 's' },
	{ "src", required_argument, NULL, 's' },
	{ "destination", required_argument, NULL, 'd' },
	{ "dst", required_argument, NULL, 'd' },
	{ "protocol", required_argument, NULL, 'p' },
	{ "proto", required_argument, NULL, 'p' },
	{ "in-interface", required_argument, NULL, 'i' },
	{ "out-interface", required_argument, NULL, 'o' },
	{ "jump", required_argument, NULL, 'j' },
	{ "goto", required_argument, NULL, 'g' },
	{ "table", required_argument, NULL, 't' },
	{ "match", required_argument, NULL, 'm' },
	{ "numeric", no_argument, NULL, 'n' },
	{ "verbose", no_argument, NULL, 'v' },
	{ "wait", optional_argument, NULL, 'w' },
	{ "exact", no_argument, NULL, 'x' },
	{ "fragments", no_argument, NULL, 'f' },
	{ "version", no_argument, NULL, 'V' },
	{ "help", optional_argument, NULL, 'h' },
	{ "line-numbers", no_argument, NULL, '0' },
	{ "modprobe", required_argument, NULL, 'M' },
	{ "set-counters", required_argument, NULL, 'c' },
	{ "ipv4", no_argument, NULL, '4' },
	{ "ipv6", no_argument, NULL, '6' },
	{ NULL, 0, NULL, 0 },
};

/* The first '-' hands over "!" in its place, the ':' tells a missing argument apart. */
static const char letters[] =
	"-:A:C:D:I:R:L::S::F::Z::N:X::E:P:s:d:p:i:o:j:g:t:m:nvw::xfVh::0M:c:46";

/* A test of an address against any of a list. */
struct addresses {
	bool given, invert;
	unsigned int n;
	uint8_t (*value)[16], (*mask)[16];
};

struct interface {
	bool given, invert;
	char name[IFNAMSIZ];
};

/* What is being read: the words of one family behind one protocol. */
struct reading {
	bool v6, invert;
	const char *protocol;
	union {
		struct ipt_entry v4;
		struct ip6t_entry v6;
	} entry; /* as much of it as the extensions look at */
	struct addresses src, dst;
	struct interface in, out;
	struct xtables_rule_match *matches;
	bool implicit; /* the match of the protocol has been loaded without -m */
};

static int compatible(const char *name, uint8_t revision, int opt);

static void __attribute__((noreturn, format(printf, 2, 3)))
refuse(enum xtables_exittype status, const char *fmt, ...)
{
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	putc('\n', stderr);
	va_end(ap);
	exit(status ? (int)status : OTHER_PROBLEM);
}

static struct xtables_globals globals = {
	.program_name = "hawser-conditions",
	.program_version = "1",
	.orig_opts = options,
	.exit_err = refuse,
	.compat_rev = compatible,
};

static int family_asked;

/*
 * Whether the kernel has a revision of a match: as iptables-nft asks, and where nf_tables has no
 * compatibility layer, as iptables-legacy asks.
 */
static int compatible(const char *name, uint8_t revision, int opt)
{
	char buf[MNL_SOCKET_BUFFER_SIZE] __attribute__((aligned(NLMSG_ALIGNTO)));
	bool target = opt == (family_asked == NFPROTO_IPV4 ? IPT_SO_GET_REVISION_TARGET
							   : IP6T_SO_GET_REVISION_TARGET);
	struct mnl_socket *sock = mnl_socket_open2(NETLINK_NETFILTER, SOCK_CLOEXEC);
	struct nlmsghdr *hdr = mnl_nlmsg_put_header(buf);
	struct nfgenmsg *gen;
	const struct nlmsgerr *e;
	int errnum = EPROTONOSUPPORT;

	hdr->nlmsg_type = NFNL_SUBSYS_NFT_COMPAT << 8 | NFNL_MSG_COMPAT_GET;
	hdr->nlmsg_flags = NLM_F_REQUEST | NLM_F_ACK;
	hdr->nlmsg_seq = 1;
	gen = mnl_nlmsg_put_extra_header(hdr, sizeof(*gen));
	gen->nfgen_family = (uint8_t)family_asked;
	gen->version = NFNETLINK_V0;
	mnl_attr_put_strz(hdr, NFTA_COMPAT_NAME, name);
	mnl_attr_put_u32(hdr, NFTA_COMPAT_REV, htonl(revision));
	mnl_attr_put_u32(hdr, NFTA_COMPAT_TYPE, htonl(target));
	if (sock && mnl_socket_sendto(sock, hdr, hdr->nlmsg_len) > 0 &&
	    mnl_socket_recvfrom(sock, buf, sizeof(buf)) >= (ssize_t)sizeof(*hdr)) {
		hdr = (struct nlmsghdr *)buf;
		e = mnl_nlmsg_get_payload(hdr);
		errnum = hdr->nlmsg_type == NLMSG_ERROR ? -e->error : 0;
	}
	if (sock)
		mnl_socket_close(sock);
	if (errnum == EINVAL || errnum == EPROTONOSUPPORT || errnum == EOPNOTSUPP)
		return xtables_compatible_revision(name, revision, opt);
	/* the first revision always counts: the kernel's own word on it comes later, and is clearer
	 */
	return errnum == 0 || revision == 0;
}

/* ---- options of the rule ---- */

static void no_twice(bool given, int letter)
{
	if (given)
		refuse(PARAMETER_PROBLEM, "multiple -%c flags not allowed", letter);
}

static void take_addresses(struct reading *r, struct addresses *a, int letter)
{
	no_twice(a->given, letter);
	a->given = true;
	a->invert = r->invert;
	if (r->v6) {
		struct in6_addr *value = NULL, *mask = NULL;

		xtables_ip6parse_multiple(optarg, &value, &mask, &a->n);
		a->value = (uint8_t(*)[16])value;
		a->mask = (uint8_t(*)[16])mask;
	} else {
		struct in_addr *value = NULL, *mask = NULL;

		xtables_ipparse_multiple(optarg, &value, &mask, &a->n);
		a->value = xtables_calloc(a->n + 1, sizeof(*a->value));
		a->mask = xtables_calloc(a->n + 1, sizeof(*a->mask));
		for (unsigned int i = 0; i < a->n; i++) {
			memcpy(a->value[i], &value[i], sizeof(*value));
			memcpy(a->mask[i], &mask[i], sizeof(*mask));
		}
	}
	if (a->invert && a->n > 1)
		refuse(PARAMETER_PROBLEM,
		       "! not allowed with multiple source or destination IP addresses");
}

static void take_interface(struct reading *r, struct interface *i, int letter)
{
	unsigned char mask[IFNAMSIZ];

	no_twice(i->given, letter);
	if (!*optarg)
		refuse(PARAMETER_PROBLEM, "Empty interface is likely to be undesired");
	i->given = true;
	i->invert = r->invert;
	xtables_parse_interface(optarg, i->name, mask);
}

/* ---- extensions ---- */

/* Room for what the kernel is to get, initialised as the extension wants it. */
static void init_match(struct xtables_match *m)
{
	size_t size = XT_ALIGN(sizeof(struct xt_entry_match)) + m->size;

	m->m = xtables_calloc(1, size);
	m->m->u.match_size = (uint16_t)size;
	strncpy(m->m->u.user.name, m->real_name ? m->real_name : m->name,
		sizeof(m->m->u.user.name) - 1);
	m->m->u.user.revision = m->revision;
	if (m->udata_size) {
		free(m->udata);
		m->udata = xtables_calloc(1, m->udata_size);
	}
	if (m->init)
		m->init(m->m);
}

static void merge_options(struct xtables_match *m)
{
	struct option *merged = globals.opts;

	if (m->x6_options)
		merged = xtables_options_xfrm(globals.orig_opts, globals.opts, m->x6_options,
					      &m->option_offset);
	else if (m->extra_opts)
		merged = xtables_merge_options(globals.orig_opts, globals.opts, m->extra_opts,
					       &m->option_offset);
	if (!merged)
		refuse(OTHER_PROBLEM, "can't alloc memory");
	globals.opts = merged;
}

static void load_match(struct reading *r)
{
	struct xtables_match *m;

	if (r->invert)
		refuse(PARAMETER_PROBLEM, "unexpected ! flag before --match");
	m = xtables_find_match(optarg, XTF_LOAD_MUST_SUCCEED, &r->matches);
	init_match(m);
	/* a match that is its own successor has been given before: its options are there */
	if (m != m->next)
		merge_options(m);
}

static bool is_loaded(const struct reading *r, const char *name)
{
	for (const struct xtables_rule_match *l = r->matches; l; l = l->next)
		if (strcmp(l->match->name, name) == 0)
			return true;
	return false;
}

/* An option that is not the rule's own. Return: whether it is to be read once more. */
static bool take_extension(struct reading *r, int c, char **argv)
{
	struct xtables_match *m;

	for (struct xtables_rule_match *l = r->matches; l; l = l->next) {
		m = l->match;
		if (l->completed || (!m->x6_parse && !m->parse) || c < (int)m->option_offset ||
		    c >= (int)m->option_offset + OPTIONS_EACH)
			continue;
		xtables_option_mpcall((unsigned int)c, argv, r->invert, m, &r->entry);
		return false;
	}
	/* an option of the protocol's match, which needs no -m: "--sport" */
	if (!r->implicit && !is_loaded(r, r->protocol)) {
		r->implicit = true;
		m = xtables_find_match(r->protocol, XTF_TRY_LOAD, &r->matches);
		if (m) {
			init_match(m);
			merge_options(m);
			optind--;
			return true;
		}
	}
	if (c == ':')
		refuse(PARAMETER_PROBLEM, "option \"%s\" requires an argument", argv[optind - 1]);
	refuse(PARAMETER_PROBLEM, "unknown option \"%s\"", argv[optind - 1]);
}

/* An option of iptables that is no match. */
static void __attribute__((noreturn)) refuse_option(int c, char **argv)
{
	const char *word = argv[optind - 1];

	if (*word != '-' && optind > 1)
		word = argv[optind - 2];
	if (c == 'f')
		refuse(PARAMETER_PROBLEM,
		       "\"%s\" never matches: fragments are put together before "
		       "ports are translated",
		       word);
	refuse(PARAMETER_PROBLEM,
	       "\"%s\" is no condition: chain, protocol and target of the rule "
	       "are the plugin's",
	       word);
}

/* The match of another protocol: the kernel would refuse it, in fewer words. */
static void check_protocol(const struct reading *r, const char *match)
{
	static const char *const protocols[] = { "tcp", "udp", "sctp", "dccp" };

	for (size_t i = 0; i < sizeof(protocols) / sizeof(protocols[0]); i++)
		if (strcmp(match, protocols[i]) == 0 && strcmp(match, r->protocol) != 0)
			refuse(PARAMETER_PROBLEM,
			       "%s match requires '-p %s', these ports are of %s", match, match,
			       r->protocol);
}

static void read_words(struct reading *r, int argc, char **argv)
{
	int c;

	optind = 0;
	opterr = 0;
	while ((c = getopt_long(argc, argv, letters, globals.opts ? globals.opts : options,
				NULL)) != -1) {
		bool again = false;

		switch (c) {
		case 's':
			take_addresses(r, &r->src, c);
			break;
		case 'd':
			take_addresses(r, &r->dst, c);
			break;
		case 'i':
			take_interface(r, &r->in, c);
			break;
		case 'o':
			take_interface(r, &r->out, c);
			break;
		case 'm':
			load_match(r);
			break;
		case 1: /* no option */
			if (strcmp(optarg, "!") != 0)
				refuse(PARAMETER_PROBLEM, "Bad argument `%s'", optarg);
			if (r->invert)
				refuse(PARAMETER_PROBLEM, "multiple consecutive ! not allowed");
			r->invert = true;
			optarg[0] = '\0';
			continue;
		default:
			if (c < OPTIONS_EACH && c != '?' && c != ':')
				refuse_option(c, argv);
			again = take_extension(r, c, argv);
		}
		if (!again)
			r->invert = false;
	}
	if (optind < argc)
		refuse(PARAMETER_PROBLEM, "unknown arguments found on commandline");
	if (r->invert)
		refuse(PARAMETER_PROBLEM, "nothing appropriate following !");
	for (struct xtables_rule_match *l = r->matches; l; l = l->next) {
		xtables_option_mfcall(l->match);
		check_protocol(r, l->match->name);
	}
}

/* ---- the result ---- */

static void put_hex(const void *bytes, size_t n)
{
	for (size_t i = 0; i < n; i++)
		printf("%02x", ((const uint8_t *)bytes)[i]);
}

static void put_addresses(const char *key, const struct addresses *a, size_t size)
{
	if (!a->given)
		return;
	printf(",\"%s\":{\"not\":%s,\"any\":[", key, a->invert ? "true" : "false");
	for (unsigned int i = 0; i < a->n; i++) {
		printf("%s\"", i ? "," : "");
		put_hex(a->value[i], size);
		putchar('/');
		put_hex(a->mask[i], size);
		putchar('"');
	}
	printf("]}");
}

/* Names of interfaces are arbitrary bytes: hexadecimal, too. */
static void put_interface(const char *key, const struct interface *i)
{
	if (!i->given)
		return;
	printf(",\"%s\":{\"not\":%s,\"name\":\"", key, i->invert ? "true" : "false");
	put_hex(i->name, strlen(i->name));
	printf("\"}");
}

static void put_result(const struct reading *r, int number)
{
	size_t size = r->v6 ? 16 : 4;
	unsigned int n = 0;

	printf("{\"protocol\":%d", number);
	put_addresses("source", &r->src, size);
	put_addresses("destination", &r->dst, size);
	put_interface("in", &r->in);
	put_interface("out", &r->out);
	printf(",\"matches\":[");
	for (const struct xtables_rule_match *l = r->matches; l; l = l->next) {
		const struct xt_entry_match *m = l->match->m;

		if (n++ < OWN_MATCHES)
			continue;
		printf("%s[\"%s\",%u,\"", n > OWN_MATCHES + 1 ? "," : "", m->u.user.name,
		       m->u.user.revision);
		put_hex(m->data, m->u.match_size - sizeof(*m));
		printf("\"]");
	}
	printf("]}");
}

/* The words behind those of the entry rule, once for each protocol: an option may depend on it. */
static void read_protocol(bool v6, const char *protocol, int n_words, char **words)
{
	static const char *const own[] = { "iptables", "-m",	    "comment",	"--comment", "x",
					   "-m",       "multiport", "--dports", "1" };
	const int n_own = (int)(sizeof(own) / sizeof(own[0]));
	char **argv = xtables_calloc((size_t)(n_own + n_words) + 1, sizeof(*argv));
	struct reading r = { .v6 = v6, .protocol = protocol };
	const struct protoent *p = getprotobyname(protocol);
	int number = p				    ? p->p_proto
		     : strcmp(protocol, "tcp") == 0 ? IPPROTO_TCP
		     : strcmp(protocol, "udp") == 0 ? IPPROTO_UDP
						    : IPPROTO_SCTP;

	for (int i = 0; i < n_own; i++)
		argv[i] = xtables_strdup(own[i]);
	for (int i = 0; i < n_words; i++)
		argv[n_own + i] = xtables_strdup(words[i]);
	if (v6) {
		r.entry.v6.ipv6.proto = (uint16_t)number;
		r.entry.v6.ipv6.flags |= IP6T_F_PROTO;
	} else {
		r.entry.v4.ip.proto = (uint16_t)number;
	}
	for (struct xtables_match *m = xtables_matches; m; m = m->next)
		m->mflags = 0;
	read_words(&r, n_own + n_words, argv);
	put_result(&r, number);
	xtables_rule_matches_free(&r.matches);
	xtables_free_opts(1);
}

int main(int argc, char **argv)
{
	bool first = true;

	if (argc < 4 || (strcmp(argv[1], "4") != 0 && strcmp(argv[1], "6") != 0)) {
		fprintf(stderr, "usage: hawser-conditions 4|6 PROTOCOL[,PROTOCOL...] WORD...\n"
				"The portmap plugin runs this; it changes nothing.\n");
		return 64;
	}
	family_asked = argv[1][0] == '6' ? NFPROTO_IPV6 : NFPROTO_IPV4;
	if (xtables_init_all(&globals, (uint8_t)family_asked) < 0)
		return OTHER_PROBLEM;
	putchar('[');
	for (char *save, *p = strtok_r(argv[2], ",", &save); p; p = strtok_r(NULL, ",", &save)) {
		if (!first)
			putchar(',');
		first = false;
		read_protocol(argv[1][0] == '6', p, argc - 3, argv + 3);
	}
	puts("]");
	return fflush(stdout) == 0 ? 0 : OTHER_PROBLEM;
}
