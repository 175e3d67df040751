/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * hawser-overlayd: keeps the overlay networks of this node, those whose peers are in a store.
 *
 * Theory of operation. The agent reads the network lists that the runtimes read. A network whose
 * vxlan plugin has a "store" that needs an agent (etcd, or a file that is watched) is managed: the
 * agent claims a subnet for this node and publishes it, learns the others', and makes device,
 * entries and table as the plugin would without a store. It leaves in /run/hawser/overlay what an
 * ADD needs, so that the plugin asks neither the store nor for peers.
 *
 *     store's thread --view--> network --desired--> kernel.c --differences--> kernel
 *                                 ^                                              |
 *                                 +---------- notifications, every 30 s ---------+
 *
 * Each store runs in a thread of its own, where it may wait; everything else happens in this one
 * loop. Nothing is incremental: a view is complete, and what the kernel has is compared with it by
 * value, so that lost events, restarts, and whatever others did come to the same end. Everything
 * that must outlive the process is in the kernel, in the snapshot (snapshot.h), or in the store.
 * When the agent ends, it leaves all of it as it is.
 */
#include "cleanup.h"
#include "cni.h"
#include "file.h"
#include "log.h"
#include "monitor.h"
#include "network.h"
#include "overlay.h"
#include "overlay_filter.h"
#include "server.h"
#include "state.h"
#include "status.h"
#include "tools/netlist.h"

#include <fcntl.h>
#include <getopt.h>
#include <malloc.h>
#include <signal.h>
#include <stddef.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/file.h>
#include <sys/inotify.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/un.h>

#define CONF_DIR     "/etc/cni/net.d"
#define LOCK_FILE    "/run/hawser/overlayd.lock"
#define SETTLE	     200  /* ms: a configuration is read when nothing has changed for so long */
#define LOOK_AGAIN   2000 /* ms: a folder that does not exist yet is looked for */
#define ORPHAN_GRACE 5000 /* ms: an editor may have a file away for a moment */
#define ORPHAN_RETRY 2000
#define PROBE_EVERY  60000 /* ms */

enum { FD_SIGNAL, FD_WAKE, FD_LINKS, FD_TABLES, FD_CONF, FD_PROBES, FDS };

struct agent {
	const char *conf_dir, *metrics;
	int fd[FDS];
	struct probe_how probes;
	struct server server;
	struct network *networks;
	uint64_t now;	    /* monotonic milliseconds */
	uint64_t conf_due;  /* when to read the configuration; 0: it is up to date */
	uint64_t stray_due; /* when to look whether the last container has left a stray; 0: none */
	time_t since;
	char told[160];	  /* to the service manager */
	uint64_t told_at; /* and when */
	bool stop;
};

static uint64_t monotonic(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (uint64_t)t.tv_sec * 1000 + (uint64_t)t.tv_nsec / 1000000;
}

/* ---- the service manager ---- */

/* sd_notify(3): one datagram. */
static void notify(const char *text)
{
	const char *path = getenv("NOTIFY_SOCKET");
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	autoclose int fd = -1;
	size_t len;

	if (!path || (*path != '/' && *path != '@') || strlen(path) >= sizeof(address.sun_path))
		return;
	len = strlen(path);
	memcpy(address.sun_path, path, len);
	if (*path == '@')
		address.sun_path[0] = '\0';
	fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	if (fd >= 0)
		sendto(fd, text, strlen(text), MSG_NOSIGNAL, (struct sockaddr *)&address,
		       (socklen_t)(offsetof(struct sockaddr_un, sun_path) + len));
}

/* What it has been told it is told again after a second: probes wake the agent often. */
static void tell_status(struct agent *agent, const char *first)
{
	char line[160], text[256];

	status_line(agent->networks, line);
	if (agent->told_at && agent->now < agent->told_at + 1000 && strcmp(line, agent->told) == 0)
		return;
	snprintf(agent->told, sizeof(agent->told), "%s", line);
	agent->told_at = agent->now;
	snprintf(text, sizeof(text), "%sSTATUS=%s", first, line);
	notify(text);
}

/* ---- configuration ---- */

static struct network *find(const struct agent *agent, const char *name)
{
	for (struct network *n = agent->networks; n; n = n->next)
		if (strcmp(n->conf.network, name) == 0)
			return n;
	return NULL;
}

static void unlink_network(struct agent *agent, struct network *n)
{
	struct network **at = &agent->networks;

	while (*at != n)
		at = &(*at)->next;
	*at = n->next;
	network_stop(n);
}

