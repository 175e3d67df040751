/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * Keeps the C library's name look-ups out of static executables. libnl-3 can parse host and
 * protocol names, which nothing here uses; without these definitions each static executable would
 * carry the resolver, which glibc cannot run statically without its shared libraries.
 */
#ifdef HAWSER_STATIC
#include <netdb.h>
#include <stddef.h>

int getaddrinfo(const char *node, const char *service, const struct addrinfo *hints,
		struct addrinfo **res)
{
	(void)node;
	(void)service;
	(void)hints;
	*res = NULL;
	return EAI_FAIL;
}

void freeaddrinfo(struct addrinfo *res)
{
	(void)res;
}

const char *gai_strerror(int code)
{
	(void)code;
	return "names are not looked up in static executables";
}

struct protoent *getprotobyname(const char *name)
{
	(void)name;
	return NULL;
}

struct protoent *getprotobynumber(int proto)
{
	(void)proto;
	return NULL;
}
#endif
