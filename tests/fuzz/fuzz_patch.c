/*
 * fuzz_patch.c: [document, patch]: the document itself must never
 * change, and a refusal must say why.
 */
#include <assert.h>

#include "control/json.h"
#include "control/patch.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct problem p = { .kind = PROBLEM_NONE };
	json_t *both, *doc, *before, *result;
	bool no_memory;

	control_init();
	both = js_parse(SPAN(data, size), &no_memory);
	doc = json_array_get(both, 0);
	before = json_deep_copy(doc);
	result = doc != NULL ? patch_apply(doc, json_array_get(both, 1), &p) : NULL;
	assert(doc == NULL || (result == NULL) == (p.kind != PROBLEM_NONE));
	assert(doc == NULL || json_equal(doc, before));
	json_decref(result);
	json_decref(before);
	json_decref(both);
	problem_finish(&p);
	return 0;
}
