/* SPDX-License-Identifier: GPL-2.0-or-later */
/* resolv.conf(5) as the dns part of a result. */
#include "resolvconf.h"

#include "cleanup.h"
#include "file.h"

#include <fcntl.h>
#include <string.h>

#define RESOLVCONF_MAX (1u << 20)
#define BLANK	       " \t\r\v\f"

static void append(json_t **array, char *text)
{
	if (!*array)
		*array = json_array();
	text_sanitize(text);
	json_array_append_new(*array, json_string(text));
}

static void read_line(char *line, struct cni_dns *dns)
{
	char *save = NULL, *key = strtok_r(line, BLANK, &save);
	char *value = key ? strtok_r(NULL, BLANK, &save) : NULL;
	json_t **array = NULL;

	if (!value || *key == '#' || *key == ';')
		return;
	if (strcmp(key, "nameserver") == 0) {
		append(&dns->nameservers, value);
	} else if (strcmp(key, "domain") == 0) {
		text_sanitize(value);
		free(dns->domain);
		dns->domain = strdup(value);
	} else if (strcmp(key, "search") == 0) {
		array = &dns->search;
	} else if (strcmp(key, "options") == 0) {
		array = &dns->options;
	}
	for (; array && value; value = strtok_r(NULL, BLANK, &save))
		append(array, value);
}

int resolvconf_read(const char *path, struct cni_dns *out)
{
	struct cni_dns dns = { 0 };
	autofree char *text = NULL;
	char *save = NULL;
	size_t len;
	int r = file_read(AT_FDCWD, path, RESOLVCONF_MAX, &text, &len);

	if (r < 0)
		return r;
	for (char *line = strtok_r(text, "\n", &save); line; line = strtok_r(NULL, "\n", &save))
		read_line(line, &dns);
	dns_free(out);
	*out = dns;
	return 0;
}
