/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * The rules of the reference plugins in iptables: masquerading, published ports, firewall.
 *
 * Chains, comments, order and positions are those of containernetworking/plugins, because nerdctl
 * and Nomad read them. All changes of a verb in one address family are one iptables-restore; what
 * it needs to know of the present rules is one iptables-save before it, left out where the kernel
 * says without a process that there is nothing to know. Processes per address family in use:
 *
 *   masq add            1; 2 when the chain is there already
 *   portmap add         2; 1 for the first on the host
 *   firewall add        2; 1 while the filter table is not in use at all
 *   any del             1; 0 when nothing is there. Its rules are those that the record says, and
 *                       are deleted without a look. 3 when that is refused because somebody changed
 *                       them; 2 when there is no record (of a Go plugin), or for the last container
 *                       of an isolated bridge
 *   any check           1
 *
 * (Where the tools are neither iptables-nft nor iptables-legacy by their names, the kernel is not
 * asked: 2 for each add, and 1 to 3 for each del.)
 *
 * An add that finds everything in place ends after the read. Reading and writing of our own
 * processes is serialised by /run/hawser/xt.lock; what others change in between makes the write
 * fail, and reading starts again, a few times.
 */
#ifndef HAWSER_XT_H
#define HAWSER_XT_H

#include "error.h"
#include "ip.h"
#include "ports.h"

#include <stdbool.h>
#include <stddef.h>

/* Whose rules. Both names are validated (args.h); the interface name is no part of it, as there. */
struct xt_owner {
	const char *network, *container_id;
};

/* Published ports of one container in one address family; everything is borrowed. */
struct xt_portmap {
	struct ip_net ip; /* container address with prefix; its family selects the tables */
	bool snat, masq_all;
	bool localnet;		    /* 127.0.0.1 is to reach them: keep others out of 127.0.0.0/8 */
	int mark_bit;		    /* 0 to 31; not used with set_mark_chain */
	const char *set_mark_chain; /* externalSetMarkChain, or NULL */
	const char *const *conditions;
	size_t n_conditions;
	const struct port_run
		*runs; /* runs of the other family's host addresses get no DNAT rule */
	size_t n_runs;
};

/* Who may connect to the containers of a bridge. */
enum xt_policy {
	XT_OPEN,	/* everybody */
	XT_SAME_BRIDGE, /* not from other bridges that have a policy */
	XT_ISOLATED,	/* nor from the same bridge */
};

/* Filter rules of one container; everything is borrowed. */
struct xt_firewall {
	const struct ip_net
		*ips; /* container addresses of both families; prefix lengths do not matter */
	size_t n_ips;
	const char *admin_chain; /* created when missing, never flushed */
	const char *bridge;	 /* needed by the three below, else may be NULL */
	enum xt_policy policy;
	bool dns_input;	  /* accept UDP and TCP 53 from the bridge in INPUT */
	bool deny_direct; /* drop what comes for the addresses from elsewhere than the bridge */
};

/**
 * xt_masq_add() - masquerade what a container sends to outside its subnets (ipMasq)
 * @owner: whose rules
 * @ips: container addresses with prefix lengths
 * @n: their number; none does nothing
 * @err: CNI_E_FAILED, with the words of iptables-restore as details; CNI_E_TRY_LATER when another
 *       program kept the xtables lock for 15 seconds
 *
 * Rules that are there already are left alone. One address family is added whole or not at all;
 * with two families a failure of IPv6 leaves IPv4's, which xt_masq_del() removes.
 *
 * Return: 0; -ENOENT without iptables on the host; another negative errno.
 */
int xt_masq_add(const struct xt_owner *owner, const struct ip_net *ips, size_t n,
		struct cni_err *err);

/**
 * xt_masq_del() - remove what xt_masq_add() or a Go plugin (any release up to 1.9) made for @owner
 * @owner: whose rules
 * @ips: the addresses that xt_masq_add() was given, or NULL if they are not known any more
 * @n: their number, or 0
 * @err: as for xt_masq_add()
 *
 * With the addresses only their families are looked at, and the rules are not read.
 *
 * Return: 0 (also when there was nothing, or the host has no iptables), or a negative errno; the
 * other family is cleaned all the same.
 */
int xt_masq_del(const struct xt_owner *owner, const struct ip_net *ips, size_t n,
		struct cni_err *err);

/**
 * xt_masq_check() - whether everything xt_masq_add() makes is there
 * @owner: whose rules
 * @ips: as for xt_masq_add()
 * @n: their number
 * @err: CNI_E_FAILED; the details are the first missing rule, as iptables-restore would be told
 *
 * Return: 0, -EINVAL when something is missing, or another negative errno.
 */
