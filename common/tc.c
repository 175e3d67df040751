/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Traffic control: queueing disciplines and filters of one interface. */
#include "tc.h"

#include "cleanup.h"

#include <arpa/inet.h>
#include <linux/if_ether.h>
#include <linux/pkt_cls.h>
#include <linux/tc_act/tc_mirred.h>
#include <string.h>

#define TICK_NS 64 /* PSCHED_SHIFT of the kernel */

uint64_t tc_buffer(const struct tc_rate *rate)
{
	/* bursts have 32 bits, so that this does not overflow */
	return (uint64_t)rate->burst * (1000000000 / TICK_NS) / rate->bytes_per_s;
}

static struct nl_msg *request(struct nlk *nl, const char *what, int type, int flags,
			      const struct tcmsg *tcm, const char *kind)
{
	struct nl_msg *m = nlk_request(nl, what, type, flags, tcm, sizeof(*tcm));

	if (kind)
		nlk_put_str(nl, m, TCA_KIND, kind);
	return m;
}

static struct nl_msg *new_qdisc(struct nlk *nl, const char *what, int index, uint32_t parent,
				uint32_t handle, const char *kind)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = index,
			     .tcm_handle = handle,
			     .tcm_parent = parent };

	return request(nl, what, RTM_NEWQDISC, NLM_F_CREATE | NLM_F_EXCL, &tcm, kind);
}

/* The 32 bits of a rate that has 64; the kernel takes the rest from an attribute. */
static uint32_t low_rate(uint64_t bytes_per_s)
{
	return bytes_per_s > UINT32_MAX ? UINT32_MAX : (uint32_t)bytes_per_s;
}

static uint32_t low_buffer(const struct tc_rate *rate)
{
	uint64_t ticks = tc_buffer(rate);

	return ticks > UINT32_MAX ? UINT32_MAX : (uint32_t)ticks;
}

void tc_queue_tbf(struct nlk *nl, int index, const struct tc_rate *rate)
{
	struct nl_msg *m = new_qdisc(nl, "add the token bucket filter", index, TC_H_ROOT,
				     TC_HANDLE(1, 0), "tbf");
	struct nlattr *options = nlk_nest(nl, m, TCA_OPTIONS);
	struct tc_tbf_qopt opt = {
		.rate = { .rate = low_rate(rate->bytes_per_s), .linklayer = TC_LINKLAYER_ETHERNET },
		.limit = rate->limit,
		.buffer = low_buffer(rate),
	};

	nlk_put(nl, m, TCA_TBF_PARMS, &opt, sizeof(opt));
	/* beats the buffer, whose ticks end at 274 seconds */
	nlk_put_u32(nl, m, TCA_TBF_BURST, rate->burst);
	if (rate->bytes_per_s > UINT32_MAX)
		nlk_put(nl, m, TCA_TBF_RATE64, &rate->bytes_per_s, sizeof(rate->bytes_per_s));
	nlk_nest_end(m, options);
}

void tc_queue_hook(struct nlk *nl, int index, const char *kind)
{
	new_qdisc(nl, "add the qdisc that holds filters", index, TC_H_INGRESS, TC_HOOK, kind);
}

/* Match the words of an address in the IP header, as far as the prefix goes. */
static void put_selector(struct nlk *nl, struct nl_msg *m, const struct tc_filter *filter)
{
	struct {
		struct tc_u32_sel sel;
		struct tc_u32_key keys[4];
	} s = { .sel = { .flags = TC_U32_TERMINAL } };
	const struct ip_net *net = filter->net;

	for (int i = 0; net && 32 * i < net->len; i++) {
		int bits = net->len - 32 * i < 32 ? net->len - 32 * i : 32;
		struct tc_u32_key *key = &s.keys[s.sel.nkeys++];

		key->mask = htonl((uint32_t)(0xffffffffULL << (32 - bits)));
		memcpy(&key->val, net->ip.b + i * sizeof(key->val), sizeof(key->val));
		key->val &= key->mask;
		if (net->ip.family == AF_INET)
			key->off = filter->source ? 12 : 16;
		else
			key->off = (filter->source ? 8 : 24) + 4 * i;
	}
	if (s.sel.nkeys == 0) /* every packet: one word under an empty mask */
		s.sel.nkeys = 1;
	nlk_put(nl, m, TCA_U32_SEL, &s, (int)(sizeof(s.sel) + s.sel.nkeys * sizeof(s.keys[0])));
}

