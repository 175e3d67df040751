/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * Runs stores of hawser-overlayd without the daemon, and shows what they hand over.
 *
 * usage: store_driver CONFIGURATION SELF...
 *
 * CONFIGURATION is the "store" object; each SELF is a node with a store of its own:
 *	{"node":"n1","vtep":["192.0.2.1"],"subnet":["10.5.1.0/24"],"pinned":true}
 * Prints an object a line: a view, or {"node","connected","error","endpoint","relists"}. With
 * BRIEF set, a view has the number of its peers only. A line on stdin is a SELF that replaces the
 * one with its node; at the end of stdin, or a line "stop", the stores are stopped.
 */
#include "cleanup.h"
#include "tools/overlayd/store.h"

#include <poll.h>
#include <string.h>
#include <sys/eventfd.h>

#define NODES_MAX 256

struct node {
	struct store *store;
	char name[OVERLAY_NODE_MAX];
	struct store_health shown;
};

struct driver {
	struct node node[NODES_MAX];
	size_t n;
	int wake;
	json_t *conf;
};

static int self_of(const json_t *obj, struct store_self *self)
{
	const json_t *item;
	size_t i;

	memset(self, 0, sizeof(*self));
	snprintf(self->node, sizeof(self->node), "%s",
		 json_string_value(json_object_get(obj, "node")));
	self->pinned = json_is_true(json_object_get(obj, "pinned"));
	json_array_foreach (json_object_get(obj, "vtep"), i, item) {
		struct ip_addr ip;

		if (ip_parse(json_string_value(item), &ip) < 0)
			return -EINVAL;
		self->vtep[overlay_slot(&ip)] = ip;
	}
	json_array_foreach (json_object_get(obj, "subnet"), i, item) {
		struct ip_net net;

		if (ip_net_parse(json_string_value(item), &net) < 0)
			return -EINVAL;
		self->subnet[overlay_slot(&net.ip)] = net;
	}
	return 0;
}

/* ---- showing ---- */

static json_t *mac_text(const uint8_t mac[6])
{
	return json_sprintf("%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3], mac[4],
			    mac[5]);
}

static json_t *nets_text(const struct ip_net net[2])
{
	json_t *array = json_array();
	char text[IP_STRLEN];

	for (int i = 0; i < 2; i++)
		if (net[i].ip.family)
			json_array_append_new(array, json_string(ip_net_str(&net[i], text)));
	return array;
}

static json_t *peers_of(const struct overlay_peers *peers)
{
	json_t *array;
	char text[IP_STRLEN];

	if (getenv("BRIEF"))
		return json_integer((json_int_t)peers->n);
	array = json_array();
	for (size_t i = 0; i < peers->n; i++)
		json_array_append_new(array,
				      json_pack("{s:s, s:s, s:o, s:o}", "node", peers->p[i].node,
						"vtep", ip_str(&peers->p[i].vtep, text), "subnet",
						nets_text(peers->p[i].subnet), "mac",
						mac_text(peers->p[i].mac)));
	return array;
}

static json_t *legs_of(const struct store_view *view)
{
	json_t *array = json_array();
	char text[IP_STRLEN];

	for (int i = 0; i < 2; i++)
		if (view->leg[i].local.family)
			json_array_append_new(array,
					      json_pack("{s:s, s:o, s:o}", "local",
							ip_str(&view->leg[i].local, text), "mac",
							mac_text(view->leg[i].mac), "peers",
							peers_of(&view->leg[i].peers)));
	return array;
}

static void show(json_t *line)
{
	json_auto_t *owned = line;

	if (!line)
		abort();
	json_dumpf(owned, stdout, JSON_COMPACT);
	putchar('\n');
	fflush(stdout);
}

static void show_node(struct node *node)
{
	struct store_view *view = store_take(node->store);
	struct store_health health = store_get_health(node->store);

	if (view)
		show(json_pack("{s:s, s:I, s:o, s:o, s:{s:i, s:i, s:i, s:b, s:o}, s:I, s:s}",
			       "node", node->name, "serial", (json_int_t)view->serial, "subnet",
			       nets_text(view->subnet), "leg", legs_of(view), "network", "vni",
			       (int)view->network.vni, "port", (int)view->network.port, "mtu",
			       view->network.mtu, "direct", view->network.direct, "net",
			       nets_text(view->network.net), "refused", (json_int_t)view->refused,
			       "conflict", view->conflict));
	store_view_free(view);
	if (health.connected != node->shown.connected ||
	    strcmp(health.last_error, node->shown.last_error) != 0)
		show(json_pack("{s:s, s:b, s:s, s:s, s:I, s:b}", "node", node->name, "connected",
			       health.connected, "error", health.last_error, "endpoint",
			       health.endpoint, "relists", (json_int_t)health.relists, "leased",
			       health.lease_until > time(NULL)));
	node->shown = health;
}

/* ---- nodes ---- */

static int add(struct driver *d, const char *text)
{
	json_auto_t *obj = json_loads(text, 0, NULL);
	struct node *node = &d->node[d->n];
	struct cni_err err = { 0 };
	struct store_self self;

	if (d->n == NODES_MAX || self_of(obj, &self) < 0)
		return -EINVAL;
	memcpy(node->name, self.node, sizeof(node->name));
	node->store = store_etcd_ops.start(d->conf, "test", NULL, &self, d->wake, &err);
	if (!node->store) {
		printf("error %d %s\n", err.code, err.msg);
		return -EINVAL;
	}
	d->n++;
	return 0;
}

static void change(struct driver *d, const char *text)
{
	json_auto_t *obj = json_loads(text, 0, NULL);
	struct store_self self;

	if (self_of(obj, &self) < 0)
		return;
	for (size_t i = 0; i < d->n; i++)
		if (strcmp(d->node[i].name, self.node) == 0)
			store_set_self(d->node[i].store, &self);
}

/* Lines of stdin, as far as they are here. Return: false at the end. */
static bool read_stdin(struct driver *d)
{
	static char text[65536];
	static size_t len;
	ssize_t n = read(0, text + len, sizeof(text) - 1 - len);
	char *end;

	if (n <= 0)
		return false;
	len += (size_t)n;
	text[len] = '\0';
	while ((end = strchr(text, '\n'))) {
		*end++ = '\0';
		if (strcmp(text, "stop") == 0)
			return false;
		change(d, text);
		len -= (size_t)(end - text);
		memmove(text, end, len + 1);
	}
	return true;
}

static void run(struct driver *d)
{
	struct pollfd fds[2] = { { .fd = 0, .events = POLLIN },
				 { .fd = d->wake, .events = POLLIN } };
	eventfd_t count;

	for (;;) {
		if (poll(fds, 2, -1) < 0)
			abort();
		if (fds[1].revents) {
			eventfd_read(d->wake, &count);
			for (size_t i = 0; i < d->n; i++)
				show_node(&d->node[i]);
		}
		if (fds[0].revents && !read_stdin(d))
			return;
	}
}

int main(int argc, char **argv)
{
	static struct driver d;
	int r = argc > 2 ? 0 : -EINVAL;

	json_object_seed(0);
	d.wake = eventfd(0, EFD_CLOEXEC);
	d.conf = argc > 1 ? json_loads(argv[1], 0, NULL) : NULL;
	for (int i = 2; r == 0 && i < argc; i++)
		r = add(&d, argv[i]);
	if (r == 0)
		run(&d);
	for (size_t i = 0; i < d.n; i++)
		store_stop(d.node[i].store);
	json_decref(d.conf);
	close(d.wake);
	return r < 0;
}