static void start_network(struct agent *agent, struct netconf *conf)
{
	struct network **end = &agent->networks;
	struct network *n = network_start(conf, agent->fd[FD_WAKE], agent->now);

	while (*end)
		end = &(*end)->next;
	*end = n;
	n->seen = true;
	n->probe.how = &agent->probes;
	log_warn("network \"%s\": managed, store %s", n->conf.network, n->conf.ops->type);
}

static int read_network(const char *name, void *arg)
{
	struct agent *agent = arg;
	struct network *n = find(agent, name);
	struct netconf conf = { 0 };
	struct cni_err err = { 0 };
	int r = netconf_load(agent->conf_dir, name, &conf, &err);

	if (r < 0) {
		log_warn("network \"%s\": %s", name, err.msg);
		/* a mistake in an editor does not take a network away */
		if (n) {
			n->seen = true;
			n->orphan = 0;
		}
		return 0;
	}
	/* it is the plugin's own now, which waits for containers to leave */
	if (r == 0) {
		if (n)
			unlink_network(agent, n);
		return 0;
	}
	if (n && !netconf_equal(&n->conf, &conf)) {
		log_warn("network \"%s\": its configuration has changed", name);
		unlink_network(agent, n);
		n = NULL;
	}
	if (n) {
		n->seen = true;
		n->orphan = 0;
		netconf_free(&conf);
	} else {
		start_network(agent, &conf);
	}
	return 0;
}

/* Networks of an agent that ran before, which nobody asks for any more. Those with containers go
 * with the last of them. */
static int drop_stray(const struct overlay_state *st, void *arg)
{
	struct state_key nobody = { st->network, "", "", OVERLAY_PLUGIN };
	struct agent *agent = arg;
	struct cni_err err = { 0 };

	if (!st->managed || find(agent, st->network))
		return 0;
	if (state_others(&nobody) != 0) {
		agent->stray_due = agent->now + ORPHAN_RETRY;
		return 0;
	}
	log_warn("network \"%s\": nobody asks for it any more", st->network);
	if (overlay_release_locked(st, &err) < 0)
		log_warn("network \"%s\": %s", st->network, err.msg);
	else
		network_forget_files(st->network);
	return 0;
}

static void drop_strays(struct agent *agent)
{
	struct cni_err err = { 0 };
	autoclose int lock = overlay_lock(&err);

	agent->stray_due = 0;
	if (lock >= 0)
		overlay_state_each(drop_stray, agent);
	else
		agent->stray_due = agent->now + ORPHAN_RETRY;
}

static void read_configuration(struct agent *agent)
{
	int watch, r;

	agent->conf_due = 0;
	watch = inotify_add_watch(agent->fd[FD_CONF], agent->conf_dir,
				  IN_CLOSE_WRITE | IN_MOVED_TO | IN_MOVED_FROM | IN_DELETE |
					  IN_DELETE_SELF | IN_MOVE_SELF | IN_ONLYDIR);
	if (watch < 0)
		agent->conf_due = agent->now + LOOK_AGAIN;
	for (struct network *n = agent->networks; n; n = n->next)
		n->seen = false;
	r = netlist_names(agent->conf_dir, read_network, agent);
	if (r < 0) {
		log_warn("read %s: %s", agent->conf_dir, strerror(-r));
		return;
	}
	/* whose the files are that cannot be read, nobody knows */
	if (r > 0)
		return;
	for (struct network *n = agent->networks; n; n = n->next)
		if (!n->seen && !n->orphan)
			n->orphan = agent->now;
	drop_strays(agent);
}

/* Return: when to look again, 0: there is no orphan. */
static uint64_t forget_orphans(struct agent *agent)
{
	uint64_t again = 0;

	for (struct network *n = agent->networks, *next; n; n = next) {
		struct cni_err err = { 0 };
		int r = 0;

		next = n->next;
		if (!n->orphan)
			continue;
		if (agent->now >= n->orphan + ORPHAN_GRACE)
			r = network_forget(n, &err);
		if (r < 0)
			log_warn("network \"%s\": %s", n->conf.network, err.msg);
		if (r > 0) {
			log_warn("network \"%s\": gone with its configuration", n->conf.network);
			unlink_network(agent, n);
		} else {
			again = agent->now + ORPHAN_RETRY;
		}
	}
	return again;
}

/* ---- answers ---- */

static struct server_answer obey(struct agent *agent, const char *name)
{
	struct server_answer a = { 404, "text/plain", NULL };
	struct network *n = find(agent, name);

	if (n) {
		network_obey(n, agent->now);
		a.status = 200;
	}
	return a;
}

/* server_fn */
static struct server_answer give(const char *method, const char *path, bool local, void *arg)
{
	struct agent *agent = arg;
	struct server_answer a = { 404, "text/plain", NULL };
	bool get = strcmp(method, "GET") == 0;