static void put_redirect(struct nlk *nl, struct nl_msg *m, int to)
{
	struct nlattr *actions = nlk_nest(nl, m, TCA_U32_ACT);
	struct nlattr *first = nlk_nest(nl, m, 1), *options;
	struct tc_mirred parms = { .action = TC_ACT_STOLEN,
				   .eaction = TCA_EGRESS_REDIR,
				   .ifindex = to };

	nlk_put_str(nl, m, TCA_ACT_KIND, "mirred");
	options = nlk_nest(nl, m, TCA_ACT_OPTIONS);
	nlk_put(nl, m, TCA_MIRRED_PARMS, &parms, sizeof(parms));
	nlk_nest_end(m, options);
	nlk_nest_end(m, first);
	nlk_nest_end(m, actions);
}

void tc_queue_filter(struct nlk *nl, const struct tc_filter *filter)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = filter->index,
			     .tcm_parent = filter->parent,
			     .tcm_info = TC_HANDLE(filter->priority, htons(filter->protocol)) };
	struct nl_msg *m =
		request(nl, "add a filter", RTM_NEWTFILTER, NLM_F_CREATE | NLM_F_EXCL, &tcm, "u32");
	struct nlattr *options = nlk_nest(nl, m, TCA_OPTIONS);

	if (filter->class)
		nlk_put_u32(nl, m, TCA_U32_CLASSID, filter->class);
	put_selector(nl, m, filter);
	if (filter->redirect)
		put_redirect(nl, m, filter->redirect);
	nlk_nest_end(m, options);
}

/* ---- programs ---- */

#define BPF_HANDLE   1
#define BPF_PRIORITY 72 /* as the protocol number of our routes: nobody else's by chance */

static struct nl_msg *bpf_request(struct nlk *nl, const char *what, int type, int flags, int index,
				  uint32_t parent)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = index,
			     .tcm_handle = BPF_HANDLE,
			     .tcm_parent = parent,
			     .tcm_info = TC_HANDLE(BPF_PRIORITY, htons(ETH_P_ALL)) };

	return request(nl, what, type, flags, &tcm, "bpf");
}

void tc_queue_bpf(struct nlk *nl, int index, uint32_t parent, int prog, const char *name)
{
	struct nl_msg *m =
		bpf_request(nl, "attach the program", RTM_NEWTFILTER, NLM_F_CREATE, index, parent);
	struct nlattr *options = nlk_nest(nl, m, TCA_OPTIONS);

	nlk_put_u32(nl, m, TCA_BPF_FD, (uint32_t)prog);
	nlk_put_str(nl, m, TCA_BPF_NAME, name);
	nlk_put_u32(nl, m, TCA_BPF_FLAGS, TCA_BPF_FLAG_ACT_DIRECT);
	nlk_nest_end(m, options);
}

void tc_queue_del_bpf(struct nlk *nl, int index, uint32_t parent)
{
	bpf_request(nl, "detach the program", RTM_DELTFILTER, 0, index, parent);
}

static int read_bpf(const struct nlmsghdr *hdr, void *arg)
{
	struct nlattr *attr[TCA_MAX + 1], *bpf[TCA_BPF_MAX + 1];
	uint32_t *id = arg;

	if (hdr->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(struct tcmsg), attr, TCA_MAX, NULL) < 0)
		return -EBADMSG;
	if (attr[TCA_OPTIONS] && nla_parse_nested(bpf, TCA_BPF_MAX, attr[TCA_OPTIONS], NULL) == 0 &&
	    bpf[TCA_BPF_ID])
		*id = nla_get_u32(bpf[TCA_BPF_ID]);
	return 0;
}

int tc_get_bpf(struct nlk *nl, int index, uint32_t parent, uint32_t *id)
{
	uint32_t found = 0;
	int r;

	bpf_request(nl, "look for the program", RTM_GETTFILTER, 0, index, parent);
	r = nlk_send(nl, read_bpf, &found);
	/* EINVAL: the interface has no such hook, or another kind of filter is there */
	if (r < 0 && r != -ENOENT && r != -EINVAL)
		return r;
	*id = found;
	return 0;
}

static int note_filter(const struct nlmsghdr *hdr, void *arg)
{
	if (hdr->nlmsg_type == RTM_NEWTFILTER)
		*(int *)arg = 1;
	return 0;
}

int tc_has_filters(struct nlk *nl, int index, uint32_t parent)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = parent };
	int found = 0, r;

	request(nl, "list the filters", RTM_GETTFILTER, 0, &tcm, NULL);
	r = nlk_dump(nl, note_filter, NULL, &found);
	return r < 0 ? r : found;
}

/* ---- looking ---- */

static void read_tbf(struct nlattr *options, struct tc_info *out)
{
	struct nlattr *attr[TCA_TBF_MAX + 1];
	struct tc_tbf_qopt opt;

	if (nla_parse_nested(attr, TCA_TBF_MAX, options, NULL) < 0 || !attr[TCA_TBF_PARMS] ||
	    nla_len(attr[TCA_TBF_PARMS]) < (int)sizeof(opt))
		return;
	memcpy(&opt, nla_data(attr[TCA_TBF_PARMS]), sizeof(opt));
	out->bytes_per_s = attr[TCA_TBF_RATE64] ? nla_get_u64(attr[TCA_TBF_RATE64]) : opt.rate.rate;
	out->buffer = opt.buffer;
	out->limit = opt.limit;
}

