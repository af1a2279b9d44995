/*
 * fuzz_sdp_dialog.c: a call of two sides: messages with NUL bytes between them, each first taken for an answer and then for an offer. What
 * goes on has as many sections as the other side is to have, and what is refused changes nothing.
 */
#include <assert.h>

#include "control/sdp/sdp_dialog.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/control/sdp/dialog_gateway.h"

/* The message as the desk carries it; the dialog as it is then. */
static struct sdp_dialog *carry(struct sdp_dialog *stored, struct span text, bool is_answer)
{
	struct sdp_wish wish = { .security_mode = text.len % 3 ? NULL : "E2E",
		.add_bootstrap = text.len % 2 };
	struct sdp_dialog *next = sdp_dialog_next(stored);
	struct problem p = { PROBLEM_NONE };
	json_t *doc = is_answer ? sdp_dialog_answer(next, text, NULL, &p)
				: sdp_dialog_offer(next, text, &wish, &p);
	json_t *filled = doc != NULL ? gateway_fill(doc, "192.0.2.1") : NULL;
	char *out = filled != NULL ? sdp_dialog_text(next, filled, &p) : NULL;

	assert((doc != NULL) == (p.kind == PROBLEM_NONE));
	assert(doc == NULL || out != NULL);
	if (out == NULL) {
		sdp_dialog_destroy(next);
		next = stored;
	} else {
		assert(sdp_dialog_rest(next));
		sdp_dialog_destroy(stored);
	}
	mem_free(out);
	json_decref(filled);
	json_decref(doc);
	problem_finish(&p);
	return next;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct span rest = SPAN(data, size);
	struct sdp_dialog *d = NULL;

	control_init();
	for (int messages = 0; rest.len > 0 && messages < 6; messages++) {
		struct span text = span_cut(&rest, '\0');

		if (d != NULL)
			d = carry(d, text, true);
		d = carry(d, text, false);
	}
	sdp_dialog_destroy(d);
	assert(mem_live() == 0);
	return 0;
}
