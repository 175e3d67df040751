/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Inside of the xt modules: text for iptables-restore, rules read, plans, running the tools. */
#ifndef HAWSER_XT_RULES_H
#define HAWSER_XT_RULES_H

#include "cleanup.h"
#include "xt.h"

#include <limits.h>

#define XT_CHAIN_MAX   28	 /* longest name of a chain (XT_EXTENSION_MAXNAMELEN - 1) */
#define XT_CHAIN_DN    "CNI-DN-" /* how the chains of published ports begin */
#define XT_COMMENT_MAX 255	 /* longest comment (XT_MAX_COMMENT_LEN - 1) */

/* Growing text with the first error remembered, so that a rule needs one check at its end. */
struct xt_text {
	char *s; /* NUL-terminated, NULL while empty */
	size_t len, size;
	int error; /* 0 or a negative errno */
};

/** xt_text_free() - release, for the cleanup attribute; @text may be used again. */
void xt_text_free(struct xt_text *text);

#define auto_xt_text __attribute__((cleanup(xt_text_free)))

/** xt_put() - append text as it is; a failure is remembered in @text. */
void xt_put(struct xt_text *text, const char *s);

/**
 * xt_word() - append a blank and one word, quoted as iptables-save quotes when it needs to be
 * @text: receives the word; error becomes -EINVAL for control characters (no quote hides a newline)
 * @word: any bytes else
 */
void xt_word(struct xt_text *text, const char *word);

/** xt_words() - xt_word() for each argument up to a NULL. */
void xt_words(struct xt_text *text, ...) __attribute__((sentinel));

/** xt_word_valid() - Return: false for a word with control characters, which cannot be in a rule.
 */
bool xt_word_valid(const char *word);

/** xt_chain_valid() - Return: true for 1 to 28 of A-Za-z0-9_.- that do not begin with '-'. */
bool xt_chain_valid(const char *name);

/** xt_bridge_valid() - Return: true for an interface name that iptables takes literally (no '+').
 */
bool xt_bridge_valid(const char *name);

/**
 * xt_chain_name() - name of a container's chain: "CNI-" @prefix and hex of sha512(network id), cut
 * @owner: whose chain
 * @prefix: "", "DN-" or "SN-"
 * @out: receives the name
 */
void xt_chain_name(const struct xt_owner *owner, const char *prefix, char out[XT_CHAIN_MAX + 1]);

/**
 * xt_comment() - '@head name: "net" id: "id"', as the reference writes it
 * @owner: whose rule
 * @head: "" or "dnat "
 * @out: receives the text; a longer one than iptables takes is cut and ends in the chain's name
 */
void xt_comment(const struct xt_owner *owner, const char *head, char out[XT_COMMENT_MAX + 1]);

/* The rules of a host, from iptables-save: "*table", ":chain POLICY" and "-A chain ..." lines. */
struct xt_save {
	char *text;   /* owns what lines point into */
	char **lines; /* in order; no comments, no counters */
	size_t n;
};

/** xt_save_free() - release, for the cleanup attribute. */
void xt_save_free(struct xt_save *save);

#define auto_xt_save __attribute__((cleanup(xt_save_free)))

/**
 * xt_save_parse() - split the output of iptables-save
 * @text: NUL-terminated, changed in place; ownership passes to @out, also on failure
 * @out: release with xt_save_free()
 *
 * Return: 0; -EOPNOTSUPP: a table has rules of nft that iptables cannot show; -ENOMEM.
 */
int xt_save_parse(char *text, struct xt_save *out);

/** xt_save_equal() - Return: true when nothing changed from @a to @b. */
bool xt_save_equal(const struct xt_save *a, const struct xt_save *b);

/* What to tell iptables-restore, made by looking at the rules that are there. */
struct xt_plan {
	const struct xt_save *save;
	const char *table;  /* of the calls that follow */
	size_t first, last; /* its lines in save */
	bool open;	    /* "*table" is written */
	struct xt_text out;
	void *known; /* tree of rules that are there or planned, built by the first xt_plan_add() */
	char **made; /* lines the tree points to */
	size_t n_made, size_made;
	int error;
};

/** xt_plan_init() - begin a plan against @save, which is borrowed. */
void xt_plan_init(struct xt_plan *plan, const struct xt_save *save);

/** xt_plan_free() - release, for the cleanup attribute. */
void xt_plan_free(struct xt_plan *plan);

#define auto_xt_plan __attribute__((cleanup(xt_plan_free)))

/** xt_plan_table() - the calls that follow are about @table, a literal. */
void xt_plan_table(struct xt_plan *plan, const char *table);