	if (get && strcmp(path, "/metrics") == 0)
		return (struct server_answer){ 200, "text/plain; version=0.0.4; charset=utf-8",
					       status_metrics(agent->networks, agent->since) };
	if (!local)
		return a;
	if (get && strcmp(path, "/status") == 0)
		return (struct server_answer){ 200, "application/json",
					       status_json(agent->networks, agent->since) };
	if (strcmp(method, "POST") == 0 && strncmp(path, "/obey/", 6) == 0)
		return obey(agent, path + 6);
	a.status = get ? 404 : 405;
	return a;
}

/* ---- the loop ---- */

static void on_link(const struct nlmsghdr *hdr, void *arg)
{
	struct agent *agent = arg;

	for (struct network *n = agent->networks; n; n = n->next)
		network_event(n, hdr, agent->now);
}

static void on_table(const struct nlmsghdr *hdr, void *arg)
{
	struct agent *agent = arg;
	const char *table = monitor_table_of(hdr);
	char own[OVERLAY_TABLE_MAX];

	for (struct network *n = agent->networks; n; n = n->next)
		if (n->view && strcmp(table, overlay_table_name(n->st.vni, own)) == 0)
			network_mark(n, DIRTY_FILTER, agent->now, 5);
}

static void mark_all(struct agent *agent)
{
	for (struct network *n = agent->networks; n; n = n->next)
		network_mark(n, DIRTY_ALL, agent->now, 0);
}

static void on_signal(struct agent *agent)
{
	struct signalfd_siginfo info;

	while (read(agent->fd[FD_SIGNAL], &info, sizeof(info)) == sizeof(info)) {
		if (info.ssi_signo == SIGHUP) {
			agent->conf_due = agent->now;
			mark_all(agent);
		} else {
			agent->stop = true;
		}
	}
}

static void on_conf(struct agent *agent)
{
	char buf[4096];

	while (read(agent->fd[FD_CONF], buf, sizeof(buf)) > 0)
		;
	agent->conf_due = agent->now + SETTLE;
}

static void handle(struct agent *agent, const struct pollfd *fds)
{
	eventfd_t count;

	if (fds[FD_SIGNAL].revents)
		on_signal(agent);
	if (fds[FD_WAKE].revents) {
		eventfd_read(agent->fd[FD_WAKE], &count);
		for (struct network *n = agent->networks; n; n = n->next)
			network_take(n, agent->now);
	}
	if (fds[FD_LINKS].revents && !monitor_read(agent->fd[FD_LINKS], on_link, agent))
		mark_all(agent);
	if (fds[FD_TABLES].revents && !monitor_read(agent->fd[FD_TABLES], on_table, agent))
		mark_all(agent);
	if (fds[FD_CONF].revents)
		on_conf(agent);
}

/* Return: when to do the next thing. */
static uint64_t work(struct agent *agent)
{
	uint64_t next;

	if (agent->conf_due && agent->now >= agent->conf_due)
		read_configuration(agent);
	if (agent->stray_due && agent->now >= agent->stray_due)
		drop_strays(agent);
	next = sooner(sooner(agent->conf_due, agent->stray_due), forget_orphans(agent));
	for (struct network *n = agent->networks; n; n = n->next)
		next = sooner(next, network_run(n, agent->now));
	return next;
}

static void run(struct agent *agent)
{
	struct pollfd fds[FDS + SERVER_FDS];
	uint64_t next;

	agent->now = monotonic();
	agent->conf_due = agent->now;
	next = work(agent);
	tell_status(agent, "READY=1\n");
	while (!agent->stop) {
		uint64_t wait = next > agent->now ? next - agent->now : next ? 0 : 60000;
		int n;

		for (int i = 0; i < FDS; i++)
			fds[i] = (struct pollfd){ agent->fd[i], POLLIN, 0 };
		n = server_fds(&agent->server, fds + FDS);
		/* connections that say nothing end some time */
		poll(fds, (nfds_t)(FDS + n), (int)(wait < 5000 ? wait : 5000));
		agent->now = monotonic();
		handle(agent, fds);
		server_handle(&agent->server, fds + FDS, n, agent->now);
		next = work(agent);
		tell_status(agent, getenv("WATCHDOG_USEC") ? "WATCHDOG=1\n" : "");
	}
	notify("STOPPING=1");
}

/* ---- start ---- */

static int open_signals(void)
{
	sigset_t set;

	sigemptyset(&set);
	sigaddset(&set, SIGTERM);
	sigaddset(&set, SIGINT);
	sigaddset(&set, SIGHUP);
	sigprocmask(SIG_BLOCK, &set, NULL);
	signal(SIGPIPE, SIG_IGN);
	return signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
}

