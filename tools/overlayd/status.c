/* SPDX-License-Identifier: GPL-2.0-or-later */
/* hawser-overlayd: what is told about its networks. */
#include "status.h"

#include "args.h"
#include "cleanup.h"
#include "cni.h"

#include <string.h>

static size_t count_peers(const struct network *n)
{
	return n->view ? n->view->leg[0].peers.n + n->view->leg[1].peers.n : 0;
}

static struct store_health health_of(const struct network *n)
{
	return n->store ? store_get_health(n->store) : (struct store_health){ 0 };
}

/* ---- JSON ---- */

static json_t *store_json(const struct network *n)
{
	struct store_health h = health_of(n);

	return json_pack("{s:s, s:s, s:b, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:I}", "type",
			 n->conf.ops->type, "endpoint", h.endpoint, "connected", (int)h.connected,
			 "since", (json_int_t)h.since, "lastOk", (json_int_t)h.last_ok, "lastError",
			 h.last_error, "revision", (json_int_t)h.revision, "leaseUntil",
			 (json_int_t)h.lease_until, "errors", (json_int_t)h.errors, "events",
			 (json_int_t)h.events, "relists", (json_int_t)h.relists);
}

static bool is_held(const struct network *n, int leg, const struct overlay_peer *p)
{
	for (size_t i = 0; n->n_held && i < n->hold.n; i++) {
		const struct gone *g = &n->hold.gone[i];

		if (g->held && g->leg == leg && ip_equal(&g->peer.vtep, &p->vtep) &&
		    ip_equal(&g->peer.subnet[leg].ip, &p->subnet[leg].ip))
			return true;
	}
	return false;
}

static void add_probe(json_t *peer, const struct probe_peer *known)
{
	if (!known)
		return;
	json_object_update_new(peer, json_pack("{s:b, s:I}", "reachable", (int)known->reachable,
					       "probedAt", (json_int_t)known->at));
	if (known->reachable)
		json_object_set_new(peer, "rttMicroseconds", json_integer(known->rtt_us));
	if (known->mtu)
		json_object_set_new(peer, "mtu", json_integer(known->mtu));
}

static json_t *peers_json(const struct network *n)
{
	json_t *list = json_array();

	for (int i = 0; n->view && i < 2; i++)
		for (size_t k = 0; k < n->view->leg[i].peers.n; k++) {
			const struct overlay_peer *p = &n->view->leg[i].peers.p[k];
			json_t *peer = overlay_peer_json(p, n->st.vni);

			json_object_set_new(peer, "held", json_boolean(is_held(n, i, p)));
			add_probe(peer, probe_of(n, i, k));
			json_array_append_new(list, peer);
		}
	return list;
}

/* The VXLAN devices. */
static json_t *legs_json(const struct network *n)
{
	char name[OVERLAY_DEVICE_MAX], local[IP_STRLEN], mac[MAC_STRLEN];
	json_t *list = json_array();

	for (int i = 0; i < 2; i++) {
		const struct leg *leg = &n->leg[i];

		if (leg->used)
			json_array_append_new(
				list, json_pack("{s:s, s:s, s:s}", "device",
						overlay_device_name(leg->st.vni, leg->second, name),
						"local", ip_str(&leg->st.local, local), "mac",
						mac_str(leg->mac.b, mac)));
	}
	return list;
}

static json_t *network_json(const struct network *n)
{
	json_t *obj = json_pack("{s:s, s:s, s:o, s:b, s:i, s:s, s:s, s:I, s:i, s:o}", "network",
				n->conf.network, "node", n->conf.node, "store", store_json(n),
				"held", (int)(n->n_held > 0), "heldPeers", (int)n->n_held,
				"conflict", n->conflict, "lastError", n->error, "errorSince",
				(json_int_t)(*n->error ? n->error_since : 0), "refused",
				(int)(n->view ? n->view->refused : 0), "peers", peers_json(n));

	if (obj && n->view)
		json_object_update_new(
			obj, json_pack("{s:I, s:i, s:i, s:o, s:o, s:b, s:o}", "vni",
				       (json_int_t)n->st.vni, "port", (int)n->st.port, "mtu",
				       n->st.mtu, "networks", overlay_nets_json(n->st.net),
				       "subnets", overlay_nets_json(n->st.subnet), "fromSnapshot",
				       (int)!n->view->from_store, "legs", legs_json(n)));
	return obj;
}

char *status_json(const struct network *networks, time_t since)
{
	json_t *list = json_array();
	json_auto_t *obj = NULL;
	char *text;

	for (const struct network *n = networks; n; n = n->next)
		json_array_append_new(list, network_json(n));
	obj = json_pack("{s:{s:s, s:i, s:I}, s:o}", "agent", "version", HAWSER_VERSION, "pid",
			(int)getpid(), "since", (json_int_t)since, "networks", list);
	text = json_dumps(obj, JSON_COMPACT);
	if (!text)
		abort();
	return text;
}

