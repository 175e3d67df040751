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
#include "hawser_list.h"
#include "hawser_overlay.h"
#include "log.h"
#include "nat.h"
#include "overlay.h"
#include "plugins/filter.h"
#include "plugins/firewall_record.h"
#include "plugins/portmap_record.h"

#include <getopt.h>
#include <signal.h>
#include <string.h>

static const char usage_text[] =
	"usage: hawser list [--json]\n"
	"       hawser reload\n"
	"       hawser cleanup NETWORK|CONTAINER\n"
	"       hawser overlay status [NETWORK] [--json] [--no-probe] [--timeout SECONDS]\n"
	"       hawser overlay graph [NETWORK] [--svg] [--no-probe] [--timeout SECONDS]\n"
	"       hawser overlay obey NETWORK\n"
	"\n"
	"list     the attachments of this node: network, container, interface, addresses, ports\n"
	"reload   make the netfilter rules and elements of all attachments again, in one\n"
	"         transaction: after \"nft flush ruleset\" or the restart of a firewall\n"
	"cleanup  detach every container of a network, or a container (its whole id) from every\n"
	"         network: links, netfilter, leases and records, also those of the Go plugins\n"
	"overlay  status: what the overlay networks are like, whether their peers answer, and how\n"
	"         large packets to them may be; graph: the same as a picture, in DOT or SVG;\n"
	"         obey: let the nodes go that vanished from the store and that the agent keeps\n"
	"\n"
	"  -j, --json      list, status: as JSON\n"
	"      --svg       graph: as SVG, not DOT\n"
	"      --no-probe  send nothing to the peers\n"
	"  -t, --timeout   how long their answers are waited for, for a network (1 second)\n"
	"  -h, --help      this text\n"
	"  -V, --version   the version\n";

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
		hawser_print_error(&err);
		*(int *)arg = 1;
	}
	return 0;
}

static int reload(void)
{
	struct cni_err err = { 0 };
	int n = 0, failed = 0, r = nat_reload(&n, &err);

	if (r < 0 && r != -EOPNOTSUPP)
		return hawser_print_error(&err);
	state_all(restore, &failed);
	if (overlay_restore(&err) < 0)
		failed = hawser_print_error(&err);
	printf("%d attachments in table inet hawser\n", n);
	return failed;
}

/* ---- the command line ---- */

static int usage(void)
{
	fputs(usage_text, stderr);
	return 2;
}

static int overlay(int argc, char **argv)
{
	int status;

	if (argc == 2 && (strcmp(argv[1], "--help") == 0 || strcmp(argv[1], "-h") == 0)) {
		fputs(usage_text, stdout);
		return 0;
	}
	log_init();
	signal(SIGPIPE, SIG_IGN);
	status = hawser_overlay(argc, argv);
	return status == 2 ? usage() : status;
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

	if (argc > 1 && strcmp(argv[1], "overlay") == 0)
		return overlay(argc - 1, argv + 1);
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
		return hawser_list(as_json);
	if (as_json)
		return usage();
	if (strcmp(verb, "reload") == 0 && argc == 1)
		return reload();
	if (strcmp(verb, "cleanup") == 0 && argc == 2)
		return hawser_cleanup(argv[optind + 1]);
	return usage();
}
