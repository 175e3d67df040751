/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* Conditions of published ports: having them read, and the form in which they come back. */
#include "conditions.h"

#include "cleanup.h"
#include "fault.h"
#include "xt_rules.h"

#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>

#define PROGRAM "hawser-conditions"

#ifndef HAWSER_LIBEXECDIR
#define HAWSER_LIBEXECDIR "/usr/local/libexec/hawser"
#endif

#define NAME_LEN_MAX 28 /* of a match: XT_EXTENSION_MAXNAMELEN - 1 */

static bool executable(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 && S_ISREG(st.st_mode) && access(path, X_OK) == 0;
}

int conditions_find(char path[PATH_MAX])
{
	char self[PATH_MAX], *slash;
	ssize_t n = readlink("/proc/self/exe", self, sizeof(self) - 1);

	/* a tree that is not installed has them side by side */
	if (n > 0) {
		self[n] = '\0';
		slash = strrchr(self, '/');
		if (slash &&
		    snprintf(path, PATH_MAX, "%.*s/" PROGRAM, (int)(slash - self), self) <
			    PATH_MAX &&
		    executable(path))
			return 0;
	}
	snprintf(path, PATH_MAX, "%s/" PROGRAM, HAWSER_LIBEXECDIR);
	return executable(path) ? 0 : -ENOENT;
}

/* ---- the form ---- */