/**
 * xt_plan_end() - close the last table
 *
 * Return: 0, or the first error of the plan.
 */
int xt_plan_end(struct xt_plan *plan);

/** xt_plan_has_chain() - Return: whether the table had the chain when it was read. */
bool xt_plan_has_chain(const struct xt_plan *plan, const char *chain);

/** xt_plan_chain() - create a chain unless it is there or planned. */
void xt_plan_chain(struct xt_plan *plan, const char *chain);

/* Where a new rule goes. */
enum xt_where {
	XT_LAST,
	XT_FIRST,
};

/**
 * xt_plan_add() - add a rule unless it is there or planned
 * @plan: the plan
 * @where: end or beginning of the chain
 * @chain: chain
 * @rule: words by xt_words() in the order of iptables-save, else it is never found; emptied
 */
void xt_plan_add(struct xt_plan *plan, enum xt_where where, const char *chain,
		 struct xt_text *rule);

/** xt_plan_remove() - delete a rule as often as it is there; @rule as for xt_plan_add(). */
void xt_plan_remove(struct xt_plan *plan, const char *chain, struct xt_text *rule);

/** xt_plan_remove_line() - delete the rule that a "-A ..." line of the save describes. */
void xt_plan_remove_line(struct xt_plan *plan, const char *line);

/** xt_plan_remove_unread() - delete a rule once, in a plan without rules read; @rule is emptied. */
void xt_plan_remove_unread(struct xt_plan *plan, const char *chain, struct xt_text *rule);

/** xt_plan_remove_chain() - delete a chain, if it is there, and all jumps to it. */
void xt_plan_remove_chain(struct xt_plan *plan, const char *chain);

/** xt_plan_remove_chain_unread() - delete a chain that no rule jumps to any more. */
void xt_plan_remove_chain_unread(struct xt_plan *plan, const char *chain);

/** xt_line_target() - Return: X of a line that ends in "-j X", borrowed from it, or NULL. */
const char *xt_line_target(const char *line);

/* One change of one address family. */
struct xt_job {
	int family;
	const char *table; /* the only one concerned, or NULL to read all */
	const char *what;  /* for the trace, the fault step and the error: "masquerade" */
	bool blank;	   /* nothing of ours is there (xt_absent()): plan without reading first */
	void (*plan)(struct xt_plan *plan, const void *arg);
	/* what to try without reading, or NULL; when it is refused, @plan is made after reading */
	void (*guess)(struct xt_plan *plan, const void *arg);
	/* whether the rules that were read forbid the change, or NULL; a negative errno ends it */
	int (*refuse)(const struct xt_save *save, const void *arg, struct cni_err *err);
	const void *arg;
};

/**
 * xt_apply() - read the rules, plan, write
 * @job: what to do; the plan may be made several times
 * @err: filled on failure
 *
 * Return: 0 (also when the plan is empty), or a negative errno.
 */
int xt_apply(const struct xt_job *job, struct cni_err *err);

/** xt_read() - the rules of a job's family and table. @save: zeroed. Return: 0 or a negative errno.
 */
int xt_read(const struct xt_job *job, struct xt_save *save, struct cni_err *err);

/** xt_verify() - fail unless the plan of @job is empty. Return: 0, or a negative errno. */
int xt_verify(const struct xt_job *job, struct cni_err *err);

/** xt_installed() - Return: whether the host has iptables-save and -restore of @family. */
bool xt_installed(int family);

/**
 * xt_absent() - whether the kernel says, without a process, that a chain or table is not there
 * @family: AF_INET or AF_INET6
 * @table: table
 * @chain: chain, or NULL for the table itself
 *
 * Return: true when it is certain; false when it is there or one cannot know.
 */
bool xt_absent(int family, const char *table, const char *chain);

/**
 * xt_uncommented() - whether the kernel says, without a process, that a comment is not in use
 * @family: AF_INET or AF_INET6
 * @table: table
 * @chain: built-in chain that the rules with the comment are in
 * @comment: comment
 *
 * Return: true when it is certain; false when there are such rules or one cannot know.
 */
bool xt_uncommented(int family, const char *table, const char *chain, const char *comment);

/* Which kernel interface the tools of the host use. */
enum xt_variant {
	XT_NFT,
	XT_LEGACY,
	XT_OTHER, /* not recognised */
};

/** xt_variant() - look where the path of a tool leads to. Return: the variant. */
enum xt_variant xt_variant(const char *path);

/** xt_variant_of() - xt_variant() of the host's iptables-save. Return: XT_OTHER without one. */
enum xt_variant xt_variant_of(int family);

