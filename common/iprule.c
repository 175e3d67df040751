/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Rules of policy routing: "from 10.1.0.2 lookup 100". */
#include "iprule.h"

#include <errno.h>
#include <linux/fib_rules.h>
#include <string.h>

static void queue(struct nlk *nl, const char *what, int type, int flags, const struct iprule *rule)
{
	struct fib_rule_hdr hdr = { .family = rule->from.ip.family,
				    .src_len = rule->from.len,
				    .action = FR_ACT_TO_TBL };
	struct nl_msg *m = nlk_request(nl, what, type, flags, &hdr, sizeof(hdr));

	if (rule->from.len)
		nlk_put(nl, m, FRA_SRC, rule->from.ip.b, ip_bytes(&rule->from.ip));
	nlk_put_u32(nl, m, FRA_TABLE, rule->table);
}

void iprule_queue_add(struct nlk *nl, const struct iprule *rule)
{
	queue(nl, "add a rule", RTM_NEWRULE, NLM_F_CREATE | NLM_F_EXCL, rule);
}

void iprule_queue_del(struct nlk *nl, const struct iprule *rule)
{
	queue(nl, "remove a rule", RTM_DELRULE, 0, rule);
	nlk_ignore(nl, -ENOENT);
}

static int read_rule(const struct nlmsghdr *hdr, void *arg)
{
	const struct fib_rule_hdr *rule = nlmsg_data(hdr);
	struct nlattr *attr[FRA_MAX + 1];
	struct iprule_list *list = arg;
	struct iprule *r;

	if (hdr->nlmsg_type != RTM_NEWRULE || rule->action != FR_ACT_TO_TBL)
		return 0;
	if (nlmsg_parse((struct nlmsghdr *)hdr, sizeof(*rule), attr, FRA_MAX, NULL) < 0)
		return -EBADMSG;
	if (list->n == IPRULE_LIST_MAX)
		return -E2BIG;
	r = &list->r[list->n++];
	*r = (struct iprule){ .from = { .ip.family = rule->family, .len = rule->src_len },
			      .table = attr[FRA_TABLE] ? nla_get_u32(attr[FRA_TABLE])
						       : rule->table };
	if (attr[FRA_SRC] && nla_len(attr[FRA_SRC]) == ip_bytes(&r->from.ip))
		memcpy(r->from.ip.b, nla_data(attr[FRA_SRC]), nla_len(attr[FRA_SRC]));
	return 0;
}

struct restartable {
	struct iprule_list *list;
	int before;
};

static int read_one(const struct nlmsghdr *hdr, void *arg)
{
	return read_rule(hdr, ((struct restartable *)arg)->list);
}

static void forget(void *arg)
{
	struct restartable *re = arg;

	re->list->n = re->before;
}

int iprule_list_get(struct nlk *nl, int family, struct iprule_list *out)
{
	struct fib_rule_hdr hdr = { .family = family };
	struct restartable re = { out, out->n };
	int r;

	nlk_request(nl, "list rules", RTM_GETRULE, 0, &hdr, sizeof(hdr));
	r = nlk_dump(nl, read_one, forget, &re);
	return r == -EAFNOSUPPORT || r == -EOPNOTSUPP ? 0 : r;
}

bool iprule_list_has(const struct iprule_list *list, const struct iprule *rule)
{
	for (int i = 0; i < list->n; i++)
		if (list->r[i].table == rule->table && list->r[i].from.len == rule->from.len &&
		    ip_equal(&list->r[i].from.ip, &rule->from.ip))
			return true;
	return false;
}
