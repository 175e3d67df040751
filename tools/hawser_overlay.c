/* SPDX-License-Identifier: GPL-2.0-or-later */
/* "hawser overlay": what the overlay networks of this node are like, as text, JSON or a picture;
 * and the administrator's word to their agent. */
#include "hawser_overlay.h"

#include "cleanup.h"
#include "hawser_list.h"
#include "overlay_agent.h"
#include "overlay_picture.h"
#include "overlay_report.h"
#include "table.h"

#include <getopt.h>
#include <string.h>

#define TIMEOUT_MS 1000

static const char *text_of(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return text ? text : "";
}

/* "10.5.1.0/24 fd00:5:0:1::/64" */
static void join(const json_t *list, char *buf, size_t size)
{
	const json_t *item;
	size_t i, used = 0;

	buf[0] = '\0';
	json_array_foreach (list, i, item)
		if (used < size)
			used += (size_t)snprintf(buf + used, size - used, "%s%s", i ? " " : "",
						 json_string_value(item));
	text_sanitize(buf);
}

/* ---- text ---- */

static void print_store(const json_t *network)
{
	const json_t *store = json_object_get(network, "store");
	const json_t *agent = json_object_get(network, "agent");
	char age[HAWSER_AGE_STRLEN], line[1024];

	if (!agent && store)
		printf("  store    %s, which knows the peers\n", text_of(store, "type"));
	if (!agent)
		return;
	snprintf(line, sizeof(line), "  agent    %s%s%s",
		 json_is_true(json_object_get(agent, "running")) ? "runs" : "is not running",
		 *text_of(agent, "version") ? ", version " : "", text_of(agent, "version"));
	text_sanitize(line);
	puts(line);
	if (!store)
		return;
	snprintf(line, sizeof(line), "  store    %s %s, %s for %s, revision %lld%s%s",
		 text_of(store, "type"), text_of(store, "endpoint"),
		 json_is_true(json_object_get(store, "connected")) ? "connected" : "not connected",
		 hawser_age_str(json_integer_value(json_object_get(store, "since")), age),
		 (long long)json_integer_value(json_object_get(store, "revision")),
		 *text_of(store, "lastError") ? ", last error: " : "", text_of(store, "lastError"));
	text_sanitize(line);
	puts(line);
}

static void print_head(const json_t *network)
{
	const json_t *device, *table = json_object_get(network, "table");
	char subnets[128], line[1024];
	size_t i;

	join(json_object_get(network, "subnets"), subnets, sizeof(subnets));
	snprintf(line, sizeof(line), "network %s: VNI %lld, port %lld, mode %s%s%s",
		 text_of(network, "network"),
		 (long long)json_integer_value(json_object_get(network, "vni")),
		 (long long)json_integer_value(json_object_get(network, "port")),
		 text_of(network, "mode"),
		 json_is_true(json_object_get(network, "evpn")) ? ", EVPN" : "",
		 json_is_true(json_object_get(network, "directRouting")) ? ", directRouting" : "");
	text_sanitize(line);
	puts(line);
	snprintf(line, sizeof(line), "  node     %s, VTEP %s, subnets %s",
		 *text_of(network, "node") ? text_of(network, "node") : "-",
		 *text_of(network, "vtep") ? text_of(network, "vtep") : "-", subnets);
	text_sanitize(line);
	puts(line);
	json_array_foreach (json_object_get(network, "devices"), i, device) {
		printf("  device   %s %s", text_of(device, "name"), text_of(device, "state"));
		if (json_object_get(device, "mtu"))
			printf(", MTU %lld, %s",
			       (long long)json_integer_value(json_object_get(device, "mtu")),
			       text_of(device, "mac"));
		putchar('\n');
	}
	if (table)
		printf("  table    %s %s %s\n", text_of(table, "family"), text_of(table, "name"),
		       json_is_true(json_object_get(table, "whole")) ? "whole" : "not whole");
	print_store(network);
}

static const char *reach_text(const json_t *peer)
{
	const json_t *reachable = json_object_get(peer, "reachable"), *probe;
	size_t i;

	if (!reachable)
		return "-";
	if (json_is_true(reachable))
		return "yes";
	json_array_foreach (json_object_get(peer, "probes"), i, probe)
		if (json_is_true(json_object_get(probe, "reachable")))
			return strchr(text_of(probe, "address"), ':') ? "IPv6" : "IPv4";
	return "no";
}

static void add_row(struct table *table, const json_t *peer)
{
	const json_t *entries = json_object_get(peer, "entries");
	const json_t *rtt = json_object_get(peer, "rttMicroseconds"),
		     *mtu = json_object_get(peer, "mtu");
	long long expected = json_integer_value(json_object_get(entries, "expected"));
	long long missing = (long long)json_array_size(json_object_get(entries, "missing"));
	char subnets[128], age[HAWSER_AGE_STRLEN];

	join(json_object_get(peer, "subnets"), subnets, sizeof(subnets));
	table_cell(table, "%s", *text_of(peer, "node") ? text_of(peer, "node") : "-");
	table_cell(table, "%s", text_of(peer, "vtep"));
	table_cell(table, "%s", subnets);
	if (entries)
		table_cell(table, "%lld/%lld%s", expected - missing, expected,
			   json_is_true(json_object_get(entries, "direct")) ? " direct" : "");
	else
		table_cell(table, "-");
	table_cell(table, "%s", reach_text(peer));
	if (rtt)
		table_cell(table, "%.3f ms", (double)json_integer_value(rtt) / 1000);
	else
		table_cell(table, "-");
	if (mtu)
		table_cell(table, "%lld", (long long)json_integer_value(mtu));
	else
		table_cell(table, "-");
	table_cell(table, "%s",
		   hawser_age_str(json_integer_value(json_object_get(peer, "since")), age));
}