/** xt_tool() - "iptables-save" or "ip6tables-save", and so on. @verb: "save", "restore". Return:
 * literal. */
const char *xt_tool(int family, const char *verb);

/**
 * xt_tool_find() - search a tool on PATH, /usr/sbin and /sbin
 * @name: file name
 * @out: receives the path
 *
 * Return: 0 or -ENOENT.
 */
int xt_tool_find(const char *name, char out[PATH_MAX]);

/* What a tool said. */
struct xt_output {
	struct xt_text out, err;
	int status; /* wait status */
};

/** xt_output_free() - release, for the cleanup attribute. */
void xt_output_free(struct xt_output *output);

#define auto_xt_output __attribute__((cleanup(xt_output_free)))

/* The kernel's announcements of commits, while iptables-restore runs. */
struct xt_watch {
	int fd;	     /* -1: nothing to be heard, the end of the tool decides */
	int commits; /* that are still to come */
};

/**
 * xt_watch_open() - listen, when the end of the tool may come long after its last commit
 * @watch: filled; release with xt_watch_close()
 * @path: of the tool
 * @input: its input
 */
void xt_watch_open(struct xt_watch *watch, const char *path, const char *input);

/**
 * xt_watch_read() - take the announcements that have arrived
 * @watch: with a descriptor; it may be gone afterwards
 * @pid: the tool
 *
 * Return: whether the tool has committed all that its input asks for.
 */
bool xt_watch_read(struct xt_watch *watch, pid_t pid);

/** xt_watch_close() - release, without waiting; for the cleanup attribute. */
void xt_watch_close(struct xt_watch *watch);

/**
 * xt_tool_run() - run a tool, feed its stdin, collect stdout and stderr
 * @path: executable
 * @argv: arguments, argv[0] is the name the tool goes by; NULL-terminated
 * @input: text for stdin
 * @output: zeroed; release with xt_output_free()
 *
 * The environment is PATH, LC_ALL=C and XTABLES_*. A tool that takes more than 30 s is killed; one
 * that is known to have committed all it was told to is not waited for (xt_watch_open()).
 *
 * Return: 0 when it ran, whatever its status; -ETIMEDOUT; another negative errno.
 */
int xt_tool_run(const char *path, const char *const argv[], const char *input,
		struct xt_output *output);

/* What nf_tables tells about a base chain. */
struct xt_nft_chain {
	bool drops;    /* the policy is DROP */
	uint32_t used; /* rules in it and jumps to it */
};

/**
 * xt_nft_get() - ask nf_tables for a chain or table
 * @family: AF_INET or AF_INET6
 * @table: name
 * @chain: name, or NULL
 * @info: filled for a chain; may be NULL
 *
 * Return: 0; -ENOENT: there is none; another negative errno.
 */
int xt_nft_get(int family, const char *table, const char *chain, struct xt_nft_chain *info);

/** xt_legacy_has() - Return: 1 when ip_tables uses a table, 0 when not, or a negative errno. */
int xt_legacy_has(int family, const char *table);

/** xt_legacy_usable() - whether ip_tables can have a table. Return: 0, -EOPNOTSUPP or -errno. */
int xt_legacy_usable(int family, const char *table);

/**
 * xt_legacy_find() - whether some bytes are in what ip_tables has of a table: chain name, comment
 * @family: AF_INET or AF_INET6
 * @table: table
 * @text: bytes, with the NUL when it is a whole name or comment
 * @len: their number
 *
 * Return: 1, 0, or a negative errno when one cannot know.
 */
int xt_legacy_find(int family, const char *table, const char *text, size_t len);

/**
 * xt_taken() - find a port that another container has published
 * @save: rules of table nat
 * @own_chain: the chain of the container that asks, whose rules do not count
 * @runs: ports wanted
 * @n: their number
 * @family: address family that @save is about
 * @err: names port, network and container id
 *
 * A rule without a host address takes the port at every address: it stands before the new one.
 *
 * Return: 0 or -EADDRINUSE.
 */
int xt_taken(const struct xt_save *save, const char *own_chain, const struct port_run *runs,
	     size_t n, int family, struct cni_err *err);

/* The rules that keep others out of 127.0.0.0/8 (CVE-2020-8558). */
enum xt_guard {
	XT_GUARD_ABSENT,  /* nothing is there */
	XT_GUARD_WHOLE,	  /* everything is there */
	XT_GUARD_UNKNOWN, /* all tables must be read to know */
};

/** xt_guard_state() - ask the kernel, without a process. Return: what is there. */
enum xt_guard xt_guard_state(void);

/** xt_guard_plan() - add what is missing of the rules. */
void xt_guard_plan(struct xt_plan *plan);

#endif
