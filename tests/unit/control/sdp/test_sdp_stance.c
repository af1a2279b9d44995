/* test_sdp_stance.c: what a controller wishes of the gateway's own lines in a call of two sides. */
#include <stdio.h>

#include "tests/unit/main.h"

#include "control/sdp/sdp_dialog.h"
#include "dcmf/base/alloc.h"
#include "tests/unit/control/sdp/dialog_gateway.h"
#include "tests/unit/control/sdp/sdp_samples.h"

#define HEAD(session) \
	"v=0\r\no=- " session " 1 IN IP4 192.0.2.1\r\ns=-\r\nc=IN IP4 192.0.2.1\r\nt=0 0\r\n"
#define LINE                                                                   \
	"m=application 5000 UDP/DTLS/SCTP "                                    \
	"webrtc-datachannel\r\na=setup:actpass\r\na=fingerprint:SHA-256 " FP_A \
	"\r\na=dcmap:1000\r\n"
#define ICE_LINES "a=ice-ufrag:abcd\r\na=ice-pwd:aaaaaaaaaaaaaaaaaaaaaa\r\n"

/* A message of a call, as the desk carries it; NULL: refused, see `p`. */
struct played {
	struct sdp_dialog *stored;
	json_t *doc;
	char *text;
	struct problem p;
};

static void forget(struct played *x)
{
	json_decref(x->doc);
	mem_free(x->text);
	problem_finish(&x->p);
	x->doc = NULL;
	x->text = NULL;
	x->p = (struct problem){ PROBLEM_NONE };
}

static void finish(struct played *x)
{
	forget(x);
	sdp_dialog_destroy(x->stored);
}

static bool play(
	struct played *x, const char *sdp, bool is_answer, const char *own, const char *other)
{
	json_t *a = own != NULL ? json_loads(own, 0, NULL) : NULL;
	json_t *b = other != NULL ? json_loads(other, 0, NULL) : NULL;
	struct sdp_wish wish = { .stances = { a, b } };
	struct sdp_dialog *next = sdp_dialog_next(x->stored);
	json_t *filled = NULL;

	forget(x);
	if (!is_answer)
		x->doc = sdp_dialog_offer(next, span_str(sdp), &wish, &x->p);
	else if (sdp_dialog_stand(next, &wish.stances, &x->p))
		x->doc = sdp_dialog_answer(next, span_str(sdp), NULL, &x->p);
	if (x->doc != NULL)
		filled = gateway_fill(x->doc, "203.0.113.5");
	if (filled != NULL)
		x->text = sdp_dialog_text(next, filled, &x->p);
	json_decref(filled);
	json_decref(a);
	json_decref(b);
	if (x->text == NULL) {
		sdp_dialog_destroy(next);
		return false;
	}
	ck_assert(sdp_dialog_rest(next));
	sdp_dialog_destroy(x->stored);
	x->stored = next;
	return true;
}

static const char *said(const struct played *x, const char *side, const char *key)
{
	const char *text =
		js_get_text(json_object_get(gateway_media(x->doc, side, "0"), "dcmf"), key);

	return text != NULL ? text : "nothing";
}

START_TEST(each_side_has_its_interface_its_role_and_its_hash)
{
	struct played x = { NULL };

	ck_assert(play(&x, HEAD("1") LINE, false,
		"{\"interface\":\"access\",\"setup\":\"PASSIVE\"}",
		"{\"interface\":\"core\",\"setup\":\"ACTIVE\",\"fingerprint\":\"SHA-384\"}"));
	ck_assert_str_eq(said(&x, "a", "interface"), "access");
	ck_assert_str_eq(said(&x, "a", "setup"), "PASSIVE");
	ck_assert_str_eq(said(&x, "a", "fingerprintHash"), "nothing");
	ck_assert_str_eq(said(&x, "b", "interface"), "core");
	ck_assert_str_eq(said(&x, "b", "setup"), "ACTIVE");
	ck_assert_str_eq(said(&x, "b", "fingerprintHash"), "SHA-384");
	finish(&x);
}
END_TEST

START_TEST(an_answer_speaks_of_the_side_that_offered)
{
	struct played x = { NULL };

	ck_assert(play(&x, HEAD("1") LINE, false, NULL, NULL));
	ck_assert(play(&x, HEAD("2") LINE, true, NULL, "{\"fingerprint\":\"SHA-512\"}"));
	ck_assert_str_eq(said(&x, "a", "fingerprintHash"), "SHA-512");
	ck_assert_str_eq(said(&x, "b", "fingerprintHash"), "nothing");
	finish(&x);
}
END_TEST

