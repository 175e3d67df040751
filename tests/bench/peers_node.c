// SPDX-License-Identifier: GPL-2.0-or-later
/* A node with an underlay and thousands of peers, its agent, and how to ask it. */
#include "peers.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/time.h>
#include <sys/un.h>
#include <unistd.h>

#define LIMIT_MS      30000
#define N_RESIDENTS   8
#define AGENT_PID     "/run/agent.pid"
#define AGENT_SOCKET  "/run/hawser/overlayd.sock"
#define SETTLE_POLL   100 /* ms */
#define SETTLE_ROUNDS 5

static const struct resident *residents[N_RESIDENTS];

/* ---- the node ---- */

/* Makes a node and enters it. */
void peers_node_make(struct node *node)
{
	node_make(node);
	shell("mount -t tmpfs tmpfs /var/lib/hawser && mkdir /run/net.d && "
	      "ip link add eth0 type veth peer name wire && ip link set wire up && "
	      "ip addr add 172.16.0.1/12 dev eth0 && ip link set eth0 up && echo 1 "
	      ">/proc/sys/net/ipv4/ip_forward");
}

/* Records of this node and of n peers, one on a line. */
void peers_write(int n)
{
	FILE *f = fopen(PEERS_FILE ".new", "we");

	if (!f)
		die(PEERS_FILE ": %s", strerror(errno));
	for (int i = 0; i <= n; i++)
		fprintf(f,
			"{\"node\":\"n%d\",\"vtep\":\"172.16.%d.%d\",\"subnet\":\"10.%d.%d.0/"
			"24\"}\n",
			i, (i + 1) >> 8, (i + 1) & 255, i >> 8, i & 255);
	if (fclose(f) || rename(PEERS_FILE ".new", PEERS_FILE))
		die(PEERS_FILE ": %s", strerror(errno));
}

void peers_mac(int i, uint8_t mac[6])
{
	const uint8_t of[6] = { 0x02, 0x42, 0, 0, (uint8_t)(i >> 8), (uint8_t)i };

	memcpy(mac, of, sizeof(of));
}

/* ---- processes that stay ---- */

static void end_all(void)
{
	for (int i = 0; i < N_RESIDENTS; i++)
		if (residents[i])
			syscall(SYS_pidfd_send_signal, residents[i]->fd, SIGKILL, NULL, 0);
}

static void note(const struct resident *old, const struct resident *new)
{
	static bool registered;
	int i = 0;

	if (!registered && atexit(end_all))
		die("atexit");
	registered = true;
	while (i < N_RESIDENTS && residents[i] != old)
		i++;
	if (i == N_RESIDENTS)
		die("too many processes that stay");
	residents[i] = new;
}

/* Runs a command that leaves a process in the background, and its pid in a file. */
void resident_start(struct resident *r, const char *pid_file, const char *command)
{
	double end = now_ms() + LIMIT_MS;
	FILE *f;

	unlink(pid_file);
	/* whom its parent leaves behind becomes a child of init */
	if (prctl(PR_SET_CHILD_SUBREAPER, 0))
		die("PR_SET_CHILD_SUBREAPER: %s", strerror(errno));
	shell("%s", command);
	proc_init();
	r->pid = 0;
	while (r->pid <= 0) {
		f = fopen(pid_file, "re");
		if (f && fscanf(f, "%d", &r->pid) != 1)
			r->pid = 0;
		if (f)
			fclose(f);
		if (r->pid <= 0 && now_ms() > end)
			die("no pid of: %s", command);
		if (r->pid <= 0)
			usleep(200);
	}
	r->fd = (int)syscall(SYS_pidfd_open, r->pid, 0);
	if (r->fd < 0)
		die("pidfd_open: %s", strerror(errno));
	note(NULL, r);
}

static bool ended(const struct resident *r, int ms)
{
	struct pollfd fd = { r->fd, POLLIN, 0 };

	return poll(&fd, 1, ms) > 0;
}

void resident_stop(struct resident *r)
{
	syscall(SYS_pidfd_send_signal, r->fd, SIGTERM, NULL, 0);
	if (!ended(r, LIMIT_MS))
		die("process %d does not end", r->pid);
	note(r, NULL);
	close(r->fd);
}

/* Waits for a file that a process writes. */
void file_wait(const struct resident *r, const char *path)
{
	double end = now_ms() + LIMIT_MS;
	struct stat st;

	while (stat(path, &st) || !st.st_size) {
		if (ended(r, 0) || now_ms() > end) {
			shell("tail -n 5 /run/*.log >&2 || true");
			die("%s does not come", path);
		}
		usleep(200);
	}
}

/* ---- the agent ---- */

/* Starts it in the node entered, with a network whose "store" is given as JSON. */
void agent_start(struct resident *agent, const char *ours, const char *store)
{
	char command[4500];

	file_write("/run/net.d/peers.conflist",
		   "{\"cniVersion\":\"1.0.0\",\"name\":\"peers\",\"plugins\":[{\"type\":\"vxlan\","
		   "%s\"node\":\"n0\",\"underlay\":{\"dev\":\"eth0\"},\"store\":%s}]}\n",
		   strstr(store, "\"etcd\"") ? "" : "\"vni\":42,\"network\":\"10.0.0.0/8\",",
		   store);
	snprintf(command, sizeof(command),
		 "sh -c 'echo $$ >" AGENT_PID "; exec %s/hawser-overlayd --conf-dir /run/net.d' "
		 ">/run/agent.log 2>&1 &",
		 ours);
	resident_start(agent, AGENT_PID, command);
}

