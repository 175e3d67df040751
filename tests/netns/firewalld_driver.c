/* SPDX-License-Identifier: GPL-2.0-or-later */
/* Calls the functions of firewalld.h from the command line, for tests/netns/firewalld.sh.
 *
 * usage: firewalld_driver running                          prints 1, 0 or the error's text
 *        firewalld_driver {add|del|check} ZONE ADDRESS/LEN...
 *
 * Exit status 1 and "CODE MESSAGE | DETAILS" on an error.
 */
#include "firewalld.h"

#include "log.h"

#include <stdio.h>
#include <string.h>

int main(int argc, char **argv)
{
	struct cni_err err = { 0 };
	struct ip_net ips[64];
	size_t n = 0;
	int r;

	log_init();
	if (argc == 2 && strcmp(argv[1], "running") == 0) {
		r = firewalld_running();
		if (r < 0)
			puts(strerror(-r));
		else
			printf("%d\n", r);
		return r < 0;
	}
	if (argc < 3)
		return 2;
	for (int i = 3; i < argc && n < 64; i++) {
		if (ip_net_parse(argv[i], &ips[n++]) < 0)
			return 2;
	}
	if (strcmp(argv[1], "add") == 0)
		r = firewalld_add(argv[2], ips, n, &err);
	else if (strcmp(argv[1], "del") == 0)
		r = firewalld_del(argv[2], ips, n, &err);
	else if (strcmp(argv[1], "check") == 0)
		r = firewalld_check(argv[2], ips, n, &err);
	else
		return 2;
	if ((r < 0) != (err.code != 0) || r > 0) {
		printf("returned %d, but the error's code is %d\n", r, err.code);
		return 3;
	}
	if (r < 0)
		printf("%d %s | %s\n", err.code, err.msg, err.details);
	return r < 0;
}
