/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser: what a node's attachments are, and putting them right.
 *
 * It works from the attachment records that the plugins write, never from configurations: "list"
 * shows them, "reload" makes the netfilter rules and elements of all of them again (after somebody
 * flushed the ruleset, or restarted a firewall), "cleanup" takes away what is left of a network or
 * a container, also what the Go plugins left. It is installed in sbin and not beside the plugins,
 * because some runtimes run every executable there.
 */
#include "cleanup.h"
#include "cni.h"
#include "hawser_cleanup.h"
#include "log.h"
#include "nat.h"
#include "overlay.h"
#include "plugins/filter.h"
#include "plugins/firewall_record.h"
#include "plugins/portmap_record.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>
#include <time.h>

static const char usage_text[] =
	"usage: hawser list [--json]\n"
	"       hawser reload\n"
	"       hawser cleanup NETWORK|CONTAINER\n"
	"\n"
	"list     the attachments of this node: network, container, interface, addresses, ports\n"
	"reload   make the netfilter rules and elements of all attachments again, in one\n"
	"         transaction: after \"nft flush ruleset\" or the restart of a firewall\n"
	"cleanup  detach every container of a network, or a container (its whole id) from every\n"
	"         network: links, netfilter, leases and records, also those of the Go plugins\n"
	"\n"
	"  -j, --json      list: as JSON\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n";

static int print_error(const struct cni_err *err)
{
	fprintf(stderr, "hawser: %s%s%s\n", err->msg, err->details[0] ? ": " : "", err->details);
	return 1;
}

/* ---- list ---- */

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
	if (iptables)
		nat_plan_parse(json_object_get(iptables, "plan"), &plan);
	else
		nat_plan_read(record, &plan);
	add_ports(json_object_get(attachment, "ports"), &plan);
	return 0;
}

static char *age_text(const json_t *attachment, char *buf, size_t size)
{
	long long created = json_integer_value(json_object_get(attachment, "created"));
	long long s = (long long)time(NULL) - created;

	if (!created || s < 0)
		snprintf(buf, size, "-");
	else if (s < 120)
		snprintf(buf, size, "%llds", s);
	else if (s < 7200)
		snprintf(buf, size, "%lldm", s / 60);
	else if (s < 172800)
		snprintf(buf, size, "%lldh", s / 3600);
	else
		snprintf(buf, size, "%lldd", s / 86400);
	return buf;
}

/* "8080->80/tcp" or "192.0.2.1:9000-9099->9000/udp"; each run once, not once per family. */
static void print_ports(const json_t *ports)
{
	const json_t *port;
	char last[160] = "";
	size_t i;

	json_array_foreach (ports, i, port) {
		const char *host = json_string_value(json_object_get(port, "hostIP"));
		int first = (int)json_integer_value(json_object_get(port, "hostPort"));
		int count = (int)json_integer_value(json_object_get(port, "count"));
		char text[160], range[16] = "";

		if (count > 1)
			snprintf(range, sizeof(range), "-%d", first + count - 1);
		snprintf(text, sizeof(text), "%s%s%s%s%d%s->%d/%s", strchr(host, ':') ? "[" : "",
			 host, strchr(host, ':') ? "]" : "", *host ? ":" : "", first, range,
			 (int)json_integer_value(json_object_get(port, "containerPort")),
			 json_string_value(json_object_get(port, "protocol")));
		if (strcmp(text, last) != 0)
			printf("%s%s", last[0] ? " " : "", text);
		snprintf(last, sizeof(last), "%s", text);
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
		char addresses[160] = "-", age[24];
		size_t used = 0;

		json_array_foreach (json_object_get(attachment, "addresses"), k, address)
			if (used < sizeof(addresses))
				used += (size_t)snprintf(addresses + used, sizeof(addresses) - used,
							 "%s%s", k ? " " : "",
							 json_string_value(address));
		printf("%-16s %-20.20s %-10s %-6s %-40s ", key.network, key.container_id,
		       key.ifname, age_text(attachment, age, sizeof(age)), addresses);
		print_ports(json_object_get(attachment, "ports"));
	}
}

static int list(bool as_json)
{
	json_auto_t *all = json_array();
	int r = state_all(collect, all);
	struct cni_err err = { 0 };

	if (r < 0) {
		cni_fail(&err, CNI_E_IO, r, "list the records below " STATE_ROOT);
		return print_error(&err);
	}
	if (as_json) {
		json_dumpf(all, stdout, JSON_INDENT(4));
		putchar('\n');
	} else {
		print_table(all);
	}
	return fflush(stdout) == 0 ? 0 : 1;
}

/* ---- reload ---- */

/* Backends that are not one table of ours: each record's rules by themselves. */
static int restore(const json_t *record, void *arg)
{
	struct state_key key = state_key_of(record);
	struct cni_err err = { 0 };
	int r = 0;

	if (strcmp(key.plugin, "bridge") == 0 || strcmp(key.plugin, "ptp") == 0 ||
	    strcmp(key.plugin, OVERLAY_PLUGIN) == 0)
		r = filter_restore(record, &err);
	else if (strcmp(key.plugin, "portmap") == 0 && json_object_get(record, "iptables"))
		r = portmap_restore(record, &err);
	else if (strcmp(key.plugin, "firewall") == 0)
		r = firewall_restore(record, &err);
	if (r < 0) {
		fprintf(stderr, "hawser: %s %s: ", key.network, key.container_id);
		print_error(&err);
		*(int *)arg = 1;
	}
	return 0;
}

static int reload(void)
{
	struct cni_err err = { 0 };
	int n = 0, failed = 0, r = nat_reload(&n, &err);

	if (r < 0 && r != -EOPNOTSUPP)
		return print_error(&err);
	state_all(restore, &failed);
	if (overlay_restore(&err) < 0)
		failed = print_error(&err);
	printf("%d attachments in table inet hawser\n", n);
	return failed;
}

/* ---- the command line ---- */

static int usage(void)
{
	fputs(usage_text, stderr);
	return 2;
}

int main(int argc, char **argv)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "help", no_argument, NULL, 'h' },
						 { "version", no_argument, NULL, 'V' },
						 { NULL, 0, NULL, 0 } };
	bool as_json = false;
	const char *verb;
	int c;

	while ((c = getopt_long(argc, argv, "jhV", options, NULL)) != -1) {
		switch (c) {
		case 'j':
			as_json = true;
			break;
		case 'h':
			fputs(usage_text, stdout);
			return 0;
		case 'V':
			printf("hawser " HAWSER_VERSION "\n");
			return 0;
		default:
			return usage();
		}
	}
	log_init();
	signal(SIGPIPE, SIG_IGN);
	verb = optind < argc ? argv[optind] : "";
	argc -= optind;
	if (strcmp(verb, "list") == 0 && argc == 1)
		return list(as_json);
	if (as_json)
		return usage();
	if (strcmp(verb, "reload") == 0 && argc == 1)
		return reload();
	if (strcmp(verb, "cleanup") == 0 && argc == 2)
		return hawser_cleanup(argv[optind + 1]);
	return usage();
}
