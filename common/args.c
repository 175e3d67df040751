/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Validation of names from the environment and the configuration, and CNI_ARGS. */
#include "args.h"

#include "cleanup.h"

#include <linux/if.h>
#include <string.h>
#include <strings.h>

static bool is_alnum(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9');
}

/* Byte by byte: a regular expression's '$' would also match before a final newline. */
static bool is_name(const char *s)
{
	if (!is_alnum(*s))
		return false;
	for (s++; *s; s++)
		if (!is_alnum(*s) && *s != '_' && *s != '.' && *s != '-')
			return false;
	return true;
}

int args_check_id(const char *id, struct cni_err *err)
{
	if (!id || !*id)
		return cni_fail(err, CNI_E_ENV, 0, "CNI_CONTAINERID: missing containerID");
	if (strlen(id) > ARGS_ID_MAX)
		return cni_fail(err, CNI_E_ENV, 0,
				"CNI_CONTAINERID: containerID is too long: \"%.40s...\" has more "
				"than %d bytes",
				id, ARGS_ID_MAX);
	if (!is_name(id))
		return cni_fail(err, CNI_E_ENV, 0,
				"CNI_CONTAINERID: invalid characters in containerID \"%s\"", id);
	return 0;
}

int args_check_network(const char *name, struct cni_err *err)
{
	if (!name || !*name)
		return cni_fail(err, CNI_E_CONF, 0, "\"name\": missing network name");
	if (strlen(name) > ARGS_NET_MAX)
		return cni_fail(err, CNI_E_CONF, 0,
				"\"name\": network name is too long: \"%.40s...\" has more than %d "
				"bytes",
				name, ARGS_NET_MAX);
	if (!is_name(name))
		return cni_fail(err, CNI_E_CONF, 0,
				"\"name\": invalid characters found in network name \"%s\"", name);
	return 0;
}

/* isspace() of the kernel, lib/ctype.c: it knows the no-break space of ISO 8859-1, too. */
static bool kernel_isspace(unsigned char c)
{
	return c == ' ' || (c >= '\t' && c <= '\r') || c == 0xa0;
}

int args_check_ifname(const char *name, int code, const char *key, struct cni_err *err)
{
	if (!name || !*name)
		return cni_fail(err, code, 0, "%s: interface name is empty", key);
	if (strlen(name) >= IFNAMSIZ)
		return cni_fail(
			err, code, 0,
			"%s: interface name is too long: \"%.40s%s\" has more than %d bytes", key,
			name, strlen(name) > 40 ? "..." : "", IFNAMSIZ - 1);
	if (strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		return cni_fail(err, code, 0, "%s: interface name is . or ..", key);
	/* dev_alloc_name() would expand "eth%d" to the first free name */
	if (strchr(name, '%'))
		return cni_fail(err, code, 0, "%s: interface name contains %%: \"%s\"", key, name);
	for (const char *p = name; *p; p++)
		if (*p == '/' || *p == ':' || kernel_isspace(*p))
			return cni_fail(err, code, 0,
					"%s: interface name contains / or : or whitespace "
					"characters: \"%s\"",
					key, name);
	return 0;
}

/* Cut the next pair that is not empty off @cursor. Return: the pair, NULL at the end. */
static char *next_pair(char **cursor)
{
	char *pair;

	do
		pair = strsep(cursor, ";");
	while (pair && !*pair);
	return pair;
}

static bool is_known(const struct args_pair *known, const char *pair, size_t key_len)
{
	for (; known->key; known++)
		if (strlen(known->key) == key_len && strncmp(known->key, pair, key_len) == 0)
			return true;
	return false;
}

/* Judge all pairs before any value is handed out. @text is consumed. */
static int check_pairs(char *text, const struct args_pair *known, struct cni_err *err)
{
	static const char ignore[] = "IgnoreUnknown";
	bool ignore_unknown = false;
	char unknown[1024] = "";
	size_t used = 0;
	char *pair;

	while ((pair = next_pair(&text))) {
		const char *eq = strchr(pair, '=');
		size_t len = eq ? eq - pair : 0;

		if (!eq)
			return cni_fail(err, CNI_E_ENV, 0, "CNI_ARGS: invalid pair \"%.400s\"",
					pair);
		if (len == strlen(ignore) && strncmp(pair, ignore, len) == 0)
			ignore_unknown =
				strcmp(eq + 1, "1") == 0 || strcasecmp(eq + 1, "true") == 0;
		else if (!is_known(known, pair, len) && used < sizeof(unknown))
			used += snprintf(unknown + used, sizeof(unknown) - used, "%s\"%s\"",
					 used ? " " : "", pair);
	}
	if (!used || ignore_unknown)
		return 0;
	return cni_fail(err, CNI_E_ENV, 0, "CNI_ARGS: unknown args [%s%s]", unknown,
			used < sizeof(unknown) ? "" : "...");
}

static void take_pairs(char *text, const struct args_pair *known)
{
	char *pair;

	while ((pair = next_pair(&text))) {
		char *eq = strchr(pair, '=');

		*eq = '\0'; /* check_pairs() has seen it */
		for (const struct args_pair *k = known; k->key; k++)
			if (strcmp(k->key, pair) == 0)
				*k->value = eq + 1;
	}
}

int args_parse(const char *raw, const struct args_pair *known, struct args_list *list,
	       struct cni_err *err)
{
	autofree char *text = NULL, *scratch = NULL;
	int r;

	list->text = NULL;
	if (!raw || !*raw)
		return 0;
	text = strdup(raw);
	scratch = strdup(raw);
	if (!text || !scratch)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "CNI_ARGS: read");
	r = check_pairs(scratch, known, err);
	if (r < 0)
		return r;
	take_pairs(text, known);
	list->text = take_ptr(text);
	return 0;
}

void args_free(struct args_list *list)
{
	free(list->text);
	list->text = NULL;
}

static int hex_digit(char c)
{
	return c >= '0' && c <= '9'   ? c - '0'
	       : c >= 'a' && c <= 'f' ? c - 'a' + 10
	       : c >= 'A' && c <= 'F' ? c - 'A' + 10
				      : -1;
}

int mac_parse(const char *s, uint8_t mac[6])
{
	uint8_t m[6], any = 0;
	char sep = '\0';

	for (int i = 0; i < 6; i++) {
		int high = hex_digit(s[0]), low = high < 0 ? -1 : hex_digit(s[1]);

		if (low < 0)
			return -EINVAL;
		m[i] = high << 4 | low;
		any |= m[i];
		s += 2;
		if (i == 0 && (*s == ':' || *s == '-'))
			sep = *s;
		if (i < 5 ? !sep || *s++ != sep : *s)
			return -EINVAL;
	}
	if (!any || (m[0] & 1))
		return -EINVAL;
	memcpy(mac, m, sizeof(m));
	return 0;
}

char *mac_str(const uint8_t mac[6], char buf[MAC_STRLEN])
{
	snprintf(buf, MAC_STRLEN, "%02x:%02x:%02x:%02x:%02x:%02x", mac[0], mac[1], mac[2], mac[3],
		 mac[4], mac[5]);
	return buf;
}