static void print_peers(const json_t *peers)
{
	static const char *const heads[] = { "NODE",	"VTEP", "SUBNETS", "ENTRIES",
					     "REACHED", "RTT",	"MTU",	   "AGE" };
	autotable struct table table = { .columns = ARRAY_SIZE(heads), .indent = 2 };
	const json_t *peer;
	size_t i;

	if (json_array_size(peers) == 0) {
		puts("  no peers");
		return;
	}
	for (i = 0; i < ARRAY_SIZE(heads); i++)
		table_cell(&table, "%s", heads[i]);
	json_array_foreach (peers, i, peer)
		add_row(&table, peer);
	table_print(&table);
}

static void print_text(const json_t *report)
{
	const json_t *network, *problem;
	size_t i, k;

	if (json_array_size(report) == 0)
		puts("no overlay network on this node");
	json_array_foreach (report, i, network) {
		if (i)
			putchar('\n');
		if (json_object_get(network, "vni")) {
			print_head(network);
			putchar('\n');
			print_peers(json_object_get(network, "peers"));
		} else {
			printf("network %s\n", text_of(network, "network"));
			print_store(network);
		}
		if (json_array_size(json_object_get(network, "problems")))
			putchar('\n');
		json_array_foreach (json_object_get(network, "problems"), k, problem)
			printf("  problem: %s\n", json_string_value(problem));
	}
}

/* ---- the command line ---- */

struct command {
	bool json, svg, plain; /* plain: without any option */
	struct overlay_report_how how;
	const char *verb, *network;
};

/* "1", "0.5": between 0.05 and 60 seconds. */
static int read_timeout(const char *text, int *ms)
{
	char *end;
	double s = strtod(text, &end);

	if (*text < '0' || *text > '9' || *end || !(s >= 0.05) || !(s <= 60))
		return -EINVAL;
	*ms = (int)(s * 1000);
	return 0;
}

static int read_words(int argc, char **argv, struct command *c)
{
	argc -= optind;
	if (argc < 1 || argc > 2)
		return -EINVAL;
	c->verb = argv[optind];
	c->network = argc > 1 ? argv[optind + 1] : NULL;
	if (strcmp(c->verb, "obey") == 0)
		return c->network && c->plain ? 0 : -EINVAL;
	if (strcmp(c->verb, "status") == 0)
		return c->svg ? -EINVAL : 0;
	return strcmp(c->verb, "graph") == 0 && !c->json ? 0 : -EINVAL;
}

static int read_command(int argc, char **argv, struct command *c)
{
	static const struct option options[] = { { "json", no_argument, NULL, 'j' },
						 { "svg", no_argument, NULL, 's' },
						 { "no-probe", no_argument, NULL, 'n' },
						 { "timeout", required_argument, NULL, 't' },
						 { NULL, 0, NULL, 0 } };
	int o;

	optind = 1;
	c->plain = true;
	while ((o = getopt_long(argc, argv, "jt:", options, NULL)) != -1) {
		c->plain = false;
		switch (o) {
		case 'j':
			c->json = true;
			break;
		case 's':
			c->svg = true;
			break;
		case 'n':
			c->how.probe = false;
			break;
		case 't':
			if (read_timeout(optarg, &c->how.timeout_ms) == 0)
				break;
			fprintf(stderr,
				"hawser: --timeout: \"%s\" is not between 0.05 and 60 seconds\n",
				optarg);
			return -EINVAL;
		default:
			return -EINVAL;
		}
	}
	return read_words(argc, argv, c);
}

static int graph(const struct command *c, const json_t *report)
{
	struct cni_err err = { 0 };
	json_auto_t *attachments = hawser_attachments(&err);

	if (!attachments)
		return hawser_print_error(&err);
	if (c->svg)
		overlay_svg(stdout, report, attachments);
	else
		overlay_dot(stdout, report, attachments);
	return fflush(stdout) == 0 ? 0 : 1;
}

int hawser_overlay(int argc, char **argv)
{
	struct command c = { .how = { .probe = true, .timeout_ms = TIMEOUT_MS } };
	json_auto_t *report = NULL;
	struct cni_err err = { 0 };

	if (read_command(argc, argv, &c) < 0)
		return 2;
	if (strcmp(c.verb, "obey") == 0)
		return overlay_agent_obey(c.network, &err) < 0 ? hawser_print_error(&err) : 0;
	report = overlay_report(c.network, &c.how, &err);
	if (!report)
		return hawser_print_error(&err);
	if (strcmp(c.verb, "graph") == 0)
		return graph(&c, report);
	if (c.json) {
		json_dumpf(report, stdout, JSON_INDENT(4));
		putchar('\n');
	} else {
		print_text(report);
	}
	return fflush(stdout) == 0 && overlay_report_problems(report) == 0 ? 0 : 1;
}