int xt_masq_check(const struct xt_owner *owner, const struct ip_net *ips, size_t n,
		  struct cni_err *err);

/**
 * xt_portmap_add() - publish ports: DNAT to the container, and marks that masquerade hairpins
 * @owner: whose rules
 * @map: ports of one address family; no runs do nothing
 * @err: CNI_E_CONF for values that cannot become a rule; else as for xt_masq_add()
 *
 * A run becomes one set of rules per port, entry rules carry up to 15 ports each. An entry rule
 * counts as present when protocol, ports and target agree, whatever its conditions are. A port that
 * another container has, of ours or of a Go plugin, is refused with -EADDRINUSE. With @localnet the
 * rules are added that keep others out of 127.0.0.0/8 (chain HAWSER-LOCALNET in table raw).
 *
 * Return: 0, or a negative errno with nothing changed.
 */
int xt_portmap_add(const struct xt_owner *owner, const struct xt_portmap *map, struct cni_err *err);

/**
 * xt_portmap_del() - remove published ports, also those of a Go plugin, old CNI-SN chains included
 * @owner: whose rules
 * @map: what xt_portmap_add() was given: one address family, and the rules are not read; NULL if it
 *       is not known any more: both families
 * @err: as for xt_masq_add()
 *
 * Return: as xt_masq_del().
 */
int xt_portmap_del(const struct xt_owner *owner, const struct xt_portmap *map, struct cni_err *err);

/**
 * xt_portmap_conflicts() - whether another container has one of these ports through iptables
 * @owner: who asks; its own ports do not count
 * @runs: the ports, of both families
 * @n: their number
 * @err: names port, network and container id
 *
 * For a backend that does without iptables; xt_portmap_add() looks by itself. Finds ports of the Go
 * plugins, too. No process while iptables has no published port.
 *
 * Return: 0; -EADDRINUSE; another negative errno.
 */
int xt_portmap_conflicts(const struct xt_owner *owner, const struct port_run *runs, size_t n,
			 struct cni_err *err);

/** xt_portmap_check() - like xt_masq_check(), for published ports. */
int xt_portmap_check(const struct xt_owner *owner, const struct xt_portmap *map,
		     struct cni_err *err);

/**
 * xt_firewall_add() - let a container's traffic pass FORWARD, and isolate its bridge
 * @owner: named in the comment of the rules that deny_direct asks for; the others have no owner
 * @fw: what to allow and deny; no addresses do nothing
 * @err: CNI_E_CONF for a chain or bridge name that cannot be in a rule; else as for xt_masq_add()
 *
 * Return: 0, or a negative errno. Tables are written one after the other (filter, raw), families
 * too: after a failure xt_firewall_del() removes what was made.
 */
int xt_firewall_add(const struct xt_owner *owner, const struct xt_firewall *fw,
		    struct cni_err *err);

/**
 * xt_firewall_del() - remove the rules of a container
 * @owner: finds the rules of deny_direct
 * @fw: what xt_firewall_add() was told; of a Go plugin's rules, the addresses
 * @last: no container is left on the bridge: remove its isolation and DNS rules, too
 * @err: as for xt_masq_add()
 *
 * The chains all containers share stay, as with the reference.
 *
 * Return: as xt_masq_del().
 */
int xt_firewall_del(const struct xt_owner *owner, const struct xt_firewall *fw, bool last,
		    struct cni_err *err);

/** xt_firewall_check() - like xt_masq_check(), for the rules of xt_firewall_add(). */
int xt_firewall_check(const struct xt_owner *owner, const struct xt_firewall *fw,
		      struct cni_err *err);

/**
 * xt_usable() - whether this host can have iptables rules, asked without a process
 * @family: AF_INET or AF_INET6
 *
 * Looks for iptables-save and iptables-restore and asks the kernel for the interface they use (only
 * the programs count when neither iptables-nft nor iptables-legacy is behind them).
 *
 * Return: 0; -ENOENT: no such program; -EOPNOTSUPP: not in this kernel; -EPERM, another negative
 * errno.
 */
int xt_usable(int family);

/**
 * xt_forward_drops() - whether iptables may be dropping forwarded packets
 * @family: AF_INET or AF_INET6
 *
 * No process when the filter table or all rules of FORWARD are absent, else one iptables-save.
 *
 * Return: 1 when FORWARD of the filter table has the policy DROP, or rules other than jumps to
 * chains of CNI plugins; 0 when not, or without iptables; a negative errno.
 */
int xt_forward_drops(int family);

/** xt_input_drops() - xt_forward_drops() for INPUT: what is addressed to the host itself. */
int xt_input_drops(int family);

#endif
