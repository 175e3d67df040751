/* SPDX-License-Identifier: GPL-2.0-or-later */
/* What stands in the boxes of a picture of overlay networks. */
#include "overlay_blocks.h"

#include "cleanup.h"
#include "error.h"
#include "hawser_list.h"

#include <stdarg.h>
#include <stdbool.h>
#include <string.h>

const struct health_look health_looks[HEALTHS] = {
	[HEALTH_UNKNOWN] = { "#7a7a7a", "2 4", "dotted", "not probed" },
	[HEALTH_GOOD] = { "#1b7f3b", "none", "solid", "answers" },
	[HEALTH_WARN] = { "#b86e00", "10 4", "dashed", "something is wrong" },
	[HEALTH_BAD] = { "#c0262d", "4 4", "dashed", "does not answer" },
};

static const char *text_of(const json_t *obj, const char *key)
{
	const char *text = json_string_value(json_object_get(obj, key));

	return text ? text : "";
}

static long long number_of(const json_t *obj, const char *key)
{
	return (long long)json_integer_value(json_object_get(obj, key));
}

__attribute__((format(printf, 2, 3))) static void add_line(struct block *block, const char *fmt,
							   ...)
{
	char *line = block->line[block->n];
	va_list ap;

	if (block->n == BLOCK_LINES)
		return;
	va_start(ap, fmt);
	vsnprintf(line, BLOCK_LINE, fmt, ap);
	va_end(ap);
	text_sanitize(line);
	block->n++;
}

char *block_network(const json_t *network, char buf[BLOCK_LINE])
{
	if (json_object_get(network, "vni"))
		snprintf(buf, BLOCK_LINE, "network %s: VNI %lld, port %lld, mode %s",
			 text_of(network, "network"), number_of(network, "vni"),
			 number_of(network, "port"), text_of(network, "mode"));
	else
		snprintf(buf, BLOCK_LINE, "network %s: not known", text_of(network, "network"));
	text_sanitize(buf);
	return buf;
}

static void add_list(struct block *block, const json_t *list)
{
	const json_t *item;
	size_t i;

	json_array_foreach (list, i, item)
		add_line(block, "%s", json_string_value(item));
}

void block_self(const json_t *network, struct block *block)
{
	const json_t *device;
	size_t i;

	if (*text_of(network, "node"))
		add_line(block, "%s", text_of(network, "node"));
	add_line(block, "%s", text_of(network, "vtep"));
	add_list(block, json_object_get(network, "subnets"));
	json_array_foreach (json_object_get(network, "devices"), i, device) {
		if (json_object_get(device, "mtu"))
			add_line(block, "%s %s, MTU %lld", text_of(device, "name"),
				 text_of(device, "state"), number_of(device, "mtu"));
		else
			add_line(block, "%s %s", text_of(device, "name"), text_of(device, "state"));
	}
	block->health =
		json_array_size(json_object_get(network, "problems")) ? HEALTH_WARN : HEALTH_GOOD;
}

/* What the records of a node come to. */
struct ways {
	size_t missing, asked, answers;
	bool wrong; /* though there are answers */
	long long rtt, mtu;
};

static void add_way(struct ways *ways, const json_t *peer)
{
	const json_t *probe;
	long long rtt = number_of(peer, "rttMicroseconds"), mtu = number_of(peer, "mtu");
	size_t i;

	ways->missing +=
		json_array_size(json_object_get(json_object_get(peer, "entries"), "missing"));
	json_array_foreach (json_object_get(peer, "probes"), i, probe) {
		ways->asked++;
		ways->answers += json_is_true(json_object_get(probe, "reachable"));
	}
	ways->wrong |= json_is_true(json_object_get(peer, "mtuShort"));
	if (rtt && (!ways->rtt || rtt < ways->rtt))
		ways->rtt = rtt;
	if (mtu && (!ways->mtu || mtu < ways->mtu))
		ways->mtu = mtu;
}

static enum health health_of(const struct ways *ways)
{
	if (ways->asked && ways->answers == 0)
		return HEALTH_BAD;
	if (ways->missing || ways->wrong || ways->answers < ways->asked)
		return HEALTH_WARN;
	return ways->asked ? HEALTH_GOOD : HEALTH_UNKNOWN;
}

void block_node(const json_t *peers, struct block *block)
{
	const json_t *peer;
	struct ways ways = { 0 };
	size_t i;

	if (*text_of(json_array_get(peers, 0), "node"))
		add_line(block, "%s", text_of(json_array_get(peers, 0), "node"));
	json_array_foreach (peers, i, peer) {
		add_line(block, "%s", text_of(peer, "vtep"));
		add_way(&ways, peer);
	}
	json_array_foreach (peers, i, peer)
		add_list(block, json_object_get(peer, "subnets"));
	block->health = health_of(&ways);
	if (block->health == HEALTH_BAD || block->health == HEALTH_UNKNOWN)
		add_line(block, "%s", health_looks[block->health].meaning);
	else if (ways.mtu)
		add_line(block, "%.3f ms, MTU %lld", (double)ways.rtt / 1000, ways.mtu);
	if (ways.missing)
		add_line(block, "%zu %s missing", ways.missing,
			 ways.missing == 1 ? "entry" : "entries");
}

json_t *block_nodes(const json_t *network)
{
	json_auto_t *by_name = json_object();
	json_t *nodes = json_array(), *peer;
	size_t i;

	json_array_foreach (json_object_get(network, "peers"), i, peer) {
		json_t *node = json_object_get(by_name, text_of(peer, "node"));

		if (node) {
			json_array_append(node, peer);
			continue;
		}
		node = json_pack("[O]", peer);
		json_array_append_new(nodes, node);
		/* records without a name are nodes by themselves */
		if (*text_of(peer, "node"))
			json_object_set(by_name, text_of(peer, "node"), node);
	}
	return nodes;
}

/* The name of a namespace that somebody gave a name, or the container's id. */
static void add_container_name(struct block *block, const json_t *attachment)
{
	const char *netns = strrchr(text_of(attachment, "netns"), '/');
	const char *id = text_of(attachment, "containerID");

	/* runtimes call theirs so */
	if (netns && strncmp(netns, "/cni-", 5) != 0 && strncmp(netns, "/netns-", 7) != 0 &&
	    strcmp(netns, "/net") != 0)
		add_line(block, "%s", netns + 1);
	add_line(block, "%.20s %s", id, text_of(attachment, "ifname"));
}

void block_container(const json_t *attachment, struct block *block)
{
	char last[HAWSER_PORT_STRLEN] = "", text[HAWSER_PORT_STRLEN];
	const json_t *port;
	size_t i;

	add_container_name(block, attachment);
	add_list(block, json_object_get(attachment, "addresses"));
	/* a port once, not for each family */
	json_array_foreach (json_object_get(attachment, "ports"), i, port) {
		hawser_port_str(port, text);
		if (strcmp(text, last) != 0)
			add_line(block, "%s", text);
		memcpy(last, text, sizeof(last));
	}
	block->health = HEALTH_GOOD;
}

json_t *block_containers(const json_t *attachments, const json_t *network)
{
	json_t *some = json_array(), *attachment;
	size_t i;

	json_array_foreach (attachments, i, attachment)
		if (strcmp(text_of(attachment, "network"), text_of(network, "network")) == 0)
			json_array_append(some, attachment);
	return some;
}
