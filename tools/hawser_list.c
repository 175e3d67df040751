/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hawser list", and what others print of attachments. */
#include "hawser_list.h"

#include "cleanup.h"
#include "nat.h"
#include "state.h"

#include <string.h>
#include <time.h>

int hawser_print_error(const struct cni_err *err)
{
	fprintf(stderr, "hawser: %s%s%s\n", err->msg, err->details[0] ? ": " : "", err->details);
	return 1;
}

/* The attachment that a record belongs to; made when it is the first. */
static json_t *attachment_of(json_t *list, const struct state_key *key)
{
	json_t *attachment;
	size_t i;

	json_array_foreach (list, i, attachment) {
		struct state_key k = state_key_of(attachment);

		if (!strcmp(k.network, key->network) &&
		    !strcmp(k.container_id, key->container_id) && !strcmp(k.ifname, key->ifname))
			return attachment;
	}
	attachment = json_pack("{s:s, s:s, s:s, s:[], s:[], s:[]}", "network", key->network,
			       "containerID", key->container_id, "ifname", key->ifname, "plugins",
			       "addresses", "ports");
	json_array_append_new(list, attachment);
	return attachment;
}

static void add_ports(json_t *ports, const struct nat_plan *plan)
{
	for (size_t i = 0; i < plan->n_runs; i++) {
		const struct port_run *run = &plan->runs[i];
		char host[IP_STRLEN] = "", container[IP_STRLEN];

		if (run->host.family)
			ip_str(&run->host, host);
		json_array_append_new(ports,
				      json_pack("{s:s, s:s, s:i, s:s, s:i, s:i}", "protocol",
						port_proto(run->proto), "hostIP", host, "hostPort",
						run->host_port, "containerIP",
						ip_str(&run->container, container), "containerPort",
						run->container_port, "count", (int)run->count));
	}
}

static int collect(const json_t *record, void *arg)
{
	struct state_key key = state_key_of(record);
	json_t *attachment = attachment_of(arg, &key);
	json_t *addresses = json_object_get(attachment, "addresses");
	const json_t *created = json_object_get(record, "created");
	const json_t *iptables = json_object_get(record, "iptables");
	autoplan struct nat_plan plan = { 0 };

	json_array_append_new(json_object_get(attachment, "plugins"), json_string(key.plugin));
	if (json_array_size(addresses) == 0)
		json_array_extend(addresses, json_object_get(record, "ips"));
	if (!json_object_get(attachment, "created") && created)
		json_object_set(attachment, "created", (json_t *)created);
	if (!json_object_get(attachment, "netns") && json_object_get(record, "netns"))
		json_object_set(attachment, "netns", json_object_get(record, "netns"));
	if (iptables)
		nat_plan_parse(json_object_get(iptables, "plan"), &plan);
	else
		nat_plan_read(record, &plan);
	add_ports(json_object_get(attachment, "ports"), &plan);
	return 0;
}

json_t *hawser_attachments(struct cni_err *err)
{
	json_t *all = json_array();
	int r = state_all(collect, all);

	if (r == 0)
		return all;
	json_decref(all);
	cni_fail(err, CNI_E_IO, r, "list the records below " STATE_ROOT);
	return NULL;
}

/* ---- text ---- */

char *hawser_age_str(long long since, char buf[HAWSER_AGE_STRLEN])
{
	long long s = (long long)time(NULL) - since;

	if (!since || s < 0)
		snprintf(buf, HAWSER_AGE_STRLEN, "-");
	else if (s < 120)
		snprintf(buf, HAWSER_AGE_STRLEN, "%llds", s);
	else if (s < 7200)
		snprintf(buf, HAWSER_AGE_STRLEN, "%lldm", s / 60);
	else if (s < 172800)
		snprintf(buf, HAWSER_AGE_STRLEN, "%lldh", s / 3600);
	else
		snprintf(buf, HAWSER_AGE_STRLEN, "%lldd", s / 86400);
	return buf;
}

char *hawser_port_str(const json_t *port, char buf[HAWSER_PORT_STRLEN])
{
	const char *host = json_string_value(json_object_get(port, "hostIP"));
	int first = (int)json_integer_value(json_object_get(port, "hostPort"));
	int count = (int)json_integer_value(json_object_get(port, "count"));
	char range[16] = "";

	if (count > 1)
		snprintf(range, sizeof(range), "-%d", first + count - 1);
	snprintf(buf, HAWSER_PORT_STRLEN, "%s%s%s%s%d%s->%d/%s", strchr(host, ':') ? "[" : "", host,
		 strchr(host, ':') ? "]" : "", *host ? ":" : "", first, range,
		 (int)json_integer_value(json_object_get(port, "containerPort")),
		 json_string_value(json_object_get(port, "protocol")));
	return buf;
}

/* Each run once, not once per family. */
static void print_ports(const json_t *ports)
{
	char last[HAWSER_PORT_STRLEN] = "";
	const json_t *port;
	size_t i;

	json_array_foreach (ports, i, port) {
		char text[HAWSER_PORT_STRLEN];

		hawser_port_str(port, text);
		if (strcmp(text, last) != 0)
			printf("%s%s", last[0] ? " " : "", text);
		memcpy(last, text, sizeof(last));
	}
	printf("%s\n", last[0] ? "" : "-");
}

static void print_table(const json_t *list)
{
	const json_t *attachment, *address;
	size_t i, k;

	printf("%-16s %-20s %-10s %-6s %-40s %s\n", "NETWORK", "CONTAINER", "INTERFACE", "AGE",
	       "ADDRESSES", "PORTS");
	json_array_foreach (list, i, attachment) {
		struct state_key key = state_key_of(attachment);
		char addresses[160] = "-", age[HAWSER_AGE_STRLEN];
		size_t used = 0;

		json_array_foreach (json_object_get(attachment, "addresses"), k, address)
			if (used < sizeof(addresses))
				used += (size_t)snprintf(addresses + used, sizeof(addresses) - used,
							 "%s%s", k ? " " : "",
							 json_string_value(address));
		printf("%-16s %-20.20s %-10s %-6s %-40s ", key.network, key.container_id,
		       key.ifname,
		       hawser_age_str(json_integer_value(json_object_get(attachment, "created")),
				      age),
		       addresses);
		print_ports(json_object_get(attachment, "ports"));
	}
}

int hawser_list(bool as_json)
{
	struct cni_err err = { 0 };
	json_auto_t *all = hawser_attachments(&err);

	if (!all)
		return hawser_print_error(&err);
	if (as_json) {
		json_dumpf(all, stdout, JSON_INDENT(4));
		putchar('\n');
	} else {
		print_table(all);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}