/* ---- metrics ---- */

struct metric {
	const char *name, *type, *help;
	double (*value)(const struct network *n, const struct store_health *h);
};

static double peers(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)count_peers(n);
}
static double held(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)n->n_held;
}
static double reachable(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)probe_count(n).reachable;
}
static double unreachable(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)probe_count(n).unreachable;
}
static double mtu_short(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)probe_count(n).mtu_short;
}
static double refused(const struct network *n, const struct store_health *h)
{
	(void)h;
	return n->view ? (double)n->view->refused : 0;
}
static double conflict(const struct network *n, const struct store_health *h)
{
	(void)h;
	return n->conflict[0] != '\0';
}
static double failing(const struct network *n, const struct store_health *h)
{
	(void)h;
	return n->error[0] != '\0';
}
static double mtu(const struct network *n, const struct store_health *h)
{
	(void)h;
	return n->st.mtu;
}
static double runs(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)n->n_runs;
}
static double writes(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)n->n_writes;
}
static double repairs(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)n->n_healed;
}
static double errors(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)n->n_errors;
}
static double last_run(const struct network *n, const struct store_health *h)
{
	(void)h;
	return (double)n->last_run_us / 1e6;
}
static double connected(const struct network *n, const struct store_health *h)
{
	(void)n;
	return h->connected;
}
static double last_ok(const struct network *n, const struct store_health *h)
{
	(void)n;
	return (double)h->last_ok;
}
static double store_errors(const struct network *n, const struct store_health *h)
{
	(void)n;
	return (double)h->errors;
}
static double events(const struct network *n, const struct store_health *h)
{
	(void)n;
	return (double)h->events;
}
static double relists(const struct network *n, const struct store_health *h)
{
	(void)n;
	return (double)h->relists;
}
static double lease(const struct network *n, const struct store_health *h)
{
	(void)n;
	return (double)h->lease_until;
}

static const struct metric metrics[] = {
	{ "peers", "gauge", "Nodes that this one can reach, with those held.", peers },
	{ "peers_held", "gauge", "Nodes that are kept although the store has lost them.", held },
	{ "peers_reachable", "gauge", "Nodes that answer through the overlay.", reachable },
	{ "peers_unreachable", "gauge", "Nodes that do not.", unreachable },
	{ "peers_mtu_short", "gauge", "Nodes from which packets of the full MTU do not come back.",
	  mtu_short },
	{ "records_refused", "gauge", "Bad records in the store.", refused },
	{ "conflict", "gauge", "1 when this node cannot have its subnet.", conflict },
	{ "failing", "gauge", "1 when the last look at the kernel failed.", failing },
	{ "mtu_bytes", "gauge", "MTU of the containers.", mtu },
	{ "runs_total", "counter", "Comparisons with the kernel.", runs },
	{ "entries_written_total", "counter", "Routes, neighbours and forwarding entries written.",
	  writes },
	{ "repairs_total", "counter", "Comparisons that found what others had changed.", repairs },
	{ "errors_total", "counter", "Comparisons that failed.", errors },
	{ "last_run_seconds", "gauge", "How long the last comparison took.", last_run },
	{ "store_connected", "gauge", "1 when the store answers.", connected },
	{ "store_last_answer_timestamp_seconds", "gauge", "When the store answered last.",
	  last_ok },
	{ "store_errors_total", "counter", "Requests to the store that failed.", store_errors },
	{ "store_events_total", "counter", "Changes that the store has announced.", events },
	{ "store_relists_total", "counter", "Complete readings of the store.", relists },
	{ "lease_expiry_timestamp_seconds", "gauge", "When this node's lease ends.", lease },
};

static size_t resident_bytes(void)
{
	autofile FILE *f = fopen("/proc/self/statm", "re");
	unsigned long size = 0, resident = 0;

	if (!f || fscanf(f, "%lu %lu", &size, &resident) != 2)
		return 0;
	return resident * (size_t)sysconf(_SC_PAGESIZE);
}

/* ---- metrics of each peer ---- */

#define PEERS_OF_METRICS 500 /* no network with more has them */

/* A node, which may have a record on each device, or one of an older lease. */
struct node {
	char name[OVERLAY_NODE_MAX];
	bool up;
	int rtt_us;
};

static int by_name(const void *a, const void *b)
{
	return strcmp(((const struct node *)a)->name, ((const struct node *)b)->name);
}

