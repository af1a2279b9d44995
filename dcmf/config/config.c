/* config.c: configurations: read, compared, freed. */
#include "dcmf/config/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

#include "dcmf/base/alloc.h"
#include "dcmf/config/config_options.h"

#define FILE_MAX (16 << 20)

static bool set_defaults(struct config *c)
{
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		if (!config_option[i].is_item && !option_set_default(&config_option[i], c))
			return false;
	}
	return true;
}

/* What stands for `media` when it is left out: loopback only. */
static bool add_default_media(struct config *c)
{
	struct config_media *m = &c->media[0];

	if (c->media_count > 0)
		return true;
	m->name = mem_strdup("local");
	m->ports = (struct config_ports){ 20000, 29999 };
	c->media_count = 1;
	return m->name != NULL && addr_parse_ip(SPAN_LIT("127.0.0.1"), 0, &m->address);
}

static bool out_of_memory(const char *name, char error[CONFIG_ERROR_MAX])
{
	snprintf(error, CONFIG_ERROR_MAX, "%s: out of memory", name);
	return false;
}

static bool parse(
	const char *text, const char *name, struct config *c, char error[CONFIG_ERROR_MAX])
{
	unsigned lines[CONFIG_OPTIONS] = { 0 };

	if ((c->text = mem_strdup(text)) == NULL || (c->name = mem_strdup(name)) == NULL ||
		!set_defaults(c))
		return out_of_memory(name, error);
	if (!config_yaml_read(text, name, c, lines, error))
		return false;
	if (!add_default_media(c))
		return out_of_memory(name, error);
	return config_check(c, name, lines, error);
}

bool config_parse(
	const char *text, const char *name, struct config *c, char error[CONFIG_ERROR_MAX])
{
	*c = (struct config){ .workers = 0 };
	error[0] = '\0';
	if (parse(text, name, c, error))
		return true;
	config_finish(c);
	return false;
}

char *config_read_file(const char *path, char error[CONFIG_ERROR_MAX])
{
	struct stat st;
	char *text = NULL;
	ssize_t got = -1;
	int fd = open(path, O_RDONLY | O_CLOEXEC);

	if (fd < 0 || fstat(fd, &st) != 0) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: %s", path, strerror(errno));
	} else if (!S_ISREG(st.st_mode) || st.st_size > FILE_MAX) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: not a file of at most 16 MiB", path);
	} else if ((text = mem_alloc((size_t)st.st_size + 1)) == NULL) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: out of memory", path);
	} else if ((got = read(fd, text, (size_t)st.st_size)) < 0) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: %s", path, strerror(errno));
	} else {
		text[got] = '\0';
	}
	if (fd >= 0)
		close(fd);
	if (got >= 0 && strlen(text) != (size_t)got) {
		snprintf(error, CONFIG_ERROR_MAX, "%s: holds NUL bytes", path);
		got = -1;
	}
	if (got < 0) {
		mem_free(text);
		return NULL;
	}
	return text;
}

/* Relative file names are relative to the folder of the file that names them. */
static bool make_absolute(struct config *c, const char *path)
{
	const char *slash = strrchr(path, '/');

	if (slash == NULL)
		return true;
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		const struct option *o = &config_option[i];
		char **file = (char **)(void *)((char *)c + o->offset);
		char *full;

		if (o->type != OPTION_FILE || (*file)[0] == '\0' || (*file)[0] == '/' ||
			strcmp(*file, "auto") == 0)
			continue;
		full = mem_printf("%.*s/%s", (int)(slash - path), path, *file);
		if (full == NULL)
			return false;
		mem_free(*file);
		*file = full;
	}
	return true;
}

bool config_load(const char *path, struct config *c, char error[CONFIG_ERROR_MAX])
{
	char *text;
	bool ok;

	if (path == NULL)
		return config_parse("", "the embedded defaults", c, error);
	text = config_read_file(path, error);
	if (text == NULL)
		return false;
	ok = config_parse(text, path, c, error);
	mem_free(text);
	if (ok && !make_absolute(c, path)) {
		config_finish(c);
		return out_of_memory(path, error);
	}
	return ok;
}

void config_finish(struct config *c)
{
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		const struct option *o = &config_option[i];

		for (unsigned m = 0; o->is_item && m < CONFIG_MEDIA_MAX; m++)
			option_clear(o, &c->media[m]);
		if (!o->is_item)
			option_clear(o, c);
	}
	policy_finish(&c->policy);
	mem_free(c->text);
	mem_free(c->name);
	*c = (struct config){ .workers = 0 };
}

unsigned config_workers(const struct config *c)
{
	long cores;

	if (c->workers > 0)
		return (unsigned)c->workers;
	cores = sysconf(_SC_NPROCESSORS_ONLN);
	return cores < 1 ? 1 : cores > 64 ? 64 : (unsigned)cores;
}

unsigned config_ports_of(
	const struct config_media *m, unsigned index, unsigned workers, struct config_ports *part)
{
	unsigned all = m->ports.last - m->ports.first + 1u, share = all / workers;

	part->first = (uint16_t)(m->ports.first + index * share);
	part->last = (uint16_t)(part->first + share - 1);
	return share;
}

static bool media_equal(const struct config *a, const struct config *b)
{
	if (a->media_count != b->media_count)
		return false;
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		for (unsigned m = 0; config_option[i].is_item && m < a->media_count; m++) {
			if (!option_equal(&config_option[i], &a->media[m], &b->media[m]))
				return false;
		}
	}
	return true;
}

void config_compare(const struct config *a, const struct config *b,
	void (*fn)(void *arg, const char *path, bool live), void *arg)
{
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		const struct option *o = &config_option[i];

		if (!o->is_item && !option_equal(o, a, b))
			fn(arg, o->path, o->live);
	}
	if (!media_equal(a, b))
		fn(arg, "media", false);
}

void config_take_live(struct config *to, struct config *from)
{
	for (unsigned i = 0; i < CONFIG_OPTIONS; i++) {
		if (config_option[i].live)
			option_swap(&config_option[i], to, from);
	}
}