/* Return: 0 or a negative errno with a text in @err. */
static int open_all(struct agent *agent, struct cni_err *err)
{
	static const char *const what[FDS] = { "wait for signals",	  "make an eventfd",
					       "listen to rtnetlink",	  "listen to nf_tables",
					       "watch the configuration", "wait for probes" };

	agent->fd[FD_SIGNAL] = open_signals();
	agent->fd[FD_WAKE] = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	agent->fd[FD_LINKS] = monitor_links();
	agent->fd[FD_TABLES] = monitor_tables();
	agent->fd[FD_CONF] = inotify_init1(IN_CLOEXEC | IN_NONBLOCK);
	agent->fd[FD_PROBES] = agent->probes.epoll = epoll_create1(EPOLL_CLOEXEC);
	for (int i = 0; i < FDS; i++)
		if (agent->fd[i] < 0)
			return cni_fail(err, CNI_E_FAILED,
					agent->fd[i] == -1 ? errno : agent->fd[i], "%s", what[i]);
	return server_open(&agent->server, SERVER_SOCKET, agent->metrics, give, agent, err);
}

static void usage(FILE *out)
{
	fprintf(out,
		"usage: hawser-overlayd [--conf-dir DIR] [--metrics ADDRESS:PORT] [--probe-every "
		"SECONDS]\n"
		"Keeps the overlay networks of this node whose peers are in a store.\n\n"
		"  --conf-dir DIR           folder of network lists (default " CONF_DIR ")\n"
		"  --metrics ADDRESS:PORT   serve GET /metrics there, too; always on\n"
		"                           " SERVER_SOCKET "\n"
		"  --probe-every SECONDS    ask the other nodes through the overlay (default 60; "
		"0: never)\n"
		"  --help, --version\n\n"
		"SIGHUP reads the configuration again and compares everything. Ending the agent\n"
		"changes nothing: the networks go on with the peers they have.\n");
}

/* Return: whether it is a number of seconds, of a day at most. */
static bool read_seconds(const char *text, uint64_t *seconds)
{
	char *rest;

	errno = 0;
	*seconds = strtoull(text, &rest, 10);
	return *text >= '0' && *text <= '9' && !*rest && errno == 0 && *seconds <= 86400;
}

/* Return: -1 to go on, or the exit status. */
static int read_options(int argc, char **argv, struct agent *agent)
{
	static const struct option options[] = { { "conf-dir", required_argument, NULL, 'c' },
						 { "metrics", required_argument, NULL, 'm' },
						 { "probe-every", required_argument, NULL, 'p' },
						 { "help", no_argument, NULL, 'h' },
						 { "version", no_argument, NULL, 'v' },
						 { 0 } };
	int c;

	while ((c = getopt_long(argc, argv, "h", options, NULL)) >= 0) {
		if (c == 'c')
			agent->conf_dir = optarg;
		else if (c == 'm')
			agent->metrics = optarg;
		else if (c == 'p' && read_seconds(optarg, &agent->probes.every))
			agent->probes.every *= 1000;
		else if (c == 'v')
			return puts("hawser-overlayd " HAWSER_VERSION) < 0;
		else
			return usage(c == 'h' ? stdout : stderr), c == 'h' ? 0 : 2;
	}
	if (optind < argc)
		return usage(stderr), 2;
	return -1;
}

/*
 * Lists of thousands of peers come and go: they are mapped, so that the kernel has them back, and
 * the threads share one heap.
 */
static void bound_memory(void)
{
	mallopt(M_ARENA_MAX, 1);
	mallopt(M_MMAP_THRESHOLD, 64 << 10);
	mallopt(M_TRIM_THRESHOLD, 256 << 10);
}

int main(int argc, char **argv)
{
	struct agent agent = { .conf_dir = CONF_DIR,
			       .probes = { .every = PROBE_EVERY },
			       .since = time(NULL) };
	struct cni_err err = { 0 };
	autoclose int lock = -1;
	int status = read_options(argc, argv, &agent);

	if (status >= 0)
		return status;
	log_init();
	bound_memory();
	file_mkdirs("/run/hawser", 0755);
	lock = open(LOCK_FILE, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (lock < 0 || flock(lock, LOCK_EX | LOCK_NB) < 0) {
		fprintf(stderr, "hawser-overlayd: %s: %s\n", LOCK_FILE,
			lock < 0 ? strerror(errno) : "another agent runs on this node");
		return 1;
	}
	if (open_all(&agent, &err) < 0) {
		fprintf(stderr, "hawser-overlayd: %s\n", err.msg);
		return 1;
	}
	run(&agent);
	while (agent.networks)
		unlink_network(&agent, agent.networks);
	server_close(&agent.server, SERVER_SOCKET);
	return 0;
}
