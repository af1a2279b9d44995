/* plan.c: which scenario, or which mix of them, was asked for. */
#include "tools/load/plan.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define MIX_MAX   65536 /* bytes of a file with shares */
#define WORDS_MAX 64    /* of one of its lines */

static bool wrong(const char *what, const char *why)
{
	fprintf(stderr, "dcmf-load: %s: %s (see --help)\n", what, why);
	return false;
}

static bool find_scenario(const char *word, enum scenario *out)
{
	for (unsigned i = 0; i < SCENARIO_MAX && word != NULL; i++) {
		*out = (enum scenario)i;
		if (strcmp(word, scenario_info[i].name) == 0)
			return true;
	}
	fputs("dcmf-load: the scenario is missing or unknown; there are:", stderr);
	for (unsigned i = 0; i < SCENARIO_MAX; i++)
		fprintf(stderr, "%s %s", i ? "," : "", scenario_info[i].name);
	fputs(" (see --help)\n", stderr);
	return false;
}

/* What arrives: not what is made of others. */
static bool find_arrival(const char *word, enum scenario *out)
{
	return find_scenario(word, out) &&
	       (scenario_info[*out].ues > 0 || wrong(word, "is no scenario of its own here"));
}

static bool add_part(struct plan *p, const struct options *o, double share)
{
	p->parts[p->count] = *o;
	p->shares[p->count] = share;
	return options_settle(&p->parts[p->count++]);
}

/* ---- mix: a file with shares ---- */

static unsigned cut_words(char *line, char **words)
{
	unsigned count = 0;
	char *rest;

	line[strcspn(line, "#\n")] = '\0';
	for (char *w = strtok_r(line, " \t\r", &rest); w != NULL && count < WORDS_MAX;
		w = strtok_r(NULL, " \t\r", &rest))
		words[count++] = w;
	return count;
}

/* "3 p2p --messages 10": a share, a scenario, its options. */
static bool read_share(struct plan *p, char *line)
{
	char *words[WORDS_MAX + 1], *end;
	unsigned count = cut_words(line, words);
	struct options o = p->all;
	int rest;
	double share;

	if (count == 0)
		return true;
	share = strtod(words[0], &end);
	if (*end != '\0' || !(share > 0 && share < 1e6))
		return wrong(words[0], "a share above 0 is needed");
	if (p->count == PARTS_MAX)
		return wrong(words[0], "too many lines");
	if (!find_arrival(count > 1 ? words[1] : NULL, &o.scenario))
		return false;
	/* the scenario stands where a program's name stands */
	return options_read(&o, (int)count - 1, words + 1, &rest, true) &&
	       (rest == (int)count - 1 || wrong(words[rest + 1], "is no option")) &&
	       add_part(p, &o, share);
}

static bool read_mix(struct plan *p, const char *path)
{
	static char text[MIX_MAX]; /* options point into it */
	FILE *f = path ? fopen(path, "r") : NULL;
	size_t used = 0;
	bool ok = true;

	if (path == NULL)
		return wrong("mix", "the file with shares is missing");
	if (f == NULL)
		return wrong(path, strerror(errno));
	while (ok && fgets(text + used, (int)(sizeof(text) - used), f) != NULL) {
		size_t len = strlen(text + used);

		ok = read_share(p, text + used);
		used += len + 1;
		if (ok && used + 2 >= sizeof(text))
			ok = wrong(path, "longer than 64 KiB");
	}
	fclose(f);
	if (ok && p->count == 0)
		return wrong(path, "no share in it");
	return ok;
}

/* ---- the others ---- */

static bool read_made(struct plan *p)
{
	struct options o = p->all;

	if (!find_arrival(o.of, &o.scenario))
		return false;
	if (p->scenario == SCENARIO_idle)
		o.idles = o.together = true;
	else if (o.duration <= 0)
		o.duration = 10;
	return add_part(p, &o, 1);
}

static bool read_parts(struct plan *p, const char *word)
{
	switch (p->scenario) {
	case SCENARIO_mix: return read_mix(p, word);
	case SCENARIO_idle:
	case SCENARIO_churn: return read_made(p);
	default: p->all.scenario = p->scenario; return add_part(p, &p->all, 1);
	}
}

static bool count_arrivals(struct plan *p)
{
	struct options *o = &p->all;
	bool in_pairs = strcmp(plan_noun(p), "pairs") == 0;

	o->together = p->parts[0].together;
	o->duration = p->parts[0].duration;
	o->arrivals = in_pairs ? o->pairs : o->ues;
	if (o->duration > 0)
		o->arrivals = (long)(o->rate * o->duration);
	return (o->arrivals >= 1 && o->arrivals <= 1000000) ||
	       wrong(in_pairs ? "--pairs" : "--ues", "1 to 1000000 are possible");
}

bool plan_parse(struct plan *p, int argc, char **argv)
{
	int words, at;

	*p = (struct plan){ 0 };
	options_init(&p->all);
	if (!options_read(&p->all, argc, argv, &at, false))
		return false;
	words = argc - at;
	if (p->all.help || p->all.version)
		return true;
	if (p->all.compare) {
		if (words != 2)
			return wrong("--compare", "two reports in JSON are needed");
		p->compare[0] = argv[at];
		p->compare[1] = argv[at + 1];
		return true;
	}
	if (!find_scenario(words > 0 ? argv[at] : NULL, &p->scenario))
		return false;
	if (words > (p->scenario == SCENARIO_mix ? 2 : 1))
		return wrong(argv[argc - 1], "one word too many");
	return read_parts(p, words > 1 ? argv[at + 1] : NULL) && count_arrivals(p);
}

/* ---- what others ask ---- */

unsigned plan_part(const struct plan *p, unsigned index)
{
	double all = 0, at;

	for (unsigned i = 0; i < p->count; i++)
		all += p->shares[i];
	/* steps of the golden ratio are spread evenly, however many there are */
	at = (double)(uint32_t)(index * 2654435769u) / 4294967296.0 * all;
	for (unsigned i = 0; i + 1 < p->count; i++) {
		if (at < p->shares[i])
			return i;
		at -= p->shares[i];
	}
	return p->count - 1;
}

unsigned plan_ues(const struct plan *p)
{
	unsigned most = 0;

	for (unsigned i = 0; i < p->count; i++)
		if (options_scenario(&p->parts[i])->ues > most)
			most = options_scenario(&p->parts[i])->ues;
	return most;
}

unsigned long plan_sockets(const struct plan *p)
{
	unsigned long processes = (unsigned long)p->all.processes,
		      arrivals = ((unsigned long)p->all.arrivals + processes - 1) / processes,
		      most = 0;

	for (unsigned i = 0; i < p->count; i++) {
		unsigned long each =
			options_scenario(&p->parts[i])->ues * (unsigned long)p->parts[i].lines;

		if (each > most)
			most = each;
	}
	return arrivals * most;
}

bool plan_is_all_at_once(const struct plan *p)
{
	return p->all.together || p->parts[0].hold_all;
}

bool plan_needs_gateway(const struct plan *p)
{
	for (unsigned i = 0; i < p->count; i++)
		if (p->parts[i].scenario != SCENARIO_echo &&
			p->parts[i].scenario != SCENARIO_direct)
			return true;
	return false;
}

const char *plan_noun(const struct plan *p)
{
	return p->count == 1 ? options_scenario(p->parts)->noun : "arrivals";
}