START_TEST(the_first_interface_counts_and_the_last_role)
{
	struct played x = { NULL };

	ck_assert(play(
		&x, HEAD("1") LINE, false, NULL, "{\"interface\":\"core\",\"setup\":\"ACTIVE\"}"));
	ck_assert(play(&x, HEAD("2") LINE, true, NULL, NULL));
	/* the other side offers now: own and other have changed places */
	ck_assert(play(&x, HEAD("2") LINE, false,
		"{\"interface\":\"access\",\"setup\":\"PASSIVE\"}", "{\"interface\":\"access\"}"));
	ck_assert_str_eq(said(&x, "b", "interface"), "core");
	ck_assert_str_eq(said(&x, "b", "setup"), "PASSIVE");
	ck_assert_str_eq(said(&x, "a", "interface"), "access");
	finish(&x);
}
END_TEST

START_TEST(ice_is_offered_as_it_came_unless_the_controller_wishes_otherwise)
{
	static const struct {
		const char *sdp, *other;
		bool has_ice;
	} rows[] = {
		{ HEAD("1") LINE, NULL, false },
		{ HEAD("1") LINE ICE_LINES, NULL, true },
		{ HEAD("1") LINE, "{\"ice\":\"force\"}", true },
		{ HEAD("1") LINE ICE_LINES, "{\"ice\":\"force\"}", true },
		{ HEAD("1") LINE, "{\"ice\":\"remove\"}", false },
		{ HEAD("1") LINE ICE_LINES, "{\"ice\":\"remove\"}", false },
	};
	struct played x = { NULL };

	ck_assert(play(&x, rows[_i].sdp, false, NULL, rows[_i].other));
	ck_assert_msg(
		(strstr(x.text, "a=ice-ufrag:gwUfragB") != NULL) == rows[_i].has_ice, "%s", x.text);
	ck_assert_msg((strstr(x.text, "ice-") != NULL) == rows[_i].has_ice, "%s", x.text);
	finish(&x);
}
END_TEST

START_TEST(a_wish_that_cannot_be_is_refused_by_name)
{
	static const struct {
		const char *own, *other, *param;
	} rows[] = {
		{ "{\"setup\":\"ACTPASS\"}", NULL, "/own/setup" },
		{ NULL, "{\"setup\":7}", "/other/setup" },
		{ NULL, "{\"fingerprint\":\"SHA-1\"}", "/other/fingerprint" },
		{ NULL, "{\"interface\":\"\"}", "/other/interface" },
		{ NULL, "{\"interface\":[]}", "/other/interface" },
		{ NULL, "{\"ice\":\"maybe\"}", "/other/ice" },
		{ "{\"ice\":\"remove\"}", NULL, "/own/ice" },
		{ "{\"colour\":\"red\"}", NULL, "/own/colour" },
	};
	struct played x = { NULL };

	ck_assert(!play(&x, HEAD("1") LINE, false, rows[_i].own, rows[_i].other));
	ck_assert_str_eq(
		js_get_text(json_array_get(x.p.invalid_params, 0), "param"), rows[_i].param);
	finish(&x);
	x = (struct played){ NULL };
	ck_assert(play(&x, HEAD("1") LINE, false, NULL, NULL));
	ck_assert(!play(&x, HEAD("2") LINE, true, rows[_i].own, rows[_i].other));
	finish(&x);
}
END_TEST

static Suite *make_suite(void)
{
	Suite *s = suite_create("sdp_stance");
	TCase *t = tcase_create("sdp_stance");

	control_init();
	tcase_add_test(t, each_side_has_its_interface_its_role_and_its_hash);
	tcase_add_test(t, an_answer_speaks_of_the_side_that_offered);
	tcase_add_test(t, the_first_interface_counts_and_the_last_role);
	tcase_add_loop_test(
		t, ice_is_offered_as_it_came_unless_the_controller_wishes_otherwise, 0, 6);
	tcase_add_loop_test(t, a_wish_that_cannot_be_is_refused_by_name, 0, 8);
	suite_add_tcase(s, t);
	return s;
}

UNIT_MAIN(make_suite)