/* nlk_reply_fn */
static int read_info(const struct nlmsghdr *hdr, void *arg)
{
	const struct tcmsg *tcm = nlmsg_data(hdr);
	struct nlattr *attr[TCA_MAX + 1];
	struct tc_info *out = arg;

	if (hdr->nlmsg_type != RTM_NEWQDISC)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*tcm), attr, TCA_MAX, NULL) < 0)
		return -EBADMSG;
	out->handle = tcm->tcm_handle;
	if (attr[TCA_KIND])
		nla_strlcpy(out->kind, attr[TCA_KIND], sizeof(out->kind));
	if (attr[TCA_OPTIONS] && strcmp(out->kind, "tbf") == 0)
		read_tbf(attr[TCA_OPTIONS], out);
	return 0;
}

int tc_get_qdisc(struct nlk *nl, int index, uint32_t parent, struct tc_info *out)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = parent };
	struct tc_info info = { 0 };
	int r;

	/* the answer goes to whoever listens, and here only as an echo */
	request(nl, "look at the qdisc", RTM_GETQDISC, NLM_F_ECHO, &tcm, NULL);
	r = nlk_send(nl, read_info, &info);
	/* EINVAL: nothing that can be shown, as when an ingress qdisc was removed */
	if (r < 0 && r != -ENOENT && r != -EINVAL)
		return r;
	if (info.handle == 0) /* the default one, which any other replaces */
		info.kind[0] = '\0';
	*out = info;
	return 0;
}

struct search {
	int to, found;
};

/* Whether the first action of a u32 filter redirects to an interface. */
static bool redirects(struct nlattr *options, int to)
{
	struct nlattr *u32[TCA_U32_MAX + 1], *list[2], *act[TCA_ACT_MAX + 1], *parms;
	struct tc_mirred mirred;

	if (nla_parse_nested(u32, TCA_U32_MAX, options, NULL) < 0 || !u32[TCA_U32_ACT] ||
	    nla_parse_nested(list, 1, u32[TCA_U32_ACT], NULL) < 0 || !list[1] ||
	    nla_parse_nested(act, TCA_ACT_MAX, list[1], NULL) < 0 || !act[TCA_ACT_KIND] ||
	    !act[TCA_ACT_OPTIONS] || strcmp(nla_data(act[TCA_ACT_KIND]), "mirred") != 0)
		return false;
	parms = nla_find(nla_data(act[TCA_ACT_OPTIONS]), nla_len(act[TCA_ACT_OPTIONS]),
			 TCA_MIRRED_PARMS);
	if (!parms || nla_len(parms) < (int)sizeof(mirred))
		return false;
	memcpy(&mirred, nla_data(parms), sizeof(mirred));
	return mirred.eaction == TCA_EGRESS_REDIR && (int)mirred.ifindex == to;
}

static int count_filter(const struct nlmsghdr *hdr, void *arg)
{
	struct nlattr *attr[TCA_MAX + 1], *options;
	struct search *s = arg;

	if (hdr->nlmsg_type != RTM_NEWTFILTER)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(struct tcmsg), attr, TCA_MAX, NULL) < 0)
		return -EBADMSG;
	options = attr[TCA_OPTIONS];
	/* hash tables, which the kernel lists as well, have no selector */
	if (options && nla_find(nla_data(options), nla_len(options), TCA_U32_SEL) &&
	    (!s->to || redirects(options, s->to)))
		s->found++;
	return 0;
}

static void forget(void *arg)
{
	((struct search *)arg)->found = 0;
}

int tc_count_filters(struct nlk *nl, int index, uint32_t parent, int redirect)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC, .tcm_ifindex = index, .tcm_parent = parent };
	struct search s = { .to = redirect };
	int r;

	request(nl, "list the filters", RTM_GETTFILTER, 0, &tcm, NULL);
	r = nlk_dump(nl, count_filter, forget, &s);
	return r < 0 ? r : s.found;
}

int tc_del_qdisc(struct nlk *nl, int index, uint32_t parent, uint32_t handle, const char *kind)
{
	struct tcmsg tcm = { .tcm_family = AF_UNSPEC,
			     .tcm_ifindex = index,
			     .tcm_handle = handle,
			     .tcm_parent = parent };
	int r;

	request(nl, "remove the qdisc", RTM_DELQDISC, 0, &tcm, kind);
	r = nlk_send(nl, NULL, NULL);
	/* EINVAL: another handle or kind */
	if (r == -ENOENT || r == -ENODEV || r == -EINVAL)
		return 0;
	return r < 0 ? r : 1;
}
