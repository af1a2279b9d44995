/* server_play.c: documents that name a server behind a media, for tests. */
#include "tests/unit/control/document/server_play.h"

#include <stdio.h>
#include <string.h>

json_t *load(const char *text)
{
	char json[4096];
	size_t i = 0;

	for (; text[i] != '\0' && i < sizeof(json) - 1; i++)
		json[i] = (char)(text[i] == '\'' ? '"' : text[i]);
	json[i] = '\0';
	return sample_load(json);
}

struct policy policy;
struct document_rules rules;

void set_up(void)
{
	const char *why;

	ck_assert(policy_add_network(&policy, SPAN_LIT("10.0.0.0/8"), &why));
	rules = sample_rules;
	rules.policy = &policy;
	rules.mdc2_plain.operator_networks = true;
	rules.mdc1_plain.operator_networks = true;
}

void tear_down(void)
{
	policy_finish(&policy);
}

json_t *document(const char *dc, const char *dcmf)
{
	char text[3500];

	snprintf(text, sizeof(text),
		"{'terminations':[{'terminationId':'ue','medias':[{'mediaId':'m',"
		"'mediaResourceType':'DC','dcMedia':{%s},'dcmf':{%s}}]}]}",
		dc, dcmf);
	return load(text);
}

json_t *media_of(const json_t *doc)
{
	return json_array_get(
		json_object_get(json_array_get(json_object_get(doc, "terminations"), 0), "medias"),
		0);
}

bool wish_of(json_t *doc, struct context_spec *spec, struct problem *p)
{
	bool rel18;

	return document_check(doc, &rules, &rel18, p) &&
	       document_decode(doc, &rules, NULL, spec, p);
}

void expect_wish(const char *dc, const char *dcmf, const char *part)
{
	struct problem p = { .kind = PROBLEM_NONE };
	char wish[FAKE_WISH_MAX];
	struct context_spec spec;
	json_t *doc = document(dc, dcmf);

	ck_assert_msg(wish_of(doc, &spec, &p), "%s %s: %s", dc, dcmf, p.detail);
	fake_wish(&spec, wish);
	ck_assert_msg(strstr(wish, part) != NULL, "%s\n%s", wish, part);
	context_spec_finish(&spec);
	json_decref(doc);
}

void expect_refused(const char *dc, const char *dcmf, enum problem_kind kind, const char *words)
{
	struct problem p = { .kind = PROBLEM_NONE };
	struct context_spec spec;
	json_t *doc = document(dc, dcmf);

	ck_assert_msg(!wish_of(doc, &spec, &p), "%s %s", dc, dcmf);
	ck_assert_msg(p.kind == kind, "%d: %s", p.kind, p.detail);
	ck_assert_msg(strstr(p.detail, words) != NULL, "\"%s\" lacks \"%s\"", p.detail, words);
	problem_finish(&p);
	json_decref(doc);
}
