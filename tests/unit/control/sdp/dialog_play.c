/* dialog_play.c: a call of two sides through the gateway, as a test plays it. */
#include "tests/unit/control/sdp/dialog_play.h"

#include "dcmf/base/alloc.h"

const struct sdp_wish nothing_said;

void hang_up(struct call *c)
{
	sdp_dialog_destroy(c->stored);
	json_decref(c->doc);
	mem_free(c->text);
	problem_finish(&c->p);
}

bool carry(struct call *c, const char *text, const struct sdp_wish *wish)
{
	struct sdp_dialog *next = sdp_dialog_next(c->stored);
	json_t *doc = NULL, *filled = NULL;
	char *out = NULL;

	problem_finish(&c->p);
	c->p = (struct problem){ PROBLEM_NONE };
	if (next != NULL)
		doc = wish != NULL ? sdp_dialog_offer(next, span_str(text), wish, &c->p)
				   : sdp_dialog_answer(next, span_str(text), NULL, &c->p);
	if (doc != NULL && (filled = gateway_fill(doc, "203.0.113.5")) != NULL)
		out = sdp_dialog_text(next, filled, &c->p);
	json_decref(filled);
	if (out == NULL || !sdp_dialog_rest(next)) {
		mem_free(out);
		json_decref(doc);
		sdp_dialog_destroy(next);
		return false;
	}
	sdp_dialog_destroy(c->stored);
	json_decref(c->doc);
	mem_free(c->text);
	c->stored = next;
	c->doc = doc;
	c->text = out;
	return true;
}

static void assert_carried(struct call *c, bool done, const char *wanted)
{
	ck_assert_msg(done, "refused: %s", c->p.detail);
	ck_assert_str_eq(c->text, wanted);
	sdp_destroy(parsed(c->text)); /* we understand ourselves */
}

void offer(struct call *c, const char *text, struct sdp_wish wish, const char *wanted)
{
	assert_carried(c, carry(c, text, &wish), wanted);
}

void answer(struct call *c, const char *text, const char *wanted)
{
	assert_carried(c, carry(c, text, NULL), wanted);
}

void refused(struct call *c, bool done, enum problem_kind kind, const char *word)
{
	ck_assert(!done);
	ck_assert_int_eq(c->p.kind, kind);
	ck_assert_msg(strstr(c->p.detail, word) != NULL, "%s", c->p.detail);
}