static int hex_digit(char c)
{
	return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

int conditions_hex(const char *text, void *out, size_t size)
{
	size_t n = 0;

	for (; *text && *text != '/'; text += 2, n++) {
		int high = hex_digit(text[0]), low = high < 0 ? -1 : hex_digit(text[1]);

		if (low < 0 || n == size)
			return -EINVAL;
		((uint8_t *)out)[n] = (uint8_t)(high << 4 | low);
	}
	return (int)n;
}

static bool addresses_valid(const json_t *test, int family)
{
	int size = family == AF_INET6 ? 16 : 4;
	const json_t *any, *one;
	uint8_t bytes[16];
	size_t i;

	if (!test)
		return true;
	any = json_object_get(test, "any");
	json_array_foreach (any, i, one) {
		const char *text = json_string_value(one), *mask = text ? strchr(text, '/') : NULL;

		if (!mask || strchr(mask + 1, '/') ||
		    conditions_hex(text, bytes, sizeof(bytes)) != size ||
		    conditions_hex(mask + 1, bytes, sizeof(bytes)) != size)
			return false;
	}
	return json_is_boolean(json_object_get(test, "not")) && json_array_size(any) > 0;
}

static bool interface_valid(const json_t *test)
{
	const char *name = json_string_value(json_object_get(test, "name"));
	uint8_t bytes[15];

	return !test || (json_is_boolean(json_object_get(test, "not")) && name &&
			 !strchr(name, '/') && conditions_hex(name, bytes, sizeof(bytes)) > 0);
}

static bool match_valid(const json_t *match)
{
	uint8_t info[CONDITIONS_INFO_MAX];
	const char *name, *hex;
	int revision;

	return json_unpack((json_t *)match, "[s, i, s!]", &name, &revision, &hex) == 0 && *name &&
	       strlen(name) <= NAME_LEN_MAX && revision >= 0 && revision <= 255 &&
	       !strchr(hex, '/') && conditions_hex(hex, info, sizeof(info)) >= 0;
}

static bool rule_valid(const json_t *rule, int family)
{
	json_int_t protocol = json_integer_value(json_object_get(rule, "protocol"));
	const json_t *matches = json_object_get(rule, "matches"), *match;
	size_t i;

	json_array_foreach (matches, i, match)
		if (!match_valid(match))
			return false;
	return json_is_array(matches) && protocol > 0 && protocol < 256 &&
	       addresses_valid(json_object_get(rule, "source"), family) &&
	       addresses_valid(json_object_get(rule, "destination"), family) &&
	       interface_valid(json_object_get(rule, "in")) &&
	       interface_valid(json_object_get(rule, "out"));
}

bool conditions_valid(const json_t *rules, int family)
{
	const json_t *rule;
	size_t i;

	json_array_foreach (rules, i, rule)
		if (!rule_valid(rule, family))
			return false;
	return json_array_size(rules) > 0;
}

/* ---- having them read ---- */

/* The words with blanks between them, as a person would write them. */
static void join(const json_t *words, char *text, size_t size)
{
	const json_t *word;
	size_t i, used = 0;

	text[0] = '\0';
	json_array_foreach (words, i, word)
		if (used < size)
			used += (size_t)snprintf(text + used, size - used, "%s%s", i ? " " : "",
						 json_string_value(word));
}

/* Protocols that ports of the family have: "tcp,udp". */
static void list_protocols(int family, const struct port_run *runs, size_t n, char list[16])
{
	static const uint8_t all[] = { IPPROTO_TCP, IPPROTO_UDP, IPPROTO_SCTP };
	size_t used = 0;

	list[0] = '\0';
	for (size_t p = 0; p < ARRAY_SIZE(all); p++) {
		bool any = false;

		for (size_t i = 0; !any && i < n; i++)
			any = runs[i].proto == all[p] && runs[i].container.family == family;
		if (any)
			used += (size_t)snprintf(list + used, 16 - used, "%s%s", used ? "," : "",
						 port_proto(all[p]));
	}
}

static int explain(const char *key, const json_t *words, const struct xt_output *output,
		   struct cni_err *err)
{
	char text[200], sentence[400];
	int r;

	join(words, text, sizeof(text));
	snprintf(sentence, sizeof(sentence), "%s", output->err.s ? output->err.s : "");
	sentence[strcspn(sentence, "\n")] = '\0';
	r = cni_fail(err, CNI_E_CONF, 0, "\"%s\": \"%s\" cannot be part of a rule", key, text);
	cni_err_details(err, "%s", sentence);
	return r;
}

static int run(const char *path, int family, const char *key, const char *protocols,
	       const json_t *words, json_t **rules, struct cni_err *err)
{
	autofree const char **argv = calloc(json_array_size(words) + 4, sizeof(*argv));
	auto_xt_output struct xt_output output = { 0 };
	const json_t *word;
	size_t i;
	int r;

	if (!argv)
		return cni_fail(err, CNI_E_FAILED, ENOMEM, "\"%s\"", key);
	argv[0] = PROGRAM;
	argv[1] = family == AF_INET6 ? "6" : "4";
	argv[2] = protocols;
	json_array_foreach (words, i, word)
		argv[3 + i] = json_string_value(word);
	r = fault_step("read the conditions");
	if (r == 0)
		r = xt_tool_run(path, argv, "", &output);
	if (r < 0)
		return cni_fail(err, CNI_E_FAILED, r, "\"%s\": run %s", key, path);
	if (!WIFEXITED(output.status) || WEXITSTATUS(output.status) == 127)
		return cni_fail(err, CNI_E_FAILED, 0, "\"%s\": %s ended with wait status %#x", key,
				path, output.status);
	if (WEXITSTATUS(output.status) != 0)
		return explain(key, words, &output, err);
	*rules = json_loads(output.out.s ? output.out.s : "", 0, NULL);
	if (!conditions_valid(*rules, family)) {
		json_decref(*rules);
		*rules = NULL;
		return cni_fail(err, CNI_E_FAILED, EPROTO,
				"\"%s\": %s is not of this release: its answer is not understood",
				key, path);
	}
	return 0;
}

int conditions_read(int family, const char *key, const json_t *words, const struct port_run *runs,
		    size_t n, json_t **rules, struct cni_err *err)
{
	char path[PATH_MAX], protocols[16];
	const json_t *word;
	size_t i;

	*rules = NULL;
	list_protocols(family, runs, n, protocols);
	if (!json_array_size(words) || !protocols[0])
		return 0;
	json_array_foreach (words, i, word)
		if (!xt_word_valid(json_string_value(word)))
			return cni_fail(err, CNI_E_CONF, 0,
					"\"%s[%zu]\": \"%.100s\" has a control character", key, i,
					json_string_value(word));
	if (conditions_find(path) < 0)
		return cni_fail(err, CNI_E_FIELD, ENOENT,
				"\"%s\" needs " PROGRAM ", which is neither in " HAWSER_LIBEXECDIR
				" nor beside the plugin",
				key);
	return run(path, family, key, protocols, words, rules, err);
}