/* Ends it, and takes away all that it has made. */
void agent_forget(struct resident *agent)
{
	resident_stop(agent);
	shell("ip link del " PEERS_DEVICE " && nft delete table inet hawser-" PEERS_DEVICE
	      " && rm -r /run/hawser /var/lib/hawser/*");
}

/* VmRSS or VmHWM, when it has stopped changing. */
double memory_mb(const struct resident *r, const char *key)
{
	char path[64], line[256];
	double kb = 0, last = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", r->pid);
	for (int same = 0; same < SETTLE_ROUNDS; same = kb == last ? same + 1 : 0) {
		FILE *f = fopen(path, "re");

		last = kb;
		kb = 0;
		while (f && fgets(line, sizeof(line), f))
			if (!strncmp(line, key, strlen(key)))
				kb = strtod(line + strlen(key) + 1, NULL);
		if (f)
			fclose(f);
		if (!kb)
			die("%s has no %s", path, key);
		usleep(SETTLE_POLL * 1000);
	}
	return kb / 1024;
}

/* ---- HTTP ---- */

static int socket_open(int family, const void *address, socklen_t len)
{
	int fd = socket(family, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
	const struct timeval limit = { .tv_sec = LIMIT_MS / 1000 };

	if (fd < 0 || setsockopt(fd, SOL_SOCKET, SO_RCVTIMEO, &limit, sizeof(limit)) ||
	    connect(fd, address, len))
		die("connect: %s", strerror(errno));
	if (family == AF_INET)
		setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

int tcp_open(int port)
{
	struct sockaddr_in to = { .sin_family = AF_INET,
				  .sin_port = htons((uint16_t)port),
				  .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };

	return socket_open(AF_INET, &to, sizeof(to));
}

static void send_all(int fd, const char *p, size_t n)
{
	while (n) {
		ssize_t r = send(fd, p, n, MSG_NOSIGNAL);

		if (r <= 0)
			die("send: %s", strerror(errno));
		p += r;
		n -= (size_t)r;
	}
}

/* Whether text, which has n bytes, is a whole answer: the end is where Content-Length says, or the
 * last chunk. */
static bool is_whole(const char *text, size_t n)
{
	static const char last[] = "\r\n0\r\n\r\n";
	const char *head = strstr(text, "\r\n\r\n");
	const char *len = head ? strcasestr(text, "\r\ncontent-length:") : NULL;
	const char *chunked = head ? strcasestr(text, "\r\ntransfer-encoding: chunked") : NULL;

	if (len && len < head)
		return n >= (size_t)(head + 4 - text) + strtoul(len + 17, NULL, 10);
	return chunked && chunked < head && n >= sizeof(last) - 1 &&
	       !strcmp(text + n - (sizeof(last) - 1), last);
}

/* The answer with its head; the end of the connection is an end, too. */
static char *read_answer(int fd)
{
	size_t n = 0, size = 4096;
	char *text = NULL;

	for (;;) {
		ssize_t r;

		text = realloc(text, size + 1);
		r = text ? recv(fd, text + n, size - n, 0) : -1;
		if (r < 0)
			die("no answer: %s", strerror(errno));
		n += (size_t)r;
		text[n] = '\0';
		if (r == 0 || is_whole(text, n))
			return text;
		if (n == size)
			size *= 2;
	}
}

void http_ask(int fd, const char *method, const char *path, const char *body, struct answer *answer)
{
	char head[512], *text, *end;

	snprintf(head, sizeof(head),
		 "%s %s HTTP/1.1\r\nHost: localhost\r\nContent-Length: %zu\r\n\r\n", method, path,
		 strlen(body));
	send_all(fd, head, strlen(head));
	send_all(fd, body, strlen(body));
	text = read_answer(fd);
	end = strstr(text, "\r\n\r\n");
	if (!end || sscanf(text, "HTTP/%*s %d", &answer->status) != 1)
		die("no HTTP: %s", text);
	answer->body = strdup(end + 4);
	free(text);
}

/* A figure of network "peers". */
double agent_metric(const char *name)
{
	struct sockaddr_un to = { .sun_family = AF_UNIX, .sun_path = AGENT_SOCKET };
	int fd = socket_open(AF_UNIX, &to, sizeof(to));
	struct answer answer;
	char key[128];
	const char *at;
	double value;

	http_ask(fd, "GET", "/metrics", "", &answer);
	close(fd);
	snprintf(key, sizeof(key), "\nhawser_overlay_%s{network=\"peers\"} ", name);
	at = strstr(answer.body, key);
	if (!at)
		die("no metric %s", name);
	value = strtod(at + strlen(key), NULL);
	free(answer.body);
	return value;
}
