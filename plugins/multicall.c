/* SPDX-License-Identifier: GPL-2.0-or-later */
/*
 * The release's one executable for all plugins. They share most of their code, so it is installed
 * once, under the name of each plugin (hard links), and does what its name says.
 *
 * Each plugin remains a program of its own in the sources, with its main(); the Makefile links it
 * into one object whose only symbol is that main(), under another name.
 */
#include <ctype.h>
#include <stdio.h>
#include <string.h>
#include <sys/auxv.h>

#define PLUGIN(symbol, name) int main_##symbol(int argc, char **argv);
#include "multicall.inc"
#undef PLUGIN

static const struct plugin {
	const char *name;
	int (*main)(int argc, char **argv);
} plugins[] = {
#define PLUGIN(symbol, name) { name, main_##symbol },
#include "multicall.inc"
#undef PLUGIN
};

#define N_PLUGINS (sizeof(plugins) / sizeof(plugins[0]))

static const char *base_name(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

/* Whether a file of this name is a plugin's: "bridge", or a copy such as "bridge-2" or "my.bridge".
 */
static int is_name_of(const char *file, const char *plugin)
{
	size_t len = strlen(plugin);

	for (const char *at = strstr(file, plugin); at; at = strstr(at + 1, plugin))
		if ((at == file || !isalnum((unsigned char)at[-1])) &&
		    !isalnum((unsigned char)at[len]))
			return 1;
	return 0;
}

/* The plugin that a file name means: the longest name wins ("host-local-1" is no "local"). */
static const struct plugin *find(const char *path)
{
	const char *file = base_name(path);
	const struct plugin *found = NULL;

	for (size_t i = 0; i < N_PLUGINS; i++) {
		if (strcmp(file, plugins[i].name) == 0)
			return &plugins[i];
		if (is_name_of(file, plugins[i].name) &&
		    (!found || strlen(plugins[i].name) > strlen(found->name)))
			found = &plugins[i];
	}
	return found;
}

int main(int argc, char **argv)
{
	/* the file that was executed; what the caller says it is called comes second */
	const char *file = (const char *)getauxval(AT_EXECFN);
	const struct plugin *plugin = file ? find(file) : NULL;

	if (!plugin && argc > 0)
		plugin = find(argv[0]);
	if (plugin)
		return plugin->main(argc, argv);
	fprintf(stderr,
		"%s: this file is all CNI plugins of Hawser in one: it must be called like "
		"one of them:",
		file ? file : "");
	for (size_t i = 0; i < N_PLUGINS; i++)
		fprintf(stderr, " %s", plugins[i].name);
	fputc('\n', stderr);
	return 1;
}
