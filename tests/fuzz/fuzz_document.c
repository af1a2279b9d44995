/*
 * fuzz_document.c: any JSON as a MediaContext document; one that was accepted must be
 * accepted again, and not change any more.
 */
#include <assert.h>

#include "control/document/document.h"
#include "control/json.h"

static const struct document_rules rules = {
	.max_streams = 2048, .max_message = 262144, .mdc1_plain.loopback = true
};

static void ignore_host(void *arg, const char *host, uint16_t port)
{
	(void)arg;
	(void)host;
	(void)port;
}

static void use(json_t *doc)
{
	struct problem p = { .kind = PROBLEM_NONE };
	json_t *before = json_deep_copy(doc), *early = document_to_rel18(doc);
	struct context_spec spec;
	bool rel18, is_accepted;

	is_accepted = document_check(doc, &rules, &rel18, &p);
	assert(is_accepted && json_equal(doc, before));
	if (document_decode(doc, &rules, NULL, &spec, &p))
		context_spec_finish(&spec);
	problem_finish(&p);
	is_accepted = document_check(early, &rules, &rel18, &p);
	assert(is_accepted);
	document_forget_echo(doc, before, early);
	json_decref(early);
	json_decref(before);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem p = { .kind = PROBLEM_NONE };
	bool no_memory, rel18;
	json_t *doc, *details;

	control_init();
	if ((doc = js_parse(SPAN(data, size), &no_memory)) == NULL)
		return 0;
	document_hosts(doc, ignore_host, NULL);
	if (document_check(doc, &rules, &rel18, &p)) {
		use(doc);
	} else {
		details = problem_json(&p);
		assert(details != NULL);
		json_decref(details);
	}
	json_decref(doc);
	problem_finish(&p);
	return 0;
}