/* Those that were asked; one without a name is called by its VTEP. */
static size_t list_records(const struct network *n, struct node *nodes)
{
	size_t used = 0;

	for (int i = 0; n->view && i < 2; i++)
		for (size_t k = 0; k < n->view->leg[i].peers.n; k++) {
			const struct overlay_peer *p = &n->view->leg[i].peers.p[k];
			const struct probe_peer *known = probe_of(n, i, k);
			char vtep[IP_STRLEN];

			if (!known)
				continue;
			snprintf(nodes[used].name, sizeof(nodes[used].name), "%s",
				 p->node[0] ? p->node : ip_str(&p->vtep, vtep));
			nodes[used].up = known->reachable;
			nodes[used++].rtt_us = known->rtt_us;
		}
	return used;
}

/* Each once: up at all of its addresses, and the quickest of them. */
static size_t list_nodes(const struct network *n, struct node **nodes)
{
	size_t all = count_peers(n), used, kept = 0;

	*nodes = all <= PEERS_OF_METRICS ? calloc(all + 1, sizeof(**nodes)) : NULL;
	if (!*nodes)
		return 0;
	used = list_records(n, *nodes);
	qsort(*nodes, used, sizeof(**nodes), by_name);
	for (size_t i = 0; i < used; i++) {
		const struct node *node = &(*nodes)[i];
		struct node *last = &(*nodes)[kept - 1];

		if (kept == 0 || by_name(last, node) != 0) {
			(*nodes)[kept++] = *node;
			continue;
		}
		last->up &= node->up;
		if (node->rtt_us < last->rtt_us)
			last->rtt_us = node->rtt_us;
	}
	return kept;
}

static void print_nodes(FILE *out, const struct network *networks, bool rtt)
{
	for (const struct network *n = networks; n; n = n->next) {
		autofree struct node *nodes = NULL;
		size_t count = list_nodes(n, &nodes);

		for (size_t i = 0; i < count; i++)
			if (!rtt)
				fprintf(out,
					"hawser_overlay_peer_up{network=\"%s\",node=\"%s\"} %d\n",
					n->conf.network, nodes[i].name, nodes[i].up);
			else if (nodes[i].up)
				fprintf(out,
					"hawser_overlay_peer_rtt_seconds{network=\"%s\",node=\"%"
					"s\"} "
					"%.6f\n",
					n->conf.network, nodes[i].name, nodes[i].rtt_us / 1e6);
	}
}

static void print_peers(FILE *out, const struct network *networks)
{
	fprintf(out, "# HELP hawser_overlay_peer_up 1 when the node answers through the overlay.\n"
		     "# TYPE hawser_overlay_peer_up gauge\n");
	print_nodes(out, networks, false);
	fprintf(out, "# HELP hawser_overlay_peer_rtt_seconds Round-trip time through the overlay.\n"
		     "# TYPE hawser_overlay_peer_rtt_seconds gauge\n");
	print_nodes(out, networks, true);
}

char *status_metrics(const struct network *networks, time_t since)
{
	char *text = NULL;
	size_t size = 0;
	FILE *out = open_memstream(&text, &size);

	if (!out)
		abort();
	fprintf(out, "# HELP hawser_overlayd_info The agent.\n# TYPE hawser_overlayd_info gauge\n"
		     "hawser_overlayd_info{version=\"" HAWSER_VERSION "\"} 1\n");
	fprintf(out,
		"# HELP process_start_time_seconds When the process started.\n"
		"# TYPE process_start_time_seconds gauge\nprocess_start_time_seconds %lld\n",
		(long long)since);
	fprintf(out,
		"# HELP process_resident_memory_bytes Memory in use.\n"
		"# TYPE process_resident_memory_bytes gauge\nprocess_resident_memory_bytes %zu\n",
		resident_bytes());
	for (size_t i = 0; i < ARRAY_SIZE(metrics); i++) {
		const struct metric *m = &metrics[i];

		fprintf(out, "# HELP hawser_overlay_%s %s\n# TYPE hawser_overlay_%s %s\n", m->name,
			m->help, m->name, m->type);
		for (const struct network *n = networks; n; n = n->next) {
			struct store_health h = health_of(n);

			/* a network's name needs no quoting: letters, digits, ".", "_", "-" */
			fprintf(out, "hawser_overlay_%s{network=\"%s\"} %.17g\n", m->name,
				n->conf.network, m->value(n, &h));
		}
	}
	print_peers(out, networks);
	fclose(out);
	return text;
}

char *status_line(const struct network *networks, char buf[160])
{
	size_t n_networks = 0, n_peers = 0, failed = 0;

	for (const struct network *n = networks; n; n = n->next) {
		n_networks++;
		n_peers += count_peers(n);
		failed += n->error[0] || n->conflict[0];
	}
	snprintf(buf, 160, "%zu networks, %zu peers, %zu with errors", n_networks, n_peers, failed);
	return buf;
}
